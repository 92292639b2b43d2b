//! One run on the server, from the thread that is opened for it to the last process that is cleared away after it: a state
//! machine without I/O, messages in, events and messages out.

mod begin;
mod end;
mod items;
mod orders;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use takopi_api::event::{Action, ActionOutcome, EventFactory, Request, RequestId, Resolution};
use takopi_api::jsonl::{Field, Recognition};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::ControlError;
use tokio::sync::oneshot;

pub(crate) use self::begin::MODES;
use self::items::Voice;
use super::message::{Address, Notice, Outcome};
use super::meter::Meter;
use super::patch::Patches;
use super::policy::Policy;
use super::profile::Overrides;
use super::requests::{self, Kind};
use super::says::{Call, Says};
use crate::answer::Answer;
use crate::backend::ENGINE;
use crate::troubles::Troubles;

/// What a run wants.
#[derive(Debug)]
pub(super) struct Wish {
    /// What the engine is called in the run.
    pub(super) title: String,
    /// The prompt and its images, as codex takes them.
    pub(super) input: Vec<Value>,
    pub(super) cwd: PathBuf,
    pub(super) resume: Option<ResumeToken>,
    pub(super) model: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) outbox: Option<PathBuf>,
    /// The person's profile.
    pub(super) profile: Overrides,
    /// What the run's commands see besides what the server does.
    pub(super) variables: BTreeMap<String, String>,
}

/// Where a run stands.
#[derive(Debug)]
enum Stage {
    /// Nothing was said yet.
    Waiting,
    /// Codex is asked how it is configured.
    Configuring,
    /// The thread is asked for.
    Opening(Policy),
    /// The turn is asked for.
    Starting,
    Running {
        turn: String,
    },
    /// The run is over, and what it left is cleared away.
    Clearing {
        /// How many calls are not answered yet.
        open: usize,
        next: Clearing,
    },
    Closed,
}

/// What comes after the calls of this step.
#[derive(Debug, Clone, Copy)]
enum Clearing {
    /// The threads are let go.
    LettingGo,
    /// Nothing.
    Done,
}

/// A text for a turn that has not begun yet.
struct Steer {
    text: String,
    receipt: oneshot::Sender<Result<(), ControlError>>,
}

/// A request that waits for a person.
struct Open {
    /// Codex's id of it.
    id: Value,
    kind: Kind,
    /// The thread that asks, which may be a sub-agent's.
    thread: String,
    /// Its turn, if the request names one.
    turn: Option<String>,
}

pub(super) struct Session {
    wish: Wish,
    pub(super) out: EventFactory,
    stage: Stage,
    /// The thread, once it is open.
    thread: Option<String>,
    /// How often the thread was asked for while codex still let go of it.
    closing: u8,
    /// The model of the thread.
    model: Option<String>,
    /// The threads of sub-agents, and the turn of each that goes on.
    agents: BTreeMap<String, Option<String>>,
    /// The run is to end, and there was no turn yet that could be interrupted.
    is_stopped: bool,
    /// A turn was asked for.
    has_turn: bool,
    /// The last event was said, also if the turn goes on still.
    is_told: bool,
    waiting: Vec<Steer>,
    answer: Answer,
    voice: Voice,
    troubles: Troubles,
    meter: Meter,
    patches: Patches,
    open: BTreeMap<RequestId, Open>,
    /// The list of what is to be done.
    todo: Option<Action>,
    is_warned: bool,
}

impl Session {
    pub(super) fn new(wish: Wish) -> Self {
        Self {
            out: EventFactory::new(ENGINE, wish.resume.clone()),
            wish,
            stage: Stage::Waiting,
            thread: None,
            closing: 0,
            model: None,
            agents: BTreeMap::new(),
            is_stopped: false,
            has_turn: false,
            is_told: false,
            waiting: Vec::new(),
            answer: Answer::None,
            voice: Voice::default(),
            troubles: Troubles::default(),
            meter: Meter::default(),
            patches: Patches::default(),
            open: BTreeMap::new(),
            todo: None,
            is_warned: false,
        }
    }

