//! Files that come and go.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use takopi_tests::bot_api::{Attachment, ChatKind, Content, Fault, MediaKind, Said};
use takopi_tests::{Scene, Script};

use super::phone::Phone;

/// A person with a project. `lines` are of the table of the transport.
fn with_project(lines: &str) -> Phone {
    let mut phone = Phone::new();
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n{lines}", phone.chat, phone.me);
    configure(&phone, &own);
    phone.start();
    phone
}

fn configure(phone: &Phone, lines: &str) {
    let project = site(phone);
    fs::create_dir_all(&project).unwrap();
    phone.configure("codex", lines, &format!("[projects.site]\npath = {project:?}\n"));
    // Keys of the file itself stand before its tables.
    let path = phone.sandbox.home().join(".takopi/takopi.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("default_project = \"site\"\n{text}")).unwrap();
}

fn site(phone: &Phone) -> PathBuf {
    phone.sandbox.home().join("site")
}

fn text(name: &str, content: &str) -> Attachment {
    Attachment::new(name, "text/plain", content.as_bytes().to_vec())
}

/// Parts of an album, the last one with a caption.
fn album(phone: &Phone, names: &[&str], caption: &str) -> Vec<Said> {
    let part = |(at, name): (usize, &&str)| {
        let caption = if at + 1 == names.len() { caption } else { "" };
        Said::new(phone.chat, phone.me, caption).file(MediaKind::Document, text(name, name))
    };
    names.iter().enumerate().map(part).collect()
}

/// A codex that runs a shell command, and answers.
fn shell(phone: &Phone, command: &str) {
    let lines = [
        r#"{"type":"thread.started","thread_id":"t-1"}"#,
        r#"{"type":"turn.started"}"#,
        r#"{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"see the files"}}"#,
        r#"{"type":"turn.completed"}"#,
    ];
    let script = format!("{command}\nprintf '%s\\n' '{}'", lines.join("' '"));
    phone.sandbox.engine("codex", &Script::new([Scene::Exec(script)]));
}

