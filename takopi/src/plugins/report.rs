//! What `takopi plugins` shows: the same for people and for programs.

use std::fmt;

use serde::Serialize;
use takopi_api::plugin::{BackendKind, Distribution};

use super::registry::{Problem, Registry, Standing};
use crate::bundled;

/// The backends of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One group a kind, in the order of [`BackendKind::ALL`].
    pub groups: Vec<Group>,
    /// Plugins of this project that are not compiled in.
    pub not_compiled_in: Vec<NotCompiledIn>,
    /// What is odd about the enabled list.
    pub warnings: Vec<String>,
    /// What is wrong, grouped by kind and distribution.
    pub errors: Vec<Row>,
}

/// The backends of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The kind.
    pub kind: &'static str,
    /// Its backends, sorted by id.
    pub backends: Vec<Row>,
}

/// One backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The kind.
    pub kind: &'static str,
    /// The id.
    pub id: String,
    /// The crate that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<&'static str>,
    /// The version of that crate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// Whether the enabled list names it; absent if there is no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A plugin of this project that is not compiled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCompiledIn {
    /// The kind of its backend.
    pub kind: &'static str,
    /// The id of its backend.
    pub id: &'static str,
    /// The feature to add.
    pub feature: &'static str,
}

impl Report {
    /// The report of a registry. No code of a plugin runs.
    #[must_use]
    pub fn new(registry: &Registry, linked: &[&Distribution]) -> Self {
        let is_listed = |standing| !matches!(standing, Standing::BadId | Standing::Reserved);
        let groups = BackendKind::ALL.map(|kind| Group {
            kind: kind.as_str(),
            backends: registry
                .entries()
                .iter()
                .filter(|entry| entry.row().kind() == kind && is_listed(entry.standing()))
                .map(|entry| Row {
                    enabled: registry.enabled().is_set().then(|| entry.standing() != Standing::Disabled),
                    ..Row::new(kind, entry.row().id, entry.row().distribution)
                })
                .collect(),
        });
        let not_compiled_in = bundled::KNOWN
            .iter()
            .filter(|known| !bundled::BUNDLED.iter().any(|(compiled_in, _)| compiled_in == *known))
            .map(|known| NotCompiledIn { kind: known.kind(), id: known.id(), feature: known.feature })
            .collect();
        let mut report = Self {
            groups: groups.into(),
            not_compiled_in,
            warnings: registry.enabled().warnings(linked),
            errors: Vec::new(),
        };
        report.add_errors(registry.problems());
        report
    }

    /// Adds what is wrong, and keeps the errors grouped by kind and distribution.
    pub fn add_errors(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.errors.extend(problems.into_iter().map(|problem| Row {
            error: Some(problem.text),
            ..Row::new(problem.kind, &problem.id, problem.distribution)
        }));
        let position = |kind| BackendKind::ALL.iter().position(|known| known.as_str() == kind);
        self.errors.sort_by(|a, b| {
            (position(a.kind), a.distribution, &a.id).cmp(&(position(b.kind), b.distribution, &b.id))
        });
    }
}

impl Row {
    fn new(kind: BackendKind, id: &str, distribution: Option<&'static Distribution>) -> Self {
        Self {
            kind: kind.as_str(),
            id: id.to_owned(),
            distribution: distribution.map(|distribution| distribution.name),
            version: distribution.map(|distribution| distribution.version),
            enabled: None,
            error: None,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A row submitted by hand may hold any text as its id.
        write!(f, "{} (", self.id.escape_debug())?;
        match (self.distribution, self.version) {
            (Some(name), Some(version)) => write!(f, "{name} {version})"),
            _ => f.write_str("no distribution)"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(f, "{} backends:", group.kind)?;
            if group.backends.is_empty() {
                writeln!(f, "  (none)")?;
            }
            for row in &group.backends {
                let mark = match row.enabled {
                    None => "",
                    Some(true) => " enabled",
                    Some(false) => " disabled",
                };
                writeln!(f, "  {row}{mark}")?;
            }
        }
        if !self.not_compiled_in.is_empty() {
            writeln!(f, "not compiled in:")?;
            for plugin in &self.not_compiled_in {
                writeln!(f, "  {} {}: rebuild with --features {}", plugin.kind, plugin.id, plugin.feature)?;
            }
        }
        if !self.warnings.is_empty() {
            writeln!(f, "warnings:")?;
            self.warnings.iter().try_for_each(|warning| writeln!(f, "  {warning}"))?;
        }
        if !self.errors.is_empty() {
            writeln!(f, "errors:")?;
            for row in &self.errors {
                writeln!(f, "  {} {row}: {}", row.kind, row.error.as_deref().unwrap_or_default())?;
            }
        }
        Ok(())
    }
}
