//! A process host without processes: it plays what a program printed.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use crate::process::{
    Ask, CommandSpec, Ending, Exit, ExitStatus, Process, ProcessHandle, ProcessHost, SpawnError,
};

/// What a program prints, and how it ends.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Script {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
    /// How it ends.
    pub status: ExitStatus,
    /// Whether it goes on until it is asked to end; then the status is that of the signal.
    pub waits: bool,
}

impl Script {
    /// A program that prints this and exits with code 0.
    #[must_use]
    pub fn new(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), stderr: String::new(), status: ExitStatus::Code(0), waits: false }
    }

    /// Sets what it says on standard error.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Into<String>) -> Self {
        self.stderr = stderr.into();
        self
    }

    /// Sets how it ends.
    #[must_use]
    pub const fn status(mut self, status: ExitStatus) -> Self {
        self.status = status;
        self
    }

    /// Lets it go on until it is asked to end.
    #[must_use]
    pub const fn waits(mut self) -> Self {
        self.waits = true;
        self
    }
}

/// Plays one script for every program that is started, and remembers the commands.
#[derive(Debug)]
pub struct ScriptedProcesses {
    script: Script,
    commands: Mutex<Vec<CommandSpec>>,
    running: Arc<watch::Sender<usize>>,
}

impl ScriptedProcesses {
    /// A host that plays this script.
    #[must_use]
    pub fn new(script: Script) -> Arc<Self> {
        Arc::new(Self { script, commands: Mutex::default(), running: Arc::new(watch::Sender::new(0)) })
    }

    /// The commands that were started so far.
    #[must_use]
    pub fn commands(&self) -> Vec<CommandSpec> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every program that was started has ended.
    pub async fn all_ended(&self) {
        let mut running = self.running.subscribe();
        // The sender lives as long as `self`.
        let _ = running.wait_for(|count| *count == 0).await;
    }
}

#[async_trait]
impl ProcessHost for ScriptedProcesses {
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        let (mut writer, stdout) = tokio::io::duplex(64 * 1024);
        let (ended, mut asked) = watch::channel(None);
        let handle =
            Arc::new(ScriptedHandle { script: self.script.clone(), ended, exit: watch::Sender::new(None) });
        let (script, program) = (self.script.clone(), Arc::clone(&handle));
        let running = Arc::clone(&self.running);
        running.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            let play = async {
                // The reader may be gone already, as with a closed pipe.
                let _ = writer.write_all(&script.stdout).await;
                if script.waits {
                    std::future::pending::<()>().await;
                }
            };
            let killed = tokio::select! {
                () = play => None,
                ask = asked.wait_for(|ask| matches!(ask, Some(ask) if *ask != Ask::Nothing)) => ask.ok().and_then(|ask| *ask),
            };
            let status = match killed {
                None => script.status,
                Some(Ask::Interrupt) => ExitStatus::Signal(2),
                Some(_) => ExitStatus::Signal(15),
            };
            drop(writer);
            program.exit.send_replace(Some(status));
            running.send_modify(|count| *count -= 1);
        });
        Ok(Process { stdout: Box::new(stdout), stdin: None, handle })
    }
}

struct ScriptedHandle {
    script: Script,
    ended: watch::Sender<Option<Ask>>,
    exit: watch::Sender<Option<ExitStatus>>,
}

#[async_trait]
impl ProcessHandle for ScriptedHandle {
    fn pid(&self) -> Option<u32> {
        None
    }

    async fn exited(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        Exit { status: status.unwrap_or(ExitStatus::Unknown), stderr_tail: self.script.stderr.clone() }
    }

    fn stderr_tail(&self) -> String {
        self.script.stderr.clone()
    }

    fn end(&self, ending: Ending) {
        // Without grace even a program that is not asked is killed.
        let ask = if ending.grace.is_zero() { Ask::Terminate } else { ending.ask };
        self.ended.send_replace(Some(ask));
    }
}
