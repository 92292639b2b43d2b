//! What codex asks, and what is said to it once a person has decided.
//!
//! Whatever is not understood here is answered with an error, never with a yes.

mod form;

use serde_json::{Map, Value, json};
use takopi_api::event::{Choice, Decision, Lasting, Permission, Question, RequestSubject};
use takopi_api::jsonl::{Field, Object, Objects};
use takopi_api::wire;

use self::form::Form;
use super::patch::{Patch, Patches};
use crate::text;

wire! {
    /// What a request is about. One struct for all methods: each has the fields of its method.
    struct Wanted<'a> {
        "kind" => kind: Field<'a>,
        "threadId" => thread_id: Field<'a>,
        "itemId" => item_id: Field<'a>,
        "command" => command: Field<'a>,
        "cwd" => cwd: Field<'a>,
        "reason" => reason: Field<'a>,
        "availableDecisions" => offered: Field<'a>,
        "networkApprovalContext" => network: Field<'a>,
        "permissions" => permissions: Field<'a>,
        "questions" => questions: Objects<'a, Asked<'a>>,
        "serverName" => server: Field<'a>,
        "mode" => mode: Field<'a>,
        "message" => message: Field<'a>,
        "url" => url: Field<'a>,
        "requestedSchema" => schema: Field<'a>,
        "_meta" => meta: Object<'a, Meta<'a>>,
    }

    struct Network<'a> {
        "host" => host: Field<'a>,
    }

    /// A question of `item/tool/requestUserInput`.
    struct Asked<'a> {
        "id" => id: Field<'a>,
        "header" => header: Field<'a>,
        "question" => text: Field<'a>,
        "isSecret" => is_secret: Field<'a>,
        "options" => options: Objects<'a, Offer<'a>>,
    }

    struct Offer<'a> {
        "label" => label: Field<'a>,
        "description" => description: Field<'a>,
    }

    /// What codex adds when it asks in the name of an MCP server.
    struct Meta<'a> {
        "codex_approval_kind" => kind: Field<'a>,
        "tool_name" => tool: Field<'a>,
    }
}

/// What codex says about where a request belongs, and what people see in another form.
const SHOWN: &[&str] = &[
    "kind",
    "threadId",
    "turnId",
    "itemId",
    "approvalId",
    "startedAtMs",
    "reason",
    "command",
    "cwd",
    "commandActions",
    "proposedExecpolicyAmendment",
    "proposedNetworkPolicyAmendments",
    "availableDecisions",
    "mode",
];

/// A request that a person can decide about.
pub(super) struct Request {
    pub(super) title: String,
    pub(super) subject: RequestSubject,
    pub(super) kind: Kind,
}

/// How the answer has to look.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// One of the decisions that codex offers; all of them if it does not say.
    Approval { offered: Option<Vec<String>>, keeps: Keeps },
    /// What of these it may have.
    Permissions { wanted: Value },
    /// Answers to its questions.
    Questions { ids: Vec<String> },
    /// What an MCP server wants to know; empty if a yes is all that it wants.
    Form(Form),
}

/// What codex keeps of a yes for its session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Keeps {
    /// What is shown: this command in this folder.
    This,
    /// More, so it is never told one: of a network the host for any command, of a change its files for any other.
    More,
}

/// What is said to codex.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) result: Value,
    /// What the person said about it, for the turn.
    pub(super) reason: Option<String>,
}

/// Reads a request.
///
/// # Errors
/// Why nobody could know what a yes would mean.
pub(super) fn read(method: &str, params: Field<'_>, patches: &Patches) -> Result<Request, String> {
    let unknown = || format!("codex asked something that takopi does not know: {method}");
    let wanted: Wanted<'_> = params.object().ok_or_else(unknown)?;
    let request = match method {
        "item/commandExecution/requestApproval" => Some(command(&wanted, params)),
        "item/fileChange/requestApproval" => {
            let unseen = || "codex asked to change files, and takopi has not seen how".to_owned();
            return files(&wanted, params, patches).ok_or_else(unseen);
        }
        "item/permissions/requestApproval" => permissions(&wanted, params),
        "item/tool/requestUserInput" => questions(&wanted),
        "mcpServer/elicitation/request" => elicitation(&wanted, params),
        _ => None,
    };
    request.ok_or_else(unknown)
}

