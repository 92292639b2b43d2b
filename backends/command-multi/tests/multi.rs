//! A use of the command, from what is typed to what is sent.

use std::path::Path;
use std::sync::Arc;

use takopi_api::command::{CommandContext, Emission, RunResult};
use takopi_api::config::ConfigTable;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Outcome};
use takopi_api::message::{MessageKind, OutgoingMessage};
use takopi_api::runtime::{Catalog, EngineInfo, EngineState};
use takopi_api::testing::{FakeCommandHost, command};
use takopi_command_multi as _;

/// Engines that answer with their names; `claude` can not begin.
fn host() -> Arc<FakeCommandHost> {
    FakeCommandHost::new(|request| {
        let engine = request.engine.clone().expect("it names an engine");
        if engine.as_str() == "claude" {
            return Err(Error::new("claude is not installed"));
        }
        let answer = format!("{engine}: {}", request.prompt);
        let line = format!("{engine} resume 1");
        let completed = Completed::new(engine, Outcome::Done).answer(answer);
        Ok(RunResult::new(completed, None).resume_line(Some(line)))
    })
}

fn context(host: &Arc<FakeCommandHost>, args: &str, config: &str) -> CommandContext {
    let mut catalog = Catalog::new(1);
    let engine = |id| EngineInfo::new(EngineId::from_static(id), "", EngineState::Available);
    catalog.engines = ["acme", "claude", "codex"].map(engine).into();
    let config = ConfigTable::from_toml(Path::new("takopi.toml"), config).expect("it is TOML");
    host.context(args).catalog(Arc::new(catalog)).config(config)
}

async fn used(
    host: &Arc<FakeCommandHost>,
    args: &str,
    config: &str,
) -> Result<Option<OutgoingMessage>, Error> {
    command("multi").handle(context(host, args, config)).await
}

#[tokio::test]
async fn all_engines_are_asked_and_one_message_tells_what_they_answered() {
    let host = host();
    assert!(used(&host, " why? ", "").await.unwrap().is_none());
    let asked: Vec<_> = host.requests().iter().map(|request| request.engine.clone().unwrap()).collect();
    assert_eq!(asked.iter().map(EngineId::as_str).collect::<Vec<_>>(), ["acme", "claude", "codex"]);
    assert!(host.requests().iter().all(|request| request.emission == Emission::Capture));
    let sent = host.sent();
    let [asking, answer] = sent.as_slice() else { panic!("two messages, not {sent:?}") };
    assert_eq!(asking.body.joined(), "asking · acme, claude, codex");
    assert_eq!((asking.kind, asking.buttons.len()), (MessageKind::Progress, 1));
    assert_eq!(
        answer.body.joined(),
        "multi · 2 answered, 1 failed\n\n## acme\n\nacme: why?\n\n`acme resume 1`\n\n## claude\n\n\
         error: claude is not installed\n\n## codex\n\ncodex: why?\n\n`codex resume 1`"
    );
    assert_eq!(host.retired().len(), 1, "the answer takes the place of the first message");
}

#[tokio::test]
async fn the_engines_that_are_named_are_asked_in_that_order() {
    let host = host();
    used(&host, "why?", "engines = ['codex', 'acm', 'acme']").await.unwrap();
    let answer = host.sent().pop().unwrap().body.joined();
    let at = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{text:?} is not in {answer:?}"));
    assert!(at("## codex") < at("did you mean \\`acme\\`?") && at("did you mean") < at("## acme\n"));
    assert_eq!(host.requests().len(), 2);
}

#[tokio::test]
async fn nothing_to_ask_is_answered_with_how_to_use_it() {
    let host = host();
    let usage = used(&host, " ", "engines = ['codex']").await.unwrap().unwrap();
    assert_eq!(usage.body.joined(), "usage: /multi <prompt>\nasks codex at once");
    assert!(host.requests().is_empty() && host.sent().is_empty());
}

#[tokio::test]
async fn a_wrong_setting_is_named_with_its_place() {
    let error = used(&host(), "why?", "engines = 3").await.unwrap_err().to_string();
    assert!(error.starts_with("takopi.toml:1:11: `engines`: invalid type: integer `3`"), "{error}");
}
