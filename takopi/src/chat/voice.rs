//! Voice: what a person said is written down before anything is made of the message.
//!
//! The words are kept with the stored message, so that nobody is listened to twice, whatever ends takopi. They are read as
//! what is written, but are never a command: nobody says a slash by chance, and who writes words down may hear one.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use takopi_api::error::Error;
use takopi_api::message::{IncomingFile, IncomingMessage, MessageId, SendOptions, Speech};
use tokio::sync::{mpsc, oneshot};

use super::conversation::{Inner, Link, Mode};
use super::directives::{self, DirectiveError, Directives, Names, slash_command};
use super::receive::Waiting;
use super::view;
use crate::store::{Place, Seq};

/// How long listening to one message may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is shown that somebody listens. Chat systems show it for about five seconds.
const SHOWN_AGAIN: Duration = Duration::from_secs(4);

/// What stands before words that nobody wrote: an engine may then forgive a name that was misheard.
const SAID: &str = "(voice transcribed) ";

/// What became of listening.
#[derive(Debug)]
pub(super) enum Heard {
    /// The message with its words in it.
    Words(Box<IncomingMessage>),
    /// A person took it back.
    Cancelled,
    /// takopi ends. The message stays stored, and is listened to after the next start.
    CutOff,
}

/// The messages that are listened to: one at a time in each place.
#[derive(Debug, Default)]
pub(crate) struct Listening(Mutex<HashMap<Place, (MessageId, oneshot::Sender<()>)>>);

impl Listening {
    /// Somebody listens from here on. What this gives tells when that is not wanted any more.
    fn begin(&self, place: &Place, message: &MessageId) -> oneshot::Receiver<()> {
        let (stop, stopped) = oneshot::channel();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who listen no more are not told, and need no place.
        all.retain(|_, (_, stop)| !stop.is_closed());
        all.insert(place.clone(), (message.clone(), stop));
        stopped
    }

    /// Nobody needs to listen to this message any more; without one, to the one of this place. False if nobody does.
    pub(super) fn stop(&self, place: &Place, message: Option<&MessageId>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |(own, _): &(MessageId, _)| message.is_none_or(|message| message == own);
        if !all.get(place).is_some_and(is_meant) {
            return false;
        }
        all.remove(place).is_some_and(|(_, stop)| stop.send(()).is_ok())
    }
}

impl Inner {
    /// Handles a message that has to be listened to. What is written behind it keeps its turn, but who wants to end
    /// something does not wait.
    pub(super) async fn handle_spoken(
        self: &Arc<Self>,
        place: &Place,
        spoken: Waiting,
        line: &mut mpsc::UnboundedReceiver<Waiting>,
        behind: &mut VecDeque<Waiting>,
    ) {
        let handled = self.handle(place, spoken);
        tokio::pin!(handled);
        loop {
            tokio::select! {
                () = &mut handled => return,
                Some(next) = line.recv() => {
                    if is_cancel(&next.message) {
                        self.handle(place, next).await;
                    } else {
                        behind.push_back(next);
                    }
                }
            }
        }
    }

    /// Has written down what was said in a message, and shows the person what was understood.
    pub(super) async fn listen(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        seq: Seq,
        message: &IncomingMessage,
    ) -> Result<Heard, Error> {
        let stopped = self.listening.begin(place, &message.id);
        let mut mode = self.mode.subscribe();
        let heard = tokio::select! {
            heard = tokio::time::timeout(PATIENCE, write_down(link, message)) => heard,
            never = show(link, message) => match never {},
            // Its sender lives in this very value.
            _ = mode.wait_for(|mode| *mode == Mode::Draining) => return Ok(Heard::CutOff),
            Ok(()) = stopped => return Ok(Heard::Cancelled),
        };
        let heard = heard.map_err(|_| {
            Error::new(format!(
                "it took more than {} seconds to write down what you said",
                PATIENCE.as_secs()
            ))
            .hint("say it again, in parts if it was long, or write it")
        })??;
        let words = heard.files.iter().filter_map(transcript).collect::<Vec<_>>().join("\n\n");
        if words.is_empty() {
            return Err(Error::new("nothing can be heard in it").hint("say it again, or write it"));
        }
        // First stored: people see the words once, and are listened to once.
        let stored = self.store().heard(seq, &heard).await;
        stored.map_err(|error| Error::new(format!("what you said could not be stored: {error}")))?;
        self.echo(link, &heard, &words);
        Ok(Heard::Words(Box::new(heard)))
    }

    /// Shows what was understood. The run does not wait for it.
    fn echo(self: &Arc<Self>, link: &Link, message: &IncomingMessage, words: &str) {
        let link = link.clone();
        let (to, id) = (message.address.clone(), message.id.clone());
        let said = view::heard(words);
        self.spawn(async move {
            let key = format!("{}/{id}.heard", to.channel);
            let options = SendOptions::default().reply_to(Some(id)).silent().key(key);
            if let Err(error) = link.send(&to, said, options).await {
                tracing::warn!(transport = %link.id, %error, "what was heard could not be shown");
            }
        });
    }
}

/// Whether somebody has to listen to a message.
pub(super) fn is_unheard(message: &IncomingMessage) -> bool {
    message.files.iter().any(|file| file.speech == Some(Speech::Unheard))
}

fn is_cancel(message: &IncomingMessage) -> bool {
    slash_command(&message.text).is_some_and(|(word, _)| word == "cancel")
}

