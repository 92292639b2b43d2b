//! Hooks that misbehave, each with one run.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use takopi_api::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::event::{Outcome, Started};
use takopi_api::hook::{Source, Verdict};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{KeyValue, StoreError, Write};
use tokio::sync::Notify;

use super::*;
use crate::config::{OnFailure, Overrides, Reader, Vocabulary};
use crate::process::{Limits, LocalProcesses};

/// What the hooks of a test were told, in its order.
type Log = Arc<Mutex<Vec<String>>>;

/// Does what the prompt tells it, if its own id stands in it: `gate:deny why`.
struct Told {
    id: &'static str,
    wants: &'static [Moment],
    log: Log,
    release: Arc<Notify>,
}

impl Told {
    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{} {}", self.id, what.into()));
    }

    async fn act(&self, orders: &str) -> Result<Verdict, Error> {
        let own = orders.split(';').find_map(|order| order.trim().strip_prefix(self.id)?.strip_prefix(':'));
        match own.unwrap_or_default() {
            "panic" => panic!("on purpose"),
            "fail" => Err(Error::new("no network").hint("plug it in")),
            "wait" => {
                self.release.notified().await;
                Ok(Verdict::Allow)
            }
            "block" => {
                // Longer than any test; it ends with the process.
                std::thread::sleep(Duration::from_secs(3600));
                Ok(Verdict::Allow)
            }
            "deny" => Ok(Verdict::deny("not today")),
            "rewrite" => Ok(Verdict::rewrite(format!("please; {orders}"))),
            _ => Ok(Verdict::Allow),
        }
    }
}

#[async_trait]
impl HookBackend for Told {
    fn id(&self) -> &str {
        self.id
    }

    fn wants(&self) -> &[Moment] {
        self.wants
    }

    async fn pre_run(&self, _: &HookContext, run: &PlannedRun) -> Result<Verdict, Error> {
        self.note(format!("pre {}", run.prompt));
        self.act(&run.prompt).await
    }

    async fn on_event(&self, _: &HookContext, run: &PlannedRun, event: &Event) -> Result<(), Error> {
        let said = match event {
            Event::Started(_) => "started",
            Event::Text(text) => &text.delta,
            Event::Completed(_) => "completed",
            _ => "other",
        };
        self.note(said);
        self.act(&run.prompt).await.map(drop)
    }

    async fn post_run(&self, _: &HookContext, run: &PlannedRun, end: &RunEnd) -> Result<(), Error> {
        self.note(format!("post {:?} denied by {:?}", end.completed.outcome, end.denied_by));
        self.act(&run.prompt).await.map(drop)
    }
}

/// No hook of these tests remembers anything.
struct Forgetful;

#[async_trait]
impl KeyValue for Forgetful {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn list(&self, _: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        Ok(Vec::new())
    }

    async fn write(&self, _: Vec<Write>) -> Result<(), StoreError> {
        Ok(())
    }
}

const ALL: &[Moment] = &[Moment::PreRun, Moment::Event, Moment::PostRun];
const PRE: &[Moment] = &[Moment::PreRun];
const AFTER: &[Moment] = &[Moment::Event, Moment::PostRun];

static FROM: Distribution = Distribution::new("takopi-hook-told", "1.2.3", "");

struct World {
    hooks: Hooks,
    log: Log,
    release: Arc<Notify>,
}

/// Hooks with these ids, asked in this order. The first is under this rule, the others have all the time that they need.
fn world(ids: &[(&'static str, &'static [Moment])], rule: HookRule) -> World {
    let (log, release) = (Log::default(), Arc::new(Notify::new()));
    let hook = |&(id, wants): &(&'static str, &'static [Moment])| {
        let (log, release) = (Arc::clone(&log), Arc::clone(&release));
        let backend: Arc<dyn HookBackend> = Arc::new(Told { id, wants, log, release });
        Arc::new(Hook {
            id: id.to_owned(),
            distribution: Some(&FROM),
            rule: if id == ids[0].0 { rule } else { patient() },
            config: ConfigTable::empty(),
            ready: Ok(Ready { backend, wants: wants.to_vec() }),
            calls: Arc::new(Semaphore::new(CALLS)),
        })
    };
    World { hooks: Hooks(ids.iter().map(hook).collect()), log, release }
}

