//! The chat: whoever writes to the bot while the question stands is shown, and the person says whether that is them.

use std::time::Duration;

use takopi_api::error::Error;
use takopi_api::transport::{SetupError, Wizard};
use tokio::time::sleep;

use super::Bot;
use super::workflow::Workflow;
use crate::client::{CallError, Client, Delivered, Failure, Rival, insist};
use crate::doctor::{TopicsFault, topics_fault};
use crate::wire::{Chat, ChatId, Message, User};

/// How long to wait after a poll that failed.
const AGAIN: Duration = Duration::from_secs(2);

/// How much of a message is shown: so much that one knows it for one's own.
const SHOWN: usize = 40;

/// Who is heard, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) chat: ChatId,
    /// Nobody, if the administrators of the chat are.
    pub(super) people: Vec<i64>,
}

/// A message to the bot, as far as the question goes.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) chat: Chat,
    pub(super) writer: Writer,
    pub(super) text: String,
    pub(super) is_forward: bool,
}

/// Who wrote it.
#[derive(Debug)]
pub(super) enum Writer {
    Person(User),
    /// A channel, or a group for one of its administrators: who that was is not told.
    Nobody(String),
}

/// Waits for a message of the person.
pub(super) async fn connect(
    bot: &Bot,
    wanted: Workflow,
    wizard: &mut dyn Wizard,
) -> Result<(Heard, Workflow), SetupError> {
    let name = bot.me.handle().unwrap_or_else(|| "the bot".to_owned());
    if bot.waiting > 0 {
        wizard.say(&format!(
            "what was written to the bot before this question is skipped: {} so far",
            bot.waiting
        ));
    }
    loop {
        let from = skip(&bot.client).await?;
        let handle = bot.me.handle().unwrap_or_default();
        wizard.say(&match wanted {
            Workflow::Workspace => format!(
                "add {name} to a group with topics, as an administrator that may manage topics, and write `/start{handle}` \
                 there. Waiting; Ctrl-C gives up."
            ),
            Workflow::Assistant | Workflow::Handoff => format!(
                "now write to {name} in Telegram, where you want to talk to your agents: `/start` in a private chat, or \
                 `/start{handle}` in a group that the bot is in. Waiting; Ctrl-C gives up."
            ),
        });
        let (written, next) = wait(&bot.client, from, wizard).await?;
        // A bot is found by anybody: a bare Enter must not let a stranger in.
        if !wizard.confirm(&format!("{}. Is it you?", written.shown()), false).await? {
            continue;
        }
        // It was no question to an engine, so that takopi must not find it when it starts.
        if let Err(error) = insist(|| bot.client.get_updates_now(next)).await {
            tracing::debug!(%error, "telegram.setup: the message stays");
        }
        let workflow = match wanted {
            Workflow::Workspace => with_topics(bot, written.chat.id, wizard).await?,
            Workflow::Assistant | Workflow::Handoff => Some(wanted),
        };
        if let Some(workflow) = workflow {
            return Ok((who_is_heard(written, wizard).await?, workflow));
        }
    }
}

/// Looks whether topics of a chat can be worked with, as often as it is wished. Without them it can be one conversation;
/// `None` if another chat is meant.
async fn with_topics(
    bot: &Bot,
    chat: ChatId,
    wizard: &mut dyn Wizard,
) -> Result<Option<Workflow>, SetupError> {
    loop {
        let (what, remedy) = match topics_of(bot, chat).await {
            Ok(None) => {
                wizard.say("the bot may manage the topics there");
                return Ok(Some(Workflow::Workspace));
            }
            Ok(Some(fault)) => (fault.what, fault.remedy),
            Err(error) => (error.to_string(), "look whether the bot is in that chat"),
        };
        wizard.say(&format!("{what}: {remedy}"));
        let choices =
            ["look again", "take another chat", "do without topics: as an assistant"].map(str::to_owned);
        match wizard.select("what now?", &choices).await? {
            0 => {}
            1 => return Ok(None),
            _ => return Ok(Some(Workflow::Assistant)),
        }
    }
}

async fn topics_of(bot: &Bot, chat: ChatId) -> Result<Option<TopicsFault>, CallError> {
    let info = insist(|| bot.client.get_chat(chat)).await?;
    // In a private chat there is nobody to ask about.
    let member =
        if chat.is_private() { None } else { Some(insist(|| bot.client.get_member(chat, bot.me.id)).await?) };
    Ok(topics_fault(chat, &info, member.as_ref()))
}

