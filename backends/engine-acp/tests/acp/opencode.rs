//! What opencode is told to ask for, before a run begins.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, PoisonError};

use takopi_api::async_trait;
use takopi_api::event::Outcome;
use takopi_api::process::{CommandSpec, ExitStatus, Process, ProcessHost, SpawnError};
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, check_events, collect};

use crate::fake::{self, Agent};
use crate::play::build;

const CONTENT: &str = "OPENCODE_CONFIG_CONTENT";

/// A host of opencode, which tells its configuration or talks.
pub(crate) struct Host {
    configuration: Arc<ScriptedProcesses>,
    agent: Arc<dyn ProcessHost>,
    talks: Mutex<Vec<CommandSpec>>,
}

impl Host {
    pub(crate) fn new(told: Script, agent: Arc<dyn ProcessHost>) -> Arc<Self> {
        Arc::new(Self { configuration: ScriptedProcesses::new(told), agent, talks: Mutex::default() })
    }
}

#[async_trait]
impl ProcessHost for Host {
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        if command.args.ends_with(&["debug".into(), "config".into()]) {
            return self.configuration.spawn(command).await;
        }
        self.talks.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
        self.agent.spawn(command).await
    }
}

/// How a run ends whose opencode tells this of its configuration, what it was asked with, and what it was given.
async fn run(table: &str, told: Script) -> (Outcome, Vec<CommandSpec>, Option<String>) {
    let host = Host::new(told, Arc::new(Agent::new(fake::usual)));
    let processes = Arc::clone(&host) as Arc<dyn ProcessHost>;
    let opencode = build("opencode_acp", table);
    let events = collect(opencode.run(RunSpec::new("hi", "/repo", processes, ThreadLocks::default()))).await;
    let outcome = check_events(opencode.engine(), &events).outcome;
    let talks = host.talks.lock().unwrap_or_else(PoisonError::into_inner);
    let content = talks.first().and_then(|command| {
        let mut seen = command.environment.select(Vec::new());
        seen.find(|(name, _)| name == CONTENT).and_then(|(_, content)| content.into_string().ok())
    });
    (outcome, host.configuration.commands(), content)
}

#[tokio::test]
async fn rules_of_the_person_stay_above_those_of_takopi() {
    let told = "{\n  \"permission\": { \"bash\": { \"rm *\": \"deny\" } },\n  \"mcp\": { \"hub\": {} }\n}\n";
    let (outcome, asked, content) =
        run("command = [\"npx\", \"opencode\", \"acp\", \"--pure\"]", Script::new(told)).await;
    assert_eq!((outcome, asked.len()), (Outcome::Done, 1));
    assert_eq!((&*asked[0].program, &*asked[0].cwd), (OsStr::new("npx"), "/repo".as_ref()));
    assert_eq!(asked[0].args, ["opencode", "debug", "config"]);
    assert_eq!(asked[0].environment.select(Vec::new()).find(|(name, _)| name == CONTENT), None);
    let content = content.unwrap();
    assert!(content.contains(r#""bas?":{"*":"ask","rm *":"deny"}"#), "{content}");
    assert!(content.contains(r#""hub?*":"ask""#), "{content}");
}

#[tokio::test]
async fn without_its_configuration_it_does_not_run() {
    let broken = Script::new("").stderr("Config file is not valid JSON").status(ExitStatus::Code(1));
    let unreadable = "takopi can not read the permissions in opencode's configuration: ";
    for (told, why) in [
        (
            broken,
            "opencode does not tell its configuration: `opencode debug config` exited with code 1\nConfig file is not valid JSON",
        ),
        (Script::new("opencode debug [command]\n"), unreadable),
    ] {
        let (outcome, _, content) = run("", told).await;
        let Outcome::Failed { error } = outcome else { panic!("it ran") };
        assert!(error.starts_with(why) && content.is_none(), "{error}");
    }
}

#[tokio::test]
async fn a_configuration_that_would_be_lost_is_refused() {
    let (outcome, asked, _) = run("env.OPENCODE_CONFIG_CONTENT = \"{}\"", Script::new("{}")).await;
    let Outcome::Failed { error } = outcome else { panic!("it ran") };
    let why = "takopi has to set OPENCODE_CONFIG_CONTENT itself; put what it says into a file and name that in OPENCODE_CONFIG";
    assert_eq!((&*error, asked.len()), (why, 0));
}
