//! The host that starts programs as children of takopi, and the task that watches each of them to its end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal};
use takopi_api::process::{
    Ask, CommandSpec, Ending, Exit, ExitStatus, Process, ProcessHandle, ProcessHost, SpawnError, Stdin,
};
use takopi_api::runner::RunId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::admission::{Admission, Limits, Place};
use super::tail::Tail;
use super::terminal::Terminal;
#[cfg(target_os = "linux")]
use super::tree::{Family, Running, Tree};

/// How long processes that a program left behind may take to end when they are asked, before they are killed.
const LEFTOVER_GRACE: Duration = Duration::from_secs(2);

/// How long the end of standard error is waited for once the program is gone: another process may hold the pipe.
const STDERR_PATIENCE: Duration = Duration::from_millis(500);

/// How much a program can print before it has to wait for takopi. It is what Linux gives to anybody who asks.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1024 * 1024;

/// Starts programs as children of this process.
#[derive(Debug)]
pub struct LocalProcesses {
    admission: Admission,
    watchers: Mutex<JoinSet<()>>,
    #[cfg(target_os = "linux")]
    family: Arc<Family>,
    /// Set once all programs have to end at once.
    hurry: watch::Sender<bool>,
}

impl LocalProcesses {
    /// A host. From here on orphans of children become children of this process, so that none is lost from sight.
    ///
    /// Programs of a takopi that was killed before it could end them are ended now.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            tracing::warn!(%error, "orphaned processes can not be adopted");
        }
        #[cfg(target_os = "linux")]
        std::thread::spawn(super::tree::end_abandoned);
        Arc::new(Self {
            admission: Admission::new(limits),
            watchers: Mutex::default(),
            #[cfg(target_os = "linux")]
            family: Family::of_this_process(),
            hurry: watch::Sender::new(false),
        })
    }

    /// Waits until every program has ended, with everything that it started. Those that nobody holds any more have
    /// [`takopi_api::process::GRACE`] for it.
    pub async fn shutdown(&self) {
        let mut watchers = std::mem::take(&mut *self.watchers());
        while watchers.join_next().await.is_some() {}
    }

    /// Kills every program with everything that it started, those that are being ended included.
    pub fn kill_all(&self) {
        self.hurry.send_replace(true);
    }

    /// From here on, programs are let in by other limits. Runs that go on go on.
    pub fn change_limits(&self, limits: Limits) {
        self.admission.change(limits);
    }

    fn watchers(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ProcessHost for LocalProcesses {
    fn obstacle(&self) -> Option<String> {
        self.admission.obstacle()
    }

    async fn admit(&self, run: &RunId) -> takopi_api::process::Place {
        takopi_api::process::Place::held_by(self.admission.enter(run).await)
    }

    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        if !command.cwd.is_dir() {
            return Err(SpawnError::NoFolder { cwd: command.cwd });
        }
        let program = find_program(&command.program, &command.cwd)?;
        let refused = |source| SpawnError::Refused { program: program.display().to_string(), source };
        let place = match &command.run_id {
            Some(run_id) => self.admission.enter(run_id).await,
            // What belongs to no run is takopi's own short question, such as for a version.
            None => Place::default(),
        };
        // Counted before it starts: from its first moment on it must not be taken for an orphan of another program.
        #[cfg(target_os = "linux")]
        let running = Running::new(&self.family);
        let mark = next_mark();
        let terminal = command.terminal.map(Terminal::open).transpose().map_err(refused)?;
        let mut prepared = prepare(&program, &command, &mark, terminal.as_ref()).map_err(refused)?;
        let mut child = prepared.spawn().map_err(refused)?;
        // It has copies of the program's end of the terminal.
        drop(prepared);
        let tail = Tail::default();
        let stdin = feed(child.stdin.take(), &command.stdin);
        let stderr = child.stderr.take().map(|stderr| tokio::spawn(drain(stderr, tail.clone())));
        let stdout = child.stdout.take();
        let (orders, inbox) = mpsc::unbounded_channel();
        let (exit, exited) = watch::channel(None);
        let handle = Arc::new(LocalHandle { pid: child.id(), orders, exited, tail: tail.clone() });
        tracing::debug!(pid = child.id(), program = %program.display(), "started");
        let root = child.id().and_then(|pid| i32::try_from(pid).ok());
        #[cfg(target_os = "linux")]
        let leftovers = Leftovers::new(root, &mark, running);
        #[cfg(not(target_os = "linux"))]
        let leftovers = Leftovers::new(root);
        let hurry = self.hurry.subscribe();
        let watcher = Watcher { child, root, leftovers, inbox, hurry, exit, tail, stderr, _place: place };
        {
            let mut watchers = self.watchers();
            while watchers.try_join_next().is_some() {}
            watchers.spawn(watcher.watch());
        }
        if let Some(terminal) = terminal {
            let (output, input) = terminal.attach().map_err(refused)?;
            let is_open = command.stdin == Stdin::Open;
            let stdin = if is_open { Some(Box::new(input) as _) } else { stdin };
            return Ok(Process { stdout: Box::new(output), stdin, handle });
        }
        let stdout: Box<dyn tokio::io::AsyncRead + Send + Unpin> = match stdout {
            Some(stdout) => {
                widen(&stdout);
                Box::new(stdout)
            }
            None => Box::new(tokio::io::empty()),
        };
        Ok(Process { stdout, stdin, handle })
    }
}

