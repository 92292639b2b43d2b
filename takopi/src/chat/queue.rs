//! The queues: which message runs now, and which waits for what.
//!
//! A lane is a conversation with an engine: at most one of its jobs runs, the others wait in order. It is known by the
//! thread that it continues, by the place that keeps its session, or, before its engine has named a thread, by nothing
//! but the message that began it. A lane is there while something of it runs or waits, so what is kept grows with what
//! goes on and not with what was. No I/O and no clock.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use takopi_api::resume::ResumeToken;

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(u64);

/// A job: what one message, or several collected ones, want to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(u64);

/// By what a lane is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LaneName<S> {
    /// It continues this thread.
    Thread(ResumeToken),
    /// It is the conversation that is kept here.
    Session(S),
}

/// Where a job belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<S> {
    /// To the lane of this name, which is made if it is not there.
    Named(LaneName<S>),
    /// To the lane of this session, or to that of the thread that it goes on with: both are the same conversation.
    Session(S, ResumeToken),
    /// To a lane that is there; if it ended meanwhile, to one of its own.
    Lane(LaneId),
    /// To a lane of its own.
    New,
}

/// Where a job went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// Nothing is before it: it is to be started now.
    Now,
    /// So many are before it, the running one included.
    Behind(usize),
}

/// Whether a job that waits may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Once its turn comes.
    Free,
    /// Not before it is known whether what runs has taken it over.
    Offered,
}

/// What became of the wish to take a job back.
#[derive(Debug, PartialEq, Eq)]
pub enum Withdrawn<J> {
    /// It will not run.
    Cancelled(J),
    /// It runs.
    AlreadyStarted,
    /// It is offered to what runs, which may have it by now.
    Offered,
    /// There is no such job: it is over, or was taken back before.
    NotFound,
}

#[derive(Debug)]
struct Waiting<J> {
    id: JobId,
    job: J,
    hold: Hold,
}

#[derive(Debug)]
struct Lane<S, J> {
    running: Option<JobId>,
    waiting: VecDeque<Waiting<J>>,
    names: Vec<LaneName<S>>,
    /// The thread that its engine named last.
    thread: Option<ResumeToken>,
}

/// All lanes. `S` names a session, `J` is a job that waits.
#[derive(Debug)]
pub struct Queue<S, J> {
    lanes: HashMap<LaneId, Lane<S, J>>,
    names: HashMap<LaneName<S>, LaneId>,
    next: u64,
}

impl<S, J> Default for Queue<S, J> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), names: HashMap::new(), next: 0 }
    }
}

impl<S: Clone + Eq + Hash, J> Queue<S, J> {
    /// The lane of a name, if something of it runs or waits.
    #[must_use]
    pub fn lane(&self, name: &LaneName<S>) -> Option<LaneId> {
        self.names.get(name).copied()
    }

    /// The lane in which a job would belong, if it is there.
    #[must_use]
    pub fn find(&self, target: &Target<S>) -> Option<LaneId> {
        match target {
            Target::Named(name) => self.lane(name),
            Target::Session(session, thread) => self
                .lane(&LaneName::Session(session.clone()))
                .or_else(|| self.lane(&LaneName::Thread(thread.clone()))),
            Target::Lane(lane) => Some(*lane).filter(|lane| self.lanes.contains_key(lane)),
            Target::New => None,
        }
    }

    /// The job that runs in a lane.
    #[must_use]
    pub fn running(&self, lane: LaneId) -> Option<JobId> {
        self.lanes.get(&lane)?.running
    }

    /// How many jobs wait, in all lanes.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    /// The job that came last into a lane, if it waits for nothing but its turn.
    #[must_use]
    pub fn last_waiting(&self, lane: LaneId) -> Option<(JobId, &J)> {
        let last = self.lanes.get(&lane)?.waiting.back()?;
        (last.hold == Hold::Free).then_some((last.id, &last.job))
    }

    /// How many jobs are before one that waits, the running one included.
    #[must_use]
    pub fn ahead(&self, lane: LaneId, job: JobId) -> usize {
        let Some(entry) = self.lanes.get(&lane) else { return 0 };
        let before = entry.waiting.iter().take_while(|waiting| waiting.id != job).count();
        before + usize::from(entry.running.is_some())
    }