/// In a chat of one's own that is oneself; elsewhere one can choose.
async fn who_is_heard(written: Written, wizard: &mut dyn Wizard) -> Result<Heard, SetupError> {
    let chat = written.chat.id;
    let person = match &written.writer {
        Writer::Person(person) if chat.is_private() => return Ok(Heard { chat, people: vec![person.id] }),
        Writer::Person(person) => person,
        Writer::Nobody(_) => {
            wizard.say("its administrators are heard, as Telegram does not tell who of them wrote");
            return Ok(Heard { chat, people: Vec::new() });
        }
    };
    wizard.say(
        "in a group a bot that is no administrator gets commands, replies and what names it; to let it read all, write \
         /setprivacy to @BotFather",
    );
    let name = person.name().unwrap_or_else(|| person.id.to_string());
    let choices = [format!("only {name}"), "its administrators".to_owned()];
    let people = match wizard.select("who is heard there?", &choices).await? {
        0 => vec![person.id],
        _ => Vec::new(),
    };
    Ok(Heard { chat, people })
}

/// Skips what was written so far, and gives from where it goes on: only what comes after a question can answer it.
async fn skip(client: &Client) -> Result<Option<i64>, Error> {
    let newest = insist(|| client.get_updates_now(-1)).await.map_err(|error| hopeless(&error))?;
    Ok(after(&newest))
}

fn after(delivered: &[Delivered]) -> Option<i64> {
    delivered.iter().filter_map(Delivered::id).max().map(|id| id + 1)
}

/// Polls until somebody writes; gives also from where the next poll goes on.
async fn wait(
    client: &Client,
    mut from: Option<i64>,
    wizard: &mut dyn Wizard,
) -> Result<(Written, i64), Error> {
    loop {
        let delivered = poll(client, from, wizard).await?;
        from = after(&delivered).or(from);
        if let (Some(last), Some(next)) = (written(&delivered).last(), from) {
            return Ok((last, next));
        }
    }
}

/// Polls until something comes, which need not be anything that somebody wrote. Troubles that pass are told, each once.
pub(super) async fn poll(
    client: &Client,
    from: Option<i64>,
    wizard: &mut dyn Wizard,
) -> Result<Vec<Delivered>, Error> {
    let mut said = None;
    loop {
        match client.get_updates(from).await {
            Ok(delivered) if delivered.is_empty() => said = None,
            Ok(delivered) => return Ok(delivered),
            Err(error) => {
                let pause = match error.failure {
                    Failure::Unauthorized | Failure::Conflict(Rival::Webhook) => {
                        return Err(hopeless(&error));
                    }
                    Failure::RetryAfter { pause, .. } => pause,
                    _ => AGAIN,
                };
                // Once is enough, however long it stays so.
                if said != Some(error.failure) {
                    wizard.say(&trouble(&error));
                    said = Some(error.failure);
                }
                sleep(pause).await;
            }
        }
    }
}

fn trouble(error: &CallError) -> String {
    match error.failure {
        Failure::Conflict(_) => {
            "another program receives what is written to this bot: stop it, then this goes on".to_owned()
        }
        _ => format!("this goes on as soon as it can: {error}"),
    }
}

pub(super) fn hopeless(error: &CallError) -> Error {
    let said = Error::new(format!("nothing can be received for this bot: {error}"));
    match error.failure {
        Failure::Conflict(Rival::Webhook) => {
            said.hint("something sets a webhook for it: use a bot of takopi's own")
        }
        Failure::Conflict(Rival::Poller) => said.hint("another program receives for it: stop that one first"),
        Failure::Unauthorized => said.hint("ask @BotFather for the token with /token"),
        _ => said,
    }
}

/// What somebody wrote.
pub(super) fn written<'a>(
    delivered: impl IntoIterator<Item = &'a Delivered>,
) -> impl Iterator<Item = Written> {
    delivered.into_iter().filter_map(|delivered| match delivered {
        Delivered::Read(update, _) => {
            update.message.as_ref().or(update.channel_post.as_ref()).and_then(Written::of)
        }
        Delivered::Unreadable { .. } => None,
    })
}

