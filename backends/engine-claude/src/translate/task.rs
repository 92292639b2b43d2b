//! Tasks: commands and sub-agents that claude runs beside its turn. Those in the background outlive the turn that
//! started them, and when one ends claude begins another turn to tell about it.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory};
use takopi_api::jsonl::Field;

use super::Translation;
use crate::event::Line;

/// The tasks that have begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    going: Vec<Task>,
    /// Tasks in the background for which claude does not stay: no turn follows them.
    besides: Vec<String>,
}

#[derive(Debug)]
struct Task {
    id: String,
    /// The action that shows it: the call that started it, or one of its own.
    action: String,
    in_background: bool,
}

impl Tasks {
    /// Whether the turn can end before these do.
    pub(super) fn any_in_background(&self) -> bool {
        self.going.iter().any(|task| task.in_background)
    }

    /// Whether a call goes on although it has a result: the result says only that its task is in the background.
    pub(super) fn keeps_open(&self, call: &str) -> bool {
        self.going.iter().any(|task| task.in_background && task.action == call)
    }

    fn entry(&mut self, id: &str) -> &mut Task {
        let at = self.going.iter().position(|task| task.id == id).unwrap_or_else(|| {
            self.going.push(Task { id: id.to_owned(), action: String::new(), in_background: false });
            self.going.len() - 1
        });
        &mut self.going[at]
    }
}

fn is_true(flag: Field<'_>) -> bool {
    flag.read() == Some(true)
}

impl Translation {
    pub(super) fn task_started(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let id = line.task_id.text();
        if is_true(line.ambient) || self.tasks.besides.iter().any(|besides| *besides == id) {
            return;
        }
        let task = self.tasks.entry(&id);
        task.action = line.tool_use_id.text().into_owned();
        // Older CLIs do not say. Their tasks in the foreground end before the turn does, so this holds nothing back.
        task.in_background |= line.is_backgrounded.read().unwrap_or(true);
        if task.in_background {
            let id = task.id.clone();
            self.show_task(&id, &line.task_type.text(), &line.description.text(), out);
        }
    }

    /// The whole list of the tasks in the background. It comes before the `task_started` of a new one.
    pub(super) fn background_tasks(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let (besides, tasks): (Vec<_>, Vec<_>) =
            line.tasks.get().iter().partition(|task| is_true(task.ambient) || is_true(task.off_host));
        self.tasks.besides = besides.iter().map(|task| task.task_id.text().into_owned()).collect();
        let listed: Vec<_> = tasks.iter().map(|task| task.task_id.text()).collect();
        let is_gone = |task: &Task| task.in_background && !listed.iter().any(|id| *id == task.id);
        let gone: Vec<Task> = self.tasks.going.extract_if(.., |task| is_gone(task)).collect();
        for task in gone {
            self.end_action(&task.action, ActionOutcome::Ok, out);
        }
        for task in tasks {
            let entry = self.tasks.entry(&task.task_id.text());
            entry.in_background = true;
            // One that moved into the background.
            if !entry.action.is_empty() {
                let id = entry.id.clone();
                self.show_task(&id, &task.task_type.text(), &task.description.text(), out);
            }
        }
    }

    pub(super) fn task_ended(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let id = line.task_id.text();
        let Some(at) = self.tasks.going.iter().position(|task| task.id == id) else { return };
        let task = self.tasks.going.swap_remove(at);
        // The call of a task in the foreground gets a result of its own.
        if task.in_background {
            let is_completed = line.status.text() == "completed";
            self.end_action(&task.action, is_completed.into(), out);
        }
    }

    /// Gives a task in the background an action of its own if the call that started it is over.
    fn show_task(&mut self, id: &str, kind: &str, description: &str, out: &mut EventFactory) {
        let task = self.tasks.entry(id);
        if self.open.iter().any(|action| action.id.as_str() == task.action) {
            return;
        }
        let kind = match kind {
            "local_bash" => ActionKind::Command,
            "local_agent" => ActionKind::Subagent,
            _ => ActionKind::Tool,
        };
        let action = Action::new(format!("task_{id}"), kind, format!("in the background: {description}"));
        action.id.as_str().clone_into(&mut task.action);
        self.open.push(action.clone());
        out.action_started(action);
    }

    fn end_action(&mut self, id: &str, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some(at) = self.open.iter().position(|action| action.id.as_str() == id) {
            out.action_completed(self.open.swap_remove(at), outcome);
        }
    }
}
