//! Section: sync and balance. The lock is free while the transport works.

use core::ffi::{c_char, c_void};

use super::cell::{self, Cell};
use super::life::pointcard_client;
use super::ports::CTransport;
use super::structs::{self, Versioned, chars};
use super::{call_text, status};
use crate::gateway::points;
use crate::outcome::{Outcome, Verdict};
use crate::points::pace::Rest;
use crate::points::sync::{self, Report, Shared};
use crate::port::Transport;
use crate::status::{Error, Result, Status};

/// What a pointcard_sync did.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_report {
    /// Set by POINTCARD_REPORT_INIT.
    pub struct_size: u32,
    /// Requests handed to the transport.
    pub sent: u32,
    /// Settled: the points are credited.
    pub accepted: u32,
    /// Refused; now dead letters.
    pub rejected: u32,
    /// Refused after an attempt of unknown end; now flagged dead letters.
    pub uncertain: u32,
    /// Without a verified answer; they will be repeated.
    pub unknown: u32,
    /// Certainly not executed; they wait.
    pub deferred: u32,
    /// Entries still waiting here.
    pub waiting: u32,
    /// Milliseconds until it is worth calling again; 0 with entries waiting that are neither held
    /// nor paused = at once.
    pub retry_in_ms: u32,
    /// 1: the terminal's clock is unknown or wrong.
    pub clock_wrong: u32,
    /// Of the waiting entries, those held for a person: another configuration's, or not to be sent
    /// by this one.
    pub held: u32,
    /// Of the waiting entries, those of merchants whose token the gateway refuses (or who have
    /// none yet): they wait for pointcard_set_token.
    pub paused: u32,
    /// 1: an answer was verified with config.alipay_public_key_next (or alipay_cert_next) since
    /// pointcard_init: Alipay has changed its key, and the configuration can follow.
    pub next_key_used: u32,
    /// Whose the oldest paused entry is; empty = the client's own, or there is none.
    pub paused_merchant: [c_char; 65],
    /// Refused entries for which the dead letters had no room; not among `waiting`.
    pub parked: u32,
    /// POINTCARD_REST_NONE to POINTCARD_REST_PAUSED: who asked for the rest that is taken now.
    pub rest: u32,
    /// 1: the queue was paused by its caller: nothing goes before it is resumed.
    pub stopped: u32,
}

/// pointcard_report.rest: nothing rests.
pub const POINTCARD_REST_NONE: u32 = 0;
/// pointcard_report.rest: the backlog's next turn has not come (the delay after pointcard_line_up,
/// or the space between two requests). Sales made now go at once.
pub const POINTCARD_REST_SPACING: u32 = 1;
/// pointcard_report.rest: the line or the gateway failed; back-off.
pub const POINTCARD_REST_FAILED: u32 = 2;
/// pointcard_report.rest: the gateway asked for it. pointcard_force does not lift it. Source:
/// RFC 9110 section 10.2.3 (Retry-After); Alipay's list of common codes (40005: calls limited).
pub const POINTCARD_REST_ASKED: u32 = 3;
/// pointcard_report.rest: only a person or another configuration helps.
pub const POINTCARD_REST_PAUSED: u32 = 4;

const _: () = assert!(
    POINTCARD_REST_NONE == Rest::None as u32
        && POINTCARD_REST_SPACING == Rest::Spacing as u32
        && POINTCARD_REST_FAILED == Rest::Failed as u32
        && POINTCARD_REST_ASKED == Rest::Asked as u32
        && POINTCARD_REST_PAUSED == Rest::Paused as u32
);

/// Sleeps for `ms`, at most 1000, on the caller's thread, without the client's lock. Returns 0, or
/// anything else to end the drain. It may call this client, but not pointcard_sync.
pub type pointcard_sleep_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, ms: u32) -> i32>;

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_report {
    const NAME: &'static str = "report";
    const V1_SIZE: usize = 44;
}

