//! Writing a file, after the person has allowed it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use takopi_api::event::{ChangeKind, Decision, FileChange, Lasting, Permission, RequestSubject};
use takopi_api::runner::RunId;

use crate::answer::{self, Part};
use crate::confine::{self, Target};
use crate::diff;
use crate::orders::Stop;
use crate::reading;
use crate::steps::{Ended, Steps};

/// Writes `text` into the file that the person calls `name`. `may_write` is what the session knows of their leave, and
/// is set where they give it for the whole session.
pub(crate) async fn write(
    steps: &mut Steps,
    text: &str,
    name: &str,
    may_write: &mut bool,
) -> Result<Part, Ended> {
    let shown = answer::code(name);
    let asked = name.to_owned();
    let check = move |root: &Path, _: &Stop| Place::look_up(root, &asked);
    let place = match steps.look(format!("check {name}"), check).await {
        Ok(place) => place,
        Err(Ended::Failed(why)) => return Ok(nothing_written(&shown, &why)),
        Err(ended) => return Err(ended),
    };
    let content = with_newline(text);
    if !*may_write {
        let title = if place.target.exists { format!("replace {name}") } else { format!("write {name}") };
        match steps.ask(&title, permission(steps.root(), name, &place, &content)).await? {
            // What is always allowed, takopi remembers itself.
            Decision::AllowOnce | Decision::AllowAlways => {}
            Decision::AllowSession => *may_write = true,
            Decision::Deny { reason } => {
                let reason = reason.map(|reason| format!(": {}", answer::one_line(reason.trim())));
                let why = format!("You did not allow it{}.", reason.unwrap_or_default());
                return Ok(nothing_written(&shown, &why));
            }
            // What is no clear yes is a no.
            _ => return Ok(nothing_written(&shown, "The answer was no permission.")),
        }
    }
    let Place { target, .. } = &place;
    let verb = if target.exists { "replaced" } else { "written" };
    let size = answer::size(content.len() as u64);
    let kind = if target.exists { ChangeKind::Update } else { ChangeKind::Add };
    let change = FileChange { path: target.path.to_string_lossy().into_owned(), kind };
    let asked = name.to_owned();
    let work = move |root: &Path, _: &Stop| check_and_replace(root, &asked, &place, &content);
    match steps.change(format!("write {name}"), change, work).await {
        Ok(()) => Ok(Part::new(format!("{shown} {verb}"), format!("{shown} is {verb} ({size})."))),
        Err(Ended::Failed(why)) => Ok(nothing_written(&shown, &why)),
        Err(ended) => Err(ended),
    }
}

/// Where a text goes, and what is there.
#[derive(PartialEq, Eq)]
struct Place {
    target: Target,
    /// The text that is replaced; nothing if there is no file, or one that is no text.
    before: Option<String>,
}

impl Place {
    fn look_up(root: &Path, name: &str) -> Result<Self, String> {
        let target = confine::target(root, name).map_err(|refusal| refusal.to_string())?;
        let found = if target.exists { reading::text_of(&target.path) } else { Ok(None) };
        let found = found.map_err(|error| format!("{} can not be read: {error}.", answer::code(name)))?;
        let before = found.and_then(|start| String::from_utf8(start.bytes).ok());
        Ok(Self { target, before })
    }
}

fn permission(root: &Path, name: &str, place: &Place, content: &str) -> RequestSubject {
    let permission = Permission::default()
        .tool("write")
        .cwd(root.to_string_lossy())
        .paths([place.target.path.to_string_lossy().into_owned()])
        .lasting(Lasting::Engine);
    RequestSubject::Permission(match &place.before {
        Some(before) if before != content => permission.diff(diff::unified(name, before, content)),
        _ => permission.content(content),
    })
}

fn nothing_written(shown: &str, why: &str) -> Part {
    Part::new(format!("{shown} not written"), format!("Nothing was written. {why}"))
}

fn with_newline(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// The person may have taken their time: what was checked before the question must still hold.
fn check_and_replace(root: &Path, name: &str, allowed: &Place, content: &str) -> Result<(), String> {
    let place = Place::look_up(root, name)?;
    if place.target != allowed.target {
        return Err(format!("{} has come or gone since you were asked. Ask again.", answer::code(name)));
    }
    if place != *allowed {
        return Err(format!("{} has changed since you were asked. Ask again.", answer::code(name)));
    }
    replace(&place.target, content).map_err(|error| format!("{}: {error}.", answer::code(name)))
}

/// Puts a new file in the place of the old one at once, so that no link is followed and no half of a file is left.
fn replace(target: &Target, content: &str) -> io::Result<()> {
    let temporary = temporary_beside(&target.path);
    let written = write_new(&temporary, target, content).and_then(|()| fs::rename(&temporary, &target.path));
    if written.is_err() {
        // It may not be there at all; what matters is the first error.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, target: &Target, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content.as_bytes())?;
    if target.exists {
        file.set_permissions(fs::metadata(&target.path)?.permissions())?;
    }
    file.sync_all()
}

fn temporary_beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".acme-{}.tmp", RunId::unique()))
}
