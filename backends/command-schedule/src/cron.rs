//! Patterns of times as cron has them: minute, hour, day, month, day of the week.
//!
//! Where the clock is changed: a fixed time that it skips counts by as much later as it was put forward, and one that it shows
//! twice counts the first time. A pattern for every hour follows the hours as they pass, and leaves none out.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use takopi_api::error::Error;

/// How far ahead a time is looked for: the 29th of February can be eight years away.
const DAYS_AHEAD: usize = 9 * 366;

/// More than a clock is ever put forward or back.
const SHIFT: SignedDuration = SignedDuration::from_hours(3);

/// A pattern of times. It has at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Pattern {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// A day must fit both its number and its day of the week if one of them begins with `*`, else either.
    is_any_day: bool,
    is_every_hour: bool,
}

/// One of the five fields.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: MONTHS },
    // Both 0 and 7 are Sunday.
    Field { name: "day of the week", least: 0, most: 7, names: WEEKDAYS },
];

/// How many fields a pattern has.
pub(crate) const COUNT: usize = FIELDS.len();

/// Words for patterns.
const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Whether a word stands for a pattern.
pub(crate) fn is_word(word: &str) -> bool {
    WORDS.iter().any(|(known, _)| known.eq_ignore_ascii_case(word))
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let word = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
        let fields: Vec<&str> = word.map_or(text, |(_, pattern)| pattern).split_whitespace().collect();
        let fields: [&str; COUNT] = fields.try_into().map_err(|fields: Vec<&str>| {
            Error::new(format!("a pattern has five fields, and `{}` has {}", text.trim(), fields.len()))
                .hint("they are minute, hour, day, month and day of the week: `0 9 * * 1-5`")
        })?;
        let mut bits = [0; COUNT];
        for ((bits, field), text) in bits.iter_mut().zip(&FIELDS).zip(fields) {
            *bits = field.parse(text)?;
        }
        let [minutes, hours, days, months, weekdays] = bits;
        let pattern = Self {
            text: fields.join(" "),
            minutes,
            hours,
            days,
            months,
            // Both ends of the week are Sunday.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            is_any_day: fields[2].starts_with('*') || fields[4].starts_with('*'),
            is_every_hour: fields[1].starts_with('*'),
        };
        if !pattern.has_days() {
            return Err(Error::new(format!("there is no such day: `{}`", pattern.text)));
        }
        Ok(pattern)
    }

    /// The five fields.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The first of its times after this one. `None` only at the end of all time.
    pub(crate) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // A time that the clock skipped before may have become one after it.
        let from = zone.to_datetime(after).saturating_sub(SHIFT);
        let mut day = from.date();
        for _ in 0..DAYS_AHEAD {
            if self.is_day(day)
                && let Some(first) = self.first(day, from, after, zone)
            {
                return Some(first);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The first of its times of a day that is after a moment, which is not long after what the clock shows as `from`.
    fn first(&self, day: Date, from: DateTime, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut times: Vec<Timestamp> = Vec::new();
        for hour in (0..24).filter(|hour| self.hours >> hour & 1 == 1) {
            if day.at(hour, 59, 59, 0) < from {
                continue;
            }
            if times.last().is_some_and(|&last| last.duration_since(after) > SHIFT) {
                break;
            }
            for minute in (0..60).filter(|minute| self.minutes >> minute & 1 == 1) {
                let time = zone.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
                let is_skipped = matches!(time.offset(), AmbiguousOffset::Gap { .. });
                if self.is_every_hour && is_skipped {
                    // The hours on both sides of it count anyway.
                    continue;
                }
                if self.is_every_hour {
                    times.extend(time.later().ok());
                }
                times.extend(time.compatible().ok());
            }
        }
        times.into_iter().filter(|&time| time > after).min()
    }

    fn is_day(&self, day: Date) -> bool {
        let is_in = |bits: u64, at: i8| u32::try_from(at).is_ok_and(|at| bits >> at & 1 == 1);
        let by_number = is_in(self.days, day.day());
        let by_weekday = is_in(self.weekdays, day.weekday().to_sunday_zero_offset());
        let is_it = if self.is_any_day { by_number && by_weekday } else { by_number || by_weekday };
        is_it && is_in(self.months, day.month())
    }

    /// Whether there is any such day; in eight years there is each.
    fn has_days(&self) -> bool {
        let first = jiff::civil::date(2024, 1, 1);
        first.series(1.day()).take(DAYS_AHEAD).any(|day| self.is_day(day))
    }
}

impl TryFrom<String> for Pattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl Field {
    /// Whether a word could be meant as this field: prompts begin otherwise.
    fn parse(&self, text: &str) -> Result<u64, Error> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => {
                    let known = step.parse::<usize>().ok().filter(|&step| step > 0);
                    let step = known.ok_or_else(|| self.wrong(text, &format!("`{step}` is no step")))?;
                    (range, Some(step))
                }
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most),
                Some((from, to)) => (self.number(text, from)?, self.end(self.number(text, to)?)),
                None => {
                    let from = self.number(text, range)?;
                    (from, if step.is_some() { self.most } else { from })
                }
            };
            if from > to {
                return Err(self.wrong(text, &format!("`{range}` ends before it begins")));
            }
            bits |= (from..=to).step_by(step.unwrap_or(1)).fold(0, |bits, at| bits | 1_u64 << at);
        }
        Ok(bits)
    }

    /// The end of a range: a week may end with Sunday, too.
    fn end(&self, number: u32) -> u32 {
        if number == 0 && self.names == WEEKDAYS { 7 } else { number }
    }

    fn number(&self, text: &str, word: &str) -> Result<u32, Error> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(word));
        let named = named.and_then(|at| Some(u32::try_from(at).ok()? + self.least));
        let number = named.or_else(|| word.parse().ok());
        number.filter(|number| (self.least..=self.most).contains(number)).ok_or_else(|| {
            self.wrong(text, &format!("`{word}` is not between {} and {}", self.least, self.most))
        })
    }

    fn wrong(&self, text: &str, why: &str) -> Error {
        Error::new(format!("`{text}` is no {}: {why}", self.name))
            .hint("a pattern is minute, hour, day, month and day of the week: `0 9 * * 1-5`")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap_or(TimeZone::UTC)
    }

    /// The first times of a pattern after a moment, as the clock there shows them.
    fn times(pattern: &str, after: &str, zone_name: &str, count: usize) -> Vec<String> {
        let (pattern, zone) = (Pattern::parse(pattern).unwrap(), zone(zone_name));
        let mut at: Timestamp = after.parse().unwrap();
        let mut all = Vec::new();
        for _ in 0..count {
            at = pattern.next(at, &zone).unwrap();
            all.push(at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %:z").to_string());
        }
        all
    }

    #[test]
    fn times_come_as_cron_has_them() {
        let check = |pattern: &str, expected: &[&str]| {
            let found = times(pattern, "2026-11-23T08:59:30Z", "UTC", expected.len());
            let expected: Vec<String> = expected.iter().map(|time| format!("{time} +00:00")).collect();
            assert_eq!(found, expected, "{pattern}");
        };
        check("0 9 * * 1-5", &["Mon 2026-11-23 09:00", "Tue 2026-11-24 09:00"]);
        check("0 9 * * MON-FRI", &["Mon 2026-11-23 09:00"]);
        check("0 8 * * fri-sun", &["Fri 2026-11-27 08:00", "Sat 2026-11-28 08:00", "Sun 2026-11-29 08:00"]);
        check("*/20 8-9 * * *", &["Mon 2026-11-23 09:00", "Mon 2026-11-23 09:20"]);
        check("5/30,59 * * * *", &["Mon 2026-11-23 09:05", "Mon 2026-11-23 09:35", "Mon 2026-11-23 09:59"]);
        check("@hourly", &["Mon 2026-11-23 09:00", "Mon 2026-11-23 10:00"]);
        check("0 0 29 feb *", &["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]);
        check("0 0 * * 7", &["Sun 2026-11-29 00:00", "Sun 2026-12-06 00:00"]);
        // Either of both, if both are named.
        check("0 0 1 * 5", &["Fri 2026-11-27 00:00", "Tue 2026-12-01 00:00", "Fri 2026-12-04 00:00"]);
        check("0 0 */2 * 5", &["Fri 2026-11-27 00:00", "Fri 2026-12-11 00:00"]);
    }

    #[test]
    fn a_fixed_time_counts_once_where_the_clock_is_changed() {
        if zone("Europe/Berlin") == TimeZone::UTC {
            return; // This machine knows no time zones.
        }
        let check = |pattern: &str, after: &str, expected: &[&str]| {
            assert_eq!(times(pattern, after, "Europe/Berlin", expected.len()), expected, "{pattern}");
        };
        let spring = "2026-03-28T20:00:00Z";
        check("30 2 * * *", spring, &["Sun 2026-03-29 03:30 +02:00", "Mon 2026-03-30 02:30 +02:00"]);
        check("30 2,3 * * *", spring, &["Sun 2026-03-29 03:30 +02:00", "Mon 2026-03-30 02:30 +02:00"]);
        let autumn = "2026-10-24T21:00:00Z";
        check("30 2 * * *", autumn, &["Sun 2026-10-25 02:30 +02:00", "Mon 2026-10-26 02:30 +01:00"]);
    }

    #[test]
    fn a_pattern_for_every_hour_leaves_none_out() {
        if zone("Europe/Berlin") == TimeZone::UTC {
            return; // This machine knows no time zones.
        }
        let check = |after: &str, expected: &[&str]| {
            assert_eq!(times("30 * * * *", after, "Europe/Berlin", expected.len()), expected);
        };
        check("2026-03-29T00:00:00Z", &["Sun 2026-03-29 01:30 +01:00", "Sun 2026-03-29 03:30 +02:00"]);
        let twice =
            ["Sun 2026-10-25 02:30 +02:00", "Sun 2026-10-25 02:30 +01:00", "Sun 2026-10-25 03:30 +01:00"];
        check("2026-10-25T00:00:00Z", &twice);
    }

    #[test]
    fn what_is_no_pattern_says_which_field_and_why() {
        let check = |pattern: &str, expected: &str| {
            assert_eq!(Pattern::parse(pattern).unwrap_err().to_string(), expected);
        };
        check("", "a pattern has five fields, and `` has 0");
        check("0 9 * *", "a pattern has five fields, and `0 9 * *` has 4");
        check("0 25 * * *", "`25` is no hour: `25` is not between 0 and 23");
        check("60 * * * *", "`60` is no minute: `60` is not between 0 and 59");
        check("*/0 * * * *", "`*/0` is no minute: `0` is no step");
        check("0 0 5-2 * *", "`5-2` is no day: `5-2` ends before it begins");
        check("0 0 * foo *", "`foo` is no month: `foo` is not between 1 and 12");
        check("0 0 * * 1,", "`1,` is no day of the week: `` is not between 0 and 7");
        check("0 0 30 2 *", "there is no such day: `0 0 30 2 *`");
        check("99999999999 * * * *", "`99999999999` is no minute: `99999999999` is not between 0 and 59");
    }

    proptest! {
        #[test]
        fn anything_that_is_typed_is_a_pattern_or_an_error(text in "[0-9*/,\\- a-z@]{0,30}") {
            let _ = Pattern::parse(&text);
        }

        #[test]
        fn the_next_time_is_after_and_no_earlier_one_is_left_out(
            minute in 0..60_u32, hour in 0..24_u32, every in 1..30_u32, is_hourly: bool,
            at in 1_700_000_000..2_000_000_000_i64, ahead in 0..200_000_i64,
        ) {
            let text = if is_hourly { format!("*/{every} * * * *") } else { format!("{minute} {hour} * * *") };
            let (pattern, zone) = (Pattern::parse(&text).unwrap(), zone("America/New_York"));
            let [from, later] = [at, at + ahead].map(|second| Timestamp::from_second(second).unwrap());
            let next = pattern.next(from, &zone).unwrap();
            prop_assert!(next > from);
            let after = pattern.next(later, &zone).unwrap();
            prop_assert!(after >= next, "it went back");
            // What was next stays next until it is there.
            prop_assert!(later >= next || after == next);
            prop_assert_eq!(next.as_second() % 60, 0);
        }
    }
}
