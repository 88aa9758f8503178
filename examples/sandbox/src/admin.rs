//! The back door, on a port of its own so that it answers while the gateway is down: in flow
//! orders as URL parameters, out flow JSON and JSON lines.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::MutexGuard;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::claims::Claim;
use crate::desk::Desk;
use crate::door::{Done, HangUp, Payload};
use crate::faults::{Fault, Wish};
use crate::house::House;
use crate::http::plain;
use crate::ledger::Way;
use crate::pages;
use crate::params::texts;
use crate::world::Merchant;

const HELP: &str = "\
POST /fault?kind=KIND[&times=1][&ms=N][&status=503][&retry_after=S][&booked=true][&sub_code=X]
     kinds: down drop slow timeout_after_accept stall http_5xx unsigned wrong_signature
            duplicate_node truncate half gbk_error unsigned_error html throttle unknown token reject
     times=0 lasts until cleared
POST /clear                 GET /faults
POST /repeat?way=same|error|forget|biz_no
POST /down[?ms=N]           POST /up
POST /switch?name=N&value=V GET /switches
POST /rotate[?back=true]    GET /next_key
POST /merchant?token=T      GET /merchants
POST /token/give?token=T[&merchant=0]
POST /token/kill?token=T    POST /consent[?merchant=0]
POST /claim?out_biz_no=O&token=T&user_id=U[&prize_id=P][&notify_url=URL][&merchant=0]
POST /offer?user_id=U[&notify_url=URL]    a sample claim link
GET  /deliveries            GET /coupons
GET  /ledger[?merchant=0]   GET /requests
GET  /balance?user_id=U&activity_account=A[&merchant=0]
GET  /dashboard             for people
GET  /qr.svg?text=T
POST /shutdown";

type Asked = BTreeMap<String, String>;

/// What the admin door does with a request.
pub async fn admin(house: House, request: Request<Incoming>) -> Result<Response<Payload>, HangUp> {
    let path = request.uri().path().to_owned();
    if is_elsewheres(&request) {
        return Ok(problem(StatusCode::FORBIDDEN, "this order comes from another site's page"));
    }
    let asked = match parameters(request.uri().query().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(why) => return Ok(problem(StatusCode::BAD_REQUEST, &why)),
    };
    let known = if request.method() == Method::GET {
        look(&house, &path, &asked)
    } else if request.method() == Method::POST {
        change(&house, &path, &asked).await
    } else {
        None
    };
    Ok(match known {
        Some(Ok(response)) => response,
        Some(Err(why)) => problem(StatusCode::BAD_REQUEST, &why),
        None => problem(StatusCode::NOT_FOUND, "no such path for this method; GET / lists them"),
    })
}

/// A page of another site must not give orders through the browser of whoever plays here.
fn is_elsewheres(request: &Request<Incoming>) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST).unwrap_or_default();
    let own = |origin: &str| origin.strip_prefix("http://") == Some(host);
    request.method() == Method::POST && header(ORIGIN).is_some_and(|origin| !own(origin))
}

type Known = Option<Result<Response<Payload>, String>>;

fn look(house: &House, path: &str, asked: &Asked) -> Known {
    Some(match path {
        "/" => Ok(plain(StatusCode::OK, HELP)),
        "/ledger" => merchant(&mut house.desk(), asked).map(|m| lines(m.ledger.bookings())),
        "/next_key" => next_key(house),
        "/deliveries" => Ok(lines(&house.desk().deliveries)),
        "/coupons" => Ok(lines(house.desk().world.coupons())),
        "/requests" => Ok(lines(&house.desk().requests)),
        "/faults" => {
            let desk = house.desk();
            let waiting = desk.faults.waiting();
            Ok(lines(waiting.map(|(kind, times)| json!({ "kind": kind, "times": times }))))
        }
        "/balance" => balance(house, asked),
        "/switches" => Ok(object(&json!(house.desk().world.switches))),
        "/merchants" => Ok(lines(merchants(&house.desk()))),
        "/qr.svg" => needed(asked, "text").and_then(pages::qr),
        _ => return pages::dashboard(house, path).map(Ok),
    })
}

