//! What takopi says when it is there.

use takopi_api::markdown::code;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_api::runtime::{Catalog, EngineState};
use takopi_api::transport::People;

use crate::settings::Plan;
use crate::wire::ChatId;

/// Says what there is, and who is heard.
pub(crate) fn greeting(catalog: &Catalog, plan: &Plan, main: ChatId) -> OutgoingMessage {
    let default = catalog.default_engine.as_ref().map_or("none", |engine| engine.as_str());
    let available = ids(catalog, |state| *state == EngineState::Available);
    let missing = ids(catalog, |state| matches!(state, EngineState::Missing { .. }));
    let broken = ids(catalog, |state| matches!(state, EngineState::Broken { .. }));
    let mut engines = listed(&available);
    for (what, which) in [("not installed", missing), ("broken", broken)] {
        if !which.is_empty() {
            engines = format!("{engines} ({what}: {})", listed(&which));
        }
    }
    let projects: Vec<_> = catalog.projects.iter().map(|project| code(&project.alias)).collect();
    let lines = [
        format!("default: {}", code(default)),
        format!("engines: {engines}"),
        format!("projects: {}", listed(&projects)),
        format!("heard: {}", heard(plan, main)),
    ];
    OutgoingMessage::new(MessageKind::Notice, Body::markdown(lines.join("\n")).header("🐙 takopi is ready"))
}

/// Who is heard in the main chat.
pub(crate) fn heard(plan: &Plan, main: ChatId) -> String {
    match &plan.access.people {
        People::Listed(people) if people.len() == 1 => "1 person".to_owned(),
        People::Listed(people) => format!("{} people", people.len()),
        _ if main.is_private() => "you".to_owned(),
        _ => "the administrators of this chat, as `allowed_user_ids` is empty".to_owned(),
    }
}

fn ids(catalog: &Catalog, is_so: impl Fn(&EngineState) -> bool) -> Vec<String> {
    catalog.offered().filter(|engine| is_so(&engine.state)).map(|engine| code(engine.id.as_str())).collect()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_api::config::ConfigTable;
    use takopi_api::engine::EngineId;
    use takopi_api::runtime::EngineInfo;

    use super::*;
    use crate::settings::Settings;

    fn plan(text: &str) -> Plan {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
        table.parse::<Settings>().unwrap().plan(&table).unwrap()
    }

    #[test]
    fn it_says_what_there_is_and_who_is_heard() {
        let mut catalog = Catalog::new(1);
        catalog.default_engine = EngineId::parse("codex").ok();
        let engine = |id: &str, state| EngineInfo::new(EngineId::parse(id).unwrap(), "", state);
        catalog.engines = vec![
            engine("codex", EngineState::Available),
            engine("pi", EngineState::Missing { install: String::new() }),
        ];
        let said = greeting(&catalog, &plan("chat_id = -1\n"), ChatId(-1)).body.joined();
        assert_eq!(
            said,
            "🐙 takopi is ready\n\ndefault: `codex`\nengines: `codex` (not installed: `pi`)\nprojects: none\n\
             heard: the administrators of this chat, as `allowed_user_ids` is empty"
        );
        assert_eq!(heard(&plan("chat_id = 7\n"), ChatId(7)), "you");
        assert_eq!(heard(&plan("chat_id = -1\nallowed_user_ids = [7, 8]\n"), ChatId(-1)), "2 people");
    }
}
