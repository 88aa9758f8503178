//! A merchant's mailbox: in flow the sandbox's notifications over HTTP, out flow their raw forms.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use pointcard::gateway::notify::REPLY;

/// Listens until the process ends.
pub struct Mailbox {
    /// For notify_url.
    pub url: String,
    forms: Receiver<String>,
}

impl Mailbox {
    /// Answers each message as the library says one has to.
    #[allow(dead_code)] // each test crate opens it its own way
    pub fn open() -> Mailbox {
        Mailbox::answering(|_| REPLY)
    }

    /// Answers each form what `answer` makes of it.
    pub fn answering(answer: impl Fn(&str) -> &'static str + Send + 'static) -> Mailbox {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let (sender, forms) = channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(form) = form(&mut stream) else { continue };
                let reply = answer(&form);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", reply.len());
                let _ = write!(stream, "{head}Connection: close\r\n\r\n{reply}");
                let _ = sender.send(form);
            }
        });
        Mailbox { url, forms }
    }

    /// The next message.
    pub fn next(&self) -> String {
        self.forms.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

/// A GET's query or a POST's body.
fn form(stream: &mut impl Read) -> Option<String> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let len = stream.read(&mut piece).ok().filter(|len| *len > 0)?;
        all.extend_from_slice(piece.get(..len)?);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.map_or(Some(0), |text| text.trim().parse().ok())?;
        if body.len() >= length {
            let query = text.split(' ').nth(1)?.split_once('?').map(|(_, query)| query);
            return query.or(Some(body)).map(str::to_owned);
        }
    }
}
