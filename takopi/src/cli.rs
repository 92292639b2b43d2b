//! The command line: what was typed becomes a plain request, and the library does the rest.

mod audit;
mod bot;
mod build;
mod chat_id;
mod config;
mod doctor;
mod error;
mod init;
mod onboard;
mod output;
mod pair;
mod plugins;
mod question;
mod rules;
mod run;
mod serve;
mod sessions;
mod signals;
mod state;
mod table;
mod worktrees;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use takopi_api::plugin::{Backend, BackendKind};

use crate::chat::commands;
use crate::config::{Config, Overrides, Reader, Vocabulary};
use crate::plugins::{Entry, Linked, Members, Registry};
use crate::{bundled, hooks, logging, paths};
use error::{CliError, Failure};

/// The names of commands that this program's users know and this version does not have yet. No plugin may take them.
const LATER_COMMANDS: &[&str] = &["help"];

#[derive(Debug, Parser)]
#[command(name = "takopi", version, about = "Drive coding agents from a chat or a terminal")]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    serve: serve::ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Default, Args)]
struct GlobalArgs {
    /// The configuration file [default: $TAKOPI_CONFIG, else ~/.takopi/takopi.toml]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Log what happens inside to standard error
    #[arg(long, global = true, action = ArgAction::SetTrue, overrides_with = "no_debug")]
    debug: bool,
    /// Log as $TAKOPI_LOG_LEVEL says, errors only if it says nothing
    #[arg(long, global = true, hide = true, action = ArgAction::SetTrue, overrides_with = "debug")]
    no_debug: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Talk to agents here, in the terminal; without a terminal, one message a line
    Chat,
    /// Run an agent once: progress on standard error, the answer on standard output
    Run(run::RunArgs),
    /// Show the engines, transports, commands and hooks of this build
    Plugins(plugins::PluginsArgs),
    /// Make the repository here a project, which runs can name
    Init(init::InitArgs),
    /// Show the worktrees of projects, or remove those that nobody would miss
    Worktrees(worktrees::WorktreesArgs),
    /// Show what ran, and how to go on with it
    Sessions(sessions::SessionsArgs),
    /// Show what engines asked and what became of it, or look whether nobody changed that
    Audit(audit::AuditArgs),
    /// Show what is allowed without asking, or take it back
    Rules(rules::RulesArgs),
    /// Wait for a message to the bot, and print the id of its chat
    ChatId(chat_id::ChatIdArgs),
    /// Make a code: whoever sends it to the bot in a private chat is heard from then on
    Pair(pair::PairArgs),
    /// Check what takopi needs on this machine and of its chats, and change nothing
    Doctor(doctor::DoctorArgs),
    /// Show and change the configuration file
    Config(config::ConfigArgs),
    /// Build a takopi with plugins from anywhere
    Build(build::BuildArgs),
}

/// What a command works with: the registry under the configuration's enabled list, and the configuration.
struct Session<'a> {
    registry: Arc<Registry>,
    config: Config,
    linked: &'a Linked,
    /// What has read the configuration, and can read it again.
    reader: Reader,
}

impl Session<'_> {
    /// Tells what is odd about the configuration and no error.
    fn warn(&self) {
        let enabled = self.registry.enabled().warnings(self.linked.distributions());
        let of_hooks = hooks::warnings(&self.registry, &self.config);
        let faults = Members::of(&self.registry, &self.config).faults;
        let of_tables: Vec<String> = faults.iter().map(ToString::to_string).collect();
        self.config
            .warnings
            .iter()
            .chain(&enabled)
            .chain(&of_hooks)
            .chain(&of_tables)
            .for_each(|warning| output::warning(warning));
    }
}

