//! Topics that belong to a project, and topics that somebody deletes.

use std::fs;
use std::path::PathBuf;

use takopi_tests::bot_api::{ChatId, Role, TopicId};
use takopi_tests::{Scene, Script};

use super::phone::{Phone, is_open};

/// A person in a forum, with a project. `lines` are of the table of the transport.
fn in_forum(lines: &str) -> (Phone, ChatId) {
    let mut phone = Phone::new();
    let forum = phone.api.forum("Work", &[phone.me]);
    phone.api.role(forum, phone.me, Role::Administrator { manages_topics: false });
    let site = phone.sandbox.repository("site");
    let lines = format!("chat_id = {forum}\nallowed_user_ids = [{}]\n{lines}", phone.me);
    phone.configure("codex", &lines, &format!("[projects.Site]\npath = {site:?}\n"));
    phone.start();
    (phone, forum)
}

const OF_PROJECTS: &str = "[transports.telegram.topics]\nenabled = true\n";

/// From now on codex waits for this file before it answers.
fn waiting(phone: &Phone) -> PathBuf {
    let go = phone.sandbox.home().join("go");
    let rest = [
        r#"{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"ready"}}"#,
        r#"{"type":"turn.completed"}"#,
    ];
    let wait =
        format!("until test -e {}; do sleep 0.01; done; printf '%s\\n' '{}'", go.display(), rest.join("' '"));
    let begin = "{\"type\":\"thread.started\",\"thread_id\":{thread}}\n{\"type\":\"turn.started\"}\n";
    let scenes = [Scene::Note, Scene::Say(begin.to_owned()), Scene::Exec(wait)];
    phone.sandbox.engine("codex", &Script::new(scenes));
    go
}

impl Phone {
    fn title_becomes(&self, forum: ChatId, topic: TopicId, title: &str) {
        self.api.wait_for(&format!("the title {title}"), |world| {
            world.chats[&forum].topics.get(&topic).filter(|topic| topic.name == title).map(drop)
        });
    }

    /// The message of the run that goes on in a topic, once its engine has named its thread.
    fn begins_in(&self, forum: ChatId, topic: TopicId) {
        self.sees("the run", forum, |message| {
            message.thread == Some(topic) && is_open(message) && message.text().contains("codex resume ")
        });
    }

    /// The topic of this title, once it is there.
    fn topic_of(&self, forum: ChatId, title: &str) -> TopicId {
        self.api.wait_for(&format!("the topic {title}"), |world| {
            let mut topics = world.chats[&forum].topics.iter();
            topics.find(|(_, topic)| topic.name == title).map(|(id, _)| *id)
        })
    }
}

#[test]
fn a_topic_that_has_to_belong_to_a_project_is_bound_by_what_is_said_in_it() {
    let (phone, forum) = in_forum(OF_PROJECTS);
    let topic = phone.api.topic(forum, phone.me, "talk");
    let say = |text: &str| phone.api.say_in_topic(forum, topic, phone.me, text);
    let told = phone.reads(forum, say("hello"), "this topic belongs to no project yet");
    assert!(told.text().contains("/ctx set <project> [@branch]"), "{}", told.text());
    assert!(told.text().contains("/topic <project> @branch"), "{}", told.text());
    phone.answer(forum, say("/site first"));
    phone.title_becomes(forum, topic, "Site");
    let bound = phone.answer(forum, say("second"));
    assert!(bound.text().contains("ctx: Site"), "{}", bound.text());
    phone.answer(forum, say("@fix third"));
    phone.title_becomes(forum, topic, "Site @fix");
    phone.reads(forum, say("/ctx set site @other"), "this topic is bound to Site @other");
    phone.title_becomes(forum, topic, "Site @other");
    assert_eq!(phone.api.calls("editForumTopic").len(), 3, "a title that it has is not given again");
    assert_eq!(phone.prompts(), ["first", "second", "third"]);
    // The general part is a plain chat.
    let outside = phone.api.say(forum, phone.me, "outside");
    phone.answer(forum, outside);
    phone.was_never_too_fast();
}

#[test]
fn topics_of_other_chats_are_left_alone() {
    let mut phone = Phone::new();
    let (forum, other) = (phone.api.forum("Work", &[phone.me]), phone.api.forum("Fun", &[phone.me]));
    let site = phone.sandbox.repository("site");
    let lines =
        format!("chat_id = {forum}\nallowed_user_ids = [{}]\n{OF_PROJECTS}scope = \"main\"\n", phone.me);
    phone.configure("codex", &lines, &format!("[projects.site]\npath = {site:?}\nchat_id = {other}\n"));
    phone.start();
    let topic = phone.api.topic(other, phone.me, "talk");
    let say = |text: &str| phone.api.say_in_topic(other, topic, phone.me, text);
    phone.reads(other, say("/topic site @x"), "topics of projects are in the main chat");
    phone.answer(other, say("/site hello"));
    assert!(phone.api.calls("editForumTopic").is_empty());
}

