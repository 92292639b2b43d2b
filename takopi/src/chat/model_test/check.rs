//! What has to be true when nothing goes on any more.

mod requests;

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use rusqlite::Connection;

use super::chat_system::Gone;
use super::engine::{Log, messages_in};
use super::plan::{Order, Plan};
use super::world::World;
use crate::store::FILE;

/// What the store says of a message.
#[derive(Debug)]
struct Fate {
    state: String,
    ending: Option<String>,
    /// A person ended its run.
    is_stopped: bool,
    /// The run that it became, or went into.
    run: Option<String>,
}

/// What the store says of a run.
#[derive(Debug)]
struct Ran {
    state: String,
    /// A person ended it.
    is_stopped: bool,
    reply_to: Option<String>,
}

pub(super) fn all(plan: &Plan, world: &World) -> Result<(), TestCaseError> {
    let store = Connection::open(world.folder.path().join(FILE)).expect("it opens");
    let fates = fates(&store);
    let runs = runs(&store);
    let log = world.engine.log();
    prop_assert!(log.faults.is_empty(), "{:?}", log.faults);
    prop_assert!(!log.starts.iter().any(|start| start.is_live), "a run goes on for ever");

    for (run, ran) in &runs {
        let is_over = matches!(ran.state.as_str(), "delivered" | "interrupted" | "reopened");
        prop_assert!(is_over, "run {run} is {}: {:?}", ran.state, log.starts);
    }
    each_message_has_one_end(world, &log, &fates, &runs)?;
    nobody_is_heard_twice(world)?;
    answers_arrived(world, &log, &runs)?;
    nothing_looks_at_work(world)?;
    requests::all(world, &log, &store)?;
    if plan.chat.queue != "interrupt" {
        order_is_kept(world, &log, &runs)?;
    }
    Ok(())
}

fn each_message_has_one_end(
    world: &World,
    log: &Log,
    fates: &HashMap<String, Fate>,
    runs: &BTreeMap<String, Ran>,
) -> Result<(), TestCaseError> {
    for (number, said) in world.said.iter().enumerate() {
        let Some(fate) = fates.get(said.message.id.as_str()) else {
            return Err(TestCaseError::fail(format!("message {number} is lost")));
        };
        prop_assert_eq!(&fate.state, "done", "message {} has no end", number);
        let starts: Vec<_> = log.starts.iter().filter(|start| start.messages.contains(&number)).collect();
        // A second one needs a person who asked for it.
        let wanted = starts.iter().filter(|start| state_of(runs, start.run.as_str()) == "reopened").count();
        prop_assert!(starts.len() <= wanted + 1, "message {} ran twice: {:?}", number, starts);
        let ending = fate.ending.as_deref().unwrap_or("none");
        match ending {
            "refused" => prop_assert!(said.is_stranger && starts.is_empty(), "message {}", number),
            // It was for a request, and could not be: that was said.
            "ignored" => {
                prop_assert!(starts.len() == wanted && !log.asked.is_empty(), "message {}", number);
            }
            "cancelled" | "failed" => {
                prop_assert_eq!(starts.len(), wanted, "message {} was {} and ran", number, ending);
            }
            "steered" => {
                let is_there = log.steered.iter().any(|text| messages_in(text).contains(&number));
                // Half an answer to several questions is none if they are not asked any more.
                let is_asked = log.asked.iter().any(|asked| Some(asked.run.as_str()) == fate.run.as_deref());
                prop_assert!(is_there || world.had_accident || is_asked, "message {} went nowhere", number);
                prop_assert_eq!(starts.len(), wanted, "message {} was steered and ran", number);
            }
            "answered" | "cut_off" => {
                let is_resumed = runs.values().any(|ran| ran.state == "reopened");
                prop_assert!(
                    !starts.is_empty() || fate.is_stopped || world.had_accident || is_resumed,
                    "message {} did not run",
                    number
                );
            }
            other => prop_assert!(false, "message {} ended as {}", number, other),
        }
        let is_taken = log.steered.iter().any(|text| messages_in(text).contains(&number));
        prop_assert!(
            !is_taken || ending == "steered" || world.had_accident,
            "message {} was taken into a turn and {}",
            number,
            ending
        );
        let plans = starts.iter().filter(|start| start.mode.is_some()).count();
        let expected = if said.order == Order::Plan { starts.len() } else { 0 };
        prop_assert_eq!(plans, expected, "message {} ran in another mode than it was for", number);
        // The stranger is an approver, who can be asked for words.
        let is_unheard = ending == "refused" || !log.asked.is_empty() && ending != "answered";
        prop_assert!(!said.is_stranger || is_unheard, "a stranger was heard: {}", number);
    }
    Ok(())
}

