//! Stores of many entries: how long to open, and whether calls grow with them.
//!
//! In: a folder. Out: a table and its rows, each store at 100, 10,000 and 100,000 entries; of an
//! opening of ours also what was spent in the disk, which is what its guarantee costs.

use super::stores::{BATCH, Ours, Redb, Sqlite, Store, folder};
use super::{STORE, median, quantile, timed};
use pointcard::port::Storage;
use pointcard::queue::Queue;
use serde_json::{Value, json};
use std::path::Path;

const OPENINGS: usize = 40;
/// "reading": without the sync and the look behind the cache.
const NAMES: [&str; 4] = ["pointcard", "reading", "sqlite wal", "redb"];

/// Measures and prints; says one row for each store and size.
pub fn sizes(dir: &Path) -> Value {
    println!(
        "store          entries  open us  quickest  sync us  behind cache  accrue us   next us   \
         done us  status us"
    );
    let mut rows = vec![];
    for entries in [100, 10_000, 100_000] {
        let dir = folder(&dir.join(entries.to_string()));
        fill(&dir, entries);
        for (turn, name) in (1..).zip(NAMES) {
            let row = size_row(&dir, name, entries, turn * 1_000_000);
            let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
            println!(
                "{name:<14} {entries:>7} {:>8.0} {:>9.0} {:>8.0} {:>13.0} {:>10.0} {:>9.1} \
                 {:>9.0} {:>10.1}",
                number("open_us"),
                number("open_quickest_us"),
                number("sync_us"),
                number("reassert_us"),
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
        "sqlite wal" => Box::new(Sqlite::open(&dir.join("wal.db"), "wal")),
        "redb" => Box::new(Redb::open(&dir.join("redb"))),
        _ => Box::new(ours(dir, name)),
    }
}

fn ours(dir: &Path, name: &str) -> Ours {
    Ours::open(&dir.join("pointcard"), STORE, name == "pointcard")
}

fn fill(dir: &Path, entries: u64) {
    let mut ours = Ours::open(&dir.join("pointcard"), STORE, false);
    (0..entries / BATCH).for_each(|batch| ours.batch(batch * BATCH));
    (entries / BATCH * BATCH..entries).for_each(|number| ours.append(number));
    assert_eq!(ours.status().0, entries);
    ours.storage.sync = true;
    ours.storage.sync().expect("sync");
    let mut sqlite = Sqlite::open(&dir.join("wal.db"), "wal");
    sqlite.0.execute_batch("begin").expect("begin");
    (0..entries).for_each(|number| sqlite.append(number));
    sqlite.0.execute_batch("commit; pragma wal_checkpoint(truncate)").expect("commit");
    Redb::open(&dir.join("redb")).fill(entries);
}

/// What one opening took, and of that the disk: syncs, and looking behind the cache.
#[derive(Default)]
struct Openings {
    all: Vec<f64>,
    sync: Vec<f64>,
    reassert: Vec<f64>,
}

fn openings(dir: &Path, name: &str) -> Openings {
    let mut times = Openings::default();
    if !matches!(name, "pointcard" | "reading") {
        // Ready to send: opened, and the oldest entry read.
        times.all.extend((0..OPENINGS).map(|_| timed(|| open(dir, name).next()).0));
        return times;
    }
    // The queue alone: the file's locking and creation are not its business, nor the others'.
    let mut ours = ours(dir, name);
    for _ in 0..OPENINGS {
        let (mut queue, storage) = (Queue::new(), &mut ours.storage);
        (storage.sync_us, storage.reassert_us) = (0.0, 0.0);
        let (time, told) = timed(|| queue.open(storage, *b"benching"));
        told.expect("open");
        times.all.push(time);
        times.sync.push(storage.sync_us);
        times.reassert.push(storage.reassert_us);
    }
    times
}

fn size_row(dir: &Path, name: &str, entries: u64, from: u64) -> Value {
    let [mut next, mut accrue, mut done, mut status] = [(); 4].map(|()| vec![]);
    let opened = openings(dir, name);
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
        "store": name, "entries": entries, "open_us": median(&opened.all),
        "open_quickest_us": quantile(&opened.all, 0.0), "sync_us": median(&opened.sync),
        "reassert_us": median(&opened.reassert), "accrue_us": median(&accrue),
        "next_us": median(&next), "done_us": median(&done), "status_us": median(&status),
    })
}
