//! What people are in a chat: asked of Telegram, and remembered for a short while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use takopi_api::transport::Role;
use tokio::time::Instant;

use crate::client::{CallError, Client, Failure, insist};
use crate::wire::{ChatId, ChatMember};

/// For how long an answer counts: so long somebody is still heard who is no administrator any more.
const FRESH: Duration = Duration::from_secs(60);

/// How many answers are remembered.
const MANY: usize = 1024;

/// What people are in chats.
#[derive(Debug, Default)]
pub(crate) struct Roles(Mutex<HashMap<(ChatId, i64), (Role, Instant)>>);

impl Roles {
    /// What somebody is in a chat.
    pub(crate) async fn of(&self, client: &Client, chat: ChatId, person: i64) -> Result<Role, CallError> {
        // A private chat is its owner's, and only an administrator speaks as the group or the channel itself.
        if chat.0 == person {
            return Ok(Role::Admin);
        }
        let key = (chat, person);
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let role = match insist(|| client.get_member(chat, person)).await {
            Ok(member) => role(&member),
            Err(CallError { failure: Failure::Gone, .. }) => Role::Stranger,
            Err(error) => return Err(error),
        };
        let mut roles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if roles.len() >= MANY {
            roles.clear();
        }
        roles.insert(key, (role, Instant::now()));
        Ok(role)
    }

    fn known(&self, key: (ChatId, i64)) -> Option<Role> {
        let roles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        roles.get(&key).filter(|(_, at)| at.elapsed() < FRESH).map(|(role, _)| *role)
    }
}

fn role(member: &ChatMember) -> Role {
    match member.status.as_str() {
        "creator" | "administrator" => Role::Admin,
        "member" => Role::Member,
        "restricted" if member.is_member => Role::Member,
        _ => Role::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_administrators_are_administrators() {
        let check = |status: &str, is_member, expected| {
            let member = ChatMember { status: status.to_owned(), is_member, ..ChatMember::default() };
            assert_eq!(role(&member), expected, "{status}");
        };
        check("creator", false, Role::Admin);
        check("administrator", false, Role::Admin);
        check("member", false, Role::Member);
        check("restricted", true, Role::Member);
        check("restricted", false, Role::Stranger);
        check("left", false, Role::Stranger);
        check("kicked", false, Role::Stranger);
        check("something new", false, Role::Stranger);
    }
}
