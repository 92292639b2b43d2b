//! What is said to pi: its commands, and the answers to its dialogs.

use serde::Serialize;
use takopi_api::event::RequestId;
use takopi_api::jsonl::Says;

use super::prompt::Image;

/// A command. Pi answers each with a `response` that has its name.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Command<'a> {
    GetState,
    Prompt {
        message: &'a str,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        images: &'a [Image],
    },
    Steer {
        message: &'a str,
    },
    ClearQueue,
    Abort,
}

/// Gives a command, under this name.
pub(super) fn command(id: &str, command: &Command<'_>, says: &mut Says) {
    #[derive(Serialize)]
    struct Named<'a> {
        id: &'a str,
        #[serde(flatten)]
        command: &'a Command<'a>,
    }
    says.line(&Named { id, command });
}

/// What a dialog is answered with.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Confirmed(bool),
    Value(String),
    /// Nobody answered: the extension goes on as if the dialog had been closed. Always `true`.
    Cancelled(bool),
}

impl Reply {
    pub(super) const CANCELLED: Self = Self::Cancelled(true);
}

/// Answers a dialog.
pub(super) fn reply(id: &RequestId, reply: &Reply, says: &mut Says) {
    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        #[serde(flatten)]
        reply: &'a Reply,
    }
    says.line(&Answer { kind: "extension_ui_response", id: id.as_str(), reply });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_answers_are_as_pi_reads_them() {
        let mut says = Says::default();
        command("state", &Command::GetState, &mut says);
        command("prompt", &Command::Prompt { message: "hi\n\u{2028}", images: &[] }, &mut says);
        command("steer.1", &Command::Steer { message: "no" }, &mut says);
        let id = RequestId::new("a-b");
        reply(&id, &Reply::Confirmed(false), &mut says);
        reply(&id, &Reply::Value("x".into()), &mut says);
        reply(&id, &Reply::CANCELLED, &mut says);
        assert_eq!(
            says.take(),
            [
                r#"{"id":"state","type":"get_state"}"#,
                "{\"id\":\"prompt\",\"type\":\"prompt\",\"message\":\"hi\\n\u{2028}\"}",
                r#"{"id":"steer.1","type":"steer","message":"no"}"#,
                r#"{"type":"extension_ui_response","id":"a-b","confirmed":false}"#,
                r#"{"type":"extension_ui_response","id":"a-b","value":"x"}"#,
                r#"{"type":"extension_ui_response","id":"a-b","cancelled":true}"#,
            ]
        );
    }
}
