//! A person talks to takopi at a terminal.

use takopi_tests::session::{Part, Places, Turn, converse};
use takopi_tests::terminal::{Size, Terminal};

use crate::sandbox;

#[test]
fn a_whole_conversation_with_acme() {
    let sandbox = sandbox();
    let site = sandbox.repository("site");
    sandbox.config(&format!("default_engine = \"acme\"\n\n[projects.site]\npath = {site:?}\n"));
    let mut command = sandbox.command(&["chat"]);
    command.current_dir(&site);
    let mut terminal = Terminal::start(command, Size::TALL);
    let part = Part {
        engine: "acme",
        short: Turn { prompt: "what changed?", answer: "The repository is" },
        watched: Turn { prompt: "slowly what changed?", answer: "The repository is" },
        step: "walk .",
        long: &format!("slowly {}", ["what changed?"; 8].join(" then ")),
        long_step: "list .",
    };
    converse(&mut terminal, &part, Places { here: &site, site: &site });
}
