//! Processes of engines, and the one seam through which a runner starts them.
//!
//! A runner never spawns by itself: it asks [`RunSpec::processes`](crate::runner::RunSpec), so that the same runner works
//! on a child of takopi, on a recording that is replayed, or on a fake in a test. A host gives the bytes of the program's
//! standard output; [`crate::jsonl::LineReader`] makes lines of them, and engines with another framing read the bytes
//! themselves.

mod environment;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

pub use environment::Environment;

use crate::runner::RunId;

/// How much of the end of a program's standard error is kept, in bytes.
pub const STDERR_TAIL_BYTES: usize = 64 * 1024;

/// How long a program that was asked to end may take before every process of it is killed. Shorter loses the
/// transcripts that engines write on their way out.
pub const GRACE: Duration = Duration::from_secs(10);

/// What a program gets on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nothing: closed at once.
    #[default]
    Closed,
    /// These bytes, then closed.
    Payload(Vec<u8>),
    /// What the runner writes, until it closes it: see [`Process::stdin`].
    Open,
}

/// How big a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// How wide.
    pub columns: u16,
    /// How many lines.
    pub rows: u16,
}

/// A program to start. There is no shell in between: arguments reach the program as they are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandSpec {
    /// The program: a path, or a name that is looked up on `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The folder in which it starts.
    pub cwd: PathBuf,
    /// Which variables it sees.
    pub environment: Environment,
    /// What it gets on its standard input.
    pub stdin: Stdin,
    /// The terminal that it believes to be on, if it does.
    pub terminal: Option<TerminalSize>,
    /// The run that it belongs to: a host marks every process of the run with it.
    pub run_id: Option<RunId>,
}

impl CommandSpec {
    /// A program without arguments, with a closed standard input and the base environment.
    #[must_use]
    pub fn new(program: impl Into<OsString>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            cwd: cwd.into(),
            environment: Environment::base(),
            stdin: Stdin::Closed,
            terminal: None,
            run_id: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets which variables it sees.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets what it gets on its standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Lets it write to a terminal of its own, which is its controlling terminal: for programs that say nothing, or something
    /// else, where there is none.
    ///
    /// Its standard output and its standard error then are one ([`Process::stdout`]), and the tail of standard error stays
    /// empty. Lines end as the program ends them, and nothing that is typed is repeated; escape sequences are the program's
    /// affair, and lines that are none of the engine's are the translation's. With [`Stdin::Open`] its standard input is the
    /// terminal too: what is written there is typed, and closing it types Ctrl-D. As on any terminal, a typed line holds at
    /// most 4,095 bytes unless the program wants to have it otherwise. Else its standard input is what it is without terminal.
    #[must_use]
    pub const fn terminal(mut self, size: TerminalSize) -> Self {
        self.terminal = Some(size);
        self
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody knows: the host lost it.
    Unknown,
}

impl ExitStatus {
    /// Whether it ended by itself with code 0. For most engines that says nothing about the run.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "was ended by {name}"),
                None => write!(f, "was ended by signal {signal}"),
            },
            Self::Unknown => f.write_str("ended"),
        }
    }
}

/// Names of the signals that a person meets; the numbers are those of Linux and macOS alike.
const fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return None,
    })
}

/// The end of a program: how, and what it said on standard error before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// How it ended.
    pub status: ExitStatus,
    /// The end of its standard error, at most [`STDERR_TAIL_BYTES`].
    pub stderr_tail: String,
}

/// How a program is asked to end before it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// Not at all: it has done its work and ends by itself.
    Nothing,
    /// As Ctrl-C does (SIGINT).
    Interrupt,
    /// As a service manager does (SIGTERM).
    Terminate,
}

/// How a program is to be ended: asked, given time, and then killed with every process that it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// How it is asked.
    pub ask: Ask,
    /// How long it may take.
    pub grace: Duration,
}

impl Ending {
    /// Asked in this way and given [`GRACE`].
    #[must_use]
    pub const fn asking(ask: Ask) -> Self {
        Self { ask, grace: GRACE }
    }

    /// Killed at once, with every process that it left.
    #[must_use]
    pub const fn now() -> Self {
        Self { ask: Ask::Nothing, grace: Duration::ZERO }
    }
}

/// The hold on a started program. However the program ends, the host ends every process that it left behind, also those
/// that left its session.
#[async_trait]
pub trait ProcessHandle: Send + Sync {
    /// The id that the system gave to the process, for logs.
    fn pid(&self) -> Option<u32>;

    /// Waits until the program has ended. May be called more than once.
    async fn exited(&self) -> Exit;

    /// The end of its standard error so far.
    fn stderr_tail(&self) -> String;

    /// Begins to end the program, and returns at once. A later call with less grace makes it quicker.
    fn end(&self, ending: Ending);
}

/// A started program. Dropping it, and its handle, ends the program as [`Ask::Terminate`] does.
pub struct Process {
    /// The bytes of its standard output.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard input, if the command asked for [`Stdin::Open`].
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// The hold on it.
    pub handle: Arc<dyn ProcessHandle>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("pid", &self.handle.pid()).finish_non_exhaustive()
    }
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// There is no such program.
    #[error("`{program}` is not installed, or not on PATH")]
    NotFound {
        /// What was looked for.
        program: String,
    },
    /// The folder is not there.
    #[error("the folder {} does not exist", cwd.display())]
    NoFolder {
        /// The folder.
        cwd: PathBuf,
    },
    /// The run that the program would belong to is over.
    #[error("the run is over")]
    RunOver,
    /// The system refused.
    #[error("`{program}` could not be started: {source}")]
    Refused {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A place among the runs that a host lets go on at a time. Dropping it lets the next one in.
#[must_use = "it is given back when it is dropped"]
pub struct Place(#[expect(dead_code, reason = "held for its destructor")] Option<Box<dyn Send + Sync>>);

impl Place {
    /// A place where nobody counts.
    pub const fn uncounted() -> Self {
        Self(None)
    }

    /// A place that is taken as long as this is there.
    pub fn held_by(seat: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(seat)))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

/// Starts programs.
#[async_trait]
pub trait ProcessHost: Send + Sync {
    /// What a program that is started now would have to wait for, as a person reads it; `None` if it starts at once.
    fn obstacle(&self) -> Option<String> {
        None
    }

    /// Waits for a place among the runs that may go on at a time, for a run that starts no program since a server of its
    /// engine does its work. A program that is started for a run gets its place by itself.
    async fn admit(&self, run: &RunId) -> Place {
        let _ = run;
        Place::uncounted()
    }

    /// Starts a program.
    ///
    /// # Errors
    /// [`SpawnError`] if there is no such program or folder, or the system refuses.
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError>;
}
