//! Redemption where it is seldom: entries that cannot be written, limits, letters put back, debts,
//! links and hand-overs whose time is over. Against the real sandbox, over sockets.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod coupon;
    pub mod till;
}

use common::coupon::coupon;
use common::till::{APP_ID, SHAPE, TestPorts, Till, USER, config, leak, memory, sandbox};
use pointcard::client::redeem::{Filed, Standing};
use pointcard::client::{Client, Config};
use pointcard::points::redeem::{
    CLAIM_LIFE_S, Claim, KIND_CLAIM, OFFER_MAX, Offer, RETRY_S, Redeem,
};
use pointcard::points::redeem_text::TEXT_MAX;
use pointcard::points::sync::redeem;
use pointcard::port::ram::RamStorage;
use pointcard::port::system::SystemClock;
use pointcard::port::{Clock, Geometry, Storage};
use pointcard::queue::{Cursor, ENTRY_MAX, EXPORT_MAX, Item, Level, Limits, Queue, Replace};
use pointcard::status::{Result, Status};
use pointcard::text::Writer;
use pointcard_sandbox::{Fault, Sandbox};

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

fn start(till: &mut Till) -> Result<String> {
    let mut room = [0; 1024];
    let mut link = Writer::new(&mut room);
    let Till { client, transport, io, .. } = till;
    redeem(client, transport, io, &order(PAGE), &mut link, 2_000)?;
    Ok(link.finish_str()?.to_owned())
}

/// A till whose shopper has ten points.
fn rich(sandbox: &Sandbox) -> Till {
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("trade");
    assert_eq!(till.sync().accepted, 1);
    till
}

fn deliver(till: &Till, notify_id: &str) -> Result<Filed> {
    till.client.borrow_mut().redeem_commit(&coupon(APP_ID, notify_id, NUMBER, USER))
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

/// The number of the first entry that stands there.
fn seq_of(till: &Till, standing: Standing) -> u64 {
    let (mut client, mut cursor) = (till.client.borrow_mut(), Cursor::default());
    while let Some(line) = client.redeem_list(&mut cursor).unwrap() {
        if line.standing == standing {
            return line.seq;
        }
    }
    panic!("nothing is {standing:?}");
}

fn kinds(sandbox: &Sandbox) -> Vec<String> {
    sandbox.ledger().into_iter().map(|line| line.order.trans_type).collect()
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

/// FREEZE of unknown end, then refused: a letter, of which nobody knows whether points are frozen.
fn letter(sandbox: &Sandbox) -> Till {
    let mut till = rich(sandbox);
    sandbox.fault(Fault::Unknown { booked: false }, 1);
    assert_eq!(start(&mut till).unwrap_err().status, Status::Unknown);
    till.wait();
    sandbox.fault(Fault::Reject { sub_code: "isv.test".into() }, 1);
    assert_eq!(till.sync().uncertain, 1, "{}", till.complaint());
    till
}

#[test]
fn an_id_too_long_to_be_kept_is_named_and_not_kept() {
    let sandbox = sandbox();
    let till = Till::new(&sandbox.gateway_url());
    // 128 characters, 384 bytes.
    let error = deliver(&till, &"集".repeat(128)).unwrap_err();
    assert_eq!((error.status, error.what, error.at), (Status::TooLong, "notify_id", 128));
    let error =
        till.client.borrow_mut().redeem_commit(&coupon(APP_ID, "n1", NUMBER, &"集".repeat(43)));
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

/// What was claimed stands in the backlog's lane, whose turns lie behind those of all sales.
#[test]
fn a_claimed_offer_waits_for_the_backlogs_turn_and_no_sale_waits_for_it() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    start(&mut till).unwrap();
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Joined));
    assert_eq!(till.client.borrow().status().backlog, 1);
    let window = loop {
        // A random part of a minute, which may be none.
        match till.client.borrow_mut().line_up() {
            0 => continue,
            wait => break wait,
        }
    };
    let report = till.sync();
    assert_eq!((report.sent, report.retry_in_ms), (0, window), "the backlog rests");
    till.sell("made-now");
    assert_eq!(till.sync().accepted, 1, "a sale does not");
    assert_eq!(till.last().seq, 3);
    assert_eq!(till.sync().sent, 0, "nor does it take the backlog along");
    till.wait_ms(window.into());
    assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
    assert_eq!(listed(&till), [Standing::Done]);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "DEPOSIT", "COMMIT"]);
}

