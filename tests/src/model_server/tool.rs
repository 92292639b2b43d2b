//! Finds, among the tools that an engine offers, the one for what the model wants done.

use serde_json::{Map, Value, json};

use super::scenario::Act;

/// A tool as an engine offers it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tool {
    name: String,
    namespace: Option<String>,
    /// Whether it takes a text and not JSON.
    is_freeform: bool,
    properties: Map<String, Value>,
}

impl Tool {
    /// A tool in one of the forms in which the protocols have it.
    pub(super) fn read(tool: &Value) -> Self {
        let inner = tool.get("function").unwrap_or(tool);
        let name = inner["name"].as_str().or_else(|| inner["type"].as_str()).unwrap_or_default();
        let schema = ["parameters", "input_schema", "parametersJsonSchema", "inputSchema"]
            .iter()
            .find_map(|key| inner.get(key))
            .unwrap_or(&Value::Null);
        Self {
            name: name.to_owned(),
            namespace: None,
            is_freeform: inner["type"] == "custom",
            properties: schema["properties"].as_object().cloned().unwrap_or_default(),
        }
    }

    /// The same tool, in a namespace in which it must be called.
    pub(super) fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// The first of these properties that the tool has, or else the first of them.
    fn property<'a>(&self, names: &[&'a str]) -> &'a str {
        names.iter().find(|name| self.properties.contains_key(**name)).unwrap_or(&names[0])
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) input: Input,
}

/// What a tool is called with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    Arguments(Value),
    Text(String),
}

impl Input {
    /// The arguments as JSON; a protocol without tools that take a text sends that as a JSON string.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Arguments(arguments) => arguments.clone(),
            Self::Text(text) => json!(text),
        }
    }
}

/// The tools of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Toolbox {
    pub(super) tools: Vec<Tool>,
    /// The working folder, for tools that want absolute paths.
    pub(super) folder: Option<String>,
}

const SHELLS: &[&str] =
    &["exec_command", "shell_command", "shell", "local_shell", "Bash", "bash", "run_shell_command"];
const WRITERS: &[&str] = &["Write", "write", "write_file", "create"];
const READERS: &[&str] = &["Read", "read", "read_file"];
const EDITORS: &[&str] = &["Edit", "edit", "replace", "edit_file", "str_replace"];
const ASKERS: &[&str] =
    &["AskUserQuestion", "request_user_input", "question", "ask_user", "ask_user_question"];
const PLANNERS: &[&str] = &["ExitPlanMode", "exit_plan_mode", "plan_exit"];
const PATHS: &[&str] = &["file_path", "filePath", "absolute_path", "path"];

impl Toolbox {
    /// The call that does it; with the shell if there is nothing better.
    pub(super) fn call(&self, act: &Act) -> Call {
        match *act {
            Act::Shell(command) => self.shell(command),
            Act::Outside(command) => self.outside(command),
            Act::Ask => self.named(ASKERS, question()),
            Act::Plan(plan) => self.named(PLANNERS, json!({ "plan": plan })),
            Act::Write { path, content } => {
                let added: String = content.lines().map(|line| format!("+{line}\n")).collect();
                self.patch(&format!("*** Add File: {path}\n{added}"))
                    .or_else(|| self.write(path, content))
                    .unwrap_or_else(|| self.shell(&format!("printf {content:?} > {path}")))
            }
            Act::Read { path } => self.read(path).unwrap_or_else(|| self.shell(&format!("cat {path}"))),
            Act::Edit { path, old, new } => self
                .patch(&format!("*** Update File: {path}\n@@\n-{old}\n+{new}\n"))
                .or_else(|| self.edit(path, old, new))
                .unwrap_or_else(|| self.shell(&format!("sed -i s/{old}/{new}/ {path}"))),
        }
    }

    fn first(&self, names: &[&str]) -> Option<&Tool> {
        names.iter().find_map(|name| self.tools.iter().find(|tool| tool.name == *name))
    }