    /// Puts a job behind those that are there. With [`Placed::Now`], [`Self::next`] gives it back to be started.
    pub fn place(&mut self, target: &Target<S>, job: J) -> (LaneId, JobId, Placed) {
        let lane = self.find_or_make(target);
        let id = JobId(self.number());
        let Some(entry) = self.lanes.get_mut(&lane) else { return (lane, id, Placed::Now) };
        let ahead = entry.waiting.len() + usize::from(entry.running.is_some());
        entry.waiting.push_back(Waiting { id, job, hold: Hold::Free });
        (lane, id, if ahead == 0 { Placed::Now } else { Placed::Behind(ahead) })
    }

    /// The next job of a lane, if none of it runs. It runs from here on. Nothing overtakes one that is offered.
    pub fn next(&mut self, lane: LaneId) -> Option<(JobId, J)> {
        let entry = self.lanes.get_mut(&lane)?;
        if entry.running.is_some() {
            return None;
        }
        let Waiting { id, job, .. } = entry.waiting.pop_front_if(|first| first.hold == Hold::Free)?;
        entry.running = Some(id);
        Some((id, job))
    }

    /// The job that ran in a lane is over. A lane in which nothing waits is gone.
    pub fn ended(&mut self, lane: LaneId, job: JobId) {
        if let Some(entry) = self.lanes.get_mut(&lane)
            && entry.running == Some(job)
        {
            entry.running = None;
        }
        self.drop_if_empty(lane);
    }

    /// A name that belongs to another lane stays there: two jobs of one thread are kept apart by the thread's lock as well.
    fn name(&mut self, lane: LaneId, name: LaneName<S>) {
        if self.names.contains_key(&name) {
            return;
        }
        if let Some(entry) = self.lanes.get_mut(&lane) {
            entry.names.push(name.clone());
            self.names.insert(name, lane);
        }
    }

    /// The engine of a lane has named its thread: the lane is known by it from now on.
    pub fn thread_known(&mut self, lane: LaneId, token: &ResumeToken) {
        if let Some(entry) = self.lanes.get_mut(&lane) {
            entry.thread = Some(token.clone());
        }
        self.name(lane, LaneName::Thread(token.clone()));
    }

    /// The thread that the engine of a lane named last.
    #[must_use]
    pub fn thread(&self, lane: LaneId) -> Option<&ResumeToken> {
        self.lanes.get(&lane)?.thread.as_ref()
    }

    /// A lane is not found by this name any more, such as after the session was forgotten.
    pub fn unname(&mut self, name: &LaneName<S>) {
        if let Some(lane) = self.names.remove(name)
            && let Some(entry) = self.lanes.get_mut(&lane)
        {
            entry.names.retain(|own| own != name);
        }
    }

    /// Takes a waiting job back.
    pub fn withdraw(&mut self, lane: LaneId, job: JobId) -> Withdrawn<J> {
        let Some(entry) = self.lanes.get_mut(&lane) else { return Withdrawn::NotFound };
        if entry.running == Some(job) {
            return Withdrawn::AlreadyStarted;
        }
        match entry.waiting.iter().find(|waiting| waiting.id == job).map(|waiting| waiting.hold) {
            Some(Hold::Free) => self.remove(lane, job).map_or(Withdrawn::NotFound, Withdrawn::Cancelled),
            Some(Hold::Offered) => Withdrawn::Offered,
            None => Withdrawn::NotFound,
        }
    }

    /// Offers a waiting job to what runs in its lane: it keeps its place, and does not begin. False if nothing
    /// runs there, or it does not wait, or is offered already.
    pub fn offer(&mut self, lane: LaneId, job: JobId) -> bool {
        let entry = self.lanes.get_mut(&lane).filter(|entry| entry.running.is_some());
        let waiting = entry.and_then(|entry| entry.waiting.iter_mut().find(|waiting| waiting.id == job));
        waiting.is_some_and(|waiting| std::mem::replace(&mut waiting.hold, Hold::Offered) == Hold::Free)
    }

    /// What runs has taken a job over that was offered to it: it waits no longer.
    pub fn taken_over(&mut self, lane: LaneId, job: JobId) -> Option<J> {
        self.remove(lane, job)
    }

    /// What runs has not taken a job that was offered to it: it waits on where it is.
    pub fn declined(&mut self, lane: LaneId, job: JobId) {
        let entry = self.lanes.get_mut(&lane);
        let waiting = entry.and_then(|entry| entry.waiting.iter_mut().find(|waiting| waiting.id == job));
        if let Some(waiting) = waiting {
            waiting.hold = Hold::Free;
        }
    }

