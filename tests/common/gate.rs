//! A gateway of the test's own, over real sockets, for what the sandbox does not play: several
//! merchants, certificates, encrypted content.
//!
//! In: requests, whose signatures it checks with RustCrypto and the app's key. Out: what a closure
//! says, signed with RustCrypto; and the parameters of every request, decoded.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use super::till::key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1v15::Pkcs1v15Sign;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Decoded parameters, bytes because the charset may be GBK.
#[derive(Clone, Debug, Default)]
pub struct Params(pub BTreeMap<String, Vec<u8>>);

impl Params {
    /// A value that is ASCII; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| std::str::from_utf8(value).expect(name))
    }

    fn read(text: &str) -> Params {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Params(pairs.map(|(name, value)| (name.to_owned(), percent(value))).collect())
    }

    fn canonical(&self) -> Vec<u8> {
        let kept = self.0.iter().filter(|(name, value)| *name != "sign" && !value.is_empty());
        let pairs: Vec<Vec<u8>> = kept.map(|(n, v)| [n.as_bytes(), b"=", v].concat()).collect();
        pairs.join(&b'&')
    }
}

fn percent(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (vec![], text.as_bytes());
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            out.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

/// What is answered: the node's bytes, whose key signs, and the certificate it names.
pub struct Answer {
    pub node: Vec<u8>,
    pub key: &'static str,
    pub cert_sn: Option<String>,
}

impl Answer {
    pub fn signed(node: impl Into<Vec<u8>>) -> Answer {
        Answer { node: node.into(), key: "alipay2048.pkcs8.pem", cert_sn: None }
    }

    /// A success with this flow number.
    pub fn booked(log_no: usize) -> Answer {
        Answer::signed(success(log_no))
    }

    pub fn refused(code: &str, sub_code: &str) -> Answer {
        let node = format!("{{\"code\":\"{code}\",\"msg\":\"no\",\"sub_code\":\"{sub_code}\"}}");
        Answer::signed(node)
    }

    pub fn by(self, key: &'static str) -> Answer {
        Answer { key, ..self }
    }
}

pub fn success(log_no: usize) -> String {
    format!("{{\"code\":\"10000\",\"msg\":\"Success\",\"point_log_no\":\"{log_no:024}\"}}")
}

type Answering = dyn FnMut(&Params) -> Answer + Send;

/// The gateway. It lives as long as the process.
pub struct Gate {
    pub url: String,
    requests: Arc<Mutex<Vec<Params>>>,
}

impl Gate {
    pub fn start(answering: impl FnMut(&Params) -> Answer + Send + 'static) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/gateway.do", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&requests);
        let mut answering: Box<Answering> = Box::new(answering);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &seen, &mut answering);
            }
        });
        Gate { url, requests }
    }

    pub fn requests(&self) -> Vec<Params> {
        self.requests.lock().unwrap().clone()
    }

    /// One parameter of every request, in order.
    pub fn each(&self, name: &str) -> Vec<String> {
        self.requests().iter().map(|params| params.get(name).to_owned()).collect()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Params>>, answering: &mut Answering) {
    let (head, body) = receive(&stream);
    let query = head.split(' ').nth(1).and_then(|path| path.split_once('?')).unwrap().1;
    let params = Params::read(&format!("{query}&{body}"));
    verify(&params);
    let charset = if params.get("charset") == "GBK" { "GBK" } else { "utf-8" };
    let wanted = format!("content-type: application/x-www-form-urlencoded;charset={charset}");
    assert!(head.to_lowercase().contains(&wanted.to_lowercase()), "{head}");
    let answer = answering(&params);
    seen.lock().unwrap().push(params.clone());
    let body = envelope(params.get("method"), &answer);
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
}

fn receive(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "the request ends early");
    }
    let lower = head.to_lowercase();
    let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// The app's signature, over exactly what came.
fn verify(params: &Params) {
    let app = pointcard_keytool::read_public(&key("app2048.pub.b64")).unwrap();
    let signature = STANDARD.decode(params.get("sign")).unwrap();
    let hash = Sha256::digest(params.canonical());
    app.verify(Pkcs1v15Sign::new::<Sha256>(), &hash, &signature).expect("the request's signature");
}

fn envelope(method: &str, answer: &Answer) -> Vec<u8> {
    let signer = pointcard_keytool::read_private(&key(answer.key)).unwrap();
    let hash = Sha256::digest(&answer.node);
    let sign = STANDARD.encode(signer.sign(Pkcs1v15Sign::new::<Sha256>(), &hash).unwrap());
    let name = format!("{}_response", method.replace('.', "_"));
    let sn = answer.cert_sn.as_ref().map(|sn| format!(",\"alipay_cert_sn\":\"{sn}\""));
    let tail = format!(",\"sign\":\"{sign}\"{}}}", sn.unwrap_or_default());
    [format!("{{\"{name}\":").as_bytes(), &answer.node, tail.as_bytes()].concat()
}
