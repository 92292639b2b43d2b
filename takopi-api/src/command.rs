//! Chat commands: `/name` handlers.
//!
//! A command runs when a message begins with `/` and its id, and the id is neither an engine, a project nor a word that
//! takopi keeps for itself; and when a button is pressed whose data begin with its id and `:`. What it gets is its own
//! ([`CommandContext`] is cheap to clone and may be kept): it can go on sending and running after
//! [`CommandBackend::handle`] has returned.
//!
//! A use of a command is not repeated: of one that takopi's end cuts off, people are told at the next start.

mod executor;

use std::path::PathBuf;

use async_trait::async_trait;

pub use executor::{AskError, CommandHost, Emission, Executor, Parallelism, Reading, RunRequest, RunResult};

use crate::config::ConfigTable;
use crate::error::Error;
use crate::message::{IncomingMessage, OutgoingMessage};
use crate::runtime::{Catalog, Origin, PluginHost, PluginStore, RunContext};
use crate::transport::TransportId;

/// What made a command run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trigger {
    /// A message that begins with it.
    Message,
    /// A button that carries its id, a colon and this.
    Button {
        /// What follows the colon.
        data: String,
    },
}

/// What a command gets when it is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandContext {
    /// What made it run.
    pub trigger: Trigger,
    /// The message that begins with the command; for a button, the message that the button belongs to.
    pub message: IncomingMessage,
    /// Where the message came from.
    pub transport: TransportId,
    /// What follows the command's name, as it was typed.
    pub args_text: String,
    /// What follows the command's name, split as a shell does it; at blanks where quotes are not closed.
    pub args: Vec<String>,
    /// The project and branch that a run would have here.
    pub context: RunContext,
    /// The folder that a run would have here; `None` if it can not be had.
    pub cwd: Option<PathBuf>,
    /// The table `[plugins.<id>]` of the configuration; in a project, with what `[plugins.<id>.projects.<alias>]` says over it.
    pub config: ConfigTable,
    /// What there is.
    pub catalog: std::sync::Arc<Catalog>,
    /// What the command remembers.
    pub store: PluginStore,
    /// Sends messages and starts runs.
    pub executor: Executor,
}

impl CommandContext {
    /// The context of a use by a message.
    #[must_use]
    pub fn new(
        message: IncomingMessage,
        transport: TransportId,
        executor: Executor,
        store: PluginStore,
    ) -> Self {
        Self {
            trigger: Trigger::Message,
            message,
            transport,
            args_text: String::new(),
            args: Vec::new(),
            context: RunContext::default(),
            cwd: None,
            config: ConfigTable::empty(),
            catalog: <_>::default(),
            store,
            executor,
        }
    }

    /// Who used it, and where: to act for them later, by [`PluginHost::executor`].
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::new(self.transport.clone(), self.message.address.clone())
            .chat(self.message.chat)
            .sender(self.message.sender.clone())
            .message(self.message.id.clone())
    }

    /// What made it run.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// What follows the command's name.
    #[must_use]
    pub fn args_text(mut self, text: impl Into<String>) -> Self {
        self.args_text = text.into();
        self.args = split_args(&self.args_text);
        self
    }

    /// Where a run would happen.
    #[must_use]
    pub fn place(mut self, context: RunContext, cwd: Option<PathBuf>) -> Self {
        self.context = context;
        self.cwd = cwd;
        self
    }

    /// The command's table.
    #[must_use]
    pub fn config(mut self, config: ConfigTable) -> Self {
        self.config = config;
        self
    }

    /// What there is.
    #[must_use]
    pub fn catalog(mut self, catalog: std::sync::Arc<Catalog>) -> Self {
        self.catalog = catalog;
        self
    }
}

/// A `/name` handler in chat.
#[async_trait]
pub trait CommandBackend: Send + Sync {
    /// Must equal the id under which the row is registered.
    fn id(&self) -> &str;

    /// One line for the help and the menu.
    fn description(&self) -> &str {
        ""
    }

    /// What may follow the command, for the help: `start | stop [name]`.
    fn arguments(&self) -> &str {
        ""
    }

    /// Answers a use of the command; the answer is sent as a reply. `None` sends nothing.
    ///
    /// # Errors
    /// [`Error`], which is sent as a reply.
    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error>;

    /// takopi begins to serve, or the command is enabled from now on. It is called only if its row says `starts = true`, and
    /// never again before it was stopped. Transports may not be connected yet. It has ten seconds: what goes on belongs into a
    /// task of [`PluginHost::spawn`].
    ///
    /// # Errors
    /// [`Error`], which is logged. takopi goes on, and the command can be used; it is started again when its table changes.
    async fn start(&self, host: PluginHost) -> Result<(), Error> {
        let _ = host;
        Ok(())
    }

    /// Its table in the configuration changed. It is called only after it was started, and has ten seconds.
    async fn on_config(&self, host: PluginHost) {
        let _ = host;
    }

    /// takopi ends, or the command is not enabled any more. It is called only after it was started, and has five seconds. What
    /// can not wait for it is in the store already: a kill calls nothing.
    async fn stop(&self) {}
}

/// Splits as a shell splits words: blanks separate, quotes and backslashes keep together. Where a quote is not closed,
/// blanks alone separate.
#[must_use]
pub fn split_args(text: &str) -> Vec<String> {
    try_split(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect())
}

fn try_split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => match chars.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_as_a_shell_does_it() {
        let check = |text: &str, expected: &[&str]| assert_eq!(split_args(text), expected);
        check("", &[]);
        check("  a  b\nc ", &["a", "b", "c"]);
        check("a 'b c' \"d \\\" e\" f\\ g", &["a", "b c", "d \" e", "f g"]);
        check("'' x", &["", "x"]);
        check("it's fine", &["it's", "fine"]);
        check("a\\", &["a\\"]);
    }
}
