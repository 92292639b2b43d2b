//! The same by hand: what people do and see, over HTTP. See `takopi-bot-api --help` for the words.

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::deeds::Said;
use super::faults::Fault;
use super::files::Attachment;
use super::limits::Limits;
use super::message::{Content, MediaKind};
use super::methods;
use super::server::BotApi;
use super::state::{Shared, State};
use super::world::{ChatId, ChatKind, MessageId, Role, TopicId, UserId};

/// What can be asked for, one a line.
pub const WORDS: &str = "\
GET  /control/chats                  all chats, with their topics and members
GET  /control/messages?chat=ID       what lies in a chat now
GET  /control/drafts?chat=ID         what the bot is writing there
GET  /control/history                every call of the bot
POST /control/say                    {chat, user, text, topic?, reply_to?, file?: {name, mime, text}}
POST /control/edit                   {chat, message, text}
POST /control/press                  {chat, message, label, user}
POST /control/person                 {name}
POST /control/chat                   {kind, title, people}
POST /control/role                   {chat, user, role}
POST /control/topic                  {chat, user, name}
POST /control/migrate                {chat}
POST /control/fail                   {method, fault}
POST /control/limits                 {strict}";

/// Something said over HTTP.
#[derive(Deserialize)]
struct Say {
    chat: ChatId,
    user: UserId,
    #[serde(default)]
    text: String,
    topic: Option<TopicId>,
    reply_to: Option<MessageId>,
    file: Option<SaidFile>,
}

#[derive(Deserialize)]
struct SaidFile {
    name: String,
    #[serde(default)]
    mime: String,
    text: String,
}

#[derive(Deserialize)]
struct Edit {
    chat: ChatId,
    message: MessageId,
    text: String,
}

#[derive(Deserialize)]
struct Press {
    chat: ChatId,
    message: MessageId,
    label: String,
    user: UserId,
}

#[derive(Deserialize)]
struct Person {
    name: String,
}

#[derive(Deserialize)]
struct NewChat {
    kind: ChatKind,
    title: String,
    #[serde(default)]
    people: Vec<UserId>,
}

#[derive(Deserialize)]
struct NewRole {
    chat: ChatId,
    user: UserId,
    role: Role,
}

#[derive(Deserialize)]
struct NewTopic {
    chat: ChatId,
    user: UserId,
    name: String,
}

#[derive(Deserialize)]
struct Which {
    chat: ChatId,
}

#[derive(Deserialize)]
struct Fail {
    method: String,
    fault: Fault,
}

#[derive(Deserialize)]
struct NewLimits {
    strict: bool,
}

/// A chat in which there is something to try: a person, and a forum of the person and the bot.
#[must_use]
pub fn sample(api: &BotApi) -> (UserId, ChatId) {
    let person = api.person("Mia");
    (person, api.forum("Forum", &[person]))
}

