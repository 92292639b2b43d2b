//! The contract of a transport's outgoing side, as checks. Which of them apply, its capabilities say.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;

use super::within;
use crate::message::{
    Address, Body, Button, ButtonData, ChannelId, IncomingFile, MessageId, MessageKind, MessageRef,
    OutgoingFile, OutgoingMessage, PersonId, PressId, SendOptions, TopicId,
};
use crate::transport::{Edited, SendError, SendFailure, Transport};

/// Limits over this are not tried out, in the unit in which the transport counts.
const LARGEST_LIMIT: usize = 1 << 20;

/// A transport to try out, in a chat of its own in which nothing has been said.
pub struct TransportFixture {
    /// Its outgoing side.
    pub transport: Arc<dyn Transport>,
    /// Where it can send to.
    pub address: Address,
    /// What a person sees there.
    pub seen: Box<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for TransportFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportFixture").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The suite that every transport passes.
#[derive(Debug)]
pub struct TransportContract<F> {
    /// Makes a transport, once for each check.
    pub start: F,
}

impl<F: AsyncFn() -> TransportFixture> TransportContract<F> {
    /// Runs every check.
    ///
    /// # Panics
    /// With what is wrong.
    pub async fn check(&self) {
        within((self.start)()).await.messages().await;
        within((self.start)()).await.sent_at_once().await;
        for kind in KINDS {
            within((self.start)()).await.layout(kind).await;
        }
        within((self.start)()).await.options().await;
        within((self.start)()).await.edits().await;
        within((self.start)()).await.deletions().await;
        within((self.start)()).await.buttons().await;
        within((self.start)()).await.files().await;
        within((self.start)()).await.voice().await;
        within((self.start)()).await.topics().await;
        within((self.start)()).await.typing().await;
        within((self.start)()).await.limit().await;
        within((self.start)()).await.odd_texts().await;
    }
}

const KINDS: [MessageKind; 6] = [
    MessageKind::Progress,
    MessageKind::Answer,
    MessageKind::Error,
    MessageKind::Notice,
    MessageKind::Request,
    MessageKind::Ack,
];

fn notice(text: impl Into<String>) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Notice, Body::markdown(text))
}

impl TransportFixture {
    async fn try_send(
        &self,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        within(self.transport.send(&self.address, message, options)).await
    }

    async fn send(&self, message: OutgoingMessage) -> MessageRef {
        let sent = self.try_send(message.clone(), SendOptions::default()).await;
        sent.unwrap_or_else(|error| panic!("{message:?} is not sent: {error}"))
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        let seen = (self.seen)();
        assert!(seen.contains(text), "{text:?} is not seen:\n{seen}");
    }

    /// Something that was never sent.
    fn nothing(&self) -> MessageRef {
        MessageRef::new(self.address.clone(), MessageId::new("424242"))
    }

    async fn messages(&self) {
        let first = self.send(notice("the first")).await;
        let second = self.send(notice("the second")).await;
        assert_eq!(first.address, self.address, "a message lies where it was sent to");
        assert_ne!(first, second, "two messages have one id");
        let seen = (self.seen)();
        let at = |text| seen.find(text).unwrap_or_else(|| panic!("{text:?} is not seen:\n{seen}"));
        assert!(at("the first") < at("the second"), "the order of messages changed:\n{seen}");
    }

    async fn sent_at_once(&self) {
        let messages = (0..20).map(|number| self.send(notice(format!("number {number}."))));
        let sent: HashSet<_> = join_all(messages).await.into_iter().collect();
        assert_eq!(sent.len(), 20, "two messages have one id");
        (0..20).for_each(|number| self.sees(&format!("number {number}.")));
    }

    /// Parts that are empty leave no blank lines.
    async fn layout(&self, kind: MessageKind) {
        for (header, text, footer) in [
            ("head", "", ""),
            ("", "text", ""),
            ("", "", "foot"),
            ("head", "text", "foot"),
            ("head", "", "foot"),
        ] {
            for body in [Body::markdown(text), Body::plain(text)] {
                let lines = Some(footer.to_owned()).filter(|line| !line.is_empty());
                self.send(OutgoingMessage::new(kind, body.header(header).footer(lines))).await;
                [header, text, footer].iter().for_each(|part| self.sees(part));
            }
        }
        let seen = (self.seen)();
        assert!(!seen.starts_with('\n'), "{kind:?} begins with a blank line:\n{seen}");
        assert!(!seen.contains("\n\n\n"), "{kind:?} has two blank lines below each other:\n{seen}");
    }

