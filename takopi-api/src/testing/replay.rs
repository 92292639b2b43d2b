//! A program that talks as one did when it was recorded: each line of it comes when all that was said to it before has been
//! said again, and what is said is compared.
//!
//! A recording has one JSON value a line: `{"dir": ">", "msg": …}` was said to the program, `<` is what the program said, `2`
//! what it said on standard error, and `!` a note: `{"closed": "stdin" | "term", "exit": code}` is how it ended, and the others
//! are for people.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::watch;

use crate::process::{
    Ask, CommandSpec, Ending, Exit, ExitStatus, Process, ProcessHandle, ProcessHost, SpawnError, Stdin,
};

/// How much may wait to be read on either side, in bytes: more than any recording has.
const BUFFER: usize = 64 * 1024 * 1024;

type Also = Box<dyn Fn(&Value) -> Option<Vec<Value>> + Send + Sync>;

/// A recording, and how exactly what is said to it is compared. See [`Self::start`].
pub struct Replay {
    text: String,
    ids: Vec<&'static str>,
    ignored: Vec<&'static str>,
    also: Also,
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

impl Replay {
    /// The recording of this text. What is said to it has to be the same to the letter, unless something else is said here.
    #[must_use]
    pub fn new(recording: impl Into<String>) -> Self {
        Self { text: recording.into(), ids: Vec::new(), ignored: Vec::new(), also: Box::new(|_| None) }
    }

    /// Reads a recording.
    ///
    /// # Panics
    /// If it can not be read.
    #[must_use]
    pub fn open(path: impl AsRef<std::path::Path>) -> Self {
        let path = path.as_ref();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::new(text),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// Puts a text in the place of one that stands for it, such as a path for `$WORK`.
    #[must_use]
    pub fn place(mut self, placeholder: &str, text: &str) -> Self {
        let text = Value::from(text).to_string();
        self.text = self.text.replace(placeholder, &text[1..text.len() - 1]);
        self
    }

    /// Where messages have an id that whoever says them makes up, as JSON pointers (RFC 6901): it may be another one than in
    /// the recording, and what the program says about it then names that one. A number that stands in a message beside
    /// `method` is the program's own in what it says.
    #[must_use]
    pub fn ids(mut self, pointers: impl IntoIterator<Item = &'static str>) -> Self {
        self.ids.extend(pointers);
        self
    }

    /// What may be different, or missing on one side, as JSON pointers; `*` stands for any one part of a pointer.
    #[must_use]
    pub fn ignoring(mut self, pointers: impl IntoIterator<Item = &'static str>) -> Self {
        self.ignored.extend(pointers);
        self
    }

    /// Answers messages that the recording does not have: the function gives what the program says to one, or nothing if it
    /// is one of the recording.
    #[must_use]
    pub fn also(mut self, answer: impl Fn(&Value) -> Option<Vec<Value>> + Send + Sync + 'static) -> Self {
        self.also = Box::new(answer);
        self
    }

    /// A host that starts this program.
    ///
    /// # Panics
    /// If the recording is none.
    #[must_use]
    pub fn start(self) -> Replayed {
        let steps = self.text.lines().filter(|line| !line.trim().is_empty()).map(Step::read).collect();
        Replayed(Arc::new(Player {
            steps,
            ids: self.ids,
            ignored: self.ignored,
            also: self.also,
            commands: Mutex::default(),
            course: Mutex::default(),
            running: watch::Sender::new(0),
        }))
    }
}

/// A line of a recording.
#[derive(Debug, Clone)]
enum Step {
    Heard(Value),
    Said(Value),
    StandardError(String),
    /// It ended: whether it was told to by a signal, and its code.
    Ended {
        by_signal: bool,
        status: Option<ExitStatus>,
    },
    Note,
}

impl Step {
    fn read(line: &str) -> Self {
        let line: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("no line of a recording: {error}: {line}"));
        let message = line["msg"].clone();
        match line["dir"].as_str() {
            Some(">") => Self::Heard(message),
            Some("<") => Self::Said(message),
            Some("2") => {
                Self::StandardError(message.as_str().map_or_else(|| message.to_string(), str::to_owned))
            }
            Some("!") => match message["closed"].as_str() {
                Some(how) => {
                    let code = message["exit"].as_i64().and_then(|code| i32::try_from(code).ok());
                    let status = code.map(|code| match code {
                        ..0 => ExitStatus::Signal(-code),
                        code => ExitStatus::Code(code),
                    });
                    Self::Ended { by_signal: how == "term", status }
                }
                None => Self::Note,
            },
            other => panic!("no direction of a recording: {other:?}"),
        }
    }
}

/// The host of a program that was recorded. Clones are one host.
#[derive(Clone)]
pub struct Replayed(Arc<Player>);

struct Player {
    steps: Vec<Step>,
    ids: Vec<&'static str>,
    ignored: Vec<&'static str>,
    also: Also,
    commands: Mutex<Vec<CommandSpec>>,
    course: Mutex<Course>,
    running: watch::Sender<usize>,
}

/// How far it has come.
#[derive(Default)]
struct Course {
    /// Ids of the recording, and what they are now.
    ids: HashMap<String, Value>,
    position: usize,
    fault: Option<String>,
}

impl fmt::Debug for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayed").field("position", &self.0.course().position).finish_non_exhaustive()
    }
}

