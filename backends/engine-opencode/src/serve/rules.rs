//! What opencode asks for: what the person configured stays, and what they left open asks.
//!
//! Opencode allows all that nobody configured. Its own configuration can not be put below the person's, only above it, and
//! of several rules the last one that fits counts. So takopi's rules stand under names that no person uses (`bas?` fits
//! `bash` and nothing else), the server tells the configuration that came of it, and in that the two can be told apart: if
//! the person has a rule of their own for everything that `bash` does, takopi has none.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What asks unless the person configured it, by opencode's name and by takopi's. For files outside of the folder opencode
/// asks by its own defaults.
const ASKED: [(&str, &str); 3] = [("bash", "bas?"), ("edit", EDIT), ("webfetch", "webfetc?")];

const EDIT: &str = "edi?";

/// Where the agent `plan` may write, outside of a repository and in one.
const PLANS: [&str; 2] = ["*.local/share/opencode/plans/*.md", ".opencode/plans/*.md"];

/// An object whose order counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ordered<V>(Vec<(String, V)>);

impl Ordered<Rule> {
    /// The rules that are not among those of the same names.
    fn without(&self, others: &Self) -> Vec<&(String, Rule)> {
        self.0.iter().filter(|(key, _)| others.0.iter().all(|(other, _)| other != key)).collect()
    }
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Ordered<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

impl<V: Serialize> Serialize for Ordered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A rule: for everything, or by patterns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
enum Rule {
    All(String),
    Patterns(Ordered<String>),
}

impl Rule {
    fn is_for_all(&self) -> bool {
        match self {
            Self::All(_) => true,
            Self::Patterns(patterns) => patterns.0.iter().any(|(pattern, _)| pattern == "*"),
        }
    }

    /// Whether it says the same. Javascript moves keys that are numbers to the front, so the order is no difference.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Patterns(one), Self::Patterns(other)) => {
                one.0.len() == other.0.len() && one.0.iter().all(|pattern| other.0.contains(pattern))
            }
            _ => self == other,
        }
    }

    fn patterns(&self) -> &[(String, String)] {
        match self {
            Self::All(_) => &[],
            Self::Patterns(patterns) => &patterns.0,
        }
    }
}

/// The configuration that the server says it has, as far as it is about permissions.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Configuration {
    permission: Ordered<Rule>,
    agent: BTreeMap<String, Agent>,
    mcp: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(default)]
struct Agent {
    permission: Ordered<Rule>,
}

/// The rules that takopi adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    permission: Ordered<Rule>,
    agent: BTreeMap<String, Agent>,
}

/// What the server's configuration says about takopi's rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They hold, and the person's own hold where there are some.
    Right,
    /// The person configured something: with these it would be right.
    Wrong(Rules),
}

impl Rules {
    /// No rules: what nobody configured is allowed.
    pub(super) const fn none() -> Self {
        Self { permission: Ordered(Vec::new()), agent: BTreeMap::new() }
    }

    /// The rules for somebody who configured nothing.
    pub(super) fn for_nobody() -> Self {
        Self::none().beside(&Configuration::default())
    }

    /// Looks whether these rules are those that belong beside the person's own.
    ///
    /// # Errors
    /// If the configuration can not be read, or the rules are not in it: then nobody knows what opencode would ask for.
    pub(super) fn judge(&self, configuration: &str) -> Result<Verdict, String> {
        let configuration: Configuration = serde_json::from_str(configuration).map_err(|error| {
            format!("takopi can not read the permissions in opencode's configuration: {error}")
        })?;
        if !self.are_in(&configuration) {
            return Err(
                "opencode does not take the permissions that takopi gives it in OPENCODE_CONFIG_CONTENT"
                    .to_owned(),
            );
        }
        let right = self.beside(&configuration);
        Ok(if right == *self { Verdict::Right } else { Verdict::Wrong(right) })
    }

