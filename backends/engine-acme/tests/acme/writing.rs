//! Writing: never without leave, never outside of the folder.

use std::fs;

use futures_util::StreamExt;
use takopi_api::event::{
    ActionOutcome, ChangeKind, Decision, Event, Permission, Phase, RequestSubject, Resolution,
};

use crate::fixture::Place;

fn deny(reason: Option<&str>) -> Decision {
    Decision::Deny { reason: reason.map(str::to_owned) }
}

#[tokio::test]
async fn a_file_is_written_after_it_was_allowed() {
    let place = Place::with_files(&[("old.md", "old\n")]);
    let told = place.ask_and_answer("write hello to notes.md", None, Decision::AllowOnce).await;
    assert_eq!(told.answer(), "`notes.md` is written (6 b).");
    assert_eq!(place.text_of("notes.md"), "hello\n");
    let request = &told.requests()[0].request;
    assert_eq!(request.title, "write notes.md");
    let RequestSubject::Permission(Permission { command: None, paths, content, .. }) = &request.subject
    else {
        panic!("no permission: {request:?}");
    };
    assert!(paths[0].ends_with("repo/notes.md"));
    assert_eq!(content.as_deref(), Some("hello\n"));
    assert_eq!(told.resolutions()[0].resolution, Resolution::Decided(Decision::AllowOnce));
    let change = &told.file_changes()[0].action.detail.changes[0];
    assert!(change.kind == ChangeKind::Add && change.path.ends_with("repo/notes.md"));

    let told = place.ask_and_answer("write \"new\" to old.md", None, Decision::AllowOnce).await;
    let replaced = &told.requests()[0].request;
    assert_eq!(replaced.title, "replace old.md");
    let RequestSubject::Permission(permission) = &replaced.subject else {
        panic!("no permission: {replaced:?}");
    };
    assert_eq!(permission.tool.as_deref(), Some("write"));
    assert_eq!(permission.diff.as_deref(), Some("--- old.md\n+++ old.md\n@@ -1,1 +1,1 @@\n-old\n+new\n"));
    assert_eq!(told.file_changes()[0].action.detail.changes[0].kind, ChangeKind::Update);
    assert_eq!(place.text_of("old.md"), "new\n");
    assert_eq!(fs::read_dir(&place.repo).unwrap().count(), 2, "no temporary file is left");
}

#[tokio::test]
async fn a_refusal_writes_nothing_and_is_told_with_its_reason() {
    let place = Place::empty();
    for (decision, answer) in [
        (deny(None), "Nothing was written. You did not allow it."),
        (deny(Some("not today")), "Nothing was written. You did not allow it: not today."),
        (
            Decision::Answer { answers: Default::default() },
            "Nothing was written. The answer was no permission.",
        ),
    ] {
        let told = place.ask_and_answer("write hello to notes.md", None, decision.clone()).await;
        assert_eq!(told.answer(), answer);
        assert_eq!(told.resolutions()[0].resolution, Resolution::Decided(decision));
        assert!(told.file_changes().is_empty() && !place.repo.join("notes.md").exists());
    }
}

