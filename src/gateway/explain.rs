//! Why the gateway says `isv.invalid-signature`: our canonical string, and where its differs.
//!
//! In: the string this side signs, and the `sub_msg` of the refusal, which quotes the string the
//! gateway built (HTML-escaped). Out: text for a person, user ids and tokens masked: their first
//! four characters and their length.
//!
//! Pure functions over bytes. Both strings are UTF-8 here: that of a GBK session is converted, as
//! the quotation is when it is read.

use super::request::prepare;
use super::{Charset, Session, canonical};
use crate::status::{Error, Result, Status};
use crate::text::{Beijing, Text, Writer};
use serde::Serialize;

/// Bytes of either string that a [`Difference`] shows: some before it, some behind.
const BEFORE: usize = 12;
const BEHIND: usize = 20;
/// Longest excerpt: each byte of a control or broken character becomes `?`, so never more.
pub const EXCERPT_MAX: usize = BEFORE + BEHIND + 16;

/// Parameters whose value nobody else may see.
const SECRET_PARAMS: [&str; 2] = ["app_auth_token", "auth_token"];
/// Members of `biz_content` nobody else may see.
const SECRET_MEMBERS: [&str; 10] = [
    "user_id",
    "buyer_id",
    "buyer_user_id",
    "token",
    "code",
    "auth_code",
    "refresh_token",
    "app_auth_token",
    "mobile",
    "phone",
];
/// Every parameter a request may have, for naming the one a difference stands in: a value may hold
/// `&` and `=` as well.
const PARAMS: [&str; 13] = [
    "alipay_root_cert_sn",
    "app_auth_token",
    "app_cert_sn",
    "app_id",
    "biz_content",
    "charset",
    "encrypt_type",
    "format",
    "method",
    "notify_url",
    "sign_type",
    "timestamp",
    "version",
];

/// What a difference usually comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is none: both sides have the same string.
    Key,
    /// The gateway quoted only a beginning, and it is the same.
    Cut,
    /// The gateway has this parameter elsewhere.
    Order,
    /// The gateway does not have this parameter.
    Missing,
    /// The gateway has something else at this place, or something more.
    Extra,
    /// It is written percent-encoded there.
    Encoding,
    /// A character beyond ASCII differs.
    Charset,
    /// The value differs.
    Value,
}

impl Cause {
    /// One English sentence without a full stop.
    pub const fn text(self) -> &'static str {
        match self {
            Cause::Key => {
                "both sides have the same string: the public key registered for this app at Alipay \
                 is not this private key's other half, or is registered for another sign_type"
            }
            Cause::Cut => "as far as the gateway's string was kept, both are the same",
            Cause::Order => "both have this parameter, in another order: sort names by their bytes",
            Cause::Missing => {
                "the gateway does not have this parameter: something on the way drops it"
            }
            Cause::Extra => {
                "the gateway has a parameter here that was not signed: something on the way adds it"
            }
            Cause::Encoding => {
                "the gateway sees it percent-encoded: something on the way encodes a second time"
            }
            Cause::Charset => {
                "a character beyond ASCII differs: the bytes sent are not in the charset named, \
                 or something on the way converts them"
            }
            Cause::Value => "the value was changed after it was signed",
        }
    }
}

/// The first difference between two canonical strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Bytes that are the same before it.
    pub at: usize,
    /// The parameter of ours it stands in; empty when ours has ended.
    pub name: &'static str,
    /// A few bytes of ours around it; masked when they are secret.
    pub ours: Text<EXCERPT_MAX>,
    /// The same of the gateway's.
    pub theirs: Text<EXCERPT_MAX>,
    /// What it usually comes from.
    pub cause: Cause,
}

/// Writes the canonical string of a request to `buf` and returns it, unmasked: never show it.
///
/// `BufferTooSmall` when the content and the string do not fit one behind the other; others as
/// [`super::build`].
pub fn string<'b>(
    session: &Session<'_>,
    method: &str,
    content: &(impl Serialize + ?Sized),
    unix_time: u64,
    buf: &'b mut [u8],
) -> Result<&'b [u8]> {
    let timestamp = Beijing::from_unix(unix_time)?;
    let len = prepare(session, &content, buf)?;
    let too_small = Error::new(Status::BufferTooSmall, "explain");
    let (json, rest) = buf.split_at_mut_checked(len).ok_or(too_small)?;
    let mut out = Writer::new(rest);
    let mut readable = Ok(());
    let params = session.params(method, timestamp.as_str(), json);
    canonical(&params, &mut |piece| {
        if let Err(error) = in_utf8(session.charset, piece, &mut out) {
            readable = Err(error);
        }
    })?;
    readable?;
    out.finish()
}

fn in_utf8(charset: Charset, piece: &[u8], out: &mut Writer<'_>) -> Result<()> {
    match charset {
        Charset::Utf8 => out.bytes(piece),
        #[cfg(feature = "gbk")]
        Charset::Gbk => crate::json::gbk(piece, out)?,
    }
    Ok(())
}

