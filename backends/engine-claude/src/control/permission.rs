//! What claude wants to do with a tool, as a person reads it. What is not shown in a way of its own is shown as it stands:
//! nothing that decides about the harm is left out.

use serde_json::{Map, Value};
use takopi_api::event::{Lasting, Permission};

use super::diff;
use super::request::one_line;
use crate::event::Asked;

/// Where a command would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folder<'a> {
    Known(&'a str),
    /// For this reason.
    Unknown(&'static str),
}

/// A title of one line, and what it is about.
pub(super) fn of_tool(asked: &Asked<'_>, folder: Folder<'_>) -> (String, Permission) {
    let tool = asked.tool_name.text();
    let mut input = Input::of(asked);
    let mut permission = Permission::default().tool(&*tool);
    let mut own_words = None;
    match &*tool {
        "Bash" => {
            if let Some([command]) = input.take(["command"]) {
                permission = permission.command(command);
                match folder {
                    Folder::Known(cwd) => permission = permission.cwd(cwd),
                    // What it does depends on where: neither is a rule for the command one for this, nor this for a later one.
                    Folder::Unknown(why) => {
                        permission = permission.lasting(Lasting::Nothing);
                        input.add("cwd", why);
                    }
                }
            }
            own_words = input.take(["description"]);
        }
        "Edit" => {
            if let Some([path, old, new]) = input.take(["file_path", "old_string", "new_string"]) {
                input.leave_out_false("replace_all");
                permission = permission.diff(diff::replacements(&path, [(&*old, &*new)])).paths([path]);
            }
        }
        "MultiEdit" => {
            if let Some(edits) = input.edits()
                && let Some([path]) = input.take(["file_path"])
            {
                input.fields.remove("edits");
                let pairs = edits.iter().map(|[old, new]| (old.as_str(), new.as_str()));
                permission = permission.diff(diff::replacements(&path, pairs)).paths([path]);
            }
        }
        "Write" => {
            if let Some([path, content]) = input.take(["file_path", "content"]) {
                permission = permission.content(content).paths([path]);
            }
        }
        "NotebookEdit" => {
            if let Some([path, source]) = input.take(["notebook_path", "new_source"]) {
                permission = permission.diff(diff::addition(&path, &source)).paths([path]);
            }
        }
        "Read" => permission = permission.paths(input.take(["file_path"]).into_iter().flatten()),
        "Glob" | "Grep" => permission = permission.paths(input.take(["path"]).into_iter().flatten()),
        _ => {}
    }
    if let Some(rest) = input.rest() {
        permission = permission.input(rest);
    }
    let blocked = asked.blocked_path.text();
    if !blocked.is_empty() && !permission.paths.iter().any(|path| *path == blocked) {
        permission.paths.push(blocked.into_owned());
    }
    let description = asked.description.text();
    let title = title(&tool, &permission, &description);
    let why = own_words.map_or_else(|| said_about(&permission, &description), |[words]| words);
    let reasons = [why, asked.decision_reason.text().into_owned()];
    let reasons: Vec<&str> =
        reasons.iter().map(|reason| reason.trim()).filter(|reason| !reason.is_empty()).collect();
    if !reasons.is_empty() {
        permission = permission.reason(reasons.join("\n"));
    }
    (title, permission)
}

/// What a description adds to what is shown: claude often describes a tool's use by a part of its input.
fn said_about(permission: &Permission, description: &str) -> String {
    let shown = [&permission.command, &permission.input].into_iter().flatten().chain(&permission.paths);
    let is_new = shown.into_iter().all(|shown| !shown.contains(description));
    if is_new { description.to_owned() } else { String::new() }
}

fn title(tool: &str, permission: &Permission, description: &str) -> String {
    let what =
        [permission.command.as_deref(), permission.paths.first().map(String::as_str), Some(description)];
    let what = what.into_iter().flatten().find(|what| !what.trim().is_empty());
    one_line(tool, what.unwrap_or_default())
}

/// The input of a tool, without what was taken out of it to be shown elsewhere.
struct Input {
    fields: Map<String, Value>,
    /// What stands in its place if it is no object.
    other: Option<String>,
}

impl Input {
    fn of(asked: &Asked<'_>) -> Self {
        match asked.input.read() {
            Some(fields) => Self { fields, other: None },
            None => {
                let other = asked.input.text().into_owned();
                Self { fields: Map::new(), other: (!other.is_empty()).then_some(other) }
            }
        }
    }

    /// Takes these texts out. If one of them is missing, or no text, all of them stay.
    fn take<const N: usize>(&mut self, keys: [&str; N]) -> Option<[String; N]> {
        if !keys.iter().all(|key| self.fields.get(*key).is_some_and(Value::is_string)) {
            return None;
        }
        Some(keys.map(|key| match self.fields.remove(key) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }))
    }

    /// Shows this as well.
    fn add(&mut self, key: &str, text: &str) {
        self.fields.insert(key.to_owned(), Value::String(text.to_owned()));
    }

    /// A flag that says what is usual says nothing.
    fn leave_out_false(&mut self, key: &str) {
        if self.fields.get(key) == Some(&Value::Bool(false)) {
            self.fields.remove(key);
        }
    }

    /// Several edits, if each of them is nothing but one text in place of another.
    fn edits(&self) -> Option<Vec<[String; 2]>> {
        let edits = self.fields.get("edits")?.as_array()?;
        let edit = |edit: &Value| {
            let mut edit = Self { fields: edit.as_object()?.clone(), other: None };
            edit.leave_out_false("replace_all");
            let texts = edit.take(["old_string", "new_string"])?;
            edit.fields.is_empty().then_some(texts)
        };
        edits.iter().map(edit).collect()
    }

    /// What was not taken.
    fn rest(self) -> Option<String> {
        match self.other {
            None if self.fields.is_empty() => None,
            // A map of JSON values can always be written.
            None => serde_json::to_string_pretty(&self.fields).ok(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::jsonl::Wire;

    use super::*;
    use crate::event::Line;

    #[track_caller]
    fn check(asked: &str, title: &str, expected: &Permission) {
        let line = format!(r#"{{"request":{{{asked}}}}}"#);
        let line = Line::read(&line).unwrap();
        let (shown, permission) = of_tool(line.request.get().unwrap(), Folder::Known("/repo"));
        assert_eq!(permission, *expected);
        assert_eq!(shown, title);
    }

    fn tool(name: &str) -> Permission {
        Permission::default().tool(name)
    }

    #[test]
    fn a_command_is_shown_with_its_folder_and_why() {
        check(
            r#""tool_name":"Bash","input":{"command":"rm -rf ./x\n  && ls","description":"Clean up"},"description":"Clean up","blocked_path":"/repo/x","decision_reason":"not in the list""#,
            "Bash: rm -rf ./x && ls",
            &tool("Bash")
                .command("rm -rf ./x\n  && ls")
                .cwd("/repo")
                .paths(["/repo/x".to_owned()])
                .reason("Clean up\nnot in the list"),
        );
    }

    #[test]
    fn a_yes_to_a_command_somewhere_is_for_once() {
        let line = Line::read(r#"{"request":{"tool_name":"Bash","input":{"command":"rm x"}}}"#).unwrap();
        let (_, permission) = of_tool(line.request.get().unwrap(), Folder::Unknown("not known"));
        let shown = tool("Bash").command("rm x").input("{\n  \"cwd\": \"not known\"\n}");
        assert_eq!(permission, shown.lasting(Lasting::Nothing));
    }

    #[test]
    fn what_else_is_asked_of_a_command_is_shown() {
        check(
            r#""tool_name":"Bash","input":{"command":"ls","dangerouslyDisableSandbox":true}"#,
            "Bash: ls",
            &tool("Bash").command("ls").cwd("/repo").input("{\n  \"dangerouslyDisableSandbox\": true\n}"),
        );
    }

    #[test]
    fn changes_of_files_are_shown_as_diffs() {
        let path = || ["/repo/a.rs".to_owned()];
        check(
            r#""tool_name":"Edit","input":{"file_path":"/repo/a.rs","old_string":"a","new_string":"b","replace_all":false},"description":"a.rs""#,
            "Edit: /repo/a.rs",
            &tool("Edit").paths(path()).diff("--- /repo/a.rs\n+++ /repo/a.rs\n@@ @@\n-a\n+b\n"),
        );
        check(
            r#""tool_name":"Edit","input":{"file_path":"/repo/a.rs","old_string":"a","new_string":"b","replace_all":true}"#,
            "Edit: /repo/a.rs",
            &tool("Edit")
                .paths(path())
                .diff("--- /repo/a.rs\n+++ /repo/a.rs\n@@ @@\n-a\n+b\n")
                .input("{\n  \"replace_all\": true\n}"),
        );
        check(
            r#""tool_name":"Write","input":{"file_path":"/repo/a.rs","content":"one\ntwo\n"},"description":"a.rs""#,
            "Write: /repo/a.rs",
            &tool("Write").paths(path()).content("one\ntwo\n"),
        );
        check(
            r#""tool_name":"MultiEdit","input":{"file_path":"/repo/a.rs","edits":[{"old_string":"a","new_string":"b"},{"old_string":"c","new_string":"d","replace_all":false}]}"#,
            "MultiEdit: /repo/a.rs",
            &tool("MultiEdit")
                .paths(path())
                .diff("--- /repo/a.rs\n+++ /repo/a.rs\n@@ @@\n-a\n+b\n@@ @@\n-c\n+d\n"),
        );
        check(
            r#""tool_name":"NotebookEdit","input":{"notebook_path":"/repo/a.rs","new_source":"x","edit_mode":"insert"}"#,
            "NotebookEdit: /repo/a.rs",
            &tool("NotebookEdit")
                .paths(path())
                .diff("--- /repo/a.rs\n+++ /repo/a.rs\n@@ @@\n+x\n")
                .input("{\n  \"edit_mode\": \"insert\"\n}"),
        );
    }

    #[test]
    fn what_is_not_of_the_known_form_is_shown_as_it_stands() {
        check(
            r#""tool_name":"MultiEdit","input":{"file_path":"/a","edits":[{"old_string":"a","new_string":"b","replace_all":true}]}"#,
            "MultiEdit",
            &tool("MultiEdit").input(
                r#"{
  "file_path": "/a",
  "edits": [
    {
      "old_string": "a",
      "new_string": "b",
      "replace_all": true
    }
  ]
}"#,
            ),
        );
        check(
            r#""tool_name":"Write","input":{"file_path":"/a","content":7}"#,
            "Write",
            &tool("Write").input("{\n  \"file_path\": \"/a\",\n  \"content\": 7\n}"),
        );
        check(r#""tool_name":"Bash","input":"rm -rf /""#, "Bash", &tool("Bash").input("rm -rf /"));
        check(r#""tool_name":"Bash","input":{}"#, "Bash", &tool("Bash"));
    }

    #[test]
    fn other_tools_show_their_input() {
        check(
            r#""tool_name":"WebFetch","input":{"url":"http://a.example/","prompt":"what"},"description":"http://a.example/""#,
            "WebFetch: http://a.example/",
            &tool("WebFetch").input("{\n  \"url\": \"http://a.example/\",\n  \"prompt\": \"what\"\n}"),
        );
        check(
            r#""tool_name":"Read","input":{"file_path":"/etc/passwd","limit":3},"decision_reason":"outside""#,
            "Read: /etc/passwd",
            &tool("Read").paths(["/etc/passwd".to_owned()]).input("{\n  \"limit\": 3\n}").reason("outside"),
        );
    }
}
