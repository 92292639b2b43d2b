//! How a job does its work: in steps that everybody sees, that wait in slow mode, and that end when the run is stopped.
//!
//! A job has no other way to the file system and to the person than [`Steps`], so none of this can be forgotten.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::event::{
    Action, ActionKind, ActionOutcome, Decision, FileChange, Request, RequestId, RequestSubject, Resolution,
};
use tokio::task::spawn_blocking;

use crate::answer;
use crate::orders::{Orders, Stop};
use crate::stream::Events;

const LONGEST_TITLE: usize = 120;

/// Why a run ends before all was done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Somebody stopped it.
    Interrupted,
    /// A step failed for this reason, and nothing after it makes sense.
    Failed(String),
}

/// The steps of one run.
pub(crate) struct Steps {
    root: Arc<Path>,
    events: Events,
    orders: Arc<Orders>,
    stop: Stop,
    delay: Duration,
    actions: u32,
    requests: u32,
}

impl Steps {
    pub(crate) fn new(root: impl Into<Arc<Path>>, events: Events, orders: Arc<Orders>) -> Self {
        let stop = orders.stop();
        Self { root: root.into(), events, orders, stop, delay: Duration::ZERO, actions: 0, requests: 0 }
    }

    /// The folder in which the run works.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Sets how long each step waits before it begins.
    pub(crate) const fn set_delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Looks at something. `work` runs on a thread where it may block; it gets the folder of the run, and asks `Stop`
    /// between two files.
    pub(crate) async fn look<T, W>(&mut self, title: impl AsRef<str>, work: W) -> Result<T, Ended>
    where
        T: Send + 'static,
        W: FnOnce(&Path, &Stop) -> Result<T, String> + Send + 'static,
    {
        let action = self.next_action(ActionKind::Tool, title.as_ref());
        self.step(action, work).await
    }

    /// Changes a file.
    pub(crate) async fn change<T, W>(
        &mut self,
        title: impl AsRef<str>,
        change: FileChange,
        work: W,
    ) -> Result<T, Ended>
    where
        T: Send + 'static,
        W: FnOnce(&Path, &Stop) -> Result<T, String> + Send + 'static,
    {
        let action = self.next_action(ActionKind::FileChange, title.as_ref()).changes(vec![change]);
        self.step(action, work).await
    }

    /// Asks the person, and waits for the answer as long as it takes.
    pub(crate) async fn ask(&mut self, title: &str, subject: RequestSubject) -> Result<Decision, Ended> {
        self.requests += 1;
        let id = RequestId::new(format!("acme.request.{}", self.requests));
        let answer = self.orders.expect_answer(id.clone());
        self.events.tell(|events| events.request(Request::new(id.clone(), one_line(title), subject)));
        let decision = tokio::select! {
            biased;
            () = self.stop.wait() => None,
            decision = answer => decision.ok(),
        };
        let resolution = decision.clone().map_or(Resolution::Withdrawn, Resolution::Decided);
        self.events.tell(|events| events.request_resolved(id, resolution));
        decision.ok_or(Ended::Interrupted)
    }

    async fn step<T, W>(&self, action: Action, work: W) -> Result<T, Ended>
    where
        T: Send + 'static,
        W: FnOnce(&Path, &Stop) -> Result<T, String> + Send + 'static,
    {
        self.events.tell(|events| events.action_started(action.clone()));
        let result = self.attempt(work).await;
        let outcome = ActionOutcome::from(result.is_ok());
        self.events.tell(|events| events.action_completed(action, outcome));
        result
    }

    async fn attempt<T, W>(&self, work: W) -> Result<T, Ended>
    where
        T: Send + 'static,
        W: FnOnce(&Path, &Stop) -> Result<T, String> + Send + 'static,
    {
        let (root, stop) = (Arc::clone(&self.root), self.stop.clone());
        let work = async {
            if !self.delay.is_zero() {
                tokio::time::sleep(self.delay).await;
            }
            let begin = move || if stop.is_set() { Err(String::new()) } else { work(&root, &stop) };
            spawn_blocking(begin).await
        };
        let joined = tokio::select! {
            biased;
            () = self.stop.wait() => return Err(Ended::Interrupted),
            joined = work => joined,
        };
        match joined {
            Ok(result) => result.map_err(Ended::Failed),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Ended::Interrupted), // The program ends.
            },
        }
    }

    fn next_action(&mut self, kind: ActionKind, title: &str) -> Action {
        self.actions += 1;
        Action::new(format!("acme.{}", self.actions), kind, one_line(title))
    }
}

/// Titles hold names of files, which may hold anything.
fn one_line(title: &str) -> String {
    answer::cut(&answer::one_line(title), LONGEST_TITLE)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::StreamExt;
    use takopi_api::event::EventFactory;

    use super::*;
    use crate::backend::ENGINE;
    use crate::stream;

    #[tokio::test]
    async fn work_on_another_thread_ends_with_the_stream() {
        let (begun, begins) = mpsc::channel();
        let (ended, ends) = mpsc::channel();
        let orders = Arc::new(Orders::new());
        let events = Events::new(EventFactory::new(ENGINE, None));
        let mut steps = Steps::new(Path::new("/"), events.clone(), Arc::clone(&orders));
        let work = async move {
            let endless = move |_: &Path, stop: &Stop| {
                begun.send(()).unwrap();
                while !stop.is_set() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                ended.send(()).unwrap();
                Ok(())
            };
            let _ = steps.look("wait", endless).await;
        };
        let mut stream = stream::of(work, events, orders);
        assert!(stream.next().await.is_some());
        begins.recv().unwrap();
        drop(stream);
        ends.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[tokio::test]
    async fn a_failed_step_says_why_and_a_stopped_one_does_not_begin() {
        let orders = Arc::new(Orders::new());
        let events = Events::new(EventFactory::new(ENGINE, None));
        let mut steps = Steps::new(Path::new("/"), events, Arc::clone(&orders));
        let failed = steps.look("fail", |_, _| Err::<(), _>("no such file".to_owned())).await;
        assert_eq!(failed, Err(Ended::Failed("no such file".into())));
        orders.give_up();
        let stopped = steps.look("never", |_, _| -> Result<(), String> { panic!("it began") }).await;
        assert_eq!(stopped, Err(Ended::Interrupted));
    }
}