    async fn options(&self) {
        let question = self.send(notice("asked")).await;
        let reply = SendOptions::default().reply_to(Some(question.id)).silent().key("key-1");
        let sent = self.try_send(notice("answered"), reply).await;
        sent.expect("a reply without a sound is sent");
        self.sees("answered");
        if self.transport.capabilities().keys {
            let twice = async || self.try_send(notice("once"), SendOptions::default().key("key-2")).await;
            let (first, second) = (twice().await, twice().await);
            let first = first.expect("a message with a key is sent");
            assert_eq!(second.expect("and sent again"), first, "a message with the same key is the same one");
        }
        let reply = SendOptions::default().reply_to(Some(self.nothing().id));
        expect(self.try_send(notice("alone"), reply).await, &[SendFailure::Gone], "a reply to nothing");
    }

    async fn edits(&self) {
        let transport = &self.transport;
        let message = self.send(OutgoingMessage::new(MessageKind::Progress, Body::markdown("working"))).await;
        let edit =
            async |message: &MessageRef, text: &str| within(transport.edit(message, notice(text))).await;
        if !transport.capabilities().edit {
            unsupported(edit(&message, "changed").await, "edit");
            return;
        }
        for text in ["changed", "changed", "changed again"] {
            let edited = edit(&message, text).await;
            let edited = edited.unwrap_or_else(|error| panic!("an edit to {text:?} fails: {error}"));
            assert_eq!(edited, Edited::Done, "nothing could supersede the edit to {text:?}");
            self.sees(text);
        }
        match edit(&self.nothing(), "changed").await {
            Err(SendError { failure: SendFailure::Gone | SendFailure::Unsupported, .. }) => {}
            other => panic!("an edit of a message that was never sent: {other:?}"),
        }
    }

    async fn deletions(&self) {
        let transport = &self.transport;
        let message = self.send(notice("short-lived")).await;
        if !transport.capabilities().delete {
            unsupported(within(transport.delete(&message)).await, "delete");
            return;
        }
        for try_ in ["first", "second"] {
            let deleted = within(transport.delete(&message)).await;
            deleted.unwrap_or_else(|error| panic!("the {try_} deletion of a message fails: {error}"));
        }
        assert!(!(self.seen)().contains("short-lived"), "a deleted message is seen");
        let edited = within(transport.edit(&message, notice("revived"))).await;
        assert!(edited.is_err(), "a deleted message can be edited: {edited:?}");
    }

    async fn buttons(&self) {
        let button = |label: &str| {
            Button::new(
                label,
                ButtonData::new("x".repeat(ButtonData::MAX_BYTES)).expect("it is short enough"),
            )
        };
        let message = OutgoingMessage::new(MessageKind::Request, Body::markdown("may it?"))
            .buttons([button("allow once"), button("deny")])
            .buttons([button("always")]);
        let press = PressId::new("424242");
        let answer = within(self.transport.answer_press(&press, Some("too late"))).await;
        if !self.transport.capabilities().buttons {
            unsupported(self.try_send(message, SendOptions::default()).await, "send with buttons");
            unsupported(answer, "answer_press");
            return;
        }
        expect(answer, &[SendFailure::Gone, SendFailure::Refused], "an answer to a press that nobody made");
        self.send(message).await;
        ["may it?", "allow once", "deny", "always"].iter().for_each(|text| self.sees(text));
    }

    async fn files(&self) {
        let message = notice("a file").file(OutgoingFile::text("notes.txt", "content"));
        let fetched = within(self.transport.fetch(&IncomingFile::new("424242"), 1000)).await;
        if !self.transport.capabilities().files {
            unsupported(self.try_send(message, SendOptions::default()).await, "send with files");
            unsupported(fetched, "fetch");
            return;
        }
        assert!(fetched.is_err(), "a file that nobody sent has content");
        expect(fetched, &[SendFailure::Gone, SendFailure::Refused], "a file that nobody sent");
        self.send(message).await;
        self.sees("notes.txt");
    }

    /// Whatever the capabilities say: a person who speaks is told why nobody listens.
    async fn voice(&self) {
        let file = IncomingFile::new("424242").spoken();
        match within(self.transport.transcribe(&file)).await {
            Err(error) => assert!(!error.to_string().trim().is_empty(), "why nobody listens is not said"),
            Ok(heard) => panic!("in a recording that nobody made, {heard:?} is heard"),
        }
    }

    async fn topics(&self) {
        let (transport, channel) = (&self.transport, &self.address.channel);
        let created = within(transport.create_topic(channel, "a topic")).await;
        if !transport.capabilities().topics {
            unsupported(created, "create_topic");
            unsupported(
                within(transport.rename_topic(channel, &TopicId::new("1"), "b")).await,
                "rename_topic",
            );
            return;
        }
        let topic = created.unwrap_or_else(|error| panic!("a topic can not be made: {error}"));
        for title in ["another title", "another title"] {
            let renamed = within(transport.rename_topic(channel, &topic, title)).await;
            renamed.unwrap_or_else(|error| panic!("a topic can not be called {title:?}: {error}"));
        }
        let renamed = within(transport.rename_topic(channel, &TopicId::new("424242"), "b")).await;
        assert!(renamed.is_err(), "a topic that nobody made has a new title");
    }

