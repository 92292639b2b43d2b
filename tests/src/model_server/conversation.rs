//! What was said so far, whatever the protocol, and where in its scenario the model is. The server remembers nothing of
//! it: an engine sends the whole conversation each time.

use serde_json::Value;

use super::scenario::{self, Step};

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Assistant,
    /// The system, a tool, or something newer.
    Other,
}

impl Role {
    pub(super) fn of(name: &Value) -> Self {
        match name.as_str() {
            Some("user") => Self::User,
            Some("assistant" | "model") => Self::Assistant,
            _ => Self::Other,
        }
    }
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) text: String,
    /// Whether the model called tools with it.
    pub(super) has_calls: bool,
}

impl Message {
    pub(super) fn new(role: Role, text: impl Into<String>, has_calls: bool) -> Self {
        Self { role, text: text.into(), has_calls }
    }
}

/// What comes next in a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) step: Step,
    /// What tells this conversation from others: errors are counted by it.
    pub(super) key: String,
}

/// The step is the number of times that the model called tools since the marker was said.
pub(super) fn next(messages: &[Message]) -> Next {
    let users = || messages.iter().enumerate().rev().filter(|(_, message)| message.role == Role::User);
    let marked = users().find_map(|(at, message)| Some((at, scenario::marker(&message.text)?)));
    let (at, name) = marked.unwrap_or_else(|| (users().next().map_or(messages.len(), |(at, _)| at), "plain"));
    let since = messages.get(at + 1..).unwrap_or_default();
    let calls = since.iter().filter(|message| message.role == Role::Assistant && message.has_calls).count();
    let mut steps = scenario::steps(name).unwrap_or_default();
    let step = steps.swap_remove(calls.min(steps.len() - 1));
    let text = messages.get(at).map_or("", |message| &message.text);
    Next { step, key: format!("{name} {text}") }
}

/// The text of a content, which is a text, a part, or a list of parts. What tools printed is no text that was said.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let said = parts.iter().filter(|part| part["type"] != "tool_result");
            said.map(text_of).collect::<Vec<_>>().join("\n")
        }
        Value::Object(part) => {
            part.get("text").or_else(|| part.get("content")).map(text_of).unwrap_or_default()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_after(messages: &[(Role, &str, bool)]) -> Option<String> {
        let messages: Vec<_> =
            messages.iter().map(|&(role, text, has_calls)| Message::new(role, text, has_calls)).collect();
        next(&messages).step.text
    }

    #[test]
    fn the_step_is_the_number_of_calls_since_the_marker() {
        use Role::{Assistant, Other, User};
        let check =
            |messages: &[_], expected: &str| assert_eq!(text_after(messages).as_deref(), Some(expected));
        check(&[], "Hello from the fake model.");
        check(&[(Other, "[[shell]]", false), (User, "hi", false)], "Hello from the fake model.");
        check(&[(User, "[[shell]]", false)], "I will run a command.");
        let mut said = vec![(User, "[[shell]]", false), (Assistant, "", true), (Other, "hi", false)];
        check(&said, "The command printed: hi");
        said.push((Assistant, "The command printed: hi", false));
        said.push((User, "and now?", false));
        check(&said, "The command printed: hi");
        said.push((User, "[[shell]]", false));
        check(&said, "I will run a command.");
    }

    #[test]
    fn a_content_has_one_text() {
        let content = serde_json::json!([
            {"type": "text", "text": "one"}, "two", {"type": "tool_result", "content": "[[big]]"},
            {"type": "x", "content": [{"text": "three"}]}, 4
        ]);
        assert_eq!(text_of(&content), "one\ntwo\nthree\n");
    }
}
