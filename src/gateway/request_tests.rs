use super::*;
use crate::gateway::points::{self, Update};

const SALE: Update<'_> = Update {
    memo: Some("消费 a&b=c+%"),
    ..Update::deposit("20161010000000000001", "2088102164186692", "20160902000011", 10, "b1")
};
const TIME: u64 = 1_476_065_410;

/// A stand-in that "signs" by repeating the hash; enough to see what was hashed.
fn stamp(_: Digest, hash: &[u8], out: &mut [u8]) -> Result<usize> {
    for (to, from) in out.iter_mut().zip(hash.iter().cycle()) {
        *to = *from;
    }
    Ok(out.len())
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' {
            let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
            u8::from_str_radix(core::str::from_utf8(&hex).unwrap(), 16).unwrap()
        } else {
            assert!(byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
            byte
        });
    }
    out
}

/// All parameters of a request, decoded.
fn params(request: &Request<'_>) -> Vec<(String, Vec<u8>)> {
    let query = request.url.split_once('?').unwrap().1;
    let body = core::str::from_utf8(request.body).unwrap();
    let all = query.split('&').chain(body.split('&'));
    all.map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), decode(value)))
        .collect()
}

#[test]
fn what_travels_is_what_is_signed() {
    let session = Session { app_auth_token: Some("tok/en"), ..Session::new("2016100900000001") };
    let mut buf = [0; 8192];
    let request = build(&session, points::UPDATE, &SALE, TIME, &mut stamp, &mut buf).unwrap();
    assert!(request.url.starts_with("https://openapi.alipay.com/gateway.do?app_id=2016"));
    assert_eq!(request.content_type, "application/x-www-form-urlencoded;charset=utf-8");
    assert!(request.body.starts_with(b"biz_content=%7B%22req_id%22%3A%22"));
    let all = params(&request);
    let list: Vec<_> = all.iter().map(|(name, value)| Param { name, value }).collect();
    let value = |name| list.iter().find(|param| param.name == name).unwrap().value;
    assert_eq!(value("timestamp"), b"2016-10-10 10:10:10");
    assert_eq!(value("app_auth_token"), b"tok/en");
    assert_eq!(value("charset"), b"utf-8");
    assert!(!all.iter().any(|(name, _)| name == "notify_url"));
    let mut hasher = Hasher::new(Digest::Sha256);
    canonical(&list, &mut |piece| hasher.update(piece)).unwrap();
    let mut signature = [0; SIGNATURE_MAX];
    assert_eq!(STANDARD.decode_slice(value("sign"), &mut signature), Ok(SIGNATURE_MAX));
    assert_eq!(&signature[..32], hasher.finish().as_bytes());
}

/// What is handed out to be signed elsewhere is, byte for byte, what [`build`] signs.
#[test]
fn the_string_to_sign_is_what_is_signed() {
    let plain = Session::new("2016100900000001");
    let session = Session {
        app_auth_token: Some("tok/en"),
        notify_url: Some("https://isv.example/n?a=b"),
        app_cert_sn: Some("0123"),
        ..plain
    };
    for session in [plain, session] {
        let needed = request_size(&session, points::UPDATE, &SALE, &mut [0; 8192]).unwrap();
        let mut hashed = None;
        let mut sign = |digest, hash: &[u8], out: &mut [u8]| {
            hashed = Some(hash.to_vec());
            stamp(digest, hash, out)
        };
        let mut buf = vec![0; needed];
        build(&session, points::UPDATE, &SALE, TIME, &mut sign, &mut buf).unwrap();
        let mut buf = vec![0; needed];
        let text = to_sign(&session, points::UPDATE, &SALE, TIME, &mut buf).unwrap();
        let mut hasher = Hasher::new(Digest::Sha256);
        hasher.update(text);
        assert_eq!(hashed.as_deref(), Some(hasher.finish().as_bytes()));
        let text = core::str::from_utf8(text).unwrap();
        assert!(text.contains("&biz_content={\"req_id\":\"20161010000000000001\","), "{text}");
        let error = to_sign(&session, points::UPDATE, &SALE, TIME, &mut buf[1..]).unwrap_err();
        assert_eq!((error.status, error.at as usize), (Status::BufferTooSmall, needed));
        // Content of two bytes, and a name that is none.
        assert!(to_sign(&session, points::UPDATE, "", TIME, &mut buf).is_ok());
        let error = to_sign(&session, "a b", &SALE, TIME, &mut buf).unwrap_err();
        assert_eq!((error.status, error.what), (Status::Argument, "method"));
    }
}

