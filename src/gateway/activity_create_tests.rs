use super::*;

const SHOPS: &[&str] = &["2015121600077000000002388200"];

/// The guide's collecting activity, its end on a day that exists.
const COLLECT: Collect<'static> = Collect {
    activity: Activity {
        out_biz_no: "adfasasdfexfesadsaxxd",
        name: "集点活动测试-yuchi",
        desc: "集点活动测试",
        start_time: "2016-08-02 00:00:00",
        end_time: "2016-09-30 00:00:00",
    },
    suit_shops: SHOPS,
    card: PointCard {
        name: "集点卡-yuchi",
        desc: "活动规则简述(16字)",
        start_time: "2016-08-01 00:00:00",
        end_time: "2016-12-01 00:00:00",
        logo: "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
    },
};

/// The guide's exchange activity.
const EXCHANGE: Exchange<'static> = Exchange {
    activity: Activity {
        out_biz_no: "hhe12312312312312348",
        name: "全场代金+不含人群",
        desc: "test",
        start_time: "2016-08-01 00:00:00",
        end_time: "2016-09-30 00:00:00",
    },
    suit_shops: &["2015122900077000000002409504"],
    budget: 10453,
    voucher: Voucher {
        name: "全场代金券",
        brand_name: "8个集点兑换",
        desc: "券的详细描述",
        start_time: "2016-05-01 00:00:00",
        end_time: "2016-10-01 00:00:00",
        logo: "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
        voucher_img: "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
        worth_value: "20",
        min_consume: "10",
    },
    allow_repeat_send: true,
};

fn value(content: core::result::Result<Content<'_>, Fault>) -> serde_json::Value {
    serde_json::from_slice(content.unwrap().raw()).unwrap()
}

/// What the guide prints, as a value: member order and white space do not count.
fn guide(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_collecting_sample_is_built_but_for_its_impossible_day() {
    let mut buf = [0; 2048];
    let wanted = r#"{"out_biz_no":"adfasasdfexfesadsaxxd","name":"集点活动测试-yuchi","start_time":"2016-08-02 00:00:00","end_time":"2016-09-30 00:00:00","type":"POINT_SEND","desc":"集点活动测试","constraint_info":{"suit_shops":["2015121600077000000002388200"]},"promo_tools":[{"point_card":{"type":"POINT_CARD","name":"集点卡-yuchi","desc":"活动规则简述(16字)","start_time":"2016-08-01 00:00:00","end_time":"2016-12-01 00:00:00","logo":"1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC"}}]}"#;
    assert_eq!(value(COLLECT.write(&mut buf)), guide(wanted));
    let end_time = "2016-09-31 00:00:00";
    let printed = Collect { activity: Activity { end_time, ..COLLECT.activity }, ..COLLECT };
    let fault = printed.write(&mut buf).unwrap_err();
    assert_eq!((fault.error.status, fault.error.what), (Status::Range, "end_time"));
}

#[test]
fn the_exchange_sample_is_built() {
    let mut buf = [0; 2048];
    let wanted = r#"{"out_biz_no":"hhe12312312312312348","budget_info":{"budget_total":"10453","budget_type":"QUANTITY"},"constraint_info":{"suit_shops":["2015122900077000000002409504"]},"start_time":"2016-08-01 00:00:00","end_time":"2016-09-30 00:00:00","name":"全场代金+不含人群","type":"DIRECT_SEND","desc":"test","promo_tools":[{"voucher":{"brand_name":"8个集点兑换","desc":"券的详细描述","effect_type":"IMMEDIATELY","start_time":"2016-05-01 00:00:00","end_time":"2016-10-01 00:00:00","logo":"1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC","max_amount":"20","name":"全场代金券","type":"MONEY","use_rule":{"min_consume":"10","suit_shops":["2015122900077000000002409504"]},"validate_type":"FIXED","voucher_img":"1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC","worth_value":"20"},"send_rule":{"allow_repeat_send":"true"}}],"publish_channels":[{"name":"URL_WITH_TOKEN","type":"URL_WITH_TOKEN"}]}"#;
    assert_eq!(value(EXCHANGE.write(&mut buf)), guide(wanted));
}

#[test]
fn a_small_buffer_is_told() {
    let fault = EXCHANGE.write(&mut [0; 100]).unwrap_err();
    assert_eq!((fault.error.status, fault.error.at), (Status::BufferTooSmall, 200));
}

#[test]
fn what_the_types_cannot_say_is_checked() {
    let card = COLLECT.card;
    let voucher = EXCHANGE.voucher;
    let early = "2016-09-30 00:00:00"; // not later than the activity's end
    for (collect, status, what) in [
        (Collect { suit_shops: &[], ..COLLECT }, Status::Missing, "constraint_info.suit_shops"),
        (Collect { suit_shops: &[""], ..COLLECT }, Status::Missing, "constraint_info.suit_shops"),
        (
            Collect { card: PointCard { end_time: early, ..card }, ..COLLECT },
            Status::Range,
            "promo_tools[0].point_card.end_time",
        ),
        (
            Collect { card: PointCard { logo: "", ..card }, ..COLLECT },
            Status::Missing,
            "promo_tools[0].point_card.logo",
        ),
    ] {
        let error = collect.check().unwrap_err();
        assert_eq!((error.status, error.what), (status, what));
    }
    for (exchange, status, what) in [
        (Exchange { budget: 0, ..EXCHANGE }, Status::Range, "budget_info.budget_total"),
        (
            Exchange { voucher: Voucher { end_time: early, ..voucher }, ..EXCHANGE },
            Status::Range,
            "promo_tools[0].voucher.end_time",
        ),
        (
            Exchange { voucher: Voucher { desc: "a\nb", ..voucher }, ..EXCHANGE },
            Status::Encoding,
            "promo_tools[0].voucher.desc",
        ),
    ] {
        let error = exchange.check().unwrap_err();
        assert_eq!((error.status, error.what), (status, what));
    }
    for bad in ["0", "0.00", "1.", ".5", "1.234", "-1", "1e3", "1 "] {
        let exchange = Exchange { voucher: Voucher { worth_value: bad, ..voucher }, ..EXCHANGE };
        assert_eq!(exchange.check().unwrap_err().status, Status::Range, "{bad}");
    }
}