pub(crate) fn run(args: &[OsString], rows: &[&'static Backend], linked: &Linked) -> ExitCode {
    if asks_for_version(args) {
        return version();
    }
    match dispatch(args, rows, linked) {
        Ok(code) => code,
        Err(Failure::Usage(error)) => usage(&error),
        Err(Failure::Told(error)) => error.tell(),
    }
}

fn dispatch(args: &[OsString], rows: &[&'static Backend], linked: &Linked) -> Result<ExitCode, Failure> {
    let tree = Cli::command();
    let reserved = reserved(&tree);
    let reserved: Vec<&str> = reserved.iter().map(String::as_str).collect();
    // The commands of the engines depend on the configuration, which most command lines need not be parsed with: only a
    // word that is no command of this program, or a look at the help, calls for them.
    match tree.try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => {
            let global = cli.global.clone();
            let open = || open(&global, rows, &reserved, linked);
            let serve = |args: &serve::ServeArgs| {
                start(&global, || {
                    serve::run(args, None, open_to_serve(args, &global, rows, &reserved, linked)?, rows)
                })
            };
            let Some(command) = cli.command else { return serve(&cli.serve) };
            if cli.serve != serve::ServeArgs::default() {
                return Err(misplaced().into());
            }
            match command {
                Command::Chat => serve(&serve::ServeArgs::chat()),
                Command::Run(args) => start(&global, || run::run(args, &open()?)),
                Command::Plugins(args) => start(&global, || plugins::run(&args, &open()?)),
                // It writes the file, which need not be there before.
                Command::Init(args) => start(&global, || {
                    init::run(&args, &open_reader(reader_of(&global, rows, &reserved)?, rows, linked)?)
                }),
                Command::Worktrees(args) => start(&global, || worktrees::run(&args, &open()?)),
                Command::Sessions(args) => start(&global, || sessions::run(&args, &open()?)),
                Command::Audit(args) => start(&global, || audit::run(&args, &open()?)),
                Command::Rules(args) => start(&global, || rules::run(&args, &open()?)),
                // A bot can be named without a file.
                Command::ChatId(args) => start(&global, || {
                    chat_id::run(&args, &open_reader(reader_of(&global, rows, &reserved)?, rows, linked)?)
                }),
                Command::Pair(args) => start(&global, || {
                    pair::run(&args, &open_reader(reader_of(&global, rows, &reserved)?, rows, linked)?)
                }),
                // What is wrong with the file is one of its findings.
                Command::Doctor(args) => {
                    start(&global, || doctor::run(&args, reader(&global, rows, &reserved)?, rows, linked))
                }
                // It works on files that nothing else can open.
                Command::Config(args) => {
                    let vocabulary = vocabulary(rows, &reserved);
                    start(&global, || config::run(&args, global.config.as_deref(), rows, vocabulary))
                }
                Command::Build(args) => {
                    let config = build::config_file(global.config.as_deref());
                    let here = build::Here { config, rows, vocabulary: vocabulary(rows, &reserved) };
                    start(&global, || build::run(&args, here))
                }
            }
        }
        Err(error) if wants_engines(&error) => with_engines(args, word_of(&error), rows, &reserved, linked),
        Err(error) => Err(Failure::Usage(error)),
    }
}

/// An option of the chat before another command would come to nothing.
fn misplaced() -> CliError {
    CliError::usage(
        "--transport, --final-notify and --onboard belong to `takopi` without a command, or with an engine",
    )
}

/// Parses again, with a command for every enabled engine that somebody may mean: the one whose name was typed, or, for
/// the help, some. No code of an engine runs for that.
fn with_engines(
    args: &[OsString],
    word: Option<String>,
    rows: &[&'static Backend],
    reserved: &[&str],
    linked: &Linked,
) -> Result<ExitCode, Failure> {
    // `--help` must work with a broken configuration as well, and a command can only be meant by who knows it is there.
    let global = GlobalArgs { config: typed_config(args), ..GlobalArgs::default() };
    let config = reader(&global, rows, reserved).and_then(|reader| Ok(reader.load()?));
    let enabled = config.map(|config| config.enabled).unwrap_or_default();
    let registry = Registry::new(rows.iter().copied(), reserved, enabled);
    let mut tree = Cli::command().after_help(after_help(&registry));
    let named = word.and_then(|word| registry.find(BackendKind::Engine, &word).ok());
    if let Some(entry) = named {
        let command = run::EngineArgs::augment_args(clap::Command::new(entry.row().id));
        let command = serve::ServeArgs::augment_args(command).about(about(entry));
        tree = tree.subcommand(command.mut_arg("prompt", |prompt| prompt.required(false)));
    } else {
        for entry in registry.visible(BackendKind::Engine).take(SHOWN_ENGINES) {
            tree = tree.subcommand(clap::Command::new(entry.row().id).about(about(entry)));
        }
    }
    let matches = tree.try_get_matches_from(args).map_err(|error| no_such_command(error, &registry))?;
    let (engine, args) = matches.subcommand().ok_or_else(|| CliError::new("a command is missing"))?;
    let global = GlobalArgs::from_arg_matches(args).map_err(Failure::Usage)?;
    let serve = serve::ServeArgs::from_arg_matches(args).map_err(Failure::Usage)?;
    let args = run::EngineArgs::from_arg_matches(args).map_err(Failure::Usage)?;
    start(&global, || {
        if args.has_prompt() {
            run::run(run::RunArgs::of_engine(engine, args), &open(&global, rows, reserved, linked)?)
        } else {
            let session = open_to_serve(&serve, &global, rows, reserved, linked)?;
            serve::run(&serve, Some(engine), session, rows)
        }
    })
}

/// How many engines the help shows as commands. Nobody reads a longer list there.
const SHOWN_ENGINES: usize = 24;

/// What the help says about the command of an engine.
fn about(engine: &Entry) -> String {
    let Backend { id, summary, .. } = engine.row();
    format!("Run {id} once, or chat with it where no prompt is given: {summary}")
}

/// What stands below the help: the engine in it is one that this build has.
fn after_help(registry: &Registry) -> String {
    let mut engines = registry.visible(BackendKind::Engine).map(|entry| entry.row().id);
    let engine = engines.next().unwrap_or("ENGINE");
    let more = match (engines.count() + 1).checked_sub(SHOWN_ENGINES) {
        None | Some(0) => String::new(),
        Some(more) => format!("{more} more engines are commands too; `takopi plugins` lists them.\n\n"),
    };
    format!(
        "\
{more}Examples:
  takopi run \"which files are largest?\"
  takopi run --engine {engine} --cwd ~/project \"why does the test fail?\"
  takopi run --resume '<the last line of a run>' \"and now mend it\"
  git diff | takopi run -

Configuration: ~/.takopi/takopi.toml, or --config, or TAKOPI_CONFIG.
Exit codes: 0 done, 1 the run failed, 2 what was typed can not be done, 130 interrupted."
    )
}

fn start(
    global: &GlobalArgs,
    command: impl FnOnce() -> Result<ExitCode, CliError>,
) -> Result<ExitCode, Failure> {
    logging::start(global.debug);
    Ok(command()?)
}

fn open<'a>(
    global: &GlobalArgs,
    rows: &[&'static Backend],
    reserved: &[&str],
    linked: &'a Linked,
) -> Result<Session<'a>, CliError> {
    open_reader(reader(global, rows, reserved)?, rows, linked)
}

/// As [`open`]; a file that the setup wizard will write need not be there.
fn open_to_serve<'a>(
    args: &serve::ServeArgs,
    global: &GlobalArgs,
    rows: &[&'static Backend],
    reserved: &[&str],
    linked: &'a Linked,
) -> Result<Session<'a>, CliError> {
    let reader = if args.wants_setup() { reader_of } else { reader };
    open_reader(reader(global, rows, reserved)?, rows, linked)
}

