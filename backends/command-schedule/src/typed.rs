//! What people type: a time, and the prompt for it.

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, ToSpan, Zoned};
use takopi_api::error::Error;
use takopi_api::runtime::Catalog;

use crate::cron::{self, Pattern};

/// How far ahead a time may be, in years.
const YEARS_AHEAD: i64 = 10;

/// When something is to run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// Once.
    At(Timestamp),
    /// Again and again.
    Cron(Pattern),
}

/// Reads what follows `/at`: `30m …`, `17:30 …`, `tomorrow 9:00 …`, `2026-12-24 18:00 …`.
pub(crate) fn at<'a>(text: &'a str, now: &Zoned) -> Result<(When, &'a str), Error> {
    let (first, rest) = word(text);
    let (second, after_second) = word(rest);
    let (time, prompt) = if let Some(span) = span(first)? {
        (now.checked_add(span).map_err(|_| too_far(first))?, rest)
    } else if let Some(time) = clock(first) {
        (next_at(now, first, time)?, rest)
    } else if first.eq_ignore_ascii_case("tomorrow")
        && let Some(time) = clock(second)
    {
        let tomorrow = now.date().tomorrow().map_err(|_| too_far(first))?;
        (here(now, first, tomorrow.to_datetime(time))?, after_second)
    } else if let Ok(date) = first.parse::<jiff::civil::Date>()
        && let Some(time) = clock(second)
    {
        (here(now, first, date.to_datetime(time))?, after_second)
    } else if let Some((date, time)) = first.split_once('T')
        && let Ok(date) = date.parse::<jiff::civil::Date>()
        && let Some(time) = clock(time)
    {
        (here(now, first, date.to_datetime(time))?, rest)
    } else {
        let told = if first.is_empty() {
            Error::new("usage: /at <when> <prompt>")
        } else {
            Error::new(format!("`{first}` is no time"))
        };
        return Err(
            told.hint("a time is `30m`, `2h30m`, `1d`, `17:30`, `tomorrow 9:00` or `2026-12-24 18:00`")
        );
    };
    if time <= *now {
        let shown = time.strftime("%Y-%m-%d %H:%M");
        return Err(Error::new(format!("{shown} is over"))
            .hint(format!("it is {} now", now.strftime("%Y-%m-%d %H:%M"))));
    }
    let most = now.checked_add(YEARS_AHEAD.years()).map_err(|_| too_far(first))?;
    if time > most {
        return Err(too_far(first));
    }
    Ok((When::At(time.timestamp()), prompt))
}

/// Reads what follows `/cron`: a pattern, with or without quotes, or a word for one.
pub(crate) fn cron(text: &str) -> Result<(When, &str), Error> {
    let text = text.trim_start();
    let quoted = text.chars().next().and_then(|first| Some((first, closing(first)?)));
    let (pattern, prompt) = if let Some((opening, closing)) = quoted {
        text[opening.len_utf8()..].split_once(closing).ok_or_else(|| {
            Error::new("the quote of the pattern is not closed")
                .hint("write `/cron \"0 9 * * 1-5\" <prompt>`")
        })?
    } else if cron::is_word(word(text).0) {
        word(text)
    } else if text.is_empty() {
        return Err(Error::new("usage: /cron <pattern> <prompt>").hint("a pattern is minute, hour, day, month and day of the week: `/cron 0 9 * * 1-5 look at the build`"));
    } else {
        let mut rest = text;
        for _ in 0..cron::COUNT {
            rest = word(rest).1;
        }
        (&text[..text.len() - rest.len()], rest)
    };
    Ok((When::Cron(Pattern::parse(pattern)?), prompt))
}

/// The prompt, if it can be one.
pub(crate) fn prompt(text: &str, catalog: &Catalog) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::new("there is no prompt")
            .hint("it follows the time: `/at 17:30 /codex look at the build`"));
    }
    if let Some(word) = word(text).0.strip_prefix('/') {
        let is_it = |name: &str| name.eq_ignore_ascii_case(word);
        let is_directive = catalog.engines.iter().any(|engine| is_it(engine.id.as_str()))
            || catalog.projects.iter().any(|project| is_it(&project.alias));
        if !is_directive && catalog.commands.iter().any(|command| is_it(&command.id)) {
            return Err(Error::new(format!("/{word} is a command, and only prompts can be scheduled"))
                .hint("a prompt may begin with an engine, a project and a @branch"));
        }
    }
    Ok(text.to_owned())
}

/// The first word, and what follows it.
pub(crate) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// `2h30m`: numbers with their units, the larger ones first. `None` if it is something else.
fn span(word: &str) -> Result<Option<Span>, Error> {
    let mut rest = word;
    let mut span = Span::new();
    let mut units = "wdhms".chars();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let (number, after) = rest.split_at(digits);
        let Some(unit) = after.chars().next().map(|unit| unit.to_ascii_lowercase()) else { return Ok(None) };
        if number.is_empty() || !units.any(|known| known == unit) {
            return Ok(None);
        }
        let number: i64 = number.parse().map_err(|_| too_far(word))?;
        let longer = match unit {
            'w' => span.try_weeks(number),
            'd' => span.try_days(number),
            'h' => span.try_hours(number),
            'm' => span.try_minutes(number),
            _ => span.try_seconds(number),
        };
        span = longer.map_err(|_| too_far(word))?;
        rest = &after[1..];
    }
    Ok((!word.is_empty()).then_some(span))
}

