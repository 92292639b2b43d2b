//! `/cancel`: ends the run whose message is replied to, or the listening to it; without a reply, the only one here.

use takopi_api::message::MessageRef;

use super::{Answer, Use, say};

pub(super) async fn handle(used: Use) -> Answer {
    if let Some(reply) = &used.message.reply_to {
        if used.inner.listening.stop(&used.place, Some(&reply.id)) {
            return Ok(None);
        }
        let message = MessageRef::new(used.message.address.clone(), reply.id.clone());
        return match used.inner.cancel_message(&used.link, &message).await {
            "cancelling…" | "dropped from the queue" => Ok(None),
            said => say(said),
        };
    }
    match used.inner.live.at(&used.place).as_slice() {
        [] if used.inner.listening.stop(&used.place, None) => Ok(None),
        [] => say("nothing is running here"),
        [run] => {
            run.cancel();
            Ok(None)
        }
        runs => say(format!("{} runs go on here: reply with /cancel to the one to end", runs.len())),
    }
}
