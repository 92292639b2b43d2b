//! Putting files of messages into a project. All stay inside the folder of the project, and no file is half there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_api::error::Error;
use takopi_api::markdown;
use takopi_api::message::IncomingFile;

use super::super::conversation::Link;
use super::super::settings::FileSettings;
use super::{MAX_TAKEN, inside, shown_size};

/// Where files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Target {
    /// Into a folder, each under its own name.
    Folder(String),
    /// To this path.
    Path(String),
}

/// What becomes of another file that is there already. The same one once more is no other: a message may be handled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Existing {
    /// It stays, and the new one is not put.
    Keep,
    /// The new one takes its place.
    Replace,
    /// Both stay: the new one gets a number.
    Beside,
}

/// What was put, and what was not.
#[derive(Debug, Default)]
pub(in super::super) struct Put {
    saved: Vec<Saved>,
    failed: Vec<Error>,
}

#[derive(Debug)]
struct Saved {
    path: PathBuf,
    size: u64,
}

impl Put {
    /// Fetches files and puts them below the root, one after the other: one that fails keeps no other back.
    pub(in super::super) async fn all(
        link: &Link,
        settings: &FileSettings,
        root: &Path,
        files: &[IncomingFile],
        target: &Target,
        existing: Existing,
    ) -> Self {
        let mut put = Self::default();
        for (number, file) in files.iter().enumerate() {
            match one(link, settings, root, file, &name(file, number), target, existing).await {
                Ok(saved) => put.saved.push(saved),
                Err(error) => put.failed.push(error),
            }
        }
        put
    }

    /// What came of it, in words; an error if nothing was put.
    pub(in super::super) fn told(mut self, context: &str) -> Result<String, Error> {
        if self.saved.is_empty() && self.failed.len() == 1 {
            return Err(self.failed.remove(0));
        }
        let failed: Vec<String> = self.failed.iter().map(ToString::to_string).collect();
        let failed = failed.join("; ");
        if self.saved.is_empty() {
            return Err(Error::new(failed));
        }
        let paths: Vec<_> = self.paths().map(|path| markdown::code(&path)).collect();
        let size: u64 = self.saved.iter().map(|saved| saved.size).sum();
        let saved =
            format!("saved {} in {} ({})", paths.join(", "), markdown::code(context), shown_size(size));
        Ok(if failed.is_empty() { saved } else { format!("{saved}\nfailed: {failed}") })
    }

    /// The lines of a prompt that name what was put; an error if something was not.
    pub(in super::super) fn named(self) -> Result<String, Error> {
        if !self.failed.is_empty() {
            let failed: Vec<String> = self.failed.iter().map(ToString::to_string).collect();
            return Err(Error::new(failed.join("; ")));
        }
        let paths: Vec<String> = self.paths().collect();
        Ok(match paths.as_slice() {
            [path] => format!("[uploaded file: {path}]"),
            paths => format!("[uploaded files]\n- {}", paths.join("\n- ")),
        })
    }

    fn paths(&self) -> impl Iterator<Item = String> {
        self.saved.iter().map(|saved| saved.path.to_string_lossy().into_owned())
    }
}

/// The name under which a file is put that is given no other: its own, but never a path.
fn name(file: &IncomingFile, number: usize) -> String {
    let name = file.name.as_deref().and_then(|name| Path::new(name).file_name()?.to_str());
    let name = name.map(|name| name.replace(char::is_control, "_"));
    name.unwrap_or_else(|| format!("upload-{number}.bin"))
}

