//! A chat system in two files: what people write is read from one, what takopi sends is appended to the other. It outlives
//! the program, as a real chat system does, so that a test can kill the program and look at what people see.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use takopi_api::async_trait;
use takopi_api::config::{ConfigError, ConfigTable};
use takopi_api::error::Error;
use takopi_api::message::{
    Address, IncomingMessage, MessageId, MessageRef, OutgoingMessage, Press, PressId, SendOptions,
};
use takopi_api::runtime::{Batch, Connection, Write};
use takopi_api::transport::{
    Access, Capabilities, Channels, Edited, LockToken, People, SendError, SendFailure, SetupContext,
    SetupError, SetupIssue, Transport, TransportBackend, TransportRun, Wizard,
};

/// What a person does: one line of the file `in`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Writes a message.
    Write(IncomingMessage),
    /// Presses a button.
    Press(Press),
}

/// What people see: one line of the file `out`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// A message is there.
    Sent {
        /// The message.
        id: MessageId,
        /// Where it lies.
        to: Address,
        /// The message that it answers.
        reply_to: Option<MessageId>,
        /// By which a second try is known.
        key: Option<String>,
        /// What it says.
        message: OutgoingMessage,
    },
    /// A message says something else.
    Edited {
        /// The message.
        id: MessageId,
        /// What it says.
        message: OutgoingMessage,
    },
    /// A message is gone.
    Deleted {
        /// The message.
        id: MessageId,
    },
    /// A press was answered.
    Answered {
        /// The press.
        press: PressId,
        /// With what.
        text: Option<String>,
    },
}

/// How often the file `in` is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What lies in the chat, as people see it.
#[derive(Debug, Default)]
pub struct Chat {
    /// The messages that are there, in the order in which they were sent, with what each says now.
    pub messages: BTreeMap<u64, Lying>,
    keys: HashMap<String, u64>,
    sent: u64,
    /// The answers to presses.
    pub answers: Vec<(PressId, Option<String>)>,
}

/// A message in the chat.
#[derive(Debug, Clone)]
pub struct Lying {
    /// Where.
    pub to: Address,
    /// What it answers.
    pub reply_to: Option<MessageId>,
    /// What it says now.
    pub message: OutgoingMessage,
}

impl Chat {
    /// Reads what people see.
    ///
    /// # Panics
    /// If the file holds something else.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let mut chat = Self::default();
        let text = fs::read_to_string(folder.join("out")).unwrap_or_default();
        // A program that was killed while it wrote leaves a torn line, which nobody saw.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            if let Ok(seen) = serde_json::from_str(line) {
                chat.see(seen);
            }
        }
        chat
    }

    fn see(&mut self, seen: Seen) {
        match seen {
            Seen::Sent { id, to, reply_to, key, message } => {
                let number = number(&id);
                self.sent = self.sent.max(number);
                if let Some(key) = key {
                    self.keys.insert(key, number);
                }
                self.messages.insert(number, Lying { to, reply_to, message });
            }
            Seen::Edited { id, message } => {
                if let Some(lying) = self.messages.get_mut(&number(&id)) {
                    lying.message = message;
                }
            }
            Seen::Deleted { id } => {
                self.messages.remove(&number(&id));
            }
            Seen::Answered { press, text } => self.answers.push((press, text)),
        }
    }
}

/// Messages of takopi are `b1`, `b2` …; those of people have other names.
fn number(id: &MessageId) -> u64 {
    id.as_str().trim_start_matches('b').parse().unwrap_or_default()
}

struct Spool {
    folder: PathBuf,
    /// It can send and nothing else.
    plain: bool,
    chat: Arc<Mutex<Chat>>,
}

/// The chat in a folder. Whoever sends there shares it: a transport that was started anew, and the runs of before.
fn chat_in(folder: &Path) -> Arc<Mutex<Chat>> {
    static CHATS: Mutex<BTreeMap<PathBuf, Arc<Mutex<Chat>>>> = Mutex::new(BTreeMap::new());
    let mut chats = CHATS.lock().unwrap();
    let chat = chats.entry(folder.to_owned()).or_insert_with(|| Arc::new(Mutex::new(Chat::read(folder))));
    Arc::clone(chat)
}

impl Spool {
    fn append(&self, chat: &mut Chat, seen: Seen) {
        let mut line = serde_json::to_string(&seen).unwrap();
        line.push('\n');
        let mut file = OpenOptions::new().append(true).create(true).open(self.folder.join("out")).unwrap();
        file.write_all(line.as_bytes()).unwrap();
        chat.see(seen);
    }

    fn there(&self, chat: &Chat, message: &MessageRef) -> Result<(), SendError> {
        if chat.messages.contains_key(&number(&message.id)) {
            return Ok(());
        }
        Err(SendError::new(SendFailure::Gone, "there is no such message"))
    }
}

