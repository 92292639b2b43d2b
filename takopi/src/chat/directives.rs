//! Directives: the words at the beginning of a message that choose the engine, the project and the branch.
//!
//! Only the first line that says something is looked at, from the left, up to the first word that is none of them.

use takopi_api::engine::EngineId;

/// What a message says before its prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directives {
    /// `/<engine>`.
    pub engine: Option<EngineId>,
    /// `/<alias>`, as the configuration writes it.
    pub project: Option<String>,
    /// `@<branch>`.
    pub branch: Option<String>,
    /// The prompt: what is left.
    pub prompt: String,
}

/// A directive that stands twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    /// Two engines.
    #[error("multiple engine directives")]
    Engines,
    /// Two projects.
    #[error("multiple project directives")]
    Projects,
    /// Two branches.
    #[error("multiple @branch directives")]
    Branches,
}

/// What a word after a slash can name.
pub trait Names {
    /// The engine of this name, without regard to case.
    fn engine(&self, word: &str) -> Option<EngineId>;

    /// The alias of this project as it is written, without regard to case.
    fn project(&self, word: &str) -> Option<String>;
}

impl Directives {
    /// Adds what is said further on.
    ///
    /// # Errors
    /// [`DirectiveError`] if one kind stands in both.
    pub fn add(&mut self, more: Self) -> Result<(), DirectiveError> {
        let Self { engine, project, branch, prompt } = more;
        set_also(&mut self.engine, engine, DirectiveError::Engines)?;
        set_also(&mut self.project, project, DirectiveError::Projects)?;
        set_also(&mut self.branch, branch, DirectiveError::Branches)?;
        if self.prompt.trim().is_empty() {
            self.prompt = prompt;
        } else if !prompt.is_empty() {
            self.prompt.push_str("\n\n");
            self.prompt.push_str(&prompt);
        }
        Ok(())
    }
}

/// Reads the directives of a message.
///
/// # Errors
/// [`DirectiveError`] if one kind stands twice.
pub fn parse(text: &str, names: &impl Names) -> Result<Directives, DirectiveError> {
    let mut found = Directives::default();
    let Some(line) = text.lines().find(|line| !line.trim().is_empty()) else {
        return Ok(found);
    };
    let mut rest = line.trim_start();
    let mut is_any = false;
    while !rest.is_empty() {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if !take(word, names, &mut found)? {
            break;
        }
        is_any = true;
        rest = after.trim_start();
    }
    if !is_any {
        text.clone_into(&mut found.prompt);
        return Ok(found);
    }
    let line_end = line.as_ptr() as usize - text.as_ptr() as usize + line.len();
    let first = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    found.prompt = format!("{first}{}", &text[line_end..]).trim().to_owned();
    Ok(found)
}

/// Takes a word if it is a directive.
fn take(word: &str, names: &impl Names, found: &mut Directives) -> Result<bool, DirectiveError> {
    if let Some(branch) = word.strip_prefix('@').filter(|branch| !branch.is_empty()) {
        return set(&mut found.branch, branch.to_owned(), DirectiveError::Branches);
    }
    let Some(name) = word.strip_prefix('/') else { return Ok(false) };
    if let Some(engine) = names.engine(name) {
        return set(&mut found.engine, engine, DirectiveError::Engines);
    }
    match names.project(name) {
        Some(project) => set(&mut found.project, project, DirectiveError::Projects),
        None => Ok(false),
    }
}

fn set_also<T>(place: &mut Option<T>, value: Option<T>, error: DirectiveError) -> Result<(), DirectiveError> {
    match value {
        Some(value) => set(place, value, error).map(drop),
        None => Ok(()),
    }
}

fn set<T>(place: &mut Option<T>, value: T, error: DirectiveError) -> Result<bool, DirectiveError> {
    match place.replace(value) {
        None => Ok(true),
        Some(_) => Err(error),
    }
}

/// A message that begins with a slash: the word after it in small letters, and what follows.
#[must_use]
pub fn slash_command(text: &str) -> Option<(String, &str)> {
    let rest = text.trim_start().strip_prefix('/')?;
    let (word, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    (!word.is_empty()).then(|| (word.to_lowercase(), args.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Names for Two {
        fn engine(&self, word: &str) -> Option<EngineId> {
            EngineId::parse(&word.to_lowercase()).ok().filter(|id| ["codex", "claude"].contains(&id.as_str()))
        }

        fn project(&self, word: &str) -> Option<String> {
            ["Z80", "codex"]
                .iter()
                .find(|alias| alias.eq_ignore_ascii_case(word))
                .map(|alias| (*alias).to_owned())
        }
    }

    #[track_caller]
    fn check(text: &str, engine: Option<&str>, project: Option<&str>, branch: Option<&str>, prompt: &str) {
        let found = parse(text, &Two).unwrap();
        assert_eq!(found.engine.as_ref().map(EngineId::as_str), engine, "engine of {text:?}");
        assert_eq!((found.project.as_deref(), found.branch.as_deref()), (project, branch), "of {text:?}");
        assert_eq!(found.prompt, prompt, "prompt of {text:?}");
    }

    #[test]
    fn words_are_taken_from_the_left_until_one_is_none() {
        check(
            "/codex /z80 @feat/x fix  it\nplease",
            Some("codex"),
            Some("Z80"),
            Some("feat/x"),
            "fix it\nplease",
        );
        check("\n  @main go", None, None, Some("main"), "go");
        check("/CODEX", Some("codex"), None, None, "");
        check("fix /codex @x", None, None, None, "fix /codex @x");
        check("/unknown /codex", None, None, None, "/unknown /codex");
        check("/codex@some_bot hi", None, None, None, "/codex@some_bot hi");
        check("@ / x", None, None, None, "@ / x");
        check("", None, None, None, "");
    }

    #[test]
    fn text_without_directives_is_left_as_it_is() {
        check("  two  blanks\n\n", None, None, None, "  two  blanks\n\n");
    }

    #[test]
    fn only_the_first_line_counts() {
        check("/z80\n/codex go", None, Some("Z80"), None, "/codex go");
    }

    #[test]
    fn twice_is_an_error() {
        assert_eq!(parse("/codex /claude x", &Two), Err(DirectiveError::Engines));
        assert_eq!(parse("/z80 /Z80 x", &Two), Err(DirectiveError::Projects));
        assert_eq!(parse("@a @b x", &Two), Err(DirectiveError::Branches));
    }

    #[test]
    fn commands_are_read_in_any_case() {
        assert_eq!(slash_command(" /Agent set codex"), Some(("agent".to_owned(), "set codex")));
        assert_eq!(slash_command("/ctx\nset"), Some(("ctx".to_owned(), "set")));
        assert_eq!(slash_command("/"), None);
        assert_eq!(slash_command("no"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[/@ \\n a-zé]{0,60}") {
            let _ = parse(&text, &Two);
            let _ = slash_command(&text);
        }
    }
}
