//! The talk with pi: a state machine without I/O.
//!
//! Pi is asked for the name of its thread, then it gets the prompt, and it is let go when it says that it has settled. What
//! happens in between is told in the lines that it prints in any mode, which [`Translation`] knows.

use std::time::Instant;

use takopi_api::event::{EventFactory, RequestId};
use takopi_api::jsonl::{Field, Interruption, Receipt, Recognition, Says, Unfinished, Wire};
use takopi_api::process::{Ask, Exit};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::ControlError;

use super::asks::{Asks, MARK};
use super::live::{Live, may_be_text};
use super::prompt::Prompt;
use super::says::{Command, Reply, command, reply};
use super::steers::Steers;
use crate::backend::ENGINE;
use crate::event::{Data, Line};
use crate::translate::{CALL_UPDATE, MESSAGE_UPDATE, Opened, Translation};

/// The names of commands, by which their answers are known.
mod name {
    /// Which thread it is.
    pub(super) const STATE: &str = "state";
    pub(super) const PROMPT: &str = "prompt";
    /// Whether the prompt became a turn.
    pub(super) const TURN: &str = "turn";
    /// Whether a CLI has settled that does not tell.
    pub(super) const IDLE: &str = "idle";
    /// The texts that came too late for the turn.
    pub(super) const LEFT: &str = "left";
    /// The texts that an interruption leaves unread.
    pub(super) const CLEAR: &str = "clear";
    pub(super) const ABORT: &str = "abort";
}

/// Why pi gets no prompt, and what to do about it.
const NOT_ASKING: &str = "pi did not load the extension by which it asks what it may do, so it got no prompt; \
                          `pi.permissions = \"off\"` lets it work without asking";
const ANOTHER_THREAD: &str = "pi opened another thread than it was asked for, so it got no prompt";
const NO_THREAD: &str = "pi did not tell which thread it has, so it got no prompt";

/// What one run remembers.
#[derive(Debug)]
pub(crate) struct Dialogue {
    turn: Translation,
    stage: Stage,
    /// Until pi gets it.
    prompt: Option<Prompt>,
    asking: Asking,
    is_fork: bool,
    pub(super) asks: Asks,
    steers: Steers,
    live: Live,
    /// The texts that pi has and the model has not read.
    unread: Vec<String>,
    is_interrupted: bool,
    /// Why takopi let pi go before it did anything.
    refusal: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The prompt waits until pi has told which thread it has, and that it will ask.
    Opening,
    /// Pi has the prompt, and nothing has come of it yet.
    Prompted,
    /// The model works.
    Working,
    /// The work is done, as far as a CLI says that does not tell more.
    Ended,
    /// The work is done, and pi still has texts that nobody read.
    Leftovers,
    Over,
}

/// Whether pi asks before it does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    NotWanted,
    /// It shall, and has not said yet that it will.
    Expected,
    Promised,
}

impl Dialogue {
    pub(super) fn new(asked: Option<ResumeToken>, is_fork: bool, asking: Asking, prompt: Prompt) -> Self {
        Self {
            turn: Translation::new(asked),
            stage: Stage::Opening,
            prompt: Some(prompt),
            asking,
            is_fork,
            asks: Asks::default(),
            steers: Steers::default(),
            live: Live::default(),
            unread: Vec::new(),
            is_interrupted: false,
            refusal: None,
        }
    }

    pub(super) fn open(&mut self, says: &mut Says) {
        command(name::STATE, &Command::GetState, says);
    }

    /// Pi said a line.
    pub(super) fn hear(
        &mut self,
        text: &str,
        now: Instant,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        self.asks.expire(now, out);
        if text.starts_with(CALL_UPDATE) || text.starts_with(MESSAGE_UPDATE) && !may_be_text(text) {
            return Recognition::Ignored;
        }
        let line = match Line::read(text) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        match &*line.kind.text() {
            _ if self.stage == Stage::Over => return Recognition::Ignored,
            "message_update" => self.live.update(line.update.fields(), out),
            "response" => return self.answered(&line, out, says),
            "extension_ui_request" => return self.dialog(&line, now, out, says),
            "extension_error" => {
                out.warning(format!(
                    "an extension of pi failed at {}: {}",
                    line.event.text(),
                    line.error.text()
                ));
            }
            "queue_update" => self.unread = texts(line.steering, line.follow_up),
            "agent_start" => self.started(says),
            "agent_end" => self.ended(&line, says),
            "agent_settled" => self.settled(out, says),
            kind => {
                let recognition = self.turn.event(&line, out);
                match kind {
                    "tool_execution_end" => self.asks.call_ended(&line.tool_call_id.text(), out),
                    "compaction_end" | "auto_retry_end" if self.stage == Stage::Ended => {
                        command(name::IDLE, &Command::GetState, says);
                    }
                    _ => {}
                }
                return recognition;
            }
        }
        Recognition::Known
    }

