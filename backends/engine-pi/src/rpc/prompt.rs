//! The prompt: pi takes images with it, in one line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use takopi_api::runner::{AttachmentKind, RunSpec};

/// The largest image that goes in with the prompt, in bytes. The model can look at a larger one by its path.
const LARGEST: u64 = 10 * 1024 * 1024;

/// What a person wants.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(super) message: String,
    pub(super) images: Vec<Image>,
}

/// An image as pi takes it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "image", rename_all = "camelCase")]
pub(crate) struct Image {
    data: String,
    mime_type: &'static str,
}

impl Prompt {
    /// The prompt of a run. What does not go in as an image is named by its path, so that the model can look.
    pub(super) fn of(spec: &RunSpec) -> Self {
        let mut shown: Vec<&PathBuf> = Vec::new();
        let mut images = Vec::new();
        for attachment in &spec.attachments {
            if attachment.kind == AttachmentKind::Image
                && let Some(image) = read(&attachment.path)
            {
                shown.push(&attachment.path);
                images.push(image);
            }
        }
        let message = spec.prompt_with_paths(|attachment| !shown.contains(&&attachment.path));
        Self { message, images }
    }
}

/// The image in a file, if it can be read and is not too large.
fn read(path: &Path) -> Option<Image> {
    let mime_type = match &*path.extension()?.to_ascii_lowercase().to_string_lossy() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => return None,
    };
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    let fits = !bytes.is_empty() && bytes.len() as u64 <= LARGEST;
    fits.then(|| Image { data: BASE64_STANDARD.encode(&bytes), mime_type })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn images_are_read_and_what_is_none_or_too_large_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            serde_json::to_value(read(&path)).unwrap()
        };
        assert_eq!(
            file("a.PNG", &[0, 255, 7]),
            serde_json::json!({"type": "image", "data": "AP8H", "mimeType": "image/png"})
        );
        assert!(file("a.txt", b"x").is_null() && file("a.gif", b"").is_null());
        let large = vec![0; usize::try_from(LARGEST).unwrap() + 1];
        assert!(file("a.webp", &large).is_null());
        assert_eq!(read(Path::new("/nowhere/a.png")), None);
    }
}
