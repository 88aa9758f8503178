//! The queue beside what a till could use instead, in one run: `make bench-queue`.
//!
//! In: a folder on the disk to measure (first argument). Out: tables; each goal as `met` or
//! `missed` with its figure; everything as JSON in the second argument's file. Times are ratios to
//! the floor of the same round, the median of all rounds, so that a busy machine slows both sides;
//! counts and bytes do not depend on it. Goals are never loosened; the exit code is 0 either way.

mod io;
mod nor;
mod stores;

use io::{Counts, Disk};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use stores::{BATCH, Floor, Ours, Redb, Sqlite, Store, folder};

const ROUNDS: usize = 16;
/// Appends, and next and done, of each store in each round.
const EACH: u64 = 32;
const BATCHES: u64 = 5;
const STORE: u32 = 192 << 20;

/// Runs `work` and says how many microseconds it took.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed().as_secs_f64() * 1e6, value)
}

fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len() as f64 - 1.0) * q).round() as usize).copied().unwrap_or(0.0)
}

fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// What one store did in all rounds. Each sample of `append_rounds` is a round's median.
#[derive(Default)]
struct Times {
    append: Vec<f64>,
    append_rounds: Vec<f64>,
    batch_rounds: Vec<f64>,
    next: Vec<f64>,
    done_rounds: Vec<f64>,
    appends: Counts,
    /// For each append; the lower quartile is taken, because others use the disk, too.
    device: Vec<f64>,
    batches: Counts,
    dones: Counts,
}

fn round(store: &mut dyn Store, from: u64, disk: &Disk, times: &mut Times) {
    let mut appends = vec![];
    for number in from..from + EACH {
        store.idle();
        let before = Counts::now(disk);
        appends.push(timed(|| store.append(number)).0);
        let more = Counts::now(disk).since(&before);
        times.appends.syncs += more.syncs;
        times.appends.writes += more.writes;
        times.appends.bytes += more.bytes;
        times.device.push(more.device_writes as f64);
    }
    times.append_rounds.push(median(&appends));
    times.append.extend(appends);
    let mut batches = vec![];
    for batch in 0..BATCHES {
        store.idle();
        let before = Counts::now(disk);
        batches.push(timed(|| store.batch(from + EACH + batch * BATCH)).0);
        times.batches = Counts::now(disk).since(&before);
    }
    times.batch_rounds.push(median(&batches));
    let mut dones = vec![];
    for _ in 0..EACH {
        let (next, id) = timed(|| store.next());
        store.idle();
        let before = Counts::now(disk);
        dones.push(timed(|| store.done(id)).0);
        times.dones = Counts::now(disk).since(&before);
        times.next.push(next);
    }
    times.done_rounds.push(median(&dones));
}

const NAMES: [&str; 5] = ["floor", "pointcard", "sqlite wal", "sqlite delete", "redb"];

fn all(dir: &Path) -> [Box<dyn Store>; 5] {
    [
        Box::new(Floor::new(dir, 16 << 20)),
        Box::new(Ours::open(&dir.join("pointcard"), STORE, true)),
        Box::new(Sqlite::open(&dir.join("wal.db"), "wal")),
        Box::new(Sqlite::open(&dir.join("delete.db"), "delete")),
        Box::new(Redb::open(&dir.join("redb"))),
    ]
}

fn side_by_side(dir: &Path, disk: &Disk) -> [Times; 5] {
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
    times
}

/// The median over the rounds of this store's time to the floor's.
fn ratio(times: &[f64], floor: &[f64]) -> f64 {
    median(&times.iter().zip(floor).map(|(time, floor)| time / floor).collect::<Vec<_>>())
}

fn table(times: &[Times; 5], disk: &Disk) -> Value {
    let floor = &times[0];
    println!(
        "{:<14} {:>9} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>8} {:>8}",
        "store",
        "append us",
        "x p50",
        "x p99",
        "x batch",
        "x done",
        "syncs",
        "writes",
        "bytes",
        "device"
    );
    let mut rows = Map::new();
    for (name, own) in NAMES.iter().zip(times) {
        let per = |n: u64| n as f64 / own.append.len() as f64;
        let counts = own.appends;
        let row = json!({
            "append_p50_us": median(&own.append),
            "append_p99_us": quantile(&own.append, 0.99),
            "append_p50_x": ratio(&own.append_rounds, &floor.append_rounds),
            "append_p99_x": quantile(&own.append, 0.99) / quantile(&floor.append, 0.99),
            "batch_x": ratio(&own.batch_rounds, &floor.batch_rounds),
            "done_x": ratio(&own.done_rounds, &floor.done_rounds),
            "next_us": median(&own.next),
            "append_syncs": per(counts.syncs),
            "append_writes": per(counts.writes),
            "append_bytes": per(counts.bytes),
            "append_device_writes": disk.counts().then(|| quantile(&own.device, 0.25)),
            "batch_syncs": own.batches.syncs,
            "done_syncs": own.dones.syncs,
        });
        let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        println!(
            "{name:<14} {:>9.0} {:>7.2} {:>7.2} {:>7.2} {:>7.2} {:>6.2} {:>7.2} {:>8.0} {:>8.2}",
            number("append_p50_us"),
            number("append_p50_x"),
            number("append_p99_x"),
            number("batch_x"),
            number("done_x"),
            number("append_syncs"),
            number("append_writes"),
            number("append_bytes"),
            number("append_device_writes"),
        );
        rows.insert((*name).into(), row);
    }
    rows.into()
}

