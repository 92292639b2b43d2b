//! The conformance suite of an engine: recordings of its real CLI, and what a person would expect of each.
//!
//! A folder holds `<scenario>.jsonl` (standard output as it came), `<scenario>.stderr` (standard error; absent if empty)
//! and `expected.json`, which maps each scenario to an [`Expected`].

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Script, ScriptedProcesses, check_events, collect};
use crate::event::{Completed, Event, EventFactory, Outcome};
use crate::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition};
use crate::process::{ExitStatus, ProcessHost};
use crate::resume::ResumeToken;
use crate::runner::{RunSpec, Runner, ThreadLocks};

/// Recordings longer than this are not tried in variants, in bytes.
const LARGE: usize = 40_000;

/// At how many bytes of the last line a whole run is cut off. The translation alone is cut off at each.
const WHOLE_RUNS: usize = 64;

/// Events longer than this are shortened in a snapshot, in bytes.
const LONG_EVENT: usize = 2_000;

/// What a person would expect of a recording.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Whether the run is done; absent or null: either.
    #[serde(default)]
    pub ok: Option<bool>,
    /// How the CLI exited; negative: by that signal.
    pub exit: i32,
    /// The answer. If it ends in `…`, the answer begins so.
    #[serde(default)]
    pub answer: Option<String>,
    /// The thread that the CLI was asked to continue.
    #[serde(default)]
    pub resume: Option<String>,
    /// A part of the error.
    #[serde(default)]
    pub error: Option<String>,
    /// How many lines can not be read, e.g. one that was cut off.
    #[serde(default)]
    pub unreadable: usize,
}

/// The recordings of an engine.
#[derive(Debug)]
pub struct Recordings<M> {
    folder: PathBuf,
    engine: M,
    expected: BTreeMap<String, Expected>,
}

impl<E: JsonlEngine, M: Fn() -> E> Recordings<M> {
    /// The recordings in a folder, for the engine that `engine` makes.
    ///
    /// # Panics
    /// If the folder has no readable `expected.json`.
    pub fn new(folder: impl Into<PathBuf>, engine: M) -> Self {
        let folder = folder.into();
        let text = fs::read_to_string(folder.join("expected.json")).expect("the folder has an expected.json");
        let expected = serde_json::from_str(&text).expect("expected.json is of its form");
        Self { folder, engine, expected }
    }

    /// Runs every check, and gives the events of each recording for a snapshot, one event a line.
    ///
    /// # Panics
    /// With what is wrong.
    pub async fn check(&self) -> BTreeMap<String, String> {
        self.check_complete();
        let mut snapshots = BTreeMap::new();
        for (name, expected) in &self.expected {
            let stdout = self.read(name, "jsonl");
            self.check_accounted(name, expected, &stdout);
            self.check_cut(name, expected, &stdout);
            let (completed, events) = self.play(name, expected, &stdout, None).await;
            check_expected(name, expected, &completed);
            if stdout.len() < LARGE {
                self.check_variants(name, expected, &stdout, &completed).await;
            }
            snapshots.insert(name.clone(), snapshot(&events));
        }
        snapshots
    }

