//! What an agent asks a person, and how the answer is told to it.

use agent_client_protocol::v1::schema::{
    Diff, RequestPermissionOutcome, RequestPermissionResponse, SelectedPermissionOutcome, ToolCall,
    ToolCallContent, ToolKind,
};
use agent_client_protocol::{Error, RawJsonRpcId, RawJsonRpcMessage};
use serde_json::{Map, Value};
use takopi_api::event::{
    Choice, Decision, Lasting, Permission, Question, Request, RequestId, RequestSubject,
};
use takopi_api::jsonl::value_in_head;

use crate::options::{Answers, Yes};
use crate::{diff, goose, question, rpc, speech, steps};

/// The decisions that let an agent go on.
macro_rules! allowed {
    () => {
        Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways
    };
}

/// The id of the one question of a request.
const QUESTION: &str = "option";

/// A request of an agent that waits for a person.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The agent's name for it.
    call: RawJsonRpcId,
    /// The step that it is about, if that is one of this session.
    pub(crate) step: Option<String>,
    /// What it is about, in a line.
    pub(crate) title: String,
    answers: Answers,
}

/// What became of a person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The agent may go on.
    Allowed,
    /// It may not.
    Denied,
    /// It may not, although the person did not say no: this is why.
    NotPossible(&'static str),
}

impl Asked {
    /// What the agent asks. `call` is what is known of the step.
    pub(crate) fn new(
        call_id: RawJsonRpcId,
        step: Option<String>,
        call: &ToolCall,
        answers: Answers,
    ) -> Self {
        let title = match &answers {
            Answers::Words { questions, .. } => questions.first().map(|question| question.text.clone()),
            Answers::Verdict { .. } | Answers::OneOf(_) => None,
        };
        let title = title.unwrap_or_else(|| title_of(call));
        Self { call: call_id, step, title, answers }
    }

    /// Whether this is the agent's name for it.
    pub(crate) fn is_of(&self, call: &RawJsonRpcId) -> bool {
        self.call == *call
    }

    /// What a person is asked.
    pub(crate) fn request(&self, id: RequestId, call: &ToolCall, cwd: &str) -> Request {
        let subject = match &self.answers {
            Answers::OneOf(options) => {
                let text = plan(call).unwrap_or_else(|| spelled_out(permission(call, cwd)));
                let choices = options.iter().map(|option| Choice::new(&option.label));
                RequestSubject::Question { questions: vec![Question::new(QUESTION, text).options(choices)] }
            }
            Answers::Words { questions, .. } => RequestSubject::Question { questions: questions.clone() },
            Answers::Verdict { yes, further, .. } => match plan(call) {
                Some(text) => RequestSubject::Plan { text },
                None => {
                    let permission = besides(permission(call, cwd), further);
                    RequestSubject::Permission(match yes {
                        Some(Yes::Always(always)) => only_for_more(permission, &always.label),
                        Some(Yes::Once(_)) | None => permission,
                    })
                }
            },
        };
        Request::new(id, self.title.as_str(), subject)
    }

    /// What the agent is told, and what that means.
    pub(crate) fn answer(self, decision: &Decision) -> (RawJsonRpcMessage, Verdict) {
        let mut words = None;
        let (option, verdict) = match (self.answers, decision) {
            (Answers::Verdict { yes: Some(Yes::Once(once)), .. }, allowed!()) => {
                (Some(once), Verdict::Allowed)
            }
            // Who allows it once does not allow it for ever.
            (
                Answers::Verdict { yes: Some(Yes::Always(always)), .. },
                Decision::AllowSession | Decision::AllowAlways,
            ) => (Some(always.id), Verdict::Allowed),
            (Answers::Verdict { reject, .. }, allowed!()) => {
                (reject, Verdict::NotPossible("the agent takes no such permission"))
            }
            (Answers::Verdict { reject, .. }, _) => (reject, Verdict::Denied),
            (Answers::OneOf(options), Decision::Answer { answers }) => {
                let said = answers.get(QUESTION).and_then(|said| said.first()).map_or("", |said| said.trim());
                let chosen = options
                    .into_iter()
                    .find(|option| option.label.eq_ignore_ascii_case(said) || option.id == said);
                match chosen {
                    Some(option) => (Some(option.id), Verdict::Allowed),
                    None => (None, Verdict::NotPossible("the agent takes only one of its own answers")),
                }
            }
            (Answers::OneOf(_), _) => (None, Verdict::Denied),
            (Answers::Words { submit, .. }, Decision::Answer { answers }) => {
                words = Some(question::answers(answers));
                (Some(submit), Verdict::Allowed)
            }
            (Answers::Words { reject, .. }, _) => (reject, Verdict::Denied),
        };
        let outcome = option.map_or(RequestPermissionOutcome::Cancelled, |option| {
            RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option))
        });
        (answer(self.call, outcome, words), verdict)
    }

    /// What the agent is told when nobody decides any more.
    pub(crate) fn cancel(self) -> RawJsonRpcMessage {
        answer(self.call, RequestPermissionOutcome::Cancelled, None)
    }
}

