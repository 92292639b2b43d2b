//! Steps of the agent: its calls of tools, and what becomes of each.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::path::Path;

use agent_client_protocol::v1::schema::{
    ToolCall, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind,
};
use serde_json::Value;
use takopi_api::event::{Action, ActionKind, ActionOutcome, ChangeKind, EventFactory, FileChange};

use crate::goose;

/// What an agent calls a step whose input it does not know yet is replaced once it knows it.
const UNNAMED: &str = "a tool";

/// The steps of a turn.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    open: HashMap<String, Step>,
    /// Agents go on to tell of steps that they ended. These are the latest.
    ended: VecDeque<String>,
}

/// How many ended steps are remembered. A turn may have any number, and what is kept must not grow with it.
const REMEMBERED: usize = 256;

/// How an agent tells of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// That it begins. A step of this id that has ended was another one.
    Begins,
    /// More of it.
    More,
}

#[derive(Debug)]
struct Step {
    call: ToolCall,
    /// What was shown of it: a step keeps its kind, whatever the agent calls it later.
    shown: Action,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It began.
    Began,
    /// It goes on.
    GoesOn,
    /// It ended.
    Ended,
}

impl Steps {
    /// The agent tells of a step; what it leaves out is as it was.
    pub(crate) fn told(
        &mut self,
        telling: Telling,
        update: ToolCallUpdate,
        out: &mut EventFactory,
    ) -> Progress {
        let ToolCallUpdate { tool_call_id, fields, meta, .. } = update;
        let id = tool_call_id.to_string();
        if !self.is_open_to(telling, &id) {
            return Progress::Ended;
        }
        if telling == Telling::Begins {
            self.ended.retain(|ended| *ended != id);
        }
        let mut progress = Progress::GoesOn;
        let step = self.open.entry(id.clone()).or_insert_with(|| {
            progress = Progress::Began;
            let mut call = ToolCall::new(tool_call_id, UNNAMED);
            call.update(fields.clone());
            call.meta.clone_from(&meta);
            goose::recognize(&mut call);
            let shown = action(&call);
            out.action_started(shown.clone());
            Step { call, shown }
        });
        learn(&mut step.call, fields);
        if let Some(meta) = meta {
            step.call.meta.get_or_insert_default().extend(meta);
        }
        goose::recognize(&mut step.call);
        let mut now = action(&step.call);
        now.kind = step.shown.kind;
        match step.call.status {
            ToolCallStatus::Completed => {
                let code = exit_code(&step.call);
                let now = now.exit_code(code);
                self.end(&id, now, ActionOutcome::from(code.unwrap_or_default() == 0), out);
                Progress::Ended
            }
            ToolCallStatus::Failed => {
                let now = now.exit_code(exit_code(&step.call));
                self.end(&id, now, ActionOutcome::Failed, out);
                Progress::Ended
            }
            _ => {
                if now != step.shown {
                    step.shown = now.clone();
                    out.action_updated(now);
                }
                progress
            }
        }
    }

    fn end(&mut self, id: &str, action: Action, outcome: ActionOutcome, out: &mut EventFactory) {
        out.action_completed(action, outcome);
        self.open.remove(id);
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(id.to_owned());
    }

    /// A person did not allow a step. Not every agent tells what became of it then.
    pub(crate) fn denied(&mut self, id: &str, out: &mut EventFactory) {
        if let Some(step) = self.open.get(id) {
            self.end(id, step.shown.clone(), ActionOutcome::Failed, out);
        }
    }

    /// The turn is over: what the agent left open has no end of its own.
    pub(crate) fn close(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        let mut open: Vec<(String, Step)> = self.open.drain().collect();
        open.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (_, step) in open {
            out.action_completed(step.shown, outcome);
        }
    }

    /// What is known of a step, for a request about it.
    pub(crate) fn call(&self, id: &str) -> Option<&ToolCall> {
        self.open.get(id).map(|step| &step.call)
    }

    /// Whether what is told is of a step that goes on, or of a new one.
    fn is_open_to(&self, telling: Telling, id: &str) -> bool {
        telling == Telling::Begins || !self.ended.iter().any(|ended| ended == id)
    }

    /// Whether what is told begins a step.
    pub(crate) fn is_new(&self, telling: Telling, id: &str) -> bool {
        self.call(id).is_none() && self.is_open_to(telling, id)
    }

    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.ended.is_empty()
    }
}

/// Takes over what an agent tells of a step. What it leaves out of an input is as it was, too.
fn learn(call: &mut ToolCall, mut fields: ToolCallUpdateFields) {
    if let (Some(Value::Object(known)), Some(Value::Object(new))) = (&call.raw_input, &mut fields.raw_input) {
        for (key, value) in known {
            new.entry(key).or_insert_with(|| value.clone());
        }
    }
    call.update(fields);
}

/// What is shown of a step.
fn action(call: &ToolCall) -> Action {
    let kind = match call.kind {
        ToolKind::Execute => ActionKind::Command,
        ToolKind::Edit | ToolKind::Delete | ToolKind::Move => ActionKind::FileChange,
        ToolKind::Fetch => ActionKind::WebSearch,
        _ => ActionKind::Tool,
    };
    let title = command(call).unwrap_or_else(|| call.title.clone());
    let action = Action::new(call.tool_call_id.to_string(), kind, title);
    if kind == ActionKind::FileChange { action.changes(changes(call)) } else { action }
}

/// The command line of a step that runs one. Other tools may call anything so.
pub(crate) fn command(call: &ToolCall) -> Option<String> {
    if call.kind != ToolKind::Execute {
        return None;
    }
    match call.raw_input.as_ref()?.get("command")? {
        Value::String(command) if !command.trim().is_empty() => Some(command.clone()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            let words: Vec<_> = words?.into_iter().map(quoted).collect();
            (!words.is_empty()).then(|| words.join(" "))
        }
        _ => None,
    }
}

