//! What acme can do with a repository: one module a job. A new job is a module here, a variant of
//! [`Job`](crate::understand::Job) and a row in one of the tables beside it.
//!
//! The jobs know files and nothing of sessions; those that need the conversation (`more`, `again`) are in [`crate::run`].

mod changed;
mod describe;
mod find;
mod largest;
mod lines;
mod overview;
mod show;
mod write;

pub(crate) use changed::changed;
pub(crate) use describe::describe;
pub(crate) use find::find;
pub(crate) use largest::largest;
pub(crate) use lines::lines;
pub(crate) use overview::Overview;
pub(crate) use show::{Shown, show};
pub(crate) use write::write;

/// The line under a list that is not shown to its end.
fn more_line(next: Option<usize>) -> &'static str {
    if next.is_some() { "\n\n`more` shows the next ones." } else { "" }
}

/// A list as markdown.
fn list(rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter().map(|row| format!("- {row}")).collect::<Vec<_>>().join("\n")
}
