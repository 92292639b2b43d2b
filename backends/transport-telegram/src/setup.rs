//! What a person is asked, so that nothing has to be written by hand: the token of the bot, and who is heard where.
//!
//! Nothing is kept before the last answer. The token is typed unseen, and only what Telegram says of its bot is shown.

mod chat;
pub(crate) mod ear;
mod workflow;

use std::path::Path;

use takopi_api::config::{ConfigTable, Secret, SecretValue};
use takopi_api::error::Error;
use takopi_api::transport::{Cancelled, SetupContext, SetupError, Wizard};

use self::chat::Heard;
use self::workflow::Workflow;
use crate::client::{BotToken, CallError, Client, Failure, insist};
use crate::settings::{api_base_url, told};
use crate::wire::{User, Webhook};

/// How one comes to a bot.
const BOTFATHER: &str = "takopi speaks through a bot of your own. To make one, write /newbot to @BotFather in Telegram; \
                         he gives you its token, and /token shows it again.";

/// A bot that takopi can use.
struct Bot {
    client: Client,
    me: User,
    /// The token, if it is not in the configuration yet.
    typed: Option<SecretValue>,
    /// How many updates waited for it.
    waiting: u64,
}

/// Asks, and gives the keys to write.
pub(crate) async fn set_up(
    context: &SetupContext<'_>,
    wizard: &mut dyn Wizard,
) -> Result<ConfigTable, SetupError> {
    wizard.step("bot token");
    let bot = bot(context, wizard).await?;
    wizard.step("workflow");
    let wanted = Workflow::choose(wizard).await?;
    wizard.step("connect chat");
    let (heard, workflow) = chat::connect(&bot, wanted, wizard).await?;
    let keys = keys(bot.typed.as_ref(), &heard, workflow);
    ConfigTable::from_toml(Path::new("answers"), keys).map_err(|error| told(error).into())
}

/// Asks for a token until it is that of a bot that takopi can use.
async fn bot(context: &SetupContext<'_>, wizard: &mut dyn Wizard) -> Result<Bot, SetupError> {
    let server = context.config.get::<String>("api_base_url").map_err(told)?.unwrap_or_else(api_base_url);
    let folder = context.config_path.parent().unwrap_or_else(|| Path::new("."));
    // One that can not be read is no reason to give up: it is what is asked for.
    let mut set = context.config.get::<Secret>("bot_token").ok().flatten();
    wizard.say(BOTFATHER);
    loop {
        let (secret, is_typed) = match set.take() {
            Some(secret) if wizard.confirm("a token is set already. Keep it?", true).await? => {
                (secret, false)
            }
            _ => (wizard.secret("token of the bot").await?, true),
        };
        let value = secret.resolve(folder);
        match value.and_then(|value| Ok((BotToken::new(value.clone())?, value))) {
            Err(error) => say(wizard, &error),
            Ok((token, value)) => {
                let client = Client::new(&token, &server)?;
                match ask(&client).await {
                    Err(error) => say(wizard, &why_not(&error)),
                    Ok((me, webhook)) => {
                        let name = me.handle().or_else(|| me.name()).unwrap_or_else(|| me.id.to_string());
                        wizard.say(&format!("this is the token of {name}"));
                        if is_free(&client, &webhook, wizard).await? {
                            let typed = is_typed.then_some(value);
                            return Ok(Bot { client, me, typed, waiting: webhook.pending_update_count });
                        }
                    }
                }
            }
        }
        if !wizard.confirm("try it with another token?", true).await? {
            return Err(Cancelled.into());
        }
    }
}

/// The bot whose token is given for this once, or is set; one that is neither is asked for.
async fn known_bot(context: &SetupContext<'_>, wizard: &mut dyn Wizard) -> Result<Bot, SetupError> {
    let server = context.config.get::<String>("api_base_url").map_err(told)?.unwrap_or_else(api_base_url);
    let folder = context.config_path.parent().unwrap_or_else(|| Path::new("."));
    let secret = match context.secret {
        Some(secret) => secret.clone(),
        None => match context.config.get::<Secret>("bot_token").map_err(told)? {
            Some(secret) => secret,
            None => wizard.secret("token of the bot").await?,
        },
    };
    let token = BotToken::new(secret.resolve(folder)?)?;
    let client = Client::new(&token, &server)?;
    let (me, webhook) = ask(&client).await.map_err(|error| why_not(&error))?;
    if !webhook.url.is_empty() {
        let said = format!(
            "a webhook is set: what is written to the bot goes to {}, and not to takopi",
            webhook.host()
        );
        return Err(Error::new(said).hint("`takopi --onboard` deletes it if that is wished").into());
    }
    Ok(Bot { client, me, typed: None, waiting: webhook.pending_update_count })
}

