//! The questions, and what their answers make of the file.

use serde_json::{Map, Value as Json};
use takopi_api::config::{ConfigError, ConfigTable};
use takopi_api::engine::Availability;
use takopi_api::plugin::BackendKind;
use takopi_api::transport::{SetupContext, SetupError, TransportBackend, Wizard};

use super::Left;
use crate::cli::Session;
use crate::cli::error::CliError;
use crate::cli::init::save::{self, Saved};
use crate::cli::init::{Here, suggested_alias};
use crate::config::{Document, KeyPath, Setting, Vocabulary, alias_fault};
use crate::plugins::Loaded;
use crate::project::Alias;

/// Asks everything, and writes the file after the last answer.
pub(super) async fn set_up(
    wizard: &mut dyn Wizard,
    session: &Session<'_>,
    repository: Option<&Here>,
) -> Result<(), Left> {
    let path = session.reader.path();
    let mut document = match Document::open_migrated(path)? {
        Some(document) => document,
        None => Document::parse(path, "")?,
    };
    wizard.step("chat");
    let transport = transport(wizard, session, &mut document).await?;
    let transport_key = KeyPath::new([""; 0], "transport");
    document.set(&transport_key, &Setting::text(transport))?;
    wizard.step("default engine");
    if let Some(engine) = engine(wizard, session).await? {
        document.set(&KeyPath::new([""; 0], "default_engine"), &Setting::text(engine))?;
    }
    if let Some(here) = repository
        && !is_project(session, here)
    {
        wizard.step("project");
        project(wizard, session, here, &mut document).await?;
    }
    wizard.step("save");
    wizard.say(&shown(&document));
    if !wizard.confirm("write this, and start?", true).await? {
        return Err(Left::Cancelled);
    }
    document.save(&session.reader, &transport_key)?;
    Ok(())
}

