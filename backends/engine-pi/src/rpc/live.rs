//! The answer and the thoughts as they are written.

use takopi_api::event::{EventFactory, TextKind};

use crate::event::Update;

/// What stands between two messages, of which each has a text of its own.
const BETWEEN: &str = "\n\n";

/// What has been written so far, as far as the next piece depends on it.
#[derive(Debug, Default)]
pub(super) struct Live {
    answer: Written,
    thinking: Written,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Written {
    #[default]
    Nothing,
    /// The next piece goes on where the last one ended.
    Part,
    /// The next piece begins another text.
    Whole,
}

/// Whether a line may be a piece of text; most are pieces of calls. Cheap, and never wrong about one that is.
pub(super) fn may_be_text(line: &str) -> bool {
    line.contains("\"text_") || line.contains("\"thinking_")
}

impl Live {
    pub(super) fn update(&mut self, update: &Update<'_>, out: &mut EventFactory) {
        match &*update.kind.text() {
            "text_start" => self.answer.begin(),
            "thinking_start" => self.thinking.begin(),
            "text_delta" => self.answer.write(TextKind::Answer, &update.delta.text(), out),
            "thinking_delta" => self.thinking.write(TextKind::Thinking, &update.delta.text(), out),
            _ => {}
        }
    }
}

impl Written {
    fn begin(&mut self) {
        if *self == Self::Part {
            *self = Self::Whole;
        }
    }

    fn write(&mut self, kind: TextKind, delta: &str, out: &mut EventFactory) {
        if delta.is_empty() {
            return;
        }
        let before = if *self == Self::Whole { BETWEEN } else { "" };
        *self = Self::Part;
        out.text(kind, format!("{before}{delta}"));
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::event::Event;
    use takopi_api::jsonl::Wire;

    use super::*;
    use crate::backend::ENGINE;

    #[test]
    fn pieces_go_on_and_texts_stand_apart() {
        let mut live = Live::default();
        let mut out = EventFactory::new(ENGINE, None);
        let pieces = [
            ("thinking_start", ""),
            ("thinking_delta", "hm"),
            ("text_start", ""),
            ("text_delta", "on"),
            ("text_delta", "e"),
            ("text_delta", ""),
            ("text_end", "one"),
            ("toolcall_delta", "{}"),
            ("text_start", ""),
            ("text_start", ""),
            ("text_delta", "two"),
            ("thinking_delta", "m"),
        ];
        for (kind, delta) in pieces {
            let line = format!(r#"{{"type":"{kind}","contentIndex":0,"delta":"{delta}"}}"#);
            live.update(&Update::read(&line).unwrap(), &mut out);
        }
        let texts: Vec<_> = std::iter::from_fn(|| out.pop())
            .map(|event| match event {
                Event::Text(text) => (text.kind == TextKind::Answer, text.delta),
                event => panic!("{event:?}"),
            })
            .collect();
        let expected = [(false, "hm"), (true, "on"), (true, "e"), (true, "\n\ntwo"), (false, "m")];
        assert_eq!(texts, expected.map(|(is_answer, text)| (is_answer, text.to_owned())));
    }
}
