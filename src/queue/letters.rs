//! What people do with entries: list and export dead letters, send them again, edited or not,
//! discard them, void a sale that was never sent.
//!
//! In: numbers and decisions. Out: records; entries as text.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, FRAME, Moved, Source, kind};
use super::take::{Taken, read_record};
use super::write::checked_head;
use super::{Cursor, Entry, EntryState, Item, Queue, Spot};
use crate::port::Storage;
use serde::{Serialize, Serializer};

/// A buffer of this size takes every [`Entry::export`].
pub const EXPORT_MAX: usize = 7168;

/// How a dead letter goes back among the entries to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requeue<'a> {
    /// What to send instead, under the same req_id or another. `None`: what was refused.
    pub item: Option<Item<'a>>,
    /// For an uncertain letter with another `item`: a person accepts that the points may already
    /// be credited, and may be credited once more.
    pub accept_double: bool,
}

impl Queue {
    /// The next refused entry behind `cursor`: those parked among the live ones, then the dead
    /// letters. Otherwise as [`Queue::walk`].
    pub fn letters<'b>(
        &mut self,
        storage: &mut dyn Storage,
        cursor: &mut Cursor,
        buf: &'b mut [u8],
    ) -> crate::status::Result<Option<Entry<'b>>> {
        let found = self.with(storage, |queue, medium| queue.next_letter(medium, cursor, buf))?;
        Ok(found.and_then(|found| self.entry(found, buf)))
    }

    /// The entry with this number, pending or dead. `None`: there is none, or it is settled.
    pub fn get<'b>(
        &mut self,
        storage: &mut dyn Storage,
        seq: u64,
        buf: &'b mut [u8],
    ) -> crate::status::Result<Option<Entry<'b>>> {
        let found = self.with(storage, |queue, medium| queue.do_get(medium, seq, buf))?;
        Ok(found.and_then(|found| self.entry(found, buf)))
    }

    /// Puts a dead letter back among the entries to be sent; durable when it returns, and either
    /// done or not after a power cut. Two syncs. Says the number it waits under: its old one, or
    /// a new one when it was edited.
    ///
    /// Unedited it keeps its req_id, so that a gateway which did execute it only says so again.
    /// A letter refused for certain starts with no attempts; an uncertain one keeps its count,
    /// because a later refusal is still no proof. An entry parked among the live ones can be put
    /// back unedited.
    ///
    /// `NotFound`: no such letter. `Uncertain`: the letter is, the item is another, and nobody
    /// accepted a double credit. `Conflict`: another entry with that req_id waits. `QueueFull`:
    /// no room. `Range`: not among the 64 oldest letters. `BadState`: parked, and edited. `buf`
    /// lends memory for the copy ([`ENTRY_MAX`](super::ENTRY_MAX)).
    pub fn requeue(
        &mut self,
        storage: &mut dyn Storage,
        seq: u64,
        how: &Requeue<'_>,
        buf: &mut [u8],
    ) -> crate::status::Result<u64> {
        self.with(storage, |queue, medium| queue.do_requeue(medium, seq, how, buf))
    }

    /// Removes all dead letters for good and says how many: one record, one sync. Entries parked
    /// among the live ones stay; burying them again moves them.
    pub fn discard_all(&mut self, storage: &mut dyn Storage) -> crate::status::Result<u32> {
        self.with(storage, |queue, medium| queue.do_discard_all(medium))
    }

    /// Takes back a sale that certainly never left this till: nothing is owed for it any more.
    /// Durable when it returns.
    ///
    /// `Unknown`: it was sent, so the points may be credited; void it at the gateway, or wait for
    /// the answer. `NotFound`: no such entry waits. `BadState`: it was refused; discard it.
    /// `Range`: it is behind the 64 oldest, where only eight void ones are remembered at a time.
    pub fn void(&mut self, storage: &mut dyn Storage, seq: u64) -> crate::status::Result<()> {
        self.with(storage, |queue, medium| queue.do_void(medium, seq))
    }

    fn next_letter(
        &mut self,
        medium: &mut Medium<'_>,
        cursor: &mut Cursor,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        while let Some(taken) = self.do_walk(medium, cursor, buf)? {
            let state = self.entry(taken, buf).map(|entry| entry.state);
            if matches!(state, Some(EntryState::Parked | EntryState::Dead)) {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    fn do_get(&mut self, m: &mut Medium<'_>, seq: u64, buf: &mut [u8]) -> Result<Option<Taken>> {
        if let Some(pos) = self.dead_position(m, seq)? {
            return self.read_letter(m, pos, buf);
        }
        self.do_waiting(m, seq, buf)
    }

    fn read_letter(
        &self,
        medium: &mut Medium<'_>,
        pos: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        let Some(place) = self.dead.locate(medium, self.dead.tail, pos)? else { return Ok(None) };
        let frame = read_record(&self.dead, medium, place, buf, true)?;
        Ok(frame.map(|frame| Taken { frame, spot: Spot::live(pos), dead: true }))
    }

    fn do_requeue(
        &mut self,
        medium: &mut Medium<'_>,
        seq: u64,
        how: &Requeue<'_>,
        buf: &mut [u8],
    ) -> Result<u64> {
        let Some(pos) = self.dead_position(medium, seq)? else {
            return self.unpark(medium, seq, how, buf).map(|()| seq);
        };
        if self.state.dead.bit(pos).is_none() {
            return Err(Fault::Window);
        }
        let Some(taken) = self.read_letter(medium, pos, buf)? else { return Err(Fault::Corrupt) };
        let Some(letter) = self.entry(taken, buf) else { return Err(Fault::Corrupt) };
        let doubt = letter.reason.is_none_or(|reason| reason.uncertain);
        if doubt && how.item.is_some() && !how.accept_double {
            return Err(Fault::Uncertain);
        }
        let (old, mut own) = (letter.item.req_id, [0; 32]);
        let same_id = how.item.is_none_or(|item| item.req_id == old);
        let attempts = if doubt && same_id { letter.attempts } else { 0 };
        let name = how.item.map_or(old, |item| item.req_id).as_bytes();
        let own = keep(&mut own, name);
        // Looking for another one with that name takes the buffer.
        if self.do_find(medium, &|item| item.req_id == own, buf)?.is_some_and(|other| !other.dead) {
            return Err(Fault::Conflict);
        }
        let again =
            Moved { seq, from: pos, attempts, parked: false, source: Source::Dead, reason: None };
        match &how.item {
            Some(item) => self.requeue_edited(medium, &again, item),
            None => self.requeue_whole(medium, &again, buf).map(|()| seq),
        }
    }

    /// Another item in a letter's place: a new entry of the live lane, and then no letter any more.
    fn requeue_edited(
        &mut self,
        m: &mut Medium<'_>,
        again: &Moved<'_>,
        item: &Item<'_>,
    ) -> Result<u64> {
        let seq = self.live.next;
        let head = record::moved_head(&Moved { seq, ..*again });
        let fixed = checked_head(m, item)?;
        let pieces = [head.get(), fixed.get(), item.req_id.as_bytes(), item.body];
        self.make_room(m, pieces.iter().map(|piece| piece.len()).sum(), false)?;
        self.live.push(m, kind::MOVED, seq as u32, pieces)?;
        m.sync()?;
        self.note_appended(item);
        self.end_requeue(m, again)?;
        Ok(seq)
    }

    /// A letter as it was: to the backlog, and then no letter any more.
    fn requeue_whole(
        &mut self,
        m: &mut Medium<'_>,
        again: &Moved<'_>,
        buf: &mut [u8],
    ) -> Result<()> {
        let Some(taken) = self.read_letter(m, again.from, buf)? else { return Err(Fault::Corrupt) };
        let bytes = buf.get(FRAME..FRAME + usize::from(taken.frame.len)).unwrap_or(&[]);
        let Some(payload) = record::decode_payload(taken.frame.kind, bytes) else {
            return Err(Fault::Corrupt);
        };
        if !self.copy_back(m, again, payload.raw)? {
            return Err(Fault::BacklogFull);
        }
        self.back.total = self.back.total.wrapping_add(payload.item.points.into());
        self.note_oldest(Spot::back(self.back.next.saturating_sub(1)), payload.item.created);
        self.end_requeue(m, again)
    }

    fn end_requeue(&mut self, medium: &mut Medium<'_>, again: &Moved<'_>) -> Result<()> {
        let bit = self.state.dead.bit(again.from).ok_or(Fault::Window)?;
        self.count_requeue(bit, again.attempts);
        self.write_state(medium, None)
    }

    /// One copy more that waits, one letter less.
    pub(crate) fn count_requeue(&mut self, letter: u64, attempts: u8) {
        let state = &mut self.state;
        state.dead.done |= letter;
        state.moved_sent += u32::from(attempts > 0);
        state.irregular = true;
    }

    /// Offers an entry again that was refused while the dead letters were full.
    fn unpark(
        &mut self,
        medium: &mut Medium<'_>,
        seq: u64,
        how: &Requeue<'_>,
        buf: &mut [u8],
    ) -> Result<()> {
        let Some(spot) = self.position(medium, seq)? else { return Err(Fault::NotFound) };
        let Some(taken) = self.fetch(medium, spot, buf)? else { return Err(Fault::Corrupt) };
        let Some(entry) = self.entry(taken, buf) else { return Err(Fault::Corrupt) };
        if entry.state != EntryState::Parked {
            return Err(Fault::NotFound);
        }
        if how.item.is_some() {
            return Err(Fault::Parked);
        }
        let Some(bit) = self.state.bit(spot) else { return Err(Fault::Window) };
        let doubt = entry.reason.is_none_or(|reason| reason.uncertain);
        let attempts = if doubt { entry.attempts } else { 0 };
        if self.state.is_parked(spot) {
            self.state.of_mut(spot.back).parked &= !bit;
            self.state.set_attempts(spot, attempts);
            self.state.irregular = true;
            return self.write_state(medium, None);
        }
        let (from, source) = (spot.pos, spot.source());
        let moved = Moved { seq, from, attempts, parked: false, source, reason: None };
        let bytes = buf.get(FRAME..FRAME + usize::from(taken.frame.len)).unwrap_or(&[]);
        let Some(payload) = record::decode_payload(taken.frame.kind, bytes) else {
            return Err(Fault::Corrupt);
        };
        if !self.copy_back(medium, &moved, payload.raw)? {
            return Err(Fault::BacklogFull);
        }
        self.count_move(medium, spot, false, attempts)?;
        self.write_state(medium, None)
    }

    fn do_discard_all(&mut self, medium: &mut Medium<'_>) -> Result<u32> {
        let letters = self.status().dead;
        if letters > 0 {
            self.state.dead = super::state::Acks { mark: self.dead.next, done: 0 };
            self.state.irregular = true;
            self.write_state(medium, None)?;
        }
        Ok(letters)
    }

    fn do_void(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<()> {
        let Some(spot) = self.position(medium, seq)? else { return Err(Fault::NotFound) };
        let Some(peek) = self.peek(medium, spot)? else { return Err(Fault::Corrupt) };
        let (before, parked) = peek.copy.unwrap_or((0, false));
        if parked || self.state.is_parked(spot) {
            return Err(Fault::Parked);
        }
        if self.state.attempts(spot) > 0 || before > 0 {
            return Err(Fault::Sent);
        }
        if self.state.bit(spot).is_some() {
            self.stage_spot(spot, true);
            return self.flush(medium);
        }
        if !self.state.void(spot) {
            return Err(Fault::Window);
        }
        let points = u64::from(peek.points);
        self.state.settled_points = self.state.settled_points.wrapping_add(points);
        self.write_state(medium, None)
    }
}

/// A req_id kept beside a buffer that is needed for something else.
fn keep<'k>(room: &'k mut [u8; 32], name: &[u8]) -> &'k str {
    for (to, from) in room.iter_mut().zip(name) {
        *to = *from;
    }
    let kept = room.get(..name.len().min(32)).unwrap_or(&[]);
    core::str::from_utf8(kept).unwrap_or("")
}

/// Bytes as hexadecimal text.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Serialize)]
struct Text<'a> {
    seq: u64,
    state: &'a str,
    attempts: u8,
    req_id: &'a str,
    profile: u64,
    kind: u8,
    points: u32,
    created: u64,
    uncertain: bool,
    refused_at: u64,
    code: &'a str,
    sub_code: &'a str,
    body: Hex<'a>,
}

