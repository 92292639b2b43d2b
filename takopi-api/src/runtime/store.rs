//! What a plugin remembers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

/// Something could not be stored or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// One change of a plugin's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Under which name.
    pub key: String,
    /// What; `None` forgets it.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Remembers a value.
    #[must_use]
    pub fn put(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }

    /// Forgets a value.
    #[must_use]
    pub fn delete(key: impl Into<String>) -> Self {
        Self { key: key.into(), value: None }
    }
}

/// What takopi implements for [`PluginStore`].
#[async_trait]
pub trait KeyValue: Send + Sync {
    /// The value of a key.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All keys that begin so, with their values, sorted.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Makes all changes, or none.
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError>;
}

/// A plugin's own keys and values, and its own folder. Both outlive a restart.
#[derive(Clone)]
pub struct PluginStore {
    values: Arc<dyn KeyValue>,
    folder: PathBuf,
}

impl PluginStore {
    /// The store of one plugin.
    #[must_use]
    pub fn new(values: Arc<dyn KeyValue>, folder: PathBuf) -> Self {
        Self { values, folder }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.values.get(key).await
    }

    /// All keys that begin so, with their values, sorted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.values.list(prefix).await
    }

    /// Makes all changes, or none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn write(&self, writes: impl IntoIterator<Item = Write>) -> Result<(), StoreError> {
        self.values.write(writes.into_iter().collect()).await
    }

    /// A folder for the plugin's own files. It need not exist yet.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl fmt::Debug for PluginStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}
