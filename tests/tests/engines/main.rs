//! docs/reference/engines.md: its table is what the engines say of themselves, and each cell names the test that shows it.
//!
//! `TAKOPI_WRITE_DOCS=1 cargo nextest run -p takopi-tests --test engines` writes the table.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi as _;
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::engine::{EngineCapabilities, EngineId, Modes};
use takopi_api::event::{Decision, Outcome, RequestId};
use takopi_api::process::ProcessHost;
use takopi_api::runner::{ControlError, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, check_events, engine};

mod proofs;

use proofs::{PROOFS, Proof};

const PAGE: &str = "docs/reference/engines.md";
const BEGIN: &str = "<!-- generated: capabilities -->";
const END: &str = "<!-- end of generated: capabilities -->";

/// The engines, each in the ways in which it can be driven: its id, the key that chooses the way, and the ways, the default
/// first.
const ENGINES: &[(&str, &[&str])] = &[
    ("acme", &[]),
    ("acp", &[]),
    ("claude", &["control", "print"]),
    ("codex", &["app_server", "exec"]),
    ("gemini", &[]),
    ("opencode", &["serve", "run"]),
    ("pi", &["rpc", "json"]),
    ("qwen", &[]),
];

/// What shows that an engine does not do what it says that it does not.
const DOES_NOT: Proof =
    Proof { path: "tests/tests/engines/main.rs", name: "what_an_engine_can_not_do_it_says" };

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ability {
    Permissions,
    Questions,
    Plans,
    Steer,
    Interrupt,
    LiveText,
    Modes,
    Model,
    Reasoning,
    Resume,
}

impl Ability {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Permissions, "permissions"),
        (Self::Questions, "questions"),
        (Self::Plans, "plans"),
        (Self::Steer, "steer"),
        (Self::Interrupt, "interrupt"),
        (Self::LiveText, "live text"),
        (Self::Modes, "modes"),
        (Self::Model, "model"),
        (Self::Reasoning, "reasoning"),
        (Self::Resume, "resume"),
    ];

    /// What an engine says of it; nothing if it can not do it.
    fn of(self, can: &EngineCapabilities) -> Option<String> {
        let yes = |is_so: bool| is_so.then(|| "yes".to_owned());
        match self {
            Self::Permissions => yes(can.permissions),
            Self::Questions => yes(can.questions),
            Self::Plans => yes(can.plans),
            Self::Steer => yes(can.steer),
            Self::LiveText => yes(can.live_text),
            Self::Model => yes(can.model),
            Self::Reasoning => (!can.reasoning_levels.is_empty()).then(|| can.reasoning_levels.join(", ")),
            Self::Modes => match can.modes {
                Modes::None => None,
                Modes::Named(names) => Some(names.join(", ")),
                _ => Some("its agent's".to_owned()),
            },
            // Every engine has to be able to do these.
            Self::Interrupt | Self::Resume => yes(true),
        }
    }
}

/// A row of the table: an engine, driven in one way.
struct Driven {
    id: &'static str,
    way: Option<&'static str>,
    can: EngineCapabilities,
    runner: Arc<dyn Runner>,
}

