//! The largest files.

use std::cmp::Reverse;

use super::{list, more_line};
use crate::answer::{self, Part};
use crate::steps::{Ended, Steps};
use crate::survey;

const PAGE: usize = 10;

pub(crate) async fn largest(steps: &mut Steps, from: usize) -> Result<Part, Ended> {
    let mut survey = survey::take(steps).await?;
    let number = answer::count(survey.files.len(), "file");
    let sort = format!("sort {number} by size");
    let survey = steps
        .look(sort, move |_, _| {
            survey.files.sort_by(|a, b| (Reverse(a.size), &a.path).cmp(&(Reverse(b.size), &b.path)));
            Ok(survey)
        })
        .await?;
    let (rows, next) = answer::page(&survey.files, from, PAGE);
    let remark = survey.remark();
    if rows.is_empty() {
        let body = if from == 0 { "There are no files here." } else { "There are no further files." };
        return Ok(Part::new("no files", format!("{body}{remark}")));
    }
    let which = match from {
        0 => format!("The {} largest of {number}:", rows.len()),
        from => format!("The next largest of {number}, from number {}:", from + 1),
    };
    let rows =
        list(rows.iter().map(|file| format!("{} {}", answer::path(&file.path), answer::size(file.size))));
    let body = format!("{which}\n\n{rows}{}{remark}", more_line(next));
    Ok(Part::new("largest files", body).next(next))
}
