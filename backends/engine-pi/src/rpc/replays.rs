//! Recordings of `pi --mode rpc`, message by message in both directions.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::event::{
    Action, Completed, Decision, Event, Outcome, Permission, Phase, Request, RequestSubject, Resolution,
    TextKind,
};
use takopi_api::jsonl::DialogueRunner;
use takopi_api::process::ProcessHost;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{ControlError, Run, RunControl, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Replay, Replayed, check_events};

use super::TalkingPi;
use crate::backend::{ENGINE, Permissions, Settings};
use crate::sessions::Sessions;

/// A run of a recording, and what came of it so far.
struct Play {
    program: Replayed,
    run: Run,
    events: Vec<Event>,
    _data: tempfile::TempDir,
}

/// What is said to a recording that is older than takopi's way to talk: takopi asks more often how things are.
fn also_states(message: &Value) -> Option<Vec<Value>> {
    let id = message["id"].as_str()?;
    let data = match (message["type"].as_str()?, id) {
        ("get_state", "state" | "turn") => json!({"sessionId": "0199-new", "isStreaming": id == "turn"}),
        ("clear_queue", _) => json!({"steering": [], "followUp": []}),
        _ => return None,
    };
    Some(vec![
        json!({"id": id, "type": "response", "command": message["type"], "success": true, "data": data}),
    ])
}

fn open(name: &str) -> Replay {
    let file = format!("{}/tests/recordings/rpc/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    Replay::open(file).place("$WORK", "/repo")
}

/// A recording in which takopi's extension was there.
fn play(name: &str, prompt: &str) -> Play {
    start(open(name), prompt, Permissions::Ask, None)
}

/// A recording without the extension, and with other names of commands.
fn play_bare(name: &str, prompt: &str, also: fn(&Value) -> Option<Vec<Value>>) -> Play {
    start(open(name).ids(["/id"]).also(also), prompt, Permissions::Off, None)
}

fn start(replay: Replay, prompt: &str, permissions: Permissions, resume: Option<(&str, Sessions)>) -> Play {
    let program = replay.start();
    let data = tempfile::tempdir().unwrap();
    let settings = Settings { permissions: Some(permissions), ..Settings::default() };
    let (resume, sessions) = match resume {
        Some((thread, sessions)) => (Some(ResumeToken::new(ENGINE, thread).unwrap()), sessions),
        None => (None, Sessions::default()),
    };
    let runner: Arc<dyn Runner> =
        Arc::new(DialogueRunner::new(TalkingPi::new(settings, sessions, &data.path().join("pi"))));
    let processes = Arc::new(program.clone()) as Arc<dyn ProcessHost>;
    let spec = RunSpec::new(prompt, "/repo", processes, ThreadLocks::default()).resume(resume);
    Play { program, run: runner.run(spec), events: Vec::new(), _data: data }
}

impl Play {
    /// Takes events until one is what is waited for.
    async fn until<T>(&mut self, is: impl Fn(&Event) -> Option<T>) -> T {
        while let Some(event) = self.run.events.next().await {
            let found = is(&event);
            self.events.push(event);
            if let Some(found) = found {
                return found;
            }
        }
        panic!("it did not come: {:?}", self.events);
    }

    async fn until_asked(&mut self) -> Request {
        self.until(|event| match event {
            Event::Request(event) => Some(event.request.clone()),
            _ => None,
        })
        .await
    }

    async fn until_begun(&mut self, title: &str) {
        self.until(|event| match event {
            Event::Action(event) => {
                (event.phase == Phase::Started && event.action.title == title).then_some(())
            }
            _ => None,
        })
        .await;
    }

    async fn answer(&mut self, request: &Request, decision: Decision) {
        assert_eq!(self.run.control.answer(&request.id, decision).await, Ok(()));
    }

    /// The rest, until the program is gone.
    async fn end(mut self) -> (Completed, Vec<Event>) {
        self.events.extend(self.run.events.collect::<Vec<_>>().await);
        self.program.finish().await;
        (check_events(&ENGINE, &self.events), self.events)
    }
}

fn permission(request: &Request) -> &Permission {
    match &request.subject {
        RequestSubject::Permission(permission) => permission,
        subject => panic!("{subject:?}"),
    }
}

fn asked() -> Permission {
    Permission::default().cwd("/repo")
}

fn deny(reason: &str) -> Decision {
    Decision::Deny { reason: Some(reason.to_owned()) }
}

/// Titles of what ended, and whether it did well.
fn ended(events: &[Event]) -> Vec<(&str, bool)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => match event.phase {
                Phase::Completed(outcome) => {
                    let Action { title, .. } = &event.action;
                    Some((title.as_str(), outcome == takopi_api::event::ActionOutcome::Ok))
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn resolutions(events: &[Event]) -> Vec<Resolution> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::RequestResolved(event) => Some(event.resolution.clone()),
            _ => None,
        })
        .collect()
}

