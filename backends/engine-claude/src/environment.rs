//! Which variables claude sees.

use takopi_api::process::Environment;

const OWN: &[&str] = &[
    "ANTHROPIC_*",
    "CLAUDE_*",
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_AUTOUPDATER",
    "IS_SANDBOX",
];

/// Clouds that claude can get its models from: the variable that chooses one, and where that one's credentials are.
const CLOUDS: &[(&str, &[&str])] = &[
    ("CLAUDE_CODE_USE_BEDROCK", &["AWS_*"]),
    (
        "CLAUDE_CODE_USE_VERTEX",
        &[
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_PROJECT",
            "GCLOUD_PROJECT",
            "CLOUD_ML_REGION",
            "VERTEX_REGION_*",
        ],
    ),
];

/// The key of the API is kept back unless it is wanted: with it claude bills the API, although the person has a
/// subscription.
pub(crate) fn for_claude(use_api_billing: bool) -> Environment {
    with_clouds(use_api_billing, |name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn with_clouds(use_api_billing: bool, is_set: impl Fn(&str) -> bool) -> Environment {
    let mut environment = Environment::base().pass(OWN.iter().copied());
    for (chosen_by, credentials) in CLOUDS {
        if is_set(chosen_by) {
            environment = environment.pass(credentials.iter().copied());
        }
    }
    if use_api_billing { environment } else { environment.remove("ANTHROPIC_API_KEY") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(use_api_billing: bool, chosen: &str, expected: &[&str]) {
        let own = [
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "AWS_PROFILE",
            "CLAUDE_CONFIG_DIR",
            "CLOUD_ML_REGION",
            "GH_TOKEN",
        ];
        let environment = with_clouds(use_api_billing, |name| name == chosen);
        let seen: Vec<_> = environment
            .select(own.iter().map(|name| (name.into(), "1".into())))
            .map(|(name, _)| name.into_string().unwrap())
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_key_of_the_api_is_kept_back_unless_it_is_wanted() {
        check(false, "", &["ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"]);
        check(true, "", &["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"]);
    }

    #[test]
    fn a_cloud_that_is_chosen_gets_its_credentials() {
        let bedrock = "CLAUDE_CODE_USE_BEDROCK";
        check(false, bedrock, &["ANTHROPIC_BASE_URL", "AWS_PROFILE", "CLAUDE_CONFIG_DIR"]);
        let vertex = "CLAUDE_CODE_USE_VERTEX";
        check(false, vertex, &["ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR", "CLOUD_ML_REGION"]);
    }
}
