use std::fs;

use super::*;
use crate::config::{Overrides, Vocabulary};

const FILE: &str = "\
# My takopi.

# The engine for everything.
default_engine = 'codex' # the best

[codex] # as it is
# Quiet.
extra_args = [
  \"-c\", # one
  'notify=[]',
]

[projects.z80]
path = \"/z80\"

[transports.x]
bot_token = { env = 'TOKEN' }
";

fn document(text: &str) -> Document {
    Document::parse(Path::new("takopi.toml"), text).unwrap()
}

fn key(text: &str) -> KeyPath {
    text.parse().unwrap()
}

#[track_caller]
fn set(text: &str, path: &str, typed: &str, expected: &str) {
    let mut document = document(text);
    document.set(&key(path), &Setting::typed(typed)).unwrap();
    assert_eq!(document.text(), expected);
    assert!(document.text().parse::<DocumentMut>().is_ok());
}

#[track_caller]
fn unset(text: &str, path: &str, expected: &str) {
    let mut document = document(text);
    assert_eq!(document.unset(&key(path)).unwrap(), Unset::Done);
    assert_eq!(document.text(), expected);
}

#[test]
fn keys_are_found() {
    let document = document(FILE);
    let get = |path: &str| match document.get(&key(path)) {
        Ok(Found::Setting(setting)) => setting.to_string(),
        Ok(Found::Table) => "a table".to_owned(),
        Ok(Found::Nothing) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(get("default_engine"), r#""codex""#);
    assert_eq!(get("codex.extra_args"), r#"["-c", "notify=[]"]"#);
    assert_eq!(get("projects"), "a table");
    assert_eq!(get("transports.x.bot_token"), "a table");
    assert_eq!(get("transports.x.bot_token.env"), r#""TOKEN""#);
    assert_eq!(get("projects.z81.path"), "nothing");
    assert_eq!(get("default_engine.x"), "`default_engine`: expected a table, found a value of type string");
    assert_eq!(
        get("projects.z80.path.x.y"),
        "`projects.z80.path`: expected a table, found a value of type string"
    );
}

#[test]
fn leaves_are_sorted_at_each_level() {
    let text = "b = 1\n'a b' = true\n[z.y]\n[c]\nd.e = [ 1,\n 2 ]\n[[t]]\nn = 1\n[[t]]\nn = 'two'\n";
    let shown: Vec<_> =
        document(text).leaves().into_iter().map(|(key, setting)| format!("{key} = {setting}")).collect();
    assert_eq!(
        shown,
        ["\"a b\" = true", "b = 1", "c.d.e = [1, 2]", r#"t = [{ n = 1 }, { n = "two" }]"#],
        "an empty table has no leaves"
    );
}

#[test]
fn a_value_is_replaced_and_everything_else_stays() {
    set(FILE, "default_engine", "acme", &FILE.replace("'codex' #", "\"acme\" #"));
    set(FILE, "projects.z80.path", "~/x", &FILE.replace("\"/z80\"", "\"~/x\""));
    set(FILE, "transports.x.bot_token.env", "T", &FILE.replace("'TOKEN'", "\"T\""));
    set(FILE, "transports.x.bot_token", "123:abc", &FILE.replace("{ env = 'TOKEN' }", "\"123:abc\""));
    let (before, rest) = FILE.split_once('[').unwrap();
    let after = rest.split_once("]\n\n").unwrap().1;
    set(
        FILE,
        "codex.extra_args",
        "[ 'a',\n 'b' ]",
        &format!("{before}[codex] # as it is\n# Quiet.\nextra_args = [\"a\", \"b\"]\n\n{after}"),
    );
}

#[test]
fn new_keys_come_where_they_belong() {
    set("", "default_engine", "codex", "default_engine = \"codex\"\n");
    set("", "projects.a.path", "/a", "[projects.a]\npath = \"/a\"\n");
    set("a = 1\n", "limits.engines", "2", "a = 1\n\n[limits]\nengines = 2\n");
    set("[codex]\nx = 1\n", "default_engine", "codex", "default_engine = \"codex\"\n[codex]\nx = 1\n");
    set(
        "[projects.a]\npath = '/a'\n\n[codex]\n",
        "projects.b.path",
        "/b",
        "[projects.a]\npath = '/a'\n\n[projects.b]\npath = \"/b\"\n\n[codex]\n",
    );
    set(
        "limits.engines = 1\n",
        "limits.free_memory_mb",
        "5",
        "limits.engines = 1\nlimits.free_memory_mb = 5\n",
    );
    set(
        "projects.a.path = '/a'\n",
        "projects.b.path",
        "/b",
        "projects.a.path = '/a'\nprojects.b.path = \"/b\"\n",
    );
    set("x = { a = 1 }\n", "x.b.c", "2", "x = { a = 1, b = { c = 2 } }\n");
    set("x = {a = 1} # x\n", "x.b", "2", "x = {a = 1, b = 2} # x\n");
    set("x = {}\n", "x.b", "2", "x = { b = 2 }\n");
    set("a = 1", "b", "[]", "a = 1\nb = []\n");
    set("", "codex.env", "{ A = '1' }", "[codex]\nenv = { A = \"1\" }\n");
    set("", "projects.\"my site\".path", "/s", "[projects.\"my site\"]\npath = \"/s\"\n");
    set("# only a comment\n", "a", "1", "a = 1\n# only a comment\n");
}

#[test]
fn what_would_lose_a_table_or_do_nothing_is_refused() {
    let error = |text: &str, path: &str| {
        let mut document = document(text);
        let error = document.set(&key(path), &Setting::typed("1")).unwrap_err();
        assert_eq!(document.text(), text);
        error.to_string()
    };
    assert_eq!(error(FILE, "projects.z80"), "`projects.z80`: this is a table; set one of its keys");
    assert_eq!(error("", "chat_id"), "`chat_id`: today's key is `transports.telegram.chat_id`");
    assert_eq!(error("[[t]]\n", "t"), "`t`: this is a table; set one of its keys");
    assert_eq!(
        error(FILE, "default_engine.x"),
        "`default_engine`: expected a table, found a value of type string"
    );
    assert_eq!(error("[[t]]\n", "t.x"), "`t`: expected a table, found a value of type array of tables");
}

#[test]
fn a_key_goes_with_its_own_comments_and_the_tables_that_it_leaves_empty() {
    unset(
        FILE,
        "default_engine",
        &FILE.replace("# The engine for everything.\ndefault_engine = 'codex' # the best\n\n", ""),
    );
    unset(FILE, "projects.z80.path", &FILE.replace("\n[projects.z80]\npath = \"/z80\"\n", ""));
    unset(
        FILE,
        "transports.x.bot_token.env",
        &FILE.replace("\n[transports.x]\nbot_token = { env = 'TOKEN' }\n", ""),
    );
    unset(
        FILE,
        "transports.x.bot_token",
        &FILE.replace("\n[transports.x]\nbot_token = { env = 'TOKEN' }\n", ""),
    );
    unset(FILE, "projects", &FILE.replace("\n[projects.z80]\npath = \"/z80\"\n", ""));
    unset("x = { a = 1, b = 2 } # x\n", "x.a", "x = { b = 2 } # x\n");
    unset("a.b.c = 1\na.d = 2\n", "a.b.c", "a.d = 2\n");
    unset("# takopi\n\n[codex]\nx = 1\n", "codex.x", "# takopi\n");
    unset("# takopi\n\n# of codex\n[codex]\nx = 1\n\n[acme]\n", "codex.x", "# takopi\n\n[acme]\n");
    unset("# takopi\n\n# of codex\n[codex]\nx = 1\n[acme]\n", "codex.x", "# takopi\n\n[acme]\n");
    unset("# takopi\r\n\r\na = 1\r\nb = 'x'\r\n", "a", "# takopi\n\nb = 'x'\n");
    unset("a = 1\n\n[b]\nx = 1\n", "a", "[b]\nx = 1\n");
    unset("[a]\nx = 1\n[a.b]\ny = 1\n", "a.x", "[a]\n[a.b]\ny = 1\n");
}

#[test]
fn what_is_not_there_is_said() {
    let mut document = document(FILE);
    for path in ["x", "projects.z81.path", "codex.mode"] {
        assert_eq!(document.unset(&key(path)).unwrap(), Unset::NotSet);
    }
    assert!(document.unset(&key("default_engine.x")).is_err());
    assert_eq!(document.text(), FILE);
}

#[test]
fn a_file_is_written_only_if_it_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    let reader = Reader::new(&path, Vocabulary::default(), Overrides::default());
    fs::write(&path, "# mine\n[limits]\nengines = 2\n").unwrap();
    let change = |path_of: &str, typed: &str| {
        let mut document = Document::open(&path).unwrap().unwrap();
        document.set(&key(path_of), &Setting::typed(typed)).unwrap();
        document.save(&reader, &key(path_of)).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(
        change("limits.engines", "0").unwrap_err(),
        "`limits.engines`: invalid value: integer `0`, expected a nonzero usize",
        "the place is one that the file does not have"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n[limits]\nengines = 2\n");
    change("limits.engines", "3").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n[limits]\nengines = 3\n");
    // A file that was broken before is told as it is on the disk, and can be mended.
    fs::write(&path, "default_engine = 3\n").unwrap();
    assert_eq!(
        change("transport", "x").unwrap_err(),
        format!("{}:1:18: `default_engine`: invalid type: integer `3`, expected a string", path.display())
    );
    change("default_engine", "codex").unwrap();
}

#[test]
fn no_file_is_none_and_no_toml_names_its_place() {
    assert!(Document::open(Path::new("/nowhere/takopi.toml")).unwrap().is_none());
    let error = Document::parse(Path::new("takopi.toml"), "a = 1\nb = = 2\n").unwrap_err().to_string();
    assert!(error.starts_with("takopi.toml:2:5: this is not TOML: "), "{error}");
    assert!(Document::open(Path::new("/")).unwrap_err().to_string().starts_with("/ can not be read: "));
}

#[test]
fn the_debug_form_holds_no_value() {
    assert!(!format!("{:?}", document("token = 'hunter2'\n")).contains("hunter2"));
}

proptest::proptest! {
    /// Whatever the file has: what is set is there, the rest is as it was, and taking it out gives the rest again.
    #[test]
    fn set_and_unset_touch_one_key(
        text in "(#[ a-z]{0,5}\n|\n|[a-c]\\.[a-c] = [0-9]\n|[a-c] = [0-9] # x\n|\\[[a-c]\\]\n|\\[[a-c]\\.[a-c]\\]\n|[a-c] = \\{ [a-c] = 1 \\}\n){0,6}",
        path in "[a-c](\\.[a-d]){0,2}",
    ) {
        let Ok(before) = Document::parse(Path::new("f"), &text) else { return Ok(()) };
        let path = key(&path);
        let leaves = |document: &Document| -> Vec<(String, String)> {
            let shown = document.leaves().into_iter().map(|(key, setting)| (key.to_string(), setting.to_string()));
            shown.filter(|(key, _)| *key != path.to_string()).collect()
        };
        let mut document = before.clone();
        if document.set(&path, &Setting::typed("here")).is_ok() {
            let again = Document::parse(Path::new("f"), &document.text()).unwrap();
            proptest::prop_assert!(matches!(again.get(&path), Ok(Found::Setting(_))));
            let lost = matches!(before.get(&path), Ok(Found::Table));
            proptest::prop_assert!(lost || leaves(&again) == leaves(&before));
            proptest::prop_assert_eq!(document.unset(&path).unwrap(), Unset::Done);
            proptest::prop_assert!(lost || leaves(&document) == leaves(&before));
            proptest::prop_assert!(matches!(document.get(&path), Ok(Found::Nothing)));
        }
    }
}
