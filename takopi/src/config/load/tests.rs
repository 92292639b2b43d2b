use std::fs;

use super::*;

fn reader(path: &Path) -> Reader {
    let vocabulary = Vocabulary {
        engines: vec!["codex", "acme"],
        reserved: vec!["cancel".to_owned()],
        ..Vocabulary::default()
    };
    Reader::new(path, vocabulary, Overrides::default())
}

fn read(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    fs::write(&path, text).unwrap();
    reader(&path)
        .load()
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[track_caller]
fn fails(text: &str, expected: &str) {
    assert_eq!(read(text).unwrap_err(), expected);
}

#[test]
fn a_missing_file_is_an_empty_one() {
    let config = reader(Path::new("/nowhere/takopi.toml")).load().unwrap();
    assert!(config.default_engine.is_none() && config.projects.is_empty() && !config.enabled.is_set());
}

#[test]
fn a_configuration_of_the_python_program_is_read_as_it_is() {
    let config = read(
        "default_engine = 'codex'\ntransport = 'telegram'\n[transports.telegram]\nbot_token = 't'\nchat_id = 1\n\
         [codex]\nmode = 'exec'\n[plugins]\nenabled = ['takopi']\nauto_install = true\n\
         [projects.Z80]\npath = '~/z80'\nworktree_base = 'main'\nchat_id = -100\n",
    )
    .unwrap();
    assert_eq!(config.default_engine.as_deref(), Some("codex"));
    let (alias, project) = config.projects.first_key_value().unwrap();
    assert_eq!(alias.as_str(), "Z80");
    assert_eq!(project.chat_id.as_deref(), Some("-100"));
    assert!(project.path.is_absolute() && project.worktrees_dir.ends_with("z80/.worktrees"));
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].contains("auto_install"));
}

#[test]
fn unknown_keys_are_warned_about_with_the_closest_known_one() {
    let config = read("defalt_engine = 'codex'\n[projects.a]\npath = '/a'\nworktree_bas = 'x'\n").unwrap();
    assert!(
        config.warnings[0].ends_with(":1:1: unknown key `defalt_engine`; did you mean `default_engine`?")
    );
    assert!(config.warnings[1].contains("`projects.a.worktree_bas`; did you mean `worktree_base`?"));
}

#[test]
fn errors_name_the_place_and_the_key() {
    fails(
        "default_engine = 3\n",
        "takopi.toml:1:18: `default_engine`: invalid type: integer `3`, expected a string",
    );
    fails("default_engine = ' '\n", "takopi.toml:1:18: `default_engine`: expected a text that is not blank");
    fails("[projects.a]\n", "takopi.toml:1:1: `projects.a`: `path` is missing: the folder of the project");
    fails(
        "[projects]\na = 1\n",
        "takopi.toml:2:5: `projects.a`: expected a table, found a value of type integer",
    );
    fails(
        "[projects.Codex]\npath='/'\n",
        "takopi.toml:1:1: `projects.Codex`: an alias can not be the name of an engine or a command",
    );
    fails(
        "[projects.a]\npath='/'\n[projects.A]\npath='/'\n",
        "takopi.toml:1:1: `projects.a`: another project has this alias, in other letters",
    );
    fails(
        "[projects.a]\npath='/'\nchat_id=1\n[projects.b]\npath='/'\nchat_id='1'\n",
        "takopi.toml:6:9: `projects.b.chat_id`: another project has the chat 1",
    );
    fails(
        "[transports.x]\nchat_id = 7\n[projects.a]\npath='/'\nchat_id = '7'\n",
        "takopi.toml:5:11: `projects.a.chat_id`: 7 is the main chat of a transport",
    );
    fails(
        "[projects.a]\npath='/'\ndefault_engine = 'zebra'\n",
        "takopi.toml:3:18: `projects.a.default_engine`: there is no engine `zebra`",
    );
    fails(
        "[limits]\nengines = 0\n",
        "takopi.toml:2:11: `limits.engines`: invalid value: integer `0`, expected a nonzero usize",
    );
    fails("default_project = 'x'\n", "takopi.toml:1:19: `default_project`: there is no project `x`");
    fails(
        "[plugins]\nenabled = 'takopi'\n",
        "takopi.toml:2:11: `plugins.enabled`: invalid type: string \"takopi\", expected a sequence",
    );
}

