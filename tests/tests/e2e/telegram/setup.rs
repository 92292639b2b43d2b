//! The setup on a terminal: from a bot's token to the first answer, and what is left of it if somebody gives up.

use std::fs;
use std::path::PathBuf;

use takopi_tests::Sandbox;
use takopi_tests::bot_api::{BotApi, ChatId, ChatKind, Role, UserId};
use takopi_tests::terminal::{Key, Size, Terminal};

use super::phone::Phone;

/// The variable of the environment that says where the Bot API is.
const SERVER: &str = "TAKOPI__TRANSPORTS__TELEGRAM__API_BASE_URL";

const CHATS: &str = "where do you want to talk to your agents? [1]: ";
const TOKEN: &str = "token of the bot (not shown): ";
const WORKFLOWS: &str = "how do you want to work? [1]: ";
const WRITE: &str = "Waiting; Ctrl-C gives up.";
const ENGINES: &str = "which engine runs where a message names none? [1]: ";
const SAVE: &str = "write this, and start? [Y/n] ";

/// A person at a terminal, with the phone in the other hand.
struct Desk {
    phone: Phone,
    terminal: Terminal,
}

impl Desk {
    /// The wizard has been started, and has asked for the token.
    fn new() -> Self {
        let phone = Phone::new();
        let mut command = phone.sandbox.command(&["--onboard"]);
        command.env(SERVER, phone.api.url()).env("TAKOPI_LOG_LEVEL", "trace");
        let mut terminal = Terminal::start(command, Size::TALL);
        terminal.waits_for(CHATS);
        terminal.chooses("telegram: ");
        terminal.waits_for(TOKEN);
        Self { phone, terminal }
    }

    fn api(&self) -> &BotApi {
        &self.phone.api
    }

    /// Answers a question.
    #[track_caller]
    fn answers(&mut self, question: &str, answer: &str) {
        self.terminal.waits_for(question);
        assert!(!self.file().exists(), "it was written before the end");
        self.terminal.types(answer);
    }

    /// Gives the token, and chooses a way to work.
    #[track_caller]
    fn begins(&mut self, workflow: &str) {
        let token = self.api().token();
        self.answers(TOKEN, &token);
        self.answers(WORKFLOWS, workflow);
    }

    /// Somebody writes to the bot once it is waited for, and is asked about.
    #[track_caller]
    fn writes(&self, chat: ChatId, who: UserId, text: &str) {
        self.terminal.waits_for(WRITE);
        self.api().say(chat, who, text);
        self.terminal.waits_for("Is it you? [y/N] ");
    }

    /// Chooses codex, and saves.
    fn saves(&mut self) -> String {
        self.terminal.waits_for(ENGINES);
        self.terminal.chooses("codex: installed");
        self.answers(SAVE, "");
        self.terminal.waits_for("saved to ~/.takopi/takopi.toml");
        fs::read_to_string(self.file()).unwrap()
    }

    fn file(&self) -> PathBuf {
        file(&self.phone.sandbox)
    }

    /// That nothing was written but what the person is told, and nowhere the token.
    #[track_caller]
    fn left_nothing(&self) {
        let left = fs::read_dir(self.phone.sandbox.home().join(".takopi")).unwrap().count();
        assert_eq!(left, 0);
        self.shows_no_token();
    }

    #[track_caller]
    fn shows_no_token(&self) {
        let secret = secret(self.api());
        assert!(!self.terminal.screen().contains(&secret), "{}", self.terminal.screen());
    }
}

fn file(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".takopi/takopi.toml")
}

/// The part of a token that is none of anybody's business.
fn secret(api: &BotApi) -> String {
    api.token().split_once(':').unwrap().1.to_owned()
}

#[test]
fn from_a_token_to_the_first_answer() {
    let mut desk = Desk::new();
    let (chat, me, token) = (desk.phone.chat, desk.phone.me, desk.api().token());
    desk.api().say(chat, me, "is anybody there?");
    desk.begins("");
    desk.terminal.waits_for("before this question is skipped: 1 so far");
    desk.writes(chat, me, "here I am");
    desk.terminal
        .waits_for(&format!("Mia (@mia_{me}, {me}) wrote \"here I am\" in the private chat with the bot."));
    desk.terminal.types("y");
    let text = desk.saves();
    assert_eq!(
        text,
        format!(
            "transport = \"telegram\"\ndefault_engine = \"codex\"\n\n[transports.telegram]\n\
             allowed_user_ids = [{me}]\nbot_token = \"{token}\"\nchat_id = {chat}\nsession_mode = \"chat\"\n\
             show_resume_line = false\n\n[transports.telegram.topics]\nenabled = false\nscope = \"auto\"\n"
        )
    );
    desk.phone.sees("the greeting", chat, |message| message.text().contains("takopi is ready"));
    desk.phone.ask("hello");
    assert_eq!(desk.phone.prompts(), ["hello"], "what was written for the setup is no question to an engine");
    desk.shows_no_token();
}

