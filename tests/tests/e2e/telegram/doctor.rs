//! `takopi doctor` with a bot: what Telegram says of it, and what is made of that.

use serde_json::Value;
use takopi_tests::bot_api::{ChatId, ChatKind, Role};

use super::phone::Phone;

/// What is said of the bot: the check, how it is, and the rest of the line.
fn findings(phone: &Phone) -> Vec<(String, String, String)> {
    let ended = phone.sandbox.run(&["doctor", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let secret = phone.api.token().split_once(':').unwrap().1.to_owned();
    assert!(!format!("{ended:?}").contains(&secret), "the token is shown: {ended:?}");
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("check"), text("status"), format!("{} {}", text("detail"), row["next"]))
        })
        .collect();
    let is_error = found.iter().any(|row| row.1 == "error");
    assert_eq!(ended.code, Some(i32::from(is_error)), "{ended:?}");
    found
}

#[track_caller]
fn says(phone: &Phone, check: &str, status: &str, detail: &str) {
    let found = findings(phone);
    let is_there = found
        .iter()
        .any(|row| row.0 == format!("telegram {check}") && row.1 == status && row.2.contains(detail));
    assert!(is_there, "{check}: {status} ({detail}) is not among {found:#?}");
}

fn in_group(kind: ChatKind, lines: &str) -> (Phone, ChatId) {
    let phone = Phone::new();
    let group = phone.api.chat(kind, "Us", &[phone.me]);
    phone.configure("codex", &format!("chat_id = {group}\n{lines}"), "");
    (phone, group)
}

