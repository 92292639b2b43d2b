//! What is said to the model, and how it is to work.

use std::path::Path;

use serde_json::{Value, json};
use takopi_api::jsonl::RefusedRun;
use takopi_api::runner::{AttachmentKind, RunSpec};

use crate::args;
use crate::backend::Settings;

/// What every message of a run says beside its text: opencode takes its defaults for one that says nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Prompt {
    parts: Vec<Value>,
    model: Option<Value>,
    agent: Option<String>,
}

impl Prompt {
    pub(super) fn new(settings: &Settings, spec: &RunSpec) -> Result<Self, RefusedRun> {
        if spec.prompt.trim().is_empty() {
            return Err(RefusedRun("opencode needs a prompt".to_owned()));
        }
        let model = match args::model(settings, spec) {
            None => None,
            Some(name) => match name.split_once('/') {
                Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                    Some(json!({"providerID": provider, "modelID": model}))
                }
                _ => {
                    return Err(RefusedRun(format!(
                        "`{name}` is no model of opencode: it takes `provider/model`; `opencode models` lists them"
                    )));
                }
            },
        };
        let images = spec.attachments.iter().filter(|attachment| attachment.kind == AttachmentKind::Image);
        // Opencode would put the whole of a text into its prompt, and complain of anything else.
        let text = spec.prompt_with_paths(|attachment| attachment.kind != AttachmentKind::Image);
        let parts =
            std::iter::once(text_part(&text)).chain(images.map(|image| image_part(&image.path))).collect();
        Ok(Self { parts, model, agent: spec.options.mode.clone() })
    }

    /// The first message.
    pub(super) fn first(&self) -> Value {
        self.message(&self.parts)
    }

    /// A later message of the same run.
    pub(super) fn later(&self, text: &str) -> Value {
        self.message(&[text_part(text)])
    }

    fn message(&self, parts: &[Value]) -> Value {
        let mut message = json!({"parts": parts});
        if let Some(model) = &self.model {
            message["model"] = model.clone();
        }
        if let Some(agent) = &self.agent {
            message["agent"] = json!(agent);
        }
        message
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image_part(path: &Path) -> Value {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let kind = if ending == "jpg" { "jpeg" } else { &ending };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    json!({"type": "file", "mime": format!("image/{kind}"), "filename": name, "url": file_url(path)})
}

fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::process::ProcessHost;
    use takopi_api::runner::{Attachment, RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    #[test]
    fn a_prompt_is_its_text_and_nothing_else() {
        for text in ["--help", "42", "say \"hi\"\n\u{1f419}"] {
            let prompt = Prompt::new(&Settings::default(), &spec(text)).unwrap();
            assert_eq!(prompt.first(), json!({"parts": [{"type": "text", "text": text}]}));
        }
        assert!(Prompt::new(&Settings::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn model_and_mode_are_said_with_every_message() {
        let settings = Settings { model: Some("a/b".into()), ..Settings::default() };
        let options = RunOptions::default().mode(Some("plan".into()));
        let prompt = Prompt::new(&settings, &spec("hi").options(options)).unwrap();
        let model = json!({"providerID": "a", "modelID": "b"});
        assert_eq!(
            prompt.first(),
            json!({"parts": [{"type": "text", "text": "hi"}], "model": model, "agent": "plan"})
        );
        assert_eq!(
            prompt.later("ho"),
            json!({"parts": [{"type": "text", "text": "ho"}], "model": model, "agent": "plan"})
        );
        let options = RunOptions::default().model(Some("c/d/e".into()));
        let prompt = Prompt::new(&settings, &spec("hi").options(options)).unwrap();
        assert_eq!(prompt.first()["model"], json!({"providerID": "c", "modelID": "d/e"}));
    }

    #[test]
    fn a_model_without_its_provider_is_refused() {
        for name in ["gpt", "/gpt", "openai/"] {
            let options = RunOptions::default().model(Some(name.into()));
            let refused = Prompt::new(&Settings::default(), &spec("hi").options(options));
            assert!(refused.is_err_and(|RefusedRun(reason)| reason.contains("provider/model")), "{name}");
        }
    }

    #[test]
    fn images_go_as_files_and_other_files_by_name() {
        let spec = spec("look").attachments(["/a b/\u{e4}.JPG", "/c.txt"].map(Attachment::new));
        let prompt = Prompt::new(&Settings::default(), &spec).unwrap();
        let image = json!({"type": "file", "mime": "image/jpeg", "filename": "\u{e4}.JPG", "url": "file:///a%20b/%C3%A4.JPG"});
        let text = json!({"type": "text", "text": "look\n\n[attached file: /c.txt]"});
        assert_eq!(prompt.first(), json!({"parts": [text, image]}));
    }
}
