//! How the server is started, and what of a person's arguments it does not know.
//!
//! Options that a person has in `extra_args` are those of `codex`, which takes some of them before `app-server` too and
//! then does not heed them. A sandbox that is asked for and not made would be worse than an error, so what has a key in
//! codex's configuration is said by that, and what has none is refused.

use std::path::Path;

use takopi_api::process::{CommandSpec, Environment, Stdin};

/// Options with a value, and the key that says the same.
const KEYS: &[(&str, &str, &str)] = &[
    ("-s", "--sandbox", "sandbox_mode"),
    ("-a", "--ask-for-approval", "approval_policy"),
    ("-m", "--model", "model"),
];

/// Options that are for a run, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("-p", "set `codex.profile`"),
    ("--profile", "set `codex.profile`"),
    ("--add-dir", "set `sandbox_workspace_write.writable_roots` with `-c`"),
    ("-C", "takopi sets the folder itself"),
    ("--cd", "takopi sets the folder itself"),
    ("-i", "send the image with the prompt"),
    ("--image", "send the image with the prompt"),
];

/// Options that `exec` has and the server has not.
const OF_EXEC: &[&str] = &[
    "--json",
    "--skip-git-repo-check",
    "--output-schema",
    "--output-last-message",
    "-o",
    "--color",
    "--full-auto",
    "--oss",
];

/// How long codex keeps a thread that was let go. While it does, the thread can be continued nowhere else, its MCP servers
/// go on, and a run that continues it gets the settings of the one before.
const UNLOADING: &str = "thread_unload_delay_secs";

/// The arguments before `app-server` that say what a person's own ones say.
pub(super) fn understood(extra_args: &[String]) -> Result<Vec<String>, String> {
    let mut understood = Vec::with_capacity(extra_args.len());
    let mut set = |key: &str, value: &str| {
        let value = serde_json::Value::from(value);
        understood.extend(["-c".to_owned(), format!("{key}={value}")]);
    };
    let mut plain = Vec::new();
    let mut args = extra_args.iter();
    while let Some(arg) = args.next() {
        let (flag, given) = parts(arg);
        if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == flag) {
            return Err(format!("`{flag}` is not possible here: {instead}"));
        }
        if OF_EXEC.contains(&flag) {
            return Err(format!("`{flag}` is for `codex.mode = \"exec\"`"));
        }
        if let Some((_, _, key)) = KEYS.iter().find(|(short, long, _)| *short == flag || *long == flag) {
            let value = given.or_else(|| args.next().map(String::as_str));
            set(key, value.ok_or_else(|| format!("`{flag}` needs a value"))?);
            continue;
        }
        match flag {
            "--dangerously-bypass-approvals-and-sandbox" | "--yolo" => {
                set("sandbox_mode", "danger-full-access");
                set("approval_policy", "never");
            }
            "--search" => set("web_search", "live"),
            // Their values may look like options.
            "-c" | "--config" | "--enable" | "--disable" if given.is_none() => {
                plain.push(arg.clone());
                plain.extend(args.next().cloned());
            }
            _ => plain.push(arg.clone()),
        }
    }
    understood.extend(plain);
    Ok(understood)
}

/// An option, and its value if that is part of the same argument: `--flag=value`, `-f=value` or `-fvalue`.
fn parts(arg: &str) -> (&str, Option<&str>) {
    let is_short = arg.starts_with('-') && !arg.starts_with("--");
    if is_short && let Some((flag, value)) = arg.split_at_checked(2).filter(|(_, value)| !value.is_empty()) {
        return (flag, Some(value.strip_prefix('=').unwrap_or(value)));
    }
    match arg.split_once('=') {
        Some((flag, value)) if arg.starts_with('-') => (flag, Some(value)),
        _ => (arg, None),
    }
}

