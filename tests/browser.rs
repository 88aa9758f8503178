//! The sandbox's pages in a real browser, which a hand drives: a shopper opens the link of a till's
//! QR code and claims, the merchant's server verifies the message and commits; a developer watches
//! the dashboard and troubles the gateway.
//!
//! In: Chromium. Out: pictures of both pages in target/screens, at a phone's size and a window's.
#![cfg(all(feature = "http", feature = "qr"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "whole_protocol/campaigns.rs"]
#[allow(dead_code)]
mod campaigns;
#[path = "browser/cdp.rs"]
mod cdp;
#[path = "interop/mail.rs"]
#[allow(dead_code)]
mod mail;
#[path = "whole_protocol/shop.rs"]
#[allow(dead_code)]
mod shop;
#[path = "common/till.rs"]
mod till;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cdp::{Browser, PHONE, WINDOW};
use mail::Mailbox;
use pointcard::claim::bitmap::{self, Bits, Frame};
use pointcard::claim::qr::{Code, Options, SCRATCH_MAX};
use pointcard::client::call::Call;
use pointcard::crypto::{PublicKey, Scratch};
use pointcard::gateway::activity::{self, Content};
use pointcard::gateway::notify::{self, Message};
use pointcard::gateway::points::{self, Freeze, Update};
use pointcard::gateway::{Session, SignType};
use pointcard::points::sale::Sale;
use shop::{Mode, Shop};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use till::{ACCOUNT, APP_ID, USER, key};

const OFFER: &str = "offer-1";

/// A shop whose shopper has ten points.
fn open_shop() -> Shop {
    let mut shop = Shop::open(Mode::default());
    sell(&mut shop, "2016082221001004150200139999");
    shop
}

fn sell(shop: &mut Shop, biz_no: &str) {
    shop.sell(&Sale { biz_no, points: 10, ..Sale::default() });
    assert_eq!(shop.sync().accepted, 1, "{}", shop.till.complaint());
}

fn create(shop: &mut Shop, notify_url: &str) -> String {
    let content = Content::create(campaigns::EXCHANGE.as_bytes()).unwrap();
    let call = Call { notify_url, ..Call::default() };
    let created = shop.call(&call, &content).unwrap().result(activity::created).unwrap();
    created.camp_id.as_str().to_owned()
}

const FREEZE: Freeze<'static> =
    Freeze { req_id: "freeze1", user_id: USER, activity_account: ACCOUNT, points: 8 };

#[test]
fn a_shopper_claims_and_the_merchant_commits() {
    let Some(mut browser) = Browser::start("claim") else { return };
    let mailbox = Mailbox::open();
    let mut shop = open_shop();
    let camp_id = create(&mut shop, &mailbox.url);
    let flow = shop.said(&FREEZE.update(), points::point_log_no);
    let link = campaigns::link(&mut shop, &camp_id, OFFER);

    browser.size(PHONE);
    browser.open(&link);
    chinese(&mut browser);
    browser.until("document.querySelector('.state').dataset.state === 'open'");
    both(&mut browser, "claim-open");
    browser.size(PHONE);
    browser.click("#claim");
    browser.until("document.querySelector('h1').textContent === '领取成功'");
    both(&mut browser, "claim-done");

    let coupons = shop.sandbox.coupons();
    assert_eq!(coupons.len(), 1);
    assert_eq!(coupons[0].out_biz_no.as_deref(), Some(OFFER));
    heard(&mailbox, &camp_id);
    let notify_id = coupons[0].notify_id.as_ref().unwrap();
    let delivery = shop.sandbox.wait_for_delivery(notify_id, Duration::from_secs(20));
    assert_eq!(delivery.unwrap().attempt, 1);
    shop.said(&Update::commit("commit1", &FREEZE.frozen(&flow)), points::point_log_no);
    let balance = shop.sandbox.balance(USER, ACCOUNT);
    assert_eq!((balance.available, balance.freezed), (2, 0));

    // Another offer's number on the same token: used up, and no button.
    browser.open(&link.replace(OFFER, "offer-2"));
    browser.until("document.querySelector('h1').textContent === '优惠券已被领取'");
    assert_eq!(browser.eval("document.querySelector('#claim')"), serde_json::Value::Null);
    both(&mut browser, "claim-refused");
}

