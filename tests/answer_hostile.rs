//! Answers nobody should believe: broken, doubled, nested, cut, forged. None panics, none is
//! accepted. Random cases come from a fixed seed, printed when one fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/hostile.rs"]
mod hostile;

use hostile::{Random, same};
use pointcard::crypto::{Digest, Hasher, PrivateKey, PublicKey, Scratch};
use pointcard::gateway::{Answer, Outcome, answer, points};
use pointcard::json::{Encoding, Object};
use pointcard::status::{Error, Result, Status};

const NODE: &str = "koubei_marketing_tool_points_update_response";
const FIELDS: &str = r#"{"code":"10000","msg":"Success","point_log_no":"201610100000110001"}"#;

fn sha256(bytes: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(Digest::Sha256);
    hasher.update(bytes);
    hasher.finish().as_bytes().to_vec()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let mut out = vec![0; bytes.len() * 2 + 4];
    let len = base64::engine::general_purpose::STANDARD.encode_slice(bytes, &mut out).unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

/// An answer "signed" for [`same`].
fn stamped(node: &[u8]) -> Vec<u8> {
    let sign = base64(&sha256(node));
    [b"{\"", NODE.as_bytes(), b"\":", node, b",\"sign\":\"", sign.as_bytes(), b"\"}"].concat()
}

fn read(body: &[u8]) -> Result<Answer<'_>> {
    answer::read(body, points::UPDATE)
}

fn verified(answer: &Answer<'_>) -> bool {
    answer.verify_with(Digest::Sha256, &mut |hash, sign| same(hash, sign)).is_ok()
}

/// What a client makes of a body.
fn outcome(body: &[u8]) -> Outcome {
    read(body).map_or(Outcome::Unknown, |answer| answer.outcome(200, verified(&answer)))
}

#[test]
fn the_plain_answer_is_accepted() {
    let body = stamped(FIELDS.as_bytes());
    assert_eq!(outcome(&body), Outcome::Accepted);
    let answer = read(&body).unwrap();
    assert_eq!(answer.signed(), FIELDS.as_bytes());
    assert_eq!(points::point_log_no(&answer).unwrap(), "201610100000110001");
}

