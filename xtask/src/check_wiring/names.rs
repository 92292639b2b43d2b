//! The program knows no plugin, chat app or engine by name: whatever one of them needs is in its crate or in the API.
//!
//! The source is read as tokens, so comments are out of it. What is not looked at besides: doc comments, what is
//! `#[cfg(test)]`, files called `tests.rs`, `bundled.rs`, and `config/`, which knows the names in files of the Python
//! program. Everything else counts, string literals and help texts too: a help text that names one plugin is wrong in a
//! build without it.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Violation;
use crate::bundled;
use crate::error::Error;
use crate::workspace::Workspace;

/// Chat apps and engines, whether there is a plugin for them yet or not.
const FOREIGN_NAMES: &[&str] =
    &["telegram", "slack", "discord", "matrix", "claude", "gemini", "opencode", "qwen"];

/// Ids that are also words of the language, which the program may use as such (`is_terminal`). Of these only the name
/// with the kind counts: `transport-terminal`.
const EVERYDAY_IDS: &[&str] = &["terminal", "web", "multi", "schedule", "notify"];

const SOURCES: &str = "takopi/src";

/// The one part of the program that may use names, besides the table of plugins.
const CONFIGURATION: &str = "takopi/src/config/";

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Violation>, Error> {
    let names = names(workspace);
    let mut files = Vec::new();
    source_files(&workspace.path(SOURCES), SOURCES, &mut files)?;
    files.sort();
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| is_looked_at(file)) {
        let found = uses(&workspace.read(file)?, &names)
            .map_err(|error| Error::new(format!("{file} is no Rust: {error}")))?;
        violations.extend(found.into_iter().map(|(line, name)| {
            let advice = "say it without the name, or move it to the plugin";
            Violation::new(format!("{file}:{line}"), format!("names `{name}`"), advice)
        }));
    }
    Ok(violations)
}

fn is_looked_at(file: &str) -> bool {
    file != bundled::FILE && !file.starts_with(CONFIGURATION) && !file.ends_with("/tests.rs")
}

fn names(workspace: &Workspace) -> Vec<String> {
    let plugins = workspace.plugins();
    let ids = plugins.values().map(|plugin| {
        let id = plugin.name.id.as_str();
        if EVERYDAY_IDS.contains(&id) { plugin.name.feature().replace('-', "_") } else { id.to_owned() }
    });
    let mut names: Vec<String> = FOREIGN_NAMES.iter().map(|&name| name.to_owned()).chain(ids).collect();
    names.sort();
    names.dedup();
    names
}

fn source_files(folder: &Path, relative: &str, files: &mut Vec<String>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(|error| Error::at(folder, error))? {
        let entry = entry.map_err(|error| Error::at(folder, error))?;
        let relative = format!("{relative}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            source_files(&entry.path(), &relative, files)?;
        } else if relative.ends_with(".rs") {
            files.push(relative);
        }
    }
    Ok(())
}

/// The lines of a source on which a name is used, with the name.
fn uses(source: &str, names: &[String]) -> Result<Vec<(usize, String)>, String> {
    let tokens: TokenStream = source.parse().map_err(|error: proc_macro2::LexError| error.to_string())?;
    let mut words = Vec::new();
    collect(tokens, &mut words);
    let mut uses = Vec::new();
    for (line, word) in words {
        let word = snake_case(&word);
        uses.extend(names.iter().filter(|name| holds(&word, name)).map(|name| (line, name.clone())));
    }
    uses.dedup();
    Ok(uses)
}

/// Identifiers and literals with their lines; a literal of several lines gives one text a line.
fn collect(tokens: TokenStream, words: &mut Vec<(usize, String)>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                // `#![…]` has a mark in between.
                tokens.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!'));
                match attribute(tokens.next()) {
                    Attribute::Doc => {}
                    Attribute::Test => skip_item(&mut tokens),
                    Attribute::Other(inner) => collect(inner, words),
                }
            }
            TokenTree::Punct(_) => {}
            TokenTree::Group(group) => collect(group.stream(), words),
            TokenTree::Ident(ident) => words.push((ident.span().start().line, ident.to_string())),
            TokenTree::Literal(literal) => {
                let first = literal.span().start().line;
                let text = literal.to_string();
                words.extend((first..).zip(text.lines().map(str::to_owned)));
            }
        }
    }
}

enum Attribute {
    /// `#[doc = "…"]`, which is what a doc comment is.
    Doc,
    /// `#[cfg(test)]`
    Test,
    Other(TokenStream),
}

fn attribute(token: Option<TokenTree>) -> Attribute {
    let Some(TokenTree::Group(group)) = token else { return Attribute::Other(TokenStream::new()) };
    let text = group.stream().to_string().replace(' ', "");
    match text.as_str() {
        "cfg(test)" => Attribute::Test,
        _ if text.starts_with("doc") => Attribute::Doc,
        _ => Attribute::Other(group.stream()),
    }
}

/// Skips what an attribute belongs to: up to its braces, or up to a semicolon.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

/// `CodexRunner` and `"the codex-runner"` as `codex_runner` and `the_codex_runner`.
fn snake_case(text: &str) -> String {
    let mut snake = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            snake.push('_');
        }
        if c.is_alphanumeric() {
            snake.extend(c.to_lowercase());
        } else {
            snake.push('_');
        }
        before = c;
    }
    snake
}

/// Whether a text in snake case holds a name as whole words.
fn holds(text: &str, name: &str) -> bool {
    let is_word_end = |c: Option<char>| c.is_none_or(|c| c == '_');
    text.match_indices(name).any(|(at, _)| {
        is_word_end(text[..at].chars().next_back()) && is_word_end(text[at + name.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[(usize, &str)]) {
        let names = ["codex", "matrix", "foo_bar", "transport_terminal"].map(str::to_owned);
        let expected: Vec<_> = expected.iter().map(|&(line, name)| (line, name.to_owned())).collect();
        assert_eq!(uses(source, &names).unwrap(), expected, "{source}");
    }

    #[test]
    fn names_are_found_as_words_of_identifiers_and_literals() {
        check("use takopi_engine_codex as _;", &[(1, "codex")]);
        check("struct CodexRunner;\nstatic CODEX: u8 = 0;", &[(1, "codex"), (2, "codex")]);
        check("fn a() {\n    print(\"one\n two codex.\");\n}", &[(3, "codex")]);
        check("#[command(about = \"runs Codex\")] struct A;", &[(1, "codex")]);
        check("const A: &str = \"foo_bar\"; const B: &str = \"foo bar\";", &[(1, "foo_bar")]);
        check("codices(); matrices(); rematrix(); mycodex();", &[]);
    }

    #[test]
    fn an_everyday_word_counts_with_its_kind_only() {
        check("fn a() { stdin().is_terminal() }", &[]);
        check("const A: &str = \"transport-terminal\";", &[(1, "transport_terminal")]);
    }

    #[test]
    fn comments_and_tests_are_not_looked_at() {
        check("//! codex\n// codex\n/* codex */\n/// codex\nstruct A;", &[]);
        check("#[cfg(test)]\nmod tests { const A: &str = \"codex\"; }\nfn codex() {}", &[(3, "codex")]);
        check("#[cfg(test)]\nuse a::codex;\nstruct Codex;", &[(3, "codex")]);
    }
}
