//! The gateway's checks: in flow parameters, out flows a request that may be executed or the
//! refusal Alipay gives. Business fields are the methods' affair.
//!
//! Documented or observed: the codes, app_id before the signature, charset in the URL, the text
//! of isv.invalid-signature. The rest of the order is a choice made here.

use crate::answer::{Manner, Refusal};
use crate::biz::Biz;
use crate::charset::Charset;
use crate::clock;
use crate::crypt::ContentKey;
use crate::keys::{Keys, SignType};
use crate::methods;
use crate::params::Params;
use crate::switches::Switches;
use crate::world::World;

/// What this gateway knows about its one app.
pub struct Rules {
    /// The app's id.
    pub app_id: String,
    /// How far a timestamp may be off. Alipay documents no number, so by default any.
    pub clock_tolerance: Option<u64>,
    /// Both sides' keys.
    pub keys: Keys,
    /// The app's key for encrypted content, if it has one.
    pub content_key: Option<ContentKey>,
}

/// A request that passed.
pub struct Request {
    /// A method that is played.
    pub method: String,
    /// The business fields.
    pub biz: Biz,
    /// Whom it acts for.
    pub merchant: usize,
    /// Where messages are to go.
    pub notify_url: Option<String>,
}

/// How to answer, as far as the parameters say.
pub fn manner(params: &Params, rules: &Rules, switches: &Switches) -> Manner {
    let method = params.text("method").unwrap_or_default();
    Manner {
        node: format!("{}_response", method.replace('.', "_")),
        charset: params.get("charset").and_then(Charset::named).unwrap_or(Charset::Utf8),
        sign_type: params.get("sign_type").and_then(SignType::named).unwrap_or(SignType::Rsa2),
        content_key: rules.content_key.filter(|_| params.get("encrypt_type") == Some(b"AES")),
        plain_refusals: switches.plain_refusals,
        cert_sn: rules.keys.certificates().map(|[.., alipay]| alipay.number.clone()),
    }
}

/// Every check that comes before the business, in order.
pub fn check(params: &Params, rules: &Rules, world: &World) -> Result<Request, Refusal> {
    let method = method(params)?;
    app_id(params, rules)?;
    let charset = charset(params)?;
    signature(params, rules, charset)?;
    timestamp(params, rules)?;
    version(params)?;
    lengths(params)?;
    let content = content(params, rules)?;
    certificates(params, rules)?;
    let merchant = token(params, &method, world)?;
    let notify_url = params.text("notify_url");
    Ok(Request { method, biz: biz_content(&content, charset)?, merchant, notify_url })
}

fn method(params: &Params) -> Result<String, Refusal> {
    let missing = || Refusal::new("40001", "isv.missing-method", "缺少方法名参数 (no method)");
    let method = params.text("method").ok_or_else(missing).map_err(Refusal::nameless)?;
    if methods::known(&method) {
        return Ok(method);
    }
    let text = "不存在的方法名 (this method does not exist or is not played here)";
    Err(Refusal::new("40002", "isv.invalid-method", text).nameless())
}

fn app_id(params: &Params, rules: &Rules) -> Result<(), Refusal> {
    let Some(app_id) = params.text("app_id") else {
        let text = "缺少AppID参数 (no app_id)";
        return Err(Refusal::new("40001", "isv.missing-app-id", text).unsigned());
    };
    if app_id == rules.app_id {
        return Ok(());
    }
    let text = "无效的AppID参数 (no such app_id)";
    Err(Refusal::new("40002", "isv.invalid-app-id", text).unsigned())
}

fn charset(params: &Params) -> Result<Charset, Refusal> {
    let no = |text: &str| Refusal::new("40002", "isv.invalid-charset", text);
    if !params.in_query("charset") {
        return Err(no("字符集错误: charset 必须在URL中 (charset must be in the URL query)"));
    }
    let known = params.get("charset").and_then(Charset::named);
    known.ok_or_else(|| no("字符集错误 (charset is UTF-8 or GBK)"))
}

fn signature(params: &Params, rules: &Rules, charset: Charset) -> Result<(), Refusal> {
    let missing = |what, text: &str| Refusal::new("40001", what, text);
    let sign_type = params.get("sign_type");
    let sign_type = sign_type
        .ok_or_else(|| missing("isv.missing-signature-type", "缺少签名类型参数 (no sign_type)"))?;
    let text = "签名类型无效 (sign_type is RSA2 or RSA)";
    let sign_type = SignType::named(sign_type)
        .ok_or_else(|| Refusal::new("40002", "isv.invalid-signature-type", text))?;
    let sign = params.get("sign");
    let sign = sign.ok_or_else(|| missing("isv.missing-signature", "缺少签名参数 (no sign)"))?;
    let canonical = params.canonical();
    if rules.keys.verify(sign_type, &canonical, sign) {
        return Ok(());
    }
    Err(Refusal::new("40002", "isv.invalid-signature", quote(&canonical, charset)))
}

/// The string the gateway built, escaped as Alipay does: the client can compare.
fn quote(canonical: &[u8], charset: Charset) -> String {
    let text = charset.decode_lossy(canonical);
    let text = text.replace('&', "&amp;").replace('"', "&quot;");
    let text = text.replace('<', "&lt;").replace('>', "&gt;");
    format!("验签出错,建议检查签名字符串或签名私钥与应用公钥是否匹配,网关生成的验签字符串为:{text}")
}

