//! takopi is killed, at every point of a run's life: no message is lost, none is run twice, no answer is lost.

use takopi::store::{Accepted, ClaimError, CutOffEnd, CutOffRun, MessageEnd, SessionChange};
use takopi_api::message::PersonId;

use super::*;

/// What the takopi after a killed one finds.
struct Found {
    waiting: Vec<String>,
    runs: Vec<CutOffRun>,
}

async fn found(store: &Store) -> Found {
    let runs = store.cut_off().await.unwrap();
    Found { waiting: waiting(store).await, runs }
}

fn ids(run: &CutOffRun) -> Vec<String> {
    match &run.end {
        CutOffEnd::Interrupted { messages } => {
            messages.iter().map(|waiting| waiting.message.id.to_string()).collect()
        }
        CutOffEnd::Undelivered { .. } | CutOffEnd::Delivered => panic!("it was answered"),
    }
}

#[tokio::test]
async fn at_every_point_of_a_runs_life() {
    let store = Sandbox::new();
    let seq = accept_new(&store, message("1")).await;
    let next = store.killed_here();
    let accepted = found(&next).await;
    assert_eq!((accepted.waiting, accepted.runs.len()), (vec!["1".to_owned()], 0));
    // It was delivered before, so it is not run a second time when the chat system delivers it again.
    assert_eq!(accept(&next, message("1")).await, Accepted::Duplicate);

    let run =
        NewRun { person: Some(PersonId::new("5")), reply_to: Some(MessageId::new("1")), ..run_of(&[seq]) };
    store.begin_run(run.clone()).await.unwrap();
    let begun = found(&store.killed_here()).await;
    assert!(begun.waiting.is_empty());
    let [cut_off] = &begun.runs[..] else { panic!("one run") };
    assert_eq!(ids(cut_off), ["1"]);
    assert_eq!((&cut_off.run, &cut_off.place, &cut_off.person), (&run.id, &run.place, &run.person));
    assert_eq!((&cut_off.context, &cut_off.cwd, &cut_off.engine), (&run.context, &run.cwd, &ACME));
    assert_eq!((&cut_off.reply_to, &cut_off.progress, &cut_off.token), (&run.reply_to, &None, &None));

    store.progress_message(&run.id, &bubble("2")).await.unwrap();
    store.thread_known(&run.id, &token("t1")).await.unwrap();
    let known = found(&store.killed_here()).await;
    assert_eq!((&known.runs[0].progress, &known.runs[0].token), (&Some(bubble("2")), &Some(token("t1"))));

    store.answered(&run.id, &answer("done"), SessionChange::None).await.unwrap();
    let answered = found(&store.killed_here()).await;
    assert!(answered.waiting.is_empty());
    let undelivered = CutOffEnd::Undelivered { completed: Box::new(answer("done")), parts: 0 };
    assert_eq!(answered.runs[0].end, undelivered);
    assert_eq!(answered.runs[0].progress, Some(bubble("2")));
    // Some of it was sent before the next kill.
    let other = store.killed_here();
    other.part_delivered(&run.id, &bubble("3"), Some(&bubble("2"))).await.unwrap();
    let in_part = CutOffEnd::Undelivered { completed: Box::new(answer("done")), parts: 1 };
    assert_eq!(found(&other.killed_here()).await.runs[0].end, in_part);
    // Killed again before it was delivered.
    let next = store.killed_here().killed_here();
    assert_eq!(found(&next).await.runs[0].end, undelivered);
    next.delivered(&run.id, Some(&bubble("3")), None).await.unwrap();
    assert_eq!(found(&next.killed_here()).await.runs, []);

    // The answer is there, and its progress message is so still.
    store.delivered(&run.id, Some(&bubble("3")), Some(&bubble("2"))).await.unwrap();
    let next = store.killed_here();
    let left = found(&next).await;
    assert_eq!((&left.runs[0].end, &left.runs[0].progress), (&CutOffEnd::Delivered, &Some(bubble("2"))));
    next.progress_gone(&run.id).await.unwrap();
    assert_eq!(found(&next.killed_here()).await.runs, []);
    store.progress_gone(&run.id).await.unwrap();
    let delivered = found(&store.killed_here()).await;
    assert!(delivered.waiting.is_empty() && delivered.runs.is_empty());
}

