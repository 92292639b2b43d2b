//! What an engine does: a [`Runner`] takes a prompt and gives events.
//!
//! A plugin implements [`Runner::start`]; whoever wants a run calls [`run`](trait.Runner.html#method.run), which is
//! `start` behind the contract: at most one `started`, exactly one `completed` and nothing after it, no action that goes
//! on after its end, at most one run a thread at a time, a panic or a missing end made into a `completed` that says so,
//! and no process left behind. The contract is enforced here and not trusted, so `run` is no method that a plugin could
//! replace.

mod asked;
mod compose;
mod contract;
mod control;
mod enforce;
mod engines;
mod steps;
mod threads;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use compose::{Composition, compose};
pub use control::{Control, ControlError, RunControl};
pub use engines::{Engines, FindEngine, FoundEngine};
pub use threads::{ThreadGuard, ThreadLocks};

use crate::engine::{EngineCapabilities, EngineId};
use crate::event::Event;
use crate::process::{Environment, ProcessHost};
use crate::resume::{ResumeError, ResumeToken};

/// The id of a run: unique for ever. Every process of the run carries it in the variable `TAKOPI_RUN_ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Arc<str>);

impl RunId {
    /// The variable in which a process of a run carries the run's id.
    pub const VARIABLE: &'static str = "TAKOPI_RUN_ID";

    /// A new id (a UUID of version 7, RFC 9562, so that ids sort by time).
    #[must_use]
    pub fn unique() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a person may choose for one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// The model, by the engine's own name for it.
    pub model: Option<String>,
    /// The level of reasoning effort, one of the engine's
    /// [`reasoning_levels`](crate::engine::EngineCapabilities::reasoning_levels).
    pub reasoning: Option<String>,
    /// The way of working, by the engine's own name for it: see [`Modes`](crate::engine::Modes).
    pub mode: Option<String>,
}

impl RunOptions {
    /// Sets the model.
    #[must_use]
    pub fn model(mut self, model: Option<String>) -> Self {
        self.model = model;
        self
    }

    /// Sets the level of reasoning effort.
    #[must_use]
    pub fn reasoning(mut self, reasoning: Option<String>) -> Self {
        self.reasoning = reasoning;
        self
    }

    /// Sets the way of working.
    #[must_use]
    pub fn mode(mut self, mode: Option<String>) -> Self {
        self.mode = mode;
        self
    }
}

/// A file that a person sent with the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// Where it is: an absolute path that the engine's process can read.
    pub path: PathBuf,
    /// What it is.
    pub kind: AttachmentKind,
}

/// What an attachment is. Engines take images in a way of their own; for other files a path in the prompt will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachmentKind {
    /// An image of a form that models read: PNG, JPEG, GIF or WebP.
    Image,
    /// Anything else.
    File,
}

impl Attachment {
    /// An attachment; its name says what it is.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let is_image = ["png", "jpg", "jpeg", "gif", "webp"].iter().any(|image| ending == *image);
        let kind = if is_image { AttachmentKind::Image } else { AttachmentKind::File };
        Self { path, kind }
    }
}

/// Everything that a run needs. All of it comes by argument: a runner looks at nothing else.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunSpec {
    /// The run's id.
    pub id: RunId,
    /// What the person wants.
    pub prompt: String,
    /// The files that came with it.
    pub attachments: Vec<Attachment>,
    /// The thread to continue; `None` begins a new one.
    pub resume: Option<ResumeToken>,
    /// The folder in which the engine works.
    pub cwd: PathBuf,
    /// What the person chose for this run.
    pub options: RunOptions,
    /// Variables that the run's programs see besides those that the engine names.
    pub environment: Environment,
    /// A folder outside of [`Self::cwd`]: what the engine leaves there is sent to the person. An engine that keeps its
    /// programs in a sandbox lets them write there. They find its path in [`Self::OUTBOX`].
    pub outbox: Option<PathBuf>,
    /// Starts the run's programs.
    pub processes: Arc<dyn ProcessHost>,
    /// Starts programs that outlive the run, such as a server that an engine keeps for all of its runs. Nobody but the engine
    /// ends them, and at the latest in [`Runner::shutdown`]; what they do for one run has to end with that run.
    pub servers: Arc<dyn ProcessHost>,
    /// The threads that are in use, shared by all runs of the program.
    pub threads: ThreadLocks,
    /// The engines that this one may run, see [`compose`].
    pub engines: Engines,
}

impl RunSpec {
    /// The variable in which the programs of a run find the path of its outbox.
    pub const OUTBOX: &'static str = "TAKOPI_OUTBOX";