fn text(events: &[Event], kind: TextKind) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Text(text) if text.kind == kind => Some(text.delta.as_str()),
            _ => None,
        })
        .collect()
}

const SHELL: &str = "Please do the task. [[shell]]";

#[tokio::test]
async fn a_call_that_is_allowed_is_done() {
    for decision in [Decision::AllowOnce, Decision::AllowSession, Decision::AllowAlways] {
        let mut play = play("allow", SHELL);
        let request = play.until_asked().await;
        assert_eq!(request.title, "echo hi");
        assert_eq!(*permission(&request), asked().tool("bash").command("echo hi"));
        play.answer(&request, decision.clone()).await;
        let again = play.run.control.answer(&request.id, Decision::AllowOnce).await;
        assert_eq!(again, Err(ControlError::NoSuchRequest(request.id)));
        let command = play.program.commands().remove(0);
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(args[..3], ["--mode", "rpc", "-e"]);
        assert!(args[3].ends_with(".js") && Path::new(&*args[3]).is_file());
        let (completed, events) = play.end().await;
        assert_eq!((completed.answer.as_str(), completed.is_done()), ("The command printed: hi", true));
        assert!(matches!(&events[0], Event::Started(started)
            if Some(&started.resume) == completed.resume.as_ref() && started.resume.value().len() == 36));
        assert_eq!(ended(&events), [("I will run a command.", true), ("echo hi", true)]);
        assert_eq!(resolutions(&events), [Resolution::Decided(decision)]);
    }
}

#[tokio::test]
async fn a_call_that_is_denied_is_blocked_and_the_model_is_told_why() {
    let mut play = play("deny", "Please do the task. [[write]]");
    let request = play.until_asked().await;
    assert_eq!(request.title, "write /repo/hello.txt");
    let expected = asked().tool("write").paths(["/repo/hello.txt".to_owned()]).content("hello\n");
    assert_eq!(*permission(&request), expected);
    play.answer(&request, deny("not in this house")).await;
    let (completed, events) = play.end().await;
    assert!(completed.is_done());
    assert_eq!(ended(&events), [("hello.txt", false)]);
}

#[tokio::test]
async fn reading_needs_no_permission_and_edits_are_shown_as_a_diff() {
    let mut play = play("edit", "Please do the task. [[edit]]");
    let write = play.until_asked().await;
    play.answer(&write, Decision::AllowOnce).await;
    let edit = play.until_asked().await;
    let diff = "--- /repo/hello.txt\n+++ /repo/hello.txt\n@@\n-hello\n+goodbye\n";
    let expected = asked().tool("edit").paths(["/repo/hello.txt".to_owned()]).diff(diff);
    assert_eq!(*permission(&edit), expected);
    play.answer(&edit, Decision::AllowOnce).await;
    let (completed, events) = play.end().await;
    assert!(completed.is_done());
    let expected = [("hello.txt", true), ("read: hello.txt", true), ("hello.txt", true)];
    assert_eq!(ended(&events), expected);
}

#[tokio::test]
async fn calls_side_by_side_are_asked_for_one_by_one() {
    let mut play = play("multi", "Please do the task. [[multi]]");
    let one = play.until_asked().await;
    assert_eq!(permission(&one).command.as_deref(), Some("echo one"));
    play.answer(&one, Decision::AllowOnce).await;
    let two = play.until_asked().await;
    play.answer(&two, deny("not twice")).await;
    let (_, events) = play.end().await;
    assert_eq!(ended(&events), [("echo two", false), ("echo one", true)]);
}

