//! A small client: signs with `rsa`, writes HTTP by hand, checks the answer's signature.
#![allow(dead_code)] // each test file uses its part

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use pointcard_keytool::{RsaPrivateKey, RsaPublicKey, read_private, read_public};
use pointcard_sandbox::{Config, Sandbox};
use rsa::Pkcs1v15Sign;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub const APP_ID: &str = "2016100900000001";
pub const USER: &str = "2088123412341234";
pub const ACCOUNT: &str = "39201608190015500100016011040139";
pub const UPDATE: &str = "koubei.marketing.tool.points.update";
pub const QUERY: &str = "koubei.marketing.tool.points.query";
pub const AUTH: &str = "koubei.marketing.tool.prizesend.auth";
pub const CREATE: &str = "koubei.marketing.campaign.activity.create";
pub const QUERY_ACTIVITY: &str = "koubei.marketing.campaign.activity.query";
pub const MODIFY: &str = "koubei.marketing.campaign.activity.modify";
pub const OFFLINE: &str = "koubei.marketing.campaign.activity.offline";
pub const BATCHQUERY: &str = "koubei.marketing.campaign.activity.batchquery";
pub const TOKEN: &str = "alipay.open.auth.token.app";
pub const TOKEN_QUERY: &str = "alipay.open.auth.token.app.query";
pub const PAY: &str = "alipay.trade.pay";
pub const TRADE_QUERY: &str = "alipay.trade.query";

/// A throw-away key of the repository's vectors.
pub fn key(name: &str) -> String {
    std::fs::read_to_string(key_file(name)).unwrap()
}

pub fn key_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/keys").join(name)
}

/// With fixed keys: making one is slow in an unoptimised build.
pub fn config() -> Config {
    let alipay_key = Some(key("alipay2048.pkcs8.pem"));
    Config { alipay_key, ..Config::new(APP_ID, key("app2048.pub.b64")) }
}

pub fn start() -> Sandbox {
    Sandbox::start(config()).unwrap()
}

/// biz_content of a DEPOSIT of ten points.
pub fn deposit(req_id: &str, biz_no: &str) -> Value {
    json!({
        "req_id": req_id, "user_id": USER, "activity_account": ACCOUNT, "trans_type": "DEPOSIT",
        "trans_amount": "10", "shop_id": "2016041200077000000003277104", "biz_no": biz_no,
        "memo": "消费集点 a&b=c+d%20 \"q\"",
    })
}

pub fn balance_of(user: &str) -> Value {
    json!({ "user_id": user, "activity_account": ACCOUNT })
}

/// biz_content of the guide's collecting campaign, its end put on a day that exists.
pub fn point_send() -> Value {
    json!({
        "out_biz_no": "adfasasdfexfesadsaxxd", "name": "集点活动测试-yuchi",
        "start_time": "2016-08-02 00:00:00", "end_time": "2016-09-30 00:00:00",
        "type": "POINT_SEND", "desc": "集点活动测试",
        "constraint_info": { "suit_shops": ["2015121600077000000002388200"] },
        "promo_tools": [{ "point_card": {
            "name": "集点卡-yuchi", "desc": "活动规则简述(16字)",
            "start_time": "2016-08-01 00:00:00", "end_time": "2016-12-01 00:00:00",
            "logo": "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
        }}],
    })
}

/// biz_content of the guide's exchange campaign.
pub fn exchange() -> Value {
    json!({
        "out_biz_no": "hhe12312312312312348",
        "budget_info": { "budget_total": "10453", "budget_type": "QUANTITY" },
        "constraint_info": { "suit_shops": ["2015122900077000000002409504"] },
        "start_time": "2016-08-01 00:00:00", "end_time": "2016-09-30 00:00:00",
        "name": "全场代金+不含人群", "type": "DIRECT_SEND", "desc": "test",
        "promo_tools": [{
            "voucher": {
                "brand_name": "8个集点兑换", "desc": "券的详细描述", "effect_type": "IMMEDIATELY",
                "start_time": "2016-05-01 00:00:00", "end_time": "2016-10-01 00:00:00",
                "logo": "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC", "max_amount": "20",
                "name": "全场代金券", "type": "MONEY",
                "use_rule": {
                    "min_consume": "10", "suit_shops": ["2015122900077000000002409504"],
                },
                "validate_type": "FIXED", "voucher_img": "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
                "worth_value": "20",
            },
            "send_rule": { "allow_repeat_send": "true" },
        }],
        "publish_channels": [{ "name": "URL_WITH_TOKEN", "type": "URL_WITH_TOKEN" }],
    })
}

/// A request before it is signed; values are bytes of the charset.
#[derive(Clone)]
pub struct Call {
    pub params: BTreeMap<String, Vec<u8>>,
    pub body: Vec<&'static str>,
    pub key: RsaPrivateKey,
}