impl Driven {
    fn all() -> Vec<Self> {
        let ways = |(id, ways): &(&'static str, &'static [&'static str])| {
            let ways: Vec<_> =
                if ways.is_empty() { vec![None] } else { ways.iter().copied().map(Some).collect() };
            ways.into_iter().map(|way| Self::new(id, way)).collect::<Vec<_>>()
        };
        ENGINES.iter().flat_map(ways).collect()
    }

    fn new(id: &'static str, way: Option<&'static str>) -> Self {
        let text = match (id, way) {
            ("acp", _) => "agent = \"a\"\n[agents.a]\ncommand = [\"a\"]\n".to_owned(),
            (_, Some(way)) => format!("mode = \"{way}\"\n"),
            (_, None) => String::new(),
        };
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
        let backend = engine(id);
        let folder = tempfile::tempdir().unwrap();
        let runner = (backend.build_runner)(&EngineConfig::new(table, folder.path())).unwrap();
        let can = runner.capabilities().unwrap_or(backend.capabilities);
        Self { id, way, can, runner }
    }

    fn name(&self) -> String {
        match self.way {
            Some(way) => format!("`{}`, `mode = \"{way}\"`", self.id),
            None => format!("`{}`", self.id),
        }
    }

    /// The test that shows what stands in a cell.
    fn proof(&self, ability: Ability) -> Proof {
        if ability.of(&self.can).is_none() {
            return DOES_NOT;
        }
        let mut of_this = PROOFS
            .iter()
            .filter(|(id, way, proven, ..)| *id == self.id && *way == self.way && *proven == ability);
        match of_this.next() {
            Some((.., path, name)) => Proof { path, name },
            None => panic!("nothing shows that {} has {ability:?}", self.name()),
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_engine_of_this_build_has_a_row() {
    let rows: BTreeSet<_> = ENGINES.iter().map(|(id, _)| *id).collect();
    let built = takopi_api::plugin::backends()
        .filter(|row| row.kind() == takopi_api::plugin::BackendKind::Engine)
        // What a preset can do, the engine of its crate can.
        .filter(|row| !row.id.ends_with("_acp"))
        .map(|row| row.id);
    assert_eq!(built.collect::<BTreeSet<_>>(), rows);
}

/// What an engine can not do any more needs no test.
#[test]
fn nothing_is_shown_that_no_engine_says() {
    let engines = Driven::all();
    for (id, way, ability, ..) in PROOFS {
        let engine = engines.iter().find(|engine| engine.id == *id && engine.way == *way);
        let said = engine.and_then(|engine| ability.of(&engine.can));
        assert!(said.is_some(), "{id} {way:?} does not say {ability:?}");
    }
}

#[test]
fn every_cell_is_what_the_engine_says_and_names_a_test_that_is_there() {
    let engines = Driven::all();
    let mut named = BTreeSet::new();
    let heading: String = Ability::ALL.iter().map(|(_, name)| format!(" {name} |")).collect();
    let mut table = format!("| engine |{heading}\n|---|{}\n", "---|".repeat(Ability::ALL.len()));
    for engine in &engines {
        table.push_str(&format!("| {} |", engine.name()));
        for (ability, _) in Ability::ALL {
            let proof = engine.proof(ability);
            named.insert((proof.path, proof.name));
            let text = ability.of(&engine.can).unwrap_or_else(|| "no".to_owned());
            table.push_str(&format!(" [{text}](../../{} \"{}\") |", proof.path, proof.name));
        }
        table.push('\n');
    }
    for (path, name) in named {
        let source = std::fs::read_to_string(repository().join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let is_test = |at: usize| {
            let before: String = source[..at].lines().rev().take(6).collect();
            before.contains("test]") || before.contains("test(")
        };
        // Some tests are rows of a table.
        let is_there = source.find(&format!("fn {name}(")).is_some_and(is_test)
            || source.contains(&format!("\n    {name} => "));
        assert!(is_there, "{path} has no test `{name}`");
    }
    let path = repository().join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}\n{table}{END}{after}");
    if std::env::var_os("TAKOPI_WRITE_DOCS").is_some() {
        std::fs::write(path, fresh).unwrap();
    } else {
        assert!(fresh == page, "{PAGE} is out of date: the head of this test says how it is written");
    }
}

/// A run of a program that waits is steered, and asked nothing: engines that can not, say so.
#[tokio::test]
async fn what_an_engine_can_not_do_it_says() {
    for Driven { id, can, runner, .. } in Driven::all() {
        if can.steer && can.asks() {
            continue;
        }
        let processes = ScriptedProcesses::new(Script::new("").waits());
        let processes: Arc<dyn ProcessHost> = processes;
        let run = runner.run(RunSpec::new("wait", "/", processes, ThreadLocks::default()));
        let control = run.control.clone();
        let events = tokio::spawn(takopi_api::testing::collect(run));
        // Before it has begun it says that there is nothing to steer, so it is asked until it goes on.
        let answered = loop {
            tokio::task::yield_now().await;
            match control.steer("more").await {
                Err(ControlError::Over) if !events.is_finished() => {}
                other => break other,
            }
        };
        if !can.steer {
            assert!(answered.is_err(), "{id} was steered");
        }
        let request = RequestId::new("1");
        let unasked = control.answer(&request, Decision::AllowOnce).await;
        assert!(unasked.is_err(), "{id} took an answer to nothing");
        control.kill();
        let completed = check_events(&EngineId::parse(id).unwrap(), &events.await.unwrap());
        assert_ne!(completed.outcome, Outcome::Done, "{id}");
    }
}
