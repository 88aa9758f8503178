//! The one notification Alipay has published for this product: the example of the quick-start guide
//! of Koubei point cards, as its page shows it, and as it was sent.
//!
//! Nobody outside has the key it was signed with, so that no test can see it verify: it has to be
//! read field by field, refused, and refused for the right reason.
#![allow(clippy::unwrap_used)]

use pointcard::crypto::{PublicKey, Scratch};
use pointcard::gateway::SignType;
use pointcard::gateway::notify::{self, Notification};
use pointcard::status::{Error, Status};

/// With the white space the page has put behind `http:`, and `&not` eaten four times.
const SHOWN: &str = "http: //[ISV_NOTIFY_URL]?buyer_id=2088202920045392&merchant_uid=2088201914979011\u{AC}ify_time=2016-09-19 22:35:10&isv_out_biz_id=hhe-test1-210600000101537&sign_type=RSA2&charset=UTF-8&auth_app_id=2016090501238677\u{AC}ify_type=koubei_receive_coupon_notify&business_order=2088202920045392|20160917000000000862132000151011&version=1.0&sign=gbfFwWC82iHPK82gE2hJz/ZhzLFnBpVXud5aBxZDbSmW+vVCIhazBNlti3M2ZSYzQYGGY5S1CRe1iym37sbPY/DpS5yVLB+L443PgKU9su7QLFyPRQINbsRoRb5QMgSJrdepgoHhdiZ/tZpqMrRsJcOAMS4lcxo8fGCsxZaB9+A=&event_code=EC-promocore-prize-notice&app_id=2016090501239018\u{AC}ify_id=79d7029ea9e41120614dfb33bb4d7e9gum";

const FIELDS: [(&str, &str); 13] = [
    ("buyer_id", "2088202920045392"),
    ("merchant_uid", "2088201914979011"),
    ("notify_time", "2016-09-19 22:35:10"),
    ("isv_out_biz_id", "hhe-test1-210600000101537"),
    ("sign_type", "RSA2"),
    ("charset", "UTF-8"),
    ("auth_app_id", "2016090501238677"),
    ("notify_type", "koubei_receive_coupon_notify"),
    ("business_order", "2088202920045392|20160917000000000862132000151011"),
    ("version", "1.0"),
    ("event_code", "EC-promocore-prize-notice"),
    ("app_id", "2016090501239018"),
    ("notify_id", "79d7029ea9e41120614dfb33bb4d7e9gum"),
];

/// What verifying it with another key comes to.
fn refusal(notification: &Notification<'_>, key: &str) -> Error {
    let path = format!("{}/tests/vectors/keys/{key}.pub.pem", env!("CARGO_MANIFEST_DIR"));
    let (mut public, mut scratch) = (PublicKey::new(), Scratch::new());
    public.load(&std::fs::read(path).unwrap(), &mut scratch).unwrap();
    notification.verify(SignType::Rsa2, &public, &mut scratch).unwrap_err()
}

#[test]
fn as_the_page_shows_it_the_damage_is_named() {
    let mut room = vec![0; SHOWN.len()];
    let notification = notify::read(SHOWN.as_bytes(), &mut room).unwrap();
    // What stands before and behind the damage is read, the eaten names are not made up.
    assert_eq!(notification.field("buyer_id"), Some(&b"2088202920045392"[..]));
    assert_eq!(notification.field("notify_id"), None);
    let merged = notification.field("app_id").unwrap();
    let gum = "2016090501239018\u{AC}ify_id=79d7029ea9e41120614dfb33bb4d7e9gum";
    assert_eq!(merged, gum.as_bytes());
    let error = refusal(&notification, "alipay1024");
    assert_eq!((error.status, error.what), (Status::Malformed, "damage.not"));
    assert_eq!(error.at as usize, SHOWN.find("merchant_uid").unwrap());
    assert!(Notification::hint(&error).unwrap().contains("web page"));
}

#[test]
fn as_it_was_sent_every_field_is_read_and_only_the_signature_is_missing_its_key() {
    let sent = SHOWN.replace('\u{AC}', "&not");
    let mut room = vec![0; sent.len()];
    let notification = notify::read(sent.as_bytes(), &mut room).unwrap();
    for (name, value) in FIELDS {
        assert_eq!(notification.field(name), Some(value.as_bytes()), "{name}");
    }
    assert_eq!(notification.fields().len(), FIELDS.len() + 1, "and sign");
    assert_eq!(notification.damage(), None);
    // The key of the example has 1024 bits: one of that size says "not mine", and so does one of
    // another size, whatever sign_type says.
    for key in ["alipay1024", "alipay2048"] {
        let error = refusal(&notification, key);
        assert_eq!((error.status, error.what), (Status::Signature, "sign"), "{key}");
    }
}
