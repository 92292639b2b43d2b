//! Files in both directions.

use serde_json::{Value, json};

use super::Bot;
use crate::bot_api::{Attachment, Content, MediaKind, Said};

/// A body of parts: fields, and files with their names.
fn form(fields: &[(&str, &str)], files: &[(&str, &str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let files = files.iter().map(|(field, name, content)| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: text/plain\r\n\r\n{content}\r\n"
        )
    });
    fields.chain(files).chain(["--x--\r\n".to_owned()]).collect()
}

impl Bot {
    fn upload(&self, method: &str, fields: &[(&str, &str)], files: &[(&str, &str, &str)]) -> Value {
        let chat = self.chat.to_string();
        let fields = [&[("chat_id", chat.as_str())], fields].concat();
        let path = format!("/bot{}/{method}", self.api.token());
        let answer = self.request(&path, "multipart/form-data; boundary=x", form(&fields, files)).1;
        serde_json::from_str(&answer).unwrap()
    }
}

#[test]
fn a_sent_file_is_seen_with_its_words() {
    let bot = Bot::new();
    let sent = bot.upload("sendDocument", &[("caption", "look")], &[("document", "a.txt", "content")]);
    let document = &sent["result"]["document"];
    assert_eq!((&document["file_name"], &document["file_size"]), (&json!("a.txt"), &json!(7)));
    let seen = bot.api.answers(bot.chat).remove(0);
    assert_eq!(seen.text(), "look");
    let call = bot.api.calls("sendDocument").remove(0);
    assert_eq!(
        (call.files[0].name.as_str(), call.files[0].size, &call.body["caption"]),
        ("a.txt", 7, &json!("look"))
    );
    let photo = bot.upload("sendPhoto", &[("photo", "attach://picture")], &[("picture", "p.png", "png")]);
    assert_eq!(photo["result"]["photo"][1]["file_size"], 3);
}

#[test]
fn a_sent_file_that_breaks_a_rule_is_refused() {
    let bot = Bot::new();
    let check = |answer: &Value, description: &str| assert_eq!(answer["description"], description);
    let none = "Bad Request: there is no document in the request";
    check(&bot.upload("sendDocument", &[], &[]), none);
    check(&bot.upload("sendDocument", &[("document", "attach://a")], &[("b", "b", "b")]), none);
    check(
        &bot.upload("sendDocument", &[("document", "nonsense")], &[]),
        "Bad Request: wrong file identifier/HTTP URL specified",
    );
    check(&bot.upload("sendDocument", &[], &[("document", "a", "")]), "Bad Request: file must be non-empty");
    let long = "a".repeat(1025);
    check(
        &bot.upload("sendDocument", &[("caption", &long)], &[("document", "a", "a")]),
        "Bad Request: message caption is too long",
    );
    let large = "a".repeat(50 * 1024 * 1024 + 1);
    check(&bot.upload("sendDocument", &[], &[("document", "a", &large)]), "Request Entity Too Large");
    let path = format!("/bot{}/sendDocument", bot.api.token());
    let torn = bot.request(&path, "multipart/form-data; boundary=x", "--x\r\n");
    assert!(torn.1.contains("can't parse multipart form data"));
}

#[test]
fn an_album_comes_as_one_message_each() {
    let bot = Bot::new();
    let files = [("one", "1.txt", "1"), ("two", "2.txt", "2")];
    let item =
        |kind: &str, name: &str| json!({"type": kind, "media": format!("attach://{name}"), "caption": name});
    let send = |items: Value| bot.upload("sendMediaGroup", &[("media", &items.to_string())], &files);
    let sent = send(json!([item("document", "one"), item("document", "two")]));
    let albums: Vec<_> = bot.api.answers(bot.chat).iter().map(|message| message.album.clone()).collect();
    assert!(albums.len() == 2 && albums[0].is_some() && albums[0] == albums[1], "{sent}");
    let check = |items: Value, description: &str| assert_eq!(send(items)["description"], description);
    check(
        json!([item("document", "one"), item("photo", "two")]),
        "Bad Request: document can't be mixed with other media types",
    );
    check(json!([]), "Bad Request: there are no messages to send");
    check(json!(vec![item("document", "one"); 11]), "Bad Request: too many messages to send as an album");
    check(json!([item("document", "one")]), "Bad Request: an album has 2 to 10 messages");
    let three = json!([item("document", "one"), item("document", "three")]);
    check(three, "Bad Request: there is no media in the request");
    let mut long = json!([item("document", "one"), item("document", "two")]);
    long[0]["caption"] = json!("a".repeat(1025));
    check(long, "Bad Request: message caption is too long");
    assert_eq!(bot.api.answers(bot.chat).len(), 2);
}

#[test]
fn what_people_send_is_downloaded_in_two_steps() {
    let bot = Bot::new();
    let file = Attachment::new("notes.txt", "text/plain", "all of it");
    bot.api.send_document(bot.chat, bot.person, "read", file);
    bot.api.send_voice(bot.chat, bot.person, b"ogg");
    let updates = bot.updates();
    let document = &updates[0]["message"]["document"];
    assert_eq!((&updates[0]["message"]["caption"], &document["file_size"]), (&json!("read"), &json!(9)));
    assert_eq!(updates[1]["message"]["voice"]["mime_type"], "audio/ogg");
    let ready = bot.ok("getFile", &json!({"file_id": document["file_id"]}));
    let path = format!("/file/bot{}/{}", bot.api.token(), ready["file_path"].as_str().unwrap());
    assert_eq!(bot.request(&path, "", ""), (200, "all of it".to_owned()));
}

#[test]
fn a_file_that_is_too_big_or_unknown_is_refused() {
    let bot = Bot::new();
    let unknown = "Bad Request: wrong file_id or the file is temporarily unavailable";
    bot.refused("getFile", &json!({"file_id": "x"}), unknown);
    bot.refused("getFile", &json!({}), unknown);
    let large = Attachment::new("a", "a/b", vec![0; 20 * 1024 * 1024 + 1]).announced(None);
    bot.api.send_document(bot.chat, bot.person, "", large);
    bot.api.send_document(
        bot.chat,
        bot.person,
        "",
        Attachment::new("a", "a/b", "a").announced(Some(1 << 40)),
    );
    for update in bot.updates() {
        let id = &update["message"]["document"]["file_id"];
        bot.refused("getFile", &json!({"file_id": id}), "Bad Request: file is too big");
    }
}

#[test]
fn people_send_albums_and_pass_things_on() {
    let bot = Bot::new();
    let item = |caption: &str| {
        Said::new(bot.chat, bot.person, caption)
            .file(MediaKind::Photo, Attachment::new("p", "image/png", "p"))
    };
    let ids = bot.api.send_album(vec![item("both"), item("")]);
    let author = bot.api.person("Tom");
    bot.api.forward(bot.chat, bot.person, author, "from Tom");
    let updates = bot.updates();
    assert_eq!(updates[0]["message"]["media_group_id"], updates[1]["message"]["media_group_id"]);
    assert_eq!(updates[1]["message"]["message_id"], json!(ids[1]));
    assert_eq!(updates[2]["message"]["forward_origin"]["sender_user"]["first_name"], "Tom");
    assert!(matches!(bot.api.messages(bot.chat)[0].content, Content::Media(_)));
}
