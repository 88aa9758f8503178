//! Rotten bits, foreign bytes, other versions: nothing lost to one bit, nothing believed, no hang.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/forge.rs"]
mod forge;

use common::*;
use forge::{crc32c, forge};
use pointcard::port::Geometry;
use pointcard::port::ram::{Cut, RamStorage};
use pointcard::queue::{Cursor, ENTRY_MAX, Item, Queue};
use pointcard::status::{Error, Status};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A store in the middle of a day, wrapped, and what its caller knows.
fn populated(g: Geometry, seed: u64, ops: usize) -> (Vec<u8>, Model) {
    let mut bytes = blank(&g);
    let (mut q, mut model, mut rng) = (Queue::new(), Model::default(), Rng(seed));
    let mut s = RamStorage::new(&mut bytes, g);
    q.open(&mut s, [0x5A; 8]).unwrap();
    for op in script(seed, ops, g.sector_size as usize / 6) {
        model.step(&mut q, &mut s, &op, &mut rng).unwrap();
    }
    model.step(&mut q, &mut s, &Op::Commit, &mut rng).unwrap();
    (bytes, model)
}

#[test]
fn any_single_bit_of_rot_loses_and_alters_nothing() {
    let mut flips = 0u64;
    for (i, (g, ops)) in [
        (geometry(1024, 8, 1, 1), 30),
        (geometry(1024, 8, 4, 4), 120),
        (geometry(2048, 8, 16, 16), 90),
    ]
    .into_iter()
    .enumerate()
    {
        let (bytes, model) = populated(g, seed() + i as u64, ops);
        let mut image = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            // Erased bytes: every 16th, as a sample.
            if bytes[bit / 8] == 0xFF && (bit / 8) % 16 != 0 && !long() {
                continue;
            }
            flips += 1;
            image[bit / 8] ^= 1 << (bit % 8);
            let told = catch_unwind(AssertUnwindSafe(|| {
                let mut s = RamStorage::new(&mut image, g);
                let mut q = Queue::new();
                q.open(&mut s, [1; 8]).unwrap();
                model.compare(&mut q, &mut s);
            }));
            if let Err(e) = told {
                eprintln!("{g:?} byte {} bit {}", bit / 8, bit % 8);
                resume_unwind(e);
            }
            image.copy_from_slice(&bytes);
        }
    }
    println!("single bits flipped: {flips}, lost 0, altered 0");
}

/// Uses a store as far as it lets itself be used; says how many reads that took.
fn use_it(image: &mut [u8], g: Geometry, rng: &mut Rng) -> (u64, Option<Error>) {
    let mut s = powered(image, g, u64::MAX, Cut::Clean);
    let mut q = Queue::new();
    let mut buf = [0; ENTRY_MAX];
    if let Err(e) = q.open(&mut s, [1; 8]) {
        return (s.reads, Some(e));
    }
    let mut cursor = Cursor::default();
    let mut shown = 0;
    while let Ok(Some(entry)) = q.walk(&mut s, &mut cursor, &mut buf) {
        assert!(!entry.item.req_id.is_empty() || entry.item.body.len() < ENTRY_MAX);
        shown += 1;
        assert!(shown <= image_limit(g), "an endless walk");
    }
    let mut from = 0;
    for _ in 0..80 {
        let Ok(Some(entry)) = q.next(&mut s, from, &mut buf) else { break };
        let seq = entry.seq;
        from = seq.saturating_add(1);
        let _ = match rng.below(4) {
            0 => q.mark_sent(&mut s, seq).map(|_| ()),
            1 => q.settle(&mut s, seq),
            2 => q.stage(seq),
            _ => q.bury(&mut s, seq, &REASON, &mut buf).map(|_| ()),
        };
    }
    let req = format!("{:x}", rng.next());
    let item = Item { req_id: &req, profile: 1, kind: 1, points: 1, created: 1, body: b"x" };
    let _ = q.append(&mut s, &item);
    let _ = q.maintain(&mut s);
    let _ = q.find(&mut s, &req, &mut buf);
    let _ = q.status();
    (s.reads, None)
}

/// More records than a medium of this size could hold.
fn image_limit(g: Geometry) -> u32 {
    g.sector_size * g.sector_count / 12
}

