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
use takopi_api::config::EngineConfig;
use takopi_api::process::ProcessHost;
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, engine};

/// How many bytes are translated in one measurement, and how often it is repeated. The quickest one counts: whatever else
/// the machine does only adds to a time.
const BYTES: usize = 8 * 1024 * 1024;
const REPEATS: usize = 9;

fn main() {
    println!(
        "{:<10} {:>8} {:>12} {:>12} {:>12} {:>16} {:>10}",
        "engine", "MB", "split ms", "ignore ms", "translate ms", "translate/ignore", "MB/s"
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

fn measure(id: &str, recordings: &[String]) {
    let once: usize = recordings.iter().map(String::len).sum();
    let rounds = BYTES.div_ceil(once);
    let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
    let spec = RunSpec::new("hi", "/repo", processes, ThreadLocks::default());
    let runner = (engine(id).build_runner)(&EngineConfig::empty("/nowhere")).unwrap();
    let each = |work: &dyn Fn(&str) -> usize| {
        quickest(|| (0..rounds).flat_map(|_| recordings).map(|recording| work(recording)).sum())
    };
    let split = each(&|text| memchr::memchr_iter(b'\n', text.as_bytes()).count());
    let ignore =
        each(&|text| text.lines().filter(|line| serde_json::from_str::<IgnoredAny>(line).is_ok()).count());
    let translated = each(&|text| {
        let mut translate = runner.translator(&spec).unwrap();
        text.lines().map(&mut translate).sum()
    });
    let megabytes = (once * rounds) as f64 / 1e6;
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "{id:<10} {megabytes:>8.1} {:>12.2} {:>12.2} {:>12.2} {:>16.2} {:>10.0}",
        ms(split),
        ms(ignore),
        ms(translated),
        translated.as_secs_f64() / ignore.as_secs_f64(),
        megabytes / translated.as_secs_f64(),
    );
}

fn quickest(mut work: impl FnMut() -> usize) -> Duration {
    let times = (0..REPEATS).map(|_| {
        let began = Instant::now();
        black_box(work());
        began.elapsed()
    });
    times.min().unwrap_or_default()
}
