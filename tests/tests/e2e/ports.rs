//! What plugins of others do, in the program: engines that want a terminal, that say how long their messages are, and that
//! run another engine. None of them has more than `takopi-api`.

use rustix::process::Signal;
use takopi_api::event::{Event, Outcome};
use takopi_tests::{Ended, Sandbox, Scene, Script};

/// The program with these plugins.
fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-ported"), env!("CARGO_BIN_EXE_fake-engine"))
}

fn steps(ended: &Ended) -> Vec<String> {
    let events = ended.events().into_iter();
    let titles = events.filter_map(|event| match event {
        Event::Action(event) => Some(event.action.title),
        _ => None,
    });
    titles.collect()
}

/// An agent that complains without a terminal, and on one shows more than its JSON.
fn onscreen(scenes: impl IntoIterator<Item = Scene>) -> Script {
    let begin = [
        Scene::NeedTerminal,
        Scene::Note,
        Scene::Out("\x1b[2J\x1b[?25lwelcome to onscreen\r\n".into()),
        Scene::Say("⠋ starting\r\x1b[K{\"type\":\"session\",\"session\":{thread}}\x1b[0m\r\n".into()),
    ];
    Script { reads_prompt: false, scenes: begin.into_iter().chain(scenes).collect() }
}

#[test]
fn an_engine_on_a_terminal_is_heard_through_the_noise() {
    let sandbox = sandbox();
    sandbox.engine(
        "onscreen",
        &onscreen([
            Scene::Out("⠙ thinking\r{\"type\":\"tool\",\"id\":\"1\",\"tool\":\"look\"}\r\n".into()),
            Scene::Out("tip: try --fast\r\n".into()),
            Scene::Say("{\"type\":\"result\",\"result\":{prompt},\"ms\":7}\r\n\x1b[?25h".into()),
        ]),
    );
    let ended = sandbox.run(&["run", "--engine", "onscreen", "--json", "look -- around"]);
    let completed = ended.completed();
    assert_eq!((completed.outcome, completed.answer.as_str()), (Outcome::Done, "look -- around"));
    assert_eq!(completed.usage.unwrap().duration_ms, Some(7));
    assert_eq!(steps(&ended), ["look"]);
    let ended = sandbox.run(&["run", "--engine", "onscreen", "look"]);
    let line = ended.stderr.lines().last().unwrap();
    let again = sandbox.run(&["run", "--resume", line, "again"]);
    assert_eq!((again.code, again.stderr.lines().last()), (Some(0), Some(line)), "{again:?}");
    let starts = sandbox.starts_of("onscreen");
    assert_eq!(starts[2].thread(), line.strip_prefix("onscreen resume "));
}

