//! The turn: what the agent tells while it works, what it asks, and how it ends.

use std::collections::BTreeMap;

use agent_client_protocol::v1::schema::{
    CancelNotification, CancelRequestNotification, ContentChunk, Plan, PlanEntryStatus, SessionId, ToolCall,
    ToolCallUpdate, UsageUpdate,
};
use agent_client_protocol::{Error, RawJsonRpcId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use takopi_api::event::{
    Action, ActionKind, ActionOutcome, Decision, EventFactory, RequestId, Resolution, Usage,
};
use takopi_api::jsonl::{Interruption, Recognition, Says, Unfinished};
use takopi_api::process::Ask;
use takopi_api::runner::ControlError;

use crate::options::Answers;
use crate::permission::{Asked, Verdict};
use crate::rpc::{self, Refusal};
use crate::speech::Speech;
use crate::steps::{Progress, Steps, Telling};
use crate::{goose, usage};

/// A turn that goes on.
#[derive(Debug)]
pub(crate) struct Turn {
    session: SessionId,
    /// Where the agent works.
    cwd: String,
    /// Whether the session is older than this run: what it cost is then not what the run cost.
    is_continued: bool,
    speech: Speech,
    steps: Steps,
    /// What is shown of the agent's plan.
    plan: Option<Action>,
    asked: BTreeMap<RequestId, Asked>,
    /// What was asked when the person ended the turn.
    cancelled: Vec<RequestId>,
    /// What the person did not allow last.
    denied: Option<String>,
    cost_usd: Option<f64>,
    is_cancelled: bool,
}

impl Turn {
    pub(crate) fn new(session: SessionId, cwd: String, is_continued: bool) -> Self {
        Self {
            session,
            cwd,
            is_continued,
            speech: Speech::default(),
            steps: Steps::default(),
            plan: None,
            asked: BTreeMap::new(),
            cancelled: Vec::new(),
            denied: None,
            cost_usd: None,
            is_cancelled: false,
        }
    }

    /// The agent tells something.
    pub(crate) fn told(
        &mut self,
        method: &str,
        mut params: Value,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        match method {
            "session/update" => {
                // Another session is that of an agent that this one started. It is this one's work to tell of it.
                if !self.is_own(&params) {
                    return Recognition::Ignored;
                }
                let update = params.get_mut("update").map(Value::take).unwrap_or_default();
                self.updated(update, out, says)
            }
            "$/cancel_request" => match serde_json::from_value::<CancelRequestNotification>(params) {
                Ok(withdrawn) => self.withdrawn(&RequestId::new(withdrawn.request_id.to_string()), out, says),
                Err(error) => Recognition::Malformed { reason: error.to_string() },
            },
            method => Recognition::Unknown { kind: method.to_owned() },
        }
    }

    fn is_own(&self, params: &Value) -> bool {
        params.get("sessionId").and_then(Value::as_str) == Some(&*self.session.0)
    }

    /// Each kind is read by itself: what a later version of the protocol adds costs no more than itself.
    fn updated(&mut self, update: Value, out: &mut EventFactory, says: &mut Says) -> Recognition {
        let kind = update.get("sessionUpdate").and_then(Value::as_str).unwrap_or_default().to_owned();
        match &*kind {
            "agent_message_chunk" => read(update, |chunk: ContentChunk| self.speech.piece(chunk, out)),
            "agent_thought_chunk" => read(update, |chunk: ContentChunk| self.speech.thought(chunk, out)),
            "tool_call" | "tool_call_update" => read(update, |update: ToolCallUpdate| {
                let step = update.tool_call_id.to_string();
                let telling = if kind == "tool_call" { Telling::Begins } else { Telling::More };
                match self.step(telling, update, out) {
                    // It did what it asked for, or gave it up: nobody has to answer any more.
                    Progress::Ended => {
                        self.withdraw(|asked| asked.step.as_deref() == Some(&*step), out, says);
                    }
                    Progress::Began | Progress::GoesOn => {}
                }
            }),
            "plan" => read(update, |plan: Plan| self.planned(&plan, out)),
            "usage_update" => read(update, |usage: UsageUpdate| {
                let cost = usage.cost.filter(|cost| cost.currency == "USD" && !self.is_continued);
                self.cost_usd = cost.map(|cost| cost.amount).or(self.cost_usd);
            }),
            "user_message_chunk"
            | "available_commands_update"
            | "current_mode_update"
            | "config_option_update"
            | "session_info_update" => Recognition::Ignored,
            "" => Recognition::Malformed { reason: "an update without a kind".to_owned() },
            _ => Recognition::Unknown { kind },
        }
    }

    fn step(&mut self, telling: Telling, update: ToolCallUpdate, out: &mut EventFactory) -> Progress {
        if self.steps.is_new(telling, &update.tool_call_id.0) {
            self.speech.pause(out);
        }
        self.steps.told(telling, update, out)
    }

    fn planned(&mut self, plan: &Plan, out: &mut EventFactory) {
        let is_done = |status: &PlanEntryStatus| *status == PlanEntryStatus::Completed;
        let done = plan.entries.iter().filter(|entry| is_done(&entry.status)).count();
        let next = plan
            .entries
            .iter()
            .find(|entry| entry.status == PlanEntryStatus::InProgress)
            .or_else(|| plan.entries.iter().find(|entry| !is_done(&entry.status)));
        let mut title = format!("plan: {done} of {}", plan.entries.len());
        if let Some(next) = next {
            title = format!("{title}, now {}", next.content);
        }
        match &mut self.plan {
            Some(action) if action.title == title => {}
            Some(action) => {
                action.title = title;
                out.action_updated(action.clone());
            }
            None => {
                let action = Action::new(format!("{}.plan", out.engine()), ActionKind::Note, title);
                self.plan = Some(action.clone());
                out.action_started(action);
            }
        }
    }

    /// The agent asks a person.
    pub(crate) fn asked(
        &mut self,
        call: RawJsonRpcId,
        mut params: Value,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        let id = RequestId::new(call.to_string());
        let update = params.get_mut("toolCall").map(Value::take).unwrap_or_default();
        let update: ToolCallUpdate = match serde_json::from_value(update) {
            Ok(update) => update,
            Err(error) => {
                says.line(&rpc::answer(call, Err(Error::invalid_params())));
                return Recognition::Malformed { reason: error.to_string() };
            }
        };
        if self.is_cancelled {
            says.line(&crate::permission::not_asked(call));
            return Recognition::Ignored;
        }
        if let Some(first) = self.asked.get(&id) {
            if !first.is_of(&call) {
                // A number and a text may read the same.
                says.line(&crate::permission::not_asked(call));
            }
            // One answer can not answer two, and the first one is what people look at.
            return Recognition::Malformed {
                reason: format!("a second request with the id {}", id.as_str()),
            };
        }
        let options = params.get("options").unwrap_or(&Value::Null);
        let Some(answers) = Answers::read(options, update.meta.as_ref()) else {
            says.line(&crate::permission::not_asked(call));
            return Recognition::Malformed { reason: "a request that takes no answer".to_owned() };
        };
        // Nothing is told of the steps of other sessions, so nobody would tell how such a step ends.
        let step = self.is_own(&params).then(|| update.tool_call_id.to_string());
        let told = step.as_ref().and_then(|step| {
            self.step(Telling::More, update.clone(), out);
            self.steps.call(step).cloned()
        });
        let now = told.unwrap_or_else(|| {
            // Such a step, and one that has ended, is asked about as the agent tells it now.
            let mut now = ToolCall::new(update.tool_call_id, "");
            now.update(update.fields);
            now.meta = update.meta;
            goose::recognize(&mut now);
            now
        });
        let asked = Asked::new(call, step, &now, answers);
        out.request(asked.request(id.clone(), &now, &self.cwd));
        self.asked.insert(id, asked);
        Recognition::Known
    }

    /// A person decided.
    pub(crate) fn decided(
        &mut self,
        request: &RequestId,
        decision: Decision,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        let asked = self.asked.remove(request).ok_or_else(|| ControlError::NoSuchRequest(request.clone()))?;
        let (title, step) = (asked.title.clone(), asked.step.clone());
        let (message, verdict) = asked.answer(&decision);
        says.line(&message);
        if verdict != Verdict::Allowed {
            if let Some(step) = step {
                self.steps.denied(&step, out);
            }
            self.denied = Some(title);
        }
        match verdict {
            Verdict::Denied if matches!(decision, Decision::Deny { reason: Some(_) }) => {
                out.warning("the agent was told no, but not why: its protocol has no place for that");
            }
            Verdict::Allowed | Verdict::Denied => {}
            Verdict::NotPossible(why) => {
                let no = Decision::Deny { reason: Some(why.to_owned()) };
                out.request_resolved(request.clone(), Resolution::Decided(no));
                return Err(ControlError::Refused(format!("{why}; it was told no")));
            }
        }
        out.request_resolved(request.clone(), Resolution::Decided(decision));
        Ok(())
    }

    fn withdrawn(&mut self, request: &RequestId, out: &mut EventFactory, says: &mut Says) -> Recognition {
        match self.asked.remove(request) {
            Some(asked) => {
                says.line(&asked.cancel());
                out.request_resolved(request.clone(), Resolution::Withdrawn);
                Recognition::Known
            }
            None => Recognition::Ignored,
        }
    }

    fn withdraw(&mut self, is_meant: impl Fn(&Asked) -> bool, out: &mut EventFactory, says: &mut Says) {
        for (id, asked) in self.asked.extract_if(.., |_, asked| is_meant(asked)) {
            says.line(&asked.cancel());
            out.request_resolved(id, Resolution::Withdrawn);
        }
    }

    /// The person wants the turn to end.
    pub(crate) fn cancel(&mut self, says: &mut Says) -> Interruption {
        let Ok(message) = rpc::notice(&CancelNotification::new(self.session.clone())) else {
            return Interruption::Signal(Ask::Terminate);
        };
        says.line(&message);
        for (id, asked) in std::mem::take(&mut self.asked) {
            says.line(&asked.cancel());
            self.cancelled.push(id);
        }
        self.is_cancelled = true;
        Interruption::Said
    }

    /// The agent ended its turn, or failed.
    pub(crate) fn ended(
        mut self: Box<Self>,
        name: &str,
        result: Result<Value, Refusal>,
        out: &mut EventFactory,
        says: &mut Says,
    ) {
        self.withdraw(|_| true, out, says);
        self.tell_cancelled(out);
        let is_silent = self.speech.is_silent() && self.steps.is_empty();
        let answer = self.speech.answer();
        let response = match result {
            Ok(response) => response,
            Err(refusal) => {
                self.close(ActionOutcome::Failed, out);
                return out.failed(format!("{name}: {}", refusal.reason), answer, self.used(&Value::Null));
            }
        };
        let used = self.used(&response);
        let stop = response.get("stopReason").and_then(Value::as_str).unwrap_or_default();
        let failure = match stop {
            "end_turn" if is_silent => Some("it ended its turn without a word".to_owned()),
            "end_turn" if answer.is_empty() && self.denied.is_some() => self.not_allowed(),
            "end_turn" => None,
            "max_tokens" => Some("its model came to its limit of tokens".to_owned()),
            "max_turn_requests" => Some("it came to its limit of requests to the model".to_owned()),
            "refusal" => Some("its model refused to go on; the agent forgets this prompt".to_owned()),
            "cancelled" => {
                self.not_allowed().or_else(|| Some("it ended its turn before it was done".to_owned()))
            }
            stop => {
                out.warning(format!(
                    "{name} ended its turn for a reason that takopi does not know: `{stop}`"
                ));
                None
            }
        };
        self.close(ActionOutcome::from(failure.is_none()), out);
        match failure {
            Some(failure) => out.failed(format!("{name}: {failure}"), answer, used),
            None => out.done(answer, used),
        }
    }

    /// The program ended in the middle of the turn.
    pub(crate) fn broke_off(mut self: Box<Self>, out: &mut EventFactory) -> Unfinished {
        self.cancelled.extend(std::mem::take(&mut self.asked).into_keys());
        self.tell_cancelled(out);
        self.close(ActionOutcome::Failed, out);
        Unfinished { answer: self.speech.answer(), reason: None, usage: self.used(&Value::Null) }
    }

    /// What ended the turn, if the person did by a no.
    fn not_allowed(&self) -> Option<String> {
        let denied = self.denied.as_ref()?;
        Some(format!("it ended its turn, as this was not allowed: {denied}"))
    }

    fn tell_cancelled(&mut self, out: &mut EventFactory) {
        for id in self.cancelled.drain(..) {
            out.request_resolved(id, Resolution::Withdrawn);
        }
    }

    fn close(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        self.steps.close(outcome, out);
        if let Some(plan) = self.plan.take() {
            out.action_completed(plan, outcome);
        }
    }

    fn used(&self, response: &Value) -> Option<Usage> {
        usage::read(response, self.cost_usd)
    }
}

fn read<T: DeserializeOwned>(update: Value, then: impl FnOnce(T)) -> Recognition {
    match serde_json::from_value(update) {
        Ok(update) => {
            then(update);
            Recognition::Known
        }
        Err(error) => Recognition::Malformed { reason: error.to_string() },
    }
}
