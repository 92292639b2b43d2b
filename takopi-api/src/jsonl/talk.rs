//! What both sides of a run share: the stream that reads the program, and the hold by which people reach it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::silence::Silence;
use super::{DialogueEngine, Framing, Interruption, Receipt, Recognition, Says};
use crate::event::{Completed, Decision, Event, EventFactory, RequestId};
use crate::process::{Ending, Exit, GRACE, ProcessHandle};
use crate::runner::{Control, ControlError};

/// A run of an engine that talks, without its I/O but for the way to its program.
pub(super) struct Talk<E: DialogueEngine> {
    engine: Arc<E>,
    state: Mutex<State<E::State>>,
    /// The program, once it is started.
    program: Mutex<Option<Program>>,
    /// There are events that no line of the program made.
    pub(super) stirred: Notify,
    is_over: watch::Sender<bool>,
}

struct State<S> {
    engine: S,
    out: EventFactory,
    says: Says,
    silence: Silence,
    /// When a program that was told to end its turn is terminated.
    deadline: Option<Instant>,
}

struct Program {
    handle: Arc<dyn ProcessHandle>,
    /// The way to its standard input, until that is closed.
    input: Option<mpsc::UnboundedSender<String>>,
}

impl<E: DialogueEngine> Talk<E> {
    pub(super) fn new(engine: Arc<E>, state: E::State, out: EventFactory) -> Self {
        let state =
            State { engine: state, out, says: Says::default(), silence: Silence::default(), deadline: None };
        Self {
            engine,
            state: Mutex::new(state),
            program: Mutex::default(),
            stirred: Notify::new(),
            is_over: watch::Sender::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<E::State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn program(&self) -> MutexGuard<'_, Option<Program>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program has started. What is said first is on its way when this returns.
    pub(super) fn started(
        &self,
        handle: Arc<dyn ProcessHandle>,
        stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    ) {
        let input = stdin.map(|stdin| {
            let (input, lines) = mpsc::unbounded_channel();
            tokio::spawn(write(stdin, lines));
            input
        });
        // Nobody else says anything before what is said first.
        let mut state = self.state();
        *self.program() = Some(Program { handle, input });
        let State { engine, says, .. } = &mut *state;
        self.engine.open(engine, says);
        self.say(says);
    }

    /// Sends what was said on its way to the program. Under the lock of the state, so that the order is that of the saying.
    fn say(&self, says: &mut Says) {
        let lines = says.take();
        let is_closed = says.is_closed();
        if lines.is_empty() && !is_closed {
            return;
        }
        let mut program = self.program();
        let Some(program) = &mut *program else { return };
        if let Some(input) = &program.input {
            for mut line in lines {
                line = match E::FRAMING {
                    Framing::Lines => line + "\n",
                    Framing::ContentLength => format!("Content-Length: {}\r\n\r\n{line}", line.len()),
                };
                // A program that has closed its input says by its end what there is to say about that.
                let _ = input.send(line);
            }
        }
        if is_closed {
            program.input = None;
        }
    }

    pub(super) fn hear(&self, line: &str, note: impl FnOnce(Recognition, &mut EventFactory)) {
        let mut state = self.state();
        let State { engine, out, says, .. } = &mut *state;
        let recognition = self.engine.hear(line, engine, out, says);
        note(recognition, out);
        self.say(says);
    }

    /// What the program said is too long, and begins so.
    pub(super) fn too_long(&self, head: &str) {
        let mut state = self.state();
        let State { engine, out, says, .. } = &mut *state;
        self.engine.too_long(head, engine, out, says);
        self.say(says);
    }

    pub(super) fn out<T>(&self, make: impl FnOnce(&mut EventFactory) -> T) -> T {
        make(&mut self.state().out)
    }

    /// The oldest event.
    pub(super) fn pop(&self) -> Option<Event> {
        let mut state = self.state();
        let event = state.out.pop()?;
        state.silence.note(&event);
        Some(event)
    }

    /// The program said nothing for a while.
    pub(super) fn tick(&self) {
        let mut state = self.state();
        let State { silence, out, .. } = &mut *state;
        silence.tick(out);
    }

    /// The program said something.
    pub(super) fn broke_silence(&self) {
        let mut state = self.state();
        let State { silence, out, .. } = &mut *state;
        silence.end(out);
    }

    pub(super) fn take_completed(&self) -> Option<Completed> {
        self.state().out.take_completed()
    }

    pub(super) fn read_stderr(&self, tail: &str) {
        let mut state = self.state();
        let State { engine, out, .. } = &mut *state;
        self.engine.read_stderr(tail, engine, out);
    }

    pub(super) fn on_exit(&self, exit: &Exit) -> super::Unfinished {
        let mut state = self.state();
        let State { engine, out, .. } = &mut *state;
        self.engine.on_exit(exit, engine, out)
    }

    /// When a program that was told to end its turn is terminated.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    /// The run is over: nobody is listened to any more, and the program's standard input is closed.
    pub(super) fn close(&self) {
        self.is_over.send_replace(true);
        self.state().deadline = None;
        if let Some(program) = &mut *self.program() {
            program.input = None;
        }
    }

    fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }

    /// Lets the engine do something that a person wants. A panic in there is the engine's, and not the person's.
    fn order<T>(
        &self,
        act: impl FnOnce(&E, &mut State<E::State>) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        if self.is_over() {
            return Err(ControlError::Over);
        }
        let done = {
            let mut state = self.state();
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| act(&self.engine, &mut state)));
            self.say(&mut state.says);
            done
        };
        self.stirred.notify_one();
        done.unwrap_or_else(|_| {
            tracing::error!(engine = %self.engine.engine(), "a plugin panicked at an order");
            Err(ControlError::Refused(format!("the {} plugin panicked", self.engine.engine())))
        })
    }
}

