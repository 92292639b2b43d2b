//! An engine that runs other engines: what its runs are made of, see [`compose`].

mod adopt;
mod inners;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use self::inners::{Inners, InnersControl, Withdrawals};
use super::{EngineRun, FoundEngine, RunControl, RunSpec};
use crate::engine::EngineId;
use crate::error::Error;
use crate::event::{
    Action, ActionEvent, ActionKind, ActionOutcome, Completed, Event, Outcome, Phase, Started,
};
use crate::resume::ResumeToken;

/// How many events wait for their reader before the engines have to.
const EVENTS: usize = 16;

/// A run that is made of runs of other engines: what [`Runner::start`](super::Runner::start) of such an engine returns.
/// `body` starts them, one after the other or side by side, and says how the whole came out.
///
/// What people do to the outer run reaches the inner ones: they are interrupted, steered, answered and killed with it, and
/// dropping it ends them and their programs. The steps, texts and requests of the inner runs become those of the outer run.
/// Of what `body` gives, the outcome and the answer count, and the thread if it is one of the outer engine; the usage is that
/// of all inner runs together. Lines of the answer that would resume a thread of an inner engine are left out: a reply to it
/// is for the outer one. An error fails the run, with its hints.
///
/// ```
/// use takopi_api::engine::EngineId;
/// use takopi_api::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};
/// use takopi_api::runner::{EngineRun, RunSpec, Runner, compose};
///
/// const POLITE: EngineId = EngineId::from_static("polite");
/// const LINES: ResumeSyntax = ResumeSyntax::new(POLITE, "polite", &["resume"]);
///
/// /// Runs codex, and says please.
/// struct Polite;
///
/// impl Runner for Polite {
///     fn engine(&self) -> &EngineId {
///         const { &POLITE }
///     }
///
///     fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
///         LINES.format(token)
///     }
///
///     fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
///         LINES.extract(text)
///     }
///
///     fn start(&self, spec: RunSpec) -> EngineRun {
///         compose(POLITE, spec, |run| async move {
///             let codex = run.spec().engines.get("codex")?;
///             let prompt = format!("Please: {}", run.spec().prompt);
///             Ok(run.hand_over(&codex, run.spec().inner(&codex, prompt), "Polite").await)
///         })
///     }
/// }
/// ```
pub fn compose<B, F>(engine: EngineId, spec: RunSpec, body: B) -> EngineRun
where
    B: FnOnce(Composition) -> F,
    F: Future<Output = Result<Completed, Error>> + Send + 'static,
{
    let inners = Arc::new(Inners::default());
    let (out, events) = mpsc::channel(EVENTS);
    let (withdrawals, withdrawn) = mpsc::unbounded_channel();
    let composition =
        Composition { engine: engine.clone(), spec, out, withdrawals, inners: Arc::clone(&inners) };
    let composed = Composed {
        engine,
        stage: Stage::Working(Box::pin(body(composition))),
        events,
        withdrawn,
        inners: Arc::clone(&inners),
    };
    let events = futures_util::stream::unfold(composed, |mut composed| async move {
        let event = composed.next().await?;
        Some((event, composed))
    });
    EngineRun { events: events.boxed(), control: RunControl::new(InnersControl(inners)) }
}

/// The outer run, for those who compose it.
pub struct Composition {
    engine: EngineId,
    spec: RunSpec,
    out: mpsc::Sender<Event>,
    withdrawals: Withdrawals,
    inners: Arc<Inners>,
}