/// The merchant's server: verifies with Alipay's key and reads whose coupon it was.
fn heard(mailbox: &Mailbox, camp_id: &str) {
    let is_coupon = |form: &String| form.contains("isv_out_biz_id=");
    let form = (0..3).map(|_| mailbox.next()).find(is_coupon).unwrap();
    let (mut room, mut public, mut scratch) =
        (vec![0; form.len()], PublicKey::new(), Scratch::new());
    public.load(key("alipay2048.pub.b64").as_bytes(), &mut scratch).unwrap();
    let notification = notify::read(form.as_bytes(), &mut room).unwrap();
    let verified = notification.verify(SignType::Rsa2, &public, &mut scratch).unwrap();
    let Message::Coupon(coupon) = verified.message().unwrap() else { panic!("{form}") };
    coupon.check(&Session::new(APP_ID), None).unwrap();
    let told = (coupon.isv_out_biz_id, coupon.buyer_id, coupon.id);
    assert_eq!(told, (OFFER, USER, Some(camp_id)));
}

fn both(browser: &mut Browser, name: &str) {
    browser.picture(name, PHONE);
    browser.picture(name, WINDOW);
}

/// Boxes instead of characters would make a picture, and the page useless.
fn chinese(browser: &mut Browser) {
    if !browser.draws_chinese() {
        println!(
            "SKIPPED TOOL fonts-noto-cjk: would have tested that Chinese is drawn; Debian: \
             apt-get install fonts-noto-cjk"
        );
    }
}

/// A request as nobody's library sends it.
fn attack(shop: &Shop) {
    let url = shop.sandbox.gateway_url();
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let path = "/gateway.do?method=%3Cscript%3Ealert(1)%3C/script%3E";
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    .unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
}

fn is_reached(shop: &Shop) -> bool {
    let url = shop.sandbox.gateway_url();
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    TcpStream::connect(host).is_ok()
}

/// Clicks, and waits until the page shows what came of it.
fn press(browser: &mut Browser, button: &str, then: &str) {
    browser.click(button);
    browser.until(then);
}

/// Sets a switch, and waits for what the page says to it.
fn turn(browser: &mut Browser, value: &str, says: &str) {
    browser.eval("document.querySelector('#said').textContent = ''");
    browser.set("#switch_notify_speed", value);
    browser.until(&format!("document.querySelector('#said').textContent.includes({says:?})"));
}

#[test]
fn the_dashboard_is_live_and_takes_orders() {
    let Some(mut browser) = Browser::start("dashboard") else { return };
    let mut shop = open_shop();
    browser.size(WINDOW);
    browser.open(&shop.sandbox.dashboard_url());
    chinese(&mut browser);
    let unlabelled = "[...document.querySelectorAll('input:not([type=hidden]),select')]\
                      .filter((field) => !field.labels.length).map((field) => field.outerHTML)";
    assert_eq!(browser.eval(unlabelled), serde_json::json!([]));

    // What happens is shown without a reload, as text whatever it is.
    browser.eval("window.isTheSamePage = true");
    sell(&mut shop, "2016082221001004150200140000");
    attack(&shop);
    browser.until("document.querySelector('#shoppers strong').textContent === '20'");
    browser.until("document.querySelector('#requests').innerText.includes('<script>alert(1)')");
    assert_eq!(
        browser.eval("[window.isTheSamePage, document.scripts.length]"),
        serde_json::json!([true, 1])
    );

    press(&mut browser, "#down", "document.querySelector('#gate').textContent.includes('Down')");
    assert!(!is_reached(&shop));
    press(&mut browser, "#up", "document.querySelector('#gate').textContent.includes('Up')");
    assert!(is_reached(&shop));

    browser.set("#kind", "throttle");
    let queued = "document.querySelector('#waiting').textContent.includes('throttle')";
    press(&mut browser, "#fault button", queued);
    shop.sell(&Sale { biz_no: "2016082221001004150200140001", points: 10, ..Sale::default() });
    assert_eq!(shop.sync().accepted, 0, "the fault was met");
    browser.until("document.querySelector('#requests').textContent.includes('40005')");
    turn(&mut browser, "0", "notify_speed is a whole number from 1 on");
    turn(&mut browser, "1000", "已执行");
    shop.sandbox.switch(|switches| assert_eq!(switches.notify_speed, 1000));

    // Nobody answers there: the message is tried again and again.
    browser.set("#offer_url", "http://127.0.0.1:1/notify");
    let drawn = "document.querySelector('#link img').naturalWidth > 0";
    press(&mut browser, "#offer button", drawn);
    let link = browser.eval("document.querySelector('#link a').href");
    let link = link.as_str().unwrap();
    browser.eval("document.querySelector('#link img').scrollIntoView({ block: 'center' })");
    scanned(&mut browser, "code-on-the-dashboard", link);
    pointcard_sandbox::claim_by_link(link, None).unwrap();
    browser.until("document.querySelectorAll('#messages .tries li').length > 3");
    browser.until("document.querySelector('#coupons').textContent.includes('已领取')");
    browser.until("document.querySelector('#said').textContent === ''");
    both(&mut browser, "dashboard");
}

