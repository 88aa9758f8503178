//! Every method of this product and any other, from Rust, over real HTTP.
//!
//! The sandbox plays what it knows; for the rest a desk answers what the test wants, verifying and
//! signing with RustCrypto. What is not proven by a signature is never handed out.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/desk.rs"]
mod desk;
#[path = "common/till.rs"]
mod till;

use desk::{Desk, Said, node, ordinary};
use pointcard::client::Config;
use pointcard::client::call::{Answered, BizContent, Call, Json};
use pointcard::gateway::activity::{self, BatchQuery, Content, Criterion, Offline, OperatorType};
use pointcard::gateway::points::{self, Freeze, Update};
use pointcard::gateway::prize::{self, PrizesendAuth};
use pointcard::gateway::token::{self, Grant};
use pointcard::gateway::{self};
use pointcard::outcome::Verdict;
use pointcard::points::sync;
use pointcard::port::HttpAnswer;
use pointcard::status::{Error, Status};
use pointcard_sandbox::Sandbox;
use till::{ACCOUNT, Till, USER, config, memory, sandbox};

/// A software house's till, acting for a merchant.
fn house(gateway: &str) -> Till {
    let (merchant, app_auth_token) = ("2088201914979011", "201609BB1234");
    with(Config { merchant, app_auth_token, ..config(gateway) })
}

/// The merchant's own, at a sandbox that knows no tokens.
fn own(sandbox: &Sandbox) -> Till {
    with(config(&sandbox.gateway_url()))
}

fn with(config: Config<'static>) -> Till {
    Till::over(memory(), Config { shop_id: "", ..config })
}

/// What a till asks beside its sales.
trait Calls {
    fn call(&mut self, call: &Call<'_>, content: &impl BizContent) -> Result<Answered<'_>, Error>;

    fn typed(&mut self, content: &impl BizContent) -> Answered<'_> {
        self.call(&Call::default(), content).unwrap()
    }

    fn update(&mut self, update: &Update<'_>) -> String {
        let mut answered = self.typed(update);
        answered.result(points::point_log_no).unwrap().as_str().to_owned()
    }
}

