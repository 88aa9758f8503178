//! A caller's own book of a queue, small and quick enough for millions of cases.
//!
//! In: operations, each acknowledged or cut. Out: a comparison with what a fresh mount shows. A
//! sale's content follows from its number, so nothing is kept of it and nothing is allocated.
//! `common::Model` knows every operation; this one knows those a till spends its day with.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use crate::common::{REASON, Rng};
use pointcard::port::Storage;
use pointcard::queue::{
    Appended, Buried, Cursor, ENTRY_MAX, Entry, EntryState, Item, Queue, Terms,
};
use pointcard::status::{Error, Status};

/// Sales a book holds. Fewer than a window, so that none is ever copied behind it.
const SALES: usize = 60;
const BODY: usize = 256;
const BATCH: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// Its append was cut.
    Maybe,
    Pending,
    Settled,
    Dead,
    Parked,
    /// Its append was cut and a mount did not show it: it must not come later.
    Gone,
}

#[derive(Clone, Copy, Debug)]
struct Sale {
    id: u64,
    seq: u64,
    attempts: u8,
    fate: Fate,
}

/// What was under way when the power went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doubt {
    None,
    Append,
    Send(usize),
    Settle(usize),
    Bury(usize),
}

#[derive(Clone)]
pub struct Book {
    sales: [Sale; SALES],
    count: usize,
    doubt: Doubt,
    top: u64,
    /// The longest body, in bytes.
    pub body: usize,
    /// The medium is a disk that keeps unsynced blocks in any order.
    pub reorders: bool,
    /// A batch was cut there: some of its numbers may be counted and not shown.
    gaps: bool,
    /// What was cut may be shown by one mount and not by the next: marginal bits.
    pub fickle: bool,
    /// Those, one bit a sale.
    unsure: u64,
}

/// A sale as it is appended, in memory of its own.
struct Made {
    req: [u8; 16],
    body: [u8; BODY],
    len: usize,
    points: u32,
}

impl Made {
    fn of(id: u64, limit: usize) -> Made {
        let mut made =
            Made { req: [0; 16], body: [0; BODY], len: 0, points: (id >> 7) as u8 as u32 };
        for (i, digit) in made.req.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(id >> (60 - 4 * i)) as usize & 15];
        }
        made.len = (id >> 20) as usize % limit.min(BODY);
        let mut rng = Rng(id | 1);
        for chunk in made.body[..made.len].chunks_mut(8) {
            chunk.copy_from_slice(&rng.next().to_le_bytes()[..chunk.len()]);
        }
        made
    }

    fn item(&self) -> Item<'_> {
        let req_id = std::str::from_utf8(&self.req).unwrap();
        let body = &self.body[..self.len];
        Item { req_id, profile: 1, kind: 1, points: self.points, created: 5, body }
    }
}

impl Book {
    pub fn new(body: usize) -> Book {
        let none = Sale { id: 0, seq: 0, attempts: 0, fate: Fate::Gone };
        Book {
            sales: [none; SALES],
            count: 0,
            doubt: Doubt::None,
            top: 0,
            body,
            reorders: false,
            gaps: false,
            fickle: false,
            unsure: 0,
        }
    }

    fn all(&mut self) -> &mut [Sale] {
        &mut self.sales[..self.count]
    }

    fn pending(&self, nth: usize) -> Option<usize> {
        let is = |i: &usize| self.sales[*i].fate == Fate::Pending && self.unsure & 1 << *i == 0;
        let count = (0..self.count).filter(is).count();
        if count == 0 { None } else { (0..self.count).filter(is).nth(nth % count) }
    }

    /// Forgets what nothing can be asked about any more, to make room for more.
    fn tidy(&mut self) {
        if self.count + 2 * BATCH > SALES && !self.fickle {
            let keep = |sale: &Sale| matches!(sale.fate, Fate::Pending | Fate::Dead | Fate::Maybe);
            let mut kept = 0;
            for i in 0..self.count {
                if keep(&self.sales[i]) || i >= self.count - 10 {
                    self.sales[kept] = self.sales[i];
                    kept += 1;
                }
            }
            self.count = kept;
        }
    }

