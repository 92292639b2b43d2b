//! True or false as people write it.

use serde::Deserialize;

/// True or false, also as 1 or 0, or as one of the usual words: what configurations of the Python program may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Flag(pub bool);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true or false")]
enum Written {
    Flag(bool),
    Number(i64),
    Word(String),
}

impl Flag {
    /// A word, if it is one of the usual ones.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Some(Self(true)),
            "0" | "false" | "f" | "no" | "n" | "off" => Some(Self(false)),
            _ => None,
        }
    }

    /// A number, if it is 1 or 0.
    #[must_use]
    pub const fn of_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self(false)),
            1 => Some(Self(true)),
            _ => None,
        }
    }
}

impl TryFrom<Written> for Flag {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let flag = match written {
            Written::Flag(flag) => Some(Self(flag)),
            Written::Number(number) => Self::of_number(number),
            Written::Word(word) => Self::of_word(&word),
        };
        flag.ok_or("expected true or false")
    }
}
