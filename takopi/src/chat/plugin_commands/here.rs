//! What a command can do where it was used, and a plugin where somebody wants something of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use takopi_api::command::{AskError, CommandHost, Emission, Reading, RunRequest, RunResult};
use takopi_api::error::Error;
use takopi_api::message::{
    Address, ChatKind, IncomingMessage, MessageKind, MessageRef, OutgoingMessage, SendOptions,
};
use takopi_api::resume::ResumeToken;
use takopi_api::runtime::RunContext;
use takopi_api::transport::{People, SendError, SendFailure};
use tokio::sync::{Semaphore, watch};

use super::cut_off::Note;
use super::overdue;
use super::uses::Use;
use crate::chat::authorize::Verdict;
use crate::chat::conversation::{Inner, Link, Mode};
use crate::chat::directives::Names;
use crate::chat::drive::unwanted;
use crate::chat::orders::Order;
use crate::chat::resolve::{Continues, Job};
use crate::chat::view;
use crate::plugins::{Whose, aside};
use crate::project::Context;
use crate::store::Place;

/// How many messages of one use are on their way at a time: others want to send there too.
pub(super) const AT_ONCE: usize = 4;

/// The place of one use of a command, and what people want of it. A clone is of the same use.
#[derive(Clone)]
pub(in crate::chat) struct Here {
    pub(super) inner: Arc<Inner>,
    pub(super) place: Place,
    /// What it is about, and who wants it.
    pub(super) message: IncomingMessage,
    pub(super) used: Arc<Use>,
    pub(super) leave: Leave,
    pub(super) whose: Whose,
    pub(super) sends: Arc<Semaphore>,
}

/// Whether it may send and run.
#[derive(Clone)]
pub(in crate::chat) enum Leave {
    /// Somebody who was heard used a command. For a run they are asked for anew: it may begin long after that.
    Given {
        /// The way out as it was then.
        link: Link,
        note: Arc<Note>,
    },
    /// Whether the person is heard is asked anew each time, for as long as the plugin is not stopped.
    Asked {
        is_stopped: watch::Receiver<bool>,
        /// Whether there is a message that a run could answer.
        has_message: bool,
    },
}

impl Here {
    /// The way out to an address as it is now: a command may be at work for longer than a transport is connected.
    async fn link(&self, to: &Address) -> Result<Link, SendError> {
        let transport = &self.place.transport;
        let is_stopped = match &self.leave {
            Leave::Given { link, .. } => {
                return Ok(self.inner.link(transport).unwrap_or_else(|| link.clone()));
            }
            Leave::Asked { is_stopped, .. } => *is_stopped.borrow(),
        };
        let refused = |failure, text| Err(SendError::new(failure, text));
        if is_stopped {
            return refused(SendFailure::Forbidden, format!("{} was stopped", self.whose));
        }
        let Some(link) = self.inner.link(transport).filter(|_| self.inner.is_present(transport)) else {
            return refused(SendFailure::Unreachable, format!("{transport} is not connected"));
        };
        // What kind of chat another one is, nobody has said.
        let is_same = to.channel == self.place.address.channel;
        let chat = if is_same { self.message.chat } else { ChatKind::Group };
        self.ask_leave(&link, to, chat).await.map(|()| link)
    }

    /// Whether the person is heard there now.
    async fn ask_leave(&self, link: &Link, to: &Address, chat: ChatKind) -> Result<(), SendError> {
        match self.inner.verdict(link, to, chat, self.message.sender.as_ref()).await {
            Verdict::Heard => Ok(()),
            Verdict::Refused(_) | Verdict::AskRole => {
                let who = self.message.sender.as_ref().map_or("nobody known".to_owned(), ToString::to_string);
                let text = format!("{who} is not heard in {to} of {}", link.id);
                Err(SendError::new(SendFailure::Forbidden, text))
            }
        }
    }

    /// What is noted of the use, if it is one of a command.
    fn note(&self) -> Option<&Note> {
        match &self.leave {
            Leave::Given { note, .. } => Some(note),
            Leave::Asked { .. } => None,
        }
    }

    /// Whether there is a message that runs and questions can answer.
    fn has_message(&self) -> bool {
        !matches!(self.leave, Leave::Asked { has_message: false, .. })
    }

    /// Sends a message, in as many as it takes, and gives the last one.
    pub(super) async fn say(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let link = self.link(to).await?;
        let kind = message.kind;
        let message = view::about_this(message, &self.message.id);
        let last = link.say(to, message, options, |sent| self.used.name(sent.clone())).await?;
        if kind == MessageKind::Progress
            && let Some(note) = self.note()
        {
            note.shown_by(&last).await;
        }
        Ok(last)
    }

    /// The options of everything that answers the use.
    pub(super) fn reply(&self) -> SendOptions {
        SendOptions::default().reply_to(self.has_message().then(|| self.message.id.clone()))
    }