/// Stores of many entries: how long to open, and whether calls grow with them.
fn sizes(dir: &Path) -> Value {
    println!("\nstore          entries   open us  accrue us   next us   done us  status us");
    let mut rows = vec![];
    for entries in [100, 10_000, 100_000] {
        let dir = folder(&dir.join(entries.to_string()));
        fill(&dir, entries);
        for (turn, name) in (1..).zip(["pointcard", "(reading only)", "sqlite wal", "redb"]) {
            let row = size_row(&dir, name, entries, turn * 1_000_000);
            let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
            println!(
                "{name:<14} {entries:>7} {:>9.0} {:>10.0} {:>9.1} {:>9.0} {:>10.1}",
                number("open_us"),
                number("accrue_us"),
                number("next_us"),
                number("done_us"),
                number("status_us")
            );
            rows.push(row);
        }
    }
    rows.into()
}

fn open(dir: &Path, name: &str) -> Box<dyn Store> {
    match name {
        "pointcard" => Box::new(Ours::open(&dir.join("pointcard"), STORE, true)),
        "(reading only)" => Box::new(Ours::open(&dir.join("pointcard"), STORE, false)),
        "sqlite wal" => Box::new(Sqlite::open(&dir.join("wal.db"), "wal")),
        _ => Box::new(Redb::open(&dir.join("redb"))),
    }
}

fn fill(dir: &Path, entries: u64) {
    let mut ours = Ours::open(&dir.join("pointcard"), STORE, false);
    (0..entries / BATCH).for_each(|batch| ours.batch(batch * BATCH));
    (entries / BATCH * BATCH..entries).for_each(|number| ours.append(number));
    assert_eq!(ours.status().0, entries);
    ours.storage.sync = true;
    pointcard::port::Storage::sync(&mut ours.storage).expect("sync");
    let mut sqlite = Sqlite::open(&dir.join("wal.db"), "wal");
    sqlite.0.execute_batch("begin").expect("begin");
    (0..entries).for_each(|number| sqlite.append(number));
    sqlite.0.execute_batch("commit; pragma wal_checkpoint(truncate)").expect("commit");
    Redb::open(&dir.join("redb")).fill(entries);
}