#[test]
fn mutated_and_random_media_are_refused_or_used_without_harm() {
    let n = cases(4_000, 2_000_000);
    let mut most = 0;
    let mut rng = Rng(seed());
    let shapes = [geometry(1024, 8, 4, 4), geometry(512, 12, 1, 1), geometry(4096, 8, 16, 64)];
    let stores: Vec<_> = shapes.iter().map(|g| populated(*g, seed(), 150).0).collect();
    for case in 0..n {
        let which = case as usize % shapes.len();
        let g = shapes[which];
        let mut image = stores[which].clone();
        match rng.below(8) {
            0 => rng.fill(&mut image),
            1 => {
                let at = rng.below(image.len());
                let len = rng.below(image.len() - at);
                rng.fill(&mut image[at..at + len]);
            }
            2 => {
                // A sector in the place of another.
                let size = g.sector_size as usize;
                let from = rng.below(g.sector_count as usize) * size;
                let to = rng.below(g.sector_count as usize) * size;
                image.copy_within(from..from + size, to);
            }
            _ => {
                for _ in 0..1 + rng.below(40) {
                    let at = rng.below(image.len());
                    image[at] = rng.next() as u8;
                }
            }
        }
        let state = rng.0;
        match catch_unwind(AssertUnwindSafe(|| use_it(&mut image, g, &mut rng))) {
            Ok((reads, _)) => most = most.max(reads),
            Err(e) => {
                eprintln!("case {case}, generator {state:#x}, {g:?}");
                resume_unwind(e);
            }
        }
    }
    println!("hostile media: {n}, most reads in one use {most} (seed {})", seed());
    assert!(most < 200_000);
}

#[test]
fn records_inside_a_body_are_never_taken_for_records() {
    let g = geometry(4096, 8, 1, 1);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    let item = |req, body| Item { req_id: req, profile: 1, kind: 1, points: 9, created: 1, body };
    q.append(&mut s, &item("inner", b"forged")).unwrap();
    // The live ring's first sector: header 52, then the record as it stands on the medium.
    let start = 2 * 4096 + 52;
    let inner = s.bytes()[start..start + 64].to_vec();
    let outer: Vec<u8> = inner.iter().cycle().take(1500).copied().collect();
    q.append(&mut s, &item("outer", &outer)).unwrap();
    let at = start + 44 + 12; // somewhere inside the second record's frame and payload
    for byte in at - 12..at + 60 {
        let mut image = s.bytes().to_vec();
        image[byte] = 0;
        image[byte + 1] = 0;
        let mut r = RamStorage::new(&mut image, g);
        let mut q = Queue::new();
        q.open(&mut r, [1; 8]).unwrap();
        let (mut cursor, mut buf, mut n) = (Cursor::default(), [0; ENTRY_MAX], 0);
        while let Some(e) = q.walk(&mut r, &mut cursor, &mut buf).unwrap() {
            n += usize::from(e.item.req_id == "inner");
            assert!(["inner", "outer"].contains(&e.item.req_id));
        }
        assert!(n <= 1, "a record came out of a body");
    }
}

#[test]
fn an_unknown_version_feature_or_lane_is_named_and_left_alone() {
    let g = geometry(1024, 8, 4, 4);
    let (bytes, _) = populated(g, 3, 40);
    for (at, value, what) in [
        (4, 2, "store.version"),
        (5, 4, "store.lane"),
        (7, 1, "store.reserved"),
        (8, 4, "store.features"),
        (9, 9, "store.features"),
    ] {
        let mut image = bytes.clone();
        for sector in 0..8 {
            let header = &mut image[sector * 1024..][..52];
            if header.starts_with(b"KPCQ") {
                header[at] = value;
                let crc = crc32c(&header[..48]);
                header[48..].copy_from_slice(&crc.to_le_bytes());
            }
        }
        let before = image.clone();
        let mut q = Queue::new();
        let error = q.open(&mut RamStorage::new(&mut image, g), [1; 8]).unwrap_err();
        assert_eq!((error.status, error.what), (Status::MediaVersion, what));
        // The features are two bytes, and told together.
        assert_eq!(error.at, u32::from(value) << if at == 9 { 8 } else { 0 });
        assert!(image == before);
    }
}

