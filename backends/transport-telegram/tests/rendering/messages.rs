//! Messages of takopi as people see them.

use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_transport_telegram::render::{
    MAX_ENTITIES, MAX_TEXT, Rendered, render_message, render_message_parts,
};

use super::{assert_taken, show};

fn message(kind: MessageKind, header: &str, text: &str, footer: &[&str]) -> OutgoingMessage {
    let footer = footer.iter().map(|&line| line.to_owned());
    OutgoingMessage::new(kind, Body::markdown(text).header(header).footer(footer))
}

#[track_caller]
fn in_one(message: &OutgoingMessage) -> Rendered {
    let rendered = render_message(message).unwrap_or_default();
    assert_taken(&rendered, &message.body.text);
    rendered
}

/// What it is as one message, which is the same as in parts.
#[track_caller]
fn shown(message: &OutgoingMessage) -> String {
    let rendered = in_one(message);
    assert_eq!(render_message_parts(message), std::slice::from_ref(&rendered));
    show(&rendered)
}

#[test]
fn progress() {
    insta::assert_snapshot!(shown(&message(
        MessageKind::Progress,
        "working · codex · 1m 05s · step 3",
        "✓ `cargo test -p my_crate`\n✗ `ls *.rs` (exit 2)\n▸ files: update `src/a_b.rs`, add `c.rs`",
        &["`ctx: z80 @feat_under_score`", "`codex resume 0199-ab_c`"],
    )));
}

#[test]
fn an_answer() {
    insta::assert_snapshot!(shown(&message(
        MessageKind::Answer,
        "done · codex · 10s · step 3",
        include_str!("answer.md"),
        &["`ctx: z80 @main`", "`codex resume 0199`"],
    )));
}

#[test]
fn an_error_and_a_notice_and_a_request() {
    let error =
        message(MessageKind::Error, "error · codex · 3s", "no such model: `gpt_x_y`", &["`ctx: z80`"]);
    let notice = message(MessageKind::Notice, "", "default engine is `codex` (global)", &[]);
    let request = message(
        MessageKind::Request,
        "codex asks",
        "**Run this command?**\n\n```sh\nrm -rf ./build_dir\n```\nin `/repo/my_project`",
        &["`ctx: z80 @x`"],
    );
    insta::assert_snapshot!([error, notice, request].map(|message| shown(&message)).join("\n=====\n"));
}

#[test]
fn plain_text_is_shown_as_it_is() {
    let text = "error: no `branch` **x** ||y||\n  [a](https://x.org)";
    let message = OutgoingMessage::new(MessageKind::Error, Body::plain(text).header("`h`"));
    assert_eq!(shown(&message), format!("`h`\n\n{text}"));
}

#[test]
fn of_nothing_there_is_no_message() {
    let message = message(MessageKind::Ack, "", "\u{200b}", &[" "]);
    assert_eq!(render_message(&message), None);
    assert_eq!(render_message_parts(&message), []);
}

#[test]
fn in_one_message_the_text_is_cut_and_the_rest_stays() {
    for text in
        ["word ".repeat(3000), format!("```rs\n{}```", "let a = 1;\n".repeat(1000)), "😀".repeat(5000)]
    {
        let message = message(MessageKind::Progress, "working · codex", &text, &["`ctx: z80`"]);
        let rendered = in_one(&message);
        assert!(rendered.text.starts_with("working · codex\n\n"), "{rendered:?}");
        assert!(rendered.text.ends_with("…\n\nctx: z80"), "{rendered:?}");
        assert!(rendered.text.encode_utf16().count() > MAX_TEXT - 20, "{rendered:?}");
        assert!(render_message_parts(&message).len() > 1);
    }
}

#[test]
fn in_one_message_the_least_telling_entities_are_left_out() {
    let text = format!("{}[a](https://x.org) ||s||", "*i* **b** ".repeat(80));
    let rendered = in_one(&message(MessageKind::Progress, "", &text, &["`ctx: z80`"]));
    assert_eq!(rendered.entities.len(), MAX_ENTITIES);
    let shown = show(&rendered);
    assert!(
        shown.ends_with("<link https://x.org>a</link> <spoiler>s</spoiler>\n\n<code>ctx: z80</code>"),
        "{shown}"
    );
    assert_eq!(shown.matches("<bold>").count(), 80);
    assert_eq!(shown.matches("<italic>").count(), 17);
}

#[test]
fn a_header_longer_than_a_message_is_cut_too() {
    let message = message(MessageKind::Answer, &"h ".repeat(5000), "text", &[]);
    in_one(&message);
    assert_eq!(render_message_parts(&message).len(), 3);
}