    /// Whether so many sales more can be written down.
    pub fn has_room(&mut self) -> bool {
        self.tidy();
        self.count + BATCH <= SALES
    }

    fn note(&mut self, id: u64) -> usize {
        self.sales[self.count] = Sale { id, seq: 0, attempts: 0, fate: Fate::Maybe };
        self.count += 1;
        self.count - 1
    }

    fn acknowledged(&mut self, index: usize, seq: u64) {
        assert!(seq > self.top, "number {seq} given twice");
        self.top = seq;
        (self.sales[index].seq, self.sales[index].fate) = (seq, Fate::Pending);
    }

    /// Sells; says whether it was acknowledged. A full queue is no error, and records nothing.
    pub fn append(
        &mut self,
        q: &mut Queue,
        s: &mut dyn Storage,
        rng: &mut Rng,
    ) -> Result<bool, Error> {
        self.tidy();
        let id = rng.next();
        let made = Made::of(id, self.body);
        let index = self.note(id);
        self.doubt = Doubt::Append;
        match q.append(s, &made.item()) {
            Ok(told) => {
                assert!(!told.duplicate, "a new sale is no duplicate");
                self.acknowledged(index, told.seq);
            }
            Err(e) if e.status == Status::QueueFull => self.count -= 1,
            Err(e) => return Err(e),
        }
        self.doubt = Doubt::None;
        Ok(self.count > index)
    }

    fn batch(&mut self, q: &mut Queue, s: &mut dyn Storage, rng: &mut Rng) -> Result<(), Error> {
        let ids: [u64; BATCH] = std::array::from_fn(|_| rng.next());
        let made = ids.map(|id| Made::of(id, self.body));
        let items = [0, 1, 2, 3].map(|i: usize| made[i].item());
        let first = self.count;
        for id in ids {
            self.note(id);
        }
        self.doubt = Doubt::Append;
        let mut told = [Appended::default(); BATCH];
        match q.append_batch(s, &items, &Terms::default(), &mut told) {
            Ok(()) => (0..BATCH).for_each(|i| self.acknowledged(first + i, told[i].seq)),
            Err(e) if e.status == Status::QueueFull => self.count = first,
            Err(e) => {
                self.gaps |= self.reorders;
                return Err(e);
            }
        }
        self.doubt = Doubt::None;
        Ok(())
    }

    /// One operation of a till's day. An error of the storage leaves it in doubt.
    pub fn step(&mut self, q: &mut Queue, s: &mut dyn Storage, rng: &mut Rng) -> Result<(), Error> {
        let what = rng.below(16);
        if what < 6 && self.has_room() {
            return self.append(q, s, rng).map(drop);
        }
        if what == 6 && self.has_room() {
            return self.batch(q, s, rng);
        }
        if what == 7 {
            return q.maintain(s);
        }
        let Some(index) = self.pending(rng.below(3)) else { return Ok(()) };
        let sale = self.sales[index];
        match what {
            8..=10 => {
                self.doubt = Doubt::Send(index);
                let told = q.mark_sent(s, sale.seq)?;
                assert!(told > sale.attempts, "attempts fell");
                self.sales[index].attempts = told;
            }
            11 if self.letters() < 3 => {
                self.doubt = Doubt::Bury(index);
                self.sales[index].fate = match q.bury(s, sale.seq, &REASON, &mut [0; ENTRY_MAX])? {
                    Buried::Moved => Fate::Dead,
                    Buried::Parked => Fate::Parked,
                };
                assert!(
                    self.fickle || self.sales[index].fate == Fate::Dead,
                    "the dead letters are full: choose a larger medium"
                );
            }
            _ => {
                self.doubt = Doubt::Settle(index);
                q.settle(s, sale.seq)?;
                self.sales[index].fate = Fate::Settled;
            }
        }
        self.doubt = Doubt::None;
        Ok(())
    }

