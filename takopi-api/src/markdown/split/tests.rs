use proptest::prelude::*;

use super::*;

const fn chars(max: usize) -> TextLimit {
    TextLimit { max, unit: TextUnit::Chars }
}

#[track_caller]
fn check(text: &str, max: usize, expected: &[&str]) {
    assert_eq!(split(text, chars(max)), expected, "{text:?}");
}

#[test]
fn a_text_that_fits_stays_as_it_is() {
    check("", 10, &[""]);
    check("\n\n a \n\n", 10, &["\n\n a \n\n"]);
    check("  \n \n ", 3, &[""]);
    let text = "a\n\n".repeat(1000);
    assert_eq!(split(&text, TextLimit::NONE), [text]);
}

#[test]
fn paragraphs_are_packed_then_lines_then_words_then_characters() {
    check("aaa\n\nbbb\n\nccc", 8, &["aaa\n\nbbb", "ccc"]);
    // The paragraph that fits into a message of its own is not cut.
    check("aa\n\nbbbb\ncccc", 9, &["aa", "bbbb\ncccc"]);
    check("aa\nbb\ncc\n\ndd", 6, &["aa\nbb", "cc\n\ndd"]);
    check("aaa bbb ccc", 8, &["aaa bbb ", "ccc"]);
    check("aaaaabbbbbc", 5, &["aaaaa", "bbbbb", "c"]);
    check("see aaaaaaaaaa", 8, &["see aaaa", "aaaaaa"]);
    check("a\n\n\n\n  \nb", 3, &["a", "b"]);
}

#[test]
fn a_fence_is_closed_and_opened_again() {
    check(
        "intro\n\n```rust\nfn a() {}\nfn b() {}\n```\noutro",
        25,
        &["intro", "```rust\nfn a() {}\n```", "```rust\nfn b() {}\n```", "outro"],
    );
}

#[test]
fn no_fence_is_left_empty() {
    // Neither by the line that opens it, nor by the one that closes it.
    check("aaaaaaaaaaaaaa\n```\nbbbbb\n```", 19, &["aaaaaaaaaaaaaa", "```\nbbbbb\n```"]);
    check("```\naaaa\nbbbb\n```\nc", 17, &["```\naaaa\nbbbb\n```", "c"]);
    check("```\naaaa\nbbbb\n\n\n```\nc", 17, &["```\naaaa\nbbbb\n```", "c"]);
}

#[test]
fn a_fence_that_nobody_closes_is_closed() {
    check("```\na", 20, &["```\na\n```"]);
    check("```\na", 8, &["```\na"]);
    check("```", 20, &["```\n```"]);
}

#[test]
fn what_a_person_sees_as_one_character_is_not_torn() {
    let family = "👨‍👩‍👧";
    for unit in [TextUnit::Chars, TextUnit::Utf16, TextUnit::Bytes] {
        let limit = TextLimit { max: unit.count(family) + 1, unit };
        assert_eq!(split(&family.repeat(3), limit), [family; 3]);
        assert_eq!(trim(&family.repeat(3), TextLimit { max: limit.max + 2, unit }), format!("{family}…"));
    }
    check("e\u{301}e\u{301}", 3, &["e\u{301}", "e\u{301}"]);
    // Only what is longer than a message.
    check(family, 3, &["👨\u{200d}👩", "\u{200d}👧"]);
}

#[test]
fn a_limit_that_nothing_keeps_to_ends_all_the_same() {
    assert_eq!(split("ab", chars(0)), ["a", "b"]);
    assert_eq!(split("€\n€", TextLimit { max: 1, unit: TextUnit::Bytes }), ["€", "€"]);
    assert_eq!(trim("€€", TextLimit { max: 2, unit: TextUnit::Bytes }), "");
    assert_eq!(split("```\na\n```", chars(5)).concat(), "```\na```");
}

#[test]
fn a_fence_line_that_is_longer_than_a_message_is_cut() {
    let text = format!("```{}\ncode", "x".repeat(50));
    let messages = split(&text, chars(40));
    assert_eq!(messages.last().unwrap(), "```\ncode\n```");
    assert!(messages.iter().all(|message| chars(40).admits(message)), "{messages:?}");
}

