//! A longer talk with the person at the terminal, in plain lines: it works on every terminal, and for people who hear
//! theirs. The crates for such dialogues bring a second terminal library each, and 280 to 330 KB.

use std::io;

use async_trait::async_trait;
use takopi_api::config::Secret;
use takopi_api::transport::{Cancelled, Wizard};

use super::{ask, forget_typed, secret};
use crate::cli::output;

/// The talk.
#[derive(Debug, Default)]
pub(in crate::cli) struct Dialogue {
    steps: usize,
}

/// Asks beside whatever else goes on. A terminal that is gone is a person who gave up.
async fn asked(
    question: impl FnOnce() -> io::Result<Option<String>> + Send + 'static,
) -> Result<String, Cancelled> {
    match tokio::task::spawn_blocking(question).await {
        Ok(Ok(Some(answer))) => Ok(answer),
        Ok(Ok(None) | Err(_)) | Err(_) => {
            output::line("");
            Err(Cancelled)
        }
    }
}

/// Asks once. Before a question is asked the first time, what was typed is forgotten; not before it is asked again: that
/// may have been typed for it.
async fn line(prompt: String) -> Result<String, Cancelled> {
    asked(move || ask(&prompt)).await
}

#[async_trait]
impl Wizard for Dialogue {
    fn step(&mut self, title: &str) {
        self.steps += 1;
        output::line(&format!("\nstep {}: {title}", self.steps));
    }

    fn say(&mut self, text: &str) {
        output::line(&output::harmless(text));
    }

    async fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Cancelled> {
        let choice = if default { "[Y/n]" } else { "[y/N]" };
        forget_typed();
        loop {
            match line(format!("{} {choice} ", output::harmless(question))).await?.to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => output::line("y or n?"),
            }
        }
    }

    async fn select(&mut self, question: &str, choices: &[String]) -> Result<usize, Cancelled> {
        forget_typed();
        for (at, choice) in choices.iter().enumerate() {
            output::line(&format!("  {}) {}", at + 1, output::harmless(choice)));
        }
        loop {
            let typed = line(format!("{} [1]: ", output::harmless(question))).await?;
            match place(&typed, choices.len()) {
                Some(place) => return Ok(place),
                None => output::line(&format!("a number from 1 to {}?", choices.len())),
            }
        }
    }

    async fn text(&mut self, question: &str, default: Option<&str>) -> Result<String, Cancelled> {
        let question = output::harmless(question);
        let prompt = match default {
            Some(default) => format!("{question} [{}]: ", output::harmless(default)),
            None => format!("{question}: "),
        };
        forget_typed();
        loop {
            let typed = line(prompt.clone()).await?;
            match default {
                _ if !typed.is_empty() => return Ok(typed),
                Some(default) => return Ok(default.to_owned()),
                None => {}
            }
        }
    }

    async fn secret(&mut self, question: &str) -> Result<Secret, Cancelled> {
        let prompt = format!("{} (not shown): ", output::harmless(question));
        forget_typed();
        loop {
            let prompt = prompt.clone();
            let typed = asked(move || {
                output::prompt(&prompt);
                secret::read()
            })
            .await?;
            if !typed.trim().is_empty() {
                return Ok(Secret::typed(typed.trim()));
            }
        }
    }
}

/// The place that a number means, the first if nothing was typed.
fn place(typed: &str, count: usize) -> Option<usize> {
    if typed.is_empty() {
        return (count > 0).then_some(0);
    }
    typed.trim_end_matches([')', '.']).parse::<usize>().ok()?.checked_sub(1).filter(|place| *place < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_a_place() {
        let places =
            ["", "1", "3", "2)", "0", "4", "-1", "x", "99999999999999999999"].map(|typed| place(typed, 3));
        assert_eq!(places, [Some(0), Some(0), Some(2), Some(1), None, None, None, None, None]);
        assert_eq!(place("", 0), None);
    }
}
