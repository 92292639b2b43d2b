//! Which variables an engine's process sees: an allowlist, and what the engine and the person add.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables that every engine sees if they are set: who and where the person is, the terminal, the network's
/// proxies and certificates, and where the tools are that an agent runs for a developer. Secrets have no place here; an
/// engine names those that it needs. A `*` at the end stands for any rest.
const BASE: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PATH",
    "PWD",
    "TMPDIR",
    "TMP",
    "TEMP",
    "TZ",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TERM",
    "COLORTERM",
    "TERMINFO",
    "TERMINFO_DIRS",
    "NO_COLOR",
    "XDG_*",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "CI",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GPG_TTY",
    "GIT_AUTHOR_*",
    "GIT_COMMITTER_*",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_EXEC_PATH",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_TARGET_DIR",
    "RUSTFLAGS",
    "GOPATH",
    "GOROOT",
    "GOPROXY",
    "GOFLAGS",
    "JAVA_HOME",
    "ANDROID_HOME",
    "NVM_DIR",
    "NODE_PATH",
    "VOLTA_HOME",
    "FNM_DIR",
    "FNM_MULTISHELL_PATH",
    "PNPM_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    "PYENV_ROOT",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "UV_CACHE_DIR",
    "UV_PYTHON",
    "PIP_CONFIG_FILE",
    "GEM_HOME",
    "GEM_PATH",
    "RBENV_ROOT",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "MISE_CONFIG_DIR",
    "MISE_SHELL",
    "NIX_PATH",
    "NIX_PROFILES",
    "LD_LIBRARY_PATH",
    "PKG_CONFIG_PATH",
    "DOCKER_HOST",
    "KUBECONFIG",
]; // One list and no second: the reference docs print it from here.

/// Which of takopi's own variables a program sees, and which it gets besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    pass: Vec<String>,
    set: BTreeMap<OsString, OsString>,
    remove: Vec<String>,
}

impl Environment {
    /// The base allowlist, the same for every engine.
    #[must_use]
    pub fn base() -> Self {
        Self { pass: BASE.iter().map(|&name| name.to_owned()).collect(), ..Self::default() }
    }

    /// Nothing: for additions to another environment, see [`Self::extend`].
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Passes variables on if they are set. A `*` at the end of a name stands for any rest.
    #[must_use]
    pub fn pass<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.pass.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets a variable, whatever takopi's own value is.
    #[must_use]
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.set.insert(name.into(), value.into());
        self
    }

    /// Keeps a variable back, whatever else passes it on. `*` as in [`Self::pass`].
    #[must_use]
    pub fn remove(mut self, name: impl Into<String>) -> Self {
        self.remove.push(name.into());
        self
    }

    /// Adds the rules of another environment to these.
    pub fn extend(&mut self, other: &Self) {
        self.pass.extend(other.pass.iter().cloned());
        self.set.extend(other.set.clone());
        self.remove.extend(other.remove.iter().cloned());
    }

    /// What the program sees, given takopi's own variables.
    pub fn select(
        &self,
        own: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> impl Iterator<Item = (OsString, OsString)> {
        let passed: BTreeMap<_, _> = own
            .into_iter()
            .filter(|(name, _)| matches_any(&self.pass, name) && !matches_any(&self.remove, name))
            .chain(self.set.clone())
            .collect();
        passed.into_iter()
    }
}

fn matches_any(patterns: &[String], name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(environment: &Environment, own: &[(&str, &str)]) -> Vec<(String, String)> {
        environment
            .select(own.iter().map(|(name, value)| (name.into(), value.into())))
            .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
            .collect()
    }

    #[test]
    fn only_what_is_named_is_passed_on() {
        let own = [("PATH", "/bin"), ("LC_ALL", "C"), ("TAKOPI_TOKEN", "secret"), ("GH_TOKEN", "secret")];
        let seen = select(&Environment::base(), &own);
        assert_eq!(seen, [("LC_ALL".into(), "C".into()), ("PATH".into(), "/bin".into())]);
    }

    #[test]
    fn set_wins_over_own_and_remove_over_pass() {
        let environment = Environment::base().pass(["ACME_*"]).remove("ACME_KEY").set("PATH", "/opt");
        let own = [("PATH", "/bin"), ("ACME_KEY", "1"), ("ACME_URL", "2")];
        let seen = select(&environment, &own);
        assert_eq!(seen, [("ACME_URL".into(), "2".into()), ("PATH".into(), "/opt".into())]);
    }
}
