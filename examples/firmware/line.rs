//! The modem: frames on the till's serial line in (see modem.c), HTTP to the gateway out, and back.
//! It keeps what the till sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pointcard::port::http::HttpTransport;
use pointcard::port::{Request, Transport, TransportError};

/// Longest part of a frame: no till sends more.
const MOST: usize = 64 * 1024;

/// What every request of a till in UTF-8 is.
const FORM: &str = "application/x-www-form-urlencoded;charset=utf-8";

/// What the till asked the modem to POST.
#[derive(Clone)]
pub struct Posted {
    pub url: String,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct State {
    down: AtomicBool,
    posted: Mutex<Vec<Posted>>,
}

/// The line; it stays open as long as the process lives.
pub struct Line(Arc<State>);

impl Line {
    /// A modem on a socket, dialling `gateway` whatever host the till names.
    pub fn open(socket: &Path, gateway: String) -> io::Result<Line> {
        let listener = UnixListener::bind(socket)?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for till in listener.incoming().flatten() {
                // A till whose power went is a line that breaks: the next start opens a new one.
                let _ = serve(till, &gateway, &shared);
            }
        });
        Ok(Line(state))
    }

    /// No network: nothing is sent.
    pub fn down(&self) {
        self.0.down.store(true, Ordering::SeqCst);
    }

    pub fn up(&self) {
        self.0.down.store(false, Ordering::SeqCst);
    }

    /// Everything the till sent, in order, also while the network was down.
    pub fn requests(&self) -> Vec<Posted> {
        self.0.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(till: UnixStream, gateway: &str, state: &State) -> io::Result<()> {
    let mut from = BufReader::new(till.try_clone()?);
    let mut to = till;
    let mut transport = HttpTransport::new("", "").map_err(|_| io::ErrorKind::Other)?;
    let mut head = String::new();
    while from.read_line(&mut head)? > 0 {
        let lengths: Vec<usize> =
            head.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
        let [url, kind, body, timeout] = lengths[..] else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, head));
        };
        let url = text(&mut from, url)?;
        if text(&mut from, kind)? != FORM {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the till posts no form"));
        }
        let body = part(&mut from, body)?;
        post(&mut to, &mut transport, gateway, state, Posted { url, body }, timeout as u32)?;
        head.clear();
    }
    Ok(())
}

fn part(from: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len.min(MOST)];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(from: &mut impl Read, len: usize) -> io::Result<String> {
    String::from_utf8(part(from, len)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn post(
    to: &mut impl Write,
    transport: &mut HttpTransport,
    gateway: &str,
    state: &State,
    posted: Posted,
    timeout_ms: u32,
) -> io::Result<()> {
    let query = posted.url.split_once('?').map_or("", |(_, query)| query);
    let url = format!("{gateway}?{query}");
    state.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted.clone());
    let request = Request { url: &url, content_type: FORM, body: &posted.body };
    let mut answer = vec![0; MOST];
    let down = TransportError { not_sent: true, code: 0 };
    let result = match state.down.load(Ordering::SeqCst) {
        true => Err(down),
        false => transport.exchange(&request, &mut answer, timeout_ms),
    };
    match result {
        Ok(http) => {
            let (status, wait, date) = (http.status, http.retry_after_s, http.date);
            writeln!(to, "0 {status} {wait} {date} {}", http.body_len)?;
            to.write_all(answer.get(..http.body_len).unwrap_or_default())
        }
        Err(error) => writeln!(to, "{} 0 0 0 0", if error.not_sent { 1 } else { 2 }),
    }
}
