//! The call of the webhook: one POST, and errors that never show the address, which may be a secret.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use takopi_api::config::SecretValue;
use takopi_api::error::Error;

use crate::message::Report;

/// How long a connection may take to be made. The whole call has the time of the hook.
const CONNECT: Duration = Duration::from_secs(5);

/// Tells a webhook of an end.
pub(crate) async fn tell(address: &SecretValue, report: &Report<'_>) -> Result<(), Error> {
    let address = Url::parse(address.expose()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let address = address.ok_or_else(|| {
        Error::new("`hooks.notify.webhook` is no address of a web server")
            .hint("write it as `https://example.org/hook`")
    })?;
    let body = serde_json::to_vec(report)
        .map_err(|error| Error::new(format!("the end of a run can not be written as JSON: {error}")))?;
    let request = client()?.post(address).header(CONTENT_TYPE, "application/json").body(body);
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Error::new(format!("the webhook answered {}", status.as_u16())))
}

/// An error of the way, without the address that it was about.
fn unreachable(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut message = format!("the webhook could not be told: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    Error::new(message)
}

/// The certificates of authorities are compiled in: a small box may have none.
fn client() -> Result<Client, Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(format!("no connections can be made: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A webhook that lives elsewhere by now is to be named where it lives: nobody else is told what it was sent.
    let builder = Client::builder().tls_backend_preconfigured(tls).connect_timeout(CONNECT);
    builder.redirect(Policy::none()).build().map_err(unreachable)
}
