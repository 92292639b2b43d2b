//! What every engine must be able to do. The prompts name scenarios of `tests/src/model_server/scenario.rs`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::engines::{Engine, Runs, Skipped, Talks, Way};
use super::machine::Machine;
use super::takopi::{Ended, Run};
use crate::error::Error;

/// A case: its name, and what is done and looked at.
#[derive(Debug)]
pub(super) struct Case {
    name: &'static str,
    check: fn(&Bench<'_>) -> Result<Note, Error>,
}

/// What is worth to be said beside `ok`.
type Note = Option<String>;

pub(super) const CASES: &[Case] = &[
    Case { name: "plain", check: |bench| bench.answers("plain", "Hello from the fake model.") },
    Case { name: "shell", check: |bench| bench.runs_command("shell", "The command printed: hi") },
    Case { name: "fail", check: |bench| bench.runs_command("fail", "The command failed with 3.") },
    Case { name: "write", check: writes },
    Case { name: "big", check: |bench| bench.runs_command("big", "Printed 1 MB.") },
    Case { name: "flaky", check: |bench| bench.answers("flaky", "Recovered after one error.") },
    Case { name: "e400", check: |bench| bench.fails("e400", "400") },
    Case { name: "drop", check: breaks_off },
    Case { name: "resume", check: resumes },
    Case { name: "resume-elsewhere", check: resumes_elsewhere },
    Case { name: "unknown-thread", check: knows_no_thread },
    Case { name: "cancel", check: is_cancelled },
    Case { name: "terminal", check: talks_at_a_terminal },
    Case { name: "telegram", check: talks_over_telegram },
];

/// Those that a program which only prints has to be able to do as well.
pub(super) const ONE_SHOT: &[&str] = &["plain", "shell", "write", "resume", "unknown-thread", "cancel"];

impl Case {
    /// The name under which it is known.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it, and says in a line how it went.
    pub(super) fn run(&self, machine: &Machine, runs: &Runs, way: Way) -> Result<String, Error> {
        let engine = machine.engine;
        let is_left_out =
            |skipped: &&Skipped| skipped.case == self.name && skipped.way.is_none_or(|only| only == way);
        if let Some(skipped) = runs.skipped.iter().find(is_left_out) {
            return Ok(format!("skipped {} {}: {}", engine.id, self.name, skipped.reason));
        }
        let name = match way {
            Way::OneShot => format!("{} {} (one-shot)", engine.id, self.name),
            Way::Trusted => format!("{} {}", engine.id, self.name),
        };
        look(machine, &name, || (self.check)(&Bench { machine, engine, runs, case: self.name, way }))
    }
}

/// Lets people of a chat be asked, and looks at what comes of it.
pub(super) fn talk(machine: &Machine, talks: &Talks, part: &str) -> Result<String, Error> {
    look(machine, &format!("{} {part}", talks.id), || {
        let name = format!("{}-{part}", talks.id);
        let ended = machine.chat(&name, talks.id, &talks.table(), part)?.end()?;
        if ended.code == Some(0) { Ok(None) } else { Err(ended.wrong("a conversation to its end")) }
    })
}

/// Does something with an engine, and looks for what it leaves behind.
fn look(machine: &Machine, name: &str, check: impl FnOnce() -> Result<Note, Error>) -> Result<String, Error> {
    let started = Instant::now();
    let note = check();
    let left = machine.left();
    let note = note.map_err(|error| error.about(name))?;
    if !left.is_empty() {
        return Err(Error::new(format!("{name}: processes are left\n{}", left.join("\n"))));
    }
    let seconds = started.elapsed().as_secs_f32();
    let note = note.map(|note| format!(": {note}")).unwrap_or_default();
    Ok(format!("ok {name} ({seconds:.1} s){note}"))
}

/// A case of an engine.
struct Bench<'a> {
    machine: &'a Machine,
    engine: &'a Engine,
    runs: &'a Runs,
    case: &'a str,
    way: Way,
}

