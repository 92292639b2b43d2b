//! The code: short enough to type, and nothing that could be guessed in five tries.

use std::fmt;

/// Digits and letters that nobody takes for another: there is no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many there are in a code: 40 bits.
const LENGTH: usize = 8;

/// The longest message that is looked at.
const LONGEST: usize = 64;

/// A code. It is shown to whoever makes it, and stored by nobody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Code([u8; LENGTH]);

impl Code {
    /// A code that nobody had before.
    pub(crate) fn new() -> Self {
        // The first bytes of such an id come from the system's random numbers as they are.
        let id = uuid::Uuid::new_v4().into_bytes();
        let bits = id.iter().take(5).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut letters = [0; LENGTH];
        for (at, letter) in letters.iter_mut().enumerate() {
            let five = bits >> (5 * at) & 31;
            *letter = ALPHABET[usize::try_from(five).unwrap_or_default()];
        }
        Self(letters)
    }

    /// The code that a message is: alone, or behind `/start`, as links to bots send it.
    pub(crate) fn sent(text: &str) -> Option<Self> {
        let text = Some(text.trim()).filter(|text| text.len() <= LONGEST)?;
        let text = match text.split_once(char::is_whitespace) {
            Some((word, rest)) if word == "/start" || word.starts_with("/start@") => rest,
            _ => text,
        };
        let mut letters = Vec::with_capacity(LENGTH);
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let letter = match c.to_ascii_uppercase() {
                'O' => b'0',
                'I' | 'L' => b'1',
                c => u8::try_from(c).ok().filter(|letter| ALPHABET.contains(letter))?,
            };
            letters.push(letter);
        }
        letters.try_into().ok().map(Self)
    }

    /// The code as a link has it.
    pub(crate) fn plain(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }
}

/// As a person reads it.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let (one, two) = plain.split_at(LENGTH / 2);
        write!(f, "{one}-{two}")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_shown_and_as_people_type_it() {
        for _ in 0..100 {
            let code = Code::new();
            assert_eq!(code.plain().len(), LENGTH);
            for sent in [
                code.to_string(),
                code.plain(),
                format!("/start {}", code.plain()),
                format!("/start@some_bot {code}"),
                format!("  {} ", code.to_string().to_lowercase()),
                code.to_string().replace('0', "o").replace('1', "l").replace('-', " "),
            ] {
                assert!(Code::sent(&sent) == Some(code.clone()), "{sent}");
            }
            assert!(!format!("{code:?}").contains(&code.plain()));
        }
        assert!(Code::new() != Code::new());
    }

    #[test]
    fn other_texts_are_no_codes() {
        for text in [
            "",
            "hello",
            "/start",
            "/start ",
            "ABCD-EFG",
            "ABCD-EFGHJ",
            "/stop ABCD-EFGH",
            "ABCD_EFGH",
            "ÄBCD-EFGH",
            "U2345678",
        ] {
            assert!(Code::sent(text).is_none(), "{text}");
        }
        assert!(Code::sent(&"A".repeat(1 << 20)).is_none());
    }
}