#[test]
fn the_size_told_is_enough_and_one_byte_less_is_refused() {
    let session = Session::new("2016100900000001");
    // The worst signature: every character of its base64 is escaped.
    let mut worst = |_: Digest, _: &[u8], out: &mut [u8]| {
        out.fill(0xFF);
        Ok(out.len())
    };
    let full = "集".repeat(points::MEMO_MAX);
    for memo in ["消费 a&b=c+%", &full] {
        let sale = Update { memo: Some(memo), ..SALE };
        let needed = request_size(&session, points::UPDATE, &sale, &mut [0; 4096]).unwrap();
        let mut buf = vec![0; needed];
        let request = build(&session, points::UPDATE, &sale, TIME, &mut worst, &mut buf).unwrap();
        assert!(request.url.len() + request.body.len() <= needed);
        let json = params(&request).pop().unwrap().1;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["memo"], memo);
        let mut buf = vec![0; needed - 1];
        let error = build(&session, points::UPDATE, &sale, TIME, &mut worst, &mut buf).unwrap_err();
        assert_eq!((error.status, error.at as usize), (Status::BufferTooSmall, needed));
    }
}

#[test]
fn every_smaller_buffer_is_refused_and_growing_as_told_ends() {
    let session = Session::new("2016100900000001");
    let needed = request_size(&session, points::UPDATE, &SALE, &mut [0; 4096]).unwrap();
    for len in 0..needed {
        let mut buf = vec![0; len];
        let error = build(&session, points::UPDATE, &SALE, TIME, &mut stamp, &mut buf).unwrap_err();
        assert_eq!(error.status, Status::BufferTooSmall);
        assert!(error.at as usize > len);
    }
}

#[test]
fn errors_come_before_a_signature_is_spent() {
    let session = Session::new("2016100900000001");
    let mut never = |_: Digest, _: &[u8], _: &mut [u8]| -> Result<usize> { unreachable!() };
    let mut buf = [0; 8192];
    let status = |result: Result<Request<'_>>| result.unwrap_err().status;
    let late = build(&session, points::UPDATE, &SALE, u64::MAX, &mut never, &mut buf);
    assert_eq!(status(late), Status::Range);
    let odd = build(&session, "a b", &SALE, TIME, &mut never, &mut buf);
    assert_eq!(status(odd), Status::Argument);
    let mut broken = |_: Digest, _: &[u8], _: &mut [u8]| Err(Error::new(Status::Signer, "hsm"));
    let failed = build(&session, points::UPDATE, &SALE, TIME, &mut broken, &mut buf);
    assert_eq!(status(failed), Status::Signer);
    for len in [0, SIGNATURE_MAX + 1] {
        let mut liar = |_: Digest, _: &[u8], _: &mut [u8]| Ok(len);
        let refused = build(&session, points::UPDATE, &SALE, TIME, &mut liar, &mut buf);
        assert_eq!(status(refused), Status::Signer);
    }
}

#[test]
fn a_gateway_with_a_query_keeps_it() {
    let gateway = "http://127.0.0.1:8080/gateway.do?till=7";
    let session = Session { gateway, ..Session::new("1") };
    let mut buf = [0; 8192];
    let request = build(&session, points::UPDATE, &SALE, TIME, &mut stamp, &mut buf).unwrap();
    assert!(request.url.starts_with("http://127.0.0.1:8080/gateway.do?till=7&app_id=1&method="));
}

#[cfg(any(feature = "gbk", feature = "aes"))]
fn json_of(content: &Update<'_>) -> Vec<u8> {
    let mut json = vec![0; 4096];
    let len = serde_json_core::to_slice(content, &mut json).unwrap();
    json.truncate(len);
    json
}

