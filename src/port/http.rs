//! Requests over HTTPS with `ureq`, for machines with an operating system. A leaf.
//!
//! In: a signed request. Out: the gateway's answer, or whether anything can have been sent. One
//! agent is kept, so that TLS sessions resume and connections are reused while they are young.
//! Nothing is retried here and no redirect is followed: a repeat is the queue's business.

use std::io::Read;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::{HttpAnswer, Request, Transport, TransportError};
use crate::status::{Error, Result, Status};
use crate::text;

/// Longest time to connect, in milliseconds; part of the whole.
const CONNECT_MS: u64 = 5_000;

/// HTTPS through `ureq`, rustls and ring.
#[derive(Debug)]
pub struct HttpTransport {
    agent: ureq::Agent,
}

impl HttpTransport {
    /// A transport that trusts Mozilla's root certificates, or only those in `ca_pem`; and goes
    /// through `proxy` (`http://host:port`), or the environment's (`HTTPS_PROXY`, `ALL_PROXY`).
    ///
    /// Fails with `Malformed` (no certificate in `ca_pem`) or `Argument` (proxy).
    pub fn new(ca_pem: &str, proxy: &str) -> Result<HttpTransport> {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("pointcard/", env!("CARGO_PKG_VERSION")));
        if !ca_pem.is_empty() {
            config = config.tls_config(TlsConfig::builder().root_certs(roots(ca_pem)?).build());
        }
        if !proxy.is_empty() {
            let proxy = ureq::Proxy::new(proxy)
                .map_err(|_| Error::new(Status::Argument, "config.proxy"))?;
            config = config.proxy(Some(proxy));
        }
        Ok(HttpTransport { agent: config.build().into() })
    }
}

fn roots(pem: &str) -> Result<RootCerts> {
    let bad = Error::new(Status::Malformed, "config.ca_pem");
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(pem.as_bytes()) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| bad)? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(bad);
    }
    Ok(certificates.into())
}

impl Transport for HttpTransport {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> core::result::Result<HttpAnswer, TransportError> {
        let timeout = Duration::from_millis(timeout_ms.into());
        let mut response = self
            .agent
            .post(request.url)
            .config()
            .timeout_global(Some(timeout))
            .timeout_connect(Some(timeout.min(Duration::from_millis(CONNECT_MS))))
            .build()
            .header("Content-Type", request.content_type)
            .send(request.body)
            .map_err(|error| failed(&error))?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = header("date").and_then(text::http_date).unwrap_or(0);
        let retry_after_s = header("retry-after").map_or(0, |value| seconds(value, date));
        let status = response.status().as_u16();
        let body_len = read_all(response.body_mut().as_reader(), answer)?;
        Ok(HttpAnswer { status, body_len, retry_after_s, date })
    }
}

/// `Retry-After` is a number of seconds, or a date.
fn seconds(value: &str, now: u64) -> u32 {
    let date = || text::http_date(value).filter(|_| now != 0);
    let left = || date().map_or(0, |then| then.saturating_sub(now));
    u32::try_from(value.trim().parse().unwrap_or_else(|_| left())).unwrap_or(u32::MAX)
}

/// Reads to the end; an answer that does not fit is no answer.
fn read_all(mut from: impl Read, answer: &mut [u8]) -> core::result::Result<usize, TransportError> {
    let lost = |code| TransportError { not_sent: false, code };
    let mut len = 0;
    loop {
        let room = answer.get_mut(len..).unwrap_or_default();
        if room.is_empty() {
            return match from.read(&mut [0]) {
                Ok(0) => Ok(len),
                _ => Err(lost(CODE_TOO_LONG)),
            };
        }
        match from.read(room) {
            Ok(0) => return Ok(len),
            Ok(more) => len += more,
            Err(error) => return Err(lost(error.raw_os_error().unwrap_or(CODE_OTHER))),
        }
    }
}

/// [`TransportError::code`]: no system error code is known.
pub const CODE_OTHER: i32 = -1;
/// [`TransportError::code`]: it took too long.
pub const CODE_TIMEOUT: i32 = -2;
/// [`TransportError::code`]: the host's name is unknown.
pub const CODE_HOST: i32 = -3;
/// [`TransportError::code`]: the server's certificate was not accepted.
pub const CODE_TLS: i32 = -4;
/// [`TransportError::code`]: the answer is longer than the buffer.
pub const CODE_TOO_LONG: i32 = -5;

/// Whether anything can have been sent: only failures before there was a connection are certain.
fn failed(error: &ureq::Error) -> TransportError {
    use std::io::ErrorKind;
    use ureq::Timeout;
    let (not_sent, code) = match error {
        ureq::Error::HostNotFound => (true, CODE_HOST),
        ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => (true, CODE_OTHER),
        ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => (true, CODE_OTHER),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => (true, CODE_TIMEOUT),
        ureq::Error::Timeout(_) => (false, CODE_TIMEOUT),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => (false, CODE_TLS),
        ureq::Error::Io(io) => {
            let refused = matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            );
            // rustls speaks through I/O errors of this kind.
            let tls = io.kind() == ErrorKind::InvalidData && io.get_ref().is_some();
            let other = if tls { CODE_TLS } else { CODE_OTHER };
            (refused, io.raw_os_error().unwrap_or(other))
        }
        _ => (false, CODE_OTHER),
    };
    TransportError { not_sent, code }
}
