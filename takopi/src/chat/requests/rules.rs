//! What is like what: of which requests a person can say yes once and for all, and what that yes is for.
//!
//! Each request is of one kind at most, and a rule is for one kind: what is not exactly that is asked. A path is as it
//! reads, and really so: no link lies between it and the folder of the run. Whatever could be meant in two ways is of no
//! kind.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Component, Path, PathBuf};

use takopi_api::event::{Lasting, Permission, Request, RequestSubject};
use takopi_api::markdown;
use takopi_api::resume::ResumeToken;

use crate::paths;
use crate::project::{Project, real_path};
use crate::store::{Covers, Deciders, Digest, Like, NewRule, Rule, RuleScope};
use crate::visible::one_line;

/// A command that is longer can not be read in a list, so there is no rule for it. In bytes.
const COMMAND: usize = 2_000;

/// Nor for a use of a tool with more than this, of which an engine may have left out the end. In bytes.
const INPUT: usize = 16_000;

/// A change of more files than this is asked.
const FILES: usize = 500;

/// How much of a command, of an input, or of the name of a tool is shown, in characters.
const SHOWN: usize = 100;

/// Where a run works, and the folder that its rules are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ground {
    root: Root,
    /// The project's own folder, also where the run works in another worktree of it.
    folder: PathBuf,
    project: Option<String>,
}

/// The folder of a run, by both of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Root {
    /// As the engine was told.
    told: PathBuf,
    /// Without links.
    real: PathBuf,
}

impl Ground {
    /// Looks at the folder of a run. Without a project, rules are for that folder.
    ///
    /// # Errors
    /// What the system says about one of the folders. Then there are no rules.
    pub(crate) async fn of(folder: &Path, project: Option<&Project>) -> io::Result<Self> {
        let told = std::path::absolute(folder)?;
        let real = tokio::fs::canonicalize(&told).await?;
        let own = match project {
            Some(project) => tokio::fs::canonicalize(&project.settings.path).await?,
            None => real.clone(),
        };
        let project = project.map(|project| project.alias.to_string());
        Ok(Self { root: Root { told, real }, folder: own, project })
    }

