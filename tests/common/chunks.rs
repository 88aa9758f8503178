//! Many independent cases on all cores, in chunks, so that a long run can be stopped and continued.
//!
//! In: a number of cases and what one of them does. Out: sums, and one line that says what was run.
//! Each case has a generator of its own, which follows from the seed and the case's number:
//! `POINTCARD_CASE=n` runs that case alone. The long form notes every finished chunk in a file of
//! the target directory, under the seed and a hash of this very program, and leaves out what is
//! noted there: another program or another seed starts afresh.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use crate::common::{Rng, long, seed};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// What is counted beside the cases.
pub type Sums = [u64; 4];

/// What to run.
pub struct Plan {
    /// Names the run in its line and in its file of finished chunks.
    pub name: &'static str,
    /// Cases of the short form and of the long one.
    pub cases: [u64; 2],
    /// Cases noted as done together.
    pub chunk: u64,
    /// What every case has shown, or it would have failed.
    pub promise: &'static str,
    /// What the sums are.
    pub counts: [&'static str; 4],
}

/// A well mixed generator for one case.
pub fn generator(case: u64) -> Rng {
    let mut x = seed() ^ case.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    Rng(x ^ x >> 31 | 1)
}

/// Runs the plan. `worker` is made once a thread; it does one case and adds to the sums.
pub fn run<W: FnMut(u64, &mut Rng, &mut Sums)>(plan: &Plan, worker: impl Fn() -> W + Sync) -> Sums {
    if let Some(case) = std::env::var("POINTCARD_CASE").ok().and_then(|n| n.parse().ok()) {
        let mut sums = [0; 4];
        worker()(case, &mut generator(case), &mut sums);
        println!("{}: case {case} alone (seed {})", plan.name, seed());
        return sums;
    }
    let total = plan.cases[usize::from(long())];
    let notes = long().then(|| Notes::of(plan.name));
    let mut done = notes.as_ref().map(|notes| notes.read(plan.chunk)).unwrap_or_default();
    let known = done.len() as u64;
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let fresh = Mutex::new(vec![]);
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut one = worker();
                while !stop.load(Ordering::Relaxed) {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk * plan.chunk >= total {
                        break;
                    }
                    if done.iter().any(|(number, _)| *number == chunk) {
                        continue;
                    }
                    let cases = chunk * plan.chunk..total.min((chunk + 1) * plan.chunk);
                    let mut sums = [0; 4];
                    for case in cases {
                        tried(plan.name, case, &stop, || {
                            one(case, &mut generator(case), &mut sums);
                        });
                    }
                    if let Some(notes) = &notes {
                        notes.add(plan.chunk, chunk, &sums);
                    }
                    fresh.lock().unwrap().push((chunk, sums));
                }
            });
        }
    });
    let run = fresh.into_inner().unwrap();
    let now: u64 = run.iter().map(|(n, _)| plan.chunk.min(total - n * plan.chunk)).sum();
    done.retain(|(number, _)| number * plan.chunk < total);
    done.extend(run);
    let mut sums = [0; 4];
    for (_, add) in &done {
        sums.iter_mut().zip(add).for_each(|(sum, add)| *sum += add);
    }
    report(plan, total, known * plan.chunk, now, &sums, started);
    sums
}

/// A case that fails is named, and ends the run.
fn tried(name: &str, case: u64, stop: &AtomicBool, work: impl FnOnce()) {
    if let Err(told) = catch_unwind(AssertUnwindSafe(work)) {
        stop.store(true, Ordering::Relaxed);
        let seed = seed();
        eprintln!("{name}: case {case}; again alone: POINTCARD_SEED={seed} POINTCARD_CASE={case}");
        resume_unwind(told);
    }
}

fn report(plan: &Plan, total: u64, known: u64, now: u64, sums: &Sums, started: Instant) {
    let named = plan.counts.iter().zip(sums).filter(|(name, _)| !name.is_empty());
    let counts: String = named.map(|(name, sum)| format!("{sum} {name}, ")).collect();
    let rate = now as f64 / started.elapsed().as_secs_f64().max(1e-9);
    let before = if known > 0 { format!(", {known} of them in an earlier run") } else { "".into() };
    println!(
        "{}: {total} cases, {counts}{} (seed {}{before}; {rate:.0} cases a second)",
        plan.name,
        plan.promise,
        seed(),
    );
}

/// Finished chunks of one run, a line each.
struct Notes {
    path: PathBuf,
    file: Mutex<()>,
}

impl Notes {
    fn of(name: &str) -> Notes {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let hash = program.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let name = format!("{}-{:x}-{hash:016x}", name.replace(' ', "-"), seed());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        Notes { path, file: Mutex::new(()) }
    }

    /// Chunks of this size that are noted; a line that was cut short is none.
    fn read(&self, chunk: u64) -> Vec<(u64, Sums)> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let parse = |line: &str| -> Option<(u64, Sums)> {
            let numbers: Option<Vec<u64>> =
                line.strip_suffix(" .")?.split(' ').map(|n| n.parse().ok()).collect();
            match numbers?.as_slice() {
                &[size, number, a, b, c, d] if size == chunk => Some((number, [a, b, c, d])),
                _ => None,
            }
        };
        let mut done: Vec<_> = text.lines().filter_map(parse).collect();
        done.sort_unstable();
        done.dedup_by_key(|(number, _)| *number);
        done
    }

    fn add(&self, size: u64, number: u64, sums: &Sums) {
        let _one = self.file.lock().unwrap();
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(&self.path).unwrap();
        let [a, b, c, d] = sums;
        writeln!(file, "{size} {number} {a} {b} {c} {d} .").unwrap();
    }
}
