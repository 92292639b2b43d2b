//! The HTTP below the calls: one client, one TLS stack, and errors that never show the address.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, DATE};
use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use takopi_api::config::SecretValue;
use takopi_api::error::Error;

use super::failure::Refusal;
use super::multipart::{self, Part};
use super::{Arrival, BotToken, CallError, Failure, GET_UPDATES, Method};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a connection is kept that nobody uses: one that a router has forgotten by then is worse than none.
const IDLE: Duration = Duration::from_secs(20);

/// How long sent bytes may stay without an answer of the other end's kernel before the connection is given up.
#[cfg(target_os = "linux")]
const UNANSWERED: Duration = Duration::from_secs(20);

/// The most that is read of an answer. A hundred updates of the longest texts are a tenth of it.
const MAX_ANSWER: u64 = 16 << 20;

const JSON: &str = "application/json";

/// The name under which a download fails.
const DOWNLOAD: &str = "download";

/// The name under which a call of another server fails.
const ELSEWHERE: &str = "call";

/// The Bot API of one bot.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Polls have a connection of their own: one that died without a word is given up with its poll, and the next poll
    /// finds no other that died with it.
    polls: reqwest::Client,
    addresses: Arc<Addresses>,
}

/// Addresses with the token in them; nothing shows them.
struct Addresses {
    methods: Url,
    files: Url,
}

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: u16,
    /// What time the server says it is.
    pub(super) date: Option<SystemTime>,
    pub(super) text: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.addresses.methods.host_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for a bot at a server.
    ///
    /// # Errors
    /// [`Error`] if that is no address of a server.
    pub(crate) fn new(token: &BotToken, api_base_url: &str) -> Result<Self, Error> {
        let base = api_base_url.trim_end_matches('/');
        let address = |path: String| {
            Url::parse(&format!("{base}/{path}/")).map_err(|error| {
                Error::new(format!("`api_base_url` is no address: {base}: {error}"))
                    .hint("write it as `https://api.telegram.org`")
            })
        };
        let addresses = Addresses {
            methods: address(format!("bot{}", token.expose()))?,
            files: address(format!("file/bot{}", token.expose()))?,
        };
        if !matches!(addresses.methods.scheme(), "http" | "https") {
            return Err(Error::new(format!("`api_base_url` is no address of a web server: {base}"))
                .hint("write it as `https://api.telegram.org`"));
        }
        let tls = tls()?;
        let (http, polls) = (http(tls.clone())?, http(tls)?);
        Ok(Self { http, polls, addresses: Arc::new(addresses) })
    }

    /// Makes a call and gives its result.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &Method,
        body: &(impl Serialize + Sync),
        patience: Duration,
    ) -> Result<T, CallError> {
        let answer = self.post(method, body, patience).await?;
        result(method, answer.status, &answer.text)
    }

    /// Makes a call and gives the answer as it came.
    pub(super) async fn post(
        &self,
        method: &Method,
        body: &(impl Serialize + Sync),
        patience: Duration,
    ) -> Result<Answer, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            let message = format!("it can not be written as JSON: {error}");
            CallError { method: method.name, failure: Failure::Refused, message }
        })?;
        self.send(method, JSON, body.into(), patience).await
    }

    /// Makes a call whose body has parts.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        method: &Method,
        parts: &[Part<'_>],
        patience: Duration,
    ) -> Result<T, CallError> {
        let (kind, body) = multipart::body(parts, &boundary());
        let answer = self.send(method, &kind, body.into(), patience).await?;
        result(method, answer.status, &answer.text)
    }

    async fn send(
        &self,
        method: &Method,
        kind: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Answer, CallError> {
        let address = self.addresses.methods.join(method.name).map_err(|error| CallError {
            method: method.name,
            failure: Failure::Refused,
            message: error.to_string(),
        })?;
        let http = if method.name == GET_UPDATES.name { &self.polls } else { &self.http };
        let request = http.post(address).header(CONTENT_TYPE, kind).body(body).timeout(patience);
        answered(method.name, request).await
    }

    /// Sends a body of parts to another server than Telegram's, and gives the status and the text of its answer. An error
    /// does not show the address.
    pub(crate) async fn post_elsewhere(
        &self,
        address: &Url,
        key: Option<&SecretValue>,
        parts: &[Part<'_>],
        patience: Duration,
    ) -> Result<(u16, String), CallError> {
        let (kind, body) = multipart::body(parts, &boundary());
        let request = self.http.post(address.clone()).header(CONTENT_TYPE, kind).body(body).timeout(patience);
        let request = match key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        };
        let answer = answered(ELSEWHERE, request).await?;
        Ok((answer.status, answer.text))
    }

    /// Gets a file; too long if there is more of it than this.
    pub(super) async fn fetch(
        &self,
        path: &str,
        max_bytes: u64,
        patience: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let failed =
            |failure, message: &str| CallError { method: DOWNLOAD, failure, message: message.to_owned() };
        let address = if is_plain(path) { self.addresses.files.join(path).ok() } else { None };
        let address = address.ok_or_else(|| failed(Failure::Refused, "the server named no usable path"))?;
        let response = self.http.get(address).timeout(patience).send().await;
        let response = response.map_err(|error| network(DOWNLOAD, error))?;
        match response.status().as_u16() {
            200 => {}
            404 => return Err(failed(Failure::Gone, "the server has the file no more")),
            status @ 500.. => {
                return Err(failed(
                    Failure::Server(Arrival::Never),
                    &format!("the server answered {status}"),
                ));
            }
            status => return Err(failed(Failure::Refused, &format!("the server answered {status}"))),
        }
        let bytes = read(response, max_bytes).await.map_err(|error| network(DOWNLOAD, error))?;
        bytes.ok_or_else(|| failed(Failure::TooLong, &format!("the file is larger than {max_bytes} bytes")))
    }
}

