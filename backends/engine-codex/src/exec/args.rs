//! How the CLI is called.

use std::ffi::OsString;

use takopi_api::jsonl::RefusedRun;
use takopi_api::process::{CommandSpec, Stdin};
use takopi_api::runner::{Attachment, AttachmentKind, RunSpec};

use crate::backend::Settings;
use crate::environment;

/// Options that decide what the CLI prints, and so belong to takopi.
const OWN_FLAGS: &[&str] =
    &["--json", "--skip-git-repo-check", "--output-schema", "--output-last-message", "-o", "--color"];

/// The first of the arguments that is takopi's own to set.
pub(crate) fn refused(extra_args: &[String]) -> Option<&str> {
    extra_args.iter().map(String::as_str).find(|arg| {
        let flag = arg.split_once('=').map_or(*arg, |(flag, _)| flag);
        OWN_FLAGS.contains(&flag)
    })
}

/// The prompt goes in on standard input, so that no prompt can be taken for an option, however it begins.
pub(crate) fn command(settings: &Settings, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("codex needs a prompt".to_owned()));
    }
    let mut command = CommandSpec::new("codex", &spec.cwd).args(&settings.extra_args);
    if let Some(profile) = &settings.profile {
        command = command.args(["--profile", profile]);
    }
    if let Some(model) = &spec.options.model {
        command = command.args(["--model", model]);
    }
    if let Some(level) = &spec.options.reasoning {
        command = command.args(["-c", &format!("model_reasoning_effort={level}")]);
    }
    command = command.args(["exec", "--json", "--skip-git-repo-check", "--color=never"]);
    for image in spec.attachments.iter().filter(|attachment| goes_by_flag(attachment)) {
        let mut flag = OsString::from("--image=");
        flag.push(&image.path);
        command = command.arg(flag);
    }
    // In a sandbox that writes at all; the person's own list of folders stays.
    if let Some(outbox) = &spec.outbox {
        let mut flag = OsString::from("--add-dir=");
        flag.push(outbox);
        command = command.arg(flag);
    }
    if let Some(thread) = &spec.resume {
        command = command.args(["resume", thread.value()]);
    }
    Ok(command
        .arg("-")
        .environment(environment::for_codex(settings.profile.as_deref()))
        .stdin(Stdin::Payload(spec.prompt_with_paths(|attachment| !goes_by_flag(attachment)).into_bytes())))
}

/// Images have a flag, which takes a comma for the end of a path.
fn goes_by_flag(attachment: &Attachment) -> bool {
    attachment.kind == AttachmentKind::Image && !attachment.path.to_string_lossy().contains(',')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::process::ProcessHost;
    use takopi_api::resume::ResumeToken;
    use takopi_api::runner::{RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::ENGINE;

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    fn args(settings: &Settings, spec: &RunSpec) -> String {
        let command = command(settings, spec).unwrap();
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        args.join(" ")
    }

    #[test]
    fn a_new_thread_and_a_continued_one() {
        let settings = Settings::default();
        let exec = "-c notify=[] exec --json --skip-git-repo-check --color=never";
        assert_eq!(args(&settings, &spec("hi")), format!("{exec} -"));
        let token = ResumeToken::new(ENGINE, "0199").unwrap();
        assert_eq!(args(&settings, &spec("hi").resume(Some(token))), format!("{exec} resume 0199 -"));
    }

    #[test]
    fn what_a_person_chose_comes_before_exec() {
        let settings = Settings { profile: Some("work".into()), extra_args: vec![], ..Settings::default() };
        let options = RunOptions::default().model(Some("gpt-6".into())).reasoning(Some("high".into()));
        assert_eq!(
            args(&settings, &spec("hi").options(options)),
            "--profile work --model gpt-6 -c model_reasoning_effort=high \
             exec --json --skip-git-repo-check --color=never -"
        );
    }

    #[test]
    fn the_prompt_goes_in_as_it_is() {
        let command = command(&Settings::default(), &spec("--help\n\u{1f419} -")).unwrap();
        assert_eq!(command.stdin, Stdin::Payload("--help\n\u{1f419} -".as_bytes().to_vec()));
        assert!(super::command(&Settings::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn images_go_by_flag_and_other_files_by_name() {
        let attachments = ["/a.png", "/b.txt", "/c,d.jpg"].map(Attachment::new);
        let spec = spec("look").attachments(attachments);
        assert!(args(&Settings::default(), &spec).ends_with("--color=never --image=/a.png -"));
        let command = command(&Settings::default(), &spec).unwrap();
        let prompt = "look\n\n[attached files]\n- /b.txt\n- /c,d.jpg";
        assert_eq!(command.stdin, Stdin::Payload(prompt.as_bytes().to_vec()));
    }

    #[test]
    fn the_outbox_can_be_written() {
        let thread = ResumeToken::new(ENGINE, "0199").unwrap();
        let spec = spec("hi").outbox(Some("/out".into())).resume(Some(thread));
        assert!(args(&Settings::default(), &spec).ends_with("--color=never --add-dir=/out resume 0199 -"));
    }

    #[test]
    fn takopis_own_flags_are_refused() {
        let check = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            refused(&args).map(str::to_owned)
        };
        assert_eq!(check(&["-c", "x=1", "--color=always"]).as_deref(), Some("--color=always"));
        assert_eq!(check(&["-o", "file"]).as_deref(), Some("-o"));
        assert_eq!(check(&["--search", "-c", "notify=[]"]), None);
    }
}
