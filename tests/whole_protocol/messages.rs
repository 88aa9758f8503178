//! From a claim to a COMMIT: the sandbox's messages come in over HTTP, are verified, answered and
//! acted upon, in every way they may be signed and sent.
//!
//! In: a way. Out: a coupon's message that was believed, and the points of its freeze spent.

use crate::campaigns::{TYPED_EXCHANGE, link};
use crate::mail::Mailbox;
use crate::shop::{Mode, Shop};
use crate::till::{ACCOUNT, APP_ID, USER, key};
use pointcard::client::call::Call;
use pointcard::crypto::{PublicKey, Scratch};
use pointcard::gateway::activity::{self, Activity, Exchange};
use pointcard::gateway::notify::{self, Message, REPLY, REPLY_FAIL, Variant, Verified};
use pointcard::gateway::points::{self, Freeze, Update};
use pointcard::gateway::{Session, SignType};
use pointcard::json::Encoding;
use pointcard::points::sale::Sale;
use pointcard::status::Result;
use pointcard::text::Writer;
use pointcard_sandbox::{Claim, Empty, NotifyCharset, NotifySign};

/// One way a message may come.
#[derive(Clone, Copy, Debug)]
struct Way {
    is_get: bool,
    is_v2: bool,
    is_gbk: bool,
    is_sha1: bool,
    empty: Empty,
}

impl Way {
    const COUNT: usize = 16;

    /// Each of four questions both ways; what becomes of empty fields changes with them.
    fn of(number: usize) -> Way {
        let bit = |at: usize| number >> at & 1 == 1;
        let empty = [Empty::No, Empty::Unsigned, Empty::Signed][number % 3];
        Way { is_get: bit(0), is_v2: bit(1), is_gbk: bit(2), is_sha1: bit(3), empty }
    }

    fn turn(self, shop: &Shop) {
        shop.sandbox.switch(|switches| {
            switches.notify_get = self.is_get;
            switches.notify_v2 = self.is_v2;
            switches.notify_empty = self.empty;
            if self.is_gbk {
                switches.notify_charset = NotifyCharset::Gbk;
            } else {
                switches.notify_charset = NotifyCharset::Utf8;
            }
            switches.notify_sign_type =
                if self.is_sha1 { NotifySign::Rsa } else { NotifySign::Rsa2 };
        });
    }

    fn sign_type(self) -> SignType {
        if self.is_sha1 { SignType::Rsa } else { SignType::Rsa2 }
    }

    fn encoding(self) -> Encoding {
        if self.is_gbk { Encoding::Gbk } else { Encoding::Utf8 }
    }

    fn variant(self) -> Variant {
        match (self.is_v2, self.empty == Empty::Signed) {
            (false, false) => Variant::V1,
            (false, true) => Variant::V1Empty,
            (true, false) => Variant::V2,
            (true, true) => Variant::V2Empty,
        }
    }
}

/// What a merchant's server does with a form; an error is not believed.
fn believed<R>(
    form: &str,
    session: SignType,
    read: impl FnOnce(&Verified<'_, '_>) -> Result<R>,
) -> Result<R> {
    let (mut room, mut public, mut scratch) =
        (vec![0; form.len()], PublicKey::new(), Scratch::new());
    public.load(key("alipay2048.pub.b64").as_bytes(), &mut scratch)?;
    let notification = notify::read(form.as_bytes(), &mut room)?;
    read(&notification.verify(session, &public, &mut scratch)?)
}

#[test]
fn a_claim_is_told_believed_answered_and_committed() {
    let mut shop = Shop::open(Mode::default());
    let points = 10 * Way::COUNT as u32;
    shop.sell(&Sale { biz_no: "trade", points, ..Sale::default() });
    assert_eq!(shop.sync().accepted, 1);
    for number in 0..Way::COUNT {
        let way = Way::of(number);
        way.turn(&shop);
        claimed(&mut shop, way, &format!("offer-{number}"));
    }
    let ledger = shop.sandbox.ledger();
    let (freezes, commits): (Vec<_>, Vec<_>) =
        ledger.iter().skip(1).partition(|booking| booking.order.trans_type == "FREEZE");
    assert_eq!((freezes.len(), commits.len()), (Way::COUNT, Way::COUNT));
    for (freeze, commit) in freezes.iter().zip(commits) {
        assert_eq!(commit.order.trans_type, "COMMIT");
        assert_eq!(commit.order.biz_no.as_ref(), Some(&freeze.point_log_no));
    }
    let balance = shop.sandbox.balance(USER, ACCOUNT);
    assert_eq!((balance.available, balance.freezed), (0, 0));
}

