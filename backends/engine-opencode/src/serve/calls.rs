//! What a run says to its server, each with the answer that it waits for.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use takopi_api::event::RequestId;
use takopi_api::runner::ControlError;
use tokio::sync::oneshot;

use super::ask::Answer;
use super::http::{HttpError, Listener, Reply, Server};
use super::said;
use super::session::{Call, Delivery, Present};

/// How long a session has to do nothing before it counts.
const SETTLED: Duration = Duration::from_millis(500);

/// How long a request waits for the server to tell of the call that asks.
const CALL_TOLD: Duration = Duration::from_secs(2);

/// How long the end of a run waits until the server has ended what its tools had started.
const LAST_ABORT: Duration = Duration::from_secs(2);

/// Where whoever wants something of a run waits for what became of it.
pub(super) type Receipt = oneshot::Sender<Result<(), ControlError>>;

/// What the server answered.
pub(super) enum Answered {
    Prompt(Result<(), String>),
    Steer(Result<(), String>, Receipt),
    Request(RequestId, Delivery, Receipt),
    Abort(Result<(), String>),
    /// Whether the session does something.
    Look(Result<bool, String>),
    /// The moment is over.
    Waited(RequestId),
}

/// The server, as far as it works for one session.
#[derive(Clone)]
pub(super) struct Calls {
    server: Server,
    session: String,
}

impl Calls {
    pub(super) const fn new(server: Server, session: String) -> Self {
        Self { server, session }
    }

    pub(super) fn call(&self, call: Call) -> BoxFuture<'static, Answered> {
        let this = self.clone();
        async move {
            match call {
                Call::Prompt(body) => Answered::Prompt(this.prompt(&body).await),
                Call::Abort => Answered::Abort(taken(this.post("abort", &json!({})).await)),
                Call::Look => {
                    tokio::time::sleep(SETTLED).await;
                    Answered::Look(this.is_busy().await)
                }
                Call::Wait(id) => {
                    tokio::time::sleep(CALL_TOLD).await;
                    Answered::Waited(id)
                }
            }
        }
        .boxed()
    }

    /// Says something more in the turn.
    pub(super) fn steer(&self, body: Value, receipt: Receipt) -> BoxFuture<'static, Answered> {
        let this = self.clone();
        async move { Answered::Steer(this.prompt(&body).await, receipt) }.boxed()
    }

    /// Answers a request.
    pub(super) fn answer(
        &self,
        id: RequestId,
        Answer { path, body }: Answer,
        receipt: Receipt,
    ) -> BoxFuture<'static, Answered> {
        let this = self.clone();
        async move {
            let delivery = match this.server.post(&path, &body).await {
                Ok(reply) if reply.status == 404 => Delivery::Gone,
                reply => taken(reply).map_or_else(Delivery::Lost, |()| Delivery::Taken),
            };
            Answered::Request(id, delivery, receipt)
        }
        .boxed()
    }

    /// Ends the turn, and with it what its tools have started, as far as that is possible in a moment.
    pub(super) async fn abort(&self) {
        if tokio::time::timeout(LAST_ABORT, self.post("abort", &json!({}))).await.is_err() {
            tracing::debug!("opencode did not end its turn in time");
        }
    }

    /// Listens anew, and asks for what was missed.
    pub(super) async fn rejoin(&self) -> Result<(Listener, Present), String> {
        let listener = self.server.listen().await.map_err(|error| error.to_string())?;
        let present = Present {
            messages: self.get(&format!("/session/{}/message", self.session)).await?,
            permissions: self.get("/permission").await?,
            questions: self.get("/question").await?,
            is_busy: self.is_busy().await?,
        };
        Ok((listener, present))
    }

    async fn prompt(&self, body: &Value) -> Result<(), String> {
        taken(self.post("prompt_async", body).await)
    }

    async fn is_busy(&self) -> Result<bool, String> {
        #[derive(Deserialize)]
        struct Status {
            #[serde(rename = "type")]
            kind: String,
        }
        let body = self.get("/session/status").await?;
        let all: HashMap<String, Status> = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        Ok(all.get(&self.session).is_some_and(|status| status.kind != "idle"))
    }

    async fn get(&self, path: &str) -> Result<String, String> {
        match self.server.get(path).await {
            Ok(reply) if reply.is_ok() => Ok(reply.body),
            reply => Err(taken(reply).err().unwrap_or_default()),
        }
    }

    async fn post(&self, what: &str, body: &Value) -> Result<Reply, HttpError> {
        self.server.post(&format!("/session/{}/{what}", self.session), body).await
    }
}

fn taken(reply: Result<Reply, HttpError>) -> Result<(), String> {
    match reply {
        Ok(reply) if reply.is_ok() => Ok(()),
        Ok(reply) => Err(said(&reply)),
        Err(error) => Err(error.to_string()),
    }
}
