//! Commands of plugins: how a message or a press reaches one, and what it can do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use takopi_api::command::{
    CommandBackend, CommandContext, CommandHost, Emission, Executor, RunRequest, RunResult, Trigger,
};
use takopi_api::error::Error;
use takopi_api::message::{Address, IncomingMessage, MessageRef, OutgoingMessage, Press, SendOptions};
use takopi_api::plugin::BackendKind;
use takopi_api::runtime::PluginStore;
use takopi_api::transport::SendError;

use super::conversation::{Inner, Link};
use super::directives::Names;
use super::resolve::{Continues, Job};
use super::snapshot::Snapshot;
use super::view;
use crate::plugins::Loaded;
use crate::store::{Namespace, Place};

/// What a command can do where it was used.
struct Here {
    inner: Arc<Inner>,
    link: Link,
    place: Place,
    message: IncomingMessage,
}

impl Inner {
    /// Starts a command of a plugin; it may take as long as it wants.
    pub(super) fn start_plugin_command(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        word: &str,
        args: &str,
        snapshot: &Arc<Snapshot>,
    ) {
        self.start_command(link, place, message.clone(), word, args, Trigger::Message, snapshot);
    }

    /// A press of a button whose data begin with the id of a command and a colon.
    pub(super) fn press_plugin(self: &Arc<Self>, link: &Link, press: &Press, data: &str) -> Option<String> {
        let snapshot = self.snapshot();
        let (word, rest) = data.split_once(':')?;
        snapshot.registry.find(BackendKind::Command, word).ok()?;
        let address = press.message.address.clone();
        let place = Place { transport: link.id.clone(), address: address.clone() };
        let mut message = IncomingMessage::new(address, press.message.id.as_str(), data).chat(press.chat);
        message.sender.clone_from(&press.sender);
        let trigger = Trigger::Button { data: rest.to_owned() };
        self.start_command(link, &place, message, word, rest, trigger, &snapshot);
        None
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "both ways to a command come together here, and nowhere else"
    )]
    fn start_command(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: IncomingMessage,
        word: &str,
        args: &str,
        trigger: Trigger,
        snapshot: &Arc<Snapshot>,
    ) {
        let inner = Arc::clone(self);
        let (link, place, word, args) = (link.clone(), place.clone(), word.to_owned(), args.to_owned());
        let snapshot = Arc::clone(snapshot);
        let busy = self.work.begin(&link.id);
        self.spawn(async move {
            let _busy = busy;
            let used = inner.use_command(&link, &place, &message, &word, &args, trigger, &snapshot);
            let answer = match AssertUnwindSafe(used).catch_unwind().await {
                Ok(Ok(Some(answer))) => answer,
                Ok(Ok(None)) => return,
                Ok(Err(error)) => view::error(&error.to_string(), error.hints()),
                Err(_) => view::error(&format!("the command /{word} panicked"), &[]),
            };
            // Without a key: one button may be pressed more than once.
            let options = SendOptions::default().reply_to(Some(message.id.clone()));
            if let Err(error) = link.send(&message.address, answer, options).await {
                tracing::warn!(transport = %link.id, %error, "the answer of a command could not be sent");
            }
        });
    }

    #[expect(clippy::too_many_arguments, reason = "see start_command")]
    async fn use_command(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        word: &str,
        args: &str,
        trigger: Trigger,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Option<OutgoingMessage>, Error> {
        let command: Arc<dyn CommandBackend> = match snapshot
            .registry
            .load(BackendKind::Command, word)
            .map_err(|error| Error::new(error.to_string()))?
        {
            Loaded::Command(command) => Arc::clone(command),
            _ => return Err(Error::new(format!("/{word} is no command"))),
        };
        let job = self.bare_job(link, place, message).await.ok();
        let context = job.as_ref().map(|job| super::resolve::stored_context(job.context.as_ref()));
        let cwd = match &job {
            Some(job) => self.folder(job).await.ok(),
            None => None,
        };
        let config = snapshot.config.command(word).map_err(|error| Error::new(error.to_string()))?;
        let here = Here {
            inner: Arc::clone(self),
            link: link.clone(),
            place: place.clone(),
            message: message.clone(),
        };
        let values = self.store().values(Namespace::command(word));
        let folder = self.surroundings.state_folder.join("commands").join(word);
        let store = PluginStore::new(Arc::new(values), folder);
        let executor = Executor::new(Arc::new(here));
        let context = CommandContext::new(message.clone(), link.id.clone(), executor, store)
            .trigger(trigger)
            .args_text(args)
            .place(context.unwrap_or_default(), cwd)
            .config(config)
            .catalog(Arc::clone(&snapshot.catalog));
        command.handle(context).await
    }

    /// What an empty message would come to where this one was written.
    async fn bare_job(&self, link: &Link, place: &Place, message: &IncomingMessage) -> Result<Job, Error> {
        let mut bare = message.clone();
        bare.text.clear();
        let surround = self.surround(place).await?;
        self.job(link, place, None, &bare, &surround).await
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
        self.link.send(to.as_ref().unwrap_or(&self.place.address), message, options).await
    }

    async fn run(&self, request: RunRequest) -> Result<RunResult, Error> {
        let mut job = self.inner.bare_job(&self.link, &self.place, &self.message).await?;
        job.prompt.clone_from(&request.prompt);
        job.files.clear();
        job.session = None;
        job.continues = match &request.resume {
            Some(token) => Continues::Thread(token.clone()),
            None => Continues::Nothing,
        };
        if let Some(engine) =
            request.resume.as_ref().map(takopi_api::resume::ResumeToken::engine).or(request.engine.as_ref())
        {
            job.engine = engine.clone();
        }
        if let Some(context) = &request.context {
            job.context = self.context(&job, context)?;
        }
        job.options.model = request.options.model.or(job.options.model);
        job.options.reasoning = request.options.reasoning.or(job.options.reasoning);
        match request.emission {
            Emission::Capture => self.inner.capture(job).await,
            Emission::Emit => self.inner.run_and_wait(job).await,
        }
    }
}

impl Here {
    fn context(
        &self,
        job: &Job,
        wanted: &takopi_api::runtime::RunContext,
    ) -> Result<Option<crate::project::Context>, Error> {
        let Some(alias) = wanted.project.as_deref() else { return Ok(None) };
        if job.snapshot.project(alias).is_none() {
            return Err(Error::new(format!("there is no project `{alias}`")));
        }
        Ok(self.inner.read_stored(&job.snapshot, wanted))
    }
}