#[test]
fn transports_are_one_or_several() {
    let transports = |text: &str| read(text).unwrap().transports;
    assert_eq!(transports("transport = ' telegram '\n"), ["telegram"]);
    assert_eq!(transports("transport = ['telegram', 'web']\n"), ["telegram", "web"]);
    assert!(transports("").is_empty() && transports("transport = []\n").is_empty());
    fails("transport = 'Tele gram'\n", "takopi.toml:1:13: `transport`: `Tele gram` is no id of a transport");
    fails("transport = ['a', 'a']\n", "takopi.toml:1:13: `transport`: `a` is named twice");
    fails("transport = 3\n", "takopi.toml:1:13: `transport`: expected a text or a list of texts");
}

#[test]
fn flags_are_words_and_numbers_too() {
    for (text, watch) in [
        ("", true),
        ("watch_config = false", false),
        ("watch_config = 0", false),
        ("watch_config = ' Off'", false),
    ]
    .into_iter()
    .chain([("watch_config = true", true), ("watch_config = 1", true), ("watch_config = 'yes'", true)])
    {
        assert_eq!(read(text).unwrap().watch, watch, "{text}");
    }
    for text in ["watch_config = 2\n", "watch_config = 'maybe'\n", "watch_config = []\n"] {
        fails(text, "takopi.toml:1:16: `watch_config`: expected true or false");
    }
    assert_eq!(read("[plugins]\nauto_install = 'yes'\n").unwrap().warnings.len(), 1);
}

#[test]
fn tables_of_transports_and_commands_are_theirs() {
    let config =
        read("[transports.x]\na = 1\n[plugins.ping]\nb = 2\n[plugins]\nenabled = []\npong = 3\n").unwrap();
    assert_eq!(config.transport("x").unwrap().get("a").unwrap(), Some(1));
    assert_eq!(config.command("ping").unwrap().get("b").unwrap(), Some(2));
    assert!(config.transport("absent").unwrap().keys().is_empty());
    assert_eq!(config.command("pong").unwrap_err().key, "plugins.pong");
}

#[test]
fn the_engine_of_a_project_comes_before_that_of_the_file() {
    let config =
        read("default_engine = 'codex'\n[projects.a]\npath = '/a'\ndefault_engine = 'acme'\n[projects.b]\npath = '/b'\n")
            .unwrap();
    let engine_of = |alias: &str| {
        config.default_engine_of(Alias::new(alias).ok().and_then(|alias| config.projects.get(&alias)))
    };
    assert_eq!(
        [engine_of("a"), engine_of("b"), engine_of("c")],
        [Some("acme"), Some("codex"), Some("codex")]
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let variables = |variables: &[(&str, &str)]| {
        let overrides =
            Overrides::new(variables.iter().map(|&(name, value)| (name.into(), value.into()))).unwrap();
        Reader { overrides, ..reader(Path::new("/nowhere/takopi.toml")) }
    };
    let config = variables(&[
        ("TAKOPI__TRANSPORT", "web"),
        ("TAKOPI__WATCH_CONFIG", "no"),
        ("TAKOPI__PROJECTS__Z80__PATH", "src"),
        ("TAKOPI__PROJECTS__Z80__CHAT_ID", "-100"),
    ]);
    let parsed = config.parse("transport = 'file'\n").unwrap();
    assert_eq!(parsed.transports, ["file"], "a text alone is read without the environment");
    let config = config.load().unwrap();
    assert!(config.transports == ["web"] && !config.watch);
    let project = &config.projects[&Alias::new("z80").unwrap()];
    assert_eq!(
        (project.path.as_path(), project.chat_id.as_deref()),
        (Path::new("/nowhere/src"), Some("-100"))
    );
    let error = |name: &str, value: &str| variables(&[(name, value)]).load().unwrap_err().to_string();
    assert_eq!(
        error("TAKOPI__DEFAULT_ENGINE", ""),
        "the variable TAKOPI__DEFAULT_ENGINE: `default_engine`: expected a text that is not blank"
    );
    assert_eq!(
        error("TAKOPI__PROJECTS__CODEX__PATH", "/x"),
        "the variable TAKOPI__PROJECTS__CODEX__PATH: `projects.codex`: an alias can not be the name of an engine or a command"
    );
}

const OLD: &str = "# mine\nbot_token = 't'\nchat_id = 5\n";

#[test]
fn what_is_old_is_written_anew_by_who_may() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    fs::write(&path, OLD).unwrap();
    let is_new = |config: &Config| {
        config.transports == ["telegram"]
            && config.transport("telegram").unwrap().get("chat_id").unwrap() == Some(5)
    };
    let config = reader(&path).load().unwrap();
    assert!(is_new(&config) && config.warnings.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), OLD, "a look changes nothing");
    let config = reader(&path).load_and_migrate().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(is_new(&config) && config.warnings.is_empty());
    assert_eq!(
        text,
        "transport = \"telegram\"\n\n[transports.telegram]\n# mine\nbot_token = 't'\nchat_id = 5\n"
    );
    reader(&path).load_and_migrate().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "and the second time nothing either");
}