fn command(wanted: &Wanted<'_>, params: Field<'_>) -> Request {
    let kind = wanted.kind.text();
    let (title, tool) = match &*kind {
        "writeStdin" => ("type into a command that runs".to_owned(), "stdin"),
        _ if wanted.network.is_present() => {
            let network: Network<'_> = wanted.network.object().unwrap_or_default();
            (format!("use the network: {}", network.host.text()), "network")
        }
        _ => ("run a command".to_owned(), "shell"),
    };
    // Of a kind that came after this program nobody knows it.
    let is_command = tool == "shell" && matches!(&*kind, "" | "command") && wanted.command.is_present();
    let keeps = if is_command { Keeps::This } else { Keeps::More };
    let kind = approval(wanted, keeps);
    // The same text can be an answer to anything.
    let lasting = if tool == "stdin" { Lasting::Nothing } else { kind.lasting() };
    let mut permission = explained(wanted).tool(tool).lasting(lasting);
    if wanted.command.is_present() {
        permission = permission.command(text::of_asked_command(&wanted.command.text()));
    }
    if let Some(rest) = rest(params, &[]) {
        permission = permission.input(rest);
    }
    Request { title, subject: RequestSubject::Permission(permission), kind }
}

/// A change that was not seen can not be shown, so nobody can allow it.
fn files(wanted: &Wanted<'_>, params: Field<'_>, patches: &Patches) -> Option<Request> {
    let patches = patches.of(&wanted.thread_id.text(), &wanted.item_id.text());
    let title = match patches {
        [] => return None,
        [patch] => format!("change {}", patch.path),
        patches => format!("change {} files", patches.len()),
    };
    let kind = approval(wanted, Keeps::More);
    let paths = patches.iter().flat_map(Patch::paths);
    let mut permission = explained(wanted).tool("apply_patch").paths(paths).lasting(kind.lasting());
    permission = permission.diff(patches.iter().map(Patch::unified).collect::<String>());
    if let Some(rest) = rest(params, &[]) {
        permission = permission.input(rest);
    }
    Some(Request { title, subject: RequestSubject::Permission(permission), kind })
}

fn approval(wanted: &Wanted<'_>, keeps: Keeps) -> Kind {
    let offered = wanted.offered.read::<Vec<Value>>().map(|offered| {
        let name = |offer: Value| match offer {
            Value::String(name) => Some(name),
            // One that carries a rule has its name for a key.
            Value::Object(object) => object.into_iter().next().map(|(name, _)| name),
            _ => None,
        };
        offered.into_iter().filter_map(name).collect()
    });
    Kind::Approval { offered, keeps }
}

fn permissions(wanted: &Wanted<'_>, params: Field<'_>) -> Option<Request> {
    let mut asked: Map<String, Value> = wanted.permissions.read()?;
    asked.retain(|_, value| !value.is_null());
    let mut input = remaining(params, &["permissions"]);
    input.insert("permissions".to_owned(), Value::Object(asked.clone()));
    let permission = explained(wanted).tool("permissions").input(pretty(&input));
    let kind = Kind::Permissions { wanted: Value::Object(asked) };
    Some(Request {
        title: "have more permissions".to_owned(),
        subject: RequestSubject::Permission(permission.lasting(kind.lasting())),
        kind,
    })
}

fn questions(wanted: &Wanted<'_>) -> Option<Request> {
    let questions: Vec<Question> = wanted.questions.get().iter().map(question).collect();
    let [first, ..] = questions.as_slice() else { return None };
    let title = first.text.clone();
    let ids = questions.iter().map(|question| question.id.clone()).collect();
    Some(Request { title, subject: RequestSubject::Question { questions }, kind: Kind::Questions { ids } })
}

fn question(asked: &Asked<'_>) -> Question {
    let options = asked.options.get().iter().map(|offer| {
        let choice = Choice::new(offer.label.text());
        if offer.description.is_present() { choice.description(offer.description.text()) } else { choice }
    });
    let mut question = Question::new(asked.id.text(), asked.text.text()).options(options);
    if asked.header.is_present() {
        question = question.header(asked.header.text());
    }
    if asked.is_secret.read() == Some(true) { question.secret() } else { question }
}

/// What an MCP server asks, or codex in its name.
fn elicitation(wanted: &Wanted<'_>, params: Field<'_>) -> Option<Request> {
    let server = wanted.server.text();
    let meta = wanted.meta.fields();
    let permission = Permission::default().reason(wanted.message.text());
    let (title, permission, kind) = match &*wanted.mode.text() {
        "form" if meta.kind.text() == "mcp_tool_call" => {
            let title = format!("use a tool of {server}");
            let tool = match &*meta.tool.text() {
                "" => server.into_owned(),
                tool => format!("{server}.{tool}"),
            };
            // Codex would keep a yes for the session for the tool, whatever it is given then: it is told none.
            (title, permission.tool(tool), Kind::Form(Form::default()))
        }
        "form" => {
            let form = Form::read(&wanted.schema.read()?)?;
            if !form.is_empty() {
                let questions = form.questions(&server, &wanted.message.text());
                let subject = RequestSubject::Question { questions };
                let title = format!("answer {server}");
                return Some(Request { title, subject, kind: Kind::Form(form) });
            }
            (format!("agree with {server}"), permission.tool(server), Kind::Form(form))
        }
        "url" => {
            let title = format!("open a link of {server}: {}", wanted.url.text());
            (title, permission.tool(server), Kind::Form(Form::default()))
        }
        _ => return None,
    };
    let permission = match rest(params, &["requestedSchema"]) {
        Some(rest) => permission.input(rest),
        None => permission,
    };
    let permission = permission.lasting(kind.lasting());
    Some(Request { title, subject: RequestSubject::Permission(permission), kind })
}

