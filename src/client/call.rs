//! Calls of any method: typed content, or JSON somebody wrote, becomes a signed request; what comes
//! back becomes an [`Answered`] with the verified node.
//!
//! In: a [`Call`] and its [`BizContent`]; later the bytes of the answer. Out: a [`Step`] to POST;
//! later what the gateway said. A call books nothing: its end says nothing about the queue, and
//! nothing here repeats it.

use super::exchange::Flight;
use super::keys::Wire;
use super::profiles::Profiles;
use super::verdict::Hearing;
use super::{Client, Config, Step, some};
use crate::gateway::answer::{Answer, CODE_MAX, SUB_CODE_MAX};
use crate::gateway::request::{Written, build_written};
use crate::gateway::{self, METHOD_MAX, Session, activity, points, prize, token};
use crate::json::{Encoding, Object};
use crate::outcome::{Outcome, Verdict};
use crate::points::sale;
use crate::port::{HttpAnswer, Ports};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};
use serde::{Serialize, Serializer};

/// What is kept of `sub_msg`, in bytes; our own limit.
pub const SUB_MSG_MAX: usize = 256;

/// Which method is called, and what is said beside its content.
#[derive(Clone, Copy, Default)]
pub struct Call<'a> {
    /// The method, such as `alipay.trade.query`; empty when the content knows it.
    pub method: &'a str,
    /// The merchant to act for, one of the configuration's; empty = the client's own.
    pub merchant: &'a str,
    /// Another token than that merchant's, at most 40 bytes; `Some("")` = none.
    pub app_auth_token: Option<&'a str>,
    /// Where messages of this call go, at most 256 bytes of ASCII; empty = nowhere. Best without
    /// a query of its own: its parameters would come back among the message's, unsigned.
    pub notify_url: &'a str,
}

/// The token never reaches a log, not even by accident.
impl core::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The content of a call. Implemented for the typed requests of [`crate::gateway`], for [`Json`],
/// and by whoever wants another method typed.
pub trait BizContent: Serialize {
    /// The method it belongs to; empty when the [`Call`] names it.
    fn method(&self) -> &'static str;

    /// Whether the app may act for a merchant in it. The two token methods cannot: they are sent
    /// without `app_auth_token`.
    fn is_for_merchant(&self) -> bool {
        true
    }

    /// Refuses what the gateway would refuse, before anything is signed.
    fn check(&self) -> Result<()>;

    /// The idempotency key under which an accepted points.update must name a flow number that was
    /// not seen for another; empty when it need not.
    fn flow_key(&self) -> &str {
        ""
    }
}

/// A [`BizContent`] of whatever type: calls are made once, not once for every type.
pub(crate) struct Told<'a> {
    method: &'static str,
    for_merchant: bool,
    flow_key: &'a str,
    checked: Result<()>,
    pub(super) json: &'a dyn Written,
}

impl<'a> Told<'a> {
    pub(crate) fn of(content: &'a impl BizContent) -> Self {
        Told {
            method: content.method(),
            for_merchant: content.is_for_merchant(),
            flow_key: content.flow_key(),
            checked: content.check(),
            json: content,
        }
    }
}

macro_rules! typed {
    ($($content:ty = $method:expr;)*) => {$(
        impl BizContent for $content {
            fn method(&self) -> &'static str {
                $method
            }
            fn check(&self) -> Result<()> {
                <$content>::check(self)
            }
        }
    )*};
}

typed! {
    points::Query<'_> = points::QUERY;
    prize::PrizesendAuth<'_> = prize::AUTH;
    activity::Query<'_> = activity::QUERY;
    activity::Offline<'_> = activity::OFFLINE;
    activity::BatchQuery<'_> = activity::BATCHQUERY;
}

impl BizContent for points::Update<'_> {
    fn method(&self) -> &'static str {
        points::UPDATE
    }

    fn check(&self) -> Result<()> {
        points::Update::check(self)
    }

    /// COMMIT and CANCEL may be booked under the freeze's number: no page says they are not.
    fn flow_key(&self) -> &str {
        match self.trans_type {
            points::TransType::Commit | points::TransType::Cancel => "",
            _ => self.req_id,
        }
    }
}

impl BizContent for activity::Content<'_> {
    fn method(&self) -> &'static str {
        activity::Content::method(self)
    }

    fn check(&self) -> Result<()> {
        Ok(()) // It cannot be made unchecked.
    }
}

