//! What `opencode run` and `opencode serve` tell in the same form: calls of tools, tokens, errors.

use takopi_api::event::{Action, ActionOutcome, Usage};
use takopi_api::jsonl::Field;
use takopi_api::tool;

use crate::event::{ErrorBody, InvalidInput, State, Tokens};

/// Where a call of a tool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It goes on.
    Open,
    /// It has ended so.
    Over(ActionOutcome),
}

/// A call of a tool as a step of the run.
pub(crate) fn call(id: impl Into<String>, name: &str, state: &State<'_>) -> (Action, Stand) {
    let mut action = tool::action(id, name, state.input);
    let is_invalid = name == "invalid";
    if is_invalid {
        let input: InvalidInput<'_> = state.input.object().unwrap_or_default();
        action.title = format!("no such tool: {}", input.tool.text());
    }
    match &*state.status.text() {
        "completed" => {
            let code: Option<i32> = state.metadata.fields().exit.read();
            let ok = !is_invalid && code.unwrap_or_default() == 0;
            (action.exit_code(code), Stand::Over(ok.into()))
        }
        "error" => {
            let action = action.with("error_message", state.error.text().into_owned());
            (action, Stand::Over(ActionOutcome::Failed))
        }
        _ => (action, Stand::Open),
    }
}

/// What a step of the model used.
pub(crate) fn usage(tokens: &Tokens<'_>, cost: Field<'_>) -> Usage {
    let cache = tokens.cache.fields();
    let sum = |figures: &[Option<u64>]| figures.iter().copied().flatten().reduce(u64::saturating_add);
    let mut usage = Usage::default();
    usage.cached_input_tokens = cache.read.read();
    usage.reasoning_output_tokens = tokens.reasoning.read();
    // Opencode counts cached and reasoning tokens apart from the others.
    usage.input_tokens = sum(&[tokens.input.read(), usage.cached_input_tokens, cache.write.read()]);
    usage.output_tokens = sum(&[tokens.output.read(), usage.reasoning_output_tokens]);
    usage.cost_usd = cost.read();
    usage
}

/// What an error says.
pub(crate) fn error_message(error: Field<'_>) -> String {
    let body: ErrorBody<'_> = error.object().unwrap_or_default();
    let data: ErrorBody<'_> = body.data.object().unwrap_or_default();
    [data.message, body.message, body.name, error]
        .into_iter()
        .map(|field| field.text().trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "opencode tells of an error, but not of which".to_owned())
}
