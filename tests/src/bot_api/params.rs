//! What a call carries, whether it came as a query, a form, several parts or JSON. The Bot API takes a number for a text
//! and a text for a number, and so does this.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::multipart::{self, Part};
use super::refusal::Refusal;

/// The parameters of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    fields: Map<String, Value>,
    files: BTreeMap<String, Upload>,
}

/// A file that came with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: Option<String>,
    pub(super) bytes: Bytes,
}

impl Params {
    /// Reads a query and a body.
    pub(super) fn read(query: &str, content_type: &str, body: &Bytes) -> Result<Self, Refusal> {
        let mut params = Self::default();
        params.read_form(query);
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" if !body.is_empty() => params.read_json(body)?,
            "application/x-www-form-urlencoded" => params.read_form(&String::from_utf8_lossy(body)),
            "multipart/form-data" => params.read_parts(content_type, body)?,
            _ => {}
        }
        Ok(params)
    }

    fn read_json(&mut self, body: &[u8]) -> Result<(), Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => {
                // The API knows no null: who sends it means nothing.
                self.fields.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
                Ok(())
            }
            _ => Err(Refusal::bad("can't parse JSON object")),
        }
    }

    fn read_form(&mut self, form: &str) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.fields.insert(unescape(name), Value::String(unescape(value)));
        }
    }

    fn read_parts(&mut self, content_type: &str, body: &Bytes) -> Result<(), Refusal> {
        let parts = multipart::parts(content_type, body)
            .ok_or_else(|| Refusal::bad("can't parse multipart form data"))?;
        for part in parts {
            match part {
                Part::Field { name, value } => {
                    self.fields.insert(name, Value::String(value));
                }
                Part::File { field, upload } => {
                    self.files.insert(field, upload);
                }
            }
        }
        Ok(())
    }

    /// All fields, as they came.
    pub(super) fn body(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Upload)> {
        self.files.iter().map(|(field, upload)| (field.as_str(), upload))
    }

    pub(super) fn file(&self, field: &str) -> Option<&Upload> {
        self.files.get(field)
    }

    /// A text; an absent one is empty.
    pub(super) fn text(&self, name: &str) -> String {
        match self.fields.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// A number, if there is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.fields.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        let text = self.text(name).to_ascii_lowercase();
        matches!(text.trim(), "true" | "yes" | "1")
    }

    /// A value with a structure, which may have come as its text.
    pub(super) fn structure(&self, name: &str, what: &str) -> Result<Option<Value>, Refusal> {
        let value = match self.fields.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map_err(|_| Refusal::bad(format!("can't parse {what} JSON object")))?,
            Some(value) => value.clone(),
        };
        Ok(Some(value))
    }

    /// The same, of a type.
    pub(super) fn parsed<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<Option<T>, Refusal> {
        let value = self.structure(name, what)?;
        let parsed = value.map(serde_json::from_value).transpose();
        parsed.map_err(|_| Refusal::bad(format!("can't parse {what} JSON object")))
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(query: &str, content_type: &str, body: &str, expected: &Value) {
        let params = Params::read(query, content_type, &Bytes::copy_from_slice(body.as_bytes())).unwrap();
        assert_eq!(params.body(), *expected);
    }

    #[test]
    fn every_form_of_parameters_is_read() {
        check("a=1&b=x+y%21&c", "", "", &json!({"a": "1", "b": "x y!", "c": ""}));
        check("", "application/x-www-form-urlencoded", "t=%F0%9F%98%80%", &json!({"t": "😀%"}));
        check("a=1", "application/json; charset=utf-8", r#"{"b":2,"c":null}"#, &json!({"a": "1", "b": 2}));
        check("", "application/json", "", &json!({}));
    }

    #[test]
    fn a_body_that_is_no_json_is_refused() {
        for body in ["{", "[]", "1"] {
            let refused = Params::read("", "application/json", &Bytes::copy_from_slice(body.as_bytes()));
            assert_eq!(refused.unwrap_err(), Refusal::bad("can't parse JSON object"));
        }
    }

    #[test]
    fn numbers_and_flags_may_be_texts() {
        let params = Params::read("n=-100&f=True&j=[1]&bad=[", "", &Bytes::new()).unwrap();
        assert_eq!(params.number("n"), Some(-100));
        assert!(params.flag("f") && !params.flag("n"));
        assert_eq!(params.parsed::<Vec<i64>>("j", "list").unwrap(), Some(vec![1]));
        let refused = params.parsed::<Vec<i64>>("bad", "list").unwrap_err();
        assert_eq!(refused.description, "Bad Request: can't parse list JSON object");
    }
}
