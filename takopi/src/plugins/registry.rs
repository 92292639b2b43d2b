//! The registry: which backends there are, which of them are visible, and the way to each.

use std::fmt;
use std::sync::OnceLock;

use takopi_api::engine::EngineBackend;
use takopi_api::error::closest;
use takopi_api::plugin::{Backend, BackendKind, Distribution, is_valid_id};

use super::enabled::EnabledList;
use super::load::{self, LoadError, Loaded};
use crate::bundled::{self, Known};

/// Every backend that was linked, sorted by kind, id and distribution, with what became of it.
#[derive(Debug)]
pub struct Registry {
    entries: Vec<Entry>,
    enabled: EnabledList,
}

/// A backend in the registry.
#[derive(Debug)]
pub struct Entry {
    row: &'static Backend,
    standing: Standing,
    loaded: OnceLock<Result<Loaded, LoadError>>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be used.
    Visible,
    /// The enabled list does not name its distribution.
    Disabled,
    /// Its id is malformed.
    BadId,
    /// Its id is a command of takopi.
    Reserved,
    /// Another visible row of its kind has the same id.
    Duplicate,
}

/// Something wrong with a row, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of the backend.
    pub kind: BackendKind,
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub distribution: Option<&'static Distribution>,
    /// What is wrong.
    pub text: String,
}

impl Entry {
    /// The row as the plugin registered it.
    #[must_use]
    pub const fn row(&self) -> &'static Backend {
        self.row
    }

    /// What became of it.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Constructs the backend, or gives what an earlier call gave: the constructor runs at most once.
    ///
    /// # Errors
    /// [`LoadError`] if it can not be constructed.
    pub fn load(&self) -> Result<&Loaded, &LoadError> {
        self.loaded.get_or_init(|| load::load(self.row)).as_ref()
    }

    fn key(&self) -> (BackendKind, &'static str) {
        (self.row.kind(), self.row.id)
    }
}

impl Registry {
    /// A registry of these rows. No code of a plugin runs.
    ///
    /// `reserved` are the ids that no engine and no command may have: the program's own commands.
    #[must_use]
    pub fn new(
        rows: impl IntoIterator<Item = &'static Backend>,
        reserved: &[&str],
        enabled: EnabledList,
    ) -> Self {
        let mut entries: Vec<Entry> = rows
            .into_iter()
            .map(|row| Entry { row, standing: standing(row, reserved, &enabled), loaded: OnceLock::new() })
            .collect();
        entries.sort_by_key(|entry| (entry.key(), entry.row.distribution));
        mark_duplicates(&mut entries);
        Self { entries, enabled }
    }

    /// What another registry constructed of the same rows: a backend is constructed once, whatever the enabled list becomes.
    #[must_use]
    pub fn with_loaded_of(mut self, before: &Self) -> Self {
        for entry in &mut self.entries {
            let same = before.named(entry.row.kind(), entry.row.id);
            let same = same.iter().find(|other| std::ptr::eq(other.row, entry.row));
            if let Some(loaded) = same.and_then(|other| other.loaded.get()) {
                entry.loaded = OnceLock::from(loaded.clone());
            }
        }
        self
    }

    /// The enabled list that rules this registry.
    #[must_use]
    pub const fn enabled(&self) -> &EnabledList {
        &self.enabled
    }

    /// Every row, sorted by kind, id and distribution.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The usable backends of a kind, sorted by id.
    pub fn visible(&self, kind: BackendKind) -> impl Iterator<Item = &Entry> {
        self.of_kind(kind).iter().filter(|entry| entry.standing == Standing::Visible)
    }

    /// The engine with this id, constructed.
    ///
    /// # Errors
    /// [`LookupError`] with what is there instead.
    pub fn engine(&self, id: &str) -> Result<&EngineBackend, LookupError> {
        match self.load(BackendKind::Engine, id)? {
            Loaded::Engine(engine) => Ok(engine),
            // The kind of a row is that of its constructor.
            _ => Err(self.failed(BackendKind::Engine, id, LoadError::UnknownKind)),
        }
    }

    /// The backend of a kind with this id, constructed.
    ///
    /// # Errors
    /// [`LookupError`] with what is there instead.
    pub fn load(&self, kind: BackendKind, id: &str) -> Result<&Loaded, LookupError> {
        self.find(kind, id)?.load().map_err(|error| self.failed(kind, id, error.clone()))
    }

    /// The row of a kind with this id, if it can be used. No code of the plugin runs.
    ///
    /// # Errors
    /// [`LookupError`] with what is there instead.
    pub fn find(&self, kind: BackendKind, id: &str) -> Result<&Entry, LookupError> {
        let named = self.named(kind, id);
        if let Some(entry) = named.iter().find(|entry| entry.standing == Standing::Visible) {
            return Ok(entry);
        }
        if let Some(problem) = named.iter().find_map(Entry::problem) {
            return Err(LookupError::Skipped { problem });
        }
        if let Some(entry) = named.first() {
            return Err(LookupError::Disabled {
                kind,
                id: id.to_owned(),
                distribution: entry.row.distribution,
            });
        }
        let available: Vec<&'static str> = self.visible(kind).map(|entry| entry.row.id).collect();
        Err(LookupError::Unknown {
            kind,
            id: id.to_owned(),
            closest: closest(id, available.iter().copied()).map(str::to_owned),
            available,
            not_compiled_in: bundled::KNOWN
                .iter()
                .find(|known| known.kind() == kind.as_str() && known.id() == id)
                .copied(),
        })
    }

