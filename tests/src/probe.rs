//! A command that does what it is told: each thing that a command can do, and each that it should not do, so that tests can
//! look at what people see of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext, RunRequest, Trigger};
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::message::{Address, Body, Button, ButtonData, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::runtime::{Origin, PluginHost, Write};
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::TransportId;

/// The table `[plugins.probe]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// A word that it tells.
    word: String,
    /// What it does when it is started.
    start: Start,
    /// Whether it never comes to an end of its stop.
    hangs_at_stop: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Start {
    /// It starts.
    #[default]
    Well,
    /// It is an error.
    Fails,
    /// It panics.
    Panics,
    /// It never ends, nor waits for anything.
    Blocks,
    /// A task of it panics, and another one never ends.
    BadTasks,
}

/// The command.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Life>);

/// What it knows of its life.
#[derive(Debug, Default)]
struct Life {
    host: Option<PluginHost>,
    changes: u32,
}

/// Makes the command.
#[must_use]
pub fn new() -> Probe {
    Probe::default()
}

impl Probe {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> Result<PluginHost, Error> {
        self.life().host.clone().ok_or_else(|| Error::new("it was not started"))
    }
}

/// Blocks the thread, as no plugin should.
fn block() -> ! {
    loop {
        std::thread::park();
    }
}

/// Sends more than anybody wants to read, all at once, and tells how many arrived.
async fn flood(context: &CommandContext, count: usize) -> String {
    let send = |number: usize| {
        let message = said(format!("flood {number}")).buttons([Button::cancel()]);
        context.executor.send(message, SendOptions::default())
    };
    let sent = futures_util::future::join_all((0..count).map(send)).await;
    let arrived = sent.iter().filter(|sent| sent.is_ok()).count();
    let error = sent.iter().find_map(|sent| sent.as_ref().err()).map(ToString::to_string);
    format!("flooded: {arrived} of {count} {error:?}")
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
                let settings: Settings = context.config.parse()?;
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
            Some("block") => block(),
            Some("bad_task") => {
                context.executor.spawn("bad", async { panic!("this task panics on purpose") });
                "begun".to_owned()
            }
            Some("life") => {
                let (host, changes) = (self.host()?, self.life().changes);
                let stops = host.store().list("stopped").await?.len();
                let settings: Settings = host.config()?.parse()?;
                format!("{} word {:?} changes {changes} stops {stops}", host.id(), settings.word)
            }
            Some("tell") => {
                let word = |at: usize| context.args.get(at).cloned().unwrap_or_default();
                let there = Origin::new(TransportId::parse(&word(1))?, Address::general(word(2)));
                let there = self.host()?.executor(there.sender(context.message.sender.clone()));
                let told = there.send(said(word(3)), SendOptions::default()).await;
                let ran = there.run_one(RunRequest::new("hello")).await;
                format!(
                    "told {:?}, ran {:?}",
                    told.map(|_| ()),
                    ran.map(|_| ()).map_err(|error| error.to_string())
                )
            }
            Some("act") => {
                let (host, origin, text) = (self.host()?, context.origin(), rest());
                host.clone().spawn("act", async move {
                    let later = host.executor(origin);
                    if let Err(error) = later.run_one(RunRequest::message(text)).await {
                        // A test that waits for it says what is missing.
                        let _ = later.send(said(format!("acted: {error}")), SendOptions::default()).await;
                    }
                });
                "begun".to_owned()
            }
            Some("flood") => flood(&context, rest().parse().unwrap_or_default()).await,
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

    async fn start(&self, host: PluginHost) -> Result<(), Error> {
        let settings: Settings = host.config()?.parse()?;
        match settings.start {
            Start::Well => {}
            Start::Fails => return Err(Error::new("it does not want to").hint("ask it nicely")),
            Start::Panics => panic!("it panics at its start on purpose"),
            Start::Blocks => block(),
            Start::BadTasks => {
                host.spawn("bad", async { panic!("this task panics on purpose") });
                host.spawn("endless", std::future::pending());
            }
        }
        *self.life() = Life { host: Some(host), changes: 0 };
        Ok(())
    }

    async fn on_config(&self, _: PluginHost) {
        self.life().changes += 1;
    }

    async fn stop(&self) {
        let Some(host) = self.life().host.take() else { return };
        let settings: Result<Settings, _> = host.config().and_then(|table| table.parse());
        let number = host.store().list("stopped").await.map_or(0, |stops| stops.len());
        let stopped = Write::put(format!("stopped{number}"), "");
        host.store().write([stopped]).await.expect("it is stored");
        if settings.is_ok_and(|settings| settings.hangs_at_stop) {
            std::future::pending::<()>().await;
        }
    }
}
