//! What is written to the bot while no takopi receives for it.
//!
//! It is looked at and left where it is: a poll that names no update to go on from makes the server forget none. So nothing
//! is lost that people wrote to a takopi that does not run just now.

use std::collections::VecDeque;
use std::time::Duration;

use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::message::{ChatKind, Sender};
use takopi_api::transport::{Contact, Ear, Overheard, SetupContext, SetupError, Wizard};
use tokio::time::sleep;

use super::Bot;
use super::chat::{Writer, Written, hopeless, poll, written};
use crate::client::{Delivered, NoPreview, SendMessage, insist};
use crate::wire::{ChatId, User};

/// As many updates the server tells at a time: what comes after them is not told before they are forgotten.
const MANY: usize = 100;

/// The pause between polls while something is there already, as then they do not wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Polls for a bot.
struct Polls {
    bot: Bot,
    contact: Contact,
    /// The last update that was there, or was looked at.
    last: i64,
    /// Whether something waited that was not heard.
    keeps: bool,
    /// What a poll brought besides what was given.
    waiting: VecDeque<Written>,
}

/// Finds the bot of the settings, or of a token that is asked for.
pub(crate) async fn open(
    context: &SetupContext<'_>,
    wizard: &mut dyn Wizard,
) -> Result<Box<dyn Ear>, SetupError> {
    let bot = super::known_bot(context, wizard).await?;
    let contact = contact(&bot.me);
    Ok(Box::new(Polls { bot, contact, last: 0, keeps: false, waiting: VecDeque::new() }))
}

fn contact(me: &User) -> Contact {
    match &me.username {
        Some(name) => Contact::new(format!("@{name}")).code_link(format!("https://t.me/{name}?start=")),
        None => Contact::new("the bot"),
    }
}

#[async_trait]
impl Ear for Polls {
    fn contact(&self) -> &Contact {
        &self.contact
    }

    async fn begin(&mut self) -> Result<(), Error> {
        let waiting =
            insist(|| self.bot.client.get_updates_now(0)).await.map_err(|error| hopeless(&error))?;
        if waiting.len() >= MANY {
            return Err(too_many());
        }
        let newest = waiting.iter().filter_map(Delivered::id).max().unwrap_or_default();
        self.keeps |= newest > self.last;
        self.last = self.last.max(newest);
        self.waiting.clear();
        Ok(())
    }

    async fn next(&mut self, wizard: &mut dyn Wizard) -> Result<Overheard, Error> {
        loop {
            if let Some(written) = self.waiting.pop_front() {
                return Ok(overheard(&written));
            }
            let delivered = poll(&self.bot.client, None, wizard).await?;
            let is_full = delivered.len() >= MANY;
            let new = || delivered.iter().filter(|delivered| delivered.id().is_some_and(|id| id > self.last));
            let newest = new().filter_map(Delivered::id).max();
            self.waiting.extend(written(new()));
            match newest {
                Some(newest) => self.last = newest,
                None if is_full => return Err(too_many()),
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn answer(&mut self, to: &Overheard, text: &str) -> Result<(), Error> {
        let chat_id = ChatId::of(&to.channel)
            .ok_or_else(|| Error::new(format!("{} is no chat of Telegram", to.channel)))?;
        let message = SendMessage::<serde_json::Value> {
            chat_id,
            message_thread_id: None,
            text: text.to_owned(),
            entities: Vec::new(),
            reply_parameters: None,
            reply_markup: None,
            disable_notification: false,
            link_preview_options: NoPreview::NONE,
        };
        let sent = self.bot.client.send_message(&message).await;
        sent.map(drop).map_err(|error| Error::new(error.to_string()))
    }

    async fn forget(&mut self) {
        if self.keeps || self.last == 0 {
            return;
        }
        if let Err(error) = insist(|| self.bot.client.get_updates_now(self.last + 1)).await {
            tracing::debug!(%error, "telegram.ear: what was heard stays");
        }
    }
}

fn too_many() -> Error {
    Error::new("a hundred messages or more wait for this bot, so that newer ones are not told yet")
        .hint("start takopi, which takes them, and try again")
}

fn overheard(written: &Written) -> Overheard {
    let chat = &written.chat;
    let kind = if chat.kind == "private" { ChatKind::Private } else { ChatKind::Group };
    let sender = match &written.writer {
        Writer::Person(person) => {
            let sender = Sender::new(person.id.to_string());
            Some(person.name().map_or(sender.clone(), |name| sender.name(name)))
        }
        Writer::Nobody(_) => None,
    };
    Overheard::new(chat.id.channel(), kind, &written.text, written.shown())
        .sender(sender)
        .forwarded(written.is_forward)
}
