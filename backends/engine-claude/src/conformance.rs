//! The conformance suite, on recordings of the real CLI.

use takopi_api::testing::Recordings;

use crate::backend::Settings;
use crate::print::Print;

#[tokio::test]
async fn every_recording_ends_as_a_person_would_expect() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");
    let recordings = Recordings::new(folder, || Print { settings: Settings::default() });
    for (name, events) in recordings.check().await {
        insta::with_settings!({
            snapshot_path => "../tests/snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, events);
        });
    }
}
