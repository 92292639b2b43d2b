//! What a person has in hand: a chat with takopi. It goes on while takopi is killed and started.

use std::fs::{self, OpenOptions};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use takopi_tests::bot_api::{BotApi, ChatId, Message, MessageId, UserId};
use takopi_tests::{Sandbox, Script};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Phone {
    pub(super) sandbox: Sandbox,
    pub(super) api: BotApi,
    /// The person.
    pub(super) me: UserId,
    /// Their chat with the bot.
    pub(super) chat: ChatId,
    program: Option<Child>,
}

impl Phone {
    /// A person whose bot is not there yet. codex answers with what it is asked.
    pub(super) fn new() -> Self {
        let sandbox = crate::sandbox();
        sandbox.engine("codex", &Script::echo());
        let api = BotApi::start();
        let me = api.person("Mia");
        let chat = api.private(me);
        Self { sandbox, api, me, chat, program: None }
    }

    /// The same, with the bot there, for this one person. `lines` are of the table of the transport.
    pub(super) fn begun(lines: &str) -> Self {
        let mut phone = Self::new();
        let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n{lines}", phone.chat, phone.me);
        phone.configure("codex", &own, "");
        phone.start();
        phone
    }

    /// Writes the configuration: lines of the table of the transport, and of the rest of the file.
    pub(super) fn configure(&self, engine: &str, lines: &str, rest: &str) {
        let greeting = if lines.contains("startup_message") { "" } else { "startup_message = false\n" };
        let waiting = if lines.contains("forward_coalesce_s") { "" } else { "forward_coalesce_s = 0.1\n" };
        self.sandbox.config(&format!(
            "transport = \"telegram\"\ndefault_engine = \"{engine}\"\n\n[transports.telegram]\nbot_token = \"{}\"\n\
             api_base_url = \"{}\"\n{greeting}{waiting}{lines}\n\n{rest}\n",
            self.api.token(),
            self.api.url(),
        ));
    }

    pub(super) fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts it with variables of its own.
    pub(super) fn start_with(&mut self, variables: &[(&str, &str)]) {
        assert!(self.program.is_none(), "it runs already");
        let log = || {
            let path = self.sandbox.home().join("log");
            Stdio::from(OpenOptions::new().append(true).create(true).open(path).unwrap())
        };
        let mut command = self.sandbox.command(&[]);
        command.env("TAKOPI_LOG_LEVEL", "debug").envs(variables.iter().copied());
        self.program = Some(command.stdout(log()).stderr(log()).spawn().unwrap());
    }

    /// Sends takopi a signal and waits for its end.
    pub(super) fn stop(&mut self, signal: Signal) -> ExitStatus {
        let program = self.program.as_ref().unwrap();
        kill_process(Pid::from_child(program), signal).unwrap();
        self.end()
    }

    /// Waits for the end of takopi.
    pub(super) fn end(&mut self) -> ExitStatus {
        let mut program = self.program.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = program.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it wrote to standard output and error.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.sandbox.home().join("log")).unwrap_or_default()
    }

    /// Waits for a line of its log.
    #[track_caller]
    pub(super) fn logs(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not logged:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The person writes.
    pub(super) fn say(&self, text: &str) -> MessageId {
        self.api.say(self.chat, self.me, text)
    }

    /// Waits for a message of the bot that looks so, and gives it as it is then.
    #[track_caller]
    pub(super) fn sees(&self, what: &str, chat: ChatId, is_so: impl Fn(&Message) -> bool) -> Message {
        let bot = self.api.me();
        self.api.wait_for(what, |world| {
            let messages = world.chats[&chat].messages.values();
            messages.filter(|message| message.from == bot).find(|message| is_so(message)).cloned()
        })
    }

    /// Waits for an answer to a message that says this.
    #[track_caller]
    pub(super) fn reads(&self, chat: ChatId, to: MessageId, text: &str) -> Message {
        self.sees(&format!("{text:?} to {to}"), chat, |message| {
            message.reply_to == Some(to) && message.text().contains(text)
        })
    }

    /// Waits until nothing that answers a message goes on or waits any more, and gives the only one that is left.
    #[track_caller]
    pub(super) fn answer(&self, chat: ChatId, to: MessageId) -> Message {
        let bot = self.api.me();
        self.api.wait_for(&format!("the answer to {to}"), |world| {
            let messages = world.chats[&chat].messages.values();
            let mut own = messages.filter(|message| message.from == bot && message.reply_to == Some(to));
            let first = own.next().filter(|message| !is_open(message))?;
            own.next().is_none().then(|| first.clone())
        })
    }

    /// The person writes, and waits for the answer.
    #[track_caller]
    pub(super) fn ask(&self, text: &str) -> Message {
        let id = self.say(text);
        self.answer(self.chat, id)
    }

    /// Presses a button, and gives what the person is told.
    #[track_caller]
    pub(super) fn press(&self, message: &Message, label: &str, who: UserId) -> Option<String> {
        self.press_answer(&self.api.press(message, label, who))
    }

    /// Presses what a button carried, or never did, below a message.
    #[track_caller]
    pub(super) fn press_data(&self, message: &Message, data: &str, who: UserId) -> Option<String> {
        self.press_answer(&self.api.press_data(message, data, who))
    }

    #[track_caller]
    fn press_answer(&self, press: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.api.press_answer(press) {
                return answer.text;
            }
            assert!(Instant::now() < deadline, "the press is not answered:\n{}", self.api.report());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The first lines of all that codex was asked, in order.
    pub(super) fn prompts(&self) -> Vec<String> {
        self.sandbox.starts_of("codex").into_iter().map(|start| start.prompt).collect()
    }

    /// That the bot kept to Telegram's pace.
    #[track_caller]
    pub(super) fn was_never_too_fast(&self) {
        assert_eq!(self.api.violations(), [], "{}", self.api.report());
    }
}

/// Whether a message says that something goes on or waits.
pub(super) fn is_open(message: &Message) -> bool {
    ["starting", "working", "queued"].iter().any(|label| message.text().starts_with(label))
}

impl Drop for Phone {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            // It may have ended meanwhile.
            let _ = program.kill();
            let _ = program.wait();
        }
        self.sandbox.end_marked();
    }
}
