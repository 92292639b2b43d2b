//! How the CLI is called.

use std::ffi::OsString;
use std::path::Path;

use takopi_api::jsonl::RefusedRun;
use takopi_api::process::{CommandSpec, Environment};
use takopi_api::runner::{Attachment, RunSpec};

use crate::backend::Settings;

pub(crate) fn command(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("gemini needs a prompt".to_owned()));
    }
    let mut command = CommandSpec::new("gemini", &spec.cwd)
        .args(["-o", "stream-json", "--approval-mode", settings.approval_mode.as_str()])
        .environment(environment());
    if settings.skip_trust {
        command = command.arg("--skip-trust");
    }
    // Gemini takes a comma for the end of a path.
    if let Some(outbox) = spec.outbox.as_ref().filter(|outbox| !outbox.to_string_lossy().contains(',')) {
        let mut flag = OsString::from("--include-directories=");
        flag.push(outbox);
        command = command.arg(flag);
    }
    if let Some(thread) = &spec.resume {
        command = command.args(["--resume", thread.value()]);
    }
    if let Some(model) = model(settings, spec) {
        command = command.args(["--model", model]);
    }
    // One argument, so that no prompt can be taken for an option, however it begins.
    Ok(command.arg(format!("--prompt={}", prompt(spec))))
}

fn environment() -> Environment {
    // Gemini warns of a plain terminal on standard error, where a person would read it as the reason of a failure.
    Environment::base()
        .pass(["GEMINI_*", "GOOGLE_*"])
        .set("TERM", "xterm-256color")
        .set("COLORTERM", "truecolor")
}

/// The model of the run: the one that was chosen for it, else that of the settings.
pub(crate) fn model<'a>(settings: &'a Settings, spec: &'a RunSpec) -> Option<&'a str> {
    spec.options.model.as_deref().or(settings.model.as_deref())
}

/// Gemini reads `@path` in a prompt, for files in the folder that it works in. Others are named by their paths.
fn prompt(spec: &RunSpec) -> String {
    let mut prompt = spec.prompt_with_paths(|attachment| reference(attachment, &spec.cwd).is_none());
    let references = spec.attachments.iter().filter_map(|attachment| reference(attachment, &spec.cwd));
    for (place, reference) in references.enumerate() {
        prompt.push_str(if place == 0 { "\n\n" } else { " " });
        prompt.push_str(&reference);
    }
    prompt
}

fn reference(attachment: &Attachment, cwd: &Path) -> Option<String> {
    let path = attachment.path.strip_prefix(cwd).ok()?.to_str()?;
    let mut reference = String::from("@");
    for c in path.chars() {
        if !c.is_alphanumeric() && !matches!(c, '/' | '.' | '-' | '_') {
            reference.push('\\');
        }
        reference.push(c);
    }
    Some(reference)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::process::{ProcessHost, Stdin};
    use takopi_api::resume::ResumeToken;
    use takopi_api::runner::{RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::{ApprovalMode, ENGINE};

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    #[track_caller]
    fn check(settings: &Settings, spec: &RunSpec, expected: &str) {
        let command = command(settings, spec).unwrap();
        assert_eq!(command.stdin, Stdin::Closed);
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(args.join(" "), format!("-o stream-json --approval-mode {expected}"));
    }

    #[test]
    fn a_new_thread_and_a_continued_one() {
        let settings = Settings::default();
        check(&settings, &spec("hi"), "default --prompt=hi");
        let token = ResumeToken::new(ENGINE, "b1955983").unwrap();
        check(&settings, &spec("hi").resume(Some(token)), "default --resume b1955983 --prompt=hi");
    }

    #[test]
    fn the_outbox_can_be_written() {
        check(
            &Settings::default(),
            &spec("hi").outbox(Some("/out".into())),
            "default --include-directories=/out --prompt=hi",
        );
        check(&Settings::default(), &spec("hi").outbox(Some("/a,b".into())), "default --prompt=hi");
    }

    #[test]
    fn what_a_person_chose_comes_before_the_settings() {
        let settings =
            Settings { model: Some("a".into()), approval_mode: ApprovalMode::Yolo, skip_trust: true };
        check(&settings, &spec("hi"), "yolo --skip-trust --model a --prompt=hi");
        let options = RunOptions::default().model(Some("b".into()));
        check(&settings, &spec("hi").options(options), "yolo --skip-trust --model b --prompt=hi");
    }

    #[test]
    fn no_prompt_becomes_an_option() {
        check(&Settings::default(), &spec("--help"), "default --prompt=--help");
        assert!(command(&Settings::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn files_are_referred_to_or_named() {
        let paths = ["/repo/in/a b.png", "/repo/c.txt", "/else/d.txt"];
        let spec = spec("look").attachments(paths.map(Attachment::new));
        check(
            &Settings::default(),
            &spec,
            "default --prompt=look\n\n[attached file: /else/d.txt]\n\n@in/a\\ b.png @c.txt",
        );
    }
}