fn find_program(program: &OsStr, cwd: &Path) -> Result<PathBuf, SpawnError> {
    which::which_in(program, std::env::var_os("PATH"), cwd)
        .map_err(|_| SpawnError::NotFound { program: program.to_string_lossy().into_owned() })
}

/// The mark of the next program, by which its processes are found.
fn next_mark() -> String {
    #[cfg(target_os = "linux")]
    return super::tree::next_mark();
    #[cfg(not(target_os = "linux"))]
    return String::new();
}

fn prepare(
    program: &Path,
    command: &CommandSpec,
    mark: &str,
    terminal: Option<&Terminal>,
) -> std::io::Result<Command> {
    // What is no pipe of its own lies on the terminal, if there is one.
    let shown = || terminal.map_or_else(|| Ok(Stdio::piped()), Terminal::stdio);
    let stdin = match &command.stdin {
        Stdin::Closed => Stdio::null(),
        Stdin::Open => shown()?,
        _ => Stdio::piped(),
    };
    #[expect(clippy::disallowed_methods, reason = "this is the process host")]
    let mut prepared = std::process::Command::new(program);
    prepared
        .args(&command.args)
        .current_dir(&command.cwd)
        .env_clear()
        .envs(command.environment.select(std::env::vars_os()))
        .env("PWD", &command.cwd)
        .stdin(stdin)
        .stdout(shown()?)
        .stderr(shown()?);
    if let Some(run_id) = &command.run_id {
        prepared.env(RunId::VARIABLE, run_id.as_str());
    }
    #[cfg(target_os = "linux")]
    prepared.env(super::tree::OWNER_VARIABLE, mark);
    lead_a_session(&mut prepared, terminal.is_some());
    Ok(Command::from(prepared))
}

/// In a session of its own the program has no terminal but the one that takopi gives it: neither does Ctrl-C reach it before
/// takopi has asked it politely, nor can it ask for a password behind takopi's back.
#[expect(unsafe_code, reason = "no safe way leads to setsid before exec; see the comment on the call")]
fn lead_a_session(command: &mut std::process::Command, on_a_terminal: bool) {
    use std::os::unix::process::CommandExt;
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe functions may be called. It calls
    // setsid(2) and ioctl(2), which are such, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            if on_a_terminal {
                // By now standard output is the program's end of it.
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?;
            }
            Ok(())
        });
    }
}

fn feed(stdin: Option<ChildStdin>, wanted: &Stdin) -> Option<Box<dyn tokio::io::AsyncWrite + Send + Unpin>> {
    let mut stdin = stdin?;
    match wanted {
        Stdin::Open => Some(Box::new(stdin)),
        Stdin::Payload(payload) => {
            let payload = payload.clone();
            tokio::spawn(async move {
                // A program that ends without reading its input tells why in another way.
                if let Err(error) = stdin.write_all(&payload).await {
                    tracing::debug!(%error, "standard input was not read to its end");
                }
            });
            None
        }
        _ => None,
    }
}

/// Lets a pipe hold more. Programs of node.js that end right after they wrote lose what a pipe does not hold, and one that
/// prints much waits less often. A system that refuses has the usual pipes.
fn widen(pipe: &tokio::process::ChildStdout) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES) {
        tracing::debug!(%error, "the pipe of standard output is small");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

async fn drain(mut stderr: tokio::process::ChildStderr, tail: Tail) {
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        tail.push(&buffer[..read]);
    }
}

struct LocalHandle {
    pid: Option<u32>,
    orders: mpsc::UnboundedSender<Ending>,
    exited: watch::Receiver<Option<ExitStatus>>,
    tail: Tail,
}

#[async_trait]
impl ProcessHandle for LocalHandle {
    fn pid(&self) -> Option<u32> {
        self.pid
    }

    async fn exited(&self) -> Exit {
        let mut exited = self.exited.clone();
        let status = exited.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        Exit { status: status.unwrap_or(ExitStatus::Unknown), stderr_tail: self.tail.text() }
    }

    fn stderr_tail(&self) -> String {
        self.tail.text()
    }

    fn end(&self, ending: Ending) {
        // Nobody listens any more when the program has ended already.
        let _ = self.orders.send(ending);
    }
}

/// Watches one program to its end, and then ends what it left behind.
struct Watcher {
    child: Child,
    root: Option<i32>,
    leftovers: Leftovers,
    inbox: mpsc::UnboundedReceiver<Ending>,
    hurry: watch::Receiver<bool>,
    exit: watch::Sender<Option<ExitStatus>>,
    tail: Tail,
    stderr: Option<tokio::task::JoinHandle<()>>,
    _place: Place,
}

