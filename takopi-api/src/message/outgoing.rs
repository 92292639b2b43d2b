//! What takopi and its plugins send.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::MessageId;

/// What a message is, so that a transport can show it as its people expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageKind {
    /// A run goes on; the message is edited until it ends.
    Progress,
    /// What an engine answered.
    Answer,
    /// Something failed.
    Error,
    /// Something worth knowing.
    Notice,
    /// Something that a person has to decide.
    Request,
    /// The short answer to what a person did.
    Ack,
}

/// How the text of a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// CommonMark, with line breaks kept as they are.
    #[default]
    Markdown,
    /// Text that is shown as it is.
    Plain,
}

/// The text of a message: a header line, the body, and footer lines. Any of them may be empty; an empty one leaves no
/// blank line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Body {
    /// What it is about, one line: `done · codex · 9s`.
    pub header: String,
    /// What it says.
    pub text: String,
    /// What to know besides: the context, the resume line.
    pub footer: Vec<String>,
    /// How header, text and footer are to be read.
    pub format: Format,
}

impl Body {
    /// Markdown without header and footer.
    #[must_use]
    pub fn markdown(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Text that is shown as it is.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), format: Format::Plain, ..Self::default() }
    }

    /// The header line.
    #[must_use]
    pub fn header(mut self, header: impl Into<String>) -> Self {
        self.header = header.into();
        self
    }

    /// The footer lines.
    #[must_use]
    pub fn footer(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.footer.extend(lines);
        self
    }

    /// Everything as one text, parts apart by a blank line, footer lines below each other.
    #[must_use]
    pub fn joined(&self) -> String {
        let footer = self.footer.join("\n");
        let parts = [self.header.as_str(), self.text.trim_end(), footer.as_str()];
        parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

/// What a button carries back when it is pressed: at most 64 bytes, which is what chat systems allow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ButtonData(String);

/// A text that a button can not carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a button carries 1 to {max} bytes, and these are {found}", max = ButtonData::MAX_BYTES)]
pub struct ButtonDataError {
    /// How many bytes the text has.
    pub found: usize,
}

impl ButtonData {
    /// The most that every chat system carries, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Data for a button.
    ///
    /// # Errors
    /// [`ButtonDataError`] if it is empty or longer than [`Self::MAX_BYTES`].
    pub fn new(data: impl Into<String>) -> Result<Self, ButtonDataError> {
        let data = data.into();
        if data.is_empty() || data.len() > Self::MAX_BYTES {
            return Err(ButtonDataError { found: data.len() });
        }
        Ok(Self(data))
    }

    /// What takopi's own cancel button carries.
    pub const CANCEL: &str = "takopi:cancel";

    /// The data as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ButtonData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something to press below a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Button {
    /// What it says: a word or two.
    pub label: String,
    /// What comes back in [`super::Press::data`].
    pub data: ButtonData,
}

impl Button {
    /// A button.
    #[must_use]
    pub fn new(label: impl Into<String>, data: ButtonData) -> Self {
        Self { label: label.into(), data }
    }

    /// A button that ends what sent its message: takopi sees to it, and the sender is not asked.
    #[must_use]
    pub fn cancel() -> Self {
        Self { label: "cancel".to_owned(), data: ButtonData(ButtonData::CANCEL.to_owned()) }
    }
}

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutgoingFile {
    /// The name under which people see it.
    pub name: String,
    /// Where its content is.
    pub content: FileContent,
}

/// Where the content of a file is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// Here.
    Bytes(Vec<u8>),
    /// In a file of this machine.
    Path(PathBuf),
}

impl OutgoingFile {
    /// A file made of a text.
    #[must_use]
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), content: FileContent::Bytes(text.into().into_bytes()) }
    }

    /// A file of this content.
    #[must_use]
    pub fn bytes(name: impl Into<String>, content: Vec<u8>) -> Self {
        Self { name: name.into(), content: FileContent::Bytes(content) }
    }

    /// A file of this machine.
    #[must_use]
    pub fn path(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), content: FileContent::Path(path.into()) }
    }
}

/// A message to send: what it means, not how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutgoingMessage {
    /// What it is.
    pub kind: MessageKind,
    /// What it says.
    pub body: Body,
    /// Rows of buttons.
    pub buttons: Vec<Vec<Button>>,
    /// Files that go with it.
    pub files: Vec<OutgoingFile>,
}

impl OutgoingMessage {
    /// A message without buttons and files.
    #[must_use]
    pub const fn new(kind: MessageKind, body: Body) -> Self {
        Self { kind, body, buttons: Vec::new(), files: Vec::new() }
    }

    /// A row of buttons below the others.
    #[must_use]
    pub fn buttons(mut self, row: impl IntoIterator<Item = Button>) -> Self {
        let row: Vec<_> = row.into_iter().collect();
        if !row.is_empty() {
            self.buttons.push(row);
        }
        self
    }

    /// A file that goes with it.
    #[must_use]
    pub fn file(mut self, file: OutgoingFile) -> Self {
        self.files.push(file);
        self
    }
}

/// Whether a message makes itself heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notify {
    /// As every message.
    #[default]
    Sound,
    /// Without a sound.
    Silent,
}

/// How a message is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SendOptions {
    /// The message of the same chat that it answers.
    pub reply_to: Option<MessageId>,
    /// Whether it makes itself heard.
    pub notify: Notify,
    /// Names what is sent: a message with the same key is the same one, sent again because nobody knows whether the first
    /// try arrived. A chat system that takes such a key (a transaction id) then shows it once.
    pub key: Option<String>,
}

impl SendOptions {
    /// The message that it answers.
    #[must_use]
    pub fn reply_to(mut self, id: Option<MessageId>) -> Self {
        self.reply_to = id;
        self
    }

    /// Without a sound.
    #[must_use]
    pub const fn silent(mut self) -> Self {
        self.notify = Notify::Silent;
        self
    }

    /// Names what is sent.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parts_leave_no_blank_lines() {
        assert_eq!(Body::default().joined(), "");
        assert_eq!(Body::markdown("a\n").joined(), "a");
        let body = Body::default().header("h").footer(["f".to_owned(), "g".to_owned()]);
        assert_eq!(body.joined(), "h\n\nf\ng");
        assert_eq!(Body::markdown("t").header("h").joined(), "h\n\nt");
    }

    #[test]
    fn a_button_carries_what_every_chat_system_carries() {
        assert!(ButtonData::new("x".repeat(64)).is_ok());
        assert_eq!(ButtonData::new("ä".repeat(33)).unwrap_err().found, 66);
        assert!(ButtonData::new("").is_err());
    }
}