impl Replayed {
    /// The commands that were started so far.
    #[must_use]
    pub fn commands(&self) -> Vec<CommandSpec> {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the program has ended, and looks whether all was said that was said when it was recorded.
    ///
    /// # Panics
    /// If something else was said, something was not said, or the program is not let go.
    pub async fn finish(&self) {
        let mut running = self.0.running.subscribe();
        super::within(async {
            // The sender lives as long as `self`.
            let _ = running.wait_for(|count| *count == 0).await;
        })
        .await;
        let course = self.0.course();
        if let Some(fault) = &course.fault {
            panic!("{fault}");
        }
        let missing = self.0.steps[course.position..].iter().find_map(|step| match step {
            Step::Heard(message) => Some(message),
            _ => None,
        });
        if let Some(message) = missing {
            panic!("nobody said: {message}");
        }
    }
}

impl Player {
    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn play(&self, mut side: Side) -> ExitStatus {
        loop {
            let step = {
                let course = self.course();
                self.steps.get(course.position).cloned()
            };
            match step {
                Some(Step::Said(message)) => side.say(&self.with_ids(message)).await,
                Some(Step::StandardError(text)) => side.handle.complain(&text),
                Some(Step::Heard(expected)) => match self.listen(&mut side, &expected).await {
                    Ok(()) => {}
                    Err(Gone::Ended(ask)) => return killed(ask),
                    Err(Gone::Wrong(fault)) => return self.fail(&side, fault),
                },
                Some(Step::Note) => {}
                Some(Step::Ended { by_signal, status }) => {
                    return self.end(&mut side, by_signal, status).await;
                }
                None => return self.end(&mut side, false, Some(ExitStatus::Code(0))).await,
            }
            self.course().position += 1;
        }
    }

    fn fail(&self, side: &Side, fault: String) -> ExitStatus {
        side.handle.complain(&fault);
        self.course().fault.get_or_insert(fault);
        ExitStatus::Code(1)
    }

    /// Waits until the program is told to end. A message that comes before that is one too many.
    async fn end(&self, side: &mut Side, by_signal: bool, status: Option<ExitStatus>) -> ExitStatus {
        let ending = loop {
            match side.hear().await {
                Heard::Line(line) => {
                    match serde_json::from_str(&line).ok().and_then(|sent| (self.also)(&sent)) {
                        Some(answers) => {
                            for answer in answers {
                                side.say(&answer).await;
                            }
                        }
                        None => {
                            return self.fail(
                                side,
                                format!("said at the end, and not when it was recorded: {line}"),
                            );
                        }
                    }
                }
                Heard::End if by_signal => side.is_deaf = true,
                Heard::End => break None,
                Heard::Asked(ask) => break Some(ask),
            }
        };
        self.course().position = self.steps.len();
        match (ending, status) {
            (None, Some(status)) | (Some(Ask::Terminate), Some(status)) if by_signal == ending.is_some() => {
                status
            }
            (None, None) => {
                // It did not end by that when it was recorded.
                loop {
                    side.is_deaf = true;
                    if let Heard::Asked(ask) = side.hear().await {
                        return killed(ask);
                    }
                }
            }
            (Some(ask), _) => killed(ask),
            (None, Some(status)) => status,
        }
    }

