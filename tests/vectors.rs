//! Vectors made by other implementations, driven through the public API.
//!
//! In: the folder named by POINTCARD_VECTORS (`tests/vectors` without it), as its README says.
//! Out: one line per file, `sign: P passed, F failed, N pending, A advice differed`, and the name
//! of each row that did not simply pass. A row of `strict: true` that fails, fails the test.
//! A row is pending when what it holds needs a feature that is not built (GBK text, AES,
//! certificates, keys above 2048 bits).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::explicit_write)] // past the test runner's capture

/// Prints past the test harness: the lines are the report, also when everything passed.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stdout(), $($words)*).unwrap();
    }};
}

use pointcard::claim::Link;
#[cfg(feature = "aes")]
use pointcard::crypto::AesKey;
use pointcard::crypto::{Hasher, MAX_BITS, PrivateKey, PublicKey, Scratch};
use pointcard::gateway::{Answer, Charset, Param, SignType, answer, canonical, notify};
use pointcard::json::{Encoding, Kind};
use pointcard::status::{Error, Status};
use pointcard::text::Writer;
use serde_json::Value;
use std::path::PathBuf;

/// What a row came to.
enum Verdict {
    Pass,
    Fail(String),
    /// Needs the feature named.
    Pending(&'static str),
}

use Verdict::{Fail, Pass, Pending};

/// Fails the row unless `$ok`.
macro_rules! need {
    ($ok:expr, $($why:tt)+) => {
        if !$ok {
            return Fail(format!($($why)+));
        }
    };
}

fn folder() -> PathBuf {
    std::env::var_os("POINTCARD_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"),
        PathBuf::from,
    )
}

fn file(path: &str) -> Vec<u8> {
    let path = folder().join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let mut out = vec![0; bytes.len() * 2 + 4];
    let len = base64::engine::general_purpose::STANDARD.encode_slice(bytes, &mut out);
    String::from_utf8_lossy(&out[..len.expect("room")]).into_owned()
}

fn sign_type(row: &Value) -> SignType {
    match text(row, "sign_type") {
        "RSA" => SignType::Rsa,
        _ => SignType::Rsa2,
    }
}

/// Runs every row of `name.jsonl` and prints the line; panics when a strict row failed.
fn run(name: &str, check: impl Fn(&Value) -> Verdict) {
    let rows = String::from_utf8(file(&format!("{name}.jsonl"))).expect("UTF-8");
    let (mut passed, mut failed, mut pending, mut advice) = (0, 0, 0, 0);
    for row in rows.lines().filter(|line| !line.trim().is_empty()) {
        let row: Value = serde_json::from_str(row).expect("a row is JSON");
        let case = text(&row, "case");
        let strict = row.get("strict").and_then(Value::as_bool).unwrap_or(true);
        match check(&row) {
            Pass => passed += 1,
            Pending(feature) => {
                pending += 1;
                say!("  pending {case}: needs {feature}");
            }
            Fail(why) if strict => {
                failed += 1;
                say!("  FAILED {case}: {why}");
            }
            Fail(why) => {
                advice += 1;
                say!("  advice {case}: {why}");
            }
        }
    }
    say!("{name}: {passed} passed, {failed} failed, {pending} pending, {advice} advice differed");
    assert_eq!(failed, 0, "{name}: strict rows failed");
}

fn private_key(text: &[u8]) -> pointcard::status::Result<Box<PrivateKey>> {
    let mut key = Box::new(PrivateKey::new());
    key.load(text, &mut Scratch::new()).map(|()| key)
}

fn public_key(text: &[u8]) -> pointcard::status::Result<Box<PublicKey>> {
    let mut key = Box::new(PublicKey::new());
    key.load(text, &mut Scratch::new()).map(|()| key)
}

/// A key that should have been taken: too large for this build, or a failure.
fn refused(error: Error) -> Verdict {
    match error.status {
        Status::KeyUnsupported if error.at as usize > MAX_BITS => Pending("rsa4096"),
        _ => Fail(error.to_string()),
    }
}

