//! Which engines are asked.

use takopi_api::engine::EngineId;
use takopi_api::error::{Error, closest};
use takopi_api::runtime::{Catalog, EngineState};

/// An engine that should be asked.
#[derive(Debug)]
pub(crate) enum Choice {
    /// It is there. Whether it can run shows when it does.
    Engine(EngineId),
    /// The configuration names it, and there is none of this id.
    Unknown {
        /// As it is written.
        id: String,
        /// What a person is told.
        problem: Error,
    },
}

impl Choice {
    pub(crate) const fn engine(&self) -> Option<&EngineId> {
        match self {
            Self::Engine(engine) => Some(engine),
            Self::Unknown { .. } => None,
        }
    }
}

/// The engines that are named, each once; without any, all that are offered and can run.
///
/// # Errors
/// If there is none to ask.
pub(crate) fn engines(named: &[String], catalog: &Catalog) -> Result<Vec<Choice>, Error> {
    let choices: Vec<Choice> = if named.is_empty() {
        let available = catalog.offered().filter(|engine| engine.state == EngineState::Available);
        available.map(|engine| Choice::Engine(engine.id.clone())).collect()
    } else {
        let is_new = |(at, id): &(usize, &String)| !named[..*at].contains(id);
        named.iter().enumerate().filter(is_new).map(|(_, id)| choice(id, catalog)).collect()
    };
    if choices.iter().any(|choice| choice.engine().is_some()) {
        return Ok(choices);
    }
    let unknown = choices.into_iter().find_map(|choice| match choice {
        Choice::Unknown { problem, .. } => Some(problem),
        Choice::Engine(_) => None,
    });
    Err(unknown.unwrap_or_else(|| {
        Error::new("there is no engine to ask").hint("`takopi doctor --engines` says how to install one")
    }))
}

fn choice(id: &str, catalog: &Catalog) -> Choice {
    let ids = || catalog.engines.iter().map(|engine| engine.id.as_str());
    if let Some(engine) = catalog.engines.iter().find(|engine| engine.id.as_str() == id) {
        return Choice::Engine(engine.id.clone());
    }
    let problem = Error::new(format!("there is no engine `{id}`"));
    let problem = match closest(id, ids()) {
        Some(closest) => problem.hint(format!("did you mean `{closest}`? see `[plugins.multi] engines`")),
        None => problem.hint(format!("there are: {}", ids().collect::<Vec<_>>().join(", "))),
    };
    Choice::Unknown { id: id.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use takopi_api::runtime::{Chosen, EngineInfo};

    use super::*;

    fn catalog() -> Catalog {
        let missing = EngineState::Missing { install: "npm i".to_owned() };
        let engine = |id, state| EngineInfo::new(EngineId::from_static(id), "", state);
        let mut catalog = Catalog::new(1);
        catalog.engines = vec![
            engine("acme", EngineState::Available),
            engine("claude", EngineState::Available),
            engine("codex", missing),
            engine("codex_acp", EngineState::Available).chosen(Chosen::ByName),
        ];
        catalog
    }

    fn chosen(named: &[&str], catalog: &Catalog) -> Result<Vec<String>, String> {
        let named: Vec<String> = named.iter().map(|&id| id.to_owned()).collect();
        let told = |error: &Error| format!("{error}; {}", error.hints().join("; "));
        let choices = engines(&named, catalog).map_err(|error| told(&error))?;
        let name = |choice: &Choice| match choice {
            Choice::Engine(engine) => engine.to_string(),
            Choice::Unknown { problem, .. } => told(problem),
        };
        Ok(choices.iter().map(name).collect())
    }

    #[test]
    fn all_that_can_run_or_those_that_are_named() {
        let check = |named: &[&str], expected: &[&str]| {
            assert_eq!(chosen(named, &catalog()).unwrap(), expected, "{named:?}");
        };
        check(&[], &["acme", "claude"]);
        check(&["codex", "acme", "codex"], &["codex", "acme"]);
        check(
            &["claud", "acme", "x"],
            &[
                "there is no engine `claud`; did you mean `claude`? see `[plugins.multi] engines`",
                "acme",
                "there is no engine `x`; there are: acme, claude, codex, codex_acp",
            ],
        );
    }

    #[test]
    fn nobody_to_ask_is_an_error() {
        let none = chosen(&[], &Catalog::new(1)).unwrap_err();
        assert!(none.starts_with("there is no engine to ask; "), "{none}");
        let unknown = chosen(&["claud"], &catalog()).unwrap_err();
        assert!(unknown.starts_with("there is no engine `claud`"), "{unknown}");
    }
}
