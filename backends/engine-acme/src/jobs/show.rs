//! The text of a file.

use std::path::{Path, PathBuf};

use takopi_api::error::closest;
use takopi_api::event::{Choice, Decision, Question, RequestSubject};

use super::list;
use crate::answer::{self, Part};
use crate::confine;
use crate::orders::Stop;
use crate::reading::{self, Start};
use crate::steps::{Ended, Steps};
use crate::survey::{self, Survey};

const PAGE: usize = 200;
const LONGEST_LINE: usize = 500;
const MOST_NAMES: usize = 20;
/// As many files can be chosen from; of more, a list says more than a question.
const MOST_CHOICES: usize = 8;
const QUESTION: &str = "file";

/// A file that was shown, or why none was.
pub(crate) struct Shown {
    pub(crate) part: Part,
    /// The path that stands for what the person named, if they had to choose.
    pub(crate) chosen: Option<String>,
}

impl From<Part> for Shown {
    fn from(part: Part) -> Self {
        Self { part, chosen: None }
    }
}

/// What a person's name for a file leads to.
enum Found {
    File(PathBuf),
    Folder,
    Nothing,
}

pub(crate) async fn show(steps: &mut Steps, name: &str, from: usize) -> Result<Shown, Ended> {
    let shown = answer::code(name);
    let asked = name.to_owned();
    let part = match steps.look(format!("look for {name}"), move |root, _| look_up(root, &asked)).await {
        Ok(Found::File(path)) => read(steps, PathBuf::from(name), path, from).await?,
        Ok(Found::Folder) => Part::new(&*shown, format!("{shown} is a folder. Name a file in it.")),
        Ok(Found::Nothing) => return by_name(steps, name, from).await,
        Err(Ended::Failed(why)) => Part::new(format!("{shown} not shown"), why),
        Err(ended) => return Err(ended),
    };
    Ok(part.into())
}

fn look_up(root: &Path, name: &str) -> Result<Found, String> {
    Ok(match confine::existing(root, name).map_err(|refusal| refusal.to_string())? {
        Some(path) if path.is_dir() => Found::Folder,
        Some(path) => Found::File(path),
        None => Found::Nothing,
    })
}

/// There is no such path; but a person may have meant a file somewhere below.
async fn by_name(steps: &mut Steps, name: &str, from: usize) -> Result<Shown, Ended> {
    let survey = survey::take(steps).await?;
    let matches = namesakes(&survey, name);
    let shown = answer::code(name);
    match &matches[..] {
        [path] => {
            let file = steps.root().join(path);
            Ok(read(steps, path.clone(), file, from).await?.into())
        }
        [] => {
            let names = survey.files.iter().filter_map(|file| file.path.file_name()?.to_str());
            let hint = closest(name, names)
                .map(|name| format!(" Did you mean {}?", answer::code(name)))
                .unwrap_or_default();
            let body = format!("There is no file {shown} here.{hint}{}", survey.remark());
            Ok(Part::new(format!("{shown} not found"), body).into())
        }
        several => {
            if let Some(path) = choose(steps, name, several).await? {
                let file = steps.root().join(path);
                let part = read(steps, path.clone(), file, from).await?;
                return Ok(Shown { part, chosen: Some(path.to_string_lossy().into_owned()) });
            }
            let rows = list(several.iter().take(MOST_NAMES).map(|path| answer::path(path)));
            let head = format!(
                "{} go by the name {shown}. Name one by its path:",
                answer::count(several.len(), "file")
            );
            Ok(Part::new(format!("several {shown}"), format!("{head}\n\n{rows}")).into())
        }
    }
}

/// Asks the person which of several files they mean. Whoever names none of them gets the list.
async fn choose<'a>(
    steps: &mut Steps,
    name: &str,
    several: &'a [PathBuf],
) -> Result<Option<&'a PathBuf>, Ended> {
    // A name that is not UTF-8 would not come back as it is.
    if several.len() > MOST_CHOICES || several.iter().any(|path| path.to_str().is_none()) {
        return Ok(None);
    }
    let choices = several.iter().map(|path| Choice::new(path.to_string_lossy()));
    let text = format!("{} go by the name {name}. Which one?", answer::count(several.len(), "file"));
    let question = Question::new(QUESTION, text).header("file").options(choices);
    let subject = RequestSubject::Question { questions: vec![question] };
    let Decision::Answer { answers } = steps.ask(&format!("which {name}?"), subject).await? else {
        return Ok(None);
    };
    let said = answers.get(QUESTION).and_then(|answers| answers.first());
    Ok(several.iter().find(|path| said.is_some_and(|said| Path::new(said.trim()) == path.as_path())))
}

