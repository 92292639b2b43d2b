//! One message of what all engines answered.

use takopi_api::command::RunResult;
use takopi_api::error::Error;
use takopi_api::event::{Outcome, Usage};
use takopi_api::markdown;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_api::runtime::RunContext;
use takopi_api::transport::TextLimit;

/// What became of one engine.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) engine: String,
    pub(crate) result: Result<RunResult, Error>,
}

/// How an engine ended, as far as the header counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answered,
    Failed,
    Cancelled,
}

/// The combined answer.
pub(crate) fn message(sections: &[Section], context: &RunContext) -> OutgoingMessage {
    let count = |end: End, word: &str| {
        let count = sections.iter().filter(|section| section.end() == end).count();
        (count > 0).then(|| format!("{count} {word}"))
    };
    let counts =
        [count(End::Answered, "answered"), count(End::Failed, "failed"), count(End::Cancelled, "cancelled")];
    let counts = counts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let kind = match sections.iter().any(|section| section.end() == End::Answered) {
        true => MessageKind::Answer,
        false => MessageKind::Error,
    };
    let text = sections.iter().map(Section::text).collect::<Vec<_>>().join("\n\n");
    let place = context.project.as_ref().map(|_| markdown::code(&format!("ctx: {context}")));
    OutgoingMessage::new(kind, Body::markdown(text).header(format!("multi · {counts}")).footer(place))
}

impl Section {
    fn end(&self) -> End {
        match &self.result {
            Err(_) => End::Failed,
            Ok(result) => match &result.completed.outcome {
                Outcome::Done if result.completed.answer.trim().is_empty() => End::Failed,
                Outcome::Done => End::Answered,
                Outcome::Interrupted => End::Cancelled,
                Outcome::Failed { .. } => End::Failed,
            },
        }
    }

