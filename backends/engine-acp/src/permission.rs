//! What an agent asks a person, and how the answer is told to it.

use agent_client_protocol::v1::schema::{
    PermissionOption, PermissionOptionKind, RequestPermissionOutcome, RequestPermissionResponse,
    SelectedPermissionOutcome, ToolCall, ToolCallContent, ToolKind,
};
use agent_client_protocol::{Error, RawJsonRpcId, RawJsonRpcMessage};
use serde_json::Value;
use takopi_api::event::{Choice, Decision, Permission, Question, Request, RequestId, RequestSubject};

use crate::{diff, rpc, speech, steps};

/// The decisions that let an agent go on.
macro_rules! allowed {
    () => {
        Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways
    };
}

/// The id of the one question of a request.
const QUESTION: &str = "option";

/// The longest input of a tool that is shown besides what is known of it. A request may hold a megabyte.
const SHOWN_INPUT: usize = 64 * 1024;

/// A request of an agent that waits for a person.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The agent's name for it.
    call: RawJsonRpcId,
    /// The step that it is about.
    pub(crate) step: String,
    /// What it is about, in a line.
    pub(crate) title: String,
    answers: Answers,
}

/// The answers that the agent takes.
#[derive(Debug)]
enum Answers {
    /// Yes and no.
    Verdict { once: Option<String>, always: Option<String>, reject: Option<String> },
    /// One of these: what a person reads, and what the agent calls it.
    OneOf(Vec<(String, String)>),
}

/// What became of a person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The agent may go on.
    Allowed,
    /// It may not.
    Denied,
    /// It may not, although the person did not say no: this is why.
    NotPossible(String),
}

impl Asked {
    /// Reads what the agent asks. `call` is what is known of the step.
    pub(crate) fn read(call_id: RawJsonRpcId, call: &ToolCall, options: &Value) -> Self {
        let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
        let known: Option<Vec<PermissionOption>> =
            options.iter().map(|option| serde_json::from_value(option.clone()).ok()).collect();
        let answers = match known {
            Some(known) if !known.is_empty() => verdict(&known),
            // Options of a kind that the protocol did not have when this was written: the person sees what they say.
            _ => Answers::OneOf(options.iter().filter_map(named).collect()),
        };
        Self { call: call_id, step: call.tool_call_id.to_string(), title: title(call), answers }
    }

    /// What a person is asked.
    pub(crate) fn request(&self, id: RequestId, call: &ToolCall, cwd: &str) -> Request {
        let subject = match &self.answers {
            Answers::OneOf(options) => {
                let choices = options.iter().map(|(label, _)| Choice::new(label));
                RequestSubject::Question {
                    questions: vec![Question::new(QUESTION, self.title.as_str()).options(choices)],
                }
            }
            Answers::Verdict { .. } => match plan(call) {
                Some(text) => RequestSubject::Plan { text },
                None => RequestSubject::Permission(permission(call, cwd)),
            },
        };
        Request::new(id, self.title.as_str(), subject)
    }

    /// What the agent is told, and what that means.
    pub(crate) fn answer(self, decision: &Decision) -> (RawJsonRpcMessage, Verdict) {
        let (option, verdict) = match (self.answers, decision) {
            (Answers::Verdict { once: Some(once), .. }, allowed!()) => (Some(once), Verdict::Allowed),
            // Who allows it once does not allow it for ever.
            (
                Answers::Verdict { once: None, always: Some(always), .. },
                Decision::AllowSession | Decision::AllowAlways,
            ) => (Some(always), Verdict::Allowed),
            (Answers::Verdict { reject, .. }, allowed!()) => (
                reject,
                Verdict::NotPossible("the agent takes no such permission; it was told no".to_owned()),
            ),
            (Answers::Verdict { reject, .. }, _) => (reject, Verdict::Denied),
            (Answers::OneOf(options), Decision::Answer { answers }) => {
                let said = answers.get(QUESTION).and_then(|said| said.first()).map_or("", |said| said.trim());
                let chosen =
                    options.into_iter().find(|(label, id)| label.eq_ignore_ascii_case(said) || id == said);
                match chosen {
                    Some((_, id)) => (Some(id), Verdict::Allowed),
                    None => (
                        None,
                        Verdict::NotPossible(
                            "the agent takes only one of its own answers; it got none".to_owned(),
                        ),
                    ),
                }
            }
            (Answers::OneOf(_), _) => (None, Verdict::Denied),
        };
        let outcome = option.map_or(RequestPermissionOutcome::Cancelled, |option| {
            RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option))
        });
        (answer(self.call, outcome), verdict)
    }

    /// What the agent is told when nobody decides any more.
    pub(crate) fn cancel(self) -> RawJsonRpcMessage {
        answer(self.call, RequestPermissionOutcome::Cancelled)
    }
}

