//! Hooks: what plugins say of a run before it begins, and hear of it afterwards.
//!
//! [`Hooks`] are those that look at runs under one configuration, in their order. A [`Watch`] is what they are to one run:
//! whoever makes a run asks it first, gives it the events, and tells it the end. `chain.rs` decides what comes of an answer,
//! `call.rs` calls a hook so that nothing it does can hold or end takopi, `events.rs` is the line of events to one.
//!
//! What this must not know: chats and command lines. They say what hooks may use ([`Around`]).

mod call;
mod chain;
mod events;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, future};
use takopi_api::config::ConfigTable;
use takopi_api::event::{Completed, Event};
use takopi_api::hook::{Chat, HookBackend, HookContext, Moment, PlannedRun, RunEnd};
use takopi_api::plugin::{BackendKind, Distribution};
use takopi_api::process::ProcessHost;
use takopi_api::runtime::{Catalog, PluginStore};
use tokio::sync::Semaphore;

use self::call::Fault;
use self::chain::Step;
use self::events::Line;
use crate::config::{Config, HookRule, OnFailure};
use crate::plugins::{Loaded, LookupError, Registry, Standing};

/// How many calls of one hook may be under way. Each has a thread: a hook that blocks its thread for ever keeps it.
const CALLS: usize = 256;

/// The hooks under one configuration, in the order in which they are asked.
#[derive(Debug, Default)]
pub(crate) struct Hooks(Vec<Arc<Hook>>);

/// One hook, as it is dealt with.
struct Hook {
    id: String,
    distribution: Option<&'static Distribution>,
    rule: HookRule,
    config: ConfigTable,
    /// Why it can not be asked, if it can not.
    ready: Result<Ready, String>,
    calls: Arc<Semaphore>,
}

/// A hook that can be called.
struct Ready {
    backend: Arc<dyn HookBackend>,
    wants: Vec<Moment>,
}

/// What the hooks of a run may use besides their tables.
pub(crate) struct Around<'a> {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) processes: Arc<dyn ProcessHost>,
    pub(crate) chat: Option<Chat>,
    /// What the hook of an id remembers.
    pub(crate) store: &'a dyn Fn(&str) -> PluginStore,
}

/// A hook does not let a run begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) by: String,
    pub(crate) reason: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied by {}: {}", self.by, self.reason)
    }
}

impl Hooks {
    /// The hooks that look at runs: those that the order names, whether they are there or not, then every other visible
    /// one. One that is there twice is wanted and can not be had, so it counts as one that fails. They are constructed.
    pub(crate) fn new(registry: &Registry, config: &Config) -> Self {
        let is_meant = |standing| matches!(standing, Standing::Visible | Standing::Duplicate);
        let mut ids: Vec<&str> = config.hooks.order.iter().map(String::as_str).collect();
        for entry in registry.entries() {
            let row = entry.row();
            if row.kind() == BackendKind::Hook && is_meant(entry.standing()) && !ids.contains(&row.id) {
                ids.push(row.id);
            }
        }
        Self(ids.into_iter().map(|id| Arc::new(Hook::new(id, registry, config))).collect())
    }

    /// Whether any of them has a say before a run begins.
    pub(crate) fn have_a_say(&self) -> bool {
        self.0.iter().any(|hook| hook.has_a_say())
    }

    /// What they are to one run. Where there are none, it is not even described.
    pub(crate) fn watch(&self, around: &Around<'_>, run: impl FnOnce() -> PlannedRun) -> Watch {
        if self.0.is_empty() {
            return Watch::default();
        }
        let watching = |hook: &Arc<Hook>| {
            let context = HookContext::new((around.store)(&hook.id), Arc::clone(&around.processes))
                .config(hook.config.clone())
                .catalog(Arc::clone(&around.catalog))
                .chat(around.chat.clone());
            Watching { hook: Arc::clone(hook), context }
        };
        let hooks = self.0.iter().map(watching).collect();
        let began = Instant::now();
        Watch(Some(Box::new(Watched { hooks, run: Arc::new(run()), began, lines: Vec::new() })))
    }

