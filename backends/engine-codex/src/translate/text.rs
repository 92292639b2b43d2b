//! Titles and errors as a person reads them.

use takopi_api::jsonl::Wire;

use crate::event::{ErrorBody, Todo};

/// The message in an error, which may be the API's own JSON.
pub(super) fn of_error(message: &str) -> String {
    let message = message.trim();
    if !message.starts_with('{') {
        return message.to_owned();
    }
    let body = ErrorBody::read(message).unwrap_or_default();
    [body.error, body.message, body.detail]
        .into_iter()
        .find(|field| field.is_present())
        .map_or_else(|| message.to_owned(), |field| of_error(&field.text()))
}

/// The command that a shell was started for: `/bin/bash -lc 'echo hi'` is `echo hi`.
pub(super) fn of_command(command: &str) -> String {
    inner_command(command).unwrap_or_else(|| command.to_owned())
}

fn inner_command(command: &str) -> Option<String> {
    let (program, rest) = command.split_once(' ')?;
    let shell = program.rsplit('/').next()?;
    let (flag, inner) = rest.split_once(' ')?;
    if !matches!(shell, "bash" | "sh" | "zsh" | "fish" | "dash") || !matches!(flag, "-lc" | "-c") {
        return None;
    }
    unquote(inner)
}

/// One word of a POSIX shell, without what needs a shell to be understood.
fn unquote(word: &str) -> Option<String> {
    let mut plain = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        match first {
            '\'' => {
                let end = rest[1..].find('\'')? + 1;
                plain.push_str(&rest[1..end]);
                rest = &rest[end + 1..];
            }
            '"' => rest = unquote_double(&rest[1..], &mut plain)?,
            '\\' => {
                let escaped = rest[1..].chars().next()?;
                plain.push(escaped);
                rest = &rest[1 + escaped.len_utf8()..];
            }
            c if c.is_whitespace() => return None,
            c => {
                plain.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Some(plain)
}

/// Reads up to the closing quote and gives what follows it.
fn unquote_double<'a>(quoted: &'a str, plain: &mut String) -> Option<&'a str> {
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(&quoted[at + 1..]),
            '$' | '`' => return None,
            '\\' => match chars.next()?.1 {
                escaped @ ('\\' | '"' | '$' | '`') => plain.push(escaped),
                other => plain.extend(['\\', other]),
            },
            c => plain.push(c),
        }
    }
    None
}

pub(super) fn of_todos(todos: &[Todo<'_>]) -> String {
    let is_done = |todo: &&Todo<'_>| todo.completed.read() == Some(true);
    let done = todos.iter().filter(is_done).count();
    match todos.iter().find(|todo| !is_done(todo)) {
        Some(next) => format!("todo {done}/{}: {}", todos.len(), next.text.text()),
        None if todos.is_empty() => "todo".to_owned(),
        None => format!("todo {done}/{done}: done"),
    }
}

pub(super) fn of_subagent(tool: &str, prompt: &str) -> String {
    match prompt.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{tool}: {}", line.trim()),
        None => tool.to_owned(),
    }
}

/// The reason in codex's log line: `exec_command failed: CreateProcess { message: "Rejected(\"… rejected: why\")" }`.
pub(super) fn of_refusal(error: &str) -> &str {
    let reason = error.rsplit_once(" rejected: ").map_or(error, |(_, reason)| reason);
    reason.trim_end_matches(['"', ')', '\\', '}', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Item;

    #[test]
    fn shells_are_unwrapped_only_where_that_is_certain() {
        let check = |command: &str, expected: &str| assert_eq!(of_command(command), expected);
        check("/bin/bash -lc 'echo hi'", "echo hi");
        check("bash -lc ls", "ls");
        check(r#"/usr/bin/zsh -lc "git status""#, "git status");
        check(r"/bin/bash -lc 'echo '\''a b'\'''", "echo 'a b'");
        check(r#"/bin/bash -lc 'echo '"'"'hi'"'"''"#, "echo 'hi'");
        check(r#"bash -lc "tr '\\0' 'x'; echo \$A""#, r"tr '\0' 'x'; echo $A");
        check(r#"bash -lc "echo $HOME""#, r#"bash -lc "echo $HOME""#);
        check("bash script.sh -lc x", "bash script.sh -lc x");
        check("bash -lc 'a' 'b'", "bash -lc 'a' 'b'");
        check("bash -lc 'open", "bash -lc 'open");
        check("cargo test", "cargo test");
        check("", "");
    }

    #[test]
    fn errors_are_unwrapped_from_their_json() {
        let check = |message: &str, expected: &str| assert_eq!(of_error(message), expected);
        check("plain words\n", "plain words");
        check(r#"{"type":"error","error":{"type":"x","message":"Fake 400 error."}}"#, "Fake 400 error.");
        check(r#"{"detail":"no such model"}"#, "no such model");
        check(r#"{"code":7}"#, r#"{"code":7}"#);
        check("[1]", "[1]");
    }

    #[test]
    fn todos_name_the_next_one() {
        let check = |todos: &str, expected: &str| {
            let item = format!(r#"{{"items":{todos}}}"#);
            assert_eq!(of_todos(Item::read(&item).unwrap().items.get()), expected);
        };
        check(r#"[{"text":"a","completed":true},{"text":"b"}]"#, "todo 1/2: b");
        check(r#"[{"text":"a","completed":true},7]"#, "todo 1/1: done");
        check("[]", "todo");
    }

    #[test]
    fn refusals_are_told_without_their_wrapping() {
        let error = r#"exec_command failed: CreateProcess { message: "Rejected(\"`/bin/bash -lc 'rm -rf x'` rejected: rm -f style commands are not permitted. Use a safer approach\")" }"#;
        assert_eq!(of_refusal(error), "rm -f style commands are not permitted. Use a safer approach");
        assert_eq!(of_refusal("unsupported call: Task"), "unsupported call: Task");
    }
}
