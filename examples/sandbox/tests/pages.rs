//! The claim page and the dashboard, as bytes: states, escapes, orders. A real browser looks at them
//! in the repository's `tests/browser.rs`.

mod common;

use std::time::Duration;

use common::*;
use pointcard_sandbox::{Claim, Sandbox, claim_by_link};
use serde_json::{Value, json};

/// A claim link, made by the calls a merchant makes.
fn link(sandbox: &Sandbox, number: &str) -> String {
    let camp_id = Call::new(CREATE, &exchange()).send(sandbox).unwrap().get("camp_id");
    let biz = json!({ "req_id": number, "prize_id": camp_id, "user_id": USER });
    let token = Call::new(AUTH, &biz).send(sandbox).unwrap().get("token");
    let query = json!({ "camp_id": camp_id });
    let detail = Call::new(QUERY_ACTIVITY, &query).send(sandbox).unwrap().node();
    let text = &detail["camp_detail"]["publish_channels"][0]["ext_info"];
    let inside: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    let base = inside["URL_WITH_TOKEN"].as_str().unwrap().to_owned();
    format!("{base}&type=pointcard&token={token}&outBizNo={number}")
}

fn open(link: &str) -> (u16, String) {
    let answer = request("GET", link, "").unwrap();
    (answer.status, answer.text())
}

/// What the page says of a link, and whether it has the button.
fn says(link: &str, status: u16, title: &str, button: bool) {
    let (got, text) = open(link);
    assert_eq!(got, status, "{text}");
    assert!(text.contains(&format!("<h1>{title}</h1>")), "{title}: {text}");
    assert_eq!(text.contains("id=\"claim\""), button, "{text}");
}

#[test]
fn a_link_is_opened_claimed_and_opened_again() {
    let sandbox = start();
    let mut update = deposit("d", "t");
    Call::new(UPDATE, &update).send(&sandbox).unwrap();
    update["trans_type"] = "FREEZE".into();
    (update["req_id"], update["trans_amount"]) = ("f".into(), "8".into());
    (update["shop_id"], update["biz_no"]) = ("".into(), "".into());
    assert_eq!(Call::new(UPDATE, &update).send(&sandbox).unwrap().get("code"), "10000");
    let link = link(&sandbox, "offer-1");
    says(&link, 200, "可以领取", true);
    let (_, text) = open(&link);
    for shown in [
        "8个集点兑换",
        "全场代金券",
        "¥20",
        "满 ¥10 可用",
        "2015122900077000000002409504",
        "<strong>8</strong> 点",
        USER,
        "offer-1",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let pressed = post(&link, &format!("user_id={USER}")).unwrap();
    assert_eq!(pressed.status, 303, "{}", pressed.text());
    assert!(pressed.head.contains("/p/z/pointset/index.html?itemid="), "{}", pressed.head);
    says(&link, 200, "领取成功", false);
    assert_eq!(post(&link, "").unwrap().status, 303, "a second press changes nothing");
    let coupons = sandbox.coupons();
    assert_eq!(coupons.len(), 1);
    assert_eq!(coupons[0].out_biz_no.as_deref(), Some("offer-1"));
    says(&link.replace("offer-1", "offer-2"), 409, "优惠券已被领取", false);
}

#[test]
fn each_reason_to_refuse_has_its_words_and_claims_nothing() {
    let sandbox = start();
    let link = link(&sandbox, "offer-1");
    let token = link.split_once("token=").unwrap().1.split('&').next().unwrap();
    says(&link.replace(token, "0123456789abcdef0123456789abcdef"), 404, "链接无效", false);
    says(&link.replace("outBizNo=offer-1", ""), 400, "链接不完整", false);
    says(&link.replace("itemId=", "itemId=9"), 400, "链接与活动不符", false);
    says(&format!("{link}&buyerId=2088000000000000"), 403, "不是本人", false);
    says(&format!("{link}&buyerId=%zz"), 400, "链接无法读取", false);
    says(&link.replace("index.html", "other.html"), 404, "没有这个页面", false);
    let other = post(&link, "user_id=2088000000000000").unwrap();
    assert_eq!(other.status, 403);
    assert!(other.text().contains("id=\"claim\""), "and who holds the phone may be corrected");
    sandbox.switch(|switches| switches.token_life = 1);
    std::thread::sleep(Duration::from_millis(1100));
    says(&link, 410, "链接已过期", false);
    assert_eq!(post(&link, "").unwrap().status, 410);
    assert!(sandbox.coupons()[0].is_expired);
    sandbox.switch(|switches| switches.token_life = 0);
    says(&link, 200, "可以领取", true);
    let camp_id = &sandbox.coupons()[0].prize_id;
    let end = json!({ "out_biz_no": "end", "camp_id": camp_id });
    Call::new(OFFLINE, &end).send(&sandbox).unwrap();
    says(&link, 410, "活动已结束", false);
    assert!(sandbox.coupons().iter().all(|coupon| coupon.claimed.is_none()));
    assert_eq!(sandbox.deliveries(), []);
}

#[test]
fn a_program_claims_as_a_shopper_does() {
    let sandbox = start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess");
        }
    });
    sandbox.switch(|switches| switches.notify_url = url);
    let link = link(&sandbox, "offer-1");
    let other = claim_by_link(&link, Some("2088000000000000")).unwrap_err();
    assert_eq!(other, "this token is for another user");
    let claimed = claim_by_link(&link, None).unwrap();
    let notify_id = claimed.notify_id.unwrap();
    let delivery = sandbox.wait_for_delivery(&notify_id, Duration::from_secs(20)).unwrap();
    assert!(delivery.accepted && delivery.attempt == 1 && delivery.next.is_none());
    let again = claim_by_link(&link, None).unwrap_err();
    assert_eq!(again, "this token was used for outBizNo offer-1");
    assert!(sandbox.wait_for_delivery("another", Duration::from_millis(1)).is_none());
    let nowhere = claim_by_link(&sandbox.gateway_url(), None).unwrap_err();
    assert!(nowhere.contains("no claim page"), "{nowhere}");
}

