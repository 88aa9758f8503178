//! The gateway's address: in flow HTTP requests to /gateway.do, out flow Alipay's answers or, where
//! a fault says so, something else or nothing.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::sleep;

use crate::answer::Reply;
use crate::charset::Charset;
use crate::desk::Dealt;
use crate::door::{HangUp, Payload};
use crate::faults::Fault;
use crate::house::House;

/// Requests are a few kilobytes; anything far beyond is somebody else's.
const BODY_MAX: usize = 1 << 20;

/// What the gateway's door does with a request.
pub async fn gateway(
    house: House,
    request: Request<Incoming>,
) -> Result<Response<Payload>, HangUp> {
    if request.uri().path() != "/gateway.do" {
        return Ok(plain(StatusCode::NOT_FOUND, "the gateway is POST /gateway.do"));
    }
    if request.method() != Method::POST {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "only POST is played here"));
    }
    let form = is_form(&request);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = Limited::new(request.into_body(), BODY_MAX).collect().await;
    let Ok(body) = body.map(|body| body.to_bytes()) else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 1 MiB or broke off"));
    };
    let (dealt, mut delivery) = house.deal(query.as_bytes(), &body, form || body.is_empty());
    let answer = deliver(dealt).await;
    delivery.answered = answer.is_ok();
    answer
}

fn is_form(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    kind.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded")
}

async fn deliver(dealt: Dealt) -> Result<Response<Payload>, HangUp> {
    let reply = &dealt.reply;
    match dealt.fault {
        Some(Fault::Drop { .. }) => Err(HangUp),
        Some(Fault::Slow { ms }) => {
            sleep(Duration::from_millis(ms)).await;
            Ok(whole(reply))
        }
        Some(Fault::TimeoutAfterAccept { ms } | Fault::Stall { ms }) => {
            sleep(Duration::from_millis(ms)).await;
            Err(HangUp)
        }
        Some(Fault::Http5xx { status, retry_after, .. }) => Ok(front_end(status, retry_after)),
        Some(Fault::Truncate) => Ok(truncated(reply)),
        Some(Fault::Half) => {
            let bytes = reply.bytes();
            Ok(answer(reply.charset, Payload::whole(bytes[..bytes.len() / 2].to_vec())))
        }
        Some(Fault::Html { .. }) => Ok(page()),
        _ => Ok(whole(reply)),
    }
}

fn whole(reply: &Reply) -> Response<Payload> {
    answer(reply.charset, Payload::whole(reply.bytes()))
}

/// 200 even for refusals, and text/html although it is JSON: as observed.
fn answer(charset: Charset, payload: Payload) -> Response<Payload> {
    let mut response = Response::new(payload);
    let kind = match charset {
        Charset::Utf8 => "text/html;charset=utf-8",
        Charset::Gbk => "text/html;charset=GBK",
    };
    response.headers_mut().insert(CONTENT_TYPE, kind.parse().expect("a constant header"));
    response
}

fn truncated(reply: &Reply) -> Response<Payload> {
    let bytes = reply.bytes();
    let mut response = answer(reply.charset, Payload::cut(bytes[..bytes.len() / 2].to_vec()));
    response.headers_mut().insert(CONTENT_LENGTH, bytes.len().into());
    response
}

fn front_end(status: u16, retry_after: Option<u32>) -> Response<Payload> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let text = format!("<html><body><h1>{status}</h1></body></html>");
    let mut response = answer(Charset::Utf8, Payload::whole(text));
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// What stands between a terminal and the gateway at times: a page, not JSON, in GBK.
fn page() -> Response<Payload> {
    let text = "<html><head><title>系统繁忙</title></head><body>请稍后再试</body></html>";
    answer(Charset::Gbk, Payload::whole(Charset::Gbk.encode(text)))
}

/// A short text that is no answer of Alipay's.
pub fn plain(status: StatusCode, text: &str) -> Response<Payload> {
    let mut response = Response::new(Payload::whole(format!("{text}\n")));
    *response.status_mut() = status;
    response
}
