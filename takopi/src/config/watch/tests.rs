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

#[tokio::test]
async fn every_change_is_told_once() {
    let mut watched = watched(|folder| fs::write(folder.join("takopi.toml"), engine("a")).unwrap());
    for name in ["b", "c", "d"] {
        fs::write(&watched.path, engine(name)).unwrap();
        assert_eq!(watched.next().await, name, "and nothing comes in between");
    }
    // Touched, but the same; and another file beside it.
    fs::write(&watched.path, engine("d")).unwrap();
    fs::write(watched.folder.path().join("other"), "x").unwrap();
    fs::write(&watched.path, engine("e")).unwrap();
    assert_eq!(watched.next().await, "e");
}

#[tokio::test]
async fn a_broken_file_is_told_and_then_the_mended_one() {
    let mut watched = watched(|folder| fs::write(folder.join("takopi.toml"), engine("a")).unwrap());
    fs::write(&watched.path, "= broken").unwrap();
    assert!(watched.next().await.starts_with("broken: this is not TOML"));
    fs::write(&watched.path, "default_engine = 3").unwrap();
    assert!(watched.next().await.contains("expected a string"));
    fs::write(&watched.path, engine("a")).unwrap();
    assert_eq!(watched.next().await, "a");
}

#[tokio::test]
async fn editors_that_replace_the_file_are_followed() {
    let mut watched = watched(|folder| fs::write(folder.join("takopi.toml"), engine("a")).unwrap());
    for name in ["b", "c"] {
        let swap = watched.folder.path().join("takopi.toml.swp");
        fs::write(&swap, engine(name)).unwrap();
        fs::rename(&swap, &watched.path).unwrap();
        assert_eq!(watched.next().await, name);
    }
}

#[tokio::test]
async fn a_file_that_goes_and_comes_back() {
    let mut watched = watched(|_| {});
    fs::write(&watched.path, engine("first")).unwrap();
    assert_eq!(watched.next().await, "first");
    fs::remove_file(&watched.path).unwrap();
    assert_eq!(watched.next().await, "missing");
    fs::write(&watched.path, engine("again")).unwrap();
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
    fs::write(&one, engine("changed")).unwrap();
    assert_eq!(watched.next().await, "changed");
    symlink("two/real.toml", &new).unwrap();
    fs::rename(&new, &link).unwrap();
    assert_eq!(watched.next().await, "two");
    fs::write(&two, engine("changed too")).unwrap();
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
        fs::write(&watched.path, engine(name)).unwrap();
        assert_eq!(watched.next().await, name);
        fs::write(&watched.path, engine("changed")).unwrap();
        assert_eq!(watched.next().await, "changed");
        fs::remove_dir_all(watched.path.parent().unwrap()).unwrap();
        assert_eq!(watched.next().await, "missing");
    }
}

#[tokio::test]
async fn what_changed_before_the_watch_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takopi.toml");
    fs::write(&path, engine("read")).unwrap();
    let config = reader(&path).load().unwrap();
    fs::write(&path, engine("changed")).unwrap();
    let updates = watch(reader(&path), &config);
    assert_eq!(Watched { folder, path, updates }.next().await, "changed");
}

#[tokio::test]
async fn what_is_migrated_is_told_once() {
    let mut watched = watched(|_| {});
    fs::write(&watched.path, format!("{}chat_id = 1\n", engine("old"))).unwrap();
    assert_eq!(watched.next().await, "old");
    assert!(fs::read_to_string(&watched.path).unwrap().contains("[transports.telegram]\nchat_id = 1"));
    fs::write(&watched.path, engine("new")).unwrap();
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
