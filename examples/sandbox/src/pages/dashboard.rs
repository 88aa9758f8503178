//! The dashboard: in flow the books and the switches, out flows one page to watch a client by and
//! to trouble it. Its forms name an admin order each; the script sends them.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::live;
use crate::faults::KINDS;
use crate::house::House;
use crate::ledger::Way;
use crate::switches::Switches;

const WAYS: [(&str, &str); 4] = [
    ("same", "same 原应答"),
    ("error", "error 报错"),
    ("forget", "forget 再次入账"),
    ("biz_no", "biz_no 按交易号去重"),
];

/// What each switch is, in Chinese; its name says it in English.
const SWITCHES: [(&str, &str); 17] = [
    ("claim_url", "领券地址放在"),
    ("account_in", "集点账户放在"),
    ("buyer", "买家字段"),
    ("token_once", "令牌只用一次"),
    ("token_life", "令牌有效秒数，0 为永久"),
    ("seconds_as_number", "秒数用数字"),
    ("old_refresh_works", "旧刷新令牌可用"),
    ("plain_refusals", "拒绝不加密"),
    ("pay_waits", "付款等待中"),
    ("notify_get", "通知用 GET"),
    ("notify_v2", "通知 V2 签名"),
    ("notify_empty", "通知含空字段"),
    ("notify_charset", "通知字符集"),
    ("notify_sign_type", "通知签名算法"),
    ("notify_speed", "重发加速倍数"),
    ("notify_url", "默认通知地址"),
    ("claim_page", "领券页地址"),
];

/// The body element.
pub fn page(house: &House) -> Markup {
    let (gateway, is_up) = (house.gateway_url(), house.is_up());
    let desk = house.desk();
    let switches = &desk.world.switches;
    html! {
        body.dashboard {
            a.skip href="#main" { "跳到内容" }
            header.bar {
                h1 { "会员集点沙箱 " span lang="en" { "Point card sandbox" } }
                (live::gate(is_up))
            }
            (addresses(&gateway, &switches.claim_page))
            (live::numbers(&desk))
            nav.jump aria-label="跳到" {
                a href="#requests" { "请求" } a href="#shoppers" { "会员" }
                a href="#coupons" { "优惠券" } a href="#messages" { "通知" }
                a href="#controls" { "控制" }
            }
            div.columns {
                main #main {
                    (panel("请求", "Requests", live::requests(&desk)))
                    (panel("会员", "Shoppers", live::shoppers(&desk)))
                    (panel("优惠券", "Coupons", live::coupons(&desk)))
                    (panel("通知", "Notifications", live::messages(&desk)))
                }
                aside #controls aria-label="控制" {
                    (panel("网关", "Gateway", doors()))
                    (panel("故障", "Faults", html! { (faults()) (live::waiting(&desk)) (clear()) }))
                    (panel("试领一张券", "Sample claim link", sample()))
                    (panel("开关", "Switches", html! { (repeat(desk.world.way())) (all_switches(switches)) }))
                }
            }
            p #said role="status" aria-live="polite" {}
            noscript { p.empty { "没有脚本时页面不会自动更新，控制按钮不可用。" } }
            script src="/dashboard.js" defer {}
        }
    }
}

fn panel(chinese: &str, english: &str, inside: Markup) -> Markup {
    html! {
        section.panel {
            h2 { (chinese) " " span lang="en" { (english) } }
            (inside)
        }
    }
}

fn addresses(gateway: &str, claim_page: &str) -> Markup {
    html! {
        dl.addresses {
            div { dt { "网关 " span lang="en" { "Gateway" } } dd { code { (gateway) } } }
            div { dt { "领券页 " span lang="en" { "Claim page" } } dd { code { (claim_page) } } }
        }
    }
}

