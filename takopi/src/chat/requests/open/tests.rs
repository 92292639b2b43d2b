use std::time::Duration;

use takopi_api::event::{Choice, Permission, Question, RequestSubject};
use takopi_api::message::Address;
use takopi_api::transport::TransportId;

use super::*;
use crate::chat::requests::acts::Remember;

type Requests = Board<&'static str, &'static str>;

fn place(channel: &str) -> Place {
    Place::new(TransportId::parse("here").unwrap(), Address::general(channel))
}

fn run() -> RunId {
    run_called("r")
}

fn run_called(id: &str) -> RunId {
    serde_json::from_value(id.into()).unwrap()
}

fn aim(reply: Option<&str>) -> Aim {
    reply.map_or(Aim::Here, |message| Aim::Message(MessageId::new(message)))
}

fn at(channel: &str, id: &str) -> MessageRef {
    MessageRef::new(Address::general(channel), MessageId::new(id))
}

struct Desk {
    board: Requests,
    now: Instant,
    has_buttons: bool,
}

const ME: &str = "me";

impl Desk {
    fn new() -> Self {
        Self { board: Board::default(), now: Instant::now(), has_buttons: true }
    }

    fn without_buttons() -> Self {
        Self { has_buttons: false, ..Self::new() }
    }

    /// Something is asked in chat `c` by the run `r`, and shown by message `id` of it.
    fn asks(&mut self, id: &str, subject: &RequestSubject) -> RequestToken {
        let token = self.is_about_to_ask(run(), id, subject);
        assert_eq!(self.board.shown(&token, &at("c", id)), Arrived::AsItIs);
        token
    }

    /// Something is asked in chat `c`, and the message that shows it is under way.
    fn is_about_to_ask(&mut self, run: RunId, id: &str, subject: &RequestSubject) -> RequestToken {
        let token = RequestToken::unique();
        let asked = NewOpen {
            token: token.clone(),
            run,
            id: RequestId::new(id),
            place: place("c"),
            person: Some(PersonId::new(ME)),
            form: Form::of(subject, Remember::ByRule),
            expires: self.now + Duration::from_secs(60),
            kept: "kept",
        };
        self.board.add(asked).unwrap();
        self.board.buttons(&token).unwrap();
        token
    }

    fn permission(&mut self, id: &str) -> RequestToken {
        self.asks(id, &RequestSubject::Permission(Permission::default()))
    }

    /// The button with this label, as its message has it now.
    fn button(&mut self, token: &RequestToken, label: &str) -> Pressable {
        let rows = self.board.buttons(token).unwrap();
        let (_, data) = rows.iter().flatten().find(|(known, _)| known == label).unwrap();
        Pressable::read(data.as_str()).unwrap()
    }

    fn press(&mut self, button: &Pressable, message: &MessageRef, who: &str) -> Pressed<&'static str> {
        let person = PersonId::new(who);
        let who = Who { person: Some(&person), is_local: false, is_approver: who == "boss" };
        self.board.press(button, message, who, self.now)
    }

    fn says(&mut self, who: &str, text: &str, reply: Option<&str>) -> Said<&'static str> {
        self.says_about(who, text, &aim(reply))
    }

    fn says_about(&mut self, who: &str, text: &str, aim: &Aim) -> Said<&'static str> {
        let person = PersonId::new(who);
        let who = Who { person: Some(&person), is_local: false, is_approver: who == "boss" };
        self.board.say(&place("c"), who, text, aim, self.has_buttons, self.now)
    }

    fn expects_secret(&self, who: &str, aim: &Aim) -> bool {
        let person = PersonId::new(who);
        let who = Who { person: Some(&person), is_local: false, is_approver: who == "boss" };
        self.board.expects_secret(&place("c"), who, aim, self.now)
    }
}

fn claimed(pressed: Pressed<&str>) -> Decision {
    match pressed {
        Pressed::Decides(claim, "kept") => claim.decision,
        other => panic!("nothing is decided: {other:?}"),
    }
}

fn reason(said: Said<&str>) -> Option<String> {
    match said {
        Said::Decides(Claim { decision: Decision::Deny { reason }, .. }, _) => reason,
        other => panic!("nothing is denied: {other:?}"),
    }
}

