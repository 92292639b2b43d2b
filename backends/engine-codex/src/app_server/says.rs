//! What a run says to the server: a list, which is written once the run has said all of it.

use serde_json::Value;
use takopi_api::runner::ControlError;
use tokio::sync::oneshot;

/// What takopi calls for, and what the answer means to the run.
#[derive(Debug)]
pub(super) enum Call {
    /// How codex is configured for the folder.
    Configuration,
    /// The thread, begun or continued.
    Thread,
    /// The turn.
    Turn,
    /// The end of the turn.
    Interrupt,
    /// A text in the middle of the turn, from a person who waits to hear what became of it.
    Steer(oneshot::Sender<Result<(), ControlError>>),
    /// What a person said about a refusal.
    Reason,
    /// A step of clearing up, of which nothing but its end matters.
    Clearing,
}

/// One thing to say.
#[derive(Debug)]
pub(super) enum Saying {
    Call {
        call: Call,
        method: &'static str,
        params: Value,
    },
    /// Answers a request of codex.
    Answer {
        id: Value,
        result: Value,
    },
    /// Answers a request of codex that nobody decides about.
    Refuse {
        id: Value,
        reason: String,
    },
    /// The run is to ask again for its thread, a little later.
    Later,
    /// What is said about this thread is this run's.
    Follow {
        thread: String,
    },
}

#[derive(Debug, Default)]
pub(super) struct Says(pub(super) Vec<Saying>);

impl Says {
    pub(super) fn call(&mut self, call: Call, method: &'static str, params: Value) {
        self.0.push(Saying::Call { call, method, params });
    }

    pub(super) fn answer(&mut self, id: Value, result: Value) {
        self.0.push(Saying::Answer { id, result });
    }

    pub(super) fn refuse(&mut self, id: Value, reason: impl Into<String>) {
        self.0.push(Saying::Refuse { id, reason: reason.into() });
    }

    pub(super) fn later(&mut self) {
        self.0.push(Saying::Later);
    }

    pub(super) fn follow(&mut self, thread: impl Into<String>) {
        self.0.push(Saying::Follow { thread: thread.into() });
    }
}
