//! What comes before the prompt: logins, sessions, modes, models, and what an agent does not have.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use takopi_api::event::{Event, Outcome};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunOptions;
use takopi_api::testing::{collect, engine};

use crate::fake::{self, Agent, Reply, answer, error, say, update};
use crate::play::{build, config, failure_of, finish, runner, spec, steps, thread};

#[tokio::test]
async fn what_an_agent_does_not_do_before_the_prompt_is_said() {
    let at = |method: &'static str, reply: Reply| {
        Agent::new(
            move |message| {
                if message["method"] == method { vec![reply.clone()] } else { fake::usual(message) }
            },
        )
    };
    let old = at("initialize", answer(1, &json!({ "protocolVersion": 0 })));
    assert_eq!(
        failure_of(&old).await,
        "Mine: it speaks version 0 of the protocol, and takopi speaks version 1"
    );
    let odd = at("initialize", answer(1, &json!([])));
    assert!(
        failure_of(&odd).await.starts_with("Mine: it answered with something else than what it can do: ")
    );
    let locked =
        at("session/new", error(2, &json!({ "code": -32000, "message": "Authentication required" })));
    assert_eq!(
        failure_of(&locked).await,
        "Mine: Authentication required\nlog in with `my-agent` in a terminal, or let `auth` in [acp.agents.my] name a login: key"
    );
    let nameless = at("session/new", answer(2, &json!({})));
    assert_eq!(failure_of(&nameless).await, "Mine: it opened a session and did not say which");
}

#[tokio::test]
async fn the_login_of_the_table_is_used() {
    let agent = Agent::new(fake::usual);
    let run = |auth: &str| {
        build("acp", &format!("agents.my.command = [\"x\"]\nagents.my.auth = {auth:?}")).run(spec(&agent))
    };
    assert!(finish(run("key"), |_| None).await.0.is_done());
    let login = agent.heard().iter().find(|message| message["method"] == "authenticate").cloned().unwrap();
    assert_eq!(login["params"], json!({ "methodId": "key" }));
    let Outcome::Failed { error } = finish(run("other"), |_| None).await.0.outcome else {
        panic!("it logged in")
    };
    assert_eq!(error, "my: it has no login `other`, which [acp.agents.my] names\nlogins: key");
}

#[tokio::test]
async fn modes_and_models_are_the_agents() {
    let agent = Agent::new(fake::usual);
    let run = |options: RunOptions| runner().run(spec(&agent).options(options));
    let options = RunOptions::default().mode(Some("plan".to_owned())).model(Some("large".to_owned()));
    assert!(finish(run(options), |_| None).await.0.is_done());
    let methods: Vec<String> =
        agent.heard().iter().filter_map(|message| message["method"].as_str().map(str::to_owned)).collect();
    assert_eq!(
        methods,
        ["initialize", "session/new", "session/set_model", "session/set_mode", "session/prompt"]
    );
    let unknown = RunOptions::default().mode(Some("yolo".to_owned()));
    let Outcome::Failed { error } = finish(run(unknown), |_| None).await.0.outcome else { panic!("it ran") };
    assert_eq!(error, "Mine: it has no mode `yolo`\nmodes: ask, plan");
}

