//! Ends of runs, with a server and a desktop that are none.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Outcome};
use takopi_api::hook::{PlannedRun, RunEnd, Source};
use takopi_api::process::ExitStatus;
use takopi_api::runner::RunId;
use takopi_api::testing::{Script, ScriptedProcesses, hook, hook_context};
use takopi_hook_notify as _;

/// A webhook that answers with this, and keeps what it is told.
async fn server(status: StatusCode) -> (String, Arc<Mutex<Vec<Value>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let hear = async move |Json(body): Json<Value>| {
        keep.lock().unwrap().push(body);
        status
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hidden-part", listener.local_addr().unwrap());
    let router = Router::new().route("/hidden-part", post(hear));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, told)
}

async fn end(table: &str, processes: &Arc<ScriptedProcesses>) -> Result<(), Error> {
    let engine = EngineId::parse("codex").unwrap();
    let run = PlannedRun::new(RunId::unique(), Source::Terminal, engine.clone(), "the prompt");
    let completed = Completed::new(engine, Outcome::Done).answer("the answer");
    let end = RunEnd::new(completed, Duration::from_secs(5));
    let cx = hook_context(table, Arc::clone(processes) as _);
    hook("notify").post_run(&cx, &run, &end).await
}

fn desktop() -> Arc<ScriptedProcesses> {
    ScriptedProcesses::new(Script::new(""))
}

#[tokio::test]
async fn without_a_table_nobody_is_told() {
    let desktop = desktop();
    end("", &desktop).await.unwrap();
    assert!(desktop.commands().is_empty());
}

#[tokio::test]
async fn a_webhook_is_told_the_end_and_no_word_of_the_run() {
    let (address, told) = server(StatusCode::NO_CONTENT).await;
    end(&format!("webhook = '{address}'"), &desktop()).await.unwrap();
    let table = format!("webhook = '{address}'\ninclude_answer = true\nanswer_chars = 3\nmin_duration_s = 5");
    end(&table, &desktop()).await.unwrap();
    end(&format!("webhook = '{address}'\nmin_duration_s = 6"), &desktop()).await.unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["engine"], &told[0]["outcome"]), (&"codex".into(), &"done".into()));
    assert!(!told[0].to_string().contains("the "), "{}", told[0]);
    assert_eq!(told[1]["answer"], "the");
}

#[tokio::test]
async fn errors_of_a_webhook_do_not_show_its_address() {
    let (address, _) = server(StatusCode::INTERNAL_SERVER_ERROR).await;
    let error = async |table: &str| end(table, &desktop()).await.unwrap_err().to_string();
    assert_eq!(error(&format!("webhook = '{address}'")).await, "the webhook answered 500");
    let nobody = error("webhook = 'http://127.0.0.1:1/hidden-part'").await;
    assert!(nobody.starts_with("the webhook could not be told: ") && !nobody.contains("hidden"), "{nobody}");
    for odd in ["hidden", "ftp://hidden", ""] {
        let odd = error(&format!("webhook = '{odd}'")).await;
        assert!(!odd.contains("hidden"), "{odd}");
    }
    assert!(error("webhook = { env = 'TAKOPI_NO_SUCH' }").await.contains("TAKOPI_NO_SUCH"));
    assert!(error("only = 'some'").await.contains("takopi.toml:1"));
}

#[tokio::test]
async fn a_desktop_shows_it_and_its_fault_keeps_nobody_from_being_told() {
    let shows = desktop();
    end("desktop = true", &shows).await.unwrap();
    let commands = shows.commands();
    let args: Vec<_> = commands[0].args.iter().map(|arg| arg.to_string_lossy()).collect();
    assert_eq!(args[args.len() - 2..], ["codex: done", "5 s"]);
    let (address, told) = server(StatusCode::OK).await;
    let broken = ScriptedProcesses::new(Script::new("").stderr("no bus\n").status(ExitStatus::Code(1)));
    let error = end(&format!("desktop = true\nwebhook = '{address}'"), &broken).await.unwrap_err();
    assert!(error.to_string().contains("exited with code 1: no bus"), "{error}");
    assert_eq!(told.lock().unwrap().len(), 1);
}
