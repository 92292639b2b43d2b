//! Voice notes: what people say in them is written down by a transcription service, OpenAI's or one that speaks like it.
//!
//! A recording is fetched from Telegram and given to the service, and is kept nowhere. What can be asked without the
//! network is asked by [`wanted`].

mod service;

use std::fmt;
use std::path::Path;

use reqwest::Url;
use takopi_api::config::{ConfigError, ConfigTable, Secret};
use takopi_api::error::Error;
use takopi_api::message::IncomingFile;

use crate::client::{CallError, Client, Failure};
use crate::files;
use crate::settings::{self, Settings};
use service::Service;

/// Where the service is, if nothing else is said.
const PUBLIC: &str = "https://api.openai.com/v1";

/// That server takes nothing without a key.
const PUBLIC_HOST: &str = "api.openai.com";

/// The variables that programs of OpenAI go by.
const BASE_URL: &str = "OPENAI_BASE_URL";
const API_KEY: &str = "OPENAI_API_KEY";

/// Where the key of the service comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFrom {
    /// `voice_transcription_api_key`
    Setting,
    /// `OPENAI_API_KEY`
    Environment,
    /// Nowhere: a server of one's own may want none.
    Nowhere,
}

impl fmt::Display for KeyFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting => f.write_str("the key of `voice_transcription_api_key`"),
            Self::Environment => write!(f, "the key of {API_KEY}"),
            Self::Nowhere => f.write_str("no key"),
        }
    }
}

/// What the settings want done with voice notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing.
    Off,
    /// They are to be written down, and there is no key for that.
    NoKey,
    /// They are written down there.
    On { address: Url, key: KeyFrom },
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("disabled"),
            Self::NoKey => {
                write!(f, "neither `voice_transcription_api_key` nor {API_KEY} is set")
            }
            // Not the whole address: it may have a password in it.
            Self::On { address, key } => {
                write!(f, "written down by {} with {key}", address.host_str().unwrap_or_default())
            }
        }
    }
}

