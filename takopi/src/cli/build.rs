//! `takopi build`: a takopi with plugins from anywhere. It writes a small crate that names them, and lets Cargo build it.
//!
//! What was typed (`asked`) is looked for (`find`), becomes a crate as text (`wrapper`) in a folder (`folder`), which
//! `cargo` builds; what Cargo says when it can not is made one sentence by `said`. The `binary` is asked what it has, and
//! `check` holds that against the crate. `from_config` says what to build in the first place.

mod asked;
mod binary;
mod cargo;
mod check;
mod find;
mod folder;
mod from_config;
mod said;
mod wrapper;

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use takopi_api::plugin::Backend;

use super::error::CliError;
use super::output;
use crate::config::Vocabulary;
use crate::paths;
use asked::{Feature, Profile, Takopi, With};
use binary::{Contents, Silent};
use cargo::{Built, CargoArgs};
use check::{Difference, Promise};
use folder::{Crate, Versions};
use said::Said;

/// What the arguments are is worked out when this command is used: most starts of takopi do not.
#[derive(Debug)]
pub(super) struct BuildArgs(Typed);

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Typed {
    #[command(flatten)]
    what: WhatArgs,
    /// Where the binary goes [default: ./takopi; with --run nowhere]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to compile: release, dist (small, slow to build) or dev (quick to build) [default: release; with --run dev]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    #[command(flatten)]
    cargo: CargoArgs,
    /// Take the newest versions that fit, and not those of the last build of the same
    #[arg(long, conflicts_with_all = ["locked", "frozen"])]
    update: bool,
    /// Run what was built
    #[arg(long)]
    run: bool,
    /// What it is run with: everything behind --
    #[arg(last = true, requires = "run", value_name = "ARGS")]
    args: Vec<OsString>,
    #[command(subcommand)]
    command: Option<Command>,
}

// What is to be in the binary. (A doc comment here would become that of the command.)
#[derive(Debug, clap::Args)]
struct WhatArgs {
    /// A plugin from elsewhere: NAME, NAME@VERSION, ./FOLDER or NAME=git+URL#REV
    #[arg(long, value_name = "PLUGIN")]
    with: Vec<With>,
    /// Features of takopi: the plugins of its own
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    features: Vec<Feature>,
    /// Leave out the plugins that takopi has if nobody chooses
    #[arg(long)]
    no_default_features: bool,
    /// Which takopi: a version, ./FOLDER or git+URL#REV [default: the version of this one]
    #[arg(long, value_name = "TAKOPI")]
    takopi: Option<Takopi>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the crate into a new folder, to keep and to change, and build nothing
    New {
        /// The folder; it must be empty, or not there yet
        dir: PathBuf,
        #[command(flatten)]
        what: WhatArgs,
    },
    /// Compare a binary with what it should be made of
    Check {
        /// The binary
        bin: PathBuf,
        /// The crate that it should be made of [default: what the binary says of itself]
        #[arg(long, value_name = "DIR")]
        manifest: Option<PathBuf>,
    },
    /// Print the command line that builds what a configuration needs
    FromConfig {
        /// The configuration [default: this machine's]
        file: Option<PathBuf>,
    },
}

const EXAMPLES: &str = "\
Examples:
  takopi build --with my-plugin@1.2 --with ./another --output ./takopi
  takopi build --with mine=git+https://example.org/mine#v1 --no-default-features
  takopi build --with . --run -- plugins
      In the folder of a plugin: build it, and try it.
  takopi build new ./my-takopi --with my-plugin
      A crate to keep: to pin, vendor and package with Cargo's own means.

What is compiled is kept for the next build, in `build` beside the configuration file; it may be removed at any time.
Cargo runs in the current folder: its `.cargo/config.toml` and `rust-toolchain.toml` count, and what is vendored there.";

/// What of this takopi a build needs.
pub(super) struct Here<'a> {
    /// The configuration file of this machine.
    pub(super) config: PathBuf,
    pub(super) rows: &'a [&'static Backend],
    pub(super) vocabulary: Vocabulary,
}

