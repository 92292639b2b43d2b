//! What was found out about one backend, for people and for programs.

mod text;

use serde::Serialize;
use takopi_api::config::ConfigTable;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, Modes};
use takopi_api::plugin::{Backend, Distribution};
use takopi_api::transport::SetupContext;

use crate::bundled::Known;
use crate::cli::Session;
use crate::cli::error::CliError;
use crate::cli::plugins::load;
use crate::config::{FileSchema, KeyPath, ListedKey, tables_of};
use crate::paths;
use crate::plugins::{Entry, Loaded, Standing, build_runner, capabilities, caught};
use crate::project::Alias;

/// A backend.
#[derive(Debug, Serialize)]
pub(super) struct Info {
    kind: &'static str,
    id: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'static str,
    #[serde(flatten)]
    distribution: Option<Origin>,
    state: State,
    /// What it says of itself; absent if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<About>,
    /// Absent of a plugin that is not compiled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Configuration>,
}

/// Where it comes from.
#[derive(Debug, Serialize)]
struct Origin {
    #[serde(rename = "distribution")]
    name: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    repository: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    license: &'static str,
}

/// Whether it can be used.
#[derive(Debug, Serialize)]
struct State {
    name: StateName,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StateName {
    /// It can be used.
    Usable,
    /// It can be loaded, and nobody reaches it.
    Hidden,
    /// The enabled list does not name it.
    Disabled,
    /// Another one has its id.
    Conflict,
    /// It was set aside.
    Skipped,
    /// It can not be constructed.
    Broken,
    /// It is known, and not in this build.
    NotCompiledIn,
}

/// What a backend says of itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum About {
    Engine(EngineAbout),
    Transport(TransportAbout),
    Command(CommandAbout),
    Hook(HookAbout),
}

#[derive(Debug, Serialize)]
struct EngineAbout {
    needs: Needs,
    #[serde(skip_serializing_if = "Option::is_none")]
    tested: Option<[&'static str; 2]>,
    /// What it can do as it is configured.
    steer: bool,
    permissions: bool,
    questions: bool,
    plans: bool,
    live_text: bool,
    model: bool,
    reasoning_levels: &'static [&'static str],
    modes: ModesAbout,
}

/// The modes of an engine.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ModesAbout {
    Named(&'static [&'static str]),
    /// Those of the agent, said in a word.
    Said(&'static str),
}

impl From<Modes> for ModesAbout {
    fn from(modes: Modes) -> Self {
        match modes {
            Modes::Named(modes) => Self::Named(modes),
            Modes::OfTheAgent => Self::Said("those of the agent"),
            _ => Self::Named(&[]),
        }
    }
}

/// What an engine needs on the machine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Needs {
    Program { commands: &'static [&'static str], path: Option<String>, install: &'static str },
    Nothing,
    OnRequest,
}

#[derive(Debug, Serialize)]
struct TransportAbout {
    /// Whether changes of its table apply while takopi runs.
    can_start_again: bool,
    /// What has to be done before it can run.
    to_do: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CommandAbout {
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    arguments: String,
    /// Whether it is started with takopi, and goes on until takopi ends.
    starts: bool,
}

#[derive(Debug, Serialize)]
struct HookAbout {
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// When it is called.
    moments: Vec<&'static str>,
}

/// Its table of the configuration.
#[derive(Debug, Serialize)]
struct Configuration {
    table: String,
    file: String,
    /// The keys that it may have.
    keys: Vec<ListedKey>,
    /// Those that it has now. Values are not shown: one may be a secret.
    set: Vec<String>,
    /// Keys that nobody knows.
    unknown: Vec<String>,
    /// Why it can not be used as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Info {
    /// A backend that is linked. It is constructed if it can be used.
    pub(super) fn of_entry(entry: &Entry, session: &Session<'_>) -> Result<Self, CliError> {
        let row = entry.row();
        let broken = match entry.standing() {
            Standing::Visible => load::one(row, session)?,
            _ => None,
        };
        let mut configuration = Configuration::of(row, session);
        let about = match (entry.standing(), &broken) {
            (Standing::Visible, None) => entry.load().ok().map(|loaded| {
                let (about, error) = About::of(loaded, row, session);
                configuration.error = configuration.error.take().or(error);
                about
            }),
            _ => None,
        };
        Ok(Self {
            kind: row.kind().as_str(),
            id: row.id,
            summary: row.summary,
            distribution: row.distribution.map(Origin::of),
            state: State::of(entry, broken, session),
            about,
            configuration: Some(configuration),
        })
    }