fn timestamp(params: &Params, rules: &Rules) -> Result<(), Refusal> {
    let Some(text) = params.text("timestamp") else {
        let text = "缺少时间戳参数 (no timestamp)";
        return Err(Refusal::new("40001", "isv.missing-timestamp", text));
    };
    let no = |why: &str| {
        Refusal::new("40002", "isv.invalid-timestamp", format!("非法的时间戳参数 ({why})"))
    };
    let seconds = clock::parse_beijing(&text).ok_or_else(|| no("yyyy-MM-dd HH:mm:ss"))?;
    let off = seconds.abs_diff(clock::now_ms() / 1000);
    match rules.clock_tolerance {
        Some(tolerance) if off > tolerance => Err(no("too far from Beijing time")),
        _ => Ok(()),
    }
}

fn version(params: &Params) -> Result<(), Refusal> {
    match params.get("version") {
        Some(b"1.0") => Ok(()),
        None => Err(Refusal::new("40001", "isv.missing-version", "缺少版本参数 (no version)")),
        // The list of sub codes has none for a wrong version.
        Some(_) => Err(Refusal::invalid_parameter("version", "version is 1.0")),
    }
}

/// Official maxima of the common parameters. `sign` has none that fits every key.
fn lengths(params: &Params) -> Result<(), Refusal> {
    for (name, max) in [("format", 40), ("notify_url", 256), ("app_auth_token", 40)] {
        if params.get(name).is_some_and(|value| value.len() > max) {
            return Err(Refusal::invalid_parameter(name, &format!("{name} is over {max}")));
        }
    }
    match params.text("format") {
        Some(format) if !format.eq_ignore_ascii_case("json") => {
            Err(Refusal::new("40002", "isv.invalid-format", "无效的数据格式 (format is JSON)"))
        }
        _ => Ok(()),
    }
}

/// In certificate mode requests name both certificates; otherwise neither.
fn certificates(params: &Params, rules: &Rules) -> Result<(), Refusal> {
    let sent = |name| params.text(name);
    let no = |sub_code, text: &str| Err(Refusal::new("40002", sub_code, text));
    let (app_sn, root_sn) = (sent("app_cert_sn"), sent("alipay_root_cert_sn"));
    let Some([root, app, _]) = rules.keys.certificates() else {
        if app_sn.or(root_sn).is_none() {
            return Ok(());
        }
        return no("isv.app-cert-not-exist", "应用证书不存在 (this app has no certificate)");
    };
    match (app_sn, root_sn) {
        (None, _) => no("isv.missing-app-cert-sn", "缺少应用公钥证书序列号 (no app_cert_sn)"),
        (Some(sn), _) if sn != app.number => {
            no("isv.app-cert-not-exist", "应用证书不存在 (app_cert_sn is not the app's)")
        }
        (_, sn) if sn.as_deref() != Some(&root.number) => no(
            "isv.invalid-alipay-root-cert-sn",
            "支付宝根证书序列号无效 (alipay_root_cert_sn is not the root's)",
        ),
        _ => Ok(()),
    }
}

/// Whom the request acts for. Calls about tokens act for nobody.
fn token(params: &Params, method: &str, world: &World) -> Result<usize, Refusal> {
    let token = params.text("app_auth_token");
    if methods::is_about_tokens(method) {
        let text = "this method is sent without app_auth_token";
        let no = |_| Err(Refusal::invalid_parameter("app_auth_token", text));
        return token.map_or(Ok(0), no);
    }
    let text = "无效的应用授权令牌 (no merchant's app_auth_token, or one that was ended)";
    let no = || Refusal::new("20001", "aop.invalid-app-auth-token", text);
    world.acting(token.as_deref()).ok_or_else(no)
}

/// biz_content in the clear.
fn content(params: &Params, rules: &Rules) -> Result<Vec<u8>, Refusal> {
    let missing = || Refusal::invalid_parameter("biz_content", "biz_content is missing");
    let bytes = params.get("biz_content").ok_or_else(missing)?;
    let no = |sub_code, text: &str| Err(Refusal::new("40002", sub_code, text));
    match (params.get("encrypt_type"), rules.content_key) {
        (None, _) => Ok(bytes.to_vec()),
        (Some(b"AES"), Some(key)) => key.decrypt(bytes).map_or_else(
            || no("isv.invalid-encrypt", "解密异常 (no ciphertext of this app's key)"),
            Ok,
        ),
        (Some(b"AES"), None) => {
            no("isv.invalid-encrypt-type", "加密类型无效 (this app has no content key)")
        }
        _ => no("isv.invalid-encrypt-type", "加密类型无效 (encrypt_type is AES)"),
    }
}

fn biz_content(bytes: &[u8], charset: Charset) -> Result<Biz, Refusal> {
    let no = |why: &str| Refusal::invalid_parameter("biz_content", why);
    let text = charset.decode(bytes).ok_or_else(|| no("biz_content is not in the charset"))?;
    Biz::read(&text).map_err(|why| no(&format!("biz_content: {why}")))
}
