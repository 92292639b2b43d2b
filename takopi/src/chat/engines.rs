//! The engines that a message may name, each with the runner that was built from its table.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use takopi_api::config::EngineConfig;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::error::Error;
use takopi_api::plugin::BackendKind;
use takopi_api::process::Environment;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{FoundEngine, Runner};
use takopi_api::runtime::{Chosen, EngineInfo, EngineState};

use crate::config::{Config, FIRST_CHOICE};
use crate::plugins::{self, LookupError, Member, Members, Program, Registry};

/// The enabled engines under one configuration.
pub(crate) struct Engines {
    /// Sorted by id, which is the order in which resume lines are looked for.
    engines: Vec<Engine>,
    by_id: HashMap<EngineId, usize>,
    default: Option<EngineId>,
}

/// An engine.
pub(crate) struct Engine {
    pub(crate) id: EngineId,
    summary: String,
    /// What the plugin says about it, or why it could not be asked.
    backend: Result<EngineBackend, String>,
    runner: OnceLock<Result<Arc<dyn Runner>, String>>,
    /// What its programs see of takopi's variables, besides what it names itself.
    environment: Environment,
    config: Result<EngineConfig, String>,
    /// The table that makes it, if it is no row.
    member: Option<Member>,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.engines.iter().map(|engine| &engine.id)).finish()
    }
}

impl Engines {
    /// The engines that the enabled list shows. Each plugin is asked for its description; no runner is built yet.
    pub(crate) fn new(registry: &Registry, config: &Config, chosen: Option<&EngineId>) -> Self {
        let rows = registry
            .visible(BackendKind::Engine)
            .filter_map(|entry| Engine::new(registry, config, entry.row().id, entry.row().summary));
        let Members { members, faults } = Members::of(registry, config);
        for fault in faults {
            tracing::warn!(%fault, "an engine of a table is left out");
        }
        let mut engines: Vec<Engine> = rows.chain(members.into_iter().map(Engine::of_table)).collect();
        engines.sort_by(|one, other| one.id.cmp(&other.id));
        let by_id = engines.iter().enumerate().map(|(at, engine)| (engine.id.clone(), at)).collect();
        let mut all = Self { engines, by_id, default: None };
        all.default = all.choose_default(config, chosen);
        all
    }

    /// The one that was named on the command line or in the configuration, else the first that is installed, else one
    /// that needs nothing.
    fn choose_default(&self, config: &Config, chosen: Option<&EngineId>) -> Option<EngineId> {
        let named = chosen.cloned().or_else(|| self.named(config.default_engine.as_deref()?));
        let installed = || {
            let mut usable = self.engines.iter().filter(|engine| engine.is_chosen_by_itself());
            usable.clone().find(|engine| engine.id.as_str() == FIRST_CHOICE).or_else(|| usable.next())
        };
        let embedded = || self.engines.iter().find(|engine| engine.is_embedded());
        named.or_else(|| installed().or_else(embedded).map(|engine| engine.id.clone()))
    }

    /// The engine for messages that name none.
    pub(crate) const fn default(&self) -> Option<&EngineId> {
        self.default.as_ref()
    }

    /// The engine of this name, without regard to case.
    pub(crate) fn named(&self, word: &str) -> Option<EngineId> {
        self.engines
            .iter()
            .find(|engine| engine.id.as_str().eq_ignore_ascii_case(word))
            .map(|engine| engine.id.clone())
    }

    /// An engine by its id.
    pub(crate) fn get(&self, id: &EngineId) -> Option<&Engine> {
        self.by_id.get(id).map(|&at| &self.engines[at])
    }

    /// The modes of an engine.
    pub(crate) fn modes(&self, id: &EngineId) -> Modes {
        self.get(id).map_or(Modes::None, |engine| engine.capabilities().modes)
    }

    /// The ids, sorted.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &EngineId> {
        self.engines.iter().map(|engine| &engine.id)
    }

    /// What a transport shows of them.
    pub(crate) fn infos(&self) -> Vec<EngineInfo> {
        self.engines
            .iter()
            .map(|engine| {
                EngineInfo::new(engine.id.clone(), engine.summary.as_str(), engine.state())
                    .chosen(engine.chosen())
            })
            .collect()
    }

    /// The thread that a text names by a resume line. Of lines of several engines that of the first engine counts, of
    /// several lines of one engine the last.
    pub(crate) fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        if text.is_empty() {
            return None;
        }
        self.engines.iter().find_map(|engine| engine.runner().ok()?.extract_resume(text))
    }

    /// The thread of one engine that a text names: a text may name those of several.
    pub(crate) fn extract_resume_of(&self, engine: &EngineId, text: &str) -> Option<ResumeToken> {
        self.get(engine)?.runner().ok()?.extract_resume(text)
    }

    /// The text without lines that are resume lines of any engine.
    pub(crate) fn without_resume_lines(&self, text: &str) -> String {
        let is_resume_line = |line: &str| {
            self.engines.iter().any(|engine| engine.runner().is_ok_and(|runner| runner.is_resume_line(line)))
        };
        let mut kept = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            // No token is as long as that, and every engine would have to look through it.
            if line.len() > 1024 || !is_resume_line(line.trim_end_matches(['\n', '\r'])) {
                kept.push_str(line);
            }
        }
        kept
    }

    /// An engine for a run that wants to run it.
    ///
    /// # Errors
    /// [`Error`] if there is none, or it can not run now.
    pub(crate) fn find(&self, registry: &Registry, id: &str) -> Result<FoundEngine, Error> {
        let unknown = |lookup: LookupError| {
            lookup.hints().into_iter().fold(Error::new(lookup.to_string()), Error::hint)
        };
        let found = EngineId::parse(id).ok().and_then(|id| self.get(&id));
        if found.is_none_or(|engine| engine.member.is_none()) {
            registry.engine(id).map_err(unknown)?;
        }
        // What the registry shows now may be more than when these were read.
        let engine = found.ok_or_else(|| Error::new(format!("there is no engine {id} in this run")))?;
        Ok(FoundEngine::new(Arc::clone(engine.usable()?))
            .capabilities(engine.capabilities())
            .environment(engine.environment.clone()))
    }

    /// The line that resumes a thread in a terminal.
    pub(crate) fn resume_line(&self, token: &ResumeToken) -> Option<String> {
        self.get(token.engine())?.runner().ok()?.format_resume(token).ok()
    }

    /// Ends what engines keep between runs.
    pub(crate) async fn shutdown(&self) {
        for engine in &self.engines {
            if let Some(Ok(runner)) = engine.runner.get() {
                runner.shutdown().await;
            }
        }
    }
}