#[test]
fn a_button_says_nothing_of_what_it_does_and_fits_everywhere() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let rows = desk.board.buttons(&token).unwrap();
    for (label, data) in rows.iter().flatten() {
        assert!(data.as_str().len() <= ButtonData::MAX_BYTES);
        assert!(label.split_whitespace().all(|word| !data.as_str().contains(word)), "{data}");
    }
    assert_eq!(Pressable::read("takopi:r:x"), None);
    assert_eq!(Pressable::read("takopi:cancel"), None);
}

#[test]
fn the_first_decision_counts_and_is_one() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let (allow, deny) = {
        let rows = desk.board.buttons(&token).unwrap();
        let read = |at: usize| Pressable::read(rows[0][at].1.as_str()).unwrap();
        (read(0), read(1))
    };
    assert_eq!(claimed(desk.press(&allow, &at("c", "1"), ME)), Decision::AllowOnce);
    assert_eq!(desk.press(&deny, &at("c", "1"), ME), Pressed::Late("kept"));
    assert_eq!(desk.press(&allow, &at("c", "1"), ME), Pressed::Late("kept"));
    assert_eq!(desk.says(ME, "deny", None), Said::NotForIt);
    assert_eq!(desk.board.give_up(&token), None, "its time can not be over any more");
    let ending = desk.board.end(&token, "allowed").unwrap();
    assert_eq!(ending.message, Some(at("c", "1")));
    assert_eq!(desk.press(&deny, &at("c", "1"), ME), Pressed::NotOpen);
    assert_eq!(desk.board.end(&token, "again"), None);
}

#[test]
fn only_who_may_decides_and_only_where_it_is_asked() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let button = desk.button(&token, "allow once");
    assert_eq!(desk.press(&button, &at("c", "1"), "you"), Pressed::NotYours);
    assert_eq!(desk.press(&button, &at("d", "1"), ME), Pressed::Elsewhere);
    assert_eq!(desk.press(&button, &at("c", "2"), ME), Pressed::Elsewhere);
    let nobody = Who { person: None, is_local: false, is_approver: true };
    assert_eq!(desk.board.press(&button, &at("c", "1"), nobody, desk.now), Pressed::NotYours);
    let made_up = Pressable { token: token.clone(), nonce: "0".repeat(12) };
    assert_eq!(desk.press(&made_up, &at("c", "1"), ME), Pressed::Old);
    let unknown = Pressable { token: RequestToken::unique(), nonce: button.nonce.clone() };
    assert_eq!(desk.press(&unknown, &at("c", "1"), ME), Pressed::NotOpen);
    assert_eq!(claimed(desk.press(&button, &at("c", "1"), "boss")), Decision::AllowOnce);
}

#[test]
fn what_is_asked_for_nobody_is_nobodys() {
    let mut desk = Desk::new();
    let token = RequestToken::unique();
    let asked = NewOpen {
        token: token.clone(),
        run: run(),
        id: RequestId::new("1"),
        place: place("c"),
        person: None,
        form: Form::Plan,
        expires: desk.now + Duration::from_secs(60),
        kept: "kept",
    };
    desk.board.add(asked).unwrap();
    let button = desk.button(&token, "approve");
    let nobody = Who { person: None, is_local: false, is_approver: false };
    assert_eq!(desk.board.press(&button, &at("c", "1"), nobody, desk.now), Pressed::NotYours);
    assert_eq!(desk.press(&button, &at("c", "1"), ME), Pressed::NotYours);
    let local = Who { is_local: true, ..nobody };
    assert!(matches!(desk.board.press(&button, &at("c", "1"), local, desk.now), Pressed::Decides(..)));
}

#[test]
fn what_is_too_late_decides_nothing() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let button = desk.button(&token, "allow once");
    desk.now += Duration::from_secs(60);
    assert_eq!(desk.press(&button, &at("c", "1"), ME), Pressed::Expired);
    assert_eq!(desk.says(ME, "deny", None), Said::NotForIt);
    assert_eq!(desk.board.give_up(&token), Some("kept"));
    assert_eq!(desk.board.give_up(&token), None);
}

