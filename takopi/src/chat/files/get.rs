//! What is got from a project: a file, or a folder packed into one.

use std::path::Path;

use takopi_api::error::Error;
use takopi_api::markdown;
use takopi_api::message::OutgoingFile;

use super::{DenyRules, MAX_SENT, folder, shown_size};

/// The most that a folder may be: what is sent of it packed, and what is read for that.
const MAX_FOLDER: folder::Limits =
    folder::Limits { packed: MAX_SENT as usize, unpacked: 10 * MAX_SENT, files: 50_000 };

/// What is sent.
#[derive(Debug)]
pub(in super::super) struct Got {
    pub(in super::super) file: OutgoingFile,
    pub(in super::super) said: String,
}

/// Reads a file below the root, opened once and at most as much as may be sent, or packs a folder.
pub(in super::super) fn get(root: &Path, relative: &Path, rules: &DenyRules) -> Result<Got, Error> {
    use std::io::Read;
    let failed = |error: std::io::Error| Error::new(format!("{}: {error}", relative.display()));
    let path = std::fs::canonicalize(root.join(relative)).map_err(failed)?;
    let within = path
        .strip_prefix(root)
        .map_err(|_| Error::new(format!("{} leads out of the project", relative.display())))?;
    // A harmless name may be a link to one that is denied.
    if let Some(rule) = rules.denies(within) {
        return Err(Error::new(format!("{} is denied by the rule `{rule}`", relative.display())));
    }
    let named = relative.file_name().or_else(|| root.file_name());
    let name = named.map_or_else(|| "project".into(), |name| name.to_string_lossy().into_owned());
    let shown = markdown::code(&if relative.as_os_str().is_empty() {
        ".".into()
    } else {
        relative.to_string_lossy()
    });
    if path.is_dir() {
        let folder::Packed { zip, files, left_out } = folder::pack(root, &path, MAX_FOLDER, rules)?;
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        let left_out = if left_out == 0 { String::new() } else { format!(", {left_out} left out") };
        let said = format!("{shown} ({files}{left_out})");
        return Ok(Got { file: OutgoingFile::bytes(format!("{name}.zip"), zip), said });
    }
    let Some(file) = folder::open(&path).map_err(failed)? else {
        return Err(Error::new(format!("{} is no file and no folder", relative.display())));
    };
    let mut content = Vec::new();
    file.take(MAX_SENT + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > MAX_SENT {
        return Err(Error::new(format!("{} is larger than {}", relative.display(), shown_size(MAX_SENT))));
    }
    Ok(Got { file: OutgoingFile::bytes(name, content), said: shown })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn got(root: &Path, path: &str) -> Result<Got, String> {
        get(root, Path::new(path), &DenyRules::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_link_is_no_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repo");
        fs::create_dir_all(root.join("in")).unwrap();
        let root = fs::canonicalize(root).unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        fs::write(root.join(".env"), "s").unwrap();
        fs::write(root.join("in/x"), "y").unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("out")).unwrap();
        std::os::unix::fs::symlink(".env", root.join("harmless")).unwrap();
        assert_eq!(got(&root, "out/secret").unwrap_err(), "out/secret leads out of the project");
        assert_eq!(got(&root, "harmless").unwrap_err(), "harmless is denied by the rule `.env`");
        assert_eq!(got(&root, "in/x").unwrap().file, OutgoingFile::bytes("x", b"y".to_vec()));
    }

    #[test]
    fn a_folder_comes_as_one_file_and_a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("docs")).unwrap();
        fs::write(root.join("docs/a"), "a").unwrap();
        fs::write(root.join("docs/.env"), "a").unwrap();
        let docs = got(&root, "docs").unwrap();
        assert_eq!(
            (docs.file.name.as_str(), docs.said.as_str()),
            ("docs.zip", "`docs` (1 file, 1 left out)")
        );
        let whole = got(&root, "").unwrap();
        assert!(whole.said.starts_with("`.` (1 file") && whole.file.name.ends_with(".zip"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(got(&root, "pipe").unwrap_err(), "pipe is no file and no folder");
        std::os::unix::fs::symlink("../..", root.join("docs/up")).unwrap();
        assert!(got(&root, "docs/up").is_err());
    }
}
