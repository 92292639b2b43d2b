//! What the Python program remembered.

use std::fs;
use std::path::PathBuf;

use takopi::store::{Binding, Change, EnginePreferences, Preferences, SessionKey, TriggerMode};
use takopi_api::message::PersonId;

use super::*;

const PREFERENCES: &str = r#"{"version": 1, "chats": {
  "-100": {"default_engine": "Codex", "trigger_mode": "mentions", "context_project": "z80", "context_branch": null,
           "engine_overrides": {"codex": {"model": "m", "reasoning": "high"}, "acme": {"model": " ", "reasoning": null}},
           "something_new": 1},
  "-300": {"default_engine": " ", "trigger_mode": "all", "context_project": null, "context_branch": "main",
           "engine_overrides": {}},
  "-400": {"default_engine": "not an id", "trigger_mode": 3, "engine_overrides": {"a b": {"model": "m"}}},
  "-500": 7
}}"#;

const SESSIONS: &str = r#"{"version": 1, "cwd": "/home/ada/start", "chats": {
  "-100:chat": {"sessions": {"codex": {"resume": "c1"}, "acme": {"resume": ""}}},
  "-100:55": {"sessions": {"acme": {"resume": "a1"}, "codex": {"resume": "--bad"}}},
  "without": {"sessions": {"acme": {"resume": "a2"}}}
}}"#;

const TOPICS: &str = r#"{"version": 1, "threads": {
  "-100:7": {"context": {"project": "z80", "branch": "feat/x"}, "sessions": {"acme": {"resume": "t7"}},
             "topic_title": "z80 @feat/x", "default_engine": null, "trigger_mode": null, "engine_overrides": {}},
  "-100:8": {"context": {"project": null, "branch": "dev"}, "sessions": {}, "topic_title": null},
  "-100:9": {"context": {"project": "gone", "branch": null}, "sessions": {"acme": {"resume": "t9"}}},
  "-100:10": {"context": null, "sessions": {"codex": {"resume": "/with/a path.jsonl"}}, "default_engine": "acme"}
}}"#;

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(format!("chat_{name}.json")), text).unwrap();
}

fn folder_of(_: &Place, context: &RunContext) -> Option<PathBuf> {
    match (context.project.as_deref(), context.branch.as_deref()) {
        (Some("z80"), Some(branch)) => Some(format!("/z80/.worktrees/{branch}").into()),
        (None, None) => Some("/home/ada/start".into()),
        _ => None,
    }
}

async fn import(store: &Sandbox) -> Vec<String> {
    let notices = store.import_python_state(store.folder.path(), &chat(), &folder_of).await.unwrap();
    let folder = format!("{}/", store.folder.path().display());
    notices.into_iter().map(|notice| notice.replace(&folder, "")).collect()
}

#[tokio::test]
async fn all_three_files_are_taken_over_once() {
    let store = Sandbox::new();
    let folder = store.folder.path();
    write(folder, "chat_prefs_state", PREFERENCES);
    write(folder, "chat_sessions_state", SESSIONS);
    write(folder, "topics_state", TOPICS);
    let notices = import(&store).await;
    assert_eq!(
        notices,
        [
            "chat_chat_prefs_state.json: `chats.-400.default_engine` was not taken over: `not an id` is no backend id: \
             an id has 1 to 32 of the characters a-z, 0-9 and _",
            "chat_chat_prefs_state.json: `chats.-400.engine_overrides.a b` was not taken over: `a b` is no backend id: \
             an id has 1 to 32 of the characters a-z, 0-9 and _",
            "chat_chat_sessions_state.json: `chats.-100:55.sessions.codex` was not taken over: `--bad` can not name a \
             thread: it is empty, starts with `-` or holds control characters",
            "chat_chat_sessions_state.json: `chats.without` was not taken over: it is not of the form <chat>:<owner>",
            "chat_topics_state.json: `threads.-100:9.sessions.acme` was not taken over: the folder that it belongs to is \
             not known",
        ]
    );
    let codex = EnginePreferences { model: Some("m".into()), reasoning: Some("high".into()), mode: None };
    let expected = Preferences {
        default_engine: Some(CODEX),
        trigger: Some(TriggerMode::Mentions),
        queue: None,
        engines: [(CODEX, codex)].into(),
    };
    assert_eq!(store.around(&here()).await.unwrap().own, expected);
    for chat_id in ["-300", "-400", "-500"] {
        let place = Place::new(chat(), Address::general(chat_id));
        assert_eq!(store.around(&place).await.unwrap().own, Preferences::default());
        assert_eq!(store.around(&place).await.unwrap().binding, None, "a chat needs a project");
    }

    let context = |project: Option<&str>, branch: Option<&str>| RunContext {
        project: project.map(str::to_owned),
        branch: branch.map(str::to_owned),
    };
    let bound =
        |place, context, title: Option<&str>| Binding { place, context, title: title.map(str::to_owned) };
    let mut bindings = store.bindings(&chat()).await.unwrap();
    bindings.sort_by_key(|binding| binding.place.clone());
    assert_eq!(
        bindings,
        [
            bound(here(), context(Some("z80"), None), None),
            bound(topic("7"), context(Some("z80"), Some("feat/x")), Some("z80 @feat/x")),
            bound(topic("8"), context(None, Some("dev")), None),
            bound(topic("9"), context(Some("gone"), None), None),
        ]
    );

    let session = async |place: Place, person: Option<&str>, cwd: &str, engine: EngineId| {
        let key = SessionKey { place, person: person.map(PersonId::new), cwd: cwd.into() };
        store.session(&key, &engine).await.unwrap().map(|token| token.value().to_owned())
    };
    let start = "/home/ada/start";
    assert_eq!(session(here(), None, start, CODEX).await.as_deref(), Some("c1"));
    assert_eq!(session(here(), None, start, ACME).await, None);
    assert_eq!(session(here(), Some("55"), start, ACME).await.as_deref(), Some("a1"));
    assert_eq!(session(topic("7"), None, "/z80/.worktrees/feat/x", ACME).await.as_deref(), Some("t7"));
    assert_eq!(session(topic("10"), None, start, CODEX).await.as_deref(), Some("/with/a path.jsonl"));
    assert_eq!(store.sessions(&topic("9")).await.unwrap(), []);

    // What a person changed since is not changed back, and the files are as they were.
    store.change_preferences(&here(), Change::Trigger(None)).await.unwrap();
    assert_eq!(import(&store).await, [""; 0]);
    assert_eq!(store.around(&here()).await.unwrap().own.trigger, None);
    let file = fs::read_to_string(store.folder.path().join("chat_topics_state.json")).unwrap();
    assert_eq!(file, TOPICS);
}

