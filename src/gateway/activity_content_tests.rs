use super::*;

/// The guide's collecting activity, without the `biz_content` around it.
const COLLECT: &str = r#"{ "out_biz_no" : "adfasasdfexfesadsaxxd" , "name" : "集点活动测试-yuchi" , "start_time" : "2016-08-02 00:00:00" , "end_time" : "2016-09-31 00:00:00" , "type" : "POINT_SEND" , "desc" : "集点活动测试" , "constraint_info" :{ "suit_shops" :[ "2015121600077000000002388200" ] }, "promo_tools" :[{ "point_card" :{ "name" : "集点卡-yuchi" , "desc" : "活动规则简述(16字)" , "start_time" : "2016-08-01 00:00:00" , "end_time" : "2016-12-01 00:00:00" , "logo" : "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC" } }] }"#;

/// Its exchange activity, the same way.
const EXCHANGE: &str = r#"{ "out_biz_no" : "hhe12312312312312348" , "budget_info" :{ "budget_total" : "10453" , "budget_type" : "QUANTITY" }, "constraint_info" :{ "suit_shops" :[ "2015122900077000000002409504" ] }, "start_time" : "2016-08-01 00:00:00" , "end_time" : "2016-09-30 00:00:00" , "name" : "全场代金+不含人群" , "type" : "DIRECT_SEND" , "desc" : "test" , "promo_tools" :[ { "voucher" :{ "brand_name" : "8个集点兑换" , "desc" : "券的详细描述" , "effect_type" : "IMMEDIATELY" , "start_time" : "2016-05-01 00:00:00" , "end_time" : "2016-10-01 00:00:00" , "logo" : "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC" , "max_amount" : "20" , "name" : "全场代金券" , "start_time" : "2016-05-01 00:00:00" , "type" : "MONEY" , "use_rule" :{ "min_consume" : "10" , "suit_shops" :[ "2015122900077000000002409504" ] }, "validate_type" : "FIXED" , "voucher_img" : "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC" , "worth_value" : "20" }, "send_rule" :{ "allow_repeat_send" : "true" } } ], "publish_channels" :[ { "name" : "URL_WITH_TOKEN" , "type" : "URL_WITH_TOKEN" } ] }"#;

const TWICE: &str = r#" , "start_time" : "2016-05-01 00:00:00" , "type" : "MONEY""#;

fn fault(json: &str) -> (Status, String) {
    let fault = Content::create(json.as_bytes()).unwrap_err();
    (fault.error.status, fault.path.as_str().into())
}

fn collect() -> String {
    COLLECT.replace("09-31", "09-30")
}

fn exchange() -> String {
    EXCHANGE.replace(TWICE, r#" , "type" : "MONEY""#)
}

/// `json`, which has to be refused about `path`.
fn refused(json: &str, status: Status, path: &str) {
    assert_eq!(fault(json), (status, path.into()), "{json}");
}

#[test]
fn the_collecting_sample_passes_once_its_date_exists() {
    refused(COLLECT, Status::Range, "end_time");
    let error = Content::create(COLLECT.as_bytes()).unwrap_err().error;
    assert!(COLLECT[error.at as usize..].starts_with("\"2016-09-31"), "{error}");
    let json = collect();
    let content = Content::create(json.as_bytes()).unwrap();
    let mut buf = [0; 2048];
    let len = serde_json_core::to_slice(&content, &mut buf).unwrap();
    assert_eq!(&buf[..len], json.as_bytes());
}

#[test]
fn the_exchange_sample_passes_once_its_name_is_single() {
    refused(EXCHANGE, Status::Duplicate, "promo_tools[0].voucher.start_time");
    let error = Content::create(EXCHANGE.as_bytes()).unwrap_err().error;
    let second = EXCHANGE.rfind("\"start_time\"").unwrap();
    assert_eq!(error.at as usize, second);
    assert!(Content::create(exchange().as_bytes()).is_ok());
}

#[test]
fn a_wrapped_content_is_named() {
    for json in [COLLECT, &collect(), &exchange()] {
        refused(&format!("{{\"biz_content\":{json}}}"), Status::Argument, "biz_content");
    }
}

#[test]
fn faults_are_named_by_their_path() {
    let json = exchange();
    let with = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        json.replacen(from, to, 1)
    };
    for (from, to, status, path) in [
        ("\"desc\" : \"test\" ,", "", Status::Missing, "desc"),
        ("\"test\"", "\"\"", Status::Missing, "desc"),
        ("\"test\"", "1", Status::Malformed, "desc"),
        ("\"DIRECT_SEND\"", "\"POINT_SEND\"", Status::Argument, "promo_tools[0].voucher"),
        ("2016-10-01", "2016-02-30", Status::Range, "promo_tools[0].voucher.end_time"),
        ("2016-10-01", "2016-04-01", Status::Range, "promo_tools[0].voucher.end_time"),
        ("2016-09-30 00", "2016-09-30 24", Status::Range, "end_time"),
        ("2016-09-30", "2016-07-30", Status::Range, "end_time"),
        (
            "[ \"2015122900077000000002409504\" ]",
            "\"\"",
            Status::Malformed,
            "constraint_info.suit_shops",
        ),
        ("\"voucher\"", "\"vaucher\"", Status::Missing, "promo_tools[0].voucher"),
    ] {
        refused(&with(from, to), status, path);
    }
    refused("{", Status::Malformed, "");
    refused("[]", Status::Malformed, "");
    refused("{}", Status::Missing, "out_biz_no");
    let none = r#"{"out_biz_no":"1","name":"n","desc":"d","type":"POINT_SEND","constraint_info":{},"start_time":"2016-01-01 00:00:00","end_time":"2016-01-02 00:00:00","promo_tools":[]}"#;
    refused(none, Status::Missing, "promo_tools");
    refused(&none.replace("[]", "[1]"), Status::Malformed, "promo_tools[0]");
}

#[test]
fn nesting_and_paths_are_bounded() {
    let deep = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(fault(&deep(11)).0, Status::Missing);
    assert_eq!(fault(&deep(12)).0, Status::TooDeep);
    assert_eq!(fault(&deep(40)).0, Status::TooDeep);
    let long = format!("{{\"{}\":{{\"end_time\":1}}}}", "a".repeat(300));
    assert_eq!(fault(&long).0, Status::Malformed);
    let many: String = (0..5000).map(|_| "[],").collect();
    assert_eq!(fault(&format!("{{\"a\":[{many}0]}}")).0, Status::Missing);
}

#[test]
fn modify_needs_its_activity() {
    let json = collect();
    let fault = Content::modify(json.as_bytes()).unwrap_err();
    assert_eq!((fault.error.status, fault.path.as_str()), (Status::Missing, "camp_id"));
    let json = json.replacen('{', "{\"camp_id\":\"2016\",", 1);
    assert!(Content::modify(json.as_bytes()).is_ok());
}
