use std::borrow::Borrow;

use serde_json::{Value, json};
use takopi_api::message::{Mention, ReplyTo};

use super::*;

const NOW: u64 = 1_700_000_000;

/// A chat of which updates come.
struct Bench {
    receiver: Receiver,
    now: Moment,
    updates: i64,
}

impl Bench {
    fn new() -> Self {
        let patience = Patience { forwards: Duration::from_millis(500), album: Duration::from_millis(300) };
        let me = Me { id: 99, username: "takobot".to_owned() };
        let receiver = Receiver::new(me, Rules { patience, max_age: None });
        Self { receiver, now: Moment::from_secs(1), updates: 0 }
    }

    fn update(&mut self, fields: &Value) -> Delivered {
        self.updates += 1;
        let mut update = json!({ "update_id": self.updates });
        for (key, value) in fields.as_object().unwrap() {
            update[key] = value.clone();
        }
        Delivered::parse(&update.to_string())
    }

    fn take(&mut self, delivered: Vec<Delivered>) -> Intake {
        self.receiver.take(delivered, Clock { now: self.now, unix: NOW })
    }

    /// What one message brings about.
    fn message(&mut self, id: i64, from: i64, fields: Value) -> Vec<String> {
        let update = self.update(&json!({ "message": message(id, from, fields) }));
        shown(&self.take(vec![update]).messages)
    }

    fn wait(&mut self, millis: u64) -> Vec<String> {
        self.now += Duration::from_millis(millis);
        shown(&self.receiver.due(self.now))
    }
}

fn message(id: i64, from: i64, fields: impl Borrow<Value>) -> Value {
    let mut message = json!({ "message_id": id, "date": NOW, "chat": { "id": 7, "type": "private" },
                              "from": { "id": from, "first_name": "Ann" } });
    for (key, value) in fields.borrow().as_object().unwrap() {
        message[key] = value.clone();
    }
    message
}

fn forward(text: &str) -> Value {
    json!({ "text": text, "forward_origin": { "type": "hidden_user" } })
}

fn part(album: &str, caption: Option<&str>) -> Value {
    json!({ "media_group_id": album, "caption": caption, "document": { "file_id": "f" } })
}