    /// A run of a new thread with nothing chosen.
    #[must_use]
    pub fn new(
        prompt: impl Into<String>,
        cwd: impl Into<PathBuf>,
        processes: Arc<dyn ProcessHost>,
        threads: ThreadLocks,
    ) -> Self {
        Self {
            id: RunId::unique(),
            prompt: prompt.into(),
            attachments: Vec::new(),
            resume: None,
            cwd: cwd.into(),
            options: RunOptions::default(),
            environment: Environment::empty(),
            outbox: None,
            servers: Arc::clone(&processes),
            processes,
            threads,
            engines: Engines::default(),
        }
    }

    /// Continues a thread.
    #[must_use]
    pub fn resume(mut self, resume: Option<ResumeToken>) -> Self {
        self.resume = resume;
        self
    }

    /// Adds files that came with the prompt.
    #[must_use]
    pub fn attachments(mut self, attachments: impl IntoIterator<Item = Attachment>) -> Self {
        self.attachments.extend(attachments);
        self
    }

    /// The prompt, followed by the paths of the attachments for which this is said: for engines, or kinds of files, that
    /// have no other way.
    #[must_use]
    pub fn prompt_with_paths(&self, is_named: impl Fn(&Attachment) -> bool) -> String {
        let paths: Vec<_> = self
            .attachments
            .iter()
            .filter(|attachment| is_named(attachment))
            .map(|attachment| attachment.path.display())
            .collect();
        match &paths[..] {
            [] => self.prompt.clone(),
            [path] => format!("{}\n\n[attached file: {path}]", self.prompt),
            paths => {
                let lines: String = paths.iter().map(|path| format!("\n- {path}")).collect();
                format!("{}\n\n[attached files]{lines}", self.prompt)
            }
        }
    }

    /// Sets what the person chose.
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// Adds variables that the run's programs see.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets which engines it may run.
    #[must_use]
    pub fn engines(mut self, engines: Engines) -> Self {
        self.engines = engines;
        self
    }

    /// Sets the folder for what is sent to the person.
    #[must_use]
    pub fn outbox(mut self, outbox: Option<PathBuf>) -> Self {
        self.outbox = outbox;
        self
    }
}

impl fmt::Debug for RunSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Prompts are the person's own and stay out of logs.
        f.debug_struct("RunSpec")
            .field("id", &self.id)
            .field("resume", &self.resume)
            .field("cwd", &self.cwd)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What a runner gives: its events as they come, and the hold on the run. Without guarantees yet; see [`Run`].
#[must_use]
pub struct EngineRun {
    /// The events. Dropping the stream gives the run up.
    pub events: BoxStream<'static, Event>,
    /// The hold on the run.
    pub control: RunControl,
}

impl fmt::Debug for EngineRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineRun").finish_non_exhaustive()
    }
}

/// A run behind the contract.
#[must_use]
pub struct Run {
    /// The events: at most one `started`, and exactly one `completed`, the last. Dropping the stream before that ends the
    /// run and every process of it.
    pub events: BoxStream<'static, Event>,
    /// The hold on the run. [`RunControl::interrupt`] always works.
    pub control: RunControl,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

/// Runs an engine.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The engine.
    fn engine(&self) -> &EngineId;

    /// The resume line of a token, as the engine's own CLI takes it.
    ///
    /// # Errors
    /// [`ResumeError::OtherEngine`] if the token is another engine's.
    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError>;

    /// The token of the last resume line of this engine in a text.
    fn extract_resume(&self, text: &str) -> Option<ResumeToken>;

    /// The program that it starts, where its table names another one than its backend does.
    fn program(&self) -> Option<&str> {
        None
    }

    /// What the engine can do as it is configured, where that is something else than what its backend says.
    fn capabilities(&self) -> Option<EngineCapabilities> {
        None
    }

    /// Starts a run. It returns at once; whatever fails comes as a `completed` event.
    fn start(&self, spec: RunSpec) -> EngineRun;

    /// Ends what the engine keeps between runs.
    async fn shutdown(&self) {}

    /// The engine's translation without a program, if the engine is one that translates lines: for benchmarks.
    #[cfg(feature = "testing")]
    fn translator(&self, spec: &RunSpec) -> Option<crate::testing::Translator> {
        let _ = spec;
        None
    }
}

impl dyn Runner {
    /// Runs the engine behind the contract. A run that continues a thread waits until no other run uses it.
    pub fn run(self: &Arc<Self>, spec: RunSpec) -> Run {
        enforce::run(Arc::clone(self), spec)
    }

    /// Whether a line is a resume line of this engine and nothing else.
    #[must_use]
    pub fn is_resume_line(&self, line: &str) -> bool {
        !line.trim().contains('\n') && self.extract_resume(line).is_some()
    }
}
