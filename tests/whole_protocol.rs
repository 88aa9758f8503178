//! The whole protocol in every way it can be spoken: client and sandbox over real HTTP, in UTF-8
//! and GBK, RSA2 and RSA, plain and encrypted, with keys and with certificates.
//!
//! In: a mode. Out: one merchant's day in it, from the first campaign to the last refund, compared
//! with the sandbox's books. The sandbox verifies and signs with another RSA, decrypts with another
//! AES and reads GBK with a table of its own.
#![cfg(all(feature = "http", feature = "gbk", feature = "aes", feature = "certificates"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "whole_protocol/campaigns.rs"]
mod campaigns;
#[path = "interop/mail.rs"]
mod mail;
#[path = "whole_protocol/messages.rs"]
mod messages;
#[path = "whole_protocol/shop.rs"]
mod shop;
#[path = "common/till.rs"]
mod till;
#[path = "whole_protocol/troubles.rs"]
mod troubles;

use pointcard::client::call::{Call, Json};
use pointcard::gateway::points::{self, Freeze, Update};
use pointcard::gateway::token::{self, Grant};
use pointcard::gateway::{Charset, SignType, trade};
use pointcard::outcome::Verdict;
use pointcard::points::refund::Refund;
use pointcard::points::sale::Sale;
use pointcard::status::Status;
use shop::{Mode, Shop};
use till::{ACCOUNT, USER};

macro_rules! modes {
    ($($name:ident: $charset:ident $sign_type:ident $is_encrypted:literal $has_certificates:literal;)*) => {$(
        #[test]
        fn $name() {
            a_merchants_day(Mode {
                charset: Charset::$charset,
                sign_type: SignType::$sign_type,
                is_encrypted: $is_encrypted,
                has_certificates: $has_certificates,
            });
        }
    )*};
}

modes! {
    utf8_rsa2_plain_keys: Utf8 Rsa2 false false;
    utf8_rsa2_plain_certificates: Utf8 Rsa2 false true;
    utf8_rsa2_encrypted_keys: Utf8 Rsa2 true false;
    utf8_rsa2_encrypted_certificates: Utf8 Rsa2 true true;
    utf8_rsa_plain_keys: Utf8 Rsa false false;
    utf8_rsa_plain_certificates: Utf8 Rsa false true;
    utf8_rsa_encrypted_keys: Utf8 Rsa true false;
    utf8_rsa_encrypted_certificates: Utf8 Rsa true true;
    gbk_rsa2_plain_keys: Gbk Rsa2 false false;
    gbk_rsa2_plain_certificates: Gbk Rsa2 false true;
    gbk_rsa2_encrypted_keys: Gbk Rsa2 true false;
    gbk_rsa2_encrypted_certificates: Gbk Rsa2 true true;
    gbk_rsa_plain_keys: Gbk Rsa false false;
    gbk_rsa_plain_certificates: Gbk Rsa false true;
    gbk_rsa_encrypted_keys: Gbk Rsa true false;
    gbk_rsa_encrypted_certificates: Gbk Rsa true true;
}

const TRADE: &str = "2016082221001004150200139999";
const MEMO: &str = "消费集点:豆浆&油条=8元+券";
const BACK: &str = "退货三点";

fn a_merchants_day(mode: Mode) {
    let mut shop = Shop::open(mode);
    points_are_booked(&mut shop);
    refusals_have_words(&mut shop, mode);
    points_are_taken_back(&mut shop);
    a_trade_becomes_a_sale(&mut shop);
    campaigns::live_and_end(&mut shop);
    consents_become_tokens(&mut shop);
    the_books_agree(&mut shop);
    shop.wire.all_say(mode);
}

fn points_are_booked(shop: &mut Shop) {
    shop.sell(&Sale { biz_no: TRADE, points: 30, memo: MEMO, ..Sale::default() });
    assert_eq!(shop.sync().accepted, 1, "{}", shop.till.complaint());
    let freeze = Freeze { req_id: "freeze1", user_id: USER, activity_account: ACCOUNT, points: 10 };
    let flow = shop.said(&freeze.update(), points::point_log_no);
    shop.said(&Update::commit("commit1", &freeze.frozen(&flow)), points::point_log_no);
    let freeze = Freeze { req_id: "freeze2", ..freeze };
    let flow = shop.said(&freeze.update(), points::point_log_no);
    let query = points::Query { activity_account: ACCOUNT, user_id: USER };
    let balance = shop.said(&query, points::balance);
    assert_eq!((balance.available, balance.freezed, balance.total), (10, 10, 30));
    let cancel = Update::cancel("cancel1", &freeze.frozen(&flow));
    shop.said(&Update { memo: Some("取消"), ..cancel }, points::point_log_no);
    shop.said(&Update::consume("consume1", USER, ACCOUNT, 7), points::point_log_no);
}

