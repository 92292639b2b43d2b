//! The table of Telegram's limits: what it names is there, and no limit of the code is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::workspace::Workspace;

/// The page with a row for each limit.
pub(super) const PAGE: &str = "docs/reference/telegram.md";

/// Where the limits stand that must have a row: constants whose names begin with `MAX_`.
const SOURCES: &str = "backends/transport-telegram/src";

/// Something that the page says stands in a file: `` [`name`](path) ``.
#[derive(Debug, PartialEq, Eq)]
struct Mention<'a> {
    name: &'a str,
    /// From the root of the repository.
    path: String,
    role: Role,
}

/// What something stands for in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Where the limit is kept.
    Place,
    /// What shows that it is.
    Test,
}

/// Compares the page with the code.
pub(super) fn check(workspace: &Workspace) -> Result<usize, Error> {
    let page = workspace.read(PAGE)?;
    let mut problems = Vec::new();
    let mut named = BTreeSet::new();
    let mut count = 0;
    for (row, line) in rows(&page) {
        count += 1;
        let mentions = mentions(line);
        for role in [Role::Place, Role::Test] {
            if mentions.iter().all(|mention| mention.role != role) {
                problems.push(format!("{PAGE}:{row}: it does not say {}", role.missing()));
            }
        }
        for Mention { name, path, role } in mentions {
            match workspace.read(&path) {
                Ok(source) if role.is_in(&source, name) => {}
                Ok(_) => problems.push(format!("{PAGE}:{row}: {path} has no {} {name}", role.what())),
                Err(error) => problems.push(format!("{PAGE}:{row}: {error}")),
            }
            named.insert(name.to_owned());
        }
    }
    for (path, name) in limits(workspace)? {
        if !named.contains(&name) {
            problems.push(format!("{path}: the limit {name} has no row in {PAGE}"));
        }
    }
    if problems.is_empty() {
        return Ok(count);
    }
    Err(Error::new(problems.join("\n"))
        .hint("each row names the code that keeps a limit, and the tests that show it"))
}

/// The rows of the table below its heading, with their lines.
fn rows(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = page.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| line.starts_with("| ")).skip(1)
}

fn mentions(row: &str) -> Vec<Mention<'_>> {
    let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
    let of = |at: usize, role: Role| {
        let links = cells.get(at).map_or("", |cell| cell).split("[`").skip(1);
        links.filter_map(move |link| {
            let (name, rest) = link.split_once("`](../../")?;
            let (path, _) = rest.split_once(')')?;
            Some(Mention { name, path: path.to_owned(), role })
        })
    };
    of(2, Role::Place).chain(of(3, Role::Test)).collect()
}

impl Role {
    const fn missing(self) -> &'static str {
        match self {
            Self::Place => "where it is kept",
            Self::Test => "which test shows it",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Place => "constant, type or function",
            Self::Test => "test",
        }
    }

    /// Whether a file has it. A test is a function behind an attribute that makes it one, or a property.
    fn is_in(self, source: &str, name: &str) -> bool {
        let lines: Vec<_> = source.lines().map(str::trim).collect();
        lines.iter().enumerate().any(|(at, line)| match self {
            Self::Place => ["const", "fn", "struct"].iter().any(|word| declares(line, word, name)),
            Self::Test => declares(line, "fn", name) && at > 0 && lines[at - 1].contains("test"),
        })
    }
}

/// Whether a line declares something of this name.
fn declares(line: &str, word: &str, name: &str) -> bool {
    let after = line.split_once(&format!("{word} {name}"));
    let is_end = |c: char| !c.is_alphanumeric() && c != '_';
    after.is_some_and(|(before, rest)| {
        !before.contains("//") && rest.chars().next().is_none_or(is_end) && !before.ends_with(|c| !is_end(c))
    })
}

/// The constants that are limits by their names, with the files that they stand in.
fn limits(workspace: &Workspace) -> Result<Vec<(String, String)>, Error> {
    let mut limits = Vec::new();
    let mut folders = vec![SOURCES.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: std::io::Error| Error::new(format!("{folder}: {error}"));
        for entry in fs::read_dir(workspace.path(&folder)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
                let source = workspace.read(&path)?;
                limits.extend(limits_in(&source).map(|name| (path.clone(), name.to_owned())));
            }
        }
    }
    Ok(limits)
}

fn limits_in(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let (before, rest) = line.split_once("const ")?;
        let (name, _) = rest.split_once(':')?;
        (name.starts_with("MAX_") && !before.contains("//")).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str =
        "| a | b | [`MAX_A`](../../src/a.rs) | [`one`](../../src/a.rs), [`two`](../../tests/b.rs) |";

    #[test]
    fn a_row_says_what_stands_where() {
        let page = format!("| Telegram | takopi | where | shown by |\n|---|---|---|---|\n{ROW}\n");
        let rows: Vec<_> = rows(&page).collect();
        assert_eq!(rows, [(3, ROW)]);
        let mention = |name, path: &str, role| Mention { name, path: path.to_owned(), role };
        assert_eq!(
            mentions(ROW),
            [
                mention("MAX_A", "src/a.rs", Role::Place),
                mention("one", "src/a.rs", Role::Test),
                mention("two", "tests/b.rs", Role::Test),
            ]
        );
    }

    #[test]
    fn what_is_named_is_found_where_it_is_declared_and_nowhere_else() {
        let source = "pub const MAX_A: usize = 1;\n// const MAX_B: usize\nfn one() {}\n#[tokio::test]\nasync fn two() {}\n";
        assert!(Role::Place.is_in(source, "MAX_A") && Role::Place.is_in(source, "one"));
        assert!(!Role::Place.is_in(source, "MAX_B") && !Role::Place.is_in(source, "MAX_"));
        assert!(Role::Test.is_in(source, "two") && !Role::Test.is_in(source, "one"));
        assert!(!Role::Test.is_in(source, "tw"));
        assert_eq!(limits_in(source).collect::<Vec<_>>(), ["MAX_A"]);
    }
}