    async fn job(&self, link: &Link, request: RunRequest) -> Result<Job, Error> {
        let surround = self.inner.surround(&self.place).await?;
        let is_named = request.engine.is_some() || request.resume.is_some();
        let mut job = match request.reading {
            Reading::Prompt => {
                let mut job = self.inner.bare_job(link, &self.place, &self.message, &surround).await?;
                job.prompt = request.prompt;
                job
            }
            Reading::Message => {
                let mut message = self.message.clone();
                message.text = request.prompt;
                self.inner.job(link, &self.place, None, &message, &surround).await?
            }
        };
        job.files.clear();
        job.command = Some(self.whose.id.clone());
        if request.reading == Reading::Prompt || is_named {
            job.session = None;
            if let Some(engine) = request.resume.as_ref().map(ResumeToken::engine).or(request.engine.as_ref())
            {
                job.engine = engine.clone();
            }
            job.continues = request.resume.map_or(Continues::Nothing, Continues::Thread);
        }
        if let Some(context) = &request.context {
            job.context = self.context(&job, context)?;
        }
        // Those that were chosen here for another engine mean nothing to this one.
        let ordered = job.options.mode.take().filter(|_| job.order == Some(Order::Plan));
        job.options = surround.options(&job.engine);
        job.options.model = request.options.model.or(job.options.model);
        job.options.reasoning = request.options.reasoning.or(job.options.reasoning);
        job.options.mode = request.options.mode.or(ordered).or(job.options.mode);
        Ok(job)
    }

    fn context(&self, job: &Job, wanted: &RunContext) -> Result<Option<Context>, Error> {
        let Some(alias) = wanted.project.as_deref() else { return Ok(None) };
        if job.snapshot.project(alias).is_none() {
            return Err(Error::new(format!("there is no project `{alias}`")));
        }
        Ok(self.inner.read_stored(&job.snapshot, wanted))
    }
}

#[async_trait]
impl CommandHost for Here {
    async fn send(
        &self,
        to: Option<Address>,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        // One that sends them all at once would stand before everybody else.
        let _seat = self.sends.acquire().await;
        self.used.speak()?;
        self.say(to.as_ref().unwrap_or(&self.place.address), message, options).await
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<(), SendError> {
        self.used.speak()?;
        let link = self.link(&message.address).await?;
        link.settle(message, &view::about_this(new, &self.message.id)).await
    }

    async fn retire(&self, message: &MessageRef) {
        match self.link(&message.address).await {
            Ok(link) => link.retire(message).await,
            Err(error) => tracing::debug!(plugin = %self.whose, %error, "a message stays as it was"),
        }
    }

    async fn ask(&self, question: OutgoingMessage, patience: Duration) -> Result<IncomingMessage, AskError> {
        let link = self.link(&self.place.address).await?;
        let person = match &self.message.sender {
            _ if link.access.people == People::Local => None,
            Some(sender) => Some(sender.id.clone()),
            None => return Err(AskError::Nobody),
        };
        if !self.has_message() {
            return Err(AskError::Nobody);
        }
        let _at_work = self.used.at_work();
        let mut wish = self.used.wish();
        // Before it is sent: an answer can be faster than the chat system's word that it was.
        let (open, answered) = self.inner.asks.open(self.place.clone(), person);
        let asked = async {
            let sent = self.say(&self.place.address, question, self.reply()).await?;
            open.shown_by(sent.id);
            match tokio::time::timeout(patience, answered).await {
                Ok(Ok(answer)) => Ok(answer),
                // The question is dropped by this very function only.
                Ok(Err(_)) => Err(AskError::Cancelled),
                Err(_) => Err(AskError::TimedOut),
            }
        };
        tokio::select! {
            biased;
            () = unwanted(&mut wish) => Err(AskError::Cancelled),
            answer = asked => answer,
        }
    }

    async fn run(&self, request: RunRequest) -> Result<RunResult, Error> {
        if self.inner.mode() == Mode::Draining {
            return Err(Error::new("takopi is being stopped, so no run begins any more"));
        }
        if !self.has_message() {
            let told = Error::new("a run answers a message, and none is named");
            return Err(told.hint("send one, and name it with `Origin::message`"));
        }
        let link = self.link(&self.place.address).await?;
        if let Leave::Given { .. } = self.leave {
            self.ask_leave(&link, &self.place.address, self.message.chat).await?;
        }
        let emission = request.emission;
        let job = self.job(&link, request).await?;
        let _at_work = self.used.at_work();
        match emission {
            Emission::Capture => self.inner.capture(&link, job, self.used.wish()).await,
            Emission::Emit => {
                let _as_run = self.used.as_run();
                self.inner.run_and_wait(&link, job, self.used.wish()).await
            }
        }
    }

    fn spawn(&self, name: &str, task: BoxFuture<'static, ()>) {
        let (here, name) = (self.clone(), name.to_owned());
        let going_on = (self.inner.work.begin(&self.place.transport), self.used.at_work());
        self.inner.spawn(async move {
            if let Err(fault) = aside(task, overdue(here.used.wish())).await {
                tracing::error!(plugin = %here.whose, task = name, %fault, "plugin.task.failed");
                let told = view::error(&format!("{} failed in its task `{name}`", here.whose), &[]);
                if let Err(error) = here.say(&here.place.address, told, here.reply()).await {
                    tracing::warn!(plugin = %here.whose, %error, "that a task failed could not be told");
                }
            }
            drop(going_on);
        });
    }
}
