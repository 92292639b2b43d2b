//! The talk with an agent, from the first message to the end of the turn: a state machine without I/O.

use std::sync::Arc;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    AuthenticateRequest, ClientCapabilities, ContentBlock, Implementation, InitializeRequest,
    InitializeResponse, LoadSessionRequest, NewSessionRequest, PromptRequest, ResumeSessionRequest,
    SessionId,
};
use agent_client_protocol::{Error, RawJsonRpcId, RawJsonRpcMessage};
use serde_json::Value;
use takopi_api::event::{Decision, EventFactory, RequestId};
use takopi_api::jsonl::{Interruption, Recognition, Says, Unfinished};
use takopi_api::process::Ask;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{ControlError, RunSpec};

use crate::agent::Agent;
use crate::offer::{Choice, Offer, Sort};
use crate::rpc::{self, Heard, Refusal, Unread};
use crate::turn::Turn;
use crate::{permission, prompt};

/// What one run remembers.
#[derive(Debug)]
pub(crate) struct Dialogue {
    agent: Arc<Agent>,
    wish: Wish,
    stage: Stage,
    /// The name of the last call.
    calls: i64,
}

/// What the person wants.
#[derive(Debug)]
struct Wish {
    prompt: Vec<ContentBlock>,
    cwd: std::path::PathBuf,
    thread: Option<ResumeToken>,
    mode: Option<String>,
    model: Option<String>,
}

/// How far the talk is. Before the turn exactly one call waits for its answer.
#[derive(Debug)]
enum Stage {
    /// The program has not been spoken to.
    Silent,
    /// What comes before the turn.
    Opening(Call),
    /// The turn.
    Turn(Box<Turn>),
    /// Everything is said.
    Over,
}

/// What the agent was called for last, with what is known by then.
#[derive(Debug)]
enum Call {
    Initialize,
    Authenticate(Peer),
    Open(Peer, Opened),
    Model(Session),
    Mode(Session),
}

/// What the agent can do.
#[derive(Debug)]
struct Peer {
    can_resume: bool,
    can_load: bool,
    /// Ways to log in.
    logins: Vec<String>,
}

/// Which session was asked for.
#[derive(Debug)]
enum Opened {
    New,
    Resumed(SessionId),
    /// With all that was said in it, which is told again.
    Loaded(SessionId),
}

/// A session that is open.
#[derive(Debug)]
struct Session {
    id: SessionId,
    offer: Offer,
    is_loaded: bool,
}

impl Dialogue {
    pub(crate) fn new(agent: Arc<Agent>, spec: &RunSpec) -> Self {
        let wish = Wish {
            prompt: prompt::blocks(spec),
            cwd: spec.cwd.clone(),
            thread: spec.resume.clone(),
            mode: spec.options.mode.clone().or_else(|| agent.mode.clone()),
            model: spec.options.model.clone().or_else(|| agent.model.clone()),
        };
        Self { agent, wish, stage: Stage::Silent, calls: 0 }
    }

    /// The first words.
    pub(crate) fn open(&mut self, says: &mut Says) {
        // The agent works with its own tools: it is offered neither files nor terminals.
        let request = InitializeRequest::new(ProtocolVersion::V1)
            .client_capabilities(ClientCapabilities::default())
            .client_info(Implementation::new("takopi", env!("CARGO_PKG_VERSION")));
        let message = rpc::call(self.next_call(), &request);
        self.stage = match message {
            Ok(message) => {
                says.line(&message);
                Stage::Opening(Call::Initialize)
            }
            // The run then ends with the program.
            Err(_) => Stage::Over,
        };
    }

    pub(crate) fn hear(&mut self, line: &str, out: &mut EventFactory, says: &mut Says) -> Recognition {
        match rpc::read(line) {
            Err(Unread { reason, call }) => {
                if let Some(call) = call {
                    says.line(&rpc::answer(call, Err(Error::invalid_request())));
                }
                Recognition::Malformed { reason }
            }
            Ok(Heard::Answer { id, result }) => self.answered(&id, result, out, says),
            Ok(Heard::Call { id, method, params }) => self.called(id, &method, params, out, says),
            Ok(Heard::Notice { method, params }) => match &mut self.stage {
                Stage::Turn(turn) => turn.told(&method, params, out, says),
                // What was said in a session before is told again when it is continued.
                Stage::Silent | Stage::Opening(_) | Stage::Over => Recognition::Ignored,
            },
        }
    }

    fn next_call(&mut self) -> i64 {
        self.calls += 1;
        self.calls
    }