    /// A heading, what the engine said, why it failed, what it used, and how to go on with it.
    fn text(&self) -> String {
        let heading = format!("## {}", markdown::escape(&self.engine));
        let parts: Vec<String> = match &self.result {
            Err(error) => {
                let hints = error.hints().iter().map(String::as_str);
                let lines: Vec<_> =
                    [error.to_string().as_str()].into_iter().chain(hints).map(markdown::escape).collect();
                vec![heading, format!("error: {}", lines.join("\n"))]
            }
            Ok(result) => {
                let completed = &result.completed;
                let answer = closed(completed.answer.trim());
                let trouble = match &completed.outcome {
                    Outcome::Done if answer.is_empty() => Some("error: the engine gave no answer".to_owned()),
                    Outcome::Done => None,
                    Outcome::Interrupted => Some("`cancelled`".to_owned()),
                    // Some engines say it in their answer too.
                    Outcome::Failed { error } if error.trim() == completed.answer.trim() => None,
                    Outcome::Failed { error } => Some(format!("error: {}", markdown::escape(error.trim()))),
                };
                let usage = completed.usage.as_ref().and_then(figures);
                let resume = result.resume_line.as_deref().map(markdown::code);
                let last: Vec<String> = usage.into_iter().chain(resume).collect();
                let parts = [Some(heading), Some(answer), trouble, Some(last.join("\n"))];
                parts.into_iter().flatten().collect()
            }
        };
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

/// An answer that leaves no code fence open: the next engine's would be in it.
fn closed(answer: &str) -> String {
    markdown::split(answer, TextLimit::NONE).concat()
}

/// What a run used, as far as it is told.
fn figures(usage: &Usage) -> Option<String> {
    let tokens = |count: Option<u64>, word: &str| count.map(|count| format!("{count} tokens {word}"));
    let figures = [
        usage.model.as_deref().map(markdown::escape),
        tokens(usage.input_tokens, "in"),
        tokens(usage.output_tokens, "out"),
        // Two digits would make most prompts cost nothing.
        usage.cost_usd.map(|cost| format!("${cost:.4}")),
        usage.duration_ms.map(|milliseconds| {
            format!("{:.1}s", std::time::Duration::from_millis(milliseconds).as_secs_f64())
        }),
    ];
    let figures: Vec<String> = figures.into_iter().flatten().collect();
    (!figures.is_empty()).then(|| figures.join(" · "))
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::event::Completed;

    use super::*;

    fn section(outcome: Outcome, answer: &str) -> Section {
        let completed = Completed::new(EngineId::from_static("codex"), outcome).answer(answer);
        Section { engine: "codex".to_owned(), result: Ok(RunResult::new(completed, None)) }
    }

    fn failed(error: &str) -> Outcome {
        Outcome::Failed { error: error.to_owned() }
    }

    #[test]
    fn every_end_of_a_run_is_told() {
        let check = |section: Section, text: &str, end: End| {
            assert_eq!((section.text().as_str(), section.end()), (text, end));
        };
        check(section(Outcome::Done, "yes\n"), "## codex\n\nyes", End::Answered);
        check(section(Outcome::Done, " "), "## codex\n\nerror: the engine gave no answer", End::Failed);
        check(section(failed("no money"), ""), "## codex\n\nerror: no money", End::Failed);
        check(section(failed("no money"), "no money"), "## codex\n\nno money", End::Failed);
        check(section(failed("cut off"), "I began"), "## codex\n\nI began\n\nerror: cut off", End::Failed);
        check(section(Outcome::Interrupted, "so far"), "## codex\n\nso far\n\n`cancelled`", End::Cancelled);
        let error = Error::new("there is no engine `a_b`").hint("see the list");
        let unknown = Section { engine: "a_b".to_owned(), result: Err(error) };
        check(unknown, "## a_b\n\nerror: there is no engine \\`a_b\\`\nsee the list", End::Failed);
    }

    #[test]
    fn figures_and_the_resume_line_stand_below_the_answer() {
        let usage: Usage = {
            let mut usage = Usage::default();
            usage.model = Some("gpt-9".to_owned());
            (usage.input_tokens, usage.output_tokens) = (Some(1200), Some(30));
            (usage.cost_usd, usage.duration_ms) = (Some(0.0123), Some(4560));
            usage
        };
        let completed = Completed::new(EngineId::from_static("codex"), Outcome::Done).answer("yes");
        let result =
            RunResult::new(completed.usage(Some(usage)), None).resume_line(Some("codex resume 1".to_owned()));
        let section = Section { engine: "codex".to_owned(), result: Ok(result) };
        assert_eq!(
            section.text(),
            "## codex\n\nyes\n\ngpt-9 · 1200 tokens in · 30 tokens out · $0.0123 · 4.6s\n`codex resume 1`"
        );
        assert_eq!(figures(&Usage::default()), None);
    }

    #[test]
    fn a_fence_that_one_engine_left_open_does_not_take_in_the_next() {
        let sections = [section(Outcome::Done, "```sh\nls"), section(Outcome::Done, "yes")];
        let text = message(&sections, &RunContext::default()).body.text;
        assert_eq!(text, "## codex\n\n```sh\nls\n```\n\n## codex\n\nyes");
    }

    #[test]
    fn the_header_counts_and_the_footer_says_where() {
        let sections =
            || [section(Outcome::Done, "yes"), section(failed("x"), ""), section(Outcome::Done, "no")];
        let context = RunContext { project: Some("z80".to_owned()), branch: Some("x".to_owned()) };
        let message = message(&sections(), &context);
        assert_eq!(
            (message.body.header.as_str(), message.kind),
            ("multi · 2 answered, 1 failed", MessageKind::Answer)
        );
        assert_eq!(message.body.footer, ["`ctx: z80 @x`"]);
        let none = super::message(&sections()[1..2], &RunContext::default());
        assert_eq!((none.body.header.as_str(), none.kind), ("multi · 1 failed", MessageKind::Error));
        assert!(none.body.footer.is_empty());
    }
}
