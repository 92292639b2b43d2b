//! Commands of plugins: who gets a message, what a command can do, and how people end one.

use super::talk::Talk;

/// A project whose folder is the one in which takopi runs.
fn project(talk: &Talk, alias: &str) -> String {
    format!("[projects.{alias}]\npath = {:?}\n", talk.sandbox.work())
}

#[test]
fn a_command_is_told_where_it_is_used_and_by_whom() {
    let mut talk = Talk::new("codex", "", "");
    let project = project(&talk, "Website");
    talk.configure(
        "codex",
        "",
        &format!(
            "{project}\n[plugins.probe]\nword = \"all\"\n[plugins.probe.projects.website]\nword = \"own\"\n"
        ),
    );
    talk.start();
    let here = talk.ask("/probe where 'one two' three").text;
    assert!(here.starts_with("word \"all\" project \"\" cwd Some("), "{here}");
    assert!(here.contains("sender Some(\"Mia\") args [\"where\", \"one two\", \"three\"]"), "{here}");
    talk.ask("/ctx set website");
    let there = talk.ask("/probe where").text;
    assert!(there.starts_with("word \"own\" project \"Website\""), "{there}");
    let told = talk.sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(!told.contains("unknown key"), "{told}");
}

#[test]
fn an_engine_or_a_project_of_that_name_comes_first() {
    let mut talk = Talk::new("codex", "", "");
    let project = project(&talk, "probe");
    talk.configure("codex", "", &project);
    talk.start();
    assert!(talk.ask("/probe where").text.contains("`ctx: probe`"));
    assert_eq!(talk.prompts(), ["where"]);
}

#[test]
fn unknown_keys_and_projects_of_a_command_are_named() {
    let talk = Talk::new("codex", "", "");
    let project = project(&talk, "website");
    let rest = format!(
        "{project}\n[plugins.probe]\nwrod = \"x\"\n[plugins.probe.projects.webiste]\nword = \"own\"\n\
         [plugins.probe.projects.website]\nwodr = \"own\"\n"
    );
    talk.configure("codex", "", &rest);
    let told = talk.sandbox.run(&["doctor", "--offline"]).stdout;
    for unknown in
        ["`plugins.probe.wrod`", "`plugins.probe.projects.webiste`", "`plugins.probe.projects.website.wodr`"]
    {
        assert!(told.contains(unknown), "{unknown} is not in {told}");
    }
    assert_eq!(told.matches("unknown key").count(), 3, "{told}");
}

#[test]
fn a_button_of_a_command_comes_back_to_it() {
    let mut talk = Talk::begun("codex", "", "");
    let choose = talk.ask("/probe button");
    assert_eq!(talk.press(&choose, "red"), None);
    assert_eq!(talk.press(&choose, "red"), None);
    talk.wait("both answers", |chat| {
        let pressed = chat.messages.values().filter(|lying| lying.message.body.text == "pressed red 1");
        (pressed.count() == 2).then_some(())
    });
    assert_eq!(talk.press_as("eve", &choose, "red"), None, "a stranger is told nothing");
}

#[test]
fn what_is_written_next_answers_a_question() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/probe ask");
    let question = talk.reads(&id, "which colour?");
    // Somewhere else it is a prompt.
    let elsewhere = talk.say_in("d", "green");
    talk.reads(&elsewhere, "done · codex");
    talk.say("blue");
    talk.reads(&id, "you like blue");
    // It was asked once.
    let reply = talk.reply(&question, "red");
    talk.reads(&reply, "done · codex");
    assert_eq!(talk.prompts(), ["green", "red"]);
    let id = talk.say("/probe ask");
    let question = talk.reads(&id, "which colour?");
    talk.reply(&question, "yellow");
    talk.reads(&id, "you like yellow");
}

#[test]
fn a_question_ends_by_time_and_by_cancel() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/probe hurry");
    talk.reads(&id, "error: nobody answered in time");
    let id = talk.say("/probe ask");
    talk.reads(&id, "which colour?");
    talk.say("/cancel");
    talk.reads(&id, "error: cancelled");
    let prompt = talk.say("blue");
    talk.reads(&prompt, "done · codex");
}

#[test]
fn a_command_knows_how_its_run_ended() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("/model set acme other-model");
    let id = talk.say("/probe run hello there");
    talk.reads(&id, "done · codex");
    let told = talk.reads(&id, "ran: Done \"hello there\" \"codex resume ");
    assert!(!told.text.contains("other-model"));
    let id = talk.say("/probe run wait:600000");
    talk.wait("the run", |_| (talk.prompts().len() == 2).then_some(()));
    // What goes on is one run, and not a run and a command.
    talk.say("/cancel");
    talk.reads(&id, "ran: Interrupted");
}

#[test]
fn a_command_goes_on_after_it_answered_and_can_be_ended_still() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/probe later hello");
    talk.reads(&id, "begun");
    let said = |text: &'static str| {
        move |chat: &takopi_tests::spool::Chat| {
            chat.messages.values().any(|lying| lying.message.body.text.starts_with(text)).then_some(())
        }
    };
    talk.wait("what came later", said("later: Done hello"));
    let id = talk.say("/probe later wait:600000");
    let begun = talk.reads(&id, "begun");
    talk.wait("the run", |_| (talk.prompts().len() == 2).then_some(()));
    talk.reply(&begun, "/cancel");
    talk.wait("its end", said("later: Interrupted"));
    assert_eq!(talk.sandbox.left_behind(), Vec::<String>::new());
}

#[test]
fn a_command_that_panics_or_hangs_costs_nothing_else() {
    let mut talk = Talk::begun("codex", "", "");
    let panicked = talk.ask("/probe panic").text;
    assert!(panicked.starts_with("error: the command /probe (takopi-tests "), "{panicked}");
    assert!(panicked.ends_with(" panicked"), "{panicked}");
    assert_eq!(talk.ask("/probe nonsense").text, "error: what is Some(\"nonsense\")?\ntry another word");
    let id = talk.say("/probe hang");
    let hanging = talk.wait("its message", |_| talk.seen().into_iter().find(|seen| seen.text == "hanging"));
    assert!(talk.ask("hello").text.starts_with("done · codex"), "it is not waited for");
    assert_eq!(talk.press(&hanging, "cancel").as_deref(), Some("cancelling…"));
    // Whoever wants it twice does not want to wait.
    talk.press(&hanging, "cancel");
    talk.reads(&id, "`cancelled`");
    assert_eq!(talk.ask("/cancel").text, "nothing is running here");
}