    /// Removes all letters for good, so that their lane never fills.
    pub fn discard_all(&mut self, q: &mut Queue, s: &mut dyn Storage) {
        q.discard_all(s).unwrap();
        let dead = self.all().iter_mut().filter(|sale| sale.fate == Fate::Dead);
        dead.for_each(|sale| sale.fate = Fate::Settled);
    }

    /// Compares with what a mounted queue shows, and takes that as the truth about what was cut.
    pub fn compare(&mut self, q: &mut Queue, s: &mut dyn Storage) {
        self.try_compare(q, s).unwrap();
    }

    /// The same on a storage that may fail meanwhile; what was in doubt still is then.
    pub fn try_compare(&mut self, q: &mut Queue, s: &mut dyn Storage) -> Result<(), Error> {
        let (mut buf, mut cursor, mut seen) = ([0; ENTRY_MAX], Cursor::default(), 0u64);
        let mut sums = (0, 0);
        self.remember_doubt();
        while let Some(entry) = q.walk(s, &mut cursor, &mut buf)? {
            let owed = matches!(entry.state, EntryState::Waiting | EntryState::Sent);
            sums.0 += u32::from(owed);
            sums.1 += u64::from(entry.item.points) * u64::from(owed);
            if let Some(index) = self.shown(&entry) {
                assert!(seen & 1 << index == 0, "doubled: {entry:?}");
                seen |= 1 << index;
            }
        }
        for (i, sale) in self.sales[..self.count].iter_mut().enumerate() {
            let there = seen & 1 << i != 0;
            match sale.fate {
                Fate::Maybe if !there && !self.fickle => sale.fate = Fate::Gone,
                // Settled while the power went, and its sector is erased already.
                Fate::Pending if !there && self.doubt == Doubt::Settle(i) => {
                    sale.fate = Fate::Settled;
                }
                _ if self.unsure & 1 << i != 0 => {}
                Fate::Pending | Fate::Dead | Fate::Parked => {
                    assert!(there, "lost: {sale:?} {:?}", self.doubt)
                }
                _ => {}
            }
        }
        if !self.fickle {
            self.check_counts(q, sums);
        }
        self.doubt = Doubt::None;
        Ok(())
    }

    /// Whether nothing is in doubt.
    pub fn is_certain(&self) -> bool {
        self.doubt == Doubt::None
    }

    /// What was cut stays unsure for good, where marginal bits decide every time anew.
    fn remember_doubt(&mut self) {
        if let Doubt::Send(i) | Doubt::Settle(i) | Doubt::Bury(i) = self.doubt
            && self.fickle
        {
            self.unsure |= 1 << i;
        }
    }

    /// The same without a look at what is settled or dead, which the counts must account for.
    pub fn compare_owed(&mut self, q: &mut Queue, s: &mut dyn Storage) {
        let (mut buf, mut from, mut seen) = ([0; ENTRY_MAX], 0, 0u64);
        let (mut sums, status) = ((0, 0), q.status());
        while let Some(entry) = q.next(s, from, &mut buf).unwrap() {
            sums.0 += 1;
            sums.1 += u64::from(entry.item.points);
            from = entry.turn + 1;
            seen |= self.shown(&entry).map_or(0, |index| 1 << index);
        }
        let buried = self.doubt_of_letter(status.dead);
        for (i, sale) in self.sales[..self.count].iter_mut().enumerate() {
            match sale.fate {
                _ if seen & 1 << i != 0 => {}
                Fate::Maybe => sale.fate = Fate::Gone,
                Fate::Pending if self.doubt == Doubt::Settle(i) => sale.fate = Fate::Settled,
                Fate::Pending if buried == Some(i) => sale.fate = Fate::Dead,
                Fate::Pending => panic!("lost: {sale:?} {:?}", self.doubt),
                _ => {}
            }
        }
        self.check_counts(q, sums);
        assert_eq!(status.dead as usize, self.letters(), "dead letters");
        self.doubt = Doubt::None;
    }

