//! One exchange at a time: a due entry (or a query) → signed bytes → answer → what it means.
//!
//! In: the buffer to build a request in; later what the transport brought back. Out: a [`Step`] to
//! POST; later an [`Outcome`], with the queue already brought up to date.

use super::{Client, KIND_DEPOSIT, Ports, Step, Vault};
use crate::crypto::Digest;
use crate::gateway;
use crate::gateway::answer::{self, Answer};
use crate::gateway::points::{self, Balance, Query};
use crate::outcome::{Detail, Outcome, Verdict};
use crate::points::sale::{self, Deposit};
use crate::port::{HttpAnswer, Request, TransportError};
use crate::queue::{Buried, Entry, Reason};
use crate::status::{Error, Result, Status};
use crate::text::Text;

/// Untrusted refusals in a row after which the line pauses.
const DISTRUST: u8 = 3;
/// What a dead letter keeps of code and sub_code, in bytes.
const CODE_KEPT: usize = 8;
const SUB_CODE_KEPT: usize = 64;
/// A terminal clock this far from the server's is wrong, in seconds.
const CLOCK_TOLERANCE: u64 = 300;

/// The exchange under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    exchange: u32,
    seq: u64,
    attempts: u8,
    points: u32,
    req_id: Text<32>,
    query: bool,
}

/// The latest flow numbers and whose they are. The same number for another entry is a replay.
pub(super) struct Seen {
    latest: [(u64, u64); 8],
    next: usize,
}

impl Seen {
    pub(super) const fn new() -> Seen {
        Seen { latest: [(0, u64::MAX); 8], next: 0 }
    }

    /// False when `flow_no` was seen for another entry than `seq`.
    fn admit(&mut self, flow_no: &str, seq: u64) -> bool {
        let print = fingerprint(flow_no);
        if let Some(known) = self.latest.iter().find(|known| known.0 == print) {
            return known.1 == seq;
        }
        if let Some(slot) = self.latest.get_mut(self.next) {
            *slot = (print, seq);
        }
        self.next = (self.next + 1) % self.latest.len();
        true
    }
}

/// FNV-1a, 64 bits: told apart are a handful of numbers, from a verified gateway.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What an answer says, before the queue hears of it.
struct Judged {
    outcome: gateway::Outcome,
    point_log_no: Text<64>,
    balance: Option<Balance>,
}

