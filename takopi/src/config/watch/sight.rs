//! Where the system is asked to tell what happens: the folders of the file, of the link that is its name and of what the
//! link leads to.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::Sender;

use crate::config::file::{folder_of, followed};

/// The eyes on the folders of a file.
pub(super) struct Sight {
    file: PathBuf,
    watcher: Option<RecommendedWatcher>,
    folders: Vec<PathBuf>,
    is_blind: bool,
}

impl Sight {
    /// Sight of a file. `wake` gets a word when something happens that may concern it.
    pub(super) fn new(file: &Path, wake: Sender<()>) -> Self {
        let name = file.file_name().map(ToOwned::to_owned).unwrap_or_default();
        let path = file.to_owned();
        let tell = move |event: notify::Result<Event>| {
            // What the system lost is worth a look, too.
            let concerns = event.map_or(true, |event| concerns(&event, &[&name, &target_name(&path)]));
            if concerns {
                // If there is no room, somebody is about to look already.
                let _ = wake.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(tell)
            .inspect_err(|error| tracing::warn!(%error, "config.watch.unavailable"))
            .ok();
        Self { file: file.to_owned(), watcher, folders: Vec::new(), is_blind: true }
    }

    /// Looks at the folders anew: a link may lead elsewhere, and a folder may be another one of the same name.
    pub(super) fn renew(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for folder in self.folders.drain(..) {
            // One that is gone is no longer watched.
            let _ = watcher.unwatch(&folder);
        }
        let mut folders: Vec<PathBuf> =
            [self.file.clone(), followed(&self.file)].iter().map(|path| folder_of(path).to_owned()).collect();
        folders.dedup();
        let before = folders.len();
        folders.retain(|folder| watcher.watch(folder, RecursiveMode::NonRecursive).is_ok());
        self.is_blind = folders.len() < before;
        self.folders = folders;
    }

    /// Whether something can happen that nobody tells.
    pub(super) const fn is_blind(&self) -> bool {
        self.is_blind
    }
}

fn target_name(path: &Path) -> OsString {
    followed(path).file_name().map(ToOwned::to_owned).unwrap_or_default()
}

/// Whether an event may concern a file of one of these names. Names that come and go may be part of the way to the file,
/// whatever they are; what is written into other files is nothing to us, and a database beside the file is written often.
fn concerns(event: &Event, names: &[&OsString]) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Modify(ModifyKind::Data(_)) => {
            let is_ours =
                |path: &PathBuf| path.file_name().is_some_and(|name| names.iter().any(|ours| *ours == name));
            event.paths.iter().any(is_ours)
        }
        EventKind::Access(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, MetadataKind, RenameMode};

    use super::*;

    #[test]
    fn only_what_may_concern_the_file_is_worth_a_look() {
        let names = [&OsString::from("takopi.toml"), &OsString::from("real.toml")];
        let check = |kind: EventKind, name: &str| {
            concerns(&Event::new(kind).add_path(Path::new("/x").join(name)), &names)
        };
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        for kind in [written, data] {
            assert!(check(kind, "takopi.toml") && check(kind, "real.toml"));
            assert!(!check(kind, "takopi.sqlite3-wal"));
        }
        assert!(!check(EventKind::Access(AccessKind::Open(AccessMode::Any)), "takopi.toml"));
        for kind in [
            EventKind::Create(CreateKind::File),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)),
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            EventKind::Any,
        ] {
            assert!(check(kind, "..data"), "{kind:?}");
        }
    }
}
