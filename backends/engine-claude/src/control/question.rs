//! Questions of the model: the tool `AskUserQuestion`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use takopi_api::event::{Choice, Question};
use takopi_api::jsonl::{Field, Objects};
use takopi_api::wire;

use crate::event::Asked;

wire! {
    struct Input<'a> {
        "questions" => questions: Objects<'a, Wanted<'a>>,
    }

    struct Wanted<'a> {
        "question" => question: Field<'a>,
        "header" => header: Field<'a>,
        "options" => options: Objects<'a, Offer<'a>>,
        "multiSelect" => multi_select: Field<'a>,
    }

    struct Offer<'a> {
        "label" => label: Field<'a>,
        "description" => description: Field<'a>,
    }
}

/// The questions, with the numbers of their places as ids: claude gives them none.
pub(super) fn of_tool(asked: &Asked<'_>) -> Vec<Question> {
    let input: Input<'_> = asked.input.object().unwrap_or_default();
    let questions = input.questions.get().iter().filter(|wanted| !wanted.question.trimmed().is_empty());
    questions.zip(1_usize..).map(|(wanted, number)| question(wanted, number)).collect()
}

fn question(wanted: &Wanted<'_>, number: usize) -> Question {
    let mut question = Question::new(number.to_string(), wanted.question.text());
    if !wanted.header.trimmed().is_empty() {
        question = question.header(wanted.header.text());
    }
    if wanted.multi_select.read().unwrap_or_default() {
        question = question.multiple();
    }
    let options = wanted.options.get().iter().filter(|option| !option.label.trimmed().is_empty());
    question.options(options.map(|option| {
        let choice = Choice::new(option.label.text());
        let description = option.description.text();
        if description.trim().is_empty() { choice } else { choice.description(description) }
    }))
}

/// The input of the tool with the answers in it, by the text of their questions. `None` if nothing was answered.
pub(super) fn answered(
    input: &RawValue,
    questions: &[Question],
    answers: &BTreeMap<String, Vec<String>>,
) -> Option<Box<RawValue>> {
    let mut given = Map::new();
    for question in questions {
        let words = answers.get(&question.id).map(|words| words.join(", ")).unwrap_or_default();
        if !words.trim().is_empty() {
            given.insert(question.text.clone(), Value::String(words));
        }
    }
    if given.is_empty() {
        return None;
    }
    let mut input: Map<String, Value> = serde_json::from_str(input.get()).ok()?;
    input.insert("answers".to_owned(), Value::Object(given));
    serde_json::value::to_raw_value(&input).ok()
}

#[cfg(test)]
mod tests {
    use takopi_api::jsonl::Wire;

    use super::*;
    use crate::event::Line;

    const TWO: &str = r#"{"questions":[{"question":"Which colour?","header":"Colour","options":[{"label":"Red","description":"The red one"},{"label":"Blue"}],"multiSelect":false},7,{"question":"Which sizes?","header":"","options":[{"label":"S"},{"label":""},{"label":"L"}],"multiSelect":true}]}"#;

    fn questions(input: &str) -> Vec<Question> {
        let line = format!(r#"{{"request":{{"tool_name":"AskUserQuestion","input":{input}}}}}"#);
        of_tool(Line::read(&line).unwrap().request.get().unwrap())
    }

    fn answers(given: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        given.iter().map(|&(id, given)| (id.to_owned(), words(given))).collect()
    }

    #[test]
    fn several_questions_with_their_options() {
        let colours = [Choice::new("Red").description("The red one"), Choice::new("Blue")];
        assert_eq!(
            questions(TWO),
            [
                Question::new("1", "Which colour?").header("Colour").options(colours),
                Question::new("2", "Which sizes?").options(["S", "L"].map(Choice::new)).multiple(),
            ]
        );
    }

    #[test]
    fn what_is_no_question_is_none() {
        for input in ["{}", "7", "null", r#"{"questions":"?"}"#, r#"{"questions":[{"question":" "}]}"#] {
            assert!(questions(input).is_empty(), "{input}");
        }
    }

    #[test]
    fn answers_go_into_the_input_by_the_text_of_the_question() {
        let input = RawValue::from_string(r#"{"questions":[],"x":1}"#.into()).unwrap();
        let given = answers(&[("1", &["my own: green"]), ("2", &["S", "L"]), ("3", &["?"])]);
        let answered = answered(&input, &questions(TWO), &given).unwrap();
        assert_eq!(
            answered.get(),
            r#"{"questions":[],"x":1,"answers":{"Which colour?":"my own: green","Which sizes?":"S, L"}}"#
        );
    }

    #[test]
    fn an_empty_answer_is_none() {
        let input = RawValue::from_string("{}".into()).unwrap();
        assert!(answered(&input, &questions(TWO), &answers(&[])).is_none());
        assert!(answered(&input, &questions(TWO), &answers(&[("1", &[" "]), ("2", &[])])).is_none());
    }
}
