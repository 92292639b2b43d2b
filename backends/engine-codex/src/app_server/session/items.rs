//! Items: what a turn works on, and what is said in it.

use std::collections::{BTreeMap, BTreeSet};

use takopi_api::event::{Action, ActionId, ActionKind, ActionOutcome, EventFactory, Phase, TextKind};
use takopi_api::jsonl::Recognition;

use super::Session;
use crate::answer::Said;
use crate::app_server::message::{Item, Notice};
use crate::app_server::patch::Patch;
use crate::app_server::says::Says;
use crate::{steps, text};

/// How much of the end of a command's output is kept, in bytes.
const KEPT_OUTPUT: usize = 1_000;

/// What is given as it is written.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Messages on the way: they are no part of the answer.
    muted: BTreeSet<String>,
    /// Messages that are not whole yet, as far as they were given.
    begun: BTreeMap<String, String>,
    /// The item that was last given, of the answer and of the thinking.
    last: [Option<String>; 2],
}

impl Voice {
    pub(super) fn answer(&mut self, item: &str, delta: &str, out: &mut EventFactory) {
        if !self.muted.contains(item) {
            self.begun.entry(item.to_owned()).or_default().push_str(delta);
            self.give(TextKind::Answer, item, delta, out);
        }
    }

    pub(super) fn thinking(&mut self, item: &str, delta: &str, out: &mut EventFactory) {
        self.give(TextKind::Thinking, item, delta, out);
    }

    /// What was being written when the turn ended before its time.
    pub(super) fn unfinished(&mut self) -> Option<String> {
        let begun = std::mem::take(&mut self.begun);
        begun.into_values().rfind(|text| !text.trim().is_empty())
    }

    fn give(&mut self, kind: TextKind, item: &str, delta: &str, out: &mut EventFactory) {
        if delta.is_empty() {
            return;
        }
        let last = &mut self.last[usize::from(kind == TextKind::Thinking)];
        // Messages stand apart from each other.
        let is_another = last.as_deref().is_some_and(|last| last != item);
        *last = Some(item.to_owned());
        out.text(kind, if is_another { format!("\n\n{delta}") } else { delta.to_owned() });
    }
}

impl Session {
    pub(super) fn item(
        &mut self,
        is_completed: bool,
        thread: &str,
        notice: &Notice<'_>,
        says: &mut Says,
    ) -> Recognition {
        let Some(item) = notice.item.get() else {
            return Recognition::Malformed { reason: "an item that is none".to_owned() };
        };
        match &*item.kind.text() {
            "userMessage" | "hookPrompt" | "functionCallOutput" => Recognition::Ignored,
            "agentMessage" => {
                self.message(item, &item.phase.text(), is_completed);
                Recognition::Known
            }
            // The protocol does not ask about a plan: it is what the turn answers.
            "plan" => {
                self.message(item, "final_answer", is_completed);
                Recognition::Known
            }
            kind => {
                self.note_patch(kind, is_completed, thread, item);
                self.step(kind, is_completed, None, item, says)
            }
        }
    }

    /// Of a sub-agent only its steps are shown.
    pub(super) fn item_of_agent(
        &mut self,
        is_completed: bool,
        agent: &str,
        notice: &Notice<'_>,
        says: &mut Says,
    ) -> Recognition {
        let Some(item) = notice.item.get() else { return Recognition::Ignored };
        match &*item.kind.text() {
            "userMessage" | "hookPrompt" | "functionCallOutput" | "agentMessage" | "plan" | "reasoning" => {
                Recognition::Ignored
            }
            kind => {
                self.note_patch(kind, is_completed, agent, item);
                self.step(kind, is_completed, Some(agent), item, says)
            }
        }
    }

    fn message(&mut self, item: &Item<'_>, phase: &str, is_completed: bool) {
        let id = item.id.text();
        if !is_completed {
            if self.answer.sort(phase) == Said::OnTheWay {
                self.voice.muted.insert(id.into_owned());
            }
            return;
        }
        let text = item.text.text();
        let said = self.answer.take(phase, text.clone().into_owned(), &mut self.out);
        let was_heard = self.voice.begun.remove(&*id).is_some();
        let was_muted = self.voice.muted.remove(&*id);
        if said == Said::Answer && !was_heard && !was_muted {
            self.voice.give(TextKind::Answer, &id, &text, &mut self.out);
        }
    }

    fn step(
        &mut self,
        kind: &str,
        is_completed: bool,
        agent: Option<&str>,
        item: &Item<'_>,
        says: &mut Says,
    ) -> Recognition {
        match kind {
            "subAgentActivity" => {
                self.activity(item, agent, says);
                return Recognition::Known;
            }
            "collabAgentToolCall" => item.receivers.elements::<String>().into_iter().for_each(|thread| {
                self.agents.entry(thread.clone()).or_default();
                says.follow(thread);
            }),
            "reasoning" if !is_completed => return Recognition::Known,
            _ => {}
        }
        let (action, outcome, recognition) = match action(kind, item) {
            Some((action, outcome)) => (action, outcome, Recognition::Known),
            // One of a type that came after this program: it is named once it is done, and what it says is not guessed.
            None => {
                let unknown = Recognition::Unknown { kind: format!("item {kind}") };
                if !is_completed || kind.is_empty() {
                    return unknown;
                }
                (Action::new(item.id.text(), ActionKind::Note, kind), ActionOutcome::Ok, unknown)
            }
        };
        if action.title.is_empty() {
            return recognition;
        }
        let phase = if is_completed { Phase::Completed(outcome) } else { Phase::Started };
        self.out.action(within(action, agent), phase);
        recognition
    }

