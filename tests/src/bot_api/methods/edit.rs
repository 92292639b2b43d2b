//! Methods that change what lies in a chat.

use serde_json::{Value, json};

use super::Answer;
use super::keyboard::Markup;
use super::send::{has_previews, rules_hold, trimmed};
use super::target::{Target, entities};
use crate::bot_api::message::{Content, Message, Service, keyboard};
use crate::bot_api::params::Params;
use crate::bot_api::presses::PressAnswer;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::state::State;
use crate::bot_api::world::{self, ChatId, MessageId, World};

/// How many messages are deleted at a time.
const DELETED: usize = 100;

/// How long the answer to a press may be, in UTF-16 units.
const PRESS_ANSWER: usize = 200;

/// With what one can react.
const REACTIONS: &str = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 \
    🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡";

pub(super) fn text(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let entities = entities(params, "entities")?;
    let text = params.text("text");
    rules_hold(&text, &entities)?;
    let old = own(world, params)?;
    if !matches!(old.content, Content::Text(_) | Content::Rich { .. }) {
        return Err(Refusal::bad("there is no text in the message to edit"));
    }
    let (text, entities) = trimmed(&text, entities);
    let buttons = Markup::read(params)?.of_changed()?;
    let content = Content::Text(text);
    change(
        world,
        &old,
        Message { content, entities, buttons, has_previews: has_previews(params)?, ..old.clone() },
    )
}

pub(super) fn reply_markup(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let old = own(world, params)?;
    let buttons = Markup::read(params)?.of_changed()?;
    change(world, &old, Message { buttons, ..old.clone() })
}

/// A message of the bot.
fn own(world: &World, params: &Params) -> Result<Message, Refusal> {
    let target = Target::read(world, params)?;
    let Some(id) = params.number("message_id").filter(|id| *id != 0) else {
        return Err(Refusal::bad("message identifier is not specified"));
    };
    let message = target.of(world).messages.get(&MessageId(id));
    let message = message.ok_or_else(|| Refusal::bad("message to edit not found"))?;
    if message.from != world.me.id || matches!(message.content, Content::Service(_)) {
        return Err(Refusal::bad("message can't be edited"));
    }
    Ok(message.clone())
}

fn change(world: &mut World, old: &Message, new: Message) -> Answer {
    let looks_the_same = old.content == new.content
        && same(&old.entities, &new.entities)
        && keyboard(&old.buttons) == keyboard(&new.buttons)
        && old.has_previews == new.has_previews;
    if looks_the_same {
        return Err(Refusal::bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a \
             current content and reply markup of the message",
        ));
    }
    let (chat, id) = (new.chat, new.id);
    let new = Message { edited: Some(world::now()), ..new };
    world.chat_mut(chat).messages.insert(id, new);
    Ok(world.chat(chat).messages[&id].json(world))
}

/// Whether these look the same, in whatever order they came.
fn same(one: &[Value], other: &[Value]) -> bool {
    let sorted = |entities: &[Value]| {
        let mut texts: Vec<_> = entities.iter().map(Value::to_string).collect();
        texts.sort_unstable();
        texts
    };
    sorted(one) == sorted(other)
}

pub(super) fn delete(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = Target::read(world, params)?;
    let Some(id) = params.number("message_id").filter(|id| *id != 0) else {
        return Err(Refusal::bad("message identifier is not specified"));
    };
    let id = MessageId(id);
    if !target.of(world).messages.contains_key(&id) {
        return Err(Refusal::bad("message to delete not found"));
    }
    if !may_delete(world, target, id) {
        return Err(Refusal::bad("message can't be deleted"));
    }
    world.chat_mut(target.chat).messages.remove(&id);
    Ok(json!(true))
}

pub(super) fn delete_many(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = Target::read(world, params)?;
    let ids: Vec<i64> = params.parsed("message_ids", "message identifiers")?.unwrap_or_default();
    if ids.is_empty() {
        return Err(Refusal::bad("message identifiers are not specified"));
    }
    if ids.len() > DELETED {
        return Err(Refusal::bad("too many message identifiers specified"));
    }
    // Those that are not there, or are not the bot's, are passed over.
    for id in ids.into_iter().map(MessageId) {
        if may_delete(world, target, id) {
            world.chat_mut(target.chat).messages.remove(&id);
        }
    }
    Ok(json!(true))
}

fn may_delete(world: &World, target: Target, id: MessageId) -> bool {
    let chat = target.of(world);
    chat.messages.get(&id).is_some_and(|message| {
        // The beginning of a topic goes with the topic.
        let is_beginning = matches!(message.content, Content::Service(Service::TopicCreated { .. }));
        let is_own = message.from == world.me.id || chat.kind.is_private();
        !is_beginning && (is_own || target.is_administrator())
    })
}

pub(super) fn reaction(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = Target::read(world, params)?;
    let reactions: Vec<Value> = params.parsed("reaction", "reaction types")?.unwrap_or_default();
    let emoji: Option<Vec<String>> = reactions
        .iter()
        .map(|reaction| {
            let emoji = reaction["emoji"].as_str().filter(|_| reaction["type"] == "emoji")?;
            REACTIONS.split_whitespace().any(|one| one == emoji).then(|| emoji.to_owned())
        })
        .collect();
    let Some(emoji) = emoji else { return Err(Refusal::bad("REACTION_INVALID")) };
    if emoji.len() > 1 {
        // More than one is for those who pay.
        return Err(Refusal::bad("REACTIONS_TOO_MANY"));
    }
    let message = find(world, target.chat, params.number("message_id"));
    message.ok_or_else(|| Refusal::bad("message to react not found"))?.reactions = emoji;
    Ok(json!(true))
}

fn find(world: &mut World, chat: ChatId, id: Option<i64>) -> Option<&mut Message> {
    world.chat_mut(chat).messages.get_mut(&MessageId(id?))
}

pub(super) fn answer_press(state: &mut State, params: &Params) -> Answer {
    let text = Some(params.text("text")).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.encode_utf16().count() > PRESS_ANSWER) {
        return Err(Refusal::bad("MESSAGE_TOO_LONG"));
    }
    let answer = PressAnswer { text, is_alert: params.flag("show_alert") };
    state.world.presses.answer(&params.text("callback_query_id"), answer)?;
    Ok(json!(true))
}
