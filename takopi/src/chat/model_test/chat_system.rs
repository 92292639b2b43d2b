//! A chat system in memory. It outlives the program.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use takopi_api::error::Error;
use takopi_api::message::{
    Address, IncomingFile, MessageId, MessageKind, MessageRef, OutgoingMessage, PressId, SendOptions,
};
use takopi_api::transport::{Capabilities, Edited, SendError, SendFailure, Transport};

use super::plan::Trouble;
use crate::chat::requests::PREFIX;

#[derive(Debug, Default)]
pub(super) struct ChatSystem(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// The program that is connected; others are dead.
    program: u32,
    pub(super) shown: BTreeMap<u64, Shown>,
    keys: HashMap<String, u64>,
    /// What was written down, each time.
    pub(super) heard: Vec<String>,
    trouble: VecDeque<Option<Trouble>>,
    pub(super) latencies: VecDeque<u16>,
    /// Every button that was ever to be seen.
    pub(super) buttons: Vec<(MessageRef, String)>,
    /// Something may have arrived twice.
    pub(super) had_trouble: bool,
    /// Something was refused that will not be taken later either.
    pub(super) had_refusal: bool,
}

/// A message of the bot.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) at: MessageRef,
    pub(super) message: OutgoingMessage,
    pub(super) gone: Option<Gone>,
    /// The program died before it could remember this message.
    pub(super) is_orphan: bool,
}

/// Who took a message away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    Bot,
    Person,
}

impl Shown {
    /// Whether it has buttons of a request.
    pub(super) fn asks(&self) -> bool {
        let mut buttons = self.message.buttons.iter().flatten();
        buttons.any(|button| button.data.as_str().starts_with(PREFIX))
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.gone.is_none() && !self.is_orphan && self.message.kind == MessageKind::Progress
    }
}

impl ChatSystem {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another program connects. What the one before still sends does not arrive.
    pub(super) fn connect(self: &Arc<Self>, can: Capabilities) -> Arc<dyn Transport> {
        let program = self.cut_off();
        Arc::new(Line { system: Arc::clone(self), program, can })
    }

    pub(super) fn cut_off(&self) -> u32 {
        let mut state = self.state();
        state.program += 1;
        state.program
    }

    pub(super) fn add_trouble(&self, trouble: &[Option<Trouble>]) {
        self.state().trouble.extend(trouble);
    }

    pub(super) fn heal(&self) {
        self.state().trouble.clear();
    }

    /// How long the next thing takes.
    pub(super) fn latency(&self) -> Duration {
        let mut state = self.state();
        state.latencies.rotate_left(1);
        Duration::from_millis(state.latencies.back().copied().unwrap_or(0).into())
    }
}

struct Line {
    system: Arc<ChatSystem>,
    program: u32,
    can: Capabilities,
}

impl Line {
    /// The way to the chat system, which may be slow, or not there any more.
    async fn way(&self) -> Result<(), Trouble> {
        self.delay().await;
        let mut state = self.system.state();
        let trouble = state.trouble.pop_front().flatten();
        state.had_trouble |= trouble.is_some();
        state.had_refusal |= trouble.is_some_and(|trouble| !is_passing(trouble.failure));
        trouble.map_or(Ok(()), Err)
    }