#[test]
fn what_an_engine_says_on_its_terminal_before_it_dies_is_why() {
    let sandbox = sandbox();
    sandbox.engine(
        "onscreen",
        &onscreen([Scene::Out("\x1b[31mnot logged in\x1b[0m\r\n".into()), Scene::Exit(1)]),
    );
    let ended = sandbox.run(&["run", "--engine", "onscreen", "hello"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("onscreen: not logged in"), "{}", ended.stderr);
}

#[test]
fn an_engine_on_a_terminal_leaves_nothing_behind() {
    let sandbox = sandbox();
    let mark = sandbox.mark();
    let left = [format!("exec setsid sleep {mark}"), format!("trap '' HUP TERM INT; sleep {mark}; :")];
    let scenes = left.map(Scene::Leave).into_iter().chain([Scene::Sleep(600)]);
    sandbox.engine("onscreen", &onscreen(scenes));
    let started = sandbox.start(&["run", "--engine", "onscreen", "--json", "hello"]);
    sandbox.wait_for_marked(3);
    started.signal(Signal::INT);
    let ended = started.end();
    assert_eq!((ended.code, ended.completed().outcome), (Some(130), Outcome::Interrupted));
    assert_eq!(sandbox.left_behind(), [""; 0]);
}

#[test]
fn messages_that_say_how_long_they_are_are_read() {
    let sandbox = sandbox();
    sandbox.engine(
        "measured",
        &Script::new([
            Scene::Note,
            Scene::Out("measured 1.0\n".into()),
            Scene::Frame("{\"method\":\"session/started\",\n\"params\":{\"sessionId\":{thread}}}".into()),
            Scene::Frame(
                "{\"method\":\"session/ran\",\"params\":{\"id\":\"1\",\"command\":\"ls\\nls\",\"exitCode\":2}}".into(),
            ),
            Scene::Frame("{\"method\":\"session/ended\",\"params\":{\"text\":\"ä\\nb\"}}".into()),
        ]),
    );
    let ended = sandbox.run(&["run", "--engine", "measured", "--json", "hello\nyou"]);
    let completed = ended.completed();
    assert_eq!((completed.outcome, completed.answer.as_str()), (Outcome::Done, "ä\nb"));
    assert!(steps(&ended).contains(&"ls\nls".to_owned()), "{ended:?}");
    let asked = sandbox.prompt_of("measured");
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert_eq!(head, format!("Content-Length: {}", body.len()));
    assert!(body.contains("hello\\nyou"), "{body}");
}

const TABLES: &str = "[codex]\nextra_args = [\"-c\", \"own=1\"]\npass_env = [\"FOR_CODEX\"]\n\n\
                      [rounds]\nrounds = 3\npass_env = [\"FOR_ROUNDS\"]\n\n";

#[test]
fn an_engine_runs_another_one_as_that_ones_table_says() {
    let sandbox = sandbox();
    sandbox.config(TABLES);
    let seen = sandbox.home().join("seen");
    let mut script = Script::codex_with(&["not yet", "it is ALL DONE\ncodex resume inner"]);
    let env = format!("echo \"$FOR_CODEX,$FOR_ROUNDS,$TAKOPI_RUN_ID\" >> {}", seen.display());
    script.scenes.insert(1, Scene::Leave(env));
    sandbox.engine("codex", &script);
    let run = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("FOR_CODEX", "yes").env("FOR_ROUNDS", "no");
        Ended::from(command.output().unwrap())
    };
    let first = run(&["run", "--engine", "rounds", "--json", "build it"]);
    let completed = first.completed();
    assert_eq!(completed.answer, "it is ALL DONE", "the line of the inner thread is left out");
    assert_eq!(completed.resume.as_ref().unwrap().engine().as_str(), "rounds");
    assert_eq!(steps(&first), ["round 1 of 3", "round 2 of 3"]);
    let starts = sandbox.starts_of("codex");
    assert!(starts.iter().all(|start| start.args.contains(&"own=1".to_owned())), "{starts:?}");
    assert!(starts.iter().all(|start| start.thread().is_none() && start.prompt.starts_with("build it\n")));

    let line = format!("rounds resume {}", completed.resume.unwrap().value());
    let second = run(&["run", "--resume", &line, "and that"]);
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), "it is ALL DONE\n"), "{second:?}");
    assert_eq!(second.stderr.lines().last(), Some(line.as_str()));
    let starts = sandbox.starts_of("codex");
    assert_eq!(starts.len(), 3);
    assert!(starts[2].thread().is_none() && starts[2].prompt.starts_with("build it\n\nand that\n"));

    let seen = std::fs::read_to_string(seen).unwrap();
    let seen: Vec<&str> = seen.lines().collect();
    assert!(seen.iter().all(|line| line.starts_with("yes,,")), "{seen:?}");
    assert_eq!(seen[0], seen[1], "the programs of one run have its mark");
    assert_ne!(seen[0], seen[2]);
}

#[test]
fn an_engine_that_can_not_be_run_inside_is_told_as_anywhere_else() {
    let sandbox = sandbox();
    let said = |config: &str| {
        sandbox.config(config);
        let ended = sandbox.run(&["run", "--engine", "rounds", "hello"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.stderr
    };
    let missing = said("");
    assert!(missing.contains("codex is not installed, or not on PATH"), "{missing}");
    assert!(missing.contains("install it with `npm install -g @openai/codex`"), "{missing}");
    let typo = said("[rounds]\nengine = \"codx\"\n");
    assert!(typo.contains("there is no engine `codx`\ndid you mean `codex`?"), "{typo}");
    let itself = said("[rounds]\nengine = \"rounds\"\n");
    assert!(itself.contains("rounds would run inside of itself: rounds > rounds"), "{itself}");
    let hidden = said("[plugins]\nenabled = [\"takopi-ports\"]\n");
    assert!(hidden.contains("the engine `codex` is disabled"), "{hidden}");
    let broken = said("[codex]\nprofile = \" \"\n");
    assert!(broken.contains("takopi.toml:2") && broken.contains("codex.profile"), "{broken}");
}

#[test]
fn an_interrupt_ends_the_inner_run_and_everything_of_it() {
    let sandbox = sandbox();
    let mark = sandbox.mark();
    sandbox.engine(
        "codex",
        &Script::new([
            Scene::Say("{\"type\":\"thread.started\",\"thread_id\":{thread}}\n".into()),
            Scene::Leave(format!("exec setsid sleep {mark}")),
            Scene::Exec(format!("trap '' HUP; sleep {mark}; :")),
        ]),
    );
    let started = sandbox.start(&["run", "--engine", "rounds", "--json", "hello"]);
    sandbox.wait_for_marked(3);
    started.signal(Signal::INT);
    let ended = started.end();
    let completed = ended.completed();
    assert_eq!((ended.code, completed.outcome), (Some(130), Outcome::Interrupted));
    assert_eq!(completed.engine.as_str(), "rounds");
    assert_eq!(steps(&ended), ["round 1 of 5"]);
    assert_eq!(sandbox.left_behind(), [""; 0]);
}
