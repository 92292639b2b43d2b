//! The engine as data, and how its CLI is called.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun};
use takopi_api::process::{CommandSpec, Environment, Stdin};
use takopi_api::resume::{ResumeLines, ResumeSyntax};
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::translate;

pub(crate) static ENGINE: EngineId = EngineId::from_static("myengine");
/// `myengine resume <id>`: what a person copies, in a terminal and in chat.
static RESUME: ResumeSyntax = ResumeSyntax::new(EngineId::from_static("myengine"), "myengine", &["resume"]);

/// The table `[myengine]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// Arguments before takopi's own.
    pub(crate) extra_args: Vec<String>,
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["myengine"], install: "cargo install --path examples/myengine" };
    EngineBackend::new("myengine", availability, build_runner)
        .with_capabilities(EngineCapabilities::none().with_model())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Ok(Arc::new(JsonlSubprocessRunner::new(Cli { settings: config.parse()? })))
}

#[derive(Debug)]
struct Cli {
    settings: Settings,
}

impl JsonlEngine for Cli {
    /// A line says all that is to be known of it.
    type State = ();

    fn engine(&self) -> &EngineId {
        &ENGINE
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    /// The prompt goes in on standard input: whatever it begins with, it is no option.
    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        let mut command = CommandSpec::new("myengine", &spec.cwd).args(&self.settings.extra_args);
        if let Some(model) = &spec.options.model {
            command = command.args(["--model", model]);
        }
        if let Some(thread) = &spec.resume {
            command = command.args(["resume", thread.value()]);
        }
        Ok(command
            .environment(Environment::base().pass(["MYENGINE_*"]))
            .stdin(Stdin::Payload(spec.prompt.clone().into_bytes())))
    }

    fn state(&self, _spec: &RunSpec) {}

    fn translate(&self, line: &str, _state: &mut (), out: &mut EventFactory) -> Recognition {
        translate::line(line, out)
    }
}
