//! What the agent is asked: the prompt, and the files that came with it.

use std::path::Path;

use agent_client_protocol::v1::schema::{ContentBlock, ResourceLink, TextContent};
use takopi_api::runner::RunSpec;

/// The prompt as the protocol has it. Files are links, which every agent takes: it opens them with its own tools.
pub(crate) fn blocks(spec: &RunSpec) -> Vec<ContentBlock> {
    let mut blocks = vec![ContentBlock::Text(TextContent::new(spec.prompt.clone()))];
    blocks.extend(spec.attachments.iter().map(|attachment| {
        let path = &attachment.path;
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        ContentBlock::ResourceLink(ResourceLink::new(name, uri(path)).mime_type(mime_type(path)))
    }));
    blocks
}

fn mime_type(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let kind = match &*ending {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        _ => return None,
    };
    Some(kind.to_owned())
}

/// The path as a URI (RFC 8089): what is more than letters, digits and a few signs is escaped.
fn uri(path: &Path) -> String {
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_link() {
        assert_eq!(uri(Path::new("/a b/ü?.png")), "file:///a%20b/%C3%BC%3F.png");
        assert_eq!(mime_type(Path::new("/A.PNG")).as_deref(), Some("image/png"));
        assert_eq!(mime_type(Path::new("/a")), None);
    }
}
