//! For whom a session speaks: several merchants on one till, each with its own token.
//!
//! Over real HTTP, against `common::gate`, which checks every request's signature with another RSA
//! and signs its answers with it.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod gate;
    pub mod till;
}

use common::gate::{Answer, Gate};
use common::till::{TestPorts, Till, USER, config, leak, memory};
use pointcard::client::call::Call;
use pointcard::client::{Client, Config, Merchant, PROFILES_MAX};
use pointcard::gateway::points::Update;
use pointcard::outcome::Verdict;
use pointcard::points::refund::Refund;
use pointcard::points::sale::Sale;
use pointcard::points::sync::{call as call_sync, query};
use pointcard::queue::RECENT;
use pointcard::status::{Error, Status};
use std::sync::{Arc, Mutex};

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

/// A gateway for which these tokens are good, and no others; without a token all is well.
fn knowing(tokens: &Arc<Mutex<Vec<&'static str>>>) -> Gate {
    let tokens = Arc::clone(tokens);
    let mut log_no = 0;
    Gate::start(move |params| {
        let token = params.get("app_auth_token");
        if !token.is_empty() && !tokens.lock().unwrap().contains(&token) {
            return Answer::refused("20001", "aop.invalid-app-auth-token");
        }
        log_no += 1;
        Answer::booked(log_no)
    })
}

