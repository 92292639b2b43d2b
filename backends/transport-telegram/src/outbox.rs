//! All that goes out, in the order in which it matters and at the pace that Telegram takes.
//!
//! [`machine`] decides, without I/O and clock, and [`pace`] has the numbers. Here is the rim: a task that makes the calls
//! that the machine starts, and tells each caller what became of its own. Answers to presses, and questions to the server,
//! do not come here: they never wait.

mod machine;
mod pace;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

pub(crate) use self::machine::{Deed, Order, Rank, Ticket};
use self::machine::{End, Machine, Moment, Next, Verdict, Withdrawn};
pub(crate) use self::pace::Paces;
use crate::client::{
    Arrival, CallError, Client, EditMessage, Failure, Scope, SendDraft, SendFiles, SendMessage, SendRich,
};
use crate::render::Entity;
use crate::wire::ChatId;

/// A call that waits for its turn.
#[derive(Debug)]
pub(crate) enum Call {
    Send(SendMessage<Entity>),
    Rich(SendRich),
    Files(SendFiles),
    Edit(EditMessage<Entity>),
    Draft(SendDraft<Entity>),
    Delete { chat: ChatId, message: i64 },
    CreateTopic { chat: ChatId, title: String },
    RenameTopic { chat: ChatId, topic: i64, title: String },
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// The message or topic that was made.
    Made(i64),
    /// What was there is changed or gone.
    Changed,
    /// A younger edit took its place.
    Superseded,
}

/// Why a call was not done.
#[derive(Debug)]
pub(crate) enum Undone {
    /// What the server or the way to it said.
    Failed(CallError),
    /// It was taken back before its turn came.
    TakenBack,
    /// takopi ends.
    Closed,
}

/// Pauses longer than this are not waited for here: whoever sends may decide otherwise.
const LONGEST_PAUSE: Duration = Duration::from_secs(90);

/// Where things to send are handed in. Its task ends when all handles are gone.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    requests: mpsc::UnboundedSender<Request>,
    tickets: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Request {
    Submit { ticket: Ticket, order: Order, call: Arc<Call>, caller: Caller },
    Withdraw(Ticket),
    TakeBack(String),
}

/// Who waits for what becomes of a call.
#[derive(Debug)]
struct Caller {
    told: oneshot::Sender<Result<Done, Undone>>,
    /// The name of what is sent, by which it can be taken back.
    key: Option<String>,
}

impl Outbox {
    /// An outbox that sends through this client.
    pub(crate) fn new(client: Client, paces: Paces) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        let driver = Driver {
            client,
            machine: Machine::new(paces),
            callers: HashMap::new(),
            flying: JoinSet::new(),
            tasks: HashMap::new(),
            begin: Instant::now(),
        };
        tokio::spawn(driver.run(inbox));
        Self { requests, tickets: Arc::default() }
    }

    /// Makes a call when its turn comes. A call that has not begun is not made if this is given up, or what has this key is
    /// [taken back](Self::take_back).
    pub(crate) async fn submit(&self, order: Order, key: Option<&str>, call: Call) -> Result<Done, Undone> {
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed));
        let (told, answer) = oneshot::channel();
        let caller = Caller { told, key: key.map(str::to_owned) };
        let request = Request::Submit { ticket, order, call: Arc::new(call), caller };
        self.requests.send(request).map_err(|_| Undone::Closed)?;
        let _withdraw = Withdraw { ticket, requests: &self.requests };
        answer.await.unwrap_or(Err(Undone::Closed))
    }

    /// Takes back what was handed in under this key and still waits.
    pub(crate) fn take_back(&self, key: &str) {
        // Without the task nothing waits.
        let _ = self.requests.send(Request::TakeBack(key.to_owned()));
    }
}

/// Takes a call back when nobody waits for it any more.
struct Withdraw<'a> {
    ticket: Ticket,
    requests: &'a mpsc::UnboundedSender<Request>,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        // Without the task there is nothing to take back.
        let _ = self.requests.send(Request::Withdraw(self.ticket));
    }
}

