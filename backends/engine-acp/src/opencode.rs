//! What opencode asks for. By itself it allows all that nobody configured, and it can be told otherwise only by a
//! configuration above the person's own. Of several rules the last one that fits counts, so takopi's would undo theirs:
//! before a run opencode is asked for the configuration that it has without takopi, and only what that leaves open gets a
//! rule. Those stand under names that no person uses (`bas?` fits `bash` and nothing else), since a rule of a name that is
//! there already would stand in the place of that one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use takopi_api::jsonl::{LINE_BYTES, Line, LineReader};
use takopi_api::process::{CommandSpec, ExitStatus};
use takopi_api::runner::RunSpec;

use crate::agent::Agent;

/// The variable that holds the configuration above all of the person's files.
pub(crate) const CONTENT: &str = "OPENCODE_CONFIG_CONTENT";

/// The argument from which on it talks by the protocol.
const ACP: &str = "acp";

/// How long it may take until it has told its configuration.
const PATIENCE: Duration = Duration::from_secs(60);

/// What asks unless the person configured it, by opencode's name and by takopi's. For files outside of the folder opencode
/// asks by its own defaults.
const ASKED: [(&str, &str); 3] = [("bash", "bas?"), ("edit", EDIT), ("webfetch", "webfetc?")];

const EDIT: &str = "edi?";

/// Where the agent `plan` may write, outside of a repository and in one.
const PLANS: [&str; 2] = ["*.local/share/opencode/plans/*.md", ".opencode/plans/*.md"];

/// What opencode has to be given in [`CONTENT`] for this run.
///
/// # Errors
/// Why nobody knows what it would ask for.
pub(crate) async fn content(agent: &Agent, spec: &RunSpec) -> Result<String, String> {
    let mut environment = agent.environment.clone();
    environment.extend(&spec.environment);
    if environment.select(std::env::vars_os()).any(|(name, content)| name == CONTENT && !content.is_empty()) {
        return Err(format!(
            "takopi has to set {CONTENT} itself; put what it says into a file and name that in OPENCODE_CONFIG"
        ));
    }
    let told = tokio::time::timeout(PATIENCE, configuration(agent, spec)).await;
    let seconds = PATIENCE.as_secs();
    beside(&told.map_err(|_| format!("opencode did not tell its configuration within {seconds} s"))??)
}

/// The configuration that opencode has by itself in this folder, as JSON.
async fn configuration(agent: &Agent, spec: &RunSpec) -> Result<String, String> {
    let before = agent.args.iter().take_while(|arg| *arg != ACP);
    let command = CommandSpec::new(&agent.program, &spec.cwd)
        .args(before)
        .args(["debug", "config"])
        .environment(agent.environment.clone());
    let process = spec.processes.spawn(command).await.map_err(|error| error.to_string())?;
    let mut lines = LineReader::new(process.stdout, LINE_BYTES);
    let mut told = String::new();
    while let Some(line) = lines.next().await.map_err(|error| error.to_string())? {
        match line {
            Line::Complete(line) | Line::Torn(line) if told.len() + line.len() < LINE_BYTES => {
                told.push_str(&String::from_utf8_lossy(line));
            }
            _ => return Err("opencode's configuration is too long".to_owned()),
        }
    }
    let exit = process.handle.exited().await;
    if exit.status == ExitStatus::Code(0) {
        return Ok(told);
    }
    let why = format!("opencode does not tell its configuration: `opencode debug config` {}", exit.status);
    Err(format!("{why}\n{}", exit.stderr_tail).trim_end().to_owned())
}

/// A configuration, as far as it is about permissions. The order of rules counts.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Configuration {
    permission: Map<String, Value>,
    agent: BTreeMap<String, Of>,
    mcp: Map<String, Value>,
}

/// What one of opencode's own agents may do.
#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct Of {
    permission: Map<String, Value>,
}

/// The rules that belong beside what the person configured.
fn beside(configuration: &str) -> Result<String, String> {
    let own: Configuration = serde_json::from_str(configuration).map_err(|error| {
        format!("takopi can not read the permissions in opencode's configuration: {error}")
    })?;
    let mut permission: Map<String, Value> =
        ASKED.into_iter().filter_map(|(name, alias)| left_open(name, alias, &own.permission)).collect();
    let agents = if permission.contains_key(EDIT) { natures(&own.agent) } else { BTreeMap::new() };
    for server in own.mcp.keys() {
        permission.extend(rules_of_server(server, &own.permission));
    }
    Ok(json!({ "permission": permission, "agent": agents }).to_string())
}

/// The rule for what the person's own leave open of a tool. Their patterns come again after takopi's.
fn left_open(name: &str, alias: &str, own: &Map<String, Value>) -> Option<(String, Value)> {
    let mut rule: Map<String, Value> = [("*".to_owned(), "ask".into())].into_iter().collect();
    for (_, theirs) in own.iter().filter(|(key, _)| fits(key, name)) {
        if is_for_all(theirs) {
            return None;
        }
        for (pattern, action) in theirs.as_object().into_iter().flatten() {
            // The place in the order is that of the last one.
            rule.shift_remove(pattern);
            rule.insert(pattern.clone(), action.clone());
        }
    }
    Some((alias.to_owned(), rule.into()))
}

