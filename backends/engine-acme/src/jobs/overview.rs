//! A look around: what a repository is, gathered in the steps in which a newcomer would look.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use super::changed::checkout;
use super::lines::{LanguageCount, count_lines};
use crate::answer;
use crate::git::{GitFolder, Head};
use crate::languages;
use crate::reading;
use crate::steps::{Ended, Steps};
use crate::survey;

const MOST_ENTRIES: usize = 10_000;
const README_LIMIT: u64 = 64 * 1024;

/// The files by which a repository says what it is made with. A new one is a row.
const MANIFESTS: &[(&str, &str)] = &[
    ("Cargo.toml", "Rust"),
    ("package.json", "JavaScript"),
    ("deno.json", "Deno"),
    ("pyproject.toml", "Python"),
    ("setup.py", "Python"),
    ("requirements.txt", "Python"),
    ("go.mod", "Go"),
    ("pom.xml", "Java"),
    ("build.gradle", "Java"),
    ("build.gradle.kts", "Kotlin"),
    ("Gemfile", "Ruby"),
    ("composer.json", "PHP"),
    ("mix.exs", "Elixir"),
    ("pubspec.yaml", "Dart"),
    ("Package.swift", "Swift"),
    ("stack.yaml", "Haskell"),
    ("dune-project", "OCaml"),
    ("build.zig", "Zig"),
    ("CMakeLists.txt", "C or C++"),
    ("meson.build", "C or C++"),
    ("flake.nix", "Nix"),
    ("Makefile", "make"),
    ("Dockerfile", "a container"),
];

/// What a repository is.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(super) name: String,
    pub(super) readme: Option<Readme>,
    /// File name and what it stands for.
    pub(super) manifests: Vec<(&'static str, &'static str)>,
    /// What is checked out; nothing outside of git.
    pub(super) head: Option<Head>,
    pub(super) files: usize,
    /// What a reader must know about the figures.
    pub(super) remark: String,
    pub(super) folders: Vec<String>,
    pub(super) languages: Vec<LanguageCount>,
}

/// The beginning of a README.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Readme {
    pub(super) heading: Option<String>,
    pub(super) paragraph: Option<String>,
}

impl Overview {
    pub(crate) async fn take(steps: &mut Steps) -> Result<Self, Ended> {
        let (name, top) = steps.look("list .", |root, _| list_top(root)).await?;
        let file = readme_among(&top).map(str::to_owned);
        let title =
            file.as_ref().map_or_else(|| "look for a README".to_owned(), |file| format!("read {file}"));
        let readme =
            steps.look(title, |root, _| Ok(file.and_then(|file| read_readme(&root.join(file))))).await?;
        let manifests = steps
            .look("look for manifests", move |_, _| {
                let is_there = |manifest: &str| top.iter().any(|name| name == manifest);
                Ok(MANIFESTS.iter().filter(|(file, _)| is_there(file)).copied().collect())
            })
            .await?;
        let head =
            steps.look("read .git/HEAD", |root, _| Ok(GitFolder::of(root).map(|git| git.head()))).await?;
        let survey = survey::take(steps).await?;
        let (survey, counted) = count_lines(steps, survey).await?;
        let folders: BTreeSet<_> = survey.files.iter().filter_map(|file| top_folder(&file.path)).collect();
        Ok(Self {
            name,
            readme,
            manifests,
            head,
            files: survey.files.len(),
            remark: survey.remark(),
            folders: folders.into_iter().collect(),
            languages: counted.languages,
        })
    }

    /// One line, for the head of another answer.
    pub(crate) fn in_one_line(&self) -> String {
        let (files, folders) =
            (answer::count(self.files, "file"), answer::count(self.folders.len(), "top-level folder"));
        let main = self.languages.first().filter(|row| row.language != languages::OTHER);
        let main = main.map(|row| format!(", mostly {}", row.language)).unwrap_or_default();
        let checkout = self.head.as_ref().map(|head| format!(", {}", checkout(head))).unwrap_or_default();
        format!("Looked around first: {files} in {folders}{main}{checkout}.")
    }
}

/// The folder's own name and the names of the files in it.
fn list_top(root: &Path) -> Result<(String, Vec<String>), String> {
    let unreadable = |error| format!("acme can not read {}: {error}", root.display());
    let resolved = fs::canonicalize(root).map_err(unreadable)?;
    let name =
        resolved.file_name().map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut files: Vec<String> = fs::read_dir(root)
        .map_err(unreadable)?
        .filter_map(Result::ok)
        // Not through links: a README that lies elsewhere is not this repository's.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .take(MOST_ENTRIES)
        .collect();
    files.sort();
    Ok((name, files))
}

fn readme_among(names: &[String]) -> Option<&str> {
    const BEST_FIRST: [&str; 4] = ["readme.md", "readme.markdown", "readme.txt", "readme"];
    BEST_FIRST
        .iter()
        .find_map(|best| names.iter().find(|name| name.to_lowercase() == *best))
        .map(String::as_str)
}

fn read_readme(path: &Path) -> Option<Readme> {
    let start = reading::start_of(path, README_LIMIT).ok()?;
    (!start.is_binary()).then(|| parse_readme(&start.text()))
}

/// The first heading and the first paragraph of prose, past badges, images, HTML and lists of links.
fn parse_readme(text: &str) -> Readme {
    let mut readme = Readme::default();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        let is_prose = line.starts_with(|c: char| c.is_alphanumeric() || "*_`\"'“".contains(c));
        let is_underline = line.len() > 2 && line.chars().all(|c| c == '=' || c == '-');
        if is_underline && paragraph.len() == 1 && readme.heading.is_none() {
            readme.heading = paragraph.pop().map(str::to_owned);
        } else if is_prose && !line.starts_with("* ") {
            paragraph.push(line);
        } else if !paragraph.is_empty() {
            break;
        } else if let (None, Some(heading)) = (&readme.heading, line.strip_prefix('#')) {
            let heading = heading.trim_matches(['#', ' ']);
            readme.heading = (!heading.is_empty()).then(|| heading.to_owned());
        }
    }
    readme.paragraph = (!paragraph.is_empty()).then(|| paragraph.join(" "));
    readme
}

fn top_folder(path: &Path) -> Option<String> {
    let mut components = path.components();
    let Some(Component::Normal(first)) = components.next() else { return None };
    components.next().map(|_| first.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_is_its_first_heading_and_paragraph() {
        let check = |text: &str, heading: Option<&str>, paragraph: Option<&str>| {
            let expected =
                Readme { heading: heading.map(str::to_owned), paragraph: paragraph.map(str::to_owned) };
            assert_eq!(parse_readme(text), expected, "{text:?}");
        };
        check("# Acme\n\nIt reads\nfiles.\n\nMore.", Some("Acme"), Some("It reads files."));
        check(
            "[![b](c)](d)\n<p align>\n\n## Acme ##\n![x](y)\n\n**Bold** one.",
            Some("Acme"),
            Some("**Bold** one."),
        );
        check("Acme\n====\n\nText", Some("Acme"), Some("Text"));
        check("Just text", None, Some("Just text"));
        check("- a\n- b\n", None, None);
        check("", None, None);
        check("#\n#!", Some("!"), None);
    }
}
