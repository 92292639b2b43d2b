//! A call of a tool as the person sees it who is asked whether it may be done.

use serde_json::{Map, Value};
use takopi_api::event::Permission;
use takopi_api::jsonl::Wire;

use crate::event::Wanted;

/// A call that takopi's extension holds up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Its id, which the answer has to name.
    pub(super) id: String,
    /// One line: what is asked.
    pub(super) title: String,
    pub(super) permission: Permission,
}

impl Call {
    /// Reads what the extension asks. Nothing if it is not that.
    pub(super) fn read(question: &str) -> Option<Self> {
        let wanted = Wanted::read(question).ok()?;
        if !(wanted.call.is_present() && wanted.tool.is_present() && wanted.input.is_present()) {
            return None;
        }
        let tool = wanted.tool.text();
        let is_of_pi = wanted.builtin.read() == Some(true);
        // One of an extension may do anything, also under a name of pi's own.
        let tool = if is_of_pi { tool.into_owned() } else { format!("extension:{tool}") };
        let (mut permission, rest) = match wanted.input.read::<Map<String, Value>>() {
            Some(input) if is_of_pi => described(&tool, input),
            Some(input) => (Permission::default(), shown(input)),
            None => (Permission::default(), Some(wanted.input.text().into_owned())),
        };
        if let Some(rest) = rest {
            permission = permission.input(rest);
        }
        if wanted.cwd.is_present() {
            permission = permission.cwd(wanted.cwd.text());
        }
        let title = title(&tool, &permission);
        Some(Self { id: wanted.call.text().into_owned(), title, permission: permission.tool(tool) })
    }
}

/// What of the input people know by a name, and the rest of it as it is.
fn described(tool: &str, mut input: Map<String, Value>) -> (Permission, Option<String>) {
    let mut permission = Permission::default();
    match tool {
        "bash" | "powershell" => {
            if let Some(command) = take_text(&mut input, "command") {
                permission = permission.command(command);
                // How long it may take says nothing about what it does.
                input.remove("timeout");
            }
        }
        "write" => {
            permission = permission.paths(take_text(&mut input, "path"));
            if let Some(content) = take_text(&mut input, "content") {
                permission = permission.content(content);
            }
        }
        "edit" => {
            permission = permission.paths(take_text(&mut input, "path"));
            if let Some(diff) = take_edits(&mut input, permission.paths.first()) {
                permission = permission.diff(diff);
            }
        }
        _ => {}
    }
    (permission, shown(input))
}

/// Input as it is.
fn shown(input: Map<String, Value>) -> Option<String> {
    (!input.is_empty()).then(|| format!("{:#}", Value::Object(input)))
}

/// The text of a key. A value that is no text stays, and is shown as it is.
fn take_text(input: &mut Map<String, Value>, key: &str) -> Option<String> {
    match input.remove(key)? {
        Value::String(text) => Some(text),
        other => {
            input.insert(key.to_owned(), other);
            None
        }
    }
}

/// The edits of a file as one diff, without the lines around them: those are not known here.
fn take_edits(input: &mut Map<String, Value>, path: Option<&String>) -> Option<String> {
    let (edits, shown): (String, &[&str]) = match input.get("edits") {
        Some(Value::Array(edits)) => (edits.iter().map(hunk).collect::<Option<_>>()?, &["edits"]),
        // Older CLIs have one edit a call.
        _ => (hunk(&Value::Object(input.clone()))?, &["oldText", "newText"]),
    };
    for key in shown {
        input.remove(*key);
    }
    let path = path.map_or("?", String::as_str);
    Some(format!("--- {path}\n+++ {path}\n{edits}"))
}

/// One edit, if it is nothing but a text for another. (An object of a whole call has its path besides.)
fn hunk(edit: &Value) -> Option<String> {
    let fields = edit.as_object()?;
    let is_whole = fields.keys().all(|key| matches!(&**key, "oldText" | "newText" | "path"));
    let lines = |key: &str, sign: char| -> Option<String> {
        let text = fields.get(key)?.as_str()?;
        // By the ends of lines too: one that comes or goes is a change. Nothing in place of a text is no line.
        let lines = text.split('\n').filter(|_| !text.is_empty());
        Some(lines.map(|line| format!("{sign}{line}\n")).collect())
    };
    is_whole.then(|| Some(format!("@@\n{}{}", lines("oldText", '-')?, lines("newText", '+')?)))?
}

