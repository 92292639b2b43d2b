//! Lines and files by language.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use super::{list, more_line};
use crate::answer::{self, Part};
use crate::languages;
use crate::orders::Stop;
use crate::reading;
use crate::steps::{Ended, Steps};
use crate::survey::{self, Survey};

const PAGE: usize = 20;

/// How much of one language there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LanguageCount {
    pub(super) language: &'static str,
    pub(super) lines: usize,
    pub(super) files: usize,
}

/// All languages, the one with most lines first, and how many files have no lines to count.
#[derive(Debug, Default)]
pub(super) struct LineCount {
    pub(super) languages: Vec<LanguageCount>,
    skipped: usize,
}

pub(crate) async fn lines(steps: &mut Steps, from: usize) -> Result<Part, Ended> {
    let survey = survey::take(steps).await?;
    let (survey, counted) = count_lines(steps, survey).await?;
    let mut remark = survey.remark();
    if counted.skipped > 0 {
        let files = answer::count(counted.skipped, "file");
        remark.push_str(&format!("\n\n{files} left out: binary, unreadable or larger than 8 mb."));
    }
    let (rows, next) = answer::page(&counted.languages, from, PAGE);
    if rows.is_empty() {
        let body =
            if from == 0 { "There are no text files here." } else { "There are no further languages." };
        return Ok(Part::new("no languages", format!("{body}{remark}")));
    }
    let (lines, files) =
        counted.languages.iter().fold((0, 0), |(lines, files), row| (lines + row.lines, files + row.files));
    let (lines, files) = (answer::count(lines, "line"), answer::count(files, "file"));
    let rows = list(rows.iter().map(|row| {
        let files = answer::count(row.files, "file");
        format!("{}: {} in {files}", row.language, answer::count(row.lines, "line"))
    }));
    let body = format!("{lines} in {files} of text:\n\n{rows}{}{remark}", more_line(next));
    Ok(Part::new("lines by language", body).next(next))
}

/// Counts the lines of a survey's files, as a step.
pub(super) async fn count_lines(steps: &mut Steps, survey: Survey) -> Result<(Survey, LineCount), Ended> {
    let title = format!("count lines in {}", answer::count(survey.files.len(), "file"));
    steps
        .look(title, |root, stop| {
            let counted = count(root, &survey, stop);
            Ok((survey, counted))
        })
        .await
}

fn count(root: &Path, survey: &Survey, stop: &Stop) -> LineCount {
    let mut counted: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    let mut skipped = 0;
    for file in survey.files.iter().take_while(|_| !stop.is_set()) {
        match reading::text_of(&root.join(&file.path)) {
            Ok(Some(text)) => {
                let (lines, files) = counted.entry(languages::of(&file.path)).or_default();
                *lines += text.lines();
                *files += 1;
            }
            Ok(None) | Err(_) => skipped += 1,
        }
    }
    let mut languages: Vec<_> = counted
        .into_iter()
        .map(|(language, (lines, files))| LanguageCount { language, lines, files })
        .collect();
    languages.sort_by_key(|row| (row.language == languages::OTHER, Reverse(row.lines)));
    LineCount { languages, skipped }
}
