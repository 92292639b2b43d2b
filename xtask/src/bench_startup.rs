//! `cargo xtask bench-startup`: how many instructions the shipped program with all plugins takes to start, against an empty
//! program and a budget, and what a thousand plugins more make of it. Instructions and not time, because they are the same
//! on a busy machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::cargo::{Profile, build_program, build_test_program, command, with_empty_home};
use crate::error::Error;
use crate::workspace::Workspace;

/// A command line and how many times the instructions of an empty program it may take.
struct Budget {
    args: &'static str,
    times: u64,
}

const BUDGETS: &[Budget] = &[Budget { args: "--version", times: 3 }, Budget { args: "plugins", times: 5 }];

/// What the program may take with a thousand plugins more, against itself without them.
const OF_A_THOUSAND: &[Budget] = &[Budget { args: "plugins", times: 2 }, Budget { args: "--help", times: 2 }];

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    if !has_valgrind() {
        eprintln!("skipped: instructions are counted by valgrind, which is not here");
        eprintln!("hint: install it with `apt-get install valgrind`");
        return Ok(ExitCode::SUCCESS);
    }
    let temporary =
        tempfile::tempdir().map_err(|error| Error::new(format!("no temporary folder: {error}")))?;
    // The same build as that of `feature-sets`: another one takes minutes.
    let features: Vec<String> =
        workspace.plugins().into_values().map(|plugin| plugin.name.feature()).collect();
    let args = ["--no-default-features", "--features", &features.join(",")];
    let program = build_program(workspace, Profile::Dist, &args)?;
    let empty = instructions(&empty_program(temporary.path())?, &[], temporary.path())?;
    println!("{:<12} {:>14} {:>7} {:>7}", "command", "instructions", "ratio", "budget");
    println!("{:<12} {empty:>14} {:>7} {:>7}", "(empty)", "1.00", "");
    let mut is_over = false;
    for budget in BUDGETS {
        let count = instructions(&program, &[budget.args], temporary.path())?;
        println!("{:<12} {count:>14} {:>7} {:>7}", budget.args, ratio(count, empty), budget.times);
        is_over |= count > empty * budget.times;
    }
    is_over |= is_over_with_a_thousand(workspace, temporary.path())?;
    let size = fs::metadata(&program).map_err(|error| Error::at(&program, error))?.len();
    println!("size of the stripped program: {size} bytes");
    if is_over {
        return Err(Error::new("starting takes more instructions than its budget")
            .hint("`valgrind --tool=callgrind` and `callgrind_annotate` show where they go"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether one budget of the program with a thousand plugins more is exceeded. Both programs are of `tests/`, and built
/// without the optimizations of what is shipped, which are the same to both.
fn is_over_with_a_thousand(workspace: &Workspace, home: &Path) -> Result<bool, Error> {
    let few = build_test_program(workspace, "takopi-all", Profile::Release)?;
    let many = build_test_program(workspace, "takopi-thousand", Profile::Release)?;
    println!("with a thousand plugins more:");
    let mut is_over = false;
    for budget in OF_A_THOUSAND {
        let few = instructions(&few, &[budget.args], home)?;
        let many = instructions(&many, &[budget.args], home)?;
        println!("{:<12} {many:>14} {:>7} {:>7}", budget.args, ratio(many, few), budget.times);
        is_over |= many > few * budget.times;
    }
    Ok(is_over)
}

fn has_valgrind() -> bool {
    let mut valgrind = command("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// What every Rust program takes to start and to end.
fn empty_program(folder: &Path) -> Result<PathBuf, Error> {
    let source = folder.join("empty.rs");
    let program = folder.join("empty");
    fs::write(&source, "fn main() {}\n").map_err(|error| Error::at(&source, error))?;
    let mut rustc = command("rustc");
    succeed(rustc.args(["--edition", "2024", "-C", "opt-level=3", "-o"]).arg(&program).arg(&source))?;
    Ok(program)
}

fn instructions(program: &Path, args: &[&str], home: &Path) -> Result<u64, Error> {
    let counts = home.join("callgrind.out");
    let mut option = std::ffi::OsString::from("--callgrind-out-file=");
    option.push(&counts);
    let mut valgrind = with_empty_home("valgrind", home);
    succeed(valgrind.arg("--tool=callgrind").arg(option).arg(program).args(args))?;
    let text = fs::read_to_string(&counts).map_err(|error| Error::at(&counts, error))?;
    summary(&text).ok_or_else(|| Error::at(&counts, "callgrind wrote no line `summary:` with a number"))
}

fn summary(callgrind: &str) -> Option<u64> {
    callgrind.lines().find_map(|line| line.strip_prefix("summary:"))?.trim().parse().ok()
}

/// Two decimals, without the rounding of floating-point numbers.
fn ratio(count: u64, empty: u64) -> String {
    let hundredths = count.saturating_mul(100) / empty.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn succeed(command: &mut Command) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().map_err(|error| Error::new(format!("`{name}` could not be run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("`{name}` ended with {}\n{}", output.status, said.trim_end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read_from_what_callgrind_writes() {
        assert_eq!(summary("# callgrind format\nevents: Ir\nsummary: 123456\n"), Some(123_456));
        assert_eq!(summary("events: Ir\n"), None);
    }

    #[test]
    fn a_ratio_has_two_decimals() {
        assert_eq!(ratio(305, 100), "3.05");
        assert_eq!(ratio(2, 3), "0.66");
    }
}
