//! Tokens and the merchants behind them, and payments: real requests, real refusals.

mod common;

use common::*;
use pointcard_sandbox::{Buyer, Sandbox};
use serde_json::{Value, json};

fn ok(sandbox: &Sandbox, call: Call) -> Answer {
    let answer = call.send(sandbox).unwrap();
    assert!(answer.verifies() && answer.get("code") == "10000", "{}", answer.text());
    answer
}

fn refused(sandbox: &Sandbox, call: Call) -> (String, String) {
    let answer = call.send(sandbox).unwrap();
    assert!(answer.verifies() && answer.get("code") != "10000", "{}", answer.text());
    answer.codes()
}

fn deposit_as(token: &str, req_id: &str) -> Call {
    Call::new(UPDATE, &deposit(req_id, "t1")).with("app_auth_token", token)
}

fn dead() -> (String, String) {
    ("20001".into(), "aop.invalid-app-auth-token".into())
}

#[test]
fn merchants_share_nothing() {
    let sandbox = start();
    assert_eq!(sandbox.add_merchant("token-a").unwrap(), 1);
    assert_eq!(sandbox.add_merchant("token-b").unwrap(), 2);
    for call in [Call::new(UPDATE, &deposit("r", "t1")), deposit_as("token-a", "r")] {
        ok(&sandbox, call);
    }
    let counts = [0, 1, 2, 3].map(|merchant| sandbox.ledger_of(merchant).len());
    assert_eq!(counts, [1, 1, 0, 0], "the same req_id, for each of two");
    let b = Call::new(QUERY, &balance_of(USER)).with("app_auth_token", "token-b");
    assert_eq!(ok(&sandbox, b).get("total_points"), "0");
    let camp_id = ok(&sandbox, Call::new(CREATE, &point_send())).get("camp_id");
    let query = Call::new(QUERY_ACTIVITY, &json!({ "camp_id": camp_id }));
    ok(&sandbox, query.clone());
    let codes = refused(&sandbox, query.with("app_auth_token", "token-a"));
    assert_eq!(codes.1, "sandbox.no-such-activity");
}

#[test]
fn a_killed_token_is_refused_until_there_is_a_new_one() {
    let sandbox = start();
    sandbox.add_merchant("token-a").unwrap();
    ok(&sandbox, deposit_as("token-a", "r1"));
    sandbox.kill_token("token-a").unwrap();
    assert_eq!(refused(&sandbox, deposit_as("token-a", "r2")), dead());
    assert!(sandbox.kill_token("token-a").is_err());
    sandbox.give_token(1, "token-c").unwrap();
    assert_eq!(refused(&sandbox, deposit_as("token-a", "r2")), dead());
    ok(&sandbox, deposit_as("token-c", "r2"));
    assert_eq!(sandbox.ledger_of(1).len(), 2, "the merchant is the same");
    assert!(sandbox.give_token(9, "x").unwrap_err().contains("no merchant 9"));
}