/// pointcard_outcome.verdict: credited (or answered). Source: Alipay's list of common codes
/// (10000).
pub const POINTCARD_ACCEPTED: i32 = 1;
/// Refused, signed. A dead letter. Source: Alipay's list of common codes (40004, business
/// refusals).
pub const POINTCARD_REJECTED: i32 = 2;
/// Refused after an attempt of unknown end. A flagged dead letter: a person must look. Source:
/// Alipay's page of koubei.marketing.tool.points.update (req_id "controls business idempotency";
/// what a repeat is answered is not said).
pub const POINTCARD_UNCERTAIN: i32 = 3;
/// No verified answer. Repeated with the same req_id. Source: Alipay's list of common codes (20000:
/// repeat with the same id).
pub const POINTCARD_UNKNOWN: i32 = 4;
/// Certainly not executed. Waits. Source: Alipay's list of common codes (20001, 40001 to 40003,
/// 40005, 40006: not executed).
pub const POINTCARD_DEFERRED: i32 = 5;

const _: () = assert!(
    POINTCARD_ACCEPTED == Verdict::Accepted as i32
        && POINTCARD_REJECTED == Verdict::Rejected as i32
        && POINTCARD_UNCERTAIN == Verdict::Uncertain as i32
        && POINTCARD_UNKNOWN == Verdict::Unknown as i32
        && POINTCARD_DEFERRED == Verdict::Deferred as i32
);

/// How one exchange ended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_outcome {
    /// Set by POINTCARD_OUTCOME_INIT.
    pub struct_size: u32,
    /// POINTCARD_ACCEPTED to POINTCARD_DEFERRED.
    pub verdict: i32,
    /// POINTCARD_OK, or the reason in one word (a pointcard_status).
    pub status: i32,
    /// How often the entry was sent, this time included (255 = or more).
    pub attempts: u32,
    /// Number of the queue entry; 0 for a balance.
    pub seq: u64,
    /// The entry's points.
    pub points: u32,
    /// Milliseconds until it is tried again; 0 = at once or never.
    pub retry_in_ms: u32,
    /// Balance: points the shopper can spend.
    pub available_points: u64,
    /// Balance: points reserved for a prize.
    pub freezed_points: u64,
    /// Balance: points collected in all.
    pub total_points: u64,
    /// The entry's idempotency key.
    pub req_id: [c_char; 33],
    /// The gateway's flow number, when accepted. Source: KoubeiMarketingToolPointsUpdateResponse.
    pub point_log_no: [c_char; 65],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_outcome {
    const NAME: &'static str = "outcome";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_outcome, point_log_no) + 65;
}

/// A shopper's points.
///
/// Source: KoubeiMarketingToolPointsQueryResponse of Alipay's SDKs (freezed_points is its spelling).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_balance {
    /// Set by POINTCARD_BALANCE_INIT.
    pub struct_size: u32,
    /// Entries of this shopper still waiting on this till.
    pub waiting_entries: u32,
    /// Their points, which the gateway does not count yet.
    pub waiting_points: u64,
    /// At the gateway: points the shopper can spend.
    pub available_points: u64,
    /// At the gateway: points reserved for a prize.
    pub freezed_points: u64,
    /// At the gateway: points collected in all.
    pub total_points: u64,
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_balance {
    const NAME: &'static str = "balance";
    const V1_SIZE: usize = 40;
}

/// Sends due entries for about `budget_ms`; a transfer under way is waited for (15 s at most with
/// the built-in transport).
///
/// Call it when the line is idle, on any thread. Other threads may call pointcard_accrue,
/// pointcard_queue_status and pointcard_walk meanwhile: no lock is held while the transport works.
/// A dead network is not an error: it is counted in the report.
///
/// @param client     an open client
/// @param budget_ms  time for starting transfers; 0 = none, only the report
/// @param report     receives what was done; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE, ERR_BUSY (a sync, query or step is under
/// way), ERR_UNSUPPORTED (no transport), ERR_STORAGE, ERR_SIGNER, ERR_ENTROPY.
// Safety: `client` as everywhere; `report` is null or a structure as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_sync(
    client: *mut pointcard_client,
    budget_ms: u32,
    report: *mut pointcard_report,
) -> Status {
    // Safety: as promised above.
    unsafe {
        reported(client, report, |cell, io, told| {
            on_line(cell, |transport| sync::sync(cell, transport, io, budget_ms, told))
        })
    }
}

