//! What a test does with the server: it plays the people, looks at what they see, and breaks things.

use std::time::Duration;

use super::deeds::Said;
use super::faults::Fault;
use super::files::Attachment;
use super::limits::{Limits, Violation};
use super::message::{MediaKind, Message, Service};
use super::methods;
use super::presses::PressAnswer;
use super::server::BotApi;
use super::state::{Call, State};
use super::world::{Chat, ChatId, ChatKind, MessageId, Role, TopicId, UserId, World};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// The people and their chats.
impl BotApi {
    /// The bot.
    #[must_use]
    pub fn me(&self) -> UserId {
        self.shared.lock().world.me.id
    }

    /// Somebody who has a chat with the bot.
    #[must_use]
    pub fn person(&self, name: &str) -> UserId {
        self.shared.change(|state| {
            let person = state.world.add_person(name);
            state.world.add_chat(ChatKind::Private, name, &[person]);
            person
        })
    }

    /// The chat of a person with the bot.
    #[must_use]
    pub fn private(&self, person: UserId) -> ChatId {
        ChatId(person.0)
    }

    /// A new chat with these people and the bot, which is an administrator in channels only; a private one takes the
    /// place of the one before.
    ///
    /// # Panics
    /// If a private chat is with more than one.
    #[must_use]
    pub fn chat(&self, kind: ChatKind, title: &str, people: &[UserId]) -> ChatId {
        self.shared.change(|state| state.world.add_chat(kind, title, people))
    }

    /// A forum in which the bot manages the topics.
    #[must_use]
    pub fn forum(&self, title: &str, people: &[UserId]) -> ChatId {
        self.shared.change(|state| {
            let forum = state.world.add_chat(ChatKind::Forum, title, people);
            let me = state.world.me.id;
            // It is so from the beginning, and not a change that the bot is told of.
            state.world.chat_mut(forum).members.insert(me, Role::Administrator { manages_topics: true });
            forum
        })
    }

    /// Makes somebody something else in a chat. A bot that is thrown out of a private chat is blocked.
    pub fn role(&self, chat: ChatId, who: UserId, role: Role) {
        self.shared.change(|state| state.give_role(chat, who, role));
    }

    /// Whether the bot gets only what is meant for it in groups.
    pub fn privacy(&self, is_on: bool) {
        self.shared.change(|state| state.world.privacy = is_on);
    }

    /// A small group becomes a large one, with another id.
    #[must_use]
    pub fn migrate(&self, group: ChatId) -> ChatId {
        self.shared.change(|state| state.migrate(group))
    }

    /// Somebody begins a topic.
    #[must_use]
    pub fn topic(&self, chat: ChatId, by: UserId, name: &str) -> TopicId {
        self.shared.change(|state| state.begin_topic(chat, by, name))
    }

    /// Somebody closes a topic.
    pub fn close_topic(&self, chat: ChatId, topic: TopicId) {
        self.shared.change(|state| {
            let known = state.world.chat_mut(chat).topics.get_mut(&topic);
            known.unwrap_or_else(|| panic!("there is no topic {topic} in {chat}")).is_closed = true;
            state.happen(chat, Some(topic), Service::TopicClosed);
        });
    }

    /// Somebody deletes a topic and all that lies in it. Nobody is told.
    pub fn delete_topic(&self, chat: ChatId, topic: TopicId) {
        self.shared.change(|state| state.world.remove_topic(chat, topic));
    }
}

/// What people do.
impl BotApi {
    /// Somebody sends a message.
    pub fn send(&self, said: Said) -> MessageId {
        self.shared.change(|state| state.write(said, None))
    }

    /// Somebody says something.
    pub fn say(&self, chat: ChatId, who: UserId, text: &str) -> MessageId {
        self.send(Said::new(chat, who, text))
    }

    /// Somebody says something in a topic.
    pub fn say_in_topic(&self, chat: ChatId, topic: TopicId, who: UserId, text: &str) -> MessageId {
        self.send(Said::new(chat, who, text).topic(topic))
    }

    /// Somebody answers a message.
    pub fn reply(&self, to: &Message, who: UserId, text: &str) -> MessageId {
        self.send(Said::new(to.chat, who, text).reply_to(to.id))
    }

