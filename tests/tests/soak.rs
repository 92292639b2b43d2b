//! Ten thousand messages while all goes wrong that goes wrong with networks and servers: five calls of a hundred fail, in
//! whatever way, and updates come twice and in no order. Nothing is lost, no prompt is asked twice, and no card is left.
//!
//! Nothing is said twice either, with one exception, which is counted exactly: where the server took a message and the
//! connection broke before its answer, nobody can know that it is there. An answer is then sent again, so it is there once
//! more for each such break. A card is not; so the lost one stays, which takopi can not know of, and the run goes on
//! without one.
//!
//! The program is the real one, but that Telegram's time goes twenty times as fast for it (`takopi-hurried`), and the server
//! holds it to no quotas: at Telegram's pace this would take a quarter of an hour. Other tests hold it to that pace. Three
//! of ten messages are runs of an engine, and the others commands, which need no process. `TAKOPI_SOAK_MESSAGES` says how
//! many messages there are.
//!
//! It is no part of the other end-to-end tests: those have the machine to themselves, and so has this.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use takopi_tests::bot_api::{
    Answered, BotApi, ChatId, ChatKind, Limits, Message, MessageId, Said, TopicId, UserId, World,
};
use takopi_tests::{Sandbox, Script};

/// How many messages there are, if nothing else is said.
const MESSAGES: usize = 10_000;

/// How many of them wait for their answers at a time in a chat.
const AT_A_TIME: usize = 4;

/// How often is looked what is answered.
const LOOK: Duration = Duration::from_millis(50);

/// Of a hundred calls, and of a hundred updates.
const FAULTS: u8 = 5;

/// People with chats of their own, groups of three people, and topics of a forum.
const PEOPLE: usize = 60;
const GROUPS: usize = 6;
const TOPICS: usize = 12;

/// For how long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// By how much memory may grow in the second half, in kB: about what 1.6 kB a message would be. What is in use stays the same
/// from the first hundreds of messages on; the rest is what the allocator keeps of it, which goes up and down by some MB.
const SLACK: usize = 8192;

/// Where somebody writes.
#[derive(Debug, Clone, Copy)]
struct Place {
    chat: ChatId,
    topic: Option<TopicId>,
    person: UserId,
}

/// What somebody wrote.
#[derive(Debug)]
enum Wrote {
    Prompt(String),
    Command,
}

impl Wrote {
    fn prompt(&self) -> Option<String> {
        match self {
            Self::Prompt(prompt) => Some(prompt.clone()),
            Self::Command => None,
        }
    }
}

/// What a message of takopi is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It says that something goes on or waits.
    Open,
    Final,
}

impl Kind {
    fn of(text: &str) -> Self {
        let is_open = ["starting", "working", "queued"].iter().any(|label| text.starts_with(label));
        if is_open { Self::Open } else { Self::Final }
    }
}

/// What it has in memory that is no part of a file, in kB.
struct Memory {
    /// After half of the messages.
    early: usize,
    /// After all.
    late: usize,
}

/// A message of somebody.
type Key = (ChatId, MessageId);

struct Soak {
    sandbox: Sandbox,
    api: BotApi,
    places: Vec<Place>,
    program: Child,
    written: BTreeMap<Key, Wrote>,
}

