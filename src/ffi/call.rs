//! Section: calls. Any method: JSON in, the verified node out.

use core::ffi::c_char;

use super::cell;
use super::life::{POINTCARD_GBK, POINTCARD_UTF8, pointcard_client};
use super::ports::{http_answer, pointcard_request, pointcard_response};
use super::steps::{hand_out, writable};
use super::structs::{self, Versioned, chars};
use super::sync::{note, on_line};
use super::{call_text, status};
use crate::client::MERCHANT_MAX;
use crate::client::call::{Answered, Call, Json, Told};
use crate::gateway::{self, Answer};
use crate::json::Encoding;
use crate::outcome::Verdict;
use crate::points::sync;
use crate::status::{Error, Result, Status};

/// options.flags: send the call without app_auth_token, whatever the configuration says. Source:
/// Alipay's page of alipay.open.auth.token.app (sent without app_auth_token).
pub const POINTCARD_CALL_WITHOUT_TOKEN: u32 = 1;

/// What may be said beside the content of a call. NULL instead of it: all defaults.
///
/// Source: Alipay's table of common parameters.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_options {
    /// Set by POINTCARD_OPTIONS_INIT.
    pub struct_size: u32,
    /// Longest wait for the answer, in milliseconds; 0 = 15000.
    pub timeout_ms: u32,
    /// The merchant to act for, one of the configuration's; default: the client's own.
    pub merchant: *const c_char,
    /// Another token than that merchant's, at most 40 bytes. Source: Alipay's table of common
    /// parameters, as the next.
    pub app_auth_token: *const c_char,
    /// Where messages of this call go, at most 256 bytes of ASCII. Best without a query: its
    /// parameters would come back among the message's, unsigned.
    pub notify_url: *const c_char,
    /// Room for the request and then the answer: POINTCARD_REQUEST_MAX + POINTCARD_ANSWER_MAX
    /// bytes are enough for points and prizes; lists of activities may need more. NULL = the
    /// client's own room of that size, and no node is handed out.
    pub buf: *mut u8,
    /// Bytes there. An answer may be as long as what the request leaves.
    pub cap: usize,
    /// POINTCARD_CALL_ flags, or 0.
    pub flags: u32,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_options {
    const NAME: &'static str = "options";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_options, flags) + size_of::<u32>();
}

/// What the gateway answered to a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_answer {
    /// Set by POINTCARD_ANSWER_INIT.
    pub struct_size: u32,
    /// POINTCARD_ACCEPTED, _REJECTED, _UNKNOWN or _DEFERRED.
    pub verdict: i32,
    /// POINTCARD_OK, or the reason in one word (a pointcard_status).
    pub status: i32,
    /// How the node's texts are encoded: POINTCARD_UTF8 or POINTCARD_GBK. (Error texts come in GBK
    /// in UTF-8 sessions as well, users of Alipay's SDKs report.)
    pub encoding: i32,
    /// The verified node exactly as received, from `{` to `}` (decrypted, if it came encrypted);
    /// not NUL-terminated. NULL when its signature does not hold, or without a buffer of the
    /// caller's. It lives in that buffer until the caller uses it otherwise.
    pub node: *const u8,
    /// Bytes of the node.
    pub node_len: usize,
    /// HTTP status of the answer; 0 = no answer.
    pub http_status: u16,
    /// 1 when the answer's signature was verified; else the texts below are hearsay.
    pub authenticated: u8,
    /// Zero.
    pub reserved: u8,
    /// The gateway's code, such as "40004"; may be empty.
    pub code: [c_char; 17],
    /// The gateway's sub_code, such as "isv.invalid-parameter"; may be empty.
    pub sub_code: [c_char; 129],
    /// The beginning of the gateway's words for it, UTF-8 whatever they came in, control characters
    /// replaced by `?`; cut at the first "=", where they quote a request and its token; may be empty.
    pub sub_msg: [c_char; 257],
}

// Safety: repr(C), u32 first, integers and a pointer only.
unsafe impl Versioned for pointcard_answer {
    const NAME: &'static str = "answer";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_answer, sub_msg) + 257;
}

