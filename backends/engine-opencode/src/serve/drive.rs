//! The I/O of a run: what the server tells and what people want goes into the session, and what the session wants to be
//! said is said.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use takopi_api::async_trait;
use takopi_api::event::{Action, ActionKind, ActionOutcome, Decision, Event, EventFactory, RequestId};
use takopi_api::process::{Ask, Ending, GRACE};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::calls::{Answered, Calls, Receipt};
use super::http::Listener;
use super::session::{Delivery, Present};
use super::setup::{self, Ready};
use super::sse::Heard;
use super::{Serve, server};

/// How long a server that says nothing any more may take to end.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// How long it may take to listen anew: nobody is heard meanwhile.
const REJOIN: Duration = Duration::from_secs(10);

/// What people want of a run.
enum Order {
    Steer(String, Receipt),
    Answer(RequestId, Decision, Receipt),
}

/// Starts a run. It goes on by itself, so that an answer never waits for whoever reads the events.
pub(super) fn start(engine: Arc<Serve>, spec: RunSpec, out: EventFactory) -> EngineRun {
    let (orders, inbox) = mpsc::unbounded_channel();
    let (tell, events) = mpsc::unbounded_channel();
    let stop = Arc::new(Notify::new());
    tokio::spawn(go(engine, spec, Told { out, tell }, Inbox { orders: inbox, stop: Arc::clone(&stop) }));
    let events = stream::unfold(events, |mut events: mpsc::UnboundedReceiver<Event>| async move {
        let event = events.recv().await?;
        Some((event, events))
    });
    EngineRun { events: events.boxed(), control: RunControl::new(Hold { orders, stop }) }
}

/// The events on their way out.
struct Told {
    out: EventFactory,
    tell: mpsc::UnboundedSender<Event>,
}

impl Told {
    fn flush(&mut self) {
        while let Some(event) = self.out.pop() {
            // Whoever gave the run up is noticed where the run waits.
            let _ = self.tell.send(event);
        }
    }
}

struct Inbox {
    orders: mpsc::UnboundedReceiver<Order>,
    stop: Arc<Notify>,
}

async fn go(engine: Arc<Serve>, spec: RunSpec, mut told: Told, inbox: Inbox) {
    let obstacle = spec
        .processes
        .obstacle()
        .map(|obstacle| Action::new(format!("{}.start", told.out.engine()), ActionKind::Note, obstacle));
    if let Some(action) = &obstacle {
        told.out.action_started(action.clone());
        told.flush();
    }
    let ready = tokio::select! {
        biased;
        () = told.tell.closed() => return,
        () = inbox.stop.notified() => Err("interrupted before it began".to_owned()),
        ready = setup::ready(&engine, &spec) => ready,
    };
    if let Some(action) = obstacle {
        told.out.action_completed(action, ActionOutcome::Ok);
    }
    match ready {
        Ok(ready) => talk(ready, told, inbox).await,
        Err(reason) => {
            told.out.failed(reason, "", None);
            told.flush();
        }
    }
}

