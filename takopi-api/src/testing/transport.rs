//! A chat system that is only a list: it shows what was sent, and fails when it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::until;
use crate::error::Error;
use crate::message::{
    Address, ChannelId, FileId, IncomingFile, MessageId, MessageRef, OutgoingMessage, PersonId, Press,
    PressId, SendOptions, Sender, TopicId,
};
use crate::transport::{Capabilities, Edited, Role, SendError, SendFailure, Transport};

/// What a transport was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Transport::send`]
    Send {
        /// Where to.
        to: Address,
        /// What.
        message: OutgoingMessage,
        /// How.
        options: SendOptions,
    },
    /// [`Transport::edit`]
    Edit {
        /// The message.
        message: MessageRef,
        /// What it says from now on.
        new: OutgoingMessage,
    },
    /// [`Transport::delete`]
    Delete {
        /// The message.
        message: MessageRef,
    },
    /// [`Transport::answer_press`]
    AnswerPress {
        /// The press.
        press: PressId,
        /// What is said.
        text: Option<String>,
    },
    /// [`Transport::show_typing`]
    ShowTyping {
        /// Where.
        at: Address,
    },
    /// [`Transport::mark_seen`]
    MarkSeen {
        /// The person's message.
        message: MessageRef,
    },
    /// [`Transport::draft`]
    Draft {
        /// Where.
        at: Address,
        /// What it is known by.
        key: String,
        /// What it says.
        text: OutgoingMessage,
    },
    /// [`Transport::create_topic`]
    CreateTopic {
        /// In which chat.
        channel: ChannelId,
        /// Its title.
        title: String,
    },
    /// [`Transport::rename_topic`]
    RenameTopic {
        /// In which chat.
        channel: ChannelId,
        /// Which.
        topic: TopicId,
        /// Its new title.
        title: String,
    },
    /// [`Transport::fetch`]
    Fetch {
        /// The file.
        file: FileId,
    },
    /// [`Transport::transcribe`]
    Transcribe {
        /// The recording.
        file: FileId,
    },
}

/// A call, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Which call it was, from 0, in the order in which they took effect.
    pub sequence: usize,
    /// What was asked for.
    pub call: Call,
    /// What the caller was told; `None` if it went well.
    pub failure: Option<SendFailure>,
}

/// A message as people see it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// The message.
    pub message: MessageRef,
    /// What it says.
    pub content: OutgoingMessage,
    /// How it was sent.
    pub options: SendOptions,
}

/// Keeps the calls that it is for from taking effect, until it is dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "what counts is when it is dropped")] watch::Sender<()>);

#[derive(Debug)]
enum Trouble {
    Fail(SendFailure),
    /// It takes effect, and nobody hears of it.
    Lose,
    Delay(Duration),
    Hold(watch::Receiver<()>),
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    shown: Vec<Shown>,
    topics: Vec<(ChannelId, TopicId, String)>,
    files: Vec<(FileId, Vec<u8>)>,
    transcripts: Vec<(FileId, String)>,
    troubles: VecDeque<Trouble>,
    /// How many ids were given.
    ids: usize,
}

/// The outgoing side of a chat system that is only a list. It can what its capabilities say, and nothing else.
#[derive(Debug)]
pub struct RecordingTransport {
    capabilities: Capabilities,
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

impl RecordingTransport {
    /// A chat system that can do this.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Arc<Self> {
        Arc::new(Self { capabilities, state: Mutex::default(), changes: watch::Sender::new(()) })
    }

    /// Lets the next calls fail; they have no effect.
    pub fn fail_next(&self, calls: usize, failure: SendFailure) {
        self.trouble(calls, || Trouble::Fail(failure));
    }

    /// Lets the next calls have their effect, while the caller hears that nobody knows ([`SendFailure::Unknown`]).
    pub fn lose_next(&self, calls: usize) {
        self.trouble(calls, || Trouble::Lose);
    }

    /// Lets the next calls take this long.
    pub fn delay_next(&self, calls: usize, delay: Duration) {
        self.trouble(calls, || Trouble::Delay(delay));
    }

