//! Entries the caller skips: later ones still go out, whatever the store is full of, and skipping
//! alone writes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::ram::Cut;
use pointcard::port::{Geometry, Storage};
use pointcard::queue::{BACKLOG_FULL, ENTRY_MAX, Item, LIVE_FULL, Queue, Terms};
use pointcard::status::Status;

/// Appends as a till does: where the live lane is full, older entries make way.
fn append(q: &mut Queue, s: &mut dyn Storage, kind: u8, i: u64, body: usize) -> bool {
    let req = format!("{kind}-{i}");
    let body = vec![7; body];
    let item = Item { req_id: &req, profile: 1, kind, points: 10, created: 5, body: &body };
    let (mut buf, held) = ([0; ENTRY_MAX], kind == KNOWN_HELD);
    loop {
        match q.append_on(s, &item, &Terms { held, ..Terms::default() }) {
            Ok(_) => return true,
            Err(error) => assert_eq!(error.status, Status::QueueFull),
        }
        if !q.relieve(s, &mut buf).unwrap() {
            return false;
        }
    }
}

const HELD: u8 = 9;
/// Held, and known to be when it is appended.
const KNOWN_HELD: u8 = 10;

/// One round of a caller that skips what it holds; says how many it sent.
fn round(q: &mut Queue, s: &mut dyn Storage) -> u32 {
    let (mut buf, mut from, mut sent) = ([0; ENTRY_MAX], 0, 0);
    while let Some(entry) = q.next(s, from, &mut buf).unwrap() {
        let (seq, kind) = (entry.seq, entry.item.kind);
        from = entry.turn + 1;
        if kind < HELD {
            assert!(
                q.reach(s, seq, &mut buf).unwrap(),
                "{seq} cannot be reached: {:?}",
                q.status()
            );
            q.mark_sent(s, seq).unwrap();
            q.settle(s, seq).unwrap();
            (from, sent) = (0, sent + 1);
        }
    }
    sent
}

fn filled(
    g: Geometry,
    bytes: &mut [u8],
    held: u64,
) -> (Queue, pointcard::port::ram::FaultyStorage<'_>) {
    let mut s = powered(bytes, g, u64::MAX, Cut::Clean);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    for i in 0..held {
        assert!(append(&mut q, &mut s, HELD, i, 100), "held entry {i}");
    }
    (q, s)
}

#[test]
fn sales_behind_held_entries_go_out_in_one_round() {
    for held in [33, 64, 65, 200, 600] {
        let g = geometry(4096, 48, 4, 4);
        let mut bytes = blank(&g);
        let (mut q, mut s) = filled(g, &mut bytes, held);
        let before = s.erases;
        for i in 0..20 {
            for more in 0..3 {
                assert!(append(&mut q, &mut s, 1, i * 3 + more, 100), "{held} held, round {i}");
            }
            assert_eq!(round(&mut q, &mut s), 3, "{held} held, round {i}");
            assert_eq!(q.status().waiting, held as u32);
            if i % 5 == 4 {
                q.open(&mut s, [1; 8]).unwrap();
            }
        }
        let status = q.status();
        println!("{held} held, {} in the backlog: {} erases", status.backlog, s.erases - before);
    }
}

#[test]
fn looking_over_held_entries_writes_nothing() {
    for held in [40, 100, 300] {
        let g = geometry(4096, 32, 4, 4);
        let mut bytes = blank(&g);
        let (mut q, mut s) = filled(g, &mut bytes, held);
        let (programmed, erases) = (s.programmed, s.erases);
        for _ in 0..20 {
            assert_eq!(round(&mut q, &mut s), 0);
        }
        assert_eq!((s.programmed, s.erases), (programmed, erases), "{held} held");
        assert_eq!(q.status().waiting, held as u32);
    }
}

/// Fills the store with held entries until it refuses, then gives `room` of them up: sales for
/// somebody else get in and out, again and again.
fn sales_in_a_full_store(g: Geometry, body: &mut dyn FnMut() -> usize) {
    let mut bytes = blank(&g);
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let (mut q, mut buf, mut held) = (Queue::new(), [0; ENTRY_MAX], 0);
    q.open(&mut s, [1; 8]).unwrap();
    while append(&mut q, &mut s, HELD, held, body()) {
        held += 1;
    }
    let item = Item {
        req_id: "x",
        profile: 1,
        kind: 1,
        points: 1,
        created: 5,
        body: &[1; 950][..if g.sector_size < 2048 { 200 } else { 950 }],
    };
    let refused = q.append(&mut s, &item).unwrap_err();
    assert_eq!((refused.status, refused.what), (Status::QueueFull, BACKLOG_FULL), "{g:?}");
    // A shop gives its oldest held sales up, one after the other, until there is room.
    let (mut given_up, mut sold) = (0, 0);
    let full = held;
    while sold < 40 {
        if append(&mut q, &mut s, 1, sold, 200) {
            assert_eq!(round(&mut q, &mut s), 1, "{g:?}: sale {sold} after {given_up}");
            sold += 1;
            continue;
        }
        let seq = q.next(&mut s, 0, &mut buf).unwrap().expect("held ones").seq;
        q.settle(&mut s, seq).unwrap();
        (given_up, held) = (given_up + 1, held - 1);
    }
    assert_eq!(u64::from(q.status().waiting), held);
    q.open(&mut s, [1; 8]).unwrap();
    assert_eq!((u64::from(q.status().waiting), q.status().lost), (held, 0));
    println!("{g:?}: {full} held, {given_up} given up, {sold} sales of others went out");
}