impl BizContent for token::Grant<'_> {
    fn method(&self) -> &'static str {
        token::APP
    }

    fn is_for_merchant(&self) -> bool {
        false
    }

    fn check(&self) -> Result<()> {
        token::Grant::check(self)
    }
}

impl BizContent for token::Query<'_> {
    fn method(&self) -> &'static str {
        token::QUERY
    }

    fn is_for_merchant(&self) -> bool {
        false
    }

    fn check(&self) -> Result<()> {
        token::Query::check(self)
    }
}

/// `biz_content` as somebody wrote it: one JSON object, sent byte for byte (a GBK session turns it
/// into GBK).
#[derive(Clone, Copy)]
pub struct Json<'a> {
    raw: &'a [u8],
}

impl<'a> Json<'a> {
    /// Checks `text`: one JSON object in UTF-8, white space around it, nothing else.
    ///
    /// `Missing` when it is empty; `Malformed`, `TooDeep`, `TooLong` and `Duplicate` (two of its
    /// own names) as [`Object::read`], with the byte offset; `Argument` for a `biz_content` around
    /// the object: that is the parameter's name, not part of its value.
    pub fn check(text: &'a str) -> Result<Self> {
        let bytes = text.as_bytes();
        if bytes.trim_ascii().is_empty() {
            return Err(Error::new(Status::Missing, "biz_content"));
        }
        let object = Object::read(bytes, Encoding::Utf8)
            .map_err(|error| Error { what: "biz_content", ..error })?;
        if let Some(inner) = object.get("biz_content") {
            return Err(Error::new(Status::Argument, "biz_content").at(inner.span().0));
        }
        Ok(Json { raw: object.raw() })
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        // The writer of requests takes bytes as JSON that is written already.
        serializer.serialize_bytes(self.raw)
    }
}

impl BizContent for Json<'_> {
    fn method(&self) -> &'static str {
        ""
    }

    fn check(&self) -> Result<()> {
        Ok(()) // It cannot be made unchecked.
    }
}

/// How a call ended.
#[derive(Clone)]
pub struct Answered<'b> {
    /// `Accepted`, `Rejected`, `Unknown` or `Deferred`; [`Verdict::Uncertain`] is for the queue.
    pub verdict: Verdict,
    /// `Ok` when accepted, else the reason in one word.
    pub status: Status,
    /// HTTP status of the answer; 0 = no answer.
    pub http_status: u16,
    /// The answer's signature was verified. When false, the texts below are hearsay.
    pub authenticated: bool,
    /// The gateway's code; printable ASCII.
    pub code: Text<CODE_MAX>,
    /// The gateway's sub_code; printable ASCII.
    pub sub_code: Text<SUB_CODE_MAX>,
    /// The beginning of the words for it, mostly Chinese, control characters replaced by `?`; cut
    /// at the first `=`, where they quote a request and its token.
    pub sub_msg: Text<SUB_MSG_MAX>,
    /// The answer itself, only if its signature holds.
    pub answer: Option<Answer<'b>>,
}

/// What an answer holds (tokens, shoppers) does not reach a log.
impl core::fmt::Debug for Answered<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Answered")
            .field("verdict", &self.verdict)
            .field("status", &self.status)
            .field("http_status", &self.http_status)
            .field("authenticated", &self.authenticated)
            .field("code", &self.code)
            .field("sub_code", &self.sub_code)
            .finish_non_exhaustive()
    }
}

impl<'b> Answered<'b> {
    /// Reads the result of an accepted call with one of the readers of [`crate::gateway`], such as
    /// [`prize::token`].
    ///
    /// The call's status when it was not accepted. When it was and the result cannot be read,
    /// nobody knows what happened: that error, and the call counts as [`Verdict::Unknown`].
    pub fn result<R>(&mut self, read: impl FnOnce(&Answer<'b>) -> Result<R>) -> Result<R> {
        let answer = self.answer.as_ref().filter(|_| self.verdict == Verdict::Accepted);
        let result = read(answer.ok_or(Error::new(self.status, "answer"))?);
        if let Err(error) = &result {
            (self.verdict, self.status) = (Verdict::Unknown, error.status);
        }
        result
    }

    /// A call that brought no answer.
    pub(crate) fn none(outcome: &Outcome) -> Self {
        Answered {
            verdict: outcome.verdict,
            status: outcome.status,
            http_status: 0,
            authenticated: false,
            code: Text::new(),
            sub_code: Text::new(),
            sub_msg: Text::new(),
            answer: None,
        }
    }
}

impl<'c, P: Ports> Client<'c, P> {
    /// The signed request of a call, in `buf`. Takes the place of an entry's exchange; end it with
    /// [`on_answer`](Self::on_answer) or [`on_transport_error`](Self::on_transport_error).
    ///
    /// `BufferTooSmall` when `buf` is: `at` is room enough or, where not even the JSON fitted,
    /// twice what there is, to be tried again. `Argument` for a method that is none, or another
    /// than the content's, and for a token where none may be. `TooLong`, `Encoding` for token and
    /// address; in a GBK session `Encoding` with the offset in the JSON of a character outside
    /// GBK. What the content's `check` refuses. `BadState`, `Busy`, `Signer`, `Entropy`.
    pub fn call_request<'b>(
        &mut self,
        call: &Call<'_>,
        content: &impl BizContent,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        self.call_told(call, &Told::of(content), buf)
    }

