//! The offline queue: what was appended is sent exactly once, whatever happens to power.
//!
//! In: accruals from `client`, storage from `port`. Out: entries to send, oldest first; what was
//! refused, as dead letters; counts.
//!
//! The medium is four rings of sectors. The *state* ring says what is settled and how often an
//! entry was sent; the *live* ring holds entries in the order they were appended; the *backlog*
//! holds copies of those that had to make way; the *dead* ring holds refused ones. Every record is programmed once, behind the last one; a sector is erased
//! only when everything in it is settled. A record counts when its checksum, seeded with its
//! place, is right, so a torn one never counts and nothing is ever appended behind torn bytes.
//!
//! Why a full store never loses an answer: settling, sending and burying write to the state ring,
//! where entries never go. When its head is full the next sector is opened with one record that
//! says everything, so two sectors are enough for ever. (A refusal needs room in the dead ring as
//! well; without it the entry stays among those that wait, flagged.)
//!
//! Why nothing that cannot go out stops what can: an entry behind the 64 oldest of its lane is
//! brought among them by moving what stands before it, to the backlog or to the backlog's end. An
//! append is refused where that might find no room. What is in the backlog is a copy already, so
//! moving it never makes it longer, and a sector or two are kept free for that alone.
//!
//! On a storage that brings keys (`port::sealed`) the store is *sealed*:
//! entries cannot be read without the key, and what somebody without it alters is named and never
//! sent. A call then takes 3.1 KiB more of stack, for the one record that is open.
//!
//! Reading order: `record` (bytes), `medium`, `scan`, `ring` (one lane) with `seek` and
//! `grow`, `state`, then the
//! queue itself: `mount`, `write`, `take`, `walk`. The bytes are described in `docs/format.md`.

mod batch;
mod crc;
mod fault;
mod gaps;
mod grow;
pub mod inspect;
mod letters;
mod limits;
mod medium;
mod mount;
mod moves;
mod record;
mod replace;
mod ring;
mod scan;
mod seal;
mod seek;
mod state;
mod take;
mod walk;
mod write;

use crate::port::Storage;
use crate::status::{Error, Result, Status};
use fault::Fault;
use gaps::Gaps;
use medium::Medium;
use record::{FRAME, ITEM_FIXED, MOVED_FIXED, PAYLOAD_MAX, Shape};
use ring::{Place, Ring};
use state::{State, WINDOW};

pub use batch::BATCH_MAX;
pub use gaps::Gap;
pub use letters::{EXPORT_MAX, Requeue};
pub use limits::{Level, Limits, Marks, Pressure, Terms};
pub use replace::Replace;
pub use seal::Tampering;
pub use walk::Cursor;

/// The longest body of an item, in bytes. Small sectors hold less; see [`Queue::append`].
pub const BODY_MAX: usize = 2900;
/// A buffer of this size reads every entry.
pub const ENTRY_MAX: usize = FRAME + PAYLOAD_MAX;
/// The body [`QueueStatus::room`] and [`QueueStatus::capacity`] reckon with.
pub const ROOM_BODY: usize = 256;
/// What a `QueueFull` of [`Queue::append`] is about when [`Queue::relieve`] may make room.
pub const LIVE_FULL: &str = "queue.live";
/// The same when the backlog is full as well.
pub const BACKLOG_FULL: &str = "queue.backlog";
/// What a `Storage` failure is about when a lane has no good sector left: of those it may open next
/// (8 at most) the storage called all [bad](crate::port::PortError::BAD_SECTOR).
pub const NO_SECTOR: &str = "storage.sectors";
/// How many of the newest entries [`Queue::append`] compares a new one with.
pub const RECENT: usize = 32;

/// What is recorded for one accrual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The idempotency key, 1 to 32 ASCII characters.
    pub req_id: &'a str,
    /// Names the app, merchant and environment the entry was made for.
    pub profile: u64,
    /// The caller's kind of entry; stored as it is.
    pub kind: u8,
    /// Points, for the sums in [`QueueStatus`].
    pub points: u32,
    /// When the sale was, seconds since 1970; 0 when unknown. At most 2^48 - 1.
    pub created: u64,
    /// What to send, at most [`BODY_MAX`] bytes.
    pub body: &'a [u8],
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Never sent.
    Waiting,
    /// Sent at least once, outcome unknown.
    Sent,
    /// Refused while the dead letters were full; kept among those that wait.
    Parked,
    /// Nothing is owed any more, and it is still readable on the medium. (Also a discarded dead
    /// letter's entry, once the letter itself is erased.)
    Settled,
    /// A dead letter.
    Dead,
}