#[tokio::test]
async fn an_interruption_ends_a_command_that_goes_on() {
    let mut play = play("interrupt-child", "Please do the task. [[sleep]]");
    let request = play.until_asked().await;
    play.answer(&request, Decision::AllowOnce).await;
    play.until(|event| matches!(event, Event::RequestResolved(_)).then_some(())).await;
    assert_eq!(play.run.control.interrupt().await, Ok(()));
    let (completed, events) = play.end().await;
    assert_eq!(completed.outcome, Outcome::Interrupted);
    assert_eq!(ended(&events), [("echo $$ > child.pid; sleep 61", false)]);
}

#[tokio::test]
async fn an_interruption_withdraws_what_is_asked() {
    let mut play = play("interrupt-asked", SHELL);
    let request = play.until_asked().await;
    assert_eq!(play.run.control.interrupt().await, Ok(()));
    let (completed, events) = play.end().await;
    assert_eq!(completed.outcome, Outcome::Interrupted);
    assert_eq!(resolutions(&events), [Resolution::Withdrawn]);
    assert!(matches!(request.subject, RequestSubject::Permission(_)));
}

#[tokio::test]
async fn an_interruption_ends_an_answer_that_is_being_written() {
    let mut play = play("interrupt-text", "Please do the task. [[slow]]");
    play.until(|event| matches!(event, Event::Text(_)).then_some(())).await;
    assert_eq!(play.run.control.interrupt().await, Ok(()));
    let (completed, events) = play.end().await;
    assert_eq!(completed.outcome, Outcome::Interrupted);
    assert!(completed.answer.starts_with("one tw"), "{completed:?}");
    assert_eq!(text(&events, TextKind::Answer), completed.answer);
}

/// Waits for the receipt of a text while the run goes on.
async fn steer(play: &mut Play, text: &str) -> Result<(), ControlError> {
    let control: RunControl = play.run.control.clone();
    let mut sent = std::pin::pin!(control.steer(text.to_owned()));
    loop {
        tokio::select! {
            biased;
            received = &mut sent => return received,
            Some(event) = play.run.events.next() => play.events.push(event),
        }
    }
}

const SLEEP: &str = "Please do the task. [[sleep5]]";
const HELLO: &str = "Also say hello [[plain]]";

#[tokio::test]
async fn a_text_is_taken_into_the_turn() {
    let mut play = play("steer", SLEEP);
    let request = play.until_asked().await;
    play.answer(&request, Decision::AllowOnce).await;
    assert_eq!(steer(&mut play, HELLO).await, Ok(()));
    let (completed, events) = play.end().await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("Hello from the fake model.", true));
    assert_eq!(ended(&events), [("sleep 5; echo slept", true)]);
}

#[tokio::test]
async fn a_text_that_an_interruption_leaves_unread_is_told() {
    let mut play = play("interrupt-steered", "Please do the task. [[sleep]]");
    let request = play.until_asked().await;
    play.answer(&request, Decision::AllowOnce).await;
    // The receipt comes only after the interruption, as it did when this was recorded.
    let control = play.run.control.clone();
    let sent = tokio::spawn(async move { control.steer(HELLO).await });
    tokio::task::yield_now().await;
    assert_eq!(play.run.control.interrupt().await, Ok(()));
    let (completed, events) = play.end().await;
    assert_eq!(completed.outcome, Outcome::Interrupted);
    assert_eq!(sent.await.unwrap(), Ok(()));
    let expected = ("the turn ended before pi read this: Also say hello [[plain]]", true);
    assert!(ended(&events).contains(&expected), "{events:?}");
}

#[tokio::test]
async fn the_dialogs_of_other_extensions_are_questions() {
    let mut play = play("dialogs", SHELL);
    let mut asked = Vec::new();
    for answer in ["loud", "Ada", "one line", "yes"] {
        let request = play.until_asked().await;
        let RequestSubject::Question { questions } = &request.subject else { panic!("{request:?}") };
        let options: Vec<_> = questions[0].options.iter().map(|choice| choice.label.clone()).collect();
        asked.push((questions[0].text.clone(), options.join("|")));
        let answers = [(questions[0].id.clone(), vec![answer.to_owned()])].into();
        play.answer(&request, Decision::Answer { answers }).await;
    }
    let expected = [
        ("How loud?", "quiet|loud"),
        ("Who is there?\n\nyour name", ""),
        ("Edit the note\n\nfirst line\nsecond line", ""),
        ("Sure?\n\nIt will be loud\n\n(pi waits 60 s for the answer)", "yes|no"),
    ];
    assert_eq!(asked, expected.map(|(text, options)| (text.to_owned(), options.to_owned())));
    let request = play.until_asked().await;
    play.answer(&request, Decision::AllowOnce).await;
    let (completed, events) = play.end().await;
    assert!(completed.is_done());
    assert!(ended(&events).contains(&("loud, Ada, one line, true", true)), "{events:?}");
}