impl Engine {
    fn new(registry: &Registry, config: &Config, id: &'static str, summary: &'static str) -> Option<Self> {
        Some(Self {
            // The registry shows only ids that are well formed.
            id: EngineId::parse(id).ok()?,
            summary: summary.to_owned(),
            backend: registry.engine(id).cloned().map_err(|error| error.to_string()),
            runner: OnceLock::new(),
            environment: Environment::empty().pass(config.pass_env(id).unwrap_or_default()),
            config: config.engine(id).map_err(|error| error.to_string()),
            member: None,
        })
    }

    fn of_table(member: Member) -> Self {
        Self {
            id: member.id.clone(),
            summary: member.summary.clone(),
            backend: Ok(member.backend.clone()),
            runner: OnceLock::new(),
            // Its plugin reads the whole of its table.
            environment: Environment::empty(),
            config: Ok(EngineConfig::new(member.table().clone(), "")),
            member: Some(member),
        }
    }

    /// What the plugin says about it.
    pub(crate) fn backend(&self) -> Option<&EngineBackend> {
        self.backend.as_ref().ok()
    }

    /// What it can do as it is configured; nothing, if the plugin could not be asked.
    pub(crate) fn capabilities(&self) -> EngineCapabilities {
        match (self.backend(), self.runner()) {
            (Some(backend), Ok(runner)) => plugins::capabilities(backend, &**runner),
            (Some(backend), Err(_)) => backend.capabilities.clone(),
            (None, _) => EngineCapabilities::none(),
        }
    }

    /// How it is driven, if that is why it can not be steered: the way that its table chooses, by its name there.
    pub(crate) fn unsteerable_manner(&self) -> Option<String> {
        let can_otherwise = self.backend()?.capabilities.steer && !self.capabilities().steer;
        self.config.as_ref().ok().filter(|_| can_otherwise)?.table.get::<String>("mode").ok()?
    }

    /// What its programs see of takopi's variables.
    pub(crate) const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The runner, built on first use.
    pub(crate) fn runner(&self) -> Result<&Arc<dyn Runner>, &str> {
        let built = self.runner.get_or_init(|| {
            if let Some(member) = &self.member {
                return member.build_runner().map_err(|error| error.to_string());
            }
            let backend = self.backend.as_ref().map_err(Clone::clone)?;
            let config = self.config.as_ref().map_err(Clone::clone)?;
            plugins::build_runner(backend, config).map_err(|error| error.to_string())
        });
        built.as_ref().map_err(String::as_str)
    }

    /// The runner, if the engine can run now.
    ///
    /// # Errors
    /// [`Error`] if its table is wrong or its program is not there.
    pub(crate) fn usable(&self) -> Result<&Arc<dyn Runner>, Error> {
        let runner = self.runner().map_err(Error::new)?;
        match self.state() {
            EngineState::Missing { install } => {
                let error = Error::new(format!("{} is not installed, or not on PATH", self.id));
                Err(error.hint(format!("install it with `{install}`")))
            }
            EngineState::Broken { reason } => Err(Error::new(reason)),
            _ => Ok(runner),
        }
    }

    /// Whether it can run now: programs are looked for each time, a person may just have installed one.
    pub(crate) fn state(&self) -> EngineState {
        let runner = match self.runner() {
            Ok(runner) => runner,
            Err(reason) => return EngineState::Broken { reason: reason.to_owned() },
        };
        match self.backend().map(|backend| Program::of(backend, Some(&**runner))) {
            Some(Program::Missing { install }) => EngineState::Missing { install: install.to_owned() },
            Some(Program::Unknown { named }) => {
                EngineState::Broken { reason: format!("{}: {}", self.id, Program::not_there(&named)) }
            }
            _ => EngineState::Available,
        }
    }

    /// One that a table makes was wished for by whoever wrote it.
    fn chosen(&self) -> Chosen {
        let by_name = |backend: &EngineBackend| {
            backend.by_name || matches!(backend.availability, Availability::OnRequest)
        };
        if self.member.is_none() && self.backend().is_some_and(by_name) {
            Chosen::ByName
        } else {
            Chosen::ByItself
        }
    }

    fn is_chosen_by_itself(&self) -> bool {
        let is_cli = self.backend().is_some_and(|backend| {
            matches!(backend.availability, Availability::Cli { .. }) && !backend.by_name
        }) && self.member.is_none();
        is_cli && self.state() == EngineState::Available
    }

    fn is_embedded(&self) -> bool {
        self.member.is_none()
            && matches!(self.backend().map(|backend| &backend.availability), Some(Availability::Embedded))
    }
}
