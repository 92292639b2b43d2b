//! Takopi finds the commands under their ids, and constructs them. One of them is started for all.

use takopi_api::plugin::{self, Constructor};
use takopi_command_schedule as _;

#[test]
fn they_are_registered_under_their_own_ids() {
    let mut found: Vec<(&str, bool)> = Vec::new();
    for row in plugin::backends() {
        let Constructor::Command(construct) = row.constructor else { panic!("no command: {row:?}") };
        assert_eq!(row.id, construct().id());
        found.push((row.id, row.starts));
    }
    found.sort_unstable();
    assert_eq!(found, [("at", false), ("cron", false), ("schedule", true)]);
}