/// What is done with voice notes, without a look at the secret itself. `table` is where the settings stand, and
/// `variable` tells the environment.
pub(crate) fn wanted(
    settings: &Settings,
    table: &ConfigTable,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Wanted, ConfigError> {
    if let Some(language) = settings.voice_transcription_language.as_deref()
        && !is_language(language)
    {
        let told = format!("expected the two letters of a language, such as \"de\", found {language:?}");
        return Err(table.error_at("voice_transcription_language", told));
    }
    let set = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let own = settings.voice_transcription_base_url.as_deref().and_then(set);
    let (base, key_of_base) = match own {
        Some(base) => (base, "voice_transcription_base_url"),
        None => match variable(BASE_URL).as_deref().and_then(set) {
            Some(base) => (base, BASE_URL),
            None => (PUBLIC.to_owned(), BASE_URL),
        },
    };
    let address = transcriptions(&base).ok_or_else(|| {
        let told = format!("{key_of_base} is no address of a web server: expected one such as {PUBLIC:?}");
        table.error_at("voice_transcription_base_url", told)
    })?;
    if !settings.voice_transcription {
        return Ok(Wanted::Off);
    }
    let key = if settings.voice_transcription_api_key.is_some() {
        KeyFrom::Setting
    } else if variable(API_KEY).as_deref().and_then(set).is_some() {
        KeyFrom::Environment
    } else if address.host_str() == Some(PUBLIC_HOST) {
        return Ok(Wanted::NoKey);
    } else {
        KeyFrom::Nowhere
    };
    Ok(Wanted::On { address, key })
}

/// Where a service takes recordings.
fn transcriptions(base: &str) -> Option<Url> {
    let address = Url::parse(&format!("{}/audio/transcriptions", base.trim_end_matches('/'))).ok()?;
    let is_web = matches!(address.scheme(), "http" | "https") && address.has_host();
    is_web.then_some(address)
}

/// A code of ISO 639-1; a few languages have one of three letters.
fn is_language(code: &str) -> bool {
    matches!(code.len(), 2 | 3) && code.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Who writes voice notes down.
#[derive(Debug)]
pub(crate) enum Voice {
    /// Nobody: it is not wanted.
    Off,
    /// Nobody: there is no key.
    NoKey,
    /// A service, of recordings of at most this many bytes.
    By { service: Service, max_bytes: u64 },
}

impl Voice {
    /// What the settings come to. `folder` is where relative paths of secrets start.
    pub(crate) fn new(settings: &Settings, table: &ConfigTable, folder: &Path) -> Result<Self, Error> {
        let wanted = wanted(settings, table, variable).map_err(settings::told)?;
        let (address, key) = match wanted {
            Wanted::Off => return Ok(Self::Off),
            Wanted::NoKey => {
                tracing::warn!("voice notes are not written down: {wanted}");
                return Ok(Self::NoKey);
            }
            Wanted::On { address, key } => (address, key),
        };
        let secret = match key {
            KeyFrom::Setting => settings.voice_transcription_api_key.clone(),
            KeyFrom::Environment => variable(API_KEY).map(|key| Secret::typed(key.trim())),
            KeyFrom::Nowhere => None,
        };
        let service = Service {
            address,
            key: secret.map(|secret| secret.resolve(folder)).transpose()?,
            key_from: key,
            model: settings.voice_transcription_model.clone(),
            language: settings.voice_transcription_language.clone(),
        };
        Ok(Self::By { service, max_bytes: settings.voice_max_bytes })
    }

    /// Writes down what was said in a recording.
    pub(crate) async fn transcribe(&self, client: &Client, file: &IncomingFile) -> Result<String, Error> {
        let (service, max_bytes) = match self {
            Self::By { service, max_bytes } => (service, *max_bytes),
            Self::Off => {
                return Err(Error::new("voice notes are not written down here").hint(
                    "set `voice_transcription = true` in [transports.telegram] for that, or write it",
                ));
            }
            Self::NoKey => {
                return Err(Error::new("there is no key for the service that writes voice notes down").hint(
                    format!(
                        "set `voice_transcription_api_key` in [transports.telegram], or {API_KEY} for takopi"
                    ),
                ));
            }
        };
        let too_large = || {
            Error::new(format!("the voice note has more than {max_bytes} bytes"))
                .hint("say less at a time; `voice_max_bytes` in [transports.telegram] is the limit")
        };
        // What is announced saves the way; what comes is counted again.
        if file.size.is_some_and(|size| size > max_bytes) {
            return Err(too_large());
        }
        let recording = files::fetch(client, file, max_bytes).await.map_err(|error| match error {
            CallError { failure: Failure::TooLong, .. } => too_large(),
            error => {
                Error::new(format!("the voice note could not be fetched: {error}")).hint("send it again")
            }
        })?;
        service.transcribe(client, &recording).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(lines: &str) -> (Settings, ConfigTable) {
        let text = format!("[telegram]\n{lines}");
        let table =
            ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap().table("telegram").unwrap();
        (table.parse().unwrap(), table)
    }

    #[track_caller]
    fn check(lines: &str, variables: &[(&str, &str)], expected: &str) {
        let (settings, table) = settings(lines);
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let found = wanted(&settings, &table, variable);
        assert_eq!(
            found.map_or_else(|error| error.to_string(), |wanted| wanted.to_string()),
            expected,
            "{lines}"
        );
    }

    const ON: &str = "voice_transcription = true\n";

    #[test]
    fn it_is_off_until_somebody_turns_it_on() {
        check("", &[(API_KEY, "k")], "disabled");
        check("voice_transcription_api_key = \"k\"\n", &[], "disabled");
    }

    #[test]
    fn the_settings_go_before_the_environment() {
        let own = "written down by api.openai.com with the key of `voice_transcription_api_key`";
        check(&format!("{ON}voice_transcription_api_key = \"k\"\n"), &[(API_KEY, "other")], own);
        let of_environment = "written down by api.openai.com with the key of OPENAI_API_KEY";
        check(ON, &[(API_KEY, "k")], of_environment);
        check(ON, &[(API_KEY, "k"), (BASE_URL, " ")], of_environment);
        let there = [(API_KEY, "k"), (BASE_URL, "https://there.example/v1/")];
        check(ON, &there, "written down by there.example with the key of OPENAI_API_KEY");
        let here = format!("{ON}voice_transcription_base_url = \"http://127.0.0.1:9/v1\"\n");
        check(&here, &there, "written down by 127.0.0.1 with the key of OPENAI_API_KEY");
        check(&here, &[], "written down by 127.0.0.1 with no key");
        let slash = format!("{ON}voice_transcription_base_url = \"https://API.openai.com/v1/\"\n");
        check(&slash, &[], "neither `voice_transcription_api_key` nor OPENAI_API_KEY is set");
        check(ON, &[], "neither `voice_transcription_api_key` nor OPENAI_API_KEY is set");
    }

    #[test]
    fn an_address_has_one_slash_between_its_parts() {
        for base in ["http://a.example/v1", "http://a.example/v1/"] {
            let address = transcriptions(base).unwrap();
            assert_eq!(address.as_str(), "http://a.example/v1/audio/transcriptions");
        }
        for bad in ["a.example", "ftp://a.example", "", "data:x"] {
            assert_eq!(transcriptions(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_can_not_be_is_said_with_its_place() {
        for (lines, word) in [
            ("voice_transcription_language = \"german\"\n", "two letters"),
            ("voice_transcription_language = \"\"\n", "two letters"),
            ("voice_transcription_base_url = \"a.example\"\n", "no address of a web server"),
        ] {
            let (settings, table) = settings(lines);
            let error = wanted(&settings, &table, |_| None).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("takopi.toml:2"), "{error}");
        }
        let (settings, table) = settings("");
        let bad = |name: &str| (name == BASE_URL).then(|| "a.example".to_owned());
        assert!(wanted(&settings, &table, bad).unwrap_err().to_string().contains(BASE_URL));
    }
}
