//! What changes on the dashboard by itself: in flow the books, out flow the parts the script puts in
//! place of the old ones. The page itself is made of the same parts.

use maud::{Markup, PreEscaped, html};

use crate::coupons::Coupon;
use crate::desk::{Desk, Received};
use crate::house::House;
use crate::postman::Delivery;

/// Rows of a table; the rest is on the admin API.
const ROWS: usize = 50;

/// All of them.
pub fn parts(house: &House) -> Markup {
    let is_up = house.is_up();
    let desk = house.desk();
    html! {
        (gate(is_up))
        (numbers(&desk))
        (waiting(&desk))
        (requests(&desk))
        (shoppers(&desk))
        (coupons(&desk))
        (messages(&desk))
    }
}

/// One part, on the page or alone.
fn part(id: &str, inside: Markup) -> Markup {
    html! { div id=(id) data-live { (inside) } }
}

pub fn gate(is_up: bool) -> Markup {
    let (kind, word) =
        if is_up { ("good", "网关开放 Up") } else { ("bad", "网关关闭 Down") };
    part("gate", html! { span.chip data-kind=(kind) { (word) } })
}

pub fn numbers(desk: &Desk) -> Markup {
    let balances = desk.world.merchants.iter().flat_map(|merchant| merchant.ledger.balances());
    let (mut shoppers, mut available, mut frozen) = (0_usize, 0_u128, 0_u128);
    for (_, _, points) in balances {
        shoppers += 1;
        available += points.available;
        frozen += points.freezed;
    }
    let coupons = desk.world.coupons();
    let claimed = coupons.iter().filter(|coupon| coupon.out_biz_no.is_some()).count();
    let tiles = [
        ("请求", "Requests", desk.requests.len().to_string()),
        ("会员", "Shoppers", shoppers.to_string()),
        ("可用集点", "Available", available.to_string()),
        ("冻结集点", "Frozen", frozen.to_string()),
        ("已领 / 授权", "Coupons", format!("{claimed} / {}", coupons.len())),
        ("未送达通知", "Unheard", unheard(&desk.deliveries).to_string()),
    ];
    let inside = html! {
        dl.tiles {
            @for (chinese, english, value) in tiles {
                div { dt { (chinese) " " span lang="en" { (english) } } dd { (value) } }
            }
        }
    };
    part("numbers", inside)
}

/// Messages nobody has taken yet.
fn unheard(deliveries: &[Delivery]) -> usize {
    tries(deliveries).iter().filter(|tries| !tries.iter().any(|one| one.accepted)).count()
}

pub fn waiting(desk: &Desk) -> Markup {
    let faults: Vec<_> = desk.faults.waiting().collect();
    let inside = html! {
        @if faults.is_empty() {
            p.empty { "没有等待中的故障" }
        } @else {
            ol.queue {
                @for (kind, times) in faults {
                    li {
                        code { (kind) }
                        span { @if times == 0 { "直到清除" } @else { "× " (times) } }
                    }
                }
            }
        }
    };
    part("waiting", inside)
}