#[async_trait]
impl Transport for Spool {
    fn capabilities(&self) -> Capabilities {
        if self.plain {
            return Capabilities::none().replies();
        }
        Capabilities::none().edit(Duration::from_millis(20)).delete().buttons().replies().keys()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        // A chat system that is slow to take what it is sent.
        while self.folder.join("hang").exists() {
            tokio::time::sleep(LOOK).await;
        }
        let mut chat = self.chat.lock().unwrap();
        let key = options.key.filter(|_| !self.plain);
        let known = key.as_ref().and_then(|key| chat.keys.get(key)).copied();
        let number = known.unwrap_or(chat.sent + 1);
        let id = MessageId::new(format!("b{number}"));
        if known.is_none() {
            let (to, reply_to) = (to.clone(), options.reply_to);
            self.append(&mut chat, Seen::Sent { id: id.clone(), to, reply_to, key, message });
        }
        Ok(MessageRef::new(to.clone(), id))
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        if self.plain {
            return Err(SendError::unsupported("edit"));
        }
        let mut chat = self.chat.lock().unwrap();
        self.there(&chat, message)?;
        self.append(&mut chat, Seen::Edited { id: message.id.clone(), message: new });
        Ok(Edited::Done)
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        if self.plain {
            return Err(SendError::unsupported("delete"));
        }
        let mut chat = self.chat.lock().unwrap();
        self.append(&mut chat, Seen::Deleted { id: message.id.clone() });
        Ok(())
    }

    async fn answer_press(&self, press: &PressId, text: Option<&str>) -> Result<(), SendError> {
        let mut chat = self.chat.lock().unwrap();
        self.append(&mut chat, Seen::Answered { press: press.clone(), text: text.map(str::to_owned) });
        Ok(())
    }
}

/// The transport.
#[derive(Debug)]
pub struct SpoolBackend;

/// Makes the transport.
#[must_use]
pub const fn new() -> SpoolBackend {
    SpoolBackend
}

#[derive(Deserialize)]
struct Settings {
    folder: PathBuf,
    people: Vec<String>,
    #[serde(default)]
    plain: bool,
}

#[async_trait]
impl TransportBackend for SpoolBackend {
    fn id(&self) -> &'static str {
        "spool"
    }

    fn check_setup(&self, context: &SetupContext<'_>) -> Vec<SetupIssue> {
        if context.config.contains("folder") {
            return Vec::new();
        }
        vec![SetupIssue { title: "configure spool".into(), steps: vec!["name its folder".into()] }]
    }

    async fn interactive_setup(
        &self,
        _: &SetupContext<'_>,
        wizard: &mut dyn Wizard,
    ) -> Result<ConfigTable, SetupError> {
        let account = wizard.secret("account of the chat").await?;
        let folder = wizard.text("folder of the chat", None).await?;
        let account = account.resolve(Path::new(""))?.expose().to_owned();
        let text = format!("folder = {folder:?}\npeople = [\"me\"]\naccount = {account:?}\n");
        ConfigTable::from_toml(Path::new("answers"), text)
            .map_err(|error| Error::new(error.to_string()).into())
    }

    fn lock_token(&self, config: &ConfigTable) -> Result<Option<LockToken>, ConfigError> {
        Ok(config.get::<String>("account")?.map(LockToken::new))
    }

    fn can_start_again(&self) -> bool {
        true
    }

    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error> {
        let settings: Settings = run.config.parse()?;
        let folder = settings.folder;
        let chat = chat_in(&folder);
        let outgoing = Arc::new(Spool { folder: folder.clone(), plain: settings.plain, chat });
        let access = Access::nobody().channels(Channels::All).people(People::listed(settings.people));
        let connection = run.runtime.connect(outgoing, access);
        loop {
            tokio::select! {
                () = run.shutdown.requested() => return Ok(()),
                () = tokio::time::sleep(LOOK) => take(&connection, &folder).await?,
            }
        }
    }
}

/// Gives takopi what people did since it looked last. How far it has read is stored together with it.
async fn take(connection: &Connection, folder: &Path) -> Result<(), Error> {
    let failed = |error: takopi_api::runtime::StoreError| Error::new(error.to_string());
    let store = connection.runtime().store();
    let read = store.get("read").await.map_err(failed)?;
    let offset: usize = read.and_then(|read| String::from_utf8(read).ok()?.parse().ok()).unwrap_or(0);
    let text = fs::read_to_string(folder.join("in")).unwrap_or_default();
    let Some(rest) = text.get(offset..) else { return Ok(()) };
    let Some(end) = rest.rfind('\n') else { return Ok(()) };
    let mut messages = Vec::new();
    let mut presses = Vec::new();
    for line in rest[..end].lines() {
        match serde_json::from_str(line) {
            Ok(Deed::Write(message)) => messages.push(message),
            Ok(Deed::Press(press)) => presses.push(press),
            Err(error) => return Err(Error::new(format!("{line}: {error}"))),
        }
    }
    let position = (offset + end + 1).to_string();
    let batch = Batch::new(messages).write(Write::put("read", position));
    connection.handle_batch(batch).await.map_err(failed)?;
    presses.into_iter().for_each(|press| connection.handle_press(press));
    Ok(())
}