fn shown(messages: &[IncomingMessage]) -> Vec<String> {
    let show = |message: &IncomingMessage| {
        let files =
            if message.files.is_empty() { String::new() } else { format!(" +{}", message.files.len()) };
        let reply = message.reply_to.as_ref().map(|to| format!(" re {}", to.id)).unwrap_or_default();
        format!("{}: {}{files}{reply}", message.id, message.text)
    };
    messages.iter().map(show).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn what_no_forward_can_follow_does_not_wait() {
    let mut bench = Bench::new();
    let replied = json!({ "message_id": 1, "chat": { "id": 7 } });
    assert_eq!(bench.message(10, 7, json!({ "text": "a", "reply_to_message": replied })), ["10: a re 1"]);
    assert_eq!(bench.message(11, 7, json!({ "text": "/codex a" })), ["11: /codex a"]);
    assert_eq!(bench.message(12, 7, json!({ "document": { "file_id": "f" }, "caption": "a" })), ["12: a +1"]);
    assert_eq!(bench.message(13, 7, json!({ "text": "a", "date": NOW - 60 })), ["13: a"]);
    assert_eq!(bench.receiver.deadline(), None);
    // By whoever wrote it, the next message says that there is no forward.
    assert_eq!(bench.message(14, 7, json!({ "text": "b" })), NONE);
    assert_eq!(bench.message(15, 8, json!({ "text": "/status" })), ["15: /status"]);
    assert_eq!(bench.message(16, 7, json!({ "text": "/cancel" })), ["14: b", "16: /cancel"]);
}

#[test]
fn forwards_belong_to_the_comment_before_them() {
    let mut bench = Bench::new();
    assert_eq!(bench.message(10, 7, json!({ "text": "look" })), NONE);
    assert_eq!(bench.wait(400), NONE);
    assert_eq!(bench.message(12, 7, forward("second")), NONE);
    assert_eq!(bench.wait(400), NONE);
    assert_eq!(bench.message(11, 7, forward("first")), NONE);
    assert_eq!(bench.receiver.held().len(), 3);
    assert_eq!(bench.wait(500), ["10: look\n\nfirst\n\nsecond"]);
    assert!(bench.receiver.held().is_empty());
}

#[test]
fn no_text_and_no_forward_is_lost() {
    let mut bench = Bench::new();
    bench.message(10, 7, json!({ "text": "one" }));
    assert_eq!(bench.message(11, 7, json!({ "text": "two" })), ["10: one"]);
    assert_eq!(bench.wait(500), ["11: two"]);
    // They come too late for the comment, and still belong to it.
    assert_eq!(bench.message(12, 7, forward("late")), NONE);
    assert_eq!(bench.wait(500), ["12: late re 11"]);
    bench.wait(60_000);
    bench.message(13, 7, forward("alone"));
    assert_eq!(bench.wait(500), ["13: alone"]);
    bench.message(14, 7, forward("before"));
    bench.message(15, 7, json!({ "text": "the comment" }));
    assert_eq!(bench.wait(500), ["15: the comment\n\nbefore"]);
}

#[test]
fn forwards_do_not_hold_for_ever() {
    let mut bench = Bench::new();
    bench.message(10, 7, json!({ "text": "look" }));
    let mut held = 0;
    while bench.wait(400).is_empty() {
        held += 1;
        assert_eq!(bench.message(10 + held, 7, forward("x")), NONE);
        assert!(held < 100);
    }
}

#[test]
fn an_album_is_one_message() {
    let mut bench = Bench::new();
    let parts = [part("a", None), part("a", Some("all of it")), part("b", None)];
    let updates: Vec<_> = (20..)
        .zip(parts)
        .map(|(id, part)| bench.update(&json!({ "message": message(id, 7, part) })))
        .collect();
    assert_eq!(shown(&bench.take(updates).messages), ["20: all of it +2"]);
    assert_eq!(bench.wait(300), ["22:  +1"]);
    for id in 30..39 {
        assert_eq!(bench.message(id, 7, part("c", None)), NONE);
    }
    assert_eq!(bench.message(39, 7, part("c", None)), ["30:  +10"]);
}

#[test]
fn what_arrived_while_nobody_listened_does_not_wait_for_more() {
    let mut bench = Bench::new();
    let old = |id, mut fields: Value| {
        fields["date"] = (NOW - 3600).into();
        message(id, 7, fields)
    };
    let all = [
        old(1, json!({ "text": "one" })),
        old(2, json!({ "text": "look" })),
        old(3, forward("this")),
        old(4, part("a", None)),
        old(5, part("a", None)),
    ];
    let mut updates: Vec<_> =
        all.iter().map(|message| bench.update(&json!({ "message": message }))).collect();
    updates.reverse();
    assert_eq!(shown(&bench.take(updates).messages), ["1: one", "2: look\n\nthis", "4:  +2"]);
}

#[test]
fn an_edit_counts_while_its_message_is_held() {
    let mut bench = Bench::new();
    bench.message(10, 7, json!({ "text": "fxi" }));
    let edit = bench.update(&json!({ "edited_message": message(10, 7, json!({ "text": "fix" })) }));
    assert!(bench.take(vec![edit]).messages.is_empty());
    bench.now += Duration::from_millis(500);
    let released = bench.receiver.due(bench.now);
    assert_eq!(shown(&released), ["10: fix"]);
    assert_eq!(released[0].update.as_ref().unwrap().as_str(), "1");
    let edit = bench.update(&json!({ "edited_message": message(10, 7, json!({ "text": "late" })) }));
    assert!(bench.take(vec![edit]).messages.is_empty());
}

#[test]
fn what_is_held_is_there_again_after_a_kill() {
    let mut bench = Bench::new();
    bench.message(10, 7, json!({ "text": "look" }));
    bench.message(11, 7, forward("this"));
    let held = bench.receiver.held();
    let mut again = Bench::new();
    let delivered = held.iter().map(|raw| Delivered::parse(raw)).collect();
    assert!(again.take(delivered).messages.is_empty());
    assert_eq!(again.wait(500), ["10: look\n\nthis"]);
}

#[test]
fn an_update_is_handled_once() {
    let mut bench = Bench::new();
    let update = |id: i64| {
        let text = json!({ "update_id": id, "message": message(10, 7, json!({ "text": "/a" })) }).to_string();
        Delivered::parse(&text)
    };
    assert_eq!(bench.take(vec![update(5), update(5)]).messages.len(), 1);
    assert_eq!(bench.take(vec![update(5)]).messages.len(), 0);
    assert_eq!(bench.take(vec![update(4)]).messages.len(), 1);
}

#[test]
fn old_messages_are_skipped_where_that_is_wanted() {
    let mut bench = Bench::new();
    bench.receiver.rules.max_age = Some(Duration::from_mins(10));
    let old = message(1, 7, json!({ "text": "/a", "date": NOW - 601 }));
    let young = message(2, 7, json!({ "text": "/b", "date": NOW - 600 }));
    let updates = vec![bench.update(&json!({ "message": old })), bench.update(&json!({ "message": young }))];
    let intake = bench.take(updates);
    assert_eq!(shown(&intake.messages), ["2: /b"]);
    assert_eq!(intake.skipped, [Address::general("7")]);
}

#[test]
fn a_press_says_who_where_and_what() {
    let mut bench = Bench::new();
    let card = json!({ "message_id": 4, "chat": { "id": -100, "type": "supergroup" }, "message_thread_id": 3,
                       "is_topic_message": true });
    let query = |data: Value, message: &Value| json!({ "callback_query": { "id": "q", "from": { "id": 7, "username": "ann" }, "data": data, "message": message } });
    let updates = vec![bench.update(&query("x".into(), &card)), bench.update(&query(Value::Null, &card))];
    let intake = bench.take(updates);
    let [press] = intake.presses.as_slice() else { panic!("{intake:?}") };
    assert_eq!((press.message.address.to_string().as_str(), press.data.as_str()), ("-100/3", "x"));
    assert_eq!(press.sender.as_ref().unwrap().to_string(), "@ann");
    assert_eq!(intake.empty_presses, ["q"]);
}

#[test]
fn a_group_that_becomes_a_supergroup_moves() {
    let mut bench = Bench::new();
    let old = message(1, 7, json!({ "chat": { "id": -5, "type": "group" }, "migrate_to_chat_id": -1005 }));
    let new =
        message(1, 7, json!({ "chat": { "id": -1005, "type": "supergroup" }, "migrate_from_chat_id": -5 }));
    let updates = vec![bench.update(&json!({ "message": old })), bench.update(&json!({ "message": new }))];
    assert_eq!(bench.take(updates).moves, [(ChatId(-5), ChatId(-1005)); 2]);
}

#[test]
fn updates_that_can_not_be_read_are_counted_and_cost_nothing_else() {
    let mut bench = Bench::new();
    let bad = Delivered::parse(r#"{"update_id":77,"message":{"message_id":"x"}}"#);
    let good = bench.update(
        &json!({ "channel_post": message(1, 7, json!({ "text": "a", "chat": { "id": -3, "type": "channel" },
        "sender_chat": { "id": -3, "type": "channel", "title": "News" } })) }),
    );
    let other = bench.update(&json!({ "poll": { "id": "1" } }));
    let intake = bench.take(vec![bad, good, other]);
    assert_eq!((shown(&intake.messages), intake.unreadable), (vec!["1: a".to_owned()], 1));
    assert_eq!(intake.messages[0].mention, Mention::None);
    assert_eq!(intake.messages[0].reply_to, None::<ReplyTo>);
}
