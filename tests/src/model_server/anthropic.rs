//! Anthropic's Messages: claude.

use serde_json::{Value, json};

use super::Asked;
use super::conversation::{Message, Role, text_of};
use super::reply::{Frame, Protocol, Reply, error, id, pieces};
use super::tool::Tool;

pub(super) const PROTOCOL: Protocol = Protocol { read, stream, whole, error };

/// Claude tells its model of what a person said during a turn in a message that is nobody's.
const MEANWHILE: &str = "The user sent a new message while you were working";

fn read(request: &Value) -> Asked {
    let mut messages = Vec::new();
    for message in request["messages"].as_array().into_iter().flatten() {
        let has = |kind: &str| {
            message["content"].as_array().is_some_and(|parts| parts.iter().any(|part| part["type"] == kind))
        };
        let text = text_of(&message["content"]);
        // What tools printed comes as a message of the user, who may have said something with it.
        if !has("tool_result") || !text.trim().is_empty() {
            let role = if text.starts_with(MEANWHILE) { Role::User } else { Role::of(&message["role"]) };
            messages.push(Message::new(role, text, has("tool_use")));
        }
    }
    let tools = request["tools"].as_array().into_iter().flatten().map(Tool::read);
    Asked { messages, tools: tools.collect(), wants_json: false }
}

/// The events of an answer; its blocks are numbered.
struct Events {
    frames: Vec<Frame>,
    block: usize,
}

impl Events {
    fn push(&mut self, event: &Value) {
        self.frames.push(Frame::named(event));
    }

    fn block(&mut self, empty: &Value, deltas: impl IntoIterator<Item = Value>) {
        let index = self.block;
        self.push(&json!({"type": "content_block_start", "index": index, "content_block": empty}));
        for delta in deltas {
            self.push(&json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        self.push(&json!({"type": "content_block_stop", "index": index}));
        self.block += 1;
    }
}

fn stream(reply: &Reply) -> Vec<Frame> {
    let mut events = Events { frames: Vec::new(), block: 0 };
    events.push(&json!({"type": "message_start", "message": {
        "id": id("msg_"), "type": "message", "role": "assistant", "model": reply.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage(1)}}));
    if let Some(thinking) = &reply.thinking {
        events.block(
            &json!({"type": "thinking", "thinking": "", "signature": ""}),
            [
                json!({"type": "thinking_delta", "thinking": thinking}),
                json!({"type": "signature_delta", "signature": "ZmFrZQ=="}),
            ],
        );
    }
    if let Some(text) = reply.text.as_deref().filter(|text| !text.is_empty()) {
        let deltas = pieces(text).into_iter().map(|piece| json!({"type": "text_delta", "text": piece}));
        events.block(&json!({"type": "text", "text": ""}), deltas);
    }
    for call in &reply.calls {
        let input = json!({"type": "input_json_delta", "partial_json": call.input.to_json().to_string()});
        events
            .block(&json!({"type": "tool_use", "id": id("toolu_"), "name": call.name, "input": {}}), [input]);
    }
    events.push(
        &json!({"type": "message_delta", "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
        "usage": {"output_tokens": 10}}),
    );
    events.push(&json!({"type": "message_stop"}));
    events.frames
}

const fn stop_reason(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn usage(output: u32) -> Value {
    json!({"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 20, "output_tokens": output})
}

fn whole(reply: &Reply) -> Value {
    let text = reply.text.as_deref().filter(|text| !text.is_empty()).unwrap_or("ok");
    let mut content = vec![json!({"type": "text", "text": text})];
    content.extend(reply.calls.iter().map(|call| {
        json!({"type": "tool_use", "id": id("toolu_"), "name": call.name, "input": call.input.to_json()})
    }));
    json!({"id": id("msg_"), "type": "message", "role": "assistant", "model": reply.model, "content": content,
        "stop_reason": stop_reason(reply), "stop_sequence": null, "usage": usage(10)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_printed_is_nothing_that_the_user_said() {
        let asked = read(&json!({"messages": [
            {"role": "user", "content": "[[shell]]"},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "Bash"}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "[[big]]"}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "x"}, {"type": "text", "text": "go on"}]},
        ]}));
        let read: Vec<_> = asked.messages.iter().map(|message| (&*message.text, message.has_calls)).collect();
        assert_eq!(read, [("[[shell]]", false), ("", true), ("go on", false)]);
    }
}
