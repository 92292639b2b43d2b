//! JSON-RPC as this client speaks it: what is read from a line, and what is written as one.
//!
//! The forms of envelopes and messages are those of the protocol's own crate. Its connection is not used: that keeps
//! messages in queues without bounds and tells nobody of those that it can not read, while a run reads line by line, within
//! a limit, and says what it skipped.

use std::sync::Arc;

use agent_client_protocol::schema::MaybeUndefined;
use agent_client_protocol::{
    Error, JsonRpcNotification, JsonRpcRequest, RawJsonRpcError, RawJsonRpcId, RawJsonRpcMessage,
    RawJsonRpcParams, RawJsonRpcResponse, TransportFrame,
};
use serde_json::Value;
use takopi_api::jsonl::{Field, Wire as _};

/// A message of the agent.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It asks for something and waits for the answer.
    Call {
        /// Its name for the call.
        id: RawJsonRpcId,
        /// What it asks for.
        method: Arc<str>,
        /// With what.
        params: Value,
    },
    /// It tells something.
    Notice {
        /// What it tells.
        method: Arc<str>,
        /// With what.
        params: Value,
    },
    /// It answers a call of this client.
    Answer {
        /// The name of the call.
        id: RawJsonRpcId,
        /// The answer.
        result: Result<Value, Refusal>,
    },
}

/// Why an agent did not do what it was called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code of the error.
    pub(crate) code: i32,
    /// What a person can read of it.
    pub(crate) reason: String,
}

impl Refusal {
    /// Whether the agent wants somebody to log in first.
    pub(crate) fn wants_login(&self) -> bool {
        self.code == i32::from(agent_client_protocol::ErrorCode::AUTH_REQUIRED)
    }
}

/// A line that can not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// What is wrong with it.
    pub(crate) reason: String,
    /// If it asks for something: the name of the call, which waits for an answer.
    pub(crate) call: Option<RawJsonRpcId>,
}

impl Unread {
    fn new(line: &str, reason: &str) -> Self {
        let call = Call::read(line).ok().filter(|call| call.method.is_present() && call.id.is_present());
        Self { reason: reason.to_owned(), call: call.and_then(|call| call.id.read()) }
    }
}

takopi_api::wire! {
    /// As much of a call as an answer needs.
    struct Call<'a> {
        "id" => id: Field<'a>,
        "method" => method: Field<'a>,
    }
}

/// Reads a line.
///
/// # Errors
/// If it is no message.
pub(crate) fn read(line: &str) -> Result<Heard, Unread> {
    let mut frame = TransportFrame::parse_json(line);
    if let TransportFrame::Malformed { .. } = frame
        && let Some(line) = mended(line)
    {
        frame = TransportFrame::parse_json(&line);
    }
    match frame {
        TransportFrame::Single(message) => Ok(match message {
            RawJsonRpcMessage::Request(request) => {
                Heard::Call { id: request.id, method: request.method, params: value(request.params) }
            }
            RawJsonRpcMessage::Notification(notice) => {
                Heard::Notice { method: notice.method, params: value(notice.params) }
            }
            RawJsonRpcMessage::Response(RawJsonRpcResponse::Result { id, result }) => {
                Heard::Answer { id, result: Ok(result) }
            }
            RawJsonRpcMessage::Response(RawJsonRpcResponse::Error { id, error }) => {
                Heard::Answer { id, result: Err(refusal(*error)) }
            }
        }),
        TransportFrame::Malformed { error, .. } => Err(Unread::new(line, &error.message)),
        _ => Err(Unread::new(line, "a frame of an unknown form")),
    }
}

/// The line with U+FFFD for each escaped half of a character, which agents leave that count in UTF-16 and cut; `None` if
/// there is no such half.
fn mended(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'\\')) {
        let escape = at + found;
        let Some(first) = unit(bytes, escape) else {
            at = escape + 2;
            continue;
        };
        let pair = [first, unit(bytes, escape + 6).unwrap_or_default()];
        match char::decode_utf16(pair).next() {
            Some(Ok(c)) => at = escape + 6 * c.len_utf16(),
            _ => {
                at = escape + 6;
                mended.push_str(&line[copied..escape]);
                mended.push_str("\\ufffd");
                copied = at;
            }
        }
    }
    (copied > 0).then(|| mended + &line[copied..])
}

/// The unit of UTF-16 that is escaped here.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..)?.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, &digit| {
        let digit = u16::try_from(char::from(digit).to_digit(16)?).ok()?;
        Some(unit * 16 + digit)
    })
}

fn value(params: Option<RawJsonRpcParams>) -> Value {
    params.map_or(Value::Null, RawJsonRpcParams::into_value)
}

