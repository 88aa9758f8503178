//! Taking points back: a refund is journaled like a sale, waits for its sale, and arrives once.
//!
//! In: a [`Refund`]. Out: a queue entry that becomes a CONSUME once its sale is settled; or two
//! entries less, when the sale was never sent.
//!
//! The order of writes: the refund is durable first. Then a sale that was certainly never sent is
//! buried as [`VOID`], then the refund is settled, then the letter is discarded. Power may fail
//! between any two: what is found afterwards says what is left to do. A sale that was picked up
//! before it could be buried is sent and taken back, which comes to the same.

use super::events::tell_voided;
use super::{Client, Ticket};
use crate::gateway::points as wire;
use crate::points::refund::{self, KIND_REFUND, Order, Refund, Taken, Texts};
use crate::points::sale::{self, Deposit, Owner};
use crate::port::{Ports, Storage};
use crate::queue::{Buried, Cursor, Entry, EntryState, Item, Queue, Reason, Terms};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// The code of the dead letter a voided sale is for a moment.
const VOID: &str = "VOID";

/// What the store still knows of a sale and its refunds.
struct Trail {
    /// Number, points and end of the sale's record.
    sale: Option<(u64, u32, End)>,
    user_id: Text<{ wire::USER_ID_MAX }>,
    /// Points of its other refunds.
    taken: u64,
    /// The very same refund: number and points.
    same: Option<(u64, u32)>,
    /// The sale is a letter that says [`VOID`].
    void: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Never sent.
    Waiting,
    /// Sent, settled, or recorded more than once.
    Other,
    /// Certainly not credited.
    Refused,
    /// Nobody knows; a person has to look first.
    Uncertain,
}

impl End {
    fn of(entry: &Entry<'_>) -> End {
        match (entry.state, entry.reason) {
            (EntryState::Waiting, _) => End::Waiting,
            (EntryState::Sent | EntryState::Settled, _) => End::Other,
            (_, Some(reason)) if !reason.uncertain => End::Refused,
            _ => End::Uncertain,
        }
    }
}

