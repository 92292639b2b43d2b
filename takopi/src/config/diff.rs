//! What is different in two configurations, by keys alone: a value may be a secret.

use std::fmt;

use toml::{Table, Value};

use super::key_path::KeyPath;
use super::keys;
use super::model::Config;

/// A key that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key; of a whole table that came or went, the table.
    pub key: KeyPath,
    /// What became of it.
    pub kind: ChangeKind,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It has another value.
    Changed,
    /// It is gone.
    Removed,
}

impl Change {
    /// Whether a transport has to know of it: the key stands in its table, and is none that takopi reads itself.
    #[must_use]
    pub fn concerns_transport(&self, id: &str) -> bool {
        let mut parts = self.key.parts();
        // What is said of the whole is said of each.
        parts.next() == Some("transports")
            && parts.next().is_none_or(|table| table == id)
            && !parts.next().is_some_and(keys::is_of_chats)
    }

    /// Whether a command has to know of it: the key stands in its table.
    #[must_use]
    pub fn concerns_command(&self, id: &str) -> bool {
        let mut parts = self.key.parts();
        parts.next() == Some("plugins") && parts.next().is_none_or(|table| table == id)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ChangeKind::Added => "added",
            ChangeKind::Changed => "changed",
            ChangeKind::Removed => "removed",
        };
        write!(f, "{} {what}", self.key)
    }
}

/// The keys in which two configurations differ, sorted. What the environment says is part of both.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Vec<Change> {
    // What was read once is read again.
    let [old, new] = [old, new].map(|config| config.table.parse().unwrap_or_default());
    let mut changes = Vec::new();
    collect(&old, &new, &[], &mut changes);
    changes
}

fn collect(old: &Table, new: &Table, above: &[&str], changes: &mut Vec<Change>) {
    let mut names: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let kind = match (old.get(name), new.get(name)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => {
                collect(old, new, &[above, &[name]].concat(), changes);
                continue;
            }
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
        };
        changes.push(Change { key: KeyPath::new(above.iter().copied(), name), kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Reader, Vocabulary};

    fn changes(old: &str, new: &str) -> Vec<String> {
        let reader = Reader::new("takopi.toml", Vocabulary::default(), Overrides::default());
        let [old, new] = [old, new].map(|text| reader.parse(text).unwrap());
        diff(&old, &new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn changed_keys_are_named_without_their_values() {
        let old = "default_engine = 'codex'\n[projects.z80]\npath = '/a'\nworktree_base = 'main'\n\
                   [transports.x]\nbot_token = 'hunter2'\n[codex]\nextra_args = ['a']\nsince = 2024-05-01\n";
        let new = "[projects.z80]\npath = '/b'\nchat_id = 1\n[projects.'my site']\npath = '/c'\n\
                   [transports.x]\nbot_token = 'hunter3'\n[codex]\nextra_args = ['a', 'b']\nsince = 2024-05-02\n";
        assert_eq!(
            changes(old, new),
            [
                "codex.extra_args changed",
                "codex.since changed",
                "default_engine removed",
                "projects.\"my site\" added",
                "projects.z80.chat_id added",
                "projects.z80.path changed",
                "projects.z80.worktree_base removed",
                "transports.x.bot_token changed",
            ]
        );
    }

    #[test]
    fn a_transport_has_to_know_of_its_own_keys() {
        let check = |key: &str, expected: bool| {
            let change = Change { key: key.parse().unwrap(), kind: ChangeKind::Changed };
            assert_eq!(change.concerns_transport("x"), expected, "{key}");
        };
        check("transports.x.token", true);
        check("transports.x.voice.enabled", true);
        check("transports.x.files.enabled", false);
        check("transports.x", true);
        check("transports", true);
        check("transports.y.token", false);
        check("transports.x.session_mode", false);
        check("transport", false);
        check("x.transports.x", false);
    }

    #[test]
    fn another_way_to_write_the_same_is_no_change() {
        assert!(
            changes("[projects.a]\npath = '/a'\n", "# here\nprojects = { a = { path = \"/a\" } }\n")
                .is_empty()
        );
        assert_eq!(changes("acme = 1\n", "[acme]\nx = 1\n"), ["acme changed"]);
    }
}
