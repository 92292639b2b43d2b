//! Sessions: what a continued conversation knows, and what happens to one that can not be continued.

use std::fs;

use takopi_api::event::Event;

use crate::fixture::{Place, token};

#[tokio::test]
async fn a_continued_session_knows_what_was_asked() {
    let files: Vec<(String, String)> = (0..15).map(|n| (format!("{n:02}"), "x".repeat(n))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let place = Place::with_files(&files);
    let first = place.ask("which files are largest?").await;
    assert!(first.answer().contains("`14` 14 b") && first.answer().ends_with("`more` shows the next ones."));
    let thread = first.thread();
    let more = place.ask_in(&thread, "more").await;
    assert_eq!(more.thread(), thread);
    assert!(more.answer().contains("from number 11:") && more.answer().contains("`00` 0 b"));
    let again = place.ask_in(&thread, "again").await;
    assert_eq!(again.answer(), first.answer());
    let standing = place.ask_in(&thread, "continue").await;
    assert!(standing.answer().contains("3 requests so far. The last was `again`"), "{}", standing.answer());
    assert!(standing.answer().contains("`more` goes on"));
    let history = place.ask_in(&thread, "what did I ask?").await;
    insta::assert_snapshot!(history.answer(), @r"
    So far in this session:

    1. `which files are largest?`: largest files
    2. `more`: more largest files
    3. `again`: largest files
    4. `continue`: where the session stands
    ");
}

#[tokio::test]
async fn a_session_that_does_not_exist_fails_before_it_starts() {
    let place = Place::empty();
    for value in ["0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "../../etc/passwd", "no-such", "a\u{202e}b"] {
        let told = place.ask_in(&token(value), "hello").await;
        assert!(told.error().starts_with("acme has no session `"), "{}", told.error());
        assert!(told.error().ends_with("start a new one by leaving out the resume line"));
        assert!(!told.events.iter().any(|event| matches!(event, Event::Started(_))));
    }
}

#[tokio::test]
async fn a_damaged_session_fails_and_names_its_file() {
    let place = Place::empty();
    let thread = place.ask("hello").await.thread();
    let file = place.data.join(format!("sessions/{}.json", thread.value()));
    fs::write(&file, "{\"id\":").unwrap();
    let told = place.ask_in(&thread, "hello").await;
    assert!(told.error().contains(&file.display().to_string()), "{}", told.error());
    assert!(told.error().contains("is damaged"), "{}", told.error());
}

#[tokio::test]
async fn a_session_that_can_not_be_kept_still_answers() {
    let place = Place::empty();
    fs::write(&place.data, "a file where the folder should be").unwrap();
    let told = place.ask("hello").await;
    assert!(!told.answer().is_empty());
    assert_eq!(told.notes().len(), 1);
    assert!(told.notes()[0].starts_with("this session can not be continued later: "), "{:?}", told.notes());
}
