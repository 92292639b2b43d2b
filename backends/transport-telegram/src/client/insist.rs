//! Questions to the server, which may be asked as often as one likes.

use std::time::Duration;

use super::{CallError, Failure};

/// How long to wait before a question is asked again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(8)];

/// A pause that the server wants is made if it is no longer than this.
const LONGEST: Duration = Duration::from_secs(15);

/// Asks until there is an answer of the server, or no hope of one soon.
pub(crate) async fn insist<T, F: Future<Output = Result<T, CallError>>>(
    ask: impl Fn() -> F,
) -> Result<T, CallError> {
    for pause in PAUSES {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let pause = match error.failure {
            Failure::Network(_) | Failure::Server(_) => pause,
            Failure::RetryAfter { pause, .. } if pause <= LONGEST => pause,
            _ => return Err(error),
        };
        tracing::debug!(%error, "telegram.again");
        tokio::time::sleep(pause).await;
    }
    ask().await
}
