//! From a project and a branch to the folder in which a run happens. The folder is made if it is not there; what else is
//! there is left alone, but an empty folder, and what git itself marks as half made.

mod error;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use takopi_api::process::ProcessHost;
use tokio::sync::OwnedMutexGuard;

pub use error::{Occupant, WorktreeError};

use super::branch::Branch;
use super::git::{Git, GitError};
use super::registry::Project;
use super::repository::{Place, Record, commit_of, default_base, has_ref, real_path};
use super::setup;

/// How long making a worktree may take: in a large repository every file is written, and filters may fetch some.
const MAKING: Duration = Duration::from_secs(10 * 60);

/// Finds and makes worktrees, one at a time each.
#[derive(Debug)]
pub struct Worktrees {
    pub(super) git: Git,
    /// Who works on which path now. Locks that nobody holds or waits for are forgotten.
    busy: Mutex<HashMap<PathBuf, Weak<tokio::sync::Mutex<()>>>>,
}

/// What is where a worktree belongs.
enum Standing {
    /// Nothing, or an empty folder.
    Free,
    /// The worktree, with what git keeps of it.
    There { git_dir: PathBuf },
}

/// From what a branch that is to be checked out comes.
enum Source {
    Local,
    Remote(String),
    New { base: String },
}

impl Worktrees {
    /// Worktrees that are made by programs of this host.
    #[must_use]
    pub fn new(processes: Arc<dyn ProcessHost>) -> Self {
        Self { git: Git::new(processes), busy: Mutex::default() }
    }

    /// The folder of a run: the project's own without a branch, and also if it has the branch checked out; else the
    /// branch's worktree, which is made and set up if need be.
    ///
    /// # Errors
    /// [`WorktreeError`] that says what is where, and nothing was touched; or that the setup hook failed.
    pub async fn resolve(
        &self,
        project: &Project,
        branch: Option<&Branch>,
    ) -> Result<PathBuf, WorktreeError> {
        let path = &project.settings.path;
        if !path.is_dir() {
            return Err(WorktreeError::Gone { project: project.alias.clone(), path: path.clone() });
        }
        let Some(branch) = branch else { return Ok(absolute(path)) };
        let repository = self.repository(project).await?;
        if repository.branch(&self.git).await?.as_deref() == Some(branch.as_str()) {
            return Ok(absolute(path));
        }
        let target = target(project, branch)?;
        // From here on until it is set up: the second message of two must not find a worktree that is half made.
        let _alone = self.alone(&target).await;
        let git_dir = match self.look(project, branch, &target, &repository).await? {
            Standing::There { git_dir } => git_dir,
            Standing::Free => self.make(project, branch, &target, &repository).await?,
        };
        setup::prepare(&*self.git.processes, project, branch, &target, &git_dir).await?;
        Ok(target)
    }

    /// The repository of a project.
    pub(super) async fn repository(&self, project: &Project) -> Result<Place, WorktreeError> {
        let path = &project.settings.path;
        let place = Place::of(&self.git, path).await?;
        place
            .ok_or_else(|| WorktreeError::NoRepository { project: project.alias.clone(), path: path.clone() })
    }