    async fn delay(&self) {
        let latency = self.system.latency();
        if latency > Duration::ZERO {
            tokio::time::sleep(latency).await;
        }
        if self.system.state().program != self.program {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether it is worth another try.
const fn is_passing(failure: SendFailure) -> bool {
    matches!(
        failure,
        SendFailure::Gone | SendFailure::Busy { .. } | SendFailure::Unreachable | SendFailure::Unknown
    )
}

fn failed(trouble: Trouble) -> SendError {
    SendError::new(trouble.failure, "the chat system does not want to")
}

impl State {
    fn put(&mut self, to: &Address, message: OutgoingMessage, options: &SendOptions) -> MessageRef {
        let again = options.key.as_ref().and_then(|key| self.keys.get(key)).copied();
        if let Some(shown) = again.and_then(|id| self.shown.get(&id)) {
            return shown.at.clone();
        }
        let id = self.shown.len() as u64;
        let at = MessageRef::new(to.clone(), MessageId::new(format!("b{id}")));
        if let Some(key) = &options.key {
            self.keys.insert(key.clone(), id);
        }
        self.remember_buttons(&at, &message);
        let shown = Shown { at: at.clone(), message, gone: None, is_orphan: false };
        self.shown.insert(id, shown);
        at
    }

    fn change(&mut self, at: &MessageRef, new: OutgoingMessage) -> Result<(), SendError> {
        self.remember_buttons(at, &new);
        let shown = self.find(at)?;
        shown.message = new;
        Ok(())
    }

    fn find(&mut self, at: &MessageRef) -> Result<&mut Shown, SendError> {
        let gone = || SendError::new(SendFailure::Gone, "there is no such message");
        self.shown.values_mut().find(|shown| shown.at == *at && shown.gone.is_none()).ok_or_else(gone)
    }

    fn remember_buttons(&mut self, at: &MessageRef, message: &OutgoingMessage) {
        for button in message.buttons.iter().flatten() {
            self.buttons.push((at.clone(), button.data.to_string()));
        }
    }

    /// What is to be seen of a program that is not: nobody can take it back.
    pub(super) fn orphan(&mut self, is_remembered: impl Fn(&MessageRef) -> bool) {
        for shown in self.shown.values_mut() {
            let is_open = shown.is_at_work() || shown.gone.is_none() && shown.asks();
            shown.is_orphan |= is_open && !is_remembered(&shown.at);
        }
    }
}

#[async_trait]
impl Transport for Line {
    fn capabilities(&self) -> Capabilities {
        self.can.clone()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let sent = match self.way().await {
            Ok(()) => Ok(self.system.state().put(to, message, &options)),
            // Only what is answered can be gone: the chat is there.
            Err(trouble) if trouble.failure == SendFailure::Gone && options.reply_to.is_none() => {
                Ok(self.system.state().put(to, message, &options))
            }
            Err(trouble) => {
                if trouble.failure == SendFailure::Unknown && trouble.arrived {
                    let at = self.system.state().put(to, message, &options);
                    // Nobody will know of it, but by its key.
                    if options.key.is_none() {
                        self.system.state().find(&at)?.is_orphan = true;
                    }
                }
                Err(failed(trouble))
            }
        };
        self.delay().await;
        sent
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        let edited = match self.way().await {
            Ok(()) => self.system.state().change(message, new).map(|()| Edited::Done),
            Err(trouble) => {
                let mut state = self.system.state();
                match trouble.failure {
                    SendFailure::Gone => state.find(message)?.gone = Some(Gone::Person),
                    SendFailure::Unknown if trouble.arrived => state.change(message, new)?,
                    _ => {}
                }
                Err(failed(trouble))
            }
        };
        self.delay().await;
        edited
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        if !self.can.delete {
            return Err(SendError::unsupported("delete"));
        }
        let deleted = match self.way().await {
            Ok(()) => {
                if let Ok(shown) = self.system.state().find(message) {
                    shown.gone = Some(Gone::Bot);
                }
                Ok(())
            }
            Err(trouble) => Err(failed(trouble)),
        };
        self.delay().await;
        deleted
    }

    /// The id of a recording is what was said in it.
    async fn transcribe(&self, file: &IncomingFile) -> Result<String, Error> {
        self.way().await.map_err(|trouble| Error::new(failed(trouble).to_string()))?;
        self.system.state().heard.push(file.id.to_string());
        self.delay().await;
        Ok(file.id.to_string())
    }

    async fn answer_press(&self, _press: &PressId, _text: Option<&str>) -> Result<(), SendError> {
        self.delay().await;
        Ok(())
    }
}
