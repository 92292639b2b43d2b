//! Goose calls all that it does `other`, and names its tools only in fields of its own.

use agent_client_protocol::v1::schema::{ToolCall, ToolKind};

/// Its tool for commands.
const SHELL: &str = "developer__shell";

/// The tool of a step, as goose calls it to its model: two of its extensions may have tools of one name.
pub(crate) fn tool(call: &ToolCall) -> Option<String> {
    let told = call.meta.as_ref()?.get("goose")?.get("toolCall")?;
    let name = told.get("toolName")?.as_str()?;
    let extension = told.get("extensionName").and_then(|name| name.as_str());
    Some(extension.map_or_else(|| name.to_owned(), |extension| format!("{extension}__{name}")))
}

/// Calls a step of goose's what it is.
pub(crate) fn recognize(call: &mut ToolCall) {
    if call.kind == ToolKind::Other && tool(call).as_deref() == Some(SHELL) {
        call.kind = ToolKind::Execute;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn tools_have_the_names_that_goose_tells() {
        let check = |meta: Value, name: Option<&str>, kind: ToolKind| {
            let mut call = ToolCall::new("1", "shell · ls");
            call.meta = meta.as_object().cloned();
            recognize(&mut call);
            assert_eq!((tool(&call).as_deref(), call.kind), (name, kind), "{meta}");
        };
        let told = |call: Value| json!({ "goose": { "toolCall": call } });
        let shell = json!({ "toolName": "shell", "extensionName": "developer" });
        check(told(shell), Some("developer__shell"), ToolKind::Execute);
        // Whoever brings another tool of this name does not get the rules of goose's own.
        let other = json!({ "toolName": "shell", "extensionName": "mine" });
        check(told(other), Some("mine__shell"), ToolKind::Other);
        check(told(json!({ "toolName": "shell" })), Some("shell"), ToolKind::Other);
        check(told(json!({ "toolName": 1 })), None, ToolKind::Other);
        check(json!({ "toolName": "shell" }), None, ToolKind::Other);
    }
}