    fn remove(&mut self, lane: LaneId, job: JobId) -> Option<J> {
        let waiting = &mut self.lanes.get_mut(&lane)?.waiting;
        let at = waiting.iter().position(|waiting| waiting.id == job)?;
        let taken = waiting.remove(at);
        self.drop_if_empty(lane);
        taken.map(|taken| taken.job)
    }

    /// Puts a job before all others that wait: one that must not wait.
    pub fn place_first(&mut self, target: &Target<S>, job: J) -> (LaneId, JobId) {
        let lane = self.find_or_make(target);
        let id = JobId(self.number());
        if let Some(entry) = self.lanes.get_mut(&lane) {
            entry.waiting.push_front(Waiting { id, job, hold: Hold::Free });
        }
        (lane, id)
    }

    /// The waiting job, to add to it.
    pub fn waiting_mut(&mut self, lane: LaneId, job: JobId) -> Option<&mut J> {
        let waiting = &mut self.lanes.get_mut(&lane)?.waiting;
        waiting.iter_mut().find(|waiting| waiting.id == job).map(|waiting| &mut waiting.job)
    }

    fn find_or_make(&mut self, target: &Target<S>) -> LaneId {
        let lane = self.find(target).unwrap_or_else(|| {
            let lane = LaneId(self.number());
            let empty = Lane { running: None, waiting: VecDeque::new(), names: Vec::new(), thread: None };
            self.lanes.insert(lane, empty);
            lane
        });
        match target {
            Target::Named(name) => self.name(lane, name.clone()),
            Target::Session(session, thread) => {
                self.name(lane, LaneName::Session(session.clone()));
                self.name(lane, LaneName::Thread(thread.clone()));
            }
            Target::Lane(_) | Target::New => {}
        }
        lane
    }

