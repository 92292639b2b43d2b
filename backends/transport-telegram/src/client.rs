//! The Bot API: one method of Rust a method of the API that is used.
//!
//! Nothing here decides or waits: a call is made once, and what became of it is told ([`CallError`]). The token is in the
//! address of every call, so no error of the HTTP client is passed on with its address.

mod failure;
mod http;
mod insist;
mod multipart;
mod token;
mod updates;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use failure::{Arrival, CallError, Failure, Rival, Scope};
pub(crate) use http::Client;
pub(crate) use insist::insist;
pub(crate) use multipart::Part;
pub(crate) use token::BotToken;
#[cfg(test)]
pub(crate) use token::tests::secret;
pub(crate) use updates::Delivered;

use crate::wire::{ChatId, ChatInfo, ChatMember, File, ForumTopic, Sent, User, Webhook};

/// A method of the API.
#[derive(Debug)]
pub(crate) struct Method {
    name: &'static str,
    /// What the server means by "too many".
    scope: Scope,
}

const fn method(name: &'static str, scope: Scope) -> Method {
    Method { name, scope }
}

const GET_ME: Method = method("getMe", Scope::Bot);
const GET_UPDATES: Method = method("getUpdates", Scope::Bot);
const GET_WEBHOOK: Method = method("getWebhookInfo", Scope::Bot);
const DELETE_WEBHOOK: Method = method("deleteWebhook", Scope::Bot);
const SEND_MESSAGE: Method = method("sendMessage", Scope::Chat);
const SEND_RICH: Method = method("sendRichMessage", Scope::Chat);
const SEND_DOCUMENT: Method = method("sendDocument", Scope::Chat);
const SEND_ALBUM: Method = method("sendMediaGroup", Scope::Chat);
const EDIT_MESSAGE: Method = method("editMessageText", Scope::Chat);
const DELETE_MESSAGE: Method = method("deleteMessage", Scope::Chat);
const ANSWER_PRESS: Method = method("answerCallbackQuery", Scope::Bot);
const SEND_DRAFT: Method = method("sendMessageDraft", Scope::Chat);
const SET_REACTION: Method = method("setMessageReaction", Scope::Chat);
const SEND_ACTION: Method = method("sendChatAction", Scope::Chat);
const GET_CHAT: Method = method("getChat", Scope::Chat);
const GET_MEMBER: Method = method("getChatMember", Scope::Chat);
const CREATE_TOPIC: Method = method("createForumTopic", Scope::Chat);
const EDIT_TOPIC: Method = method("editForumTopic", Scope::Chat);
const GET_FILE: Method = method("getFile", Scope::Bot);
const SET_COMMANDS: Method = method("setMyCommands", Scope::Bot);

/// How long the server waits for updates before it says that there are none. It is short, so that a connection that died
/// without a word is given up soon: see [`POLL_PATIENCE`].
const POLL: Duration = Duration::from_secs(15);

/// How long an answer to a poll may take: what the server waits, and what the way takes. So nothing is waited for longer
/// than this after the network is back.
const POLL_PATIENCE: Duration = Duration::from_secs(25);

/// How long any other call may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a file may take.
const FILE_PATIENCE: Duration = Duration::from_secs(300);

/// The kinds of updates that are wanted.
const WANTED: &[&str] = &["message", "edited_message", "channel_post", "callback_query"];

/// A message to send.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SendMessage<E> {
    pub(crate) chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_thread_id: Option<i64>,
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entities: Vec<E>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_parameters: Option<ReplyParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_markup: Option<Keyboard>,
    pub(crate) disable_notification: bool,
    pub(crate) link_preview_options: NoPreview,
}

/// A message with blocks to send: only such a one has tables.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SendRich {
    pub(crate) chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_thread_id: Option<i64>,
    pub(crate) rich_message: RichMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_parameters: Option<ReplyParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_markup: Option<Keyboard>,
    pub(crate) disable_notification: bool,
}

/// What such a message says.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RichMessage {
    html: String,
    skip_entity_detection: bool,
}

impl RichMessage {
    /// It says this, and nothing in it becomes a command, a mention or a link by itself.
    pub(crate) const fn of_html(html: String) -> Self {
        Self { html, skip_entity_detection: true }
    }
}

/// A message to change.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EditMessage<E> {
    pub(crate) chat_id: ChatId,
    pub(crate) message_id: i64,
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entities: Vec<E>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_markup: Option<Keyboard>,
    pub(crate) link_preview_options: NoPreview,
}

/// A text that is being written, for a private chat.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SendDraft<E> {
    pub(crate) chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_thread_id: Option<i64>,
    /// Never 0.
    pub(crate) draft_id: i64,
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entities: Vec<E>,
}

/// Files to send: one, or an album of several.
#[derive(Debug, Clone)]
pub(crate) struct SendFiles {
    pub(crate) chat_id: ChatId,
    pub(crate) message_thread_id: Option<i64>,
    pub(crate) reply_parameters: Option<ReplyParameters>,
    pub(crate) disable_notification: bool,
    /// Stands below the first one.
    pub(crate) caption: String,
    /// JSON of the caption's entities.
    pub(crate) caption_entities: Option<Value>,
    pub(crate) files: Vec<Upload>,
}

