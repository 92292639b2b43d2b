//! What people see of markdown, and that Telegram takes it whatever it is.

mod cases;
mod messages;
mod parts;
mod properties;
/// Telegram's rules for messages with tables, as the tests of the whole program have them.
#[path = "../../../../tests/src/bot_api/rich.rs"]
#[expect(unreachable_pub, reason = "it is public where it is at home")]
mod rich;
/// Telegram's rules, as the tests of the whole program have them.
#[path = "../../../../tests/src/bot_api/rules.rs"]
#[expect(unreachable_pub, reason = "it is public where it is at home")]
mod rules;
mod tables;

use takopi_transport_telegram::render::{Entity, EntityKind, Rendered};

/// A text with its entities written into it, in a form for the eye: `<bold>a</bold>`.
fn show(rendered: &Rendered) -> String {
    let mut marks: Vec<((usize, i8, usize), String)> = Vec::new();
    for (index, Entity { kind, offset, length }) in rendered.entities.iter().enumerate() {
        let (name, detail) = match kind {
            EntityKind::Bold => ("bold", String::new()),
            EntityKind::Italic => ("italic", String::new()),
            EntityKind::Underline => ("underline", String::new()),
            EntityKind::Strikethrough => ("strike", String::new()),
            EntityKind::Spoiler => ("spoiler", String::new()),
            EntityKind::Code => ("code", String::new()),
            EntityKind::Pre { language } => {
                ("pre", language.as_deref().map(|it| format!(" {it}")).unwrap_or_default())
            }
            EntityKind::TextLink { url } => ("link", format!(" {url}")),
            EntityKind::Blockquote => ("quote", String::new()),
        };
        marks.push(((*offset, 1, index), format!("<{name}{detail}>")));
        marks.push(((offset + length, -1, usize::MAX - index), format!("</{name}>")));
    }
    marks.sort_unstable();
    let mut marks = marks.into_iter().peekable();
    let mut shown = String::new();
    let mut unit = 0;
    for c in rendered.text.chars() {
        while let Some((_, mark)) = marks.next_if(|((at, ..), _)| *at <= unit) {
            shown.push_str(&mark);
        }
        shown.push(c);
        unit += c.len_utf16();
    }
    shown.extend(marks.map(|(_, mark)| mark));
    shown
}

/// Telegram takes it.
#[track_caller]
fn assert_taken(rendered: &Rendered, source: &str) {
    if let Err(why) = check(rendered) {
        panic!("{why}\n{rendered:?}\nof {source:?}");
    }
}

fn check(rendered: &Rendered) -> Result<(), String> {
    let entities: Result<Vec<_>, _> = rendered.entities.iter().map(serde_json::to_value).collect();
    rules::check(&rendered.text, &entities.map_err(|error| error.to_string())?)
}