#[test]
fn no_limit_refuses_a_message_about_a_coupon() {
    let sandbox = sandbox();
    let one = Level { warn: 1, refuse: 1 };
    let limits = Limits { count: one, age_s: one, points_total: one, ..Limits::NONE };
    let config = Config { limits, ..config(&sandbox.gateway_url()) };
    let till = Till::over(memory(), config);
    till.client.borrow_mut().set_limits(Limits::NONE).unwrap();
    till.sell("trade");
    till.client.borrow_mut().set_limits(limits).unwrap();
    let refused = till.try_sell("another").unwrap_err();
    assert_eq!((refused.status, refused.what), (Status::QueueFull, "limit.count"));
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Stored));
    assert_eq!(listed(&till), [Standing::Claim]);
}

/// A coupon is out for it: who puts its FREEZE back wants it sent, although nobody asks for a link.
#[test]
fn a_claimed_freeze_that_is_put_back_is_sent() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    let seq = till.client.borrow_mut().redeem_begin(&order(PAGE)).unwrap().seq;
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Joined));
    sandbox.fault(Fault::Reject { sub_code: "isv.test".into() }, 1);
    assert_eq!(start(&mut till).unwrap_err().status, Status::Rejected);
    assert_eq!(listed(&till), [Standing::Owed]);
    // Certainly refused: it stands there again as if it had never been sent.
    till.client.borrow_mut().requeue(seq, false).unwrap();
    assert_eq!(till.sync().accepted, 2, "{}", till.complaint());
    assert_eq!(listed(&till), [Standing::Done]);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "COMMIT"]);
}

/// A message that came for a letter is a debt, a person's. Told again after the letter was put back
/// it stays that debt: the offer is not spent for it as well.
#[test]
fn a_debt_is_not_spent_besides_when_its_message_comes_again() {
    let sandbox = sandbox();
    let mut till = letter(&sandbox);
    assert_eq!(listed(&till), [Standing::Uncertain]);
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Debt));
    let seq = seq_of(&till, Standing::Uncertain);
    till.client.borrow_mut().requeue(seq, true).unwrap();
    start(&mut till).unwrap();
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Debt), "as before");
    assert_eq!(till.sync().sent, 0, "nothing is spent for it");
    let mut standings = listed(&till);
    standings.sort_by_key(|standing| *standing as i32);
    assert_eq!(standings, [Standing::Authorised, Standing::Owed]);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE"]);
}

/// Two entries under one number: a person who has dealt with it has dealt with the debt.
#[test]
fn a_persons_word_is_about_the_debt_first() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    start(&mut till).unwrap();
    let other = coupon(APP_ID, "n2", NUMBER, "2088000000000002");
    let filed = till.client.borrow_mut().redeem_commit(&other);
    assert_eq!(filed, Ok(Filed::Debt));
    till.client.borrow_mut().redeem_cancel(NUMBER, true).unwrap();
    assert_eq!(listed(&till), [Standing::Authorised], "the offer needs a word of its own");
    till.client.borrow_mut().redeem_cancel(NUMBER, true).unwrap();
    assert_eq!(listed(&till), [Standing::Cancelling]);
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "CANCEL"]);
}

/// A message that waits for the new owner stands before the debt, and does not hide it.
#[test]
fn a_debt_is_found_behind_a_claim_that_waits() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    start(&mut till).unwrap();
    let other = coupon(APP_ID, "n2", NUMBER, "2088000000000002");
    assert_eq!(till.client.borrow_mut().redeem_commit(&other), Ok(Filed::Debt));
    till.client.borrow_mut().redeem_export(NUMBER, "hq", &mut [0; TEXT_MAX]).unwrap();
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Stored));
    assert_eq!(till.client.borrow_mut().redeem_commit(&other), Ok(Filed::Debt), "told again");
    assert_eq!(listed(&till), [Standing::Claim, Standing::Exported, Standing::Owed]);
    till.client.borrow_mut().redeem_cancel(NUMBER, true).unwrap();
    assert_eq!(listed(&till), [Standing::Claim, Standing::Exported]);
}

