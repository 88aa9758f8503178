//! Opening a store: what the medium says, after whatever happened to it.
//!
//! In: a medium. Out: a queue whose RAM agrees with it; or a fresh store on a blank one. The only
//! writes here are a format, what a failed sync may have left in a cache (again, as it is), and the
//! end of a move that was cut between copy and settlement.

use super::fault::{Fault, Result};
use super::gaps::Gaps;
use super::medium::{Medium, Reader};
use super::record::{
    self, BACK_LANE, DEAD_LANE, Found, HEADER, Header, LIVE_LANE, STATE_LANE, Source, kind,
};
use super::ring::{BAD_RUN, Ring, Scanned};
use super::scan::{HEAD, Hit, Scan};
use super::seal::{Tampering, WITNESS};
use super::state::{SNAP_MAX, State, WINDOW};
use super::{Opened, Queue, RECENT, Spot, short};

/// Sectors the newest entries are looked for in, beside the head.
const LOOK_BACK: u32 = 8;

/// The four lanes of a medium of `count` sectors: state, live, backlog, dead. Empty but for its
/// head, the backlog has twice as many sectors free as the live lane has: see `may_append`.
pub(crate) fn lanes(count: u32) -> [Ring; 4] {
    let state = (count / 16).clamp(2, 8);
    let dead = (count / 8).max(2);
    let rest = count.saturating_sub(state).saturating_sub(dead);
    let live = (rest.saturating_sub(1) / 3).max(2);
    let back = rest.saturating_sub(live);
    let behind = state.saturating_add(live);
    [
        Ring::new(STATE_LANE, 0, state),
        Ring::new(LIVE_LANE, state, live),
        Ring::new(BACK_LANE, behind, back),
        Ring::new(DEAD_LANE, behind.saturating_add(back), dead),
    ]
}

impl Queue {
    pub(crate) fn mount(&mut self, medium: &mut Medium<'_>, count: u32) -> Result<()> {
        [self.log, self.live, self.back, self.dead] = lanes(count);
        (self.log.off, self.log.tail) = (medium.shape.sector, 0);
        if !self.mount_state(medium)? {
            if medium.shape.sealed() {
                refuse(medium, count)?;
            }
            check_blank(medium, count)?;
            for ring in [&mut self.live, &mut self.back, &mut self.dead] {
                ring.off = medium.shape.sector;
            }
            self.state.irregular = true;
            self.write_state(medium, None)?;
            self.counts = Opened { formatted: true, ..Opened::default() };
            return Ok(());
        }
        medium.vault.log = self.log.generation;
        self.shape = medium.shape;
        let [mut requeued, mut moves] = [Cut::new(); 2];
        self.mount_lane(medium, false, &mut requeued)?;
        self.mount_lane(medium, true, &mut moves)?;
        let buried = self.mount_dead(medium)?;
        // What a killed process left in a cache, and what was written again just now, must be
        // durable before it is believed: nothing was told or written so far.
        medium.sync()?;
        self.mount_recent(medium)?;
        for back in [false, true] {
            self.skip_erased(medium, back)?;
            let mark = self.state.of(back).mark();
            self.ring_mut(back).find_tail(medium, mark)?;
        }
        self.dead.find_tail(medium, self.state.dead.mark)?;
        for cut in [&buried, &moves, &requeued] {
            self.finish(medium, cut)?;
        }
        self.flush(medium)?;
        self.refresh_oldest(medium)
    }

