//! Methods about topics.

use serde_json::{Value, json};

use super::Answer;
use super::target::Target;
use crate::bot_api::message::{Content, Message, Service};
use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::state::State;
use crate::bot_api::world::{Topic, TopicId, World};

/// What is longer is cut off.
const NAME: usize = 128;

pub(super) fn create(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = forum(world, params, "create a topic")?;
    let name = name(params);
    if name.is_empty() {
        return Err(Refusal::bad("title must be non-empty"));
    }
    let topic = world.add_topic(target.chat, world.me.id, &name);
    Ok(json!({"message_thread_id": topic, "name": name, "icon_color": 7_322_096}))
}

pub(super) fn edit(state: &mut State, params: &Params) -> Answer {
    let name = name(params);
    change(&mut state.world, params, |topic| {
        // A topic that is given no name keeps its own, and only its icon would change.
        let changes = !name.is_empty() && topic.name != name;
        changes.then(|| {
            topic.name.clone_from(&name);
            Service::TopicEdited { name: name.clone() }
        })
    })
}

pub(super) fn close(state: &mut State, params: &Params) -> Answer {
    change(&mut state.world, params, |topic| {
        let was_closed = std::mem::replace(&mut topic.is_closed, true);
        (!was_closed).then_some(Service::TopicClosed)
    })
}

pub(super) fn reopen(state: &mut State, params: &Params) -> Answer {
    change(&mut state.world, params, |topic| {
        let was_closed = std::mem::replace(&mut topic.is_closed, false);
        was_closed.then_some(Service::TopicReopened)
    })
}

pub(super) fn delete(state: &mut State, params: &Params) -> Answer {
    let world = &mut state.world;
    let target = forum(world, params, "delete the topic")?;
    let is_gone = topic(params).is_some_and(|topic| world.remove_topic(target.chat, topic));
    if is_gone { Ok(json!(true)) } else { Err(Refusal::bad("TOPIC_ID_INVALID")) }
}

/// Changes a topic, and says in it what happened.
fn change(world: &mut World, params: &Params, change: impl FnOnce(&mut Topic) -> Option<Service>) -> Answer {
    let target = forum(world, params, "edit the topic")?;
    let me = world.me.id;
    let topics = &mut world.chat_mut(target.chat).topics;
    let known = topic(params).and_then(|id| Some((id, topics.get_mut(&id)?)));
    let (id, topic) = known.ok_or_else(|| Refusal::bad("TOPIC_ID_INVALID"))?;
    let service = change(topic).ok_or_else(|| Refusal::bad("TOPIC_NOT_MODIFIED"))?;
    let message = Message::new(target.chat, me, Content::Service(service));
    world.post(target.chat, |message_id| Message { id: message_id, thread: Some(id), ..message });
    Ok(Value::Bool(true))
}

fn forum(world: &World, params: &Params, what: &str) -> Result<Target, Refusal> {
    let target = Target::read(world, params)?;
    if !target.of(world).kind.has_topics() {
        return Err(Refusal::bad("the chat is not a forum"));
    }
    if !target.manages_topics(world) {
        return Err(Refusal::bad(format!("not enough rights to {what}")));
    }
    Ok(target)
}

fn topic(params: &Params) -> Option<TopicId> {
    params.number("message_thread_id").map(TopicId)
}

fn name(params: &Params) -> String {
    params.text("name").trim().chars().take(NAME).collect()
}