#[test]
fn an_old_file_that_can_not_be_written_is_understood_all_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    let write = |text: &str| {
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    };
    write(OLD);
    let config = reader(&path).load_and_migrate().unwrap();
    assert_eq!(config.transports, ["telegram"]);
    assert_eq!(
        config.warnings,
        [format!(
            "{} can not be written: it is read-only; what is old in it (legacy-telegram) is understood all the same",
            path.display()
        )]
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
    write("chat_id = 5\n[limits]\nengines = 0\n");
    let error = reader(&path).load_and_migrate().unwrap_err();
    assert_eq!(error.hints, ["lines count as if the file were migrated (legacy-telegram)"]);
}

#[test]
fn the_debug_form_holds_no_value() {
    assert!(!format!("{:?}", read("[transports.x]\ntoken = 'hunter2'\n").unwrap()).contains("hunter2"));
}

#[test]
fn a_setup_hook_is_a_program_and_its_arguments() {
    let config = read("[projects.a]\npath='/a'\nsetup = ['~/bin/setup', '--now', 'a b']\n").unwrap();
    let hook = config.projects.values().next().unwrap().setup.clone().unwrap();
    assert_eq!(hook.program, paths::expand_home("~/bin/setup"));
    assert_eq!(hook.args, ["--now", "a b"]);
    let none = read("[projects.a]\npath='/a'\n").unwrap();
    assert_eq!(none.projects.values().next().unwrap().setup, None);
    for nothing in ["[]", "['']", "[' ', 'x']"] {
        fails(
            &format!("[projects.a]\npath='/a'\nsetup = {nothing}\n"),
            "takopi.toml:3:9: `projects.a.setup`: expected a program and its arguments",
        );
    }
    fails(
        "[projects.a]\npath='/a'\nsetup = 'npm ci'\n",
        "takopi.toml:3:9: `projects.a.setup`: invalid type: string \"npm ci\", expected a sequence",
    );
}

#[test]
fn an_alias_can_be_told_from_the_rest_of_a_line() {
    fails(
        "[projects.'a @b']\npath='/'\n",
        "takopi.toml:1:1: `projects.a @b`: no word of an alias can begin with `@`: that is how branches are \
         written",
    );
    fails("[projects.'']\npath='/'\n", "takopi.toml:1:1: `projects`: an alias can not be blank");
    let config = read("default_project = 'MY APP'\n[projects.'my app']\npath = '/'\n").unwrap();
    assert_eq!(config.default_project.unwrap().as_str(), "my app");
}
