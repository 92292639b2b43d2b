//! Receiving from Telegram, whatever happens on the way: a poll after the other until takopi ends.
//!
//! How far was read is stored in one transaction with the messages that were read, and with what is still held: so none
//! is lost, however takopi is killed, and none is taken twice. Only then the server is told, by the next poll.

mod offset;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use takopi_api::error::Error;
use takopi_api::message::{Address, Body, ChannelId, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::runtime::{Batch, Connection, Shutdown, TransportRuntime, Write};
use takopi_api::transport::{Channels, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use self::offset::Offset;
use self::trouble::{Trouble, Troubles};
use crate::client::{CallError, Client, Delivered};
use crate::greeting;
use crate::menu;
use crate::moves::Moves;
use crate::receive::{Clock, Intake, Me, Receiver};
use crate::settings::Plan;
use crate::transport::Telegram;
use crate::wire::{ChatId, User};

/// Under what the offset and the held updates of a bot are remembered. Another bot counts its updates by itself.
struct Keys {
    offset: String,
    held: String,
}

impl Keys {
    fn of(bot: &User) -> Self {
        Self { offset: format!("offset/{}", bot.id), held: format!("held/{}", bot.id) }
    }
}

/// How long to wait before something is stored again that could not be.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// What receiving needs.
pub(crate) struct Poller {
    pub(crate) client: Client,
    pub(crate) runtime: TransportRuntime,
    pub(crate) telegram: Arc<Telegram>,
    pub(crate) moves: Arc<Moves>,
    pub(crate) moved: mpsc::UnboundedReceiver<(ChatId, ChatId)>,
    pub(crate) plan: Plan,
    pub(crate) is_greeting: bool,
    pub(crate) shutdown: Shutdown,
}

/// takopi ends.
struct Ending;

impl Poller {
    /// Receives until takopi ends.
    ///
    /// # Errors
    /// [`Error`] if the server does not know the bot.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let connection = self.runtime.connect(self.telegram.clone(), self.moves.follow(&self.plan.access));
        let shutdown = self.shutdown.clone();
        let me = tokio::select! {
            me = self.who_am_i() => me?,
            () = shutdown.requested() => return Ok(()),
        };
        tracing::info!(bot = %me.id, "telegram.ready");
        let mut tasks = JoinSet::new();
        tasks.spawn(menu::keep(self.client.clone(), me.id, self.runtime.clone()));
        if let Some(main) = self.plan.main {
            let heard = greeting::heard(&self.plan, main);
            tracing::info!(%heard, "telegram.access");
            if self.is_greeting {
                let said = greeting::greeting(&self.runtime.catalog(), &self.plan, main);
                let telegram = Arc::clone(&self.telegram);
                tasks.spawn(async move { say(&telegram, &Address::general(main.to_string()), said).await });
            }
        }
        let mut polling = Polling {
            keys: Keys::of(&me),
            receiver: Receiver::new(Me::new(me), self.plan.rules),
            begin: Instant::now(),
            connection,
            poller: self,
            offset: Offset::default(),
            held: Vec::new(),
            troubles: Troubles::default(),
            tasks,
        };
        polling.run().await
    }

    /// Asks for the bot's own name until there is an answer.
    async fn who_am_i(&self) -> Result<User, Error> {
        let mut troubles = Troubles::default();
        loop {
            match self.client.get_me().await {
                Ok(me) => return Ok(me),
                Err(error) => sleep(pause(&mut troubles, &error, Duration::ZERO)?.0).await,
            }
        }
    }
}

/// How long to pause after a trouble, and what to say about it.
fn pause(
    troubles: &mut Troubles,
    error: &CallError,
    now: Duration,
) -> Result<(Duration, Option<&'static str>), Error> {
    match troubles.after(error.failure, now) {
        Trouble::Pause(pause) => {
            tracing::warn!(%error, pause_ms = pause.as_millis(), "telegram.trouble");
            Ok((pause, None))
        }
        Trouble::Rival { pause, say } => {
            tracing::error!(%error, "telegram.conflict");
            Ok((pause, say))
        }
        Trouble::Hopeless => Err(Error::new(format!(
            "Telegram does not know the bot of this token: {error}"
        ))
        .hint("ask @BotFather for the token with /token, and set `bot_token` in [transports.telegram]")),
    }
}

/// Receiving goes on.
struct Polling {
    poller: Poller,
    keys: Keys,
    connection: Connection,
    receiver: Receiver,
    begin: Instant,
    offset: Offset,
    /// What is stored of held updates.
    held: Vec<String>,
    troubles: Troubles,
    tasks: JoinSet<()>,
}

impl Polling {
    async fn run(&mut self) -> Result<(), Error> {
        if self.restore().await.is_err() {
            return Ok(());
        }
        let mut wait = Duration::ZERO;
        loop {
            let client = self.poller.client.clone();
            let offset = self.offset.next(self.clock().unix);
            let poll = async move {
                sleep(wait).await;
                client.get_updates(offset).await
            };
            tokio::pin!(poll);
            let polled = loop {
                match self.meanwhile(&mut poll).await {
                    Ok(Some(polled)) => break polled,
                    Ok(None) => {}
                    Err(Ending) => return Ok(()),
                }
            };
            wait = match polled {
                Ok(delivered) => {
                    self.troubles.over(self.begin.elapsed());
                    match self.accept(delivered).await {
                        Ok(wait) => wait,
                        Err(Ending) => return Ok(()),
                    }
                }
                Err(error) => self.troubled(&error)?,
            };
        }
    }

    /// Waits for the poll, and does what else there is to do; `None` if it is to be waited for again.
    async fn meanwhile<T>(
        &mut self,
        poll: &mut (impl Future<Output = T> + Unpin),
    ) -> Result<Option<T>, Ending> {
        let due = self.receiver.deadline().map(|deadline| self.begin + deadline);
        tokio::select! {
            biased;
            () = self.poller.shutdown.requested() => Err(Ending),
            polled = poll => Ok(Some(polled)),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let messages = self.receiver.due(self.begin.elapsed());
                self.store(Intake { messages, ..Intake::default() }).await.map(|()| None)
            }
            Some((old, new)) = self.poller.moved.recv() => {
                self.move_chat(old, new).await;
                Ok(None)
            }
        }
    }

    fn clock(&self) -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Clock { now: self.begin.elapsed(), unix }
    }

    /// Takes up what was stored before the last end.
    async fn restore(&mut self) -> Result<(), Ending> {
        let store = self.poller.runtime.store();
        let (offset, held) = loop {
            match (store.get(&self.keys.offset).await, store.get(&self.keys.held).await) {
                (Ok(offset), Ok(held)) => break (offset, held),
                (Err(error), _) | (_, Err(error)) => self.not_stored(&error).await?,
            }
        };
        self.offset = offset.and_then(|bytes| Offset::read(&bytes)).unwrap_or_default();
        let held: Vec<String> =
            held.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let delivered: Vec<_> = held.iter().map(|raw| Delivered::parse(raw)).collect();
        self.held = held;
        let intake = self.receiver.take(delivered, self.clock());
        self.store(intake).await
    }

    /// Takes what a poll brought, and gives how long to wait before the next one.
    async fn accept(&mut self, delivered: Vec<Delivered>) -> Result<Duration, Ending> {
        if delivered.is_empty() {
            return Ok(Duration::ZERO);
        }
        let clock = self.clock();
        let is_further = self.offset.advance(delivered.iter().filter_map(Delivered::id), clock.unix);
        let mut intake = self.receiver.take(delivered, clock);
        // Nobody who pressed a button waits for what others wrote.
        for press in intake.presses.drain(..) {
            self.connection.handle_press(press);
        }
        for id in intake.empty_presses.drain(..) {
            let telegram = Arc::clone(&self.poller.telegram);
            self.tasks.spawn(async move {
                let answered = telegram.answer_press(&takopi_api::message::PressId::new(id), None).await;
                if let Err(error) = answered {
                    tracing::debug!(%error, "telegram.press: it could not be answered");
                }
            });
        }
        self.store(intake).await?;
        // A server that sends the same again and again is not asked without a pause.
        Ok(if is_further { Duration::ZERO } else { Duration::from_secs(1) })
    }

    /// Stores what was received, how far that is, and what is held.
    async fn store(&mut self, intake: Intake) -> Result<(), Ending> {
        for (old, new) in &intake.moves {
            if self.poller.moves.insert(*old, *new) {
                self.move_chat(*old, *new).await;
            }
        }
        let held = self.receiver.held();
        let mut batch = Batch::new(intake.messages);
        if let Some(write) = self.offset.write(&self.keys.offset) {
            batch = batch.write(write);
        }
        if held != self.held {
            let value = serde_json::to_vec(&held).ok().filter(|_| !held.is_empty());
            batch = batch.write(Write { key: self.keys.held.clone(), value });
        }
        if !batch.messages.is_empty() || !batch.writes.is_empty() {
            while let Err(error) = self.connection.handle_batch(batch.clone()).await {
                self.not_stored(&error).await?;
            }
        }
        self.offset.is_stored();
        self.held = held;
        self.tell_skipped(&intake.skipped);
        self.tasks_done();
        Ok(())
    }

    /// Waits before something is stored again.
    async fn not_stored(&self, error: &takopi_api::runtime::StoreError) -> Result<(), Ending> {
        tracing::error!(%error, "telegram.store: nothing is received before it can be stored");
        tokio::select! {
            () = self.poller.shutdown.requested() => Err(Ending),
            () = sleep(STORE_AGAIN) => Ok(()),
        }
    }

    /// Says where messages were skipped for their age, to people who are listened to.
    fn tell_skipped(&mut self, skipped: &[Address]) {
        let mut places: Vec<(Address, usize)> = Vec::new();
        for address in skipped {
            match places.iter_mut().find(|(place, _)| place == address) {
                Some((_, count)) => *count += 1,
                None => places.push((address.clone(), 1)),
            }
        }
        for (place, count) in places {
            tracing::info!(%place, count, "telegram.skipped: older than `max_age_s`");
            if self.is_listened_to(&place.channel) {
                let what = if count == 1 {
                    "a message that is".to_owned()
                } else {
                    format!("{count} messages that are")
                };
                let said =
                    format!("skipped {what} older than `max_age_s` allows; send again what still counts");
                self.say(&place, said);
            }
        }
    }

    fn is_listened_to(&self, channel: &ChannelId) -> bool {
        let catalog = self.poller.runtime.catalog();
        let is_of_project = catalog.projects.iter().any(|project| project.channel.as_ref() == Some(channel));
        let access = self.poller.moves.follow(&self.poller.plan.access);
        is_of_project || matches!(&access.channels, Channels::Listed(listed) if listed.contains(channel))
    }

    fn troubled(&mut self, error: &CallError) -> Result<Duration, Error> {
        let (wait, said) = pause(&mut self.troubles, error, self.begin.elapsed())?;
        if let (Some(said), Some(main)) = (said, self.poller.plan.main) {
            self.say(&Address::general(main.to_string()), said.to_owned());
        }
        Ok(wait)
    }

    fn say(&mut self, place: &Address, text: String) {
        let telegram = Arc::clone(&self.poller.telegram);
        let place = place.clone();
        let said = OutgoingMessage::new(MessageKind::Notice, Body::markdown(text));
        self.tasks.spawn(async move { say(&telegram, &place, said).await });
    }

    /// A chat is somewhere else now. What is remembered of it goes along.
    async fn move_chat(&mut self, old: ChatId, new: ChatId) {
        tracing::info!(%old, %new, "telegram.moved: a group became a supergroup");
        let runtime = &self.poller.runtime;
        if let Err(error) = runtime.store().write([Moves::write(old, new)]).await {
            tracing::warn!(%error, %old, %new, "telegram.moved: it is not remembered");
        }
        if let Err(error) = runtime.move_channel(&old.channel(), &new.channel()).await {
            tracing::warn!(%error, %old, %new, "telegram.moved: what was set there has to be set again");
        }
        self.connect();
    }

    /// Says anew who is heard.
    fn connect(&mut self) {
        let Poller { runtime, telegram, moves, plan, .. } = &self.poller;
        self.connection = runtime.connect(telegram.clone(), moves.follow(&plan.access));
    }

    /// Forgets tasks that are done.
    fn tasks_done(&mut self) {
        while self.tasks.try_join_next().is_some() {}
    }
}

async fn say(telegram: &Telegram, place: &Address, said: OutgoingMessage) {
    if let Err(error) = telegram.send(place, said, SendOptions::default()).await {
        tracing::warn!(%place, %error, "telegram.say: it could not be said");
    }
}