/// A message with the words of all that was said in it.
async fn write_down(link: &Link, message: &IncomingMessage) -> Result<IncomingMessage, Error> {
    let mut heard = message.clone();
    for file in &mut heard.files {
        if file.speech == Some(Speech::Unheard) {
            let words = link.outgoing.transcribe(file).await?;
            file.speech = Some(Speech::Transcript(words.trim().to_owned()));
        }
    }
    Ok(heard)
}

/// Shows that somebody listens, for as long as this is waited for.
async fn show(link: &Link, message: &IncomingMessage) -> Infallible {
    if !link.outgoing.capabilities().typing {
        return std::future::pending().await;
    }
    loop {
        if let Err(error) = link.outgoing.show_typing(&message.address).await {
            tracing::debug!(transport = %link.id, %error, "that somebody listens could not be shown");
        }
        tokio::time::sleep(SHOWN_AGAIN).await;
    }
}

/// What was said in a file.
fn transcript(file: &IncomingFile) -> Option<&str> {
    match &file.speech {
        Some(Speech::Transcript(words)) => Some(words.as_str()).filter(|words| !words.is_empty()),
        _ => None,
    }
}

/// All that a message says, as it was written and said.
pub(super) fn said(message: &IncomingMessage) -> String {
    let written = Some(message.text.trim()).filter(|text| !text.is_empty());
    let parts = written.into_iter().chain(message.files.iter().filter_map(transcript));
    parts.collect::<Vec<_>>().join("\n\n")
}

/// The directives of a message: those that are written, and those at the beginning of what was said.
pub(super) fn parse(message: &IncomingMessage, names: &impl Names) -> Result<Directives, DirectiveError> {
    let mut found = directives::parse(&message.text, names)?;
    for words in message.files.iter().filter_map(transcript) {
        let mut more = directives::parse(words, names)?;
        if !more.prompt.is_empty() {
            more.prompt.insert_str(0, SAID);
        }
        found.add(more)?;
    }
    Ok(found)
}

/// The files of a message that an engine looks at: not those whose words it reads.
pub(super) fn to_look_at(message: &IncomingMessage) -> Vec<IncomingFile> {
    let is_written_down = |file: &&IncomingFile| matches!(file.speech, Some(Speech::Transcript(_)));
    message.files.iter().filter(|file| !is_written_down(file)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::message::Address;
    use takopi_api::transport::TransportId;

    use super::*;

    struct Codex;

    impl Names for Codex {
        fn engine(&self, word: &str) -> Option<EngineId> {
            EngineId::parse(word).ok().filter(|id| id.as_str() == "codex")
        }

        fn project(&self, _word: &str) -> Option<String> {
            None
        }
    }

    fn message(written: &str, words: &[&str]) -> IncomingMessage {
        let file = |words: &&str| {
            let mut file = IncomingFile::new("v").spoken();
            file.speech = Some(Speech::Transcript((*words).to_owned()));
            file
        };
        IncomingMessage::new(Address::general("1"), "2", written).files(words.iter().map(file))
    }

    #[track_caller]
    fn check(written: &str, words: &[&str], engine: Option<&str>, prompt: &str) {
        let found = parse(&message(written, words), &Codex).unwrap();
        assert_eq!(found.engine.as_ref().map(EngineId::as_str), engine);
        assert_eq!(found.prompt, prompt);
    }

    #[test]
    fn what_was_said_is_marked_and_stands_behind_what_was_written() {
        check("", &["fix it"], None, "(voice transcribed) fix it");
        check("", &["/codex fix it"], Some("codex"), "(voice transcribed) fix it");
        check("/codex", &["fix it"], Some("codex"), "(voice transcribed) fix it");
        check("see here", &["/codex fix it"], Some("codex"), "see here\n\n(voice transcribed) fix it");
        check("", &["one", "", "two"], None, "(voice transcribed) one\n\n(voice transcribed) two");
        check("", &["/codex"], Some("codex"), "");
        check("", &["/new fix it"], None, "(voice transcribed) /new fix it");
        assert_eq!(parse(&message("/codex", &["/codex x"]), &Codex), Err(DirectiveError::Engines));
    }

    #[test]
    fn a_typed_answer_has_no_mark() {
        assert_eq!(said(&message(" yes ", &["and", "no"])), "yes\n\nand\n\nno");
        assert_eq!(said(&message("", &[])), "");
    }

    #[test]
    fn a_recording_that_nobody_listened_to_is_a_file() {
        let mut message = message("", &["fix it"]);
        assert!(!is_unheard(&message) && to_look_at(&message).is_empty());
        message.files.push(IncomingFile::new("w").spoken());
        assert!(is_unheard(&message));
        assert_eq!(to_look_at(&message), [IncomingFile::new("w").spoken()]);
    }

    #[test]
    fn only_what_is_meant_is_taken_back() {
        let listening = Listening::default();
        let place = |channel: &str| {
            Place::new(TransportId::parse("acme").unwrap(), Address::general(channel.to_owned()))
        };
        let (here, there) = (place("here"), place("there"));
        let mut stopped = listening.begin(&here, &MessageId::new("1"));
        assert!(!listening.stop(&there, None));
        assert!(!listening.stop(&here, Some(&MessageId::new("2"))));
        assert!(stopped.try_recv().is_err());
        assert!(listening.stop(&here, Some(&MessageId::new("1"))));
        stopped.try_recv().unwrap();
        assert!(!listening.stop(&here, None));
        drop(listening.begin(&here, &MessageId::new("3")));
        assert!(!listening.stop(&here, None), "nobody listens any more");
    }
}
