//! What Telegram marks by itself in what people write: commands, mentions and links.

use serde_json::{Value, json};

/// The entities of a text.
pub(super) fn entities(text: &str) -> Vec<Value> {
    let mut entities = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || ".,!?:;)".contains(c));
        if let Some(kind) = kind(bare) {
            entities.push(json!({"type": kind, "offset": offset, "length": bare.encode_utf16().count()}));
        }
        offset += word.encode_utf16().count();
    }
    entities
}

fn kind(word: &str) -> Option<&'static str> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && name.len() <= 64
    };
    if let Some(command) = word.strip_prefix('/') {
        let (name, bot) = command.split_once('@').unwrap_or((command, "bot"));
        return (is_name(name) && is_name(bot)).then_some("bot_command");
    }
    if let Some(name) = word.strip_prefix('@') {
        return is_name(name).then_some("mention");
    }
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"))?;
    (!rest.is_empty()).then_some("url")
}

/// Whether a bot of this name is meant by a text.
pub(super) fn names(text: &str, entities: &[Value], username: &str) -> bool {
    let units: Vec<u16> = text.encode_utf16().collect();
    entities.iter().any(|entity| {
        let bound = |name: &str| usize::try_from(entity[name].as_u64()?).ok();
        let part = bound("offset").zip(bound("length"));
        let part = part.and_then(|(offset, length)| units.get(offset..offset + length));
        let part = String::from_utf16_lossy(part.unwrap_or_default());
        match entity["type"].as_str() {
            Some("mention") => part.strip_prefix('@').is_some_and(|name| name.eq_ignore_ascii_case(username)),
            Some("bot_command") => {
                part.split_once('@').is_none_or(|(_, bot)| bot.eq_ignore_ascii_case(username))
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_marked() {
        let check = |text: &str, expected: &[(&str, usize, usize)]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|(kind, offset, length)| json!({"type": kind, "offset": offset, "length": length}))
                .collect();
            assert_eq!(entities(text), expected, "{text}");
        };
        check("fix it", &[]);
        check("/start", &[("bot_command", 0, 6)]);
        check("😀 /do@a_bot, now", &[("bot_command", 3, 9)]);
        check("ask @a_bot!\nhttps://a.b/c.", &[("mention", 4, 6), ("url", 12, 13)]);
        check("/ @ // https:// a/b a@b", &[]);
    }

    #[test]
    fn a_bot_is_named_by_its_whole_name() {
        let names = |text: &str| names(text, &entities(text), "a_bot");
        assert!(names("hi @A_bot") && names("/do") && names("/do@a_bot"));
        assert!(!names("hi @a_bothelper") && !names("/do@b_bot") && !names("a_bot"));
    }
}