    /// Each of them in its order: its id, what it is called for or why it can not be, and what comes of that.
    pub(crate) fn look(&self) -> impl Iterator<Item = (&str, Result<&[Moment], &str>, OnFailure)> {
        self.0.iter().map(|hook| {
            let wants = hook.ready.as_ref().map(|ready| &*ready.wants).map_err(String::as_str);
            (hook.id.as_str(), wants, hook.rule.on_failure)
        })
    }
}

/// What is odd about the tables of hooks and no error: nobody reads that of a hook which is not there.
pub(crate) fn warnings(registry: &Registry, config: &Config) -> Vec<String> {
    let ids = config.hooks.named().filter(|id| !config.hooks.order.iter().any(|ordered| ordered == id));
    let absent = ids.filter_map(|id| Some((id, registry.find(BackendKind::Hook, id).err()?)));
    absent.map(|(id, error)| format!("`hooks.{id}` counts for nothing: {}", with_hints(&error))).collect()
}

fn with_hints(error: &LookupError) -> String {
    error.hints().iter().fold(error.to_string(), |told, hint| format!("{told}; {hint}"))
}

impl Hook {
    fn new(id: &str, registry: &Registry, config: &Config) -> Self {
        let found = registry.find(BackendKind::Hook, id).ok();
        let ready = registry.load(BackendKind::Hook, id).map_err(|error| with_hints(&error));
        let ready = ready.and_then(|loaded| match loaded {
            Loaded::Hook(backend, wants) => Ok(Ready { backend: Arc::clone(backend), wants: wants.clone() }),
            // The kind of a row is that of its constructor.
            _ => Err("it is no hook".to_owned()),
        });
        let table = config.hook(id).map_err(|error| error.to_string());
        let (config_table, ready) = match table {
            Ok(table) => (table, ready),
            // It is read with the file, so this is said there already.
            Err(error) => (ConfigTable::empty(), Err(error)),
        };
        Self {
            id: id.to_owned(),
            distribution: found.and_then(|entry| entry.row().distribution),
            rule: config.hooks.of(id),
            config: config_table,
            ready,
            calls: Arc::new(Semaphore::new(CALLS)),
        }
    }

    fn wants(&self, moment: Moment) -> bool {
        self.ready.as_ref().is_ok_and(|ready| ready.wants.contains(&moment))
    }

    /// Of one that can not be asked nobody knows, so it has.
    fn has_a_say(&self) -> bool {
        self.ready.is_err() || self.wants(Moment::PreRun)
    }

    /// Where it comes from, for people.
    fn origin(&self) -> String {
        self.distribution.map_or_else(String::new, |distribution| format!(" ({distribution})"))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.id).finish()
    }
}

/// A hook and what it may use in one run.
#[derive(Clone)]
struct Watching {
    hook: Arc<Hook>,
    context: HookContext,
}

/// What the hooks are to one run, from before it begins until after its end.
#[derive(Default)]
pub(crate) struct Watch(Option<Box<Watched>>);

struct Watched {
    hooks: Vec<Watching>,
    run: Arc<PlannedRun>,
    began: Instant,
    lines: Vec<Line>,
}

impl Watch {
    /// Asks the hooks whether the run may begin. It may be given up at any time: the hook that is being asked is dropped.
    ///
    /// # Errors
    /// [`Denial`] of the first hook that does not let it.
    pub(crate) async fn ask(&mut self) -> Result<(), Denial> {
        let Some(watched) = &mut self.0 else { return Ok(()) };
        for watching in watched.hooks.iter().filter(|watching| watching.hook.has_a_say()) {
            let hook = &watching.hook;
            let said = watching.ask(&watched.run).await;
            let run = &watched.run.id;
            if let Err(fault) = &said {
                let (id, distribution) = (&hook.id, hook.origin());
                tracing::error!(%run, hook = %id, %fault, "a hook{distribution} could not be asked");
            }
            match chain::step(said, hook.rule.on_failure, &hook.origin()) {
                Step::GoOn => {}
                Step::GoOnWith(prompt) => {
                    tracing::info!(%run, hook = %hook.id, "a hook wrote another prompt");
                    Arc::make_mut(&mut watched.run).prompt = prompt;
                }
                Step::Deny(reason) => {
                    tracing::info!(%run, hook = %hook.id, "a hook denied a run");
                    return Err(Denial { by: hook.id.clone(), reason });
                }
            }
        }
        Ok(())
    }

