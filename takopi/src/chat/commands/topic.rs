//! `/topic`: a topic of the chat for a project and branch.

use takopi_api::error::Error;
use takopi_api::message::{Address, Topic};
use takopi_api::transport::SendFailure;

use super::super::resolve::stored_context;
use super::super::view;
use super::{Answer, Use, say, stored, usage};
use crate::project::{Branch, Context};
use crate::store::{Binding, Place};

pub(super) async fn handle(used: Use) -> Answer {
    if !used.link.outgoing.capabilities().topics {
        return say("this chat has no topics; bind the chat itself with `/ctx set <project> @branch`");
    }
    let words: Vec<String> = used.words().into_iter().map(str::to_owned).collect();
    let (project, branch) = match words.as_slice() {
        [branch] => (None, branch),
        [project, branch] => (Some(project), branch),
        _ => return usage("topic"),
    };
    let Some(branch) = branch.strip_prefix('@') else { return usage("topic") };
    let own = used.snapshot.project_of(&used.place.address.channel);
    let project =
        match (project, own) {
            (Some(alias), _) => used.snapshot.projects.find(alias).map_err(|error| {
                error.hints().into_iter().fold(Error::new(error.to_string()), Error::hint)
            })?,
            (None, Some(project)) => project,
            (None, None) => return usage("topic"),
        };
    let branch = Branch::new(branch).map_err(|error| Error::new(error.to_string()))?;
    let context = Context { project: project.alias.clone(), branch: Some(branch) };
    let title = context.to_string();
    let channel = used.place.address.channel.clone();
    let wanted = stored_context(Some(&context));

    let bindings = used.inner.store().bindings(&used.link.id).await.map_err(stored)?;
    let existing = bindings.into_iter().find(|binding| {
        binding.place.address.channel == channel
            && binding.place.address.topic.id().is_some()
            && binding.context == wanted
    });
    if let Some(binding) = existing
        && let Topic::Named(topic) = &binding.place.address.topic
    {
        // The title that it has: this only asks whether it is still there.
        match used.link.outgoing.rename_topic(&channel, topic, &title).await {
            Err(error) if error.failure == SendFailure::Gone => {
                used.inner.store().forget_sessions(&binding.place, None).await.map_err(stored)?;
                used.inner.store().unbind(&binding.place).await.map_err(stored)?;
            }
            _ => return say(format!("there is a topic for {title} already")),
        }
    }
    let topic = used
        .link
        .outgoing
        .create_topic(&channel, &title)
        .await
        .map_err(|error| Error::new(format!("the topic could not be made: {error}")))?;
    let address = Address { channel, topic: Topic::Named(topic) };
    let place = Place { transport: used.link.id.clone(), address: address.clone() };
    let binding = Binding { place, context: wanted, title: Some(title.clone()) };
    used.inner.store().bind(binding).await.map_err(stored)?;
    let hello = view::notice(format!("this topic is bound to {title}"));
    if let Err(error) = used.link.send(&address, hello, <_>::default()).await {
        tracing::warn!(%error, "the new topic could not be written to");
    }
    say(format!("made a topic for {title}"))
}
