//! The program that an engine needs: whether it is there.

use std::path::PathBuf;

use takopi_api::engine::{Availability, EngineBackend};
use takopi_api::runner::Runner;

/// What there is of the program that an engine needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    /// The engine needs none, or only a run can say.
    NotNeeded,
    /// It is there.
    Found(PathBuf),
    /// It is not there, and this command installs it.
    Missing {
        /// The command, as a person would type it.
        install: &'static str,
    },
    /// The one that the configuration names is not there.
    Unknown {
        /// How it is named.
        named: String,
    },
}

impl Program {
    /// Looks for the program of an engine. It is looked for each time: a person may just have installed it. `runner` is the
    /// engine's, if it could be built, which knows whether its table names another one.
    pub(crate) fn of(backend: &EngineBackend, runner: Option<&dyn Runner>) -> Self {
        let found = |name: &str| which::which(name).ok();
        match (runner.and_then(Runner::program), &backend.availability) {
            (Some(named), _) => {
                found(named).map_or_else(|| Self::Unknown { named: named.to_owned() }, Self::Found)
            }
            (None, Availability::Cli { commands, install }) => commands
                .iter()
                .find_map(|command| found(command))
                .map_or(Self::Missing { install }, Self::Found),
            (None, _) => Self::NotNeeded,
        }
    }

    /// Whether nothing is missing.
    pub(crate) const fn is_there(&self) -> bool {
        matches!(self, Self::NotNeeded | Self::Found(_))
    }

    /// What is said of one that is not there.
    pub(crate) fn not_there(named: &str) -> String {
        format!("`{named}` is not installed, or not on PATH")
    }
}