/// Why an entry is dead or parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// An earlier attempt's outcome was unknown: it may have been credited.
    pub uncertain: bool,
    /// When it was refused, seconds since 1970; 0 when unknown.
    pub at: u64,
    /// The gateway's code; 8 bytes are kept.
    pub code: &'a str,
    /// The gateway's sub_code; 64 bytes are kept.
    pub sub_code: &'a str,
}

/// One entry, borrowed from the buffer it was read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'b> {
    /// Its number: rises with every append, never used twice.
    pub seq: u64,
    /// When its turn is: [`Queue::next`] from `turn + 1` goes on behind it. Changes when it moves.
    pub turn: u64,
    /// Where it stands.
    pub state: EntryState,
    /// How often it was sent; stops at 255; 0 for settled entries.
    pub attempts: u8,
    /// What was appended.
    pub item: Item<'b>,
    /// Why it is dead or parked. `None` for an entry parked when even the backlog was full.
    pub reason: Option<Reason<'b>>,
}

/// What [`Queue::append`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The entry's number; of the first one when it is a duplicate.
    pub seq: u64,
    /// The same entry was already there; nothing was written.
    pub duplicate: bool,
    /// Which limits are near, or were passed on a manager's word. Nothing for a duplicate.
    pub pressure: Pressure,
}

/// What a queue's owner should know of its medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Nothing unusual.
    #[default]
    Sound,
    /// Bits were mended or torn records passed over; nothing is missing.
    Repaired,
    /// Entries known to have existed cannot be read.
    Lost,
    /// A sealed store was altered by somebody without its key; see [`Queue::forgery`].
    Forged,
    /// The storage failed; nothing works until the queue is opened again.
    Failed,
    /// The storage called sectors bad and they were left out; nothing is missing. Comes before
    /// `Repaired` where both hold.
    BadSectors,
}

/// What [`Queue::open`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The medium was blank and is a store now.
    pub formatted: bool,
    /// Sectors closed early because power was cut while they were written.
    pub sealed: u32,
    /// Single wrong bits mended while reading.
    pub repaired: u32,
    /// Entries known to have existed that cannot be read.
    pub lost: u32,
    /// Places of a sealed store where somebody without its key was; see [`Queue::forgery`].
    pub forged: u32,
}

/// Where a sealed store was altered by somebody without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgery {
    /// What was done.
    pub what: Tampering,
    /// The lane of the place.
    pub lane: inspect::Lane,
    /// The sector, counted from the medium's beginning.
    pub sector: u32,
    /// Bytes from the sector's beginning.
    pub offset: u32,
}

/// Where [`Queue::bury`] put the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buried {
    /// Among the dead letters.
    Moved,
    /// The dead letters are full: it stays among those that wait, flagged.
    Parked,
}

/// Counts. Taken from RAM; no I/O.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStatus {
    /// Never sent.
    pub waiting: u32,
    /// Sent, outcome unknown.
    pub sent_unknown: u32,
    /// Refused, kept in place.
    pub parked: u32,
    /// Dead letters.
    pub dead: u32,
    /// Points not yet settled; dead letters not counted.
    pub points: u64,
    /// `created` of the oldest entry that is neither settled nor buried; 0 when none or unknown.
    pub oldest: u64,
    /// Of those neither settled nor dead, how many stand in the backlog.
    pub backlog: u32,
    /// Appends with a body of [`ROOM_BODY`] bytes that surely still fit before
    /// [`Queue::relieve`] has to make room.
    pub room: u32,
    /// As many more that surely fit the backlog.
    pub backlog_room: u32,
    /// What both together are when the store is empty.
    pub capacity: u32,
    /// The number the next append gets.
    pub next_seq: u64,
    /// See [`Opened`]; counted on since then.
    pub sealed: u32,
    /// See [`Opened`]; counted on since then.
    pub repaired: u32,
    /// See [`Opened`]; counted on since then.
    pub lost: u32,
    /// See [`Opened`]; counted on since then. A place is counted again only when more than eight
    /// are met in turn.
    pub forged: u32,
    /// See [`Queue::forgery`].
    pub forgery: Option<Forgery>,
    /// How often a sector was found bad and left out, since the queue was opened; one that is bad
    /// in every lap counts in every lap.
    pub bad: u32,
    /// The five counts above, and whether the storage works, in one word.
    pub health: Health,
    /// [`Queue::pause`] holds back what waits.
    pub paused: bool,
}

