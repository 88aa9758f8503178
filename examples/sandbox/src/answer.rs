//! Answers: in flows what a method gave or why the gateway refused, out flow the exact bytes
//! `{"<node>":{...},"sign":"..."}`. The node's bytes are what is signed.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::charset::Charset;
use crate::crypt::ContentKey;
use crate::keys::{Keys, SignType};

/// What a method did and the members its node carries.
#[derive(Debug)]
pub struct Done {
    /// `booked`, `repeat`, `read` and so on: for the list of requests.
    pub what: &'static str,
    /// 10000, or what else is no refusal.
    pub code: &'static str,
    /// Members after `code` and `msg`, in order.
    pub fields: Vec<(&'static str, Value)>,
}

impl Done {
    /// With code 10000.
    pub fn new(what: &'static str, fields: Vec<(&'static str, Value)>) -> Done {
        Done { what, code: "10000", fields }
    }

    /// With another code.
    pub fn code(self, code: &'static str) -> Done {
        Done { code, ..self }
    }
}

/// Why the gateway said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 40001 and so on.
    pub code: &'static str,
    /// `isv.…`, `aop.…`, `isp.…`, or `sandbox.…` where Alipay documents none.
    pub sub_code: String,
    /// Chinese first, as Alipay writes, then English.
    pub sub_msg: String,
    /// False as observed for a wrong app_id.
    pub signed: bool,
    /// True when the method is not known: the node is `error_response`.
    pub nameless: bool,
    /// The text is in GBK whatever the request said.
    pub gbk: bool,
}

impl Refusal {
    /// A signed refusal in the method's own node.
    pub fn new(code: &'static str, sub_code: &str, sub_msg: impl Into<String>) -> Refusal {
        let (sub_code, sub_msg) = (sub_code.to_owned(), sub_msg.into());
        Refusal { code, sub_code, sub_msg, signed: true, nameless: false, gbk: false }
    }

    /// 40002 isv.invalid-parameter.
    pub fn invalid_parameter(zh: &str, en: &str) -> Refusal {
        Refusal::new("40002", "isv.invalid-parameter", format!("参数无效: {zh} ({en})"))
    }

    /// 40004: the business said no. The sub_code is an invention, Alipay's are not documented.
    pub fn business(sub_code: &str, sub_msg: impl Into<String>) -> Refusal {
        Refusal::new("40004", sub_code, sub_msg)
    }

    /// Inside `error_response`.
    pub fn nameless(mut self) -> Refusal {
        self.nameless = true;
        self
    }

    /// Without a signature.
    pub fn unsigned(mut self) -> Refusal {
        self.signed = false;
        self
    }
}

/// What came of a request.
pub type Outcome = Result<Done, Refusal>;

/// How an answer is dressed: known before the request is checked.
#[derive(Clone)]
pub struct Manner {
    /// `koubei_…_response`
    pub node: String,
    /// The request's charset, UTF-8 when it named none.
    pub charset: Charset,
    /// The request's sign_type, RSA2 when it named none.
    pub sign_type: SignType,
    /// Set when the request came encrypted: its answer goes back so.
    pub content_key: Option<ContentKey>,
    /// Except for refusals, which then have no signature either.
    pub plain_refusals: bool,
    /// The number of the certificate answers are signed with, in certificate mode.
    pub cert_sn: Option<String>,
}

/// An answer whose bytes are fixed; faults may still spoil it.
#[derive(Clone, Debug)]
pub struct Reply {
    node: String,
    json: Vec<u8>,
    sign: Option<String>,
    cert_sn: Option<String>,
    after: Vec<u8>,
    /// For the Content-Type.
    pub charset: Charset,
}

impl Reply {
    /// Writes and signs.
    pub fn new(outcome: &Outcome, manner: &Manner, keys: &Keys) -> Reply {
        let (node, members, signed, gbk) = match outcome {
            Ok(done) => (manner.node.clone(), success(done), true, false),
            Err(no) => (node_of(no, manner), refusal(no), no.signed, no.gbk),
        };
        let json = serde_json::to_string(&Members(members)).unwrap_or_default();
        let json = if gbk { Charset::Gbk } else { manner.charset }.encode(&json);
        let plain = outcome.is_err() && (manner.plain_refusals || !signed);
        let key = manner.content_key.as_ref();
        let signed = signed && !(plain && key.is_some());
        // The signature covers the quotes, too.
        let json = match key.filter(|_| !plain) {
            Some(key) => format!("\"{}\"", key.encrypt(&json)).into_bytes(),
            None => json,
        };
        let sign = signed.then(|| keys.sign(manner.sign_type, &json));
        let cert_sn = sign.as_ref().and(manner.cert_sn.clone());
        Reply { node, json, sign, cert_sn, after: Vec::new(), charset: manner.charset }
    }

    /// Takes the signature away.
    pub fn unsign(&mut self) {
        self.sign = None;
    }

    /// A well-formed signature over other bytes.
    pub fn missign(&mut self, manner: &Manner, keys: &Keys) {
        let other = [&self.json[..], b" "].concat();
        self.sign = Some(keys.sign(manner.sign_type, &other));
    }

    /// Appends a second, unsigned member of the same name that claims success.
    pub fn duplicate(&mut self) {
        let forged = r#"{"code":"10000","msg":"Success","point_log_no":"00000000000000"}"#;
        self.after = format!(r#","{}":{forged}"#, self.node).into_bytes();
    }

    /// What goes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let member = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!(r#","{name}":"{value}""#)).unwrap_or_default()
        };
        let cert_sn = member("alipay_cert_sn", &self.cert_sn);
        let sign = cert_sn + &member("sign", &self.sign);
        let head = format!(r#"{{"{}":"#, self.node);
        [head.as_bytes(), &self.json, sign.as_bytes(), &self.after, b"}"].concat()
    }
}

fn node_of(refusal: &Refusal, manner: &Manner) -> String {
    if refusal.nameless { "error_response".into() } else { manner.node.clone() }
}

fn success(done: &Done) -> Vec<(&'static str, Value)> {
    let head = [("code", done.code.into()), ("msg", message(done.code).into())];
    head.into_iter().chain(done.fields.iter().cloned()).collect()
}

fn refusal(no: &Refusal) -> Vec<(&'static str, Value)> {
    vec![
        ("code", no.code.into()),
        ("msg", message(no.code).into()),
        ("sub_code", no.sub_code.as_str().into()),
        ("sub_msg", no.sub_msg.as_str().into()),
    ]
}

/// The text Alipay prints beside each code.
fn message(code: &str) -> &'static str {
    match code {
        "10000" => "Success",
        "10003" => "order success pay inprocess",
        "20000" => "Service Currently Unavailable",
        "20001" => "Insufficient Token Permissions",
        "40001" => "Missing Required Arguments",
        "40002" => "Invalid Arguments",
        "40004" => "Business Failed",
        "40005" => "Call Limited",
        "40006" => "Insufficient Permissions",
        _ => "Unknown",
    }
}

/// A JSON object that keeps its order.
struct Members(Vec<(&'static str, Value)>);

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