/// A phone's camera looks at the screen: it must read the link, byte by byte.
fn scanned(browser: &mut Browser, name: &str, link: &str) {
    let screen = browser.screen(name);
    let mut zbar = Command::new("zbarimg");
    zbar.args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]).arg(&screen);
    let Ok(output) = zbar.output() else {
        println!(
            "SKIPPED TOOL zbarimg: would have tested a QR code on a screen; Debian: zbar-tools"
        );
        assert!(std::env::var_os("POINTCARD_ALL_TOOLS").is_none(), "zbarimg is not installed");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), link, "{}", screen.display());
}

/// The library's own drawing, in a browser as a till with a screen would show it.
#[test]
fn the_librarys_code_is_read_from_a_screen() {
    let Some(mut browser) = Browser::start("code") else { return };
    let link = "https://render.alipay.com/p/z/pointset/index.html?itemId=2016102020076000000009510377\
                &type=pointcard&token=5b78189e7b2d4c1f9a0e3d2c1b0a9f8e&outBizNo=prize1476966783310";
    browser.size(WINDOW);
    for scale in [1, 2, 3, 5] {
        let image = bitmap_file(link, scale);
        browser.open(&format!("data:text/html,<img src='data:image/bmp;base64,{image}'>"));
        browser.until("document.querySelector('img').naturalWidth > 0");
        // Fewer than three screen pixels a module are too few for the reader, whoever drew them.
        browser.eval(
            "document.querySelector('img').style.cssText = 'image-rendering: pixelated; \
                      width: ' + Math.max(600, document.querySelector('img').naturalWidth) + 'px'",
        );
        scanned(&mut browser, &format!("code-of-scale-{scale}"), link);
    }
}

/// The rows as a Windows bitmap of one bit per pixel, in base64.
fn bitmap_file(link: &str, scale: u8) -> String {
    let (mut scratch, frame) = ([0; SCRATCH_MAX], Frame { scale, ..Frame::default() });
    let code = Code::encode(link, &Options::default(), &mut scratch).unwrap();
    let modules = code.size().modules;
    let (side, stride) = (frame.side(modules), frame.row_bytes(modules).next_multiple_of(4));
    let mut rows = vec![0; frame.room(modules, stride)];
    bitmap::draw(&code, frame, Bits::default(), stride, &mut rows).unwrap();
    rows.resize(stride * side, 0);
    // 62 bytes of head; a negative height: the first row is the top one; 0 is white, 1 black.
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut file = b"BM".to_vec();
    file.extend(words(&[
        62 + rows.len() as u32,
        0,
        62,
        40,
        side as u32,
        (side as u32).wrapping_neg(),
    ]));
    file.extend(words(&[1 | 1 << 16, 0, rows.len() as u32, 0, 0, 2, 2, 0x00FF_FFFF, 0]));
    file.extend(rows);
    STANDARD.encode(file)
}
