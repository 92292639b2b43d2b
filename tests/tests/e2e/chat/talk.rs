//! A chat with takopi: what people write and press, and what they see. It goes on while takopi is killed and started.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use takopi_api::message::{
    Address, ChatKind, IncomingMessage, Mention, MessageId, MessageKind, MessageRef, Press, ReplyTo, Sender,
};
use takopi_tests::spool::{Chat, Deed, Lying};
use takopi_tests::{Sandbox, Script};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Talk {
    pub(super) sandbox: Sandbox,
    folder: PathBuf,
    program: Option<Child>,
    count: u32,
}

/// A message of takopi, as people see it now.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) text: String,
    pub(super) lying: Lying,
}

impl Seen {
    fn new(number: u64, lying: &Lying) -> Self {
        Self { number, text: lying.message.body.joined(), lying: lying.clone() }
    }

    /// Whether it says that something goes on or waits.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.lying.message.kind, MessageKind::Progress | MessageKind::Request)
    }

    pub(super) fn labels(&self) -> Vec<&str> {
        self.lying.message.buttons.iter().flatten().map(|button| button.label.as_str()).collect()
    }

    fn id(&self) -> String {
        format!("b{}", self.number)
    }
}

impl Talk {
    /// A chat with an engine for messages that name none, and more lines of the table of the transport and of the file.
    pub(super) fn new(engine: &str, chat: &str, rest: &str) -> Self {
        Self::with(env!("CARGO_BIN_EXE_takopi-spool"), engine, chat, rest)
    }

    /// The same with the program that has the plugins of others.
    pub(super) fn with_ports(engine: &str, rest: &str) -> Self {
        Self::with(env!("CARGO_BIN_EXE_takopi-ported"), engine, "", rest)
    }

    /// The same with the program that has hooks.
    pub(super) fn hooked(engine: &str) -> Self {
        Self::with(env!("CARGO_BIN_EXE_takopi-hooked"), engine, "", "")
    }

    /// The same, with another program that has the transport.
    pub(super) fn with(program: &str, engine: &str, chat: &str, rest: &str) -> Self {
        let sandbox = Sandbox::new(program, env!("CARGO_BIN_EXE_fake-engine"));
        let folder = sandbox.home().join("chat");
        fs::create_dir(&folder).unwrap();
        sandbox.engine("codex", &Script::echo());
        let talk = Self { sandbox, folder, program: None, count: 0 };
        talk.configure(engine, chat, rest);
        talk
    }

    pub(super) fn configure(&self, engine: &str, chat: &str, rest: &str) {
        self.sandbox.config(&format!(
            "transport = \"spool\"\ndefault_engine = \"{engine}\"\n\n[transports.spool]\nfolder = {:?}\n\
             people = [\"me\", \"you\"]\n{chat}\n\n{rest}\n",
            self.folder
        ));
    }

    /// A chat that has begun.
    pub(super) fn begun(engine: &str, chat: &str, rest: &str) -> Self {
        let mut talk = Self::new(engine, chat, rest);
        talk.start();
        talk
    }

    pub(super) fn start(&mut self) {
        assert!(self.program.is_none(), "it runs already");
        let log = || {
            let path = self.sandbox.home().join("log");
            Stdio::from(OpenOptions::new().append(true).create(true).open(path).unwrap())
        };
        let mut command = self.sandbox.command(&[]);
        command.env("TAKOPI_LOG_LEVEL", "debug").stdout(log()).stderr(log());
        self.program = Some(command.spawn().unwrap());
    }

