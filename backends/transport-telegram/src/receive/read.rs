//! One message of Telegram as one of takopi's: pure, and complete for whatever Telegram can send.

use std::ops::Range;

use takopi_api::message::{Address, ChatKind, IncomingFile, IncomingMessage, Mention, ReplyTo, Sender};

use crate::wire::{Chat, Entity, Media, Message, User};

/// The bot, as others address it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) id: i64,
    /// Its name without the `@`; bots have one.
    pub(crate) username: String,
}

impl Me {
    pub(crate) fn new(user: User) -> Self {
        Self { id: user.id, username: user.username.unwrap_or_default() }
    }

    /// Whether a text is `@` and the bot's name.
    fn is_named_by(&self, text: &str) -> bool {
        let name = text.strip_prefix('@').unwrap_or_default();
        !name.is_empty() && name.eq_ignore_ascii_case(&self.username)
    }
}

/// Why a message is none for takopi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// It is a command for another bot.
    OtherBot,
    /// Telegram copied it from the linked channel.
    AutomaticForward,
    /// There is neither text nor a file in it.
    Nothing,
}

/// Reads a message.
pub(super) fn read(update: i64, message: &Message, me: &Me) -> Result<IncomingMessage, Ignored> {
    if message.is_automatic_forward {
        return Err(Ignored::AutomaticForward);
    }
    let files = files(message);
    let (text, entities) = match (&message.text, &message.caption) {
        (Some(text), _) => (text.as_str(), message.entities.as_slice()),
        (None, Some(caption)) => (caption.as_str(), message.caption_entities.as_slice()),
        (None, None) if files.is_empty() => return Err(Ignored::Nothing),
        (None, None) => ("", [].as_slice()),
    };
    let (mut text, mention) = addressed(text, entities, me)?;
    if let Some(quote) = message.quote.as_ref().filter(|quote| quote.is_manual)
        && !text.starts_with('/')
    {
        text = with_quote(&text, &quote.text);
    }
    let address = address(message);
    let mut read = IncomingMessage::new(address, message.message_id.to_string(), text)
        .update(update.to_string())
        .chat(chat_kind(&message.chat))
        .mention(mention)
        .files(files)
        .forwarded(message.is_forward());
    if let Some(sender) = sender(message) {
        read = read.sender(sender);
    }
    if let Some(reply) = reply(message, me) {
        read = read.reply_to(reply);
    }
    Ok(read)
}

/// Where a message lies. A reply outside of topics has a thread too, which is none of ours, and the general topic of a
/// forum has a number that must never be sent to.
pub(super) fn address(message: &Message) -> Address {
    let chat = message.chat.id.to_string();
    match message.message_thread_id {
        Some(topic) if message.is_topic_message && topic != GENERAL => {
            Address::topic(chat, topic.to_string())
        }
        _ => Address::general(chat),
    }
}

/// What the general topic of a forum is called where it is called anything.
const GENERAL: i64 = 1;

pub(super) fn chat_kind(chat: &Chat) -> ChatKind {
    let is_private = if chat.kind.is_empty() { chat.id.is_private() } else { chat.kind == "private" };
    if is_private { ChatKind::Private } else { ChatKind::Group }
}

/// Who a person is. Where a channel or a whole group speaks, it is that: only its administrators can make it.
fn sender(message: &Message) -> Option<Sender> {
    if let Some(chat) = &message.sender_chat {
        let sender = Sender::new(chat.id.to_string());
        return Some(match &chat.title {
            Some(title) => sender.name(title.clone()),
            None => sender,
        });
    }
    message.from.as_ref().map(person)
}

pub(super) fn person(user: &User) -> Sender {
    let sender = Sender::new(user.id.to_string());
    match user.name() {
        Some(name) => sender.name(name),
        None => sender,
    }
}

/// The message that this one replies to. In a topic every message replies to the one that opened it, which no person means.
fn reply(message: &Message, me: &Me) -> Option<ReplyTo> {
    let replied = message.reply_to_message.as_ref()?;
    let is_root = message.is_topic_message && message.message_thread_id == Some(replied.message_id);
    if is_root || replied.forum_topic_created.is_some() {
        return None;
    }
    let text = replied.text.as_ref().or(replied.caption.as_ref()).cloned().unwrap_or_default();
    let is_own = replied.from.as_ref().is_some_and(|from| from.id == me.id);
    let id = replied.message_id.to_string();
    Some(if is_own { ReplyTo::own(id, text) } else { ReplyTo::new(id, text) })
}