#[tokio::test]
async fn a_run_is_told_of_until_the_person_knows() {
    let store = Sandbox::new();
    let run = run_of(&[accept_new(&store, message("1")).await]);
    store.begin_run(run.clone()).await.unwrap();
    let mut store = store.killed_here();
    for _ in 0..3 {
        assert_eq!(found(&store).await.runs.len(), 1);
        store = store.killed_here();
    }
    // A new message says it, as the old one is gone.
    store.progress_message(&run.id, &bubble("9")).await.unwrap();
    store.interruption_told(&run.id).await.unwrap();
    let store = store.killed_here();
    assert_eq!(found(&store).await.runs, []);
    assert_eq!(store.thread_of(&chat(), &bubble("9")).await.unwrap().unwrap().run, run.id);
}

#[tokio::test]
async fn an_interrupted_run_is_taken_up_again_once() {
    let store = Sandbox::new();
    let seqs = [accept_new(&store, message("1")).await, accept_new(&store, message("2")).await];
    let run = run_of(&seqs);
    store.begin_run(run.clone()).await.unwrap();
    assert_eq!(store.reopen(&run.id).await.unwrap(), None, "it goes on");

    let store = store.killed_here();
    store.cut_off().await.unwrap();
    store.interruption_told(&run.id).await.unwrap();
    // The button is pressed days and restarts later, twice.
    let store = store.killed_here();
    store.cut_off().await.unwrap();
    let (first, second) = tokio::join!(store.reopen(&run.id), store.reopen(&run.id));
    let reopened = first.unwrap().unwrap();
    assert_eq!(reopened.iter().map(|one| one.seq).collect::<Vec<_>>(), seqs);
    assert_eq!(second.unwrap(), None);

    // Killed before it began: the messages wait, and are claimed as any others.
    let store = store.killed_here();
    assert_eq!(found(&store).await.waiting, ["1", "2"]);
    let again = run_of(&seqs);
    store.begin_run(again.clone()).await.unwrap();
    assert_eq!(store.begin_run(run_of(&seqs)).await, Err(ClaimError::AlreadyBegun(seqs[0])));
    store.answered(&again.id, &answer("done"), SessionChange::None).await.unwrap();
    let thread = store.thread_of(&chat(), &bubble("1")).await.unwrap().unwrap();
    assert_eq!(thread.run, again.id);
    assert_eq!(store.reopen(&again.id).await.unwrap(), None);
}

/// The log ends anywhere, as after a power failure: what is found is what was at some moment, and never half of a change.
#[tokio::test]
async fn a_torn_log_is_an_earlier_moment() {
    let store = Sandbox::new();
    let mut runs = Vec::new();
    for id in ["1", "2", "3"] {
        let run = run_of(&[accept_new(&store, message(id)).await]);
        store.begin_run(run.clone()).await.unwrap();
        store.answered(&run.id, &answer(id), SessionChange::None).await.unwrap();
        store.delivered(&run.id, None, None).await.unwrap();
        runs.push(run);
    }
    let log = store.folder.path().join(format!("{FILE}-wal"));
    let whole = std::fs::read(&log).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=whole.len()).step_by(5_003).chain([whole.len()]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(store.folder.path().join(FILE), folder.path().join(FILE)).unwrap();
        std::fs::write(folder.path().join(format!("{FILE}-wal")), &whole[..cut]).unwrap();
        let next = open(folder.path());
        let Found { waiting, runs } = found(&next).await;
        let begun = next.recent_runs(10).await.unwrap().len();
        // Of three messages one after the other, at most one is anywhere on its way.
        assert!(waiting.len() + runs.len() <= 1, "cut at {cut}: {waiting:?} {runs:?}");
        seen.insert((begun, waiting.len(), runs.len()));
    }
    assert!(seen.contains(&(0, 0, 0)) && seen.contains(&(3, 0, 0)), "{seen:?}");
    assert!(seen.len() > 5, "{seen:?}");
}

#[tokio::test]
async fn a_claim_by_a_command_or_a_refusal_holds_after_a_kill() {
    let store = Sandbox::new();
    for (id, end) in [
        ("1", MessageEnd::Command),
        ("2", MessageEnd::Refused),
        ("3", MessageEnd::Cancelled),
        ("4", MessageEnd::Ignored),
        ("5", MessageEnd::Failed),
    ] {
        let seq = accept_new(&store, message(id)).await;
        store.finish(seq, end).await.unwrap();
    }
    let found = found(&store.killed_here()).await;
    assert!(found.waiting.is_empty() && found.runs.is_empty());
}
