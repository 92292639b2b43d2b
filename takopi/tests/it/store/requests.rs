//! Requests are stored before they are shown, decided once, and found again after a kill; rules answer for people.

use std::time::{Duration, SystemTime};

use takopi::store::{
    Asked, Covers, Decided, DecidedBy, Deciders, Digest, Ended, Judgement, Like, Look, NewRequest, NewRule,
    RequestEnd, RequestToken, Revoked, RuleScope, Undecided, Verdict, Verified,
};
use takopi_api::event::RequestId;
use takopi_api::message::{PersonId, Sender};

use super::*;

pub(super) fn ann() -> Sender {
    Sender::new("5").name("Ann")
}

/// A run that has begun, and whose requests can be stored.
pub(super) async fn begun(store: &Store) -> RunId {
    let run = NewRun { person: Some(PersonId::new("5")), ..run_of(&[]) };
    store.begin_run(run.clone()).await.unwrap();
    run.id
}

pub(super) fn asks(run: &RunId, what: &str) -> NewRequest {
    NewRequest {
        token: RequestToken::unique(),
        run: run.clone(),
        request: RequestId::new("1"),
        place: here(),
        person: Some(PersonId::new("5")),
        engine: ACME,
        tool: Some("Shell".into()),
        digest: Digest::of(&[what.as_bytes()]),
        title: format!("run {what}"),
        is_secret: false,
        expires_at: SystemTime::now() + Duration::from_secs(600),
    }
}

/// A request that is open.
pub(super) async fn open_request(store: &Store, what: &str) -> RequestToken {
    let new = asks(&begun(store).await, what);
    let token = new.token.clone();
    assert_eq!(store.request_asked(new, None).await.unwrap(), Asked::Open);
    token
}

pub(super) fn says(verdict: Verdict) -> Judgement {
    Judgement { verdict, by: Some(ann()), rule: None }
}

fn npm_test() -> Covers {
    Covers::Command { tool: Some("Shell".into()), command: "npm test".into(), below: String::new() }
}

fn always() -> NewRule {
    NewRule {
        scope: RuleScope::Always,
        project: Some("web".into()),
        folder: "/web".into(),
        covers: npm_test(),
    }
}

fn like(deciders: &[&str]) -> Like {
    Like {
        thread: Some(token("t1")),
        folder: "/web".into(),
        covers: npm_test(),
        deciders: Deciders::People(deciders.iter().map(|&id| PersonId::new(id)).collect()),
    }
}

async fn is_whole(store: &Sandbox) -> i64 {
    match Look::open(store.folder.path()).unwrap().unwrap().verify_audit().unwrap() {
        Verified::Whole { rows, .. } => rows,
        broken => panic!("{broken:?}"),
    }
}

#[tokio::test]
async fn the_first_decision_counts_and_the_others_hear_of_it() {
    let store = Sandbox::new();
    let token = open_request(&store, "npm test").await;
    assert_eq!(store.ended_request(&token).await.unwrap().map(|ended| ended.end), None);
    assert_eq!(store.decide(&token, says(Verdict::Deny)).await.unwrap(), Decided::Now { rule: None });
    let denied = RequestEnd::Decided { verdict: Verdict::Deny, by: DecidedBy::Person(Some(ann())) };
    let late = store.decide(&token, says(Verdict::AllowOnce)).await.unwrap();
    assert_eq!(late, Decided::Already(denied.clone()));
    let late = store.end_request(&token, Undecided::Withdrawn).await.unwrap();
    assert_eq!(late, Ended::Already(denied.clone()));
    let store = store.reopened().await;
    assert_eq!(store.ended_request(&token).await.unwrap().map(|ended| ended.end), Some(denied));
    assert_eq!(is_whole(&store).await, 2);
}

#[tokio::test]
async fn of_many_at_once_one_decides() {
    let store = Sandbox::new();
    let token = open_request(&store, "rm -rf /").await;
    let mut presses = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (store, token) = (store.store.clone(), token.clone());
        let verdict = if n % 2 == 0 { Verdict::Deny } else { Verdict::AllowOnce };
        presses.spawn(async move { store.decide(&token, says(verdict)).await.unwrap() });
    }
    let decided = presses.join_all().await;
    let first = decided.iter().filter(|decided| matches!(decided, Decided::Now { .. })).count();
    assert_eq!(first, 1);
    assert_eq!(is_whole(&store).await, 2);
}

