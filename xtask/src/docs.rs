//! `cargo xtask docs`: the parts of docs/ that are made from the code, and the check that they are up to date. What is
//! written by hand there and names code is checked too.

mod limits;

use std::process::ExitCode;

use crate::error::Error;
use crate::workspace::{Plugin, Workspace};

/// The page with a row for each plugin.
pub(crate) const PLUGINS: &str = "docs/reference/plugins.md";

const BEGIN: &str = "<!-- generated: plugins -->";
const END: &str = "<!-- end of generated: plugins -->";

/// Writes what is out of date.
pub(crate) fn write(workspace: &Workspace) -> Result<ExitCode, Error> {
    let page = workspace.read(PLUGINS)?;
    let fresh = updated(workspace, &page)?;
    if fresh == page {
        println!("{PLUGINS} is up to date");
    } else {
        workspace.write(PLUGINS, &fresh)?;
        println!("wrote {PLUGINS}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares, and fails if anything is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<ExitCode, Error> {
    let page = workspace.read(PLUGINS)?;
    if updated(workspace, &page)? == page {
        println!("ok: {PLUGINS} is up to date");
    } else {
        return Err(Error::new(format!("{PLUGINS} is out of date"))
            .hint("run `cargo xtask docs` and commit what it writes"));
    }
    let count = limits::check(workspace)?;
    println!("ok: {} has {count} limits, each with its tests", limits::PAGE);
    Ok(ExitCode::SUCCESS)
}

/// The features with a row on the page, in its order.
pub(crate) fn features(page: &str) -> Result<Vec<String>, String> {
    let (_, table, _) = split(page)?;
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    Ok(table.lines().filter_map(cell).collect())
}

/// The row of a plugin, without a line break.
pub(crate) fn row(plugin: &Plugin<'_>, is_default: bool) -> String {
    let (feature, id, kind) = (plugin.name.feature(), &plugin.name.id, plugin.name.kind);
    let summary = plugin.summary().replace('|', "\\|").replace('\n', " ");
    let default = if is_default { "yes" } else { "no" };
    format!("| `{feature}` | `{id}` | {kind} | {summary} | {default} |")
}

/// The features that are compiled in if nobody chooses.
pub(crate) fn default_features(workspace: &Workspace) -> Result<&[String], Error> {
    Ok(workspace.program()?.features.get("default").map_or(&[], Vec::as_slice))
}

fn updated(workspace: &Workspace, page: &str) -> Result<String, Error> {
    let defaults = default_features(workspace)?;
    let rows =
        workspace.plugins().into_iter().map(|(feature, plugin)| row(&plugin, defaults.contains(&feature)));
    replace(page, &rows.collect::<Vec<_>>()).map_err(|error| Error::new(format!("{PLUGINS} {error}")))
}

fn replace(page: &str, rows: &[String]) -> Result<String, String> {
    let (before, _, after) = split(page)?;
    let heading = "| feature | id | kind | what it is | in the default features |\n|---|---|---|---|---|\n";
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    Ok(format!("{before}{BEGIN}\n{heading}{rows}{END}{after}"))
}

fn split(page: &str) -> Result<(&str, &str, &str), String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (table, after) = rest.split_once(END)?;
        Some((before, table, after))
    });
    parts.ok_or_else(|| format!("has no place for the table: lines `{BEGIN}` and `{END}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# Plugins\n\n<!-- generated: plugins -->\nold\n<!-- end of generated: plugins -->\n\nrest | `no`\n";

    #[test]
    fn only_what_lies_between_the_markers_is_replaced() {
        let rows = ["| `engine-a` | `a` | engine | A | no |".to_owned()];
        let page = replace(PAGE, &rows).unwrap();
        assert!(page.starts_with("# Plugins\n\n<!-- generated: plugins -->\n| feature |"), "{page}");
        assert!(page.ends_with("| no |\n<!-- end of generated: plugins -->\n\nrest | `no`\n"), "{page}");
        assert_eq!(replace(&page, &rows).unwrap(), page);
        assert_eq!(features(&page).unwrap(), ["engine-a"]);
    }

    #[test]
    fn a_page_without_markers_is_told() {
        assert!(features("# Plugins\n").unwrap_err().starts_with("has no place for the table"));
    }
}