impl Entry<'_> {
    /// Whether it stands in the backlog, where it has its turn behind all live entries.
    pub fn in_backlog(&self) -> bool {
        self.turn >= BACKLOG_TURN
    }
}

impl QueueStatus {
    /// How long the oldest entry has waited at `now` (seconds since 1970), in seconds; 0 when
    /// nothing waits, or one of the two times is unknown or the clock went back.
    pub fn age(&self, now: u64) -> u64 {
        if self.oldest == 0 { 0 } else { now.saturating_sub(self.oldest) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    Poisoned,
}

/// Where an entry is counted: a number of the live lane or of the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) back: bool,
    pub(crate) pos: u64,
}

/// Turns of the backlog come behind all of the live lane.
const BACKLOG_TURN: u64 = 1 << 63;

impl Spot {
    pub(crate) const fn live(pos: u64) -> Spot {
        Spot { back: false, pos }
    }

    pub(crate) const fn back(pos: u64) -> Spot {
        Spot { back: true, pos }
    }

    /// What a copy made from here says of it.
    pub(crate) fn source(self) -> record::Source {
        if self.back { record::Source::Back } else { record::Source::Live }
    }

    pub(crate) fn turn(self) -> u64 {
        if self.back { self.pos | BACKLOG_TURN } else { self.pos }
    }
}

/// The entry read last, so that the next step finds it, or the one behind it, at once.
#[derive(Clone, Copy)]
struct Hint {
    spot: Spot,
    seq: u64,
    place: Place,
    /// Where the record behind it starts.
    behind: u32,
    points: u32,
    moved: bool,
}

impl Hint {
    const NONE: Hint = Hint {
        spot: Spot::live(0),
        seq: 0,
        place: Place { generation: 0, off: 0 },
        behind: 0,
        points: 0,
        moved: false,
    };
}

/// The queue over one medium. Fixed size, no memory per entry.
///
/// Every call takes the same storage. After a failed call with [`Status::Storage`] it is unknown
/// what is recorded: every further call fails until [`Queue::open`] has looked.
pub struct Queue {
    phase: Phase,
    shape: Shape,
    state: State,
    log: Ring,
    live: Ring,
    back: Ring,
    dead: Ring,
    hint: Hint,
    /// Number and `created` of the oldest unsettled entry of the live lane and of the backlog.
    oldest: [(u64, u64); 2],
    /// Short hashes of the newest req_ids, by number modulo [`RECENT`]; 0 is none.
    recent: [u16; RECENT],
    counts: Opened,
    /// How often the storage called a sector bad.
    bad: u32,
    /// Which numbers `counts.lost` counts, until somebody asks.
    gaps: Gaps,
    tampers: seal::Tampers,
    wish: Wish,
}

/// What the caller asked of the queue; kept when it is opened again.
#[derive(Clone, Copy)]
struct Wish {
    paused: bool,
    limits: Limits,
}

const _: () =
    assert!(core::mem::size_of::<Queue>() <= if cfg!(feature = "seal") { 944 } else { 896 });

impl Queue {
    /// A closed queue.
    pub const fn new() -> Self {
        Queue {
            phase: Phase::Closed,
            shape: Shape::NONE,
            state: State::new(),
            log: Ring::new(record::STATE_LANE, 0, 0),
            live: Ring::new(record::LIVE_LANE, 0, 0),
            back: Ring::new(record::BACK_LANE, 0, 0),
            dead: Ring::new(record::DEAD_LANE, 0, 0),
            hint: Hint::NONE,
            oldest: [(0, 0); 2],
            recent: [0; RECENT],
            gaps: Gaps::new(),
            counts: Opened { formatted: false, sealed: 0, repaired: 0, lost: 0, forged: 0 },
            bad: 0,
            tampers: seal::Tampers::NONE,
            wish: Wish { paused: false, limits: Limits::NONE },
        }
    }