impl<P: Ports> Client<'_, P> {
    /// The next due entry as a request in `buf` ([`super::REQUEST_MAX`] bytes), or `None` when
    /// nothing is due; [`wait_ms`](Self::wait_ms) then says how long that lasts.
    ///
    /// "Sent" is durable before this returns. One exchange at a time: `Busy` until the answer (or
    /// the lack of one) was given back.
    pub fn next_request<'b>(&mut self, buf: &'b mut [u8]) -> Result<Option<Step<'b>>> {
        let step = self.start_next(buf).map_err(enough);
        self.note(step)
    }

    /// After `next_request` said `None`: milliseconds until something is due; 0 = nothing waits.
    pub fn wait_ms(&self) -> u32 {
        self.wait_ms
    }

    /// Milliseconds until it is worth asking for the next request; 0 = now, or nothing waits.
    pub(crate) fn due_in_ms(&mut self) -> u32 {
        let now = self.ports.clock().monotonic_ms();
        self.pace.line_wait(now).max(self.wait_ms)
    }

    fn start_next<'b>(&mut self, buf: &'b mut [u8]) -> Result<Option<Step<'b>>> {
        self.no_flight()?;
        let now = self.ports.clock().monotonic_ms();
        self.wait_ms = self.pace.line_wait(now);
        if self.wait_ms != 0 {
            self.queue.commit(self.ports.storage())?;
            return Ok(None);
        }
        let (time, session) = (self.unix_time(), self.session());
        let Self { queue, ports, record, vault, pace, .. } = self;
        let (mut from, mut wait) = (0, u32::MAX);
        while let Some(entry) = queue.next(ports.storage(), from, record)? {
            from = entry.seq + 1;
            if entry.item.profile != self.profile || entry.item.kind != KIND_DEPOSIT {
                continue; // Another configuration's, or a later version's: held.
            }
            let entry_wait = pace.entry_wait(entry.seq, now);
            if entry_wait != 0 {
                wait = wait.min(entry_wait);
                continue;
            }
            let deposit = Deposit::load(entry.item.body)?;
            let update = deposit.update(entry.item.req_id, entry.item.points);
            let mut sign =
                |digest, hash: &[u8], out: &mut [u8]| vault.sign(ports, digest, hash, out);
            let request = gateway::build(&session, points::UPDATE, &update, time, &mut sign, buf)?;
            let mut flight = Flight::of(&entry);
            flight.attempts = queue.mark_sent(ports.storage(), flight.seq)?;
            return Ok(Some(self.take_off(flight, request)));
        }
        self.wait_ms = if wait == u32::MAX { 0 } else { wait };
        self.queue.commit(self.ports.storage())?;
        Ok(None)
    }

    /// A request for a shopper's balance, in `buf`. Takes the place of an entry's exchange.
    pub fn query_request<'b>(
        &mut self,
        user_id: &str,
        activity_account: &str,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        let step = self.start_query(user_id, activity_account, buf).map_err(enough);
        self.note(step)
    }

    fn start_query<'b>(
        &mut self,
        user_id: &str,
        account: &str,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        self.no_flight()?;
        let account = if account.is_empty() { self.config.activity_account } else { account };
        sale::required_id(user_id, "user_id", points::USER_ID_MAX)?;
        sale::required_id(account, "activity_account", points::ACTIVITY_ACCOUNT_MAX)?;
        let (time, session) = (self.unix_time(), self.session());
        let Self { ports, vault, .. } = self;
        let query = Query { activity_account: account, user_id };
        let mut sign = |digest, hash: &[u8], out: &mut [u8]| vault.sign(ports, digest, hash, out);
        let request = gateway::build(&session, points::QUERY, &query, time, &mut sign, buf)?;
        let flight = Flight { query: true, ..Flight::none() };
        Ok(self.take_off(flight, request))
    }

    /// Forgets a transfer whose end nobody can tell: the entry is repeated.
    pub(crate) fn abandon(&mut self) {
        self.flight = None;
    }

    pub(crate) fn no_flight(&self) -> Result<()> {
        if self.vault.alipay.is_empty() {
            return Err(Error::new(Status::BadState, "client"));
        }
        match self.flight {
            Some(_) => Err(Error::new(Status::Busy, "exchange")),
            None => Ok(()),
        }
    }

    fn take_off<'b>(&mut self, flight: Flight, request: Request<'b>) -> Step<'b> {
        self.exchange = self.exchange.wrapping_add(1);
        self.flight = Some(Flight { exchange: self.exchange, ..flight });
        Step { request, exchange: self.exchange }
    }

    /// Ends the exchange with what came back: the answer's status, headers and body.
    ///
    /// Fails only when the exchange is not the one under way (`Argument`) or the queue cannot
    /// record the end (`Storage`; the entry is then repeated). What the answer *says*, good or
    /// bad, is the outcome.
    pub fn on_response(
        &mut self,
        exchange: u32,
        http: &HttpAnswer,
        body: &[u8],
    ) -> Result<Outcome> {
        let outcome = self.finish(exchange, http, body);
        if outcome.is_ok() {
            self.queue.commit(self.ports.storage())?;
        }
        self.note(outcome)
    }

    /// [`on_response`](Self::on_response) for a caller who asks for the next request at once: the
    /// settlement becomes durable together with that request's "sent", in one sync instead of two.
    pub(crate) fn finish(
        &mut self,
        exchange: u32,
        http: &HttpAnswer,
        body: &[u8],
    ) -> Result<Outcome> {
        let flight = self.land(exchange)?;
        self.correct_clock(http.date);
        let judged = self.judge(&flight, http, body);
        if flight.query {
            return Ok(self.end_query(flight, judged, http));
        }
        self.end_update(flight, judged, http)
    }

    /// Ends the exchange without an answer.
    pub fn on_transport_error(&mut self, exchange: u32, error: TransportError) -> Result<Outcome> {
        let outcome = self.fail(exchange, error);
        self.note(outcome)
    }

    fn fail(&mut self, exchange: u32, error: TransportError) -> Result<Outcome> {
        let flight = self.land(exchange)?;
        let status = if error.not_sent { Status::Transport } else { Status::Unknown };
        self.detail =
            Detail { error: Error::new(status, "transport").port(error.code), ..Detail::new() };
        if error.not_sent && !flight.query {
            self.queue.retract(self.ports.storage(), flight.seq)?;
        }
        let verdict = if error.not_sent { Verdict::Deferred } else { Verdict::Unknown };
        let wait = self.line_failed(0);
        Ok(flight.outcome(verdict, status, wait))
    }

    fn land(&mut self, exchange: u32) -> Result<Flight> {
        match self.flight.take() {
            Some(flight) if flight.exchange == exchange => Ok(flight),
            other => {
                self.flight = other;
                Err(Error::new(Status::Argument, "exchange"))
            }
        }
    }

    /// Compares the server's clock with ours; follows it when the integrator allows that.
    fn correct_clock(&mut self, date: u64) {
        if date == 0 {
            return;
        }
        let ours = self.ports.clock().unix_time().unwrap_or(0);
        self.clock_off = date.abs_diff(ours) > CLOCK_TOLERANCE;
        if self.config.trust_server_time {
            let off = date.wrapping_sub(ours) as i64;
            self.clock_offset = if self.clock_off { off } else { 0 };
        }
    }

    /// Verifies first, reads second; whatever is wrong is noted in the detail.
    fn judge(&mut self, flight: &Flight, http: &HttpAnswer, body: &[u8]) -> Judged {
        let mut detail = Detail { http_status: http.status, ..Detail::new() };
        let mut judged = Judged::unknown();
        match answer::read(body, flight.method()) {
            Ok(answer) => self.judge_answer(flight, http, &answer, &mut judged, &mut detail),
            Err(error) => detail.error = error,
        }
        if judged.outcome != gateway::Outcome::Accepted {
            if detail.error.status == Status::Ok {
                detail.error = Error::new(status_of(judged.outcome), "answer");
            }
            self.detail = detail;
        }
        judged
    }

    fn judge_answer(
        &mut self,
        flight: &Flight,
        http: &HttpAnswer,
        answer: &Answer<'_>,
        judged: &mut Judged,
        detail: &mut Detail,
    ) {
        let (key, scratch) = (&self.vault.alipay, &mut self.vault.scratch);
        let verified = answer.verify(self.config.sign_type.digest(), key, scratch);
        detail.authenticated = verified.is_ok();
        detail.code = answer.code().unwrap_or_default();
        detail.sub_code = answer.sub_code().unwrap_or_default();
        let told = answer.outcome(http.status, verified.is_ok());
        judged.outcome = told;
        if let Err(error) = verified {
            detail.error = error;
        } else if told == gateway::Outcome::Accepted
            && let Err(error) = self.read_success(flight, answer, judged)
        {
            // Signed and yet not what was asked for: nobody knows what happened.
            judged.outcome = gateway::Outcome::Unknown;
            detail.error = error;
        }
    }

    fn read_success(
        &mut self,
        flight: &Flight,
        answer: &Answer<'_>,
        judged: &mut Judged,
    ) -> Result<()> {
        if flight.query {
            judged.balance = Some(points::balance(answer)?);
            return Ok(());
        }
        judged.point_log_no = points::point_log_no(answer)?;
        match self.seen.admit(&judged.point_log_no, flight.seq) {
            true => Ok(()),
            false => Err(Error::new(Status::Duplicate, "point_log_no")),
        }
    }

    fn end_query(&mut self, flight: Flight, judged: Judged, http: &HttpAnswer) -> Outcome {
        let (verdict, wait) = match judged.outcome {
            gateway::Outcome::Accepted => (Verdict::Accepted, self.line_works()),
            gateway::Outcome::Rejected => (Verdict::Rejected, self.line_works()),
            // A query books nothing: it is asked again when the caller likes.
            other => (deferred_or_unknown(other), self.wait_after(other, &flight, http)),
        };
        let mut outcome = flight.outcome(verdict, self.status_after(verdict), wait);
        outcome.balance = judged.balance;
        outcome
    }

    fn end_update(&mut self, flight: Flight, judged: Judged, http: &HttpAnswer) -> Result<Outcome> {
        let (verdict, wait) = match judged.outcome {
            gateway::Outcome::Accepted => {
                // An entry that was moved meanwhile has to be looked for; that costs a write.
                if self.queue.stage(flight.seq).is_err() {
                    self.queue.settle(self.ports.storage(), flight.seq)?;
                }
                (Verdict::Accepted, self.line_works())
            }
            gateway::Outcome::Rejected => {
                let wait = self.line_works();
                (self.bury(&flight)?, wait)
            }
            other => {
                let verdict = deferred_or_unknown(other);
                if verdict == Verdict::Deferred {
                    // A verified "not executed": this attempt leaves no doubt behind.
                    self.queue.retract(self.ports.storage(), flight.seq)?;
                }
                (verdict, self.wait_after(other, &flight, http))
            }
        };
        if matches!(verdict, Verdict::Accepted | Verdict::Rejected | Verdict::Uncertain) {
            self.pace.forget(flight.seq);
        }
        let mut outcome = flight.outcome(verdict, self.status_after(verdict), wait);
        outcome.point_log_no = judged.point_log_no;
        Ok(outcome)
    }

    /// Into the dead letters. An earlier attempt of unknown end makes the refusal uncertain: the
    /// points may have been credited then, and the gateway may only be refusing the repeat.
    fn bury(&mut self, flight: &Flight) -> Result<Verdict> {
        let uncertain = flight.attempts > 1;
        let at = self.unix_time();
        let detail = &self.detail;
        let (code, sub_code) = (cut(&detail.code, CODE_KEPT), cut(&detail.sub_code, SUB_CODE_KEPT));
        let reason = Reason { uncertain, at, code, sub_code };
        // Moved or, when the dead letters are full, flagged where it is: recorded either way.
        let storage = self.ports.storage();
        let (Buried::Moved | Buried::Parked) =
            self.queue.bury(storage, flight.seq, &reason, &mut self.record)?;
        Ok(if uncertain { Verdict::Uncertain } else { Verdict::Rejected })
    }

    fn status_after(&self, verdict: Verdict) -> Status {
        match verdict {
            Verdict::Accepted => Status::Ok,
            Verdict::Rejected => Status::Rejected,
            Verdict::Uncertain => Status::Uncertain,
            Verdict::Unknown | Verdict::Deferred => self.detail.error.status,
        }
    }

    fn wait_after(&mut self, outcome: gateway::Outcome, flight: &Flight, http: &HttpAnswer) -> u32 {
        use gateway::Outcome as Told;
        let (now, random) = (self.ports.clock().monotonic_ms(), self.random());
        match outcome {
            Told::Token | Told::Config => self.pace.line_paused(now, random),
            Told::Throttled => self.line_failed(http.retry_after_s),
            Told::Unauthenticated => self.distrusted(http),
            // A verified "system error" is this entry's trouble; anything else is the line's.
            _ if self.detail.authenticated && !flight.query => {
                self.distrust = 0;
                self.pace.entry_failed(flight.seq, flight.attempts.into(), now, random)
            }
            _ => self.line_failed(http.retry_after_s),
        }
    }

    /// A refusal anybody on the way could have written: repeated, and when it repeats, paused.
    fn distrusted(&mut self, http: &HttpAnswer) -> u32 {
        self.distrust = self.distrust.saturating_add(1);
        if self.distrust < DISTRUST {
            return self.line_failed(http.retry_after_s);
        }
        let (now, random) = (self.ports.clock().monotonic_ms(), self.random());
        self.pace.line_paused(now, random)
    }

    fn line_failed(&mut self, retry_after_s: u32) -> u32 {
        let (now, random) = (self.ports.clock().monotonic_ms(), self.random());
        self.pace.line_failed(now, retry_after_s, random)
    }

    fn line_works(&mut self) -> u32 {
        self.distrust = 0;
        self.pace.line_works();
        0
    }

    /// For jitter only. Without entropy the clock has to do.
    fn random(&mut self) -> u32 {
        let mut bytes = [0; 4];
        match self.ports.entropy().map(|entropy| entropy.fill(&mut bytes)) {
            Some(Ok(())) => u32::from_le_bytes(bytes),
            _ => (self.ports.clock().monotonic_ms() as u32).wrapping_mul(0x9E37_79B9),
        }
    }
}

