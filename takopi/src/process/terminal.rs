//! The terminal of a program that wants one: a pair of ends, of which the program has one and takopi the other.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, OutputModes, Winsize};
use takopi_api::process::TerminalSize;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a person types who has nothing more to type (Ctrl-D).
const END_OF_INPUT: u8 = 4;

/// A terminal whose program is not started yet.
pub(super) struct Terminal {
    ours: OwnedFd,
    programs: OwnedFd,
}

impl Terminal {
    /// A terminal of this size. It shows what is written as it is written, and not what is typed.
    pub(super) fn open(size: TerminalSize) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        #[cfg(target_os = "linux")]
        let flags = flags | OpenptFlags::CLOEXEC;
        let ours = openpt(flags)?;
        // Elsewhere it can not be asked for at once.
        #[cfg(not(target_os = "linux"))]
        rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let programs = rustix::fs::open(name, flags, rustix::fs::Mode::empty())?;
        let mut modes = rustix::termios::tcgetattr(&programs)?;
        modes.output_modes.remove(OutputModes::OPOST);
        modes.local_modes.remove(LocalModes::ECHO);
        rustix::termios::tcsetattr(&programs, OptionalActions::Now, &modes)?;
        let size = Winsize { ws_col: size.columns, ws_row: size.rows, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&programs, size)?;
        let flags = rustix::fs::fcntl_getfl(&ours)?;
        rustix::fs::fcntl_setfl(&ours, flags | OFlags::NONBLOCK)?;
        Ok(Self { ours, programs })
    }

    /// The program's end, for one of its streams.
    pub(super) fn stdio(&self) -> io::Result<Stdio> {
        self.programs.try_clone().map(Stdio::from)
    }

    /// Our end, once the program is started: what it writes, and what can be typed. The program's end is closed here, so
    /// that the output ends when the program and all that it started have closed theirs.
    #[expect(
        deprecated,
        reason = "what it is warned of, a descriptor that changes, can not be with one that is owned; \
                  the other way is unsafe"
    )]
    pub(super) fn attach(self) -> io::Result<(Output, Input)> {
        let ours = Arc::new(AsyncFd::new(self.ours)?);
        Ok((Output(Arc::clone(&ours)), Input { terminal: ours, has_ended: false }))
    }
}

/// What a program writes to its terminal.
pub(super) struct Output(Arc<AsyncFd<OwnedFd>>);

impl AsyncRead for Output {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(context))?;
            let free = buffer.initialize_unfilled();
            match ready.try_io(|terminal| Ok(rustix::io::read(terminal.as_fd(), free)?)) {
                Ok(Ok(read)) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                // Linux says so when nobody has the other end open any more.
                Ok(Err(error)) if Errno::from_io_error(&error) == Some(Errno::IO) => {
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

/// What is typed on a program's terminal.
pub(super) struct Input {
    terminal: Arc<AsyncFd<OwnedFd>>,
    has_ended: bool,
}

impl AsyncWrite for Input {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.terminal.poll_write_ready(context))?;
            match ready.try_io(|terminal| Ok(rustix::io::write(terminal.as_fd(), bytes)?)) {
                Ok(written) => return Poll::Ready(written),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A terminal has no end that could be closed by itself, but a sign for it.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.has_ended {
            ready!(self.as_mut().poll_write(context, &[END_OF_INPUT]))?;
            self.has_ended = true;
        }
        Poll::Ready(Ok(()))
    }
}