fn refusals_have_words(shop: &mut Shop, mode: Mode) {
    let greedy = Update::consume("consume2", USER, ACCOUNT, 1000);
    let words = "集点余额不足";
    let refused = shop.call(&Call::default(), &greedy).unwrap();
    assert_eq!((refused.verdict, refused.code.as_str()), (Verdict::Rejected, "40004"));
    assert_eq!(refused.sub_code.as_str(), "sandbox.not-enough-points");
    assert!(refused.sub_msg.starts_with(words), "{}", refused.sub_msg);
    let detail = shop.till.client.borrow().detail().clone();
    assert!(detail.authenticated && detail.words.starts_with(words), "{detail:?}");
    if mode.is_encrypted {
        // Some gateways refuse an encrypted request in the clear, unsigned: readable, no proof.
        shop.sandbox.switch(|switches| switches.plain_refusals = true);
        let told = shop.call(&Call::default(), &greedy).unwrap();
        assert_eq!((told.verdict, told.authenticated), (Verdict::Unknown, false));
        assert!(told.sub_msg.starts_with(words), "{}", told.sub_msg);
        shop.sandbox.switch(|switches| switches.plain_refusals = false);
    }
}

fn points_are_taken_back(shop: &mut Shop) {
    let refund =
        Refund { biz_no: TRADE, refund_no: "1", points: 3, memo: BACK, ..Refund::default() };
    shop.till.client.borrow_mut().refund(&refund).unwrap();
    assert_eq!(shop.sync().accepted, 1, "{}", shop.till.complaint());
}

/// The buyer of the sandbox's trades is `2088` and the last twelve digits of the bar code.
fn a_trade_becomes_a_sale(shop: &mut Shop) {
    let pay = r#"{"out_trade_no":"till7-0001","scene":"bar_code","auth_code":"2812123412341234",
        "subject":"豆浆油条","total_amount":"88.80"}"#;
    let read = |answer: &pointcard::gateway::answer::Answer<'_>| trade::read(answer.signed());
    let paid = shop.said_of(trade::PAY, &Json::check(pay).unwrap(), read);
    let query = Json::check(r#"{"out_trade_no":"till7-0001"}"#).unwrap();
    let asked = shop.said_of(trade::QUERY, &query, read);
    assert_eq!((&paid.trade_no, &paid.user_id), (&asked.trade_no, &asked.user_id));
    assert_eq!((asked.user_id.as_str(), asked.total, asked.receipt), (USER, 8880, Some(8880)));
    let (biz_no, points) = (asked.trade_no.as_str(), (asked.total / 1000) as u32);
    shop.sell(&Sale { biz_no, points, memo: "豆浆油条", ..Sale::default() });
    assert_eq!(shop.sync().accepted, 1, "{}", shop.till.complaint());
}

fn consents_become_tokens(shop: &mut Shop) {
    let merchant = shop.sandbox.add_merchant("201609BBfirst").unwrap();
    let code = shop.sandbox.consent(merchant).unwrap();
    let first = shop.said(&Grant::Code(&code), token::tokens);
    assert_eq!((first.expires_in, first.re_expires_in), (Some(31_536_000), Some(32_140_800)));
    let second = shop.said(&Grant::Refresh(&first.app_refresh_token), token::tokens);
    assert_eq!((&second.user_id, &second.auth_app_id), (&first.user_id, &first.auth_app_id));
    for (app_auth_token, is_valid) in
        [(&first.app_auth_token, false), (&second.app_auth_token, true)]
    {
        let state = shop.said(&token::Query { app_auth_token }, token::state);
        assert_eq!((state.is_valid, &state.user_id), (is_valid, &first.user_id));
    }
    let query = points::Query { activity_account: ACCOUNT, user_id: USER };
    let with = |token| Call { app_auth_token: Some(token), ..Call::default() };
    let old = shop.call(&with(&first.app_auth_token), &query).unwrap();
    assert_eq!((old.verdict, old.status), (Verdict::Deferred, Status::Token));
    let mut new = shop.call(&with(&second.app_auth_token), &query).unwrap();
    assert_eq!(new.result(points::balance).unwrap().total, 0, "this merchant's books are empty");
}

fn the_books_agree(shop: &mut Shop) {
    let ledger = shop.sandbox.ledger();
    let lines: Vec<_> = ledger
        .iter()
        .map(|b| (b.order.trans_type.as_str(), b.order.amount, b.order.memo.as_deref()))
        .collect();
    let all = [
        ("DEPOSIT", 30, Some(MEMO)),
        ("FREEZE", 10, None),
        ("COMMIT", 10, None),
        ("FREEZE", 10, None),
        ("CANCEL", 10, Some("取消")),
        ("CONSUME", 7, None),
        ("CONSUME", 3, Some(BACK)),
        ("DEPOSIT", 8, Some("豆浆油条")),
    ];
    assert_eq!(lines, all);
    assert!(ledger.iter().all(|b| b.order.user_id == USER && b.order.activity_account == ACCOUNT));
    let status = shop.till.client.borrow().status();
    assert_eq!((status.waiting, status.sent_unknown, status.dead), (0, 0, 0));
    let balance = shop.sandbox.balance(USER, ACCOUNT);
    assert_eq!((balance.available, balance.freezed, balance.total), (18, 0, 38));
}
