//! `telegram-session TAKOPI ENGINE CONFIG PART`: a conversation over Telegram with an engine whose model is the scripted one,
//! in the folder in which this is started. `CONFIG` is a configuration without a transport, which gets one; `PART` says what
//! is tried: `threads`, or one of what an engine asks and is told.
#![expect(clippy::print_stderr, reason = "what is wrong is said there")]
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use takopi_tests::bot_api::{BotApi, ChatId, Message, MessageId, UserId};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [takopi, engine, config, part] = args.as_slice() else {
        eprintln!("usage: telegram-session TAKOPI ENGINE CONFIG PART");
        return ExitCode::from(2);
    };
    let play = match part.as_str() {
        "threads" => threads,
        "approve" => approve,
        "deny" => deny,
        "always" => always,
        "always-for-files" => always_for_files,
        "question" => question,
        "question-in-plan" => question_in_plan,
        "question-of-an-extension" => question_of_an_extension,
        "plan" => plan,
        "interrupt" => interrupt,
        "steer" => steer,
        "queue" => queue,
        part => {
            eprintln!("telegram-session has no part `{part}`");
            return ExitCode::from(2);
        }
    };
    let api = BotApi::start();
    let me = api.person("Mia");
    let chat = api.private(me);
    connect(Path::new(config), &api, chat);
    let program = Program::start(takopi, Path::new(config));
    let talk = Talk { api: &api, me, chat, engine };
    play(&talk);
    assert_eq!(api.violations(), [], "{}", api.report());
    program.end();
    ExitCode::SUCCESS
}

/// Makes Telegram the transport of a configuration.
fn connect(config: &Path, api: &BotApi, chat: ChatId) {
    let engines = fs::read_to_string(config).unwrap();
    let text = format!(
        "transport = \"telegram\"\n{engines}\n[transports.telegram]\nbot_token = \"{}\"\napi_base_url = \"{}\"\n\
         chat_id = {chat}\nallowed_user_ids = [{chat}]\nstartup_message = false\nforward_coalesce_s = 0\n",
        api.token(),
        api.url(),
    );
    fs::write(config, text).unwrap();
}

/// An answer, and a reply that goes on with its thread.
fn threads(talk: &Talk<'_>) {
    let first = talk.answer(talk.say("please [[plain]]"), "Hello from the fake model.");
    let begun = talk.resume_line(&first);
    let reply = talk.api.reply(&first, talk.me, "please [[shell]]");
    let second = talk.answer(reply, "The command printed: hi");
    assert_eq!(talk.resume_line(&second), begun, "the reply goes on with the thread");
}

/// What is asked happens when it is allowed, and not before.
fn approve(talk: &Talk<'_>) {
    let asked = talk.say("please [[asked]]");
    let request = talk.request("touch asked.txt");
    assert!(!exists("asked.txt"), "it happened before anybody allowed it");
    talk.press(&request, "allow once");
    talk.answer(asked, "After the command.");
    assert!(exists("asked.txt"), "it was allowed, and did not happen");
    talk.is_closed(&request, "allowed once");
}

/// What is denied does not happen, and the engine goes on.
fn deny(talk: &Talk<'_>) {
    let asked = talk.say("please [[asked]]");
    let request = talk.request("touch asked.txt");
    talk.press(&request, "deny");
    talk.ended(asked);
    assert!(!exists("asked.txt"), "it was denied, and happened");
    talk.is_closed(&request, "denied");
}

/// What is always allowed is asked once.
fn always(talk: &Talk<'_>) {
    let asked = talk.say("please [[again]]");
    let request = talk.request("echo again");
    talk.press(&request, "always");
    talk.answer(asked, "Ran it again.");
    assert_eq!(fs::read_to_string("again.txt").unwrap().lines().count(), 2, "it ran twice");
    talk.asked_once("echo again");
}

