//! Engines that a table of the configuration makes: an agent of the Agent Client Protocol, as a person names one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::talk::Talk;

/// Asks at each prompt whether it may run a command, and notes what it hears.
const AGENT: &str = r#"#!/bin/sh
while read -r line; do
  printf '%s\n' "$line" >> "$HOME/heard"
  case $line in
    *'"initialize"'*)
      echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}}' ;;
    *'"session/new"'*)
      echo '{"jsonrpc":"2.0","id":2,"result":{"sessionId":"s1"}}' ;;
    *'"session/load"'*)
      echo '{"jsonrpc":"2.0","id":2,"result":{}}' ;;
    *'"session/prompt"'*)
      echo '{"jsonrpc":"2.0","id":7,"method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"t","title":"make it","kind":"execute","rawInput":{"command":"make it"}},"options":[{"optionId":"o","name":"Once","kind":"allow_once"},{"optionId":"r","name":"No","kind":"reject_once"}]}}' ;;
    *'"optionId":"o"'*)
      echo '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"made by mine"}}}}'
      echo '{"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"}}' ;;
  esac
done
"#;

fn with_agent() -> Talk {
    let mut talk = Talk::new("codex", "", "");
    let agent = talk.sandbox.home().join("my-agent");
    fs::write(&agent, AGENT).unwrap();
    fs::set_permissions(&agent, Permissions::from_mode(0o755)).unwrap();
    talk.configure("codex", "", &format!("[acp.agents.mine]\ncommand = [{agent:?}]"));
    talk.start();
    talk
}

#[test]
fn an_agent_of_the_configuration_is_an_engine_like_the_others() {
    let mut talk = with_agent();
    let id = talk.say("/mine make it");
    let request = talk.reads(&id, "denied if nobody answers");
    talk.press(&request, "allow once");
    let answer = talk.reads(&id, "done · mine");
    assert!(answer.text.contains("made by mine"), "{}", answer.text);
    assert!(answer.text.contains("takopi run --engine mine --resume s1"), "{}", answer.text);
    // A reply goes on with its session.
    let id = talk.reply(&answer, "once more");
    let request = talk.reads(&id, "denied if nobody answers");
    talk.press(&request, "allow once");
    talk.reads(&id, "done · mine");
    let heard = fs::read_to_string(talk.sandbox.home().join("heard")).unwrap();
    assert_eq!(
        (heard.matches("session/new").count(), heard.matches("session/load").count()),
        (1, 1),
        "{heard}"
    );
}

#[test]
fn an_agent_of_the_configuration_can_be_the_engine_of_a_chat() {
    let mut talk = with_agent();
    assert_eq!(talk.ask("/agent set mine").text, "chat default engine: mine");
    let id = talk.say("make it");
    let request = talk.reads(&id, "denied if nobody answers");
    talk.press(&request, "allow once");
    talk.reads(&id, "done · mine");
}

#[test]
fn an_agent_that_is_not_there_is_said() {
    let mut talk = Talk::begun("codex", "", "[acp.agents.mine]\ncommand = [\"no-such-agent\"]");
    let text = talk.ask("/mine make it").text;
    assert!(text.contains("no-such-agent"), "{text}");
}