#[test]
fn a_bot_that_works_is_said_to() {
    let phone = Phone::new();
    phone.configure("codex", &format!("chat_id = {}\n", phone.chat), "");
    let ended = phone.sandbox.run(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in [
        "- telegram token: ok (@takopi_test_bot)\n".to_owned(),
        "- telegram clock: ok (agrees with the server's)\n".to_owned(),
        "- telegram webhook: ok (none is set, so messages can be polled for)\n".to_owned(),
        "- telegram heard: ok (you)\n".to_owned(),
        format!("- telegram chat_id: ok (private \"Mia\" ({}))\n", phone.chat),
        "- telegram file transfer: ok (in a private chat for the person in it, in a group for its administrators)\n"
            .to_owned(),
        "- telegram voice: ok (disabled)\n".to_owned(),
        "- telegram topics: ok (they may belong to projects, and need not)\n".to_owned(),
    ] {
        assert!(ended.stdout.contains(&line), "{line:?} is not in {}", ended.stdout);
    }
    let asked: Vec<_> = phone.api.history().into_iter().map(|call| call.method).collect();
    assert_eq!(asked, ["getMe", "getWebhookInfo", "getChat"]);
    let ended = phone.sandbox.run(&["doctor", "--offline"]);
    assert!(ended.stdout.contains("- transport telegram: ok (set up)\n"), "{ended:?}");
    assert!(!ended.stdout.contains("telegram token"), "{ended:?}");
    assert_eq!(phone.api.history().len(), asked.len(), "nobody is asked");
}

#[test]
fn without_the_token_the_rest_is_skipped() {
    let phone = Phone::new();
    phone.configure("codex", &format!("chat_id = {}\n", phone.chat), "");
    let path = phone.sandbox.home().join(".takopi/takopi.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("bot_token = \"", "bot_token = \"1");
    phone.sandbox.config(&text);
    says(&phone, "token", "error", "Unauthorized");
    says(&phone, "chat_id", "error", "skipped");
    says(&phone, "webhook", "error", "skipped");
    phone.sandbox.config(&text.replace("bot_token = \"", "bot_token = \"hunter2"));
    says(&phone, "token", "error", "is not the token of a bot");
    phone.configure("codex", &format!("chat_id = {}\n", phone.chat), "");
    phone.api.network_down();
    says(&phone, "token", "error", "does not answer");
}

#[test]
fn a_webhook_and_a_wrong_clock_are_told() {
    let phone = Phone::new();
    phone.configure("codex", &format!("chat_id = {}\n", phone.chat), "");
    phone.api.webhook(Some("https://example.org/hunter2"));
    says(&phone, "webhook", "error", "goes to example.org, and not to takopi");
    assert!(findings(&phone).iter().all(|row| !row.2.contains("hunter2")));
    phone.api.webhook(None);
    phone.api.clock_ahead(-600);
    says(&phone, "clock", "warning", "ahead of the server's");
    phone.api.clock_ahead(600);
    says(&phone, "clock", "warning", "behind the server's");
}

#[test]
fn a_chat_must_be_reached_and_written_to() {
    let (phone, group) = in_group(ChatKind::Supergroup, "");
    says(&phone, "chat_id", "ok", &format!("supergroup \\\"Us\\\" ({group})").replace('\\', ""));
    says(&phone, "chat_id rights", "ok", "member");
    says(&phone, "heard", "ok", "the administrators of this chat");
    phone.api.role(group, phone.api.me(), Role::Kicked);
    let found = findings(&phone);
    let of_chat = found.iter().filter(|row| row.0.starts_with("telegram chat_id"));
    assert!(of_chat.clone().any(|row| row.1 == "error"), "{found:#?}");
    phone.configure("codex", "chat_id = -1009999\n", "");
    says(&phone, "chat_id", "error", "add the bot to that chat");
    phone.configure("codex", "chat_id = 4242\n", "");
    says(&phone, "chat_id", "error", "write /start to the bot");
}

#[test]
fn a_group_that_keeps_things_from_the_bot_is_told() {
    let (phone, group) = in_group(ChatKind::Supergroup, "");
    says(&phone, "chat_id privacy", "warning", "/setprivacy");
    phone.api.privacy(false);
    says(&phone, "chat_id privacy", "ok", "privacy mode is off");
    phone.api.privacy(true);
    phone.api.role(group, phone.api.me(), Role::Administrator { manages_topics: false });
    says(&phone, "chat_id privacy", "ok", "an administrator");
}

#[test]
fn topics_that_are_wanted_must_be_possible() {
    let (phone, group) = in_group(ChatKind::Supergroup, "[transports.telegram.topics]\nenabled = true\n");
    says(&phone, "topics", "ok", "scope=auto");
    says(&phone, "chat_id topics", "error", &format!("chat {group} has no topics"));
    let (phone, group) = in_group(ChatKind::Forum, "[transports.telegram.topics]\nenabled = true\n");
    says(&phone, "chat_id topics", "error", &format!("the bot may not manage topics in chat {group}"));
    phone.api.role(group, phone.api.me(), Role::Administrator { manages_topics: true });
    says(&phone, "chat_id topics", "ok", "the bot may manage them");
    phone.configure(
        "codex",
        &format!("chat_id = {group}\n[transports.telegram.topics]\nenabled = true\nscope = \"projects\"\n"),
        "",
    );
    says(&phone, "topics", "error", "no such chat is configured");
    phone.configure(
        "codex",
        &format!("chat_id = {group}\n[transports.telegram.topics]\nenabled = false\n"),
        "",
    );
    says(&phone, "topics", "ok", "disabled");
    assert!(findings(&phone).iter().all(|row| row.0 != "telegram chat_id topics"), "nobody wants them");
}

#[test]
fn who_may_transfer_files_is_told_and_whether_voice_notes_can_be_written_down() {
    let phone = Phone::new();
    let configure = |lines: &str| phone.configure("codex", &format!("chat_id = {}\n{lines}", phone.chat), "");
    configure("voice_transcription = true\n[transports.telegram.files]\nallowed_user_ids = [7, 8]\n");
    says(&phone, "file transfer", "ok", "restricted to 2 people");
    says(&phone, "voice", "error", "neither `voice_transcription_api_key` nor OPENAI_API_KEY is set");
    configure(
        "voice_transcription = true\nvoice_transcription_api_key = \"hunter2\"\n\
         [transports.telegram.files]\nenabled = false\n",
    );
    says(&phone, "file transfer", "ok", "disabled");
    says(&phone, "voice", "ok", "written down by api.openai.com with the key of");
    assert!(findings(&phone).iter().all(|row| !row.2.contains("hunter2")));
    configure("[transports.telegram.files]\nauto_put_mode = \"ask\"\n");
    let ended = phone.sandbox.run(&["doctor"]);
    assert!(ended.code == Some(1) && ended.stdout.contains("- transport telegram: error ("), "{ended:?}");
}

#[test]
fn the_chats_of_projects_are_looked_at_too() {
    let phone = Phone::new();
    let site = phone.sandbox.repository("site");
    let group = phone.api.chat(ChatKind::Supergroup, "Site", &[phone.me]);
    let project = |chat: ChatId| format!("[projects.site]\npath = {site:?}\nchat_id = {chat}\n");
    phone.configure("codex", &format!("chat_id = {}\n", phone.chat), &project(group));
    says(&phone, "projects.site.chat_id", "ok", "Site");
    says(&phone, "projects.site.chat_id rights", "ok", "member");
    phone.configure("codex", &format!("chat_id = {}\n", phone.chat), &project(ChatId(-1_009_999)));
    says(&phone, "projects.site.chat_id", "error", "can not be reached");
}
