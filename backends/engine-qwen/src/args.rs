//! How the CLI is called.

use std::ffi::OsString;

use takopi_api::jsonl::RefusedRun;
use takopi_api::process::{CommandSpec, Stdin};
use takopi_api::runner::RunSpec;

use crate::backend::{ApprovalMode, AuthType, Settings};
use crate::environment;

/// The prompt goes in on standard input: after `-p`, one that begins with a dash is taken for an option. Files are named
/// by their paths, since qwen does not read an `@path` outside of its workspace.
pub(crate) fn command(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("qwen needs a prompt".to_owned()));
    }
    let mut command = CommandSpec::new("qwen", &spec.cwd).args([
        "-o",
        "stream-json",
        "--approval-mode",
        approval_mode(settings.approval_mode),
    ]);
    if let Some(auth_type) = settings.auth_type {
        command = command.args(["--auth-type", self::auth_type(auth_type)]);
    }
    // Qwen takes a comma for the end of a path.
    if let Some(outbox) = spec.outbox.as_ref().filter(|outbox| !outbox.to_string_lossy().contains(',')) {
        let mut flag = OsString::from("--include-directories=");
        flag.push(outbox);
        command = command.arg(flag);
    }
    if let Some(session) = &spec.resume {
        command = command.args(["--resume", session.value()]);
    }
    if let Some(model) = model(settings, spec) {
        command = command.args(["--model", model]);
    }
    Ok(command
        .environment(environment::for_qwen(settings.auth_type))
        .stdin(Stdin::Payload(spec.prompt_with_paths(|_| true).into_bytes())))
}

/// The model of the run: what was chosen for it, else what is configured.
pub(crate) fn model<'a>(settings: &'a Settings, spec: &'a RunSpec) -> Option<&'a str> {
    spec.options.model.as_deref().or(settings.model.as_deref())
}

const fn approval_mode(mode: ApprovalMode) -> &'static str {
    match mode {
        ApprovalMode::Plan => "plan",
        ApprovalMode::Default => "default",
        ApprovalMode::AutoEdit => "auto-edit",
        ApprovalMode::Auto => "auto",
        ApprovalMode::Yolo => "yolo",
    }
}

const fn auth_type(auth_type: AuthType) -> &'static str {
    match auth_type {
        AuthType::Openai => "openai",
        AuthType::OpenaiResponses => "openai-responses",
        AuthType::Anthropic => "anthropic",
        AuthType::QwenOauth => "qwen-oauth",
        AuthType::Gemini => "gemini",
        AuthType::VertexAi => "vertex-ai",
    }
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
    fn check(settings: &Settings, spec: &RunSpec, expected: &str) {
        let command = command(settings, spec).unwrap();
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(args.join(" "), format!("-o stream-json {expected}"));
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_set() {
        check(&Settings::default(), &spec("hi"), "--approval-mode default");
        let token = ResumeToken::new(ENGINE, "6ad4").unwrap();
        check(&Settings::default(), &spec("hi").resume(Some(token)), "--approval-mode default --resume 6ad4");
    }

    #[test]
    fn the_outbox_can_be_written() {
        check(
            &Settings::default(),
            &spec("hi").outbox(Some("/out".into())),
            "--approval-mode default --include-directories=/out",
        );
        check(&Settings::default(), &spec("hi").outbox(Some("/a,b".into())), "--approval-mode default");
    }

    #[test]
    fn what_is_set_and_what_is_chosen() {
        let settings = Settings {
            model: Some("coder".into()),
            approval_mode: ApprovalMode::Yolo,
            auth_type: Some(AuthType::Openai),
        };
        check(&settings, &spec("hi"), "--approval-mode yolo --auth-type openai --model coder");
        let options = RunOptions::default().model(Some("max".into()));
        check(&settings, &spec("hi").options(options), "--approval-mode yolo --auth-type openai --model max");
    }

    #[test]
    fn the_prompt_goes_in_as_it_is_with_the_names_of_the_files() {
        let spec_with_file = spec("--help").attachments([Attachment::new("/a.png")]);
        let command = command(&Settings::default(), &spec_with_file).unwrap();
        assert_eq!(command.stdin, Stdin::Payload(b"--help\n\n[attached file: /a.png]".to_vec()));
        assert!(super::command(&Settings::default(), &spec(" \n")).is_err());
    }
}
