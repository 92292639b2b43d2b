//! What translating costs, for each engine on its own recordings: against splitting the same bytes into lines, and
//! against reading each line as JSON without keeping anything. Each recording is a run of its own, from a new translation
//! to the end. Run with `cargo bench -p takopi-tests --bench translate`.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking that something is missing")]
#![expect(clippy::print_stdout, reason = "printing figures is what a benchmark is for")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use takopi as _;
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::process::ProcessHost;
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, engine};

/// How often each recording is measured. Its quickest time counts: whatever else the machine does only adds to a time.
const REPEATS: usize = 200;

fn main() {
    println!(
        "{:<10} {:>8} {:>12} {:>12} {:>12} {:>16} {:>10}",
        "engine", "MB", "split us", "ignore us", "translate us", "translate/ignore", "MB/s"
    );
    for known in takopi::bundled::KNOWN.iter().filter(|known| known.kind() == "engine") {
        let recordings = recordings(known.feature);
        // The embedded engine has no lines.
        if !recordings.is_empty() {
            measure(known.id(), &recordings);
        }
    }
}

/// Every recording of an engine.
fn recordings(feature: &str) -> Vec<String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../backends").join(feature).join("tests/recordings");
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The engine as one that only prints, as it was recorded.
fn one_way(id: &str) -> EngineConfig {
    const MODES: [(&str, &str); 4] =
        [("claude", "print"), ("codex", "exec"), ("opencode", "run"), ("pi", "json")];
    match MODES.iter().find(|(engine, _)| *engine == id) {
        Some((engine, mode)) => {
            let text = format!("[{engine}]\nmode = '{mode}'\n");
            let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
            EngineConfig::new(table.table(engine).unwrap(), "/nowhere")
        }
        None => EngineConfig::empty("/nowhere"),
    }
}

fn measure(id: &str, recordings: &[String]) {
    let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
    let spec = RunSpec::new("hi", "/repo", processes, ThreadLocks::default());
    let runner = (engine(id).build_runner)(&one_way(id)).unwrap();
    let split = |text: &str| memchr::memchr_iter(b'\n', text.as_bytes()).count();
    let ignore =
        |text: &str| text.lines().filter(|line| serde_json::from_str::<IgnoredAny>(line).is_ok()).count();
    let translate = |text: &str| {
        let mut translate = runner.translator(&spec).unwrap();
        text.lines().map(&mut translate).sum()
    };
    let [split, ignore, translate] = quickest(recordings, [&split, &ignore, &translate]);
    let megabytes = recordings.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    let us = |duration: Duration| duration.as_secs_f64() * 1e6;
    println!(
        "{id:<10} {megabytes:>8.2} {:>12.1} {:>12.1} {:>12.1} {:>16.2} {:>10.0}",
        us(split),
        us(ignore),
        us(translate),
        translate.as_secs_f64() / ignore.as_secs_f64(),
        megabytes / translate.as_secs_f64(),
    );
}

/// What each work takes for all recordings: the sum of the quickest times of each. They take turns, so that a machine that
/// is busy for a while is so for all of them.
fn quickest<const N: usize>(recordings: &[String], works: [&dyn Fn(&str) -> usize; N]) -> [Duration; N] {
    let mut quickest = vec![[Duration::MAX; N]; recordings.len()];
    for _ in 0..REPEATS {
        for (at, work) in works.iter().enumerate() {
            for (text, quickest) in recordings.iter().zip(&mut quickest) {
                let began = Instant::now();
                black_box(work(text));
                quickest[at] = quickest[at].min(began.elapsed());
            }
        }
    }
    std::array::from_fn(|at| quickest.iter().map(|quickest| quickest[at]).sum())
}