#[tokio::test]
async fn a_prompt_that_an_extension_takes_ends_without_words() {
    let mut play = play("command", "/hello you");
    let request = play.until_asked().await;
    play.answer(&request, Decision::Deny { reason: None }).await;
    let (completed, events) = play.end().await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("", true));
    let note = "an extension of pi took the prompt; the model was not asked";
    assert_eq!(ended(&events), [("hello you", true), ("got false", true), (note, true)]);
}

#[tokio::test]
async fn a_turn_that_an_extension_begins_is_waited_for() {
    let mut play = play("command-turn", "/hello turn");
    let request = play.until_asked().await;
    play.answer(&request, Decision::Deny { reason: None }).await;
    let (completed, _) = play.end().await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("Hello from the fake model.", true));
}

#[tokio::test]
async fn an_attempt_that_failed_is_tried_again() {
    let (completed, events) = play("flaky", "Please do the task. [[droponce]]").end().await;
    assert_eq!(
        (completed.answer.as_str(), completed.is_done()),
        ("Recovered after one dropped stream.", true)
    );
    assert_eq!(ended(&events), [("retrying 1/3 in 2 s (terminated)", true)]);
}

#[tokio::test]
async fn what_the_model_server_refuses_fails_the_run() {
    let (completed, _) = play("e400", "Please do the task. [[e400]]").end().await;
    let Outcome::Failed { error } = completed.outcome else { panic!("{completed:?}") };
    assert!(error.starts_with("400: "), "{error}");
}

#[tokio::test]
async fn thoughts_and_words_come_as_they_are_written() {
    let (completed, events) = play("think", "Please do the task. [[think]]").end().await;
    assert_eq!(text(&events, TextKind::Answer), completed.answer);
    assert!(!text(&events, TextKind::Thinking).is_empty());
}

/// A session's file, as pi keeps it.
fn session(id: &str, cwd: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("2026_{id}.jsonl"));
    fs::write(&file, format!("{{\"type\":\"session\",\"id\":\"{id}\",\"cwd\":\"{cwd}\"}}\n")).unwrap();
    (folder, file)
}

/// The id that the recorded program told.
fn recorded_id(name: &str) -> String {
    let file = format!("{}/tests/recordings/rpc/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let id = lines.filter_map(|line| Some(line["msg"]["data"]["sessionId"].as_str()?.to_owned())).next();
    id.unwrap()
}

const PLAIN: &str = "Please do the task. [[plain]]";

#[tokio::test]
async fn a_thread_is_continued_by_its_name_or_the_beginning_of_it() {
    let id = recorded_id("resume");
    for asked in [id.as_str(), &id[..8]] {
        let (folder, _) = session(&id, "/repo");
        let play =
            start(open("resume"), PLAIN, Permissions::Ask, Some((asked, Sessions::below(folder.path()))));
        let program = play.program.clone();
        let (completed, events) = play.end().await;
        assert!(completed.is_done(), "{completed:?}");
        assert!(matches!(&events[0], Event::Started(started) if started.resume.value() == asked));
        assert_eq!(completed.resume.unwrap().value(), id);
        let args = program.commands().remove(0).args;
        assert!(args.windows(2).any(|pair| pair[0] == "--session" && pair[1] == *id), "{args:?}");
    }
}

#[tokio::test]
async fn a_thread_of_another_folder_is_forked() {
    for by_path in [false, true] {
        let (folder, file) = session("0199aaaa-1111", "/elsewhere");
        let asked = if by_path { file.to_str().unwrap() } else { "0199aaaa-1111" };
        let sessions = Sessions::below(folder.path());
        let play = start(open("fork"), PLAIN, Permissions::Ask, Some((asked, sessions)));
        let program = play.program.clone();
        let (completed, events) = play.end().await;
        let id = recorded_id("fork");
        assert_eq!(ended(&events), [(format!("pi went on in another thread: {id}").as_str(), true)]);
        assert_eq!(completed.resume.unwrap().value(), id);
        let args = program.commands().remove(0).args;
        assert!(args.windows(2).any(|pair| pair[0] == "--fork" && pair[1] == asked), "{args:?}");
    }
}

#[tokio::test]
async fn another_thread_than_the_one_that_was_asked_for_gets_no_prompt() {
    let recording = r#"
        {"dir":">","msg":{"id":"state","type":"get_state"}}
        {"dir":"<","msg":{"id":"state","type":"response","success":true,"data":{"sessionId":"0199bbbb"}}}
        {"dir":"!","msg":{"closed":"stdin","exit":0}}"#;
    let asked = Some(("0199aaaa", Sessions::default()));
    let (completed, _) = start(Replay::new(recording), PLAIN, Permissions::Off, asked).end().await;
    assert!(!completed.is_done(), "{completed:?}");
}

#[tokio::test]
async fn an_older_cli_is_asked_whether_it_has_settled() {
    let mut play = play("old-allow", SHELL);
    let request = play.until_asked().await;
    play.answer(&request, Decision::AllowOnce).await;
    let (completed, _) = play.end().await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("The command printed: hi", true));
    // It tries three times more, and says so right after what looks like the end.
    let (completed, events) = self::play("old-drop", "Please do the task. [[drop]]").end().await;
    assert_eq!(completed.outcome, Outcome::Failed { error: "terminated".to_owned() });
    assert_eq!(ended(&events), [("retrying 3/3 in 8 s (terminated)", false)]);
}

