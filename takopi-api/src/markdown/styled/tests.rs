use proptest::prelude::*;

use super::*;

/// The marks with the part of the text that each is on.
fn parts(text: &str) -> (String, Vec<(String, Markup)>) {
    let Styled { text, marks } = styled(text);
    let parts = marks.into_iter().map(|mark| (text[mark.range].to_owned(), mark.markup)).collect();
    (text, parts)
}

#[track_caller]
fn check(text: &str, expected: &str, marks: &[(&str, Markup)]) {
    let (found, parts) = parts(text);
    assert_eq!(found, expected, "{text:?}");
    let marks: Vec<_> = marks.iter().map(|(part, markup)| ((*part).to_owned(), markup.clone())).collect();
    assert_eq!(parts, marks, "{text:?}");
}

#[test]
fn styles_become_marks() {
    check("a **b *c*** `d`", "a b c d", &[("b c", Markup::Bold), ("c", Markup::Italic), ("d", Markup::Code)]);
    check("~~a~~", "a", &[("a", Markup::Strike)]);
    check("# A\nb", "A\n\nb", &[("A", Markup::Heading { level: 1 })]);
    check("[a](https://x.org)", "a", &[("a", Markup::Link { url: "https://x.org".into() })]);
    check("![a](x.png)", "🖼️ a", &[("🖼️ a", Markup::Link { url: "x.png".into() })]);
    check("***a", "***a", &[]);
    check("[]( x ) <b>bold</b>", " <b>bold</b>", &[]);
}

#[test]
fn line_breaks_stay() {
    check("a\nb  \nc\\\nd", "a\nb\nc\nd", &[]);
    check("a\n\n\n\nb", "a\n\nb", &[]);
    check("a\n***\nb", "a\n\n⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯\n\nb", &[]);
}

#[test]
fn code_is_left_alone() {
    check(
        "```rust ignore\n  **a**\n\n  b\n```\nc",
        "  **a**\n\n  b\n\nc",
        &[("  **a**\n\n  b", Markup::CodeBlock { language: "rust".into() })],
    );
    check("    a", "a", &[("a", Markup::CodeBlock { language: String::new() })]);
    check("```\n```", "", &[]);
}

#[test]
fn lists_keep_their_signs_numbers_and_levels() {
    check("* a\n  * b\n    c\n* d", "- a\n  - b\n    c\n- d", &[]);
    check("7. a\n8. b\n   - c", "7. a\n8. b\n   - c", &[]);
    check("- a\n\n  b\n- c", "- a\n\n  b\n- c", &[]);
    check("- [x] a\n- [ ] b\n\nc", "- [x] a\n- [ ] b\n\nc", &[]);
    check("- ```\n  a\n  ```\n- b", "- a\n- b", &[("a", Markup::CodeBlock { language: String::new() })]);
    check("- a\n\n<!-- -->\n\n- b", "- a\n\n<!-- -->\n\n- b", &[]);
}

#[test]
fn a_quote_is_one_mark_a_level() {
    check("> a\n> > b\n\nc", "a\n\nb\n\nc", &[("a\n\nb", Markup::Quote), ("b", Markup::Quote)]);
}

#[test]
fn a_table_is_laid_out() {
    check(
        "| a | **b** |\n|---|---|\n| cc | d |",
        "a   b\n──  ─\ncc  d",
        &[("a   b\n──  ─\ncc  d", Markup::CodeBlock { language: String::new() })],
    );
}

#[test]
fn what_marks_say_can_be_written_out() {
    let check = |text: &str, expected: &str| assert_eq!(styled(text).spelled_out().text, expected);
    check("> a\n> b\n\nc", "> a\n> b\n\nc");
    check("> a\n>\n> > b", "> a\n> \n> > b");
    check("[a](x) [**b**](y). <https://z>", "a (x) b (y). https://z");
    let Styled { text, marks } = styled("> **a** [b](x) `c`").spelled_out();
    let parts: Vec<_> = marks.iter().map(|mark| &text[mark.range.clone()]).collect();
    assert_eq!(text, "> a b (x) c");
    assert_eq!(parts, ["a b (x) c", "a", "b", "c"]);
}

#[test]
fn what_lies_deep_does_not_grow_without_end() {
    let quotes = format!("{}\n{}", ">".repeat(50_000), "a\n".repeat(20_000));
    assert!(styled(&quotes).spelled_out().text.len() < 1_000_000);
    let lists = format!("{}\n{}", "- ".repeat(10_000), "a\n".repeat(20_000));
    assert!(styled(&lists).spelled_out().text.len() < 3_000_000);
    let cells = format!("|{}\n|{}\n{}", "a|".repeat(3_000), "-|".repeat(3_000), "|\n".repeat(20_000));
    assert!(styled(&cells).text.len() < 20_000_000);
}

fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zä😀 ]{1,8}",
        2 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        1 => "[*_`~>#|\\[\\]()!<\\-+0-9.:\\\\\t ]{1,4}",
        1 => Just("\n```\n".to_owned()),
        1 => Just("\n> ".to_owned()),
        1 => Just("\n- ".to_owned()),
        1 => Just("[a](b)".to_owned()),
        1 => Just("\n|a|b|\n|-|-|\n|c|".to_owned()),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

fn is_nested(marks: &[Mark]) -> bool {
    let mut ends = Vec::new();
    marks.iter().all(|Mark { range, .. }| {
        while ends.last().is_some_and(|&end| end <= range.start) {
            ends.pop();
        }
        let fits = ends.last().is_none_or(|&end| range.end <= end);
        ends.push(range.end);
        fits && !range.is_empty()
    })
}

proptest! {
    #[test]
    fn marks_lie_within_the_text_and_each_other(text in texts()) {
        let styled = styled(&text);
        for styled in [&styled, &styled.spelled_out()] {
            prop_assert!(styled.marks.iter().all(|mark| styled.text.get(mark.range.clone()).is_some()));
            prop_assert!(is_nested(&styled.marks), "{styled:?}");
        }
    }

    #[test]
    fn every_word_stays(text in "([a-z]{1,5}[ \n]{1,2}){0,20}") {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&super::super::plain(&text)), words(&text));
    }
}
