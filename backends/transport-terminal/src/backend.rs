//! The transport: what can be set, and how the terminal is used.

use std::io::{self, BufReader, IsTerminal};
use std::sync::Arc;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::runtime::TransportRuntime;
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::{Access, TransportBackend, TransportRun};

use crate::output::{self, Output, Sink};
use crate::reader::{self, Editor};
use crate::render::Palette;
use crate::screen::Screen;
use crate::session::{Ending, Session};
use crate::transport::{Live, Terminal};

/// What a person has to know who has never been here, in lines for the narrowest window.
const GREETING: [&str; 4] = [
    "tab completes /commands and @branches",
    "`>3 text` replies to message 3",
    "a number alone presses that button",
    "ctrl-c cancels, ctrl-d leaves",
];

/// The table `[transports.terminal]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// How many of the lines that were typed are remembered for the next time; 0 remembers none.
    pub(crate) history: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { history: 1000 }
    }
}

/// It holds nothing: there is one terminal, and who runs this has it.
#[derive(Debug)]
pub(crate) struct TerminalBackend;

pub(crate) const fn new() -> TerminalBackend {
    TerminalBackend
}

#[async_trait]
impl TransportBackend for TerminalBackend {
    fn id(&self) -> &'static str {
        "terminal"
    }

    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error> {
        let TransportRun { config, runtime, shutdown, .. } = run;
        let settings: Settings = config.parse()?;
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let editor = if is_terminal { editor(&runtime, &settings) } else { None };
        match editor {
            Some((editor, sink)) => {
                let terminal = terminal(sink, Live::Watched);
                for line in GREETING {
                    terminal.remark(line).await;
                }
                let session =
                    Session::new(terminal.clone(), runtime.connect(terminal, Access::local()), Ending::Leave);
                let (events, _reading) = editor.read();
                session.run(events, &shutdown).await
            }
            None => {
                let terminal = terminal(output::stdout(), Live::Unwatched);
                let session =
                    Session::new(terminal.clone(), runtime.connect(terminal, Access::local()), Ending::Wait);
                session.run(reader::lines(BufReader::new(io::stdin())), &shutdown).await
            }
        }
    }
}

/// A line editor, and how to print above it; `None` on a terminal that can do neither.
fn editor(runtime: &TransportRuntime, settings: &Settings) -> Option<(Editor, Sink)> {
    let folder = runtime.store().folder().to_owned();
    let editor = Editor::new(runtime.clone(), &folder, settings.history).and_then(|mut editor| {
        let sink = editor.sink()?;
        Ok((editor, sink))
    });
    editor.inspect_err(|error| tracing::info!("lines can not be edited on this terminal: {error}")).ok()
}

fn terminal(sink: Sink, live: Live) -> Arc<Terminal> {
    let is_styled = io::stdout().is_terminal() && console::colors_enabled();
    let palette = if is_styled { Palette::Styled } else { Palette::Plain };
    let screen = Screen::new(palette, uuid::Uuid::now_v7().simple().to_string());
    Terminal::new(screen, Output::new(sink), live)
}