fn item(req_id: &str) -> Item<'_> {
    Item { req_id, profile: 1, kind: 1, points: 4, created: 1, body: b"x" }
}

/// A store in which "early" waits, sent or not.
fn one_waits(sent: bool) -> (Geometry, Vec<u8>) {
    let g = geometry(1024, 8, 4, 4);
    let mut image = blank(&g);
    let mut s = RamStorage::new(&mut image, g);
    let mut q = Queue::new();
    q.open(&mut s, [3; 8]).unwrap();
    q.append(&mut s, &item("early")).unwrap();
    if sent {
        q.mark_sent(&mut s, 1).unwrap();
    }
    (g, image)
}

/// Who can write to the medium can claim any number of entries; no call may look for each of them.
#[test]
fn entries_that_were_only_claimed_are_passed_in_one_step() {
    let (g, mut image) = one_waits(false);
    // A SNAP's word 6 is the number the live lane's next entry gets.
    let next = 3_000_000_000u64;
    forge(&mut image[..1024], 52, |snap| {
        snap[12 + 48..][..8].copy_from_slice(&next.to_le_bytes());
    });
    let mut s = powered(&mut image, g, u64::MAX, Cut::Clean);
    let mut q = Queue::new();
    let opened = q.open(&mut s, [1; 8]).unwrap();
    assert_eq!(u64::from(opened.lost), next - 2);
    let seq = q.append(&mut s, &item("real")).unwrap().seq;
    assert_eq!(seq, next);
    let (reads, mut buf) = (s.reads, [0; ENTRY_MAX]);
    assert!(q.reach(&mut s, seq, &mut buf).unwrap());
    q.settle(&mut s, seq).unwrap();
    assert!(s.reads - reads < 2_000, "{} reads", s.reads - reads);
    let (lost, gap) = (q.status().lost, q.take_gap().unwrap());
    assert_eq!((u64::from(lost), gap.first, gap.last), (next - 2, 2, next - 1), "counted once");
    assert_eq!((q.take_gap(), q.status().waiting, q.status().points), (None, 1, 4));
}

/// A watermark that goes back from 1 would be one near 2^64: every sale behind it would count as
/// settled and never be sent.
#[test]
fn a_forged_watermark_beyond_all_numbers_is_not_believed() {
    let (g, mut image) = one_waits(true);
    let len = usize::from(u16::from_le_bytes([image[52 + 4], image[52 + 5]]));
    let state = (52 + 12 + len + 1).next_multiple_of(4);
    forge(&mut image[..1024], state, |record| record[8..12].fill(0xFF));
    let mut s = RamStorage::new(&mut image, g);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    assert_eq!(q.append(&mut s, &item("late")).unwrap().seq, 2);
    let mut buf = [0; ENTRY_MAX];
    assert_eq!(q.next(&mut s, 0, &mut buf).unwrap().unwrap().item.req_id, "early");
    assert_eq!(q.next(&mut s, 2, &mut buf).unwrap().unwrap().item.req_id, "late");
}

#[test]
fn media_that_cannot_hold_a_store_are_refused() {
    for (sector, count, prog, align) in [
        (256, 64, 1, 1),
        (1000, 64, 1, 1),
        (2 << 20, 8, 1, 1),
        (4096, 5, 1, 1),
        (4096, 8, 3, 4),
        (4096, 8, 64, 64),
        (4096, 8, 4, 2),
        (4096, 8, 4, 2048),
        (1 << 20, 4096, 4, 4),
    ] {
        let mut none = [];
        let g = geometry(sector, count, prog, align);
        let error = Queue::new().open(&mut RamStorage::new(&mut none, g), [1; 8]).unwrap_err();
        assert_eq!(error.status, Status::Geometry, "{g:?}");
    }
    // The same bytes under another shape are not this store.
    let g = geometry(1024, 8, 4, 4);
    let (mut image, _) = populated(g, 3, 40);
    for other in [geometry(512, 16, 4, 4), geometry(1024, 7, 4, 4)] {
        let error = Queue::new().open(&mut RamStorage::new(&mut image, other), [1; 8]).unwrap_err();
        assert_eq!(error.status, Status::Geometry, "{other:?}");
    }
}
