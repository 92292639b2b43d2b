//! The plugin crates of a binary: what the linker kept, and what was promised of it.

use serde::Serialize;
use takopi_api::plugin::Distribution;

use crate::bundled;

/// The plugin crates of a binary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// What the linker kept, in its order.
    distributions: Vec<&'static Distribution>,
    /// What a wrapper binary promised, in its order.
    wrapped: Vec<&'static Distribution>,
}

/// A plugin crate of a binary, and who wanted it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The package's name.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// Who wanted it there.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Who wanted a plugin crate in a binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "origin", rename_all = "lowercase")]
pub enum Origin {
    /// A feature of takopi.
    Feature {
        /// Which.
        feature: &'static str,
    },
    /// The wrapper binary, by [`Host::bundle`](crate::Host::bundle).
    Bundle,
    /// Nobody said: it was linked by `use … as _;`, or by mistake.
    Linked,
}

impl Linked {
    /// What the linker kept, in any order.
    #[must_use]
    pub const fn new(distributions: Vec<&'static Distribution>) -> Self {
        Self { distributions, wrapped: Vec::new() }
    }

    /// Adds what a wrapper binary promises.
    pub(crate) fn promise(&mut self, distribution: &'static Distribution) {
        self.wrapped.push(distribution);
    }

    /// What the linker kept, in its order, which is not stable.
    #[must_use]
    pub fn distributions(&self) -> &[&'static Distribution] {
        &self.distributions
    }

    /// What a wrapper binary promised.
    #[must_use]
    pub fn wrapped(&self) -> &[&'static Distribution] {
        &self.wrapped
    }

    /// Each crate with who wanted it, sorted.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let mut sorted = self.distributions.clone();
        sorted.sort();
        let source = |distribution: &'static Distribution| Source {
            name: distribution.name,
            version: distribution.version,
            origin: self.origin(distribution),
        };
        sorted.into_iter().map(source).collect()
    }

    fn origin(&self, distribution: &Distribution) -> Origin {
        let of_feature = bundled::BUNDLED.iter().find(|(_, promised)| *promised == distribution);
        match of_feature {
            Some((known, _)) => Origin::Feature { feature: known.feature },
            None if self.wrapped.contains(&distribution) => Origin::Bundle,
            None => Origin::Linked,
        }
    }
}

/// As [`Linked::sources`]. It is made only for those who read it: there may be thousands.
impl Serialize for Linked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sources().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static MINE: Distribution = Distribution::new("mine", "1.0.0", "");
    static OTHER: Distribution = Distribution::new("another", "2.0.0", "");

    #[test]
    fn each_crate_is_told_with_who_wanted_it() {
        let mut linked = Linked::new(vec![&MINE, &OTHER]);
        linked.promise(&MINE);
        let json = serde_json::to_value(linked.sources()).unwrap();
        let expected = serde_json::json!([
            { "name": "another", "version": "2.0.0", "origin": "linked" },
            { "name": "mine", "version": "1.0.0", "origin": "bundle" },
        ]);
        assert_eq!(json, expected);
    }
}
