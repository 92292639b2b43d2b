//! The recordings of the real CLI, each as a person would expect it.

use super::*;

#[tokio::test]
async fn what_is_allowed_is_done() {
    for yes in [Decision::AllowOnce, Decision::AllowSession, Decision::AllowAlways] {
        let course = play("allow", answering(yes.clone())).await;
        assert_eq!(
            (course.completed.answer.as_str(), course.completed.is_done()),
            ("After the dangerous command.", true)
        );
        let permission = course.permission(0);
        assert_eq!(permission.tool.as_deref(), Some("bash"));
        assert_eq!(permission.command.as_deref(), Some("rm -rf ./scratch-dir && echo removed"));
        assert_eq!(permission.cwd.as_deref(), Some("/repo"));
        assert_eq!(course.resolutions(), [&Resolution::Decided(yes)]);
        assert_eq!(course.done(), ["+ rm -rf ./scratch-dir && echo removed"]);
        assert_eq!(course.text(TextKind::Answer), "After the dangerous command.");
        let usage = course.completed.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(200), Some(20)));
    }
}

#[tokio::test]
async fn what_is_denied_is_said_to_the_model_which_goes_on() {
    let no = Decision::Deny { reason: Some("not now".into()) };
    let course = play("deny", answering(no.clone())).await;
    assert!(course.completed.is_done());
    assert_eq!(course.done(), ["- rm -rf ./scratch-dir && echo removed"]);
    assert_eq!(course.resolutions(), [&Resolution::Decided(no)]);
}

/// Opencode denies all that a session asks with the first of it.
#[tokio::test]
async fn what_is_denied_with_something_else_is_withdrawn() {
    let mut is_first = true;
    let course = play("siblings", async |event: &Event, control: &RunControl| {
        if let Event::Request(event) = event
            && std::mem::take(&mut is_first)
        {
            control.answer(&event.request.id, NO).await.unwrap();
        }
    })
    .await;
    assert!(course.completed.is_done());
    assert_eq!(course.requests().len(), 2);
    assert_eq!(course.resolutions(), [&Resolution::Decided(NO), &Resolution::Withdrawn]);
    assert_eq!(course.done(), ["- echo one", "- echo two"]);
}

#[tokio::test]
async fn a_question_is_answered() {
    let answers = BTreeMap::from([("0".to_owned(), vec!["Blue".to_owned()])]);
    let answer = Decision::Answer { answers };
    let course = play("question", answering(answer.clone())).await;
    assert_eq!(
        (course.completed.answer.as_str(), course.completed.is_done()),
        ("Thanks for answering.", true)
    );
    let RequestSubject::Question { questions } = &course.requests()[0].subject else { panic!() };
    assert_eq!(
        (questions[0].text.as_str(), questions[0].header.as_deref()),
        ("Which colour?", Some("Colour"))
    );
    let options: Vec<_> = questions[0].options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(options, ["Red", "Blue"]);
    assert_eq!(course.resolutions(), [&Resolution::Decided(answer)]);
}

