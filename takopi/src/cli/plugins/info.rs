//! `takopi plugins info`: all that there is to know of the backends with an id.

mod found;

use std::process::ExitCode;

use takopi_api::error::closest;
use takopi_api::plugin::BackendKind;

use crate::bundled;
use crate::cli::error::CliError;
use crate::cli::{Session, output};
use crate::plugins::Entry;
use found::Info;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InfoArgs {
    /// The id, as `takopi plugins` shows it
    id: String,
    /// Of this kind only, where several have the id
    #[arg(value_parser = kind)]
    kind: Option<BackendKind>,
    /// Print JSON: one array
    #[arg(long)]
    json: bool,
}

/// A kind as it is typed.
fn kind(word: &str) -> Result<BackendKind, String> {
    let kinds = BackendKind::ALL;
    kinds.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        format!("a plugin is one of: {}", words.join(", "))
    })
}

pub(super) fn run(args: &InfoArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let kinds = BackendKind::ALL.into_iter().filter(|kind| args.kind.is_none_or(|wanted| wanted == *kind));
    let mut infos = Vec::new();
    for kind in kinds {
        let named = session.registry.named(kind, &args.id);
        for entry in named {
            infos.push(Info::of_entry(entry, session)?);
        }
        infos.extend(bundled::known(kind, &args.id).filter(|_| named.is_empty()).map(Info::of_known));
    }
    if infos.is_empty() {
        return Err(unknown(args, session));
    }
    if args.json {
        let json = serde_json::to_string_pretty(&infos).map_err(|error| CliError::new(error.to_string()))?;
        output::data(&(json + "\n"))?;
    } else {
        let texts: Vec<String> = infos.iter().map(Info::text).collect();
        output::data(&texts.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown(args: &InfoArgs, session: &Session<'_>) -> CliError {
    let what = args.kind.map_or("plugin", BackendKind::as_str);
    let error = CliError::usage(format!("there is no {what} `{}`", args.id));
    let is_of_kind = |kind: &str| args.kind.is_none_or(|wanted| wanted.as_str() == kind);
    let rows = session.registry.entries().iter().map(Entry::row);
    let linked = rows.filter(|row| is_of_kind(row.kind().as_str())).map(|row| row.id);
    let known = bundled::KNOWN.iter().filter(|known| is_of_kind(known.kind())).map(bundled::Known::id);
    let error = match closest(&args.id, linked.chain(known)) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error,
    };
    error.hint("`takopi plugins` lists all of them")
}
