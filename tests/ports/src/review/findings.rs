//! What an engine finds, as JSON in its answer and as text in the message.

use std::fmt;

use serde::{Deserialize, Serialize};
use takopi_api::engine::EngineId;

/// Something that an engine found.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Finding {
    file: String,
    line: Option<u32>,
    title: String,
}

#[derive(Deserialize)]
struct Answer {
    findings: Vec<Finding>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line} {}", self.file, self.title),
            None => write!(f, "{} {}", self.file, self.title),
        }
    }
}

/// What an engine is asked.
pub(super) fn question(what: &str) -> String {
    format!(
        "Review {what}. Change nothing.\nAnswer with JSON and nothing else: \
         {{\"findings\": [{{\"file\": \"a.rs\", \"line\": 3, \"title\": \"what is wrong\"}}]}}"
    )
}

/// What an engine is asked whose answer can not be read.
pub(super) fn once_more(problem: &str) -> String {
    format!("This can not be read: {problem}\nAnswer again, with the JSON and nothing else.")
}

/// Reads the JSON of an answer: engines put words or a fence around it.
pub(super) fn read(answer: &str) -> Result<Vec<Finding>, String> {
    let json = answer.find('{').zip(answer.rfind('}')).and_then(|(start, end)| answer.get(start..=end));
    let json = json.ok_or_else(|| "there is no JSON in it".to_owned())?;
    let answer: Answer = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(answer.findings)
}

/// The part of one engine in the message; its findings are counted on from those before.
pub(super) fn part(engine: &EngineId, findings: &[Finding], before: usize) -> String {
    let mut part = format!("**{engine}** found {}", findings.len());
    for (place, finding) in findings.iter().enumerate() {
        part.push_str(&format!("\n{}. {finding}", before + place + 1));
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: Option<u32>) -> Finding {
        Finding { file: "a.rs".into(), line, title: "t".into() }
    }

    #[test]
    fn an_answer_is_read_with_what_is_around_it() {
        let json =
            r#"{"findings": [{"file": "a.rs", "line": 3, "title": "t"}, {"file": "a.rs", "title": "t"}]}"#;
        for answer in [json.to_owned(), format!("Here:\n```json\n{json}\n```\nThat is all.")] {
            assert_eq!(read(&answer), Ok(vec![finding(Some(3)), finding(None)]));
        }
        assert_eq!(read(r#"{"findings": []}"#), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for bad in ["", "no changes", "} {", "{", r#"{"findings": 3}"#, r#"{"findings": [{"file": 1}]}"#] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
