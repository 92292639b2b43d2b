//! The signals by which a person, or a service manager, ends takopi.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, and what a service manager or a closed terminal sends instead.
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        let ignored = ignored_signals();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // Who started takopi with a signal ignored (`nohup`, a shell's background job) means that.
        let heard = kinds.into_iter().filter(|kind| ignored & (1 << (kind.as_raw_value() - 1)) == 0);
        Ok(Self(heard.map(signal).collect::<Result<_, _>>()?))
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let waits = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        if waits.len() == 0 {
            return std::future::pending().await;
        }
        futures_util::future::select_all(waits).await;
    }
}

/// The signals that this process was started with as ignored, one bit each; see proc(5).
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
