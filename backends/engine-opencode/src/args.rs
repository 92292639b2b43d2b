//! How the CLI is called.

use std::ffi::OsString;

use takopi_api::jsonl::RefusedRun;
use takopi_api::process::{CommandSpec, Environment, Stdin};
use takopi_api::runner::{AttachmentKind, RunSpec};

use crate::backend::Settings;

/// The keys of the providers that most people use. Opencode knows more; those go in with `pass_env`.
const PROVIDER_VARIABLES: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "AZURE_API_KEY",
    "AZURE_RESOURCE_NAME",
    "GEMINI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "OPENROUTER_API_KEY",
    "GROQ_API_KEY",
    "CEREBRAS_API_KEY",
    "DEEPSEEK_API_KEY",
    "MISTRAL_API_KEY",
    "MOONSHOT_API_KEY",
    "XAI_API_KEY",
    "ZHIPU_API_KEY",
];

/// The prompt goes in on standard input. As an argument opencode puts it in quotes, escapes those in it, and fails over one
/// that is a number.
pub(crate) fn command(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("opencode needs a prompt".to_owned()));
    }
    let mut command = CommandSpec::new("opencode", &spec.cwd).args(["run", "--format", "json"]);
    if let Some(thread) = &spec.resume {
        command = command.args(["--session", thread.value()]);
    }
    if let Some(model) = model(settings, spec) {
        command = command.args(["--model", model]);
    }
    if let Some(agent) = &spec.options.mode {
        let mut flag = OsString::from("--agent=");
        flag.push(agent);
        command = command.arg(flag);
    }
    for image in spec.attachments.iter().filter(|attachment| attachment.kind == AttachmentKind::Image) {
        let mut flag = OsString::from("--file=");
        flag.push(&image.path);
        command = command.arg(flag);
    }
    // Opencode would put the whole of a text into its prompt, and complain of anything else.
    let prompt = spec.prompt_with_paths(|attachment| attachment.kind != AttachmentKind::Image);
    Ok(command.environment(environment()).stdin(Stdin::Payload(prompt.into_bytes())))
}

/// The model of the run: the one that was chosen for it, else that of the settings.
pub(crate) fn model<'a>(settings: &'a Settings, spec: &'a RunSpec) -> Option<&'a str> {
    spec.options.model.as_deref().or(settings.model.as_deref())
}

pub(crate) fn environment() -> Environment {
    Environment::base().pass(["OPENCODE_*"]).pass(PROVIDER_VARIABLES.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::process::ProcessHost;
    use takopi_api::resume::ResumeToken;
    use takopi_api::runner::{Attachment, RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::ENGINE;

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    #[track_caller]
    fn check(settings: &Settings, spec: &RunSpec, args: &str, prompt: &str) {
        let command = command(settings, spec).unwrap();
        assert_eq!(command.stdin, Stdin::Payload(prompt.as_bytes().to_vec()));
        let found: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(found.join(" "), args);
    }

    #[test]
    fn a_new_thread_and_a_continued_one() {
        let settings = Settings::default();
        check(&settings, &spec("hi"), "run --format json", "hi");
        let token = ResumeToken::new(ENGINE, "ses_1a").unwrap();
        check(&settings, &spec("hi").resume(Some(token)), "run --format json --session ses_1a", "hi");
    }

    #[test]
    fn what_a_person_chose_comes_before_the_settings() {
        let settings = Settings { model: Some("a/b".into()), ..Settings::default() };
        check(&settings, &spec("hi"), "run --format json --model a/b", "hi");
        let options = RunOptions::default().model(Some("c/d".into()));
        check(&settings, &spec("hi").options(options), "run --format json --model c/d", "hi");
        let options = RunOptions::default().mode(Some("plan".into()));
        check(&Settings::default(), &spec("hi").options(options), "run --format json --agent=plan", "hi");
    }

    #[test]
    fn the_prompt_goes_in_as_it_is() {
        for prompt in ["--help", "42", "say \"hi\"\n\u{1f419}"] {
            check(&Settings::default(), &spec(prompt), "run --format json", prompt);
        }
        assert!(command(&Settings::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn images_go_by_flag_and_other_files_by_name() {
        check(
            &Settings::default(),
            &spec("look").attachments(["/a b.png", "/c.txt"].map(Attachment::new)),
            "run --format json --file=/a b.png",
            "look\n\n[attached file: /c.txt]",
        );
    }
}
