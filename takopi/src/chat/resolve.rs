//! What a message comes to: its prompt, engine, thread, project and branch, in the order of precedence that people of the
//! Python program know.

use std::path::PathBuf;
use std::sync::Arc;

use takopi_api::command::RunResult;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::message::{ChatKind, IncomingFile, IncomingMessage, MessageId, MessageRef, Sender};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunOptions;
use takopi_api::runtime::{Resolved, RunContext};
use takopi_api::transport::TransportId;

use super::bubble::Showing;
use super::conversation::{Inner, Link};
use super::directives::Directives;
use super::files::Destination;
use super::live::LiveRun;
use super::modes;
use super::orders::{self, Order};
use super::queue::{LaneId, LaneName, Target};
use super::settings::{QueueMode, SessionMode};
use super::snapshot::Snapshot;
use super::surround::Surround;
use super::voice;
use super::work::Busy;
use crate::project::{Branch, Context};
use crate::store::{Place, Seq, SessionKey, ThreadOfMessage};

/// Where a conversation with an engine is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kept {
    pub(crate) key: SessionKey,
    pub(crate) engine: EngineId,
}

/// What a message continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continues {
    /// Nothing.
    Nothing,
    /// This thread.
    Thread(ResumeToken),
    /// What was said last under this key, if anything was: this thread, when the message was looked at.
    Session(Kept, Option<ResumeToken>),
    /// What runs in this lane; its thread is not known yet.
    Lane(LaneId),
}

/// What one message, or several collected ones, want to be run.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) messages: Vec<Seq>,
    pub(crate) place: Place,
    /// What kind of chat that is.
    pub(crate) chat: ChatKind,
    pub(crate) sender: Option<Sender>,
    /// The command of a plugin that wants it, if it is not a message's.
    pub(crate) command: Option<String>,
    /// The message that it answers.
    pub(crate) reply_to: MessageId,
    pub(crate) prompt: String,
    pub(crate) files: Vec<IncomingFile>,
    /// Where they go when it runs.
    pub(super) files_go: Destination,
    pub(crate) engine: EngineId,
    pub(crate) options: RunOptions,
    /// What was said of how it is to run.
    pub(crate) order: Option<Order>,
    /// What becomes of it if its thread is at work.
    pub(crate) queue: QueueMode,
    pub(crate) context: Option<Context>,
    pub(crate) context_source: ContextSource,
    pub(crate) continues: Continues,
    /// Where its thread is kept, if it is.
    pub(crate) session: Option<Kept>,
    /// The message that says that it waits.
    pub(crate) card: Showing,
    /// Told how it ended, if somebody waits for it.
    pub(crate) done: Option<tokio::sync::mpsc::UnboundedSender<RunResult>>,
    /// There until its answer was sent.
    pub(crate) busy: Busy,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Job {
    /// The message that it comes from, if it is not a command's.
    pub(crate) fn about(&self) -> Option<MessageId> {
        (!self.messages.is_empty()).then(|| self.reply_to.clone())
    }

    /// The key under which the message that shows it is sent: one a message, so that it is found again after a restart. A
    /// command's run has none, as a command may want several.
    pub(crate) fn card_key(&self) -> Option<String> {
        let is_of_message = !self.messages.is_empty();
        is_of_message.then(|| format!("{}/{}.card", self.place.address.channel, self.reply_to))
    }

    /// Lets it do what another one wants too.
    pub(crate) fn add(&mut self, other: Self) {
        self.prompt.push_str("\n\n");
        self.prompt.push_str(&other.prompt);
        self.messages.extend(other.messages);
        self.files.extend(other.files);
    }

    /// In which lane it belongs.
    pub(crate) fn target(&self) -> Target<Kept> {
        match &self.continues {
            Continues::Nothing => match &self.session {
                Some(key) => Target::Named(LaneName::Session(key.clone())),
                None => Target::New,
            },
            Continues::Thread(token) => Target::Named(LaneName::Thread(token.clone())),
            Continues::Session(key, None) => Target::Named(LaneName::Session(key.clone())),
            Continues::Session(key, Some(thread)) => Target::Session(key.clone(), thread.clone()),
            Continues::Lane(lane) => Target::Lane(*lane),
        }
    }
}

