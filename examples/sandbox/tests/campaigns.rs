//! prizesend.auth and activity.*: both samples of the quick-start guide, what is refused and by
//! which name, and what a repeat is answered with.

mod common;

use common::*;
use pointcard_sandbox::{AccountIn, ClaimUrl, Sandbox, Way};
use serde_json::{Value, json};

fn ok(sandbox: &Sandbox, method: &str, biz: &Value) -> Answer {
    let answer = Call::new(method, biz).send(sandbox).unwrap();
    assert!(answer.verifies() && answer.get("code") == "10000", "{}", answer.text());
    answer
}

fn refused(sandbox: &Sandbox, method: &str, biz: &Value) -> Answer {
    let answer = Call::new(method, biz).send(sandbox).unwrap();
    assert!(answer.verifies() && answer.get("code") != "10000", "{}", answer.text());
    answer
}

fn detail(sandbox: &Sandbox, camp_id: &str) -> Value {
    ok(sandbox, QUERY_ACTIVITY, &json!({ "camp_id": camp_id })).node()["camp_detail"].clone()
}

fn auth(req_id: &str, user_id: &str) -> Value {
    json!({
        "req_id": req_id, "prize_id": "20160527000000000682853000153366", "user_id": user_id,
    })
}

#[test]
fn a_prize_is_authorised_once_per_req_id() {
    let sandbox = start();
    let first = ok(&sandbox, AUTH, &auth("43242389432475452321", USER)).get("token");
    assert!(first.len() == 32 && first.bytes().all(|b| b.is_ascii_hexdigit()), "{first}");
    let again = ok(&sandbox, AUTH, &auth("43242389432475452321", USER)).get("token");
    assert_eq!(again, first);
    let other = ok(&sandbox, AUTH, &auth("2", USER)).get("token");
    assert_ne!(other, first);
    let done: Vec<String> = sandbox.requests().into_iter().map(|line| line.done).collect();
    assert_eq!(done, ["authorised", "repeat", "authorised"]);
}

#[test]
fn a_repeated_authorisation_follows_the_way_of_repeating() {
    let sandbox = start();
    let first = ok(&sandbox, AUTH, &auth("1", USER)).get("token");
    let mixed = refused(&sandbox, AUTH, &auth("1", "2088000000000000"));
    assert_eq!(mixed.codes(), ("40004".into(), "sandbox.req-id-other-content".into()));
    sandbox.repeat(Way::Error);
    let error = refused(&sandbox, AUTH, &auth("1", USER));
    assert_eq!(error.get("sub_code"), "sandbox.req-id-repeated");
    sandbox.repeat(Way::Forget);
    assert_ne!(ok(&sandbox, AUTH, &auth("1", USER)).get("token"), first);
    sandbox.repeat(Way::BizNo);
    assert_eq!(ok(&sandbox, AUTH, &auth("1", USER)).get("token"), first);
    for name in ["req_id", "prize_id", "user_id"] {
        let mut biz = auth("9", USER);
        biz[name] = "1".repeat(33).into();
        assert!(refused(&sandbox, AUTH, &biz).get("sub_msg").contains(name));
        biz[name] = Value::Null;
        assert!(refused(&sandbox, AUTH, &biz).get("sub_msg").contains(name));
    }
}

#[test]
fn a_point_card_gets_its_account() {
    let sandbox = start();
    let created = ok(&sandbox, CREATE, &point_send());
    let camp_id = created.get("camp_id");
    assert!(camp_id.len() == 32 && camp_id.bytes().all(|b| b.is_ascii_digit()), "{camp_id}");
    assert_eq!(created.get("camp_status"), "STARTING");
    let detail = detail(&sandbox, &camp_id);
    assert_eq!(detail["status"], "STARTED");
    assert_eq!(detail["id"], camp_id);
    assert!(detail.get("out_biz_no").is_none() && detail["name"] == "集点活动测试-yuchi");
    let account = detail["promo_tools"][0]["voucher_no"].as_str().unwrap().to_owned();
    assert_eq!((account.len(), &account[..2]), (32, "39"));
    sandbox.switch(|switches| switches.account_in = AccountIn::ExtInfo);
    let detail = self::detail(&sandbox, &camp_id);
    let text = detail["ext_info"].as_str().unwrap();
    let inside: Value = serde_json::from_str(text).unwrap();
    assert_eq!(inside["activity_account"], account);
    assert_ne!(detail["promo_tools"][0]["voucher_no"], account);
}