/// What the agent is told where a line is too long to be read, and is a question by its beginning.
pub(crate) fn too_long(head: &str) -> Option<RawJsonRpcMessage> {
    let method: String = serde_json::from_str(value_in_head(head, "method")?).ok()?;
    let call = serde_json::from_str(value_in_head(head, "id")?).ok()?;
    (method == "session/request_permission").then(|| not_asked(call))
}

/// What the agent is told when nobody is asked.
pub(crate) fn not_asked(call: RawJsonRpcId) -> RawJsonRpcMessage {
    answer(call, RequestPermissionOutcome::Cancelled, None)
}

fn answer(
    call: RawJsonRpcId,
    outcome: RequestPermissionOutcome,
    words: Option<Map<String, Value>>,
) -> RawJsonRpcMessage {
    let mut response = serde_json::to_value(RequestPermissionResponse::new(outcome));
    if let (Ok(response), Some(words)) = (&mut response, words) {
        response["answers"] = Value::Object(words);
    }
    rpc::answer(call, response.map_err(Error::from))
}

/// One line.
fn title_of(call: &ToolCall) -> String {
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
    let mut input = Input::of(call.raw_input.as_ref());
    let paths = steps::paths(call);
    let command = steps::command(call);
    let (mut folder, mut reason) = (None, None);
    if command.is_some() {
        input.fields.remove("command");
        folder = input.take_one(&["cwd", "workdir", "directory"]);
        reason = input.take("description");
        input.leave_out_false(&["is_background"]);
    }
    let mut diff = difference(call);
    if diff.is_some() {
        input.leave_out_changes(call, &paths);
    }
    if call.kind == ToolKind::Edit {
        let told = input.take("diff");
        diff = diff.or(told);
    }
    let rest = input.rest();
    let is_command_unknown = call.kind == ToolKind::Execute && command.is_none() && rest.is_none();
    let tool = named_tool(call).or_else(|| match call.kind {
        ToolKind::Execute if command.is_some() => Some("execute".to_owned()),
        ToolKind::Edit if diff.is_some() => Some("edit".to_owned()),
        _ => None,
    });

    let mut permission = Permission::default().cwd(folder.as_deref().unwrap_or(cwd)).paths(paths);
    let title = Some(call.title.clone()).filter(|title| !title.trim().is_empty());
    let input = match tool.filter(|_| diff.is_some() || !is_command_unknown) {
        Some(tool) => {
            permission = permission.tool(tool);
            rest
        }
        // A title is shown in full, but need not be all of what would be done: without a tool no rule is ever made of it.
        None => Some(title.into_iter().chain(rest).collect::<Vec<_>>().join("\n")),
    };
    if let Some(command) = command {
        permission = permission.command(command);
    }
    if let Some(diff) = diff {
        permission = permission.diff(diff);
    }
    if let Some(reason) = reason.or_else(|| texts(call)) {
        permission = permission.reason(reason);
    }
    if let Some(input) = input.filter(|input| !input.is_empty()) {
        permission = permission.input(input);
    }
    permission
}

/// With what else the agent would take: who decides is to know that there is more than a yes and a no.
fn besides(permission: Permission, further: &[String]) -> Permission {
    if further.is_empty() {
        return permission;
    }
    let further = format!("the agent also takes answers that takopi does not know: {}", further.join(", "));
    let reason = permission.reason.iter().cloned().chain([further]).collect::<Vec<_>>().join("\n");
    permission.reason(reason)
}

/// The only yes that there is, is for more than this one time. For how much, only the agent's own words say: they are shown,
/// and without a tool no rule is ever made of it.
fn only_for_more(mut permission: Permission, words: &str) -> Permission {
    let tool = permission.tool.take().map(|tool| format!("tool: {tool}"));
    let only = format!("the only yes that the agent takes, not just for this once: {words}");
    let lines = [Some(only), tool, permission.input.take()];
    let input = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    permission.input(input).lasting(Lasting::Engine)
}

