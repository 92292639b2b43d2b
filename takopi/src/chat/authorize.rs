//! Who is heard: a decision on what is known, without I/O. It fails closed.

use takopi_api::message::{Address, ChannelId, ChatKind, Sender};
use takopi_api::transport::{Access, Channels, People, Role};

/// Whether a message or a press is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Heard,
    /// It is not.
    Refused(Refusal),
    /// It is if the sender administers the chat, which the transport has to be asked.
    AskRole,
}

/// Why somebody is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not in this chat.
    Channel,
    /// The transport does not say who it was.
    NoSender,
    /// Not this person.
    Person,
}

/// Decides from what is known about the sender and the place. `of_project` says whether the chat is a project's own.
#[must_use]
pub fn authorize(
    access: &Access,
    address: &Address,
    chat: ChatKind,
    sender: Option<&Sender>,
    of_project: impl Fn(&ChannelId) -> bool,
) -> Verdict {
    let is_listened_to = match &access.channels {
        Channels::Listed(listed) => listed.contains(&address.channel) || of_project(&address.channel),
        Channels::All => true,
        _ => false,
    };
    if !is_listened_to {
        return Verdict::Refused(Refusal::Channel);
    }
    match &access.people {
        People::Local => Verdict::Heard,
        People::Listed(listed) => match sender {
            None => Verdict::Refused(Refusal::NoSender),
            Some(sender) if listed.contains(&sender.id) => Verdict::Heard,
            Some(_) => Verdict::Refused(Refusal::Person),
        },
        People::OwnersAndAdmins => match (sender, chat) {
            (None, _) => Verdict::Refused(Refusal::NoSender),
            (Some(_), ChatKind::Private) => Verdict::Heard,
            (Some(_), ChatKind::Group) => Verdict::AskRole,
        },
        _ => Verdict::Refused(Refusal::Person),
    }
}

/// What the transport said about the sender.
#[must_use]
pub const fn by_role(role: Role) -> Verdict {
    match role {
        Role::Admin => Verdict::Heard,
        Role::Member | Role::Stranger => Verdict::Refused(Refusal::Person),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: fn(Refusal) -> Verdict = Verdict::Refused;

    #[track_caller]
    fn check(access: &Access, chat: ChatKind, sender: Option<&str>, expected: Verdict) {
        let sender = sender.map(Sender::new);
        let verdict = authorize(access, &Address::general("c"), chat, sender.as_ref(), |channel| {
            channel.as_str() == "p"
        });
        assert_eq!(verdict, expected);
    }

    #[test]
    fn nobody_is_heard_unless_somebody_is_named() {
        check(&Access::nobody(), ChatKind::Private, Some("me"), REFUSED(Refusal::Channel));
        let access = Access::nobody().channels(Channels::All);
        check(&access, ChatKind::Private, Some("me"), REFUSED(Refusal::Person));
        let access = Access::nobody().people(People::listed(["me"]));
        check(&access, ChatKind::Private, Some("me"), REFUSED(Refusal::Channel));
    }

    #[test]
    fn those_who_are_named_are_heard() {
        let access = Access::nobody().people(People::listed(["me"])).channels(Channels::listed(["c"]));
        check(&access, ChatKind::Group, Some("me"), Verdict::Heard);
        check(&access, ChatKind::Group, Some("you"), REFUSED(Refusal::Person));
        check(&access, ChatKind::Group, None, REFUSED(Refusal::NoSender));
        check(&Access::local(), ChatKind::Group, None, Verdict::Heard);
    }

    #[test]
    fn without_names_a_private_chat_is_its_owners_and_a_group_its_admins() {
        let access = Access::nobody().people(People::OwnersAndAdmins).channels(Channels::listed(["c"]));
        check(&access, ChatKind::Private, Some("me"), Verdict::Heard);
        check(&access, ChatKind::Group, Some("me"), Verdict::AskRole);
        check(&access, ChatKind::Private, None, REFUSED(Refusal::NoSender));
        assert_eq!(by_role(Role::Member), REFUSED(Refusal::Person));
    }

    #[test]
    fn chats_of_projects_are_listened_to() {
        let access = Access::nobody().people(People::listed(["me"]));
        let me = Sender::new("me");
        let of_project = |channel: &ChannelId| channel.as_str() == "p";
        let verdict = authorize(&access, &Address::general("p"), ChatKind::Group, Some(&me), of_project);
        assert_eq!(verdict, Verdict::Heard);
    }
}
