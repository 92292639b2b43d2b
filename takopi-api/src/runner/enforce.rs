//! The contract at work: the stream between a runner and whoever wants its events.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::asked::Asked;
use super::contract::{Contract, Stop, Verdict};
use super::{
    Control, ControlError, EngineRun, Run, RunControl, RunId, RunSpec, Runner, ThreadGuard, ThreadLocks,
};
use crate::event::{Decision, Event, RequestId};
use crate::process::{
    Ask, CommandSpec, Ending, Environment, GRACE, Place, Process, ProcessHandle, ProcessHost, SpawnError,
};
use crate::resume::ResumeToken;

/// How long a run whose programs were killed may take to say its last words: the answer so far, and why it ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) fn run(runner: Arc<dyn Runner>, mut spec: RunSpec) -> Run {
    let environment = match &spec.outbox {
        Some(folder) => spec.environment.clone().set(RunSpec::OUTBOX, folder),
        None => spec.environment.clone(),
    };
    let processes = Arc::new(RunProcesses {
        host: Arc::clone(&spec.processes),
        run_id: spec.id.clone(),
        environment,
        state: Mutex::default(),
    });
    spec.processes = Arc::clone(&processes) as Arc<dyn ProcessHost>;
    let inner = Arc::new(InnerProcesses(Arc::clone(&processes)));
    spec.engines = spec.engines.inside(runner.engine().clone(), inner);
    let gate = Arc::new(Gate {
        state: Mutex::new(GateState::default()),
        stop: Notify::new(),
        processes: Arc::clone(&processes),
    });
    let enforcer = Enforcer {
        contract: Contract::new(runner.engine().clone(), spec.resume.clone()),
        threads: spec.threads.clone(),
        stage: Stage::Waiting { runner, spec: Box::new(spec) },
        guards: Vec::new(),
        stop_by: None,
        gate: Arc::clone(&gate),
        processes,
    };
    let events = futures_util::stream::unfold(enforcer, |mut enforcer| async move {
        let event = enforcer.next().await?;
        Some((event, enforcer))
    });
    Run { events: events.boxed(), control: RunControl::new(GateControl(gate)) }
}

struct Enforcer {
    contract: Contract,
    threads: ThreadLocks,
    stage: Stage,
    /// The hold on the thread; more than one if the engine moved to another.
    guards: Vec<(ResumeToken, ThreadGuard)>,
    /// When a run that was stopped is over, if it says nothing. [`LAST_WORDS`] later it is over whatever it still says.
    stop_by: Option<Instant>,
    gate: Arc<Gate>,
    processes: Arc<RunProcesses>,
}

enum Stage {
    /// Nothing runs yet: the thread may be in use.
    Waiting {
        runner: Arc<dyn Runner>,
        spec: Box<RunSpec>,
    },
    Running(BoxStream<'static, Event>),
    Over,
}

impl Enforcer {
    async fn next(&mut self) -> Option<Event> {
        while !self.contract.is_completed() {
            let verdict = match self.wait().await {
                Ok(event) => {
                    if self.gate.is_interrupted() {
                        self.contract.interrupt();
                    }
                    if self.gate.state().asked.is_known(&event) {
                        Verdict::Drop("a request of this id is open")
                    } else {
                        self.contract.accept(event)
                    }
                }
                Err(stop) => Verdict::Abort(self.stop(stop)),
            };
            match verdict {
                Verdict::Emit(mut event) => {
                    self.gate.state().asked.pass(&mut event);
                    if self.contract.is_completed() {
                        self.linger();
                    }
                    return Some(event);
                }
                Verdict::Lock(thread, event) => {
                    // An engine may go back to a thread that it left within this run.
                    if self.guards.iter().all(|(held, _)| *held != thread) {
                        let Some(guard) = self.threads.try_acquire(&thread) else {
                            let event = self.stop(Stop::ThreadInUse);
                            self.give_up();
                            return Some(event);
                        };
                        self.guards.push((thread, guard));
                    }
                    return Some(event);
                }
                Verdict::Drop(reason) => {
                    tracing::warn!(run = %self.processes.run_id, reason, "event dropped");
                }
                Verdict::Abort(event) => {
                    self.give_up();
                    return Some(event);
                }
            }
        }
        None
    }

