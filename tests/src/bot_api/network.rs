//! The connections of clients, which can break.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How many clients may wait to be let in.
const BACKLOG: u32 = 1024;

/// The switch of the network.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) address: SocketAddr,
    orders: UnboundedSender<Order>,
}

/// What the network is told, and who waits until it is so.
#[derive(Debug)]
struct Order {
    is_up: bool,
    done: mpsc::Sender<()>,
}

impl Network {
    /// A port of this machine, and what lets clients in.
    pub(super) fn open(port: u16) -> io::Result<(Self, Gate)> {
        // While the network is down, this keeps the port from others.
        let place = bind((Ipv4Addr::LOCALHOST, port).into())?;
        let address = place.local_addr()?;
        let listener = Some(bind(address)?.listen(BACKLOG)?);
        let (orders, received) = unbounded_channel();
        let gate = Gate { address, _place: place, listener, orders: received, wires: Mutex::default() };
        Ok((Self { address, orders }, gate))
    }

    /// Ends all connections and refuses new ones, or not any more. It is so when this returns.
    pub(super) fn switch(&self, is_up: bool) {
        let (done, waits) = mpsc::channel();
        if self.orders.send(Order { is_up, done }).is_ok() {
            // An error is the end of the server, which has no connections either.
            let _ = waits.recv();
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Lets clients in while the network is up.
#[derive(Debug)]
pub(super) struct Gate {
    address: SocketAddr,
    _place: TcpSocket,
    listener: Option<TcpListener>,
    orders: UnboundedReceiver<Order>,
    wires: Mutex<Vec<Weak<State>>>,
}

impl Gate {
    fn obey(&mut self, order: &Order) {
        if !order.is_up {
            self.listener = None;
            let wires = std::mem::take(&mut *self.wires());
            wires.iter().filter_map(Weak::upgrade).for_each(|state| Wire(state).cut());
        } else if self.listener.is_none() {
            let listener = bind(self.address).and_then(|socket| socket.listen(BACKLOG));
            self.listener = Some(listener.unwrap_or_else(|error| panic!("{}: {error}", self.address)));
        }
        // Who gave the order may be gone.
        let _ = order.done.send(());
    }

    fn wires(&self) -> std::sync::MutexGuard<'_, Vec<Weak<State>>> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Line> {
        stream.set_nodelay(true)?;
        let wire = Wire::default();
        let mut wires = self.wires();
        wires.retain(|wire| wire.strong_count() > 0);
        wires.push(Arc::downgrade(&wire.0));
        Ok(Line { stream, wire })
    }
}

impl Listener for Gate {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let accepted = async {
                match &self.listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(order) = self.orders.recv() => self.obey(&order),
                Ok((stream, from)) = accepted => {
                    // Who is gone already needs no line.
                    if let Ok(line) = self.admit(stream) {
                        return (line, from);
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// What a connection can be cut by.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_cut: AtomicBool,
    reader: AtomicWaker,
}

impl Wire {
    pub(super) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::SeqCst);
        self.0.reader.wake();
    }
}

impl Connected<IncomingStream<'_, Gate>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().wire.clone()
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    wire: Wire,
}

impl Line {
    fn check(&self) -> io::Result<()> {
        if !self.wire.0.is_cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        // It ends with a reset, not as if all had been said.
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wire.0.reader.register(context.waker());
        self.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