fn good(tokens: &[&'static str]) -> Arc<Mutex<Vec<&'static str>>> {
    Arc::new(Mutex::new(tokens.to_vec()))
}

fn with_merchants(gate: &Gate, merchants: &[Merchant<'static>]) -> Config<'static> {
    let merchants: &'static [Merchant<'static>] = Box::leak(merchants.to_vec().into_boxed_slice());
    Config { merchants, ..config(&gate.url) }
}

fn sell(till: &Till, merchant: &str, biz_no: &str) {
    let sale = Sale { user_id: USER, biz_no, points: 1, merchant, ..Sale::default() };
    till.accrue(&sale).unwrap_or_else(|e| panic!("{merchant} {biz_no}: {e}"));
}

fn refused(config: Config<'static>) -> Error {
    Client::new(config, TestPorts::new(memory())).open().unwrap_err()
}

#[test]
fn each_merchants_sale_carries_its_own_token_account_and_shop() {
    let gate = knowing(&good(&["token-a", "token-b"]));
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    for merchant in ["", A.merchant, B.merchant, A.merchant] {
        sell(&till, merchant, &format!("trade{merchant}{}", till.states().len()));
    }
    let report = till.sync();
    assert_eq!((report.accepted, report.waiting, report.paused), (4, 0, 0));
    assert_eq!(gate.each("app_auth_token"), ["", "token-a", "token-b", "token-a"]);
    let content = gate.each("biz_content");
    assert!(content[0].contains("\"activity_account\":\"392016"), "{content:?}");
    assert!(
        content[1].contains("\"activity_account\":\"account-a\",") && content[1].contains("shop-a")
    );
    // The client's own shop is not lent to a merchant without one.
    assert!(content[2].contains("\"account-b\"") && !content[2].contains("shop_id"), "{content:?}");
}

#[test]
fn one_payment_number_of_two_merchants_is_two_sales() {
    let gate = knowing(&good(&["token-a", "token-b"]));
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    let account = Sale { activity_account: "shared", ..Sale::default() };
    let sale = Sale { user_id: USER, biz_no: "same", points: 1, ..account };
    let first = till.accrue(&Sale { merchant: A.merchant, ..sale }).unwrap();
    let second = till.accrue(&Sale { merchant: B.merchant, ..sale }).unwrap();
    assert_ne!(first.req_id, second.req_id);
    assert!(!second.duplicate);
    assert_eq!(till.sync().accepted, 2);
}

#[test]
fn a_refused_token_pauses_its_merchant_alone_until_it_is_set() {
    let tokens = good(&["token-b"]);
    let gate = knowing(&tokens);
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    for (number, merchant) in [A.merchant, B.merchant, A.merchant, ""].iter().enumerate() {
        sell(&till, merchant, &format!("trade{number}"));
    }
    let report = till.sync();
    assert_eq!((report.sent, report.accepted, report.deferred), (3, 2, 1));
    assert_eq!((report.waiting, report.paused, report.held), (2, 2, 0));
    assert_eq!(report.paused_merchant.as_str(), A.merchant);
    // Not before a token is set, however long that takes; and sales of others go on.
    for day in 0..3 {
        till.wait();
        sell(&till, B.merchant, &format!("day{day}"));
        let report = till.sync();
        assert_eq!((report.sent, report.accepted, report.paused), (1, 1, 2));
    }
    tokens.lock().unwrap().push("token-a2");
    till.client.borrow_mut().set_token(A.merchant, "token-a2").unwrap();
    let report = till.sync();
    assert_eq!((report.accepted, report.waiting, report.paused), (2, 0, 0));
    assert!(report.paused_merchant.is_empty());
    let sent = gate.each("app_auth_token");
    assert_eq!(sent.iter().filter(|token| *token == "token-a").count(), 1, "{sent:?}");
    // The refused attempt was certainly not executed: it raises no doubt later.
    let entry = till.outcomes.iter().rfind(|outcome| outcome.seq == 1).unwrap();
    assert_eq!((entry.verdict, entry.attempts), (Verdict::Accepted, 1));
}

#[test]
fn a_refusal_of_an_older_token_pauses_nobody() {
    let tokens = good(&["new"]);
    let gate = knowing(&tokens);
    let mut till = Till::over(memory(), with_merchants(&gate, &[A]));
    sell(&till, A.merchant, "trade");
    let mut io = vec![0; pointcard::client::IO_SIZE];
    let mut answer = vec![0; pointcard::client::ANSWER_MAX];
    let (exchange, http) = {
        let mut client = till.client.borrow_mut();
        let step = client.next_request(&mut io).unwrap().unwrap();
        use pointcard::port::Transport;
        let http = till.transport.exchange(&step.request, &mut answer, 5_000).unwrap();
        (step.exchange, http)
    };
    // The new token comes while the old one's refusal is on its way.
    let mut client = till.client.borrow_mut();
    client.set_token(A.merchant, "new").unwrap();
    let outcome = client.on_response(exchange, &http, &answer[..http.body_len]).unwrap();
    drop(client);
    assert_eq!((outcome.verdict, outcome.status), (Verdict::Deferred, Status::Token));
    let report = till.sync();
    assert_eq!((report.accepted, report.paused), (1, 0));
    assert_eq!(gate.each("app_auth_token"), ["token-a", "new"]);
}

#[test]
fn a_merchant_without_a_token_sends_nothing_until_it_has_one() {
    let gate = knowing(&good(&["late"]));
    let mut till =
        Till::over(memory(), with_merchants(&gate, &[Merchant { app_auth_token: "", ..A }]));
    sell(&till, A.merchant, "trade");
    assert_eq!((till.sync().sent, till.sync().paused), (0, 1));
    till.client.borrow_mut().set_token(A.merchant, "late").unwrap();
    assert_eq!(till.sync().accepted, 1);
}

#[test]
fn a_refund_is_its_merchants() {
    let gate = knowing(&good(&["token-b"]));
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    sell(&till, B.merchant, "trade");
    till.sync();
    let refund = Refund { biz_no: "trade", refund_no: "r", points: 1, ..Refund::default() };
    let refund_of = |merchant| till.client.borrow_mut().refund(&Refund { merchant, ..refund });
    let error = refund_of(A.merchant).unwrap_err();
    assert_eq!((error.status, error.what), (Status::NotFound, "refund.biz_no"));
    refund_of(B.merchant).unwrap();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(gate.each("app_auth_token"), ["token-b", "token-b"]);
    let content = gate.each("biz_content");
    assert!(content[1].contains("CONSUME") && content[1].contains("account-b"), "{content:?}");
}

/// Keys of the caller's own may be each merchant's own counter.
#[test]
fn a_refund_waits_for_its_own_merchants_sale_and_no_other() {
    let gate = Gate::start({
        let mut log_no = 0;
        move |params| {
            log_no += 1;
            match params.get("app_auth_token") == "token-b" {
                true => Answer::refused("40004", "USER_NOT_EXIST"),
                false => Answer::booked(log_no),
            }
        }
    });
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    let sale = Sale { user_id: USER, req_id: "1001", points: 1, ..Sale::default() };
    till.accrue(&Sale { merchant: A.merchant, biz_no: "trade-a", ..sale }).unwrap();
    for number in 0..RECENT {
        sell(&till, A.merchant, &format!("other-{number}"));
    }
    till.accrue(&Sale { merchant: B.merchant, biz_no: "trade-b", ..sale }).unwrap();
    assert_eq!(till.sync().rejected, 1);
    let refund = Refund {
        merchant: A.merchant,
        biz_no: "trade-a",
        req_id: "1001",
        refund_no: "r",
        points: 1,
        ..Refund::default()
    };
    till.client.borrow_mut().refund(&refund).unwrap();
    assert_eq!(till.sync().sent, 1, "B's letter says nothing about A's sale");
    assert!(gate.each("biz_content").last().unwrap().contains("CONSUME"));
}

/// A call would be made in the app's own name, and move somebody else's points.
#[test]
fn a_merchant_without_a_token_is_not_called_for() {
    let gate = knowing(&good(&["late", "given"]));
    let mut till =
        Till::over(memory(), with_merchants(&gate, &[Merchant { app_auth_token: "", ..A }]));
    let Till { client, transport, io, .. } = &mut till;
    let update = Update::consume("req1", USER, "account-a", 7);
    let mut ask = |token| {
        let call = Call { merchant: A.merchant, app_auth_token: token, ..Call::default() };
        call_sync(client, transport, io, &call, &update, 0).map(|answered| answered.verdict)
    };
    let error = ask(None).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Missing, "app_auth_token"));
    assert_eq!(ask(Some("given")), Ok(Verdict::Accepted));
    assert_eq!(ask(Some("")), Ok(Verdict::Accepted), "who says so means it");
    let error = query(client, transport, io, USER, "account-a", 0).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Missing, "app_auth_token"));
    client.borrow_mut().set_token(A.merchant, "late").unwrap();
    query(client, transport, io, USER, "account-a", 0).unwrap();
    assert_eq!(gate.each("app_auth_token"), ["given", "", "late"]);
}

