//! The methods of the Bot API, as far as a bot like takopi calls them. A method is a function on the state; only
//! `getUpdates` waits.

mod chats;
mod commands;
mod edit;
mod files;
mod keyboard;
mod send;
mod target;
mod topics;

use serde_json::{Value, json};

use super::params::Params;
use super::refusal::Refusal;
use super::state::State;

pub(super) use target::Target;

type Answer = Result<Value, Refusal>;

/// A method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) pace: Pace,
    pub(super) run: Run,
}

/// What of a call counts against the limits of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Free,
    Message,
    Album,
}

/// How a method is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    Now(fn(&mut State, &Params) -> Answer),
    /// It can not be refused.
    Always(fn(&mut State, &Params) -> Value),
    Poll,
}

const fn free(name: &'static str, run: fn(&mut State, &Params) -> Answer) -> Method {
    Method { name, pace: Pace::Free, run: Run::Now(run) }
}

const fn always(name: &'static str, run: fn(&mut State, &Params) -> Value) -> Method {
    Method { name, pace: Pace::Free, run: Run::Always(run) }
}

const fn paced(name: &'static str, run: fn(&mut State, &Params) -> Answer) -> Method {
    Method { name, pace: Pace::Message, run: Run::Now(run) }
}

const METHODS: &[Method] = &[
    Method { name: "getUpdates", pace: Pace::Free, run: Run::Poll },
    always("getMe", chats::get_me),
    paced("sendMessage", send::message),
    paced("sendRichMessage", send::rich),
    free("sendMessageDraft", send::draft),
    paced("sendDocument", send::document),
    paced("sendPhoto", send::photo),
    Method { name: "sendMediaGroup", pace: Pace::Album, run: Run::Now(send::media_group) },
    free("sendChatAction", send::chat_action),
    paced("editMessageText", edit::text),
    paced("editMessageReplyMarkup", edit::reply_markup),
    free("deleteMessage", edit::delete),
    free("deleteMessages", edit::delete_many),
    free("setMessageReaction", edit::reaction),
    free("answerCallbackQuery", edit::answer_press),
    free("getFile", files::get),
    free("createForumTopic", topics::create),
    free("editForumTopic", topics::edit),
    free("closeForumTopic", topics::close),
    free("reopenForumTopic", topics::reopen),
    free("deleteForumTopic", topics::delete),
    free("setMyCommands", commands::set),
    free("getMyCommands", commands::get),
    free("deleteMyCommands", commands::delete),
    free("getChat", chats::get),
    free("getChatAdministrators", chats::administrators),
    free("getChatMember", chats::member),
    always("getWebhookInfo", webhook_info),
    always("deleteWebhook", delete_webhook),
];

/// The method of this name, in whatever case.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name))
}

fn webhook_info(state: &mut State, _: &Params) -> Value {
    json!({
        "url": state.webhook.as_deref().unwrap_or_default(),
        "has_custom_certificate": false,
        "pending_update_count": state.updates.len(),
    })
}

fn delete_webhook(state: &mut State, params: &Params) -> Value {
    state.webhook = None;
    if params.flag("drop_pending_updates") {
        state.updates.clear();
    }
    json!(true)
}
