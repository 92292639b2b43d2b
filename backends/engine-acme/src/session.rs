//! The kept session: what a conversation remembers from one run to the next, one JSON file each.
//!
//! It knows files and nothing of runs; takopi sees to it that one run at a time uses a session.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use takopi_api::runner::RunId;

use crate::answer;
use crate::reading;
use crate::understand::Job;

/// The oldest turns are forgotten.
const MOST_TURNS: usize = 50;
const LONGEST_PROMPT: usize = 1_000;
/// The last answer can be saved to a file, so it is kept whole, or nearly; of the older ones a part will do.
const LONGEST_LAST_ANSWER: usize = 200_000;
const LONGEST_ANSWER: usize = 4_000;
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
const LONGEST_ID: usize = 64;

/// What one conversation remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// Whether the person allowed all writes in this session.
    #[serde(default)]
    pub(crate) may_write: bool,
    /// What `again` repeats.
    #[serde(default)]
    pub(crate) last_jobs: Vec<Job>,
    /// Where `more` goes on.
    #[serde(default)]
    pub(crate) bookmark: Option<Bookmark>,
    pub(crate) turns: Vec<Turn>,
}

/// The place in a list where its next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bookmark {
    pub(crate) job: Job,
    pub(crate) from: usize,
}

/// One prompt and its answer, both shortened if they are long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) prompt: String,
    pub(crate) title: String,
    pub(crate) answer: String,
}

impl Session {
    fn new() -> Self {
        Self {
            id: RunId::unique().as_str().to_owned(),
            may_write: false,
            last_jobs: Vec::new(),
            bookmark: None,
            turns: Vec::new(),
        }
    }

    /// Remembers a turn.
    pub(crate) fn record(&mut self, prompt: &str, title: String, answer: &str) {
        if let Some(before) = self.turns.last_mut() {
            before.answer = answer::cut(&before.answer, LONGEST_ANSWER);
        }
        self.turns.push(Turn {
            prompt: answer::cut(prompt.trim(), LONGEST_PROMPT),
            title,
            answer: answer::cut(answer, LONGEST_LAST_ANSWER),
        });
        let surplus = self.turns.len().saturating_sub(MOST_TURNS);
        self.turns.drain(..surplus);
    }
}

/// Why a session can not be continued. Each is for the person to read.
#[derive(Debug)]
pub(crate) enum SessionError {
    Unknown { id: String },
    Unreadable { path: PathBuf, error: io::Error },
    Damaged { path: PathBuf, why: String },
}

/// The folder of the sessions.
#[derive(Debug, Clone)]
pub(crate) struct SessionStore(PathBuf);

impl SessionStore {
    /// The folder need not exist yet.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The session of that id, or a new one that is not kept yet.
    pub(crate) fn open(&self, id: Option<&str>) -> Result<Session, SessionError> {
        let Some(id) = id else { return Ok(Session::new()) };
        // An id comes out of a chat message and becomes the name of a file.
        if !is_id(id) {
            return Err(SessionError::Unknown { id: id.to_owned() });
        }
        let path = self.path(id);
        let start = reading::start_of(&path, LARGEST_FILE).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SessionError::Unknown { id: id.to_owned() },
            _ => SessionError::Unreadable { path: path.clone(), error },
        })?;
        let damaged = |why| SessionError::Damaged { path: path.clone(), why };
        let session: Session =
            serde_json::from_slice(&start.bytes).map_err(|error| damaged(error.to_string()))?;
        if session.id != id {
            return Err(damaged("it is the file of another session".to_owned()));
        }
        Ok(session)
    }

    /// Keeps a session. A reader sees the old file or the new one, never half of it.
    pub(crate) fn save(&self, session: &Session) -> io::Result<()> {
        create_private_folder(&self.0)?;
        let path = self.path(&session.id);
        let temporary = path.with_extension("tmp");
        let mut file = private_file().open(&temporary)?;
        file.write_all(&serde_json::to_vec(session)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Prompts and answers are the person's own: nobody else on the machine reads them.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { id } => {
                let id = answer::cut(&answer::one_line(id), LONGEST_ID);
                write!(f, "acme has no session `{id}`; start a new one by leaving out the resume line")
            }
            Self::Unreadable { path, error } => {
                write!(f, "acme can not read the session file {}: {error}", path.display())
            }
            Self::Damaged { path, why } => write!(
                f,
                "the session file {} is damaged: {why}; delete it and start a new session by leaving out the resume line",
                path.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, SessionStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionStore::new(folder.path().join("data/sessions"));
        (folder, store)
    }

    #[test]
    fn a_session_comes_back_as_it_was_kept() {
        let (_folder, store) = store();
        let mut session = store.open(None).unwrap();
        session.record("  show a.md ", "a.md".into(), "text");
        session.last_jobs = vec![Job::Find { text: "x".into() }, Job::Changed];
        session.bookmark = Some(Bookmark { job: Job::Largest, from: 10 });
        session.may_write = true;
        store.save(&session).unwrap();
        store.save(&session).unwrap();
        assert_eq!(store.open(Some(&session.id)).unwrap(), session);
        assert_eq!(session.turns[0].prompt, "show a.md");
        assert_eq!(fs::read_dir(&store.0).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_reads_sessions() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, store) = store();
        let session = Session::new();
        store.save(&session).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.0), 0o700);
        assert_eq!(mode(&store.path(&session.id)), 0o600);
    }

    #[test]
    fn ids_that_name_no_session_are_refused_alike() {
        let (folder, store) = store();
        fs::write(folder.path().join("secret.json"), "{}").unwrap();
        let long = "a".repeat(65);
        for id in ["../../secret", "/etc/passwd", "a/b", "a.b", "x", "", &long, "0199aaaa-bbbb"] {
            let error = store.open(Some(id)).unwrap_err();
            assert!(matches!(error, SessionError::Unknown { .. }), "{id}: {error}");
            assert!(error.to_string().contains("acme has no session"), "{error}");
        }
    }

    #[test]
    fn a_damaged_file_is_named() {
        let (_folder, store) = store();
        let session = Session::new();
        store.save(&session).unwrap();
        let other = serde_json::to_string(&Session::new()).unwrap();
        for text in ["", "{", "null", "{\"id\":3}", other.as_str()] {
            fs::write(store.path(&session.id), text).unwrap();
            let error = store.open(Some(&session.id)).unwrap_err().to_string();
            assert!(error.contains(&session.id) && error.contains("is damaged"), "{error}");
        }
    }

    #[test]
    fn a_session_does_not_grow_for_ever() {
        let mut session = Session::new();
        for turn in 0..60 {
            session.record(&turn.to_string(), String::new(), &"x".repeat(100_000));
        }
        assert_eq!(session.turns.len(), MOST_TURNS);
        assert_eq!(session.turns[0].prompt, "10");
        assert_eq!(session.turns[48].answer.chars().count(), LONGEST_ANSWER + 1);
        assert_eq!(session.turns[49].answer.len(), 100_000);
    }
}
