//! The claim link (领券页): an activity's page and this shopper's token become one URL.
//!
//! In: the base that activity.query returned for its URL_WITH_TOKEN channel, the token of
//! prizesend.auth, our number. Out: a URL in the caller's buffer.
//!
//! ```text
//! https://host/page ? itemId=1&chInfo=isv                  #/home
//! https://host/page ? itemId=1&chInfo=isv&type=...&token=... #/home
//! ```
//!
//! What the base says for `type`, `token`, `outBizNo`, `buyerId` and `shopId` never survives: a
//! base belongs to an activity, not to a shopper. Everything else in it is kept.

use crate::gateway::until;
use crate::json::{Encoding, Kind, Object, Value};
use crate::status::{Error, Result, Status};
use crate::text::{self, Writer};

#[path = "link_query.rs"]
mod query;

/// The page for point cards, as `type`.
pub const POINTCARD: &str = "pointcard";

/// Longest base URL in bytes; our own limit, samples have about 90.
pub const BASE_MAX: usize = 1024;
/// Longest `token`, in characters; our own limit.
pub const TOKEN_MAX: usize = 64;
/// Longest `outBizNo`; our own limit. It comes back in the notification as `isv_out_biz_id`, and
/// nobody documents what survives that way: keep to 32 of `A-Za-z0-9_-`.
pub const OUT_BIZ_NO_MAX: usize = 64;
/// Longest `type`.
pub const TYPE_MAX: usize = 32;
/// Longest `buyerId` and `shopId`.
pub const ID_MAX: usize = 32;

/// What a claim link is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The `config` or `ext_info` of the activity's URL_WITH_TOKEN channel: a URL, or a JSON
    /// object that holds it under `URL_WITH_TOKEN` or as its only text that is a URL. (The guide
    /// names `config`; integrators find it in `ext_info`.)
    pub base: &'a str,
    /// Which page: [`POINTCARD`].
    pub kind: &'a str,
    /// The token of prizesend.auth.
    pub token: &'a str,
    /// Our number of this offer; the notification brings it back.
    pub out_biz_no: &'a str,
    /// The shopper, if known.
    pub buyer_id: Option<&'a str>,
    /// The nearest shop where the coupon is good, if known.
    pub shop_id: Option<&'a str>,
}

impl<'a> Link<'a> {
    /// A link to the point card page with nothing optional.
    pub const fn new(base: &'a str, token: &'a str, out_biz_no: &'a str) -> Self {
        Link { base, kind: POINTCARD, token, out_biz_no, buyer_id: None, shop_id: None }
    }

    /// The parameters that are ours, in the order they are written.
    fn params(&self) -> [(&'static str, Option<&'a str>); 5] {
        [
            ("type", Some(self.kind)),
            ("token", Some(self.token)),
            ("outBizNo", Some(self.out_biz_no)),
            ("buyerId", self.buyer_id),
            ("shopId", self.shop_id),
        ]
    }

    /// Refuses parts that cannot be: `Missing`, `TooLong` or `Encoding` with the parameter's name.
    /// The base is looked at by [`Link::write`].
    pub fn check(&self) -> Result<()> {
        let limits = [TYPE_MAX, TOKEN_MAX, OUT_BIZ_NO_MAX, ID_MAX, ID_MAX];
        self.params().into_iter().zip(limits).try_for_each(|((name, value), max)| match value {
            Some(value) => text::required(value.as_bytes(), name, max).map(|_| ()),
            None => Ok(()),
        })
    }

    /// Checks everything and appends the link to `out`.
    ///
    /// As [`Link::check`]; about `base`: `Missing` when a JSON object holds no URL, `Duplicate`
    /// when it holds several, `Malformed` for broken JSON or a broken escape, `Argument` for what
    /// is no absolute http(s) URL with a host and without a user, `Encoding` for control
    /// characters and backslashes, `TooLong` beyond [`BASE_MAX`]. About `itemId`: `Missing`, or
    /// `Duplicate` when the base names two different ones. `out` counts what found no room.
    pub fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        self.check()?;
        let mut room = [0; BASE_MAX];
        let base = url(self.base, &mut room)?;
        let (front, fragment) = split(base, '#');
        let (page, query) = split(front, '?');
        let item = query::item_id(query, fragment)?;
        out.str(page);
        let mut joint = b'?';
        query::copy(query, &mut joint, out);
        if !query::has(query, "itemId") {
            // It stands under another name or in the fragment, escaped as a URL wants it.
            query::join("itemId", &mut joint, out);
            query::escape(item, out);
        }
        for (name, value) in self.params() {
            let Some(value) = value else { continue };
            query::join(name, &mut joint, out);
            out.percent(value.as_bytes());
        }
        if !fragment.is_empty() {
            // A page that finds its way by the fragment reads its query, too.
            let (route, inner) = split(fragment, '?');
            out.byte(b'#');
            query::escape(route.as_bytes(), out);
            query::copy(inner, &mut b'?', out);
        }
        Ok(())
    }
}

/// What stands before the first `mark`, and what behind.
fn split(text: &str, mark: char) -> (&str, &str) {
    text.split_once(mark).unwrap_or((text, ""))
}

/// The URL a base is or holds, checked.
pub(crate) fn url<'r>(base: &'r str, room: &'r mut [u8]) -> Result<&'r str> {
    let too_long = Error::new(Status::TooLong, "base").at(BASE_MAX);
    let url = if base.trim_ascii_start().starts_with('{') {
        let mut writer = Writer::new(room);
        held(base)?.text(&mut writer).map_err(about_base)?;
        writer.finish_str().map_err(|_| too_long)?
    } else {
        base
    };
    if url.len() > BASE_MAX {
        return Err(too_long);
    }
    text::required(url.as_bytes(), "base", BASE_MAX)?;
    // Browsers read a backslash as a slash, so a host could be read in two ways.
    if let Some(at) = url.find('\\') {
        return Err(Error::new(Status::Encoding, "base").at(at));
    }
    if has_host(url) { Ok(url) } else { Err(Error::new(Status::Argument, "base")) }
}

/// The URL of a JSON object.
fn held(base: &str) -> Result<Value<'_>> {
    let object = Object::read(base.as_bytes(), Encoding::Utf8).map_err(about_base)?;
    if let Some(named) = object.get("URL_WITH_TOKEN") {
        return Ok(named);
    }
    let mut urls = object.members().map(|member| member.value).filter(is_url_like);
    match (urls.next(), urls.next()) {
        (Some(url), None) => Ok(url),
        (None, _) => Err(Error::new(Status::Missing, "base")),
        (_, Some(second)) => Err(Error::new(Status::Duplicate, "base").at(second.span().0)),
    }
}

fn about_base(error: Error) -> Error {
    Error { what: "base", ..error }
}

/// True for a text that begins like a URL. (A slash may be escaped.)
fn is_url_like(value: &Value<'_>) -> bool {
    let text = value.raw().get(1..).unwrap_or_default();
    let begins = |scheme: &[u8]| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    value.kind() == Kind::String && (begins(b"https:") || begins(b"http:"))
}

/// True for an absolute http(s) URL with a host and without user and password.
fn has_host(url: &str) -> bool {
    let scheme = until(url, b":");
    let rest = url.get(scheme.len()..).unwrap_or_default();
    let Some(rest) = rest.strip_prefix("://") else { return false };
    let authority = until(rest, b"/?#");
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'@';
    (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
        && !authority.is_empty()
        && !authority.starts_with(':')
        && authority.bytes().all(is_plain)
        // The page itself travels as it stands, so it has to be a URL's text already.
        && until(rest, b"?#").bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "link_tests.rs"]
mod tests;