#[tokio::test]
async fn leave_for_the_session_lasts_for_the_session_and_no_longer() {
    let place = Place::empty();
    let first = place.ask_and_answer("write one to a.md", None, Decision::AllowSession).await;
    let second = place.ask_in(&first.thread(), "write two to b.md").await;
    assert!(second.requests().is_empty());
    assert_eq!(place.text_of("b.md"), "two\n");
    let other = place.ask_and_answer("write three to c.md", None, deny(None)).await;
    assert_eq!(other.requests().len(), 1);
    // What is always allowed, takopi answers itself.
    for leave in [Decision::AllowOnce, Decision::AllowAlways] {
        let place = Place::empty();
        let once = place.ask_and_answer("write one to a.md", None, leave).await;
        let again = place.ask_and_answer("again", Some(&once.thread()), deny(None)).await;
        assert_eq!(again.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_file_that_is_no_text_or_stays_the_same_is_shown_as_it_will_be() {
    let place = Place::with_files(&[("same.md", "same\n")]);
    place.put("odd.md", [0xff, b'\n']);
    place.put("binary.md", [0, 1]);
    for (prompt, content) in
        [("write same to same.md", "same\n"), ("write x to odd.md", "x\n"), ("write y to binary.md", "y\n")]
    {
        let told = place.ask_and_answer(prompt, None, Decision::AllowOnce).await;
        let RequestSubject::Permission(permission) = &told.requests()[0].request.subject else {
            panic!("no permission: {prompt}");
        };
        assert_eq!(permission.content.as_deref(), Some(content), "{prompt}");
        assert!(told.answer().contains("is replaced"), "{}", told.answer());
    }
}

#[tokio::test]
async fn a_file_that_changes_while_the_person_thinks_is_not_replaced() {
    let place = Place::with_files(&[("a.md", "old\n")]);
    let mut run = place.run("write new to a.md", None);
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        if let Event::Request(asked) = &event {
            place.put("a.md", "mine\n");
            run.control.answer(&asked.request.id, Decision::AllowOnce).await.unwrap();
        }
        events.push(event);
    }
    let told = place.tell(async { events }).await;
    assert!(told.answer().contains("has changed since you were asked"), "{}", told.answer());
    assert_eq!(place.text_of("a.md"), "mine\n");
}

#[tokio::test]
async fn the_last_answer_can_be_saved_in_this_run_and_in_the_next() {
    let place = Place::with_files(&[("a.txt", "x\n")]);
    let told = place.ask_and_answer("show a.txt then save that to b.md", None, Decision::AllowOnce).await;
    assert_eq!(place.text_of("b.md"), "`a.txt`, 1 line:\n\n```txt\nx\n```\n");
    let told = place.ask_in(&told.thread(), "show a.txt").await;
    place.ask_and_answer("save it to c.md", Some(&told.thread()), Decision::AllowOnce).await;
    assert_eq!(place.text_of("c.md"), place.text_of("b.md"));
    let told = place.ask("save that to d.md").await;
    assert!(told.answer().contains("no answer in this session yet") && told.requests().is_empty());
}

#[tokio::test]
#[cfg(unix)]
async fn nothing_outside_of_the_folder_is_read_or_written() {
    use std::os::unix::fs::symlink;
    let place = Place::with_files(&[("a.txt", "x\n"), (".git/config", "secret\n")]);
    let outside = place.folder.path().join("outside.txt");
    fs::write(&outside, "secret\n").unwrap();
    symlink(&outside, place.repo.join("link.txt")).unwrap();
    symlink(place.folder.path(), place.repo.join("up")).unwrap();
    symlink(place.repo.join(".git"), place.repo.join("git")).unwrap();
    let absolute = outside.display().to_string();
    for name in [
        "../outside.txt",
        &absolute,
        "link.txt",
        "up/outside.txt",
        ".git/config",
        "git/config",
        ".GIT/config",
    ] {
        let told = place.ask(&format!("show {name}")).await;
        assert!(!told.answer().contains("secret"), "{}", told.answer());
        let told = place.ask(&format!("write x to {name}")).await;
        assert!(told.answer().starts_with("Nothing was written. "), "{}", told.answer());
        assert!(told.requests().is_empty(), "{name}");
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "secret\n");
    assert_eq!(place.text_of(".git/config"), "secret\n");
}

#[tokio::test]
#[cfg(unix)]
async fn special_files_are_not_read() {
    let place = Place::empty();
    let _socket = std::os::unix::net::UnixListener::bind(place.repo.join("socket")).unwrap();
    assert_eq!(place.ask("show socket").await.answer(), "`socket` can not be read: it is no regular file.");
    assert!(place.ask("write x to socket").await.answer().contains("is no regular file"));
}

#[tokio::test]
async fn a_file_that_appears_while_the_person_thinks_is_not_replaced() {
    let place = Place::empty();
    let mut run = place.run("write x to a.md", None);
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        if let Event::Request(asked) = &event {
            place.put("a.md", "mine\n");
            run.control.answer(&asked.request.id, Decision::AllowOnce).await.unwrap();
        }
        events.push(event);
    }
    let told = place.tell(async { events }).await;
    assert!(told.answer().contains("has come or gone since you were asked"), "{}", told.answer());
    assert_eq!(told.file_changes()[1].phase, Phase::Completed(ActionOutcome::Failed));
    assert_eq!(place.text_of("a.md"), "mine\n");
}

#[tokio::test]
#[cfg(unix)]
async fn a_link_that_appears_while_the_person_thinks_is_not_followed() {
    let place = Place::empty();
    let outside = place.folder.path().join("outside.txt");
    fs::write(&outside, "secret\n").unwrap();
    let mut run = place.run("write x to a.md", None);
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        if let Event::Request(asked) = &event {
            std::os::unix::fs::symlink(&outside, place.repo.join("a.md")).unwrap();
            run.control.answer(&asked.request.id, Decision::AllowOnce).await.unwrap();
        }
        events.push(event);
    }
    let told = place.tell(async { events }).await;
    assert!(told.answer().contains("is a symbolic link"), "{}", told.answer());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "secret\n");
}
