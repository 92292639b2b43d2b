//! What can become of a call, as far as somebody acts on it.

use std::time::Duration;

use serde::Deserialize;

use super::Method;
use crate::wire::ChatId;

/// A call that was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method}: {message}")]
pub(crate) struct CallError {
    /// Which call.
    pub(crate) method: &'static str,
    /// What to do about it.
    pub(crate) failure: Failure,
    /// What the server or the network said; never with the token in it.
    pub(crate) message: String,
}

/// Why a call was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Too many calls.
    RetryAfter {
        /// Of what there were too many.
        scope: Scope,
        /// How long to pause.
        pause: Duration,
    },
    /// The message says so already.
    NotModified,
    /// The message, chat, file or press is not there, or not any more.
    Gone,
    /// The topic is not there any more.
    ThreadNotFound,
    /// The bot may not do this.
    Forbidden,
    /// The chat has another id now.
    Migrated(ChatId),
    /// Somebody else receives the bot's updates.
    Conflict(Rival),
    /// The token is not, or no longer, that of a bot.
    Unauthorized,
    /// The text or the file is too large.
    TooLong,
    /// The server does not take it as it is.
    Refused,
    /// The server is older than the method.
    NoMethod,
    /// The server is in trouble.
    Server(Arrival),
    /// The way to the server is.
    Network(Arrival),
}

/// What a pause is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The chat that the call was about.
    Chat,
    /// All that the bot does.
    Bot,
}

/// Whether a call that failed had its effect all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It had none.
    Never,
    /// Nobody knows.
    Unknown,
}

/// Who receives the updates instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rival {
    /// Another program polls.
    Poller,
    /// A webhook is set.
    Webhook,
}

/// What to do where the server wants a pause and does not say how long.
const PAUSE: Duration = Duration::from_secs(5);

/// The part of an answer that says why not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) error_code: Option<u16>,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<Parameters>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    migrate_to_chat_id: Option<ChatId>,
    retry_after: Option<u64>,
}

/// What the server says, in lower case, and what that means. The first that is found counts.
const DESCRIPTIONS: &[(&str, Failure)] = &[
    ("message is not modified", Failure::NotModified),
    ("topic_not_modified", Failure::NotModified),
    ("message thread not found", Failure::ThreadNotFound),
    ("topic_id_invalid", Failure::ThreadNotFound),
    ("topic_deleted", Failure::ThreadNotFound),
    ("topic_closed", Failure::Forbidden),
    ("message to edit not found", Failure::Gone),
    ("message to delete not found", Failure::Gone),
    ("message to be replied not found", Failure::Gone),
    ("message to reply not found", Failure::Gone),
    ("replied message not found", Failure::Gone),
    ("message_id_invalid", Failure::Gone),
    ("message identifier is not specified", Failure::Gone),
    ("chat not found", Failure::Gone),
    ("user not found", Failure::Gone),
    ("participant_id_invalid", Failure::Gone),
    ("query is too old", Failure::Gone),
    ("query id is invalid", Failure::Gone),
    ("query_id_invalid", Failure::Gone),
    ("wrong file", Failure::Gone),
    ("invalid file", Failure::Gone),
    ("file is temporarily unavailable", Failure::Gone),
    ("file reference", Failure::Gone),
    ("message is too long", Failure::TooLong),
    ("message_too_long", Failure::TooLong),
    ("caption is too long", Failure::TooLong),
    ("file is too big", Failure::TooLong),
    ("request entity too large", Failure::TooLong),
    ("not enough rights", Failure::Forbidden),
    ("have no rights", Failure::Forbidden),
    ("chat_write_forbidden", Failure::Forbidden),
    ("chat_admin_required", Failure::Forbidden),
    ("message can't be deleted", Failure::Forbidden),
    ("bot was kicked", Failure::Forbidden),
    ("bot was blocked", Failure::Forbidden),
];