/// `17:30` or `9:05`.
fn clock(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    let is_number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(hour) && minute.len() == 2 && is_number(minute)).then_some(())?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// The next time that the clock shows this.
fn next_at(now: &Zoned, word: &str, time: Time) -> Result<Zoned, Error> {
    let today = here(now, word, now.date().to_datetime(time))?;
    if today > *now {
        return Ok(today);
    }
    let tomorrow = now.date().tomorrow().map_err(|_| too_far(word))?;
    here(now, word, tomorrow.to_datetime(time))
}

/// A time as the clock here shows it; the word is how it was written.
fn here(now: &Zoned, word: &str, time: DateTime) -> Result<Zoned, Error> {
    time.to_zoned(now.time_zone().clone()).map_err(|_| too_far(word))
}

fn too_far(word: &str) -> Error {
    Error::new(format!("`{word}` is too far away: at most {YEARS_AHEAD} years"))
}

/// What closes a quote; phones have their own.
fn closing(opening: char) -> Option<[char; 2]> {
    match opening {
        '"' => Some(['"', '"']),
        '\'' => Some(['\'', '\'']),
        '`' => Some(['`', '`']),
        '“' | '„' => Some(['”', '“']),
        '‘' => Some(['’', '’']),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use takopi_api::engine::EngineId;
    use takopi_api::runtime::{CommandInfo, EngineInfo, EngineState};

    use super::*;

    fn now() -> Zoned {
        "2026-11-23T09:30:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC)
    }

    fn told(text: &str) -> String {
        match at(text, &now()) {
            Ok((When::At(time), prompt)) => format!("{time} {prompt}"),
            Ok((When::Cron(_), _)) => unreachable!("it is no pattern"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let check = |text: &str, expected: &str| assert_eq!(told(text), expected, "{text}");
        check("30m mend it", "2026-11-23T10:00:00Z mend it");
        check(" 2h30m  mend\nit", "2026-11-23T12:00:00Z mend\nit");
        check("1d x", "2026-11-24T09:30:00Z x");
        check("1W2d x", "2026-12-02T09:30:00Z x");
        check("5s x", "2026-11-23T09:30:05Z x");
        check("17:30 x", "2026-11-23T17:30:00Z x");
        check("9:05 x", "2026-11-24T09:05:00Z x");
        check("tomorrow 9:00 x", "2026-11-24T09:00:00Z x");
        check("2026-12-24 18:00 /codex x", "2026-12-24T18:00:00Z /codex x");
        check("2026-12-24T18:00 x", "2026-12-24T18:00:00Z x");
        check("2026-11-23 09:30 x", "2026-11-23 09:30 is over");
        check("0m x", "2026-11-23 09:30 is over");
        check("", "usage: /at <when> <prompt>");
        check("noon x", "`noon` is no time");
        check("30 x", "`30` is no time");
        check("30m2h x", "`30m2h` is no time");
        check("25:00 x", "`25:00` is no time");
        check("5000d x", "`5000d` is too far away: at most 10 years");
        check("99999999999999999999d x", "`99999999999999999999d` is too far away: at most 10 years");
        check("9999-12-31 23:59 x", "`9999-12-31` is too far away: at most 10 years");
    }

    #[test]
    fn patterns_stand_with_and_without_quotes() {
        let check = |text: &str, expected: &str| {
            let read = match cron(text) {
                Ok((When::Cron(pattern), prompt)) => format!("{}|{prompt}", pattern.as_str()),
                Ok((When::At(_), _)) => unreachable!("it is a pattern"),
                Err(error) => error.to_string(),
            };
            assert_eq!(read.trim_end(), expected, "{text}");
        };
        check("\"0 9 * * 1-5\" look", "0 9 * * 1-5| look");
        check("“0 9 * * 1-5” look", "0 9 * * 1-5| look");
        check("„0 9 * * 1-5“ look", "0 9 * * 1-5| look");
        check("0 9 * * 1-5  look\nthere", "0 9 * * 1-5|look\nthere");
        check("@daily look", "0 0 * * *|look");
        check("@never look", "a pattern has five fields, and `@never look` has 2");
        check("\"0 9 * * 1-5 look", "the quote of the pattern is not closed");
        check("0 9 * * look there", "`look` is no day of the week: `look` is not between 0 and 7");
        check("", "usage: /cron <pattern> <prompt>");
    }

    #[test]
    fn prompts_may_begin_with_directives_and_with_no_command() {
        let mut catalog = Catalog::new(1);
        catalog.engines.push(EngineInfo::new(EngineId::from_static("codex"), "", EngineState::Available));
        for id in ["codex", "multi", "new"] {
            catalog.commands.push(CommandInfo::new(id, "", ""));
        }
        let check = |text: &str, expected: &str| {
            let read = prompt(text, &catalog).unwrap_or_else(|error| error.to_string());
            assert_eq!(read, expected, "{text}");
        };
        check(" /codex @main mend it ", "/codex @main mend it");
        check("/usr/bin is full", "/usr/bin is full");
        check("/multi why?", "/multi is a command, and only prompts can be scheduled");
        check(" ", "there is no prompt");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = at(&text, &now());
            let _ = cron(&text);
        }

        #[test]
        fn what_looks_like_a_time_is_after_now(text in "[0-9]{1,4}[wdhms:T-]{0,2}[0-9]{0,2} x") {
            if let Ok((When::At(time), _)) = at(&text, &now()) {
                prop_assert!(time > now().timestamp());
            }
        }
    }
}