#[test]
fn a_reason_is_what_is_written_next_by_who_wanted_to() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let before = desk.button(&token, "allow once");
    let why = desk.button(&token, "deny, and say why");
    assert_eq!(desk.press(&before, &at("c", "1"), ME), Pressed::Old, "its message was shown anew");
    assert_eq!(desk.press(&why, &at("c", "1"), "boss"), Pressed::Changed { waits_for_words: true });
    assert_eq!(desk.board.outdated(&token), Some(at("c", "1")));
    assert_eq!(desk.board.outdated(&token), None);
    assert!(desk.board.waits_for_words_of(&place("c"), Some(&PersonId::new("boss")), desk.now));
    assert!(!desk.board.waits_for_words_of(&place("d"), Some(&PersonId::new("boss")), desk.now));
    assert_eq!(desk.says(ME, "what is this?", None), Said::NotForIt);
    assert_eq!(desk.says("boss", "about another one", Some("9")), Said::NotForIt);
    assert_eq!(reason(desk.says("boss", " not there ", None)).as_deref(), Some("not there"));

    let second = desk.permission("2");
    let why = desk.button(&second, "deny, and say why");
    desk.press(&why, &at("c", "2"), ME);
    let back = desk.button(&second, "back");
    assert_eq!(desk.press(&back, &at("c", "2"), ME), Pressed::Changed { waits_for_words: false });
    assert_eq!(desk.says(ME, "go on then", None), Said::NotForIt);
}

#[test]
fn without_buttons_the_numbers_that_are_shown_count() {
    let mut desk = Desk::without_buttons();
    let token = desk.permission("1");
    assert!(matches!(desk.says("boss", "5", Some("1")), Said::Changed(_)));
    assert_eq!(desk.says(ME, "1", Some("1")), Said::Unclear(LOOK), "it may be `allow once`");
    desk.board.buttons(&token);
    assert_eq!(reason(desk.says(ME, "1", Some("1"))), None, "it is `deny without a word` now");

    let token = desk.asks("2", &RequestSubject::Plan { text: "plan".to_owned() });
    assert!(matches!(desk.says("boss", "2", Some("2")), Said::Changed(_)));
    desk.board.buttons(&token);
    assert_eq!(reason(desk.says(ME, "1", Some("2"))), None, "it is `reject` now");

    let token = desk.permission("3");
    for back in ["2", " Back "] {
        desk.board.buttons(&token);
        assert!(matches!(desk.says("boss", "5", Some("3")), Said::Changed(_)));
        assert_eq!(desk.says("boss", back, None), Said::Unclear(LOOK), "{back}");
        desk.board.buttons(&token);
        assert!(matches!(desk.says("boss", back, None), Said::Changed(_)), "{back}");
    }
    desk.board.buttons(&token);
    assert!(matches!(desk.says("boss", "5", Some("3")), Said::Changed(_)));
    assert_eq!(
        reason(desk.says("boss", "3 of them are wrong", None)).as_deref(),
        Some("3 of them are wrong")
    );
}

#[test]
fn without_buttons_a_reply_to_a_plan_says_how_it_should_be() {
    let mut desk = Desk::without_buttons();
    desk.asks("1", &RequestSubject::Plan { text: "plan".to_owned() });
    assert!(matches!(desk.says(ME, "7", Some("1")), Said::Unclear(_)));
    assert_eq!(reason(desk.says(ME, "add tests", Some("1"))).as_deref(), Some("add tests"));
}

fn question(id: &str) -> RequestSubject {
    RequestSubject::Question { questions: vec![Question::new(id, "?")] }
}

#[test]
fn what_nobody_has_seen_takes_no_words() {
    let mut desk = Desk::without_buttons();
    let secret = RequestSubject::Question { questions: vec![Question::new("key", "?").secret()] };
    let token = desk.is_about_to_ask(run(), "1", &secret);
    assert!(!desk.expects_secret(ME, &Aim::Here));
    assert_eq!(desk.says(ME, "also add tests", None), Said::NotForIt);
    desk.board.shown(&token, &at("c", "1"));
    assert!(desk.expects_secret(ME, &Aim::Here));
    assert_eq!(desk.board.give_up(&token), Some("kept"));
    desk.board.end(&token, "expired").unwrap();

    let permission = RequestSubject::Permission(Permission::default());
    let token = desk.is_about_to_ask(run(), "2", &permission);
    for text in ["1", "yes", "deny"] {
        assert_eq!(desk.says(ME, text, None), Said::NotForIt, "{text}");
    }
    desk.board.shown(&token, &at("c", "2"));
    assert!(matches!(desk.says(ME, "1", None), Said::Decides(..)));
}