/// A word as a shell reads it: two lists of words must not look the same.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''")).into()
}

/// The files of a step, each once.
pub(crate) fn paths(call: &ToolCall) -> Vec<String> {
    let located = call.locations.iter().map(|location| location.path.as_path());
    let changed = call.content.iter().filter_map(|content| match content {
        ToolCallContent::Diff(diff) => Some(diff.path.as_path()),
        _ => None,
    });
    let mut paths = Vec::new();
    for path in changed.chain(located).map(Path::to_string_lossy) {
        if !paths.iter().any(|known: &String| *known == path) {
            paths.push(path.into_owned());
        }
    }
    paths
}

fn changes(call: &ToolCall) -> Vec<FileChange> {
    let is_new = |path: &str| {
        call.content.iter().any(|content| {
            matches!(content, ToolCallContent::Diff(diff)
                if diff.path == Path::new(path) && diff.old_text.as_deref().unwrap_or_default().is_empty())
        })
    };
    paths(call)
        .into_iter()
        .map(|path| {
            let kind = match call.kind {
                ToolKind::Delete => ChangeKind::Delete,
                _ if is_new(&path) => ChangeKind::Add,
                _ => ChangeKind::Update,
            };
            FileChange { path, kind }
        })
        .collect()
}

/// The exit code of a command. The protocol has no place for it; these are where agents put it.
fn exit_code(call: &ToolCall) -> Option<i32> {
    let of_output = ["/exitCode", "/exit_code", "/metadata/exit"]
        .iter()
        .find_map(|pointer| call.raw_output.as_ref()?.pointer(pointer)?.as_i64());
    let of_terminal = || call.meta.as_ref()?.get("terminal_exit")?.get("exit_code")?.as_i64();
    i32::try_from(of_output.or_else(of_terminal)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use takopi_api::engine::EngineId;

    use super::*;

    fn told(updates: Vec<Value>) -> Vec<String> {
        let mut out = EventFactory::new(EngineId::from_static("acp"), None);
        let mut steps = Steps::default();
        for update in updates {
            steps.told(Telling::More, serde_json::from_value(update).unwrap(), &mut out);
        }
        std::iter::from_fn(|| out.pop())
            .map(|event| {
                let event = serde_json::to_value(event).unwrap();
                format!(
                    "{} {} {} {}",
                    event["phase"], event["ok"], event["action"]["title"], event["action"]["detail"]
                )
            })
            .collect()
    }

    #[test]
    fn a_step_is_shown_with_what_is_known_of_it() {
        let events = told(vec![
            json!({ "toolCallId": "1", "title": "Terminal", "kind": "execute", "status": "pending", "rawInput": {} }),
            json!({ "toolCallId": "1", "rawInput": { "command": "false" }, "title": "Shell: false" }),
            json!({ "toolCallId": "1", "status": "in_progress" }),
            json!({ "toolCallId": "1", "status": "completed", "rawOutput": { "exitCode": 1 } }),
            json!({ "toolCallId": "1", "title": "late" }),
        ]);
        assert_eq!(
            events,
            [
                r#""started" null "Terminal" {}"#,
                r#""updated" null "false" {}"#,
                r#""completed" false "false" {"exit_code":1}"#,
            ]
        );
    }

    #[test]
    fn a_step_may_begin_with_its_end_and_keeps_its_kind() {
        let events = told(vec![json!({ "toolCallId": "1", "status": "completed" })]);
        assert_eq!(events, [r#""started" null "a tool" {}"#, r#""completed" true "a tool" {}"#]);
        let mut out = EventFactory::new(EngineId::from_static("acp"), None);
        let mut steps = Steps::default();
        for kind in ["other", "execute", "nonsense"] {
            let update = json!({ "toolCallId": "1", "kind": kind, "title": kind });
            steps.told(Telling::More, serde_json::from_value(update).unwrap(), &mut out);
        }
        let kinds: Vec<_> = std::iter::from_fn(|| out.pop())
            .map(|event| serde_json::to_value(event).unwrap()["action"]["kind"].clone())
            .collect();
        assert!(kinds.iter().all(|kind| kind == "tool"), "{kinds:?}");
    }

    #[test]
    fn an_id_that_is_used_again_is_another_step() {
        let mut out = EventFactory::new(EngineId::from_static("acp"), None);
        let mut steps = Steps::default();
        let mut told = |telling, id: usize, status: &str| {
            let update = json!({ "toolCallId": id.to_string(), "title": "x", "status": status });
            steps.told(telling, serde_json::from_value(update).unwrap(), &mut out)
        };
        assert_eq!(told(Telling::Begins, 1, "completed"), Progress::Ended);
        assert_eq!(told(Telling::More, 1, "in_progress"), Progress::Ended);
        assert_eq!(told(Telling::Begins, 1, "in_progress"), Progress::Began);
        assert_eq!(told(Telling::More, 1, "in_progress"), Progress::GoesOn);
        for id in 0..2 * REMEMBERED {
            told(Telling::More, id, "completed");
        }
        assert_eq!(steps.ended.len(), REMEMBERED);
    }

    #[test]
    fn changed_files_are_named_once() {
        let events = told(vec![json!({
            "toolCallId": "1", "title": "Write a", "kind": "edit", "locations": [{ "path": "/a" }, { "path": "/b" }],
            "content": [{ "type": "diff", "path": "/a", "newText": "x" }, { "type": "odd" }],
        })]);
        assert_eq!(
            events,
            [
                r#""started" null "Write a" {"changes":[{"path":"/a","kind":"add"},{"path":"/b","kind":"update"}]}"#
            ]
        );
    }
}
