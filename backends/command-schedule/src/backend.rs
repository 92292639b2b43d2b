//! The commands: what can be set, and what a use of each does.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext, Trigger};
use takopi_api::error::Error;
use takopi_api::message::OutgoingMessage;
use takopi_api::runtime::{Origin, PluginHost};
use takopi_api::schemars::{self, JsonSchema};

use crate::book::IfMissed;
use crate::scheduler::{Live, Scheduler};
use crate::typed::{self, When};
use crate::view;

/// The table `[plugins.schedule]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The time zone of all times, such as `Europe/Berlin`; without one it is the machine's.
    pub(crate) time_zone: Option<String>,
    /// What becomes of times at which takopi did not run: `skip` tells them, `run` makes up for them by one run too.
    pub(crate) missed: IfMissed,
    /// How much may be scheduled in one place.
    pub(crate) limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: None, missed: IfMissed::default(), limit: 50 }
    }
}

/// Which of the commands it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Schedule,
    At,
    Cron,
}

/// One of the commands. All share one scheduler, which `/schedule` starts and stops.
#[derive(Debug)]
pub(crate) struct Command {
    word: Word,
    scheduler: Arc<Scheduler>,
}

pub(crate) fn schedule() -> Command {
    Command { word: Word::Schedule, scheduler: Scheduler::shared() }
}

pub(crate) fn at() -> Command {
    Command { word: Word::At, scheduler: Scheduler::shared() }
}

pub(crate) fn cron() -> Command {
    Command { word: Word::Cron, scheduler: Scheduler::shared() }
}

#[async_trait]
impl CommandBackend for Command {
    fn id(&self) -> &'static str {
        match self.word {
            Word::Schedule => "schedule",
            Word::At => "at",
            Word::Cron => "cron",
        }
    }

    fn description(&self) -> &'static str {
        match self.word {
            Word::Schedule => "what is to run later: list, pause, cancel",
            Word::At => "run a prompt later, once",
            Word::Cron => "run a prompt again and again",
        }
    }

    fn arguments(&self) -> &'static str {
        match self.word {
            Word::Schedule => "[pause | resume | cancel | run <number>]",
            Word::At => "<when> <prompt>",
            Word::Cron => "<pattern> <prompt>",
        }
    }

    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        let live = self.scheduler.live()?;
        let origin = context.origin();
        match (self.word, &context.trigger) {
            (Word::Schedule, Trigger::Button { data }) => press(&live, &context, &origin, data).await,
            (Word::Schedule, _) => manage(&live, &origin, &context.args_text).await.map(Some),
            (_, Trigger::Button { .. }) => Ok(None),
            (word, _) => add(&live, word, origin, &context.args_text).await.map(Some),
        }
    }

    async fn start(&self, host: PluginHost) -> Result<(), Error> {
        self.scheduler.start(host).await
    }

    async fn on_config(&self, _: PluginHost) {
        let Ok(live) = self.scheduler.live() else { return };
        if let Err(error) = live.reconfigure().await {
            tracing::error!(%error, "schedule.config.failed: the settings stay as they are");
        }
    }

    async fn stop(&self) {
        self.scheduler.stop();
    }
}

/// Takes in what is to run later.
async fn add(live: &Live, word: Word, origin: Origin, text: &str) -> Result<OutgoingMessage, Error> {
    let clock = live.clock();
    let (when, rest): (When, &str) = match word {
        Word::Cron => typed::cron(text)?,
        Word::At | Word::Schedule => typed::at(text, &clock.now.to_zoned(clock.zone.clone()))?,
    };
    let prompt = typed::prompt(rest, &live.host().catalog())?;
    let limit = live.rules().limit;
    let number = live.change(|book| book.add(origin, when, prompt, clock.now, &clock.zone, limit)).await?;
    let book = live.book().await;
    // It is due at once if its time is as short as that.
    let entry = book.get(number).map(|entry| view::added(entry, &clock));
    Ok(entry.unwrap_or_else(|| view::done(format!("#{number} runs now"))))
}

/// What is typed after `/schedule`.
async fn manage(live: &Arc<Live>, place: &Origin, text: &str) -> Result<OutgoingMessage, Error> {
    let (verb, rest) = typed::word(text);
    if verb.is_empty() {
        return list(live, place).await;
    }
    let number = rest.trim().trim_start_matches('#').parse();
    let number = number.map_err(|_| {
        Error::new("usage: /schedule [pause | resume | cancel | run <number>]")
            .hint("`/schedule` lists the numbers")
    })?;
    Ok(view::done(act(live, place, verb, number).await?))
}

/// A button below one of its messages. One of a list shows the list as it is then.
async fn press(
    live: &Arc<Live>,
    context: &CommandContext,
    place: &Origin,
    data: &str,
) -> Result<Option<OutgoingMessage>, Error> {
    let (verb, rest) = typed::word(data);
    let (number, shows) = typed::word(rest);
    let Ok(number) = number.parse() else { return Err(Error::new("this button is of another version")) };
    let done = act(live, place, verb, number).await?;
    let message = if shows.is_empty() { view::done(done) } else { list(live, place).await? };
    match context.executor.edit(&context.message.reference(), message.clone()).await {
        Ok(()) => Ok(None),
        // Where nothing can be edited, it is said anew.
        Err(_) => Ok(Some(message)),
    }
}

async fn list(live: &Live, place: &Origin) -> Result<OutgoingMessage, Error> {
    Ok(view::list(live.book().await.at(place), &live.clock()))
}

/// Does something with an entry, and says what was done.
async fn act(live: &Arc<Live>, place: &Origin, verb: &str, number: u32) -> Result<String, Error> {
    let clock = live.clock();
    live.book().await.find(place, number)?;
    match verb {
        "pause" => live.change(|book| Ok(((), book.pause(number)?))).await?,
        "resume" => live.change(|book| Ok(((), book.resume(number, clock.now, &clock.zone)?))).await?,
        "cancel" => live.change(|book| Ok(((), book.cancel(number)))).await?,
        "run" => live.run_now(place, number).await?,
        other => {
            return Err(Error::new(format!("`{other}` is nothing that can be done with #{number}"))
                .hint("there is: pause, resume, cancel, run"));
        }
    }
    Ok(match verb {
        "pause" => format!("#{number} is paused"),
        "resume" => {
            let next = live.book().await.get(number).and_then(crate::book::Entry::next);
            let next = next.map(|next| format!(", next at {}", clock.shown(next)));
            format!("#{number} goes on{}", next.unwrap_or_default())
        }
        "cancel" => format!("#{number} is cancelled"),
        _ => format!("#{number} runs now"),
    })
}

#[cfg(test)]
mod tests;
