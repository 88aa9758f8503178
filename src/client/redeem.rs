//! Redeeming: an offer is frozen, authorised, shown, claimed and spent, or released.
//!
//! In: a [`Redeem`]; answers; verified notifications. Out: an entry that says where the offer
//! stands, the requests it makes, and the link to show. The state table is `docs/redemption.md` and
//! [`crate::points::redeem_saga`]; [`crate::points::sync::redeem`] drives the first half.

use super::exchange::{Flight, enough};
pub use super::redeem_books::Filed;
use super::redeem_books::{Books, Held, Patch};
use super::redeem_list::standing;
pub use super::redeem_list::{Listed, Standing};
use super::verdict::Judged;
use super::{Client, Step};
use crate::claim::link::{self, Link};
use crate::gateway::notify::CouponIssued;
use crate::gateway::points::BIZ_NO_MAX;
use crate::gateway::{self, Session, prize};
use crate::outcome::{Detail, Outcome, Verdict};
use crate::points::redeem::{self, Claim, KIND_OFFER, OFFER_MAX, Offer, Redeem};
use crate::points::redeem_saga::{Action, Event, Job, Reply, Stage};
use crate::points::sale::Owner;
use crate::port::{HttpAnswer, Ports};
use crate::queue::{Cursor, EntryState, Item};
use crate::status::{Error, Result, Status};
use crate::text::{Text, Writer};

/// An offer, as [`Client::redeem_begin`] recorded or found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Number of the queue entry.
    pub seq: u64,
    /// The FREEZE's idempotency key.
    pub req_id: Text<32>,
    /// Where it stands.
    pub standing: Standing,
}

