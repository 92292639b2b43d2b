//! What changed: the branch, the last entries of the log, and the files modified last.

use std::cmp::Reverse;
use std::time::SystemTime;

use super::{list, more_line};
use crate::answer::{self, Part};
use crate::git::{GitFolder, Head, LogEntry};
use crate::steps::{Ended, Steps};
use crate::survey;

const PAGE: usize = 10;
const LOG_ENTRIES: usize = 5;

pub(crate) async fn changed(steps: &mut Steps, from: usize) -> Result<Part, Ended> {
    let (head, log) = if from == 0 { history(steps).await? } else { (String::new(), Vec::new()) };
    let mut survey = survey::take(steps).await?;
    let title = format!("sort {} by time", answer::count(survey.files.len(), "file"));
    let survey = steps
        .look(title, move |_, _| {
            survey.files.sort_by(|a, b| (Reverse(a.modified), &a.path).cmp(&(Reverse(b.modified), &b.path)));
            Ok(survey)
        })
        .await?;
    let now = SystemTime::now();
    let (rows, next) = answer::page(&survey.files, from, PAGE);
    let mut sections = vec![head, log_section(&log, now)];
    sections.push(if rows.is_empty() {
        "There are no further files.".to_owned()
    } else {
        let rows = list(rows.iter().map(|file| {
            let age = file.modified.map_or_else(|| "unknown".to_owned(), |then| answer::age(now, then));
            format!("{} {age}", answer::path(&file.path))
        }));
        format!("Files modified last, by their modification time and not by git:\n\n{rows}")
    });
    sections.retain(|section| !section.is_empty());
    let body = format!("{}{}{}", sections.join("\n\n"), more_line(next), survey.remark());
    Ok(Part::new("what changed", body).next(next))
}

/// The sentence about the branch, and the last entries of the log.
async fn history(steps: &mut Steps) -> Result<(String, Vec<LogEntry>), Ended> {
    let git = steps
        .look("read .git/HEAD", |root, _| {
            Ok(GitFolder::of(root).map(|git| {
                let head = git.head();
                (git, head)
            }))
        })
        .await?;
    let Some((git, head)) = git else {
        return Ok(("This is no git repository, so there is no log.".to_owned(), Vec::new()));
    };
    let log = steps.look("read .git/logs/HEAD", move |_, _| Ok(git.log(LOG_ENTRIES))).await?;
    Ok((format!("The repository is {}.", checkout(&head)), log))
}

/// What is checked out, as a part of a sentence.
pub(super) fn checkout(head: &Head) -> String {
    match head {
        Head::Branch(branch) => format!("on branch {}", answer::code(branch)),
        Head::Detached(commit) => format!("on commit {} and no branch", answer::code(commit)),
        Head::Unknown => "in git, on a branch that acme can not tell".to_owned(),
    }
}

fn log_section(log: &[LogEntry], now: SystemTime) -> String {
    if log.is_empty() {
        return String::new();
    }
    let rows = list(log.iter().map(|entry| {
        let when = entry.when.map_or_else(|| "at an unknown time".to_owned(), |then| answer::age(now, then));
        let what = answer::code(&answer::cut(&entry.what, 100));
        format!("{when}, {}: {what}", answer::one_line(&entry.who))
    }));
    format!("Done here last, by the log of `HEAD`:\n\n{rows}")
}
