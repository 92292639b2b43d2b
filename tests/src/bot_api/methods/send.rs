//! Methods that put something into a chat.

use serde_json::{Value, json};

use super::Answer;
use super::files;
use super::keyboard::Markup;
use super::target::{Target, entities};
use crate::bot_api::message::{Content, Media, MediaKind, Message};
use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::rich as html;
use crate::bot_api::rules;
use crate::bot_api::state::State;
use crate::bot_api::world::{Draft, TopicId, World};

/// The most that a caption has, in UTF-16 units.
const CAPTION: usize = 1024;

/// How many messages an album has at most.
const ALBUM: usize = 10;

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub(super) fn message(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let entities = entities(params, "entities")?;
    let text = params.text("text");
    rules_hold(&text, &entities)?;
    let draft = envelope(world, params, Content::Text(String::new()))?;
    let (text, entities) = trimmed(&text, entities);
    Ok(post_written(world, Message { content: Content::Text(text), entities, ..draft }))
}

pub(super) fn rich(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let Some(rich) = params.structure("rich_message", "rich message")? else {
        return Err(Refusal::bad("rich message is empty"));
    };
    // Links are what the bot says, and not what looks like one.
    let (Some(html), Some(true)) = (rich["html"].as_str(), rich["skip_entity_detection"].as_bool()) else {
        return Err(Refusal::bad("can't parse rich message: HTML without entity detection is expected"));
    };
    let text = html::check(html).map_err(Refusal::described)?;
    let message = envelope(world, params, Content::Rich { html: html.to_owned(), text })?;
    Ok(post_written(world, message))
}

/// A message that is there now, and not being written any more.
fn post_written(world: &mut World, message: Message) -> Value {
    let (chat, thread) = (message.chat, message.thread);
    world.chat_mut(chat).drafts.retain(|_, draft| draft.thread != thread);
    post(world, message)
}

pub(super) fn draft(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = Target::read(world, params)?;
    if !target.of(world).kind.is_private() {
        return Err(Refusal::bad("TEXTDRAFT_PEER_INVALID"));
    }
    let Some(id) = params.number("draft_id").filter(|id| *id != 0) else {
        return Err(Refusal::bad("RANDOM_ID_INVALID"));
    };
    let thread = target.thread(world, params)?;
    let entities = entities(params, "entities")?;
    let text = params.text("text");
    // An empty draft shows that somebody thinks.
    if !text.is_empty() {
        rules_hold(&text, &entities)?;
    }
    world.chat_mut(target.chat).drafts.insert(id, Draft { thread, text, entities });
    Ok(json!(true))
}

pub(super) fn document(state: &mut State, params: &Params) -> Answer {
    media(&mut state.world, params, MediaKind::Document, "document")
}

pub(super) fn photo(state: &mut State, params: &Params) -> Answer {
    media(&mut state.world, params, MediaKind::Photo, "photo")
}

fn media(world: &mut World, params: &Params, kind: MediaKind, name: &str) -> Answer {
    let entities = entities(params, "caption_entities")?;
    let caption = params.text("caption");
    caption_holds(&caption, &entities)?;
    let mut message = envelope(world, params, Content::Text(String::new()))?;
    let file = files::given(world, params, kind, name, &params.text(name))?;
    let (caption, entities) = trimmed(&caption, entities);
    message.content = Content::Media(Media { kind, file, caption });
    message.entities = entities;
    Ok(post(world, message))
}

pub(super) fn media_group(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let Some(Value::Array(items)) = params.structure("media", "InputMedia")? else {
        return Err(Refusal::bad("can't parse media JSON object"));
    };
    if items.is_empty() {
        return Err(Refusal::bad("there are no messages to send"));
    }
    if items.len() == 1 {
        return Err(Refusal::bad("an album has 2 to 10 messages"));
    }
    if items.len() > ALBUM {
        return Err(Refusal::bad("too many messages to send as an album"));
    }
    let mut messages = Vec::new();
    for item in &items {
        let kind = match item["type"].as_str() {
            Some("document") => MediaKind::Document,
            Some("photo") => MediaKind::Photo,
            Some("video") => MediaKind::Video,
            _ => return Err(Refusal::bad("can't parse InputMedia: type must be one of those of an album")),
        };
        let caption = item["caption"].as_str().unwrap_or_default();
        let entities = item["caption_entities"].as_array().cloned().unwrap_or_default();
        caption_holds(caption, &entities)?;
        let (caption, entities) = trimmed(caption, entities);
        let source = item["media"].as_str().unwrap_or_default();
        let message = envelope(world, params, Content::Text(String::new()))?;
        let file = files::given(world, params, kind, "media", source)?;
        let content = Content::Media(Media { kind, file, caption });
        messages.push((kind, Message { content, entities, buttons: Vec::new(), ..message }));
    }
    let documents = messages.iter().filter(|(kind, _)| *kind == MediaKind::Document).count();
    if documents > 0 && documents < messages.len() {
        return Err(Refusal::bad("document can't be mixed with other media types"));
    }
    let album = world.next_album();
    let posted = messages.into_iter().map(|(_, message)| {
        let album = Some(album.clone());
        post(world, Message { album, ..message })
    });
    Ok(Value::Array(posted.collect()))
}