impl Composition {
    /// What the outer run was asked.
    #[must_use]
    pub const fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// Whether a person wants the run to end. Runs that begin after that end at once, as interrupted.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.inners.is_ending()
    }

    /// The outer run works on this thread, which has to be one of the outer engine.
    pub async fn started(&self, thread: ResumeToken, title: impl Into<String> + Send) {
        self.emit(Event::Started(Started::new(thread, title))).await;
    }

    /// A line worth showing.
    pub async fn note(&self, title: impl Into<String> + Send) {
        let id = format!("{}.note.{}", self.engine, self.inners.next_number());
        let action = Action::new(id, ActionKind::Note, title);
        let event = ActionEvent::new(self.engine.clone(), action, Phase::Completed(ActionOutcome::Ok));
        self.emit(Event::Action(event)).await;
    }

    /// Gives an event of the outer engine's own. Those of inner runs come by themselves.
    pub async fn emit(&self, event: Event) {
        // Whoever read the events may be gone; then the run is about to be dropped.
        let _ = self.out.send(event).await;
    }

    /// Runs an engine inside of this run, to its end, and gives that end as the engine told it. What it does is shown, what
    /// it is called is not: its thread belongs to whoever called this. `spec` comes from [`RunSpec::inner`].
    pub async fn run(&self, engine: &FoundEngine, spec: RunSpec) -> Completed {
        self.follow(engine, spec, None).await
    }

    /// Runs an engine as this run: it goes on with the thread that this run's own thread is around
    /// ([`ResumeToken::around`]), and this run's thread is called after its. Its end has the outer thread.
    pub async fn hand_over(
        &self,
        engine: &FoundEngine,
        spec: RunSpec,
        title: impl Into<String> + Send,
    ) -> Completed {
        let spec = match &self.spec.resume {
            Some(outer) => match outer.within().filter(|inner| inner.engine() == engine.id()) {
                Some(inner) => spec.resume(Some(inner)),
                None => {
                    let error = format!("the thread {} is none that runs on {}", outer.value(), engine.id());
                    return Completed::new(self.engine.clone(), Outcome::Failed { error });
                }
            },
            None => spec,
        };
        let completed = self.follow(engine, spec, Some(title.into())).await;
        let outer = completed.resume.as_ref().map(|inner| ResumeToken::around(self.engine.clone(), inner));
        completed.resume(outer)
    }

    /// Runs an engine. Its thread is the outer run's if a title is given.
    async fn follow(&self, engine: &FoundEngine, spec: RunSpec, title: Option<String>) -> Completed {
        let resume = spec.resume.clone();
        let mut run = engine.runner.run(spec);
        let ended = |outcome| Completed::new(engine.id().clone(), outcome).resume(resume.clone());
        let (outer, withdrawals) = (self.engine.clone(), self.withdrawals.clone());
        let entry = self.inners.enter(&engine.runner, run.control.clone(), outer, withdrawals);
        let Some(mut entry) = entry else {
            return ended(Outcome::Interrupted);
        };
        while let Some(event) = run.events.next().await {
            match event {
                Event::Completed(completed) => {
                    self.inners.used(completed.usage.clone());
                    return completed;
                }
                Event::Started(started) => {
                    if let Some(title) = &title {
                        let outer = ResumeToken::around(self.engine.clone(), &started.resume);
                        self.started(outer, title).await;
                    }
                }
                event => self.emit(entry.adopt(event)).await,
            }
        }
        // The contract gives `completed` before the end.
        ended(Outcome::Failed { error: format!("{} ended without a result", engine.id()) })
    }
}

impl fmt::Debug for Composition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composition").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// The stream of a composed run: it works in whoever reads it, so that it ends with whoever drops it.
struct Composed {
    engine: EngineId,
    stage: Stage,
    events: mpsc::Receiver<Event>,
    /// What inner runs asked that are over.
    withdrawn: mpsc::UnboundedReceiver<Event>,
    inners: Arc<Inners>,
}

enum Stage {
    Working(Pin<Box<dyn Future<Output = Result<Completed, Error>> + Send>>),
    /// Events may be left that were given before the end.
    Ended(Option<Box<Completed>>),
}

impl Composed {
    async fn next(&mut self) -> Option<Event> {
        loop {
            match &mut self.stage {
                Stage::Working(body) => tokio::select! {
                    biased;
                    // A request comes before it is withdrawn.
                    Some(event) = self.events.recv() => return Some(event),
                    Some(event) = self.withdrawn.recv() => return Some(event),
                    end = body => self.stage = Stage::Ended(Some(Box::new(self.last(end)))),
                },
                Stage::Ended(last) => {
                    return self
                        .events
                        .try_recv()
                        .ok()
                        .or_else(|| last.take().map(|last| Event::Completed(*last)));
                }
            }
        }
    }

    fn last(&self, end: Result<Completed, Error>) -> Completed {
        let mut last = end.unwrap_or_else(|error| {
            let lines: Vec<String> =
                std::iter::once(error.to_string()).chain(error.hints().iter().cloned()).collect();
            Completed::new(self.engine.clone(), Outcome::Failed { error: lines.join("\n") })
        });
        last.engine = self.engine.clone();
        last.answer = self.inners.without_resume_lines(last.answer);
        last.usage = self.inners.usage();
        last
    }
}