#[test]
fn a_cut_at_any_byte_is_refused() {
    let body = stamped(FIELDS.as_bytes());
    for len in 0..body.len() {
        assert!(read(&body[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn anything_behind_the_end_is_refused() {
    let body = stamped(FIELDS.as_bytes());
    for tail in [&b"x"[..], b"{}", b",", b"}", b"\0", b"\xff", b"</html>", b" {}", b"\xef\xbb\xbf"]
    {
        assert!(read(&[&body, tail].concat()).is_err());
    }
    assert!(read(&[&body[..], b" \r\n\t"].concat()).is_ok());
    assert!(read(&[b"\xef\xbb\xbf", &body[..]].concat()).is_err(), "byte order mark");
}

#[test]
fn every_changed_byte_is_noticed() {
    let body = stamped(FIELDS.as_bytes());
    for at in 0..body.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 0xFF] {
            let mut body = body.clone();
            body[at] ^= mask;
            if let Ok(answer) = read(&body) {
                assert!(!verified(&answer) || answer.signed() == FIELDS.as_bytes(), "byte {at}");
            }
        }
    }
}

#[test]
fn ambiguous_answers_are_refused() {
    let sign = base64(&sha256(FIELDS.as_bytes()));
    let member = |name: &str, value: &str| format!("\"{name}\":{value}");
    let node = member(NODE, FIELDS);
    let sign = member("sign", &format!("\"{sign}\""));
    let escaped = NODE.replacen('k', "\\u006b", 1);
    for more in [
        node.clone(),
        member(&escaped, FIELDS),
        member(NODE, "null"),
        sign.clone(),
        member("si\\u0067n", "\"\""),
        member("error_response", "{\"code\":\"10000\"}"),
        member("error_response", "null"),
        member("koubei_marketing_tool_points_query_response", FIELDS),
        member("koubei.marketing.tool.points.update_response", FIELDS),
        member("_response", "1"),
        member("x\\u0079", "1"),
    ] {
        for body in [
            format!("{{{node},{sign},{more}}}"),
            format!("{{{more},{node},{sign}}}"),
            format!("{{{node},{more},{sign}}}"),
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
    for harmless in [member("alipay_cert_sn", "\"ab\""), member("trace", "[1,{\"sign\":2}]")] {
        let body = format!("{{{sign},{harmless},{node}}}");
        assert_eq!(outcome(body.as_bytes()), Outcome::Accepted, "{body}");
    }
    let twice = r#"{"code":"40004","code":"10000"}"#;
    assert!(read(&stamped(twice.as_bytes())).is_err(), "a code twice");
    let twice = r#"{"code":"40004","\u0063ode":"10000"}"#;
    assert!(read(&stamped(twice.as_bytes())).is_err(), "a code twice, once in disguise");
}

#[test]
fn nodes_that_are_none_are_refused() {
    for node in ["null", "1", "true", "[]", "[{\"code\":\"10000\"}]"] {
        assert!(read(&stamped(node.as_bytes())).is_err(), "{node}");
    }
    for body in ["", "{}", "[]", "null", "{\"sign\":\"\"}", "{\"code\":\"10000\"}", FIELDS] {
        assert!(read(body.as_bytes()).is_err(), "{body}");
    }
    let body = stamped(FIELDS.as_bytes());
    for method in [points::QUERY, "", "sign", "error", "koubei.marketing.tool.points.updat"] {
        assert!(answer::read(&body, method).is_err(), "{method}");
    }
    let encrypted = read(b"{\"koubei_marketing_tool_points_update_response\":\"AAAA\"}").unwrap();
    assert!(encrypted.is_encrypted());
    assert_eq!(encrypted.signed(), b"\"AAAA\"");
    assert_eq!(encrypted.outcome(200, true), Outcome::Unknown);
}

#[test]
fn deep_nesting_ends_without_a_deep_stack() {
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(|| {
        for open in ["[", "{\"a\":", "[[{\"a\":"] {
            for levels in [33, 1_000, 10_000, 1_000_000] {
                let deep = open.repeat(levels);
                for body in [
                    deep.clone(),
                    format!("{{\"a\":{deep}"),
                    format!("{{\"{NODE}\":{deep}"),
                    format!("{{\"{NODE}\":{{\"code\":{deep}"),
                ] {
                    assert!(read(body.as_bytes()).is_err());
                }
            }
        }
        let closed = format!("{{\"{NODE}\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(read(closed.as_bytes()).unwrap_err().status, Status::TooDeep);
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn signatures_in_bad_shape_never_verify() {
    let good = base64(&sha256(FIELDS.as_bytes()));
    let body = |sign: &str| format!("{{\"{NODE}\":{FIELDS},\"sign\":{sign}}}");
    for sign in ["null", "1", "{}", "[\"a\"]", "true"] {
        assert!(read(body(sign).as_bytes()).is_err(), "{sign}");
    }
    let text = |sign: &str| body(&format!("\"{sign}\""));
    for sign in [
        String::new(),
        "!!!!".into(),
        good.trim_end_matches('=').into(),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\\n"),
        good.replacen('=', "", 1) + "AA",
        good.chars().rev().collect(),
        good.repeat(100),
        "A".repeat(100_000),
        "\\u0000".into(),
        "集".into(),
    ] {
        let body = text(&sign);
        let answer = read(body.as_bytes()).unwrap();
        let result = answer.verify_with(Digest::Sha256, &mut |hash, sign| same(hash, sign));
        assert_eq!(result.unwrap_err().status, Status::Signature, "{sign}");
        assert_eq!(outcome(body.as_bytes()), Outcome::Unauthenticated);
    }
    let escaped: String = good.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    assert_eq!(outcome(text(&escaped).as_bytes()), Outcome::Accepted, "the same text, escaped");
}

#[test]
fn unsigned_success_is_never_success() {
    let body = format!("{{\"{NODE}\":{FIELDS}}}");
    let answer = read(body.as_bytes()).unwrap();
    let result = answer.verify_with(Digest::Sha256, &mut |_, _| unreachable!());
    assert_eq!(result.unwrap_err().status, Status::Unsigned);
    assert_eq!(answer.outcome(200, false), Outcome::Unauthenticated);
    assert_eq!(answer.outcome(500, true), Outcome::Unknown);
}

#[test]
fn codes_that_cannot_be_read_are_unknown() {
    for fields in [
        "{}",
        r#"{"code":null}"#,
        r#"{"code":["10000"]}"#,
        r#"{"code":{"code":"10000"}}"#,
        r#"{"code":true}"#,
        r#"{"code":"10000 "}"#,
        r#"{"code":"00000000000010000"}"#,
        r#"{"CODE":"10000"}"#,
        r#"{"code":1e4}"#,
        r#"{"code":10000.0}"#,
        r#"{"code":"10000","sub_code":[]}"#,
    ] {
        assert_eq!(outcome(&stamped(fields.as_bytes())), Outcome::Unknown, "{fields}");
    }
    let long = format!("{{\"code\":\"40004\",\"sub_code\":\"{}SYSTEM_ERROR\"}}", "x".repeat(128));
    assert_eq!(outcome(&stamped(long.as_bytes())), Outcome::Unknown, "an end out of sight");
    assert_eq!(outcome(&stamped(b"{\"code\":10000}")), Outcome::Accepted, "a number is a code");
}

#[test]
fn gbk_trail_bytes_do_not_end_anything() {
    // Trail bytes that look like \ { } [ ] | and, behind a lead, a quote that follows at once.
    let node = b"{\"code\":\"40004\",\"sub_msg\":\"\x81\x5c\x81\x7b\x81\x7d\x81\x5b\x81\x5d\x81\x7c\x81\x5c\",\"sub_code\":\"isv.x\"}";
    let body = stamped(node);
    let answer = read(&body).unwrap();
    assert_eq!(answer.encoding(), Encoding::Gbk);
    assert_eq!(answer.signed(), node);
    assert!(verified(&answer));
    assert_eq!(answer.outcome(200, true), Outcome::Rejected);
    // A lead byte cannot swallow the closing quote.
    for broken in
        [&b"{\"code\":\"10000\",\"m\":\"\x81\"}"[..], b"{\"code\":\"10000\",\"m\":\"\xff\"}"]
    {
        assert!(read(&stamped(broken)).is_err());
    }
    let name = b"{\"code\x81\x5c\":\"10000\"}";
    assert_eq!(outcome(&stamped(name)), Outcome::Unknown);
}

#[test]
fn slashes_are_unescaped_for_one_retry_and_never_escaped() {
    let sent = br#"{"code":"10000","point_log_no":"a\/b\\\/c"}"#;
    let hashed = br#"{"code":"10000","point_log_no":"a/b\\/c"}"#;
    let body = |node: &[u8], signed: &[u8]| {
        let whole = String::from_utf8(stamped(node)).unwrap();
        whole.replace(&base64(&sha256(node)), &base64(&sha256(signed))).into_bytes()
    };
    assert_eq!(outcome(&body(sent, hashed)), Outcome::Accepted);
    assert_eq!(outcome(&body(hashed, sent)), Outcome::Unauthenticated);
    let mut calls = 0;
    let plain = stamped(FIELDS.as_bytes());
    let refuse = read(&plain).unwrap().verify_with(Digest::Sha256, &mut |_, _| {
        calls += 1;
        Err(Error::new(Status::Signature, "sign"))
    });
    assert!(refuse.is_err());
    assert_eq!(calls, 1, "nothing to retry without an escaped slash");
}

#[test]
fn random_garbage_is_refused() {
    let pieces: Vec<&[u8]> = vec![
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"\\",
        b"\\u",
        b"\\ud800",
        b"00",
        b"-",
        b"1",
        b"e",
        b".",
        b"true",
        b"null",
        b" ",
        b"\n",
        b"\x81",
        b"\x5c",
        b"\xff",
        b"\x00",
        b"\"sign\":",
        b"\"code\":\"10000\"",
        b"\"error_response\":",
        b"\"koubei_marketing_tool_points_update_response\":",
        b"{\"code\":\"10000\"}",
        "集".as_bytes(),
        b"\xbc\xaf",
    ];
    for seed in 0..200_000 {
        let mut random = Random::new(seed);
        let mut body = Vec::new();
        for _ in 0..random.below(24) {
            body.extend_from_slice(pieces[random.below(pieces.len())]);
        }
        assert_ne!(outcome(&body), Outcome::Accepted, "seed {seed}");
    }
}

#[test]
fn another_reader_agrees_on_mutated_answers() {
    let seedling = format!(
        r#"{{"{NODE}":{{"code":"10000","list":[1,-2.5e+3,true,null,{{"a":[]}}],"m":"a\/\u96c6\ud83d\ude00集"}},"sign":"AAAA"}}"#
    );
    let alphabet = b"{}[]\":,\\/u0159deE+-.tfn \n\x00\x1f\x7f\x80\xe9\xff";
    for seed in 0..300_000 {
        let mut random = Random::new(seed);
        let mut body = seedling.clone().into_bytes();
        for _ in 0..=random.below(3) {
            random.mutate(&mut body, alphabet);
        }
        let ours = Object::read(&body, Encoding::Utf8).map(|_| ()).map_err(|e| e.status);
        let theirs = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body);
        let theirs = theirs.map(|_| ()).map_err(|e| e.to_string());
        let agree = match (&ours, &theirs) {
            (Ok(()), Err(why)) => why.contains("out of range"),
            (Err(status), Ok(())) => *status == Status::Duplicate,
            _ => true,
        };
        assert!(agree, "seed {seed}: {ours:?} {theirs:?} {}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn with_real_keys_only_the_right_one_verifies() {
    let key = |name: &str| {
        let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap()
    };
    let mut scratch = Scratch::new();
    let mut alipay = PrivateKey::new();
    alipay.load(&key("alipay2048.pkcs8.pem"), &mut scratch).unwrap();
    let mut sign = [0; 256];
    let hash = sha256(FIELDS.as_bytes());
    alipay.sign(Digest::Sha256, &hash, None, &mut scratch, &mut sign).unwrap();
    let body = format!("{{\"{NODE}\":{FIELDS},\"sign\":\"{}\"}}", base64(&sign));
    let answer = read(body.as_bytes()).unwrap();
    let mut public = PublicKey::new();
    for (name, verifies) in [("alipay2048", true), ("app2048", false), ("alipay1024", false)] {
        public.load(&key(&format!("{name}.pub.pem")), &mut scratch).unwrap();
        let result = answer.verify(Digest::Sha256, &public, &mut scratch);
        assert_eq!(result.is_ok(), verifies, "{name}");
        let weaker = answer.verify(Digest::Sha1, &public, &mut scratch);
        assert!(weaker.is_err(), "an answer does not choose its digest");
    }
}

#[path = "answer_hostile/through_the_client.rs"]
mod through_the_client;
