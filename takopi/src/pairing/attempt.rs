//! Whether a message is the code that is waited for: what time it is is told, and nothing is read or written.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::code::Code;

/// How long a code is good for.
pub(crate) const LIFE: Duration = Duration::from_secs(10 * 60);

/// How many wrong codes end it.
const TRIES: u8 = 5;

/// A code that is waited for. The code itself is not in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pairing {
    transport: String,
    salt: String,
    digest: String,
    /// Seconds since 1970.
    until: u64,
    tries: u8,
    /// Whether it was said that others may lose what they have by it.
    may_shut_out: bool,
}

/// What a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It is no code at all.
    NoCode,
    /// It is the one.
    Right,
    /// It is another one, and more may be tried.
    Wrong,
    /// None counts any more.
    Over(Over),
}

/// Why no code counts any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Over {
    /// It is too late.
    Expired,
    /// Too many were wrong.
    Tried,
}

impl Pairing {
    /// Waits for a code from now on, in seconds since 1970.
    pub(crate) fn new(transport: &str, code: &Code, may_shut_out: bool, now: u64) -> Self {
        let salt = uuid::Uuid::new_v4().simple().to_string();
        let digest = digest(&salt, code);
        let until = now + LIFE.as_secs();
        Self { transport: transport.to_owned(), salt, digest, until, tries: TRIES, may_shut_out }
    }

    /// Whether it was said that others may lose what they have by it.
    pub(crate) const fn may_shut_out(&self) -> bool {
        self.may_shut_out
    }

    /// Whether it is this transport that the code has to come by.
    pub(super) fn is_of(&self, transport: &str) -> bool {
        self.transport == transport
    }

    /// What tells it from others.
    pub(super) fn name(&self) -> &str {
        &self.digest
    }

    /// Looks at a message.
    pub(crate) fn attempt(&mut self, text: &str, now: u64) -> Attempt {
        // Whoever sets the clock back does not make it live longer than from now on.
        if now >= self.until || self.until - now > LIFE.as_secs() {
            return Attempt::Over(Over::Expired);
        }
        if self.tries == 0 {
            return Attempt::Over(Over::Tried);
        }
        let Some(code) = Code::sent(text) else { return Attempt::NoCode };
        if is_same(&digest(&self.salt, &code), &self.digest) {
            return Attempt::Right;
        }
        self.tries -= 1;
        if self.tries == 0 { Attempt::Over(Over::Tried) } else { Attempt::Wrong }
    }
}

/// Only a digest is kept, as a file may be read by a backup.
impl std::fmt::Debug for Pairing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pairing").field("transport", &self.transport).finish_non_exhaustive()
    }
}

fn digest(salt: &str, code: &Code) -> String {
    let digest = Sha256::digest(format!("{salt}{}", code.plain()));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes as long for every text of the same length.
fn is_same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
    std::hint::black_box(differences) == 0 && one.len() == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn pairing() -> (Code, Pairing) {
        let code = Code::new();
        let pairing = Pairing::new("x", &code, false, NOW);
        (code, pairing)
    }

    fn wrong(code: &Code) -> String {
        let other = if code.plain().starts_with('0') { "1" } else { "0" };
        format!("{other}{}", &code.plain()[1..])
    }

    #[test]
    fn the_right_code_counts_until_it_is_too_late() {
        let (code, mut pairing) = pairing();
        assert_eq!(pairing.attempt("hello", NOW), Attempt::NoCode);
        assert_eq!(pairing.attempt(&code.to_string(), NOW), Attempt::Right);
        assert_eq!(pairing.attempt(&format!("/start {}", code.plain()), NOW + 599), Attempt::Right);
        assert_eq!(pairing.attempt(&code.to_string(), NOW + 600), Attempt::Over(Over::Expired));
        assert_eq!(pairing.attempt(&code.to_string(), NOW - 1), Attempt::Over(Over::Expired));
    }

    #[test]
    fn five_wrong_codes_end_it() {
        let (code, mut pairing) = pairing();
        for _ in 0..4 {
            assert_eq!(pairing.attempt(&wrong(&code), NOW), Attempt::Wrong);
            assert_eq!(pairing.attempt("what people say", NOW), Attempt::NoCode);
        }
        assert_eq!(pairing.attempt(&wrong(&code), NOW), Attempt::Over(Over::Tried));
        assert_eq!(pairing.attempt(&code.to_string(), NOW), Attempt::Over(Over::Tried), "the sixth try");
    }

    #[test]
    fn what_is_stored_is_not_the_code() {
        let (code, pairing) = pairing();
        let stored = serde_json::to_string(&pairing).unwrap();
        assert!(!stored.contains(&code.plain()) && !stored.contains(&code.to_string()));
        let mut again: Pairing = serde_json::from_str(&stored).unwrap();
        assert_eq!(again.attempt(&code.plain(), NOW), Attempt::Right);
        assert!(!is_same("", "a") && !is_same("a", "ab") && is_same("ab", "ab") && !is_same("ab", "ac"));
    }
}
