//! What acme answers to each kind of request.

use takopi_api::event::{Decision, Event, RequestSubject};
use takopi_api::runner::RunOptions;
use takopi_api::testing::collect;

use crate::fixture::Place;

const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

fn small_repository() -> Place {
    let place = Place::with_files(&[
        ("README.md", "# Small\n\nA small thing.\n"),
        ("Cargo.toml", "[package]\nname = \"small\"\n"),
        ("src/main.rs", "fn main() {\n    // TODO: more\n}\n"),
        ("src/deep/lib.rs", "// todo\n"),
        (".gitignore", "target/\n"),
        ("target/huge.bin", &"x".repeat(100_000)),
        (".git/HEAD", "ref: refs/heads/main\n"),
        (".git/objects/pack", &"x".repeat(100_000)),
    ]);
    place.put(".git/logs/HEAD", format!("{HASH} {HASH} Ada <a@b.c> 1700000000 +0100\tcommit: Begin\n"));
    place
}

#[tokio::test]
async fn the_largest_files_are_listed_with_their_steps() {
    let place = small_repository();
    place.put("big.bin", [1; 1536]);
    let told = place.ask("which files are largest?").await;
    insta::assert_snapshot!(told.answer(), @r"
    The 6 largest of 6 files:

    - `big.bin` 1.5 kb
    - `src/main.rs` 32 b
    - `Cargo.toml` 25 b
    - `README.md` 24 b
    - `.gitignore` 8 b
    - `src/deep/lib.rs` 8 b
    ");
    assert_eq!(told.steps(), ["walk .", "sort 6 files by size"]);
    assert!(matches!(&told.events[0], Event::Started(started) if started.title == "Acme"));
    assert!(told.completed.usage.unwrap().duration_ms.is_some());
    place.started_no_program();
}

#[tokio::test]
async fn lines_are_counted_by_language() {
    let place = small_repository();
    place.put("image.png", [0, 1, 2]);
    let told = place.ask("lines by language").await;
    insta::assert_snapshot!(told.answer(), @r"
    10 lines in 5 files of text:

    - Rust: 4 lines in 2 files
    - Markdown: 3 lines in 1 file
    - TOML: 2 lines in 1 file
    - Other: 1 line in 1 file

    1 file left out: binary, unreadable or larger than 8 mb.
    ");
}

#[tokio::test]
async fn a_text_is_found_in_any_case_unless_it_has_upper_case() {
    let place = small_repository();
    let told = place.ask("find todo").await;
    insta::assert_snapshot!(told.answer(), @r"
    `todo` is in 2 lines of 2 files:

    - `src/deep/lib.rs:1` `// todo`
    - `src/main.rs:2` `// TODO: more`
    ");
    let told = place.ask("search for TODO").await;
    assert!(told.answer().starts_with("`TODO` is in 1 line of 1 file:"), "{}", told.answer());
    let told = place.ask("where is nothing_like_it?").await;
    assert_eq!(told.answer(), "No line holds `nothing_like_it`.");
}

#[tokio::test]
async fn many_matches_come_in_pages() {
    let place = Place::with_files(&[("a.txt", &"needle\n".repeat(120))]);
    let first = place.ask("grep needle").await;
    assert!(first.answer().starts_with("`needle` is in 120 lines of 1 file; these are 1 to 50:"));
    let second = place.ask_in(&first.thread(), "more").await;
    assert!(second.answer().contains("these are 51 to 100") && second.answer().contains("`a.txt:100`"));
    let third = place.ask_in(&first.thread(), "more").await;
    assert!(third.answer().contains("`a.txt:120`") && !third.answer().contains("`more` shows"));
    let fourth = place.ask_in(&first.thread(), "more").await;
    assert_eq!(fourth.answer(), "There is nothing more to show.");
}

#[tokio::test]
async fn what_changed_is_read_from_the_log_and_from_times() {
    let place = small_repository();
    let told = place.ask("what changed?").await;
    let answer = told.answer();
    assert!(
        answer.starts_with(
            "The repository is on branch `main`.\n\nDone here last, by the log of `HEAD`:\n\n- "
        ),
        "{answer}"
    );
    assert!(answer.contains("years ago, Ada: `commit: Begin`"), "{answer}");
    assert!(answer.contains("by their modification time and not by git:\n\n- "), "{answer}");
    assert!(answer.contains("`src/main.rs` just now"), "{answer}");

    let place = Place::with_files(&[("a", "")]);
    let told = place.ask("what changed?").await;
    assert!(told.answer().starts_with("This is no git repository"), "{}", told.answer());
    assert!(told.answer().contains("`a` just now"));
}

#[tokio::test]
async fn a_linked_worktree_has_its_own_branch() {
    let place = Place::with_files(&[("a", "")]);
    let git = place.folder.path().join("main/.git/worktrees/w");
    std::fs::create_dir_all(&git).unwrap();
    std::fs::write(git.join("HEAD"), "ref: refs/heads/side\n").unwrap();
    place.put(".git", format!("gitdir: {}\n", git.display()));
    assert!(place.ask("what changed").await.answer().starts_with("The repository is on branch `side`."));
}

#[tokio::test]
async fn a_file_is_shown_by_path_or_by_name() {
    let place = small_repository();
    let told = place.ask("show src/main.rs").await;
    insta::assert_snapshot!(told.answer(), @r"
    `src/main.rs`, 3 lines:

    ```rs
    fn main() {
        // TODO: more
    }
    ```
    ");
    assert!(place.ask("cat lib.rs").await.answer().starts_with("`src/deep/lib.rs`, 1 line:"));
    assert!(place.ask("read the readme").await.answer().contains("# Small"));
    place.put("other/lib.rs", "");
    let several = place.ask_and_answer("show lib.rs", None, Decision::Deny { reason: None }).await;
    assert!(several.answer().contains("- `other/lib.rs`\n- `src/deep/lib.rs`"), "{}", several.answer());
    assert_eq!(place.ask("open other/lib.rs").await.answer(), "`other/lib.rs` is empty.");
    assert!(place.ask("show src").await.answer().contains("is a folder"));
    let told = place.ask("show mian.rs").await;
    assert_eq!(told.answer(), "There is no file `mian.rs` here. Did you mean `main.rs`?");
}

fn chosen(path: &str) -> Decision {
    Decision::Answer { answers: [("file".to_owned(), vec![path.to_owned()])].into() }
}

#[tokio::test]
async fn which_of_several_files_is_meant_is_asked() {
    let place = Place::with_files(&[("a/lib.rs", "first\n"), ("b/lib.rs", &"second\n".repeat(300))]);
    let told = place.ask_and_answer("show lib.rs", None, chosen(" b/lib.rs ")).await;
    let request = &told.requests()[0].request;
    let RequestSubject::Question { questions } = &request.subject else { panic!("{request:?}") };
    assert_eq!((request.title.as_str(), questions.len()), ("which lib.rs?", 1));
    assert_eq!(questions[0].text, "2 files go by the name lib.rs. Which one?");
    let labels: Vec<_> = questions[0].options.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, ["a/lib.rs", "b/lib.rs"]);
    assert!(told.answer().starts_with("`b/lib.rs`, lines 1 to 200 of 300 lines:"), "{}", told.answer());
    // The next page is of the same file, and nobody is asked again.
    let more = place.ask_in(&told.thread(), "more").await;
    assert!(more.answer().starts_with("`b/lib.rs`, lines 201 to 300"), "{}", more.answer());
    assert!(more.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_names_none_of_the_files_gets_the_list() {
    let place =
        Place::with_files(&[("a/lib.rs", "first\n"), ("b/lib.rs", "second\n"), ("c.txt", "secret\n")]);
    for decision in [
        chosen("c.txt"),
        chosen("../lib.rs"),
        chosen(""),
        Decision::AllowOnce,
        Decision::Answer { answers: Default::default() },
    ] {
        let told = place.ask_and_answer("show lib.rs", None, decision.clone()).await;
        assert!(
            told.answer().starts_with("2 files go by the name `lib.rs`"),
            "{decision:?}: {}",
            told.answer()
        );
    }
    let many: Vec<String> = (0..9).map(|n| format!("{n}/x.md")).collect();
    let files: Vec<_> = many.iter().map(|path| (path.as_str(), "")).collect();
    let told = Place::with_files(&files).ask("show x.md").await;
    assert!(told.requests().is_empty() && told.answer().starts_with("9 files go by the name"));
}

#[tokio::test]
async fn a_file_with_fences_and_many_lines_is_shown_whole_page_by_page() {
    let place = Place::with_files(&[("a.md", &"````\n".repeat(450))]);
    let first = place.ask("show a.md").await;
    assert!(first.answer().starts_with("`a.md`, lines 1 to 200 of 450 lines:\n\n`````md\n````\n"));
    assert!(first.answer().contains("\n````\n`````\n\n`more` shows"));
    place.ask_in(&first.thread(), "more").await;
    let last = place.ask_in(&first.thread(), "more").await;
    assert!(last.answer().contains("lines 401 to 450") && last.answer().ends_with("\n`````"));
}

#[tokio::test]
async fn anything_else_describes_the_repository() {
    let place = small_repository();
    let told = place.ask("Please refactor everything.").await;
    insta::assert_snapshot!(told.answer(), @r"
    This is `repo`: Small

    > A small thing.

    - 5 files
    - languages: Rust (4 lines), Markdown (3 lines), TOML (2 lines)
    - manifests: `Cargo.toml` (Rust)
    - folders: `src`
    - on branch `main`

    It understands: `which files are largest?`, `lines by language`, `find TEXT`, `what changed?`, `show FILE`, `write TEXT to FILE`, `save that to FILE`, `more`, `again`, `history`.
    ");
    assert!(told.steps().len() >= 6, "{:?}", told.steps());
    assert_eq!(place.ask("").await.answer(), told.answer());
}

#[tokio::test]
async fn joined_requests_are_done_in_turn() {
    let place = small_repository();
    let told = place.ask("grep todo then show README.md").await;
    let answer = told.answer();
    assert!(answer.starts_with("### matches for `todo`\n\n"), "{answer}");
    assert!(answer.contains("\n\n---\n\n### `README.md`\n\n`README.md`, 3 lines:"), "{answer}");
}

#[tokio::test]
async fn an_empty_folder_has_an_answer_to_everything() {
    let place = Place::empty();
    for prompt in
        ["largest files", "lines by language", "find x", "what changed", "show x", "hello", "more", "again"]
    {
        assert!(!place.ask(prompt).await.answer().is_empty(), "{prompt}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_fails_the_run_and_names_it() {
    let place = Place::empty();
    std::fs::remove_dir(&place.repo).unwrap();
    for prompt in ["largest files", "hello"] {
        let told = place.ask(prompt).await;
        assert!(told.error().contains(&place.repo.display().to_string()), "{}", told.error());
    }
}

#[tokio::test]
async fn options_that_acme_does_not_have_are_noted_once() {
    let place = small_repository();
    let options = RunOptions::default().model(Some("gpt-5".into())).reasoning(Some("high".into()));
    let told = place.tell(collect(place.runner.run(place.spec("hello").options(options)))).await;
    assert_eq!(
        told.notes(),
        ["acme has no models; `gpt-5` is ignored", "acme has no reasoning levels; `high` is ignored"]
    );
}

#[tokio::test]
#[cfg(unix)]
async fn odd_names_and_special_files_are_no_problem() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = small_repository();
    place.put(OsStr::from_bytes(b"odd\xff`\n.rs"), "todo\n");
    std::os::unix::fs::symlink("/etc", place.repo.join("etc")).unwrap();
    for prompt in ["largest files", "lines by language", "find todo", "what changed", "hello"] {
        let told = place.ask(prompt).await;
        assert!(!told.answer().contains("passwd"), "{prompt}");
    }
    let told = place.ask("find todo").await;
    assert!(told.answer().contains("``odd\u{fffd}`\u{fffd}.rs:1``"), "{}", told.answer());
}

#[tokio::test]
#[cfg(unix)]
async fn what_can_not_be_read_is_counted() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let place = small_repository();
    let locked = place.repo.join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&locked).is_ok() {
        return; // Root reads everything.
    }
    let told = place.ask("largest files").await;
    assert!(told.answer().contains("1 entry could not be read"), "{}", told.answer());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_huge_file_is_listed_and_not_read() {
    let place = small_repository();
    let file = std::fs::File::create(place.repo.join("huge.txt")).unwrap();
    file.set_len(20 << 30).unwrap();
    assert!(place.ask("largest files").await.answer().contains("`huge.txt` 20 gb"));
    assert!(place.ask("lines by language").await.answer().contains("1 file left out"));
    assert!(place.ask("find todo").await.answer().contains("is in 2 lines"));
    assert!(place.ask("show huge.txt").await.answer().contains("is a binary file"));
}