#[test]
fn the_sample_link_is_one() {
    let sandbox = start();
    let answer = post(&format!("{}/offer?user_id={USER}", sandbox.admin_url()), "").unwrap();
    let said: Value = serde_json::from_str(&answer.text()).unwrap();
    let link = said["link"].as_str().unwrap();
    says(link, 200, "可以领取", true);
    assert!(claim_by_link(link, None).unwrap().notify_id.is_none());
    let other = sandbox.sample_link("2088000000000000", Some("http://127.0.0.1:1/n")).unwrap();
    assert!(claim_by_link(&other, None).unwrap().notify_id.is_some());
    let picture = format!("{}/qr.svg?text={}", sandbox.admin_url(), escape(link.as_bytes()));
    assert!(get(&picture).contains("<svg"));
    let long = format!("{}/qr.svg?text={}", sandbox.admin_url(), "x".repeat(3000));
    assert_eq!(request("GET", &long, "").unwrap().status, 400);
}

const ATTACK: &str = "<script>alert(1)</script>\"'&";

#[test]
fn whatever_a_client_or_a_link_says_is_text() {
    let sandbox = start();
    let mut sale = deposit("r1", "t1");
    sale["user_id"] = "<script>x</script>\"'&".into();
    Call::new(UPDATE, &sale).send(&sandbox).unwrap();
    Call::new(ATTACK, &sale).send(&sandbox).unwrap();
    let (_, page) = open(&sandbox.dashboard_url());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{page}");
    assert!(page.contains("&lt;script&gt;x&lt;/script&gt;&quot;"), "{page}");
    assert!(!page.contains("<script>"), "only the file is a script");
    let mut content = exchange();
    content["promo_tools"][0]["voucher"]["brand_name"] = ATTACK.into();
    let camp_id = Call::new(CREATE, &content).send(&sandbox).unwrap().get("camp_id");
    let biz = json!({ "req_id": "a", "prize_id": camp_id, "user_id": USER });
    let token = Call::new(AUTH, &biz).send(&sandbox).unwrap().get("token");
    let attack = escape(ATTACK.as_bytes());
    let page = sandbox.claim_page_url();
    let answer =
        request("GET", &format!("{page}?token={token}&outBizNo={attack}&shopId={attack}"), "");
    let answer = answer.unwrap();
    assert_eq!(answer.text().matches("&lt;script&gt;alert(1)").count(), 3, "{}", answer.text());
    assert!(!answer.text().contains("<script"));
    assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{}", answer.head);
}

#[test]
fn another_sites_page_gives_no_orders() {
    let sandbox = start();
    let order = |origin: &str| {
        use std::io::{Read, Write};
        let url = sandbox.admin_url();
        let host = url.strip_prefix("http://").unwrap();
        let mut stream = connect(&url).unwrap();
        write!(
            stream,
            "POST /fault?kind=throttle HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(order("http://evil.example"), "403");
    assert_eq!(order("null"), "403");
    assert_eq!(get(&format!("{}/faults", sandbox.admin_url())), "");
    assert_eq!(order(&sandbox.admin_url()), "200");
    assert_eq!(get(&format!("{}/faults", sandbox.admin_url())).lines().count(), 1);
}

#[test]
fn the_dashboard_tells_what_happened() {
    let sandbox = start();
    let live = format!("{}/dashboard/live", sandbox.admin_url());
    assert!(get(&live).contains("网关开放") && get(&live).contains("还没有请求"));
    Call::new(UPDATE, &deposit("r1", "t1")).send(&sandbox).unwrap();
    let claim = Claim {
        out_biz_no: "offer-9".into(),
        token: {
            let biz = json!({ "req_id": "a", "prize_id": "p", "user_id": USER });
            Call::new(AUTH, &biz).send(&sandbox).unwrap().get("token")
        },
        user_id: USER.into(),
        notify_url: Some("http://127.0.0.1:1/notify".into()),
        ..Claim::default()
    };
    let notify_id = sandbox.claim(&claim).unwrap().notify_id.unwrap();
    assert!(sandbox.wait_for_delivery(&notify_id, Duration::from_millis(500)).is_none());
    sandbox.down();
    let text = get(&live);
    for shown in [
        "网关关闭",
        "tool.points.update",
        "booked",
        ACCOUNT,
        "offer-9",
        "已领取",
        "待重发",
        "http://127.0.0.1:1/notify",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    sandbox.up();
    assert!(get(&live).contains("网关开放"));
}
