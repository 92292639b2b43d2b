//! How a request ended, in words: what its message says from then on, and what somebody is told who presses later.

use std::time::Duration;

use takopi_api::message::Sender;

use crate::chat::progress::elapsed;
use crate::store::{DecidedBy, RequestEnd, RuleId, Verdict};

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Somebody decided.
    Decided { verdict: Verdict, of: Subject, by: Option<Sender>, rule: Option<RuleId> },
    /// Nobody did in time.
    Expired(Option<Duration>),
    /// It could not be asked, because of this.
    Unaskable(String),
    /// Its engine does not wait for it any more.
    Withdrawn,
    /// Its run is over.
    RunOver,
    /// takopi ended while it was open.
    CutOff,
    /// A rule allowed it.
    ByRule(RuleId),
}

/// What was decided about, as far as it makes another word of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Plan,
    Other,
}

impl Outcome {
    /// As the store has it.
    pub(super) fn of(end: RequestEnd) -> Self {
        match end {
            RequestEnd::Decided { verdict, by: DecidedBy::Person(by) } => {
                Self::Decided { verdict, of: Subject::Other, by, rule: None }
            }
            RequestEnd::Decided { by: DecidedBy::Rule(rule), .. } => Self::ByRule(rule),
            RequestEnd::Decided { by: DecidedBy::Takopi(why), .. } => Self::Unaskable(why),
            RequestEnd::Expired => Self::Expired(None),
            RequestEnd::Withdrawn => Self::Withdrawn,
            RequestEnd::CutOff => Self::CutOff,
        }
    }

    /// What its message says.
    pub(super) fn header(&self) -> String {
        match self {
            Self::Decided { verdict, of, by, rule } => {
                let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                let rule = rule.map(|rule| format!(" (rule {rule})")).unwrap_or_default();
                format!("{}{by}{rule}", word(*verdict, *of))
            }
            Self::Expired(Some(after)) => format!("denied: nobody answered within {}", elapsed(*after)),
            Self::Expired(None) => "denied: nobody answered in time".to_owned(),
            Self::Unaskable(why) => format!("denied: {why}"),
            Self::Withdrawn => "not asked any more".to_owned(),
            Self::RunOver => "not asked any more: the run is over".to_owned(),
            Self::CutOff => "takopi was restarted; the run was interrupted".to_owned(),
            Self::ByRule(rule) => format!("allowed by rule {rule}"),
        }
    }

    /// What somebody is told who presses one of its buttons all the same.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Decided { .. } | Self::ByRule(_) | Self::Unaskable(_) => {
                format!("this was decided already: {}", self.header())
            }
            Self::Expired(_) => "expired: nobody answered in time, so it was denied".to_owned(),
            Self::Withdrawn => "this is not asked any more".to_owned(),
            Self::RunOver => "this run is over".to_owned(),
            Self::CutOff => self.header(),
        }
    }
}

const fn word(verdict: Verdict, of: Subject) -> &'static str {
    match (verdict, of) {
        (Verdict::AllowOnce, Subject::Plan) => "approved",
        (Verdict::AllowOnce, Subject::Other) => "allowed once",
        (Verdict::AllowSession, _) => "allowed for this session",
        (Verdict::AllowAlways, _) => "always allowed",
        (Verdict::Deny, Subject::Plan) => "not approved",
        (Verdict::Deny, Subject::Other) => "denied",
        (Verdict::Answer, _) => "answered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decided_is_named() {
        let decided = |verdict, of| Outcome::Decided { verdict, of, by: Some(Sender::new("7")), rule: None };
        assert_eq!(decided(Verdict::Deny, Subject::Other).header(), "denied by 7");
        assert_eq!(
            decided(Verdict::AllowOnce, Subject::Plan).told(),
            "this was decided already: approved by 7"
        );
        assert_eq!(
            Outcome::Expired(Some(Duration::from_secs(60))).header(),
            "denied: nobody answered within 1m 00s"
        );
        assert_eq!(Outcome::of(RequestEnd::CutOff).told(), "takopi was restarted; the run was interrupted");
    }
}
