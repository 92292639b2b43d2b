//! The outgoing side: what takopi says is printed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use takopi_api::async_trait;
use takopi_api::message::{Address, ChannelId, MessageRef, OutgoingMessage, PersonId, PressId, SendOptions};
use takopi_api::transport::{Capabilities, Edited, Role, SendError, SendFailure, Transport};

use crate::output::{Output, Printing};
use crate::screen::Screen;

/// The one chat that there is.
pub(crate) const CHANNEL: &str = "terminal";

/// Whoever sits at the terminal.
pub(crate) const PERSON: &str = "local";

/// How far apart edits are: more often than this nobody can read.
const EDIT_INTERVAL: Duration = Duration::from_millis(200);

/// A terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    screen: Mutex<Screen>,
    output: Output,
    live: Live,
}

/// Whether somebody looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    /// A person at a terminal, who sees answers as they are written.
    Watched,
    /// Nobody: what is printed goes somewhere else, and is printed once it is complete.
    Unwatched,
}

impl Terminal {
    pub(crate) fn new(screen: Screen, output: Output, live: Live) -> Arc<Self> {
        Arc::new(Self { screen: Mutex::new(screen), output, live })
    }

    pub(crate) fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn output(&self) -> &Output {
        &self.output
    }

    /// Says something to the person that is no message.
    pub(crate) async fn remark(&self, said: &str) {
        let printing = {
            let screen = self.screen();
            self.output.print(screen.remark(said))
        };
        // That nobody reads is heard of by whoever waits for it.
        let _ = printing.done().await;
    }

    /// Changes the screen and hands over what that prints, so that both happen in one order.
    fn show<T>(&self, change: impl FnOnce(&mut Screen) -> (T, String)) -> (T, Printing) {
        let mut screen = self.screen();
        let (value, text) = change(&mut screen);
        (value, self.output.print(text))
    }
}

fn gone(what: &str) -> SendError {
    SendError::new(SendFailure::Gone, format!("the terminal has no {what}"))
}

fn check(at: &Address, message: &OutgoingMessage) -> Result<(), SendError> {
    if at.channel.as_str() != CHANNEL {
        return Err(gone(&format!("chat `{}`", at.channel)));
    }
    if at.topic.id().is_some() {
        return Err(SendError::unsupported("topics"));
    }
    if message.files.is_empty() { Ok(()) } else { Err(SendError::unsupported("files")) }
}

#[async_trait]
impl Transport for Terminal {
    fn capabilities(&self) -> Capabilities {
        let can = Capabilities::none().edit(EDIT_INTERVAL).buttons().replies().continuous();
        if self.live == Live::Watched { can.drafts() } else { can }
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        check(to, &message)?;
        let (id, printing) = self.show(|screen| screen.sent(&message, options.reply_to.as_ref()));
        printing.done().await?;
        Ok(MessageRef::new(to.clone(), id))
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        check(&message.address, &new)?;
        let (result, printing) = self.show(|screen| match screen.edited(&message.id, &new) {
            Ok(text) => (Ok(()), text),
            Err(error) => (Err(error), String::new()),
        });
        result.map_err(|_| gone(&format!("message {}, or not any more", message.id)))?;
        printing.done().await?;
        Ok(Edited::Done)
    }

    async fn draft(&self, at: &Address, key: &str, text: OutgoingMessage) -> Result<(), SendError> {
        if self.live == Live::Unwatched {
            return Err(SendError::unsupported("draft"));
        }
        check(at, &text)?;
        let ((), printing) = self.show(|screen| ((), screen.drafted(key, &text)));
        printing.done().await
    }

    async fn answer_press(&self, _press: &PressId, text: Option<&str>) -> Result<(), SendError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(()) };
        let ((), printing) = self.show(|screen| ((), screen.remark(text)));
        printing.done().await
    }

    async fn role(&self, _channel: &ChannelId, person: &PersonId) -> Result<Role, SendError> {
        Ok(if person.as_str() == PERSON { Role::Admin } else { Role::Stranger })
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::testing::{TransportContract, TransportFixture};

    use super::*;
    use crate::render::Palette;

    fn fixture(palette: Palette) -> TransportFixture {
        let seen = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&seen);
        let output = Output::new(Box::new(move |text| {
            sink.lock().unwrap().push_str(&text);
            Ok(())
        }));
        TransportFixture {
            transport: Terminal::new(Screen::new(palette, "t"), output, Live::Watched),
            address: Address::general(CHANNEL),
            seen: Box::new(move || console::strip_ansi_codes(&seen.lock().unwrap()).into_owned()),
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract_of_transports() {
        TransportContract { start: async || fixture(Palette::Styled) }.check().await;
    }

    #[tokio::test]
    async fn there_is_one_chat_and_one_person() {
        let transport = fixture(Palette::Plain).transport;
        let send = async |to: Address| {
            let message = OutgoingMessage::new(
                takopi_api::message::MessageKind::Notice,
                takopi_api::message::Body::plain("a"),
            );
            transport.send(&to, message, SendOptions::default()).await.unwrap_err().failure
        };
        assert_eq!(send(Address::general("elsewhere")).await, SendFailure::Gone);
        assert_eq!(send(Address::topic(CHANNEL, "1")).await, SendFailure::Unsupported);
        let channel = ChannelId::new(CHANNEL);
        assert_eq!(transport.role(&channel, &PersonId::new(PERSON)).await.unwrap(), Role::Admin);
        assert_eq!(transport.role(&channel, &PersonId::new("7")).await.unwrap(), Role::Stranger);
    }
}
