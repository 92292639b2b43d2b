//! The engine: a program to start, and a talk with it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::event::{Decision, EventFactory, RequestId};
use takopi_api::jsonl::{DialogueEngine, Interruption, Recognition, RefusedRun, Says, Unfinished};
use takopi_api::process::{CommandSpec, Environment, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::{ControlError, RunSpec};

use crate::agent::{Agent, Asks};
use crate::dialogue::Dialogue;
use crate::resume_line::TakopiLine;
use crate::{opencode, permission};

/// The engine of an agent.
#[derive(Debug)]
pub(crate) struct Acp {
    engine: EngineId,
    resume: TakopiLine,
    /// Which agent it is; if it is none, why.
    agent: Result<Arc<Agent>, String>,
    /// What an agent that asks beside its configuration is given for that, by the folder of the run.
    rules: Mutex<HashMap<PathBuf, String>>,
}

impl Acp {
    pub(crate) fn new(engine: EngineId, agent: Result<Agent, String>) -> Self {
        Self {
            resume: TakopiLine::new(engine.clone()),
            engine,
            agent: agent.map(Arc::new),
            rules: Mutex::default(),
        }
    }

    fn rules(&self) -> MutexGuard<'_, HashMap<PathBuf, String>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variables of a run.
    fn environment(&self, agent: &Agent, spec: &RunSpec) -> Result<Environment, RefusedRun> {
        let environment = agent.environment.clone();
        match agent.asks {
            Asks::AsStarted => Ok(environment),
            Asks::BesideItsConfiguration => {
                let rules = self.rules().get(&spec.cwd).cloned();
                let rules = rules.ok_or_else(|| {
                    RefusedRun(format!("{} was not asked for its configuration", agent.name))
                })?;
                Ok(environment.set(opencode::CONTENT, rules))
            }
        }
    }

    /// How long a run has to wait before it can open its session.
    async fn wait(&self, spec: &RunSpec) -> Option<Duration> {
        let (agent, thread) = (self.agent.as_ref().ok()?, spec.resume.as_ref()?);
        let mut environment = agent.environment.clone();
        environment.extend(&spec.environment);
        agent.sessions?.wait(thread.value(), &environment).await
    }
}

#[async_trait]
impl DialogueEngine for Acp {
    /// Without an agent there is no talk.
    type State = Option<Dialogue>;

    fn engine(&self) -> &EngineId {
        &self.engine
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &self.resume
    }

    fn program(&self) -> Option<&str> {
        let agent = self.agent.as_ref().ok()?;
        agent.is_named.then_some(&*agent.program)
    }

    async fn obstacle(&self, spec: &RunSpec) -> Option<String> {
        self.wait(spec).await.map(|_| {
            "waiting for the next minute: a session that is opened twice within one would be lost".to_owned()
        })
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        if let Some(wait) = self.wait(spec).await {
            tokio::time::sleep(wait).await;
        }
        match &self.agent {
            Ok(agent) if agent.asks == Asks::BesideItsConfiguration => {
                let rules = opencode::content(agent, spec).await.map_err(RefusedRun)?;
                self.rules().insert(spec.cwd.clone(), rules);
            }
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        let agent = self.agent.as_ref().map_err(|why| RefusedRun(why.clone()))?;
        if spec.prompt.trim().is_empty() {
            return Err(RefusedRun(format!("{} needs a prompt", agent.name)));
        }
        Ok(CommandSpec::new(&agent.program, &spec.cwd)
            .args(&agent.args)
            .environment(self.environment(agent, spec)?))
    }

    fn state(&self, spec: &RunSpec) -> Option<Dialogue> {
        self.agent.as_ref().ok().map(|agent| Dialogue::new(Arc::clone(agent), spec))
    }

    fn open(&self, state: &mut Option<Dialogue>, says: &mut Says) {
        if let Some(dialogue) = state {
            dialogue.open(says);
        }
    }

    fn hear(
        &self,
        line: &str,
        state: &mut Option<Dialogue>,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        match state {
            Some(dialogue) => dialogue.hear(line, out, says),
            None => Recognition::Ignored,
        }
    }

    fn too_long(&self, head: &str, _state: &mut Option<Dialogue>, out: &mut EventFactory, says: &mut Says) {
        if let Some(refusal) = permission::too_long(head) {
            out.warning("the agent asked something that is too long to be shown; it was denied");
            says.line(&refusal);
        }
    }

    fn interrupt(&self, state: &mut Option<Dialogue>, says: &mut Says) -> Interruption {
        match state {
            Some(dialogue) => dialogue.interrupt(says),
            None => Interruption::Signal(takopi_api::process::Ask::Terminate),
        }
    }

    fn answer(
        &self,
        request: &RequestId,
        decision: Decision,
        state: &mut Option<Dialogue>,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        match state {
            Some(dialogue) => dialogue.answer(request, decision, out, says),
            None => Err(ControlError::NoSuchRequest(request.clone())),
        }
    }

    fn on_exit(&self, _exit: &Exit, state: &mut Option<Dialogue>, out: &mut EventFactory) -> Unfinished {
        state.as_mut().map_or_else(Unfinished::default, |dialogue| dialogue.exited(out))
    }
}