fn size_row(dir: &Path, name: &str, entries: u64, from: u64) -> Value {
    let (mut opens, mut next, mut accrue, mut done, mut status) =
        (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..15 {
        // Ready to send: opened, and the oldest entry read.
        opens.push(open_time(dir, name));
    }
    let mut store = open(dir, name);
    for number in from..from + 25 {
        accrue.push(timed(|| store.append(number)).0);
        let (time, id) = timed(|| store.next());
        next.push(time);
        done.push(timed(|| store.done(id)).0);
        let (time, told) = timed(|| store.status());
        assert_eq!(told.0, entries, "{name}");
        status.push(time);
    }
    json!({
        "store": name, "entries": entries, "open_us": median(&opens),
        "accrue_us": median(&accrue), "next_us": median(&next), "done_us": median(&done),
        "status_us": median(&status),
    })
}

/// The queue alone: the file's locking and creation are not its business, nor the others'.
fn open_time(dir: &Path, name: &str) -> f64 {
    if !matches!(name, "pointcard" | "(reading only)") {
        return timed(|| open(dir, name).next()).0;
    }
    let mut ours = Ours::open(&dir.join("pointcard"), STORE, name == "pointcard");
    let mut queue = pointcard::queue::Queue::new();
    let storage = &mut ours.storage;
    let told = timed(|| queue.open(storage, *b"benching"));
    told.1.expect("open");
    told.0
}

fn flash() -> Value {
    println!("\non NOR, 256 KiB, words of 4, 100 waiting, per entry:");
    println!(
        "{:<20} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7} {:>6}",
        "", "append B", "reads", "next r", "done B", "done r", "/32 B", "erases", "mount r", "wear"
    );
    let mut rows = Map::new();
    for (name, day) in [("pointcard", nor::ours(64)), ("sequential-storage", nor::theirs(64))] {
        println!(
            "{name:<20} {:>8.1} {:>7.2} {:>7.2} {:>7.1} {:>7.2} {:>7.2} {:>8.4} {:>7} {:>6}",
            day.append_bytes,
            day.append_reads,
            day.next_reads,
            day.done_bytes,
            day.done_reads,
            day.batch_done_bytes,
            day.erases,
            day.mount_reads,
            day.wear_spread
        );
        rows.insert(
            name.into(),
            json!({
                "append_bytes": day.append_bytes, "append_reads": day.append_reads,
                "next_reads": day.next_reads, "done_bytes": day.done_bytes,
                "done_reads": day.done_reads, "batch_done_bytes": day.batch_done_bytes,
                "erases": day.erases, "mount_reads": day.mount_reads,
                "mount_bytes": day.mount_bytes, "wear_spread": day.wear_spread,
            }),
        );
    }
    let (reads, bytes) = nor::mount(100_000);
    println!("pointcard opens 100,000 entries with {reads} reads, {bytes} bytes");
    rows.insert("mount_100k".into(), json!({ "reads": reads, "bytes": bytes }));
    rows.into()
}

/// Each goal: what, where it stands in the results, the most it may be.
const GOALS: [(&str, &str, f64); 18] = [
    ("append p50, x floor", "/file/pointcard/append_p50_x", 1.10),
    ("append p99, x floor", "/file/pointcard/append_p99_x", 1.30),
    ("mark done, x floor", "/file/pointcard/done_x", 1.10),
    ("batch of 32, x one floor write of its bytes", "/file/pointcard/batch_x", 1.25),
    ("syncs per append", "/file/pointcard/append_syncs", 1.0),
    ("syncs per batch of 32", "/file/pointcard/batch_syncs", 1.0),
    ("device writes per append", "/file/pointcard/append_device_writes", 2.0),
    ("open at 100,000 entries, us", "/open_100k_us", 100.0),
    ("of that reading, us", "/read_100k_us", 100.0),
    ("NOR: bytes per 250-byte append", "/nor/pointcard/append_bytes", 270.0),
    ("NOR: bytes per done", "/nor/pointcard/done_bytes", 24.0),
    ("NOR: bytes per done, 32 at once", "/nor/pointcard/batch_done_bytes", 1.0),
    ("NOR: erases per entry, whole life", "/nor/pointcard/erases", 0.075),
    ("NOR: wear spread within a lane", "/nor/pointcard/wear_spread", 1.0),
    ("NOR: reads to open 100,000 entries", "/nor/mount_100k/reads", 200.0),
    ("NOR: bytes read to open them", "/nor/mount_100k/bytes", 10_240.0),
    ("reads per next", "/nor/pointcard/next_reads", 2.0),
    ("RAM per queue, bytes", "/ram", 256.0),
];

fn judge(results: &Value) -> Value {
    println!();
    let mut told = Map::new();
    for (what, place, most) in GOALS {
        let value = results.pointer(place).and_then(Value::as_f64);
        let verdict = match value {
            Some(value) if value <= most => "met",
            Some(_) => "missed",
            None => "not measured",
        };
        let figure = value.map_or("-".into(), |value| format!("{value:.3}"));
        println!("{verdict:<12} {what}: {figure} (goal {most})");
        told.insert(what.into(), json!({ "verdict": verdict, "figure": value, "goal": most }));
    }
    told.into()
}

fn main() {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let (Some(dir), Some(report)) = (args.next(), args.next()) else {
        eprintln!("use: pointcard-queue-bench FOLDER REPORT.json");
        std::process::exit(2);
    };
    let dir = folder(&dir);
    let disk = Disk::of(&dir);
    println!(
        "{ROUNDS} rounds of {EACH} appends, {BATCHES} batches of {BATCH}, {EACH} dones, each store\n"
    );
    let times = side_by_side(&folder(&dir.join("side")), &disk);
    let file = table(&times, &disk);
    let sizes = sizes(&dir);
    let open_us = |name: &str| {
        let rows = sizes.as_array().into_iter().flatten();
        let mut mine = rows.filter(|row| row["store"] == name && row["entries"] == 100_000);
        mine.next().map(|row| row["open_us"].clone())
    };
    let mut results = json!({
        "open_100k_us": open_us("pointcard"),
        "read_100k_us": open_us("(reading only)"),
        "ram": size_of::<pointcard::queue::Queue>(),
        "nor": flash(),
        "file": file,
        "sizes": sizes,
    });
    results["goals"] = judge(&results);
    let text = serde_json::to_string_pretty(&results).expect("numbers");
    std::fs::write(&report, text + "\n").expect("the report");
    let _ = std::fs::remove_dir_all(&dir);
    println!("\nreport: {}", report.display());
}
