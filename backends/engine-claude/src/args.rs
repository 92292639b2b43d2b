//! How the CLI is called.

use std::path::Path;

use takopi_api::jsonl::RefusedRun;
use takopi_api::process::CommandSpec;
use takopi_api::runner::RunSpec;

use crate::backend::Settings;
use crate::environment;

/// A level of effort alone does not make claude think where its own settings say that it should not.
const THINKING: &str = r#"{"alwaysThinkingEnabled":true}"#;

/// The prompt comes after `--`, so that none can be taken for an option, however it begins.
pub(crate) fn command(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("claude needs a prompt".to_owned()));
    }
    let mut command =
        CommandSpec::new("claude", &spec.cwd).args(["-p", "--output-format", "stream-json", "--verbose"]);
    if let Some(session) = &spec.resume {
        command = command.args(["--resume", session.value()]);
    }
    if let Some(model) = model(settings, spec) {
        command = command.args(["--model", model]);
    }
    if let Some(outbox) = &spec.outbox {
        command = command.arg("--add-dir").arg(outbox);
    }
    if !settings.allowed_tools.is_empty() {
        command = command.args(["--allowedTools", &settings.allowed_tools]);
    }
    if settings.dangerously_skip_permissions {
        command = command.arg("--dangerously-skip-permissions");
    }
    if let Some(level) = &spec.options.reasoning {
        command = command.args(["--effort", level, "--settings", THINKING]);
    }
    Ok(command.arg("--").arg(prompt(spec)).environment(environment::for_claude(settings.use_api_billing)))
}

/// The model of the run: what was chosen for it, else what is configured.
pub(crate) fn model<'a>(settings: &'a Settings, spec: &'a RunSpec) -> Option<&'a str> {
    spec.options.model.as_deref().or(settings.model.as_deref())
}

/// Claude reads the files, images too, that a prompt mentions as `@path`.
fn prompt(spec: &RunSpec) -> String {
    let mut prompt = spec.prompt_with_paths(|attachment| mention(&attachment.path).is_none());
    let mentions: Vec<_> =
        spec.attachments.iter().filter_map(|attachment| mention(&attachment.path)).collect();
    if !mentions.is_empty() {
        prompt.push_str("\n\n");
        prompt.push_str(&mentions.join("\n"));
    }
    prompt
}

/// A path as claude takes it in a prompt; there is no way to write one with a quote or a line break in it.
fn mention(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    match path {
        _ if path.contains(['"', '\n', '\r']) => None,
        // A bracket or a sentence's point would end a bare path too early.
        _ if path.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)) => Some(format!("@{path}")),
        _ => Some(format!("@\"{path}\"")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::process::{ProcessHost, Stdin};
    use takopi_api::resume::ResumeToken;
    use takopi_api::runner::{Attachment, RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::ENGINE;

    const START: &str = "-p --output-format stream-json --verbose";

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    #[track_caller]
    fn check(settings: &Settings, spec: &RunSpec, expected: &str) {
        let command = command(settings, spec).unwrap();
        assert_eq!(command.stdin, Stdin::Closed);
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(args.join(" "), format!("{START} {expected}"));
    }

    #[test]
    fn a_new_session_and_a_continued_one() {
        let settings = Settings::default();
        check(&settings, &spec("hi"), "--allowedTools Bash,Read,Edit,Write -- hi");
        let token = ResumeToken::new(ENGINE, "6ad4").unwrap();
        let continued = spec("hi").resume(Some(token));
        check(&settings, &continued, "--resume 6ad4 --allowedTools Bash,Read,Edit,Write -- hi");
    }

    #[test]
    fn the_outbox_can_be_written() {
        let spec = spec("hi").outbox(Some("/out".into()));
        check(&Settings::default(), &spec, "--add-dir /out --allowedTools Bash,Read,Edit,Write -- hi");
        let settings = Settings { allowed_tools: String::new(), ..Settings::default() };
        check(&settings, &spec, "--add-dir /out -- hi");
    }

    #[test]
    fn what_is_set_and_what_is_chosen() {
        let settings = Settings {
            model: Some("opus".into()),
            allowed_tools: String::new(),
            dangerously_skip_permissions: true,
            use_api_billing: false,
        };
        check(&settings, &spec("hi"), "--model opus --dangerously-skip-permissions -- hi");
        let options = RunOptions::default().model(Some("haiku".into())).reasoning(Some("max".into()));
        check(
            &settings,
            &spec("hi").options(options),
            "--model haiku --dangerously-skip-permissions \
             --effort max --settings {\"alwaysThinkingEnabled\":true} -- hi",
        );
    }

    #[test]
    fn the_prompt_is_one_argument_and_never_an_option() {
        let command = command(&Settings::default(), &spec("--help\n\u{1f419} -")).unwrap();
        let last: Vec<_> = command.args.iter().rev().take(2).map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(last, ["--help\n\u{1f419} -", "--"]);
        assert!(super::command(&Settings::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn files_are_mentioned() {
        let attachments = ["/a.png", "/my notes.txt", "/odd\".txt"].map(Attachment::new);
        let spec = spec("look").attachments(attachments);
        assert_eq!(prompt(&spec), "look\n\n[attached file: /odd\".txt]\n\n@/a.png\n@\"/my notes.txt\"");
        assert_eq!(prompt(&super::tests::spec("look")), "look");
    }
}
