//! What one run remembers of the dialogue, and what becomes of each line: a state machine without I/O.

use takopi_api::event::{Decision, EventFactory, RequestId, Resolution, TextKind};
use takopi_api::jsonl::{Interruption, Receipt, Recognition, Says, Unfinished, Wire, value_in_head};
use takopi_api::process::{Ask, Exit};
use takopi_api::runner::{ControlError, RunSpec};

use super::image::{self, Slot};
use super::messages::{Fate, Messages};
use super::permission::Folder;
use super::request::{Open, SHOW_PLAN, Unasked, one_line};
use super::say::{ContentBlock, ControlRequest, ControlResponse, MessageContent, UserMessage, Verdict, Want};
use crate::args;
use crate::event::{Asked, Line, Piece};
use crate::translate::Translation;

/// The names of what takopi wants of claude. Each is asked once a run.
const GREETING: &str = "takopi-initialize";
const INTERRUPT: &str = "takopi-interrupt";

const INTERRUPTED: &str = "claude was interrupted";

#[derive(Debug)]
pub(crate) struct Dialogue {
    translation: Translation,
    stage: Stage,
    prompt: String,
    images: Slot,
    /// The name of the prompt among the messages: that of the run, which is a UUID as well.
    prompt_uuid: String,
    open: Vec<Open>,
    messages: Messages,
    calls: Calls,
    text: LiveText,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Claude has not answered the greeting.
    Greeting,
    /// It has the prompt.
    Working,
    /// It was told to end its turn.
    Interrupted,
}

/// What the calls of tools tell about those that are asked about later.
#[derive(Debug)]
struct Calls {
    /// Where the run began, or the turn as claude says.
    cwd: String,
    /// The first call that may have led the shell elsewhere.
    moved_by: Option<String>,
    /// The last plan, and the call that shows it. Claude does not say it again when it asks.
    plan: Option<(String, String)>,
}

/// The answer as it is written.
#[derive(Debug, Default)]
struct LiveText {
    /// Whether the last thing that came was text of the answer.
    is_written: bool,
}

/// What is said first.
pub(super) fn greet(says: &mut Says) {
    says.line(&ControlRequest::new(GREETING, Want::Initialize { hooks: None }));
}

impl Dialogue {
    pub(super) fn new(translation: Translation, spec: &RunSpec, images: Slot) -> Self {
        Self {
            translation,
            stage: Stage::Greeting,
            prompt: args::prompt(spec, |attachment| !image::is_image(attachment)),
            images,
            prompt_uuid: spec.id.to_string(),
            open: Vec::new(),
            messages: Messages::default(),
            calls: Calls { cwd: spec.cwd.display().to_string(), moved_by: None, plan: None },
            text: LiveText::default(),
        }
    }

    pub(super) fn hear(&mut self, line: &str, out: &mut EventFactory, says: &mut Says) -> Recognition {
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        match &*line.kind.text() {
            "stream_event" => self.piece(&line, out),
            "control_request" => self.asked(&line, out, says),
            "control_response" => self.answered(&line, out, says),
            "control_cancel_request" => self.withdrawn(&line, out),
            "command_lifecycle" => self.told_of_message(&line, out),
            kind => {
                let recognition = self.translation.read(&line, out);
                match kind {
                    "assistant" => self.calls.note(&line),
                    "system" if line.subtype.text() == "init" => {
                        self.calls.turn_began(&line.cwd.text());
                        self.messages.turn_began(&line.capabilities.elements::<String>(), says);
                        self.translation.unread(self.messages.are_there(), out);
                    }
                    _ => {}
                }
                recognition
            }
        }
    }

    /// What claude answers to what takopi wanted.
    fn answered(&mut self, line: &Line<'_>, out: &mut EventFactory, says: &mut Says) -> Recognition {
        let response = line.response.fields();
        if response.request_id.text() != GREETING || self.stage != Stage::Greeting {
            return Recognition::Ignored;
        }
        if response.subtype.text() == "success" {
            self.stage = Stage::Working;
            self.prompt(says);
        } else {
            let error = response.error.text();
            let instead = "`mode = \"print\"` in `[claude]` needs no talk";
            out.failed(format!("claude does not talk with takopi: {error}; {instead}"), "", None);
        }
        Recognition::Known
    }

    fn prompt(&mut self, says: &mut Says) {
        // Both may be long, and are not needed any more.
        let (text, images) = (std::mem::take(&mut self.prompt), std::mem::take(&mut self.images));
        if let Some(images) = images.get() {
            let text = ContentBlock::Text { text };
            let blocks = std::iter::once(&text).chain(images).collect();
            says.line(&UserMessage::new(MessageContent::Blocks(blocks), &self.prompt_uuid));
        } else {
            says.line(&UserMessage::new(MessageContent::Text(&text), &self.prompt_uuid));
        }
    }