#[test]
fn strangers_are_told_apart_and_a_bare_enter_lets_nobody_in() {
    let mut desk = Desk::new();
    let (chat, me) = (desk.phone.chat, desk.phone.me);
    let eve = desk.api().person("Eve");
    desk.begins("1");
    desk.writes(desk.api().private(eve), eve, "let me in");
    // This was written before it is asked anew.
    desk.api().say(desk.api().private(eve), eve, "and now?");
    desk.answers("Eve (@eve_", "");
    desk.writes(chat, me, "me");
    desk.answers("Mia (@mia_", "y");
    assert!(desk.saves().contains(&format!("allowed_user_ids = [{me}]\n")));
}

#[test]
fn in_a_group_it_is_asked_who_is_heard() {
    for (choice, people) in [("1", true), ("2", false)] {
        let mut desk = Desk::new();
        let me = desk.phone.me;
        let group = desk.api().chat(ChatKind::Supergroup, "Us", &[me]);
        desk.begins("");
        desk.writes(group, me, "/start");
        desk.answers(&format!("in the group Us ({group})"), "y");
        desk.terminal.waits_for("1) only Mia");
        desk.answers("who is heard there? [1]: ", choice);
        let listed = if people { me.to_string() } else { String::new() };
        let text = desk.saves();
        assert!(text.contains(&format!("\nallowed_user_ids = [{listed}]\n")), "{text}");
        assert!(text.contains(&format!("\nchat_id = {group}\n")), "{text}");
    }
}

#[test]
fn another_token_can_be_tried_and_giving_up_leaves_nothing() {
    let mut desk = Desk::new();
    let wrong = format!("123456:{}", secret(desk.api()));
    desk.answers(TOKEN, "hunter2");
    desk.terminal.waits_for("is not the token of a bot");
    desk.answers("try it with another token? [Y/n] ", "");
    desk.answers(TOKEN, &wrong);
    desk.terminal.waits_for("Telegram knows no bot of this token");
    desk.answers("try it with another token? [Y/n] ", "n");
    desk.terminal.waits_for("the setup was left: nothing is written");
    assert_eq!(desk.terminal.ends(), Some(1));
    assert!(!desk.terminal.screen().contains("hunter2"), "{}", desk.terminal.screen());
    desk.left_nothing();
}

#[test]
fn an_end_while_it_waits_leaves_nothing() {
    let mut desk = Desk::new();
    desk.begins("");
    desk.terminal.waits_for(WRITE);
    desk.terminal.is_told_to_end();
    assert_ne!(desk.terminal.ends(), Some(0));
    desk.left_nothing();
}

#[test]
fn a_webhook_is_deleted_only_if_that_is_wished() {
    let mut desk = Desk::new();
    let token = desk.api().token();
    desk.api().webhook(Some("https://example.org/hunter2"));
    desk.answers(TOKEN, &token);
    desk.terminal.waits_for("goes to example.org, and not to takopi");
    desk.answers("delete the webhook? The program there gets nothing any more [y/N] ", "");
    desk.answers("try it with another token? [Y/n] ", "");
    assert!(desk.api().calls("deleteWebhook").is_empty());
    desk.answers(TOKEN, &token);
    desk.answers("delete the webhook?", "y");
    desk.terminal.waits_for("the webhook is deleted");
    desk.answers(WORKFLOWS, "");
    desk.writes(desk.phone.chat, desk.phone.me, "me");
    assert!(!desk.terminal.screen().contains("hunter2"), "{}", desk.terminal.screen());
    desk.terminal.presses(Key::CtrlD);
    desk.terminal.waits_for("the setup was left: nothing is written");
    desk.left_nothing();
}

#[test]
fn the_network_may_go_while_the_person_writes() {
    let mut desk = Desk::new();
    desk.begins("");
    desk.terminal.waits_for(WRITE);
    desk.api().network_down();
    desk.terminal.waits_for("this goes on as soon as it can: getUpdates");
    desk.api().say(desk.phone.chat, desk.phone.me, "me");
    desk.api().network_up();
    desk.answers("wrote \"me\" in the private chat with the bot. Is it you? [y/N] ", "y");
    desk.saves();
    desk.shows_no_token();
}

