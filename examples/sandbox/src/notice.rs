//! Messages to the merchant: in flow fields, out flows the signed form. How it is signed and which
//! way it travels are switches, for no document says what this product does.

use std::collections::BTreeMap;

use crate::keys::{Keys, SignType};
use crate::switches::{Empty, NotifyCharset, NotifySign, Switches};

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Says how it is signed.
    Coupon,
    /// Does not: no sign_type, charset, app_id or notify_id.
    State,
}

/// A message before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where it goes.
    pub url: String,
    /// What it is.
    pub kind: Kind,
    /// Without charset, sign_type and sign.
    pub fields: Vec<(&'static str, String)>,
}

impl Letter {
    /// What tells its repeats: notify_id, or the order's number.
    pub fn id(&self) -> String {
        let id = self.fields.iter().find(|(name, _)| ["notify_id", "order_id"].contains(name));
        id.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// `a=1&b=2`, escaped, `sign` last.
    pub fn form(&self, keys: &Keys, switches: &Switches) -> String {
        let charset = switches.notify_charset.charset();
        let sign_type = switches.notify_sign_type.sign_type();
        let mut fields: BTreeMap<&str, Vec<u8>> =
            self.fields.iter().map(|(name, value)| (*name, charset.encode(value))).collect();
        if self.kind == Kind::Coupon {
            fields.insert("charset", switches.notify_charset.name().into());
            fields.insert("sign_type", switches.notify_sign_type.name().into());
        }
        if switches.notify_empty != Empty::No {
            fields.insert("memo", Vec::new());
        }
        let signed = fields.iter().filter(|(name, value)| {
            (switches.notify_v2 || **name != "sign_type")
                && (switches.notify_empty == Empty::Signed || !value.is_empty())
        });
        let pairs: Vec<Vec<u8>> =
            signed.map(|(name, value)| [name.as_bytes(), b"=", value].concat()).collect();
        let sign = keys.sign(sign_type, &pairs.join(&b'&'));
        let all = fields.iter().map(|(n, v)| (*n, v.as_slice())).chain([("sign", sign.as_bytes())]);
        all.map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
    }
}

/// As Java's URLEncoder: a space becomes `+`.
pub fn escape(value: &[u8]) -> String {
    let one = |&byte: &u8| match byte {
        b' ' => "+".to_owned(),
        b'.' | b'-' | b'*' | b'_' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.iter().map(one).collect()
}

impl NotifySign {
    fn sign_type(self) -> SignType {
        match self {
            NotifySign::Rsa2 => SignType::Rsa2,
            NotifySign::Rsa => SignType::Rsa,
        }
    }

    fn name(self) -> &'static str {
        match self {
            NotifySign::Rsa2 => "RSA2",
            NotifySign::Rsa => "RSA",
        }
    }
}

impl NotifyCharset {
    fn charset(self) -> crate::charset::Charset {
        match self {
            NotifyCharset::Utf8 => crate::charset::Charset::Utf8,
            NotifyCharset::Gbk => crate::charset::Charset::Gbk,
        }
    }

    fn name(self) -> &'static str {
        match self {
            NotifyCharset::Utf8 => "UTF-8",
            NotifyCharset::Gbk => "GBK",
        }
    }
}
