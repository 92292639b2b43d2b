//! An answer of the model before a protocol gives it its form, and the frames in which it goes out.

use serde_json::{Value, json};

use super::tool::Call;

/// What the model says.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) thinking: Option<String>,
    pub(super) text: Option<String>,
    pub(super) calls: Vec<Call>,
    /// The model's name, as the request has it.
    pub(super) model: Value,
}

/// A protocol: how a request is read, and how an answer is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Protocol {
    pub(super) read: fn(&Value) -> super::Asked,
    pub(super) stream: fn(&Reply) -> Vec<Frame>,
    pub(super) whole: fn(&Reply) -> Value,
    pub(super) error: fn(u16, &str) -> Value,
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub(super) struct Frame(pub(super) String);

impl Frame {
    /// Data without a name.
    pub(super) fn data(data: &Value) -> Self {
        Self(format!("data: {data}\n\n"))
    }

    /// Data that names its type, which is the event's name too.
    pub(super) fn named(data: &Value) -> Self {
        Self(format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default()))
    }
}

/// A text in pieces, as a model writes it. A long one is not cut into thousands.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let size = (characters.len() / 200).max(24);
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}

/// A new id.
pub(super) fn id(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::now_v7().simple())
}

/// An error as OpenAI and Anthropic both can be understood to write it.
pub(super) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "code": kind, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_text_again() {
        for text in ["", "short", &"日本語 and more ".repeat(1000)] {
            let pieces = pieces(text);
            assert_eq!(pieces.concat(), text);
            assert!(pieces.len() <= 300);
        }
    }
}
