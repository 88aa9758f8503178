//! Requests exactly as Alipay's official SDKs put them on the wire (../../tests/vectors): whoever
//! built this gateway did not build those.

mod common;

use common::*;
use pointcard_sandbox::{Config, Sandbox};
use serde_json::Value;

/// Key file without its ending, app_id, query, body, whole row.
fn rows() -> Vec<Value> {
    let file = key_file("../sign.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["expect"] == "signature").collect()
}

fn replay(row: &Value) -> Answer {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let public = text("key").replace("keys/", "").replace("pkcs8.pem", "pub.b64");
    let config = Config { app_public_key: key(&public), ..config() };
    let config = Config { app_id: row["sign_params"]["app_id"].as_str().unwrap().into(), ..config };
    let sandbox = Sandbox::start(config).unwrap();
    post(&format!("{}?{}", sandbox.gateway_url(), text("query")), &text("body")).unwrap()
}

#[test]
fn requests_of_the_official_sdks_pass_the_signature_check() {
    let (mut accepted, mut refused_later) = (0, 0);
    for row in rows() {
        if !row["method"].as_str().unwrap().contains(".points.") {
            continue;
        }
        let answer = replay(&row);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(!text.contains("invalid-signature"), "{}: {text}", row["case"]);
        match text.contains(r#""code":"10000""#) {
            true => accepted += 1,
            false => refused_later += 1,
        }
    }
    // Tokens, encryption, certificates and trans_types not played are refused, after the signature.
    assert!(accepted >= 14, "{accepted} accepted, {refused_later} refused");
}

#[test]
fn one_changed_byte_of_theirs_does_not_pass() {
    for row in rows().iter_mut().filter(|row| row["method"] == UPDATE) {
        let query = row["query"].as_str().unwrap().replacen("2016-10-10", "2016-10-11", 1);
        row["query"] = query.into();
        let answer = replay(row);
        assert!(String::from_utf8_lossy(&answer.body).contains("invalid-signature"));
    }
}