    /// Somebody passes on what another one wrote.
    pub fn forward(&self, chat: ChatId, who: UserId, author: UserId, text: &str) -> MessageId {
        self.send(Said::new(chat, who, text).forwarded(author))
    }

    /// Somebody sends a file.
    pub fn send_document(&self, chat: ChatId, who: UserId, caption: &str, file: Attachment) -> MessageId {
        self.send(Said::new(chat, who, caption).file(MediaKind::Document, file))
    }

    /// Somebody says something aloud.
    pub fn send_voice(&self, chat: ChatId, who: UserId, bytes: &[u8]) -> MessageId {
        let file = Attachment::new("voice.ogg", "audio/ogg", bytes.to_vec());
        self.send(Said::new(chat, who, "").file(MediaKind::Voice, file))
    }

    /// Somebody sends several at a time.
    pub fn send_album(&self, album: Vec<Said>) -> Vec<MessageId> {
        self.shared.change(|state| {
            let name = state.world.next_album();
            album.into_iter().map(|said| state.write(said, Some(&name))).collect()
        })
    }

    /// Somebody changes the words of a message.
    pub fn edit(&self, chat: ChatId, id: MessageId, text: &str) {
        self.shared.change(|state| state.rewrite(chat, id, text));
    }

    /// Somebody deletes a message. The bot is not told.
    pub fn delete(&self, chat: ChatId, id: MessageId) {
        self.shared.change(|state| state.world.chat_mut(chat).messages.remove(&id));
    }

    /// Somebody presses a button, and has to wait for [`Self::press_answer`] to it.
    ///
    /// # Panics
    /// If the message as it is now has no such button.
    pub fn press(&self, message: &Message, label: &str, who: UserId) -> String {
        let pressed = self.shared.change(|state| state.press(message.chat, message.id, label, who));
        pressed.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Somebody presses a button of a message as it was before, or makes the bot believe so.
    pub fn press_data(&self, message: &Message, data: &str, who: UserId) -> String {
        self.shared.change(|state| state.press_data(message.chat, message.id, data, who))
    }

    /// A press that the bot has not answered is too old from now on.
    pub fn expire(&self, press: &str) {
        self.shared.change(|state| state.world.presses.expire(press));
    }
}

/// What people see, and what the bot did for it.
impl BotApi {
    /// What lies in a chat now, in order.
    #[must_use]
    pub fn messages(&self, chat: ChatId) -> Vec<Message> {
        self.look(|world| world.chat(chat).messages.values().cloned().collect())
    }

    /// The bot's own of these.
    #[must_use]
    pub fn answers(&self, chat: ChatId) -> Vec<Message> {
        let me = self.me();
        self.messages(chat).into_iter().filter(|message| message.from == me).collect()
    }

    /// What somebody is told who pressed a button, if the bot said it already.
    #[must_use]
    pub fn press_answer(&self, press: &str) -> Option<PressAnswer> {
        self.look(|world| world.presses.answered(press).cloned())
    }

    /// Looks at all there is.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.shared.lock().world)
    }

    /// How long the server has been there: the clock of [`Call::at`].
    #[must_use]
    pub fn clock(&self) -> Duration {
        self.shared.lock().began.elapsed()
    }

    /// All calls of the bot, with all that was said in them.
    #[must_use]
    pub fn history(&self) -> Vec<Call> {
        self.shared.lock().history.clone()
    }