impl Refusal {
    /// What a refusal means. `status` is that of HTTP, for servers in between that speak no JSON.
    pub(super) fn failure(&self, status: u16, method: &Method) -> Failure {
        let said = self.description.as_deref().unwrap_or_default().to_lowercase();
        let parameters = self.parameters.as_ref();
        if let Some(chat) = parameters.and_then(|parameters| parameters.migrate_to_chat_id) {
            return Failure::Migrated(chat);
        }
        match self.error_code.unwrap_or(status) {
            429 => {
                let seconds = parameters.and_then(|parameters| parameters.retry_after);
                let pause = seconds.map_or(PAUSE, Duration::from_secs);
                Failure::RetryAfter { scope: method.scope, pause }
            }
            401 => Failure::Unauthorized,
            // For a token that is none the server has no such page, and says no more than that.
            404 if method.name == super::GET_ME.name => Failure::Unauthorized,
            // There are servers that are older than it.
            404 if method.name == super::SEND_RICH.name => Failure::NoMethod,
            403 => Failure::Forbidden,
            409 if said.contains("webhook") => Failure::Conflict(Rival::Webhook),
            409 => Failure::Conflict(Rival::Poller),
            413 => Failure::TooLong,
            // A gateway gave up waiting for the server, which may have done it.
            504 => Failure::Server(Arrival::Unknown),
            500.. => Failure::Server(Arrival::Never),
            _ => {
                let known = DESCRIPTIONS.iter().find(|(words, _)| said.contains(words));
                known.map_or(Failure::Refused, |(_, failure)| *failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{EDIT_MESSAGE, GET_ME, GET_UPDATES, SEND_MESSAGE, SEND_RICH};

    #[track_caller]
    fn check(method: &Method, status: u16, body: &str, expected: Failure) {
        let refusal: Refusal = serde_json::from_str(body).unwrap_or_default();
        assert_eq!(refusal.failure(status, method), expected, "{status} {body}");
    }

    #[test]
    fn answers_of_the_server_are_told_apart() {
        let said =
            |text: &str| format!(r#"{{"ok":false,"error_code":400,"description":"Bad Request: {text}"}}"#);
        for (text, expected) in [
            ("message is not modified: specified new message content is the same", Failure::NotModified),
            ("message to edit not found", Failure::Gone),
            ("message thread not found", Failure::ThreadNotFound),
            ("message is too long", Failure::TooLong),
            ("can't parse entities", Failure::Refused),
            ("not enough rights to send text messages to the chat", Failure::Forbidden),
            ("query is too old and response timeout expired or query ID is invalid", Failure::Gone),
        ] {
            check(&EDIT_MESSAGE, 400, &said(text), expected);
        }
        check(
            &SEND_MESSAGE,
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",
                "parameters":{"migrate_to_chat_id":-1001}}"#,
            Failure::Migrated(ChatId(-1001)),
        );
    }

    #[test]
    fn a_pause_is_for_what_the_call_was_about() {
        let body = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}"#;
        let pause = Duration::from_secs(7);
        check(&SEND_MESSAGE, 429, body, Failure::RetryAfter { scope: Scope::Chat, pause });
        check(&GET_ME, 429, body, Failure::RetryAfter { scope: Scope::Bot, pause });
        check(&GET_ME, 429, "<html>", Failure::RetryAfter { scope: Scope::Bot, pause: PAUSE });
    }

    #[test]
    fn other_pollers_webhooks_and_bad_tokens_are_told_apart() {
        let conflict =
            |text: &str| format!(r#"{{"ok":false,"error_code":409,"description":"Conflict: {text}"}}"#);
        let webhook = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
        check(&GET_UPDATES, 409, &conflict(webhook), Failure::Conflict(Rival::Webhook));
        let poller =
            "terminated by other getUpdates request; make sure that only one bot instance is running";
        check(&GET_UPDATES, 409, &conflict(poller), Failure::Conflict(Rival::Poller));
        check(&GET_UPDATES, 401, "{}", Failure::Unauthorized);
        check(
            &GET_ME,
            404,
            r#"{"ok":false,"error_code":404,"description":"Not Found"}"#,
            Failure::Unauthorized,
        );
        check(&SEND_MESSAGE, 404, "{}", Failure::Refused);
        check(&SEND_RICH, 404, "{}", Failure::NoMethod);
    }

    #[test]
    fn a_server_in_trouble_did_nothing_unless_a_gateway_gave_up_waiting() {
        check(&SEND_MESSAGE, 500, "{}", Failure::Server(Arrival::Never));
        check(&SEND_MESSAGE, 502, "<html>bad gateway</html>", Failure::Server(Arrival::Never));
        check(&SEND_MESSAGE, 504, "", Failure::Server(Arrival::Unknown));
    }
}
