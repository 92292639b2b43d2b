//! Requests: what an engine asks becomes a message with buttons, and a press becomes its answer.
//!
//! A button carries an opaque token that counts once, for one request of one run. Who may press: the person whose run it
//! is, and those whom the configuration names. Nobody's answer in time is a no, and both sides are told.

pub(crate) mod rules;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use takopi_api::event::{Decision, Permission, Request, RequestId, RequestSubject};
use takopi_api::markdown;
use takopi_api::message::{
    Body, Button, ButtonData, MessageKind, MessageRef, OutgoingMessage, PersonId, Press, SendOptions,
};
use takopi_api::runner::{RunControl, RunId};
use tokio::sync::oneshot;

use super::conversation::{Inner, Link};
use super::live::LiveRun;
use super::progress::elapsed;
use super::resolve::Job;
use super::view;
use crate::store::Place;

/// What a button of a request begins with.
pub(crate) const PREFIX: &str = "takopi:r:";

/// What a press of one button means.
#[derive(Debug, Clone)]
enum Choice {
    Once,
    Session,
    Always,
    Deny,
    /// One of the options of the only question.
    Option {
        question: String,
        answer: String,
    },
}

/// A request that waits for a person.
#[derive(Debug)]
struct Open {
    run: Arc<LiveRun>,
    request: Request,
    place: Place,
    message: Option<MessageRef>,
    approvers: Vec<String>,
    choices: HashMap<String, Choice>,
    /// Gone with it: who waits for the answer then stops.
    _waits: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<(RunId, RequestId), Open>,
    tokens: HashMap<String, (RunId, RequestId)>,
}

/// All requests that wait.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<State>);

/// What a press came to.
enum Pressed {
    Decided(Box<Open>, Decision),
    NotYours,
    Expired,
}

impl Requests {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, open: Open) {
        let key = (open.run.id.clone(), open.request.id.clone());
        let mut state = self.state();
        for token in open.choices.keys() {
            state.tokens.insert(token.clone(), key.clone());
        }
        open.run.open_requests.fetch_add(1, Ordering::AcqRel);
        state.open.insert(key, open);
    }

    /// Notes the message that asks. False if nothing is asked any more.
    fn set_message(&self, run: &RunId, request: &RequestId, message: &MessageRef) -> bool {
        let mut state = self.state();
        let open = state.open.get_mut(&(run.clone(), request.clone()));
        open.map(|open| open.message = Some(message.clone())).is_some()
    }

    fn take(&self, run: &RunId, request: &RequestId) -> Option<Open> {
        let mut state = self.state();
        let open = state.open.remove(&(run.clone(), request.clone()))?;
        for token in open.choices.keys() {
            state.tokens.remove(token);
        }
        open.run.open_requests.fetch_sub(1, Ordering::AcqRel);
        Some(open)
    }

    /// All that a run asks.
    fn take_all(&self, run: &RunId) -> Vec<Open> {
        let keys: Vec<_> = self.state().open.keys().filter(|(id, _)| id == run).cloned().collect();
        keys.iter().filter_map(|(run, request)| self.take(run, request)).collect()
    }

    fn press(&self, token: &str, person: Option<&PersonId>, is_local: bool) -> Pressed {
        let key = {
            let state = self.state();
            let Some(key) = state.tokens.get(token) else { return Pressed::Expired };
            let Some(open) = state.open.get(key) else { return Pressed::Expired };
            let is_own = person.is_some() && open.run.person.as_ref() == person;
            let is_named = person.is_some_and(|person| open.approvers.iter().any(|id| id == person.as_str()));
            if !(is_own || is_named || is_local) {
                return Pressed::NotYours;
            }
            key.clone()
        };
        let Some(open) = self.take(&key.0, &key.1) else { return Pressed::Expired };
        let Some(choice) = open.choices.get(token).cloned() else { return Pressed::Expired };
        let decision = match choice {
            Choice::Once => Decision::AllowOnce,
            Choice::Session => Decision::AllowSession,
            Choice::Always => Decision::AllowAlways,
            Choice::Deny => Decision::Deny { reason: None },
            Choice::Option { question, answer } => {
                Decision::Answer { answers: BTreeMap::from([(question, vec![answer])]) }
            }
        };
        Pressed::Decided(Box::new(open), decision)
    }

    /// The request of a place that a typed text answers: the oldest question that takes one.
    fn question_at(
        &self,
        place: &Place,
        person: Option<&PersonId>,
        is_local: bool,
    ) -> Option<(Open, String)> {
        let key = {
            let state = self.state();
            let mut found: Vec<_> = state
                .open
                .iter()
                .filter(|(_, open)| open.place == *place && (is_local || open.run.person.as_ref() == person))
                .filter_map(|(key, open)| Some((key.clone(), free_question(&open.request)?)))
                .collect();
            found.sort_by(|a, b| a.0.0.cmp(&b.0.0));
            found.into_iter().next()?
        };
        let ((run, request), question) = key;
        Some((self.take(&run, &request)?, question))
    }
}

