//! Reading files without trust in them: bounded, regular files only, binary ones told apart.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The largest file whose text is looked at.
pub(crate) const TEXT_LIMIT: u64 = 8 * 1024 * 1024;

/// How far into a file a NUL makes it a binary one; git looks as far.
const BINARY_PROBE: usize = 8 * 1024;

/// The beginning of a file.
pub(crate) struct Start {
    pub(crate) bytes: Vec<u8>,
    /// Whether that is all of it.
    pub(crate) is_whole: bool,
}

impl Start {
    pub(crate) fn is_binary(&self) -> bool {
        self.bytes.iter().take(BINARY_PROBE).any(|byte| *byte == 0)
    }

    /// The text; what is not UTF-8 in it is replaced.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// How many lines there are; a last one without newline counts.
    pub(crate) fn lines(&self) -> usize {
        let newlines = self.bytes.iter().filter(|byte| **byte == b'\n').count();
        let open = self.bytes.last().is_some_and(|last| *last != b'\n');
        newlines + usize::from(open)
    }
}

/// Reads at most `limit` bytes of a file.
pub(crate) fn start_of(path: &Path, limit: u64) -> io::Result<Start> {
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(limit).read_to_end(&mut bytes)?;
    let is_whole = file.read(&mut [0])? == 0;
    Ok(Start { bytes, is_whole })
}

/// Reads at most the last `limit` bytes of a file.
pub(crate) fn end_of(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The whole of a file, if it is text and not too large. Of one that is not, no more is read than it takes to tell.
pub(crate) fn text_of(path: &Path) -> io::Result<Option<Start>> {
    let mut file = open(path)?;
    if file.metadata()?.len() > TEXT_LIMIT {
        return Ok(None);
    }
    let mut start = Start { bytes: Vec::new(), is_whole: true };
    file.by_ref().take(BINARY_PROBE as u64).read_to_end(&mut start.bytes)?;
    if start.is_binary() {
        return Ok(None);
    }
    file.take(TEXT_LIMIT).read_to_end(&mut start.bytes)?;
    Ok(Some(start))
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a named pipe would wait for a writer for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_within_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one\ntwo\nthree").unwrap();
        let whole = start_of(&path, 13).unwrap();
        assert!(whole.is_whole && !whole.is_binary());
        assert_eq!(whole.lines(), 3);
        let part = start_of(&path, 4).unwrap();
        assert!(!part.is_whole);
        assert_eq!((part.text().as_ref(), part.lines()), ("one\n", 1));
        assert_eq!(end_of(&path, 5).unwrap(), b"three");
        assert_eq!(end_of(&path, 500).unwrap().len(), 13);
        fs::write(&path, "a\0b").unwrap();
        assert!(text_of(&path).unwrap().is_none());
        assert!(start_of(folder.path(), 1).is_err());
    }
}
