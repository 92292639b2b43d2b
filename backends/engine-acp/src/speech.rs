//! What the agent says: pieces of messages, of which the last one is the answer.

use agent_client_protocol::v1::schema::{ContentBlock, ContentChunk, EmbeddedResourceResource, MessageId};
use takopi_api::event::{EventFactory, TextKind};

/// What was said so far.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    /// The message that is being written.
    message: Option<MessageId>,
    /// What there is of it.
    said: String,
    /// The message before, for turns that end with a step.
    last: String,
    /// Whether there was anything at all, thoughts included.
    is_heard: bool,
}

impl Speech {
    /// A piece of a message.
    pub(crate) fn piece(&mut self, chunk: ContentChunk, out: &mut EventFactory) {
        let text = text(chunk.content);
        if text.is_empty() {
            return;
        }
        if chunk.message_id != self.message {
            self.pause(out);
            self.message = chunk.message_id;
        }
        self.is_heard = true;
        self.said.push_str(&text);
        out.text(TextKind::Answer, text);
    }

    /// A piece of a thought.
    pub(crate) fn thought(&mut self, chunk: ContentChunk, out: &mut EventFactory) {
        let text = text(chunk.content);
        if !text.is_empty() {
            self.is_heard = true;
            out.text(TextKind::Thinking, text);
        }
    }

    /// The agent goes on with something else: what it said until now is no answer but a word on the way.
    pub(crate) fn pause(&mut self, out: &mut EventFactory) {
        let said = std::mem::take(&mut self.said);
        let said = said.trim();
        if !said.is_empty() {
            out.note(said);
            said.clone_into(&mut self.last);
        }
    }

    /// Whether the agent said nothing.
    pub(crate) const fn is_silent(&self) -> bool {
        !self.is_heard
    }

    /// The answer: the last message.
    pub(crate) fn answer(&mut self) -> String {
        let said = std::mem::take(&mut self.said);
        let said = said.trim();
        if said.is_empty() { std::mem::take(&mut self.last) } else { said.to_owned() }
    }
}

/// What of a piece is text.
pub(crate) fn text(content: ContentBlock) -> String {
    match content {
        ContentBlock::Text(text) => text.text,
        ContentBlock::ResourceLink(link) => format!("[{}]({})", link.name, link.uri),
        ContentBlock::Resource(resource) => match resource.resource {
            EmbeddedResourceResource::TextResourceContents(contents) => contents.text,
            _ => String::new(),
        },
        _ => String::new(),
    }
}