impl Written {
    /// `None` if no person wrote it, or the chat is about to have another number.
    fn of(message: &Message) -> Option<Self> {
        if message.is_automatic_forward || message.migrate_to_chat_id.is_some() {
            return None;
        }
        let writer = match (&message.sender_chat, &message.from) {
            (Some(chat), _) => Writer::Nobody(title(chat)),
            (None, Some(person)) if !person.is_bot => Writer::Person(person.clone()),
            (None, _) => return None,
        };
        let text = message.text.as_ref().or(message.caption.as_ref()).cloned().unwrap_or_default();
        Some(Self { chat: message.chat.clone(), writer, text, is_forward: message.is_forward() })
    }

    /// Who wrote what where.
    pub(super) fn shown(&self) -> String {
        let who = match &self.writer {
            Writer::Person(person) => {
                let name = person.name().unwrap_or_else(|| "somebody".to_owned());
                let handle = person.handle().filter(|handle| *handle != name);
                let handle = handle.map(|handle| format!("{handle}, ")).unwrap_or_default();
                format!("{name} ({handle}{})", person.id)
            }
            Writer::Nobody(title) => title.clone(),
        };
        let chat = &self.chat;
        let place = match chat.kind.as_str() {
            _ if chat.id.is_private() => "in the private chat with the bot".to_owned(),
            "channel" => format!("in the channel {} ({})", title(chat), chat.id),
            _ => format!("in the group {} ({})", title(chat), chat.id),
        };
        match first_line(&self.text) {
            Some(line) => format!("{who} wrote \"{line}\" {place}"),
            None => format!("{who} was seen {place}"),
        }
    }
}

fn title(chat: &Chat) -> String {
    chat.title.clone().unwrap_or_else(|| "without a name".to_owned())
}

/// The beginning of a text.
fn first_line(text: &str) -> Option<String> {
    let text = text.trim();
    let line = text.lines().next()?;
    let start: String = line.chars().take(SHOWN).collect();
    Some(if start.len() < text.len() { format!("{start}…") } else { start })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MIA: &str = r#"{"id":7,"is_bot":false,"first_name":"Mia","last_name":"M","username":"mia"}"#;

    fn shown(updates: &[Value]) -> Option<String> {
        let delivered: Vec<_> = updates.iter().map(|update| Delivered::parse(&update.to_string())).collect();
        written(&delivered).last().map(|written| written.shown())
    }

    fn message(fields: Value) -> Value {
        let mut message = json!({"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}});
        message["from"] = serde_json::from_str(MIA).unwrap();
        if let (Value::Object(message), Value::Object(fields)) = (&mut message, fields) {
            message.extend(fields);
        }
        json!({"update_id": 1, "message": message})
    }

    #[test]
    fn it_is_said_who_wrote_what_where() {
        let check = |fields, expected: &str| {
            assert_eq!(shown(&[message(fields)]).as_deref(), Some(expected));
        };
        let group = json!({"id": -100, "type": "supergroup", "title": "Us"});
        check(json!({"text": "/start"}), "Mia M (@mia, 7) wrote \"/start\" in the private chat with the bot");
        check(json!({"text": "a\nb", "chat": group}), "Mia M (@mia, 7) wrote \"a…\" in the group Us (-100)");
        check(json!({"chat": group}), "Mia M (@mia, 7) was seen in the group Us (-100)");
        check(
            json!({"text": "x", "chat": group, "sender_chat": group, "from": {"id": 1, "is_bot": true}}),
            "Us wrote \"x\" in the group Us (-100)",
        );
        check(
            json!({"text": "x", "from": {"id": 8, "username": "eve"}}),
            "@eve (8) wrote \"x\" in the private chat with the bot",
        );
    }

    #[test]
    fn the_last_message_of_a_person_counts() {
        let bot = message(json!({"text": "x", "from": {"id": 9, "is_bot": true, "first_name": "B"}}));
        let moved = message(json!({"migrate_to_chat_id": -100}));
        let copied = message(json!({"text": "x", "is_automatic_forward": true}));
        let (one, two) = (message(json!({"text": "one"})), message(json!({"text": "two"})));
        assert_eq!(shown(&[bot.clone(), moved.clone(), copied.clone(), json!({"update_id": 2})]), None);
        assert!(shown(&[one, two, bot, moved, copied, json!(7)]).unwrap().contains("\"two\""));
    }
}
