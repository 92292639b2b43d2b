//! The servers that run: one for each environment that runs want, which is one in most cases.

use std::path::Path;
use std::sync::Arc;

use takopi_api::process::{Environment, ProcessHost};
use tokio::sync::Mutex;

use super::args;
use super::server::{Listening, Server};
use super::session::Session;

/// The servers; none any more once they were ended, and none is started then.
pub(super) struct Servers(Mutex<Option<Vec<Running>>>);

struct Running {
    environment: Environment,
    server: Arc<Server>,
}

impl Default for Servers {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Servers {
    /// Begins a run on the server of its environment, which is started if it does not run. The environment is all of what
    /// the server sees: codex's configuration may name other variables than when the last one was started.
    pub(super) async fn place(
        &self,
        session: Session,
        extra_args: &[String],
        environment: Environment,
        cwd: &Path,
        host: &dyn ProcessHost,
    ) -> Result<Listening, String> {
        let mut running = self.0.lock().await;
        let running = running.as_mut().ok_or("codex app-server is not started: takopi is ending")?;
        running.retain(|running| running.server.is_usable());
        let known = running.iter().find(|running| running.environment == environment);
        let server = match known {
            Some(known) => Arc::clone(&known.server),
            None => {
                // An environment that nobody uses may be one that nobody will use again.
                running.retain(|running| {
                    let is_used = !running.server.is_idle();
                    if !is_used {
                        running.server.close();
                    }
                    is_used
                });
                let command = args::command(extra_args, environment.clone(), cwd);
                let process = host.spawn(command).await.map_err(|error| error.to_string())?;
                let server = Server::begin(process);
                running.push(Running { environment, server: Arc::clone(&server) });
                server
            }
        };
        Ok(server.add(session))
    }

    /// Ends all servers, and waits for it.
    pub(super) async fn shutdown(&self) {
        let running = self.0.lock().await.take().unwrap_or_default();
        for running in &running {
            running.server.close();
        }
        for running in &running {
            running.server.ended().await;
        }
    }
}
