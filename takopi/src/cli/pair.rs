//! `takopi pair`: somebody who sends a code to the bot is heard from then on.

use std::process::ExitCode;
use std::time::Duration;

use takopi_api::message::ChatKind;
use takopi_api::transport::{Contact, Ear, Newcomer, Overheard};
use tokio::time::{Instant, sleep, sleep_until};

use super::bot::{Bot, Claim};
use super::error::CliError;
use super::question::{self, Unattended};
use super::signals::Signals;
use super::{Session, output};
use crate::lock::{self, Standing};
use crate::pairing::{self, Attempt, Code, LIFE, Outcome, Over, Pairing, PairingFile, Seen};
use crate::paths;

/// How long to wait before it is looked again what became of the code.
const LOOK: Duration = Duration::from_millis(250);

/// What a signal ends a program with, and Ctrl-C above all.
const INTERRUPTED: u8 = 130;

#[derive(Debug, clap::Args)]
pub(super) struct PairArgs {
    /// The transport [default: that of the configuration]
    #[arg(long, value_name = "ID")]
    transport: Option<String>,
    /// Do not ask whether those may be shut out who are heard only because nobody is listed
    #[arg(short, long)]
    yes: bool,
}

/// What became of it.
enum End {
    /// Who is heard now.
    Paired(String),
    Over(Over),
    /// Somebody wants it to end.
    Interrupted,
}

