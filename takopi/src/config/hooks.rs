//! What takopi itself reads of `[hooks]`: the order, and what becomes of a run whose hook fails.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use takopi_api::config::{ConfigError, ConfigTable};

use super::keys;

/// In which order hooks look at runs, and how takopi deals with each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookRules {
    /// Those that come first. No run begins without them.
    pub order: Vec<String>,
    each: BTreeMap<String, HookRule>,
}

/// How takopi deals with a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookRule {
    /// What becomes of a run that it could not be asked about.
    pub on_failure: OnFailure,
    /// How long one call of it may take.
    pub timeout: Duration,
}

/// What becomes of a run whose hook fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It does not begin.
    #[default]
    Deny,
    /// It begins as if there were no such hook.
    Allow,
}

impl Default for HookRule {
    fn default() -> Self {
        Self { on_failure: OnFailure::Deny, timeout: Duration::from_secs(10) }
    }
}

impl HookRules {
    /// How takopi deals with a hook.
    #[must_use]
    pub fn of(&self, id: &str) -> HookRule {
        self.each.get(id).copied().unwrap_or_default()
    }

    /// The hooks that have a table.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.each.keys().map(String::as_str)
    }

    /// Reads `[hooks]`.
    pub(super) fn read(hooks: &ConfigTable) -> Result<Self, ConfigError> {
        let order: Vec<String> = hooks.get(keys::ORDER_OF_HOOKS)?.unwrap_or_default();
        if let Some(twice) = order.iter().enumerate().find(|(at, id)| order[..*at].contains(id)) {
            return Err(hooks.error_at(keys::ORDER_OF_HOOKS, format!("`{}` is named twice", twice.1)));
        }
        let tables = hooks.keys().into_iter().filter(|key| key != keys::ORDER_OF_HOOKS);
        let each = tables.map(|id| {
            let table = hooks.table(&id)?;
            let usual = HookRule::default();
            let timeout: Option<NonZeroU32> = table.get(keys::TIMEOUT_OF_HOOK.name)?;
            let rule = HookRule {
                on_failure: table.get(keys::ON_FAILURE_OF_HOOK.name)?.unwrap_or_default(),
                timeout: timeout.map_or(usual.timeout, |seconds| Duration::from_secs(seconds.get().into())),
            };
            Ok((id, rule))
        });
        let each = each.collect::<Result<_, ConfigError>>()?;
        Ok(Self { order, each })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<HookRules, ConfigError> {
        HookRules::read(&ConfigTable::from_toml(Path::new("t.toml"), text)?.table("hooks")?)
    }

    #[test]
    fn what_is_not_said_denies_after_ten_seconds() {
        let rules = read("").unwrap();
        assert_eq!(rules, HookRules::default());
        let rule = rules.of("gate");
        assert_eq!((rule.on_failure, rule.timeout), (OnFailure::Deny, Duration::from_secs(10)));
    }

    #[test]
    fn each_hook_has_its_own_rule() {
        let rules = read(
            "[hooks]\norder = ['gate', 'notify']\n[hooks.notify]\non_failure = 'allow'\ntimeout_s = 3\nown = 1\n",
        );
        let rules = rules.unwrap();
        assert_eq!(rules.order, ["gate", "notify"]);
        assert_eq!(rules.named().collect::<Vec<_>>(), ["notify"]);
        let rule = rules.of("notify");
        assert_eq!((rule.on_failure, rule.timeout), (OnFailure::Allow, Duration::from_secs(3)));
        assert_eq!(rules.of("gate"), HookRule::default());
    }

    #[test]
    fn what_can_not_be_meant_is_told_with_its_line() {
        let check = |text: &str, part: &str| {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{part} not in {error}");
        };
        check("hooks = 3", "t.toml:1");
        check("[hooks]\norder = 'gate'", "t.toml:2");
        check("[hooks]\norder = ['gate', 'gate']", "`gate` is named twice");
        check("[hooks]\ngate = true", "t.toml:2");
        check("[hooks.gate]\non_failure = 'ignore'", "t.toml:2");
        check("[hooks.gate]\ntimeout_s = 0", "t.toml:2");
        check("[hooks.gate]\ntimeout_s = 'long'", "t.toml:2");
    }
}
