use takopi_api::message::{Body, Button};

use super::*;

const PROGRESS: MessageKind = MessageKind::Progress;

fn screen() -> Screen {
    Screen::new(Palette::Plain, "t")
}

fn button(label: &str) -> Button {
    Button::new(label, ButtonData::new(label).unwrap())
}

fn progress(header: &str, steps: &str) -> OutgoingMessage {
    OutgoingMessage::new(PROGRESS, Body::markdown(steps).header(header)).buttons([button("cancel")])
}

fn say(kind: MessageKind, text: &str) -> OutgoingMessage {
    OutgoingMessage::new(kind, Body::markdown(text))
}

#[test]
fn an_answer_is_printed_as_it_is_written_and_once() {
    let mut screen = screen();
    let (id, _) = screen.sent(&progress("starting · acme · 0s", ""), None);
    let mut draft = |text: &str| screen.drafted("run", &say(PROGRESS, text));
    assert_eq!(draft("**One**"), "");
    assert_eq!(draft("**One**\n\ntwo"), "One\n\n");
    screen.sent(&say(MessageKind::Notice, "something else"), None);
    let body = Body::markdown("**One**\n\ntwo\n\nthree").header("done · acme · 5s");
    let text = screen.edited(&id, &OutgoingMessage::new(MessageKind::Answer, body)).unwrap();
    assert_eq!(text, ">1 done · acme · 5s\n\ntwo\n\nthree\n\n");
}

#[test]
fn texts_of_several_runs_are_not_mixed_up() {
    let mut screen = screen();
    screen.sent(&progress("starting · acme · 0s", ""), None);
    let (second, _) = screen.sent(&progress("starting · acme · 0s", ""), None);
    assert_eq!(screen.drafted("run", &say(PROGRESS, "one\n\ntwo")), "");
    screen.edited(&second, &say(MessageKind::Answer, "done")).unwrap();
    assert_eq!(screen.drafted("run", &say(PROGRESS, "one\n\ntwo")), "one\n\n");
}

#[test]
fn a_run_prints_what_is_new_of_it() {
    let mut screen = screen();
    let (id, text) = screen.sent(&progress("starting · acme · 0s", ""), None);
    assert_eq!(text, ">1 starting · acme · 0s\n");
    let mut check = |header: &str, steps: &str, expected: &str| {
        assert_eq!(screen.edited(&id, &progress(header, steps)).unwrap(), expected);
    };
    check("working · acme · 1s · step 1", "▸ `ls`", ">1 working · acme · 1s · step 1\n  ▸ ls\n");
    check("working · acme · 2s · step 1", "▸ `ls`", "");
    check("working · acme · 3s · step 2", "✓ `ls`  \n▸ `cat a`", "  ✓ ls\n  ▸ cat a\n");
    check("working · acme · 4s · step 3", "▸ `cat a`  \n▸ `ls`", "  ▸ ls\n");
    let footer = ["ctx: website".to_owned(), "acme resume 42".to_owned()];
    let body = Body::markdown("done **now**").header("done · acme · 5s").footer(footer);
    let text = screen.edited(&id, &OutgoingMessage::new(MessageKind::Answer, body)).unwrap();
    assert_eq!(text, ">1 done · acme · 5s\n\ndone now\n\nctx: website\nacme resume 42\n\n");
    assert_eq!(screen.cancel(), None, "it runs no more");
}

#[test]
fn a_cancelled_run_says_how_to_go_on() {
    let mut screen = screen();
    let (id, _) = screen.sent(&progress("working · acme · 1s", "▸ `ls`"), None);
    let body =
        Body::markdown("▸ `ls`").header("`cancelled` · acme · 2s").footer(["acme resume 42".to_owned()]);
    let text = screen.edited(&id, &OutgoingMessage::new(PROGRESS, body)).unwrap();
    assert_eq!(text, ">1 cancelled · acme · 2s\n  acme resume 42\n");
}

#[test]
fn steps_of_several_runs_are_told_apart() {
    let mut screen = screen();
    let (first, _) = screen.sent(&progress("working · acme", ""), None);
    let (second, _) = screen.sent(&progress("working · codex", ""), None);
    assert_eq!(screen.edited(&first, &progress("working · acme", "▸ a")).unwrap(), ">1 ▸ a\n");
    assert_eq!(screen.cancel().unwrap().message, second, "what began last is cancelled first");
    screen.edited(&second, &say(MessageKind::Answer, "done")).unwrap();
    assert_eq!(screen.edited(&first, &progress("working · acme", "✓ a")).unwrap(), "  ✓ a\n");
    assert_eq!(screen.cancel().unwrap().message, first);
}

