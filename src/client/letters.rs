//! What a person does with entries: looks at them, puts dead letters back, edits or discards them,
//! voids a sale, holds the queue back, says how much may wait.
//!
//! In: an entry's number. Out: the queue brought up to date. What the queue itself does is said
//! there ([`Queue`](crate::queue::Queue)); here is what it cannot know: that an edited sale must
//! be a good one, and that a voided sale must not be refunded as well.

use super::{Checked, Client, Ticket};
use crate::gateway::points as wire;
use crate::points::redeem::{KIND_OFFER, OFFER_MAX, Offer};
use crate::points::refund::{KIND_DEPOSIT, Order, Refund};
use crate::points::sale::Sale;
use crate::port::{Event, Ports, Subject};
use crate::queue::{Cursor, Entry, EntryState, Item, Level, Limits, Requeue};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// The refund number a voided sale's points are taken back under.
const VOID_NO: &str = "VOID";

/// Nothing is recorded under that number.
const NO_ENTRY: Error = Error::new(Status::NotFound, "seq");

const LEVELS: [&str; 5] =
    ["limits.count", "limits.bytes", "limits.points_each", "limits.points_total", "limits.age_s"];
/// The same in a configuration.
pub(super) const CONFIG_LEVELS: [&str; 5] = [
    "config.limits.count",
    "config.limits.bytes",
    "config.limits.points_each",
    "config.limits.points_total",
    "config.limits.age_s",
];

/// What a void needs to know of its sale.
struct Sold {
    merchant_hash: u64,
    points: u32,
    req_id: Text<32>,
    biz_no: Text<{ wire::BIZ_NO_MAX }>,
    account: Text<{ wire::ACTIVITY_ACCOUNT_MAX }>,
}

impl Sold {
    /// `Unknown` when the sale has left this till, `BadState` when it was refused.
    fn waiting(entry: &Entry<'_>) -> Result<Sold> {
        match entry.state {
            EntryState::Waiting => {}
            EntryState::Sent => return Err(Error::new(Status::Unknown, "seq")),
            EntryState::Settled => return Err(NO_ENTRY),
            EntryState::Parked | EntryState::Dead => {
                return Err(Error::new(Status::BadState, "seq"));
            }
        }
        let Order::Deposit(sale) = Order::load(entry.item.kind, entry.item.body)? else {
            return Err(Error::new(Status::Unsupported, "seq"));
        };
        Ok(Sold {
            merchant_hash: entry.item.profile,
            points: entry.item.points,
            req_id: text::bounded(entry.item.req_id, "record")?,
            biz_no: text::bounded(sale.biz_no, "record")?,
            account: text::bounded(sale.activity_account, "record")?,
        })
    }
}

