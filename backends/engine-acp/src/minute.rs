//! Gemini keeps a session in a file that has the minute in its name in which the session was opened. When it is opened again
//! within that minute, gemini 0.61.0 begins the same file anew before it reads it, and what was said is lost: so takopi
//! waits for the next minute.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use takopi_api::process::Environment;

/// How much of a session's id is in the name of its file.
const SHORT: usize = 8;

/// Where sessions are kept, a folder a project.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sessions {
    /// The variable that names another home folder.
    pub(crate) home: &'static str,
    /// Where it is in the home folder.
    pub(crate) folder: &'static str,
}

impl Sessions {
    /// How long it is until an agent that sees these variables can open a session. What can not be read is no reason to
    /// wait: the agent says itself what is wrong.
    pub(crate) async fn wait(self, session: &str, environment: &Environment) -> Option<Duration> {
        let folder = self.folder(&environment.select(std::env::vars_os()).collect())?;
        let session = session.to_owned();
        let look = move || wait(&folder, &session, since_the_beginning()).unwrap_or_default();
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    fn folder(self, seen: &HashMap<OsString, OsString>) -> Option<PathBuf> {
        let named = [self.home, "HOME"].iter().find_map(|name| seen.get(OsStr::new(name)));
        let named = named.filter(|home| !home.is_empty()).map(PathBuf::from);
        Some(named.or_else(std::env::home_dir)?.join(self.folder))
    }
}

/// A clock before 1970 is none.
fn since_the_beginning() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How long a session has to wait at this time, which is since the beginning of 1970.
fn wait(folder: &Path, session: &str, now: Duration) -> io::Result<Option<Duration>> {
    let Some(short) = session.get(..SHORT) else { return Ok(None) };
    let minute = now.as_secs() / 60;
    for project in fs::read_dir(folder)? {
        // A project without sessions has no such folder.
        let Ok(sessions) = fs::read_dir(project?.path().join("chats")) else { continue };
        for file in sessions {
            if minute_of(&file?.file_name(), short) == Some(minute) {
                return Ok(Some(Duration::from_secs((minute + 1) * 60).saturating_sub(now)));
            }
        }
    }
    Ok(None)
}

/// The minute since the beginning of 1970 in a name such as `session-2026-11-23T11-30-005920b8.jsonl`, which is in UTC, if
/// it is of this session.
fn minute_of(name: &OsStr, short: &str) -> Option<u64> {
    let name = name.to_str()?.strip_prefix("session-")?;
    let (date, name) = name.split_once('T')?;
    let (hours, name) = name.split_once('-')?;
    let (minutes, name) = name.split_once('-')?;
    name.strip_prefix(short)?.strip_prefix(".json")?;
    let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
    Some(days(date)? * 24 * 60 + u64::from(hours) * 60 + u64::from(minutes))
}

/// The days from the beginning of 1970 to a date such as `2026-11-23`.
fn days(date: &str) -> Option<u64> {
    let mut parts = date.split('-').map(str::parse::<u32>);
    let mut next = || Some(u64::from(parts.next()?.ok()?));
    let (year, month, day) = (next()?, next()?, next()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A year that begins in March has its odd day at its end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let since_march = (153 * month + 2) / 5 + day - 1;
    // As many days are from March of the year 0 to 1970.
    (year * 365 + leap_days + since_march).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "005920b8-2608-4247-8cdc-1d168741cab4";

    #[test]
    fn the_minute_is_in_the_name() {
        let check =
            |name: &str, expected| assert_eq!(minute_of(OsStr::new(name), "005920b8"), expected, "{name}");
        check("session-2026-11-23T11-30-005920b8.jsonl", Some(1_795_433_400 / 60));
        check("session-2024-02-29T00-00-005920b8.json", Some(1_709_164_800 / 60));
        check("session-1970-01-01T00-00-005920b8.json", Some(0));
        check("session-1969-12-31T23-59-005920b8.json", None);
        check("session-2026-13-01T00-00-005920b8.json", None);
        check("session-2026T11-30-005920b8.jsonl", None);
        check("session-2026-11-23T11-30-ecc0094e.jsonl", None);
        check("session-2026-11-23T11-3x-005920b8.jsonl", None);
        check("session-2026-11-23T11-30-005920b8", None);
        check("logs.json", None);
    }

    #[test]
    fn the_folder_is_where_the_agent_looks() {
        let sessions = Sessions { home: "GEMINI_CLI_HOME", folder: ".gemini/tmp" };
        let check = |seen: &[(&str, &str)], expected: &str| {
            let seen = seen.iter().map(|(name, value)| (name.into(), value.into())).collect();
            assert_eq!(sessions.folder(&seen), Some(PathBuf::from(expected)));
        };
        check(&[("HOME", "/home/ada")], "/home/ada/.gemini/tmp");
        check(&[("HOME", "/home/ada"), ("GEMINI_CLI_HOME", "/srv/gemini")], "/srv/gemini/.gemini/tmp");
    }

    #[test]
    fn a_session_waits_for_the_end_of_its_minute_and_no_longer() {
        let home = std::env::temp_dir().join(format!("takopi-minute-{}", std::process::id()));
        let chats = home.join("web/chats");
        fs::create_dir_all(&chats).unwrap();
        fs::create_dir_all(home.join("new")).unwrap();
        fs::write(chats.join("session-1970-01-01T00-02-005920b8.jsonl"), "").unwrap();
        let check = |session: &str, now: u64, expected: Option<u64>| {
            let found = wait(&home, session, Duration::from_secs(now)).unwrap();
            assert_eq!(found, expected.map(Duration::from_secs), "{session} at {now}");
        };
        check(SESSION, 120, Some(60));
        check(SESSION, 179, Some(1));
        check(SESSION, 180, None);
        check(SESSION, 119, None);
        // The same minute of the next day.
        check(SESSION, 24 * 60 * 60 + 120, None);
        check("ecc0094e-2608", 120, None);
        check("short", 120, None);
        fs::remove_dir_all(&home).unwrap();
        assert!(wait(&home, SESSION, Duration::from_secs(120)).is_err());
    }
}