/// A table whose rows become cards on a phone: each cell carries its column's name.
fn table(id: &str, columns: &[&str], rows: &[Vec<Markup>], empty: &str) -> Markup {
    let inside = html! {
        @if rows.is_empty() {
            p.empty { (empty) }
        } @else {
            table {
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (cell, column) in row.iter().zip(columns) {
                                td.is-none[cell.0 == NONE] data-label=(column) { div { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    };
    part(id, inside)
}

/// What an empty cell says; a phone leaves it out.
const NONE: &str = "–";

fn code(text: &str) -> Markup {
    html! { @if text.is_empty() { (NONE) } @else { code title=(text) { (text) } } }
}

/// Without the day, which a pointer over it tells.
fn hour(time: &str) -> Markup {
    html! { span.time title=(time) { (time.get(11..).unwrap_or(time)) } }
}

/// `koubei.marketing.` says nothing here.
fn short(method: &str) -> &str {
    method.strip_prefix("koubei.marketing.").unwrap_or(method)
}

fn chip(kind: &str, text: &str) -> Markup {
    html! { span.chip data-kind=(kind) { (text) } }
}

pub fn requests(desk: &Desk) -> Markup {
    let columns = ["#", "时间", "方法", "流水号 req_id", "用户", "结果", "应答", "故障"];
    let row = |line: &Received| {
        let kind = match line.done.as_str() {
            "refused" => "bad",
            "nothing" => "wait",
            _ => "good",
        };
        let fault = line.fault.unwrap_or_default();
        vec![
            html! { (line.number) },
            hour(&line.time),
            code(short(&line.method)),
            code(&line.req_id),
            code(&line.user_id),
            chip(kind, &line.done),
            html! { (line.said) @if !line.answered { " " span.lost { "未送出" } } },
            html! { @if fault.is_empty() { (NONE) } @else { (chip("wait", fault)) } },
        ]
    };
    let rows: Vec<_> = desk.requests.iter().rev().take(ROWS).map(row).collect();
    table("requests", &columns, &rows, "还没有请求。把终端指向上面的网关地址。")
}

pub fn shoppers(desk: &Desk) -> Markup {
    let columns = ["用户 user_id", "账户 activity_account", "可用", "冻结", "累计"];
    let all = desk.world.merchants.iter().flat_map(|merchant| merchant.ledger.balances());
    let row = |(user, account, points): (&str, &str, crate::ledger::Balance)| {
        let frozen = points.freezed;
        vec![
            code(user),
            code(account),
            html! { strong { (points.available) } },
            html! { @if frozen > 0 { span.frozen { (frozen) } } @else { "0" } },
            html! { (points.total) },
        ]
    };
    let rows: Vec<_> = all.map(row).take(ROWS).collect();
    table("shoppers", &columns, &rows, "还没有会员集点。")
}

pub fn coupons(desk: &Desk) -> Markup {
    let columns = ["状态", "活动", "用户", "业务号 outBizNo", "授权时间", "领取时间"];
    let row = |coupon: &Coupon| {
        let (kind, word) = match (&coupon.claimed, coupon.is_expired) {
            (Some(_), _) => ("good", "已领取"),
            (None, true) => ("bad", "已过期"),
            (None, false) => ("wait", "待领取"),
        };
        let name = if coupon.name.is_empty() { &coupon.prize_id } else { &coupon.name };
        let time = |text: &str| html! { span.time { (text) } };
        vec![
            chip(kind, word),
            html! { (name) },
            code(&coupon.user_id),
            code(coupon.out_biz_no.as_deref().unwrap_or_default()),
            time(&coupon.given),
            coupon.claimed.as_deref().map_or_else(|| code(""), time),
        ]
    };
    let rows: Vec<_> = desk.world.coupons().iter().rev().take(ROWS).map(row).collect();
    table("coupons", &columns, &rows, "还没有优惠券。")
}

/// The attempts of each message, oldest message first.
fn tries(deliveries: &[Delivery]) -> Vec<Vec<&Delivery>> {
    let mut all: Vec<Vec<&Delivery>> = Vec::new();
    for delivery in deliveries {
        match all.iter_mut().find(|tries| tries.iter().any(|one| one.id == delivery.id)) {
            Some(tries) => tries.push(delivery),
            None => all.push(vec![delivery]),
        }
    }
    all
}

pub fn messages(desk: &Desk) -> Markup {
    let columns = ["状态", "消息", "地址", "每次投递", "下次"];
    let all = desk.world.coupons();
    let about = |id: &str| {
        let coupon = all.iter().find(|coupon| coupon.notify_id.as_deref() == Some(id));
        coupon.map_or("活动状态".into(), |c| {
            format!("领券成功 {}", c.out_biz_no.as_deref().unwrap_or_default())
        })
    };
    let row = |tries: &Vec<&Delivery>| {
        let last = tries.last();
        let (kind, word) = match last {
            Some(last) if last.accepted => ("good", "已送达"),
            Some(last) if last.next.is_some() => ("wait", "待重发"),
            _ => ("bad", "已放弃"),
        };
        let id = last.map(|last| last.id.as_str()).unwrap_or_default();
        vec![
            chip(kind, word),
            html! { (about(id)) (PreEscaped("<br>")) code.faint { (id) } },
            code(last.map(|last| last.url.as_str()).unwrap_or_default()),
            attempts(tries),
            last.and_then(|last| last.next.as_deref()).map_or_else(|| code(""), hour),
        ]
    };
    let rows: Vec<_> = tries(&desk.deliveries).iter().rev().take(ROWS).map(row).collect();
    table("messages", &columns, &rows, "还没有通知。")
}

fn attempts(tries: &[&Delivery]) -> Markup {
    html! {
        ol.tries {
            @for one in tries {
                li {
                    (hour(&one.time)) " "
                    span.lost[!one.accepted] { (one.answer) }
                }
            }
        }
    }
}
