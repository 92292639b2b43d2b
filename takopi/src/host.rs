//! The program as a value: what a wrapper binary builds and runs.

use std::ffi::OsString;
use std::process::ExitCode;

use takopi_api::plugin::{self, Backend, Distribution};

use crate::plugins::Linked;
use crate::{bundled, cli};

/// The program. A binary that adds plugins of its own bundles them and runs this; `takopi build` writes such a binary:
///
/// ```no_run
/// # mod my_plugin {
/// #     use takopi_api::plugin::Distribution;
/// #     pub static TAKOPI_PLUGIN: Distribution = Distribution::new("my-plugin", "1.0.0", "");
/// # }
/// fn main() -> std::process::ExitCode {
///     takopi::Host::new().bundle(&my_plugin::TAKOPI_PLUGIN).run()
/// }
/// ```
#[derive(Debug)]
pub struct Host {
    args: Vec<OsString>,
    rows: Vec<&'static Backend>,
    linked: Linked,
}

impl Host {
    /// The program with the arguments of this process and every plugin that was linked.
    #[must_use]
    pub fn new() -> Self {
        // Naming the table makes the linker keep the crates of the enabled features.
        let _ = bundled::BUNDLED;
        let linked = Linked::new(plugin::TAKOPI_DISTRIBUTIONS.to_vec());
        Self { args: std::env::args_os().collect(), rows: plugin::backends().collect(), linked }
    }

    /// Promises that this binary has a plugin: `TAKOPI_PLUGIN` of its crate. Naming it makes the linker keep the crate, and
    /// `takopi plugins --check` tells if it is missing all the same.
    #[must_use]
    pub fn bundle(mut self, plugin: &'static Distribution) -> Self {
        self.linked.promise(plugin);
        self
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
