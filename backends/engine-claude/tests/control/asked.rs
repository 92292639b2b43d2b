//! What claude asks, and what becomes of the answers.

use takopi_api::event::{Decision, Event, Outcome, RequestSubject, Resolution};
use takopi_api::process::{Environment, Stdin};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::Attachment;

use crate::played::{CLAUDE, answer, answer_with, in_mode, no, no_since, open, run, spec, task};

#[tokio::test]
async fn a_command_that_is_allowed_runs() {
    let played = answer("approve-allow", "danger", &[Decision::AllowOnce]).await;
    played.is_done("After the dangerous command.");
    assert_eq!(played.steps(), ["rm -rf ./scratch-dir && echo removed"]);
    let request = played.only_request();
    assert_eq!(request.title, "Bash: rm -rf ./scratch-dir && echo removed");
    let RequestSubject::Permission(permission) = &request.subject else { panic!("{request:?}") };
    assert_eq!(permission.tool.as_deref(), Some("Bash"));
    assert_eq!(permission.command.as_deref(), Some("rm -rf ./scratch-dir && echo removed"));
    assert_eq!(permission.cwd.as_deref(), Some("/repo"));
    assert_eq!(permission.paths, ["/repo/scratch-dir"]);
    assert_eq!(permission.reason.as_deref(), Some("Run a command"));
    assert_eq!(played.resolutions(), [&Resolution::Decided(Decision::AllowOnce)]);
}

/// Takopi keeps such rules itself: claude is told to write none down. In one of the recordings it was told to.
#[tokio::test]
async fn what_is_always_allowed_is_allowed_once_at_claude() {
    for decision in [Decision::AllowAlways, Decision::AllowSession] {
        for (name, ignored) in [("approve-allow", "/uuid"), ("approve-always", RULES)] {
            let program = open(name).ignoring([ignored]).start();
            let played = run("", spec(&task("danger"), &program), async |event, control| {
                if let Event::Request(event) = event {
                    control.answer(&event.request.id, decision.clone()).await.unwrap();
                }
            })
            .await;
            program.finish().await;
            played.is_done("After the dangerous command.");
        }
    }
}

/// Where an answer has the rules that claude is to write down.
const RULES: &str = "/response/response/updatedPermissions";

#[tokio::test]
async fn a_command_that_is_denied_does_not_run() {
    let played = answer("deny", "danger", &[no_since("not that folder")]).await;
    played.is_done("After the dangerous command.");
    assert_eq!(played.steps(), ["!rm -rf ./scratch-dir && echo removed"]);
}

#[tokio::test]
async fn changes_of_files_are_asked_with_what_they_change() {
    let played = answer("edit", "edit", &[Decision::AllowOnce, Decision::AllowOnce]).await;
    played.is_done("Changed hello.txt.");
    let diffs = played.requests().into_iter().map(|request| match &request.subject {
        RequestSubject::Permission(permission) => {
            assert_eq!(permission.paths, ["/repo/hello.txt"]);
            permission.diff.clone().or_else(|| permission.content.clone()).unwrap()
        }
        subject => panic!("{subject:?}"),
    });
    assert_eq!(
        diffs.collect::<Vec<_>>(),
        [
            // What is there in its place is for whoever shows it to look up.
            "hello\n",
            "--- /repo/hello.txt\n+++ /repo/hello.txt\n@@ @@\n-hello\n+goodbye\n"
        ]
    );
}

#[tokio::test]
async fn questions_are_answered() {
    let answers = [("1", vec!["Blue"])]
        .map(|(id, words)| (id.to_owned(), words.iter().map(|w| (*w).to_owned()).collect()));
    let played = answer("ask", "ask", &[Decision::Answer { answers: answers.into() }]).await;
    played.is_done("Thanks for answering.");

    let answers = [("1", vec!["green, as grass"]), ("2", vec!["Small", "Large, wide"])];
    let answers = answers.map(|(id, words)| (id.to_owned(), words.iter().map(|w| (*w).to_owned()).collect()));
    let played = answer("questions", "askmany", &[Decision::Answer { answers: answers.into() }]).await;
    played.is_done("Thanks for answering.");
    let RequestSubject::Question { questions } = &played.only_request().subject else {
        panic!("no questions")
    };
    let [colour, sizes] = &questions[..] else { panic!("not two questions") };
    assert_eq!((colour.multiple, sizes.multiple), (false, true));
    assert_eq!((colour.header.as_deref(), sizes.options.len()), (Some("Colour"), 3));

    answer("unanswered", "ask", &[no()]).await.is_done("Thanks for answering.");
}