impl<P: Ports> Client<'_, P> {
    /// Takes points back for a refunded sale. Works offline; never waits for the network.
    ///
    /// When this returns `Ok` the refund is durable and arrives exactly once, like a sale. A sale
    /// that was never sent is voided together with it if all its points are taken back
    /// ([`Ticket::voided`]); otherwise a CONSUME goes out as soon as the sale is settled. Reads the
    /// whole queue.
    ///
    /// `NotFound` about `refund.biz_no` when no record of the sale is left (and
    /// [`Refund::points_left`] is 0) or `refund.merchant`; `Rejected` when the gateway refused the
    /// sale, so that there is nothing to take back; `Uncertain` when nobody knows, and a person has
    /// to look first; `Range` about `refund.points`, `at` what is left; `Conflict` when the same
    /// refund was recorded with other points, or the sale was another shopper's; and as
    /// [`accrue`](Self::accrue). A dead letter that a person discards counts as credited; and a
    /// trade that is sold once more, long after its refund, is credited once more if it was voided.
    pub fn refund(&mut self, refund: &Refund<'_>) -> Result<Ticket> {
        let ticket = self.record_refund(refund);
        self.note(ticket)
    }

    pub(super) fn record_refund(&mut self, refund: &Refund<'_>) -> Result<Ticket> {
        let whose = self.profiles.named(refund.merchant, "refund.merchant")?;
        let (profile, merchant) = (whose.hash, whose.merchant);
        let held = whose.lacks_way();
        let activity_account = sale::or(refund.activity_account, whose.activity_account);
        refund.check()?;
        sale::required_id(activity_account, "refund.activity_account", wire::ACTIVITY_ACCOUNT_MAX)?;
        self.config.charset.check(refund.memo, "refund.memo")?;
        let sold = Deposit { activity_account, biz_no: refund.biz_no, ..Deposit::EMPTY };
        let owner = Owner { merchant, ..self.owner() };
        let of: Text<32> = match refund.req_id {
            "" => sale::derive_req_id(&owner, &sold, refund.part),
            own => text::bounded(own, "refund.req_id")?,
        };
        let req_id = refund::derive_req_id(&of, refund.refund_no);
        self.mend()?;
        let trail = self.trail(profile, &of, &req_id)?;
        if let Some((seq, points)) = trail.same {
            if points != refund.points {
                return Err(Error::new(Status::Conflict, "refund.points"));
            }
            if let (Some((sale, ..)), true) = (trail.sale, trail.void) {
                self.finish_void(sale, seq)?; // Power failed while it was voided.
            }
            return Ok(Ticket { seq, req_id, duplicate: true, points, voided: trail.void });
        }
        let user_id = trail.allow(refund)?;
        let texts = Texts::of(refund)?;
        let (memo, ext_info) = (texts.memo(refund.memo), texts.ext_info());
        let taken = Taken { sale: Deposit { user_id: &user_id, memo, ext_info, ..sold }, of: &of };
        self.check_sendable(&taken.update(&req_id, refund.points), "refund.memo")?;
        let (created, points) = (self.unix_time(), refund.points);
        let appended = loop {
            let body = taken.store(&mut self.record)?;
            let item = Item { req_id: &req_id, profile, kind: KIND_REFUND, points, created, body };
            let terms = Terms { now: created, manager: refund.manager, held };
            match self.queue.append_on(self.ports.storage(), &item, &terms) {
                Err(error) if self.make_way(&error)? => {}
                told => break told?,
            }
        };
        let (seq, duplicate) = (appended.seq, appended.duplicate);
        let mut ticket = Ticket { seq, req_id, duplicate, points, voided: false };
        self.tell_stored(&ticket, points, &appended.pressure);
        if let Some((sale, sold, End::Waiting)) = trail.sale
            && sold == points
        {
            ticket.voided = self.void_both(sale, seq)?;
            if ticket.voided {
                tell_voided(&mut self.ports, sale, &of, points);
                tell_voided(&mut self.ports, seq, &ticket.req_id, points);
            }
        }
        Ok(ticket)
    }

    /// Looks for the sale and its refunds: whatever is readable, settled or not.
    fn trail(&mut self, profile: u64, of: &str, req_id: &str) -> Result<Trail> {
        let mut trail =
            Trail { sale: None, user_id: Text::new(), taken: 0, same: None, void: false };
        let mut cursor = Cursor::default();
        while let Some(entry) = self.walk(&mut cursor)? {
            if entry.item.profile == profile {
                trail.see(&entry, of, req_id)?;
            }
        }
        Ok(trail)
    }

    /// Buries the sale that was never sent, and settles both. False when the queue cannot do that
    /// now: then the sale goes out and the refund behind it.
    fn void_both(&mut self, sale: u64, refund: u64) -> Result<bool> {
        let at = self.unix_time();
        let reason = Reason { uncertain: false, at, code: VOID, sub_code: "" };
        let Self { queue, ports, record, .. } = self;
        match queue.bury(ports.storage(), sale, &reason, record) {
            Ok(Buried::Moved | Buried::Parked) => {}
            Err(error) if error.status == Status::Storage => return Err(error),
            Err(_) => return Ok(false), // Beyond the window.
        }
        self.pace.forget(sale);
        self.finish_void(sale, refund)?;
        Ok(true)
    }

    /// Settles the refund of a sale that is buried as [`VOID`], then puts the letter away. Not
    /// before: the letter is what tells that there is nothing to take back. A refund beyond the
    /// window stays for the next look.
    fn finish_void(&mut self, sale: u64, refund: u64) -> Result<()> {
        let settled = self.queue.settle(self.ports.storage(), refund);
        spare(settled)?;
        match settled {
            Ok(()) => clear_away(&mut self.queue, self.ports.storage(), sale),
            Err(_) => Ok(()),
        }
    }
}

