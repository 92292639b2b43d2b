//! What Telegram's answers mean for takopi: pure.

use std::time::{Duration, SystemTime};

use takopi_api::transport::{Check, TopicChats, Topics};

use crate::client::{CallError, Failure};
use crate::voice::Wanted;
use crate::wire::{ChatId, ChatInfo, ChatMember, User, Webhook};

/// How far apart the clocks may be: so much an age that `max_age_s` allows may be wrong.
const APART: Duration = Duration::from_secs(30);

/// A chat that takopi is to work in.
#[derive(Debug)]
pub(super) struct Place {
    /// The key that names it.
    pub(super) label: String,
    pub(super) chat: ChatId,
    /// Whether its topics are to belong to projects.
    pub(super) topics: TopicsWish,
}

/// Whether topics of a chat are to belong to projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopicsWish {
    /// Each of them.
    Needed,
    /// Those that somebody binds.
    Possible,
    /// None: they are parts of their chat.
    Unwanted,
}

/// What keeps takopi from working with the topics of a chat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TopicsFault {
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
}

pub(super) fn token(me: &User) -> Check {
    Check::ok("token", me.handle().unwrap_or_else(|| format!("id={}", me.id)))
}

pub(super) fn no_token(error: &CallError) -> Check {
    let check = Check::error("token", error.to_string());
    match error.failure {
        Failure::Unauthorized => check.hint("ask @BotFather for the token with /token, and set `bot_token`"),
        Failure::Network(_) | Failure::Server(_) => check.hint(
            "Telegram, or what `api_base_url` names, does not answer: look at the network and try again",
        ),
        _ => check,
    }
}

pub(super) fn webhook(webhook: &Webhook) -> Check {
    if webhook.url.is_empty() {
        return Check::ok("webhook", "none is set, so messages can be polled for");
    }
    Check::error("webhook", format!("one is set: what is written to the bot goes to {}, and not to takopi", webhook.host()))
        .hint("`takopi --onboard` deletes it, or the method `deleteWebhook` of the Bot API; or give takopi a bot of its own")
}

/// The server said what time it was at some moment between these two.
pub(super) fn clock(said: Option<SystemTime>, sent: SystemTime, received: SystemTime) -> Check {
    const CLOCK: &str = "clock";
    // It says whole seconds.
    let second = Duration::from_secs(1);
    let Some(said) = said else {
        return Check::warning(CLOCK, "the server does not say what time it is");
    };
    let (apart, which) = match (sent.duration_since(said + second), said.duration_since(received)) {
        (Ok(ahead), _) => (ahead, "ahead of"),
        (_, Ok(behind)) => (behind, "behind"),
        (Err(_), Err(_)) => (Duration::ZERO, ""),
    };
    if apart <= APART {
        return Check::ok(CLOCK, "agrees with the server's");
    }
    let detail = format!("it is {} s {which} the server's: `max_age_s` counts by it", apart.as_secs());
    Check::warning(CLOCK, detail).hint("set this machine's clock, such as by NTP")
}

pub(super) fn unreachable(place: &Place, error: &CallError) -> Check {
    let chat = place.chat;
    let check = Check::error(&place.label, format!("{chat} can not be reached: {error}"));
    match error.failure {
        Failure::Gone | Failure::Forbidden if chat.is_private() => {
            check.hint("write /start to the bot there first")
        }
        Failure::Gone | Failure::Forbidden => {
            check.hint(format!("add the bot to that chat, or set `{}` anew", place.label))
        }
        Failure::Migrated(new) => {
            check.hint(format!("the group has another id now: set `{}` to {new}", place.label))
        }
        _ => check,
    }
}

pub(super) fn chat(place: &Place, chat: &ChatInfo) -> Check {
    let name = chat.title.as_deref().unwrap_or(&chat.first_name);
    Check::ok(&place.label, format!("{} \"{name}\" ({})", chat.kind, place.chat))
}

/// Whether the bot can say anything in a chat that is no private one.
pub(super) fn rights(place: &Place, chat: &ChatInfo, member: &ChatMember) -> Check {
    let label = format!("{} rights", place.label);
    let is_channel = chat.kind == "channel";
    let mute = |hint: &str| Check::error(&label, "the bot may not write there").hint(hint);
    match member.status.as_str() {
        "administrator" if is_channel && member.can_post_messages != Some(true) => {
            mute("let it post messages, in the list of the channel's administrators")
        }
        "creator" | "administrator" => {
            let deletes = member.status == "creator" || member.can_delete_messages == Some(true);
            let also = if deletes { ", deletes messages" } else { ", deletes its own messages" };
            Check::ok(label, format!("administrator: writes{also}"))
        }
        "member" if !is_channel && chat.permissions.can_send_messages != Some(false) => {
            Check::ok(label, "member: writes, deletes its own messages")
        }
        "restricted" if member.is_member && member.can_send_messages != Some(false) => {
            Check::ok(label, "restricted, and may write")
        }
        "left" | "kicked" => Check::error(&label, "the bot is not in that chat").hint("add it there"),
        "restricted" if !member.is_member => {
            Check::error(&label, "the bot is not in that chat").hint("add it there")
        }
        _ => mute("make it an administrator there, or let members write"),
    }
}

