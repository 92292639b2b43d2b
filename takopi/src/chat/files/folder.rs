//! A folder as one file: what may be sent of it, packed while it is read, and never more than may be sent.

use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use rustix::fs::OFlags;
use takopi_api::error::Error;

use super::{DenyRules, shown_size};

/// What a packed folder may be at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Its size as it is sent, in bytes.
    pub(super) packed: usize,
    /// The sizes of its files together: what packs well could be read for hours.
    pub(super) unpacked: u64,
    /// Its files.
    pub(super) files: usize,
}

/// A folder in one file.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) zip: Vec<u8>,
    pub(super) files: usize,
    /// What is not in it: links, what is denied, and what is neither file nor folder.
    pub(super) left_out: usize,
}

/// Packs what lies below a folder of the root. Both are paths without links.
pub(super) fn pack(root: &Path, folder: &Path, limits: Limits, rules: &DenyRules) -> Result<Packed, Error> {
    let mut packing = Packing {
        root,
        rules,
        limits,
        zip: ZipArchiveWriter::new(Bounded { bytes: Vec::new(), limit: limits.packed }),
        read: 0,
        files: 0,
        left_out: 0,
    };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        packing.folder(&folder, &mut folders)?;
    }
    let Packing { zip, files, left_out, .. } = packing;
    let shown = folder.strip_prefix(root).unwrap_or(folder);
    let zip = zip.finish().map_err(|error| Failure::from(error).told(shown, limits))?;
    if files == 0 {
        return Err(Error::new(format!("{} has no files that may be sent", name(shown))));
    }
    Ok(Packed { zip: zip.bytes, files, left_out })
}

struct Packing<'a> {
    root: &'a Path,
    rules: &'a DenyRules,
    limits: Limits,
    zip: ZipArchiveWriter<Bounded>,
    read: u64,
    files: usize,
    left_out: usize,
}

impl Packing<'_> {
    /// Packs the files of a folder, and adds the folders in it to those that come next.
    fn folder(&mut self, folder: &Path, folders: &mut Vec<PathBuf>) -> Result<(), Error> {
        // An agent may be at work here: what was a folder may be a link by now.
        if fs::canonicalize(folder).is_ok_and(|real| real != folder) {
            self.left_out += 1;
            return Ok(());
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return Err(Failure::from(error).told(self.below(folder), self.limits)),
        };
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let is_denied = self.rules.denies(self.below(&path)).is_some();
            match entry.file_type() {
                _ if is_denied => self.left_out += 1,
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => {
                    self.file(&path).map_err(|failure| failure.told(self.below(&path), self.limits))?;
                }
                _ => self.left_out += 1,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let Some(mut file) = open(path)? else {
            self.left_out += 1;
            return Ok(());
        };
        self.files += 1;
        if self.files > self.limits.files {
            return Err(Failure::Files);
        }
        let mode = file.metadata()?.permissions().mode();
        let name = self.below(path).to_string_lossy().into_owned();
        let entry = self.zip.new_file(name.as_str()).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = entry.unix_permissions(mode).start()?;
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        // A file may grow while it is read.
        let left = self.limits.unpacked - self.read;
        let read = io::copy(&mut (&mut file).take(left + 1), &mut writer)?;
        if read > left {
            return Err(Failure::Unpacked);
        }
        self.read += read;
        let (encoder, descriptor) = writer.finish()?;
        encoder.finish()?;
        entry.finish(descriptor)?;
        Ok(())
    }

    fn below<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.root).unwrap_or(path)
    }
}

/// Opens a file to be sent; `None` if it is a link, or no file. It never waits, as for the writer of a pipe.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Why a folder can not be packed.
#[derive(Debug)]
enum Failure {
    /// What is sent would be too large.
    Packed,
    /// Its files are too large together.
    Unpacked,
    /// It has too many files.
    Files,
    /// It can not be read.
    Unreadable(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Nothing is written but into memory.
        if error.kind() == ErrorKind::StorageFull { Self::Packed } else { Self::Unreadable(error) }
    }
}

impl From<rawzip::Error> for Failure {
    fn from(error: rawzip::Error) -> Self {
        match error.kind() {
            rawzip::ErrorKind::IO(cause) if cause.kind() == ErrorKind::StorageFull => Self::Packed,
            _ => Self::Unreadable(io::Error::other(error)),
        }
    }
}

