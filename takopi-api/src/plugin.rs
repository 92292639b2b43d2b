//! Registration: how a crate says at compile time which backends it has.
//!
//! Two collections are filled by the linker. [`TAKOPI_DISTRIBUTIONS`] (linkme) has one element a plugin crate: its name
//! and version, so that a report can say where a backend comes from. The rows of [`Backend`] (inventory) have one element
//! a backend, with its id and the function that constructs it. Rows hold function pointers and static text only: reading
//! them runs no code of a plugin, and nothing of a plugin runs before `main`.
//!
//! The linker's order of both collections is not stable; whoever reads them sorts.

use std::fmt;
use std::sync::Arc;

use crate::command::CommandBackend;
use crate::engine::EngineBackend;
use crate::hook::HookBackend;
use crate::transport::TransportBackend;

/// The crate that a backend comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Distribution {
    /// The package's name, e.g. `takopi-engine-codex`.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The package's repository; empty if its manifest names none.
    pub repository: &'static str,
    /// The package's license as its manifest names it, e.g. `MIT OR Apache-2.0`; empty if it names none.
    pub license: &'static str,
}

impl Distribution {
    /// A distribution whose license is not known; [`plugin!`](crate::plugin!) makes one from the plugin crate's own
    /// manifest, which has all of it.
    #[must_use]
    pub const fn new(name: &'static str, version: &'static str, repository: &'static str) -> Self {
        Self { name, version, repository, license: "" }
    }

    /// Adds the license.
    #[must_use]
    pub const fn license(mut self, license: &'static str) -> Self {
        self.license = license;
        self
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Every plugin crate that the linker kept, one element each, in no particular order.
#[linkme::distributed_slice]
pub static TAKOPI_DISTRIBUTIONS: [&'static Distribution];

/// What kind of backend a row offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BackendKind {
    /// A coding agent, see [`EngineBackend`].
    Engine,
    /// A chat system, see [`TransportBackend`].
    Transport,
    /// A `/name` handler in chat, see [`CommandBackend`].
    Command,
    /// What looks at every run, see [`HookBackend`].
    Hook,
}

impl BackendKind {
    /// Every kind, in the order in which reports list them.
    pub const ALL: [Self; 4] = [Self::Engine, Self::Transport, Self::Command, Self::Hook];

    /// The word for this kind in reports, in [`plugin!`](crate::plugin!) and in the names of features (`engine-acme`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Transport => "transport",
            Self::Command => "command",
            Self::Hook => "hook",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Constructs a backend. It is called at most once in a process, on first use, and must be cheap and pure: no I/O, no
/// threads, no look at the environment. That belongs into the backend's own methods, which are called on purpose.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Constructor {
    /// Constructs an engine.
    Engine(fn() -> EngineBackend),
    /// Constructs a transport.
    Transport(fn() -> Arc<dyn TransportBackend>),
    /// Constructs a chat command.
    Command(fn() -> Arc<dyn CommandBackend>),
    /// Constructs a hook.
    Hook(fn() -> Arc<dyn HookBackend>),
}

/// One row of the static registry: a backend that a plugin crate offers.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Backend {
    /// The backend's id, see [`is_valid_id`]. A row submitted by hand may hold a bad one; the registry then skips and
    /// reports it.
    pub id: &'static str,
    /// One line about the backend, for lists.
    pub summary: &'static str,
    /// The crate that it comes from. `None` only in rows submitted by hand: reported, and hidden when an enabled list is
    /// set.
    pub distribution: Option<&'static Distribution>,
    /// The JSON schema of the backend's configuration table, if it declares one. It feeds the reference docs, the editor's
    /// schema and the warnings about unknown keys.
    pub config_schema: Option<fn() -> schemars::Schema>,
    /// Whether it is started when takopi begins to serve, and not when somebody uses it: see
    /// [`CommandBackend::start`].
    pub starts: bool,
    /// How the backend is made.
    pub constructor: Constructor,
}

impl Backend {
    /// A row without distribution, summary and schema; [`plugin!`](crate::plugin!) adds these.
    #[must_use]
    pub const fn new(id: &'static str, constructor: Constructor) -> Self {
        Self { id, summary: "", distribution: None, config_schema: None, starts: false, constructor }
    }

    /// Adds the crate that the backend comes from.
    #[must_use]
    pub const fn distribution(mut self, distribution: &'static Distribution) -> Self {
        self.distribution = Some(distribution);
        self
    }

    /// Adds the line about the backend.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Adds the schema of the backend's configuration table.
    #[must_use]
    pub const fn config_schema(mut self, schema: fn() -> schemars::Schema) -> Self {
        self.config_schema = Some(schema);
        self
    }

