//! What is to be seen of a run besides its progress message.

use takopi_tests::{Scene, Script};

use super::phone::Phone;

/// An item of codex that says something.
fn says(text: &str) -> Scene {
    Scene::Out(format!(
        "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"i\",\"type\":\"agent_message\",\"text\":\"{text}\"}}}}\n"
    ))
}

/// Somebody whose codex says something before it answers.
fn begun(lines: &str) -> Phone {
    let mut phone = Phone::new();
    let Script { mut scenes, .. } = Script::echo();
    scenes.insert(2, says("I **look** at it"));
    phone.sandbox.engine("codex", &Script::new(scenes));
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n{lines}", phone.chat, phone.me);
    phone.configure("codex", &own, "");
    phone.start();
    phone
}

#[test]
fn an_answer_is_seen_while_it_is_written_if_that_is_wished() {
    let phone = begun("live_text = true\n");
    let id = phone.say("one wait:600000");
    let draft =
        phone.api.wait_for("a draft", |world| world.chats[&phone.chat].drafts.values().next().cloned());
    assert_eq!((draft.text.as_str(), draft.entities.len()), ("I look at it", 1));
    let card = phone.reads(phone.chat, id, "codex resume ");
    assert_eq!(phone.press(&card, "cancel", phone.me).as_deref(), Some("cancelling…"));
    phone.answer(phone.chat, id);
    phone.was_never_too_fast();
}

#[test]
fn nothing_but_the_progress_message_is_seen_if_nothing_is_said() {
    let phone = begun("");
    phone.ask("one");
    for method in ["sendMessageDraft", "sendChatAction", "setMessageReaction"] {
        assert_eq!(phone.api.calls(method).len(), 0, "{method}");
    }
}

#[test]
fn a_message_is_marked_as_seen_if_that_is_wished() {
    let phone = begun("acknowledge = \"reaction\"\n");
    let id = phone.say("one");
    phone.api.wait_for("a reaction", |world| {
        (world.chats[&phone.chat].messages[&id].reactions == ["👀"]).then_some(())
    });
    phone.answer(phone.chat, id);
    // What is no prompt is answered by its answer.
    let help = phone.say("/help");
    phone.answer(phone.chat, help);
    assert_eq!(phone.api.calls("setMessageReaction").len(), 1);
}

#[test]
fn who_sees_no_progress_sees_that_somebody_writes() {
    let phone = begun("progress = \"none\"\n");
    phone.ask("one");
    let typing = phone.api.look(|world| world.chats[&phone.chat].actions.clone());
    assert!(typing.iter().all(|(_, action)| action == "typing") && !typing.is_empty(), "{typing:?}");
}