/// Sends until nothing is left that will go by itself, or about `deadline_ms` have passed: at
/// closing time, before an update. Sleeps while the line rests. Returns early when nothing may go
/// before the deadline. The report adds up what was done and says why what is left is left: held,
/// paused, stopped, resting (rest, retry_in_ms), or there was no time.
///
/// What waits by this till's own decision does not wait after pointcard_force. Threads as
/// pointcard_sync.
///
/// @param client       an open client
/// @param deadline_ms  longest time, a transfer under way aside
/// @param sleep        NULL: the system's; without one, the drain ends at the first rest
/// @param sleep_ctx    first argument of `sleep`
/// @param report       receives what was done; may be NULL
///
/// Returns as pointcard_sync. A dead network is not an error.
// Safety: `client` as everywhere; `sleep` is null or such a function; `report` is null or a
// structure as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_drain(
    client: *mut pointcard_client,
    deadline_ms: u32,
    sleep: pointcard_sleep_fn,
    sleep_ctx: *mut c_void,
    report: *mut pointcard_report,
) -> Status {
    let mut nap = |ms| match sleep {
        // Safety: the integrator's function takes its own ctx.
        Some(sleep) => unsafe { sleep(sleep_ctx, ms) == 0 },
        None => system_sleep(ms),
    };
    // Safety: as promised above.
    unsafe {
        reported(client, report, |cell, io, told| {
            on_line(cell, |line| sync::drain(cell, line, io, deadline_ms, &mut nap, told))
        })
    }
}

#[cfg(feature = "std")]
fn system_sleep(ms: u32) -> bool {
    std::thread::sleep(core::time::Duration::from_millis(ms.into()));
    true
}

#[cfg(not(feature = "std"))]
fn system_sleep(_: u32) -> bool {
    false
}

/// Runs `work` with the line to itself, tells its outcomes and writes its report.
// Safety: as pointcard_sync.
unsafe fn reported(
    client: *mut pointcard_client,
    report: *mut pointcard_report,
    work: impl FnOnce(&Cell, &mut [u8], &mut dyn FnMut(&Outcome)) -> Result<Report>,
) -> Status {
    // Safety: as promised above.
    let done = unsafe { cell::open(client) }.and_then(|cell| {
        if !report.is_null() {
            // Safety: as promised above.
            unsafe { structs::check_out(report)? };
        }
        cell.exchange(|io| work(cell, io, &mut |outcome| tell(cell, outcome)))
    });
    if let Ok(done) = &done
        && !report.is_null()
    {
        // Safety: checked above.
        unsafe { structs::write(report, &c_report(done)) };
    }
    // Safety: as promised above.
    status(unsafe { note(client, done) })
}

/// Says that the line came up again (network attached, modem registered). What waits now goes out
/// after a random part of config.first_delay_ms, slowly at first, so that ten thousand tills that
/// come back together do not knock the gateway over; sales made from now on go at once. Lifts what
/// failures of the line before had to wait for, but not what the gateway asked for.
///
/// A single till does not need it: back-off finds the line by itself. May be called while a sync is
/// under way.
///
/// @param client  an open client
///
/// Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_line_up(client: *mut pointcard_client) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            client.line_up();
            Ok(())
        })
    })
}

/// A person wants what waits to go now. Lifts every wait this till chose by itself: the first
/// delay, the space between requests, back-off of the line and of single entries, pauses after
/// refused configurations. Does not lift what the gateway asked for (Retry-After, 40005), nor what
/// waits for a token, is held, or was stopped. Sends nothing: call pointcard_sync or
/// pointcard_drain. May be called while a sync is under way.
///
/// @param client  an open client
///
/// Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_force(client: *mut pointcard_client) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            client.force();
            Ok(())
        })
    })
}