fn title(tool: &str, permission: &Permission) -> String {
    let first_line = |text: &str| text.trim().lines().next().unwrap_or_default().to_owned();
    match (&permission.command, &permission.paths[..]) {
        (Some(command), _) if !command.trim().is_empty() => first_line(command),
        (_, [path, ..]) => format!("{tool} {}", first_line(path)),
        _ => first_line(tool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tool: &str, input: &str) -> Call {
        wanted(tool, input, r#","builtin":true"#)
    }

    fn wanted(tool: &str, input: &str, more: &str) -> Call {
        let wanted = format!(r#"{{"call":"c1","tool":"{tool}","input":{input},"cwd":"/repo"{more}}}"#);
        Call::read(&wanted).unwrap()
    }

    fn asked(tool: &str) -> Permission {
        Permission::default().tool(tool).cwd("/repo")
    }

    #[test]
    fn what_would_be_done_is_told_in_the_terms_of_each_tool() {
        let call = read("bash", r#"{"command":"rm -rf x\nls","timeout":5}"#);
        assert_eq!((call.id.as_str(), call.title.as_str()), ("c1", "rm -rf x"));
        assert_eq!(call.permission, asked("bash").command("rm -rf x\nls"));

        let call = read("write", r#"{"path":"/repo/a","content":"1\n2\n"}"#);
        assert_eq!(call.title, "write /repo/a");
        assert_eq!(call.permission, asked("write").paths(["/repo/a".to_owned()]).content("1\n2\n"));

        let edits =
            r#"{"path":"/repo/a","edits":[{"oldText":"a\nb","newText":""},{"oldText":"c","newText":"d"}]}"#;
        let diff = "--- /repo/a\n+++ /repo/a\n@@\n-a\n-b\n@@\n-c\n+d\n";
        assert_eq!(read("edit", edits).permission, asked("edit").paths(["/repo/a".to_owned()]).diff(diff));
        let old = r#"{"path":"/repo/a","oldText":"c","newText":"d"}"#;
        let diff = "--- /repo/a\n+++ /repo/a\n@@\n-c\n+d\n";
        let shown = asked("edit").paths(["/repo/a".to_owned()]).diff(diff);
        assert_eq!(read("edit", old).permission, shown);

        // The end of a line is a change too.
        let end = r##"{"path":"/repo/a","oldText":"# a","newText":"# a\n"}"##;
        let ended = "--- /repo/a\n+++ /repo/a\n@@\n-# a\n+# a\n+\n";
        assert_eq!(read("edit", end).permission, asked("edit").paths(["/repo/a".to_owned()]).diff(ended));

        // Pi does both.
        let both =
            r#"{"path":"/repo/a","edits":[{"oldText":"c","newText":"d"}],"oldText":"e","newText":"f"}"#;
        let input = "{\n  \"newText\": \"f\",\n  \"oldText\": \"e\"\n}";
        assert_eq!(read("edit", both).permission, shown.input(input));
    }

    #[test]
    fn a_tool_of_an_extension_is_none_of_pi() {
        for more in ["", r#","builtin":false"#, r#","builtin":1"#] {
            let call = wanted("bash", r#"{"command":"ls"}"#, more);
            assert_eq!(call.title, "extension:bash");
            assert_eq!(call.permission, asked("extension:bash").input("{\n  \"command\": \"ls\"\n}"));
        }
    }

    #[test]
    fn what_has_no_name_is_shown_as_it_is() {
        let input = r#"{"to":"ada","body":[1]}"#;
        let pretty = "{\n  \"to\": \"ada\",\n  \"body\": [\n    1\n  ]\n}";
        let call = read("send_mail", input);
        assert_eq!((call.title.as_str(), call.permission), ("send_mail", asked("send_mail").input(pretty)));

        let call = read("bash", r#"{"command":"ls","as":"root"}"#);
        assert_eq!(call.permission, asked("bash").command("ls").input("{\n  \"as\": \"root\"\n}"));
        let call = read("bash", r#"{"command":["ls"]}"#);
        assert_eq!(
            (call.title.as_str(), call.permission),
            ("bash", asked("bash").input("{\n  \"command\": [\n    \"ls\"\n  ]\n}"))
        );
        let odd = read("edit", r#"{"path":"/a","edits":[{"oldText":"a","newText":"b","all":true}]}"#);
        assert!(odd.permission.diff.is_none() && odd.permission.input.unwrap().contains("\"all\": true"));
        assert_eq!(read("odd", "[1]").permission, asked("odd").input("[1]"));
        assert_eq!(read("bash", r#"{"command":" "}"#).title, "bash");
    }

    #[test]
    fn what_is_no_call_is_none() {
        for question in
            ["", "your name", "[]", "{}", r#"{"call":"c","tool":"bash"}"#, r#"{"tool":"x","input":{}}"#]
        {
            assert_eq!(Call::read(question), None, "{question}");
        }
    }
}