    /// What is said to opencode in the variable `OPENCODE_CONFIG_CONTENT`.
    pub(super) fn content(&self) -> String {
        #[derive(Serialize)]
        struct Content<'a> {
            permission: &'a Ordered<Rule>,
            agent: &'a BTreeMap<String, Agent>,
            experimental: Experimental,
        }
        #[derive(Serialize)]
        struct Experimental {
            continue_loop_on_deny: bool,
        }
        // The model is told of a no, and goes on with what it may. Else the turn would end without a word.
        let experimental = Experimental { continue_loop_on_deny: true };
        let content = Content { permission: &self.permission, agent: &self.agent, experimental };
        serde_json::to_string(&content).unwrap_or_default()
    }

    /// The rules that belong beside what the person configured: what is there besides these ones.
    fn beside(&self, configuration: &Configuration) -> Self {
        let own = configuration.permission.without(&self.permission);
        let mut permission = Vec::new();
        for (name, alias) in ASKED {
            let fitting: Vec<_> = own.iter().filter(|(key, _)| fits(key, name)).collect();
            if fitting.iter().any(|(_, rule)| rule.is_for_all()) {
                continue;
            }
            // Theirs come again after takopi's, which is for what they left open.
            let theirs = fitting.iter().flat_map(|(_, rule)| rule.patterns()).cloned();
            let patterns: Vec<_> =
                std::iter::once(("*".to_owned(), "ask".to_owned())).chain(theirs).collect();
            permission.push((alias.to_owned(), Rule::Patterns(Ordered(patterns))));
        }
        for server in configuration.mcp.keys() {
            permission.extend(rules_of_server(server, &own));
        }
        let mut agent = BTreeMap::new();
        // Rules for everybody come after those that these two agents have by nature, and would undo that they change
        // nothing.
        if permission.iter().any(|(alias, _)| alias == EDIT) {
            let deny = ("*".to_owned(), "deny".to_owned());
            let plans = PLANS.map(|pattern| (pattern.to_owned(), "allow".to_owned()));
            let natures =
                [("plan", std::iter::once(deny.clone()).chain(plans).collect()), ("explore", vec![deny])];
            for (name, patterns) in natures {
                let nothing = Agent::default();
                let given = &self.agent.get(name).unwrap_or(&nothing).permission;
                let all = &configuration.agent.get(name).unwrap_or(&nothing).permission;
                if !all.without(given).iter().any(|(key, _)| fits(key, "edit")) {
                    let rule = (EDIT.to_owned(), Rule::Patterns(Ordered(patterns)));
                    agent.insert(name.to_owned(), Agent { permission: Ordered(vec![rule]) });
                }
            }
        }
        Self { permission: Ordered(permission), agent }
    }

    fn are_in(&self, configuration: &Configuration) -> bool {
        let holds = |rules: &Ordered<Rule>, all: &Ordered<Rule>| {
            rules
                .0
                .iter()
                .all(|(key, rule)| all.0.iter().any(|(other, found)| key == other && rule.is_same(found)))
        };
        holds(&self.permission, &configuration.permission)
            && self.agent.iter().all(|(name, agent)| {
                configuration.agent.get(name).is_some_and(|all| holds(&agent.permission, &all.permission))
            })
    }
}

