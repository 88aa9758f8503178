//! Every store in turn on one disk: append, batch, next and done, round after round.
//!
//! In: a folder. Out: a table and its rows. Times are ratios to the floor of the same round, the
//! median of all rounds, so that a busy machine slows both sides. A disk that has two speeds (one
//! that sometimes sleeps until a timer wakes it) hides differences while it is slow: so there is
//! also the ratio of the quickest tenth of all calls. Counts and bytes depend on neither.

use super::io::{Counts, Disk};
use super::stores::{BATCH, Floor, Ours, Redb, Sqlite, Store};
use super::{STORE, median, quantile, timed};
use serde_json::{Map, Value, json};
use std::path::Path;

const ROUNDS: usize = 24;
/// Appends, and next and done, of each store in each round.
const EACH: u64 = 32;
const BATCHES: u64 = 8;
const NAMES: [&str; 5] = ["floor", "pointcard", "sqlite wal", "sqlite delete", "redb"];

/// One kind of call of one store, in all rounds.
#[derive(Default)]
struct Calls {
    us: Vec<f64>,
    /// Each round's median.
    rounds: Vec<f64>,
    sum: Counts,
    /// For each call; the lower quartile is taken, because others use the disk, too.
    device: Vec<f64>,
}

impl Calls {
    fn take(&mut self, disk: &Disk, work: impl FnOnce()) {
        let before = Counts::now(disk);
        self.us.push(timed(work).0);
        let more = Counts::now(disk).since(&before);
        self.device.push(more.device_writes as f64);
        self.sum = self.sum.and(&more);
    }

    fn end_round(&mut self, calls: u64) {
        let from = self.us.len() - calls as usize;
        self.rounds.push(median(&self.us[from..]));
    }

    /// Figures beside the floor's calls of the same kind.
    fn row(&self, floor: &Calls, disk: &Disk) -> Value {
        let calls = self.us.len() as f64;
        let of = |q: f64| quantile(&self.us, q) / quantile(&floor.us, q);
        let rounds = self.rounds.iter().zip(&floor.rounds).map(|(own, floor)| own / floor);
        json!({
            "p10_us": quantile(&self.us, 0.1),
            "p50_us": median(&self.us),
            "p99_us": quantile(&self.us, 0.99),
            "quick_x": of(0.1),
            "p50_x": median(&rounds.collect::<Vec<_>>()),
            "p99_x": of(0.99),
            "syncs": self.sum.syncs as f64 / calls,
            "writes": self.sum.writes as f64 / calls,
            "bytes": self.sum.bytes as f64 / calls,
            "device_writes": disk.counts().then(|| quantile(&self.device, 0.25)),
        })
    }
}

#[derive(Default)]
struct Times {
    append: Calls,
    batch: Calls,
    done: Calls,
    next: Vec<f64>,
}

fn round(store: &mut dyn Store, from: u64, disk: &Disk, times: &mut Times) {
    for number in from..from + EACH {
        store.idle();
        times.append.take(disk, || store.append(number));
    }
    times.append.end_round(EACH);
    for batch in 0..BATCHES {
        store.idle();
        times.batch.take(disk, || store.batch(from + EACH + batch * BATCH));
    }
    times.batch.end_round(BATCHES);
    for _ in 0..EACH {
        let (next, id) = timed(|| store.next());
        times.next.push(next);
        store.idle();
        times.done.take(disk, || store.done(id));
    }
    times.done.end_round(EACH);
}

fn all(dir: &Path) -> [Box<dyn Store>; 5] {
    [
        Box::new(Floor::new(dir, 16 << 20)),
        Box::new(Ours::open(&dir.join("pointcard"), STORE, true)),
        Box::new(Sqlite::open(&dir.join("wal.db"), "wal")),
        Box::new(Sqlite::open(&dir.join("delete.db"), "delete")),
        Box::new(Redb::open(&dir.join("redb"))),
    ]
}

/// Measures and prints; says each store's figures for each kind of call.
pub fn side_by_side(dir: &Path, disk: &Disk) -> Value {
    println!(
        "{ROUNDS} rounds of {EACH} appends, {BATCHES} batches of {BATCH} and {EACH} dones of each \
         store; x: times the floor\n"
    );
    let (mut stores, mut times) = (all(dir), [(); 5].map(|()| Times::default()));
    for turn in 0..=ROUNDS {
        for step in 0..stores.len() {
            // Nobody is always the first; the first turn warms up.
            let which = (turn + step) % stores.len();
            let from = turn as u64 * (EACH + BATCHES * BATCH);
            round(&mut *stores[which], from, disk, &mut times[which]);
        }
        if turn == 0 {
            times = [(); 5].map(|()| Times::default());
        }
    }
    table(&times, disk)
}

fn table(times: &[Times; 5], disk: &Disk) -> Value {
    let mut rows = Map::new();
    for (name, own) in NAMES.iter().zip(times) {
        let row = json!({
            "append": own.append.row(&times[0].append, disk),
            "batch": own.batch.row(&times[0].batch, disk),
            "done": own.done.row(&times[0].done, disk),
            "next_us": median(&own.next),
        });
        rows.insert((*name).into(), row);
    }
    for call in ["append", "batch", "done"] {
        println!(
            "{call:<14} {:>8} {:>8} {:>7} {:>7} {:>7} {:>6} {:>7} {:>8} {:>7}",
            "p10 us", "p50 us", "x p10", "x p50", "x p99", "syncs", "writes", "bytes", "device"
        );
        NAMES.iter().for_each(|name| print_row(name, &rows[*name][call]));
        println!();
    }
    rows.into()
}

fn print_row(name: &str, row: &Value) {
    let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "{name:<14} {:>8.0} {:>8.0} {:>7.2} {:>7.2} {:>7.2} {:>6.2} {:>7.2} {:>8.0} {:>7.1}",
        number("p10_us"),
        number("p50_us"),
        number("quick_x"),
        number("p50_x"),
        number("p99_x"),
        number("syncs"),
        number("writes"),
        number("bytes"),
        number("device_writes"),
    );
}
