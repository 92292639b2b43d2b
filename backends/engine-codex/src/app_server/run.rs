//! One run, as whoever wants it sees it: its events, and the hold on it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::event::{Action, ActionKind, ActionOutcome, Decision, Event, EventFactory, RequestId};
use takopi_api::process::{GRACE, Place};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{
    Attachment, AttachmentKind, Control, ControlError, EngineRun, RunControl, RunId, RunSpec,
};
use tokio::sync::oneshot;

use super::connection::RunKey;
use super::profile::Overrides;
use super::server::{Listening, Server};
use super::servers::Servers;
use super::session::{Session, Wish};
use crate::backend::{ENGINE, Settings};
use crate::environment;

/// How long a run that is killed may take to end by itself. After that its server is ended, and every run on it.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// What all runs of an engine share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// The person's own arguments, as the server understands them.
    pub(super) args: Vec<String>,
    /// The keys of codex's configuration that they set.
    pub(super) keys: Vec<String>,
    pub(super) servers: Servers,
}

pub(super) fn start(shared: Arc<Shared>, spec: RunSpec) -> EngineRun {
    let hold = Hold::default();
    let control = RunControl::new(hold.clone());
    let stage = Stage::New(Box::new(Beginning { shared, spec, hold }));
    let events = futures_util::stream::unfold(stage, Stage::next);
    EngineRun { events: events.boxed(), control }
}

/// What a run begins with.
struct Beginning {
    shared: Arc<Shared>,
    spec: RunSpec,
    hold: Hold,
}

enum Stage {
    New(Box<Beginning>),
    /// The run can not begin yet; the action says why.
    Waiting(Box<Beginning>, Action),
    /// It goes on, and has its place among the runs until nothing is left of it.
    Begun(Listening, Place),
    /// It did not begin, for this reason.
    Refused(String, Option<ResumeToken>),
    Over,
}

impl Stage {
    async fn next(mut self) -> Option<(Event, Self)> {
        let mut out = EventFactory::new(ENGINE, None);
        loop {
            self = match self {
                Self::New(beginning) => {
                    if let Some(obstacle) = beginning.spec.processes.obstacle() {
                        let action = Action::new("codex.start", ActionKind::Note, obstacle);
                        out.action_started(action.clone());
                        return Some((out.pop()?, Self::Waiting(beginning, action)));
                    }
                    beginning.begin().await
                }
                Self::Waiting(beginning, action) => {
                    let begun = beginning.begin().await;
                    out.action_completed(action, ActionOutcome::Ok);
                    return Some((out.pop()?, begun));
                }
                Self::Begun(mut listening, place) => {
                    let event = listening.events.recv().await?;
                    return Some((event, Self::Begun(listening, place)));
                }
                Self::Refused(error, resume) => {
                    let mut out = EventFactory::new(ENGINE, resume);
                    out.failed(error, "", None);
                    return Some((out.pop()?, Self::Over));
                }
                Self::Over => return None,
            }
        }
    }
}

impl Beginning {
    async fn begin(self: Box<Self>) -> Stage {
        let Self { shared, spec, hold } = *self;
        let place = spec.processes.admit(&spec.id).await;
        match place_on_server(shared, &spec).await {
            Ok(listening) => {
                hold.begun(&listening);
                Stage::Begun(listening, place)
            }
            Err(error) => Stage::Refused(error, spec.resume),
        }
    }
}

async fn place_on_server(shared: Arc<Shared>, spec: &RunSpec) -> Result<Listening, String> {
    let session = Session::new(wish(&shared, spec)?);
    let host = Arc::clone(&spec.servers);
    let cwd = spec.cwd.clone();
    let mut environment = environment::for_codex(shared.settings.profile.as_deref());
    environment.extend(&spec.environment);
    // Apart from whoever waits for it: runs that come next wait for the same server.
    let begun =
        tokio::spawn(
            async move { shared.servers.place(session, &shared.args, environment, &cwd, &*host).await },
        );
    begun.await.map_err(|error| format!("codex app-server could not be started: {error}"))?
}

fn wish(shared: &Shared, spec: &RunSpec) -> Result<Wish, String> {
    let settings = &shared.settings;
    if spec.prompt.trim().is_empty() {
        return Err("codex needs a prompt".to_owned());
    }
    let profile = match &settings.profile {
        // What is said on the command line goes before a profile.
        Some(name) => Overrides::of_profile(name)?.without(&shared.keys),
        None => Overrides::default(),
    };
    let mut variables = BTreeMap::from([(RunId::VARIABLE.to_owned(), spec.id.to_string())]);
    if let Some(outbox) = &spec.outbox {
        variables.insert(RunSpec::OUTBOX.to_owned(), outbox.to_string_lossy().into_owned());
    }
    Ok(Wish {
        title: settings.title().to_owned(),
        input: input(spec),
        cwd: spec.cwd.clone(),
        resume: spec.resume.clone(),
        model: spec.options.model.clone(),
        reasoning: spec.options.reasoning.clone(),
        mode: spec.options.mode.clone(),
        outbox: spec.outbox.clone(),
        profile,
        variables,
    })
}

/// The prompt, and the images; other files go by their names.
fn input(spec: &RunSpec) -> Vec<Value> {
    let is_image = |attachment: &Attachment| attachment.kind == AttachmentKind::Image;
    let prompt = spec.prompt_with_paths(|attachment| !is_image(attachment));
    let images = spec.attachments.iter().filter(|attachment| is_image(attachment));
    std::iter::once(json!({ "type": "text", "text": prompt }))
        .chain(images.map(|image| json!({ "type": "localImage", "path": image.path.to_string_lossy() })))
        .collect()
}

/// The hold on a run, which is somewhere once the run has begun.
#[derive(Clone, Default)]
struct Hold(Arc<OnceLock<(Arc<Server>, RunKey)>>);

impl Hold {
    fn begun(&self, listening: &Listening) {
        // A run begins once.
        let _ = self.0.set((Arc::clone(&listening.server), listening.key));
    }
}

#[async_trait]
impl Control for Hold {
    async fn interrupt(&self) -> Result<(), ControlError> {
        // Before it has begun it can just be given up.
        let (server, key) = self.0.get().ok_or(ControlError::Unsupported("interrupting before the start"))?;
        server.stop(*key, GRACE);
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        let (receipt, taken) = oneshot::channel();
        let (server, key) = self.0.get().ok_or(ControlError::Over)?;
        server.with(|connection| connection.tell(*key, |session, says| session.steer(text, receipt, says)));
        taken.await.unwrap_or(Err(ControlError::Over))
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let (server, key) = self.0.get().ok_or(ControlError::Over)?;
        let told = server.with(|connection| {
            connection.tell(*key, |session, says| session.answer(request, decision, says))
        });
        told.unwrap_or(Err(ControlError::Over))
    }

    fn kill(&self) {
        if let Some((server, key)) = self.0.get() {
            server.kill(*key, KILL_PATIENCE);
        }
    }
}
