//! `/file`: puts files of a message into the project, and gets files and folders out of it. All stay inside the run's
//! folder.

mod folder;

use std::path::{Component, Path, PathBuf};

use takopi_api::error::Error;
use takopi_api::markdown;
use takopi_api::message::{Body, MessageKind, OutgoingFile, OutgoingMessage};

use super::{Answer, Use, say, usage};

/// The most that is taken from a chat, in bytes.
const MAX_PUT: u64 = 20 * 1024 * 1024;

/// The most that is sent to a chat, in bytes.
const MAX_GET: u64 = 50 * 1024 * 1024;

/// The most that a folder may be: what is sent of it packed, and what is read for that.
const MAX_FOLDER: folder::Limits =
    folder::Limits { packed: MAX_GET as usize, unpacked: 10 * MAX_GET, files: 50_000 };

/// Where files go that are given no path.
const UPLOADS: &str = "incoming";

pub(super) async fn handle(used: Use) -> Answer {
    if !used.link.outgoing.capabilities().files {
        return say("this chat takes no files");
    }
    let (word, rest) = used.args.split_once(char::is_whitespace).unwrap_or((used.args.as_str(), ""));
    match word.to_lowercase().as_str() {
        "put" => put(&used, rest.trim()).await,
        "get" if !rest.trim().is_empty() => get(&used, rest.trim()).await,
        _ => usage("file"),
    }
}

/// The folder of a run here; files need a project to belong to.
async fn root(used: &Use) -> Result<PathBuf, Error> {
    let surround = used.inner.surround(&used.place).await?;
    let (context, _) = used.context(&surround)?;
    let context = context.ok_or_else(|| {
        Error::new("files belong to a project, and this chat has none")
            .hint("bind it with `/ctx set <project>`")
    })?;
    let folder = used.inner.folder_of(&used.snapshot, Some(&context)).await.map_err(Error::new)?;
    tokio::fs::canonicalize(&folder)
        .await
        .map_err(|error| Error::new(format!("{}: {error}", folder.display())))
}

/// A path below the root, from what was typed.
fn inside(typed: &str) -> Result<PathBuf, Error> {
    let refuse = |why: &str| Err(Error::new(format!("{} {why}", markdown::code(typed))));
    if typed.starts_with('~') {
        return refuse("begins with ~; paths start at the project");
    }
    let mut path = PathBuf::new();
    for part in Path::new(typed).components() {
        match part {
            Component::Normal(part) if part == ".git" => return refuse("is denied by the rule `.git/**`"),
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return refuse("leads out of the project");
            }
        }
    }
    if let Some(rule) = denied(&path) {
        return refuse(&format!("is denied by the rule `{rule}`"));
    }
    Ok(path)
}

/// The rule that keeps a path from being sent or written: files that usually hold secrets.
fn denied(path: &Path) -> Option<&'static str> {
    let parts: Vec<String> =
        path.components().map(|part| part.as_os_str().to_string_lossy().to_lowercase()).collect();
    let name = parts.last()?;
    if parts.iter().any(|part| part == ".ssh") {
        return Some(".ssh/**");
    }
    if name == ".env" || name.starts_with(".env.") || name == ".envrc" {
        return Some(".env*");
    }
    name.ends_with(".pem").then_some("*.pem")
}

async fn put(used: &Use, args: &str) -> Answer {
    let mut is_forced = false;
    let mut target = None;
    for word in args.split_whitespace() {
        match word {
            "--force" => is_forced = true,
            flag if flag.starts_with("--") => return usage("file"),
            path => target = Some(path),
        }
    }
    if used.message.files.is_empty() {
        return say("send the file together with `/file put`");
    }
    let root = root(used).await?;
    let mut saved = Vec::new();
    for (number, file) in used.message.files.iter().enumerate() {
        let name = file.name.as_deref().and_then(|name| Path::new(name).file_name()?.to_str());
        let name = name.map_or_else(|| format!("upload-{number}.bin"), str::to_owned);
        let typed = match target {
            None => format!("{UPLOADS}/{name}"),
            Some(folder) if folder.ends_with('/') || used.message.files.len() > 1 => {
                format!("{folder}/{name}")
            }
            Some(path) => path.to_owned(),
        };
        let relative = inside(&typed)?;
        let content = used.link.outgoing.fetch(file, MAX_PUT).await.map_err(|error| {
            Error::new(format!("{} could not be fetched: {error}", markdown::code(&name)))
        })?;
        let size = content.len() as u64;
        let (root, path) = (root.clone(), relative.clone());
        tokio::task::spawn_blocking(move || write(&root, &path, &content, is_forced))
            .await
            .map_err(|error| Error::new(error.to_string()))??;
        saved.push(format!("{} ({})", markdown::code(&relative.to_string_lossy()), shown_size(size)));
    }
    say(format!("saved {}", saved.join(", ")))
}

/// Writes a file below the root. No link on the way may lead out of it.
fn write(root: &Path, relative: &Path, content: &[u8], is_forced: bool) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::new(format!("{}: {error}", relative.display()));
    let path = root.join(relative);
    let folder = path.parent().unwrap_or(root);
    jail(root, folder)?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    jail(root, folder)?;
    match std::fs::symlink_metadata(&path) {
        Ok(there) if there.is_dir() => return Err(Error::new(format!("{} is a folder", relative.display()))),
        Ok(_) if !is_forced => {
            return Err(Error::new(format!("{} is there already", relative.display()))
                .hint("`--force` writes over it"));
        }
        _ => {}
    }
    // Renamed into place: a link of that name is replaced and not followed.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut file, content).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Refuses a folder whose existing part lies outside of the root.