pub(super) fn run(BuildArgs(args): &BuildArgs, here: Here<'_>) -> Result<ExitCode, CliError> {
    match &args.command {
        None => build(args, &here),
        Some(Command::New { dir, what }) => new(dir, what),
        Some(Command::Check { bin, manifest }) => compare(bin, manifest.as_deref()),
        Some(Command::FromConfig { file }) => from_config(file.clone(), here),
    }
}

fn build(args: &Typed, here: &Here<'_>) -> Result<ExitCode, CliError> {
    let profile = args.profile.unwrap_or(if args.run { Profile::Dev } else { Profile::Release });
    let output = match &args.output {
        Some(output) => Some(output.clone()),
        None => (!args.run).then(|| PathBuf::from("takopi")),
    };
    let destination = output.as_deref().map(binary::destination).transpose()?;
    let files = wrapper::sources(&find::asked(&args.what.typed(), None)?);
    let there = keep(args, &here.config, &files)?;
    let built = match cargo::build(&there, profile, &args.cargo)? {
        Built::Binary(binary) => binary,
        Built::Failed(said) => {
            let said = Said::of(&said, wrapper::PACKAGE);
            let error = CliError::new(said.to_string());
            return Err(said.hints(args.cargo.is_offline()).into_iter().fold(error, CliError::hint));
        }
    };
    let contents = verify(&built, &files, args.cargo.target.as_deref())?;
    if let Some(destination) = &destination {
        binary::put(&built, destination)?;
    }
    if args.run {
        let error = cargo::command(destination.as_deref().unwrap_or(&built)).args(&args.args).exec();
        return Err(CliError::new(format!("{} can not be run: {error}", built.display())));
    }
    let size = fs::metadata(&built)?.len();
    let shown = output.as_deref().unwrap_or(&built).display();
    output::data(&summary(&shown.to_string(), size, profile, contents.as_ref()))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the crate beside the configuration.
fn keep(args: &Typed, config: &Path, files: &[wrapper::File]) -> Result<Crate, CliError> {
    let versions = if args.update { Versions::Newest } else { Versions::AsBefore };
    let config = std::path::absolute(config)?;
    let there = Crate::keep(&config.with_file_name("build"), files, versions)?;
    if let (Some(Takopi::Folder(takopi)), Versions::AsBefore) = (&args.what.takopi, versions) {
        let takopi = find::takopi_folder(takopi)?;
        there.take_versions_of(takopi.parent().unwrap_or(&takopi))?;
    }
    Ok(there)
}

/// Asks a binary whether everything is in it that was asked for. `None` if it is for another machine.
fn verify(
    binary: &Path,
    files: &[wrapper::File],
    target: Option<&str>,
) -> Result<Option<Contents>, CliError> {
    let contents = match binary::ask(binary) {
        Ok(contents) => contents,
        Err(Silent::Foreign) if target.is_some() => {
            output::warning(
                "it can not be run here, so nobody looked at what is in it: `takopi build check` does, there",
            );
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let manifest = files.iter().find(|(name, _)| *name == wrapper::MANIFEST).map_or("", |(_, text)| text);
    let promise = Promise::of_manifest(manifest).map_err(CliError::new)?;
    let mut broken = Vec::new();
    for difference in promise.differences(&contents) {
        match difference {
            Difference::Broken(text) => broken.push(text),
            // A plugin may bring others along.
            Difference::Unpromised(text) => output::warning(&text),
        }
    }
    if broken.is_empty() {
        return Ok(Some(contents));
    }
    Err(CliError::new(format!("what was built is not what was asked for: {}", broken.join("; "))))
}

fn summary(name: &str, size: u64, profile: Profile, contents: Option<&Contents>) -> String {
    let takopi = contents.map(|contents| format!("takopi {}, ", contents.takopi)).unwrap_or_default();
    let size = format!("{}.{} MB", size / 1_000_000, size / 100_000 % 10);
    let mut text = format!("{name}: {takopi}{}, {size}\n", profile.as_str());
    for group in contents.iter().flat_map(|contents| &contents.groups) {
        for backend in &group.backends {
            let from = match (&backend.distribution, &backend.version) {
                (Some(name), Some(version)) => format!("{name} {version}"),
                _ => "no distribution".to_owned(),
            };
            text.push_str(&format!("  {} {} ({from})\n", group.kind, output::harmless(&backend.id)));
        }
    }
    text
}

fn new(dir: &Path, what: &WhatArgs) -> Result<ExitCode, CliError> {
    folder::refuse_unless_empty(dir)?;
    let base = find::from_root(dir)?;
    let files = wrapper::project(&find::asked(&what.typed(), Some(&base))?);
    folder::write_new(dir, &files)?;
    let shown = dir.display();
    output::data(&format!(
        "wrote {shown}; `cargo build --release` in it builds it, and its README.md says more\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn compare(bin: &Path, manifest: Option<&Path>) -> Result<ExitCode, CliError> {
    let promise = manifest.map(Promise::read).transpose()?;
    if !bin.is_file() {
        return Err(CliError::usage(format!("there is no binary {}", bin.display())));
    }
    let contents = binary::ask(bin)?;
    let differences = match &promise {
        Some(promise) => promise.differences(&contents),
        None => check::own_differences(&contents),
    };
    let bin = bin.display();
    if differences.is_empty() {
        let count = contents.distributions.len();
        output::data(&format!(
            "ok: {bin} has takopi {} and {count} plugins, as promised\n",
            contents.takopi
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let promised =
        manifest.map_or("it says itself".to_owned(), |manifest| format!("{} says", manifest.display()));
    output::error(&format!("{bin} is not what {promised}"), &[]);
    differences.iter().for_each(|difference| output::line(&format!("  {}", difference.text())));
    Ok(ExitCode::FAILURE)
}

fn from_config(file: Option<PathBuf>, here: Here<'_>) -> Result<ExitCode, CliError> {
    let config = from_config::read(file.unwrap_or(here.config), here.vocabulary)?;
    config.warnings.iter().for_each(|warning| output::warning(warning));
    let needs = from_config::needs(&config.mentions()?, config.enabled.entries(), here.rows);
    output::data(&format!("{}\n", needs.line()))?;
    needs.notes.iter().for_each(|note| output::warning(note));
    if needs.unknown.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let hint = "find its package and add --with PACKAGE; takopi knows the plugins of its own project only";
    output::error("the line is not all that the configuration needs", &[hint.to_owned()]);
    needs.unknown.iter().for_each(|unknown| output::line(&format!("  {unknown}")));
    Ok(ExitCode::FAILURE)
}

/// The configuration file of this machine.
pub(super) fn config_file(typed: Option<&Path>) -> PathBuf {
    paths::named_config_file(typed).unwrap_or_else(paths::default_config_file)
}

impl WhatArgs {
    fn typed(&self) -> find::Typed<'_> {
        find::Typed {
            takopi: self.takopi.as_ref(),
            features: &self.features,
            default_features: !self.no_default_features,
            with: &self.with,
        }
    }
}

impl From<Silent> for CliError {
    fn from(silent: Silent) -> Self {
        match silent {
            Silent::Foreign => Self::new("this binary is for another machine").hint("run it there"),
            Silent::Failed(error) => error,
        }
    }
}

impl Args for BuildArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(Typed::augment_args)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command.defer(Typed::augment_args_for_update)
    }
}

impl FromArgMatches for BuildArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Typed::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::Cli;

    #[test]
    fn what_is_worked_out_late_fits_the_rest() {
        Cli::command().debug_assert();
        let parse = |words: &str| Cli::command().try_get_matches_from(words.split(' '));
        assert!(parse("takopi build --with . --run -- plugins --json").is_ok());
        assert!(parse("takopi build new x --with my-plugin@1 -F a,b --takopi 1.2.3").is_ok());
        assert!(parse("takopi build --with x -- plugins").is_err());
        assert!(parse("takopi build --with x@new").is_err());
        assert!(parse("takopi build --update --locked").is_err());
    }
}