/// The task.
struct Driver {
    client: Client,
    machine: Machine<Arc<Call>>,
    callers: HashMap<Ticket, Caller>,
    flying: JoinSet<(Ticket, Arc<Call>, Result<Done, CallError>)>,
    /// Which task makes which call.
    tasks: HashMap<Id, Ticket>,
    begin: Instant,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Request>) {
        loop {
            while let Ok(request) = inbox.try_recv() {
                self.take(request);
            }
            let wake = self.start();
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(request) => self.take(request),
                    None => return,
                },
                Some(ended) = self.flying.join_next_with_id(), if !self.flying.is_empty() => match ended {
                    Ok((task, (ticket, call, result))) => {
                        self.tasks.remove(&task);
                        self.ended(ticket, &call, result);
                    }
                    Err(error) => {
                        tracing::error!(%error, "telegram.call: it panicked");
                        if let Some(ticket) = self.tasks.remove(&error.id()) {
                            self.machine.finish(self.now(), ticket, Verdict::Lost);
                            self.tell(ticket, Err(Undone::Closed));
                        }
                    }
                },
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    fn now(&self) -> Moment {
        self.begin.elapsed()
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Submit { ticket, order, call, caller } => {
                self.callers.insert(ticket, caller);
                for superseded in self.machine.submit(self.now(), ticket, order, call) {
                    self.tell(superseded, Ok(Done::Superseded));
                }
            }
            Request::Withdraw(ticket) => {
                if self.callers.remove(&ticket).is_some() {
                    self.machine.withdraw(ticket);
                }
            }
            Request::TakeBack(key) => {
                let is_it = |caller: &Caller| caller.key.as_deref() == Some(key.as_str());
                let found = self.callers.iter().find(|(_, caller)| is_it(caller)).map(|(ticket, _)| *ticket);
                if let Some(ticket) = found
                    && self.machine.withdraw(ticket) == Withdrawn::Waited
                {
                    self.tell(ticket, Err(Undone::TakenBack));
                }
            }
        }
    }

    /// Starts what may start, and gives when to look again.
    fn start(&mut self) -> Option<Instant> {
        loop {
            match self.machine.next(self.now()) {
                Next::Start(ticket, call) => {
                    let client = self.client.clone();
                    let task = self.flying.spawn(async move {
                        let result = make(&client, &call).await;
                        (ticket, call, result)
                    });
                    self.tasks.insert(task.id(), ticket);
                }
                Next::Wait(until) => return until.map(|until| self.begin + until),
            }
        }
    }

    fn ended(&mut self, ticket: Ticket, call: &Call, result: Result<Done, CallError>) {
        let (verdict, result) = judge(call, result);
        let ended = self.machine.finish(self.now(), ticket, verdict);
        match (result, ended) {
            (Ok(done), _) => self.tell(ticket, Ok(done)),
            (Err(_), Some((ticket, End::Superseded))) => self.tell(ticket, Ok(Done::Superseded)),
            (Err(error), Some((ticket, End::GivenUp))) => self.tell(ticket, Err(Undone::Failed(error))),
            (Err(error), None) if matches!(verdict, Verdict::Settled | Verdict::Lost) => {
                self.tell(ticket, Err(Undone::Failed(error)));
            }
            (Err(error), None) if self.callers.contains_key(&ticket) => {
                tracing::debug!(%error, "a call to Telegram is made again");
            }
            // Nobody wants it any more.
            (Err(_), None) => _ = self.machine.withdraw(ticket),
        }
    }

    fn tell(&mut self, ticket: Ticket, result: Result<Done, Undone>) {
        if let Some(caller) = self.callers.remove(&ticket) {
            // Who gave it up wants to know nothing.
            let _ = caller.told.send(result);
        }
    }
}

async fn make(client: &Client, call: &Call) -> Result<Done, CallError> {
    match call {
        Call::Send(message) => client.send_message(message).await.map(Done::Made),
        Call::Rich(message) => client.send_rich(message).await.map(Done::Made),
        Call::Files(files) => client.send_files(files).await.map(Done::Made),
        Call::Edit(message) => client.edit_message(message).await.map(|()| Done::Changed),
        Call::Draft(draft) => client.send_draft(draft).await.map(|()| Done::Changed),
        Call::Delete { chat, message } => {
            client.delete_message(*chat, *message).await.map(|()| Done::Changed)
        }
        Call::CreateTopic { chat, title } => client.create_topic(*chat, title).await.map(Done::Made),
        Call::RenameTopic { chat, topic, title } => {
            client.rename_topic(*chat, *topic, title).await.map(|()| Done::Changed)
        }
    }
}

/// What the outcome of a call means for the queue, and for who waits for it.
fn judge(call: &Call, result: Result<Done, CallError>) -> (Verdict, Result<Done, CallError>) {
    let error = match result {
        Ok(done) => return (Verdict::Settled, Ok(done)),
        Err(error) => error,
    };
    // Made twice, these come to the same; anything else would be there twice.
    let is_repeatable = matches!(call, Call::Edit(_) | Call::Delete { .. } | Call::RenameTopic { .. });
    let verdict = match error.failure {
        Failure::NotModified if is_repeatable => return (Verdict::Settled, Ok(Done::Changed)),
        Failure::Gone if matches!(call, Call::Delete { .. }) => return (Verdict::Settled, Ok(Done::Changed)),
        Failure::RetryAfter { pause, .. } if pause > LONGEST_PAUSE => Verdict::Settled,
        Failure::RetryAfter { scope: Scope::Chat, pause } => Verdict::PauseChat(pause),
        Failure::RetryAfter { scope: Scope::Bot, pause } => Verdict::PauseBot(pause),
        Failure::Network(Arrival::Never) => Verdict::Offline,
        Failure::Network(Arrival::Unknown) if is_repeatable => Verdict::Offline,
        Failure::Server(Arrival::Never) => Verdict::Trouble,
        Failure::Server(Arrival::Unknown) if is_repeatable => Verdict::Trouble,
        Failure::Network(Arrival::Unknown) | Failure::Server(Arrival::Unknown) => Verdict::Lost,
        _ => Verdict::Settled,
    };
    (verdict, Err(error))
}
