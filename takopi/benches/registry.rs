//! How long it takes to build the registry of 10,000 backends. Run with `cargo bench -p takopi`.

use takopi::plugins::{EnabledList, Registry};
use takopi_api::engine::{Availability, EngineBackend};
use takopi_api::plugin::{Backend, Constructor, Distribution};

const ROWS: usize = 10_000;

fn main() {
    divan::main();
}

fn rows() -> Vec<&'static Backend> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    (0..ROWS)
        .map(|n| {
            let distribution = Distribution::new(leak(format!("plugin-{}", n % 100)), "1.0.0", "");
            let row =
                Backend::new(leak(format!("engine_{}", (n * 7919) % ROWS)), Constructor::Engine(construct));
            &*Box::leak(Box::new(row.distribution(Box::leak(Box::new(distribution)))))
        })
        .collect()
}

fn construct() -> EngineBackend {
    EngineBackend::new("never", Availability::Embedded, |_| unreachable!("listing constructs nothing"))
}

#[divan::bench]
fn everything_visible(bencher: divan::Bencher<'_, '_>) {
    let rows = rows();
    bencher.bench(|| Registry::new(rows.iter().copied(), &["cancel", "plugins"], EnabledList::default()));
}

#[divan::bench]
fn half_enabled(bencher: divan::Bencher<'_, '_>) {
    let rows = rows();
    let enabled = EnabledList::new((0..50).map(|n| format!("plugin-{n}")));
    bencher.bench(|| Registry::new(rows.iter().copied(), &["cancel", "plugins"], enabled.clone()));
}
