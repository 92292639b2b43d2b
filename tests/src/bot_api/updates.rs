//! What waits for the bot: it is told again and again, until the bot says from where it wants to go on.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::faults::Dice;

/// What bots get that do not say what they want to get.
const USUAL: [&str; 8] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "chat_join_request",
    "poll",
];

/// How many confirmed updates are kept, to be told again by mistake.
const KEPT: usize = 20;

#[derive(Debug)]
pub(super) struct Updates {
    waiting: VecDeque<Update>,
    confirmed: VecDeque<Update>,
    last: i64,
    wanted: Option<Vec<String>>,
    repeats: u8,
    is_shuffled: bool,
    dice: Dice,
}

#[derive(Debug, Clone)]
struct Update {
    id: i64,
    kind: &'static str,
    body: Value,
}

impl Update {
    fn json(&self) -> Value {
        json!({"update_id": self.id, self.kind: self.body})
    }
}

impl Updates {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            confirmed: VecDeque::new(),
            last: 10_000,
            wanted: None,
            repeats: 0,
            is_shuffled: false,
            dice: Dice::new(1),
        }
    }

    pub(super) fn repeat(&mut self, percent: u8) {
        self.repeats = percent;
    }

    pub(super) fn shuffle(&mut self, seed: Option<u64>) {
        self.is_shuffled = seed.is_some();
        self.dice = Dice::new(seed.unwrap_or(1));
    }

    /// From now on, these are wanted; what is left out stays as it was.
    pub(super) fn want(&mut self, kinds: Option<Vec<String>>) {
        match kinds {
            Some(kinds) if kinds.is_empty() => self.wanted = None,
            Some(kinds) => self.wanted = Some(kinds),
            None => {}
        }
    }

    fn is_wanted(&self, kind: &str) -> bool {
        match &self.wanted {
            Some(wanted) => wanted.iter().any(|one| one == kind),
            None => USUAL.contains(&kind),
        }
    }

    pub(super) fn push(&mut self, kind: &'static str, body: Value) {
        if !self.is_wanted(kind) {
            return;
        }
        if self.dice.hits(self.repeats) {
            self.add(kind, body.clone());
        }
        self.add(kind, body);
    }

    fn add(&mut self, kind: &'static str, body: Value) {
        self.last += 1;
        self.waiting.push_back(Update { id: self.last, kind, body });
    }

    /// Forgets what comes before this one. A negative offset counts from the end.
    pub(super) fn confirm(&mut self, offset: i64) {
        let offset = if offset < 0 { self.last + 1 + offset } else { offset };
        while let Some(update) = self.waiting.pop_front_if(|update| update.id < offset) {
            self.confirmed.push_back(update);
        }
        while self.confirmed.len() > KEPT {
            self.confirmed.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The next ones.
    pub(super) fn batch(&mut self, limit: usize) -> Vec<Value> {
        let mut batch: Vec<Value> = self.waiting.iter().take(limit).map(Update::json).collect();
        if !batch.is_empty() && self.dice.hits(self.repeats) {
            batch.extend(self.confirmed.back().map(Update::json));
        }
        if self.is_shuffled {
            self.dice.shuffle(&mut batch);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(texts: &[&str]) -> Updates {
        let mut updates = Updates::new();
        texts.iter().for_each(|text| updates.push("message", json!(text)));
        updates
    }

    fn texts(batch: &[Value]) -> Vec<&str> {
        batch.iter().filter_map(|update| update["message"].as_str()).collect()
    }

    #[test]
    fn updates_stay_until_they_are_confirmed() {
        let mut updates = with(&["a", "b", "c"]);
        assert_eq!(texts(&updates.batch(2)), ["a", "b"]);
        assert_eq!(texts(&updates.batch(100)), ["a", "b", "c"]);
        let second = updates.batch(100)[1]["update_id"].as_i64().unwrap();
        updates.confirm(second + 1);
        assert_eq!(texts(&updates.batch(100)), ["c"]);
        updates.confirm(0);
        assert_eq!(texts(&updates.batch(100)), ["c"]);
    }

    #[test]
    fn a_negative_offset_counts_from_the_end() {
        let mut updates = with(&["a", "b", "c"]);
        updates.confirm(-1);
        assert_eq!(texts(&updates.batch(100)), ["c"]);
        updates.confirm(-100);
        assert_eq!(texts(&updates.batch(100)), ["c"]);
    }

    #[test]
    fn only_what_is_wanted_is_kept() {
        let mut updates = Updates::new();
        updates.push("message_reaction", json!(1));
        updates.want(Some(vec!["message_reaction".to_owned()]));
        updates.push("message", json!("a"));
        updates.want(None);
        updates.push("message_reaction", json!(2));
        assert_eq!(updates.batch(100).iter().map(|one| &one["message_reaction"]).collect::<Vec<_>>(), [2]);
        updates.want(Some(Vec::new()));
        updates.push("message", json!("b"));
        assert_eq!(texts(&updates.batch(100)), ["b"]);
    }

    #[test]
    fn repeats_come_under_new_ids_and_under_old_ones() {
        let mut updates = Updates::new();
        updates.repeat(100);
        updates.push("message", json!("a"));
        let batch = updates.batch(100);
        assert_eq!(texts(&batch), ["a", "a"]);
        assert_ne!(batch[0]["update_id"], batch[1]["update_id"]);
        updates.confirm(batch[1]["update_id"].as_i64().unwrap() + 1);
        updates.push("message", json!("b"));
        let later = updates.batch(100);
        assert_eq!(texts(&later), ["b", "b", "a"]);
        assert_eq!(later[2], batch[1]);
    }

    #[test]
    fn a_shuffled_batch_loses_nothing() {
        let names = ["a", "b", "c", "d", "e", "f"];
        let mut updates = with(&names);
        updates.shuffle(Some(3));
        let batch = updates.batch(100);
        let mut shuffled = texts(&batch);
        assert_ne!(shuffled, names);
        shuffled.sort_unstable();
        assert_eq!(shuffled, names);
    }
}
