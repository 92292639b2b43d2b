//! The outgoing side: what takopi says becomes calls, which the [`Outbox`] makes in their turn.
//!
//! Answers to presses, questions and downloads do not wait there.

mod rich;

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::message::{
    Address, ChannelId, IncomingFile, MessageId, MessageKind, MessageRef, Notify, OutgoingMessage, PersonId,
    PressId, SendOptions, TopicId,
};
use takopi_api::transport::{
    Capabilities, Edited, Role, SendError, SendFailure, TextLimit, TextUnit, Transport,
};
use tokio::sync::mpsc;

use crate::client::{
    Arrival, CallError, Client, EditMessage, Failure, NoPreview, ReplyParameters, SendDraft, SendFiles,
    SendMessage, Upload, insist,
};
use crate::files;
use crate::keyboard::keyboard;
use crate::moves::Moves;
use crate::outbox::{Call, Deed, Done, Order, Outbox, Paces, Rank, Undone};
use crate::render::{Rendered, first_units, render_message, render_message_parts};
use crate::roles::Roles;
use crate::voice::Voice;
use crate::wire::ChatId;

pub(crate) use self::rich::RichMessages;

/// How long the text below a file may be.
const MAX_CAPTION: usize = 1024;

/// What a body may have, so that header and footer fit in as well.
const MAX_BODY: usize = 3500;

/// How long the answer to a press may be, in UTF-16 units.
const MAX_ANSWER: usize = 200;

/// How long the title of a topic may be.
const MAX_TITLE: usize = 128;

/// What marks a message as seen.
const SEEN: &str = "👀";

/// How far apart edits are. Groups are edited less often; the outbox sees to that.
const EDITS: Duration = Duration::from_secs(1);

/// Telegram, as one bot sees it.
#[derive(Debug)]
pub(crate) struct Telegram {
    client: Client,
    outbox: Outbox,
    roles: Roles,
    moves: Arc<Moves>,
    voice: Voice,
    rich: RichMessages,
    /// Told of chats that turn out to be somewhere else.
    moved: mpsc::UnboundedSender<(ChatId, ChatId)>,
}

impl Telegram {
    pub(crate) fn new(
        client: Client,
        paces: Paces,
        moves: Arc<Moves>,
        voice: Voice,
        rich: RichMessages,
        moved: mpsc::UnboundedSender<(ChatId, ChatId)>,
    ) -> Arc<Self> {
        let outbox = Outbox::new(client.clone(), paces);
        Arc::new(Self { client, outbox, roles: Roles::default(), moves, voice, rich, moved })
    }

    async fn make(
        &self,
        chat: ChatId,
        rank: Rank,
        deed: Deed,
        key: Option<&str>,
        call: impl Fn(ChatId) -> Call + Sync,
    ) -> Result<Done, SendError> {
        self.submit(Order { chat, rank, deed }, key, call).await.map_err(undone)
    }

    /// Has a call made in a chat, wherever that is by now.
    async fn submit(
        &self,
        order: Order,
        key: Option<&str>,
        call: impl Fn(ChatId) -> Call + Sync,
    ) -> Result<Done, Undone> {
        let mut chat = self.moves.current(order.chat);
        loop {
            match self.outbox.submit(Order { chat, ..order }, key, call(chat)).await {
                Err(Undone::Failed(CallError { failure: Failure::Migrated(new), .. })) if new != chat => {
                    if self.moves.insert(chat, new) {
                        // Without anybody to tell, takopi ends.
                        let _ = self.moved.send((chat, new));
                    }
                    chat = new;
                }
                ended => return ended,
            }
        }
    }

    /// Sends something new, and gives its number.
    async fn make_new(
        &self,
        chat: ChatId,
        rank: Rank,
        deed: Deed,
        key: Option<&str>,
        call: impl Fn(ChatId) -> Call + Sync,
    ) -> Result<i64, SendError> {
        made(self.make(chat, rank, deed, key, call).await?)
    }

