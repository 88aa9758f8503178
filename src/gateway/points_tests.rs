use super::*;
use crate::gateway::answer;

const SALE: Update<'_> = Update::deposit("r1", "2088", "3920", 10, "trade1");

fn json(content: &impl Serialize) -> String {
    let mut buf = [0; 512];
    let len = serde_json_core::to_slice(content, &mut buf).unwrap();
    String::from_utf8(buf[..len].to_vec()).unwrap()
}

fn refusal(update: Update<'_>) -> (Status, &'static str) {
    update.check().map_err(|e| (e.status, e.what)).unwrap_err()
}

#[test]
fn only_what_is_set_is_sent_and_amounts_are_text() {
    assert_eq!(
        json(&SALE),
        r#"{"req_id":"r1","user_id":"2088","activity_account":"3920","trans_type":"DEPOSIT","trans_amount":"10","biz_no":"trade1"}"#
    );
    let sale = Update { memo: Some("集\"\\\u{7f}"), ext_info: Some("{'K':'V'}"), ..SALE };
    assert!(json(&sale).ends_with("\"memo\":\"集\\\"\\\\\u{7f}\",\"ext_info\":\"{'K':'V'}\"}"));
    let query = Query { activity_account: "3920", user_id: "2088" };
    assert_eq!(json(&query), r#"{"activity_account":"3920","user_id":"2088"}"#);
    assert_eq!(query.check(), Ok(()));
}

#[test]
fn types_travel_as_they_are_named() {
    use TransType::*;
    for kind in [Deposit, Freeze, Commit, Cancel, Consume] {
        assert_eq!(json(&kind), format!("\"{}\"", kind.as_str()));
    }
}

#[test]
fn limits_are_checked_in_characters() {
    let memo = "集".repeat(MEMO_MAX);
    assert_eq!(Update { memo: Some(&memo), ..SALE }.check(), Ok(()));
    let memo = "集".repeat(MEMO_MAX + 1);
    assert_eq!(refusal(Update { memo: Some(&memo), ..SALE }), (Status::TooLong, "memo"));
    let id = "x".repeat(33);
    assert_eq!(refusal(Update { req_id: &id, ..SALE }), (Status::TooLong, "req_id"));
    assert_eq!(refusal(Update { user_id: "", ..SALE }), (Status::Missing, "user_id"));
    assert_eq!(refusal(Update { memo: Some("a\nb"), ..SALE }), (Status::Encoding, "memo"));
    assert_eq!(refusal(Update { memo: Some(""), ..SALE }), (Status::Missing, "memo"));
    for trans_amount in [0, TRANS_AMOUNT_MAX + 1] {
        assert_eq!(refusal(Update { trans_amount, ..SALE }), (Status::Range, "trans_amount"));
    }
}

#[test]
fn biz_no_follows_the_type() {
    for trans_type in [TransType::Freeze, TransType::Consume] {
        assert_eq!(refusal(Update { trans_type, ..SALE }), (Status::Argument, "biz_no"));
        assert_eq!(Update { trans_type, biz_no: None, ..SALE }.check(), Ok(()));
    }
    for trans_type in [TransType::Deposit, TransType::Commit, TransType::Cancel] {
        assert_eq!(Update { trans_type, ..SALE }.check(), Ok(()));
        let without = Update { trans_type, biz_no: None, ..SALE };
        assert_eq!(refusal(without), (Status::Missing, "biz_no"));
    }
    let commit = Update { trans_type: TransType::Commit, shop_id: Some("1"), ..SALE };
    assert_eq!(refusal(commit), (Status::Argument, "shop_id"));
}

#[test]
fn each_type_is_made_with_what_belongs_to_it() {
    let freeze = Freeze { req_id: "r2", user_id: "2088", activity_account: "3920", points: 8 };
    let frozen = freeze.frozen("log1");
    for (update, trans_type, req_id, biz_no) in [
        (freeze.update(), TransType::Freeze, "r2", None),
        (Update::commit("r3", &frozen), TransType::Commit, "r3", Some("log1")),
        (Update::cancel("r4", &frozen), TransType::Cancel, "r4", Some("log1")),
        (Update::consume("r5", "2088", "3920", 8), TransType::Consume, "r5", None),
    ] {
        assert_eq!(update.check(), Ok(()));
        assert_eq!((update.trans_type, update.req_id, update.biz_no), (trans_type, req_id, biz_no));
        assert_eq!((update.user_id, update.activity_account), ("2088", "3920"));
        assert_eq!((update.trans_amount, update.shop_id), (8, None));
    }
    let nameless = Update::commit("r", &freeze.frozen(""));
    assert_eq!(refusal(nameless), (Status::Missing, "biz_no"));
}

#[test]
fn results_are_read_strictly() {
    let update = |fields: &str| {
        let body = format!("{{\"koubei_marketing_tool_points_update_response\":{{{fields}}}}}");
        point_log_no(&answer::read(body.as_bytes(), UPDATE).unwrap()).map_err(|e| e.status)
    };
    assert_eq!(update(r#""point_log_no":"2016\/1""#).as_deref(), Ok("2016/1"));
    assert_eq!(update(r#""point_log_no":20161"#).as_deref(), Ok("20161"));
    assert_eq!(update(r#""point_log_no":"""#), Err(Status::Missing));
    assert_eq!(update(r#""code":"10000""#), Err(Status::Missing));
    assert_eq!(update(r#""point_log_no":null"#), Err(Status::Missing));
    assert_eq!(update(r#""point_log_no":["1"]"#), Err(Status::Malformed));
    assert_eq!(update(r#""point_log_no":"a\u0000""#), Err(Status::Encoding));
    assert_eq!(update(&format!("\"point_log_no\":\"{}\"", "1".repeat(65))), Err(Status::TooLong));

    let query = |fields: &str| {
        let body = format!("{{\"koubei_marketing_tool_points_query_response\":{{{fields}}}}}");
        balance(&answer::read(body.as_bytes(), QUERY).unwrap()).map_err(|e| (e.status, e.what))
    };
    assert_eq!(
        query(r#""available_points":"10","freezed_points":3,"total_points":"13""#),
        Ok(Balance { available: 10, freezed: 3, total: 13 })
    );
    assert_eq!(query(r#""available_points":"10""#), Err((Status::Missing, "freezed_points")));
    assert_eq!(query(r#""available_points":"-1""#), Err((Status::Malformed, "available_points")));
}
