//! Claude as a program that is talked to: it asks before it does what could do harm, asks questions, shows plans, and takes
//! messages while it works. One program a run.

mod dialogue;
mod diff;
mod image;
mod messages;
mod permission;
mod question;
mod request;
mod say;

use async_trait::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::event::{Decision, EventFactory, RequestId};
use takopi_api::jsonl::{DialogueEngine, Interruption, Receipt, Recognition, RefusedRun, Says, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::{ControlError, RunSpec};

use crate::args;
use crate::backend::{self, Settings};
use dialogue::Dialogue;
use image::Images;

/// The engine with its settings, in the mode `control`.
#[derive(Debug)]
pub(crate) struct Control {
    settings: Settings,
    images: Images,
}

impl Control {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, images: Images::default() }
    }
}

#[async_trait]
impl DialogueEngine for Control {
    type State = Dialogue;

    fn engine(&self) -> &EngineId {
        backend::engine_id()
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        backend::resume_lines()
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        self.images.read(spec).await;
        Ok(())
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::control(&self.settings, spec)
    }

    fn state(&self, spec: &RunSpec) -> Dialogue {
        Dialogue::new(self.settings.translation(spec), spec, self.images.expect(spec))
    }

    fn open(&self, _state: &mut Dialogue, says: &mut Says) {
        dialogue::greet(says);
    }

    fn hear(&self, line: &str, state: &mut Dialogue, out: &mut EventFactory, says: &mut Says) -> Recognition {
        state.hear(line, out, says)
    }

    fn too_long(&self, head: &str, _state: &mut Dialogue, out: &mut EventFactory, says: &mut Says) {
        dialogue::too_long(head, out, says);
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
        state.answer(request, decision, out, says)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Dialogue, out: &mut EventFactory) -> Unfinished {
        state.exited(exit, out)
    }
}