    fn shell(&self, command: &str) -> Call {
        let unknown = Tool { name: "bash".to_owned(), ..Tool::default() };
        let tool = self.first(SHELLS).unwrap_or(&unknown);
        let mut arguments = match &*tool.name {
            "exec_command" => json!({"cmd": command}),
            // Codex's own takes the words of a command.
            "shell" if tool.properties.get("command").is_none_or(|schema| schema["type"] != "string") => {
                json!({"command": ["bash", "-lc", command]})
            }
            _ => json!({"command": command}),
        };
        // Some want these, and none may have one that it does not know. Codex's shell goes into the background soon if
        // it is not told to wait.
        let extras = [
            ("description", json!("Run a command")),
            ("is_background", json!(false)),
            ("yield_time_ms", json!(30_000)),
            ("timeout_ms", json!(120_000)),
        ];
        for (key, value) in extras {
            if tool.properties.contains_key(key) {
                arguments[key] = value;
            }
        }
        call(tool, Input::Arguments(arguments))
    }

    /// The shell, asked to let a command out of the sandbox where it can be asked that.
    fn outside(&self, command: &str) -> Call {
        let mut call = self.shell(command);
        let tool = self.tools.iter().find(|tool| tool.name == call.name);
        if let (Some(tool), Input::Arguments(arguments)) = (tool, &mut call.input) {
            let wants = [
                ("sandbox_permissions", json!("require_escalated")),
                ("with_escalated_permissions", json!(true)),
            ];
            for (key, value) in wants {
                if tool.properties.contains_key(key) {
                    arguments[key] = value;
                    arguments["justification"] = json!("It writes outside of the sandbox.");
                }
            }
        }
        call
    }

    /// A tool under one of these names; the first of them if it is not offered, which the engine then says.
    fn named(&self, names: &[&str], arguments: Value) -> Call {
        let unknown = Tool { name: names[0].to_owned(), ..Tool::default() };
        call(self.first(names).unwrap_or(&unknown), Input::Arguments(arguments))
    }

    fn patch(&self, body: &str) -> Option<Call> {
        let tool = self.first(&["apply_patch"])?;
        let patch = format!("*** Begin Patch\n{body}*** End Patch");
        let input = if tool.is_freeform {
            Input::Text(patch)
        } else {
            let key = tool.property(&["input", "patchText", "patch"]);
            Input::Arguments(json!({ (key): patch }))
        };
        Some(call(tool, input))
    }

    fn write(&self, path: &str, content: &str) -> Option<Call> {
        let tool = self.first(WRITERS)?;
        let (key, path) = self.path(tool, path);
        Some(call(tool, Input::Arguments(json!({ (key): path, "content": content }))))
    }

    fn read(&self, path: &str) -> Option<Call> {
        let tool = self.first(READERS)?;
        let (key, path) = self.path(tool, path);
        Some(call(tool, Input::Arguments(json!({ (key): path }))))
    }

    fn edit(&self, path: &str, old: &str, new: &str) -> Option<Call> {
        let tool = self.first(EDITORS)?;
        let (key, path) = self.path(tool, path);
        if tool.properties.contains_key("edits") {
            let edits = json!([{"oldText": old, "newText": new}]);
            return Some(call(tool, Input::Arguments(json!({ (key): path, "edits": edits }))));
        }
        let before = tool.property(&["old_string", "oldString", "oldText", "old_text", "before"]);
        let after = tool.property(&["new_string", "newString", "newText", "new_text", "after"]);
        let mut arguments = json!({ (key): path, (before): old, (after): new });
        if tool.properties.contains_key("instruction") {
            arguments["instruction"] = json!("change it");
        }
        Some(call(tool, Input::Arguments(arguments)))
    }

    /// The name of the property for a path, and the path; a tool with another name than `path` for it wants it absolute.
    fn path(&self, tool: &Tool, path: &str) -> (&'static str, String) {
        let key = tool.property(PATHS);
        let folder = self.folder.as_deref().filter(|_| key != "path");
        (key, folder.map_or_else(|| path.to_owned(), |folder| format!("{folder}/{path}")))
    }
}

/// The fields of all engines' tools for questions: each takes those that it knows.
fn question() -> Value {
    json!({ "questions": [{
        "id": "colour",
        "header": "Colour",
        "question": "Which colour?",
        "type": "choice",
        "multiSelect": false,
        "multiple": false,
        "options": [
            { "label": "Red", "description": "The red one" },
            { "label": "Blue", "description": "The blue one" },
        ],
    }] })
}