    /// It is started when takopi begins to serve.
    #[must_use]
    pub const fn starts(mut self, starts: bool) -> Self {
        self.starts = starts;
        self
    }

    /// The kind of the backend, which its constructor decides.
    #[must_use]
    pub const fn kind(&self) -> BackendKind {
        match self.constructor {
            Constructor::Engine(_) => BackendKind::Engine,
            Constructor::Transport(_) => BackendKind::Transport,
            Constructor::Command(_) => BackendKind::Command,
            Constructor::Hook(_) => BackendKind::Hook,
        }
    }
}

inventory::collect!(Backend);

/// Every row that the linker kept, in no particular order.
pub fn backends() -> impl Iterator<Item = &'static Backend> {
    inventory::iter::<Backend>.into_iter()
}

/// Whether `id` matches `^[a-z0-9_]{1,32}$`, as every backend's id must: it is typed as a chat command, so it can hold
/// only what chat apps accept there.
#[must_use]
pub const fn is_valid_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    if bytes.is_empty() || bytes.len() > 32 {
        return false;
    }
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        at += 1;
    }
    true
}

/// Registers the backends of a plugin crate. Called once, at the root of the crate.
///
/// Each row is a kind (`engine`, `transport`, `command` or `hook`), the id, and the path of the function that constructs the
/// backend. A row may say, in this order, that it is started with takopi (a command's `starts = true`, see
/// [`CommandBackend::start`]), the
/// type of its configuration table, which must be [`JsonSchema`](schemars::JsonSchema), and its own summary (default: the
/// package's description).
///
/// ```
/// mod backend {
///     use takopi_api::engine::{Availability, EngineBackend};
///
///     use takopi_api::schemars::{self, JsonSchema};
///
///     #[derive(JsonSchema)]
///     pub struct Settings {}
///
///     pub fn new() -> EngineBackend {
///         EngineBackend::new("acme", Availability::Embedded, |_config| unimplemented!())
///     }
/// }
///
/// takopi_api::plugin! {
///     engine "acme" => backend::new, config = backend::Settings, summary = "an example";
/// }
/// # fn main() { assert_eq!(TAKOPI_PLUGIN.name, env!("CARGO_PKG_NAME")); }
/// ```
///
/// A bad id does not compile:
///
/// ```compile_fail
/// # mod backend {
/// #     use takopi_api::engine::{Availability, EngineBackend};
/// #     pub fn new() -> EngineBackend { EngineBackend::new("acme", Availability::Embedded, |_| unimplemented!()) }
/// # }
/// takopi_api::plugin! { engine "Acme!" => backend::new }
/// ```
#[macro_export]
macro_rules! plugin {
    ($($kind:ident $id:literal => $constructor:path $(, starts = $starts:literal)? $(, config = $config:ty)? $(, summary = $summary:expr)?);+ $(;)?) => {
        /// This crate as a distribution: its name, version, repository and license.
        pub static TAKOPI_PLUGIN: $crate::plugin::Distribution = $crate::plugin::Distribution::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_REPOSITORY"),
        )
        .license(env!("CARGO_PKG_LICENSE"));

        const _: () = {
            #[$crate::__private::linkme::distributed_slice($crate::plugin::TAKOPI_DISTRIBUTIONS)]
            #[linkme(crate = $crate::__private::linkme)]
            static DISTRIBUTION: &$crate::plugin::Distribution = &TAKOPI_PLUGIN;
        };

        $(
            const _: () = assert!(
                $crate::plugin::is_valid_id($id),
                concat!("the backend id `", $id, "` must be 1 to 32 of the characters a-z, 0-9 and _"),
            );
            $crate::__private::inventory::submit! {
                $crate::plugin::Backend::new($id, $crate::plugin!(@constructor $kind $constructor))
                    .distribution(&TAKOPI_PLUGIN)
                    .summary($crate::plugin!(@summary $($summary)?))
                    $(.starts($crate::plugin!(@starts $kind $starts)))?
                    $(.config_schema(|| $crate::schemars::schema_for!($config)))?
            }
        )+
    };
    (@constructor engine $constructor:path) => { $crate::plugin::Constructor::Engine($constructor) };
    (@constructor transport $constructor:path) => {
        $crate::plugin::Constructor::Transport(|| ::std::sync::Arc::new($constructor()))
    };
    (@constructor command $constructor:path) => {
        $crate::plugin::Constructor::Command(|| ::std::sync::Arc::new($constructor()))
    };
    // Only commands are started.
    (@starts command $starts:literal) => { $starts };
    (@constructor hook $constructor:path) => {
        $crate::plugin::Constructor::Hook(|| ::std::sync::Arc::new($constructor()))
    };
    (@summary) => { env!("CARGO_PKG_DESCRIPTION") };
    (@summary $summary:expr) => { $summary };
}
