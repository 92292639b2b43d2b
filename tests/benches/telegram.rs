//! The program itself on its way between Telegram and an engine: how long people wait for it, and how much memory it
//! needs. Run with `cargo bench -p takopi-tests --bench telegram`; add `--profile dist` for the program as it is shipped.
//!
//! The server is on this machine and keeps no limits; takopi keeps to Telegram's pace all the same. A time begins when
//! the server has something for takopi and ends when the call of takopi is there, so it holds both ways on a connection
//! within this machine. The engine is a program that notes when it has its prompt, and when it is about to exit. Times
//! and memory of engines count in neither.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking that something is missing")]
#![expect(clippy::print_stdout, reason = "printing figures is what a benchmark is for")]

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use takopi_tests::bot_api::{BotApi, Call, ChatId, Limits, Message, MessageId, UserId};
use takopi_tests::{EngineStart, Sandbox, Scene, Script};

/// Messages, and presses.
const COUNT: usize = 100;

/// Between two of them, so that takopi need not hold anything back for Telegram's sake.
const PACE: Duration = Duration::from_millis(250);

/// Prompts in one chat at one go.
const BURST: usize = 20;

/// Runs that go on at a time.
const RUNS: usize = 50;

/// How long something may take before there are no figures.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let mut load = Load::new();
    load.configure(&format!("[limits]\nengines = {}\n", RUNS + COUNT));
    load.start();
    // Whatever a start needs is done, and given back.
    sleep(Duration::from_secs(2));
    println!("memory, idle after the start               {}", load.memory());

    load.engine(&at_once());
    load.ask(COUNT, "the first run fills the caches");
    let at_once = load.asked("now", 0);
    println!("\n{COUNT} messages, an engine that answers at once");
    println!("  message → first progress message         {}", at_once.to_card);
    println!("  message → engine started                 {}", at_once.to_engine);
    println!("  engine exit → final message              {}", at_once.to_final);

    load.engine(&one_step());
    let edited = load.asked("step", 100);
    println!("\n{COUNT} messages, an edit 100 ms before the engine ends ({} were made)", edited.edits);
    println!("  message → first progress message         {}", edited.to_card);
    println!("  message → engine started                 {}", edited.to_engine);
    println!("  engine exit → final message              {}", edited.to_final);

    let (started, cards) = load.burst();
    println!("\n{BURST} prompts in one chat at one go, for a second each");
    println!("  until all engines had started            {}", Millis(started));
    println!("  progress messages by then                {cards}");
    println!("memory, idle after all this                {}", load.memory());
    load.stop();

    load.configure("");
    load.start();
    let (started, cards) = load.burst();
    let engines = takopi::process::Limits::default().engines;
    println!("\nthe same where the configuration has no limit of engines, so that {engines} run at a time");
    println!("  until all engines had started            {}", Millis(started));
    println!("  progress messages by then                {cards}");
    load.stop();

    load.configure(&format!("[limits]\nengines = {}\n", RUNS + COUNT));
    load.engine(&many_steps());
    load.start();
    let runs = load.hold();
    println!("\n{RUNS} runs, each with a step every {STEP} ms");
    println!("memory, with these runs                    {}", load.memory());
    println!("  press → answered                         {}", load.presses());
    println!("  still going on                           {}", load.going_on(&runs));
    println!("memory, after these presses                {}", load.memory());
    load.stop();
}

const BEGIN: &str = "{\"type\":\"thread.started\",\"thread_id\":{thread}}\n{\"type\":\"turn.started\"}\n";
const ANSWER: &str =
    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"agent_message\",\"text\":{prompt}}}\n";
const END: &str = "{\"type\":\"turn.completed\"}\n";

/// Between two steps of an engine, in milliseconds.
const STEP: u64 = 250;

fn step(number: usize) -> Scene {
    Scene::Out(format!(
        "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"step{number}\",\"type\":\"command_execution\",\
         \"command\":\"step {number}\",\"aggregated_output\":\"\",\"exit_code\":0,\"status\":\"completed\"}}}}\n"
    ))
}

fn at_once() -> Script {
    Script::new([
        Scene::Note,
        Scene::Say(BEGIN.into()),
        Scene::Say(ANSWER.into()),
        Scene::Out(END.into()),
        Scene::Note,
    ])
}

fn one_step() -> Script {
    Script::new([
        Scene::Note,
        Scene::Say(BEGIN.into()),
        step(0),
        Scene::Linger,
        Scene::Say(ANSWER.into()),
        Scene::Out(END.into()),
        Scene::Note,
    ])
}

/// More steps than there is time for.
fn many_steps() -> Script {
    let steps = (0..2_000).flat_map(|number| [step(number), Scene::Linger]);
    Script::new([Scene::Note, Scene::Say(BEGIN.into())].into_iter().chain(steps))
}

/// Somebody with a chat of their own.
#[derive(Clone, Copy)]
struct Person {
    id: UserId,
    chat: ChatId,
}