/// Longest `biz_content` that is looked at, in bytes.
pub const POINTCARD_CONTENT_MAX: usize = 1048576;

/// Calls any method and waits for its answer. No lock is held while the transport works; a sync,
/// query or another call meanwhile is ERR_BUSY.
///
/// The content is checked before it is signed: one JSON object, no name twice. A call books nothing
/// here and is not repeated: a sale belongs into pointcard_accrue.
///
/// @param client       an open client
/// @param method       such as "alipay.trade.query", at most 128 bytes
/// @param biz_content  one JSON object as UTF-8 text, at most POINTCARD_CONTENT_MAX bytes
/// @param options      must lend a buffer; the answer's node is left there
/// @param answer       receives the answer whenever one was waited for, also with an error status
///
/// Returns POINTCARD_OK when the gateway answered 10000, signed. Nothing was sent: ERR_NULL,
/// ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_ARGUMENT, ERR_MALFORMED,
/// ERR_TOO_DEEP, ERR_DUPLICATE (the detail's what is "biz_content", its `at` the byte offset),
/// ERR_BUFFER_TOO_SMALL (`at` is room to try with), ERR_BAD_STATE, ERR_BUSY, ERR_UNSUPPORTED (no
/// transport), ERR_SIGNER, ERR_ENTROPY; the answer is then untouched. Certainly not executed:
/// ERR_REJECTED, ERR_TRANSPORT, ERR_TOKEN, ERR_THROTTLED, ERR_REFUSED. Perhaps executed:
/// everything else, such as ERR_UNKNOWN, ERR_SIGNATURE, ERR_UNSIGNED, ERR_MALFORMED of "json" or
/// "answer"; answer.verdict tells which of the three it is.
///
/// Source: Alipay's pages on common parameters, signing and synchronous answers.
// Safety: `client` as everywhere; texts and structures are as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_call(
    client: *mut pointcard_client,
    method: *const c_char,
    biz_content: *const c_char,
    options: *const pointcard_options,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let ask: &mut Ask<'_> = &mut |_, _, go| {
            let (method, json) = given(method, biz_content)?;
            go(method, &Told::of(&json))
        };
        perform(client, options, answer, true, ask, &mut nothing)
    }
}

/// The answer is read by the caller.
fn nothing(_: &Answer<'_>) -> Result<()> {
    Ok(())
}

/// What C hands in for a method that has no type here.
// Safety: both are null or NUL-terminated texts that live through `'a`.
pub(super) unsafe fn given<'a>(
    method: *const c_char,
    biz_content: *const c_char,
) -> Result<(&'a str, Json<'a>)> {
    // Safety: promised.
    let (method, text) = unsafe {
        let method = call_text(method, "method", gateway::METHOD_MAX)?;
        (method, call_text(biz_content, "biz_content", POINTCARD_CONTENT_MAX)?)
    };
    if method.is_empty() {
        return Err(Error::new(Status::Missing, "method"));
    }
    Ok((method, Json::check(text)?))
}

/// [`pointcard_options`], read.
#[derive(Default)]
pub(super) struct Wishes<'a> {
    timeout_ms: u32,
    merchant: &'a str,
    app_auth_token: Option<&'a str>,
    notify_url: &'a str,
    /// A slice only where it is asked for: steps do not use it, so that it may be anything, also
    /// the buffer of the step itself.
    room: Option<(*mut u8, usize)>,
}

