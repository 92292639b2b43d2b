//! A home, a PATH and a working folder of a test's own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use takopi_api::event::{Completed, Event};
use takopi_api::testing::Expected;
use tempfile::TempDir;

use crate::{EngineStart, Script};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// The fake engine prints and does not listen, so the engines are driven by programs that only print.
const ONE_SHOT: [(&str, &str); 4] = [
    ("TAKOPI__CLAUDE__MODE", "print"),
    ("TAKOPI__CODEX__MODE", "exec"),
    ("TAKOPI__OPENCODE__MODE", "run"),
    ("TAKOPI__PI__MODE", "json"),
];

/// Where a test runs the program.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    program: PathBuf,
    fake_engine: PathBuf,
    mark: String,
}

/// A program that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A program that goes on.
#[derive(Debug)]
pub struct Started(Child);

impl Sandbox {
    /// A sandbox for a program and the fake engine, both as `env!("CARGO_BIN_EXE_…")` gives them.
    #[must_use]
    pub fn new(program: &str, fake_engine: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home/.takopi", "bin", "work"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        // A word that stands in the command line of every process that a test leaves behind, and in no other.
        let mark = format!(
            "31415.{}",
            root.path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .bytes()
                .fold(7_u64, |sum, b| { (sum * 31 + u64::from(b)) % 1_000_000_007 })
        );
        Self { root, program: program.into(), fake_engine: fake_engine.into(), mark }
    }

    /// The folder in which runs happen.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// A repository with one commit, beside the folder in which runs happen.
    #[must_use]
    pub fn repository(&self, name: &str) -> PathBuf {
        let path = fs::canonicalize(self.home()).unwrap().join(name);
        fs::create_dir(&path).unwrap();
        let script = "git init -q -b main && git -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m one";
        assert!(self.shell(script).current_dir(&path).status().unwrap().success());
        fs::write(path.join("README"), "").unwrap();
        path
    }

    /// A number of seconds to sleep, by which [`Self::left_behind`] finds the sleeper.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Writes the configuration.
    pub fn config(&self, text: &str) {
        fs::write(self.home().join(".takopi/takopi.toml"), text).unwrap();
    }

    /// Puts a fake engine on PATH.
    pub fn engine(&self, name: &str, script: &Script) {
        let path = self.root.path().join("bin").join(name);
        if !path.exists() {
            symlink(&self.fake_engine, &path).unwrap();
        }
        fs::write(path.with_extension("script"), serde_json::to_vec(script).unwrap()).unwrap();
    }

    /// The arguments with which a fake engine was called, one a line.
    #[must_use]
    pub fn args_of(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join("bin").join(name).with_extension("args")).unwrap()
    }

    /// The prompt that a fake engine got.
    #[must_use]
    pub fn prompt_of(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join("bin").join(name).with_extension("prompt")).unwrap()
    }

    /// The starts of a fake engine whose script notes them, in order.
    #[must_use]
    pub fn starts_of(&self, name: &str) -> Vec<EngineStart> {
        let log = self.root.path().join("bin").join(name).with_extension("log");
        let text = fs::read_to_string(log).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The program with arguments, in this sandbox and with nothing of the machine's own but its tools.
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("HOME", self.home())
            .envs(ONE_SHOT)
            .env("PATH", format!("{}:/usr/bin:/bin", self.root.path().join("bin").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A shell in the same surroundings.
    #[expect(clippy::disallowed_methods, reason = "the test is about what a shell does before")]
    #[must_use]
    pub fn shell(&self, script: &str) -> Command {
        let program = self.command(&[]);
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(self.work()).env_clear().stdin(Stdio::null());
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        for (name, value) in program.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        shell
    }

    /// Ends the processes that carry the mark: a test that left some on purpose cleans up.
    pub fn end_marked(&self) {
        for (pid, _) in self.marked() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                // It may have ended meanwhile.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Runs the program to its end.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Ended {
        self.start(args).end()
    }

    /// Starts the program.
    #[must_use]
    pub fn start(&self, args: &[&str]) -> Started {
        Started(self.command(args).spawn().unwrap())
    }

    /// The command lines of processes that carry the mark of this sandbox.
    #[must_use]
    pub fn left_behind(&self) -> Vec<String> {
        self.marked().into_iter().map(|(_, line)| line).collect()
    }

    fn marked(&self) -> Vec<(i32, String)> {
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.ok()?.path();
            let pid = path.file_name()?.to_str()?.parse().ok()?;
            let line = fs::read(path.join("cmdline")).ok()?;
            Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
        });
        processes.filter(|(_, line)| line.contains(&self.mark)).collect()
    }

    /// Waits until as many processes as this carry the mark.
    pub fn wait_for_marked(&self, count: usize) {
        wait_until("the marked processes", || self.left_behind().len() >= count);
    }
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Started {
    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    #[must_use]
    pub fn end(mut self) -> Ended {
        let stdout = self.0.stdout.take().map(read_all);
        let stderr = self.0.stderr.take().map(read_all);
        let mut status = None;
        wait_until("the end of the program", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        let text = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
            String::from_utf8(reader.map(|reader| reader.join().unwrap()).unwrap_or_default()).unwrap()
        };
        Ended { code: status.unwrap().code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

fn read_all(mut reader: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

impl Ended {
    /// The events on standard output, and nothing else there.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("no event: {line}: {error}"))
            })
            .collect()
    }

    /// The last event, after a look at the others: see [`takopi_api::testing::check_events`].
    #[must_use]
    pub fn completed(&self) -> Completed {
        let events = self.events();
        let engine = events.first().unwrap_or_else(|| panic!("no events: {self:?}")).engine().clone();
        takopi_api::testing::check_events(&engine, &events)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The recordings in an engine's folder, by name.
#[must_use]
pub fn recordings(engine: &str) -> (PathBuf, BTreeMap<String, Expected>) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../backends/engine-{engine}/tests/recordings"));
    let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
    (folder, serde_json::from_str(&expected).unwrap())
}
