//! The talk with one server: who asked what, and whose is what it says. A state machine without I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value, json};
use takopi_api::event::Event;
use takopi_api::jsonl::{Field, Recognition, value_in_head};

use super::message::{Address, Heard, Outcome};
use super::says::{Call, Saying, Says};
use super::session::Session;

/// Kinds of unknown messages that are told apart; codex may put anything there.
const UNKNOWN_KINDS: usize = 64;

/// How much of a line is shown to a person, in characters.
const SHOWN_CHARS: usize = 200;

/// How long the clearing of a run may take while the server talks with others, whose runs would end with it.
const CLEARING: Duration = Duration::from_secs(60);

/// Codes of JSON-RPC (section 5.1 of its specification).
const METHOD_NOT_FOUND: i32 = -32601;

/// A run on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RunKey(u64);

#[derive(Debug)]
enum Phase {
    /// The server has not said yet that it is ready.
    Greeting,
    Ready,
    /// Nothing comes any more, and this is why.
    Ended(String),
}

/// Whose a call is.
enum Caller {
    Greeting,
    Run(RunKey, Call),
}

/// What came of what was said or heard.
#[derive(Default)]
pub(super) struct Changes {
    /// What is to be written to the server.
    pub(super) lines: Vec<String>,
    pub(super) events: Vec<(RunKey, Event)>,
    /// Runs that ask again for their thread a little later.
    pub(super) later: Vec<RunKey>,
    /// Runs of which nothing is left.
    pub(super) closed: Vec<RunKey>,
}

pub(super) struct Connection {
    phase: Phase,
    last_id: u64,
    last_run: u64,
    calls: HashMap<u64, Caller>,
    runs: BTreeMap<RunKey, Session>,
    /// Runs that can not begin yet.
    waiting: BTreeSet<RunKey>,
    /// Whose each thread is, those of sub-agents included.
    threads: HashMap<String, RunKey>,
    unknown: BTreeMap<String, u64>,
    lines: Vec<String>,
    later: Vec<RunKey>,
}

impl Connection {
    /// The talk begins.
    pub(super) fn new() -> Self {
        let mut connection = Self {
            phase: Phase::Greeting,
            last_id: 0,
            last_run: 0,
            calls: HashMap::new(),
            runs: BTreeMap::new(),
            waiting: BTreeSet::new(),
            threads: HashMap::new(),
            unknown: BTreeMap::new(),
            lines: Vec::new(),
            later: Vec::new(),
        };
        let params = json!({
            "clientInfo": { "name": "takopi", "title": "takopi", "version": env!("CARGO_PKG_VERSION") },
            // For the end of commands that go on after their turn, and for modes.
            "capabilities": { "experimentalApi": true },
        });
        connection.call(Caller::Greeting, "initialize", &params);
        connection
    }

    pub(super) const fn is_greeting(&self) -> bool {
        matches!(self.phase, Phase::Greeting)
    }

    pub(super) const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Whether what the server says outside of any thread may be about several runs.
    pub(super) fn is_shared(&self) -> bool {
        self.runs.len() > 1
    }

