//! One exchange at a time: a due entry (or a call) → signed bytes; an answer → its [`Outcome`].
//!
//! In: the buffer to build a request in; later what the transport brought back. Out: a [`Step`] to
//! POST; later an [`Outcome`], with the queue already brought up to date. What an answer *means*
//! is `verdict`'s business.

use super::call::{Call, Told};
use super::events::tell_voided;
use super::keys::Vault;
use super::redeem_books::{self, Books, Look};
use super::refund::{Ripe, ripen};
use super::signing::Unsigned;
use super::{Client, REQUEST_MAX, Step};
use crate::crypto::Digest;
use crate::gateway::points::{self, Query};
use crate::gateway::{self, METHOD_MAX, Session, prize};
use crate::outcome::{Detail, Outcome, Verdict};
use crate::points::redeem_saga::Job;
use crate::points::refund::{Order, Sending};
use crate::points::sale;
use crate::port::{HttpAnswer, Ports, Request, Subject, TransportError};
use crate::queue::Entry;
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// A terminal clock this far from the server's is wrong, in seconds.
const CLOCK_TOLERANCE: u64 = 300;

/// The exchange under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    exchange: u32,
    pub(super) seq: u64,
    pub(super) attempts: u8,
    points: u32,
    pub(super) req_id: Text<32>,
    /// Whose request it is, and which of their tokens it carries.
    pub(super) profile: u64,
    pub(super) issue: u32,
    /// Which of an offer's requests it is.
    pub(super) job: Option<Job>,
    /// A call's; an entry's is not kept.
    method: Text<METHOD_MAX>,
    /// Its string was handed out and its signature has not come: nothing was sent.
    pub(super) unsigned: Option<Unsigned>,
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

    /// Entries the latest look passed over: another configuration's, a later version's, too long for
    /// today's configuration, or of a redemption that cannot be written as it has to be. They wait
    /// for a person.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// After `next_request` said `None`: milliseconds until something is due; 0 = nothing waits.
    pub fn wait_ms(&self) -> u32 {
        self.wait_ms
    }

    /// Milliseconds until it is worth asking for the next request; 0 = now, or nothing waits.
    pub(crate) fn due_in_ms(&mut self) -> u32 {
        let now = self.ports.clock().monotonic_ms();
        self.rest_ms(now).max(self.wait_ms)
    }

    fn start_next<'b>(&mut self, buf: &'b mut [u8]) -> Result<Option<Step<'b>>> {
        match self.due(buf)? {
            Some(seq) => self.signs_here().and_then(|()| self.send(seq, buf)),
            None => Ok(None),
        }
    }

    /// The entry to send now, if there is one; `buf` is room to look at entries with.
    pub(super) fn due(&mut self, buf: &mut [u8]) -> Result<Option<u64>> {
        self.no_flight()?;
        self.mend()?;
        let now = self.ports.clock().monotonic_ms();
        // Held back by somebody: until somebody else comes.
        self.wait_ms = if self.queue.is_paused() { u32::MAX } else { self.rest_ms(now) };
        if self.wait_ms != 0 {
            self.commit()?;
            return Ok(None);
        }
        // An entry that keeps failing may be what fails, not the line: the others go first.
        let suspect = self.pace.suspect();
        let mut due = self.pick_now(now, suspect, buf)?;
        if due.is_none() && suspect.is_some() {
            due = self.pick_now(now, None, buf)?;
        }
        if due.is_none() {
            self.commit()?;
        }
        Ok(due)
    }

    /// The oldest entry that may be sent now: of the sales made now when the backlog's turn has not
    /// come.
    fn pick_now(&mut self, now: u64, pass: Option<u64>, buf: &mut [u8]) -> Result<Option<u64>> {
        let spacing = self.pace.backlog_wait(now);
        if spacing == 0 {
            return self.pick(0, now, pass, buf);
        }
        let counted = (self.held, self.paused);
        let due = self.pick(self.live_from, now, pass, buf)?;
        // Only part of the queue was looked at: what the latest whole look counted stands.
        (self.held, self.paused) = counted;
        let backlog = self.queue.status().waiting + self.queue.status().sent_unknown;
        self.wait_ms = match (backlog, self.wait_ms) {
            (0, _) => 0,
            (_, 0) => spacing,
            (_, wait) => spacing.min(wait),
        };
        Ok(due)
    }

    /// The oldest entry from `from` on that may be sent now, `pass_over` aside. Counts what is held and what waits
    /// for a token, and notes how long it is until the next one is due.
    fn pick(
        &mut self,
        mut from: u64,
        now: u64,
        pass_over: Option<u64>,
        buf: &mut [u8],
    ) -> Result<Option<u64>> {
        let unix = self.trusted_time();
        let Self { queue, ports, record, pace, config, wire, profiles, .. } = self;
        let (mut wait, mut behind) = (u32::MAX, 0);
        (self.held, self.paused) = (0, (0, 0));
        let (start, live_only) = (from, from > 0);
        while let Some(entry) = queue.next(ports.storage(), from, record)? {
            if entry.turn < from || live_only && entry.in_backlog() {
                break; // A rotten medium must not send this round in circles.
            }
            from = entry.turn.saturating_add(1);
            let Some(whose) = profiles.of(entry.item.profile) else {
                self.held += 1;
                continue;
            };
            match redeem_books::look(&entry, unix) {
                Look::Sends => {}
                Look::Rests(time) => {
                    wait = wait.min(time);
                    continue;
                }
                Look::Moves => {
                    let seq = entry.seq;
                    let mut books = Books { queue, storage: ports.storage(), record };
                    match books.tend(seq, profiles, unix) {
                        // It, and what made way for it, stands at the backlog's end now.
                        Ok(true) => {
                            (from, wait, behind) = (start, u32::MAX, 0);
                            (self.held, self.paused) = (0, (0, 0));
                        }
                        Ok(false) => wait = wait.min(redeem_books::LOOK_MS),
                        // What waits behind it makes room.
                        Err(error) if redeem_books::is_full(&error) => {
                            wait = wait.min(redeem_books::LOOK_MS);
                        }
                        Err(error) if error.status == Status::Storage => return Err(error),
                        // It cannot be written as it has to be; what stands behind it can.
                        Err(_) => self.held += 1,
                    }
                    continue;
                }
            }
            if !is_sendable(&config.session(wire, whose.token()), &entry, buf)? {
                self.held += 1;
                continue;
            }
            let Some(merchant_wait) = whose.wait(now) else {
                let first = if self.paused.0 == 0 { whose.hash } else { self.paused.1 };
                self.paused = (self.paused.0.saturating_add(1), first);
                continue;
            };
            match pace.entry_wait(entry.seq, now).max(merchant_wait) {
                0 if pass_over != Some(entry.seq) => {}
                entry_wait => {
                    wait = wait.min(entry_wait);
                    continue;
                }
            }
            let (seq, profile) = (entry.seq, entry.item.profile);
            let (points, req_id) = (entry.item.points, Text::try_from(entry.item.req_id));
            let req_id: Text<32> = req_id.unwrap_or_default();
            let ripe = match refund_of(&entry) {
                Some(of) => ripen(queue, ports.storage(), (seq, profile), &of, record)?,
                None => Ripe::Yes,
            };
            match ripe {
                // What stands before it has had its chance and makes way.
                Ripe::Yes if queue.reach(ports.storage(), seq, record)? => return Ok(Some(seq)),
                Ripe::Yes => self.held += 1,
                Ripe::Held => self.held += 1,
                Ripe::NotYet => behind += 1,
                Ripe::Nothing => tell_voided(ports, seq, &req_id, points),
            }
        }
        if wait == u32::MAX && pass_over.is_none() && self.held > 0 {
            // Their sales are not due by themselves: these wait for the same person.
            self.held += behind;
        }
        self.wait_ms = if wait == u32::MAX { 0 } else { wait };
        Ok(None)
    }

    /// Builds and signs the entry's request; then, and only then, it counts as sent.
    pub(super) fn send<'b>(&mut self, seq: u64, buf: &'b mut [u8]) -> Result<Option<Step<'b>>> {
        let time = self.unix_time();
        let Self { queue, ports, record, vault, config, wire, profiles, .. } = self;
        let Some(entry) = queue.waiting(ports.storage(), seq, record)? else { return Ok(None) };
        let Some(whose) = profiles.of(entry.item.profile) else { return Ok(None) };
        let session = config.session(wire, whose.token());
        let sending = Sending::load(&entry.item)?;
        let update = sending.update()?;
        let mut sign = |digest, hash: &[u8], out: &mut [u8]| vault.sign(ports, digest, hash, out);
        let request = gateway::build(&session, points::UPDATE, &update, time, &mut sign, buf)?;
        let mut flight = Flight::of(&entry, &sending, whose.issue());
        flight.attempts = queue.mark_sent(ports.storage(), flight.seq)?;
        self.memory.sent(flight.seq, time);
        self.tell_sent(flight.subject(), flight.attempts);
        Ok(Some(self.take_off(flight, request)))
    }

    /// A request for a shopper's balance, in `buf`. Takes the place of an entry's exchange. It is
    /// the request of the merchant whose point account that is, else of the client's own.
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
        let merchant = self.profiles.with_account(account).map_or("", |whose| whose.merchant);
        let query = Query { activity_account: account, user_id };
        self.start_call(&Call { merchant, ..Call::default() }, &Told::of(&query), buf)
    }

    /// Forgets a transfer whose end nobody can tell: the entry is repeated.
    #[cfg(feature = "capi")]
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

    pub(super) fn take_off<'b>(&mut self, flight: Flight, request: Request<'b>) -> Step<'b> {
        Step { request, exchange: self.depart(flight) }
    }

    /// The flight is under way, under a number of its own.
    pub(super) fn depart(&mut self, flight: Flight) -> u32 {
        self.exchange = self.exchange.wrapping_add(1);
        self.flight = Some(Flight { exchange: self.exchange, ..flight });
        self.exchange
    }

    /// The flight under way is now this one.
    pub(super) fn go_on(&mut self, flight: Flight) {
        self.flight = Some(flight);
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
            self.commit()?;
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
        // Landed first: while the storage fails it must not stay under way, with nobody to end it.
        let flight = self.land_signed(exchange)?;
        self.mend()?;
        self.correct_clock(http.date);
        self.conclude(&flight, http, body)
    }

    /// Apart, so that a queue is not mended below what an answer is judged with.
    #[inline(never)]
    fn conclude(&mut self, flight: &Flight, http: &HttpAnswer, body: &[u8]) -> Result<Outcome> {
        let judged = self.hear(flight, http, body);
        match flight.is_call() {
            true => Ok(self.end_call(flight, &judged)),
            false => self.end_update(flight, &judged, http),
        }
    }

    /// Ends the exchange without an answer.
    pub fn on_transport_error(&mut self, exchange: u32, error: TransportError) -> Result<Outcome> {
        let outcome = self.fail(exchange, error);
        self.note(outcome)
    }

    fn fail(&mut self, exchange: u32, error: TransportError) -> Result<Outcome> {
        let flight = self.land(exchange)?;
        // What was never signed cannot have been sent.
        let not_sent = error.not_sent || flight.unsigned.is_some();
        let status = if not_sent { Status::Transport } else { Status::Unknown };
        self.detail =
            Detail { error: Error::new(status, "transport").port(error.code), ..Detail::new() };
        if not_sent && flight.is_counted() && flight.unsigned.is_none() {
            self.mend()?;
            self.queue.retract(self.ports.storage(), flight.seq)?;
        }
        let verdict = if not_sent { Verdict::Deferred } else { Verdict::Unknown };
        let wait = match (flight.is_call(), not_sent) {
            (true, _) => 0,
            (false, true) => self.not_sent(flight.seq),
            (false, false) => self.line_failed(flight.seq, 0),
        };
        Ok(flight.outcome(verdict, status, wait))
    }

    fn land(&mut self, exchange: u32) -> Result<Flight> {
        match self.flight.take() {
            Some(flight) if flight.is(exchange) => Ok(flight),
            other => {
                self.flight = other;
                Err(Error::new(Status::Argument, "exchange"))
            }
        }
    }

    /// Lands what was sent; what still waits for its signature stays.
    fn land_signed(&mut self, exchange: u32) -> Result<Flight> {
        match &self.flight {
            Some(flight) if flight.is(exchange) && flight.unsigned.is_some() => {
                Err(Error::new(Status::BadState, "exchange"))
            }
            _ => self.land(exchange),
        }
    }

    /// Lands a call; an entry's flight stays, for its end belongs to the queue.
    pub(super) fn land_call(&mut self, exchange: u32) -> Result<Flight> {
        match &self.flight {
            Some(flight) if !flight.is_call() => Err(Error::new(Status::Argument, "exchange")),
            _ => self.land_signed(exchange),
        }
    }

    /// Compares the server's clock with ours; follows it when the integrator allows that.
    pub(super) fn correct_clock(&mut self, date: u64) {
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
}

