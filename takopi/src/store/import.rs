//! What the Python program remembered, taken over once.
//!
//! Its files are read and left as they are. What is stored here already stays: an import never changes what a person chose
//! since. A file that can not be read is tried again at the next start.

mod python;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use takopi_api::runtime::{RunContext, StoreError};
use takopi_api::transport::TransportId;

use super::columns::Moment;
use super::place::Place;
use super::{Store, bindings, preferences, sessions};
use python::{FILES, State};

impl Store {
    /// Takes over what the Python program remembered for a transport, in files that lie in a folder. Gives what a person
    /// should know. Where there are no files, or they were taken over before, nothing happens.
    ///
    /// It remembered the threads of a topic without their folder: `folder_of` says where a run in this place and context
    /// happens, if it can happen at all.
    ///
    /// # Errors
    /// [`StoreError`] if nothing could be stored. What is wrong with a file is no error.
    pub async fn import_python_state(
        &self,
        folder: &Path,
        transport: &TransportId,
        folder_of: &(dyn Fn(&Place, &RunContext) -> Option<PathBuf> + Sync),
    ) -> Result<Vec<String>, StoreError> {
        let mut notices = Vec::new();
        for (end, section) in FILES {
            let name = format!("{transport}_{end}");
            let path = folder.join(&name);
            let mark = format!("imported:{name}");
            if !path.exists() || self.is_marked(&mark).await? {
                continue;
            }
            // A small file, read at start, before anybody waits for anything.
            let state = std::fs::read(&path)
                .map_err(|error| error.to_string())
                .and_then(|text| State::read(&text, *section, transport, folder_of));
            match state {
                Ok(state) => {
                    notices.extend(state.told(&path));
                    self.write(move |connection| Ok(store(connection, &state, &mark)?)).await?;
                }
                Err(why) => notices.push(format!("{} was not taken over: {why}", path.display())),
            }
        }
        Ok(notices)
    }

    async fn is_marked(&self, mark: &str) -> Result<bool, StoreError> {
        let mark = mark.to_owned();
        self.read(move |connection| {
            Ok(connection.prepare_cached("SELECT 1 FROM meta WHERE name = ?1")?.exists((&mark,))?)
        })
        .await
    }
}

fn store(connection: &Connection, state: &State, mark: &str) -> rusqlite::Result<()> {
    for (key, token) in &state.sessions {
        if sessions::find(connection, key, token.engine())?.is_none() {
            sessions::put(connection, key, token)?;
        }
    }
    for (place, change) in &state.choices {
        if !preferences::is_made(connection, place, change)? {
            preferences::apply(connection, place, change)?;
        }
    }
    for binding in &state.bindings {
        if !bindings::is_bound(connection, &binding.place)? {
            bindings::put(connection, binding)?;
        }
    }
    connection.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, datetime(?2 / 1000, 'unixepoch'))",
        (mark, Moment::now()),
    )?;
    Ok(())
}