    pub(super) fn is_idle(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether a server that may only be slow is worth more than the end of this run, which was waited for so long.
    pub(super) fn may_outlast(&self, run: RunKey, is_heard: bool, waited: Duration) -> bool {
        let Some(run) = self.runs.get(&run) else { return true };
        if run.is_harmless() {
            return is_heard || self.runs.values().any(|session| !session.is_over());
        }
        let is_needed = || self.runs.values().any(|session| session.turn().is_some() && !session.is_over());
        run.is_clearing() && is_heard && waited < CLEARING && is_needed()
    }

    pub(super) fn add(&mut self, session: Session) -> RunKey {
        self.last_run += 1;
        let key = RunKey(self.last_run);
        self.runs.insert(key, session);
        if let Phase::Ended(reason) = &self.phase
            && let Some(session) = self.runs.get_mut(&key)
        {
            session.server_ended(reason);
        } else {
            self.waiting.insert(key);
            self.open_waiting();
        }
        key
    }

    /// Tells a run something, if there is still anything of it.
    pub(super) fn tell<T>(
        &mut self,
        key: RunKey,
        tell: impl FnOnce(&mut Session, &mut Says) -> T,
    ) -> Option<T> {
        let mut says = Says::default();
        let told = tell(self.runs.get_mut(&key)?, &mut says);
        self.say(key, says);
        Some(told)
    }

    /// A line of the server.
    pub(super) fn hear(&mut self, line: &str) {
        match Heard::read(line) {
            Ok(Heard::Reply { id, outcome }) => self.reply(id, outcome),
            Ok(Heard::Notice { method, params }) => self.notice(&method, params),
            Ok(Heard::Request { id, method, params }) => self.request(id, &method, params),
            Err(reason) => {
                tracing::warn!(reason, "codex printed a line that takopi can not read");
                let what = "codex printed a line that takopi can not read";
                // What stands in it may be of another chat.
                match self.is_shared() {
                    true => self.unreadable(what),
                    false => self.unreadable(&format!("{what}: {}", shown(line))),
                }
            }
        }
    }

    /// What is wrong with a line may be the matter of any run.
    pub(super) fn unreadable(&mut self, what: &str) {
        self.runs.values_mut().for_each(|session| session.unreadable(what));
    }

    /// A line is too long to be read, and begins so. A question in it is answered by no, or codex would wait for ever.
    pub(super) fn too_long(&mut self, head: &str) {
        let value = |key| serde_json::from_str::<Value>(value_in_head(head, key)?).ok();
        if let (Some(id), Some(_method)) = (value("id"), value("method")) {
            self.refuse(&id, "this is too long to be shown to the person who has to allow it");
        }
    }

    /// The server says nothing more.
    pub(super) fn end(&mut self, reason: &str) {
        if self.is_ended() {
            return;
        }
        self.phase = Phase::Ended(reason.to_owned());
        self.calls.clear();
        self.waiting.clear();
        self.runs.values_mut().for_each(|session| session.server_ended(reason));
        for (kind, count) in std::mem::take(&mut self.unknown) {
            tracing::info!(engine = "codex", kind, count, "unknown messages");
        }
    }

    /// What is to be done outside now.
    pub(super) fn take(&mut self) -> Changes {
        let mut changes = Changes::default();
        loop {
            for (key, session) in &mut self.runs {
                changes.events.extend(std::iter::from_fn(|| session.out.pop()).map(|event| (*key, event)));
            }
            let closed: Vec<RunKey> =
                self.runs.iter().filter(|(_, session)| session.is_closed()).map(|(key, _)| *key).collect();
            if closed.is_empty() {
                break;
            }
            for key in &closed {
                self.runs.remove(key);
                self.waiting.remove(key);
            }
            self.threads.retain(|_, key| !closed.contains(key));
            changes.closed.extend(closed);
            // The next run of a thread may have waited for this.
            self.open_waiting();
        }
        changes.lines = std::mem::take(&mut self.lines);
        changes.later = std::mem::take(&mut self.later);
        changes
    }

    /// Begins the runs that can. Two of one thread at a time would become one turn.
    fn open_waiting(&mut self) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        for key in std::mem::take(&mut self.waiting) {
            let thread = self.runs.get(&key).and_then(Session::resumes).map(str::to_owned);
            match thread {
                Some(thread) if self.threads.contains_key(&thread) => {
                    self.waiting.insert(key);
                    continue;
                }
                Some(thread) => {
                    self.threads.insert(thread, key);
                }
                None => {}
            }
            self.tell(key, Session::open);
        }
    }

    fn reply(&mut self, id: u64, outcome: Outcome<'_>) {
        match self.calls.remove(&id) {
            Some(Caller::Greeting) => match outcome {
                Ok(_) => {
                    self.write(&json!({ "method": "initialized" }));
                    self.phase = Phase::Ready;
                    self.open_waiting();
                }
                Err(error) => self.end(&format!("codex app-server did not begin: {error}")),
            },
            Some(Caller::Run(key, call)) => {
                self.tell(key, |session, says| session.reply(call, outcome, says));
            }
            None => self.count("a reply to nothing"),
        }
    }