#[test]
fn an_exchange_gets_its_claim_page_where_the_switch_says() {
    let sandbox = start();
    let camp_id = ok(&sandbox, CREATE, &exchange()).get("camp_id");
    let channel = |camp_id: &str| detail(&sandbox, camp_id)["publish_channels"][0].clone();
    let text = channel(&camp_id)["ext_info"].as_str().unwrap().to_owned();
    let inside: Value = serde_json::from_str(&text).unwrap();
    let url = inside["URL_WITH_TOKEN"].as_str().unwrap();
    let item = url.strip_prefix(&format!("{}?itemId=", sandbox.claim_page_url()));
    assert_eq!(item.unwrap().len(), 28);
    assert!(channel(&camp_id).get("config").is_none());
    sandbox.switch(|switches| switches.claim_url = ClaimUrl::Config);
    assert_eq!(channel(&camp_id)["config"], url);
    assert!(channel(&camp_id).get("ext_info").is_none());
}

/// Where a change is made, to what, and the place a refusal has to name.
type Wrong = (&'static str, Value, &'static str);

/// Changes `/a/0/b` of a content; Null takes the member away.
fn changed(mut content: Value, pointer: &str, to: &Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = content.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match to {
        Value::Null => drop(parent.remove(name)),
        value => drop(parent.insert(name.into(), value.clone())),
    }
    content
}

fn each_is_named(sandbox: &Sandbox, method: &str, good: &Value, cases: &[Wrong]) {
    for (pointer, value, named) in cases {
        let answer = refused(sandbox, method, &changed(good.clone(), pointer, value));
        let codes = ("40002".to_owned(), "isv.invalid-parameter".to_owned());
        assert_eq!(answer.codes(), codes, "{pointer} {value}");
        let text = answer.get("sub_msg");
        assert!(text.starts_with("参数无效: ") && text.contains(named), "{pointer}: {text}");
    }
}

#[test]
fn a_point_card_that_is_wrong_is_refused_by_the_members_name() {
    let cases: Vec<Wrong> = vec![
        ("/end_time", json!("2016-09-31 00:00:00"), "end_time 2016-09-31 00:00:00"),
        ("/start_time", json!("2016-02-30 00:00:00"), "start_time"),
        ("/end_time", json!("2016-08-02 00:00:00"), "end_time"),
        ("/out_biz_no", Value::Null, "out_biz_no"),
        ("/name", Value::Null, "name"),
        ("/desc", json!(7), "desc is not a string"),
        ("/type", json!("POINTS"), "type is none of"),
        ("/constraint_info", Value::Null, "constraint_info"),
        ("/constraint_info", json!("x"), "constraint_info is not an object"),
        ("/constraint_info/suit_shops", json!([1]), "constraint_info.suit_shops[0]"),
        ("/promo_tools", json!([]), "promo_tools"),
        ("/promo_tools", json!({}), "promo_tools is not a list"),
        ("/promo_tools/0/point_card", Value::Null, "promo_tools[0].point_card is missing"),
        ("/promo_tools/0/voucher", json!({"name": "x"}), "promo_tools[0].voucher"),
        ("/promo_tools/0/point_card/type", json!("CARD"), "promo_tools[0].point_card.type"),
        (
            "/promo_tools/0/point_card/end_time",
            json!("2016-09-30 00:00:00"),
            "promo_tools[0].point_card.end_time",
        ),
        ("/promo_tools/0/point_card/logo", json!(""), "promo_tools[0].point_card.logo"),
        ("/operator_id", json!("2088101117952222"), "operator_type"),
        ("/auto_delay_flag", json!("YES"), "auto_delay_flag"),
    ];
    each_is_named(&start(), CREATE, &point_send(), &cases);
}