    fn is_awaited(&self, id: &RawJsonRpcId) -> bool {
        *id == RawJsonRpcId::from(self.calls)
    }

    fn answered(
        &mut self,
        id: &RawJsonRpcId,
        result: Result<Value, Refusal>,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        if !self.is_awaited(id) {
            return Recognition::Unknown { kind: "an answer that nothing waits for".to_owned() };
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Opening(call) => match self.go_on(call, result, out) {
                Ok((message, stage)) => {
                    says.line(&message);
                    self.stage = stage;
                }
                Err(reason) => out.failed(format!("{}: {reason}", self.agent.name), "", None),
            },
            Stage::Turn(turn) => turn.ended(&self.agent.name, result, out, says),
            stage @ (Stage::Silent | Stage::Over) => {
                self.stage = stage;
                return Recognition::Unknown { kind: "an answer that nothing waits for".to_owned() };
            }
        }
        Recognition::Known
    }

    /// The next call, after the answer to this one.
    fn go_on(
        &mut self,
        call: Call,
        result: Result<Value, Refusal>,
        out: &mut EventFactory,
    ) -> Result<(RawJsonRpcMessage, Stage), String> {
        match call {
            Call::Initialize => {
                let peer = self.peer(result.map_err(|refusal| refusal.reason)?)?;
                match self.agent.auth.clone() {
                    Some(login) => {
                        let message = rpc::call(self.next_call(), &AuthenticateRequest::new(login));
                        Ok((said(message)?, Stage::Opening(Call::Authenticate(peer))))
                    }
                    None => self.open_session(peer),
                }
            }
            Call::Authenticate(peer) => {
                result.map_err(|refusal| format!("it did not log in: {}", refusal.reason))?;
                self.open_session(peer)
            }
            Call::Open(peer, opened) => {
                let result = result.map_err(|refusal| self.not_opened(&peer, &opened, &refusal))?;
                let is_loaded = matches!(opened, Opened::Loaded(_));
                let id = match opened {
                    Opened::New => result
                        .get("sessionId")
                        .and_then(Value::as_str)
                        .map(SessionId::new)
                        .ok_or("it opened a session and did not say which")?,
                    Opened::Resumed(id) | Opened::Loaded(id) => id,
                };
                let token = ResumeToken::new(self.agent.engine.clone(), id.to_string())
                    .map_err(|error| format!("it opened a session that can not be continued: {error}"))?;
                out.started(token, self.agent.name.as_str());
                let offer = Offer::read(&result);
                self.choose_model(Session { id, offer, is_loaded })
            }
            Call::Model(session) => {
                result.map_err(|refusal| format!("it did not take the model: {}", refusal.reason))?;
                self.choose_mode(session)
            }
            Call::Mode(session) => {
                result.map_err(|refusal| format!("it did not take the mode: {}", refusal.reason))?;
                self.prompt(session)
            }
        }
    }

    /// Who the agent is.
    fn peer(&self, answer: Value) -> Result<Peer, String> {
        let response: InitializeResponse = serde_json::from_value(answer)
            .map_err(|error| format!("it answered with something else than what it can do: {error}"))?;
        if response.protocol_version != ProtocolVersion::V1 {
            return Err(format!(
                "it speaks version {} of the protocol, and takopi speaks version 1",
                response.protocol_version
            ));
        }
        let logins: Vec<String> = response.auth_methods.iter().map(|login| login.id().to_string()).collect();
        if let Some(login) = &self.agent.auth
            && !logins.contains(login)
        {
            return Err(format!(
                "it has no login `{login}`, which {} names\nlogins: {}",
                self.agent.table,
                listed(&logins)
            ));
        }
        Ok(Peer {
            can_resume: response.agent_capabilities.session_capabilities.resume.is_some(),
            can_load: response.agent_capabilities.load_session,
            logins,
        })
    }

    fn open_session(&mut self, peer: Peer) -> Result<(RawJsonRpcMessage, Stage), String> {
        let (call, cwd) = (self.next_call(), self.wish.cwd.clone());
        let Some(thread) = &self.wish.thread else {
            let message = said(rpc::call(call, &NewSessionRequest::new(cwd)))?;
            return Ok((message, Stage::Opening(Call::Open(peer, Opened::New))));
        };
        let id = SessionId::new(thread.value());
        let (message, opened) = if peer.can_resume {
            (rpc::call(call, &ResumeSessionRequest::new(id.clone(), cwd)), Opened::Resumed(id))
        } else if peer.can_load {
            (rpc::call(call, &LoadSessionRequest::new(id.clone(), cwd)), Opened::Loaded(id))
        } else {
            return Err("it can not continue a session; begin a new one".to_owned());
        };
        Ok((said(message)?, Stage::Opening(Call::Open(peer, opened))))
    }

