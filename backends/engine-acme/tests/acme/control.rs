//! A run that is told something while it goes on.

use std::fs;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use takopi_api::event::{Decision, Event, Outcome, RequestId, Resolution};
use takopi_api::runner::{ControlError, Run};

use crate::fixture::{Place, within};

/// Reads events until one fits.
async fn until(run: &mut Run, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = within(run.events.next()).await {
        let found = fits(&event);
        events.push(event);
        if found {
            return events;
        }
    }
    panic!("the run ended before: {events:?}");
}

async fn rest(mut events: Vec<Event>, run: Run) -> Vec<Event> {
    events.extend(run.events.collect::<Vec<_>>().await);
    events
}

#[tokio::test]
async fn a_slow_run_has_steps_to_watch() {
    let place = Place::with_files(&[("a.rs", "x\n")]);
    let began = Instant::now();
    let told = place.ask("slowly which files are largest?").await;
    assert!(told.steps().len() >= 6, "{:?}", told.steps());
    assert!(began.elapsed() >= Duration::from_millis(500) * 6);
    assert!(told.answer().starts_with("Looked around first: 1 file in 0 top-level folders, mostly Rust."));
    assert!(told.answer().contains("- `a.rs` 2 b"));
}

#[tokio::test]
async fn an_interrupt_ends_a_slow_run_at_once_and_keeps_the_session() {
    let place = Place::with_files(&[("a", "x")]);
    let mut run = place.run("slowly largest files", None);
    let control = run.control.clone();
    let events = until(&mut run, |event| matches!(event, Event::Action(_))).await;
    let asked = Instant::now();
    control.interrupt().await.unwrap();
    let told = place.tell(rest(events, run)).await;
    assert!(asked.elapsed() < Duration::from_millis(400), "{:?}", asked.elapsed());
    assert_eq!(told.completed.outcome, Outcome::Interrupted);
    assert!(told.completed.answer.starts_with("Interrupted.\n\n_This is"), "{}", told.completed.answer);
    let history = place.ask_in(&told.thread(), "history").await;
    assert!(history.answer().contains("1. `slowly largest files`: interrupted"), "{}", history.answer());
    let again = place.ask_in(&told.thread(), "again").await;
    assert!(again.answer().contains("- `a` 1 b"), "{}", again.answer());
}

#[tokio::test]
async fn a_text_that_is_sent_into_the_run_is_answered_in_it() {
    let place = Place::with_files(&[("a.rs", "x\n")]);
    let mut run = place.run("slowly largest files", None);
    let control = run.control.clone();
    let events = until(&mut run, |event| matches!(event, Event::Action(_))).await;
    control.steer("show a.rs").await.unwrap();
    let told = place.tell(rest(events, run)).await;
    assert_eq!(told.notes(), ["asked meanwhile: show a.rs"]);
    assert!(told.answer().starts_with("### largest files\n"), "{}", told.answer());
    assert!(told.answer().contains("\n\n---\n\n### `a.rs`\n\n`a.rs`, 1 line:"), "{}", told.answer());
    assert_eq!(control.steer("more").await, Err(ControlError::Over));
}

#[tokio::test]
async fn an_interrupt_withdraws_the_question() {
    let place = Place::empty();
    let mut run = place.run("write x to a.md", None);
    let control = run.control.clone();
    let events = until(&mut run, |event| matches!(event, Event::Request(_))).await;
    let unknown = RequestId::new("unknown");
    let refused = control.answer(&unknown, Decision::AllowOnce).await;
    assert_eq!(refused, Err(ControlError::NoSuchRequest(unknown)));
    control.interrupt().await.unwrap();
    let told = place.tell(rest(events, run)).await;
    assert_eq!(told.completed.outcome, Outcome::Interrupted);
    assert_eq!(told.resolutions()[0].resolution, Resolution::Withdrawn);
    assert!(!place.repo.join("a.md").exists());
    let asked = told.requests()[0].request.id.clone();
    assert_eq!(control.answer(&asked, Decision::AllowOnce).await, Err(ControlError::Over));
}

#[tokio::test]
async fn a_dropped_run_does_no_more_work() {
    let place = Place::empty();
    let mut run = place.run("write x to a.md", None);
    let control = run.control.clone();
    let events = until(&mut run, |event| matches!(event, Event::Request(_))).await;
    let Some(Event::Request(asked)) = events.last() else { panic!() };
    drop(run);
    assert_eq!(control.answer(&asked.request.id, Decision::AllowOnce).await, Err(ControlError::Over));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fs::read_dir(&place.repo).unwrap().count(), 0);
    // Its session was kept when it started, so it can be continued.
    let Event::Started(started) = &events[0] else { panic!() };
    assert!(place.ask_in(&started.resume, "history").await.answer().contains("first request"));
}