/// Where the project of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextSource {
    /// The `ctx:` line of the message that was replied to.
    ReplyCtx,
    /// Words of the message.
    Directives,
    /// What the place is bound to.
    Bound,
    /// The chat is a project's own.
    Chat,
    /// `default_project`.
    DefaultProject,
    /// Nowhere.
    None,
}

impl ContextSource {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ReplyCtx => "reply_ctx",
            Self::Directives => "directives",
            Self::Bound => "bound",
            Self::Chat => "chat",
            Self::DefaultProject => "default_project",
            Self::None => "none",
        }
    }
}

/// Where the engine of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineSource {
    Directive,
    Topic,
    Chat,
    Project,
    Global,
}

impl EngineSource {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Directive => "directive",
            Self::Topic => "topic default",
            Self::Chat => "chat default",
            Self::Project => "project default",
            Self::Global => "global default",
        }
    }
}

/// The context of a message, and why.
pub(crate) fn context(
    snapshot: &Snapshot,
    found: &Directives,
    reply: Option<Context>,
    surround: &Surround,
    message: &IncomingMessage,
) -> Result<(Option<Context>, ContextSource), Error> {
    if let Some(context) = reply {
        return Ok((Some(context), ContextSource::ReplyCtx));
    }
    let of_chat = snapshot.project_of(&message.address.channel).map(|project| project.alias.clone());
    let bound = surround.binding.as_ref().map(|binding| &binding.context);
    let bound_project = match bound.and_then(|bound| bound.project.as_deref()) {
        Some(alias) => Some(snapshot.projects.find(alias).map_err(|error| unknown(&error))?.alias.clone()),
        None => None,
    };
    let directed = match &found.project {
        Some(alias) => Some(snapshot.projects.find(alias).map_err(|error| unknown(&error))?.alias.clone()),
        None => None,
    };
    let (project, source) = if let Some(alias) = directed {
        (Some(alias), ContextSource::Directives)
    } else if let Some(alias) = bound_project.clone() {
        (Some(alias), ContextSource::Bound)
    } else if let Some(alias) = of_chat {
        (Some(alias), ContextSource::Chat)
    } else if let Some(project) = snapshot.projects.default_project() {
        (Some(project.alias.clone()), ContextSource::DefaultProject)
    } else {
        (None, ContextSource::None)
    };
    let bound_branch = bound.and_then(|bound| bound.branch.as_deref());
    // The branch of another project than the bound one is not meant.
    let is_bound = match (&bound_project, &project) {
        (Some(bound), Some(project)) => bound == project,
        (None, Some(_)) => true,
        _ => false,
    };
    let branch = found.branch.as_deref().or(bound_branch.filter(|_| is_bound));
    let branch = branch.map(Branch::new).transpose().map_err(|error| Error::new(error.to_string()))?;
    let context = Context::new(project, branch).map_err(|error| {
        let told = Error::new(error.to_string());
        error.hints().into_iter().fold(told, Error::hint)
    })?;
    Ok((context, source))
}

fn unknown(error: &crate::project::UnknownProject) -> Error {
    error.hints().into_iter().fold(Error::new(error.to_string()), Error::hint)
}

/// The engine of a message that continues no thread, and why.
pub(crate) fn engine(
    snapshot: &Snapshot,
    found: &Directives,
    surround: &Surround,
    context: Option<&Context>,
) -> Result<(EngineId, EngineSource), Error> {
    if let Some(engine) = &found.engine {
        return Ok((engine.clone(), EngineSource::Directive));
    }
    let topic = surround.own.default_engine.as_ref().filter(|_| surround.is_topic);
    if let Some(engine) = topic {
        return Ok((engine.clone(), EngineSource::Topic));
    }
    if let Some(engine) = &surround.chat.default_engine {
        return Ok((engine.clone(), EngineSource::Chat));
    }
    let of_project = context
        .and_then(|context| snapshot.projects.of(context).ok())
        .and_then(|project| snapshot.engines.named(project.settings.default_engine.as_deref()?));
    if let Some(engine) = of_project {
        return Ok((engine, EngineSource::Project));
    }
    snapshot.engines.default().map(|engine| (engine.clone(), EngineSource::Global)).ok_or_else(|| {
        Error::new("there is no engine to run")
            .hint("install one: `takopi doctor --engines` says how, and set `default_engine`")
    })
}

