//! `/trigger`: which messages are for takopi.

use super::super::settings::TriggerMode;
use super::{Answer, Use, say, stored, usage};
use crate::store::Change;

const fn word(mode: TriggerMode) -> &'static str {
    match mode {
        TriggerMode::All => "all",
        TriggerMode::Mentions => "mentions",
    }
}

pub(super) async fn handle(used: Use) -> Answer {
    let args = used.args.to_lowercase();
    let change = match args.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["show"] => return show(&used).await,
        ["all"] => Some(TriggerMode::All),
        ["mentions"] => Some(TriggerMode::Mentions),
        ["clear"] => None,
        _ => return usage("trigger"),
    };
    used.may_change().await?;
    used.inner.store().change_preferences(&used.place, Change::Trigger(change)).await.map_err(stored)?;
    say(format!("{} trigger: {}", used.scope(), change.map_or("none", word)))
}

async fn show(used: &Use) -> Answer {
    let surround = used.inner.surround(&used.place).await?;
    let topic = surround.own.trigger.filter(|_| surround.is_topic);
    let chat = surround.chat.trigger;
    let (mode, source) = match (topic, chat) {
        (Some(mode), _) => (mode, "topic override"),
        (None, Some(mode)) => (mode, "chat default"),
        (None, None) => (used.snapshot.settings(&used.link.id).trigger, "default"),
    };
    say(format!(
        "trigger: {} ({source})\ndefaults: topic: {}, chat: {}\navailable: all, mentions",
        word(mode),
        topic.map_or("none", word),
        chat.map_or("none", word),
    ))
}