/// The id of a request's only question, which a typed text can answer.
fn free_question(request: &Request) -> Option<String> {
    match &request.subject {
        RequestSubject::Question { questions } => match questions.as_slice() {
            [question] => Some(question.id.clone()),
            _ => None,
        },
        _ => None,
    }
}

impl Inner {
    /// Asks the people of a run's chat what its engine asks.
    pub(super) async fn ask(self: &Arc<Self>, link: &Link, live: &Arc<LiveRun>, job: &Job, request: Request) {
        let settings = job.snapshot.settings(&link.id);
        let (rows, choices) = buttons(&request);
        let mut message = OutgoingMessage::new(MessageKind::Request, Body::markdown(text(&request)));
        for row in rows {
            message = message.buttons(row);
        }
        let (id, title) = (request.id.clone(), request.title.clone());
        let (waits, answered) = oneshot::channel();
        self.requests.add(Open {
            run: Arc::clone(live),
            request,
            place: job.place.clone(),
            message: None,
            approvers: settings.approvers.clone(),
            choices,
            _waits: waits,
        });
        let timeout = settings.request_timeout;
        let inner = Arc::clone(self);
        let (link, live) = (link.clone(), Arc::clone(live));
        let options = SendOptions::default().reply_to(Some(job.reply_to.clone()));
        let place = job.place.clone();
        self.spawn(async move {
            match link.send_insisting(&place.address, &message, &options).await {
                Ok(message) if inner.requests.set_message(&live.id, &id, &message) => {}
                // It was withdrawn while it was being sent.
                Ok(message) => return close(&link, &message, &title, WITHDRAWN).await,
                Err(error) => {
                    let reason = format!("the question could not be shown: {error}");
                    inner.decide_for_nobody(&link, &live.id, &id, &reason).await;
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(timeout) => {
                    let reason = format!("denied: nobody answered within {}", elapsed(timeout));
                    inner.decide_for_nobody(&link, &live.id, &id, &reason).await;
                }
                _ = answered => {}
            }
        });
    }

    async fn decide_for_nobody(
        self: &Arc<Self>,
        link: &Link,
        run: &RunId,
        request: &RequestId,
        reason: &str,
    ) {
        let Some(open) = self.requests.take(run, request) else { return };
        self.decide(link, open, Decision::Deny { reason: Some(reason.to_owned()) }, reason).await;
    }

    /// A press of a button of a request.
    pub(super) async fn press_request(
        self: &Arc<Self>,
        link: &Link,
        press: &Press,
        token: &str,
    ) -> Option<String> {
        let person = press.sender.as_ref().map(|sender| &sender.id);
        let is_local = link.access.people == takopi_api::transport::People::Local;
        match self.requests.press(token, person, is_local) {
            Pressed::Expired => Some("this was decided already".to_owned()),
            Pressed::NotYours => Some("only who asked may decide this".to_owned()),
            Pressed::Decided(open, decision) => {
                let who = press.sender.as_ref().map(|sender| format!(" by {sender}")).unwrap_or_default();
                let outcome = format!("{}{who}", outcome(&decision));
                self.decide(link, *open, decision, &outcome).await;
                None
            }
        }
    }

    /// A typed text goes to the question that waits for one, before anything else.
    pub(super) async fn answer_question(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        person: Option<&PersonId>,
        text: &str,
    ) -> Option<RunId> {
        let is_local = link.access.people == takopi_api::transport::People::Local;
        let (open, question) = self.requests.question_at(place, person, is_local)?;
        let run = open.run.id.clone();
        let decision = Decision::Answer { answers: BTreeMap::from([(question, vec![text.to_owned()])]) };
        self.decide(link, open, decision, "answered").await;
        Some(run)
    }

    async fn decide(self: &Arc<Self>, link: &Link, open: Open, decision: Decision, outcome: &str) {
        let answered = match open.run.control.get() {
            Some(control) => answer(control, &open.request.id, decision).await,
            None => Err("the run is over".to_owned()),
        };
        let outcome = match answered {
            Ok(()) => outcome.to_owned(),
            Err(error) => format!("{outcome}, but it came to nothing: {error}"),
        };
        if let Some(message) = open.message {
            self.close_request(link, message, open.request.title, outcome);
        }
    }

    /// The message of a request says what became of it. The chat is not waited for.
    fn close_request(self: &Arc<Self>, link: &Link, message: MessageRef, title: String, outcome: String) {
        let link = link.clone();
        self.spawn(async move { close(&link, &message, &title, &outcome).await });
    }

    /// The engine does not wait for an answer any more.
    pub(super) fn request_resolved(self: &Arc<Self>, link: &Link, run: &RunId, request: &RequestId) {
        self.withdraw(link, self.requests.take(run, request).into_iter().collect());
    }

    /// The run is over, and what it asked with it.
    pub(super) fn withdraw_requests(self: &Arc<Self>, link: &Link, run: &RunId) {
        self.withdraw(link, self.requests.take_all(run));
    }

    fn withdraw(self: &Arc<Self>, link: &Link, open: Vec<Open>) {
        for Open { message, request, .. } in open {
            // One that is still being sent is closed by who sends it.
            let Some(message) = message else { continue };
            self.close_request(link, message, request.title, WITHDRAWN.to_owned());
        }
    }
}

/// What people see of a request that went away before anybody decided.
const WITHDRAWN: &str = "not asked any more";

/// Lets the message of a request say what became of it. Buttons go with it.
async fn close(link: &Link, message: &MessageRef, title: &str, outcome: &str) {
    let title = markdown::trim(title, view::SHORT);
    let new = OutgoingMessage::new(MessageKind::Ack, Body::markdown(title).header(outcome));
    let options = SendOptions::default().reply_to(Some(message.id.clone()));
    if let Err(error) = link.amend(Some(message), &message.address, new, options).await {
        // What was decided is also seen by what the run does.
        tracing::warn!(transport = %link.id, %error, "what became of a request could not be shown");
    }
}

async fn answer(control: &RunControl, request: &RequestId, decision: Decision) -> Result<(), String> {
    control.answer(request, decision).await.map_err(|error| error.to_string())
}

const fn outcome(decision: &Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allowed once",
        Decision::AllowSession => "allowed for this session",
        Decision::AllowAlways => "always allowed",
        Decision::Deny { .. } => "denied",
        _ => "answered",
    }
}