    /// A change is kept until it is made: codex may ask about it meanwhile.
    fn note_patch(&mut self, kind: &str, is_completed: bool, thread: &str, item: &Item<'_>) {
        match kind {
            "fileChange" if is_completed => self.patches.end(thread, &item.id.text()),
            "fileChange" => self.patches.begin(thread, &item.id.text(), item.changes.get()),
            _ => {}
        }
    }

    /// A sub-agent begins or ends: one action, named by its thread.
    fn activity(&mut self, item: &Item<'_>, agent: Option<&str>, says: &mut Says) {
        let thread = item.agent.text();
        if thread.is_empty() {
            return;
        }
        let path = item.agent_path.text();
        let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("sub-agent").to_owned();
        let phase = match &*item.activity.text() {
            "started" => {
                let is_new = !self.agents.contains_key(&*thread);
                self.agents.entry(thread.clone().into_owned()).or_default();
                says.follow(thread.clone());
                if !is_new {
                    return;
                }
                Phase::Started
            }
            "completed" => Phase::Completed(ActionOutcome::Ok),
            "interrupted" => Phase::Completed(ActionOutcome::Failed),
            _ => Phase::Updated,
        };
        let action = Action::new(thread, ActionKind::Subagent, name);
        self.out.action(within(action, agent), phase);
    }

    /// The list of what is to be done.
    pub(super) fn todos(&mut self, notice: &Notice<'_>) {
        let steps = notice.plan.get();
        let todos: Vec<_> =
            steps.iter().map(|step| (step.text.text(), step.status.text() == "completed")).collect();
        let action = Action::new("codex.todo", ActionKind::Note, text::of_todos(&todos));
        let phase = if self.todo.is_some() { Phase::Updated } else { Phase::Started };
        self.todo = Some(action.clone());
        self.out.action(action, phase);
    }
}

fn within(mut action: Action, agent: Option<&str>) -> Action {
    action.detail.parent = agent.map(ActionId::new);
    action
}

/// The action of an item of a known type, and its outcome if the item is completed.
fn action(kind: &str, item: &Item<'_>) -> Option<(Action, ActionOutcome)> {
    let (id, status) = (item.id.text(), item.status.text());
    let (kind, title) = match kind {
        "commandExecution" => {
            let (action, outcome) = steps::command(id, &item.command.text(), item.exit_code.read(), &status);
            let output = item.output.text();
            let output = end_of(output.trim_end());
            return Some((
                if output.is_empty() { action } else { action.with("output_tail", output) },
                outcome,
            ));
        }
        "fileChange" => {
            let changes = item.changes.get().iter().map(|change| Patch::new(change).change()).collect();
            return Some(steps::files(id, changes, &status));
        }
        "mcpToolCall" => {
            let call = steps::Call {
                server: item.server,
                tool: item.tool,
                status: item.status,
                arguments: item.arguments,
                result: item.result,
                error: item.error,
            };
            return Some(call.action(id));
        }
        "collabAgentToolCall" => {
            let title = text::of_subagent(&item.tool.text(), &item.prompt.text());
            return Some(steps::subagent(id, title, &status));
        }
        "dynamicToolCall" => {
            let ok = status == "completed";
            return Some((Action::new(id, ActionKind::Tool, item.tool.text()), ok.into()));
        }
        "webSearch" => (ActionKind::WebSearch, item.query.text().into_owned()),
        "imageView" => (ActionKind::Tool, format!("look at {}", item.path.text())),
        "imageGeneration" => (ActionKind::Tool, "make an image".to_owned()),
        "contextCompaction" => (ActionKind::Note, "the conversation was made shorter".to_owned()),
        "sleep" => (ActionKind::Note, "wait".to_owned()),
        "enteredReviewMode" | "exitedReviewMode" => (ActionKind::Note, "review".to_owned()),
        "reasoning" => (ActionKind::Note, thoughts(item)),
        _ => return None,
    };
    Some((Action::new(id, kind, title), ActionOutcome::Ok))
}

fn thoughts(item: &Item<'_>) -> String {
    let summary: Vec<String> = item.summary.elements();
    let parts = if summary.is_empty() { item.content.elements() } else { summary };
    parts.join("\n\n")
}

/// The end of an output, at the beginning of a line if there is one.
fn end_of(output: &str) -> &str {
    let Some(cut) = output.len().checked_sub(KEPT_OUTPUT) else { return output };
    let start = (cut..).find(|&at| output.is_char_boundary(at)).unwrap_or(output.len());
    let end = &output[start..];
    end.split_once('\n').map_or(end, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_begins_with_a_line() {
        assert_eq!(end_of("short"), "short");
        let lines: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        let end = end_of(lines.trim_end());
        assert!(end.len() <= KEPT_OUTPUT && end.starts_with("line ") && end.ends_with("line 999"), "{end}");
        assert_eq!(end_of(&"ä".repeat(2_000)).len(), KEPT_OUTPUT);
    }
}
