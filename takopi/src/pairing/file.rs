//! The file in which a code waits for a takopi that runs, and in which that one says what became of it.
//!
//! Whoever reads or writes it holds a lock on it, so that no wrong code goes uncounted and none that was withdrawn counts.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::attempt::{Over, Pairing};
use crate::paths;

/// The file's name, in the folder of the configuration.
const FILE_NAME: &str = "takopi.pairing";

/// How much of it is read.
const LONGEST: u64 = 1 << 16;

/// What stands in it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// A code is waited for.
    Open(Pairing),
    /// The code of this name is not waited for any more.
    Ended(String, Outcome),
}

/// What became of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// This is who sent it, and who is heard now.
    Paired(String),
    /// Nobody did in time, or too many tried.
    Over(Over),
    /// It came, and could not be acted on.
    Failed {
        /// Why.
        why: String,
        /// What to do.
        hints: Vec<String>,
    },
}

/// What a look at it says of a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is waited for.
    Waits,
    /// It is not any more.
    Ended(Outcome),
    /// Somebody took it away, or put another one in its place.
    Gone,
}

/// The file beside a configuration.
#[derive(Debug, Clone)]
pub(crate) struct PairingFile(PathBuf);

impl PairingFile {
    pub(crate) fn beside(config: &Path) -> Self {
        Self(config.with_file_name(FILE_NAME))
    }

    /// Leaves a code there, in place of any other.
    pub(crate) fn leave(&self, pairing: &Pairing) -> io::Result<()> {
        let mut file = paths::open_private_file(&self.0)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.lock()?;
        write(&mut file, &Content::Open(pairing.clone()))
    }

    /// What has become of a code.
    pub(crate) fn look(&self, pairing: &Pairing) -> io::Result<Seen> {
        let Some(mut file) = self.open()? else { return Ok(Seen::Gone) };
        Ok(match read(&mut file) {
            Some(Content::Open(found)) if found.name() == pairing.name() => Seen::Waits,
            Some(Content::Ended(name, outcome)) if name == pairing.name() => Seen::Ended(outcome),
            _ => Seen::Gone,
        })
    }

    /// Takes a code away, if it is still there.
    pub(crate) fn withdraw(&self, pairing: &Pairing) -> io::Result<()> {
        let Some(mut file) = self.open()? else { return Ok(()) };
        let name = match read(&mut file) {
            Some(Content::Open(found)) => found.name().to_owned(),
            Some(Content::Ended(name, _)) => name,
            None => return Ok(()),
        };
        if name != pairing.name() {
            return Ok(());
        }
        // Who has it open already finds nothing in it.
        file.set_len(0)?;
        fs::remove_file(&self.0)
    }

    /// Changes what waits there; nothing happens if nothing does.
    pub(super) fn change<T>(&self, change: impl FnOnce(Pairing) -> (Content, T)) -> io::Result<Option<T>> {
        let Some(mut file) = self.open()? else { return Ok(None) };
        let Some(Content::Open(pairing)) = read(&mut file) else { return Ok(None) };
        let (content, told) = change(pairing);
        write(&mut file, &content)?;
        Ok(Some(told))
    }

    /// The file, for nobody else as long as it is open.
    fn open(&self) -> io::Result<Option<File>> {
        match OpenOptions::new().read(true).write(true).open(&self.0) {
            Ok(file) => file.lock().map(|()| Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What can not be read is nothing that waits.
fn read(file: &mut File) -> Option<Content> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn write(file: &mut File, content: &Content) -> io::Result<()> {
    let text = serde_json::to_vec(content)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::code::Code;

    #[test]
    fn a_code_waits_until_it_is_taken_or_withdrawn() {
        let folder = tempfile::tempdir().unwrap();
        let file = PairingFile::beside(&folder.path().join("new/takopi.toml"));
        let pairing = |name: &str| Pairing::new(name, &Code::new(), false, 0);
        let (one, two) = (pairing("one"), pairing("two"));
        assert_eq!(file.look(&one).unwrap(), Seen::Gone);
        assert_eq!(file.change(|_| unreachable!("nothing waits")).unwrap(), None::<()>);
        file.leave(&one).unwrap();
        assert_eq!(fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.look(&one).unwrap(), Seen::Waits);
        file.leave(&two).unwrap();
        assert_eq!(file.look(&one).unwrap(), Seen::Gone, "another one took its place");
        file.withdraw(&one).unwrap();
        let over = Outcome::Over(Over::Tried);
        let ended =
            |found: Pairing| (Content::Ended(found.name().to_owned(), over.clone()), found.is_of("two"));
        assert_eq!(file.change(ended).unwrap(), Some(true));
        assert_eq!(file.look(&two).unwrap(), Seen::Ended(over.clone()));
        assert_eq!(file.change(|_| unreachable!("it has ended")).unwrap(), None::<()>);
        file.withdraw(&two).unwrap();
        assert!(!file.0.exists());
        fs::write(&file.0, "{\"open\":").unwrap();
        assert_eq!(file.look(&two).unwrap(), Seen::Gone);
    }
}
