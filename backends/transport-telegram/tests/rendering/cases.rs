//! One row a case: markdown, and what people see of it.

use takopi_transport_telegram::render::render;

use super::{assert_taken, show};

#[track_caller]
fn check(markdown: &str, expected: &str) {
    let rendered = render(markdown);
    assert_eq!(show(&rendered), expected, "{markdown:?}");
    if !rendered.text.is_empty() {
        assert_taken(&rendered, markdown);
    }
}

#[test]
fn styles() {
    check("**a** *b* ~~c~~ `d`", "<bold>a</bold> <italic>b</italic> <strike>c</strike> <code>d</code>");
    check("***a***", "<italic><bold>a</bold></italic>");
    check("**a *b* c**", "<bold>a <italic>b</italic> c</bold>");
    check("**a **b** c**", "<bold>a b c</bold>");
    check("*a **b *c* d** e*", "<italic>a <bold>b c d</bold> e</italic>");
    check("__init__ snake_case_name 2*3*4", "<bold>init</bold> snake_case_name 2<italic>3</italic>4");
    check("~/a:~/b ~one~", "~/a:~/b ~one~");
    check("👩‍👩‍👧 **👍🏽**", "👩‍👩‍👧 <bold>👍🏽</bold>");
    check("**a\nb**", "<bold>a\nb</bold>");
    check("** a**", "** a**");
    check("***a", "***a");
    check("\\*a\\* &amp; &lt;b&gt; &#42;", "*a* & <b> *");
}

#[test]
fn nothing_is_in_code_and_code_is_in_quotes_alone() {
    check("**a `b` c**", "<bold>a</bold> <code>b</code> <bold>c</bold>");
    check("**`a`**", "<code>a</code>");
    check("**`a` `b`**", "<code>a</code> <code>b</code>");
    check(
        "*a **b `c` d***",
        "<italic>a <bold>b</bold></italic> <code>c</code> <italic><bold>d</bold></italic>",
    );
    check("> **a** `b`", "<quote><bold>a</bold> <code>b</code></quote>");
    check("# a `b`", "<bold><underline>a</underline></bold> <code>b</code>");
    check("`` a`b ``", "<code>a`b</code>");
    check("`**a** [b](c) \\* &amp;`", "<code>**a** [b](c) \\* &amp;</code>");
    check("a ` b", "a ` b");
}

#[test]
fn headings_are_bold() {
    check("# a\n## b\ntext", "<bold><underline>a</underline></bold>\n\n<bold>b</bold>\n\ntext");
    check("## a **b** *c*", "<bold>a b <italic>c</italic></bold>");
    check("a\n===", "<bold><underline>a</underline></bold>");
    check("#a\n#", "#a");
}

#[test]
fn lines_and_rules() {
    check("a\nb  \nc\\\nd", "a\nb\nc\nd");
    check("a\r\nb\r\n\r\nc", "a\nb\n\nc");
    check("a\n\n\n\nb", "a\n\nb");
    check("a\n\n---\n\nb", "a\n\n⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯\n\nb");
    check("a\tb\u{0}\u{7}c\u{2028}d\u{202e}e", "a    bc\nde");
}

#[test]
fn lists() {
    check("* a\n  * b\n    c\n* d", "- a\n  - b\n    c\n- d");
    check("7. a\n8. b\n   - c\n\ntext", "7. a\n8. b\n   - c\n\ntext");
    check("1. a\n1. b\n1. c", "1. a\n2. b\n3. c");
    check("- a\n\n  b\n- c", "- a\n\n  b\n- c");
    check("- - a\n  - b", "- - a\n  - b");
    check("text\n- a", "text\n\n- a");
    check("- [x] a\n- [ ] **b**\n  - [x] c\n1. [x] d", "☑ a\n☐ <bold>b</bold>\n  ☑ c\n\n1. ☑ d");
    check("- **a**: `b`\n- c", "- <bold>a</bold>: <code>b</code>\n- c");
    check("- ```sh\n  ls\n  ```\n- b", "- <pre sh>ls</pre>\n- b");
    check("- a\n  ```\n  b\n  ```", "- a\n\n<pre>b</pre>");
    check("- > a\n- b", "- <quote>a</quote>\n- b");
    check("99999999999. a", "99999999999. a");
    check("-\n- a", "- \n- a");
}

#[test]
fn code_blocks() {
    check("```rust,ignore\n  **a**\n\n  b\n```\nc", "<pre rust>  **a**\n\n  b</pre>\n\nc");
    check("    a\n    b", "<pre>a\nb</pre>");
    check("```\n```", "");
    check("```\n \n\n```\na", "a");
    check("```c++\nunclosed", "<pre c++>unclosed</pre>");
    check("~~~~md\n```\na\n```\n~~~~", "<pre md>```\na\n```</pre>");
    check("```\n\ta\u{1b}[1m\n```", "<pre>    a[1m</pre>");
    check("> ```py\n> a\n> ```\n> b", "<quote><pre py>a</pre>\n\nb</quote>");
}

