//! Writing a project into the configuration file: what else stands there stays as it is, comments included.

use takopi_api::config::ConfigError;

use crate::config::{Config, Document, Found, KeyPath, Reader, Setting};

/// What is written of a project.
#[derive(Debug)]
pub(in crate::cli) struct Saved<'a> {
    pub(in crate::cli) alias: &'a str,
    pub(in crate::cli) path: &'a str,
    pub(in crate::cli) base: Option<&'a str>,
    pub(in crate::cli) is_default: bool,
}

/// Writes a project. A project that is there gets the new path, and keeps everything else.
///
/// # Errors
/// [`ConfigError`] if the file can not be used then, or not be written.
pub(super) fn save_project(reader: &Reader, project: &Saved<'_>) -> Result<Config, ConfigError> {
    let mut document = match Document::open_migrated(reader.path())? {
        Some(document) => document,
        None => Document::parse(reader.path(), "")?,
    };
    add(&mut document, project)?;
    document.save(reader, &key(project, "path"))
}

/// Puts a project into a file that is not written yet.
///
/// # Errors
/// As [`save_project`], for what stands in the way.
pub(in crate::cli) fn add(document: &mut Document, project: &Saved<'_>) -> Result<(), ConfigError> {
    if project.is_default {
        document.set(&KeyPath::new([""; 0], "default_project"), &Setting::text(project.alias))?;
    }
    document.set(&key(project, "path"), &Setting::text(project.path))?;
    let defaults = [("worktrees_dir", Some(".worktrees")), ("worktree_base", project.base)];
    for (name, value) in defaults {
        let key = key(project, name);
        if let (Some(value), Found::Nothing) = (value, document.get(&key)?) {
            document.set(&key, &Setting::text(value))?;
        }
    }
    Ok(())
}

fn key(project: &Saved<'_>, name: &str) -> KeyPath {
    KeyPath::new(["projects", project.alias], name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::config::{Overrides, Vocabulary};

    const SITE: Saved<'_> =
        Saved { alias: "site", path: "/new", base: Some("origin/main"), is_default: true };

    fn with_project(text: &str, project: &Saved<'_>) -> Result<String, String> {
        let added = Document::parse(Path::new("takopi.toml"), text).and_then(|mut document| {
            add(&mut document, project)?;
            Ok(document.text())
        });
        added.map_err(|error| error.to_string())
    }

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
        let error = with_project("projects = 1\n", &SITE).unwrap_err();
        assert_eq!(error, "`projects`: expected a table, found a value of type integer");
        assert!(with_project("= 1\n", &SITE).is_err());
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("new/real.toml"), folder.path().join("link.toml"));
        let save = |file: &Path, project: &Saved<'_>| {
            save_project(&Reader::new(file, Vocabulary::default(), Overrides::default()), project)
        };
        save(&real, &SITE).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&real), mode(&folder.path().join("new"))), (0o600, 0o700));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        save(&link, &Saved { alias: "other", ..SITE }).unwrap();
        assert!(link.is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("[projects.other]"));
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1, "a draft is left");
        // What would leave a file that can not be used is not written.
        let text = fs::read_to_string(&real).unwrap();
        assert!(save(&real, &Saved { path: " ", ..SITE }).is_err());
        assert_eq!(fs::read_to_string(&real).unwrap(), text);
    }
}
