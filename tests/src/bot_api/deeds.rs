//! What people do, and what of it the bot is told.

use serde_json::json;

use super::files::Attachment;
use super::message::{Content, Media, MediaKind, Message, Service};
use super::state::State;
use super::wording;
use super::world::{ChatId, ChatKind, MessageId, Role, TopicId, UserId, World};

/// A message of a person that is not in its chat yet.
#[derive(Debug, Clone)]
pub struct Said {
    message: Message,
    file: Option<(MediaKind, Attachment)>,
}

impl Said {
    /// Words in a chat.
    #[must_use]
    pub fn new(chat: ChatId, from: UserId, text: &str) -> Self {
        let entities = wording::entities(text);
        let message = Message::new(chat, from, Content::Text(text.to_owned()));
        Self { message: Message { entities, ..message }, file: None }
    }

    /// In a topic of it.
    #[must_use]
    pub fn topic(mut self, topic: TopicId) -> Self {
        self.message.thread = Some(topic);
        self
    }

    /// As the answer to a message of the same chat, in whose topic it lies.
    #[must_use]
    pub fn reply_to(mut self, id: MessageId) -> Self {
        self.message.reply_to = Some(id);
        self
    }

    /// With a file, so that the words are its caption.
    #[must_use]
    pub fn file(mut self, kind: MediaKind, file: Attachment) -> Self {
        self.file = Some((kind, file));
        self
    }

    /// Written first by somebody else.
    #[must_use]
    pub fn forwarded(mut self, author: UserId) -> Self {
        self.message.forwarded = Some(author);
        self
    }

    /// With entities that the person made, such as bold.
    #[must_use]
    pub fn entities(mut self, entities: Vec<serde_json::Value>) -> Self {
        self.message.entities = entities;
        self
    }
}

impl State {
    pub(super) fn write(&mut self, said: Said, album: Option<&str>) -> MessageId {
        let Said { mut message, file } = said;
        let chat = message.chat;
        if let Some(answered) = message.reply_to {
            let answered = self.world.chat(chat).messages.get(&answered);
            message.thread = message.thread.or(answered.and_then(|answered| answered.thread));
        }
        if let Some(topic) = message.thread {
            assert!(self.world.chat(chat).topics.contains_key(&topic), "there is no topic {topic} in {chat}");
        }
        if let Some((kind, file)) = file {
            let caption = message.text().to_owned();
            let file = self.world.files.add(file);
            message.content = Content::Media(Media { kind, file, caption });
        }
        message.album = album.map(str::to_owned);
        let id = self.world.post(chat, |id| Message { id, ..message });
        self.tell(chat, id, "message");
        id
    }

    /// Tells the bot of a message, if the bot gets it.
    fn tell(&mut self, chat: ChatId, id: MessageId, kind: &'static str) {
        let is_channel = self.world.chat(chat).kind == ChatKind::Channel;
        let message = &self.world.chat(chat).messages[&id];
        if is_told(&self.world, message) {
            let kind = match kind {
                "message" if is_channel => "channel_post",
                "edited_message" if is_channel => "edited_channel_post",
                kind => kind,
            };
            let json = message.json(&self.world);
            self.updates.push(kind, json);
        }
    }

    pub(super) fn rewrite(&mut self, chat: ChatId, id: MessageId, text: &str) {
        let message = self.message_mut(chat, id);
        match &mut message.content {
            Content::Text(old) => text.clone_into(old),
            Content::Media(media) => text.clone_into(&mut media.caption),
            Content::Rich { .. } | Content::Service(_) => {
                panic!("the message {id} in {chat} has no words of a person")
            }
        }
        message.entities = wording::entities(text);
        message.edited = Some(super::world::now());
        self.tell(chat, id, "edited_message");
    }

    pub(super) fn message_mut(&mut self, chat: ChatId, id: MessageId) -> &mut Message {
        let message = self.world.chat_mut(chat).messages.get_mut(&id);
        message.unwrap_or_else(|| panic!("there is no message {id} in {chat}"))
    }

