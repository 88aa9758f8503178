use super::*;
use crate::gateway::answer;
use crate::text::Writer;

fn json(content: &impl Serialize) -> String {
    let mut buf = [0; 512];
    let len = serde_json_core::to_slice(content, &mut buf).unwrap();
    String::from_utf8(buf[..len].to_vec()).unwrap()
}

#[test]
fn requests_hold_what_is_set() {
    let offline = Offline {
        out_biz_no: "o1",
        camp_id: "c1",
        reason: None,
        operator_id: Some("p1"),
        operator_type: Some(OperatorType::ProviderStaff),
    };
    assert_eq!(
        json(&offline),
        r#"{"out_biz_no":"o1","camp_id":"c1","operator_id":"p1","operator_type":"PROVIDER_STAFF"}"#
    );
    assert_eq!(offline.check(), Ok(()));
    let alone = Offline { operator_type: None, ..offline };
    assert_eq!(alone.check().unwrap_err().what, "operator_type");
    let query = Query { camp_id: "c1", operator_id: None, operator_type: None };
    assert_eq!((json(&query).as_str(), query.check()), (r#"{"camp_id":"c1"}"#, Ok(())));
}

#[test]
fn criteria_bring_their_operator() {
    let criteria =
        [Criterion::status("STARTED|CLOSED"), Criterion::start_time("2016-08-01 00:00:00")];
    let query = BatchQuery {
        page_number: 1,
        page_size: 20,
        operator_id: None,
        operator_type: None,
        query_criterias: &criteria,
    };
    assert_eq!(query.check(), Ok(()));
    assert_eq!(
        json(&query),
        r#"{"page_number":"1","page_size":"20","query_criterias":[{"field_name":"status","operator":"IN","field_value":"STARTED|CLOSED"},{"field_name":"startTime","operator":"EQUAL","field_value":"2016-08-01 00:00:00"}]}"#
    );
    let bad = [Criterion::end_time("2016-09-31 00:00:00")];
    let error = BatchQuery { query_criterias: &bad, ..query }.check().unwrap_err();
    assert_eq!((error.status, error.what), (Status::Argument, "endTime"));
    let none = BatchQuery { page_number: 0, query_criterias: &[], ..query };
    assert_eq!(none.check().unwrap_err().status, Status::Range);
    assert_eq!(json(&none), r#"{"page_number":"0","page_size":"20"}"#);
}

fn body(method: &str, fields: &str) -> String {
    format!("{{\"{}_response\":{{{fields}}}}}", method.replace('.', "_"))
}

#[test]
fn results_are_read() {
    let body_of = body(CREATE, r#""camp_id":"2016","camp_status":"STARTING""#);
    let answer = answer::read(body_of.as_bytes(), CREATE).unwrap();
    let created_one = created(&answer).unwrap();
    assert_eq!(
        (created_one.camp_id.as_str(), created_one.camp_status.as_str()),
        ("2016", "STARTING")
    );
    assert!(created_one.audit_status.is_empty());
    let body_of = body(CREATE, r#""camp_status":"STARTING""#);
    let answer = answer::read(body_of.as_bytes(), CREATE).unwrap();
    assert_eq!(created(&answer).unwrap_err().what, "camp_id");
    assert!(changed(&answer).is_ok());
    let body_of = body(
        BATCHQUERY,
        r#""total_number":"2","camp_sets":{"camp_base_dto":[{"id":"1"}, {"id":"2"}]}"#,
    );
    let answer = answer::read(body_of.as_bytes(), BATCHQUERY).unwrap();
    assert_eq!(total_number(&answer), Ok(2));
    let sets: Vec<_> = items(answer.field("camp_sets").unwrap()).map(|(_, raw)| raw).collect();
    assert_eq!(sets, [br#"{"id":"1"}"#, br#"{"id":"2"}"#]);
}

#[test]
fn the_claim_page_is_found_in_either_member() {
    let base = |channels: &str| {
        let fields =
            format!(r#""camp_detail":{{"status":"STARTED","publish_channels":{channels}}}"#);
        let body_of = body(QUERY, &fields);
        let answer = answer::read(body_of.as_bytes(), QUERY).unwrap();
        let detail = detail(&answer).unwrap();
        assert!(detail.status().unwrap().is(b"STARTED"));
        detail.claim_base().map(|value| {
            let mut room = [0; 128];
            let mut writer = Writer::new(&mut room);
            value.text(&mut writer).unwrap();
            writer.finish_str().unwrap().to_string()
        })
    };
    let in_ext = r#"[{"type":"QR_CODE","config":"http://no"},{"type":"URL_WITH_TOKEN","config":"","ext_info":"{\"URL_WITH_TOKEN\":\"https:\/\/x\/?itemId=1\"}"}]"#;
    assert_eq!(base(in_ext).as_deref(), Some(r#"{"URL_WITH_TOKEN":"https://x/?itemId=1"}"#));
    let in_config = r#"{"list":[{"type":"URL_WITH_TOKEN","config":"https://x/?itemId=1"}]}"#;
    assert_eq!(base(in_config).as_deref(), Some("https://x/?itemId=1"));
    assert_eq!(base("[]"), None);
}

#[test]
fn lists_are_walked_whatever_their_texts_hold() {
    let list = |raw: &[u8], encoding| {
        let whole = [&b"{\"a\":"[..], raw, b"}"].concat();
        let object = Object::read(&whole, encoding).unwrap();
        items(object.get("a").unwrap()).map(|(_, item)| item.to_vec()).collect::<Vec<_>>()
    };
    let found = list(br#"[ "a,]\"" , [1,[2]] ,{"b":"}"}, 3 ]"#, Encoding::Utf8);
    let expected: [&[u8]; 4] = [br#""a,]\"""#, b"[1,[2]]", br#"{"b":"}"}"#, b"3"];
    assert_eq!(found, expected);
    // 0x5C and 0x7D as second bytes.
    assert_eq!(list(b"[\"\x81\\\",\"\x81}\"]", Encoding::Gbk), [b"\"\x81\\\"", b"\"\x81}\""]);
    assert!(list(b"1", Encoding::Utf8).is_empty() && list(b"[]", Encoding::Utf8).is_empty());
}

#[test]
fn dates_are_those_of_the_calendar() {
    for good in ["2016-02-29 00:00:00", "2000-02-29 23:59:59", "2016-12-31 00:00:00"] {
        assert!(is_date_time(good.as_bytes()), "{good}");
    }
    for bad in [
        "2016-09-31 00:00:00",
        "2015-02-29 00:00:00",
        "1900-02-29 00:00:00",
        "2016-00-01 00:00:00",
        "2016-13-01 00:00:00",
        "2016-01-00 00:00:00",
        "2016-01-01 24:00:00",
        "2016-01-01 00:60:00",
        "2016-01-01 00:00:60",
        "2016-01-01",
        "2016-1-01 00:00:00",
        "2016/01/01 00:00:00",
        "+016-01-01 00:00:00",
        "",
    ] {
        assert!(!is_date_time(bad.as_bytes()), "{bad}");
    }
}
