//! The library's side: in flow typed requests, out flow their bytes, signed by its own kernel; in
//! flow answers an SDK was given, out flows what the library thinks of them.

use pointcard::crypto::{AesKey, Digest, PrivateKey, PublicKey, Scratch};
use pointcard::gateway::notify::{self, Message, Variant};
use pointcard::gateway::points::{self, TransType, Update};
use pointcard::gateway::prize::{self, PrizesendAuth};
use pointcard::gateway::{Charset, Session, SignType, answer, build};
use pointcard::status::Error;

use crate::{ACCOUNT, APP_ID, USER, key};

/// 2016-10-10 10:10:10 in Beijing.
const TIME: u64 = 1_476_065_410;

/// A session as the cases want it.
pub fn session(charset: Charset, sign_type: SignType) -> Session<'static> {
    let app_auth_token = Some("201610BB0123456789abcdef0123456789abcdef");
    let notify_url = Some("http://127.0.0.1/notify?a=1&b=2");
    Session { charset, sign_type, app_auth_token, notify_url, ..Session::new(APP_ID) }
}

/// Query and form of one request of each method this product is about.
pub fn requests(session: &Session<'_>) -> Vec<(&'static str, [String; 2])> {
    let update = Update {
        req_id: "778712860805461247257",
        user_id: USER,
        activity_account: ACCOUNT,
        trans_type: TransType::Deposit,
        trans_amount: 10,
        shop_id: Some("2016041200077000000003277104"),
        biz_no: Some("2016082221001004150200139999"),
        memo: Some("消费集点 a&b=c+d%20 \"q\" 100%"),
        ext_info: Some("{'EXTRA_INFO_KEY':'SAMPLE_VALUE'}"),
    };
    let query = points::Query { activity_account: ACCOUNT, user_id: USER };
    let auth = PrizesendAuth {
        req_id: "43242389432475452321",
        prize_id: "20160527000000000682853000153366",
        user_id: USER,
    };
    vec![
        ("points.update", parts(session, points::UPDATE, &update)),
        ("points.query", parts(session, points::QUERY, &query)),
        ("prizesend.auth", parts(session, prize::AUTH, &auth)),
    ]
}

fn parts(session: &Session<'_>, method: &str, content: &impl serde::Serialize) -> [String; 2] {
    let mut app = Box::new(PrivateKey::new());
    app.load(key("app2048.pkcs8.b64").as_bytes(), &mut Scratch::new()).unwrap();
    let mut sign = |digest: Digest, hash: &[u8], out: &mut [u8]| {
        app.sign(digest, hash, None, &mut Scratch::new(), out)
    };
    let mut room = vec![0; 8192];
    let request = build(session, method, content, TIME, &mut sign, &mut room).unwrap();
    let query = request.url.split_once('?').unwrap().1.to_owned();
    [query, String::from_utf8(request.body.to_vec()).unwrap()]
}

/// Alipay's public key, as a client has it.
pub fn alipay() -> Box<PublicKey> {
    let mut alipay = Box::new(PublicKey::new());
    alipay.load(key("alipay2048.pub.b64").as_bytes(), &mut Scratch::new()).unwrap();
    alipay
}

/// A member of an answer whose signature holds; why not, otherwise.
pub fn member(
    body: &[u8],
    method: &str,
    (charset, sign_type): (Charset, SignType),
    name: &'static str,
) -> Result<String, Error> {
    let answer = answer::read_in(body, method, charset)?;
    answer.verify(sign_type.digest(), &alipay(), &mut Scratch::new())?;
    Ok(answer.text::<128>(name)?.to_string())
}

/// The same of an encrypted answer.
pub fn encrypted_member(body: &[u8], method: &str, name: &'static str) -> Result<String, Error> {
    let answer = answer::read(body, method)?;
    answer.verify(Digest::Sha256, &alipay(), &mut Scratch::new())?;
    let content_key = AesKey::from_base64(key("aes128.b64").trim().as_bytes())?;
    let mut room = vec![0; body.len()];
    let plain = answer.decrypt(&content_key, Charset::Utf8, &mut room)?;
    Ok(plain.text::<128>(name)?.to_string())
}

/// What the library makes of a notification for an application that signs with `session`: which
/// string was signed, and for which outBizNo.
pub fn coupon(form: &str, session: SignType) -> Result<(Variant, String), Error> {
    let mut room = vec![0; form.len()];
    let message = notify::read(form.as_bytes(), &mut room)?;
    let verified = message.verify(session, &alipay(), &mut Scratch::new())?;
    match verified.message()? {
        Message::Coupon(coupon) => Ok((verified.variant(), coupon.isv_out_biz_id.to_owned())),
        other => panic!("no coupon: {other:?}"),
    }
}
