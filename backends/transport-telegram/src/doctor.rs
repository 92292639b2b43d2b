//! Whether the bot works, asked of Telegram: questions only, none of which takes anything away from a takopi that runs.
//!
//! `judge` says what the answers mean.

mod judge;

use std::time::{Duration, SystemTime};

use takopi_api::config::ConfigTable;
use takopi_api::runtime::ProjectInfo;
use takopi_api::transport::{Check, SetupContext, Topics};

use self::judge::{Place, TopicsWish};
pub(crate) use self::judge::{TopicsFault, topics_fault};
use crate::client::{Arrival, CallError, Client, Failure, insist};
use crate::greeting;
use crate::settings::Plan;
use crate::voice::Wanted;
use crate::wire::{ChatId, User};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a bot of these settings works.
pub(crate) async fn examine(
    client: &Client,
    plan: &Plan,
    topics: &Topics,
    voice: &Wanted,
    context: &SetupContext<'_>,
) -> Vec<Check> {
    let places = places(plan, topics, context.projects);
    let sent = SystemTime::now();
    let (me, date) = match soon("getMe", insist(|| client.get_me_dated())).await {
        Ok(answer) => answer,
        Err(error) => {
            let labels = ["clock".to_owned(), "webhook".to_owned()];
            let labels = labels.into_iter().chain(places.into_iter().map(|place| place.label));
            let skipped = labels.map(|label| Check::error(label, "skipped: the token could not be checked"));
            return [judge::no_token(&error), judge::voice(voice)].into_iter().chain(skipped).collect();
        }
    };
    let mut checks = vec![judge::token(&me), judge::clock(date, sent, SystemTime::now())];
    checks.push(match soon("getWebhookInfo", insist(|| client.get_webhook())).await {
        Ok(webhook) => judge::webhook(&webhook),
        Err(error) => Check::error("webhook", error.to_string()),
    });
    if let Some(main) = plan.main {
        checks.push(Check::ok("heard", greeting::heard(plan, main)));
    }
    checks.push(judge::voice(voice));
    checks.push(judge::scope(topics, &places));
    let is_for_mentions = wants_mentions(context.config);
    for place in &places {
        checks.extend(look_at(client, &me, place, is_for_mentions).await);
    }
    checks
}

async fn look_at(client: &Client, me: &User, place: &Place, is_for_mentions: bool) -> Vec<Check> {
    let chat = match soon("getChat", insist(|| client.get_chat(place.chat))).await {
        Ok(chat) => chat,
        Err(error) => return vec![judge::unreachable(place, &error)],
    };
    let reached = judge::chat(place, &chat);
    if chat.kind == "private" {
        return std::iter::once(reached).chain(judge::topics(place, &chat, None)).collect();
    }
    let member = match soon("getChatMember", insist(|| client.get_member(place.chat, me.id))).await {
        Ok(member) => member,
        Err(error) => {
            return vec![reached, Check::error(format!("{} rights", place.label), error.to_string())];
        }
    };
    let mut checks = vec![reached, judge::rights(place, &chat, &member)];
    checks.extend(judge::privacy(place, &chat, &member, me, is_for_mentions));
    checks.extend(judge::topics(place, &chat, Some(&member)));
    checks
}

/// The chats that are named, each once.
fn places(plan: &Plan, topics: &Topics, projects: &[ProjectInfo]) -> Vec<Place> {
    let own = projects.iter().filter_map(|project| {
        let chat = project.channel.as_ref().and_then(ChatId::of)?;
        Some((format!("projects.{}.chat_id", project.alias), chat))
    });
    let own: Vec<_> = own.collect();
    let of_projects: Vec<_> = own.iter().map(|(_, chat)| chat.to_string()).collect();
    let mut places: Vec<Place> = Vec::new();
    for (label, chat) in plan.main.map(|chat| ("chat_id".to_owned(), chat)).into_iter().chain(own) {
        if places.iter().any(|place| place.chat == chat) {
            continue;
        }
        let topics = match topics {
            Topics::Free => TopicsWish::Possible,
            Topics::OfProjects(scope)
                if scope.has(&chat.to_string(), of_projects.iter().map(String::as_str)) =>
            {
                TopicsWish::Needed
            }
            Topics::OfProjects(_) | Topics::Off => TopicsWish::Unwanted,
        };
        places.push(Place { label, chat, topics });
    }
    places
}

/// Whether takopi itself wants only what is meant for it.
fn wants_mentions(table: &ConfigTable) -> bool {
    table.get::<String>("trigger").ok().flatten().is_some_and(|trigger| trigger == "mentions")
}

/// Waits for an answer, but not long.
async fn soon<T>(
    method: &'static str,
    asked: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} seconds", PATIENCE.as_secs());
        Err(CallError { method, failure: Failure::Network(Arrival::Unknown), message })
    })
}
