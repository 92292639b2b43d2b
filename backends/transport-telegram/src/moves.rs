//! Chats that have another number now: a group that became a supergroup.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use takopi_api::message::ChannelId;
use takopi_api::runtime::{PluginStore, StoreError, Write};
use takopi_api::transport::{Access, Channels};

use crate::wire::ChatId;

/// Under this the new number is remembered, with the old one behind it.
const KEY: &str = "moved/";

/// The new numbers of chats by their old ones.
#[derive(Debug, Default)]
pub(crate) struct Moves(RwLock<HashMap<ChatId, ChatId>>);

impl Moves {
    /// What was remembered of moves before. What can not be read counts for nothing.
    pub(crate) async fn load(store: &PluginStore) -> Result<Self, StoreError> {
        let known = store.list(KEY).await?.into_iter().filter_map(|(key, value)| {
            let old = key.strip_prefix(KEY)?.parse().ok()?;
            let new = String::from_utf8(value).ok()?.parse().ok()?;
            Some((ChatId(old), ChatId(new)))
        });
        Ok(Self(RwLock::new(known.collect())))
    }

    /// Where a chat is now.
    pub(crate) fn current(&self, chat: ChatId) -> ChatId {
        let moves = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut at = chat;
        // A chat moves once; whoever says otherwise is not followed in circles.
        for _ in 0..4 {
            match moves.get(&at) {
                Some(new) => at = *new,
                None => break,
            }
        }
        at
    }

    /// Remembers a move; `false` if it was known.
    pub(crate) fn insert(&self, old: ChatId, new: ChatId) -> bool {
        old != new && self.0.write().unwrap_or_else(PoisonError::into_inner).insert(old, new) != Some(new)
    }

    /// What to store of a move.
    pub(crate) fn write(old: ChatId, new: ChatId) -> Write {
        Write::put(format!("{KEY}{old}"), new.to_string())
    }

    /// The chats that are listened to, where they are now as well.
    pub(crate) fn follow(&self, access: &Access) -> Access {
        let access = access.clone();
        let Channels::Listed(listed) = &access.channels else { return access };
        let now = listed.iter().filter_map(ChatId::of).map(|chat| self.current(chat).channel());
        let channels = Channels::Listed(
            listed.iter().cloned().chain(now).collect::<std::collections::BTreeSet<ChannelId>>(),
        );
        access.channels(channels)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use takopi_api::testing::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_chat_is_found_where_it_is_now() {
        let store = PluginStore::new(Arc::new(MemoryStore::default()), "unused".into());
        let moves = Moves::load(&store).await.unwrap();
        assert!(moves.insert(ChatId(-5), ChatId(-1005)) && !moves.insert(ChatId(-5), ChatId(-1005)));
        store.write([Moves::write(ChatId(-5), ChatId(-1005))]).await.unwrap();
        let moves = Moves::load(&store).await.unwrap();
        assert_eq!((moves.current(ChatId(-5)), moves.current(ChatId(7))), (ChatId(-1005), ChatId(7)));
        let access = moves.follow(&Access::nobody().channels(Channels::listed(["-5", "7"])));
        assert_eq!(access.channels, Channels::listed(["-5", "-1005", "7"]));
        moves.insert(ChatId(-1005), ChatId(-5));
        moves.current(ChatId(-5));
    }
}