/// Appends a canonical string (or any part of one) with tokens and user ids masked: `2088***(16)`.
pub fn mask(string: &[u8], out: &mut Writer<'_>) {
    let mut at = 0;
    while let Some(&byte) = string.get(at) {
        match secret(string, at) {
            Some((from, to)) => {
                out.bytes(string.get(at..from).unwrap_or_default());
                mask_value(string.get(from..to).unwrap_or_default(), out);
                at = to;
            }
            None => {
                out.byte(byte);
                at += 1;
            }
        }
    }
}

fn mask_value(value: &[u8], out: &mut Writer<'_>) {
    let shown = if value.len() > 8 { value.get(..4).unwrap_or_default() } else { b"" };
    out.bytes(shown);
    out.str("***(");
    out.decimal(value.len() as u64);
    out.byte(b')');
}

/// Where the secret value is whose name begins at `at`, if one does.
fn secret(string: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = string.get(at..)?;
    let starts_param = at == 0 || string.get(at - 1) == Some(&b'&');
    let named = |name: &&&str| {
        starts_param
            && rest.strip_prefix(name.as_bytes()).is_some_and(|after| after.first() == Some(&b'='))
    };
    if let Some(name) = SECRET_PARAMS.iter().find(named) {
        let from = at + name.len() + 1;
        let value = string.get(from..)?;
        let len = value.iter().position(|&byte| byte == b'&').unwrap_or(value.len());
        return Some((from, from + len));
    }
    let (quote, inside) = Quote::at(rest)?;
    let behind = |name: &&str| quote.behind(inside.strip_prefix(name.as_bytes())?);
    let after = SECRET_MEMBERS.iter().find_map(behind)?.trim_ascii_start();
    let value = after.strip_prefix(b":")?.trim_ascii_start();
    let (text, len) = match Quote::at(value) {
        Some((quote, text)) => (text, quote.text_len(text)),
        // What was a text may have become a number on the way; a short one tells nobody.
        None => {
            let len = value.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            (value, Some(len).filter(|&len| len > 8)?)
        }
    };
    let from = string.len() - text.len();
    Some((from, from + len))
}

/// Slashes before a quote that is looked at: three texts in one another.
const SLASHES_MAX: usize = 7;

/// How a text is quoted: `"`, `'` (samples of `ext_info` are), or escaped, in JSON inside a text.
#[derive(Clone, Copy)]
struct Quote {
    slashes: usize,
    mark: u8,
}

impl Quote {
    /// The quote `text` begins with, and what is behind it.
    fn at(text: &[u8]) -> Option<(Quote, &[u8])> {
        let slash = |byte: &&u8| **byte == b'\\';
        let slashes = text.iter().take(SLASHES_MAX).take_while(slash).count();
        let (&mark, rest) = text.get(slashes..)?.split_first()?;
        matches!(mark, b'"' | b'\'').then_some((Quote { slashes, mark }, rest))
    }

    /// What is behind the same quote at the start of `text`.
    fn behind(self, text: &[u8]) -> Option<&[u8]> {
        let (quote, rest) = Quote::at(text)?;
        (quote.slashes == self.slashes && quote.mark == self.mark).then_some(rest)
    }

    /// Bytes up to the quote that ends a text begun with this one.
    ///
    /// Where a quote has `n` slashes, a slash inside the text is written as `2n + 2`: so a quote
    /// ends it behind `n` slashes, and behind any multiple of `2n + 2` more.
    fn text_len(self, text: &[u8]) -> usize {
        let mut run = 0usize;
        let ends = |&byte: &u8| {
            let over = usize::checked_rem(run, 2 * self.slashes + 2);
            let end = byte == self.mark && over == Some(self.slashes);
            run = if byte == b'\\' { run + 1 } else { 0 };
            end
        };
        let end = text.iter().position(ends);
        end.map_or(text.len(), |end| end.saturating_sub(self.slashes))
    }
}

/// Takes the gateway's string out of a `sub_msg`: un-escaped, from its first parameter on. Returns
/// its length in `out` and whether that is all of it; `None` when nothing is quoted.
pub fn quoted(sub_msg: &[u8], out: &mut [u8]) -> Option<(usize, bool)> {
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    let equals = sub_msg.iter().position(|&byte| byte == b'=')?;
    let name = sub_msg.get(..equals)?.iter().rev().take_while(|byte| is_name(byte)).count();
    let mut rest = sub_msg.get(equals - name..)?.trim_ascii_end();
    let mut places = out.iter_mut();
    while let Some(&byte) = rest.first() {
        let (byte, taken) = entity(rest).unwrap_or((byte, 1));
        let Some(place) = places.next() else { break };
        *place = byte;
        rest = rest.get(taken..).unwrap_or_default();
    }
    let left = places.count();
    (name > 0).then(|| (out.len() - left, rest.is_empty()))
}

