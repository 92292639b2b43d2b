//! `telegram-session TAKOPI ENGINE CONFIG`: a conversation over Telegram with an engine whose model is the scripted one, in
//! the folder in which this is started: an answer, and a reply that goes on with its thread. `CONFIG` is a configuration
//! without a transport, which gets one.
#![expect(clippy::print_stderr, reason = "what is wrong is said there")]
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};
use takopi_tests::bot_api::{BotApi, ChatId, Message, MessageId};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [takopi, engine, config] = args.as_slice() else {
        eprintln!("usage: telegram-session TAKOPI ENGINE CONFIG");
        return ExitCode::from(2);
    };
    let api = BotApi::start();
    let me = api.person("Mia");
    let chat = api.private(me);
    connect(Path::new(config), &api, chat);
    let program = Program::start(takopi, Path::new(config));

    let first = answer(&api, chat, api.say(chat, me, "please [[plain]]"), "Hello from the fake model.");
    let begun = resume_line(&first, engine);
    let reply = api.reply(&first, me, "please [[shell]]");
    let second = answer(&api, chat, reply, "The command printed: hi");
    assert_eq!(resume_line(&second, engine), begun, "the reply goes on with the thread");
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

/// Waits for the only message that answers this one and goes on no more.
#[track_caller]
fn answer(api: &BotApi, chat: ChatId, to: MessageId, text: &str) -> Message {
    let bot = api.me();
    api.wait_for(text, |world| {
        let messages = world.chats[&chat].messages.values();
        let mut own = messages.filter(|message| message.from == bot && message.reply_to == Some(to));
        let first = own.next().filter(|message| message.text().contains(text))?;
        own.next().is_none().then(|| first.clone())
    })
}

/// The engine's own command that goes on with a thread.
#[track_caller]
fn resume_line(answer: &Message, engine: &str) -> String {
    let line = answer.text().lines().rev().find(|line| line.starts_with(engine));
    line.unwrap_or_else(|| panic!("no resume line: {}", answer.text())).to_owned()
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
