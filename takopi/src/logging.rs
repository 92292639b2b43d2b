//! Logs: on standard error, and only for whoever asks for them. A file has them too where one is named.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// The variable that sets the level.
const LEVEL_VARIABLE: &str = "TAKOPI_LOG_LEVEL";

/// The variable that names a file.
const FILE_VARIABLE: &str = "TAKOPI_LOG_FILE";

/// Starts logging. Without `--debug` and the variable only errors are logged: a command tells its user what matters. A
/// file has what went on at least, as nobody reads it but to know that.
pub(crate) fn start(is_debug: bool) {
    let named = std::env::var(LEVEL_VARIABLE).ok();
    let level = match named.as_deref().map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        _ if is_debug => Some(Level::DEBUG),
        Some("debug") => Some(Level::DEBUG),
        Some("info") => Some(Level::INFO),
        Some("warning" | "warn") => Some(Level::WARN),
        Some("error" | "critical") => Some(Level::ERROR),
        _ => None,
    };
    let of_errors = level.unwrap_or(Level::ERROR);
    let path = std::env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty());
    let file = path.as_deref().map(Path::new).map(|path| (path, open(path)));
    let logs = tracing_subscriber::fmt().with_target(false);
    // A second start, as in tests, keeps the first.
    let _ = match &file {
        Some((_, Ok(file))) => {
            let of_file = level.unwrap_or(Level::INFO);
            let both = io::stderr.with_max_level(of_errors).and(Arc::clone(file).with_max_level(of_file));
            logs.with_max_level(of_errors.max(of_file)).with_writer(both).with_ansi(false).try_init()
        }
        _ => {
            let logs = logs.with_max_level(of_errors).with_writer(io::stderr);
            logs.with_ansi(console::colors_enabled_stderr()).try_init()
        }
    };
    if let Some((path, Err(error))) = file {
        tracing::error!(%error, "{FILE_VARIABLE}: nothing is logged to {}", path.display());
    }
}

/// Opens a log to go on with. Nobody else reads what people write.
fn open(path: &Path) -> io::Result<Arc<File>> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(Arc::new)
}
