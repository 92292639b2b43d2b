//! What the CLI says about itself.

use takopi_api::event::{Action, ActionKind, EventFactory};
use takopi_api::jsonl::Recognition;

use super::{Translation, text};
use crate::event::Line;

impl Translation {
    pub(super) fn system(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let subtype = line.subtype.text();
        match &*subtype {
            "init" => return self.init(line, out),
            "api_retry" => self.api_retry(line, out),
            "permission_denied" => {
                let title = text::of_denial(&line.tool_name.text(), line.message.text());
                self.failed_warning("denied", title, out);
            }
            "status" if line.status.text() == "compacting" => out.note("compacting the conversation"),
            "task_started" => self.task_started(line, out),
            "task_notification" => self.task_ended(line, out),
            "background_tasks_changed" => self.background_tasks(line, out),
            "local_command" | "local_command_output" => {
                let printed = line.content.text();
                self.said.by_cli = text::of_local_command(&printed).unwrap_or_else(|| printed.into_owned());
            }
            "model_fallback"
            | "model_consent_fallback"
            | "model_refusal_fallback"
            | "model_refusal_no_fallback"
            | "session_writes_lost" => out.warning(text::or_else(&line.content.text(), &subtype)),
            "informational" if line.level.text() == "warning" && line.content.is_present() => {
                out.warning(line.content.text());
            }
            // Told elsewhere (the steps of a task are the sub-agent's own calls), or of use to a user interface only.
            "status"
            | "informational"
            | "notification"
            | "task_progress"
            | "task_updated"
            | "task_summary"
            | "thinking_tokens"
            | "compact_boundary"
            | "microcompact_boundary"
            | "hook_started"
            | "hook_progress"
            | "hook_response"
            | "stop_hook_summary"
            | "session_state_changed"
            | "session_title_changed"
            | "session_metadata"
            | "turn_starting"
            | "turn_duration"
            | "post_turn_summary"
            | "away_summary"
            | "files_persisted"
            | "file_snapshot"
            | "commands_changed"
            | "per_turn_effort_changed"
            | "memory_recall"
            | "memory_saved"
            | "plugin_install"
            | "elicitation_complete"
            | "control_request_progress"
            | "permission_check_status"
            | "permission_retry"
            | "vcs_state_changed"
            | "shell_cwd" => return Recognition::Ignored,
            subtype => return Recognition::Unknown { kind: format!("system {subtype}") },
        }
        Recognition::Known
    }

    /// Each turn begins with this line.
    fn init(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        self.turns.begin();
        if line.model.is_present() {
            self.title = line.model.text().into_owned();
        }
        self.session(line, out)
    }

    fn api_retry(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let title = text::of_retry(line);
        if let Some(action) = &mut self.retry {
            action.title = title;
            out.action_updated(action.clone());
        } else {
            let action = Action::new(self.next_id("retry"), ActionKind::Note, title);
            self.retry = Some(action.clone());
            out.action_started(action);
        }
    }
}
