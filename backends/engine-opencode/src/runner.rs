//! The runner: that of JSON lines, with the question for a thread's folder before it.

use std::sync::{Arc, OnceLock};

use futures_util::{FutureExt, StreamExt, stream};
use takopi_api::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::jsonl::JsonlSubprocessRunner;
use takopi_api::resume::{ResumeError, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};

use crate::backend::{ENGINE, Opencode, RESUME};
use crate::folder::Folders;

/// Runs opencode.
pub(crate) struct OpencodeRunner {
    lines: Arc<JsonlSubprocessRunner<Opencode>>,
    folders: Arc<Folders>,
}

impl OpencodeRunner {
    pub(crate) fn new(engine: Opencode) -> Self {
        Self { lines: Arc::new(JsonlSubprocessRunner::new(engine)), folders: Arc::default() }
    }
}

#[async_trait]
impl Runner for OpencodeRunner {
    fn engine(&self) -> &EngineId {
        self.lines.engine()
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        self.lines.format_resume(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        text.lines().rev().find_map(|line| RESUME.parse_line(line).or_else(|| parse_run_line(line)))
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let control = Arc::new(LateControl::default());
        let (lines, folders) = (Arc::clone(&self.lines), Arc::clone(&self.folders));
        let late = Arc::clone(&control);
        let events = async move {
            if let Some(error) = folders.refusal(&spec).await {
                let completed = Completed::new(ENGINE, Outcome::Failed { error }).resume(spec.resume);
                return stream::iter([Event::Completed(completed)]).boxed();
            }
            let cwd = spec.cwd.clone();
            let run = lines.start(spec);
            // Nobody else sets it.
            let _ = late.0.set(run.control);
            run.events
                .inspect(move |event| {
                    if let Event::Started(started) = event {
                        folders.learn(&started.resume, cwd.clone());
                    }
                })
                .boxed()
        };
        EngineRun {
            events: events.flatten_stream().boxed(),
            control: RunControl::new(SharedControl(control)),
        }
    }
}

/// `opencode run --session <id>`, as people type it.
fn parse_run_line(line: &str) -> Option<ResumeToken> {
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let (program, rest) = line.split_once(char::is_whitespace)?;
    let (word, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    if word.eq_ignore_ascii_case("run") { RESUME.parse_line(&format!("{program} {rest}")) } else { None }
}

/// The hold on a run that may not have begun. Until then takopi ends it by ending its processes.
#[derive(Default)]
struct LateControl(OnceLock<RunControl>);

struct SharedControl(Arc<LateControl>);

#[async_trait]
impl Control for SharedControl {
    async fn interrupt(&self) -> Result<(), ControlError> {
        match self.0.0.get() {
            Some(control) => control.interrupt().await,
            None => Err(ControlError::Unsupported("interrupting before it began")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_run_is_a_resume_line_too() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(parse_run_line(line).as_ref().map(ResumeToken::value), expected, "{line}");
        };
        check("`opencode run --session ses_1a`", Some("ses_1a"));
        check("> OpenCode run -s ses_1a", Some("ses_1a"));
        check("opencode run --session ses_1a please", None);
        check("opencode serve --session ses_1a", None);
        check("opencode run", None);
    }
}