/// A text with the part of another message that the person marked.
fn with_quote(text: &str, quote: &str) -> String {
    let quoted: Vec<_> = quote.lines().map(|line| format!("> {line}")).collect();
    let quoted = quoted.join("\n");
    // What a person writes stands first: its first line may say which engine it is for.
    if text.trim().is_empty() { quoted } else { format!("{text}\n\n{quoted}") }
}

/// The text without what only says that it is for this bot, and whether it says so.
fn addressed(text: &str, entities: &[Entity], me: &Me) -> Result<(String, Mention), Ignored> {
    let mut mention = Mention::None;
    let mut cut: Option<Range<usize>> = None;
    for entity in entities {
        let Some(range) = bytes(text, entity.offset, entity.length) else { continue };
        let named = &text[range.clone()];
        match entity.kind.as_str() {
            "bot_command" => {
                let Some((command, name)) = named.split_once('@') else { continue };
                let is_first = text[..range.start].trim().is_empty();
                if name.eq_ignore_ascii_case(&me.username) {
                    mention = Mention::Named;
                    if is_first {
                        cut = Some(range.start + command.len()..range.end);
                    }
                } else if is_first {
                    return Err(Ignored::OtherBot);
                }
            }
            "mention" if me.is_named_by(named) => {
                mention = Mention::Named;
                cut = cut.or_else(|| at_an_end(text, range));
            }
            "text_mention" if entity.user.as_ref().is_some_and(|user| user.id == me.id) => {
                mention = Mention::Named;
                cut = cut.or_else(|| at_an_end(text, range));
            }
            _ => {}
        }
    }
    let text = match cut {
        Some(range) => format!("{}{}", &text[..range.start], &text[range.end..]),
        None => text.to_owned(),
    };
    Ok((text, mention))
}

/// What to cut of a mention that stands before or after everything else. In between it is part of a sentence.
fn at_an_end(text: &str, mention: Range<usize>) -> Option<Range<usize>> {
    if text[..mention.start].trim().is_empty() {
        let rest = &text[mention.end..];
        // `@bot, do this`
        let kept = rest.trim_start_matches([',', ':']).trim_start();
        return Some(0..text.len() - kept.len());
    }
    let is_last = text[mention.end..].trim().is_empty();
    is_last.then(|| text[..mention.start].trim_end().len()..text.len())
}

/// The bytes of a stretch that is counted in UTF-16 units; nothing if it does not fit.
fn bytes(text: &str, offset: usize, length: usize) -> Option<Range<usize>> {
    let end = offset.checked_add(length)?;
    let mut at = 0;
    let mut from = None;
    for (byte, c) in text.char_indices().map(|(byte, c)| (byte, Some(c))).chain([(text.len(), None)]) {
        if at == offset {
            from = Some(byte);
        }
        if at == end {
            return from.map(|from| from..byte);
        }
        at += c.map_or(0, char::len_utf16);
    }
    None
}

/// The files that came with a message.
fn files(message: &Message) -> Vec<IncomingFile> {
    let number = message.message_id;
    if let Some(document) = &message.document {
        return vec![file(document, None, "application/octet-stream")];
    }
    if let Some(largest) =
        message.photo.iter().max_by_key(|size| (size.width * size.height, size.file_size.unwrap_or_default()))
    {
        let file = IncomingFile::new(largest.file_id.as_str());
        let file = file.name(format!("photo_{number}.jpg")).media_type("image/jpeg");
        return vec![match largest.file_size {
            Some(size) => file.size(size),
            None => file,
        }];
    }
    if let Some(voice) = &message.voice {
        return vec![file(voice, Some(format!("voice_{number}.ogg")), "audio/ogg").spoken()];
    }
    let others = [
        (&message.video, format!("video_{number}.mp4"), "video/mp4"),
        (&message.audio, format!("audio_{number}.mp3"), "audio/mpeg"),
        (&message.video_note, format!("video_note_{number}.mp4"), "video/mp4"),
    ];
    let found =
        others.into_iter().find_map(|(media, name, kind)| Some(file(media.as_ref()?, Some(name), kind)));
    found.into_iter().collect()
}

