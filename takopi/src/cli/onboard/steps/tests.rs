//! The wizard with a person who answers from a list.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use takopi_api::config::Secret;
use takopi_api::engine::EngineBackend;
use takopi_api::error::Error;
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::transport::{Cancelled, SetupIssue, TransportRun};

use super::*;
use crate::config::{Overrides, Reader};
use crate::plugins::{Linked, Registry};

/// What a person answers.
#[derive(Debug, Clone)]
enum Says {
    Yes,
    No,
    Enter,
    Number(usize),
    Text(&'static str),
}

struct Person {
    answers: VecDeque<Says>,
    said: String,
}

impl Person {
    fn next(&mut self, question: &str) -> Result<Says, Cancelled> {
        self.said.push_str(&format!("{question}\n"));
        self.answers.pop_front().ok_or(Cancelled)
    }
}

#[async_trait]
impl Wizard for Person {
    fn step(&mut self, title: &str) {
        self.said.push_str(&format!("step: {title}\n"));
    }

    fn say(&mut self, text: &str) {
        self.said.push_str(&format!("{text}\n"));
    }

    async fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Cancelled> {
        match self.next(question)? {
            Says::Yes => Ok(true),
            Says::No => Ok(false),
            Says::Enter => Ok(default),
            other => panic!("{other:?} to {question}"),
        }
    }

    async fn select(&mut self, question: &str, choices: &[String]) -> Result<usize, Cancelled> {
        self.said.push_str(&format!("{choices:?}\n"));
        match self.next(question)? {
            Says::Number(place) => Ok(place),
            other => panic!("{other:?} to {question}"),
        }
    }

    async fn text(&mut self, question: &str, default: Option<&str>) -> Result<String, Cancelled> {
        match self.next(question)? {
            Says::Text(text) => Ok(text.to_owned()),
            Says::Enter => Ok(default.unwrap_or_default().to_owned()),
            other => panic!("{other:?} to {question}"),
        }
    }

    async fn secret(&mut self, question: &str) -> Result<Secret, Cancelled> {
        self.text(question, None).await.map(Secret::typed)
    }
}

/// A chat system that needs a token.
struct Needy;

#[async_trait]
impl TransportBackend for Needy {
    fn id(&self) -> &'static str {
        "needy"
    }

    fn check_setup(&self, context: &SetupContext<'_>) -> Vec<SetupIssue> {
        let issue = SetupIssue { title: "configure needy".to_owned(), steps: Vec::new() };
        if context.config.contains("token") { Vec::new() } else { vec![issue] }
    }

    async fn interactive_setup(
        &self,
        _: &SetupContext<'_>,
        wizard: &mut dyn Wizard,
    ) -> Result<ConfigTable, SetupError> {
        let token = wizard.secret("token").await?;
        let token = token.resolve(Path::new(""))?.expose().to_owned();
        if token == "wrong" {
            return Err(Error::new("this is no token").into());
        }
        let text = format!("token = {token:?}\n[files]\nenabled = true\n");
        ConfigTable::from_toml(Path::new("answers"), text)
            .map_err(|error| Error::new(error.to_string()).into())
    }

    async fn build_and_run(&self, _: TransportRun) -> Result<(), Error> {
        Ok(())
    }
}

/// One that is set up by hand.
struct ByHand;

#[async_trait]
impl TransportBackend for ByHand {
    fn id(&self) -> &'static str {
        "by_hand"
    }

    fn check_setup(&self, _: &SetupContext<'_>) -> Vec<SetupIssue> {
        vec![SetupIssue { title: "configure by_hand".to_owned(), steps: Vec::new() }]
    }

    async fn build_and_run(&self, _: TransportRun) -> Result<(), Error> {
        Ok(())
    }
}

/// One that needs nothing.
struct Free;

#[async_trait]
impl TransportBackend for Free {
    fn id(&self) -> &'static str {
        "free"
    }

    async fn build_and_run(&self, _: TransportRun) -> Result<(), Error> {
        Ok(())
    }
}