    fn asked(&mut self, line: &Line<'_>, out: &mut EventFactory, says: &mut Says) -> Recognition {
        let (id, asked) = (line.request_id.text(), line.request.fields());
        if id.is_empty() {
            return Recognition::Malformed { reason: "a question without an id".to_owned() };
        }
        let what = asked.subtype.text();
        if what != "can_use_tool" {
            says.line(&ControlResponse::error(&id, format!("takopi does not answer `{what}`")));
            return Recognition::Unknown { kind: format!("control_request {what}") };
        }
        // Nobody has seen this one, so an answer to the first must not be one to it.
        if self.open.iter().any(|open| open.id.as_str() == id) {
            return Recognition::Ignored;
        }
        if self.stage == Stage::Interrupted {
            let message = "The user interrupted.".to_owned();
            says.line(&ControlResponse::verdict(&id, Verdict::Deny { message }));
            return Recognition::Known;
        }
        let plan = self.calls.plan_of(asked);
        match Open::new(RequestId::new(&*id), asked, plan, self.calls.folder_of(asked)) {
            Ok((open, request)) => {
                self.open.push(open);
                out.request(request);
            }
            Err(Unasked(why)) => {
                out.warning(why.as_str());
                says.line(&ControlResponse::verdict(&id, Verdict::Deny { message: why }));
            }
        }
        Recognition::Known
    }

    fn withdrawn(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let id = line.request_id.text();
        let Some(at) = self.open.iter().position(|open| open.id.as_str() == id) else {
            return Recognition::Ignored;
        };
        out.request_resolved(self.open.remove(at).id, Resolution::Withdrawn);
        Recognition::Known
    }

    pub(super) fn answer(
        &mut self,
        request: &RequestId,
        decision: Decision,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        let no_such_request = || ControlError::NoSuchRequest(request.clone());
        // Claude withdraws what it asks when it is interrupted, and what is allowed before it does so must not be done.
        if self.stage == Stage::Interrupted {
            return Err(no_such_request());
        }
        let at = self.open.iter().position(|open| open.id == *request).ok_or_else(no_such_request)?;
        let open = self.open.remove(at);
        says.line(&ControlResponse::verdict(request.as_str(), open.verdict(&decision)));
        out.request_resolved(open.id, Resolution::Decided(decision));
        Ok(())
    }

    pub(super) fn steer(&mut self, text: String, receipt: Receipt, says: &mut Says) {
        match self.stage {
            Stage::Interrupted => receipt.refused(ControlError::Over),
            Stage::Greeting | Stage::Working => {
                self.messages.send(text, receipt, says);
                self.translation.message_sent(self.messages.are_there());
            }
        }
    }

    /// A message of a person is one that claude has, reads, or will not read.
    fn told_of_message(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let (uuid, state) = (line.command_uuid.text(), line.state.text());
        if uuid == self.prompt_uuid {
            let is_dropped = matches!(&*state, "cancelled" | "discarded" | "refused");
            if is_dropped && !self.translation.has_begun() {
                let error = match self.stage {
                    Stage::Interrupted => INTERRUPTED.to_owned(),
                    _ => format!("claude did not take the prompt ({state})"),
                };
                out.failed(error, "", None);
            }
            return Recognition::Known;
        }
        match self.messages.told(&uuid, &state) {
            Fate::Unknown => return Recognition::Ignored,
            Fate::Waits | Fate::Over { unread: None } => {}
            Fate::Read => self.translation.message_read(),
            Fate::Over { unread: Some(text) } => out.warning(unread(&text)),
        }
        self.translation.unread(self.messages.are_there(), out);
        Recognition::Known
    }

    pub(super) fn interrupt(&mut self, says: &mut Says) -> Interruption {
        self.translation.interrupted();
        match std::mem::replace(&mut self.stage, Stage::Interrupted) {
            // It did not end when it was told to.
            Stage::Interrupted => Interruption::Signal(Ask::Terminate),
            // No turn goes on that could be ended. What is in the background ends by this too.
            Stage::Greeting => Interruption::Signal(Ask::Interrupt),
            Stage::Working if self.translation.is_between_turns() => Interruption::Signal(Ask::Interrupt),
            Stage::Working => {
                says.line(&ControlRequest::new(INTERRUPT, Want::Interrupt { cancel_queued: true }));
                Interruption::Said
            }
        }
    }

