//! How the CLI is called.

use std::ffi::OsString;
use std::path::Path;

use takopi_api::jsonl::RefusedRun;
use takopi_api::process::{CommandSpec, Environment};
use takopi_api::runner::{AttachmentKind, RunSpec};

use crate::backend::Settings;
use crate::sessions::{Place, Sessions, is_path};

/// Options that decide what the CLI prints or which thread it opens, and so belong to takopi.
const OWN_FLAGS: &[&str] = &[
    "--print",
    "-p",
    "--mode",
    "--session",
    "--session-id",
    "--no-session",
    "--fork",
    "--continue",
    "-c",
    "--resume",
    "-r",
];

/// The keys of the providers that most people use. Pi documents more; those go in with `pass_env`.
const PROVIDER_VARIABLES: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_OAUTH_TOKEN",
    "OPENAI_API_KEY",
    "AZURE_OPENAI_*",
    "GEMINI_API_KEY",
    "DEEPSEEK_API_KEY",
    "GROQ_API_KEY",
    "CEREBRAS_API_KEY",
    "XAI_API_KEY",
    "OPENROUTER_API_KEY",
    "AI_GATEWAY_API_KEY",
    "ZAI_API_KEY",
    "MISTRAL_API_KEY",
    "MOONSHOT_API_KEY",
    "KIMI_API_KEY",
    "OPENCODE_API_KEY",
];

/// The first of the arguments that is takopi's own to set.
pub(crate) fn refused(extra_args: &[String]) -> Option<&str> {
    extra_args.iter().map(String::as_str).find(|arg| {
        let flag = arg.split_once('=').map_or(*arg, |(flag, _)| flag);
        OWN_FLAGS.contains(&flag)
    })
}

/// One run, of which only the output is read.
pub(crate) fn json(
    settings: &Settings,
    sessions: &Sessions,
    spec: &RunSpec,
) -> Result<CommandSpec, RefusedRun> {
    let mut command = begin(settings, spec, &["--print", "--mode", "json"])?;
    command = with_thread(command, sessions, spec)?;
    for image in spec.attachments.iter().filter(|attachment| attachment.kind == AttachmentKind::Image) {
        let mut argument = OsString::from("@");
        argument.push(&image.path);
        command = command.arg(argument);
    }
    // Pi would put the whole of any other file into its prompt, whatever is in it. The path lets the model look.
    let prompt = spec.prompt_with_paths(|attachment| attachment.kind != AttachmentKind::Image);
    Ok(command.arg(as_argument(prompt)).environment(environment()))
}

/// One run that is talked to; the prompt is told later. `extension` is what lets pi ask.
pub(crate) fn rpc(
    settings: &Settings,
    sessions: &Sessions,
    extension: Option<&Path>,
    spec: &RunSpec,
) -> Result<CommandSpec, RefusedRun> {
    let mut command = with_thread(begin(settings, spec, &["--mode", "rpc"])?, sessions, spec)?;
    let mut environment = environment();
    if let Some(extension) = extension {
        command = command.arg("-e").arg(extension);
        // Pi would keep what it makes of an extension in the folder for temporary files, and take it from there the next
        // time: others can write there.
        environment = environment.set("JITI_FS_CACHE", "false");
    }
    Ok(command.environment(environment))
}

fn begin(settings: &Settings, spec: &RunSpec, mode: &[&str]) -> Result<CommandSpec, RefusedRun> {
    if spec.prompt.trim().is_empty() {
        return Err(RefusedRun("pi needs a prompt".to_owned()));
    }
    let mut command = CommandSpec::new("pi", &spec.cwd).args(&settings.extra_args).args(mode);
    if let Some(provider) = &settings.provider {
        command = command.args(["--provider", provider]);
    }
    if let Some(model) = spec.options.model.as_ref().or(settings.model.as_ref()) {
        command = command.args(["--model", model]);
    }
    if let Some(level) = &spec.options.reasoning {
        command = command.args(["--thinking", level]);
    }
    Ok(command)
}

fn with_thread(command: CommandSpec, sessions: &Sessions, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
    // A new thread needs no option: pi names it, and tells the name.
    let Some(thread) = &spec.resume else { return Ok(command) };
    let asked = thread.value();
    match sessions.find(asked, &spec.cwd) {
        Place::Here(thread) => Ok(command.args(["--session", &thread])),
        Place::Elsewhere(thread) => Ok(command.args(["--fork", &thread])),
        Place::Unknown if is_path(asked) => {
            // Pi would begin a new thread in this file.
            let reason =
                format!("there is no thread in {asked}; leave out the resume line to start a new one");
            Err(RefusedRun(reason))
        }
        Place::Unknown => Ok(command.args(["--session", asked])),
        Place::Ambiguous(threads) => Err(ambiguous(asked, &threads)),
    }
}

/// An option begins with `-` and a file with `@`. Older CLIs have no `--` that would end options.
fn as_argument(prompt: String) -> String {
    if prompt.starts_with(['-', '@']) { format!(" {prompt}") } else { prompt }
}