pub(super) fn chat_action(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = Target::read(world, params)?;
    let action = params.text("action");
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refusal::bad("wrong parameter action in request"));
    }
    // Here, and only here, the general topic has an id.
    let thread = match params.number("message_thread_id") {
        Some(1) if target.of(world).kind.has_topics() => Some(TopicId(1)),
        _ => target.thread(world, params)?,
    };
    world.chat_mut(target.chat).actions.push((thread, action));
    Ok(json!(true))
}

/// A message with all but its content.
fn envelope(world: &World, params: &Params, content: Content) -> Result<Message, Refusal> {
    let target = Target::read(world, params)?;
    let buttons = Markup::read(params)?.of_new();
    let thread = target.thread(world, params)?;
    let reply_to = target.reply_to(world, params)?;
    // An answer goes to where the answered message lies.
    let answered = reply_to.and_then(|id| target.of(world).messages.get(&id)?.thread);
    let message = Message::new(target.chat, world.me.id, content);
    Ok(Message {
        thread: thread.or(answered),
        reply_to,
        buttons,
        is_silent: params.flag("disable_notification"),
        has_previews: has_previews(params)?,
        ..message
    })
}

pub(super) fn has_previews(params: &Params) -> Result<bool, Refusal> {
    let options = params.structure("link_preview_options", "link preview options")?;
    let is_disabled = options.is_some_and(|options| options["is_disabled"] == true);
    Ok(!is_disabled && !params.flag("disable_web_page_preview"))
}

fn post(world: &mut World, message: Message) -> Value {
    let chat = message.chat;
    let id = world.post(chat, |id| Message { id, ..message });
    world.chat(chat).messages[&id].json(world)
}

pub(super) fn rules_hold(text: &str, entities: &[Value]) -> Result<(), Refusal> {
    rules::check(text, entities).map_err(Refusal::described)
}

fn caption_holds(caption: &str, entities: &[Value]) -> Result<(), Refusal> {
    if caption.encode_utf16().count() > CAPTION {
        return Err(Refusal::bad("message caption is too long"));
    }
    if caption.is_empty() && entities.is_empty() { Ok(()) } else { rules_hold(caption, entities) }
}

/// A text as it is shown: without the blanks at its ends, and with its entities where it is now.
pub(super) fn trimmed(text: &str, entities: Vec<Value>) -> (String, Vec<Value>) {
    let shown = text.trim_end();
    let end = shown.encode_utf16().count();
    let shown = shown.trim_start();
    let start = end - shown.encode_utf16().count();
    let moved = entities.into_iter().filter_map(|mut entity| {
        let bound = |name: &str| usize::try_from(entity[name].as_u64()?).ok();
        let (offset, length) = (bound("offset")?, bound("length")?);
        let (from, to) = (offset.max(start), (offset + length).min(end));
        let length = to.checked_sub(from).filter(|length| *length > 0)?;
        entity["offset"] = json!(from - start);
        entity["length"] = json!(length);
        Some(entity)
    });
    let moved = moved.collect();
    (shown.to_owned(), moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_without_the_blanks_at_its_ends() {
        let entity = |offset, length| json!({"type": "bold", "offset": offset, "length": length});
        let check = |text, entities: &[Value], shown: &str, expected: &[Value]| {
            assert_eq!(trimmed(text, entities.to_vec()), (shown.to_owned(), expected.to_vec()), "{text:?}");
        };
        check("a", &[entity(0, 1)], "a", &[entity(0, 1)]);
        check(" \n😀b \n", &[entity(0, 5), entity(4, 3), entity(5, 2)], "😀b", &[entity(0, 3), entity(2, 1)]);
    }
}