#[tokio::test]
async fn what_was_chosen_here_stays() {
    let store = Sandbox::new();
    store.change_preferences(&here(), Change::DefaultEngine(Some(ACME))).await.unwrap();
    store.change_preferences(&here(), Change::Model(CODEX, Some("mine".into()))).await.unwrap();
    let mine = Binding { place: here(), context: context(), title: None };
    store.bind(mine.clone()).await.unwrap();
    write(store.folder.path(), "chat_prefs_state", PREFERENCES);
    import(&store).await;
    let preferences = store.around(&here()).await.unwrap().own;
    assert_eq!(preferences.default_engine, Some(ACME));
    let codex = EnginePreferences { model: Some("mine".into()), reasoning: Some("high".into()), mode: None };
    assert_eq!(preferences.engines[&CODEX], codex);
    assert_eq!(store.around(&here()).await.unwrap().binding, Some(mine));
}

#[tokio::test]
async fn a_file_that_can_not_be_read_is_said_and_tried_again() {
    let store = Sandbox::new();
    let folder = store.folder.path();
    write(folder, "chat_prefs_state", "{\"version\": 1, \"chats\"");
    write(folder, "chat_sessions_state", r#"{"version": 2, "chats": {}}"#);
    fs::create_dir(folder.join("chat_topics_state.json")).unwrap();
    for _ in 0..2 {
        let notices = import(&store).await;
        assert_eq!(notices.len(), 3);
        assert!(notices[0].starts_with("chat_chat_prefs_state.json was not taken over: it is no JSON: "));
        assert_eq!(
            notices[1],
            "chat_chat_sessions_state.json was not taken over: it has version 2, and version 1 is known"
        );
        assert!(notices[2].starts_with("chat_topics_state.json was not taken over: "), "{notices:?}");
    }
    write(folder, "chat_prefs_state", PREFERENCES);
    assert_eq!(import(&store).await.len(), 4);
    assert_eq!(store.around(&here()).await.unwrap().own.default_engine, Some(CODEX));
}

#[tokio::test]
async fn any_json_at_all_is_survived() {
    for (n, text) in ["", "[]", "3", "null", r#"{"version":1}"#, r#"{"version":1,"chats":[],"threads":3}"#]
        .iter()
        .enumerate()
    {
        let store = Sandbox::new();
        for name in ["chat_prefs_state", "chat_sessions_state", "topics_state"] {
            write(store.folder.path(), name, text);
        }
        let told = import(&store).await.len();
        assert_eq!(told, if n < 4 { 3 } else { 0 }, "{text}");
    }
}

#[tokio::test]
async fn many_entries_that_make_no_sense_are_counted() {
    let store = Sandbox::new();
    let chats: Vec<_> = (0..50).map(|n| format!("\"{n}\": {{\"default_engine\": \"a b\"}}")).collect();
    let text = format!("{{\"version\": 1, \"chats\": {{{}}}}}", chats.join(","));
    write(store.folder.path(), "chat_prefs_state", &text);
    let notices = import(&store).await;
    assert_eq!(notices.len(), 6);
    assert_eq!(notices[5], "chat_chat_prefs_state.json: 45 more entries were not taken over");
}

#[tokio::test]
async fn nothing_to_take_over_is_nothing_to_say() {
    let store = Sandbox::new();
    assert_eq!(import(&store).await, [""; 0]);
}
