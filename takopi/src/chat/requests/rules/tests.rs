use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;
use takopi_api::event::{Question, RequestId};

use super::*;

fn root(path: &str) -> Root {
    Root { told: path.into(), real: path.into() }
}

/// What is like a permission where no path is a link.
fn of(permission: &Permission) -> Option<Covers> {
    alike(permission, &root("/web"), |path| Some(path.to_owned()))
}

fn shell(command: &str) -> Permission {
    Permission::default().tool("Shell").command(command)
}

fn edit<'a>(paths: impl IntoIterator<Item = &'a str>) -> Permission {
    let paths = paths.into_iter().map(str::to_owned);
    Permission::default().tool("edit").cwd("/web").paths(paths).diff("+ new")
}

fn files_by_edit() -> Covers {
    Covers::Files { tool: "edit".into() }
}

#[test]
fn a_command_is_like_itself_and_nothing_else() {
    let npm = of(&shell("npm test"));
    assert!(npm.is_some());
    // Where the engine names no folder, it is the one that the run was started in. Its words do not matter.
    assert_eq!(of(&shell("npm test").cwd("/web").reason("to see")), npm);
    for command in ["npm  test", "npm test ", "npm test\n", "npm test; id", "NPM test", "npm test $(id)"] {
        let other = of(&shell(command));
        assert!(other.is_some() && other != npm, "{command:?}");
    }
    assert_ne!(of(&shell("npm test").cwd("/web/sub")), npm);
    assert_ne!(of(&Permission::default().command("npm test")), npm);
    assert_ne!(of(&shell("npm test").tool("Power")), npm);
    // More than a command is another thing.
    assert_ne!(of(&shell("npm test").paths(["/etc/passwd".to_owned()])), npm);
    assert_ne!(of(&shell("npm test").input("{\"sandbox\": false}")), npm);
    assert_ne!(of(&shell("npm test").diff("+")), npm);
    assert_ne!(of(&shell("npm test").content("+")), npm);
}

#[test]
fn what_a_yes_was_for_once_is_like_nothing() {
    assert_eq!(of(&shell("y").lasting(Lasting::Nothing)), None);
    assert_eq!(of(&edit(["/web/a"]).lasting(Lasting::Nothing)), None);
    // Who else remembers it is nothing to a rule.
    assert_eq!(of(&shell("y").lasting(Lasting::Engine)), of(&shell("y")));
}

#[test]
fn a_command_elsewhere_or_beyond_reading_is_like_nothing() {
    for cwd in ["/", "/webs", "/web/../etc", "sub", "", "~", "/web/./sub", "/web/*", "/web/\u{7}"] {
        assert_eq!(of(&shell("npm test").cwd(cwd)), None, "{cwd:?}");
    }
    for command in ["", " \n", &"x".repeat(COMMAND + 1)] {
        assert_eq!(of(&shell(command)), None);
    }
}

#[test]
fn files_of_the_folder_are_alike() {
    for paths in [
        &["/web/src/main.rs"][..],
        &["src/main.rs"],
        &["a", "/web/b", "c/d/e.txt"],
        &["app/[id]/page.tsx", "with blank.txt", "ü.md"],
    ] {
        assert_eq!(of(&edit(paths.iter().copied())), Some(files_by_edit()), "{paths:?}");
    }
    assert_ne!(of(&edit(["a"]).tool("delete")), Some(files_by_edit()));
    let written = Permission::default().tool("edit").cwd("/web").paths(["a".to_owned()]).content("new");
    assert_eq!(of(&written), Some(files_by_edit()));
}

