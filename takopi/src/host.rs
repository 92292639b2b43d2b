//! The program as a value: what a wrapper binary builds and runs.

use std::ffi::OsString;
use std::process::ExitCode;

use takopi_api::plugin::{self, Backend, Distribution};

use crate::{bundled, cli};

/// The program. A binary that adds plugins of its own links their crates (`use my_plugin as _;`) and runs this.
#[derive(Debug)]
pub struct Host {
    args: Vec<OsString>,
    rows: Vec<&'static Backend>,
    linked: Vec<&'static Distribution>,
}

impl Host {
    /// The program with the arguments of this process and every plugin that was linked.
    #[must_use]
    pub fn new() -> Self {
        // Naming the table makes the linker keep the crates of the enabled features.
        let _ = bundled::BUNDLED;
        let linked = plugin::TAKOPI_DISTRIBUTIONS.to_vec();
        Self { args: std::env::args_os().collect(), rows: plugin::backends().collect(), linked }
    }

    /// Runs a command line and says how it ended.
    #[must_use]
    pub fn run(self) -> ExitCode {
        cli::run(&self.args, &self.rows, &self.linked)
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}
