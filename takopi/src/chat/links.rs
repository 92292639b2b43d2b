//! Through what a transport is sent to, for whoever starts and stops transports.

use std::sync::Arc;

use takopi_api::transport::{Transport, TransportId};

use super::conversation::Chat;

/// An outgoing side, to be known again.
pub(crate) struct Connected(Arc<dyn Transport>);

impl Chat {
    /// What a transport is connected with; `None` before it first was.
    pub(crate) fn connected(&self, transport: &TransportId) -> Option<Connected> {
        self.0.link(transport).map(|link| Connected(link.outgoing))
    }

    /// A transport has ended. Runs that go on keep their way out; nothing new begins there until it is connected again.
    pub(crate) fn parted(&self, transport: &TransportId) {
        self.0.present.send_modify(|present| {
            present.remove(transport);
        });
    }
}

impl PartialEq for Connected {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").finish_non_exhaustive()
    }
}