fn open_reader<'a>(
    reader: Reader,
    rows: &[&'static Backend],
    linked: &'a Linked,
) -> Result<Session<'a>, CliError> {
    let config = reader.load_and_migrate()?;
    let registry = Arc::new(registry(rows, &reader, &config));
    Ok(Session { registry, config, linked, reader })
}

fn registry(rows: &[&'static Backend], reader: &Reader, config: &Config) -> Registry {
    let reserved: Vec<&str> = reader.vocabulary().reserved.iter().map(String::as_str).collect();
    Registry::new(rows.iter().copied(), &reserved, config.enabled.clone())
}

/// What reads the configuration, under what the environment says.
fn reader(global: &GlobalArgs, rows: &[&'static Backend], reserved: &[&str]) -> Result<Reader, CliError> {
    let named = paths::named_config_file(global.config.as_deref());
    if let Some(path) = named.as_ref().filter(|path| !path.exists()) {
        return Err(CliError::usage(format!("there is no file {}", path.display()))
            .hint("it is named by --config, or by TAKOPI_CONFIG"));
    }
    reader_of(global, rows, reserved)
}

/// The same, of a file that need not be there.
fn reader_of(global: &GlobalArgs, rows: &[&'static Backend], reserved: &[&str]) -> Result<Reader, CliError> {
    let named = paths::named_config_file(global.config.as_deref());
    let path = named.unwrap_or_else(paths::default_config_file);
    Ok(Reader::new(path, vocabulary(rows, reserved), Overrides::of_environment()?))
}

/// The engines that this build has or could have, and the words that are taken.
fn vocabulary(rows: &[&'static Backend], reserved: &[&str]) -> Vocabulary {
    let known = bundled::KNOWN
        .iter()
        .filter(|known| known.kind() == BackendKind::Engine.as_str())
        .map(bundled::Known::id);
    let linked = rows.iter().filter(|row| row.kind() == BackendKind::Engine).map(|row| row.id);
    Vocabulary {
        engines: linked.chain(known).collect(),
        reserved: reserved.iter().map(|&word| word.to_owned()).collect(),
        rows: rows.to_vec(),
    }
}

/// The words that no engine and no chat command may have: every command of this program, typed or in chat.
fn reserved(tree: &clap::Command) -> Vec<String> {
    let typed = tree.get_subcommands().map(|command| command.get_name().to_owned());
    let chat = commands::reserved().map(str::to_owned);
    typed.chain(LATER_COMMANDS.iter().map(|&word| word.to_owned())).chain(chat).collect()
}

/// A word that is no command may still be an engine that is disabled, or was not compiled in: the registry knows better.
fn no_such_command(error: clap::Error, registry: &Registry) -> Failure {
    use crate::plugins::LookupError;
    if let Some(word) = word_of(&error) {
        match registry.find(BackendKind::Engine, &word) {
            Err(LookupError::Unknown { not_compiled_in: None, .. }) | Ok(_) => {}
            Err(lookup) => return CliError::from(lookup).into_usage().into(),
        }
    }
    Failure::Usage(error)
}

/// The word that is no command of this program.
fn word_of(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ContextValue};
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    }
}

fn wants_engines(error: &clap::Error) -> bool {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, InvalidSubcommand, MissingSubcommand,
    };
    matches!(
        error.kind(),
        DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand | InvalidSubcommand | MissingSubcommand
    )
}

/// The value of `--config`, before anything is parsed: the engines' commands depend on what stands in that file.
fn typed_config(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        if arg == "--config" {
            return args.next().map(PathBuf::from);
        }
        if let Some(path) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// Help and version go to standard output and are no failure; a broken pipe there is none either.
/// Whether only the version is asked for, as other programs do whenever they start: all commands need not be known for that.
fn asks_for_version(args: &[OsString]) -> bool {
    matches!(args, [_, only] if only == "--version" || only == "-V")
}

/// The bare version, for scripts.
fn version() -> ExitCode {
    let _ = output::data(concat!(env!("CARGO_PKG_VERSION"), "\n"));
    ExitCode::SUCCESS
}

fn usage(error: &clap::Error) -> ExitCode {
    if error.kind() == clap::error::ErrorKind::DisplayVersion {
        return version();
    }
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page that lists the reserved words, for people who write plugins.
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/plugin-api.md");

    #[test]
    fn the_manual_has_every_reserved_word() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let mut words = reserved(&Cli::command());
        words.sort_unstable();
        words.dedup();
        let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
        // Wherever its lines break.
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains(&format!("in a chat: {list}")), "in {PAGE} should stand: {list}");
    }
}