#[test]
fn a_number_where_several_things_were_asked_has_to_say_which() {
    let mut desk = Desk::without_buttons();
    let first = desk.permission("1");
    let second = desk.permission("2");
    for text in ["1", " 5 ", "1, 2"] {
        assert_eq!(desk.says(ME, text, None), Said::Unclear(WHICH), "{text}");
    }
    assert_eq!(desk.says(ME, "and 1 more thing", None), Said::NotForIt);
    assert_eq!(desk.board.give_up(&first), Some("kept"));
    desk.board.end(&first, "expired").unwrap();
    assert_eq!(desk.says(ME, "1", None), Said::Unclear(WHICH), "it was for the one that expired");
    let Said::Decides(claim, _) = desk.says(ME, "1", Some("2")) else { panic!() };
    assert_eq!((claim.token, claim.decision), (second.clone(), Decision::AllowOnce));
    desk.board.end(&second, "allowed").unwrap();
    desk.permission("3");
    assert_eq!(reason(desk.says(ME, "2", None)), None);
}

#[test]
fn words_that_answer_the_card_of_a_run_are_for_what_it_asks() {
    let secret = RequestSubject::Question { questions: vec![Question::new("key", "?").secret()] };
    let mut desk = Desk::new();
    desk.asks("1", &secret);
    let other = run_called("other");
    assert!(!desk.expects_secret(ME, &Aim::Run(other.clone())));
    assert_eq!(desk.says_about(ME, "blue", &Aim::Run(other.clone())), Said::NotForIt);
    let token = desk.is_about_to_ask(other.clone(), "2", &question("second"));
    desk.board.shown(&token, &at("c", "2"));
    assert!(!desk.expects_secret(ME, &Aim::Run(other.clone())) && desk.expects_secret(ME, &Aim::Run(run())));
    assert_eq!(desk.says_about("boss", "blue", &Aim::Run(other.clone())), Said::NotForIt);
    let Said::Decides(claim, _) = desk.says_about(ME, "blue", &Aim::Run(other)) else { panic!() };
    assert_eq!(claim.token, token);
}

#[test]
fn words_go_to_the_oldest_question_or_to_the_one_that_they_answer() {
    let answer = |said: Said<&'static str>| match said {
        Said::Decides(Claim { decision: Decision::Answer { answers }, .. }, _) => answers,
        other => panic!("nothing is answered: {other:?}"),
    };
    let mut desk = Desk::new();
    desk.permission("0");
    desk.asks("1", &question("first"));
    desk.asks("2", &question("second"));
    desk.asks("3", &question("third"));
    assert_eq!(desk.says("you", "blue", None), Said::NotForIt);
    assert_eq!(desk.says("boss", "blue", None), Said::NotForIt, "it need not be about this");
    assert_eq!(desk.says(ME, "blue", Some("another message")), Said::NotForIt);
    assert!(answer(desk.says("boss", "blue", Some("2"))).contains_key("second"));
    assert!(answer(desk.says(ME, "red", None)).contains_key("first"));
    assert!(answer(desk.says(ME, "red", None)).contains_key("third"));
    assert_eq!(
        desk.says(ME, "perhaps", Some("0")),
        Said::Unclear("say `yes`, or `deny because …`, or press a button")
    );
    assert_eq!(reason(desk.says(ME, "deny because", None)), None);
}

#[test]
fn several_questions_are_one_message_that_changes() {
    let options = ["red", "blue"].map(Choice::new);
    let subject = RequestSubject::Question {
        questions: vec![
            Question::new("a", "which?").options(options.clone()),
            Question::new("b", "which ones?").options(options).multiple(),
        ],
    };
    let mut desk = Desk::new();
    let token = desk.asks("1", &subject);
    let same = Pressed::Changed { waits_for_words: false };
    let red = desk.button(&token, "red");
    assert_eq!(desk.press(&red, &at("c", "1"), ME), same);
    assert_eq!(desk.press(&red, &at("c", "1"), ME), Pressed::Old, "it was for the question before");
    assert_eq!(desk.press(&red, &at("c", "1"), "boss"), Pressed::Old);
    let blue = {
        let rows = desk.board.buttons(&token).unwrap();
        let read = |row: usize| Pressable::read(rows[row][0].1.as_str()).unwrap();
        let (red, blue) = (read(0), read(1));
        assert_eq!(desk.press(&red, &at("c", "1"), ME), same);
        blue
    };
    assert_eq!(desk.press(&blue, &at("c", "1"), ME), same, "it is the same question still");
    let done = desk.button(&token, "done");
    let Decision::Answer { answers } = claimed(desk.press(&done, &at("c", "1"), ME)) else { panic!() };
    assert_eq!(
        (&answers["a"][..], &answers["b"][..]),
        (&["red".into()][..], &["red".into(), "blue".into()][..])
    );
}

