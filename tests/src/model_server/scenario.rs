//! What the model does: a scenario is a list of steps, one for each time that it is asked.

/// One answer of the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) thinking: Option<String>,
    pub(super) text: Option<String>,
    pub(super) acts: Vec<Act>,
    pub(super) failure: Option<Failure>,
    /// Whether the connection ends in the middle.
    pub(super) is_cut: bool,
}

/// What the model wants done, whatever the engine's tool for it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Shell(&'static str),
    /// A command that the engine's sandbox, if it has one, does not let through: it has to ask for it.
    Outside(&'static str),
    /// A question with answers to choose from.
    Ask,
    /// The plan is ready.
    Plan(&'static str),
    Write {
        path: &'static str,
        content: &'static str,
    },
    Read {
        path: &'static str,
    },
    Edit {
        path: &'static str,
        old: &'static str,
        new: &'static str,
    },
}

/// An answer that is an error of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    /// How often, before the step goes well; `None` is always.
    pub(super) times: Option<u32>,
}

impl Step {
    fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    fn act(act: Act) -> Self {
        Self { acts: vec![act], ..Self::default() }
    }

    fn failure(status: u16) -> Self {
        Self { failure: Some(Failure { status, times: None }), ..Self::default() }
    }
}

const HELLO: Act = Act::Write { path: "hello.txt", content: "hello\n" };
const READ: Act = Act::Read { path: "hello.txt" };
const SLEEP: &str = "echo $$ > child.pid; sleep 61";

/// The steps of a scenario; the last one is the end of the turn.
pub(super) fn steps(name: &str) -> Option<Vec<Step>> {
    let text = |text: &str| Step::text(text);
    let shell = |command| Step::act(Act::Shell(command));
    Some(match name {
        "plain" => vec![text("Hello from the fake model.")],
        "think" => {
            vec![Step {
                thinking: Some("Let me add two and two.".to_owned()),
                ..Step::text("The answer is 4.")
            }]
        }
        "shell" => vec![
            Step { text: Some("I will run a command.".to_owned()), ..shell("echo hi") },
            text("The command printed: hi"),
        ],
        "two" => vec![shell("echo one"), shell("echo two"), text("Ran two commands.")],
        "fail" => vec![shell("echo out; echo err >&2; exit 3"), text("The command failed with 3.")],
        "touch" => vec![shell("touch here.txt"), text("Touched here.txt.")],
        "write" => vec![Step::act(HELLO), text("Wrote hello.txt.")],
        "edit" => vec![
            Step::act(HELLO),
            Step::act(READ),
            Step::act(Act::Edit { path: "hello.txt", old: "hello", new: "goodbye" }),
            text("Changed hello.txt."),
        ],
        "read" => vec![Step::act(READ), text("Read hello.txt.")],
        "big" => vec![shell("head -c 1000000 /dev/zero | tr '\\0' 'x'; echo"), text("Printed 1 MB.")],
        "flaky" => vec![Step {
            failure: Some(Failure { status: 500, times: Some(1) }),
            ..Step::text("Recovered after one error.")
        }],
        "e400" => vec![Step::failure(400)],
        "e401" => vec![Step::failure(401)],
        "e500" => vec![Step::failure(500)],
        "drop" => {
            vec![Step { is_cut: true, ..Step::text("This stream will be cut off in the middle of") }]
        }
        "asked" => vec![Step::act(Act::Outside("touch asked.txt")), text("After the command.")],
        "again" => {
            let again = || Step::act(Act::Outside("echo again >> again.txt"));
            vec![again(), again(), text("Ran it again.")]
        }
        "question" => vec![Step::act(Act::Ask), text("Thanks for answering.")],
        "plan" => vec![Step::act(Act::Plan("1. Do it.")), text("The plan was heard.")],
        "steered" => vec![text("Steered.")],
        "slow" => vec![shell("sleep 2"), text("Took its time.")],
        // Some refuse a command that only waits.
        "slower" => vec![shell("echo slow; sleep 6"), text("Took its time.")],
        "sleep" => vec![shell(SLEEP), text("Slept.")],
        "empty" => vec![text("")],
        // A line separator and a character that turns the direction of writing are in it on purpose.
        "unicode" => vec![text("Ünïcödé: 日本語 😀 \u{2028}line-sep\u{2029} \u{202e}rtl")],
        "long" => vec![Step::text("All work and no play makes Jack a dull boy. ".repeat(4000))],
        _ => return None,
    })
}

/// The last `[[name]]` of a scenario in a text.
pub(super) fn marker(text: &str) -> Option<&str> {
    let names = text.split("[[").skip(1).filter_map(|rest| Some(rest.split_once("]]")?.0));
    names.filter(|name| steps(name).is_some()).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_known_marker_counts() {
        let check = |text, expected| assert_eq!(marker(text), expected, "{text}");
        check("please [[shell]]", Some("shell"));
        check("[[plain]] and then [[fail]]", Some("fail"));
        check("[[plain]] and then [[unheard_of]]", Some("plain"));
        check("[[plain", None);
        check("[[ [[big]]", Some("big"));
        check("none", None);
    }

    #[test]
    fn every_scenario_ends_with_a_text_or_an_error() {
        for name in [
            "plain", "think", "shell", "two", "touch", "fail", "write", "edit", "read", "big", "flaky",
            "e400", "e401", "e500", "drop", "slow", "sleep", "empty", "unicode", "long",
        ] {
            let steps = steps(name).unwrap_or_else(|| panic!("no scenario {name}"));
            let last = steps.last().unwrap();
            assert!(last.acts.is_empty() && (last.text.is_some() || last.failure.is_some()), "{name}");
        }
    }
}
