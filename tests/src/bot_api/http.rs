//! The way of a call: its path and its body, the fault that strikes it, the limits, the method, and the answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::control;
use super::faults::Fault;
use super::limits::{TooMuch, Violation};
use super::methods::{self, Method, Pace, Run, Target};
use super::network::Wire;
use super::params::{Params, Upload};
use super::refusal::Refusal;
use super::state::{Answered, Call, SentFile, Shared, State};

/// What a request may weigh.
const BODY: usize = 64 * 1024 * 1024;

/// How long the server holds a poll at most.
const LONGEST_POLL: i64 = 50;

/// How many updates come at a time at most.
const BATCH: i64 = 100;

/// Answers a request, and says what time the server believes that it is.
pub(super) async fn serve(
    shared: Arc<Shared>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let mut response = answer(&shared, &wire, request).await;
    let ahead = shared.lock().clock;
    let now = SystemTime::now();
    let now = if ahead < 0 {
        now - Duration::from_secs(ahead.unsigned_abs())
    } else {
        now + Duration::from_secs(ahead.unsigned_abs())
    };
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn answer(shared: &Shared, wire: &Wire, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = body::to_bytes(body, BODY).await else { return refuse(&Refusal::too_large()) };
    let path = head.uri.path();
    if let Some(what) = path.strip_prefix("/control/") {
        return control::answer(shared, what, head.uri.query().unwrap_or_default(), &body);
    }
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return download(shared, rest);
    }
    let Some((token, name)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return refuse(&Refusal::not_found());
    };
    if let Err(refusal) = check_token(&shared.lock(), token) {
        return refuse(&refusal);
    }
    let Some(method) = methods::find(name) else { return refuse(&Refusal::not_found()) };
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match Params::read(head.uri.query().unwrap_or_default(), content_type.unwrap_or_default(), &body) {
        Ok(params) => call(shared, wire, method, &params).await,
        Err(refusal) => refuse(&refusal),
    }
}

fn check_token(state: &State, token: &str) -> Result<(), Refusal> {
    if token == state.token {
        return Ok(());
    }
    // What can not be a token is no address either.
    let is_shaped = token.split_once(':').is_some_and(|(id, secret)| {
        id.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty() && secret.len() >= 24
    });
    Err(if is_shaped { Refusal::unauthorized() } else { Refusal::not_found() })
}

