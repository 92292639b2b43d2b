//! What opencode asks a person, and what it is told.

use serde::Deserialize;
use serde_json::{Value, json};
use takopi_api::event::{
    Choice, Decision, Lasting, Permission, Question, Request, RequestId, RequestSubject,
};
use takopi_api::jsonl::Field;
use takopi_api::runner::ControlError;

use super::wire;

/// How much of a command or an address a title shows, in characters.
const TITLE_CHARS: usize = 120;

/// A call of a tool. Some models count theirs anew in each session, so sub-agents have calls of the same id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ToolCall {
    session: String,
    id: String,
}

impl ToolCall {
    pub(super) fn new(session: impl Into<String>, id: impl Into<String>) -> Self {
        Self { session: session.into(), id: id.into() }
    }

    /// The call that asks, if it is one.
    pub(super) fn asking(asked: &wire::Asked<'_>) -> Option<Self> {
        let id = asked.tool.fields().call_id.text();
        (!id.is_empty()).then(|| Self::new(asked.session_id.text(), id))
    }

    /// What the step of the run is called that shows it.
    pub(super) fn step(&self, thread: &str) -> String {
        if self.session == thread { self.id.clone() } else { format!("{}.{}", self.session, self.id) }
    }
}

/// A request that waits for an answer.
#[derive(Debug)]
pub(super) struct Open {
    /// The call that waits for it, if it is one.
    pub(super) call: Option<ToolCall>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Permission,
    /// So many questions.
    Question(usize),
}

/// What is said to the server about a request.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) path: String,
    pub(super) body: Value,
}

/// Where something is asked, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The folder of the run.
    pub(super) cwd: &'a str,
    /// The input of the call that asks, as JSON.
    pub(super) input: Option<&'a str>,
    /// Whether a sub-agent asks.
    pub(super) is_inner: bool,
}

/// A file of a patch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    move_path: Option<String>,
}

impl File {
    fn paths(&self) -> impl Iterator<Item = String> {
        [Some(&self.file_path), self.move_path.as_ref()].into_iter().flatten().cloned()
    }

    const fn stays(&self) -> bool {
        self.move_path.is_none()
    }
}

/// May a tool do this? `None` if the request has no id by which it could be answered.
pub(super) fn permission(asked: &wire::Asked<'_>, place: Place<'_>) -> Option<(Request, Open)> {
    let id = id(asked)?;
    let name = asked.permission.text();
    let patterns: Vec<String> = asked.patterns.elements();
    let metadata: wire::Metadata<'_> = asked.metadata.object().unwrap_or_default();
    let call_input = place.input.and_then(|input| Field::parse(input).ok()).unwrap_or_default();
    let input: wire::Input<'_> = call_input.object().unwrap_or_default();

    let mut permission = Permission::default().tool(&*name);
    let mut subject = patterns.first().cloned().unwrap_or_default();
    // What the tool says about itself in words of its own is shown as such; of anything else, all that is known.
    let mut is_said = true;
    if metadata.command.is_present() {
        subject = metadata.command.text().into_owned();
        permission = permission.command(subject.as_str());
        let workdir = input.workdir.text();
        if !workdir.is_empty() {
            permission = permission.cwd(workdir);
        } else if place.input.is_some() {
            permission = permission.cwd(place.cwd);
        }
    } else if metadata.diff.is_present() {
        let files: Option<Vec<File>> = metadata.files.read();
        let paths = match &files {
            Some(files) => files.iter().flat_map(File::paths).collect(),
            None if metadata.filepath.is_present() => vec![metadata.filepath.text().into_owned()],
            None => patterns.clone(),
        };
        permission = permission.cwd(place.cwd).paths(paths).diff(metadata.diff.text());
        // A diff says what is in a file, not where the file goes.
        is_said = !metadata.files.is_present() || files.is_some_and(|files| files.iter().all(File::stays));
    } else {
        if matches!(&*name, "read" | "external_directory") {
            permission = permission.cwd(place.cwd).paths(patterns.iter().cloned());
        }
        is_said = false;
    }
    if !is_said {
        permission = permission.input(everything(asked, call_input));
    }
    let reason = [
        input.description.trimmed().into_owned(),
        if place.is_inner { "asked by a sub-agent".into() } else { String::new() },
    ];
    let reason: Vec<_> = reason.into_iter().filter(|text| !text.is_empty()).collect();
    if !reason.is_empty() {
        permission = permission.reason(reason.join("; "));
    }
    let call = ToolCall::asking(asked);
    if call.is_some() && place.input.is_none() {
        // The rest of what it does is said by its call.
        permission = permission.lasting(Lasting::Nothing);
    }
    let request = Request::new(id, title(&name, &subject), RequestSubject::Permission(permission));
    Some((request, Open { call, kind: Kind::Permission }))
}

