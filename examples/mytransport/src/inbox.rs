//! What people write: the lines of `in.jsonl`.

use std::io::{ErrorKind, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use takopi_api::error::Error;
use takopi_api::message::{Address, IncomingMessage, ReplyTo, Sender};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// How much is read at one look. No line is longer.
const MOST: u64 = 1024 * 1024;

/// A line: `{"from": "ann", "text": "hello"}`.
#[derive(Debug, Deserialize)]
struct Line {
    /// Who writes.
    from: String,
    text: String,
    /// In which chat.
    #[serde(default = "main")]
    chat: String,
    /// The id of the line of `out.jsonl` that it answers.
    reply_to: Option<u64>,
}

fn main() -> String {
    "main".to_owned()
}

/// What was found in some bytes of the file.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) messages: Vec<IncomingMessage>,
    /// What is wrong with lines that are none.
    pub(crate) unreadable: Vec<String>,
    /// Where the next line begins in the file.
    pub(crate) end: u64,
}

/// What stands in the file from an offset on; `None` if there is no file yet.
pub(crate) async fn read(path: &Path, from: u64) -> Result<Option<Vec<u8>>, Error> {
    let failed = |error: std::io::Error| Error::new(format!("{}: {error}", path.display()));
    let mut file = match File::open(path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    if file.metadata().await.map_err(failed)?.len() < from {
        return Err(Error::new(format!("{} is shorter than what was read of it", path.display()))
            .hint("it only grows: name another `folder` in [transports.mytransport] to begin anew"));
    }
    file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).await.map_err(failed)?;
    Ok(Some(bytes))
}

/// The whole lines at the start of some bytes, which stand in the file from an offset on. A line without an end is still
/// being written.
pub(crate) fn lines(bytes: &[u8], from: u64) -> Lines {
    let mut lines = Lines { messages: Vec::new(), unreadable: Vec::new(), end: from };
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if line.ends_with(b"\n") {
            match message(line, lines.end) {
                Ok(found) => lines.messages.extend(found),
                Err(problem) => lines.unreadable.push(format!("at byte {}: {problem}", lines.end)),
            }
        } else if line.len() as u64 == MOST {
            lines.unreadable.push(format!("at byte {}: it is longer than {MOST} bytes", lines.end));
        } else {
            break;
        }
        lines.end += line.len() as u64;
    }
    lines
}

/// Where a line stands is its id: it is the same whenever it is read.
fn message(line: &[u8], at: u64) -> Result<Option<IncomingMessage>, serde_json::Error> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(line)?;
    let message = IncomingMessage::new(Address::general(line.chat), format!("in-{at}"), line.text)
        .sender(Sender::new(line.from.as_str()).name(line.from));
    Ok(Some(match line.reply_to {
        Some(id) => message.reply_to(ReplyTo::own(id.to_string(), "")),
        None => message,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_messages() {
        let text = "{\"from\":\"ann\",\"text\":\"hi\"}\n\n{\"from\":\"bob\",\"chat\":\"dev\",\"text\":\"ho\",\"reply_to\":3}\n";
        let found = lines(text.as_bytes(), 100);
        assert_eq!(found.end, 100 + text.len() as u64);
        let [first, second] = &found.messages[..] else { panic!("two messages, not {found:?}") };
        assert_eq!((first.id.as_str(), first.text.as_str()), ("in-100", "hi"));
        assert_eq!(first.address, Address::general("main"));
        assert_eq!(first.sender, Some(Sender::new("ann").name("ann")));
        assert_eq!(second.address, Address::general("dev"));
        assert_eq!(second.reply_to, Some(ReplyTo::own("3", "")));
    }

    #[test]
    fn what_is_no_line_costs_only_itself() {
        let found =
            lines(b"no json\n{\"text\":\"from nobody\"}\n\xff\n{\"from\":\"ann\",\"text\":\"hi\"}\n", 0);
        assert_eq!((found.messages.len(), found.unreadable.len()), (1, 3), "{found:?}");
    }

    #[test]
    fn a_line_that_is_being_written_waits_and_one_without_end_does_not() {
        let torn = lines(b"{\"from\":\"ann\"", 7);
        assert_eq!((torn.end, torn.messages.len(), torn.unreadable.len()), (7, 0, 0));
        let endless = lines(&vec![b'x'; MOST as usize], 7);
        assert_eq!((endless.end, endless.unreadable.len()), (7 + MOST, 1));
    }
}
