//! What Alipay leaves open, as switches: in flow a name and a value, out flows how to behave.
//! They may be turned between two requests.

use serde::Serialize;

/// Where activity.query shows the claim page's URL: the documents say one, real code reads another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimUrl {
    /// In `ext_info`, a text of JSON `{"URL_WITH_TOKEN":"http…"}`, as integrators' code reads.
    #[default]
    ExtInfo,
    /// In `config`, the bare URL, as the quick-start guide says.
    Config,
}

/// Where activity.query shows the account that points.update wants. No document says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountIn {
    /// `promo_tools[0].voucher_no`
    #[default]
    VoucherNo,
    /// A key `activity_account` in the activity's `ext_info`, a text of JSON.
    ExtInfo,
}

/// How a buyer is named in trade.pay and trade.query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Buyer {
    /// `buyer_user_id`, as in 2016.
    #[default]
    UserId,
    /// `buyer_open_id` alone, as new apps get it.
    OpenId,
    /// Both.
    Both,
}

/// What becomes of a field without a value in a message: official SDKs differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Empty {
    /// There is none.
    #[default]
    No,
    /// `memo=` is sent and not signed.
    Unsigned,
    /// `memo=` is sent and signed.
    Signed,
}

/// The charset of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum NotifyCharset {
    /// As in the samples.
    #[default]
    #[serde(rename = "UTF-8")]
    Utf8,
    /// As for apps that ask in GBK.
    #[serde(rename = "GBK")]
    Gbk,
}

/// The digest of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum NotifySign {
    /// SHA-256.
    #[default]
    #[serde(rename = "RSA2")]
    Rsa2,
    /// SHA-1.
    #[serde(rename = "RSA")]
    Rsa,
}

/// All switches. Each starts at what the best source suggests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switches {
    /// See [`ClaimUrl`].
    pub claim_url: ClaimUrl,
    /// See [`AccountIn`].
    pub account_in: AccountIn,
    /// See [`Buyer`].
    pub buyer: Buyer,
    /// A claim uses its token up.
    pub token_once: bool,
    /// Tokens' lifetimes come as numbers, else as texts: both were seen.
    pub seconds_as_number: bool,
    /// The refresh token before the last one still works, as if the last answer had been lost.
    pub old_refresh_works: bool,
    /// A refusal of an encrypted request comes as a plain object without a signature.
    pub plain_refusals: bool,
    /// trade.pay answers 10003 and the buyer does not pay until this is off.
    pub pay_waits: bool,
    /// Messages come as GET, else as POST. Samples show the one, general documents say the other.
    pub notify_get: bool,
    /// Messages are signed with sign_type among the fields (V2), else without (V1).
    pub notify_v2: bool,
    /// See [`Empty`].
    pub notify_empty: Empty,
    /// See [`NotifyCharset`].
    pub notify_charset: NotifyCharset,
    /// See [`NotifySign`].
    pub notify_sign_type: NotifySign,
    /// How many times faster than Alipay a message is repeated.
    pub notify_speed: u64,
    /// Where a coupon message goes when neither campaign nor claim say; empty is nowhere.
    pub notify_url: String,
    /// Seconds a claim token is good for; 0 is for ever.
    pub token_life: u64,
    /// The claim page activity.query shows: this sandbox's own once it runs, without itemId.
    pub claim_page: String,
}

/// Where Alipay's own claim page is.
const ALIPAYS_PAGE: &str = "https://render.alipay.com/p/z/pointset/index.html";

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            claim_url: ClaimUrl::default(),
            account_in: AccountIn::default(),
            buyer: Buyer::default(),
            token_once: true,
            seconds_as_number: true,
            old_refresh_works: true,
            plain_refusals: false,
            pay_waits: false,
            notify_get: false,
            notify_v2: false,
            notify_empty: Empty::default(),
            notify_charset: NotifyCharset::default(),
            notify_sign_type: NotifySign::default(),
            notify_speed: 1,
            notify_url: String::new(),
            token_life: 0,
            claim_page: ALIPAYS_PAGE.into(),
        }
    }
}