    /// A closed queue with the limits and the pause of this one.
    pub const fn renewed(&self) -> Self {
        Queue { wish: self.wish, ..Queue::new() }
    }

    /// Mounts the store. A medium whose sector headers are all erased becomes one, keyed with
    /// `salt`; nothing else is ever formatted. Reads at most about 200 times at any size.
    ///
    /// `Geometry`: the medium cannot hold a store, or not this one. `MediaVersion`: written by a
    /// version (`at`) or with features this one does not know. `MediaCorrupt`: not a store.
    pub fn open(&mut self, storage: &mut dyn Storage, salt: [u8; 8]) -> Result<Opened> {
        self.close();
        let geometry = storage.geometry();
        self.shape = Shape::new(&geometry, salt)?.keyed(medium::has_keys(storage))?;
        self.phase = Phase::Open;
        let count = geometry.sector_count;
        let opened = self.with(storage, |queue, medium| queue.mount(medium, count));
        if opened.is_err() {
            self.phase = Phase::Closed;
        }
        opened?;
        Ok(self.counts)
    }

    /// Records an item; durable when it returns. One sync.
    ///
    /// The same `req_id` among the newest [`RECENT`] entries, settled or not, is a duplicate:
    /// nothing is written and the first entry's number comes back; with other content it is
    /// `Conflict`. `QueueFull`: nothing was recorded; about [`LIVE_FULL`], [`Queue::relieve`]
    /// can make room; about [`BACKLOG_FULL`], the store is full. `TooLong`: `at` says the limit, which small
    /// sectors lower so that an entry with a long reason still fits one. [`Limits`] hold, with the
    /// item's `created` as the time it is.
    pub fn append(&mut self, storage: &mut dyn Storage, item: &Item<'_>) -> Result<Appended> {
        self.append_on(storage, item, &Terms { now: item.created, ..Terms::default() })
    }

    /// The same on given terms: the time it is, and whether a manager waives the limits.
    pub fn append_on(
        &mut self,
        storage: &mut dyn Storage,
        item: &Item<'_>,
        terms: &Terms,
    ) -> Result<Appended> {
        self.with(storage, |queue, medium| queue.do_append(medium, item, terms))
    }