    /// Lets the next calls wait until what this returns is dropped.
    #[must_use]
    pub fn hold_next(&self, calls: usize) -> Held {
        let (sender, receiver) = watch::channel(());
        self.trouble(calls, || Trouble::Hold(receiver.clone()));
        Held(sender)
    }

    /// Puts a file where [`Transport::fetch`] finds it.
    pub fn put_file(&self, id: &str, content: impl Into<Vec<u8>>) {
        self.state().files.push((FileId::new(id), content.into()));
    }

    /// Puts what was said in a recording where [`Transport::transcribe`] finds it.
    pub fn put_transcript(&self, id: &str, words: impl Into<String>) {
        self.state().transcripts.push((FileId::new(id), words.into()));
    }

    /// Every call so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// What people see now, in the order in which it was sent.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        self.state().shown.clone()
    }

    /// What people see now, as text: each message with its buttons, apart by blank lines.
    #[must_use]
    pub fn screen(&self) -> String {
        let shown = self.shown();
        let messages = shown.iter().map(|shown| {
            let rows = shown.content.buttons.iter();
            let rows = rows.map(|row| row.iter().map(|button| format!("[{}]", button.label)).collect());
            let rows: Vec<String> = rows.map(|row: Vec<String>| row.join(" ")).collect();
            let body = shown.content.body.joined();
            [body, rows.join("\n")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
        });
        messages.collect::<Vec<_>>().join("\n\n")
    }

    /// Presses the button with this label on the youngest message that has one.
    #[must_use]
    pub fn press(&self, label: &str, sender: Sender) -> Option<Press> {
        let mut state = self.state();
        let found = state.shown.iter().rev().find_map(|shown| {
            let button = shown.content.buttons.iter().flatten().find(|button| button.label == label)?;
            Some((shown.message.clone(), button.data.as_str().to_owned()))
        });
        let (message, data) = found?;
        state.ids += 1;
        Some(Press::new(format!("press-{}", state.ids), message, data).sender(sender))
    }

    /// Waits until something has happened, and gives what `look` found.
    ///
    /// # Panics
    /// If it does not happen.
    pub async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        until(&self.changes, || look(self), || format!("{:#?}", self.records())).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, calls: usize, trouble: impl Fn() -> Trouble) {
        self.state().troubles.extend(std::iter::repeat_with(trouble).take(calls));
    }

    /// Lets a call have its effect, with the trouble that is ahead of it.
    async fn make<T>(
        &self,
        call: Call,
        can: bool,
        effect: impl FnOnce(&mut State) -> Result<T, SendFailure>,
    ) -> Result<T, SendError> {
        let trouble = self.state().troubles.pop_front();
        let mut is_lost = false;
        let mut failure = None;
        match trouble {
            Some(Trouble::Fail(failed)) => failure = Some(failed),
            Some(Trouble::Lose) => is_lost = true,
            Some(Trouble::Delay(delay)) => tokio::time::sleep(delay).await,
            // Its sender says nothing before it is dropped.
            Some(Trouble::Hold(mut held)) => _ = held.changed().await,
            None => {}
        }
        let result = {
            let mut state = self.state();
            let effect = match failure {
                Some(failure) => Err(failure),
                None if can => effect(&mut state),
                None => Err(SendFailure::Unsupported),
            };
            let result = effect.and_then(|value| if is_lost { Err(SendFailure::Unknown) } else { Ok(value) });
            let sequence = state.records.len();
            state.records.push(Record { sequence, call, failure: result.as_ref().err().copied() });
            result
        };
        self.changes.send_replace(());
        result.map_err(|failure| SendError::new(failure, format!("the recording transport: {failure:?}")))
    }

    /// Whether it takes such a message.
    fn takes(&self, message: &OutgoingMessage) -> Result<(), SendFailure> {
        let Capabilities { buttons, files, text, .. } = self.capabilities;
        if !message.buttons.is_empty() && !buttons || !message.files.is_empty() && !files {
            return Err(SendFailure::Unsupported);
        }
        if text.admits(&message.body.text) { Ok(()) } else { Err(SendFailure::TooLong) }
    }
}

