//! The rules of the static registry, line by line, on rows made for the purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use takopi::plugins::report::Report;
use takopi::plugins::{EnabledList, Linked, LoadError, LookupError, Registry};
use takopi::project::Alias;
use takopi_api::command::{CommandBackend, CommandContext};
use takopi_api::engine::{Availability, EngineBackend};
use takopi_api::error::Error;
use takopi_api::message::OutgoingMessage;
use takopi_api::plugin::{Backend, BackendKind, Constructor, Distribution};

static ONE: Distribution = Distribution::new("plugin-one", "1.2.3", "");
static TWO: Distribution = Distribution::new("plugin-two", "0.1.0", "");
static ACME: Distribution = Distribution::new("takopi-engine-acme", "0.1.0", "");

const RESERVED: &[&str] = &["cancel", "init", "plugins"];

macro_rules! engine {
    ($id:literal) => {
        engine!($id, $id)
    };
    ($id:literal, $own_id:literal) => {
        Backend::new(
            $id,
            Constructor::Engine(|| {
                EngineBackend::new($own_id, Availability::Embedded, |_| {
                    unreachable!("no runner is built here")
                })
            }),
        )
    };
}

fn rows<const N: usize>(rows: [Backend; N]) -> Vec<&'static Backend> {
    rows.into_iter().map(|row| &*Box::leak(Box::new(row))).collect()
}

fn registry<const N: usize>(all: [Backend; N], enabled: &[&str]) -> Registry {
    let enabled = EnabledList::new(enabled.iter().map(|&entry| entry.to_owned()));
    Registry::new(rows(all), RESERVED, enabled)
}

fn visible(registry: &Registry) -> Vec<&str> {
    registry.visible(BackendKind::Engine).map(|entry| entry.row().id).collect()
}

fn problems(registry: &Registry) -> Vec<String> {
    registry.problems().map(|problem| format!("{}: {}", problem.id, problem.text)).collect()
}

static CONSTRUCTED: AtomicUsize = AtomicUsize::new(0);

fn count_and_panic() -> EngineBackend {
    CONSTRUCTED.fetch_add(1, Ordering::SeqCst);
    panic!("on purpose")
}

#[test]
fn listing_runs_no_constructor_and_each_runs_at_most_once() {
    let registry =
        registry([Backend::new("boom", Constructor::Engine(count_and_panic)).distribution(&ONE)], &[]);
    assert_eq!(visible(&registry), ["boom"]);
    let linked = Linked::new(vec![&ONE]);
    let report = Report::new(&registry, &linked, &[]);
    assert!(report.to_string().contains("  boom (plugin-one 1.2.3)\n"));
    assert!(registry.find(BackendKind::Engine, "boom").is_ok());
    assert_eq!(CONSTRUCTED.load(Ordering::SeqCst), 0, "listing constructed it");
    let expected = LoadError::Panicked("on purpose".into());
    for _ in 0..3 {
        let Err(LookupError::Failed { error, .. }) = registry.engine("boom") else { panic!("it loaded") };
        assert_eq!(error, expected);
    }
    assert_eq!(CONSTRUCTED.load(Ordering::SeqCst), 1, "the error was not kept");
}

#[test]
fn a_backend_is_the_same_each_time() {
    let registry = registry([engine!("acme").distribution(&ACME)], &[]);
    assert!(std::ptr::eq(registry.engine("acme").unwrap(), registry.engine("acme").unwrap()));
}

#[test]
fn bad_ids_are_skipped_and_reported() {
    let long = "a23456789012345678901234567890123";
    let row = |id: &'static str| {
        let mut row = engine!("x").distribution(&ONE);
        row.id = id;
        row
    };
    for id in ["", "Acme", "ac me", "ac-me", "äcme", "a/b", long] {
        let registry = registry([row(id)], &[]);
        assert!(visible(&registry).is_empty(), "{id:?} is visible");
        assert!(problems(&registry)[0].ends_with("a-z, 0-9 and _; skipped"), "{:?}", problems(&registry));
        assert!(matches!(registry.engine(id), Err(LookupError::Skipped { .. })), "{id:?}");
    }
    for id in ["a", "9", "a_b", &long[..32]] {
        assert_eq!(visible(&registry([row(id)], &[])), [id]);
    }
}

struct Ping;

#[takopi_api::async_trait]
impl CommandBackend for Ping {
    fn id(&self) -> &'static str {
        "ping"
    }

    async fn handle(&self, _: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        Ok(None)
    }
}

#[test]
fn reserved_ids_are_skipped_and_reported() {
    let command = Backend::new("init", Constructor::Command(|| Arc::new(Ping))).distribution(&ONE);
    let registry =
        registry([engine!("cancel").distribution(&ONE), engine!("ok").distribution(&ONE), command], &[]);
    assert_eq!(visible(&registry), ["ok"]);
    assert_eq!(registry.visible(BackendKind::Command).count(), 0);
    assert_eq!(
        problems(&registry),
        [
            "cancel: the id is reserved for a command of takopi; skipped",
            "init: the id is reserved for a command of takopi; skipped"
        ]
    );
}