impl Inner {
    /// Whose session a message belongs to, where sessions are kept. In a private chat it is the chat's, in a group each
    /// person has one, in a topic it is the topic's.
    pub(super) fn session_key(
        &self,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        engine: &EngineId,
        context: Option<&Context>,
    ) -> Option<Kept> {
        let is_topic = place.address.topic.id().is_some();
        if !is_topic && self.session_mode(link) == SessionMode::Stateless {
            return None;
        }
        let person = match message.chat {
            _ if is_topic => None,
            ChatKind::Private => None,
            // Without a name it could be anybody's.
            ChatKind::Group if link.access.people == takopi_api::transport::People::Local => None,
            ChatKind::Group => Some(message.sender.as_ref()?.id.clone()),
        };
        let key = SessionKey { place: place.clone(), person, cwd: self.session_folder(context) };
        Some(Kept { key, engine: engine.clone() })
    }

    /// Where a run would happen, without a look at what is there. It keeps sessions of different folders apart: a thread of
    /// one can not be continued in another.
    pub(super) fn session_folder(&self, context: Option<&Context>) -> PathBuf {
        let snapshot = self.snapshot();
        let project = context.and_then(|context| snapshot.projects.of(context).ok());
        match (project, context.and_then(|context| context.branch.as_ref())) {
            (Some(project), Some(branch)) => project.settings.worktrees_dir.join(branch.as_str()),
            (Some(project), None) => project.settings.path.clone(),
            (None, _) => self.surroundings.start_folder.clone(),
        }
    }

    /// The thread of a message that is replied to: what is stored about it is surer than what its text says.
    async fn thread_of_reply(
        &self,
        place: &Place,
        message: &IncomingMessage,
    ) -> Result<Option<ThreadOfMessage>, Error> {
        let Some(reply) = &message.reply_to else { return Ok(None) };
        let reference = MessageRef::new(message.address.clone(), reply.id.clone());
        self.store()
            .thread_of(&place.transport, &reference)
            .await
            .map_err(|error| Error::new(error.to_string()))
    }

    /// The run that a message is about: that of the message that it replies to. What is to be steered without a reply means
    /// the only run here.
    fn meant_by(
        &self,
        place: &Place,
        message: &IncomingMessage,
        order: Option<Order>,
    ) -> Option<Arc<LiveRun>> {
        match (&message.reply_to, order) {
            (Some(reply), _) => {
                let replied = MessageRef::new(message.address.clone(), reply.id.clone());
                self.live.of_message(&place.transport, &replied)
            }
            (None, Some(Order::Steer)) => match self.live.at(place).as_slice() {
                [only] => Some(Arc::clone(only)),
                _ => None,
            },
            (None, _) => None,
        }
    }