    fn drop_if_empty(&mut self, lane: LaneId) {
        if self.lanes.get(&lane).is_some_and(|entry| entry.running.is_none() && entry.waiting.is_empty())
            && let Some(entry) = self.lanes.remove(&lane)
        {
            for name in entry.names {
                self.names.remove(&name);
            }
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;

    use super::*;

    fn thread(value: &str) -> LaneName<&'static str> {
        LaneName::Thread(ResumeToken::new(EngineId::from_static("acme"), value).unwrap())
    }

    #[test]
    fn one_runs_and_the_others_wait_in_order() {
        let mut queue = Queue::default();
        let target = Target::Named(thread("t"));
        let (lane, first, placed) = queue.place(&target, "a");
        assert_eq!(placed, Placed::Now);
        assert_eq!(queue.next(lane), Some((first, "a")));
        let (same, second, placed) = queue.place(&target, "b");
        assert_eq!((same, placed), (lane, Placed::Behind(1)));
        assert_eq!(queue.place(&target, "c").2, Placed::Behind(2));
        assert_eq!(queue.next(lane), None);
        queue.ended(lane, first);
        assert_eq!(queue.next(lane), Some((second, "b")));
    }

    #[test]
    fn a_lane_gets_the_name_of_its_thread() {
        let mut queue: Queue<&str, &str> = Queue::default();
        let (lane, job, _) = queue.place(&Target::New, "a");
        queue.next(lane);
        let LaneName::Thread(token) = thread("t") else { unreachable!() };
        queue.thread_known(lane, &token);
        assert_eq!(queue.thread(lane), Some(&token));
        assert_eq!(queue.place(&Target::Named(thread("t")), "b").2, Placed::Behind(1));
        queue.ended(lane, job);
        let (job, _) = queue.next(lane).unwrap();
        queue.ended(lane, job);
        assert_eq!((queue.lane(&thread("t")), queue.waiting()), (None, 0));
        assert!(queue.lanes.is_empty() && queue.names.is_empty());
    }

    #[test]
    fn a_session_waits_for_a_reply_to_its_thread() {
        let mut queue: Queue<&str, &str> = Queue::default();
        let LaneName::Thread(token) = thread("t") else { unreachable!() };
        let (lane, _, _) = queue.place(&Target::Named(thread("t")), "reply");
        queue.next(lane);
        let session = Target::Session("chat", token);
        assert_eq!(queue.place(&session, "b").2, Placed::Behind(1));
        assert_eq!(queue.place(&Target::Named(LaneName::Session("chat")), "c").2, Placed::Behind(2));
    }

    #[test]
    fn what_is_taken_back_does_not_run() {
        let mut queue: Queue<&str, &str> = Queue::default();
        let target = Target::Named(LaneName::Session("chat"));
        let (lane, first, _) = queue.place(&target, "a");
        queue.next(lane);
        let (_, second, _) = queue.place(&target, "b");
        assert_eq!(queue.withdraw(lane, first), Withdrawn::AlreadyStarted);
        assert_eq!(queue.withdraw(lane, second), Withdrawn::Cancelled("b"));
        assert_eq!(queue.withdraw(lane, second), Withdrawn::NotFound);
        assert_eq!(queue.withdraw(LaneId(99), second), Withdrawn::NotFound);
        let (_, again) = queue.place_first(&Target::Lane(lane), "b");
        let (_, third, _) = queue.place(&target, "c");
        queue.ended(lane, first);
        assert_eq!(queue.next(lane), Some((again, "b")));
        queue.ended(lane, again);
        assert_eq!(queue.next(lane), Some((third, "c")));
    }

    #[test]
    fn what_is_offered_keeps_its_place_and_does_not_begin() {
        let mut queue: Queue<&str, &str> = Queue::default();
        let target = Target::Named(LaneName::Session("chat"));
        let (lane, running, _) = queue.place(&target, "a");
        assert!(!queue.offer(lane, running), "nothing runs");
        queue.next(lane);
        let [b, c, d] = ["b", "c", "d"].map(|job| queue.place(&target, job).1);
        assert!(queue.offer(lane, b) && !queue.offer(lane, b));
        assert_eq!(queue.withdraw(lane, b), Withdrawn::Offered);
        assert!(queue.offer(lane, d) && queue.last_waiting(lane).is_none());
        assert_eq!(queue.taken_over(lane, d), Some("d"));
        assert_eq!(queue.last_waiting(lane), Some((c, &"c")));
        queue.ended(lane, running);
        assert_eq!(queue.next(lane), None, "nothing overtakes it");
        queue.declined(lane, b);
        assert_eq!((queue.ahead(lane, c), queue.next(lane)), (1, Some((b, "b"))));
        assert_eq!(queue.ahead(lane, c), 1);
        assert!(queue.offer(lane, c));
        queue.ended(lane, b);
        assert_eq!((queue.taken_over(lane, c), queue.find(&target)), (Some("c"), None), "the lane is gone");
    }

    #[test]
    fn a_session_that_is_forgotten_begins_a_new_lane() {
        let mut queue: Queue<&str, &str> = Queue::default();
        let target = Target::Named(LaneName::Session("chat"));
        let (lane, _, _) = queue.place(&target, "a");
        queue.next(lane);
        queue.unname(&LaneName::Session("chat"));
        assert_eq!(queue.place(&target, "b").2, Placed::Now);
    }

    proptest::proptest! {
        /// Against the plainest model: a list of jobs a thread.
        #[test]
        fn no_job_is_lost_and_order_is_kept(steps in proptest::collection::vec((0_u8..4, 0_u8..3), 0..80)) {
            let mut queue: Queue<u8, usize> = Queue::default();
            let mut model: HashMap<u8, (Option<usize>, VecDeque<usize>)> = HashMap::new();
            let mut jobs: HashMap<usize, (LaneId, JobId)> = HashMap::new();
            for (number, (action, session)) in steps.into_iter().enumerate() {
                let name = LaneName::Session(session);
                let own = model.entry(session).or_default();
                match action {
                    0 | 1 => {
                        let (lane, job, placed) = queue.place(&Target::Named(name), number);
                        jobs.insert(number, (lane, job));
                        let ahead = own.1.len() + usize::from(own.0.is_some());
                        proptest::prop_assert_eq!(placed, if ahead == 0 { Placed::Now } else { Placed::Behind(ahead) });
                        own.1.push_back(number);
                    }
                    2 => if let Some(running) = own.0.take() {
                        let (lane, job) = jobs[&running];
                        queue.ended(lane, job);
                    },
                    _ => if let Some(last) = own.1.pop_back() {
                        let (lane, job) = jobs[&last];
                        proptest::prop_assert_eq!(queue.withdraw(lane, job), Withdrawn::Cancelled(last));
                    },
                }
                let started = queue.lane(&LaneName::Session(session)).and_then(|lane| queue.next(lane));
                if own.0.is_none() && let Some(first) = own.1.pop_front() {
                    own.0 = Some(first);
                    proptest::prop_assert_eq!(started.map(|(_, job)| job), Some(first));
                } else {
                    proptest::prop_assert!(started.is_none());
                }
            }
        }
    }
}
