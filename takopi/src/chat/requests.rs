//! Requests: what an engine asks becomes a message with buttons, and a press or a word becomes its answer.
//!
//! In the order of a request: [`ask`] stores it, lets a rule answer it, or has it shown ([`view`], [`diff`]); [`press`] takes
//! presses and words to [`open`], which knows what waits and what they mean ([`acts`], [`questions`]); the first decision is
//! stored before the engine is told, and [`close`] lets the message say how it ended ([`outcome`]). Nobody's answer in
//! time, and whatever goes wrong, is a no, and both sides are told.

mod acts;
mod ask;
mod close;
mod diff;
mod open;
mod outcome;
mod press;
mod questions;
pub(crate) mod rules;
mod view;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use takopi_api::event::{Request, RequestSubject};
use takopi_api::message::{IncomingMessage, MessageRef, PersonId};
use takopi_api::resume::ResumeToken;
use takopi_api::transport::TransportId;
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use self::open::PREFIX;
pub(super) use self::press::Answered;

use self::open::{Aim, Board, Ending, Reopened, Who};
use self::outcome::{Outcome, Subject};
use self::rules::Ground;
use self::view::{Means, Sheet};
use super::conversation::Link;
use super::live::LiveRun;
use crate::store::{Covers, EndedRequest, Place, RequestToken};

/// How many requests are remembered after their end, for who presses too late. Of others the store knows.
const REMEMBERED: usize = 256;

/// What is known of a request besides what [`open`] knows.
#[derive(Debug)]
struct Waiting {
    live: Arc<LiveRun>,
    link: Link,
    request: Request,
    timeout: Duration,
    /// There once it was made.
    sheet: OnceLock<Sheet>,
    means: Means,
    footer: Vec<String>,
    /// What a rule would cover that comes of it.
    coverage: Option<Coverage>,
    is_over: watch::Sender<bool>,
    /// Its message is changed by one at a time, and not any more once it is closed.
    showing: tokio::sync::Mutex<Showing>,
}

/// What a rule is made of.
#[derive(Debug)]
struct Coverage {
    ground: Ground,
    covers: Covers,
    thread: Option<ResumeToken>,
}

/// Whether the message of a request may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Showing {
    Open,
    Closed,
}

type Kept = Arc<Waiting>;

impl Waiting {
    fn title(&self) -> String {
        self.sheet.get().map_or_else(|| self.request.title.clone(), |sheet| sheet.title.clone())
    }

    /// Whether one of its questions wants its answer kept nowhere.
    fn is_secret(&self) -> bool {
        is_secret(&self.request)
    }

    fn subject(&self) -> Subject {
        match &self.request.subject {
            RequestSubject::Plan { .. } => Subject::Plan,
            _ => Subject::Other,
        }
    }

