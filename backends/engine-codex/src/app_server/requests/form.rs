//! What an MCP server wants to know, as questions; and the answers, as what it wants to get.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use takopi_api::event::{Choice, Question};

/// The fields of a form, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::app_server) struct Form(Vec<Entry>);

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    text: String,
    form: Shape,
    is_required: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Text,
    Number,
    Whole,
    Flag,
    /// One of these: what people read, and what the server gets.
    One(Vec<(String, Value)>),
    /// Some of these.
    Some(Vec<(String, Value)>),
}

impl Form {
    /// Reads the schema of a form; `None` if it wants what can not be asked in questions.
    pub(super) fn read(schema: &Value) -> Option<Self> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = match schema.get("properties") {
            Some(properties) => properties.as_object()?,
            None => return Some(Self::default()),
        };
        let entries = properties.iter().map(|(name, property)| {
            let text = ["description", "title"].iter().find_map(|key| property[key].as_str());
            Some(Entry {
                name: name.clone(),
                text: text.unwrap_or(name).to_owned(),
                form: Shape::read(property)?,
                is_required: required.contains(&name.as_str()),
            })
        });
        entries.collect::<Option<_>>().map(Self)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the server asks. Each question says who asks, and the first one also what the server says about all of them.
    pub(super) fn questions(&self, server: &str, message: &str) -> Vec<Question> {
        let question = |(at, entry): (usize, &Entry)| {
            let text = match message.trim() {
                message if at == 0 && !message.is_empty() => format!("{message}\n\n{}", entry.text),
                _ => entry.text.clone(),
            };
            let header = format!("{server}: {}", entry.name);
            let question = Question::new(entry.name.as_str(), text).header(header);
            let choices = |choices: &[(String, Value)]| {
                choices.iter().map(|(label, _)| Choice::new(label.as_str())).collect::<Vec<_>>()
            };
            match &entry.form {
                Shape::Text | Shape::Number | Shape::Whole => question,
                Shape::Flag => question.options([Choice::new("yes"), Choice::new("no")]),
                Shape::One(values) => question.options(choices(values)),
                Shape::Some(values) => question.options(choices(values)).multiple(),
            }
        };
        self.0.iter().enumerate().map(question).collect()
    }

    /// What the server gets.
    ///
    /// # Errors
    /// Which answer is of another kind than was asked for, or is missing.
    pub(super) fn content(&self, answers: &BTreeMap<String, Vec<String>>) -> Result<Value, String> {
        let mut content = Map::new();
        for entry in &self.0 {
            let given = answers.get(&entry.name).map(Vec::as_slice).unwrap_or_default();
            match given {
                [] if entry.is_required => return Err(format!("there is no answer to \"{}\"", entry.text)),
                [] => {}
                given => {
                    let value = entry.form.value(given);
                    let value = value.ok_or_else(|| format!("that does not answer \"{}\"", entry.text))?;
                    content.insert(entry.name.clone(), value);
                }
            }
        }
        Ok(Value::Object(content))
    }
}

impl Shape {
    fn read(property: &Value) -> Option<Self> {
        let choices = choices(property);
        match property["type"].as_str()? {
            "string" if choices.is_empty() => Some(Self::Text),
            "string" => Some(Self::One(choices)),
            "number" => Some(Self::Number),
            "integer" => Some(Self::Whole),
            "boolean" => Some(Self::Flag),
            "array" => Some(Self::Some(self::choices(&property["items"])))
                .filter(|shape| *shape != Self::Some(vec![])),
            _ => None,
        }
    }

