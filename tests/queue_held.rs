//! Entries the caller skips: later ones still go out, and skipping alone does not wear the flash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::Storage;
use pointcard::port::ram::Cut;
use pointcard::queue::{ENTRY_MAX, Item, Queue};

fn append(q: &mut Queue, s: &mut dyn Storage, kind: u8, i: u64) -> bool {
    let req = format!("{kind}-{i}");
    let item = Item { req_id: &req, profile: 1, kind, points: 10, created: 5, body: &[7; 100] };
    q.append(s, &item).is_ok()
}

const HELD: u8 = 9;

/// One round of a caller that skips what it holds; says how many it sent.
fn round(q: &mut Queue, s: &mut dyn Storage) -> u32 {
    let (mut buf, mut from, mut sent) = ([0; ENTRY_MAX], 0, 0);
    while let Some(entry) = q.next(s, from, &mut buf).unwrap() {
        let seq = entry.seq;
        from = seq + 1;
        if entry.item.kind != HELD {
            q.mark_sent(s, seq).unwrap();
            q.settle(s, seq).unwrap();
            sent += 1;
        }
    }
    sent
}

#[test]
fn sales_behind_held_entries_go_out_in_one_round() {
    for held in [33, 64, 65, 200] {
        let g = geometry(4096, 32, 4, 4);
        let mut bytes = blank(&g);
        let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        for i in 0..held {
            assert!(append(&mut q, &mut s, HELD, i));
        }
        let before = s.erases;
        for i in 0..20 {
            for more in 0..3 {
                assert!(append(&mut q, &mut s, 1, i * 3 + more), "{held} held, round {i}");
            }
            assert_eq!(round(&mut q, &mut s), 3, "{held} held, round {i}");
            assert_eq!(q.status().waiting, held as u32);
            if i % 5 == 4 {
                q.open(&mut s, [1; 8]).unwrap();
            }
        }
        println!("{held} held: 20 rounds of 3 sales, {} erases", s.erases - before);
    }
}

#[test]
fn a_store_of_held_entries_alone_is_not_written_again_and_again() {
    for held in [40, 100, 300] {
        let g = geometry(4096, 32, 4, 4);
        let mut bytes = blank(&g);
        let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        for i in 0..held {
            assert!(append(&mut q, &mut s, HELD, i));
        }
        for _ in 0..3 {
            round(&mut q, &mut s);
        }
        let (programmed, erases) = (s.programmed, s.erases);
        for _ in 0..20 {
            assert_eq!(round(&mut q, &mut s), 0);
        }
        assert_eq!((s.programmed, s.erases), (programmed, erases), "{held} held");
        assert_eq!(q.status().waiting, held as u32);
    }
}

#[test]
fn a_nearly_full_store_of_held_entries_lets_the_last_sales_out() {
    let g = geometry(4096, 32, 4, 4);
    let mut bytes = blank(&g);
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    let mut held = 0;
    while q.status().room > 60 {
        assert!(append(&mut q, &mut s, HELD, held));
        held += 1;
    }
    for i in 0..3 {
        assert!(append(&mut q, &mut s, 1, i));
    }
    let sent: u32 = (0..4).map(|_| round(&mut q, &mut s)).sum();
    assert_eq!((sent, u64::from(q.status().waiting)), (3, held));
}