#[async_trait]
impl Transport for RecordingTransport {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let taken = self.takes(&message);
        let call = Call::Send { to: to.clone(), message: message.clone(), options: options.clone() };
        self.make(call, true, |state| {
            taken?;
            state.ids += 1;
            let id = MessageId::new(format!("sent-{}", state.ids));
            let reference = MessageRef::new(to.clone(), id);
            state.shown.push(Shown { message: reference.clone(), content: message, options });
            Ok(reference)
        })
        .await
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        let taken = self.takes(&new);
        let call = Call::Edit { message: message.clone(), new: new.clone() };
        self.make(call, self.capabilities.edit, |state| {
            taken?;
            let shown = state.shown.iter_mut().find(|shown| shown.message == *message);
            shown.ok_or(SendFailure::Gone)?.content = new;
            Ok(Edited::Done)
        })
        .await
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let call = Call::Delete { message: message.clone() };
        self.make(call, self.capabilities.delete, |state| {
            state.shown.retain(|shown| shown.message != *message);
            Ok(())
        })
        .await
    }

    async fn answer_press(&self, press: &PressId, text: Option<&str>) -> Result<(), SendError> {
        let call = Call::AnswerPress { press: press.clone(), text: text.map(str::to_owned) };
        self.make(call, self.capabilities.buttons, |_| Ok(())).await
    }

    async fn show_typing(&self, at: &Address) -> Result<(), SendError> {
        self.make(Call::ShowTyping { at: at.clone() }, self.capabilities.typing, |_| Ok(())).await
    }

    async fn mark_seen(&self, message: &MessageRef) -> Result<(), SendError> {
        let call = Call::MarkSeen { message: message.clone() };
        self.make(call, self.capabilities.reactions, |_| Ok(())).await
    }

    async fn draft(&self, at: &Address, key: &str, text: OutgoingMessage) -> Result<(), SendError> {
        let call = Call::Draft { at: at.clone(), key: key.to_owned(), text };
        self.make(call, self.capabilities.drafts, |_| Ok(())).await
    }

    async fn role(&self, _channel: &ChannelId, _person: &PersonId) -> Result<Role, SendError> {
        Ok(Role::Member)
    }

    async fn create_topic(&self, channel: &ChannelId, title: &str) -> Result<TopicId, SendError> {
        let call = Call::CreateTopic { channel: channel.clone(), title: title.to_owned() };
        self.make(call, self.capabilities.topics, |state| {
            state.ids += 1;
            let topic = TopicId::new(format!("topic-{}", state.ids));
            state.topics.push((channel.clone(), topic.clone(), title.to_owned()));
            Ok(topic)
        })
        .await
    }

    async fn rename_topic(&self, channel: &ChannelId, topic: &TopicId, title: &str) -> Result<(), SendError> {
        let call =
            Call::RenameTopic { channel: channel.clone(), topic: topic.clone(), title: title.to_owned() };
        self.make(call, self.capabilities.topics, |state| {
            let found = state.topics.iter_mut().find(|(at, id, _)| at == channel && id == topic);
            found.ok_or(SendFailure::TopicGone)?.2 = title.to_owned();
            Ok(())
        })
        .await
    }

    async fn fetch(&self, file: &IncomingFile, max_bytes: u64) -> Result<Vec<u8>, SendError> {
        self.make(Call::Fetch { file: file.id.clone() }, self.capabilities.files, |state| {
            let (_, content) = state.files.iter().find(|(id, _)| *id == file.id).ok_or(SendFailure::Gone)?;
            if content.len() as u64 > max_bytes { Err(SendFailure::TooLong) } else { Ok(content.clone()) }
        })
        .await
    }

    async fn transcribe(&self, file: &IncomingFile) -> Result<String, Error> {
        let heard = self.make(Call::Transcribe { file: file.id.clone() }, self.capabilities.voice, |state| {
            let found = state.transcripts.iter().find(|(id, _)| *id == file.id);
            found.map(|(_, words)| words.clone()).ok_or(SendFailure::Gone)
        });
        heard.await.map_err(|error| Error::new(error.to_string()))
    }
}
