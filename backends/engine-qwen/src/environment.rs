//! Which variables qwen sees.

use takopi_api::process::Environment;

use crate::backend::AuthType;

/// Its own, and those of the providers that it takes without being told.
const OWN: &[&str] = &["QWEN_*", "OPENAI_*", "DASHSCOPE_*"];

pub(crate) fn for_qwen(auth_type: Option<AuthType>) -> Environment {
    let of_provider: &[&str] = match auth_type {
        Some(AuthType::Anthropic) => &["ANTHROPIC_*"],
        Some(AuthType::Gemini) => &["GEMINI_*", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"],
        Some(AuthType::VertexAi) => &["GOOGLE_*"],
        Some(AuthType::Openai | AuthType::OpenaiResponses | AuthType::QwenOauth) | None => &[],
    };
    Environment::base()
        .pass(OWN.iter().chain(of_provider).copied())
        // Who set `yolo` knows, and each failure would be told together with this warning.
        .set("QWEN_CODE_SUPPRESS_YOLO_WARNING", "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(auth_type: Option<AuthType>, expected: &[&str]) {
        let own = ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GH_TOKEN", "OPENAI_API_KEY", "QWEN_HOME"];
        let seen: Vec<_> = for_qwen(auth_type)
            .select(own.iter().map(|name| (name.into(), "1".into())))
            .map(|(name, _)| name.into_string().unwrap())
            .filter(|name| name != "QWEN_CODE_SUPPRESS_YOLO_WARNING")
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_provider_that_is_set_gets_its_credentials() {
        check(None, &["OPENAI_API_KEY", "QWEN_HOME"]);
        check(Some(AuthType::Anthropic), &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "QWEN_HOME"]);
        check(Some(AuthType::Gemini), &["GEMINI_API_KEY", "OPENAI_API_KEY", "QWEN_HOME"]);
    }
}
