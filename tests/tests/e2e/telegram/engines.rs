//! The engines in a chat: what their real CLIs once said is played again by fakes with their names.

use takopi_tests::bot_api::Message;
use takopi_tests::{Scene, Script, recordings};

use super::phone::Phone;

/// Lets an engine play a recording from now on.
fn play(phone: &Phone, engine: &str, name: &str) {
    let (folder, recordings) = recordings(engine);
    let exit = recordings[name].exit;
    let stderr = std::fs::read_to_string(folder.join(format!("{name}.stderr"))).unwrap_or_default();
    let end = u8::try_from(exit).map_or(Scene::Die(-exit), Scene::Exit);
    let out = Scene::OutFile(folder.join(format!("{name}.jsonl")));
    phone.sandbox.engine(engine, &Script::new([Scene::Err(stderr), out, end]));
}

/// The thread that an answer says how to go on with, as the last word of the engine's own command.
#[track_caller]
fn thread_of(answer: &Message, engine: &str) -> String {
    let lines = answer.text().lines();
    let line = lines.rev().find(|line| line.starts_with(&format!("{engine} ")));
    let line = line.unwrap_or_else(|| panic!("{engine}: no resume line: {}", answer.text()));
    line.rsplit(' ').next().unwrap().to_owned()
}

/// It answers, a reply goes on with its thread, and what goes wrong is said.
#[track_caller]
fn check(engine: &str) {
    let mut phone = Phone::new();
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n", phone.chat, phone.me);
    phone.configure(engine, &own, "");
    play(&phone, engine, "shell");
    phone.start();
    let first = phone.ask("say hi");
    let said = first.text();
    assert!(said.starts_with(&format!("done · {engine}")), "{said}");
    assert!(said.contains("The command printed: hi"), "{said}");
    // Some take it on standard input, others as an argument.
    let asked = phone.sandbox.prompt_of(engine) + &phone.sandbox.args_of(engine);
    assert!(asked.contains("say hi"), "{engine}: {asked}");

    let thread = thread_of(&first, engine);
    assert!(!phone.sandbox.args_of(engine).contains(&thread), "{engine}: it began with no thread");
    let reply = phone.api.reply(&first, phone.me, "once more");
    let second = phone.answer(phone.chat, reply);
    assert!(second.text().contains("The command printed: hi"), "{}", second.text());
    assert_eq!(thread_of(&second, engine), thread, "{engine}: it is the same thread");
    let args = phone.sandbox.args_of(engine);
    assert!(args.contains(&thread), "{engine}: it is told to go on with {thread}: {args}");

    play(&phone, engine, "e400");
    let failed = phone.ask("fail");
    assert!(failed.text().starts_with(&format!("error · {engine}")), "{}", failed.text());
    assert!(failed.text().contains("Fake 400 error"), "{}", failed.text());
    phone.was_never_too_fast();
}

#[test]
fn codex_in_a_chat() {
    check("codex");
}

#[test]
fn claude_in_a_chat() {
    check("claude");
}

#[test]
fn opencode_in_a_chat() {
    check("opencode");
}

#[test]
fn pi_in_a_chat() {
    check("pi");
}

#[test]
fn gemini_in_a_chat() {
    check("gemini");
}

#[test]
fn qwen_in_a_chat() {
    check("qwen");
}
