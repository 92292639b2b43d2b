//! What the repository is, in words: the answer to whatever acme does not understand.

use super::changed::checkout;
use super::{Overview, list};
use crate::answer::{self, Part, UNDERSTOOD};
use crate::languages;
use crate::steps::{Ended, Steps};

const TOP_LANGUAGES: usize = 5;
const MOST_FOLDERS: usize = 20;
const LONGEST_PARAGRAPH: usize = 500;

pub(crate) async fn describe(steps: &mut Steps) -> Result<Part, Ended> {
    let overview = Overview::take(steps).await?;
    Ok(Part::new("the repository", text(&overview)))
}

fn text(overview: &Overview) -> String {
    let mut sections = vec![head(overview)];
    let paragraph = overview.readme.as_ref().and_then(|readme| readme.paragraph.as_deref());
    sections.extend(paragraph.map(|text| format!("> {}", answer::cut(text, LONGEST_PARAGRAPH))));
    sections.push(list(facts(overview)));
    sections.push(UNDERSTOOD.to_owned());
    let body = sections.join("\n\n");
    format!("{body}{}", overview.remark)
}

fn head(overview: &Overview) -> String {
    let name = answer::code(&overview.name);
    let heading = overview.readme.as_ref().and_then(|readme| readme.heading.as_deref());
    match heading.map(|heading| answer::cut(heading, 100)) {
        Some(heading) => format!("This is {name}: {heading}"),
        None => format!("This is {name}."),
    }
}

fn facts(overview: &Overview) -> Vec<String> {
    let mut facts = match overview.files {
        0 => vec!["no files".to_owned()],
        files => vec![answer::count(files, "file")],
    };
    let languages: Vec<String> = overview
        .languages
        .iter()
        .filter(|row| row.language != languages::OTHER)
        .take(TOP_LANGUAGES)
        .map(|row| format!("{} ({})", row.language, answer::count(row.lines, "line")))
        .collect();
    if !languages.is_empty() {
        facts.push(format!("languages: {}", languages.join(", ")));
    }
    if !overview.manifests.is_empty() {
        let manifests: Vec<String> = overview
            .manifests
            .iter()
            .map(|(file, what)| format!("{} ({what})", answer::code(file)))
            .collect();
        facts.push(format!("manifests: {}", manifests.join(", ")));
    }
    if !overview.folders.is_empty() {
        let shown: Vec<String> =
            overview.folders.iter().take(MOST_FOLDERS).map(|folder| answer::code(folder)).collect();
        let more = if overview.folders.len() > MOST_FOLDERS { ", …" } else { "" };
        facts.push(format!("folders: {}{more}", shown.join(", ")));
    }
    facts.push(overview.head.as_ref().map_or_else(|| "no git repository".to_owned(), checkout));
    facts
}
