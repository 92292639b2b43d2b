//! The transport: what it needs before it can run, and how it begins.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use takopi_api::async_trait;
use takopi_api::config::{ConfigError, ConfigTable};
use takopi_api::error::Error;
use takopi_api::transport::{
    Check, Ear, LockToken, Newcomer, SetupContext, SetupError, SetupIssue, Topics, TransportBackend,
    TransportRun, Wizard,
};
use tokio::sync::mpsc;

use crate::client::{BotToken, Client};
use crate::moves::Moves;
use crate::outbox::Paces;
use crate::poll::Poller;
pub(crate) use crate::settings::Settings;
use crate::transport::{RichMessages, Telegram};
use crate::voice::{self, Voice};
use crate::{admit, doctor, settings, setup};

/// Connections are made when takopi runs it.
#[derive(Debug)]
pub(crate) struct TelegramBackend {
    id: &'static str,
    paces: Paces,
    /// It is said once that takopi is there, however often the transport is started anew.
    has_greeted: AtomicBool,
}

pub(crate) fn new() -> TelegramBackend {
    TelegramBackend::of("telegram", Paces::TELEGRAM)
}

impl TelegramBackend {
    /// The transport under an id, for servers with these paces.
    pub(crate) const fn of(id: &'static str, paces: Paces) -> Self {
        Self { id, paces, has_greeted: AtomicBool::new(false) }
    }
}

#[async_trait]
impl TransportBackend for TelegramBackend {
    fn id(&self) -> &'static str {
        self.id
    }

    fn check_setup(&self, context: &SetupContext<'_>) -> Vec<SetupIssue> {
        let file = context.config_path.display();
        let steps = match context.config.parse::<Settings>() {
            Err(error) => vec![error.to_string()],
            Ok(settings) => {
                let mut steps = Vec::new();
                if settings.bot_token.is_none() {
                    steps.push(format!(
                        "set `bot_token` in [transports.telegram] of {file}: @BotFather gives it"
                    ));
                }
                if !settings.names_somebody() {
                    steps.push(format!(
                        "run `takopi pair`, or set `chat_id` or `allowed_user_ids` in [transports.telegram] of {file}: nobody else is heard"
                    ));
                }
                if let Err(error) = settings.plan(context.config) {
                    steps.push(error.to_string());
                }
                if let Err(error) = voice::wanted(&settings, context.config, voice::variable) {
                    steps.push(error.to_string());
                }
                steps
            }
        };
        if steps.is_empty() {
            return Vec::new();
        }
        vec![SetupIssue { title: "configure telegram".to_owned(), steps }]
    }

    async fn examine(&self, context: &SetupContext<'_>) -> Vec<Check> {
        let read = || -> Result<_, Error> {
            let settings: Settings = context.config.parse().map_err(settings::told)?;
            let plan = settings.plan(context.config).map_err(settings::told)?;
            let folder = context.config_path.parent().unwrap_or_else(|| Path::new("."));
            let client = Client::new(&token(&settings, folder)?, &settings.api_base_url)?;
            let topics = Topics::read(context.config).map_err(settings::told)?;
            let voice = voice::wanted(&settings, context.config, voice::variable).map_err(settings::told)?;
            Ok((plan, topics, voice, client))
        };
        match read() {
            Ok((plan, topics, voice, client)) => {
                doctor::examine(&client, &plan, &topics, &voice, context).await
            }
            Err(error) => {
                let check = Check::error("token", error.to_string());
                vec![error.hints().iter().cloned().fold(check, Check::hint)]
            }
        }
    }

    async fn interactive_setup(
        &self,
        context: &SetupContext<'_>,
        wizard: &mut dyn Wizard,
    ) -> Result<ConfigTable, SetupError> {
        setup::set_up(context, wizard).await
    }

    async fn overhear(
        &self,
        context: &SetupContext<'_>,
        wizard: &mut dyn Wizard,
    ) -> Result<Box<dyn Ear>, SetupError> {
        setup::ear::open(context, wizard).await
    }

    fn admit(&self, context: &SetupContext<'_>, newcomer: &Newcomer) -> Result<ConfigTable, Error> {
        let settings: Settings = context.config.parse().map_err(settings::told)?;
        let keys = admit::admit(&settings, context.projects, newcomer)?;
        ConfigTable::from_toml(Path::new("answers"), keys).map_err(settings::told)
    }

    fn lost_by_admitting(&self, context: &SetupContext<'_>) -> Result<Option<String>, ConfigError> {
        Ok(admit::lost_by_admitting(&context.config.parse()?, context.projects))
    }

    fn lock_token(&self, config: &ConfigTable) -> Result<Option<LockToken>, ConfigError> {
        let settings: Settings = config.parse()?;
        let folder = config.file().parent().unwrap_or_else(|| Path::new("."));
        match token(&settings, folder) {
            Ok(token) => Ok(Some(token.lock_token())),
            Err(error) => Err(config.error_at("bot_token", error.to_string())),
        }
    }

    /// Polls end with it, and messages go out by a task that ends when nobody can send any more.
    fn can_start_again(&self) -> bool {
        true
    }

    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error> {
        let TransportRun { config, config_path, runtime, shutdown, .. } = run;
        let settings: Settings = config.parse().map_err(settings::told)?;
        let plan = settings.plan(&config).map_err(settings::told)?;
        if !settings.names_somebody() {
            return Err(Error::new("nobody is named who may be heard")
                .hint("run `takopi pair`, or set `chat_id` or `allowed_user_ids` in [transports.telegram]"));
        }
        let folder = config_path.parent().unwrap_or_else(|| Path::new("."));
        let client = Client::new(&token(&settings, folder)?, &settings.api_base_url)?;
        let voice = Voice::new(&settings, &config, folder)?;
        let moves = Moves::load(&runtime.store()).await;
        let moves = Arc::new(moves.map_err(|error| Error::new(error.to_string()))?);
        let (sender, moved) = mpsc::unbounded_channel();
        let rich = RichMessages::new(settings.tables);
        let telegram = Telegram::new(client.clone(), self.paces, Arc::clone(&moves), voice, rich, sender);
        let is_greeting = settings.startup_message && !self.has_greeted.swap(true, Ordering::Relaxed);
        Poller { client, runtime, telegram, moves, moved, plan, is_greeting, shutdown }.run().await
    }
}

fn token(settings: &Settings, folder: &Path) -> Result<BotToken, Error> {
    let secret = settings
        .bot_token
        .as_ref()
        .ok_or_else(|| Error::new("`bot_token` is not set").hint("@BotFather gives it: send him /newbot"))?;
    BotToken::new(secret.resolve(folder)?)
}
