//! Pi as a program that is talked to: one `pi --mode rpc` a run.

mod asks;
mod dialogue;
mod extension;
mod live;
mod permission;
mod prompt;
#[cfg(test)]
mod replays;
mod says;
mod steers;

use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use takopi_api::engine::{EngineCapabilities, EngineId};
use takopi_api::event::{Decision, EventFactory, RequestId};
use takopi_api::jsonl::{DialogueEngine, Interruption, Receipt, Recognition, RefusedRun, Says, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::{ControlError, RunSpec};

use crate::args;
use crate::backend::{ENGINE_ID, Permissions, Settings};
use crate::session_line::SessionLine;
use crate::sessions::{Place, Sessions};
use dialogue::{Asking, Dialogue};
use extension::Extension;
use prompt::Prompt;

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct TalkingPi {
    settings: Settings,
    /// Where pi keeps its threads.
    sessions: Sessions,
    /// What lets pi ask, if it shall.
    extension: Option<Extension>,
}

impl TalkingPi {
    pub(crate) fn new(settings: Settings, sessions: Sessions, data_dir: &Path) -> Self {
        let extension = match settings.permissions.unwrap_or_default() {
            Permissions::Ask => Some(Extension::below(data_dir)),
            Permissions::Off => None,
        };
        Self { settings, sessions, extension }
    }

    fn is_fork(&self, spec: &RunSpec) -> bool {
        let place = spec.resume.as_ref().map(|asked| self.sessions.find(asked.value(), &spec.cwd));
        matches!(place, Some(Place::Elsewhere(_)))
    }
}

#[async_trait]
impl DialogueEngine for TalkingPi {
    type State = Dialogue;

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &SessionLine
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        Some(self.settings.capabilities())
    }

    async fn prepare(&self, _spec: &RunSpec) -> Result<(), RefusedRun> {
        match &self.extension {
            Some(extension) => extension.put().map_err(|unusable| RefusedRun(unusable.to_string())),
            None => Ok(()),
        }
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        let extension = self.extension.as_ref().map(Extension::path);
        args::rpc(&self.settings, &self.sessions, extension, spec)
    }

    fn state(&self, spec: &RunSpec) -> Dialogue {
        let asking = if self.extension.is_some() { Asking::Expected } else { Asking::NotWanted };
        Dialogue::new(spec.resume.clone(), self.is_fork(spec), asking, Prompt::of(spec))
    }

    fn open(&self, state: &mut Dialogue, says: &mut Says) {
        state.open(says);
    }

    fn hear(&self, line: &str, state: &mut Dialogue, out: &mut EventFactory, says: &mut Says) -> Recognition {
        state.hear(line, Instant::now(), out, says)
    }

    fn interrupt(&self, state: &mut Dialogue, says: &mut Says) -> Interruption {
        state.interrupt(says)
    }

    fn steer(&self, text: String, receipt: Receipt, state: &mut Dialogue, says: &mut Says) {
        state.steer(text, receipt, says);
    }

    fn answer(
        &self,
        request: &RequestId,
        decision: Decision,
        state: &mut Dialogue,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        state.asks.answer(request, decision, Instant::now(), out, says)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Dialogue, out: &mut EventFactory) -> Unfinished {
        state.unfinished(exit, out)
    }
}