    /// The calls of one method.
    #[must_use]
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let name = method_name(method);
        self.history().into_iter().filter(|call| call.method == name).collect()
    }

    /// What the bot said faster than it may.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.lock().violations.clone()
    }

    /// Waits until it looks so, and gives what was looked for.
    ///
    /// # Panics
    /// If it does not come to look so.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&World) -> Option<T>) -> T {
        let seen = self.shared.wait(PATIENCE, |state| look(&state.world));
        seen.unwrap_or_else(|| panic!("{what} did not come:\n{}", self.report()))
    }

    /// The same, in a test that is the bot itself and may not block.
    ///
    /// # Panics
    /// If it does not come to look so.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&World) -> Option<T>) -> T {
        let mut changes = self.shared.changes();
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                changes.mark_unchanged();
                if let Some(seen) = self.look(&mut look) {
                    return seen;
                }
                // The server lives as long as this does.
                let _ = changes.changed().await;
            }
        });
        seen.await.unwrap_or_else(|_| panic!("{what} did not come:\n{}", self.report()))
    }

    /// Waits for the bot to call a method that was not called before so often.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn wait_for_calls(&self, method: &str, count: usize) -> Vec<Call> {
        let name = method_name(method);
        let calls = |state: &State| {
            let calls = state.history.iter().filter(|call| call.method == name);
            let calls: Vec<_> = calls.cloned().collect();
            (calls.len() >= count).then_some(calls)
        };
        let seen = self.shared.wait(PATIENCE, calls);
        seen.unwrap_or_else(|| panic!("{count} calls of {name} did not come:\n{}", self.report()))
    }

    /// What a person sees in all chats, and the last calls: what one wants to read when a test fails.
    #[must_use]
    pub fn report(&self) -> String {
        let state = self.shared.lock();
        let seen = |chat: &Chat| {
            let lines = chat.messages.values().map(|message| {
                format!("  {} from {}: {:?} {:?}", message.id, message.from, message.text(), message.labels())
            });
            format!("{} {:?}\n{}", chat.id, chat.title, lines.collect::<Vec<_>>().join("\n"))
        };
        let chats: Vec<_> = state.world.chats.values().map(seen).collect();
        let calls = state.history.iter().rev().take(20).rev();
        let calls: Vec<_> = calls
            .map(|call| format!("  {:?} {} {} {:?}", call.at, call.method, call.body, call.answer))
            .collect();
        format!("{}\ncalls:\n{}", chats.join("\n"), calls.join("\n"))
    }
}

/// What goes wrong.
impl BotApi {
    /// Holds the bot to another pace; it has written nothing yet. A new server has [`Limits::strict`].
    pub fn limits(&self, limits: Limits) {
        self.shared.change(|state| state.meter.set(limits));
    }

    /// The next call of a method that has no fault yet has this one.
    ///
    /// # Panics
    /// If there is no such method.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        let name = method_name(method);
        self.shared.change(|state| state.faults.queue(name, fault));
    }

    /// The server is too old for a method.
    ///
    /// # Panics
    /// If no server has such a method.
    pub fn is_without(&self, method: &str) {
        let name = method_name(method);
        self.shared.change(|state| state.unknown.insert(name));
    }

    /// So many calls of a hundred go wrong, each in some way; the same ones for the same seed.
    pub fn fault_rate(&self, percent: u8, seed: u64) {
        self.shared.change(|state| state.faults.rate(percent, seed));
    }

    /// So many updates of a hundred come once more under another id, and so many batches hold one that was confirmed.
    pub fn duplicate_updates(&self, percent: u8) {
        self.shared.change(|state| state.updates.repeat(percent));
    }

    /// The updates of a batch come in no order, or in order again.
    pub fn shuffle_updates(&self, seed: Option<u64>) {
        self.shared.change(|state| state.updates.shuffle(seed));
    }

    /// The bot has a webhook, so that it can not poll.
    pub fn webhook(&self, url: Option<&str>) {
        self.shared.change(|state| state.webhook = url.map(str::to_owned));
    }

    /// The server's clock is so many seconds ahead, or behind.
    pub fn clock_ahead(&self, ahead: i64) {
        self.shared.change(|state| state.clock = ahead);
    }

    /// Another bot polls with the same token, so that the poll of this one ends.
    pub fn another_poller(&self) {
        self.shared.change(|state| state.polls += 1);
    }

    /// Ends all connections with a reset and refuses new ones. People can still write.
    pub fn network_down(&self) {
        self.network.switch(false);
    }

    /// Lets connections in again.
    pub fn network_up(&self) {
        self.network.switch(true);
    }
}

/// A test that names a method that there is not waits for nothing.
fn method_name(name: &str) -> &'static str {
    methods::find(name).unwrap_or_else(|| panic!("there is no method {name}")).name
}