/// The files that a name may mean: those whose path ends with it, or else those with that name in any case, or else those
/// with that name before the extension.
fn namesakes(survey: &Survey, name: &str) -> Vec<PathBuf> {
    let name_in_lower_case = name.to_lowercase();
    let is_named = |part: Option<&std::ffi::OsStr>| {
        part.is_some_and(|part| part.to_string_lossy().to_lowercase() == name_in_lower_case)
    };
    let ways: [&dyn Fn(&Path) -> bool; 3] =
        [&|path| path.ends_with(name), &|path| is_named(path.file_name()), &|path| {
            is_named(path.file_stem())
        }];
    ways.iter()
        .map(|fits| survey.files.iter().map(|file| &file.path).filter(|path| fits(path)).cloned().collect())
        .find(|matches: &Vec<PathBuf>| !matches.is_empty())
        .unwrap_or_default()
}

async fn read(steps: &mut Steps, name: PathBuf, file: PathBuf, from: usize) -> Result<Part, Ended> {
    let shown = answer::path(&name);
    let title = format!("read {}", name.to_string_lossy());
    let start = move |_: &Path, _: &Stop| {
        reading::start_of(&file, reading::TEXT_LIMIT).map_err(|error| error.to_string())
    };
    match steps.look(title, start).await {
        Ok(start) if start.is_binary() => Ok(Part::new(&*shown, format!("{shown} is a binary file."))),
        Ok(start) if start.bytes.is_empty() => Ok(Part::new(&*shown, format!("{shown} is empty."))),
        Ok(start) => Ok(excerpt(&name, &start, from)),
        Err(Ended::Failed(why)) => {
            Ok(Part::new(format!("{shown} not read"), format!("{shown} can not be read: {why}.")))
        }
        Err(ended) => Err(ended),
    }
}

fn excerpt(name: &Path, start: &Start, from: usize) -> Part {
    let shown = answer::path(name);
    let text = start.text();
    let lines: Vec<&str> = text.lines().collect();
    let (rows, next) = answer::page(&lines, from, PAGE);
    if rows.is_empty() {
        return Part::new(&*shown, format!("{shown} has no further lines."));
    }
    let total = answer::count(lines.len(), "line");
    let mut head = if rows.len() == lines.len() {
        format!("{shown}, {total}:")
    } else {
        format!("{shown}, lines {} to {} of {total}:", from + 1, from + rows.len())
    };
    if !start.is_whole {
        head = format!("{} (only its first 8 mb were read):", head.trim_end_matches(':'));
    }
    let rows: Vec<String> = rows.iter().map(|line| answer::cut(line, LONGEST_LINE)).collect();
    let block = answer::block(&fence_language(name), &rows.join("\n"));
    let more = if next.is_some() { "\n\n`more` shows the next lines." } else { "" };
    Part::new(&*shown, format!("{head}\n\n{block}{more}")).next(next)
}

/// The extension, where it can stand behind a fence.
fn fence_language(name: &Path) -> String {
    let extension = name.extension().map(|extension| extension.to_string_lossy()).unwrap_or_default();
    if extension.chars().all(|c| c.is_ascii_alphanumeric()) { extension.into_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::FileEntry;

    #[test]
    fn a_name_means_the_nearest_files() {
        let files = ["README.md", "a/lib.rs", "b/lib.rs", "b/Main.rs", "xlib.rs"];
        let entry = |path: &&str| FileEntry { path: path.into(), size: 0, modified: None };
        let survey = Survey { files: files.iter().map(entry).collect(), ..Survey::default() };
        let rows: [(&str, &[&str]); 6] = [
            ("lib.rs", &["a/lib.rs", "b/lib.rs"]),
            ("b/lib.rs", &["b/lib.rs"]),
            ("main.rs", &["b/Main.rs"]),
            ("readme", &["README.md"]),
            ("lib", &["a/lib.rs", "b/lib.rs"]),
            ("none", &[]),
        ];
        for (name, expected) in rows {
            let found = namesakes(&survey, name);
            assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{name}");
        }
    }
}