#[test]
fn a_merchant_that_is_no_longer_configured_is_held() {
    let gate = knowing(&good(&["token-a", "token-b"]));
    let till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    sell(&till, A.merchant, "trade-a");
    sell(&till, B.merchant, "trade-b");
    let mut till = till.reopen(with_merchants(&gate, &[B]));
    let report = till.sync();
    assert_eq!((report.accepted, report.held, report.waiting), (1, 1, 1));
    assert_eq!(gate.each("app_auth_token"), ["token-b"]);
    let mut till = till.reopen(with_merchants(&gate, &[A]));
    assert_eq!(till.sync().accepted, 1);
}

#[test]
fn a_window_full_of_paused_sales_stops_nobody() {
    let tokens = good(&["token-b"]);
    let gate = knowing(&tokens);
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    for number in 0..70 {
        sell(&till, A.merchant, &format!("a{number}"));
    }
    for number in 0..5 {
        sell(&till, B.merchant, &format!("b{number}"));
    }
    for _ in 0..5 {
        till.sync();
        till.wait();
    }
    assert_eq!(till.client.borrow().status().waiting, 70);
    tokens.lock().unwrap().push("token-a");
    till.client.borrow_mut().set_token(A.merchant, "token-a").unwrap();
    for _ in 0..5 {
        till.sync();
        till.wait();
    }
    let status = till.client.borrow().status();
    assert_eq!((status.waiting, status.sent_unknown, status.dead), (0, 0, 0));
}

/// Thousands of paused entries in front, more than the store could ever hold twice; a sale of
/// somebody else's goes out in the very next sync, and so does one among them.
#[test]
fn thousands_of_paused_sales_do_not_delay_the_next_merchants() {
    let tokens = good(&["token-b"]);
    let gate = knowing(&tokens);
    let mut till = Till::over(vec![0xFF; 320 * 4096], with_merchants(&gate, &[A, B]));
    for number in 0..3000 {
        let merchant = if number == 1500 { B.merchant } else { A.merchant };
        sell(&till, merchant, &format!("a{number}"));
    }
    sell(&till, B.merchant, "last");
    let report = till.sync();
    assert_eq!((report.accepted, report.deferred, report.paused), (2, 1, 2999));
    // Paused now; its sales are recorded, and those of others pass them every time.
    for day in 0..20 {
        till.wait();
        sell(&till, A.merchant, &format!("more{day}"));
        sell(&till, B.merchant, &format!("b{day}"));
        let report = till.sync();
        assert_eq!((report.sent, report.accepted, report.waiting), (1, 1, 3000 + day));
    }
    tokens.lock().unwrap().push("token-a");
    till.client.borrow_mut().set_token(A.merchant, "token-a").unwrap();
    let sold = till.sync().accepted;
    assert!(sold > 0 && till.client.borrow().status().waiting == 3019 - sold);
}

