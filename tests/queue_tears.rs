//! Random payloads, torn at random places, again and again, then something that is acknowledged:
//! it must be there, once, after a fresh mount. The long form is 100 million cases.
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
use common::{Rng, geometry, twin};
use nor::{Nor, Tear};
use pointcard::port::Geometry;
use pointcard::queue::Queue;

/// Where cases begin: a store in the middle of a day.
struct Start {
    image: Vec<u8>,
    queue: Queue,
    book: Book,
}

/// Stores of one shape, from nearly new to gone round several times.
fn starts(g: Geometry) -> Vec<Start> {
    let (mut s, mut queue, mut book) = (Nor::new(g), Queue::new(), Book::new(60));
    let mut rng = Rng(g.prog_size.into());
    queue.open(&mut s, [7; 8]).unwrap();
    let mut starts = vec![];
    while starts.len() < 64 {
        for _ in 0..1 + rng.below(9) {
            if book.pending_count() > 1 {
                book.settle_oldest(&mut queue, &mut s);
            } else {
                book.step(&mut queue, &mut s, &mut rng).unwrap();
            }
        }
        if book.has_letters() {
            book.discard_all(&mut queue, &mut s);
        }
        starts.push(Start { image: s.bytes.clone(), queue: twin(&queue), book: book.clone() });
    }
    starts
}

/// The medium and the stores of one shape; one a thread.
struct Bench {
    s: Nor,
    starts: Vec<Start>,
}

impl Bench {
    fn new(g: Geometry) -> Bench {
        Bench { s: Nor::new(g), starts: starts(g) }
    }

    /// One to three tears, each with a mount behind it, then what is acknowledged.
    fn case(&mut self, rng: &mut Rng, sums: &mut Sums) {
        let start = &self.starts[rng.below(self.starts.len())];
        let s = &mut self.s;
        s.dirty = u64::MAX >> (64 - s.g.sector_count);
        s.restore(&start.image);
        let (mut q, mut book) = (twin(&start.queue), start.book.clone());
        s.rng = Rng(rng.next() | 1);
        for _ in 0..1 + rng.below(8).saturating_sub(5) {
            // As often in a frame as anywhere else.
            let near = if rng.below(2) == 0 { 14 } else { 130 };
            s.left = rng.below(near) as u64;
            s.tear = [Tear::Clean, Tear::Byte, Tear::Unit][rng.below(3)];
            let cut = match rng.below(4) {
                0 => book.step(&mut q, s, rng).is_err(),
                _ => book.append(&mut q, s, rng).is_err(),
            };
            sums[0] += u64::from(cut);
            s.left = u64::MAX;
            q.open(s, [1; 8]).unwrap();
            book.compare_owed(&mut q, s);
        }
        sums[1] += u64::from(!book.append(&mut q, s, rng).unwrap());
        if rng.below(4) == 0 {
            book.step(&mut q, s, rng).unwrap();
        }
        q.open(s, [1; 8]).unwrap();
        // A look at what is settled, too, costs most of a case; one in sixteen takes it.
        match rng.below(16) {
            0 => book.compare(&mut q, s),
            _ => book.compare_owed(&mut q, s),
        }
    }
}

#[test]
fn random_tears_never_take_what_was_acknowledged() {
    let plan = Plan {
        name: "queue tears",
        cases: [200_000, 100_000_000],
        chunk: 100_000,
        promise: "0 lost, 0 doubled",
        counts: ["tears", "sales refused as full", "", ""],
    };
    let shapes = [geometry(512, 8, 1, 1), geometry(512, 8, 4, 4), geometry(512, 8, 16, 16)];
    let sums = chunks::run(&plan, || {
        let mut benches = shapes.map(Bench::new);
        move |case, rng: &mut Rng, sums: &mut Sums| {
            benches[(case % 4).saturating_sub(1) as usize].case(rng, sums);
        }
    });
    assert!(sums[0] > 0 || std::env::var_os("POINTCARD_CASE").is_some());
}
