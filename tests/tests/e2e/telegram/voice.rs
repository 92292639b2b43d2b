//! What people say instead of writing it.

use rustix::process::Signal;
use takopi_tests::bot_api::{Attachment, MediaKind, MessageId, Said};
use takopi_tests::transcriptions::Transcriptions;

use super::phone::Phone;

/// A key that nobody must see.
const KEY: &str = "sk-hunter2";

/// A person whose takopi has what they say written down.
struct Mouth {
    phone: Phone,
    service: Transcriptions,
}

impl Mouth {
    /// `lines` are of the table of the transport, `rest` is what follows it.
    fn new(lines: &str, rest: &str) -> Self {
        let (phone, service) = (Phone::new(), Transcriptions::start());
        let own = format!(
            "chat_id = {}\nallowed_user_ids = [{}]\nvoice_transcription = true\n\
             voice_transcription_base_url = \"{}\"\nvoice_transcription_api_key = \"{KEY}\"\n{lines}",
            phone.chat,
            phone.me,
            service.url(),
        );
        phone.configure("codex", &own, rest);
        Self { phone, service }
    }

    fn begun(lines: &str, rest: &str) -> Self {
        let mut mouth = Self::new(lines, rest);
        mouth.phone.start();
        mouth
    }

    fn says(&self, words: &str) -> MessageId {
        self.phone.api.send_voice(self.phone.chat, self.phone.me, words.as_bytes())
    }

    fn says_below(&self, caption: &str, words: &str) -> MessageId {
        let file = Attachment::new("voice.ogg", "audio/ogg", words.as_bytes().to_vec());
        self.phone.api.send(Said::new(self.phone.chat, self.phone.me, caption).file(MediaKind::Voice, file))
    }

    /// Waits for the answer to a message, and gives what it says.
    #[track_caller]
    fn answer(&self, id: MessageId) -> String {
        self.phone.reads(self.phone.chat, id, "done · codex").text().to_owned()
    }

    /// Waits for an error that answers a message.
    #[track_caller]
    fn refuses(&self, id: MessageId, why: &str) -> String {
        let said = self.phone.reads(self.phone.chat, id, "error: ").text().to_owned();
        assert!(said.contains(why), "{said}");
        said
    }

    /// What codex was asked, in whole.
    fn prompts(&self) -> Vec<String> {
        self.phone.prompts().into_iter().map(|prompt| prompt.trim().to_owned()).collect()
    }

    #[track_caller]
    fn never_showed_the_key(&self) {
        let log = self.phone.log();
        assert!(!log.contains("hunter2"), "{log}");
        assert!(!self.phone.api.report().contains("hunter2"));
    }
}

#[test]
fn what_is_said_is_shown_and_run() {
    let mouth = Mouth::begun("", "");
    let id = mouth.says("fix the _tests_");
    let heard = mouth.phone.reads(mouth.phone.chat, id, "heard");
    assert!(heard.text().contains("fix the _tests_") && heard.is_silent, "{heard:?}");
    assert!(mouth.answer(id).contains("fix the"));
    assert_eq!(mouth.prompts(), ["(voice transcribed) fix the _tests_"]);
    let [asked] = mouth.service.asked().try_into().unwrap();
    assert_eq!(asked.authorization.as_deref(), Some("Bearer sk-hunter2"));
    assert_eq!(asked.file_name, "voice.ogg");
    assert_eq!(asked.recording, "fix the _tests_");
    assert_eq!(asked.field("model"), Some("gpt-4o-mini-transcribe"));
    assert_eq!(asked.field("response_format"), Some("json"));
    assert_eq!(asked.field("language"), None);
    assert!(!mouth.phone.api.calls("sendChatAction").is_empty(), "it was seen that somebody listens");
    mouth.phone.was_never_too_fast();
    mouth.never_showed_the_key();
}

#[test]
fn model_and_language_are_those_of_the_settings() {
    let mouth = Mouth::begun(
        "voice_transcription_model = \"whisper-large\"\nvoice_transcription_language = \"de\"\n",
        "",
    );
    mouth.answer(mouth.says("hallo"));
    let [asked] = mouth.service.asked().try_into().unwrap();
    assert_eq!((asked.field("model"), asked.field("language")), (Some("whisper-large"), Some("de")));
}

