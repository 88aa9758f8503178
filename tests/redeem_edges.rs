//! Redemption where it is seldom: entries that cannot be written, limits, letters put back, debts,
//! links and hand-overs whose time is over. Against the real sandbox, over sockets.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod till;
}

use common::till::{APP_ID, SHAPE, TestPorts, Till, USER, config, leak, sandbox};
use pointcard::client::Client;
use pointcard::client::redeem::{Filed, Standing};
use pointcard::gateway::notify::CouponIssued;
use pointcard::points::redeem::{Claim, KIND_CLAIM, OFFER_MAX, Offer, Redeem};
use pointcard::port::ram::RamStorage;
use pointcard::port::{Geometry, Storage};
use pointcard::queue::{Cursor, ENTRY_MAX, Item, Queue, Replace};
use pointcard::status::{Result, Status};
use pointcard_sandbox::Sandbox;

const PAGE: &str = "https://render.alipay.com/p/z/pointset/index.html?itemId=1";
const NUMBER: &str = "offer-1";

fn order(link_base: &str) -> Redeem<'_> {
    Redeem {
        out_biz_no: NUMBER,
        user_id: USER,
        points: 10,
        prize_id: "20160527000000000682853000153366",
        link_base,
        ..Redeem::default()
    }
}

/// A till whose shopper has ten points.
fn rich(sandbox: &Sandbox) -> Till {
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("trade");
    assert_eq!(till.sync().accepted, 1);
    till
}

fn coupon<'a>(notify_id: &'a str, buyer_id: &'a str) -> CouponIssued<'a> {
    CouponIssued {
        notify_id,
        isv_out_biz_id: NUMBER,
        buyer_id,
        notify_time: None,
        app_id: Some(APP_ID),
        auth_app_id: None,
        merchant_uid: None,
        business_order: None,
        id: None,
    }
}

fn deliver(till: &Till, notify_id: &str) -> Result<Filed> {
    till.client.borrow_mut().redeem_commit(&coupon(notify_id, USER))
}

fn listed(till: &Till) -> Vec<Standing> {
    let (mut client, mut cursor) = (till.client.borrow_mut(), Cursor::default());
    let mut lines = vec![];
    while let Some(line) = client.redeem_list(&mut cursor).unwrap() {
        assert_eq!(line.out_biz_no, NUMBER);
        lines.push(line.standing);
    }
    lines
}

/// Lets `work` write to the till's store as an earlier version might have done.
fn written(till: Till, url: &str, work: impl FnOnce(&mut Queue, &mut dyn Storage)) -> Till {
    {
        let mut client = till.client.borrow_mut();
        client.close();
        let (storage, mut queue) = (&mut client.ports().storage, Queue::new());
        queue.open(storage, [1; 8]).unwrap();
        work(&mut queue, storage);
    }
    till.reopen(config(url))
}

#[test]
fn an_id_too_long_to_be_kept_is_named_and_not_kept() {
    let sandbox = sandbox();
    let till = Till::new(&sandbox.gateway_url());
    // 128 characters, 384 bytes.
    let error = deliver(&till, &"集".repeat(128)).unwrap_err();
    assert_eq!((error.status, error.what, error.at), (Status::TooLong, "notify_id", 128));
    let error = till.client.borrow_mut().redeem_commit(&coupon("n1", &"集".repeat(43)));
    let error = error.unwrap_err();
    assert_eq!((error.status, error.what, error.at), (Status::TooLong, "buyer_id", 128));
    assert_eq!(listed(&till), []);
    assert_eq!(deliver(&till, &"9".repeat(128)), Ok(Filed::Stored));
}