    /// A plugin of this project that is not compiled in.
    pub(super) fn of_known(known: Known) -> Self {
        let detail = format!("not compiled in: rebuild with --features {}", known.feature);
        Self {
            kind: known.kind(),
            id: known.id(),
            summary: "",
            distribution: None,
            state: State { name: StateName::NotCompiledIn, detail },
            about: None,
            configuration: None,
        }
    }
}

impl Origin {
    const fn of(distribution: &Distribution) -> Self {
        let Distribution { name, version, repository, license, .. } = *distribution;
        Self { name, version, repository, license }
    }
}

impl State {
    fn of(entry: &Entry, broken: Option<String>, session: &Session<'_>) -> Self {
        let Session { registry, config, .. } = session;
        let file = paths::shown(&config.path);
        let aliases: Vec<&Alias> = config.projects.keys().collect();
        let hidden = || registry.hidden_commands(&aliases).find(|(command, _)| std::ptr::eq(*command, entry));
        let (name, detail) = match (entry.standing(), broken) {
            (Standing::Visible, Some(why)) => (StateName::Broken, format!("it can not be loaded: {why}")),
            (Standing::Visible, None) if let Some((command, by)) = hidden() => {
                let id = command.row().id;
                (StateName::Hidden, format!("nobody reaches it in chats, where `/{id}` is {by}"))
            }
            (Standing::Visible, None) if registry.enabled().is_set() => {
                (StateName::Usable, format!("enabled by `plugins.enabled` in {file}"))
            }
            (Standing::Visible, None) => (StateName::Usable, "enabled, as everything is".to_owned()),
            (Standing::Disabled, _) => {
                (StateName::Disabled, format!("disabled: `plugins.enabled` in {file} does not name it"))
            }
            (Standing::Duplicate, _) => (StateName::Conflict, entry.fault().unwrap_or_default()),
            (Standing::BadId | Standing::Reserved | Standing::OwnKey, _) => {
                (StateName::Skipped, entry.fault().unwrap_or_default())
            }
        };
        Self { name, detail }
    }
}

impl About {
    /// What a backend says, and what it says against its table.
    fn of(loaded: &Loaded, row: &Backend, session: &Session<'_>) -> (Self, Option<String>) {
        let config = &session.config;
        match loaded {
            Loaded::Engine(engine) => {
                let built = config.engine(row.id).and_then(|table| build_runner(engine, &table));
                let can = match &built {
                    Ok(runner) => capabilities(engine, &**runner),
                    Err(_) => engine.capabilities.clone(),
                };
                (Self::Engine(EngineAbout::of(engine, &can)), built.err().map(|error| error.to_string()))
            }
            Loaded::Transport(transport) => {
                let issues = config.transport(row.id).map(|table| {
                    let context = SetupContext::new(&table, &config.path);
                    caught(|| transport.check_setup(&context))
                });
                let (to_do, error) = match issues {
                    Ok(Ok(issues)) => (issues, None),
                    Ok(Err(panic)) => (Vec::new(), Some(format!("its check of the setup panicked: {panic}"))),
                    Err(error) => (Vec::new(), Some(error.to_string())),
                };
                let to_do = to_do.into_iter().map(|issue| {
                    let steps = issue.steps.iter().map(|step| format!("; {step}")).collect::<String>();
                    issue.title + &steps
                });
                let can_start_again = caught(|| transport.can_start_again()).unwrap_or_default();
                (Self::Transport(TransportAbout { can_start_again, to_do: to_do.collect() }), error)
            }
            Loaded::Command(command) => {
                let said = |say: fn(&dyn takopi_api::command::CommandBackend) -> &str| {
                    caught(|| say(&**command).to_owned()).unwrap_or_default()
                };
                let description = said(|command| command.description());
                let arguments = said(|command| command.arguments());
                (Self::Command(CommandAbout { description, arguments, starts: row.starts }), None)
            }
            Loaded::Hook(hook, wants) => {
                let description = caught(|| hook.description().to_owned()).unwrap_or_default();
                let moments = wants.iter().map(|moment| moment.as_str()).collect();
                (Self::Hook(HookAbout { description, moments }), None)
            }
        }
    }
}

impl EngineAbout {
    fn of(engine: &EngineBackend, can: &EngineCapabilities) -> Self {
        let needs = match engine.availability {
            Availability::Cli { commands, install } => {
                let found = commands.iter().find_map(|command| which::which(command).ok());
                Needs::Program { commands, path: found.map(|path| path.display().to_string()), install }
            }
            Availability::Embedded => Needs::Nothing,
            _ => Needs::OnRequest,
        };
        Self {
            needs,
            tested: engine.tested.map(|tested| [tested.oldest, tested.newest]),
            steer: can.steer,
            permissions: can.permissions,
            questions: can.questions,
            plans: can.plans,
            live_text: can.live_text,
            model: can.model,
            reasoning_levels: can.reasoning_levels,
            modes: can.modes.into(),
        }
    }
}

impl Configuration {
    fn of(row: &'static Backend, session: &Session<'_>) -> Self {
        let config = &session.config;
        let key = KeyPath::new(tables_of(row.kind()), row.id);
        let (mut set, mut error) = (Vec::new(), None);
        match config.table_of(row.kind(), row.id) {
            Ok(table) => collect(&table, "", &mut set),
            Err(fault) => error = Some(fault.to_string()),
        }
        let unknown = config.unknown_keys_of(row).unwrap_or_default();
        Self {
            table: key.to_string(),
            file: paths::shown(&config.path),
            keys: FileSchema::new(&[row]).keys_in(&key),
            set,
            unknown: unknown.iter().map(ToString::to_string).collect(),
            error,
        }
    }
}

/// The keys that are set in a table and in the tables in it.
fn collect(table: &ConfigTable, above: &str, set: &mut Vec<String>) {
    for key in table.keys() {
        let path = format!("{above}{key}");
        match table.table(&key) {
            Ok(inner) if !inner.keys().is_empty() => collect(&inner, &format!("{path}."), set),
            _ => set.push(path),
        }
    }
}
