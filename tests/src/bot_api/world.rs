//! Who is there: people, chats with their members and topics, and what lies in them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::files::Files;
use super::message::{Content, Message, Service};
use super::presses::Presses;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A chat. That with a person has the id of the person.
    ChatId
    /// A person, or the bot.
    UserId
    /// A message in its chat.
    MessageId
    /// A topic, which has the id of the message that began it.
    TopicId
}

impl ChatId {
    pub(super) fn is_person(self) -> bool {
        self.0 > 0
    }
}

/// A person, or the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What it is called.
    pub name: String,
    /// By what it is mentioned, without the sign.
    pub username: String,
    /// Whether it is a bot.
    pub is_bot: bool,
}

impl User {
    pub(super) fn json(&self) -> Value {
        json!({"id": self.id, "is_bot": self.is_bot, "first_name": self.name, "username": self.username})
    }
}

/// What a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// The same, divided into topics.
    PrivateWithTopics,
    /// A small group.
    Group,
    /// A large one.
    Supergroup,
    /// A large one that is divided into topics.
    Forum,
    /// Administrators write, and others read.
    Channel,
}

impl ChatKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Private | Self::PrivateWithTopics => "private",
            Self::Group => "group",
            Self::Supergroup | Self::Forum => "supergroup",
            Self::Channel => "channel",
        }
    }

    pub(super) fn is_private(self) -> bool {
        matches!(self, Self::Private | Self::PrivateWithTopics)
    }

    pub(super) fn has_topics(self) -> bool {
        matches!(self, Self::PrivateWithTopics | Self::Forum)
    }
}

/// What somebody is in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who made it.
    Creator,
    /// Who may do more than others.
    Administrator {
        /// Whether that is to make, change and close topics.
        manages_topics: bool,
    },
    /// Everybody else.
    Member,
    /// Who is not there any more.
    Left,
    /// Who was thrown out. A bot in a chat with a person is blocked.
    Kicked,
}

impl Role {
    pub(super) fn is_present(self) -> bool {
        !matches!(self, Self::Left | Self::Kicked)
    }

    pub(super) fn is_administrator(self) -> bool {
        matches!(self, Self::Creator | Self::Administrator { .. })
    }

    pub(super) fn manages_topics(self) -> bool {
        matches!(self, Self::Creator | Self::Administrator { manages_topics: true })
    }
}

/// A part of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// What it is called.
    pub name: String,
    /// Whether only administrators may write.
    pub is_closed: bool,
}

/// A text that a bot is still writing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    /// Where.
    pub thread: Option<TopicId>,
    /// What it says by now.
    pub text: String,
    /// How.
    pub entities: Vec<Value>,
}

/// A chat and what lies in it.
#[derive(Debug, Clone)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// What it is.
    pub kind: ChatKind,
    /// What it is called.
    pub title: String,
    /// Who is in it, or was.
    pub members: BTreeMap<UserId, Role>,
    /// Its topics; the general one is none of them.
    pub topics: BTreeMap<TopicId, Topic>,
    /// What a person sees in it now.
    pub messages: BTreeMap<MessageId, Message>,
    /// What the bot is writing, by the bot's number.
    pub drafts: BTreeMap<i64, Draft>,
    /// What it said that it does, such as `typing`.
    pub actions: Vec<(Option<TopicId>, String)>,
    /// What it has become.
    pub moved_to: Option<ChatId>,
    last_message: i64,
}

impl Chat {
    fn new(id: ChatId, kind: ChatKind, title: String, members: BTreeMap<UserId, Role>) -> Self {
        Self {
            id,
            kind,
            title,
            members,
            topics: BTreeMap::new(),
            messages: BTreeMap::new(),
            drafts: BTreeMap::new(),
            actions: Vec::new(),
            moved_to: None,
            // The number 1 is the general topic's.
            last_message: i64::from(kind == ChatKind::Forum),
        }
    }

    pub(super) fn role(&self, user: UserId) -> Role {
        self.members.get(&user).copied().unwrap_or(Role::Left)
    }

    pub(super) fn json(&self) -> Value {
        let mut chat = json!({"id": self.id, "type": self.kind.name()});
        if self.kind.is_private() {
            chat["first_name"] = json!(self.title);
        } else {
            chat["title"] = json!(self.title);
        }
        if self.kind == ChatKind::Forum {
            chat["is_forum"] = json!(true);
        }
        chat
    }
}

/// All of it.
#[derive(Debug)]
pub struct World {
    /// The bot.
    pub me: User,
    /// Whether the bot gets only what is meant for it in groups, unless it is an administrator there.
    pub privacy: bool,
    /// Everybody else.
    pub users: BTreeMap<UserId, User>,
    /// The chats.
    pub chats: BTreeMap<ChatId, Chat>,
    /// The bot's commands, by the JSON of their scope and their language.
    pub commands: BTreeMap<(String, String), Vec<Value>>,
    pub(super) files: Files,
    pub(super) presses: Presses,
    last_user: i64,
    last_chat: i64,
    last_album: i64,
    /// Small chats count their messages together, as they are the bot's own.
    last_message: i64,
}

