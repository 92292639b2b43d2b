//! Files, by the ids that stand in messages, and by the paths under which they are downloaded.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// The largest file that a bot may download.
const DOWNLOAD: u64 = 20 * 1024 * 1024;

/// A file that a person sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is called.
    pub name: String,
    /// What it is said to be.
    pub mime: String,
    /// What is in it.
    pub bytes: Bytes,
    /// How large it is said to be, which may be left out or wrong.
    pub announced: Option<u64>,
}

impl Attachment {
    /// A file that is what it says.
    #[must_use]
    pub fn new(name: &str, mime: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let announced = u64::try_from(bytes.len()).ok();
        Self { name: name.to_owned(), mime: mime.to_owned(), bytes, announced }
    }

    /// The same, with another size in its message.
    #[must_use]
    pub fn announced(self, size: Option<u64>) -> Self {
        Self { announced: size, ..self }
    }
}

#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    attachment: Attachment,
    /// Where it is downloaded, once that was asked.
    path: Option<String>,
}

impl Files {
    pub(super) fn add(&mut self, attachment: Attachment) -> String {
        let id = format!("BQACAgIAAxk{:06}", self.files.len() + 1);
        self.files.insert(id.clone(), File { attachment, path: None });
        id
    }

    pub(super) fn get(&self, id: &str) -> Option<&Attachment> {
        Some(&self.files.get(id)?.attachment)
    }

    /// How a message writes it down.
    pub(super) fn json(&self, id: &str) -> Value {
        let mut json = json!({"file_id": id, "file_unique_id": unique(id)});
        if let Some(file) = self.get(id) {
            json["file_name"] = json!(file.name);
            json["mime_type"] = json!(file.mime);
            if let Some(size) = file.announced {
                json["file_size"] = json!(size);
            }
        }
        json
    }

    /// Makes a file ready for its download.
    pub(super) fn ready(&mut self, id: &str) -> Result<Value, Refusal> {
        let wrong = || Refusal::bad("wrong file_id or the file is temporarily unavailable");
        let number = self.files.keys().position(|key| key == id).ok_or_else(wrong)?;
        let file = self.files.get_mut(id).ok_or_else(wrong)?;
        let size = u64::try_from(file.attachment.bytes.len()).unwrap_or(u64::MAX);
        if size.max(file.attachment.announced.unwrap_or(0)) > DOWNLOAD {
            return Err(Refusal::bad("file is too big"));
        }
        let ending = file.attachment.name.rsplit_once('.').map_or("bin", |(_, ending)| ending);
        let path = file.path.insert(format!("documents/file_{number}.{ending}"));
        let mut json = json!({"file_id": id, "file_unique_id": unique(id), "file_path": path});
        if let Some(size) = file.attachment.announced {
            json["file_size"] = json!(size);
        }
        Ok(json)
    }

    /// What is downloaded from this path.
    pub(super) fn download(&self, path: &str) -> Option<Bytes> {
        let mut files = self.files.values();
        let file = files.find(|file| file.path.as_deref() == Some(path))?;
        Some(file.attachment.bytes.clone())
    }
}

fn unique(id: &str) -> String {
    format!("AgAD{}", &id[id.len().saturating_sub(6)..])
}