#[tokio::test]
async fn a_made_up_token_decides_nothing() {
    let store = Sandbox::new();
    open_request(&store, "npm test").await;
    for text in ["", "1", "' OR 1", "\0", &"x".repeat(100_000)] {
        let token = RequestToken::of_button(text);
        assert_eq!(store.decide(&token, says(Verdict::AllowAlways)).await.unwrap(), Decided::Gone);
        assert_eq!(store.end_request(&token, Undecided::Expired).await.unwrap(), Ended::Gone);
    }
    assert_eq!(is_whole(&store).await, 1);
}

#[tokio::test]
async fn a_decision_after_the_time_is_no_decision() {
    let store = Sandbox::new();
    let run = begun(&store).await;
    let new = NewRequest { expires_at: SystemTime::now(), ..asks(&run, "npm test") };
    let token = new.token.clone();
    store.request_asked(new, None).await.unwrap();
    let judgement = Judgement { rule: Some(always()), ..says(Verdict::AllowAlways) };
    assert_eq!(store.decide(&token, judgement).await.unwrap(), Decided::TooLate);
    assert_eq!(store.ended_request(&token).await.unwrap().map(|ended| ended.end), Some(RequestEnd::Expired));
    assert_eq!(store.rules().await.unwrap(), []);
}

#[tokio::test]
async fn a_request_ends_undecided_once() {
    let store = Sandbox::new();
    let ends = [
        (Undecided::Expired, RequestEnd::Expired),
        (Undecided::Withdrawn, RequestEnd::Withdrawn),
        (
            Undecided::Unaskable("the chat is gone".into()),
            RequestEnd::Decided { verdict: Verdict::Deny, by: DecidedBy::Takopi("the chat is gone".into()) },
        ),
    ];
    for (how, end) in ends {
        let token = open_request(&store, "npm test").await;
        assert_eq!(store.end_request(&token, how.clone()).await.unwrap(), Ended::Now);
        assert_eq!(store.end_request(&token, how).await.unwrap(), Ended::Already(end.clone()));
        assert_eq!(store.decide(&token, says(Verdict::AllowOnce)).await.unwrap(), Decided::Already(end));
    }
}

#[tokio::test]
async fn without_a_run_nothing_is_asked() {
    let store = Sandbox::new();
    let error = store.request_asked(asks(&RunId::unique(), "npm test"), None).await.unwrap_err();
    assert!(error.to_string().contains("that could ask"), "{error}");
    let new = asks(&begun(&store).await, "npm test");
    store.request_asked(new.clone(), None).await.unwrap();
    // The same token never stands for two.
    assert!(store.request_asked(new, None).await.is_err());
    assert_eq!(is_whole(&store).await, 1);
}

#[tokio::test]
async fn a_megabyte_is_cut_and_the_id_of_a_request_may_come_again() {
    let store = Sandbox::new();
    let run = begun(&store).await;
    for _ in 0..2 {
        let new = NewRequest { title: "é".repeat(1_000_000), ..asks(&run, "npm test") };
        let token = new.token.clone();
        store.request_asked(new, None).await.unwrap();
        store.request_shown(&token, &bubble("9")).await.unwrap();
        store.decide(&token, says(Verdict::AllowOnce)).await.unwrap();
    }
    let left = store.open_requests().await.unwrap();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|left| left.title.len() <= 400), "{left:?}");
}

#[tokio::test]
async fn what_asked_is_known_by_all_its_messages_as_long_as_the_request() {
    let store = Sandbox::new();
    let new = NewRequest { is_secret: true, ..asks(&begun(&store).await, "password?") };
    let token = new.token.clone();
    store.request_asked(new, None).await.unwrap();
    let transport = here().transport;
    for message in ["1", "2"] {
        store.request_shown(&token, &bubble(message)).await.unwrap();
        let found = store.ended_request_in(&transport, &bubble(message)).await.unwrap();
        assert_eq!(found, None, "it is open");
    }
    store.end_request(&token, Undecided::Expired).await.unwrap();
    store.request_told(&token).await.unwrap();
    let store = store.killed_here();
    for message in ["1", "2"] {
        let found = store.ended_request_in(&transport, &bubble(message)).await.unwrap().unwrap();
        assert!(found.is_secret && found.end == RequestEnd::Expired, "{found:?}");
    }
    assert_eq!(store.ended_request_in(&transport, &bubble("3")).await.unwrap(), None);
}

