//! What an engine asks a person, and the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::EngineId;

/// The id of a request: unique in its run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// The id that the engine gave, or one made for it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of the answers that a question offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// What it is called; given back as the answer.
    pub label: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Choice {
    /// An answer that says it all by its name.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), description: None }
    }

    /// Says what it means.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// One question of several that an engine may ask at once. A person may always answer in words of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Question {
    /// Its id: unique in its request.
    pub id: String,
    /// A word or two that tell it from the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What is asked.
    pub text: String,
    /// The answers to choose from; empty if only words fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// Whether several of them may be chosen.
    #[serde(default, skip_serializing_if = "is_not")]
    pub multiple: bool,
    /// Whether the answer is a secret, which nobody else is to see.
    #[serde(default, skip_serializing_if = "is_not")]
    pub secret: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

impl Question {
    /// A question that is answered in words.
    #[must_use]
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            header: None,
            text: text.into(),
            options: Vec::new(),
            multiple: false,
            secret: false,
        }
    }

    /// Sets the word or two that tell it from the others.
    #[must_use]
    pub fn header(mut self, header: impl Into<String>) -> Self {
        self.header = Some(header.into());
        self
    }

    /// Adds answers to choose from.
    #[must_use]
    pub fn options(mut self, options: impl IntoIterator<Item = Choice>) -> Self {
        self.options.extend(options);
        self
    }

    /// Lets several answers be chosen.
    #[must_use]
    pub const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    /// Makes the answer a secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// What an engine wants to do. All of it is shown to the person, so what decides about the harm that it could do must be in
/// one of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Permission {
    /// The engine's name for what it would use, such as `Bash` or `edit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The command that it would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The folder in which it would run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The files that it would touch: absolute, or below [`Self::cwd`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// What would change in them, as a unified diff. What can not be read as one is shown as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The whole new content of the file, where the engine says that in place of a diff. It is never taken for a diff, whatever
    /// it reads like, but compared with what is in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Why it wants to, in the engine's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it would give to a tool of which the above does not say everything, as people can read it: JSON with line breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// For what besides this one time a yes can count.
    #[serde(skip_serializing_if = "Lasting::is_default")]
    pub lasting: Lasting,
}

/// For what besides this one time a yes to a [`Permission`] can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lasting {
    /// For its like, as far as takopi can say what that is: takopi then answers later requests by itself.
    #[default]
    Rules,
    /// The same, and the engine itself remembers [`Decision::AllowSession`] for its thread.
    Engine,
    /// For nothing. What it does is said by something that is not in the request, such as the program that a text is typed into.
    Nothing,
}

impl Lasting {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Permission {
    /// Sets the engine's name for what it would use.
    #[must_use]
    pub fn tool(mut self, tool: impl Into<String>) -> Self {
        self.tool = Some(tool.into());
        self
    }

    /// Sets the command that it would run.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Sets the folder in which it would run it.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds files that it would touch.
    #[must_use]
    pub fn paths(mut self, paths: impl IntoIterator<Item = String>) -> Self {
        self.paths.extend(paths);
        self
    }

    /// Sets what would change in them, as a unified diff.
    #[must_use]
    pub fn diff(mut self, diff: impl Into<String>) -> Self {
        self.diff = Some(diff.into());
        self
    }

    /// Sets the whole new content of the file.
    #[must_use]
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// Sets why it wants to.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Sets what it would give to the tool.
    #[must_use]
    pub fn input(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Sets for what besides this one time a yes can count.
    #[must_use]
    pub const fn lasting(mut self, lasting: Lasting) -> Self {
        self.lasting = lasting;
        self
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestSubject {
    /// May the engine do this?
    Permission(Permission),
    /// Is this plan good?
    Plan {
        /// The plan, as markdown.
        text: String,
    },
    /// What does the person want?
    Question {
        /// One or more questions.
        questions: Vec<Question>,
    },
}

/// Something that an engine asks a person. The run waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// One line: what is asked.
    pub title: String,
    /// What it is about.
    #[serde(flatten)]
    pub subject: RequestSubject,
}

impl Request {
    /// A request.
    #[must_use]
    pub fn new(id: RequestId, title: impl Into<String>, subject: RequestSubject) -> Self {
        Self { id, title: title.into(), subject }
    }
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Do it, this once. Of a plan: go ahead.
    AllowOnce,
    /// Do it, and do not ask for its like again in this thread. An engine that can not remember that does it this once:
    /// takopi then answers what it asks later. See [`Lasting`].
    AllowSession,
    /// Do it, and never ask for its like again. Takopi keeps the rule, shows it and takes it back; the engine does it this
    /// once, and writes nothing down.
    AllowAlways,
    /// Do not do it.
    Deny {
        /// What the person said about it, for the engine to read. Of a plan: what to change in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The answers to questions, by the question's id.
    Answer {
        /// One or more answers a question; none if nobody answered it, or nothing was chosen.
        answers: BTreeMap<String, Vec<String>>,
    },
}

/// The engine asks a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestEvent {
    /// The engine.
    pub engine: EngineId,
    /// What it asks.
    pub request: Request,
}

impl RequestEvent {
    /// A request event.
    #[must_use]
    pub const fn new(engine: EngineId, request: Request) -> Self {
        Self { engine, request }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "resolution", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resolution {
    /// It was answered.
    Decided(Decision),
    /// The engine no longer asks.
    Withdrawn,
}

/// A request was answered or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestResolved {
    /// The engine.
    pub engine: EngineId,
    /// Which request.
    pub request_id: RequestId,
    /// What became of it.
    #[serde(flatten)]
    pub resolution: Resolution,
}

impl RequestResolved {
    /// A resolved event.
    #[must_use]
    pub const fn new(engine: EngineId, request_id: RequestId, resolution: Resolution) -> Self {
        Self { engine, request_id, resolution }
    }
}
