//! Drives a client over a transport: entries go out until none is due or the time is up (`sync`),
//! or until none is left that may ever go by itself (`drain`).
//!
//! In: a shared client, a transport, a buffer. Out: a [`Report`], and each outcome as it comes.
//! The client is locked for the moments between transfers and never while the transport works, so
//! `accrue` and `status` go on meanwhile on another thread.

use crate::client::call::{Answered, BizContent, Call, Told};
use crate::client::redeem::Offered;
use crate::client::{ANSWER_MAX, Client, MERCHANT_MAX, REQUEST_MAX, Step};
use crate::gateway;
use crate::outcome::{Outcome, Verdict};
use crate::points::pace::Rest;
use crate::points::redeem::Redeem;
use crate::port::{HttpAnswer, Ports, Transport, TransportError};
use crate::status::{Error, Result, Status};
use crate::text::{Text, Writer};

/// Longest time one transfer may take, in milliseconds.
pub const TRANSFER_MS: u32 = 15_000;
/// A transfer is not started with less than this, in milliseconds: it would only raise doubts.
pub const TRANSFER_MIN_MS: u32 = 1_000;
/// `drain` sleeps no longer than this at a time, in milliseconds: a sale made meanwhile goes out.
pub const NAP_MS: u32 = 1_000;

/// A client that several threads may use, one at a time.
pub trait Shared<'c, P: Ports> {
    /// Runs `work` alone with the client. `Busy` when called from inside itself.
    fn with<R>(&self, work: impl FnOnce(&mut Client<'c, P>) -> Result<R>) -> Result<R>;
}

#[cfg(feature = "std")]
impl<'c, P: Ports> Shared<'c, P> for std::sync::Mutex<Client<'c, P>> {
    fn with<R>(&self, work: impl FnOnce(&mut Client<'c, P>) -> Result<R>) -> Result<R> {
        match self.lock() {
            Ok(mut client) => work(&mut client),
            Err(_) => Err(Error::new(Status::Internal, "client")),
        }
    }
}

impl<'c, P: Ports> Shared<'c, P> for core::cell::RefCell<Client<'c, P>> {
    fn with<R>(&self, work: impl FnOnce(&mut Client<'c, P>) -> Result<R>) -> Result<R> {
        match self.try_borrow_mut() {
            Ok(mut client) => work(&mut client),
            Err(_) => Err(Error::new(Status::Busy, "client")),
        }
    }
}

/// What a `sync` or a `drain` did, and why what is left is left: `held`, `paused`, `stopped`,
/// resting (`rest`, `retry_in_ms`), or there was no time. `parked` are counted beside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Requests handed to the transport.
    pub sent: u32,
    /// Settled.
    pub accepted: u32,
    /// Refused, now dead letters.
    pub rejected: u32,
    /// Refused after an attempt of unknown end, now flagged dead letters.
    pub uncertain: u32,
    /// Without a verified answer; they will be repeated.
    pub unknown: u32,
    /// Certainly not executed; they wait.
    pub deferred: u32,
    /// Entries still waiting here.
    pub waiting: u32,
    /// Of those, passed over by the latest look: another configuration's, or not to be sent by this
    /// one. They wait for a person.
    pub held: u32,
    /// Of those waiting, passed over by the latest look because the gateway refuses their merchant's
    /// token: they wait for [`Client::set_token`].
    pub paused: u32,
    /// Whose the oldest of those is; empty = the client's own (or there are none).
    pub paused_merchant: Text<MERCHANT_MAX>,
    /// An answer was verified with Alipay's next key since the client was opened.
    pub next_key_used: bool,
    /// Milliseconds until it is worth calling again; 0 with entries waiting that are neither held
    /// nor paused = at once.
    pub retry_in_ms: u32,
    /// The terminal's clock is unknown or far from the gateway's.
    pub clock_wrong: bool,
    /// Refused entries for which the dead letters had no room: not among `waiting`.
    pub parked: u32,
    /// Who asked for the rest that what waits is taking now.
    pub rest: Rest,
    /// The queue was paused by its caller: nothing goes before it is resumed.
    pub stopped: bool,
}

impl Report {
    fn count(&mut self, outcome: &Outcome) {
        self.sent += 1;
        let counter = match outcome.verdict {
            Verdict::Accepted => &mut self.accepted,
            Verdict::Rejected => &mut self.rejected,
            Verdict::Uncertain => &mut self.uncertain,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Deferred => &mut self.deferred,
        };
        *counter += 1;
    }

    /// Takes over how things stand after a later round, and adds what was done before.
    fn follow(&mut self, next: Report) {
        *self = Report {
            sent: self.sent + next.sent,
            accepted: self.accepted + next.accepted,
            rejected: self.rejected + next.rejected,
            uncertain: self.uncertain + next.uncertain,
            unknown: self.unknown + next.unknown,
            deferred: self.deferred + next.deferred,
            ..next
        };
    }

    /// Nothing is left that will go by itself.
    fn is_drained(&self) -> bool {
        self.stopped || self.waiting <= self.held.saturating_add(self.paused)
    }
}

