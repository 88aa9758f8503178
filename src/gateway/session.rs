//! Whose requests these are and where they go: the parameters every call shares.
//!
//! In: configuration. Out: the system parameters of one request.

use super::{Charset, Param, SignType};
#[cfg(feature = "aes")]
use crate::crypto::AesKey;
use crate::status::{Error, Result, Status};
use crate::text;

/// The gateway. (Alipay's documentation of the open platform.)
pub const GATEWAY: &str = "https://openapi.alipay.com/gateway.do";

/// Alipay's own test gateway. Whether it serves the point-card calls is not documented.
pub const GATEWAY_SANDBOX: &str = "https://openapi-sandbox.dl.alipaydev.com/gateway.do";

/// Longest gateway URL in bytes; our own limit.
pub const GATEWAY_MAX: usize = 256;
/// Longest `app_id`. (The gateway's table of common parameters, as the next four.)
pub const APP_ID_MAX: usize = 32;
/// Longest `method`.
pub const METHOD_MAX: usize = 128;
/// Longest `app_auth_token`.
pub const APP_AUTH_TOKEN_MAX: usize = 40;
/// Longest `notify_url`.
pub const NOTIFY_URL_MAX: usize = 256;
/// Longest certificate number: 32 characters each, joined by `_`; a root bundle has a few.
pub const CERT_SN_MAX: usize = 328;

/// What all requests of one app, acting for one merchant, have in common.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Absolute URL, [`GATEWAY`] as a rule.
    pub gateway: &'a str,
    /// The app's number.
    pub app_id: &'a str,
    /// How requests are signed and answers verified.
    pub sign_type: SignType,
    /// The charset of requests.
    pub charset: Charset,
    /// Set when a software house acts for a merchant; it is signed like the others.
    pub app_auth_token: Option<&'a str>,
    /// Where messages of this call go; only some calls have any.
    pub notify_url: Option<&'a str>,
    /// Number of the app's certificate, in certificate mode.
    pub app_cert_sn: Option<&'a str>,
    /// Numbers of Alipay's root certificates, in certificate mode.
    pub alipay_root_cert_sn: Option<&'a str>,
    /// Encrypts `biz_content` (`encrypt_type=AES`); answers then come encrypted, refusals often
    /// not.
    #[cfg(feature = "aes")]
    pub content_key: Option<&'a AesKey>,
}

/// The token never reaches a log, not even by accident.
impl core::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("gateway", &self.gateway)
            .field("app_id", &self.app_id)
            .field("sign_type", &self.sign_type)
            .finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// A session of `app_id` at [`GATEWAY`], RSA2, UTF-8, nothing optional.
    pub const fn new(app_id: &'a str) -> Self {
        Session {
            gateway: GATEWAY,
            app_id,
            sign_type: SignType::Rsa2,
            charset: Charset::Utf8,
            app_auth_token: None,
            notify_url: None,
            app_cert_sn: None,
            alipay_root_cert_sn: None,
            #[cfg(feature = "aes")]
            content_key: None,
        }
    }

    /// Refuses what the gateway would refuse or read otherwise: `Missing`, `TooLong` or
    /// `Encoding` with the member's name (in a GBK session also for what is not ASCII), `Argument`
    /// for a gateway that is no plain http(s) URL.
    ///
    /// Whether the URL may be used without TLS is another question: [`is_safe`].
    pub fn check(&self) -> Result<()> {
        text::required(self.gateway.as_bytes(), "gateway", GATEWAY_MAX)?;
        if host(self.gateway).is_none() {
            return Err(Error::new(Status::Argument, "gateway"));
        }
        text::required(self.app_id.as_bytes(), "app_id", APP_ID_MAX)?;
        let optional = [
            (self.app_auth_token, "app_auth_token", APP_AUTH_TOKEN_MAX),
            (self.notify_url, "notify_url", NOTIFY_URL_MAX),
            (self.app_cert_sn, "app_cert_sn", CERT_SN_MAX),
            (self.alipay_root_cert_sn, "alipay_root_cert_sn", CERT_SN_MAX),
        ];
        optional.iter().try_for_each(|(value, what, max)| {
            text::check(value.unwrap_or_default().as_bytes(), what, *max).map(|_| ())
        })?;
        self.check_charset()
    }

    /// `AES` when content is encrypted.
    fn encrypt_type(&self) -> &'static str {
        #[cfg(feature = "aes")]
        if self.content_key.is_some() {
            return "AES";
        }
        ""
    }

    /// Refuses values that the session's charset writes otherwise than UTF-8 does. `biz_content`
    /// is converted; nothing else has a reason not to be ASCII.
    pub(super) fn check_charset(&self) -> Result<()> {
        if self.charset == Charset::Utf8 {
            return Ok(());
        }
        let texts = [
            (Some(self.app_id), "app_id"),
            (self.app_auth_token, "app_auth_token"),
            (self.notify_url, "notify_url"),
            (self.app_cert_sn, "app_cert_sn"),
            (self.alipay_root_cert_sn, "alipay_root_cert_sn"),
        ];
        texts.iter().try_for_each(|(text, what)| {
            let foreign = text.unwrap_or_default().bytes().position(|byte| !byte.is_ascii());
            foreign.map_or(Ok(()), |at| Err(Error::new(Status::Encoding, what).at(at)))
        })
    }

    /// The parameters of one request; those without a value are empty and travel nowhere.
    pub(super) fn params<'p>(
        &'p self,
        method: &'p str,
        timestamp: &'p str,
        biz_content: &'p [u8],
    ) -> [Param<'p>; PARAMS] {
        let param = |name, value: &'p str| Param { name, value: value.as_bytes() };
        let option = |name, value: Option<&'p str>| param(name, value.unwrap_or_default());
        [
            param("app_id", self.app_id),
            param("method", method),
            param("format", "JSON"),
            param("charset", self.charset.name()),
            param("sign_type", self.sign_type.name()),
            param("timestamp", timestamp),
            param("version", "1.0"),
            option("app_auth_token", self.app_auth_token),
            option("notify_url", self.notify_url),
            option("app_cert_sn", self.app_cert_sn),
            option("alipay_root_cert_sn", self.alipay_root_cert_sn),
            param("encrypt_type", self.encrypt_type()),
            Param { name: BIZ_CONTENT, value: biz_content },
        ]
    }
}