#[tokio::test]
async fn a_session_that_is_loaded_is_not_told_again() {
    let agent = Agent::new(|message| match message["method"].as_str() {
        Some("initialize") => {
            vec![answer(1, &json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } }))]
        }
        Some("session/load") => vec![
            say("long ago"),
            update(&json!({ "sessionUpdate": "tool_call", "toolCallId": "1", "title": "old" })),
            answer(2, &json!(null)),
        ],
        _ => fake::usual(message),
    });
    let (completed, events) = finish(runner().run(spec(&agent).resume(Some(thread("s")))), |_| None).await;
    assert_eq!((completed.answer.as_str(), completed.resume), ("done", Some(thread("s"))));
    assert!(
        steps(&events).is_empty()
            && !events.iter().any(|event| matches!(event, Event::Text(text) if text.delta == "long ago"))
    );
    // What comes after that the session is loaded is of it as well, until another call is answered.
    let late = Agent::new(|message| match message["method"].as_str() {
        Some("initialize") => {
            vec![answer(1, &json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } }))]
        }
        Some("session/load") => {
            let modes = json!({ "currentModeId": "ask", "availableModes": [{ "id": "ask", "name": "Ask" }] });
            vec![answer(2, &json!({ "modes": modes })), say("long ago")]
        }
        Some("session/set_mode") => vec![say("and later"), answer(3, &json!({}))],
        _ => fake::usual(message),
    });
    let (completed, _) = finish(runner().run(spec(&late).resume(Some(thread("s")))), |_| None).await;
    assert_eq!(completed.answer, "done");
    let forgetful = Agent::new(|message| match message["method"].as_str() {
        Some("initialize") => vec![answer(1, &json!({ "protocolVersion": 1 }))],
        _ => fake::usual(message),
    });
    let (completed, _) = finish(runner().run(spec(&forgetful).resume(Some(thread("s")))), |_| None).await;
    let Outcome::Failed { error } = completed.outcome else { panic!("it went on") };
    assert_eq!(error, "Mine: it can not continue a session; begin a new one");
}

#[tokio::test]
async fn without_an_agent_a_run_says_how_to_get_one() {
    let agent = Agent::new(fake::usual);
    let failure = |table: &str| {
        let run = build("acp", table).run(spec(&agent));
        async move { finish(run, |_| None).await.0.outcome }
    };
    let Outcome::Failed { error } = failure("").await else { panic!("it ran") };
    assert!(error.starts_with("no agent is set up"), "{error}");
    let two = "agents.a.command = [\"a\"]\nagents.b.command = [\"b\"]";
    let Outcome::Failed { error } = failure(two).await else { panic!("it ran") };
    assert_eq!(error, "`agent` in [acp] has to name one of a, b");
    let wrong = |table: &str| (engine("acp").build_runner)(&config(table)).err().unwrap().to_string();
    assert!(wrong(&format!("agent = \"c\"\n{two}")).contains("there is no agent `c` in [acp.agents]"));
    assert!(wrong("agents.a.name = \"A\"").contains("an agent needs a program"));
}

/// How gemini writes this minute since the beginning of 1970 into the name of a file.
fn named(minute: u64) -> String {
    let (mut day, mut year, mut month) = (minute / (24 * 60), 1970, 0);
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = |year: u64, month: usize| match month {
        1 => 28 + u64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    while day >= days(year, month) {
        day -= days(year, month);
        (year, month) = if month == 11 { (year + 1, 0) } else { (year, month + 1) };
    }
    format!("{year}-{:02}-{:02}T{:02}-{:02}", month + 1, day + 1, minute / 60 % 24, minute % 60)
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_to_wait_says_so() {
    let home = std::env::temp_dir().join(format!("takopi-acp-home-{}", std::process::id()));
    let chats = home.join(".gemini/tmp/web/chats");
    std::fs::create_dir_all(&chats).unwrap();
    let minute = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    for minute in [minute, minute + 1] {
        std::fs::write(chats.join(format!("session-{}-005920b8.jsonl", named(minute))), "").unwrap();
    }
    let gemini = build("gemini_acp", &format!("mode = \"ask\"\nenv.GEMINI_CLI_HOME = {home:?}"));
    let run = async |thread: &str| {
        let thread = ResumeToken::new(gemini.engine().clone(), thread).unwrap();
        let agent = Agent::new(fake::usual);
        let events = collect(gemini.run(spec(&agent).resume(Some(thread)))).await;
        assert!(agent.heard().iter().any(|message| message["method"] == "session/prompt"));
        steps(&events).first().map(|(step, _)| step.title.clone())
    };
    let why = "waiting for the next minute: a session that is opened twice within one would be lost";
    assert_eq!(run("005920b8-2608").await.as_deref(), Some(why));
    assert_eq!(run("ecc0094e-2608").await, None);
    std::fs::remove_dir_all(&home).unwrap();
}