impl Calls for Till {
    fn call(&mut self, call: &Call<'_>, content: &impl BizContent) -> Result<Answered<'_>, Error> {
        sync::call(&self.client, &mut self.transport, &mut self.io, call, content, 5_000)
    }
}

#[test]
fn all_five_kinds_of_update_are_booked_as_they_say() {
    let sandbox = sandbox();
    let mut till = own(&sandbox);
    let deposit = Update {
        shop_id: Some("2016041200077000000003277104"),
        memo: Some("消费集点"),
        ..Update::deposit("req1", USER, ACCOUNT, 30, "2016082221001004150200139999")
    };
    till.update(&deposit);
    let freeze = Freeze { req_id: "req2", user_id: USER, activity_account: ACCOUNT, points: 10 };
    let flow = till.update(&freeze.update());
    till.update(&Update::commit("req3", &freeze.frozen(&flow)));
    let freeze = Freeze { req_id: "req4", ..freeze };
    let flow = till.update(&freeze.update());
    till.update(&Update::cancel("req5", &freeze.frozen(&flow)));
    till.update(&Update::consume("req6", USER, ACCOUNT, 7));
    let kinds: Vec<_> = sandbox.ledger().iter().map(|b| b.order.trans_type.clone()).collect();
    assert_eq!(kinds, ["DEPOSIT", "FREEZE", "COMMIT", "FREEZE", "CANCEL", "CONSUME"]);
    let query = points::Query { activity_account: ACCOUNT, user_id: USER };
    let balance = till.typed(&query).result(points::balance).unwrap();
    assert_eq!((balance.available, balance.freezed, balance.total), (13, 0, 30));
}

#[test]
fn a_signed_refusal_is_rejected_with_its_reason_and_its_node() {
    let sandbox = sandbox();
    let mut till = own(&sandbox);
    let mut refused = till.typed(&Update::consume("req1", USER, ACCOUNT, 7));
    assert_eq!((refused.verdict, refused.status), (Verdict::Rejected, Status::Rejected));
    assert_eq!((refused.code.as_str(), refused.http_status), ("40004", 200));
    assert_eq!(refused.sub_code.as_str(), "sandbox.not-enough-points");
    assert!(refused.sub_msg.starts_with("集点余额不足"), "{}", refused.sub_msg);
    assert!(refused.authenticated && refused.answer.is_some());
    assert_eq!(refused.result(points::point_log_no).unwrap_err().status, Status::Rejected);
    assert!(till.client.borrow().detail().authenticated);
}

#[test]
fn a_prize_is_authorised_for_the_merchant() {
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let auth = PrizesendAuth { req_id: "req1", prize_id: "20161020", user_id: USER };
    let token = till.typed(&auth).result(prize::token).unwrap();
    assert_eq!(token.as_str(), "5b78189e7b2d4c1f9a0e3d2c1b0a9f8e");
    let asked = desk.asked().pop().unwrap();
    assert_eq!(asked["method"], prize::AUTH);
    assert_eq!(asked["app_auth_token"], "201609BB1234");
    let json = format!(r#"{{"req_id":"req1","prize_id":"20161020","user_id":"{USER}"}}"#);
    assert_eq!(asked["biz_content"], json);
}

const CREATE: &str = r#"{"out_biz_no":"1","name":"集点","desc":"d","type":"DIRECT_SEND",
    "start_time":"2016-09-22 00:00:00","end_time":"2016-09-30 00:00:00",
    "constraint_info":{"user_win_count":"1"},"promo_tools":[{"voucher":{"type":"EXCHANGE"}}]}"#;

#[test]
fn an_activity_is_created_changed_looked_at_and_ended() {
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let create = Content::create(CREATE.as_bytes()).unwrap();
    let call = Call { notify_url: "https://isv.example/notify", ..Call::default() };
    let created = till.call(&call, &create).unwrap().result(activity::created).unwrap();
    assert_eq!(created.camp_id.as_str(), "20161020000000000194482000151966");
    let asked = desk.asked().pop().unwrap();
    assert_eq!(
        (asked["method"].as_str(), asked["biz_content"].as_str()),
        (activity::CREATE, CREATE)
    );
    assert_eq!(asked["notify_url"], "https://isv.example/notify");

    let text = CREATE.replacen('{', r#"{"camp_id":"2016","#, 1);
    let modify = Content::modify(text.as_bytes()).unwrap();
    let changed = till.typed(&modify).result(activity::changed).unwrap();
    assert_eq!(changed.audit_status.as_str(), "AUDITING");
    let asked = desk.asked().pop().unwrap();
    assert_eq!(asked["method"], activity::MODIFY);
    assert!(!asked.contains_key("notify_url"), "it belongs to the call before");

    let query = activity::Query { camp_id: "2016", operator_id: None, operator_type: None };
    let mut answered = till.typed(&query);
    let base = answered.result(|answer| {
        let detail = activity::detail(answer)?;
        let base = detail.claim_base().ok_or(Error::new(Status::Missing, "ext_info"))?;
        Ok(shown(&base))
    });
    assert!(base.unwrap().contains("https://render.alipay.com/"));
    assert_eq!(desk.asked().pop().unwrap()["biz_content"], r#"{"camp_id":"2016"}"#);

    let batch = BatchQuery {
        page_number: 1,
        page_size: 20,
        operator_id: Some("op"),
        operator_type: Some(OperatorType::Provider),
        query_criterias: &[Criterion::status("STARTED|CLOSED")],
    };
    assert_eq!(till.typed(&batch).result(activity::total_number), Ok(2));
    assert_eq!(desk.asked().pop().unwrap()["method"], activity::BATCHQUERY);

    let end = Offline {
        out_biz_no: "9",
        camp_id: "2016",
        reason: Some("结束"),
        operator_id: None,
        operator_type: None,
    };
    assert_eq!(till.typed(&end).result(activity::changed).unwrap().camp_status.as_str(), "CLOSED");
}

#[test]
fn tokens_are_asked_for_on_nobodys_behalf() {
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let tokens = till.typed(&Grant::Code("P12345")).result(token::tokens).unwrap();
    assert_eq!(tokens.app_auth_token.as_str(), "201609BBnew");
    assert_eq!((tokens.expires_in, tokens.re_expires_in), (Some(31_536_000), Some(32_140_800)));
    let state = till.typed(&token::Query { app_auth_token: "201609BB1234" });
    assert!({ state }.result(token::state).unwrap().is_valid);
    for asked in desk.asked() {
        assert!(!asked.contains_key("app_auth_token"), "{asked:?}");
    }
    let call = Call { app_auth_token: Some("201609BB1234"), ..Call::default() };
    let error = till.call(&call, &Grant::Refresh("r")).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Argument, "app_auth_token"));
    let without = Call { app_auth_token: Some(""), ..Call::default() };
    assert!(till.call(&without, &Grant::Refresh("r")).is_ok());
    assert_eq!(desk.asked().len(), 1);
}

#[test]
fn any_method_can_be_called_with_json_of_ones_own() {
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let json = Json::check(" {\"out_trade_no\":\"a&b=c+%\",\"x\":[1, 2]}\n").unwrap();
    let call =
        Call { method: "alipay.trade.query", app_auth_token: Some("other"), ..Call::default() };
    let answered = till.call(&call, &json).unwrap();
    let answer = answered.answer.unwrap();
    assert_eq!(answer.text::<16>("total_amount").unwrap(), "88.88");
    assert!(answer.signed().starts_with(b"{\"code\":\"10000\""), "the node as it came");
    let asked = desk.asked().pop().unwrap();
    assert_eq!(asked["biz_content"], "{\"out_trade_no\":\"a&b=c+%\",\"x\":[1, 2]}");
    assert_eq!(asked["app_auth_token"], "other");
}

#[test]
fn bad_calls_are_refused_by_name_before_anything_is_sent() {
    for (text, status, at) in [
        ("", Status::Missing, 0),
        (" \n", Status::Missing, 0),
        ("[]", Status::Malformed, 0),
        ("{\"a\":1", Status::Malformed, 6),
        ("{\"a\":1}}", Status::Malformed, 7),
        ("{\"a\":01}", Status::Malformed, 6),
        ("{\"a\":1,\"\\u0061\":2}", Status::Duplicate, 7),
        ("{\"biz_content\":{}}", Status::Argument, 15),
    ] {
        let error = Json::check(text).map(|_| ()).unwrap_err();
        assert_eq!((error.status, error.what, error.at), (status, "biz_content", at), "{text}");
    }
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let json = Json::check("{}").unwrap();
    let update = Update::consume("req1", USER, ACCOUNT, 7);
    let long = "x".repeat(257);
    let of = |method| Call { method, ..Call::default() };
    let cases = [
        (till.call(&of(""), &json).map(drop), Status::Argument, "method"),
        (till.call(&of("alipay trade"), &json).map(drop), Status::Argument, "method"),
        (till.call(&of(&long), &json).map(drop), Status::TooLong, "method"),
        (till.call(&of(points::QUERY), &update).map(drop), Status::Argument, "method"),
    ];
    for (result, status, what) in cases {
        let error = result.unwrap_err();
        assert_eq!((error.status, error.what), (status, what));
    }
    let call = Call { notify_url: &long, ..Call::default() };
    assert_eq!(till.call(&call, &update).unwrap_err().what, "notify_url");
    let call = Call { notify_url: "https://x/集", ..Call::default() };
    assert_eq!(till.call(&call, &update).unwrap_err().status, Status::Encoding);
    let call = Call { app_auth_token: Some(&long), ..Call::default() };
    assert_eq!(till.call(&call, &update).unwrap_err().what, "app_auth_token");
    let frozen = Update { biz_no: Some("1"), ..update };
    assert_eq!(till.call(&Call::default(), &frozen).unwrap_err().what, "biz_no");
    assert!(desk.asked().is_empty());
    assert_eq!(till.typed(&update).verdict, Verdict::Unknown, "no flow number in the answer");
}

#[test]
fn too_small_a_buffer_names_room_that_is_enough() {
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let text = format!("{{\"a\":\"{}\"}}", "集".repeat(9000));
    let json = Json::check(&text).unwrap();
    let call = Call { method: "alipay.trade.query", ..Call::default() };
    let mut tries = 0;
    loop {
        let Err(error) = till.call(&call, &json) else { break };
        assert_eq!((error.status, error.what), (Status::BufferTooSmall, "io"));
        assert!(error.at as usize > till.io.len());
        till.io.resize(error.at as usize, 0);
        tries += 1;
    }
    assert!((1..=4).contains(&tries), "{tries}");
    assert_eq!(desk.asked().pop().unwrap()["biz_content"], text);
    till.io.truncate(100);
    assert_eq!(till.call(&call, &json).unwrap_err().status, Status::BufferTooSmall);
}

/// The room behind the request is the answer's.
#[test]
fn a_long_answer_comes_back_in_a_long_buffer() {
    let long = format!("{{\"code\":\"10000\",\"list\":[{}\"end\"]}}", "\"x\",".repeat(20_000));
    let say = long.clone();
    let desk = Desk::start(move |_| node(&say));
    let mut till = house(&desk.url);
    let json = Json::check("{}").unwrap();
    let call = Call { method: "alipay.trade.query", ..Call::default() };
    let answered = till.call(&call, &json).unwrap();
    assert_eq!((answered.verdict, answered.status), (Verdict::Unknown, Status::Unknown));
    till.io.resize(100_000, 0);
    let answer = till.call(&call, &json).unwrap().answer.unwrap();
    assert_eq!(answer.signed(), long.as_bytes());
}

#[test]
fn what_is_not_proven_is_not_handed_out() {
    let good = r#"{"code":"10000","sub_msg":"x"}"#;
    let refusal =
        "{\"code\":\"40002\",\"sub_code\":\"isv.invalid-app-id\",\"sub_msg\":\"无效\\n的\"}";
    let other = desk::sign("other2048.pkcs8.pem", good.as_bytes());
    let named = |name: &str, sign: &str| {
        Said::Body(format!("{{\"{name}\":{good},\"sign\":\"{sign}\"}}").into_bytes())
    };
    let right = desk::sign("alipay2048.pkcs8.pem", good.as_bytes());
    let cases: Vec<(Said, Status, &str)> = vec![
        (Said::Unsigned(good.into()), Status::Unsigned, ""),
        (Said::Unsigned(refusal.into()), Status::Unsigned, "无效?的"),
        (named("alipay_trade_query_response", &other), Status::Signature, "x"),
        (named("alipay_trade_pay_response", &right), Status::Malformed, ""),
        (Said::Body(b"<html>".to_vec()), Status::Malformed, ""),
        (Said::Nothing, Status::Unknown, ""),
    ];
    for (number, (said, status, sub_msg)) in cases.into_iter().enumerate() {
        let said = std::sync::Mutex::new(Some(said));
        let desk = Desk::start(move |_| said.lock().unwrap().take().unwrap());
        let mut till = house(&desk.url);
        let json = Json::check("{}").unwrap();
        let call = Call { method: "alipay.trade.query", ..Call::default() };
        let answered = till.call(&call, &json).unwrap();
        assert_eq!((answered.verdict, answered.status), (Verdict::Unknown, status), "{number}");
        assert!(!answered.authenticated && answered.answer.is_none(), "{number}");
        assert!(sub_msg.is_empty() || answered.sub_msg == sub_msg, "{number}");
    }
}

/// What `isv.invalid-signature` quotes begins with the token of the request.
#[test]
fn a_quoted_request_reaches_no_log() {
    let said = "验签出错: app_auth_token=201609BB1234&app_id=1";
    let sub_code = "isv.invalid-signature";
    let text = format!(r#"{{"code":"40002","sub_code":"{sub_code}","sub_msg":"{said}"}}"#);
    let desk = Desk::start(move |_| node(&text));
    let mut till = house(&desk.url);
    let answered = till.typed(&Update::consume("req1", USER, ACCOUNT, 7));
    assert_eq!(answered.sub_msg, "验签出错: app_auth_token");
}

#[test]
#[cfg(feature = "gbk")]
fn a_refusal_in_gbk_is_read_in_a_utf8_session() {
    let mut text = b"{\"code\":\"20000\",\"sub_code\":\"aop.unknow-error\",\"sub_msg\":\"".to_vec();
    text.extend_from_slice(b"\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6\"}");
    let desk = Desk::start(move |_| Said::Node(text.clone()));
    let mut till = house(&desk.url);
    let answered = till.typed(&Update::consume("req1", USER, ACCOUNT, 7));
    assert_eq!((answered.verdict, answered.authenticated), (Verdict::Unknown, true));
    assert_eq!(answered.sub_msg, "系统繁忙");
}

#[test]
fn a_call_says_what_kind_of_refusal_it_was() {
    for (code, sub_code, verdict, status) in [
        ("20001", "aop.invalid-app-auth-token", Verdict::Deferred, Status::Token),
        ("40005", "isv.app-call-limited", Verdict::Deferred, Status::Throttled),
        ("40002", "isv.invalid-signature", Verdict::Deferred, Status::Refused),
        ("40004", "POINT_NOT_ENOUGH", Verdict::Rejected, Status::Rejected),
        ("20000", "isp.unknow-error", Verdict::Unknown, Status::Unknown),
        ("10003", "", Verdict::Unknown, Status::Unknown),
    ] {
        let text = format!("{{\"code\":\"{code}\",\"sub_code\":\"{sub_code}\"}}");
        let desk = Desk::start(move |_| node(&text));
        let mut till = house(&desk.url);
        till.sell("2016082221001004150200139999");
        let answered = till.typed(&Update::consume("req1", USER, ACCOUNT, 7));
        assert_eq!((answered.verdict, answered.status), (verdict, status), "{code}");
        assert_eq!(answered.sub_code.as_str(), sub_code);
        // Nothing of it touches what waits to be sent.
        let client = till.client.borrow();
        assert_eq!((client.status().waiting, client.wait_ms()), (1, 0));
    }
}

/// A replayed answer names a flow number that was seen a moment ago for another request.
#[test]
fn a_flow_number_of_another_request_is_no_success() {
    let desk = Desk::start(|_| node(r#"{"code":"10000","point_log_no":"201610100000110001"}"#));
    let mut till = house(&desk.url);
    let first = Update::consume("req1", USER, ACCOUNT, 7);
    till.update(&first);
    till.update(&first);
    let freeze = Freeze { req_id: "req2", user_id: USER, activity_account: ACCOUNT, points: 7 };
    let answered = till.typed(&freeze.update());
    assert_eq!((answered.verdict, answered.status), (Verdict::Unknown, Status::Duplicate));
    // Nothing says that a COMMIT has a number of its own.
    till.update(&Update::commit("req3", &freeze.frozen("201610100000110001")));
}

#[test]
fn nothing_is_sent_and_nothing_booked_while_the_line_is_down() {
    let sandbox = sandbox();
    let mut till = own(&sandbox);
    sandbox.down();
    let answered = till.typed(&Update::consume("req1", USER, ACCOUNT, 7));
    assert_eq!((answered.verdict, answered.status), (Verdict::Deferred, Status::Transport));
    sandbox.up();
    till.sell("2016082221001004150200139999");
    let Till { client, transport, io, .. } = &mut till;
    let report = sync::sync(client, transport, io, 2_000, &mut |_| {}).unwrap();
    assert_eq!((report.accepted, report.waiting), (1, 0), "the line has no grudge");
}

#[test]
fn entries_and_calls_end_by_their_own_doors() {
    let sandbox = sandbox();
    let till = own(&sandbox);
    till.sell("2016082221001004150200139999");
    let mut client = till.client.borrow_mut();
    let (mut buf, http) = (vec![0; 10_240], HttpAnswer { status: 200, ..HttpAnswer::default() });
    let exchange = client.next_request(&mut buf).unwrap().unwrap().exchange;
    let json = Json::check("{}").unwrap();
    let call = Call { method: "alipay.trade.query", ..Call::default() };
    let busy = client.call_request(&call, &json, &mut [0; 4096]).unwrap_err();
    assert_eq!((busy.status, busy.what), (Status::Busy, "exchange"));
    let error = client.on_answer(exchange, &http, b"{}", &mut []).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Argument, "exchange"));
    assert_eq!(client.on_response(exchange, &http, b"{}").unwrap().verdict, Verdict::Unknown);
    let exchange = client.call_request(&call, &json, &mut buf).unwrap().exchange;
    assert_eq!(client.on_answer(exchange + 1, &http, b"{}", &mut []).unwrap_err().what, "exchange");
    let outcome = client.on_response(exchange, &http, b"{}").unwrap();
    assert_eq!((outcome.verdict, outcome.seq), (Verdict::Unknown, 0));
    assert_eq!(client.status().sent_unknown, 1, "the entry's doubt is its own");
}

/// A member's text.
fn shown(value: &pointcard::json::Value<'_>) -> String {
    let mut text = String::new();
    value.each_char(&mut |c| text.push(c));
    text
}

#[test]
fn a_member_is_found_by_its_path() {
    let desk = Desk::start(ordinary);
    let mut till = house(&desk.url);
    let query = activity::Query { camp_id: "2016", operator_id: None, operator_type: None };
    let answer = till.typed(&query).answer.unwrap();
    let node = pointcard::json::Object::read(answer.signed(), answer.encoding()).unwrap();
    let at = |path: &str| gateway::find(&node, path).map(|value| shown(&value));
    assert_eq!(at("camp_detail.name").unwrap(), "集点卡");
    assert_eq!(at("camp_detail.publish_channels.0.type").unwrap(), "URL_WITH_TOKEN");
    assert!(at("camp_detail.publish_channels.1.type").is_none());
}
