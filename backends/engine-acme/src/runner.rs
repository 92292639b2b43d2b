//! The runner: what takopi calls. It reads resume lines and starts runs; what happens in a run is [`crate::run`].

use std::sync::Arc;
use std::time::Duration;

use takopi_api::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::event::EventFactory;
use takopi_api::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{EngineRun, RunControl, RunSpec, Runner};

use crate::backend::ENGINE;
use crate::orders::{Hold, Orders};
use crate::run::{self, Start};
use crate::session::SessionStore;
use crate::stream::{self, Events};

/// Acme has no CLI of its own; its resume lines look like those of engines that have one.
const RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "acme", &["resume"]);

pub(crate) struct AcmeRunner {
    sessions: SessionStore,
    step_delay: Duration,
}

impl AcmeRunner {
    pub(crate) const fn new(sessions: SessionStore, step_delay: Duration) -> Self {
        Self { sessions, step_delay }
    }
}

#[async_trait]
impl Runner for AcmeRunner {
    fn engine(&self) -> &EngineId {
        const { &ENGINE }
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        RESUME.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        RESUME.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let orders = Arc::new(Orders::new());
        let events = Events::new(EventFactory::new(ENGINE, spec.resume.clone()));
        let start = Start { spec, sessions: self.sessions.clone(), step_delay: self.step_delay };
        let work = run::play(start, events.clone(), Arc::clone(&orders));
        EngineRun {
            control: RunControl::new(Hold(Arc::clone(&orders))),
            events: stream::of(work, events, orders),
        }
    }
}
