//! What comes before the first message: the server, somebody who listens to it, and the session.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use takopi_api::jsonl::RefusedRun;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunSpec;

use super::calls::Calls;
use super::http::{Listener, Server};
use super::prompt::Prompt;
use super::server::{self, Running};
use super::session::Session;
use super::{Serve, ask, said};
use crate::args;
use crate::backend::{ENGINE, Permissions};
use crate::folder;

/// How long a server that does not answer may take to end.
const LAST_BREATH: Duration = Duration::from_millis(500);

/// Everything that a turn needs.
pub(super) struct Ready {
    pub(super) running: Running,
    pub(super) calls: Calls,
    pub(super) listener: Listener,
    pub(super) session: Session,
}

/// Starts the server of a run, and listens to it before anything happens there.
pub(super) async fn ready(engine: &Serve, spec: &RunSpec) -> Result<Ready, String> {
    let prompt = Prompt::new(&engine.settings, spec).map_err(|RefusedRun(reason)| reason)?;
    let running = match engine.settings.permissions.unwrap_or_default() {
        Permissions::Configured => server::start(spec).await?,
        Permissions::Ask => {
            let (running, rules) = server::start_asking(spec, engine.known_rules(&spec.cwd)).await?;
            engine.learn_rules(&spec.cwd, rules);
            running
        }
    };
    let opened = async {
        let listener = running.http.listen().await.map_err(|error| format!("opencode's server: {error}"))?;
        let thread = thread(&running.http, spec).await?;
        Ok((listener, thread))
    };
    let (listener, thread) = match opened.await {
        Ok(opened) => opened,
        // A server that has ended says better why.
        Err(reason) => {
            return Err(match tokio::time::timeout(LAST_BREATH, running.handle.exited()).await {
                Ok(exit) => server::ended(&exit, "before the turn began"),
                Err(_) => reason,
            });
        }
    };
    let calls = Calls::new(running.http.clone(), thread.value().to_owned());
    let title = args::model(&engine.settings, spec).unwrap_or("opencode").to_owned();
    let session = Session::new(thread, spec.resume.is_some(), spec.cwd.display().to_string(), title, prompt);
    Ok(Ready { running, calls, listener, session })
}

/// What the server says about a session.
#[derive(Deserialize)]
struct Described {
    id: String,
    directory: PathBuf,
}

/// The session of the run: a new one, or the one that is continued, which works only in its own folder.
async fn thread(server: &Server, spec: &RunSpec) -> Result<ResumeToken, String> {
    let missing =
        |id: &str| format!("opencode has no thread {id}; leave out the resume line to start a new one");
    let reply = match &spec.resume {
        None => server.post("/session", &json!({})).await,
        Some(thread) if !ask::is_id(thread.value()) => return Err(missing(thread.value())),
        Some(thread) => server.get(&format!("/session/{}", thread.value())).await,
    };
    let reply = reply.map_err(|error| format!("opencode's server: {error}"))?;
    if let (404, Some(thread)) = (reply.status, &spec.resume) {
        return Err(missing(thread.value()));
    }
    if !reply.is_ok() {
        return Err(format!("opencode opens no session: {}", said(&reply)));
    }
    let described: Described = serde_json::from_str(&reply.body)
        .map_err(|error| format!("takopi can not read opencode's session: {error}"))?;
    if !ask::is_id(&described.id) {
        return Err("opencode's session has an id that takopi can not use".to_owned());
    }
    let thread = ResumeToken::new(ENGINE, described.id).map_err(|error| error.to_string())?;
    if spec.resume.as_ref().is_some_and(|expected| *expected != thread) {
        return Err("opencode opened another session than the one that is continued".to_owned());
    }
    folder::belongs(&thread, &described.directory, &spec.cwd).map_err(|RefusedRun(reason)| reason)?;
    Ok(thread)
}
