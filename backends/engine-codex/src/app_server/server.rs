//! One server: its program, what is written to it, what is read from it, and who hears what came of that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use takopi_api::event::Event;
use takopi_api::jsonl::{LINE_BYTES, Line, LineReader};
use takopi_api::process::{Ask, Ending, Exit, GRACE, Process, ProcessHandle};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::connection::{Changes, Connection, RunKey};
use super::session::Session;
use crate::text;

/// How long a program may go on after it closed its standard output.
const AFTER_OUTPUT: Duration = Duration::from_secs(2);

/// How long a server may take until it is ready.
const BEGINNING: Duration = Duration::from_secs(30);

/// After how long a thread that codex still lets go of is asked for again.
const AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Server {
    state: Mutex<State>,
    handle: Arc<dyn ProcessHandle>,
}

struct State {
    connection: Connection,
    /// What is written to the server; nothing more once it is to end.
    writer: Option<mpsc::UnboundedSender<String>>,
    listeners: HashMap<RunKey, Listener>,
    /// How many lines it has said.
    heard: u64,
    /// Why it was ended from here.
    ended: Option<String>,
}

/// Where the events of a run go. It is dropped when nothing is left of the run.
struct Listener {
    events: mpsc::UnboundedSender<Event>,
    life: watch::Sender<()>,
}

/// A run whose events are heard. One that nobody hears any more is ended.
pub(super) struct Listening {
    pub(super) server: Arc<Server>,
    pub(super) key: RunKey,
    pub(super) events: mpsc::UnboundedReceiver<Event>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.server.stop(self.key, GRACE);
    }
}

impl Server {
    /// Begins to talk with a program that was started.
    pub(super) fn begin(process: Process) -> Arc<Self> {
        let Process { stdout, stdin, handle } = process;
        let (writer, lines) = mpsc::unbounded_channel();
        let server = Arc::new(Self {
            state: Mutex::new(State {
                connection: Connection::new(),
                writer: Some(writer),
                listeners: HashMap::new(),
                heard: 0,
                ended: None,
            }),
            handle,
        });
        match stdin {
            Some(stdin) => drop(tokio::spawn(write(stdin, lines))),
            None => server.with(|connection| connection.end("codex app-server can not be talked to")),
        }
        // Whoever holds the server holds its program: the reader must not, or nobody could let it go.
        tokio::spawn(read(stdout, Arc::downgrade(&server)));
        tokio::spawn(expect_beginning(Arc::downgrade(&server)));
        server.with(|_| ());
        server
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned state is at worst a run that hears nothing more, which is ended like one that does not answer.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the talk, and then what came of it.
    pub(super) fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut Connection) -> T) -> T {
        let mut state = self.state();
        let done = act(&mut state.connection);
        self.carry_out(&mut state);
        done
    }

    fn carry_out(self: &Arc<Self>, state: &mut State) {
        let Changes { lines, events, later, closed } = state.connection.take();
        if let Some(writer) = &state.writer {
            for line in lines {
                // The program may be gone, which its output tells.
                let _ = writer.send(line);
            }
        }
        for (key, event) in events {
            let Some(listener) = state.listeners.get(&key) else { continue };
            if matches!(event, Event::Completed(_)) {
                self.expect_end(state, key, GRACE);
            }
            // Nobody may listen any more.
            let _ = listener.events.send(event);
        }
        for key in later {
            let server = Arc::downgrade(self);
            spawn(async move {
                tokio::time::sleep(AGAIN).await;
                if let Some(server) = server.upgrade() {
                    server.with(|connection| connection.tell(key, Session::ask_again));
                }
            });
        }
        for key in closed {
            state.listeners.remove(&key);
        }
    }

    /// Adds a run, and gives its events.
    pub(super) fn add(self: &Arc<Self>, session: Session) -> Listening {
        let (events, receiver) = mpsc::unbounded_channel();
        let mut state = self.state();
        let key = state.connection.add(session);
        state.listeners.insert(key, Listener { events, life: watch::Sender::new(()) });
        self.carry_out(&mut state);
        Listening { server: Arc::clone(self), key, events: receiver }
    }

    /// Whether it can take a run.
    pub(super) fn is_usable(&self) -> bool {
        let state = self.state();
        let is_open = !state.connection.is_ended() && state.writer.is_some() && state.ended.is_none();
        // Its output may not have been read to the end yet.
        is_open && self.handle.exited().now_or_never().is_none()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state().connection.is_idle()
    }

    /// Ends a run that goes on. If it is not over in time, the server does not answer, and is ended. For the sake of a run
    /// that never had a turn it is not, as long as it may only be slow; for that of one whose turn is over, not at once.
    pub(super) fn stop(self: &Arc<Self>, key: RunKey, patience: Duration) {
        self.with(|connection| connection.tell(key, Session::stop));
        self.expect_end(&self.state(), key, patience);
    }

    /// Ends a run at once, as far as anybody waits for it.
    pub(super) fn kill(self: &Arc<Self>, key: RunKey, patience: Duration) {
        self.with(|connection| connection.tell(key, Session::kill));
        self.expect_end(&self.state(), key, patience);
    }

    fn expect_end(self: &Arc<Self>, state: &State, key: RunKey, patience: Duration) {
        let Some(listener) = state.listeners.get(&key) else { return };
        let mut life = listener.life.subscribe();
        let mut heard = state.heard;
        let mut waited = Duration::ZERO;
        let server = Arc::downgrade(self);
        spawn(async move {
            loop {
                let over = async { while life.changed().await.is_ok() {} };
                let is_over = tokio::time::timeout(patience, over).await.is_ok();
                let Some(server) = server.upgrade().filter(|_| !is_over) else { return };
                let before = std::mem::replace(&mut heard, server.state().heard);
                waited += patience;
                if !server.with(|connection| connection.may_outlast(key, heard > before, waited)) {
                    return server.give_up(format!(
                        "codex app-server was ended: it did not end a run within {} s",
                        waited.as_secs()
                    ));
                }
            }
        });
    }

    fn give_up(&self, reason: String) {
        tracing::warn!("{reason}");
        self.state().ended.get_or_insert(reason);
        self.handle.end(Ending::now());
    }

    /// Lets the server go: it ends when it has nothing more to hear.
    pub(super) fn close(&self) {
        self.state().writer = None;
    }

    /// Waits until it has ended. It is asked to if it does not by itself.
    pub(super) async fn ended(&self) {
        if tokio::time::timeout(AFTER_OUTPUT, self.handle.exited()).await.is_err() {
            self.handle.end(Ending::asking(Ask::Terminate));
            self.handle.exited().await;
        }
    }

    fn say_last(self: &Arc<Self>, exit: &Exit) {
        let mut state = self.state();
        let what = match &state.ended {
            Some(reason) => reason.clone(),
            None => format!("codex app-server {} before the turn was done", exit.status),
        };
        let complaint = text::of_complaint(&exit.stderr_tail);
        // While it greets it says why it does not start. Later it may say something about another chat.
        let is_shown = state.connection.is_greeting() || !state.connection.is_shared();
        let reason = if is_shown && !complaint.is_empty() {
            format!("{what}\n{complaint}")
        } else {
            tracing::debug!(complaint, "codex app-server has ended");
            what
        };
        state.writer = None;
        state.connection.end(&reason);
        self.carry_out(&mut state);
    }
}