fn quick(on_failure: OnFailure) -> HookRule {
    HookRule { on_failure, timeout: Duration::from_millis(100) }
}

fn patient() -> HookRule {
    HookRule { on_failure: OnFailure::Deny, timeout: Duration::from_secs(60) }
}

fn engine() -> EngineId {
    EngineId::parse("acme").unwrap()
}

impl World {
    fn watch(&self, prompt: &str) -> Watch {
        let store = |_: &str| PluginStore::new(Arc::new(Forgetful), PathBuf::new());
        let around = Around {
            catalog: <_>::default(),
            processes: LocalProcesses::new(Limits::default()),
            chat: None,
            store: &store,
        };
        self.hooks.watch(&around, || PlannedRun::new(RunId::unique(), Source::Terminal, engine(), prompt))
    }

    /// What comes of a prompt: what the engine is given, or why it is not.
    async fn ask(&self, prompt: &str) -> Result<String, String> {
        let mut watch = self.watch(prompt);
        watch.ask().await.map_err(|denial| denial.to_string())?;
        Ok(watch.prompt().unwrap_or(prompt).to_owned())
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn end(watch: Watch, denial: Option<&Denial>) {
    let completed = Completed::new(engine(), Outcome::Done);
    if let Some(told) = watch.ended(&completed, denial) {
        told.await;
    }
}

fn text(delta: &str) -> Event {
    Event::Text(takopi_api::event::Text::new(engine(), takopi_api::event::TextKind::Answer, delta))
}

#[tokio::test]
async fn without_hooks_there_is_nothing() {
    let world = world(&[], patient());
    let mut watch = world.watch("hello");
    assert_eq!(watch.ask().await, Ok(()));
    assert_eq!(watch.prompt(), None);
    assert!(watch.ended(&Completed::new(engine(), Outcome::Done), None).is_none());
}

#[tokio::test]
async fn hooks_are_asked_in_order_until_one_denies() {
    let world = world(&[("one", PRE), ("deaf", AFTER), ("two", PRE), ("three", PRE)], patient());
    let said = world.ask("one:rewrite; two:deny").await;
    assert_eq!(said.unwrap_err(), "denied by two: not today");
    assert_eq!(world.log(), ["one pre one:rewrite; two:deny", "two pre please; one:rewrite; two:deny"]);
    assert_eq!(world.ask("go; three:rewrite").await.unwrap(), "please; go; three:rewrite");
}

#[tokio::test]
async fn a_hook_that_can_not_answer_denies_and_is_named() {
    let check = async |rule, prompt: &str, expected: &str| {
        let expected = format!("denied by gate: {expected} (takopi-hook-told 1.2.3)");
        assert_eq!(world(&[("gate", PRE)], rule).ask(prompt).await, Err(expected), "{prompt}");
    };
    check(patient(), "gate:panic", "it panicked: on purpose").await;
    check(patient(), "gate:fail", "it failed: no network; plug it in").await;
    check(quick(OnFailure::Deny), "gate:wait", "it did not return within 0 s").await;
    check(quick(OnFailure::Deny), "gate:block", "it did not return within 0 s").await;
}

#[tokio::test]
async fn a_hook_that_may_fail_is_passed_by() {
    let world = world(&[("gate", PRE), ("next", PRE)], quick(OnFailure::Allow));
    for order in ["panic", "fail", "wait", "block"] {
        let prompt = format!("gate:{order}");
        assert_eq!(world.ask(&prompt).await, Ok(prompt.clone()));
        assert_eq!(world.log().last(), Some(&format!("next pre {prompt}")));
    }
}

#[tokio::test]
async fn a_run_can_be_given_up_while_a_hook_thinks() {
    let world = world(&[("gate", PRE)], patient());
    let mut watch = world.watch("gate:wait");
    tokio::select! {
        biased;
        said = watch.ask() => panic!("it waits: {said:?}"),
        () = async { while world.log().is_empty() { tokio::task::yield_now().await } } => {}
    }
    end(watch, None).await;
}

#[tokio::test]
async fn events_come_in_their_order_and_the_end_after_them() {
    let world = world(&[("ear", ALL)], patient());
    let mut watch = world.watch("go");
    watch.ask().await.unwrap();
    watch.begin();
    let token = ResumeToken::new(engine(), "t1").unwrap();
    watch.event(&Event::Started(Started::new(token, "Acme")));
    for word in ["a", "b", "c"] {
        watch.event(&text(word));
    }
    end(watch, None).await;
    assert_eq!(
        world.log(),
        [
            "ear pre go",
            "ear started",
            "ear a",
            "ear b",
            "ear c",
            "ear completed",
            "ear post Done denied by None"
        ]
    );
}

#[tokio::test]
async fn a_hook_that_is_slow_holds_no_run() {
    let world = world(&[("ear", AFTER)], quick(OnFailure::Deny));
    for order in ["ear:wait", "ear:block"] {
        let mut watch = world.watch(order);
        watch.begin();
        for _ in 0..1000 {
            watch.event(&text("word"));
        }
        end(watch, None).await;
    }
    world.release.notify_waiters();
}

#[tokio::test]
async fn a_hook_that_fails_at_an_event_hears_no_more_but_the_end() {
    for order in ["ear:panic", "ear:fail"] {
        let world = world(&[("ear", AFTER)], patient());
        let mut watch = world.watch(order);
        watch.begin();
        watch.event(&text("a"));
        watch.event(&text("b"));
        end(watch, None).await;
        assert_eq!(world.log(), ["ear a", "ear post Done denied by None"]);
    }
}

#[tokio::test]
async fn the_end_of_a_denied_run_is_told_too() {
    let world = world(&[("gate", PRE), ("ear", AFTER)], patient());
    let mut watch = world.watch("gate:deny");
    let denial = watch.ask().await.unwrap_err();
    end(watch, Some(&denial)).await;
    assert_eq!(world.log(), ["gate pre gate:deny", "ear post Done denied by Some(\"gate\")"]);
}

#[test]
fn what_is_named_or_visible_is_asked() {
    fn panics() -> Arc<dyn HookBackend> {
        panic!("in the constructor")
    }
    fn never() -> Arc<dyn HookBackend> {
        unreachable!("it is there twice")
    }
    fn quiet() -> Arc<dyn HookBackend> {
        Arc::new(Told { id: "quiet", wants: AFTER, log: <_>::default(), release: <_>::default() })
    }
    static OTHER: Distribution = Distribution::new("other", "0.1.0", "");
    let row = |id, constructor: fn() -> Arc<dyn HookBackend>| {
        Backend::new(id, Constructor::Hook(constructor)).distribution(&FROM)
    };
    let rows = [
        row("quiet", quiet),
        row("broken", panics),
        row("twice", never),
        row("twice", never).distribution(&OTHER),
        row("order", never),
    ];
    let rows: Vec<&'static Backend> = rows.into_iter().map(|row| &*Box::leak(Box::new(row))).collect();
    let config = config("[hooks]\norder = ['quiet', 'gone']\n");
    let registry = Registry::new(rows, &[], config.enabled.clone());
    let hooks = Hooks::new(&registry, &config);
    assert_eq!(hooks.look().map(|(id, ..)| id).collect::<Vec<_>>(), ["quiet", "gone", "broken", "twice"]);
    assert!(hooks.have_a_say());
    let faults: Vec<_> =
        hooks.look().filter_map(|(id, wants, _)| Some(format!("{id}: {}", wants.err()?))).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].starts_with("gone: there is no hook `gone`; there is: "), "{faults:?}");
    assert!(
        faults[1].contains("its constructor panicked: in the constructor (takopi-hook-told 1.2.3)"),
        "{faults:?}"
    );
    assert!(faults[2].contains("other 0.1.0 and takopi-hook-told 1.2.3 offer it"), "{faults:?}");
}

fn config(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    std::fs::write(&path, text).unwrap();
    let vocabulary = Vocabulary { engines: vec!["acme"], ..Vocabulary::default() };
    Reader::new(Path::to_owned(&path), vocabulary, Overrides::default()).load().unwrap()
}