    fn not_opened(&self, peer: &Peer, opened: &Opened, refusal: &Refusal) -> String {
        if refusal.wants_login() {
            let Agent { program, table, .. } = &*self.agent;
            return format!(
                "{}\nlog in with `{program}` in a terminal, or let `auth` in {table} name a login: {}",
                refusal.reason,
                listed(&peer.logins)
            );
        }
        match opened {
            Opened::New => format!("it opened no session: {}", refusal.reason),
            Opened::Resumed(id) | Opened::Loaded(id) => {
                format!("it does not continue session {id}: {}", refusal.reason)
            }
        }
    }

    fn choose_model(&mut self, session: Session) -> Result<(RawJsonRpcMessage, Stage), String> {
        match session.offer.choose(Sort::Model, self.wish.model.as_deref(), &session.id, self.calls + 1)? {
            Choice::AsItIs => self.choose_mode(session),
            Choice::Tell(message) => {
                self.next_call();
                Ok((message, Stage::Opening(Call::Model(session))))
            }
        }
    }

    /// The last before the prompt: nothing is between the mode in which an agent asks and the work.
    fn choose_mode(&mut self, session: Session) -> Result<(RawJsonRpcMessage, Stage), String> {
        match session.offer.choose(Sort::Mode, self.wish.mode.as_deref(), &session.id, self.calls + 1)? {
            Choice::AsItIs => {
                // Gemini goes on telling what was said before when it has said that the session is loaded. By the time it
                // answers another call it has told all of it.
                match session.offer.again(&session.id, self.calls + 1).filter(|_| session.is_loaded) {
                    Some(message) => Ok(self.tell_mode(message, session)),
                    None => self.prompt(session),
                }
            }
            Choice::Tell(message) => Ok(self.tell_mode(message, session)),
        }
    }

    fn tell_mode(&mut self, message: RawJsonRpcMessage, session: Session) -> (RawJsonRpcMessage, Stage) {
        self.next_call();
        (message, Stage::Opening(Call::Mode(session)))
    }

    fn prompt(&mut self, session: Session) -> Result<(RawJsonRpcMessage, Stage), String> {
        let blocks = std::mem::take(&mut self.wish.prompt);
        let message = rpc::call(self.next_call(), &PromptRequest::new(session.id.clone(), blocks));
        let is_continued = self.wish.thread.is_some();
        let turn = Turn::new(session.id, self.wish.cwd.to_string_lossy().into_owned(), is_continued);
        Ok((said(message)?, Stage::Turn(Box::new(turn))))
    }

    /// The agent calls this client.
    fn called(
        &mut self,
        id: RawJsonRpcId,
        method: &str,
        params: Value,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        match (&mut self.stage, method) {
            (Stage::Turn(turn), "session/request_permission") => turn.asked(id, params, out, says),
            (_, "session/request_permission") => {
                says.line(&permission::not_asked(id));
                Recognition::Ignored
            }
            // Files and terminals, which were not offered, and what only this agent has.
            (_, method) => {
                says.line(&rpc::answer(id, Err(Error::method_not_found())));
                Recognition::Unknown { kind: method.to_owned() }
            }
        }
    }

    pub(crate) fn interrupt(&mut self, says: &mut Says) -> Interruption {
        match &mut self.stage {
            Stage::Turn(turn) => turn.cancel(says),
            // There is no turn to end yet.
            Stage::Silent | Stage::Opening(_) | Stage::Over => Interruption::Signal(Ask::Terminate),
        }
    }

    pub(crate) fn answer(
        &mut self,
        request: &RequestId,
        decision: Decision,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        match &mut self.stage {
            Stage::Turn(turn) => turn.decided(request, decision, out, says),
            Stage::Silent | Stage::Opening(_) | Stage::Over => {
                Err(ControlError::NoSuchRequest(request.clone()))
            }
        }
    }

    /// The program ended before the turn did.
    pub(crate) fn exited(&mut self, out: &mut EventFactory) -> Unfinished {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Turn(turn) => turn.broke_off(out),
            Stage::Silent | Stage::Opening(_) | Stage::Over => Unfinished::default(),
        }
    }
}

fn said(message: Result<RawJsonRpcMessage, Error>) -> Result<RawJsonRpcMessage, String> {
    message.map_err(|error| format!("takopi could not say what it wants: {error}"))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
