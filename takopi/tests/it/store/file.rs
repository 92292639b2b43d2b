//! The file itself: who may read it, and what happens when it can not be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use takopi::store::{Look, OpenError};
use takopi_api::runtime::Batch;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn aside(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".corrupt-"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn nobody_else_may_read_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/b");
    let store = open(&folder);
    accept_new(&store, message("1")).await;
    assert_eq!((mode(&folder), mode(folder.parent().unwrap())), (0o700, 0o700));
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(&folder.join(format!("{FILE}{end}"))), 0o600, "{end}");
    }
    store.close().await;
    fs::set_permissions(folder.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
    open(&folder);
    assert_eq!(mode(&folder.join(FILE)), 0o600);
}

#[tokio::test]
async fn closing_stores_what_waits_and_leaves_one_file() {
    let store = Sandbox::new();
    let handle = store.store.clone();
    let accepting = tokio::spawn(async move { accept_new(&handle, message("1")).await });
    tokio::task::yield_now().await;
    store.close().await;
    accepting.await.unwrap();
    let error = store.accept(&chat(), Batch::new([message("2")])).await.unwrap_err();
    assert!(error.to_string().ends_with("the store is closed: takopi is ending"), "{error}");
    assert!(store.unfinished().await.is_err());
    store.close().await;
    let files: Vec<_> =
        fs::read_dir(store.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, [FILE]);
    let store = store.reopened().await;
    assert_eq!(waiting(&store).await, ["1"]);
}

async fn is_moved_aside(damage: impl FnOnce(&[u8]) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    accept_new(&store, message("1")).await;
    store.close().await;
    let file = folder.path().join(FILE);
    let bytes = damage(&fs::read(&file).unwrap());
    fs::write(&file, &bytes).unwrap();

    let (store, notices) = Store::open(folder.path()).unwrap();
    let [notice] = &notices[..] else { panic!("{notices:?}") };
    let moved = aside(folder.path());
    assert!(notice.starts_with(&format!("{} was damaged (", file.display())), "{notice}");
    assert!(notice.contains(&format!("is now {}", moved[0].display())), "{notice}");
    assert_eq!(fs::read(&moved[0]).unwrap(), bytes);
    accept_new(&store, message("1")).await;
    store.close().await;
    open(folder.path());
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_kept() {
    is_moved_aside(|_| b"not a database, but long enough to look like one".repeat(200)).await;
    is_moved_aside(|_| b"short".to_vec()).await;
    is_moved_aside(|whole| whole[..whole.len() - 5_000].to_vec()).await;
    is_moved_aside(|whole| [&whole[..4_096], &vec![0xa5; whole.len() - 4_096]].concat()).await;
    is_moved_aside(|whole| [&whole[..16], &[0xff; 24], &whole[40..]].concat()).await;
}

#[test]
fn a_damaged_file_takes_its_log_along() {
    let folder = tempfile::tempdir().unwrap();
    let contents = [("", "no database"), ("-wal", "no log")];
    for (end, content) in contents {
        fs::write(folder.path().join(format!("{FILE}{end}")), content).unwrap();
    }
    let (_store, notices) = Store::open(folder.path()).unwrap();
    assert_eq!(notices.len(), 1);
    let moved = &aside(folder.path())[0];
    for (end, content) in contents {
        assert_eq!(fs::read_to_string(format!("{}{end}", moved.display())).unwrap(), content);
    }
}

/// What SQLite can mend with its log is not damaged.
#[tokio::test]
async fn a_whole_log_mends_a_damaged_file() {
    let store = Sandbox::new();
    accept_new(&store, message("1")).await;
    let folder = tempfile::tempdir().unwrap();
    let log = format!("{FILE}-wal");
    fs::copy(store.folder.path().join(&log), folder.path().join(&log)).unwrap();
    fs::write(folder.path().join(FILE), "no database").unwrap();
    assert_eq!(waiting(&open(folder.path())).await, ["1"]);
}

#[tokio::test]
async fn a_log_without_its_file_is_kept() {
    let store = Sandbox::new();
    accept_new(&store, message("1")).await;
    let folder = tempfile::tempdir().unwrap();
    let log = format!("{FILE}-wal");
    fs::copy(store.folder.path().join(&log), folder.path().join(&log)).unwrap();
    let (_store, notices) = Store::open(folder.path()).unwrap();
    assert!(notices[0].contains("only its log is there"), "{notices:?}");
    assert_eq!(aside(folder.path()).len(), 1);
}

#[tokio::test]
async fn two_damaged_files_within_a_second_are_both_kept() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=3 {
        fs::write(folder.path().join(FILE), format!("no database {n}")).unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        store.close().await;
        assert_eq!(aside(folder.path()).len(), n);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), b"").unwrap();
    accept_new(&open(folder.path()), message("1")).await;
}

#[tokio::test]
async fn a_file_of_a_newer_takopi_is_left_as_it_is() {
    let store = Sandbox::new();
    accept_new(&store, message("1")).await;
    store.close().await;
    let folder = store.folder.path();
    let file = folder.join(FILE);
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 4_000).unwrap();
    drop(connection);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::read(&file).unwrap();

    let error = Store::open(folder).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 4_000, .. }), "{error}");
    let told = format!("{} has version 4000, and this takopi knows versions up to 3", file.display());
    assert_eq!(error.to_string(), told);
    assert!(error.hint().starts_with("use the newer takopi again"), "{}", error.hint());
    assert_eq!((fs::read(&file).unwrap(), mode(&file)), (before, 0o640));
    assert!(matches!(Look::open(folder), Err(OpenError::Newer { .. })));
}

#[test]
fn a_folder_that_can_not_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let below_a_file = folder.path().join("file/state");
    let error = Store::open(&below_a_file).unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }));
    assert!(error.to_string().starts_with(&format!("{} can not be used", below_a_file.display())), "{error}");

    let a_folder = folder.path().join("other");
    fs::create_dir_all(a_folder.join(FILE)).unwrap();
    assert!(Store::open(&a_folder).is_err());
}

/// Where not even root may write.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_said() {
    let error = Store::open(Path::new("/proc/self")).unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error}");
    assert!(error.hint().contains("a place that you may write to"), "{}", error.hint());
}

#[tokio::test]
async fn another_program_may_look_while_takopi_runs() {
    let empty = tempfile::tempdir().unwrap();
    assert!(Look::open(&empty.path().join("nowhere")).unwrap().is_none());
    assert!(Look::open(empty.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);

    let store = Sandbox::new();
    let run = run_of(&[]);
    store.begin_run(run.clone()).await.unwrap();
    let look = Look::open(store.folder.path()).unwrap().unwrap();
    assert_eq!(look.recent_runs(10).unwrap()[0].run, run.id);
    let next = run_of(&[]);
    store.begin_run(next.clone()).await.unwrap();
    assert_eq!(look.recent_runs(1).unwrap()[0].run, next.id);

    fs::write(empty.path().join(FILE), "no database").unwrap();
    assert!(matches!(Look::open(empty.path()), Err(OpenError::Unusable { .. })));
    assert_eq!(aside(empty.path()).len(), 0);
}

/// What a person changed by hand costs that row and no other.
#[tokio::test]
async fn a_row_that_makes_no_sense_is_skipped() {
    let store = Sandbox::new();
    for id in ["1", "2", "3"] {
        accept_new(&store, message(id)).await;
    }
    let connection = rusqlite::Connection::open(store.folder.path().join(FILE)).unwrap();
    connection.execute("UPDATE inbox SET payload = '{' WHERE message = '2'", ()).unwrap();
    assert_eq!(waiting(&store).await, ["1", "3"]);
}