    /// What it wrote to standard output and error.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.sandbox.home().join("log")).unwrap_or_default()
    }

    /// Sends takopi a signal and waits for its end.
    pub(super) fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
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

    pub(super) fn signal(&self, signal: Signal) {
        let program = self.program.as_ref().unwrap();
        kill_process(Pid::from_child(program), signal).unwrap();
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.as_ref().unwrap().id()
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("p{}", self.count)
    }

    fn deed(&self, deed: &Deed) {
        let line = format!("{}\n", serde_json::to_string(deed).unwrap());
        let mut file = OpenOptions::new().append(true).create(true).open(self.folder.join("in")).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }

    /// A message of a person in a chat of their own, not yet sent.
    pub(super) fn message(&mut self, channel: &str, text: &str) -> IncomingMessage {
        IncomingMessage::new(Address::general(channel), self.name(), text)
            .sender(Sender::new("me").name("Mia"))
            .chat(ChatKind::Private)
    }

    pub(super) fn send(&self, message: IncomingMessage) -> MessageId {
        let id = message.id.clone();
        self.deed(&Deed::Write(message));
        id
    }

    /// Somebody writes in the chat `c`.
    pub(super) fn say(&mut self, text: &str) -> MessageId {
        self.say_in("c", text)
    }

    pub(super) fn say_in(&mut self, channel: &str, text: &str) -> MessageId {
        let message = self.message(channel, text);
        self.send(message)
    }

    /// The same, naming the bot.
    pub(super) fn mention(&mut self, text: &str) -> MessageId {
        let message = self.message("c", text).mention(Mention::Named);
        self.send(message)
    }

    /// Somebody answers a message of takopi.
    pub(super) fn reply(&mut self, to: &Seen, text: &str) -> MessageId {
        let channel = to.lying.to.channel.to_string();
        let message = self.message(&channel, text).reply_to(ReplyTo::own(to.id(), to.text.clone()));
        self.send(message)
    }

    /// Somebody answers a message of their own in the chat `c`.
    pub(super) fn reply_to_own(&mut self, to: &MessageId, text: &str) -> MessageId {
        let message = self.message("c", text).reply_to(ReplyTo::new(to.as_str(), ""));
        self.send(message)
    }

    /// Presses the button of this label, and gives what the person is told.
    pub(super) fn press(&mut self, on: &Seen, label: &str) -> Option<String> {
        self.press_as("me", on, label)
    }

    pub(super) fn press_as(&mut self, person: &str, on: &Seen, label: &str) -> Option<String> {
        let button = on.lying.message.buttons.iter().flatten().find(|button| button.label == label);
        let button = button.unwrap_or_else(|| panic!("{label:?} is not among {:?}", on.labels()));
        let data = button.data.as_str().to_owned();
        self.press_data(person, on, &data)
    }

    /// Presses a button some times before anything is answered.
    pub(super) fn press_all(&mut self, on: &Seen, label: &str, times: usize) -> Vec<Option<String>> {
        let button = on.lying.message.buttons.iter().flatten().find(|button| button.label == label).unwrap();
        let names: Vec<_> = (0..times).map(|_| self.pressed("me", on, button.data.as_str())).collect();
        names.iter().map(|name| self.told(name)).collect()
    }

    pub(super) fn press_data(&mut self, person: &str, on: &Seen, data: &str) -> Option<String> {
        let name = self.pressed(person, on, data);
        self.told(&name)
    }

    fn pressed(&mut self, person: &str, on: &Seen, data: &str) -> String {
        let name = self.name();
        let message = MessageRef::new(on.lying.to.clone(), MessageId::new(on.id()));
        let press = Press::new(name.as_str(), message, data).sender(Sender::new(person).name("Mia"));
        self.deed(&Deed::Press(press));
        name
    }

    fn told(&self, name: &str) -> Option<String> {
        self.wait("the answer to a press", |chat| {
            chat.answers.iter().find(|(press, _)| press.as_str() == name).map(|(_, text)| text.clone())
        })
    }

    /// Waits until the chat looks so.
    #[track_caller]
    pub(super) fn wait<T>(&self, what: &str, look: impl Fn(&Chat) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let chat = Chat::read(&self.folder);
            if let Some(seen) = look(&chat) {
                return seen;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not come:\n{:#?}\n{}",
                all(&chat).map(|seen| (seen.number, seen.lying.reply_to, seen.text)).collect::<Vec<_>>(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// All messages of takopi that lie in the chat now.
    pub(super) fn seen(&self) -> Vec<Seen> {
        all(&Chat::read(&self.folder)).collect()
    }

    /// Whether this was said at any time.
    pub(super) fn ever(&self, text: &str) -> bool {
        fs::read_to_string(self.folder.join("out")).unwrap_or_default().contains(text)
    }

    /// Those that answer a message.
    pub(super) fn replies_to(&self, id: &MessageId) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.lying.reply_to.as_ref() == Some(id)).collect()
    }

    /// Waits for a message that answers this one and says this.
    #[track_caller]
    pub(super) fn reads(&self, id: &MessageId, text: &str) -> Seen {
        self.wait(&format!("{text:?} to {id}"), |chat| {
            all(chat).find(|seen| seen.lying.reply_to.as_ref() == Some(id) && seen.text.contains(text))
        })
    }

    /// Waits until nothing that answers this message goes on or waits any more, and gives the only one that is left.
    #[track_caller]
    pub(super) fn answer(&self, id: &MessageId) -> Seen {
        self.wait(&format!("the answer to {id}"), |chat| {
            let mut own = all(chat).filter(|seen| seen.lying.reply_to.as_ref() == Some(id));
            let first = own.next().filter(|seen| !seen.is_open())?;
            own.next().is_none().then_some(first)
        })
    }

    /// Waits until a message of takopi says this.
    #[track_caller]
    pub(super) fn becomes(&self, message: &Seen, text: &str) -> Seen {
        self.wait(&format!("{text:?} in b{}", message.number), |chat| {
            all(chat).find(|seen| seen.number == message.number && seen.text.contains(text))
        })
    }

    /// Says something and waits for its answer.
    #[track_caller]
    pub(super) fn ask(&mut self, text: &str) -> Seen {
        let id = self.say(text);
        self.answer(&id)
    }

    /// From here on the chat system takes nothing, or does again.
    pub(super) fn hang(&self, hangs: bool) {
        let sign = self.folder.join("hang");
        if hangs { fs::write(sign, "").unwrap() } else { fs::remove_file(sign).unwrap() }
    }

    /// The first lines of all that codex was asked, in order.
    pub(super) fn prompts(&self) -> Vec<String> {
        self.sandbox.starts_of("codex").into_iter().map(|start| start.prompt).collect()
    }

    pub(super) fn state_file(&self) -> PathBuf {
        self.sandbox.home().join(".takopi/takopi.db")
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            // It may have ended meanwhile.
            let _ = program.kill();
            let _ = program.wait();
        }
        self.sandbox.end_marked();
    }
}

fn all(chat: &Chat) -> impl Iterator<Item = Seen> {
    chat.messages.iter().map(|(number, lying)| Seen::new(*number, lying))
}
