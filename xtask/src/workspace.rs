//! The workspace on the disk: its packages and its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::error::Error;
use crate::plugin::PluginName;

/// The workspace in which the command was started.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

/// The name of the package of the program.
const PROGRAM: &str = "takopi";

impl Workspace {
    /// Reads the manifests, and neither the lock file nor the network.
    pub(crate) fn open() -> Result<Self, Error> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .map_err(|error| Error::new(format!("`cargo metadata` failed: {error}")))?;
        Ok(Self { metadata })
    }

    /// A file or folder, by its path from the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.metadata.workspace_root.join(relative).into_std_path_buf()
    }

    /// A file or folder below the folder for what is built.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.metadata.target_directory.join(relative).into_std_path_buf()
    }

    pub(crate) fn read(&self, relative: &str) -> Result<String, Error> {
        let path = self.path(relative);
        fs::read_to_string(&path).map_err(|error| Error::at(&path, error))
    }

    pub(crate) fn write(&self, relative: &str, text: &str) -> Result<(), Error> {
        let path = self.path(relative);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Error::at(&path, error))
    }

    pub(crate) fn packages(&self) -> &[Package] {
        &self.metadata.packages
    }

    /// The package of the program.
    pub(crate) fn program(&self) -> Result<&Package, Error> {
        self.packages().iter().find(|package| package.name.as_str() == PROGRAM).ok_or_else(|| {
            Error::new("this workspace has no package `takopi`").hint("run this inside of takopi's")
        })
    }

    /// The folder of a package, by its path from the root.
    pub(crate) fn folder_of(&self, package: &Package) -> String {
        let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
        folder.strip_prefix(&self.metadata.workspace_root).unwrap_or(folder).as_str().replace('\\', "/")
    }

    /// The names of the folders under `backends/`, sorted, good or bad.
    pub(crate) fn backend_folders(&self) -> Result<Vec<String>, Error> {
        let path = self.path("backends");
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| Error::at(&path, error))? {
            let entry = entry.map_err(|error| Error::at(&path, error))?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The plugins with a package under `backends/`, by their features.
    pub(crate) fn plugins(&self) -> BTreeMap<String, Plugin<'_>> {
        let plugin = |package| {
            let name = PluginName::of_feature(self.folder_of(package).strip_prefix("backends/")?)?;
            Some((name.feature(), Plugin { name, package }))
        };
        self.packages().iter().filter_map(plugin).collect()
    }
}

/// A plugin and its package.
#[derive(Debug)]
pub(crate) struct Plugin<'a> {
    pub(crate) name: PluginName,
    pub(crate) package: &'a Package,
}

impl Plugin<'_> {
    /// The line about the plugin: the description of its package.
    pub(crate) fn summary(&self) -> &str {
        self.package.description.as_deref().unwrap_or_default()
    }
}
