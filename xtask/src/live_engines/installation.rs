//! The CLIs, installed by npm into a folder of their own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::engines::{Engine, NODE};
use crate::cargo::command;
use crate::error::Error;

/// Where the CLIs are.
#[derive(Debug)]
pub(super) struct Installation {
    folder: PathBuf,
    /// Held as long as the folder is used: a second live test would take the first one's home folder away.
    _lock: File,
}

impl Installation {
    /// `None` if there is no npm.
    pub(super) fn open(folder: PathBuf) -> Result<Option<Self>, Error> {
        let mut npm = command("npm");
        npm.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        if !npm.status().is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        fs::create_dir_all(&folder).map_err(|error| Error::at(&folder, error))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(|error| Error::at(&path, error))?;
        lock.try_lock().map_err(|error| {
            Error::at(&path, error).hint("another live test runs in this folder: wait for its end")
        })?;
        Ok(Some(Self { folder, _lock: lock }))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Installs what all engines run in, if it is not there yet.
    pub(super) fn install_node(&self) -> Result<(), Error> {
        let (node, version) = NODE;
        self.install_package(node, node, version)
    }

    /// Installs an engine, if it is not there yet.
    pub(super) fn install(&self, engine: &Engine) -> Result<(), Error> {
        self.install_package(engine.id, engine.package, engine.version)
    }

    /// PATH for an engine: its CLI, and the node for that, before what the machine has.
    pub(super) fn path_of(&self, engine: &Engine) -> Result<OsString, Error> {
        let modules = self.modules(engine.id);
        // A package may call its program otherwise than people do.
        let own = modules.join(engine.package).join("bin");
        let mut folders = vec![modules.join(".bin"), own, self.modules(NODE.0).join(NODE.0).join("bin")];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        std::env::join_paths(folders).map_err(|error| Error::at(&self.folder, error))
    }

    fn modules(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("node_modules")
    }

    fn install_package(&self, name: &str, package: &str, version: &str) -> Result<(), Error> {
        if installed_version(&self.modules(name).join(package))
            .is_some_and(|found| is_version(&found, version))
        {
            return Ok(());
        }
        let wanted = format!("{package}@{version}");
        println!("installing {wanted}");
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(|error| Error::at(&folder, error))?;
        let output = command("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .arg(&folder)
            .arg(&wanted)
            .output()
            .map_err(|error| Error::new(format!("npm could not be run: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::new(format!("npm could not install {wanted}: {}\n{}", output.status, said.trim_end()))
            .hint("it needs npm's registry"))
    }
}

fn installed_version(package: &Path) -> Option<String> {
    let manifest: Value = serde_json::from_slice(&fs::read(package.join("package.json")).ok()?).ok()?;
    Some(manifest["version"].as_str()?.to_owned())
}

/// Whether a version is the wanted one, or one of the wanted major version.
fn is_version(found: &str, wanted: &str) -> bool {
    found.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_major_version_stands_for_all_of_its_own() {
        assert!(is_version("22.3.1", "22") && is_version("0.169.0", "0.169.0"));
        assert!(!is_version("220.0.0", "22") && !is_version("0.169.1", "0.169.0"));
    }
}
