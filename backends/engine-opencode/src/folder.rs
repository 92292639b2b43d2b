//! To which folder a thread belongs. `opencode run --session` in another folder than the thread's works in the old folder,
//! prints nothing and never ends; `--dir` and `--fork` do not help. So takopi asks opencode for the folder first, and
//! refuses the run.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use takopi_api::jsonl::{Line, LineReader, RefusedRun};
use takopi_api::process::{Ask, CommandSpec, Ending};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunSpec;

use crate::args;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// The folders of the threads that this program has seen: those need no question, which takes opencode a second or more.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<HashMap<String, PathBuf>>);

impl Folders {
    pub(crate) fn learn(&self, thread: &ResumeToken, folder: &Path) {
        self.known().insert(thread.value().to_owned(), folder.to_owned());
    }

    /// Refuses a run whose thread belongs to another folder. A folder that nobody knows is no reason.
    pub(crate) async fn check(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        let Some(thread) = &spec.resume else { return Ok(()) };
        let Some(folder) = self.folder(thread, spec).await else { return Ok(()) };
        belongs(thread, &folder, &spec.cwd)
    }

    async fn folder(&self, thread: &ResumeToken, spec: &RunSpec) -> Option<PathBuf> {
        let known = self.known().get(thread.value()).cloned();
        if known.is_some() {
            return known;
        }
        let folder = ask(thread.value(), spec).await?;
        self.learn(thread, &folder);
        Some(folder)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks opencode's own database, by opencode's own command, for the folder of a thread.
async fn ask(thread: &str, spec: &RunSpec) -> Option<PathBuf> {
    // Nothing else is a thread of opencode, and nothing else may stand in a query.
    if !thread.strip_prefix("ses_")?.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let query = format!("select directory from session where id = '{thread}'");
    let command = CommandSpec::new("opencode", &spec.cwd)
        .args(["db", "--format", "json", &query])
        .environment(args::environment());
    let process = spec.processes.spawn(command).await.ok()?;
    let mut lines = LineReader::new(process.stdout, ANSWER_BYTES);
    let mut answer = String::new();
    while let Ok(Some(Line::Complete(line) | Line::Torn(line))) = lines.next().await {
        answer.push_str(&String::from_utf8_lossy(line));
        if !answer.starts_with('[') || answer.len() > ANSWER_BYTES {
            process.handle.end(Ending::asking(Ask::Terminate));
            break;
        }
    }
    process.handle.exited().await;
    directory(&answer)
}

/// The folder in the JSON array that the program prints; older programs print something else.
fn directory(answer: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Row {
        directory: PathBuf,
    }
    let rows: Vec<Row> = serde_json::from_str(answer).ok()?;
    rows.into_iter().next().map(|row| row.directory)
}

/// Refuses to continue a thread in another folder than its own.
pub(crate) fn belongs(thread: &ResumeToken, folder: &Path, cwd: &Path) -> Result<(), RefusedRun> {
    if is_same_folder(folder, cwd) {
        return Ok(());
    }
    Err(RefusedRun(format!(
        "thread {} belongs to {}, and opencode can continue it only there; leave out the resume line to start a new one in \
         {}",
        thread.value(),
        folder.display(),
        cwd.display()
    )))
}

pub(crate) fn is_same_folder(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::process::ProcessHost;
    use takopi_api::runner::ThreadLocks;
    use takopi_api::testing::{Script, ScriptedProcesses};

    use super::*;
    use crate::backend::ENGINE;

    async fn refusal(thread: &str, answer: &str) -> (Option<String>, usize) {
        let processes = ScriptedProcesses::new(Script::new(answer));
        let host = Arc::clone(&processes) as Arc<dyn ProcessHost>;
        let spec = RunSpec::new("hi", "/repo", host, ThreadLocks::default())
            .resume(Some(ResumeToken::new(ENGINE, thread).unwrap()));
        let folders = Folders::default();
        let first = folders.check(&spec).await;
        assert_eq!(folders.check(&spec).await, first);
        (first.err().map(|RefusedRun(reason)| reason), processes.commands().len())
    }

    #[tokio::test]
    async fn a_thread_of_another_folder_is_refused_and_asked_for_once() {
        let (refusal, questions) = refusal("ses_1a", "[\n  {\n    \"directory\": \"/old\"\n  }\n]\n").await;
        assert_eq!(
            refusal.unwrap(),
            "thread ses_1a belongs to /old, and opencode can continue it only there; leave out the resume line to start \
             a new one in /repo"
        );
        assert_eq!(questions, 1);
    }

    #[tokio::test]
    async fn what_nobody_knows_is_no_reason_to_refuse() {
        assert_eq!(refusal("ses_1a", "[{\"directory\":\"/repo\"}]\n").await, (None, 1));
        for answer in ["[]\n", "", "opencode run [message..]\n", "[\n", "[{\"folder\":1}]\n"] {
            assert_eq!(refusal("ses_1a", answer).await, (None, 2), "{answer}");
        }
        assert_eq!(refusal("x' or 1", "[{\"directory\":\"/old\"}]\n").await, (None, 0));
    }
}