#[test]
fn a_store_full_of_held_entries_lets_others_through() {
    let mut rng = Rng(seed());
    for g in [geometry(4096, 16, 4, 4), geometry(4096, 64, 4, 4), geometry(16384, 12, 4, 4096)] {
        sales_in_a_full_store(g, &mut || 100);
        sales_in_a_full_store(g, &mut || 20 + rng.below(900));
    }
    sales_in_a_full_store(geometry(1024, 8, 4, 4), &mut || 100);
    println!("seed {}", seed());
}

/// The backlog is full to the brim with entries of one shop that is known to be held; the live
/// lane goes on for another.
#[test]
fn a_full_backlog_leaves_the_live_lane_to_others() {
    let mut rng = Rng(seed());
    for g in [geometry(4096, 16, 4, 4), geometry(4096, 64, 4, 4), geometry(16384, 14, 4, 4096)] {
        let mut bytes = blank(&g);
        let (mut q, mut s) = filled(g, &mut bytes, 0);
        let (mut buf, mut held) = ([0; ENTRY_MAX], 0);
        while append(&mut q, &mut s, KNOWN_HELD, held, 20 + rng.below(500)) {
            held += 1;
            // Some are moved at once, as a sync would.
            if rng.below(3) == 0 {
                q.relieve(&mut s, &mut buf).unwrap();
            }
        }
        println!("{g:?}: {held} held, {} of them in the backlog", q.status().backlog);
        for i in 0..300 {
            assert!(
                append(&mut q, &mut s, 1, i, 20 + rng.below(500)),
                "sale {i}: {:?}",
                q.status()
            );
            assert_eq!(round(&mut q, &mut s), 1, "sale {i}");
            if i % 50 == 0 {
                q.open(&mut s, [1; 8]).unwrap();
            }
        }
        assert_eq!((u64::from(q.status().waiting), q.status().lost), (held, 0));
    }
    println!("seed {}", seed());
}

/// What is held in the backlog goes round it in place: others among it are reached, to the last.
#[test]
fn entries_deep_in_a_full_backlog_are_reached() {
    for g in [geometry(4096, 16, 4, 4), geometry(4096, 40, 4, 512), geometry(16384, 12, 4, 4096)] {
        let mut bytes = blank(&g);
        let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
        let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
        q.open(&mut s, [1; 8]).unwrap();
        let (mut all, mut others, mut rng) = (0, 0, Rng(seed()));
        loop {
            let kind = if rng.below(20) == 0 { 1 } else { HELD };
            if !append(&mut q, &mut s, kind, all, 20 + rng.below(300)) {
                break;
            }
            (all, others) = (all + 1, others + u32::from(kind == 1));
        }
        while q.relieve(&mut s, &mut buf).unwrap() {}
        let before = s.programmed;
        assert_eq!(round(&mut q, &mut s), others, "{g:?}");
        let left = all as u32 - others;
        assert_eq!((q.status().waiting, q.status().sent_unknown), (left, 0));
        println!("{g:?}: {others} among {all}: {} bytes moved", s.programmed - before);
        q.open(&mut s, [1; 8]).unwrap();
        assert_eq!((q.status().waiting, q.status().lost), (left, 0));
    }
}

#[test]
fn a_refusal_names_the_lane_that_is_full() {
    let g = geometry(4096, 16, 4, 4);
    let mut bytes = blank(&g);
    let (mut q, mut s) = filled(g, &mut bytes, 0);
    let (mut i, mut buf) = (0, [0; ENTRY_MAX]);
    let mut first = None;
    loop {
        let req = format!("{i}");
        let item =
            Item { req_id: &req, profile: 1, kind: 1, points: 1, created: 5, body: &[1; 300] };
        match q.append(&mut s, &item) {
            Ok(_) => i += 1,
            Err(error) => {
                first.get_or_insert((i, error.what));
                if !q.relieve(&mut s, &mut buf).unwrap() {
                    assert_eq!(error.what, BACKLOG_FULL);
                    break;
                }
            }
        }
    }
    let (live, what) = first.unwrap();
    assert_eq!(what, LIVE_FULL);
    println!("{live} before anything had to move, {i} in all");
    assert!(i > 2 * live);
}

/// Rounds of a sale that is cut and rung up again, none sent, until the store refuses one. Each
/// sale acknowledged is there at the end.
fn cut_sales(sectors: u32) -> u64 {
    let g = geometry(4096, sectors, 4, 4);
    let mut bytes = blank(&g);
    let mut done = 0;
    loop {
        let mut q = Queue::new();
        let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
        q.open(&mut s, [1; 8]).unwrap();
        let before = q.status();
        assert_eq!((u64::from(before.waiting), before.lost), (done, 0));
        // Half of the record is on the medium.
        let mut s = powered(&mut bytes, g, 70, Cut::Torn);
        let req = format!("cut {done}");
        let item =
            Item { req_id: &req, profile: 1, kind: 1, points: 10, created: 5, body: &[7; 100] };
        let _ = q.append(&mut s, &item).unwrap_err();
        let mut q = Queue::new();
        let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
        q.open(&mut s, [1; 8]).unwrap();
        if !append(&mut q, &mut s, 1, done, 100) {
            return done;
        }
        done += 1;
    }
}

#[test]
fn a_small_chip_fills_up_after_as_many_cuts_as_said() {
    let told = [8, 16, 32].map(|sectors| (sectors, cut_sales(sectors)));
    println!("sectors, cut appends until full: {told:?}");
    // docs/porting.md says so.
    assert_eq!(told, [(8, 26), (16, 195), (32, 392)]);
}