#[test]
fn an_export_shows_the_offer_and_not_its_token() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    let link = start(&mut till).unwrap();
    let token = link.split("token=").nth(1).unwrap().split('&').next().unwrap();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (seq, mut room) = (seq_of(&till, Standing::Authorised), [0; EXPORT_MAX]);
    let line = till.client.borrow_mut().export(seq, &mut room).unwrap().to_lowercase();
    assert!(line.contains(&hex(NUMBER)), "{line}");
    assert!(!token.is_empty() && !line.contains(&hex(token)), "{line}");
}

#[test]
fn there_is_no_link_when_its_time_is_over() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    let now = SystemClock.unix_time().unwrap(); // As the gateway's, or nobody believes it.
    till.clock.unix.set(Some(now));
    let link = start(&mut till).unwrap();
    let life = u64::from(CLAIM_LIFE_S) + u64::from(RETRY_S);
    till.clock.unix.set(Some(now + life - 1));
    assert_eq!(start(&mut till).unwrap(), link);
    till.clock.unix.set(Some(now + life));
    let late = till.client.borrow_mut().redeem_link(NUMBER, &mut Writer::new(&mut [0; 1024]));
    assert_eq!(late.unwrap_err().status, Status::BadState);
    assert_eq!(start(&mut till).unwrap_err().status, Status::BadState);
    // Sync releases the points.
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "CANCEL"]);
}

/// Handed over after its link was shown, given up here: a claim that comes late is still known.
#[test]
fn a_late_claim_of_an_offer_that_was_exported_is_spent() {
    let sandbox = sandbox();
    let mut till = rich(&sandbox);
    start(&mut till).unwrap();
    till.client.borrow_mut().redeem_export(NUMBER, "hq", &mut [0; TEXT_MAX]).unwrap();
    till.client.borrow_mut().redeem_cancel(NUMBER, true).unwrap();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(listed(&till), [Standing::Cancelled]);
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Joined));
    assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
    assert_eq!(listed(&till), [Standing::Done]);
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "CANCEL", "CONSUME"]);
}

/// Handed over in the last seconds: the link ends when the server releases the points, not later.
#[test]
fn a_link_ends_with_its_token_however_late_the_hand_over() {
    let sandbox = sandbox();
    let (mut till, mut server) = (rich(&sandbox), Till::new(&sandbox.gateway_url()));
    let now = SystemClock.unix_time().unwrap();
    till.clock.unix.set(Some(now));
    let link = start(&mut till).unwrap();
    let over = now + u64::from(CLAIM_LIFE_S) + u64::from(RETRY_S);
    let it_is = |till: &Till, server: &Till, time| {
        till.clock.unix.set(Some(time));
        server.clock.unix.set(Some(time));
    };
    it_is(&till, &server, over - 10);
    let (mut text, mut receipt) = ([0; TEXT_MAX], [0; TEXT_MAX]);
    let text = till.client.borrow_mut().redeem_export(NUMBER, "hq", &mut text).unwrap().to_owned();
    let receipt =
        server.client.borrow_mut().redeem_import(&text, "hq", &mut receipt).map(str::to_owned);
    till.client.borrow_mut().redeem_handed_over(&receipt.unwrap()).unwrap();
    assert_eq!((start(&mut till).unwrap(), listed(&till)), (link, vec![Standing::Handed]));
    it_is(&till, &server, over);
    assert_eq!(start(&mut till).unwrap_err().status, Status::BadState);
    assert_eq!((till.sync().sent, listed(&till)), (0, vec![]), "settled here");
    assert_eq!(server.sync().accepted, 1, "released there: {}", server.complaint());
    assert_eq!(kinds(&sandbox), ["DEPOSIT", "FREEZE", "CANCEL"]);
    assert_eq!(deliver(&till, "n1"), Ok(Filed::Stored), "and nobody forgets a message");
}