impl Flight {
    fn none() -> Flight {
        Flight { exchange: 0, seq: 0, attempts: 0, points: 0, req_id: Text::new(), query: false }
    }

    fn of(entry: &Entry<'_>) -> Flight {
        Flight {
            seq: entry.seq,
            points: entry.item.points,
            // Cannot be longer: the queue refuses a longer one.
            req_id: Text::try_from(entry.item.req_id).unwrap_or_default(),
            ..Flight::none()
        }
    }

    fn method(&self) -> &'static str {
        if self.query { points::QUERY } else { points::UPDATE }
    }

    fn outcome(self, verdict: Verdict, status: Status, retry_in_ms: u32) -> Outcome {
        Outcome {
            verdict,
            status,
            seq: self.seq,
            attempts: self.attempts,
            points: self.points,
            req_id: self.req_id,
            point_log_no: Text::new(),
            balance: None,
            retry_in_ms,
        }
    }
}

impl Judged {
    fn unknown() -> Judged {
        Judged { outcome: gateway::Outcome::Unknown, point_log_no: Text::new(), balance: None }
    }
}

/// The longest beginning of `text` with at most `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    (0..=max.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Where not even the JSON fitted, what is needed is not known; what is always enough is.
fn enough(error: Error) -> Error {
    match error {
        Error { status: Status::BufferTooSmall, what: "biz_content", .. } => {
            Error::new(Status::BufferTooSmall, "request").at(super::REQUEST_MAX)
        }
        other => other,
    }
}