/// Without a runtime the program is at its end, and the host ends the server.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}

/// A server that never gets ready would let every run wait for ever.
async fn expect_beginning(server: Weak<Server>) {
    tokio::time::sleep(BEGINNING).await;
    let Some(server) = server.upgrade() else { return };
    if server.with(|connection| connection.is_greeting()) {
        server.give_up(format!(
            "codex app-server was ended: it was not ready within {} s",
            BEGINNING.as_secs()
        ));
    }
}

async fn write(mut stdin: Box<dyn AsyncWrite + Send + Unpin>, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if let Err(error) = async {
            stdin.write_all(line.as_bytes()).await?;
            stdin.flush().await
        }
        .await
        {
            tracing::debug!(%error, "codex app-server does not read any more");
            return;
        }
    }
}

async fn read(stdout: Box<dyn AsyncRead + Send + Unpin>, server: Weak<Server>) {
    let mut lines = LineReader::new(stdout, LINE_BYTES);
    loop {
        let next = lines.next().await;
        let Some(server) = server.upgrade() else { return };
        match next {
            Ok(Some(Line::Complete(line))) => {
                server.state().heard += 1;
                let line = String::from_utf8_lossy(line);
                if !line.trim_ascii().is_empty() {
                    server.with(|connection| connection.hear(&line));
                }
            }
            // It was cut off when the program ended, which is said instead.
            Ok(Some(Line::Torn(line))) => tracing::debug!(bytes = line.len(), "codex broke off in a line"),
            Ok(Some(Line::TooLong { bytes, head })) => server.with(|connection| {
                connection.unreadable(&format!(
                    "skipped a line of {bytes} bytes from codex: the limit is {LINE_BYTES}"
                ));
                connection.too_long(&String::from_utf8_lossy(head));
            }),
            Ok(None) => break,
            Err(error) => {
                let what = format!("the output of codex broke off: {error}");
                server.with(|connection| connection.unreadable(&what));
                break;
            }
        }
    }
    let Some(server) = server.upgrade() else { return };
    // It answers nothing any more, so no run may come to it while it ends.
    server.close();
    server.ended().await;
    let exit = server.handle.exited().await;
    server.say_last(&exit);
}
