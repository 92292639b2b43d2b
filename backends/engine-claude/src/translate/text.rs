//! Titles and errors as a person reads them.

use std::borrow::Cow;

use crate::event::{Line, RateLimit};

/// Figures for the makers of claude, among the errors of a result.
const DIAGNOSTIC: &str = "[ede_diagnostic]";

/// What claude says, before the thread, of one that it does not have.
const UNKNOWN_THREAD: &str = "No conversation found with session ID: ";

/// Why a turn failed.
pub(super) fn of_failure(line: &Line<'_>) -> String {
    let told: Vec<String> = line.errors.elements();
    let (diagnostics, errors): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|error| error.starts_with(DIAGNOSTIC));
    if let Some(thread) = errors.iter().find_map(|error| error.strip_prefix(UNKNOWN_THREAD)) {
        return format!("claude has no thread {thread}; leave out the resume line to start a new one");
    }
    if !errors.is_empty() {
        return errors.join("\n");
    }
    let result = line.result.text();
    if !result.trim().is_empty() {
        return result.into_owned();
    }
    if line.terminal_reason.text().starts_with("aborted") {
        return "claude was interrupted".to_owned();
    }
    match &*line.subtype.text() {
        "error_max_turns" => "claude came to its limit of turns".to_owned(),
        "error_max_budget_usd" => "claude came to the limit of its budget".to_owned(),
        subtype => {
            let reasons: Vec<_> = [subtype.to_owned()].into_iter().chain(diagnostics).collect();
            format!("claude says that the run failed, but not why ({})", reasons.join("; "))
        }
    }
}

/// `retrying 3/10 (authentication_failed, 401)`.
pub(super) fn of_retry(line: &Line<'_>) -> String {
    let (attempt, of) = (line.attempt.text(), line.max_retries.text());
    let why: Vec<Cow<'_, str>> =
        [line.error.text(), line.error_status.text()].into_iter().filter(|text| !text.is_empty()).collect();
    match &why[..] {
        [] => format!("retrying {attempt}/{of}"),
        why => format!("retrying {attempt}/{of} ({})", why.join(", ")),
    }
}

pub(super) fn of_denial(tool: &str, message: &str) -> String {
    if message.is_empty() { format!("{tool} is not permitted") } else { format!("{tool}: {message}") }
}

/// `rate limit five_hour: allowed_warning, 92 % used`.
pub(super) fn of_rate_limit(limit: &RateLimit<'_>) -> String {
    let mut text = format!("rate limit {}: {}", limit.kind.text(), limit.status.text());
    if let Some(share) = limit.utilization.read::<f64>() {
        text.push_str(&format!(", {:.0} % used", share * 100.0));
    }
    text
}

/// What a slash command printed, if a message is that.
pub(super) fn of_local_command(message: &str) -> Option<String> {
    ["stdout", "stderr"].into_iter().find_map(|stream| {
        let rest = message.trim().strip_prefix(&format!("<local-command-{stream}>"))?;
        Some(rest.strip_suffix(&format!("</local-command-{stream}>")).unwrap_or(rest).trim().to_owned())
    })
}

/// The code in the result of a command that failed: its first line is `Exit code 3`.
pub(super) fn exit_code(result: &str) -> Option<i32> {
    result.strip_prefix("Exit code ")?.lines().next()?.trim().parse().ok()
}

pub(super) fn or_else(text: &str, other: &str) -> String {
    if text.trim().is_empty() { other.replace('_', " ") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use takopi_api::jsonl::Wire;

    use super::*;

    #[track_caller]
    fn check_failure(line: &str, expected: &str) {
        assert_eq!(of_failure(&Line::read(line).unwrap()), expected);
    }

    #[test]
    fn a_failure_has_the_best_reason_there_is() {
        check_failure(r#"{"errors":["No conversation","twice"],"result":"x"}"#, "No conversation\ntwice");
        check_failure(r#"{"result":"API Error: 400"}"#, "API Error: 400");
        check_failure(
            r#"{"errors":["No conversation found with session ID: s9"]}"#,
            "claude has no thread s9; leave out the resume line to start a new one",
        );
        let interrupted = r#"{"subtype":"error_during_execution","terminal_reason":"aborted_tools","errors":["[ede_diagnostic] x"]}"#;
        check_failure(interrupted, "claude was interrupted");
        check_failure(r#"{"subtype":"error_max_turns"}"#, "claude came to its limit of turns");
        let unclear = r#"{"subtype":"error_during_execution","errors":["[ede_diagnostic] x",7]}"#;
        check_failure(
            unclear,
            "claude says that the run failed, but not why (error_during_execution; [ede_diagnostic] x)",
        );
    }

    #[test]
    fn retries_tell_how_many_and_why() {
        let line = r#"{"attempt":3,"max_retries":10,"error":"authentication_failed","error_status":401}"#;
        assert_eq!(of_retry(&Line::read(line).unwrap()), "retrying 3/10 (authentication_failed, 401)");
        let line = r#"{"attempt":1,"max_retries":10,"error_status":null}"#;
        assert_eq!(of_retry(&Line::read(line).unwrap()), "retrying 1/10");
    }

    #[test]
    fn exit_codes_are_read() {
        assert_eq!(exit_code("Exit code 3\nout\nerr"), Some(3));
        assert_eq!(exit_code("The user doesn't want to proceed"), None);
    }

    #[test]
    fn what_a_slash_command_printed() {
        let printed = "<local-command-stdout>Compacted </local-command-stdout>";
        assert_eq!(of_local_command(printed).as_deref(), Some("Compacted"));
        assert_eq!(of_local_command("hello"), None);
    }
}
