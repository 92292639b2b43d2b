//! The hooks of a run in a chat: what they get to know of it, and what they may do there.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_api::event::Completed;
use takopi_api::hook::{Chat, HookChat, PlannedRun, Source};
use takopi_api::message::{Address, MessageRef, OutgoingMessage, PersonId, SendOptions};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{Origin, PluginStore};
use takopi_api::transport::{Role, SendError};

use super::conversation::{Inner, Link};
use super::resolve::{Job, stored_context};
use crate::hooks::{Around, Denial, Watch};
use crate::store::{Namespace, Place};

impl Inner {
    /// What the hooks are to the run of a job.
    pub(super) fn watch(
        self: &Arc<Self>,
        link: &Link,
        id: &RunId,
        job: &Job,
        resume: Option<&ResumeToken>,
    ) -> Watch {
        let around = Around {
            catalog: Arc::clone(&job.snapshot.catalog),
            processes: Arc::clone(&self.surroundings.processes),
            chat: Some(Chat::new(Arc::new(Here {
                inner: Arc::clone(self),
                link: link.clone(),
                place: job.place.clone(),
            }))),
            store: &|hook| {
                let values = self.store().values(Namespace::hook(hook));
                PluginStore::new(Arc::new(values), self.surroundings.state_folder.join("hooks").join(hook))
            },
        };
        job.snapshot.hooks().watch(&around, || {
            let cwd = self.session_folder(job.context.as_ref());
            PlannedRun::new(id.clone(), source(job), job.engine.clone(), &job.prompt)
                .place(stored_context(job.context.as_ref()), Some(cwd))
                .resume(resume.cloned())
                .options(job.options.clone())
        })
    }

    /// Tells the hooks how a run ended. Nothing waits for it but the end of takopi.
    pub(super) fn tell_hooks(self: &Arc<Self>, watch: Watch, completed: &Completed, denial: Option<&Denial>) {
        if let Some(told) = watch.ended(completed, denial) {
            self.spawn(told);
        }
    }
}

fn source(job: &Job) -> Source {
    let origin = Origin::new(job.place.transport.clone(), job.place.address.clone())
        .chat(job.chat)
        .sender(job.sender.clone())
        .message(job.reply_to.clone());
    match &job.command {
        Some(id) => Source::Command { id: id.clone(), origin },
        None => Source::Message(origin),
    }
}

/// The place of a run, for its hooks.
struct Here {
    inner: Arc<Inner>,
    link: Link,
    place: Place,
}

impl Here {
    /// The way out as it is now: a run may go on for longer than a transport is connected.
    fn link(&self) -> Link {
        self.inner.link(&self.link.id).unwrap_or_else(|| self.link.clone())
    }
}

#[async_trait]
impl HookChat for Here {
    async fn send(
        &self,
        to: Option<Address>,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.link().say(to.as_ref().unwrap_or(&self.place.address), message, options, |_| {}).await
    }

    async fn role(&self, person: &PersonId) -> Result<Role, SendError> {
        self.link().outgoing.role(&self.place.address.channel, person).await
    }
}
