//! The process host on real programs.

use takopi::process::{Limits, LocalProcesses};
use takopi_api::process::{CommandSpec, ExitStatus, ProcessHost};

/// What ends one program must never reach the next one, however soon it starts.
#[tokio::test]
async fn a_program_that_follows_another_at_once_is_left_alone() {
    let host = LocalProcesses::new(Limits::default());
    for round in 0..40 {
        let first = host.spawn(CommandSpec::new("true", "/")).await.unwrap();
        first.handle.exited().await;
        let command = CommandSpec::new("sh", "/").args(["-c", "sleep 0.02; exit 7"]);
        let second = host.spawn(command).await.unwrap();
        assert_eq!(second.handle.exited().await.status, ExitStatus::Code(7), "round {round}");
    }
    host.shutdown().await;
}

#[tokio::test]
async fn programs_side_by_side_do_not_end_each_other() {
    let host = LocalProcesses::new(Limits::default());
    let mut handles = Vec::new();
    for n in 0..12 {
        let command = CommandSpec::new("sh", "/").args(["-c", &format!("sleep 0.{n:02}; exit {n}")]);
        handles.push((n, host.spawn(command).await.unwrap()));
    }
    for (n, process) in handles {
        assert_eq!(process.handle.exited().await.status, ExitStatus::Code(n));
    }
    host.shutdown().await;
}

/// As when takopi panics: nobody is left to wait for the program.
#[test]
fn a_runtime_that_is_given_up_leaves_no_program_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = LocalProcesses::new(Limits::default());
    let process = runtime.block_on(async {
        let process = host.spawn(CommandSpec::new("sleep", "/").arg("271828")).await.unwrap();
        tokio::task::yield_now().await;
        process
    });
    let pid = process.handle.pid().unwrap();
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    assert!(is_alive());
    drop((runtime, host));
    assert!(!is_alive());
}
