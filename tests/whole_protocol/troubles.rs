//! What goes wrong in a whole house: a merchant's consent ends, Alipay changes its key, a wrong key
//! is registered, somebody on the way rewrites a request.
//!
//! In: a mode and a trouble. Out: everything booked exactly once, and words that name the cause.

use crate::shop::{Mode, Shop, Spoil, configured};
use crate::till::{USER, leak};
use pointcard::client::{Config, IO_SIZE, Merchant};
use pointcard::gateway::token::{self, Grant};
use pointcard::gateway::{Charset, SignType};
use pointcard::outcome::Verdict;
use pointcard::points::sale::Sale;
use pointcard::text::Writer;
use pointcard_sandbox::{Booking, Fault};

const PLAIN: Mode = Mode {
    charset: Charset::Utf8,
    sign_type: SignType::Rsa2,
    is_encrypted: false,
    has_certificates: false,
};
const GBK: Mode = Mode { charset: Charset::Gbk, ..PLAIN };
/// All that can be different is.
const OTHER: Mode =
    Mode { sign_type: SignType::Rsa, is_encrypted: true, has_certificates: true, ..GBK };

const A: Merchant<'static> = Merchant {
    merchant: "2088201914979011",
    app_auth_token: "token-a",
    activity_account: "account-a",
    shop_id: "shop-a",
};
const B: Merchant<'static> = Merchant {
    merchant: "2088201914979022",
    app_auth_token: "token-b",
    activity_account: "account-b",
    shop_id: "",
};
/// Of each merchant at each time.
const SALES: usize = 6;

#[test]
fn one_merchants_dead_token_stops_nobody_else_and_loses_nothing() {
    for mode in [PLAIN, OTHER] {
        two_merchants(Shop::open(mode), mode);
    }
}

fn two_merchants(mut shop: Shop, mode: Mode) {
    let [a, b] = [A, B].map(|merchant| shop.sandbox.add_merchant(merchant.app_auth_token).unwrap());
    let config = Config { merchants: &[A, B], ..configured(mode, &shop.sandbox) };
    shop = shop.restart(config);
    sell_to_both(&shop, "before");
    assert_eq!(shop.sync().accepted as usize, 2 * SALES, "{}", shop.till.complaint());
    shop.sandbox.kill_token("token-a").unwrap();
    sell_to_both(&shop, "after");
    // And one answer says that nobody knows, though the points were booked. (The first request is
    // the dead token's, which hears of that instead.)
    shop.sandbox.fault(Fault::Unknown { booked: true }, 2);
    shop.sync();
    shop.till.wait();
    let report = shop.sync();
    assert_eq!((report.waiting, report.paused), (SALES as u32, SALES as u32));
    assert_eq!(report.paused_merchant.as_str(), A.merchant);
    assert_eq!(books(&shop, b), numbers(&["before", "after"]));
    assert_eq!(books(&shop, a), numbers(&["before"]));
    // The merchant agrees again; the code becomes the new token, over the same line.
    let code = shop.sandbox.consent(a).unwrap();
    let tokens = shop.said(&Grant::Code(&code), token::tokens);
    shop.till.client.borrow_mut().set_token(A.merchant, &tokens.app_auth_token).unwrap();
    let report = shop.sync();
    assert_eq!((report.accepted as usize, report.waiting, report.paused), (SALES, 0, 0));
    for merchant in [a, b] {
        assert_eq!(books(&shop, merchant), numbers(&["before", "after"]), "merchant {merchant}");
    }
    assert!(shop.sandbox.ledger().is_empty(), "the house itself sold nothing");
    let repeats = shop.sandbox.requests().into_iter().filter(|request| request.done == "repeat");
    assert_eq!(repeats.count(), 1, "of what nobody knew the end of");
}

fn sell_to_both(shop: &Shop, when: &str) {
    for number in 0..SALES {
        let biz_no = format!("{when}-{number}");
        for merchant in [A.merchant, B.merchant] {
            let sale =
                Sale { biz_no: &biz_no, points: 1, memo: "集点", merchant, ..Sale::default() };
            shop.sell(&sale);
        }
    }
}

/// The sales of these times, sorted.
fn numbers(times: &[&str]) -> Vec<String> {
    let one = |when: &&str| (0..SALES).map(|n| format!("{when}-{n}")).collect::<Vec<_>>();
    let mut all: Vec<String> = times.iter().flat_map(one).collect();
    all.sort();
    all
}

/// Trade numbers a merchant's points were booked for, sorted; one booked twice stands twice.
fn books(shop: &Shop, merchant: usize) -> Vec<String> {
    let number = |booking: &Booking| booking.order.biz_no.clone().unwrap();
    let mut all: Vec<String> = shop.sandbox.ledger_of(merchant).iter().map(number).collect();
    all.sort();
    all
}

