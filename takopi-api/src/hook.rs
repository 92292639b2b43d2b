//! Hooks: what looks at every run, whoever started it.
//!
//! A hook is asked before a run begins ([`HookBackend::pre_run`]: let it be, deny it, or give it another prompt), told what
//! the run says while it goes on ([`HookBackend::on_event`]), and told how it ended ([`HookBackend::post_run`]). It says in
//! [`HookBackend::wants`] which of these it is for; of the others it hears nothing, and they cost nothing.
//!
//! Every run counts: of a message, of a chat command of a plugin, seen by people or not, and of the command line. Before it
//! hooks are asked one after the other, in the order that the configuration says and else by their ids. Each sees the prompt
//! as those before it left it, and the first that denies ends it. Of the rest all hear at the same time.
//!
//! Takopi does not depend on a hook to be well: each call has a time in which it has to return (`[hooks.<id>] timeout_s`),
//! and a panic is an error like any other. A run whose hook could not be asked is denied, unless its table says
//! `on_failure = "allow"`. What [`HookBackend::on_event`] and [`HookBackend::post_run`] do never holds a run or its answer.
//!
//! An admin gate:
//!
//! ```
//! use takopi_api::async_trait;
//! use takopi_api::error::Error;
//! use takopi_api::hook::{HookBackend, HookContext, Moment, PlannedRun, Verdict};
//! use takopi_api::transport::Role;
//!
//! struct Gate;
//!
//! #[async_trait]
//! impl HookBackend for Gate {
//!     fn id(&self) -> &str {
//!         "gate"
//!     }
//!
//!     fn wants(&self) -> &[Moment] {
//!         &[Moment::PreRun]
//!     }
//!
//!     async fn pre_run(&self, cx: &HookContext, run: &PlannedRun) -> Result<Verdict, Error> {
//!         let (Some(chat), Some(origin)) = (&cx.chat, run.source.origin()) else {
//!             return Ok(Verdict::Allow); // somebody at this machine
//!         };
//!         let Some(sender) = &origin.sender else { return Ok(Verdict::deny("nobody knows who you are")) };
//!         let role = chat.role(&sender.id).await?;
//!         Ok(if role == Role::Admin { Verdict::Allow } else { Verdict::deny("only administrators run agents here") })
//!     }
//! }
//! ```

mod chat;
mod run;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use chat::{Chat, HookChat};
pub use run::{PlannedRun, RunEnd, Source};

use crate::config::ConfigTable;
use crate::error::Error;
use crate::event::Event;
use crate::process::ProcessHost;
use crate::runtime::{Catalog, PluginStore};

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Moment {
    /// Before a run begins: [`HookBackend::pre_run`].
    PreRun,
    /// At each event of it: [`HookBackend::on_event`].
    Event,
    /// After its end: [`HookBackend::post_run`].
    PostRun,
}

impl Moment {
    /// The words for it in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreRun => "before a run",
            Self::Event => "at its events",
            Self::PostRun => "after its end",
        }
    }
}

/// What a hook says of a run that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verdict {
    /// Let it be.
    #[default]
    Allow,
    /// It does not begin.
    Deny {
        /// Why, for the person: lower-case and without full stop.
        reason: String,
    },
    /// It begins with another prompt.
    Rewrite {
        /// The whole new prompt.
        prompt: String,
    },
}

impl Verdict {
    /// It does not begin, and this is why.
    #[must_use]
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny { reason: reason.into() }
    }

    /// It begins with this prompt.
    #[must_use]
    pub fn rewrite(prompt: impl Into<String>) -> Self {
        Self::Rewrite { prompt: prompt.into() }
    }
}

/// What a hook may use. It is cheap to clone and may be kept.
#[derive(Clone)]
#[non_exhaustive]
pub struct HookContext {
    /// The table `[hooks.<id>]` of the configuration.
    pub config: ConfigTable,
    /// What there is; on the command line it is empty.
    pub catalog: Arc<Catalog>,
    /// What the hook remembers.
    pub store: PluginStore,
    /// Starts programs. They end with takopi.
    pub processes: Arc<dyn ProcessHost>,
    /// The chat in which the run was started; `None` on the command line.
    pub chat: Option<Chat>,
}

impl HookContext {
    /// The context of a run on the command line, with an empty table.
    #[must_use]
    pub fn new(store: PluginStore, processes: Arc<dyn ProcessHost>) -> Self {
        Self { config: ConfigTable::empty(), catalog: <_>::default(), store, processes, chat: None }
    }

    /// The hook's table.
    #[must_use]
    pub fn config(mut self, config: ConfigTable) -> Self {
        self.config = config;
        self
    }

    /// What there is.
    #[must_use]
    pub fn catalog(mut self, catalog: Arc<Catalog>) -> Self {
        self.catalog = catalog;
        self
    }

    /// The chat in which the run was started.
    #[must_use]
    pub fn chat(mut self, chat: Option<Chat>) -> Self {
        self.chat = chat;
        self
    }
}

impl fmt::Debug for HookContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What looks at runs.
#[async_trait]
pub trait HookBackend: Send + Sync {
    /// Must equal the id under which the row is registered.
    fn id(&self) -> &str;

    /// One line about it, for lists.
    fn description(&self) -> &str {
        ""
    }

    /// What it is called for. It is asked once, and may be any number of them.
    fn wants(&self) -> &[Moment];

    /// Says what is to become of a run that is about to begin. Nothing of it exists yet but its id: no worktree was made
    /// for it, and its engine does not know of it. A person can end the run meanwhile; the call is then dropped.
    ///
    /// # Errors
    /// [`Error`], which counts as [`Verdict::Deny`] unless the table says otherwise.
    async fn pre_run(&self, cx: &HookContext, run: &PlannedRun) -> Result<Verdict, Error> {
        let (_, _) = (cx, run);
        Ok(Verdict::Allow)
    }

    /// Hears what a run says, in its order, one event at a time; the last is
    /// [`Event::Completed`]. The run does not wait: what a hook could not take in time it
    /// never hears, and takopi says so in its log.
    ///
    /// # Errors
    /// [`Error`], which is logged; the first of a run is the last that it hears of that run.
    async fn on_event(&self, cx: &HookContext, run: &PlannedRun, event: &Event) -> Result<(), Error> {
        let (_, _, _) = (cx, run, event);
        Ok(())
    }

    /// Hears how a run ended, once, after its answer is stored; a denied run ended too. The answer does not wait for it.
    /// It is not repeated: of a run whose end takopi itself did not live to see, no hook hears.
    ///
    /// # Errors
    /// [`Error`], which is logged.
    async fn post_run(&self, cx: &HookContext, run: &PlannedRun, end: &RunEnd) -> Result<(), Error> {
        let (_, _, _) = (cx, run, end);
        Ok(())
    }
}