#[test]
fn the_folder_itself_may_be_called_anything() {
    let odd = "/home/it's {a} .. $b/~";
    let of = |permission: &Permission| alike(permission, &root(odd), |path| Some(path.to_owned()));
    assert_eq!(of(&edit(["a"]).cwd(odd)), Some(files_by_edit()));
    assert_eq!(of(&edit([format!("{odd}/a").as_str()])), None, "the folder that it names is another one");
    assert_eq!(of(&edit([format!("{odd}/a").as_str()]).cwd(odd)), Some(files_by_edit()));
    for path in
        [format!("{odd}s/a"), format!("{odd}/../a"), format!("{odd}/{odd}"), format!("{odd}*"), odd.into()]
    {
        assert_eq!(of(&edit([path.as_str()]).cwd(odd)), None, "{path}");
    }
}

const NEVER: &[&str] = &[
    "/etc/passwd",
    "/web",
    "/web/",
    "/webs/a",
    "/",
    "",
    " ",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/../../etc/passwd",
    "/web/../etc/passwd",
    "./a",
    "a/./b",
    "~/a",
    "~root/a",
    "$HOME/a",
    "a/$(id)",
    "%2e%2e/a",
    "a\\..\\b",
    "*",
    "src/**",
    "a?",
    "{a,../b}",
    "file:///web/a",
    "a, /etc/passwd",
    "a, .git/config",
    "a /etc/passwd",
    "a .git/config",
    "a;b",
    "a\0b",
    "a\nb",
    " a",
    "a ",
    ".git/hooks/pre-commit",
    ".git",
    "sub/.git/config",
    ".env",
    ".github/workflows/ci.yml",
    "/web/.envrc",
];

#[test]
fn other_files_are_like_nothing_also_among_others() {
    for path in NEVER {
        assert_eq!(of(&edit([*path])), None, "{path:?}");
        assert_eq!(of(&edit(["a", *path])), None, "{path:?}");
        assert_eq!(of(&edit([*path, "a"])), None, "{path:?}");
    }
    // It could be a path of anywhere.
    assert_eq!(of(&Permission::default().tool("edit").diff("+").paths(["a".to_owned()])), None);
    // It could do anything.
    assert_eq!(of(&Permission::default().tool("edit").cwd("/web").paths(["a".to_owned()])), None);
    assert_eq!(of(&edit(["a"]).cwd("/etc")), None);
    assert_eq!(of(&Permission::default().cwd("/web").diff("+").paths(["/web/a".to_owned()])), None);
    let many: Vec<String> = (0..=FILES).map(|n| format!("/web/{n}")).collect();
    assert_eq!(of(&edit([]).paths(many)), None);
    let everywhere = alike(&edit(["/etc/passwd"]).cwd("/"), &root("/"), |path| Some(path.to_owned()));
    assert_eq!(everywhere, None);
}

#[test]
fn a_tool_is_like_its_own_use_and_no_other() {
    let fetch = |input: &str| Permission::default().tool("fetch").input(input);
    let covers = of(&fetch("{\"url\": \"https://a\"}"));
    assert!(matches!(&covers, Some(Covers::Input { tool, .. }) if tool == "fetch"));
    assert_eq!(of(&fetch("{\"url\": \"https://a\"}").reason("again")), covers);
    assert_ne!(of(&fetch("{\"url\": \"https://b\"}")), covers);
    assert_ne!(of(&fetch("{\"url\": \"https://a\"} ")), covers);
    assert_ne!(of(&fetch("{\"url\": \"https://a\"}").tool("post")), covers);
    assert_ne!(of(&fetch("{\"url\": \"https://a\"}").cwd("/web/sub")), covers);
    let with = |content: &str| of(&fetch("{\"url\": \"https://a\"}").content(content));
    assert!(with("a") != covers && with("a") != with("b"));
    assert_ne!(with("a"), of(&fetch("{\"url\": \"https://a\"}").diff("a")));
    // It begins the same, and goes on otherwise.
    let long = "x".repeat(10_000);
    assert_ne!(of(&fetch(&format!("{long}1"))), of(&fetch(&format!("{long}2"))));
    assert_eq!(of(&fetch(&"x".repeat(INPUT + 1))), None);
    for nothing in ["", "{}", "[]", " \"\" "] {
        assert_eq!(of(&fetch(nothing)), None, "{nothing:?}");
    }
    assert_eq!(of(&Permission::default()), None);
    assert_eq!(of(&Permission::default().tool("fetch").reason("because")), None);
    assert_eq!(of(&Permission::default().tool("fetch").diff("+")), None);
    assert_eq!(of(&Permission::default().tool("fetch").content("+")), None);
    assert_eq!(of(&Permission::default().input("{\"a\": 1}")), None);
}