    pub(crate) fn call_told<'b>(
        &mut self,
        call: &Call<'_>,
        content: &Told<'_>,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        let step = self.start_call(call, content, buf);
        self.note(step)
    }

    pub(super) fn start_call<'b>(
        &mut self,
        call: &Call<'_>,
        content: &Told<'_>,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        self.no_flight()?;
        self.signs_here()?;
        let time = self.unix_time();
        let Self { ports, vault, config, wire, profiles, .. } = self;
        let (session, flight) = check_call(config, wire, profiles, call, content)?;
        let mut sign = |digest, hash: &[u8], out: &mut [u8]| vault.sign(ports, digest, hash, out);
        let json = content.json;
        let request = build_written(&session, flight.method(), json, time, &mut sign, buf)?;
        self.memory.sent(0, time);
        Ok(self.take_off(flight, request))
    }

    /// Ends a call with what came back: the answer's status, headers and body. `room` is where an
    /// encrypted answer is decrypted, as long as `body`; unencrypted ones need none.
    ///
    /// Fails only when the exchange is not the one under way or is an entry's (`Argument`: its end
    /// belongs to [`on_response`](Self::on_response)), or waits for its signature (`BadState`).
    /// What the answer *says*, good or bad, is in the [`Answered`].
    pub fn on_answer<'b>(
        &mut self,
        exchange: u32,
        http: &HttpAnswer,
        body: &'b [u8],
        room: &'b mut [u8],
    ) -> Result<Answered<'b>> {
        let flight = self.land_call(exchange);
        let flight = self.note(flight)?;
        self.correct_clock(http.date);
        let mut hearing = Hearing::unknown(http);
        self.judge(&flight, http, body, Some(room), &mut hearing);
        Ok(self.answered(hearing))
    }

    /// The point account of `merchant` (empty: the client's own), where a call names none.
    #[cfg(feature = "capi")]
    pub(crate) fn account(&self, merchant: &str) -> Result<&'c str> {
        self.profiles.named(merchant, "merchant").map(|whose| whose.activity_account)
    }
}

/// Checks all of a call: the session it travels in, and the flight that will wait for its end.
pub(super) fn check_call<'s>(
    config: &Config<'s>,
    wire: &'s Wire,
    profiles: &'s Profiles<'_>,
    call: &Call<'s>,
    content: &Told<'_>,
) -> Result<(Session<'s>, Flight)> {
    content.checked?;
    sale::id(call.notify_url, "notify_url", gateway::NOTIFY_URL_MAX)?;
    let whose = profiles.named(call.merchant, "merchant")?;
    let token = match (call.app_auth_token, content.for_merchant) {
        (Some(token), true) => token,
        (Some(token), false) if !token.is_empty() => {
            return Err(Error::new(Status::Argument, "app_auth_token"));
        }
        // In nobody's name it would move the app's own points.
        (None, true) if whose.lacks_token() => {
            return Err(Error::new(Status::Missing, "app_auth_token"));
        }
        (None, true) => whose.token(),
        _ => "",
    };
    sale::id(token, "app_auth_token", gateway::APP_AUTH_TOKEN_MAX)?;
    let method = method_of(call.method, content.method)?;
    let flight = Flight::call(method, content.flow_key)?;
    Ok((Session { notify_url: some(call.notify_url), ..config.session(wire, token) }, flight))
}

/// The method two sides name, or the one that does.
fn method_of(called: &str, own: &'static str) -> Result<Text<METHOD_MAX>> {
    let method = match (called, own) {
        ("", own) if !own.is_empty() => own,
        (called, own) if !called.is_empty() && (own.is_empty() || called == own) => called,
        _ => return Err(Error::new(Status::Argument, "method")),
    };
    text::bounded(method, "method")
}
