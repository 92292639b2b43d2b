//! A coding agent that can only greet: as much of a CLI as the engine needs to be tried.
//!
//! `myengine [--model NAME] [resume ID]` reads the prompt from standard input, and prints one JSON value a line.
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    // Every model greets alike.
    let args = if let ["--model", _, rest @ ..] = &args[..] { rest } else { &args };
    let known = match args {
        [] => None,
        ["resume", thread] => Some(*thread),
        _ => {
            eprintln!("usage: myengine [--model NAME] [resume ID] < prompt");
            return ExitCode::from(2);
        }
    };
    match run(known) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("myengine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(known: Option<&str>) -> io::Result<()> {
    let mut prompt = String::new();
    io::stdin().read_to_string(&mut prompt)?;
    let prompt = prompt.trim();
    say(json!({ "type": "start", "id": known.map_or_else(new_thread, str::to_owned) }))?;
    if prompt.is_empty() {
        return say(json!({ "type": "error", "text": "there is nothing to do" }));
    }
    say(json!({ "type": "tool", "id": "t1", "text": "look up a greeting", "status": "running" }))?;
    say(json!({ "type": "tool", "id": "t1", "text": "look up a greeting", "status": "ok" }))?;
    let again = if known.is_some() { "again, " } else { "" };
    say(json!({ "type": "end", "answer": format!("hello {again}and thank you for `{prompt}`") }))
}

fn say(line: Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Unlike every other that this machine will see.
fn new_thread() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{nanos:x}-{:x}", std::process::id())
}
