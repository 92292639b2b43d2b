//! Errors as a person reads them.

use takopi_api::jsonl::Wire;

use crate::event::ErrorBody;

/// The message in an error, which may be the API's status and its own JSON: `400: {"message":"why",…}` is `400: why`.
pub(super) fn of_error(error: &str) -> String {
    let error = error.trim();
    let Some(start) = error.find('{') else { return error.to_owned() };
    let (before, json) = error.split_at(start);
    let body = ErrorBody::read(json).unwrap_or_default();
    [body.error, body.message, body.detail]
        .into_iter()
        .find(|field| field.is_present())
        .map_or_else(|| error.to_owned(), |field| format!("{before}{}", of_error(&field.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_unwrapped_from_their_json() {
        let check = |error: &str, expected: &str| assert_eq!(of_error(error), expected);
        check("terminated", "terminated");
        check(r#"400: {"type":"x","message":"Fake 400 error.","code":"x"}"#, "400: Fake 400 error.");
        check(r#"429 {"error":{"message":"slow down"}}"#, "429 slow down");
        check("expected { here", "expected { here");
        check(r#"{"code":7}"#, r#"{"code":7}"#);
        check("", "");
    }
}
