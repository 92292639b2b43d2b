//! Questions. The protocol has none; qwen asks for permission to hear the answers, which go beside the yes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use takopi_api::event::{Choice, Question};

/// What qwen 0.24.4 adds to a request for permission.
#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "qwenInteractionKind")]
    kind: String,
    #[serde(rename = "qwenQuestions")]
    questions: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    #[serde(default)]
    header: String,
    #[serde(default)]
    options: Vec<Offer>,
    #[serde(default, rename = "multiSelect")]
    multiple: bool,
}

#[derive(Deserialize)]
struct Offer {
    label: String,
    #[serde(default)]
    description: String,
}

/// The questions of a request, if it is one of these. Their ids are their places.
pub(crate) fn read(meta: Option<&Map<String, Value>>) -> Option<Vec<Question>> {
    let meta = Meta::deserialize(meta?).ok().filter(|meta| meta.kind == "user_question")?;
    let questions: Vec<Question> = meta.questions.into_iter().enumerate().map(question).collect();
    (!questions.is_empty()).then_some(questions)
}

fn question((at, asked): (usize, Asked)) -> Question {
    let options = asked.options.into_iter().map(|offer| {
        let choice = Choice::new(offer.label);
        if offer.description.is_empty() { choice } else { choice.description(offer.description) }
    });
    let question = Question::new(at.to_string(), asked.question).options(options);
    let question = if asked.header.is_empty() { question } else { question.header(asked.header) };
    if asked.multiple { question.multiple() } else { question }
}

/// The answers as qwen reads them: several of one question in one text.
pub(crate) fn answers(answers: &BTreeMap<String, Vec<String>>) -> Map<String, Value> {
    answers.iter().map(|(id, said)| (id.clone(), Value::String(said.join(", ")))).collect()
}
