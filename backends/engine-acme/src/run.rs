//! One run, from the prompt to `completed`: the session is opened, the jobs are done one after the other, and the answer
//! is told and kept.

mod conversation;

use std::sync::Arc;
use std::time::{Duration, Instant};

use takopi_api::event::{EventFactory, Outcome, Usage};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunOptions, RunSpec};
use tokio::task::spawn_blocking;

use crate::answer;
use crate::backend::ENGINE;
use crate::orders::Orders;
use crate::session::{Session, SessionStore};
use crate::steps::{Ended, Steps};
use crate::stream::Events;
use conversation::Conversation;

/// Everything that a run begins with.
pub(crate) struct Start {
    pub(crate) spec: RunSpec,
    pub(crate) sessions: SessionStore,
    /// How long each step waits, unless the prompt wants it slower.
    pub(crate) step_delay: Duration,
}

pub(crate) async fn play(start: Start, events: Events, orders: Arc<Orders>) {
    let began = Instant::now();
    let Start { spec, sessions, step_delay } = start;
    let (session, token) = match open(&sessions, spec.resume).await {
        Ok(opened) => opened,
        Err(error) => {
            orders.close();
            events.tell(|events| events.failed(error, "", Some(usage(began))));
            return;
        }
    };
    // It is kept before its name is told: a run that breaks off can be continued too.
    let kept = keep(&sessions, &session).await;
    events.tell(|events| {
        events.started(token, "Acme");
        note_options(&spec.options, events);
        warn_unless_kept(&kept, events);
    });
    let steps = Steps::new(spec.cwd, events.clone(), Arc::clone(&orders));
    let mut conversation = Conversation::new(session, steps, step_delay);
    let ended = listen(&mut conversation, &spec.prompt, &events, &orders).await;
    orders.close();
    let (outcome, remark) = match ended {
        Ok(()) => (Outcome::Done, None),
        Err(Ended::Interrupted) => (Outcome::Interrupted, Some("Interrupted.")),
        Err(Ended::Failed(error)) => (Outcome::Failed { error }, None),
    };
    let (session, parts) = conversation.end(&spec.prompt, &outcome);
    let kept_now = keep(&sessions, &session).await;
    let answer =
        if parts.is_empty() && remark.is_none() { String::new() } else { answer::compose(&parts, remark) };
    events.tell(|events| {
        if kept.is_ok() {
            warn_unless_kept(&kept_now, events);
        }
        events.completed(outcome, answer, Some(usage(began)));
    });
}

/// Does what the prompt asks for, and what is sent after it while the run goes on.
async fn listen(
    conversation: &mut Conversation,
    prompt: &str,
    events: &Events,
    orders: &Orders,
) -> Result<(), Ended> {
    conversation.hear(prompt).await?;
    while let Some(text) = orders.next_text_or_close() {
        let title = answer::cut(&answer::one_line(text.trim()), 80);
        events.tell(|events| events.note(format!("asked meanwhile: {title}")));
        conversation.hear(&text).await?;
    }
    Ok(())
}

async fn open(
    sessions: &SessionStore,
    resume: Option<ResumeToken>,
) -> Result<(Session, ResumeToken), String> {
    let sessions = sessions.clone();
    let opened = spawn_blocking(move || {
        sessions.open(resume.as_ref().map(ResumeToken::value)).map_err(|error| error.to_string())
    });
    let session = opened.await.unwrap_or_else(|error| Err(error.to_string()))?;
    let token = ResumeToken::new(ENGINE, session.id.clone()).map_err(|error| error.to_string())?;
    Ok((session, token))
}

async fn keep(sessions: &SessionStore, session: &Session) -> Result<(), String> {
    let (sessions, session) = (sessions.clone(), session.clone());
    let kept = spawn_blocking(move || sessions.save(&session).map_err(|error| error.to_string())).await;
    kept.unwrap_or_else(|error| Err(error.to_string()))
}

/// A session that can not be kept is no reason to give no answer.
fn warn_unless_kept(kept: &Result<(), String>, events: &mut EventFactory) {
    if let Err(error) = kept {
        events.warning(format!("this session can not be continued later: {error}"));
    }
}

fn note_options(options: &RunOptions, events: &mut EventFactory) {
    if let Some(model) = &options.model {
        events.note(format!("acme has no models; `{}` is ignored", answer::one_line(model)));
    }
    if let Some(level) = &options.reasoning {
        events.note(format!("acme has no reasoning levels; `{}` is ignored", answer::one_line(level)));
    }
}

fn usage(began: Instant) -> Usage {
    let mut usage = Usage::default();
    usage.duration_ms = u64::try_from(began.elapsed().as_millis()).ok();
    usage
}
