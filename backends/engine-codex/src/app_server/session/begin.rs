//! From the wish to the running turn.

use std::path::Path;

use serde_json::{Map, Value, json};
use takopi_api::resume::ResumeToken;

use super::{Session, Stage, Wish};
use crate::app_server::message::{Configuration, Opened, Outcome, TurnStarted};
use crate::app_server::policy::Policy;
use crate::app_server::says::{Call, Says};
use crate::backend::{ENGINE, no_such_thread};

/// The ways of working that codex has.
pub(crate) const MODES: &[&str] = &[DEFAULT_MODE, "plan"];
const DEFAULT_MODE: &str = "default";

/// How often a thread is asked for while codex still lets go of it.
const CLOSING_TRIES: u8 = 50;

impl Session {
    pub(in crate::app_server) fn open(&mut self, says: &mut Says) {
        if let Some(mode) = self.wish.mode.as_deref().filter(|mode| !MODES.contains(mode)) {
            let error = format!("codex has no mode `{mode}`; there are: {}", MODES.join(", "));
            return self.fail(error, says);
        }
        self.stage = Stage::Configuring;
        let params = json!({ "cwd": self.wish.cwd, "includeLayers": false });
        says.call(Call::Configuration, "config/read", params);
    }

    pub(super) fn configured(&mut self, outcome: Outcome<'_>, says: &mut Says) {
        if !matches!(self.stage, Stage::Configuring) {
            return;
        }
        let Wish { profile, cwd, outbox, .. } = &self.wish;
        let config = outcome.map(|result| {
            let result: Configuration<'_> = result.object().unwrap_or_default();
            result.config.read::<Value>()
        });
        let policy = match config {
            Ok(Some(config)) => Policy::new(&config, profile, cwd, outbox.as_deref()),
            Ok(None) => Policy::of_codex(),
            Err(error) => {
                tracing::info!(
                    error,
                    "codex does not say how it is configured; nothing is added to what it does"
                );
                Policy::of_codex()
            }
        };
        let (method, params) = self.wish.thread(&policy);
        self.stage = Stage::Opening(policy);
        says.call(Call::Thread, method, params);
    }

    /// Codex has had some time to let go of the thread.
    pub(in crate::app_server) fn ask_again(&mut self, says: &mut Says) {
        let Stage::Opening(policy) = &self.stage else { return };
        if self.is_told {
            return self.stage = Stage::Closed;
        }
        let (method, params) = self.wish.thread(policy);
        says.call(Call::Thread, method, params);
    }

    pub(super) fn opened(&mut self, outcome: Outcome<'_>, says: &mut Says) {
        let result = match outcome {
            Ok(result) => result.object::<Opened<'_>>().unwrap_or_default(),
            // The run ended before, and there is nothing to let go.
            Err(_) if self.is_over() => return self.stage = Stage::Closed,
            Err(error) if is_about_closing(&error) && self.closing < CLOSING_TRIES => {
                self.closing += 1;
                return says.later();
            }
            Err(error) => {
                let error = match &self.wish.resume {
                    Some(thread) if is_about_a_thread(&error) => {
                        format!("{}\n{error}", no_such_thread(thread))
                    }
                    Some(thread) => format!("codex could not continue thread {}: {error}", thread.value()),
                    None => format!("codex could not begin a thread: {error}"),
                };
                return self.fail(error, says);
            }
        };
        let thread = result.thread.fields().id.text();
        let token = match ResumeToken::new(ENGINE, &*thread) {
            Ok(token) => token,
            Err(_) if self.is_over() => return self.stage = Stage::Closed,
            Err(error) => return self.fail(format!("codex opened a thread without a name: {error}"), says),
        };
        self.thread = Some(thread.clone().into_owned());
        says.follow(thread);
        let policy = match std::mem::replace(&mut self.stage, Stage::Starting) {
            Stage::Opening(policy) if !self.is_told => policy,
            // The run ended before the thread was there, which is let go now.
            _ => return self.clear(says),
        };
        if let Some(expected) = self.wish.resume.as_ref().filter(|expected| **expected != token) {
            let error =
                format!("codex was asked for thread {} and opened {}", expected.value(), token.value());
            return self.fail(error, says);
        }
        if let Some(differs) = self.wish.differs(&result) {
            self.out.warning(differs);
        }
        let model = result.model.text();
        self.model = (!model.is_empty()).then(|| model.into_owned());
        let params = self.wish.turn(token.value(), &result, &policy);
        self.has_turn = true;
        says.call(Call::Turn, "turn/start", params);
    }

