//! The command: what can be set, and what a use of it does.

use futures_util::future;
use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext, Parallelism, RunRequest, Trigger};
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::message::{Body, Button, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::schemars::{self, JsonSchema};

use crate::choose::{self, Choice};
use crate::report::{self, Section};

/// The table `[plugins.multi]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The engines that are asked, in the order of their answers; all that are installed, if there are none here.
    pub(crate) engines: Vec<String>,
}

/// It holds nothing: all that a use needs comes with the use.
#[derive(Debug)]
pub(crate) struct Command;

pub(crate) const fn new() -> Command {
    Command
}

#[async_trait]
impl CommandBackend for Command {
    fn id(&self) -> &'static str {
        "multi"
    }

    fn description(&self) -> &'static str {
        "ask several engines at once"
    }

    fn arguments(&self) -> &'static str {
        "<prompt>"
    }

    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        if context.trigger != Trigger::Message {
            // No message of it has a button that comes back.
            return Ok(None);
        }
        let settings: Settings = context.config.parse()?;
        let choices = choose::engines(&settings.engines, &context.catalog)?;
        let prompt = context.args_text.trim();
        if prompt.is_empty() {
            return Ok(Some(usage(&choices)));
        }
        let reply = SendOptions::default().reply_to(Some(context.message.id.clone()));
        let engines: Vec<&EngineId> = choices.iter().filter_map(Choice::engine).collect();
        let requests = engines.iter().map(|&engine| RunRequest::new(prompt).engine(engine.clone()).capture());
        // Runs do not wait for a chat that is slow to show that they began.
        let (asking, results) = future::join(
            context.executor.send(asking(&engines), reply.clone().silent()),
            context.executor.run_many(requests.collect(), Parallelism::Parallel),
        )
        .await;
        let answer = report::message(&sections(choices, results), &context.context);
        let sent = context.executor.send(answer, reply).await;
        // Only now: until here it was all that people had. Where it could not be sent, there is nothing to take away.
        if let Ok(asking) = asking {
            context.executor.retire(&asking).await;
        }
        sent.map_err(|error| Error::new(format!("the answers could not be sent: {error}")))?;
        Ok(None)
    }
}

/// What became of each choice, in the same order. Each engine among them was asked, in this order too.
fn sections(
    choices: Vec<Choice>,
    results: Vec<Result<takopi_api::command::RunResult, Error>>,
) -> Vec<Section> {
    let mut results = results.into_iter();
    let section = |choice| match choice {
        Choice::Unknown { id, problem } => Section { engine: id, result: Err(problem) },
        Choice::Engine(engine) => {
            let result = results.next().unwrap_or_else(|| Err(Error::new("it was not asked")));
            Section { engine: engine.to_string(), result }
        }
    };
    choices.into_iter().map(section).collect()
}

/// What is seen until there are answers.
fn asking(engines: &[&EngineId]) -> OutgoingMessage {
    let body = Body::default().header(format!("asking · {}", names(engines)));
    OutgoingMessage::new(MessageKind::Progress, body).buttons([Button::cancel()])
}

fn usage(choices: &[Choice]) -> OutgoingMessage {
    let engines: Vec<&EngineId> = choices.iter().filter_map(Choice::engine).collect();
    let text = format!("usage: /multi <prompt>\nasks {} at once", names(&engines));
    OutgoingMessage::new(MessageKind::Notice, Body::plain(text))
}

fn names(engines: &[&EngineId]) -> String {
    engines.iter().map(|engine| engine.as_str()).collect::<Vec<_>>().join(", ")
}