    async fn wait(&mut self) -> Result<Event, Stop> {
        let gate = Arc::clone(&self.gate);
        loop {
            let stopped = gate.stop.notified();
            match &mut self.stage {
                Stage::Waiting { spec, .. } => {
                    if gate.is_interrupted() {
                        return Err(Stop::Interrupted);
                    }
                    if let Some(thread) = spec.resume.as_ref().filter(|_| self.guards.is_empty()) {
                        tokio::select! {
                            guard = self.threads.acquire(thread) => self.guards.push((thread.clone(), guard)),
                            () = stopped => {}
                        }
                        continue;
                    }
                    let Stage::Waiting { runner, spec } = std::mem::replace(&mut self.stage, Stage::Over)
                    else {
                        return Err(Stop::Ended);
                    };
                    match std::panic::catch_unwind(AssertUnwindSafe(|| runner.start(*spec))) {
                        Ok(EngineRun { events, control }) => {
                            self.stage = Stage::Running(events);
                            gate.started(control);
                        }
                        Err(panic) => return Err(Stop::Panicked(panic_message(&*panic))),
                    }
                }
                Stage::Running(events) => {
                    // Looked at first: a run may always have more to say.
                    if self.stop_by.is_some_and(|stop_by| stop_by + LAST_WORDS <= Instant::now()) {
                        return Err(Stop::Interrupted);
                    }
                    tokio::select! {
                        biased;
                        () = stopped, if self.stop_by.is_none() => {
                            self.stop_by = Some(Instant::now() + gate.stop_patience());
                        }
                        event = AssertUnwindSafe(events.next()).catch_unwind() => return match event {
                            Ok(Some(event)) => Ok(event),
                            Ok(None) => Err(Stop::Ended),
                            Err(panic) => Err(Stop::Panicked(panic_message(&*panic))),
                        },
                        () = sleep_until(self.stop_by) => return Err(Stop::Interrupted),
                    }
                }
                Stage::Over => return Err(Stop::Ended),
            }
        }
    }

    fn stop(&mut self, stop: Stop) -> Event {
        if self.gate.is_interrupted() {
            self.contract.interrupt();
        }
        self.contract.stop(stop, &self.processes.stderr_tail())
    }

    /// The engine said all it had to. Its programs may need a while to write their transcripts, so the rest of the stream
    /// is read apart from the run, whose answer does not wait for it. The thread stays locked until then: a program that
    /// still writes it must not meet the next one.
    fn linger(&mut self) {
        let handles = self.processes.close(Ending::asking(Ask::Nothing));
        self.gate.close();
        let guards = std::mem::take(&mut self.guards);
        if let Stage::Running(mut events) = std::mem::replace(&mut self.stage, Stage::Over) {
            in_background(async move {
                let rest = async { while events.next().await.is_some() {} };
                let _ = tokio::time::timeout(GRACE, rest).await;
                drop(events);
                all_exited(&handles).await;
                drop(guards);
            });
        }
    }

    /// The run is given up: its programs are asked to end, and then ended. The thread is free when they are gone.
    fn give_up(&mut self) {
        let handles = self.processes.close(Ending::asking(Ask::Terminate));
        self.gate.close();
        let guards = std::mem::take(&mut self.guards);
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        // A plugin's destructor must not take the program down either.
        if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(|| drop(stage))) {
            tracing::error!(run = %self.processes.run_id, panic = panic_message(&*panic), "a plugin panicked at its end");
        }
        if !handles.is_empty() && !guards.is_empty() {
            in_background(async move {
                all_exited(&handles).await;
                drop(guards);
            });
        }
    }
}

/// Without a runtime the program is at its end, and nothing can wait any more.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

