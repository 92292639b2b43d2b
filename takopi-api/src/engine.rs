//! What an engine is: an [`EngineBackend`] describes it as data, and builds the [`Runner`] that runs it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, ConfigTable, EngineConfig};
use crate::plugin::is_valid_id;
use crate::runner::Runner;

/// The id of an engine, e.g. `codex`: matches `^[a-z0-9_]{1,32}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EngineId(Cow<'static, str>);

/// A text that is no id of a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no backend id: an id has 1 to 32 of the characters a-z, 0-9 and _")]
pub struct InvalidId(pub String);

impl EngineId {
    /// The id of an engine that is known at compile time.
    ///
    /// # Panics
    /// If the id is malformed; in a `const` that is an error of the compiler.
    #[must_use]
    pub const fn from_static(id: &'static str) -> Self {
        assert!(is_valid_id(id), "an engine id has 1 to 32 of the characters a-z, 0-9 and _");
        Self(Cow::Borrowed(id))
    }

    /// An id that came from a file, a message or a person.
    ///
    /// # Errors
    /// [`InvalidId`] if it is malformed.
    pub fn parse(id: &str) -> Result<Self, InvalidId> {
        if is_valid_id(id) { Ok(Self(Cow::Owned(id.to_owned()))) } else { Err(InvalidId(id.to_owned())) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EngineId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::parse(&id).map_err(serde::de::Error::custom)
    }
}

/// What an engine needs on the machine before it can run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Availability {
    /// A program. `commands` are the names it may have on `PATH`, best first.
    Cli {
        /// Names of the program, best first.
        commands: &'static [&'static str],
        /// The command that installs it, as a person would type it.
        install: &'static str,
    },
    /// Nothing: the engine lies in the binary and works on every machine. It is chosen when no other engine is there.
    Embedded,
    /// Something that only the engine can judge (an account, a server). It is never chosen unless it is named.
    OnRequest,
}

/// Ways of working between which a person may choose, such as planning before doing. They are the engine's own names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Modes {
    /// There is one way only.
    #[default]
    None,
    /// These.
    Named(&'static [&'static str]),
    /// Those that its program names once it runs: a run that wants another one says which there are.
    OfTheAgent,
}

/// What an engine can do, as data: nobody guesses by an engine's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EngineCapabilities {
    /// Whether a text can be sent into the turn that is running ([`crate::runner::RunControl::steer`]).
    pub steer: bool,
    /// Whether the engine asks before it does what could do harm, and takes the answer.
    pub permissions: bool,
    /// Whether it asks questions, and takes the answers.
    pub questions: bool,
    /// Whether it shows a plan before it goes on, and takes what is said about it.
    pub plans: bool,
    /// Whether it gives its answer piece by piece, as it is written ([`crate::event::Event::Text`]).
    pub live_text: bool,
    /// Whether a model can be chosen by name.
    pub model: bool,
    /// The levels of reasoning effort it accepts, lowest first; empty if it has none.
    pub reasoning_levels: &'static [&'static str],
    /// The ways of working that can be chosen.
    pub modes: Modes,
}

impl EngineCapabilities {
    /// An engine that runs a prompt and nothing else.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            steer: false,
            permissions: false,
            questions: false,
            plans: false,
            live_text: false,
            model: false,
            reasoning_levels: &[],
            modes: Modes::None,
        }
    }

    /// It takes a text into the running turn.
    #[must_use]
    pub const fn with_steer(mut self) -> Self {
        self.steer = true;
        self
    }

    /// It asks before it does what could do harm.
    #[must_use]
    pub const fn with_permissions(mut self) -> Self {
        self.permissions = true;
        self
    }

    /// It asks questions.
    #[must_use]
    pub const fn with_questions(mut self) -> Self {
        self.questions = true;
        self
    }

    /// It shows plans.
    #[must_use]
    pub const fn with_plans(mut self) -> Self {
        self.plans = true;
        self
    }

    /// It gives its answer as it is written.
    #[must_use]
    pub const fn with_live_text(mut self) -> Self {
        self.live_text = true;
        self
    }

    /// It takes a model's name.
    #[must_use]
    pub const fn with_model(mut self) -> Self {
        self.model = true;
        self
    }

    /// It takes one of these levels of reasoning effort.
    #[must_use]
    pub const fn with_reasoning_levels(mut self, levels: &'static [&'static str]) -> Self {
        self.reasoning_levels = levels;
        self
    }

    /// It takes one of these ways of working.
    #[must_use]
    pub const fn with_modes(mut self, modes: Modes) -> Self {
        self.modes = modes;
        self
    }

    /// Whether it asks a person anything at all.
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.permissions || self.questions || self.plans
    }
}