impl<'a> Wishes<'a> {
    // Safety: `options` is null or as the header describes it, and its texts live through `'a`.
    pub(super) unsafe fn read(options: *const pointcard_options) -> Result<Self> {
        if options.is_null() {
            return Ok(Wishes::default());
        }
        // Safety: promised, as the other blocks here.
        let options = unsafe { structs::read(options) }?;
        if options.flags & !POINTCARD_CALL_WITHOUT_TOKEN != 0 {
            return Err(Error::new(Status::Argument, "options.flags"));
        }
        let (token_max, url_max) = (gateway::APP_AUTH_TOKEN_MAX, gateway::NOTIFY_URL_MAX);
        // Safety: promised.
        let token = unsafe { call_text(options.app_auth_token, "app_auth_token", token_max) }?;
        let without = options.flags & POINTCARD_CALL_WITHOUT_TOKEN != 0;
        if without && !token.is_empty() {
            return Err(Error::new(Status::Argument, "app_auth_token"));
        }
        Ok(Wishes {
            timeout_ms: options.timeout_ms,
            // Safety: promised.
            merchant: unsafe { call_text(options.merchant, "merchant", MERCHANT_MAX) }?,
            app_auth_token: (without || !token.is_empty()).then_some(token),
            // Safety: promised.
            notify_url: unsafe { call_text(options.notify_url, "notify_url", url_max) }?,
            room: (!options.buf.is_null()).then_some((options.buf, options.cap)),
        })
    }

    /// The buffer that is lent.
    // Safety: it lives through `'b`, and nobody else uses it.
    unsafe fn lent<'b>(&self) -> Result<Option<&'b mut [u8]>> {
        // Safety: promised.
        self.room.map(|(buf, cap)| unsafe { writable(buf, cap, "options.buf") }).transpose()
    }

    pub(super) fn call<'m>(&self, method: &'m str) -> Call<'m>
    where
        'a: 'm,
    {
        Call {
            method,
            merchant: self.merchant,
            app_auth_token: self.app_auth_token,
            notify_url: self.notify_url,
        }
    }
}

/// Takes a call's method (empty: the content's own) and content on its way. Made once; only what
/// hands a content to it is made for every type.
pub(super) type Go<'g> = &'g mut dyn FnMut(&str, &Told<'_>) -> Result<Status>;
/// Reads what a call asks, with the merchant it is for, and hands it on.
pub(super) type Ask<'q> = dyn FnMut(&cell::Cell, &str, Go<'_>) -> Result<Status> + 'q;
/// Reads an accepted answer into the caller's structure.
pub(super) type Read<'q> = dyn FnMut(&Answer<'_>) -> Result<()> + 'q;

/// One call from question to result: checks, sends, waits, fills `answer`, reads the result. A
/// failure's reason is the client's detail.
// Safety: `client` as everywhere; `options` and `answer` are null or as the header describes them.
pub(super) unsafe fn perform(
    client: *mut pointcard_client,
    options: *const pointcard_options,
    answer: *mut pointcard_answer,
    wants_node: bool,
    ask: &mut Ask<'_>,
    read: &mut Read<'_>,
) -> Status {
    // Safety: as promised above, in this block and the blocks below.
    let done = unsafe { cell::open(client) }.and_then(|cell| {
        if wants_node || !answer.is_null() {
            unsafe { structs::check_out(answer)? };
        }
        let wishes = unsafe { Wishes::read(options) }?;
        let mut room = unsafe { wishes.lent() }?;
        let lent = room.is_some();
        if wants_node && !lent {
            return Err(Error::new(Status::Null, "options.buf"));
        }
        ask(cell, wishes.merchant, &mut |method, content| {
            let (call, ms) = (wishes.call(method), wishes.timeout_ms);
            cell.exchange(|own| {
                on_line(cell, |transport| {
                    let io: &mut [u8] = room.take().unwrap_or(own);
                    let answered = sync::call_told(cell, transport, io, &call, content, ms)?;
                    unsafe { take_in(answered, answer, lent, read) }
                })
            })
        })
    });
    match done {
        Ok(status) => status,
        Err(error) => status(unsafe { note(client, Err::<(), _>(error)) }),
    }
}

/// Reads the result and fills `answer`. A status is one whose reason the client knows already.
// Safety: `answer` is null or `check_out` succeeded.
unsafe fn take_in(
    mut answered: Answered<'_>,
    answer: *mut pointcard_answer,
    lent: bool,
    read: &mut Read<'_>,
) -> Result<Status> {
    let accepted = answered.verdict == Verdict::Accepted;
    let result = answered.result(read);
    if !answer.is_null() {
        // Safety: promised.
        unsafe { structs::write(answer, &c_answer(&answered, lent)) };
    }
    match result {
        Ok(()) => Ok(Status::Ok),
        Err(error) if accepted => Err(error),
        Err(error) => Ok(error.status),
    }
}

