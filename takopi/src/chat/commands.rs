//! The commands that takopi itself answers in a chat. The table is the only list of them: the reserved words, `/help`, the
//! menu and the docs are made of it.

mod agent;
mod cancel;
mod ctx;
mod file;
mod help;
mod mode;
mod model;
mod new;
mod plan;
mod queue;
mod reasoning;
pub(super) mod rules;
mod status;
mod steer;
mod topic;
mod trigger;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use takopi_api::error::Error;
use takopi_api::message::{ChatKind, IncomingMessage, OutgoingMessage};
use takopi_api::runtime::StoreError;
use takopi_api::transport::{People, Role};

use super::conversation::{Inner, Link};
use super::snapshot::Snapshot;
use super::view;
use crate::store::Place;

/// A use of a command.
pub(crate) struct Use {
    pub(crate) inner: Arc<Inner>,
    pub(crate) link: Link,
    pub(crate) place: Place,
    pub(crate) message: IncomingMessage,
    /// What follows the command.
    pub(crate) args: String,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// What a command answers; nothing if it has answered in another way.
pub(crate) type Answer = Result<Option<OutgoingMessage>, Error>;

/// A command.
pub struct BuiltIn {
    /// Its word.
    pub id: &'static str,
    /// One line about it.
    pub description: &'static str,
    /// What may follow it.
    pub arguments: &'static str,
    handle: fn(Use) -> BoxFuture<'static, Answer>,
}

impl std::fmt::Debug for BuiltIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BuiltIn").field(&self.id).finish()
    }
}

macro_rules! built_in {
    ($($module:ident: $description:literal, $arguments:literal;)+) => {
        /// In the order of the menu.
        pub const BUILT_IN: &[BuiltIn] = &[$(BuiltIn {
            id: stringify!($module),
            description: $description,
            arguments: $arguments,
            handle: |used| Box::pin($module::handle(used)),
        }),+];
    };
}

built_in! {
    new: "forget what was said and start afresh", "";
    ctx: "show or set the project and branch of this chat", "[set [project] [@branch] | clear]";
    agent: "show or set the engine of this chat", "[set <engine> | clear]";
    model: "show or set the model", "[set [engine] <model> | clear [engine]]";
    reasoning: "show or set the reasoning effort", "[set [engine] <level> | clear [engine]]";
    mode: "show or set the mode that an engine works in", "[set [engine] <mode> | clear [engine]]";
    plan: "plan before anything is changed: this once, or from now on", "[prompt]";
    trigger: "which messages are for takopi", "[all | mentions | clear]";
    queue: "show what waits, or what a message does while something runs", "[queue | steer | interrupt | collect | clear]";
    steer: "send something into the turn that runs", "<text>";
    rules: "show what is always allowed, or take it back", "[revoke <number>]";
    status: "show what runs and what waits", "";
    topic: "make a topic for a branch", "[project] @branch";
    file: "send a file to the project, or get one", "put [path] [--force] | get <path>";
    help: "show what can be said", "";
    cancel: "end the run that is replied to, or the only one here", "";
}

/// Every word that no engine, no plugin's command and no project may have.
pub fn reserved() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|command| command.id)
}

/// The command of a word.
pub(crate) fn find(word: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|command| command.id == word)
}

impl BuiltIn {
    /// Answers a use of it.
    pub(crate) fn answer(&self, used: Use) -> BoxFuture<'static, Answer> {
        (self.handle)(used)
    }

    /// How it is used.
    pub(crate) fn usage(&self) -> String {
        format!("usage: /{} {}", self.id, self.arguments).trim_end().to_owned()
    }
}

impl Use {
    /// Refuses a change of settings by those who may not make one: in a group that is who does not administer it.
    async fn may_change(&self) -> Result<(), Error> {
        if self.message.chat == ChatKind::Private || self.link.access.people == People::Local {
            return Ok(());
        }
        let Some(sender) = &self.message.sender else {
            return Err(Error::new("who you are is not known here, so nothing was changed"));
        };
        match self.link.outgoing.role(&self.place.address.channel, &sender.id).await {
            Ok(Role::Admin) => Ok(()),
            Ok(_) => Err(Error::new("only administrators of this chat may change its settings")),
            Err(error) => {
                Err(Error::new(format!("whether you administer this chat could not be asked: {error}")))
            }
        }
    }

    /// The words after the command.
    fn words(&self) -> Vec<&str> {
        self.args.split_whitespace().collect()
    }

    /// Where settings of here are stored, in words.
    fn scope(&self) -> &'static str {
        if self.place.address.topic.id().is_some() { "topic" } else { "chat" }
    }
}

fn usage(word: &str) -> Answer {
    let text = find(word).map(BuiltIn::usage).unwrap_or_default();
    Err(Error::new(text))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
fn stored(error: StoreError) -> Error {
    Error::new(format!("it could not be stored: {error}"))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what commands end with")]
fn say(text: impl Into<String>) -> Answer {
    Ok(Some(view::notice(text)))
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use takopi_api::plugin::is_valid_id;

    use super::*;

    #[test]
    fn words_are_well_formed_and_there_once() {
        let mut words: Vec<&str> = reserved().collect();
        assert!(words.iter().all(|word| is_valid_id(word)));
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn a_usage_has_no_blank_at_its_end() {
        assert_eq!(find("new").unwrap().usage(), "usage: /new");
        assert_eq!(find("topic").unwrap().usage(), "usage: /topic [project] @branch");
    }
}