#[tokio::test]
async fn a_killed_takopi_leaves_what_its_messages_have_to_say() {
    let store = Sandbox::new();
    let (open, decided, told, unseen) = (
        open_request(&store, "open").await,
        open_request(&store, "decided").await,
        open_request(&store, "told").await,
        open_request(&store, "unseen").await,
    );
    for (token, message) in [(&open, "1"), (&decided, "2"), (&told, "3")] {
        store.request_shown(token, &bubble(message)).await.unwrap();
    }
    store.decide(&decided, says(Verdict::AllowSession)).await.unwrap();
    store.decide(&told, says(Verdict::Deny)).await.unwrap();
    store.request_told(&told).await.unwrap();
    // It does not say anything yet.
    store.request_told(&open).await.unwrap();

    let store = store.killed_here();
    for _ in 0..2 {
        let left = store.open_requests().await.unwrap();
        let left: Vec<_> = left.into_iter().map(|left| (left.token, left.message, left.end)).collect();
        let session =
            RequestEnd::Decided { verdict: Verdict::AllowSession, by: DecidedBy::Person(Some(ann())) };
        assert_eq!(
            left,
            [(open.clone(), bubble("1"), RequestEnd::CutOff), (decided.clone(), bubble("2"), session)]
        );
    }
    assert_eq!(store.ended_request(&unseen).await.unwrap().map(|ended| ended.end), Some(RequestEnd::CutOff));
    let late = store.decide(&open, says(Verdict::AllowOnce)).await.unwrap();
    assert_eq!(late, Decided::Already(RequestEnd::CutOff));
    store.request_told(&open).await.unwrap();
    store.request_told(&decided).await.unwrap();
    assert_eq!(store.open_requests().await.unwrap(), []);
    // Four were asked, two decided, two cut off: each is said once.
    assert_eq!(is_whole(&store).await, 8);
}