/// A file to send.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content: Arc<Vec<u8>>,
}

/// The message that another one answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ReplyParameters {
    pub(crate) message_id: i64,
    /// An answer arrives also where the question was deleted.
    pub(crate) allow_sending_without_reply: bool,
}

/// Links in an answer are not what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct NoPreview {
    is_disabled: bool,
}

impl NoPreview {
    pub(crate) const NONE: Self = Self { is_disabled: true };
}

/// Rows of buttons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Keyboard {
    pub(crate) inline_keyboard: Vec<Vec<KeyboardButton>>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeyboardButton {
    pub(crate) text: String,
    pub(crate) callback_data: String,
}

/// A command of the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MenuCommand {
    pub(crate) command: String,
    pub(crate) description: String,
}

impl Client {
    /// Who the bot is.
    pub(crate) async fn get_me(&self) -> Result<User, CallError> {
        self.call(&GET_ME, &json!({}), PATIENCE).await
    }

    /// The same, and what time the server says it is.
    pub(crate) async fn get_me_dated(&self) -> Result<(User, Option<SystemTime>), CallError> {
        let answer = self.post(&GET_ME, &json!({}), PATIENCE).await?;
        Ok((http::result(&GET_ME, answer.status, &answer.text)?, answer.date))
    }

    /// What a chat is.
    pub(crate) async fn get_chat(&self, chat: ChatId) -> Result<ChatInfo, CallError> {
        self.call(&GET_CHAT, &json!({ "chat_id": chat }), PATIENCE).await
    }

    /// Waits for updates from this one on; `None` for all that the server still has.
    pub(crate) async fn get_updates(&self, offset: Option<i64>) -> Result<Vec<Delivered>, CallError> {
        self.updates(offset, POLL).await
    }

    /// The updates from this one on that the server has already. Of those before it, it forgets all; a negative offset
    /// counts from the newest one.
    pub(crate) async fn get_updates_now(&self, offset: i64) -> Result<Vec<Delivered>, CallError> {
        self.updates(Some(offset), Duration::ZERO).await
    }

    async fn updates(&self, offset: Option<i64>, wait: Duration) -> Result<Vec<Delivered>, CallError> {
        let mut body = json!({ "timeout": wait.as_secs(), "limit": 100, "allowed_updates": WANTED });
        if let Some(offset) = offset {
            body["offset"] = offset.into();
        }
        let answer = self.post(&GET_UPDATES, &body, POLL_PATIENCE).await?;
        match http::result::<updates::Batch>(&GET_UPDATES, answer.status, &answer.text) {
            Ok(batch) => Ok(batch.read()),
            // Not the server's, or only broken in places.
            Err(error) => updates::rescued(&answer.text).ok_or(error),
        }
    }

    /// Where updates go.
    pub(crate) async fn get_webhook(&self) -> Result<Webhook, CallError> {
        self.call(&GET_WEBHOOK, &json!({}), PATIENCE).await
    }

    /// From now on updates can be polled for. Those that wait are kept.
    pub(crate) async fn delete_webhook(&self) -> Result<(), CallError> {
        self.done(&DELETE_WEBHOOK, &json!({ "drop_pending_updates": false })).await
    }

    pub(crate) async fn send_message<E: Serialize + Sync>(
        &self,
        message: &SendMessage<E>,
    ) -> Result<i64, CallError> {
        let sent: Sent = self.call(&SEND_MESSAGE, message, PATIENCE).await?;
        Ok(sent.message_id)
    }

    pub(crate) async fn send_rich(&self, message: &SendRich) -> Result<i64, CallError> {
        let sent: Sent = self.call(&SEND_RICH, message, PATIENCE).await?;
        Ok(sent.message_id)
    }

    /// Sends files, and gives the number of the first message of them.
    pub(crate) async fn send_files(&self, files: &SendFiles) -> Result<i64, CallError> {
        if let [file] = files.files.as_slice() {
            let sent: Sent = self.upload(&SEND_DOCUMENT, &files.parts_of_one(file), FILE_PATIENCE).await?;
            return Ok(sent.message_id);
        }
        let sent: Vec<Sent> = self.upload(&SEND_ALBUM, &files.parts_of_album(), FILE_PATIENCE).await?;
        sent.first().map(|sent| sent.message_id).ok_or_else(|| CallError {
            method: SEND_ALBUM.name,
            failure: Failure::Refused,
            message: "the server made no messages of an album".to_owned(),
        })
    }

    pub(crate) async fn edit_message<E: Serialize + Sync>(
        &self,
        message: &EditMessage<E>,
    ) -> Result<(), CallError> {
        self.done(&EDIT_MESSAGE, message).await
    }

    pub(crate) async fn delete_message(&self, chat: ChatId, message: i64) -> Result<(), CallError> {
        self.done(&DELETE_MESSAGE, &json!({ "chat_id": chat, "message_id": message })).await
    }

