//! `/agent`: which engine messages here run on.

use super::super::directives::Directives;
use super::super::resolve::{self, EngineSource};
use super::{Answer, Use, or_none, say, stored, usage};
use crate::store::Change;

pub(super) async fn handle(used: Use) -> Answer {
    match used.words().as_slice() {
        [] | ["show"] => show(&used).await,
        ["set", engine] => {
            let Some(engine) = used.snapshot.engines.named(engine) else {
                let known =
                    or_none(&used.snapshot.engines.ids().map(ToString::to_string).collect::<Vec<_>>());
                return say(format!("there is no engine `{engine}`\navailable: {known}"));
            };
            used.may_change().await?;
            let change = Change::DefaultEngine(Some(engine.clone()));
            used.inner.store().change_preferences(&used.place, change).await.map_err(stored)?;
            say(format!("{} default engine: {engine}", used.scope()))
        }
        ["clear"] => {
            used.may_change().await?;
            let change = Change::DefaultEngine(None);
            used.inner.store().change_preferences(&used.place, change).await.map_err(stored)?;
            say(format!("{} default engine: none", used.scope()))
        }
        _ => usage("agent"),
    }
}

async fn show(used: &Use) -> Answer {
    let surround = used.inner.surround(&used.place).await?;
    let (context, _) = used.context(&surround)?;
    let none = "none".to_owned();
    let (engine, source) =
        match resolve::engine(&used.snapshot, &Directives::default(), &surround, context.as_ref()) {
            Ok((engine, source)) => (engine, source),
            Err(error) => return Err(error),
        };
    let options = surround.options(&engine);
    let topic = surround.own.default_engine.as_ref().filter(|_| surround.is_topic);
    let chat = surround.chat.default_engine.as_ref();
    let project = context
        .as_ref()
        .and_then(|context| used.snapshot.projects.of(context).ok())
        .and_then(|project| project.settings.default_engine.clone());
    let global = used.snapshot.engines.default();
    let text = |engine: Option<&takopi_api::engine::EngineId>| {
        engine.map_or_else(|| none.clone(), ToString::to_string)
    };
    let available = or_none(&used.snapshot.engines.ids().map(ToString::to_string).collect::<Vec<_>>());
    say(format!(
        "engine: {engine} ({})\nmodel: {}\nreasoning: {}\nmode: {}\ndefaults: topic: {}, chat: {}, project: {}, global: {}\navailable: {available}",
        source_text(source),
        options.model.as_deref().unwrap_or("default"),
        options.reasoning.as_deref().unwrap_or("default"),
        options.mode.as_deref().unwrap_or("default"),
        text(topic),
        text(chat),
        project.unwrap_or_else(|| none.clone()),
        text(global),
    ))
}

const fn source_text(source: EngineSource) -> &'static str {
    source.as_str()
}
