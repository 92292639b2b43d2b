//! The engine as data: its id, what it can do, its configuration, and the way to its runner.
//!
//! Everything here is cheap and pure: no I/O before a run is started.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::runner::Runner;
use takopi_api::schemars::{self, JsonSchema};

use crate::runner::AcmeRunner;
use crate::session::SessionStore;

const ID: &str = "acme";
pub(crate) const ENGINE: EngineId = EngineId::from_static(ID);

/// A longer delay is a typing error: a run would look as if it hung.
const LONGEST_STEP_DELAY_MS: u64 = 60_000;

/// The table `[acme]`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// How long each step waits before it begins, in milliseconds, at most 60000. For trying out how a chat or a
    /// terminal shows a run at work.
    #[serde(default)]
    #[schemars(range(max = 60_000))]
    pub(crate) step_delay_ms: u64,
}

/// The engine. Cheap and pure, as every constructor of a backend.
#[must_use]
pub(crate) const fn new() -> EngineBackend {
    EngineBackend::new(ID, Availability::Embedded, build_runner)
        .with_capabilities(EngineCapabilities::none().with_steer().with_permissions().with_questions())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if settings.step_delay_ms > LONGEST_STEP_DELAY_MS {
        let message =
            format!("{} ms is too long, the most is {LONGEST_STEP_DELAY_MS}", settings.step_delay_ms);
        return Err(config.table.error_at("step_delay_ms", message));
    }
    let sessions = SessionStore::new(config.data_dir.join("sessions"));
    Ok(Arc::new(AcmeRunner::new(sessions, Duration::from_millis(settings.step_delay_ms))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_api::config::ConfigTable;

    use super::*;

    fn build(toml: &str) -> Result<(), String> {
        let file = ConfigTable::from_toml(Path::new("takopi.toml"), toml).map_err(|e| e.to_string())?;
        let table = file.table("acme").map_err(|e| e.to_string())?;
        build_runner(&EngineConfig::new(table, "/nowhere")).map(drop).map_err(|e| e.to_string())
    }

    #[test]
    fn a_configuration_is_read_and_a_wrong_one_is_named() {
        assert_eq!(build(""), Ok(()));
        assert_eq!(build("[acme]\nstep_delay_ms = 200\n"), Ok(()));
        assert_eq!(
            build("[acme]\nstep_delay_ms = 3600000\n").unwrap_err(),
            "takopi.toml:2:17: `acme.step_delay_ms`: 3600000 ms is too long, the most is 60000"
        );
        assert!(build("[acme]\nstep_delay_ms = -1\n").unwrap_err().starts_with("takopi.toml:2:17: "));
    }

    #[test]
    fn the_sample_holds_every_setting_with_its_default() {
        let sample = include_str!("../sample.toml");
        assert_eq!(build(sample), Ok(()));
        let uncommented = sample.replace("# step_delay_ms", "step_delay_ms");
        let table = ConfigTable::from_toml(Path::new("sample.toml"), uncommented).unwrap();
        let table = table.table("acme").unwrap();
        let schema = schemars::schema_for!(Settings);
        assert_eq!(table.unknown_keys(&schema, &[]), []);
        let settings = schema.get("properties").and_then(|keys| keys.as_object()).unwrap();
        assert_eq!(table.keys().len(), settings.len());
        assert_eq!(table.parse::<Settings>().unwrap().step_delay_ms, 0);
    }
}
