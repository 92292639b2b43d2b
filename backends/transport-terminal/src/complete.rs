//! What Tab offers: commands, engines and projects behind `/`, branches behind `@`.

use std::collections::BTreeSet;
use std::path::Path;

use takopi_api::runtime::{Catalog, EngineState};

use crate::input::{self, Typed};

/// Where the word begins that is completed, and what it can become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) start: usize,
    pub(crate) words: Vec<String>,
}

/// Completes the word that ends at `at`. Only what stands at the beginning of a message names something: the first word
/// that is neither `/…` nor `@…` is prose, and so is everything behind it.
pub(crate) fn complete(
    line: &str,
    at: usize,
    catalog: &Catalog,
    branches: impl Fn(&Path) -> BTreeSet<String>,
) -> Completion {
    let typed = line.get(..at).unwrap_or(line);
    let start = typed
        .rfind(char::is_whitespace)
        .map_or(0, |blank| blank + typed[blank..].chars().next().map_or(0, char::len_utf8));
    let word = &typed[start..];
    let before = match input::parse(&typed[..start]) {
        Typed::Reply { text, .. } => text,
        _ => &typed[..start],
    };
    let directives: Vec<&str> = before.split_whitespace().collect();
    if !directives.iter().all(|word| word.starts_with(['/', '@'])) {
        return Completion { start, words: Vec::new() };
    }
    let names = if let Some(name) = word.strip_prefix('/') {
        let names = names(catalog, directives.is_empty());
        matching(names.iter().map(String::as_str), name, '/')
    } else if let Some(name) = word.strip_prefix('@') {
        let names: BTreeSet<String> = projects(catalog, &directives).flat_map(branches).collect();
        matching(names.iter().map(String::as_str), name, '@')
    } else {
        Vec::new()
    };
    Completion { start, words: names }
}

/// What a message can name behind `/`; a command only as its first word.
fn names(catalog: &Catalog, is_first: bool) -> Vec<String> {
    let commands = catalog.commands.iter().filter(|_| is_first).map(|command| command.id.clone());
    let engines = catalog.engines.iter().filter(|engine| engine.state == EngineState::Available);
    let engines = engines.map(|engine| engine.id.to_string());
    let projects = catalog.projects.iter().map(|project| project.alias.clone());
    let mut seen = BTreeSet::new();
    commands.chain(engines).chain(projects).filter(|name| seen.insert(name.clone())).collect()
}

/// The folders whose branches can be meant: that of the project that was named, else all.
fn projects<'a>(catalog: &'a Catalog, directives: &[&str]) -> impl Iterator<Item = &'a Path> {
    let find = |word: &&str| {
        let name = word.strip_prefix('/')?;
        catalog.projects.iter().find(|project| project.alias.eq_ignore_ascii_case(name))
    };
    let named = directives.iter().rev().find_map(find);
    let is_meant = move |alias: &str| named.is_none_or(|named| named.alias == alias);
    catalog
        .projects
        .iter()
        .filter(move |project| is_meant(&project.alias))
        .map(|project| project.path.as_path())
}

fn matching<'a>(names: impl Iterator<Item = &'a str>, begin: &str, sign: char) -> Vec<String> {
    let begin = begin.to_lowercase();
    let matching = names.filter(|name| name.to_lowercase().starts_with(&begin));
    matching.map(|name| format!("{sign}{name} ")).collect()
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::runtime::{CommandInfo, EngineInfo, ProjectInfo};

    use super::*;

    fn catalog() -> Catalog {
        let engine = |id, state| EngineInfo::new(EngineId::from_static(id), "", state);
        let mut catalog = Catalog::new(1);
        catalog.engines = vec![
            engine("claude", EngineState::Missing { install: String::new() }),
            engine("codex", EngineState::Available),
        ];
        catalog.projects =
            vec![ProjectInfo::new("Website", "/website", None), ProjectInfo::new("api", "/api", None)];
        catalog.commands = vec![CommandInfo::new("cancel", "", ""), CommandInfo::new("ctx", "", "")];
        catalog
    }

    #[track_caller]
    fn check(line: &str, start: usize, words: &[&str]) {
        let branches = |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy();
            BTreeSet::from(["main".to_owned(), format!("feat/{name}")])
        };
        let found = complete(line, line.len(), &catalog(), branches);
        let words = words.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(found, Completion { start, words }, "{line:?}");
    }

    #[test]
    fn words_at_the_beginning_are_completed() {
        check("/", 0, &["/cancel ", "/ctx ", "/codex ", "/Website ", "/api "]);
        check("/c", 0, &["/cancel ", "/ctx ", "/codex "]);
        check("/w", 0, &["/Website "]);
        check("/codex /", 7, &["/codex ", "/Website ", "/api "]);
        check(">3 /co", 3, &["/codex "]);
        check("  /co", 2, &["/codex "]);
    }

    #[test]
    fn branches_are_those_of_the_project_that_was_named() {
        check("@", 0, &["@feat/api ", "@feat/website ", "@main "]);
        check("/website @", 9, &["@feat/website ", "@main "]);
        check("/api /codex @m", 12, &["@main "]);
    }

    #[test]
    fn prose_is_left_alone() {
        check("", 0, &[]);
        check("look at /", 8, &[]);
        check("/codex mail me@", 12, &[]);
        check("/codex see @", 11, &[]);
        check("/nothing", 0, &[]);
    }

    #[test]
    fn a_place_within_a_character_is_no_panic() {
        let none = |_: &Path| BTreeSet::new();
        assert_eq!(complete("ä/", 1, &catalog(), none).words, Vec::<String>::new());
        assert_eq!(complete("\u{2003}/co", 6, &catalog(), none).words, ["/codex "]);
    }
}
