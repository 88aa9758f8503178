use super::*;
use crate::gateway::Session;

/// A stand-in for RSA: the signature is the hash itself.
fn same(_: Digest, hash: &[u8], signature: &[u8]) -> Result<()> {
    if hash == signature { Ok(()) } else { Err(Error::new(Status::Signature, "sign")) }
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// `form`, signed over `string` for [`same`].
fn stamped(form: &str, string: &str) -> String {
    let mut hasher = Hasher::new(Digest::Sha256);
    hasher.update(string.as_bytes());
    let mut text = [0; 64];
    let len = STANDARD.encode_slice(hasher.finish().as_bytes(), &mut text).unwrap();
    format!("{form}&sign={}", percent(&text[..len]))
}

/// Reads and verifies, and hands the result to `then`.
fn with<T>(raw: &str, then: impl FnOnce(Result<Verified<'_, '_>>) -> T) -> T {
    let mut room = vec![0; raw.len()];
    let notification = read(raw.as_bytes(), &mut room).unwrap();
    then(notification.verify_with(SignType::Rsa2, &mut same))
}

fn refusal(raw: &[u8]) -> (Status, u32) {
    read(raw, &mut [0; 256]).map(|_| ()).map_err(|e| (e.status, e.at)).unwrap_err()
}

const COUPON: &str = "event_code=EC-promocore-prize-notice&notify_id=n1&isv_out_biz_id=o1\
    &buyer_id=2088&app_id=2016&auth_app_id=2017&business_order=2088|1&merchant_uid=2099";
const COUPON_STRING: &str = "app_id=2016&auth_app_id=2017&business_order=2088|1&buyer_id=2088\
    &event_code=EC-promocore-prize-notice&isv_out_biz_id=o1&merchant_uid=2099&notify_id=n1";

#[test]
fn a_form_is_decoded_once() {
    let raw = b"/n?a=%2541+%2B&&b==c&d&e=%E9%9B%86&";
    let mut room = [0; 64];
    let notification = read(raw, &mut room).unwrap();
    assert_eq!(notification.field("a"), Some(&b"%41 +"[..]));
    assert_eq!(notification.field("b"), Some(&b"=c"[..]));
    assert_eq!(notification.field("d"), Some(&b""[..]));
    assert_eq!(notification.field("e"), Some("集".as_bytes()));
    assert_eq!(notification.fields().len(), 4);
}

#[test]
fn a_query_begins_behind_the_mark_of_a_url_only() {
    for raw in ["?a=1", "/n?a=1", "http: //host?a=1", "a=1"] {
        let mut room = [0; 64];
        assert_eq!(read(raw.as_bytes(), &mut room).unwrap().field("a"), Some(&b"1"[..]), "{raw}");
    }
    assert_eq!(read(b"a=/?b=1", &mut [0; 64]).unwrap().field("a"), Some(&b"/?b=1"[..]));
}

#[test]
fn what_is_no_form_is_refused_where_it_stands() {
    assert_eq!(refusal(b""), (Status::Malformed, 0));
    assert_eq!(refusal(b"&&"), (Status::Malformed, 0));
    assert_eq!(refusal(b"a=1&=2"), (Status::Malformed, 4));
    assert_eq!(refusal(b"a=1&b%3Dc=2"), (Status::Malformed, 4));
    assert_eq!(refusal(b"a=1%4"), (Status::Malformed, 3));
    assert_eq!(refusal(b"a=%+1"), (Status::Malformed, 2));
    assert_eq!(refusal(b"a=1&b=2&%61=3"), (Status::Duplicate, 8));
    assert_eq!(refusal("x".repeat(300).as_bytes()), (Status::BufferTooSmall, 300));
    let many: String = (0..33).map(|n| format!("a{n}&")).collect();
    assert_eq!(refusal(many.as_bytes()), (Status::TooLong, 32));
}

#[test]
fn each_variant_verifies_and_is_named() {
    let form = "b=2&empty=&sign_type=RSA2&a=1";
    for (variant, string) in [
        (Variant::V1, "a=1&b=2"),
        (Variant::V1Empty, "a=1&b=2&empty="),
        (Variant::V2, "a=1&b=2&sign_type=RSA2"),
        (Variant::V2Empty, "a=1&b=2&empty=&sign_type=RSA2"),
    ] {
        let found = with(&stamped(form, string), |result| result.unwrap().variant());
        assert_eq!(found, variant);
    }
    let status = with(&stamped(form, "a=1"), |result| result.unwrap_err().status);
    assert_eq!(status, Status::Signature);
}

#[test]
fn equal_strings_are_tried_once() {
    for (raw, times) in [("a=1", 1), ("a=1&e=", 2), ("a=1&sign_type=RSA2", 2)] {
        let raw = format!("{raw}&sign=AAAA");
        let notification_room = &mut [0; 64];
        let notification = read(raw.as_bytes(), notification_room).unwrap();
        let mut count = 0;
        let result = notification.verify_with(SignType::Rsa2, &mut |_, _, _| {
            count += 1;
            Err(Error::new(Status::Signature, "sign"))
        });
        assert_eq!((result.unwrap_err().status, count), (Status::Signature, times), "{raw}");
    }
}

#[test]
fn no_signature_and_an_unknown_one_differ() {
    let status = |raw: &str| with(raw, |result| result.unwrap_err().status);
    assert_eq!(status("a=1"), Status::Unsigned);
    assert_eq!(status("a=1&sign="), Status::Unsigned);
    assert_eq!(status("a=1&sign=!"), Status::Signature);
    assert_eq!(status(&format!("a=1&sign={}", "A".repeat(4096))), Status::Signature);
    assert_eq!(status("a=1&sign=AAAA&sign_type=MD5"), Status::Unsupported);
}

#[test]
fn a_message_does_not_choose_a_weaker_digest_than_the_session() {
    let with = |raw: &str, session| {
        let found = read(raw.as_bytes(), &mut [0; 64]).unwrap().sign_type(session);
        found.map_err(|error| (error.status, error.what))
    };
    let weaker = Err((Status::Unsupported, "sign_type"));
    for (raw, rsa2, rsa) in [
        ("a=1&sign_type=RSA2", Ok(SignType::Rsa2), Ok(SignType::Rsa2)),
        ("a=1&sign_type=RSA", weaker, Ok(SignType::Rsa)),
        ("a=1&sign_type=", Ok(SignType::Rsa2), Ok(SignType::Rsa)),
        ("a=1", Ok(SignType::Rsa2), Ok(SignType::Rsa)),
    ] {
        assert_eq!((with(raw, SignType::Rsa2), with(raw, SignType::Rsa)), (rsa2, rsa), "{raw}");
    }
}

#[test]
fn damage_is_named_and_never_mended() {
    let named = |raw: &str| with(raw, |result| result.unwrap_err());
    for raw in ["b=1&a=2\u{AC}ify_id=3", "b=1&a=2%C2%ACify_id=3", "b=1&\u{AC}ify_id=3&sign=AAAA"] {
        assert_eq!(
            (named(raw).status, named(raw).what),
            (Status::Malformed, "damage.not"),
            "{raw}"
        );
        assert_eq!(named(raw).at, 4, "{raw}");
    }
    assert_eq!(named("a=2\u{D7}tamp=3").what, "damage.times");
    assert_eq!(named("a=2&amp;b=3").what, "damage.amp");
    // A signed text that only looks so is what was sent.
    let raw = stamped("a=2%C2%ACify_id", "a=2\u{AC}ify_id");
    with(&raw, |result| assert_eq!(result.unwrap().variant(), Variant::V1));
}

#[test]
fn a_coupon_message_is_read_and_checked() {
    with(&stamped(COUPON, COUPON_STRING), |result| {
        let Message::Coupon(coupon) = result.unwrap().message().unwrap() else {
            unreachable!("a coupon")
        };
        assert_eq!(
            (coupon.notify_id, coupon.isv_out_biz_id, coupon.buyer_id),
            ("n1", "o1", "2088")
        );
        assert_eq!((coupon.id, coupon.business_order), (None, Some(&b"2088|1"[..])));
        assert_eq!(coupon.check(&Session::new("2016"), None), Ok(()));
        assert_eq!(coupon.check(&Session::new("2016"), Some("2017")), Ok(()));
        assert_eq!(coupon.check(&Session::new("2018"), None).unwrap_err().what, "app_id");
        let other = coupon.check(&Session::new("2016"), Some("2018")).unwrap_err();
        assert_eq!((other.status, other.what), (Status::Argument, "auth_app_id"));
    });
}

/// What is kept of an id is bytes, and 128 characters may be 512 of them.
#[test]
fn an_id_is_as_long_as_its_bytes() {
    let message = |id: &str| {
        let (form, string) = (COUPON.replace("n1", id), COUPON_STRING.replace("n1", id));
        with(&stamped(&form, &string), |result| {
            let message = result.unwrap().message();
            message.map(|_| ()).map_err(|error| (error.status, error.what, error.at))
        })
    };
    assert_eq!(message(&"集".repeat(42)), Ok(()));
    assert_eq!(message(&"集".repeat(43)), Err((Status::TooLong, "notify_id", 128)));
    assert_eq!(message(&"9".repeat(128)), Ok(()));
    assert_eq!(message(&"9".repeat(129)), Err((Status::TooLong, "notify_id", 128)));
}

#[test]
fn only_signed_fields_are_read() {
    let raw = stamped("a=1&sign_type=RSA2", "a=1");
    with(&raw, |result| {
        let verified = result.unwrap();
        assert_eq!((verified.field("a"), verified.field("sign_type")), (Some(&b"1"[..]), None));
        assert_eq!(verified.field("sign"), None);
    });
}

#[test]
fn a_message_of_two_names_is_neither() {
    let message = |form: &str, string: &str| {
        with(&stamped(form, string), |result| {
            result.unwrap().message().map(|message| message == Message::Other).map_err(|e| e.what)
        })
    };
    let mixed = "event_code=EC-promocore-prize-notice&notify_type=other";
    assert_eq!(message(mixed, mixed), Ok(true));
    assert_eq!(message("a=1", "a=1"), Ok(true));
    let bare = "notify_type=koubei_receive_coupon_notify";
    assert_eq!(message(bare, bare), Err("notify_id"));
    let activity = "event_code=EC-CAMPAIGN_PROCESS-CAMPAIGN_SYNCH&id=1";
    assert_eq!(message(activity, activity), Err("order_id"));
}

#[test]
fn charsets_are_told_by_the_message_first() {
    let encoding = |raw: &str| {
        read(raw.as_bytes(), &mut [0; 64]).unwrap().encoding(Encoding::Utf8).map_err(|e| e.status)
    };
    assert_eq!(encoding("a=1"), Ok(Encoding::Utf8));
    assert_eq!(encoding("charset=gbk"), Ok(Encoding::Gbk));
    assert_eq!(encoding("charset=GB2312"), Ok(Encoding::Gbk));
    assert_eq!(encoding("charset=UTF-8"), Ok(Encoding::Utf8));
    assert_eq!(encoding("charset=latin1"), Err(Status::Unsupported));
}

#[test]
fn texts_are_decoded_as_the_message_says() {
    let text = |raw: &str, name: &str, otherwise| {
        with(raw, |result| {
            let mut room = [0; 64];
            let mut writer = Writer::new(&mut room);
            result.unwrap().text(name, otherwise, &mut writer).map_err(|e| (e.status, e.at))?;
            Ok(writer.finish_str().unwrap().to_owned())
        })
    };
    let signed = |form: &str| {
        let mut room = vec![0; form.len()];
        let mut string = Vec::new();
        let notification = read(form.as_bytes(), &mut room).unwrap();
        notification.canonical(Variant::V1, &mut |piece| string.extend_from_slice(piece));
        let mut hasher = Hasher::new(Digest::Sha256);
        hasher.update(&string);
        let mut base64 = [0; 64];
        let len = STANDARD.encode_slice(hasher.finish().as_bytes(), &mut base64).unwrap();
        format!("{form}&sign={}", percent(&base64[..len]))
    };
    let (utf8, gbk) = (Encoding::Utf8, Encoding::Gbk);
    let plain = signed("name=%E9%9B%86&sign_type=RSA2");
    assert_eq!(text(&plain, "name", utf8).as_deref(), Ok("集"));
    assert_eq!(text(&plain, "sign_type", utf8), Err((Status::NotFound, 0)), "not signed");
    assert_eq!(text(&plain, "memo", utf8), Err((Status::NotFound, 0)));
    let chinese = signed("name=a%BC%AF");
    assert_eq!(text(&chinese, "name", utf8), Err((Status::Encoding, 1)));
    if cfg!(feature = "gbk") {
        assert_eq!(text(&chinese, "name", gbk).as_deref(), Ok("a集"));
        let named = signed("charset=GBK&name=a%BC%AF");
        assert_eq!(text(&named, "name", utf8).as_deref(), Ok("a集"));
    }
    let unknown = signed("charset=big5&name=a");
    assert_eq!(text(&unknown, "name", utf8), Err((Status::Unsupported, 0)));
}

#[test]
fn repeats_are_told_by_one_id() {
    let id = |raw: &str, string: &str| {
        with(&stamped(raw, string), |result| {
            result.unwrap().repeat_id().map(|(name, id)| (name, id.to_vec()))
        })
    };
    assert_eq!(id(COUPON, COUPON_STRING), Some(("notify_id", b"n1".to_vec())));
    assert_eq!(id("order_id=7", "order_id=7"), Some(("order_id", b"7".to_vec())));
    assert_eq!(id("a=1", "a=1"), None);
}
