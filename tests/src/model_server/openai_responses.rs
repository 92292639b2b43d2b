//! OpenAI's Responses: codex.

use serde_json::{Value, json};

use super::Asked;
use super::conversation::{Message, Role, text_of};
use super::reply::{Frame, Protocol, Reply, error, id, pieces};
use super::tool::{Call, Input, Tool};

pub(super) const PROTOCOL: Protocol = Protocol { read, stream, whole, error };

fn read(request: &Value) -> Asked {
    let items = request["input"].as_array();
    let mut messages = Vec::new();
    if let Some(text) = request["input"].as_str() {
        messages.push(Message::new(Role::User, text, false));
    }
    let mut tools: Vec<&Value> = request["tools"].as_array().into_iter().flatten().collect();
    let mut is_calling = false;
    for item in items.into_iter().flatten() {
        match item["type"].as_str().unwrap_or("message") {
            "message" => {
                messages.push(Message::new(Role::of(&item["role"]), text_of(&item["content"]), false));
            }
            // Calls that stand together were made in one answer.
            kind if kind.ends_with("_call") => {
                if !is_calling {
                    messages.push(Message::new(Role::Assistant, "", true));
                }
                is_calling = true;
                continue;
            }
            // Codex may say in the conversation which tools there are.
            "additional_tools" => tools.extend(item["tools"].as_array().into_iter().flatten()),
            "reasoning" => continue,
            _ => {}
        }
        is_calling = false;
    }
    Asked { messages, tools: tools.into_iter().flat_map(tools_of).collect(), wants_json: false }
}

/// A tool, or those of a namespace.
fn tools_of(tool: &Value) -> Vec<Tool> {
    if tool["type"] != "namespace" {
        return vec![Tool::read(tool)];
    }
    let namespace = tool["name"].as_str().unwrap_or_default();
    tool["tools"].as_array().into_iter().flatten().map(|tool| Tool::read(tool).within(namespace)).collect()
}

/// The events of an answer, numbered.
struct Events {
    frames: Vec<Frame>,
    output: Vec<Value>,
}

impl Events {
    fn push(&mut self, mut event: Value) {
        event["sequence_number"] = json!(self.frames.len());
        self.frames.push(Frame::named(&event));
    }

    /// Begins an item of the output: how it looks before it has content.
    fn add(&mut self, item: &Value) {
        self.push(
            json!({"type": "response.output_item.added", "output_index": self.output.len(), "item": item}),
        );
    }

    /// An event about the item that was begun.
    fn about(&mut self, item: &Value, kind: &str, rest: &Value) {
        let mut event = json!({"type": format!("response.{kind}"), "item_id": item["id"], "output_index": self.output.len()});
        for (key, value) in rest.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        self.push(event);
    }

    fn done(&mut self, item: Value) {
        self.push(
            json!({"type": "response.output_item.done", "output_index": self.output.len(), "item": item}),
        );
        self.output.push(item);
    }
}

fn stream(reply: &Reply) -> Vec<Frame> {
    let mut events = Events { frames: Vec::new(), output: Vec::new() };
    let mut response = json!({"id": id("resp_"), "object": "response", "created_at": 0, "status": "in_progress",
        "model": reply.model, "output": []});
    events.push(json!({"type": "response.created", "response": response}));
    events.push(json!({"type": "response.in_progress", "response": response}));
    if let Some(thinking) = &reply.thinking {
        think(&mut events, thinking);
    }
    if let Some(text) = &reply.text {
        say(&mut events, text);
    }
    for call in &reply.calls {
        act(&mut events, call);
    }
    response["status"] = json!("completed");
    response["output"] = json!(events.output);
    response["usage"] = usage();
    events.push(json!({"type": "response.completed", "response": response}));
    events.frames
}

fn think(events: &mut Events, thinking: &str) {
    let mut item = json!({"type": "reasoning", "id": id("rs_"), "summary": []});
    let part = |text: &str| json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}});
    events.add(&item);
    events.about(&item, "reasoning_summary_part.added", &part(""));
    events.about(&item, "reasoning_summary_text.delta", &json!({"summary_index": 0, "delta": thinking}));
    events.about(&item, "reasoning_summary_text.done", &json!({"summary_index": 0, "text": thinking}));
    events.about(&item, "reasoning_summary_part.done", &part(thinking));
    item["summary"] = json!([{"type": "summary_text", "text": thinking}]);
    item["encrypted_content"] = json!("ZmFrZQ==");
    events.done(item);
}

fn say(events: &mut Events, text: &str) {
    let mut item = json!({"type": "message", "id": id("msg_"), "role": "assistant", "status": "in_progress", "content": []});
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    events.add(&item);
    events.about(&item, "content_part.added", &json!({"content_index": 0, "part": part("")}));
    for piece in pieces(text) {
        events.about(&item, "output_text.delta", &json!({"content_index": 0, "delta": piece}));
    }
    events.about(&item, "output_text.done", &json!({"content_index": 0, "text": text}));
    events.about(&item, "content_part.done", &json!({"content_index": 0, "part": part(text)}));
    item["status"] = json!("completed");
    item["content"] = json!([part(text)]);
    events.done(item);
}

fn act(events: &mut Events, call: &Call) {
    let (kind, key, event, input) = match &call.input {
        Input::Text(text) => ("custom_tool_call", "input", "custom_tool_call_input", text.clone()),
        Input::Arguments(arguments) => {
            ("function_call", "arguments", "function_call_arguments", arguments.to_string())
        }
    };
    let mut item = json!({"type": kind, "id": id("fc_"), "call_id": id("call_"), "name": call.name,
        "status": "in_progress", (key): ""});
    if let Some(namespace) = &call.namespace {
        item["namespace"] = json!(namespace);
    }
    events.add(&item);
    events.about(&item, &format!("{event}.delta"), &json!({"delta": input}));
    events.about(&item, &format!("{event}.done"), &json!({ (key): input }));
    item["status"] = json!("completed");
    item[key] = json!(input);
    events.done(item);
}

fn usage() -> Value {
    json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 20}, "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 110})
}

fn whole(reply: &Reply) -> Value {
    let text = reply.text.as_deref().unwrap_or_default();
    json!({"id": id("resp_"), "object": "response", "created_at": 0, "status": "completed", "model": reply.model,
        "output": [{"type": "message", "id": id("msg_"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}],
        "usage": usage()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_answer_and_tools_of_namespaces_are_found() {
        let asked = read(&json!({
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "[[two]]"}]},
                {"type": "additional_tools", "tools": [{"type": "namespace", "name": "ns", "tools": [{"name": "shell"}]}]},
                {"type": "function_call"}, {"type": "custom_tool_call"}, {"type": "function_call_output", "output": "x"},
                {"type": "reasoning"}, {"type": "function_call"},
            ],
            "tools": [{"type": "local_shell"}],
        }));
        let calls = asked.messages.iter().filter(|message| message.has_calls).count();
        assert_eq!((asked.messages[0].text.as_str(), calls), ("[[two]]", 2));
        assert_eq!(
            asked.tools,
            [Tool::read(&json!({"type": "local_shell"})), Tool::read(&json!({"name": "shell"})).within("ns")]
        );
    }
}