impl Entry<'_> {
    /// The entry as one line of JSON in `out`, without a line end: at most [`EXPORT_MAX`] bytes.
    /// The body is hexadecimal; it names the shopper. `BufferTooSmall`: `at` says what is enough.
    pub fn export<'o>(&self, out: &'o mut [u8]) -> crate::status::Result<&'o str> {
        let reason = self.reason;
        let state = match self.state {
            EntryState::Waiting => "waiting",
            EntryState::Sent => "sent",
            EntryState::Parked => "parked",
            EntryState::Settled => "settled",
            EntryState::Dead => "dead",
        };
        let text = Text {
            seq: self.seq,
            state,
            attempts: self.attempts,
            req_id: self.item.req_id,
            profile: self.item.profile,
            kind: self.item.kind,
            points: self.item.points,
            created: self.item.created,
            uncertain: reason.is_some_and(|reason| reason.uncertain),
            refused_at: reason.map_or(0, |reason| reason.at),
            code: reason.map_or("", |reason| reason.code),
            sub_code: reason.map_or("", |reason| reason.sub_code),
            body: Hex(self.item.body),
        };
        let small = Fault::Buffer.error(EXPORT_MAX as u32);
        let len = serde_json_core::to_slice(&text, out).map_err(|_| small)?;
        out.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok()).ok_or(small)
    }
}