/// Strangers are not heard at all, and others once, unless the program died before it could remember that.
fn nobody_is_heard_twice(world: &World) -> Result<(), TestCaseError> {
    let heard = &world.system.state().heard;
    let most = if world.had_accident { usize::MAX } else { 1 };
    for (said, file) in
        world.said.iter().flat_map(|said| said.message.files.iter().map(move |file| (said, file)))
    {
        let times = heard.iter().filter(|heard| heard.as_str() == file.id.as_str()).count();
        prop_assert!(times <= if said.is_stranger { 0 } else { most }, "{} was heard {times} times", file.id);
    }
    Ok(())
}

fn answers_arrived(world: &World, log: &Log, runs: &BTreeMap<String, Ran>) -> Result<(), TestCaseError> {
    let state = world.system.state();
    for start in &log.starts {
        let Some(words) = &start.last_words else { continue };
        if state_of(runs, start.run.as_str()) != "delivered" {
            continue;
        }
        // Why it failed after a person ended it is nobody's concern.
        let is_stopped = runs.get(start.run.as_str()).is_some_and(|ran| ran.is_stopped);
        if is_stopped && start.has_failed {
            continue;
        }
        let is_said = |text: &str| text.lines().any(|line| line == words);
        let is_in = |shown: &&super::chat_system::Shown| {
            is_said(&shown.message.body.joined())
                || shown.message.files.iter().any(|file| match &file.content {
                    takopi_api::message::FileContent::Bytes(bytes) => {
                        is_said(&String::from_utf8_lossy(bytes))
                    }
                    takopi_api::message::FileContent::Path(_) => false,
                })
        };
        let there: Vec<_> =
            state.shown.values().filter(|shown| shown.gone != Some(Gone::Bot)).filter(is_in).collect();
        prop_assert!(!there.is_empty(), "nobody saw the {}", words);
        if !world.had_accident && !state.had_trouble {
            prop_assert_eq!(there.len(), 1, "the {} is there {} times", words, there.len());
        }
    }
    Ok(())
}

fn nothing_looks_at_work(world: &World) -> Result<(), TestCaseError> {
    let state = world.system.state();
    // What the chat system does not want to change stays as it is.
    if state.had_refusal {
        return Ok(());
    }
    for shown in state.shown.values() {
        prop_assert!(
            !shown.is_at_work(),
            "{} still says {:?}",
            shown.at.id.as_str(),
            shown.message.body.joined()
        );
    }
    Ok(())
}

/// Of two messages of one place that ran in one thread, the first one ran first.
fn order_is_kept(world: &World, log: &Log, runs: &BTreeMap<String, Ran>) -> Result<(), TestCaseError> {
    let mut last: HashMap<(&str, u8, bool), usize> = HashMap::new();
    for start in &log.starts {
        let Some(thread) = &start.thread else { continue };
        // What is run again was a person's wish, and has its place from that.
        let is_again = |number: &usize| {
            let id = world.said[*number].message.id.as_str();
            let is_own = |ran: &&Ran| ran.state == "reopened" && ran.reply_to.as_deref() == Some(id);
            runs.values().any(|ran| is_own(&ran))
        };
        if start.messages.iter().any(is_again) {
            continue;
        }
        for &number in &start.messages {
            // What goes on with the session takes the thread that was used last when its turn comes: a reply may have moved
            // it there, so the two are not in one order.
            let said = &world.said[number];
            let key = (thread.as_str(), said.place, said.message.reply_to.is_some());
            if let Some(before) = last.insert(key, number) {
                prop_assert!(before < number, "in {}, message {} ran after {}", thread, number, before);
            }
        }
    }
    Ok(())
}

fn state_of<'a>(runs: &'a BTreeMap<String, Ran>, run: &str) -> &'a str {
    runs.get(run).map_or("unknown", |ran| &ran.state)
}

fn fates(store: &Connection) -> HashMap<String, Fate> {
    let mut statement = store
        .prepare(
            "SELECT message, inbox.state, ending, ifnull(outcome, '') = 'interrupted', runs.id
             FROM inbox LEFT JOIN runs ON runs.number = inbox.run",
        )
        .expect("it is there");
    let rows = statement
        .query_map((), |row| {
            Ok((
                row.get(0)?,
                Fate { state: row.get(1)?, ending: row.get(2)?, is_stopped: row.get(3)?, run: row.get(4)? },
            ))
        })
        .expect("it can be read");
    rows.map(|row| row.expect("it can be read")).collect()
}

fn runs(store: &Connection) -> BTreeMap<String, Ran> {
    let mut statement = store
        .prepare("SELECT id, state, ifnull(outcome, '') = 'interrupted', reply_to FROM runs")
        .expect("it is there");
    let rows = statement
        .query_map((), |row| {
            Ok((row.get(0)?, Ran { state: row.get(1)?, is_stopped: row.get(2)?, reply_to: row.get(3)? }))
        })
        .expect("it can be read");
    rows.map(|row| row.expect("it can be read")).collect()
}
