//! `codex app-server`: one program for all runs, which is talked to while they go on.
//!
//! A run is a [`session`]: a thread that is begun or continued, a turn, what is asked in it, and what is cleared away after
//! it. The [`connection`] finds out whose a message is. Both are state machines without I/O; `server` reads and writes,
//! `servers` starts and ends, and `run` is what the rest of takopi sees.

mod args;
mod connection;
mod message;
mod meter;
mod patch;
mod policy;
mod profile;
mod requests;
mod run;
mod says;
mod server;
mod servers;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::resume::{ResumeError, ResumeLines, ResumeToken};
use takopi_api::runner::{EngineRun, RunSpec, Runner};

use self::run::Shared;
use self::servers::Servers;
pub(crate) use self::session::MODES;
use crate::backend::{ENGINE_ID, RESUME, Settings};

/// The engine with its settings, and the servers that run.
pub(crate) struct AppServer(Arc<Shared>);

impl AppServer {
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        let args = args::understood(&settings.extra_args)?;
        let keys = args::keys(&args);
        Ok(Self(Arc::new(Shared { settings, args, keys, servers: Servers::default() })))
    }
}

#[async_trait]
impl Runner for AppServer {
    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        RESUME.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        RESUME.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        run::start(Arc::clone(&self.0), spec)
    }

    async fn shutdown(&self) {
        self.0.servers.shutdown().await;
    }
}
