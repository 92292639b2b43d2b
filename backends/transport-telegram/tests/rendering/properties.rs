//! Whatever the text is, Telegram takes it, and nothing of it is lost.

use proptest::prelude::*;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_transport_telegram::render::{
    Entity, EntityKind, MAX_TEXT, Rendered, render, render_message, render_message_parts, render_parts,
};

use super::check;

/// Text with all that is difficult in it.
pub(super) fn soup(parts: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z ]{1,12}",
        2 => "[äß文字😀🏽👩‍👧\u{200d}\u{fe0f}é\u{301}\u{30a}\u{5e9}\u{645}\u{200f}\u{202e}\u{a0}\u{200b}]{1,5}",
        3 => Just("\n".to_owned()),
        2 => Just("\n\n".to_owned()),
        3 => "[*_`~>#|\\[\\]()!<\\-+0-9.:\\\\\t ]{1,5}",
        1 => "\n( {0,6}|> )(```|~~~)([a-z]{0,4})\n",
        1 => "\n(> ){1,3}",
        1 => "\n {0,6}([-*+]|[0-9]{1,3}\\.) (\\[[ x]\\] )?",
        2 => prop_oneof![Just("**"), Just("*"), Just("_"), Just("~~"), Just("`"), Just("||"), Just(" ||")].prop_map(str::to_owned),
        1 => prop_oneof![
            Just("[a *b*](https://x.org/a_(b))"),
            Just("[`c`](src/a.rs)"),
            Just("![i](https://x.org/i.png)"),
            Just("<https://x.org>"),
            Just("<me@x.org>"),
            Just("[a](http://localhost)"),
            Just("[x]("),
        ].prop_map(str::to_owned),
        1 => Just("\n\n|a|**b**|\n|-|:-:|\n|c `d`|\n".to_owned()),
        1 => prop_oneof![Just("<b>"), Just("<!-- "), Just("&#10;"), Just("&nbsp;"), Just("&#x202e;"), Just("\\")].prop_map(str::to_owned),
        1 => "\n#{1,6} ",
        1 => prop_oneof![Just("\n---\n"), Just("[^1]"), Just("\n\n[^1]: "), Just("$a_1$"), Just("\r\n"), Just("\u{0}")].prop_map(str::to_owned),
        1 => "[a-z]{40,90}",
    ];
    proptest::collection::vec(part, parts).prop_map(|parts| parts.concat())
}

/// The characters of a text, each with the entities on it. Those are left out that nobody sees, and with them all that
/// look like nothing in one script or the other: they are lost where a message would have nothing else.
fn characters(rendered: &Rendered) -> Vec<(char, Vec<&EntityKind>)> {
    let mut unit = 0;
    let mut characters = Vec::new();
    let mut coming = rendered.entities.iter().peekable();
    let mut on: Vec<&Entity> = Vec::new();
    for c in rendered.text.chars() {
        on.retain(|entity| unit < entity.offset + entity.length);
        on.extend(std::iter::from_fn(|| coming.next_if(|entity| entity.offset <= unit)));
        if c.is_ascii_graphic() || "ßä文字😀👧éאم".contains(c) {
            characters.push((c, on.iter().map(|entity| &entity.kind).collect()));
        }
        unit += c.len_utf16();
    }
    characters
}

/// Every part is taken and short enough, and together they have what the whole has.
fn holds(text: &str, limit: usize) -> Result<(), TestCaseError> {
    let whole = render(text);
    let parts = render_parts("", text, "", limit);
    for part in &parts {
        prop_assert_eq!(check(part), Ok(()), "{:?}", part);
        prop_assert!(part.text.encode_utf16().count() <= limit, "{part:?}");
    }
    let found: Vec<_> = parts.iter().flat_map(characters).collect();
    prop_assert_eq!(found, characters(&whole));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_part_is_taken_and_nothing_is_lost(text in soup(0..60), limit in prop_oneof![2_usize..80, Just(MAX_TEXT)]) {
        holds(&text, limit)?;
    }

    #[test]
    fn any_text_at_all_is_taken(text in any::<String>(), limit in 2_usize..40) {
        holds(&text, limit)?;
    }

    #[test]
    fn messages_are_taken(header in soup(0..6), text in soup(0..80), footer in soup(0..6), is_plain: bool) {
        let body = if is_plain { Body::plain(text.clone()) } else { Body::markdown(text.clone()) };
        let message = OutgoingMessage::new(MessageKind::Answer, body.header(header.clone()).footer([footer.clone()]));
        for part in render_message_parts(&message) {
            prop_assert_eq!(check(&part), Ok(()), "{:?}", part);
        }
        if let Some(one) = render_message(&message) {
            prop_assert_eq!(check(&one), Ok(()), "{:?}", one);
        }
    }

    #[test]
    fn a_short_line_is_shown_as_it_is_but_for_code(header in "[a-z_*~|#>\\[\\]()! ]{1,30}") {
        let parts = render_parts(&header, "", "", MAX_TEXT);
        let expected = header.trim();
        let shown: Vec<_> = parts.iter().map(|part| (part.text.as_str(), part.entities.len())).collect();
        prop_assert_eq!(shown, if expected.is_empty() { vec![] } else { vec![(expected, 0)] });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn long_texts_are_taken(texts in proptest::collection::vec(soup(10..60), 5), times in 1_usize..80) {
        holds(&texts.concat().repeat(times), MAX_TEXT)?;
    }
}

#[test]
fn what_is_written_to_break_it_is_taken() {
    let deep = |open: &str, close: &str| format!("{}a{}", open.repeat(20_000), close.repeat(20_000));
    let texts = [
        deep("> ", ""),
        deep("- ", ""),
        deep("*", "*"),
        deep("[", "](https://x.org)"),
        deep("||", "||"),
        deep("**a ", "**"),
        "`a`".repeat(30_000),
        "||a||".repeat(30_000),
        "|| a ||b|| *".repeat(10_000),
        "\u{301}".repeat(100_000),
        format!("a{}", "\u{301}".repeat(100_000)),
        "👩\u{200d}".repeat(20_000),
        "a".repeat(200_000),
        "\u{200b}".repeat(100_000),
        format!("{}\n{}", ">".repeat(50_000), "a\n".repeat(20_000)),
        format!("|{}\n|{}\n{}", "a|".repeat(300), "-|".repeat(300), "|\n".repeat(2_000)),
        "**`a` ".repeat(20_000),
    ];
    for text in texts {
        let parts = render_parts("h", &text, "f", MAX_TEXT);
        for part in &parts {
            assert_eq!(check(part), Ok(()), "{}", &text.chars().take(40).collect::<String>());
        }
    }
}