    /// Waits until it has ended.
    async fn over(&self) {
        // The sender is in this very value.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }
}

fn is_secret(request: &Request) -> bool {
    match &request.subject {
        RequestSubject::Question { questions } => questions.iter().any(|question| question.secret),
        _ => false,
    }
}

/// How a request ended that this takopi has seen end.
#[derive(Debug, Clone)]
struct Remembered {
    place: Place,
    message: Option<MessageRef>,
    /// It says how it ended.
    is_told: bool,
    title: String,
    /// Nobody else is to see an answer to it.
    is_secret: bool,
    outcome: Outcome,
    /// Why that came to nothing, if it did.
    failure: Option<String>,
}

impl From<EndedRequest> for Remembered {
    fn from(EndedRequest { place, message, title, is_secret, end }: EndedRequest) -> Self {
        let outcome = Outcome::of(end);
        Self { place, message, is_told: false, title, is_secret, outcome, failure: None }
    }
}

impl Remembered {
    /// What its message says.
    fn header(&self) -> String {
        let header = self.outcome.header();
        match &self.failure {
            Some(failure) => format!("{header}, but it came to nothing: {failure}"),
            None => header,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    board: Board<Kept, Outcome>,
    ended: HashMap<RequestToken, Remembered>,
    /// The same, oldest first.
    order: VecDeque<RequestToken>,
    /// Messages whose words answer a question that wants them kept nowhere, until they are handled.
    secrets: HashSet<(TransportId, MessageRef)>,
}

/// All requests that wait.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<State>);

impl Requests {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this person was told that what they write next here is taken as a reason.
    pub(super) fn wait_for_words_of(&self, place: &Place, person: Option<&PersonId>) -> bool {
        self.state().board.waits_for_words_of(place, person, Instant::now())
    }

    /// Whether what this person writes here is the answer to a question that wants it kept nowhere.
    fn expects_secret(&self, place: &Place, who: Who<'_>, aim: &Aim) -> bool {
        self.state().board.expects_secret(place, who, aim, Instant::now())
    }

    /// The words of this message are to be kept nowhere. Gives whether that is new.
    pub(super) fn remember_secret(&self, transport: &TransportId, message: &IncomingMessage) -> bool {
        self.state().secrets.insert((transport.clone(), message.reference()))
    }

    pub(super) fn has_secret(&self, transport: &TransportId, message: &IncomingMessage) -> bool {
        self.state().secrets.contains(&(transport.clone(), message.reference()))
    }

    pub(super) fn forget_secret(&self, transport: &TransportId, message: &IncomingMessage) -> bool {
        self.state().secrets.remove(&(transport.clone(), message.reference()))
    }

    /// A decision could not be stored.
    fn reopen(&self, token: &RequestToken) -> Reopened {
        let mut state = self.state();
        // The time of now, with nobody else at it: who waited for the end of the request's time has been here before that.
        state.board.reopen(token, Instant::now())
    }

    /// A request has ended like this.
    fn end(&self, token: &RequestToken, outcome: Outcome) -> Option<Ending<Kept>> {
        let mut state = self.state();
        let ending = state.board.end(token, outcome.clone())?;
        ending.kept.live.open_requests.fetch_sub(1, Ordering::AcqRel);
        ending.kept.is_over.send_replace(true);
        let place = ending.kept.live.place.clone();
        let message = ending.message.clone();
        let title = ending.kept.title();
        let is_secret = ending.kept.is_secret();
        let remembered =
            Remembered { place, message, is_told: false, title, is_secret, outcome, failure: None };
        state.ended.insert(token.clone(), remembered);
        state.order.push_back(token.clone());
        if state.order.len() > REMEMBERED
            && let Some(oldest) = state.order.pop_front()
        {
            state.ended.remove(&oldest);
        }
        Some(ending)
    }

    /// The message of one that has ended is there after all. Gives what it has to say, if that is still known.
    fn arrived(&self, token: &RequestToken, message: &MessageRef) -> Option<String> {
        let mut state = self.state();
        let known = state.ended.get_mut(token)?;
        known.message = Some(message.clone());
        Some(known.header())
    }

    /// The decision came to nothing, because of this. Gives its message, and what that has to say now.
    fn came_to_nothing(&self, token: &RequestToken, why: String) -> Option<(Option<MessageRef>, String)> {
        let mut state = self.state();
        let known = state.ended.get_mut(token)?;
        known.failure = Some(why);
        Some((known.message.clone(), known.header()))
    }

    /// Its message says how it ended.
    fn told(&self, token: &RequestToken) {
        if let Some(known) = self.state().ended.get_mut(token) {
            known.is_told = true;
        }
    }

    /// The one that this message asked.
    fn remembered_in(&self, transport: &TransportId, at: &MessageRef) -> Option<Remembered> {
        let is_it = |known: &&Remembered| {
            let message = known.message.as_ref();
            known.place.transport == *transport
                && message.is_some_and(|message| {
                    message.address.channel == at.address.channel && message.id == at.id
                })
        };
        self.state().ended.values().find(is_it).cloned()
    }

    fn remembered(&self, token: &RequestToken) -> Option<Remembered> {
        self.state().ended.get(token).cloned()
    }
}
