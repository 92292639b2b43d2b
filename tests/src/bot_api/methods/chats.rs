//! What a bot can ask about itself, chats and people.

use serde_json::{Value, json};

use super::Answer;
use super::target::Target;
use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::state::State;
use crate::bot_api::world::{ChatKind, Role, UserId, World};

pub(super) fn get_me(state: &mut State, _: &Params) -> Value {
    let world = &state.world;
    let mut me = world.me.json();
    me["can_join_groups"] = json!(true);
    me["can_read_all_group_messages"] = json!(!world.privacy);
    me["supports_inline_queries"] = json!(false);
    let has_topics = world.chats.values().any(|chat| chat.kind == ChatKind::PrivateWithTopics);
    me["has_topics_enabled"] = json!(has_topics);
    me
}

pub(super) fn get(state: &mut State, params: &Params) -> Answer {
    let target = Target::read(&state.world, params)?;
    let mut chat = target.of(&state.world).json();
    chat["accent_color_id"] = json!(0);
    chat["max_reaction_count"] = json!(11);
    Ok(chat)
}

pub(super) fn administrators(state: &mut State, params: &Params) -> Answer {
    let world = &state.world;
    let target = Target::read(world, params)?;
    let chat = target.of(world);
    if chat.kind.is_private() {
        return Err(Refusal::bad("there are no administrators in the private chat"));
    }
    let members = chat.members.iter().filter(|(user, role)| {
        // Other bots are left out, and so is this one only where it is none.
        role.is_administrator() && (**user == world.me.id || !world.user(**user).is_bot)
    });
    Ok(Value::Array(members.map(|(user, role)| member_json(world, *user, *role)).collect()))
}

pub(super) fn member(state: &mut State, params: &Params) -> Answer {
    let world = &state.world;
    let target = Target::read(world, params)?;
    let user = params.number("user_id").ok_or_else(|| Refusal::bad("invalid user_id specified"))?;
    let user = UserId(user);
    if user != world.me.id && !world.users.contains_key(&user) {
        return Err(Refusal::bad("member not found"));
    }
    Ok(member_json(world, user, target.of(world).role(user)))
}

fn member_json(world: &World, user: UserId, role: Role) -> Value {
    let status = match role {
        Role::Creator => "creator",
        Role::Administrator { .. } => "administrator",
        Role::Member => "member",
        Role::Left => "left",
        Role::Kicked => "kicked",
    };
    let mut member = json!({"user": world.user(user).json(), "status": status});
    if let Role::Administrator { manages_topics } = role {
        member["can_manage_topics"] = json!(manages_topics);
        member["can_delete_messages"] = json!(true);
        member["is_anonymous"] = json!(false);
    }
    member
}
