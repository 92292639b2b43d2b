//! The registry: which backends there are, which of them are visible, and the way to each.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use takopi_api::engine::EngineBackend;
use takopi_api::error::closest;
use takopi_api::plugin::{Backend, BackendKind, Distribution, is_valid_id};

use super::enabled::EnabledList;
use super::load::{self, LoadError, Loaded};
use super::lookup::LookupError;
use crate::project::Alias;
use crate::{bundled, config};

/// Every backend that was linked, sorted by kind, id and distribution, with what became of it.
#[derive(Debug)]
pub struct Registry {
    entries: Vec<Entry>,
    enabled: EnabledList,
    /// The words that are commands of takopi.
    reserved: Vec<String>,
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
    /// Its id is a key of takopi's own where its table would stand in the configuration.
    OwnKey,
    /// Another visible row of its kind has the same id.
    Duplicate,
}

/// Something wrong with a row, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of the backend.
    pub kind: BackendKind,
    /// Its id.
    pub id: &'static str,
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

    /// How messages name it.
    #[must_use]
    pub const fn name(&self) -> Name {
        Name { id: self.row.id, distribution: self.row.distribution }
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
        let mut rows: Vec<Place> = rows.into_iter().map(Place::of).collect();
        Place::sort(&mut rows);
        let entry = |place: &Place| Entry {
            row: place.row,
            standing: standing(place.row, &enabled),
            loaded: OnceLock::new(),
        };
        let reserved_words = reserved.iter().map(|&word| word.to_owned()).collect();
        let mut registry =
            Self { entries: rows.iter().map(entry).collect(), enabled, reserved: reserved_words };
        registry.mark_taken(reserved);
        mark_duplicates(&mut registry.entries, &rows);
        registry
    }

    /// Marks the rows whose ids takopi keeps for itself. The words are few, and each is looked for.
    fn mark_taken(&mut self, reserved: &[&str]) {
        for kind in BackendKind::ALL {
            // The ids of the others are never typed as a command.
            let is_typed = matches!(kind, BackendKind::Engine | BackendKind::Command);
            let words = if is_typed { reserved } else { &[] };
            for word in words {
                self.mark(kind, word, Standing::Reserved);
            }
            for word in config::own_keys(kind) {
                self.mark(kind, word, Standing::OwnKey);
            }
        }
    }

    fn mark(&mut self, kind: BackendKind, id: &str, standing: Standing) {
        let range = self.range(kind, id);
        let named = self.entries[range].iter_mut();
        named.filter(|entry| entry.standing != Standing::BadId).for_each(|entry| entry.standing = standing);
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

    /// What a word means already, if an engine of a table can not have it as its id.
    pub(crate) fn meaning_of(&self, word: &str) -> Option<&'static str> {
        let is_row = |kind| !self.named(kind, word).is_empty();
        if self.reserved.iter().any(|reserved| reserved == word) {
            Some("a command of takopi")
        } else if is_row(BackendKind::Engine) {
            Some("an engine")
        } else if is_row(BackendKind::Command) {
            Some("a command")
        } else if config::own_keys(BackendKind::Engine).any(|key| key == word) {
            Some("a key of takopi's own")
        } else {
            None
        }
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
        let distributions = |standing| {
            let of_standing = named.iter().filter(move |entry| entry.standing == standing);
            of_standing.map(|entry| entry.row.distribution).collect::<Vec<_>>()
        };
        let offered = distributions(Standing::Duplicate);
        if !offered.is_empty() {
            return Err(LookupError::Conflict { kind, id: id.to_owned(), distributions: offered });
        }
        let mut disabled = distributions(Standing::Disabled);
        disabled.retain(Option::is_some);
        if !disabled.is_empty() {
            return Err(LookupError::Disabled { kind, id: id.to_owned(), distributions: disabled });
        }
        if let Some(problem) = named.iter().find_map(Entry::problem) {
            return Err(LookupError::Skipped { problem });
        }
        let available: Vec<&'static str> = self.visible(kind).map(|entry| entry.row.id).collect();
        Err(LookupError::Unknown {
            kind,
            id: id.to_owned(),
            closest: closest(id, available.iter().copied()).map(str::to_owned),
            available,
            not_compiled_in: bundled::known(kind, id),
        })
    }

    /// What is wrong with rows, in the order of the rows. No code of a plugin runs.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        self.entries.iter().filter_map(Entry::problem)
    }

    fn failed(&self, kind: BackendKind, id: &str, error: LoadError) -> LookupError {
        let entry = self.find(kind, id).ok();
        let distribution = entry.and_then(|entry| entry.row.distribution);
        LookupError::Failed { kind, id: id.to_owned(), distribution, error }
    }

    /// The commands that nobody reaches in a chat, because their ids name something else there, and what that is. No code
    /// of a plugin runs.
    pub fn hidden_commands<'a>(
        &'a self,
        aliases: &'a [&Alias],
    ) -> impl Iterator<Item = (&'a Entry, HiddenBy<'a>)> {
        let mut engines = self.visible(BackendKind::Engine).peekable();
        self.visible(BackendKind::Command).filter_map(move |command| {
            let id = command.row.id;
            // Both are sorted by id.
            while engines.next_if(|engine| engine.row.id < id).is_some() {}
            let engine = engines.peek().filter(|engine| engine.row.id == id).map(|_| HiddenBy::Engine);
            let alias = || aliases.iter().find(|alias| alias.matches(id));
            Some((command, engine.or_else(|| alias().map(|alias| HiddenBy::Project(alias)))?))
        })
    }

    /// Every row of a kind, sorted by id and distribution.
    #[must_use]
    pub fn of_kind(&self, kind: BackendKind) -> &[Entry] {
        let start = self.entries.partition_point(|entry| entry.row.kind() < kind);
        let end = self.entries.partition_point(|entry| entry.row.kind() <= kind);
        &self.entries[start..end]
    }

    /// Every row of a kind with this id, sorted by distribution.
    #[must_use]
    pub fn named(&self, kind: BackendKind, id: &str) -> &[Entry] {
        &self.entries[self.range(kind, id)]
    }

    fn range(&self, kind: BackendKind, id: &str) -> Range<usize> {
        let start = self.entries.partition_point(|entry| entry.key() < (kind, id));
        let same = self.entries[start..].iter().take_while(|entry| entry.key() == (kind, id)).count();
        start..start + same
    }
}

