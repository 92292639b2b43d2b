//! What comes before the prompt: logins, sessions, modes, models, and what an agent does not have.

use serde_json::json;
use takopi_api::event::{Event, Outcome};
use takopi_api::runner::RunOptions;
use takopi_api::testing::engine;

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
