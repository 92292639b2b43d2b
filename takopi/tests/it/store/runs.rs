//! The life of a run, and what is known of it afterwards.

use std::time::{Duration, SystemTime};

use takopi::store::{RunOutcome, RunState, SessionChange, SessionKey};
use takopi_api::event::Usage;
use takopi_api::message::PersonId;

use super::*;

#[tokio::test]
async fn each_message_of_a_run_leads_to_its_thread() {
    let store = Sandbox::new();
    let run = run_of(&[accept_new(&store, message("1")).await]);
    store.begin_run(run.clone()).await.unwrap();
    store.progress_message(&run.id, &bubble("2")).await.unwrap();
    let thread = store.thread_of(&chat(), &bubble("2")).await.unwrap().unwrap();
    assert_eq!((thread.token, thread.engine, thread.context), (None, ACME, context()));

    store.thread_known(&run.id, &token("t1")).await.unwrap();
    // Another message took its place.
    store.progress_message(&run.id, &bubble("3")).await.unwrap();
    store.answered(&run.id, &answer("done"), SessionChange::None).await.unwrap();
    store.part_delivered(&run.id, &bubble("4"), None).await.unwrap();
    store.delivered(&run.id, Some(&bubble("5")), None).await.unwrap();
    let store = store.reopened().await;
    for id in ["1", "2", "3", "4", "5"] {
        let thread = store.thread_of(&chat(), &bubble(id)).await.unwrap().unwrap();
        assert_eq!((&thread.run, &thread.token), (&run.id, &Some(token("t1"))), "message {id}");
    }
    assert_eq!(store.thread_of(&chat(), &bubble("6")).await.unwrap(), None);
    let other = TransportId::parse("other").unwrap();
    assert_eq!(store.thread_of(&other, &bubble("2")).await.unwrap(), None);
}

#[tokio::test]
async fn a_message_that_came_to_no_run_leads_to_no_thread() {
    let store = Sandbox::new();
    accept_new(&store, message("1")).await;
    assert_eq!(store.thread_of(&chat(), &bubble("1")).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_ends_once() {
    let store = Sandbox::new();
    let run = run_of(&[accept_new(&store, message("1")).await]);
    let early = store.answered(&run.id, &answer("early"), SessionChange::None).await.unwrap_err();
    assert!(early.to_string().contains(&format!("there is no run {}", run.id)), "{early}");
    store.begin_run(run.clone()).await.unwrap();
    assert!(store.delivered(&run.id, None, None).await.is_err());
    store.answered(&run.id, &answer("first"), SessionChange::None).await.unwrap();
    assert!(store.answered(&run.id, &answer("second"), SessionChange::None).await.is_err());
    store.delivered(&run.id, None, None).await.unwrap();
    assert!(store.delivered(&run.id, None, None).await.is_err());
    assert!(store.begin_run(run).await.is_err());
}

#[tokio::test]
async fn runs_are_listed_youngest_first() {
    let store = Sandbox::new();
    let before = SystemTime::now() - Duration::from_secs(1);
    let first = NewRun {
        person: Some(PersonId::new("5")),
        place: topic("7"),
        resume: Resume::Thread(token("t0")),
        ..run_of(&[])
    };
    assert_eq!(store.begin_run(first.clone()).await, Ok(Some(token("t0"))));
    let second = NewRun { context: RunContext::default(), engine: CODEX, ..run_of(&[]) };
    store.begin_run(second.clone()).await.unwrap();
    let failed = Completed::new(CODEX, Outcome::Failed { error: "no".into() });
    store.answered(&second.id, &failed, SessionChange::None).await.unwrap();

    let runs = store.recent_runs(10).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!((&runs[0].run, runs[0].state), (&second.id, RunState::Answered));
    assert_eq!((runs[0].outcome, &runs[0].token), (Some(RunOutcome::Failed), &None));
    assert!(runs[0].ended_at.unwrap() >= runs[0].begun_at && runs[0].begun_at > before);
    assert_eq!((&runs[1].run, runs[1].state), (&first.id, RunState::Running));
    assert_eq!(
        (&runs[1].place, &runs[1].person, &runs[1].token),
        (&first.place, &first.person, &Some(token("t0")))
    );
    assert_eq!((&runs[1].context, &runs[1].cwd, runs[1].ended_at), (&first.context, &first.cwd, None));
    assert_eq!(store.recent_runs(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_need_not_be_a_text() {
    use std::os::unix::ffi::OsStringExt;
    let store = Sandbox::new();
    let cwd: std::path::PathBuf = std::ffi::OsString::from_vec(b"/caf\xe9".to_vec()).into();
    store.begin_run(NewRun { cwd: cwd.clone(), ..run_of(&[]) }).await.unwrap();
    assert_eq!(store.recent_runs(1).await.unwrap()[0].cwd, cwd);
}

#[tokio::test]
async fn what_runs_used_is_added_up_by_engine_and_model() {
    let store = Sandbox::new();
    let usage = |model: Option<&str>, tokens, cost| {
        let mut usage = Usage::default();
        (usage.model, usage.input_tokens, usage.cost_usd) = (model.map(str::to_owned), tokens, cost);
        Some(usage)
    };
    let figures = [
        usage(Some("large"), Some(100), Some(0.5)),
        usage(Some("large"), Some(u64::MAX), None),
        usage(Some("large"), None, Some(0.25)),
        usage(None, Some(7), None),
        None,
    ];
    for usage in figures {
        let run = run_of(&[]);
        store.begin_run(run.clone()).await.unwrap();
        store.answered(&run.id, &answer("").usage(usage), SessionChange::None).await.unwrap();
    }
    let totals = store.usage(SystemTime::UNIX_EPOCH).await.unwrap();
    let sums: Vec<_> =
        totals.iter().map(|total| (total.model.as_deref(), total.runs, total.cost_usd)).collect();
    assert_eq!(sums, [(None, 2, 0.0), (Some("large"), 3, 0.75)]);
    assert_eq!(totals[0].input_tokens, 7);
    // More than can be counted is no reason to fail.
    assert!(totals[1].input_tokens >= i64::MAX.unsigned_abs());
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    assert_eq!(store.usage(tomorrow).await.unwrap(), []);
}

#[tokio::test]
async fn a_session_is_what_the_last_run_of_it_left_when_the_next_one_begins() {
    let store = Sandbox::new();
    let key = SessionKey { place: here(), person: None, cwd: "/repo".into() };
    let begin = async || {
        let run = NewRun { resume: Resume::Session(key.clone()), ..run_of(&[]) };
        (run.id.clone(), store.begin_run(run).await.unwrap())
    };
    let (first, resumed) = begin().await;
    assert_eq!(resumed, None);
    let remember = SessionChange::Remember(key.clone(), token("t1"));
    store.answered(&first, &answer("done"), remember).await.unwrap();
    let (second, resumed) = begin().await;
    assert_eq!(resumed, Some(token("t1")));
    // The engine did not know it.
    store.answered(&second, &answer(""), SessionChange::Forget(token("t1"))).await.unwrap();
    assert_eq!(begin().await.1, None);
}
