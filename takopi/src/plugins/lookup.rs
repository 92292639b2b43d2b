//! Looking for a backend that is not there, or can not be used.

use std::fmt;

use takopi_api::plugin::{BackendKind, Distribution};

use super::load::LoadError;
use super::registry::Problem;
use crate::bundled::Known;

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
        /// Where it comes from, or could come from.
        distributions: Vec<Option<&'static Distribution>>,
    },
    /// It is offered more than once, and nothing says which is meant.
    Conflict {
        /// The kind that was looked for.
        kind: BackendKind,
        /// The id.
        id: String,
        /// By whom it is offered.
        distributions: Vec<Option<&'static Distribution>>,
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
            Self::Disabled { distributions, .. } => distributions
                .iter()
                .flatten()
                .map(|distribution| {
                    format!("add \"{}\" to `plugins.enabled` in the configuration", distribution.name)
                })
                .collect(),
            Self::Conflict { .. } => {
                vec!["let `plugins.enabled` in the configuration name only one of them".to_owned()]
            }
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
            Self::Disabled { kind, id, distributions } => {
                write!(
                    f,
                    "the {kind} `{id}` is disabled: `plugins.enabled` in the configuration does not name {}",
                    Offers(distributions)
                )
            }
            Self::Conflict { kind, id, distributions } => {
                write!(f, "the {kind} `{id}` can not be used: {} offer it", Offers(distributions))
            }
            Self::Skipped { problem } => {
                let Problem { kind, id, distribution, text } = problem;
                write!(
                    f,
                    "the {kind} `{}` can not be used: {text} ({})",
                    id.escape_debug(),
                    Offer(*distribution)
                )
            }
            Self::Failed { kind, id, distribution, error } => {
                write!(f, "the {kind} `{id}` can not be loaded: {error} ({})", Offer(*distribution))
            }
        }
    }
}

impl std::error::Error for LookupError {}

/// Where a backend comes from.
struct Offer(Option<&'static Distribution>);

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(distribution) => distribution.fmt(f),
            None => f.write_str("no distribution"),
        }
    }
}

/// Several of them, in one sentence.
struct Offers<'a>(&'a [Option<&'static Distribution>]);

impl fmt::Display for Offers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, offer) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " and " })?;
            Offer(*offer).fmt(f)?;
        }
        Ok(())
    }
}