/// A campaign of its own, a freeze, a link, a claim, its message, the COMMIT.
fn claimed(shop: &mut Shop, way: Way, offer: &str) {
    let session = way.sign_type();
    let mail = Mailbox::answering(move |form| {
        if believed(form, session, |_| Ok(())).is_ok() { REPLY } else { REPLY_FAIL }
    });
    let camp_id = campaign(shop, offer, &mail.url);
    for _ in ["CREATE", "START"] {
        state(&mail.next(), way, &camp_id);
    }
    let freeze = Freeze { req_id: offer, user_id: USER, activity_account: ACCOUNT, points: 10 };
    let flow = shop.said(&freeze.update(), points::point_log_no);
    claim(shop, &camp_id, offer);
    let form = mail.next();
    let told = coupon(&form, way);
    assert_eq!(told, (offer.to_owned(), USER.to_owned()), "{way:?}");
    let forged = form.replace(offer, "offer-x");
    assert!(believed(&forged, session, |_| Ok(())).is_err(), "{way:?}");
    let req_id = format!("commit-{offer}");
    shop.said(&Update::commit(&req_id, &freeze.frozen(&flow)), points::point_log_no);
    answers_were_taken(shop, offer, way);
}

fn campaign(shop: &mut Shop, out_biz_no: &str, notify_url: &str) -> String {
    let activity = Activity { out_biz_no, ..TYPED_EXCHANGE.activity };
    let mut room = [0; 2048];
    let content = Exchange { activity, ..TYPED_EXCHANGE }.write(&mut room).unwrap();
    let call = Call { notify_url, ..Call::default() };
    let created = shop.call(&call, &content).unwrap().result(activity::created).unwrap();
    created.camp_id.as_str().to_owned()
}

/// The shopper does what the link says.
fn claim(shop: &mut Shop, camp_id: &str, offer: &str) {
    let link = link(shop, camp_id, offer);
    let part = |name: &str| {
        let (_, rest) = link.split_once(name).unwrap_or_else(|| panic!("{name} in {link}"));
        rest.split(['&', '#']).next().unwrap().to_owned()
    };
    let claim = Claim {
        out_biz_no: part("outBizNo="),
        token: part("token="),
        user_id: USER.into(),
        ..Claim::default()
    };
    let claimed = shop.sandbox.claim(&claim).unwrap();
    assert_eq!(claimed.camp_id.as_deref(), Some(camp_id));
}

/// A message about the campaign, which says neither charset nor sign_type: the session's count.
fn state(form: &str, way: Way, camp_id: &str) {
    let name = believed(form, way.sign_type(), |verified| {
        let Message::Activity(state) = verified.message()? else { panic!("{form}") };
        assert_eq!((state.id, state.order_status), (camp_id, Some("SUCCESS")));
        let mut room = [0; 256];
        let mut out = Writer::new(&mut room);
        verified.text("name", way.encoding(), &mut out)?;
        out.finish_str().map(str::to_owned)
    });
    assert_eq!(name.as_deref(), Ok(TYPED_EXCHANGE.activity.name), "{way:?} {form}");
}

/// `isv_out_biz_id` and `buyer_id`. A session of RSA takes what the message says, one of RSA2 no
/// less.
fn coupon(form: &str, way: Way) -> (String, String) {
    if way.is_sha1 {
        let weak = believed(form, SignType::Rsa2, |_| Ok(())).map_err(|error| error.what);
        assert_eq!(weak, Err("sign_type"), "{way:?}");
    }
    let told = believed(form, SignType::Rsa, |verified| {
        assert_eq!(verified.variant(), way.variant(), "{way:?}");
        let Message::Coupon(coupon) = verified.message()? else { panic!("{form}") };
        coupon.check(&Session::new(APP_ID), None)?;
        Ok((coupon.isv_out_biz_id.to_owned(), coupon.buyer_id.to_owned()))
    });
    told.unwrap_or_else(|error| panic!("{way:?}: {error}; {form}"))
}

/// The sandbox notes an answer after it was read: soon.
fn answers_were_taken(shop: &Shop, offer: &str, way: Way) {
    let number: usize = offer.trim_start_matches("offer-").parse().unwrap();
    let wanted = 3 * (number + 1);
    let count = || shop.sandbox.deliveries().len();
    for _ in 0..2000 {
        if count() >= wanted {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let deliveries = shop.sandbox.deliveries();
    assert_eq!(deliveries.len(), wanted, "{way:?}");
    assert!(deliveries.iter().all(|delivery| delivery.accepted), "{way:?} {deliveries:?}");
}