    /// A person sends a text.
    pub(super) fn steer(&mut self, text: String, receipt: Receipt, says: &mut Says) {
        if self.is_interrupted {
            receipt.refused(ControlError::Over);
        } else {
            self.steers.send(text, receipt, says);
        }
    }

    /// A person wants the turn to end.
    pub(super) fn interrupt(&mut self, says: &mut Says) -> Interruption {
        self.is_interrupted = true;
        if matches!(self.stage, Stage::Opening | Stage::Over) {
            return Interruption::Signal(Ask::Terminate);
        }
        self.asks.close(says);
        // Pi would begin another turn for what waits.
        command(name::CLEAR, &Command::ClearQueue, says);
        command(name::ABORT, &Command::Abort, says);
        Interruption::Said
    }

    /// The program ended without the end of its work.
    pub(super) fn unfinished(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        self.asks.turn_ended(out);
        self.steers.close();
        self.tell_unread(out);
        let unfinished = self.turn.unfinished(exit, out);
        match self.refusal {
            Some(refusal) => Unfinished { reason: Some(refusal.to_owned()), ..unfinished },
            None => unfinished,
        }
    }

    /// Pi answered a command.
    fn answered(&mut self, line: &Line<'_>, out: &mut EventFactory, says: &mut Says) -> Recognition {
        let data = line.data.fields();
        let result = match line.success.read() {
            Some(true) => Ok(()),
            _ => Err(line.error.text().into_owned()),
        };
        let is_idle = result.is_ok() && is_idle(data);
        match (&*line.id.text(), result) {
            (name::STATE, result) => return self.opened(data, result, out, says),
            (name::PROMPT, Ok(())) if self.stage == Stage::Prompted => {
                command(name::TURN, &Command::GetState, says);
            }
            (name::PROMPT, Err(error)) => self.refused(error, out),
            (name::TURN, _) if self.stage == Stage::Prompted && is_idle => self.nothing_came_of_it(out),
            (name::IDLE, _) if self.stage == Stage::Ended && is_idle && !self.turn.is_retrying() => {
                self.settled(out, says);
            }
            (name::LEFT, Ok(())) if self.stage == Stage::Leftovers => self.leftovers(data, out, says),
            // Older CLIs do not give texts back. What they keep is told at the end.
            (name::LEFT, Err(_)) if self.stage == Stage::Leftovers => self.finish(out),
            (name::CLEAR, Ok(())) => {
                self.unread = texts(data.steering, data.follow_up);
                self.tell_unread(out);
            }
            (name::PROMPT | name::TURN | name::IDLE | name::LEFT | name::CLEAR | name::ABORT, _) => {}
            (id, result) => {
                let error = result.clone().err();
                if let (false, Some(error)) = (self.steers.answered(id, result), error) {
                    out.warning(format!("pi did not take a command: {error}"));
                }
            }
        }
        Recognition::Known
    }

    /// Pi has told which thread it has. It gets its prompt if it is the right one, and if it will ask before it does
    /// something.
    fn opened(
        &mut self,
        data: &Data<'_>,
        result: Result<(), String>,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        let Some(prompt) = self.prompt.take() else { return Recognition::Ignored };
        let thread = ResumeToken::new(ENGINE, data.session_id.text());
        let refusal = match (result, thread, self.asking) {
            (Ok(()), Ok(_), Asking::Expected) => NOT_ASKING,
            (Ok(()), Ok(thread), _) => {
                if self.turn.opened(thread, self.is_fork, out) == Opened::AsAsked {
                    self.stage = Stage::Prompted;
                    let Prompt { message, images } = &prompt;
                    command(name::PROMPT, &Command::Prompt { message, images }, says);
                    return Recognition::Known;
                }
                ANOTHER_THREAD
            }
            _ => NO_THREAD,
        };
        self.refusal = Some(refusal);
        self.stage = Stage::Over;
        says.close();
        Recognition::Known
    }