    /// What is wrong with rows, in the order of the rows. No code of a plugin runs.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        self.entries.iter().filter_map(Entry::problem)
    }

    fn failed(&self, kind: BackendKind, id: &str, error: LoadError) -> LookupError {
        let distribution = self.named(kind, id).first().and_then(|entry| entry.row.distribution);
        LookupError::Failed { kind, id: id.to_owned(), distribution, error }
    }

    fn of_kind(&self, kind: BackendKind) -> &[Entry] {
        let start = self.entries.partition_point(|entry| entry.row.kind() < kind);
        let end = self.entries.partition_point(|entry| entry.row.kind() <= kind);
        &self.entries[start..end]
    }

    fn named(&self, kind: BackendKind, id: &str) -> &[Entry] {
        let of_kind = self.of_kind(kind);
        let start = of_kind.partition_point(|entry| entry.row.id < id);
        let end = of_kind.partition_point(|entry| entry.row.id <= id);
        &of_kind[start..end]
    }
}

impl Entry {
    fn problem(&self) -> Option<Problem> {
        let text = match self.standing {
            Standing::BadId => "the id must be 1 to 32 of the characters a-z, 0-9 and _; skipped".to_owned(),
            Standing::Reserved => "the id is reserved for a command of takopi; skipped".to_owned(),
            Standing::Duplicate => {
                "offered more than once; none is used until `plugins.enabled` leaves only one".to_owned()
            }
            Standing::Visible | Standing::Disabled if self.row.distribution.is_none() => {
                "registered without a distribution; hidden whenever `plugins.enabled` is set".to_owned()
            }
            Standing::Visible | Standing::Disabled => return None,
        };
        Some(Problem {
            kind: self.row.kind(),
            id: self.row.id.to_owned(),
            distribution: self.row.distribution,
            text,
        })
    }
}

fn standing(row: &Backend, reserved: &[&str], enabled: &EnabledList) -> Standing {
    // A transport's id is never typed as a command.
    let is_typed = row.kind() != BackendKind::Transport;
    if !is_valid_id(row.id) {
        Standing::BadId
    } else if is_typed && reserved.contains(&row.id) {
        Standing::Reserved
    } else if !enabled.allows(row.distribution) {
        Standing::Disabled
    } else {
        Standing::Visible
    }
}

/// Of several visible rows with one id none can be meant.
fn mark_duplicates(entries: &mut [Entry]) {
    for group in entries.chunk_by_mut(|a, b| a.key() == b.key()) {
        let visible = |entry: &&mut Entry| entry.standing == Standing::Visible;
        if group.iter_mut().filter(visible).count() > 1 {
            group.iter_mut().filter(visible).for_each(|entry| entry.standing = Standing::Duplicate);
        }
    }
}

/// Why an id leads to no backend.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupError {
    /// Nothing is registered under it.
    Unknown {
        /// The kind that was looked for.
        kind: BackendKind,
        /// The id.
        id: String,
        /// What there is.
        available: Vec<&'static str>,
        /// What was most likely meant.
        closest: Option<String>,
        /// The plugin of this project that would have it.
        not_compiled_in: Option<Known>,
    },
    /// The enabled list hides it.
    Disabled {
        /// The kind that was looked for.
        kind: BackendKind,
        /// The id.
        id: String,
        /// Where it comes from.
        distribution: Option<&'static Distribution>,
    },
    /// It was skipped.
    Skipped {
        /// Why.
        problem: Problem,
    },
    /// It can not be constructed.
    Failed {
        /// The kind that was looked for.
        kind: BackendKind,
        /// The id.
        id: String,
        /// Where it comes from.
        distribution: Option<&'static Distribution>,
        /// Why.
        error: LoadError,
    },
}

impl LookupError {
    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { kind, available, closest, not_compiled_in, .. } => {
                if let Some(known) = not_compiled_in {
                    return vec![format!("rebuild with --features {}", known.feature)];
                }
                let there = if available.is_empty() {
                    format!("this build has no {kind}; see `takopi plugins`")
                } else {
                    format!("there is: {}", available.join(", "))
                };
                closest.iter().map(|id| format!("did you mean `{id}`?")).chain([there]).collect()
            }
            Self::Disabled { distribution, .. } => distribution
                .iter()
                .map(|distribution| {
                    format!("add \"{}\" to `plugins.enabled` in the configuration", distribution.name)
                })
                .collect(),
            Self::Skipped { .. } | Self::Failed { .. } => {
                vec!["`takopi plugins --load` shows every backend and what is wrong with it".to_owned()]
            }
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { kind, id, not_compiled_in: Some(_), .. } => {
                write!(f, "the {kind} `{id}` is not compiled in")
            }
            Self::Unknown { kind, id, .. } => write!(f, "there is no {kind} `{id}`"),
            Self::Disabled { kind, id, .. } => {
                write!(
                    f,
                    "the {kind} `{id}` is disabled: `plugins.enabled` in the configuration does not name it"
                )
            }
            Self::Skipped { problem } => {
                write!(f, "the {} `{}` can not be used: {}", problem.kind, problem.id, problem.text)
            }
            Self::Failed { kind, id, distribution, error } => {
                write!(f, "the {kind} `{id}` can not be loaded: {error}")?;
                distribution.map_or(Ok(()), |distribution| write!(f, " ({distribution})"))
            }
        }
    }
}

impl std::error::Error for LookupError {}