/// A claim whose id does not fit its offer's record: it is held, and the sale behind it goes out.
#[test]
fn a_claim_that_cannot_be_joined_stops_nobody() {
    let (sandbox, base) = (sandbox(), format!("{PAGE}&x={}", "x".repeat(190)));
    let (till, url) = (rich(&sandbox), sandbox.gateway_url());
    let began = till.client.borrow_mut().redeem_begin(&order(&base)).unwrap();
    let profile = till.client.borrow_mut().get(began.seq).unwrap().item.profile;
    let mut till = written(till, &url, |queue, storage| {
        let claim =
            Claim { out_biz_no: NUMBER, buyer_id: USER, notify_id: leak("🎫".repeat(128)) };
        let (req_id, mut room) = (claim.req_id(), [0; OFFER_MAX]);
        let body = claim.store(&mut room).unwrap();
        let (kind, points, created) = (KIND_CLAIM, 0, 1_700_000_000);
        let item = Item { req_id: &req_id, profile, kind, points, created, body };
        queue.append(storage, &item).unwrap();
    });
    till.sell("behind-it");
    let report = till.sync();
    assert_eq!((report.accepted, report.held), (1, 1), "{}", till.complaint());
    assert_eq!(listed(&till), [Standing::Freezing, Standing::Claim]);
    assert_eq!(till.sync().held, 1, "and again");
}

/// An offer whose record has no room for the number FREEZE answers: the sale behind it goes out,
/// and the number is told again and again.
#[test]
fn an_answer_that_cannot_be_written_stops_nobody() {
    let (sandbox, base) = (sandbox(), format!("{PAGE}&x={}", "x".repeat(OFFER_MAX)));
    let (till, url) = (rich(&sandbox), sandbox.gateway_url());
    let began = till.client.borrow_mut().redeem_begin(&order(PAGE)).unwrap();
    let mut till = written(till, &url, |queue, storage| {
        let (mut buf, mut room) = ([0; ENTRY_MAX], [0; OFFER_MAX]);
        let entry = queue.get(storage, began.seq, &mut buf).unwrap().unwrap();
        let offer = Offer::load(entry.item.body).unwrap();
        let full = OFFER_MAX - entry.item.body.len() + offer.base.len();
        let offer = Offer { base: &base[..full], ..offer };
        let body = offer.store(&mut room).unwrap();
        let how = Replace { body, fresh: false };
        queue.replace(storage, began.seq, &how, &mut [0; ENTRY_MAX]).unwrap();
        queue.mark_sent(storage, began.seq).unwrap();
    });
    for name in ["behind-it", "one-more"] {
        till.sell(name);
        let report = till.sync();
        assert_eq!((report.accepted, report.unknown), (1, 1), "{}", till.complaint());
        let status = till.outcomes.iter().find(|one| one.seq == began.seq).unwrap().status;
        assert_eq!(status, Status::TooLong);
        till.wait();
    }
    assert_eq!(listed(&till), [Standing::Freezing]);
}

#[test]
fn sectors_too_small_for_an_offer_are_told_before_anything_is_frozen() {
    let sandbox = sandbox();
    let mut ports = TestPorts::new(vec![]);
    let shape = Geometry { sector_size: 512, sector_count: 64, ..SHAPE };
    ports.storage.ram = RamStorage::new(vec![0xFF; 64 * 512].leak(), shape);
    let mut client = Client::new(config(&sandbox.gateway_url()), ports);
    client.open().unwrap();
    let error = client.redeem_begin(&order(PAGE)).unwrap_err();
    assert_eq!((error.status, error.what), (Status::TooLong, "redeem"));
    assert_eq!(client.status().waiting, 0);
    // The longest there is, in sectors twice as long.
    let mut ports = TestPorts::new(vec![]);
    let shape = Geometry { sector_size: 1024, ..shape };
    ports.storage.ram = RamStorage::new(vec![0xFF; 64 * 1024].leak(), shape);
    let mut client = Client::new(config(&sandbox.gateway_url()), ports);
    client.open().unwrap();
    client.redeem_begin(&order(&format!("{PAGE}&x={}", "x".repeat(190)))).unwrap();
}