#[test]
fn an_id_that_is_a_key_of_the_configuration_is_skipped_and_reported() {
    let command = |id| Backend::new(id, Constructor::Command(|| Arc::new(Ping))).distribution(&ONE);
    let all = [
        engine!("projects").distribution(&ONE),
        engine!("limits").distribution(&ONE),
        engine!("enabled").distribution(&ONE),
        command("enabled"),
        command("projects"),
    ];
    let registry = registry(all, &[]);
    assert_eq!(visible(&registry), ["enabled"]);
    let commands: Vec<_> = registry.visible(BackendKind::Command).map(|entry| entry.row().id).collect();
    assert_eq!(commands, ["projects"]);
    assert_eq!(
        registry.engine("limits").unwrap_err().to_string(),
        "the engine `limits` can not be used: the id is a key of takopi's own where its table would stand in the \
         configuration; skipped (plugin-one 1.2.3)"
    );
}

#[test]
fn commands_that_nobody_reaches_in_chats_are_told() {
    let command = |id| Backend::new(id, Constructor::Command(|| Arc::new(Ping))).distribution(&ONE);
    let all = [engine!("codex").distribution(&TWO), command("codex"), command("ping"), command("z80")];
    let registry = registry(all, &[]);
    let alias = Alias::new("Z80").unwrap();
    let linked = Linked::default();
    let report = Report::new(&registry, &linked, &[&alias]);
    assert_eq!(
        report.warnings,
        [
            "command codex (plugin-one 1.2.3): nobody reaches it in chats, where `/codex` is the engine of that id",
            "command z80 (plugin-one 1.2.3): nobody reaches it in chats, where `/z80` is the project `Z80`",
        ]
    );
}

#[test]
fn a_constructor_that_never_ends_is_an_error_after_a_while() {
    fn wait() -> EngineBackend {
        loop {
            std::thread::park();
        }
    }
    let registry = registry([Backend::new("waits", Constructor::Engine(wait)).distribution(&ONE)], &[]);
    for _ in 0..2 {
        assert_eq!(
            registry.engine("waits").unwrap_err().to_string(),
            "the engine `waits` can not be loaded: its constructor did not end within 5 seconds (plugin-one 1.2.3)"
        );
    }
}

#[test]
fn two_distributions_with_one_id_hide_each_other_until_the_list_leaves_one() {
    let both = [engine!("acme").distribution(&ONE), engine!("acme").distribution(&TWO)];
    let ambiguous = registry(both, &[]);
    assert!(visible(&ambiguous).is_empty());
    assert_eq!(problems(&ambiguous).len(), 2);
    let error = ambiguous.engine("acme").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the engine `acme` can not be used: plugin-one 1.2.3 and plugin-two 0.1.0 offer it"
    );
    assert_eq!(error.hints(), ["let `plugins.enabled` in the configuration name only one of them"]);
    for (enabled, expected) in [("plugin-one", &ONE), ("Plugin.Two", &TWO)] {
        let decided = registry(both, &[enabled]);
        assert_eq!(visible(&decided), ["acme"]);
        assert!(problems(&decided).is_empty());
        let entry = decided.find(BackendKind::Engine, "acme").unwrap();
        assert_eq!(entry.row().distribution, Some(expected));
    }
    // A list that names both decides nothing, and one that names neither hides both.
    let undecided = registry(both, &["plugin-one", "plugin-two"]);
    assert!(matches!(undecided.engine("acme"), Err(LookupError::Conflict { .. })));
    let error = registry(both, &["something"]).engine("acme").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the engine `acme` is disabled: `plugins.enabled` in the configuration does not name plugin-one 1.2.3 and plugin-two 0.1.0"
    );
    assert_eq!(error.hints().len(), 2);
    // The name of this project leaves its own of two.
    let first = [engine!("acme").distribution(&ACME), engine!("acme").distribution(&TWO)];
    let decided = registry(first, &["takopi"]);
    assert_eq!(decided.find(BackendKind::Engine, "acme").unwrap().row().distribution, Some(&ACME));
    // One distribution that offers an id twice is no better.
    let twice =
        registry([engine!("acme").distribution(&ONE), engine!("acme").distribution(&ONE)], &["plugin-one"]);
    assert!(visible(&twice).is_empty());
}

#[test]
fn the_same_id_may_be_of_two_kinds() {
    let command = Backend::new("ping", Constructor::Command(|| Arc::new(Ping))).distribution(&ONE);
    let registry = registry([engine!("ping").distribution(&TWO), command], &[]);
    assert_eq!(visible(&registry), ["ping"]);
    assert_eq!(registry.visible(BackendKind::Command).count(), 1);
    assert!(registry.load(BackendKind::Command, "ping").is_ok());
}

