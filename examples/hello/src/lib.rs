//! The chat command `/hello [name]`: an engine greets somebody.
#![forbid(unsafe_code)]

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext, RunRequest};
use takopi_api::error::Error;
use takopi_api::event::Outcome;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_api::schemars::{self, JsonSchema};

takopi_api::plugin! {
    command "hello" => new, config = Settings, summary = "let an engine greet somebody";
}

/// The table `[plugins.hello]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
struct Settings {
    /// What is said before what the engine says.
    word: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { word: "hello".to_owned() }
    }
}

/// It holds nothing: all that a use needs comes with the use.
#[derive(Debug)]
struct Hello;

const fn new() -> Hello {
    Hello
}

#[async_trait]
impl CommandBackend for Hello {
    fn id(&self) -> &'static str {
        "hello"
    }

    fn description(&self) -> &'static str {
        "let an engine greet somebody"
    }

    fn arguments(&self) -> &'static str {
        "[name]"
    }

    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        let settings: Settings = context.config.parse()?;
        let name = name(&context);
        // Captured: people see the answer of the command, and not the run behind it.
        let request = RunRequest::new(format!("Greet {name} in one sentence.")).capture();
        let completed = context.executor.run_one(request).await?.completed;
        let text = match completed.outcome {
            Outcome::Done => {
                format!("{}, {name}! {} says: {}", settings.word, completed.engine, completed.answer)
            }
            Outcome::Failed { error } => return Err(Error::new(format!("no greeting: {error}"))),
            // Whoever ended it knows that.
            Outcome::Interrupted => return Ok(None),
        };
        Ok(Some(OutgoingMessage::new(MessageKind::Answer, Body::markdown(text))))
    }
}

/// Who was named, or else who asks.
fn name(context: &CommandContext) -> String {
    let typed = context.args_text.trim();
    match &context.message.sender {
        _ if !typed.is_empty() => typed.to_owned(),
        Some(sender) => sender.to_string(),
        None => "you".to_owned(),
    }
}
