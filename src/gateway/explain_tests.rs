use super::*;
use crate::gateway::points::Query;

const OURS: &str = r#"app_auth_token=201609BB6e2a6b2f&app_id=2016&biz_content={"memo":"集点 a&b=c","user_id":"2088123412341234"}&charset=utf-8&format=JSON&method=m&sign_type=RSA2&timestamp=2016-10-10 10:10:10&version=1.0"#;

fn masked(string: &str) -> String {
    let mut room = [0; 1024];
    let mut out = Writer::new(&mut room);
    mask(string.as_bytes(), &mut out);
    out.finish_str().unwrap().to_owned()
}

fn html(string: &str) -> String {
    let escaped = string.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;");
    format!(
        "验签出错,建议检查签名字符串或签名私钥与应用公钥是否匹配,网关生成的验签字符串为:{escaped}"
    )
}

/// What is found when the gateway has `theirs`.
fn found(theirs: &str) -> Difference {
    let mut room = [0; 1024];
    let (len, whole) = quoted(html(theirs).as_bytes(), &mut room).unwrap();
    assert_eq!(&room[..len], theirs.as_bytes());
    assert!(whole);
    difference(OURS.as_bytes(), &room[..len], whole)
}

#[test]
fn tokens_and_shoppers_are_never_whole() {
    let shown = masked(OURS);
    assert!(shown.starts_with("app_auth_token=2016***(16)&app_id=2016&"), "{shown}");
    assert!(shown.contains(r#""user_id":"2088***(16)"}&charset"#), "{shown}");
    assert!(shown.contains("集点 a&b=c"), "{shown}");
    assert_eq!(masked(r#"{"token" : "short", "code":1}"#), r#"{"token" : "***(5)", "code":1}"#);
    assert_eq!(masked(r#"{"token":"a\"2088123412341234"}"#), r#"{"token":"a\"2***(19)"}"#);
    assert_eq!(masked("auth_token="), "auth_token=***(0)");
    assert_eq!(masked(r#"{"user_id":"2088123"#), r#"{"user_id":"***(7)"#);
}

#[test]
fn equal_strings_mean_the_key() {
    let same = found(OURS);
    assert_eq!((same.cause, same.at, same.name), (Cause::Key, OURS.len(), ""));
    let mut room = [0; 300];
    let mut out = Writer::new(&mut room);
    same.write(&mut out);
    assert!(out.finish_str().unwrap().contains("public key registered for this app"));
}

#[test]
fn each_cause_has_its_sign() {
    let with = |from: &str, to: &str| {
        assert!(OURS.contains(from), "{from}");
        OURS.replacen(from, to, 1)
    };
    for (theirs, cause, name) in [
        (with("&format=JSON", ""), Cause::Missing, "format"),
        (with("app_auth_token=201609BB6e2a6b2f&", ""), Cause::Missing, "app_auth_token"),
        (with("&version=1.0", ""), Cause::Missing, "version"),
        (with("&format=JSON", "&encrypt_type=AES&format=JSON"), Cause::Extra, "format"),
        (with("&version=1.0", "&version=1.0&ws_service_url=x"), Cause::Extra, ""),
        (with("&format=JSON&method=m", "&method=m&format=JSON"), Cause::Order, "format"),
        (with("集点", "%E9%9B%86"), Cause::Encoding, "biz_content"),
        (with("10 10:10:10", "10+10:10:10"), Cause::Encoding, "timestamp"),
        (with("集点", "??"), Cause::Charset, "biz_content"),
        (with("集点", "闆嗙偣"), Cause::Charset, "biz_content"),
        (with("charset=utf-8", "charset=GBK"), Cause::Value, "charset"),
        (with("a&b=c", "a&b=d"), Cause::Value, "biz_content"),
        (with("RSA2", "RSA"), Cause::Value, "sign_type"),
    ] {
        let found = found(&theirs);
        assert_eq!((found.cause, found.name), (cause, name), "{theirs}");
        assert_eq!(OURS.as_bytes()[..found.at], theirs.as_bytes()[..found.at]);
        assert_ne!(OURS.as_bytes().get(found.at), theirs.as_bytes().get(found.at));
    }
}

#[test]
fn excerpts_show_where_but_no_secret() {
    let theirs = OURS.replace("method=m&", "method=x&");
    let shown = found(&theirs);
    assert!(shown.ours.contains("method=m&sign_type"), "{shown:?}");
    assert!(shown.theirs.contains("method=x&sign_type"), "{shown:?}");
    for theirs in [
        OURS.replace("2088123412341234", "2088123412341235"),
        OURS.replace("201609BB6e2a6b2f", "201609BB6e2a6b2e"),
    ] {
        let hidden = found(&theirs);
        assert_eq!((hidden.ours.as_str(), hidden.theirs.as_str()), ("***", "***"));
    }
    let mut room = [0; 300];
    let mut out = Writer::new(&mut room);
    shown.write(&mut out);
    let line = out.finish_str().unwrap();
    assert!(line.starts_with("first difference at byte 142 in method: signed `"), "{line}");
}

#[test]
fn secrets_stay_hidden_however_they_are_written() {
    let id = "2088123412341234";
    for (string, wanted) in [
        (r#"{"user_id":2088123412341234,"x":1}"#, r#"{"user_id":2088***(16),"x":1}"#),
        (
            r#"{"ext_info":"{\"user_id\":\"2088123412341234\",\"a\":\"b\"}"}"#,
            r#"{"ext_info":"{\"user_id\":\"2088***(16)\",\"a\":\"b\"}"}"#,
        ),
        (
            r#"{"ext_info":"{\"mobile\" : \"1\\\"381234567\"}"}"#,
            r#"{"ext_info":"{\"mobile\" : \"1\\\***(14)\"}"}"#,
        ),
        (
            r#"{"ext_info":"{'user_id':'2088123412341234'}"}"#,
            r#"{"ext_info":"{'user_id':'2088***(16)'}"}"#,
        ),
        (r#"{"token":"a\\","memo":"b"}"#, r#"{"token":"***(3)","memo":"b"}"#),
    ] {
        assert_eq!(masked(string), wanted);
    }
    for theirs in [
        OURS.replace(r#""2088123412341234""#, id),
        OURS.replace(r#""user_id":"2088123412341234""#, r#"user_id=2088123412341234"#),
        OURS.replace(r#""user_id":"#, r#""userId":"#),
        OURS.replace(r#""user_id":"2088123412341234""#, r#"\"user_id\":\"2088123412341234\""#),
    ] {
        let hidden = found(&theirs);
        assert_eq!(hidden.theirs, "***", "{theirs}");
    }
}

#[test]
fn a_quotation_may_be_absent_or_cut() {
    let mut room = [0; 64];
    assert_eq!(quoted("验签出错".as_bytes(), &mut room), None);
    assert_eq!(quoted(b"", &mut room), None);
    assert_eq!(quoted(b"==", &mut room), None);
    let (len, whole) = quoted(html(OURS).as_bytes(), &mut room).unwrap();
    assert_eq!((&room[..len], whole), (&OURS.as_bytes()[..64], false));
    let cut = difference(OURS.as_bytes(), &room[..len], whole);
    assert_eq!((cut.cause, cut.at), (Cause::Cut, 64));
}

#[test]
fn the_string_is_what_is_signed() {
    let session = Session { app_auth_token: Some("t"), ..Session::new("2016") };
    let query = Query { activity_account: "39", user_id: "2088" };
    let mut buf = [0; 1024];
    let string = string(&session, "m.q", &query, 1_476_065_410, &mut buf).unwrap();
    let wanted = r#"app_auth_token=t&app_id=2016&biz_content={"activity_account":"39","user_id":"2088"}&charset=utf-8&format=JSON&method=m.q&sign_type=RSA2&timestamp=2016-10-10 10:10:10&version=1.0"#;
    assert_eq!(std::str::from_utf8(string), Ok(wanted));
    let mut signed = None;
    let mut sign = |_, hash: &[u8], out: &mut [u8]| {
        signed = Some(hash.to_vec());
        out[0] = 1;
        Ok(1)
    };
    let time = 1_476_065_410;
    super::super::build(&session, "m.q", &query, time, &mut sign, &mut [0; 4096]).unwrap();
    let mut hasher = crate::crypto::Hasher::new(crate::crypto::Digest::Sha256);
    hasher.update(wanted.as_bytes());
    assert_eq!(signed.as_deref(), Some(hasher.finish().as_bytes()));
}
