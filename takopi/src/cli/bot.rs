//! The bot that a command is about: a transport, its table, and the lock that says who receives for it.

use std::path::Path;
use std::sync::Arc;

use takopi_api::config::{ConfigTable, Secret, SecretValue};
use takopi_api::plugin::BackendKind;
use takopi_api::runtime::ProjectInfo;
use takopi_api::transport::{SetupContext, TransportBackend};

use super::Session;
use super::error::CliError;
use crate::config::DEFAULT_TRANSPORT;
use crate::lock::{self, Fingerprint, InstanceLock, LockError, Standing};
use crate::plugins::Loaded;
use crate::project::Projects;

/// A bot.
pub(super) struct Bot<'a> {
    pub(super) id: String,
    pub(super) backend: Arc<dyn TransportBackend>,
    pub(super) table: ConfigTable,
    projects: Vec<ProjectInfo>,
    path: &'a Path,
}

/// Who receives for it.
pub(super) enum Claim {
    /// Nobody else, as long as this lives.
    Ours(#[expect(dead_code, reason = "what counts is when it is dropped")] Option<InstanceLock>),
    /// Another takopi, this process if that is known.
    Running(Option<u32>),
}

impl<'a> Bot<'a> {
    /// The bot of the transport that is named, else of the only one of the configuration, else of the usual one.
    pub(super) fn choose(named: Option<&str>, session: &'a Session<'_>) -> Result<Self, CliError> {
        let chosen = session.config.chosen_transports();
        let id = match (named, chosen.as_slice()) {
            (Some(id), _) => id.to_owned(),
            (None, []) => DEFAULT_TRANSPORT.to_owned(),
            (None, [id]) => id.clone(),
            (None, several) => {
                return Err(CliError::usage(format!("which transport: {}?", several.join(" or ")))
                    .hint("name it with --transport ID"));
            }
        };
        let backend = match session.registry.load(BackendKind::Transport, &id)? {
            Loaded::Transport(backend) => Arc::clone(backend),
            _ => return Err(CliError::usage(format!("`{id}` is no transport"))),
        };
        let table = session.config.transport(&id)?;
        let projects = Projects::new(&session.config).infos();
        Ok(Self { id, backend, table, projects, path: session.reader.path() })
    }

    /// What the transport is told. A secret counts in place of the one of the table.
    pub(super) fn context<'s>(&'s self, secret: Option<&'s Secret>) -> SetupContext<'s> {
        SetupContext::new(&self.table, self.path).projects(&self.projects).secret(secret)
    }

    /// Keeps others from receiving for the bot of the configuration, unless one does already.
    pub(super) fn claim(&self) -> Result<Claim, CliError> {
        // Without an account in the configuration no takopi runs with it.
        let Ok(Some(token)) = self.backend.lock_token(&self.table) else { return Ok(Claim::Ours(None)) };
        match InstanceLock::acquire(self.path, Some(token.into())) {
            Ok(lock) => Ok(Claim::Ours(Some(lock))),
            Err(LockError::Held { pid, .. }) => Ok(match lock::look(self.path) {
                // It speaks for no account at all, such as one that only talks in a terminal.
                Ok(Standing::Held { pid: Some(_), token: None }) => Claim::Ours(None),
                _ => Claim::Running(pid),
            }),
            Err(error) => Err(untold(&error)),
        }
    }

    /// The same for a bot that is named by its secret alone, which is not that of the configuration for sure.
    pub(super) fn claim_by(&self, secret: &SecretValue) -> Result<Claim, CliError> {
        let of_secret = Fingerprint::of(secret.expose());
        match lock::look(self.path).map_err(|error| untold(&error))? {
            Standing::Held { pid, token: Some(token) } if token == of_secret => Ok(Claim::Running(pid)),
            _ => Ok(Claim::Ours(None)),
        }
    }
}

fn untold(error: &LockError) -> CliError {
    error.hints().into_iter().fold(CliError::new(error.to_string()), CliError::hint)
}