impl Call {
    pub fn new(method: &str, biz: &Value) -> Call {
        let pairs = [
            ("app_id", APP_ID),
            ("method", method),
            ("format", "JSON"),
            ("charset", "UTF-8"),
            ("sign_type", "RSA2"),
            ("timestamp", "2016-10-10 10:10:10"),
            ("version", "1.0"),
            ("biz_content", &biz.to_string()),
        ];
        let params = pairs.map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec())).into();
        let key = read_private(&key("app2048.pkcs8.pem")).unwrap();
        Call { params, body: vec!["biz_content"], key }
    }

    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Call {
        self.params.insert(name.into(), value.as_ref().to_vec());
        self
    }

    pub fn without(mut self, name: &str) -> Call {
        self.params.remove(name);
        self
    }

    pub fn in_body(mut self, name: &'static str) -> Call {
        self.body.push(name);
        self
    }

    pub fn canonical(&self) -> Vec<u8> {
        let kept = self.params.iter().filter(|(n, v)| *n != "sign" && !v.is_empty());
        kept.map(|(n, v)| [n.as_bytes(), b"=", v].concat()).collect::<Vec<_>>().join(&b'&')
    }

    pub fn signed(self) -> Call {
        let text = self.canonical();
        let sha1 = self.params.get("sign_type").is_some_and(|t| t == b"RSA");
        let signature = if sha1 {
            self.key.sign(Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(&text))
        } else {
            self.key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&text))
        };
        self.with("sign", STANDARD.encode(signature.unwrap()))
    }

    pub fn send(self, sandbox: &Sandbox) -> io::Result<Answer> {
        self.signed().send_as_is(&sandbox.gateway_url())
    }

    pub fn send_as_is(&self, url: &str) -> io::Result<Answer> {
        let (mut query, mut body) = (Vec::new(), Vec::new());
        for (name, value) in &self.params {
            let part = if self.body.contains(&name.as_str()) { &mut body } else { &mut query };
            part.push(format!("{}={}", name, escape(value)));
        }
        post(&format!("{url}?{}", query.join("&")), &body.join("&"))
    }
}

pub fn escape(value: &[u8]) -> String {
    let keep = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~".contains(b);
    let one = |b| if keep(b) { char::from(*b).to_string() } else { format!("%{b:02X}") };
    value.iter().map(one).collect()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The only `…_response` member.
    pub fn node(&self) -> Value {
        let json: Value = serde_json::from_slice(&self.body).unwrap();
        let nodes = json.as_object().unwrap().iter();
        nodes
            .filter(|(name, _)| name.ends_with("_response"))
            .map(|(_, v)| v.clone())
            .next()
            .unwrap()
    }

    pub fn get(&self, name: &str) -> String {
        self.node()[name].as_str().unwrap_or_default().to_owned()
    }

    pub fn codes(&self) -> (String, String) {
        (self.get("code"), self.get("sub_code"))
    }

    /// The bytes of the node and the signature, cut by hand.
    pub fn parts(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let from = self.body.windows(2).position(|w| w == b":{").unwrap() + 1;
        let Some(to) = find(&self.body, br#","sign":""#) else {
            return (self.body[from..self.body.len() - 1].to_vec(), None);
        };
        let rest = &self.body[to + 9..];
        let end = rest.iter().position(|&b| b == b'"').unwrap();
        (self.body[from..to].to_vec(), STANDARD.decode(&rest[..end]).ok())
    }

    pub fn verifies(&self) -> bool {
        self.verifies_as::<Sha256>(Pkcs1v15Sign::new::<Sha256>())
    }

    pub fn verifies_as<D: Digest>(&self, padding: Pkcs1v15Sign) -> bool {
        let alipay: RsaPublicKey = read_public(&key("alipay2048.pub.b64")).unwrap();
        let (node, sign) = self.parts();
        sign.is_some_and(|sign| alipay.verify(padding, &D::digest(&node), &sign).is_ok())
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

pub fn post(url: &str, body: &str) -> io::Result<Answer> {
    request("POST", url, body)
}

pub fn get(url: &str) -> String {
    request("GET", url, "").unwrap().text()
}

pub fn connect(url: &str) -> io::Result<TcpStream> {
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

pub fn request(method: &str, url: &str, body: &str) -> io::Result<Answer> {
    let mut stream = connect(url)?;
    let path = url.strip_prefix("http://").unwrap();
    let path = path.find('/').map_or("/", |at| &path[at..]);
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded;charset=UTF-8\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    read_answer(&mut stream)
}

/// An answer that is not whole is an error, as for any HTTP client.
pub fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    let cut = find(&all, b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8(all[..cut].to_vec()).unwrap().to_lowercase();
    let body = all[cut + 4..].to_vec();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap();
    if length.parse::<usize>().unwrap() != body.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head, body })
}
