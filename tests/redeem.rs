//! Redemption over real sockets: freeze, token, link, the sandbox's claim page and postman, COMMIT.
//! What can go wrong at every single write is `redeem_model`'s business.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod till;
}
#[path = "interop/mail.rs"]
mod mail;

use common::till::{ACCOUNT, Till, USER, config, key, sandbox};
use mail::Mailbox;
use pointcard::client::redeem::{Filed, Standing};
use pointcard::crypto::{PublicKey, Scratch};
use pointcard::gateway::SignType;
use pointcard::gateway::notify::{self, Message};
use pointcard::points::redeem::Redeem;
use pointcard::points::redeem_text::TEXT_MAX;
use pointcard::points::sync::{redeem, resume};
use pointcard::queue::Cursor;
use pointcard::status::{Error, Result, Status};
use pointcard::text::Writer;
use pointcard_sandbox::{Claim, Fault, Sandbox, Way};

const PRIZE: &str = "20160527000000000682853000153366";

fn order(out_biz_no: &str) -> Redeem<'_> {
    Redeem {
        out_biz_no,
        user_id: USER,
        points: 10,
        prize_id: PRIZE,
        link_base: r#"{"URL_WITH_TOKEN":"https://render.alipay.com/p/z/pointset/index.html?itemId=1"}"#,
        ..Redeem::default()
    }
}

fn start(till: &mut Till, out_biz_no: &str) -> Result<String> {
    let (mut room, order) = ([0; 1024], order(out_biz_no));
    let mut link = Writer::new(&mut room);
    let Till { client, transport, io, .. } = till;
    redeem(client, transport, io, &order, &mut link, 2_000)?;
    Ok(link.finish_str()?.to_owned())
}

fn again(till: &mut Till, out_biz_no: &str) -> Result<String> {
    let mut room = [0; 1024];
    let mut link = Writer::new(&mut room);
    let Till { client, transport, io, .. } = till;
    resume(client, transport, io, out_biz_no, &mut link, 2_000)?;
    Ok(link.finish_str()?.to_owned())
}

fn about(error: Error) -> (Status, &'static str) {
    (error.status, error.what)
}

/// A till whose shopper has ten points.
fn rich(sandbox: &Sandbox) -> Till {
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("trade");
    assert_eq!(till.sync().accepted, 1);
    till
}

fn listed(till: &Till) -> Vec<(String, Standing)> {
    let (mut client, mut cursor) = (till.client.borrow_mut(), Cursor::default());
    let mut lines = vec![];
    while let Some(line) = client.redeem_list(&mut cursor).unwrap() {
        lines.push((line.out_biz_no.to_owned(), line.standing));
    }
    lines
}

fn kinds(sandbox: &Sandbox) -> Vec<String> {
    sandbox.ledger().into_iter().map(|line| line.order.trans_type).collect()
}

fn query<'l>(link: &'l str, name: &str) -> &'l str {
    let value = link.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("{name} in {link}"))
}

/// The shopper opens the link and takes the coupon.
fn claim(sandbox: &Sandbox, link: &str, notify_url: &str) {
    let claim = Claim {
        out_biz_no: query(link, "outBizNo").into(),
        token: query(link, "token").into(),
        user_id: query(link, "buyerId").into(),
        notify_url: Some(notify_url.into()),
        ..Claim::default()
    };
    sandbox.claim(&claim).unwrap();
}

/// The message is verified with Alipay's key, then filed.
fn deliver(till: &Till, form: &str) -> Filed {
    let (mut room, mut public, mut scratch) =
        (vec![0; form.len()], PublicKey::new(), Scratch::new());
    public.load(key("alipay2048.pub.b64").as_bytes(), &mut scratch).unwrap();
    let message = notify::read(form.as_bytes(), &mut room).unwrap();
    let verified = message.verify(SignType::Rsa2, &public, &mut scratch).unwrap();
    let Ok(Message::Coupon(coupon)) = verified.message() else { panic!("{form}") };
    till.client.borrow_mut().redeem_commit(&coupon).unwrap()
}