impl Flight {
    fn none() -> Flight {
        Flight {
            exchange: 0,
            seq: 0,
            attempts: 0,
            points: 0,
            req_id: Text::new(),
            profile: 0,
            issue: 0,
            job: None,
            method: Text::new(),
            unsigned: None,
        }
    }

    /// A call's. `flow_key` is the req_id its flow number must be new for, or empty.
    pub(super) fn call(method: Text<METHOD_MAX>, flow_key: &str) -> Result<Flight> {
        Ok(Flight { req_id: text::bounded(flow_key, "req_id")?, method, ..Flight::none() })
    }

    /// An entry's, with the token of number `issue`.
    pub(super) fn of(entry: &Entry<'_>, sending: &Sending<'_>, issue: u32) -> Flight {
        Flight {
            issue,
            job: sending.job(),
            seq: entry.seq,
            points: entry.item.points,
            profile: entry.item.profile,
            // Cannot be longer: the queue refuses a longer one.
            req_id: Text::try_from(sending.key()).unwrap_or_default(),
            ..Flight::none()
        }
    }

    /// That of an offer's prizesend.auth.
    pub(super) fn auth(entry: &Entry<'_>, key: &str, issue: u32) -> Flight {
        Flight {
            issue,
            job: Some(Job::Auth),
            seq: entry.seq,
            points: entry.item.points,
            profile: entry.item.profile,
            // Always 32.
            req_id: Text::try_from(key).unwrap_or_default(),
            ..Flight::none()
        }
    }