async fn change(house: &House, path: &str, asked: &Asked) -> Known {
    let done = match path {
        "/fault" => fault(house, asked).await,
        "/clear" => {
            house.desk().faults.clear();
            Ok(())
        }
        "/repeat" => repeat(house, asked),
        "/rotate" => rotate(house, asked),
        "/switch" => switch(house, asked),
        "/token/give" => give(house, asked),
        "/token/kill" => needed(asked, "token").and_then(|token| house.desk().world.kill(token)),
        "/claim" => return Some(claim(house, asked)),
        "/offer" => return Some(offer(house, asked)),
        "/consent" => return Some(consent(house, asked)),
        "/merchant" => return Some(add_merchant(house, asked)),
        "/down" => match number(asked, "ms") {
            Ok(ms) => {
                wait(|done| house.down(ms.unwrap_or(0), done)).await;
                Ok(())
            }
            Err(why) => Err(why),
        },
        "/up" => {
            wait(|done| house.up(done)).await;
            Ok(())
        }
        "/shutdown" => {
            house.stop();
            Ok(())
        }
        _ => return None,
    };
    Some(done.map(|()| object(&json!({ "ok": true }))))
}

async fn fault(house: &House, asked: &Asked) -> Result<(), String> {
    let wish = Wish {
        kind: asked.get("kind").cloned().ok_or("kind is missing")?,
        ms: number(asked, "ms")?,
        status: number(asked, "status")?,
        retry_after: number(asked, "retry_after")?,
        booked: number(asked, "booked")?.unwrap_or(false),
        sub_code: asked.get("sub_code").cloned(),
    };
    let fault = Fault::wished(wish)?;
    let times = number(asked, "times")?.unwrap_or(1);
    wait(|done| house.fault(fault, times, done)).await;
    Ok(())
}

fn repeat(house: &House, asked: &Asked) -> Result<(), String> {
    let way = Way::named(asked.get("way").ok_or("way is missing")?)?;
    house.desk().world.repeat(way);
    Ok(())
}

fn rotate(house: &House, asked: &Asked) -> Result<(), String> {
    house.rules().keys.rotate(!number(asked, "back")?.unwrap_or(false))
}

fn next_key(house: &House) -> Result<Response<Payload>, String> {
    let key = house.rules().keys.next_public()?;
    Ok(object(&json!({ "alipay_public_key": key })))
}

fn switch(house: &House, asked: &Asked) -> Result<(), String> {
    let (name, value) = (needed(asked, "name")?, needed(asked, "value")?);
    house.desk().world.switches.set(name, value)
}

fn give(house: &House, asked: &Asked) -> Result<(), String> {
    let number = number(asked, "merchant")?.unwrap_or(0);
    house.desk().world.give(number, needed(asked, "token")?.to_owned())
}

fn consent(house: &House, asked: &Asked) -> Result<Response<Payload>, String> {
    let code = house.desk().world.consent(number(asked, "merchant")?.unwrap_or(0))?;
    Ok(object(&json!({ "app_auth_code": code })))
}

fn claim(house: &House, asked: &Asked) -> Result<Response<Payload>, String> {
    let claimed = house.claim(&Claim {
        merchant: number(asked, "merchant")?.unwrap_or(0),
        out_biz_no: needed(asked, "out_biz_no")?.to_owned(),
        token: needed(asked, "token")?.to_owned(),
        user_id: needed(asked, "user_id")?.to_owned(),
        prize_id: asked.get("prize_id").cloned(),
        notify_url: asked.get("notify_url").cloned(),
    });
    let claimed = claimed.map_err(|why| why.to_string())?;
    Ok(object(&json!({ "camp_id": claimed.camp_id, "notify_id": claimed.notify_id })))
}

fn offer(house: &House, asked: &Asked) -> Result<Response<Payload>, String> {
    let notify_url = asked.get("notify_url").map(String::as_str);
    let link = house.sample_link(needed(asked, "user_id")?, notify_url)?;
    Ok(object(&json!({ "link": link })))
}