fn download(shared: &Shared, rest: &str) -> Response {
    let state = shared.lock();
    let Some((token, path)) = rest.split_once('/') else { return refuse(&Refusal::not_found()) };
    if let Err(refusal) = check_token(&state, token) {
        return refuse(&refusal);
    }
    match state.world.files.download(path) {
        Some(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        None => refuse(&Refusal::not_found()),
    }
}

async fn call(shared: &Shared, wire: &Wire, method: &Method, params: &Params) -> Response {
    let (number, fault) = shared.change(|state| {
        let file = |(field, upload): (&str, &Upload)| SentFile {
            field: field.to_owned(),
            name: upload.name.clone(),
            size: upload.bytes.len(),
        };
        state.history.push(Call {
            at: state.began.elapsed(),
            method: method.name.to_owned(),
            body: params.body(),
            files: params.files().map(file).collect(),
            answer: None,
        });
        (state.history.len() - 1, state.faults.strike(method.name))
    });
    let (answered, response) = outcome(shared, method, params, fault).await;
    shared.change(|state| state.history[number].answer = Some(answered));
    match response {
        Some(response) => response,
        None => reset(wire).await,
    }
}

/// What becomes of a call, and its answer; there is none on a connection that is reset.
async fn outcome(
    shared: &Shared,
    method: &Method,
    params: &Params,
    fault: Option<Fault>,
) -> (Answered, Option<Response>) {
    let failed = |response| (Answered::Failed, Some(response));
    match fault {
        Some(Fault::TooMany { retry_after }) => {
            let wait = Duration::from_secs(retry_after);
            shared.change(|state| hold_back(state, method, params, wait));
            return failed(refuse(&Refusal::too_many(wait)));
        }
        Some(Fault::Server(status)) => return failed(server_error(status)),
        Some(Fault::Malformed) => {
            let torn = r#"{"ok":true,"result":{"mess"#;
            return failed(([(header::CONTENT_TYPE, "application/json")], torn).into_response());
        }
        Some(Fault::Reset) => return (Answered::Failed, None),
        Some(Fault::Hang(time)) => tokio::time::sleep(time).await,
        Some(Fault::AcceptedThenReset) | None => {}
    }
    let is_lost = fault == Some(Fault::AcceptedThenReset);
    let (answered, response) = match run(shared, method, params).await {
        Ok(_) if is_lost => return (Answered::Lost, None),
        Ok(result) => (Answered::Ok, Json(json!({"ok": true, "result": result})).into_response()),
        Err(refusal) => {
            let response = refuse(&refusal);
            (Answered::Refused { status: refusal.status, description: refusal.description }, response)
        }
    };
    (answered, (!is_lost).then_some(response))
}

/// After a bot was told to wait it has to, whatever the limits are.
fn hold_back(state: &mut State, method: &Method, params: &Params, wait: Duration) {
    if method.pace != Pace::Free
        && let Ok(chat) = Target::chat_id(params)
    {
        state.meter.close(chat, Instant::now(), wait);
    }
}

async fn run(shared: &Shared, method: &Method, params: &Params) -> Result<Value, Refusal> {
    if shared.lock().unknown.contains(method.name) {
        return Err(Refusal::no_method());
    }
    match method.run {
        Run::Poll => poll(shared, params).await,
        Run::Always(run) => Ok(shared.change(|state| run(state, params))),
        Run::Now(run) => shared.change(|state| {
            keep_pace(state, method, params)?;
            run(state, params)
        }),
    }
}

fn keep_pace(state: &mut State, method: &Method, params: &Params) -> Result<(), Refusal> {
    let count = match method.pace {
        Pace::Free => return Ok(()),
        Pace::Message => 1,
        Pace::Album => params
            .structure("media", "InputMedia")?
            .and_then(|media| Some(media.as_array()?.len()))
            .unwrap_or(1),
    };
    let chat = Target::chat_id(params)?;
    state.meter.admit(chat, count, Instant::now()).map_err(|(reason, wait)| {
        let at = state.began.elapsed();
        if reason != TooMuch::OnTheWay {
            state.violations.push(Violation { at, chat, method: method.name.to_owned(), reason, wait });
        }
        Refusal::too_many(wait)
    })
}

/// Waits for updates. Only the last poll gets any.
async fn poll(shared: &Shared, params: &Params) -> Result<Value, Refusal> {
    let wanted = params.parsed("allowed_updates", "allowed updates")?;
    let limit = params.number("limit").filter(|limit| (1..=BATCH).contains(limit)).unwrap_or(BATCH);
    let limit = usize::try_from(limit).unwrap_or_default();
    let seconds = params.number("timeout").unwrap_or(0).clamp(0, LONGEST_POLL);
    let deadline = Instant::now() + Duration::from_secs(seconds.unsigned_abs());
    let mut changes = shared.changes();
    let mine = shared.change(|state| {
        if state.webhook.is_some() {
            return Err(Refusal::conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        state.updates.want(wanted);
        state.updates.confirm(params.number("offset").unwrap_or(0));
        state.polls += 1;
        Ok(state.polls)
    })?;
    loop {
        if let Some(batch) = next_batch(&mut shared.lock(), mine, deadline, limit)? {
            return Ok(Value::Array(batch));
        }
        // Either way it looks again.
        let _ = tokio::time::timeout_at(deadline, changes.changed()).await;
    }
}

/// What a poll brings, if it is time.
fn next_batch(
    state: &mut State,
    poll: u64,
    deadline: Instant,
    limit: usize,
) -> Result<Option<Vec<Value>>, Refusal> {
    if state.polls != poll {
        return Err(Refusal::conflict(
            "terminated by other getUpdates request; make sure that only one bot instance is running",
        ));
    }
    let is_time = !state.updates.is_empty() || Instant::now() >= deadline;
    Ok(is_time.then(|| state.updates.batch(limit)))
}

fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(refusal.json())).into_response()
}

/// From 502 on it is not the server that speaks, but what stands before it.
fn server_error(status: u16) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = code.canonical_reason().unwrap_or("Error");
    if status < 502 {
        let answer = json!({"ok": false, "error_code": status, "description": reason});
        return (code, Json(answer)).into_response();
    }
    let title = format!("{status} {reason}");
    let page =
        format!("<html>\r\n<head><title>{title}</title></head>\r\n<body>{title}</body>\r\n</html>\r\n");
    (code, Html(page)).into_response()
}

async fn reset(wire: &Wire) -> Response {
    wire.cut();
    // The connection ends, and all that was done for it; nothing comes out of here.
    std::future::pending::<()>().await;
    Response::new(Body::from(Bytes::new()))
}
