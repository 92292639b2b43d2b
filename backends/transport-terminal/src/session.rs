//! The session at the terminal: takes what is typed until the person leaves.

use std::sync::Arc;
use std::time::Instant;

use takopi_api::error::Error;
use takopi_api::message::{Address, ChatKind, IncomingMessage, Mention, MessageRef, Press, ReplyTo, Sender};
use takopi_api::runtime::{Connection, Shutdown};
use tokio::sync::mpsc;

use crate::input::{self, Typed};
use crate::interrupt::{Interrupt, Interrupts};
use crate::output::Closed;
use crate::reader::Event;
use crate::screen::Choice;
use crate::transport::{CHANNEL, PERSON, Terminal};

/// What the end of the input means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The person leaves, and waits for nothing.
    Leave,
    /// A script has said everything, and wants its answers.
    Wait,
}

pub(crate) struct Session {
    terminal: Arc<Terminal>,
    connection: Connection,
    interrupts: Interrupts,
    ending: Ending,
}

/// Whether it goes on.
enum Next {
    Read,
    End,
}

impl Session {
    pub(crate) fn new(terminal: Arc<Terminal>, connection: Connection, ending: Ending) -> Self {
        Self { terminal, connection, interrupts: Interrupts::default(), ending }
    }

    /// Goes on until the person leaves, nobody reads any more, or takopi ends.
    ///
    /// # Errors
    /// [`Error`] if the terminal can not be read or written.
    pub(crate) async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        shutdown: &Shutdown,
    ) -> Result<(), Error> {
        let terminal = Arc::clone(&self.terminal);
        let handling = async {
            // Without its thread there is nobody to read.
            while let Next::Read = self.handle(events.recv().await.unwrap_or(Event::End)).await? {}
            Ok(())
        };
        tokio::select! {
            result = handling => result,
            () = shutdown.requested() => Ok(()),
            closed = terminal.output().closed() => match closed {
                Closed::NobodyReads => Ok(()),
                Closed::Failed(kind) => Err(Error::new(format!("standard output can not be written: {kind}"))),
            },
        }
    }

    async fn handle(&mut self, event: Event) -> Result<Next, Error> {
        match event {
            Event::Line(line) => {
                self.interrupts.forget();
                self.line(&line).await;
            }
            Event::TooLong => {
                self.terminal.remark("that line is too long to be a message; it was left out").await;
            }
            Event::Interrupt => return Ok(self.interrupt().await),
            Event::End => {
                if self.ending == Ending::Wait {
                    self.connection.runtime().settled().await;
                }
                return Ok(Next::End);
            }
            Event::Failed(error) => {
                return Err(Error::new(format!("standard input can not be read: {error}")));
            }
        }
        Ok(Next::Read)
    }

    async fn line(&self, line: &str) {
        match input::parse(line) {
            Typed::Nothing => {}
            Typed::Number(number) => {
                let (choice, is_too_late) = {
                    let mut screen = self.terminal.screen();
                    (screen.choice(number), screen.is_too_late(number))
                };
                match choice {
                    Some(choice) => self.press(choice),
                    None if is_too_late => {
                        self.terminal.remark(&format!("[{number}] can not be chosen any more")).await;
                    }
                    None => self.message(line.trim(), None).await,
                }
            }
            Typed::Text(text) => self.message(text, None).await,
            Typed::Reply { number, text } => {
                let reply_to = self.terminal.screen().reply_to(number);
                match reply_to {
                    None => self.terminal.remark(&format!("there is no message >{number} here")).await,
                    Some(_) if text.is_empty() => {
                        self.terminal.remark(&format!("type what to reply: >{number} text")).await;
                    }
                    Some(reply_to) => self.message(text, Some(reply_to)).await,
                }
            }
        }
    }

    async fn message(&self, text: &str, reply_to: Option<ReplyTo>) {
        let id = self.terminal.screen().typed(text);
        let mut message = IncomingMessage::new(Address::general(CHANNEL), id.as_str(), text)
            .sender(person())
            .chat(ChatKind::Private)
            .mention(Mention::Named);
        message.reply_to = reply_to;
        if let Err(error) = self.connection.handle_message(message).await {
            self.terminal.remark(&format!("that was not taken, send it again: {error}")).await;
        }
    }

    fn press(&self, choice: Choice) {
        let id = self.terminal.screen().new_id();
        let message = MessageRef::new(Address::general(CHANNEL), choice.message);
        let press = Press::new(id.as_str(), message, choice.data.as_str());
        self.connection.handle_press(press.sender(person()).chat(ChatKind::Private));
    }

    async fn interrupt(&mut self) -> Next {
        let cancel = self.terminal.screen().cancel();
        match (self.interrupts.next(Instant::now(), cancel.is_some()), cancel) {
            (Interrupt::Leave, _) => return Next::End,
            (Interrupt::Cancel, Some(cancel)) => self.press(cancel),
            (Interrupt::Cancel | Interrupt::Clear, _) => {
                self.terminal.remark("nothing runs; ctrl-c again leaves").await;
            }
        }
        Next::Read
    }
}

fn person() -> Sender {
    Sender::new(PERSON)
}

#[cfg(test)]
mod tests;
