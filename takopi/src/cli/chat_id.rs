//! `takopi chat-id`: which chat is it that somebody writes in?

use std::io::BufRead;
use std::process::ExitCode;

use takopi_api::config::{ConfigError, Secret, SecretValue};
use takopi_api::transport::{Ear, Overheard, Wizard};

use super::bot::{Bot, Claim};
use super::error::CliError;
use super::question::{self, Dialogue, Unattended};
use super::{Session, output};
use crate::config::{Document, KeyPath, Overrides, Reader, Setting};
use crate::project::Projects;

#[derive(Debug, clap::Args)]
pub(super) struct ChatIdArgs {
    /// Make the chat that of this project, in the configuration
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// The bot's token, or `-` to read it from standard input: as an argument, every user of this machine can see it
    /// [default: that of the configuration, else asked for]
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    token: Option<String>,
    /// The transport [default: that of the configuration]
    #[arg(long, value_name = "ID")]
    transport: Option<String>,
    /// Take the first message, whoever wrote it
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &ChatIdArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let projects = Projects::new(&session.config);
    let project = args.project.as_deref().map(|alias| projects.find(alias)).transpose()?;
    let can_ask = question::somebody_is_there();
    if project.is_some() && !can_ask && !args.yes {
        // Whoever writes first would be listened to.
        return Err(CliError::usage("there is no terminal to ask on whether a chat is the right one").hint(
            "let the first message count with --yes, or leave --project out: then the id is printed only",
        ));
    }
    let bot = Bot::choose(args.transport.as_deref(), session)?;
    let secret = args.token.as_deref().map(secret).transpose()?;
    let claim = match &secret {
        Some(secret) => bot.claim_by(&value(secret, session)?)?,
        None => bot.claim()?,
    };
    if let Claim::Running(pid) = claim {
        return Err(is_running(pid));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut wizard: Box<dyn Wizard> = if can_ask { Box::<Dialogue>::default() } else { Box::new(Unattended) };
    let heard = runtime.block_on(async {
        let mut ear = bot.backend.overhear(&bot.context(secret.as_ref()), wizard.as_mut()).await?;
        let heard = wait(ear.as_mut(), wizard.as_mut(), can_ask && !args.yes).await?;
        // It was no question to an engine.
        ear.forget().await;
        Ok::<_, CliError>(heard)
    })?;
    let id = Setting::typed(heard.channel.as_str());
    let Some(project) = project else {
        output::data(&format!("chat_id = {id}\n"))?;
        return Ok(ExitCode::SUCCESS);
    };
    let key = KeyPath::new(["projects", project.alias.as_str()], "chat_id");
    save(session, &key, &id)?;
    output::data(&format!("updated {key} = {id}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for a message, and asks whether it is the one.
async fn wait(ear: &mut dyn Ear, wizard: &mut dyn Wizard, asks: bool) -> Result<Overheard, CliError> {
    loop {
        ear.begin().await?;
        let name = ear.contact().name.clone();
        wizard.say(&format!("write to {name} in the chat that you mean. Waiting; Ctrl-C gives up."));
        let heard = ear.next(wizard).await?;
        if !asks {
            wizard.say(&heard.shown);
            return Ok(heard);
        }
        let question = format!("{}. Is that the chat?", heard.shown);
        if wizard.confirm(&question, false).await.map_err(|cancelled| CliError::new(cancelled.to_string()))? {
            return Ok(heard);
        }
    }
}

/// A token as it was given.
fn secret(token: &str) -> Result<Secret, CliError> {
    if token != "-" {
        return Ok(Secret::typed(token.trim()));
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "" => Err(CliError::usage("there is no token on standard input")),
        token => Ok(Secret::typed(token)),
    }
}

fn value(secret: &Secret, session: &Session<'_>) -> Result<SecretValue, CliError> {
    Ok(secret.resolve(session.config.folder())?)
}

/// Two that receive would take each other's messages.
fn is_running(pid: Option<u32>) -> CliError {
    let who = pid.map_or_else(|| "a takopi".to_owned(), |pid| format!("takopi (process {pid})"));
    let stop = pid.map_or_else(|| "stop it".to_owned(), |pid| format!("stop it with `kill {pid}`"));
    CliError::new(format!("{who} runs and receives what is written to this bot"))
        .hint(format!("{stop}, then run this again"))
}

/// Writes a key, as `takopi config set` does.
fn save(session: &Session<'_>, key: &KeyPath, value: &Setting) -> Result<(), ConfigError> {
    let path = session.reader.path();
    let reader = Reader::new(path, session.reader.vocabulary().clone(), Overrides::default());
    let mut document = match Document::open_migrated(path)? {
        Some(document) => document,
        None => Document::parse(path, "")?,
    };
    document.set(key, value)?;
    document.save(&reader, key)?;
    Ok(())
}