fn rows(transports: &[&str]) -> Vec<&'static Backend> {
    let engines = [
        Backend::new(
            "acme",
            Constructor::Engine(|| {
                EngineBackend::new("acme", Availability::Embedded, |_| unreachable!("it does not run"))
            }),
        ),
        Backend::new(
            "gone",
            Constructor::Engine(|| {
                let needs =
                    Availability::Cli { commands: &["no-such-program"], install: "get no-such-program" };
                EngineBackend::new("gone", needs, |_| unreachable!("it does not run"))
            }),
        ),
        Backend::new(
            "zsh",
            Constructor::Engine(|| {
                let needs = Availability::Cli { commands: &["sh"], install: "get sh" };
                EngineBackend::new("zsh", needs, |_| unreachable!("it does not run"))
            }),
        ),
    ];
    let all = [
        Backend::new("by_hand", Constructor::Transport(|| std::sync::Arc::new(ByHand))),
        Backend::new("free", Constructor::Transport(|| std::sync::Arc::new(Free))),
        Backend::new("needy", Constructor::Transport(|| std::sync::Arc::new(Needy))),
    ];
    let chosen = all.into_iter().filter(|row| transports.contains(&row.id));
    chosen.chain(engines).map(|row| &*Box::leak(Box::new(row.distribution(&HERE)))).collect()
}

static HERE: takopi_api::plugin::Distribution = takopi_api::plugin::Distribution::new("tests", "1.0.0", "");

/// A folder with a configuration, and a repository beside it.
struct Machine {
    _folder: tempfile::TempDir,
    file: PathBuf,
    here: Here,
}

impl Machine {
    fn new(text: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap().join("site");
        fs::create_dir(&root).unwrap();
        let file = folder.path().join("takopi/takopi.toml");
        if let Some(text) = text {
            fs::create_dir(folder.path().join("takopi")).unwrap();
            fs::write(&file, text).unwrap();
        }
        Self { _folder: folder, file, here: Here { root, base: Some("main".to_owned()) } }
    }

    /// Asks a person, and gives what was said and whether it came to an end.
    async fn ask(
        &self,
        transports: &[&str],
        repository: bool,
        answers: &[Says],
    ) -> (Result<(), Left>, String) {
        let engines = vec!["acme", "gone", "zsh"];
        let vocabulary = Vocabulary { engines, reserved: vec!["cancel".to_owned()], ..Vocabulary::default() };
        let reader = Reader::new(&self.file, vocabulary, Overrides::default());
        let config = reader.load().unwrap();
        let registry = Registry::new(rows(transports), &["cancel"], config.enabled.clone());
        let linked = Linked::default();
        let session = Session { registry: Arc::new(registry), config, linked: &linked, reader };
        let mut person = Person { answers: answers.iter().cloned().collect(), said: String::new() };
        let ended = set_up(&mut person, &session, repository.then_some(&self.here)).await;
        assert!(person.answers.is_empty(), "it did not ask everything: {}", person.said);
        (ended, person.said)
    }

    fn text(&self) -> Option<String> {
        fs::read_to_string(&self.file).ok()
    }
}

const ALL: &[&str] = &["by_hand", "free", "needy"];

#[tokio::test]
async fn all_answers_are_in_the_file_and_nobody_else_may_read_it() {
    let machine = Machine::new(None);
    let answers = [
        Says::Number(2),
        Says::Text("12:ab"),
        // The embedded one and the one that is there come first.
        Says::Number(1),
        Says::Enter,
        Says::Text("cancel"),
        Says::Enter,
        Says::Enter,
        Says::Enter,
    ];
    let (ended, said) = machine.ask(ALL, true, &answers).await;
    assert!(ended.is_ok(), "{ended:?}");
    let path = machine.here.root.display();
    assert_eq!(
        machine.text().unwrap(),
        format!(
            "transport = \"needy\"\ndefault_engine = \"zsh\"\ndefault_project = \"site\"\n\n[transports.needy]\n\
             token = \"12:ab\"\n\n[transports.needy.files]\nenabled = true\n\n[projects.site]\npath = \"{path}\"\n\
             worktrees_dir = \".worktrees\"\nworktree_base = \"main\"\n"
        )
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&machine.file), mode(machine.file.parent().unwrap())), (0o600, 0o700));
    assert!(!said.contains("12:ab"), "a secret was shown: {said}");
    assert!(said.contains("an alias can not be the name of an engine or a command"), "{said}");
    assert!(said.contains("\"acme: part of takopi\", \"zsh: installed, "), "{said}");
    assert!(said.contains("\"gone: not installed; `get no-such-program`\", \"none: "), "{said}");
}