/// What lies in the folder of outboxes.
fn outboxes(phone: &Phone) -> usize {
    let folder = phone.sandbox.home().join(".takopi/state/outbox");
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn a_file_is_put_into_the_project_and_got_from_it() {
    let phone = with_project("");
    let put = phone.api.send_document(phone.chat, phone.me, "/file put", text("notes.txt", "some notes"));
    phone.reads(phone.chat, put, "saved incoming/notes.txt in site (10 b)");
    let get = phone.say("/file get README.md");
    phone.reads(phone.chat, get, "README.md");
    fs::write(site(&phone).join("README.md"), "read me").unwrap();
    phone.say("/file get README.md");
    let sent = phone.sees("the file", phone.chat, |message| matches!(message.content, Content::Media(_)));
    let Content::Media(media) = &sent.content else { panic!("{sent:?}") };
    assert_eq!(media.kind, MediaKind::Document);
    let calls = phone.api.calls("sendDocument");
    assert_eq!((calls[0].files[0].name.as_str(), calls[0].files[0].size), ("README.md", 7));
    phone.was_never_too_fast();
}

#[test]
fn an_album_is_one_message_with_its_files() {
    let phone = Phone::begun("");
    let parts = phone.api.send_album(album(&phone, &["a.txt", "b.txt"], "compare these"));
    let answer = phone.answer(phone.chat, parts[0]);
    assert!(answer.text().contains("compare these"), "{}", answer.text());
    assert_eq!(phone.prompts().len(), 1);
    assert_eq!(phone.api.calls("getFile").len(), 2);
}

#[test]
fn an_album_is_put_at_once_and_answered_once() {
    let phone = with_project("");
    let parts = phone.api.send_album(album(&phone, &["a.txt", "b.txt"], "/file put docs"));
    phone.reads(phone.chat, parts[0], "saved docs/a.txt, docs/b.txt in site (10 b)");
    let bare = phone.api.send_album(album(&phone, &["c.txt", "key.pem"], ""));
    let told = phone.reads(phone.chat, bare[0], "saved incoming/c.txt in site (5 b)");
    assert!(told.text().contains("failed: incoming/key.pem is denied by the rule *.pem"), "{}", told.text());
    assert_eq!(fs::read_to_string(site(&phone).join("docs/b.txt")).unwrap(), "b.txt");
    assert_eq!(fs::read_to_string(site(&phone).join("incoming/c.txt")).unwrap(), "c.txt");
    assert_eq!(phone.api.answers(phone.chat).len(), 2);
    assert_eq!(phone.api.calls("getFile").len(), 3, "what is denied is not fetched");
    assert!(phone.prompts().is_empty());
    phone.was_never_too_fast();
}

#[test]
fn a_file_without_a_word_lies_beside_others_of_its_name() {
    let phone = with_project("[transports.telegram.files]\nuploads_dir = \"in/box\"\n");
    let send = |content: &str| phone.api.send_document(phone.chat, phone.me, "", text("a.txt", content));
    phone.reads(phone.chat, send("one"), "saved in/box/a.txt in site");
    phone.reads(phone.chat, send("two"), "saved in/box/a-2.txt in site");
    assert_eq!(fs::read_to_string(site(&phone).join("in/box/a.txt")).unwrap(), "one");
    let forced = phone.api.send_document(phone.chat, phone.me, "/file put in/box/a.txt", text("x", "three"));
    phone.reads(phone.chat, forced, "in/box/a.txt is there already");
    let forced =
        phone.api.send_document(phone.chat, phone.me, "/file put in/box/a.txt --force", text("x", "three"));
    phone.reads(phone.chat, forced, "saved in/box/a.txt");
    assert_eq!(fs::read_to_string(site(&phone).join("in/box/a.txt")).unwrap(), "three");
}

#[test]
fn files_of_a_prompt_lie_in_the_project_if_that_is_wished() {
    let phone = with_project("[transports.telegram.files]\nauto_put_mode = \"prompt\"\n");
    let parts = phone.api.send_album(album(&phone, &["a.txt", "b.txt"], "compare these"));
    phone.answer(phone.chat, parts[0]);
    let start = phone.sandbox.starts_of("codex").remove(0);
    let expected = "compare these\n\n[uploaded files]\n- incoming/a.txt\n- incoming/b.txt";
    assert_eq!(phone.sandbox.prompt_of("codex").trim(), expected);
    assert_eq!(fs::read_to_string(start.cwd.join("incoming/b.txt")).unwrap(), "b.txt");
    let one = phone.api.send_document(phone.chat, phone.me, "and this", text("c.txt", "c"));
    phone.answer(phone.chat, one);
    assert_eq!(phone.sandbox.prompt_of("codex").trim(), "and this\n\n[uploaded file: incoming/c.txt]");
}

#[test]
fn files_are_for_those_who_may() {
    let mut phone = Phone::new();
    let (you, eve) = (phone.api.person("You"), phone.api.person("Eve"));
    let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me, you, eve]);
    phone.api.privacy(false);
    let me = phone.me;
    let lines = move |files: &str| {
        format!("chat_id = {group}\nallowed_user_ids = [{me}, {you}]\n[transports.telegram.files]\n{files}")
    };
    configure(&phone, &lines("deny_globs = [\"*.key\"]\n"));
    phone.start();
    let put = |who, caption: &str, name: &str| phone.api.send_document(group, who, caption, text(name, "x"));
    // A stranger's file is not even fetched, whatever it is sent with.
    put(eve, "/file put", "a.txt");
    put(eve, "", "b.txt");
    put(eve, "look at this", "c.txt");
    phone.reads(group, put(you, "/file put", "d.txt"), "only administrators of this chat may transfer files");
    phone.reads(group, put(you, "", "e.txt"), "only administrators of this chat may transfer files");
    let get = phone.api.say(group, you, "/file get README.md");
    phone.reads(group, get, "only administrators of this chat may transfer files");
    assert!(phone.api.calls("getFile").is_empty());
    // From here on it is a list of its own. What it denies takes the place of the usual.
    configure(&phone, &lines(&format!("allowed_user_ids = [{you}]\ndeny_globs = [\"*.key\"]\n")));
    phone.logs("files.allowed_user_ids");
    phone.reads(group, put(phone.me, "/file put", "f.txt"), "you are not among those who may transfer files");
    phone.reads(group, put(you, "/file put", "a.key"), "is denied by the rule `*.key`");
    phone.reads(group, put(you, "/file put", "a.pem"), "saved incoming/a.pem");
    assert_eq!(phone.api.calls("getFile").len(), 1);
    configure(&phone, &lines("enabled = false\n"));
    phone.logs("files.enabled");
    phone.reads(group, put(you, "/file put", "g.txt"), "files are switched off here");
    let asked = put(you, "read it", "h.txt");
    phone.answer(group, asked);
    let [prompt] = phone.prompts().try_into().unwrap();
    assert!(prompt.contains("[attached file: "), "a file with a prompt is part of it all the same: {prompt}");
}