async fn all_exited(handles: &[Arc<dyn ProcessHandle>]) {
    for handle in handles {
        handle.exited().await;
    }
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        if !self.contract.is_completed() {
            self.give_up();
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Starts the run's programs and remembers them: each is marked with the run, sees the run's variables, and ends with it.
struct RunProcesses {
    host: Arc<dyn ProcessHost>,
    run_id: RunId,
    environment: Environment,
    state: Mutex<RunProcessesState>,
}

#[derive(Default)]
struct RunProcessesState {
    /// The runner's own handles decide how long a program is held.
    handles: Vec<Weak<dyn ProcessHandle>>,
    /// How the run's programs are ended, once the run is over. A program that comes later is ended so as well.
    closed: Option<Ending>,
}

impl RunProcesses {
    fn state(&self) -> std::sync::MutexGuard<'_, RunProcessesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handles(&self) -> Vec<Arc<dyn ProcessHandle>> {
        self.state().handles.iter().filter_map(Weak::upgrade).collect()
    }

    fn end(&self, ending: Ending) {
        self.handles().iter().for_each(|handle| handle.end(ending));
    }

    /// Ends every program, those that are started later included, and gives those that run.
    fn close(&self, ending: Ending) -> Vec<Arc<dyn ProcessHandle>> {
        self.state().closed = Some(ending);
        let handles = self.handles();
        handles.iter().for_each(|handle| handle.end(ending));
        handles
    }

    fn stderr_tail(&self) -> String {
        self.handles().last().map(|handle| handle.stderr_tail()).unwrap_or_default()
    }
}

#[async_trait]
impl ProcessHost for RunProcesses {
    fn obstacle(&self) -> Option<String> {
        self.host.obstacle()
    }

    async fn admit(&self, run: &RunId) -> Place {
        self.host.admit(run).await
    }

    async fn spawn(&self, mut command: CommandSpec) -> Result<Process, SpawnError> {
        command.environment.extend(&self.environment);
        self.start(command).await
    }
}

impl RunProcesses {
    async fn start(&self, mut command: CommandSpec) -> Result<Process, SpawnError> {
        if self.state().closed.is_some() {
            return Err(SpawnError::RunOver);
        }
        command.run_id = Some(self.run_id.clone());
        let process = self.host.spawn(command).await?;
        let mut state = self.state();
        state.handles.push(Arc::downgrade(&process.handle));
        if let Some(ending) = state.closed {
            process.handle.end(ending);
        }
        drop(state);
        Ok(process)
    }
}

/// Starts the programs of runs inside of a run. They are the outer run's as well and end with it, but what is passed to its
/// engine is none of theirs.
struct InnerProcesses(Arc<RunProcesses>);

#[async_trait]
impl ProcessHost for InnerProcesses {
    fn obstacle(&self) -> Option<String> {
        self.0.obstacle()
    }

    async fn admit(&self, run: &RunId) -> Place {
        self.0.host.admit(run).await
    }

    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        self.0.start(command).await
    }
}

/// Orders to a run, also before it has started and after it is over.
struct Gate {
    state: Mutex<GateState>,
    stop: Notify,
    processes: Arc<RunProcesses>,
}

#[derive(Default)]
struct GateState {
    interrupted: bool,
    /// How long a run that was stopped may take to say its last words.
    stop_patience: Duration,
    position: Position,
    asked: Asked,
}

#[derive(Default, Clone)]
enum Position {
    #[default]
    Waiting,
    Running(RunControl),
    Over,
}

impl Gate {
    fn state(&self) -> std::sync::MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_interrupted(&self) -> bool {
        self.state().interrupted
    }

    fn stop_patience(&self) -> Duration {
        self.state().stop_patience
    }

    fn started(&self, control: RunControl) {
        self.state().position = Position::Running(control);
    }

    fn close(&self) {
        let mut state = self.state();
        state.position = Position::Over;
        state.asked.clear();
    }

    fn running(&self) -> Result<RunControl, ControlError> {
        match &self.state().position {
            Position::Running(control) => Ok(control.clone()),
            Position::Waiting | Position::Over => Err(ControlError::Over),
        }
    }
}

struct GateControl(Arc<Gate>);

#[async_trait]
impl Control for GateControl {
    async fn interrupt(&self) -> Result<(), ControlError> {
        let position = {
            let mut state = self.0.state();
            state.interrupted = true;
            state.position.clone()
        };
        match position {
            Position::Waiting => self.0.stop.notify_one(),
            Position::Running(control) => {
                // One that is over says so by its last event.
                if let Err(error) = control.interrupt().await
                    && error != ControlError::Over
                {
                    self.0.stop.notify_one();
                }
            }
            Position::Over => return Err(ControlError::Over),
        }
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        self.0.running()?.steer(text).await
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let control = self.0.running()?;
        // The first answer counts, also where two come at once.
        if !self.0.state().asked.take(request) {
            return Err(ControlError::NoSuchRequest(request.clone()));
        }
        let answered = control.answer(request, decision).await;
        if let Err(ControlError::Refused(_) | ControlError::Unsupported(_)) = &answered {
            // The engine still waits.
            self.0.state().asked.put_back(request);
        }
        answered
    }

    fn kill(&self) {
        let position = {
            let mut state = self.0.state();
            state.interrupted = true;
            state.stop_patience = LAST_WORDS;
            state.position.clone()
        };
        if let Position::Running(control) = position {
            control.kill();
        }
        self.0.processes.end(Ending::now());
        self.0.stop.notify_one();
    }
}
