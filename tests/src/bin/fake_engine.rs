//! An engine CLI that does what a script says. It finds the script beside the name under which it was called:
//! `<folder>/codex` does `<folder>/codex.script`.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs::OpenOptions;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{env, fs, io, thread};

use takopi_tests::{EngineStart, Scene, Script};

fn main() -> ExitCode {
    let me = PathBuf::from(env::args_os().next().unwrap());
    // A name without a folder was found on PATH.
    let me = if me.components().count() > 1 {
        me
    } else {
        env::split_paths(&env::var_os("PATH").unwrap())
            .map(|folder| folder.join(&me))
            .find(|path| path.exists())
            .unwrap()
    };
    let script: Script = serde_json::from_slice(&fs::read(me.with_extension("script")).unwrap()).unwrap();
    fs::write(me.with_extension("args"), env::args().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    let mut prompt = String::new();
    if script.reads_prompt {
        io::stdin().read_to_string(&mut prompt).unwrap();
        fs::write(me.with_extension("prompt"), &prompt).unwrap();
    }
    let args: Vec<String> = env::args().skip(1).collect();
    if !script.reads_prompt {
        prompt = args.iter().skip_while(|arg| *arg != "--").skip(1).cloned().collect::<Vec<_>>().join(" ");
    }
    let mut start = EngineStart { args, prompt, cwd: env::current_dir().unwrap(), at: SystemTime::now() };
    for scene in script.scenes {
        match scene {
            Scene::Out(text) => {
                let mut stdout = io::stdout().lock();
                // The reader may be gone: that is what some tests are about.
                let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
            }
            Scene::OutFile(path) => {
                let mut stdout = io::stdout().lock();
                let _ = stdout.write_all(&fs::read(path).unwrap_or_default()).and_then(|()| stdout.flush());
            }
            Scene::Say(text) => {
                let _ = io::stdout().lock().write_all(fill_in(&text, &start).as_bytes());
            }
            Scene::Frame(text) => {
                let text = fill_in(&text, &start);
                let framed = format!("Content-Length: {}\r\n\r\n{text}", text.len());
                let _ = io::stdout().lock().write_all(framed.as_bytes());
            }
            Scene::SayNth(texts) => {
                let log = fs::read_to_string(me.with_extension("log")).unwrap_or_default();
                let nth = log.lines().count().max(1);
                let text = texts.get(nth - 1).or(texts.last()).unwrap();
                let _ = io::stdout().lock().write_all(fill_in(text, &start).as_bytes());
            }
            Scene::NeedTerminal => {
                if !io::stdout().is_terminal() {
                    io::stderr().lock().write_all(b"this program needs a terminal\n").unwrap();
                    return ExitCode::FAILURE;
                }
            }
            Scene::Note => {
                start.at = SystemTime::now();
                let line = format!("{}\n", serde_json::to_string(&start).unwrap());
                let log = me.with_extension("log");
                // One write: several of them note at a time.
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(log)
                    .unwrap()
                    .write_all(line.as_bytes())
                    .unwrap();
            }
            Scene::Linger => {
                let asked = start.prompt.split("wait:").nth(1).unwrap_or_default();
                let digits: String = asked.chars().take_while(char::is_ascii_digit).collect();
                thread::sleep(Duration::from_millis(digits.parse().unwrap_or(0)));
            }
            Scene::Err(text) => io::stderr().lock().write_all(text.as_bytes()).unwrap(),
            Scene::Leave(command) => leave(&command),
            Scene::Exec(command) => exec(&command),
            Scene::Sleep(seconds) => thread::sleep(Duration::from_secs(seconds)),
            Scene::Exit(code) => return ExitCode::from(code),
            Scene::Die(signal) => {
                let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
                rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
            }
        }
    }
    ExitCode::SUCCESS
}

fn fill_in(text: &str, start: &EngineStart) -> String {
    let new = || format!("t{}-{}", std::process::id(), uuid::Uuid::new_v4().simple());
    let thread = start.thread().map_or_else(new, str::to_owned);
    let prompt = start.prompt.lines().next().unwrap_or_default();
    text.replace("{thread}", &serde_json::to_string(&thread).unwrap())
        .replace("{prompt}", &serde_json::to_string(prompt).unwrap())
}

/// Starts a command of a shell and goes on without it.
#[expect(clippy::disallowed_methods, reason = "the fake does what engines do")]
#[expect(clippy::zombie_processes, reason = "the fake does what engines do")]
fn leave(command: &str) {
    std::process::Command::new("sh").args(["-c", command]).spawn().unwrap();
}

/// Goes on as a command of a shell.
#[expect(clippy::disallowed_methods, reason = "the fake does what engines do")]
fn exec(command: &str) {
    use std::os::unix::process::CommandExt;
    let error = std::process::Command::new("sh").args(["-c", command]).exec();
    panic!("sh: {error}");
}