#[test]
fn a_backend_must_call_itself_by_its_registered_id() {
    let registry = registry([engine!("acme", "emca").distribution(&ONE)], &[]);
    let Err(error) = registry.engine("acme") else { panic!("it loaded") };
    assert_eq!(
        error.to_string(),
        "the engine `acme` can not be loaded: the backend calls itself `emca` (plugin-one 1.2.3)"
    );
}

#[test]
fn the_enabled_list_rules_what_is_visible() {
    let all = [engine!("a").distribution(&ONE), engine!("b").distribution(&TWO), engine!("c")];
    assert_eq!(visible(&registry(all, &[])), ["a", "b", "c"]);
    assert_eq!(visible(&registry(all, &["Plugin__ONE"])), ["a"]);
    assert_eq!(visible(&registry(all, &["plugin.two", "plugin-one"])), ["a", "b"]);
    assert!(visible(&registry(all, &["nothing"])).is_empty());
    let first_party = [engine!("acme").distribution(&ACME), engine!("b").distribution(&TWO)];
    assert_eq!(visible(&registry(first_party, &["takopi"])), ["acme"]);
}

#[test]
fn a_row_without_distribution_is_reported() {
    let registry = registry([engine!("lost")], &[]);
    assert_eq!(
        problems(&registry),
        ["lost: registered without a distribution; hidden whenever `plugins.enabled` is set"]
    );
}

#[test]
fn an_unknown_id_is_answered_with_what_is_there() {
    let registry = registry([engine!("zebra").distribution(&ONE), engine!("yak").distribution(&ONE)], &[]);
    let error = registry.engine("zerba").unwrap_err();
    assert_eq!(error.to_string(), "there is no engine `zerba`");
    assert_eq!(error.hints(), ["did you mean `zebra`?", "there is: yak, zebra"]);
    let error = Registry::new([], RESERVED, EnabledList::default()).engine("zebra").unwrap_err();
    assert_eq!(error.hints(), ["this build has no engine; see `takopi plugins`"]);
}

#[test]
fn a_known_plugin_that_is_not_compiled_in_names_its_feature() {
    let error = registry([engine!("zebra").distribution(&ONE)], &[]).engine("acme").unwrap_err();
    assert_eq!(error.to_string(), "the engine `acme` is not compiled in");
    assert_eq!(error.hints(), ["rebuild with --features engine-acme"]);
}

#[test]
fn a_disabled_one_says_so_and_by_which_list() {
    let error = registry([engine!("zebra").distribution(&ONE)], &["plugin-two"]).engine("zebra").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the engine `zebra` is disabled: `plugins.enabled` in the configuration does not name plugin-one 1.2.3"
    );
    assert_eq!(error.hints(), ["add \"plugin-one\" to `plugins.enabled` in the configuration"]);
}

#[test]
fn the_order_of_the_linker_does_not_show() {
    let ids = |order: [Backend; 3]| {
        let registry = registry(order, &[]);
        Report::new(&registry, &Linked::default(), &[]).to_string()
    };
    let (a, b, c) =
        (engine!("a").distribution(&TWO), engine!("b").distribution(&ONE), engine!("a").distribution(&ONE));
    assert_eq!(ids([a, b, c]), ids([c, a, b]));
}

#[test]
fn the_report_has_its_groups_marks_and_errors_in_order() {
    let registry = registry(
        [
            engine!("b").distribution(&TWO),
            engine!("a").distribution(&ONE),
            engine!("init").distribution(&TWO),
            engine!("no good").distribution(&ONE),
        ],
        &["plugin-one", "plugin-tree"],
    );
    let report = Report::new(&registry, &Linked::new(vec![&ONE, &TWO]), &[]).to_string();
    let from = report.find("warnings:").unwrap();
    assert!(
        report.starts_with(
            "engine backends:\n  a (plugin-one 1.2.3) enabled\n  b (plugin-two 0.1.0) disabled\n\
             transport backends:\n  (none)\ncommand backends:\n  (none)\nhook backends:\n  (none)\n"
        ),
        "{report}"
    );
    assert_eq!(
        &report[from..],
        "warnings:\n  `plugin-tree` in `plugins.enabled` matches no plugin of this build; did you mean `plugin-one`?\n\
         errors:\n  \
         engine no good (plugin-one 1.2.3): the id must be 1 to 32 of the characters a-z, 0-9 and _; skipped\n  \
         engine init (plugin-two 0.1.0): the id is reserved for a command of takopi; skipped\n"
    );
}

#[test]
fn an_id_that_holds_an_escape_sequence_is_printed_harmlessly() {
    let registry = registry([engine!("\u{1b}[31m").distribution(&ONE)], &[]);
    let report = Report::new(&registry, &Linked::default(), &[]).to_string();
    assert!(!report.contains('\u{1b}') && report.contains("\\u{1b}[31m"), "{report}");
}
