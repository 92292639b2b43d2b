use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::config::{Overrides, Vocabulary};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

struct Watched {
    folder: TempDir,
    path: PathBuf,
    updates: Receiver<Update>,
}

/// Watches `takopi.toml` in a folder that was prepared.
fn watched(prepare: impl FnOnce(&Path)) -> Watched {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let path = folder.path().join("takopi.toml");
    let reader = reader(&path);
    let updates = watch(reader.clone(), &reader.load().unwrap());
    Watched { folder, path, updates }
}

fn reader(path: &Path) -> Reader {
    Reader::new(path, Vocabulary::default(), Overrides::default())
}

fn engine(name: &str) -> String {
    format!("default_engine = '{name}'\n")
}

impl Watched {
    /// The next update, in short.
    async fn next(&mut self) -> String {
        let update =
            timeout(PATIENCE, self.updates.recv()).await.expect("an update").expect("the watch goes on");
        match update {
            Update::Reloaded(config) => config.default_engine.unwrap_or_else(|| "no engine".to_owned()),
            Update::Broken(error) => format!("broken: {}", error.message),
            Update::Missing => "missing".to_owned(),
        }
    }
}

/// Writes as careful editors do: no look can see half of it.
fn put(path: &Path, text: &str) {
    let swap = path.with_extension("swp");
    fs::write(&swap, text).unwrap();
    fs::rename(&swap, path).unwrap();
}

#[tokio::test]
async fn every_change_is_told_once() {
    let mut watched = watched(|folder| put(&folder.join("takopi.toml"), &engine("a")));
    for name in ["b", "c", "d"] {
        put(&watched.path, &engine(name));
        assert_eq!(watched.next().await, name, "and nothing comes in between");
    }
    // Another file with the same text; and another file beside it.
    put(&watched.path, &engine("d"));
    put(&watched.folder.path().join("other"), "x");
    put(&watched.path, &engine("e"));
    assert_eq!(watched.next().await, "e");
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_followed() {
    let mut watched = watched(|folder| put(&folder.join("takopi.toml"), &engine("a")));
    for name in ["b", "c"] {
        fs::write(&watched.path, engine(name)).unwrap();
        // A slow machine may see it empty in between.
        while watched.next().await != name {}
    }
}

#[tokio::test]
async fn a_broken_file_is_told_and_then_the_mended_one() {
    let mut watched = watched(|folder| put(&folder.join("takopi.toml"), &engine("a")));
    put(&watched.path, "= broken");
    assert!(watched.next().await.starts_with("broken: this is not TOML"));
    put(&watched.path, "default_engine = 3");
    assert!(watched.next().await.contains("expected a string"));
    put(&watched.path, &engine("a"));
    assert_eq!(watched.next().await, "a");
}

#[tokio::test]
async fn a_file_that_goes_and_comes_back() {
    let mut watched = watched(|_| {});
    put(&watched.path, &engine("first"));
    assert_eq!(watched.next().await, "first");
    fs::remove_file(&watched.path).unwrap();
    assert_eq!(watched.next().await, "missing");
    put(&watched.path, &engine("again"));
    assert_eq!(watched.next().await, "again");
}

#[tokio::test]
async fn what_a_link_leads_to_is_followed() {
    let mut watched = watched(|folder| {
        for name in ["one", "two"] {
            fs::create_dir(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("real.toml"), engine(name)).unwrap();
        }
        symlink("one/real.toml", folder.join("takopi.toml")).unwrap();
    });
    let at = |path: &str| watched.folder.path().join(path);
    let (one, two, link, new) = (at("one/real.toml"), at("two/real.toml"), at("takopi.toml"), at("new"));
    put(&one, &engine("changed"));
    assert_eq!(watched.next().await, "changed");
    symlink("two/real.toml", &new).unwrap();
    fs::rename(&new, &link).unwrap();
    assert_eq!(watched.next().await, "two");
    put(&two, &engine("changed too"));
    assert_eq!(watched.next().await, "changed too");
}

#[tokio::test]
async fn a_folder_that_is_made_anew_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config/takopi.toml");
    let reader = reader(&path);
    let updates = watch(reader.clone(), &reader.load().unwrap());
    let mut watched = Watched { folder, path, updates };
    for name in ["a", "b"] {
        fs::create_dir(watched.path.parent().unwrap()).unwrap();
        put(&watched.path, &engine(name));
        assert_eq!(watched.next().await, name);
        put(&watched.path, &engine("changed"));
        assert_eq!(watched.next().await, "changed");
        fs::remove_dir_all(watched.path.parent().unwrap()).unwrap();
        assert_eq!(watched.next().await, "missing");
    }
}

#[tokio::test]
async fn what_changed_before_the_watch_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    put(&path, &engine("read"));
    let config = reader(&path).load().unwrap();
    put(&path, &engine("changed"));
    let updates = watch(reader(&path), &config);
    assert_eq!(Watched { folder, path, updates }.next().await, "changed");
}

#[tokio::test]
async fn what_is_migrated_is_told_once() {
    let mut watched = watched(|_| {});
    put(&watched.path, &format!("{}chat_id = 1\n", engine("old")));
    assert_eq!(watched.next().await, "old");
    assert!(fs::read_to_string(&watched.path).unwrap().contains("[transports.telegram]\nchat_id = 1"));
    put(&watched.path, &engine("new"));
    assert_eq!(watched.next().await, "new");
}

#[test]
fn nothing_new_is_nothing() {
    let reader = reader(Path::new("/nowhere/takopi.toml"));
    let text = |text: &str| OnDisk::Text(text.into());
    let unreadable = || OnDisk::Unreadable("why".to_owned());
    for same in [OnDisk::Missing, text("= broken"), unreadable()] {
        assert!(news(&reader, &same.clone(), same).is_none());
    }
    assert!(matches!(news(&reader, &text(""), OnDisk::Missing), Some((OnDisk::Missing, Update::Missing))));
    assert!(matches!(news(&reader, &OnDisk::Missing, unreadable()), Some((_, Update::Broken(_)))));
    assert!(matches!(news(&reader, &unreadable(), text("")), Some((_, Update::Reloaded(_)))));
    assert!(matches!(news(&reader, &text("a.b = 1"), text("a. = 1")), Some((_, Update::Broken(_)))));
}