impl Watcher {
    async fn watch(mut self) {
        let root = self.root;
        let mut deadline: Option<Instant> = None;
        let mut is_held = true;
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status,
                order = self.inbox.recv(), if is_held => {
                    // Without a handle nobody can want anything more of the program.
                    is_held = order.is_some();
                    let ending = order.unwrap_or(Ending::asking(Ask::Terminate));
                    self.leftovers.look().await;
                    ask(root, ending.ask);
                    let until = Instant::now() + ending.grace;
                    deadline = Some(deadline.map_or(until, |earlier| earlier.min(until)));
                }
                () = sleep_until(deadline) => {
                    tracing::info!(root, "killed: its time was up");
                    break self.kill().await;
                }
                // The sender lives in the host; without a host there is nobody to wait for either.
                () = set(&mut self.hurry) => {
                    deadline = Some(Instant::now());
                    break self.kill().await;
                }
            }
        };
        if let Some(stderr) = self.stderr.take() {
            let _ = tokio::time::timeout(STDERR_PATIENCE, stderr).await;
        }
        let status = status.map_or(ExitStatus::Unknown, exit_status);
        tracing::debug!(root, %status, stderr = self.tail.text(), "ended");
        self.exit.send_replace(Some(status));
        // What is left has no more time than the program itself had.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        self.leftovers.terminate(left.unwrap_or(LEFTOVER_GRACE).min(LEFTOVER_GRACE)).await;
        self.leftovers.finish().await;
    }
}

impl Watcher {
    async fn kill(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.leftovers.kill().await;
        // The program itself is killed even where nothing can be found out about processes. It may be gone already.
        let _ = self.child.start_kill();
        self.child.wait().await
    }
}

/// Waits until it is said. Without anybody who could say it, that is now.
async fn set(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|is_set| *is_set).await;
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The whole group is asked, as a terminal does it: engines are often wrapped in a launcher that passes nothing on.
fn ask(root: Option<i32>, ask: Ask) {
    let signal = match ask {
        Ask::Interrupt => Signal::INT,
        Ask::Terminate => Signal::TERM,
        _ => return,
    };
    if let Some(group) = root.and_then(Pid::from_raw)
        && let Err(error) = rustix::process::kill_process_group(group, signal)
    {
        tracing::debug!(%error, "signal not delivered");
    }
}

fn exit_status(status: std::process::ExitStatus) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    }
}

/// What a program leaves behind. Looking at processes blocks for some milliseconds, so it happens on another thread.
#[cfg(target_os = "linux")]
struct Leftovers {
    /// Until nothing is left.
    tree: Option<Tree>,
}

/// A watcher that is given up (its runtime ends, or takopi panics) leaves nothing behind either.
#[cfg(target_os = "linux")]
impl Drop for Leftovers {
    fn drop(&mut self) {
        if let Some(tree) = &mut self.tree {
            tree.kill();
        }
    }
}

#[cfg(target_os = "linux")]
impl Leftovers {
    fn new(root: Option<i32>, mark: &str, running: Running) -> Self {
        Self { tree: root.map(|root| Tree::new(root, mark, running)) }
    }

    async fn look(&mut self) {
        self.with(Tree::look).await;
    }

    async fn kill(&mut self) {
        self.with(Tree::kill).await;
    }

    /// Kills what is left, for the last time.
    async fn finish(&mut self) {
        self.kill().await;
        self.tree = None;
    }

    /// Asks what is left to end, and waits for it.
    async fn terminate(&mut self, grace: Duration) {
        if self.with(Tree::terminate).await.unwrap_or_default() == 0 {
            return;
        }
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && self.with(Tree::is_empty).await == Some(false) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn with<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Tree) -> R + Send + 'static,
    ) -> Option<R> {
        let mut tree = self.tree.take()?;
        let (tree, result) = tokio::task::spawn_blocking(move || {
            let result = work(&mut tree);
            (tree, result)
        })
        .await
        .ok()?;
        self.tree = Some(tree);
        Some(result)
    }
}

/// Elsewhere the group is all that can be reached.
#[cfg(not(target_os = "linux"))]
struct Leftovers(Option<Pid>);

#[cfg(not(target_os = "linux"))]
impl Leftovers {
    fn new(root: Option<i32>) -> Self {
        Self(root.and_then(Pid::from_raw))
    }

    async fn look(&mut self) {}

    async fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    async fn finish(&mut self) {
        self.kill().await;
    }

    async fn terminate(&mut self, grace: Duration) {
        if self.signal(Signal::TERM) {
            tokio::time::sleep(grace).await;
        }
    }

    fn signal(&self, signal: Signal) -> bool {
        self.0.is_some_and(|group| rustix::process::kill_process_group(group, signal).is_ok())
    }
}
