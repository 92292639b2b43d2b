//! Where a thread belongs. Pi keeps a thread for the folder in which it began. Asked for it in another one, it either asks
//! on a terminal that is not there and ends with exit code 0, or (for a path) works in the old folder without a word. So
//! takopi looks first, and lets pi fork the thread into the folder of the run.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use takopi_api::jsonl::Wire;

use crate::event::SessionHeader;

/// The longest first line of a session's file that is read, in bytes; pi's own limit.
const HEADER_BYTES: u64 = 1024 * 1024;

/// The folder in which pi keeps its threads, if it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(Option<PathBuf>);

/// Where a thread belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To this folder; its full name.
    Here(String),
    /// To another folder; its full name.
    Elsewhere(String),
    /// To several threads, which share the beginning of their names.
    Ambiguous(Vec<String>),
    /// Nobody knows: it is gone, or pi keeps it where takopi does not look.
    Unknown,
}

impl Sessions {
    /// Where pi keeps them for this user, by the variables that pi itself looks at.
    pub(crate) fn of_this_user() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = variable("PI_CODING_AGENT_SESSION_DIR").or_else(|| {
            let agent = variable("PI_CODING_AGENT_DIR")
                .or_else(|| std::env::home_dir().map(|home| home.join(".pi").join("agent")))?;
            Some(agent.join("sessions"))
        });
        Self(folder)
    }

    #[cfg(test)]
    pub(crate) fn below(folder: &Path) -> Self {
        Self(Some(folder.to_owned()))
    }

    /// Looks for the thread that a person asked for: an id, the beginning of one (old messages have the first eight
    /// characters), or a path.
    pub(crate) fn find(&self, asked: &str, cwd: &Path) -> Place {
        if is_path(asked) {
            return match header(&cwd.join(asked)) {
                Some((_, folder)) if !is_same_folder(&folder, cwd) => Place::Elsewhere(asked.to_owned()),
                Some(_) => Place::Here(asked.to_owned()),
                None => Place::Unknown,
            };
        }
        let mut here = Vec::new();
        let mut elsewhere = Vec::new();
        for (id, folder) in self.files().iter().filter_map(|file| header(file)) {
            if id.starts_with(asked) {
                let found = if is_same_folder(&folder, cwd) { &mut here } else { &mut elsewhere };
                found.push(id);
            }
        }
        match one_of(here, asked) {
            Found::None => match one_of(elsewhere, asked) {
                Found::None => Place::Unknown,
                Found::One(id) => Place::Elsewhere(id),
                Found::Several(ids) => Place::Ambiguous(ids),
            },
            Found::One(id) => Place::Here(id),
            Found::Several(ids) => Place::Ambiguous(ids),
        }
    }

    /// The files of all threads: one folder a project, or all in one folder that was set.
    fn files(&self) -> Vec<PathBuf> {
        let entries = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        let Some(folder) = &self.0 else { return Vec::new() };
        let (files, folders): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| is_file(path));
        files
            .into_iter()
            .chain(folders.iter().flat_map(|folder| entries(folder)).filter(|path| is_file(path)))
            .collect()
    }
}

enum Found {
    None,
    One(String),
    Several(Vec<String>),
}

fn one_of(mut ids: Vec<String>, asked: &str) -> Found {
    ids.sort_unstable();
    ids.dedup();
    if ids.iter().any(|id| id == asked) {
        return Found::One(asked.to_owned());
    }
    match ids.len() {
        0 => Found::None,
        1 => Found::One(ids.remove(0)),
        _ => Found::Several(ids),
    }
}

/// What pi takes for a path and not for an id.
pub(crate) fn is_path(thread: &str) -> bool {
    thread.contains(['/', '\\']) || thread.ends_with(".jsonl")
}

fn is_file(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl")
}

/// The id and the folder of a thread. The name of its file does not tell: the Python program made up names of its own.
fn header(file: &Path) -> Option<(String, PathBuf)> {
    let mut line = String::new();
    BufReader::new(File::open(file).ok()?.take(HEADER_BYTES)).read_line(&mut line).ok()?;
    let header = SessionHeader::read(&line).ok()?;
    let is_whole = header.id.is_present() && header.cwd.is_present();
    is_whole.then(|| (header.id.text().into_owned(), PathBuf::from(&*header.cwd.text())))
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> (tempfile::TempDir, Sessions) {
        let folder = tempfile::tempdir().unwrap();
        for (project, name, id) in [
            ("--a--", "2026_x.jsonl", "0199aaaa-1111"),
            ("--a--", "2026_y.jsonl", "0199bbbb-1111"),
            ("--a--", "2026_z.jsonl", "0199bbbb-2222"),
            ("--b--", "2026_x.jsonl", "0199cccc-1111"),
        ] {
            let cwd = format!("/{}", project.trim_matches('-'));
            fs::create_dir_all(folder.path().join(project)).unwrap();
            let header = format!("{{\"type\":\"session\",\"id\":\"{id}\",\"cwd\":\"{cwd}\"}}\n{{}}\n");
            fs::write(folder.path().join(project).join(name), header).unwrap();
        }
        fs::write(folder.path().join("--a--/broken.jsonl"), "no json").unwrap();
        let sessions = Sessions::below(folder.path());
        (folder, sessions)
    }

    #[test]
    fn ids_and_their_beginnings_are_found() {
        let (_folder, sessions) = sessions();
        let find = |asked: &str| sessions.find(asked, Path::new("/a"));
        assert_eq!(find("0199aaaa-1111"), Place::Here("0199aaaa-1111".into()));
        assert_eq!(find("0199aaaa"), Place::Here("0199aaaa-1111".into()));
        assert_eq!(find("0199cccc"), Place::Elsewhere("0199cccc-1111".into()));
        assert_eq!(find("0199bbbb"), Place::Ambiguous(vec!["0199bbbb-1111".into(), "0199bbbb-2222".into()]));
        assert_eq!(find("0199dddd"), Place::Unknown);
        assert_eq!(Sessions::default().find("0199aaaa", Path::new("/a")), Place::Unknown);
    }

    #[test]
    fn paths_are_looked_up_by_themselves() {
        let (folder, sessions) = sessions();
        let path = folder.path().join("--b--/2026_x.jsonl").display().to_string();
        assert_eq!(sessions.find(&path, Path::new("/b")), Place::Here(path.clone()));
        assert_eq!(sessions.find(&path, Path::new("/a")), Place::Elsewhere(path.clone()));
        assert_eq!(sessions.find("/nowhere/x.jsonl", Path::new("/a")), Place::Unknown);
    }
}
