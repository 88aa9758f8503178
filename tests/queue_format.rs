//! The format: images kept as fixtures read as they were written, by this crate and by an
//! independent reader; what a reader does not know it refuses by name.
//!
//! `cargo test --test queue_format -- --ignored write_missing_fixtures` writes images that are not
//! there yet. Existing ones are never written again: they are what older versions left in shops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/aged.rs"]
mod aged;
mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/nor.rs"]
mod nor;

use aged::Aged;
use common::*;
use forge::{crc32c, forge};
use pointcard::port::ram::{Cut, RamStorage};
use pointcard::port::sealed::{KeyList, SealKey, Sealed};
use pointcard::port::{Geometry, Storage};
use pointcard::queue::{
    Appended, Cursor, ENTRY_MAX, Entry, EntryState, Item, Queue, Replace, Requeue, Terms,
};
use pointcard::status::Status;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format")
}

fn fixtures() -> Vec<PathBuf> {
    let mut found: Vec<_> = (std::fs::read_dir(folder()).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "img"))
        .collect();
    found.sort();
    found
}

fn told(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap()
}

fn shape(told: &Value) -> Geometry {
    let number = |name: &str| told["geometry"][name].as_u64().unwrap() as u32;
    geometry(number("sector_size"), number("sector_count"), number("prog_size"), number("align"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry_json(entry: &Entry<'_>) -> Value {
    let state = match entry.state {
        EntryState::Waiting => "waiting",
        EntryState::Sent => "sent",
        EntryState::Parked => "parked",
        EntryState::Dead => "dead",
        EntryState::Settled => "settled",
    };
    json!({
        "seq": entry.seq, "state": state, "attempts": entry.attempts,
        "profile": entry.item.profile, "kind": entry.item.kind, "points": entry.item.points,
        "created": entry.item.created, "req_id": entry.item.req_id, "body": hex(entry.item.body),
        "reason": entry.reason.map(|reason| json!({
            "uncertain": reason.uncertain, "at": reason.at,
            "code": reason.code, "sub_code": reason.sub_code,
        })),
    })
}

/// The keys of the sealed fixtures, the newest first.
const FIXTURE_KEYS: &[SealKey<'static>] = &[
    SealKey { id: 2, bytes: b"sixteen bytes it" },
    SealKey { id: 1, bytes: b"a key of the till, 32 bytes long" },
];

/// What a queue opened on this image shows. A sealed one says so in its first header.
fn describe(image: &[u8], g: Geometry) -> Value {
    let sealed = image[8] == 1;
    let mut image = image.to_vec();
    let mut s = RamStorage::new(&mut image, g);
    if sealed {
        return describe_in(&mut Sealed::new(s, KeyList::new(FIXTURE_KEYS).unwrap()), g);
    }
    describe_in(&mut s, g)
}

fn describe_in(s: &mut dyn Storage, g: Geometry) -> Value {
    let (mut q, mut buf, mut cursor) = (Queue::new(), [0; ENTRY_MAX], Cursor::default());
    q.open(s, [0; 8]).unwrap();
    let mut entries = vec![];
    while let Some(entry) = q.walk(s, &mut cursor, &mut buf).unwrap() {
        if entry.state != EntryState::Settled {
            entries.push(entry_json(&entry));
        }
    }
    entries.sort_by_key(|entry| entry["seq"].as_u64());
    let status = q.status();
    assert_eq!(status.forged, 0);
    json!({
        "geometry": {
            "sector_size": g.sector_size, "sector_count": g.sector_count,
            "prog_size": g.prog_size, "align": g.align,
        },
        "status": {
            "waiting": status.waiting, "sent_unknown": status.sent_unknown,
            "parked": status.parked, "dead": status.dead, "points": status.points,
            "next_seq": status.next_seq,
        },
        "entries": entries,
    })
}

/// The independent reader, or `None` where there is no Python.
fn python(image: &Path) -> Option<Output> {
    let keys = FIXTURE_KEYS
        .iter()
        .flat_map(|key| ["--key".to_owned(), format!("{}:{}", key.id, hex(key.bytes))]);
    match Command::new("python3").arg(folder().join("read.py")).arg(image).args(keys).output() {
        Ok(output) => Some(output),
        Err(_) => {
            println!(
                "SKIPPED TOOL python3: would have tested the format against an independent \
                 reader; apt-get install python3"
            );
            None
        }
    }
}

#[test]
fn every_fixture_reads_as_it_was_written() {
    let mut states = std::collections::BTreeMap::new();
    for path in fixtures() {
        let told = told(&path);
        assert_eq!(describe(&std::fs::read(&path).unwrap(), shape(&told)), told, "{path:?}");
        for entry in told["entries"].as_array().unwrap() {
            *states.entry(entry["state"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    println!("{} fixtures: {states:?}", fixtures().len());
    assert_eq!(states.len(), 4, "every state occurs: {states:?}");
}

#[test]
fn an_independent_reader_agrees_on_every_fixture() {
    let mut entries = 0;
    for path in fixtures() {
        let Some(output) = python(&path) else { return };
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path:?}: {error}");
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(read, told(&path), "{path:?}");
        entries += read["entries"].as_array().unwrap().len();
    }
    println!("independent reader: {} fixtures, {entries} entries, all the same", fixtures().len());
}

/// A random history; the independent reader finds what the queue shows.
#[test]
fn an_independent_reader_agrees_on_random_stores() {
    let path = std::env::temp_dir().join(format!("pointcard-format-{}", std::process::id()));
    let shapes = [geometry(512, 12, 1, 1), geometry(1024, 8, 4, 4), geometry(2048, 12, 1, 512)];
    let runs = cases(12, 300);
    for run in 0..runs {
        let mut g = shapes[run as usize % shapes.len()];
        let sealed = run % 4 == 0;
        if sealed {
            g.sector_size = g.sector_size.max(1024); // no smaller one can be sealed
        }
        let seed = seed() + run;
        let ops = 40 + run as usize * 17 % 200;
        let mut image = if sealed { sealed_day(g, seed, ops / 2) } else { day(g, seed, ops) };
        if run % 2 == 1 {
            cut_append(&mut image, g, Rng(seed).below(120) as u64);
        }
        std::fs::write(&path, &image).unwrap();
        let Some(output) = python(&path) else { return };
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "seed {seed} {g:?}: {error}");
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(read, describe(&image, g), "seed {seed} {g:?}");
    }
    std::fs::remove_file(&path).unwrap();
    println!("independent reader: {runs} random stores, all the same (seed {})", seed());
}

#[test]
fn an_unknown_kind_or_flag_is_refused_by_name_by_both_readers() {
    let g = geometry(1024, 8, 4, 4);
    // Two sectors each: the state lane, the live one, the backlog, the dead one.
    let mut store = blank(&g);
    let mut s = RamStorage::new(&mut store, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [3; 8]).unwrap();
    let item = |req| Item { req_id: req, profile: 1, kind: 1, points: 1, created: 1, body: b"x" };
    q.append(&mut s, &item("a")).unwrap();
    q.append(&mut s, &item("b")).unwrap();
    q.bury(&mut s, 2, &REASON, &mut buf).unwrap();
    let kind = |value: u8| move |record: &mut [u8]| (record[6], record[7]) = (value, !value);
    let flags = |value: u8| move |record: &mut [u8]| record[12 + 17] = value;
    type Change = Box<dyn Fn(&mut [u8])>;
    let cases: [(usize, Change, &str, u32); 6] = [
        (0, Box::new(kind(0x24)), "store.kind", 0x24),
        (2, Box::new(kind(0x31)), "store.kind", 0x31),
        (2, Box::new(kind(0x22)), "store.kind", 0x22), // known, but not in this lane
        (6, Box::new(kind(0x11)), "store.kind", 0x11),
        (6, Box::new(kind(0x52)), "store.kind", 0x52),
        (6, Box::new(flags(0x86)), "store.flags", 0x86),
    ];
    let path = std::env::temp_dir().join(format!("pointcard-kind-{}", std::process::id()));
    for (sector, change, what, value) in cases {
        let mut image = store.clone();
        forge(&mut image[sector * 1024..][..1024], 52, change);
        let before = image.clone();
        std::fs::write(&path, &image).unwrap();
        let mut q = Queue::new();
        let error = q.open(&mut RamStorage::new(&mut image, g), [1; 8]).unwrap_err();
        assert_eq!((error.status, error.what, error.at), (Status::MediaVersion, what, value));
        assert!(image == before, "a refused store was written to");
        let Some(output) = python(&path) else { continue };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("{what}: {value} is unknown")), "{said}");
    }
    let _ = std::fs::remove_file(&path);
}

#[test]
fn an_unknown_header_is_refused_by_name_by_the_independent_reader() {
    let g = geometry(1024, 8, 4, 4);
    let store = day(g, 3, 40);
    let path = std::env::temp_dir().join(format!("pointcard-header-{}", std::process::id()));
    let headers = [
        (4, 2, "store.version"),
        (5, 4, "store.lane"),
        (7, 1, "store.reserved"),
        (8, 4, "store.features"),
        (9, 9, "store.features"),
    ];
    for (at, value, what) in headers {
        let mut image = store.clone();
        let header = &mut image[..52];
        header[at] = value;
        let sum = crc32c(&header[..48]);
        header[48..].copy_from_slice(&sum.to_le_bytes());
        std::fs::write(&path, &image).unwrap();
        let Some(output) = python(&path) else { return };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let value = if at == 9 { u32::from(value) << 8 } else { value.into() };
        assert!(said.contains(&format!("{what}: {value} is unknown")), "{said}");
    }
    let _ = std::fs::remove_file(&path);
}

/// A store after `ops` random operations.
fn day(g: Geometry, seed: u64, ops: usize) -> Vec<u8> {
    let mut bytes = blank(&g);
    let (mut q, mut model, mut rng) = (Queue::new(), Model::default(), Rng(seed | 1));
    let mut s = RamStorage::new(&mut bytes, g);
    q.open(&mut s, [0x5A; 8]).unwrap();
    for op in script(seed, ops, g.sector_size as usize / 6) {
        model.step(&mut q, &mut s, &op, &mut rng).unwrap();
    }
    bytes
}

/// The same in a sealed store whose key is changed half-way.
fn sealed_day(g: Geometry, seed: u64, ops: usize) -> Vec<u8> {
    let mut bytes = blank(&g);
    let (mut q, mut model, mut rng) = (Queue::new(), Model::default(), Rng(seed | 1));
    for (part, keys) in [&FIXTURE_KEYS[1..], FIXTURE_KEYS].into_iter().enumerate() {
        let below = RamStorage::new(&mut bytes, g);
        let mut s = Sealed::new(below, KeyList::new(keys).unwrap());
        q.open(&mut s, [0x6A; 8]).unwrap();
        for op in script(seed + part as u64, ops / 2, g.sector_size as usize / 6) {
            // A new opening takes staged settlements back, which the model would have to be told.
            if !matches!(op, Op::Stage { .. }) {
                model.step(&mut q, &mut s, &op, &mut rng).unwrap();
            }
        }
    }
    bytes
}

const TEXT: &[u8] = b"a sale whose power goes while it is written, after some bytes of it";

/// Power goes `left` bytes into one more append.
fn cut_append(image: &mut [u8], g: Geometry, left: u64) {
    let mut q = Queue::new();
    q.open(&mut RamStorage::new(image, g), [0; 8]).unwrap();
    let item =
        Item { req_id: "torn", profile: 7, kind: 3, points: 4, created: 1_471_851_822, body: TEXT };
    let _ = q.append(&mut powered(image, g, left, Cut::Torn), &item);
}

/// Refusals until some are parked, some of them copied.
fn refusals(g: Geometry, sealed: bool) -> Vec<u8> {
    let mut bytes = blank(&g);
    let mut s = Keyed::new(powered(&mut bytes, g, u64::MAX, Cut::Clean), sealed);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [2; 8]).unwrap();
    for i in 0..40 {
        let req = format!("refused{i}");
        let item =
            Item { req_id: &req, profile: 9, kind: 1, points: i, created: 77, body: &[7; 30] };
        let seq = q.append(&mut s, &item).unwrap().seq;
        q.mark_sent(&mut s, seq).unwrap();
        if i % 4 != 0 {
            q.bury(&mut s, seq, &REASON, &mut buf).unwrap();
        }
    }
    bytes
}

/// Full, and answers still go in.
fn full(g: Geometry) -> Vec<u8> {
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let mut q = Queue::new();
    q.open(&mut s, [4; 8]).unwrap();
    for i in 0u32.. {
        let req = format!("{i}");
        let item =
            Item { req_id: &req, profile: 1, kind: 1, points: i, created: 5, body: &[9; 90] };
        if q.append(&mut s, &item).is_err() {
            break;
        }
    }
    for seq in [3, 1, 9, 3, 3] {
        q.mark_sent(&mut s, seq).unwrap();
    }
    q.settle(&mut s, 2).unwrap();
    q.settle(&mut s, 5).unwrap();
    bytes
}

/// Refused letters put back: as they were, edited, and one cut in between; a batch; void sales.
fn put_back(g: Geometry) -> Vec<u8> {
    let mut bytes = refusals(g, false);
    let mut buf = [0; ENTRY_MAX];
    let mut q = Queue::new();
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    q.open(&mut s, [0; 8]).unwrap();
    let edited =
        Item { req_id: "edited", profile: 9, kind: 1, points: 55, created: 78, body: b"!" };
    let how = |item| Requeue { item, accept_double: true };
    q.requeue(&mut s, 2, &how(None), &mut buf).unwrap();
    q.requeue(&mut s, 3, &how(Some(edited)), &mut buf).unwrap();
    q.append_batch(
        &mut s,
        &["b1", "b2", "b3"].map(|req_id| Item { req_id, ..edited }),
        &Terms::default(),
        &mut [Appended::default(); 3],
    )
    .unwrap();
    let last = q.append(&mut s, &Item { req_id: "void", ..edited }).unwrap().seq;
    q.void(&mut s, last).unwrap();
    q.void(&mut s, last - 2).unwrap();
    let mut trial = s.bytes_mut().to_vec();
    let mut t = powered(&mut trial, g, u64::MAX, Cut::Clean);
    twin(&q).requeue(&mut t, 4, &how(None), &mut buf).unwrap();
    let steps = t.steps;
    let mut s = powered(&mut bytes, g, steps - 10, Cut::Clean);
    q.requeue(&mut s, 4, &how(None), &mut buf).unwrap_err();
    bytes
}

/// A batch cut in its second record.
fn cut_batch(g: Geometry) -> Vec<u8> {
    let mut bytes = day(g, 31, 40);
    let mut q = Queue::new();
    q.open(&mut RamStorage::new(&mut bytes, g), [0; 8]).unwrap();
    let item = Item { req_id: "", profile: 9, kind: 1, points: 5, created: 78, body: &[1; 40] };
    let items = ["b1", "b2", "b3"].map(|req_id| Item { req_id, ..item });
    let mut told = [Appended::default(); 3];
    let mut s = powered(&mut bytes, g, 120, Cut::Torn);
    q.append_batch(&mut s, &items, &Terms::default(), &mut told).unwrap_err();
    bytes
}

/// A backlog whose entries went round it: sent ones, parked ones, a void one deep in it.
fn backlog(g: Geometry, sealed: bool) -> Vec<u8> {
    let mut bytes = refusals(g, sealed);
    let mut buf = [0; ENTRY_MAX];
    let mut s = Keyed::new(powered(&mut bytes, g, u64::MAX, Cut::Clean), sealed);
    let mut q = Queue::new();
    q.open(&mut s, [0; 8]).unwrap();
    let mut last = 0;
    for i in 0..90 {
        let req = format!("more{i}");
        let item = Item { req_id: &req, profile: 9, kind: 1, points: i, created: 78, body: b"..." };
        last = q.append(&mut s, &item).unwrap().seq;
        if i % 20 == 19 {
            assert!(q.relieve(&mut s, &mut buf).unwrap());
        }
    }
    while q.relieve(&mut s, &mut buf).unwrap() {}
    q.void(&mut s, last - 40).unwrap();
    assert!(q.reach(&mut s, last - 30, &mut buf).unwrap());
    q.mark_sent(&mut s, last - 30).unwrap();
    q.settle(&mut s, last - 31).unwrap();
    bytes
}

/// Entries moved to the backlog, cut before their originals were settled.
fn cut_relieve(g: Geometry) -> Vec<u8> {
    let mut bytes = day(g, 17, 40);
    let mut buf = [0; ENTRY_MAX];
    let mut q = Queue::new();
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    q.open(&mut s, [0; 8]).unwrap();
    let item = Item { req_id: "", profile: 9, kind: 1, points: 5, created: 78, body: &[1; 40] };
    for req_id in ["m1", "m2", "m3"] {
        let seq = q.append(&mut s, &Item { req_id, ..item }).unwrap().seq;
        q.mark_sent(&mut s, seq).unwrap();
    }
    let mut trial = s.bytes_mut().to_vec();
    let mut t = powered(&mut trial, g, u64::MAX, Cut::Clean);
    assert!(twin(&q).relieve(&mut t, &mut buf).unwrap());
    let steps = t.steps;
    let mut s = powered(&mut bytes, g, steps - 10, Cut::Clean);
    q.relieve(&mut s, &mut buf).unwrap_err();
    bytes
}

/// Entries whose bodies changed: one that was sent and one whose request is another now, several
/// times, in the backlog already, settled since; the last one cut before its original was settled.
fn replaced(g: Geometry, sealed: bool) -> Vec<u8> {
    let mut bytes = blank(&g);
    let mut buf = [0; ENTRY_MAX];
    let mut s = Keyed::new(powered(&mut bytes, g, u64::MAX, Cut::Clean), sealed);
    let mut q = Queue::new();
    q.open(&mut s, [6; 8]).unwrap();
    for i in 1..=8 {
        let req = format!("offer{i}");
        let item = Item { req_id: &req, profile: 9, kind: 3, points: i, created: 79, body: b"new" };
        q.append(&mut s, &item).unwrap();
    }
    let how = |body, fresh| Replace { body, fresh };
    for seq in [1, 2, 8] {
        q.mark_sent(&mut s, seq).unwrap();
    }
    q.replace(&mut s, 1, &how(b"noted", false), &mut buf).unwrap();
    q.replace(&mut s, 2, &how(b"another request", true), &mut buf).unwrap();
    for body in [b"a".as_slice(), b"longer than the one before", b""] {
        q.replace(&mut s, 3, &how(body, true), &mut buf).unwrap();
    }
    assert!(q.relieve(&mut s, &mut buf).unwrap());
    q.replace(&mut s, 4, &how(b"in the backlog", true), &mut buf).unwrap();
    q.mark_sent(&mut s, 4).unwrap();
    q.replace(&mut s, 5, &how(b"over", true), &mut buf).unwrap();
    q.settle(&mut s, 5).unwrap();
    q.replace(&mut s, 6, &how(b"refused", true), &mut buf).unwrap();
    q.bury(&mut s, 6, &REASON, &mut buf).unwrap();
    let last = how(b"noted, and then the power went", false);
    let mut trial = s.below.bytes_mut().to_vec();
    let mut t = Keyed::new(powered(&mut trial, g, u64::MAX, Cut::Clean), sealed);
    twin(&q).replace(&mut t, 8, &last, &mut buf).unwrap();
    let steps = t.below.steps;
    let mut s = Keyed::new(powered(&mut bytes, g, steps - 10, Cut::Clean), sealed);
    q.replace(&mut s, 8, &last, &mut buf).unwrap_err();
    bytes
}

/// A refusal cut between the dead letter and the settlement of its entry.
fn cut_move(g: Geometry) -> Vec<u8> {
    let mut bytes = day(g, 11, 60);
    let mut buf = [0; ENTRY_MAX];
    let mut q = Queue::new();
    let item = Item { req_id: "moved", profile: 1, kind: 1, points: 6, created: 5, body: b"body" };
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    q.open(&mut s, [0; 8]).unwrap();
    let seq = q.append(&mut s, &item).unwrap().seq;
    let mut trial = s.bytes_mut().to_vec();
    let mut t = powered(&mut trial, g, u64::MAX, Cut::Clean);
    twin(&q).bury(&mut t, seq, &REASON, &mut buf).unwrap();
    let steps = t.steps;
    q.bury(&mut powered(&mut bytes, g, steps - 10, Cut::Clean), seq, &REASON, &mut buf)
        .unwrap_err();
    bytes
}

/// One wrong bit in a live header, a record and the state; one live header beyond repair; one
/// record with two wrong bits, which is lost.
fn rot(g: Geometry) -> Vec<u8> {
    let mut image = full(g);
    let size = g.sector_size as usize;
    let live = 2 * size; // the first sector of the live lane
    image[live + 20] ^= 4;
    image[live + 52 + 30] ^= 1;
    image[60] ^= 0x20;
    image[live + size..live + size + 52].fill(0);
    image[live + 2 * size + 52 + 9] ^= 3;
    image
}

/// A few sectors of each lane that do not erase or do not program, and healthy again; then a live
/// lane that takes a sale and says that it did not, and another sale under the same number.
fn bad_sectors(g: Geometry, sealed: bool) -> Vec<u8> {
    let (mut s, mut q) = (Aged::new(g, sealed), Queue::new());
    let (mut model, mut rng) = (Model::default(), Rng(9));
    q.open(&mut s, [0x7A; 8]).unwrap();
    for (n, op) in script(47, 240, g.sector_size as usize / 6).iter().enumerate() {
        match n {
            40 => (s.no_erase, s.no_prog) = (1 << 5 | 1 << 12 | 1 << 29, 1 << 7 | 1 << 13),
            200 => s.heal(),
            _ => {}
        }
        model.step(&mut q, &mut s, op, &mut rng).unwrap();
    }
    assert!(s.said > 4);
    while q.relieve(&mut s, &mut [0; ENTRY_MAX]).unwrap() {}
    (s.how, s.no_prog) = (Some(1), aged::bits((2, 8)));
    let item = |req_id| Item { req_id, profile: 1, kind: 1, points: 9, created: 5, body: b"body" };
    q.append(&mut s, &item("never acknowledged")).unwrap_err();
    s.heal();
    q.open(&mut s, [0; 8]).unwrap();
    let seq = q.append(&mut s, &item("acknowledged")).unwrap().seq;
    q.mark_sent(&mut s, seq).unwrap();
    s.nor.bytes
}

#[test]
fn the_fixtures_with_bad_sectors_have_generations_left_out() {
    for name in ["bad_sectors.img", "sealed_bad_sectors.img"] {
        let image = std::fs::read(folder().join(name)).unwrap();
        let sound = |header: &&[u8]| header.starts_with(b"KPCQ");
        let skips = image.chunks(1024).filter(sound).filter(|header| header[9] > 0).count();
        assert!(skips > 0, "{name}");
    }
}

#[test]
#[ignore = "writes the fixtures that are not there yet"]
fn write_missing_fixtures() {
    let nor = geometry(1024, 8, 1, 1);
    let (flash16, larger) = (geometry(1024, 8, 16, 16), geometry(1024, 32, 1, 1));
    let aligned = geometry(2048, 8, 4, 512);
    let mut torn = day(larger, 21, 50);
    cut_append(&mut torn, larger, 61);
    for (name, g, image) in [
        ("new", geometry(512, 8, 1, 1), day(geometry(512, 8, 1, 1), 1, 0)),
        ("day", nor, day(nor, 5, 260)),
        ("flash16", flash16, day(flash16, 6, 150)),
        ("aligned", aligned, day(aligned, 7, 120)),
        ("refusals", larger, refusals(larger, false)),
        ("full", nor, full(nor)),
        ("torn", larger, torn),
        ("cut_move", larger, cut_move(larger)),
        ("rot", larger, rot(larger)),
        ("backlog", larger, backlog(larger, false)),
        ("sealed_backlog", larger, backlog(larger, true)),
        ("cut_relieve", larger, cut_relieve(larger)),
        ("put_back", larger, put_back(larger)),
        ("cut_batch", aligned, cut_batch(aligned)),
        ("replaced", larger, replaced(larger, false)),
        ("sealed_replaced", larger, replaced(larger, true)),
        ("sealed", nor, sealed_day(nor, 31, 160)),
        ("sealed_aligned", aligned, sealed_day(aligned, 32, 60)),
        ("bad_sectors", larger, bad_sectors(larger, false)),
        ("sealed_bad_sectors", larger, bad_sectors(larger, true)),
    ] {
        let path = folder().join(name).with_extension("img");
        if path.exists() {
            continue;
        }
        let text = serde_json::to_string_pretty(&describe(&image, g)).unwrap();
        std::fs::write(path.with_extension("json"), text + "\n").unwrap();
        std::fs::write(&path, &image).unwrap();
        println!("wrote {path:?}");
    }
}
