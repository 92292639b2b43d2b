//! `takopi audit` and `takopi rules`, as people and scripts use them beside a takopi that runs.
#![expect(clippy::disallowed_methods, reason = "the program under test")]

use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use takopi::store::{
    Asked, Covers, Decided, Deciders, Digest, FILE, Judgement, Like, NewRequest, NewRule, NewRun, Place,
    RequestToken, Resume, RuleScope, Store, Undecided, Verdict,
};
use takopi_api::engine::EngineId;
use takopi_api::event::RequestId;
use takopi_api::message::{Address, PersonId, Sender};
use takopi_api::runner::RunId;
use takopi_api::runtime::RunContext;
use takopi_api::transport::TransportId;
use tempfile::TempDir;

const ACME: EngineId = EngineId::from_static("acme");

/// The state of a takopi that runs.
struct State {
    folder: TempDir,
    store: Store,
    run: RunId,
}

impl State {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("takopi.toml"), "").unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let run = NewRun {
            id: RunId::unique(),
            messages: Vec::new(),
            place: place(),
            person: Some(PersonId::new("5")),
            engine: ACME,
            context: RunContext::default(),
            cwd: "/web".into(),
            resume: Resume::Nothing,
            reply_to: None,
            progress: None,
            progress_key: String::new(),
        };
        store.begin_run(run.clone()).await.unwrap();
        Self { folder, store, run: run.id }
    }

    async fn asked(&self, title: &str, like: Option<Like>) -> (RequestToken, Asked) {
        let token = RequestToken::unique();
        let new = NewRequest {
            token: token.clone(),
            run: self.run.clone(),
            request: RequestId::new("1"),
            place: place(),
            person: Some(PersonId::new("5")),
            engine: ACME,
            tool: Some("Shell".into()),
            digest: Digest::of(&[title.as_bytes()]),
            title: title.into(),
            is_secret: false,
            expires_at: SystemTime::now() + Duration::from_secs(600),
        };
        (token, self.store.request_asked(new, like).await.unwrap())
    }

    /// Five rows, with a rule.
    async fn with_rows() -> Self {
        let state = Self::new().await;
        let (token, _) = state.asked("run npm test", None).await;
        let rule = NewRule {
            scope: RuleScope::Always,
            project: Some("web".into()),
            folder: "/web".into(),
            covers: covers(),
        };
        let judgement = Judgement {
            verdict: Verdict::AllowAlways,
            by: Some(Sender::new("5").name("Ann \u{1b}[31m")),
            rule: Some(rule),
        };
        assert!(matches!(state.store.decide(&token, judgement).await.unwrap(), Decided::Now { .. }));
        let (token, _) = state.asked("remove\nall", None).await;
        state.store.end_request(&token, Undecided::Expired).await.unwrap();
        state
    }

    fn takopi(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_takopi"))
            .arg("--config")
            .arg(self.folder.path().join("takopi.toml"))
            .args(args)
            .env_clear()
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }

    /// What it prints when all is well.
    #[track_caller]
    fn prints(&self, args: &[&str]) -> String {
        let output = self.takopi(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, args: &[&str], code: i32) -> String {
        let output = self.takopi(args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn at_the_file(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.folder.path().join(FILE)).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

fn place() -> Place {
    Place::new(TransportId::parse("chat").unwrap(), Address::general("-100"))
}

fn covers() -> Covers {
    Covers::Command { tool: Some("Shell".into()), command: "npm test".into(), below: String::new() }
}

#[tokio::test]
async fn nothing_was_asked_yet() {
    let state = State::new().await;
    assert_eq!(state.prints(&["audit", "list"]), "");
    assert_eq!(state.prints(&["audit", "list", "--json"]), "[]\n");
    assert_eq!(state.prints(&["audit", "verify"]), "");
    assert_eq!(state.prints(&["rules", "list"]), "");
    // Nor was there ever a takopi.
    let nowhere = State { folder: tempfile::tempdir().unwrap(), ..state };
    std::fs::write(nowhere.folder.path().join("takopi.toml"), "").unwrap();
    assert_eq!(nowhere.prints(&["audit", "verify"]), "");
    assert_eq!(nowhere.prints(&["rules", "list", "--json"]), "[]\n");
    assert!(!nowhere.folder.path().join(FILE).exists());
}

#[tokio::test]
async fn what_happened_is_listed_while_takopi_runs() {
    let state = State::with_rows().await;
    let lines = state.prints(&["audit", "list"]);
    let lines: Vec<&str> = lines.lines().collect();
    let expected = [
        "1  just now  request 1: acme asked for Shell in chat:-100: run npm test",
        "2  just now  request 1: always allowed by Ann [31m (5)",
        "3  just now  rule 1: npm test in /web is allowed for acme, by Ann [31m (5)",
        "4  just now  request 2: acme asked for Shell in chat:-100: remove all",
        "5  just now  request 2: nobody decided in time, so it was denied",
    ];
    assert_eq!(lines, expected);
    assert_eq!(state.prints(&["audit", "list", "-n", "1"]).lines().collect::<Vec<_>>(), expected[4..]);
    assert_eq!(state.prints(&["audit", "list", "--since", "1h"]).lines().count(), 5);
    assert_eq!(state.prints(&["audit", "list", "--since", "0m"]).lines().count(), 0);
    assert!(state.fails(&["audit", "list", "--since", "yesterday"], 2).contains("is no age"));

    let json: serde_json::Value = serde_json::from_str(&state.prints(&["audit", "list", "--json"])).unwrap();
    assert_eq!((&json[0]["seq"], &json[0]["event"]), (&1.into(), &"asked".into()));
    assert_eq!(json[0]["digest"].as_str().unwrap(), Digest::of(&[b"run npm test"]).to_string());
    assert_eq!(json[2]["covers"]["command"]["command"], "npm test");
    assert!(json[4]["at"].as_u64().is_some());

    let last = json[4]["hash"].as_str().unwrap();
    let whole = format!("the audit is as it was written: 5 rows, the last hash is {last}\n");
    assert_eq!(state.prints(&["audit", "verify"]), whole);
}

#[tokio::test]
async fn what_was_done_to_it_is_named() {
    let unlock = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;";
    for (done, said) in [
        ("UPDATE audit SET event = replace(event, 'Ann', 'Bob') WHERE seq = 2", "row 2: it was changed"),
        ("DELETE FROM audit WHERE seq = 3", "row 3: it is missing"),
        (
            "DELETE FROM audit WHERE seq > 3",
            "row 4: it is missing, and so are all after it; the last one was row 5",
        ),
    ] {
        let state = State::with_rows().await;
        state.at_the_file(&format!("{unlock}{done}"));
        let error = state.fails(&["audit", "verify"], 1);
        assert!(error.contains(&format!("the audit is not as it was written: {said}")), "{error}");
    }
}

#[tokio::test]
async fn a_rule_is_taken_back_while_takopi_runs() {
    let state = State::with_rows().await;
    let like = || {
        let deciders = Deciders::People(vec![PersonId::new("5")]);
        Some(Like { thread: None, folder: "/web".into(), covers: covers(), deciders })
    };
    assert!(matches!(state.asked("run npm test", like()).await.1, Asked::Allowed(_)));
    let line = "1  just now  Ann [31m  npm test in project web · acme\n";
    assert_eq!(state.prints(&["rules", "list"]), line);
    for unknown in ["2", "0", "-1", "x"] {
        let error = state.fails(&["rules", "revoke", "--", unknown], 2);
        assert!(error.contains(&format!("there is no rule `{unknown}`")), "{error}");
    }
    let output = state.takopi(&["rules", "revoke", "1"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "revoked: npm test in project web · acme\n");
    assert_eq!(state.prints(&["rules", "list", "--json"]), "[]\n");
    assert_eq!(state.asked("run npm test", like()).await.1, Asked::Open);
    state.fails(&["rules", "revoke", "1"], 2);
    let last = state.prints(&["audit", "list", "-n", "2"]);
    assert!(last.contains("rule 1: revoked by whoever was at the terminal"), "{last}");
    assert!(state.prints(&["audit", "verify"]).contains("9 rows"), "both programs wrote to one chain");
}