#[test]
fn an_exchange_that_is_wrong_is_refused_by_the_members_name() {
    let cases: Vec<Wrong> = vec![
        ("/publish_channels", json!([]), "publish_channels"),
        ("/publish_channels/0/type", json!("URL"), "publish_channels[0].type"),
        ("/publish_channels/0/name", Value::Null, "publish_channels[0].name"),
        ("/type", json!("REAL_TIME_SEND"), "publish_channels[0].type"),
        ("/type", json!("CONSUME_SEND"), "publish_channels"),
        ("/budget_info/budget_type", Value::Null, "budget_info.budget_type"),
        ("/promo_tools/0/voucher/validate_type", json!("RELATIVE"), "voucher.relative_time"),
        ("/promo_tools/0/voucher/type", json!("GIFT"), "promo_tools[0].voucher.type"),
        ("/promo_tools/0/voucher/desc", json!("好".repeat(501)), "voucher.desc"),
        ("/promo_tools/0/voucher/use_rule/suit_shops", json!(["1"]), "use_rule.suit_shops"),
        ("/promo_tools/0/send_rule/allow_repeat_send", json!(true), "allow_repeat_send"),
        ("/promo_tools/0/send_rule/allow_repeat_send", json!("yes"), "allow_repeat_send"),
    ];
    each_is_named(&start(), CREATE, &exchange(), &cases);
}

/// The guide's sample gives start_time of the voucher twice.
#[test]
fn a_name_given_twice_deep_inside_is_refused() {
    let twice = exchange().to_string().replacen(
        r#""validate_type""#,
        r#""start_time":"2016-05-01 00:00:00","validate_type""#,
        1,
    );
    let sandbox = start();
    let call = Call::new(CREATE, &Value::Null).with("biz_content", twice);
    let answer = call.send(&sandbox).unwrap();
    assert_eq!(answer.get("sub_code"), "isv.invalid-parameter");
    assert!(answer.get("sub_msg").contains("start_time is given twice"));
}

#[test]
fn a_repeated_create_is_the_same_activity() {
    let sandbox = start();
    let first = ok(&sandbox, CREATE, &point_send()).get("camp_id");
    assert_eq!(ok(&sandbox, CREATE, &point_send()).get("camp_id"), first);
    let other = changed(point_send(), "/name", &json!("another"));
    let answer = refused(&sandbox, CREATE, &other);
    assert_eq!(answer.get("sub_code"), "sandbox.out-biz-no-other-content");
}