    /// Sends the files of a message, several as an album, and gives the number of the first one. `caption` stands below
    /// that one.
    async fn send_files(
        &self,
        place: &Place,
        rank: Rank,
        message: &OutgoingMessage,
        mut caption: Option<Rendered>,
        options: &SendOptions,
        reply: Option<ReplyParameters>,
    ) -> Result<Option<i64>, SendError> {
        let mut first = None;
        let mut loaded = None;
        let mut waiting = message.files.iter();
        loop {
            // As much as one call takes. What does not fit any more begins the next one.
            let mut album = Vec::from_iter(loaded.take());
            let mut size: u64 = album.iter().map(|upload: &Upload| upload.content.len() as u64).sum();
            while album.len() < SendFiles::ALBUM
                && let Some(file) = waiting.next()
            {
                let content = Arc::new(files::load(file).await?);
                let upload = Upload { name: file.name.clone(), content };
                size += upload.content.len() as u64;
                if size > files::MAX_SENT && !album.is_empty() {
                    loaded = Some(upload);
                    break;
                }
                album.push(upload);
            }
            if album.is_empty() {
                return Ok(first);
            }
            let Rendered { text, entities } = caption.take().unwrap_or_default();
            let entities = if entities.is_empty() { None } else { serde_json::to_value(&entities).ok() };
            let deed = if album.len() == 1 { Deed::Send } else { Deed::Album(album.len()) };
            let album = SendFiles {
                chat_id: place.chat,
                message_thread_id: place.topic,
                reply_parameters: reply,
                disable_notification: options.notify == Notify::Silent,
                caption: text,
                caption_entities: entities,
                files: album,
            };
            let call = |chat| Call::Files(SendFiles { chat_id: chat, ..album.clone() });
            let number = self.make_new(place.chat, rank, deed, options.key.as_deref(), call).await?;
            first = first.or(Some(number));
        }
    }
}

/// Where something goes.
#[derive(Debug, Clone, Copy)]
struct Place {
    chat: ChatId,
    topic: Option<i64>,
}

impl Place {
    fn of(address: &Address) -> Result<Self, SendError> {
        let chat = chat(&address.channel)?;
        let topic = address.topic.id().map(|topic| number("topic", topic, topic.as_str())).transpose()?;
        Ok(Self { chat, topic })
    }
}

fn chat(channel: &ChannelId) -> Result<ChatId, SendError> {
    ChatId::of(channel).ok_or_else(|| gone("chat", channel))
}

/// The number that Telegram knows something by.
fn number(what: &str, id: impl Display, text: &str) -> Result<i64, SendError> {
    text.parse().map_err(|_| gone(what, id))
}

fn gone(what: &str, id: impl Display) -> SendError {
    SendError::new(SendFailure::Gone, format!("Telegram has no {what} {id}"))
}

fn units(text: &str) -> usize {
    TextUnit::Utf16.count(text)
}

/// The number of what was made.
fn made(done: Done) -> Result<i64, SendError> {
    match done {
        Done::Made(number) => Ok(number),
        // Nothing takes the place of what is new.
        Done::Changed | Done::Superseded => {
            Err(SendError::new(SendFailure::Unknown, "the server did not say what it made"))
        }
    }
}

/// What it means for takopi that something was not done.
fn undone(undone: Undone) -> SendError {
    match undone {
        Undone::Failed(error) => failed(&error),
        Undone::TakenBack => SendError::new(SendFailure::TakenBack, "it was taken back before it was sent"),
        Undone::Closed => SendError::new(SendFailure::Unreachable, "takopi ends before it could be sent"),
    }
}

/// What a call that was not done means for takopi.
fn failed(error: &CallError) -> SendError {
    let failure = match error.failure {
        Failure::RetryAfter { pause, .. } => SendFailure::Busy { retry_after: pause },
        Failure::ThreadNotFound => SendFailure::TopicGone,
        Failure::Gone | Failure::Migrated(_) => SendFailure::Gone,
        Failure::Forbidden | Failure::Unauthorized => SendFailure::Forbidden,
        Failure::TooLong => SendFailure::TooLong,
        Failure::Refused | Failure::NoMethod | Failure::NotModified | Failure::Conflict(_) => {
            SendFailure::Refused
        }
        Failure::Server(Arrival::Never) | Failure::Network(Arrival::Never) => SendFailure::Unreachable,
        Failure::Server(Arrival::Unknown) | Failure::Network(Arrival::Unknown) => SendFailure::Unknown,
    };
    SendError::new(failure, format!("Telegram: {error}"))
}