/// The tools of an MCP server ask, but for those that the person has rules for.
fn rules_of_server(server: &str, own: &Map<String, Value>) -> Vec<(String, Value)> {
    let is_kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = server.chars().map(|c| if is_kept(c) { c } else { '_' }).collect();
    if own.iter().any(|(key, rule)| fits(key, &format!("{name}_tool")) && is_for_all(rule)) {
        return Vec::new();
    }
    let prefix = format!("{name}_");
    let theirs = own.iter().filter(|(key, _)| key.starts_with(&prefix));
    std::iter::once((format!("{name}?*"), "ask".into()))
        .chain(theirs.map(|(key, rule)| (alias(key), rule.clone())))
        .collect()
}

/// Rules for everybody come after those that these two agents have by nature, and would undo that they change nothing.
fn natures(own: &BTreeMap<String, Of>) -> BTreeMap<&'static str, Of> {
    let deny = ("*".to_owned(), Value::from("deny"));
    let plans = PLANS.map(|pattern| (pattern.to_owned(), "allow".into()));
    let planning: Map<String, Value> = std::iter::once(deny.clone()).chain(plans).collect();
    let looking: Map<String, Value> = std::iter::once(deny).collect();
    let is_configured =
        |name: &str| own.get(name).is_some_and(|agent| agent.permission.keys().any(|key| fits(key, "edit")));
    [("plan", planning), ("explore", looking)]
        .into_iter()
        .filter(|(name, _)| !is_configured(name))
        .map(|(name, rule)| {
            let permission = std::iter::once((EDIT.to_owned(), rule.into())).collect();
            (name, Of { permission })
        })
        .collect()
}

fn is_for_all(rule: &Value) -> bool {
    rule.is_string() || rule.get("*").is_some()
}

/// Another name for the same tools.
fn alias(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next_back() {
        Some('*') => format!("{name}*"),
        _ => format!("{}?", letters.as_str()),
    }
}

/// Whether a name with `*` and `?` fits another one, as opencode compares them.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    match pattern.next() {
        None => name.next().is_none(),
        Some('*') => {
            let mut rests = std::iter::successors(Some(name.as_str()), |rest| {
                let mut rest = rest.chars();
                rest.next().map(|_| rest.as_str())
            });
            rests.any(|rest| fits(pattern.as_str(), rest))
        }
        Some(letter) => {
            name.next().is_some_and(|found| letter == '?' || letter == found)
                && fits(pattern.as_str(), name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#""bas?":{"*":"ask"},"edi?":{"*":"ask"},"webfetc?":{"*":"ask"}"#;

    /// What takopi adds to what a person configured.
    #[track_caller]
    fn check(theirs: &str, permission: &str, agents: &[&str]) {
        let content: Value = serde_json::from_str(&beside(theirs).unwrap()).unwrap();
        assert_eq!(content["permission"].to_string(), format!("{{{permission}}}"), "{theirs}");
        let found: Vec<&str> = content["agent"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, agents, "{theirs}");
    }

    #[test]
    fn what_nobody_configured_asks() {
        check("{}", ALL, &["explore", "plan"]);
        check(r#"{"permission":{"read":"ask","external_directory":"deny"}}"#, ALL, &["explore", "plan"]);
        check(r#"{"mcp":{"git hub":{}}}"#, &format!(r#"{ALL},"git_hub?*":"ask""#), &["explore", "plan"]);
    }

    #[test]
    fn what_a_person_configured_stays() {
        check(r#"{"permission":{"*":"allow"},"mcp":{"github":{}}}"#, "", &[]);
        check(r#"{"permission":{"*":"deny","bash":{"git *":"allow"}}}"#, "", &[]);
        check(
            r#"{"permission":{"edit":{"*":"deny","*.md":"allow"},"web*":"ask"}}"#,
            r#""bas?":{"*":"ask"}"#,
            &[],
        );
        check(r#"{"permission":{"github_*":"allow"},"mcp":{"github":{}}}"#, ALL, &["explore", "plan"]);
        check(r#"{"agent":{"plan":{"permission":{"edit":"ask"}}}}"#, ALL, &["explore"]);
    }

    #[test]
    fn what_a_person_left_open_asks_beside_what_they_configured() {
        check(
            r#"{"permission":{"bash":{"rm *":"deny","git *":"allow"},"b*":{"rm *":"ask"}}}"#,
            r#""bas?":{"*":"ask","git *":"allow","rm *":"ask"},"edi?":{"*":"ask"},"webfetc?":{"*":"ask"}"#,
            &["explore", "plan"],
        );
        check(
            r#"{"permission":{"github_search":"allow","github_d*":"deny"},"mcp":{"github":{}}}"#,
            &format!(r#"{ALL},"github?*":"ask","github_searc?":"allow","github_d**":"deny""#),
            &["explore", "plan"],
        );
    }

    #[test]
    fn what_can_not_be_read_is_an_error() {
        for configuration in ["", "7", r#"{"permission":"allow"}"#] {
            let error = beside(configuration).unwrap_err();
            assert!(error.contains("can not read"), "{error}");
        }
    }

    #[test]
    fn names_with_stars_fit() {
        for (pattern, name, expected) in [
            ("*", "bash", true),
            ("bash", "bash", true),
            ("*sh", "bash", true),
            ("b*s*h", "bash", true),
            ("bash*", "bash", true),
            ("bas?", "bash", true),
            ("?*", "bash", true),
            ("bash?", "bash", false),
            ("bas", "bash", false),
            ("*x*", "bash", false),
            ("edit", "bash", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern}");
        }
    }
}
