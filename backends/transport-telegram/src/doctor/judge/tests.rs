use takopi_api::transport::CheckStatus::{Error, Ok, Warning};
use takopi_api::transport::TopicScope;

use super::TopicsWish::{Needed, Possible, Unwanted};
use super::*;

fn place(chat: i64, topics: TopicsWish) -> Place {
    Place { label: "chat_id".to_owned(), chat: ChatId(chat), topics }
}

fn chat(json: &str) -> ChatInfo {
    serde_json::from_str(json).unwrap()
}

fn member(json: &str) -> ChatMember {
    serde_json::from_str(json).unwrap()
}

#[test]
fn clocks_may_be_half_a_minute_apart() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let check = |said, sent, received, status, detail: &str| {
        let check = clock(Some(at(said)), at(sent), at(received));
        assert_eq!(check.status, status, "{check:?}");
        assert!(check.detail.contains(detail), "{check:?}");
    };
    check(1000, 1000, 1000, Ok, "agrees");
    check(1000, 1031, 1031, Ok, "agrees");
    check(1000, 1032, 1032, Warning, "31 s ahead of");
    check(1031, 1000, 1001, Ok, "agrees");
    check(1032, 1000, 1001, Warning, "31 s behind");
    // An answer that took long says nothing about the clock.
    check(1000, 990, 1090, Ok, "agrees");
    assert_eq!(clock(None, at(0), at(0)).status, Warning);
}

#[test]
fn a_webhook_is_told_by_its_host() {
    let set = |url: &str| webhook(&Webhook { url: url.to_owned(), pending_update_count: 0 });
    assert_eq!(set("").status, Ok);
    let check = set("https://example.org/hunter2");
    assert_eq!(check.status, Error);
    assert!(check.detail.contains("example.org") && !format!("{check:?}").contains("hunter2"), "{check:?}");
}

#[test]
fn whoever_may_not_write_is_told() {
    let check = |chat_json: &str, member_json: &str, status| {
        let check = rights(&place(-100, Unwanted), &chat(chat_json), &member(member_json));
        assert_eq!(check.status, status, "{check:?}");
    };
    let group = r#"{"type":"supergroup","title":"Us"}"#;
    let quiet = r#"{"type":"supergroup","permissions":{"can_send_messages":false}}"#;
    let channel = r#"{"type":"channel"}"#;
    check(group, r#"{"status":"member"}"#, Ok);
    check(quiet, r#"{"status":"member"}"#, Error);
    check(quiet, r#"{"status":"administrator"}"#, Ok);
    check(group, r#"{"status":"restricted","is_member":true,"can_send_messages":true}"#, Ok);
    check(group, r#"{"status":"restricted","is_member":true,"can_send_messages":false}"#, Error);
    check(group, r#"{"status":"restricted","is_member":false}"#, Error);
    check(group, r#"{"status":"kicked"}"#, Error);
    check(group, r#"{"status":"something new"}"#, Error);
    check(channel, r#"{"status":"member"}"#, Error);
    check(channel, r#"{"status":"administrator"}"#, Error);
    check(channel, r#"{"status":"administrator","can_post_messages":true}"#, Ok);
}

#[test]
fn privacy_matters_in_groups_where_all_that_is_said_counts() {
    let check = |kind: &str, status: &str, reads: &str, is_for_mentions, expected| {
        let me = serde_json::from_str::<User>(&format!(r#"{{"id":1{reads}}}"#)).unwrap();
        let info = ChatInfo { kind: kind.to_owned(), ..ChatInfo::default() };
        let member = ChatMember { status: status.to_owned(), ..ChatMember::default() };
        let check = privacy(&place(-100, Unwanted), &info, &member, &me, is_for_mentions);
        assert_eq!(check.map(|check| check.status), expected);
    };
    let (on, off) = (r#","can_read_all_group_messages":false"#, r#","can_read_all_group_messages":true"#);
    check("supergroup", "member", on, false, Some(Warning));
    check("group", "member", "", false, Some(Warning));
    check("group", "member", off, false, Some(Ok));
    check("group", "administrator", on, false, Some(Ok));
    check("group", "member", on, true, Some(Ok));
    check("channel", "administrator", on, false, None);
}

#[test]
fn topics_need_a_forum_and_the_right_to_manage_them() {
    let fault = |chat_json: &str, member_json: &str| {
        topics_fault(ChatId(-100), &chat(chat_json), Some(&member(member_json))).map(|fault| fault.what)
    };
    let forum = r#"{"type":"supergroup","is_forum":true}"#;
    let manager = r#"{"status":"administrator","can_manage_topics":true}"#;
    assert_eq!(fault(forum, manager), None);
    assert_eq!(fault(forum, r#"{"status":"creator"}"#), None);
    assert!(
        fault(forum, r#"{"status":"administrator"}"#).unwrap().contains("may not manage topics in chat -100")
    );
    assert!(fault(forum, r#"{"status":"member","can_manage_topics":true}"#).is_some());
    assert!(fault(r#"{"type":"supergroup"}"#, manager).unwrap().contains("has no topics"));
    assert!(fault(r#"{"type":"private"}"#, manager).unwrap().contains("no supergroup but private"));
    let told = |wants, chat_json: &str| {
        topics(&place(-100, wants), &chat(chat_json), None).map(|check| check.status)
    };
    assert_eq!(told(Needed, r#"{"type":"group"}"#), Some(Error));
    assert_eq!(told(Possible, r#"{"type":"group"}"#), None);
    assert_eq!(told(Possible, forum), Some(Warning), "a forum that nobody asked for");
    assert_eq!(told(Unwanted, forum), None);
}

#[test]
fn a_scope_without_chats_is_an_error() {
    let told = |topics: &Topics, places: &[Place]| super::scope(topics, places).status;
    let of = |chats| Topics::OfProjects(TopicScope { chats, main: None });
    assert_eq!(told(&Topics::Off, &[]), Ok);
    assert_eq!(told(&Topics::Free, &[]), Ok);
    assert_eq!(told(&of(TopicChats::Projects), &[place(-1, Unwanted)]), Error);
    assert_eq!(told(&of(TopicChats::Auto), &[place(-1, Needed)]), Ok);
}
