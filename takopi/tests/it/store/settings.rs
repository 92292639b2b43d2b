//! Sessions, preferences, bindings, and what plugins remember.

use std::collections::BTreeMap;

use takopi::store::{
    Binding, Change, EnginePreferences, Namespace, Preferences, QueueMode, Session, SessionKey, TriggerMode,
};
use takopi_api::message::PersonId;
use takopi_api::runtime::{KeyValue, Write};

use super::*;

fn key(place: Place, person: Option<&str>, cwd: &str) -> SessionKey {
    SessionKey { place, person: person.map(PersonId::new), cwd: cwd.into() }
}

#[tokio::test]
async fn a_session_is_found_by_place_person_engine_and_folder() {
    let store = Sandbox::new();
    let codex = ResumeToken::new(CODEX, "c1").unwrap();
    let sessions = [
        (key(here(), None, "/a"), token("shared")),
        (key(here(), None, "/b"), token("elsewhere")),
        (key(here(), Some("5"), "/a"), token("ada")),
        (key(here(), Some(""), "/a"), token("nameless")),
        (key(topic("7"), None, "/a"), token("topic")),
        (key(here(), None, "/a"), codex.clone()),
    ];
    for (key, token) in &sessions {
        assert_eq!(store.session(key, token.engine()).await.unwrap(), None);
        store.remember_session(key, token).await.unwrap();
    }
    let store = store.reopened().await;
    for (key, token) in &sessions {
        assert_eq!(store.session(key, token.engine()).await.unwrap().as_ref(), Some(token), "{key:?}");
    }
    assert_eq!(store.session(&key(topic("8"), None, "/a"), &ACME).await.unwrap(), None);

    // A younger one takes the place of its engine's last one.
    store.remember_session(&sessions[0].0, &token("next")).await.unwrap();
    assert_eq!(store.session(&sessions[0].0, &ACME).await.unwrap(), Some(token("next")));
    assert_eq!(store.session(&sessions[0].0, &CODEX).await.unwrap(), Some(codex));
}

#[tokio::test]
async fn whoever_begins_anew_forgets_only_what_is_theirs() {
    let store = Sandbox::new();
    let shared = key(here(), None, "/a");
    let other_folder = key(here(), None, "/b");
    let ada = key(here(), Some("5"), "/a");
    for key in [&shared, &other_folder, &ada] {
        store.remember_session(key, &token("t")).await.unwrap();
    }
    let listed = store.sessions(&here()).await.unwrap();
    let session =
        |key: &SessionKey| Session { person: key.person.clone(), cwd: key.cwd.clone(), token: token("t") };
    assert_eq!(listed, [session(&shared), session(&other_folder), session(&ada)]);

    assert_eq!(store.forget_sessions(&here(), None).await.unwrap(), 2);
    assert_eq!(store.forget_sessions(&here(), None).await.unwrap(), 0);
    assert_eq!(store.forget_sessions(&topic("7"), None).await.unwrap(), 0);
    assert_eq!(store.sessions(&here()).await.unwrap(), [session(&ada)]);
    assert_eq!(store.sessions(&topic("7")).await.unwrap(), []);
}

#[tokio::test]
async fn a_thread_that_its_engine_refuses_is_forgotten_everywhere() {
    let store = Sandbox::new();
    let keys = [key(here(), None, "/a"), key(topic("7"), Some("5"), "/b")];
    for key in &keys {
        store.remember_session(key, &token("dead")).await.unwrap();
    }
    let other = ResumeToken::new(CODEX, "dead").unwrap();
    store.remember_session(&keys[0], &other).await.unwrap();
    assert_eq!(store.forget_session(&token("dead")).await.unwrap(), 2);
    for key in &keys {
        assert_eq!(store.session(key, &ACME).await.unwrap(), None);
    }
    assert_eq!(store.session(&keys[0], &CODEX).await.unwrap(), Some(other));
}