/// Whether a group tells the bot what is said in it.
pub(super) fn privacy(
    place: &Place,
    chat: &ChatInfo,
    member: &ChatMember,
    me: &User,
    is_for_mentions: bool,
) -> Option<Check> {
    if !matches!(chat.kind.as_str(), "group" | "supergroup") {
        return None;
    }
    let label = format!("{} privacy", place.label);
    Some(match me.can_read_all_group_messages {
        _ if is_administrator(member) => Check::ok(label, "an administrator gets all messages"),
        Some(true) => Check::ok(label, "privacy mode is off: the bot gets all messages"),
        _ if is_for_mentions => Check::ok(label, "privacy mode is on, as `trigger` is `mentions`"),
        _ => Check::warning(label, "privacy mode is on: only commands, replies and mentions arrive").hint(
            "write /setprivacy to @BotFather and add the bot to the group anew, or make it an administrator, or set \
             `trigger` to `mentions`",
        ),
    })
}

/// Whether voice notes can be written down, if they are to be. The service itself is not asked: that may cost money.
pub(super) fn voice(voice: &Wanted) -> Check {
    const VOICE: &str = "voice";
    match voice {
        Wanted::Off | Wanted::On { .. } => Check::ok(VOICE, voice.to_string()),
        Wanted::NoKey => {
            Check::error(VOICE, voice.to_string()).hint("set one of them, or `voice_transcription` to false")
        }
    }
}

/// What topics are for, and whether the chats of which that is said are there.
pub(super) fn scope(topics: &Topics, places: &[Place]) -> Check {
    const TOPICS: &str = "topics";
    let chats = match topics {
        Topics::Free => return Check::ok(TOPICS, "they may belong to projects, and need not"),
        Topics::Off => return Check::ok(TOPICS, "disabled"),
        Topics::OfProjects(scope) => scope.chats,
    };
    let scope = chats.as_str();
    if places.iter().any(|place| place.topics == TopicsWish::Needed) {
        return Check::ok(TOPICS, format!("scope={scope}"));
    }
    let check = Check::error(TOPICS, format!("scope={scope}, and no such chat is configured"));
    check.hint(match chats {
        TopicChats::Main => "set `chat_id`, or `topics.scope` to `projects`",
        TopicChats::Projects => "set `projects.<alias>.chat_id`, or `topics.scope` to `main`",
        TopicChats::Auto | TopicChats::All => "set `chat_id`, or `projects.<alias>.chat_id`",
    })
}

/// Whether topics of a chat can be worked with; nothing if nobody wants to.
pub(super) fn topics(place: &Place, chat: &ChatInfo, member: Option<&ChatMember>) -> Option<Check> {
    let label = format!("{} topics", place.label);
    let fault = topics_fault(place.chat, chat, member);
    match (place.topics, fault) {
        (TopicsWish::Unwanted, _) => None,
        // Nobody asked for it, but who has a forum may want to.
        (TopicsWish::Possible, _) if !chat.is_forum => None,
        (_, None) => Some(Check::ok(label, "the bot may manage them")),
        (TopicsWish::Needed, Some(fault)) => Some(Check::error(label, fault.what).hint(fault.remedy)),
        (TopicsWish::Possible, Some(fault)) => Some(Check::warning(label, fault.what).hint(fault.remedy)),
    }
}

/// What keeps takopi from working with the topics of a chat; `None` if nothing does.
pub(crate) fn topics_fault(id: ChatId, chat: &ChatInfo, member: Option<&ChatMember>) -> Option<TopicsFault> {
    let fault = |what: String, remedy| Some(TopicsFault { what, remedy });
    if chat.kind != "supergroup" {
        let kind = if chat.kind.is_empty() { "nothing known" } else { &chat.kind };
        return fault(
            format!("chat {id} is no supergroup but {kind}: only supergroups have topics"),
            "choose a group with topics, which turning topics on in a group makes of it",
        );
    }
    if !chat.is_forum {
        return fault(format!("chat {id} has no topics"), "turn topics on in the settings of the group");
    }
    let manages = member.is_some_and(|member| {
        member.status == "creator" || is_administrator(member) && member.can_manage_topics == Some(true)
    });
    if manages {
        return None;
    }
    fault(
        format!("the bot may not manage topics in chat {id}"),
        "make it an administrator there that may manage topics",
    )
}

fn is_administrator(member: &ChatMember) -> bool {
    matches!(member.status.as_str(), "creator" | "administrator")
}

#[cfg(test)]
mod tests;
