//! Following the file while takopi runs: what changed is read, once per change, and told.
//!
//! What a change means is the text's business alone: events of the system only say when to look. So an event too many
//! costs a look, and nothing is told twice.

mod sight;

use std::sync::Arc;
use std::time::Duration;

use takopi_api::config::ConfigError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, sleep, timeout};

use super::file::OnDisk;
use super::load::Reader;
use super::model::Config;
use sight::Sight;

/// How long it must be quiet before a look: editors and scripts write in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// How long steps may go on before a look all the same.
const RESTLESS: Duration = Duration::from_secs(2);

/// The time between looks while the system can not tell what happens, as when the folder is gone.
const BLIND: Duration = Duration::from_secs(1);

/// What became of the file.
#[derive(Debug)]
pub enum Update {
    /// It changed, and can be used.
    Reloaded(Box<Config>),
    /// It changed, and can not be used: whoever has settings keeps them.
    Broken(ConfigError),
    /// It is gone: whoever has settings keeps them.
    Missing,
}

/// Follows the file of a configuration that was read. It ends with the receiver.
///
/// Must be called in a tokio runtime with time.
#[must_use]
pub fn watch(reader: Reader, current: &Config) -> Receiver<Update> {
    let (updates, receiver) = mpsc::channel(1);
    tokio::spawn(follow(Arc::new(reader), current.on_disk.clone(), updates));
    receiver
}

async fn follow(reader: Arc<Reader>, mut known: OnDisk, updates: Sender<Update>) {
    let (wake, mut woken) = mpsc::channel(1);
    let mut sight = Sight::new(reader.path(), wake);
    loop {
        // In this order: what changes after the look is an event.
        sight.renew();
        if let Some((on_disk, update)) = look(&reader, known.clone()).await {
            known = on_disk;
            if updates.send(update).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = updates.closed() => return,
            Some(()) = woken.recv() => settle(&mut woken).await,
            () = sleep(BLIND), if sight.is_blind() => {}
        }
    }
}

/// Waits until it is quiet.
async fn settle(woken: &mut Receiver<()>) {
    let started = Instant::now();
    while started.elapsed() < RESTLESS && timeout(QUIET, woken.recv()).await.is_ok() {}
}

/// Reads the file where a slow disk holds nobody up; `None` if nothing is new.
async fn look(reader: &Arc<Reader>, known: OnDisk) -> Option<(OnDisk, Update)> {
    let reader = Arc::clone(reader);
    let looked =
        tokio::task::spawn_blocking(move || news(&reader, &known, OnDisk::read(reader.path()))).await;
    looked.ok().flatten()
}

/// What is new, and what is known from now on.
fn news(reader: &Reader, known: &OnDisk, on_disk: OnDisk) -> Option<(OnDisk, Update)> {
    if *known == on_disk {
        return None;
    }
    if on_disk == OnDisk::Missing {
        return Some((on_disk, Update::Missing));
    }
    Some(match reader.migrating(on_disk.clone()) {
        // What was migrated is on the disk as it is known now.
        Ok(config) => (config.on_disk.clone(), Update::Reloaded(Box::new(config))),
        Err(error) => (on_disk, Update::Broken(error)),
    })
}

#[cfg(test)]
mod tests;
