//! `/steer`: a message that waits and is replied to goes into the turn that runs. With a text behind it it is an order, and
//! no command.

use takopi_api::markdown;
use takopi_api::message::MessageRef;

use super::{Answer, Use, say, usage};

pub(super) async fn handle(used: Use) -> Answer {
    let Some(reply) = &used.message.reply_to else { return usage("steer") };
    let message = MessageRef::new(used.message.address.clone(), reply.id.clone());
    let said = used.inner.steer_message(&used.link, &message).await;
    say(markdown::escape(&said))
}
