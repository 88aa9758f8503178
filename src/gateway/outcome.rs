//! What an answer means for the call it answers: a pure function of four facts.
//!
//! In: HTTP status, whether the signature holds, code and sub_code. Out: an [`Outcome`].

/// What became of a call, as far as the answer proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: HTTP 200, verified, code 10000. Nothing else is ever success.
    Accepted,
    /// Not done, and repeating it will not help: a verified refusal of this very request.
    Rejected,
    /// Perhaps done. To be repeated with the same req_id.
    Unknown,
    /// Not done: the merchant's authorisation is invalid or expired. Renew the token, repeat.
    Token,
    /// Not done: too many calls. Wait longer, repeat.
    Throttled,
    /// Not done: the configuration is wrong (key, app, clock, permission), not this request.
    /// Every other request would be refused as well, so entries are kept and sending pauses.
    Config,
    /// Somebody answered without a valid signature; perhaps the gateway, perhaps a hotel's login
    /// page. As unknown, but code and sub_code are worth showing to a person.
    Unauthenticated,
}

/// Reads an answer's facts. `sub_code` may be empty.
///
/// The codes are those of the gateway's table of common errors. Where it leaves room, the
/// cautious side is taken: a needless repeat costs a request and is caught by req_id, a needless
/// rejection costs a shopper's points until somebody looks into the dead letters.
pub fn classify(http_status: u16, verified: bool, code: &str, sub_code: &str) -> Outcome {
    match (http_status, verified, code) {
        (200, true, "10000") => Outcome::Accepted,
        (200, true, _) => refusal(code, sub_code),
        (200, false, "") => Outcome::Unknown,
        (200, false, _) => Outcome::Unauthenticated,
        // Between us and the gateway something failed, whatever the body says.
        _ => Outcome::Unknown,
    }
}

/// A verified answer that is not 10000.
fn refusal(code: &str, sub_code: &str) -> Outcome {
    let speaks_of = |words: &[&str]| words.iter().any(|word| contains(sub_code, word));
    match code {
        "20001" => Outcome::Token,
        "40005" => Outcome::Throttled,
        "40003" | "40006" => Outcome::Config,
        // `isp.` is the platform's own trouble, under whatever code.
        "40001" | "40002" | "40004" if speaks_of(PLATFORM) || sub_code.is_empty() => {
            unexplained(code, sub_code)
        }
        "40001" | "40002" if speaks_of(TOKEN) => Outcome::Token,
        "40001" | "40002" if speaks_of(CONFIG) || is_one_of(sub_code, CONFIG_NAMES) => {
            Outcome::Config
        }
        "40001" | "40002" | "40004" => Outcome::Rejected,
        // 20000 (service unavailable), 10003 (in progress), and codes nobody has told us about.
        _ => Outcome::Unknown,
    }
}

/// A refusal that names no reason, or the platform's own trouble. Without a reason, 40001 and
/// 40002 (missing or invalid arguments) were not executed, but nothing says that it is this
/// sale's fault: keep it and call a person. 40004 may have got as far as the business system.
fn unexplained(code: &str, sub_code: &str) -> Outcome {
    if sub_code.is_empty() && code != "40004" { Outcome::Config } else { Outcome::Unknown }
}

/// Trouble of the platform or a business system behind it: the work may have been done.
/// (`unknow` is the official spelling; it covers the other one.)
const PLATFORM: &[&str] =
    &["isp.", "system-error", "systemerror", "system-busy", "unknow", "timeout"];

/// A token's trouble reported under an argument's code.
const TOKEN: &[&str] = &["app-auth-token", "auth-token"];

/// 40001 and 40002 cover both sides: a wrong clock or key (`isv.invalid-timestamp`,
/// `isv.invalid-signature`, `isv.invalid-app-id`), which concerns every request alike and must
/// not carry a single sale to the dead letters, and a wrong value of this request
/// (`isv.invalid-parameter`), which no repeat can heal and which must not block the others. These
/// words mark the first kind. What is not listed, also `isv.suspected-attack` (a filter disliked
/// some text of this request), is the second.
const CONFIG: &[&str] = &[
    "signature",
    "app-id",
    "timestamp",
    "charset",
    "encrypt",
    "decrypt",
    "digest",
    "app-cert",
    "root-cert",
    "alipay-cert",
    "cert-sn",
    "app-auth",
    "forbidden-api",
    "content-type",
    "permission",
];

/// The rest of the first kind, by their whole names: as words `method`, `version` and `format` stand
/// in business codes as well (a payment method, the format of a date), and a pause would stop every
/// sale for one.
const CONFIG_NAMES: &[&str] = &[
    "missing-method",
    "invalid-method",
    "missing-version",
    "invalid-version",
    "missing-format",
    "invalid-format",
];