impl Trail {
    fn see(&mut self, entry: &Entry<'_>, of: &str, req_id: &str) -> Result<()> {
        let (item, end) = (&entry.item, End::of(entry));
        match Order::load(item.kind, item.body) {
            Ok(Order::Deposit(sale)) if item.req_id == of => {
                // Recorded twice (that is allowed after a while): one of them may be on its way.
                let once = self.sale.is_none();
                let end = if once { end } else { End::Other };
                self.sale = Some((entry.seq, item.points, end));
                self.void = once && entry.reason.is_some_and(|reason| reason.code == VOID);
                self.user_id = text::bounded(sale.user_id, "record")?;
            }
            Ok(Order::Refund(_)) if item.req_id == req_id => {
                self.same = Some((entry.seq, item.points));
            }
            Ok(Order::Refund(taken)) if taken.of == of && end != End::Refused => {
                self.taken = self.taken.saturating_add(item.points.into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether so many points may be taken back, and from whom.
    fn allow(&self, refund: &Refund<'_>) -> Result<Text<{ wire::USER_ID_MAX }>> {
        let about = |status| Error::new(status, "refund.biz_no");
        let left = match self.sale {
            Some((_, _, End::Refused)) => return Err(about(Status::Rejected)),
            Some((_, _, End::Uncertain)) => return Err(about(Status::Uncertain)),
            Some((_, points, _)) => u64::from(points).saturating_sub(self.taken),
            None if refund.points_left == 0 => return Err(about(Status::NotFound)),
            None => refund.points_left.into(),
        };
        if refund.points == 0 || u64::from(refund.points) > left {
            return Err(Error::new(Status::Range, "refund.points").at(left as usize));
        }
        let known = self.user_id.as_str();
        if !known.is_empty() && !refund.user_id.is_empty() && known != refund.user_id {
            return Err(Error::new(Status::Conflict, "refund.user_id"));
        }
        let user_id = sale::or(known, refund.user_id);
        sale::required_id(user_id, "refund.user_id", wire::USER_ID_MAX)?;
        text::bounded(user_id, "refund.user_id")
    }
}

/// What becomes of a refund now.
pub(super) enum Ripe {
    /// It goes out.
    Yes,
    /// Its sale goes first.
    NotYet,
    /// Nobody knows whether its sale was credited; a person has to look.
    Held,
    /// Its sale was not credited: it is settled, nothing was sent.
    Nothing,
}

/// Looks at the sale `of` of the refund `seq`, of the same profile, and settles what has nothing to
/// take back.
pub(super) fn ripen(
    queue: &mut Queue,
    storage: &mut dyn Storage,
    (seq, profile): (u64, u64),
    of: &str,
    buf: &mut [u8],
) -> Result<Ripe> {
    // A key of the caller's own may be another merchant's, too.
    let is_sale = |item: &Item<'_>| item.req_id == of && item.profile == profile;
    let Some(entry) = queue.find_where(storage, &is_sale, buf)? else { return Ok(Ripe::Yes) };
    let void = entry.reason.is_some_and(|reason| reason.code == VOID);
    let sale = entry.seq;
    match (entry.state, End::of(&entry)) {
        (EntryState::Settled, _) => Ok(Ripe::Yes),
        (_, End::Waiting | End::Other) => Ok(Ripe::NotYet),
        (_, End::Uncertain) => Ok(Ripe::Held),
        // Recorded once more after its refusal, and credited then.
        (_, End::Refused) if !void && is_settled(queue, storage, &is_sale, buf)? => Ok(Ripe::Yes),
        (_, End::Refused) => {
            queue.settle(storage, seq)?;
            if void {
                clear_away(queue, storage, sale)?;
            }
            Ok(Ripe::Nothing)
        }
    }
}

/// Whether a record of the sale is settled, as far as it is still readable.
fn is_settled(
    queue: &mut Queue,
    storage: &mut dyn Storage,
    is_sale: &dyn Fn(&Item<'_>) -> bool,
    buf: &mut [u8],
) -> Result<bool> {
    let mut cursor = Cursor::default();
    while let Some(entry) = queue.walk(storage, &mut cursor, buf)? {
        if entry.state == EntryState::Settled && is_sale(&entry.item) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A voided sale owes nothing and tells nobody anything: neither a letter nor a parked entry.
fn clear_away(queue: &mut Queue, storage: &mut dyn Storage, sale: u64) -> Result<()> {
    match queue.discard(storage, sale) {
        Err(error) if error.status == Status::NotFound => spare(queue.settle(storage, sale)),
        done => spare(done),
    }
}

/// What the queue cannot do now can wait, unless it is broken.
fn spare(done: Result<()>) -> Result<()> {
    match done {
        Err(error) if error.status == Status::Storage => Err(error),
        _ => Ok(()),
    }
}