impl Switches {
    /// What one may be set to; empty for numbers and URLs.
    pub fn values(name: &str) -> Vec<&'static str> {
        fn names<T>(all: &[(&'static str, T)]) -> Vec<&'static str> {
            all.iter().map(|(name, _)| *name).collect()
        }
        match name {
            "claim_url" => names(&CLAIM_URL),
            "account_in" => names(&ACCOUNT_IN),
            "buyer" => names(&BUYER),
            "notify_empty" => names(&EMPTY),
            "notify_charset" => names(&NOTIFY_CHARSET),
            "notify_sign_type" => names(&NOTIFY_SIGN),
            "notify_speed" | "notify_url" | "token_life" | "claim_page" => Vec::new(),
            _ => names(&BOOL),
        }
    }

    /// Turns one by its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "claim_url" => self.claim_url = one(name, value, &CLAIM_URL)?,
            "account_in" => self.account_in = one(name, value, &ACCOUNT_IN)?,
            "buyer" => self.buyer = one(name, value, &BUYER)?,
            "token_once" => self.token_once = one(name, value, &BOOL)?,
            "seconds_as_number" => self.seconds_as_number = one(name, value, &BOOL)?,
            "old_refresh_works" => self.old_refresh_works = one(name, value, &BOOL)?,
            "plain_refusals" => self.plain_refusals = one(name, value, &BOOL)?,
            "pay_waits" => self.pay_waits = one(name, value, &BOOL)?,
            "notify_get" => self.notify_get = one(name, value, &BOOL)?,
            "notify_v2" => self.notify_v2 = one(name, value, &BOOL)?,
            "notify_empty" => self.notify_empty = one(name, value, &EMPTY)?,
            "notify_charset" => self.notify_charset = one(name, value, &NOTIFY_CHARSET)?,
            "notify_sign_type" => self.notify_sign_type = one(name, value, &NOTIFY_SIGN)?,
            "notify_speed" => self.notify_speed = whole(name, value, 1)?,
            "notify_url" => self.notify_url = no_url(value).map_or_else(|| url(name, value), Ok)?,
            "token_life" => self.token_life = whole(name, value, 0)?,
            "claim_page" => self.claim_page = url(name, value)?,
            _ => return Err(format!("there is no switch {name:?}; GET /switches lists them")),
        }
        Ok(())
    }
}

const BOOL: [(&str, bool); 2] = [("true", true), ("false", false)];
const CLAIM_URL: [(&str, ClaimUrl); 2] =
    [("ext_info", ClaimUrl::ExtInfo), ("config", ClaimUrl::Config)];
const ACCOUNT_IN: [(&str, AccountIn); 2] =
    [("voucher_no", AccountIn::VoucherNo), ("ext_info", AccountIn::ExtInfo)];
const BUYER: [(&str, Buyer); 3] =
    [("user_id", Buyer::UserId), ("open_id", Buyer::OpenId), ("both", Buyer::Both)];

const EMPTY: [(&str, Empty); 3] =
    [("no", Empty::No), ("unsigned", Empty::Unsigned), ("signed", Empty::Signed)];
const NOTIFY_CHARSET: [(&str, NotifyCharset); 2] =
    [("UTF-8", NotifyCharset::Utf8), ("GBK", NotifyCharset::Gbk)];
const NOTIFY_SIGN: [(&str, NotifySign); 2] = [("RSA2", NotifySign::Rsa2), ("RSA", NotifySign::Rsa)];

fn whole(name: &str, value: &str, least: u64) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| format!("{name} is a whole number from {least} on, not {value:?}"))
}

fn no_url(value: &str) -> Option<String> {
    value.is_empty().then(String::new)
}

/// A page's address; what follows a `?` is added by whoever uses it.
fn url(name: &str, value: &str) -> Result<String, String> {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
    let is_page = |rest: &&str| !rest.is_empty() && !rest.contains(['?', '#', ' ']);
    let wrong = || format!("{name} is an http(s) URL without ? and #, not {value:?}");
    rest.filter(is_page).map(|_| value.to_owned()).ok_or_else(wrong)
}

fn one<T: Copy>(name: &str, value: &str, all: &[(&str, T)]) -> Result<T, String> {
    let found = all.iter().find(|(own, _)| *own == value);
    let names: Vec<&str> = all.iter().map(|(own, _)| *own).collect();
    let wrong = || format!("{name} is {}, not {value:?}", names.join(" or "));
    found.map(|(_, value)| *value).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_known_by_the_name_it_is_listed_under() {
        let mut switches = Switches::default();
        let listed = serde_json::to_value(&switches).unwrap();
        for (name, value) in listed.as_object().unwrap() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(switches.set(name, &text), Ok(()), "{name}={text}");
            assert!(switches.set(name, "purple").unwrap_err().contains(name));
            for value in Switches::values(name) {
                assert_eq!(switches.clone().set(name, value), Ok(()), "{name}={value}");
            }
        }
        assert_eq!(switches, Switches::default());
        assert!(switches.set("claim", "config").unwrap_err().contains("no switch"));
    }
}
