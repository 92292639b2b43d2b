//! Calls of tools as actions: which kind of step a tool is, and how a person reads it. One table for all engines.

use crate::event::{Action, ActionKind, ChangeKind, FileChange};
use crate::jsonl::Field;

/// How the title of a tool's action is made.
#[derive(Debug, Clone, Copy)]
enum Title {
    /// The command that it runs.
    Command,
    /// The file that it changes.
    Change,
    /// A word, and the path.
    Path(&'static str),
    /// A word, and the pattern.
    Pattern(&'static str),
    /// The query.
    Query,
    /// The address.
    Address,
    /// What the sub-agent is told.
    Task,
    /// These words.
    Words(&'static str),
}

/// What each tool is. Names are compared in lower case and without `_` and `-`; a tool that is not here is called by its
/// own name.
const TOOLS: &[(&[&str], ActionKind, Title)] = &[
    (&["bash", "shell", "killshell", "runshellcommand", "execcommand"], ActionKind::Command, Title::Command),
    (
        &["edit", "write", "notebookedit", "multiedit", "replace", "writefile", "patch", "applypatch"],
        ActionKind::FileChange,
        Title::Change,
    ),
    (&["read", "readfile", "readmanyfiles"], ActionKind::Tool, Title::Path("read")),
    (&["ls", "list", "listdirectory"], ActionKind::Tool, Title::Path("ls")),
    (&["glob"], ActionKind::Tool, Title::Pattern("glob")),
    (&["grep", "grepsearch", "searchfilecontent"], ActionKind::Tool, Title::Pattern("grep")),
    (&["find"], ActionKind::Tool, Title::Pattern("find")),
    (&["websearch", "googlewebsearch"], ActionKind::WebSearch, Title::Query),
    (&["webfetch"], ActionKind::WebSearch, Title::Address),
    (&["todowrite", "writetodos"], ActionKind::Note, Title::Words("update todos")),
    (&["todoread"], ActionKind::Note, Title::Words("read todos")),
    (&["askuserquestion", "question"], ActionKind::Note, Title::Words("ask user")),
    (&["task", "agent"], ActionKind::Subagent, Title::Task),
];

crate::wire! {
    /// The input of a tool, as far as a title needs it. One struct for all tools and engines.
    struct Input<'a> {
        "command" => command: Field<'a>,
        "cmd" => cmd: Field<'a>,
        "file_path" => file_path: Field<'a>,
        "filePath" => file_path_camel: Field<'a>,
        "absolute_path" => absolute_path: Field<'a>,
        "notebook_path" => notebook_path: Field<'a>,
        "path" => path: Field<'a>,
        "dir_path" => dir_path: Field<'a>,
        "directory" => directory: Field<'a>,
        "pattern" => pattern: Field<'a>,
        "query" => query: Field<'a>,
        "url" => url: Field<'a>,
        "description" => description: Field<'a>,
        "prompt" => prompt: Field<'a>,
    }
}

impl Input<'_> {
    fn path(&self) -> Option<String> {
        // In the order of trust.
        first_text(&[
            self.file_path,
            self.file_path_camel,
            self.absolute_path,
            self.notebook_path,
            self.path,
            self.dir_path,
            self.directory,
        ])
    }
}

/// The action of a tool call: its kind and title from the table, and the files that it changes.
///
/// ```
/// use takopi_api::event::ActionKind;
/// use takopi_api::jsonl::Field;
///
/// let input = Field::parse(r#"{"file_path":"/repo/a.rs","limit":3}"#).unwrap();
/// let action = takopi_api::tool::action("toolu_1", "Read", input);
/// assert_eq!((action.kind, action.title.as_str()), (ActionKind::Tool, "read: /repo/a.rs"));
/// ```
#[must_use]
pub fn action(id: impl Into<String>, name: &str, input: Field<'_>) -> Action {
    let Some((_, kind, title)) =
        TOOLS.iter().find(|(names, ..)| names.iter().any(|known| is_called(name, known)))
    else {
        return Action::new(id, ActionKind::Tool, name);
    };
    let input: Input<'_> = input.object().unwrap_or_default();
    let or_name = |text: Option<String>| text.unwrap_or_else(|| name.to_owned());
    let labelled = |label: &str, text: Option<String>| match text {
        Some(text) => format!("{label}: {text}"),
        None => label.to_owned(),
    };
    let title = match title {
        Title::Command => or_name(first_text(&[input.command, input.cmd])),
        Title::Change => {
            let path = input.path();
            let changes = path.iter().map(|path| FileChange { path: path.clone(), kind: ChangeKind::Update });
            return Action::new(id, *kind, or_name(path.clone())).changes(changes.collect());
        }
        Title::Path(label) => labelled(label, input.path()),
        Title::Pattern(label) => labelled(label, first_text(&[input.pattern, input.query])),
        Title::Query => first_text(&[input.query]).unwrap_or_else(|| "search".to_owned()),
        Title::Address => first_text(&[input.url, input.prompt]).unwrap_or_else(|| "fetch".to_owned()),
        Title::Task => or_name(first_text(&[input.description, input.prompt])),
        Title::Words(words) => (*words).to_owned(),
    };
    Action::new(id, *kind, title)
}

/// Whether a tool has this name, which is in lower case and has no `_` and `-`.
fn is_called(name: &str, known: &str) -> bool {
    let letters = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
    letters.map(|byte| byte.to_ascii_lowercase()).eq(known.bytes())
}

fn first_text(fields: &[Field<'_>]) -> Option<String> {
    fields
        .iter()
        .map(|field| field.text())
        .find(|text| !text.trim().is_empty())
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, input: &str, kind: ActionKind, title: &str) {
        let input = Field::parse(input).unwrap();
        let action = action("1", name, input);
        assert_eq!((action.kind, action.title.as_str()), (kind, title));
    }

    #[test]
    fn each_tool_is_read_as_a_person_would() {
        check("Bash", r#"{"command":"echo hi"}"#, ActionKind::Command, "echo hi");
        check("run_shell_command", r#"{"command":"ls"}"#, ActionKind::Command, "ls");
        check("Bash", "{}", ActionKind::Command, "Bash");
        check("read", r#"{"filePath":"/a"}"#, ActionKind::Tool, "read: /a");
        check("list_directory", r#"{"dir_path":"src"}"#, ActionKind::Tool, "ls: src");
        check("grep", r#"{"pattern":"x","path":"src"}"#, ActionKind::Tool, "grep: x");
        check("WebSearch", r#"{"query":"rust"}"#, ActionKind::WebSearch, "rust");
        check("TodoWrite", r#"{"todos":[]}"#, ActionKind::Note, "update todos");
        check("Task", r#"{"description":"look","prompt":"long"}"#, ActionKind::Subagent, "look");
        check("mcp__x__y", r#"{"a":1}"#, ActionKind::Tool, "mcp__x__y");
        check("Bash", r#""no object""#, ActionKind::Command, "Bash");
        check("Bash", "null", ActionKind::Command, "Bash");
    }

    #[test]
    fn changes_name_their_file() {
        let input = Field::parse(r#"{"file_path":"/repo/a.rs","content":"x"}"#).unwrap();
        let action = action("1", "Write", input);
        assert_eq!(
            action.detail.changes,
            [FileChange { path: "/repo/a.rs".into(), kind: ChangeKind::Update }]
        );
    }
}
