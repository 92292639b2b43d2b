//! `/reasoning`, and what it shares with `/model` and `/mode`: each is a field of an engine's options here.

use takopi_api::engine::{EngineCapabilities, EngineId, Modes};
use takopi_api::error::Error;

use super::super::directives::Directives;
use super::super::engines::Engine;
use super::super::surround::Surround;
use super::super::{modes, resolve};
use super::{Answer, Use, or_none, say, stored, usage};
use crate::store::{Change, EnginePreferences};

/// Which option of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Model,
    Reasoning,
    Mode,
}

impl Field {
    const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Reasoning => "reasoning",
            Self::Mode => "mode",
        }
    }

    fn of(self, preferences: Option<&EnginePreferences>) -> Option<String> {
        match self {
            Self::Model => preferences?.model.clone(),
            Self::Reasoning => preferences?.reasoning.clone(),
            Self::Mode => preferences?.mode.clone(),
        }
    }

    const fn change(self, engine: EngineId, value: Option<String>) -> Change {
        match self {
            Self::Model => Change::Model(engine, value),
            Self::Reasoning => Change::Reasoning(engine, value),
            Self::Mode => Change::Mode(engine, value),
        }
    }
}

pub(super) async fn handle(used: Use) -> Answer {
    field(used, Field::Reasoning).await
}

/// Shows, sets or clears one option.
pub(super) async fn field(used: Use, field: Field) -> Answer {
    let surround = used.inner.surround(&used.place).await?;
    let (context, _) = used.context(&surround)?;
    let here = resolve::engine(&used.snapshot, &Directives::default(), &surround, context.as_ref());
    match used.words().as_slice() {
        [] | ["show"] => show(&used, field, &surround, &here?.0),
        ["set", engine] if used.snapshot.engines.named(engine).is_some() => usage(field.word()),
        ["set", value] => set(&used, field, here?.0, (*value).to_owned()).await,
        ["set", first, rest @ ..] => match used.snapshot.engines.named(first) {
            Some(engine) => set(&used, field, engine, rest.join(" ")).await,
            None => {
                let value = used.words()[1..].join(" ");
                set(&used, field, here?.0, value).await
            }
        },
        ["clear"] => clear(&used, field, here?.0).await,
        ["clear", engine] => match used.snapshot.engines.named(engine) {
            Some(engine) => clear(&used, field, engine).await,
            None => say(format!("there is no engine `{engine}`")),
        },
        _ => usage(field.word()),
    }
}

fn can(used: &Use, engine: &EngineId) -> EngineCapabilities {
    used.snapshot.engines.get(engine).map_or_else(EngineCapabilities::none, Engine::capabilities)
}

fn show(used: &Use, field: Field, surround: &Surround, engine: &EngineId) -> Answer {
    let word = field.word();
    if field == Field::Reasoning && can(used, engine).reasoning_levels.is_empty() {
        return say(format!("{engine} has no reasoning levels"));
    }
    let modes = can(used, engine).modes;
    if field == Field::Mode && modes == Modes::None {
        return say(format!("{engine} has no modes to choose from"));
    }
    let topic = field.of(surround.own.engines.get(engine)).filter(|_| surround.is_topic);
    let chat = field.of(surround.chat.engines.get(engine));
    let (value, source) = match (&topic, &chat) {
        (Some(value), _) => (value.as_str(), "topic override"),
        (None, Some(value)) => (value.as_str(), "chat default"),
        (None, None) => ("default", "no override"),
    };
    let none = || "none".to_owned();
    let available = match field {
        Field::Model => {
            let engines = used.snapshot.engines.ids().filter(|engine| can(used, engine).model);
            format!("available engines: {}", or_none(&engines.map(ToString::to_string).collect::<Vec<_>>()))
        }
        Field::Mode => match modes {
            Modes::Named(modes) => format!("available modes: {}", modes.join(", ")),
            _ => "available modes: those of the agent; a run says if it has none of that name".to_owned(),
        },
        Field::Reasoning => format!("available levels: {}", can(used, engine).reasoning_levels.join(", ")),
    };
    say(format!(
        "engine: {engine}\n{word}: {value} ({source})\ndefaults: topic: {}, chat: {}\n{available}",
        topic.clone().unwrap_or_else(none),
        chat.clone().unwrap_or_else(none),
    ))
}

async fn set(used: &Use, field: Field, engine: EngineId, value: String) -> Answer {
    let value = match field {
        Field::Model if !can(used, &engine).model => {
            return Err(Error::new(format!("{engine} has no models to choose from")));
        }
        Field::Model => value,
        Field::Mode => modes::find(engine.as_str(), can(used, &engine).modes, &value)?,
        Field::Reasoning => {
            let levels = can(used, &engine).reasoning_levels;
            let level = value.to_lowercase();
            if levels.is_empty() {
                return Err(Error::new(format!("{engine} has no reasoning levels")));
            }
            if !levels.contains(&level.as_str()) {
                let known = levels.join(", ");
                return Err(Error::new(format!("{engine} has no reasoning level `{value}`"))
                    .hint(format!("levels: {known}")));
            }
            level
        }
    };
    used.may_change().await?;
    let change = field.change(engine.clone(), Some(value.clone()));
    used.inner.store().change_preferences(&used.place, change).await.map_err(stored)?;
    let (scope, word) = (used.scope(), field.word());
    // A thread goes on in another mode as it is.
    let advice = if field == Field::Mode { "" } else { "\n/new gives it a clean start" };
    say(format!("{scope} {word} of {engine}: {value}{advice}"))
}

async fn clear(used: &Use, field: Field, engine: EngineId) -> Answer {
    used.may_change().await?;
    let change = field.change(engine.clone(), None);
    used.inner.store().change_preferences(&used.place, change).await.map_err(stored)?;
    let (scope, word) = (used.scope(), field.word());
    say(format!("{scope} {word} of {engine}: no override"))
}
