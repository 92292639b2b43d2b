//! What a command can do: send messages, and start runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::engine::EngineId;
use crate::error::Error;
use crate::event::Completed;
use crate::message::{Address, IncomingMessage, MessageRef, OutgoingMessage, SendOptions};
use crate::resume::ResumeToken;
use crate::runner::RunOptions;
use crate::runtime::RunContext;
use crate::transport::SendError;

/// Whether people see a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emission {
    /// As any run: progress, requests, the answer.
    #[default]
    Emit,
    /// Only the command sees its result. Requests of it are denied: there is nobody to ask.
    Capture,
}

/// How the prompt of a run is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// As it is; the run begins a new thread, if none is named.
    #[default]
    Prompt,
    /// As a message that is written here: directives and resume lines count, and it goes on with the conversation here. It is
    /// never a command.
    Message,
}

/// A run that a command wants.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunRequest {
    /// What the engine should do.
    pub prompt: String,
    /// How that is read.
    pub reading: Reading,
    /// The engine; else the one that a message here would have.
    pub engine: Option<EngineId>,
    /// The project and branch; else those that a message here would have.
    pub context: Option<RunContext>,
    /// The thread that it continues; none starts a new one.
    pub resume: Option<ResumeToken>,
    /// The model and the like; what is not said is as a message here would have it.
    pub options: RunOptions,
    /// Whether people see it.
    pub emission: Emission,
}

impl RunRequest {
    /// A run that people see, as a message here would have it.
    #[must_use]
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            reading: Reading::Prompt,
            engine: None,
            context: None,
            resume: None,
            options: RunOptions::default(),
            emission: Emission::Emit,
        }
    }

    /// A run that people see, as a message with this text would have it: `/codex /website @main mend the build`.
    #[must_use]
    pub fn message(text: impl Into<String>) -> Self {
        Self { reading: Reading::Message, ..Self::new(text) }
    }

    /// The engine.
    #[must_use]
    pub fn engine(mut self, engine: EngineId) -> Self {
        self.engine = Some(engine);
        self
    }

    /// The project and branch.
    #[must_use]
    pub fn context(mut self, context: RunContext) -> Self {
        self.context = Some(context);
        self
    }

    /// The thread that it continues.
    #[must_use]
    pub fn resume(mut self, token: ResumeToken) -> Self {
        self.resume = Some(token);
        self
    }

    /// The model and the like.
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// Only the command sees its result.
    #[must_use]
    pub const fn capture(mut self) -> Self {
        self.emission = Emission::Capture;
        self
    }
}

/// How a run of a command ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunResult {
    /// The last event of the run: engine, answer, error, thread, usage.
    pub completed: Completed,
    /// The message with the answer, if people saw the run.
    pub message: Option<MessageRef>,
    /// The line that goes on with its thread, in a terminal or as a reply, if it has one.
    pub resume_line: Option<String>,
}

impl RunResult {
    /// A result.
    #[must_use]
    pub const fn new(completed: Completed, message: Option<MessageRef>) -> Self {
        Self { completed, message, resume_line: None }
    }

    /// The line that goes on with its thread.
    #[must_use]
    pub fn resume_line(mut self, line: Option<String>) -> Self {
        self.resume_line = line;
        self
    }
}

/// A question of a command came to no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It could not be sent.
    #[error("the question could not be sent: {0}")]
    NotSent(#[from] SendError),
    /// Nobody knows who used the command, so nobody can be asked.
    #[error("the chat does not say who used the command, so nobody can be asked")]
    Nobody,
    /// Nothing was answered in time.
    #[error("nobody answered in time")]
    TimedOut,
    /// A person ended the use of the command.
    #[error("cancelled")]
    Cancelled,
}

/// How many runs go on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parallelism {
    /// One after the other.
    #[default]
    Sequential,
    /// As many as takopi's limits allow.
    Parallel,
}

/// What takopi implements for [`Executor`].
#[async_trait]
pub trait CommandHost: Send + Sync {
    /// Sends a message; without an address to where the command was used.
    async fn send(
        &self,
        to: Option<Address>,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError>;

    /// Lets a message say something else.
    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<(), SendError>;

    /// Takes a message away that another one took the place of.
    async fn retire(&self, message: &MessageRef);

    /// Asks the person who used the command.
    async fn ask(&self, question: OutgoingMessage, patience: Duration) -> Result<IncomingMessage, AskError>;

    /// Runs an engine to its end.
    async fn run(&self, request: RunRequest) -> Result<RunResult, Error>;

    /// Starts a task that is looked after.
    fn spawn(&self, name: &str, task: BoxFuture<'static, ()>);
}

/// Sends messages and starts runs where a command was used. It may be kept and used after the command has returned; whether
/// the person is heard is asked anew for each run.
///
/// People can end a use, by `/cancel` or by [`Button::cancel`](crate::message::Button::cancel) below one of its messages: its
/// runs then end as interrupted, also those that it would begin after that, and its questions as cancelled. The command goes
/// on with what there is, and has a few messages left to say what became of it; one that does not return is ended.
#[derive(Clone)]
pub struct Executor(Arc<dyn CommandHost>);

impl Executor {
    /// An executor.
    #[must_use]
    pub fn new(host: Arc<dyn CommandHost>) -> Self {
        Self(host)
    }

    /// Sends a message to where the command was used. What is too long for one message becomes several, of which the last has
    /// the footer, the buttons and the files; that one is given back. It is tried for a while where the chat system can not be
    /// reached.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(
        &self,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.0.send(None, message, options).await
    }

    /// Sends a message to another place of the same transport.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send_to(
        &self,
        to: Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.0.send(Some(to), message, options).await
    }

    /// Lets a message that was sent say something else. It does not become several.
    ///
    /// # Errors
    /// [`SendError`]; where messages can not be edited, [`Unsupported`](crate::transport::SendFailure::Unsupported).
    pub async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<(), SendError> {
        self.0.edit(message, new).await
    }

    /// Takes a message away that another one took the place of; where messages can not be deleted, it says so instead.
    pub async fn retire(&self, message: &MessageRef) {
        self.0.retire(message).await;
    }

    /// Asks the person who used the command, and gives what they write next in the same place; a reply to another message of
    /// takopi is not meant. What an engine asks at the same time comes after it. A question does not outlive takopi.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(
        &self,
        question: OutgoingMessage,
        patience: Duration,
    ) -> Result<IncomingMessage, AskError> {
        self.0.ask(question, patience).await
    }

    /// Runs an engine to its end. An engine's failure is a result and no error, and so is that a person ended it.
    ///
    /// # Errors
    /// [`Error`] if the run could not begin, such as because the person who wanted it is not heard here any more.
    pub async fn run_one(&self, request: RunRequest) -> Result<RunResult, Error> {
        self.0.run(request).await
    }

    /// Starts a task that goes on after the command has returned. It belongs to this use: people end both alike, and a panic in
    /// it is logged with the command's id, its distribution and this name, and told to them. takopi waits for it at its end as
    /// it waits for runs, and drops it then.
    pub fn spawn(&self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(name, Box::pin(task));
    }

    /// Runs several; the results are in the order of the requests.
    pub async fn run_many(
        &self,
        requests: Vec<RunRequest>,
        parallelism: Parallelism,
    ) -> Vec<Result<RunResult, Error>> {
        match parallelism {
            Parallelism::Parallel => {
                futures_util::future::join_all(requests.into_iter().map(|request| self.0.run(request))).await
            }
            Parallelism::Sequential => {
                let mut results = Vec::with_capacity(requests.len());
                for request in requests {
                    results.push(self.0.run(request).await);
                }
                results
            }
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}