#[test]
fn a_coupon_is_claimed_told_and_committed_once() {
    for way in [Way::Same, Way::Error, Way::Forget, Way::BizNo] {
        let (sandbox, mail) = (sandbox(), Mailbox::open());
        sandbox.repeat(way);
        let mut till = rich(&sandbox);
        let link = start(&mut till, "offer-1").unwrap();
        assert_eq!(start(&mut till, "offer-1").unwrap(), link, "the same call, the same link");
        assert_eq!(query(&link, "itemId"), "1");
        let report = till.sync();
        assert_eq!((report.sent, report.held, report.waiting), (0, 0, 1), "it rests");
        assert!(report.retry_in_ms > 1_000, "and nobody has to call at once");
        claim(&sandbox, &link, &mail.url);
        let form = mail.next();
        assert_eq!(deliver(&till, &form), Filed::Joined);
        // A restart between message and COMMIT.
        let url = sandbox.gateway_url();
        let mut till = till.reopen(config(&url));
        assert_eq!(till.sync().accepted, 1, "{way:?} {}", till.complaint());
        assert_eq!(deliver(&till, &form), Filed::Joined, "told again");
        assert_eq!(till.sync().sent, 0);
        assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "COMMIT"], "{way:?}");
        let ledger = sandbox.ledger();
        assert_eq!(ledger[2].order.biz_no.as_ref(), Some(&ledger[1].point_log_no));
        assert_eq!(ledger[1].order.memo.as_deref(), Some("offer-1"));
        let balance = sandbox.balance(USER, ACCOUNT);
        assert_eq!((balance.available, balance.freezed), (0, 0));
        assert_eq!(listed(&till), [("offer-1".into(), Standing::Done)]);
    }
}

#[test]
fn an_offline_till_is_told_so_and_goes_on_later() {
    let sandbox = sandbox();
    let till = rich(&sandbox);
    let url = sandbox.gateway_url();
    sandbox.down();
    // Without the connection it had: what goes into one that is being closed may have arrived.
    let mut till = till.reopen(config(&url));
    let offline = start(&mut till, "offer-1").unwrap_err();
    assert_eq!(about(offline), (Status::Transport, "transport"));
    assert_eq!(listed(&till), [("offer-1".into(), Standing::Freezing)]);
    assert_eq!(till.sync().sent, 0, "what was not sent is nobody's business but the caller's");
    let mut till = till.reopen(config(&url));
    sandbox.up();
    let link = again(&mut till, "offer-1").unwrap();
    assert_eq!(query(&link, "outBizNo"), "offer-1");
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE"]);
}

#[test]
fn a_lost_freeze_is_repeated_and_released_if_nobody_comes_back() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    assert_eq!(start(&mut till, "offer-1").unwrap_err().status, Status::Unknown);
    assert_eq!(sandbox.balance(USER, ACCOUNT).freezed, 10);
    till.client.borrow_mut().redeem_cancel("offer-1", false).unwrap();
    till.wait();
    let report = till.sync();
    assert_eq!(report.accepted, 2, "FREEZE again, then CANCEL: {}", till.complaint());
    assert_eq!(sandbox.balance(USER, ACCOUNT).freezed, 0);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "CANCEL"]);
    assert_eq!(listed(&till), [], "no link was shown: nothing to remember");
    let over = start(&mut till, "offer-1").unwrap_err();
    assert_eq!(about(over), (Status::BadState, "redeem.out_biz_no"));
}

#[test]
fn a_lost_freeze_whose_repeat_is_refused_is_listed_with_its_ids() {
    let sandbox = sandbox();
    sandbox.repeat(Way::Error);
    let mut till = rich(&sandbox);
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    assert_eq!(start(&mut till, "offer-1").unwrap_err().status, Status::Unknown);
    assert_eq!(start(&mut till, "offer-1").unwrap_err().status, Status::Uncertain);
    let (mut client, mut cursor) = (till.client.borrow_mut(), Cursor::default());
    let line = client.redeem_list(&mut cursor).unwrap().unwrap();
    assert_eq!((line.standing, line.uncertain, line.points), (Standing::Uncertain, true, 10));
    assert_eq!((line.out_biz_no, line.user_id), ("offer-1", USER));
    assert_eq!(line.req_id, sandbox.ledger()[1].order.req_id);
    assert_eq!(line.sub_code, "sandbox.req-id-repeated");
    assert_eq!(client.redeem_cancel("offer-1", false).unwrap_err().status, Status::BadState);
    client.redeem_cancel("offer-1", true).unwrap();
    assert!(client.redeem_list(&mut Cursor::default()).unwrap().is_none());
}

#[test]
fn too_few_points_are_an_answer_not_an_entry() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    assert_eq!(start(&mut till, "offer-1").unwrap_err().status, Status::Rejected);
    assert_eq!(listed(&till), []);
    assert_eq!(till.client.borrow().status().dead, 0);
}

