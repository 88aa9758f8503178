//! One till at one sandbox in one mode.
//!
//! In: a mode. Out: a [`Shop`] that calls and syncs over a [`Wire`], which notes what is sent and
//! may spoil it.

use crate::till::{Till, USER, config, key, leak, memory};
use pointcard::client::Config;
use pointcard::client::call::{Answered, BizContent, Call};
use pointcard::gateway::answer::Answer;
use pointcard::gateway::{Charset, SignType};
use pointcard::points::sale::Sale;
use pointcard::points::sync::{self, Report};
use pointcard::port::http::HttpTransport;
use pointcard::port::{HttpAnswer, Request, Transport, TransportError};
use pointcard::status::{Error, Result};
use pointcard_sandbox::Sandbox;

/// One way to speak the protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mode {
    pub charset: Charset,
    pub sign_type: SignType,
    pub is_encrypted: bool,
    pub has_certificates: bool,
}

/// What somebody on the way makes of a body.
pub type Spoil = fn(&str) -> String;

/// Real HTTP that remembers.
pub struct Wire {
    http: HttpTransport,
    /// URL and body of every request, as they went out.
    pub sent: Vec<(String, String)>,
    /// The body goes out as this leaves it.
    pub spoil: Spoil,
}

impl Wire {
    /// What every request must say in this mode; a client that spoke another would still be
    /// understood.
    pub fn all_say(&self, mode: Mode) {
        assert!(self.sent.len() > 20);
        for (url, _) in &self.sent {
            assert!(url.contains(&format!("charset={}&", mode.charset.name())), "{url}");
            assert!(url.contains(&format!("sign_type={}&", mode.sign_type.name())), "{url}");
            assert_eq!(url.contains("encrypt_type=AES"), mode.is_encrypted, "{url}");
            for name in ["app_cert_sn=", "alipay_root_cert_sn="] {
                assert_eq!(url.contains(name), mode.has_certificates, "{url}");
            }
        }
        let shows_names = |(_, body): &(String, String)| body.contains("user_id");
        assert_eq!(self.sent.iter().any(shows_names), !mode.is_encrypted);
    }
}

impl Transport for Wire {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> std::result::Result<HttpAnswer, TransportError> {
        let body = (self.spoil)(std::str::from_utf8(request.body).unwrap());
        let spoilt = Request { body: body.as_bytes(), ..*request };
        let came = self.http.exchange(&spoilt, answer, timeout_ms);
        self.sent.push((request.url.to_owned(), body));
        came
    }
}

pub struct Shop {
    pub sandbox: Sandbox,
    pub till: Till,
    pub wire: Wire,
}

impl Shop {
    pub fn open(mode: Mode) -> Shop {
        Shop::registered(mode, "app2048.pub.b64")
    }

    /// Of an app whose public key at Alipay is this one.
    pub fn registered(mode: Mode, app_key: &str) -> Shop {
        let app_id = crate::till::APP_ID;
        let sandbox = Sandbox::start(pointcard_sandbox::Config {
            alipay_key: Some(key("alipay2048.pkcs8.pem")),
            next_alipay_key: Some(key("other2048.pkcs8.pem")),
            certificates: mode.has_certificates,
            content_key: mode.is_encrypted.then(|| key("aes128.b64")),
            ..pointcard_sandbox::Config::new(app_id, key(app_key))
        });
        let sandbox = sandbox.unwrap();
        let till = Till::over(memory(), configured(mode, &sandbox));
        let http = HttpTransport::new("", "").unwrap();
        Shop { sandbox, till, wire: Wire { http, sent: vec![], spoil: str::to_owned } }
    }

    /// The same store, opened with another configuration.
    pub fn restart(self, config: Config<'static>) -> Shop {
        Shop { till: self.till.reopen(config), ..self }
    }

    /// To [`USER`].
    pub fn sell(&self, sale: &Sale<'_>) {
        let sale = Sale { user_id: USER, ..*sale };
        self.till.accrue(&sale).unwrap_or_else(|error| panic!("{}: {error}", sale.biz_no));
    }

    pub fn sync(&mut self) -> Report {
        let Shop { till, wire, .. } = self;
        let mut told = |outcome: &_| till.outcomes.push(Clone::clone(outcome));
        sync::sync(&till.client, wire, &mut till.io, 10_000, &mut told).unwrap()
    }

    pub fn call(&mut self, call: &Call<'_>, content: &impl BizContent) -> Result<Answered<'_>> {
        let Shop { till, wire, .. } = self;
        sync::call(&till.client, wire, &mut till.io, call, content, 10_000)
    }

    /// An accepted call's result.
    pub fn said<R>(
        &mut self,
        content: &impl BizContent,
        read: impl FnOnce(&Answer<'_>) -> Result<R>,
    ) -> R {
        self.said_of("", content, read)
    }

    /// Of this method.
    pub fn said_of<R>(
        &mut self,
        method: &str,
        content: &impl BizContent,
        read: impl FnOnce(&Answer<'_>) -> Result<R>,
    ) -> R {
        let call = Call { method, ..Call::default() };
        let result = self.call(&call, content).and_then(|mut answered| answered.result(read));
        result.unwrap_or_else(|error: Error| {
            let last = self.sandbox.requests().pop();
            panic!("{method}: {error}; {}; {last:?}", self.till.complaint())
        })
    }
}

pub fn configured(mode: Mode, sandbox: &Sandbox) -> Config<'static> {
    let Mode { charset, sign_type, .. } = mode;
    let mut config = Config { charset, sign_type, ..config(&sandbox.gateway_url()) };
    if mode.is_encrypted {
        config.content_key = leak(key("aes128.b64"));
    }
    if let Some([root, app, alipay]) = sandbox.certificates() {
        config.alipay_public_key = "";
        config.app_cert = leak(app.pem);
        config.alipay_cert = leak(alipay.pem);
        config.alipay_root_cert = leak(root.pem);
    }
    config
}
