//! The answer of a turn, out of the messages that came in it.

use takopi_api::event::EventFactory;

/// The answer, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) enum Answer {
    #[default]
    None,
    /// The last message so far. If another one follows, this one was said on the way.
    Last(String),
    /// A message that is marked as final.
    Final(String),
}

/// What a message turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// The answer, unless another one follows.
    Answer,
    /// Something on the way to it.
    OnTheWay,
}

impl Answer {
    /// What a message of this phase is; older CLIs have no phases.
    pub(crate) const fn sort(&self, phase: &str) -> Said {
        match (phase.as_bytes(), self) {
            (b"commentary", _) => Said::OnTheWay,
            (b"final_answer", _) => Said::Answer,
            (_, Self::Final(_)) => Said::OnTheWay,
            _ => Said::Answer,
        }
    }

    /// Takes a message that is whole. An older answer was said on the way then, and is kept as a note.
    pub(crate) fn take(&mut self, phase: &str, text: String, out: &mut EventFactory) -> Said {
        let said = self.sort(phase);
        match said {
            Said::OnTheWay => out.note(text),
            Said::Answer => {
                let newer = if phase == "final_answer" { Self::Final(text) } else { Self::Last(text) };
                let older = std::mem::replace(self, newer).into_text();
                if !older.is_empty() {
                    out.note(older);
                }
            }
        }
        said
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn into_text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Last(text) | Self::Final(text) => text,
        }
    }
}
