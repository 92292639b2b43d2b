//! `takopi-bot-api [PORT]`: the fake Bot API on 127.0.0.1, to be tried by hand. People are moved over HTTP.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the address is what it says, and errors")]

use std::io;
use std::process::ExitCode;

use takopi_tests::bot_api::{self, BotApi, ChatId};

fn main() -> ExitCode {
    let port = match std::env::args().nth(1).as_deref() {
        None => Ok(0),
        Some("--help" | "-h") => {
            println!("usage: takopi-bot-api [PORT]\n\n{}", bot_api::CONTROL);
            return ExitCode::SUCCESS;
        }
        Some(port) => port.parse(),
    };
    let Ok(port) = port else {
        eprintln!("usage: takopi-bot-api [PORT]");
        return ExitCode::from(2);
    };
    match BotApi::start_on(port) {
        Ok(api) => {
            let (person, forum) = bot_api::sample(&api);
            println!("url    {}", api.url());
            println!("token  {}", api.token());
            println!("person {person} (the private chat has the same id)");
            println!("forum  {forum}");
            let say = format!(r#"{{"chat": {}, "user": {person}, "text": "hello"}}"#, ChatId(person.0));
            println!("\ncurl {}/control/say -d '{say}'", api.url());
            println!("curl '{}/control/messages?chat={person}'", api.url());
            // It ends with its standard input, so with whoever started it. One that can not be read is closed too.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: 127.0.0.1:{port}: {error}");
            ExitCode::FAILURE
        }
    }
}
