//! Standard output on a thread of its own: a reader that does not read must not keep takopi from hearing Ctrl-C.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::Written;

/// How many texts wait for the reader before whoever makes them waits too.
const WAITING: usize = 64;

/// The way to standard output.
pub(in crate::cli) struct Writer {
    texts: mpsc::Sender<String>,
    end: oneshot::Receiver<std::io::Result<Written>>,
    _thread: JoinHandle<()>,
}

impl Writer {
    pub(in crate::cli) fn new() -> Self {
        let (texts, mut waiting) = mpsc::channel::<String>(WAITING);
        let (ended, end) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let mut written = Ok(Written::All);
            while let Some(text) = waiting.blocking_recv() {
                written = super::data(&text);
                if !matches!(written, Ok(Written::All)) {
                    break;
                }
            }
            // Nobody may be there to hear it any more.
            let _ = ended.send(written);
        });
        Self { texts, end, _thread: thread }
    }

    /// Hands a text over, once there is room for it. `false` if nobody reads any more; [`Self::finish`] says why.
    pub(in crate::cli) async fn write(&self, text: String) -> bool {
        self.texts.send(text).await.is_ok()
    }

    /// Waits until everything is written.
    pub(in crate::cli) async fn finish(self) -> std::io::Result<Written> {
        drop(self.texts);
        // The thread always answers before it ends.
        self.end.await.unwrap_or(Ok(Written::NobodyReads))
    }
}