#[tokio::test]
async fn a_question_can_be_left_unanswered() {
    let course = play("dismiss", answering(NO)).await;
    assert!(course.completed.is_done());
    assert_eq!(course.resolutions(), [&Resolution::Decided(NO)]);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_refused_and_nothing_is_said() {
    let mut is_refused = false;
    let mut run =
        runner().run(spec(&Replay::start(recording("question", Path::new("/repo"))), "please [[ask]]"));
    while let Some(event) = run.events.next().await {
        if let Event::Request(event) = &event {
            let answer = run.control.answer(&event.request.id, Decision::AllowOnce).await;
            is_refused = matches!(answer, Err(ControlError::Refused(_)));
            break;
        }
    }
    assert!(is_refused);
}

#[tokio::test]
async fn an_interrupted_turn_is_aborted_before_its_server_ends() {
    let course = play("abort", async |event: &Event, control: &RunControl| match event {
        Event::Request(event) => control.answer(&event.request.id, Decision::AllowOnce).await.unwrap(),
        Event::RequestResolved(_) => control.interrupt().await.unwrap(),
        _ => {}
    })
    .await;
    assert_eq!(course.completed.outcome, Outcome::Interrupted);
    assert!(course.completed.resume.is_some());
    assert_eq!(course.done(), ["- echo $$ > child.pid; sleep 61"]);
}

#[tokio::test]
async fn what_an_interrupted_turn_asked_is_withdrawn() {
    let course = play("withdrawn", async |event: &Event, control: &RunControl| {
        if let Event::Request(_) = event {
            control.interrupt().await.unwrap();
        }
    })
    .await;
    assert_eq!(course.completed.outcome, Outcome::Interrupted);
    assert_eq!(course.resolutions(), [&Resolution::Withdrawn]);
}

#[tokio::test]
async fn what_is_said_in_the_middle_of_a_turn_is_answered_in_it() {
    let course = play("steer", async |event: &Event, control: &RunControl| match event {
        Event::Request(event) => control.answer(&event.request.id, Decision::AllowOnce).await.unwrap(),
        Event::RequestResolved(_) => control.steer("and now [[plain]]").await.unwrap(),
        _ => {}
    })
    .await;
    assert_eq!(
        (course.completed.answer.as_str(), course.completed.is_done()),
        ("Hello from the fake model.", true)
    );
}

#[tokio::test]
async fn an_error_of_the_model_is_what_the_run_says() {
    let course = play("error", nothing).await;
    assert_eq!(course.error(), "Fake 401 error.");
}

/// Such a turn never begins, so it is never idle either.
#[tokio::test]
async fn a_mode_that_there_is_not_says_which_there_are() {
    let course = play_with("no-agent", RunOptions::default().mode(Some("nope".into())), nothing).await;
    assert_eq!(course.error(), "Agent not found: \"nope\". Available agents: build, explore, general, plan");
}

#[tokio::test]
async fn an_edit_is_shown_before_it_is_made() {
    let course = play("edit", answering(Decision::AllowOnce)).await;
    assert!(course.completed.is_done());
    let permission = course.permission(1);
    assert_eq!(
        (permission.tool.as_deref(), &permission.paths[..]),
        (Some("edit"), &["/repo/hello.txt".to_owned()][..])
    );
    assert!(permission.diff.as_deref().unwrap().ends_with("@@ -1,1 +1,1 @@\n-hello\n+goodbye\n"));
    assert_eq!(course.done(), ["+ /repo/hello.txt", "+ read: /repo/hello.txt", "+ /repo/hello.txt"]);
}

#[tokio::test]
async fn text_comes_as_it_is_written() {
    let course = play("think", nothing).await;
    assert_eq!(course.text(TextKind::Thinking), "Let me add two and two.");
    assert_eq!(course.text(TextKind::Answer), course.completed.answer);
    assert_eq!(course.completed.answer, "The answer is 4.");
}

#[tokio::test]
async fn what_a_sub_agent_wants_is_asked_and_shown_below_it() {
    let course = play("subagent", answering(Decision::AllowOnce)).await;
    assert_eq!((course.completed.answer.as_str(), course.completed.is_done()), ("Sub-agent finished.", true));
    assert_eq!(course.permission(0).reason.as_deref(), Some("asked by a sub-agent"));
    let actions: Vec<_> = course
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => Some(&event.action),
            _ => None,
        })
        .collect();
    let agent = actions.iter().find(|action| action.kind == ActionKind::Subagent).unwrap();
    let command = actions.iter().find(|action| action.kind == ActionKind::Command).unwrap();
    assert_eq!(command.detail.parent.as_ref(), Some(&agent.id));
    // What the sub-agent used is paid for too.
    assert_eq!(course.completed.usage.unwrap().output_tokens, Some(40));
}

#[tokio::test]
async fn the_mode_plan_changes_nothing() {
    let course = play_with("plan", RunOptions::default().mode(Some("plan".into())), nothing).await;
    assert!(course.requests().is_empty());
    assert_eq!(course.done(), ["- /repo/hello.txt"]);
}
