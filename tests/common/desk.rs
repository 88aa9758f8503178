//! A gateway that says what a test wants it to say, over a real socket, signed by RustCrypto.
//!
//! In: HTTP requests, whose signature is verified with the app's key. Out: what the test's function
//! makes of each, signed with Alipay's key, and a list of what was asked.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointcard::gateway::{activity, prize, token};
use rsa::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use rsa::sha2::{Digest as _, Sha256};
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};

/// Parameters of one request, decoded.
pub type Asked = BTreeMap<String, String>;

/// What comes back.
pub enum Said {
    /// The method's node, signed.
    Node(Vec<u8>),
    /// The method's node without a signature.
    Unsigned(Vec<u8>),
    /// The whole body as it is.
    Body(Vec<u8>),
    /// Nothing: the line goes dead after the request.
    Nothing,
}

pub fn node(text: &str) -> Said {
    Said::Node(text.as_bytes().to_vec())
}

/// The desk's answers of an ordinary day.
pub fn ordinary(asked: &Asked) -> Said {
    let fields = match asked["method"].as_str() {
        prize::AUTH => r#""token":"5b78189e7b2d4c1f9a0e3d2c1b0a9f8e""#,
        activity::CREATE => {
            r#""camp_id":"20161020000000000194482000151966","camp_status":"STARTING""#
        }
        activity::MODIFY => r#""camp_status":"STARTED","audit_status":"AUDITING""#,
        activity::OFFLINE => r#""camp_status":"CLOSED""#,
        activity::QUERY => {
            r#""camp_detail":{"id":"2016","name":"集点卡","status":"STARTED","publish_channels":
            [{"type":"URL_WITH_TOKEN","ext_info":"{\"URL_WITH_TOKEN\":\"https://render.alipay.com/p/z/i.html?itemId=1\"}"}]}"#
        }
        activity::BATCHQUERY => r#""camp_sets":[{"id":"1"},{"id":"2"}],"total_number":"2""#,
        token::APP => {
            r#""app_auth_token":"201609BBnew","app_refresh_token":"201609BBrefresh","user_id":"2088201914979011","expires_in":31536000,"re_expires_in":"32140800""#
        }
        token::QUERY => r#""status":"valid","user_id":"2088201914979011","expires_in":100"#,
        _ => r#""trade_no":"2016082221001004150200139999","total_amount":"88.88""#,
    };
    node(&format!("{{\"code\":\"10000\",\"msg\":\"Success\",{fields}}}"))
}

pub fn key(name: &str) -> String {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a key of the vectors")
}

/// Signs as whoever has this key of the vectors: RSA2, base64.
pub fn sign(key_name: &str, bytes: &[u8]) -> String {
    let key = RsaPrivateKey::from_pkcs8_pem(&key(key_name)).expect("a private key");
    let signature = key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(bytes));
    STANDARD.encode(signature.expect("a signature"))
}

pub struct Desk {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Desk {
    /// Answers until the test's process ends.
    pub fn start(say: impl Fn(&Asked) -> Said + Send + 'static) -> Desk {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/gateway.do", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(vec![]));
        let list = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let said = if is_signed(&request) { say(&request) } else { forged() };
                let method = request.get("method").cloned().unwrap_or_default();
                list.lock().unwrap().push(request);
                write(stream, &method, said);
            }
        });
        Desk { url, asked }
    }

    /// What was asked since the last look.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn forged() -> Said {
    node(r#"{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-signature"}"#)
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut len) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            len = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let query = first.split(' ').nth(1)?.split_once('?')?.1;
    let pairs = query.split('&').chain(std::str::from_utf8(&body).ok()?.split('&'));
    pairs.map(|pair| pair.split_once('=').map(|(n, v)| (decode(n), decode(v)))).collect()
}

fn decode(text: &str) -> String {
    let mut rest = text.bytes();
    let mut out = vec![];
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(out).expect("UTF-8")
}

/// Whether the app signed all that came.
fn is_signed(asked: &Asked) -> bool {
    let app = RsaPublicKey::from_public_key_pem(&key("app2048.pub.pem")).expect("the app's key");
    let pairs = asked.iter().filter(|(name, value)| *name != "sign" && !value.is_empty());
    let canonical: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
    let hash = Sha256::digest(canonical.join("&").as_bytes());
    let signature = asked.get("sign").and_then(|sign| STANDARD.decode(sign).ok());
    signature.is_some_and(|sign| app.verify(Pkcs1v15Sign::new::<Sha256>(), &hash, &sign).is_ok())
}

fn write(mut stream: TcpStream, method: &str, said: Said) {
    let name = method.replace('.', "_");
    let body = match said {
        Said::Node(node) => {
            let sign = sign("alipay2048.pkcs8.pem", &node);
            [
                format!("{{\"{name}_response\":").as_bytes(),
                &node,
                b",\"sign\":\"",
                sign.as_bytes(),
                b"\"}",
            ]
            .concat()
        }
        Said::Unsigned(node) => {
            [format!("{{\"{name}_response\":").as_bytes(), &node, b"}"].concat()
        }
        Said::Body(body) => body,
        Said::Nothing => return,
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html;charset=utf-8\r\nConnection: close\r\n";
    // A client that gave up has hung up.
    let _ = write!(stream, "{head}content-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&body);
}
