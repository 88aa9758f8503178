//! What the queue's tests share: a random generator, a model of the queue, and the comparison.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use pointcard::port::ram::{Cut, FaultyStorage, RamStorage};
#[cfg(feature = "seal")]
use pointcard::port::sealed::{KeyList, Keys, SealKey};
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{
    Appended, Buried, Cursor, ENTRY_MAX, Entry, EntryState, Item, Queue, Reason, Requeue, Terms,
};
use pointcard::status::{Error, Status};

/// xorshift64*: the same numbers for the same seed, everywhere.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    pub fn below(&mut self, n: usize) -> usize {
        ((self.next() >> 33) % n.max(1) as u64) as usize
    }
    pub fn fill(&mut self, out: &mut [u8]) {
        out.fill_with(|| (self.next() >> 40) as u8);
    }
}

pub fn long() -> bool {
    std::env::var_os("POINTCARD_LONG").is_some()
}

/// The number of cases: `short`, or `long` when POINTCARD_LONG is set.
pub fn cases(short: u64, full: u64) -> u64 {
    if long() { full } else { short }
}

pub fn seed() -> u64 {
    std::env::var("POINTCARD_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x9E37_79B9_7F4A)
}

pub fn geometry(sector: u32, count: u32, prog: u32, align: u32) -> Geometry {
    Geometry { sector_size: sector, sector_count: count, prog_size: prog, align }
}

pub fn blank(g: &Geometry) -> Vec<u8> {
    vec![0xFF; (g.sector_size * g.sector_count) as usize]
}

/// A twin of the queue's RAM, so that one moment can be continued in many ways.
pub fn twin(queue: &Queue) -> Queue {
    // Safety: a queue is plain numbers; it owns nothing and borrows nothing.
    unsafe { core::ptr::read(queue) }
}

#[derive(Clone, Debug)]
pub enum Op {
    Append {
        body: usize,
        points: u32,
    },
    Again {
        back: usize,
    },
    Send {
        nth: usize,
    },
    Retract {
        nth: usize,
    },
    Settle {
        nth: usize,
    },
    Stage {
        nth: usize,
    },
    Commit,
    Bury {
        nth: usize,
    },
    Discard {
        nth: usize,
    },
    Maintain,
    Reopen,
    Batch {
        n: usize,
        body: usize,
    },
    Requeue {
        nth: usize,
        edit: bool,
    },
    /// Brings an entry into its window: what stands before it moves to the backlog.
    Reach {
        nth: usize,
    },
    /// Moves the oldest live entries to the backlog.
    Relieve,
    Void {
        nth: usize,
    },
    DiscardAll,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Live,
    Parked,
    Staged,
    Settled,
    Dead,
    Discarded,
}

#[derive(Clone, Debug)]
pub struct Known {
    pub seq: u64,
    pub req: String,
    pub points: u32,
    pub created: u64,
    pub body: Vec<u8>,
    pub attempts: u8,
    pub fate: Fate,
    /// Attempts its copy tells, which nobody can take back.
    pub floor: u8,
}

impl Known {
    pub fn item(&self) -> Item<'_> {
        Item {
            req_id: &self.req,
            profile: 7,
            kind: 3,
            points: self.points,
            created: self.created,
            body: &self.body,
        }
    }
}

impl Known {
    /// At 255 nobody counts any more.
    fn retract(&mut self) {
        if self.attempts != u8::MAX {
            self.attempts = self.attempts.saturating_sub(1).max(self.floor);
        }
    }
}

/// What the caller was told, and the one thing that was under way.
#[derive(Clone, Default)]
pub struct Model {
    pub known: Vec<Known>,
    pub doubt: Option<(Op, Option<usize>)>,
    /// Entries of the append or batch that was under way.
    pub maybe: Vec<Known>,
    /// What the letter becomes that was being put back.
    pub again: Option<Known>,
    /// Number and turn of what waited before entries were moved.
    pub turns: Vec<(u64, u64)>,
    /// A batch was cut on a disk that reorders: numbers may be missing inside it.
    pub gaps: bool,
    /// The medium is a disk that keeps unsynced blocks in any order.
    pub reorders: bool,
    pub top: u64,
}