/// Writes what is said. It ends with the program, whose end closes the other side, or when nothing more can be said.
async fn write(mut stdin: Box<dyn AsyncWrite + Send + Unpin>, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(line) = lines.recv().await {
        let written = async {
            stdin.write_all(line.as_bytes()).await?;
            stdin.flush().await
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "a program does not listen any more");
            return;
        }
    }
}

/// The hold on a run that talks.
pub(super) struct TalkControl<E: DialogueEngine>(pub(super) Arc<Talk<E>>);

#[async_trait]
impl<E: DialogueEngine> Control for TalkControl<E> {
    async fn interrupt(&self) -> Result<(), ControlError> {
        let Some(handle) = self.0.program().as_ref().map(|program| Arc::clone(&program.handle)) else {
            // There is nobody to ask yet; the run can just be given up.
            return Err(ControlError::Unsupported("interrupting before the start"));
        };
        let interruption = self.0.order(|engine, state| {
            let State { engine: own, says, deadline, .. } = state;
            let interruption = engine.interrupt(own, says);
            if interruption == Interruption::Said {
                deadline.get_or_insert(Instant::now() + GRACE);
            }
            Ok(interruption)
        });
        if let Interruption::Signal(ask) = interruption? {
            handle.end(Ending::asking(ask));
        }
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        let mut over = self.0.is_over.subscribe();
        if self.0.program().is_none() {
            return Err(ControlError::Over);
        }
        let (receipt, received) = Receipt::new();
        self.0.order(|engine, State { engine: own, says, .. }| {
            engine.steer(text, receipt, own, says);
            Ok(())
        })?;
        tokio::select! {
            biased;
            received = received => received.unwrap_or(Err(ControlError::Over)),
            _ = over.wait_for(|over| *over) => Err(ControlError::Over),
        }
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        self.0.order(|engine, State { engine: own, out, says, silence, .. }| {
            engine.answer(request, decision, own, out, says)?;
            silence.answered(request);
            Ok(())
        })
    }
}
