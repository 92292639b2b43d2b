//! The notification of the desktop: a program of the system shows it. There is no shell in between.

use takopi_api::error::Error;
use takopi_api::process::{CommandSpec, ProcessHost};

use crate::message::Notification;

/// Shows a notification, and waits until it is shown.
pub(crate) async fn show(processes: &dyn ProcessHost, notification: &Notification) -> Result<(), Error> {
    let command = command(notification, cfg!(target_os = "macos"));
    let program = command.program.to_string_lossy().into_owned();
    let process = processes
        .spawn(command)
        .await
        .map_err(|error| Error::new(format!("no notification is shown: {error}")))?;
    let exit = process.handle.exited().await;
    if exit.status.is_zero() {
        return Ok(());
    }
    let said = exit.stderr_tail.trim();
    Err(Error::new(format!("no notification is shown: `{program}` {}: {said}", exit.status)))
}

fn command(Notification { title, text }: &Notification, is_mac: bool) -> CommandSpec {
    if is_mac {
        // The texts are arguments of the script, so nothing in them is read as one.
        const SCRIPT: [&str; 6] = [
            "-e",
            "on run argv",
            "-e",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "-e",
            "end run",
        ];
        return CommandSpec::new("osascript", "/").args(SCRIPT).arg("--").args([title, text]);
    }
    // The text may hold markup for some desktops; the title may not.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    CommandSpec::new("notify-send", "/").arg("--app-name=takopi").arg("--").args([title, &text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_arguments_and_no_markup() {
        let notification = Notification { title: "-x".to_owned(), text: "a <b> & c".to_owned() };
        let args = |is_mac| {
            let command = command(&notification, is_mac);
            let args = command.args.iter().map(|arg| arg.to_string_lossy().into_owned());
            (command.program.to_string_lossy().into_owned(), args.collect::<Vec<_>>())
        };
        let (program, linux) = args(false);
        assert_eq!(program, "notify-send");
        assert_eq!(linux, ["--app-name=takopi", "--", "-x", "a &lt;b&gt; &amp; c"]);
        let (program, mac) = args(true);
        assert_eq!(program, "osascript");
        assert_eq!(mac[6..], ["--", "-x", "a <b> & c"]);
    }
}
