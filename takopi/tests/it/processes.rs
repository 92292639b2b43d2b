//! The process host on real programs.

use takopi::process::{Limits, LocalProcesses};
use takopi_api::process::{Ask, CommandSpec, Ending, Exit, ExitStatus, ProcessHost, Stdin, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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

/// All that a program says, and how it ended.
async fn output_of(command: CommandSpec) -> (String, Exit) {
    let host = LocalProcesses::new(Limits::default());
    let mut process = host.spawn(command).await.unwrap();
    let mut output = String::new();
    process.stdout.read_to_string(&mut output).await.unwrap();
    (output, process.handle.exited().await)
}

fn on_a_terminal(script: &str) -> CommandSpec {
    CommandSpec::new("sh", "/").args(["-c", script]).terminal(TerminalSize { columns: 321, rows: 45 })
}

#[tokio::test]
async fn a_program_may_have_a_terminal_of_its_own() {
    let script = "test -t 1 && test -t 2 && ! test -t 0 && echo out && echo err >&2 && stty size <&1";
    let (output, exit) = output_of(on_a_terminal(script)).await;
    assert_eq!(output, "out\nerr\n45 321\n");
    assert_eq!((exit.status, exit.stderr_tail.as_str()), (ExitStatus::Code(0), ""));
    // It is the one that a program finds under this name, and no other program's.
    let (output, _) = output_of(on_a_terminal("stty size </dev/tty; tty <&1")).await;
    assert!(output.starts_with("45 321\n/dev/"), "{output}");
    let (_, exit) = output_of(CommandSpec::new("sh", "/").args(["-c", "cat </dev/tty"])).await;
    assert!(exit.stderr_tail.contains("/dev/tty"), "without one there is none: {exit:?}");
}

#[tokio::test]
async fn what_is_written_last_is_read_and_what_is_long_is_whole() {
    let script = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end";
    let (output, _) = output_of(on_a_terminal(script)).await;
    assert_eq!(output.len(), 300_005);
    assert!(output.ends_with("x\nend\n"));
}

#[tokio::test]
async fn what_is_typed_reaches_a_program_and_so_does_the_end_of_it() {
    let host = LocalProcesses::new(Limits::default());
    let command = on_a_terminal("test -t 0; echo $?; cat; echo over").stdin(Stdin::Open);
    let mut process = host.spawn(command).await.unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(b"hello\n").await.unwrap();
    stdin.shutdown().await.unwrap();
    let mut output = String::new();
    process.stdout.read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "0\nhello\nover\n");
    // A payload is no typing: it comes through a pipe, however long.
    let long = "y".repeat(100_000);
    let payload = Stdin::Payload(long.clone().into_bytes());
    let (output, _) = output_of(on_a_terminal("test -t 0 || cat").stdin(payload)).await;
    assert_eq!(output, long);
}

#[tokio::test]
async fn a_program_on_a_terminal_is_asked_and_ended_as_any_other() {
    let host = LocalProcesses::new(Limits::default());
    let mut asked =
        host.spawn(on_a_terminal("trap 'exit 3' INT; echo on; sleep 271829 & wait")).await.unwrap();
    asked.stdout.read_exact(&mut [0; 3]).await.unwrap();
    asked.handle.end(Ending::asking(Ask::Interrupt));
    assert_eq!(asked.handle.exited().await.status, ExitStatus::Code(3));
    let script = "trap '' INT TERM HUP; setsid sleep 271830 & echo on; sleep 271831; :";
    let mut deaf = host.spawn(on_a_terminal(script)).await.unwrap();
    deaf.stdout.read_exact(&mut [0; 3]).await.unwrap();
    deaf.handle.end(Ending::now());
    deaf.handle.exited().await;
    let mut rest = Vec::new();
    // It ends only when nobody has the terminal open any more.
    deaf.stdout.read_to_end(&mut rest).await.unwrap();
    host.shutdown().await;
}
