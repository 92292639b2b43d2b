//! Google's `generateContent`: gemini.

use serde_json::{Value, json};

use super::Asked;
use super::conversation::{Message, Role};
use super::reply::{Frame, Protocol, Reply, id, pieces};
use super::tool::Tool;

pub(super) const PROTOCOL: Protocol = Protocol { read, stream, whole, error };

/// What gemini's own side requests ask for as JSON (which model to use, whether the conversation goes round in circles).
pub(super) fn side_answer() -> String {
    json!({"reasoning": "fake", "model_choice": "flash", "complexity_reasoning": "fake", "complexity_score": 1,
        "next_speaker": "user", "unproductive_state_confidence": 0, "unproductive_state_analysis": "fake"})
    .to_string()
}

fn read(request: &Value) -> Asked {
    let mut messages = Vec::new();
    for content in request["contents"].as_array().into_iter().flatten() {
        let parts = || content["parts"].as_array().into_iter().flatten();
        let has = |kind: &str| parts().any(|part| part.get(kind).is_some());
        let text = parts().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n");
        if !has("functionResponse") || !text.is_empty() {
            // A content without a role is the user's.
            let role = if content["role"].is_null() { Role::User } else { Role::of(&content["role"]) };
            messages.push(Message::new(role, text, has("functionCall")));
        }
    }
    let groups = request["tools"].as_array().into_iter().flatten();
    let tools = groups.filter_map(|group| group["functionDeclarations"].as_array()).flatten().map(Tool::read);
    let wanted = &request["generationConfig"];
    let wants_json = wanted["responseMimeType"] == "application/json"
        || wanted.get("responseJsonSchema").is_some()
        || wanted.get("responseSchema").is_some();
    Asked { messages, tools: tools.collect(), wants_json }
}

fn parts(reply: &Reply) -> Vec<Value> {
    let thinking = reply.thinking.iter().map(|thinking| json!({"text": thinking, "thought": true}));
    let text =
        pieces(reply.text.as_deref().unwrap_or_default()).into_iter().map(|piece| json!({"text": piece}));
    let calls = reply
        .calls
        .iter()
        .map(|call| json!({"functionCall": {"name": call.name, "args": call.input.to_json()}}));
    thinking.chain(text).chain(calls).collect()
}

fn response(parts: &[Value], is_last: bool) -> Value {
    let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": parts}});
    if is_last {
        candidate["finishReason"] = json!("STOP");
    }
    json!({"candidates": [candidate], "modelVersion": "fake", "responseId": id("resp_"),
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110}})
}

fn stream(reply: &Reply) -> Vec<Frame> {
    let mut frames: Vec<_> =
        parts(reply).into_iter().map(|part| Frame::data(&response(&[part], false))).collect();
    frames.push(Frame::data(&response(&[json!({"text": ""})], true)));
    frames
}

fn whole(reply: &Reply) -> Value {
    response(&parts(reply), true)
}

fn error(status: u16, message: &str) -> Value {
    json!({"error": {"code": status, "message": message, "status": "INTERNAL"}})
}