impl Bench<'_> {
    fn name(&self) -> String {
        format!("{}-{}-{}", self.engine.id, self.way.name(), self.case)
    }

    /// What the engine is asked; the name keeps the server's counts of errors apart.
    fn prompt(&self, scenario: &str) -> String {
        format!("please [[{scenario}]] for {}", self.name())
    }

    /// A run in a new worktree, to its end.
    fn run(&self, scenario: &str) -> Result<Ended, Error> {
        let folder = self.machine.worktree(&self.name())?;
        let prompt = self.prompt(scenario);
        self.start(&folder, &self.name(), &["--json", &prompt])?.end()
    }

    fn start(&self, folder: &Path, name: &str, args: &[&str]) -> Result<Run, Error> {
        self.machine.start(folder, name, self.way, args)
    }

    fn answers(&self, scenario: &str, answer: &str) -> Result<Note, Error> {
        expect_answer(&self.run(scenario)?, answer)?;
        Ok(None)
    }

    fn runs_command(&self, scenario: &str, answer: &str) -> Result<Note, Error> {
        let ended = self.run(scenario)?;
        expect_answer(&ended, answer)?;
        let is_command =
            |event: &Value| event["action"]["kind"] == "command" && event["phase"] == "completed";
        if ended.events().iter().any(is_command) {
            return Ok(None);
        }
        Err(ended.wrong("an action of kind `command` that is completed"))
    }

    fn fails(&self, scenario: &str, error: &str) -> Result<Note, Error> {
        let ended = self.run(scenario)?;
        let completed = ended.completed().unwrap_or_default();
        match completed["error"].as_str() {
            Some(said) if ended.code == Some(1) && !said.is_empty() && said.contains(error) => {
                Ok(Some(first_line(said)))
            }
            _ => Err(ended.wrong(&format!("exit code 1, and an error with `{error}` in it"))),
        }
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

/// The completed event of a run that went well.
fn expect_answer(ended: &Ended, answer: &str) -> Result<Value, Error> {
    ended
        .completed()
        .filter(|completed| {
            ended.code == Some(0)
                && completed["ok"] == true
                && completed["answer"].as_str().is_some_and(|said| said.contains(answer))
                && completed["resume"]["value"].is_string()
        })
        .ok_or_else(|| ended.wrong(&format!("exit code 0, a thread, and the answer `{answer}`")))
}

fn writes(bench: &Bench<'_>) -> Result<Note, Error> {
    let ended = bench.run("write")?;
    expect_answer(&ended, "Wrote hello.txt.")?;
    let path = bench.machine.worktree_path(&bench.name()).join("hello.txt");
    match fs::read_to_string(&path) {
        Ok(text) if text == "hello\n" => Ok(None),
        Ok(text) => Err(ended.wrong(&format!("`hello` in {}, which has `{text}`", path.display()))),
        Err(error) => Err(ended.wrong(&format!("a file {}: {error}", path.display()))),
    }
}

/// The model's stream breaks off each time: some engines give up, and some ask again without a stream.
fn breaks_off(bench: &Bench<'_>) -> Result<Note, Error> {
    let ended = bench.run("drop")?;
    let completed = ended.completed().unwrap_or_default();
    match (ended.code, completed["error"].as_str()) {
        (Some(0), None) if completed["ok"] == true => Ok(Some("answered".to_owned())),
        (Some(1), Some(said)) if !said.is_empty() => Ok(Some(first_line(said))),
        _ => Err(ended.wrong("an answer, or exit code 1 and an error")),
    }
}

/// A thread that nobody began.
fn knows_no_thread(bench: &Bench<'_>) -> Result<Note, Error> {
    let folder = bench.machine.worktree(&bench.name())?;
    let thread = bench.runs.unknown_thread;
    let args = ["--json", "--resume", thread, &bench.prompt("plain")];
    let ended = bench.start(&folder, &bench.name(), &args)?.end()?;
    let completed = ended.completed().unwrap_or_default();
    match completed["error"].as_str() {
        Some(said) if ended.code == Some(1) && said.contains(thread) => Ok(Some(first_line(said))),
        _ => Err(ended.wrong("exit code 1, and an error that names the thread")),
    }
}

/// A conversation goes on, with the line that a run for a person ends with.
fn resumes(bench: &Bench<'_>) -> Result<Note, Error> {
    let folder = bench.machine.worktree(&bench.name())?;
    let start =
        |part: &str, args: &[&str]| bench.start(&folder, &format!("{}-{part}", bench.name()), args)?.end();
    let first = start("1", &[&bench.prompt("plain")])?;
    let line = first.stderr.lines().last().unwrap_or_default();
    let expected = "Hello from the fake model.";
    if first.code != Some(0) || first.stdout.trim_end() != expected || !line.starts_with(bench.engine.id) {
        return Err(first.wrong(&format!("the answer `{expected}`, and a resume line at the end")));
    }
    let second = start("2", &["--json", "--resume", line, &bench.prompt("shell")])?;
    let completed = expect_answer(&second, "The command printed: hi")?;
    if completed["resume"]["value"].as_str().is_some_and(|thread| line.contains(thread)) {
        return Ok(None);
    }
    Err(second.wrong(&format!("the thread of `{line}`")))
}

/// The same from another worktree: there, or not at all, and never in the old one or without an end.
fn resumes_elsewhere(bench: &Bench<'_>) -> Result<Note, Error> {
    let first = bench.run("plain")?;
    let completed = expect_answer(&first, "Hello from the fake model.")?;
    let thread = completed["resume"]["value"].as_str().unwrap_or_default().to_owned();
    let name = format!("{}-2", bench.name());
    let there = bench.machine.worktree(&name)?;
    let args = ["--json", "--resume", &thread, &bench.prompt("touch")];
    let second = bench.start(&there, &name, &args)?.end()?;
    if bench.machine.worktree_path(&bench.name()).join("here.txt").exists() {
        return Err(second.wrong("that the engine works in the new folder, and it did in the old one"));
    }
    let completed = second.completed().unwrap_or_default();
    let said = completed["error"].as_str().unwrap_or(&second.stderr);
    if second.code == Some(1) && !said.trim().is_empty() {
        return Ok(Some(format!("refused: {}", first_line(said.trim()))));
    }
    expect_answer(&second, "Touched here.txt.")?;
    if there.join("here.txt").exists() {
        return Ok(None);
    }
    Err(second.wrong("that the engine works in the new folder"))
}

/// A person presses Ctrl-C while the engine's command sleeps.
fn is_cancelled(bench: &Bench<'_>) -> Result<Note, Error> {
    let folder = bench.machine.worktree(&bench.name())?;
    let prompt = bench.prompt("sleep");
    let mut run = bench.start(&folder, &bench.name(), &["--json", &prompt])?;
    let sleeps = run.wait_for_file(&folder.join("child.pid"))?;
    if sleeps {
        run.interrupt()?;
    }
    let interrupted = Instant::now();
    let ended = run.end()?;
    if !sleeps {
        return Err(ended.wrong("a command that sleeps"));
    }
    let completed = ended.completed().unwrap_or_default();
    if ended.code == Some(130) && completed["ok"] == false && completed["interrupted"] == true {
        return Ok(Some(format!("ended {:.1} s after Ctrl-C", interrupted.elapsed().as_secs_f32())));
    }
    Err(ended.wrong("exit code 130, and an interrupted run"))
}

/// A person talks to it in `takopi chat`: `tests/src/session.rs` says what is typed and seen.
fn talks_at_a_terminal(bench: &Bench<'_>) -> Result<Note, Error> {
    let folder = bench.machine.worktree(&bench.name())?;
    let ended = bench.machine.talk(&folder, &bench.name(), bench.runs, bench.way)?.end()?;
    if ended.code != Some(0) {
        return Err(ended.wrong("a conversation to its end"));
    }
    // Here the CLI may do all that it wants to: whom they ask is talked with over Telegram.
    Ok(Some("the permission was asked by acme".to_owned()))
}

/// A person talks to it in a chat of Telegram: `tests/src/bin/telegram_session.rs` says what is written and answered.
fn talks_over_telegram(bench: &Bench<'_>) -> Result<Note, Error> {
    let (engine, name) = (bench.engine, bench.name());
    let ended =
        bench.machine.chat(&name, engine.id, &bench.runs.table(engine.id, bench.way), "threads")?.end()?;
    if ended.code == Some(0) { Ok(None) } else { Err(ended.wrong("an answer, and one more in its thread")) }
}