/// Signs `message` with `key` as base64.
fn signature(key: &mut PrivateKey, sign_type: SignType, message: &[u8]) -> Result<String, String> {
    let mut hasher = Hasher::new(sign_type.digest());
    hasher.update(message);
    let mut out = [0; 512];
    let hash = hasher.finish();
    key.sign(sign_type.digest(), hash.as_bytes(), None, &mut Scratch::new(), &mut out)
        .map(|len| base64(&out[..len]))
        .map_err(|e| e.to_string())
}

/// Text as bytes of the row's charset; `Unsupported` when this build does not know it.
fn in_charset(row: &Value, text: &str) -> pointcard::status::Result<Vec<u8>> {
    if text.is_ascii() || !self::text(row, "charset").eq_ignore_ascii_case("gbk") {
        return Ok(text.into());
    }
    #[cfg(feature = "gbk")]
    {
        let mut room = vec![0; text.len()];
        let mut writer = Writer::new(&mut room);
        pointcard::text::gbk::encode(text, &mut writer)?;
        writer.finish().map(<[u8]>::to_vec)
    }
    #[cfg(not(feature = "gbk"))]
    Err(Error::new(Status::Unsupported, "gbk"))
}

/// A row whose text has no form in its charset: nothing to sign.
fn unsignable(row: &Value) -> Verdict {
    let content = row["params_in"]["biz_model"].to_string();
    match in_charset(row, &content).map_err(|error| error.status) {
        Err(Status::Unsupported) => Pending("gbk"),
        Err(Status::Encoding) if text(row, "expect") == "error" => Pass,
        other => Fail(format!("no sign_params, {other:?}")),
    }
}

#[test]
fn sign() {
    run("sign", |row| {
        let Some(params) = row.get("sign_params").and_then(Value::as_object) else {
            return unsignable(row);
        };
        let mut values = Vec::new();
        for (name, value) in params {
            match in_charset(row, value.as_str().unwrap_or("?")) {
                Ok(value) => values.push((name, value)),
                Err(error) if error.status == Status::Unsupported => return Pending("gbk"),
                Err(error) => return Fail(error.to_string()),
            }
        }
        let list: Vec<_> = values.iter().map(|(name, value)| Param { name, value }).collect();
        let mut content = Vec::new();
        let result = canonical(&list, &mut |piece| content.extend_from_slice(piece));
        let wants_error = text(row, "expect") == "error";
        if let Err(error) = result {
            need!(wants_error, "{error}");
            return Pass;
        }
        let mut key = match private_key(&file(text(row, "key"))) {
            Ok(key) => key,
            Err(_) if wants_error => return Pass,
            Err(error) => return refused(error),
        };
        need!(!wants_error, "an error was expected");
        need!(content == hex(text(row, "sign_content_hex")), "another canonical string");
        let made = signature(&mut key, sign_type(row), &content);
        need!(made.as_deref() == Ok(text(row, "signature_b64")), "another signature: {made:?}");
        match row["sign_params"]["encrypt_type"].as_str() {
            Some("AES") => encrypted(row),
            _ => Pass,
        }
    });
}

/// Whether encrypting a row's content gives the `biz_content` that was signed.
#[cfg(feature = "aes")]
fn encrypted(row: &Value) -> Verdict {
    let key = AesKey::from_base64(&file("keys/aes128.b64")).expect("a key");
    let mut buf = row["params_in"]["biz_model"].to_string().into_bytes();
    let len = buf.len();
    buf.resize(AesKey::encrypted_len(len), 0);
    need!(key.encrypt(&mut buf, len) == Ok(buf.len()), "does not encrypt");
    need!(row["sign_params"]["biz_content"].as_str() == str::from_utf8(&buf).ok(), "ciphertext");
    Pass
}

#[cfg(not(feature = "aes"))]
fn encrypted(_: &Value) -> Verdict {
    Pending("aes")
}

