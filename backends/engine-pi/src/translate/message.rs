//! Messages: what the model said.

use takopi_api::event::{EventFactory, Usage};
use takopi_api::jsonl::Field;

use super::{Translation, text};
use crate::event::{Block, Cost, Message, MessageUsage};

impl Translation {
    pub(super) fn message(&mut self, message: Field<'_>, out: &mut EventFactory) {
        let message: Message<'_> = message.read().unwrap_or_default();
        if message.role.text() != "assistant" {
            return;
        }
        self.has_spoken = true;
        self.count_usage(&message);
        for block in blocks(message.content) {
            let thought = block.thinking.text();
            if block.kind.text() == "thinking" && !thought.trim().is_empty() {
                out.note(thought.trim());
            }
        }
        let said = texts(message.content);
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
        let wire: MessageUsage<'_> = message.usage.read().unwrap_or_default();
        let cost: Cost<'_> = wire.cost.read().unwrap_or_default();
        let mut usage = Usage::default();
        usage.cached_input_tokens = wire.cache_read.read();
        let read = [wire.input.read(), usage.cached_input_tokens, wire.cache_write.read()];
        usage.input_tokens = read.into_iter().flatten().reduce(u64::saturating_add);
        usage.output_tokens = wire.output.read();
        usage.reasoning_output_tokens = wire.reasoning.read();
        usage.cost_usd = cost.total.read();
        usage.model = message.model.is_present().then(|| message.model.text().into_owned());
        self.usage += usage;
    }
}

/// The texts of a message, with a blank line between them.
pub(super) fn texts(content: Field<'_>) -> String {
    let texts: Vec<_> = blocks(content)
        .iter()
        .filter(|block| block.kind.text() == "text")
        .map(|block| block.text.text().trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("\n\n")
}

fn blocks(content: Field<'_>) -> Vec<Block<'_>> {
    let blocks: Vec<Field<'_>> = content.read().unwrap_or_default();
    blocks.into_iter().filter_map(Field::read).collect()
}