/// The tools of an MCP server ask, but for those that the person has rules for.
fn rules_of_server(server: &str, own: &[&(String, Rule)]) -> Vec<(String, Rule)> {
    let name: String = server
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' })
        .collect();
    if own.iter().any(|(key, rule)| fits(key, &format!("{name}_tool")) && rule.is_for_all()) {
        return Vec::new();
    }
    let prefix = format!("{name}_");
    let theirs = own.iter().filter(|(key, _)| key.starts_with(&prefix));
    std::iter::once((format!("{name}?*"), Rule::All("ask".to_owned())))
        .chain(theirs.map(|(key, rule)| (alias(key), rule.clone())))
        .collect()
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
            let rest = pattern.as_str();
            fits(rest, name.as_str()) || (name.next().is_some() && fits(&format!("*{rest}"), name.as_str()))
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

    /// The configuration as the server tells it: the person's, and then takopi's.
    fn merged(theirs: &str, rules: &Rules) -> String {
        let content: serde_json::Value = serde_json::from_str(&rules.content()).unwrap();
        let mut theirs: serde_json::Value = serde_json::from_str(theirs).unwrap();
        merge(&mut theirs, content);
        theirs.to_string()
    }

    fn merge(into: &mut serde_json::Value, from: serde_json::Value) {
        match (into, from) {
            (serde_json::Value::Object(into), serde_json::Value::Object(from)) => {
                for (key, value) in from {
                    merge(into.entry(key).or_insert(serde_json::Value::Null), value);
                }
            }
            (into, from) => *into = from,
        }
    }

    /// What takopi adds to what a person configured.
    #[track_caller]
    fn check(theirs: &str, permission: &str, agents: &[&str]) {
        let guess = Rules::for_nobody();
        let right = match guess.judge(&merged(theirs, &guess)).unwrap() {
            Verdict::Right => guess,
            Verdict::Wrong(rules) => rules,
        };
        assert_eq!(serde_json::to_string(&right.permission).unwrap(), permission);
        assert_eq!(right.agent.keys().collect::<Vec<_>>(), agents);
        // With those it stays as it is.
        assert_eq!(right.judge(&merged(theirs, &right)), Ok(Verdict::Right));
    }

    const ALL: &str = r#"{"bas?":{"*":"ask"},"edi?":{"*":"ask"},"webfetc?":{"*":"ask"}}"#;

    #[test]
    fn what_nobody_configured_asks() {
        check("{}", ALL, &["explore", "plan"]);
        check(r#"{"permission":{"read":"ask","external_directory":"deny"}}"#, ALL, &["explore", "plan"]);
    }

    #[test]
    fn what_a_person_configured_stays() {
        check(r#"{"permission":{"*":"allow"}}"#, "{}", &[]);
        check(r#"{"permission":{"*":"deny","bash":{"git *":"allow"}}}"#, "{}", &[]);
        check(
            r#"{"permission":{"bash":"allow"}}"#,
            r#"{"edi?":{"*":"ask"},"webfetc?":{"*":"ask"}}"#,
            &["explore", "plan"],
        );
        check(
            r#"{"permission":{"edit":{"*":"deny","*.md":"allow"},"web*":"ask"}}"#,
            r#"{"bas?":{"*":"ask"}}"#,
            &[],
        );
        check(r#"{"permission":{"?ash":"deny","e*":"ask","w*":"ask"}}"#, "{}", &[]);
    }

    #[test]
    fn what_a_person_left_open_asks_beside_what_they_configured() {
        check(
            r#"{"permission":{"bash":{"git *":"allow","git push *":"deny"}}}"#,
            r#"{"bas?":{"*":"ask","git *":"allow","git push *":"deny"},"edi?":{"*":"ask"},"webfetc?":{"*":"ask"}}"#,
            &["explore", "plan"],
        );
    }

    #[test]
    fn agents_keep_what_the_person_gave_them() {
        check(r#"{"agent":{"plan":{"permission":{"edit":"ask"}}}}"#, ALL, &["explore"]);
        check(
            r#"{"agent":{"plan":{"permission":{"bash":"deny"},"model":"a/b"}}}"#,
            ALL,
            &["explore", "plan"],
        );
    }

    #[test]
    fn tools_of_servers_ask_unless_they_are_configured() {
        let asks = |more: &str| format!("{},{more}}}", &ALL[..ALL.len() - 1]);
        check(r#"{"mcp":{"git hub":{"type":"local"}}}"#, &asks(r#""git_hub?*":"ask""#), &["explore", "plan"]);
        check(
            r#"{"mcp":{"github":{}},"permission":{"github_search":"allow"}}"#,
            &asks(r#""github?*":"ask","github_searc?":"allow""#),
            &["explore", "plan"],
        );
        // A star fits more than the one character that it would become.
        check(
            r#"{"mcp":{"github":{}},"permission":{"github_d*":"deny"}}"#,
            &asks(r#""github?*":"ask","github_d**":"deny""#),
            &["explore", "plan"],
        );
        check(r#"{"mcp":{"github":{}},"permission":{"github_*":"allow"}}"#, ALL, &["explore", "plan"]);
    }

    #[test]
    fn what_can_not_be_judged_is_an_error() {
        let guess = Rules::for_nobody();
        for configuration in ["", "7", r#"{"permission":"allow"}"#, r#"{"permission":{"bash":7}}"#] {
            let error = guess.judge(configuration).unwrap_err();
            assert!(error.contains("can not read"), "{error}");
        }
        // Something else than takopi's rules got there.
        let error = guess.judge("{}").unwrap_err();
        assert!(error.contains("OPENCODE_CONFIG_CONTENT"), "{error}");
        let loose = ALL.replace("ask", "allow");
        assert!(guess.judge(&format!(r#"{{"permission":{loose}}}"#)).is_err());
    }

    #[test]
    fn names_with_stars_fit() {
        for (pattern, name, expected) in [
            ("*", "bash", true),
            ("bash", "bash", true),
            ("ba*", "bash", true),
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