    fn piece(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        match line.event.get() {
            // What a sub-agent writes is for the agent that started it.
            Some(piece) if !line.parent_tool_use_id.is_present() => {
                self.text.piece(piece, out);
                Recognition::Known
            }
            _ => Recognition::Ignored,
        }
    }

    pub(super) fn exited(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        for text in self.messages.end() {
            out.warning(unread(&text));
        }
        let mut unfinished = self.translation.exited(exit, out);
        if self.stage == Stage::Interrupted {
            unfinished.reason.get_or_insert_with(|| INTERRUPTED.to_owned());
        }
        unfinished
    }
}

/// A question that nobody can read is answered by no.
pub(super) fn too_long(head: &str, out: &mut EventFactory, says: &mut Says) {
    let text = |key| serde_json::from_str::<String>(value_in_head(head, key)?).ok();
    if let (Some("control_request"), Some(id)) = (text("type").as_deref(), text("request_id")) {
        out.warning("claude asked something that is too long to be shown; it was denied");
        let message =
            "this is too long to be shown to the person who has to allow it; do it in smaller steps";
        says.line(&ControlResponse::verdict(&id, Verdict::Deny { message: message.to_owned() }));
    }
}

fn unread(text: &str) -> String {
    format!("claude ended before it read this: {}", one_line("", text))
}

impl Calls {
    /// Commands that change where the next ones run, or may do so.
    const MOVES: &[&str] = &["cd", "pushd", "popd", "source", "eval", "."];

    fn turn_began(&mut self, cwd: &str) {
        if !cwd.is_empty() {
            cwd.clone_into(&mut self.cwd);
        }
    }

    fn note(&mut self, line: &Line<'_>) {
        for block in line.message.fields().content.get() {
            match &*block.name.text() {
                SHOW_PLAN => {
                    let input: PlanInput<'_> = block.input.object().unwrap_or_default();
                    let plan = input.plan.text();
                    if !plan.trim().is_empty() {
                        self.plan = Some((block.id.text().into_owned(), plan.into_owned()));
                    }
                }
                "Bash" if self.moved_by.is_none() => {
                    let input: CommandInput<'_> = block.input.object().unwrap_or_default();
                    let command = input.command.text();
                    let mut words = command.split(|c: char| !(c.is_alphanumeric() || "._-/".contains(c)));
                    if words.any(|word| Self::MOVES.contains(&word)) {
                        self.moved_by = Some(block.id.text().into_owned());
                    }
                }
                // Claude asks for neither, and works in another folder then.
                "EnterWorktree" | "ExitWorktree" if self.moved_by.is_none() => {
                    self.moved_by = Some(block.id.text().into_owned());
                }
                _ => {}
            }
        }
    }

    /// The plan that is asked about. Older versions say it when they ask, newer ones only when they call the tool.
    fn plan_of(&self, asked: &Asked<'_>) -> Option<String> {
        let input: PlanInput<'_> = asked.input.object().unwrap_or_default();
        let plan = input.plan.text();
        if !plan.trim().is_empty() {
            return Some(plan.into_owned());
        }
        let (call, plan) = self.plan.as_ref()?;
        (*call == asked.tool_use_id.text()).then(|| plan.clone())
    }

    /// Where a command would run, as long as no earlier one may have led elsewhere.
    fn folder_of(&self, asked: &Asked<'_>) -> Folder<'_> {
        let call = asked.tool_use_id.text();
        if asked.agent_id.is_present() {
            Folder::Unknown("not known: a sub-agent may have a folder of its own")
        } else if self.moved_by.as_ref().is_some_and(|moved_by| *moved_by != call) {
            Folder::Unknown("not known: an earlier step may have led elsewhere")
        } else {
            Folder::Known(&self.cwd)
        }
    }
}

takopi_api::wire! {
    struct PlanInput<'a> {
        "plan" => plan: takopi_api::jsonl::Field<'a>,
    }

    struct CommandInput<'a> {
        "command" => command: takopi_api::jsonl::Field<'a>,
    }
}

impl LiveText {
    fn piece(&mut self, piece: &Piece<'_>, out: &mut EventFactory) {
        match &*piece.kind.text() {
            "content_block_delta" => {
                let delta = piece.delta.fields();
                match &*delta.kind.text() {
                    "text_delta" => {
                        self.is_written = true;
                        out.text(TextKind::Answer, delta.text.text());
                    }
                    "thinking_delta" => out.text(TextKind::Thinking, delta.thinking.text()),
                    _ => {}
                }
            }
            "content_block_start" => {
                let is_text = piece.content_block.fields().kind.text() == "text";
                if is_text && self.is_written {
                    out.text(TextKind::Answer, "\n\n");
                }
                self.is_written &= is_text;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