fn add_merchant(house: &House, asked: &Asked) -> Result<Response<Payload>, String> {
    let token = needed(asked, "token")?.to_owned();
    let number = house.desk().world.add(Some(token)).map_err(|e| e.to_string())?;
    Ok(object(&json!({ "merchant": number })))
}

/// The merchant a question is about, the first unless it says.
fn merchant<'a>(desk: &'a mut MutexGuard<'_, Desk>, asked: &Asked) -> Result<&'a Merchant, String> {
    let number = number(asked, "merchant")?.unwrap_or(0);
    desk.world.merchant(number).map(|merchant| &*merchant)
}

/// Without their tokens: those are secrets.
fn merchants(desk: &Desk) -> Vec<Value> {
    let each = |(number, merchant): (usize, &Merchant)| {
        json!({
            "merchant": number,
            "user_id": merchant.user_id,
            "auth_app_id": merchant.auth_app_id,
            "owner": !merchant.by_token,
            "token_works": merchant.consent.alive().is_some(),
        })
    };
    desk.world.merchants.iter().enumerate().map(each).collect()
}

fn needed<'a>(asked: &'a Asked, name: &str) -> Result<&'a str, String> {
    asked.get(name).map(String::as_str).ok_or_else(|| format!("{name} is missing"))
}

fn balance(house: &House, asked: &Asked) -> Result<Response<Payload>, String> {
    let user = asked.get("user_id").ok_or("user_id is missing")?;
    let account = asked.get("activity_account").ok_or("activity_account is missing")?;
    let balance = merchant(&mut house.desk(), asked)?.ledger.balance(user, account);
    Ok(object(&json!({
        "available_points": balance.available.to_string(),
        "freezed_points": balance.freezed.to_string(),
        "total_points": balance.total.to_string(),
    })))
}

/// Waits until the door has done it. Should the door be gone, the wait ends as well.
async fn wait(order: impl FnOnce(Done)) {
    let (done, finished) = oneshot::channel();
    order(Box::new(move || {
        let _ = done.send(());
    }));
    let _ = finished.await;
}

fn parameters(query: &str) -> Result<Asked, String> {
    let broken = || "the query has a broken % escape or is not UTF-8".to_owned();
    let asked = texts(query).ok_or_else(broken)?;
    let known = |name: &&String| !NAMES.contains(&name.as_str());
    match asked.keys().find(known) {
        Some(name) => Err(format!("there is no parameter {name:?}")),
        None => Ok(asked),
    }
}

/// A misspelt parameter must not silently mean its default.
const NAMES: [&str; 19] = [
    "kind",
    "times",
    "ms",
    "status",
    "retry_after",
    "booked",
    "sub_code",
    "way",
    "user_id",
    "activity_account",
    "merchant",
    "token",
    "name",
    "value",
    "out_biz_no",
    "prize_id",
    "notify_url",
    "back",
    "text",
];

fn number<T: FromStr>(asked: &Asked, name: &str) -> Result<Option<T>, String> {
    let value = asked.get(name);
    let parsed = value.map(|text| text.parse().map_err(|_| format!("{name}={text} is no value")));
    parsed.transpose()
}

fn lines<T: Serialize>(items: impl IntoIterator<Item = T>) -> Response<Payload> {
    let lines = items.into_iter().map(|item| serde_json::to_string(&item).unwrap_or_default());
    let text: String = lines.map(|line| line + "\n").collect();
    typed("application/jsonl; charset=utf-8", text)
}

fn object(value: &serde_json::Value) -> Response<Payload> {
    typed("application/json", format!("{value}\n"))
}

fn problem(status: StatusCode, why: &str) -> Response<Payload> {
    let mut response = object(&json!({ "ok": false, "error": why }));
    *response.status_mut() = status;
    response
}

fn typed(kind: &'static str, text: String) -> Response<Payload> {
    let mut response = Response::new(Payload::whole(text));
    response.headers_mut().insert(CONTENT_TYPE, kind.parse().expect("a constant header"));
    response
}