/// What the agent is told when nobody is asked.
pub(crate) fn not_asked(call: RawJsonRpcId) -> RawJsonRpcMessage {
    answer(call, RequestPermissionOutcome::Cancelled)
}

fn answer(call: RawJsonRpcId, outcome: RequestPermissionOutcome) -> RawJsonRpcMessage {
    let response = serde_json::to_value(RequestPermissionResponse::new(outcome));
    rpc::answer(call, response.map_err(Error::from))
}

fn verdict(options: &[PermissionOption]) -> Answers {
    let of = |kind: PermissionOptionKind| {
        options.iter().find(|option| option.kind == kind).map(|option| option.option_id.to_string())
    };
    Answers::Verdict {
        once: of(PermissionOptionKind::AllowOnce),
        always: of(PermissionOptionKind::AllowAlways),
        reject: of(PermissionOptionKind::RejectOnce).or_else(|| of(PermissionOptionKind::RejectAlways)),
    }
}

/// An option whose kind is not known.
fn named(option: &Value) -> Option<(String, String)> {
    let id = option.get("optionId")?.as_str()?;
    let name = option.get("name").and_then(Value::as_str).unwrap_or(id);
    Some((name.to_owned(), id.to_owned()))
}

/// One line.
fn title(call: &ToolCall) -> String {
    let title = steps::command(call).unwrap_or_else(|| call.title.clone());
    title.lines().find(|line| !line.trim().is_empty()).unwrap_or(&title).trim().to_owned()
}

/// Agents ask by a change of their mode whether they may leave off planning.
fn plan(call: &ToolCall) -> Option<String> {
    if call.kind != ToolKind::SwitchMode {
        return None;
    }
    let input = call.raw_input.as_ref().and_then(|input| input.get("plan")?.as_str()).map(str::to_owned);
    input.or_else(|| texts(call)).filter(|plan| !plan.trim().is_empty())
}

fn permission(call: &ToolCall, cwd: &str) -> Permission {
    let raw = call.raw_input.as_ref();
    let field = |key: &str| raw?.get(key)?.as_str().filter(|text| !text.trim().is_empty());
    let command = steps::command(call);
    let paths = steps::paths(call);
    let diff = difference(call).or_else(|| field("diff").map(str::to_owned));
    let is_said = command.is_some() || diff.is_some();
    let input = raw.filter(|raw| !is_said && !is_empty(raw));
    // A title is shown in full, but need not be all of what would run: without a tool no rule is ever made of it.
    let is_named_only = call.kind == ToolKind::Execute && !is_said && input.is_none();

    let mut permission = Permission::default().cwd(field("cwd").unwrap_or(cwd)).paths(paths);
    if is_named_only {
        permission = permission.input(call.title.as_str());
    } else {
        permission = permission.tool(call.name.clone().unwrap_or_else(|| kind(call.kind).to_owned()));
    }
    if let Some(command) = command {
        permission = permission.command(command);
    }
    if let Some(diff) = diff {
        permission = permission.diff(diff);
    }
    if let Some(reason) = field("description").map(str::to_owned).or_else(|| texts(call)) {
        permission = permission.reason(reason);
    }
    if let Some(input) = input {
        permission = permission.input(shown(input));
    }
    permission
}

fn is_empty(input: &Value) -> bool {
    match input {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The input as a person can read it.
fn shown(input: &Value) -> String {
    // What was read as JSON is written as JSON.
    let mut text = serde_json::to_string_pretty(input).unwrap_or_default();
    if text.len() > SHOWN_INPUT {
        let end = (0..=SHOWN_INPUT).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
        text.truncate(end);
        text.push_str("\n…");
    }
    text
}

/// What would change, file by file.
fn difference(call: &ToolCall) -> Option<String> {
    let diffs: String = call
        .content
        .iter()
        .filter_map(|content| match content {
            ToolCallContent::Diff(change) => {
                let old = change.old_text.as_deref().filter(|old| !old.is_empty());
                Some(diff::unified(&change.path.to_string_lossy(), old, &change.new_text))
            }
            _ => None,
        })
        .collect();
    (!diffs.is_empty()).then_some(diffs)
}

/// What the agent says to the step.
fn texts(call: &ToolCall) -> Option<String> {
    let texts: Vec<String> = call
        .content
        .iter()
        .filter_map(|content| match content {
            ToolCallContent::Content(content) => Some(speech::text(content.content.clone())),
            _ => None,
        })
        .filter(|text| !text.trim().is_empty())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

const fn kind(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Read => "read",
        ToolKind::Edit => "edit",
        ToolKind::Delete => "delete",
        ToolKind::Move => "move",
        ToolKind::Search => "search",
        ToolKind::Execute => "execute",
        ToolKind::Think => "think",
        ToolKind::Fetch => "fetch",
        ToolKind::SwitchMode => "switch_mode",
        _ => "tool",
    }
}
