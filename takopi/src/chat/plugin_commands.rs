//! Commands of plugins: how a message or a press reaches one, and how one ends.

mod asks;
mod cut_off;
mod here;
mod runs;
mod uses;

use std::sync::Arc;
use std::time::Duration;

use takopi_api::command::{CommandBackend, CommandContext, Executor, Trigger};
use takopi_api::error::Error;
use takopi_api::message::{IncomingMessage, OutgoingMessage, Press};
use takopi_api::plugin::BackendKind;
use takopi_api::runtime::PluginStore;
use tokio::sync::{Semaphore, watch};

pub(super) use self::asks::Asks;
pub(super) use self::cut_off::CutOffUse;
use self::cut_off::Note;
use self::here::AT_ONCE;
pub(super) use self::here::{Here, Leave};
pub(super) use self::uses::Uses;
use super::conversation::{Inner, Link};
use super::live::Wish;
use super::resolve::{Job, stored_context};
use super::snapshot::Snapshot;
use super::surround::Surround;
use super::view;
use crate::plugins::{Fault, Loaded, Whose, aside};
use crate::store::{Namespace, Place};

/// How long a command may go on after a person ended it: engines take their time to end, and it tells what became of them.
const GRACE: Duration = Duration::from_secs(30);

/// What was written or pressed for a command.
struct Call {
    word: String,
    args: String,
    message: IncomingMessage,
    trigger: Trigger,
}

impl Inner {
    /// Starts a command of a plugin, which may take as long as it wants. Once this returns, it is not forgotten.
    pub(super) async fn start_plugin_command(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        word: &str,
        args: &str,
        snapshot: &Arc<Snapshot>,
    ) {
        let call = Call {
            word: word.to_owned(),
            args: args.to_owned(),
            message: message.clone(),
            trigger: Trigger::Message,
        };
        self.start_command(link, place, call, snapshot).await;
    }

    /// A press of a button whose data begin with the id of a command and a colon.
    pub(super) async fn press_plugin(
        self: &Arc<Self>,
        link: &Link,
        press: &Press,
        data: &str,
    ) -> Option<String> {
        let snapshot = self.snapshot();
        let (word, rest) = data.split_once(':')?;
        snapshot.registry.find(BackendKind::Command, word).ok()?;
        let address = press.message.address.clone();
        let place = Place { transport: link.id.clone(), address: address.clone() };
        let mut message = IncomingMessage::new(address, press.message.id.as_str(), data).chat(press.chat);
        message.sender.clone_from(&press.sender);
        let call = Call {
            word: word.to_owned(),
            args: rest.to_owned(),
            message,
            trigger: Trigger::Button { data: rest.to_owned() },
        };
        self.start_command(link, &place, call, &snapshot).await;
        None
    }

    async fn start_command(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        call: Call,
        snapshot: &Arc<Snapshot>,
    ) {
        let note = Arc::new(Note::new(self.store(), &link.id, &call.word, &call.message));
        let whose = Whose::new(BackendKind::Command, &call.word, &snapshot.registry);
        let leave = Leave::Given { link: link.clone(), note: Arc::clone(&note) };
        let here = Here::new(self, place, &call.message, whose, leave);
        // From here on it can be cancelled.
        let going_on = (self.work.begin(&link.id), here.used.at_work());
        note.begin().await;
        let inner = Arc::clone(self);
        let (link, snapshot) = (link.clone(), Arc::clone(snapshot));
        self.spawn(async move {
            if let Some(answer) = inner.answer_call(&here, link, call, snapshot).await
                && let options = here.reply().key(note.reply_key())
                && let Err(error) = here.say(&here.place.address, answer, options).await
            {
                let transport = &here.place.transport;
                tracing::warn!(%transport, plugin = %here.whose, %error, "the answer of a command could not be sent");
            }
            note.end().await;
            drop(going_on);
        });
    }

    /// What a command answers, whatever becomes of it.
    async fn answer_call(
        self: &Arc<Self>,
        here: &Here,
        link: Link,
        call: Call,
        snapshot: Arc<Snapshot>,
    ) -> Option<OutgoingMessage> {
        let (inner, hands) = (Arc::clone(self), here.clone());
        let used = async move { inner.use_command(hands, &link, call, &snapshot).await };
        match aside(used, overdue(here.used.wish())).await {
            Ok(Some(Ok(answer))) => answer,
            Ok(Some(Err(error))) => Some(view::error(&error.to_string(), error.hints())),
            Ok(None) => Some(view::notice("`cancelled`")),
            Err(fault) => {
                tracing::error!(plugin = %here.whose, %fault, "plugin.command.failed");
                let what = match fault {
                    Fault::Panicked(_) => "panicked",
                    Fault::Blocked => "was cancelled, but blocks one of takopi's threads",
                    Fault::NoThread(_) => "was not used: the machine has no thread for it",
                };
                Some(view::error(&format!("{} {what}", here.whose), &[]))
            }
        }
    }

    async fn use_command(
        self: &Arc<Self>,
        here: Here,
        link: &Link,
        call: Call,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Option<OutgoingMessage>, Error> {
        let Call { word, args, message, trigger } = call;
        let command: Arc<dyn CommandBackend> = match snapshot
            .registry
            .load(BackendKind::Command, &word)
            .map_err(|error| Error::new(error.to_string()))?
        {
            Loaded::Command(command) => Arc::clone(command),
            _ => return Err(Error::new(format!("/{word} is no command"))),
        };
        let surround = self.surround(&here.place).await?;
        let job = self.bare_job(link, &here.place, &message, &surround).await.ok();
        let context = job.as_ref().and_then(|job| job.context.as_ref());
        let project = context.map(|context| &context.project);
        let context = stored_context(context);
        let cwd = match &job {
            Some(job) => self.folder(job).await.ok(),
            None => None,
        };
        let config =
            snapshot.config.command_in(&word, project).map_err(|error| Error::new(error.to_string()))?;
        let store = self.command_store(&word);
        let executor = Executor::new(Arc::new(here));
        let context = CommandContext::new(message, link.id.clone(), executor, store)
            .trigger(trigger)
            .args_text(args)
            .place(context, cwd)
            .config(config)
            .catalog(Arc::clone(&snapshot.catalog));
        command.handle(context).await
    }

    /// What a command remembers.
    pub(super) fn command_store(&self, id: &str) -> PluginStore {
        let values = self.store().values(Namespace::command(id));
        let folder = self.surroundings.state_folder.join("commands").join(id);
        PluginStore::new(Arc::new(values), folder)
    }

    /// What an empty message would come to where this one was written.
    async fn bare_job(
        &self,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        surround: &Surround,
    ) -> Result<Job, Error> {
        let mut bare = message.clone();
        bare.text.clear();
        self.job(link, place, None, &bare, surround).await
    }
}

impl Here {
    pub(super) fn new(
        inner: &Arc<Inner>,
        place: &Place,
        message: &IncomingMessage,
        whose: Whose,
        leave: Leave,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            place: place.clone(),
            message: message.clone(),
            used: inner.uses.begin(place, message),
            leave,
            whose,
            sends: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// Waits until a use that a person ended has had its time.
async fn overdue(mut wish: watch::Receiver<Wish>) {
    if wish.wait_for(|wish| *wish != Wish::GoOn).await.is_err() {
        // The use holds the sender, and is there as long as this is.
        std::future::pending::<()>().await;
    }
    let hurried = wish.wait_for(|wish| *wish == Wish::Kill);
    // Whether its time is up or nobody wants to wait for that, it is over.
    let _ = tokio::time::timeout(GRACE, hurried).await;
}
