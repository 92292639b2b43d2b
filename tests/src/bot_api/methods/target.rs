//! Where a call is meant for: the chat, the topic and the answered message.

use serde::Deserialize;
use serde_json::Value;

use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::world::{Chat, ChatId, ChatKind, MessageId, Role, TopicId, World};

/// The chat of a call, in which the bot may do something.
#[derive(Debug, Clone, Copy)]
pub(in crate::bot_api) struct Target {
    pub(super) chat: ChatId,
    role: Role,
}

/// What a message is to answer.
#[derive(Debug, Deserialize)]
struct ReplyParameters {
    message_id: i64,
    #[serde(default)]
    allow_sending_without_reply: bool,
}

impl Target {
    /// The chat, whether or not the bot may do something in it.
    pub(in crate::bot_api) fn chat_id(params: &Params) -> Result<ChatId, Refusal> {
        if params.text("chat_id").is_empty() {
            return Err(Refusal::bad("chat_id is empty"));
        }
        // Chats are known by name here neither.
        params.number("chat_id").map(ChatId).ok_or_else(|| Refusal::bad("chat not found"))
    }

    /// The chat, if the bot is in it.
    pub(super) fn read(world: &World, params: &Params) -> Result<Self, Refusal> {
        let id = Self::chat_id(params)?;
        let chat = world.chats.get(&id).ok_or_else(|| Refusal::bad("chat not found"))?;
        if let Some(chat) = chat.moved_to {
            return Err(Refusal::migrated(chat.0));
        }
        let role = chat.role(world.me.id);
        match (chat.kind, role) {
            (ChatKind::Private | ChatKind::PrivateWithTopics, Role::Kicked) => {
                Err(Refusal::forbidden("bot was blocked by the user"))
            }
            (ChatKind::Private | ChatKind::PrivateWithTopics, _) => Ok(Self { chat: id, role }),
            (kind, Role::Kicked) => {
                Err(Refusal::forbidden(&format!("bot was kicked from the {} chat", kind.name())))
            }
            (kind, Role::Left) => {
                Err(Refusal::forbidden(&format!("bot is not a member of the {} chat", kind.name())))
            }
            (ChatKind::Channel, Role::Member) => {
                Err(Refusal::bad("need administrator rights in the channel chat"))
            }
            _ => Ok(Self { chat: id, role }),
        }
    }

    pub(super) fn of(self, world: &World) -> &Chat {
        world.chat(self.chat)
    }

    pub(super) fn is_administrator(self) -> bool {
        self.role.is_administrator()
    }

    pub(super) fn manages_topics(self, world: &World) -> bool {
        self.of(world).kind == ChatKind::PrivateWithTopics || self.role.manages_topics()
    }

    /// The topic that is written to. The general one has no id, so that nobody can write to it by one.
    pub(super) fn thread(self, world: &World, params: &Params) -> Result<Option<TopicId>, Refusal> {
        let topic = match params.number("message_thread_id") {
            None | Some(0) => return Ok(None),
            Some(topic) => TopicId(topic),
        };
        let not_found = || Refusal::bad("message thread not found");
        let known = self.of(world).topics.get(&topic).ok_or_else(not_found)?;
        if known.is_closed && !self.manages_topics(world) {
            return Err(Refusal::bad("TOPIC_CLOSED"));
        }
        Ok(Some(topic))
    }

    /// The message that is answered.
    pub(super) fn reply_to(self, world: &World, params: &Params) -> Result<Option<MessageId>, Refusal> {
        let reply = match params.parsed::<ReplyParameters>("reply_parameters", "reply parameters")? {
            Some(reply) => reply,
            None => match params.number("reply_to_message_id") {
                None | Some(0) => return Ok(None),
                Some(message_id) => ReplyParameters {
                    message_id,
                    allow_sending_without_reply: params.flag("allow_sending_without_reply"),
                },
            },
        };
        let id = MessageId(reply.message_id);
        if self.of(world).messages.contains_key(&id) {
            Ok(Some(id))
        } else if reply.allow_sending_without_reply {
            Ok(None)
        } else {
            Err(Refusal::bad("message to be replied not found"))
        }
    }
}

/// The entities of a call.
pub(super) fn entities(params: &Params, name: &str) -> Result<Vec<Value>, Refusal> {
    if !params.text("parse_mode").is_empty() {
        // What a bot means is what it says: takopi sends entities.
        return Err(Refusal::bad("unsupported parse_mode"));
    }
    match params.structure(name, "message entities")? {
        None => Ok(Vec::new()),
        Some(Value::Array(entities)) => Ok(entities),
        Some(_) => Err(Refusal::bad("can't parse entities: expected an Array of MessageEntity")),
    }
}
