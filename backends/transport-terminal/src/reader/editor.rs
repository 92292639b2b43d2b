//! The line at the bottom of the terminal, with history and completion.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, ExternalPrinter, Helper};
use takopi_api::runtime::{Catalog, TransportRuntime};
use tokio::sync::mpsc;

use super::{Event, WAITING};
use crate::branches::branches;
use crate::complete::{Completion, complete};
use crate::output::{self, Sink};

const PROMPT: &str = "> ";

/// A line editor on the terminal of this process.
pub(crate) struct Editor {
    editor: rustyline::Editor<Completions, FileHistory>,
    history: Option<PathBuf>,
    /// Whether the terminal is the editor's.
    is_reading: Arc<AtomicBool>,
}

/// An editor that reads. The terminal is as it was before when this is dropped, whatever the editor is doing.
#[derive(Debug)]
pub(crate) struct Reading {
    before: Option<Termios>,
    is_reading: Arc<AtomicBool>,
}

impl Editor {
    /// An editor, if the terminal can be used so. `lines` of history are kept in `folder`.
    ///
    /// # Errors
    /// What the terminal says.
    pub(crate) fn new(runtime: TransportRuntime, folder: &Path, lines: usize) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(lines)?
            .history_ignore_dups(true)?
            .history_ignore_space(true)
            // One that goes through what fits keeps everything else from being printed meanwhile.
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .bell_style(BellStyle::None)
            .build();
        let history = FileHistory::with_config(&config);
        let mut editor = rustyline::Editor::with_history(config, history)?;
        editor.set_helper(Some(Completions(runtime)));
        let history = (lines > 0).then(|| folder.join("history")).filter(|file| {
            let loaded = make_private(file).and_then(|()| editor.load_history(file).map_err(to_io));
            if let Err(error) = &loaded {
                tracing::warn!("the history of the terminal is not kept: {}: {error}", file.display());
            }
            loaded.is_ok()
        });
        Ok(Self { editor, history, is_reading: Arc::default() })
    }

    /// A way to print above the line that is being edited.
    ///
    /// # Errors
    /// If there is none: the terminal can not do it.
    pub(crate) fn sink(&mut self) -> rustyline::Result<Sink> {
        let mut printer = self.editor.create_external_printer()?;
        let mut stdout = output::stdout();
        let is_reading = Arc::clone(&self.is_reading);
        Ok(Box::new(move |text| {
            if is_reading.load(Ordering::Acquire) { printer.print(text).map_err(to_io) } else { stdout(text) }
        }))
    }

    /// Reads from here on.
    pub(crate) fn read(mut self) -> (mpsc::Receiver<Event>, Reading) {
        let before = tcgetattr(io::stdin()).ok();
        let (events, receiver) = mpsc::channel(WAITING);
        self.is_reading.store(true, Ordering::Release);
        let reading = Reading { before, is_reading: Arc::clone(&self.is_reading) };
        std::thread::spawn(move || {
            while self.is_reading.load(Ordering::Acquire) {
                let event = self.next();
                if matches!(event, Event::End | Event::Failed(_)) {
                    self.is_reading.store(false, Ordering::Release);
                }
                if events.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        (receiver, reading)
    }

    fn next(&mut self) -> Event {
        match self.editor.readline(PROMPT) {
            Ok(line) => {
                self.remember(&line);
                Event::Line(line)
            }
            Err(ReadlineError::Interrupted) => Event::Interrupt,
            Err(ReadlineError::Eof) => Event::End,
            // Bytes that are no text: the line is lost, and nothing else.
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Event::Line(String::new())
            }
            Err(error) => Event::Failed(error.to_string()),
        }
    }

    fn remember(&mut self, line: &str) {
        let Some(file) = &self.history else { return };
        let kept = self.editor.add_history_entry(line).and_then(|is_new| match is_new {
            true => self.editor.append_history(file),
            false => Ok(()),
        });
        if let Err(error) = kept {
            tracing::warn!("the history of the terminal is not kept any more: {}: {error}", file.display());
            self.history = None;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // An editor that came to its end has put everything back itself.
        if !self.is_reading.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
        // Pasted text is marked no more, and whoever writes next begins a line.
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(b"\x1b[?2004l\r\n").and_then(|()| stdout.flush());
    }
}

/// Prompts are nobody else's business.
fn make_private(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    fs::set_permissions(file, Permissions::from_mode(0o600))
}

fn to_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        ReadlineError::Errno(errno) => io::Error::from_raw_os_error(errno as i32),
        other => io::Error::other(other),
    }
}

/// What Tab offers, looked up when it is pressed.
struct Completions(TransportRuntime);

impl Completer for Completions {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let catalog: Arc<Catalog> = self.0.catalog();
        let Completion { start, words } = complete(line, at, &catalog, branches);
        Ok((start, words))
    }
}

impl Hinter for Completions {
    type Hint = String;
}

impl Highlighter for Completions {}

impl Validator for Completions {}

impl Helper for Completions {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("terminal/history");
        make_private(&file).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        fs::write(&file, "kept").unwrap();
        make_private(&file).unwrap();
        assert_eq!((mode(&file), fs::read(&file).unwrap().as_slice()), (0o600, &b"kept"[..]));
    }
}