#[test]
fn verify_response() {
    run("verify_response", |row| {
        let body = hex(text(row, "body_hex"));
        let read = answer::read_in(&body, text(row, "method"), charset(row));
        let expect = text(row, "expect");
        let answer = match (read, expect) {
            (Err(_), "malformed") => return Pass,
            (Err(error), _) => return Fail(error.to_string()),
            (Ok(_), "malformed") => return Fail("accepted".into()),
            (Ok(answer), _) => answer,
        };
        let key = match public_key(&file(text(row, "alipay_public_key"))) {
            Ok(key) => key,
            Err(error) => return refused(error),
        };
        let found = answer.verify(sign_type(row).digest(), &key, &mut Scratch::new());
        let found = match found.map_err(|error| error.status) {
            Ok(()) => "valid",
            Err(Status::Signature) => "invalid",
            Err(Status::Unsigned) => "unsigned",
            Err(_) => "another error",
        };
        need!(found == expect, "{found}, not {expect}");
        if let Some(slice) = row.get("signed_slice") {
            let (start, end) = answer.span();
            need!(*slice == serde_json::json!([start, end]), "signed {start}..{end}");
            need!(answer.signed() == &body[start..end], "other bytes");
        }
        let node = row.get("expect_node").and_then(Value::as_str);
        need!(node.is_none_or(|node| answer.is_error_node() == (node == "error_response")), "node");
        if answer.is_encrypted() {
            // The signature over the quoted ciphertext was checked; an invalid one ends here.
            return if expect == "valid" { decrypted(row, &answer) } else { Pass };
        }
        fields(row, &answer)
    });
}

/// The charset of a row's session.
fn charset(row: &Value) -> Charset {
    #[cfg(feature = "gbk")]
    if text(row, "charset").eq_ignore_ascii_case("gbk") {
        return Charset::Gbk;
    }
    let _ = row;
    Charset::Utf8
}

/// The members of an encrypted node.
#[cfg(feature = "aes")]
fn decrypted(row: &Value, answer: &Answer<'_>) -> Verdict {
    let key = AesKey::from_base64(&file(text(row, "aes_key"))).expect("a key");
    let mut room = vec![0; answer.signed().len()];
    match answer.decrypt(&key, charset(row), &mut room) {
        Ok(open) => fields(row, &open),
        Err(error) => Fail(error.to_string()),
    }
}

#[cfg(not(feature = "aes"))]
fn decrypted(_: &Value, _: &Answer<'_>) -> Verdict {
    Pending("aes")
}

/// The decoded members a row expects in the node.
fn fields(row: &Value, answer: &Answer<'_>) -> Verdict {
    let code = [("code", row.get("expect_code")), ("sub_code", row.get("expect_sub_code"))];
    let more = row.get("expect_fields").and_then(Value::as_object).into_iter().flatten();
    let more = more.map(|(name, value)| (name.as_str(), Some(value)));
    let mut pending = None;
    for (name, expected) in code.into_iter().chain(more) {
        let Some(expected) = expected.filter(|value| !value.is_null()) else { continue };
        let Some(value) = answer.field(name) else { return Fail(format!("no {name}")) };
        if !expected.is_string() {
            let raw: Result<Value, _> = serde_json::from_slice(value.raw());
            need!(raw.is_ok_and(|raw| raw == *expected), "{name} differs");
            continue;
        }
        let mut room = vec![0; 2 * value.raw().len()]; // GBK grows
        let mut writer = Writer::new(&mut room);
        match value.text(&mut writer).and_then(|()| writer.finish_str()) {
            Ok(found) => need!(Some(found) == expected.as_str(), "{name} is {found}"),
            Err(error) if error.status == Status::Unsupported => {
                need!(answer.encoding() == Encoding::Gbk, "{name} is not GBK");
                need!(value.kind() == Kind::String, "{name} is no text");
                pending = Some(Pending("gbk"));
            }
            Err(error) => return Fail(format!("{name}: {error}")),
        }
    }
    pending.unwrap_or(Pass)
}

