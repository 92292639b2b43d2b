//! A body of several parts, as files are sent.

/// A part of a body.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    Field { name: &'static str, value: String },
    File { name: &'static str, file_name: &'a str, content: &'a [u8] },
}

impl<'a> Part<'a> {
    pub(crate) const fn field(name: &'static str, value: String) -> Self {
        Self::Field { name, value }
    }

    pub(crate) const fn file(name: &'static str, file_name: &'a str, content: &'a [u8]) -> Self {
        Self::File { name, file_name, content }
    }
}

/// The body, and what goes into its `Content-Type`. `boundary` must not stand in any part: a random one does not.
pub(super) fn body(parts: &[Part<'_>], boundary: &str) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; ").as_bytes());
        match part {
            Part::Field { name, value } => {
                body.extend_from_slice(format!("name=\"{name}\"\r\n\r\n{value}").as_bytes());
            }
            Part::File { name, file_name, content } => {
                let file_name = quoted(file_name);
                let head = format!(
                    "name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                );
                body.extend_from_slice(head.as_bytes());
                body.extend_from_slice(content);
            }
        }
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A file name as browsers write it: what would end the header is a percent code.
fn quoted(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut quoted, c| {
        match c {
            '"' => quoted.push_str("%22"),
            '\r' => quoted.push_str("%0D"),
            '\n' => quoted.push_str("%0A"),
            c => quoted.push(c),
        }
        quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_its_parts_and_no_name_ends_a_header() {
        let parts =
            [Part::field("chat_id", "7".to_owned()), Part::file("document", "a\"\r\nb.txt", b"\r\nx\0")];
        let (kind, body) = body(&parts, "B");
        assert_eq!(kind, "multipart/form-data; boundary=B");
        assert_eq!(
            String::from_utf8(body).unwrap(),
            "--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n\
             --B\r\nContent-Disposition: form-data; name=\"document\"; filename=\"a%22%0D%0Ab.txt\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n\r\nx\0\r\n--B--\r\n"
        );
    }
}
