//! What goes on from takopi's start to its end: it waits for what is due, writes down that it takes it, and lets it run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use takopi_api::command::{Executor, RunRequest};
use takopi_api::config::ConfigTable;
use takopi_api::error::Error;
use takopi_api::message::{OutgoingMessage, SendOptions};
use takopi_api::runtime::{Origin, PluginHost, Write};
use tokio::sync::Notify;

use crate::backend::Settings;
use crate::book::{self, Book, Due, Entry, IfMissed, Taken};
use crate::view::{self, Clock, Why};

/// The longest that it sleeps at a time. The clock may be changed meanwhile, and a machine that sleeps counts no time.
const STEP: Duration = Duration::from_secs(20);

/// What the three commands share: there is one of it in a process.
#[derive(Debug, Default)]
pub(crate) struct Scheduler(Mutex<Option<Arc<Live>>>);

/// The scheduler between takopi's start and its end.
#[derive(Debug)]
pub(crate) struct Live {
    host: PluginHost,
    rules: Mutex<Rules>,
    book: tokio::sync::Mutex<Book>,
    /// What is taken, or about to be: each entry is at work once at a time.
    at_work: Mutex<BTreeSet<u32>>,
    /// When a run of an entry ended last.
    ended: Mutex<BTreeMap<u32, Timestamp>>,
    /// Rung when there may be something else to wait for.
    bell: Notify,
}

/// What the configuration says.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    zone: TimeZone,
    if_missed: IfMissed,
    pub(crate) limit: usize,
}

/// An entry is at work until this is gone.
struct AtWork {
    live: Arc<Live>,
    number: u32,
}

impl Rules {
    pub(crate) fn read(table: &ConfigTable) -> Result<Self, Error> {
        let settings: Settings = table.parse()?;
        let zone = match &settings.time_zone {
            Some(name) => TimeZone::get(name).map_err(|error| {
                let error = table.error_at("time_zone", format!("there is no time zone `{name}`: {error}"));
                Error::from(error).hint("it is named as `Europe/Berlin` is; the package `tzdata` brings them")
            })?,
            None => TimeZone::try_system().unwrap_or_else(|error| {
                tracing::warn!(%error, "the machine's time zone is not known, so times are UTC: set `[plugins.schedule] time_zone`");
                TimeZone::UTC
            }),
        };
        Ok(Self { zone, if_missed: settings.missed, limit: settings.limit })
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    /// The one of this process.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Scheduler>> = LazyLock::new(Arc::default);
        Arc::clone(&SHARED)
    }

    /// Reads what is scheduled, and begins to wait for it.
    pub(crate) async fn start(&self, host: PluginHost) -> Result<(), Error> {
        let rules = Rules::read(&host.config()?)?;
        let (book, taken, unread) = book::read(host.store().list("").await?);
        for what in unread {
            tracing::warn!(what, "something that is scheduled can not be read, and is left out");
        }
        let live = Arc::new(Live {
            host: host.clone(),
            rules: Mutex::new(rules),
            book: tokio::sync::Mutex::new(book),
            at_work: Mutex::default(),
            ended: Mutex::default(),
            bell: Notify::new(),
        });
        live.follow().await?;
        *held(&self.0) = Some(Arc::clone(&live));
        for taken in taken {
            let live = Arc::clone(&live);
            host.spawn("cut off", async move { live.tell_cut_off(taken).await });
        }
        host.spawn("clock", async move { live.watch().await });
        Ok(())
    }

    /// What was started.
    pub(crate) fn live(&self) -> Result<Arc<Live>, Error> {
        held(&self.0).clone().ok_or_else(|| {
            Error::new("nothing can be scheduled: the plugin is not started").hint("takopi's log says why")
        })
    }

    pub(crate) fn stop(&self) {
        *held(&self.0) = None;
    }
}

impl Live {
    pub(crate) fn rules(&self) -> Rules {
        held(&self.rules).clone()
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock { now: Timestamp::now(), zone: self.rules().zone }
    }

