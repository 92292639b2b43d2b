//! From words to jobs: what a prompt asks for. Pure text, no files.
//!
//! Acme is no language model. It knows phrases, topics and verbs, each a table below; what fits none of them is a wish
//! to see the repository described.

mod words;

use serde::{Deserialize, Serialize};

use words::{is_long, plain, split_file, strip_prefix, strip_suffix, unquote, without_word};

/// Something that acme can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Job {
    /// Tell what the repository is.
    Describe,
    /// List the largest files.
    Largest,
    /// Count lines by language.
    Languages,
    /// Find a text in the files.
    Find { text: String },
    /// Tell the branch, the last entries of its log, and the files modified last.
    Changed,
    /// Show a file.
    Show { file: String },
    /// Write a file; `None` stands for the last answer.
    Write { text: Option<String>, file: String },
    /// Show the next page of the last list.
    More,
    /// Repeat the last request.
    Again,
    /// List what was asked so far.
    History,
    /// Tell where the session stands.
    Standing,
}

/// What a prompt asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Understood {
    /// One or more, in order.
    pub(crate) jobs: Vec<Job>,
    /// Whether it should take its time, so that somebody can watch.
    pub(crate) slowly: bool,
}

/// Prompts that mean one thing as a whole.
const PHRASES: &[(Job, &[&str])] = &[
    (Job::More, &["more", "next", "next page", "show more", "show me more"]),
    (
        Job::Again,
        &["again", "repeat", "repeat that", "do it again", "do that again", "once more", "same again"],
    ),
    (
        Job::History,
        &["history", "show history", "what did i ask", "what have i asked", "what did i ask so far"],
    ),
    (Job::Standing, &["", "continue", "go on", "resume", "where were we"]),
];

/// Words that mean one thing together: one of each group.
const TOPICS: &[(Job, &[&[&str]])] = &[
    (Job::Largest, &[&["largest", "biggest", "large", "big", "huge"], &["file", "files"]]),
    (Job::Languages, &[&["lines", "loc"], &["language", "languages", "code", "many", "count"]]),
    (Job::Languages, &[&["language", "languages"], &["what", "which", "by", "count", "list"]]),
    (
        Job::Changed,
        &[
            &["what", "what's", "whats", "which", "recent", "recently", "latest", "last", "list", "show"],
            &["change", "changes", "changed", "modified"],
        ],
    ),
];

/// What a verb means with what follows it; nothing if that makes no sense.
type Verb = fn(&str) -> Option<Job>;

/// What a prompt may begin with, and what it then means. The first that fits decides, so the longer stands first.
const VERBS: &[(&str, Verb)] = &[
    ("write", write),
    ("save", write),
    ("search for", find),
    ("search", find),
    ("grep for", find),
    ("grep", find),
    ("look for", find),
    ("find", find),
    ("where is", find_definition),
    ("where are", find_definition),
    ("show", show),
    ("cat", show),
    ("read", show),
    ("open", show),
    ("print", show),
];

/// What people say before they say what they want.
const COURTESIES: &[&str] =
    &["please", "can you", "could you", "would you", "and", "now", "also", "then", "hey", "hi", "acme"];

/// What stands between two requests.
const JOINTS: &[&str] = &[" and then ", " then ", "\nthen "];

/// Understands a prompt.
pub(crate) fn understand(prompt: &str) -> Understood {
    let (prompt, slowly) = without_word(prompt, "slowly");
    Understood { jobs: jobs(&prompt), slowly }
}

/// Several requests if every one of them is understood, or else the one that the whole is.
fn jobs(prompt: &str) -> Vec<Job> {
    let mut parts = vec![prompt];
    for joint in JOINTS {
        parts = parts.into_iter().flat_map(|part| part.split(joint)).map(without_end).collect();
    }
    let several: Vec<Job> = parts.into_iter().map(job).collect();
    let is_clear = |job: &Job| !matches!(job, Job::Describe | Job::Standing);
    if several.len() > 1 && several.iter().all(is_clear) { several } else { vec![job(prompt)] }
}

fn job(text: &str) -> Job {
    let mut text = text.trim().trim_start_matches(',').trim_start();
    while let Some(rest) = COURTESIES.iter().find_map(|courtesy| strip_prefix(text, courtesy)) {
        text = rest.trim_start_matches(',').trim_start();
    }
    text = strip_suffix(text, "please").unwrap_or(text);
    let phrase = plain(text);
    let by_phrase = PHRASES.iter().find(|(_, phrases)| phrases.contains(&phrase.as_str()));
    if let Some((job, _)) = by_phrase {
        return job.clone();
    }
    let by_verb =
        || VERBS.iter().find_map(|(verb, job)| strip_prefix(text, verb).and_then(|rest| job(rest.trim())));
    // `find "large files"` is a text, `find the large files` is not; and what is written may be about anything.
    let verb_first =
        ["write", "save", "grep", "search"].iter().any(|verb| strip_prefix(text, verb).is_some());
    if verb_first || text.contains(['"', '`', '“']) {
        return by_verb().or_else(|| by_topic(text)).unwrap_or(Job::Describe);
    }
    by_topic(text).or_else(by_verb).unwrap_or(Job::Describe)
}

/// A part without the comma before `then`.
fn without_end(part: &str) -> &str {
    part.trim_end().trim_end_matches(',')
}

fn by_topic(text: &str) -> Option<Job> {
    // A long prompt is meant for a real agent; a word in it means little.
    if is_long(text) {
        return None;
    }
    let text = plain(text);
    let words: Vec<&str> =
        text.split_whitespace().map(|word| word.trim_matches([',', '.', '?', '!'])).collect();
    let fits = |groups: &[&[&str]]| groups.iter().all(|group| words.iter().any(|word| group.contains(word)));
    TOPICS.iter().find(|(_, groups)| fits(groups)).map(|(job, _)| job.clone())
}

fn find(rest: &str) -> Option<Job> {
    let quoted = unquote(rest);
    if quoted.is_none() && (is_long(rest) || strip_prefix(rest, "out").is_some()) {
        return None;
    }
    let text = quoted.unwrap_or(rest).trim();
    (!text.is_empty() && !text.contains('\n')).then(|| Job::Find { text: text.to_owned() })
}

fn find_definition(rest: &str) -> Option<Job> {
    let mut text = rest.trim_end_matches(['?', ' ']);
    for ending in [" defined", " used", " called"] {
        text = text.strip_suffix(ending).unwrap_or(text);
    }
    find(text)
}

fn show(rest: &str) -> Option<Job> {
    let mut rest = rest;
    for filler in ["me", "the", "contents of", "content of", "file"] {
        rest = strip_prefix(rest, filler).unwrap_or(rest);
    }
    if let Some(quoted) = unquote(rest) {
        return Some(Job::Show { file: quoted.to_owned() });
    }
    let file = rest.trim_end_matches(['?', '!', ',']);
    let file = if file.chars().all(|c| c == '.') { file } else { file.trim_end_matches('.') };
    let looks_like_file = !file.contains(char::is_whitespace) || file.contains(['.', '/']);
    (!file.is_empty() && !is_long(file) && !file.contains('\n') && looks_like_file)
        .then(|| Job::Show { file: file.to_owned() })
}

fn write(rest: &str) -> Option<Job> {
    let (text, file) = split_file(rest)?;
    let is_last_answer =
        ["that", "it", "this", "the answer", "the last answer"].contains(&plain(text).as_str());
    let text = if is_last_answer { None } else { Some(unquote(text).unwrap_or(text).to_owned()) };
    Some(Job::Write { text, file: file.to_owned() })
}

#[cfg(test)]
mod tests;