/// Sends a request, and gives the status and the text of the answer.
async fn answered(method: &'static str, request: RequestBuilder) -> Result<Answer, CallError> {
    let failed = |error| network(method, error);
    let response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let date =
        response.headers().get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let bytes = read(response, MAX_ANSWER).await.map_err(failed)?;
    let bytes = bytes.ok_or_else(|| CallError {
        method,
        failure: Failure::Server(Arrival::Unknown),
        message: format!("the answer is longer than {MAX_ANSWER} bytes"),
    })?;
    Ok(Answer { status, date, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// What stands between the parts of a body, and in none of them.
fn boundary() -> String {
    format!("takopi-{}", uuid::Uuid::new_v4().simple())
}

/// A path below the bot's files, and nowhere else.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains("://")
        && !path.contains(['\\', '?', '#', '%'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Reads an answer, at most this much: nothing if there is more.
async fn read(mut response: Response, max: u64) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if (bytes.len() + chunk.len()) as u64 > max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// The one TLS stack. The certificates of authorities are compiled in: a small box may have none.
fn tls() -> Result<rustls::ClientConfig, Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(format!("no connections can be made: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn http(tls: rustls::ClientConfig) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(15))
        .redirect(Policy::none());
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(UNANSWERED);
    builder
        .build()
        .map_err(|error| Error::new(format!("no connections can be made: {}", error.without_url())))
}

/// The result in an answer.
pub(super) fn result<T: DeserializeOwned>(method: &Method, status: u16, text: &str) -> Result<T, CallError> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        ok: bool,
        #[serde(borrow)]
        result: Option<&'a RawValue>,
    }

    let unreadable = |error: String| CallError {
        method: method.name,
        // It said that it was done, in words that nobody understands.
        failure: Failure::Server(Arrival::Unknown),
        message: format!("the answer can not be read: {error}"),
    };
    match serde_json::from_str::<Answer<'_>>(text) {
        Ok(Answer { ok: true, result: Some(result) }) => {
            serde_json::from_str(result.get()).map_err(|error| unreadable(error.to_string()))
        }
        Err(error) if (200..300).contains(&status) => Err(unreadable(error.to_string())),
        _ => {
            let refusal: Refusal = serde_json::from_str(text).unwrap_or_default();
            let failure = refusal.failure(status, method);
            let message = refusal.description.unwrap_or_else(|| format!("the server answered {status}"));
            Err(CallError { method: method.name, failure, message })
        }
    }
}

/// An error of the way, without the address that it was about.
fn network(method: &'static str, error: reqwest::Error) -> CallError {
    let arrival = if error.is_connect() || error.is_builder() { Arrival::Never } else { Arrival::Unknown };
    let error = error.without_url();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    CallError { method, failure: Failure::Network(arrival), message }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
