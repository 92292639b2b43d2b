//! Letting somebody in: which keys say that they are heard, and who would lose by it. Pure.

use takopi_api::error::Error;
use takopi_api::runtime::ProjectInfo;
use takopi_api::transport::Newcomer;

use crate::settings::Settings;
use crate::wire::ChatId;

/// The keys with which somebody is heard, as lines of the table. Whoever is heard in a private chat of their own because
/// nobody is listed is listed, too.
pub(crate) fn admit(
    settings: &Settings,
    projects: &[ProjectInfo],
    newcomer: &Newcomer,
) -> Result<String, Error> {
    let unknown = |what: &str, id: &str| Error::new(format!("{id} is no {what} of Telegram"));
    let person: i64 =
        newcomer.person.as_str().parse().map_err(|_| unknown("person", newcomer.person.as_str()))?;
    let chat = ChatId::of(&newcomer.channel).ok_or_else(|| unknown("chat", newcomer.channel.as_str()))?;
    if !chat.is_private() {
        return Err(Error::new(format!("chat {chat} is no private one")));
    }
    let mut people: Vec<i64> = settings.allowed_user_ids.iter().map(|id| id.0).collect();
    if people.is_empty() {
        people.extend(chats(settings, projects).filter(|chat| chat.is_private()).map(|chat| chat.0));
    }
    people.push(person);
    let mut listed: Vec<String> = Vec::new();
    for id in people.iter().map(ToString::to_string) {
        if !listed.contains(&id) {
            listed.push(id);
        }
    }
    let main = if settings.chat_id.is_none() { format!("chat_id = {chat}\n") } else { String::new() };
    Ok(format!("{main}allowed_user_ids = [{}]\n", listed.join(", ")))
}

/// Who is heard only because nobody is listed: the administrators of groups.
pub(crate) fn lost_by_admitting(settings: &Settings, projects: &[ProjectInfo]) -> Option<String> {
    if !settings.allowed_user_ids.is_empty() {
        return None;
    }
    let mut groups: Vec<String> = Vec::new();
    for group in chats(settings, projects).filter(|chat| !chat.is_private()).map(|chat| chat.to_string()) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    if groups.is_empty() {
        return None;
    }
    Some(format!(
        "the administrators of {}, who are heard because `allowed_user_ids` is empty: then only those listed there are",
        groups.join(" and ")
    ))
}

fn chats(settings: &Settings, projects: &[ProjectInfo]) -> impl Iterator<Item = ChatId> {
    let own = projects.iter().filter_map(|project| project.channel.as_ref().and_then(ChatId::of));
    settings.chat_id.map(|chat| ChatId(chat.0)).into_iter().chain(own)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_api::config::ConfigTable;
    use takopi_api::message::{ChannelId, PersonId};

    use super::*;

    fn settings(text: &str) -> Settings {
        ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap().parse().unwrap()
    }

    fn project(chat: &str) -> ProjectInfo {
        ProjectInfo::new("site", "/site", Some(ChannelId::new(chat)))
    }

    #[test]
    fn whoever_is_let_in_is_listed_and_nobody_is_forgotten() {
        let check = |text: &str, projects: &[ProjectInfo], expected: &str| {
            let mia = Newcomer::new(PersonId::new("7"), ChannelId::new("7"));
            assert_eq!(admit(&settings(text), projects, &mia).unwrap(), expected, "{text}");
        };
        check("", &[], "chat_id = 7\nallowed_user_ids = [7]\n");
        check("allowed_user_ids = [\"8\", 7]\n", &[], "chat_id = 7\nallowed_user_ids = [8, 7]\n");
        check("chat_id = -100\n", &[], "allowed_user_ids = [7]\n");
        check("chat_id = -100\nallowed_user_ids = [8]\n", &[], "allowed_user_ids = [8, 7]\n");
        // The owners of private chats were heard without being listed.
        check("chat_id = 8\n", &[project("9"), project("-1")], "allowed_user_ids = [8, 9, 7]\n");
        check("chat_id = 7\n", &[project("7")], "allowed_user_ids = [7]\n");
    }

    #[test]
    fn only_people_in_private_chats_are_let_in() {
        for (person, chat) in [("me", "7"), ("7", "-100"), ("7", "me")] {
            let newcomer = Newcomer::new(PersonId::new(person), ChannelId::new(chat));
            assert!(admit(&settings(""), &[], &newcomer).is_err(), "{person} {chat}");
        }
    }

    #[test]
    fn administrators_lose_by_it_where_nobody_is_listed() {
        let check = |text: &str, projects: &[ProjectInfo], expected: Option<&str>| {
            let lost = lost_by_admitting(&settings(text), projects);
            assert_eq!(lost.is_some(), expected.is_some(), "{text}");
            assert!(lost.unwrap_or_default().contains(expected.unwrap_or_default()), "{text}");
        };
        check("", &[], None);
        check("chat_id = 7\n", &[project("8")], None);
        check("chat_id = -100\n", &[project("-100")], Some("of -100, who"));
        check("chat_id = 7\n", &[project("-200")], Some("of -200, who"));
        check("chat_id = -100\nallowed_user_ids = [7]\n", &[], None);
    }
}
