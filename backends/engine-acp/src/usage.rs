//! What an agent says that a turn used.

use serde_json::Value;
use takopi_api::event::Usage;

/// The figures in the answer to a prompt. The protocol has no place for them that is fixed yet, so agents have several.
pub(crate) fn read(answer: &Value, cost_usd: Option<f64>) -> Option<Usage> {
    let mut usage = answer
        .get("usage")
        .and_then(of_protocol)
        .unwrap_or_else(|| answer.pointer("/_meta/quota/token_count").map(of_quota).unwrap_or_default());
    usage.cost_usd = cost_usd;
    usage.known()
}

/// Where the figures add up to the total, what came out of a cache is not among what was read.
fn of_protocol(usage: &Value) -> Option<Usage> {
    let number = |key: &str| usage.get(key).and_then(Value::as_u64);
    let (input, output) = (number("inputTokens")?, number("outputTokens"));
    let (read, written) = (number("cachedReadTokens"), number("cachedWriteTokens"));
    let cached = read.unwrap_or_default().saturating_add(written.unwrap_or_default());
    let sum = input.saturating_add(cached).saturating_add(output.unwrap_or_default());
    let mut figures = Usage::default();
    figures.input_tokens =
        Some(if number("totalTokens") == Some(sum) { input.saturating_add(cached) } else { input });
    figures.cached_input_tokens = read;
    figures.output_tokens = output;
    figures.reasoning_output_tokens = number("thoughtTokens");
    Some(figures)
}

fn of_quota(count: &Value) -> Usage {
    let number = |keys: [&str; 2]| keys.iter().find_map(|key| count.get(*key)?.as_u64());
    let mut figures = Usage::default();
    figures.input_tokens = number(["input_tokens", "inputTokens"]);
    figures.output_tokens = number(["output_tokens", "outputTokens"]);
    figures
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cached_tokens_are_among_those_that_were_read() {
        let usage = |total: u64| {
            read(
                &json!({ "usage": { "totalTokens": total, "inputTokens": 160, "cachedReadTokens": 40, "outputTokens": 20, "thoughtTokens": 4 } }),
                Some(0.5),
            )
            .unwrap()
        };
        assert_eq!(usage(220).input_tokens, Some(200));
        assert_eq!(usage(180).input_tokens, Some(160));
        assert_eq!(usage(220).cached_input_tokens, Some(40));
        assert_eq!(usage(220).cost_usd, Some(0.5));
    }

    #[test]
    fn other_places_are_looked_at_and_nothing_is_no_figure() {
        let quota =
            json!({ "_meta": { "quota": { "token_count": { "input_tokens": 200, "output_tokens": 20 } } } });
        assert_eq!(read(&quota, None).unwrap().input_tokens, Some(200));
        assert_eq!(read(&json!({ "usage": { "inputTokens": "many" } }), None), None);
        assert_eq!(read(&json!(null), None), None);
    }
}
