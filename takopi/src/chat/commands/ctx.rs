//! `/ctx`: which project and branch messages here are about.

use takopi_api::error::Error;

use super::super::directives::Directives;
use super::super::resolve::{self, ContextSource};
use super::super::surround::Surround;
use super::{Answer, Use, or_none, say, stored, usage};
use crate::project::{Branch, Context};

impl Use {
    /// The project and branch of a message here that names none.
    pub(super) fn context(&self, surround: &Surround) -> Result<(Option<Context>, ContextSource), Error> {
        self.context_of(surround, &Directives::default())
    }

    /// The project and branch of a message here that begins with these directives.
    pub(super) fn context_of(
        &self,
        surround: &Surround,
        found: &Directives,
    ) -> Result<(Option<Context>, ContextSource), Error> {
        let reply = self.message.reply_to.as_ref().map_or("", |reply| reply.text.as_str());
        let reply =
            self.snapshot.projects.read_context(reply).map_err(|error| {
                error.hints().into_iter().fold(Error::new(error.to_string()), Error::hint)
            })?;
        resolve::context(&self.snapshot, found, reply, surround, &self.message)
    }
}

pub(super) async fn handle(used: Use) -> Answer {
    let words: Vec<String> = used.words().into_iter().map(str::to_owned).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["show"] => show(&used).await,
        ["clear"] => {
            used.inner.store().unbind(&used.place).await.map_err(stored)?;
            say(format!("this {} is bound to nothing", used.scope()))
        }
        ["set", project, branch] => set(&used, Some(project), Some(branch)).await,
        ["set", branch] if branch.starts_with('@') => set(&used, None, Some(branch)).await,
        ["set", project] => set(&used, Some(project), None).await,
        _ => usage("ctx"),
    }
}

async fn show(used: &Use) -> Answer {
    let surround = used.inner.surround(&used.place).await?;
    let bound =
        surround.binding.as_ref().map_or_else(|| "none".to_owned(), |bound| bound.context.to_string());
    let (context, source) = used.context(&surround)?;
    let resolved = context.map_or_else(|| "none".to_owned(), |context| context.to_string());
    let sessions = used.inner.store().sessions(&used.place).await.map_err(stored)?;
    let engines =
        or_none(&sessions.into_iter().map(|session| session.token.engine().to_string()).collect::<Vec<_>>());
    let note = if surround.binding.is_none() { "\nbind it with `/ctx set <project> [@branch]`" } else { "" };
    say(format!(
        "bound ctx: {bound}\nresolved ctx: {resolved} (source: {})\nsessions: {engines}{note}",
        source.as_str()
    ))
}

async fn set(used: &Use, project: Option<&str>, branch: Option<&str>) -> Answer {
    let project =
        match project {
            Some(alias) => used.snapshot.projects.find(alias).map_err(|error| {
                error.hints().into_iter().fold(Error::new(error.to_string()), Error::hint)
            })?,
            None => match used.snapshot.project_of(&used.place.address.channel) {
                Some(project) => project,
                None => used
                    .snapshot
                    .projects
                    .default_project()
                    .ok_or_else(|| Error::new("which project? `/ctx set <project> [@branch]`"))?,
            },
        };
    let branch = match branch {
        Some(branch) => {
            let name = branch.strip_prefix('@').ok_or_else(|| {
                Error::new(format!("a branch is written with an @: `/ctx set {} @{branch}`", project.alias))
            })?;
            Some(Branch::new(name).map_err(|error| Error::new(error.to_string()))?)
        }
        None => None,
    };
    let context = Context { project: project.alias.clone(), branch };
    used.inner.bind_place(&used.link, &used.place, &context).await?;
    say(format!("this {} is bound to {context}", used.scope()))
}