/// A backend as messages name it: its id, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    id: &'static str,
    distribution: Option<&'static Distribution>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.distribution {
            Some(distribution) => write!(f, "{} ({distribution})", self.id.escape_debug()),
            None => write!(f, "{} (no distribution)", self.id.escape_debug()),
        }
    }
}

/// What a command's id names in a chat instead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenBy<'a> {
    /// An engine of this id.
    Engine,
    /// A project with this alias.
    Project(&'a Alias),
}

impl fmt::Display for HiddenBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => f.write_str("the engine of that id"),
            Self::Project(alias) => write!(f, "the project `{alias}`"),
        }
    }
}

/// Where a row stands among the others: by kind, id and distribution. There may be thousands of rows, so what is compared
/// is a number as long as that suffices.
struct Place {
    /// The kind, and the first bytes of the id; shorter ids end in zeros.
    number: u128,
    row: &'static Backend,
}

impl Place {
    fn of(row: &'static Backend) -> Self {
        let bytes = row.id.as_bytes().iter().take(size_of::<u128>() - 1);
        let (id, unused) = bytes.fold((0, 120), |(id, room), byte| (id << 8 | u128::from(*byte), room - 8));
        Self { number: (row.kind() as u128) << 120 | id << unused, row }
    }

    fn sort(places: &mut [Self]) {
        places.sort_unstable_by_key(|place| place.number);
        for alike in places.chunk_by_mut(|a, b| a.number == b.number) {
            if alike.len() > 1 {
                alike.sort_unstable_by_key(|place| (place.row.id, place.row.distribution));
            }
        }
    }

    fn has_id_of(&self, other: &Self) -> bool {
        self.number == other.number && self.row.id == other.row.id
    }
}

impl Entry {
    /// What is wrong with the row, whatever its constructor says.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.problem().map(|problem| problem.text)
    }

    fn problem(&self) -> Option<Problem> {
        let text = match self.standing {
            Standing::BadId => "the id must be 1 to 32 of the characters a-z, 0-9 and _; skipped".to_owned(),
            Standing::Reserved => "the id is reserved for a command of takopi; skipped".to_owned(),
            Standing::OwnKey => {
                "the id is a key of takopi's own where its table would stand in the configuration; skipped"
                    .to_owned()
            }
            Standing::Duplicate => {
                "offered more than once; none is used until `plugins.enabled` leaves only one".to_owned()
            }
            Standing::Visible | Standing::Disabled if self.row.distribution.is_none() => {
                "registered without a distribution; hidden whenever `plugins.enabled` is set".to_owned()
            }
            Standing::Visible | Standing::Disabled => return None,
        };
        Some(Problem { kind: self.row.kind(), id: self.row.id, distribution: self.row.distribution, text })
    }
}

fn standing(row: &Backend, enabled: &EnabledList) -> Standing {
    if !is_valid_id(row.id) {
        Standing::BadId
    } else if !enabled.allows(row.distribution) {
        Standing::Disabled
    } else {
        Standing::Visible
    }
}

/// Of several visible rows with one id none can be meant.
fn mark_duplicates(entries: &mut [Entry], places: &[Place]) {
    let mut start = 0;
    for group in places.chunk_by(Place::has_id_of) {
        let end = start + group.len();
        let visible = |entry: &&mut Entry| entry.standing == Standing::Visible;
        if group.len() > 1 && entries[start..end].iter_mut().filter(visible).count() > 1 {
            let offered = entries[start..end].iter_mut().filter(visible);
            offered.for_each(|entry| entry.standing = Standing::Duplicate);
        }
        start = end;
    }
}