pub(super) fn run(args: &PairArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let bot = Bot::choose(args.transport.as_deref(), session)?;
    // Without an account there is nobody whom anything could be sent to.
    bot.backend.lock_token(&bot.table)?;
    let lost = bot.backend.lost_by_admitting(&bot.context(None))?;
    if let Some(lost) = &lost
        && !may_shut_out(lost, args.yes)?
    {
        return Ok(ExitCode::FAILURE);
    }
    let claim = bot.claim()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut ear = bot.backend.overhear(&bot.context(None), &mut Unattended).await?;
        let code = Code::new();
        let pairing = Pairing::new(&bot.id, &code, lost.is_some(), pairing::now());
        let end = tokio::select! {
            end = wait(&bot, session, ear.as_mut(), &claim, &code, pairing.clone()) => end,
            () = signals.next() => Ok(End::Interrupted),
        };
        // However it ended, the code does not count any more.
        withdraw(session, &pairing);
        end
    })?;
    match end {
        End::Paired(who) => {
            output::data(&output::answer(&format!("paired: {who}")))?;
            output::line(&format!("written to {}", paths::shown(session.reader.path())));
            if let Claim::Ours(_) = claim {
                output::line("takopi does not run: start it with `takopi`");
            }
            Ok(ExitCode::SUCCESS)
        }
        End::Over(Over::Expired) => Err(again("nobody sent the code within ten minutes")),
        End::Over(Over::Tried) => {
            Err(again("too many wrong codes were sent, so this one does not count any more"))
        }
        End::Interrupted => {
            output::line("the code does not count any more");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

fn again(what: &str) -> CliError {
    CliError::new(what).hint("run `takopi pair` again")
}

/// Whether it is known that others lose what they have.
fn may_shut_out(lost: &str, yes: bool) -> Result<bool, CliError> {
    let said = format!("this shuts out {lost}");
    if yes {
        output::warning(&said);
        return Ok(true);
    }
    if !question::somebody_is_there() {
        return Err(CliError::new(said).hint("go on all the same with --yes"));
    }
    output::warning(&said);
    Ok(question::confirm("go on?")?)
}

/// Waits for the code, alone or beside a takopi that receives.
async fn wait(
    bot: &Bot<'_>,
    session: &Session<'_>,
    ear: &mut dyn Ear,
    claim: &Claim,
    code: &Code,
    pairing: Pairing,
) -> Result<End, CliError> {
    let deadline = Instant::now() + LIFE;
    match claim {
        Claim::Ours(_) => {
            ear.begin().await?;
            show(code, ear.contact())?;
            tokio::select! {
                end = listen(bot, session, ear, pairing) => end,
                () = sleep_until(deadline) => Ok(End::Over(Over::Expired)),
            }
        }
        Claim::Running(_) => {
            let file = PairingFile::beside(session.reader.path());
            file.leave(&pairing)?;
            show(code, ear.contact())?;
            tokio::select! {
                end = watch(session, &file, &pairing) => end,
                () = sleep_until(deadline) => Ok(End::Over(Over::Expired)),
            }
        }
    }
}

/// The code as it is to be sent: to programs on standard output, to a person with what to do.
fn show(code: &Code, contact: &Contact) -> Result<(), CliError> {
    let name = output::harmless(&contact.name).into_owned();
    output::line(&format!(
        "send this code to {name}, in a private chat, within ten minutes. Ctrl-C takes it back."
    ));
    let mut said = format!("code: {code}\n");
    if let Some(link) = &contact.code_link {
        said.push_str(&format!("link: {link}{}\n", code.plain()));
    }
    output::data(&said)?;
    Ok(())
}

/// Receives by itself.
async fn listen(
    bot: &Bot<'_>,
    session: &Session<'_>,
    ear: &mut dyn Ear,
    mut pairing: Pairing,
) -> Result<End, CliError> {
    let mut is_alone = true;
    loop {
        let heard = ear.next(&mut Unattended).await?;
        let Some((newcomer, who)) = knocking(&heard) else {
            is_alone = false;
            continue;
        };
        match pairing.attempt(&heard.text, pairing::now()) {
            Attempt::NoCode => is_alone = false,
            Attempt::Wrong => {}
            Attempt::Over(over) => return Ok(End::Over(over)),
            Attempt::Right => {
                pairing::admit(&session.reader, &*bot.backend, &bot.id, &newcomer, pairing.may_shut_out())?;
                // It is written; whoever sent it sees that also when takopi answers.
                if let Err(error) = ear.answer(&heard, "you are heard from the next start of takopi on").await
                {
                    output::warning(&error.to_string());
                }
                // A takopi that starts need not find the code; what others wrote it must.
                if is_alone {
                    ear.forget().await;
                }
                return Ok(End::Paired(who));
            }
        }
    }
}

/// Somebody who wrote by themselves in a private chat.
fn knocking(heard: &Overheard) -> Option<(Newcomer, String)> {
    let sender = heard.sender.as_ref().filter(|_| heard.chat == ChatKind::Private && !heard.is_forwarded)?;
    let newcomer = Newcomer::new(sender.id.clone(), heard.channel.clone());
    Some((newcomer, format!("{sender} ({})", sender.id)))
}

/// Waits for what the takopi that runs makes of it.
async fn watch(session: &Session<'_>, file: &PairingFile, pairing: &Pairing) -> Result<End, CliError> {
    loop {
        match file.look(pairing)? {
            Seen::Waits => {}
            Seen::Ended(Outcome::Paired(who)) => return Ok(End::Paired(who)),
            Seen::Ended(Outcome::Over(over)) => return Ok(End::Over(over)),
            Seen::Ended(Outcome::Failed { why, hints }) => {
                return Err(hints.into_iter().fold(CliError::new(why), CliError::hint));
            }
            Seen::Gone => return Err(again("another `takopi pair` made a code in place of this one")),
        }
        if let Ok(Standing::Free) = lock::look(session.reader.path()) {
            return Err(again("takopi has ended, so nobody looks at the code any more"));
        }
        sleep(LOOK).await;
    }
}

fn withdraw(session: &Session<'_>, pairing: &Pairing) {
    if let Err(error) = PairingFile::beside(session.reader.path()).withdraw(pairing) {
        output::warning(&format!("the code could not be taken back, and counts for ten minutes: {error}"));
    }
}
