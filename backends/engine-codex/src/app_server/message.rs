//! The messages of `codex app-server`, as far as takopi looks at them: JSON-RPC 2.0 without its version field, one object
//! a line. Fields are read without trust in their type: what the CLI changes costs a field, never a message.

use std::borrow::Cow;

use serde_json::Value;
use takopi_api::jsonl::{Field, Object, Objects, Wire};
use takopi_api::wire;

wire! {
    struct Message<'a> {
        "id" => id: Field<'a>,
        "method" => method: Field<'a>,
        "params" => params: Field<'a>,
        "result" => result: Field<'a>,
        "error" => error: Field<'a>,
    }

    struct RpcError<'a> {
        "message" => message: Field<'a>,
    }

    /// Which thread and turn a message is about.
    pub(super) struct Address<'a> {
        "threadId" => thread_id: Field<'a>,
        "turnId" => turn_id: Field<'a>,
        /// `thread/started`.
        "thread" => thread: Object<'a, Thread<'a>>,
        /// `turn/started`, `turn/completed`.
        "turn" => turn: Object<'a, Turn<'a>>,
    }

    /// What a notice is about. One struct for all methods: each has the fields of its method.
    pub(super) struct Notice<'a> {
        "itemId" => item_id: Field<'a>,
        "delta" => delta: Field<'a>,
        "item" => item: Object<'a, Item<'a>>,
        "turn" => turn: Object<'a, Turn<'a>>,
        /// `error`.
        "error" => error: Object<'a, Trouble<'a>>,
        "willRetry" => will_retry: Field<'a>,
        /// `thread/tokenUsage/updated`.
        "tokenUsage" => tokens: Object<'a, Tokens<'a>>,
        /// `serverRequest/resolved`.
        "requestId" => request: Field<'a>,
        /// `turn/plan/updated`.
        "plan" => plan: Objects<'a, Step<'a>>,
        /// `item/fileChange/patchUpdated`.
        "changes" => changes: Objects<'a, Change<'a>>,
        /// `warning`.
        "message" => message: Field<'a>,
        /// `model/rerouted`.
        "toModel" => to_model: Field<'a>,
    }

    pub(super) struct Thread<'a> {
        "id" => id: Field<'a>,
        "parentThreadId" => parent: Field<'a>,
    }

    pub(super) struct Turn<'a> {
        "id" => id: Field<'a>,
        "rootTurnId" => root: Field<'a>,
        "status" => status: Field<'a>,
        "error" => error: Object<'a, Trouble<'a>>,
        "items" => items: Objects<'a, Item<'a>>,
        "durationMs" => duration_ms: Field<'a>,
    }

    pub(super) struct Trouble<'a> {
        "message" => message: Field<'a>,
        "additionalDetails" => details: Field<'a>,
    }

    /// What a turn works on.
    pub(super) struct Item<'a> {
        "id" => id: Field<'a>,
        "type" => kind: Field<'a>,
        "status" => status: Field<'a>,
        /// `agentMessage` and `plan`.
        "text" => text: Field<'a>,
        /// `agentMessage`: `commentary` or `final_answer`.
        "phase" => phase: Field<'a>,
        /// `reasoning`: lists of texts.
        "summary" => summary: Field<'a>,
        "content" => content: Field<'a>,
        /// `commandExecution`.
        "command" => command: Field<'a>,
        "aggregatedOutput" => output: Field<'a>,
        "exitCode" => exit_code: Field<'a>,
        /// `fileChange`.
        "changes" => changes: Objects<'a, Change<'a>>,
        /// `mcpToolCall`, `dynamicToolCall`, `collabAgentToolCall`.
        "server" => server: Field<'a>,
        "tool" => tool: Field<'a>,
        "arguments" => arguments: Field<'a>,
        "result" => result: Field<'a>,
        "error" => error: Field<'a>,
        "prompt" => prompt: Field<'a>,
        "receiverThreadIds" => receivers: Field<'a>,
        /// `subAgentActivity`: what happened to whom.
        "kind" => activity: Field<'a>,
        "agentThreadId" => agent: Field<'a>,
        "agentPath" => agent_path: Field<'a>,
        /// `webSearch`.
        "query" => query: Field<'a>,
        /// `imageView`.
        "path" => path: Field<'a>,
    }

    pub(super) struct Change<'a> {
        "path" => path: Field<'a>,
        "kind" => kind: Object<'a, ChangeType<'a>>,
        "diff" => diff: Field<'a>,
    }

    pub(super) struct ChangeType<'a> {
        "type" => kind: Field<'a>,
        "move_path" => moved_to: Field<'a>,
    }

    pub(super) struct Step<'a> {
        "step" => text: Field<'a>,
        "status" => status: Field<'a>,
    }

    pub(super) struct Tokens<'a> {
        "total" => total: Object<'a, Count<'a>>,
        "last" => last: Object<'a, Count<'a>>,
    }

    pub(super) struct Count<'a> {
        "inputTokens" => input: Field<'a>,
        "cachedInputTokens" => cached: Field<'a>,
        "outputTokens" => output: Field<'a>,
        "reasoningOutputTokens" => reasoning: Field<'a>,
    }

    /// The result of `thread/start` and `thread/resume`.
    pub(super) struct Opened<'a> {
        "thread" => thread: Object<'a, Thread<'a>>,
        "model" => model: Field<'a>,
        "cwd" => cwd: Field<'a>,
        "approvalPolicy" => approval: Field<'a>,
        "reasoningEffort" => reasoning: Field<'a>,
        "collaborationMode" => collaboration: Object<'a, Collaboration<'a>>,
    }

    pub(super) struct Collaboration<'a> {
        "mode" => mode: Field<'a>,
    }

    /// The result of `turn/start`.
    pub(super) struct TurnStarted<'a> {
        "turn" => turn: Object<'a, Turn<'a>>,
    }

    /// The result of `config/read`.
    pub(super) struct Configuration<'a> {
        "config" => config: Field<'a>,
    }
}

