//! Settings of a chat.

use super::talk::Talk;

#[test]
fn engine_and_model_are_chosen_for_the_chat() {
    let mut talk = Talk::begun("acme", "", "");
    assert_eq!(talk.ask("/agent set codex").text, "chat default engine: codex");
    assert!(talk.ask("/model set codex gpt-9").text.contains("model of codex: gpt-9"));
    assert!(talk.ask("hello").text.starts_with("done · codex"));
    let args = talk.sandbox.starts_of("codex").remove(0).args;
    assert!(args.windows(2).any(|two| two == ["--model", "gpt-9"]), "{args:?}");
    assert!(talk.ask("/agent").text.contains("engine: codex (chat default)"));
    assert!(talk.ask("/agent clear").text.contains("none"));
    assert!(talk.ask("largest files").text.starts_with("done · acme"));
    // Another chat has its own.
    talk.ask("/agent set codex");
    let id = talk.say_in("d", "largest files");
    assert!(talk.answer(&id).text.starts_with("done · acme"));
}

#[test]
fn only_messages_that_name_the_bot_are_for_it_if_wished() {
    let mut talk = Talk::begun("codex", "", "");
    assert_eq!(talk.ask("/trigger mentions").text, "chat trigger: mentions");
    let ignored = talk.say("not for you");
    let id = talk.mention("for you");
    let answer = talk.answer(&id);
    let id = talk.reply(&answer, "for you too");
    talk.answer(&id);
    talk.ask("/codex and for you");
    assert_eq!(talk.replies_to(&ignored).len(), 0);
    assert_eq!(talk.prompts(), ["for you", "for you too", "and for you"]);
}

#[test]
fn help_and_status_are_answered() {
    let mut talk = Talk::begun("codex", "", "");
    let help = talk.ask("/help").text;
    assert!(["/cancel", "/new", "/queue"].iter().all(|word| help.contains(word)), "{help}");
    assert!(talk.ask("/status").text.contains("nothing is running here"));
}
