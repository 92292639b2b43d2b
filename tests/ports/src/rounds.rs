//! An engine that runs another one again and again, each time in a new thread, until that one says that the work is done: an
//! agent that comes back to the work sees it with fresh eyes. What was asked is kept under the thread of the outer engine, so
//! that a later message adds to it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::error::Error;
use takopi_api::event::{Completed, Outcome};
use takopi_api::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Composition, EngineRun, RunSpec, Runner, compose};
use takopi_api::schemars::{self, JsonSchema};

const ENGINE: EngineId = EngineId::from_static("rounds");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "rounds", &["resume"]);

/// The table `[rounds]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The engine that does the work, as its own table configures it.
    engine: String,
    /// How often it is run at most.
    rounds: u32,
    /// What it says when nothing is left to do. Without it, it is asked as it stands, once.
    until: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { engine: "codex".to_owned(), rounds: 5, until: "ALL DONE".to_owned() }
    }
}

pub(crate) fn new() -> EngineBackend {
    // What it needs is what the other engine needs.
    EngineBackend::new("rounds", Availability::OnRequest, build_runner)
        .with_capabilities(EngineCapabilities::none().with_steer().with_permissions())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if settings.rounds == 0 {
        return Err(config.table.error_at("rounds", "expected 1 or more"));
    }
    Ok(Arc::new(Rounds { settings, work: Work { folder: config.data_dir.clone() } }))
}

struct Rounds {
    settings: Settings,
    work: Work,
}

impl Runner for Rounds {
    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        RESUME.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        RESUME.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let (settings, work) = (self.settings.clone(), self.work.clone());
        compose(ENGINE, spec, |run| async move { go(&run, &settings, &work).await })
    }
}

async fn go(run: &Composition, settings: &Settings, work: &Work) -> Result<Completed, Error> {
    let engine = run.spec().engines.get(&settings.engine)?;
    let thread = match &run.spec().resume {
        Some(thread) => thread.clone(),
        None => ResumeToken::new(ENGINE, run.spec().id.as_str())?,
    };
    let asked = work.add(&thread, &run.spec().prompt)?;
    run.started(thread, format!("Rounds of {}", engine.id())).await;
    let prompt = match settings.until.as_str() {
        "" => asked,
        until => format!("{asked}\n\nSay `{until}` when nothing of this is left to do."),
    };
    let mut round = 1;
    loop {
        run.note(format!("round {round} of {}", settings.rounds)).await;
        let end = run.run(&engine, run.spec().inner(&engine, &prompt)).await;
        let is_over = !end.is_done() || end.answer.contains(&settings.until);
        if is_over {
            return Ok(end);
        }
        if round == settings.rounds {
            let error = format!("not done after {round} rounds");
            return Ok(Completed::new(ENGINE, Outcome::Failed { error }).answer(end.answer));
        }
        round += 1;
    }
}

/// What was asked in each thread: a file a thread.
#[derive(Clone)]
struct Work {
    folder: PathBuf,
}

impl Work {
    /// Adds to what was asked in a thread, and gives all of it.
    fn add(&self, thread: &ResumeToken, prompt: &str) -> Result<String, Error> {
        // A thread out of a message must not lead anywhere else.
        let is_name = thread.value().chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_name {
            return Err(Error::new(format!("there is no thread {} of rounds", thread.value())));
        }
        let path = self.folder.join(thread.value());
        let asked = match fs::read_to_string(&path) {
            Ok(before) => format!("{before}\n\n{prompt}"),
            Err(error) if error.kind() == ErrorKind::NotFound => prompt.to_owned(),
            Err(error) => return Err(failed(&path, &error)),
        };
        fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&path, &asked))
            .map_err(|error| failed(&path, &error))?;
        Ok(asked)
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("{}: {error}", path.display()))
}