    /// The entry it is about, for whoever listens.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { seq: self.seq, req_id: &self.req_id, points: self.points }
    }

    /// Whether it is a call's, not an entry's.
    pub(super) fn is_call(&self) -> bool {
        !self.method.is_empty()
    }

    pub(super) fn is(&self, exchange: u32) -> bool {
        self.exchange == exchange
    }

    pub(super) fn method(&self) -> &str {
        match self.job {
            Some(Job::Auth) => prize::AUTH,
            _ if self.method.is_empty() => points::UPDATE,
            _ => &self.method,
        }
    }

    /// The key under which an accepted points.update must name a flow number that was not seen for
    /// another; empty when it need not: COMMIT and CANCEL may be booked under the freeze's.
    pub(super) fn flow_key(&self) -> &str {
        match self.job {
            Some(Job::Commit | Job::Cancel) => "",
            _ => &self.req_id,
        }
    }

    /// Whether the queue counts its attempts: a call's are nobody's, and a token moves no points.
    pub(super) fn is_counted(&self) -> bool {
        !self.is_call() && self.job != Some(Job::Auth)
    }

    pub(super) fn outcome(&self, verdict: Verdict, status: Status, retry_in_ms: u32) -> Outcome {
        Outcome {
            verdict,
            status,
            seq: self.seq,
            attempts: self.attempts,
            points: self.points,
            req_id: self.req_id.clone(),
            point_log_no: Text::new(),
            balance: None,
            retry_in_ms,
        }
    }
}