async fn talk(ready: Ready, mut told: Told, mut inbox: Inbox) {
    let Ready { running, calls: server, mut listener, mut session } = ready;
    let handle = Arc::clone(&running.handle);
    let mut answers = FuturesUnordered::<BoxFuture<'static, Answered>>::new();
    let mut calls = vec![session.begin(&mut told.out)];
    let mut deadline: Option<Instant> = None;
    let mut is_prompted = false;
    let mut is_rejoined = false;
    loop {
        told.flush();
        if session.is_over() {
            break;
        }
        answers.extend(calls.drain(..).map(|call| server.call(call)));
        let out = &mut told.out;
        tokio::select! {
            biased;
            // However much the server tells.
            () = told.tell.closed() => {
                server.abort().await;
                return;
            }
            () = inbox.stop.notified() => {
                deadline.get_or_insert(Instant::now() + GRACE);
                session.interrupt(&mut calls);
            }
            heard = listener.next() => match heard {
                Ok(Some(Heard::Data(data))) => {
                    is_rejoined = false;
                    session.hear(&data, out, &mut calls);
                }
                Ok(Some(Heard::TooLong { bytes, head })) => {
                    out.warning(format!("skipped something of {bytes} bytes that opencode told: it is too long"));
                    session.too_long(&head, out);
                }
                broken => {
                    let why = broken.map_or_else(|error| error.to_string(), |_| "it ended".to_owned());
                    tracing::warn!(why, "opencode tells nothing any more");
                    let rejoined = if std::mem::replace(&mut is_rejoined, true) { Err(why) } else { rejoin(&server).await };
                    let caught_up = rejoined.and_then(|(anew, present)| {
                        listener = anew;
                        session.catch_up(&present, out, &mut calls)
                    });
                    if let Err(why) = caught_up {
                        // One that has ended says better why.
                        let reason = match tokio::time::timeout(LAST_BREATH, handle.exited()).await {
                            Ok(exit) => server::ended(&exit, "in the middle of its turn"),
                            Err(_) => format!("takopi lost what opencode tells: {why}"),
                        };
                        session.fail(reason, out);
                    }
                }
            },
            exit = handle.exited() => {
                session.fail(server::ended(&exit, "in the middle of its turn"), out);
            }
            Some(answered) = answers.next() => match answered {
                Answered::Prompt(taken) => {
                    is_prompted = true;
                    session.prompted(taken, out);
                }
                Answered::Steer(taken, receipt) => {
                    session.steered(taken.is_ok(), &mut calls);
                    let _ = receipt.send(taken.map_err(ControlError::Refused));
                }
                Answered::Request(id, delivery, receipt) => {
                    session.answered(&id, &delivery, out);
                    let _ = receipt.send(match delivery {
                        Delivery::Taken => Ok(()),
                        Delivery::Gone => Err(ControlError::NoSuchRequest(id)),
                        Delivery::Lost(reason) => Err(ControlError::Refused(reason)),
                    });
                }
                Answered::Abort(Ok(())) => session.aborted(&mut calls),
                // One that does not end its turn is ended with it.
                Answered::Abort(Err(reason)) => {
                    tracing::warn!(reason, "opencode did not end its turn");
                    handle.end(Ending::asking(Ask::Terminate));
                }
                Answered::Waited(id) => session.waited(&id, out),
                Answered::Look(Ok(is_busy)) => session.looked(is_busy, out, &mut calls),
                Answered::Look(Err(reason)) => session.fail(format!("opencode does not tell what it does: {reason}"), out),
            },
            // What is said before the prompt is there would come before it.
            Some(order) = inbox.orders.recv(), if is_prompted => match order {
                Order::Steer(text, receipt) => match session.steer(&text) {
                    Ok(body) => answers.push(server.steer(body, receipt)),
                    Err(error) => {
                        let _ = receipt.send(Err(error));
                    }
                },
                Order::Answer(id, decision, receipt) => match session.answer(&id, decision) {
                    Ok(answer) => answers.push(server.answer(id, answer, receipt)),
                    Err(error) => {
                        let _ = receipt.send(Err(error));
                    }
                },
            },
            () = sleep_until(deadline) => {
                deadline = None;
                handle.end(Ending::asking(Ask::Terminate));
            }
        }
    }
    if session.is_busy() {
        // Without it, what its tools have started would outlive the server.
        server.abort().await;
    }
    drop(running);
    told.flush();
    drop((told, inbox));
    handle.exited().await;
}

/// The hold on a run.
struct Hold {
    orders: mpsc::UnboundedSender<Order>,
    stop: Arc<Notify>,
}

impl Hold {
    async fn order(&self, order: impl FnOnce(Receipt) -> Order + Send) -> Result<(), ControlError> {
        let (receipt, received) = oneshot::channel();
        self.orders.send(order(receipt)).map_err(|_| ControlError::Over)?;
        received.await.unwrap_or(Err(ControlError::Over))
    }
}

#[async_trait]
impl Control for Hold {
    async fn interrupt(&self) -> Result<(), ControlError> {
        if self.orders.is_closed() {
            return Err(ControlError::Over);
        }
        self.stop.notify_one();
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        self.order(|receipt| Order::Steer(text, receipt)).await
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        self.order(|receipt| Order::Answer(request.clone(), decision, receipt)).await
    }
}

async fn rejoin(server: &Calls) -> Result<(Listener, Present), String> {
    let rejoined = tokio::time::timeout(REJOIN, server.rejoin()).await;
    rejoined.unwrap_or_else(|_| Err(format!("it did not answer within {} s", REJOIN.as_secs())))
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