impl<P: Ports> Client<'_, P> {
    /// The next refused entry behind `cursor`: those parked, then the dead letters; `None` at the
    /// end. Reads the whole queue.
    pub fn letters(&mut self, cursor: &mut Cursor) -> Result<Option<Entry<'_>>> {
        self.queue.letters(self.ports.storage(), cursor, &mut self.record)
    }

    /// The entry with this number, pending or dead. `NotFound`: there is none, or it is settled.
    pub fn get(&mut self, seq: u64) -> Result<Entry<'_>> {
        self.queue.get(self.ports.storage(), seq, &mut self.record)?.ok_or(NO_ENTRY)
    }

    /// The pending or dead entry with this key, as a receipt has it. Reads what is not settled.
    /// `NotFound`: there is none, or it is settled.
    pub fn find(&mut self, req_id: &str) -> Result<Entry<'_>> {
        let found = self.queue.find(self.ports.storage(), req_id, &mut self.record)?;
        found.ok_or(Error::new(Status::NotFound, "req_id"))
    }

    /// The entry as one line of JSON in `out`, for a support desk: see [`Entry::export`]. It names
    /// the shopper; an offer's token, which a coupon can be had with, is not in it.
    /// [`EXPORT_MAX`](crate::queue::EXPORT_MAX) bytes are enough.
    pub fn export<'o>(&mut self, seq: u64, out: &'o mut [u8]) -> Result<&'o str> {
        let line = self.get(seq).and_then(|entry| {
            let mut room = [0; OFFER_MAX];
            let body = match Offer::load(entry.item.body) {
                Ok(offer) if entry.item.kind == KIND_OFFER => {
                    Offer { token: "", ..offer }.store(&mut room)?
                }
                _ => entry.item.body,
            };
            Entry { item: Item { body, ..entry.item }, ..entry }.export(out)
        });
        self.note(line)
    }

    /// Puts a dead letter (or a parked entry) back among those to be sent, as it is and under its
    /// own req_id; durable when it returns.
    ///
    /// `Uncertain`: it may have been credited, and nobody accepted that it may be credited once
    /// more (`accept_double`): a gateway that has forgotten the req_id since would do so. Other
    /// errors as [`Queue::requeue`](crate::queue::Queue::requeue).
    pub fn requeue(&mut self, seq: u64, accept_double: bool) -> Result<()> {
        let done = self.put_back(seq, accept_double);
        self.note(done)
    }

    fn put_back(&mut self, seq: u64, accept_double: bool) -> Result<()> {
        self.mend()?;
        let entry = self.get(seq)?;
        let doubt = entry.reason.is_none_or(|reason| reason.uncertain);
        let refused = matches!(entry.state, EntryState::Dead | EntryState::Parked);
        let (points, req_id) = (entry.item.points, Text::try_from(entry.item.req_id));
        let req_id: Text<32> = req_id.unwrap_or_default();
        if refused && doubt && !accept_double {
            return Err(Error::new(Status::Uncertain, "seq"));
        }
        let how = Requeue { item: None, accept_double };
        self.queue.requeue(self.ports.storage(), seq, &how, &mut self.record)?;
        self.pace.forget(seq);
        self.tell(&Event::Stored(Subject { seq, req_id: &req_id, points }));
        Ok(())
    }

    /// Replaces a dead letter by `sale`, which is checked like any other and waits under a new
    /// number; durable when it returns, and either done or not after a power cut.
    ///
    /// `room` lends [`super::BATCH_ROOM`] bytes at most. With the same trade number the req_id is
    /// the same, too: give the sale another [`Sale::part`] if the gateway should see another
    /// request. `Unsupported`: the letter is a refund; record another one. `Uncertain` and other
    /// errors as [`requeue`](Self::requeue), and as [`accrue`](Self::accrue) about the sale.
    pub fn requeue_edited(
        &mut self,
        seq: u64,
        sale: &Sale<'_>,
        accept_double: bool,
        room: &mut [u8],
    ) -> Result<Ticket> {
        let done = self.replace(seq, sale, accept_double, room);
        self.note(done)
    }

    fn replace(
        &mut self,
        seq: u64,
        sale: &Sale<'_>,
        accept_double: bool,
        room: &mut [u8],
    ) -> Result<Ticket> {
        sale.says_points()?;
        let Checked { deposit, profile, req_id, points, .. } = self.check_sale(sale)?;
        self.mend()?;
        if self.get(seq)?.item.kind != KIND_DEPOSIT {
            return Err(Error::new(Status::Unsupported, "seq"));
        }
        let created = self.unix_time();
        let body = deposit.store(room)?;
        let item = Item { req_id: &req_id, profile, kind: KIND_DEPOSIT, points, created, body };
        let how = Requeue { item: Some(item), accept_double };
        let seq = loop {
            match self.queue.requeue(self.ports.storage(), seq, &how, &mut self.record) {
                Err(error) if self.make_way(&error)? => {}
                done => break done?,
            }
        };
        let ticket = Ticket { seq, req_id, duplicate: false, points, voided: false };
        self.tell(&Event::Stored(Subject { seq, req_id: &ticket.req_id, points }));
        Ok(ticket)
    }

    /// Removes a refused entry for good. From then on it counts as settled: a
    /// [`refund`](Self::refund) of the sale takes points back as if it had been credited.
    ///
    /// `NotFound`: no such letter. `BadState`: it was not refused. `Range`: discard older ones
    /// first.
    pub fn discard(&mut self, seq: u64) -> Result<()> {
        let done = self.remove(seq);
        self.note(done)
    }

    fn remove(&mut self, seq: u64) -> Result<()> {
        self.mend()?;
        match self.get(seq)?.state {
            EntryState::Dead => self.queue.discard(self.ports.storage(), seq),
            EntryState::Parked => {
                self.reach(seq)?;
                self.queue.settle(self.ports.storage(), seq)
            }
            _ => Err(Error::new(Status::BadState, "seq")),
        }
    }

    /// Removes all dead letters for good, and says how many: one record, one sync. Parked entries
    /// stay. Debts and points that could not be released are among them: look at
    /// [`redeem_list`](Self::redeem_list) first.
    pub fn discard_all(&mut self) -> Result<u32> {
        let mended = self.mend();
        let done = mended.and_then(|()| self.queue.discard_all(self.ports.storage()));
        self.note(done)
    }

    /// Takes back a sale that certainly never left this till. Works offline; durable when it
    /// returns, and not undone by a power cut.
    ///
    /// It is a refund of all its points, so that the books know: [`Ticket::voided`] says that both
    /// are settled and nothing goes out; a [`refund`](Self::refund) of it then finds no sale. A sale too far behind the oldest one goes out after all,
    /// with its refund behind it, which comes to the same. The limits do not hold for it. The same
    /// sale recorded once more within the newest entries is answered with the old ticket: sell it
    /// again under another [`Sale::part`].
    ///
    /// `Unknown`: it was sent, so the points may be credited; [`refund`](Self::refund) takes them
    /// back. `BadState`: it was refused; discard it. `NotFound`: no such entry waits. `Unsupported`:
    /// it is a refund. Other errors as `refund`.
    pub fn void(&mut self, seq: u64) -> Result<Ticket> {
        let done = self.take_back(seq);
        self.note(done)
    }

    fn take_back(&mut self, seq: u64) -> Result<Ticket> {
        self.mend()?;
        let sold = Sold::waiting(&self.get(seq)?)?;
        let whose = self.profiles.of(sold.merchant_hash);
        let whose = whose.ok_or(Error::new(Status::NotFound, "merchant"))?;
        let refund = Refund {
            biz_no: &sold.biz_no,
            refund_no: VOID_NO,
            points: sold.points,
            activity_account: &sold.account,
            req_id: &sold.req_id,
            merchant: whose.merchant,
            manager: true,
            ..Refund::default()
        };
        self.record_refund(&refund)
    }

    /// Holds back what waits: no request is handed out until [`resume`](Self::resume). Sales,
    /// answers under way and everything else go on. Not stored: a restart ends it.
    pub fn pause(&mut self) {
        self.queue.pause();
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&mut self) {
        self.queue.resume();
        self.wait_ms = 0;
    }

    /// Sets how much may wait, from the next sale on; entries that are there stay.
    ///
    /// `Range`: a warning level above its refusing level would never be reached.
    pub fn set_limits(&mut self, limits: Limits) -> Result<()> {
        let checked = check_limits(&limits, &LEVELS).map(|()| self.queue.set_limits(limits));
        self.note(checked)
    }
}

/// Refuses a level that warns after it has refused.
pub(super) fn check_limits(limits: &Limits, names: &[&'static str; 5]) -> Result<()> {
    let Limits { count, bytes, points_each, points_total, age_s } = *limits;
    let late = |level: &Level| level.refuse != 0 && level.warn > level.refuse;
    let mut all = [count, bytes, points_each, points_total, age_s].into_iter().zip(names);
    match all.find(|(level, _)| late(level)) {
        Some((level, name)) => Err(Error::new(Status::Range, name).at(level.refuse as usize)),
        None => Ok(()),
    }
}
