//! Logs: on standard error, and only for whoever asks for them.

use tracing_subscriber::filter::LevelFilter;

/// The variable that sets the level.
const LEVEL_VARIABLE: &str = "TAKOPI_LOG_LEVEL";

/// Starts logging. Without `--debug` and the variable only errors are logged: a command tells its user what matters.
pub(crate) fn start(is_debug: bool) {
    let named = std::env::var(LEVEL_VARIABLE).ok();
    let level = match named.as_deref().map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        _ if is_debug => LevelFilter::DEBUG,
        Some("debug") => LevelFilter::DEBUG,
        Some("info") => LevelFilter::INFO,
        Some("warning" | "warn") => LevelFilter::WARN,
        _ => LevelFilter::ERROR,
    };
    // A second start, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(console::colors_enabled_stderr())
        .with_target(false)
        .try_init();
}
