//! An agent that says nothing where there is no terminal, and on one says more than its JSON: a spinner before it, colours
//! around it, and greetings between.

use std::sync::Arc;

use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineId};
use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{
    Field, JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun, Unfinished, Wire,
};
use takopi_api::process::{CommandSpec, Exit, TerminalSize};
use takopi_api::resume::{ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{RunSpec, Runner};

const ENGINE: EngineId = EngineId::from_static("onscreen");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "onscreen", &["resume"]);

/// So wide that nothing is wrapped that a person would read.
const SCREEN: TerminalSize = TerminalSize { columns: 400, rows: 50 };

pub(crate) fn new() -> EngineBackend {
    let availability = Availability::Cli { commands: &["onscreen"], install: "npm install -g onscreen" };
    EngineBackend::new("onscreen", availability, build_runner)
}

#[expect(clippy::unnecessary_wraps, reason = "an engine with settings can refuse them")]
fn build_runner(_: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Ok(Arc::new(JsonlSubprocessRunner::new(Onscreen)))
}

struct Onscreen;

takopi_api::wire! {
    struct Line<'a> {
        "type" => kind: Field<'a>,
        "session" => session: Field<'a>,
        "id" => id: Field<'a>,
        "tool" => tool: Field<'a>,
        "failed" => failed: Field<'a>,
        "result" => result: Field<'a>,
        "ms" => ms: Field<'a>,
    }
}

/// The last thing on the screen that was no JSON: if the program dies, that is why.
#[derive(Default)]
struct Screen {
    last: String,
}

impl JsonlEngine for Onscreen {
    type State = Screen;

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        let mut command = CommandSpec::new("onscreen", &spec.cwd).arg("--json").terminal(SCREEN);
        if let Some(thread) = &spec.resume {
            command = command.args(["resume", thread.value()]);
        }
        Ok(command.args(["--", &spec.prompt]))
    }

    fn state(&self, _: &RunSpec) -> Screen {
        Screen::default()
    }

    fn translate(&self, line: &str, screen: &mut Screen, out: &mut EventFactory) -> Recognition {
        let Some(line) = json(line).and_then(|json| Line::read(json).ok()) else {
            let shown = plain(line);
            if !shown.is_empty() {
                screen.last = shown;
            }
            return Recognition::Ignored;
        };
        match &*line.kind.text() {
            "session" => match ResumeToken::new(ENGINE, line.session.text()) {
                Ok(thread) => out.started(thread, "Onscreen"),
                Err(error) => return Recognition::Malformed { reason: error.to_string() },
            },
            "tool" => {
                let action = Action::new(line.id.text(), ActionKind::Tool, line.tool.text());
                let failed = line.failed.read().unwrap_or(false);
                out.action_completed(action, ActionOutcome::from(!failed));
            }
            "result" => {
                let mut usage = Usage::default();
                usage.duration_ms = line.ms.read();
                out.done(line.result.text(), usage.known());
            }
            kind => return Recognition::Unknown { kind: kind.to_owned() },
        }
        Recognition::Known
    }

    fn on_exit(&self, _: &Exit, screen: &mut Screen, _: &mut EventFactory) -> Unfinished {
        let reason = (!screen.last.is_empty()).then(|| format!("onscreen: {}", screen.last));
        Unfinished { reason, ..Unfinished::default() }
    }
}

/// The object in a line, whatever stands before and after it.
fn json(line: &str) -> Option<&str> {
    line.get(line.find('{')?..=line.rfind('}')?)
}

/// What a person sees of a line at the end: what was written over is gone, and so are colours.
fn plain(line: &str) -> String {
    let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let mut shown = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            // Up to the letter that ends the sequence, as in `ESC [ 0 m`.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() {
            shown.push(c);
        }
    }
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_of_a_line_is_found_in_what_is_around_it() {
        assert_eq!(json("\x1b[2K⠋ thinking\r{\"a\":{}}\x1b[0m"), Some("{\"a\":{}}"));
        assert_eq!(json("} {"), None);
        assert_eq!(json("hello"), None);
    }

    #[test]
    fn a_line_is_read_as_a_person_reads_it() {
        assert_eq!(plain("\x1b[31mnot \x1b[1mlogged in\x1b[0m\r"), "not logged in");
        assert_eq!(plain("⠋ thinking\rdone"), "done");
        assert_eq!(plain("\x1b["), "");
    }
}
