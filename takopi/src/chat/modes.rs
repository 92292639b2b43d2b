//! Modes: ways of an engine's working between which a person chooses, by the engine's own names.

use takopi_api::engine::{EngineId, Modes};
use takopi_api::error::Error;

use super::engines::Engines;
use super::orders::PLAN;

/// The mode that a word names, as the engine writes it. Of those that an agent names itself, any word may be one.
///
/// # Errors
/// [`Error`] if the engine has none of that name; it says which there are.
pub(crate) fn find(engine: &str, modes: Modes, word: &str) -> Result<String, Error> {
    let known = match modes {
        Modes::OfTheAgent => return Ok(word.to_owned()),
        Modes::Named(known) => known,
        _ => &[],
    };
    let found = known.iter().find(|mode| mode.eq_ignore_ascii_case(word));
    found.map(|mode| (*mode).to_owned()).ok_or_else(|| {
        if known.is_empty() {
            Error::new(format!("{engine} has no modes to choose from"))
        } else {
            let error = Error::new(format!("{engine} has no mode `{word}`"));
            error.hint(format!("modes: {}", known.join(", ")))
        }
    })
}

/// The mode of an engine in which it plans and changes nothing.
///
/// # Errors
/// [`Error`] if it has none; it says what can be done.
pub(crate) fn plan(engines: &Engines, engine: &EngineId) -> Result<String, Error> {
    find(engine.as_str(), engines.modes(engine), PLAN).map_err(|_| {
        let others: Vec<&str> =
            engines.ids().filter(|id| is_there(engines.modes(id))).map(EngineId::as_str).collect();
        let error = Error::new(format!("{engine} has no mode `{PLAN}`"));
        let error = match others.as_slice() {
            [] => error,
            [first, ..] => error.hint(format!(
                "engines with one: {}; `/plan /{first} <prompt>` asks that one",
                others.join(", ")
            )),
        };
        error.hint("or say in the prompt that it is to make a plan and change nothing")
    })
}

/// Whether an engine has the mode, as it says itself.
fn is_there(modes: Modes) -> bool {
    matches!(modes, Modes::Named(known) if known.contains(&PLAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_a_mode_of_the_engine() {
        let named = Modes::Named(&["default", "plan", "acceptEdits"]);
        assert_eq!(find("claude", named, "acceptedits").as_deref().ok(), Some("acceptEdits"));
        let error = find("claude", named, "yolo").unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hints().len()), ("claude has no mode `yolo`", 1));
        assert_eq!(find("some", Modes::OfTheAgent, "Architect").as_deref().ok(), Some("Architect"));
        let error = find("acme", Modes::None, "plan").unwrap_err();
        assert_eq!(error.to_string(), "acme has no modes to choose from");
    }
}
