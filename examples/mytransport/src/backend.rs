//! The transport: what can be set, and what it does while takopi runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::runtime::{Batch, Connection, Write};
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::{
    Access, Channels, People, SetupContext, SetupIssue, TransportBackend, TransportRun,
};

use crate::chat::Chat;
use crate::inbox;

/// How often it looks for new lines. A transport with a network waits for its server instead.
const LOOK: Duration = Duration::from_millis(100);

/// The table `[transports.mytransport]`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// The folder of the chat; a relative one lies beside the configuration file.
    pub(crate) folder: PathBuf,
    /// Who is heard, by what stands under `from` in their lines. There is no default: where nobody is named, nobody is heard.
    #[serde(default)]
    pub(crate) people: Vec<String>,
}

/// It holds nothing: files are opened when takopi runs it.
#[derive(Debug)]
pub(crate) struct MyTransport;

pub(crate) const fn new() -> MyTransport {
    MyTransport
}

#[async_trait]
impl TransportBackend for MyTransport {
    fn id(&self) -> &'static str {
        "mytransport"
    }

    fn check_setup(&self, context: &SetupContext<'_>) -> Vec<SetupIssue> {
        let step = match context.config.parse::<Settings>() {
            Err(error) => error.to_string(),
            Ok(settings) if settings.people.is_empty() => format!(
                "set `people` in [transports.mytransport] of {}: nobody else is heard",
                context.config_path.display()
            ),
            Ok(_) => return Vec::new(),
        };
        vec![SetupIssue { title: "configure mytransport".to_owned(), steps: vec![step] }]
    }

    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error> {
        let settings: Settings = run.config.parse()?;
        if settings.people.is_empty() {
            return Err(Error::new("nobody is named who may be heard")
                .hint("set `people` in [transports.mytransport]"));
        }
        let folder = run.config_path.parent().unwrap_or(Path::new("")).join(settings.folder);
        let chat = Arc::new(Chat::open(&folder).await?);
        // takopi asks this list for every message; the transport asks nobody itself.
        let access = Access::nobody().people(People::listed(settings.people)).channels(Channels::All);
        let connection = run.runtime.connect(chat, access);
        let file = folder.join("in.jsonl");
        loop {
            tokio::select! {
                () = run.shutdown.requested() => return Ok(()),
                () = tokio::time::sleep(LOOK) => receive(&connection, &file).await?,
            }
        }
    }
}

/// Gives takopi what people wrote since it looked last. How far it has read is stored in one go with the messages: whatever
/// ends the program, none is lost and none comes twice.
async fn receive(connection: &Connection, file: &Path) -> Result<(), Error> {
    let read = connection.runtime().store().get("read").await?;
    let from = read.and_then(|read| String::from_utf8(read).ok()?.parse().ok()).unwrap_or(0);
    let Some(bytes) = inbox::read(file, from).await? else { return Ok(()) };
    let inbox::Lines { messages, unreadable, end } = inbox::lines(&bytes, from);
    for problem in unreadable {
        tracing::warn!("{}: a line is left out: {problem}", file.display());
    }
    if end == from {
        return Ok(());
    }
    let batch = Batch::new(messages).write(Write::put("read", end.to_string()));
    if let Err(error) = connection.handle_batch(batch).await {
        // Nothing of it was taken, so the next look finds it again.
        tracing::warn!("messages wait: {error}");
    }
    Ok(())
}
