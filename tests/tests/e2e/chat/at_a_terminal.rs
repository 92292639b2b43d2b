//! A person talks to takopi at a terminal.

use takopi_tests::Script;
use takopi_tests::session::{Part, Places, Turn, converse};
use takopi_tests::terminal::{Key, Size, Terminal};

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

#[test]
fn what_is_being_typed_stays_at_the_bottom_and_whole() {
    let sandbox = sandbox();
    sandbox.config("default_engine = \"acme\"\n");
    // As small as on a telephone.
    let mut terminal = Terminal::start(sandbox.command(&["chat"]), Size { rows: 10, columns: 40 });
    terminal.looks(|_, rows| rows.len() == 5 && rows[3] == "· ctrl-c cancels, ctrl-d leaves");
    terminal.types(&format!("slowly {}", ["lines by language"; 8].join(" then ")));
    terminal.looks(|screen, _| screen.contains("▸ tool:"));
    // A wide character where one column is left begins the next row.
    let typed = "typed while it runs and 日本語の長い文章 too";
    terminal.writes(typed);
    let wrapped = ["> typed while it runs and 日本語の長い文", "章 too"].map(str::to_owned);
    terminal.looks(|_, rows| rows.ends_with(&wrapped));
    let before = terminal.rows();
    terminal.looks(|screen, rows| {
        rows != before && rows.ends_with(&wrapped) && screen.matches("typed while").count() == 1
    });

    terminal.resizes(Size { rows: 12, columns: 60 });
    let whole = [format!("> {typed}")];
    terminal.looks(|_, rows| rows.ends_with(&whole));
    let before = terminal.rows();
    terminal.looks(|_, rows| rows != before && rows.ends_with(&whole));
    terminal.presses(Key::CtrlU);
    terminal.presses(Key::CtrlC);
    terminal.looks(|screen, rows| screen.contains("acme resume ") && rows.ends_with(&[">".to_owned()]));
}

#[test]
fn pasted_lines_are_one_message() {
    let sandbox = sandbox();
    sandbox.config("default_engine = \"codex\"\n");
    sandbox.engine("codex", &Script::echo());
    let mut terminal = Terminal::start(sandbox.command(&["chat"]), Size::TALL);
    terminal.waits_for("ctrl-d leaves");
    let pasted = "one\n\n  /two 日本語\nthree";
    terminal.pastes(pasted);
    terminal.waits_for(">1 done · codex");
    terminal.types("four");
    terminal.waits_for(">2 done · codex");
    let prompts: Vec<_> = sandbox.starts_of("codex").into_iter().map(|start| start.prompt).collect();
    assert_eq!(prompts, [pasted, "four"]);
}
