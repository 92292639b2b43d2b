//! The outbox of a run: a folder of its own, outside of the project. What the engine leaves there is sent after the
//! answer.
//!
//! It is emptied before the answer counts as delivered: who finds an answered run after a restart finds its files too. What
//! was sent is deleted at once, so that it is not sent twice.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use takopi_api::markdown;
use takopi_api::message::{Body, MessageKind, MessageRef, OutgoingFile, OutgoingMessage, SendOptions};
use takopi_api::runner::RunId;
use takopi_api::transport::{SendError, SendFailure};

use super::super::conversation::{Inner, Link};
use super::super::deliver::Answer;
use super::super::settings::FileSettings;
use super::{DenyRules, MAX_SENT, shown_size};
use crate::store::{OUTBOXES, Place};

/// How many files of a run are sent.
const MOST: usize = 10;

/// How many of those that are not sent are named.
const NAMED: usize = 5;

/// The folder of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Outbox(PathBuf);

impl Outbox {
    fn of(state: &Path, run: &RunId) -> Self {
        Self(state.join(OUTBOXES).join(run.as_str()))
    }

    /// Makes the folder, for nobody else to look into, and gives its path. Without it the run goes on.
    pub(in super::super) async fn open(
        link: &Link,
        settings: &FileSettings,
        state: &Path,
        run: &RunId,
    ) -> Option<PathBuf> {
        if !settings.is_enabled || !link.outgoing.capabilities().files {
            return None;
        }
        let Self(folder) = Self::of(state, run);
        let path = folder.clone();
        let made = tokio::task::spawn_blocking(move || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)
        });
        match made.await.map_err(io::Error::other).flatten() {
            Ok(()) => Some(folder),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "a run has no outbox");
                None
            }
        }
    }
}

/// A file that is sent.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    name: String,
    path: PathBuf,
    size: u64,
}

/// What an outbox holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    /// What is sent, by name.
    files: Vec<Left>,
    /// What is not, and why.
    kept: Vec<String>,
}

impl Contents {
    /// Looks into a folder. Links are not followed, and nothing is waited for.
    fn read(folder: &Path, rules: &DenyRules) -> io::Result<Self> {
        match fs::symlink_metadata(folder) {
            Ok(metadata) if metadata.is_dir() => {}
            // An engine may have put something else in its place, which is none of ours.
            Ok(_) => return Err(ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        }
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut contents = Self::default();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let shown = markdown::code(&name);
            // Of the entry itself, and not of what a link names.
            let metadata = entry.metadata()?;
            let why = match rules.denies(Path::new(&name)) {
                Some(rule) => format!("denied by the rule `{rule}`"),
                None if !metadata.is_file() => "no file".to_owned(),
                None if metadata.len() == 0 => "empty".to_owned(),
                None if metadata.len() > MAX_SENT => format!("larger than {}", shown_size(MAX_SENT)),
                None if contents.files.len() == MOST => format!("one of more than {MOST}"),
                None => {
                    contents.files.push(Left { name, path: entry.path(), size: metadata.len() });
                    continue;
                }
            };
            contents.kept.push(format!("{shown} ({why})"));
        }
        Ok(contents)
    }
}

/// One line about what is not sent; nothing if there is nothing to say.
fn told(kept: &[String]) -> String {
    let named = kept.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match kept.len().saturating_sub(NAMED) {
        _ if kept.is_empty() => String::new(),
        0 => format!("not sent: {named}"),
        more => format!("not sent: {named}, and {more} more"),
    }
}

/// Files that go together: as much as is sent at a time.
fn batches(mut files: &[Left]) -> Vec<&[Left]> {
    let mut batches = Vec::new();
    while !files.is_empty() {
        let mut size = 0;
        let fitting = files.iter().take_while(|file| {
            size += file.size;
            size <= MAX_SENT
        });
        // One that is too large by now is told of when it is sent.
        let (batch, rest) = files.split_at(fitting.count().max(1));
        batches.push(batch);
        files = rest;
    }
    batches
}