/// Resume lines of the Python program have eight characters, which threads of one minute share. Pi takes the newest.
fn ambiguous(asked: &str, threads: &[String]) -> RefusedRun {
    let lines: String = threads.iter().map(|thread| format!("\npi --session {thread}")).collect();
    RefusedRun(format!("{asked} is the beginning of {} threads; say which one:{lines}", threads.len()))
}

fn environment() -> Environment {
    let environment = Environment::base().pass(["PI_*"]).pass(PROVIDER_VARIABLES.iter().copied());
    // Both tell the tools that pi runs that nobody watches them.
    ["NO_COLOR", "CI"]
        .into_iter()
        .filter(|name| std::env::var_os(name).is_none())
        .fold(environment, |environment, name| environment.set(name, "1"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use takopi_api::process::{ProcessHost, Stdin};
    use takopi_api::resume::ResumeToken;
    use takopi_api::runner::{Attachment, RunOptions, ThreadLocks};
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::ENGINE;

    fn spec(prompt: &str) -> RunSpec {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
    }

    fn resuming(thread: &str) -> RunSpec {
        spec("hi").resume(Some(ResumeToken::new(ENGINE, thread).unwrap()))
    }

    fn args(settings: &Settings, spec: &RunSpec) -> String {
        let command = json(settings, &Sessions::default(), spec).unwrap();
        assert_eq!(command.stdin, Stdin::Closed);
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        args.join(" ")
    }

    #[test]
    fn a_new_thread_and_a_continued_one() {
        let settings = Settings::default();
        assert_eq!(args(&settings, &spec("hi")), "--print --mode json hi");
        assert_eq!(args(&settings, &resuming("01a20338")), "--print --mode json --session 01a20338 hi");
    }

    #[test]
    fn what_a_person_chose_comes_before_the_settings() {
        let settings = Settings {
            model: Some("a".into()),
            provider: Some("p".into()),
            extra_args: vec!["--no-skills".into()],
            ..Settings::default()
        };
        assert_eq!(args(&settings, &spec("hi")), "--no-skills --print --mode json --provider p --model a hi");
        let options = RunOptions::default().model(Some("b".into())).reasoning(Some("high".into()));
        assert_eq!(
            args(&settings, &spec("hi").options(options)),
            "--no-skills --print --mode json --provider p --model b --thinking high hi"
        );
    }

    #[test]
    fn no_prompt_becomes_an_option_or_a_file() {
        let settings = Settings::default();
        assert_eq!(args(&settings, &spec("-n --help")), "--print --mode json  -n --help");
        assert_eq!(args(&settings, &spec("@alice says")), "--print --mode json  @alice says");
        assert!(json(&settings, &Sessions::default(), &spec(" \n")).is_err());
    }

    #[test]
    fn images_are_files_and_other_files_are_named() {
        let spec = spec("look").attachments(["/a b.png", "/c.zip"].map(Attachment::new));
        assert_eq!(
            args(&Settings::default(), &spec),
            "--print --mode json @/a b.png look\n\n[attached file: /c.zip]"
        );
    }

    #[test]
    fn a_thread_of_another_folder_is_forked_and_a_doubtful_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, id: &str, cwd: &str| {
            let header = format!("{{\"type\":\"session\",\"id\":\"{id}\",\"cwd\":\"{cwd}\"}}\n");
            fs::write(folder.path().join(name), header).unwrap();
        };
        write("1.jsonl", "01aa-1", "/repo");
        write("2.jsonl", "01bb-1", "/elsewhere");
        write("3.jsonl", "01bb-2", "/elsewhere");
        let sessions = Sessions::below(Path::new(folder.path()));
        let flag = |thread: &str| -> Result<String, String> {
            let command = json(&Settings::default(), &sessions, &resuming(thread))
                .map_err(|refused| refused.to_string())?;
            Ok(command.args[3..5].iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(flag("01aa"), Ok("--session 01aa-1".into()));
        assert_eq!(flag("01bb-2"), Ok("--fork 01bb-2".into()));
        assert_eq!(
            flag("01bb"),
            Err("01bb is the beginning of 2 threads; say which one:\npi --session 01bb-1\npi --session 01bb-2"
                .into())
        );
    }

    #[test]
    fn a_program_that_is_talked_to_gets_its_prompt_later() {
        let settings = Settings {
            model: Some("a".into()),
            extra_args: vec!["-e".into(), "x.ts".into()],
            ..Settings::default()
        };
        let args = |extension: Option<&str>| {
            let spec = resuming("01a20338");
            let command = rpc(&settings, &Sessions::default(), extension.map(Path::new), &spec).unwrap();
            let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
            args.join(" ")
        };
        assert_eq!(args(None), "-e x.ts --mode rpc --model a --session 01a20338");
        assert_eq!(args(Some("/e.js")), "-e x.ts --mode rpc --model a --session 01a20338 -e /e.js");
        assert!(rpc(&settings, &Sessions::default(), None, &spec("")).is_err());
    }

    #[test]
    fn takopis_own_flags_are_refused() {
        let check = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            refused(&args).map(str::to_owned)
        };
        assert_eq!(check(&["--no-skills", "--mode=rpc"]).as_deref(), Some("--mode=rpc"));
        assert_eq!(check(&["-c"]).as_deref(), Some("-c"));
        assert_eq!(check(&["--tools", "read,ls", "--session-dir", "/x"]), None);
    }
}