/// What does the person want?
pub(super) fn question(asked: &wire::Asked<'_>) -> Option<(Request, Open)> {
    let id = id(asked)?;
    let questions: Vec<_> =
        asked.questions.get().iter().enumerate().map(|(at, question)| read(at, question)).collect();
    let title = questions.first().map_or("opencode asks", |question| &question.text);
    let open = Open { call: ToolCall::asking(asked), kind: Kind::Question(questions.len()) };
    Some((Request::new(id, shortened(title), RequestSubject::Question { questions }), open))
}

fn read(at: usize, question: &wire::Question<'_>) -> Question {
    let options = question.options.get().iter().map(|option| {
        let choice = Choice::new(option.label.text());
        let description = option.description.trimmed();
        if description.is_empty() { choice } else { choice.description(description) }
    });
    let mut read = Question::new(at.to_string(), question.question.text()).options(options);
    let header = question.header.trimmed();
    if !header.is_empty() {
        read = read.header(header);
    }
    if question.multiple.read() == Some(true) { read.multiple() } else { read }
}

impl Open {
    /// What the server is told. Opencode could keep an `always` until its end, but that would be for more than was shown:
    /// for `rm -r build` it is all of `rm`. So every yes is for once, and takopi answers the next time.
    pub(super) fn answer(&self, id: &RequestId, decision: &Decision) -> Result<Answer, ControlError> {
        let refused = |reason: &str| Err(ControlError::Refused(reason.to_owned()));
        let (path, body) = match (&self.kind, decision) {
            (Kind::Permission, Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways) => {
                ("permission", json!({"reply": "once"}))
            }
            (Kind::Permission, Decision::Deny { reason: Some(reason) }) => {
                ("permission", json!({"reply": "reject", "message": reason}))
            }
            (Kind::Permission, Decision::Deny { reason: None }) => ("permission", json!({"reply": "reject"})),
            (Kind::Question(count), Decision::Answer { answers }) => {
                let of = |at: usize| answers.get(&at.to_string()).cloned().unwrap_or_default();
                ("question", json!({"answers": (0..*count).map(of).collect::<Vec<_>>()}))
            }
            (Kind::Question(_), Decision::Deny { .. }) => {
                return Ok(Answer { path: format!("/question/{}/reject", id.as_str()), body: json!({}) });
            }
            (Kind::Permission, _) => return refused("opencode asks for a permission: allow it or deny it"),
            (Kind::Question(_), _) => return refused("opencode asks a question: answer it or deny it"),
        };
        Ok(Answer { path: format!("/{path}/{}/reply", id.as_str()), body })
    }
}

/// An id stands in a path, so it has to look like one.
fn id(asked: &wire::Asked<'_>) -> Option<RequestId> {
    let id = asked.id.text();
    is_id(&id).then(|| RequestId::new(id))
}

/// Whether a text is an id as opencode makes them.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn everything(asked: &wire::Asked<'_>, input: Field<'_>) -> String {
    let value = |field: Field<'_>| field.read::<Value>().filter(|value| *value != json!({}));
    let shown =
        value(input).or_else(|| value(asked.metadata)).or_else(|| value(asked.patterns)).unwrap_or_default();
    serde_json::to_string_pretty(&shown).unwrap_or_default()
}

