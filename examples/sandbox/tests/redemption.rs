//! Freezing, committing, cancelling and spending: the state machine behind points.update.

mod common;

use common::*;
use pointcard_sandbox::{Balance, Config, Sandbox, Way};

/// A points.update of another type than DEPOSIT.
fn update(sandbox: &Sandbox, trans_type: &str, req_id: &str, biz_no: &str, amount: u64) -> Answer {
    let mut biz = deposit(req_id, biz_no);
    biz["trans_type"] = trans_type.into();
    biz["trans_amount"] = amount.to_string().into();
    biz["shop_id"] = "".into();
    let answer = Call::new(UPDATE, &biz).send(sandbox).unwrap();
    assert!(answer.verifies());
    answer
}

/// Somebody with ten points.
fn ten_points() -> Sandbox {
    let sandbox = start();
    Call::new(UPDATE, &deposit("d", "t")).send(&sandbox).unwrap();
    sandbox
}

fn holds(sandbox: &Sandbox, available: u128, freezed: u128) {
    let total = 10;
    assert_eq!(sandbox.balance(USER, ACCOUNT), Balance { available, freezed, total });
}

#[test]
fn freeze_then_commit_spends_and_cancel_gives_back() {
    let sandbox = ten_points();
    let first = update(&sandbox, "FREEZE", "f1", "", 4).get("point_log_no");
    let second = update(&sandbox, "FREEZE", "f2", "", 5).get("point_log_no");
    holds(&sandbox, 1, 9);
    assert_eq!(update(&sandbox, "COMMIT", "c1", &first, 4).get("code"), "10000");
    holds(&sandbox, 1, 5);
    assert_eq!(update(&sandbox, "CANCEL", "c2", &second, 5).get("code"), "10000");
    holds(&sandbox, 6, 0);
    assert_eq!(update(&sandbox, "CONSUME", "s1", "", 6).get("code"), "10000");
    holds(&sandbox, 0, 0);
}

#[test]
fn what_the_balance_or_the_freeze_does_not_allow_is_refused() {
    let sandbox = ten_points();
    let freeze = update(&sandbox, "FREEZE", "f", "", 4).get("point_log_no");
    let deposit = sandbox.ledger()[0].point_log_no.clone();
    for (trans_type, biz_no, amount, says) in [
        ("CONSUME", "", 7, "sandbox.not-enough-points"),
        ("FREEZE", "", 7, "sandbox.not-enough-points"),
        ("COMMIT", "0", 4, "sandbox.no-such-freeze"),
        ("COMMIT", deposit.as_str(), 10, "sandbox.no-such-freeze"),
        ("COMMIT", freeze.as_str(), 3, "sandbox.freeze-other-amount"),
        ("CANCEL", freeze.as_str(), 5, "sandbox.freeze-other-amount"),
    ] {
        let answer = update(&sandbox, trans_type, "x", biz_no, amount);
        assert_eq!(answer.codes(), ("40004".into(), says.into()), "{trans_type}");
    }
    holds(&sandbox, 6, 4);
    update(&sandbox, "COMMIT", "c", &freeze, 4);
    for trans_type in ["COMMIT", "CANCEL"] {
        let answer = update(&sandbox, trans_type, trans_type, &freeze, 4);
        assert_eq!(answer.get("sub_code"), "sandbox.freeze-settled");
    }
    holds(&sandbox, 6, 0);
}

#[test]
fn a_freeze_is_settled_by_its_owner_only() {
    let sandbox = ten_points();
    let freeze = update(&sandbox, "FREEZE", "f", "", 4).get("point_log_no");
    let mut biz = deposit("c", &freeze);
    biz["user_id"] = "2088000000000000".into();
    biz["trans_type"] = "COMMIT".into();
    biz["trans_amount"] = "4".into();
    biz["shop_id"] = "".into();
    let answer = Call::new(UPDATE, &biz).send(&sandbox).unwrap();
    assert_eq!(answer.get("sub_code"), "sandbox.no-such-freeze");
}

#[test]
fn each_type_keeps_its_rule_on_biz_no_and_shop_id() {
    let sandbox = ten_points();
    for (trans_type, biz_no, says) in [
        ("FREEZE", "x", "must not carry biz_no"),
        ("CONSUME", "x", "must not carry biz_no"),
        ("COMMIT", "", "needs biz_no"),
        ("CANCEL", "", "needs biz_no"),
    ] {
        let answer = update(&sandbox, trans_type, "r", biz_no, 1);
        assert!(answer.get("sub_msg").contains(says), "{trans_type}: {}", answer.text());
    }
    let mut biz = deposit("r", "");
    biz["trans_type"] = "FREEZE".into();
    let answer = Call::new(UPDATE, &biz).send(&sandbox).unwrap();
    assert!(answer.get("sub_msg").contains("must not carry shop_id"));
}

#[test]
fn repeats_of_a_freeze_and_of_its_commit() {
    for way in [Way::Same, Way::BizNo] {
        let sandbox = ten_points();
        sandbox.repeat(way);
        let freezes = [(); 2].map(|()| update(&sandbox, "FREEZE", "f", "", 4).get("point_log_no"));
        assert_eq!(freezes[0], freezes[1]);
        let commits = [(); 2].map(|()| update(&sandbox, "COMMIT", "c", &freezes[0], 4));
        assert_eq!(commits[0].get("point_log_no"), commits[1].get("point_log_no"));
        holds(&sandbox, 6, 0);
    }
    let sandbox = ten_points();
    sandbox.repeat(Way::Forget);
    let freezes = [(); 2].map(|()| update(&sandbox, "FREEZE", "f", "", 4).get("point_log_no"));
    assert_ne!(freezes[0], freezes[1], "an orphan: what a client must not let happen");
    holds(&sandbox, 2, 8);
}

#[test]
fn open_freezes_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { ledger_file: Some(dir.path().join("ledger")), ..config() };
    let sandbox = Sandbox::start(config.clone()).unwrap();
    Call::new(UPDATE, &deposit("d", "t")).send(&sandbox).unwrap();
    let freeze = update(&sandbox, "FREEZE", "f", "", 4).get("point_log_no");
    let why = Sandbox::start(config.clone()).err().unwrap().to_string();
    assert!(why.contains("ledger"), "two sandboxes must not share a file: {why}");
    drop(sandbox);
    let sandbox = Sandbox::start(config).unwrap();
    holds(&sandbox, 6, 4);
    assert_eq!(update(&sandbox, "COMMIT", "c", &freeze, 4).get("code"), "10000");
    holds(&sandbox, 6, 0);
}