#[tokio::test]
async fn one_choice_is_changed_and_no_other() {
    let store = Sandbox::new();
    assert_eq!(store.around(&here()).await.unwrap().own, Preferences::default());
    for change in [
        Change::DefaultEngine(Some(CODEX)),
        Change::Trigger(Some(TriggerMode::All)),
        Change::Queue(Some(QueueMode::Collect)),
        Change::Model(CODEX, Some("large".into())),
        Change::Reasoning(CODEX, Some("high".into())),
        Change::Mode(CODEX, Some("plan".into())),
        Change::Model(ACME, Some("small".into())),
        Change::Trigger(Some(TriggerMode::Mentions)),
    ] {
        store.change_preferences(&here(), change).await.unwrap();
    }
    let engine = |model: Option<&str>, reasoning: Option<&str>, mode: Option<&str>| EnginePreferences {
        model: model.map(str::to_owned),
        reasoning: reasoning.map(str::to_owned),
        mode: mode.map(str::to_owned),
    };
    let mut expected = Preferences {
        default_engine: Some(CODEX),
        trigger: Some(TriggerMode::Mentions),
        queue: Some(QueueMode::Collect),
        engines: BTreeMap::from([
            (CODEX, engine(Some("large"), Some("high"), Some("plan"))),
            (ACME, engine(Some("small"), None, None)),
        ]),
    };
    let store = store.reopened().await;
    assert_eq!(store.around(&here()).await.unwrap().own, expected);
    assert_eq!(store.around(&topic("7")).await.unwrap().own, Preferences::default());

    store.change_preferences(&here(), Change::Model(CODEX, None)).await.unwrap();
    expected.engines.insert(CODEX, engine(None, Some("high"), Some("plan")));
    assert_eq!(store.around(&here()).await.unwrap().own, expected);
    store.change_preferences(&here(), Change::Model(ACME, None)).await.unwrap();
    expected.engines.remove(&ACME);
    store.change_preferences(&here(), Change::DefaultEngine(None)).await.unwrap();
    expected.default_engine = None;
    assert_eq!(store.around(&here()).await.unwrap().own, expected);
}

#[tokio::test]
async fn a_choice_that_makes_no_sense_is_none() {
    let store = Sandbox::new();
    store.change_preferences(&here(), Change::Queue(Some(QueueMode::Steer))).await.unwrap();
    store.change_preferences(&here(), Change::Model(ACME, Some("small".into()))).await.unwrap();
    let connection = rusqlite::Connection::open(store.folder.path().join(FILE)).unwrap();
    let rows = "INSERT INTO preferences SELECT place, 'colour', '', 'red' FROM preferences LIMIT 1;
                UPDATE preferences SET value = 'sometimes' WHERE name = 'queue'";
    connection.execute_batch(rows).unwrap();
    let preferences = store.around(&here()).await.unwrap().own;
    assert_eq!((preferences.queue, preferences.engines.len()), (None, 1));
}

#[tokio::test]
async fn a_place_is_bound_to_one_context() {
    let store = Sandbox::new();
    let bound = Binding { place: topic("7"), context: context(), title: Some("z80 @feat/x".into()) };
    assert_eq!(store.around(&bound.place).await.unwrap().binding, None);
    store.bind(Binding { context: RunContext::default(), ..bound.clone() }).await.unwrap();
    store.bind(bound.clone()).await.unwrap();
    let general = Binding { place: here(), context: context(), title: None };
    store.bind(general.clone()).await.unwrap();
    let store = store.reopened().await;
    assert_eq!(store.around(&bound.place).await.unwrap().binding.as_ref(), Some(&bound));
    assert_eq!(store.bindings(&chat()).await.unwrap(), [bound.clone(), general.clone()]);
    assert_eq!(store.bindings(&TransportId::parse("other").unwrap()).await.unwrap(), []);
    assert!(store.unbind(&bound.place).await.unwrap());
    assert!(!store.unbind(&bound.place).await.unwrap());
    assert!(!store.unbind(&topic("8")).await.unwrap());
    assert_eq!(store.bindings(&chat()).await.unwrap(), [general]);
}

#[tokio::test]
async fn each_plugin_has_its_own_values() {
    let store = Sandbox::new();
    let values = store.values(Namespace::command("multi"));
    values
        .write(vec![
            Write::put("a/1", "one"),
            Write::put("a/2", [0_u8, 255]),
            Write::put("a", ""),
            Write::put("b", "b"),
            Write::put("a\u{10ffff}", "last"),
            Write::put("gone", "x"),
            Write::delete("gone"),
            Write::delete("never there"),
        ])
        .await
        .unwrap();
    let keys = async |prefix: &str| -> Vec<String> {
        values.list(prefix).await.unwrap().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys("a").await, ["a", "a/1", "a/2", "a\u{10ffff}"]);
    assert_eq!(keys("a/").await, ["a/1", "a/2"]);
    assert_eq!(keys("").await.len(), 5);
    assert_eq!(values.get("a/2").await.unwrap(), Some(vec![0, 255]));
    assert_eq!(values.get("gone").await.unwrap(), None);
    assert_eq!(values.get("a").await.unwrap(), Some(Vec::new()));
    let other = store.values(Namespace::command("other"));
    assert_eq!(other.list("").await.unwrap(), []);
    assert_eq!(
        store.values(Namespace::transport(&TransportId::parse("multi").unwrap())).list("").await.unwrap(),
        []
    );
}
