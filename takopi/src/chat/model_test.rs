//! The conversation against a model: whatever people say and press, engines do, chat systems refuse, and at whichever
//! write the program dies, no message is lost, none is run twice, a thread's order is kept, a thread has one run at a time,
//! and nothing looks at work that is not.
//!
//! Everything is the real one but the chat system, the engine and the clock. `PROPTEST_CASES` says how many plans are
//! tried.

mod chat_system;
mod check;
mod engine;
mod plan;
mod world;

use proptest::test_runner::Config;

/// As many as take some seconds.
const CASES: u32 = 120;

fn cases() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    Config { cases, max_shrink_iters: 2000, failure_persistence: None, ..Config::default() }
}

proptest::proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_happens_each_message_comes_to_one_end(plan in plan::plans()) {
        let world = world::play(&plan);
        check::all(&plan, &world)?;
    }
}
