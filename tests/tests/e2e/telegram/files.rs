//! Files that come and go.

use std::fs;

use takopi_tests::bot_api::{Attachment, Content, MediaKind, Said};

use super::phone::Phone;

/// A person with a project.
fn with_project() -> Phone {
    let mut phone = Phone::new();
    let project = phone.sandbox.home().join("site");
    fs::create_dir(&project).unwrap();
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n", phone.chat, phone.me);
    let rest = format!("default_project = \"site\"\n[projects.site]\npath = {project:?}\n");
    // Keys of the file itself stand before its tables.
    phone.configure("codex", &own, rest.split_once('\n').unwrap().1);
    let path = phone.sandbox.home().join(".takopi/takopi.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("default_project = \"site\"\n{text}")).unwrap();
    phone.start();
    phone
}

#[test]
fn a_file_is_put_into_the_project_and_got_from_it() {
    let phone = with_project();
    let file = Attachment::new("notes.txt", "text/plain", b"some notes".to_vec());
    let put = phone.api.send_document(phone.chat, phone.me, "/file put", file);
    phone.reads(phone.chat, put, "notes.txt");
    let get = phone.say("/file get README.md");
    phone.reads(phone.chat, get, "README.md");
    fs::write(phone.sandbox.home().join("site/README.md"), "read me").unwrap();
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
    let part = |name: &str, caption: &str| {
        let file = Attachment::new(name, "text/plain", name.as_bytes().to_vec());
        Said::new(phone.chat, phone.me, caption).file(MediaKind::Document, file)
    };
    let parts = phone.api.send_album(vec![part("a.txt", ""), part("b.txt", "compare these")]);
    let answer = phone.answer(phone.chat, parts[0]);
    assert!(answer.text().contains("compare these"), "{}", answer.text());
    assert_eq!(phone.prompts().len(), 1);
    assert_eq!(phone.api.calls("getFile").len(), 2);
}