fn explained(wanted: &Wanted<'_>) -> Permission {
    let mut permission = Permission::default();
    if wanted.cwd.is_present() {
        permission = permission.cwd(wanted.cwd.text());
    }
    if wanted.reason.is_present() {
        permission = permission.reason(wanted.reason.text());
    }
    permission
}

/// What else is in a request: also what came after this program may decide about the harm that a yes can do.
fn rest(params: Field<'_>, shown: &[&str]) -> Option<String> {
    let rest = remaining(params, shown);
    (!rest.is_empty()).then(|| pretty(&rest))
}

fn remaining(params: Field<'_>, shown: &[&str]) -> Map<String, Value> {
    let mut rest: Map<String, Value> = params.read().unwrap_or_default();
    rest.retain(|key, value| {
        let is_shown = SHOWN.contains(&key.as_str()) || shown.contains(&key.as_str());
        let is_here = key == "environmentId" && value == "local";
        !is_shown && !is_here && !value.is_null()
    });
    rest
}

fn pretty(value: &Map<String, Value>) -> String {
    // Maps with text for keys always become JSON.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Allows something, and its like in the thread.
const FOR_SESSION: &str = "acceptForSession";

/// Codex takes all decisions where it does not say which.
fn is_offered(offered: Option<&[String]>, name: &str) -> bool {
    offered.is_none_or(|offered| offered.iter().any(|offer| offer == name))
}

fn remembers_this(keeps: Keeps, offered: Option<&[String]>) -> bool {
    keeps == Keeps::This && is_offered(offered, FOR_SESSION)
}

impl Kind {
    /// Whether codex remembers a yes for its session, and no more than that.
    fn lasting(&self) -> Lasting {
        let remembers = match self {
            Self::Approval { offered, keeps } => remembers_this(*keeps, offered.as_deref()),
            Self::Permissions { .. } => true,
            Self::Questions { .. } | Self::Form(_) => false,
        };
        if remembers { Lasting::Engine } else { Lasting::Rules }
    }

    /// What is said to codex for a decision.
    ///
    /// # Errors
    /// What is wrong with the decision. A no is then said in its place.
    pub(super) fn reply(&self, decision: &Decision) -> Result<Reply, String> {
        let result = match (self, decision) {
            (_, Decision::Deny { reason }) => {
                return Ok(Reply { result: self.no(), reason: reason.clone() });
            }
            (
                Self::Approval { offered, keeps },
                Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways,
            ) => {
                let offered = offered.as_deref();
                let for_session = *decision == Decision::AllowSession && remembers_this(*keeps, offered);
                let name = if for_session { FOR_SESSION } else { "accept" };
                if !is_offered(offered, name) {
                    return Err("codex does not let anybody allow that".to_owned());
                }
                json!({ "decision": name })
            }
            (Self::Permissions { wanted }, Decision::AllowOnce | Decision::AllowAlways) => {
                json!({ "permissions": wanted, "scope": "turn" })
            }
            (Self::Permissions { wanted }, Decision::AllowSession) => {
                json!({ "permissions": wanted, "scope": "session" })
            }
            (Self::Questions { ids }, Decision::Answer { answers }) => {
                let answers: Map<String, Value> = ids
                    .iter()
                    .filter_map(|id| Some((id.clone(), json!({ "answers": answers.get(id)? }))))
                    .collect();
                json!({ "answers": answers })
            }
            (Self::Form(form), Decision::Answer { answers }) if !form.is_empty() => {
                json!({ "action": "accept", "content": form.content(answers)?, "_meta": null })
            }
            (Self::Form(form), Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways)
                if form.is_empty() =>
            {
                json!({ "action": "accept", "content": {}, "_meta": null })
            }
            _ => return Err("that is no answer to what codex asks".to_owned()),
        };
        Ok(Reply { result, reason: None })
    }

    /// A no that lets the turn go on. Of an approval codex always takes it, also where it does not offer it by itself.
    pub(super) fn no(&self) -> Value {
        match self {
            Self::Approval { .. } => json!({ "decision": "decline" }),
            Self::Permissions { .. } => json!({ "permissions": {}, "scope": "turn" }),
            Self::Questions { .. } => json!({ "answers": {} }),
            Self::Form(_) => json!({ "action": "decline", "content": null, "_meta": null }),
        }
    }
}