impl Soak {
    fn begin() -> Self {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_takopi-hurried"), env!("CARGO_BIN_EXE_fake-engine"));
        sandbox.engine("codex", &Script::echo());
        let api = BotApi::start();
        api.limits(Limits::Off);
        api.privacy(false);
        let people: Vec<_> = (0..PEOPLE).map(|number| api.person(&format!("P{number}"))).collect();
        let mut places: Vec<_> = people
            .iter()
            .map(|person| Place { chat: api.private(*person), topic: None, person: *person })
            .collect();
        let mut projects = String::new();
        for (number, members) in people.chunks(3).take(GROUPS).enumerate() {
            let chat = api.chat(ChatKind::Supergroup, &format!("G{number}"), members);
            places.extend(members.iter().map(|person| Place { chat, topic: None, person: *person }));
            let path = sandbox.work();
            projects += &format!("\n[projects.g{number}]\npath = \"{}\"\nchat_id = {chat}\n", path.display());
        }
        let forum = api.forum("Work", &people);
        for (number, person) in people.iter().enumerate().take(TOPICS) {
            let topic = api.topic(forum, *person, &format!("T{number}"));
            places.push(Place { chat: forum, topic: Some(topic), person: *person });
        }
        places.push(Place { chat: forum, topic: None, person: people[0] });
        let listed = people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        sandbox.config(&format!(
            "transport = \"telegram_hurried\"\ndefault_engine = \"codex\"\n\n[transports.telegram_hurried]\n\
             bot_token = \"{}\"\napi_base_url = \"{}\"\nchat_id = {forum}\nallowed_user_ids = [{listed}]\n\
             startup_message = false\nforward_coalesce_s = 0\n{projects}",
            api.token(),
            api.url(),
        ));
        let log = || Stdio::from(File::options().append(true).create(true).open(log_of(&sandbox)).unwrap());
        let mut command = sandbox.command(&[]);
        let program = command.stdout(log()).stderr(log()).spawn().unwrap();
        // What it asks before its first poll is not what this is about.
        api.wait_for_calls("getUpdates", 1);
        api.fault_rate(FAULTS, 5);
        api.duplicate_updates(FAULTS);
        api.shuffle_updates(Some(5));
        Self { sandbox, api, places, program, written: BTreeMap::new() }
    }

    /// Has so many messages written and answered, and gives the memory that this took.
    fn play(&mut self, count: usize) -> Memory {
        let mut answered = BTreeSet::new();
        let mut last_seen = Instant::now();
        let mut early = None;
        while answered.len() < count {
            let now = self.answered();
            if now.len() > answered.len() {
                last_seen = Instant::now();
            }
            answered = now;
            if early.is_none() && answered.len() >= count / 2 {
                early = Some(self.memory());
            }
            self.write_some(count, &answered);
            let waits = || self.written.keys().filter(|key| !answered.contains(key)).collect::<Vec<_>>();
            assert!(
                last_seen.elapsed() < PATIENCE,
                "there are no answers to {:?}\n{}",
                waits(),
                self.log_end()
            );
            std::thread::sleep(LOOK);
        }
        self.settle();
        Memory { early: early.unwrap_or_default(), late: self.memory() }
    }

