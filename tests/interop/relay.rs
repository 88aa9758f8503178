//! A relay on loopback: in flow an SDK's requests, out flow the sandbox's answers, and a copy of
//! them for the library to judge. It can hand out another answer instead.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::pkcs1::DecodeRsaPrivateKey;
use sha1::{Digest, Sha1};

use crate::key;

/// A running relay. It ends with the process.
pub struct Relay {
    /// As the gateway's URL.
    pub url: String,
    seen: Arc<Mutex<Vec<u8>>>,
    instead: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Relay {
    /// In front of `gateway`, `http://HOST:PORT/gateway.do`.
    pub fn start(gateway: &str) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/gateway.do", listener.local_addr().unwrap());
        let relay = Relay { url, seen: Arc::default(), instead: Arc::default() };
        let (seen, instead) = (relay.seen.clone(), relay.instead.clone());
        let host = gateway.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let host = host.unwrap().to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serve(client, &host, &seen, &instead);
            }
        });
        relay
    }

    /// The body of the last answer.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }

    /// The next answer is this one, whatever the sandbox says.
    pub fn answer_instead(&self, body: impl Into<Vec<u8>>) {
        *self.instead.lock().unwrap() = Some(body.into());
    }
}

fn serve(
    mut client: TcpStream,
    host: &str,
    seen: &Mutex<Vec<u8>>,
    instead: &Mutex<Option<Vec<u8>>>,
) {
    let Some((head, body)) = message(&mut client) else { return };
    let line = head.lines().next().unwrap_or_default();
    let query = line.split(' ').nth(1).and_then(|path| path.split_once('?')).unwrap_or_default().1;
    let kind = header(&head, "content-type").unwrap_or_default();
    let mut gateway = TcpStream::connect(host).unwrap();
    write!(
        gateway,
        "POST /gateway.do?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    gateway.write_all(&body).unwrap();
    let (_, answer) = message(&mut gateway).unwrap_or_default();
    let answer = instead.lock().unwrap().take().unwrap_or(answer);
    seen.lock().unwrap().clone_from(&answer);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        answer.len()
    );
    let _ = client.write_all(&[head.as_bytes(), &answer].concat());
}

/// Head and body of one HTTP message.
fn message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(cut) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all[..cut]).into_owned();
            let length = header(&head, "content-length")?.parse::<usize>().ok()?;
            if all.len() >= cut + 4 + length {
                return Some((head, all[cut + 4..cut + 4 + length].to_vec()));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(len) => all.extend_from_slice(&piece[..len]),
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
}

/// An answer with a good signature of Alipay's over a SHA-1.
pub fn signed_with_sha1(name: &str, node: &str) -> String {
    let alipay = rsa::RsaPrivateKey::from_pkcs1_pem(&key("alipay2048.pkcs1.pem")).unwrap();
    let padding = rsa::Pkcs1v15Sign::new_unprefixed();
    // The name of SHA-1 (RFC 8017, 9.2), then the hash.
    let head = [0x30, 0x21, 0x30, 0x09, 6, 5, 0x2B, 0x0E, 3, 2, 0x1A, 5, 0, 4, 0x14];
    let sign = alipay.sign(padding, &[&head[..], &Sha1::digest(node)].concat()).unwrap();
    format!(r#"{{"{name}":{node},"sign":"{}"}}"#, STANDARD.encode(sign))
}
