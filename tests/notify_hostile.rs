//! Notifications nobody should believe: cut, changed, doubled, stuffed. None panics, none is
//! accepted. Random cases come from a fixed seed, printed when one fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/hostile.rs"]
mod hostile;

use hostile::{Random, same};
use pointcard::crypto::{Digest, Hasher};
use pointcard::gateway::SignType;
use pointcard::gateway::notify::{self, Message, Notification, Variant};
use pointcard::status::Status;

const FORM: &str = "event_code=EC-promocore-prize-notice&notify_id=n1&isv_out_biz_id=o1\
    &buyer_id=2088&memo=%E9%9B%86+1&charset=UTF-8&sign_type=RSA2";

fn stamped() -> Vec<u8> {
    let mut room = vec![0; FORM.len()];
    let mut hasher = Hasher::new(Digest::Sha256);
    let form = notify::read(FORM.as_bytes(), &mut room).unwrap();
    form.canonical(Variant::V1, &mut |piece| hasher.update(piece));
    use base64::Engine as _;
    let mut text = [0; 64];
    let hash = hasher.finish();
    let len = base64::engine::general_purpose::STANDARD.encode_slice(hash.as_bytes(), &mut text);
    // A `+` stays unescaped, as careless senders leave it.
    format!("{FORM}&sign={}", std::str::from_utf8(&text[..len.unwrap()]).unwrap()).into_bytes()
}

/// What a message says when it verifies.
fn believed(raw: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut room = vec![0; raw.len()];
    let notification: Notification<'_> = notify::read(raw, &mut room).ok()?;
    let verified =
        notification.verify_with(SignType::Rsa2, &mut |_, hash, sign| same(hash, sign)).ok()?;
    let _ = verified.message();
    let signed = notification
        .fields()
        .iter()
        .filter(|field| verified.field(&String::from_utf8_lossy(field.name)) == Some(field.value));
    let mut fields: Vec<_> =
        signed.map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
    fields.retain(|(_, value)| !value.is_empty());
    fields.sort();
    Some(fields)
}

#[test]
fn the_plain_message_is_believed() {
    let raw = stamped();
    let mut room = vec![0; raw.len()];
    let notification = notify::read(&raw, &mut room).unwrap();
    let verified =
        notification.verify_with(SignType::Rsa, &mut |_, hash, sign| same(hash, sign)).unwrap();
    assert!(matches!(verified.message(), Ok(Message::Coupon(coupon)) if coupon.buyer_id == "2088"));
}

#[test]
fn a_cut_at_any_byte_is_refused() {
    let raw = stamped();
    for len in 0..raw.len() {
        assert_eq!(believed(&raw[..len]), None, "cut at {len}");
    }
}

#[test]
fn a_room_too_small_is_named_and_one_of_the_same_size_is_enough() {
    let raw = stamped();
    for len in 0..raw.len() {
        match notify::read(&raw, &mut vec![0; len]) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!((error.status, error.at as usize), (Status::BufferTooSmall, raw.len()));
            }
        }
    }
    assert!(notify::read(&raw, &mut vec![0; raw.len()]).is_ok());
}

#[test]
fn a_field_more_or_twice_is_refused() {
    let raw = stamped();
    for more in ["&extra=1", "&sign_type=RSA", "&buyer_id=2088", "&%62uyer_id=2089", "&sign="] {
        let raw = [&raw[..], more.as_bytes()].concat();
        assert_eq!(believed(&raw), None, "{more}");
    }
}

#[test]
fn a_changed_byte_changes_nothing_that_is_believed() {
    let raw = stamped();
    let expected = believed(&raw).unwrap();
    for at in 0..raw.len() {
        for byte in 0..=255 {
            let mut changed = raw.clone();
            changed[at] = byte;
            // What is unsigned may change (`sign_type`), and so may how a byte is written.
            let found = believed(&changed);
            assert!(found.is_none_or(|found| found == expected), "{byte} at {at}");
        }
    }
}

#[test]
fn any_bytes_end_in_an_answer() {
    let raw = stamped();
    let expected = believed(&raw).unwrap();
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let mut bytes = raw.clone();
        for _ in 0..=random.below(4) {
            match random.below(4) {
                0 => {
                    let at = random.below(bytes.len());
                    bytes.rotate_left(at);
                }
                _ => random.mutate(&mut bytes, b"%&=+?\xC2\xAC 0"),
            }
        }
        let found = believed(&bytes);
        let is_known = found.is_none_or(|found| {
            found.iter().all(|field| {
                // Moving `&` about can only merge fields or hide them in `sign_type`'s place.
                expected.contains(field) || field.1.contains(&b'&')
            })
        });
        assert!(is_known, "seed {seed}: {}", String::from_utf8_lossy(&bytes));
    }
}