impl<P: Ports> Client<'_, P> {
    /// Records an offer, or finds the one that is recorded. Works offline; sends nothing.
    ///
    /// When this returns `Ok` the offer is durable. [`redeem_request`](Self::redeem_request) takes
    /// it on from there; one that is not taken on is forgotten after
    /// [`STALE_S`](crate::points::redeem::STALE_S).
    ///
    /// `Missing`, `TooLong`, `Encoding`, `Range`, `NotFound` with the member; of `link_base` what
    /// [`Link::write`] says; `Conflict` when the number is another offer's, `BadState` when its
    /// offer is over: numbers are used once; `TooLong` about `redeem` when the medium's sectors have
    /// no room for such an offer's record (`at` bytes at most; sectors of 1 KiB have it). `QueueFull`,
    /// `Storage` as for a sale.
    pub fn redeem_begin(&mut self, redeem: &Redeem<'_>) -> Result<Offered> {
        let begun = self.begin_offer(redeem);
        self.note(begun)
    }

    fn begin_offer(&mut self, redeem: &Redeem<'_>) -> Result<Offered> {
        let whose = self.profiles.named(redeem.merchant, "redeem.merchant")?;
        let (profile, merchant) = (whose.hash, whose.merchant);
        let mut room = [0; link::BASE_MAX];
        let offer = redeem.check(whose.activity_account, &mut room)?;
        let most = self.most_points();
        if !(1..=most).contains(&redeem.points) {
            return Err(Error::new(Status::Range, "redeem.points").at(most as usize));
        }
        let owner = Owner { merchant, ..self.owner() };
        let req_id = redeem::freeze_key(&owner, offer.face.activity_account, redeem.out_biz_no);
        self.check_sendable(&offer.update(&req_id, redeem.points)?, "redeem")?;
        self.mend()?;
        let (kind, points, created) = (KIND_OFFER, redeem.points, self.unix_time());
        let mut body = [0; OFFER_MAX];
        let body = Offer { at: self.trusted_time(), ..offer }.store(&mut body)?;
        let item = Item { req_id: &req_id, profile, kind, points, created, body };
        if let Some((seq, standing)) = self.known(&offer, &item)? {
            return Ok(Offered { seq, req_id, standing });
        }
        let seq = self.books().begin(&item)?;
        Ok(Offered { seq, req_id, standing: Standing::Freezing })
    }

    /// The offer if its number was used before.
    pub(super) fn known(
        &mut self,
        offer: &Offer<'_>,
        item: &Item<'_>,
    ) -> Result<Option<(u64, Standing)>> {
        let (mut cursor, mut over) = (Cursor::default(), false);
        while let Some(entry) = self.walk(&mut cursor)? {
            let known = Offer::load(entry.item.body).ok().filter(|known| {
                entry.item.kind == KIND_OFFER && known.face.biz_no == offer.face.biz_no
            });
            let Some(known) = known else { continue };
            let same = entry.item.req_id == item.req_id
                && (entry.item.profile, entry.item.points) == (item.profile, item.points)
                && (known.face.user_id, known.prize_id) == (offer.face.user_id, offer.prize_id);
            match (same, entry.state) {
                (false, _) => return Err(Error::new(Status::Conflict, "redeem.out_biz_no")),
                (true, EntryState::Settled) => over = true,
                (true, _) => return Ok(Some((entry.seq, standing(&entry, &known)))),
            }
        }
        match over {
            true => Err(Error::new(Status::BadState, "redeem.out_biz_no")),
            false => Ok(None),
        }
    }

    /// The next request towards the link, in `buf` ([`super::REQUEST_MAX`] bytes): FREEZE, then
    /// prizesend.auth. `None` when the link is ready ([`redeem_link`](Self::redeem_link)).
    ///
    /// End it like an entry's. "Sent" is durable before this returns. `NotFound`, `BadState` (the
    /// offer has gone another way), `Busy` (an exchange is under way; or too many older entries
    /// wait, so sync first), `Token` (the merchant's is refused), `Signer` for a client whose
    /// requests are signed elsewhere: there the offer is made where the key is.
    pub fn redeem_request<'b>(
        &mut self,
        out_biz_no: &str,
        buf: &'b mut [u8],
    ) -> Result<Option<Step<'b>>> {
        let step = self.start_offer(out_biz_no, buf).map_err(enough);
        self.note(step)
    }

    fn start_offer<'b>(&mut self, number: &str, buf: &'b mut [u8]) -> Result<Option<Step<'b>>> {
        self.no_flight()?;
        self.signs_here()?;
        self.mend()?;
        let held = self.offer(number)?;
        let whose = self.profiles.of(held.profile);
        let now = self.ports.clock().monotonic_ms();
        if whose.is_none_or(|whose| whose.wait(now).is_none()) {
            return Err(Error::new(Status::Token, "app_auth_token"));
        }
        match held.stage {
            _ if held.is_letter() => Err(Error::new(Status::BadState, "offer")),
            Stage::Authorised | Stage::Handed => Ok(None),
            Stage::Frozen => self.send_auth(held.seq, buf).map(Some),
            Stage::Freezing if !held.facts.unwanted => {
                self.books().bring_near(held.seq)?;
                self.send(held.seq, buf)
            }
            _ => Err(Error::new(Status::BadState, "offer")),
        }
    }

    fn send_auth<'b>(&mut self, seq: u64, buf: &'b mut [u8]) -> Result<Step<'b>> {
        let time = self.unix_time();
        let Self { queue, ports, record, vault, config, wire, profiles, .. } = self;
        let gone = Error::new(Status::NotFound, "offer");
        let entry = queue.get(ports.storage(), seq, record)?.ok_or(gone)?;
        let offer = Offer::load(entry.item.body)?;
        let whose = profiles.of(entry.item.profile).ok_or(gone)?;
        let key = redeem::key(Job::Auth, entry.item.req_id, "");
        let (prize_id, user_id) = (offer.prize_id, offer.face.user_id);
        let auth = prize::PrizesendAuth { req_id: &key, prize_id, user_id };
        let session = config.session(wire, whose.token());
        let flight = Flight::auth(&entry, &key, whose.issue());
        let mut sign = |digest, hash: &[u8], out: &mut [u8]| vault.sign(ports, digest, hash, out);
        let request = gateway::build(&session, prize::AUTH, &auth, time, &mut sign, buf)?;
        self.memory.sent(0, time);
        Ok(self.take_off(flight, request))
    }

    /// The claim link of an offer whose link may be shown: appended to `out`, which counts what
    /// finds no room. `NotFound`, `BadState` in every other stage.
    pub fn redeem_link(&mut self, out_biz_no: &str, out: &mut Writer<'_>) -> Result<()> {
        let written = self.write_link(out_biz_no, out);
        self.note(written)
    }

    fn write_link(&mut self, number: &str, out: &mut Writer<'_>) -> Result<()> {
        let held = self.offer(number)?;
        // Behind its time `sync` is about to release the points.
        let shown = matches!(held.stage, Stage::Authorised | Stage::Handed) && !held.timed_out;
        let entry = self.queue.get(self.ports.storage(), held.seq, &mut self.record)?;
        let entry = entry.filter(|_| shown && !held.is_letter());
        let entry = entry.ok_or(Error::new(Status::BadState, "offer"))?;
        let offer = Offer::load(entry.item.body)?;
        if offer.token.is_empty() {
            return Err(Error::new(Status::BadState, "offer")); // The link is where it came from.
        }
        let link = Link {
            buyer_id: Some(offer.face.user_id),
            shop_id: super::some(offer.face.shop_id),
            ..Link::new(offer.base, offer.token, offer.face.biz_no)
        };
        link.write(out)
    }

    /// Files the message that a coupon was taken. Works offline. When this returns `Ok` the message
    /// is durable: answer it [`REPLY`](crate::gateway::notify::REPLY). `sync` spends the points.
    ///
    /// `coupon` comes from a [`Verified`](crate::gateway::notify::Verified) message. The same again
    /// changes nothing. `Missing`, `Argument` about `app_id` when it is another app's;
    /// `QueueFull`, `Busy`, `Storage`: not stored; let it be delivered again.
    pub fn redeem_commit(&mut self, coupon: &CouponIssued<'_>) -> Result<Filed> {
        let filed = self.commit_offer(coupon);
        self.note(filed)
    }

    fn commit_offer(&mut self, coupon: &CouponIssued<'_>) -> Result<Filed> {
        coupon.check(&Session::new(self.config.app_id), None)?;
        let claim = Claim::of(coupon);
        redeem::check_claim(&claim)?;
        let own = self.profiles.named("", "merchant")?.hash;
        self.mend()?;
        let now = self.trusted_time();
        let Self { queue, ports, record, profiles, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        books.file(&claim, (own, None), profiles, now)
    }

    /// Gives an offer up; `word`: the caller vouches that the shopper cannot claim any more, or,
    /// for an entry that waits for a person, that a person has dealt with it.
    ///
    /// Points that may be frozen are released by `sync`. `BadState` when it cannot be safe: a link
    /// is out and its time is not over (without a word), it was claimed, it is another queue's.
    /// `NotFound`, `Busy`, `QueueFull`, `Storage`.
    pub fn redeem_cancel(&mut self, out_biz_no: &str, word: bool) -> Result<()> {
        let done = self.cancel_offer(out_biz_no, word);
        self.note(done)
    }

    fn cancel_offer(&mut self, number: &str, word: bool) -> Result<()> {
        self.mend()?;
        let now = self.trusted_time();
        let Self { queue, ports, record, profiles, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        // A debt under this number is what a person speaks of first; the offer needs its own word.
        if word && let Some((seq, state)) = books.debt(&|claim| claim.out_biz_no == number)? {
            return books.forget(seq, state);
        }
        let found = books.find(number, profiles, None, now)?;
        let is_open = |held: &Held| held.is_letter() || !held.stage.is_over();
        let Some(held) = found.clone().filter(is_open) else {
            return match (books.claim(&|claim| claim.out_biz_no == number)?, found) {
                (Some((seq, state)), _) if word => books.forget(seq, state),
                (None, Some(held)) => refused(held.on(Event::Cancel { word })),
                (None, None) => Err(Error::new(Status::NotFound, "out_biz_no")),
                _ => Err(Error::new(Status::BadState, "offer")),
            };
        };
        if held.is_letter() {
            return match word {
                true => books.forget(held.seq, held.state),
                false => Err(Error::new(Status::BadState, "offer")),
            };
        }
        let action = held.on(Event::Cancel { word: word || held.timed_out });
        refused(action)?;
        books.act(held.seq, action, &Patch { at: Some(now), ..Patch::default() })?;
        self.pace.forget(held.seq);
        Ok(())
    }

    /// The queue, for calls that need no more.
    pub(super) fn books(&mut self) -> Books<'_> {
        Books { queue: &mut self.queue, storage: self.ports.storage(), record: &mut self.record }
    }

    /// The offer under this number.
    fn offer(&mut self, number: &str) -> Result<Held> {
        redeem::out_biz_no(number, "out_biz_no")?;
        let now = self.trusted_time();
        let Self { queue, ports, record, profiles, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        let found = books.find(number, profiles, None, now)?;
        found.ok_or(Error::new(Status::NotFound, "out_biz_no"))
    }

    /// The end of an offer's request: what the table says of the answer, carried out.
    pub(super) fn end_offer(
        &mut self,
        job: Job,
        flight: &Flight,
        judged: &Judged,
        http: &HttpAnswer,
    ) -> Result<Outcome> {
        use gateway::Outcome as Told;
        let mut reply = match judged.outcome {
            Told::Accepted => Reply::Accepted,
            Told::Rejected if self.is_uncertain(flight) => Reply::Uncertain,
            Told::Rejected => Reply::Refused,
            Told::Unknown if judged.foreign && flight.attempts > 1 => Reply::Uncertain,
            other => {
                let (verdict, wait) = self.end_open(other, flight, http)?;
                let status = self.status_after(verdict);
                return Ok(flight.outcome(verdict, status, wait));
            }
        };
        if job == Job::Freeze && reply == Reply::Accepted && judged.point_log_no.len() > BIZ_NO_MAX
        {
            // Neither COMMIT nor CANCEL can carry it: a person has to, and needs to know it.
            reply = Reply::Uncertain;
            let error = Error::new(Status::TooLong, "point_log_no").at(BIZ_NO_MAX);
            // Cannot be longer: a letter's sub_code is made for more.
            let sub_code = Text::try_from(judged.point_log_no.as_str()).unwrap_or_default();
            self.detail = Detail { error, sub_code, ..Detail::new() };
        }
        match self.answer_offer(job, flight, reply, judged) {
            // It cannot be written down now, or not at all: the same request brings the same answer
            // later, and meanwhile nobody behind it is kept waiting.
            Err(error) if error.status != Status::Storage => {
                self.detail.error = error;
                let (verdict, wait) = self.end_open(Told::Unknown, flight, http)?;
                return Ok(flight.outcome(verdict, error.status, wait));
            }
            told => told?,
        }
        let wait = self.line_works(flight.seq);
        self.pace.forget(flight.seq);
        let verdict = match reply {
            Reply::Accepted => Verdict::Accepted,
            Reply::Refused => Verdict::Rejected,
            Reply::Uncertain => Verdict::Uncertain,
        };
        let status = self.status_after(verdict);
        let mut outcome = flight.outcome(verdict, status, wait);
        outcome.point_log_no = judged.point_log_no.clone();
        Ok(outcome)
    }

    #[inline(never)] // as `what_follows`
    fn answer_offer(
        &mut self,
        job: Job,
        flight: &Flight,
        reply: Reply,
        judged: &Judged,
    ) -> Result<()> {
        let (seq, now) = (flight.seq, self.trusted_time());
        let Some(action) = self.what_follows(job, seq, reply, now)? else { return Ok(()) };
        if action == Action::Bury {
            return self.bury_as(flight, reply == Reply::Uncertain).map(|_| ());
        }
        let accepted = |of: Job, text| Some(text).filter(|_| of == job && reply == Reply::Accepted);
        let patch = Patch {
            at: Some(now),
            point_log_no: accepted(Job::Freeze, judged.point_log_no.as_str()),
            token: accepted(Job::Auth, judged.token.as_str()),
            ..Patch::default()
        };
        let Self { queue, ports, record, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        books.act(seq, action, &patch)
    }

    /// What the table says of an answer to an offer's request; nothing of one that went on since.
    #[inline(never)] // so that the offer is gone while the next one is written
    fn what_follows(
        &mut self,
        job: Job,
        seq: u64,
        reply: Reply,
        now: u64,
    ) -> Result<Option<Action>> {
        let Self { queue, ports, record, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        let held = books.get(seq, now)?.filter(|held| job.is_of(held.stage) && !held.is_letter());
        Ok(held.map(|held| held.on(Event::Answer(reply))))
    }
}

fn refused(action: Action) -> Result<()> {
    match action {
        Action::Refuse => Err(Error::new(Status::BadState, "offer")),
        _ => Ok(()),
    }
}