pub const REASON: Reason<'static> =
    Reason { uncertain: true, at: 1_700_000_123, code: "40004", sub_code: "ISV.POINTS_TOO_MANY" };

impl Model {
    fn live(&self, nth: usize) -> Option<usize> {
        let live: Vec<usize> = (0..self.known.len())
            .filter(|&i| matches!(self.known[i].fate, Fate::Live))
            .take(48)
            .collect();
        if live.is_empty() { None } else { Some(live[nth % live.len()]) }
    }

    /// Does one operation; an error of the storage is left as doubt.
    pub fn step(
        &mut self,
        queue: &mut Queue,
        s: &mut dyn Storage,
        op: &Op,
        rng: &mut Rng,
    ) -> Result<(), Error> {
        let index = match op {
            Op::Send { nth }
            | Op::Retract { nth }
            | Op::Settle { nth }
            | Op::Stage { nth }
            | Op::Bury { nth } => match self.live(*nth) {
                Some(i) => Some(i),
                None => return Ok(()),
            },
            Op::Void { nth } | Op::Reach { nth } => {
                let live = |i: &usize| self.known[*i].fate == Fate::Live;
                let live: Vec<usize> = (0..self.known.len()).filter(live).collect();
                match live.len() {
                    0 => return Ok(()),
                    // The newest first: those may be behind the window.
                    n => Some(live[n - 1 - nth % n]),
                }
            }
            Op::Discard { nth } | Op::Requeue { nth, .. } => {
                let dead: Vec<usize> = (0..self.known.len())
                    .filter(|&i| self.known[i].fate == Fate::Dead)
                    .take(8)
                    .collect();
                if dead.is_empty() {
                    return Ok(());
                }
                Some(dead[nth % dead.len()])
            }
            _ => None,
        };
        self.doubt = Some((op.clone(), index));
        let done = self.run(queue, s, op, index, rng);
        match done {
            Err(e) if matches!(e.status, Status::Storage) => return Err(e),
            // Copied behind the window meanwhile: not its turn.
            Err(e) if e.status == Status::Range => {}
            Err(e) => panic!("{op:?}: {e:?}"),
            Ok(()) => {}
        }
        self.doubt = None;
        (self.maybe, self.again) = (vec![], None);
        Ok(())
    }