    /// Waits for what was said when it was recorded.
    async fn listen(&self, side: &mut Side, expected: &Value) -> Result<(), Gone> {
        loop {
            let line = match side.hear().await {
                Heard::Line(line) => line,
                Heard::End => {
                    return Err(Gone::Wrong(format!(
                        "it was to hear something, and its input was closed: {expected}"
                    )));
                }
                Heard::Asked(ask) => return Err(Gone::Ended(ask)),
            };
            let sent: Value = serde_json::from_str(&line)
                .map_err(|error| Gone::Wrong(format!("no JSON was said to it: {error}: {line}")))?;
            if let Some(answers) = (self.also)(&sent) {
                for answer in answers {
                    side.say(&answer).await;
                }
                continue;
            }
            let mut path = String::new();
            let is_answer = expected.get("method").is_none();
            return self
                .compare(expected, &sent, &mut path, is_answer)
                .map_err(|what| Gone::Wrong(format!("{what}\nrecorded: {expected}\nsaid now: {sent}")));
        }
    }

    fn compare(
        &self,
        expected: &Value,
        sent: &Value,
        path: &mut String,
        is_answer: bool,
    ) -> Result<(), String> {
        let is_own_id = self.ids.contains(&path.as_str()) && !(is_answer && expected.is_number());
        if is_own_id && !expected.is_object() && !expected.is_array() {
            let key = expected.to_string();
            let known = self.course().ids.entry(key).or_insert_with(|| sent.clone()).clone();
            return if known == *sent {
                Ok(())
            } else {
                Err(format!("another id at {path}: {sent} after {known}"))
            };
        }
        if self.is_ignored(path) {
            return Ok(());
        }
        let length = path.len();
        match (expected, sent) {
            (Value::Object(expected), Value::Object(sent)) => {
                let keys: std::collections::BTreeSet<&String> = expected.keys().chain(sent.keys()).collect();
                for key in keys {
                    path.push('/');
                    path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    match (expected.get(key), sent.get(key)) {
                        (Some(expected), Some(sent)) => self.compare(expected, sent, path, is_answer)?,
                        _ if self.is_ignored(path) => {}
                        (None, _) => return Err(format!("{path} is new")),
                        (_, None) => return Err(format!("{path} is missing")),
                    }
                    path.truncate(length);
                }
                Ok(())
            }
            (Value::Array(expected), Value::Array(sent)) if expected.len() == sent.len() => {
                for (at, (expected, sent)) in expected.iter().zip(sent).enumerate() {
                    path.push_str(&format!("/{at}"));
                    self.compare(expected, sent, path, is_answer)?;
                    path.truncate(length);
                }
                Ok(())
            }
            _ if expected == sent => Ok(()),
            _ => Err(format!("another value at `{path}`")),
        }
    }

    fn is_ignored(&self, path: &str) -> bool {
        self.ignored.iter().any(|pointer| {
            let (mut wanted, mut found) = (pointer.split('/'), path.split('/'));
            loop {
                match (wanted.next(), found.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(found)) if wanted == "*" || wanted == found => {}
                    _ => return false,
                }
            }
        })
    }

    /// A message of the program, with the ids that were said now.
    fn with_ids(&self, mut message: Value) -> Value {
        let ids = self.course().ids.clone();
        rename(&mut message, &ids);
        if message.get("method").is_none() {
            for pointer in &self.ids {
                if let Some(id) = message.pointer_mut(pointer).filter(|id| id.is_number())
                    && let Some(now) = ids.get(&id.to_string())
                {
                    *id = now.clone();
                }
            }
        }
        message
    }
}

