//! A message, and how the Bot API writes it down.

use serde::Serialize;
use serde_json::{Value, json};

use super::world::{self, ChatId, ChatKind, MessageId, TopicId, UserId, World};

/// A message as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Its id in its chat.
    pub id: MessageId,
    /// Where it lies.
    pub chat: ChatId,
    /// In which topic; none is the general one, or a chat without topics.
    pub thread: Option<TopicId>,
    /// Who wrote it.
    pub from: UserId,
    /// When, in seconds since 1970.
    pub date: u64,
    /// When it was changed last.
    pub edited: Option<u64>,
    /// What it is.
    pub content: Content,
    /// How its text or caption looks.
    pub entities: Vec<Value>,
    /// The rows of buttons below it.
    pub buttons: Vec<Vec<Button>>,
    /// What it answers.
    pub reply_to: Option<MessageId>,
    /// The bot's reactions.
    pub reactions: Vec<String>,
    /// Whether it came without a sound.
    pub is_silent: bool,
    /// Whether links show what is behind them.
    pub has_previews: bool,
    /// With which others it came.
    pub album: Option<String>,
    /// Who wrote it first.
    pub forwarded: Option<UserId>,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Words.
    Text(String),
    /// Words in blocks: headings, lists, tables.
    Rich {
        /// What the bot said.
        html: String,
        /// Its words alone.
        text: String,
    },
    /// A file with words.
    Media(Media),
    /// Something happened.
    Service(Service),
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// By which it is asked for.
    pub file: String,
    /// The words.
    pub caption: String,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Any file.
    Document,
    /// A picture.
    Photo,
    /// Something spoken.
    Voice,
    /// A film.
    Video,
}

/// What happened in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// A topic began.
    TopicCreated {
        /// What it is called.
        name: String,
    },
    /// It is called something else.
    TopicEdited {
        /// What it is called now.
        name: String,
    },
    /// Only administrators may write in it.
    TopicClosed,
    /// Everybody may write in it.
    TopicReopened,
    /// The group became a large one.
    MigratedTo(ChatId),
    /// The large group was this one.
    MigratedFrom(ChatId),
}

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What the bot gets when it is pressed; a button without is for something else, such as a link.
    pub data: Option<String>,
    /// All of it.
    pub json: Value,
}

impl Message {
    /// A message that is not in its chat yet.
    pub(super) fn new(chat: ChatId, from: UserId, content: Content) -> Self {
        Self {
            id: MessageId(0),
            chat,
            thread: None,
            from,
            date: world::now(),
            edited: None,
            content,
            entities: Vec::new(),
            buttons: Vec::new(),
            reply_to: None,
            reactions: Vec::new(),
            is_silent: false,
            has_previews: true,
            album: None,
            forwarded: None,
        }
    }

    /// Its words.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) | Content::Rich { text, .. } => text,
            Content::Media(media) => &media.caption,
            Content::Service(_) => "",
        }
    }

    /// What its buttons say.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        self.buttons.iter().flatten().map(|button| button.label.as_str()).collect()
    }

    /// How the Bot API writes it down, with what it answers.
    pub(super) fn json(&self, world: &World) -> Value {
        let mut message = self.json_alone(world);
        if let Some(answered) = self.answered(world) {
            message["reply_to_message"] = answered.json_alone(world);
        }
        message
    }

    /// What it answers. What a person writes in a topic answers the beginning of the topic, unless it answers another
    /// message.
    fn answered<'a>(&self, world: &'a World) -> Option<&'a Message> {
        let messages = &world.chat(self.chat).messages;
        let beginning = self.thread.map(|topic| MessageId(topic.0)).filter(|id| *id != self.id);
        messages.get(&self.reply_to.or(beginning)?)
    }

    fn json_alone(&self, world: &World) -> Value {
        let chat = world.chat(self.chat);
        let mut message = json!({"message_id": self.id, "date": self.date, "chat": chat.json()});
        if chat.kind == ChatKind::Channel {
            message["sender_chat"] = chat.json();
        } else {
            message["from"] = world.user(self.from).json();
        }
        if let Some(topic) = self.thread {
            message["message_thread_id"] = json!(topic);
            message["is_topic_message"] = json!(true);
        } else if let Some(root) = self.root(world) {
            message["message_thread_id"] = json!(root);
        }
        if let Some(date) = self.edited {
            message["edit_date"] = json!(date);
        }
        if let Some(album) = &self.album {
            message["media_group_id"] = json!(album);
        }
        if let Some(author) = self.forwarded {
            message["forward_origin"] =
                json!({"type": "user", "date": self.date, "sender_user": world.user(author).json()});
        }
        if !self.buttons.is_empty() {
            message["reply_markup"] = json!({"inline_keyboard": keyboard(&self.buttons)});
        }
        self.write_content(world, &mut message);
        message
    }

    /// In a large group without topics, answers belong to a thread with the id of the first message of all.
    fn root(&self, world: &World) -> Option<MessageId> {
        let chat = world.chat(self.chat);
        let mut root = None;
        let mut message = self;
        while chat.kind == ChatKind::Supergroup
            && let Some(answered) = message.reply_to
        {
            root = Some(answered);
            let Some(next) = chat.messages.get(&answered) else { break };
            message = next;
        }
        root
    }

    fn write_content(&self, world: &World, message: &mut Value) {
        match &self.content {
            Content::Text(text) => {
                message["text"] = json!(text);
                if !self.entities.is_empty() {
                    message["entities"] = json!(self.entities);
                }
            }
            // It has no text by that name.
            Content::Rich { text, .. } => {
                message["rich_message"] = json!({"blocks": [{"type": "paragraph", "text": text}]});
            }
            Content::Media(media) => {
                let file = world.files.json(&media.file);
                match media.kind {
                    MediaKind::Document => message["document"] = file,
                    MediaKind::Photo => message["photo"] = photo(&file),
                    MediaKind::Voice => message["voice"] = with(file, json!({"duration": 3})),
                    MediaKind::Video => {
                        message["video"] = with(file, json!({"duration": 3, "width": 640, "height": 480}));
                    }
                }
                if !media.caption.is_empty() {
                    message["caption"] = json!(media.caption);
                    if !self.entities.is_empty() {
                        message["caption_entities"] = json!(self.entities);
                    }
                }
            }
            Content::Service(service) => match service {
                Service::TopicCreated { name } => {
                    message["forum_topic_created"] = json!({"name": name, "icon_color": 7_322_096});
                }
                Service::TopicEdited { name } => message["forum_topic_edited"] = json!({"name": name}),
                Service::TopicClosed => message["forum_topic_closed"] = json!({}),
                Service::TopicReopened => message["forum_topic_reopened"] = json!({}),
                Service::MigratedTo(chat) => message["migrate_to_chat_id"] = json!(chat),
                Service::MigratedFrom(chat) => message["migrate_from_chat_id"] = json!(chat),
            },
        }
    }
}

/// Two sizes of a picture, the larger one last. The smaller one is a file of its own, which nobody can get.
fn photo(file: &Value) -> Value {
    let small = json!({
        "file_id": "thumbnail", "file_unique_id": "thumbnail", "width": 90, "height": 60, "file_size": 900,
    });
    let large = with(file.clone(), json!({"width": 1280, "height": 853}));
    json!([small, large])
}

fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut object, more) {
        fields.extend(more);
        // A picture or a film has no name.
        fields.remove("file_name");
    }
    object
}

pub(super) fn keyboard(rows: &[Vec<Button>]) -> Vec<Vec<&Value>> {
    rows.iter().map(|row| row.iter().map(|button| &button.json).collect()).collect()
}
