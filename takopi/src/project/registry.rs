//! The projects of a configuration, by their aliases and chats.

use takopi_api::error::closest;
use takopi_api::message::ChannelId;
use takopi_api::runtime::ProjectInfo;

use super::alias::Alias;
use super::branch::Branch;
use super::context::{self, Context, ContextError};
use super::{SHOWN_CHARS, shown};
use crate::config::{self, Config};

/// A project: its name, and what the configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// Its name, as the configuration writes it.
    pub alias: Alias,
    /// What the configuration says of it.
    pub settings: config::Project,
}

impl Project {
    /// What plugins are told of it.
    #[must_use]
    pub fn info(&self) -> ProjectInfo {
        let channel = self.settings.chat_id.as_deref().map(ChannelId::new);
        ProjectInfo::new(self.alias.to_string(), self.settings.path.clone(), channel)
    }
}

/// The projects of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Projects {
    /// Sorted by alias.
    projects: Vec<Project>,
    default: Option<Alias>,
}

/// There is no project of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no project `{}`", shown(alias))]
#[non_exhaustive]
pub struct UnknownProject {
    /// What was looked for.
    pub alias: String,
    /// What was most likely meant.
    pub closest: Option<Alias>,
    /// What there is.
    pub available: Vec<Alias>,
}

impl UnknownProject {
    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let there = if self.available.is_empty() {
            "no project is configured; `takopi init` in a repository adds it".to_owned()
        } else {
            let names: Vec<&str> = self.available.iter().map(Alias::as_str).collect();
            format!("projects: {}; `takopi init` in a repository adds one", names.join(", "))
        };
        self.closest.iter().map(|alias| format!("did you mean `{alias}`?")).chain([there]).collect()
    }
}

impl Projects {
    /// The projects of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let projects = config.projects.iter();
        Self {
            projects: projects
                .map(|(alias, settings)| Project { alias: alias.clone(), settings: settings.clone() })
                .collect(),
            default: config.default_project.clone(),
        }
    }

    /// All projects, sorted by alias.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Project> {
        self.projects.iter()
    }

    /// What plugins are told of them.
    #[must_use]
    pub fn infos(&self) -> Vec<ProjectInfo> {
        self.projects.iter().map(Project::info).collect()
    }

    /// The project of this name, in whatever case it is written.
    ///
    /// # Errors
    /// [`UnknownProject`] with what there is and what was most likely meant.
    pub fn find(&self, alias: &str) -> Result<&Project, UnknownProject> {
        self.projects.iter().find(|project| project.alias.matches(alias)).ok_or_else(|| {
            let alias = alias.trim();
            // A name can be as long as a message; then it is no typing error, and comparing would take long.
            let near = match alias.chars().nth(SHOWN_CHARS) {
                None => closest(alias, self.projects.iter().map(|project| project.alias.as_str())),
                Some(_) => None,
            };
            UnknownProject {
                closest: near.and_then(|near| self.named(near)).map(|project| project.alias.clone()),
                alias: alias.to_owned(),
                available: self.projects.iter().map(|project| project.alias.clone()).collect(),
            }
        })
    }

    /// The project of a context.
    ///
    /// # Errors
    /// [`UnknownProject`] if it is no longer configured.
    pub fn of(&self, context: &Context) -> Result<&Project, UnknownProject> {
        self.find(context.project.as_str())
    }

    /// The project whose chat it is.
    #[must_use]
    pub fn of_chat(&self, chat_id: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.settings.chat_id.as_deref() == Some(chat_id))
    }

    /// The project for messages that name none.
    #[must_use]
    pub fn default_project(&self) -> Option<&Project> {
        self.named(self.default.as_ref()?.as_str())
    }

    /// The context that the last `ctx:` line of a text names, its project as the configuration writes it.
    ///
    /// # Errors
    /// [`ContextError`] if the project is no longer configured, or the branch can not be one.
    pub fn read_context(&self, text: &str) -> Result<Option<Context>, ContextError> {
        for line in context::lines_from_the_end(text) {
            let branch = line.branch.map(Branch::new).transpose();
            if line.project.is_empty() {
                return Context::new(None, branch?);
            }
            match self.find(line.project) {
                Ok(project) => return Ok(Some(Context { project: project.alias.clone(), branch: branch? })),
                // Several words that are no project are somebody's prose.
                Err(_) if line.project.contains(char::is_whitespace) => {}
                Err(unknown) => return Err(unknown.into()),
            }
        }
        Ok(None)
    }

    fn named(&self, alias: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.alias.matches(alias))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Reader, Vocabulary};

    fn projects(text: &str) -> Projects {
        let vocabulary =
            Vocabulary { engines: vec!["acme"], reserved: vec!["cancel".into()], ..Vocabulary::default() };
        let reader = Reader::new("/nowhere/takopi.toml", vocabulary, Overrides::default());
        Projects::new(&reader.parse(text).unwrap())
    }

    fn two() -> Projects {
        projects(
            "default_project = 'website'\n[projects.Website]\npath = '/w'\nchat_id = -100\n\
             [projects.'my app']\npath = '/a'\n",
        )
    }

    #[test]
    fn projects_are_found_by_alias_and_chat() {
        let projects = two();
        assert_eq!(projects.find("WEBSITE").unwrap().alias.as_str(), "Website");
        assert_eq!(projects.of_chat("-100").unwrap().alias.as_str(), "Website");
        assert_eq!(projects.default_project().unwrap().alias.as_str(), "Website");
        assert!(projects.of_chat("-1").is_none());
        assert_eq!(projects.iter().len(), 2);
    }

    #[test]
    fn an_unknown_project_is_told_with_the_closest_and_the_list() {
        let unknown = two().find("websit").unwrap_err();
        assert_eq!(unknown.to_string(), "there is no project `websit`");
        assert_eq!(
            unknown.hints(),
            ["did you mean `Website`?", "projects: my app, Website; `takopi init` in a repository adds one"]
        );
        let none = projects("").find("x").unwrap_err();
        assert_eq!(none.hints(), ["no project is configured; `takopi init` in a repository adds it"]);
        assert!(two().find(&"x".repeat(1_000_000)).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_context_is_read_from_a_text() {
        let projects = two();
        let read = |text: &str| match projects.read_context(text) {
            Ok(context) => context.map_or_else(|| "none".to_owned(), |context| context.to_string()),
            Err(error) => error.to_string(),
        };
        assert_eq!(read("done\n`ctx: website @feature/x`\n"), "Website @feature/x");
        assert_eq!(read("ctx: MY APP"), "my app");
        assert_eq!(read("ctx: website\nctx: what this is all about"), "Website");
        assert_eq!(read("nothing"), "none");
        assert_eq!(read("ctx: gone @x"), "there is no project `gone`");
        assert_eq!(read("ctx: @x"), "a branch needs a project: there is none to look for `@x` in");
        assert_eq!(read("ctx: website @-x"), "`-x` can not be a branch: it begins with `-`");
    }
}
