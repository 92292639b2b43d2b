//! Files of chats: those that people put into projects and get from them, those that come with a prompt, and those that a
//! run leaves for people.

mod attach;
mod deny;
mod folder;
mod get;
mod outbox;
mod permission;
mod put;

use std::path::{Component, Path, PathBuf};

use takopi_api::error::Error;
use takopi_api::markdown;

pub(super) use self::attach::Destination;
pub use self::deny::{DenyRules, InvalidPattern};
pub(super) use self::get::get;
pub(super) use self::outbox::Outbox;
pub(super) use self::permission::may_transfer;
pub(super) use self::put::{Existing, Put, Target};

/// The most that is taken from a chat, in bytes.
const MAX_TAKEN: u64 = 20 * 1024 * 1024;

/// The most that is sent to a chat, in bytes.
const MAX_SENT: u64 = 50 * 1024 * 1024;

/// A path below the root, from what was typed.
pub(super) fn inside(typed: &str, rules: &DenyRules) -> Result<PathBuf, Error> {
    let refuse = |why: &str| Err(Error::new(format!("{} {why}", markdown::code(typed))));
    if typed.starts_with('~') {
        return refuse("begins with ~; paths start at the project");
    }
    let mut path = PathBuf::new();
    for part in Path::new(typed).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return refuse("leads out of the project");
            }
        }
    }
    match rules.denies(&path) {
        Some(rule) => refuse(&format!("is denied by the rule `{rule}`")),
        None => Ok(path),
    }
}

/// `0 b`, `1.5 kb`, `10 mb`.
fn shown_size(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["b", "kb", "mb", "gb"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "b" || size >= 10.0 { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_project() {
        let inside = |typed: &str| inside(typed, &DenyRules::default());
        for bad in [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "~/x",
            ".git/config",
            "a/.git/b",
            ".env",
            "b/.env.local",
            "k.pem",
            ".ssh/a/b",
        ] {
            assert!(inside(bad).is_err(), "{bad}");
        }
        assert_eq!(inside("./a/b.txt").unwrap(), Path::new("a/b.txt"));
    }

    #[test]
    fn sizes_are_short() {
        let shown: Vec<_> = [0, 1023, 1024, 1536, 10 << 20, 3 << 30].map(shown_size).into();
        assert_eq!(shown, ["0 b", "1023 b", "1.0 kb", "1.5 kb", "10 mb", "3.0 gb"]);
    }
}
