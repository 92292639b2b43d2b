//! A command that does what it is told: each thing that a command can do, so that tests can look at what people see of it.

use std::time::Duration;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext, RunRequest, Trigger};
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::message::{Body, Button, ButtonData, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::schemars::{self, JsonSchema};

/// The table `[plugins.probe]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// A word that it tells.
    word: String,
}

/// The command.
#[derive(Debug)]
pub struct Probe;

/// Makes the command.
#[must_use]
pub const fn new() -> Probe {
    Probe
}

fn said(text: impl Into<String>) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Notice, Body::plain(text))
}

#[async_trait]
impl CommandBackend for Probe {
    fn id(&self) -> &'static str {
        "probe"
    }

    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        if let Trigger::Button { data } = &context.trigger {
            return Ok(Some(said(format!("pressed {data}"))));
        }
        let codex = || EngineId::parse("codex").map_err(|error| Error::new(error.to_string()));
        let rest = || context.args[1..].join(" ");
        let answer = match context.args.first().map(String::as_str) {
            Some("where") => {
                let settings: Settings =
                    context.config.parse().map_err(|error| Error::new(error.to_string()))?;
                let cwd = context.cwd.as_ref().map(|cwd| cwd.display().to_string());
                let sender = context.message.sender.as_ref().map(ToString::to_string);
                let (word, project) = (settings.word, context.context.to_string());
                let args = &context.args;
                format!("word {word:?} project {project:?} cwd {cwd:?} sender {sender:?} args {args:?}")
            }
            Some("button") => {
                let data = ButtonData::new("probe:red 1").map_err(|error| Error::new(error.to_string()))?;
                return Ok(Some(said("choose").buttons([Button::new("red", data)])));
            }
            Some("ask") => {
                let answer = context.executor.ask(said("which colour?"), Duration::from_secs(600)).await?;
                format!("you like {}", answer.text)
            }
            Some("hurry") => {
                let answer = context.executor.ask(said("quick!"), Duration::from_millis(1)).await?;
                format!("you like {}", answer.text)
            }
            Some("run") => {
                let request = RunRequest::new(rest()).engine(codex()?);
                let result = context.executor.run_one(request).await?;
                let (outcome, answer) = (result.completed.outcome, result.completed.answer);
                let line = result.resume_line.unwrap_or_default();
                format!("ran: {outcome:?} {answer:?} {line:?}")
            }
            Some("later") => {
                let (executor, request) =
                    (context.executor.clone(), RunRequest::new(rest()).engine(codex()?).capture());
                tokio::spawn(async move {
                    let answer = match executor.run_one(request).await {
                        Ok(result) => {
                            format!("later: {:?} {}", result.completed.outcome, result.completed.answer)
                        }
                        Err(error) => format!("later: {error}"),
                    };
                    // A test that waits for it says what is missing.
                    let _ = executor.send(said(answer), SendOptions::default()).await;
                });
                "begun".to_owned()
            }
            Some("panic") => panic!("this command panics on purpose"),
            Some("hang") => {
                // A test that cancels it looks for this one.
                let _ = context
                    .executor
                    .send(said("hanging").buttons([Button::cancel()]), SendOptions::default())
                    .await;
                std::future::pending().await
            }
            other => return Err(Error::new(format!("what is {other:?}?")).hint("try another word")),
        };
        Ok(Some(said(answer)))
    }
}