    async fn typing(&self) {
        let shown = within(self.transport.show_typing(&self.address)).await;
        if self.transport.capabilities().typing {
            shown.unwrap_or_else(|error| panic!("nobody is shown to be at work: {error}"));
        } else {
            unsupported(shown, "show_typing");
        }
        let draft = notice("a text that is being written");
        let drafted = within(self.transport.draft(&self.address, "draft", draft)).await;
        if self.transport.capabilities().drafts {
            match drafted {
                Ok(()) => {}
                // Not every chat shows them.
                Err(error) if error.failure == SendFailure::Unsupported => {}
                Err(error) => panic!("a text can not be shown while it is written: {error}"),
            }
        } else {
            unsupported(drafted, "draft");
        }
        if !self.transport.capabilities().reactions {
            let message = MessageRef::new(self.address.clone(), MessageId::new("424242"));
            unsupported(within(self.transport.mark_seen(&message)).await, "mark_seen");
        }
        // Whatever it says, it comes back.
        let _ = within(self.transport.role(&ChannelId::new("424242"), &PersonId::new("424242"))).await;
    }

    async fn limit(&self) {
        let limit = self.transport.capabilities().text;
        if limit.max > LARGEST_LIMIT {
            self.send(notice("word ".repeat(LARGEST_LIMIT / 5))).await;
            return;
        }
        for c in ["a", "ä", "€", "😀"] {
            let size = limit.unit.count(c);
            let text = format!("{}{}", c.repeat(limit.max / size), "a".repeat(limit.max % size));
            self.send(notice(text.clone())).await;
            let longer = self.try_send(notice(text + "a"), SendOptions::default()).await;
            expect(longer, &[SendFailure::TooLong], "a text over the limit");
        }
    }

    async fn odd_texts(&self) {
        let large = |part: &str| part.repeat((1 << 20) / part.len());
        let texts = [
            String::new(),
            " \n\t\n ".to_owned(),
            "\0\u{1b}[2J\u{7}\u{8}\u{9b}31m\u{7f}".to_owned(),
            "\r\n\r\u{2028}\u{feff}".to_owned(),
            "\u{202e}gnp.exe\u{2066} مرحبا שלום".to_owned(),
            "👨‍👩‍👧e\u{301}\u{301}\u{301}".to_owned(),
            "**a `b ```\n> [x](\n```rust\n| a |\n|--".to_owned(),
            "<b>&amp;</i> {} %s \\ $x".to_owned(),
            "> ".repeat(2000) + "deep",
            large("a long line "),
            large("*_`[("),
            large("\n"),
        ];
        for text in texts {
            let answer = OutgoingMessage::new(MessageKind::Answer, Body::markdown(text.as_str()));
            self.odd_message(answer).await;
            let progress = OutgoingMessage::new(MessageKind::Progress, Body::plain(text.as_str()));
            self.odd_message(progress).await;
            // A header is one line.
            if text.len() < 10_000 {
                let header = Body::markdown("a").header(text);
                self.odd_message(OutgoingMessage::new(MessageKind::Notice, header)).await;
            }
        }
    }

    async fn odd_message(&self, message: OutgoingMessage) {
        let refusals = &[SendFailure::TooLong, SendFailure::Refused];
        let Body { header, text, .. } = &message.body;
        let what: String = format!("{:?} {header:?} {text:?}", message.kind).chars().take(60).collect();
        let sent = self.try_send(message.clone(), SendOptions::default()).await;
        if let Ok(sent) = &sent
            && self.transport.capabilities().edit
        {
            let edited = within(self.transport.edit(sent, notice("a"))).await;
            expect(edited, &[], &format!("an edit of {what}"));
            let edited = within(self.transport.edit(sent, message)).await;
            expect(edited, refusals, &format!("an edit to {what}"));
        }
        expect(sent, refusals, &what);
    }
}

/// It goes well, or fails in one of these ways.
#[track_caller]
fn expect<T>(result: Result<T, SendError>, failures: &[SendFailure], what: &str) {
    if let Err(error) = result {
        assert!(failures.contains(&error.failure), "{what} fails with {:?}: {error}", error.failure);
    }
}

#[track_caller]
fn unsupported<T>(result: Result<T, SendError>, what: &str) {
    let failure = result.err().map(|error| error.failure);
    assert_eq!(failure, Some(SendFailure::Unsupported), "the capabilities do not announce `{what}`");
}