impl Inner {
    /// Sends what a run left. `last` is the last message of its answer, of which nothing is stored yet; gives the message of
    /// which that is so then. Whatever becomes of the files, the answer has arrived.
    pub(in super::super) async fn hand_over_files(
        &self,
        run: &RunId,
        answer: &Answer<'_>,
        last: Option<MessageRef>,
    ) -> Option<MessageRef> {
        let Outbox(folder) = Outbox::of(&self.surroundings.state_folder, run);
        let looked_at = folder.clone();
        let rules = self.snapshot().settings(&answer.link.id).files.denied.clone();
        let contents = tokio::task::spawn_blocking(move || Contents::read(&looked_at, &rules)).await;
        let contents = match contents.map_err(io::Error::other).flatten() {
            Ok(contents) => contents,
            Err(error) => {
                tracing::warn!(%run, folder = %folder.display(), %error, "an outbox can not be read");
                return last;
            }
        };
        let last = if contents == Contents::default() {
            last
        } else {
            // Should takopi be killed from here on, only the files are sent again.
            self.note_part(run, answer, last).await;
            self.send_files(run, answer, contents).await
        };
        if let Err(error) = tokio::fs::remove_dir_all(&folder).await
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%run, folder = %folder.display(), %error, "an outbox can not be deleted");
        }
        last
    }

    /// Sends files, and gives the last message of them.
    async fn send_files(&self, run: &RunId, answer: &Answer<'_>, contents: Contents) -> Option<MessageRef> {
        let Contents { files, mut kept } = contents;
        let options = SendOptions::default().reply_to(answer.options.reply_to.clone()).silent();
        let sending = Sending { link: answer.link, place: answer.place, options, run };
        let batches = batches(&files);
        let count = batches.len();
        let mut last = None;
        for (at, batch) in batches.into_iter().enumerate() {
            // What is said stands below the last files.
            let text = if at + 1 == count { told(&kept) } else { String::new() };
            match sending.send(batch, &text, &format!("files.{at}")).await {
                Ok(message) => {
                    self.note_part(run, answer, last.replace(message)).await;
                    if !text.is_empty() {
                        kept.clear();
                    }
                }
                // One that is not taken must not keep the others.
                Err(error) if batch.len() > 1 && is_about_content(&error) => {
                    for (number, file) in batch.iter().enumerate() {
                        let key = format!("files.{at}.{number}");
                        match sending.send(std::slice::from_ref(file), "", &key).await {
                            Ok(message) => self.note_part(run, answer, last.replace(message)).await,
                            Err(error) => kept.push(format!("{} ({error})", markdown::code(&file.name))),
                        }
                    }
                }
                Err(error) => {
                    let why = |file: &Left| format!("{} ({error})", markdown::code(&file.name));
                    kept.extend(batch.iter().map(why));
                }
            }
        }
        match sending.tell(&kept).await {
            Some(message) => {
                self.note_part(run, answer, last).await;
                Some(message)
            }
            None => last,
        }
    }

    /// Stores that a message arrived that is not the last one of a run.
    async fn note_part(&self, run: &RunId, answer: &Answer<'_>, message: Option<MessageRef>) {
        if let Some(message) = message
            && let Err(error) = self.store().part_delivered(run, &message, answer.card.as_ref()).await
        {
            tracing::error!(%run, %error, "that a part of an answer arrived could not be stored");
        }
    }
}

/// Whether it is the files that are not taken, and not the way that is blocked.
const fn is_about_content(error: &SendError) -> bool {
    matches!(error.failure, SendFailure::Refused | SendFailure::TooLong)
}

/// To where and how the files of a run are sent.
struct Sending<'a> {
    link: &'a Link,
    place: &'a Place,
    options: SendOptions,
    run: &'a RunId,
}

impl Sending<'_> {
    async fn send(&self, files: &[Left], text: &str, key: &str) -> Result<MessageRef, SendError> {
        let mut message = OutgoingMessage::new(MessageKind::Answer, Body::markdown(text));
        for Left { name, path, .. } in files {
            message = message.file(OutgoingFile::path(name, path));
        }
        let options = self.options.clone().key(format!("{}.{key}", self.run));
        let sent = self.link.send_insisting(&self.place.address, &message, &options).await?;
        for Left { path, .. } in files {
            // Whether or not that can be: the folder goes too.
            let _ = tokio::fs::remove_file(path).await;
        }
        Ok(sent)
    }

    /// Says what was not sent.
    async fn tell(&self, kept: &[String]) -> Option<MessageRef> {
        if kept.is_empty() {
            return None;
        }
        match self.send(&[], &told(kept), "kept").await {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::warn!(run = %self.run, %error, "that files were not sent could not be told");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_that_may_be_sent_are_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b.txt", "a.txt", ".env", "key.pem"] {
            fs::write(path(name), name).unwrap();
        }
        fs::write(path("empty"), "").unwrap();
        fs::create_dir(path("folder")).unwrap();
        symlink("/etc/passwd", path("link")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        fs::File::create(path("large")).unwrap().set_len(MAX_SENT + 1).unwrap();
        let Contents { files, kept } = Contents::read(folder.path(), &DenyRules::default()).unwrap();
        let left = |name: &str| Left { name: name.to_owned(), path: path(name), size: 5 };
        assert_eq!(files, ["a.txt", "b.txt"].map(left));
        assert_eq!(
            told(&kept),
            "not sent: `.env` (denied by the rule `.env`), `empty` (empty), `folder` (no file), \
             `key.pem` (denied by the rule `*.pem`), `large` (larger than 50 mb), and 2 more"
        );
    }

    #[test]
    fn what_is_sent_at_a_time_is_not_too_large() {
        let left = |size| Left { name: String::new(), path: PathBuf::new(), size };
        let check = |sizes: &[u64], expected: &[usize]| {
            let files: Vec<_> = sizes.iter().copied().map(left).collect();
            assert_eq!(batches(&files).iter().map(|batch| batch.len()).collect::<Vec<_>>(), expected);
        };
        check(&[], &[]);
        check(&[1, 1, MAX_SENT - 2, 1], &[3, 1]);
        check(&[MAX_SENT, 1, MAX_SENT + 1, 1], &[1, 1, 1, 1]);
    }

    #[test]
    fn no_more_than_an_album_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        for number in 10..22 {
            fs::write(folder.path().join(number.to_string()), "x").unwrap();
        }
        let Contents { files, kept } = Contents::read(folder.path(), &DenyRules::default()).unwrap();
        assert_eq!((files.len(), files[0].name.as_str(), files[9].name.as_str()), (10, "10", "19"));
        assert_eq!(told(&kept), "not sent: `20` (one of more than 10), `21` (one of more than 10)");
        let link = folder.path().join("link");
        symlink(folder.path(), &link).unwrap();
        assert!(Contents::read(&link, &DenyRules::default()).is_err());
        assert_eq!(
            Contents::read(&folder.path().join("none"), &DenyRules::default()).unwrap(),
            Contents::default()
        );
    }
}
