//! What Telegram takes as the text of a message: written from the rules of the Bot API, and from nothing of takopi.
//!
//! The real server repairs some of what is wrong here in silence (it drops an entity, splits it, or removes characters).
//! A bot that relies on that shows something else than it meant, so this is refused too, as `entities are repaired: …`.

use std::net::Ipv6Addr;

use serde_json::Value;

/// The most that a text has, in UTF-16 units, without the blanks at its ends.
pub const MAX_TEXT: usize = 4096;

/// Entities after the first hundred are not shown.
pub const MAX_ENTITIES: usize = 100;

/// Offsets and lengths over this are refused whatever the text is.
const MAX_BOUND: i64 = 1_000_000;

/// Checks the text of a message and its entities.
///
/// # Errors
/// What the server answers as `description`; the first thing that is wrong.
pub fn check(text: &str, entities: &[Value]) -> Result<(), String> {
    if text.is_empty() {
        return refused("message text is empty");
    }
    let entities = entities.iter().map(Entity::read).collect::<Result<Vec<_>, _>>()?;
    bounds(text, &entities)?;
    if !is_visible(text) {
        return refused("text must be non-empty");
    }
    let length = text.trim_matches([' ', '\n']).encode_utf16().count();
    if length > MAX_TEXT {
        return refused("message is too long");
    }
    if let Some(changed) = text.chars().find(|&c| is_changed(c)) {
        return repaired(&format!("U+{:04X} is not shown as it is", u32::from(changed)));
    }
    if entities.len() > MAX_ENTITIES {
        return repaired(&format!("{} entities, and {MAX_ENTITIES} are shown", entities.len()));
    }
    content(text, &entities)?;
    nesting(&entities)
}

fn refused<T>(why: &str) -> Result<T, String> {
    Err(format!("Bad Request: {why}"))
}

fn repaired<T>(why: &str) -> Result<T, String> {
    refused(&format!("entities are repaired: {why}"))
}

/// What an entity may be in, and what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Bold and its like: in each other and in everything but code.
    Style,
    /// Quotes: not in each other, nor in a link.
    Quote,
    /// Code: in a quote at most, and with nothing in it.
    Code,
    /// Links and mentions: not in each other.
    Link,
}

/// An entity of a request.
#[derive(Debug)]
struct Entity {
    kind: String,
    class: Class,
    offset: usize,
    length: usize,
}

