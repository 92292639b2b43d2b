//! From the end of the turn to the last process that is cleared away.

use serde_json::json;
use takopi_api::event::{ActionOutcome, Outcome as Ended, Resolution, Usage};

use super::{Clearing, Session, Stage};
use crate::app_server::message::{Notice, Outcome};
use crate::app_server::says::{Call, Says};
use crate::text;

impl Session {
    pub(super) fn error(&mut self, notice: &Notice<'_>) {
        let trouble = notice.error.fields();
        let message = trouble.message.text();
        if notice.will_retry.read() == Some(true) {
            let title = message.strip_prefix("Reconnecting... ").map_or_else(
                || format!("trying again: {message}"),
                |attempt| format!("reconnecting {attempt}"),
            );
            let details = trouble.details.text();
            let title = if details.is_empty() { title } else { format!("{title} ({details})") };
            self.troubles.retry(&title, &mut self.out);
        } else {
            self.troubles.error(&message, &mut self.out);
        }
    }

    pub(super) fn turn_completed(&mut self, notice: &Notice<'_>, says: &mut Says) {
        if self.is_told {
            return self.clear(says);
        }
        let turn = notice.turn.fields();
        let duration = turn.duration_ms.read();
        let usage = self.meter.usage(duration, self.model.clone());
        match &*turn.status.text() {
            "completed" => {
                self.troubles.settle(ActionOutcome::Ok, None, &mut self.out);
                if self.answer.is_none() {
                    self.answer_of(notice);
                }
                self.finish(Ended::Done, usage, says);
            }
            "interrupted" => {
                let error = self.troubles.last(&mut self.out);
                let error = error.unwrap_or_else(|| "codex ended the turn before it was done".to_owned());
                self.finish(Ended::Failed { error }, usage, says);
            }
            "failed" => {
                let mut error = text::of_error(&turn.error.fields().message.text());
                self.troubles.settle(ActionOutcome::Failed, Some(&error), &mut self.out);
                if error.is_empty() {
                    "codex says that the turn failed, but not why".clone_into(&mut error);
                }
                self.finish(Ended::Failed { error }, usage, says);
            }
            status => {
                let error = format!("codex says that the turn is over, but not how: `{status}`");
                self.finish(Ended::Failed { error }, usage, says);
            }
        }
    }

    /// The answer, as the end of the turn repeats it: what was said before may have been lost.
    fn answer_of(&mut self, notice: &Notice<'_>) {
        let items = notice.turn.fields().items.get();
        let last = items.iter().rev().find(|item| matches!(&*item.kind.text(), "agentMessage" | "plan"));
        if let Some(item) = last {
            self.answer.take("final_answer", item.text.text().into_owned(), &mut self.out);
        }
    }

    /// The run can not go on.
    pub(super) fn fail(&mut self, error: impl Into<String>, says: &mut Says) {
        if self.is_told {
            return self.clear(says);
        }
        let error = error.into();
        self.troubles.settle(ActionOutcome::Failed, Some(&error), &mut self.out);
        let usage = self.meter.usage(None, self.model.clone());
        self.finish(Ended::Failed { error }, usage, says);
    }

    /// The server is gone, and everything of this run with it.
    pub(in crate::app_server) fn server_ended(&mut self, reason: &str) {
        if !self.is_over() {
            let told = self.troubles.last(&mut self.out);
            let error = told.map_or_else(|| reason.to_owned(), |told| format!("{told}\n{reason}"));
            let usage = self.meter.usage(None, self.model.clone());
            self.say_last(Ended::Failed { error }, usage);
        }
        self.stage = Stage::Closed;
    }

    fn finish(&mut self, ended: Ended, usage: Option<Usage>, says: &mut Says) {
        self.say_last(ended, usage);
        self.clear(says);
    }

    pub(super) fn withdraw_all(&mut self) {
        for (name, _) in std::mem::take(&mut self.open) {
            self.out.request_resolved(name, Resolution::Withdrawn);
        }
    }

    /// Whoever ended the run does not wait for codex to do so.
    pub(super) fn say_interrupted(&mut self) {
        if !self.is_told {
            let usage = self.meter.usage(None, self.model.clone());
            self.say_last(Ended::Interrupted, usage);
        }
    }

    fn say_last(&mut self, ended: Ended, usage: Option<Usage>) {
        self.withdraw_all();
        if let Some(todo) = self.todo.take() {
            self.out.action_completed(todo, (ended == Ended::Done).into());
        }
        if ended != Ended::Done
            && let Some(unfinished) = self.voice.unfinished()
        {
            self.answer.take("", unfinished, &mut self.out);
        }
        // Their senders hear that the run is over.
        self.waiting.clear();
        let answer = std::mem::take(&mut self.answer).into_text();
        self.out.completed(ended, answer, usage);
        self.is_told = true;
    }

    /// Commands go on after their turn, and sub-agents after the agent that started them: here they end. Then codex forgets
    /// the threads, so that the next run of one says anew what holds for it.
    pub(super) fn clear(&mut self, says: &mut Says) {
        let mut open = 0;
        for (thread, turn) in &self.agents {
            if let Some(turn) = turn {
                says.call(Call::Clearing, "turn/interrupt", json!({ "threadId": thread, "turnId": turn }));
                open += 1;
            }
        }
        for thread in self.threads() {
            says.call(Call::Clearing, "thread/backgroundTerminals/clean", json!({ "threadId": thread }));
            open += 1;
        }
        self.stage = Stage::Clearing { open, next: Clearing::LettingGo };
        if open == 0 {
            self.stage = Stage::Closed;
        }
    }

    /// A sub-agent works on a turn.
    pub(super) fn agent_works(&mut self, agent: &str, turn: String, says: &mut Says) {
        self.works_on(agent, &turn, says);
        self.agents.insert(agent.to_owned(), Some(turn));
    }

    /// A turn that begins when the run is over is ended at once.
    pub(super) fn works_on(&mut self, thread: &str, turn: &str, says: &mut Says) {
        if let Stage::Clearing { open, .. } = &mut self.stage {
            says.call(Call::Clearing, "turn/interrupt", json!({ "threadId": thread, "turnId": turn }));
            says.call(Call::Clearing, "thread/backgroundTerminals/clean", json!({ "threadId": thread }));
            *open += 2;
        }
    }

    /// A step is done, or codex says that there was nothing to do.
    pub(super) fn cleared(&mut self, says: &mut Says) {
        let Stage::Clearing { open, next } = &mut self.stage else { return };
        *open = open.saturating_sub(1);
        if *open > 0 {
            return;
        }
        match next {
            Clearing::LettingGo => {
                let threads: Vec<&str> = self.threads().collect();
                for thread in &threads {
                    says.call(Call::Clearing, "thread/unsubscribe", json!({ "threadId": thread }));
                }
                self.stage = Stage::Clearing { open: threads.len(), next: Clearing::Done };
            }
            Clearing::Done => self.stage = Stage::Closed,
        }
    }

    fn threads(&self) -> impl Iterator<Item = &str> {
        self.thread.iter().chain(self.agents.keys()).map(String::as_str)
    }

    /// Codex was asked to end the turn. If there is none, it is over, whatever its end was.
    pub(super) fn interrupted(&mut self, outcome: &Outcome<'_>, says: &mut Says) {
        if let (Err(error), Stage::Running { .. }) = (outcome, &self.stage) {
            let error = format!("codex did not say how the turn ended: {error}");
            self.fail(error, says);
        }
    }
}
