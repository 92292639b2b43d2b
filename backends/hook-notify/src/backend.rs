//! The hook: what can be set, and which ends of runs count.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::config::Secret;
use takopi_api::error::Error;
use takopi_api::event::Outcome;
use takopi_api::hook::{HookBackend, HookContext, Moment, PlannedRun, RunEnd};
use takopi_api::schemars::{self, JsonSchema};

use crate::{desktop, message, webhook};

/// The table `[hooks.notify]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// Shows a notification on the desktop of the machine on which takopi runs.
    pub(crate) desktop: bool,
    /// The address that is told of each end by a POST with a JSON body.
    pub(crate) webhook: Option<Secret>,
    /// Which ends of runs count: `all` or `failed`.
    pub(crate) only: Only,
    /// Runs that took less than this do not count, in seconds.
    pub(crate) min_duration_s: u64,
    /// Whether the webhook is told what the run answered.
    pub(crate) include_answer: bool,
    /// How many characters of the answer the webhook is told.
    pub(crate) answer_chars: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            desktop: false,
            webhook: None,
            only: Only::All,
            min_duration_s: 0,
            include_answer: false,
            answer_chars: 500,
        }
    }
}

/// Which ends of runs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Only {
    /// Every end.
    All,
    /// Those of runs that failed, denied ones among them.
    Failed,
}

impl Settings {
    fn counts(&self, end: &RunEnd) -> bool {
        let is_meant = match self.only {
            Only::All => true,
            Only::Failed => matches!(end.completed.outcome, Outcome::Failed { .. }),
        };
        is_meant && end.duration >= Duration::from_secs(self.min_duration_s)
    }
}

/// It holds nothing: all that it needs comes with the run.
#[derive(Debug)]
pub(crate) struct Hook;

pub(crate) const fn new() -> Hook {
    Hook
}

#[async_trait]
impl HookBackend for Hook {
    fn id(&self) -> &'static str {
        "notify"
    }

    fn description(&self) -> &'static str {
        "tell the desktop or a webhook that a run ended"
    }

    fn wants(&self) -> &'static [Moment] {
        &[Moment::PostRun]
    }

    async fn post_run(&self, cx: &HookContext, run: &PlannedRun, end: &RunEnd) -> Result<(), Error> {
        let settings: Settings = cx.config.parse()?;
        if !settings.counts(end) {
            return Ok(());
        }
        let desktop = async {
            match settings.desktop {
                true => desktop::show(&*cx.processes, &message::notification(run, end)).await,
                false => Ok(()),
            }
        };
        let webhook = async {
            let Some(secret) = &settings.webhook else { return Ok(()) };
            let folder = cx.config.file().parent().unwrap_or(Path::new(""));
            let answer_chars = settings.include_answer.then_some(settings.answer_chars);
            webhook::tell(&secret.resolve(folder)?, &message::report(run, end, answer_chars)).await
        };
        // One that fails does not keep the other from being told.
        let (desktop, webhook) = (desktop.await, webhook.await);
        desktop.and(webhook)
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::event::Completed;

    use super::*;

    #[test]
    fn ends_count_by_their_outcome_and_duration() {
        let end = |outcome, seconds| {
            let engine = EngineId::parse("codex").unwrap();
            RunEnd::new(Completed::new(engine, outcome), Duration::from_secs(seconds))
        };
        let failed = || Outcome::Failed { error: "x".to_owned() };
        let check = |only, min_duration_s, end: RunEnd, expected| {
            let settings = Settings { only, min_duration_s, ..Settings::default() };
            assert_eq!(settings.counts(&end), expected, "{only:?} {min_duration_s} {end:?}");
        };
        check(Only::All, 0, end(Outcome::Done, 0), true);
        check(Only::All, 60, end(Outcome::Done, 59), false);
        check(Only::All, 60, end(Outcome::Done, 60), true);
        check(Only::Failed, 0, end(Outcome::Done, 5), false);
        check(Only::Failed, 0, end(Outcome::Interrupted, 5), false);
        check(Only::Failed, 0, end(failed(), 5), true);
    }
}
