//! How the CLI is called.

use std::path::Path;

use serde_json::{Map, Value};
use takopi_api::jsonl::RefusedRun;
use takopi_api::process::CommandSpec;
use takopi_api::runner::{Attachment, RunSpec};

use crate::backend::{MODES, PLAN, Settings};
use crate::environment;

/// What is allowed where nobody can be asked, unless the person says something else.
const ALLOWED_UNASKED: &str = "Bash,Read,Edit,Write";

/// The program that prints. The prompt comes after `--`, so that none can be taken for an option, however it begins.
pub(crate) fn print(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    if spec.options.mode.is_some() {
        return Err(RefusedRun(
            "claude has no modes with `mode = \"print\"` in `[claude]`: nobody could be asked about a plan"
                .to_owned(),
        ));
    }
    let command = command(spec, &["--output-format", "stream-json", "--verbose"])?;
    let mut command = shared(command, settings, spec);
    let allowed = settings.allowed_tools.as_deref().unwrap_or(ALLOWED_UNASKED);
    if !allowed.is_empty() {
        command = command.args(["--allowedTools", allowed]);
    }
    if settings.dangerously_skip_permissions {
        command = command.arg("--dangerously-skip-permissions");
    }
    let mut own = Map::new();
    command = effort(command, spec, &mut own);
    Ok(with_settings(command, own).arg("--").arg(prompt(spec, |_| true)))
}

/// The program that is talked to. It hears the prompt later.
pub(crate) fn control(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    const TALKS: &[&str] = &[
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool",
        "stdio",
    ];
    let mode = spec.options.mode.as_deref();
    if let Some(mode) = mode.filter(|mode| !MODES.contains(mode)) {
        let modes = MODES.join(", ");
        return Err(RefusedRun(format!(
            "claude has no mode `{mode}` that can be chosen here; there are {modes}"
        )));
    }
    let mut command = shared(command(spec, TALKS)?, settings, spec);
    if let Some(mode) = mode {
        command = command.args(["--permission-mode", mode]);
    }
    // Who plans changes nothing, and claude would run what is allowed here all the same.
    let allowed = settings.allowed_tools.as_deref().filter(|tools| !tools.is_empty() && mode != Some(PLAN));
    if let Some(allowed) = allowed {
        command = command.args(["--allowedTools", allowed]);
    }
    // It would win over the mode that was chosen for the run.
    if settings.dangerously_skip_permissions && mode.is_none() {
        command = command.arg("--dangerously-skip-permissions");
    }
    let mut own = Map::new();
    // Otherwise a model decides while claude plans which commands may run, and not the person.
    own.insert("useAutoModeDuringPlan".to_owned(), Value::Bool(false));
    command = effort(command, spec, &mut own);
    Ok(with_settings(command, own))
}

fn command(spec: &RunSpec, format: &[&str]) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("claude needs a prompt".to_owned()));
    }
    Ok(CommandSpec::new("claude", &spec.cwd).arg("-p").args(format))
}

fn shared(mut command: CommandSpec, settings: &Settings, spec: &RunSpec) -> CommandSpec {
    if let Some(session) = &spec.resume {
        command = command.args(["--resume", session.value()]);
    }
    if let Some(model) = model(settings, spec) {
        command = command.args(["--model", model]);
    }
    if let Some(outbox) = &spec.outbox {
        command = command.arg("--add-dir").arg(outbox);
    }
    command.environment(environment::for_claude(settings.use_api_billing))
}

/// A level of effort alone does not make claude think where its own settings say that it should not.
fn effort(command: CommandSpec, spec: &RunSpec, own: &mut Map<String, Value>) -> CommandSpec {
    let Some(level) = &spec.options.reasoning else { return command };
    own.insert("alwaysThinkingEnabled".to_owned(), Value::Bool(true));
    command.args(["--effort", level])
}

/// Settings of this run, over claude's own. They can be given once.
fn with_settings(command: CommandSpec, own: Map<String, Value>) -> CommandSpec {
    if own.is_empty() { command } else { command.arg("--settings").arg(Value::Object(own).to_string()) }
}

/// The model of the run: what was chosen for it, else what is configured.
pub(crate) fn model<'a>(settings: &'a Settings, spec: &'a RunSpec) -> Option<&'a str> {
    spec.options.model.as_deref().or(settings.model.as_deref())
}

/// Claude reads the files, images too, that a prompt mentions as `@path`. Those for which this is not said are left out.
pub(crate) fn prompt(spec: &RunSpec, is_mentioned: impl Fn(&Attachment) -> bool) -> String {
    let mut prompt =
        spec.prompt_with_paths(|attachment| is_mentioned(attachment) && mention(&attachment.path).is_none());
    let mentions: Vec<_> = spec
        .attachments
        .iter()
        .filter(|attachment| is_mentioned(attachment))
        .filter_map(|attachment| mention(&attachment.path))
        .collect();
    if !mentions.is_empty() {
        prompt.push_str("\n\n");
        prompt.push_str(&mentions.join("\n"));
    }
    prompt
}