/// takopi, its people, and its engine.
struct Load {
    sandbox: Sandbox,
    api: BotApi,
    people: Vec<Person>,
    program: Option<Child>,
}

/// How messages went.
struct Asked {
    to_card: Spread,
    to_engine: Spread,
    to_final: Spread,
    edits: usize,
}

/// A message, by the clocks of the server and of the machine.
struct Said {
    person: Person,
    id: MessageId,
    text: String,
    at: Duration,
    wall: SystemTime,
}

impl Load {
    fn new() -> Self {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_takopi-all"), env!("CARGO_BIN_EXE_fake-engine"));
        let api = BotApi::start();
        api.limits(Limits::Off);
        let people = (0..COUNT + RUNS).map(|number| {
            let id = api.person(&format!("P{number}"));
            Person { id, chat: api.private(id) }
        });
        let people = people.collect();
        sandbox.engine("codex", &at_once());
        Self { sandbox, api, people, program: None }
    }

    /// Writes the configuration, with these lines at its end.
    fn configure(&self, lines: &str) {
        let ids: Vec<_> = self.people.iter().map(|person| person.id.to_string()).collect();
        self.sandbox.config(&format!(
            "transport = \"telegram\"\ndefault_engine = \"codex\"\n\n[transports.telegram]\nbot_token = \"{}\"\n\
             api_base_url = \"{}\"\nstartup_message = false\nforward_coalesce_s = 0\nallowed_user_ids = [{}]\n\n{lines}",
            self.api.token(),
            self.api.url(),
            ids.join(", "),
        ));
    }

    /// What the engine does from now on.
    fn engine(&self, script: &Script) {
        self.sandbox.engine("codex", script);
    }

    fn start(&mut self) {
        let log = File::create(self.sandbox.home().join("log")).unwrap();
        let mut command = self.sandbox.command(&[]);
        let polls = self.api.calls("getUpdates").len();
        self.program = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        self.api.wait_for_calls("getUpdates", polls + 1);
    }

    /// Ends takopi, and with it what it runs: engines of a takopi that is killed go on.
    fn stop(&mut self) {
        let Some(mut program) = self.program.take() else { return };
        // A second signal is for who does not want to wait for runs.
        for _ in 0..2 {
            // It may have ended meanwhile.
            let _ = kill_process(Pid::from_child(&program), Signal::INT);
            sleep(PACE);
        }
        wait_for("the end of takopi", || program.try_wait().unwrap());
    }

    fn memory(&self) -> Memory {
        Memory::of(self.program.as_ref().unwrap())
    }

    fn say(&self, person: usize, text: String) -> Said {
        let person = self.people[person];
        let (at, wall) = (self.api.clock(), SystemTime::now());
        let id = self.api.say(person.chat, person.id, &text);
        Said { person, id, text, at, wall }
    }

    /// Somebody writes and waits for the answer, and for the progress message to go.
    fn ask(&self, person: usize, text: &str) -> Said {
        let said = self.say(person, text.to_owned());
        self.sees(&said, |messages| matches!(messages, [only] if !is_open(only)).then_some(()));
        said
    }

    /// Waits until what answers a message looks so.
    fn sees<T>(&self, said: &Said, look: impl Fn(&[&Message]) -> Option<T>) -> T {
        let bot = self.api.me();
        self.api.wait_for(&said.text, |world| {
            let messages = world.chats[&said.person.chat].messages.values();
            let messages: Vec<_> =
                messages.filter(|message| message.from == bot && message.reply_to == Some(said.id)).collect();
            look(&messages)
        })
    }

    /// The prompts that an engine noted, in order.
    fn starts(&self) -> HashMap<String, Vec<EngineStart>> {
        let mut starts: HashMap<_, Vec<_>> = HashMap::new();
        for start in self.sandbox.starts_of("codex") {
            starts.entry(start.prompt.clone()).or_default().push(start);
        }
        starts
    }

    /// One message after the other, each of somebody else.
    fn asked(&self, name: &str, linger: u64) -> Asked {
        let mut clock = Instant::now();
        let mut all = Vec::with_capacity(COUNT);
        for person in 0..COUNT {
            all.push(self.ask(person, &format!("{name} {person} wait:{linger}")));
            clock += PACE;
            sleep(clock.saturating_duration_since(Instant::now()));
        }
        let (starts, sent) = (self.starts(), self.api.calls("sendMessage"));
        let edits = self.api.calls("editMessageText");
        let (mut cards, mut engines, mut finals) = (Vec::new(), Vec::new(), Vec::new());
        let mut edited = 0;
        for said in &all {
            let sent = replies(&sent, said);
            let [card, .., last] = sent.as_slice() else { panic!("{}", self.api.report()) };
            let [begun, ended] = starts[&said.text].as_slice() else { panic!("{}", said.text) };
            let ended = said.at + since(ended.at, said.wall);
            cards.push(card.at.saturating_sub(said.at));
            engines.push(since(begun.at, said.wall));
            finals.push(last.at.saturating_sub(ended));
            let is_edit = |edit: &Call| is_in(edit, said.person.chat) && edit.at > card.at && edit.at < ended;
            edited += usize::from(edits.iter().any(is_edit));
        }
        Asked {
            to_card: Spread::new(cards),
            to_engine: Spread::new(engines),
            to_final: Spread::new(finals),
            edits: edited,
        }
    }

