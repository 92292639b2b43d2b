//! The engines that a run may use besides its own.

use std::fmt;
use std::sync::Arc;

use super::{RunSpec, Runner};
use crate::engine::{EngineCapabilities, EngineId};
use crate::error::Error;
use crate::process::{Environment, ProcessHost};

/// What takopi implements for [`Engines`].
pub trait FindEngine: Send + Sync {
    /// The engine of this id, as its own table configures it.
    ///
    /// # Errors
    /// [`Error`] if there is none, it is disabled, its table is wrong, or its program is not installed.
    fn find(&self, id: &str) -> Result<FoundEngine, Error>;
}

/// An engine that another one may run.
#[derive(Clone)]
#[non_exhaustive]
pub struct FoundEngine {
    /// Its runner, built from its own table.
    pub runner: Arc<dyn Runner>,
    /// What it can do.
    pub capabilities: EngineCapabilities,
    /// What its programs see of takopi's variables, besides what it names itself.
    pub environment: Environment,
}

impl FoundEngine {
    /// An engine without special capabilities, whose programs see nothing besides what it names.
    #[must_use]
    pub fn new(runner: Arc<dyn Runner>) -> Self {
        Self { runner, capabilities: EngineCapabilities::none(), environment: Environment::empty() }
    }

    /// Sets what it can do.
    #[must_use]
    pub fn capabilities(mut self, capabilities: EngineCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets what its programs see of takopi's variables.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &EngineId {
        self.runner.engine()
    }
}

impl fmt::Debug for FoundEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FoundEngine").field(self.id()).finish()
    }
}

/// The way from a run to other engines: see [`RunSpec::engines`]. It knows which engines the run is inside of, and gives
/// none of these, so that engines that run each other come to an end.
#[derive(Clone, Default)]
pub struct Engines {
    finder: Option<Arc<dyn FindEngine>>,
    /// The engines whose runs are around, the outermost first. The last is the run's own.
    around: Vec<EngineId>,
    /// What starts the programs of a run inside of this one: they end with it, and see nothing of its variables.
    pub(super) processes: Option<Arc<dyn ProcessHost>>,
}

impl Engines {
    /// Those that `finder` knows.
    #[must_use]
    pub fn new(finder: Arc<dyn FindEngine>) -> Self {
        Self { finder: Some(finder), ..Self::default() }
    }

    /// The engine of this id, with the runner that was built from its own table. Only what the person could use is found.
    ///
    /// # Errors
    /// [`Error`] with what to do, if there is no such engine, it is disabled, its table is wrong, or its program is not
    /// installed; and if the engine is one that this run is inside of, with the chain of them.
    pub fn get(&self, id: &str) -> Result<FoundEngine, Error> {
        if let Some(at) = self.around.iter().position(|engine| engine.as_str() == id) {
            let chain: Vec<&str> = self.around[at..].iter().map(EngineId::as_str).chain([id]).collect();
            return Err(Error::new(format!("{id} would run inside of itself: {}", chain.join(" > ")))
                .hint("let one of them run another engine"));
        }
        match &self.finder {
            Some(finder) => finder.find(id),
            None => Err(Error::new(format!("{id} can not be run from here: this run knows no other engine"))),
        }
    }

    /// As a run of `engine` sees them, whose programs `processes` starts.
    pub(super) fn inside(mut self, engine: EngineId, processes: Arc<dyn ProcessHost>) -> Self {
        self.around.push(engine);
        self.processes = Some(processes);
        self
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines").field("around", &self.around).finish_non_exhaustive()
    }
}

impl RunSpec {
    /// A run of another engine inside of this one: a new thread in the same folder, with the same attachments and outbox
    /// and nothing chosen. Its programs belong to this run and end with it at the latest, and see the variables that are
    /// passed to that engine, not those that are passed to this one.
    #[must_use]
    pub fn inner(&self, engine: &FoundEngine, prompt: impl Into<String>) -> Self {
        let processes = self.engines.processes.as_ref().unwrap_or(&self.processes);
        let mut inner = Self::new(prompt, &self.cwd, Arc::clone(processes), self.threads.clone())
            .attachments(self.attachments.iter().cloned())
            .environment(engine.environment.clone())
            .outbox(self.outbox.clone())
            .engines(self.engines.clone());
        // One run for whoever counts runs: the inner one must not wait for a place that the outer one has.
        inner.id = self.id.clone();
        inner.servers = Arc::clone(&self.servers);
        inner
    }
}
