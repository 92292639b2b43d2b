//! Messages: what the model said.

use takopi_api::event::{EventFactory, Usage};

use super::{Translation, text};
use crate::event::{Block, Message};

impl Translation {
    pub(super) fn message(&mut self, message: &Message<'_>, out: &mut EventFactory) {
        if message.role.text() != "assistant" {
            return;
        }
        self.has_spoken = true;
        self.count_usage(message);
        for block in message.content.get() {
            let thought = block.thinking.trimmed();
            if block.kind.text() == "thinking" && !thought.is_empty() {
                out.note(thought);
            }
        }
        let said = texts(message.content.get());
        // What a failed attempt had said is said again by the next one.
        let before = std::mem::take(&mut self.answer);
        if self.failure.take().is_none() && !before.is_empty() {
            out.note(before);
        }
        match &*message.stop_reason.text() {
            "toolUse" if said.is_empty() => {}
            "toolUse" => out.note(said),
            reason @ ("error" | "aborted") => {
                let error = text::of_error(&message.error_message.text());
                self.failure = Some(if error.is_empty() { format!("pi: the model {reason}") } else { error });
                self.answer = said;
            }
            reason => {
                if reason == "length" {
                    out.warning("the answer is cut off: it reached the model's limit");
                }
                self.answer = said;
            }
        }
    }

    fn count_usage(&mut self, message: &Message<'_>) {
        let wire = message.usage.fields();
        let mut usage = Usage::default();
        usage.cached_input_tokens = wire.cache_read.read();
        let read = [wire.input.read(), usage.cached_input_tokens, wire.cache_write.read()];
        usage.input_tokens = read.into_iter().flatten().reduce(u64::saturating_add);
        usage.output_tokens = wire.output.read();
        usage.reasoning_output_tokens = wire.reasoning.read();
        usage.cost_usd = wire.cost.fields().total.read();
        usage.model = message.model.is_present().then(|| message.model.text().into_owned());
        self.usage += usage;
    }
}

/// The texts of a message, with a blank line between them.
pub(super) fn texts(content: &[Block<'_>]) -> String {
    let mut texts = content
        .iter()
        .filter(|block| block.kind.text() == "text")
        .map(|block| block.text.trimmed())
        .filter(|text| !text.is_empty());
    let first = texts.next().unwrap_or_default().into_owned();
    texts.fold(first, |said, text| said + "\n\n" + &text)
}