#[test]
fn keyforms() {
    run("keyforms", |row| {
        let key = text(row, "text").as_bytes();
        let message = text(row, "message").as_bytes();
        let expected = text(row, "signature_b64");
        let accept = text(row, "expect") == "accept";
        if text(row, "kind") == "private" {
            match private_key(key) {
                Err(error) if accept => return refused(error),
                Err(_) => {}
                Ok(mut key) => {
                    need!(accept, "accepted");
                    let made = signature(&mut key, SignType::Rsa2, message);
                    need!(made.as_deref() == Ok(expected), "another signature");
                }
            }
            return Pass;
        }
        match public_key(key) {
            Err(error) if accept => return refused(error),
            Err(_) => {}
            Ok(key) => {
                need!(accept, "accepted");
                need!(verifies(&key, message, expected), "does not verify");
                need!(!verifies(&key, b"another message", expected), "verifies anything");
            }
        }
        Pass
    });
}

/// Whether `key` verifies an RSA2 signature given as base64 over `message`.
fn verifies(key: &PublicKey, message: &[u8], signature: &str) -> bool {
    use base64::Engine as _;
    let mut bytes = [0; 1024];
    let len = base64::engine::general_purpose::STANDARD.decode_slice(signature, &mut bytes);
    let digest = SignType::Rsa2.digest();
    let mut hasher = Hasher::new(digest);
    hasher.update(message);
    let hash = hasher.finish();
    len.is_ok_and(|len| {
        key.verify(digest, hash.as_bytes(), &bytes[..len], &mut Scratch::new()).is_ok()
    })
}

#[test]
#[cfg(feature = "aes")]
fn aes() {
    run("aes", |row| {
        let text_of_key = match text(row, "key") {
            "" => text(row, "key_text").as_bytes().to_vec(),
            path => file(path),
        };
        let mut buf = text(row, "cipher_b64").as_bytes().to_vec();
        let decrypted = AesKey::from_base64(&text_of_key)
            .and_then(|key| key.decrypt(&mut buf).map(|len| (key, len)));
        let (key, len) = match decrypted {
            Err(_) if text(row, "expect") == "error" => return Pass,
            Err(error) => return Fail(error.to_string()),
            Ok(found) => found,
        };
        need!(text(row, "expect") == "ok", "accepted");
        need!(buf[..len] == hex(text(row, "plain_hex")), "another plain text");
        need!(key.encrypt(&mut buf, len) == Ok(buf.len()), "does not encrypt");
        need!(buf == text(row, "cipher_b64").as_bytes(), "another ciphertext");
        Pass
    });
}

/// A value as text; `None` when this build cannot convert it.
fn utf8(value: &[u8], gbk: bool) -> Option<String> {
    if !gbk {
        return Some(String::from_utf8_lossy(value).into_owned());
    }
    #[cfg(feature = "gbk")]
    {
        let mut room = vec![0; value.len() * 3];
        let mut writer = Writer::new(&mut room);
        pointcard::text::gbk::decode(value, &mut writer).ok()?;
        writer.finish_str().ok().map(String::from)
    }
    #[cfg(not(feature = "gbk"))]
    None
}