/// The req_id of the sale a refund belongs to; `None` for a sale.
fn refund_of(entry: &Entry<'_>) -> Option<Text<32>> {
    match Order::load(entry.item.kind, entry.item.body) {
        Ok(Order::Refund(taken)) => Text::try_from(taken.of).ok(),
        _ => None,
    }
}

/// Whether this version and configuration can send the entry at all. One that cannot be sent must
/// not stop those behind it.
fn is_sendable(session: &Session<'_>, entry: &Entry<'_>, buf: &mut [u8]) -> Result<bool> {
    let Ok(sending) = Sending::load(&entry.item) else { return Ok(false) };
    let Ok(update) = sending.update() else { return Ok(false) };
    match gateway::request_size(session, points::UPDATE, &update, buf) {
        Ok(size) => Ok(size <= REQUEST_MAX),
        // With all the room there is: too long for ever. With less: the caller's buffer is small.
        Err(error) if error.status == Status::BufferTooSmall && buf.len() < REQUEST_MAX => {
            Err(error)
        }
        Err(_) => Ok(false),
    }
}

/// Where not even the JSON fitted, what is needed is not known; what is always enough is.
pub(super) fn enough(error: Error) -> Error {
    match error {
        Error { status: Status::BufferTooSmall, what: "biz_content", .. } => {
            Error::new(Status::BufferTooSmall, "request").at(REQUEST_MAX)
        }
        other => other,
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