#[test]
fn tokens_are_changed_from_outside_the_process_too() {
    let sandbox = start();
    let admin = |path: &str| post(&format!("{}{path}", sandbox.admin_url()), "").unwrap();
    assert_eq!(admin("/merchant?token=one").text(), "{\"merchant\":1}\n");
    ok(&sandbox, deposit_as("one", "r1"));
    assert_eq!(admin("/token/kill?token=one").status, 200);
    assert_eq!(refused(&sandbox, deposit_as("one", "r2")), dead());
    assert_eq!(admin("/token/give?token=two&merchant=1").status, 200);
    ok(&sandbox, deposit_as("two", "r2"));
    let lines = get(&format!("{}/ledger?merchant=1", sandbox.admin_url()));
    assert_eq!(lines.lines().count(), 2);
    let merchants = get(&format!("{}/merchants", sandbox.admin_url()));
    assert!(merchants.lines().count() == 2 && !merchants.contains("two"), "{merchants}");
    for (path, why) in [
        ("/token/kill?token=one", "no merchant has this token now"),
        ("/token/give?merchant=1", "token is missing"),
        ("/token/give?token=x&merchant=7", "no merchant 7"),
        ("/switch?name=claim_url&value=here", "claim_url is ext_info or config"),
        ("/switch?name=colour&value=red", "no switch"),
        ("/ledger", "no such path"),
    ] {
        let answer = admin(path);
        assert!(answer.status >= 400 && answer.text().contains(why), "{path}: {}", answer.text());
    }
    assert_eq!(admin("/switch?name=token_once&value=false").status, 200);
    let switches = get(&format!("{}/switches", sandbox.admin_url()));
    assert!(switches.contains(r#""token_once":false"#), "{switches}");
}

fn exchange_code(code: &str) -> Call {
    Call::new(TOKEN, &json!({ "grant_type": "authorization_code", "code": code }))
}

fn refresh(token: &str) -> Call {
    Call::new(TOKEN, &json!({ "grant_type": "refresh_token", "refresh_token": token }))
}

#[test]
fn a_consent_becomes_a_pair_and_a_refresh_the_next() {
    let sandbox = start();
    let merchant = sandbox.add_merchant("by hand").unwrap();
    let code = sandbox.consent(merchant).unwrap();
    let first = ok(&sandbox, exchange_code(&code)).node();
    assert_eq!(
        (&first["expires_in"], &first["re_expires_in"]),
        (&json!(31536000), &json!(32140800))
    );
    assert_eq!(first["tokens"][0]["app_auth_token"], first["app_auth_token"]);
    assert!(first["user_id"].as_str().unwrap().starts_with("2088"));
    let text = |node: &Value, name: &str| node[name].as_str().unwrap().to_owned();
    let (token, old) = (text(&first, "app_auth_token"), text(&first, "app_refresh_token"));
    assert_eq!((token.len(), old.len()), (40, 40));
    assert_eq!(refused(&sandbox, deposit_as("by hand", "r")), dead());
    ok(&sandbox, deposit_as(&token, "r1"));
    assert_eq!(refused(&sandbox, exchange_code(&code)).1, "sandbox.code-invalid");

    let second = ok(&sandbox, refresh(&old)).node();
    assert_eq!(refused(&sandbox, deposit_as(&token, "r2")), dead());
    ok(&sandbox, deposit_as(&text(&second, "app_auth_token"), "r2"));
    let lost = ok(&sandbox, refresh(&old)).node();
    assert_ne!(lost["app_auth_token"], second["app_auth_token"], "as if the answer had been lost");
    sandbox.switch(|switches| switches.old_refresh_works = false);
    assert_eq!(refused(&sandbox, refresh(&old)).1, "sandbox.refresh-token-invalid");
    sandbox.switch(|switches| switches.seconds_as_number = false);
    let third = ok(&sandbox, refresh(&text(&lost, "app_refresh_token"))).node();
    assert_eq!(third["expires_in"], "31536000");
    assert_eq!(sandbox.ledger_of(merchant).len(), 2);
}

#[test]
fn a_token_is_asked_about() {
    let sandbox = start();
    sandbox.add_merchant("token-a").unwrap();
    let ask = |token: &str| Call::new(TOKEN_QUERY, &json!({ "app_auth_token": token }));
    let node = ok(&sandbox, ask("token-a")).node();
    assert_eq!((&node["status"], &node["expires_in"]), (&json!("valid"), &json!(31536000)));
    assert!(node["auth_start"].as_str() < node["auth_end"].as_str());
    sandbox.kill_token("token-a").unwrap();
    assert_eq!(ok(&sandbox, ask("token-a")).get("status"), "invalid");
    assert_eq!(refused(&sandbox, ask("never")).1, "sandbox.no-such-token");
}

#[test]
fn calls_about_tokens_act_for_nobody_and_are_checked() {
    let sandbox = start();
    sandbox.add_merchant("token-a").unwrap();
    let with = refresh("x").with("app_auth_token", "token-a");
    for (call, named) in [
        (with, "app_auth_token"),
        (Call::new(TOKEN, &json!({ "grant_type": "password" })), "grant_type"),
        (Call::new(TOKEN, &json!({ "grant_type": "refresh_token", "code": "1" })), "refresh_token"),
        (
            Call::new(
                TOKEN,
                &json!({ "grant_type": "refresh_token", "code": "1", "refresh_token": "2" }),
            ),
            "code does not belong",
        ),
        (exchange_code(&"1".repeat(41)), "code is over 40"),
    ] {
        let answer = call.send(&sandbox).unwrap();
        assert_eq!(answer.get("sub_code"), "isv.invalid-parameter");
        assert!(answer.get("sub_msg").contains(named), "{}", answer.text());
    }
}

fn payment(out_trade_no: &str) -> Value {
    json!({
        "out_trade_no": out_trade_no, "scene": "bar_code", "auth_code": "286667123412341234",
        "subject": "午餐", "total_amount": "88.88",
    })
}

#[test]
fn a_payment_names_its_buyer_and_amount() {
    let sandbox = start();
    let paid = ok(&sandbox, Call::new(PAY, &payment("o1"))).node();
    assert_eq!(paid["buyer_user_id"], "2088123412341234");
    assert_eq!((&paid["total_amount"], &paid["out_trade_no"]), (&json!("88.88"), &json!("o1")));
    assert_eq!(paid["trade_no"].as_str().unwrap().len(), 28);
    let query = Call::new(TRADE_QUERY, &json!({ "trade_no": paid["trade_no"] }));
    let asked = ok(&sandbox, query.clone()).node();
    assert_eq!(
        (&asked["trade_status"], &asked["trade_no"]),
        (&json!("TRADE_SUCCESS"), &paid["trade_no"])
    );
    sandbox.switch(|switches| switches.buyer = Buyer::OpenId);
    let today = ok(&sandbox, query).node();
    assert!(today.get("buyer_user_id").is_none() && today["buyer_open_id"].is_string());
    assert_eq!(refused(&sandbox, Call::new(PAY, &payment("o1"))).1, "ACQ.TRADE_HAS_SUCCESS");
    let none = Call::new(TRADE_QUERY, &json!({ "out_trade_no": "o9" }));
    assert_eq!(refused(&sandbox, none).1, "ACQ.TRADE_NOT_EXIST");
}

#[test]
fn a_buyer_who_hesitates_is_waited_for() {
    let sandbox = start();
    sandbox.switch(|switches| switches.pay_waits = true);
    let answer = Call::new(PAY, &payment("o1")).send(&sandbox).unwrap();
    assert!(answer.verifies() && answer.codes() == ("10003".into(), String::new()));
    let query = || Call::new(TRADE_QUERY, &json!({ "out_trade_no": "o1" }));
    assert_eq!(ok(&sandbox, query()).get("trade_status"), "WAIT_BUYER_PAY");
    sandbox.switch(|switches| switches.pay_waits = false);
    assert_eq!(ok(&sandbox, query()).get("trade_status"), "TRADE_SUCCESS");
    for (name, value) in [
        ("total_amount", "0.00"),
        ("total_amount", "1.234"),
        ("total_amount", "1e3"),
        ("total_amount", "-1"),
        ("auth_code", "2088"),
        ("auth_code", "1866671234123412"),
        ("scene", "card"),
        ("subject", ""),
    ] {
        let mut biz = payment("o2");
        biz[name] = value.into();
        let answer = Call::new(PAY, &biz).send(&sandbox).unwrap();
        assert!(answer.get("sub_msg").contains(name), "{name}={value}: {}", answer.text());
    }
}