    fn notice(&mut self, method: &str, params: Field<'_>) {
        let address = Address::of(params);
        let Some(key) = self.whose(&address) else {
            if !is_about_no_run(method) && address.thread().is_empty() {
                self.count(method);
            }
            return;
        };
        let recognition = self.tell(key, |session, says| session.notice(method, &address, params, says));
        match recognition {
            Some(Recognition::Unknown { kind }) => self.count(&kind),
            Some(Recognition::Malformed { reason }) => {
                let what = format!("codex said {method}: {reason}");
                self.tell(key, |session, _| session.unreadable(&what));
            }
            _ => {}
        }
    }

    fn request(&mut self, id: Value, method: &str, params: Field<'_>) {
        match self.whose(&Address::of(params)) {
            Some(key) => {
                self.tell(key, |session, says| session.request(id, method, params, says));
            }
            // Nobody can be asked, so nobody said yes.
            None => {
                tracing::warn!(method, "codex asked something that belongs to no run; it was told no");
                self.refuse(&id, "there is nobody to ask");
            }
        }
    }

    /// The run that a message belongs to. Sub-agents have threads of their own, whose turns name the turn that all began
    /// with, or the thread of the agent that started them.
    fn whose(&mut self, address: &Address<'_>) -> Option<RunKey> {
        let thread = address.thread();
        if thread.is_empty() {
            return None;
        }
        if let Some(key) = self.threads.get(&*thread) {
            return Some(*key);
        }
        let parent = address.thread.fields().parent.text();
        let root = address.turn.fields().root.text();
        let key = self.threads.get(&*parent).copied().or_else(|| {
            let is_root = |session: &Session| !root.is_empty() && session.turn() == Some(&*root);
            self.runs.iter().find(|(_, session)| is_root(session)).map(|(key, _)| *key)
        })?;
        self.threads.insert(thread.into_owned(), key);
        Some(key)
    }

    fn say(&mut self, key: RunKey, says: Says) {
        for saying in says.0 {
            match saying {
                Saying::Call { call, method, params } => self.call(Caller::Run(key, call), method, &params),
                Saying::Answer { id, result } => self.write(&json!({ "id": id, "result": result })),
                Saying::Refuse { id, reason } => self.refuse(&id, &reason),
                Saying::Later => self.later.push(key),
                Saying::Follow { thread } => {
                    self.threads.insert(thread, key);
                }
            }
        }
    }

    fn call(&mut self, caller: Caller, method: &str, params: &Value) {
        self.last_id += 1;
        self.calls.insert(self.last_id, caller);
        self.write(&json!({ "id": self.last_id, "method": method, "params": params }));
    }

    fn refuse(&mut self, id: &Value, reason: &str) {
        self.write(&json!({ "id": id, "error": { "code": METHOD_NOT_FOUND, "message": reason } }));
    }

    fn write(&mut self, message: &Value) {
        self.lines.push(message.to_string());
    }

    fn count(&mut self, kind: &str) {
        let kind = shown(kind);
        let is_told_apart = self.unknown.contains_key(&kind) || self.unknown.len() < UNKNOWN_KINDS;
        let count =
            self.unknown.entry(if is_told_apart { kind.clone() } else { "others".to_owned() }).or_default();
        *count += 1;
        if *count == 1 {
            tracing::info!(engine = "codex", kind, "codex said something that takopi does not know");
        }
    }
}

/// What codex tells about itself, its account and its other clients.
fn is_about_no_run(method: &str) -> bool {
    const FAMILIES: &[&str] = &[
        "account/",
        "app/",
        "command/",
        "externalAgentConfig/",
        "fs/",
        "fuzzyFileSearch/",
        "mcpServer/",
        "model/",
        "modelProvider/",
        "process/",
        "project/",
        "remoteControl/",
        "skills/",
        "windows",
    ];
    matches!(method, "configWarning" | "deprecationNotice" | "warning")
        || FAMILIES.iter().any(|family| method.starts_with(family))
}

fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.len() > shown.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
