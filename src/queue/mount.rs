//! Opening a store: what the medium says, after whatever happened to it.
//!
//! In: a medium. Out: a queue whose RAM agrees with it; or a fresh store on a blank one. The only
//! writes here are a format, and the end of a move that was cut between copy and settlement.

use super::fault::{Fault, Result};
use super::gaps::Gaps;
use super::medium::{Medium, Reader};
use super::record::{self, DEAD_LANE, Found, HEADER, Header, LIVE_LANE, STATE_LANE, kind};
use super::ring::Ring;
use super::scan::{HEAD, Hit, Scan};
use super::state::{SNAP_MAX, State};
use super::{Opened, Queue, RECENT, short};

/// Sectors the newest entries are looked for in, beside the head.
const LOOK_BACK: u32 = 8;

/// The three lanes of a medium of `count` sectors: state, live, dead.
pub(crate) fn lanes(count: u32) -> (Ring, Ring, Ring) {
    let state = (count / 16).clamp(2, 8);
    let dead = (count / 8).max(2);
    let live = count.saturating_sub(state).saturating_sub(dead);
    (
        Ring::new(STATE_LANE, 0, state),
        Ring::new(LIVE_LANE, state, live),
        Ring::new(DEAD_LANE, state.saturating_add(live), dead),
    )
}

impl Queue {
    pub(crate) fn mount(&mut self, medium: &mut Medium<'_>, count: u32) -> Result<()> {
        // What a killed process left in a cache must be durable before it is believed.
        medium.sync()?;
        (self.log, self.live, self.dead) = lanes(count);
        self.log.off = medium.shape.sector;
        if !self.mount_state(medium)? {
            check_blank(medium, count)?;
            self.live.off = medium.shape.sector;
            self.dead.off = medium.shape.sector;
            self.state.irregular = true;
            self.write_state(medium, None)?;
            self.counts = Opened { formatted: true, ..Opened::default() };
            return Ok(());
        }
        self.shape = medium.shape;
        let (mut moved, suspect) = self.mount_live(medium, u32::MAX)?;
        if let Some(stop) = suspect {
            (moved, _) = self.mount_live(medium, stop)?;
        }
        let buried = self.mount_dead(medium)?;
        medium.sync()?;
        self.mount_recent(medium)?;
        self.skip_erased(medium)?;
        self.live.find_tail(medium, self.state.live.mark)?;
        self.dead.find_tail(medium, self.state.dead.mark)?;
        self.finish(medium, moved, buried)?;
        self.refresh_oldest(medium)
    }

    /// Finds the newest finished opening of the state lane and replays it; false when none.
    fn mount_state(&mut self, medium: &mut Medium<'_>) -> Result<bool> {
        let mut below = u32::MAX;
        while let Some(header) = newest_below(&self.log, medium, below)? {
            medium.shape.salt = header.salt;
            self.log.generation = header.generation;
            if let Some(next) = self.replay(medium)? {
                self.live.next = next;
                return Ok(true);
            }
            // A header without its SNAP is an opening that was cut.
            below = header.generation;
        }
        self.log.generation = 0;
        self.log.off = medium.shape.sector;
        medium.shape = self.shape;
        Ok(false)
    }

    /// Replays the state lane's head. `None` when its first record is not a sound SNAP.
    fn replay(&mut self, medium: &mut Medium<'_>) -> Result<Option<u64>> {
        let (mut log, mut state, mut next) = (self.log, State::new(), None);
        let scanned = log.scan_head(medium, u32::MAX, &mut |medium, hit| {
            match hit.frame.kind {
                kind::SNAP => next = Some(read_snap(medium, &hit, &mut state)?),
                kind::STATE if next.is_some() => {
                    let len = HEAD.min(hit.frame.len.into());
                    state.apply_state(hit.frame.number, hit.head.get(..len).unwrap_or(&[]));
                }
                _ => {}
            }
            Ok(())
        })?;
        if next.is_some() {
            (self.log, self.state) = (log, state);
            self.counts.sealed += u32::from(scanned.torn);
            self.log.reassert(medium, scanned.doubt)?;
        }
        Ok(next)
    }

