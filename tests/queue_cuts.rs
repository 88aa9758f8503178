//! Cuts in a row: the power goes, goes again while the store recovers, and once more after that.
//!
//! The first cut is taken at every step of an operation (every sixteenth in the short form), the second at every step of the recovery
//! and the sale behind it, the third at a sample of the steps of the next recovery (at all of them
//! in the long form).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/book.rs"]
mod book;
mod common;
#[path = "common/nor.rs"]
mod nor;

use book::Book;
use common::{Rng, cases, geometry, seed, twin};
use nor::{Nor, Tear};
use pointcard::port::Geometry;
use pointcard::queue::Queue;

#[derive(Default)]
struct Counts {
    first: u64,
    second: u64,
    third: u64,
    /// Of the third cuts, one in so many is taken.
    every: u64,
    seen: u64,
}

/// A store, and what its caller knows.
#[derive(Clone)]
struct Moment {
    image: Vec<u8>,
    book: Book,
}

/// A restart that has power for `left` steps: a mount, a look, a sale. What it leaves behind, and
/// whether the power sufficed.
fn restart(s: &mut Nor, from: &Moment, left: u64, tear: Tear) -> (Moment, bool) {
    s.bytes.copy_from_slice(&from.image);
    (s.left, s.tear) = (left, tear);
    let (mut q, mut book) = (Queue::new(), from.book.clone());
    let mut whole = false;
    if q.open(s, [2; 8]).is_ok() {
        let power = std::mem::replace(&mut s.left, u64::MAX);
        book.compare(&mut q, s);
        s.left = power;
        whole = book.append(&mut q, s, &mut Rng(left << 8 | from.book.sales())).is_ok();
    }
    s.left = u64::MAX;
    (Moment { image: s.bytes.clone(), book }, whole)
}

/// A restart with power for ever: what was acknowledged is there, and stays.
fn settle(s: &mut Nor, from: &Moment) {
    let (mut after, whole) = restart(s, from, u64::MAX, Tear::Clean);
    assert!(whole);
    let mut q = Queue::new();
    q.open(s, [3; 8]).unwrap();
    after.book.compare(&mut q, s);
}

/// All second cuts after one first cut, and some third ones after each.
fn again(s: &mut Nor, cut: &Moment, tear: Tear, counts: &mut Counts) {
    for left in 0.. {
        let (second, whole) = restart(s, cut, left, tear);
        counts.second += 1;
        settle(s, &second);
        if whole {
            return;
        }
        for left in 0.. {
            counts.seen += 1;
            if !counts.seen.is_multiple_of(counts.every) && left > 0 {
                // Only to learn whether there are more steps.
                if left > 400 {
                    break;
                }
                continue;
            }
            let (third, whole) = restart(s, &second, left, tear);
            counts.third += 1;
            settle(s, &third);
            if whole {
                break;
            }
        }
    }
}

/// A short day; one operation in `share` is cut everywhere.
fn cut_everywhere(g: Geometry, tear: Tear, share: usize, every: u64) -> Counts {
    let stride = cases(16, 1);
    let mut s = Nor::new(g);
    s.rng = Rng(seed() | 1);
    let (mut q, mut book, mut rng) = (Queue::new(), Book::new(60), Rng(seed() ^ 77 | 1));
    let mut counts = Counts { every, ..Counts::default() };
    q.open(&mut s, [1; 8]).unwrap();
    for number in 0..120 {
        if book.pending_count() > 3 {
            book.settle_oldest(&mut q, &mut s);
        }
        let before = Moment { image: s.bytes.clone(), book: book.clone() };
        let start = (twin(&q), rng.clone());
        book.step(&mut q, &mut s, &mut rng).unwrap();
        let after = s.bytes.clone();
        for left in
            (number as u64 % stride..).step_by(stride as usize).take_while(|_| number % share == 0)
        {
            let mut cut = before.clone();
            s.bytes.copy_from_slice(&before.image);
            (s.left, s.tear) = (left, tear);
            let whole = cut.book.step(&mut twin(&start.0), &mut s, &mut start.1.clone()).is_ok();
            s.left = u64::MAX;
            if whole {
                break;
            }
            counts.first += 1;
            cut.image.copy_from_slice(&s.bytes);
            again(&mut s, &cut, tear, &mut counts);
        }
        s.bytes = after;
        if book.has_letters() {
            book.discard_all(&mut q, &mut s);
        }
    }
    counts
}

#[test]
fn two_and_three_cuts_in_a_row_keep_what_was_acknowledged() {
    let mut total = (0, 0, 0);
    for (g, tear) in [
        (geometry(512, 8, 1, 1), Tear::Byte),
        (geometry(512, 8, 4, 4), Tear::Clean),
        (geometry(512, 8, 16, 16), Tear::Unit),
    ] {
        let counts = cut_everywhere(g, tear, cases(30, 10) as usize, cases(997, 197));
        total = (total.0 + counts.first, total.1 + counts.second, total.2 + counts.third);
    }
    println!(
        "queue cuts: {} cut once, {} twice, {} three times, 0 lost, 0 doubled (seed {})",
        total.0,
        total.1,
        total.2,
        seed()
    );
    assert!(total.0 > 50 && total.1 > 5_000 && total.2 > 1_000);
}
