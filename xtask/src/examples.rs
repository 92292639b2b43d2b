//! `cargo xtask examples`: the examples as a stranger has them. The crates are packed as they would be published, and the
//! examples are built with what came out: what a package lacks, and what only this workspace has, is missing here too.

mod copy;
mod pack;

use std::path::Path;
use std::process::ExitCode;

use cargo_metadata::MetadataCommand;

use crate::cargo::cargo;
use crate::error::Error;
use crate::workspace::Workspace;

use pack::Packed;

/// The workspace of the examples, by its path from the root.
const EXAMPLES: &str = "examples";

/// Where packed crates and examples lie, below the folder for what is built.
const FOLDER: &str = "packed";

/// The plugins alone: with the program, all of it would be compiled once more.
const CLIPPY: [&str; 8] =
    ["--quiet", "--workspace", "--exclude", "mytakopi", "--all-targets", "--", "-D", "warnings"];

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    check_format(workspace)?;
    let packed = pack::all(workspace, FOLDER)?;
    println!("packed {} crates", packed.len());
    let folder = workspace.target(FOLDER).join(EXAMPLES);
    copy::differing(&workspace.path(EXAMPLES), &folder, &["Cargo.lock", "target"])?;
    // The versions of other crates are those of this workspace: they are there already, and built.
    let lock = folder.join("Cargo.lock");
    std::fs::copy(workspace.path("Cargo.lock"), &lock).map_err(|error| Error::at(&lock, error))?;
    let examples = Examples { workspace, folder: &folder, packed: &packed };
    examples.check_sources()?;
    examples.run("clippy", &CLIPPY)?;
    examples.run("test", &["--workspace", "--quiet"])?;
    println!("ok: the examples work with the packed crates");
    Ok(ExitCode::SUCCESS)
}

/// In the workspace itself, so that what is said about it names the files to mend.
fn check_format(workspace: &Workspace) -> Result<(), Error> {
    let status = cargo(workspace)
        .args(["fmt", "--all", "--check", "--manifest-path"])
        .arg(format!("{EXAMPLES}/Cargo.toml"))
        .status();
    let status = status.map_err(|error| Error::new(format!("`cargo fmt` could not be run: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new("the examples are not formatted")
        .hint(format!("run `cargo fmt --all --manifest-path {EXAMPLES}/Cargo.toml`")))
}

struct Examples<'a> {
    workspace: &'a Workspace,
    folder: &'a Path,
    packed: &'a [Packed],
}

impl Examples<'_> {
    /// What lets cargo take the packed crates for those of the registry.
    fn patches(&self) -> Vec<String> {
        let patch = |packed: &Packed| {
            let path = toml_edit::Value::from(packed.folder.to_string_lossy().into_owned());
            ["--config".to_owned(), format!("patch.crates-io.{}.path={path}", packed.name)]
        };
        self.packed.iter().flat_map(patch).collect()
    }

    /// Everything of this project that the examples depend on is a packed crate, and nothing comes from elsewhere.
    fn check_sources(&self) -> Result<(), Error> {
        let metadata =
            MetadataCommand::new()
                .current_dir(self.folder)
                .other_options(self.patches())
                .exec()
                .map_err(|error| Error::new(format!("`cargo metadata` of the examples failed: {error}")))?;
        let own = metadata.workspace_packages();
        for package in metadata.packages.iter().filter(|package| package.name.starts_with("takopi")) {
            let is_packed =
                self.packed.iter().any(|packed| package.manifest_path.starts_with(&packed.folder));
            if !is_packed && !own.iter().any(|member| member.id == package.id) {
                return Err(Error::new(format!("the examples take {} from elsewhere", package.id))
                    .hint("name a version that Cargo.toml has, and no path"));
            }
        }
        Ok(())
    }

    /// Runs cargo in the examples. Profile and target folder are this workspace's, so that the crates of others are built
    /// once for both.
    fn run(&self, task: &str, args: &[&str]) -> Result<(), Error> {
        let mut cargo = cargo(self.workspace);
        cargo.current_dir(self.folder).arg(task).args(self.patches());
        cargo.args(["--config", "profile.dev.debug='line-tables-only'", "--target-dir"]);
        let status = cargo.arg(self.workspace.target("")).args(args).status();
        let status =
            status.map_err(|error| Error::new(format!("`cargo {task}` could not be run: {error}")))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(format!("`cargo {task}` of the examples ended with {status}")).hint(format!(
            "it ran in {}, with the crates of {}",
            self.folder.display(),
            self.workspace.target(FOLDER).display()
        )))
    }
}
