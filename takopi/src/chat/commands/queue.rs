//! `/queue`: what a message does while something runs, and what waits.

use super::super::settings::QueueMode;
use super::{Answer, Use, say, stored, usage};
use crate::store::Change;

const fn word(mode: QueueMode) -> &'static str {
    match mode {
        QueueMode::Queue => "queue",
        QueueMode::Steer => "steer",
        QueueMode::Interrupt => "interrupt",
        QueueMode::Collect => "collect",
    }
}

pub(super) async fn handle(used: Use) -> Answer {
    let args = used.args.to_lowercase();
    let change = match args.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["show"] => return show(&used).await,
        ["queue"] => Some(QueueMode::Queue),
        ["steer"] => Some(QueueMode::Steer),
        ["interrupt"] => Some(QueueMode::Interrupt),
        ["collect"] => Some(QueueMode::Collect),
        ["clear"] => None,
        _ => return usage("queue"),
    };
    used.may_change().await?;
    used.inner.store().change_preferences(&used.place, Change::Queue(change)).await.map_err(stored)?;
    say(format!("{} queue mode: {}", used.scope(), change.map_or("none", word)))
}

async fn show(used: &Use) -> Answer {
    let surround = used.inner.surround(&used.place).await?;
    let own = surround.own.queue.or(surround.chat.queue);
    let mode = own.unwrap_or_else(|| used.snapshot.settings(&used.link.id).queue);
    let waiting = used.inner.queue().waiting();
    say(format!(
        "queue mode: {}\nwaiting: {waiting}\navailable: queue, steer, interrupt, collect",
        word(mode)
    ))
}
