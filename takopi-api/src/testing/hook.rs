//! The side of takopi that a hook uses, as a test wants it to be.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::MemoryStore;
use crate::config::ConfigTable;
use crate::hook::{Chat, HookChat, HookContext};
use crate::message::{Address, MessageId, MessageRef, OutgoingMessage, PersonId, SendOptions};
use crate::process::ProcessHost;
use crate::runtime::PluginStore;
use crate::transport::{Role, SendError};

/// What a hook gets whose table holds this, as lines of TOML. It has no chat; one can be set on it.
///
/// # Panics
/// If that is no TOML.
#[must_use]
pub fn hook_context(table: &str, processes: Arc<dyn ProcessHost>) -> HookContext {
    let store = PluginStore::new(Arc::new(MemoryStore::default()), PathBuf::new());
    let table =
        ConfigTable::from_toml(Path::new("takopi.toml"), table).expect("the test says what TOML it is");
    HookContext::new(store, processes).config(table)
}

/// A chat for hooks, in which everybody is the same and nothing is sent to anybody.
#[derive(Debug)]
pub struct FakeHookChat {
    role: Role,
    sent: Mutex<Vec<OutgoingMessage>>,
}

impl FakeHookChat {
    /// A chat in which everybody is this.
    #[must_use]
    pub fn new(role: Role) -> Arc<Self> {
        Arc::new(Self { role, sent: Mutex::default() })
    }

    /// The chat as a hook gets it.
    #[must_use]
    pub fn chat(self: &Arc<Self>) -> Chat {
        Chat::new(Arc::clone(self) as Arc<dyn HookChat>)
    }

    /// What was sent.
    #[must_use]
    pub fn sent(&self) -> Vec<OutgoingMessage> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl HookChat for FakeHookChat {
    async fn send(
        &self,
        to: Option<Address>,
        message: OutgoingMessage,
        _: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(message);
        let id = MessageId::new(format!("b{}", sent.len()));
        Ok(MessageRef::new(to.unwrap_or_else(|| Address::general("here")), id))
    }

    async fn role(&self, _: &PersonId) -> Result<Role, SendError> {
        Ok(self.role)
    }
}