fn call(tool: &Tool, input: Input) -> Call {
    // `functions` is where tools without a namespace are.
    let namespace = tool.namespace.clone().filter(|name| name != "functions");
    Call { name: tool.name.clone(), namespace, input }
}

/// The working folder, which engines tell their models in one of these forms.
pub(super) fn folder(request: &str) -> Option<String> {
    const BEFORE: &[&str] =
        &["<cwd>", "orking directory: ", "orking directory:** ", "orking in the directory: "];
    let start = BEFORE.iter().filter_map(|mark| Some(request.find(mark)? + mark.len())).min()?;
    let path = request[start..].split(['<', '\\', '\n', '"']).next().unwrap_or_default().trim();
    (!path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolbox(tools: &[Value]) -> Toolbox {
        Toolbox { tools: tools.iter().map(Tool::read).collect(), folder: Some("/work".to_owned()) }
    }

    fn with(name: &str, properties: &[&str]) -> Value {
        let properties: Map<_, _> =
            properties.iter().map(|key| ((*key).to_owned(), json!({"type": "string"}))).collect();
        json!({"name": name, "input_schema": {"properties": properties}})
    }

    const WRITE: Act = Act::Write { path: "a.txt", content: "one\n" };

    #[test]
    fn each_engine_s_tool_is_found() {
        let check = |tools: &[Value], act: &Act, name: &str, arguments: Value| {
            let call = toolbox(tools).call(act);
            assert_eq!((&*call.name, call.input), (name, Input::Arguments(arguments)));
        };
        let echo = Act::Shell("echo");
        check(&[], &echo, "bash", json!({"command": "echo"}));
        check(
            &[with("exec_command", &["cmd", "yield_time_ms"])],
            &echo,
            "exec_command",
            json!({"cmd": "echo", "yield_time_ms": 30_000}),
        );
        check(&[with("shell", &[])], &echo, "shell", json!({"command": ["bash", "-lc", "echo"]}));
        check(&[with("shell", &["command"])], &echo, "shell", json!({"command": "echo"}));
        check(
            &[
                json!({"type": "function", "function": {"name": "bash", "parameters": {"properties": {"description": {}}}}}),
            ],
            &echo,
            "bash",
            json!({"command": "echo", "description": "Run a command"}),
        );
        check(
            &[with("Bash", &[]), with("Write", &["file_path", "content"])],
            &WRITE,
            "Write",
            json!({"file_path": "/work/a.txt", "content": "one\n"}),
        );
        check(
            &[with("write", &["path", "content"])],
            &WRITE,
            "write",
            json!({"path": "a.txt", "content": "one\n"}),
        );
        check(&[with("Bash", &[])], &WRITE, "Bash", json!({"command": "printf \"one\\n\" > a.txt"}));
        check(
            &[with("edit", &["filePath", "oldString", "newString"])],
            &Act::Edit { path: "a", old: "x", new: "y" },
            "edit",
            json!({"filePath": "/work/a", "oldString": "x", "newString": "y"}),
        );
    }

    #[test]
    fn a_tool_that_takes_a_text_gets_a_patch() {
        let toolbox = toolbox(&[json!({"type": "custom", "name": "apply_patch"})]);
        let patch = "*** Begin Patch\n*** Add File: a.txt\n+one\n*** End Patch";
        assert_eq!(toolbox.call(&WRITE).input, Input::Text(patch.to_owned()));
    }

    #[test]
    fn the_working_folder_is_found() {
        let check =
            |request, expected: Option<&str>| assert_eq!(folder(request).as_deref(), expected, "{request}");
        check(r#"{"text":"<cwd>/work</cwd>"}"#, Some("/work"));
        check(r#"{"text":"Primary working directory: /work\n - x"}"#, Some("/work"));
        check(r#"{"text":"**working directory:** /a b\nx"}"#, Some("/a b"));
        check(r#"{"text":"I'm currently working in the directory: /work\nx"}"#, Some("/work"));
        check(r#"{"text":"none"}"#, None);
    }
}
