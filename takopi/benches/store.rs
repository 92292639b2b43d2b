//! How many messages a second the store takes from acceptance to delivery, when 1,000 come at a time. Run with
//! `cargo bench -p takopi --bench store`.

use divan::counter::ItemsCount;
use futures_util::future::join_all;
use takopi::store::{Accepted, Durability, NewRun, Place, Resume, SessionChange, SessionKey, Store};
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Outcome, Usage};
use takopi_api::message::{Address, IncomingMessage, MessageRef, Sender};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{Batch, RunContext, Write};
use takopi_api::transport::TransportId;
use tokio::runtime::Runtime;

const MESSAGES: usize = 1_000;
const ENGINE: EngineId = EngineId::from_static("acme");

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime of one thread")
}

/// A message from acceptance to delivery: five jobs.
async fn cycle(store: &Store, transport: &TransportId, n: usize) {
    let address = Address::general(n.to_string());
    let message = IncomingMessage::new(address.clone(), "1", "mend the test that fails on tuesdays")
        .update(n.to_string())
        .sender(Sender::new("1"));
    let batch = Batch::new([message]).write(Write::put("offset", n.to_string()));
    let accepted = store.accept(transport, batch).await.expect("stored");
    let Some(&Accepted::New(seq)) = accepted.first() else { panic!("message {n} is new") };
    let run = RunId::unique();
    let new = NewRun {
        id: run.clone(),
        messages: vec![seq],
        place: Place::new(transport.clone(), address.clone()),
        person: None,
        engine: ENGINE,
        context: RunContext { project: Some("z80".to_owned()), branch: None },
        cwd: "/home/somebody/z80".into(),
        resume: Resume::Nothing,
        reply_to: None,
        progress: None,
        progress_key: "card".to_owned(),
    };
    store.begin_run(new).await.expect("begun");
    let token = ResumeToken::new(ENGINE, run.as_str()).expect("a token");
    store.thread_known(&run, &token).await.expect("stored");
    let completed = Completed::new(ENGINE, Outcome::Done)
        .answer("It failed on tuesdays because the week began on mondays. It does not any more.")
        .usage(Some(Usage::default()))
        .resume(Some(token));
    store.answered(&run, &completed, SessionChange::None).await.expect("stored");
    let answer = MessageRef::new(address, takopi_api::message::MessageId::new("2"));
    store.delivered(&run, Some(&answer), None).await.expect("stored");
}

#[divan::bench(args = [Durability::Full, Durability::Normal], sample_count = 20)]
fn a_thousand_messages(bencher: divan::Bencher<'_, '_>, durability: Durability) {
    let runtime = runtime();
    let transport = TransportId::parse("acme").expect("an id");
    bencher
        .with_inputs(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let (store, _) = Store::open_with(folder.path(), durability).expect("a store");
            (store, folder)
        })
        .input_counter(|_| ItemsCount::new(MESSAGES))
        .bench_refs(|(store, _)| {
            runtime.block_on(join_all((0..MESSAGES).map(|n| cycle(store, &transport, n))));
        });
}

/// The look-up that every message costs, beside 100,000 sessions that are idle.
#[divan::bench]
fn a_session_among_100_000(bencher: divan::Bencher<'_, '_>) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = Store::open_with(folder.path(), Durability::Normal).expect("a store");
    let transport = TransportId::parse("acme").expect("an id");
    let key = |n: usize| SessionKey {
        place: Place::new(transport.clone(), Address::general(n.to_string())),
        person: None,
        cwd: "/home/somebody/z80".into(),
    };
    let token = ResumeToken::new(ENGINE, "0199a213-81c0-7800-8aa1-bbab2a035a53").expect("a token");
    runtime.block_on(async {
        for chunk in 0..100 {
            let keys: Vec<_> = (0..1_000).map(|n| key(chunk * 1_000 + n)).collect();
            join_all(keys.iter().map(|key| store.remember_session(key, &token))).await;
        }
    });
    let mut n = 0;
    bencher.bench_local(|| {
        n = (n + 7_919) % 100_000;
        runtime.block_on(store.session(&key(n), &ENGINE)).expect("read")
    });
}
