//! `/review [what]`: several engines look at the changes at once and answer with JSON, of which one message is made; a button
//! below it lets one of them mend what was found.

mod findings;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext, Parallelism, RunRequest, RunResult, Trigger};
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::event::Outcome;
use takopi_api::message::{Body, Button, ButtonData, MessageKind, OutgoingMessage};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::Write;
use takopi_api::schemars::{self, JsonSchema};

use self::findings::Finding;

/// How many findings have a button. More would fill the screen.
const BUTTONS: usize = 6;

/// The table `[plugins.review]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The engines that look.
    engines: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { engines: vec!["codex".to_owned(), "claude".to_owned()] }
    }
}

pub(crate) const fn new() -> Review {
    Review
}

#[derive(Debug)]
pub(crate) struct Review;

/// What an engine answered.
enum Read {
    Findings(Vec<Finding>),
    /// Something else than it should; its thread can be asked again.
    Malformed {
        problem: String,
        thread: Option<ResumeToken>,
    },
    Failed(String),
}

#[async_trait]
impl CommandBackend for Review {
    fn id(&self) -> &'static str {
        "review"
    }

    fn description(&self) -> &'static str {
        "let several engines look at the changes"
    }

    fn arguments(&self) -> &'static str {
        "[what]"
    }

    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        match &context.trigger {
            Trigger::Message => review(&context).await.map(Some),
            Trigger::Button { data } => mend(&context, data).await.map(|()| None),
            _ => Ok(None),
        }
    }
}

async fn review(context: &CommandContext) -> Result<OutgoingMessage, Error> {
    let settings: Settings = context.config.parse()?;
    let engines: Vec<EngineId> =
        settings.engines.iter().map(|id| EngineId::parse(id)).collect::<Result<_, _>>()?;
    let what = match context.args_text.trim() {
        "" => "the changes of this branch",
        what => what,
    };
    let ask = findings::question(what);
    let requests = engines.iter().map(|engine| RunRequest::new(&ask).engine(engine.clone()).capture());
    let results = context.executor.run_many(requests.collect(), Parallelism::Parallel).await;
    let mut answers: Vec<Read> = results.into_iter().map(read).collect();
    ask_again(context, &mut answers).await;

    let mut findings = Vec::new();
    let mut parts = Vec::new();
    for (engine, answer) in engines.iter().zip(answers) {
        match answer {
            Read::Findings(found) => {
                parts.push(findings::part(engine, &found, findings.len()));
                findings.extend(found);
            }
            Read::Malformed { problem, .. } => {
                parts.push(format!("**{engine}** answered twice what can not be read: {problem}"));
            }
            Read::Failed(error) => parts.push(format!("**{engine}** could not look: {error}")),
        }
    }
    let key = RunId::unique();
    let stored = serde_json::to_vec(&findings).map_err(|error| Error::new(error.to_string()))?;
    context.store.write([Write::put(key.as_str(), stored)]).await?;
    let buttons = (0..findings.len().min(BUTTONS))
        .map(|number| {
            let data = ButtonData::new(format!("review:{key} {number}"))?;
            Ok(Button::new(format!("mend {}", number + 1), data))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let names: Vec<&str> = engines.iter().map(EngineId::as_str).collect();
    let body = Body::markdown(parts.join("\n\n")).header(format!("review · {}", names.join(", ")));
    Ok(OutgoingMessage::new(MessageKind::Answer, body).buttons(buttons))
}

/// Asks those once more whose answers can not be read, in their own threads.
async fn ask_again(context: &CommandContext, answers: &mut [Read]) {
    let mut places = Vec::new();
    let mut requests = Vec::new();
    for (place, answer) in answers.iter().enumerate() {
        if let Read::Malformed { problem, thread: Some(thread) } = answer {
            places.push(place);
            let request = RunRequest::new(findings::once_more(problem));
            requests.push(request.engine(thread.engine().clone()).resume(thread.clone()).capture());
        }
    }
    let results = context.executor.run_many(requests, Parallelism::Parallel).await;
    for (place, result) in places.into_iter().zip(results) {
        answers[place] = read(result);
    }
}

fn read(result: Result<RunResult, Error>) -> Read {
    let completed = match result {
        Ok(result) => result.completed,
        Err(error) => return Read::Failed(error.to_string()),
    };
    match completed.outcome {
        Outcome::Done => match findings::read(&completed.answer) {
            Ok(findings) => Read::Findings(findings),
            Err(problem) => Read::Malformed { problem, thread: completed.resume },
        },
        Outcome::Failed { error } => Read::Failed(error),
        Outcome::Interrupted => Read::Failed("interrupted".to_owned()),
    }
}

/// Lets the engine of the chat mend a finding, for all to see.
async fn mend(context: &CommandContext, data: &str) -> Result<(), Error> {
    let gone = || Error::new("this is not known any more").hint("ask again with /review");
    let (key, number) = data.split_once(' ').ok_or_else(gone)?;
    let stored = context.store.get(key).await?.ok_or_else(gone)?;
    let findings: Vec<Finding> = serde_json::from_slice(&stored).map_err(|_| gone())?;
    let number: usize = number.parse().map_err(|_| gone())?;
    let finding = findings.get(number).ok_or_else(gone)?;
    context.executor.run_one(RunRequest::new(format!("Mend this: {finding}"))).await?;
    Ok(())
}