impl World {
    pub(super) fn new(me: UserId) -> Self {
        let name = "takopi_test_bot".to_owned();
        Self {
            me: User { id: me, name: "takopi".to_owned(), username: name, is_bot: true },
            privacy: true,
            users: BTreeMap::new(),
            chats: BTreeMap::new(),
            commands: BTreeMap::new(),
            files: Files::default(),
            presses: Presses::default(),
            last_user: 1000,
            last_chat: 2000,
            last_album: 13_000_000_000_000_000,
            last_message: 0,
        }
    }

    pub(super) fn add_person(&mut self, name: &str) -> UserId {
        self.last_user += 1;
        let id = UserId(self.last_user);
        let username = format!("{}_{id}", name.to_lowercase().replace(' ', "_"));
        self.users.insert(id, User { id, name: name.to_owned(), username, is_bot: false });
        id
    }

    pub(super) fn add_chat(&mut self, kind: ChatKind, title: &str, people: &[UserId]) -> ChatId {
        let id = match (kind, people) {
            (ChatKind::Private | ChatKind::PrivateWithTopics, [person]) => ChatId(person.0),
            (ChatKind::Private | ChatKind::PrivateWithTopics, _) => {
                panic!("a private chat is with one person, not with {}", people.len())
            }
            _ => self.new_chat_id(kind),
        };
        let role = match kind {
            ChatKind::Channel => Role::Administrator { manages_topics: false },
            _ => Role::Member,
        };
        let mut members = BTreeMap::from([(self.me.id, role)]);
        members.extend(people.iter().map(|person| (*person, Role::Member)));
        self.chats.insert(id, Chat::new(id, kind, title.to_owned(), members));
        id
    }

    fn new_chat_id(&mut self, kind: ChatKind) -> ChatId {
        self.last_chat += 1;
        match kind {
            ChatKind::Group => ChatId(-self.last_chat),
            _ => ChatId(-1_000_000_000_000 - self.last_chat),
        }
    }

    /// A group becomes a large one. What lay in it stays behind.
    pub(super) fn upgrade(&mut self, group: ChatId) -> ChatId {
        let id = self.new_chat_id(ChatKind::Supergroup);
        let old = self.chat_mut(group);
        assert_eq!(old.kind, ChatKind::Group, "only a small group becomes a large one");
        old.moved_to = Some(id);
        let (title, members) = (old.title.clone(), old.members.clone());
        self.chats.insert(id, Chat::new(id, ChatKind::Supergroup, title, members));
        id
    }

    pub(super) fn chat(&self, id: ChatId) -> &Chat {
        self.chats.get(&id).unwrap_or_else(|| panic!("there is no chat {id}"))
    }

    pub(super) fn chat_mut(&mut self, id: ChatId) -> &mut Chat {
        self.chats.get_mut(&id).unwrap_or_else(|| panic!("there is no chat {id}"))
    }

    pub(super) fn user(&self, id: UserId) -> &User {
        let user = if id == self.me.id { Some(&self.me) } else { self.users.get(&id) };
        user.unwrap_or_else(|| panic!("there is nobody with the id {id}"))
    }

    /// What the messages of the next album have in common.
    pub(super) fn next_album(&mut self) -> String {
        self.last_album += 1;
        self.last_album.to_string()
    }

    /// Puts a message into its chat under the next id.
    pub(super) fn post(&mut self, chat: ChatId, message: impl FnOnce(MessageId) -> Message) -> MessageId {
        let counts_alone =
            matches!(self.chat(chat).kind, ChatKind::Supergroup | ChatKind::Forum | ChatKind::Channel);
        let last = if counts_alone { &mut self.chat_mut(chat).last_message } else { &mut self.last_message };
        *last += 1;
        let id = MessageId(*last);
        self.chat_mut(chat).messages.insert(id, message(id));
        id
    }

    /// Begins a topic, which is the message that says so.
    pub(super) fn add_topic(&mut self, chat: ChatId, by: UserId, name: &str) -> TopicId {
        let content = Content::Service(Service::TopicCreated { name: name.to_owned() });
        let mut draft = Message::new(chat, by, content);
        let id = self.post(chat, |id| {
            draft.id = id;
            draft.thread = Some(TopicId(id.0));
            draft
        });
        let topic = TopicId(id.0);
        self.chat_mut(chat).topics.insert(topic, Topic { name: name.to_owned(), is_closed: false });
        topic
    }

    /// A topic goes with all that lies in it.
    pub(super) fn remove_topic(&mut self, chat: ChatId, topic: TopicId) -> bool {
        let chat = self.chat_mut(chat);
        chat.messages.retain(|_, message| message.thread != Some(topic));
        chat.topics.remove(&topic).is_some()
    }
}

/// Seconds since 1970, as the Bot API counts.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
