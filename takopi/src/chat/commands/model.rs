//! `/model`: which model an engine uses here.

use super::reasoning::{self, Field};
use super::{Answer, Use};

pub(super) async fn handle(used: Use) -> Answer {
    reasoning::field(used, Field::Model).await
}
