//! What a person wants of the chat, and what has to be set for it.

use takopi_api::transport::{Cancelled, Wizard};

/// A way to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workflow {
    /// One conversation that goes on.
    Assistant,
    /// A forum, in which each topic is a project's branch.
    Workspace,
    /// Each message begins anew, and is gone on with in a terminal.
    Handoff,
}

/// In the order in which they are offered.
const ALL: [(Workflow, &str); 3] = [
    (Workflow::Assistant, "assistant: a chat is one conversation that goes on; /new begins another"),
    (
        Workflow::Workspace,
        "workspace: a group with topics, each of them a project and branch with a conversation",
    ),
    (Workflow::Handoff, "handoff: every message begins anew, and its answer says how to go on in a terminal"),
];

impl Workflow {
    /// Asks for one.
    pub(super) async fn choose(wizard: &mut dyn Wizard) -> Result<Self, Cancelled> {
        let choices = ALL.map(|(_, about)| about.to_owned());
        let place = wizard.select("how do you want to work?", &choices).await?;
        Ok(ALL.get(place).map_or(Self::Assistant, |(workflow, _)| *workflow))
    }

    /// The lines of the table.
    pub(super) fn keys(self) -> String {
        let (session_mode, shows_resume_line, has_topics) = match self {
            Self::Assistant => ("chat", false, false),
            Self::Workspace => ("chat", false, true),
            Self::Handoff => ("stateless", true, false),
        };
        format!(
            "session_mode = \"{session_mode}\"\nshow_resume_line = {shows_resume_line}\n\
             topics = {{ enabled = {has_topics}, scope = \"auto\" }}\n"
        )
    }
}