impl Failure {
    fn told(&self, path: &Path, limits: Limits) -> Error {
        let too_much = match self {
            Self::Packed => format!("packed, this is larger than {}", shown_size(limits.packed as u64)),
            Self::Unpacked => format!("the files are larger than {} together", shown_size(limits.unpacked)),
            Self::Files => format!("there are more than {} files", limits.files),
            Self::Unreadable(error) => return Error::new(format!("{}: {error}", name(path))),
        };
        Error::new(too_much).hint("ask for a folder in it")
    }
}

fn name(path: &Path) -> String {
    if path.as_os_str().is_empty() { "the project".to_owned() } else { path.display().to_string() }
}

/// What is written, up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::new(ErrorKind::StorageFull, "too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::symlink;

    use flate2::read::DeflateDecoder;

    use super::*;

    const LIMITS: Limits = Limits { packed: 100_000, unpacked: 10_000_000, files: 100 };

    /// A root with these files.
    fn with(files: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap().join("repo");
        fs::create_dir(&root).unwrap();
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        (folder, root)
    }

    fn unpacked(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let archive = rawzip::ZipArchive::from_slice(zip).unwrap();
        let mut entries = archive.entries();
        let mut files = BTreeMap::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            let name = entry.file_path().try_normalize().unwrap().as_ref().to_owned();
            let local = archive.get_entry(entry.wayfinder()).unwrap();
            let mut content = Vec::new();
            local.verifying_reader(DeflateDecoder::new(local.data())).read_to_end(&mut content).unwrap();
            files.insert(name, content);
        }
        files
    }

    #[test]
    fn what_may_be_sent_is_in_it_and_nothing_else() {
        let long = b"the same again and again ".repeat(4000);
        let (folder, root) = with(&[
            ("docs/a.md", b"# a"),
            ("docs/deep/er/b.md", &long),
            ("docs/empty", b""),
            ("docs/.env", b"SECRET=1"),
            ("docs/deep/key.pem", b"k"),
            ("docs/.ssh/id", b"k"),
            ("docs/vendored/.git/config", b"c"),
            ("elsewhere", b"e"),
        ]);
        fs::write(folder.path().join("outside"), "o").unwrap();
        symlink(folder.path(), root.join("docs/out")).unwrap();
        symlink(root.join("elsewhere"), root.join("docs/link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("docs/socket")).unwrap();
        let packed = pack(&root, &root.join("docs"), LIMITS, &DenyRules::default()).unwrap();
        assert!(packed.zip.len() < 2000, "it is not packed: {} bytes", packed.zip.len());
        let files = unpacked(&packed.zip);
        let expected: [(&str, &[u8]); 3] =
            [("docs/a.md", b"# a"), ("docs/deep/er/b.md", &long), ("docs/empty", b"")];
        assert_eq!(files, expected.map(|(name, content)| (name.to_owned(), content.to_owned())).into());
        assert_eq!((packed.files, packed.left_out), (3, 7));
    }

    #[test]
    fn the_whole_project_is_a_folder_too() {
        let (_folder, root) = with(&[("a", b"a"), (".git/config", b"c")]);
        let packed = pack(&root, &root, LIMITS, &DenyRules::default()).unwrap();
        assert_eq!(unpacked(&packed.zip).into_keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn limits_are_kept_while_it_is_packed() {
        let noise: Vec<u8> =
            (0..50_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let (_folder, root) = with(&[("x/a", &noise), ("y/a", b"1"), ("y/b", b"2"), ("z/.env", b"3")]);
        let rules = DenyRules::default();
        let error = |folder: &str, limits: Limits| {
            pack(&root, &root.join(folder), limits, &rules).unwrap_err().to_string()
        };
        assert_eq!(error("x", LIMITS), "packed, this is larger than 98 kb");
        assert_eq!(
            error("x", Limits { packed: 1_000_000, unpacked: 199_999, ..LIMITS }),
            "the files are larger than 195 kb together"
        );
        assert_eq!(error("y", Limits { files: 1, ..LIMITS }), "there are more than 1 files");
        assert_eq!(error("z", LIMITS), "z has no files that may be sent");
        assert!(pack(&root, &root.join("y"), Limits { unpacked: 2, files: 2, ..LIMITS }, &rules).is_ok());
    }
}
