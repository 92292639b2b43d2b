//! Every recording of the real codex CLI, replayed by a fake `codex` on PATH, through the whole program.

use takopi_api::event::{Event, Outcome};
use takopi_tests::{Scene, Script, recordings};

use crate::sandbox;

#[test]
fn every_recording_ends_as_a_person_would_expect() {
    let sandbox = sandbox();
    let (folder, recordings) = recordings("codex");
    assert!(recordings.len() > 40, "the recordings are there");
    for (name, expected) in recordings {
        let stderr = std::fs::read_to_string(folder.join(format!("{name}.stderr"))).unwrap_or_default();
        let end = match u8::try_from(expected.exit) {
            Ok(code) => Scene::Exit(code),
            Err(_) => Scene::Die(-expected.exit),
        };
        let out = Scene::OutFile(folder.join(format!("{name}.jsonl")));
        sandbox.engine("codex", &Script::new([Scene::Err(stderr), out, end]));
        let mut args = vec!["run", "--engine", "codex", "--json", "hello"];
        let line = expected.resume.as_ref().map(|thread| format!("codex resume {thread}"));
        if let Some(line) = &line {
            args.extend(["--resume", line]);
        }
        let ended = sandbox.run(&args);
        let completed = ended.completed();
        let is_done = completed.outcome == Outcome::Done;
        if let Some(ok) = expected.ok {
            assert_eq!(is_done, ok, "{name}: {completed:?}");
        }
        assert_eq!(ended.code, Some(i32::from(!is_done)), "{name}: the exit code follows the outcome");
        if let Some(answer) = &expected.answer {
            let beginning = answer.trim_end_matches('…');
            assert!(completed.answer.starts_with(beginning), "{name}: {:?}", completed.answer);
        }
        let started = ended.events().iter().filter(|event| matches!(event, Event::Started(_))).count();
        assert!(started <= 1, "{name}: {started} started events");
        assert_eq!(sandbox.prompt_of("codex"), "hello", "{name}");
    }
}

#[test]
fn the_thread_is_continued_by_line_and_by_token() {
    let sandbox = sandbox();
    let (folder, _) = recordings("codex");
    let thread = "01a20336-3b56-74e1-b347-72ae630eba0c";
    sandbox.engine("codex", &Script::new([Scene::OutFile(folder.join("shell.jsonl"))]));
    for resume in [format!("codex resume {thread}"), format!("`codex resume {thread}`"), thread.to_owned()] {
        let ended = sandbox.run(&["run", "--resume", &resume, "go on"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            sandbox.args_of("codex").ends_with(&format!("resume\n{thread}\n-")),
            "{}",
            sandbox.args_of("codex")
        );
        assert_eq!(ended.stdout, "The command printed: hi\n");
        assert!(ended.stderr.ends_with(&format!("codex resume {thread}\n")), "{}", ended.stderr);
    }
}
