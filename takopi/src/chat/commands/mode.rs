//! `/mode`: in which of its ways an engine works here.

use super::reasoning::{self, Field};
use super::{Answer, Use};

pub(super) async fn handle(used: Use) -> Answer {
    reasoning::field(used, Field::Mode).await
}