/// Makes a rule by a decision.
async fn made(store: &Store, rule: NewRule) -> takopi::store::RuleId {
    let token = open_request(store, "npm test").await;
    let judgement = Judgement { rule: Some(rule), ..says(Verdict::AllowAlways) };
    match store.decide(&token, judgement).await.unwrap() {
        Decided::Now { rule: Some(rule) } => rule,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rule_decides_what_is_alike_until_it_is_revoked() {
    let store = Sandbox::new();
    let id = made(&store, always()).await;
    // Saying the same once more makes no second one.
    assert_eq!(made(&store, always()).await, id);
    let run = begun(&store).await;
    let asked = async |like| {
        let new = asks(&run, "npm test");
        let token = new.token.clone();
        (store.request_asked(new, Some(like)).await.unwrap(), token)
    };
    let (Asked::Allowed(rule), token) = asked(like(&["5"])).await else { panic!("it is alike") };
    assert_eq!((rule.id, rule.engine, rule.project), (id, ACME, Some("web".to_owned())));
    let end = RequestEnd::Decided { verdict: Verdict::AllowOnce, by: DecidedBy::Rule(id) };
    assert_eq!(store.decide(&token, says(Verdict::Deny)).await.unwrap(), Decided::Already(end));

    let Revoked::Now(rule) = store.revoke_rule(id, Some(&ann())).await.unwrap() else {
        panic!("it is there")
    };
    assert_eq!(rule.id, id);
    assert_eq!(store.revoke_rule(id, Some(&ann())).await.unwrap(), Revoked::NoSuchRule);
    assert_eq!(asked(like(&["5"])).await.0, Asked::Open);
    assert_eq!(store.rules().await.unwrap(), []);
    // One that is made now is another one.
    assert_ne!(made(&store, always()).await, id);
}

#[tokio::test]
async fn a_rule_decides_nothing_else() {
    let store = Sandbox::new();
    made(&store, always()).await;
    let run = begun(&store).await;
    let asked = async |new: NewRequest, like| store.request_asked(new, Some(like)).await.unwrap();
    let other = |command: &str| Covers::Command {
        tool: Some("Shell".into()),
        command: command.into(),
        below: String::new(),
    };
    let below =
        Covers::Command { tool: Some("Shell".into()), command: "npm test".into(), below: "sub".into() };
    let tool = Covers::Command { tool: None, command: "npm test".into(), below: String::new() };
    let unlike = [
        Like { covers: other("npm test "), ..like(&["5"]) },
        Like { covers: other("NPM TEST"), ..like(&["5"]) },
        Like { covers: other("npm test; rm -rf /"), ..like(&["5"]) },
        Like { covers: below, ..like(&["5"]) },
        Like { covers: tool, ..like(&["5"]) },
        Like { folder: "/web2".into(), ..like(&["5"]) },
        Like { folder: "/web/".into(), ..like(&["6"]) },
        // Whoever made it could not decide this one.
        like(&["6"]),
        like(&[]),
    ];
    for like in unlike {
        assert_eq!(asked(asks(&run, "npm test"), like.clone()).await, Asked::Open, "{like:?}");
    }
    let of_another_engine = NewRequest { engine: CODEX, ..asks(&run, "npm test") };
    assert_eq!(asked(of_another_engine, like(&["5"])).await, Asked::Open);
    // Another chat system may have somebody else of this id.
    let elsewhere = Place::new(TransportId::parse("other").unwrap(), here().address);
    let from_elsewhere = || NewRequest { place: elsewhere.clone(), ..asks(&run, "npm test") };
    assert_eq!(asked(from_elsewhere(), like(&["5"])).await, Asked::Open);
    let local = Like { deciders: Deciders::Everybody, ..like(&[]) };
    assert_eq!(asked(from_elsewhere(), local).await, Asked::Open);
    // And what it is for is allowed to the end.
    assert!(matches!(asked(asks(&run, "npm test"), like(&["6", "5"])).await, Asked::Allowed(_)));
}

#[tokio::test]
async fn a_rule_of_a_session_is_for_its_thread() {
    let store = Sandbox::new();
    made(&store, NewRule { scope: RuleScope::Session(token("t1")), ..always() }).await;
    let run = begun(&store).await;
    let asked = async |like| store.request_asked(asks(&run, "npm test"), Some(like)).await.unwrap();
    assert!(matches!(asked(like(&["5"])).await, Asked::Allowed(_)));
    assert_eq!(asked(Like { thread: None, ..like(&["5"]) }).await, Asked::Open);
    assert_eq!(asked(Like { thread: Some(token("t2")), ..like(&["5"]) }).await, Asked::Open);
}

#[tokio::test]
async fn a_rule_for_a_thread_of_another_engine_is_refused_with_its_decision() {
    let store = Sandbox::new();
    let token = open_request(&store, "npm test").await;
    let thread = ResumeToken::new(CODEX, "t1").unwrap();
    let rule = NewRule { scope: RuleScope::Session(thread), ..always() };
    let judgement = Judgement { rule: Some(rule), ..says(Verdict::AllowSession) };
    assert!(store.decide(&token, judgement).await.is_err());
    assert_eq!(store.ended_request(&token).await.unwrap().map(|ended| ended.end), None);
    assert_eq!(is_whole(&store).await, 1);
}

#[tokio::test]
async fn rules_and_requests_follow_their_chat() {
    let store = Sandbox::new();
    let id = made(&store, always()).await;
    let token = open_request(&store, "npm test").await;
    store.request_shown(&token, &bubble("1")).await.unwrap();
    store
        .rewrite_channel(&chat(), &here().address.channel, &takopi_api::message::ChannelId::new("-200"))
        .await
        .unwrap();
    let rules = store.rules().await.unwrap();
    assert_eq!((rules[0].id, rules[0].place.address.channel.as_str()), (id, "-200"));
    assert_eq!(store.open_requests().await.unwrap()[0].place.address.channel.as_str(), "-200");
}
