//! What a command can do where it was used.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use takopi_api::command::{AskError, CommandHost, Emission, RunRequest, RunResult};
use takopi_api::error::Error;
use takopi_api::message::{Address, IncomingMessage, MessageKind, MessageRef, OutgoingMessage, SendOptions};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::RunContext;
use takopi_api::transport::{People, SendError, SendFailure};

use super::cut_off::Note;
use super::uses::Use;
use crate::chat::conversation::{Inner, Link, Mode};
use crate::chat::deliver::{Answer, Manner};
use crate::chat::directives::Names;
use crate::chat::drive::unwanted;
use crate::chat::resolve::{Continues, Job};
use crate::chat::view;
use crate::project::Context;
use crate::store::Place;

/// The place of one use of a command, and what people want of it.
pub(super) struct Here {
    pub(super) inner: Arc<Inner>,
    pub(super) link: Link,
    pub(super) place: Place,
    pub(super) message: IncomingMessage,
    pub(super) used: Arc<Use>,
    pub(super) note: Note,
}

impl Here {
    /// The way out as it is now: a command may be at work for longer than a transport is connected.
    fn link(&self) -> Link {
        self.inner.link(&self.link.id).unwrap_or_else(|| self.link.clone())
    }

    /// Sends a message, in as many as it takes, and gives the last one.
    pub(super) async fn say(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let link = self.link();
        let place = Place { transport: link.id.clone(), address: to.clone() };
        let kind = message.kind;
        let message = view::about_this(message, &self.message.id);
        let mut answer = Answer {
            link: &link,
            place: &place,
            messages: view::parts(message, link.outgoing.capabilities().text),
            arrived: 0,
            // Without a name, nothing is the same as what was sent before: one button may be pressed more than once.
            key: options.key.clone().unwrap_or_else(|| RunId::unique().to_string()),
            options,
            card: None,
            manner: Manner::Anew,
        };
        let mut last = Err(SendError::new(SendFailure::Refused, "there was nothing to send"));
        while let Some(sent) = answer.deliver_next().await {
            let sent = sent?;
            self.used.name(sent.clone());
            last = Ok(sent);
        }
        if let Ok(sent) = &last
            && kind == MessageKind::Progress
        {
            self.note.shown_by(sent).await;
        }
        last
    }

    /// The options of everything that answers the use.
    pub(super) fn reply(&self) -> SendOptions {
        SendOptions::default().reply_to(Some(self.message.id.clone()))
    }

    async fn job(&self, link: &Link, request: RunRequest) -> Result<Job, Error> {
        let surround = self.inner.surround(&self.place).await?;
        let mut job = self.inner.bare_job(link, &self.place, &self.message, &surround).await?;
        job.prompt = request.prompt;
        job.files.clear();
        job.session = None;
        if let Some(engine) = request.resume.as_ref().map(ResumeToken::engine).or(request.engine.as_ref()) {
            job.engine = engine.clone();
        }
        job.continues = request.resume.map_or(Continues::Nothing, Continues::Thread);
        if let Some(context) = &request.context {
            job.context = self.context(&job, context)?;
        }
        // Those that were chosen here for another engine mean nothing to this one.
        job.options = surround.options(&job.engine);
        job.options.model = request.options.model.or(job.options.model);
        job.options.reasoning = request.options.reasoning.or(job.options.reasoning);
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
        self.say(to.as_ref().unwrap_or(&self.place.address), message, options).await
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<(), SendError> {
        self.link().settle(message, &view::about_this(new, &self.message.id)).await
    }

    async fn retire(&self, message: &MessageRef) {
        self.link().retire(message).await;
    }

    async fn ask(&self, question: OutgoingMessage, patience: Duration) -> Result<IncomingMessage, AskError> {
        let link = self.link();
        let person = match &self.message.sender {
            _ if link.access.people == People::Local => None,
            Some(sender) => Some(sender.id.clone()),
            None => return Err(AskError::Nobody),
        };
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
        let link = self.link();
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
}