    fn run(
        &mut self,
        queue: &mut Queue,
        s: &mut dyn Storage,
        op: &Op,
        index: Option<usize>,
        rng: &mut Rng,
    ) -> Result<(), Error> {
        match *op {
            Op::Append { body, points } => self.append(queue, s, body, points, rng),
            Op::Again { back } => {
                let n = self.known.len();
                if n == 0 {
                    return Ok(());
                }
                let known = &self.known[n - 1 - back % n.min(20)];
                let fate = known.fate;
                match queue.append(s, &known.item()) {
                    Ok(Appended { seq, duplicate: true, .. }) => {
                        let named = self.known.iter().find(|k| k.seq == seq);
                        assert_eq!(named.map(|k| &k.req), Some(&known.req), "names the first");
                        Ok(())
                    }
                    Ok(a) => {
                        // Only an entry whose sector was erased can be recorded once more.
                        assert!(
                            !matches!(fate, Fate::Live | Fate::Parked | Fate::Staged),
                            "{known:?} was pending and appended again as {a:?}"
                        );
                        let twin = Known {
                            seq: a.seq,
                            attempts: 0,
                            floor: 0,
                            fate: Fate::Live,
                            ..known.clone()
                        };
                        self.top = a.seq;
                        self.known.push(twin);
                        Ok(())
                    }
                    Err(e) if e.status == Status::QueueFull => Ok(()),
                    Err(e) => Err(e),
                }
            }
            Op::Send { .. } => {
                let known = &mut self.known[index.unwrap()];
                let told = queue.mark_sent(s, known.seq)?;
                assert!(told > known.attempts || told == 255, "attempts fell");
                known.attempts = told;
                self.durable();
                Ok(())
            }
            Op::Retract { .. } => {
                let known = &mut self.known[index.unwrap()];
                queue.retract(s, known.seq)?;
                known.retract();
                self.durable();
                Ok(())
            }
            Op::Settle { .. } => {
                let i = index.unwrap();
                queue.settle(s, self.known[i].seq)?;
                self.known[i].fate = Fate::Settled;
                self.durable();
                Ok(())
            }
            Op::Stage { .. } => {
                let i = index.unwrap();
                if queue.stage(self.known[i].seq).is_ok() {
                    self.known[i].fate = Fate::Staged;
                }
                Ok(())
            }
            Op::Commit => {
                queue.commit(s)?;
                self.durable();
                Ok(())
            }
            Op::Bury { .. } => {
                let i = index.unwrap();
                let mut buf = [0; ENTRY_MAX];
                match queue.bury(s, self.known[i].seq, &REASON, &mut buf)? {
                    Buried::Moved => self.known[i].fate = Fate::Dead,
                    Buried::Parked => self.known[i].fate = Fate::Parked,
                }
                self.durable();
                Ok(())
            }
            Op::Discard { .. } => {
                let i = index.unwrap();
                queue.discard(s, self.known[i].seq)?;
                self.known[i].fate = Fate::Discarded;
                self.durable();
                Ok(())
            }
            Op::Maintain => {
                queue.maintain(s)?;
                self.durable();
                Ok(())
            }
            Op::Batch { n, body } => self.batch(queue, s, n, body, rng),
            Op::Requeue { edit, .. } => self.put_back(queue, s, index.unwrap(), edit, rng),
            Op::Void { .. } => {
                let known = &mut self.known[index.unwrap()];
                match queue.void(s, known.seq) {
                    Ok(()) => {
                        assert_eq!(known.attempts, 0, "{known:?} was sent, and void");
                        known.fate = Fate::Settled;
                        self.durable();
                        Ok(())
                    }
                    Err(e) if e.status == Status::Unknown => {
                        assert!(known.attempts > 0, "{known:?} was never sent");
                        Ok(())
                    }
                    Err(e) => Err(e),
                }
            }
            Op::Reach { .. } => {
                self.turns = turns(queue, s)?;
                let seq = self.known[index.unwrap()].seq;
                queue.reach(s, seq, &mut [0; ENTRY_MAX])?;
                self.moved(queue, s)
            }
            Op::Relieve => {
                self.turns = turns(queue, s)?;
                queue.relieve(s, &mut [0; ENTRY_MAX])?;
                self.durable();
                self.moved(queue, s)
            }
            Op::DiscardAll => {
                let count = queue.discard_all(s)?;
                let dead = self.known.iter_mut().filter(|k| k.fate == Fate::Dead);
                let told = dead.map(|known| known.fate = Fate::Discarded).count();
                assert_eq!(count as usize, told);
                if told > 0 {
                    self.durable();
                }
                Ok(())
            }
            Op::Reopen => {
                queue.open(s, [9; 8])?;
                // What was only staged is back, as if it had never been settled; unless something
                // (an append that looked for room) has made it durable meanwhile.
                let mut pending = vec![];
                let (mut buf, mut cursor) = ([0; ENTRY_MAX], Cursor::default());
                while let Some(entry) = queue.walk(s, &mut cursor, &mut buf)? {
                    if matches!(entry.state, EntryState::Waiting | EntryState::Sent) {
                        pending.push(entry.seq);
                    }
                }
                for known in self.known.iter_mut().filter(|k| k.fate == Fate::Staged) {
                    let back = pending.contains(&known.seq);
                    known.fate = if back { Fate::Live } else { Fate::Settled };
                }
                Ok(())
            }
        }
    }

    /// What was moved has its attempts in the copy: there is nothing to take back any more.
    fn moved(&mut self, queue: &mut Queue, s: &mut dyn Storage) -> Result<(), Error> {
        let turns = turns(queue, s)?;
        for known in self.known.iter_mut().filter(|known| known.fate == Fate::Live) {
            let of = |list: &[(u64, u64)]| list.iter().find(|(seq, _)| *seq == known.seq).copied();
            if of(&self.turns) != of(&turns) {
                known.floor = known.attempts;
            }
        }
        Ok(())
    }

    fn durable(&mut self) {
        for known in &mut self.known {
            if known.fate == Fate::Staged {
                known.fate = Fate::Settled;
            }
        }
    }

