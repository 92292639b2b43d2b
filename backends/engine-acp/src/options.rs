//! The options of a request: which answers the agent takes.

use agent_client_protocol::v1::schema::{PermissionOption, PermissionOptionKind};
use serde_json::{Map, Value};
use takopi_api::event::Question;

use crate::question;

/// The answers that the agent takes.
#[derive(Debug)]
pub(crate) enum Answers {
    /// Yes and no.
    Verdict {
        yes: Option<Yes>,
        reject: Option<String>,
        /// What else it would take, of kinds that the protocol did not have when this was written.
        further: Vec<String>,
    },
    /// One of these, among which a yes or a no is missing.
    OneOf(Vec<Named>),
    /// Words, beside the option that hands them in.
    Words { questions: Vec<Question>, submit: String, reject: Option<String> },
}

/// The option that is a yes.
#[derive(Debug)]
pub(crate) enum Yes {
    /// For this one time. Where there is such a one, no other is told.
    Once(String),
    /// For more. For how much only its name says.
    Always(Named),
}

/// An option.
#[derive(Debug)]
pub(crate) struct Named {
    /// What a person reads.
    pub(crate) label: String,
    /// What the agent calls it.
    pub(crate) id: String,
}

impl Answers {
    /// Reads the options, and what else is said of a request. `None` if no answer could be told.
    pub(crate) fn read(options: &Value, meta: Option<&Map<String, Value>>) -> Option<Self> {
        let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
        let (mut known, mut further): (Vec<PermissionOption>, Vec<String>) = Default::default();
        for option in options {
            match serde_json::from_value(option.clone()) {
                Ok(option) => known.push(option),
                Err(_) => further.extend(named(option).map(|option| option.label)),
            }
        }
        let (yes, reject) = (yes(&known), reject(&known));
        let is_decided = yes.is_some() && reject.is_some() || further.is_empty() && !known.is_empty();
        if !is_decided {
            let options: Vec<Named> = options.iter().filter_map(named).collect();
            return (!options.is_empty()).then_some(Self::OneOf(options));
        }
        Some(match (yes, question::read(meta)) {
            (Some(Yes::Once(submit)), Some(questions)) => Self::Words { questions, submit, reject },
            (yes, _) => Self::Verdict { yes, reject, further },
        })
    }
}

fn yes(options: &[PermissionOption]) -> Option<Yes> {
    let once = of_kind(options, PermissionOptionKind::AllowOnce);
    once.map(|once| Yes::Once(once.id))
        .or_else(|| of_kind(options, PermissionOptionKind::AllowAlways).map(Yes::Always))
}

fn reject(options: &[PermissionOption]) -> Option<String> {
    let reject = of_kind(options, PermissionOptionKind::RejectOnce);
    reject.or_else(|| of_kind(options, PermissionOptionKind::RejectAlways)).map(|reject| reject.id)
}

fn of_kind(options: &[PermissionOption], kind: PermissionOptionKind) -> Option<Named> {
    let option = options.iter().find(|option| option.kind == kind)?;
    Some(Named { label: option.name.clone(), id: option.option_id.to_string() })
}

/// An option of whatever kind.
fn named(option: &Value) -> Option<Named> {
    let id = option.get("optionId")?.as_str()?;
    let label = option.get("name").and_then(Value::as_str).unwrap_or(id);
    Some(Named { label: label.to_owned(), id: id.to_owned() })
}