fn jail(root: &Path, folder: &Path) -> Result<(), Error> {
    let existing = folder.ancestors().find_map(|ancestor| std::fs::canonicalize(ancestor).ok());
    match existing {
        Some(existing) if existing.starts_with(root) => Ok(()),
        _ => Err(Error::new(format!("{} leads out of the project", folder.display()))),
    }
}

async fn get(used: &Use, typed: &str) -> Answer {
    let root = root(used).await?;
    let relative = inside(typed)?;
    let got = tokio::task::spawn_blocking(move || read(&root, &relative))
        .await
        .map_err(|error| Error::new(error.to_string()))??;
    Ok(Some(OutgoingMessage::new(MessageKind::Notice, Body::markdown(got.said)).file(got.file)))
}

/// What is sent.
#[derive(Debug)]
struct Got {
    file: OutgoingFile,
    said: String,
}

/// Reads a file below the root, opened once and at most as much as may be sent, or packs a folder.
fn read(root: &Path, relative: &Path) -> Result<Got, Error> {
    use std::io::Read;
    let failed = |error: std::io::Error| Error::new(format!("{}: {error}", relative.display()));
    let path = std::fs::canonicalize(root.join(relative)).map_err(failed)?;
    let within = path
        .strip_prefix(root)
        .map_err(|_| Error::new(format!("{} leads out of the project", relative.display())))?;
    // A harmless name may be a link to one that is denied.
    if within.components().any(|part| part.as_os_str() == ".git") || denied(within).is_some() {
        return Err(Error::new(format!("{} is denied", relative.display())));
    }
    let named = relative.file_name().or_else(|| root.file_name());
    let name = named.map_or_else(|| "project".into(), |name| name.to_string_lossy().into_owned());
    let shown = markdown::code(&if relative.as_os_str().is_empty() {
        ".".into()
    } else {
        relative.to_string_lossy()
    });
    if path.is_dir() {
        let folder::Packed { zip, files, left_out } = folder::pack(root, &path, MAX_FOLDER)?;
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        let left_out = if left_out == 0 { String::new() } else { format!(", {left_out} left out") };
        let said = format!("{shown} ({files}{left_out})");
        return Ok(Got { file: OutgoingFile::bytes(format!("{name}.zip"), zip), said });
    }
    let Some(file) = folder::open(&path).map_err(failed)? else {
        return Err(Error::new(format!("{} is no file and no folder", relative.display())));
    };
    let mut content = Vec::new();
    file.take(MAX_GET + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > MAX_GET {
        return Err(Error::new(format!("{} is larger than {}", relative.display(), shown_size(MAX_GET))));
    }
    Ok(Got { file: OutgoingFile::bytes(name, content), said: shown })
}

/// `0 b`, `1.5 kb`, `10 mb`.
fn shown_size(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["b", "kb", "mb", "gb"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "b" || size >= 10.0 { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_project() {
        for bad in [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "~/x",
            ".git/config",
            "a/.git/b",
            ".env",
            "b/.env.local",
            "k.pem",
            ".ssh/a/b",
        ] {
            assert!(inside(bad).is_err(), "{bad}");
        }
        assert_eq!(inside("./a/b.txt").unwrap(), Path::new("a/b.txt"));
    }

    #[test]
    fn a_link_is_no_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repo");
        std::fs::create_dir_all(&root).unwrap();
        let root = std::fs::canonicalize(root).unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("out")).unwrap();
        assert!(write(&root, Path::new("out/x"), b"x", false).is_err());
        assert!(read(&root, Path::new("out/secret")).is_err());
        write(&root, Path::new("in/x"), b"x", false).unwrap();
        assert!(write(&root, Path::new("in/x"), b"y", false).is_err());
        write(&root, Path::new("in/x"), b"y", true).unwrap();
        assert_eq!(read(&root, Path::new("in/x")).unwrap().file, OutgoingFile::bytes("x", b"y".to_vec()));
    }

    #[test]
    fn a_folder_comes_as_one_file_and_a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        write(&root, Path::new("docs/a"), b"a", false).unwrap();
        write(&root, Path::new("docs/.env"), b"a", false).unwrap();
        let got = read(&root, Path::new("docs")).unwrap();
        assert_eq!((got.file.name.as_str(), got.said.as_str()), ("docs.zip", "`docs` (1 file, 1 left out)"));
        let whole = read(&root, &inside(".").unwrap()).unwrap();
        assert!(whole.said.starts_with("`.` (1 file") && whole.file.name.ends_with(".zip"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(read(&root, Path::new("pipe")).unwrap_err().to_string(), "pipe is no file and no folder");
        std::os::unix::fs::symlink("../..", root.join("docs/up")).unwrap();
        assert!(read(&root, Path::new("docs/up")).is_err());
    }

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 1024, 1536, 10 * 1024, 1024 * 1024].map(shown_size);
        assert_eq!(sizes, ["0 b", "1.0 kb", "1.5 kb", "10 kb", "1.0 mb"]);
    }
}