    /// What a rule has to cover to be for this request; `None` if no rule can be.
    pub(crate) async fn covers(&self, subject: &RequestSubject) -> Option<Covers> {
        // What a plan or a question is about is new each time.
        let RequestSubject::Permission(permission) = subject else { return None };
        let (permission, root) = (permission.clone(), self.root.clone());
        let look = move || alike(&permission, &root, |path| real_path(path).ok());
        // A file system may be far away.
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// What a rule must be like to be for a request that these people could decide.
    pub(crate) fn like(&self, covers: Covers, thread: Option<ResumeToken>, deciders: Deciders) -> Like {
        Like { thread, folder: self.folder.clone(), covers, deciders }
    }

    /// The rule that comes of a yes.
    pub(crate) fn rule(&self, covers: Covers, scope: RuleScope) -> NewRule {
        NewRule { scope, project: self.project.clone(), folder: self.folder.clone(), covers }
    }
}

/// SHA-256 of what is asked: of the tool and of all that it would be given.
pub(crate) fn digest(request: &Request) -> Digest {
    // Texts can always be written down.
    let subject = serde_json::to_vec(&request.subject).unwrap_or_default();
    Digest::of(&[b"request", &subject])
}

/// What a rule has to cover to be for this permission. `real` resolves links.
fn alike(permission: &Permission, root: &Root, real: impl Fn(&Path) -> Option<PathBuf>) -> Option<Covers> {
    let Permission { tool, command, cwd, paths, diff, content, input, lasting, .. } = permission;
    if !matches!(lasting, Lasting::Rules | Lasting::Engine) {
        return None;
    }
    let cwd = match cwd {
        Some(cwd) => Some(root.below(None, cwd, &real)?),
        None => None,
    };
    // As a text: two folders must not become the same one.
    let below = cwd.as_deref().unwrap_or(Path::new("")).to_str()?.to_owned();
    let is_change = diff.is_some() || content.is_some();
    match (command, paths.as_slice(), input) {
        (Some(command), [], None) if !is_change => {
            let is_fit = !command.trim().is_empty() && command.len() <= COMMAND;
            is_fit.then(|| Covers::Command { tool: tool.clone(), command: command.clone(), below })
        }
        (None, [], None) => None,
        (None, paths, None) => {
            let from = cwd.map(|cwd| root.told.join(cwd));
            let is_own = |path: &String| {
                root.below(from.as_deref(), path, &real)
                    .is_some_and(|path| path != Path::new("") && !is_hidden(&path))
            };
            // Without a change it could be anything that has to do with files. Below the root of the file system lies
            // everything.
            let is_fit =
                is_change && paths.len() <= FILES && root.real.parent().is_some() && paths.iter().all(is_own);
            Some(Covers::Files { tool: tool.clone().filter(|_| is_fit)? })
        }
        _ => {
            let text = command.as_deref().or(input.as_deref())?;
            let size: usize = [command, input, diff, content].into_iter().flatten().map(String::len).sum();
            // An engine that says nothing of what it does would be allowed all of it.
            let mut told = text.split_whitespace().flat_map(str::chars).take(SHOWN);
            let is_fit = told.any(char::is_alphanumeric) && size <= INPUT;
            let digest = Digest::of(&[
                b"permission",
                &part(command.as_deref()),
                below.as_bytes(),
                &serde_json::to_vec(paths).ok()?,
                &part(diff.as_deref()),
                &part(content.as_deref()),
                &part(input.as_deref()),
            ]);
            let says = one_line(text, SHOWN);
            Some(Covers::Input { tool: tool.clone().filter(|_| is_fit)?, says, digest })
        }
    }
}

/// A text that is there is another one than one that is not.
fn part(text: Option<&str>) -> Vec<u8> {
    text.map_or_else(Vec::new, |text| [b"+", text.as_bytes()].concat())
}

impl Root {
    /// Where a path leads, from the folder of the run on. Without `from` it has to begin at the root of the file system.
    fn below(
        &self,
        from: Option<&Path>,
        path: &str,
        real: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Option<PathBuf> {
        // The folder itself may be called anything.
        let own = [&self.told, &self.real].into_iter().find_map(|root| path.strip_prefix(root.to_str()?));
        if !is_clear(own.unwrap_or(path)) {
            return None;
        }
        let full = match from {
            _ if path.is_empty() => return None,
            Some(from) => from.join(path),
            None => Path::new(path).is_absolute().then(|| path.into())?,
        };
        let below = full.strip_prefix(&self.told).or_else(|_| full.strip_prefix(&self.real)).ok()?;
        if !below.components().all(|component| matches!(component, Component::Normal(_))) {
            return None;
        }
        let below: PathBuf = below.components().collect();
        (real(&self.real.join(&below))? == self.real.join(&below)).then_some(below)
    }
}

/// Whether a path can be meant in one way only: not as a pattern, not from somebody's home, not by a variable.
fn is_clear(path: &str) -> bool {
    const UNCLEAR: &[char] = &['*', '?', '{', '}', '$', '%', '\\', '`', '"', '\'', '<', '>', '|', ',', ';'];
    // Some engines write several paths as one.
    let is_one = path.split_whitespace().skip(1).all(|word| !word.starts_with(['/', '.', '~', '-']));
    is_one
        && path.trim() == path
        && !path.starts_with('~')
        && !path.contains("..")
        && !path.contains("://")
        && !path.contains(UNCLEAR)
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| part != ".")
}

/// Whether something of a path is hidden. What stands there is not the project's content but says what programs do, such
/// as hooks of git, workflows, and settings of agents.
fn is_hidden(below: &Path) -> bool {
    below.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

/// What something covers, for people.
pub(crate) fn covered(covers: &Covers) -> String {
    let below = |below: &str| match below {
        "" => String::new(),
        below => format!(" in {}", markdown::code(below)),
    };
    match covers {
        Covers::Command { command, below: folder, .. } => {
            format!("{}{}", markdown::code(&one_line(command, SHOWN)), below(folder))
        }
        Covers::Files { tool } => format!("{} of files", markdown::code(&one_line(tool, SHOWN))),
        Covers::Input { tool, says, .. } => {
            format!("{} of exactly {}", markdown::code(&one_line(tool, SHOWN)), markdown::code(says))
        }
    }
}

/// What a lasting yes would cover, for who gives it.
pub(crate) fn offered(covers: &Covers) -> String {
    match covers {
        Covers::Files { tool } => {
            let tool = markdown::code(&one_line(tool, SHOWN));
            format!("{tool} of any file here that is not hidden, also new and deleted ones")
        }
        Covers::Command { .. } | Covers::Input { .. } => covered(covers),
    }
}

/// A rule in a line, for people.
pub(crate) fn line(rule: &Rule) -> String {
    let place = match &rule.project {
        Some(project) => format!("project {}", markdown::escape(project)),
        None => markdown::code(&paths::shown(&rule.folder)),
    };
    let scope = match rule.scope {
        RuleScope::Session(_) => " · one session",
        RuleScope::Always => "",
    };
    format!("{} in {place} · {}{scope}", covered(&rule.covers), rule.engine)
}
