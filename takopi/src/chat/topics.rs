//! Topics that belong to a project: how they come to it, and what is said in one that does not.

mod lost;

use std::sync::Arc;

use takopi_api::error::Error;
use takopi_api::message::IncomingMessage;
use takopi_api::transport::Topics;

pub(super) use self::lost::LostTopics;
use super::conversation::{Inner, Link};
use super::directives::Directives;
use super::resolve::{ContextSource, Continues, Job, stored_context};
use super::snapshot::Snapshot;
use super::surround::Surround;
use super::voice;
use crate::project::Context;
use crate::store::{Binding, Place};

/// Whether topics of a chat have to belong to a project.
pub(super) fn of_projects(snapshot: &Snapshot, place: &Place) -> bool {
    let Topics::OfProjects(scope) = &snapshot.settings(&place.transport).topics else { return false };
    let projects = snapshot.projects.iter().filter_map(|project| project.settings.chat_id.as_deref());
    scope.has(place.address.channel.as_str(), projects)
}

impl Inner {
    /// Sees to it that a topic that has to belong to a project does, before a job of it runs.
    pub(super) async fn settle_topic(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        surround: &Surround,
        job: &Job,
    ) -> Result<(), Error> {
        if place.address.topic.id().is_none() || !of_projects(&job.snapshot, place) {
            return Ok(());
        }
        let found = voice::parse(message, &*job.snapshot).map_err(|error| Error::new(error.to_string()))?;
        self.bind_directed(link, place, &job.snapshot, &found, job.context.as_ref()).await?;
        let is_named = found.project.is_some() || found.branch.is_some();
        let is_known = is_named
            || surround.binding.is_some()
            || !matches!(job.context_source, ContextSource::DefaultProject | ContextSource::None)
            || matches!(job.continues, Continues::Thread(_) | Continues::Lane(_));
        if is_known {
            return Ok(());
        }
        Err(Error::new("this topic belongs to no project yet")
            .hint("bind it with `/ctx set <project> [@branch]`")
            .hint("or make one with `/topic <project> @branch`"))
    }

    /// Binds a topic to the project and branch that a message in it names.
    pub(super) async fn bind_directed(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        snapshot: &Snapshot,
        found: &Directives,
        context: Option<&Context>,
    ) -> Result<(), Error> {
        let is_named = found.project.is_some() || found.branch.is_some();
        match context {
            Some(context)
                if is_named && place.address.topic.id().is_some() && of_projects(snapshot, place) =>
            {
                self.bind_place(link, place, context).await
            }
            _ => Ok(()),
        }
    }

    /// Binds a chat or a topic. A topic gets the title that says so, as soon as the chat system has time for it.
    pub(super) async fn bind_place(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        context: &Context,
    ) -> Result<(), Error> {
        let stored =
            |error: takopi_api::runtime::StoreError| Error::new(format!("it could not be stored: {error}"));
        let around = self.store().around(place).await.map_err(stored)?;
        let before = around.binding.filter(|binding| binding.place == *place);
        let title_before = before.and_then(|binding| binding.title);
        let mut binding = Binding {
            place: place.clone(),
            context: stored_context(Some(context)),
            title: title_before.clone(),
        };
        self.store().bind(binding.clone()).await.map_err(stored)?;
        let title = context.to_string();
        let Some(topic) = place.address.topic.id().cloned() else { return Ok(()) };
        if title_before.as_ref() == Some(&title) || !link.outgoing.capabilities().topics {
            return Ok(());
        }
        let (inner, link) = (Arc::clone(self), link.clone());
        self.spawn(async move {
            let renamed = link.outgoing.rename_topic(&binding.place.address.channel, &topic, &title).await;
            if let Err(error) = renamed {
                tracing::warn!(place = %binding.place, %error, "a topic could not be renamed");
                return;
            }
            let now = inner.store().around(&binding.place).await;
            let is_still = |now: &Binding| now.place == binding.place && now.context == binding.context;
            // Somebody may have bound it to something else meanwhile.
            if now.is_ok_and(|now| now.binding.as_ref().is_some_and(is_still)) {
                binding.title = Some(title);
                if let Err(error) = inner.store().bind(binding).await {
                    tracing::warn!(%error, "the title of a topic could not be stored");
                }
            }
        });
        Ok(())
    }
}
