//! The server of a run: a program of the run, which listens on the loopback interface and is asked for a password.

use std::sync::Arc;
use std::time::Duration;

use takopi_api::jsonl::{Line, LineReader};
use takopi_api::process::{Ask, CommandSpec, Ending, Exit, ProcessHandle};
use takopi_api::runner::RunSpec;

use super::http::{Server, USER};
use super::rules::{Rules, Verdict};
use crate::args;

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest line that is read before it listens, in bytes.
const LINE_BYTES: usize = 64 * 1024;

const CONTENT: &str = "OPENCODE_CONFIG_CONTENT";

/// A server that listens. Whoever gives it up ends it.
pub(super) struct Running {
    pub(super) http: Server,
    pub(super) handle: Arc<dyn ProcessHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.end(Ending::asking(Ask::Terminate));
    }
}

/// Starts a server that asks for what its own configuration says.
pub(super) async fn start(spec: &RunSpec) -> Result<Running, String> {
    listening(spec, &Rules::none()).await
}

/// Starts a server that asks for what it should, with the rules that were right the last time if there are some. Gives the
/// rules that are right.
pub(super) async fn start_asking(spec: &RunSpec, known: Option<Rules>) -> Result<(Running, Rules), String> {
    let rules = known.unwrap_or_else(Rules::for_nobody);
    let running = listening(spec, &rules).await?;
    let right = match judge(&running, &rules).await? {
        Verdict::Right => return Ok((running, rules)),
        Verdict::Wrong(right) => right,
    };
    running.handle.end(Ending::asking(Ask::Terminate));
    running.handle.exited().await;
    let running = listening(spec, &right).await?;
    match judge(&running, &right).await? {
        Verdict::Right => Ok((running, right)),
        Verdict::Wrong(_) => {
            Err("opencode's configuration of permissions changes each time it is read; takopi can not say what it asks for"
                .to_owned())
        }
    }
}

async fn judge(running: &Running, rules: &Rules) -> Result<Verdict, String> {
    let reply = running.http.get("/config").await.map_err(|error| format!("opencode's server: {error}"))?;
    if !reply.is_ok() {
        return Err(format!("opencode does not tell its configuration: {}", super::said(&reply)));
    }
    rules.judge(&reply.body)
}

async fn listening(spec: &RunSpec, rules: &Rules) -> Result<Running, String> {
    if std::env::var_os(CONTENT).is_some_and(|content| !content.is_empty()) {
        return Err(format!(
            "takopi has to set {CONTENT} itself; put what it says into a file and name that in OPENCODE_CONFIG, or set \
             `opencode.mode = \"run\"`"
        ));
    }
    // Nobody else is to talk to it: it does what it is told.
    let password = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let process =
        spec.processes.spawn(command(spec, rules, &password)).await.map_err(|error| error.to_string())?;
    let handle = process.handle;
    let mut lines = LineReader::new(process.stdout, LINE_BYTES);
    let port = async {
        while let Ok(Some(line)) = lines.next().await {
            if let Line::Complete(line) | Line::Torn(line) = line
                && let Some(port) = port(&String::from_utf8_lossy(line))
            {
                return Some(port);
            }
        }
        None
    };
    match tokio::time::timeout(PATIENCE, port).await {
        Ok(Some(port)) => {
            // What it prints later is nobody's business, but must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next().await {} });
            match Server::new(port, &password) {
                Some(http) => Ok(Running { http, handle }),
                None => Err("opencode's password can not stand in a header".to_owned()),
            }
        }
        Ok(None) => {
            handle.end(Ending::asking(Ask::Terminate));
            Err(ended(&handle.exited().await, "before it listened"))
        }
        Err(_) => {
            handle.end(Ending::asking(Ask::Terminate));
            let seconds = PATIENCE.as_secs();
            Err(with_tail(
                format!("`opencode serve` did not listen within {seconds} s"),
                &handle.stderr_tail(),
            ))
        }
    }
}

fn command(spec: &RunSpec, rules: &Rules, password: &str) -> CommandSpec {
    let environment = args::environment()
        .set("OPENCODE_SERVER_PASSWORD", password)
        .set("OPENCODE_SERVER_USERNAME", USER)
        // A client that can show questions, and has no tool that takes any typed answer to a plan for a yes.
        .set("OPENCODE_CLIENT", "app")
        .set(CONTENT, rules.content());
    CommandSpec::new("opencode", &spec.cwd)
        .args(["serve", "--hostname", "127.0.0.1", "--port", "0"])
        .environment(environment)
}

/// The port in the line by which it says that it listens.
fn port(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("listening on http://")?;
    let digits = address.trim_end().trim_end_matches('/').rsplit_once(':')?.1;
    digits.parse().ok().filter(|port| *port != 0)
}

/// A server that has ended, as a person reads it.
pub(super) fn ended(exit: &Exit, when: &str) -> String {
    with_tail(format!("`opencode serve` {} {when}", exit.status), &exit.stderr_tail)
}

/// With the last lines of what it said on standard error.
fn with_tail(message: String, tail: &str) -> String {
    let tail = tail.trim_end();
    let start = tail.rmatch_indices('\n').nth(9).map_or(0, |(at, _)| at + 1);
    if tail.is_empty() { message } else { format!("{message}\n{}", &tail[start..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_in_the_line_that_says_so() {
        assert_eq!(port("opencode server listening on http://127.0.0.1:4096"), Some(4096));
        assert_eq!(port("opencode server listening on http://127.0.0.1:4096/\r"), Some(4096));
        for line in [
            "",
            "listening",
            "listening on http://127.0.0.1",
            "listening on http://127.0.0.1:x",
            "listening on http://a:0",
            "listening on http://a:99999",
        ] {
            assert_eq!(port(line), None, "{line}");
        }
    }

    #[test]
    fn only_the_end_of_a_long_complaint_is_shown() {
        let tail: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        let shown = with_tail("it ended".to_owned(), &tail);
        assert!(shown.starts_with("it ended\nline 21\n") && shown.ends_with("line 30"), "{shown}");
        assert_eq!(with_tail("it ended".to_owned(), " \n"), "it ended");
    }
}