fn doors() -> Markup {
    html! {
        div.pair {
            form data-order method="post" action="/down" {
                button #down type="submit" { "关闭 " span lang="en" { "Down" } }
            }
            form data-order method="post" action="/up" {
                button #up type="submit" { "开放 " span lang="en" { "Up" } }
            }
        }
    }
}

/// Which of the numbers a kind looks at is in its option; the script shows only those.
fn faults() -> Markup {
    html! {
        form #fault data-order method="post" action="/fault" {
            label for="kind" { "下一批请求遇到" }
            select #kind name="kind" {
                @for (kind, chinese, parts) in KINDS {
                    option value=(kind) data-parts=(parts.join(" ")) selected[kind == "http_5xx"] {
                        (chinese) " · " (kind)
                    }
                }
            }
            div.grid {
                (number("times", "次数，0 为直到清除", "1"))
                (number("ms", "毫秒 ms", ""))
                (number("status", "状态码", "503"))
                (number("retry_after", "Retry-After 秒", ""))
                div data-part="sub_code" {
                    label for="sub_code" { "sub_code" }
                    input #sub_code name="sub_code" placeholder="sandbox.rejected";
                }
            }
            label.check data-part="booked" {
                input type="checkbox" name="booked" value="true"; "仍然入账 booked"
            }
            button.main type="submit" { "加入 " span lang="en" { "Queue fault" } }
        }
    }
}

fn number(name: &str, chinese: &str, value: &str) -> Markup {
    html! {
        div data-part=(name) {
            label for=(name) { (chinese) }
            input id=(name) name=(name) type="number" min="0" value=(value);
        }
    }
}

fn clear() -> Markup {
    html! {
        form data-order method="post" action="/clear" {
            button type="submit" { "清除故障 " span lang="en" { "Clear" } }
        }
    }
}

fn sample() -> Markup {
    html! {
        form #offer data-order method="post" action="/offer" {
            label for="offer_user" { "用户 user_id" }
            input #offer_user name="user_id" value="2088123412341234" maxlength="32" required;
            label for="offer_url" { "通知地址 notify_url（可空）" }
            input #offer_url name="notify_url" type="url" placeholder="http://127.0.0.1:9000/notify";
            button.main type="submit" { "生成领券链接 " span lang="en" { "Make link" } }
        }
        div #link hidden {
            a target="_blank" rel="noopener" {}
            img alt="领券链接的二维码" width="200" height="200";
        }
    }
}

fn repeat(now: Way) -> Markup {
    let is_now = |way: &str| Way::named(way) == Ok(now);
    html! {
        form.switch data-order data-now method="post" action="/repeat" {
            label for="way" { "重复的 req_id " code { "repeat" } }
            select #way name="way" {
                @for (way, text) in WAYS { option value=(way) selected[is_now(way)] { (text) } }
            }
        }
    }
}

fn all_switches(switches: &Switches) -> Markup {
    let now = json!(switches);
    html! {
        @for (name, chinese) in SWITCHES {
            (switch(name, chinese, &text(&now[name])))
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A list where there is one, or else a field.
fn switch(name: &str, chinese: &str, now: &str) -> Markup {
    let (id, values) = (format!("switch_{name}"), Switches::values(name));
    html! {
        form.switch data-order data-now method="post" action="/switch" {
            input type="hidden" name="name" value=(name);
            label for=(id) { (chinese) " " code { (name) } }
            @if values.is_empty() {
                input id=(id) name="value" value=(now);
            } @else {
                select id=(id) name="value" {
                    @for value in values { option value=(value) selected[value == now] { (value) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_on_the_page() {
        let all = json!(Switches::default());
        let mut listed: Vec<&str> = SWITCHES.iter().map(|(name, _)| *name).collect();
        let mut names: Vec<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
        listed.sort_unstable();
        names.sort_unstable();
        assert_eq!(listed, names);
    }

    #[test]
    fn every_way_is_one() {
        assert!(WAYS.iter().all(|(way, _)| Way::named(way).is_ok()));
    }
}