/// The keys of codex's configuration that are set by arguments.
pub(super) fn keys(understood: &[String]) -> Vec<String> {
    let mut args = understood.iter().map(String::as_str);
    let mut keys = Vec::new();
    while let Some(arg) = args.next() {
        let setting = match parts(arg) {
            ("-c" | "--config", given) => given.or_else(|| args.next()),
            ("--enable" | "--disable", given) => {
                let feature = given.or_else(|| args.next());
                keys.extend(feature.map(|feature| format!("features.{feature}")));
                None
            }
            _ => None,
        };
        keys.extend(
            setting.and_then(|setting| setting.split_once('=')).map(|(key, _)| key.trim().to_owned()),
        );
    }
    keys
}

/// The server. It works for all folders, so it starts in none of them: they come and go.
pub(super) fn command(extra_args: &[String], environment: Environment, cwd: &Path) -> CommandSpec {
    let root = cwd.ancestors().last().unwrap_or(cwd);
    let unloading = (!keys(extra_args).iter().any(|key| key == UNLOADING)).then(|| format!("{UNLOADING}=0"));
    CommandSpec::new("codex", root)
        .args(unloading.into_iter().flat_map(|setting| ["-c".to_owned(), setting]))
        .args(extra_args)
        .arg("app-server")
        .environment(environment)
        .stdin(Stdin::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], expected: Result<&[&str], &str>) {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let expected = expected
            .map(|args| args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
            .map_err(str::to_owned);
        assert_eq!(understood(&args), expected, "{args:?}");
    }

    #[test]
    fn what_the_server_does_not_heed_is_said_by_its_configuration() {
        check(&["-c", "notify=[]", "--enable", "x"], Ok(&["-c", "notify=[]", "--enable", "x"]));
        check(&["-s", "read-only"], Ok(&["-c", r#"sandbox_mode="read-only""#]));
        check(&["--sandbox=read-only"], Ok(&["-c", r#"sandbox_mode="read-only""#]));
        check(
            &["--ask-for-approval", "untrusted", "-c", "-s"],
            Ok(&["-c", r#"approval_policy="untrusted""#, "-c", "-s"]),
        );
        check(
            &["--yolo"],
            Ok(&["-c", r#"sandbox_mode="danger-full-access""#, "-c", r#"approval_policy="never""#]),
        );
    }

    #[test]
    fn options_with_their_value_in_one_are_understood_too() {
        check(&["-sread-only"], Ok(&["-c", r#"sandbox_mode="read-only""#]));
        check(&["-a=untrusted"], Ok(&["-c", r#"approval_policy="untrusted""#]));
        check(&["-cx=1", "--config=y=2"], Ok(&["-cx=1", "--config=y=2"]));
        check(&["-pwork"], Err("`-p` is not possible here: set `codex.profile`"));
    }

    #[test]
    fn keys_that_are_set_are_known() {
        let args = ["-c", "a.b=1", "-cc=2", "--config=d=3", "--enable", "e", "-c"].map(str::to_owned);
        assert_eq!(keys(&args), ["a.b", "c", "d", "features.e"]);
        assert_eq!(keys(&understood(&["-s".into(), "read-only".into()]).unwrap()), ["sandbox_mode"]);
    }

    #[test]
    fn what_the_server_can_not_do_is_refused() {
        check(&["-s"], Err("`-s` needs a value"));
        check(&["--profile=x"], Err("`--profile` is not possible here: set `codex.profile`"));
        check(&["--json"], Err("`--json` is for `codex.mode = \"exec\"`"));
    }

    #[test]
    fn the_server_starts_in_no_folder_of_a_run() {
        let command = command(&["-c".into(), "x=1".into()], Environment::empty(), Path::new("/repo/tree"));
        assert_eq!(command.cwd, Path::new("/"));
        assert_eq!(command.args, ["-c", "thread_unload_delay_secs=0", "-c", "x=1", "app-server"]);
        assert_eq!(command.stdin, Stdin::Open);
    }

    #[test]
    fn how_long_threads_stay_is_for_the_person_to_say() {
        let own = ["-c".to_owned(), "thread_unload_delay_secs=5".to_owned()];
        let command = command(&own, Environment::empty(), Path::new("/repo"));
        assert_eq!(command.args, ["-c", "thread_unload_delay_secs=5", "app-server"]);
    }
}
