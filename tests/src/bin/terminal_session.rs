//! `terminal-session TAKOPI ENGINE SITE`: a conversation with an engine whose model is the scripted one, at a terminal
//! and in the folder in which this is started. `SITE` is a repository that the configuration knows as project `site`.
#![expect(clippy::print_stderr, reason = "what is wrong is said there")]

use std::path::Path;
use std::process::{Command, ExitCode};

use takopi_tests::session::{Part, Places, Turn, converse};
use takopi_tests::terminal::{Size, Terminal};

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let ([takopi, engine, site], Ok(here)) = (args.as_slice(), std::env::current_dir()) else {
        eprintln!("usage: terminal-session TAKOPI ENGINE SITE");
        return ExitCode::from(2);
    };
    let mut command = Command::new(takopi);
    command.arg("chat");
    let part = Part {
        engine,
        short: Turn { prompt: "please [[plain]]", answer: "Hello from the fake model." },
        watched: Turn { prompt: "please [[slow]]", answer: "Took its time." },
        step: "sleep 2",
        long: "please [[sleep]]",
        long_step: "sleep 61",
    };
    let mut terminal = Terminal::start(command, Size::TALL);
    converse(&mut terminal, &part, Places { here: &here, site: Path::new(site) });
    ExitCode::SUCCESS
}
