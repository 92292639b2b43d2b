//! What people send into a turn, and how they end one.

use std::sync::Arc;

use futures_util::StreamExt;
use takopi_api::event::{Decision, Event, Outcome, RequestId, Resolution};
use takopi_api::runner::ControlError;
use takopi_api::testing::check_events;
use tokio::sync::Notify;

use crate::played::{CLAUDE, Steer, build, is_answer_text, open, run, spec, started, task};

#[tokio::test]
async fn a_message_is_taken_into_the_turn_that_goes_on() {
    let program = open("queue-midturn").start();
    let mut steer = Steer::new("Also this [[plain]]", |event| started(event).is_some());
    let played = run("", spec(&task("sleep5"), &program), async |event, control| {
        steer.look(event, control);
    })
    .await;
    program.finish().await;
    played.is_done("Slept five seconds.");
    assert_eq!(steer.received().await, Ok(()));
}

/// Claude says that it has no more turns to come (`queued_turn_count` is 0), and begins one for the message all the same.
#[tokio::test]
async fn a_message_that_comes_too_late_for_a_turn_has_one_of_its_own() {
    for (name, scenario, earlier) in [
        ("steer-text", "slowthen", "one two three four five six seven eight"),
        ("steer-late", "plain", "Hello from the fake model."),
    ] {
        let program = open(name).start();
        let mut steer = Steer::new("Also this [[plain]]", is_answer_text);
        let played = run("", spec(&task(scenario), &program), async |event, control| {
            steer.look(event, control);
        })
        .await;
        program.finish().await;
        played.is_done("Hello from the fake model.");
        assert!(played.live().starts_with(earlier), "{name}: {}", played.live());
        assert_eq!(steer.received().await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn an_interrupted_answer_keeps_what_was_written() {
    let program = open("interrupt-text").ignoring(["/uuid", "/request/cancel_queued"]).start();
    let mut is_interrupted = false;
    let played = run("", spec(&task("slow"), &program), async |event, control| {
        if !is_interrupted && is_answer_text(event) {
            is_interrupted = true;
            control.interrupt().await.unwrap();
        }
    })
    .await;
    program.finish().await;
    assert_eq!(played.completed.outcome, Outcome::Interrupted);
    assert_eq!(played.completed.answer, "one two three four five ");
}

#[tokio::test]
async fn an_interrupted_command_ends() {
    let program = open("interrupt-tool").start();
    let played = run("", spec(&task("sleep5"), &program), async |event, control| {
        if started(event).is_some() {
            control.interrupt().await.unwrap();
        }
    })
    .await;
    program.finish().await;
    assert_eq!(played.completed.outcome, Outcome::Interrupted);
    assert_eq!(played.steps(), ["!sleep 5; echo slept"]);
}

/// The person interrupts while claude asks, and then allows it: nothing is said to claude any more.
#[tokio::test]
async fn what_is_asked_is_withdrawn_by_an_interrupt() {
    for (name, scenario, step) in [
        ("interrupt-asked", "danger", "!rm -rf ./scratch-dir && echo removed"),
        ("interrupt", "sleep", "!echo $$ > child.pid; sleep 61"),
    ] {
        let program = open(name).ignoring(["/uuid", "/request/cancel_queued"]).start();
        let mut late = Vec::new();
        let played = run("", spec(&task(scenario), &program), async |event, control| match event {
            Event::Request(event) => {
                let id = &event.request.id;
                control.interrupt().await.unwrap();
                late.push(control.answer(id, Decision::AllowOnce).await == no_such(id));
            }
            Event::RequestResolved(event) => {
                late.push(
                    control.answer(&event.request_id, Decision::AllowOnce).await
                        == no_such(&event.request_id),
                );
            }
            _ => {}
        })
        .await;
        program.finish().await;
        assert_eq!(played.completed.outcome, Outcome::Interrupted, "{name}");
        assert_eq!(played.resolutions(), [&Resolution::Withdrawn], "{name}");
        assert_eq!(played.steps(), [step], "{name}");
        assert_eq!(late, [true, true], "{name}");
    }
}

fn no_such(id: &RequestId) -> Result<(), ControlError> {
    Err(ControlError::NoSuchRequest(id.clone()))
}

/// Claude has the message, was interrupted before it read it, and drops it. That is told, since it was said to be taken.
#[tokio::test]
async fn a_message_that_waits_is_dropped_by_an_interrupt() {
    let program = open("interrupt-queued").start();
    let mut sent = None;
    let played = run("", spec(&task("slowthen"), &program), async |event, control| {
        if sent.is_none() && is_answer_text(event) {
            let control = control.clone();
            sent = Some(tokio::spawn(async move {
                control.steer("Also this [[plain]]").await.unwrap();
                control.interrupt().await.unwrap();
            }));
        }
    })
    .await;
    program.finish().await;
    sent.unwrap().await.unwrap();
    assert_eq!(played.completed.outcome, Outcome::Interrupted);
    assert_eq!(played.steps(), ["claude ended before it read this: Also this [[plain]]"]);
}

#[tokio::test]
async fn a_prompt_that_is_interrupted_before_it_is_read_ends_the_run() {
    let prompted = Arc::new(Notify::new());
    let notify = Arc::clone(&prompted);
    let program = open("interrupt-early")
        .also(move |sent| {
            if sent["type"] == "user" {
                notify.notify_one();
            }
            None
        })
        .start();
    let run = build("").run(spec(&task("slowthen"), &program));
    let (control, events) = (run.control, run.events);
    let interrupt = async {
        prompted.notified().await;
        control.interrupt().await.unwrap();
    };
    let (events, ()) = tokio::join!(events.collect::<Vec<_>>(), interrupt);
    program.finish().await;
    assert_eq!(check_events(&CLAUDE, &events).outcome, Outcome::Interrupted);
}

/// A program that does not end its turn when it is told to is terminated; who is impatient says it twice.
#[tokio::test]
async fn a_second_interrupt_terminates_the_program() {
    for (name, decision) in [("sigterm-tool", Some(Decision::AllowOnce)), ("sigterm", None)] {
        let program =
            open(name).also(|sent| (sent["request"]["subtype"] == "interrupt").then(Vec::new)).start();
        let played = run("", spec(&task("sleep"), &program), async |event, control| {
            let Event::Request(event) = event else { return };
            if let Some(decision) = &decision {
                control.answer(&event.request.id, decision.clone()).await.unwrap();
            }
            control.interrupt().await.unwrap();
            control.interrupt().await.unwrap();
        })
        .await;
        assert_eq!(played.completed.outcome, Outcome::Interrupted, "{name}");
    }
}