#[test]
fn verify_notify() {
    run("verify_notify", |row| {
        let raw = hex(text(row, "raw_hex"));
        let expect = text(row, "expect");
        let mut room = vec![0; raw.len()];
        let message = match (notify::read(&raw, &mut room), expect) {
            (Err(_), "malformed") => return Pass,
            (Err(error), _) => return Fail(error.to_string()),
            (Ok(_), "malformed") => return Fail("accepted".into()),
            (Ok(message), _) => message,
        };
        let session = match text(row, "session_sign_type") {
            "RSA" => SignType::Rsa,
            _ => SignType::Rsa2,
        };
        let key = match public_key(&file(text(row, "alipay_public_key"))) {
            Ok(key) => key,
            Err(error) => return refused(error),
        };
        let verified = message.verify(session, &key, &mut Scratch::new());
        let found = match verified.map_err(|error| error.status) {
            Ok(_) => "valid",
            Err(Status::Signature) => "invalid",
            Err(Status::Unsigned) => "unsigned",
            // A message a web page damaged is no valid one; its error says what happened to it.
            Err(Status::Malformed) if message.damage().is_some() => "invalid",
            Err(_) => "another error",
        };
        need!(found == expect, "{found}, not {expect}");
        let Ok(verified) = verified else { return Pass };
        if let Some(variant) = row.get("variant").and_then(Value::as_str) {
            let found = match verified.variant() {
                notify::Variant::V1 => "v1",
                notify::Variant::V1Empty => "v1+empty",
                notify::Variant::V2 => "v2",
                notify::Variant::V2Empty => "v2+empty",
            };
            need!(found == variant, "{found}, not {variant}");
        }
        let mut content = Vec::new();
        message.canonical(verified.variant(), &mut |piece| content.extend_from_slice(piece));
        need!(content == hex(text(row, "sign_content_hex")), "another string");
        need!(verified.message().is_ok(), "no message: {:?}", verified.message());
        for (name, expected) in
            row.get("expect_fields").and_then(Value::as_object).into_iter().flatten()
        {
            let Some(found) = verified.field(name) else { return Fail(format!("no {name}")) };
            let gbk = message.encoding(Encoding::Utf8) == Ok(Encoding::Gbk) && !found.is_ascii();
            let Some(found) = utf8(found, gbk) else { return Pending("gbk") };
            need!(expected.as_str() == Some(found.as_str()), "{name} differs");
        }
        Pass
    });
}

#[test]
#[cfg(feature = "certificates")]
fn certsn() {
    use pointcard::crypto::cert;
    run("certsn", |row| {
        let bundle = file(text(row, "cert"));
        let mut room = [0; 512];
        let mut writer = Writer::new(&mut room);
        let numbered = match text(row, "kind") {
            "root" => cert::root_number(&bundle, &mut writer),
            _ => cert::number(&bundle).map(|number| writer.str(&number)),
        };
        let number = numbered.and_then(|()| writer.finish_str());
        need!(number == Ok(text(row, "expect_sn")), "{number:?}");
        let Some(expected) = row.get("expect_public_key_b64").and_then(Value::as_str) else {
            return Pass;
        };
        match (public_key(&bundle), public_key(expected.as_bytes())) {
            (Ok(found), Ok(expected)) if found.matches(&expected) => Pass,
            _ => Fail("another public key".into()),
        }
    });
}

#[test]
fn h5link() {
    run("h5link", |row| {
        let params = &row["params"];
        let option = |name: &str| Some(text(params, name)).filter(|value| !value.is_empty());
        let link = Link {
            base: text(row, "config"),
            kind: text(row, "type"),
            token: text(params, "token"),
            out_biz_no: text(params, "out_biz_no"),
            buyer_id: option("buyer_id"),
            shop_id: option("shop_id"),
        };
        let mut room = [0; 2048];
        let mut writer = Writer::new(&mut room);
        let result = link.write(&mut writer);
        if text(row, "expect") == "error" {
            need!(result.is_err(), "an error was expected");
            return Pass;
        }
        need!(result.is_ok(), "{result:?}");
        let url = writer.finish_str().expect("room");
        let (front, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        need!(fragment == text(row, "expect_fragment"), "fragment {fragment}");
        let (base, query) = front.split_once('?').expect("a query");
        need!(base == text(row, "expect_base"), "base {base}");
        // Another decoder of forms would do; this one is at hand and tested by its own rows.
        let mut room = vec![0; query.len()];
        let form = notify::read(query.as_bytes(), &mut room).expect("a query");
        let found: serde_json::Map<_, _> = form
            .fields()
            .iter()
            .map(|field| [field.name, field.value].map(|text| String::from_utf8_lossy(text)))
            .map(|[name, value]| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
        need!(row["expect_query"] == Value::from(found), "query {query}");
        Pass
    });
}
