//! The hooks: which there are, in the order in which they are asked, and what keeps each from being asked.

use takopi_api::hook::Moment;

use super::{Finding, Status};
use crate::cli::Session;
use crate::config::OnFailure;
use crate::hooks::Hooks;

pub(super) fn all(session: &Session<'_>) -> Vec<Finding> {
    let hooks = Hooks::new(&session.registry, &session.config);
    let find = |(id, wants, on_failure): (&str, Result<&[Moment], &str>, OnFailure)| {
        let check = format!("hook {id}");
        match (wants, on_failure) {
            (Ok(wants), _) => Finding::ok(check, told(wants)),
            (Err(why), OnFailure::Deny) => {
                Finding::error(check, why).next(["until then every run is denied"])
            }
            (Err(why), OnFailure::Allow) => Finding::new(check, Status::Warning, why),
        }
    };
    hooks.look().map(find).collect()
}

fn told(wants: &[Moment]) -> String {
    let words = [
        (Moment::PreRun, "is asked before runs"),
        (Moment::Event, "hears what they say"),
        (Moment::PostRun, "hears how they end"),
    ];
    let told: Vec<&str> =
        words.iter().filter(|(moment, _)| wants.contains(moment)).map(|(_, word)| *word).collect();
    if told.is_empty() { "is called for nothing".to_owned() } else { told.join(", ") }
}