fn nothing_to_see() -> SendError {
    SendError::new(
        SendFailure::Refused,
        "there is nothing to see in the message, and Telegram takes no such one",
    )
}

/// How urgent a message is that is sent.
const fn rank(kind: MessageKind) -> Rank {
    match kind {
        MessageKind::Progress => Rank::Card,
        _ => Rank::Final,
    }
}

#[async_trait]
impl Transport for Telegram {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .edit(EDITS)
            .delete()
            .buttons()
            .topics()
            .files()
            .typing()
            .reactions()
            .drafts()
            .replies()
            .voice()
            .text(TextLimit { max: MAX_BODY, unit: TextUnit::Utf16 })
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let place = Place::of(to)?;
        let reply = match &options.reply_to {
            Some(id) => {
                let message_id = number("message", id, id.as_str())?;
                Some(ReplyParameters { message_id, allow_sending_without_reply: true })
            }
            None => None,
        };
        let rank = rank(message.kind);
        let reply_markup = keyboard(&message);
        let sent = |number: i64| MessageRef::new(to.clone(), MessageId::new(number.to_string()));
        if let Some(number) = self.send_rich(&place, &message, &options, reply).await? {
            return Ok(sent(number));
        }
        let mut parts = render_message_parts(&message);
        let caption = match parts.as_slice() {
            [only]
                if !message.files.is_empty()
                    && reply_markup.is_none()
                    && units(&only.text) <= MAX_CAPTION =>
            {
                parts.pop()
            }
            _ => None,
        };
        // Files first: a file that can not be sent is known before the text is there.
        let mut first = self.send_files(&place, rank, &message, caption, &options, reply).await?;
        let last = parts.len().saturating_sub(1);
        for (at, part) in parts.into_iter().enumerate() {
            let message = SendMessage {
                chat_id: place.chat,
                message_thread_id: place.topic,
                text: part.text,
                entities: part.entities,
                reply_parameters: reply,
                // Buttons stand where the text ends.
                reply_markup: reply_markup.clone().filter(|_| at == last),
                disable_notification: options.notify == Notify::Silent,
                link_preview_options: NoPreview::NONE,
            };
            let call = |chat| Call::Send(SendMessage { chat_id: chat, ..message.clone() });
            let number = self.make_new(place.chat, rank, Deed::Send, options.key.as_deref(), call).await?;
            // What is edited and replied to is what has the buttons, else what comes first.
            if reply_markup.is_some() || first.is_none() {
                first = Some(number);
            }
        }
        first.map(sent).ok_or_else(nothing_to_see)
    }

    async fn take_back(&self, key: &str) {
        self.outbox.take_back(key);
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        let place = Place::of(&message.address)?;
        let message_id = number("message", &message.id, message.id.as_str())?;
        if !new.files.is_empty() {
            return Err(SendError::unsupported("edit that adds files"));
        }
        if new.kind != MessageKind::Progress && render_message_parts(&new).len() > 1 {
            // Nothing of an answer is cut off; as a message of its own it has room.
            return Err(SendError::new(SendFailure::TooLong, "it does not fit into one message of Telegram"));
        }
        let rendered = render_message(&new).ok_or_else(nothing_to_see)?;
        // What a run came to must not wait as what it does may.
        let rank = if new.kind == MessageKind::Progress { Rank::Edit } else { Rank::Final };
        let edit = EditMessage {
            chat_id: place.chat,
            message_id,
            text: rendered.text,
            entities: rendered.entities,
            reply_markup: keyboard(&new),
            link_preview_options: NoPreview::NONE,
        };
        let call = |chat| Call::Edit(EditMessage { chat_id: chat, ..edit.clone() });
        match self.make(place.chat, rank, Deed::Edit(message_id), None, call).await? {
            Done::Superseded => Ok(Edited::Superseded),
            Done::Changed | Done::Made(_) => Ok(Edited::Done),
        }
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let place = Place::of(&message.address)?;
        let message = number("message", &message.id, message.id.as_str())?;
        let call = |chat| Call::Delete { chat, message };
        self.make(place.chat, Rank::Delete, Deed::Delete(message), None, call).await?;
        Ok(())
    }

    async fn answer_press(&self, press: &PressId, text: Option<&str>) -> Result<(), SendError> {
        let text = text.map(|text| first_units(text, MAX_ANSWER)).filter(|text| !text.is_empty());
        let answered = insist(|| self.client.answer_press(press.as_str(), text)).await;
        answered.map_err(|error| failed(&error))
    }

    async fn show_typing(&self, at: &Address) -> Result<(), SendError> {
        let place = Place::of(at)?;
        let chat = self.moves.current(place.chat);
        self.client.show_typing(chat, place.topic).await.map_err(|error| failed(&error))
    }

    async fn mark_seen(&self, message: &MessageRef) -> Result<(), SendError> {
        let chat = self.moves.current(chat(&message.address.channel)?);
        let message = number("message", &message.id, message.id.as_str())?;
        self.client.react(chat, message, SEEN).await.map_err(|error| failed(&error))
    }

    async fn draft(&self, at: &Address, key: &str, text: OutgoingMessage) -> Result<(), SendError> {
        let place = Place::of(at)?;
        if !place.chat.is_private() {
            return Err(SendError::unsupported("draft in groups"));
        }
        let Rendered { text, entities } = render_message(&text).ok_or_else(nothing_to_see)?;
        let (chat_id, draft_id) = (place.chat, draft_id(key));
        let draft = SendDraft { chat_id, message_thread_id: place.topic, draft_id, text, entities };
        let call = |_| Call::Draft(draft.clone());
        // A younger text takes its place, as with edits; no message has such a number.
        self.make(place.chat, Rank::Edit, Deed::Edit(-draft_id), None, call).await?;
        Ok(())
    }

    async fn role(&self, channel: &ChannelId, person: &PersonId) -> Result<Role, SendError> {
        let chat = self.moves.current(chat(channel)?);
        let person = number("person", person, person.as_str())?;
        self.roles.of(&self.client, chat, person).await.map_err(|error| failed(&error))
    }

    async fn create_topic(&self, channel: &ChannelId, title: &str) -> Result<TopicId, SendError> {
        let title = titled(title);
        let call = |chat| Call::CreateTopic { chat, title: title.clone() };
        let topic = self.make_new(chat(channel)?, Rank::Final, Deed::Send, None, call).await?;
        Ok(TopicId::new(topic.to_string()))
    }

    async fn rename_topic(&self, channel: &ChannelId, topic: &TopicId, title: &str) -> Result<(), SendError> {
        let topic = number("topic", topic, topic.as_str())?;
        let title = titled(title);
        let call = |chat| Call::RenameTopic { chat, topic, title: title.clone() };
        self.make(chat(channel)?, Rank::Final, Deed::Send, None, call).await?;
        Ok(())
    }

    async fn fetch(&self, file: &IncomingFile, max_bytes: u64) -> Result<Vec<u8>, SendError> {
        files::fetch(&self.client, file, max_bytes).await.map_err(|error| failed(&error))
    }

    async fn transcribe(&self, file: &IncomingFile) -> Result<String, Error> {
        self.voice.transcribe(&self.client, file).await
    }
}

/// By what number Telegram knows a draft: not 0, and the same for the same key.
fn draft_id(key: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    i64::from((hasher.finish() & 0x7fff_ffff) as u32).max(1)
}

/// A title that Telegram takes.
fn titled(title: &str) -> String {
    title.chars().take(MAX_TITLE).collect()
}
