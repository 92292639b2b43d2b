//! `cargo xtask live-engines`: the real CLIs of the engines, driven by `takopi run`, against the scripted model server of
//! `tests/`. Everything that it needs goes below `target/live-engines`; nothing of the machine's own is used or changed.
//! Each engine has a machine of its own there, so that as many as there are processors run at a time.

mod cases;
mod engines;
mod installation;
mod machine;
mod processes;
mod server;
mod takopi;

use std::num::NonZero;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use crate::cargo::{Profile, build_program, build_test_program};
use crate::error::Error;
use crate::workspace::Workspace;

use self::engines::{ENGINES, Engine, Way};
use self::installation::Installation;
use self::machine::{Machine, Programs};
use self::server::Server;

/// What takopi has besides the engines: the chats to talk in, the engine that asks for permission at the terminal, and those
/// that the same CLIs are by the Agent Client Protocol.
const ALWAYS: &[&str] = &["engine-acme", "engine-acp", "transport-telegram", "transport-terminal"];

pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<ExitCode, Error> {
    let engines = chosen(names, &workspace.backend_folders()?)?;
    let Some(installation) = Installation::open(workspace.target("live-engines"))? else {
        println!("skipped: npm is not installed");
        return Ok(ExitCode::SUCCESS);
    };
    installation.install_node()?;
    let features: Vec<_> = ALWAYS.iter().copied().chain(engines.iter().map(|engine| engine.plugin)).collect();
    let program = build_program(
        workspace,
        Profile::Dev,
        &["--no-default-features", "--features", &features.join(",")],
    )?;
    let server = Server::start(&build_test_program(workspace, "model-server", Profile::Dev)?)?;
    let programs = Programs {
        takopi: program,
        terminal: build_test_program(workspace, "terminal-session", Profile::Dev)?,
        telegram: build_test_program(workspace, "telegram-session", Profile::Dev)?,
    };
    let started = Instant::now();
    let count = each(&engines, |engine| {
        installation.install(engine)?;
        run_cases(&Machine::set_up(&installation, &programs, engine, server.port())?)
    })?;
    println!("ok: {count} cases of {} engines in {} s", engines.len(), started.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}

/// Does something with each engine, and adds up what comes of it. One that fails does not keep the others from being tried.
fn each(
    engines: &[&'static Engine],
    work: impl Fn(&'static Engine) -> Result<usize, Error> + Sync,
) -> Result<usize, Error> {
    let waiting = Mutex::new(engines.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || std::iter::from_fn(next).map(|engine| work(engine)).collect::<Vec<_>>();
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<Result<usize, Error>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let join =
            |worker: ScopedJoinHandle<'_, _>| worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        workers.into_iter().flat_map(join).collect()
    });
    let mut failed = Vec::new();
    let mut count = 0;
    for outcome in outcomes {
        match outcome {
            Ok(more) => count += more,
            Err(error) => failed.push(error),
        }
    }
    match failed.into_iter().reduce(|errors, error| errors.and(&error)) {
        None => Ok(count),
        Some(error) => Err(error),
    }
}

/// Runs all cases of an engine, one after the other, and counts those that went well.
fn run_cases(machine: &Machine) -> Result<usize, Error> {
    let mut count = 0;
    let mut note = |line: String| {
        println!("{line}");
        count += usize::from(line.starts_with("ok "));
    };
    if let Some(runs) = &machine.engine.runs {
        for case in cases::CASES {
            note(case.run(machine, runs, Way::Trusted)?);
        }
        if runs.one_shot.is_some() {
            for case in cases::CASES.iter().filter(|case| cases::ONE_SHOT.contains(&case.name())) {
                note(case.run(machine, runs, Way::OneShot)?);
            }
        }
    }
    for talks in machine.engine.talks {
        for part in talks.parts {
            note(cases::talk(machine, talks, part)?);
        }
    }
    Ok(count)
}

/// The engines that are asked for, or else all of this checkout.
fn chosen(names: &[String], folders: &[String]) -> Result<Vec<&'static Engine>, Error> {
    let here: Vec<&Engine> =
        ENGINES.iter().filter(|engine| folders.iter().any(|folder| folder == engine.plugin)).collect();
    if names.is_empty() {
        return Ok(here);
    }
    let find = |name: &String| {
        here.iter().find(|engine| engine.id == name).copied().ok_or_else(|| {
            let known: Vec<_> = here.iter().map(|engine| engine.id).collect();
            Error::new(format!("there is no live test of an engine `{name}`"))
                .hint(format!("there is one of each of these: {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_fails_does_not_keep_the_others_from_being_tried() {
        let engines: Vec<&Engine> = ENGINES.iter().collect();
        assert_eq!(each(&engines, |_| Ok(2)).unwrap(), 2 * ENGINES.len());
        let tried = Mutex::new(Vec::new());
        let outcome = each(&engines, |engine| {
            tried.lock().unwrap().push(engine.id);
            if engine.id == "pi" { Err(Error::new("why")) } else { Ok(1) }
        });
        assert_eq!(outcome.unwrap_err().to_string(), "error: why");
        assert_eq!(tried.into_inner().unwrap().len(), ENGINES.len());
    }

    #[test]
    fn engines_are_those_of_the_checkout() {
        let folders = ["engine-acme".to_owned(), "engine-codex".to_owned(), "engine-pi".to_owned()];
        let check = |names: &[&str], expected: Option<&[&str]>| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let found = chosen(&names, &folders).ok();
            let found: Option<Vec<_>> = found.map(|engines| engines.iter().map(|engine| engine.id).collect());
            assert_eq!(found.as_deref(), expected);
        };
        check(&[], Some(&["pi", "codex"]));
        check(&["pi"], Some(&["pi"]));
        check(&["acme"], None);
        check(&["claude"], None);
    }
}
