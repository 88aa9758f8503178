//! Bits that read differently twice, and erases that were cut and read as if they had ended: what is
//! acknowledged on top of that holds, mount after mount.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/book.rs"]
mod book;
#[path = "common/chunks.rs"]
mod chunks;
mod common;
#[path = "common/nor.rs"]
mod nor;

use book::Book;
use chunks::{Plan, Sums};
use common::{Rng, geometry};
use nor::{Nor, Tear};
use pointcard::queue::Queue;

/// A day with cuts, each followed by mounts that may see it differently.
fn day(s: &mut Nor, rng: &mut Rng, sums: &mut Sums) {
    let (mut q, mut book) = (Queue::new(), Book::new(60));
    book.fickle = true;
    q.open(s, [7; 8]).unwrap();
    for _ in 0..40 {
        if !book.has_room() {
            break;
        }
        s.left = if rng.below(4) == 0 { rng.below(140) as u64 } else { u64::MAX };
        s.tear = [Tear::Clean, Tear::Byte][rng.below(2)];
        let cut = book.step(&mut q, s, rng).is_err();
        sums[0] += u64::from(cut);
        s.left = u64::MAX;
        for _ in 0..if cut { 2 } else { u32::from(rng.below(8) == 0) } {
            q.open(s, [1; 8]).unwrap();
            book.compare(&mut q, s);
            sums[1] += 1;
        }
    }
}

#[test]
fn what_is_acknowledged_beside_undecided_bits_holds() {
    let plan = Plan {
        name: "queue marginal bits",
        cases: [3_000, 500_000],
        chunk: 1_000,
        promise: "0 lost, 0 doubled",
        counts: ["cuts", "mounts compared", "", ""],
    };
    let shapes = [geometry(1024, 8, 1, 1), geometry(1024, 8, 4, 4), geometry(2048, 8, 16, 16)];
    let sums = chunks::run(&plan, || {
        let mut media = shapes.map(|g| {
            let mut medium = Nor::new(g);
            medium.marginal();
            let blank = medium.bytes.clone();
            (medium, blank)
        });
        move |case, rng: &mut Rng, sums: &mut Sums| {
            let (s, blank) = &mut media[case as usize % 3];
            s.dirty = u64::MAX >> (64 - s.g.sector_count);
            s.restore(blank);
            s.rng = Rng(rng.next() | 1);
            day(s, rng, sums);
        }
    });
    assert!(sums[0] > 0);
}