    pub fn append(
        &mut self,
        queue: &mut Queue,
        s: &mut dyn Storage,
        body: usize,
        points: u32,
        rng: &mut Rng,
    ) -> Result<(), Error> {
        let mut known = fresh(body, points, rng);
        self.maybe = vec![known.clone()];
        match queue.append(s, &known.item()) {
            Ok(Appended { seq, duplicate: false, .. }) => {
                assert!(seq > self.top, "seq {seq} used again (top {})", self.top);
                (self.top, known.seq) = (seq, seq);
                self.known.push(known);
                Ok(())
            }
            Err(e) if e.status == Status::QueueFull => Ok(()),
            Err(e) => Err(e),
            Ok(a) => panic!("a new entry is no duplicate: {a:?}"),
        }
    }

    fn batch(
        &mut self,
        queue: &mut Queue,
        s: &mut dyn Storage,
        n: usize,
        body: usize,
        rng: &mut Rng,
    ) -> Result<(), Error> {
        let mut new: Vec<Known> = (0..n).map(|_| fresh(rng.below(body), 3, rng)).collect();
        self.maybe = new.clone();
        let items: Vec<Item<'_>> = new.iter().map(Known::item).collect();
        let mut told = vec![Appended::default(); n];
        match queue.append_batch(s, &items, &Terms::default(), &mut told) {
            Ok(()) => {
                for (known, told) in new.iter_mut().zip(told) {
                    assert!(told.seq > self.top && !told.duplicate, "{told:?}");
                    (self.top, known.seq) = (told.seq, told.seq);
                }
                self.known.extend(new);
                Ok(())
            }
            Err(e) if e.status == Status::QueueFull => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn put_back(
        &mut self,
        queue: &mut Queue,
        s: &mut dyn Storage,
        index: usize,
        edit: bool,
        rng: &mut Rng,
    ) -> Result<(), Error> {
        let old = self.known[index].clone();
        let mut new = Known { fate: Fate::Live, floor: old.attempts, ..old.clone() };
        if edit {
            let changed = fresh(30, 9, rng);
            new = changed;
            self.maybe = vec![new.clone()];
        } else {
            self.again = Some(new.clone());
        }
        let how = Requeue { item: edit.then(|| new.item()), accept_double: true };
        let mut buf = [0; ENTRY_MAX];
        match queue.requeue(s, old.seq, &how, &mut buf) {
            Ok(seq) if edit => {
                assert!(seq > self.top, "{seq} used again");
                (self.top, self.known[index].fate) = (seq, Fate::Discarded);
                self.known.push(Known { seq, ..new });
                self.durable();
                Ok(())
            }
            Ok(seq) => {
                assert_eq!(seq, old.seq);
                self.known[index] = new;
                self.durable();
                Ok(())
            }
            Err(e) if matches!(e.status, Status::QueueFull | Status::Conflict) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Compares what a freshly opened queue shows with what the caller was told.
    pub fn compare(&self, queue: &mut Queue, s: &mut dyn Storage) {
        let mut seen: Vec<Seen> = Vec::new();
        let mut buf = [0; ENTRY_MAX];
        let mut cursor = Cursor::default();
        while let Some(entry) = queue.walk(s, &mut cursor, &mut buf).unwrap() {
            seen.push(Seen::of(&entry));
        }
        let mut doubtful = self.maybe.clone();
        for shown in &seen {
            let twice = seen.iter().filter(|other| other.seq == shown.seq).count();
            assert_eq!(twice, 1, "doubled: {shown:?}");
            match self.known.iter().find(|k| k.seq == shown.seq) {
                Some(known) => self.check(known, shown),
                None => {
                    // What was being appended, or one whose record is twice on record.
                    let again = matches!(self.doubt, Some((Op::Again { .. }, _)));
                    match doubtful.iter().position(|maybe| shown.equals(maybe)) {
                        Some(index) => drop(doubtful.remove(index)),
                        None => assert!(again, "nobody appended {shown:?}"),
                    }
                    assert!(shown.seq > self.top, "seq used again: {shown:?}");
                }
            }
        }
        if let Some((Op::Requeue { edit: true, .. }, Some(index))) = self.doubt {
            let old = seen
                .iter()
                .any(|shown| shown.seq == self.known[index].seq && shown.state == EntryState::Dead);
            assert_eq!(old, doubtful.len() == self.maybe.len(), "letter and entry both, or none");
        }
        for known in &self.known {
            let must = matches!(known.fate, Fate::Live | Fate::Parked | Fate::Dead);
            let there = seen.iter().any(|shown| shown.seq == known.seq);
            assert!(there || !must || self.doubted(known) == Some(2), "lost: {known:?}");
        }
        self.check_status(queue, &seen);
        self.check_next(queue, s, &seen);
    }

    /// Takes what the mounted queue shows as the truth about the operation that was cut.
    pub fn after_recovery(&self, queue: &mut Queue, s: &mut dyn Storage) -> Model {
        let mut next = self.clone();
        let moving = matches!(self.doubt, Some((Op::Reach { .. } | Op::Relieve, _)));
        next.gaps |= moving || matches!(self.doubt, Some((Op::Batch { .. }, _)));
        let stays = |entry: &Entry<'_>| self.turns.contains(&(entry.seq, entry.turn));
        next.doubt = None;
        (next.maybe, next.again) = (vec![], None);
        next.known.iter_mut().for_each(|k| {
            if !matches!(k.fate, Fate::Discarded) {
                k.fate = Fate::Settled;
            }
        });
        let mut buf = [0; ENTRY_MAX];
        let mut cursor = Cursor::default();
        while let Ok(Some(entry)) = queue.walk(s, &mut cursor, &mut buf) {
            let fate = match entry.state {
                EntryState::Waiting | EntryState::Sent => Fate::Live,
                EntryState::Parked => Fate::Parked,
                EntryState::Settled => Fate::Settled,
                EntryState::Dead => Fate::Dead,
            };
            next.top = next.top.max(entry.seq);
            match next.known.iter_mut().find(|k| k.seq == entry.seq) {
                Some(known) => {
                    *known = Known {
                        req: entry.item.req_id.into(),
                        points: entry.item.points,
                        created: entry.item.created,
                        body: entry.item.body.into(),
                        attempts: entry.attempts,
                        seq: entry.seq,
                        fate,
                        floor: match moving && !stays(&entry)
                            || self.again.as_ref().is_some_and(|again| again.seq == entry.seq)
                        {
                            true => entry.attempts,
                            false => known.floor,
                        },
                    };
                }
                None => next.known.push(Known {
                    seq: entry.seq,
                    req: entry.item.req_id.into(),
                    points: entry.item.points,
                    created: entry.item.created,
                    body: entry.item.body.into(),
                    attempts: entry.attempts,
                    fate,
                    floor: if moving { entry.attempts } else { 0 },
                }),
            }
        }
        next
    }

    /// 1: this entry may have changed; 2: it may be gone.
    fn doubted(&self, known: &Known) -> Option<u8> {
        let (op, index) = self.doubt.as_ref()?;
        let hit = index.is_some_and(|i| self.known[i].seq == known.seq);
        match op {
            Op::Settle { .. } | Op::Discard { .. } | Op::Void { .. } if hit => Some(2),
            Op::DiscardAll if known.fate == Fate::Dead => Some(2),
            Op::Requeue { edit: true, .. } if hit => Some(2),
            _ if hit => Some(1),
            _ => None,
        }
    }

    /// The retraction that was under way is done already.
    fn retracted(&self, known: &Known, shown: &Seen) -> bool {
        let under_way = matches!(self.doubt, Some((Op::Retract { .. }, _)));
        let mut after = known.clone();
        after.retract();
        under_way && self.doubted(known).is_some() && shown.attempts == after.attempts
    }

    /// The letter that was being put back is an entry again.
    fn put_back_already(&self, known: &Known, shown: &Seen) -> bool {
        let Some(again) = self.again.as_ref().filter(|again| again.seq == known.seq) else {
            return false;
        };
        let state = if again.attempts > 0 { EntryState::Sent } else { EntryState::Waiting };
        (shown.state, shown.attempts) == (state, again.attempts) && shown.equals(again)
    }

    fn check(&self, known: &Known, shown: &Seen) {
        if self.put_back_already(known, shown) {
            return;
        }
        assert!(shown.equals(known), "altered: {shown:?} was {known:?}");
        let doubt = self.doubted(known).is_some();
        use EntryState as S;
        let fine = match known.fate {
            Fate::Live => match shown.state {
                S::Waiting => known.attempts == 0 || self.retracted(known, shown),
                S::Sent => {
                    shown.attempts >= known.attempts
                        && shown.attempts <= known.attempts + u8::from(doubt)
                        || self.retracted(known, shown)
                }
                _ => doubt,
            },
            Fate::Parked => shown.state == S::Parked && shown.attempts == known.attempts,
            Fate::Staged => true,
            Fate::Settled => shown.state == S::Settled,
            Fate::Dead => shown.state == S::Dead && shown.attempts == known.attempts,
            // Once the letter itself is erased, only "nothing is owed" can be told.
            Fate::Discarded => shown.state == S::Settled || doubt,
        };
        let told = matches!(shown.state, S::Dead) == shown.reason || shown.state == S::Parked;
        assert!(
            fine && told,
            "{:?} {} {:?} after {} attempts, but {:?} {}, doubt {:?}",
            shown.seq,
            shown.req,
            shown.state,
            shown.attempts,
            known.fate,
            known.attempts,
            self.doubt
        );
    }

    fn check_status(&self, queue: &Queue, seen: &[Seen]) {
        let status = queue.status();
        let count = |state| seen.iter().filter(|s| s.state == state).count() as u32;
        let told = (status.waiting, status.sent_unknown, status.parked, status.dead);
        let real = (
            count(EntryState::Waiting),
            count(EntryState::Sent),
            count(EntryState::Parked),
            count(EntryState::Dead),
        );
        let in_one_sync = |op: &Op| matches!(op, Op::Batch { .. } | Op::Reach { .. } | Op::Relieve);
        if self.gaps || self.doubt.as_ref().is_some_and(|(op, _)| in_one_sync(op)) {
            let missing = told.0.checked_sub(real.0).unwrap();
            assert!(missing <= 32 * u32::from(self.reorders), "{missing} counted and not shown");
        } else {
            assert_eq!(told.0, real.0, "waiting");
        }
        assert_eq!((told.1, told.2, told.3), (real.1, real.2, real.3), "sent, parked, dead");
        let owed = seen.iter().filter(|s| {
            matches!(s.state, EntryState::Waiting | EntryState::Sent | EntryState::Parked)
        });
        assert_eq!(status.points, owed.map(|s| u64::from(s.points)).sum::<u64>(), "points");
    }

    /// `next` offers everything that may be sent, once, and nothing else: first the live lane in
    /// the order of numbers, then the backlog.
    fn check_next(&self, queue: &mut Queue, s: &mut dyn Storage, seen: &[Seen]) {
        let mut left: Vec<u64> = seen
            .iter()
            .filter(|s| matches!(s.state, EntryState::Waiting | EntryState::Sent))
            .map(|s| s.seq)
            .collect();
        let (mut buf, mut from) = ([0; ENTRY_MAX], 0);
        while let Some(entry) = queue.next(s, from, &mut buf).unwrap() {
            let place = left.iter().position(|seq| *seq == entry.seq);
            left.remove(place.unwrap_or_else(|| panic!("{} offered", entry.seq)));
            assert!(entry.turn >= from && (entry.turn >> 63 == 1 || entry.turn == entry.seq));
            from = entry.turn + 1;
        }
        assert!(left.is_empty(), "not offered: {left:?}");
    }
}

/// Number and turn of all that waits.
fn turns(queue: &mut Queue, s: &mut dyn Storage) -> Result<Vec<(u64, u64)>, Error> {
    let (mut buf, mut cursor, mut found) = ([0; ENTRY_MAX], Cursor::default(), vec![]);
    while let Some(entry) = queue.walk(s, &mut cursor, &mut buf)? {
        if matches!(entry.state, EntryState::Waiting | EntryState::Sent) {
            found.push((entry.seq, entry.turn));
        }
    }
    Ok(found)
}

/// An entry nobody has seen before.
fn fresh(body: usize, points: u32, rng: &mut Rng) -> Known {
    let mut bytes = vec![0; body];
    rng.fill(&mut bytes);
    let req = format!("{:016x}{:08x}", rng.next(), rng.next() as u32);
    let created = 1_700_000_000 + rng.below(1000) as u64;
    Known { seq: 0, req, points, created, body: bytes, attempts: 0, fate: Fate::Live, floor: 0 }
}

/// What `walk` showed.
#[derive(Debug)]
pub struct Seen {
    pub seq: u64,
    pub state: EntryState,
    pub attempts: u8,
    pub req: String,
    pub points: u32,
    pub created: u64,
    pub body: Vec<u8>,
    pub reason: bool,
}

impl Seen {
    pub fn of(entry: &Entry<'_>) -> Seen {
        if let Some(reason) = entry.reason {
            assert_eq!(reason, REASON);
        }
        Seen {
            seq: entry.seq,
            state: entry.state,
            attempts: entry.attempts,
            req: entry.item.req_id.into(),
            points: entry.item.points,
            created: entry.item.created,
            body: entry.item.body.into(),
            reason: entry.reason.is_some(),
        }
    }

    fn equals(&self, known: &Known) -> bool {
        self.req == known.req
            && self.points == known.points
            && self.created == known.created
            && self.body == known.body
    }
}

/// A storage over `bytes` with power for `left` steps.
pub fn powered<'a>(bytes: &'a mut [u8], g: Geometry, left: u64, cut: Cut) -> FaultyStorage<'a> {
    FaultyStorage::new(RamStorage::new(bytes, g), left, cut)
}

/// The keys of the tests' sealed stores.
#[cfg(feature = "seal")]
pub const KEYS: &[SealKey<'static>] =
    &[SealKey { id: 1, bytes: b"a key of the till, 32 bytes long" }];

/// A storage over `bytes` with power for `left` steps, sealed or not.
#[cfg(feature = "seal")]
pub struct Keyed<'a> {
    pub below: FaultyStorage<'a>,
    keys: Option<KeyList<'static>>,
}

#[cfg(feature = "seal")]
impl<'a> Keyed<'a> {
    pub fn new(below: FaultyStorage<'a>, sealed: bool) -> Self {
        Keyed { below, keys: sealed.then(|| KeyList::new(KEYS).unwrap()) }
    }
}

#[cfg(feature = "seal")]
impl Storage for Keyed<'_> {
    fn geometry(&self) -> Geometry {
        self.below.geometry()
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.below.read(at, buf)
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.below.prog(at, data)
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.below.erase(sector)
    }
    fn sync(&mut self) -> Result<(), PortError> {
        self.below.sync()
    }
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.keys.as_mut().map(|keys| keys as &mut dyn Keys)
    }
}

