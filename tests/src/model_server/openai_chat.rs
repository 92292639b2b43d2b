//! OpenAI's chat completions: opencode, pi and qwen.

use serde_json::{Value, json};

use super::Asked;
use super::conversation::{Message, Role, text_of};
use super::reply::{Frame, Protocol, Reply, error, id, pieces};
use super::tool::Tool;

pub(super) const PROTOCOL: Protocol = Protocol { read, stream, whole, error };

fn read(request: &Value) -> Asked {
    let messages = request["messages"].as_array().into_iter().flatten().map(|message| {
        let has_calls = message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
        Message::new(Role::of(&message["role"]), text_of(&message["content"]), has_calls)
    });
    let tools = request["tools"].as_array().into_iter().flatten().map(Tool::read);
    Asked { messages: messages.collect(), tools: tools.collect(), wants_json: false }
}

fn stream(reply: &Reply) -> Vec<Frame> {
    let head =
        json!({"id": id("chatcmpl-"), "object": "chat.completion.chunk", "created": 0, "model": reply.model});
    let with = |key: &str, value: Value, choices: Value| {
        let mut chunk = head.clone();
        chunk["choices"] = choices;
        chunk[key] = value;
        Frame::data(&chunk)
    };
    let choice = |delta: Value, finish: Option<&str>| {
        with("object", head["object"].clone(), json!([{"index": 0, "delta": delta, "finish_reason": finish}]))
    };
    let mut frames = vec![choice(json!({"role": "assistant", "content": ""}), None)];
    frames.extend(reply.thinking.iter().map(|thinking| choice(json!({"reasoning_content": thinking}), None)));
    let text = reply.text.as_deref().unwrap_or_default();
    frames.extend(pieces(text).into_iter().map(|piece| choice(json!({"content": piece}), None)));
    for (index, call) in reply.calls.iter().enumerate() {
        let begin = json!({"index": index, "id": id("call_"), "type": "function",
            "function": {"name": call.name, "arguments": ""}});
        frames.push(choice(json!({"tool_calls": [begin]}), None));
        let rest = json!({"index": index, "function": {"arguments": call.input.to_json().to_string()}});
        frames.push(choice(json!({"tool_calls": [rest]}), None));
    }
    frames.push(choice(json!({}), Some(finish(reply))));
    frames.push(with("usage", usage(), json!([])));
    frames.push(Frame("data: [DONE]\n\n".to_owned()));
    frames
}

const fn finish(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn usage() -> Value {
    json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110,
        "prompt_tokens_details": {"cached_tokens": 20}})
}

fn whole(reply: &Reply) -> Value {
    let mut message = json!({"role": "assistant", "content": reply.text.as_deref().unwrap_or_default()});
    if !reply.calls.is_empty() {
        let calls = reply.calls.iter().map(|call| {
            json!({"id": id("call_"), "type": "function",
                "function": {"name": call.name, "arguments": call.input.to_json().to_string()}})
        });
        message["tool_calls"] = calls.collect();
    }
    json!({"id": id("chatcmpl-"), "object": "chat.completion", "created": 0, "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish(reply)}], "usage": usage()})
}