    pub(crate) async fn book(&self) -> tokio::sync::MutexGuard<'_, Book> {
        self.book.lock().await
    }

    pub(crate) const fn host(&self) -> &PluginHost {
        &self.host
    }

    /// The configuration changed.
    pub(crate) async fn reconfigure(&self) -> Result<(), Error> {
        let rules = Rules::read(&self.host.config()?)?;
        *held(&self.rules) = rules;
        self.follow().await
    }

    async fn follow(&self) -> Result<(), Error> {
        let Clock { now, zone } = self.clock();
        self.change(|book| Ok(((), book.follow(now, &zone)?))).await
    }

    /// Changes the book: written down first, or not at all.
    pub(crate) async fn change<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<(T, Vec<Write>), Error>,
    ) -> Result<T, Error> {
        let mut book = self.book.lock().await;
        let mut changed = book.clone();
        let (given, writes) = change(&mut changed)?;
        if !writes.is_empty() {
            self.host.store().write(writes).await?;
        }
        *book = changed;
        drop(book);
        self.bell.notify_one();
        Ok(given)
    }

    /// Waits for what is due, until takopi ends.
    async fn watch(self: Arc<Self>) {
        while !self.host.shutdown().is_requested() {
            let now = Timestamp::now();
            let due = {
                let book = self.book.lock().await;
                held(&self.ended).retain(|&number, _| book.get(number).is_some());
                book.due(now, &held(&self.at_work))
            };
            for number in due {
                if let Some(at_work) = self.begin(number) {
                    let live = Arc::clone(&self);
                    self.host.spawn(&format!("#{number}"), async move { live.act(&at_work).await });
                }
            }
            let next = self.book.lock().await.next(&held(&self.at_work));
            let ahead = next.map(|next| next.duration_since(Timestamp::now()));
            // What is over already is taken at once.
            let sleep = ahead.map_or(STEP, |ahead| Duration::try_from(ahead).unwrap_or_default().min(STEP));
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.bell.notified() => {}
                () = self.host.shutdown().requested() => {}
            }
        }
    }

    /// An entry is at work from here on; `None` if it is already.
    fn begin(self: &Arc<Self>, number: u32) -> Option<AtWork> {
        held(&self.at_work).insert(number).then(|| AtWork { live: Arc::clone(self), number })
    }

    /// Does what is due of an entry.
    async fn act(&self, at_work: &AtWork) {
        let number = at_work.number;
        let Some(origin) = self.book.lock().await.get(number).map(|entry| entry.origin.clone()) else {
            return;
        };
        tokio::select! {
            () = self.host.connected(&origin.transport) => {}
            () = self.host.shutdown().requested() => return,
        }
        let Clock { now, zone } = self.clock();
        let if_missed = self.rules().if_missed;
        let taken = self.change(|book| match book.take(number, now, &zone, if_missed)? {
            Some((due, mut writes)) => {
                if due.runs {
                    writes.push(book::takes(&due.entry)?);
                }
                Ok((Some(due), writes))
            }
            None => Ok((None, Vec::new())),
        });
        match taken.await {
            Ok(Some(due)) => self.follow_through(due).await,
            Ok(None) => {}
            Err(error) => {
                // What is not written down does not run: it could run again.
                tracing::error!(number, %error, "schedule.store.failed: it does not run, and is tried again");
                tokio::time::sleep(STEP).await;
            }
        }
    }

    async fn follow_through(&self, due: Due) {
        let Due { entry, runs, missed } = due;
        let executor = self.host.executor(entry.origin.clone());
        if let Some((first, count)) = missed {
            let last_end = held(&self.ended).get(&entry.number).copied();
            let why = if last_end.is_some_and(|end| end >= first) { Why::Busy } else { Why::Away };
            tracing::warn!(number = entry.number, count, ?why, "schedule.missed");
            let told = view::missed(&entry, (first, count), why, runs, &self.clock());
            tell(&executor, &entry.origin, told).await;
        }
        if runs {
            self.run(&entry, &executor).await;
        }
    }

    /// Runs an entry that was taken.
    async fn run(&self, entry: &Entry, executor: &Executor) {
        let result = executor.run_one(RunRequest::message(entry.text.as_str())).await;
        if result.is_err() && self.host.shutdown().is_requested() {
            // The next start tells that it was cut off.
            return;
        }
        let trouble = result.as_ref().err().map(ToString::to_string);
        let noted = self.change(|book| {
            let mut writes = book.note(entry, trouble)?;
            writes.push(book::ended(entry.number));
            Ok(((), writes))
        });
        if let Err(error) = noted.await {
            tracing::error!(number = entry.number, %error, "schedule.store.failed");
        }
        if let Err(error) = result {
            tracing::warn!(number = entry.number, %error, "schedule.run.failed");
            let told = view::failed(entry, &error.to_string(), error.hints());
            tell(executor, &entry.origin, told).await;
        }
    }

    /// Runs an entry because a person wants it now.
    pub(crate) async fn run_now(self: &Arc<Self>, place: &Origin, number: u32) -> Result<(), Error> {
        let entry = self.book.lock().await.find(place, number)?.clone();
        let at_work =
            self.begin(number).ok_or_else(|| Error::new(format!("#{number} is at work already")))?;
        self.change(|book| {
            let mut writes = book.take_now(&entry);
            writes.push(book::takes(&entry)?);
            Ok(((), writes))
        })
        .await?;
        let live = Arc::clone(self);
        self.host.spawn(&format!("#{number}"), async move {
            let executor = live.host.executor(entry.origin.clone());
            live.run(&entry, &executor).await;
            drop(at_work);
        });
        Ok(())
    }

    /// Tells of a run that the end of the last takopi cut off. It is not begun again: nobody knows how far it came.
    async fn tell_cut_off(&self, taken: Taken) {
        tokio::select! {
            () = self.host.connected(&taken.origin.transport) => {}
            () = self.host.shutdown().requested() => return,
        }
        let executor = self.host.executor(taken.origin.clone());
        tell(&executor, &taken.origin, view::cut_off(&taken)).await;
        if let Err(error) = self.change(|_| Ok(((), vec![book::ended(taken.number)]))).await {
            tracing::error!(number = taken.number, %error, "schedule.store.failed: it is told once more at the next start");
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        held(&self.live.at_work).remove(&self.number);
        held(&self.live.ended).insert(self.number, Timestamp::now());
        self.live.bell.notify_one();
    }
}

/// Answers the message by which something was scheduled. What can not be told is logged.
async fn tell(executor: &Executor, origin: &Origin, message: OutgoingMessage) {
    let options = SendOptions::default().reply_to(origin.message.clone());
    if let Err(error) = executor.send(message, options).await {
        tracing::warn!(transport = %origin.transport, place = %origin.address, %error, "schedule.send.failed");
    }
}