#[test]
fn a_campaign_is_modified_within_its_limits_and_ended_once() {
    let sandbox = start();
    let camp_id = ok(&sandbox, CREATE, &point_send()).get("camp_id");
    let mut longer = changed(point_send(), "/end_time", &json!("2016-11-30 00:00:00"));
    longer["camp_id"] = camp_id.clone().into();
    let used = refused(&sandbox, MODIFY, &longer);
    assert_eq!(used.get("sub_code"), "sandbox.out-biz-no-other-content");
    longer["out_biz_no"] = "modify-1".into();
    assert_eq!(ok(&sandbox, MODIFY, &longer).get("camp_status"), "MODIFYING");
    assert_eq!(detail(&sandbox, &camp_id)["end_time"], "2016-11-30 00:00:00");
    longer["out_biz_no"] = "modify-2".into();
    let cases: Vec<Wrong> = vec![
        ("/end_time", json!("2016-10-30 00:00:00"), "end_time may only grow"),
        ("/name", json!("x"), "name must repeat"),
        ("/start_time", json!("2016-08-03 00:00:00"), "start_time must repeat"),
        ("/camp_id", Value::Null, "camp_id"),
    ];
    each_is_named(&sandbox, MODIFY, &longer, &cases);

    let end = json!({ "out_biz_no": "end", "camp_id": camp_id, "reason": "结束" });
    assert_eq!(ok(&sandbox, OFFLINE, &end).get("camp_status"), "CLOSING");
    assert_eq!(ok(&sandbox, OFFLINE, &end).get("camp_status"), "CLOSING");
    let detail = detail(&sandbox, &camp_id);
    assert_eq!(detail["status"], "CLOSED");
    let orders = detail["activity_orders"].as_array().unwrap().iter();
    let kinds: Vec<&str> = orders.map(|order| order["order_type"].as_str().unwrap()).collect();
    let all = ["CLOSE", "MODIFY", "START", "CREATE"].map(|k| format!("CAMPAIGN_{k}_ORDER"));
    assert_eq!(kinds, all, "newest first, and a repeat is no second order");
    assert_eq!(refused(&sandbox, MODIFY, &longer).get("sub_code"), "sandbox.activity-closed");
    let again = changed(end, "/out_biz_no", &json!("end-2"));
    assert_eq!(refused(&sandbox, OFFLINE, &again).get("sub_code"), "sandbox.activity-closed");
    let none = json!({ "camp_id": "20160101000000000000001000151011" });
    let answer = refused(&sandbox, QUERY_ACTIVITY, &none);
    assert_eq!(answer.get("sub_code"), "sandbox.no-such-activity");
}

#[test]
fn a_list_is_paged_and_filtered() {
    let sandbox = start();
    let mut ids = vec![];
    for n in 0..5 {
        let mut biz = changed(point_send(), "/out_biz_no", &json!(format!("o{n}")));
        biz["name"] = format!("第{n}个").into();
        ids.push(ok(&sandbox, CREATE, &biz).get("camp_id"));
    }
    ok(&sandbox, OFFLINE, &json!({ "out_biz_no": "end", "camp_id": ids[1] }));
    let list = |biz: Value| {
        let node = ok(&sandbox, BATCHQUERY, &biz).node();
        let sets = node["camp_sets"].as_array().unwrap().iter();
        let found: Vec<String> = sets.map(|set| set["id"].as_str().unwrap().into()).collect();
        (found, node["total_number"].as_str().unwrap().to_owned())
    };
    assert_eq!(list(json!({})).0, [4, 3, 2, 1, 0].map(|n| ids[n].clone()));
    let page = list(json!({ "page_number": "2", "page_size": 2 }));
    assert_eq!(page, (vec![ids[2].clone(), ids[1].clone()], "5".into()));
    let by = |field: &str, operator: &str, value: &str| {
        json!({ "query_criterias":
            [{ "field_name": field, "operator": operator, "field_value": value }] })
    };
    assert_eq!(list(by("status", "IN", "CLOSED|DISABLED")).0, [ids[1].clone()]);
    assert_eq!(list(by("name", "EQUAL", "第3个")).0, [ids[3].clone()]);
    assert_eq!(list(by("startTime", "EQUAL", "2016-08-02 00:00:00")).1, "5");
    for (wrong, named) in [
        (by("status", "EQUAL", "CLOSED"), "operator"),
        (by("status", "IN", "OPEN"), "OPEN is no status"),
        (by("startTime", "EQUAL", "2016-09-31 00:00:00"), "query_criterias[0].field_value"),
        (by("colour", "EQUAL", "red"), "query_criterias[0].field_name"),
        (json!({ "page_number": "0" }), "page_number"),
    ] {
        assert!(refused(&sandbox, BATCHQUERY, &wrong).get("sub_msg").contains(named), "{named}");
    }
}
