//! The setup wizard: asks what should be in the configuration, writes it as a whole, and only at the end.

pub(super) mod given;
mod steps;

use std::path::Path;
use std::process::ExitCode;

use takopi_api::config::ConfigError;
use takopi_api::plugin::Backend;
use takopi_api::transport::{Cancelled, Wizard};

use super::error::CliError;
use super::init::{self, Here};
use super::question::{self, Dialogue};
use super::{Session, open_reader, output};
use crate::paths;
use crate::plugins::Linked;

/// When the wizard asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody wants it to.
    Wanted,
    /// There is no configuration, so it may be wanted.
    NothingConfigured,
}

/// What became of it.
pub(super) enum Outcome<'a> {
    /// The configuration is as it was chosen.
    Saved(Session<'a>),
    /// Nobody wanted it.
    Declined(Session<'a>),
    /// It was left, and nothing is written.
    Left(ExitCode),
}

/// Why a setup came to nothing.
#[derive(Debug)]
pub(super) enum Left {
    /// The person gave up.
    Cancelled,
    /// It can not be.
    Failed(CliError),
}

impl From<Cancelled> for Left {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<CliError> for Left {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl From<ConfigError> for Left {
    fn from(error: ConfigError) -> Self {
        Self::Failed(error.into())
    }
}

/// Asks, and writes what was chosen.
pub(super) fn run<'a>(
    occasion: Occasion,
    session: Session<'a>,
    rows: &[&'static Backend],
    linked: &'a Linked,
) -> Result<Outcome<'a>, CliError> {
    if !question::somebody_is_there() {
        return Err(CliError::new("--onboard asks questions, and there is no terminal to ask on")
            .hint("without one: `takopi --onboard --set KEY=VALUE`, e.g. `--set transport=ID`, and `takopi init NAME`"));
    }
    let mut wizard = Dialogue::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(is_wanted(occasion, &mut wizard, &session)).and_then(|is_wanted| {
        if is_wanted {
            let repository = repository(&session);
            runtime.block_on(steps::set_up(&mut wizard, &session, repository.as_ref()))?;
        }
        Ok(is_wanted)
    });
    match asked {
        Ok(true) => {
            output::line(&format!("saved to {}", paths::shown(session.reader.path())));
            open_reader(session.reader, rows, linked).map(Outcome::Saved)
        }
        Ok(false) if occasion == Occasion::NothingConfigured => Ok(Outcome::Declined(session)),
        Ok(false) | Err(Left::Cancelled) => {
            output::line("the setup was left: nothing is written");
            Ok(Outcome::Left(ExitCode::FAILURE))
        }
        Err(Left::Failed(error)) => Err(error),
    }
}

async fn is_wanted(occasion: Occasion, wizard: &mut dyn Wizard, session: &Session<'_>) -> Result<bool, Left> {
    let path = paths::shown(session.reader.path());
    Ok(match occasion {
        Occasion::NothingConfigured => {
            wizard.confirm(&format!("there is no {path} yet. Set takopi up now?"), true).await?
        }
        Occasion::Wanted if session.reader.path().exists() => {
            wizard.confirm(&format!("{path} is there already. Change it?"), false).await?
        }
        Occasion::Wanted => true,
    })
}

/// The repository here; `None` if there is none, or git can not say.
fn repository(session: &Session<'_>) -> Option<Here> {
    let folder = std::env::current_dir().ok()?;
    let here = init::look(&folder, session).ok()?;
    is_repository(&here.root).then_some(here)
}

/// Whether a folder is the top of a checkout, or a bare repository.
fn is_repository(root: &Path) -> bool {
    root.join(".git").exists() || root.join("HEAD").is_file() && root.join("objects").is_dir()
}