/// The same for changes of files below the folder of the run.
fn always_for_files(talk: &Talk<'_>) {
    let asked = talk.say("please [[edit]]");
    let request = talk.request("hello.txt");
    assert!(!exists("hello.txt"), "it was written before anybody allowed it");
    talk.press(&request, "always");
    talk.answer(asked, "Changed hello.txt.");
    assert_eq!(fs::read_to_string("hello.txt").unwrap(), "goodbye\n");
    talk.asked_once("hello.txt");
}

/// A question is answered with a button.
fn question(talk: &Talk<'_>) {
    talk.answers_question(talk.say("please [[question]]"));
}

/// The same, where the engine asks questions only while it plans.
fn question_in_plan(talk: &Talk<'_>) {
    talk.answers_question(talk.say("/plan please [[question]]"));
}

/// The same, where the tool that asks is one that somebody brought, which has to be allowed.
fn question_of_an_extension(talk: &Talk<'_>) {
    let asked = talk.say("please [[question]]");
    let tool = talk.request("Which colour?");
    talk.press(&tool, "allow once");
    talk.answers_question(asked);
}

/// A plan is shown, and approved.
fn plan(talk: &Talk<'_>) {
    let asked = talk.say("/plan please [[plan]]");
    let request = talk.request("1. Do it.");
    talk.press(&request, "approve");
    talk.answer(asked, "The plan was heard.");
}

