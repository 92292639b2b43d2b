use takopi_api::message::{Address, Sender};
use takopi_api::transport::TransportId;

use super::*;

fn place(channel: &str) -> Origin {
    let transport = TransportId::parse("test").unwrap();
    Origin::new(transport, Address::general(channel)).sender(Some(Sender::new("me")))
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-23T{time}Z").parse().unwrap()
}

fn cron(pattern: &str) -> When {
    When::Cron(Pattern::parse(pattern).unwrap())
}

/// A book with one entry, made at nine.
fn book(when: When) -> Book {
    let mut book = Book::default();
    let (number, _) = book.add(place("c"), when, "x".to_owned(), at("09:00:00"), &TimeZone::UTC, 1).unwrap();
    assert_eq!(number, 1);
    book
}

fn take(book: &mut Book, now: &str, if_missed: IfMissed) -> Option<Due> {
    book.take(1, at(now), &TimeZone::UTC, if_missed).unwrap().map(|(due, _)| due)
}

#[test]
fn a_time_is_taken_once() {
    let mut once = book(When::At(at("09:30:00")));
    assert_eq!(once.next(&BTreeSet::new()), Some(at("09:30:00")));
    assert!(once.due(at("09:29:59"), &BTreeSet::new()).is_empty());
    assert!(take(&mut once, "09:29:59", IfMissed::Skip).is_none());
    assert_eq!(once.due(at("09:30:00"), &BTreeSet::new()), [1]);
    assert!(once.due(at("09:30:00"), &BTreeSet::from([1])).is_empty(), "it is at work");
    let due = take(&mut once, "09:30:01", IfMissed::Skip).unwrap();
    assert!(due.runs && due.missed.is_none());
    assert!(take(&mut once, "09:30:01", IfMissed::Skip).is_none());
    assert!(once.get(1).is_none());
    let mut often = book(cron("*/30 * * * *"));
    assert!(take(&mut often, "09:30:59", IfMissed::Skip).unwrap().runs);
    assert!(take(&mut often, "09:30:59", IfMissed::Skip).is_none());
    assert_eq!(often.next(&BTreeSet::new()), Some(at("10:00:00")));
    // A clock that is put back shows the same time again.
    assert!(take(&mut often, "09:30:00", IfMissed::Skip).is_none());
}

#[test]
fn what_was_missed_is_counted_and_run_once_or_not_at_all() {
    let check = |when: When, now: &str, if_missed, runs, missed: Option<(&str, u32)>| {
        let mut book = book(when);
        let due = take(&mut book, now, if_missed).unwrap();
        assert_eq!((due.runs, due.missed), (runs, missed.map(|(time, count)| (at(time), count))), "{now}");
        assert!(book.due(at(now), &BTreeSet::new()).is_empty());
    };
    let once = || When::At(at("09:30:00"));
    check(once(), "09:31:00", IfMissed::Skip, true, None);
    check(once(), "09:31:01", IfMissed::Skip, false, Some(("09:30:00", 1)));
    check(once(), "09:31:01", IfMissed::Run, true, Some(("09:30:00", 1)));
    let often = || cron("*/30 * * * *");
    check(often(), "11:10:00", IfMissed::Skip, false, Some(("09:30:00", 4)));
    check(often(), "11:10:00", IfMissed::Run, true, Some(("09:30:00", 4)));
    check(often(), "11:00:20", IfMissed::Skip, true, Some(("09:30:00", 3)));
    // Nothing is counted for ever.
    let mut book = book(cron("* * * * *"));
    let now: Timestamp = "2029-01-01T00:00:30Z".parse().unwrap();
    let (due, _) = book.take(1, now, &TimeZone::UTC, IfMissed::Skip).unwrap().unwrap();
    assert_eq!(due.missed, Some((at("09:01:00"), MOST_MISSED)));
    assert!(book.next(&BTreeSet::new()).unwrap() > now);
}

#[test]
fn a_missed_time_waits_for_a_person() {
    let mut book = book(When::At(at("09:30:00")));
    take(&mut book, "12:00:00", IfMissed::Skip).unwrap();
    assert_eq!(book.get(1).unwrap().state, State::Missed(at("09:30:00")));
    let told = book.resume(1, at("12:00:00"), &TimeZone::UTC).unwrap_err();
    assert_eq!(told.to_string(), "the time of #1 is over");
    let entry = book.get(1).unwrap().clone();
    book.take_now(&entry);
    assert!(book.get(1).is_none());
}

