//! The outgoing side: what takopi says is appended to `out.jsonl`.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::message::{Address, MessageId, MessageKind, MessageRef, OutgoingMessage, SendOptions};
use takopi_api::transport::{Capabilities, Edited, SendError, SendFailure, Transport};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

/// A line of the file. Of several with one id, the last one counts: a message that is edited is written again.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    id: u64,
    chat: String,
    kind: MessageKind,
    text: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<MessageId>,
}

/// The chat, as far as takopi sends into it.
#[derive(Debug)]
pub(crate) struct Chat {
    path: PathBuf,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    file: File,
    /// The id of the last message.
    last: u64,
}

impl Chat {
    /// Goes on with the chat in a folder, which is made if it is not there.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("out.jsonl");
        let failed = |error: io::Error| Error::new(format!("{}: {error}", path.display()));
        fs::create_dir_all(folder).await.map_err(failed)?;
        let said = match fs::read_to_string(&path).await {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            said => said.map_err(failed)?,
        };
        let ids = said.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()).map(|line| line.id);
        let last = ids.max().unwrap_or(0);
        let file = OpenOptions::new().append(true).create(true).open(&path).await.map_err(failed)?;
        Ok(Self { path, out: Mutex::new(Out { file, last }) })
    }

    async fn append(&self, out: &mut Out, line: &Line) -> Result<(), SendError> {
        let mut text = serde_json::to_string(line)
            .map_err(|error| SendError::new(SendFailure::Refused, error.to_string()))?;
        text.push('\n');
        let written = async {
            out.file.write_all(text.as_bytes()).await?;
            out.file.flush().await
        };
        // A part of the line may be there.
        written.await.map_err(|error: io::Error| {
            SendError::new(SendFailure::Unknown, format!("{}: {error}", self.path.display()))
        })
    }
}

/// It has text and nothing else, and takopi makes up for the rest. What is not there is refused, never left out.
fn line(id: u64, to: &Address, message: OutgoingMessage) -> Result<Line, SendError> {
    if !message.buttons.is_empty() {
        return Err(SendError::unsupported("buttons"));
    }
    if !message.files.is_empty() {
        return Err(SendError::unsupported("files"));
    }
    if to.topic.id().is_some() {
        return Err(SendError::unsupported("topics"));
    }
    let (chat, text) = (to.channel.to_string(), message.body.joined());
    Ok(Line { id, chat, kind: message.kind, text, reply_to: None })
}

#[async_trait]
impl Transport for Chat {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().edit(Duration::from_millis(200)).replies()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let mut out = self.out.lock().await;
        let id = out.last + 1;
        let line = Line { reply_to: options.reply_to, ..line(id, to, message)? };
        // Taken even if it can not be written: nobody knows what of it arrived.
        out.last = id;
        self.append(&mut out, &line).await?;
        Ok(MessageRef::new(to.clone(), MessageId::new(id.to_string())))
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        let mut out = self.out.lock().await;
        let id = message.id.as_str().parse().ok().filter(|id| (1..=out.last).contains(id));
        let gone = || SendError::new(SendFailure::Gone, format!("there is no message {}", message.id));
        let line = line(id.ok_or_else(gone)?, &message.address, new)?;
        self.append(&mut out, &line).await?;
        Ok(Edited::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use takopi_api::message::Body;
    use takopi_api::testing::{TransportContract, TransportFixture};

    use super::*;

    /// What people see: what each message says now.
    fn seen(folder: &Path) -> String {
        let text = std::fs::read_to_string(folder.join("out.jsonl")).expect("the chat is there");
        let line = |line| serde_json::from_str::<Line>(line).expect("each line is whole");
        let messages: BTreeMap<u64, String> =
            text.lines().map(line).map(|line| (line.id, line.text)).collect();
        messages.into_values().collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn it_keeps_the_contract_of_transports() {
        let start = async || {
            let folder = tempfile::tempdir().expect("there is room");
            let transport = Arc::new(Chat::open(folder.path()).await.expect("the chat opens"));
            TransportFixture {
                transport,
                address: Address::general("main"),
                seen: Box::new(move || seen(folder.path())),
            }
        };
        TransportContract { start }.check().await;
    }

    #[tokio::test]
    async fn ids_go_on_after_a_restart() {
        let folder = tempfile::tempdir().expect("there is room");
        let mut ids = Vec::new();
        for _ in 0..2 {
            let chat = Chat::open(folder.path()).await.expect("the chat opens");
            let message = OutgoingMessage::new(MessageKind::Notice, Body::plain("here"));
            let sent = chat.send(&Address::general("main"), message, SendOptions::default()).await;
            ids.push(sent.expect("it is sent").id.to_string());
        }
        assert_eq!(ids, ["1", "2"]);
    }
}