/// A path as claude takes it in a prompt; there is no way to write one with a quote or a line break in it.
pub(crate) fn mention(path: &Path) -> Option<String> {
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
    use takopi_api::runner::{RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::ENGINE;

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    fn in_mode(mode: &str) -> RunSpec {
        spec("hi").options(RunOptions::default().mode(Some(mode.to_owned())))
    }

    fn line(command: &CommandSpec) -> String {
        command.args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn prints(settings: &Settings, spec: &RunSpec, expected: &str) {
        let command = print(settings, spec).unwrap();
        assert_eq!(command.stdin, Stdin::Closed);
        assert_eq!(line(&command), format!("-p --output-format stream-json --verbose {expected}"));
    }

    #[track_caller]
    fn talks(settings: &Settings, spec: &RunSpec, expected: &str) {
        let start = "-p --input-format stream-json --output-format stream-json --verbose \
                     --include-partial-messages --permission-prompt-tool stdio";
        let line = line(&control(settings, spec).unwrap());
        assert_eq!(line, format!("{start} {expected}"));
    }

    #[test]
    fn a_new_session_and_a_continued_one() {
        let settings = Settings::default();
        prints(&settings, &spec("hi"), "--allowedTools Bash,Read,Edit,Write -- hi");
        let token = ResumeToken::new(ENGINE, "6ad4").unwrap();
        let continued = spec("hi").resume(Some(token));
        prints(&settings, &continued, "--resume 6ad4 --allowedTools Bash,Read,Edit,Write -- hi");
        talks(&settings, &continued, r#"--resume 6ad4 --settings {"useAutoModeDuringPlan":false}"#);
    }

    #[test]
    fn the_outbox_can_be_written() {
        let spec = spec("hi").outbox(Some("/out".into()));
        prints(&Settings::default(), &spec, "--add-dir /out --allowedTools Bash,Read,Edit,Write -- hi");
        let settings = Settings { allowed_tools: Some(String::new()), ..Settings::default() };
        prints(&settings, &spec, "--add-dir /out -- hi");
        talks(&settings, &spec, r#"--add-dir /out --settings {"useAutoModeDuringPlan":false}"#);
    }

    #[test]
    fn what_is_set_and_what_is_chosen() {
        let settings = Settings {
            model: Some("opus".into()),
            allowed_tools: Some(String::new()),
            dangerously_skip_permissions: true,
            ..Settings::default()
        };
        prints(&settings, &spec("hi"), "--model opus --dangerously-skip-permissions -- hi");
        let options = RunOptions::default().model(Some("haiku".into())).reasoning(Some("max".into()));
        let spec = spec("hi").options(options);
        prints(
            &settings,
            &spec,
            "--model haiku --dangerously-skip-permissions \
             --effort max --settings {\"alwaysThinkingEnabled\":true} -- hi",
        );
        talks(
            &settings,
            &spec,
            "--model haiku --dangerously-skip-permissions \
             --effort max --settings {\"useAutoModeDuringPlan\":false,\"alwaysThinkingEnabled\":true}",
        );
    }

    #[test]
    fn what_nobody_allowed_is_asked_where_somebody_can_be_asked() {
        const OWN: &str = r#"--settings {"useAutoModeDuringPlan":false}"#;
        talks(&Settings::default(), &spec("hi"), OWN);
        let settings = Settings { allowed_tools: Some("Bash,Read".into()), ..Settings::default() };
        talks(&settings, &spec("hi"), &format!("--allowedTools Bash,Read {OWN}"));
    }

    #[test]
    fn a_mode_that_is_chosen_wins_over_what_is_set() {
        const OWN: &str = r#"--settings {"useAutoModeDuringPlan":false}"#;
        let settings = Settings {
            allowed_tools: Some("Bash".into()),
            dangerously_skip_permissions: true,
            ..Settings::default()
        };
        talks(&settings, &in_mode("plan"), &format!("--permission-mode plan {OWN}"));
        let expected = format!("--permission-mode acceptEdits --allowedTools Bash {OWN}");
        talks(&settings, &in_mode("acceptEdits"), &expected);
    }

    #[test]
    fn modes_in_which_claude_asks_for_nothing_can_not_be_chosen() {
        for mode in ["bypassPermissions", "dontAsk", "auto", "", "--dangerously-skip-permissions"] {
            let RefusedRun(why) = control(&Settings::default(), &in_mode(mode)).unwrap_err();
            assert_eq!(
                why,
                format!(
                    "claude has no mode `{mode}` that can be chosen here; there are default, acceptEdits, plan"
                )
            );
        }
        assert!(print(&Settings::default(), &in_mode("plan")).is_err());
    }

    #[test]
    fn the_prompt_is_one_argument_and_never_an_option() {
        let command = print(&Settings::default(), &spec("--help\n\u{1f419} -")).unwrap();
        let last: Vec<_> = command.args.iter().rev().take(2).map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(last, ["--help\n\u{1f419} -", "--"]);
        assert!(print(&Settings::default(), &spec(" \n")).is_err());
        assert!(control(&Settings::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn files_are_mentioned() {
        let attachments = ["/a.png", "/my notes.txt", "/odd\".txt"].map(Attachment::new);
        let with_files = spec("look").attachments(attachments);
        let all = "look\n\n[attached file: /odd\".txt]\n\n@/a.png\n@\"/my notes.txt\"";
        assert_eq!(prompt(&with_files, |_| true), all);
        assert_eq!(prompt(&with_files, |attachment| attachment.path.ends_with("a.png")), "look\n\n@/a.png");
        assert_eq!(prompt(&spec("look"), |_| true), "look");
    }
}
