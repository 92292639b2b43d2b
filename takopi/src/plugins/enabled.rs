//! The enabled list: which distributions are visible at run time.

use std::collections::HashSet;

use takopi_api::error::closest;
use takopi_api::plugin::Distribution;

use crate::bundled::{self, Known};

/// The name in the list that stands for every distribution of this project, as the Python program's configurations use it.
pub(crate) const FIRST_PARTY: &str = "takopi";

/// `[plugins] enabled`. Empty means: everything that is linked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnabledList {
    entries: Vec<String>,
    normalized: HashSet<String>,
}

impl EnabledList {
    /// A list with these entries; blank ones do not count.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = String>) -> Self {
        let entries: Vec<String> = entries
            .into_iter()
            .map(|entry| entry.trim().to_owned())
            .filter(|entry| !entry.is_empty())
            .collect();
        let normalized = entries.iter().map(|entry| normalize(entry)).collect();
        Self { entries, normalized }
    }

    /// Whether the list rules anything at all.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.entries.is_empty()
    }

    /// The entries as they were written.
    #[must_use]
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Whether backends of this distribution are visible. Without a distribution they are hidden as soon as there is a
    /// list: nobody can have meant them.
    #[must_use]
    pub fn allows(&self, distribution: Option<&Distribution>) -> bool {
        if !self.is_set() {
            return true;
        }
        distribution.is_some_and(|distribution| {
            self.normalized.contains(&normalize(distribution.name))
                || (self.normalized.contains(FIRST_PARTY) && bundled::is_first_party(distribution.name))
        })
    }

    /// A warning for each entry that matches none of the linked distributions.
    #[must_use]
    pub fn warnings(&self, linked: &[&Distribution]) -> Vec<String> {
        if !self.is_set() {
            return Vec::new();
        }
        let names: HashSet<String> = linked.iter().map(|distribution| normalize(distribution.name)).collect();
        self.entries
            .iter()
            .filter(|entry| {
                let name = normalize(entry);
                name != FIRST_PARTY && !names.contains(&name)
            })
            .map(|entry| {
                let name = normalize(entry);
                let mut warning = format!("`{entry}` in `plugins.enabled` matches no plugin of this build");
                if let Some(Known { feature }) =
                    bundled::KNOWN.iter().find(|known| normalize(&known.package()) == name)
                {
                    warning.push_str(&format!("; rebuild with --features {feature}"));
                } else if let Some(meant) =
                    closest(&name, linked.iter().map(|distribution| distribution.name).chain([FIRST_PARTY]))
                {
                    warning.push_str(&format!("; did you mean `{meant}`?"));
                }
                warning
            })
            .collect()
    }
}

/// Whether two names are one package's, as the list compares them.
#[must_use]
pub(crate) fn is_same_package(a: &str, b: &str) -> bool {
    normalize(a) == normalize(b)
}

/// As packaging tools compare names: without case, and with runs of `-`, `_` and `.` as one.
fn normalize(name: &str) -> String {
    let mut normalized = String::with_capacity(name.len());
    for c in name.trim().chars() {
        if !matches!(c, '-' | '_' | '.') {
            normalized.extend(c.to_lowercase());
        } else if !normalized.ends_with('-') {
            normalized.push('-');
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::*;

    static ACME: Distribution = Distribution::new("takopi-engine-acme", "1.0.0", "");
    static OTHER: Distribution = Distribution::new("other.Engine__x", "2.0.0", "");

    fn list(entries: &[&str]) -> EnabledList {
        EnabledList::new(entries.iter().map(|&entry| entry.to_owned()))
    }

    #[test]
    fn an_empty_list_allows_everything_and_a_set_one_only_what_it_names() {
        assert!(list(&[]).allows(Some(&ACME)) && list(&[" "]).allows(None));
        assert!(list(&["takopi-engine-acme"]).allows(Some(&ACME)));
        assert!(!list(&["takopi-engine-acme"]).allows(Some(&OTHER)));
        assert!(!list(&["takopi-engine-acme"]).allows(None));
    }

    #[test]
    fn names_are_compared_without_case_and_kind_of_separator() {
        assert!(list(&["Takopi_Engine.ACME"]).allows(Some(&ACME)));
        assert!(list(&["other-engine-X"]).allows(Some(&OTHER)));
        assert!(!list(&["otherenginex"]).allows(Some(&OTHER)));
    }

    #[test]
    fn takopi_stands_for_every_first_party_distribution() {
        assert!(list(&["takopi"]).allows(Some(&ACME)));
        assert!(!list(&["takopi"]).allows(Some(&OTHER)));
    }

    #[test]
    fn an_entry_that_matches_nothing_is_warned_about() {
        assert!(list(&["takopi", "takopi-engine-acme"]).warnings(&[&ACME]).is_empty());
        assert_eq!(
            list(&["takopi-engine-acm"]).warnings(&[&ACME]),
            [
                "`takopi-engine-acm` in `plugins.enabled` matches no plugin of this build; did you mean `takopi-engine-acme`?"
            ]
        );
        assert_eq!(
            list(&["takopi_engine_codex"]).warnings(&[&ACME]),
            [
                "`takopi_engine_codex` in `plugins.enabled` matches no plugin of this build; rebuild with --features engine-codex"
            ]
        );
        assert_eq!(
            list(&["zebra"]).warnings(&[&ACME]),
            ["`zebra` in `plugins.enabled` matches no plugin of this build"]
        );
    }
}
