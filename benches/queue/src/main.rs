//! The queue beside what a till could use instead, in one run: `make bench-queue`.
//!
//! In: a folder on the disk to measure; what the program in `nor` has found. Out: tables; each goal
//! as `met` or `missed` with its figure; everything as JSON in the third argument's file. Goals are
//! never loosened for the host's noise: `side` answers it with ratios and repeats. The exit code is
//! 0 either way.

mod io;
mod side;
mod sizes;
mod stores;

use io::Disk;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Instant;
use stores::folder;

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

/// Prints what the program in `nor` has found.
fn print_nor(nor: &Value) {
    println!("\non NOR, 256 KiB, words of 4, 100 waiting, per entry:");
    let columns = [
        ("append B", "append_bytes"),
        ("reads", "append_reads"),
        ("next r", "next_reads"),
        ("done B", "done_bytes"),
        ("record", "done_record_bytes"),
        ("done r", "done_reads"),
        ("/32 B", "batch_done_bytes"),
        ("erases", "erases"),
        ("mount r", "mount_reads"),
        ("mount B", "mount_bytes"),
        ("wear", "wear_spread"),
    ];
    let cells = |cell: &dyn Fn(usize) -> String| {
        (0..columns.len()).map(|n| format!(" {:>8}", cell(n))).collect::<String>()
    };
    println!("{:<20}{}", "", cells(&|n| columns[n].0.into()));
    for name in ["pointcard", "sealed", "sequential-storage"] {
        let day = &nor["days"][name];
        let cell = |n: usize| match day[columns[n].1].as_f64() {
            Some(whole) if whole.fract() == 0.0 => format!("{whole}"),
            Some(value) if value < 1.0 => format!("{value:.4}"),
            Some(value) => format!("{value:.2}"),
            None => "-".into(),
        };
        println!("{name:<20}{}", cells(&cell));
    }
    let large = &nor["mount_100k"];
    println!(
        "pointcard opens 100,000 entries with {} reads, {} bytes",
        large["reads"], large["bytes"]
    );
}

/// Each goal: what, where it stands in the results, the most it may be.
const GOALS: [(&str, &str, f64); 26] = [
    ("append p50, x floor", "/file/pointcard/append/p50_x", 1.10),
    ("append, quickest tenth, x floor", "/file/pointcard/append/quick_x", 1.10),
    ("append p99, x floor", "/file/pointcard/append/p99_x", 1.30),
    ("mark done p50, x floor", "/file/pointcard/done/p50_x", 1.10),
    ("mark done, quickest tenth, x floor", "/file/pointcard/done/quick_x", 1.10),
    ("batch of 32 p50, x one floor write of its bytes", "/file/pointcard/batch/p50_x", 1.25),
    ("batch of 32, quickest tenth", "/file/pointcard/batch/quick_x", 1.25),
    ("syncs per append", "/file/pointcard/append/syncs", 1.0),
    ("syncs per done", "/file/pointcard/done/syncs", 1.0),
    ("device writes per append", "/file/pointcard/append/device_writes", 2.0),
    ("open at 100,000 entries, us", "/open_100k/open_us", 100.0),
    ("the same, quickest", "/open_100k/open_quickest_us", 100.0),
    ("of that reading, us", "/read_100k/open_us", 100.0),
    ("NOR: bytes per 250-byte append", "/nor/days/pointcard/append_bytes", 270.0),
    ("NOR: the same, sealed", "/nor/days/sealed/append_bytes", 286.0),
    ("NOR: bytes of a done's record", "/nor/days/pointcard/done_record_bytes", 24.0),
    (
        "NOR: bytes per done, its share of a sector's opening",
        "/nor/days/pointcard/done_bytes",
        24.0,
    ),
    ("NOR: bytes per done, 32 at once", "/nor/days/pointcard/batch_done_bytes", 1.0),
    ("NOR: erases per entry, whole life", "/nor/days/pointcard/erases", 0.075),
    ("NOR: wear spread within a lane", "/nor/days/pointcard/wear_spread", 1.0),
    ("NOR: reads to open 100,000 entries", "/nor/mount_100k/reads", 200.0),
    ("NOR: bytes read to open them", "/nor/mount_100k/bytes", 10_240.0),
    ("NOR: reads per next", "/nor/days/pointcard/next_reads", 2.0),
    ("NOR: reads per done", "/nor/days/pointcard/done_reads", 1.0),
    ("RAM per queue, bytes", "/ram", 256.0),
    ("the same, with feature seal", "/nor/ram", 256.0),
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
    let (Some(dir), Some(nor), Some(report)) = (args.next(), args.next(), args.next()) else {
        eprintln!("use: pointcard-queue-bench FOLDER NOR.json REPORT.json");
        std::process::exit(2);
    };
    let nor = std::fs::read(&nor).expect("what the NOR bench found");
    let nor: Value = serde_json::from_slice(&nor).expect("what the NOR bench found");
    let dir = folder(&dir);
    let disk = Disk::of(&dir);
    let file = side::side_by_side(&folder(&dir.join("side")), &disk);
    let sizes = sizes::sizes(&dir);
    let largest = |name: &str| {
        let mut rows = sizes.as_array().into_iter().flatten();
        rows.find(|row| row["store"] == name && row["entries"] == 100_000).cloned()
    };
    print_nor(&nor);
    let mut results = json!({
        "open_100k": largest("pointcard"),
        "read_100k": largest("reading"),
        "ram": size_of::<pointcard::queue::Queue>(),
        "nor": nor,
        "file": file,
        "sizes": sizes,
    });
    results["goals"] = judge(&results);
    let text = serde_json::to_string_pretty(&results).expect("numbers");
    std::fs::write(&report, text + "\n").expect("the report");
    let _ = std::fs::remove_dir_all(&dir);
    println!("\nreport: {}", report.display());
}