/// A run is cancelled while its command sleeps: nothing of it is alive.
fn interrupt(talk: &Talk<'_>) {
    talk.say("please [[sleep]]");
    talk.allow_until(|| fs::read_to_string("child.pid").is_ok_and(|pid| !pid.trim().is_empty()));
    let child = fs::read_to_string("child.pid").unwrap();
    talk.say("/cancel");
    talk.waits_for("cancelled");
    // In a sandbox it has another number there; whatever is left is then found by its folder.
    let shell = Path::new("/proc").join(child.trim()).join("cmdline");
    let lives = || fs::read(&shell).is_ok_and(|line| String::from_utf8_lossy(&line).contains("child.pid"));
    let patience = Instant::now() + Duration::from_secs(15);
    while lives() {
        assert!(Instant::now() < patience, "what it started is alive: {child}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A text goes into the turn that runs, and changes what comes of it.
fn steer(talk: &Talk<'_>) {
    let asked = talk.say("please [[slower]]");
    let shows_it =
        |message: &Message| message.text().contains("sleep 6") && message.labels().contains(&"cancel");
    talk.allow_until(|| talk.api.answers(talk.chat).iter().any(shows_it));
    talk.say("/steer please [[steered]]");
    talk.waits_for("sent into the running turn");
    // Some show a step before they ask for it.
    talk.allow_until(|| {
        talk.api.answers(talk.chat).iter().any(|message| message.text().contains("Steered."))
    });
    talk.answer(asked, "Steered.");
}

/// What an engine does not take while it works waits for the end of its turn.
fn queue(talk: &Talk<'_>) {
    let asked = talk.say("please [[slower]]");
    let shows_it =
        |message: &Message| message.text().contains("sleep 6") && message.labels().contains(&"cancel");
    talk.allow_until(|| talk.api.answers(talk.chat).iter().any(shows_it));
    let steered = talk.say("/steer please [[steered]]");
    talk.waits_for("queued");
    talk.allow_until(|| {
        talk.api.answers(talk.chat).iter().any(|message| message.text().contains("Took its time."))
    });
    talk.answer(asked, "Took its time.");
    talk.answer(steered, "Steered.");
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// A person in a chat with takopi.
struct Talk<'a> {
    api: &'a BotApi,
    me: UserId,
    chat: ChatId,
    engine: &'a str,
}

impl Talk<'_> {
    fn say(&self, text: &str) -> MessageId {
        self.api.say(self.chat, self.me, text)
    }

    fn find<T>(&self, what: &str, mut look: impl FnMut(&Message) -> Option<T>) -> T {
        let bot = self.api.me();
        self.api.wait_for(what, |world| {
            let mut own = world.chats[&self.chat].messages.values().filter(|message| message.from == bot);
            own.find_map(&mut look)
        })
    }

    fn waits_for(&self, text: &str) {
        self.find(text, |message| message.text().contains(text).then_some(()));
    }

    /// Waits for what asks a person this.
    fn request(&self, text: &str) -> Message {
        self.find(text, |message| (message.text().contains(text) && asks(message)).then(|| message.clone()))
    }

    /// Waits for the question about colours, and answers it with a button.
    fn answers_question(&self, asked: MessageId) {
        let request = self.find("the question", |message| {
            let is_it = message.text().contains("Which colour?") && message.labels().contains(&"Blue");
            is_it.then(|| message.clone())
        });
        self.press(&request, "Blue");
        self.answer(asked, "Thanks for answering.");
    }

    /// Presses the first button whose label has this in it.
    fn press(&self, request: &Message, label: &str) {
        let labels = request.labels();
        let label = labels.iter().find(|found| found.contains(label));
        let label = label.unwrap_or_else(|| panic!("no such button: {labels:?}"));
        self.api.press(request, label, self.me);
    }

    /// Waits until a request says what became of it, without buttons.
    fn is_closed(&self, request: &Message, outcome: &str) {
        self.find(outcome, |message| {
            (message.id == request.id && message.labels().is_empty() && message.text().contains(outcome))
                .then_some(())
        });
    }

    /// Looks whether a person was asked this one time only.
    fn asked_once(&self, text: &str) {
        let sent = self.api.calls("sendMessage");
        let is_request =
            |call: &Value| ["allow once", text].iter().all(|part| call.to_string().contains(part));
        assert_eq!(sent.iter().filter(|call| is_request(&call.body)).count(), 1, "it asked again");
    }

    /// Allows whatever is asked until something is there.
    fn allow_until(&self, is_there: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !is_there() {
            assert!(Instant::now() < patience, "it does not come:\n{}", self.api.report());
            let asked = self.api.answers(self.chat).into_iter().find(asks);
            if let Some(request) = asked {
                self.press(&request, "once");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the only message that answers this one and goes on no more.
    fn answer(&self, to: MessageId, text: &str) -> Message {
        let bot = self.api.me();
        self.api.wait_for(text, |world| {
            let messages = world.chats[&self.chat].messages.values();
            let own = messages.filter(|message| message.from == bot && message.reply_to == Some(to));
            let mut own = own.filter(|message| message.text().contains(text));
            let first = own.next().filter(|message| message.labels().is_empty())?;
            own.next().is_none().then(|| first.clone())
        })
    }

    /// Waits until what was said has its answer, whatever that is.
    fn ended(&self, to: MessageId) {
        self.find("the end of the run", |message| {
            let is_end = ["done ·", "error ·"].iter().any(|header| message.text().contains(header));
            (message.reply_to == Some(to) && is_end).then_some(())
        });
    }

    /// The engine's own command that goes on with a thread.
    fn resume_line(&self, answer: &Message) -> String {
        let by_takopi = format!("takopi run --engine {} ", self.engine);
        let is_one = |line: &&str| line.starts_with(self.engine) || line.starts_with(&by_takopi);
        let line = answer.text().lines().rev().find(is_one);
        line.unwrap_or_else(|| panic!("no resume line: {}", answer.text())).to_owned()
    }
}

/// Whether a message waits for a decision: one that shows a run has a button to cancel it.
fn asks(message: &Message) -> bool {
    message.labels().iter().any(|label| *label != "cancel" && *label != "steer")
}

/// takopi, which is ended as by Ctrl-C: its engines end with it.
struct Program(Child);

impl Program {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    fn start(takopi: &str, config: &Path) -> Self {
        let mut command = Command::new(takopi);
        Self(command.env("TAKOPI_CONFIG", config).stdin(Stdio::null()).spawn().unwrap())
    }

    fn end(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        assert!(self.0.wait().unwrap().success(), "takopi does not end well");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // A conversation that went wrong; it may have ended just now.
            let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
            let _ = self.0.wait();
        }
    }
}
