//! Messages and their parts: what the model says and does.

use takopi_api::event::{ActionId, ActionOutcome, EventFactory, TextKind};

use super::{Piece, Session};
use crate::event::Part;
use crate::serve::ask::ToolCall;
use crate::serve::wire;
use crate::step::{self, Stand};

impl Session {
    /// A message is new, or something about it is.
    pub(super) fn message(&mut self, info: &wire::Info<'_>, out: &mut EventFactory) {
        let id = info.id.text();
        match &*info.role.text() {
            // Ids grow, and a message is told more than once.
            "user" if *id > *self.last_message => {
                self.seen += 1;
                if self.first_message.is_empty() {
                    self.first_message = id.clone().into_owned();
                }
                self.last_message = id.into_owned();
            }
            "assistant" if *id > *self.reply => {
                self.tell_texts(out);
                self.tell_error(out);
                self.reply = id.into_owned();
                self.replies_to = info.parent_id.text().into_owned();
                self.is_summary = info.summary.read() == Some(true);
                self.finish.clear();
            }
            _ => {}
        }
    }

    /// A part is new, or something about it is: each time it is told as a whole.
    pub(super) fn part(&mut self, part: &Part<'_>, out: &mut EventFactory) {
        let is_own = self.is_own(part.session_id);
        if !is_own && !self.inner.contains_key(&*part.session_id.text()) {
            return;
        }
        match &*part.kind.text() {
            "tool" => self.call(part, is_own, out),
            "step-finish" => self.step_finished(part, is_own, out),
            "text" if is_own => self.text(part, TextKind::Answer),
            "reasoning" if is_own => self.text(part, TextKind::Thinking),
            _ => {}
        }
    }

    /// A piece of a text, as it is written.
    pub(super) fn delta(&mut self, properties: &wire::Properties<'_>, out: &mut EventFactory) {
        if !self.is_own(properties.session_id) || properties.field.text() != "text" {
            return;
        }
        let id = properties.part_id.text();
        let Some(piece) = self.pieces.iter_mut().find(|piece| *piece.id == *id) else { return };
        let is_first = !std::mem::replace(&mut piece.is_told, true);
        let mut delta = properties.delta.text().into_owned();
        if piece.kind == TextKind::Answer {
            if is_first && self.has_told_text {
                delta.insert_str(0, "\n\n");
            }
            self.has_told_text = true;
        }
        out.text(piece.kind, delta);
    }

    fn text(&mut self, part: &Part<'_>, kind: TextKind) {
        if part.message_id.text() != self.reply || self.is_summary || part.synthetic.read() == Some(true) {
            return;
        }
        let id = part.id.text();
        let text = part.text.text().into_owned();
        match self.pieces.iter_mut().find(|piece| *piece.id == *id) {
            Some(piece) => piece.text = text,
            None => self.pieces.push(Piece { id: id.into_owned(), kind, text, is_told: false }),
        }
    }

    fn call(&mut self, part: &Part<'_>, is_own: bool, out: &mut EventFactory) {
        let state = part.state.fields();
        let id = if part.call_id.is_present() { part.call_id.text() } else { part.id.text() };
        // While it is pending, the model still writes what it wants.
        if state.status.text() == "pending" || id.trim().is_empty() {
            return;
        }
        let call = ToolCall::new(part.session_id.text(), id);
        if self.over.contains(&call) {
            return;
        }
        let step = call.step(self.thread.value());
        let (mut action, stand) = step::call(step.as_str(), &part.tool.text(), state);
        if !is_own {
            action.detail.parent = self.inner.get(&*part.session_id.text()).cloned().flatten();
        }
        let inner = state.metadata.fields().session_id.text();
        if !inner.is_empty() {
            self.inner.insert(inner.into_owned(), Some(ActionId::new(step)));
        }
        match stand {
            Stand::Over(outcome) => {
                // A command that was cut off has no exit code, and opencode calls it completed.
                let is_cut_off = self.is_interrupted && action.detail.exit_code.is_none();
                let outcome = if is_cut_off { ActionOutcome::Failed } else { outcome };
                self.calls.remove(&call);
                self.requests.call_ended(&call, out);
                self.over.insert(call);
                out.action_completed(action, outcome);
            }
            Stand::Open => {
                let input = state.input.text().into_owned();
                let known = self.calls.insert(call.clone(), (action.title.clone(), input));
                match known {
                    None => out.action_started(action),
                    Some((title, _)) if title != action.title => out.action_updated(action),
                    // Its output grows.
                    Some(_) => {}
                }
                self.call_told(&call, out);
            }
        }
    }

    fn step_finished(&mut self, part: &Part<'_>, is_own: bool, out: &mut EventFactory) {
        if !self.counted.insert(part.id.text().into_owned()) {
            return;
        }
        self.usage += step::usage(part.tokens.fields(), part.cost);
        if is_own && part.message_id.text() == self.reply && !self.is_summary {
            self.finish = part.reason.text().into_owned();
            if self.finish == "length" {
                out.warning("the answer is cut off: it reached the model's limit");
            }
        }
    }

    /// What was said in the last message, with a blank line between its parts.
    pub(super) fn take_answer(&mut self) -> String {
        let mut texts = self.take_texts();
        texts.next().map(|first| texts.fold(first, |said, text| said + "\n\n" + &text)).unwrap_or_default()
    }

    /// What was said in an earlier message was said on the way.
    fn tell_texts(&mut self, out: &mut EventFactory) {
        self.take_texts().for_each(|text| out.note(text));
    }

    fn take_texts(&mut self) -> impl Iterator<Item = String> + use<> {
        std::mem::take(&mut self.pieces)
            .into_iter()
            .filter(|piece| piece.kind == TextKind::Answer)
            .map(|piece| piece.text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    /// The input of a call that goes on.
    pub(super) fn input_of(&self, call: &ToolCall) -> Option<&str> {
        self.calls.get(call).map(|(_, input)| input.as_str())
    }
}