/// A folder with a repository's content, and links that lead out of it.
struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir_all(path.join("web/src")).unwrap();
        fs::create_dir(path.join("outside")).unwrap();
        fs::write(path.join("outside/file"), "").unwrap();
        symlink(path.join("outside"), path.join("web/out")).unwrap();
        symlink(path.join("outside/file"), path.join("web/link")).unwrap();
        symlink(path.join("outside/not-there"), path.join("web/dangling")).unwrap();
        symlink("src", path.join("web/inner")).unwrap();
        symlink("loop", path.join("web/loop")).unwrap();
        symlink("web", path.join("other-name")).unwrap();
        Self { folder }
    }

    fn at(&self, path: &str) -> String {
        self.folder.path().join(path).to_str().unwrap().to_owned()
    }
}

async fn covers(ground: &Ground, permission: Permission) -> Option<Covers> {
    ground.covers(&RequestSubject::Permission(permission)).await
}

#[tokio::test]
async fn no_link_leads_out() {
    let folder = Folder::new();
    let ground = Ground::of(Path::new(&folder.at("web")), None).await.unwrap();
    let edit = |path: &str| edit([path]).cwd(folder.at("web"));
    for path in ["src/new.rs", "src", "new/deep/file"] {
        assert_eq!(covers(&ground, edit(path)).await, Some(files_by_edit()), "{path}");
    }
    for path in ["out/file", "out/new", "link", "dangling", "inner/new.rs", "loop", "loop/a", "link/a"] {
        assert_eq!(covers(&ground, edit(path)).await, None, "{path}");
        assert_eq!(covers(&ground, edit(&folder.at(&format!("web/{path}")))).await, None, "{path}");
    }
    assert_eq!(covers(&ground, shell("ls").cwd(folder.at("web/out"))).await, None);
    assert!(covers(&ground, shell("ls").cwd(folder.at("web/src"))).await.is_some());
}

#[tokio::test]
async fn a_folder_has_the_same_rules_under_both_of_its_names() {
    let folder = Folder::new();
    let by_link = Ground::of(Path::new(&folder.at("other-name")), None).await.unwrap();
    let own = Ground::of(Path::new(&folder.at("web")), None).await.unwrap();
    assert_eq!(by_link.folder, own.folder);
    for name in ["web", "other-name"] {
        let path = folder.at(&format!("{name}/src/a"));
        assert_eq!(covers(&by_link, edit([path.as_str()]).cwd(folder.at(name))).await, Some(files_by_edit()));
    }
    assert!(Ground::of(Path::new(&folder.at("nowhere")), None).await.is_err());
}

#[tokio::test]
async fn plans_and_questions_are_like_nothing() {
    let folder = Folder::new();
    let ground = Ground::of(folder.folder.path(), None).await.unwrap();
    let plan = RequestSubject::Plan { text: "as before".into() };
    let question = RequestSubject::Question { questions: vec![Question::new("1", "which?")] };
    assert_eq!((ground.covers(&plan).await, ground.covers(&question).await), (None, None));
}

#[test]
fn a_digest_is_of_all_that_is_asked() {
    let digest = |permission| {
        digest(&Request::new(RequestId::new("1"), "may I?", RequestSubject::Permission(permission)))
    };
    let asked = digest(shell("npm test"));
    assert_eq!(digest(shell("npm test")), asked);
    for other in [shell("npm test "), shell("npm test").cwd("/"), shell("npm test").tool("Other")] {
        assert_ne!(digest(other), asked);
    }
}

