//! Where nobody can be asked.

use async_trait::async_trait;
use takopi_api::config::Secret;
use takopi_api::transport::{Cancelled, Wizard};

use crate::cli::output;

/// Says what there is to say; every question is the end.
#[derive(Debug)]
pub(in crate::cli) struct Unattended;

impl Unattended {
    fn give_up<T>(question: &str) -> Result<T, Cancelled> {
        let question = output::harmless(question);
        output::line(&format!("{question}: there is no terminal to ask that on"));
        Err(Cancelled)
    }
}

#[async_trait]
impl Wizard for Unattended {
    fn step(&mut self, _: &str) {}

    fn say(&mut self, text: &str) {
        output::line(&output::harmless(text));
    }

    async fn confirm(&mut self, question: &str, _: bool) -> Result<bool, Cancelled> {
        Self::give_up(question)
    }

    async fn select(&mut self, question: &str, _: &[String]) -> Result<usize, Cancelled> {
        Self::give_up(question)
    }

    async fn text(&mut self, question: &str, _: Option<&str>) -> Result<String, Cancelled> {
        Self::give_up(question)
    }

    async fn secret(&mut self, question: &str) -> Result<Secret, Cancelled> {
        Self::give_up(question)
    }
}