#[test]
fn words_choose_engine_and_project_and_are_no_command() {
    let mut mouth = Mouth::new("", "[projects.site]\npath = \"~/site\"\n");
    std::fs::create_dir(mouth.phone.sandbox.home().join("site")).unwrap();
    mouth.phone.start();
    let id = mouth.says("/codex /site fix it");
    assert!(mouth.answer(id).contains("ctx: site"));
    let id = mouth.says("/new and fix it");
    mouth.answer(id);
    assert_eq!(mouth.prompts(), ["(voice transcribed) fix it", "(voice transcribed) /new and fix it"]);
}

#[test]
fn a_caption_stands_before_what_is_said_and_may_be_a_command() {
    let mouth = Mouth::begun("", "");
    let id = mouth.says_below("/codex look at this", "it is broken");
    mouth.answer(id);
    // codex notes the whole of it.
    assert_eq!(
        mouth.phone.sandbox.prompt_of("codex").trim(),
        "look at this\n\n(voice transcribed) it is broken"
    );
    let id = mouth.says_below("/status", "it is broken");
    mouth.phone.reads(mouth.phone.chat, id, "nothing");
    assert_eq!(mouth.service.asked().len(), 1, "nobody listens to what comes with a command");
}

#[test]
fn where_nobody_listens_it_is_said_how_that_is_changed() {
    let phone = Phone::begun("");
    let id = phone.api.send_voice(phone.chat, phone.me, b"fix it");
    let told = phone.reads(phone.chat, id, "error: voice notes are not written down here");
    assert!(told.text().contains("`voice_transcription = true` in [transports.telegram]"), "{}", told.text());
    phone.ask("and now?");
    assert_eq!(phone.prompts(), ["and now?"]);
    assert!(phone.api.calls("getFile").is_empty());
}

#[test]
fn what_is_too_large_is_not_listened_to() {
    let mouth = Mouth::begun("voice_max_bytes = 10\n", "");
    let told = mouth.refuses(mouth.says("much too much to say"), "the voice note has more than 10 bytes");
    assert!(told.contains("`voice_max_bytes`"), "{told}");
    assert!(mouth.phone.api.calls("getFile").is_empty(), "it is known before it is fetched");
    for announced in [None, Some(5)] {
        let file = Attachment::new("voice.ogg", "audio/ogg", b"much too much".to_vec()).announced(announced);
        let said = Said::new(mouth.phone.chat, mouth.phone.me, "").file(MediaKind::Voice, file);
        mouth.refuses(mouth.phone.api.send(said), "the voice note has more than 10 bytes");
    }
    assert!(mouth.service.asked().is_empty());
    assert!(mouth.prompts().is_empty());
}

#[test]
fn what_the_service_says_is_told() {
    let mouth = Mouth::begun("", "");
    let refused = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}."}}}}"#);
    mouth.service.answer_next(401, &refused);
    let told = mouth.refuses(mouth.says("one"), "the transcription service says: Incorrect API key provided");
    assert!(told.contains("`voice_transcription_api_key`"), "{told}");
    mouth.service.answer_next(200, r#"{"text":" \n"}"#);
    mouth.refuses(mouth.says("two"), "nothing can be heard in it");
    mouth.service.answer_next(200, "<html>");
    mouth.refuses(mouth.says("three"), "something else than words");
    assert_eq!(mouth.service.asked().len(), 3, "what will not change is asked once");
    for _ in 0..2 {
        mouth.service.answer_next(503, "<html>");
    }
    mouth.answer(mouth.says("four"));
    assert_eq!(mouth.service.asked().len(), 6, "a service in trouble is asked again");
    assert_eq!(mouth.prompts(), ["(voice transcribed) four"]);
    mouth.never_showed_the_key();
}

#[test]
fn a_service_that_is_not_there_is_told() {
    let Mouth { phone, service } = Mouth::begun("", "");
    drop(service);
    let id = phone.api.send_voice(phone.chat, phone.me, b"fix it");
    let told = phone.reads(phone.chat, id, "error: the transcription service can not be asked");
    assert!(told.text().contains("send it again later") && !told.text().contains("127.0.0.1"), "{told:?}");
    phone.ask("and now?");
    assert_eq!(phone.prompts(), ["and now?"]);
}

