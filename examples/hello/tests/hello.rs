//! A use of the command, from what is typed to what is answered.

use std::path::Path;
use std::sync::Arc;

use takopi_api::command::{Emission, RunResult};
use takopi_api::config::ConfigTable;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Outcome};
use takopi_api::testing::{FakeCommandHost, command};
use takopi_command_hello as _;

/// A takopi whose runs end like this.
fn host(outcome: Outcome) -> Arc<FakeCommandHost> {
    FakeCommandHost::new(move |_| {
        let completed = Completed::new(EngineId::from_static("myengine"), outcome.clone()).answer("welcome");
        Ok(RunResult::new(completed, None))
    })
}

/// What is answered to `/hello` and this.
async fn used(host: &Arc<FakeCommandHost>, args: &str, config: &str) -> Result<Option<String>, Error> {
    let config = ConfigTable::from_toml(Path::new("takopi.toml"), config).expect("it is TOML");
    let answer = command("hello").handle(host.context(args).config(config)).await?;
    Ok(answer.map(|answer| answer.body.joined()))
}

#[tokio::test]
async fn an_engine_greets_unseen() {
    let host = host(Outcome::Done);
    let answer = used(&host, " Ann ", "").await.expect("it is answered");
    assert_eq!(answer.as_deref(), Some("hello, Ann! myengine says: welcome"));
    let [request] = &host.requests()[..] else { panic!("one run") };
    assert_eq!(request.prompt, "Greet Ann in one sentence.");
    assert_eq!(request.emission, Emission::Capture);
}

#[tokio::test]
async fn nobody_is_named() {
    let answer = used(&host(Outcome::Done), "", "word = 'hi'").await.expect("it is answered");
    assert_eq!(answer.as_deref(), Some("hi, you! myengine says: welcome"));
}

#[tokio::test]
async fn a_run_that_fails_is_an_error_and_one_that_was_ended_is_none() {
    let failed = host(Outcome::Failed { error: "no account".to_owned() });
    let error = used(&failed, "", "").await.expect_err("there is no greeting");
    assert_eq!(error.to_string(), "no greeting: no account");
    let answer = used(&host(Outcome::Interrupted), "", "").await.expect("it is no error");
    assert_eq!(answer, None);
}

#[tokio::test]
async fn a_wrong_setting_is_named_with_its_place() {
    let error = used(&host(Outcome::Done), "", "word = 3").await.expect_err("3 is no word");
    assert!(error.to_string().starts_with("takopi.toml:1:8: `word`"), "{error}");
}