#[test]
fn a_number_for_the_question_before_is_no_answer_to_the_next_one() {
    let options = ["red", "blue"].map(Choice::new);
    let questions = ["a", "b"].map(|id| Question::new(id, "which?").options(options.clone()));
    let mut desk = Desk::without_buttons();
    let token = desk.asks("1", &RequestSubject::Question { questions: questions.to_vec() });
    assert!(matches!(desk.says(ME, "1", None), Said::Changed(_)));
    assert_eq!(desk.says(ME, "1", None), Said::Unclear(LOOK));
    desk.board.buttons(&token);
    assert!(matches!(desk.says(ME, "2", None), Said::Decides(..)));
}

#[test]
fn a_secret_is_expected_of_who_answers_it() {
    let mut desk = Desk::new();
    let questions = vec![Question::new("a", "who?"), Question::new("b", "password?").secret()];
    desk.asks("1", &RequestSubject::Question { questions });
    let expects = |desk: &Desk, who: &str, reply: Option<&str>| desk.expects_secret(who, &aim(reply));
    assert!(!expects(&desk, ME, None));
    assert!(matches!(desk.says(ME, "me", None), Said::Changed(_)));
    assert!(expects(&desk, ME, None) && expects(&desk, "boss", Some("1")));
    assert!(
        !expects(&desk, "boss", None) && !expects(&desk, "you", Some("1")) && !expects(&desk, ME, Some("2"))
    );
}

#[test]
fn one_that_ends_while_its_message_is_under_way_says_so_when_that_is_there() {
    let mut desk = Desk::new();
    let asked = |token: &RequestToken, now: Instant| NewOpen {
        token: token.clone(),
        run: run(),
        id: RequestId::new("1"),
        place: place("c"),
        person: None,
        form: Form::Plan,
        expires: now,
        kept: "kept",
    };
    let token = RequestToken::unique();
    desk.board.add(asked(&token, desk.now)).unwrap();
    assert_eq!(desk.board.add(asked(&RequestToken::unique(), desk.now)), Err(AskedTwice));
    assert_eq!(desk.board.find(&run(), &RequestId::new("1")), Some(token.clone()));
    assert_eq!(desk.board.of_run(&run()), std::slice::from_ref(&token));
    assert_eq!(desk.board.end(&token, "withdrawn").unwrap().message, None);
    assert_eq!(desk.board.buttons(&token), None);
    assert_eq!(desk.board.shown(&token, &at("c", "9")), Arrived::Ended("withdrawn"));
    assert_eq!(desk.board.shown(&token, &at("c", "9")), Arrived::AsItIs);
    desk.board.add(asked(&RequestToken::unique(), desk.now)).unwrap();
}

#[test]
fn what_is_withdrawn_while_it_is_decided_is_told_to_nobody() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let button = desk.button(&token, "allow once");
    claimed(desk.press(&button, &at("c", "1"), ME));
    assert_eq!(desk.board.take_away(&token), None, "whoever decides ends it");
    assert_eq!(desk.board.reopen(&token, desk.now), Reopened::Withdrawn);
    assert!(desk.board.end(&token, "decided").unwrap().is_withdrawn);
    let token = desk.permission("1");
    assert_eq!(desk.board.take_away(&token), Some("kept"));
}

#[test]
fn what_could_not_be_stored_is_asked_again() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let button = desk.button(&token, "deny");
    claimed(desk.press(&button, &at("c", "1"), ME));
    assert_eq!(desk.board.reopen(&token, desk.now), Reopened::Open);
    assert_eq!(desk.board.outdated(&token), Some(at("c", "1")));
    assert_eq!(claimed(desk.press(&button, &at("c", "1"), ME)), Decision::Deny { reason: None });
}

#[test]
fn what_could_not_be_stored_in_time_is_not_asked_for_ever() {
    let mut desk = Desk::new();
    let token = desk.permission("1");
    let button = desk.button(&token, "deny");
    claimed(desk.press(&button, &at("c", "1"), ME));
    desk.now += Duration::from_secs(60);
    assert_eq!(desk.board.give_up(&token), None, "the time is over, and nobody waits for that any more");
    assert_eq!(desk.board.reopen(&token, desk.now), Reopened::Expired);
    assert_eq!(desk.board.give_up(&token), Some("kept"));
}
