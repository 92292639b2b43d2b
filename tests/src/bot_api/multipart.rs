//! A body of several parts, as forms with files have it.

use axum::body::Bytes;

use super::params::Upload;

/// One part of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Field { name: String, value: String },
    File { field: String, upload: Upload },
}

/// The fields of a body, and its files with their fields and names; none if it is not what its type says.
pub(crate) fn parts_of(content_type: &str, body: &Bytes) -> Option<(Fields, Files)> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    for part in parts(content_type, body)? {
        match part {
            Part::Field { name, value } => fields.push((name, value)),
            Part::File { field, upload } => files.push((field, upload.name, upload.bytes)),
        }
    }
    Some((fields, files))
}

type Fields = Vec<(String, String)>;
type Files = Vec<(String, String, Bytes)>;

/// The parts of a body; none if it is not what its type says.
pub(super) fn parts(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let boundary = attribute(content_type, "boundary")?;
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut at = opening.len();
    if !body.starts_with(opening.as_bytes()) {
        return None;
    }
    let mut parts = Vec::new();
    loop {
        let rest = body.slice(at..);
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let start = at + rest.starts_with(b"\r\n").then_some(2)?;
        let end = start + find(&body[start..], between.as_bytes())?;
        parts.push(part(&body.slice(start..end))?);
        at = end + between.len();
    }
}

fn part(bytes: &Bytes) -> Option<Part> {
    // The blank line comes at once where there are no headers, but a part without a name is of no use.
    let end = find(bytes, b"\r\n\r\n")?;
    let headers = std::str::from_utf8(&bytes[..end]).ok()?;
    let content = bytes.slice(end + 4..);
    let header = |name: &str| {
        headers.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let disposition = header("content-disposition")?;
    let name = attribute(disposition, "name")?;
    match attribute(disposition, "filename") {
        None => Some(Part::Field { name, value: String::from_utf8(content.to_vec()).ok()? }),
        Some(file) => {
            let mime = header("content-type").map(str::to_owned);
            Some(Part::File { field: name, upload: Upload { name: file, mime, bytes: content } })
        }
    }
}

/// The value of an attribute of a header, with or without quotes.
fn attribute(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (value, after) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        if key.trim_matches([' ', ';']).eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// What stands before the closing quote, and after it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"x y\"";

    fn read(body: &'static str) -> Option<Vec<Part>> {
        parts(TYPE, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn fields_and_files_are_read() {
        let body = "--x y\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n\
                    --x y\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name=document; \
                    filename=\"a \\\"b\\\";.txt\"\r\n\r\nline\r\n--x\r\n\r\n--x y--\r\n";
        let upload = Upload {
            name: "a \"b\";.txt".to_owned(),
            mime: Some("text/plain".to_owned()),
            bytes: Bytes::from_static(b"line\r\n--x\r\n"),
        };
        let expected = vec![
            Part::Field { name: "chat_id".to_owned(), value: "7".to_owned() },
            Part::File { field: "document".to_owned(), upload },
        ];
        assert_eq!(read(body), Some(expected));
    }

    #[test]
    fn what_is_torn_is_refused() {
        for body in [
            "",
            "--x",
            "--x y",
            "--x y\r\n",
            "--x y\r\n\r\n\r\n--x y--",
            "--x y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end",
            "--x y\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--x y--",
        ] {
            assert_eq!(read(body), None, "{body:?}");
        }
        assert_eq!(parts("multipart/form-data", &Bytes::new()), None);
    }
}
