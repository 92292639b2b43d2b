//! `/new`: ends what runs in this conversation, and forgets its threads.

use std::collections::HashSet;

use takopi_api::message::ChatKind;

use super::super::queue::LaneName;
use super::super::settings::SessionMode;
use super::{Answer, Use, say, stored};

pub(super) async fn handle(used: Use) -> Answer {
    let is_topic = used.place.address.topic.id().is_some();
    if !is_topic && used.inner.session_mode(&used.link) == SessionMode::Stateless {
        return say("every message here starts afresh already, unless it replies to an answer");
    }
    let is_own = is_topic
        || used.message.chat == ChatKind::Private
        || used.link.access.people == takopi_api::transport::People::Local;
    let person = if is_own { None } else { used.message.sender.as_ref().map(|sender| sender.id.clone()) };
    if !is_own && person.is_none() {
        return say("there is nothing stored for you here");
    }
    let mut ended = 0;
    let mut keys = HashSet::new();
    for run in used.inner.live.at(&used.place) {
        if let Some(key) = run.session.clone().filter(|kept| kept.key.person == person) {
            run.cancel();
            keys.insert(key);
            ended += 1;
        }
    }
    for key in keys {
        // What comes next must not wait behind what is being ended.
        used.inner.queue().unname(&LaneName::Session(key));
    }
    let forgotten = used.inner.store().forget_sessions(&used.place, person.as_ref()).await.map_err(stored)?;
    match (ended, forgotten) {
        (0, 0) => say("nothing was stored; the next message starts afresh"),
        (0, _) => say("forgotten; the next message starts afresh"),
        _ => say("ended and forgotten; the next message starts afresh"),
    }
}