/// Does what is asked for, or says why it can not be done.
pub(super) fn answer(shared: &Shared, what: &str, query: &str, body: &Bytes) -> Response {
    let answer = match what {
        "chats" => Ok(chats(&shared.lock())),
        "history" => Ok(json!(shared.lock().history)),
        "messages" | "drafts" => look(&shared.lock(), what, query),
        _ => shared.change(|state| act(state, what, body)),
    };
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

fn chats(state: &State) -> Value {
    let chats = state.world.chats.values().map(|chat| {
        json!({
            "id": chat.id, "kind": chat.kind, "title": chat.title, "topics": chat.topics, "members": chat.members,
            "moved_to": chat.moved_to,
        })
    });
    Value::Array(chats.collect())
}

fn look(state: &State, what: &str, query: &str) -> Result<Value, String> {
    let id = query.strip_prefix("chat=").and_then(|id| id.parse().ok()).map(ChatId);
    let id = id.ok_or_else(|| format!("/control/{what}?chat=ID needs the id of a chat"))?;
    let chat = known(state, id)?;
    Ok(if what == "drafts" { json!(chat.drafts) } else { json!(chat.messages.values().collect::<Vec<_>>()) })
}

fn act(state: &mut State, what: &str, body: &[u8]) -> Result<Value, String> {
    match what {
        "say" => say(state, read(body)?),
        "edit" => {
            let Edit { chat, message, text } = read(body)?;
            known_message(state, chat, message)?;
            if matches!(state.message_mut(chat, message).content, Content::Rich { .. } | Content::Service(_))
            {
                return Err(format!("the message {message} in the chat {chat} has no words of a person"));
            }
            state.rewrite(chat, message, &text);
            Ok(json!(true))
        }
        "press" => {
            let Press { chat, message, label, user } = read(body)?;
            known(state, chat)?;
            known_user(state, user)?;
            Ok(json!({"press": state.press(chat, message, &label, user)?}))
        }
        "person" => {
            let Person { name } = read(body)?;
            let id = state.world.add_person(&name);
            state.world.add_chat(ChatKind::Private, &name, &[id]);
            Ok(json!({"user": id}))
        }
        "chat" => {
            let NewChat { kind, title, people } = read(body)?;
            people.iter().try_for_each(|user| known_user(state, *user))?;
            if kind.is_private() && people.len() != 1 {
                return Err("a private chat is with one person".to_owned());
            }
            Ok(json!({"chat": state.world.add_chat(kind, &title, &people)}))
        }
        "role" => {
            let NewRole { chat, user, role } = read(body)?;
            known(state, chat)?;
            known_user(state, user)?;
            state.give_role(chat, user, role);
            Ok(json!(true))
        }
        "topic" => {
            let NewTopic { chat, user, name } = read(body)?;
            known_user(state, user)?;
            if !known(state, chat)?.kind.has_topics() {
                return Err(format!("the chat {chat} has no topics"));
            }
            Ok(json!({"topic": state.begin_topic(chat, user, &name)}))
        }
        "migrate" => {
            let Which { chat } = read(body)?;
            let old = known(state, chat)?;
            if old.kind != ChatKind::Group || old.moved_to.is_some() {
                return Err(format!("the chat {chat} is no small group any more, or was none"));
            }
            Ok(json!({"chat": state.migrate(chat)}))
        }
        "fail" => {
            let Fail { method, fault } = read(body)?;
            let method = methods::find(&method).ok_or_else(|| format!("there is no method {method}"))?;
            state.faults.queue(method.name, fault);
            Ok(json!(true))
        }
        "limits" => {
            let NewLimits { strict } = read(body)?;
            state.meter.set(if strict { Limits::strict() } else { Limits::Off });
            Ok(json!(true))
        }
        _ => Err(format!("there is no /control/{what}; there is\n{WORDS}")),
    }
}

fn say(state: &mut State, say: Say) -> Result<Value, String> {
    let chat = known(state, say.chat)?;
    known_user(state, say.user)?;
    if let Some(topic) = say.topic.filter(|topic| !chat.topics.contains_key(topic)) {
        return Err(format!("there is no topic {topic} in the chat {}", say.chat));
    }
    let mut said = Said::new(say.chat, say.user, &say.text);
    if let Some(topic) = say.topic {
        said = said.topic(topic);
    }
    if let Some(id) = say.reply_to {
        known_message(state, say.chat, id)?;
        said = said.reply_to(id);
    }
    if let Some(file) = say.file {
        said = said.file(MediaKind::Document, Attachment::new(&file.name, &file.mime, file.text));
    }
    Ok(json!({"message": state.write(said, None)}))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the body: {error}; there is\n{WORDS}"))
}

fn known(state: &State, chat: ChatId) -> Result<&super::world::Chat, String> {
    state.world.chats.get(&chat).ok_or_else(|| format!("there is no chat {chat}; see /control/chats"))
}

fn known_user(state: &State, user: UserId) -> Result<(), String> {
    let is_known = user == state.world.me.id || state.world.users.contains_key(&user);
    is_known.then_some(()).ok_or_else(|| format!("there is nobody with the id {user}; see /control/chats"))
}

fn known_message(state: &State, chat: ChatId, id: MessageId) -> Result<(), String> {
    let is_known = known(state, chat)?.messages.contains_key(&id);
    is_known.then_some(()).ok_or_else(|| format!("there is no message {id} in the chat {chat}"))
}