/// The versions of an engine's program that its plugin was tested with: these two and what lies between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestedVersions {
    /// The oldest, e.g. `0.73.1`.
    pub oldest: &'static str,
    /// The newest.
    pub newest: &'static str,
}

/// How a version relates to those that were tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionStanding {
    /// It lies among them.
    Tested,
    /// It is older than all of them.
    Older,
    /// It is newer than all of them.
    Newer,
}

impl TestedVersions {
    /// Where a version of the form `1.2.3` stands; a part that is no number counts as 0.
    ///
    /// ```
    /// use takopi_api::engine::{TestedVersions, VersionStanding};
    /// let tested = TestedVersions { oldest: "0.9.0", newest: "0.10.2" };
    /// assert_eq!(tested.standing("0.10.0"), VersionStanding::Tested);
    /// assert_eq!(tested.standing("0.10.3"), VersionStanding::Newer);
    /// assert_eq!(tested.standing("0.8.9"), VersionStanding::Older);
    /// ```
    #[must_use]
    pub fn standing(&self, version: &str) -> VersionStanding {
        let parts = |version: &str| {
            version.split('.').map(|part| part.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>()
        };
        let version = parts(version);
        if version < parts(self.oldest) {
            VersionStanding::Older
        } else if version > parts(self.newest) {
            VersionStanding::Newer
        } else {
            VersionStanding::Tested
        }
    }
}

/// Builds the runner of an engine from its configuration table. It reads the table and looks at nothing else.
pub type BuildRunner = fn(&EngineConfig) -> Result<Arc<dyn Runner>, ConfigError>;

/// One of the engines that a table of an engine makes, such as an agent that a person set up.
#[non_exhaustive]
pub struct EngineMember {
    /// Its id, as the table has it. Takopi looks whether it is one, and whether it is taken.
    pub id: String,
    /// One line about it, for lists.
    pub summary: String,
    /// Its own table: a fault of the id is told with the place where it stands.
    pub table: ConfigTable,
    /// Builds its runner, under this id. It reads the table and looks at nothing else.
    pub build_runner: BuildMember,
}

/// Builds the runner of an [`EngineMember`].
pub type BuildMember = Box<dyn Fn(EngineId) -> Result<Arc<dyn Runner>, ConfigError> + Send + Sync>;

/// Says which engines the table of an engine makes, see [`EngineBackend::with_family`].
pub type FindMembers = fn(&EngineConfig) -> Result<Vec<EngineMember>, ConfigError>;

impl EngineMember {
    /// An engine that a table makes.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        summary: impl Into<String>,
        table: ConfigTable,
        build_runner: BuildMember,
    ) -> Self {
        Self { id: id.into(), summary: summary.into(), table, build_runner }
    }
}

impl fmt::Debug for EngineMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineMember").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An engine as data, and the way to its runner.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineBackend {
    /// Must equal the id under which the row is registered.
    pub id: &'static str,
    /// What it needs on the machine.
    pub availability: Availability,
    /// What it can do if nothing else is configured; see [`Runner::capabilities`].
    pub capabilities: EngineCapabilities,
    /// Whether it runs only where it is named, also where its program is there: for engines that are a second way to what
    /// another one runs.
    pub by_name: bool,
    /// Which versions of its program were tested, if it has one.
    pub tested: Option<TestedVersions>,
    /// Builds its runner.
    pub build_runner: BuildRunner,
    /// Finds further engines in its table. They can do what it can.
    pub family: Option<FindMembers>,
}

impl EngineBackend {
    /// An engine without special capabilities.
    #[must_use]
    pub const fn new(id: &'static str, availability: Availability, build_runner: BuildRunner) -> Self {
        let capabilities = EngineCapabilities::none();
        Self { id, availability, capabilities, by_name: false, tested: None, build_runner, family: None }
    }

    /// Lets its table make further engines, each with an id of its own. They run only where they are named.
    #[must_use]
    pub const fn with_family(mut self, family: FindMembers) -> Self {
        self.family = Some(family);
        self
    }

    /// Lets it run only where it is named.
    #[must_use]
    pub const fn only_by_name(mut self) -> Self {
        self.by_name = true;
        self
    }

    /// Sets which versions of its program were tested.
    #[must_use]
    pub const fn with_tested_versions(mut self, oldest: &'static str, newest: &'static str) -> Self {
        self.tested = Some(TestedVersions { oldest, newest });
        self
    }

    /// Sets what the engine can do.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: EngineCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }
}