/// How many parameters [`Session::params`] makes.
const PARAMS: usize = 13;

/// The one parameter that travels in the body.
pub(super) const BIZ_CONTENT: &str = "biz_content";

/// True when answers from `gateway` can be believed to come from there: `https`, or plain `http`
/// to this very machine (a sandbox). Answers do not repeat the req_id they answer, so without TLS
/// somebody on the line could hand out an old, well signed one.
pub fn is_safe(gateway: &str) -> bool {
    match host(gateway) {
        Some((true, _)) => true,
        Some((false, host)) => is_loopback(host),
        None => false,
    }
}

/// Whether it is https, and the host of an absolute http(s) URL without user, password and
/// fragment.
fn host(url: &str) -> Option<(bool, &str)> {
    let is_scheme = |scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let tls = is_scheme("https://");
    if !tls && !is_scheme("http://") {
        return None;
    }
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    let authority = until(url.get(if tls { 8 } else { 7 }..)?, b"/?");
    if !plain || authority.bytes().any(|byte| byte == b'@') {
        return None;
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => until(six, b"]"),
        None => until(authority, b":"),
    };
    (!host.is_empty()).then_some((tls, host))
}

/// `text` up to the first of the ASCII bytes `ends`.
pub(crate) fn until<'a>(text: &'a str, ends: &[u8]) -> &'a str {
    let end = text.bytes().position(|byte| ends.contains(&byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let four = host.parse::<core::net::Ipv4Addr>();
    let six = host.parse::<core::net::Ipv6Addr>();
    host.eq_ignore_ascii_case("localhost")
        || four.is_ok_and(|ip| ip.is_loopback())
        || six.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    #[test]
    fn only_tls_or_this_machine_is_safe() {
        for safe in [
            GATEWAY,
            GATEWAY_SANDBOX,
            "HTTPS://x",
            "http://127.0.0.1:8080/gateway.do",
            "http://127.9.9.9?x",
            "http://localhost/",
            "http://LOCALHOST:1",
            "http://[::1]:80/",
        ] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_url in [
            "",
            "https://",
            "http://openapi.alipay.com/gateway.do",
            "http://localhost@evil.example/",
            "http://localhost.evil.example/",
            "http://evil.example/?localhost",
            "http://evil.example\\@localhost/",
            "http://127.0.0.1.evil.example/",
            "http://[::2]/",
            "ftp://localhost/",
            "localhost",
            "https://a b/",
            "https://a/#b",
        ] {
            assert!(!is_safe(unsafe_url), "{unsafe_url}");
        }
    }

    #[test]
    fn limits_are_named() {
        assert_eq!(Session::new("2016100900000001").check(), Ok(()));
        let long = "x".repeat(41);
        let cases = [
            (Session::new(""), Status::Missing, "app_id"),
            (Session::new(&long), Status::TooLong, "app_id"),
            (Session { gateway: "gateway.do", ..Session::new("1") }, Status::Argument, "gateway"),
            (
                Session { app_auth_token: Some(&long), ..Session::new("1") },
                Status::TooLong,
                "app_auth_token",
            ),
            (
                Session { notify_url: Some("a\n"), ..Session::new("1") },
                Status::Encoding,
                "notify_url",
            ),
        ];
        for (session, status, what) in cases {
            let error = session.check().unwrap_err();
            assert_eq!((error.status, error.what), (status, what));
        }
    }
}
