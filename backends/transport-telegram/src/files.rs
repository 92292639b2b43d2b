//! Files: those that people send, and those that go out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use takopi_api::message::{FileContent, IncomingFile, OutgoingFile};
use takopi_api::transport::{SendError, SendFailure};

use crate::client::{CallError, Client, Failure, insist};

/// How large a file may be that a bot sends, and all files of one call together.
pub(crate) const MAX_SENT: u64 = 50 << 20;

/// The content of a file that goes out.
pub(crate) async fn load(file: &OutgoingFile) -> Result<Vec<u8>, SendError> {
    let content = match &file.content {
        FileContent::Bytes(bytes) => bytes.clone(),
        FileContent::Path(path) => {
            let path = path.clone();
            let read = tokio::task::spawn_blocking(move || read(&path)).await;
            read.map_err(|error| SendError::new(SendFailure::Refused, format!("{}: {error}", file.name)))?
                .map_err(|error| SendError::new(SendFailure::Refused, format!("{}: {error}", file.name)))?
        }
    };
    if content.len() as u64 > MAX_SENT {
        let told = format!("{} is larger than the {} MiB that Telegram takes", file.name, MAX_SENT >> 20);
        return Err(SendError::new(SendFailure::TooLong, told));
    }
    Ok(content)
}

/// Reads a file, and a byte more than may be sent if there is more: it can grow while it is read.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_SENT + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// Fetches a file that came with a message.
pub(crate) async fn fetch(
    client: &Client,
    file: &IncomingFile,
    max_bytes: u64,
) -> Result<Vec<u8>, CallError> {
    let refused = |failure, message: String| CallError { method: "getFile", failure, message };
    let found = insist(|| client.get_file(file.id.as_str())).await?;
    // What is announced saves the way; what comes is counted again.
    if found.file_size.is_some_and(|size| size > max_bytes) {
        return Err(refused(Failure::TooLong, format!("the file is larger than {max_bytes} bytes")));
    }
    let Some(path) = found.file_path else {
        return Err(refused(Failure::Refused, "the server does not say where the file is".to_owned()));
    };
    insist(|| client.download(&path, max_bytes)).await
}
