//! The hold on a run that goes on: interrupt it, send it a text, answer it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::event::{Decision, RequestId};

/// Why a run did not take an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The engine has no such thing; its capabilities say so.
    #[error("this engine does not support {0}")]
    Unsupported(&'static str),
    /// The run is over.
    #[error("the run is over")]
    Over,
    /// The run does not ask this, or does so no longer.
    #[error("nothing waits for an answer to request {}", .0.as_str())]
    NoSuchRequest(RequestId),
    /// The engine did not take it, for this reason.
    #[error("{0}")]
    Refused(String),
}

/// What an engine's run can be told. Each default answers that it is not supported.
#[async_trait]
pub trait Control: Send + Sync {
    /// Asks the engine to end the turn. The run then ends soon, with a `completed`.
    ///
    /// # Errors
    /// [`ControlError::Unsupported`] if the run can only be dropped; [`ControlError::Over`] if it is over;
    /// [`ControlError::Refused`] if the engine does not take it.
    async fn interrupt(&self) -> Result<(), ControlError> {
        Err(ControlError::Unsupported("interrupting"))
    }

    /// Sends a text into the turn that is running.
    ///
    /// # Errors
    /// [`ControlError::Unsupported`] if the engine can not take it; [`ControlError::Over`] if it comes too late;
    /// [`ControlError::Refused`] if the engine says no. The text is then in no turn, now or later.
    async fn steer(&self, text: String) -> Result<(), ControlError> {
        drop(text);
        Err(ControlError::Unsupported("steering"))
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`ControlError::Unsupported`] if the engine never asks; [`ControlError::NoSuchRequest`] if it does not ask this;
    /// [`ControlError::Over`] if the run is over; [`ControlError::Refused`] if the engine does not take this answer. The
    /// request then waits for another one, unless the events say what became of it.
    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let _ = (request, decision);
        Err(ControlError::Unsupported("requests"))
    }

    /// The run and every process of it are ended, at once: for what an engine has besides processes.
    fn kill(&self) {}
}

/// The hold on a run. Clones hold the same run.
#[derive(Clone)]
pub struct RunControl(Arc<dyn Control>);

impl RunControl {
    /// A hold on a run that does what `control` does.
    pub fn new(control: impl Control + 'static) -> Self {
        Self(Arc::new(control))
    }

    /// A hold on a run that can only be dropped.
    #[must_use]
    pub fn none() -> Self {
        struct None;
        impl Control for None {}
        Self::new(None)
    }

    /// Asks the engine to end the turn: see [`Control::interrupt`].
    ///
    /// # Errors
    /// See [`Control::interrupt`].
    pub async fn interrupt(&self) -> Result<(), ControlError> {
        self.0.interrupt().await
    }

    /// Sends a text into the turn that is running: see [`Control::steer`].
    ///
    /// # Errors
    /// See [`Control::steer`].
    pub async fn steer(&self, text: impl Into<String> + Send) -> Result<(), ControlError> {
        self.0.steer(text.into()).await
    }

    /// Answers a request: see [`Control::answer`].
    ///
    /// # Errors
    /// See [`Control::answer`].
    pub async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        self.0.answer(request, decision).await
    }

    /// Answers a request. An engine that does not take the answer is told no, and why, or it would wait for ever.
    ///
    /// # Errors
    /// See [`Control::answer`]; also where the engine took the no.
    pub async fn answer_or_deny(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let answered = self.answer(request, decision).await;
        if let Err(error @ (ControlError::Refused(_) | ControlError::Unsupported(_))) = &answered {
            // It may have said no to its program by itself.
            let _ = self.answer(request, Decision::Deny { reason: Some(error.to_string()) }).await;
        }
        answered
    }

    /// Ends the run and every process of it at once.
    pub fn kill(&self) {
        self.0.kill();
    }
}

impl fmt::Debug for RunControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunControl").finish_non_exhaustive()
    }
}
