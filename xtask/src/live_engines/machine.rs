//! Where an engine's runs happen: a home folder with its configuration, and a repository to make worktrees of.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::engines::{Engine, PORT, Runs, Way};
use super::installation::Installation;
use super::processes;
use super::takopi::Run;
use crate::cargo::command;
use crate::error::Error;

/// After this a run hangs.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// A conversation has about ten runs.
const LONGEST_CONVERSATION: Duration = Duration::from_secs(600);

/// The configuration of runs that are driven so.
fn config_of(way: Way) -> String {
    format!("{}/takopi.toml", way.name())
}

/// The programs that are started.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    /// The program under test.
    pub(super) takopi: PathBuf,
    /// Talks to takopi at a terminal.
    pub(super) terminal: PathBuf,
    /// Talks to takopi over Telegram.
    pub(super) telegram: PathBuf,
}

/// What every run of an engine has in common.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) engine: &'static Engine,
    programs: Programs,
    /// PATH: the engine's CLI, and what the machine has.
    path: OsString,
    /// Not below the system's temporary folder, where codex refuses to keep its helpers.
    home: PathBuf,
    /// Temporary files of engines. A folder of its own, as `target` itself may be below the system's.
    temporary: PathBuf,
    /// The repository and its worktrees, one or two a case.
    work: PathBuf,
    /// What the runs print.
    output: PathBuf,
    port: u16,
}

impl Machine {
    /// Makes the folders new.
    pub(super) fn set_up(
        installation: &Installation,
        programs: &Programs,
        engine: &'static Engine,
        port: u16,
    ) -> Result<Self, Error> {
        let folder = |name: &str| -> Result<PathBuf, Error> {
            let path = installation.folder().join("machines").join(engine.id).join(name);
            if path.exists() {
                fs::remove_dir_all(&path).map_err(|error| Error::at(&path, error))?;
            }
            fs::create_dir_all(&path).map_err(|error| Error::at(&path, error))?;
            // `/proc` knows no symbolic links.
            path.canonicalize().map_err(|error| Error::at(&path, error))
        };
        let machine = Self {
            engine,
            programs: programs.clone(),
            path: installation.path_of(engine)?,
            home: folder("home")?,
            temporary: folder("tmp")?,
            work: folder("work")?,
            output: folder("output")?,
            port,
        };
        for way in [Way::Trusted, Way::OneShot] {
            if let Some(runs) = &engine.runs {
                machine.write(&config_of(way), &runs.table(engine.id, way))?;
            }
        }
        for (path, text) in engine.files {
            machine.write(path, &machine.with_port(text))?;
        }
        machine.make_repository()?;
        Ok(machine)
    }

    /// A worktree that nobody was in.
    pub(super) fn worktree(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.worktree_path(name);
        self.git([
            OsStr::new("worktree"),
            "add".as_ref(),
            "--quiet".as_ref(),
            "--detach".as_ref(),
            path.as_ref(),
        ])?;
        Ok(path)
    }

    /// Where the worktree of this name is.
    pub(super) fn worktree_path(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// Starts a run. What it prints is kept in files of this name.
    pub(super) fn start(&self, folder: &Path, name: &str, way: Way, args: &[&str]) -> Result<Run, Error> {
        let mut takopi = command(&self.programs.takopi);
        takopi.env_clear().env("TAKOPI_CONFIG", self.home.join(config_of(way)));
        takopi.args(["run", "--engine", self.engine.id]).args(args);
        self.start_in(folder, name, takopi, LONGEST_RUN)
    }

    /// Starts a conversation at a terminal. Its takopi has a configuration of its own, in which the repository is a
    /// project: no other run is to belong to one.
    pub(super) fn talk(&self, folder: &Path, name: &str, runs: &Runs, way: Way) -> Result<Run, Error> {
        let id = self.engine.id;
        let table = runs.table(id, way);
        let site = self.repository();
        let config = "session/takopi.toml";
        self.write(
            config,
            &format!("default_engine = \"{id}\"\n\n[projects.site]\npath = {site:?}\n\n{table}"),
        )?;
        let mut session = command(&self.programs.terminal);
        session.env_clear().env("TAKOPI_CONFIG", self.home.join(config));
        session.arg(&self.programs.takopi).arg(id).arg(site);
        self.start_in(folder, name, session, LONGEST_CONVERSATION)
    }

    /// Starts a conversation over Telegram of which this is the part, with the engine of this id and table. Its takopi has a
    /// configuration of its own, which names the server, and remembers nothing of the conversations before.
    pub(super) fn chat(&self, name: &str, id: &str, table: &str, part: &str) -> Result<Run, Error> {
        let folder = self.worktree(name)?;
        let config = format!("{name}/takopi.toml");
        self.write(&config, &format!("default_engine = \"{id}\"\n\n{table}"))?;
        let mut session = command(&self.programs.telegram);
        session.env_clear().arg(&self.programs.takopi).arg(id).arg(self.home.join(config)).arg(part);
        self.start_in(&folder, name, session, LONGEST_CONVERSATION)
    }

    /// Starts a program whose environment was cleared: what is set here is all of the machine's own that it sees.
    fn start_in(
        &self,
        folder: &Path,
        name: &str,
        mut program: Command,
        limit: Duration,
    ) -> Result<Run, Error> {
        program
            .current_dir(folder)
            .env("HOME", &self.home)
            .env("PATH", &self.path)
            .env("TMPDIR", &self.temporary)
            .envs([("TERM", "dumb"), ("LANG", "C.UTF-8"), ("NO_PROXY", "127.0.0.1,localhost")]);
        for (variable, value) in self.engine.variables {
            program.env(variable, self.with_port(value));
        }
        Run::start(program, &self.output, name, limit)
    }

    /// The processes that are left of runs.
    pub(super) fn left(&self) -> Vec<String> {
        processes::left(&self.home, &self.work)
    }

    fn with_port(&self, text: &str) -> String {
        text.replace(PORT, &self.port.to_string())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Error> {
        let path = self.home.join(path);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Error::at(&path, error))
    }

    fn make_repository(&self) -> Result<(), Error> {
        let path = self.repository();
        fs::create_dir_all(&path).map_err(|error| Error::at(&path, error))?;
        self.git(["init", "--quiet"])?;
        self.git([
            "-c",
            "user.name=Live Test",
            "-c",
            "user.email=live@example.invalid",
            "-c",
            "commit.gpgsign=false",
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            "Begin",
        ])
    }

    fn repository(&self) -> PathBuf {
        self.work.join("repository")
    }

    fn git(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<(), Error> {
        let mut git = command("git");
        // The person's own configuration may ask for hooks, signatures and more. The variables are those that are set
        // while git itself runs a hook.
        git.env("HOME", &self.home).env("GIT_CONFIG_NOSYSTEM", "1");
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            git.env_remove(variable);
        }
        let output = git
            .arg("-C")
            .arg(self.repository())
            .args(args)
            .output()
            .map_err(|error| Error::new(format!("git could not be run: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::new(format!("git ended with {}: {}", output.status, said.trim_end())))
    }
}