/// Asks the gateway for a shopper's balance and waits for the answer. Beside it: what is still
/// waiting on this till.
///
/// Source: step 3 of the quick-start guide of Koubei point cards (koubei.marketing.tool.points.query).
///
/// @param client            an open client
/// @param user_id           the shopper, ASCII, at most 32 bytes
/// @param activity_account  the point account; NULL = the configured one
/// @param timeout_ms        longest wait; 0 = 15000
/// @param balance           receives the points
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_BAD_STATE,
/// ERR_BUSY, ERR_UNSUPPORTED; ERR_TRANSPORT, ERR_UNKNOWN, ERR_SIGNATURE, ERR_UNSIGNED,
/// ERR_MALFORMED, ERR_KEY_MISMATCH (Alipay has another certificate), ERR_REJECTED, ERR_TOKEN, ERR_THROTTLED, ERR_REFUSED: no balance; the waiting
/// points are filled in all the same.
// Safety: `client` as everywhere; texts and structure are as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_query_balance(
    client: *mut pointcard_client,
    user_id: *const c_char,
    activity_account: *const c_char,
    timeout_ms: u32,
    balance: *mut pointcard_balance,
) -> Status {
    // Safety: as promised above.
    let asked = unsafe { cell::open(client) }.and_then(|cell| unsafe {
        structs::check_out(balance)?;
        let user = call_text(user_id, "user_id", points::USER_ID_MAX)?;
        let account =
            call_text(activity_account, "activity_account", points::ACTIVITY_ACCOUNT_MAX)?;
        let (found, outcome) = ask(cell, user, account, timeout_ms)?;
        structs::write(balance, &found);
        Ok(outcome)
    });
    match asked {
        Ok(outcome) => outcome.status,
        // Safety: as promised above.
        Err(error) => status(unsafe { note(client, Err::<(), _>(error)) }),
    }
}

fn ask(cell: &Cell, user: &str, account: &str, ms: u32) -> Result<(pointcard_balance, Outcome)> {
    let outcome = cell.exchange(|io| {
        on_line(cell, |transport| sync::query(cell, transport, io, user, account, ms))
    })?;
    let pending = cell.with(|client| client.pending(user))?;
    let points = outcome.balance.unwrap_or_default();
    let found = pointcard_balance {
        struct_size: 0,
        waiting_entries: pending.entries,
        waiting_points: pending.points,
        available_points: points.available,
        freezed_points: points.freezed,
        total_points: points.total,
    };
    Ok((found, outcome))
}

/// Runs `work` with the integrator's transport, or the built-in one.
pub(super) fn on_line<R>(
    cell: &Cell,
    work: impl FnOnce(&mut dyn Transport) -> Result<R>,
) -> Result<R> {
    if cell.transport.exchange.is_some() {
        return work(&mut CTransport { table: cell.transport });
    }
    #[cfg(feature = "http")]
    // Safety: only the holder of the exchange comes here, and close waits for no call under way.
    if let Some(http) = unsafe { &mut *cell.http.get() } {
        return work(http);
    }
    Err(Error::new(Status::Unsupported, "config.transport"))
}

fn tell(cell: &Cell, outcome: &Outcome) {
    if let Some(told) = cell.told {
        let mut out = c_outcome(outcome);
        out.struct_size = size_of::<pointcard_outcome>() as u32;
        // Safety: the integrator's function takes its own ctx and an outcome for the call.
        unsafe { told(cell.told_ctx, &out) }
    }
}

/// Keeps a failure as the client's detail, if there is a client.
// Safety: `client` as everywhere.
pub(super) unsafe fn note<T>(client: *mut pointcard_client, result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => Ok(value),
        // Safety: as promised above. The failure to note it is not worth more than the failure.
        Err(error) => unsafe { cell::with(client, |_| Err(error)) },
    }
}

fn c_report(report: &Report) -> pointcard_report {
    pointcard_report {
        struct_size: 0,
        sent: report.sent,
        accepted: report.accepted,
        rejected: report.rejected,
        uncertain: report.uncertain,
        unknown: report.unknown,
        deferred: report.deferred,
        waiting: report.waiting,
        retry_in_ms: report.retry_in_ms,
        clock_wrong: report.clock_wrong.into(),
        held: report.held,
        paused: report.paused,
        next_key_used: report.next_key_used.into(),
        paused_merchant: chars(&report.paused_merchant),
        parked: report.parked,
        rest: report.rest as u32,
        stopped: report.stopped.into(),
    }
}

pub(super) fn c_outcome(outcome: &Outcome) -> pointcard_outcome {
    let points = outcome.balance.unwrap_or_default();
    pointcard_outcome {
        struct_size: 0,
        verdict: outcome.verdict as i32,
        status: outcome.status as i32,
        attempts: outcome.attempts.into(),
        seq: outcome.seq,
        points: outcome.points,
        retry_in_ms: outcome.retry_in_ms,
        available_points: points.available,
        freezed_points: points.freezed,
        total_points: points.total,
        req_id: chars(&outcome.req_id),
        point_log_no: chars(&outcome.point_log_no),
    }
}