async fn one(
    link: &Link,
    settings: &FileSettings,
    root: &Path,
    file: &IncomingFile,
    name: &str,
    target: &Target,
    existing: Existing,
) -> Result<Saved, Error> {
    let typed = match target {
        Target::Folder(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
        Target::Path(path) => path.clone(),
    };
    // Before anything is fetched.
    let relative = inside(&typed, &settings.denied)?;
    let too_large =
        || Error::new(format!("{} is larger than {}", markdown::code(name), shown_size(MAX_TAKEN)));
    if file.size.is_some_and(|size| size > MAX_TAKEN) {
        return Err(too_large());
    }
    let content = link
        .outgoing
        .fetch(file, MAX_TAKEN)
        .await
        .map_err(|error| Error::new(format!("{} could not be fetched: {error}", markdown::code(name))))?;
    let size = content.len() as u64;
    let (root, rules) = (root.to_owned(), settings.denied.clone());
    let content = Arc::new(content);
    let path = tokio::task::spawn_blocking(move || write(&root, &relative, &content, existing, &rules))
        .await
        .map_err(|error| Error::new(error.to_string()))??;
    Ok(Saved { path, size })
}

/// How many numbers are tried for a file beside others of its name.
const BESIDE: u32 = 1000;

/// Writes a file below the root, and gives where it is. No link on the way may lead out of it.
fn write(
    root: &Path,
    relative: &Path,
    content: &[u8],
    existing: Existing,
    rules: &super::DenyRules,
) -> Result<PathBuf, Error> {
    let failed = |error: std::io::Error| Error::new(format!("{}: {error}", relative.display()));
    let path = root.join(relative);
    let folder = path.parent().unwrap_or(root);
    jail(root, folder, rules)?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    jail(root, folder, rules)?;
    // Renamed into place: a link of that name is replaced and not followed, and nobody sees half of a file.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    // As any file that a person makes: others may read it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(failed)?;
    let mut candidate = relative.to_owned();
    for number in 2..=BESIDE {
        let there = root.join(&candidate);
        if there.is_dir() {
            return Err(Error::new(format!("{} is a folder", candidate.display())));
        }
        if existing == Existing::Replace {
            file.persist(&there).map_err(|error| failed(error.error))?;
            return Ok(candidate);
        }
        file = match file.persist_noclobber(&there) {
            Ok(_) => return Ok(candidate),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => error.file,
            Err(error) => return Err(failed(error.error)),
        };
        if is_same(&there, content) {
            return Ok(candidate);
        }
        if existing == Existing::Keep {
            return Err(Error::new(format!("{} is there already", candidate.display()))
                .hint("`--force` writes over it"));
        }
        candidate = numbered(relative, number);
    }
    Err(Error::new(format!("{} is there too often", relative.display())))
}

/// `notes-2.txt` of `notes.txt`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

/// Whether a file has this content already.
fn is_same(path: &Path, content: &[u8]) -> bool {
    let is_file = std::fs::symlink_metadata(path)
        .is_ok_and(|there| there.is_file() && there.len() == content.len() as u64);
    is_file && std::fs::read(path).is_ok_and(|there| there == content)
}

/// Refuses a folder whose existing part lies outside of the root, or where nothing may be put.
fn jail(root: &Path, folder: &Path, rules: &super::DenyRules) -> Result<(), Error> {
    let existing = folder.ancestors().find_map(|ancestor| std::fs::canonicalize(ancestor).ok());
    let within = existing.as_deref().and_then(|existing| existing.strip_prefix(root).ok());
    let shown = folder.strip_prefix(root).unwrap_or(folder).display();
    match within.map(|within| rules.denies(within)) {
        Some(None) => Ok(()),
        Some(Some(rule)) => Err(Error::new(format!("{shown} is denied by the rule `{rule}`"))),
        None => Err(Error::new(format!("{shown} leads out of the project"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::chat::files::DenyRules;

    fn repository() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap().join("repo");
        fs::create_dir(&root).unwrap();
        (folder, root)
    }

    fn put(root: &Path, path: &str, content: &str, existing: Existing) -> Result<String, String> {
        write(root, Path::new(path), content.as_bytes(), existing, &DenyRules::default())
            .map(|path| path.to_string_lossy().into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_link_is_no_way_out() {
        let (folder, root) = repository();
        std::os::unix::fs::symlink(folder.path(), root.join("out")).unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        std::os::unix::fs::symlink(".git", root.join("harmless")).unwrap();
        assert_eq!(put(&root, "out/x", "x", Existing::Replace).unwrap_err(), "out leads out of the project");
        let denied = put(&root, "harmless/x", "x", Existing::Replace).unwrap_err();
        assert_eq!(denied, "harmless is denied by the rule `.git/**`");
        // A link of the file's own name is replaced, and what it names stays.
        fs::write(folder.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("x")).unwrap();
        assert_eq!(put(&root, "x", "x", Existing::Replace).unwrap(), "x");
        assert_eq!(fs::read_to_string(folder.path().join("secret")).unwrap(), "s");
        assert!(!root.join("x").is_symlink());
    }

    #[test]
    fn what_is_there_stays_unless_it_is_to_go() {
        let (_folder, root) = repository();
        assert_eq!(put(&root, "in/a.txt", "one", Existing::Keep).unwrap(), "in/a.txt");
        assert_eq!(put(&root, "in/a.txt", "one", Existing::Keep).unwrap(), "in/a.txt");
        assert_eq!(put(&root, "in/a.txt", "two", Existing::Keep).unwrap_err(), "in/a.txt is there already");
        assert_eq!(put(&root, "in/a.txt", "two", Existing::Beside).unwrap(), "in/a-2.txt");
        assert_eq!(put(&root, "in/a.txt", "two", Existing::Beside).unwrap(), "in/a-2.txt");
        assert_eq!(put(&root, "in/a.txt", "six", Existing::Beside).unwrap(), "in/a-3.txt");
        assert_eq!(put(&root, "in/a.txt", "two", Existing::Replace).unwrap(), "in/a.txt");
        assert_eq!(put(&root, "in", "x", Existing::Replace).unwrap_err(), "in is a folder");
        assert_eq!(fs::read_to_string(root.join("in/a.txt")).unwrap(), "two");
        // Nothing is left of what was not put.
        assert_eq!(fs::read_dir(root.join("in")).unwrap().count(), 3);
    }

    #[test]
    fn a_name_is_no_path() {
        let named = |given: &str| name(&IncomingFile::new("f").name(given), 3);
        assert_eq!(named("../../a.txt"), "a.txt");
        assert_eq!((named(".."), named("a\nb")), ("upload-3.bin".to_owned(), "a_b".to_owned()));
        assert_eq!(name(&IncomingFile::new("f"), 0), "upload-0.bin");
    }

    #[test]
    fn what_was_put_is_told_in_one_answer() {
        let saved = |path: &str| Saved { path: PathBuf::from(path), size: 512 };
        let one = || Put { saved: vec![saved("in/a")], failed: Vec::new() };
        assert_eq!(one().told("site @x").unwrap(), "saved `in/a` in `site @x` (512 b)");
        assert_eq!(one().named().unwrap(), "[uploaded file: in/a]");
        let two = || Put { saved: vec![saved("in/a"), saved("in/b")], failed: vec![] };
        assert_eq!(two().told("site").unwrap(), "saved `in/a`, `in/b` in `site` (1.0 kb)");
        assert_eq!(two().named().unwrap(), "[uploaded files]\n- in/a\n- in/b");
        let failed = || vec![Error::new("no room")];
        let some = || Put { saved: vec![saved("a")], failed: failed() };
        assert_eq!(some().told("site").unwrap(), "saved `a` in `site` (512 b)\nfailed: no room");
        assert!(some().named().is_err());
        assert_eq!(Put { saved: vec![], failed: failed() }.told("site").unwrap_err().to_string(), "no room");
    }
}