/// What an HTML escape at the start of `text` stands for, and its length.
fn entity(text: &[u8]) -> Option<(u8, usize)> {
    const ENTITIES: [(&[u8], u8); 7] = [
        (b"&amp;", b'&'),
        (b"&quot;", b'"'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&#39;", b'\''),
        (b"&#34;", b'"'),
        (b"&apos;", b'\''),
    ];
    let (escape, byte) = ENTITIES.iter().find(|(escape, _)| text.starts_with(escape))?;
    Some((*byte, escape.len()))
}

/// Compares this side's string with the gateway's ([`quoted`]); `whole` says that all of that is
/// there.
pub fn difference(ours: &[u8], theirs: &[u8], whole: bool) -> Difference {
    let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let (start, name) = param_at(ours, same);
    let cause = cause(ours, theirs, same, start, name, whole);
    let (mine, mut its) = (excerpt(ours, same), excerpt(theirs, same));
    if mine == HIDDEN {
        // The same secret, perhaps written so that it is not known for one.
        its.clone_from(&mine);
    }
    Difference { at: same, name, ours: mine, theirs: its, cause }
}

/// The last known parameter that begins at or before `at`, and where.
fn param_at(string: &[u8], at: usize) -> (usize, &'static str) {
    let begins = |start: usize| {
        let here = start == 0 || string.get(start - 1) == Some(&b'&');
        let rest = string.get(start..).unwrap_or_default();
        PARAMS.iter().copied().find(|name| {
            let after = rest.strip_prefix(name.as_bytes());
            here && after.is_some_and(|after| after.first() == Some(&b'='))
        })
    };
    // A `&` that differs belongs to what should follow it.
    let reach = if string.get(at) == Some(&b'&') { at + 1 } else { at };
    let last = (0..=reach).rev().find_map(|start| Some((start, begins(start)?)));
    if at < string.len() { last.unwrap_or((0, "")) } else { (at, "") }
}

fn cause(ours: &[u8], theirs: &[u8], at: usize, start: usize, name: &str, whole: bool) -> Cause {
    let (mine, its) = (ours.get(at).copied(), theirs.get(at).copied());
    let in_name = at < start + name.len() + 1;
    match (mine, its) {
        (None, None) if whole => Cause::Key,
        (_, None) if !whole => Cause::Cut,
        (None, _) => Cause::Extra,
        (Some(_), _) if in_name => named_elsewhere(theirs, at, name),
        (_, None) => Cause::Value,
        (_, Some(b'%' | b'+')) => Cause::Encoding,
        (Some(0x80..), _) | (_, Some(0x80.. | b'?')) => Cause::Charset,
        _ => Cause::Value,
    }
}

/// Our parameter `name` is not where theirs goes on at `at`.
fn named_elsewhere(theirs: &[u8], at: usize, name: &str) -> Cause {
    let has = (0..theirs.len()).any(|start| {
        let rest = theirs.get(start..).unwrap_or_default();
        let here = start == 0 || theirs.get(start - 1) == Some(&b'&');
        let after = rest.strip_prefix(name.as_bytes());
        here && after.is_some_and(|after| after.first() == Some(&b'='))
    });
    let known = param_at(theirs, at).1;
    match has {
        false => Cause::Missing,
        // A name that sorts before ours stands rightly there: it is one more.
        true if known < name || !PARAMS.contains(&known) => Cause::Extra,
        true => Cause::Order,
    }
}

/// Stands for an excerpt that would show a secret.
const HIDDEN: &str = "***";

/// A few bytes around `at`; [`HIDDEN`] when any of them is secret.
fn excerpt(string: &[u8], at: usize) -> Text<EXCERPT_MAX> {
    let (from, to) = (at.saturating_sub(BEFORE), (at + BEHIND).min(string.len()));
    let hidden = (0..to)
        .filter_map(|start| secret(string, start))
        .any(|(start, end)| start < to && end > from);
    let mut out = Text::new();
    if hidden {
        let _ = out.push_str(HIDDEN);
        return out;
    }
    for piece in string.get(from..to).unwrap_or_default().utf8_chunks() {
        for c in piece.valid().chars() {
            // What nobody can see must not hide in a log line.
            let _ = out.push(if c.is_control() { '?' } else { c });
        }
        if !piece.invalid().is_empty() {
            let _ = out.push('?');
        }
    }
    out
}

impl Difference {
    /// One line for a person.
    pub fn write(&self, out: &mut Writer<'_>) {
        if self.cause == Cause::Key || self.cause == Cause::Cut {
            out.str(self.cause.text());
            return;
        }
        out.str("first difference at byte ");
        out.decimal(self.at as u64);
        if !self.name.is_empty() {
            out.str(" in ");
            out.str(self.name);
        }
        out.str(": signed `");
        out.str(&self.ours);
        out.str("`, gateway `");
        out.str(&self.theirs);
        out.str("`: ");
        out.str(self.cause.text());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "explain_tests.rs"]
mod tests;