    /// Finds the live head, up to `stop`; says which number its last record was copied from, if
    /// it is a copy. When it says where a suspect record stands, nothing else was done.
    fn mount_live(
        &mut self,
        medium: &mut Medium<'_>,
        stop: u32,
    ) -> Result<(Option<Copy>, Option<u32>)> {
        let floor = self.live.next.max(self.state.live.mark);
        let mut live = self.live;
        live.find_head(medium)?;
        let (mut at, mut total, mut lost, mut last) = (live.next, live.total, 0u64, None);
        let (size, mut gaps) = (u64::from(medium.shape.sector), Gaps::new());
        let recent = &mut self.recent;
        let scanned = live.scan_head(medium, stop, &mut |medium, hit| {
            let pos = record::widen(hit.frame.number, at);
            if pos < at || pos - at > size {
                return Ok(());
            }
            gaps.note(at, pos - at);
            (lost, at) = (lost.saturating_add(pos - at), pos.saturating_add(1));
            last = Copy::of(&hit);
            let item = item_of(medium, &hit)?;
            if last.is_none_or(|copy| copy.requeued) {
                total = total.wrapping_add(u64::from(record::u32_at(&item, 14)));
            }
            remember(recent, &item, pos);
            Ok(())
        })?;
        if scanned.suspect.is_some() {
            return Ok((None, scanned.suspect));
        }
        live.total = total;
        live.next = at.max(floor);
        self.counts.lost = short(lost.saturating_add(live.next - at));
        gaps.note(at, live.next - at);
        self.gaps = gaps;
        self.counts.sealed += u32::from(scanned.torn);
        live.reassert(medium, scanned.doubt)?;
        self.live = live;
        Ok((last, None))
    }

    /// The same for the dead letters.
    fn mount_dead(&mut self, medium: &mut Medium<'_>) -> Result<Option<Copy>> {
        let mut dead = self.dead;
        dead.find_head(medium)?;
        let (mut at, mut last) = (dead.next, None);
        let size = u64::from(medium.shape.sector);
        let scanned = dead.scan_head(medium, u32::MAX, &mut |_, hit| {
            let pos = record::widen(hit.frame.number, at);
            if pos >= at && pos - at <= size {
                (at, last) = (pos.saturating_add(1), Copy::of(&hit));
            }
            Ok(())
        })?;
        dead.next = at.max(self.state.dead.mark);
        self.counts.sealed += u32::from(scanned.torn);
        dead.reassert(medium, scanned.doubt)?;
        self.dead = dead;
        Ok(last)
    }

    /// Numbers below everything that is on the medium cannot be settled one by one any more.
    fn skip_erased(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let first = self.live.base_of(medium, self.live.oldest())?.min(self.live.next);
        let mark = self.state.live.mark;
        if first > mark {
            self.state.skip_to(first);
            self.counts.lost = self.counts.lost.saturating_add(short(first - mark));
            self.gaps.note(mark, first - mark);
        }
        Ok(())
    }

    /// Collects what the sectors before the head add to the newest entries.
    fn mount_recent(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let wanted = self.live.next.saturating_sub(RECENT as u64);
        let mut generation = self.live.generation;
        let mut base = self.live.base;
        for _ in 0..LOOK_BACK {
            if base <= wanted || generation <= self.live.oldest() {
                break;
            }
            generation -= 1;
            // A torn record's number was given again: its sector ends where the next one begins.
            let end = base;
            let mut scan = Scan::new(&self.live, medium, generation)?;
            while let Some(hit) = scan.next(&self.live, medium)? {
                let pos = record::widen(hit.frame.number, end);
                base = base.min(pos);
                if pos >= wanted && pos < end {
                    remember(&mut self.recent, &item_of(medium, &hit)?, pos);
                }
            }
        }
        Ok(())
    }

    /// A copy whose original is still unsettled: the move was cut between the two. End it.
    fn finish(
        &mut self,
        medium: &mut Medium<'_>,
        moved: Option<Copy>,
        buried: Option<Copy>,
    ) -> Result<()> {
        let open = |queue: &Queue, copy: &Copy| {
            !queue.state.settled(copy.from) && queue.state.live.bit(copy.from).is_some()
        };
        if let Some(copy) = buried.filter(|copy| open(self, copy)) {
            self.stage_position(copy.from, true);
        }
        if let Some(copy) = moved.filter(|copy| copy.requeued) {
            if let Some(bit) = self.state.dead.bit(copy.from)
                && copy.from < self.dead.next
                && !self.state.dead.settled(copy.from)
            {
                self.count_requeue(bit, copy.attempts);
            }
        } else if let Some(copy) = moved.filter(|copy| open(self, copy)) {
            self.count_move(medium, copy.from, copy.parked, copy.attempts)?;
        }
        self.flush(medium)
    }
}

