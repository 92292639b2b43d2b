//! What has to be true of what engines asked.

use proptest::prelude::*;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;
use takopi_api::event::Decision;

use crate::chat::model_test::engine::{Asked, Log};
use crate::chat::model_test::world::World;
use crate::chat::requests::PREFIX;
use crate::store::{Look, Verified};

/// Who may decide what others' runs ask.
const APPROVERS: [&str; 2] = ["p1", "p3"];

/// What the store says of a request.
struct Row {
    token: String,
    decision: Option<String>,
    decided_by: Option<Value>,
    /// Whose run it is.
    person: Option<String>,
}

pub(super) fn all(world: &World, log: &Log, store: &Connection) -> Result<(), TestCaseError> {
    for asked in &log.asked {
        let told = &asked.told;
        prop_assert!(told.len() <= 1, "{:?} of {:?} was told {:?}", asked.id, asked.run, told);
        if let Some(decision) = told.first() {
            is_decided_by_who_may(world, store, asked, decision)?;
        }
    }
    nothing_can_be_pressed(world)?;
    let look = Look::open(world.folder.path()).expect("it opens").expect("it is there");
    let audit = look.verify_audit().expect("it can be read");
    prop_assert!(matches!(audit, Verified::Whole { .. }), "{audit:?}");
    Ok(())
}

/// What an engine was told is what somebody decided who may, or a rule that such a one made.
fn is_decided_by_who_may(
    world: &World,
    store: &Connection,
    asked: &Asked,
    told: &Decision,
) -> Result<(), TestCaseError> {
    let expected: &[&str] = match told {
        Decision::AllowOnce => &["allow_once"],
        Decision::AllowSession => &["allow_session"],
        // What takopi has a rule for, or has just got one, is told so.
        Decision::AllowAlways => &["allow_always", "allow_session", "allow_once"],
        Decision::Answer { .. } => &["answer"],
        // A no needs nobody.
        _ => return Ok(()),
    };
    let row = row(store, asked);
    prop_assert!(row.is_some(), "{:?} was never asked", asked);
    let Some(Row { token, decision, decided_by, person }) = row else { return Ok(()) };
    let decision = decision.unwrap_or_default();
    prop_assert!(expected.contains(&decision.as_str()), "{decision}: {asked:?}");
    let may = |who: &str| person.as_deref() == Some(who) || APPROVERS.contains(&who);
    let by = decided_by.unwrap_or_default();
    if let Some(rule) = by.get("rule").and_then(Value::as_i64) {
        let maker: String = store
            .query_one("SELECT made_by FROM rules WHERE id = ?1", (rule,), |row| row.get(0))
            .expect("the rule is there");
        let maker: Value = serde_json::from_str(&maker).expect("it is JSON");
        let maker = maker["id"].as_str().unwrap_or_default();
        prop_assert!(may(maker), "{:?} was allowed by a rule of {}", asked, maker);
        return Ok(());
    }
    prop_assert!(*told != Decision::AllowAlways || decision != "allow_once", "there is no rule: {asked:?}");
    let who = by["person"]["id"].as_str().unwrap_or_default();
    prop_assert!(may(who), "{:?} was allowed by {:?}", asked, by);
    let state = world.system.state();
    let has_pressed = world.pressed.iter().any(|(at, data, presser)| {
        presser == who
            && data.starts_with(&format!("{PREFIX}{token}."))
            && state.buttons.iter().any(|(shown_at, shown)| shown_at == at && shown == data)
    });
    // Questions are also answered in words.
    prop_assert!(has_pressed || decision == "answer", "{:?}: {} pressed nothing", asked, who);
    Ok(())
}

fn row(store: &Connection, asked: &Asked) -> Option<Row> {
    store
        .query_one(
            "SELECT requests.token, decision, decided_by, runs.person
             FROM requests JOIN runs ON runs.number = requests.run WHERE runs.id = ?1 AND requests.id = ?2",
            (asked.run.as_str(), asked.id.as_str()),
            |row| {
                let decided_by: Option<String> = row.get(2)?;
                Ok(Row {
                    token: row.get(0)?,
                    decision: row.get(1)?,
                    decided_by: decided_by.and_then(|by| serde_json::from_str(&by).ok()),
                    person: row.get(3)?,
                })
            },
        )
        .optional()
        .expect("it can be read")
}

/// Every request has an end, and its message says which.
fn nothing_can_be_pressed(world: &World) -> Result<(), TestCaseError> {
    let state = world.system.state();
    if state.had_refusal {
        return Ok(());
    }
    for shown in state.shown.values().filter(|shown| shown.gone.is_none() && !shown.is_orphan) {
        prop_assert!(!shown.asks(), "{} still asks: {}", shown.at.id.as_str(), shown.message.body.joined());
    }
    Ok(())
}