    /// Waits until nobody else works on this path.
    pub(super) async fn alone(&self, path: &Path) -> OwnedMutexGuard<()> {
        let lock = {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            busy.retain(|_, lock| lock.strong_count() > 0);
            let known = busy.get(path).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::default();
                busy.insert(path.to_owned(), Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }

    /// Looks at what is where the worktree belongs. Only the worktree of this very branch will do.
    async fn look(
        &self,
        project: &Project,
        branch: &Branch,
        target: &Path,
        repository: &Place,
    ) -> Result<Standing, WorktreeError> {
        self.clear_half_made(project, target).await?;
        let occupied = |by| {
            Err(WorktreeError::Occupied { path: target.to_owned(), branch: branch.clone(), by: Box::new(by) })
        };
        match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
            Err(source) => return Err(WorktreeError::Unreadable { path: target.to_owned(), source }),
            Ok(found) if !found.is_dir() => return occupied(Occupant::File),
            // An empty folder is what is left where a worktree was below it. It stays empty if it can not be removed.
            Ok(_) if fs::remove_dir(target).is_ok() => return Ok(Standing::Free),
            Ok(_) => {}
        }
        let Some(place) = Place::of(&self.git, target).await? else { return occupied(Occupant::Folder) };
        if place.root.as_deref() != Some(target) {
            return occupied(Occupant::Folder);
        }
        if place.common_dir != repository.common_dir {
            return occupied(Occupant::OtherRepository { git_dir: place.common_dir });
        }
        match place.branch(&self.git).await? {
            Some(found) if found == branch.as_str() => Ok(Standing::There { git_dir: place.git_dir }),
            Some(found) => occupied(Occupant::OtherBranch { found }),
            None => occupied(Occupant::NoBranch),
        }
    }

    /// Clears away what a git left that was killed while it made this very worktree: nobody can have worked in it yet,
    /// and git would refuse the path for ever.
    async fn clear_half_made(&self, project: &Project, target: &Path) -> Result<(), WorktreeError> {
        let path = &project.settings.path;
        let records = Record::all(&self.git, path).await?;
        let Some(record) = records.iter().find(|record| is_at(record, target)) else { return Ok(()) };
        if !record.is_half_made() {
            return Ok(());
        }
        tracing::warn!(worktree = %target.display(), "clearing a half-made worktree away");
        // Twice: over what it has of its files, and over the lock.
        let command = self.git.at(path).args(["worktree", "remove", "--force", "--force", "--"]);
        command.arg(&record.path).tell().await?;
        Ok(())
    }

    /// Makes the worktree, and gives what git keeps of it.
    async fn make(
        &self,
        project: &Project,
        branch: &Branch,
        target: &Path,
        repository: &Place,
    ) -> Result<PathBuf, WorktreeError> {
        // Two gits at a time, even for different branches, would fight for the lock of the repository's configuration.
        let _alone = self.alone(&repository.common_dir).await;
        let path = &project.settings.path;
        self.free_for(branch, target, path).await?;
        let command = self.git.at(path).args(["worktree", "add", "--quiet"]).patience(MAKING);
        let command = match self.source(project, branch).await? {
            Source::Local => command.arg("--").arg(target).arg(branch.as_str()),
            Source::Remote(remote) => {
                command.args(["--track", "-b", branch.as_str(), "--"]).arg(target).arg(remote)
            }
            // Not tracked: a push from the new branch must not go to the branch that it came from.
            Source::New { base } => {
                command.args(["--no-track", "-b", branch.as_str(), "--"]).arg(target).arg(base)
            }
        };
        command.tell().await?;
        tracing::info!(project = %project.alias, %branch, worktree = %target.display(), "made a worktree");
        let made = Place::of(&self.git, target).await?;
        let made = made.ok_or_else(|| GitError::Unreadable {
            command: "git worktree add".to_owned(),
            what: format!("{} is no worktree after all", target.display()),
        })?;
        Ok(made.git_dir)
    }

    /// Sees to it that git's own records let the worktree be made.
    async fn free_for(&self, branch: &Branch, target: &Path, path: &Path) -> Result<(), WorktreeError> {
        for record in Record::all(&self.git, path).await? {
            if is_at(&record, target) {
                // There is no folder, or it would have been looked at: somebody deleted it by hand.
                if let Some(reason) = record.lock {
                    return Err(WorktreeError::Locked { path: target.to_owned(), reason });
                }
                self.git.at(path).args(["worktree", "remove", "--"]).arg(&record.path).tell().await?;
            } else if record.branch.as_deref() == Some(branch.as_str()) {
                return Err(WorktreeError::CheckedOutElsewhere { branch: branch.clone(), path: record.path });
            }
        }
        Ok(())
    }

    async fn source(&self, project: &Project, branch: &Branch) -> Result<Source, WorktreeError> {
        let path = &project.settings.path;
        if has_ref(&self.git, path, &branch.reference()).await? {
            return Ok(Source::Local);
        }
        let remote = format!("refs/remotes/origin/{branch}");
        if has_ref(&self.git, path, &remote).await? {
            return Ok(Source::Remote(remote));
        }
        match self.base(project).await? {
            Some(base) => Ok(Source::New { base }),
            None => Err(WorktreeError::NoBase { project: project.alias.clone(), branch: branch.clone() }),
        }
    }

    /// From what new branches of a project start.
    pub(super) async fn base(&self, project: &Project) -> Result<Option<String>, WorktreeError> {
        let path = &project.settings.path;
        let Some(configured) = &project.settings.worktree_base else {
            return Ok(default_base(&self.git, path).await?);
        };
        // A branch that only the remote has is meant by its plain name as well.
        for name in [configured.clone(), format!("origin/{configured}")] {
            if commit_of(&self.git, path, &name).await?.is_some() {
                return Ok(Some(name));
            }
        }
        Err(WorktreeError::BadBase { project: project.alias.clone(), base: configured.clone() })
    }
}

/// Where the worktree of a branch belongs: inside of the project's folder for them, wherever symbolic links lead.
fn target(project: &Project, branch: &Branch) -> Result<PathBuf, WorktreeError> {
    let real = |path: &Path| {
        real_path(path).map_err(|source| WorktreeError::Unreadable { path: path.to_owned(), source })
    };
    let folder = real(&project.settings.worktrees_dir)?;
    let target = real(&folder.join(branch.as_str()))?;
    if target == folder || !target.starts_with(&folder) {
        return Err(WorktreeError::Outside { branch: branch.clone(), path: target, folder });
    }
    let above = target.ancestors().skip(1).take_while(|above| *above != folder);
    match above.into_iter().find(|above| above.join(".git").exists()) {
        Some(above) => Err(WorktreeError::Occupied {
            by: Box::new(Occupant::Enclosing { worktree: above.to_owned() }),
            path: target,
            branch: branch.clone(),
        }),
        None => Ok(target),
    }
}

/// Whether a record of git's is about this path, of which the end may be gone.
fn is_at(record: &Record, path: &Path) -> bool {
    record.path == path || real_path(&record.path).is_ok_and(|real| real == path)
}

fn absolute(path: &Path) -> PathBuf {
    // It fails for an empty path, and without a current folder; then the path is as good as it gets.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
