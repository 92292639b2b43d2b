//! What comes of what a hook says. Pure: no hook is called here.

use takopi_api::hook::Verdict;

use super::call::Fault;
use crate::config::OnFailure;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The next hook is asked, or the run begins.
    GoOn,
    /// The same, with another prompt.
    GoOnWith(String),
    /// The run does not begin, and this is why.
    Deny(String),
}

/// `origin` says where the hook comes from, for a person who has to look for its fault.
pub(super) fn step(said: Result<Verdict, Fault>, on_failure: OnFailure, origin: &str) -> Step {
    let fault = match said {
        Ok(Verdict::Allow) => return Step::GoOn,
        Ok(Verdict::Deny { reason }) if reason.trim().is_empty() => {
            return Step::Deny("it gives no reason".to_owned());
        }
        Ok(Verdict::Deny { reason }) => return Step::Deny(reason.trim().to_owned()),
        // An engine would answer something that nobody asked.
        Ok(Verdict::Rewrite { prompt }) if prompt.trim().is_empty() => {
            Fault::Failed("it left nothing of the prompt".to_owned())
        }
        Ok(Verdict::Rewrite { prompt }) => return Step::GoOnWith(prompt),
        Ok(_) => Fault::Failed("it said something that this takopi does not know".to_owned()),
        Err(fault) => fault,
    };
    match on_failure {
        OnFailure::Allow => Step::GoOn,
        OnFailure::Deny => Step::Deny(match fault {
            // What looked for it says where it comes from.
            Fault::Absent(why) => why,
            fault => format!("{fault}{origin}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plugins;

    #[test]
    fn a_verdict_is_what_happens() {
        let check = |verdict, expected| assert_eq!(step(Ok(verdict), OnFailure::Deny, " (x 1)"), expected);
        check(Verdict::Allow, Step::GoOn);
        check(Verdict::rewrite("new"), Step::GoOnWith("new".to_owned()));
        check(Verdict::deny("not today\n"), Step::Deny("not today".to_owned()));
        check(Verdict::deny(" "), Step::Deny("it gives no reason".to_owned()));
    }

    #[test]
    fn a_hook_that_fails_denies_unless_its_table_says_otherwise() {
        let check = |said: fn() -> Result<Verdict, Fault>, reason: &str| {
            assert_eq!(step(said(), OnFailure::Deny, " (x 1)"), Step::Deny(reason.to_owned()));
            assert_eq!(step(said(), OnFailure::Allow, " (x 1)"), Step::GoOn);
        };
        check(|| Err(Fault::Failed("no network".to_owned())), "it failed: no network (x 1)");
        check(|| Err(plugins::Fault::Panicked("boom".to_owned()).into()), "it panicked: boom (x 1)");
        check(|| Err(Fault::TimedOut(Duration::from_secs(10))), "it did not return within 10 s (x 1)");
        check(|| Err(Fault::Absent("there is no hook `x`".to_owned())), "there is no hook `x`");
        check(|| Ok(Verdict::rewrite(" \n")), "it failed: it left nothing of the prompt (x 1)");
    }
}
