//! The way to the server: one connection a request, on the loopback interface, without TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use takopi_api::jsonl::LINE_BYTES;
use tokio::net::TcpStream;

use super::sse::{Cutter, Heard};

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How long an answer may take. The first ones wait until opencode has read its configuration and started its plugins.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server says something every ten seconds. If it does not, the way to it is broken.
const HEARTBEAT: Duration = Duration::from_secs(45);

/// The name that a server asks for beside the password.
pub(super) const USER: &str = "opencode";

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("no connection: {0}")]
    NoConnection(#[from] std::io::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the request can not be made: {0}")]
    Malformed(#[from] hyper::http::Error),
    #[error("the answer can not be read: {0}")]
    Unreadable(String),
    #[error("no answer within {} s", .0.as_secs())]
    TooSlow(Duration),
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Reply {
    pub(super) const fn is_ok(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// The server of a run.
#[derive(Clone)]
pub(super) struct Server {
    address: SocketAddr,
    authorization: HeaderValue,
}

impl Server {
    /// The server behind a port, with the password that it was given. `None` if the password can not stand in a header.
    pub(super) fn new(port: u16, password: &str) -> Option<Self> {
        let credentials = BASE64_STANDARD.encode(format!("{USER}:{password}"));
        let mut authorization = HeaderValue::from_str(&format!("Basic {credentials}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), authorization })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, HttpError> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, HttpError> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, HttpError> {
        let answer = async {
            let response = self.send(method, path, body).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| HttpError::Unreadable(error.to_string()))?.to_bytes();
            Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
        };
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(HttpError::TooSlow(PATIENCE)))
    }

    /// Listens to what happens from now on. It begins once the server has said that it does.
    pub(super) async fn listen(&self) -> Result<Listener, HttpError> {
        let listener = async {
            let response = self.send(Method::GET, "/event", None).await?;
            if !response.status().is_success() {
                return Err(HttpError::Unreadable(format!(
                    "`GET /event` was answered with {}",
                    response.status()
                )));
            }
            let mut listener = Listener { body: response.into_body(), cutter: Cutter::new(LINE_BYTES) };
            match listener.next().await? {
                Some(Heard::Data(data)) if data.contains("server.connected") => Ok(listener),
                _ => Err(HttpError::Unreadable("the server does not tell what happens".to_owned())),
            }
        };
        tokio::time::timeout(PATIENCE, listener).await.unwrap_or(Err(HttpError::TooSlow(PATIENCE)))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, HttpError> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, or when nobody waits for that any more.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()))))?;
        Ok(sender.send_request(request).await?)
    }
}

/// What the server tells, as it comes.
#[derive(Debug)]
pub(super) struct Listener {
    body: Incoming,
    cutter: Cutter,
}

impl Listener {
    /// The next event; `None` at the end. Given up in between, nothing is lost.
    pub(super) async fn next(&mut self) -> Result<Option<Heard>, HttpError> {
        loop {
            if let Some(heard) = self.cutter.next() {
                return Ok(Some(heard));
            }
            let frame = tokio::time::timeout(HEARTBEAT, self.body.frame()).await;
            match frame.map_err(|_| HttpError::TooSlow(HEARTBEAT))? {
                Some(frame) => {
                    if let Some(bytes) = frame?.data_ref() {
                        self.cutter.feed(bytes);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}
