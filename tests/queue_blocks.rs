//! A disk that keeps unsynced blocks in any order, drops some and spoils some: nothing acknowledged
//! is lost. Blocks of 512 and 4096 bytes, power-safe or not. The long form is 10 million runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/book.rs"]
mod book;
#[path = "common/chunks.rs"]
mod chunks;
mod common;
#[path = "common/disk.rs"]
mod disk;

use book::Book;
use chunks::{Plan, Sums};
use common::{Rng, geometry, twin};
use disk::{Blocks, Disk};
use pointcard::queue::Queue;

struct Start {
    image: Vec<u8>,
    queue: Queue,
    book: Book,
}

/// A disk, and stores on it that runs begin with; one a thread.
struct Bench {
    disk: Disk,
    starts: Vec<Start>,
    /// Whose image is on the disk.
    now: usize,
}

impl Bench {
    fn new(sector: u32, align: u32, block: usize, blocks: Blocks) -> Bench {
        let mut disk = Disk::new(geometry(sector, 8, 4, align), block, blocks);
        let (mut queue, mut book, mut rng) = (Queue::new(), Book::new(120), Rng(align.into()));
        queue.open(&mut disk, [7; 8]).unwrap();
        book.reorders = true;
        let mut starts = vec![];
        while starts.len() < 64 {
            for _ in 0..1 + rng.below(9) {
                if book.pending_count() > 2 {
                    book.settle_oldest(&mut queue, &mut disk);
                } else {
                    book.step(&mut queue, &mut disk, &mut rng).unwrap();
                }
            }
            if book.has_letters() {
                book.discard_all(&mut queue, &mut disk);
            }
            starts.push(Start { image: disk.image(), queue: twin(&queue), book: book.clone() });
        }
        Bench { disk, starts, now: usize::MAX }
    }

    /// Some operations, the last of them cut; a mount, sometimes cut itself; then an append.
    fn run(&mut self, rng: &mut Rng, sums: &mut Sums) {
        let which = rng.below(self.starts.len());
        let start = &self.starts[which];
        self.disk.restore(&start.image, self.now != which);
        self.now = which;
        let (disk, mut q, mut book) = (&mut self.disk, twin(&start.queue), start.book.clone());
        disk.rng = Rng(rng.next() | 1);
        disk.left = 1 + rng.below(12) as u64;
        while book.step(&mut q, disk, rng).is_ok() {}
        disk.crash();
        sums[0] += 1;
        while rng.below(4) == 0 {
            disk.left = 1 + rng.below(4) as u64;
            let cut = q.open(disk, [1; 8]).is_err();
            disk.crash();
            sums[0] += u64::from(cut);
        }
        q.open(disk, [1; 8]).unwrap();
        book.compare_owed(&mut q, disk);
        sums[1] += u64::from(!book.append(&mut q, disk, rng).unwrap());
        // Nothing is under way: this crash changes nothing.
        disk.crash();
        q.open(disk, [1; 8]).unwrap();
        match rng.below(16) {
            0 => book.compare(&mut q, disk),
            _ => book.compare_owed(&mut q, disk),
        }
    }
}

#[test]
fn blocks_in_any_order_lose_nothing() {
    let plan = Plan {
        name: "queue blocks",
        cases: [40_000, 10_000_000],
        chunk: 20_000,
        promise: "0 lost, 0 doubled",
        counts: ["crashes", "sales refused as full", "", ""],
    };
    let sums = chunks::run(&plan, || {
        let mut benches = [
            Bench::new(1024, 4, 512, Blocks::Whole),
            Bench::new(2048, 512, 512, Blocks::Spoilt),
            Bench::new(2048, 512, 512, Blocks::Whole),
            Bench::new(16384, 4096, 4096, Blocks::Spoilt),
        ];
        move |case, rng: &mut Rng, sums: &mut Sums| benches[case as usize % 4].run(rng, sums)
    });
    assert!(sums[0] > 0);
}
