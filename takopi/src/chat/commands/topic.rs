//! `/topic`: a topic of the chat for a project and branch.

use takopi_api::error::Error;
use takopi_api::message::{Address, Topic};
use takopi_api::transport::{SendFailure, Topics};

use super::super::resolve::stored_context;
use super::super::topics::of_projects;
use super::super::view;
use super::{Answer, Use, say, stored, usage};
use crate::project::{Branch, Context};
use crate::store::{Binding, Place};

pub(super) async fn handle(used: Use) -> Answer {
    if !used.link.outgoing.capabilities().topics {
        return say("this chat has no topics; bind the chat itself with `/ctx set <project> @branch`");
    }
    match &used.snapshot.settings(&used.link.id).topics {
        Topics::Off => {
            return Err(Error::new("topics are switched off here")
                .hint(format!("`topics.enabled = true` in [transports.{}] switches them on", used.link.id)));
        }
        Topics::OfProjects(scope) if !of_projects(&used.snapshot, &used.place) => {
            return Err(Error::new(format!("topics of projects are in {}", scope.told())));
        }
        Topics::OfProjects(_) | Topics::Free => {}
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
            Err(error) if error.failure == SendFailure::TopicGone => {
                let again = used.link.topics.replace(&used.link, &binding.place.address).await;
                if again.topic == Topic::General {
                    return Err(Error::new(format!(
                        "the topic for {title} is gone and could not be made again; the log says why"
                    )));
                }
                greet(&used, &again, &title).await;
                return say(format!("made the topic for {title} again"));
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
    greet(&used, &address, &title).await;
    say(format!("made a topic for {title}"))
}

/// Says in a new topic what it is for.
async fn greet(used: &Use, topic: &Address, title: &str) {
    let hello = view::notice(format!("this topic is bound to {title}"));
    if let Err(error) = used.link.send(topic, hello, <_>::default()).await {
        tracing::warn!(%error, "the new topic could not be written to");
    }
}
