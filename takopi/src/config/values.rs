//! Values that may be written in more than one way.

use serde::Deserialize;

/// A chat's id: an opaque text; numbers are taken as they are written.
#[derive(Deserialize)]
#[serde(from = "AnyChatId")]
pub(super) struct ChatId(pub(super) String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a chat id: a number or a text")]
enum AnyChatId {
    Number(i64),
    Text(String),
}

impl From<AnyChatId> for ChatId {
    fn from(id: AnyChatId) -> Self {
        match id {
            AnyChatId::Number(id) => Self(id.to_string()),
            AnyChatId::Text(id) => Self(id.trim().to_owned()),
        }
    }
}

/// A text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::More(texts) => texts,
        }
    }
}