fn deferred_or_unknown(outcome: gateway::Outcome) -> Verdict {
    use gateway::Outcome as Told;
    match outcome {
        Told::Token | Told::Throttled | Told::Config => Verdict::Deferred,
        _ => Verdict::Unknown,
    }
}

fn status_of(outcome: gateway::Outcome) -> Status {
    use gateway::Outcome as Told;
    match outcome {
        Told::Accepted => Status::Ok,
        Told::Rejected => Status::Rejected,
        Told::Token => Status::Token,
        Told::Throttled => Status::Throttled,
        Told::Config => Status::Refused,
        Told::Unauthenticated => Status::Unsigned,
        Told::Unknown => Status::Unknown,
    }
}

impl Vault {
    /// Signs with the signer port if there is one (and checks what it returns), else with the key.
    pub(super) fn sign<P: Ports>(
        &mut self,
        ports: &mut P,
        digest: Digest,
        hash: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        let Some(signer) = ports.signer() else {
            return self.private.sign(digest, hash, ports.entropy(), &mut self.scratch, out);
        };
        let failed = Error::new(Status::Signer, "signer");
        let len = signer.sign(digest, hash, out).map_err(|e| failed.port(e.0))?;
        let signature = out.get(..len).ok_or(failed)?;
        // A faulty or foreign signature must not leave the till.
        self.own_public.verify(digest, hash, signature, &mut self.scratch).map_err(|_| failed)?;
        Ok(len)
    }
}