#[cfg(feature = "gbk")]
#[test]
fn a_gbk_session_signs_and_sends_gbk() {
    let session = Session { charset: Charset::Gbk, ..Session::new("2016100900000001") };
    let needed = request_size(&session, points::UPDATE, &SALE, &mut [0; 4096]).unwrap();
    let mut buf = vec![0; needed];
    let request = build(&session, points::UPDATE, &SALE, TIME, &mut stamp, &mut buf).unwrap();
    assert_eq!(request.content_type, "application/x-www-form-urlencoded;charset=GBK");
    assert!(request.url.contains("&charset=GBK&"));
    let all = params(&request);
    let (_, json) = all.last().unwrap();
    let memo = b"\"memo\":\"\xcf\xfb\xb7\xd1 a&b=c+%\"";
    assert!(json.windows(memo.len()).any(|part| part == memo), "{json:x?}");
    let list: Vec<_> = all.iter().map(|(name, value)| Param { name, value }).collect();
    let mut hasher = Hasher::new(Digest::Sha256);
    canonical(&list, &mut |piece| hasher.update(piece)).unwrap();
    let sign = list.iter().find(|param| param.name == "sign").unwrap().value;
    let mut signature = [0; SIGNATURE_MAX];
    STANDARD.decode_slice(sign, &mut signature).unwrap();
    assert_eq!(&signature[..32], hasher.finish().as_bytes());
}

#[cfg(feature = "gbk")]
#[test]
fn what_gbk_lacks_is_refused_before_a_signature_is_spent() {
    let session = Session { charset: Charset::Gbk, ..Session::new("1") };
    let mut never = |_: Digest, _: &[u8], _: &mut [u8]| -> Result<usize> { unreachable!() };
    let mut buf = [0; 8192];
    let foreign = Update { memo: Some("消€"), ..SALE };
    let error = build(&session, points::UPDATE, &foreign, TIME, &mut never, &mut buf).unwrap_err();
    let json = json_of(&foreign);
    let at = json.windows(3).position(|part| part == "€".as_bytes()).unwrap();
    assert_eq!((error.status, error.what), (Status::Encoding, "biz_content"));
    assert_eq!(error.at as usize, at);
    let odd = Session { notify_url: Some("https://a/集"), ..session };
    for result in
        [odd.check(), build(&odd, points::UPDATE, &SALE, TIME, &mut never, &mut buf).map(|_| ())]
    {
        let error = result.unwrap_err();
        assert_eq!((error.status, error.what, error.at), (Status::Encoding, "notify_url", 10));
    }
    assert_eq!(Session { charset: Charset::Utf8, ..odd }.check(), Ok(()));
}

#[cfg(feature = "aes")]
#[test]
fn an_encrypting_session_signs_and_sends_ciphertext() {
    let key = crate::crypto::AesKey::from_base64(b"NgO9Wxef/n95MWe5AmixtA==").unwrap();
    let session = Session { content_key: Some(&key), ..Session::new("2016100900000001") };
    let needed = request_size(&session, points::UPDATE, &SALE, &mut [0; 4096]).unwrap();
    for len in 0..needed {
        let mut buf = vec![0; len];
        let error = build(&session, points::UPDATE, &SALE, TIME, &mut stamp, &mut buf).unwrap_err();
        assert_eq!(error.status, Status::BufferTooSmall);
        assert!(error.at as usize > len);
    }
    let mut buf = vec![0; needed];
    let request = build(&session, points::UPDATE, &SALE, TIME, &mut stamp, &mut buf).unwrap();
    let mut all = params(&request);
    let list: Vec<_> = all.iter().map(|(name, value)| Param { name, value }).collect();
    let value = |name| list.iter().find(|param| param.name == name).unwrap().value;
    assert_eq!(value("encrypt_type"), b"AES");
    let mut hasher = Hasher::new(Digest::Sha256);
    canonical(&list, &mut |piece| hasher.update(piece)).unwrap();
    let mut signature = [0; SIGNATURE_MAX];
    STANDARD.decode_slice(value("sign"), &mut signature).unwrap();
    assert_eq!(&signature[..32], hasher.finish().as_bytes());
    let mut content = all.pop().unwrap().1;
    let len = key.decrypt(&mut content).unwrap();
    assert_eq!(content[..len], json_of(&SALE));
}