    fn value(&self, given: &[String]) -> Option<Value> {
        let chosen = |choices: &[(String, Value)], word: &str| {
            choices
                .iter()
                .find(|(label, value)| label == word || value == word)
                .map(|(_, value)| value.clone())
        };
        let [word] = given else {
            return match self {
                Self::Some(choices) => given.iter().map(|word| chosen(choices, word)).collect(),
                _ => None,
            };
        };
        match self {
            Self::Text => Some(Value::from(word.as_str())),
            Self::Number => {
                word.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
            }
            Self::Whole => word.trim().parse::<i64>().ok().map(Value::from),
            Self::Flag => match word.trim().to_lowercase().as_str() {
                "yes" | "true" => Some(Value::from(true)),
                "no" | "false" => Some(Value::from(false)),
                _ => None,
            },
            Self::One(choices) => chosen(choices, word),
            Self::Some(choices) => chosen(choices, word).map(|value| Value::from(vec![value])),
        }
    }
}

/// The values of an enumeration, with the titles that some forms of it have.
fn choices(schema: &Value) -> Vec<(String, Value)> {
    let titled = ["oneOf", "anyOf"].iter().find_map(|key| schema[key].as_array());
    if let Some(titled) = titled {
        return titled
            .iter()
            .filter_map(|choice| {
                let value = choice.get("const")?;
                let label = choice["title"].as_str().or(value.as_str())?;
                Some((label.to_owned(), value.clone()))
            })
            .collect();
    }
    let names = schema["enumNames"].as_array();
    let values = schema["enum"].as_array().into_iter().flatten().enumerate();
    values
        .filter_map(|(at, value)| {
            let name = names.and_then(|names| names.get(at)?.as_str());
            Some((name.or(value.as_str())?.to_owned(), value.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form() -> Form {
        Form::read(&json!({ "type": "object", "required": ["name"], "properties": {
            "name": { "type": "string", "description": "Your name?" },
            "age": { "type": "integer" },
            "size": { "type": "string", "oneOf": [{ "const": "s", "title": "Small" }] },
            "sure": { "type": "boolean", "title": "Sure?" },
            "tags": { "type": "array", "items": { "enum": ["a", "b"] } },
        }}))
        .unwrap()
    }

    fn answers(answers: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        answers.iter().map(|(name, given)| ((*name).to_owned(), words(given))).collect()
    }

    #[test]
    fn a_form_is_asked_in_questions() {
        let questions = form().questions("docs", " Who are you? ");
        let asked: Vec<_> = questions.iter().map(|q| (q.text.as_str(), q.options.len())).collect();
        let first = "Who are you?\n\nYour name?";
        assert_eq!(asked, [(first, 0), ("age", 0), ("size", 1), ("Sure?", 2), ("tags", 2)]);
        let headers: Vec<_> = questions.iter().filter_map(|question| question.header.as_deref()).collect();
        assert_eq!(headers, ["docs: name", "docs: age", "docs: size", "docs: sure", "docs: tags"]);
    }

    #[test]
    fn answers_become_what_the_server_wants() {
        let given = answers(&[
            ("name", &["Ann"]),
            ("age", &["7"]),
            ("size", &["Small"]),
            ("sure", &["yes"]),
            ("tags", &["a", "b"]),
        ]);
        let content = json!({ "name": "Ann", "age": 7, "size": "s", "sure": true, "tags": ["a", "b"] });
        assert_eq!(form().content(&given), Ok(content));
    }

    #[test]
    fn an_answer_of_another_kind_is_none() {
        let wrong = |given: &[(&str, &[&str])]| form().content(&answers(given)).unwrap_err();
        assert_eq!(wrong(&[]), "there is no answer to \"Your name?\"");
        assert_eq!(wrong(&[("name", &["Ann"]), ("age", &["old"])]), "that does not answer \"age\"");
        assert_eq!(wrong(&[("name", &["Ann"]), ("size", &["Huge"])]), "that does not answer \"size\"");
        assert_eq!(wrong(&[("name", &["Ann", "Bob"])]), "that does not answer \"Your name?\"");
    }

    #[test]
    fn what_can_not_be_asked_is_no_form() {
        assert_eq!(Form::read(&json!({ "properties": { "x": { "type": "object" } } })), None);
        assert_eq!(Form::read(&json!({ "properties": [] })), None);
        assert_eq!(Form::read(&json!({ "type": "object" })), Some(Form::default()));
    }
}