    fn check_counts(&self, q: &Queue, (shown, points): (u32, u64)) {
        let status = q.status();
        let counted = status.waiting + status.sent_unknown;
        let missing = if self.gaps { BATCH as u32 - 1 } else { 0 };
        assert!((shown..=shown + missing).contains(&counted), "{counted} counted, {shown} shown");
        assert_eq!(status.points, points, "points");
    }

    /// The entry whose burial was cut, when there is a letter more than the book knows.
    fn doubt_of_letter(&self, letters: u32) -> Option<usize> {
        match self.doubt {
            Doubt::Bury(index) if letters as usize == self.letters() + 1 => Some(index),
            _ => None,
        }
    }

    /// Judges one entry; says which sale it is, `None` for one that was forgotten.
    fn shown(&mut self, entry: &Entry<'_>) -> Option<usize> {
        let id = u64::from_str_radix(entry.item.req_id, 16).expect("a sale's number");
        let made = Made::of(id, self.body);
        assert!(entry.item == made.item(), "altered: {entry:?}");
        let Some(index) = self.sales[..self.count].iter().position(|sale| sale.id == id) else {
            assert!(entry.state == EntryState::Settled, "nobody appended {entry:?}");
            return None;
        };
        let sale = self.sales[index];
        if sale.fate == Fate::Maybe || self.unsure & 1 << index != 0 {
            if self.fickle {
                return Some(index);
            }
            assert!(entry.seq > self.top, "number used again: {entry:?}");
        } else {
            assert_eq!(entry.seq, sale.seq, "{entry:?} was {sale:?}");
        }
        self.judge(index, entry);
        Some(index)
    }

    fn judge(&mut self, index: usize, entry: &Entry<'_>) {
        let (sale, doubt) = (self.sales[index], self.doubt);
        let may_settle = doubt == Doubt::Settle(index);
        let next = match (entry.state, sale.fate) {
            (EntryState::Waiting, Fate::Pending) if sale.attempts == 0 => Fate::Pending,
            (EntryState::Sent, Fate::Pending) => {
                let most = sale.attempts + u8::from(doubt == Doubt::Send(index));
                assert!((sale.attempts..=most).contains(&entry.attempts), "{entry:?} was {sale:?}");
                Fate::Pending
            }
            (EntryState::Waiting, Fate::Maybe) => {
                assert_eq!(entry.attempts, 0);
                Fate::Pending
            }
            (EntryState::Settled, Fate::Settled) => Fate::Settled,
            (EntryState::Settled, Fate::Pending) if may_settle => Fate::Settled,
            (EntryState::Dead, Fate::Dead) => Fate::Dead,
            (EntryState::Parked, Fate::Parked) => Fate::Parked,
            (EntryState::Dead, Fate::Pending) if doubt == Doubt::Bury(index) => Fate::Dead,
            _ => panic!("{entry:?} was {sale:?}, doubt {doubt:?}"),
        };
        self.top = self.top.max(entry.seq);
        let attempts = if next == Fate::Pending { entry.attempts } else { sale.attempts };
        self.sales[index] = Sale { seq: entry.seq, attempts, fate: next, ..sale };
    }

    pub fn pending_count(&self) -> usize {
        self.sales[..self.count].iter().filter(|sale| sale.fate == Fate::Pending).count()
    }

    /// Sales in the book, whatever became of them.
    pub fn sales(&self) -> u64 {
        self.count as u64
    }

    pub fn has_letters(&self) -> bool {
        self.letters() > 0
    }

    fn letters(&self) -> usize {
        self.sales[..self.count].iter().filter(|sale| sale.fate == Fate::Dead).count()
    }

    /// Settles the oldest, if any is owed.
    pub fn settle_oldest(&mut self, q: &mut Queue, s: &mut dyn Storage) {
        if let Some(index) = self.pending(0) {
            q.settle(s, self.sales[index].seq).unwrap();
            self.sales[index].fate = Fate::Settled;
        }
    }
}
