//! The hooks of a run on the command line.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::hook::{PlannedRun, Source};
use takopi_api::process::ProcessHost;
use takopi_api::runner::RunSpec;
use takopi_api::runtime::{KeyValue, PluginStore, RunContext, StoreError, Write};

use super::super::Session;
use crate::hooks::{Around, Hooks, Watch};
use crate::store::{FILES, Namespace, Store};

/// What the hooks are to a run.
pub(super) fn watch(session: &Session<'_>, engine: &EngineId, spec: &RunSpec) -> Watch {
    let hooks = Hooks::new(&session.registry, &session.config);
    let folder = session.config.folder();
    let state = Arc::new(LateStore { folder: folder.to_owned(), opened: Mutex::default() });
    let around = Around {
        catalog: <_>::default(),
        processes: Arc::clone(&spec.processes) as Arc<dyn ProcessHost>,
        chat: None,
        store: &|hook| {
            let values = LateValues { state: Arc::clone(&state), namespace: Namespace::hook(hook) };
            PluginStore::new(Arc::new(values), folder.join(FILES).join("hooks").join(hook))
        },
    };
    hooks.watch(&around, || {
        PlannedRun::new(spec.id.clone(), Source::Terminal, engine.clone(), &spec.prompt)
            .place(RunContext::default(), Some(spec.cwd.clone()))
            .resume(spec.resume.clone())
            .options(spec.options.clone())
    })
}

/// The state, which is opened once a hook wants to remember something: a run needs none.
struct LateStore {
    folder: PathBuf,
    opened: Mutex<Option<Store>>,
}

impl LateStore {
    fn store(&self) -> Result<Store, StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*opened {
            return Ok(store.clone());
        }
        let (store, notices) = Store::open(&self.folder).map_err(|error| StoreError(error.to_string()))?;
        for notice in notices {
            tracing::warn!("{notice}");
        }
        Ok(opened.insert(store).clone())
    }
}

/// What one hook remembers.
struct LateValues {
    state: Arc<LateStore>,
    namespace: Namespace,
}

#[async_trait]
impl KeyValue for LateValues {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.state.store()?.values(self.namespace.clone()).get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.state.store()?.values(self.namespace.clone()).list(prefix).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.state.store()?.values(self.namespace.clone()).write(writes).await
    }
}
