//! The postman: in flow letters, out flow HTTP requests to the merchant, repeated on Alipay's
//! schedule until the answer is exactly `success`.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::house::House;
use crate::notice::Letter;
use crate::switches::NotifyCharset;

/// Seconds between deliveries: eight in all, the last after 25 hours.
const WAITS: [u64; 7] = [240, 600, 600, 3600, 7200, 21_600, 54_000];
/// Alipay's own patience is not documented.
const PATIENCE: Duration = Duration::from_secs(10);
/// `success` and nothing else; of a page that comes instead the beginning is noted.
const ANSWER_MAX: usize = 4096;

/// One attempt to hand over a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// notify_id, or order_id of a message that has none.
    pub id: String,
    /// 1 for the first.
    pub attempt: usize,
    /// Beijing time.
    pub time: String,
    /// The URL, without the message itself.
    pub url: String,
    /// What the merchant said: status and text, or why nothing came.
    pub answer: String,
    /// True for status 200 and exactly `success`: the message is not sent again.
    pub accepted: bool,
    /// Beijing time of the next attempt, if there will be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Delivers until the house is gone. Letters do not wait for each other.
pub async fn keep(house: House, mut letters: UnboundedReceiver<Letter>) {
    while let Some(letter) = letters.recv().await {
        tokio::spawn(deliver(house.clone(), letter));
    }
}

async fn deliver(house: House, letter: Letter) {
    for attempt in 1..=WAITS.len() + 1 {
        let switches = house.desk().world.switches.clone();
        let form = letter.form(&house.rules().keys, &switches);
        let gbk = switches.notify_charset == NotifyCharset::Gbk;
        let sent = timeout(PATIENCE, send(&letter.url, &form, switches.notify_get, gbk)).await;
        let answer = sent.unwrap_or_else(|_| Err("no answer in 10 s".into()));
        let accepted = matches!(&answer, Ok((200, text)) if text == b"success");
        let wait = WAITS.get(attempt - 1).filter(|_| !accepted);
        let wait = wait.map(|seconds| seconds * 1000 / switches.notify_speed.max(1));
        let now = clock::now_ms();
        let note = Delivery {
            id: letter.id(),
            attempt,
            time: clock::beijing(now),
            url: letter.url.clone(),
            answer: shown(answer),
            accepted,
            next: wait.map(|ms| clock::beijing(now.saturating_add_unsigned(ms))),
        };
        house.desk().deliveries.push(note);
        let Some(ms) = wait else { return };
        sleep(Duration::from_millis(ms)).await;
    }
}

type Heard = Result<(u16, Vec<u8>), String>;

fn shown(answer: Heard) -> String {
    match answer {
        Ok((status, text)) => format!("{status} {}", String::from_utf8_lossy(&text)),
        Err(why) => why,
    }
}

/// One request on a connection of its own. A redirect is an answer like any other, and no success.
pub async fn send(url: &str, form: &str, get: bool, gbk: bool) -> Heard {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let (host, port, path) = parts(url)?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|e| text(&e))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| text(&e))?;
    tokio::spawn(connection);
    let charset = if gbk { "GBK" } else { "utf-8" };
    let joint = if path.contains('?') { '&' } else { '?' };
    let request = match get {
        true => Request::get(format!("{path}{joint}{form}")).body(Full::default()),
        false => Request::post(path)
            .header(CONTENT_TYPE, format!("application/x-www-form-urlencoded;charset={charset}"))
            .body(Full::new(Bytes::from(form.to_owned()))),
    };
    let mut request = request.map_err(|e| text(&e))?;
    let host = format!("{host}:{port}").parse().map_err(|_| "the URL's host is no header")?;
    request.headers_mut().insert(HOST, host);
    let response: Response<_> = sender.send_request(request).await.map_err(|e| text(&e))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
    Ok((status, body.map_err(|e| e.to_string())?.to_bytes().to_vec()))
}

/// Host, port and path of a URL that can be reached from here.
fn parts(url: &str) -> Result<(String, u16, String), String> {
    let uri: Uri = url.parse().map_err(|e| format!("{url} is no URL: {e}"))?;
    if uri.scheme_str() != Some("http") {
        return Err(format!("{url}: only http is delivered from here"));
    }
    let host = uri.host().ok_or("the URL has no host")?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(80), path.to_owned()))
}
