//! One takopi for one configuration: a lock of the operating system on a file beside it.
//!
//! The lock belongs to the open file, so it ends with its process however that ends, and no reused process id can keep
//! anybody out. The file itself stays: whoever removes a file that another process is opening leaves two locks.

use std::fmt;
use std::fs::{File, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use takopi_api::transport::LockToken;

use crate::paths;

/// The file's name, in the folder of the configuration.
const FILE_NAME: &str = "takopi.lock";

/// How much of a lock file is read: it is not ours alone to write.
const LONGEST: u64 = 4096;

/// How long somebody else may have the lock before he counts as another takopi.
const MOMENT: Duration = Duration::from_millis(500);

/// Says which bot a process is without saying its token: the first ten hexadecimal digits of the token's SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let digest = Sha256::digest(token);
        Self(digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl From<LockToken> for Fingerprint {
    fn from(token: LockToken) -> Self {
        Self(token.to_string())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the file holds while a process runs.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    token_fingerprint: Option<Fingerprint>,
}

/// The lock, held until this is dropped.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
}

/// Why there is no lock.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError {
    /// Another process holds it.
    Held {
        /// The configuration that both want.
        config: PathBuf,
        /// The process, if the file says it.
        pid: Option<u32>,
    },
    /// The file can not be opened, locked or written.
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl InstanceLock {
    /// Takes the lock of a configuration file, which need not exist, for a process with this token.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process has it.
    pub fn acquire(config: &Path, token: Option<Fingerprint>) -> Result<Self, LockError> {
        let path = config.with_file_name(FILE_NAME);
        let failed = |error| LockError::Failed { path: path.clone(), error };
        let mut file = paths::open_private_file(&path).map_err(failed)?;
        match try_for_a_moment(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    config: config.to_owned(),
                    pid: holder(&mut file).map(|holder| holder.pid),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write(&mut file, &Holder { pid: std::process::id(), token_fingerprint: token }).map_err(failed)?;
        Ok(Self { file })
    }
}

/// Whether somebody has a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody.
    Free,
    /// A process.
    Held {
        /// Which, if the file says it.
        pid: Option<u32>,
        /// Which bot it is, if the file says it.
        token: Option<Fingerprint>,
    },
}

/// Looks who has the lock of a configuration file. Nothing is made or changed; a takopi that starts in the very moment
/// may be told that another one has it.
///
/// # Errors
/// [`LockError::Failed`].
pub fn look(config: &Path) -> Result<Standing, LockError> {
    let path = config.with_file_name(FILE_NAME);
    let failed = |error| LockError::Failed { path: path.clone(), error };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock_shared() {
        // It ends with the file.
        Ok(()) => Ok(Standing::Free),
        Err(TryLockError::WouldBlock) => {
            let (pid, token) =
                holder(&mut file).map_or((None, None), |holder| (Some(holder.pid), holder.token_fingerprint));
            Ok(Standing::Held { pid, token })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // An empty file names nobody. If this fails, it names a process that no longer holds the lock, which does no harm.
        let _ = self.file.set_len(0);
        // Also without this the lock ends with the file; a program that was being started just now may have it open still.
        let _ = self.file.unlock();
    }
}

impl LockError {
    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Held { pid: Some(pid), .. } => vec![
                format!("stop it with `kill {pid}`"),
                "or give this one a configuration in a folder of its own, with --config".to_owned(),
            ],
            Self::Held { pid: None, .. } => {
                vec![
                    "stop it, or give this one a configuration in a folder of its own, with --config"
                        .to_owned(),
                ]
            }
            Self::Failed { .. } => {
                vec![
                    "the folder of the configuration must be one that takopi can write and lock files in"
                        .to_owned(),
                ]
            }
        }
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { config, pid } => {
                write!(f, "takopi is already running with {}", config.display())?;
                pid.map_or(Ok(()), |pid| write!(f, " (process {pid})"))
            }
            Self::Failed { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LockError {}

/// A killed takopi may have been about to start a program, which has the lock too until it becomes that program.
fn try_for_a_moment(file: &File) -> Result<(), TryLockError> {
    let until = Instant::now() + MOMENT;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(MOMENT / 20),
            other => return other,
        }
    }
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    // An older file may be open to others.
    file.set_permissions(Permissions::from_mode(0o600))?;
    let mut text = serde_json::to_string_pretty(holder)?;
    text.push('\n');
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// What the file says of its holder.
fn holder(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("takopi.toml");
        (folder, config)
    }

    #[test]
    fn what_a_killed_takopi_was_about_to_start_is_no_other_takopi() {
        let (_folder, config) = config();
        let held = InstanceLock::acquire(&config, None).unwrap();
        let releasing = thread::spawn(move || {
            thread::sleep(MOMENT / 5);
            drop(held);
        });
        assert!(InstanceLock::acquire(&config, None).is_ok());
        releasing.join().unwrap();
    }

    #[test]
    fn the_file_names_the_process_and_never_the_token() {
        let (folder, config) = config();
        let path = folder.path().join("takopi.lock");
        let lock = InstanceLock::acquire(&config, Some(Fingerprint::of("123:abc"))).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{{\n  \"pid\": {},\n  \"token_fingerprint\": \"f221311c7e\"\n}}\n", std::process::id())
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(lock);
        assert_eq!(fs::read_to_string(&path).unwrap(), "", "the file stays, and names nobody");
    }

    #[test]
    fn a_second_one_is_told_who_has_it() {
        let (_folder, config) = config();
        let lock = InstanceLock::acquire(&config, None).unwrap();
        let error = InstanceLock::acquire(&config, Some(Fingerprint::of("another token"))).unwrap_err();
        let pid = std::process::id();
        assert_eq!(
            error.to_string(),
            format!("takopi is already running with {} (process {pid})", config.display())
        );
        assert_eq!(error.hints()[0], format!("stop it with `kill {pid}`"));
        drop(lock);
        drop(InstanceLock::acquire(&config, None).unwrap());
        InstanceLock::acquire(&config, None).unwrap();
    }

    #[test]
    fn a_look_makes_nothing_and_takes_nothing() {
        let (folder, config) = config();
        assert_eq!(look(&config).unwrap(), Standing::Free);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let lock = InstanceLock::acquire(&config, None).unwrap();
        assert_eq!(look(&config).unwrap(), Standing::Held { pid: Some(std::process::id()), token: None });
        drop(lock);
        assert_eq!(look(&config).unwrap(), Standing::Free);
        InstanceLock::acquire(&config, None).unwrap();
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over() {
        let (folder, config) = config();
        // A process of this number is alive: it is not asked for.
        let pid = std::process::id();
        let long = "x".repeat(100_000);
        for left in [&format!("{{\"pid\": {pid}, \"token_fingerprint\": null}}"), "", "no json", "{}", &long]
        {
            let path = folder.path().join("takopi.lock");
            fs::write(&path, left).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            let _lock = InstanceLock::acquire(&config, None).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("{\n  \"pid\"") && text.ends_with("null\n}\n"), "{text}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_holder_that_the_file_does_not_name_is_one_all_the_same() {
        let (folder, config) = config();
        let file = File::create(folder.path().join("takopi.lock")).unwrap();
        file.lock().unwrap();
        let error = InstanceLock::acquire(&config, None).unwrap_err();
        assert!(matches!(error, LockError::Held { pid: None, .. }), "{error}");
        assert!(!error.to_string().contains("process") && error.hints().len() == 1);
    }

    #[expect(clippy::disallowed_methods, reason = "no engine: any program")]
    #[test]
    fn a_program_that_was_started_meanwhile_does_not_keep_it() {
        let (_folder, config) = config();
        let lock = InstanceLock::acquire(&config, None).unwrap();
        let mut program = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        drop(lock);
        let again = InstanceLock::acquire(&config, None);
        program.kill().and_then(|()| program.wait()).unwrap();
        again.unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_made_and_one_that_can_not_be_is_named() {
        let (folder, config) = config();
        InstanceLock::acquire(&folder.path().join("new/takopi.toml"), None).unwrap();
        fs::write(&config, "").unwrap();
        let error = InstanceLock::acquire(&config.join("takopi.toml"), None).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{}/takopi.lock: ", config.display())), "{error}");
        assert_eq!(error.hints().len(), 1);
    }
}
