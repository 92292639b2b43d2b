//! Both ways: one `opencode serve` a run, which is talked to over HTTP and tells what happens as server-sent events.
//!
//! Read `session` for what becomes of what the server tells (a state machine without I/O), `rules` for what opencode asks
//! before it does it, `ask` for its requests and their answers, and `drive` for the I/O around them.

mod ask;
mod calls;
mod drive;
mod http;
mod prompt;
mod rules;
mod server;
mod session;
mod setup;
mod sse;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use takopi_api::engine::EngineId;
use takopi_api::event::EventFactory;
use takopi_api::resume::{ResumeError, ResumeLines, ResumeToken};
use takopi_api::runner::{EngineRun, RunSpec, Runner};

use crate::backend::{ENGINE, Settings};
use crate::resume_line::SessionLine;
use rules::Rules;

static ENGINE_ID: EngineId = ENGINE;

/// Runs the engine by its server.
pub(crate) struct ServeRunner(Arc<Serve>);

impl fmt::Debug for ServeRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeRunner").finish_non_exhaustive()
    }
}

/// What all runs share.
struct Serve {
    settings: Settings,
    /// The rules that were right in a folder the last time: with those a server needs no second start.
    rules: Mutex<HashMap<PathBuf, Rules>>,
}

impl Serve {
    fn known_rules(&self, folder: &Path) -> Option<Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).get(folder).cloned()
    }

    fn learn_rules(&self, folder: &Path, rules: Rules) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), rules);
    }
}

impl ServeRunner {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(Serve { settings, rules: Mutex::default() }))
    }
}

impl Runner for ServeRunner {
    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        SessionLine.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        SessionLine.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let out = EventFactory::new(ENGINE, spec.resume.clone());
        drive::start(Arc::clone(&self.0), spec, out)
    }
}

/// What the server said where something else was expected, as a person reads it.
fn said(reply: &http::Reply) -> String {
    use takopi_api::jsonl::Field;
    let body = reply.body.trim();
    match Field::parse(body) {
        Ok(error) if !body.is_empty() => {
            format!("{} (HTTP {})", crate::step::error_message(error), reply.status)
        }
        _ => format!("HTTP {}", reply.status),
    }
}
