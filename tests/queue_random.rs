//! Random operations with faults against a model that knows them all; lost and reordered blocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::ram::Cut;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::Queue;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Random operations; the power goes at random moments, often while recovering.
#[test]
fn random_operations_with_faults_agree_with_the_model() {
    let days = cases(60, 20_000);
    let (mut ops, mut cuts) = (0u64, 0u64);
    let shapes = [
        geometry(1024, 8, 1, 1),
        geometry(4096, 8, 4, 4),
        geometry(4096, 9, 16, 64),
        geometry(2048, 16, 4, 512),
        geometry(512, 24, 1, 1),
    ];
    for day in 0..days {
        let g = shapes[day as usize % shapes.len()];
        let seed = seed() + day;
        let told = catch_unwind(AssertUnwindSafe(|| {
            let mut rng = Rng(seed * 31 + 1);
            let mut bytes = blank(&g);
            let (mut q, mut model) = (Queue::new(), Model::default());
            q.open(&mut powered(&mut bytes, g, u64::MAX, Cut::Clean), [1; 8]).unwrap();
            for op in script(seed, 600, g.sector_size as usize / 5) {
                let cut = if rng.below(2) == 0 { Cut::Clean } else { Cut::Torn };
                let left = if rng.below(6) == 0 { rng.below(500) as u64 } else { u64::MAX };
                ops += 1;
                if model.step(&mut q, &mut powered(&mut bytes, g, left, cut), &op, &mut rng).is_ok()
                {
                    continue;
                }
                cuts += 1;
                while q
                    .open(&mut powered(&mut bytes, g, 1 + rng.below(300) as u64, cut), [2; 8])
                    .is_err()
                {
                    cuts += 1;
                }
                let mut s = powered(&mut bytes, g, u64::MAX, cut);
                q.open(&mut s, [3; 8]).unwrap();
                model.compare(&mut q, &mut s);
                model = model.after_recovery(&mut q, &mut s);
            }
        }));
        if let Err(e) = told {
            eprintln!("day {day} seed {seed} {g:?}");
            resume_unwind(e);
        }
    }
    println!("random operations: {ops}, cuts {cuts}, lost 0, doubled 0 (seed {})", seed());
}

/// A disk that keeps unsynced blocks in any order, and may spoil one it was writing.
struct Disk {
    durable: Vec<u8>,
    now: Vec<u8>,
    g: Geometry,
    left: u64,
}

const BLOCK: usize = 512;

impl Disk {
    fn call(&mut self) -> Result<(), PortError> {
        if self.left == 0 {
            return Err(PortError(4));
        }
        self.left -= 1;
        Ok(())
    }

    /// What a restart finds: of the blocks not yet synced some are new, some old, some spoilt.
    fn crash(&mut self, rng: &mut Rng, spoil: bool) {
        for (old, new) in self.durable.chunks_mut(BLOCK).zip(self.now.chunks(BLOCK)) {
            if old != new {
                match rng.below(if spoil { 3 } else { 2 }) {
                    0 => {}
                    1 => old.copy_from_slice(new),
                    _ => rng.fill(old),
                }
            }
        }
        self.now.clone_from(&self.durable);
        self.left = u64::MAX;
    }
}

impl Storage for Disk {
    fn geometry(&self) -> Geometry {
        self.g
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        buf.copy_from_slice(&self.now[at as usize..at as usize + buf.len()]);
        Ok(())
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.call()?;
        self.now[at as usize..at as usize + data.len()].copy_from_slice(data);
        Ok(())
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.call()?;
        let size = self.g.sector_size as usize;
        self.now[sector as usize * size..][..size].fill(0xFF);
        Ok(())
    }
    fn sync(&mut self) -> Result<(), PortError> {
        self.call()?;
        self.durable.clone_from(&self.now);
        Ok(())
    }
}

fn reorder(name: &str, align: u32, spoil: bool, runs: u64) {
    let g = geometry(4096, 8, 4, align);
    for run in 0..runs {
        let seed = seed() + run;
        let told = catch_unwind(AssertUnwindSafe(|| {
            let mut rng = Rng(seed * 77 + 1);
            let mut disk = Disk { durable: blank(&g), now: blank(&g), g, left: u64::MAX };
            let model = Model { reorders: true, ..Model::default() };
            let (mut q, mut model) = (Queue::new(), model);
            q.open(&mut disk, [1; 8]).unwrap();
            for op in script(seed, 60, 900) {
                disk.left = if rng.below(8) == 0 { rng.below(4) as u64 } else { u64::MAX };
                if model.step(&mut q, &mut disk, &op, &mut rng).is_ok() {
                    continue;
                }
                disk.crash(&mut rng, spoil);
                q.open(&mut disk, [2; 8]).unwrap();
                model.compare(&mut q, &mut disk);
                model = model.after_recovery(&mut q, &mut disk);
            }
        }));
        if let Err(e) = told {
            eprintln!("run {run} seed {seed} {g:?}");
            resume_unwind(e);
        }
    }
    println!("{name}: {runs} runs, lost 0, doubled 0 (seed {})", self::seed());
}

#[test]
fn reordered_blocks_lose_nothing() {
    reorder("reordered, power-safe, align 4", 4, false, cases(1_000, 50_000));
}

#[test]
fn spoilt_blocks_lose_nothing_when_aligned() {
    reorder("reordered and spoilt, align 512", 512, true, cases(1_000, 50_000));
}

/// The n-th call of the port fails, for every n.
#[test]
fn every_failing_call_is_survived() {
    let g = geometry(1024, 8, 4, 4);
    let ops = script(seed(), 60, 150);
    for fails in 0.. {
        let mut disk = Disk { durable: blank(&g), now: blank(&g), g, left: fails };
        let mut rng = Rng(5);
        let (mut q, mut model) = (Queue::new(), Model::default());
        let mut failed = q.open(&mut disk, [1; 8]).is_err();
        if !failed {
            failed = ops.iter().any(|op| model.step(&mut q, &mut disk, op, &mut rng).is_err());
            assert!(!failed || q.commit(&mut disk).is_err(), "it goes on after a failure");
        }
        disk.left = u64::MAX;
        q.open(&mut disk, [1; 8]).unwrap();
        model.compare(&mut q, &mut disk);
        if !failed {
            assert!(fails > 60);
            return;
        }
    }
}
