use super::*;
use crate::gateway::points;

fn body(node: &[u8]) -> Vec<u8> {
    [b"{\"koubei_marketing_tool_points_update_response\":", node, b",\"alipay_cert_sn\":\"ab12\"}"]
        .concat()
}

#[test]
fn the_certificate_named_is_compared() {
    let status = |result: Result<()>| result.map_err(|error| error.status);
    let named = body(b"{}");
    let answer = read(&named, points::UPDATE).unwrap();
    assert_eq!(answer.check_cert_sn("ab12"), Ok(()));
    assert_eq!(status(answer.check_cert_sn("ab1")), Err(Status::KeyMismatch));
    let silent = read(b"{\"error_response\":{}}", points::UPDATE).unwrap();
    assert_eq!(status(silent.check_cert_sn("ab12")), Err(Status::Missing));
}

#[cfg(feature = "gbk")]
#[test]
fn gbk_is_read_as_gbk_where_it_was_asked_for() {
    // These two bytes are a character in GBK and, by chance, another one in UTF-8.
    let both = body(b"{\"sub_msg\":\"\xc4\xa3\"}");
    let text = |charset, body: &[u8]| {
        let answer = read_in(body, points::UPDATE, charset).unwrap();
        answer.text::<99>("sub_msg").unwrap()
    };
    assert_eq!(text(Charset::Gbk, &both), "模");
    assert_eq!(text(Charset::Utf8, &both), "ģ");
    // A refusal in GBK to a session in UTF-8, and UTF-8 that cannot be GBK.
    let gbk = body(b"{\"sub_msg\":\"\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6\"}");
    assert_eq!(text(Charset::Utf8, &gbk), "系统繁忙");
    assert_eq!(text(Charset::Gbk, &gbk), "系统繁忙");
    let utf8 = body("{\"sub_msg\":\"集\"}".as_bytes());
    assert_eq!(text(Charset::Gbk, &utf8), "集");
}

#[cfg(feature = "aes")]
#[test]
fn an_encrypted_node_opens_even_with_escaped_slashes() {
    let key = AesKey::from_base64(b"NgO9Wxef/n95MWe5AmixtA==").unwrap();
    let mut room = vec![0; 400];
    for code in 0..40 {
        let plain = format!("{{\"code\":\"{code}\",\"memo\":\"集\"}}");
        let mut cipher = plain.clone().into_bytes();
        cipher.resize(AesKey::encrypted_len(plain.len()), 0);
        key.encrypt(&mut cipher, plain.len()).unwrap();
        let text = String::from_utf8(cipher).unwrap().replace('/', "\\/");
        let body = body(format!("\"{text}\"").as_bytes());
        let answer = read(&body, points::UPDATE).unwrap();
        assert!(answer.is_encrypted() && answer.field("code").is_none());
        let open = answer.decrypt(&key, Charset::Utf8, &mut room).unwrap();
        assert_eq!(open.code().as_deref(), Ok(code.to_string().as_str()));
        assert_eq!(open.signed(), plain.as_bytes());
        let error = answer.decrypt(&key, Charset::Utf8, &mut [0; 40]).unwrap_err();
        assert_eq!(error.status, Status::BufferTooSmall);
    }
}

#[cfg(feature = "aes")]
#[test]
fn what_cannot_be_opened_is_no_answer() {
    let key = AesKey::from_base64(b"NgO9Wxef/n95MWe5AmixtA==").unwrap();
    let status = |node: &[u8]| {
        let body = body(node);
        let answer = read(&body, points::UPDATE).unwrap();
        answer
            .decrypt(&key, Charset::Utf8, &mut [0; 400])
            .map_err(|error| error.status)
            .unwrap_err()
    };
    assert_eq!(status(b"{}"), Status::BadState);
    assert_eq!(status(b"\"QkJCQkJCQkJCQkJCQkJCQg==\""), Status::Malformed);
    let mut cipher = b"no object".to_vec();
    cipher.resize(24, 0);
    key.encrypt(&mut cipher, 9).unwrap();
    assert_eq!(status(&[b"\"", cipher.as_slice(), b"\""].concat()), Status::Malformed);
}
