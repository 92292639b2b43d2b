//! Images that came with the prompt, as blocks of a message.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use takopi_api::runner::{Attachment, AttachmentKind, RunId, RunSpec};

use super::say::{ContentBlock, ImageSource};
use crate::args;

/// The largest image that is sent as a block, in bytes: the model takes 5 MB of base64. A larger one is left to claude, which
/// makes it smaller when it reads the file.
const IMAGE_BYTES: usize = 3_750_000;

/// The images of one run, once they are read.
type Read = OnceLock<Vec<ContentBlock>>;
pub(super) type Slot = Arc<Read>;

/// Brings images from where files may be read to the state of the run that wants them. A run that never asks for its images
/// leaves nothing here but its id, until the next one comes.
#[derive(Debug, Default)]
pub(super) struct Images(Mutex<Vec<(RunId, Weak<Read>)>>);

impl Images {
    /// Where the images of a run will be.
    pub(super) fn expect(&self, spec: &RunSpec) -> Slot {
        let slot = Slot::default();
        if spec.attachments.iter().any(is_image) {
            let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            expected.retain(|(_, slot)| slot.strong_count() > 0);
            expected.push((spec.id.clone(), Arc::downgrade(&slot)));
        }
        slot
    }

    /// Reads the images of a run.
    pub(super) async fn read(&self, spec: &RunSpec) {
        let slot = {
            let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = expected.iter().position(|(run, _)| *run == spec.id) else { return };
            expected.swap_remove(at).1
        };
        let mut blocks = Vec::new();
        for image in spec.attachments.iter().filter(|attachment| is_image(attachment)) {
            let content = tokio::fs::read(&image.path).await.ok();
            blocks.push(content.and_then(|content| block(&content)).unwrap_or_else(|| mention(&image.path)));
        }
        if let Some(slot) = slot.upgrade() {
            // It is filled here and nowhere else.
            let _ = slot.set(blocks);
        }
    }
}

pub(super) fn is_image(attachment: &Attachment) -> bool {
    attachment.kind == AttachmentKind::Image
}

/// An image that the model takes. The content says what it is, since names lie: what the model refuses once would be in the
/// way of every later turn of the session.
fn block(content: &[u8]) -> Option<ContentBlock> {
    let media_type = match content {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return None,
    };
    if content.len() > IMAGE_BYTES {
        return None;
    }
    let source = ImageSource { kind: "base64", media_type, data: STANDARD.encode(content) };
    Some(ContentBlock::Image { source })
}

fn mention(path: &Path) -> ContentBlock {
    let text = args::mention(path).unwrap_or_else(|| format!("[attached file: {}]", path.display()));
    ContentBlock::Text { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_says_what_an_image_is() {
        let media_type = |content: &[u8]| match block(content) {
            Some(ContentBlock::Image { source }) => Some((source.media_type, source.data)),
            _ => None,
        };
        assert_eq!(media_type(b"\x89PNG1"), Some(("image/png", "iVBORzE=".to_owned())));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0").unwrap().0, "image/jpeg");
        assert_eq!(media_type(b"GIF89a").unwrap().0, "image/gif");
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBPVP8 ").unwrap().0, "image/webp");
        assert_eq!(media_type(b"RIFF\0\0\0\0WAVE"), None);
        assert_eq!(media_type(b""), None);
        let mut large = b"\x89PNG".to_vec();
        large.resize(IMAGE_BYTES + 1, 0);
        assert_eq!(media_type(&large), None);
    }

    #[test]
    fn a_file_that_is_no_image_is_mentioned() {
        assert_eq!(mention(Path::new("/a.png")), ContentBlock::Text { text: "@/a.png".into() });
        assert_eq!(
            mention(Path::new("/a\".png")),
            ContentBlock::Text { text: "[attached file: /a\".png]".into() }
        );
    }
}
