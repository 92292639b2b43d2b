//! What is said of the end of a run. Pure; neither has the prompt in it.

use serde::Serialize;
use takopi_api::event::Outcome;
use takopi_api::hook::{PlannedRun, RunEnd};

/// What a desktop shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// What a webhook is told.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    run: &'a str,
    engine: &'a str,
    outcome: &'static str,
    denied_by: Option<&'a str>,
    project: Option<&'a str>,
    branch: Option<&'a str>,
    duration_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

pub(crate) fn notification(run: &PlannedRun, end: &RunEnd) -> Notification {
    let context = run.context.to_string();
    let place = if context.is_empty() { String::new() } else { format!("{context} · ") };
    let text = match &end.denied_by {
        Some(hook) => format!("{place}denied by {hook}"),
        None => format!("{place}{}", took(end.duration.as_secs())),
    };
    Notification { title: format!("{}: {}", run.engine, word(&end.completed.outcome)), text }
}

/// `answer_chars` is how much of the answer is told; `None` tells nothing that an engine or a person wrote.
pub(crate) fn report<'a>(run: &'a PlannedRun, end: &'a RunEnd, answer_chars: Option<usize>) -> Report<'a> {
    let error = match &end.completed.outcome {
        Outcome::Failed { error } => Some(error.as_str()),
        Outcome::Done | Outcome::Interrupted => None,
    };
    Report {
        run: run.id.as_str(),
        engine: run.engine.as_str(),
        outcome: word(&end.completed.outcome),
        denied_by: end.denied_by.as_deref(),
        project: run.context.project.as_deref(),
        branch: run.context.branch.as_deref(),
        duration_s: (end.duration.as_secs_f64() * 10.0).round() / 10.0,
        answer: answer_chars.map(|count| end.completed.answer.chars().take(count).collect()),
        error: error.filter(|_| answer_chars.is_some()),
    }
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed { .. } => "failed",
        Outcome::Interrupted => "interrupted",
    }
}

fn took(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use takopi_api::engine::EngineId;
    use takopi_api::event::Completed;
    use takopi_api::hook::Source;
    use takopi_api::runner::RunId;
    use takopi_api::runtime::RunContext;

    use super::*;

    fn run(project: Option<&str>) -> PlannedRun {
        let engine = EngineId::parse("codex").unwrap();
        let branch = project.map(|_| "fix".to_owned());
        let context = RunContext { project: project.map(str::to_owned), branch };
        PlannedRun::new(RunId::unique(), Source::Terminal, engine, "my secret plan").place(context, None)
    }

    fn end(outcome: Outcome, answer: &str) -> RunEnd {
        let engine = EngineId::parse("codex").unwrap();
        RunEnd::new(Completed::new(engine, outcome).answer(answer), Duration::from_millis(73_240))
    }

    #[test]
    fn a_notification_says_who_where_and_how_long() {
        let check = |run: &PlannedRun, end: &RunEnd, title: &str, text: &str| {
            let expected = Notification { title: title.to_owned(), text: text.to_owned() };
            assert_eq!(notification(run, end), expected);
        };
        check(&run(None), &end(Outcome::Done, "a"), "codex: done", "1 min 13 s");
        check(
            &run(Some("web")),
            &end(Outcome::Interrupted, ""),
            "codex: interrupted",
            "web @fix · 1 min 13 s",
        );
        let denied = end(Outcome::Failed { error: "x".to_owned() }, "").denied_by(Some("gate".to_owned()));
        check(&run(Some("web")), &denied, "codex: failed", "web @fix · denied by gate");
        assert_eq!((took(5), took(7384)), ("5 s".to_owned(), "2 h 3 min".to_owned()));
    }

    #[test]
    fn a_report_says_nothing_that_somebody_wrote_unless_it_is_wished() {
        let run = run(Some("web"));
        let failed = end(Outcome::Failed { error: "no such file: plan".to_owned() }, "größer als vorher");
        let silent = serde_json::to_value(report(&run, &failed, None)).unwrap();
        let expected = serde_json::json!({
            "run": run.id, "engine": "codex", "outcome": "failed", "denied_by": null,
            "project": "web", "branch": "fix", "duration_s": 73.2,
        });
        assert_eq!(silent, expected);
        let told = serde_json::to_value(report(&run, &failed, Some(4))).unwrap();
        assert_eq!((&told["answer"], &told["error"]), (&"größ".into(), &"no such file: plan".into()));
        assert!(!told.to_string().contains("secret"));
    }
}