/// The keys of the file, without values that may be secrets.
fn shown(document: &Document) -> String {
    let lines = document.leaves().into_iter().map(|(key, setting)| {
        let is_plain = key.tables().first().is_none_or(|table| table == "projects");
        if is_plain { format!("  {key} = {setting}") } else { format!("  {key} = …") }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Chooses a transport and sets it up, as long as it takes. Its keys are put into the document.
async fn transport(
    wizard: &mut dyn Wizard,
    session: &Session<'_>,
    document: &mut Document,
) -> Result<String, Left> {
    let mut offered = Vec::new();
    for entry in session.registry.visible(BackendKind::Transport) {
        let row = entry.row();
        match session.registry.load(BackendKind::Transport, row.id) {
            Ok(Loaded::Transport(backend)) => offered.push((row.id, row.summary, backend)),
            Ok(_) => {}
            Err(error) => wizard.say(&error.to_string()),
        }
    }
    while !offered.is_empty() {
        let choices: Vec<String> = offered.iter().map(|(id, about, _)| format!("{id}: {about}")).collect();
        let place = wizard.select("where do you want to talk to your agents?", &choices).await?;
        let Some((id, _, backend)) = offered.get(place) else { continue };
        match table(wizard, session, id, &***backend).await {
            Ok(Some(table)) => {
                document.set_all(&["transports", id], table)?;
                return Ok((*id).to_owned());
            }
            Ok(None) => return Ok((*id).to_owned()),
            Err(SetupError::Cancelled(_)) => return Err(Left::Cancelled),
            Err(SetupError::Failed(error)) => {
                wizard.say(&error.to_string());
                error.hints().iter().for_each(|hint| wizard.say(&format!("  {hint}")));
                offered.remove(place);
            }
        }
    }
    Err(CliError::new("there is no other chat to set up")
        .hint("`takopi plugins` shows those of this build")
        .into())
}

/// What a transport wants to have in its table; `None` if it has what it needs.
async fn table(
    wizard: &mut dyn Wizard,
    session: &Session<'_>,
    id: &str,
    backend: &dyn TransportBackend,
) -> Result<Option<Map<String, Json>>, SetupError> {
    let failed = |error: ConfigError| {
        let told = takopi_api::error::Error::new(error.to_string());
        SetupError::Failed(error.hints.into_iter().fold(told, takopi_api::error::Error::hint))
    };
    let known = session.config.transport(id).map_err(failed)?;
    let context = SetupContext::new(&known, session.reader.path());
    let needs = backend.check_setup(&context);
    if needs.is_empty() {
        let is_new = known.keys().is_empty();
        if is_new || !wizard.confirm(&format!("{id} is set up already. Set it up anew?"), false).await? {
            return Ok(None);
        }
    }
    let table: ConfigTable = backend.interactive_setup(&context, wizard).await?;
    table.parse().map(Some).map_err(failed)
}

/// An engine that can be chosen.
struct Engine {
    id: &'static str,
    /// How it is installed, if it is not.
    install: Option<&'static str>,
    /// Whether it is a second way to what another engine runs.
    by_name: bool,
    about: String,
}

/// Chooses the engine of runs that name none; `None` leaves that to each start.
async fn engine(wizard: &mut dyn Wizard, session: &Session<'_>) -> Result<Option<&'static str>, Left> {
    let mut engines = Vec::new();
    for entry in session.registry.visible(BackendKind::Engine) {
        let id = entry.row().id;
        let engine = session.registry.engine(id);
        let by_name = engine.as_ref().is_ok_and(|engine| engine.by_name);
        match engine.map(|engine| &engine.availability) {
            Ok(Availability::Cli { commands, install }) => {
                let path = commands.iter().find_map(|command| which::which(command).ok());
                engines.push(match path {
                    Some(path) => Engine {
                        id,
                        install: None,
                        by_name,
                        about: format!("{id}: installed, {}", path.display()),
                    },
                    None => Engine {
                        id,
                        install: Some(install),
                        by_name,
                        about: format!("{id}: not installed; `{install}`"),
                    },
                });
            }
            Ok(_) => {
                engines.push(Engine { id, install: None, by_name, about: format!("{id}: part of takopi") });
            }
            Err(error) => wizard.say(&error.to_string()),
        }
    }
    // What is there comes first: it is what a bare Enter means.
    engines.sort_by_key(|engine| (engine.install.is_some(), engine.by_name));
    let mut choices: Vec<String> = engines.iter().map(|engine| engine.about.clone()).collect();
    choices.push("none: the first that is installed, at each start".to_owned());
    loop {
        let place = wizard.select("which engine runs where a message names none?", &choices).await?;
        let Some(engine) = engines.get(place) else { return Ok(None) };
        let Some(install) = engine.install else { return Ok(Some(engine.id)) };
        let question = format!("{} is not installed (`{install}`). Take it all the same?", engine.id);
        if wizard.confirm(&question, false).await? {
            return Ok(Some(engine.id));
        }
    }
}

fn is_project(session: &Session<'_>, here: &Here) -> bool {
    let real = |path: &std::path::Path| std::fs::canonicalize(path).ok();
    session.config.projects.values().any(|project| real(&project.path) == real(&here.root))
}

/// Makes the repository here a project, if that is wished.
async fn project(
    wizard: &mut dyn Wizard,
    session: &Session<'_>,
    here: &Here,
    document: &mut Document,
) -> Result<(), Left> {
    // All texts of the file are UTF-8.
    let Some(path) = here.root.to_str() else { return Ok(()) };
    if !wizard.confirm(&format!("make {path} a project, which messages can name?"), true).await? {
        return Ok(());
    }
    let suggestion = suggested_alias(&here.root);
    let alias = loop {
        let typed = wizard.text("name of the project", suggestion.as_deref()).await?;
        match alias(&typed, session) {
            Ok(alias) => break alias,
            Err(why) => wizard.say(&why),
        }
    };
    let is_default = wizard.confirm("is it the project of messages that name none?", true).await?;
    let saved = Saved { alias: alias.as_str(), path, base: here.base.as_deref(), is_default };
    save::add(document, &saved)?;
    Ok(())
}

/// A name that no project and nothing else has.
fn alias(typed: &str, session: &Session<'_>) -> Result<Alias, String> {
    let alias = Alias::new(typed).map_err(|error| error.to_string())?;
    let Vocabulary { engines, reserved, .. } = session.reader.vocabulary();
    if let Some(fault) = alias_fault(&alias, engines, reserved) {
        return Err(format!("`{alias}`: {fault}"));
    }
    if session.config.projects.contains_key(&alias) {
        return Err(format!("another project is called `{alias}`"));
    }
    Ok(alias)
}

#[cfg(test)]
mod tests;