/// A random but repeatable day at a till: appends in bursts, answers out of order, refusals.
pub fn script(seed: u64, n: usize, body_max: usize) -> Vec<Op> {
    let mut rng = Rng(seed | 1);
    (0..n)
        .map(|i| {
            let nth = if rng.below(3) == 0 { rng.below(6) } else { 0 };
            let busy = (i / 20) % 2 == 0;
            match rng.below(26) {
                24 => Op::Reach { nth: rng.below(64) },
                25 => Op::Relieve,
                20 | 21 => Op::Batch { n: 1 + rng.below(5), body: body_max / 4 },
                22 => Op::Requeue { nth, edit: rng.below(2) == 0 },
                23 if rng.below(6) == 0 => Op::DiscardAll,
                23 => Op::Void { nth },
                0..=4 => {
                    Op::Append { body: rng.below(body_max), points: rng.below(100) as u32 + 1 }
                }
                5 | 6 if busy => {
                    Op::Append { body: rng.below(body_max), points: rng.next() as u32 }
                }
                5..=7 => Op::Send { nth },
                8 => Op::Retract { nth },
                9..=12 => Op::Settle { nth },
                13 | 14 => Op::Stage { nth },
                15 => Op::Again { back: rng.below(20) },
                16 => Op::Bury { nth },
                17 => Op::Discard { nth: 0 },
                18 if busy => Op::Maintain,
                18 => Op::Commit,
                _ if rng.below(4) == 0 => Op::Reopen,
                _ => Op::Send { nth },
            }
        })
        .collect()
}