#[test]
fn a_topic_that_is_deleted_is_made_again_with_all_that_belongs_to_it() {
    let (phone, forum) = in_forum("");
    let made = phone.api.say(forum, phone.me, "/topic site @fix");
    phone.reads(forum, made, "made a topic for Site @fix");
    let topic = phone.topic_of(forum, "Site @fix");
    let say = |topic, text: &str| phone.api.say_in_topic(forum, topic, phone.me, text);
    phone.reads(forum, say(topic, "/trigger all"), "trigger");
    phone.answer(forum, say(topic, "one"));
    let go = waiting(&phone);
    say(topic, "two");
    phone.begins_in(forum, topic);
    phone.api.delete_topic(forum, topic);
    fs::write(go, "").unwrap();
    let again = phone.topic_of(forum, "Site @fix");
    assert_ne!(again, topic);
    let answer = phone.sees("the answer", forum, |message| {
        message.thread == Some(again) && message.text().starts_with("done")
    });
    assert!(answer.text().contains("ctx: Site @fix"), "{}", answer.text());
    // What is said there goes on with what was said before, in the same place.
    let third = phone.answer(forum, say(again, "three"));
    assert!(third.text().contains("ctx: Site @fix"), "{}", third.text());
    let starts = phone.sandbox.starts_of("codex");
    assert_eq!(starts.len(), 3);
    assert!(starts[2].thread().is_some() && starts[2].thread() == starts[1].thread(), "{starts:?}");
    assert_eq!(phone.api.calls("createForumTopic").len(), 2);
}

#[test]
fn who_asks_for_a_topic_that_is_deleted_gets_it_as_it_was() {
    let (phone, forum) = in_forum("");
    let ask = || phone.api.say(forum, phone.me, "/topic site @fix");
    phone.reads(forum, ask(), "made a topic for Site @fix");
    let topic = phone.topic_of(forum, "Site @fix");
    let one = phone.api.say_in_topic(forum, topic, phone.me, "one");
    phone.answer(forum, one);
    phone.api.delete_topic(forum, topic);
    phone.reads(forum, ask(), "made the topic for Site @fix again");
    let again = phone.topic_of(forum, "Site @fix");
    let two = phone.api.say_in_topic(forum, again, phone.me, "two");
    assert!(phone.answer(forum, two).text().contains("ctx: Site @fix"));
    let starts = phone.sandbox.starts_of("codex");
    assert!(starts[1].thread().is_some(), "its thread goes on: {starts:?}");
}

#[test]
fn an_answer_to_a_topic_that_is_deleted_before_it_is_said_anywhere_is_kept_there() {
    let (mut phone, forum) = in_forum("");
    let made = phone.api.say(forum, phone.me, "/topic site @fix");
    phone.reads(forum, made, "made a topic for Site @fix");
    let topic = phone.topic_of(forum, "Site @fix");
    phone.stop(rustix::process::Signal::TERM);
    phone.api.say_in_topic(forum, topic, phone.me, "one");
    phone.api.delete_topic(forum, topic);
    phone.start();
    let answer = phone.sees("the answer", forum, |message| message.text().starts_with("done"));
    let again = answer.thread.unwrap();
    assert_eq!(phone.topic_of(forum, "Site @fix"), again);
    let next = phone.api.say_in_topic(forum, again, phone.me, "two");
    phone.answer(forum, next);
    let starts = phone.sandbox.starts_of("codex");
    assert!(starts[1].thread().is_some(), "the session went with the topic: {starts:?}");
}

#[test]
fn an_answer_to_an_unbound_topic_that_is_deleted_goes_to_the_chat() {
    let (phone, forum) = in_forum("");
    let topic = phone.api.topic(forum, phone.me, "talk");
    let go = waiting(&phone);
    phone.api.say_in_topic(forum, topic, phone.me, "one");
    phone.begins_in(forum, topic);
    phone.api.delete_topic(forum, topic);
    fs::write(go, "").unwrap();
    let answer = phone.sees("the answer", forum, |message| message.text().starts_with("done"));
    assert_eq!(answer.thread, None);
    assert!(answer.text().contains("this belongs to a topic that was deleted"), "{}", answer.text());
    assert!(phone.api.calls("createForumTopic").is_empty());
}

#[test]
fn a_topic_for_a_branch_runs_in_the_worktree_of_that_branch() {
    let (phone, forum) = in_forum("");
    let asked = phone.api.say(forum, phone.me, "/topic site @feat/x");
    phone.reads(forum, asked, "made a topic for Site @feat/x");
    let topic = phone.topic_of(forum, "Site @feat/x");
    let id = phone.api.say_in_topic(forum, topic, phone.me, "hello");
    let answer = phone.answer(forum, id);
    assert_eq!(answer.thread, Some(topic));
    assert!(answer.text().contains("ctx: Site @feat/x"), "{}", answer.text());
    let again = phone.api.reply(&answer, phone.me, "again");
    phone.answer(forum, again);
    let starts = phone.sandbox.starts_of("codex");
    assert!(starts[0].cwd.ends_with("feat/x") && starts[0].cwd.join(".git").exists(), "{starts:?}");
    assert!(starts[1].cwd == starts[0].cwd && starts[1].thread().is_some(), "{starts:?}");
}