    /// Makes a job of a message.
    pub(super) async fn job(
        &self,
        link: &Link,
        place: &Place,
        seq: Option<Seq>,
        message: &IncomingMessage,
        surround: &Surround,
    ) -> Result<Job, Error> {
        let snapshot = self.snapshot();
        let mut behind = None;
        let order = orders::read(message).map(|(order, prompt)| {
            behind.insert(message.clone()).text = prompt.to_owned();
            order
        });
        let message = behind.as_ref().unwrap_or(message);
        let found = voice::parse(message, &*snapshot).map_err(|error| Error::new(error.to_string()))?;
        let reply_text = message.reply_to.as_ref().map_or("", |reply| reply.text.as_str());
        let stored = self.thread_of_reply(place, message).await?;
        let running = self.meant_by(place, message, order);
        let mut reply_context = snapshot
            .projects
            .read_context(reply_text)
            .map_err(|error| error.hints().into_iter().fold(Error::new(error.to_string()), Error::hint))?;
        if reply_context.is_none()
            && let Some(stored) = &stored
        {
            reply_context = self.read_stored(&snapshot, &stored.context);
        }
        if message.reply_to.is_none() {
            // If it comes to a run of its own, that is to be where the other one is.
            reply_context = running.as_ref().and_then(|live| live.context.clone());
        }
        let (context, context_source) = context(&snapshot, &found, reply_context, surround, message)?;
        let files = &snapshot.settings(&link.id).files;
        let files_go = self.destination(link, files, message, context.as_ref()).await;

        let typed = snapshot.engines.extract_resume(&found.prompt);
        let replied = stored.as_ref().and_then(|stored| stored.token.clone());
        let directed = found.engine.as_ref();
        let of_directed = || snapshot.engines.extract_resume_of(directed?, reply_text);
        let scraped = || of_directed().or_else(|| snapshot.engines.extract_resume(reply_text));
        let thread = typed.or(replied).or_else(scraped);
        let (engine, continues, session) = if let Some(token) = thread {
            let engine = token.engine().clone();
            let session = self.session_key(link, place, message, &engine, context.as_ref());
            (engine, Continues::Thread(token), session)
        } else if let Some(live) = running {
            let continues = match self.queue().thread(live.lane) {
                Some(thread) => Continues::Thread(thread.clone()),
                None => Continues::Lane(live.lane),
            };
            (live.engine.clone(), continues, live.session.clone())
        } else {
            let (engine, _) = engine(&snapshot, &found, surround, context.as_ref())?;
            let session = self.session_key(link, place, message, &engine, context.as_ref());
            let continues = match &session {
                Some(key) => Continues::Session(key.clone(), surround.thread(key).cloned()),
                None => Continues::Nothing,
            };
            (engine, continues, session)
        };
        let mut prompt = snapshot.engines.without_resume_lines(&found.prompt).trim().to_owned();
        if prompt.is_empty() {
            "continue".clone_into(&mut prompt);
        }
        let mut options = surround.options(&engine);
        if order == Some(Order::Plan) {
            options.mode = Some(modes::plan(&snapshot.engines, &engine)?);
        }
        let queue = match order {
            Some(Order::Steer) => QueueMode::Steer,
            _ => surround.queue(snapshot.settings(&link.id)),
        };
        Ok(Job {
            messages: seq.into_iter().collect(),
            place: place.clone(),
            chat: message.chat,
            sender: message.sender.clone(),
            command: None,
            reply_to: message.id.clone(),
            prompt,
            files: voice::to_look_at(message),
            files_go,
            options,
            order,
            queue,
            engine,
            context,
            context_source,
            continues,
            session,
            card: Showing::Nothing,
            done: None,
            busy: self.work.begin(&link.id),
            snapshot,
        })
    }

    /// A context out of the store; one of a project that is not configured any more is none.
    pub(super) fn read_stored(&self, snapshot: &Snapshot, stored: &RunContext) -> Option<Context> {
        let project = snapshot.projects.find(stored.project.as_deref()?).ok()?;
        let branch = stored.branch.as_deref().map(Branch::new).transpose().ok()?;
        Context::new(Some(project.alias.clone()), branch).ok()?
    }

    /// What a message would come to, for a transport that asks.
    pub(super) async fn preview(
        &self,
        transport: &TransportId,
        message: &IncomingMessage,
    ) -> Result<Resolved, Error> {
        let link = self.link(transport).ok_or_else(|| Error::new(format!("{transport} is not connected")))?;
        let place = Place { transport: transport.clone(), address: message.address.clone() };
        let surround = self.surround(&place).await?;
        let job = self.job(&link, &place, None, message, &surround).await?;
        let resume = match &job.continues {
            Continues::Thread(token) => Some(token.clone()),
            Continues::Session(_, thread) => thread.clone(),
            Continues::Nothing | Continues::Lane(_) => None,
        };
        Ok(Resolved::new(job.prompt, job.engine, resume, stored_context(job.context.as_ref())))
    }
}

/// A context as it is stored, and as plugins see it.
pub(crate) fn stored_context(context: Option<&Context>) -> RunContext {
    RunContext {
        project: context.map(|context| context.project.to_string()),
        branch: context.and_then(|context| context.branch.as_ref()).map(ToString::to_string),
    }
}