/// What the message says: the title, and what would be done.
fn text(request: &Request) -> String {
    let title = markdown::trim(&request.title, view::SHORT);
    match &request.subject {
        RequestSubject::Permission(Permission { tool, command, cwd, paths, diff, reason, input, .. }) => {
            let command = command.as_ref().map(|command| format!("```\n{}\n```", fenced(command)));
            let cwd = cwd.as_ref().map(|cwd| format!("in {}", markdown::code(cwd)));
            let paths = (!paths.is_empty())
                .then(|| paths.iter().map(|path| markdown::code(path)).collect::<Vec<_>>().join(", "));
            let diff = diff.as_ref().map(|diff| format!("```diff\n{}\n```", fenced(diff)));
            let (tool, reason) = (tool.as_deref().map(markdown::code), reason.clone());
            let input = input.as_ref().map(|input| format!("```\n{}\n```", fenced(input)));
            let parts = [Some(title), tool, command, cwd, reason, paths, input, diff];
            parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
        }
        RequestSubject::Plan { text } => format!("{title}\n\n{text}"),
        RequestSubject::Question { questions } => {
            let texts: Vec<&str> = questions.iter().map(|question| question.text.as_str()).collect();
            let texts = texts.join("\n");
            if texts == title { texts } else { format!("{title}\n\n{texts}") }
        }
        _ => title,
    }
}

/// A text that can not close the fence that it stands in.
fn fenced(text: &str) -> String {
    markdown::trim(&text.replace("```", "ʼʼʼ"), view::SHORT)
}

/// The buttons of a request, in rows, and what each of them means.
fn buttons(request: &Request) -> (Vec<Vec<Button>>, HashMap<String, Choice>) {
    let mut choices = HashMap::new();
    let mut button = |label: &str, choice: Choice| {
        // Random and not counted: nobody can guess the token of another request.
        let token = format!("{PREFIX}{}", uuid::Uuid::new_v4().simple());
        let data = ButtonData::new(token.clone()).ok()?;
        choices.insert(token, choice);
        Some(Button::new(label, data))
    };
    let rows = match &request.subject {
        RequestSubject::Permission { .. } => vec![
            vec![button("allow once", Choice::Once), button("deny", Choice::Deny)],
            vec![button("allow for this session", Choice::Session), button("always allow", Choice::Always)],
        ],
        RequestSubject::Plan { .. } => {
            vec![vec![button("go ahead", Choice::Once), button("no", Choice::Deny)]]
        }
        RequestSubject::Question { questions } => {
            let mut rows: Vec<Vec<Option<Button>>> = Vec::new();
            if let [question] = questions.as_slice() {
                rows.extend(question.options.iter().map(|option| {
                    let answer = option.label.clone();
                    let choice = Choice::Option { question: question.id.clone(), answer };
                    vec![button(&option.label, choice)]
                }));
            }
            rows.push(vec![button("no answer", Choice::Deny)]);
            rows
        }
        _ => vec![vec![button("no", Choice::Deny)]],
    };
    (rows.into_iter().map(|row| row.into_iter().flatten().collect()).collect(), choices)
}