/// All that a permission says, in lines: a question has no other place for it. What is short comes first.
fn spelled_out(permission: Permission) -> String {
    let Permission { tool, command, cwd, paths, diff, input, reason, .. } = permission;
    let files = (!paths.is_empty()).then(|| paths.join("\n"));
    let said = [
        ("tool", tool),
        ("folder", cwd),
        ("files", files),
        ("command", command),
        ("change", diff),
        ("input", input),
        ("why", reason),
    ];
    let line = |(what, text): (&str, Option<String>)| {
        let text = text?;
        let text = text.trim_end_matches('\n');
        let between = if text.contains('\n') { '\n' } else { ' ' };
        Some(format!("{what}:{between}{text}"))
    };
    said.into_iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// The tool as the agent calls it. Its kind is no name: two tools of one kind must not share a rule.
fn named_tool(call: &ToolCall) -> Option<String> {
    let of_meta = || call.meta.as_ref()?.get("toolName")?.as_str();
    let named = call.name.as_deref().or_else(of_meta).filter(|name| !name.trim().is_empty());
    named.map(str::to_owned).or_else(|| goose::tool(call))
}

/// The input of a tool, without what is shown in a way of its own: nothing that decides about the harm is left out.
struct Input {
    fields: Map<String, Value>,
    /// What stands in its place if it is no object.
    other: Option<Value>,
}

impl Input {
    fn of(raw: Option<&Value>) -> Self {
        match raw {
            Some(Value::Object(fields)) => Self { fields: fields.clone(), other: None },
            raw => Self { fields: Map::new(), other: raw.filter(|raw| !raw.is_null()).cloned() },
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key)?.as_str()
    }

    /// Takes a text out, if it says something.
    fn take(&mut self, key: &str) -> Option<String> {
        let text = self.text(key).filter(|text| !text.trim().is_empty())?.to_owned();
        self.fields.remove(key);
        Some(text)
    }

    /// Takes out the first of these texts, and others that say the same.
    fn take_one(&mut self, keys: &[&str]) -> Option<String> {
        let text = keys.iter().find_map(|key| self.take(key))?;
        self.leave_out(keys, |other| *other == *text);
        Some(text)
    }

    /// Leaves out texts that are shown elsewhere.
    fn leave_out(&mut self, keys: &[&str], is_shown: impl Fn(&str) -> bool) {
        for key in keys {
            if self.text(key).is_some_and(&is_shown) {
                self.fields.remove(*key);
            }
        }
    }

    /// A flag that says what is usual says nothing.
    fn leave_out_false(&mut self, keys: &[&str]) {
        for key in keys {
            if self.fields.get(*key) == Some(&Value::Bool(false)) {
                self.fields.remove(*key);
            }
        }
    }

    /// Leaves out what a difference shows, in the words of those agents that were looked at.
    fn leave_out_changes(&mut self, call: &ToolCall, paths: &[String]) {
        self.leave_out(&["path", "file_path", "filePath", "filepath"], |path| {
            paths.iter().any(|shown| shown == path)
        });
        self.leave_out(&["content", "old_string", "new_string", "oldString", "newString"], |text| {
            changes(call).any(|change| {
                change.new_text.contains(text)
                    || change.old_text.as_ref().is_some_and(|old| old.contains(text))
            })
        });
        self.leave_out_false(&["replace_all", "replaceAll"]);
    }

    /// What was not taken, as a person can read it: all of it, since a yes is for all of it.
    fn rest(self) -> Option<String> {
        let rest = match self.other {
            None if self.fields.is_empty() => return None,
            None => Value::Object(self.fields),
            Some(other) => other,
        };
        // What was read as JSON is written as JSON.
        Some(serde_json::to_string_pretty(&rest).unwrap_or_default())
    }
}

/// What would change, file by file.
fn difference(call: &ToolCall) -> Option<String> {
    let diffs: String = changes(call)
        .map(|change| {
            let old = change.old_text.as_deref().filter(|old| !old.is_empty());
            diff::unified(&change.path.to_string_lossy(), old, &change.new_text)
        })
        .collect();
    (!diffs.is_empty()).then_some(diffs)
}

fn changes(call: &ToolCall) -> impl Iterator<Item = &Diff> {
    call.content.iter().filter_map(|content| match content {
        ToolCallContent::Diff(change) => Some(change),
        _ => None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_is_too_long_is_answered_by_its_beginning() {
        let head = |method: &str, id: &str| {
            format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}","params":{{"x":"xx"#)
        };
        let told = |head: &str| too_long(head).map(|message| serde_json::to_value(message).unwrap());
        let refused = told(&head("session/request_permission", r#""id":7,"#)).unwrap();
        assert_eq!(
            (refused["id"].as_i64(), &refused["result"]["outcome"]["outcome"]),
            (Some(7), &"cancelled".into())
        );
        assert!(told(&head("session/update", "")).is_none());
        assert!(told(&head("fs/read_text_file", r#""id":7,"#)).is_none());
    }
}