#[test]
fn what_is_paused_is_not_due_and_goes_on_from_now() {
    let mut book = book(cron("*/30 * * * *"));
    book.pause(1).unwrap();
    assert_eq!(book.pause(1).unwrap_err().to_string(), "#1 is paused already");
    assert!(book.due(at("12:00:00"), &BTreeSet::new()).is_empty());
    book.resume(1, at("12:10:00"), &TimeZone::UTC).unwrap();
    assert_eq!(book.next(&BTreeSet::new()), Some(at("12:30:00")));
    assert_eq!(book.resume(1, at("12:10:00"), &TimeZone::UTC).unwrap_err().to_string(), "#1 is not paused");
}

#[test]
fn a_place_has_its_own_and_not_too_many() {
    let mut book = book(cron("@daily"));
    let mut add = |channel: &str, limit| {
        let added =
            book.add(place(channel), cron("@hourly"), "y".into(), at("09:00:00"), &TimeZone::UTC, limit);
        added.map(|(number, _)| number).map_err(|error| error.to_string())
    };
    assert_eq!(add("c", 1).unwrap_err(), "1 are scheduled here already, which is the limit");
    assert_eq!(add("d", 1), Ok(2));
    assert_eq!(book.at(&place("c")).count(), 1);
    assert_eq!(book.find(&place("c"), 2).unwrap_err().to_string(), "nothing is scheduled here as #2");
    book.cancel(2);
    let (number, _) =
        book.add(place("d"), cron("@daily"), "z".into(), at("09:00:00"), &TimeZone::UTC, 1).unwrap();
    assert_eq!(number, 3, "a number is given once");
}

#[test]
fn what_is_written_down_is_read_again() {
    let mut book = Book::default();
    let mut stored = BTreeMap::new();
    let mut keep = |writes: Vec<Write>| {
        for Write { key, value } in writes {
            match value {
                Some(value) => stored.insert(key, value),
                None => stored.remove(&key),
            };
        }
    };
    for when in [cron("@daily"), When::At(at("09:30:00")), When::At(at("09:40:00"))] {
        let added = book.add(place("c"), when, "x".into(), at("09:00:00"), &TimeZone::UTC, 9).unwrap();
        keep(added.1);
    }
    keep(book.pause(1).unwrap());
    let (due, writes) = book.take(2, at("09:30:00"), &TimeZone::UTC, IfMissed::Skip).unwrap().unwrap();
    keep(writes);
    keep(vec![takes(&due.entry).unwrap()]);
    keep(book.cancel(3));
    let (read_book, taken, unread) = read(stored.clone().into_iter().collect());
    assert_eq!((read_book, unread.len()), (book, 0));
    assert_eq!(taken.iter().map(|taken| taken.number).collect::<Vec<_>>(), [2]);
    stored.insert("entry/0000000009".to_owned(), b"{}".to_vec());
    let (read_book, _, unread) = read(stored.into_iter().collect());
    assert_eq!((read_book.last, unread.len()), (3, 1), "one that can not be read costs no other");
}

#[test]
fn a_run_that_could_not_begin_is_not_lost() {
    let mut book = book(When::At(at("09:30:00")));
    let due = take(&mut book, "09:30:00", IfMissed::Skip).unwrap();
    book.note(&due.entry, Some("nobody is heard".to_owned())).unwrap();
    let entry = book.get(1).unwrap();
    assert_eq!(
        (entry.state, entry.trouble.as_deref()),
        (State::Missed(at("09:30:00")), Some("nobody is heard"))
    );
}

#[test]
fn another_time_zone_moves_what_is_to_come() {
    let mut book = book(cron("0 12 * * *"));
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    assert_eq!(book.follow(at("09:00:00"), &zone).unwrap().len(), 1);
    assert_eq!(book.next(&BTreeSet::new()), Some(at("10:00:00")));
    assert!(book.follow(at("09:00:00"), &zone).unwrap().is_empty());
}