/// Agents put what happened into the message or into the data, as a text or as the JSON of whatever server they asked.
fn refusal(error: RawJsonRpcError) -> Refusal {
    let RawJsonRpcError { code, message, data, .. } = error;
    let detail = match data {
        MaybeUndefined::Value(Value::String(text)) => Some(innermost(&text)),
        MaybeUndefined::Value(Value::Object(data)) => {
            ["details", "message", "error"].iter().find_map(|key| data.get(*key)?.as_str()).map(innermost)
        }
        _ => None,
    };
    // These words say no more than the code does.
    const NOTHING: &str = "Internal error";
    let message =
        innermost(message.strip_prefix(NOTHING).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message));
    let reason = match detail.filter(|detail| !detail.trim().is_empty() && !message.contains(detail.as_str()))
    {
        Some(detail) if message == NOTHING => detail,
        Some(detail) => format!("{message}: {detail}"),
        None => message,
    };
    Refusal { code, reason }
}

/// The message in a text that is the JSON of an error, else the text.
fn innermost(text: &str) -> String {
    let mut text = text.to_owned();
    // One server's error in another's is seen; more is not looked for.
    for _ in 0..3 {
        let Ok(json) = serde_json::from_str::<Value>(&text) else { break };
        let message = ["/error/message", "/message", "/detail"]
            .iter()
            .find_map(|pointer| json.pointer(pointer)?.as_str().map(str::to_owned));
        match message {
            Some(message) => text = message,
            None => break,
        }
    }
    text
}

/// A call of the agent.
///
/// # Errors
/// If it has no JSON form, which the protocol's own messages have.
pub(crate) fn call(id: i64, request: &impl JsonRpcRequest) -> Result<RawJsonRpcMessage, Error> {
    let message = request.to_untyped_message()?;
    RawJsonRpcMessage::request(message.method, message.params, id)
}

/// A call of a method that the protocol's crate does not have.
///
/// # Errors
/// If `params` is neither an object nor an array.
pub(crate) fn call_of(id: i64, method: &str, params: Value) -> Result<RawJsonRpcMessage, Error> {
    RawJsonRpcMessage::request(method.to_owned(), params, id)
}

/// Something that the agent is told.
///
/// # Errors
/// If it has no JSON form, which the protocol's own messages have.
pub(crate) fn notice(notification: &impl JsonRpcNotification) -> Result<RawJsonRpcMessage, Error> {
    let message = notification.to_untyped_message()?;
    RawJsonRpcMessage::notification(message.method, message.params)
}

/// The answer to a call of the agent.
pub(crate) fn answer(id: RawJsonRpcId, result: Result<Value, Error>) -> RawJsonRpcMessage {
    RawJsonRpcMessage::response(id, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(line: &str) -> String {
        match read(line).unwrap() {
            Heard::Answer { result: Err(refusal), .. } => refusal.reason,
            other => panic!("no refusal: {other:?}"),
        }
    }

    #[test]
    fn a_refusal_says_what_happened_wherever_the_agent_put_it() {
        let error = |error: &str| refused(&format!(r#"{{"jsonrpc":"2.0","id":3,"error":{error}}}"#));
        assert_eq!(error(r#"{"code":-32603,"message":"Internal error: no"}"#), "no");
        assert_eq!(
            error(r#"{"code":-32603,"message":"Internal error","data":{"details":"400 no"}}"#),
            "400 no"
        );
        assert_eq!(
            error(r#"{"code":400,"message":"{\"error\":{\"code\":400,\"message\":\"no such\"}}"}"#),
            "no such"
        );
        assert_eq!(
            error(
                r#"{"code":-32000,"message":"Log in","data":"{\"message\":\"{\\\"message\\\":\\\"x\\\"}\"}"}"#
            ),
            "Log in: x"
        );
        assert_eq!(error(r#"{"code":-32603,"message":"a","data":[1]}"#), "a");
    }

    #[test]
    fn half_a_character_costs_only_itself() {
        let told = |text: &str| {
            let line = format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"text":"{text}"}}}}"#);
            match read(&line).unwrap() {
                Heard::Notice { params, .. } => params["text"].as_str().unwrap().to_owned(),
                other => panic!("no notice: {other:?}"),
            }
        };
        assert_eq!(told(r"half \ud83d"), "half \u{fffd}");
        assert_eq!(told(r"\udc00 \ud83d\ude00 ä\n\\ud83d"), "\u{fffd} \u{1f600} ä\n\\ud83d");
        assert_eq!(told(r"\ud83d\u0041\uD83D"), "\u{fffd}A\u{fffd}");
        for text in [r"\ud83d\", "\\ä\\ud83d", r"\ud83", r"\u+83d\", "\\"] {
            let _ = mended(text);
        }
    }

    #[test]
    fn a_call_that_can_not_be_read_has_a_name_all_the_same() {
        let call = |line: &str| read(line).unwrap_err().call;
        assert_eq!(call(r#"{"id":7,"method":"m","params":{"x":1e999}}"#), Some(RawJsonRpcId::from(7)));
        assert_eq!(
            call(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":3}"#),
            Some(RawJsonRpcId::from("a".to_owned()))
        );
        for line in [r#"{"id":7}"#, r#"{"method":"m"}"#, r#"{"id":null,"method":"m"}"#, "[7]", "no"] {
            assert_eq!(call(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_no_message_says_why() {
        for line in ["", "no", "17", "[]", "{}", r#"{"id":1,"result":{}}"#, r#"{"jsonrpc":"2.0","id":{}}"#] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
