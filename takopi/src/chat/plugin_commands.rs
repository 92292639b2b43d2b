//! Commands of plugins: how a message or a press reaches one, and how one ends.

mod asks;
mod cut_off;
mod here;
mod runs;
mod uses;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use takopi_api::command::{CommandBackend, CommandContext, Executor, Trigger};
use takopi_api::error::Error;
use takopi_api::message::{IncomingMessage, OutgoingMessage, Press};
use takopi_api::plugin::BackendKind;
use takopi_api::runtime::PluginStore;
use tokio::sync::watch;

pub(super) use self::asks::Asks;
pub(super) use self::cut_off::CutOffUse;
use self::cut_off::Note;
use self::here::Here;
pub(super) use self::uses::Uses;
use super::conversation::{Inner, Link};
use super::live::Wish;
use super::resolve::{Job, stored_context};
use super::snapshot::Snapshot;
use super::surround::Surround;
use super::view;
use crate::plugins::Loaded;
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
        let here = Arc::new(Here {
            inner: Arc::clone(self),
            link: link.clone(),
            place: place.clone(),
            message: call.message.clone(),
            used: self.uses.begin(place, &call.message),
            note: Note::new(self.store(), &link.id, &call.word, &call.message),
        });
        // From here on it can be cancelled.
        let going_on = (self.work.begin(&link.id), here.used.at_work());
        here.note.begin().await;
        let inner = Arc::clone(self);
        let snapshot = Arc::clone(snapshot);
        self.spawn(async move {
            let word = call.word.clone();
            if let Some(answer) = inner.answer_call(&here, call, &snapshot).await
                && let options = here.reply().key(here.note.reply_key())
                && let Err(error) = here.say(&here.place.address, answer, options).await
            {
                let transport = &here.place.transport;
                tracing::warn!(%transport, command = word, %error, "the answer of a command could not be sent");
            }
            here.note.end().await;
            drop(going_on);
        });
    }

    /// What a command answers, whatever becomes of it.
    async fn answer_call(
        self: &Arc<Self>,
        here: &Arc<Here>,
        call: Call,
        snapshot: &Arc<Snapshot>,
    ) -> Option<OutgoingMessage> {
        let word = call.word.clone();
        let answered = AssertUnwindSafe(self.use_command(here, call, snapshot)).catch_unwind();
        let answered = tokio::select! {
            answered = answered => answered,
            () = overdue(here.used.wish()) => return Some(view::notice("`cancelled`")),
        };
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Some(view::error(&error.to_string(), error.hints())),
            Err(_) => {
                let offer = snapshot.registry.find(BackendKind::Command, &word).ok();
                let from = offer.and_then(|entry| entry.row().distribution);
                let from = from.map(|from| format!(" ({} {})", from.name, from.version)).unwrap_or_default();
                tracing::error!(command = word, "a command panicked");
                Some(view::error(&format!("the command /{word}{from} panicked"), &[]))
            }
        }
    }

    async fn use_command(
        self: &Arc<Self>,
        here: &Arc<Here>,
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
        let job = self.bare_job(&here.link, &here.place, &message, &surround).await.ok();
        let context = job.as_ref().and_then(|job| job.context.as_ref());
        let project = context.map(|context| &context.project);
        let context = stored_context(context);
        let cwd = match &job {
            Some(job) => self.folder(job).await.ok(),
            None => None,
        };
        let config =
            snapshot.config.command_in(&word, project).map_err(|error| Error::new(error.to_string()))?;
        let values = self.store().values(Namespace::command(&word));
        let folder = self.surroundings.state_folder.join("commands").join(&word);
        let store = PluginStore::new(Arc::new(values), folder);
        let executor = Executor::new(Arc::clone(here) as _);
        let context = CommandContext::new(message, here.link.id.clone(), executor, store)
            .trigger(trigger)
            .args_text(args)
            .place(context, cwd)
            .config(config)
            .catalog(Arc::clone(&snapshot.catalog));
        command.handle(context).await
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
