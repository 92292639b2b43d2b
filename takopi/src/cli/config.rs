//! `takopi config`: the configuration file as it is, and changes that leave the rest of it as it is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use takopi_api::config::ConfigError;
use takopi_api::plugin::Backend;

use super::error::CliError;
use super::output;
use crate::config::{
    Config, Document, FileSchema, Found, InvalidKey, KeyPath, Overrides, Reader, Setting, Unset, Vocabulary,
};
use crate::paths;

/// What stands for a secret in lists.
const HIDDEN: &str = "\"***\"";

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// The file: the Python program's word for --config
    #[arg(long, value_name = "FILE", global = true, hide = true, conflicts_with = "config")]
    config_path: Option<PathBuf>,
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print where the file is
    Path,
    /// Print every key with its value
    List {
        /// Print secrets, too
        #[arg(long)]
        show_secrets: bool,
    },
    /// Print the value of a key; exit code 1 if it is not set
    Get {
        /// The key, e.g. `projects.website.path`
        #[arg(value_parser = key)]
        key: KeyPath,
    },
    /// Set a key, if the file as a whole can be used then
    #[command(allow_negative_numbers = true)]
    Set {
        /// The key, e.g. `projects.website.path`
        #[arg(value_parser = key)]
        key: KeyPath,
        /// A value as TOML has it; anything else is a text
        value: String,
    },
    /// Take a key out of the file; exit code 1 if it is not set
    Unset {
        /// The key, e.g. `projects.website.path`
        #[arg(value_parser = key)]
        key: KeyPath,
    },
    /// Print a JSON schema of the file, for editors
    Schema,
}

fn key(typed: &str) -> Result<KeyPath, InvalidKey> {
    typed.parse()
}

pub(super) fn run(
    args: &ConfigArgs,
    config: Option<&Path>,
    rows: &[&'static Backend],
    vocabulary: Vocabulary,
) -> Result<ExitCode, CliError> {
    let path = paths::named_config_file(args.config_path.as_deref().or(config));
    let path = path.unwrap_or_else(paths::default_config_file);
    match &args.command {
        ConfigCommand::Path => print(&format!("{}\n", paths::shown(&path))),
        ConfigCommand::List { show_secrets } => list(&path, *show_secrets, rows),
        ConfigCommand::Get { key } => get(&path, key),
        ConfigCommand::Schema => {
            let schema = FileSchema::new(rows);
            print(&format!("{:#}\n", schema.as_json()))
        }
        ConfigCommand::Set { key, value } => {
            let schema = FileSchema::new(rows);
            let setting = schema.normalized(key, Setting::typed(value));
            let mut edit = Edit::open(path, vocabulary)?;
            edit.document.set(key, &setting).map_err(refused)?;
            warn(&edit.save(key)?, rows);
            print(&format!("updated {key} = {setting}\n"))
        }
        ConfigCommand::Unset { key } => {
            let mut edit = Edit::open(path, vocabulary)?;
            match edit.document.unset(key).map_err(refused)? {
                Unset::Done => edit.save(key).map(|_| ExitCode::SUCCESS),
                Unset::NotSet => Ok(ExitCode::FAILURE),
            }
        }
    }
}

fn list(path: &Path, show_secrets: bool, rows: &[&'static Backend]) -> Result<ExitCode, CliError> {
    let Some(document) = Document::open(path).map_err(refused)? else { return Err(missing(path)) };
    let schema = FileSchema::new(rows);
    let mut text = String::new();
    for (key, setting) in document.leaves() {
        if schema.is_secret(&key) && !show_secrets {
            text.push_str(&format!("{key} = {HIDDEN}\n"));
        } else {
            text.push_str(&format!("{key} = {setting}\n"));
        }
    }
    print(&text)
}

fn get(path: &Path, key: &KeyPath) -> Result<ExitCode, CliError> {
    let Some(document) = Document::open(path).map_err(refused)? else {
        return Err(missing(path).into_usage());
    };
    match document.get(key).map_err(refused)? {
        Found::Setting(setting) => print(&format!("{setting}\n")),
        Found::Table => Err(CliError::usage(format!("`{key}` is a table"))
            .hint("`takopi config list` shows what stands in it")),
        Found::Nothing => Ok(ExitCode::FAILURE),
    }
}

/// A file that is being changed, and what must be able to read it afterwards. The environment of this process has no say
/// in what a file may hold.
struct Edit {
    document: Document,
    reader: Reader,
}

impl Edit {
    fn open(path: PathBuf, vocabulary: Vocabulary) -> Result<Self, CliError> {
        let Some(document) = Document::open_migrated(&path).map_err(refused)? else {
            return Err(missing(&path).into_usage().hint("make it first: an empty file is enough"));
        };
        Ok(Self { document, reader: Reader::new(path, vocabulary, Overrides::default()) })
    }

    fn save(&self, key: &KeyPath) -> Result<Config, CliError> {
        self.document.save(&self.reader, key).map_err(refused)
    }
}

/// Tells what is odd about the file and no error, in the tables of plugins too: a mistyped key is one of those.
fn warn(config: &Config, rows: &[&'static Backend]) {
    config.warnings.iter().for_each(|warning| output::warning(warning));
    let unknown = rows.iter().filter_map(|row| config.unknown_keys_of(row).ok()).flatten();
    unknown.for_each(|key| output::warning(&key.to_string()));
}

fn missing(path: &Path) -> CliError {
    CliError::new(format!("there is no file {}", paths::shown(path)))
}

/// What can not be done with the file is an error of what was typed.
fn refused(error: ConfigError) -> CliError {
    CliError::from(error).into_usage()
}

fn print(text: &str) -> Result<ExitCode, CliError> {
    output::data(text)?;
    Ok(ExitCode::SUCCESS)
}