#[test]
fn quotes() {
    check("> a\n> b\n\nc", "<quote>a\nb</quote>\n\nc");
    check("> a\n>\n> > b\n> > c\n>\n> d", "<quote>a\n\n> b\n> c\n\nd</quote>");
    check("> - a\n> - b", "<quote>- a\n- b</quote>");
    check(">", "");
    check("> a\nlazy", "<quote>a\nlazy</quote>");
}

#[test]
fn links() {
    check("[a](https://x.org/b_(c)?d=e_f)", "<link https://x.org/b_(c)?d=e_f>a</link>");
    check("**[a *b*](https://x.org)**", "<bold><link https://x.org>a <italic>b</italic></link></bold>");
    check("[`a`](https://x.org) `b`", "<link https://x.org>a</link> <code>b</code>");
    check("<https://x.org/a_b>", "<link https://x.org/a_b>https://x.org/a_b</link>");
    check("https://x.org/a_b_c", "https://x.org/a_b_c");
    check("[a](http://localhost:3000)", "a (<code>http://localhost:3000</code>)");
    check("**[a](src/b_c.rs:1)**", "<bold>a (</bold><code>src/b_c.rs:1</code><bold>)</bold>");
    check("**see [src/a.rs](src/a.rs)**", "<bold>see</bold> <code>src/a.rs</code>");
    check("[`src/a.rs`](src/a.rs)", "<code>src/a.rs</code>");
    check("[](https://x.org) [](a/b)", "<link https://x.org>https://x.org</link> <code>a/b</code>");
    check("[a]()", "a");
    check("<me@x.org> [me](mailto:me@x.org)", "me@x.org me (me@x.org)");
    check("![alt](https://x.org/a.png)", "<link https://x.org/a.png>🖼️ alt</link>");
    check("[![alt](https://x.org/a.png)](https://x.org)", "<link https://x.org>🖼️ alt</link>");
    check("![alt](a.png)", "🖼️ alt (<code>a.png</code>)");
    check("[a][1]\n\n[1]: https://x.org", "<link https://x.org>a</link>");
    check(
        "[a](javascript:alert(1)) [b](tg://user?id=1)",
        "a (<code>javascript:alert(1)</code>) b (<code>tg://user?id=1</code>)",
    );
}

#[test]
fn tables_are_aligned_code() {
    check(
        "| a | **b** |\n|---|--:|\n| `c` | 1 |\n| dd | 22 |\n\nx",
        "<pre>a    b\n──  ──\nc    1\ndd  22</pre>\n\nx",
    );
    check("|a|\n|-|\n|[b](https://x.org)|", "<pre>a\n─────────────────\nb (https://x.org)</pre>");
    check("|a|b|\n|-|-|\n|x \\| y|~~z~~|", "<pre>a      b\n─────  ─\nx | y  z</pre>");
    check("||\n|-|", "");
}

#[test]
fn spoilers() {
    check("a ||b **c**|| d", "a <spoiler>b <bold>c</bold></spoiler> d");
    check("||a||", "<spoiler>a</spoiler>");
    check("**||a||**", "<spoiler><bold>a</bold></spoiler>");
    check("||a `b` c||", "<spoiler>a</spoiler> <code>b</code> <spoiler>c</spoiler>");
    check("||😀|| **b** ||c||", "<spoiler>😀</spoiler> <bold>b</bold> <spoiler>c</spoiler>");
    check("||a\nb||\n\nc", "<spoiler>a\nb</spoiler>\n\nc");
    check("> x ||a||\n\n- ||b||", "<quote>x <spoiler>a</spoiler></quote>\n\n- <spoiler>b</spoiler>");
    check("if a || b || c, a||b||c", "if a || b || c, a||b||c");
    check("`||a||` ||", "<code>||a||</code> ||");
    check("||a\n\nb||", "||a\n\nb||");
    check("**a ||b** c||", "<bold>a ||b</bold> c||");
    check("||||a||||", "||||a||||");
    check("||a *b ||c|| d* e||", "<spoiler>a <italic>b ||c|| d</italic> e</spoiler>");
}

#[test]
fn other_markup_is_text() {
    check(
        "a <b>b</b>\n\n<details>\n<summary>c</summary>\n</details>\n\nd",
        "a <b>b</b>\n\n<details>\n<summary>c</summary>\n</details>\n\nd",
    );
    check("a <!-- b -->", "a <!-- b -->");
    check("$a_1 + b_2$ costs $5", "$a_1 + b_2$ costs $5");
    check("a[^1]\n\n[^1]: b\n    c", "a[1]\n\n[1] b\nc");
    check("a[^2]", "a[^2]");
    check("", "");
    check(" \n\n\t", "");
}