    pub(super) fn turn_begins(&mut self, outcome: Outcome<'_>, says: &mut Says) {
        if !matches!(self.stage, Stage::Starting) {
            return;
        }
        match outcome {
            Ok(result) => {
                let result: TurnStarted<'_> = result.object().unwrap_or_default();
                let turn = result.turn.fields().id.text();
                // Without a name it is known by the notice of its beginning.
                if !turn.is_empty() {
                    self.running(turn.into_owned(), says);
                }
            }
            Err(error) => self.fail(format!("codex did not begin the turn: {error}"), says),
        }
    }

    /// The turn has begun. Only now the thread is told: one that never had a turn can not be continued.
    pub(super) fn running(&mut self, turn: String, says: &mut Says) {
        self.stage = Stage::Running { turn };
        if let Some(Ok(token)) = self.thread.as_ref().map(|thread| ResumeToken::new(ENGINE, thread))
            && !self.is_told
        {
            self.out.started(token, self.wish.title.as_str());
        }
        if self.is_stopped {
            self.ask_for_the_end(says);
        }
        for steer in std::mem::take(&mut self.waiting) {
            self.steer(steer.text, steer.receipt, says);
        }
    }
}

/// Whether codex still lets go of the thread, which it does after it has said that it would.
fn is_about_closing(error: &str) -> bool {
    error.contains("is closing")
}

/// Whether codex does not know the thread, in the words of its versions.
fn is_about_a_thread(error: &str) -> bool {
    ["no rollout found", "thread not found", "invalid session id", "invalid thread id"]
        .iter()
        .any(|words| error.contains(words))
}

impl Wish {
    /// How the thread is asked for.
    fn thread(&self, policy: &Policy) -> (&'static str, Value) {
        let mut params = Map::new();
        params.insert("cwd".to_owned(), json!(self.cwd));
        if let Some(model) = &self.model {
            params.insert("model".to_owned(), json!(model));
        }
        if let Some(sandbox) = policy.of_thread() {
            params.insert("sandbox".to_owned(), json!(sandbox));
        }
        let mut config = self.profile.clone();
        for (name, value) in &self.variables {
            config.set(format!("shell_environment_policy.set.{name}"), value.as_str());
        }
        if !config.is_empty() {
            params.insert("config".to_owned(), config.into_json());
        }
        let method = match &self.resume {
            Some(thread) => {
                params.insert("threadId".to_owned(), json!(thread.value()));
                params.insert("excludeTurns".to_owned(), json!(true));
                "thread/resume"
            }
            None => "thread/start",
        };
        (method, Value::Object(params))
    }

    /// What a thread is not that was to be continued: codex keeps the settings of one that it still has.
    fn differs(&self, opened: &Opened<'_>) -> Option<String> {
        self.resume.as_ref()?;
        let cwd = opened.cwd.text();
        if !cwd.is_empty() && self.cwd != Path::new(&*cwd) {
            return Some(format!("codex goes on in {cwd} and not in {}", self.cwd.display()));
        }
        let (asked, model) = (self.model.as_deref()?, opened.model.text());
        let differs = !model.is_empty() && model != asked;
        differs.then(|| format!("codex goes on with {model} and not with {asked}"))
    }

    fn turn(&self, thread: &str, opened: &Opened<'_>, policy: &Policy) -> Value {
        let mut params = Map::new();
        params.insert("threadId".to_owned(), json!(thread));
        params.insert("input".to_owned(), json!(self.input));
        if let Some(sandbox) = policy.of_turn() {
            params.insert("sandboxPolicy".to_owned(), sandbox.clone());
        }
        if let Some(approval) = policy.approval_of_turn(&opened.approval.text()) {
            params.insert("approvalPolicy".to_owned(), json!(approval));
        }
        // A thread remembers how it was worked in; a run that wants nothing special does not plan only because the one
        // before did.
        let was = opened.collaboration.fields().mode.text();
        let mode = match self.mode.as_deref() {
            None if was.is_empty() || was == DEFAULT_MODE => None,
            None => Some(DEFAULT_MODE),
            mode => mode,
        };
        match mode {
            Some(mode) => {
                let reasoning = match &self.reasoning {
                    Some(level) => json!(level),
                    None => opened.reasoning.read().unwrap_or_default(),
                };
                let settings = json!({
                    "model": opened.model.text(),
                    "reasoning_effort": reasoning,
                    "developer_instructions": null,
                });
                params.insert("collaborationMode".to_owned(), json!({ "mode": mode, "settings": settings }));
            }
            None => {
                if let Some(level) = &self.reasoning {
                    params.insert("effort".to_owned(), json!(level));
                }
            }
        }
        Value::Object(params)
    }
}
