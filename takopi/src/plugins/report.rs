//! What `takopi plugins` shows: the same for people and for programs.

use std::fmt;

use serde::Serialize;
use takopi_api::plugin::{BackendKind, Distribution};

use super::linked::Linked;
use super::registry::{Problem, Registry, Standing};
use crate::bundled;
use crate::project::Alias;

/// The backends of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report<'a> {
    /// One group a kind, in the order of [`BackendKind::ALL`].
    pub groups: Vec<Group>,
    /// Plugins of this project that are not compiled in.
    pub not_compiled_in: Vec<NotCompiledIn>,
    /// The crates that were linked, and who wanted each there. People see them beside the backends.
    pub distributions: &'a Linked,
    /// What is odd about the enabled list, and commands that nobody reaches.
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
    pub id: &'static str,
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

impl<'a> Report<'a> {
    /// The report of a registry, where projects have these aliases. No code of a plugin runs.
    #[must_use]
    pub fn new(registry: &Registry, linked: &'a Linked, aliases: &[&Alias]) -> Self {
        let is_listed =
            |standing| !matches!(standing, Standing::BadId | Standing::Reserved | Standing::OwnKey);
        let groups = BackendKind::ALL.map(|kind| Group {
            kind: kind.as_str(),
            backends: registry
                .of_kind(kind)
                .iter()
                .filter(|entry| is_listed(entry.standing()))
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
        let mut warnings = registry.enabled().warnings(linked.distributions());
        warnings.extend(registry.hidden_commands(aliases).map(|(command, by)| {
            let id = command.row().id;
            format!("command {}: nobody reaches it in chats, where `/{id}` is {by}", command.name())
        }));
        let mut report = Self {
            groups: groups.into(),
            not_compiled_in,
            distributions: linked,
            warnings,
            errors: Vec::new(),
        };
        report.add_errors(registry.problems());
        report
    }

    /// Adds what is wrong, and keeps the errors grouped by kind and distribution.
    pub fn add_errors(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.errors.extend(problems.into_iter().map(|problem| Row {
            error: Some(problem.text),
            ..Row::new(problem.kind, problem.id, problem.distribution)
        }));
        let position = |kind| BackendKind::ALL.iter().position(|known| known.as_str() == kind);
        self.errors.sort_by(|a, b| {
            (position(a.kind), a.distribution, a.id).cmp(&(position(b.kind), b.distribution, b.id))
        });
    }

    /// The report as people read it. There may be thousands of rows, so their lines are put together without formatting.
    #[must_use]
    pub fn text(&self) -> String {
        let rows = self.groups.iter().map(|group| group.backends.len()).sum::<usize>();
        let mut text = String::with_capacity(rows * USUAL_LINE);
        for group in &self.groups {
            push(&mut text, &[group.kind, " backends:\n"]);
            if group.backends.is_empty() {
                text.push_str("  (none)\n");
            }
            for row in &group.backends {
                let mark = match row.enabled {
                    None => "\n",
                    Some(true) => " enabled\n",
                    Some(false) => " disabled\n",
                };
                push(&mut text, &["  ", row.id]);
                row.push_origin(&mut text);
                text.push_str(mark);
            }
        }
        if !self.not_compiled_in.is_empty() {
            text.push_str("not compiled in:\n");
            for NotCompiledIn { kind, id, feature } in &self.not_compiled_in {
                push(&mut text, &["  ", kind, " ", id, ": rebuild with --features ", feature, "\n"]);
            }
        }
        if !self.warnings.is_empty() {
            text.push_str("warnings:\n");
            self.warnings.iter().for_each(|warning| push(&mut text, &["  ", warning, "\n"]));
        }
        if !self.errors.is_empty() {
            text.push_str("errors:\n");
            for row in &self.errors {
                push(&mut text, &["  ", row.kind, " "]);
                // A row submitted by hand may hold any text as its id.
                text.extend(row.id.escape_debug());
                row.push_origin(&mut text);
                push(&mut text, &[": ", row.error.as_deref().unwrap_or_default(), "\n"]);
            }
        }
        text
    }
}

/// How long a line is that says where a backend comes from.
const USUAL_LINE: usize = 64;

fn push(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
}

impl Row {
    fn new(kind: BackendKind, id: &'static str, distribution: Option<&'static Distribution>) -> Self {
        Self {
            kind: kind.as_str(),
            id,
            distribution: distribution.map(|distribution| distribution.name),
            version: distribution.map(|distribution| distribution.version),
            enabled: None,
            error: None,
        }
    }

    /// Where it comes from.
    fn push_origin(&self, text: &mut String) {
        match (self.distribution, self.version) {
            (Some(name), Some(version)) => push(text, &[" (", name, " ", version, ")"]),
            _ => text.push_str(" (no distribution)"),
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