#[tokio::test]
async fn a_plan_that_is_approved_is_carried_out_and_asks_again() {
    let program = open("plan").start();
    let spec = spec(&task("planwrite"), &program).options(in_mode("plan"));
    let played = run("dangerously_skip_permissions = true", spec, async |event, control| {
        if let Event::Request(event) = event {
            control.answer(&event.request.id, Decision::AllowOnce).await.unwrap();
        }
    })
    .await;
    program.finish().await;
    played.is_done("Plan mode done.");
    let [plan, write] = &played.requests()[..] else { panic!("not a plan and a change") };
    assert_eq!(plan.subject, RequestSubject::Plan { text: "1. Do it.".into() });
    assert_eq!(write.title, "Write: /repo/hello.txt");
    let args: Vec<_> =
        program.commands()[0].args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    assert!(args.join(" ").contains("--permission-mode plan"), "{args:?}");
    assert!(!args.iter().any(|arg| arg == "--dangerously-skip-permissions"), "{args:?}");
}

#[tokio::test]
async fn a_plan_is_changed_or_rejected() {
    let decisions = [no_since("add tests"), no()];
    let played = answer_with("", "plan-changed", "plantwice", in_mode("plan"), &decisions).await;
    played.is_done("Then not.");
    assert_eq!(played.requests().len(), 2);
}

#[tokio::test]
async fn who_plans_asks_before_a_command_too() {
    let played = answer_with("", "plan-command", "danger", in_mode("plan"), &[no()]).await;
    played.is_done("After the dangerous command.");
}

#[tokio::test]
async fn the_mode_that_is_chosen_decides_what_is_asked() {
    for name in ["accept-edits", "controls"] {
        let played = answer_with("", name, "write", in_mode("acceptEdits"), &[]).await;
        played.is_done("Wrote hello.txt.");
    }
    let program = open("deny").start();
    let refused = run("", spec("hi", &program).options(in_mode("bypassPermissions")), async |_, _| {}).await;
    assert!(matches!(refused.completed.outcome, Outcome::Failed { .. }));
    assert!(program.commands().is_empty());
}

#[tokio::test]
async fn the_answer_comes_as_it_is_written_and_once() {
    let played = answer("basic", "shell", &[]).await;
    played.is_done("The command printed: hi");
    assert_eq!(played.live(), "I will run a command.|The command printed: hi");
    // The first text is said on the way, and is no part of the answer.
    assert_eq!(played.steps(), ["I will run a command.", "echo hi"]);
}

#[tokio::test]
async fn an_error_of_the_api_ends_the_run() {
    let played = answer("error", "e400", &[]).await;
    assert_eq!(played.completed.outcome, Outcome::Failed { error: "API Error: 400 Fake 400 error.".into() });
}

#[tokio::test]
async fn a_thread_is_continued() {
    let first = answer("resume-a", "plain", &[]).await;
    first.is_done("Hello from the fake model.");
    let token = first.completed.resume.clone().unwrap();

    let program = open("resume-b").start();
    let spec_b = spec(&task("plain"), &program).resume(Some(token.clone()));
    let second = run("", spec_b, async |_, _| {}).await;
    program.finish().await;
    second.is_done("Hello from the fake model.");
    assert_eq!(second.completed.resume, Some(token.clone()));
    let args = &program.commands()[0].args;
    let at = args.iter().position(|arg| arg == "--resume").unwrap();
    assert_eq!(args[at + 1].to_string_lossy(), token.value());

    // One that claude does not have: it says so before it answers the greeting.
    let program = open("bad-resume").start();
    let token = ResumeToken::new(CLAUDE, "11111111-1111-4111-8111-111111111111").unwrap();
    let played = run("", spec(&task("plain"), &program).resume(Some(token)), async |_, _| {}).await;
    program.finish().await;
    let Outcome::Failed { error } = &played.completed.outcome else { panic!("{:?}", played.completed) };
    assert!(error.starts_with("claude has no thread 11111111-1111-4111-8111-111111111111;"), "{error}");
}