fn c_answer(answered: &Answered<'_>, lent: bool) -> pointcard_answer {
    let node = answered.answer.filter(|_| lent);
    let bytes = node.map(|node| node.signed());
    pointcard_answer {
        struct_size: 0,
        verdict: answered.verdict as i32,
        status: answered.status as i32,
        encoding: match answered.answer.map(|node| node.encoding()) {
            Some(Encoding::Gbk) => POINTCARD_GBK,
            _ => POINTCARD_UTF8,
        },
        node: bytes.map_or(core::ptr::null(), <[u8]>::as_ptr),
        node_len: bytes.map_or(0, <[u8]>::len),
        http_status: answered.http_status,
        authenticated: answered.authenticated.into(),
        reserved: 0,
        code: chars(&answered.code),
        sub_code: chars(&answered.sub_code),
        sub_msg: chars(&answered.sub_msg),
    }
}

/// The signed request of any method, for those without a blocking transport. The answer goes to
/// pointcard_call_answer; without one, pointcard_on_transport_error ends the exchange.
///
/// @param client       an open client
/// @param method       as pointcard_call
/// @param biz_content  as pointcard_call
/// @param options      token and address of the call; NULL = defaults. Its buf, cap and timeout_ms
///                     are not used
/// @param buf          room for the request, yours again when the exchange ends
/// @param cap          bytes there
/// @param request      receives what to POST; points into `buf`
///
/// Returns as pointcard_call where nothing is sent. Takes the client's lock for a moment.
///
/// Source: Alipay's pages on common parameters and signing.
// Safety: `client` as everywhere; texts as the header says; `buf` has `cap` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_call_request(
    client: *mut pointcard_client,
    method: *const c_char,
    biz_content: *const c_char,
    options: *const pointcard_options,
    buf: *mut u8,
    cap: usize,
    request: *mut pointcard_request,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = writable(buf, cap, "buf")?;
            if request.is_null() {
                return Err(Error::new(Status::Null, "request"));
            }
            let (method, json) = given(method, biz_content)?;
            let wishes = Wishes::read(options)?;
            client.call_request(&wishes.call(method), &json, buf)
        })
    };
    // Safety: checked above.
    unsafe { hand_out(step, request) }
}

/// Ends a call's exchange with the answer that came.
///
/// @param client    an open client
/// @param exchange  pointcard_request.exchange
/// @param response  body, body_len, http_status, and the headers if you have them
/// @param room      where an encrypted answer is decrypted; NULL where none are
/// @param cap       bytes there; body_len is enough. Not the memory of the body itself
/// @param answer    receives what the gateway said; its node points into the response's body, or
///                  into `room`
///
/// Returns POINTCARD_OK when the exchange ended, whatever the answer says: that is answer.status.
/// ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (not the exchange under way, or an entry's),
/// ERR_BAD_STATE (its signature has not come), ERR_BUSY. Takes the client's lock for a moment.
///
/// Source: Alipay's page on synchronous answers.
// Safety: `client` as everywhere; `response` and its body are readable; `room` has `cap` writable
// bytes; `answer` as described.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_call_answer(
    client: *mut pointcard_client,
    exchange: u32,
    response: *const pointcard_response,
    room: *mut u8,
    cap: usize,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    let ended = unsafe {
        cell::step(client, |client| {
            structs::check_out(answer)?;
            if response.is_null() || ((*response).body.is_null() && (*response).body_len != 0) {
                return Err(Error::new(Status::Null, "response"));
            }
            let response = &*response;
            let body: &[u8] = match response.body_len {
                0 => &[],
                len => core::slice::from_raw_parts(response.body, len),
            };
            let room: &mut [u8] =
                if room.is_null() { &mut [] } else { writable(room, cap, "room")? };
            client.on_answer(exchange, &http_answer(response), body, room)
        })
    };
    if let Ok(ended) = &ended {
        // Safety: checked above.
        unsafe { structs::write(answer, &c_answer(ended, true)) };
    }
    status(ended)
}
