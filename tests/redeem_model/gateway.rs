//! A gateway in memory: in flow requests as the client made them, out flow signed answers, or none.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointcard::port::{HttpAnswer, Request, Transport, TransportError};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::sha2::{Digest as _, Sha256};
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::Value;

/// How a repeated req_id is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Same,
    Error,
    Forget,
    BizNo,
}

/// What is lost of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Executed; nobody hears of it.
    Answer,
    /// Sent, not executed; nobody knows.
    Request,
    /// Not sent, and that is known.
    Line,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Freeze {
    Open,
    Committed,
    Cancelled,
}

pub struct Gateway {
    way: Way,
    lost: Option<(usize, Lost)>,
    pub requests: usize,
    /// Requests whose req_id was booked before, and which were booked again.
    pub booked_twice: usize,
    booked: usize,
    by_req_id: HashMap<String, String>,
    by_biz_no: HashMap<(String, String), String>,
    freezes: HashMap<String, Freeze>,
    consumed: usize,
    pub tokens: usize,
}

impl Gateway {
    pub fn new(way: Way, lost: Option<(usize, Lost)>) -> Gateway {
        Gateway {
            way,
            lost,
            requests: 0,
            booked_twice: 0,
            booked: 0,
            by_req_id: HashMap::new(),
            by_biz_no: HashMap::new(),
            freezes: HashMap::new(),
            consumed: 0,
            tokens: 0,
        }
    }

    /// Freezes committed and points consumed.
    pub fn spent(&self) -> usize {
        let committed = self.freezes.values().filter(|state| **state == Freeze::Committed);
        committed.count() + self.consumed
    }

    pub fn open_freezes(&self) -> usize {
        self.freezes.values().filter(|state| **state == Freeze::Open).count()
    }

    /// What the node says.
    fn execute(&mut self, method: &str, biz: &Value) -> String {
        let text = |name: &str| biz[name].as_str().unwrap_or_default().to_owned();
        let (req_id, kind, biz_no) = (text("req_id"), text("trans_type"), text("biz_no"));
        let is_token = method.ends_with("prizesend.auth");
        let by_biz = self.way == Way::BizNo && !biz_no.is_empty();
        let earlier = match by_biz {
            true => self.by_biz_no.get(&(kind.clone(), biz_no.clone())).cloned(),
            false => self.by_req_id.get(&req_id).cloned(),
        };
        match (earlier, self.way) {
            (Some(_), Way::Error) => return refused("REQ_ID_REPEATED"),
            (Some(_), Way::Forget) if !is_token && matches!(&*kind, "FREEZE" | "CONSUME") => {
                self.booked_twice += 1;
            }
            (None, _) | (Some(_), Way::Forget) => {}
            (Some(number), _) => return accepted(is_token, &number),
        }
        self.booked += 1;
        let number = match is_token {
            true => format!("{:032x}", self.booked),
            false => format!("20161020{:012}", self.booked),
        };
        match &*kind {
            "FREEZE" => {
                self.freezes.insert(number.clone(), Freeze::Open);
            }
            "CONSUME" => self.consumed += 1,
            "COMMIT" | "CANCEL" => match self.freezes.get_mut(&biz_no) {
                Some(state) if *state == Freeze::Open => {
                    let commit = kind == "COMMIT";
                    *state = if commit { Freeze::Committed } else { Freeze::Cancelled };
                }
                _ => return refused("FREEZE_NOT_OPEN"),
            },
            _ => assert!(is_token, "{kind}"),
        }
        self.tokens += usize::from(is_token);
        self.by_req_id.insert(req_id, number.clone());
        self.by_biz_no.insert((kind, biz_no), number.clone());
        accepted(is_token, &number)
    }
}

fn accepted(is_token: bool, number: &str) -> String {
    let name = if is_token { "token" } else { "point_log_no" };
    format!(r#"{{"code":"10000","msg":"Success","{name}":"{number}"}}"#)
}

fn refused(sub_code: &str) -> String {
    format!(r#"{{"code":"40004","msg":"Business Failed","sub_code":"{sub_code}"}}"#)
}

impl Transport for Gateway {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        _timeout_ms: u32,
    ) -> Result<HttpAnswer, TransportError> {
        let nth = self.requests;
        self.requests += 1;
        let lost = self.lost.filter(|(at, _)| *at == nth).map(|(_, lost)| lost);
        let gone = |not_sent| Err(TransportError { not_sent, code: 1 });
        if let Some(Lost::Line | Lost::Request) = lost {
            return gone(lost == Some(Lost::Line));
        }
        let url = request.url;
        let method = url.split("method=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let body = std::str::from_utf8(request.body).unwrap();
        let biz = decode(body.strip_prefix("biz_content=").unwrap());
        let node = self.execute(&method, &serde_json::from_str(&biz).unwrap());
        if lost.is_some() {
            return gone(false);
        }
        let name = method.replace('.', "_");
        let text = format!("{{\"{name}_response\":{node},\"sign\":\"{}\"}}", sign(&node));
        answer[..text.len()].copy_from_slice(text.as_bytes());
        Ok(HttpAnswer { status: 200, body_len: text.len(), ..HttpAnswer::default() })
    }
}

/// Nodes repeat from case to case, and so do their signatures.
fn sign(node: &str) -> String {
    static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys/alipay1024.pkcs8.pem");
        RsaPrivateKey::from_pkcs8_pem(&std::fs::read_to_string(path).unwrap()).unwrap()
    });
    static MADE: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);
    let made = MADE.lock().unwrap().get(node).cloned();
    made.unwrap_or_else(|| {
        let hash = Sha256::digest(node.as_bytes());
        let sign = STANDARD.encode(KEY.sign(Pkcs1v15Sign::new::<Sha256>(), &hash).unwrap());
        MADE.lock().unwrap().insert(node.to_owned(), sign.clone());
        sign
    })
}

fn decode(text: &str) -> String {
    let (mut out, mut bytes) = (vec![], text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap()
}