impl Entity {
    fn read(value: &Value) -> Result<Self, String> {
        let Some(fields) = value.as_object() else {
            return refused("can't parse MessageEntity: expected an Object");
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let number = |name: &str| match fields.get(name) {
            None => refused(&format!("can't parse MessageEntity: can't find field \"{name}\"")),
            Some(value) => value.as_i64().ok_or_else(|| {
                format!("Bad Request: can't parse MessageEntity: field \"{name}\" must be of type Number")
            }),
        };
        let Some(kind) = text("type") else {
            return refused("can't parse MessageEntity: can't find field \"type\"");
        };
        let class = match kind {
            "bold" | "italic" | "underline" | "strikethrough" | "spoiler" => Class::Style,
            "blockquote" | "expandable_blockquote" => Class::Quote,
            "code" | "pre" => Class::Code,
            "text_link" => {
                link(text("url").unwrap_or_default())?;
                Class::Link
            }
            "text_mention" | "custom_emoji" => Class::Link,
            // The server finds these by itself, and leaves out what a bot says of them.
            other => return repaired(&format!("\"{other}\" is nothing that a bot can say")),
        };
        if kind != "pre" && fields.contains_key("language") {
            return repaired(&format!("a language on \"{kind}\""));
        }
        let (offset, length) = (number("offset")?, number("length")?);
        if !(0..=MAX_BOUND).contains(&offset) {
            return refused(&format!("receive an entity with incorrect offset {offset}"));
        }
        if !(0..=MAX_BOUND).contains(&length) {
            return refused(&format!("receive an entity with incorrect length {length}"));
        }
        let bound = |number: i64| usize::try_from(number).unwrap_or_default();
        Ok(Self { kind: kind.to_owned(), class, offset: bound(offset), length: bound(length) })
    }

    const fn end(&self) -> usize {
        self.offset + self.length
    }
}

/// Every entity begins and ends at a character of the text.
fn bounds(text: &str, entities: &[Entity]) -> Result<(), String> {
    // For each UTF-16 unit the byte at which a character begins there; `None` inside of one.
    let mut begins: Vec<Option<usize>> = Vec::with_capacity(text.len() + 1);
    for (byte, c) in text.char_indices() {
        begins.push(Some(byte));
        if c.len_utf16() == 2 {
            begins.push(None);
        }
    }
    begins.push(Some(text.len()));
    let byte_behind = |unit: usize| begins[unit..].iter().flatten().next().copied().unwrap_or(text.len());
    for Entity { offset, length, .. } in entities.iter().filter(|entity| entity.length > 0) {
        let end = offset + length;
        match begins.get(*offset) {
            None => {
                return refused(&format!(
                    "entity begins after the end of the text at UTF-16 offset {offset}"
                ));
            }
            Some(None) => {
                let byte = byte_behind(*offset);
                return refused(&format!(
                    "entity begins in a middle of a UTF-16 symbol at byte offset {byte}"
                ));
            }
            Some(Some(_)) => {}
        }
        let ends = match begins.get(end) {
            None => format!("after the end of the text at UTF-16 offset {end}"),
            Some(None) => format!("in a middle of a UTF-16 symbol at byte offset {}", byte_behind(end)),
            Some(Some(_)) => continue,
        };
        return refused(&format!("entity beginning at UTF-16 offset {offset} ends {ends}"));
    }
    Ok(())
}

/// No entity is dropped for what it is on.
fn content(text: &str, entities: &[Entity]) -> Result<(), String> {
    let units: Vec<u16> = text.encode_utf16().collect();
    for entity in entities {
        let Some(part) = units.get(entity.offset..entity.end()) else { continue };
        let part = String::from_utf16_lossy(part);
        if part.chars().all(char::is_whitespace) {
            return repaired(&format!("{} at {} is on nothing that is seen", entity.kind, entity.offset));
        }
    }
    // What is trimmed off the end is trimmed off the entities there.
    let shown = text.trim_end_matches([' ', '\n']).encode_utf16().count();
    match entities.iter().find(|entity| entity.end() > shown) {
        Some(entity) => repaired(&format!("{} at {} is on trimmed blanks", entity.kind, entity.offset)),
        None => Ok(()),
    }
}

/// Entities lie apart or within each other, and only in what may have them.
fn nesting(entities: &[Entity]) -> Result<(), String> {
    for (index, one) in entities.iter().enumerate() {
        for other in &entities[index + 1..] {
            if one.end() <= other.offset || other.end() <= one.offset {
                continue;
            }
            let pair = format!("{} at {} and {} at {}", one.kind, one.offset, other.kind, other.offset);
            let is_within = one.offset >= other.offset && one.end() <= other.end();
            let is_around = one.offset <= other.offset && one.end() >= other.end();
            if !is_within && !is_around {
                return repaired(&format!("{pair} overlap"));
            }
            if one.kind == other.kind {
                return repaired(&format!("{pair} are the same, twice"));
            }
            let (outer, inner) = if is_around { (one, other) } else { (other, one) };
            let is_same_range = is_within && is_around;
            let fits = |outer: Class, inner: Class| match (outer, inner) {
                (Class::Code, _) | (Class::Style | Class::Link, Class::Code) => false,
                (Class::Style, _) | (Class::Quote | Class::Link, Class::Style) => true,
                (Class::Quote, Class::Link | Class::Code) => true,
                (Class::Quote, Class::Quote) | (Class::Link, Class::Quote | Class::Link) => false,
            };
            // On the same range it does not matter which is named as the outer one.
            let is_allowed =
                fits(outer.class, inner.class) || is_same_range && fits(inner.class, outer.class);
            if !is_allowed {
                return repaired(&format!("{pair} can not be within each other"));
            }
        }
    }
    Ok(())
}

/// What the server replaces by a blank, or leaves out.
pub(super) fn is_changed(c: char) -> bool {
    match c {
        '\n' => false,
        '\u{2028}'..='\u{202e}' => true,
        _ => u32::from(c) < 0x20,
    }
}

/// Whether a text has a character that is seen: blanks, marks of direction and characters without width are not.
pub(super) fn is_visible(text: &str) -> bool {
    let is_empty = |c: char| {
        matches!(
            c,
            '\u{0}'..=' ' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
                | '\u{205f}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{feff}' | '\u{fffc}'
                | '\u{e0000}'..='\u{e007f}'
        )
    };
    !text.chars().all(is_empty)
}

/// The address of a link.
pub(super) fn link(url: &str) -> Result<(), String> {
    address(url).or_else(|why| refused(&format!("entity URL '{url}' is invalid: {why}")))
}

fn address(url: &str) -> Result<(), &'static str> {
    let lower = url.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("tg:") {
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_host =
            !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        return if is_host { Ok(()) } else { Err("Wrong tg URL") };
    }
    let rest = match lower.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(_) => return Err("Unsupported URL protocol"),
        None => lower.strip_prefix("mailto:").unwrap_or(&lower),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, query) = rest.split_at(end);
    let host_and_port = match authority.rsplit_once('@') {
        Some((person, rest)) => {
            part(person, true)?;
            rest
        }
        None => authority,
    };
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err("Wrong port number specified in the URL");
    }
    if host.is_empty() {
        return Err("URL host is empty");
    }
    if let Some(numbers) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return match numbers.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("Wrong IPv6 address specified in the URL"),
        };
    }
    part(host, false)?;
    if !host.contains('.') {
        return Err("Wrong HTTP URL");
    }
    if query.chars().any(char::is_control) {
        return Err("Unallowed character in URL query");
    }
    Ok(())
}