/// Texts that are ids become what they are now.
fn rename(value: &mut Value, ids: &HashMap<String, Value>) {
    match value {
        Value::String(_) => {
            if let Some(now) = ids.get(&value.to_string()) {
                *value = now.clone();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, ids)),
        Value::Object(values) => values.values_mut().for_each(|value| rename(value, ids)),
        _ => {}
    }
}

/// Why it hears nothing more.
enum Gone {
    Ended(Ask),
    Wrong(String),
}

enum Heard {
    Line(String),
    End,
    Asked(Ask),
}

const fn killed(ask: Ask) -> ExitStatus {
    match ask {
        Ask::Interrupt => ExitStatus::Signal(2),
        _ => ExitStatus::Signal(15),
    }
}

/// The program's side of its pipes.
struct Side {
    input: BufReader<DuplexStream>,
    line: Vec<u8>,
    output: DuplexStream,
    asked: watch::Receiver<Option<Ask>>,
    handle: Arc<ReplayedHandle>,
    /// Its input is closed, which it does not mind.
    is_deaf: bool,
}

impl Side {
    async fn say(&mut self, message: &Value) {
        // The reader may be gone already, as with a closed pipe.
        let _ = self.output.write_all(format!("{message}\n").as_bytes()).await;
    }

    async fn hear(&mut self) -> Heard {
        let Self { input, line, asked, is_deaf, .. } = self;
        let asked = asked.wait_for(|ask| matches!(ask, Some(ask) if *ask != Ask::Nothing));
        tokio::select! {
            // A line is kept in part if it is not whole yet.
            read = input.read_until(b'\n', line), if !*is_deaf => match read {
                Ok(bytes) if bytes > 0 => {
                    let text = String::from_utf8_lossy(line).trim_end().to_owned();
                    line.clear();
                    Heard::Line(text)
                }
                _ => Heard::End,
            },
            ask = asked => Heard::Asked(ask.ok().and_then(|ask| *ask).unwrap_or(Ask::Terminate)),
        }
    }
}

#[async_trait]
impl ProcessHost for Replayed {
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        let wants_input = command.stdin == Stdin::Open;
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        let (stdin, input) = tokio::io::duplex(BUFFER);
        let (output, stdout) = tokio::io::duplex(BUFFER);
        let (ended, asked) = watch::channel(None);
        let handle =
            Arc::new(ReplayedHandle { stderr: Mutex::default(), ended, exit: watch::Sender::new(None) });
        let side = Side {
            input: BufReader::new(input),
            line: Vec::new(),
            output,
            asked,
            handle: Arc::clone(&handle),
            is_deaf: false,
        };
        let (player, program) = (Arc::clone(&self.0), Arc::clone(&handle));
        player.running.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            let status = player.play(side).await;
            program.exit.send_replace(Some(status));
            player.running.send_modify(|count| *count -= 1);
        });
        let stdin: Option<Box<dyn tokio::io::AsyncWrite + Send + Unpin>> =
            wants_input.then(|| Box::new(stdin) as _);
        Ok(Process { stdout: Box::new(stdout), stdin, handle })
    }
}

struct ReplayedHandle {
    stderr: Mutex<String>,
    ended: watch::Sender<Option<Ask>>,
    exit: watch::Sender<Option<ExitStatus>>,
}

impl ReplayedHandle {
    fn complain(&self, text: &str) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        stderr.push_str(text);
        stderr.push('\n');
    }
}

#[async_trait]
impl ProcessHandle for ReplayedHandle {
    fn pid(&self) -> Option<u32> {
        None
    }

    async fn exited(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        Exit { status: status.unwrap_or(ExitStatus::Unknown), stderr_tail: self.stderr_tail() }
    }

    fn stderr_tail(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, ending: Ending) {
        // Without grace even a program that is not asked is killed.
        let ask = if ending.grace.is_zero() { Ask::Terminate } else { ending.ask };
        self.ended.send_replace(Some(ask));
    }
}
