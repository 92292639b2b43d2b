//! The scripted model server as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::cargo::command;
use crate::error::Error;

/// A running server. It ends when its standard input is closed, which also happens if this process is killed.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts it on a port that is free.
    pub(super) fn start(program: &Path) -> Result<Self, Error> {
        let failed = |error| Error::at(program, error);
        let mut child =
            command(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let stdout = child.stdout.take().expect("standard output was just set to a pipe");
        let mut server = Self { child, port: 0 };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
        server.port = line
            .trim()
            .parse()
            .map_err(|_| Error::at(program, format!("its first line is no port: {line}")))?;
        Ok(server)
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It may have ended already, and there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
