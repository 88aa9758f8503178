//! The quick-start guide's two campaigns: in flows a shop, out flow claim links and a closed
//! campaign.
//!
//! The guide prints an end of 2016-09-31, which is no day: here it is the day before.

use crate::shop::Shop;
use crate::till::USER;
use pointcard::claim::link::Link;
use pointcard::gateway::activity::{
    self, Activity, BatchQuery, Collect, Content, Criterion, Exchange, Offline, PointCard, Query,
    Voucher,
};
use pointcard::gateway::prize::{self, PrizesendAuth};
use pointcard::json::Value;
use pointcard::status::{Error, Result, Status};
use pointcard::text::Writer;

/// As the guide prints it, but for that day.
const COLLECT: &str = r#"{"out_biz_no":"adfasasdfexfesadsaxxd","name":"集点活动测试-yuchi",
    "start_time":"2016-08-02 00:00:00","end_time":"2016-09-30 00:00:00","type":"POINT_SEND",
    "desc":"集点活动测试","constraint_info":{"suit_shops":["2015121600077000000002388200"]},
    "promo_tools":[{"point_card":{"name":"集点卡-yuchi","desc":"活动规则简述(16字)",
    "start_time":"2016-08-01 00:00:00","end_time":"2016-12-01 00:00:00",
    "logo":"1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC"}}]}"#;

/// As the guide prints it.
pub const EXCHANGE: &str = r#"{"out_biz_no":"hhe12312312312312348","budget_info":{
    "budget_total":"10453","budget_type":"QUANTITY"},"constraint_info":{"suit_shops":[
    "2015122900077000000002409504"]},"start_time":"2016-08-01 00:00:00",
    "end_time":"2016-09-30 00:00:00","name":"全场代金+不含人群","type":"DIRECT_SEND",
    "desc":"test","promo_tools":[{"voucher":{"brand_name":"8个集点兑换","desc":"券的详细描述",
    "effect_type":"IMMEDIATELY","start_time":"2016-05-01 00:00:00",
    "end_time":"2016-10-01 00:00:00","logo":"1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
    "max_amount":"20","name":"全场代金券","type":"MONEY","use_rule":{"min_consume":"10",
    "suit_shops":["2015122900077000000002409504"]},"validate_type":"FIXED",
    "voucher_img":"1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC","worth_value":"20"},
    "send_rule":{"allow_repeat_send":"true"}}],
    "publish_channels":[{"name":"URL_WITH_TOKEN","type":"URL_WITH_TOKEN"}]}"#;

const TYPED: Activity<'static> = Activity {
    out_biz_no: "typed-collect",
    name: "集点活动",
    desc: "满十点换一张券",
    start_time: "2016-08-02 00:00:00",
    end_time: "2016-09-30 00:00:00",
};

const TYPED_COLLECT: Collect<'static> = Collect {
    activity: TYPED,
    suit_shops: &["2015121600077000000002388200"],
    card: PointCard {
        name: "集点卡",
        desc: "活动规则简述",
        start_time: "2016-08-01 00:00:00",
        end_time: "2016-12-01 00:00:00",
        logo: "1T8Pp00AT7eo9NoAJkMR3AAAACMAAQEC",
    },
};

/// The guide's, typed.
pub const TYPED_EXCHANGE: Exchange<'static> = Exchange {
    activity: Activity { out_biz_no: "typed-exchange", name: "全场代金+不含人群", ..TYPED },
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

pub fn live_and_end(shop: &mut Shop) {
    let (mut one, mut two) = ([0; 2048], [0; 2048]);
    let contents = [
        Content::create(COLLECT.as_bytes()),
        Content::create(EXCHANGE.as_bytes()),
        TYPED_COLLECT.write(&mut one),
        TYPED_EXCHANGE.write(&mut two),
    ];
    let camps = contents.map(|content| shop.said(&content.unwrap(), activity::created).camp_id);
    for (camp_id, has_link) in camps.iter().zip([false, true, false, true]) {
        let base = shop.said(&asks(camp_id), |answer| {
            let base = activity::detail(answer)?.claim_base().map(|base| text(&base));
            base.transpose()
        });
        assert_eq!(base.is_some(), has_link, "{base:?}");
    }
    let link = link(shop, &camps[1], "offer-1");
    let page = format!("{}?itemId=", shop.sandbox.claim_page_url());
    assert!(link.starts_with(&page), "{link}");
    assert!(
        link.contains("&type=pointcard&token=") && link.contains("&outBizNo=offer-1"),
        "{link}"
    );
    change_and_end(shop, &camps[1]);
}

/// The exchange campaign gets half a day more; then it ends.
fn change_and_end(shop: &mut Shop, camp_id: &str) {
    let modify = EXCHANGE
        .replacen('{', &format!(r#"{{"camp_id":"{camp_id}","#), 1)
        .replace("hhe12312312312312348", "modify-1")
        .replace("2016-09-30 00:00:00", "2016-09-30 12:00:00");
    let modify = Content::modify(modify.as_bytes()).unwrap();
    assert_eq!(shop.said(&modify, activity::changed).camp_status.as_str(), "MODIFYING");
    let end_time = [Criterion::end_time("2016-09-30 12:00:00")];
    assert_eq!(found(shop, &end_time), 1);
    let name = [Criterion::name("全场代金+不含人群"), Criterion::status("STARTED|STARTING")];
    assert_eq!(found(shop, &name), 2);
    let (out_biz_no, reason) = ("offline-1", Some("活动结束"));
    let end = Offline { out_biz_no, camp_id, reason, operator_id: None, operator_type: None };
    assert_eq!(shop.said(&end, activity::changed).camp_status.as_str(), "CLOSING");
    assert_eq!((found(shop, &name), found(shop, &[Criterion::status("CLOSED")])), (1, 1));
    let status = shop.said(&asks(camp_id), |answer| {
        activity::detail(answer)?.status().as_ref().map(text).transpose()
    });
    assert_eq!(status.as_deref(), Some("CLOSED"));
}

/// The claim link of an exchange campaign for [`USER`].
pub fn link(shop: &mut Shop, camp_id: &str, out_biz_no: &str) -> String {
    let auth = PrizesendAuth { req_id: out_biz_no, prize_id: camp_id, user_id: USER };
    let token = shop.said(&auth, prize::token);
    shop.said(&asks(camp_id), |answer| {
        let base = activity::detail(answer)?.claim_base();
        let base = text(&base.ok_or(Error::new(Status::Missing, "URL_WITH_TOKEN"))?)?;
        let mut room = [0; 2048];
        let mut out = Writer::new(&mut room);
        Link::new(&base, &token, out_biz_no).write(&mut out)?;
        out.finish_str().map(str::to_owned)
    })
}

fn asks(camp_id: &str) -> Query<'_> {
    Query { camp_id, operator_id: None, operator_type: None }
}

fn found(shop: &mut Shop, query_criterias: &[Criterion<'_>]) -> u64 {
    let (operator_id, operator_type) = (None, None);
    let batch =
        BatchQuery { page_number: 1, page_size: 20, operator_id, operator_type, query_criterias };
    shop.said(&batch, activity::total_number)
}

fn text(value: &Value<'_>) -> Result<String> {
    let mut room = [0; 1024];
    let mut out = Writer::new(&mut room);
    value.text(&mut out)?;
    out.finish_str().map(str::to_owned)
}
