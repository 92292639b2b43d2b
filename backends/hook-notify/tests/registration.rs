//! Takopi finds the hook under its id, and constructs it.

use takopi_api::plugin::{self, Constructor};
use takopi_hook_notify as _;

#[test]
fn it_is_registered_under_its_own_id() {
    let rows: Vec<_> = plugin::backends().collect();
    let [row] = rows.as_slice() else { panic!("one row, not {rows:?}") };
    let Constructor::Hook(construct) = row.constructor else { panic!("no hook: {row:?}") };
    assert_eq!((row.id, construct().id()), ("notify", "notify"));
}
