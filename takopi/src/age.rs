//! How long ago something was.

use std::time::SystemTime;

/// How long ago a moment was, by its largest unit. A clock that went back makes it as young as can be.
pub(crate) fn ago(moment: SystemTime) -> String {
    let age = SystemTime::now().duration_since(moment).unwrap_or_default();
    let minutes = age.as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes}m ago"),
        60..1440 => format!("{}h ago", minutes / 60),
        _ => format!("{}d ago", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let check = |seconds, expected: &str| {
            assert_eq!(ago(SystemTime::now() - Duration::from_secs(seconds)), expected);
        };
        check(0, "just now");
        check(50, "just now");
        check(70, "1m ago");
        check(3590, "59m ago");
        check(3610, "1h ago");
        check(86_390, "23h ago");
        check(86_410, "1d ago");
        check(400 * 86_400 + 10, "400d ago");
        assert_eq!(ago(SystemTime::now() + Duration::from_secs(900)), "just now");
    }
}
