use std::path::Path;
use std::time::Duration;

use takopi_api::command::{Reading, RunResult};
use takopi_api::config::ConfigTable;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Outcome};
use takopi_api::runtime::ShutdownSwitch;
use takopi_api::testing::FakeCommandHost;

use super::*;

/// The three commands, started with a fake of takopi.
struct Started {
    host: Arc<FakeCommandHost>,
    plugin: PluginHost,
    scheduler: Arc<Scheduler>,
    switch: ShutdownSwitch,
}

async fn started(config: &str) -> Started {
    let host = FakeCommandHost::new(|_| {
        Ok(RunResult::new(Completed::new(EngineId::from_static("codex"), Outcome::Done), None))
    });
    host.configure(ConfigTable::from_toml(Path::new("takopi.toml"), config).unwrap());
    let (plugin, switch) = host.plugin("schedule");
    let started = Started { host, plugin, scheduler: Arc::default(), switch };
    started.command(Word::Schedule).start(started.plugin.clone()).await.unwrap();
    started
}

impl Started {
    fn command(&self, word: Word) -> Command {
        Command { word, scheduler: Arc::clone(&self.scheduler) }
    }

    /// What is answered.
    async fn said(&self, word: Word, args: &str) -> String {
        match self.command(word).handle(self.host.context(args)).await {
            Ok(answer) => answer.map(|answer| answer.body.joined()).unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    async fn pressed(&self, data: &str) -> Option<OutgoingMessage> {
        let context = self.host.context("").trigger(Trigger::Button { data: data.to_owned() });
        self.command(Word::Schedule).handle(context).await.unwrap()
    }

    async fn ran(&self, count: usize) -> Vec<String> {
        loop {
            let prompts: Vec<_> = self.host.requests().into_iter().map(|request| request.prompt).collect();
            if prompts.len() >= count {
                return prompts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn is_written(&self, key: &str) -> bool {
        self.plugin.store().get(key).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_prompt_runs_as_a_message_when_its_time_comes() {
    let started = started("").await;
    let said = started.said(Word::At, "1s /codex mend it").await;
    assert!(said.starts_with("#1 runs at "), "{said}");
    assert_eq!(started.ran(1).await, ["/codex mend it"]);
    assert_eq!(started.host.requests()[0].reading, Reading::Message);
    while started.is_written("taken/0000000001").await {
        tokio::task::yield_now().await;
    }
    assert!(!started.is_written("entry/0000000001").await);
    assert!(started.said(Word::Schedule, "").await.starts_with("nothing is scheduled here"));
}

#[tokio::test]
async fn what_is_scheduled_is_listed_paused_run_and_cancelled() {
    let started = started("time_zone = 'UTC'\nlimit = 2").await;
    assert!(
        started.said(Word::Cron, "0 9 * * 1-5 look").await.starts_with("#1 runs at 0 9 * * 1-5, next at ")
    );
    let said = started.said(Word::At, "2d mend it").await;
    assert!(
        said.starts_with("#2 runs at ") && said.ends_with("(in 2d)") || said.ends_with("(in 1d 23h)"),
        "{said}"
    );
    assert_eq!(started.said(Word::At, "1d more").await, "2 are scheduled here already, which is the limit");
    assert_eq!(started.said(Word::Schedule, "pause 1").await, "#1 is paused");
    let list = started.said(Word::Schedule, "").await;
    assert!(list.starts_with("2 scheduled · ") && list.contains("#1 0 9 * * 1-5, paused: look"), "{list}");
    assert!(started.said(Word::Schedule, "resume #1").await.starts_with("#1 goes on, next at "));
    assert_eq!(started.said(Word::Schedule, "run 1").await, "#1 runs now");
    assert_eq!(started.ran(1).await, ["look"]);
    assert_eq!(started.said(Word::Schedule, "cancel 2").await, "#2 is cancelled");
    assert_eq!(started.said(Word::Schedule, "cancel 2").await, "nothing is scheduled here as #2");
    assert_eq!(started.said(Word::Schedule, "lose 1").await, "`lose` is nothing that can be done with #1");
    assert_eq!(
        started.said(Word::Schedule, "pause it").await,
        "usage: /schedule [pause | resume | cancel | run <number>]"
    );
    assert!(started.pressed("pause 1 list").await.is_none(), "the list itself says it");
    assert!(started.said(Word::Schedule, "").await.contains("paused: look"));
}

#[tokio::test]
async fn what_was_about_to_run_is_told_and_not_begun_again() {
    let first = started("").await;
    first.said(Word::At, "1d mend it").await;
    let entry = first.scheduler.live().unwrap().book().await.get(1).unwrap().clone();
    let write = crate::book::takes(&entry).unwrap();
    first.plugin.store().write([write]).await.unwrap();
    first.switch.shut_down();
    let second = Command { word: Word::Schedule, scheduler: Arc::default() };
    let (other, _switch) = first.host.plugin("schedule");
    let stored = first.plugin.store().list("").await.unwrap();
    let writes = stored.into_iter().map(|(key, value)| takopi_api::runtime::Write::put(key, value));
    other.store().write(writes).await.unwrap();
    second.start(other.clone()).await.unwrap();
    while other.store().get("taken/0000000001").await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = first.host.sent().pop().unwrap().body.joined();
    assert!(told.starts_with("takopi was stopped while #1 ran or was about to"), "{told}");
    assert!(first.host.requests().is_empty());
}

#[tokio::test]
async fn a_run_that_may_not_begin_is_kept_and_says_why() {
    let started = started("").await;
    started.host.refuse(true);
    started.said(Word::At, "1s mend it").await;
    loop {
        let list = started.said(Word::Schedule, "").await;
        if list.contains("missed: mend it\n   the last time: nobody is heard") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started.host.refuse(false);
    assert_eq!(started.said(Word::Schedule, "run 1").await, "#1 runs now");
    assert_eq!(started.ran(1).await, ["mend it"]);
}

#[tokio::test]
async fn settings_that_can_not_be_are_named_and_change_nothing() {
    let unknown = ConfigTable::from_toml(Path::new("takopi.toml"), "time_zone = 'Europe/Nowhere'").unwrap();
    let host = FakeCommandHost::new(|_| Err(Error::new("nothing runs")));
    host.configure(unknown.clone());
    let command = Command { word: Word::Schedule, scheduler: Arc::default() };
    let (plugin, _switch) = host.plugin("schedule");
    let error = command.start(plugin).await.unwrap_err().to_string();
    assert!(
        error.starts_with("takopi.toml:1:13: `time_zone`: there is no time zone `Europe/Nowhere`"),
        "{error}"
    );
    let error = command.handle(host.context("")).await.unwrap_err().to_string();
    assert_eq!(error, "nothing can be scheduled: the plugin is not started");

    let started = started("time_zone = 'UTC'").await;
    started.host.configure(unknown);
    started.command(Word::Schedule).on_config(started.plugin.clone()).await;
    assert!(started.said(Word::At, "1d mend it").await.starts_with("#1 runs at "));
}
