//! The menu of the bot.

use serde_json::{Value, json};

use super::Answer;
use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::state::State;

/// How many commands a bot has at most.
const COMMANDS: usize = 100;

pub(super) fn set(state: &mut State, params: &Params) -> Answer {
    let key = key(params)?;
    let Some(commands) = params.structure("commands", "commands list")? else {
        state.world.commands.remove(&key);
        return Ok(json!(true));
    };
    let Value::Array(commands) = commands else {
        return Err(Refusal::bad("expected an Array of BotCommand"));
    };
    if commands.len() > COMMANDS {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    commands.iter().try_for_each(check)?;
    state.world.commands.insert(key, commands);
    Ok(json!(true))
}

fn check(command: &Value) -> Result<(), Refusal> {
    let text = |name: &str| {
        let missing = || Refusal::bad(format!("can't parse BotCommand: Can't find field \"{name}\""));
        command[name].as_str().ok_or_else(missing)
    };
    // A slash before the name is taken off.
    let name = text("command")?;
    let name = name.strip_prefix('/').unwrap_or(name);
    let description = text("description")?.trim();
    let is_name = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_name {
        return Err(Refusal::bad("BOT_COMMAND_INVALID"));
    }
    if !(1..=256).contains(&description.encode_utf16().count()) {
        return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
    }
    Ok(())
}

pub(super) fn get(state: &mut State, params: &Params) -> Answer {
    Ok(json!(state.world.commands.get(&key(params)?).cloned().unwrap_or_default()))
}

pub(super) fn delete(state: &mut State, params: &Params) -> Answer {
    state.world.commands.remove(&key(params)?);
    Ok(json!(true))
}

/// For whom they are, and in which language.
fn key(params: &Params) -> Result<(String, String), Refusal> {
    let scope = params.structure("scope", "BotCommandScope")?;
    let scope = scope.unwrap_or_else(|| json!({"type": "default"}));
    if scope["type"].as_str().is_none() {
        return Err(Refusal::bad("can't parse BotCommandScope: Can't find field \"type\""));
    }
    Ok((scope.to_string(), params.text("language_code")))
}
