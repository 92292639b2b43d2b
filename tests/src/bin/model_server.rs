//! `model-server [PORT]`: the scripted model server on 127.0.0.1. Its port is the first line that it prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the port is what it says, and errors")]

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// After this it ends whoever forgot it.
const LIFE: Duration = Duration::from_secs(15 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse());
    let Ok(port) = port else {
        eprintln!("usage: model-server [PORT]");
        return ExitCode::from(2);
    };
    match serve(port).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: 127.0.0.1:{port}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("{}", listener.local_addr()?.port());
    let closed = input_closed();
    tokio::select! {
        served = axum::serve(listener, takopi_tests::model_server::router()) => served,
        _ = closed => Ok(()),
        () = tokio::time::sleep(LIFE) => Ok(()),
    }
}

/// Whoever started the server holds its standard input, so that it ends with them, however they end. A thread of its own
/// reads it: one of the runtime's would keep the program from ending.
fn input_closed() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // An input that can not be read is closed too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(sender);
    });
    receiver
}