/// The host of an address, or who stands before it.
fn part(text: &str, has_colons: bool) -> Result<(), &'static str> {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let is_allowed = match c {
            '%' => (0..2).all(|_| rest.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            ':' => has_colons,
            c if c.is_ascii() => c.is_ascii_alphanumeric() || ".-_!$,~*'();&+=".contains(c),
            _ => true,
        };
        if !is_allowed {
            return Err(if has_colons {
                "Unallowed character in URL userinfo"
            } else {
                "Unallowed character in URL host"
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn takes(text: &str, entities: &Value) {
        assert_eq!(check(text, entities.as_array().unwrap()), Ok(()), "{text:?} {entities}");
    }

    #[track_caller]
    fn refuses(text: &str, entities: &Value, why: &str) {
        assert_eq!(
            check(text, entities.as_array().unwrap()),
            Err(format!("Bad Request: {why}")),
            "{text:?} {entities}"
        );
    }

    fn on(kind: &str, offset: i64, length: i64) -> Value {
        json!({ "type": kind, "offset": offset, "length": length })
    }

    #[test]
    fn a_text_has_1_to_4096_units() {
        takes("a", &json!([]));
        takes(&"a".repeat(4096), &json!([]));
        takes(&format!("\n{} ", "😀".repeat(2048)), &json!([]));
        refuses(&"a".repeat(4097), &json!([]), "message is too long");
        refuses(&format!("{}a", "😀".repeat(2048)), &json!([]), "message is too long");
        refuses("", &json!([]), "message text is empty");
        for nothing in [" \n", "\u{200b}", "\u{200f}\u{a0}", "\u{2800}\u{feff}", "\u{e0020}", "\u{202e}"] {
            refuses(nothing, &json!([]), "text must be non-empty");
        }
        refuses("a\u{0}", &json!([]), "entities are repaired: U+0000 is not shown as it is");
        refuses("a\rb", &json!([]), "entities are repaired: U+000D is not shown as it is");
        refuses("a\u{202e}b", &json!([]), "entities are repaired: U+202E is not shown as it is");
    }

    #[test]
    fn entities_begin_and_end_at_characters() {
        takes("a😀b", &json!([on("bold", 1, 2), on("italic", 3, 1)]));
        refuses(
            "a😀b",
            &json!([on("bold", 2, 1)]),
            "entity begins in a middle of a UTF-16 symbol at byte offset 5",
        );
        refuses(
            "a😀b",
            &json!([on("bold", 0, 2)]),
            "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 5",
        );
        refuses(
            "ab",
            &json!([on("bold", 1, 2)]),
            "entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 3",
        );
        refuses(
            "ab",
            &json!([on("bold", 3, 1)]),
            "entity begins after the end of the text at UTF-16 offset 3",
        );
        refuses("ab", &json!([on("bold", -1, 1)]), "receive an entity with incorrect offset -1");
        refuses("ab", &json!([on("bold", 0, 1_000_001)]), "receive an entity with incorrect length 1000001");
    }

    #[test]
    fn entities_are_on_something() {
        refuses(
            "ab",
            &json!([on("bold", 1, 0)]),
            "entities are repaired: bold at 1 is on nothing that is seen",
        );
        refuses(
            "a  b",
            &json!([on("pre", 1, 2)]),
            "entities are repaired: pre at 1 is on nothing that is seen",
        );
        refuses("a \n", &json!([on("bold", 0, 3)]), "entities are repaired: bold at 0 is on trimmed blanks");
    }

    #[test]
    fn entities_nest() {
        takes("abcd", &json!([on("bold", 0, 4), on("italic", 1, 2), on("blockquote", 0, 4)]));
        takes("abcd", &json!([on("blockquote", 0, 4), on("pre", 0, 2), on("code", 3, 1)]));
        let url = json!({ "type": "text_link", "offset": 1, "length": 2, "url": "https://x.org" });
        takes("abcd", &json!([on("bold", 0, 4), url, on("italic", 1, 1)]));
        let refuses = |entities: Value, why: &str| {
            refuses("abcd", &entities, &format!("entities are repaired: {why}"));
        };
        refuses(json!([on("bold", 0, 2), on("italic", 1, 2)]), "bold at 0 and italic at 1 overlap");
        refuses(json!([on("bold", 0, 3), on("bold", 1, 1)]), "bold at 0 and bold at 1 are the same, twice");
        let can_not = |outer: &str, inner: &str| {
            let why = format!("{outer} at 0 and {inner} at 0 can not be within each other");
            refuses(json!([on(outer, 0, 4), on(inner, 0, 2)]), &why);
        };
        can_not("bold", "code");
        can_not("code", "bold");
        can_not("pre", "code");
        can_not("code", "blockquote");
        can_not("blockquote", "expandable_blockquote");
        refuses(json!([url, on("code", 1, 1)]), "text_link at 1 and code at 1 can not be within each other");
        let many: Vec<_> = (0..101).map(|_| on("bold", 0, 1)).collect();
        refuses(json!(many), "101 entities, and 100 are shown");
        refuses(json!([on("url", 0, 1)]), "\"url\" is nothing that a bot can say");
    }

    #[test]
    fn addresses_have_a_host() {
        let url =
            |url: &str| check("a", &[json!({ "type": "text_link", "offset": 0, "length": 1, "url": url })]);
        let good = [
            "https://x.org",
            "HTTP://a.b:80/c?d#e_(f)",
            "x.org/a",
            "https://[::1]:8080/",
            "tg://user?id=1",
            "tg:resolve",
            "https://münchen.de",
            "mailto:a@x.org",
            "https://a:b@x.org",
        ];
        for good in good {
            assert_eq!(url(good), Ok(()), "{good}");
        }
        let bad = [
            ("", "URL host is empty"),
            ("/a/b.rs", "URL host is empty"),
            ("http://localhost:80", "Wrong HTTP URL"),
            ("src/main.rs", "Wrong HTTP URL"),
            ("file:///a", "Unsupported URL protocol"),
            ("ftp://x.org", "Unsupported URL protocol"),
            ("https://x.org:0", "Wrong port number specified in the URL"),
            ("https://x.org:99999/", "Wrong port number specified in the URL"),
            ("https://[::g]/", "Wrong IPv6 address specified in the URL"),
            ("https://a b.org", "Unallowed character in URL host"),
            ("https://%gg.org", "Unallowed character in URL host"),
            ("tg://", "Wrong tg URL"),
        ];
        for (bad, why) in bad {
            assert_eq!(url(bad), Err(format!("Bad Request: entity URL '{bad}' is invalid: {why}")));
        }
    }
}
