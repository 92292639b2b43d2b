//! Engines without programs, for the tests of engines that run others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;

use crate::engine::EngineId;
use crate::error::{Error, closest};
use crate::event::{Completed, Event, Outcome, Started};
use crate::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};
use crate::runner::{EngineRun, Engines, FindEngine, FoundEngine, RunControl, RunId, RunSpec, Runner};

/// What runs are given ([`RunSpec::engines`]) that may run these engines and no other.
#[must_use]
pub fn engines(runners: impl IntoIterator<Item = Arc<dyn Runner>>) -> Engines {
    struct These(BTreeMap<String, FoundEngine>);
    impl FindEngine for These {
        fn find(&self, id: &str) -> Result<FoundEngine, Error> {
            self.0.get(id).cloned().ok_or_else(|| {
                let error = Error::new(format!("there is no engine `{id}`"));
                let close = closest(id, self.0.keys().map(String::as_str));
                close.iter().fold(error, |error, close| error.hint(format!("did you mean `{close}`?")))
            })
        }
    }
    let by_id = |runner: Arc<dyn Runner>| (runner.engine().to_string(), FoundEngine::new(runner));
    Engines::new(Arc::new(These(runners.into_iter().map(by_id).collect())))
}

type Answer = Box<dyn Fn(&RunSpec) -> Option<String> + Send + Sync>;

/// An engine that answers as a test says, and remembers what it was asked. Its resume lines are `<id> resume <thread>`.
pub struct ScriptedEngine {
    id: EngineId,
    lines: ResumeSyntax,
    answer: Answer,
    asked: Mutex<Vec<RunSpec>>,
}

impl ScriptedEngine {
    /// An engine that gives this answer to a run. To a run that gets none it goes on until somebody ends it.
    ///
    /// # Panics
    /// If the id is malformed.
    #[must_use]
    pub fn new(
        id: &'static str,
        answer: impl Fn(&RunSpec) -> Option<String> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let engine = EngineId::from_static(id);
        let lines = ResumeSyntax::new(engine.clone(), id, &["resume"]);
        Arc::new(Self { id: engine, lines, answer: Box::new(answer), asked: Mutex::default() })
    }

    /// The runs so far.
    #[must_use]
    pub fn asked(&self) -> Vec<RunSpec> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for ScriptedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ScriptedEngine").field(&self.id).finish()
    }
}

impl Runner for ScriptedEngine {
    fn engine(&self) -> &EngineId {
        &self.id
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        self.lines.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        self.lines.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let answer = (self.answer)(&spec);
        let new = || ResumeToken::new(self.id.clone(), RunId::unique().as_str()).expect("an id is a token");
        let thread = spec.resume.clone().unwrap_or_else(new);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(spec);
        let started = Event::Started(Started::new(thread, self.id.as_str()));
        let first = futures_util::stream::iter([started]);
        let events = match answer {
            Some(answer) => {
                let end = Completed::new(self.id.clone(), Outcome::Done).answer(answer);
                first.chain(futures_util::stream::iter([Event::Completed(end)])).boxed()
            }
            None => first.chain(futures_util::stream::pending()).boxed(),
        };
        EngineRun { events, control: RunControl::none() }
    }
}
