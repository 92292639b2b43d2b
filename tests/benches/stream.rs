//! A stream of 34 MB through a real process: all the way to events, against the same process read line by line and no
//! more. Run with `cargo bench -p takopi-tests --bench stream`.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking that something is missing")]
#![expect(clippy::print_stdout, reason = "printing figures is what a benchmark is for")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use takopi::process::{Limits, LocalProcesses};
use takopi_api::async_trait;
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::event::Event;
use takopi_api::jsonl::{LINE_BYTES, LineReader};
use takopi_api::process::{CommandSpec, Process, ProcessHost, SpawnError};
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{collect, engine};

const BYTES: usize = 34_000_000;

/// The quickest time counts: whatever else the machine does only adds to a time.
const REPEATS: usize = 21;

/// Starts `cat` on a file in place of whatever is asked for.
struct Cat {
    host: Arc<LocalProcesses>,
    file: String,
}

impl Cat {
    fn command(&self, cwd: &Path) -> CommandSpec {
        CommandSpec::new("cat", cwd).arg(&self.file)
    }
}

#[async_trait]
impl ProcessHost for Cat {
    async fn spawn(&self, asked: CommandSpec) -> Result<Process, SpawnError> {
        self.host.spawn(self.command(&asked.cwd)).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stream.jsonl");
    fs::write(&file, stream()).unwrap();
    let host = LocalProcesses::new(Limits::default());
    let cat = Arc::new(Cat { host: Arc::clone(&host), file: file.to_string_lossy().into_owned() });
    let (mut lines, mut events) = (Duration::MAX, Duration::MAX);
    for _ in 0..REPEATS {
        lines = lines.min(only_lines(&cat, folder.path()).await);
        events = events.min(all_events(&cat, folder.path()).await);
    }
    println!("{:.1} MB, quickest of {REPEATS}", BYTES as f64 / 1e6);
    println!("cat, read line by line  {:>8.1} ms", lines.as_secs_f64() * 1e3);
    println!("cat, to events          {:>8.1} ms", events.as_secs_f64() * 1e3);
    println!("ratio                   {:>8.2}", events.as_secs_f64() / lines.as_secs_f64());
    host.shutdown().await;
}

/// A run of codex with commands that print much, as it prints it: some 17 kB a line.
fn stream() -> String {
    let mut text =
        "{\"type\":\"thread.started\",\"thread_id\":\"t1\"}\n{\"type\":\"turn.started\"}\n".to_owned();
    let output = "compiling something with a name of some length\\n".repeat(350);
    let mut n = 0;
    while text.len() < BYTES {
        n += 1;
        text.push_str(&format!("{{\"type\":\"item.completed\",\"item\":{{\"id\":\"item_{n}\",\"type\":\"command_execution\",\"command\":\"/bin/bash -lc 'cargo build'\",\"aggregated_output\":\"{output}\",\"exit_code\":0,\"status\":\"completed\"}}}}\n"));
    }
    text.push_str("{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1}}\n");
    text
}

async fn only_lines(cat: &Cat, cwd: &Path) -> Duration {
    let began = Instant::now();
    let process = cat.host.spawn(cat.command(cwd)).await.unwrap();
    let mut reader = LineReader::new(process.stdout, LINE_BYTES);
    while reader.next().await.unwrap().is_some() {}
    process.handle.exited().await;
    began.elapsed()
}

async fn all_events(cat: &Arc<Cat>, cwd: &Path) -> Duration {
    let began = Instant::now();
    let processes = Arc::clone(cat) as Arc<dyn ProcessHost>;
    // The program that only prints: a server would be talked with.
    let table = ConfigTable::from_toml(cwd, "[codex]\nmode = 'exec'\n").unwrap().table("codex").unwrap();
    let runner = (engine("codex").build_runner)(&EngineConfig::new(table, cwd)).unwrap();
    let events = collect(runner.run(RunSpec::new("hi", cwd, processes, ThreadLocks::default()))).await;
    let took = began.elapsed();
    let is_done = matches!(events.last(), Some(Event::Completed(completed)) if completed.is_done());
    assert!(is_done, "{:?}", events.last());
    took
}
