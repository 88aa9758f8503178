//! Which messages were taken already: ids in, "seen before" out, in memory the caller lends.
//!
//! A message is delivered again until it is answered, up to 8 times in 25 hours, and now and then
//! although it was answered. Look with [`Seen::holds`], store the message, then [`Seen::keep`] its
//! id and answer: in this order a power cut loses nothing. After a restart the ring is empty; what
//! must not happen twice needs a durable key of its own (COMMIT has one: its `req_id`).

use crate::crypto::{Digest, Hasher};

/// Room for one id. An all-zero one is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct SeenId([u8; 16]);

/// The latest ids; the oldest makes room for the newest. Eight deliveries of a few hundred messages
/// a day want a few thousand places of 16 bytes.
#[derive(Debug)]
pub struct Seen<'m> {
    ids: &'m mut [SeenId],
    next: usize,
}

impl<'m> Seen<'m> {
    /// Over `ids`, as they are: [`SeenId::default`] in all places for a new one. `next` is where
    /// the next id goes, 0 for a new one; [`Seen::next`] tells it later.
    pub fn over(ids: &'m mut [SeenId], next: usize) -> Self {
        let next = if next < ids.len() { next } else { 0 };
        Seen { ids, next }
    }

    /// Whether a message of this id was kept and not pushed out since. `kind` is the name of the
    /// field the id stands in: ids of two fields are no repeats of each other.
    pub fn holds(&self, kind: &str, id: &[u8]) -> bool {
        self.ids.contains(&fingerprint(kind, id))
    }

    /// Keeps an id; once, however often it comes.
    pub fn keep(&mut self, kind: &str, id: &[u8]) {
        if self.holds(kind, id) {
            return;
        }
        if let Some(place) = self.ids.get_mut(self.next) {
            *place = fingerprint(kind, id);
            self.next = if self.next + 1 < self.ids.len() { self.next + 1 } else { 0 };
        }
    }

    /// Where the next id goes.
    pub fn next(&self) -> usize {
        self.next
    }
}

/// 128 bits of SHA-256: two ids of one fingerprint will not be met.
fn fingerprint(kind: &str, id: &[u8]) -> SeenId {
    let mut hasher = Hasher::new(Digest::Sha256);
    hasher.update(kind.as_bytes());
    hasher.update(b"=");
    hasher.update(id);
    let mut seen = SeenId::default();
    for (to, from) in seen.0.iter_mut().zip(hasher.finish().as_bytes()) {
        *to = *from;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_known_until_as_many_others_came() {
        let mut places = [SeenId::default(); 3];
        let mut seen = Seen::over(&mut places, 0);
        assert!(!seen.holds("notify_id", b"1"));
        for id in [b"1", b"2", b"2", b"3"] {
            seen.keep("notify_id", id);
        }
        assert!(seen.holds("notify_id", b"1") && seen.holds("notify_id", b"3"));
        assert!(!seen.holds("order_id", b"1"), "another field");
        seen.keep("notify_id", b"4");
        assert!(!seen.holds("notify_id", b"1"), "the oldest made room");
        assert!(seen.holds("notify_id", b"2") && seen.holds("notify_id", b"4"));
        let next = seen.next();
        let seen = Seen::over(&mut places, next);
        assert!(seen.holds("notify_id", b"4") && seen.next() == 1);
    }

    #[test]
    fn no_room_keeps_nothing() {
        let mut seen = Seen::over(&mut [], 9);
        seen.keep("notify_id", b"1");
        assert!(!seen.holds("notify_id", b"1") && seen.next() == 0);
    }
}