/// The store is full of a paused merchant's sales: they are refused, others are not.
#[test]
fn a_paused_merchant_cannot_fill_the_store_for_others() {
    let gate = knowing(&good(&["token-b"]));
    let unknown = Merchant { app_auth_token: "", ..A };
    let mut till = Till::over(memory(), with_merchants(&gate, &[unknown, B]));
    let sale = |number: u32| Sale {
        user_id: USER,
        points: 1,
        merchant: A.merchant,
        biz_no: leak(format!("a{number}")),
        ..Sale::default()
    };
    let mut held = 0;
    let refused = loop {
        match till.accrue(&sale(held)) {
            Ok(_) => held += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.status, Status::QueueFull);
    for number in 0..200 {
        sell(&till, B.merchant, &format!("b{number}"));
        let report = till.sync();
        assert_eq!((report.accepted, report.waiting), (1, held), "sale {number}");
    }
}

#[test]
fn the_clients_own_token_pauses_its_own_sales() {
    let gate = knowing(&good(&["token-a", "renewed"]));
    let own = Config { merchant: "2088own", app_auth_token: "old", ..with_merchants(&gate, &[A]) };
    let mut till = Till::over(memory(), own);
    sell(&till, "", "trade1");
    sell(&till, "2088own", "trade2");
    sell(&till, A.merchant, "trade3");
    let report = till.sync();
    assert_eq!((report.accepted, report.deferred, report.paused), (1, 1, 2));
    assert_eq!(report.paused_merchant.as_str(), "2088own");
    till.client.borrow_mut().set_token("", "renewed").unwrap();
    assert_eq!(till.sync().accepted, 2);
}

#[test]
fn a_balance_is_asked_for_with_the_token_of_the_accounts_merchant() {
    let node = r#"{"code":"10000","available_points":"7","freezed_points":"0","total_points":"7"}"#;
    let gate = Gate::start(move |_| Answer::signed(node));
    let mut till = Till::over(memory(), with_merchants(&gate, &[A, B]));
    for account in ["account-b", "", "nobodys"] {
        let Till { client, transport, io, .. } = &mut till;
        let outcome = query(client, transport, io, USER, account, 3_000).unwrap();
        assert_eq!(outcome.verdict, Verdict::Accepted, "{}", till.complaint());
    }
    assert_eq!(gate.each("app_auth_token"), ["token-b", "", ""]);
}

#[test]
fn merchants_are_checked_when_the_client_is_opened() {
    let gate = knowing(&good(&[]));
    let open = |merchants: &[Merchant<'static>]| {
        let error = refused(with_merchants(&gate, merchants));
        (error.status, error.what, error.at)
    };
    let nobody = Merchant { merchant: "", ..A };
    let spaced = Merchant { app_auth_token: "a b", ..B };
    assert_eq!(open(&[A, nobody]), (Status::Missing, "config.merchants.merchant", 1));
    assert_eq!(open(&[A, B, A]), (Status::Duplicate, "config.merchants", 2));
    assert_eq!(open(&[A, spaced]), (Status::Encoding, "config.merchants.app_auth_token", 1));
    let many: Vec<_> = (0..=PROFILES_MAX)
        .map(|number| Merchant { merchant: leak(format!("m{number}")), ..A })
        .collect();
    assert_eq!(open(&many), (Status::TooLong, "config.merchants", PROFILES_MAX as u32));
    Till::over(memory(), with_merchants(&gate, &many[..PROFILES_MAX]));
}

#[test]
fn unknown_merchants_and_bad_tokens_are_named() {
    let gate = knowing(&good(&[]));
    let till = Till::over(memory(), with_merchants(&gate, &[A]));
    let sale = Sale { user_id: USER, biz_no: "t", points: 1, merchant: "2088x", ..Sale::default() };
    let error = till.accrue(&sale).unwrap_err();
    assert_eq!((error.status, error.what), (Status::NotFound, "sale.merchant"));
    let mut client = till.client.borrow_mut();
    let long = "x".repeat(41);
    for (merchant, token, status, what) in [
        ("2088x", "t", Status::NotFound, "merchant"),
        (A.merchant, "", Status::Missing, "token"),
        (A.merchant, "a b", Status::Encoding, "token"),
        (A.merchant, &long, Status::TooLong, "token"),
    ] {
        let error = client.set_token(merchant, token).unwrap_err();
        assert_eq!((error.status, error.what), (status, what));
    }
    client.close();
    assert_eq!(client.set_token("", "t").unwrap_err().status, Status::BadState);
}

/// A sale that fits with the shortest token must fit with every later one.
#[test]
fn a_sale_never_becomes_too_long_by_a_new_token() {
    let token = "0123456789012345678901234567890123456789";
    let gate = knowing(&good(&[token]));
    let mut till = Till::over(memory(), with_merchants(&gate, &[A]));
    let longest = (0..3000).rev().find_map(|len| {
        let text = "集".repeat(len / 3) + &"x".repeat(len % 3);
        let sale =
            Sale { user_id: USER, biz_no: "t", points: 1, ext_info: &text, ..Sale::default() };
        till.accrue(&Sale { merchant: A.merchant, ..sale }).ok().map(|_| len)
    });
    assert!(longest.is_some_and(|len| len > 1000), "{longest:?}");
    till.client.borrow_mut().set_token(A.merchant, token).unwrap();
    let report = till.sync();
    assert_eq!((report.accepted, report.held), (1, 0), "{}", till.complaint());
}
