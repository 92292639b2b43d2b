//! Messages with tables, as HTML.

use proptest::prelude::*;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_transport_telegram::render::{Rich, render, render_rich};

use super::properties::soup;
use super::rich;

fn answer(text: &str) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Answer, Body::markdown(text))
}

#[track_caller]
fn html(message: &OutgoingMessage) -> String {
    let Rich { html } = render_rich(message).unwrap_or_else(|| panic!("no HTML of {message:?}"));
    if let Err(why) = rich::check(&html) {
        panic!("{why}\n{html}");
    }
    html
}

/// A table, and what it is.
const TABLE: (&str, &str) = ("\n\n|a|\n|-|\n|b|", "<table><tr><th>a</th></tr><tr><td>b</td></tr></table>");

/// What markdown becomes with a table behind it.
#[track_caller]
fn check(markdown: &str, expected: &str) {
    let (table, html_of_table) = TABLE;
    assert_eq!(html(&answer(&format!("{markdown}{table}"))), format!("{expected}{html_of_table}"));
}

/// What a table becomes.
#[track_caller]
fn check_table(markdown: &str, expected: &str) {
    assert_eq!(html(&answer(markdown)), format!("<table>{expected}</table>"), "{markdown:?}");
}

#[track_caller]
fn check_none(markdown: &str) {
    assert_eq!(render_rich(&answer(markdown)), None, "{markdown:?}");
}

#[test]
fn cells_stand_where_their_column_says() {
    check_table(
        "| a | b | c | d |\n|---|:--|:-:|--:|\n| 1 | 2 | 3 |\n",
        "<tr><th>a</th><th align=\"left\">b</th><th align=\"center\">c</th><th align=\"right\">d</th></tr>\
         <tr><td>1</td><td align=\"left\">2</td><td align=\"center\">3</td><td align=\"right\"></td></tr>",
    );
}

#[test]
fn cells_have_what_lines_have() {
    check_table(
        "|**a** *b*|\n|-|\n|`x \\| y` ~~c~~|\n|[d](https://x.org/?a&b) [e](src/a.rs)|\n|\\|\\|f\\|\\||\n|🐙 <b>|",
        "<tr><th><b>a</b> <i>b</i></th></tr>\
         <tr><td><code>x | y</code> <s>c</s></td></tr>\
         <tr><td><a href=\"https://x.org/?a&amp;b\">d</a> e (<code>src/a.rs</code>)</td></tr>\
         <tr><td><tg-spoiler>f</tg-spoiler></td></tr>\
         <tr><td>🐙 &lt;b&gt;</td></tr>",
    );
}

#[test]
fn lines_are_paragraphs_and_headings() {
    check("a\nb\n\nc", "<p>a<br>b</p><p>c</p>");
    check("# a `b`\n### **c**", "<h1>a <code>b</code></h1><h3><b>c</b></h3>");
    check("**a `b` c**", "<p><b>a</b> <code>b</code> <b>c</b></p>");
    check("see https://x.org/a_b_c.", "<p>see <a href=\"https://x.org/a_b_c\">https://x.org/a_b_c</a>.</p>");
    check(
        "**https://x.org** `https://y.org`",
        "<p><b><a href=\"https://x.org\">https://x.org</a></b> <code>https://y.org</code></p>",
    );
    check("`\u{200d}`a", "<p>\u{200d}a</p>");
    check("a\n\n---", "<p>a</p><hr/>");
    check("||a **b**||", "<p><tg-spoiler>a <b>b</b></tg-spoiler></p>");
    check("a[^1]\n\n[^1]: b", "<p>a[1]</p><p>[1] b</p>");
    check("[^1]: - b", "<p>[1]</p><ul><li><p>b</p></li></ul>");
}

#[test]
fn code_is_code() {
    check(
        "```rust\nif a < b && c {\n\n}\n```",
        "<pre><code class=\"language-rust\">if a &lt; b &amp;&amp; c {\n\n}</code></pre>",
    );
    check("    a\n    </pre>", "<pre>a\n&lt;/pre&gt;</pre>");
    check("```\"><b>\na\n```", "<pre><code class=\"language-&quot;&gt;&lt;b&gt;\">a</code></pre>");
    check("```\n```\na", "<p>a</p>");
}

#[test]
fn lists_and_quotes_are_lists_and_quotes() {
    check(
        "- a\n  1. b\n  2. c\n- d\n",
        "<ul><li><p>a</p><ol><li><p>b</p></li><li><p>c</p></li></ol></li><li><p>d</p></li></ul>",
    );
    check("3. a\n\n   b\n4. c", "<ol start=\"3\"><li><p>a</p><p>b</p></li><li><p>c</p></li></ol>");
    check("- [x] a\n- [ ] **b**", "<ul><li><p>☑ a</p></li><li><p>☐ <b>b</b></p></li></ul>");
    check("- [x] a\n\n- [ ] b", "<ul><li><p>☑ a</p></li><li><p>☐ b</p></li></ul>");
    check("-\n- a", "<ul><li></li><li><p>a</p></li></ul>");
    check("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>");
    check("> - `a`\n\n>", "<blockquote><ul><li><p><code>a</code></p></li></ul></blockquote>");
}

