//! A program on a terminal of its own, and what a person sees there: the screen as an emulator draws it, not the bytes
//! that drew it.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use vt100::Parser;

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// How big a terminal is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How many lines it shows.
    pub rows: u16,
    /// How wide they are.
    pub columns: u16,
}

impl Size {
    /// So tall that nothing scrolls away.
    pub const TALL: Self = Self { rows: 600, columns: 120 };

    fn apply(self, controller: &File) {
        let size = Winsize { ws_row: self.rows, ws_col: self.columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(controller, size).unwrap();
    }

    fn cells(self) -> [NonZero<u16>; 2] {
        [self.rows, self.columns].map(|count| NonZero::new(count).unwrap())
    }
}

/// Keys that are no text.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// Ends a line.
    Enter,
    /// Completes a word.
    Tab,
    /// Cancels.
    CtrlC,
    /// Leaves.
    CtrlD,
    /// Clears what was typed.
    CtrlU,
}

impl Key {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Enter => b"\r",
            Self::Tab => b"\t",
            Self::CtrlC => b"\x03",
            Self::CtrlD => b"\x04",
            Self::CtrlU => b"\x15",
        }
    }
}

/// A program on a terminal of its own, which ends with the value.
pub struct Terminal {
    keys: File,
    screen: Arc<Mutex<Parser>>,
    child: Child,
    /// The row in which the last line was typed: what is above was there before.
    typed_at: u16,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("child", &self.child).finish_non_exhaustive()
    }
}

impl Terminal {
    /// Starts a program on a terminal.
    #[must_use]
    pub fn start(mut command: Command, size: Size) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let keys = File::from(controller);
        size.apply(&keys);
        let end = || Stdio::from(OwnedFd::from(File::options().read(true).write(true).open(&name).unwrap()));
        let child = command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // Its ends of the terminal would keep it open.
        drop(command);
        let [rows, columns] = size.cells();
        let screen = Arc::new(Mutex::new(Parser::new(rows, columns, 0)));
        let drawn = Arc::clone(&screen);
        let mut reader = keys.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                drawn.lock().unwrap().process(&buffer[..read]);
            }
        });
        Self { keys, screen, child, typed_at: 0 }
    }

    /// Types a line and Enter. What is waited for from here on is below it.
    pub fn types(&mut self, line: &str) {
        self.writes(line);
        self.presses(Key::Enter);
    }

    /// Pastes a text, which may have several lines, and presses Enter.
    pub fn pastes(&mut self, text: &str) {
        self.writes(&format!("\x1b[200~{text}\x1b[201~"));
        self.presses(Key::Enter);
    }

    /// Types, and no Enter.
    pub fn writes(&mut self, text: &str) {
        let (row, _) = self.drawn().screen().cursor_position();
        self.typed_at = row;
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// Presses a key.
    pub fn presses(&mut self, key: Key) {
        self.keys.write_all(key.bytes()).unwrap();
    }

    /// Makes the terminal another size, and tells the program as a terminal does.
    pub fn resizes(&mut self, size: Size) {
        size.apply(&self.keys);
        let [rows, columns] = size.cells();
        self.drawn().screen_mut().set_size(rows, columns);
        kill_process(Pid::from_child(&self.child), Signal::WINCH).unwrap();
    }

    /// What stands on the screen now, without the empty rows at its end. A line that is wider than the screen is one
    /// line.
    #[must_use]
    pub fn screen(&self) -> String {
        self.drawn().screen().contents()
    }

    /// The rows of the screen as they are, without the empty ones at its end.
    #[must_use]
    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<_> =
            self.drawn().screen().rows(0, u16::MAX).map(|row| row.trim_end().to_owned()).collect();
        rows.truncate(rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        rows
    }

    /// What stands below the line that was typed last.
    #[must_use]
    pub fn since_typed(&self) -> String {
        let drawn = self.drawn();
        let screen = drawn.screen();
        let (rows, columns) = screen.size();
        screen.contents_between(self.typed_at, 0, rows.get() - 1, columns.get())
    }

    /// Waits until this stands below the line that was typed last.
    #[track_caller]
    pub fn waits_for(&self, text: &str) {
        self.waits_until(text, |said| said.contains(text).then_some(()));
    }

    /// Waits until something is found below the line that was typed last.
    #[track_caller]
    pub fn waits_until<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.since_typed();
            if let Some(found) = find(&said) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what:?} is not on the screen:\n{}", self.screen());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until the screen looks so: where lines scroll away, no place is below another for long.
    #[track_caller]
    pub fn looks(&self, so: impl Fn(&str, &[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(&self.screen(), &self.rows()) {
            assert!(Instant::now() < deadline, "the screen does not look so:\n{}", self.rows().join("\n"));
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits for a list below the line that was typed last, and types the number of what begins so.
    #[track_caller]
    pub fn chooses(&mut self, choice: &str) {
        let number = self.waits_until(choice, |said| {
            let listed = said.lines().filter_map(|line| line.trim_start().split_once(") "));
            listed
                .into_iter()
                .find(|(_, about)| about.starts_with(choice))
                .map(|(number, _)| number.to_owned())
        });
        self.types(&number);
    }

    /// Tells the program to end, as Ctrl-C does where the terminal is the one that controls it.
    pub fn is_told_to_end(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for the end of the program, and gives its exit code.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the program does not end:\n{}", self.screen());
            std::thread::sleep(PAUSE);
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Parser> {
        self.screen.lock().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // First so that it can end what it started.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let deadline = Instant::now() + Duration::from_secs(15);
            while self.child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < deadline {
                std::thread::sleep(PAUSE);
            }
        }
        // It may have ended meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
