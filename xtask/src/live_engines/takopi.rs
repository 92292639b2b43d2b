//! One `takopi run`, or a conversation, as a process which may not take for ever.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::error::Error;

const PAUSE: Duration = Duration::from_millis(50);

/// How much of its output is shown of a run that went wrong.
const SHOWN: usize = 3000;

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Run {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    limit: Duration,
    started: Instant,
}

/// A run that ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// `None` if a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    /// Starts it. Its output goes into files: nobody has to read them for it to go on, and they can be looked at later.
    /// After the limit it hangs.
    pub(super) fn start(
        mut takopi: Command,
        output: &Path,
        name: &str,
        limit: Duration,
    ) -> Result<Self, Error> {
        let stdout = output.join(format!("{name}.out"));
        let stderr = output.join(format!("{name}.err"));
        let file = |path: &Path| File::create(path).map_err(|error| Error::at(path, error));
        takopi.stdin(Stdio::null()).stdout(file(&stdout)?).stderr(file(&stderr)?);
        let child = takopi
            .spawn()
            .map_err(|error| Error::new(format!("{:?} could not be run: {error}", takopi.get_program())))?;
        Ok(Self { child, stdout, stderr, limit, started: Instant::now() })
    }

    /// Waits until a file has content; false if the run ended before.
    pub(super) fn wait_for_file(&mut self, path: &Path) -> Result<bool, Error> {
        while !fs::metadata(path).is_ok_and(|file| file.len() > 0) {
            if self.try_end()?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Presses Ctrl-C.
    pub(super) fn interrupt(&self) -> Result<(), Error> {
        kill_process(Pid::from_child(&self.child), Signal::INT)
            .map_err(|error| Error::new(format!("takopi could not be interrupted: {error}")))
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Result<Ended, Error> {
        let code = loop {
            if let Some(status) = self.try_end()? {
                break status.code();
            }
        };
        let read = |path: &Path| {
            let bytes = fs::read(path).map_err(|error| Error::at(path, error))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Ended { code, stdout: read(&self.stdout)?, stderr: read(&self.stderr)? })
    }

    /// A look, and a pause if it goes on. Whoever takes too long is ended: first so that it can end its engine.
    fn try_end(&mut self) -> Result<Option<std::process::ExitStatus>, Error> {
        let wait = |child: &mut Child| {
            child.try_wait().map_err(|error| Error::new(format!("takopi can not be waited for: {error}")))
        };
        let status = wait(&mut self.child)?;
        if status.is_none() && self.started.elapsed() > self.limit {
            // It may have ended just now, and the error is the same.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let patience = Instant::now() + Duration::from_secs(10);
            while wait(&mut self.child)?.is_none() && Instant::now() < patience {
                thread::sleep(PAUSE);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
            let said = fs::read(&self.stdout).unwrap_or_default();
            return Err(Error::new(format!(
                "the run hung: it was ended after {} s\n{}",
                self.limit.as_secs(),
                tail(&String::from_utf8_lossy(&said))
            )));
        }
        if status.is_none() {
            thread::sleep(PAUSE);
        }
        Ok(status)
    }
}

impl Ended {
    /// The events of a run with `--json`. A line that is none is left out: the last event would then be missing.
    pub(super) fn events(&self) -> Vec<Value> {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last event, if it is the one that must be.
    pub(super) fn completed(&self) -> Option<Value> {
        self.events().pop().filter(|event| event["type"] == "completed")
    }

    /// What was expected, and what came instead.
    pub(super) fn wrong(&self, expected: &str) -> Error {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        Error::new(format!(
            "expected {expected}\nit ended with {code}\n{}{}",
            tail(&self.stdout),
            tail(&self.stderr)
        ))
    }
}

fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_begins_with_a_whole_character() {
        assert_eq!(tail("short"), "short");
        let tail = tail(&"日本".repeat(2000)).to_owned();
        assert!(tail.len() <= SHOWN && tail.len() > SHOWN - 3);
    }
}
