//! Takopi finds the transport under its id, and constructs it.

use takopi_api::plugin;
use takopi_transport_terminal as _;

#[test]
fn it_is_registered_under_its_own_id() {
    assert_eq!(plugin::backends().count(), 1);
    assert_eq!(takopi_api::testing::transport("terminal").id(), "terminal");
}