#[tokio::test]
async fn recordings_without_takopis_extension_are_played_as_well() {
    // The first was asked which thread it has, too; the second was not.
    let only_later = |message: &Value| also_states(message).filter(|_| message["id"] != "state");
    let basic = play_bare("proto-basic", SHELL, only_later).end().await.0;
    assert_eq!((basic.answer.as_str(), basic.is_done()), ("The command printed: hi", true));
    let resume = play_bare("proto-resume", PLAIN, also_states).end().await.0;
    assert_eq!((resume.answer.as_str(), resume.is_done()), ("Hello from the fake model.", true));
}

#[tokio::test]
async fn a_recorded_question_of_another_extension_is_answered() {
    let mut play = play_bare("proto-approve-allow", SHELL, also_states);
    let request = play.until_asked().await;
    let RequestSubject::Question { questions } = &request.subject else { panic!("{request:?}") };
    assert_eq!(questions[0].text, "Allow command?\n\necho hi");
    let answers = [(questions[0].id.clone(), vec!["Yes".to_owned()])].into();
    play.answer(&request, Decision::Answer { answers }).await;
    assert!(play.end().await.0.is_done());
}

#[tokio::test]
async fn recorded_steering_and_abortion() {
    let mut play = play_bare("proto-steer", SLEEP, also_states);
    play.until_begun("sleep 5; echo slept").await;
    assert_eq!(steer(&mut play, HELLO).await, Ok(()));
    assert_eq!(play.end().await.0.answer, "Hello from the fake model.");

    for (name, prompt) in [("proto-abort", "[[sleep]]"), ("proto-abort-text", "[[slow]]")] {
        let mut play = play_bare(name, &format!("Please do the task. {prompt}"), also_states);
        play.until(|event| match event {
            Event::Text(_) => Some(()),
            Event::Action(event) => (event.phase == Phase::Started).then_some(()),
            _ => None,
        })
        .await;
        assert_eq!(play.run.control.interrupt().await, Ok(()));
        assert_eq!(play.end().await.0.outcome, Outcome::Interrupted, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_listen_is_terminated() {
    let deaf = |message: &Value| also_states(message).or_else(|| (message["type"] == "abort").then(Vec::new));
    let mut play = play_bare("proto-sigterm", "Please do the task. [[sleep]]", deaf);
    play.until_begun("echo $$ > child.pid; sleep 61").await;
    assert_eq!(play.run.control.interrupt().await, Ok(()));
    let (completed, events) = play.end().await;
    assert_eq!(completed.outcome, Outcome::Interrupted);
    assert!(ended(&events).is_empty());
}

#[tokio::test]
async fn a_run_that_is_given_up_lets_go_of_its_program() {
    let mut play = play_bare("proto-stdin-eof", SLEEP, also_states);
    play.until_begun("sleep 5; echo slept").await;
    let Play { program, run, .. } = play;
    drop(run);
    program.finish().await;
}
