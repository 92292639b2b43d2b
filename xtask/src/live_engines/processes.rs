//! What is left of a run, as the system tells it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The variable that every process of a run carries.
const RUN: &[u8] = b"TAKOPI_RUN_ID=";

/// The command lines of processes that carry a run's id and have this home folder, or that work below this folder: one
/// that wiped its environment is found by that.
pub(super) fn left(home: &Path, work: &Path) -> Vec<String> {
    let home = [b"HOME=", home.as_os_str().as_bytes()].concat();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let path = entry.path();
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let folder = fs::read_link(path.join("cwd")).unwrap_or_default();
        (is_of_run(&environment, &home) || folder.starts_with(work)).then(|| command_line(&path))
    });
    processes.collect()
}

/// Other runs may go on on this machine; theirs is another home.
fn is_of_run(environment: &[u8], home: &[u8]) -> bool {
    let mut variables = environment.split(|&byte| byte == 0);
    let mut copy = variables.clone();
    variables.any(|variable| variable.starts_with(RUN)) && copy.any(|variable| variable == home)
}

fn command_line(process: &Path) -> String {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let pid = process.file_name().unwrap_or_default().to_string_lossy();
    format!("{pid}: {}", String::from_utf8_lossy(&line).replace('\0', " ").trim_end())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::{is_of_run, left};
    use crate::cargo::command;

    /// Ends with the test, however that ends.
    struct Sleeper(Child);

    impl Sleeper {
        fn start(sleep: &mut Command) -> Self {
            Self(sleep.arg("61").spawn().unwrap())
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_process_is_found_by_its_variables_and_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let work = folder.path().canonicalize().unwrap().join("work");
        std::fs::create_dir_all(work.join("a")).unwrap();
        assert!(left(&home, &work).is_empty());
        let marked = Sleeper::start(command("sleep").env("HOME", &home).env("TAKOPI_RUN_ID", "1"));
        let there = Sleeper::start(command("sleep").env_clear().current_dir(work.join("a")));
        let other = Sleeper::start(command("sleep").current_dir("/"));
        let found = left(&home, &work);
        let is_found =
            |sleeper: &Sleeper| found.iter().any(|line| line.starts_with(&format!("{}: ", sleeper.0.id())));
        assert!(is_found(&marked) && is_found(&there) && !is_found(&other), "{found:?}");
    }

    #[test]
    fn a_process_of_a_run_has_its_id_and_its_home() {
        let check = |environment: &str, expected| {
            assert_eq!(is_of_run(environment.replace(' ', "\0").as_bytes(), b"HOME=/a"), expected);
        };
        check("X=1 HOME=/a TAKOPI_RUN_ID=1 ", true);
        check("X=1 HOME=/ab TAKOPI_RUN_ID=1 ", false);
        check("HOME=/a NOT_TAKOPI_RUN_ID=1 ", false);
    }
}