    /// The prompt as the hooks left it, if there are any.
    pub(crate) fn prompt(&self) -> Option<&str> {
        self.0.as_ref().map(|watched| watched.run.prompt.as_str())
    }

    /// The run begins: from here on there may be events.
    pub(crate) fn begin(&mut self) {
        let Some(watched) = &mut self.0 else { return };
        let hooks = watched.hooks.iter().filter(|watching| watching.hook.wants(Moment::Event));
        watched.lines = hooks.filter_map(|watching| Line::open(watching, &watched.run)).collect();
    }

    /// Something that the run says. It never waits. Of its last event [`Self::ended`] tells.
    pub(crate) fn event(&mut self, event: &Event) {
        let Some(watched) = &mut self.0 else { return };
        if watched.lines.is_empty() || matches!(event, Event::Completed(_)) {
            return;
        }
        let event = Arc::new(event.clone());
        for line in &mut watched.lines {
            line.give(&event);
        }
    }

    /// Tells the hooks how the run ended, and waits for each as long as its table says. `None` if nobody wants to know.
    pub(crate) fn ended(
        self,
        completed: &Completed,
        denial: Option<&Denial>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let watched = *self.0?;
        let end = RunEnd::new(completed.clone(), watched.began.elapsed())
            .denied_by(denial.map(|denial| denial.by.clone()));
        let (run, end) = (watched.run, Arc::new(end));
        let mut lines = watched.lines;
        let mut ends = Vec::new();
        for watching in watched.hooks {
            let at = lines.iter().position(|line| line.is_of(&watching.hook));
            let line = at.map(|at| lines.swap_remove(at));
            if line.is_some() || watching.hook.wants(Moment::PostRun) {
                ends.push(watching.ended(line, Arc::clone(&run), Arc::clone(&end)));
            }
        }
        (!ends.is_empty()).then(|| future::join_all(ends).map(drop))
    }
}

impl Watching {
    async fn ask(&self, run: &Arc<PlannedRun>) -> Result<takopi_api::hook::Verdict, Fault> {
        let ready = self.hook.ready.as_ref().map_err(|why| Fault::Absent(why.clone()))?;
        let (backend, context, run) = (Arc::clone(&ready.backend), self.context.clone(), Arc::clone(run));
        let code = async move { backend.pre_run(&context, &run).await };
        call::call(&self.hook, self.hook.rule.timeout, code).await
    }

    /// Lets the hook hear the rest of the events, then the end. Both together have the time of one call, of which the rest
    /// of the events gets half at most.
    async fn ended(self, line: Option<Line>, run: Arc<PlannedRun>, end: Arc<RunEnd>) {
        let began = Instant::now();
        let timeout = self.hook.rule.timeout;
        if let Some(line) = line {
            let last = Event::Completed(end.completed.clone());
            let patience = if self.hook.wants(Moment::PostRun) { timeout / 2 } else { timeout };
            if tokio::time::timeout(patience, line.close(last)).await.is_err() {
                tracing::warn!(run = %run.id, hook = %self.hook.id, "a hook{} did not take the last events in time", self.hook.origin());
            }
        }
        let (true, Ok(ready)) = (self.hook.wants(Moment::PostRun), &self.hook.ready) else { return };
        let left = timeout.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
        let (backend, context, id) = (Arc::clone(&ready.backend), self.context.clone(), run.id.clone());
        let code = async move { backend.post_run(&context, &run, &end).await };
        if let Err(fault) = call::call(&self.hook, left, code).await {
            tracing::error!(run = %id, hook = %self.hook.id, %fault, "a hook{} failed after a run", self.hook.origin());
        }
    }
}
