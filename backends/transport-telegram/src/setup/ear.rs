//! What is written to the bot while no takopi receives for it.

use std::collections::VecDeque;

use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::message::{ChatKind, Sender};
use takopi_api::transport::{Contact, Ear, Overheard, SetupContext, SetupError, Wizard};

use super::Bot;
use super::chat::{Writer, Written, poll, skip};
use crate::client::{NoPreview, SendMessage, insist};
use crate::wire::{ChatId, User};

/// Polls for a bot.
pub(super) struct Polls {
    bot: Bot,
    contact: Contact,
    from: Option<i64>,
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
    Ok(Box::new(Polls { bot, contact, from: None, waiting: VecDeque::new() }))
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
        self.waiting.clear();
        self.from = skip(&self.bot.client).await?;
        Ok(())
    }

    async fn next(&mut self, wizard: &mut dyn Wizard) -> Result<Overheard, Error> {
        loop {
            if let Some(written) = self.waiting.pop_front() {
                return Ok(overheard(&written));
            }
            self.waiting.extend(poll(&self.bot.client, &mut self.from, wizard).await?);
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

    async fn end(&mut self) {
        let Some(from) = self.from else { return };
        if let Err(error) = insist(|| self.bot.client.get_updates_now(from)).await {
            tracing::debug!(%error, "telegram.ear: what was heard stays");
        }
    }
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
