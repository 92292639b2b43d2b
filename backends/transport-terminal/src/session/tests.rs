use std::sync::Mutex;

use takopi_api::message::{Body, Button, ButtonData, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::runtime::ShutdownSwitch;
use takopi_api::testing::FakeConversation;
use takopi_api::transport::{Access, SendFailure, Transport};

use super::*;
use crate::output::Output;
use crate::render::Palette;
use crate::screen::Screen;
use crate::transport::Live;

/// A session with somebody who types and looks.
struct Person {
    conversation: Arc<FakeConversation>,
    terminal: Arc<Terminal>,
    keys: mpsc::Sender<Event>,
    seen: Arc<Mutex<String>>,
    switch: ShutdownSwitch,
    session: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Person {
    fn new(ending: Ending) -> Self {
        let conversation = FakeConversation::new("/nowhere");
        let seen = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&seen);
        let output = Output::new(Box::new(move |text| {
            if text.contains("nobody reads this") {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            sink.lock().unwrap().push_str(&text);
            Ok(())
        }));
        let terminal = Terminal::new(Screen::new(Palette::Plain, "t"), output, Live::Watched);
        let connection = conversation.runtime("terminal").connect(terminal.clone(), Access::local());
        let (keys, events) = mpsc::channel(8);
        let (switch, shutdown) = ShutdownSwitch::new();
        let session = Session::new(Arc::clone(&terminal), connection, ending);
        let session = tokio::spawn(async move { session.run(events, &shutdown).await });
        Self { conversation, terminal, keys, seen, switch, session }
    }

    async fn types(&self, line: &str) {
        self.keys.send(Event::Line(line.to_owned())).await.unwrap();
    }

    async fn sends(&self, message: OutgoingMessage) -> MessageRef {
        let to = Address::general(CHANNEL);
        self.terminal.send(&to, message, SendOptions::default()).await.unwrap()
    }

    fn sees(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// Waits for what is printed and goes to nobody else.
    async fn waits_for(&self, text: &str) {
        while !self.sees().contains(text) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

fn message(kind: MessageKind, text: &str) -> OutgoingMessage {
    OutgoingMessage::new(kind, Body::markdown(text))
}

fn button(label: &str) -> Button {
    Button::new(label, ButtonData::new(format!("data of {label}")).unwrap())
}

#[tokio::test]
async fn what_is_typed_becomes_a_message_of_the_one_person() {
    let person = Person::new(Ending::Leave);
    for line in ["", "  ", "explain src/main.rs ", "7"] {
        person.types(line).await;
    }
    let messages = person.conversation.until(|it| Some(it.messages()).filter(|all| all.len() == 2)).await;
    assert_eq!(messages[0].text, "explain src/main.rs");
    assert_eq!(messages[1].text, "7", "there is nothing to choose");
    assert_ne!(messages[0].id, messages[1].id);
    assert_eq!(messages[0].sender, Some(Sender::new(PERSON)));
    assert_eq!((messages[0].chat, messages[0].mention), (ChatKind::Private, Mention::Named));
    assert_eq!(messages[0].reply_to, None);
    person.keys.send(Event::End).await.unwrap();
    person.session.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_number_replies_to_its_message() {
    let person = Person::new(Ending::Leave);
    let body = Body::markdown("done").footer(["acme resume 42".to_owned()]);
    let answer = person.sends(OutgoingMessage::new(MessageKind::Answer, body)).await;
    person.types(">9 go on").await;
    person.waits_for("there is no message >9 here").await;
    person.types(">1").await;
    person.waits_for("type what to reply: >1 text").await;
    person.types(">1 go on").await;
    let messages = person.conversation.until(|it| Some(it.messages()).filter(|all| !all.is_empty())).await;
    assert_eq!(messages[0].text, "go on");
    let expected = ReplyTo::own(answer.id.as_str(), "done\n\nacme resume 42");
    assert_eq!(messages[0].reply_to, Some(expected));
}

#[tokio::test]
async fn a_number_alone_presses_its_button() {
    let person = Person::new(Ending::Leave);
    let request = message(MessageKind::Request, "may it?").buttons([button("allow once"), button("deny")]);
    let request = person.sends(request).await;
    person.types("2 files are missing").await;
    person.types("2").await;
    let press = person.conversation.until(|it| it.presses().pop()).await;
    assert_eq!((press.data.as_str(), &press.message), ("data of deny", &request));
    assert_eq!(press.sender, Some(Sender::new(PERSON)));
    assert_eq!(person.conversation.messages()[0].text, "2 files are missing");
    person.terminal.answer_press(&press.id, Some("denied")).await.unwrap();
    assert!(person.sees().ends_with("· denied\n"));
    person.terminal.edit(&request, message(MessageKind::Request, "denied")).await.unwrap();
    person.types("2").await;
    person.waits_for("[2] can not be chosen any more").await;
    assert_eq!(person.conversation.messages().len(), 1);
}

#[tokio::test]
async fn ctrl_c_cancels_what_runs_and_leaves_when_nothing_does() {
    let person = Person::new(Ending::Leave);
    let run = person.sends(message(MessageKind::Progress, "working").buttons([button("cancel")])).await;
    person.keys.send(Event::Interrupt).await.unwrap();
    let press = person.conversation.until(|it| it.presses().pop()).await;
    assert_eq!((press.data.as_str(), &press.message), ("data of cancel", &run));
    person.terminal.edit(&run, message(MessageKind::Progress, "cancelled")).await.unwrap();
    person.keys.send(Event::Interrupt).await.unwrap();
    person.waits_for("ctrl-c again leaves").await;
    person.keys.send(Event::Interrupt).await.unwrap();
    person.session.await.unwrap().unwrap();
    assert_eq!(person.conversation.presses().len(), 1);
}

#[tokio::test]
async fn a_script_gets_its_answers_before_it_ends() {
    let person = Person::new(Ending::Wait);
    person.conversation.set_settled(false);
    person.types("hello").await;
    person.keys.send(Event::End).await.unwrap();
    person.conversation.until(|it| (!it.messages().is_empty()).then_some(())).await;
    tokio::task::yield_now().await;
    assert!(!person.session.is_finished());
    person.sends(message(MessageKind::Answer, "hi")).await;
    person.conversation.set_settled(true);
    person.session.await.unwrap().unwrap();
    assert_eq!(person.seen.lock().unwrap().as_str(), ">1 hi\n");
}

#[tokio::test]
async fn a_message_that_is_not_stored_is_told() {
    let person = Person::new(Ending::Leave);
    person.conversation.refuse_next(1);
    person.types("hello").await;
    person.waits_for("that was not taken, send it again: ").await;
    person.keys.send(Event::TooLong).await.unwrap();
    person.waits_for("too long").await;
    assert!(person.conversation.messages().is_empty());
}

#[tokio::test]
async fn it_ends_when_it_is_told_to_and_when_nobody_reads() {
    let person = Person::new(Ending::Wait);
    person.switch.shut_down();
    person.session.await.unwrap().unwrap();

    let person = Person::new(Ending::Leave);
    let to = Address::general(CHANNEL);
    let unread = message(MessageKind::Notice, "nobody reads this");
    let failure = person.terminal.send(&to, unread, SendOptions::default()).await.unwrap_err().failure;
    assert_eq!(failure, SendFailure::Unreachable);
    person.session.await.unwrap().unwrap();

    let person = Person::new(Ending::Leave);
    person.keys.send(Event::Failed("no".to_owned())).await.unwrap();
    person.session.await.unwrap().unwrap_err();
}
