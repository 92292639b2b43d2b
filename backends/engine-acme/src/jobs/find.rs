//! Lines of files that hold a text.

use std::path::{Path, PathBuf};

use super::{list, more_line};
use crate::answer::{self, Part};
use crate::orders::Stop;
use crate::reading;
use crate::steps::{Ended, Steps};
use crate::survey::{self, Survey};

const PAGE: usize = 50;
const LONGEST_LINE: usize = 160;

/// A page of the lines that were found.
#[derive(Debug, Default)]
struct Found {
    rows: Vec<Match>,
    total: usize,
    files: usize,
}

#[derive(Debug)]
struct Match {
    path: PathBuf,
    line: usize,
    text: String,
}

pub(crate) async fn find(steps: &mut Steps, text: &str, from: usize) -> Result<Part, Ended> {
    let survey = survey::take(steps).await?;
    let quoted = answer::code(&answer::cut(text, 60));
    let title = format!("search {} for {quoted}", answer::count(survey.files.len(), "file"));
    let needle = Needle::new(text);
    let (survey, found) = steps
        .look(title, move |root, stop| {
            let found = search(root, &survey, &needle, from, stop);
            Ok((survey, found))
        })
        .await?;
    let remark = survey.remark();
    let Found { rows, total, files } = found;
    if rows.is_empty() {
        let body = match total {
            0 => format!("No line holds {quoted}."),
            _ => "There are no further matches.".to_owned(),
        };
        return Ok(Part::new(format!("no match for {quoted}"), format!("{body}{remark}")));
    }
    let end = from + rows.len();
    let next = (end < total).then_some(end);
    let (lines, files) = (answer::count(total, "line"), answer::count(files, "file"));
    let mut head = format!("{quoted} is in {lines} of {files}");
    if rows.len() < total {
        head.push_str(&format!("; these are {} to {}", from + 1, answer::grouped(end)));
    }
    let rows = list(rows.iter().map(|row| {
        let place = format!("{}:{}", row.path.to_string_lossy(), row.line);
        format!("{} {}", answer::code(&place), answer::code(&row.text))
    }));
    let body = format!("{head}:\n\n{rows}{}{remark}", more_line(next));
    Ok(Part::new(format!("matches for {quoted}"), body).next(next))
}

/// The text to find. Without upper case it is found in any case.
struct Needle {
    text: String,
    any_case: bool,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), any_case: !text.chars().any(char::is_uppercase) }
    }

    fn is_in(&self, line: &str) -> bool {
        line.contains(&self.text) || self.any_case && line.to_lowercase().contains(&self.text)
    }
}

fn search(root: &Path, survey: &Survey, needle: &Needle, from: usize, stop: &Stop) -> Found {
    let mut found = Found::default();
    for file in survey.files.iter().take_while(|_| !stop.is_set()) {
        let Ok(Some(start)) = reading::text_of(&root.join(&file.path)) else { continue };
        let before = found.total;
        let text = start.text();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| needle.is_in(line)) {
            if (from..from.saturating_add(PAGE)).contains(&found.total) {
                let text = answer::cut(line.trim(), LONGEST_LINE);
                found.rows.push(Match { path: file.path.clone(), line: at + 1, text });
            }
            found.total += 1;
        }
        found.files += usize::from(found.total > before);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_makes_the_case_matter() {
        let rows = [
            ("todo", "// TODO: x", true),
            ("TODO", "// todo: x", false),
            ("Todo", "a Todo", true),
            ("é", "É", true),
            ("x", "", false),
        ];
        for (needle, line, expected) in rows {
            assert_eq!(Needle::new(needle).is_in(line), expected, "{needle} in {line}");
        }
    }
}