    /// Each recording is expected, and each expectation has a recording or is one of a CLI that printed nothing.
    fn check_complete(&self) {
        for entry in fs::read_dir(&self.folder).expect("the folder can be read").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                assert!(self.expected.contains_key(&name), "{name} is not in expected.json");
            }
        }
    }

    /// Each line is translated, or ignored on purpose.
    fn check_accounted(&self, name: &str, expected: &Expected, stdout: &[u8]) {
        let engine = (self.engine)();
        let spec = self.spec(&engine, expected, Script::new(""));
        let mut state = engine.state(&spec);
        let mut out = EventFactory::new(engine.engine().clone(), spec.resume.clone());
        let mut unreadable = 0;
        for line in String::from_utf8_lossy(stdout).lines().filter(|line| !line.trim().is_empty()) {
            match engine.translate(line, &mut state, &mut out) {
                Recognition::Known | Recognition::Ignored => {}
                Recognition::Unknown { kind } => {
                    panic!("{name}: a line of type `{kind}` is not accounted for")
                }
                Recognition::Malformed { .. } => unreadable += 1,
            }
        }
        assert_eq!(unreadable, expected.unreadable, "{name}: unreadable lines");
    }

    /// The last line, cut off at each of its bytes, is no line: nothing comes of it, and nothing is remembered of it.
    fn check_cut(&self, name: &str, expected: &Expected, stdout: &[u8]) {
        let (before, last) = stdout.split_at(last_line(stdout));
        let (before, last) = (String::from_utf8_lossy(before), String::from_utf8_lossy(last));
        let last = last.trim_end();
        // A recording may have been cut off itself.
        if serde_json::from_str::<IgnoredAny>(last).is_err() {
            return;
        }
        let engine = (self.engine)();
        let spec = self.spec(&engine, expected, Script::new(""));
        let translate = |cuts: &[&str]| {
            let mut state = engine.state(&spec);
            let mut out = EventFactory::new(engine.engine().clone(), spec.resume.clone());
            for line in before.lines().filter(|line| !line.trim().is_empty()) {
                engine.translate(line, &mut state, &mut out);
            }
            let mut events: Vec<Event> = std::iter::from_fn(|| out.pop()).collect();
            for cut in cuts {
                let recognition = engine.translate(cut, &mut state, &mut out);
                assert!(
                    matches!(recognition, Recognition::Malformed { .. } | Recognition::Ignored),
                    "{name} cut off to {cut:?}: {recognition:?}"
                );
                let event = out.pop();
                assert_eq!(event, None, "{name} cut off to {cut:?}");
            }
            engine.translate(last, &mut state, &mut out);
            events.extend(std::iter::from_fn(|| out.pop()));
            events
        };
        // What is left of a character that was cut is not UTF-8, and its runner gives U+FFFD in its place: that can
        // make no line whole either.
        let cuts: Vec<&str> = (1..last.len()).filter_map(|end| last.get(..end)).collect();
        assert_eq!(translate(&cuts), translate(&[]), "{name} after its last line was cut off");
    }

    /// What another version of the CLI could print must not change the outcome, and a CLI that is cut off must not
    /// look as if it had finished.
    async fn check_variants(&self, name: &str, expected: &Expected, stdout: &[u8], whole: &Completed) {
        let with_fields = edit_lines(stdout, |line| add_fields(line).unwrap_or_else(|| line.to_owned()));
        let with_lines = edit_lines(stdout, |line| {
            format!("{{\"type\":\"zz_from_the_future\",\"item\":{{\"a\":[1]}},\"message\":7}}\n{line}")
        });
        for (variant, text) in [("more fields", with_fields), ("more lines", with_lines)] {
            let (completed, _) = self.play(name, expected, text.as_bytes(), None).await;
            assert_eq!(completed.outcome, whole.outcome, "{name} with {variant}");
            assert_eq!(completed.answer, whole.answer, "{name} with {variant}");
        }
        let last_line = last_line(stdout);
        let step = (stdout.len() - last_line).div_ceil(WHOLE_RUNS).max(1);
        for end in (last_line..stdout.len()).step_by(step) {
            let is_whole = serde_json::from_slice::<Value>(&stdout[last_line..end]).is_ok();
            let killed = Some(ExitStatus::Signal(9));
            let (completed, _) = self.play(name, expected, &stdout[..end], killed).await;
            let is_honest = is_whole || whole.is_done() || !completed.is_done();
            assert!(is_honest, "{name} cut off at byte {end}: {completed:?}");
        }
    }

    async fn play(
        &self,
        name: &str,
        expected: &Expected,
        stdout: &[u8],
        status: Option<ExitStatus>,
    ) -> (Completed, Vec<Event>) {
        let engine = (self.engine)();
        let own_status = if expected.exit < 0 {
            ExitStatus::Signal(-expected.exit)
        } else {
            ExitStatus::Code(expected.exit)
        };
        let stderr = String::from_utf8_lossy(&self.read(name, "stderr")).into_owned();
        let script = Script::new(stdout).stderr(stderr).status(status.unwrap_or(own_status));
        let spec = self.spec(&engine, expected, script);
        let id = engine.engine().clone();
        let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(engine));
        let events = collect(runner.run(spec)).await;
        (check_events(&id, &events), events)
    }

    fn spec(&self, engine: &E, expected: &Expected, script: Script) -> RunSpec {
        let processes = ScriptedProcesses::new(script) as Arc<dyn ProcessHost>;
        let resume = expected.resume.as_ref().map(|thread| {
            ResumeToken::new(engine.engine().clone(), thread.as_str()).expect("a recorded thread is a token")
        });
        RunSpec::new("Please do the task.", "/repo", processes, ThreadLocks::default()).resume(resume)
    }

    fn read(&self, name: &str, ending: &str) -> Vec<u8> {
        fs::read(self.folder.join(format!("{name}.{ending}"))).unwrap_or_default()
    }
}

fn check_expected(name: &str, expected: &Expected, completed: &Completed) {
    if let Some(ok) = expected.ok {
        assert_eq!(completed.is_done(), ok, "{name}: {completed:?}");
    }
    if let Some(answer) = &expected.answer {
        let fits = match answer.strip_suffix('…') {
            Some(beginning) => completed.answer.starts_with(beginning),
            None => completed.answer == *answer,
        };
        assert!(fits, "{name}: the answer is {:?}", completed.answer);
    }
    if let Some(part) = &expected.error {
        let Outcome::Failed { error } = &completed.outcome else {
            panic!("{name}: not failed: {completed:?}")
        };
        assert!(error.contains(part), "{name}: {part:?} is not in {error:?}");
    }
}

fn snapshot(events: &[Event]) -> String {
    let lines = events.iter().map(|event| {
        let json = serde_json::to_string(event).expect("every event has JSON");
        match json.char_indices().nth(LONG_EVENT / 4) {
            Some((end, _)) if json.len() > LONG_EVENT => format!("{}… {} bytes", &json[..end], json.len()),
            _ => json,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where the last line begins.
fn last_line(stdout: &[u8]) -> usize {
    let before_its_end = &stdout[..stdout.len().saturating_sub(1)];
    before_its_end.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

fn edit_lines(stdout: &[u8], edit: impl Fn(&str) -> String) -> String {
    String::from_utf8_lossy(stdout).split_inclusive('\n').map(edit).collect()
}

/// Adds fields to an object, and to the objects in it.
fn add_fields(line: &str) -> Option<String> {
    fn add(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.values_mut().for_each(add);
                object.insert("zz_new".to_owned(), serde_json::json!({ "deep": [null, 1.5, "x"] }));
            }
            Value::Array(array) => array.iter_mut().for_each(add),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(line.trim_end()).ok()?;
    value.is_object().then(|| add(&mut value))?;
    let end = if line.ends_with('\n') { "\n" } else { "" };
    Some(format!("{value}{end}"))
}
