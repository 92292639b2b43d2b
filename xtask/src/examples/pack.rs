//! Packs every crate that is published, and unpacks it again.

use std::path::PathBuf;

use cargo_metadata::Package;

use super::copy;
use crate::cargo::{cargo, command};
use crate::error::Error;
use crate::workspace::Workspace;

/// A crate as somebody gets it who downloads it.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) name: String,
    pub(super) folder: PathBuf,
}

/// Packs them all at once: cargo then knows that those that depend on each other will be published together.
pub(super) fn all(workspace: &Workspace, folder: &str) -> Result<Vec<Packed>, Error> {
    let published: Vec<&Package> =
        workspace.packages().iter().filter(|package| is_published(package)).collect();
    let mut package = cargo(workspace);
    package.args(["package", "--quiet", "--no-verify", "--allow-dirty"]);
    published.iter().for_each(|one| _ = package.args(["--package", one.name.as_str()]));
    let output = package.output();
    let output = output.map_err(|error| Error::new(format!("`cargo package` could not be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!("`cargo package` ended with {}\n{}", output.status, said.trim_end())));
    }
    published.into_iter().map(|package| unpack(workspace, folder, package)).collect()
}

fn is_published(package: &Package) -> bool {
    // `publish = false` is an empty list of registries.
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

fn unpack(workspace: &Workspace, folder: &str, package: &Package) -> Result<Packed, Error> {
    let name = format!("{}-{}", package.name, package.version);
    let archive = workspace.target("package").join(format!("{name}.crate"));
    let temporary =
        tempfile::tempdir().map_err(|error| Error::new(format!("no temporary folder: {error}")))?;
    let mut tar = command("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(temporary.path());
    let status = tar.status().map_err(|error| Error::new(format!("`tar` could not be run: {error}")))?;
    if !status.success() {
        return Err(Error::at(&archive, format!("`tar` ended with {status}")));
    }
    let unpacked = workspace.target(folder).join(package.name.as_str());
    copy::differing(&temporary.path().join(&name), &unpacked, &[])?;
    Ok(Packed { name: package.name.to_string(), folder: unpacked })
}
