//! The service that writes recordings down: one call, in the form that OpenAI gave it.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use takopi_api::config::SecretValue;
use takopi_api::error::Error;

use super::{API_KEY, KeyFrom};
use crate::client::{CallError, Client, Part};

/// How long the service may take for one recording.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait before a service in trouble is asked again.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// How much is told of what a service says.
const LONGEST: usize = 300;

/// Telegram's voice notes are Opus in Ogg. Services go by the ending.
const FILE_NAME: &str = "voice.ogg";

/// A service, and what it is told with every recording.
pub(crate) struct Service {
    pub(super) address: Url,
    pub(super) key: Option<SecretValue>,
    pub(super) key_from: KeyFrom,
    pub(super) model: String,
    pub(super) language: Option<String>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may have a password in it.
        f.debug_struct("Service")
            .field("host", &self.address.host_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// Why a recording was not written down.
#[derive(Debug)]
enum Trouble {
    /// It may go better soon.
    Passing(Error),
    /// It will not.
    Lasting(Error),
}

impl Service {
    /// Writes down a recording. That changes nothing anywhere, so a service in trouble is asked again.
    pub(super) async fn transcribe(&self, client: &Client, recording: &[u8]) -> Result<String, Error> {
        for pause in PAUSES {
            match self.ask(client, recording).await {
                Ok(words) => return Ok(words),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(error)) => {
                    tracing::debug!(%error, "telegram.voice.again");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        self.ask(client, recording).await.map_err(|(Trouble::Passing(error) | Trouble::Lasting(error))| error)
    }

    async fn ask(&self, client: &Client, recording: &[u8]) -> Result<String, Trouble> {
        let mut parts =
            vec![Part::field("model", self.model.clone()), Part::field("response_format", "json".to_owned())];
        if let Some(language) = &self.language {
            parts.push(Part::field("language", language.clone()));
        }
        parts.push(Part::file("file", FILE_NAME, recording));
        let answered = client.post_elsewhere(&self.address, self.key.as_ref(), &parts, PATIENCE).await;
        let (status, text) = answered.map_err(|error| Trouble::Passing(unreachable(&error)))?;
        self.read(status, &text)
    }

    /// What an answer says.
    fn read(&self, status: u16, text: &str) -> Result<String, Trouble> {
        #[derive(Deserialize)]
        struct Answer {
            text: String,
        }

        if (200..300).contains(&status) {
            return serde_json::from_str::<Answer>(text).map(|answer| answer.text).map_err(|_| {
                let told = Error::new("the transcription service answered with something else than words");
                Trouble::Lasting(told.hint("check `voice_transcription_base_url` in [transports.telegram]"))
            });
        }
        let said = match said(text) {
            Some(said) => format!("the transcription service says: {}", self.without_key(&said)),
            None => format!("the transcription service answered {status}"),
        };
        let error = Error::new(said);
        Err(match status {
            401 | 403 => Trouble::Lasting(match self.key_from {
                KeyFrom::Setting => error.hint("check `voice_transcription_api_key` in [transports.telegram]"),
                KeyFrom::Environment => error.hint(format!("check {API_KEY}, which takopi was started with")),
                KeyFrom::Nowhere => error.hint("set `voice_transcription_api_key` in [transports.telegram]"),
            }),
            404 => Trouble::Lasting(error.hint(
                "check `voice_transcription_model` and `voice_transcription_base_url` in [transports.telegram]",
            )),
            408 | 429 | 500.. => Trouble::Passing(error.hint("send it again later, or write it")),
            _ => Trouble::Lasting(error),
        })
    }

    /// A service may repeat the key that it does not take.
    fn without_key(&self, said: &str) -> String {
        let said = match &self.key {
            Some(key) => said.replace(key.expose(), "[secret]"),
            None => said.to_owned(),
        };
        said.chars().take(LONGEST).collect()
    }
}

fn unreachable(error: &CallError) -> Error {
    Error::new(format!("the transcription service can not be asked: {}", error.message))
        .hint("send it again later, or write it")
}

/// What a service says went wrong, on one line.
fn said(text: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let places = [&answer["error"]["message"], &answer["error"], &answer["message"], &answer["detail"]];
    let said = places.into_iter().find_map(Value::as_str)?;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::secret;

    fn service(key_from: KeyFrom) -> Service {
        Service {
            address: Url::parse("http://me:hunter2@a.example/v1/audio/transcriptions").unwrap(),
            key: Some(secret("sk-hunter2")),
            key_from,
            model: "m".to_owned(),
            language: None,
        }
    }

    #[track_caller]
    fn check(status: u16, text: &str, is_passing: bool, said: &str, hint: &str) {
        let (passing, error) = match service(KeyFrom::Environment).read(status, text).unwrap_err() {
            Trouble::Passing(error) => (true, error),
            Trouble::Lasting(error) => (false, error),
        };
        assert_eq!((passing, error.to_string().as_str()), (is_passing, said), "{status} {text}");
        assert!(error.hints().join(" ").contains(hint), "{error:?}");
    }

    #[test]
    fn words_are_read_whatever_else_stands_there() {
        let answer = r#"{"text":" Fix it. ","usage":{"type":"tokens"}}"#;
        assert_eq!(service(KeyFrom::Setting).read(200, answer).unwrap(), " Fix it. ");
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_service_and_without_the_key() {
        let refused = r#"{"error":{"message":"Incorrect API key\n provided: sk-hunter2.","type":"x"}}"#;
        let told = "the transcription service says: Incorrect API key provided: [secret].";
        check(401, refused, false, told, "OPENAI_API_KEY");
        check(
            404,
            r#"{"error":"no such model"}"#,
            false,
            "the transcription service says: no such model",
            "model",
        );
        check(400, r#"{"detail":"bad audio"}"#, false, "the transcription service says: bad audio", "");
        check(503, "<html>", true, "the transcription service answered 503", "later");
        check(429, r#"{"message":"slow down"}"#, true, "the transcription service says: slow down", "later");
        check(301, "", false, "the transcription service answered 301", "");
        let long = format!(r#"{{"error":"{}"}}"#, "ä".repeat(5000));
        let Trouble::Lasting(error) = service(KeyFrom::Nowhere).read(400, &long).unwrap_err() else {
            panic!()
        };
        assert!(error.to_string().chars().count() < LONGEST + 50);
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for text in ["", "<html>", "{}", r#"{"text":7}"#, r#"{"text":null}"#] {
            let words = "the transcription service answered with something else than words";
            check(200, text, false, words, "voice_transcription_base_url");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert!(!format!("{:?}", service(KeyFrom::Setting)).contains("hunter2"));
    }
}
