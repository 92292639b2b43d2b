//! `cargo xtask live-engines`: the real CLIs of the engines, driven by `takopi run`, against the scripted model server of
//! `tests/`. Everything that it needs goes below `target/live-engines`; nothing of the machine's own is used or changed.

mod cases;
mod engines;
mod installation;
mod machine;
mod processes;
mod server;
mod takopi;

use std::process::ExitCode;
use std::time::Instant;

use crate::cargo::{Profile, build_program, build_test_program};
use crate::error::Error;
use crate::workspace::Workspace;

use self::engines::{ENGINES, Engine};
use self::installation::Installation;
use self::machine::Machine;
use self::server::Server;

pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<ExitCode, Error> {
    let engines = chosen(names, &workspace.backend_folders()?)?;
    let Some(installation) = Installation::open(workspace.target("live-engines"))? else {
        println!("skipped: npm is not installed");
        return Ok(ExitCode::SUCCESS);
    };
    installation.install(&engines)?;
    let features: Vec<String> = engines.iter().map(|engine| format!("engine-{}", engine.id)).collect();
    let program = build_program(
        workspace,
        Profile::Dev,
        &["--no-default-features", "--features", &features.join(",")],
    )?;
    let server = Server::start(&build_test_program(workspace, "model-server")?)?;
    let machine = Machine::set_up(&installation, program, &engines, server.port())?;
    let started = Instant::now();
    let mut count = 0;
    for engine in &engines {
        for case in cases::CASES {
            let line = case.run(&machine, engine)?;
            println!("{line}");
            count += usize::from(line.starts_with("ok "));
        }
    }
    println!("ok: {count} cases of {} engines in {} s", engines.len(), started.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}

/// The engines that are asked for, or else all of this checkout.
fn chosen(names: &[String], folders: &[String]) -> Result<Vec<&'static Engine>, Error> {
    let here: Vec<&Engine> =
        ENGINES.iter().filter(|engine| folders.contains(&format!("engine-{}", engine.id))).collect();
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
    fn engines_are_those_of_the_checkout() {
        let folders = ["engine-acme".to_owned(), "engine-codex".to_owned(), "engine-pi".to_owned()];
        let check = |names: &[&str], expected: Option<&[&str]>| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let found = chosen(&names, &folders).ok();
            let found: Option<Vec<_>> = found.map(|engines| engines.iter().map(|engine| engine.id).collect());
            assert_eq!(found.as_deref(), expected);
        };
        check(&[], Some(&["codex", "pi"]));
        check(&["pi"], Some(&["pi"]));
        check(&["acme"], None);
        check(&["claude"], None);
    }
}