    /// The first entry from turn `from` on (0: of all) that may be sent: neither settled nor
    /// parked. Live ones have their turn in the order of their numbers, behind them those of the
    /// backlog in the order they came there. Two reads as a rule; writes nothing.
    ///
    /// What the caller skips, asking on from [`Entry::turn`] + 1, stays where it is and stops
    /// nobody: before an entry that stands behind the [64](Queue::settle) oldest of its lane is
    /// sent, [`Queue::reach`] brings it among them. Nothing is offered while the queue is
    /// [paused](Queue::pause).
    pub fn next<'b>(
        &mut self,
        storage: &mut dyn Storage,
        from: u64,
        buf: &'b mut [u8],
    ) -> Result<Option<Entry<'b>>> {
        let found = self.with(storage, |queue, medium| match queue.wish.paused {
            true => Ok(None),
            false => queue.pick(medium, from, buf),
        })?;
        Ok(found.and_then(|found| self.entry(found, buf)))
    }

    /// Brings an entry among the 64 oldest of its lane, if it is not there: those before it are
    /// moved to the backlog, or to the backlog's end, as many at a time as one sync takes. False:
    /// there is no room for that. `buf` lends memory for the copies ([`ENTRY_MAX`]).
    ///
    /// `NotFound`: no such entry waits.
    pub fn reach(&mut self, storage: &mut dyn Storage, seq: u64, buf: &mut [u8]) -> Result<bool> {
        self.with(storage, |queue, medium| queue.do_reach(medium, seq, buf))
    }

    /// Moves some of the oldest live entries to the backlog, durably: two syncs. They have their
    /// turn behind the live ones then. False: nothing was moved, because there is nothing to move
    /// or the backlog is full. For when [`Queue::append`] finds no room in the live lane, or
    /// before, in idle time. A backlog of which much is settled is tidied for that: more syncs.
    /// `buf` lends memory for the copies ([`ENTRY_MAX`]).
    pub fn relieve(&mut self, storage: &mut dyn Storage, buf: &mut [u8]) -> Result<bool> {
        self.with(storage, |queue, medium| queue.do_relieve(medium, buf))
    }

    /// Whether the live lane has no sector left that is free, or the next append might be refused
    /// for another reason that [`Queue::relieve`] removes.
    pub fn is_tight(&self) -> bool {
        self.phase == Phase::Open && !self.may_open(1, 1, false)
    }

    /// The entry with this number that waits to be sent, wherever it stands. `None`: it is
    /// settled, parked, dead, or there never was one.
    pub fn waiting<'b>(
        &mut self,
        storage: &mut dyn Storage,
        seq: u64,
        buf: &'b mut [u8],
    ) -> Result<Option<Entry<'b>>> {
        let found = self.with(storage, |queue, medium| queue.do_waiting(medium, seq, buf))?;
        let found = found.and_then(|found| self.entry(found, buf));
        Ok(found.filter(|entry| entry.state != EntryState::Parked))
    }

    /// Records that the entry is about to be sent; durable when it returns, with everything
    /// staged: one record, one sync. Says how often that makes it (stops at 255).
    pub fn mark_sent(&mut self, storage: &mut dyn Storage, seq: u64) -> Result<u8> {
        self.with(storage, |queue, medium| queue.do_mark_sent(medium, seq))
    }

    /// Takes one `mark_sent` back, durably: it turned out that nothing was sent, or that what was
    /// sent was certainly not executed. A later refusal is then certain again.
    pub fn retract(&mut self, storage: &mut dyn Storage, seq: u64) -> Result<()> {
        self.with(storage, |queue, medium| queue.do_retract(medium, seq))
    }

    /// Settles the entry; durable when it returns. Any of the 64 oldest of its lane, in any order.
    /// An entry settled before is not an error; `NotFound`: there never was one; `Range`: it stands
    /// behind those 64, [reach](Queue::reach) it first.
    pub fn settle(&mut self, storage: &mut dyn Storage, seq: u64) -> Result<()> {
        self.with(storage, |queue, medium| queue.do_settle(medium, seq))
    }

    /// Settles the entry in RAM; the next `mark_sent`, `settle`, `bury` or `commit` makes it
    /// durable. Power lost before that shows the entry again, as sent.
    pub fn stage(&mut self, seq: u64) -> Result<()> {
        self.ready()?;
        self.do_stage(seq).map_err(|fault| fault.error(0))
    }

    /// Makes staged settlements durable.
    pub fn commit(&mut self, storage: &mut dyn Storage) -> Result<()> {
        self.with(storage, |queue, medium| queue.flush(medium))
    }

    /// Moves a refused entry to the dead letters, durable before it is settled here. When they
    /// are full it is parked: kept, flagged, no longer offered by [`Queue::next`]; burying it
    /// again later moves it. `buf` lends memory for the copy ([`ENTRY_MAX`]).
    pub fn bury(
        &mut self,
        storage: &mut dyn Storage,
        seq: u64,
        reason: &Reason<'_>,
        buf: &mut [u8],
    ) -> Result<Buried> {
        self.with(storage, |queue, medium| queue.do_bury(medium, seq, reason, buf))
    }

    /// Removes a dead letter for good. Any of the 64 oldest; `Range`: discard older ones first.
    pub fn discard(&mut self, storage: &mut dyn Storage, seq: u64) -> Result<()> {
        self.with(storage, |queue, medium| queue.do_discard(medium, seq))
    }

    /// The next readable entry behind `cursor`: the live ring from the oldest on, settled ones
    /// still on the medium included, then the backlog, then the dead letters. Appends and settlements between two
    /// calls are fine. While copies or dead letters exist, a settled entry costs a look for them.
    pub fn walk<'b>(
        &mut self,
        storage: &mut dyn Storage,
        cursor: &mut Cursor,
        buf: &'b mut [u8],
    ) -> Result<Option<Entry<'b>>> {
        let found = self.with(storage, |queue, medium| queue.do_walk(medium, cursor, buf))?;
        Ok(found.and_then(|found| self.entry(found, buf)))
    }

    /// The pending or dead entry with this req_id. Reads everything unsettled until it is found.
    pub fn find<'b>(
        &mut self,
        storage: &mut dyn Storage,
        req_id: &str,
        buf: &'b mut [u8],
    ) -> Result<Option<Entry<'b>>> {
        self.find_where(storage, &|item| item.req_id == req_id, buf)
    }

    /// The first pending or dead entry whose item is `wanted`. As [`Queue::find`].
    pub fn find_where<'b>(
        &mut self,
        storage: &mut dyn Storage,
        wanted: &dyn Fn(&Item<'_>) -> bool,
        buf: &'b mut [u8],
    ) -> Result<Option<Entry<'b>>> {
        let found = self.with(storage, |queue, medium| queue.do_find(medium, wanted, buf))?;
        Ok(found.and_then(|found| self.entry(found, buf)))
    }

    /// Erases ahead, so that neither an append nor a settlement waits for it. For idle time.
    pub fn maintain(&mut self, storage: &mut dyn Storage) -> Result<()> {
        self.with(storage, |queue, medium| queue.do_maintain(medium))
    }

    /// Holds back what waits: [`Queue::next`] offers nothing until [`Queue::resume`]. Everything
    /// else goes on: appends, answers to what is under way, listing. A pause is the caller's, not
    /// the store's: it outlives [`Queue::open`] and [`Queue::close`], not a restart of the till.
    pub fn pause(&mut self) {
        self.wish.paused = true;
    }

    /// Ends a [pause](Queue::pause).
    pub fn resume(&mut self) {
        self.wish.paused = false;
    }

    /// Whether a [pause](Queue::pause) holds.
    pub fn is_paused(&self) -> bool {
        self.wish.paused
    }

    /// What [`Queue::open`] found, counted on since then.
    pub fn counts(&self) -> Opened {
        self.counts
    }

    /// Whether a failure of the port has closed the queue until it is opened again.
    pub fn is_poisoned(&self) -> bool {
        self.phase == Phase::Poisoned
    }

    /// The longest body of an item with so long a req_id that the open store takes.
    pub(crate) fn body_max(&self, req_len: usize) -> usize {
        self.shape.body_max(req_len)
    }

    /// Counts, from RAM. All zero when closed.
    pub fn status(&self) -> QueueStatus {
        if self.phase == Phase::Closed {
            return QueueStatus { paused: self.wish.paused, ..QueueStatus::default() };
        }
        let state = &self.state;
        let unsettled = self.unsettled_count();
        let sent_unknown = state.sent().saturating_add(state.moved_sent);
        let flagged = (state.live.parked & !state.live.staged).count_ones()
            + (state.back.parked & !state.back.staged).count_ones();
        let parked = flagged.saturating_add(state.moved_parked);
        let letters = short(self.dead.next.saturating_sub(state.dead.mark));
        QueueStatus {
            waiting: unsettled.saturating_sub(sent_unknown).saturating_sub(parked),
            sent_unknown,
            parked,
            dead: letters.saturating_sub(state.dead.done.count_ones()),
            points: self.points_ever().saturating_sub(state.settled_points),
            oldest: self.oldest_created(),
            backlog: self.unsettled_in(true),
            room: self.room(),
            backlog_room: self.backlog_room(),
            capacity: self.capacity(),
            next_seq: self.live.next,
            sealed: self.counts.sealed,
            repaired: self.counts.repaired,
            lost: self.counts.lost,
            forged: self.counts.forged,
            forgery: self.forgery(),
            bad: self.bad,
            health: self.health(),
            paused: self.wish.paused,
        }
    }

    fn health(&self) -> Health {
        match &self.counts {
            _ if self.phase == Phase::Poisoned => Health::Failed,
            counts if counts.forged > 0 => Health::Forged,
            counts if counts.lost > 0 => Health::Lost,
            _ if self.bad > 0 => Health::BadSectors,
            counts if counts.repaired > 0 || counts.sealed > 0 => Health::Repaired,
            _ => Health::Sound,
        }
    }

    /// The first place, since the store was opened, where somebody without its key was. Entries
    /// that are sound are sent all the same; what was altered never is. `None` in a plain store.
    pub fn forgery(&self) -> Option<Forgery> {
        let (what, at) = self.tampers.first()?;
        let (sector, offset) =
            (at >> self.shape.sector.trailing_zeros(), at & (self.shape.sector - 1));
        let lane = match sector {
            _ if sector < self.live.first => inspect::Lane::State,
            _ if sector < self.back.first => inspect::Lane::Live,
            _ if sector < self.dead.first => inspect::Lane::Backlog,
            _ => inspect::Lane::Dead,
        };
        Some(Forgery { what, lane, sector, offset })
    }

    /// Entries for which something is owed.
    fn unsettled_count(&self) -> u32 {
        self.unsettled_in(false).saturating_add(self.unsettled_in(true))
    }

    fn unsettled_in(&self, back: bool) -> u32 {
        let window = self.state.of(back);
        let settled = window.settled_count() + self.state.voided(back);
        short(self.ring(back).next.saturating_sub(window.mark())).saturating_sub(settled)
    }

    /// Points of all that was ever appended, and of letters put back.
    fn points_ever(&self) -> u64 {
        self.live.total.wrapping_add(self.back.total)
    }

    /// `created` of the oldest unsettled entry; 0 when none or unknown.
    fn oldest_created(&self) -> u64 {
        let [live, back] = self.oldest;
        let one = |back: bool, known: (u64, u64)| match self.unsettled_in(back) {
            0 => 0,
            _ => known.1,
        };
        match (one(false, live), one(true, back)) {
            (0, other) | (other, 0) => other,
            (live, back) => live.min(back),
        }
    }

    fn ring(&self, back: bool) -> &Ring {
        if back { &self.back } else { &self.live }
    }

    fn ring_mut(&mut self, back: bool) -> &mut Ring {
        if back { &mut self.back } else { &mut self.live }
    }

    /// Forgets the medium; staged settlements that were not committed are gone.
    #[inline(never)] // a queue is made on the stack for it, which must not stay there
    pub fn close(&mut self) {
        *self = self.renewed();
    }

    fn room(&self) -> u32 {
        let mark = self.state.live.mark();
        let left = self.shape.sector.saturating_sub(self.live.off) / self.slot();
        let fits = left.saturating_add(self.per_sector().saturating_mul(self.live.free(mark)));
        let span = short(self.live.next.saturating_sub(mark));
        match self.can_always_move(self.live.count, 0) {
            true => fits,
            false => fits.min((WINDOW as u32).saturating_sub(span)),
        }
    }

    /// One sector less: a live sector is free again only when all it holds has moved.
    fn backlog_room(&self) -> u32 {
        let free = self.back.free(self.state.back.mark());
        self.per_sector().saturating_mul(free.saturating_sub(self.spare() + 1))
    }

    /// What surely fits an empty store.
    fn capacity(&self) -> u32 {
        let live = self.per_sector().saturating_mul(self.live.count);
        let back = self.back.count.saturating_sub(self.spare() + 1);
        live.saturating_add(self.per_sector().saturating_mul(back))
    }

    /// Bytes an entry with a body of [`ROOM_BODY`] takes, as a copy, too.
    fn slot(&self) -> u32 {
        self.shape.after(self.shape.taken(MOVED_FIXED + ITEM_FIXED + 32 + ROOM_BODY) as u32).max(1)
    }

    fn per_sector(&self) -> u32 {
        self.shape.sector.saturating_sub(self.shape.first_record()) / self.slot()
    }

    fn ready(&self) -> Result<()> {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Closed => Err(Error::new(Status::BadState, "queue")),
            Phase::Poisoned => Err(Error::new(Status::Storage, "queue")),
        }
    }

    /// Runs one call; a failure of the port closes the queue until it is opened again.
    fn with<T>(
        &mut self,
        storage: &mut dyn Storage,
        call: impl FnOnce(&mut Queue, &mut Medium<'_>) -> fault::Result<T>,
    ) -> Result<T> {
        self.ready()?;
        let mut medium = Medium::new(storage, self.shape);
        (medium.vault.tampers, medium.vault.log) = (self.tampers, self.log.generation);
        let result = call(self, &mut medium);
        self.tampers = medium.vault.tampers;
        self.counts.forged = self.tampers.count();
        self.counts.repaired = self.counts.repaired.saturating_add(medium.repaired);
        self.bad = self.bad.saturating_add(medium.bad);
        result.map_err(|fault| {
            if matches!(fault, Fault::Port | Fault::Spent) {
                self.phase = Phase::Poisoned;
            }
            fault.error(medium.note)
        })
    }
}

impl Default for Queue {
    fn default() -> Self {
        Queue::new()
    }
}

fn short(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn fingerprint(req_id: &str) -> u16 {
    (crc::Crc::new().add(req_id.as_bytes()).value() as u16).max(1)
}