    /// Presses a button that must be there.
    pub(super) fn press(
        &mut self,
        chat: ChatId,
        id: MessageId,
        label: &str,
        who: UserId,
    ) -> Result<String, String> {
        let message = self.world.chat(chat).messages.get(&id);
        let message = message.ok_or_else(|| format!("there is no message {id} in {chat}"))?;
        let button = message.buttons.iter().flatten().find(|button| button.label == label);
        let button = button.ok_or_else(|| format!("{label:?} is not among {:?}", message.labels()))?;
        let data = button.data.clone().ok_or_else(|| format!("{label:?} gives nothing to the bot"))?;
        Ok(self.press_data(chat, id, &data, who))
    }

    /// Presses a button that may be gone, as a person does who looks at an old copy of the message.
    pub(super) fn press_data(&mut self, chat: ChatId, id: MessageId, data: &str, who: UserId) -> String {
        let press = self.world.presses.add();
        let message = match self.world.chat(chat).messages.get(&id) {
            Some(message) => message.json(&self.world),
            None => json!({"chat": self.world.chat(chat).json(), "message_id": id, "date": 0}),
        };
        self.updates.push(
            "callback_query",
            json!({
                "id": press, "from": self.world.user(who).json(), "message": message,
                "chat_instance": chat.0.unsigned_abs().to_string(), "data": data,
            }),
        );
        press
    }

    /// Gives somebody a role; where it is the bot's, the bot is told.
    pub(super) fn give_role(&mut self, chat: ChatId, who: UserId, role: Role) {
        let old = self.world.chat_mut(chat).members.insert(who, role).unwrap_or(Role::Left);
        if who != self.world.me.id || old == role {
            return;
        }
        let me = self.world.me.json();
        let status = |role: Role| if role.is_present() { "member" } else { "kicked" };
        let chat = self.world.chat(chat);
        let by = chat.members.keys().find(|user| **user != who).copied().unwrap_or(who);
        let update = json!({
            "chat": chat.json(), "from": self.world.user(by).json(), "date": super::world::now(),
            "old_chat_member": {"user": me, "status": status(old)},
            "new_chat_member": {"user": me, "status": status(role)},
        });
        self.updates.push("my_chat_member", update);
    }

    pub(super) fn migrate(&mut self, group: ChatId) -> ChatId {
        let new = self.world.upgrade(group);
        for (chat, service) in [(group, Service::MigratedTo(new)), (new, Service::MigratedFrom(group))] {
            self.happen(chat, None, service);
        }
        new
    }

    /// Says in a chat what somebody did there.
    pub(super) fn happen(&mut self, chat: ChatId, thread: Option<TopicId>, service: Service) {
        let me = self.world.me.id;
        let by = self.world.chat(chat).members.keys().find(|user| **user != me).copied().unwrap_or(me);
        let message = Message { thread, ..Message::new(chat, by, Content::Service(service)) };
        let id = self.world.post(chat, |id| Message { id, ..message });
        self.tell(chat, id, "message");
    }

    pub(super) fn begin_topic(&mut self, chat: ChatId, by: UserId, name: &str) -> TopicId {
        assert!(self.world.chat(chat).kind.has_topics(), "{chat} has no topics");
        let topic = self.world.add_topic(chat, by, name);
        self.tell(chat, MessageId(topic.0), "message");
        topic
    }
}

/// Whether the bot gets a message. In groups it may get only what is meant for it.
fn is_told(world: &World, message: &Message) -> bool {
    let chat = world.chat(message.chat);
    let role = chat.role(world.me.id);
    if !role.is_present() {
        return false;
    }
    let answers_me = || {
        let answered = message.reply_to.and_then(|id| chat.messages.get(&id));
        answered.is_some_and(|answered| answered.from == world.me.id)
    };
    chat.kind.is_private()
        || role.is_administrator()
        || !world.privacy
        || matches!(message.content, Content::Service(_))
        || wording::names(message.text(), &message.entities, &world.me.username)
        || answers_me()
}
