//! What codex may do without asking: what the person's own configuration of codex says, and a sandbox that writes in the
//! workspace only where it says nothing.
//!
//! It is said with the turn and not with the thread. A thread that is started with more than reading makes codex write
//! into the person's configuration that the folder is trusted, and nobody has said that.

use std::path::Path;

use serde_json::{Value, json};

use super::profile::Overrides;

/// What a thread is opened with, and what each turn says on top.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policy {
    /// The sandbox of a turn; if there is none, codex's own stays.
    sandbox: Option<Value>,
    approval: Approval,
}

/// When codex asks.
#[derive(Debug, Clone, Default, PartialEq)]
enum Approval {
    /// The person has said when.
    Said(String),
    /// The person has said that the folder is not to be trusted, or something that is no word: codex knows what it means,
    /// and where it does not heed it, asking more is better than asking less.
    Cautious,
    /// Nobody has said anything.
    #[default]
    Unsaid,
}

/// The values that `approval_policy` has as a word.
const APPROVALS: &[&str] = &["untrusted", "on-request", "never"];

impl Policy {
    /// Where codex could not say how it is configured: nothing is added to what it does by itself.
    pub(super) const fn of_codex() -> Self {
        Self { sandbox: None, approval: Approval::Unsaid }
    }

    /// What follows from the configuration that codex has for this folder. What a profile says goes before it.
    pub(super) fn new(config: &Value, profile: &Overrides, cwd: &Path, outbox: Option<&Path>) -> Self {
        let value = |path: &str| {
            let found = profile.get(path).or_else(|| config.pointer(&format!("/{}", path.replace('.', "/"))));
            found.filter(|value| !value.is_null())
        };
        let word = |path: &str| value(path).and_then(Value::as_str);
        let flag = |path: &str| value(path).and_then(Value::as_bool).unwrap_or_default();
        let sandbox = match word("sandbox_mode") {
            // A profile of permissions is more than a sandbox of these can say.
            _ if value("default_permissions").is_some() => None,
            Some("read-only") => Some(json!({ "type": "readOnly", "networkAccess": false })),
            Some("danger-full-access") => Some(json!({ "type": "dangerFullAccess" })),
            None | Some("workspace-write") => {
                let roots = value("sandbox_workspace_write.writable_roots").and_then(Value::as_array);
                let mut roots = roots.cloned().unwrap_or_default();
                roots.extend(outbox.map(|outbox| Value::from(outbox.to_string_lossy())));
                Some(json!({
                    "type": "workspaceWrite",
                    "writableRoots": roots,
                    "networkAccess": flag("sandbox_workspace_write.network_access"),
                    "excludeTmpdirEnvVar": flag("sandbox_workspace_write.exclude_tmpdir_env_var"),
                    "excludeSlashTmp": flag("sandbox_workspace_write.exclude_slash_tmp"),
                }))
            }
            Some(_) => None,
        };
        let projects = config.pointer("/projects").and_then(Value::as_object);
        let is_untrusted = projects
            .into_iter()
            .flatten()
            .any(|(folder, project)| project["trust_level"] == "untrusted" && cwd.starts_with(folder));
        let approval = match (value("approval_policy"), word("approval_policy")) {
            (_, Some(word)) if APPROVALS.contains(&word) => Approval::Said(word.to_owned()),
            (Some(_), _) => Approval::Cautious,
            (None, _) if is_untrusted => Approval::Cautious,
            (None, _) => Approval::Unsaid,
        };
        Self { sandbox, approval }
    }

    /// With what sandbox the thread is opened. It is that of its turns only if they say nothing.
    pub(super) fn of_thread(&self) -> Option<&'static str> {
        self.sandbox.as_ref().map(|_| "read-only")
    }

    /// The sandbox of a turn.
    pub(super) const fn of_turn(&self) -> Option<&Value> {
        self.sandbox.as_ref()
    }

    /// When a turn asks, if that has to be said: a thread remembers it, and one that `codex exec` began never asks.
    pub(super) fn approval_of_turn(&self, thread_has: &str) -> Option<&str> {
        let wanted = match &self.approval {
            Approval::Said(word) => word.as_str(),
            Approval::Cautious if thread_has == "never" => "untrusted",
            Approval::Unsaid if thread_has == "never" => "on-request",
            Approval::Cautious | Approval::Unsaid => return None,
        };
        (wanted != thread_has).then_some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(config: &Value) -> Policy {
        Policy::new(config, &Overrides::default(), Path::new("/repo/a"), Some(Path::new("/out")))
    }

    #[test]
    fn a_person_who_said_nothing_gets_a_workspace_that_can_be_written() {
        let policy = policy(&json!({ "sandbox_mode": null, "approval_policy": null, "projects": null }));
        let sandbox = json!({
            "type": "workspaceWrite", "writableRoots": ["/out"], "networkAccess": false,
            "excludeTmpdirEnvVar": false, "excludeSlashTmp": false,
        });
        assert_eq!((policy.of_thread(), policy.of_turn()), (Some("read-only"), Some(&sandbox)));
        assert_eq!(policy.approval_of_turn("on-request"), None);
        assert_eq!(policy.approval_of_turn("untrusted"), None);
        assert_eq!(policy.approval_of_turn("never"), Some("on-request"));
    }

    #[test]
    fn what_a_person_said_is_what_is_done() {
        let read_only = policy(&json!({ "sandbox_mode": "read-only", "approval_policy": "never" }));
        assert_eq!(read_only.of_turn().unwrap()["type"], "readOnly");
        assert_eq!(read_only.approval_of_turn("never"), None);
        assert_eq!(read_only.approval_of_turn("on-request"), Some("never"));
        let all = policy(&json!({ "sandbox_mode": "danger-full-access" }));
        assert_eq!(all.of_turn(), Some(&json!({ "type": "dangerFullAccess" })));
        let roots = policy(&json!({
            "sandbox_mode": "workspace-write",
            "sandbox_workspace_write": { "writable_roots": ["/mine"], "network_access": true },
        }));
        assert_eq!(roots.of_turn().unwrap()["writableRoots"], json!(["/mine", "/out"]));
        assert_eq!(roots.of_turn().unwrap()["networkAccess"], true);
        for config in [json!({ "default_permissions": ":workspace" }), json!({ "sandbox_mode": "moon" })] {
            assert_eq!((policy(&config).of_thread(), policy(&config).of_turn()), (None, None), "{config}");
        }
        assert_eq!(Policy::of_codex().of_turn(), None);
    }

    #[test]
    fn a_profile_goes_before_the_configuration() {
        let mut profile = Overrides::default();
        profile.set("sandbox_mode", "read-only");
        profile.set("approval_policy", "untrusted");
        let config = json!({ "sandbox_mode": "danger-full-access", "approval_policy": "never" });
        let policy = Policy::new(&config, &profile, Path::new("/repo"), None);
        assert_eq!(policy.of_turn().unwrap()["type"], "readOnly");
        assert_eq!(policy.approval_of_turn("on-request"), Some("untrusted"));
    }

    #[test]
    fn a_folder_that_is_not_trusted_stays_so() {
        let untrusted = policy(&json!({ "projects": { "/repo": { "trust_level": "untrusted" } } }));
        assert_eq!(untrusted.approval_of_turn("never"), Some("untrusted"));
        let other = policy(&json!({ "projects": { "/other": { "trust_level": "untrusted" } } }));
        assert_eq!(other.approval_of_turn("never"), Some("on-request"));
        let granular = policy(&json!({ "approval_policy": { "granular": { "rules": true } } }));
        assert_eq!(granular.approval_of_turn("never"), Some("untrusted"));
    }
}
