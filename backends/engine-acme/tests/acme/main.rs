//! Acme behind takopi's contract, in repositories made for the test.

mod control;
mod fixture;
mod requests;
mod sessions;
mod writing;

use std::sync::Arc;

use takopi_api::testing::RunnerContract;

use fixture::Place;

#[tokio::test]
async fn acme_keeps_the_contract_of_runners() {
    let place = Place::with_files(&[("README.md", "# Acme\n"), ("src/main.rs", "fn main() {}\n")]);
    RunnerContract {
        runner: || Arc::clone(&place.runner),
        spec: || place.spec("which files are largest?"),
        slow: || place.spec("slowly which files are largest?"),
    }
    .check()
    .await;
    place.started_no_program();
}