/// What codex said to a call.
pub(super) type Outcome<'a> = Result<Field<'a>, String>;

/// One message of codex.
pub(super) enum Heard<'a> {
    /// It answers a call of takopi's.
    Reply { id: u64, outcome: Outcome<'a> },
    /// It tells something.
    Notice { method: Cow<'a, str>, params: Field<'a> },
    /// It asks something.
    Request { id: Value, method: Cow<'a, str>, params: Field<'a> },
}

impl<'a> Heard<'a> {
    pub(super) fn read(line: &'a str) -> Result<Self, String> {
        let Message { id, method, params, result, error } =
            Message::read(line).map_err(|error| error.to_string())?;
        let method = method.text();
        match (id.is_present(), method.is_empty()) {
            (true, false) => Ok(Self::Request { id: id.read().unwrap_or_default(), method, params }),
            (false, false) => Ok(Self::Notice { method, params }),
            (true, true) => {
                let id = id.read().ok_or_else(|| format!("a reply to {}", id.text()))?;
                let said = |error: RpcError<'a>| error.message.text();
                let outcome = if error.is_present() {
                    Err(error.object().map_or_else(|| error.text(), said).into_owned())
                } else {
                    Ok(result)
                };
                Ok(Self::Reply { id, outcome })
            }
            (false, true) => Err("a message without a method".to_owned()),
        }
    }
}

impl<'a> Address<'a> {
    pub(super) fn of(params: Field<'a>) -> Self {
        params.object().unwrap_or_default()
    }

    /// The thread, wherever it stands.
    pub(super) fn thread(&self) -> Cow<'a, str> {
        let of_notice = self.thread.fields().id;
        if self.thread_id.is_present() { self.thread_id.text() } else { of_notice.text() }
    }

    /// The turn, wherever it stands.
    pub(super) fn turn(&self) -> Cow<'a, str> {
        let of_turn = self.turn.fields().id;
        if self.turn_id.is_present() { self.turn_id.text() } else { of_turn.text() }
    }
}