#[tokio::test]
async fn a_conversation_that_is_cleared_has_a_new_thread() {
    let program = open("clear").start();
    let played = run("", spec("/clear", &program), async |_, _| {}).await;
    program.finish().await;
    played.is_done("The conversation was cleared.");
    assert_eq!(played.completed.resume.unwrap().value(), "ea577f32-97d1-45da-a419-0062d3d4aae3");
}

#[tokio::test]
async fn a_turn_whose_input_was_closed_when_it_was_recorded_ends_as_well() {
    answer("stdin-eof-midturn", "sleep5", &[]).await.is_done("Slept five seconds.");
}

/// A sub-agent asks after its agent has answered.
#[tokio::test]
async fn a_sub_agent_in_the_background_is_answered_too() {
    let played = answer("background-asked", "subdanger", &[Decision::AllowOnce]).await;
    played.is_done("Sub-agent finished.");
    let RequestSubject::Permission(permission) = &played.only_request().subject else {
        panic!("no permission")
    };
    assert_eq!(permission.cwd, None);
    let input = permission.input.as_deref().unwrap();
    assert!(input.contains("not known: a sub-agent may have a folder of its own"), "{input}");

    let program = open("two-agents").start();
    let mut asked = Vec::new();
    let played = run("", spec(&task("twosub"), &program), async |event, control| {
        let Event::Request(event) = event else { return };
        asked.push(event.request.id.clone());
        if let [first, second] = &asked[..] {
            control.answer(second, no()).await.unwrap();
            control.answer(first, Decision::AllowOnce).await.unwrap();
        }
    })
    .await;
    program.finish().await;
    played.is_done("Sub-agents started.");
}

#[tokio::test]
async fn what_is_in_the_background_is_waited_for_unless_it_is_interrupted() {
    let played = answer("background", "bgdanger", &[]).await;
    played.is_done("Started it.");
    assert_eq!(played.steps().last().unwrap(), "sleep 3; echo slept");

    let program = open("background-interrupted").start();
    let mut is_interrupted = false;
    let played = run("", spec(&task("bgdanger"), &program), async |event, control| {
        let is_answer = matches!(event, Event::Action(event) if event.action.title == "Started it.");
        if is_answer && !is_interrupted {
            is_interrupted = true;
            control.interrupt().await.unwrap();
        }
    })
    .await;
    program.finish().await;
    // The answer that is there is not lost.
    played.is_done("Started it.");
}

#[tokio::test]
async fn images_are_part_of_the_prompt() {
    let folder = std::env::temp_dir().join(format!("takopi-claude-image-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let image = folder.join("dot.png");
    std::fs::write(&image, DOT).unwrap();
    let program = open("image").start();
    let spec = spec(&task("plain"), &program).attachments([Attachment::new(&image)]);
    let played = run("", spec, async |_, _| {}).await;
    std::fs::remove_dir_all(&folder).unwrap();
    program.finish().await;
    played.is_done("Hello from the fake model.");
}

/// A PNG of one pixel.
const DOT: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc`\0\0\x02\0\0\x01\xe2!\xbc3\0\0\0\0IEND\xaeB`\x82";

#[tokio::test]
async fn the_program_is_talked_to_and_sees_what_it_did() {
    let program = open("deny").start();
    run("", spec(&task("danger"), &program), async |event, control| {
        if let Event::Request(event) = event {
            control.answer(&event.request.id, no_since("not that folder")).await.unwrap();
        }
    })
    .await;
    let command = &program.commands()[0];
    assert_eq!(command.stdin, Stdin::Open);
    let names = ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "GH_TOKEN"].map(|name| (name.into(), "1".into()));
    let seen = |environment: &Environment| -> Vec<String> {
        environment.select(names.clone()).map(|(name, _)| name.into_string().unwrap()).collect()
    };
    assert_eq!(seen(&command.environment), ["ANTHROPIC_BASE_URL"]);
}