/// True when `sub_code`, behind its prefix, is one of `names`.
fn is_one_of(sub_code: &str, names: &[&str]) -> bool {
    // Not rsplit, whose next_back calls itself: there is to be no recursion.
    let behind = sub_code.bytes().rposition(|byte| byte == b'.').map_or(0, |at| at + 1);
    let name = sub_code.get(behind..).unwrap_or(sub_code);
    names.iter().any(|one| one.len() == name.len() && contains(name, one))
}

/// True when `text` contains `word` (lower case, with `-`), not minding case, `-` or `_`: the
/// gateway's documents spell the same sub_code in several ways.
pub(crate) fn contains(text: &str, word: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    let same = |part: &[u8]| part.iter().map(|&byte| plain(byte)).eq(word.bytes());
    let mut parts = (0..text.len()).filter_map(|at| text.as_bytes().get(at..at + word.len()));
    parts.any(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::*;

    #[test]
    fn verified_answers() {
        for (code, sub_code, outcome) in [
            ("10000", "", Accepted),
            ("10003", "", Unknown),
            ("20000", "isp.unknow-error", Unknown),
            ("20000", "aop.unknow-error", Unknown),
            ("20000", "aop.ACQ.SYSTEM_ERROR", Unknown),
            ("20001", "aop.invalid-auth-token", Token),
            ("20001", "aop.app-auth-token-time-out", Token),
            ("20001", "aop.no-product-reg-by-partner", Token),
            ("40001", "isv.missing-signature", Config),
            ("40001", "isv.missing-app-id", Config),
            ("40001", "isv.missing-timestamp", Config),
            ("40001", "isv.missing-version", Config),
            ("40001", "isv.missing-method", Config),
            ("40001", "isv.missing-parameter", Rejected),
            ("40001", "isv.decryption-error-missing-encrypt-type", Config),
            ("40002", "isv.invalid-parameter", Rejected),
            ("40002", "INVALID_PARAMETER", Rejected),
            ("40002", "isv.code-invalid", Rejected),
            ("40002", "isv.suspected-attack", Rejected),
            ("40002", "isv.invalid-signature", Config),
            ("40002", "invalid_signature", Config),
            ("40002", "isv.invalid-app-id", Config),
            ("40002", "isv.invalid-timestamp", Config),
            ("40002", "isv.invalid-charset", Config),
            ("40002", "isv.invalid-encrypt", Config),
            ("40002", "isv.invalid-method", Config),
            ("40002", "INVALID_FORMAT", Config),
            ("40002", "isv.invalid-payment-method", Rejected),
            ("40002", "isv.invalid-date-format", Rejected),
            ("40002", "METHOD_NOT_ALLOWED_FOR_PRIZE", Rejected),
            ("40002", "isv.card-version-too-old", Rejected),
            ("40002", "isv.invalid-cert-no", Rejected),
            ("40002", "isv.app-cert-not-exist", Config),
            ("40002", "isv.invalid-alipay-root-cert-sn", Config),
            ("40001", "isv.missing-app-cert-sn", Config),
            ("40002", "isv.not-support-app-auth", Config),
            ("40002", "isv.invalid-app-auth-token", Token),
            ("40002", "isp.unknow-error", Unknown),
            ("40002", "", Config),
            ("40003", "isv.missing-signature-config", Config),
            ("40003", "", Config),
            ("40004", "isv.example-business-error", Rejected),
            ("40004", "ACQ.SYSTEM_ERROR", Unknown),
            ("40004", "SYSTEM_ERROR", Unknown),
            ("40004", "isp.system-error", Unknown),
            ("40004", "POINT_NOT_ENOUGH", Rejected),
            ("40004", "", Unknown),
            ("40005", "isv.app-call-limited", Throttled),
            ("40005", "", Throttled),
            ("40006", "isv.insufficient-isv-permissions", Config),
            ("", "", Unknown),
            ("10001", "", Unknown),
            ("100000", "", Unknown),
            (" 10000", "", Unknown),
            ("99999", "isv.new", Unknown),
        ] {
            assert_eq!(classify(200, true, code, sub_code), outcome, "{code} {sub_code}");
        }
    }

    #[test]
    fn nothing_counts_without_a_signature() {
        for code in ["10000", "20000", "20001", "40002", "40004", "40005", "99999"] {
            assert_eq!(classify(200, false, code, "isv.x"), Unauthenticated);
        }
        assert_eq!(classify(200, false, "", ""), Unknown);
    }

    #[test]
    fn nothing_counts_without_http_200() {
        for status in [0, 100, 201, 204, 301, 302, 400, 403, 429, 500, 502, 504] {
            for verified in [true, false] {
                for code in ["10000", "40004", "20001", ""] {
                    assert_eq!(classify(status, verified, code, "isv.x"), Unknown);
                }
            }
        }
    }
}
