//! The menu of commands that Telegram offers: what may be named here, kept as it is when takopi changes.

use serde::Serialize;
use takopi_api::plugin::is_valid_id;
use takopi_api::runtime::{Catalog, EngineState, TransportRuntime, Write};
use tokio::time::{Duration, sleep};

use crate::client::{Client, MenuCommand, insist};
use crate::render::first_units;

/// How many commands Telegram takes.
const MAX_COMMANDS: usize = 100;

/// How long a description may be, in UTF-16 units.
const MAX_DESCRIPTION: usize = 256;

/// What must be in every menu, however long it is.
const ALWAYS: &str = "cancel";

/// Under this the last menu is remembered.
const KEY: &str = "menu";

/// How long to wait before a menu that could not be set is tried again.
const AGAIN: Duration = Duration::from_secs(300);

/// A menu as it was set.
#[derive(Serialize)]
struct Set<'a> {
    bot: i64,
    commands: &'a [MenuCommand],
}

/// Keeps the menu of a bot as takopi's commands are.
pub(crate) async fn keep(client: Client, bot: i64, runtime: TransportRuntime) {
    loop {
        let catalog = runtime.catalog();
        let is_set = set(&client, bot, &runtime, &catalog).await;
        tokio::select! {
            _ = runtime.catalog_after(&catalog) => {}
            () = sleep(AGAIN), if !is_set => {}
        }
    }
}

/// Sets the menu unless it is that already; `false` if that did not work.
async fn set(client: &Client, bot: i64, runtime: &TransportRuntime, catalog: &Catalog) -> bool {
    let commands = menu(catalog);
    let Ok(now) = serde_json::to_vec(&Set { bot, commands: &commands }) else { return true };
    let store = runtime.store();
    if store.get(KEY).await.is_ok_and(|last| last.as_ref() == Some(&now)) {
        return true;
    }
    if let Err(error) = insist(|| client.set_commands(&commands)).await {
        tracing::warn!(%error, "telegram.menu: the menu of commands is not set");
        return false;
    }
    if let Err(error) = store.write([Write::put(KEY, now)]).await {
        tracing::debug!(%error, "telegram.menu: it will be set again at the next start");
    }
    true
}

/// What may be named: engines that can run, projects, and commands.
fn menu(catalog: &Catalog) -> Vec<MenuCommand> {
    let engines = catalog.offered().filter(|engine| engine.state == EngineState::Available);
    let engines = engines.map(|engine| (engine.id.as_str().to_owned(), format!("use engine: {}", engine.id)));
    let projects = catalog.projects.iter();
    // Aliases are found whatever their case is; Telegram knows small letters only.
    let projects =
        projects.map(|project| (project.alias.to_lowercase(), format!("work on: {}", project.alias)));
    let commands = catalog.commands.iter().map(|command| {
        let description = command.description.trim();
        let description =
            if description.is_empty() { format!("command: {}", command.id) } else { description.to_owned() };
        (command.id.clone(), description)
    });
    let mut menu: Vec<MenuCommand> = Vec::new();
    for (command, description) in engines.chain(projects).chain(commands) {
        // Telegram takes the same words that are ids here. The first of a name is the one that is meant by it.
        if is_valid_id(&command) && menu.iter().all(|known| known.command != command) {
            let description = first_units(&description, MAX_DESCRIPTION).to_owned();
            menu.push(MenuCommand { command, description });
        }
    }
    if menu.len() > MAX_COMMANDS {
        let always = menu.iter().skip(MAX_COMMANDS - 1).find(|known| known.command == ALWAYS).cloned();
        menu.truncate(MAX_COMMANDS);
        if let Some(always) = always {
            menu.truncate(MAX_COMMANDS - 1);
            menu.push(always);
        }
    }
    menu
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::runtime::{CommandInfo, EngineInfo, ProjectInfo};

    use super::*;

    fn catalog(projects: usize) -> Catalog {
        let mut catalog = Catalog::new(1);
        let engine = |id: &str, state| EngineInfo::new(EngineId::parse(id).unwrap(), "", state);
        catalog.engines = vec![
            engine("codex", EngineState::Available),
            engine("claude", EngineState::Missing { install: String::new() }),
        ];
        let names = ["Z80".to_owned(), "my-site".to_owned(), "codex".to_owned()];
        let names = names.into_iter().chain((0..projects).map(|number| format!("p{number}")));
        catalog.projects = names.map(|name| ProjectInfo::new(name, "/", None)).collect();
        catalog.commands =
            vec![CommandInfo::new("new", "🐙".repeat(300), ""), CommandInfo::new("cancel", "", "")];
        catalog
    }

    #[test]
    fn a_menu_has_what_telegram_takes_and_each_name_once() {
        let menu = menu(&catalog(0));
        let names: Vec<_> = menu.iter().map(|command| command.command.as_str()).collect();
        assert_eq!(names, ["codex", "z80", "new", "cancel"]);
        assert_eq!(menu[0].description, "use engine: codex");
        assert_eq!(menu[2].description.encode_utf16().count(), MAX_DESCRIPTION);
        assert_eq!(menu[3].description, "command: cancel");
    }

    #[test]
    fn a_long_menu_still_has_a_way_to_cancel() {
        let menu = menu(&catalog(200));
        assert_eq!((menu.len(), menu[99].command.as_str()), (100, "cancel"));
    }
}