#[test]
fn a_prize_that_is_refused_releases_the_points() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    // FREEZE goes through, its answer is lost; the repeat is a sync's.
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    assert_eq!(start(&mut till, "offer-1").unwrap_err().status, Status::Unknown);
    till.wait();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(listed(&till), [("offer-1".into(), Standing::Frozen)]);
    sandbox.fault(Fault::Reject { sub_code: "PRIZE_NOT_FOUND".into() }, 1);
    assert_eq!(again(&mut till, "offer-1").unwrap_err().status, Status::Rejected);
    assert_eq!(listed(&till), [("offer-1".into(), Standing::Cancelling)]);
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(sandbox.balance(USER, ACCOUNT).available, 10);
}

/// The message comes before the offer, to a server that serves many tills.
#[test]
fn a_server_joins_what_came_early() {
    let (sandbox, mail) = (sandbox(), Mailbox::open());
    let mut till = rich(&sandbox);
    let mut server = Till::new(&sandbox.gateway_url());
    let link = start(&mut till, "offer-1").unwrap();
    let (mut text, mut receipt) = ([0; TEXT_MAX], [0; TEXT_MAX]);
    let text =
        till.client.borrow_mut().redeem_export("offer-1", "hq", &mut text).unwrap().to_owned();
    assert!(text.len() <= 784, "{}", text.len());
    assert_eq!(again(&mut till, "offer-1").unwrap_err().status, Status::BadState);
    claim(&sandbox, &link, &mail.url); // By whoever saw the link before it was handed over.
    let form = mail.next();
    assert_eq!(deliver(&server, &form), Filed::Stored);
    assert_eq!(deliver(&server, &form), Filed::Stored);
    assert_eq!(listed(&server), [("offer-1".into(), Standing::Claim)]);
    assert_eq!(server.sync().sent, 0);
    let import = |server: &Till, receipt: &mut [u8]| {
        server.client.borrow_mut().redeem_import(&text, "hq", receipt).map(str::to_owned)
    };
    let first = import(&server, &mut receipt).unwrap();
    assert_eq!(server.sync().accepted, 1, "{}", server.complaint());
    assert_eq!(import(&server, &mut receipt).unwrap(), first, "the receipt again");
    assert_eq!(listed(&server), [("offer-1".into(), Standing::Done)]);
    till.client.borrow_mut().redeem_handed_over(&first).unwrap();
    assert_eq!(again(&mut till, "offer-1").unwrap(), link);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "COMMIT"]);
}

#[test]
fn a_text_is_for_one_queue_and_of_one_key() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    let server = Till::new(&sandbox.gateway_url());
    start(&mut till, "offer-1").unwrap();
    let (mut room, mut receipt) = ([0; TEXT_MAX], [0; TEXT_MAX]);
    let text =
        till.client.borrow_mut().redeem_export("offer-1", "hq", &mut room).unwrap().to_owned();
    let mut refused = |text: &str, me: &str| {
        about(server.client.borrow_mut().redeem_import(text, me, &mut receipt).unwrap_err())
    };
    assert_eq!(refused(&text, "other"), (Status::Argument, "text.to"));
    for at in [10, 100, text.len() - 10] {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let (status, _) = refused(std::str::from_utf8(&bytes).unwrap(), "hq");
        assert!(matches!(status, Status::Signature | Status::Malformed), "{at}: {status:?}");
    }
    assert_eq!(refused(&text[..text.len() - 1], "hq").0, Status::Malformed);
    assert_eq!(listed(&server), []);
    // Given up at the till: a receipt that comes after is too late, and no link is shown.
    let mut room = [0; TEXT_MAX];
    let late = server.client.borrow_mut().redeem_import(&text, "hq", &mut room).unwrap().to_owned();
    till.client.borrow_mut().redeem_cancel("offer-1", true).unwrap();
    till.sync();
    let refused = till.client.borrow_mut().redeem_handed_over(&late).unwrap_err();
    assert!(matches!(refused.status, Status::BadState | Status::NotFound), "{refused}");
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "CANCEL"]);
}

/// Sales that wait for the line stand before the offer; it is reached all the same.
#[test]
fn an_offer_is_not_lost_behind_a_long_queue() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    for number in 0..70 {
        till.sell(&format!("waiting-{number}"));
    }
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    assert_eq!(start(&mut till, "offer-0").unwrap_err().status, Status::Unknown);
    for number in 70..80 {
        till.sell(&format!("waiting-{number}"));
    }
    let link = start(&mut till, "offer-0").unwrap();
    assert_eq!(query(&link, "outBizNo"), "offer-0");
    let cancelled = till.client.borrow_mut().redeem_cancel("offer-0", true);
    cancelled.unwrap();
    till.wait();
    let report = till.sync();
    assert_eq!((report.accepted, report.unknown), (81, 0), "{}", till.complaint());
    assert_eq!(sandbox.balance(USER, ACCOUNT).available, 810);
}