#[test]
fn what_a_run_leaves_in_its_outbox_is_sent_after_the_answer() {
    let phone = with_project("");
    shell(
        &phone,
        "cd \"$TAKOPI_OUTBOX\" && stat -c %a . > mode && echo b > b.txt && echo a > a.txt && echo s > .env \
         && ln -s /etc/passwd link",
    );
    let id = phone.say("make files");
    let files = phone.api.wait_for_calls("sendMediaGroup", 1).remove(0);
    let names: Vec<_> = files.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.txt", "b.txt", "mode"]);
    let first = phone.reads(phone.chat, id, "not sent: .env (denied by the rule .env), link (no file)");
    let answer = phone.reads(phone.chat, id, "see the files");
    assert!(answer.id < first.id && first.is_silent && !answer.is_silent);
    assert_eq!(first.album.as_deref().map(str::is_empty), Some(false));
    let in_album = phone.api.look(|world| {
        let messages = world.chats[&phone.chat].messages.values();
        messages.filter(|message| message.album == first.album).count()
    });
    assert_eq!(in_album, 3);
    // The folder goes, and a run that leaves nothing sends nothing.
    shell(&phone, "test -d \"$TAKOPI_OUTBOX\"");
    let again = phone.say("again");
    phone.answer(phone.chat, again);
    assert_eq!(phone.api.calls("sendMediaGroup").len() + phone.api.calls("sendDocument").len(), 1);
    phone.api.wait_for("the folders to go", |_| (outboxes(&phone) == 0).then_some(()));
    phone.was_never_too_fast();
}

#[test]
fn files_that_are_not_taken_do_not_lose_the_answer_or_each_other() {
    let phone = with_project("");
    shell(&phone, "cd \"$TAKOPI_OUTBOX\" && echo a > a.txt && echo b > b.txt");
    phone.api.fail_next("sendMediaGroup", Fault::Server(400));
    phone.api.fail_next("sendDocument", Fault::Server(400));
    let id = phone.say("make files");
    phone.reads(phone.chat, id, "see the files");
    phone.reads(phone.chat, id, "not sent: a.txt (");
    let sent = phone.api.calls("sendDocument");
    assert_eq!(sent.last().unwrap().files[0].name, "b.txt");
}

#[test]
fn files_of_an_answered_run_are_sent_after_a_kill() {
    let mut phone = with_project("");
    shell(&phone, "echo a > \"$TAKOPI_OUTBOX/a.txt\"");
    phone.api.fail_next("sendDocument", Fault::Hang(Duration::from_secs(600)));
    let id = phone.say("make a file");
    phone.reads(phone.chat, id, "see the files");
    phone.api.wait_for_calls("sendDocument", 1);
    phone.stop(Signal::KILL);
    phone.start();
    phone.sees("the file", phone.chat, |message| {
        message.reply_to == Some(id) && matches!(message.content, Content::Media(_))
    });
    phone.api.wait_for("the folders to go", |_| (outboxes(&phone) == 0).then_some(()));
    let answers = phone.api.answers(phone.chat);
    let answers = answers.iter().filter(|message| message.text().contains("see the files"));
    assert_eq!(answers.count(), 1, "what had arrived is not sent again");
}
