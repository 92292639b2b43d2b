//! A repository in a temporary folder, and acme in it.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::config::EngineConfig;
use takopi_api::engine::EngineId;
use takopi_api::event::{
    ActionEvent, ActionKind, Completed, Decision, Event, Outcome, Phase, RequestEvent, RequestResolved,
};
use takopi_api::process::ProcessHost;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{Run, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, check_events, collect};
use takopi_engine_acme as _;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Place {
    /// Holds `repo`, `data`, and whatever a test puts beside them.
    pub(crate) folder: tempfile::TempDir,
    pub(crate) repo: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) runner: Arc<dyn Runner>,
    processes: Arc<ScriptedProcesses>,
    threads: ThreadLocks,
}

/// A thread of acme by its name.
pub(crate) fn token(value: &str) -> ResumeToken {
    ResumeToken::new(EngineId::from_static("acme"), value).unwrap()
}

/// What a run told.
pub(crate) struct Told {
    pub(crate) events: Vec<Event>,
    pub(crate) completed: Completed,
}

impl Place {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (repo, data) = (folder.path().join("repo"), folder.path().join("data"));
        fs::create_dir(&repo).unwrap();
        let runner = (takopi_api::testing::engine("acme").build_runner)(&EngineConfig::empty(&data)).unwrap();
        let processes = ScriptedProcesses::new(Script::new(""));
        Self { folder, repo, data, runner, processes, threads: ThreadLocks::default() }
    }

    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        let place = Self::empty();
        for (path, text) in files {
            place.put(path, text);
        }
        place
    }

    pub(crate) fn put(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.repo.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn text_of(&self, path: &str) -> String {
        fs::read_to_string(self.repo.join(path)).unwrap()
    }

    pub(crate) fn spec(&self, prompt: &str) -> RunSpec {
        let host = Arc::clone(&self.processes) as Arc<dyn ProcessHost>;
        RunSpec::new(prompt, &self.repo, host, self.threads.clone())
    }

    pub(crate) fn run(&self, prompt: &str, thread: Option<&ResumeToken>) -> Run {
        self.runner.run(self.spec(prompt).resume(thread.cloned()))
    }

    /// The whole run of a prompt in a new session.
    pub(crate) async fn ask(&self, prompt: &str) -> Told {
        self.tell(collect(self.run(prompt, None))).await
    }

    /// The whole run of a prompt in a session that goes on.
    pub(crate) async fn ask_in(&self, thread: &ResumeToken, prompt: &str) -> Told {
        self.tell(collect(self.run(prompt, Some(thread)))).await
    }

    /// The whole run of a prompt; every request gets this answer.
    pub(crate) async fn ask_and_answer(
        &self,
        prompt: &str,
        thread: Option<&ResumeToken>,
        decision: Decision,
    ) -> Told {
        let mut run = self.run(prompt, thread);
        let all = async {
            let mut events = Vec::new();
            while let Some(event) = run.events.next().await {
                if let Event::Request(asked) = &event {
                    run.control.answer(&asked.request.id, decision.clone()).await.unwrap();
                }
                events.push(event);
            }
            events
        };
        self.tell(all).await
    }

    /// Waits for the events of a run, and checks them.
    pub(crate) async fn tell(&self, events: impl Future<Output = Vec<Event>>) -> Told {
        let events = within(events).await;
        let completed = check_events(self.runner.engine(), &events);
        Told { events, completed }
    }

    pub(crate) fn started_no_program(&self) {
        assert!(self.processes.commands().is_empty());
    }
}

impl Told {
    /// The answer of a run that ended well, without its last paragraph.
    pub(crate) fn answer(&self) -> &str {
        assert_eq!(self.completed.outcome, Outcome::Done, "{}", self.completed.answer);
        let (answer, sign_off) = self.completed.answer.rsplit_once("\n\n").unwrap();
        assert!(sign_off.starts_with("_This is takopi's built-in demonstration agent"), "{sign_off}");
        assert!(sign_off.contains("`npm install -g @openai/codex`") && sign_off.ends_with('_'));
        answer
    }

    pub(crate) fn error(&self) -> &str {
        match &self.completed.outcome {
            Outcome::Failed { error } => error,
            other => panic!("no failure: {other:?}"),
        }
    }

    pub(crate) fn thread(&self) -> ResumeToken {
        self.completed.resume.clone().unwrap()
    }

    fn actions(&self) -> impl Iterator<Item = &ActionEvent> {
        self.events.iter().filter_map(|event| match event {
            Event::Action(action) => Some(action),
            _ => None,
        })
    }

    /// The titles of the steps that ended, in their order.
    pub(crate) fn steps(&self) -> Vec<&str> {
        let is_step = |kind| matches!(kind, ActionKind::Tool | ActionKind::FileChange);
        self.actions()
            .filter(|event| matches!(event.phase, Phase::Completed(_)) && is_step(event.action.kind))
            .map(|event| event.action.title.as_str())
            .collect()
    }

    /// The titles of the notes and warnings.
    pub(crate) fn notes(&self) -> Vec<&str> {
        self.actions()
            .filter(|event| matches!(event.action.kind, ActionKind::Note | ActionKind::Warning))
            .map(|event| event.action.title.as_str())
            .collect()
    }

    pub(crate) fn file_changes(&self) -> Vec<&ActionEvent> {
        let is_change = |event: &&ActionEvent| event.action.kind == ActionKind::FileChange;
        self.actions().filter(is_change).collect()
    }

    pub(crate) fn requests(&self) -> Vec<&RequestEvent> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Request(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn resolutions(&self) -> Vec<&RequestResolved> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::RequestResolved(resolved) => Some(resolved),
                _ => None,
            })
            .collect()
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("the run hangs")
}