    /// Waits until no message says that something goes on, but for those of which takopi can not know.
    fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        let unknown = self.lost(Kind::Open).values().sum();
        let open = || {
            self.api.look(|world| {
                self.answers(world).filter(|(message, _)| Kind::of(message.text()) == Kind::Open).count()
            })
        };
        while open() > unknown {
            assert!(Instant::now() < deadline, "{} messages stay open\n{}", open() - unknown, self.log_end());
            std::thread::sleep(LOOK);
        }
    }

    /// People write what may be written now: so many messages wait at a time, and so many in a chat.
    fn write_some(&mut self, count: usize, answered: &BTreeSet<Key>) {
        let mut waiting: HashMap<ChatId, usize> = HashMap::new();
        for (chat, _) in self.written.keys().filter(|key| !answered.contains(key)) {
            *waiting.entry(*chat).or_default() += 1;
        }
        for index in 0..self.places.len() {
            let place = self.places[index];
            let here = waiting.entry(place.chat).or_default();
            if *here < AT_A_TIME && self.written.len() < count {
                *here += 1;
                self.write(place);
            }
        }
    }

    /// Somebody writes; some answer what takopi said last.
    fn write(&mut self, place: Place) {
        let number = self.written.len();
        let (text, wrote) = match number % 10 {
            0 | 3 | 6 => {
                let prompt = format!("prompt {number}");
                (prompt.clone(), Wrote::Prompt(prompt))
            }
            1 | 4 => ("/status".to_owned(), Wrote::Command),
            2 | 5 => ("/help".to_owned(), Wrote::Command),
            _ => ("/queue".to_owned(), Wrote::Command),
        };
        let mut said = Said::new(place.chat, place.person, &text);
        if let Some(topic) = place.topic {
            said = said.topic(topic);
        }
        if number % 20 == 3
            && let Some(answer) = self.last_answer(place)
        {
            said = said.reply_to(answer);
        }
        let id = self.api.send(said);
        self.written.insert((place.chat, id), wrote);
    }

    fn last_answer(&self, place: Place) -> Option<MessageId> {
        let bot = self.api.me();
        self.api.look(|world| {
            let messages = world.chats[&place.chat].messages.values().rev();
            let mut answers = messages.filter(|message| message.from == bot && message.thread == place.topic);
            answers.find(|message| message.text().starts_with("done")).map(|message| message.id)
        })
    }

    /// The messages that have an answer.
    fn answered(&self) -> BTreeSet<Key> {
        self.api.look(|world| {
            let answers = self.answers(world).filter(|(message, _)| Kind::of(message.text()) == Kind::Final);
            answers.map(|(_, to)| to).filter(|to| self.written.contains_key(to)).collect()
        })
    }

    /// What takopi said, and to what.
    fn answers<'a>(&self, world: &'a World) -> impl Iterator<Item = (&'a Message, Key)> + use<'a> {
        let bot = world.me.id;
        let messages = world.chats.values().flat_map(|chat| chat.messages.values());
        let own = messages.filter(move |message| message.from == bot);
        own.filter_map(|message| Some((message, (message.chat, message.reply_to?))))
    }

    /// How often a message was sent and takopi did not come to know of it, by what the message answers.
    fn lost(&self, kind: Kind) -> HashMap<Key, usize> {
        let mut lost = HashMap::new();
        for call in self.api.calls("sendMessage") {
            let to = call.body["reply_parameters"]["message_id"].as_i64();
            if let (Some(Answered::Lost), Some(to), Some(chat), Some(text)) =
                (call.answer, to, call.body["chat_id"].as_i64(), call.body["text"].as_str())
                && Kind::of(text) == kind
            {
                *lost.entry((ChatId(chat), MessageId(to))).or_default() += 1;
            }
        }
        lost
    }

    /// That each message has one answer, and one more for each that was lost on the way back; and nothing else.
    fn check_answers(&self) {
        for kind in [Kind::Open, Kind::Final] {
            let mut unknown = self.lost(kind);
            let mut seen: HashMap<Key, Vec<String>> = HashMap::new();
            self.api.look(|world| {
                for (message, to) in
                    self.answers(world).filter(|(message, _)| Kind::of(message.text()) == kind)
                {
                    seen.entry(to).or_default().push(message.text().to_owned());
                }
            });
            for (key, wrote) in &self.written {
                let expected = unknown.remove(key).unwrap_or_default() + usize::from(kind == Kind::Final);
                let seen = seen.remove(key).unwrap_or_default();
                assert_eq!(seen.len(), expected, "{kind:?} {wrote:?} {seen:#?}\n{}", self.log_end());
                if let (Kind::Final, Wrote::Prompt(prompt)) = (kind, wrote) {
                    let is_answer = |text: &String| text.starts_with("done") && text.contains(prompt);
                    assert!(seen.iter().all(is_answer), "{prompt}: {seen:#?}");
                }
            }
            assert!(seen.is_empty() && unknown.is_empty(), "nobody wrote what these answer: {seen:#?}");
        }
    }

    /// That each prompt was asked once.
    fn check_engines(&self) {
        let mut asked: Vec<_> =
            self.sandbox.starts_of("codex").into_iter().map(|start| start.prompt).collect();
        let mut prompts: Vec<_> = self.written.values().filter_map(Wrote::prompt).collect();
        asked.sort();
        prompts.sort();
        assert_eq!(asked, prompts);
    }

    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(log_of(&self.sandbox)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Soak {
    fn drop(&mut self) {
        // It may have ended meanwhile.
        let _ = self.program.kill();
        let _ = self.program.wait();
        self.sandbox.end_marked();
    }
}

fn log_of(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.home().join("log")
}

#[test]
fn ten_thousand_messages_with_faults_are_each_answered_once() {
    let count = std::env::var("TAKOPI_SOAK_MESSAGES").ok();
    let count = count.map_or(MESSAGES, |count| count.parse().expect("TAKOPI_SOAK_MESSAGES is a number"));
    let mut soak = Soak::begin();
    let Memory { early, late } = soak.play(count);
    soak.check_answers();
    soak.check_engines();
    // On a machine with much to do a call may be on its way for longer than the server thinks.
    let (violations, calls) = (soak.api.violations(), soak.api.history().len());
    assert!(violations.len() * 200 < calls, "it waits when it is told to: {violations:?}");
    assert!(late <= early + SLACK, "{early} kB after half of the messages, {late} kB at the end");
}