    fn started(&mut self, says: &mut Says) {
        self.stage = Stage::Working;
        if self.is_interrupted {
            // It was told when there was no turn yet that could end. The texts for it have no turn any more.
            command(name::ABORT, &Command::Abort, says);
        } else {
            self.steers.open(says);
        }
    }

    /// One attempt ended. Pi says when it has settled, but for older CLIs, which are asked.
    fn ended(&mut self, line: &Line<'_>, says: &mut Says) {
        if !line.will_retry.is_present() {
            self.stage = Stage::Ended;
            command(name::IDLE, &Command::GetState, says);
        }
    }

    fn settled(&mut self, out: &mut EventFactory, says: &mut Says) {
        if !self.unread.is_empty() && !self.is_interrupted && self.stage != Stage::Leftovers {
            self.stage = Stage::Leftovers;
            command(name::LEFT, &Command::ClearQueue, says);
        } else {
            self.finish(out);
        }
    }

    /// Texts that pi took right after it last looked for some: they make another turn of this run.
    fn leftovers(&mut self, data: &Data<'_>, out: &mut EventFactory, says: &mut Says) {
        self.unread = texts(data.steering, data.follow_up);
        if self.unread.is_empty() || self.is_interrupted {
            self.finish(out);
            return;
        }
        self.stage = Stage::Prompted;
        let message = &std::mem::take(&mut self.unread).join("\n\n");
        command(name::PROMPT, &Command::Prompt { message, images: &[] }, says);
    }

    /// Pi did not take the prompt.
    fn refused(&mut self, error: String, out: &mut EventFactory) {
        if self.turn.has_spoken() {
            out.warning(format!("pi did not take what was sent at the end of its turn: {error}"));
        } else {
            self.turn.fails(error);
        }
        self.finish(out);
    }

    /// Pi took the prompt, and the model did not get it.
    fn nothing_came_of_it(&mut self, out: &mut EventFactory) {
        if !self.turn.has_spoken() {
            out.note("an extension of pi took the prompt; the model was not asked");
            self.turn.needs_no_words();
        }
        self.finish(out);
    }

    fn finish(&mut self, out: &mut EventFactory) {
        self.stage = Stage::Over;
        self.asks.turn_ended(out);
        self.steers.close();
        self.tell_unread(out);
        self.turn.settled(out);
    }

    /// Texts that were sent, and that nobody will read.
    fn tell_unread(&mut self, out: &mut EventFactory) {
        for text in self.unread.drain(..) {
            out.warning(format!("the turn ended before pi read this: {text}"));
        }
    }

    /// An extension wants something of the person, or tells something.
    fn dialog(
        &mut self,
        line: &Line<'_>,
        now: Instant,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition {
        let method = line.method.text();
        match &*method {
            "setStatus" if line.status_key.text() == MARK => {
                if self.asking == Asking::Expected {
                    self.asking = Asking::Promised;
                }
                Recognition::Known
            }
            "setStatus" | "setWidget" | "setTitle" | "set_editor_text" => Recognition::Ignored,
            "notify" => {
                let message = line.message.text().trim();
                match &*line.notify_type.text() {
                    _ if message.is_empty() => {}
                    "warning" | "error" => out.warning(message),
                    _ => out.note(message),
                }
                Recognition::Known
            }
            _ if self.asks.opened(line, now, |call| self.turn.is_running(call), out, says) => {
                if self.is_interrupted {
                    // Nobody is to be asked any more, and the turn does not end while a dialog waits.
                    self.asks.close(says);
                }
                Recognition::Known
            }
            _ => {
                // One that pi waits for must not wait for ever.
                reply(&RequestId::new(line.id.text()), &Reply::CANCELLED, says);
                Recognition::Unknown { kind: format!("extension_ui_request {method}") }
            }
        }
    }
}

fn is_idle(data: &Data<'_>) -> bool {
    data.is_streaming.read() == Some(false) && data.is_compacting.read() != Some(true)
}

/// The texts of both of pi's queues.
fn texts(steering: Field<'_>, follow_up: Field<'_>) -> Vec<String> {
    [steering, follow_up].into_iter().flat_map(Field::elements).collect()
}

#[cfg(test)]
mod tests;