/// Who the bot is, and where its updates go.
async fn ask(client: &Client) -> Result<(User, Webhook), CallError> {
    Ok((insist(|| client.get_me()).await?, insist(|| client.get_webhook()).await?))
}

/// Whether takopi gets what is written to the bot; a webhook that is in the way is deleted if that is wished.
async fn is_free(client: &Client, webhook: &Webhook, wizard: &mut dyn Wizard) -> Result<bool, Cancelled> {
    if webhook.url.is_empty() {
        return Ok(true);
    }
    let host = webhook.host();
    wizard.say(&format!("a webhook is set: what is written to the bot goes to {host}, and not to takopi"));
    if !wizard.confirm("delete the webhook? The program there gets nothing any more", false).await? {
        return Ok(false);
    }
    match insist(|| client.delete_webhook()).await {
        Ok(()) => {
            wizard.say("the webhook is deleted");
            Ok(true)
        }
        Err(error) => {
            wizard.say(&format!("the webhook could not be deleted: {error}"));
            Ok(false)
        }
    }
}

fn why_not(error: &CallError) -> Error {
    match error.failure {
        Failure::Unauthorized => Error::new("Telegram knows no bot of this token")
            .hint("copy it from the message of @BotFather, or ask him for it with /token"),
        _ => Error::new(format!("Telegram can not be asked about this token: {error}")),
    }
}

fn say(wizard: &mut dyn Wizard, error: &Error) {
    wizard.say(&error.to_string());
    error.hints().iter().for_each(|hint| wizard.say(&format!("  {hint}")));
}

/// The keys of the table. A list of people that was there before is replaced, also by an empty one.
fn keys(typed: Option<&SecretValue>, heard: &Heard, workflow: Workflow) -> String {
    // A token has no letter that would have to be escaped.
    let token = typed.map(|token| format!("bot_token = \"{}\"\n", token.expose())).unwrap_or_default();
    let people: Vec<_> = heard.people.iter().map(ToString::to_string).collect();
    let people = people.join(", ");
    format!("{token}chat_id = {}\nallowed_user_ids = [{people}]\n{}", heard.chat, workflow.keys())
}

#[cfg(test)]
mod tests {
    use takopi_api::transport::Topics;

    use super::*;
    use crate::client::secret;
    use crate::settings::Settings;
    use crate::wire::ChatId;

    #[test]
    fn what_is_written_is_what_the_transport_reads() {
        let check = |typed: Option<&str>, heard: Heard, workflow, expected: &str| {
            let typed = typed.map(secret);
            let text = keys(typed.as_ref(), &heard, workflow);
            assert_eq!(text, expected);
            let table = ConfigTable::from_toml(Path::new("answers"), text).unwrap();
            let settings: Settings = table.parse().unwrap();
            assert_eq!(settings.plan(&table).unwrap().main, Some(heard.chat));
            let topics = Topics::read(&table).unwrap();
            assert_eq!(topics != Topics::Off, workflow == Workflow::Workspace);
        };
        check(
            Some("123456:AA-x_2"),
            Heard { chat: ChatId(7), people: vec![7] },
            Workflow::Assistant,
            "bot_token = \"123456:AA-x_2\"\nchat_id = 7\nallowed_user_ids = [7]\nsession_mode = \"chat\"\n\
             show_resume_line = false\ntopics = { enabled = false, scope = \"auto\" }\n",
        );
        check(
            None,
            Heard { chat: ChatId(-100), people: Vec::new() },
            Workflow::Workspace,
            "chat_id = -100\nallowed_user_ids = []\nsession_mode = \"chat\"\nshow_resume_line = false\n\
             topics = { enabled = true, scope = \"auto\" }\n",
        );
        check(
            None,
            Heard { chat: ChatId(7), people: vec![7] },
            Workflow::Handoff,
            "chat_id = 7\nallowed_user_ids = [7]\nsession_mode = \"stateless\"\nshow_resume_line = true\n\
             topics = { enabled = false, scope = \"auto\" }\n",
        );
    }
}
