//! Hooks that do what their tables say, and note what they were told, so that tests can look at what becomes of runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::event::Event;
use takopi_api::hook::{HookBackend, HookContext, Moment, PlannedRun, RunEnd, Source, Verdict};
use takopi_api::schemars::{self, JsonSchema};

/// The table `[hooks.first]` or `[hooks.second]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// What it does before a run: nothing, or `deny`, `rewrite`, `panic`, `fail`, `wait` or `block`.
    pre: String,
    /// What it does at an event.
    event: String,
    /// What it does after a run.
    post: String,
    /// Where it notes what it was told.
    notes: Option<PathBuf>,
}

/// A hook of this id.
#[derive(Debug)]
pub struct Probe(&'static str);

/// The hook that comes first by its id.
#[must_use]
pub const fn first() -> Probe {
    Probe("first")
}

/// The hook that comes second by its id.
#[must_use]
pub const fn second() -> Probe {
    Probe("second")
}

/// A hook that is never there.
///
/// # Panics
/// Always.
#[must_use]
pub fn broken() -> Probe {
    panic!("this constructor panics on purpose")
}

impl Probe {
    fn note(&self, settings: &Settings, what: &str) -> Result<(), Error> {
        let Some(path) = &settings.notes else { return Ok(()) };
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let written = opened.and_then(|mut file| file.write_all(format!("{} {what}\n", self.0).as_bytes()));
        written.map_err(|error| Error::new(error.to_string()))
    }
}

/// Does what a word says, and gives what is left of it.
async fn act(order: &str) -> Result<&str, Error> {
    match order {
        "panic" => panic!("this hook panics on purpose"),
        "fail" => Err(Error::new("this hook fails on purpose")),
        "wait" => std::future::pending().await,
        "block" => loop {
            std::thread::park();
        },
        other => Ok(other),
    }
}

#[async_trait]
impl HookBackend for Probe {
    fn id(&self) -> &str {
        self.0
    }

    fn wants(&self) -> &[Moment] {
        &[Moment::PreRun, Moment::Event, Moment::PostRun]
    }

    async fn pre_run(&self, cx: &HookContext, run: &PlannedRun) -> Result<Verdict, Error> {
        let settings: Settings = cx.config.parse()?;
        let source = match &run.source {
            Source::Message(origin) => {
                format!("message of {:?}", origin.sender.as_ref().map(|sender| sender.id.as_str()))
            }
            Source::Command { id, .. } => format!("/{id}"),
            Source::Terminal => "terminal".to_owned(),
            _ => "elsewhere".to_owned(),
        };
        self.note(&settings, &format!("before {}: {}, {source}", run.engine, run.prompt))?;
        Ok(match act(&settings.pre).await? {
            "deny" => Verdict::deny("not today"),
            "rewrite" => Verdict::rewrite(format!("{} ({} was here)", run.prompt, self.0)),
            _ => Verdict::Allow,
        })
    }

    async fn on_event(&self, cx: &HookContext, _: &PlannedRun, event: &Event) -> Result<(), Error> {
        let settings: Settings = cx.config.parse()?;
        match event {
            Event::Started(_) => self.note(&settings, "started")?,
            Event::Completed(_) => self.note(&settings, "completed")?,
            _ => {}
        }
        act(&settings.event).await.map(drop)
    }

    async fn post_run(&self, cx: &HookContext, run: &PlannedRun, end: &RunEnd) -> Result<(), Error> {
        let settings: Settings = cx.config.parse()?;
        let denied = end.denied_by.as_deref().map(|by| format!(", denied by {by}")).unwrap_or_default();
        self.note(&settings, &format!("after {}: {:?}{denied}", run.engine, end.completed.outcome))?;
        act(&settings.post).await.map(drop)
    }
}
