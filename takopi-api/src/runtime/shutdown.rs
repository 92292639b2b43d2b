//! When to end.

use tokio::sync::watch;

/// Tells that it is time to end. Every clone tells the same.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Says that it is time to end. Dropping it says so too: nobody would be left to.
#[derive(Debug)]
pub struct ShutdownSwitch(watch::Sender<bool>);

impl ShutdownSwitch {
    /// A switch, and what it switches.
    #[must_use]
    pub fn new() -> (Self, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Shutdown(receiver))
    }

    /// It is time to end.
    pub fn shut_down(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits until it is time to end.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        // Without a switch nobody is left who could want more.
        let _ = receiver.wait_for(|is_time| *is_time).await;
    }

    /// Whether it is time to end.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