/// Sends due entries for at most about `budget_ms` (a transfer under way is waited for).
///
/// `io` is [`crate::client::IO_SIZE`] bytes. `told` hears every outcome, with no lock held. Fails
/// only when the queue does; a dead network is a report, not an error.
pub fn sync<'c, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &mut [u8],
    budget_ms: u32,
    told: &mut dyn FnMut(&Outcome),
) -> Result<Report> {
    let mut report = Report::default();
    let started = shared.with(|client| Ok(client.monotonic_ms()))?;
    loop {
        let left = shared.with(|client| Ok(left(started, budget_ms, client.monotonic_ms())))?;
        if left == 0 {
            break;
        }
        let (out, answer) = split(io)?;
        let Some(step) = shared.with(|client| client.next_request(out))? else { break };
        let timeout = left.clamp(TRANSFER_MIN_MS, TRANSFER_MS);
        let outcome = exchange(shared, transport, &step, answer, timeout, true)?;
        report.count(&outcome);
        told(&outcome);
    }
    shared.with(|client| {
        client.flush()?;
        let queue = client.status();
        report.waiting = queue.waiting + queue.sent_unknown;
        (report.parked, report.stopped) = (queue.parked, queue.paused);
        report.held = client.held();
        report.paused = client.paused();
        report.paused_merchant = client.paused_merchant();
        report.next_key_used = client.next_key_used();
        if report.waiting > 0 {
            (report.rest, report.retry_in_ms) = (client.resting(), client.due_in_ms());
        }
        report.clock_wrong = client.clock_wrong();
        Ok(report)
    })
}

/// Sends until nothing is left that will go by itself, or `deadline_ms` have passed (a transfer
/// under way is waited for). Between requests, while the line rests, it calls `sleep` with at most
/// [`NAP_MS`]; `false` from it ends the drain. It returns early when nothing may go before the
/// deadline. The report adds up all that was done, and says why what is left is left.
///
/// To have what waits go now, call [`Client::force`] first. `io`, `told` and errors as [`sync`];
/// what was done before an error was told.
pub fn drain<'c, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &mut [u8],
    deadline_ms: u32,
    sleep: &mut dyn FnMut(u32) -> bool,
    told: &mut dyn FnMut(&Outcome),
) -> Result<Report> {
    let started = shared.with(|client| Ok(client.monotonic_ms()))?;
    let mut total = Report::default();
    let mut time = deadline_ms;
    loop {
        let round = sync(shared, transport, io, time, told)?;
        let sent = round.sent;
        total.follow(round);
        time = shared.with(|client| Ok(left(started, deadline_ms, client.monotonic_ms())))?;
        let wait = total.retry_in_ms;
        if total.is_drained() || time == 0 || wait >= time || (wait == 0 && sent == 0) {
            return Ok(total);
        }
        if wait > 0 && !sleep(wait.min(NAP_MS)) {
            return Ok(total);
        }
    }
}

/// Asks for a shopper's balance and waits for the answer, at most `timeout_ms`.
pub fn query<'c, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &mut [u8],
    user_id: &str,
    activity_account: &str,
    timeout_ms: u32,
) -> Result<Outcome> {
    let (out, answer) = split(io)?;
    let step = shared.with(|client| client.query_request(user_id, activity_account, out))?;
    let timeout = if timeout_ms == 0 { TRANSFER_MS } else { timeout_ms };
    exchange(shared, transport, &step, answer, timeout, false)
}

/// Calls any method and waits for the answer, at most `timeout_ms` (0 = [`TRANSFER_MS`]). The
/// answer's node stays in `io`.
///
/// `io` holds the request and then the answer: [`crate::client::IO_SIZE`] bytes are enough for the
/// methods of this product. The answer may be as long as the room behind the request,
/// [`ANSWER_MAX`] at least. `BufferTooSmall` names room that is enough for the request, or, where
/// not even its JSON fitted, more to try with. Other errors as
/// [`Client::call_request`](crate::client::Client::call_request); nothing was sent then. A dead
/// network is an [`Answered`] like others.
pub fn call<'c, 'b, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &'b mut [u8],
    call: &Call<'_>,
    content: &impl BizContent,
    timeout_ms: u32,
) -> Result<Answered<'b>> {
    call_told(shared, transport, io, call, &Told::of(content), timeout_ms)
}

