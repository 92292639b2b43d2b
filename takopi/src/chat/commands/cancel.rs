//! `/cancel`: ends the run or the command whose message is replied to, or the listening to it; without a reply, the only
//! one here.

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
    let (runs, commands) = (used.inner.live.at(&used.place), used.inner.uses.at(&used.place));
    match (runs.as_slice(), commands.as_slice()) {
        ([], []) if used.inner.listening.stop(&used.place, None) => Ok(None),
        ([], []) => say("nothing is running here"),
        ([run], []) => {
            run.cancel();
            Ok(None)
        }
        ([], [command]) => {
            command.cancel();
            Ok(None)
        }
        (runs, commands) => {
            let count = runs.len() + commands.len();
            say(format!("{count} runs go on here: reply with /cancel to the one to end"))
        }
    }
}
