//! The server in a thread of its own, so that it can be used from tests of any kind.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use tokio::sync::oneshot;

use super::http;
use super::network::{Gate, Network, Wire};
use super::state::{Shared, State};
use super::world::UserId;

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct BotApi {
    pub(super) shared: Arc<Shared>,
    pub(super) network: Network,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

const ME: UserId = UserId(7_000_000_001);

/// How a token ends. It has the form of a real one, which clients may check.
const SECRET: &str = "AAFakeTokenOfNoBotAtAll-0123456789_";

impl BotApi {
    /// A server on a free port of this machine.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(0).unwrap_or_else(|error| panic!("127.0.0.1: {error}"))
    }

    /// A server on this port.
    ///
    /// # Errors
    /// If the port is not free.
    pub fn start_on(port: u16) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(State::new(format!("{ME}:{SECRET}"), ME)));
        let (opened, opening) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let served = shared.clone();
        let thread = std::thread::Builder::new().name("bot-api".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(opened.send(Err(error))),
            };
            runtime.block_on(async {
                match Network::open(port) {
                    Ok((network, gate)) => {
                        // Who started the server waits for this.
                        let _ = opened.send(Ok(network));
                        tokio::select! {
                            () = serve(gate, served) => {}
                            _ = stopped => {}
                        }
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            });
        })?;
        let network = opening.recv().map_err(io::Error::other)??;
        Ok(Self { shared, network, thread: Some((stop, thread)) })
    }

    /// The address that takes the place of `https://api.telegram.org`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.network.address)
    }

    /// The bot's token.
    #[must_use]
    pub fn token(&self) -> String {
        self.shared.lock().token.clone()
    }
}

impl Drop for BotApi {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            // A server that has panicked already said so.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

async fn serve(gate: Gate, shared: Arc<Shared>) {
    let router = Router::new().fallback(move |wire: ConnectInfo<Wire>, request: Request| {
        let shared = shared.clone();
        async move { http::serve(shared, wire, request).await }
    });
    let service = router.into_make_service_with_connect_info::<Wire>();
    // It serves until it is dropped.
    let _ = axum::serve(gate, service).await;
}
