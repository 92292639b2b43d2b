//! The program, end to end: what people write into the chat, and what they read there.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const MYTAKOPI: &str = env!("CARGO_BIN_EXE_mytakopi");

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine on which somebody has set up `mytakopi`: a home folder, and the `myengine` CLI on `PATH`.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("there is room");
        let config = "transport = 'mytransport'\ndefault_engine = 'myengine'\n\
            [transports.mytransport]\nfolder = 'chat'\npeople = ['ann']\n\
            [plugins.multi]\nengines = ['myengine', 'acme']\n";
        fs::write(home.path().join("takopi.toml"), config).expect("there is room");
        fs::create_dir(home.path().join("chat")).expect("there is room");
        Self { home }
    }

    fn command(&self, args: &[&str]) -> Command {
        let programs = Path::new(MYTAKOPI).parent().expect("it lies in a folder");
        let cli = programs.join(format!("myengine{}", std::env::consts::EXE_SUFFIX));
        assert!(cli.exists(), "{} is not there: `cargo test --workspace` builds it", cli.display());
        let mut command = Command::new(MYTAKOPI);
        command.args(args).current_dir(self.home.path());
        command.env_clear().env("HOME", self.home.path()).env("PATH", programs);
        command.env("TAKOPI_CONFIG", self.home.path().join("takopi.toml"));
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it starts")
    }

    fn start(&self) -> Chat {
        let log = fs::File::create(self.home.path().join("log")).expect("there is room");
        let program = self.command(&[]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let folder = self.home.path().join("chat");
        Chat { folder, log: self.home.path().join("log"), program: program.expect("it starts") }
    }
}

/// The chat, while the program runs.
struct Chat {
    folder: PathBuf,
    log: PathBuf,
    program: Child,
}

/// A message as it reads now.
#[derive(Debug, Clone)]
struct Message {
    id: u64,
    kind: String,
    text: String,
}

impl Message {
    /// The last line of an answer: how the thread goes on.
    fn resume_line(&self) -> &str {
        self.text.lines().last().unwrap_or_default()
    }
}

impl Chat {
    fn write(&self, from: &str, text: &str, reply_to: Option<&Message>) {
        let line = json!({ "from": from, "text": text, "reply_to": reply_to.map(|message| message.id) });
        let file = OpenOptions::new().append(true).create(true).open(self.folder.join("in.jsonl"));
        file.and_then(|mut file| writeln!(file, "{line}")).expect("people can write");
    }

    /// Every line that takopi wrote, in order.
    fn lines(&self) -> Vec<Message> {
        let text = fs::read_to_string(self.folder.join("out.jsonl")).unwrap_or_default();
        // A line without an end is still being written.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let field = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let message = |line: Value| Message {
            id: line["id"].as_u64().expect("it has an id"),
            kind: field(&line, "kind"),
            text: field(&line, "text"),
        };
        whole.map(|line| message(serde_json::from_str(line).expect("takopi writes JSON"))).collect()
    }

    /// Waits for an answer below those that are known, and gives it.
    fn answer(&mut self, after: u64) -> Message {
        let since = Instant::now();
        loop {
            let messages: BTreeMap<u64, Message> =
                self.lines().into_iter().map(|message| (message.id, message)).collect();
            let found = messages.values().find(|message| message.id > after && message.kind == "answer");
            if let Some(answer) = found {
                return answer.clone();
            }
            let ended = self.program.try_wait().expect("it can be asked");
            if ended.is_some() || since.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                panic!("no answer, {ended:?}: {messages:#?}\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // A test that failed leaves nothing running either.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn the_plugins_are_in_the_program() {
    let machine = Machine::new();
    let check = machine.output(&["plugins", "--check"]);
    assert!(check.status.success(), "{check:?}");
    let load = machine.output(&["plugins", "--load"]);
    assert!(load.status.success(), "{load:?}");
    let listing = String::from_utf8(machine.output(&["plugins"]).stdout).expect("it is text");
    for row in [
        "myengine (takopi-engine-myengine 0.1.0)",
        "mytransport (takopi-transport-mytransport 0.1.0)",
        "hello (takopi-command-hello 0.1.0)",
    ] {
        assert!(listing.contains(row), "{row} is not listed:\n{listing}");
    }
}

#[test]
fn a_message_is_answered_and_a_reply_goes_on() {
    let machine = Machine::new();
    let mut chat = machine.start();
    chat.write("ann", "/myengine hello", None);
    let first = chat.answer(0);
    assert!(first.text.contains("hello and thank you for `hello`"), "{first:?}");
    assert!(first.resume_line().contains("myengine resume "), "{first:?}");
    assert!(chat.lines().iter().any(|line| line.kind == "progress"), "{:#?}", chat.lines());
    chat.write("ann", "once more", Some(&first));
    let second = chat.answer(first.id);
    assert!(second.text.contains("hello again, and thank you for `once more`"), "{second:?}");
    assert_eq!(second.resume_line(), first.resume_line());
}

#[test]
fn commands_run_engines() {
    let machine = Machine::new();
    let mut chat = machine.start();
    chat.write("ann", "/hello Bob", None);
    let greeting = chat.answer(0);
    let said = "hello, Bob! myengine says: hello and thank you for `Greet Bob in one sentence.`";
    assert!(greeting.text.contains(said), "{greeting:?}");
    chat.write("ann", "/multi which files are largest?", None);
    let answers = chat.answer(greeting.id);
    for part in ["2 answered", "## myengine", "## acme", "myengine resume ", "acme resume "] {
        assert!(answers.text.contains(part), "{part} is not in {answers:?}");
    }
}

#[test]
fn who_is_not_named_is_not_heard() {
    let machine = Machine::new();
    let mut chat = machine.start();
    chat.write("eve", "/myengine from eve", None);
    chat.write("ann", "/myengine from ann", None);
    chat.answer(0);
    assert!(chat.lines().iter().all(|line| !line.text.contains("from eve")), "{:#?}", chat.lines());
}