#[test]
fn what_nobody_had_heard_at_an_end_is_heard_after_it_and_run_once() {
    for signal in [Signal::KILL, Signal::TERM] {
        let mut mouth = Mouth::begun("", "");
        let _held = mouth.service.hold_next();
        let id = mouth.says("fix it");
        mouth.service.wait_for(1);
        let ended = mouth.phone.stop(signal);
        assert_eq!(ended.code(), (signal == Signal::TERM).then_some(0), "{}", mouth.phone.log());
        mouth.phone.start();
        mouth.answer(id);
        mouth.phone.stop(Signal::KILL);
        mouth.phone.start();
        mouth.phone.ask("and then?");
        assert_eq!(mouth.prompts(), ["(voice transcribed) fix it", "and then?"], "{signal:?}");
        assert_eq!(mouth.service.asked().len(), 2);
    }
}

#[test]
fn what_was_heard_is_not_listened_to_again() {
    let mut mouth = Mouth::begun("session_mode = \"chat\"\n", "");
    let first = mouth.phone.say("one wait:600000");
    mouth.phone.reads(mouth.phone.chat, first, "codex resume ");
    let second = mouth.says("two");
    mouth.phone.reads(mouth.phone.chat, second, "queued · codex");
    mouth.phone.stop(Signal::KILL);
    mouth.phone.start();
    mouth.answer(second);
    assert_eq!(mouth.service.asked().len(), 1);
    assert_eq!(mouth.prompts(), ["one wait:600000", "(voice transcribed) two"]);
    let heard = mouth.phone.api.answers(mouth.phone.chat);
    assert_eq!(heard.iter().filter(|message| message.text().starts_with("heard")).count(), 1);
}

#[test]
fn while_somebody_listens_what_is_written_waits_and_a_cancel_does_not() {
    let mouth = Mouth::begun("session_mode = \"chat\"\n", "");
    let held = mouth.service.hold_next();
    let first = mouth.says("one");
    mouth.service.wait_for(1);
    let second = mouth.phone.say("two");
    drop(held);
    mouth.answer(first);
    mouth.answer(second);
    let held = mouth.service.hold_next();
    let third = mouth.says("three");
    mouth.service.wait_for(2);
    let fourth = mouth.phone.say("four");
    mouth.phone.say("/cancel");
    mouth.phone.reads(mouth.phone.chat, third, "cancelled");
    mouth.answer(fourth);
    drop(held);
    assert_eq!(mouth.prompts(), ["(voice transcribed) one", "two", "four"]);
}

#[test]
fn a_voice_note_that_is_not_for_takopi_is_not_listened_to() {
    let mouth = Mouth::begun("trigger = \"mentions\"\n", "");
    mouth.says("not for you");
    let asked = mouth.phone.say("/codex hello");
    mouth.answer(asked);
    assert!(mouth.phone.api.calls("getFile").is_empty());
    let answer = mouth.phone.reads(mouth.phone.chat, asked, "done · codex");
    let file = Attachment::new("voice.ogg", "audio/ogg", b"for you".to_vec());
    let said = Said::new(mouth.phone.chat, mouth.phone.me, "").file(MediaKind::Voice, file);
    mouth.answer(mouth.phone.api.send(said.reply_to(answer.id)));
    assert_eq!(mouth.service.asked().len(), 1);
}

#[test]
fn nobody_listens_to_a_stranger() {
    let mouth = Mouth::begun("", "");
    let eve = mouth.phone.api.person("Eve");
    let said = mouth.phone.api.send_voice(mouth.phone.api.private(eve), eve, b"let me in");
    mouth.answer(mouth.says("hello"));
    assert_eq!(mouth.phone.api.calls("getFile").len(), 1);
    assert_eq!(mouth.service.asked().len(), 1);
    let answers = mouth.phone.api.answers(mouth.phone.api.private(eve));
    assert!(answers.is_empty(), "{said}: {answers:?}");
}
