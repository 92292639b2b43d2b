//! The outgoing side keeps the contract of transports, and Telegram takes all of it.

use std::path::Path;
use std::sync::Arc;

use takopi_api::config::{ConfigTable, Secret, SecretValue};
use takopi_api::message::Address;
use takopi_api::testing::{TransportContract, TransportFixture};
use takopi_tests::bot_api::{BotApi, ChatId, Content, Limits};
use takopi_transport_telegram::testing::outgoing;

pub(super) fn secret(text: &str) -> SecretValue {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), format!("token = {text:?}\n")).unwrap();
    table.get::<Secret>("token").unwrap().unwrap().resolve(Path::new(".")).unwrap()
}

/// What a person sees in a chat: texts, the names of files, and buttons.
fn seen(api: &BotApi, chat: ChatId) -> String {
    let messages = api.messages(chat).into_iter().map(|message| {
        let file = match &message.content {
            Content::Media(_) => file_names(api),
            Content::Text(_) | Content::Rich { .. } => String::new(),
            Content::Service(_) => return String::new(),
        };
        let parts = [message.text().to_owned(), file, message.labels().join(" ")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    });
    messages.filter(|message| !message.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// What the files are called that the bot sent.
fn file_names(api: &BotApi) -> String {
    let sent = api.calls("sendDocument").into_iter().flat_map(|call| call.files);
    sent.map(|file| file.name).collect::<Vec<_>>().join(" ")
}

/// A forum in which everything can be done.
fn fixture() -> TransportFixture {
    let api = Arc::new(BotApi::start());
    api.limits(Limits::Off);
    let me = api.person("Mia");
    let chat = api.forum("Work", &[me]);
    let transport = outgoing(secret(&api.token()), &api.url()).unwrap();
    TransportFixture {
        transport,
        address: Address::general(chat.to_string()),
        seen: Box::new(move || seen(&api, chat)),
    }
}

#[tokio::test]
async fn it_keeps_the_contract_of_transports() {
    TransportContract { start: async || fixture() }.check().await;
}
