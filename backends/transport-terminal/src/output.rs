//! What is printed, on a thread of its own: a terminal that is stopped (Ctrl-S) or a reader that does not read must not
//! keep the rest from going on.

use std::io::{self, Write};

use takopi_api::transport::{SendError, SendFailure};
use tokio::sync::{mpsc, oneshot, watch};

/// Where to.
pub(crate) type Sink = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// Standard output.
pub(crate) fn stdout() -> Sink {
    Box::new(|text| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    })
}

/// The way to the sink. What is handed over is printed in that order.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    texts: mpsc::UnboundedSender<(String, oneshot::Sender<()>)>,
    closed: watch::Receiver<Option<Closed>>,
}

/// Why nothing more is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Nobody reads any more. That is no failure: whoever read has enough.
    NobodyReads,
    /// It does not work.
    Failed(io::ErrorKind),
}

/// A text on its way.
#[derive(Debug)]
#[must_use = "it is printed when this says so"]
pub(crate) struct Printing(Option<oneshot::Receiver<()>>);

impl Output {
    pub(crate) fn new(mut sink: Sink) -> Self {
        let (texts, mut waiting) = mpsc::unbounded_channel::<(String, oneshot::Sender<()>)>();
        let (sender, closed) = watch::channel(None);
        std::thread::spawn(move || {
            while let Some((text, printed)) = waiting.blocking_recv() {
                if let Err(error) = sink(text) {
                    sender.send_replace(Some(Closed::of(&error)));
                    return;
                }
                // Whoever wanted to know may have gone.
                let _ = printed.send(());
            }
        });
        Self { texts, closed }
    }

    /// Hands a text over.
    pub(crate) fn print(&self, text: String) -> Printing {
        if text.is_empty() {
            return Printing(None);
        }
        let (printed, receiver) = oneshot::channel();
        // Without a thread the receiver hears that nothing comes.
        let _ = self.texts.send((text, printed));
        Printing(Some(receiver))
    }

    /// Waits until nothing more can be printed.
    pub(crate) async fn closed(&self) -> Closed {
        let mut closed = self.closed.clone();
        let found = closed.wait_for(Option::is_some).await;
        found.ok().and_then(|closed| *closed).unwrap_or(Closed::NobodyReads)
    }
}

impl Printing {
    /// Waits until it is printed.
    pub(crate) async fn done(self) -> Result<(), SendError> {
        let Some(receiver) = self.0 else { return Ok(()) };
        receiver
            .await
            .map_err(|_| SendError::new(SendFailure::Unreachable, "nobody reads the terminal any more"))
    }
}

impl Closed {
    fn of(error: &io::Error) -> Self {
        // A terminal that hung up says EIO.
        let is_gone = error.kind() == io::ErrorKind::BrokenPipe
            || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        if is_gone { Self::NobodyReads } else { Self::Failed(error.kind()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_printed_is_told() {
        let (seen, texts) = std::sync::mpsc::channel();
        let output =
            Output::new(Box::new(move |text| seen.send(text).map_err(|_| io::ErrorKind::BrokenPipe.into())));
        let (first, second) = (output.print("a".into()), output.print("b".into()));
        second.done().await.unwrap();
        first.done().await.unwrap();
        output.print(String::new()).done().await.unwrap();
        assert_eq!(texts.try_iter().collect::<String>(), "ab");
        drop(texts);
        assert_eq!(output.print("c".into()).done().await.unwrap_err().failure, SendFailure::Unreachable);
        assert_eq!(output.closed().await, Closed::NobodyReads);
        assert_eq!(output.print("d".into()).done().await.unwrap_err().failure, SendFailure::Unreachable);
    }
}
