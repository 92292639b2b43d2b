//! `/plan`: whether the engine here plans before it does anything. With a prompt behind it it is an order for that one.

use super::super::directives::Directives;
use super::super::{modes, resolve};
use super::{Answer, Use, say, stored};
use crate::store::{Change, Preferences};

pub(super) async fn handle(used: Use) -> Answer {
    let surround = used.inner.surround(&used.place).await?;
    let (context, _) = used.context(&surround)?;
    let (engine, _) = resolve::engine(&used.snapshot, &Directives::default(), &surround, context.as_ref())?;
    let plan = modes::plan(&used.snapshot.engines, &engine)?;
    let is_plan = |preferences: &Preferences| {
        let mode = preferences.engines.get(&engine).and_then(|engine| engine.mode.as_ref());
        mode.is_some_and(|mode| *mode == plan)
    };
    let scope = used.scope();
    if surround.is_topic && is_plan(&surround.chat) && !is_plan(&surround.own) {
        return say(format!(
            "plan mode of {engine}: on for the whole chat; `/plan` outside of topics switches it off"
        ));
    }
    used.may_change().await?;
    let now = if is_plan(&surround.own) { None } else { Some(plan.clone()) };
    let is_on = now.is_some();
    let change = Change::Mode(engine.clone(), now);
    used.inner.store().change_preferences(&used.place, change).await.map_err(stored)?;
    say(match is_on {
        true => format!("{scope} plan mode of {engine}: on\n`/plan` switches it off"),
        false if surround.is_topic && is_plan(&surround.chat) => {
            format!("{scope} plan mode of {engine}: no override, and on for the whole chat")
        }
        false => format!("{scope} plan mode of {engine}: off"),
    })
}
