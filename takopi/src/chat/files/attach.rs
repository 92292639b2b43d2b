//! Files that come with a prompt: given to the engine, or put into the project and named in the prompt. And files without
//! a word, which are put into the project.

use std::path::Path;

use takopi_api::error::Error;
use takopi_api::message::{IncomingMessage, OutgoingMessage};
use takopi_api::runner::{Attachment, RunId};

use super::super::conversation::{Inner, Link};
use super::super::directives::Directives;
use super::super::resolve::{self, Job};
use super::super::settings::{FileSettings, PromptFiles};
use super::super::snapshot::Snapshot;
use super::super::surround::Surround;
use super::super::view;
use super::super::voice;
use super::{Existing, MAX_TAKEN, Put, Target, may_transfer};
use crate::project::Context;
use crate::store::ATTACHMENTS;

/// Where files go that come with a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Destination {
    /// To the engine, as attachments.
    Engine,
    /// Into the project.
    Project,
}

/// What an engine is given of a message.
pub(in super::super) struct Brought {
    pub(in super::super) prompt: String,
    pub(in super::super) attachments: Vec<Attachment>,
}

impl Inner {
    /// Where the files of a message go. Without a project to put them into, or the right to do so, that is the engine.
    pub(in super::super) async fn destination(
        &self,
        link: &Link,
        settings: &FileSettings,
        message: &IncomingMessage,
        context: Option<&Context>,
    ) -> Destination {
        let is_wanted =
            settings.with_prompt == PromptFiles::Prompt && settings.is_enabled && settings.auto_put;
        let is_possible = is_wanted && !message.files.is_empty() && context.is_some();
        if is_possible && may_transfer(link, settings, message).await.is_ok() {
            Destination::Project
        } else {
            Destination::Engine
        }
    }

    /// Fetches the files of a job's messages to where they go.
    pub(in super::super) async fn bring(
        &self,
        link: &Link,
        job: &Job,
        id: &RunId,
        cwd: &Path,
    ) -> Result<Brought, String> {
        let prompt = job.prompt.clone();
        if job.files.is_empty() {
            return Ok(Brought { prompt, attachments: Vec::new() });
        }
        match job.files_go {
            Destination::Engine => {
                Ok(Brought { prompt, attachments: self.attachments(link, job, id).await? })
            }
            Destination::Project => {
                let settings = &job.snapshot.settings(&link.id).files;
                let root = tokio::fs::canonicalize(cwd)
                    .await
                    .map_err(|error| format!("{}: {error}", cwd.display()))?;
                let target = Target::Folder(settings.uploads.to_string_lossy().into_owned());
                let put = Put::all(link, settings, &root, &job.files, &target, Existing::Beside).await;
                let named = put.named().map_err(|error| format!("a file was not saved: {error}"))?;
                Ok(Brought { prompt: format!("{prompt}\n\n{named}"), attachments: Vec::new() })
            }
        }
    }

    async fn attachments(&self, link: &Link, job: &Job, id: &RunId) -> Result<Vec<Attachment>, String> {
        let folder = self.surroundings.state_folder.join(ATTACHMENTS).join(id.as_str());
        let mut attachments = Vec::with_capacity(job.files.len());
        for (number, file) in job.files.iter().enumerate() {
            let content = link
                .outgoing
                .fetch(file, MAX_TAKEN)
                .await
                .map_err(|error| format!("a file of the message could not be fetched: {error}"))?;
            let path = folder.join(file_name(file.name.as_deref(), number));
            let written = async {
                tokio::fs::create_dir_all(&folder).await?;
                tokio::fs::write(&path, content).await
            };
            written.await.map_err(|error| format!("{} can not be written: {error}", path.display()))?;
            attachments.push(Attachment::new(path));
        }
        Ok(attachments)
    }

    /// Puts files that come without a word into the project. `None` if they are something to run.
    pub(in super::super) async fn auto_put(
        &self,
        link: &Link,
        message: &IncomingMessage,
        surround: &Surround,
        snapshot: &Snapshot,
    ) -> Result<Option<OutgoingMessage>, Error> {
        let settings = &snapshot.settings(&link.id).files;
        let is_bare = voice::said(message).is_empty() && !message.files.is_empty();
        if !is_bare || !settings.is_enabled || !settings.auto_put {
            return Ok(None);
        }
        let reply = message.reply_to.as_ref().map_or("", |reply| reply.text.as_str());
        let reply = snapshot
            .projects
            .read_context(reply)
            .map_err(|error| error.hints().into_iter().fold(Error::new(error.to_string()), Error::hint))?;
        let (context, _) = resolve::context(snapshot, &Directives::default(), reply, surround, message)?;
        may_transfer(link, settings, message).await?;
        let (root, context) = self
            .project_root(snapshot, context)
            .await
            .map_err(|error| error.hint("or send the file with a caption that says what to do with it"))?;
        let target = Target::Folder(settings.uploads.to_string_lossy().into_owned());
        let put = Put::all(link, settings, &root, &message.files, &target, Existing::Beside).await;
        put.told(&context.to_string()).map(|told| Some(view::notice(told)))
    }

    /// The folder of a project and branch, which files go to and come from.
    pub(in super::super) async fn project_root(
        &self,
        snapshot: &Snapshot,
        context: Option<Context>,
    ) -> Result<(std::path::PathBuf, Context), Error> {
        let context = context.ok_or_else(|| {
            Error::new("files belong to a project, and this chat has none")
                .hint("bind it with `/ctx set <project>`")
        })?;
        let folder = self.folder_of(snapshot, Some(&context)).await.map_err(Error::new)?;
        let root = tokio::fs::canonicalize(&folder)
            .await
            .map_err(|error| Error::new(format!("{}: {error}", folder.display())))?;
        Ok((root, context))
    }
}

/// The name under which a file of a message is kept: its own, but never a path.
fn file_name(name: Option<&str>, number: usize) -> String {
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(100)
        .collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { format!("{number}.bin") } else { format!("{number}-{name}") }
}