#[test]
fn alipays_change_of_key_is_met_with_both_keys() {
    for mode in [PLAIN, OTHER] {
        let mut shop = Shop::open(mode);
        let config = with_next(mode, &shop);
        shop = shop.restart(config);
        shop.sell(&Sale { biz_no: "old", points: 1, ..Sale::default() });
        let report = shop.sync();
        assert_eq!((report.accepted, report.next_key_used), (1, false));
        shop.sell(&Sale { biz_no: "new", points: 1, ..Sale::default() });
        shop.sandbox.rotate(true).unwrap();
        let report = shop.sync();
        assert_eq!((report.accepted, report.next_key_used), (1, true), "{}", shop.till.complaint());
        // Some of Alipay's machines still have the first key.
        shop.sandbox.rotate(false).unwrap();
        shop.sell(&Sale { biz_no: "old-again", points: 1, ..Sale::default() });
        assert_eq!(shop.sync().accepted, 1);
        assert_eq!(books(&shop, 0), ["new", "old", "old-again"]);
    }
}

#[test]
fn a_change_of_key_nobody_was_told_of_costs_no_points() {
    for mode in [PLAIN, OTHER] {
        let mut shop = Shop::open(mode);
        shop.sandbox.rotate(true).unwrap();
        shop.sell(&Sale { biz_no: "trade", points: 1, memo: "集点", ..Sale::default() });
        let report = shop.sync();
        assert_eq!((report.accepted, report.waiting), (0, 1));
        assert_eq!(shop.till.last().verdict, Verdict::Unknown);
        shop.sandbox.rotate(false).unwrap();
        let config = with_next(mode, &shop);
        shop.sandbox.rotate(true).unwrap();
        shop = shop.restart(config);
        let report = shop.sync();
        assert_eq!((report.accepted, report.waiting, report.next_key_used), (1, 0, true));
        assert_eq!(books(&shop, 0), ["trade"], "sent twice, booked once");
    }
}

/// The shop's configuration, with the key or the certificate to come.
fn with_next(mode: Mode, shop: &Shop) -> Config<'static> {
    let mut config = configured(mode, &shop.sandbox);
    if mode.has_certificates {
        shop.sandbox.rotate(true).unwrap();
        let [.., next] = shop.sandbox.certificates().unwrap();
        shop.sandbox.rotate(false).unwrap();
        config.alipay_cert_next = leak(next.pem);
    } else {
        config.alipay_public_key_next = leak(shop.sandbox.next_alipay_public_key().unwrap());
    }
    config
}

#[test]
fn a_wrong_key_at_alipay_is_named_as_the_cause() {
    // (With certificates it is said before anything is sent: the app's is not the key's.)
    let encrypted = Mode { is_encrypted: true, ..PLAIN };
    for mode in [PLAIN, GBK, encrypted, Mode { has_certificates: false, ..OTHER }] {
        let mut shop = Shop::registered(mode, "app4096.pub.b64");
        shop.sell(&Sale { biz_no: "trade", points: 1, memo: "消费集点", ..Sale::default() });
        let report = shop.sync();
        assert_eq!((report.accepted, report.waiting), (0, 1));
        let said = explained(&shop);
        assert!(said.contains("both sides have the same string"), "{mode:?}: {said}");
        assert!(said.contains("the public key registered for this app"), "{mode:?}: {said}");
        assert!(!said.contains(USER), "{said}");
        assert!(shop.sandbox.ledger().is_empty());
    }
}

#[test]
fn a_request_rewritten_on_the_way_shows_where() {
    // 消费 in UTF-8 and in GBK, as they stand in a form.
    let spoils: [(Mode, Spoil, &str); 4] = [
        (PLAIN, |body| body.replace("%E6%B6%88", "%E8%B4%B9"), "a character beyond ASCII differs"),
        (GBK, |body| body.replace("%CF%FB", "%B7%D1"), "a character beyond ASCII differs"),
        (PLAIN, |body| body.replace("%2B", "+"), "changed after it was signed"),
        (GBK, |body| body.replace("%22", "%2522"), "it percent-encoded"),
    ];
    for (number, (mode, spoil, cause)) in spoils.into_iter().enumerate() {
        let mut shop = Shop::open(mode);
        shop.wire.spoil = spoil;
        shop.sell(&Sale { biz_no: "trade", points: 1, memo: "消费+5%", ..Sale::default() });
        assert_eq!(shop.sync().accepted, 0);
        let said = explained(&shop);
        assert!(said.contains("first difference at byte "), "{number}: {said}");
        assert!(said.contains(" in biz_content: signed `"), "{number}: {said}");
        assert!(said.contains(cause), "{number}: {said}");
        shop.wire.spoil = str::to_owned;
        shop.till.wait();
        assert_eq!(shop.sync().accepted, 1, "{}", shop.till.complaint());
        assert_eq!(books(&shop, 0), ["trade"]);
    }
}

/// What the client says of its latest refused request.
fn explained(shop: &Shop) -> String {
    let (mut scratch, mut room) = (vec![0; IO_SIZE], vec![0; 8192]);
    let mut out = Writer::new(&mut room);
    shop.till.client.borrow_mut().explain(&mut scratch, &mut out).unwrap();
    out.finish_str().unwrap().to_owned()
}
