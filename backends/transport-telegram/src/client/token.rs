//! The bot's token: a secret that nothing prints.

use sha2::{Digest, Sha256};
use takopi_api::config::SecretValue;
use takopi_api::error::Error;
use takopi_api::transport::LockToken;

/// The token of a bot. `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub(crate) struct BotToken(SecretValue);

/// How many digits of the digest name a token: those of the Python program, so that locks of both are one.
const FINGERPRINT: usize = 10;

impl BotToken {
    /// A token as BotFather gives it: the bot's number, a colon, and letters.
    pub(crate) fn new(secret: SecretValue) -> Result<Self, Error> {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let is_token = secret.expose().split_once(':').is_some_and(|(number, letters)| {
            !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && !letters.is_empty()
                && letters.chars().all(is_letter)
        });
        if is_token {
            return Ok(Self(secret));
        }
        Err(Error::new("`bot_token` is not the token of a bot: expected digits, a colon and letters")
            .hint("copy it from the message of @BotFather, or ask him for it with /token"))
    }

    /// The token itself, for the address of a call and for nothing else.
    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Names the token without giving it away.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.0.expose().as_bytes());
        let mut digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.truncate(FINGERPRINT);
        digits
    }

    /// What no two programs may share.
    pub(crate) fn lock_token(&self) -> LockToken {
        LockToken::new(self.fingerprint())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use takopi_api::config::{ConfigTable, Secret};

    use super::*;

    pub(crate) fn secret(text: &str) -> SecretValue {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), format!("token = '{text}'\n")).unwrap();
        table.get::<Secret>("token").unwrap().unwrap().resolve(Path::new(".")).unwrap()
    }

    #[test]
    fn a_token_is_known_by_its_form_and_never_shown() {
        let token = BotToken::new(secret("123456:AA-hunter_2")).unwrap();
        assert!(!format!("{token:?}").contains("hunter"));
        assert_eq!(token.fingerprint().len(), FINGERPRINT);
        for bad in ["hunter2", ":hunter2", "12:", "12:hunter 2", "12:a/../hunter2", "x12:hunter2"] {
            let error = BotToken::new(secret(bad)).unwrap_err().to_string();
            assert!(!error.contains("hunter"), "{error}");
        }
    }
}