#[test]
fn people_read_what_is_covered() {
    let said = |permission: &Permission| covered(&of(permission).unwrap());
    assert_eq!(said(&shell("npm test")), "`npm test`");
    assert_eq!(said(&shell("npm\n  test").cwd("/web/sub")), "`npm test` in `sub`");
    assert_eq!(said(&edit(["a"])), "`edit` of files");
    let fetch = Permission::default().tool("fetch").input("{\n  \"url\": \"https://a\"\n}");
    assert_eq!(said(&fetch), "`fetch` of exactly `{ \"url\": \"https://a\" }`");
    let long = said(&shell(&"é".repeat(500)));
    assert!(long.chars().count() <= SHOWN + 3 && long.ends_with("…`"), "{long}");
}

/// Parts of paths, of which many are traps.
fn paths() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z]{1,3}",
        1 => prop::sample::select(vec!["..", ".", "", ".git", "~", "web", "*", " ", "...", ".. ", "\u{202e}"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    (any::<bool>(), any::<bool>(), prop::collection::vec(part, 0..5)).prop_map(
        |(is_absolute, is_own, parts)| {
            let path = parts.join("/");
            match (is_absolute, is_own) {
                (true, true) => format!("/web/{path}"),
                (true, false) => format!("/{path}"),
                _ => path,
            }
        },
    )
}

/// Where a path leads, worked out word by word as a shell would.
fn walked(path: &str) -> Vec<String> {
    let mut at = if path.starts_with('/') { vec![] } else { vec!["web".to_owned()] };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(at.pop()),
            part => at.push(part.to_owned()),
        }
    }
    at
}

proptest! {
    #[test]
    fn whatever_is_covered_lies_in_the_folder_and_is_not_hidden(paths in prop::collection::vec(paths(), 0..4)) {
        let permission = edit(paths.iter().map(String::as_str));
        if of(&permission) == Some(files_by_edit()) {
            prop_assert!(!paths.is_empty());
            for path in paths {
                let at = walked(&path);
                prop_assert!(at.len() > 1 && at[0] == "web", "{path:?}");
                prop_assert!(at.iter().all(|part| !part.starts_with('.')), "{path:?}");
            }
        } else {
            prop_assert_eq!(of(&permission), None);
        }
    }

    #[test]
    fn no_two_commands_are_alike(one in any::<String>(), other in any::<String>(), cwd in paths()) {
        let (a, b) = (of(&shell(&one)), of(&shell(&other)));
        prop_assert!(a.is_none() || b.is_none() || (a == b) == (one == other));
        if let Some(Covers::Command { command, below, .. }) = of(&shell(&one).cwd(cwd.clone())) {
            prop_assert_eq!(command, one);
            prop_assert!(cwd.starts_with('/') && walked(&cwd)[0] == "web");
            prop_assert_eq!(walked(&cwd)[1..].join("/"), below);
        }
    }

    #[test]
    fn no_two_uses_of_a_tool_are_alike(
        one in prop::option::of("[a-c+]{0,3}"), other in prop::option::of("[a-c+]{0,3}"),
        diffs in prop::option::of("[a-c+]{0,3}"), paths in prop::collection::vec("[a-c\"]{0,2}", 0..3),
    ) {
        let use_of = |input: &Option<String>, diff: &Option<String>| {
            let mut permission = Permission::default().tool("tool").paths(paths.clone());
            permission.input.clone_from(input);
            permission.diff.clone_from(diff);
            permission
        };
        let (a, b) = (of(&use_of(&one, &diffs)), of(&use_of(&other, &diffs)));
        prop_assert!(a.is_none() || b.is_none() || (a == b) == (one == other));
        let swapped = of(&use_of(&diffs, &one));
        if one != diffs && a.is_some() {
            prop_assert_ne!(a, swapped);
        }
    }
}