#[test]
fn what_is_trimmed_says_so() {
    let check = |text: &str, max: usize, expected: &str| assert_eq!(trim(text, chars(max)), expected);
    check("abc", 3, "abc");
    check("abcd", 3, "ab…");
    check("ab  cd", 4, "ab…");
    check("a", 0, "");
    check("```\nabc\ndefghijk\n```\n", 18, "```\nabc\ndefg\n```\n…");
    check("```\nabcdefgh\n```\nabc", 18, "```\nabcdefgh\n```\n…");
    check("a\n```rust\nabcdefghijklmnopqrst", 24, "a\n```rust\nabcdefgh\n```\n…");
    check("aaaaaaaaaaaaaaaaa\n```rust\nabcdefgh", 28, "aaaaaaaaaaaaaaaaa…");
    check("```\nabcdefgh", 16, "```\nabcdefgh\n```");
}

fn texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => Just(String::new()),
        4 => "[a-zäß€😀 ]{0,30}",
        1 => "[a-z]{60,400}",
        1 => Just("👨‍👩‍👧 e\u{301} ".repeat(9)),
        1 => Just("  \t".to_owned()),
        3 => Just("```".to_owned()),
        1 => Just("```rust".to_owned()),
        1 => Just("   ~~~~ x y".to_owned()),
        1 => Just("~~~~".to_owned()),
        1 => Just("- ```sh".to_owned()),
        1 => Just("  ```".to_owned()),
        1 => Just("> ```".to_owned()),
        1 => Just("> quoted words".to_owned()),
    ];
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

fn limits(least: usize) -> impl Strategy<Value = TextLimit> {
    let unit = prop_oneof![Just(TextUnit::Chars), Just(TextUnit::Utf16), Just(TextUnit::Bytes)];
    (least..200_usize, unit).prop_map(|(max, unit)| TextLimit { max, unit })
}

fn is_balanced(text: &str) -> bool {
    let mut fences = Fences::default();
    text.split('\n').for_each(|line| _ = fences.line(line));
    fences.open().is_none()
}

fn chunks(text: &str, limit: TextLimit) -> Vec<Chunk> {
    let mut splitter = Splitter { text, limit, lines: lines(text, limit), line: 0, at: 0 };
    std::iter::from_fn(|| splitter.next_chunk()).collect()
}

proptest! {
    #[test]
    fn messages_keep_to_the_limit_and_their_fences_are_closed(text in texts(), limit in limits(60)) {
        for message in split(&text, limit) {
            prop_assert!(limit.admits(&message), "{} in {message:?}", limit.unit.count(&message));
            prop_assert!(is_balanced(&message), "{message:?}");
        }
    }

    #[test]
    fn nothing_is_lost(text in texts(), limit in limits(1)) {
        let mut end = 0;
        for chunk in chunks(&text, limit) {
            prop_assert!(chunk.source.start >= end && !chunk.source.is_empty(), "{:?} after {end}", chunk.source);
            let gap = text[end..chunk.source.start].trim();
            prop_assert!(gap.trim_matches(['`', '~', '>', ' ']).is_empty(), "lost: {gap:?}");
            prop_assert!(gap.lines().filter(|line| !line.trim().is_empty()).count() <= 1, "lost: {gap:?}");
            end = chunk.source.end;
        }
        prop_assert!(text[end..].trim().trim_matches(['`', '~', '>', ' ']).is_empty(), "lost: {:?}", &text[end..]);
    }

    #[test]
    fn no_fence_that_is_added_is_empty(text in texts(), limit in limits(60)) {
        for chunk in chunks(&text, limit) {
            let content = &text[chunk.source.clone()];
            let message = chunk.message(&text);
            let mut fences = Fences::default();
            chunk.opened.iter().for_each(|wrap| _ = fences.line(&wrap.opening));
            let roles: Vec<_> =
                content.split('\n').filter(|line| !line.trim().is_empty()).map(|line| fences.line(line)).collect();
            prop_assert!(chunk.opened.is_none() || roles[0] != Role::Closes, "{message:?}");
            // The source may have an empty one of its own.
            let rest = text[chunk.source.end..].split('\n').find(|line| !line.trim().is_empty());
            let is_empty = rest.is_none_or(|line| fences.line(line) != Role::Code);
            prop_assert!(chunk.closed.is_none() || is_empty || roles[roles.len() - 1] != Role::Opens, "{message:?}");
        }
    }

    #[test]
    fn what_is_trimmed_keeps_to_the_limit(text in texts(), limit in limits(3)) {
        let trimmed = trim(&text, limit);
        prop_assert!(limit.admits(&trimmed), "{trimmed:?}");
        prop_assert!(limit.max < 60 || is_balanced(&trimmed), "{trimmed:?}");
        prop_assert!(!limit.admits(&text) || trimmed.starts_with(text.trim_end()) || trimmed.ends_with('…'), "{trimmed:?}");
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,80}", limit in limits(0)) {
        prop_assert!(!split(&text, limit).is_empty());
        let _ = trim(&text, limit);
    }
}
