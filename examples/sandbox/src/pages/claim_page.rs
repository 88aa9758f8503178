//! The claim page (领券页): in flows a claim link as a phone opens it, out flow what is offered, a
//! button, and the result. The button's POST claims and sends the phone back to the same link, so
//! that a reload claims nothing twice.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::LOCATION;
use hyper::{Method, Request, Response, StatusCode};
use maud::{Markup, html};
use serde_json::json;

use super::offer::{Link, Offer, Prize};
use super::{page, style, typed};
use crate::claims::{Claimed, Refused};
use crate::door::{HangUp, Payload};
use crate::house::House;
use crate::params::texts;

/// As Alipay's own page.
pub const PATH: &str = "/p/z/pointset/index.html";

/// The button's form is a few bytes.
const BODY_MAX: usize = 4096;

/// What the claim page's door does with a request.
pub async fn serve(house: House, request: Request<Incoming>) -> Result<Response<Payload>, HangUp> {
    let path = request.uri().path().to_owned();
    if path != PATH {
        return Ok(style(&path).unwrap_or_else(nothing_here));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Some(link) = texts(&query) else { return Ok(broken()) };
    Ok(match *request.method() {
        Method::GET | Method::HEAD => show(&Offer::read(&house.desk().world, &link, None), false),
        Method::POST => {
            let body = Limited::new(request.into_body(), BODY_MAX).collect().await;
            let Ok(body) = body else { return Ok(broken()) };
            let form = String::from_utf8(body.to_bytes().to_vec()).ok();
            let Some(form) = form.and_then(|form| texts(&form)) else { return Ok(broken()) };
            press(&house, &query, &link, &form)
        }
        _ => nothing_here(),
    })
}

/// The button.
fn press(house: &House, query: &str, link: &Link, form: &Link) -> Response<Payload> {
    let user_id = form.get("user_id").map(String::as_str).filter(|id| !id.is_empty());
    let offer = Offer::read(&house.desk().world, link, user_id);
    let claimed = house.claim(&offer.claim);
    if form.get("answer").is_some_and(|answer| answer == "json") {
        return for_programs(claimed);
    }
    match claimed {
        Ok(_) => back_to(query),
        Err(Refused::Used(by)) if by == offer.claim.out_biz_no => back_to(query),
        Err(why) => show(&Offer { refused: Some(why), ..offer }, true),
    }
}

fn for_programs(claimed: Result<Claimed, Refused>) -> Response<Payload> {
    let (status, said) = match claimed {
        Ok(Claimed { camp_id, notify_id }) => {
            let said = json!({ "ok": true, "camp_id": camp_id, "notify_id": notify_id });
            (StatusCode::OK, said)
        }
        Err(why) => (status_of(&why), json!({ "ok": false, "error": why.to_string() })),
    };
    let mut response = typed("application/json", format!("{said}\n"));
    *response.status_mut() = status;
    response
}

fn back_to(query: &str) -> Response<Payload> {
    let mut response = typed("text/plain; charset=utf-8", "");
    *response.status_mut() = StatusCode::SEE_OTHER;
    match format!("{PATH}?{query}").parse() {
        Ok(location) => drop(response.headers_mut().insert(LOCATION, location)),
        Err(_) => return broken(),
    }
    response
}

fn status_of(why: &Refused) -> StatusCode {
    match why {
        Refused::UnknownToken | Refused::NoMerchant(_) => StatusCode::NOT_FOUND,
        Refused::NoOutBizNo | Refused::OtherPrize => StatusCode::BAD_REQUEST,
        Refused::OtherUser => StatusCode::FORBIDDEN,
        Refused::Used(_) => StatusCode::CONFLICT,
        Refused::Expired | Refused::Offline => StatusCode::GONE,
    }
}

fn nothing_here() -> Response<Payload> {
    note(StatusCode::NOT_FOUND, "没有这个页面", "请扫描收银员出示的二维码。")
}

fn broken() -> Response<Payload> {
    note(StatusCode::BAD_REQUEST, "链接无法读取", "链接不完整或已损坏，请重新扫码。")
}

fn note(status: StatusCode, title: &str, text: &str) -> Response<Payload> {
    let body = html! { (state("bad", title, text)) };
    page(status, title, frame(body))
}

/// What stands around every claim page: this is not Alipay.
fn frame(inside: Markup) -> Markup {
    html! {
        body.claim {
            header.bar {
                span { "会员集点 · 领券" }
                span.tag lang="en" { "沙箱 Sandbox" }
            }
            main { (inside) }
            footer { p { "这是开发用的沙箱页面，不是支付宝，不发放真实优惠券。" } }
        }
    }
}

fn show(offer: &Offer, pressed: bool) -> Response<Payload> {
    let why = offer.refused.as_ref().filter(|_| offer.claimed.is_none());
    let status = why.map_or(StatusCode::OK, status_of);
    let (kind, title, text) = words(offer);
    let body = html! {
        (state(kind, title, &text))
        @if let Some(prize) = &offer.prize { (ticket(prize, kind)) }
        @if !offer.merchant_uid.is_empty() { (facts(offer)) }
        @if kind == "open" || pressed && why == Some(&Refused::OtherUser) { (button(offer)) }
    };
    page(status, title, frame(body))
}

/// State, headline and a sentence.
fn words(offer: &Offer) -> (&'static str, &'static str, String) {
    if offer.claimed.is_some() {
        return ("done", "领取成功", "优惠券已放入卡包，付款时自动抵扣。".into());
    }
    let Some(why) = &offer.refused else {
        return ("open", "可以领取", "点击下方按钮，用已冻结的集点兑换这张优惠券。".into());
    };
    let (title, text) = match why {
        Refused::Used(by) => {
            ("优惠券已被领取", format!("每个链接只能领取一次，已用于业务号 {by}。"))
        }
        Refused::Expired => ("链接已过期", "请回到收银台重新兑换。".into()),
        Refused::Offline => ("活动已结束", "商家已下架这个活动。".into()),
        Refused::UnknownToken | Refused::NoMerchant(_) => {
            ("链接无效", "没有找到这张优惠券，请重新扫码。".into())
        }
        Refused::OtherUser => ("不是本人", "这张优惠券属于另一位用户，请用本人账号领取。".into()),
        Refused::OtherPrize => ("链接与活动不符", "请重新扫描收银员出示的二维码。".into()),
        Refused::NoOutBizNo => ("链接不完整", "缺少业务号 outBizNo，请重新扫码。".into()),
    };
    ("bad", title, text)
}

fn state(kind: &str, title: &str, text: &str) -> Markup {
    let mark = match kind {
        "done" => "✓",
        "open" => "券",
        _ => "!",
    };
    html! {
        section.state data-state=(kind) role="status" {
            span.mark aria-hidden="true" { (mark) }
            h1 { (title) }
            p { (text) }
        }
    }
}

fn ticket(prize: &Prize, kind: &str) -> Markup {
    html! {
        section.ticket.is-gone[kind == "bad"] aria-label="优惠券" {
            div.worth { strong { (prize.worth) } }
            div.terms {
                p.headline { (prize.headline) }
                h2 { (prize.name) }
                @if !prize.condition.is_empty() { p { (prize.condition) } }
                p { (prize.validity) }
            }
        }
    }
}

fn facts(offer: &Offer) -> Markup {
    let shops = offer.prize.as_ref().map(|prize| prize.shops.as_slice()).unwrap_or_default();
    html! {
        dl.facts {
            @if offer.frozen > 0 {
                dt { "已冻结集点" } dd { strong { (offer.frozen) } " 点" }
            }
            @if let Some(shop) = shops.first() {
                dt { "适用门店" } dd { (shop) @if shops.len() > 1 { " 等 " (shops.len()) " 家" } }
            }
            dt { "商家" } dd { (offer.merchant_uid) }
            dt { "用户" } dd { (offer.claim.user_id) }
            dt { "业务号" } dd { (offer.claim.out_biz_no) }
            @if let Some(time) = &offer.claimed { dt { "领取时间" } dd { (time) } }
            @if let Some(prize) = offer.prize.as_ref().filter(|prize| !prize.desc.is_empty()) {
                dt { "说明" } dd { (prize.desc) }
            }
        }
    }
}

/// POST to this very link. Who holds the phone can be changed: a sandbox has no log-in.
fn button(offer: &Offer) -> Markup {
    html! {
        form.press method="post" {
            button #claim type="submit" { "立即领取" }
            details {
                summary { "以其他用户领取 " span lang="en" { "Claim as another user" } }
                label for="user_id" { "支付宝用户号 user_id" }
                input #user_id name="user_id" value=(offer.claim.user_id) maxlength="32"
                    inputmode="numeric" autocomplete="off";
            }
        }
    }
}