#[test]
fn no_two_buttons_have_one_number() {
    let mut screen = screen();
    screen.sent(&progress("working · acme", ""), None);
    let ask = |label: &str| say(MessageKind::Request, "may it?").buttons([button(label), button("deny")]);
    let (first, text) = screen.sent(&ask("allow once"), None);
    assert_eq!(text, ">2 may it?\n[1] allow once  [2] deny\n\n", "the run's own button is not in the way");
    let (second, text) = screen.sent(&ask("allow"), None);
    assert_eq!(text, ">3 may it?\n[3] allow  [4] deny\n\n");
    assert_eq!(screen.choice(1).unwrap().message, first);
    assert_eq!(screen.choice(4).unwrap().message, second);
    assert_eq!(screen.choice(5), None);

    let text = screen.edited(&first, &say(MessageKind::Request, "may it? denied")).unwrap();
    assert_eq!(text, ">2 may it? denied\n");
    assert_eq!(screen.choice(1), None, "what is decided can not be pressed");
    assert_eq!(screen.choice(3).unwrap().message, second);
    let (_, text) = screen.sent(&ask("always"), None);
    assert!(text.ends_with("[5] always  [6] deny\n\n"), "{text}");
}

#[test]
fn the_number_of_a_button_does_not_come_back_soon() {
    let mut screen = screen();
    let ask = say(MessageKind::Request, "may it?").buttons([button("allow")]);
    let (id, _) = screen.sent(&ask, None);
    assert!(!screen.is_too_late(1));
    screen.edited(&id, &say(MessageKind::Request, "denied")).unwrap();
    assert!(screen.is_too_late(1), "it went while it was typed");
    assert!(!screen.is_too_late(1), "whoever types it again means something else");

    let (kept, _) = screen.sent(&ask, None);
    for _ in 3..=MOST_BUTTONS {
        let (id, _) = screen.sent(&ask, None);
        screen.edited(&id, &say(MessageKind::Request, "denied")).unwrap();
    }
    assert!(screen.sent(&ask, None).1.ends_with("[1] allow\n\n"));
    assert!(screen.sent(&ask, None).1.ends_with("[3] allow\n\n"), "2 can still be pressed");
    assert_eq!(screen.choice(2).unwrap().message, kept);
    screen.typed("something else");
    assert!(!screen.is_too_late(50));
}

#[test]
fn a_queued_message_has_its_buttons_numbered() {
    let mut screen = screen();
    let queued = say(PROGRESS, "").buttons([button("steer"), button("cancel")]);
    let (_, text) = screen.sent(&queued, None);
    assert_eq!(text, "[1] steer  [2] cancel\n");
    assert_eq!(screen.cancel().unwrap().data.as_str(), "cancel");
}

#[test]
fn buttons_that_stay_keep_their_numbers_and_are_not_printed_again() {
    let mut screen = screen();
    let ask = |text: &str| say(MessageKind::Request, text).buttons([button("allow")]);
    let (id, _) = screen.sent(&ask("may it?"), None);
    assert_eq!(screen.edited(&id, &ask("may it really?")).unwrap(), ">1 may it really?\n");
    assert_eq!(screen.edited(&id, &ask("may it really?")).unwrap(), "");
    assert_eq!(screen.choice(1).unwrap().message, id);
}

#[test]
fn an_answer_says_to_what_where_that_was_not_the_last_message() {
    let mut screen = screen();
    let first = screen.typed(&format!("explain {}\nand more", "x".repeat(40)));
    let answer = say(MessageKind::Answer, "a");
    assert_eq!(screen.sent(&answer, Some(&first)).1, ">1 a\n");
    let second = screen.typed("next");
    let quote = format!("↳ explain {}…\n", "x".repeat(32));
    assert_eq!(screen.sent(&answer, Some(&first)).1, format!("{quote}>2 a\n\n"));
    assert_eq!(screen.sent(&answer, Some(&second)).1, ">3 a\n");
    assert_eq!(screen.sent(&answer, Some(&MessageId::new("unknown"))).1, ">4 a\n");
}

#[test]
fn each_kind_has_its_form() {
    let mut screen = screen();
    let mut check = |kind, body: Body, expected: &str| {
        assert_eq!(screen.sent(&OutgoingMessage::new(kind, body), None).1, expected);
    };
    check(MessageKind::Ack, Body::markdown("trigger: *all*"), "· trigger: all\n");
    check(MessageKind::Notice, Body::markdown("a\nb"), ">2\na\nb\n\n");
    check(MessageKind::Answer, Body::plain("*a*\r\n\u{1b}[1mb"), ">3\n*a*\n[1mb\n\n");
    check(MessageKind::Error, Body::default(), "");
    check(MessageKind::Error, Body::markdown("```\na\n```").header("error"), ">5 error\n\na\n\n");
}

#[test]
fn old_messages_are_forgotten_and_open_ones_last() {
    let mut screen = screen();
    let (open, _) = screen.sent(&progress("working", ""), None);
    let (old, _) = screen.sent(&say(MessageKind::Answer, "old"), None);
    for _ in 0..KEPT {
        screen.sent(&say(MessageKind::Answer, &"x".repeat(KEPT_BYTES + 1)), None);
    }
    assert_eq!(screen.edited(&old, &say(MessageKind::Answer, "new")), Err(Gone));
    assert_eq!(screen.reply_to(2), None);
    assert_eq!(screen.cancel().unwrap().message, open);
    assert_eq!(screen.reply_to(4).unwrap().text.len(), KEPT_BYTES);
    assert_eq!(screen.edited(&MessageId::new("never"), &say(MessageKind::Answer, "new")), Err(Gone));
}