#[test]
fn html_of_others_is_text() {
    check("<div>a</div>\n<b>", "<p>&lt;div&gt;a&lt;/div&gt;<br>&lt;b&gt;</p>");
    check(
        "a <a href=\"x\">b</a> &lt;c&gt; &amp;amp;",
        "<p>a &lt;a href=&quot;x&quot;&gt;b&lt;/a&gt; &lt;c&gt; &amp;amp;</p>",
    );
    check(
        "[a](javascript:alert) [b](tg://user?id=1)",
        "<p>a (<code>javascript:alert</code>) b (<code>tg://user?id=1</code>)</p>",
    );
    check("[a](<https://x.org/\"b&c>)", "<p><a href=\"https://x.org/&quot;b&amp;c\">a</a></p>");
    check("a\u{202e}b\u{0}\tc", "<p>ab    c</p>");
}

#[test]
fn header_and_footer_are_around_it() {
    let body = Body::markdown("|a|\n|-|\n|b|").header("done · `codex` · 1s");
    let body = body.footer(["`ctx: z80`".to_owned(), "*x* <y>".to_owned()]);
    assert_eq!(
        html(&OutgoingMessage::new(MessageKind::Answer, body)),
        format!(
            "<p>done · <code>codex</code> · 1s</p>{}<p><code>ctx: z80</code><br>*x* &lt;y&gt;</p>",
            TABLE.1
        )
    );
}

#[test]
fn without_a_table_there_is_none() {
    for text in ["", "a | b", "```\n|a|\n|-|\n|b|\n```", "|\u{200b}| |\n|-|-|\n| | |"] {
        check_none(text);
    }
    let plain = Body::plain("|a|\n|-|\n|b|");
    assert_eq!(render_rich(&OutgoingMessage::new(MessageKind::Answer, plain)), None);
}

#[test]
fn what_is_more_than_the_limits_is_none() {
    let columns = |count: usize| format!("|{}\n|{}\n", "a|".repeat(count), "-|".repeat(count));
    html(&answer(&columns(20)));
    check_none(&columns(21));
    check_none(&format!("{}\n\n{}", columns(21), columns(1)));
    // The table and its header are two blocks.
    let rows = |count: usize| format!("|a|\n|-|\n{}", "|b|\n".repeat(count));
    html(&answer(&rows(498)));
    check_none(&rows(499));
    // An item is two.
    let items = |count: usize| format!("{}\n{}", "- a\n".repeat(count), rows(1));
    html(&answer(&items(248)));
    check_none(&items(249));
    let chars = |count: usize| format!("|a|\n|-|\n|{}|", "é".repeat(count));
    html(&answer(&chars(32_767)));
    check_none(&chars(32_768));
    // A paragraph is in the innermost quote.
    let quotes = |count: usize| format!("{}a\n\n{}", "> ".repeat(count), rows(1));
    html(&answer(&quotes(15)));
    check_none(&quotes(16));
    // The limit of other messages is none of this one.
    html(&answer(&format!("{}{}", "a ".repeat(3000), TABLE.0)));
}

/// The words of a text: blanks, and the numbers and signs of lists, are written in the one way alone.
fn words(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_with_a_table_is_taken(before in soup(0..40), cells in proptest::collection::vec("[a-z*`~\\[\\]()<>&\\\\ ]{0,8}", 4), after in soup(0..40), header in soup(0..6), footer in soup(0..6)) {
        let table = format!("\n\n|{}|{}|\n|-|:-:|\n|{}|{}|\n\n", cells[0], cells[1], cells[2], cells[3]);
        let text = format!("{before}{table}{after}");
        let body = Body::markdown(text).header(header).footer([footer]);
        if let Some(Rich { html }) = render_rich(&OutgoingMessage::new(MessageKind::Answer, body)) {
            let checked = rich::check(&html);
            prop_assert!(checked.is_ok(), "{checked:?}\n{html}");
        }
    }

    #[test]
    fn nothing_is_lost(before in soup(0..20), after in soup(0..20)) {
        // The address of a link in a cell is written in aligned code alone.
        let text = format!("{before}\n\n|a|b|\n|-|-|\n|c|d|\n\n{after}").replace("https://", "");
        if let Some(Rich { html }) = render_rich(&answer(&text)) {
            let checked = rich::check(&html);
            prop_assert!(checked.is_ok(), "{checked:?}\n{html}");
            prop_assert_eq!(words(&checked.unwrap_or_default()), words(&render(&text).text), "{}", html);
        }
    }
}

#[test]
fn what_is_written_to_break_it_is_taken_or_none() {
    let texts = [
        "> ".repeat(20_000),
        "- ".repeat(20_000),
        "*".repeat(20_000),
        "[".repeat(20_000),
        "||a".repeat(20_000),
        "`a`".repeat(10_000),
        "<b>".repeat(10_000),
    ];
    for text in texts {
        if let Some(Rich { html }) = render_rich(&answer(&format!("{text}{}", TABLE.0))) {
            assert!(rich::check(&html).is_ok(), "{}", &html[..80]);
        }
    }
}