    /// Many prompts of one person, and when the last engine had started.
    fn burst(&self) -> (Duration, usize) {
        let said: Vec<_> =
            (0..BURST).map(|number| self.say(0, format!("burst {number} wait:1000"))).collect();
        let begin = said[0].wall;
        let started = wait_for("all engines", || {
            let starts = self.starts();
            let starts_of =
                |said: &Said| starts.get(&said.text)?.iter().map(|start| start.at).find(|at| *at >= begin);
            let started: Option<Vec<_>> = said.iter().map(starts_of).collect();
            started?.into_iter().max()
        });
        let took = since(started, begin);
        let sent = self.api.calls("sendMessage");
        let by_then = |said: &&Said| replies(&sent, said).iter().any(|call| call.at < said.at + took);
        let cards = said.iter().filter(by_then).count();
        for said in &said {
            self.sees(said, |messages| messages.iter().any(|message| !is_open(message)).then_some(()));
        }
        (took, cards)
    }

    /// Begins runs that go on.
    fn hold(&self) -> Vec<Said> {
        let runs: Vec<_> = (COUNT..COUNT + RUNS)
            .map(|person| self.say(person, format!("hold {person} wait:{STEP}")))
            .collect();
        for said in &runs {
            self.sees(said, |messages| messages.iter().any(|message| is_at_work(message)).then_some(()));
        }
        runs
    }

    /// Begins one more run after the other, and cancels it.
    fn presses(&self) -> Spread {
        let mut presses = Vec::with_capacity(COUNT);
        let mut clock = Instant::now();
        for person in 0..COUNT {
            let said = self.say(person, format!("cancel {person} wait:{STEP}"));
            let card = self.sees(&said, |messages| {
                messages.iter().find(|message| is_at_work(message)).map(|message| (*message).clone())
            });
            // Nobody presses before takopi knows what it has sent.
            sleep(PACE / 5);
            let at = self.api.clock();
            presses.push((self.api.press(&card, "cancel", said.person.id), at));
            let press = &presses.last().unwrap().0;
            wait_for("the answer to a press", || self.api.press_answer(press));
            clock += PACE;
            sleep(clock.saturating_duration_since(Instant::now()));
        }
        let answers = self.api.calls("answerCallbackQuery");
        let wait = |(press, at): &(String, Duration)| {
            let answer = answers.iter().find(|call| call.body["callback_query_id"] == press.as_str());
            answer.unwrap().at.saturating_sub(*at)
        };
        Spread::new(presses.iter().map(wait).collect())
    }

    /// How many of these runs do.
    fn going_on(&self, runs: &[Said]) -> usize {
        let chats: HashSet<_> = runs.iter().map(|said| said.person.chat).collect();
        chats.into_iter().filter(|chat| self.api.answers(*chat).iter().any(is_at_work)).count()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a message says that something goes on or waits.
fn is_open(message: &Message) -> bool {
    message.text().starts_with("queued") || is_at_work(message)
}

fn is_at_work(message: &Message) -> bool {
    ["starting", "working"].iter().any(|label| message.text().starts_with(label))
}

fn is_in(call: &Call, chat: ChatId) -> bool {
    call.body["chat_id"].as_i64() == Some(chat.0)
}

/// The calls that answer a message.
fn replies<'a>(sent: &'a [Call], said: &Said) -> Vec<&'a Call> {
    let answers = |call: &&Call| {
        is_in(call, said.person.chat)
            && call.body["reply_parameters"]["message_id"].as_i64() == Some(said.id.0)
    };
    sent.iter().filter(answers).collect()
}

/// Nothing, where a clock was set back meanwhile.
fn since(later: SystemTime, earlier: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        sleep(Duration::from_millis(20));
    }
}

/// Times, sorted.
struct Spread(Vec<Duration>);

impl Spread {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    fn percentile(&self, percent: usize) -> Millis {
        Millis(self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)])
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {}  p99 {}", self.percentile(50), self.percentile(99))
    }
}

struct Millis(Duration);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.1} ms", self.0.as_secs_f64() * 1e3)
    }
}

/// What a process has in memory, in kB.
struct Memory {
    resident: u64,
    /// Without the parts of files, which others may share.
    own: u64,
}

impl Memory {
    fn of(process: &Child) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Self { resident: kib("VmRSS:"), own: kib("RssAnon:") }
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |kib: u64| kib as f64 / 1024.0;
        write!(
            f,
            "{:>7.1} MB resident, {:.1} MB of them its own",
            megabytes(self.resident),
            megabytes(self.own)
        )
    }
}