    /// The thread that the run continues.
    pub(super) fn resumes(&self) -> Option<&str> {
        self.wish.resume.as_ref().map(ResumeToken::value)
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    /// Whether the run has said its last event.
    pub(super) const fn is_over(&self) -> bool {
        self.is_told
    }

    /// Whether it is over without a turn: what is left of it can be cleared away at any time.
    pub(super) const fn is_harmless(&self) -> bool {
        self.is_told && !self.has_turn
    }

    /// Whether its turn is over, and what it left is not cleared away yet.
    pub(super) const fn is_clearing(&self) -> bool {
        matches!(self.stage, Stage::Clearing { .. })
    }

    pub(super) fn turn(&self) -> Option<&str> {
        match &self.stage {
            Stage::Running { turn } => Some(turn),
            _ => None,
        }
    }

    /// Codex answers a call of this run.
    pub(super) fn reply(&mut self, call: Call, outcome: Outcome<'_>, says: &mut Says) {
        match call {
            Call::Configuration => self.configured(outcome, says),
            Call::Thread => self.opened(outcome, says),
            Call::Turn => self.turn_begins(outcome, says),
            Call::Interrupt => self.interrupted(&outcome, says),
            Call::Steer(receipt) => {
                let taken = outcome.map(|_| ()).map_err(not_steered);
                // Whoever asked may be gone.
                let _ = receipt.send(taken);
            }
            Call::Reason => {
                if let Err(error) = outcome
                    && !self.is_over()
                {
                    self.out.warning(format!("codex did not hear why that was denied: {error}"));
                }
            }
            Call::Clearing => self.cleared(says),
        }
    }

    /// Codex tells something about a thread of this run.
    pub(super) fn notice(
        &mut self,
        method: &str,
        address: &Address<'_>,
        params: Field<'_>,
        says: &mut Says,
    ) -> Recognition {
        let notice: Notice<'_> = params.object().unwrap_or_default();
        let thread = address.thread();
        match self.thread.as_deref() {
            Some(own) if own == thread => {}
            Some(_) => return self.notice_of_agent(method, &thread, &notice, says),
            // What codex tells while it opens the thread.
            None => return known(method),
        }
        if method == "serverRequest/resolved" {
            self.withdrawn(&notice);
            return Recognition::Known;
        }
        let turn = address.turn();
        match (&self.stage, method) {
            // The turn may begin before its call is answered.
            (Stage::Starting, "turn/started") if !turn.is_empty() => {
                self.running(turn.into_owned(), says);
                return Recognition::Known;
            }
            // With a goal codex begins another turn by itself, which nobody would see.
            (Stage::Clearing { .. }, "turn/started") if !turn.is_empty() => {
                self.works_on(&thread, &turn, says);
                return Recognition::Known;
            }
            (Stage::Running { turn: own }, _) if turn.is_empty() || *own == turn => {}
            // A turn that ended before this one, or what comes after this one's end.
            _ => return Recognition::Ignored,
        }
        // Of a run that was killed only its end matters still.
        if self.is_told && method != "turn/completed" {
            return Recognition::Ignored;
        }
        if ends_troubles(method) {
            self.troubles.settle(ActionOutcome::Ok, None, &mut self.out);
        }
        match method {
            "item/started" | "item/completed" => {
                return self.item(method == "item/completed", &thread, &notice, says);
            }
            "item/agentMessage/delta" | "item/plan/delta" => {
                self.voice.answer(&notice.item_id.text(), &notice.delta.text(), &mut self.out);
            }
            "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta" => {
                self.voice.thinking(&notice.item_id.text(), &notice.delta.text(), &mut self.out);
            }
            "item/fileChange/patchUpdated" => {
                self.patches.update(&thread, &notice.item_id.text(), notice.changes.get());
            }
            "thread/tokenUsage/updated" => {
                if let Some(tokens) = notice.tokens.get() {
                    self.meter.note(&thread, tokens);
                }
            }
            "turn/plan/updated" => self.todos(&notice),
            "error" => self.error(&notice),
            "turn/completed" => self.turn_completed(&notice, says),
            "warning" | "guardianWarning" => self.out.warning(notice.message.text()),
            "model/rerouted" => self.out.note(format!("codex went on with {}", notice.to_model.text())),
            _ => return known(method),
        }
        Recognition::Known
    }

    /// What sub-agents do is shown as steps of this run; what they say is for the agent that started them.
    fn notice_of_agent(
        &mut self,
        method: &str,
        thread: &str,
        notice: &Notice<'_>,
        says: &mut Says,
    ) -> Recognition {
        match method {
            "turn/started" => {
                let turn = notice.turn.fields().id.text().into_owned();
                self.agent_works(thread, turn, says);
            }
            "turn/completed" => {
                self.agents.insert(thread.to_owned(), None);
            }
            "thread/started" => {
                self.agents.entry(thread.to_owned()).or_default();
            }
            "item/started" | "item/completed" if !self.is_over() => {
                return self.item_of_agent(method == "item/completed", thread, notice, says);
            }
            "item/fileChange/patchUpdated" => {
                self.patches.update(thread, &notice.item_id.text(), notice.changes.get());
            }
            "thread/tokenUsage/updated" => {
                if let Some(tokens) = notice.tokens.get() {
                    self.meter.note(thread, tokens);
                }
            }
            "serverRequest/resolved" => self.withdrawn(notice),
            _ => return known(method),
        }
        Recognition::Known
    }

    /// Codex asks.
    pub(super) fn request(&mut self, id: Value, method: &str, params: Field<'_>, says: &mut Says) {
        let address = Address::of(params);
        let is_of_this_run = self.is_of_this_run(&address);
        if !matches!(self.stage, Stage::Starting | Stage::Running { .. })
            || self.is_stopped
            || !is_of_this_run
        {
            says.refuse(id, "the run is over");
            return;
        }
        let request = match requests::read(method, params, &self.patches) {
            Ok(request) => request,
            Err(reason) => {
                self.out.warning(format!("{reason}; it was told no"));
                says.refuse(id, reason);
                return;
            }
        };
        let name = RequestId::new(id.to_string());
        if self.open.contains_key(&name) {
            says.refuse(id, "another request of this id is open");
            return;
        }
        let requests::Request { title, subject, kind } = request;
        let turn = Some(address.turn().into_owned()).filter(|turn| !turn.is_empty());
        self.open.insert(name.clone(), Open { id, kind, thread: address.thread().into_owned(), turn });
        self.out.request(Request::new(name, title, subject));
    }

    /// Turns of the thread that are not this run's are nobody's. What comes from no turn at all may be this one's.
    fn is_of_this_run(&self, address: &Address<'_>) -> bool {
        let turn = address.turn();
        self.thread.as_deref() != Some(&*address.thread())
            || turn.is_empty()
            || self.turn().is_none_or(|own| own == turn)
    }

    /// A request was resolved; if nobody here answered it, it was withdrawn.
    fn withdrawn(&mut self, notice: &Notice<'_>) {
        let Some(id) = notice.request.read::<Value>() else { return };
        let name = RequestId::new(id.to_string());
        if self.open.remove(&name).is_some() {
            self.out.request_resolved(name, Resolution::Withdrawn);
        }
    }

    /// A line of the server can not be read. It may have been this run's.
    pub(super) fn unreadable(&mut self, what: &str) {
        if !self.is_over() && !self.is_warned {
            self.is_warned = true;
            self.out.warning(what);
        }
    }
}

fn not_steered(error: String) -> ControlError {
    if error.contains("no active turn") { ControlError::Over } else { ControlError::Refused(error) }
}

/// Whether the turn goes on after an error if this comes. Figures and states come at any time.
fn ends_troubles(method: &str) -> bool {
    method.starts_with("item/")
}

/// What is not looked at, on purpose; the rest came after this program.
fn known(method: &str) -> Recognition {
    const IGNORED: &[&str] = &[
        "autoApprovalReview/strictReviewRequired",
        "item/autoApprovalReview/completed",
        "item/autoApprovalReview/started",
        "item/commandExecution/outputDelta",
        "item/commandExecution/terminalInteraction",
        "item/fileChange/outputDelta",
        "item/mcpToolCall/progress",
        "item/reasoning/summaryPartAdded",
        "rawResponse/completed",
        "rawResponseItem/completed",
    ];
    // Whole families tell of what other clients show.
    const FAMILIES: &[&str] = &["thread/", "turn/", "hook/", "model/", "modelProvider/"];
    const ABOUT_AGENTS: &[&str] = &[
        "error",
        "item/agentMessage/delta",
        "item/fileChange/patchUpdated",
        "item/plan/delta",
        "item/reasoning/summaryTextDelta",
        "item/reasoning/textDelta",
        "item/started",
        "item/completed",
        "warning",
    ];
    let is_known = IGNORED.contains(&method)
        || ABOUT_AGENTS.contains(&method)
        || FAMILIES.iter().any(|family| method.starts_with(family));
    if is_known { Recognition::Ignored } else { Recognition::Unknown { kind: method.to_owned() } }
}