fn title(name: &str, subject: &str) -> String {
    if subject.is_empty() || subject == "*" {
        name.to_owned()
    } else {
        format!("{name}: {}", shortened(subject))
    }
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(TITLE_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None if line.len() < text.trim_end().len() => format!("{line} …"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use takopi_api::jsonl::Wire;

    use super::*;

    const PLACE: Place<'static> = Place { cwd: "/repo", input: None, is_inner: false };

    #[track_caller]
    fn asked(json: &str, place: Place<'_>) -> (Request, Open) {
        permission(&wire::Asked::read(json).unwrap(), place).unwrap()
    }

    #[track_caller]
    fn subject(json: &str, place: Place<'_>) -> (String, Permission) {
        match asked(json, place).0 {
            Request { title, subject: RequestSubject::Permission(permission), .. } => (title, permission),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_is_shown_with_its_folder_and_its_reason() {
        let json = r#"{"id":"per_1","sessionID":"ses_1","permission":"bash","patterns":["rm -r x","ls"],"metadata":{"command":"rm -r x && ls"},"always":["rm *"],"tool":{"callID":"call_1"}}"#;
        let (title, permission) = subject(json, PLACE);
        assert_eq!(title, "bash: rm -r x && ls");
        // Its call may say another folder.
        let shown = Permission::default().tool("bash").command("rm -r x && ls");
        assert_eq!(permission, shown.lasting(Lasting::Nothing));
        let (_, permission) = subject(json, Place { input: Some(r#"{"command":"rm -r x && ls"}"#), ..PLACE });
        assert_eq!((permission.cwd.as_deref(), permission.lasting), (Some("/repo"), Lasting::Rules));
        let input = r#"{"command":"rm -r x && ls","workdir":"/other","description":"Removes x"}"#;
        let (_, permission) = subject(json, Place { input: Some(input), is_inner: true, ..PLACE });
        assert_eq!((permission.cwd.as_deref(), permission.lasting), (Some("/other"), Lasting::Rules));
        assert_eq!(permission.reason.as_deref(), Some("Removes x; asked by a sub-agent"));
        assert_eq!(asked(json, PLACE).1.call, Some(ToolCall::new("ses_1", "call_1")));
    }

    #[test]
    fn an_edit_is_shown_with_its_diff() {
        let json = r#"{"id":"per_1","permission":"edit","patterns":["a.txt"],"metadata":{"filepath":"/repo/a.txt","diff":"@@ -1 +1 @@\n-a\n+b\n"}}"#;
        let (title, permission) = subject(json, PLACE);
        assert_eq!(title, "edit: a.txt");
        assert_eq!(permission.paths, ["/repo/a.txt"]);
        assert_eq!(permission.diff.as_deref(), Some("@@ -1 +1 @@\n-a\n+b\n"));
    }

    /// Opencode names the files of a patch from the root of the repository on, and says of each where it is besides.
    #[test]
    fn a_patch_is_shown_with_all_of_its_files() {
        let asked = |files: &str| {
            let json = format!(
                r#"{{"id":"per_1","permission":"edit","patterns":["sub/a","sub/b"],"metadata":{{"filepath":"sub/a, sub/b","diff":"@@","files":{files}}}}}"#
            );
            subject(&json, PLACE).1
        };
        let permission = asked(
            r#"[{"filePath":"/repo/sub/a","type":"update"},{"filePath":"/repo/sub/b","type":"add","movePath":null}]"#,
        );
        assert_eq!(permission.paths, ["/repo/sub/a", "/repo/sub/b"]);
        assert_eq!(permission.input, None);

        let permission =
            asked(r#"[{"filePath":"/repo/a","type":"move","movePath":"/repo/.git/hooks/pre-commit"}]"#);
        assert_eq!(permission.paths, ["/repo/a", "/repo/.git/hooks/pre-commit"]);
        assert!(permission.input.unwrap().contains("movePath"));

        let permission = asked(r#"[{"file":"/repo/a"}]"#);
        assert!(permission.input.unwrap().contains("\"file\""), "what is not understood is shown");
    }

    #[test]
    fn of_other_tools_everything_is_shown() {
        let json = r#"{"id":"per_1","permission":"webfetch","patterns":["https://example.org"],"metadata":{"url":"https://example.org","format":"text"}}"#;
        let (title, permission) = subject(json, PLACE);
        assert_eq!(title, "webfetch: https://example.org");
        assert!(permission.input.unwrap().contains("\"format\": \"text\""));

        let json = r#"{"id":"per_1","permission":"external_directory","patterns":["/etc/*"],"metadata":{}}"#;
        let (title, permission) = subject(json, PLACE);
        assert_eq!(
            (title.as_str(), &permission.paths[..]),
            ("external_directory: /etc/*", &["/etc/*".to_owned()][..])
        );

        let json = r#"{"id":"per_1","permission":"github_merge","patterns":["*"],"metadata":{}}"#;
        let (title, permission) = subject(json, Place { input: Some(r#"{"number":7}"#), ..PLACE });
        assert_eq!(
            (title.as_str(), permission.input.as_deref()),
            ("github_merge", Some("{\n  \"number\": 7\n}"))
        );
    }

    #[test]
    fn a_long_command_has_a_short_title_and_is_whole() {
        let command = "x".repeat(1 << 20);
        let json =
            json!({"id": "per_1", "permission": "bash", "patterns": [], "metadata": {"command": command}});
        let (title, permission) = subject(&json.to_string(), PLACE);
        assert!(title.chars().count() < 200);
        assert_eq!(permission.command.unwrap().len(), 1 << 20);
        let json = json!({"id": "per_1", "permission": "bash", "metadata": {"command": "ls\nrm x"}});
        assert_eq!(subject(&json.to_string(), PLACE).0, "bash: ls …");
    }

    #[test]
    fn questions_keep_their_order_options_and_headers() {
        let json = r#"{"id":"que_1","questions":[
            {"question":"Which colour?","header":"Colour","options":[{"label":"Red","description":"The red one"},{"label":"Blue"}],"multiple":true},
            {"question":"Why?","options":7}]}"#;
        let (request, open) = question(&wire::Asked::read(json).unwrap()).unwrap();
        assert_eq!(request.title, "Which colour?");
        let RequestSubject::Question { questions } = request.subject else { panic!() };
        let colour = Question::new("0", "Which colour?")
            .header("Colour")
            .options([Choice::new("Red").description("The red one"), Choice::new("Blue")])
            .multiple();
        assert_eq!(questions, [colour, Question::new("1", "Why?")]);
        let answers = Decision::Answer { answers: BTreeMap::from([("1".into(), vec!["because".into()])]) };
        let answer = open.answer(&request.id, &answers).unwrap();
        assert_eq!(answer.path, "/question/que_1/reply");
        assert_eq!(answer.body, json!({"answers": [[], ["because"]]}));
        assert_eq!(
            open.answer(&request.id, &Decision::Deny { reason: None }).unwrap().path,
            "/question/que_1/reject"
        );
        assert!(matches!(open.answer(&request.id, &Decision::AllowOnce), Err(ControlError::Refused(_))));
    }

    #[test]
    fn every_yes_is_for_once_and_a_no_says_why() {
        let (request, open) = asked(r#"{"id":"per_1","permission":"bash"}"#, PLACE);
        let reply = |decision| open.answer(&request.id, &decision).map(|answer| answer.body);
        for yes in [Decision::AllowOnce, Decision::AllowSession, Decision::AllowAlways] {
            assert_eq!(reply(yes), Ok(json!({"reply": "once"})));
        }
        assert_eq!(reply(Decision::Deny { reason: None }), Ok(json!({"reply": "reject"})));
        let reason = Some("use git".to_owned());
        assert_eq!(reply(Decision::Deny { reason }), Ok(json!({"reply": "reject", "message": "use git"})));
        assert!(reply(Decision::Answer { answers: BTreeMap::new() }).is_err());
    }

    #[test]
    fn what_has_no_proper_id_is_no_request() {
        for id in ["null", "\"\"", "\"../session\"", "\"a b\"", "{}"] {
            let json = format!(r#"{{"id":{id},"permission":"bash"}}"#);
            assert!(permission(&wire::Asked::read(&json).unwrap(), PLACE).is_none(), "{id}");
        }
    }
}