fn file(media: &Media, name: Option<String>, kind: &str) -> IncomingFile {
    let mut file = IncomingFile::new(media.file_id.as_str());
    if let Some(name) = media.file_name.clone().or(name) {
        file = file.name(name);
    }
    if let Some(size) = media.file_size {
        file = file.size(size);
    }
    file.media_type(media.mime_type.as_deref().unwrap_or(kind))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn me() -> Me {
        Me { id: 99, username: "TakoBot".to_owned() }
    }

    fn message(fields: &Value) -> Message {
        let mut message = json!({ "message_id": 5, "date": 1, "chat": { "id": -100, "type": "supergroup" },
                                  "from": { "id": 7, "first_name": "Ann" } });
        for (key, value) in fields.as_object().unwrap() {
            message[key] = value.clone();
        }
        serde_json::from_value(message).unwrap()
    }

    fn read_of(fields: impl std::borrow::Borrow<Value>) -> Result<IncomingMessage, Ignored> {
        read(1, &message(fields.borrow()), &me())
    }

    /// Entities as Telegram makes them: `(type, what it covers)`.
    fn text(text: &str, entities: &[(&str, &str)]) -> Value {
        let entities: Vec<_> = entities
            .iter()
            .map(|(kind, covers)| {
                let at = text.find(covers).unwrap();
                let offset = text[..at].encode_utf16().count();
                json!({ "type": kind, "offset": offset, "length": covers.encode_utf16().count(), "user": { "id": 99 } })
            })
            .collect();
        json!({ "text": text, "entities": entities })
    }

    #[track_caller]
    fn check(written: &str, entities: &[(&str, &str)], expected: Result<(&str, Mention), Ignored>) {
        let read = read_of(text(written, entities));
        let read = read.as_ref().map(|read| (read.text.as_str(), read.mention)).map_err(|ignored| *ignored);
        assert_eq!(read, expected);
    }

    #[test]
    fn what_only_addresses_the_bot_is_no_part_of_the_text() {
        let named = |text| Ok((text, Mention::Named));
        check("@takobot fix it", &[("mention", "@takobot")], named("fix it"));
        check("😀 @takobot, fix it", &[("mention", "@takobot")], named("😀 @takobot, fix it"));
        check("@takobot, fix it", &[("mention", "@takobot")], named("fix it"));
        check("fix it @TakoBot", &[("mention", "@TakoBot")], named("fix it"));
        check("ask @takobot about it", &[("mention", "@takobot")], named("ask @takobot about it"));
        check("Tako fix it", &[("text_mention", "Tako")], named("fix it"));
        check("@takobot", &[("mention", "@takobot")], named(""));
        check(
            "@takobothelper fix",
            &[("mention", "@takobothelper")],
            Ok(("@takobothelper fix", Mention::None)),
        );
        check("mail me@takobot", &[], Ok(("mail me@takobot", Mention::None)));
        check("/new@TakoBot now", &[("bot_command", "/new@TakoBot")], named("/new now"));
        check("/new", &[("bot_command", "/new")], Ok(("/new", Mention::None)));
        check("/new@otherbot", &[("bot_command", "/new@otherbot")], Err(Ignored::OtherBot));
        check(
            "see /new@otherbot",
            &[("bot_command", "/new@otherbot")],
            Ok(("see /new@otherbot", Mention::None)),
        );
    }

    #[test]
    fn entities_that_do_not_fit_are_left_out() {
        assert_eq!(bytes("a😀b", 1, 2), Some(1..5));
        assert_eq!(bytes("a😀b", 3, 1), Some(5..6));
        for (offset, length) in [(2, 1), (0, 9), (9, 1), (usize::MAX, 2)] {
            assert_eq!(bytes("a😀b", offset, length), None);
        }
    }

    #[test]
    fn a_topic_is_where_the_message_says_so_and_never_the_general_one() {
        let address = |fields| read_of(fields).unwrap().address.to_string();
        assert_eq!(address(json!({ "text": "a" })), "-100");
        assert_eq!(
            address(json!({ "text": "a", "message_thread_id": 3, "is_topic_message": true })),
            "-100/3"
        );
        assert_eq!(address(json!({ "text": "a", "message_thread_id": 3 })), "-100");
        assert_eq!(address(json!({ "text": "a", "message_thread_id": 1, "is_topic_message": true })), "-100");
    }

    #[test]
    fn a_reply_is_one_that_a_person_made() {
        let reply = |fields| read_of(fields).unwrap().reply_to;
        let to = |id: i64, from: i64, extra: Value| {
            let mut to = json!({ "message_id": id, "chat": { "id": -100 }, "from": { "id": from } });
            for (key, value) in extra.as_object().unwrap() {
                to[key] = value.clone();
            }
            to
        };
        let own = reply(json!({ "text": "a", "reply_to_message": to(3, 99, json!({ "text": "done" })) }));
        assert_eq!(own, Some(ReplyTo::own("3", "done")));
        let other =
            reply(json!({ "text": "a", "reply_to_message": to(3, 98, json!({ "caption": "look" })) }));
        assert_eq!(other, Some(ReplyTo::new("3", "look")));
        let in_topic = |id: i64, extra: Value| {
            reply(json!({ "text": "a", "message_thread_id": 3, "is_topic_message": true,
                          "reply_to_message": to(id, 99, extra) }))
        };
        assert_eq!(in_topic(3, json!({})), None);
        assert_eq!(in_topic(4, json!({ "forum_topic_created": { "name": "x" } })), None);
        assert!(in_topic(4, json!({ "text": "x" })).is_some());
    }

    #[test]
    fn a_quote_that_a_person_marked_stands_below_the_text() {
        let quoted = |written: &str, is_manual: bool| {
            read_of(json!({ "text": written, "quote": { "text": "a\nb", "is_manual": is_manual } }))
                .unwrap()
                .text
        };
        assert_eq!(quoted("why?", true), "why?\n\n> a\n> b");
        assert_eq!(quoted("why?", false), "why?");
        assert_eq!(quoted("/new", true), "/new");
    }

    #[test]
    fn files_have_names_and_the_largest_photo_counts() {
        let files = |fields| read_of(fields).unwrap().files;
        let photo = files(json!({ "caption": "see", "photo": [
            { "file_id": "s", "width": 90, "height": 90 }, { "file_id": "l", "width": 900, "height": 900, "file_size": 7 } ] }));
        assert_eq!(photo, [IncomingFile::new("l").name("photo_5.jpg").size(7).media_type("image/jpeg")]);
        let document =
            files(json!({ "document": { "file_id": "d", "file_name": "a.txt", "mime_type": "text/plain" } }));
        assert_eq!(document, [IncomingFile::new("d").name("a.txt").media_type("text/plain")]);
        let voice = files(json!({ "voice": { "file_id": "v", "mime_type": "audio/ogg" } }));
        assert_eq!(voice, [IncomingFile::new("v").name("voice_5.ogg").media_type("audio/ogg").spoken()]);
        assert_eq!(read_of(json!({ "new_chat_title": "x" })).unwrap_err(), Ignored::Nothing);
        assert_eq!(
            read_of(json!({ "text": "a", "is_automatic_forward": true })).unwrap_err(),
            Ignored::AutomaticForward
        );
    }

    #[test]
    fn where_a_chat_speaks_the_chat_is_the_sender() {
        let sender = |fields| read_of(fields).unwrap().sender.unwrap();
        assert_eq!(sender(json!({ "text": "a" })), Sender::new("7").name("Ann"));
        let anonymous = sender(
            json!({ "text": "a", "sender_chat": { "id": -100, "type": "supergroup", "title": "Us" } }),
        );
        assert_eq!(anonymous, Sender::new("-100").name("Us"));
        let kind = |kind: &str| chat_kind(&serde_json::from_value(json!({ "id": 7, "type": kind })).unwrap());
        assert_eq!(
            (kind("private"), kind("channel"), kind("")),
            (ChatKind::Private, ChatKind::Group, ChatKind::Private)
        );
    }
}
