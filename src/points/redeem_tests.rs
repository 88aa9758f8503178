use super::*;

const FACE: Deposit<'static> = Deposit {
    user_id: "2088123412341234",
    activity_account: "39201608190015500100016011040139",
    shop_id: "2016041200077000000003277104",
    biz_no: "prize1476966783310",
    memo: "",
    ext_info: "",
};

fn offer() -> Offer<'static> {
    Offer {
        stage: Stage::Authorised,
        prize_id: "20160527000000000682853000153366",
        base: "https://render.alipay.com/p/z/pointset/index.html?itemId=1",
        at: 1_476_966_783,
        point_log_no: "2016102000000000000000000001",
        token: "5b78189e7b2d4c1f9a0e3d2c1b0a9f8e",
        ..Offer::new(FACE)
    }
}

#[test]
fn a_stored_offer_reads_back_the_same() {
    let mut room = [0; OFFER_MAX];
    for (unwanted, imported) in [(false, false), (true, false), (false, true), (true, true)] {
        let offer = Offer { unwanted, imported, notify_id: "n1", to: "server", ..offer() };
        assert_eq!(Offer::load(offer.store(&mut room).unwrap()), Ok(offer));
    }
    let new = Offer::new(FACE);
    assert_eq!(Offer::load(new.store(&mut room).unwrap()), Ok(new));
    let body = new.store(&mut room).unwrap().to_vec();
    assert_eq!(Deposit::load(&body).unwrap_err().status, Status::Malformed, "and as nothing else");
}

#[test]
fn the_longest_offer_and_claim_fit() {
    let wide = |n: usize| Box::leak("9".repeat(n).into_boxed_str()) as &'static str;
    let (id, room) = (wide(32), &mut [0; OFFER_MAX]);
    let face = Deposit { user_id: id, activity_account: id, shop_id: id, biz_no: id, ..FACE };
    let longest = Offer {
        prize_id: id,
        base: wide(BASE_MAX),
        claim_life_s: u32::MAX,
        at: text::TIME_MAX,
        point_log_no: id,
        token: wide(prize::TOKEN_MAX),
        notify_id: wide(notify::ID_MAX),
        to: wide(TO_MAX),
        unwanted: true,
        imported: true,
        ..Offer::new(face)
    };
    assert_eq!(Offer::load(longest.store(room).unwrap()), Ok(longest));
    let long = wide(notify::ID_MAX);
    let claim = Claim { out_biz_no: long, buyer_id: long, notify_id: long };
    assert_eq!(Claim::load(claim.store(room).unwrap()), Ok(claim));
}

#[test]
fn each_request_has_a_key_of_its_own() {
    let owner = Owner { app_id: "2016100900000001", merchant: "" };
    let own = freeze_key(&owner, FACE.activity_account, FACE.biz_no);
    let jobs = [Job::Freeze, Job::Auth, Job::Commit, Job::Cancel, Job::Consume];
    let keys: Vec<_> = jobs.iter().map(|job| key(*job, &own, "log")).collect();
    for (at, one) in keys.iter().enumerate() {
        assert_eq!(one.len(), 32);
        assert!(!keys[..at].contains(one), "{at}");
    }
    assert_ne!(key(Job::Commit, &own, "log2"), keys[2], "another freeze");
    assert_eq!(key(Job::Auth, &own, "log2"), keys[1]);
    let isv = Owner { merchant: "m", ..owner };
    assert_ne!(freeze_key(&isv, FACE.activity_account, FACE.biz_no), own);
}

#[test]
fn each_stage_sends_what_the_gateway_takes() {
    let at = |stage| Offer { stage, ..offer() };
    for stage in [Stage::Freezing, Stage::Committing, Stage::Cancelling, Stage::Consuming] {
        let offer = at(stage);
        let key = offer.key("own");
        offer.update(&key, 10).unwrap().check().unwrap();
    }
    assert_eq!(at(Stage::Freezing).update("k", 10).unwrap().biz_no, None);
    let commit = at(Stage::Committing);
    let commit = commit.update("k", 10).unwrap();
    assert_eq!(commit.biz_no, Some(offer().point_log_no));
    assert_eq!(commit.trans_type, TransType::Commit);
    for stage in [Stage::Frozen, Stage::Authorised, Stage::Done, Stage::Exported] {
        assert_eq!(at(stage).update("k", 1).unwrap_err().status, Status::BadState);
    }
}

#[test]
fn time_is_over_only_by_a_clock_that_knows() {
    let authorised = offer();
    let life = u64::from(CLAIM_LIFE_S) + u64::from(RETRY_S);
    assert!(!authorised.is_timed_out(authorised.at + life - 1));
    assert!(authorised.is_timed_out(authorised.at + life));
    assert!(!authorised.is_timed_out(0), "no clock now");
    assert!(!authorised.is_timed_out(1), "gone back");
    assert!(!Offer { at: 0, ..authorised }.is_timed_out(u64::MAX), "no clock then");
    let frozen = Offer { stage: Stage::Frozen, ..authorised };
    assert!(frozen.is_timed_out(frozen.at + u64::from(STALE_S)));
}

#[test]
fn bad_members_are_named() {
    let good = Redeem {
        out_biz_no: "prize-1_a",
        user_id: "2088",
        points: 10,
        prize_id: "1",
        link_base: r#"{"URL_WITH_TOKEN":"https://a.b/?itemId=1"}"#,
        activity_account: "account",
        ..Redeem::default()
    };
    let mut room = [0; link::BASE_MAX];
    let offer = good.check("", &mut room).unwrap();
    assert_eq!(offer.base, "https://a.b/?itemId=1");
    assert_eq!(offer.claim_life_s, CLAIM_LIFE_S);
    let what = |redeem: Redeem<'_>| {
        let mut room = [0; link::BASE_MAX];
        let error = redeem.check("", &mut room).unwrap_err();
        (error.status, error.what, error.at)
    };
    let (missing, bad) = (Status::Missing, Status::Encoding);
    assert_eq!(what(Redeem { out_biz_no: "", ..good }), (missing, "redeem.out_biz_no", 0));
    assert_eq!(what(Redeem { out_biz_no: "a b", ..good }), (bad, "redeem.out_biz_no", 1));
    assert_eq!(what(Redeem { out_biz_no: "ab.", ..good }), (bad, "redeem.out_biz_no", 2));
    assert_eq!(what(Redeem { prize_id: "", ..good }), (missing, "redeem.prize_id", 0));
    assert_eq!(what(Redeem { link_base: "", ..good }), (missing, "redeem.link_base", 0));
    let nowhere = what(Redeem { link_base: "https://a.b/", ..good });
    assert_eq!(nowhere, (missing, "redeem.link_base", 0), "no itemId");
    let long = format!("https://a.b/{}?itemId=1", "x".repeat(BASE_MAX));
    let long = what(Redeem { link_base: &long, ..good });
    assert_eq!(long, (Status::TooLong, "redeem.link_base", BASE_MAX as u32));
    let account = what(Redeem { activity_account: "", ..good });
    assert_eq!(account, (missing, "redeem.activity_account", 0));
}
