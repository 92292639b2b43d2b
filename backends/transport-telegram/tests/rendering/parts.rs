//! Where long texts are cut.

use takopi_transport_telegram::render::{MAX_ENTITIES, MAX_TEXT, Rendered, render_parts};

use super::{assert_taken, show};

fn parts(header: &str, body: &str, footer: &str, limit: usize) -> Vec<Rendered> {
    let parts = render_parts(header, body, footer, limit);
    for part in &parts {
        assert_taken(part, body);
        assert!(part.text.encode_utf16().count() <= limit.max(2), "{part:?}");
    }
    parts
}

#[track_caller]
fn check(body: &str, limit: usize, expected: &[&str]) {
    let shown: Vec<_> = parts("", body, "", limit).iter().map(show).collect();
    assert_eq!(shown, expected, "{body:?}");
}

#[test]
fn what_fits_is_one_message() {
    let shown = |header: &str, body: &str, footer: &str| show(&parts(header, body, footer, MAX_TEXT)[0]);
    assert_eq!(
        shown("done · codex · 10s", "**a**", "`ctx: z80 @feat_a_b`\n`codex resume 1`"),
        "done · codex · 10s\n\n<bold>a</bold>\n\n<code>ctx: z80 @feat_a_b</code>\n<code>codex resume 1</code>"
    );
    assert_eq!(shown("`cancelled` · _x_ ||a||", "", ""), "<code>cancelled</code> · _x_ ||a||");
    assert_eq!(shown("", "", "` `` ` `a"), "<code>``</code> `a");
    for nothing in ["", " \n", "\u{200b}", "\u{200f}\u{2800}\u{feff}", "```\n```"] {
        assert_eq!(render_parts(" ", nothing, "", MAX_TEXT), [], "{nothing:?}");
    }
}

#[test]
fn paragraphs_then_lines_then_words_stay_whole() {
    check("aaaa\n\nbbbb\n\ncccc", 11, &["aaaa\n\nbbbb", "cccc"]);
    check("aaaa\nbbbb\ncccc", 10, &["aaaa\nbbbb", "cccc"]);
    check("aaaa bbbb cccc", 10, &["aaaa bbbb", "cccc"]);
    check("aaaabbbb", 3, &["aaa", "abb", "bb"]);
    check("😀😀😀", 5, &["😀😀", "😀"]);
    check("a 👩‍👩‍👧‍👧 b", 12, &["a", "👩‍👩‍👧‍👧", "b"]);
    check("😀", 1, &["😀"]);
}

#[test]
fn entities_stay_whole_or_go_on() {
    check("aaaa **bbbb bb** c", 9, &["aaaa", "<bold>bbbb bb</bold> c"]);
    check("**aaaa bbbb cccc**", 10, &["<bold>aaaa bbbb</bold>", "<bold>cccc</bold>"]);
    check("> aaaa\n>\n> bbbb", 8, &["<quote>aaaa</quote>", "<quote>bbbb</quote>"]);
    check("```rs\naa\nbb\n```", 4, &["<pre rs>aa</pre>", "<pre rs>bb</pre>"]);
    check("```rs\naa\n\n\n  bb\n\n```\nc", 5, &["<pre rs>aa</pre>", "<pre rs>  bb</pre>", "c"]);
    check("a\n```rs\nbb\ncc\n```", 5, &["a", "<pre rs>bb\ncc</pre>"]);
    check(
        "[aaaa bbbb](https://x.org)",
        5,
        &["<link https://x.org>aaaa</link>", "<link https://x.org>bbbb</link>"],
    );
    check("`aaaabbbb`", 5, &["<code>aaaab</code>", "<code>bbb</code>"]);
}

#[test]
fn a_message_has_a_hundred_entities() {
    let body = "`a` ".repeat(250);
    let parts = parts("", &body, "`f`", MAX_TEXT);
    let counts: Vec<_> = parts.iter().map(|part| part.entities.len()).collect();
    assert_eq!(counts, [MAX_ENTITIES, MAX_ENTITIES, 51]);
}

#[test]
fn the_header_is_on_the_first_and_the_footer_on_the_last() {
    let body = "some words of an answer\n\n".repeat(500);
    let parts = parts("done · codex", &body, "`ctx: z80`", MAX_TEXT);
    assert_eq!(parts.len(), 4);
    assert!(parts[0].text.starts_with("done · codex\n\nsome words"));
    assert!(parts[3].text.ends_with("\n\nctx: z80"));
    assert_eq!(parts.iter().filter(|part| part.text.contains("ctx:")).count(), 1);
}

#[test]
fn a_fence_as_long_as_a_book_keeps_its_language() {
    let body = format!("before\n```rust\n{}```\nafter", "    let a = 1;\n".repeat(2000));
    let parts = parts("", &body, "", MAX_TEXT);
    for part in &parts[1..parts.len() - 1] {
        assert!(show(part).starts_with("<pre rust>    let"), "{part:?}");
    }
    let lines: usize = parts.iter().map(|part| part.text.matches("let a").count()).sum();
    assert_eq!(lines, 2000);
}