    pub(crate) async fn answer_press(&self, press: &str, text: Option<&str>) -> Result<(), CallError> {
        let mut body = json!({ "callback_query_id": press });
        if let Some(text) = text {
            body["text"] = text.into();
        }
        self.done(&ANSWER_PRESS, &body).await
    }

    pub(crate) async fn show_typing(&self, chat: ChatId, topic: Option<i64>) -> Result<(), CallError> {
        let mut body = json!({ "chat_id": chat, "action": "typing" });
        if let Some(topic) = topic {
            body["message_thread_id"] = topic.into();
        }
        self.done(&SEND_ACTION, &body).await
    }

    pub(crate) async fn send_draft<E: Serialize + Sync>(
        &self,
        draft: &SendDraft<E>,
    ) -> Result<(), CallError> {
        self.done(&SEND_DRAFT, draft).await
    }

    /// Puts a reaction below a message.
    pub(crate) async fn react(&self, chat: ChatId, message: i64, emoji: &str) -> Result<(), CallError> {
        let reaction = json!([{ "type": "emoji", "emoji": emoji }]);
        let body = json!({ "chat_id": chat, "message_id": message, "reaction": reaction });
        self.done(&SET_REACTION, &body).await
    }

    pub(crate) async fn get_member(&self, chat: ChatId, person: i64) -> Result<ChatMember, CallError> {
        self.call(&GET_MEMBER, &json!({ "chat_id": chat, "user_id": person }), PATIENCE).await
    }

    pub(crate) async fn create_topic(&self, chat: ChatId, title: &str) -> Result<i64, CallError> {
        let body = json!({ "chat_id": chat, "name": title });
        let topic: ForumTopic = self.call(&CREATE_TOPIC, &body, PATIENCE).await?;
        Ok(topic.message_thread_id)
    }

    pub(crate) async fn rename_topic(&self, chat: ChatId, topic: i64, title: &str) -> Result<(), CallError> {
        self.done(&EDIT_TOPIC, &json!({ "chat_id": chat, "message_thread_id": topic, "name": title })).await
    }

    pub(crate) async fn get_file(&self, id: &str) -> Result<File, CallError> {
        self.call(&GET_FILE, &json!({ "file_id": id }), PATIENCE).await
    }

    /// The content of a file of which [`Self::get_file`] told the path; too long if there is more of it than this.
    pub(crate) async fn download(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, CallError> {
        self.fetch(path, max_bytes, FILE_PATIENCE).await
    }

    pub(crate) async fn set_commands(&self, commands: &[MenuCommand]) -> Result<(), CallError> {
        self.done(&SET_COMMANDS, &json!({ "commands": commands })).await
    }

    /// A call whose answer is that it was done.
    async fn done(&self, method: &Method, body: &(impl Serialize + Sync)) -> Result<(), CallError> {
        let _: serde::de::IgnoredAny = self.call(method, body, PATIENCE).await?;
        Ok(())
    }
}

impl SendFiles {
    /// The most that an album has.
    pub(crate) const ALBUM: usize = PART_NAMES.len();

    fn envelope(&self) -> Vec<Part<'_>> {
        let mut parts = vec![Part::field("chat_id", self.chat_id.to_string())];
        if let Some(topic) = self.message_thread_id {
            parts.push(Part::field("message_thread_id", topic.to_string()));
        }
        if let Some(reply) = &self.reply_parameters {
            let reply = json!({
                "message_id": reply.message_id,
                "allow_sending_without_reply": reply.allow_sending_without_reply,
            });
            parts.push(Part::field("reply_parameters", reply.to_string()));
        }
        parts.push(Part::field("disable_notification", self.disable_notification.to_string()));
        parts
    }

    fn parts_of_one<'a>(&'a self, file: &'a Upload) -> Vec<Part<'a>> {
        let mut parts = self.envelope();
        if !self.caption.is_empty() {
            parts.push(Part::field("caption", self.caption.clone()));
        }
        if let Some(entities) = &self.caption_entities {
            parts.push(Part::field("caption_entities", entities.to_string()));
        }
        parts.push(Part::file("document", &file.name, &file.content));
        parts
    }

    fn parts_of_album(&self) -> Vec<Part<'_>> {
        let mut parts = self.envelope();
        let mut media = Vec::with_capacity(self.files.len());
        // Who sends more than an album has does not call this.
        for (name, file) in PART_NAMES.into_iter().zip(&self.files) {
            media.push(json!({ "type": "document", "media": format!("attach://{name}") }));
            parts.push(Part::file(name, &file.name, &file.content));
        }
        if let Some(first) = media.first_mut()
            && !self.caption.is_empty()
        {
            first["caption"] = self.caption.as_str().into();
            if let Some(entities) = &self.caption_entities {
                first["caption_entities"] = entities.clone();
            }
        }
        parts.push(Part::field("media", Value::from(media).to_string()));
        parts
    }
}

/// What the files of an album are called in a call.
const PART_NAMES: [&str; 10] =
    ["file0", "file1", "file2", "file3", "file4", "file5", "file6", "file7", "file8", "file9"];