    /// Finds the newest finished opening of the state lane and replays it; false when none.
    fn mount_state(&mut self, medium: &mut Medium<'_>) -> Result<bool> {
        let (mut below, mut newest) = (u32::MAX, 0);
        while let Some(header) = newest_below(&self.log, medium, below)? {
            newest = newest.max(header.generation);
            medium.shape.salt = header.salt;
            self.log.generation = header.generation;
            if let Some(next) = self.replay(medium)? {
                [self.live.next, self.back.next, self.dead.next] = next;
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

    /// Replays the state lane's head; says which numbers the live lane, the backlog and the dead
    /// lane had reached (the last one in a sealed store only). `None` when its first record is not
    /// a sound SNAP.
    #[inline(never)] // so that its second state is gone while the other lanes are opened
    fn replay(&mut self, medium: &mut Medium<'_>) -> Result<Option<[u64; 3]>> {
        let (mut log, mut state, mut next) = (self.log, State::new(), None);
        let from = if medium.shape.sealed() { WITNESS } else { 0 };
        let mut letters = 1;
        let scanned = log.scan_head(medium, u32::MAX, &mut |medium, hit| {
            match hit.frame.kind {
                kind::SNAP => next = Some(read_snap(medium, &hit, from, &mut state)?),
                what @ (kind::STATE | kind::BACK_STATE) if next.is_some() => {
                    let len = HEAD.min(hit.frame.len.into());
                    let told = hit.head.get(from..len).unwrap_or(&[]);
                    state.apply_state(what == kind::BACK_STATE, hit.frame.number, told);
                }
                _ => {}
            }
            if let Some([live, back]) = next.as_mut().filter(|_| from > 0) {
                let seen = |at, near| record::widen(record::u32_at(&hit.head, at), near);
                (*live, *back) = (seen(0, *live).max(*live), seen(4, *back).max(*back));
                letters = seen(8, state.dead.mark);
            }
            Ok(())
        })?;
        if next.is_some() {
            (self.log, self.state) = (log, state);
            self.log.tail = self.log.generation;
            self.counts.sealed += u32::from(scanned.torn);
            self.log.reassert(medium, &scanned)?;
        }
        Ok(next.map(|[live, back]| [live, back, letters]))
    }

    /// Finds the head of a lane that sends; adds which moves its records end to an empty `cut`.
    fn mount_lane(&mut self, medium: &mut Medium<'_>, back: bool, cut: &mut Cut) -> Result<()> {
        if let Some(stop) = self.mount_up_to(medium, back, u32::MAX, cut)? {
            *cut = Cut::new();
            self.mount_up_to(medium, back, stop, cut)?;
        }
        Ok(())
    }

    /// The same, up to `stop`. When it says where a suspect record stands, nothing but `cut` was
    /// changed.
    fn mount_up_to(
        &mut self,
        medium: &mut Medium<'_>,
        back: bool,
        stop: u32,
        cut: &mut Cut,
    ) -> Result<Option<u32>> {
        let mut ring = *self.ring(back);
        let vouched = ring.next;
        let floor = vouched.max(self.state.of(back).mark());
        ring.find_head(medium)?;
        let (mut at, mut total, mut lost) = (ring.next, ring.total, 0u64);
        let mut recent = self.recent;
        let (size, mut gaps) = (u64::from(medium.shape.sector), Gaps::new());
        let state = &self.state;
        let scanned = ring.scan_head(medium, stop, &mut |medium, hit| {
            let pos = record::widen(hit.frame.number, at);
            if pos < at || pos - at > size {
                return Ok(());
            }
            gaps.note(at, pos - at);
            (lost, at) = (lost.saturating_add(pos - at), pos.saturating_add(1));
            let copy = Copy::of(&hit);
            let item = item_of(medium, &hit)?;
            // Points are owed from an append or a letter's return on; a move changes nothing.
            if copy.is_none_or(|copy| copy.source == Source::Dead) {
                total = total.wrapping_add(u64::from(record::u32_at(&item, 14)));
            }
            if let Some(copy) = copy {
                cut.add(state, &copy);
            }
            if !back {
                remember(&mut recent, &item, pos);
            }
            Ok(())
        })?;
        if scanned.suspect.is_some() {
            return Ok(scanned.suspect);
        }
        check_end(medium, &ring, &scanned, at, vouched)?;
        self.check_log(medium, &ring)?;
        ring.total = total;
        ring.next = at.max(floor);
        self.recent = recent;
        // A copy's number is not its entry's: what of the backlog cannot be read is counted when it
        // is met.
        if !back {
            let lost = short(lost.saturating_add(ring.next - at));
            self.counts.lost = self.counts.lost.saturating_add(lost);
            gaps.note(at, ring.next - at);
            self.gaps = gaps;
        }
        self.counts.sealed += u32::from(scanned.torn);
        ring.reassert(medium, &scanned)?;
        *self.ring_mut(back) = ring;
        Ok(None)
    }

    /// The same for the dead letters.
    fn mount_dead(&mut self, medium: &mut Medium<'_>) -> Result<Cut> {
        let (mut dead, vouched) = (self.dead, self.dead.next);
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
        check_end(medium, &dead, &scanned, at, vouched)?;
        dead.next = at.max(self.state.dead.mark);
        self.counts.sealed += u32::from(scanned.torn);
        dead.reassert(medium, &scanned)?;
        self.dead = dead;
        let mut cut = Cut { buried: true, ..Cut::new() };
        if let Some(copy) = last {
            cut.add(&self.state, &copy);
        }
        Ok(cut)
    }

    /// A head of the live lane or the backlog that was opened later than the state lane's newest
    /// header says: somebody put older state back.
    fn check_log(&self, medium: &mut Medium<'_>, ring: &Ring) -> Result<()> {
        if !medium.shape.sealed() || medium.vault.blind || ring.generation == 0 {
            return Ok(());
        }
        let vouched = ring.header(medium, ring.generation)?.map_or(0, |header| header.log);
        if vouched > medium.vault.log {
            medium.tampered(Tampering::Removed, self.log.address(medium, vouched));
        }
        Ok(())
    }

    /// Numbers below everything that is on the medium cannot be settled one by one any more.
    fn skip_erased(&mut self, medium: &mut Medium<'_>, back: bool) -> Result<()> {
        let ring = self.ring(back);
        let first = ring.base_of(medium, ring.oldest())?.min(ring.next);
        let mark = self.state.of(back).mark();
        if first > mark {
            self.state.skip_to(back, first);
            self.counts.lost = self.counts.lost.saturating_add(short(first - mark));
            if !back {
                self.gaps.note(mark, first - mark);
            }
        }
        Ok(())
    }

    /// Collects what the sectors before the head add to the newest entries, and what was moved to
    /// the backlog while their own sectors were erased.
    #[inline(never)] // so that its window is gone while the lanes are opened
    fn mount_recent(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let wanted = self.live.next.saturating_sub(RECENT as u64);
        let (mut generation, mut base) = (self.live.generation, self.live.base);
        for _ in 0..LOOK_BACK {
            if base <= wanted {
                break;
            }
            generation = self.live.before(medium, generation)?;
            if generation < self.live.oldest() {
                break;
            }
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
        if base > wanted { self.mount_moved(medium, wanted) } else { Ok(()) }
    }

    /// The newest entries among the copies of the backlog's last sectors.
    fn mount_moved(&mut self, medium: &mut Medium<'_>, wanted: u64) -> Result<()> {
        let mut generation = self.back.generation;
        for _ in 0..=LOOK_BACK {
            if generation < self.back.oldest() {
                break;
            }
            let mut scan = Scan::new(&self.back, medium, generation)?;
            while let Some(hit) = scan.next(&self.back, medium)? {
                let seq = record::u64_at(&hit.head, 0);
                if (wanted..self.live.next).contains(&seq) {
                    remember(&mut self.recent, &item_of(medium, &hit)?, seq);
                }
            }
            generation = self.back.before(medium, generation)?;
        }
        Ok(())
    }

    /// Copies whose originals are still unsettled: the move was cut between the two. End it.
    fn finish(&mut self, medium: &mut Medium<'_>, cut: &Cut) -> Result<()> {
        for (back, from) in [(false, &cut.live), (true, &cut.back)] {
            for slot in (0..WINDOW).filter(|slot| from.moved & 1 << slot != 0) {
                let spot = Spot { back, pos: from.base.saturating_add(slot) };
                if self.state.settled(spot) || self.state.bit(spot).is_none() {
                    continue;
                }
                if cut.buried {
                    self.stage_spot(spot, true);
                } else {
                    let sent = u8::from(from.sent & 1 << slot != 0);
                    self.count_move(medium, spot, from.parked & 1 << slot != 0, sent)?;
                }
            }
        }
        if let Some((letter, attempts)) = cut.letter
            && letter < self.dead.next
            && !self.state.dead.settled(letter)
            && let Some(bit) = self.state.dead.bit(letter)
        {
            self.count_requeue(bit, attempts);
        }
        Ok(())
    }
}

/// What the end of a MOVED record's head says about where it came from.
#[derive(Clone, Copy)]
struct Copy {
    from: u64,
    attempts: u8,
    parked: bool,
    source: Source,
}

impl Copy {
    fn of(hit: &Hit) -> Option<Copy> {
        let flags = record::u8_at(&hit.head, 17);
        hit.frame.moved().then(|| Copy {
            from: record::u64_at(&hit.head, 8),
            attempts: record::u8_at(&hit.head, 16),
            parked: flags & record::flag::PARKED != 0,
            source: Source::of(flags),
        })
    }
}

/// Of a window from `base` on: what was copied, what of it is parked, what was sent before.
#[derive(Clone, Copy)]
struct From {
    base: u64,
    moved: u64,
    parked: u64,
    sent: u64,
}

impl From {
    const NONE: From = From { base: 0, moved: 0, parked: 0, sent: 0 };
}

/// The moves that the records of one head end, should power have been cut before the originals
/// were settled. All of them but those of its last sync surely are.
#[derive(Clone, Copy)]
struct Cut {
    live: From,
    back: From,
    /// The number of a dead letter that was put back, and its attempts.
    letter: Option<(u64, u8)>,
    /// The copies are dead letters.
    buried: bool,
}

impl Cut {
    const fn new() -> Cut {
        Cut { live: From::NONE, back: From::NONE, letter: None, buried: false }
    }

    fn add(&mut self, state: &State, copy: &Copy) {
        let back = copy.source == Source::Back;
        let from = match copy.source {
            Source::Live => &mut self.live,
            Source::Back => &mut self.back,
            Source::Dead => {
                self.letter = Some((copy.from, copy.attempts));
                return;
            }
        };
        from.base = state.of(back).mark();
        let spot = Spot { back, pos: copy.from };
        if let Some(bit) = state.bit(spot).filter(|_| !state.settled(spot)) {
            from.moved |= bit;
            from.parked |= if copy.parked { bit } else { 0 };
            from.sent |= if copy.attempts > 0 { bit } else { 0 };
        }
    }
}

/// In a sealed store: whether a lane's head ends before `vouched`, what a state record has seen of
/// it, although nothing there is damaged. A cut write cannot do that: whatever a state record has
/// seen was durable before. A rotten header behind
/// the head hides what is missing: that is rot.
fn check_end(
    medium: &mut Medium<'_>,
    ring: &Ring,
    scanned: &Scanned,
    at: u64,
    vouched: u64,
) -> Result<()> {
    // A lane that has no sector has no number to begin with, either.
    let at = if ring.generation == 0 { 1 } else { at };
    if !medium.shape.sealed() || at >= vouched || scanned.damaged || scanned.suspect.is_some() {
        return Ok(());
    }
    // As far as the next head may be: bad sectors before it say nothing.
    for ahead in 1..=(1 + BAD_RUN).min(ring.count.saturating_sub(1)) {
        let behind = ring.address(medium, ring.generation.saturating_add(ahead));
        if matches!(Header::read(medium, behind)?, Found::Garbage) {
            return Ok(());
        }
    }
    let head = ring.address(medium, ring.generation.max(1));
    let off = scanned.end & (medium.shape.sector - 1);
    medium.tampered(Tampering::Removed, head + off);
    Ok(())
}

/// Reads a SNAP's payload from byte `from` on, mends it, applies it; says which numbers the live
/// lane and the backlog had reached.
fn read_snap(
    medium: &mut Medium<'_>,
    hit: &Hit,
    from: usize,
    state: &mut State,
) -> Result<[u64; 2]> {
    let mut bytes = [0; SNAP_MAX];
    let len = SNAP_MAX.min(usize::from(hit.frame.len).saturating_sub(from));
    let payload = bytes.get_mut(..len).unwrap_or(&mut []);
    hit.read(medium, from as u32, payload)?;
    Ok(state.apply_snap(payload))
}

/// The first bytes of an entry's item, up to the end of its req_id.
fn item_of(medium: &mut Medium<'_>, hit: &Hit) -> Result<[u8; HEAD]> {
    let mut item = hit.head;
    if hit.frame.moved() {
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
        let at = index.wrapping_mul(medium.shape.sector);
        let Found::Header(header, mended) = Header::read(medium, at)? else { continue };
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
        // Two genuine headers of different stores: whose state this is, nobody can tell.
        if medium.shape.sealed()
            && !header.locked
            && best.is_some_and(|best| !best.locked && best.salt != header.salt)
        {
            return Err(Fault::Forged.at(medium, at as usize));
        }
        if here && best.is_none_or(|best| best.generation < generation) {
            medium.repaired += u32::from(mended);
            best = Some(header);
        }
    }
    match best {
        Some(best) if best.locked => Err(Fault::Key.at(medium, best.key.into())),
        best => Ok(best),
    }
}

/// Why nothing in a state lane with headers is genuine: the first header of the store tells.
fn refuse(medium: &mut Medium<'_>, count: u32) -> Result<()> {
    let (mut genuine, mut other) = (false, None);
    for sector in 0..count {
        let at = sector.wrapping_mul(medium.shape.sector);
        match Header::read(medium, at)? {
            Found::Header(header, _) => genuine |= !header.locked,
            Found::Forged if other.is_none() => other = Some(at),
            _ => {}
        }
    }
    let Some(at) = other else { return Ok(()) };
    if genuine {
        return Err(Fault::Forged.at(medium, at as usize));
    }
    let mut bytes = [0; HEADER];
    medium.read(at, &mut bytes)?;
    match record::u8_at(&bytes, 7) {
        0 => Err(Fault::NotSealed),
        id => Err(Fault::WrongKey.at(medium, id.into())),
    }
}

/// Only a medium without a single header may be formatted, or one where a format was cut.
#[inline(never)] // so that its window is gone when a store is found
fn check_blank(medium: &mut Medium<'_>, count: u32) -> Result<()> {
    for sector in 0..count {
        let mut bytes = [0; HEADER];
        let at = sector.wrapping_mul(medium.shape.sector);
        medium.read(at, &mut bytes)?;
        match Header::read(medium, at)? {
            Found::Erased => {}
            Found::Header(header, _) if sector == 0 && fresh(&header) => {}
            Found::Garbage if sector == 0 && record::half_formatted(&bytes) => {}
            _ => return Err(Fault::Corrupt.at(medium, at as usize)),
        }
    }
    // What a cut format wrote ends within its one record.
    let from = medium.shape.first_record() + (medium.shape.taken(WITNESS + SNAP_MAX) + 32) as u32;
    match Reader::new().written(medium, from.min(medium.shape.sector), medium.shape.sector)? {
        None => Ok(()),
        Some(at) => Err(Fault::Corrupt.at(medium, at as usize)),
    }
}

fn fresh(header: &Header) -> bool {
    header.lane == STATE_LANE && header.generation == 1
}