/// [`call`], made once.
pub(crate) fn call_told<'c, 'b, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &'b mut [u8],
    call: &Call<'_>,
    content: &Told<'_>,
    timeout_ms: u32,
) -> Result<Answered<'b>> {
    let room = io.len().saturating_sub(ANSWER_MAX);
    let step = shared.with(|client| {
        let step = client.call_told(call, content, io.get_mut(..room).unwrap_or_default());
        let step = step.map_err(with_answer)?;
        let Step { request, exchange } = step;
        Ok((exchange, request.url.len(), request.content_type, gateway::extent(&request)))
    });
    let (exchange, url, content_type, extent) = step?;
    let small = Error::new(Status::BufferTooSmall, "io").at(extent + ANSWER_MAX);
    let (front, rest) = io.split_at_mut_checked(extent).ok_or(small)?;
    let timeout = if timeout_ms == 0 { TRANSFER_MS } else { timeout_ms };
    let came = match gateway::found(front, url, content_type) {
        Some(request) => transport.exchange(&request, rest, timeout),
        None => Err(TransportError { not_sent: true, code: 0 }),
    };
    let told = came.and_then(|http| {
        let claims_more = TransportError { not_sent: false, code: 0 };
        let (body, behind) = rest.split_at_mut_checked(http.body_len).ok_or(claims_more)?;
        // The request has done its work: an encrypted answer may have its place.
        let room = if front.len() > behind.len() { front } else { behind };
        Ok((http, &*body, room))
    });
    shared.with(|client| match told {
        Ok((http, body, room)) => client.on_answer(exchange, &http, body, room),
        Err(error) => client.on_transport_error(exchange, error).map(|end| Answered::none(&end)),
    })
}

/// Takes an offer to its link: records it, freezes the points, gets the token. The link is appended
/// to `link`; it may be shown once this returns `Ok`, and is durable, so that the same call again
/// (or [`resume`]) gives it again, also after a power cut.
///
/// `io` as for [`sync`]; each transfer takes at most `timeout_ms` (0 = [`TRANSFER_MS`]). Errors as
/// [`Client::redeem_begin`] and [`resume`].
pub fn redeem<'c, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &mut [u8],
    redeem: &Redeem<'_>,
    link: &mut Writer<'_>,
    timeout_ms: u32,
) -> Result<Offered> {
    shared.with(|client| client.redeem_begin(redeem))?;
    resume(shared, transport, io, redeem.out_biz_no, link, timeout_ms)?;
    // Found, not recorded again: this tells where it stands now.
    shared.with(|client| client.redeem_begin(redeem))
}

/// Takes a recorded offer on, from wherever it stands, to its link.
///
/// Nothing is lost when it fails: the offer stays, and the same call goes on. `Transport` (offline),
/// `Unknown`, `Token`, `Throttled`, `Refused`, `Unsigned` and the like: try again. `Rejected`: the
/// gateway refused; the offer is over. `Uncertain`: refused after an attempt of unknown end; it is
/// listed for a person. Other errors as [`Client::redeem_request`] and [`Client::redeem_link`].
pub fn resume<'c, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    io: &mut [u8],
    out_biz_no: &str,
    link: &mut Writer<'_>,
    timeout_ms: u32,
) -> Result<()> {
    let timeout = if timeout_ms == 0 { TRANSFER_MS } else { timeout_ms };
    loop {
        let (out, answer) = split(io)?;
        let Some(step) = shared.with(|client| client.redeem_request(out_biz_no, out))? else {
            break;
        };
        let outcome = exchange(shared, transport, &step, answer, timeout, false)?;
        if outcome.verdict != Verdict::Accepted {
            let told = shared.with(|client| Ok(client.detail().error))?;
            return Err(Error { status: outcome.status, ..told });
        }
    }
    shared.with(|client| client.redeem_link(out_biz_no, link))
}

/// Room for a request says nothing of the room for its answer.
fn with_answer(error: Error) -> Error {
    match error.status {
        Status::BufferTooSmall => Error::new(error.status, "io").at(error.at as usize + ANSWER_MAX),
        _ => error,
    }
}

fn split(io: &mut [u8]) -> Result<(&mut [u8], &mut [u8])> {
    let small = Error::new(Status::BufferTooSmall, "io").at(REQUEST_MAX + ANSWER_MAX);
    io.split_at_mut_checked(REQUEST_MAX).filter(|(_, rest)| rest.len() >= ANSWER_MAX).ok_or(small)
}

/// One transfer. The lock is free while the transport works.
fn exchange<'c, P: Ports>(
    shared: &impl Shared<'c, P>,
    transport: &mut dyn Transport,
    step: &Step<'_>,
    answer: &mut [u8],
    timeout_ms: u32,
    more_follows: bool,
) -> Result<Outcome> {
    let came = transport.exchange(&step.request, answer, timeout_ms);
    shared.with(|client| match came {
        Err(error) => client.on_transport_error(step.exchange, error),
        Ok(http) => match body(answer, &http) {
            None => client
                .on_transport_error(step.exchange, TransportError { not_sent: false, code: 0 }),
            Some(body) if more_follows => client.finish(step.exchange, &http, body),
            Some(body) => client.on_response(step.exchange, &http, body),
        },
    })
}

/// The answer's bytes; `None` when a transport claims more than it was lent.
fn body<'a>(answer: &'a [u8], http: &HttpAnswer) -> Option<&'a [u8]> {
    answer.get(..http.body_len)
}

fn left(started: u64, budget_ms: u32, now: u64) -> u32 {
    let spent = u32::try_from(now.saturating_sub(started)).unwrap_or(u32::MAX);
    budget_ms.saturating_sub(spent)
}
