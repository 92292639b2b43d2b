//! `takopi config`, as scripts and people call it: what it prints, what it writes, and its exit codes.
#![expect(clippy::disallowed_methods, reason = "the program under test")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A home folder of a test's own.
struct Home(tempfile::TempDir);

impl Home {
    /// One with this file in it.
    fn with(text: &str) -> Self {
        let home = Self::empty();
        fs::create_dir(home.0.path().join(".takopi")).unwrap();
        fs::write(home.file(), text).unwrap();
        home
    }

    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".takopi/takopi.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_takopi"));
        command.args(args).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("PATH", "/nowhere");
        command
    }

    /// Standard output, standard error and the exit code of `takopi config …`.
    fn run(&self, args: &[&str]) -> (String, String, i32) {
        let output = self.command(&[&["config"], args].concat()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    #[track_caller]
    fn prints(&self, args: &[&str], expected: &str) {
        assert_eq!(self.run(args), (expected.to_owned(), String::new(), 0));
    }

    /// It fails with this code, says this, prints nothing and changes nothing.
    #[track_caller]
    fn fails(&self, args: &[&str], code: i32, expected: &str) {
        let before = fs::read(self.file()).ok();
        let (stdout, stderr, ended) = self.run(args);
        assert_eq!((stdout.as_str(), ended), ("", code), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(expected.is_empty(), stderr.is_empty(), "{stderr}");
        assert_eq!(fs::read(self.file()).ok(), before);
    }
}

const FILE: &str = "\
# mine
default_engine = 'codex'

[plugins]
enabled = [
  'takopi', # all of them
  'other',
]

[projects.z80] # a computer
path = '~/z80'
worktree_base = 'main'
";

#[test]
fn the_path_is_printed_whether_there_is_a_file_or_not() {
    let home = Home::empty();
    home.prints(&["path"], "~/.takopi/takopi.toml\n");
    home.prints(&["path", "--config", "/nowhere/x.toml"], "/nowhere/x.toml\n");
    home.prints(&["path", "--config-path", "~/x.toml"], "~/x.toml\n");
    home.prints(&["--config-path", "x.toml", "path"], "~/x.toml\n");
    let output = home.command(&["config", "path"]).env("TAKOPI_CONFIG", "/y.toml").output().unwrap();
    assert_eq!(output.stdout, b"/y.toml\n");
    home.fails(&["path", "--config", "a", "--config-path", "b"], 2, "cannot be used with");
}

#[test]
fn keys_are_listed_and_secrets_only_when_asked_for() {
    let text = "b = 1.0\n[transports.x]\nbot_token = 'hunter2'\nchat_id = -1\n[a.empty]\n[a]\nz = [1,\n2]\n";
    let home = Home::with(text);
    let list = "a.z = [1, 2]\nb = 1.0\ntransports.x.bot_token = \"***\"\ntransports.x.chat_id = -1\n";
    home.prints(&["list"], list);
    home.prints(&["list", "--show-secrets"], &list.replace("***", "hunter2"));
    home.prints(&["get", "transports.x.bot_token"], "\"hunter2\"\n");
    assert_eq!(home.text(), text);
    Home::with("").prints(&["list"], "");
    // As it is: old keys are not migrated, wrong values are not refused.
    Home::with("chat_id = 1\ndefault_engine = 3\n").prints(&["list"], "chat_id = 1\ndefault_engine = 3\n");
}

#[test]
fn a_value_is_got_as_toml() {
    let home = Home::with(FILE);
    home.prints(&["get", "default_engine"], "\"codex\"\n");
    home.prints(&["get", "plugins.enabled"], "[\"takopi\", \"other\"]\n");
    home.fails(&["get", "projects.z80.chat_id"], 1, "");
    home.fails(&["get", "projects.z80"], 2, "error: `projects.z80` is a table");
    home.fails(&["get", "default_engine.x"], 2, "`default_engine`: expected a table");
}

#[test]
fn keys_must_be_keys() {
    let home = Home::with(FILE);
    for key in ["", "a..b", ".a", "a b", "a/b"] {
        for args in [&["get", key][..], &["set", key, "1"], &["unset", key]] {
            home.fails(args, 2, "is no key");
        }
    }
    home.fails(&["get"], 2, "Usage");
    home.fails(&["set", "a"], 2, "Usage");
    home.fails(&["nonsense"], 2, "error");
    home.fails(&[], 2, "Usage");
}

#[test]
fn without_a_file_there_is_nothing_to_show_or_change() {
    let home = Home::empty();
    let missing = "error: there is no file ~/.takopi/takopi.toml";
    home.fails(&["list"], 1, missing);
    home.fails(&["get", "a"], 2, missing);
    home.fails(&["set", "a", "1"], 2, missing);
    home.fails(&["unset", "a"], 2, missing);
    assert!(!home.file().parent().unwrap().exists());
}

#[test]
fn a_broken_file_names_its_line() {
    let home = Home::with("a = 1\nb = = 2\n");
    for args in [&["list"][..], &["get", "a"], &["set", "a", "1"], &["unset", "a"]] {
        home.fails(args, 2, "error: ~/.takopi/takopi.toml:2:5: this is not TOML");
    }
}

#[test]
fn a_value_is_set_and_the_rest_stays() {
    let home = Home::with(FILE);
    let mut text = FILE.to_owned();
    home.prints(&["set", "default_engine", " claude "], "updated default_engine = \"claude\"\n");
    text = text.replace("'codex'", "\"claude\"");
    home.prints(&["set", "watch_config", "yes"], "updated watch_config = true\n");
    text = text.replace("\"claude\"\n", "\"claude\"\nwatch_config = true\n");
    home.prints(&["set", "projects.z80.chat_id", "\"-100123\""], "updated projects.z80.chat_id = -100123\n");
    home.prints(&["set", "projects.z80.chat_id", "-7"], "updated projects.z80.chat_id = -7\n");
    home.prints(&["set", "projects.z80.chat_id", "--", "-8"], "updated projects.z80.chat_id = -8\n");
    text.push_str("chat_id = -8\n");
    home.prints(
        &["set", "codex.extra_args", "['-c', \"x\"]"],
        "updated codex.extra_args = [\"-c\", \"x\"]\n",
    );
    text.push_str("\n[codex]\nextra_args = [\"-c\", \"x\"]\n");
    home.prints(&["set", "plugins.ping", "{a=1}"], "updated plugins.ping = { a = 1 }\n");
    text = text.replace("]\n\n[projects", "]\nping = { a = 1 }\n\n[projects");
    assert_eq!(home.text(), text);
    home.prints(&["get", "plugins.ping.a"], "1\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(home.file()).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_the_file_can_not_hold_is_refused() {
    let home = Home::with(FILE);
    home.fails(&["set", "limits.engines", "0"], 2, "error: `limits.engines`: invalid value");
    home.fails(&["set", "watch_config", "maybe"], 2, "error: `watch_config`: expected true or false");
    home.fails(&["set", "default_engine", ""], 2, "error: `default_engine`: expected a text");
    home.fails(&["set", "projects.plugins.path", "/x"], 2, "an alias can not be the name");
    home.fails(&["set", "projects.z80", "1"], 2, "error: `projects.z80`: this is a table");
    home.fails(&["set", "default_engine.x", "1"], 2, "expected a table");
    home.fails(&["unset", "projects.z80.path"], 2, "`projects.z80`: `path` is missing");
}

#[test]
fn an_unknown_key_is_set_with_a_warning() {
    let home = Home::with("");
    let (stdout, stderr, code) = home.run(&["set", "defalt_engine", "codex"]);
    assert_eq!((stdout.as_str(), code), ("updated defalt_engine = \"codex\"\n", 0));
    assert!(stderr.contains("unknown key `defalt_engine`; did you mean `default_engine`?"), "{stderr}");
}

#[test]
fn keys_are_taken_out_with_the_tables_that_they_leave_empty() {
    let home = Home::with(&format!("{FILE}\n[codex]\nprofile = 'x'\n"));
    home.prints(&["unset", "codex.profile"], "");
    assert_eq!(home.text(), FILE);
    home.prints(&["unset", "default_engine"], "");
    home.fails(&["unset", "default_engine"], 1, "");
    home.fails(&["unset", "projects.z81.path"], 1, "");
    home.fails(&["unset", "projects.z80.path.x"], 2, "expected a table");
    home.prints(&["unset", "projects.z80"], "");
    assert!(home.text().starts_with("[plugins]\n") && home.text().ends_with("]\n"), "{}", home.text());
}

#[test]
fn a_change_brings_an_old_file_to_its_newest_form() {
    let home = Home::with("bot_token = 't'\nchat_id = 1\n");
    home.prints(&["get", "chat_id"], "1\n");
    home.fails(&["unset", "x"], 1, "");
    home.prints(&["set", "watch_config", "0"], "updated watch_config = false\n");
    home.fails(&["get", "chat_id"], 1, "");
    let moved = home.text();
    assert!(moved.ends_with("]\nbot_token = 't'\nchat_id = 1\n"), "{moved}");
    let home = Home::with("bot_token = 't'\n");
    assert!(home.command(&["--help"]).output().unwrap().status.success());
    assert_eq!(home.text(), "bot_token = 't'\n", "who asks for help changes nothing");
    assert!(home.command(&["plugins"]).output().unwrap().status.success());
    assert!(home.text().starts_with("transport = "), "{}", home.text());
}

#[test]
fn the_environment_has_no_say_in_the_file() {
    let home = Home::with("");
    let mut command = home.command(&["config", "set", "watch_config", "on"]);
    let output = command.env("TAKOPI__LIMITS__ENGINES", "none").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(home.text(), "watch_config = true\n");
    let output = home.command(&["plugins"]).env("TAKOPI__LIMITS__ENGINES", "none").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.starts_with("error: the variable TAKOPI__LIMITS__ENGINES: `limits.engines`: "),
        "{stderr}"
    );
}

#[test]
fn a_link_stays_and_its_target_is_changed() {
    let home = Home::with("");
    let real = home.0.path().join("real.toml");
    fs::rename(home.file(), &real).unwrap();
    std::os::unix::fs::symlink("../real.toml", home.file()).unwrap();
    home.prints(&["set", "watch_config", "off"], "updated watch_config = false\n");
    assert!(home.file().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "watch_config = false\n");
}

#[test]
fn the_schema_is_json_and_has_the_keys() {
    let home = Home::empty();
    let (stdout, stderr, code) = home.run(&["schema"]);
    assert_eq!((stderr.as_str(), code), ("", 0));
    let schema: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(schema["properties"]["default_engine"]["type"], "string");
    for (known, _) in takopi::bundled::BUNDLED {
        let properties = match known.kind() {
            "transport" => &schema["properties"]["transports"]["properties"],
            "command" => &schema["properties"]["plugins"]["properties"],
            "hook" => &schema["properties"]["hooks"]["properties"],
            _ => &schema["properties"],
        };
        assert!(properties[known.id()].is_object(), "{}", known.id());
    }
}
