//! Errors as a person reads them.

use takopi_api::jsonl::Wire;

use crate::event::ErrorBody;

/// The message in an error: `[API Error: {"error":{"message":"why",…}}]` is `why`.
pub(crate) fn of_error(error: &str) -> String {
    let error = error.trim();
    let inner =
        error.strip_prefix("[API Error: ").and_then(|rest| rest.strip_suffix(']')).unwrap_or(error).trim();
    let body = ErrorBody::read(inner).unwrap_or_default();
    [body.error, body.message]
        .into_iter()
        .find(|field| field.is_present())
        .map_or_else(|| inner.to_owned(), |field| of_error(&field.text()))
}

/// The last attempt of which gemini told on standard error: it tries for minutes without a line on standard output.
pub(crate) fn of_last_attempt(stderr: &str) -> Option<String> {
    let line = stderr.lines().rev().find(|line| line.starts_with("Attempt ") && line.contains(" failed"))?;
    let (what, cause) = line.split_once(". Retrying")?;
    let error = cause.split_once("Error: ").map(|(_, error)| of_error(error));
    Some(match error {
        Some(error) => format!("gemini was trying again: {what}: {error}"),
        None => format!("gemini was trying again: {what}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_unwrapped_from_their_json() {
        let check = |error: &str, expected: &str| assert_eq!(of_error(error), expected);
        check(r#"[API Error: {"error":{"code":400,"message":"Fake 400 error."}}]"#, "Fake 400 error.");
        check("[API Error: terminated]", "terminated");
        check(r#"{"code":7}"#, r#"{"code":7}"#);
        check("plain words\n", "plain words");
    }

    #[test]
    fn the_last_attempt_is_told() {
        let stderr = "Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {}\n    at x\n\
                      Attempt 2 failed with status 500. Retrying with backoff... _ApiError: {\"error\":{\"message\":\"why\"}}\n    at y\n";
        let expected = "gemini was trying again: Attempt 2 failed with status 500: why";
        assert_eq!(of_last_attempt(stderr).as_deref(), Some(expected));
        assert_eq!(of_last_attempt("YOLO mode is enabled.\n"), None);
    }
}
