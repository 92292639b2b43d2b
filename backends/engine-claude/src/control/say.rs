//! What takopi says to claude, as lines of its control protocol.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

/// A message of a person: the prompt, and what is sent into a turn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) struct UserMessage<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Content<'a>,
    parent_tool_use_id: Option<&'static str>,
    session_id: &'static str,
    /// Its name: claude says by it what became of the message.
    uuid: &'a str,
}

#[derive(Debug, Serialize)]
struct Content<'a> {
    role: &'static str,
    content: MessageContent<'a>,
}

/// A text, or a text and images.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum MessageContent<'a> {
    Text(&'a str),
    Blocks(Vec<&'a ContentBlock>),
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ContentBlock {
    Text { text: String },
    Image { source: ImageSource },
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ImageSource {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) media_type: &'static str,
    pub(super) data: String,
}

impl<'a> UserMessage<'a> {
    pub(super) const fn new(content: MessageContent<'a>, uuid: &'a str) -> Self {
        let message = Content { role: "user", content };
        Self { kind: "user", message, parent_tool_use_id: None, session_id: "", uuid }
    }
}

/// What takopi wants of claude.
#[derive(Debug, Serialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
pub(super) enum Want {
    /// The first of all. Hooks are not wanted: takopi's own know of the run.
    Initialize { hooks: Option<()> },
    /// The turn is to end, and what waits for another one is to be dropped.
    Interrupt { cancel_queued: bool },
}

#[derive(Debug, Serialize)]
pub(super) struct ControlRequest {
    #[serde(rename = "type")]
    kind: &'static str,
    request_id: &'static str,
    request: Want,
}

impl ControlRequest {
    pub(super) const fn new(request_id: &'static str, request: Want) -> Self {
        Self { kind: "control_request", request_id, request }
    }
}

/// The answer to what claude asked.
#[derive(Debug, Serialize)]
pub(super) struct ControlResponse<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    response: Reply<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
enum Reply<'a> {
    Success { request_id: &'a str, response: Verdict<'a> },
    Error { request_id: &'a str, error: String },
}

/// Whether a tool may be used.
#[derive(Debug, Serialize)]
#[serde(tag = "behavior", rename_all = "snake_case")]
pub(super) enum Verdict<'a> {
    #[serde(rename_all = "camelCase")]
    Allow {
        /// The input with which the tool is used: what was shown.
        updated_input: Cow<'a, RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        updated_permissions: Option<[PermissionUpdate; 1]>,
    },
    Deny {
        /// What the model reads in place of a result.
        message: String,
    },
}

/// A change of what claude may do, for as long as the program runs. Others are never asked for: they would be written into
/// the settings of the person or of the repository.
#[derive(Debug, Serialize)]
pub(super) struct PermissionUpdate {
    #[serde(rename = "type")]
    kind: &'static str,
    mode: &'static str,
    destination: &'static str,
}

impl PermissionUpdate {
    /// From now on claude asks.
    pub(super) const ASK: Self = Self { kind: "setMode", mode: "default", destination: "session" };
}

impl<'a> ControlResponse<'a> {
    pub(super) const fn verdict(request_id: &'a str, response: Verdict<'a>) -> Self {
        Self { kind: "control_response", response: Reply::Success { request_id, response } }
    }

    pub(super) const fn error(request_id: &'a str, error: String) -> Self {
        Self { kind: "control_response", response: Reply::Error { request_id, error } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &impl Serialize, expected: &str) {
        assert_eq!(serde_json::to_string(said).unwrap(), expected);
    }

    #[test]
    fn messages_have_the_form_of_the_protocol() {
        check(
            &UserMessage::new(MessageContent::Text("hi"), "u1"),
            r#"{"type":"user","message":{"role":"user","content":"hi"},"parent_tool_use_id":null,"session_id":"","uuid":"u1"}"#,
        );
        let source = ImageSource { kind: "base64", media_type: "image/png", data: "iVBO".into() };
        let blocks = [ContentBlock::Text { text: "look".into() }, ContentBlock::Image { source }];
        check(
            &MessageContent::Blocks(blocks.iter().collect()),
            r#"[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}]"#,
        );
    }

    #[test]
    fn wants_have_the_form_of_the_protocol() {
        check(
            &ControlRequest::new("i", Want::Initialize { hooks: None }),
            r#"{"type":"control_request","request_id":"i","request":{"subtype":"initialize","hooks":null}}"#,
        );
        check(
            &ControlRequest::new("i", Want::Interrupt { cancel_queued: true }),
            r#"{"type":"control_request","request_id":"i","request":{"subtype":"interrupt","cancel_queued":true}}"#,
        );
    }

    #[test]
    fn verdicts_have_the_form_of_the_protocol() {
        let input = RawValue::from_string(r#"{"a": 1}"#.to_owned()).unwrap();
        let allow = Verdict::Allow {
            updated_input: Cow::Borrowed(&*input),
            updated_permissions: Some([PermissionUpdate::ASK]),
        };
        check(
            &ControlResponse::verdict("r", allow),
            r#"{"type":"control_response","response":{"subtype":"success","request_id":"r","response":{"behavior":"allow","updatedInput":{"a": 1},"updatedPermissions":[{"type":"setMode","mode":"default","destination":"session"}]}}}"#,
        );
        check(
            &ControlResponse::verdict("r", Verdict::Deny { message: "no".into() }),
            r#"{"type":"control_response","response":{"subtype":"success","request_id":"r","response":{"behavior":"deny","message":"no"}}}"#,
        );
        check(
            &ControlResponse::error("r", "no such thing".into()),
            r#"{"type":"control_response","response":{"subtype":"error","request_id":"r","error":"no such thing"}}"#,
        );
    }
}
