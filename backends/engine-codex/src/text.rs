//! Titles and errors as a person reads them.

use takopi_api::jsonl::{Field, Wire};
use takopi_api::wire;

wire! {
    /// Codex's own, or the API's.
    pub(crate) struct ErrorBody<'a> {
        "error" => error: Field<'a>,
        "message" => message: Field<'a>,
        "detail" => detail: Field<'a>,
    }
}

/// The message in an error, which may be the API's own JSON.
pub(crate) fn of_error(message: &str) -> String {
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
pub(crate) fn of_command(command: &str) -> String {
    inner_command(command, |_| true).unwrap_or_else(|| command.to_owned())
}

/// The same for a command that is asked about. A program in another folder may be anything, whatever its name is, so it is
/// shown as it will be run.
pub(crate) fn of_asked_command(command: &str) -> String {
    const FOLDERS: &[&str] = &["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
    let is_shell = |folder: Option<&str>| folder.is_none_or(|folder| FOLDERS.contains(&folder));
    inner_command(command, is_shell).unwrap_or_else(|| command.to_owned())
}

/// What a shell was started for, if it is one of a folder (or of `PATH`) that is right for it.
fn inner_command(command: &str, is_right: impl Fn(Option<&str>) -> bool) -> Option<String> {
    let (program, rest) = command.split_once(' ')?;
    let (folder, shell) = match program.rsplit_once('/') {
        Some((folder, shell)) => (Some(folder), shell),
        None => (None, program),
    };
    if !is_right(folder) {
        return None;
    }
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

/// A list of things to do: what each is, and whether it is done.
pub(crate) fn of_todos<T: AsRef<str>>(todos: &[(T, bool)]) -> String {
    let done = todos.iter().filter(|(_, is_done)| *is_done).count();
    match todos.iter().find(|(_, is_done)| !is_done) {
        Some((next, _)) => format!("todo {done}/{}: {}", todos.len(), next.as_ref()),
        None if todos.is_empty() => "todo".to_owned(),
        None => format!("todo {done}/{done}: done"),
    }
}

/// The end of what a program said, without the codes that colour it on a terminal: as many lines as fit a message.
pub(crate) fn of_complaint(tail: &str) -> String {
    const LINES: usize = 10;
    let plain = without_colours(tail.trim_end());
    let start = plain.rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    plain[start..].to_owned()
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest));
    }
    plain
}

pub(crate) fn of_subagent(tool: &str, prompt: &str) -> String {
    match prompt.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{tool}: {}", line.trim()),
        None => tool.to_owned(),
    }
}

/// The reason in codex's log line: `exec_command failed: CreateProcess { message: "Rejected(\"… rejected: why\")" }`.
pub(crate) fn of_refusal(error: &str) -> &str {
    let reason = error.rsplit_once(" rejected: ").map_or(error, |(_, reason)| reason);
    reason.trim_end_matches(['"', ')', '\\', '}', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_shell_that_is_asked_about_is_unwrapped_only_in_a_folder_of_the_system() {
        let check = |command: &str, expected: &str| assert_eq!(of_asked_command(command), expected);
        for shell in ["bash", "/bin/bash", "/usr/bin/zsh", "/usr/local/bin/fish", "/opt/homebrew/bin/bash"] {
            check(&format!("{shell} -lc 'git status'"), "git status");
        }
        for shell in ["/repo/bash", "./bash", "repo/bash", "/bash", "/repo/bin/sh", "/bin/../repo/sh", "//sh"]
        {
            let command = format!("{shell} -lc 'git status'");
            check(&command, &command);
            assert_eq!(of_command(&command), "git status", "of what is done only the sense is shown");
        }
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
        assert_eq!(of_todos(&[("a", true), ("b", false)]), "todo 1/2: b");
        assert_eq!(of_todos(&[("a", true)]), "todo 1/1: done");
        assert_eq!(of_todos::<&str>(&[]), "todo");
    }

    #[test]
    fn complaints_are_short_and_plain() {
        let tail: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        assert!(of_complaint(&tail).starts_with("line 21\n"));
        assert_eq!(
            of_complaint("\u{1b}[2mnow\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m it broke\n"),
            "now ERROR it broke"
        );
        assert_eq!(of_complaint("\u{1b}["), "");
    }

    #[test]
    fn refusals_are_told_without_their_wrapping() {
        let error = r#"exec_command failed: CreateProcess { message: "Rejected(\"`/bin/bash -lc 'rm -rf x'` rejected: rm -f style commands are not permitted. Use a safer approach\")" }"#;
        assert_eq!(of_refusal(error), "rm -f style commands are not permitted. Use a safer approach");
        assert_eq!(of_refusal("unsupported call: Task"), "unsupported call: Task");
    }
}