#[tokio::test]
async fn what_can_not_be_set_up_here_is_said_and_offered_no_more() {
    let machine = Machine::new(None);
    let answers =
        [Says::Number(0), Says::Number(1), Says::Text("wrong"), Says::Number(0), Says::Number(3), Says::Yes];
    let (ended, said) = machine.ask(ALL, false, &answers).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert!(
        said.contains("the transport by_hand can not be set up here\n  write [transports.by_hand] by hand\n"),
        "{said}"
    );
    assert!(said.contains("this is no token\n") && said.contains("[\"free: \"]"), "{said}");
    assert_eq!(machine.text().unwrap(), "transport = \"free\"\n");
    let (ended, _) = machine.ask(&["by_hand"], false, &[Says::Number(0)]).await;
    assert!(matches!(ended, Err(Left::Failed(_))));
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_taken_only_if_that_is_meant() {
    let machine = Machine::new(None);
    let answers = [Says::Number(0), Says::Number(2), Says::Enter, Says::Number(2), Says::Yes, Says::Yes];
    machine.ask(&["free"], false, &answers).await.0.unwrap();
    assert_eq!(machine.text().unwrap(), "transport = \"free\"\ndefault_engine = \"gone\"\n");
}

#[tokio::test]
async fn whoever_gives_up_anywhere_leaves_everything_as_it_was() {
    let answers =
        [Says::Number(2), Says::Text("12:ab"), Says::Number(0), Says::Yes, Says::Enter, Says::Yes, Says::No];
    for before in [None, Some("# mine\n[projects.site]\npath = \"/other\"\n")] {
        for asked in 0..=answers.len() {
            let machine = Machine::new(before);
            let mut answers = answers[..asked].to_vec();
            if before.is_some() && asked > 4 {
                answers[4] = Says::Text("another");
            }
            let (ended, _) = machine.ask(ALL, true, &answers).await;
            assert!(matches!(ended, Err(Left::Cancelled)), "after {asked} answers: {ended:?}");
            assert_eq!(machine.text().as_deref(), before);
            assert_eq!(machine.file.parent().unwrap().exists(), before.is_some());
        }
    }
}

#[tokio::test]
async fn what_is_set_up_already_stays_unless_it_is_wished_otherwise() {
    let path =
        "# mine\ntransport = \"free\" # for now\n[transports.needy]\ntoken = \"old\" # kept\nextra = 1\n";
    let machine = Machine::new(Some(path));
    machine.ask(ALL, false, &[Says::Number(2), Says::Enter, Says::Number(3), Says::Yes]).await.0.unwrap();
    assert_eq!(machine.text().unwrap(), path.replace("free", "needy"));
    let answers = [Says::Number(2), Says::Yes, Says::Text("new"), Says::Number(3), Says::Yes];
    machine.ask(ALL, false, &answers).await.0.unwrap();
    let text = machine.text().unwrap();
    assert!(text.contains("token = \"new\" # kept\nextra = 1\n") && text.starts_with("# mine\n"), "{text}");
    // What is a project already is not asked for.
    let project = format!("[projects.x]\npath = \"{}\"\n", machine.here.root.display());
    fs::write(&machine.file, project).unwrap();
    machine.ask(&["free"], true, &[Says::Number(0), Says::Number(3), Says::Yes]).await.0.unwrap();
}