#[test]
fn a_token_that_is_set_can_be_kept_and_the_server_of_the_file_is_asked() {
    let phone = Phone::new();
    let before = format!(
        "# mine\n[transports.telegram]\nbot_token = {{ env = \"MY_BOT\" }}\napi_base_url = \"{}\"\n\
         allowed_user_ids = [1, 2]\n",
        phone.api.url()
    );
    phone.sandbox.config(&before);
    let mut command = phone.sandbox.command(&["--onboard"]);
    command.env("MY_BOT", phone.api.token());
    let mut terminal = Terminal::start(command, Size::TALL);
    terminal.waits_for("Change it? [y/N] ");
    terminal.types("y");
    terminal.waits_for(CHATS);
    terminal.chooses("telegram: ");
    terminal.waits_for("telegram is set up already. Set it up anew? [y/N] ");
    terminal.types("y");
    terminal.waits_for("a token is set already. Keep it? [Y/n] ");
    terminal.types("");
    terminal.waits_for(WORKFLOWS);
    terminal.types("3");
    terminal.waits_for(WRITE);
    phone.api.say(phone.chat, phone.me, "me");
    terminal.waits_for("Is it you? [y/N] ");
    terminal.types("y");
    terminal.waits_for(ENGINES);
    terminal.chooses("codex: installed");
    terminal.waits_for(SAVE);
    terminal.types("");
    terminal.waits_for("saved to ~/.takopi/takopi.toml");
    let text = fs::read_to_string(file(&phone.sandbox)).unwrap();
    let kept = before.replace("[1, 2]", &format!("[{}]", phone.me));
    assert!(text.contains(kept.trim_start_matches("# mine\n").trim_end()), "{text}");
    assert!(text.contains(&format!("chat_id = {}\n", phone.chat)), "{text}");
    assert!(text.contains("session_mode = \"stateless\"\nshow_resume_line = true\n"), "{text}");
}

#[test]
fn a_workspace_needs_topics_that_the_bot_may_manage() {
    let mut desk = Desk::new();
    let (me, bot) = (desk.phone.me, desk.api().me());
    let plain = desk.api().chat(ChatKind::Supergroup, "Plain", &[me]);
    let forum = desk.api().chat(ChatKind::Forum, "Work", &[me]);
    desk.begins("2");
    desk.writes(plain, me, "/start");
    desk.answers("in the group Plain", "y");
    desk.terminal.waits_for(&format!("chat {plain} has no topics: turn topics on"));
    desk.answers("what now? [1]: ", "2");
    desk.writes(forum, me, "/start");
    desk.answers("in the group Work", "y");
    desk.terminal.waits_for(&format!("the bot may not manage topics in chat {forum}"));
    desk.api().role(forum, bot, Role::Administrator { manages_topics: true });
    desk.answers("what now? [1]: ", "");
    desk.terminal.waits_for("the bot may manage the topics there");
    desk.answers("who is heard there? [1]: ", "");
    let text = desk.saves();
    assert!(text.contains(&format!("\nchat_id = {forum}\n")), "{text}");
    assert!(text.contains("[transports.telegram.topics]\nenabled = true\nscope = \"auto\"\n"), "{text}");
}

#[test]
fn without_topics_a_workspace_becomes_an_assistant() {
    let mut desk = Desk::new();
    desk.begins("2");
    desk.writes(desk.phone.chat, desk.phone.me, "/start");
    desk.answers("in the private chat with the bot", "y");
    desk.terminal.waits_for("is no supergroup but private");
    desk.answers("what now? [1]: ", "3");
    let text = desk.saves();
    assert!(text.contains("session_mode = \"chat\"\n") && text.contains("enabled = false\n"), "{text}");
}

#[test]
fn all_of_it_can_be_given_without_a_terminal() {
    let phone = Phone::new();
    let set = |key: &str, value: &str| ["--set".to_owned(), format!("transports.telegram.{key}={value}")];
    let keys = [
        set("bot_token", "{ env = \"MY_BOT\" }"),
        set("api_base_url", &phone.api.url()),
        set("chat_id", &phone.chat.to_string()),
        set("allowed_user_ids", &format!("[{}]", phone.me)),
        set("session_mode", "chat"),
        set("topics.enabled", "false"),
    ];
    let args: Vec<String> = ["--onboard", "--set", "transport=telegram", "--set", "default_engine=codex"]
        .map(str::to_owned)
        .into_iter()
        .chain(keys.into_iter().flatten())
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut program = phone.sandbox.command(&args).env("MY_BOT", phone.api.token()).spawn().unwrap();
    phone.sees("the greeting", phone.chat, |message| message.text().contains("takopi is ready"));
    phone.ask("hello");
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(!fs::read_to_string(file(&phone.sandbox)).unwrap().contains(&secret(&phone.api)));
}
