//! `cargo xtask check-wiring`: what the compiler can not see. Each plugin is named in every place where it must be and
//! nothing else is; dependencies point in one direction; the program knows no plugin by name; the manifests agree.

mod dependencies;
mod names;
mod packages;
mod plugins;

use std::fmt;
use std::process::ExitCode;

use crate::error::Error;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    let mut violations = plugins::check(workspace)?;
    violations.extend(dependencies::check(workspace));
    violations.extend(names::check(workspace)?);
    violations.extend(packages::check(workspace)?);
    if violations.is_empty() {
        println!("ok: {} plugins", workspace.plugins().len());
        return Ok(ExitCode::SUCCESS);
    }
    violations.iter().for_each(|violation| eprintln!("{violation}"));
    eprintln!("violations: {}", violations.len());
    Ok(ExitCode::FAILURE)
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    /// The file, by its path from the root, with the line if there is one.
    place: String,
    problem: String,
    /// What to do.
    advice: String,
}

impl Violation {
    fn new(place: impl Into<String>, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), advice: advice.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.problem, self.advice)
    }
}