/// What the end of a MOVED record's head says about where it came from.
#[derive(Clone, Copy)]
pub(crate) struct Copy {
    from: u64,
    attempts: u8,
    parked: bool,
    requeued: bool,
}

impl Copy {
    fn of(hit: &Hit) -> Option<Copy> {
        (hit.frame.kind == kind::MOVED).then(|| Copy {
            from: record::u64_at(&hit.head, 8),
            attempts: record::u8_at(&hit.head, 16),
            parked: record::u8_at(&hit.head, 17) & record::flag::PARKED != 0,
            requeued: record::u8_at(&hit.head, 17) & record::flag::REQUEUED != 0,
        })
    }
}

/// Reads a SNAP's payload, mends it, applies it; says which number the live ring had reached.
fn read_snap(medium: &mut Medium<'_>, hit: &Hit, state: &mut State) -> Result<u64> {
    let mut bytes = [0; SNAP_MAX];
    let len = SNAP_MAX.min(hit.frame.len.into());
    let payload = bytes.get_mut(..len).unwrap_or(&mut []);
    hit.read(medium, 0, payload)?;
    Ok(state.apply_snap(payload))
}

/// The first bytes of an entry's item, up to the end of its req_id.
fn item_of(medium: &mut Medium<'_>, hit: &Hit) -> Result<[u8; HEAD]> {
    let mut item = hit.head;
    if hit.frame.kind == kind::MOVED {
        let skip = record::MOVED_FIXED as u32
            + u32::from(record::u8_at(&hit.head, 24))
            + u32::from(record::u8_at(&hit.head, 25));
        hit.read(medium, skip, &mut item)?;
    }
    Ok(item)
}

/// Notes an entry's req_id among the newest.
fn remember(recent: &mut [u16; RECENT], item: &[u8; HEAD], pos: u64) {
    let end = record::ITEM_FIXED + usize::from(record::u8_at(item, 19));
    let req = item.get(record::ITEM_FIXED..end).and_then(|b| core::str::from_utf8(b).ok());
    if let (Some(req), Some(slot)) = (req, recent.get_mut((pos % RECENT as u64) as usize)) {
        *slot = super::fingerprint(req);
    }
}

/// The state lane's header with the highest generation below `below`.
fn newest_below(log: &Ring, medium: &mut Medium<'_>, below: u32) -> Result<Option<Header>> {
    let mut best: Option<Header> = None;
    for index in 0..log.count {
        let mut bytes = [0; HEADER];
        medium.read(index.wrapping_mul(medium.shape.sector), &mut bytes)?;
        let Found::Header(header, mended) = Header::decode(medium, &mut bytes)? else { continue };
        let generation = header.generation;
        if header.lane != STATE_LANE || generation == 0 || generation >= below {
            continue;
        }
        if u32::from(header.log_sector) != medium.shape.sector.trailing_zeros() {
            return Err(Fault::SectorSize);
        }
        if header.sectors != medium.shape.sectors || header.first != log.first {
            return Err(Fault::SectorCount);
        }
        let here = (generation - 1).checked_rem(log.count) == Some(index);
        if here && best.is_none_or(|best| best.generation < generation) {
            medium.repaired += u32::from(mended);
            best = Some(header);
        }
    }
    Ok(best)
}

/// Only a medium without a single header may be formatted, or one where a format was cut.
fn check_blank(medium: &mut Medium<'_>, count: u32) -> Result<()> {
    for sector in 0..count {
        let mut bytes = [0; HEADER];
        let at = sector.wrapping_mul(medium.shape.sector);
        medium.read(at, &mut bytes)?;
        match Header::decode(medium, &mut bytes)? {
            Found::Erased => {}
            Found::Header(header, _) if sector == 0 && fresh(&header) => {}
            Found::Garbage if sector == 0 && record::half_formatted(&bytes) => {}
            _ => return Err(Fault::Corrupt.at(medium, at as usize)),
        }
    }
    // What a cut format wrote ends within its one record.
    let from = medium.shape.first_record() + (record::FRAME + SNAP_MAX + 32) as u32;
    match Reader::new().written(medium, from.min(medium.shape.sector), medium.shape.sector)? {
        None => Ok(()),
        Some(at) => Err(Fault::Corrupt.at(medium, at as usize)),
    }
}

fn fresh(header: &Header) -> bool {
    header.lane == STATE_LANE && header.generation == 1
}
