//! Writing a project into the configuration file: what else stands there stays as it is, comments included.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::super::error::CliError;

/// What is written of a project.
#[derive(Debug)]
pub(super) struct Saved<'a> {
    pub(super) alias: &'a str,
    pub(super) path: &'a str,
    pub(super) base: Option<&'a str>,
    pub(super) is_default: bool,
}

/// Writes a project. A project that is there gets the new path, and keeps everything else.
pub(super) fn save_project(file: &Path, project: &Saved<'_>) -> Result<(), CliError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        CliError::new(format!("{} can not be {what}: {error}", file.display()))
    };
    // The file itself may be a link into a folder under version control, and stays one.
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let text = match fs::read_to_string(&target) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| failed("read", &error))?,
    };
    let text = with_project(&text, project).map_err(|error| failed("changed", &error))?;
    write(&target, &text).map_err(|error| failed("written", &error))
}

fn with_project(text: &str, project: &Saved<'_>) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    if project.is_default {
        set(document.as_table_mut(), "default_project", project.alias);
    }
    // A table of tables needs no header of its own.
    let mut projects = Table::new();
    projects.set_implicit(true);
    let projects = table(document.as_table_mut(), "projects", projects)?;
    let entry = table(projects, project.alias, Table::new())?;
    set(entry, "path", project.path);
    let defaults = [("worktrees_dir", Some(".worktrees")), ("worktree_base", project.base)];
    for (key, value) in defaults {
        if let (Some(value), false) = (value, entry.contains_key(key)) {
            set(entry, key, value);
        }
    }
    Ok(document.to_string())
}

/// The table under a key, which is this one if there was none.
fn table<'a>(
    parent: &'a mut dyn TableLike,
    key: &str,
    absent: Table,
) -> Result<&'a mut dyn TableLike, String> {
    let item = parent.entry(key).or_insert(Item::Table(absent));
    item.as_table_like_mut().ok_or_else(|| format!("`{key}` is no table"))
}

/// Sets a value, and leaves a comment beside it where it is.
fn set(table: &mut dyn TableLike, key: &str, value: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = Value::from(value);
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, toml_edit::value(value));
        }
    }
}

/// Whoever reads the file meanwhile, and whatever happens meanwhile: there is the old text or the new one.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = Draft(folder.join(format!(".{name}.{}", std::process::id())));
    let mut writing = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft.0)?;
    writing.write_all(text.as_bytes())?;
    writing.sync_all()?;
    fs::rename(&draft.0, file)
}

/// A file that is no more once it has its real name, or is given up.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // After the renaming there is nothing left of this name.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SITE: Saved<'_> =
        Saved { alias: "site", path: "/new", base: Some("origin/main"), is_default: true };

    #[track_caller]
    fn check(before: &str, expected: &str) {
        assert_eq!(with_project(before, &SITE).unwrap(), expected);
    }

    #[test]
    fn a_project_is_added_below_what_is_there() {
        check(
            "",
            "default_project = \"site\"\n\n[projects.site]\npath = \"/new\"\nworktrees_dir = \".worktrees\"\n\
             worktree_base = \"origin/main\"\n",
        );
        check(
            "# mine\ndefault_project = \"x\" # for now\n\n[projects.x] # first\npath = \"/x\"\n\n[codex]\na = 1\n",
            "# mine\ndefault_project = \"site\" # for now\n\n[projects.x] # first\npath = \"/x\"\n\n\
             [projects.site]\npath = \"/new\"\nworktrees_dir = \".worktrees\"\n\
             worktree_base = \"origin/main\"\n\n[codex]\na = 1\n",
        );
    }

    #[test]
    fn a_project_that_is_there_keeps_everything_but_its_path() {
        check(
            "default_project = \"site\"\n[projects.site]\nchat_id = -1 # the group\npath = \"/old\" # moved\n\
             worktrees_dir = \"wt\"\nworktree_base = \"next\"\n",
            "default_project = \"site\"\n[projects.site]\nchat_id = -1 # the group\npath = \"/new\" # moved\n\
             worktrees_dir = \"wt\"\nworktree_base = \"next\"\n",
        );
        check(
            "default_project = 'site'\nprojects = { site = { path = '/old', chat_id = 1, worktrees_dir = 'a', \
             worktree_base = 'b' } }\n",
            "default_project = \"site\"\nprojects = { site = { path = \"/new\", chat_id = 1, worktrees_dir = 'a', \
             worktree_base = 'b' } }\n",
        );
    }

    #[test]
    fn what_is_no_table_is_said() {
        assert_eq!(with_project("projects = 1\n", &SITE).unwrap_err(), "`projects` is no table");
        assert!(with_project("= 1\n", &SITE).is_err());
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("new/real.toml"), folder.path().join("link.toml"));
        save_project(&real, &SITE).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&real), mode(&folder.path().join("new"))), (0o600, 0o700));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        save_project(&link, &Saved { alias: "other", ..SITE }).unwrap();
        assert!(link.is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("[projects.other]"));
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1, "a draft is left");
    }
}
