//! Images from dead terminals: what is damaged is named, what can be saved is saved.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::points::sale::Deposit;
use pointcard::port::ram::RamStorage;
use pointcard::queue::inspect::{Finding, inspect};
use pointcard::queue::{ENTRY_MAX, Item, Queue};
use pointcard::status::Status;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The example, built as this test was.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let profile =
            std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", "queue_dump", "--manifest-path"]);
        build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        build.args(profile.ends_with("release").then_some("--release"));
        assert!(build.status().unwrap().success());
        profile.join("examples").join("queue_dump")
    })
}

struct Dumped {
    code: i32,
    out: String,
    err: String,
    entries: BTreeMap<u64, Value>,
}

impl Dumped {
    fn says(&self, text: &str) {
        assert!(self.out.contains(text), "{text:?} is not in:\n{}{}", self.out, self.err);
    }
}

fn dump(name: &str, image: &[u8], words: &[&str]) -> Dumped {
    let path = std::env::temp_dir().join(format!("pointcard-dump-{name}-{}", std::process::id()));
    let json = path.with_extension("jsonl");
    std::fs::write(&path, image).unwrap();
    let output =
        Command::new(program()).arg(&path).arg("--json").arg(&json).args(words).output().unwrap();
    assert!(std::fs::read(&path).unwrap() == image, "the image was written to");
    let saved = std::fs::read_to_string(&json).unwrap_or_default();
    let entries = saved.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries = entries.map(|entry| (entry["seq"].as_u64().unwrap(), entry)).collect();
    let _ = (std::fs::remove_file(&path), std::fs::remove_file(&json));
    Dumped {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        entries,
    }
}

fn fixture(name: &str) -> (Vec<u8>, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format").join(name);
    let told = std::fs::read(path.with_extension("json")).unwrap();
    (std::fs::read(path.with_extension("img")).unwrap(), serde_json::from_slice(&told).unwrap())
}

#[test]
fn a_sound_image_is_told_whole() {
    for name in ["new", "day", "full", "refusals", "aligned", "flash16"] {
        let (image, told) = fixture(name);
        let dumped = dump(name, &image, &[]);
        assert_eq!(dumped.code, 0, "{name}: {}{}", dumped.out, dumped.err);
        for entry in told["entries"].as_array().unwrap() {
            let saved = &dumped.entries[&entry["seq"].as_u64().unwrap()];
            for member in ["state", "attempts", "points", "req_id", "reason"] {
                assert_eq!(saved[member], entry[member], "{name}: {member} of {saved}");
            }
        }
    }
}

#[test]
fn rot_and_tears_are_named_with_their_place() {
    let (image, told) = fixture("rot");
    let rot = dump("rot", &image, &[]);
    assert_eq!(rot.code, 1);
    rot.says("0x00000034   state (MENDED");
    rot.says("0x00000800 live sector, generation 1 (MENDED");
    rot.says("0x00000c00 live sector, DAMAGE: the header is rotten; its records say generation 2");
    rot.says("0x00001034   DAMAGE: 125 bytes are no record");
    for entry in told["entries"].as_array().unwrap() {
        assert!(rot.entries.contains_key(&entry["seq"].as_u64().unwrap()), "lost {entry}");
    }
    let (image, _) = fixture("torn");
    let torn = dump("torn", &image, &[]);
    assert_eq!(torn.code, 1);
    torn.says("DAMAGE: 62 bytes are no record");
}

#[test]
fn a_store_no_queue_would_open_gives_up_every_entry() {
    let (mut image, told) = fixture("full");
    image[..2048].fill(0); // the state lane
    let dumped = dump("stateless", &image, &[]);
    assert_eq!(dumped.code, 1);
    dumped.says("queue: REFUSED: store: the medium is damaged");
    for entry in told["entries"].as_array().unwrap() {
        let saved = &dumped.entries[&entry["seq"].as_u64().unwrap()];
        assert_eq!((&saved["req_id"], &saved["state"]), (&entry["req_id"], &"unknown".into()));
    }
}

#[test]
fn a_sealed_image_is_told_without_its_keys_and_whole_with_them() {
    let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let keys = [
        format!("2:{}", hex(b"sixteen bytes it")),
        format!("1:{}", hex(b"a key of the till, 32 bytes long")),
    ];
    let (image, told) = fixture("sealed");
    let closed = dump("closed", &image, &[]);
    assert_eq!((closed.code, closed.entries.len()), (1, 0));
    closed.says("  sealed entry, number ");
    closed.says("queue: REFUSED: store.key: ");
    closed.says("entries stay closed; --key ID:HEX opens them");
    let opened = dump("opened", &image, &["--key", &keys[0], "--key", &keys[1]]);
    assert_eq!(opened.code, 0, "{}{}", opened.out, opened.err);
    for entry in told["entries"].as_array().unwrap() {
        let saved = &opened.entries[&entry["seq"].as_u64().unwrap()];
        for member in ["state", "attempts", "points", "req_id", "reason"] {
            assert_eq!(saved[member], entry[member], "{member} of {saved}");
        }
    }
    // Records under a key that was withdrawn are told by their sector.
    let half = dump("half", &image, &["--key", &keys[0]]);
    assert_eq!(half.code, 1);
    half.says("REFUSED: store.key: a required member is empty (at 1)");
    assert!(dump("bad", &image, &["--key", "1:abc"]).err.contains("--key: not hexadecimal"));
}

#[test]
fn cut_off_images_and_noise_are_said_to_be_that() {
    let (image, _) = fixture("full");
    let short = dump("short", &image[..5000], &[]);
    assert_eq!(short.code, 1);
    short.says("DAMAGE: the image lacks its last 3192 of 8192 bytes");
    assert!(short.entries.len() > 10);
    let mut noise = vec![0; 8192];
    Rng(7).fill(&mut noise);
    let none = dump("noise", &noise, &[]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("not one sound sector header"), "{}", none.err);
    assert!(dump("empty", &[], &[]).err.contains("not one sound sector header"));
}

#[test]
fn user_ids_are_masked_unless_asked_for() {
    let g = geometry(1024, 8, 4, 4);
    let mut image = blank(&g);
    let mut s = RamStorage::new(&mut image, g);
    let (mut q, mut body) = (Queue::new(), [0; 300]);
    q.open(&mut s, [1; 8]).unwrap();
    let sale = Deposit {
        user_id: "2088123412341234",
        activity_account: "39201608190015500100016011040139",
        shop_id: "",
        biz_no: "2016082221001004150200139999",
        memo: "",
        ext_info: "",
    };
    let body = sale.store(&mut body).unwrap();
    let item = |req_id, body| Item { req_id, profile: 1, kind: 1, points: 10, created: 5, body };
    q.append(&mut s, &item("sale", body)).unwrap();
    q.append(&mut s, &item("later", b"2088123412341234 in a form of a later version")).unwrap();
    let hidden = dump("hidden", &image, &[]);
    assert_eq!(hidden.entries[&1]["sale"]["user_id"], "2088********1234");
    assert_eq!(hidden.entries[&1]["sale"]["biz_no"], sale.biz_no);
    assert_eq!(hidden.entries[&2]["sale"]["hidden_bytes"], 45);
    let saved: String = hidden.entries.values().map(Value::to_string).collect();
    assert!(!hidden.out.contains(sale.user_id) && !saved.contains(sale.user_id));
    let shown = dump("shown", &image, &["--show-users"]);
    assert_eq!(shown.entries[&1]["sale"]["user_id"], sale.user_id);
    assert!(shown.entries[&2]["sale"]["bytes"].as_str().unwrap().starts_with("32303838"));
}

#[test]
fn a_buffer_too_small_is_said_and_no_sector_is_blamed() {
    let (mut image, _) = fixture("full");
    let (mut refused, mut buf) = (0, [0; 40]);
    let error =
        inspect(&mut RamStorage::new(&mut image, geometry(1024, 8, 1, 1)), &mut buf, &mut |f| {
            refused += u32::from(matches!(f, Finding::Refused { .. }));
        })
        .unwrap_err();
    assert_eq!((error.status, error.what, refused), (Status::BufferTooSmall, "buf", 0));
    assert!(error.at as usize > buf.len());
}

/// Wherever 64 bytes are overwritten, every record that was not hit is still found.
#[test]
fn damage_anywhere_costs_only_what_it_hits() {
    let (image, _) = fixture("full");
    let g = geometry(1024, 8, 1, 1);
    let found = |image: &mut [u8]| {
        let (mut buf, mut found, mut damage) = ([0; ENTRY_MAX], BTreeMap::new(), 0);
        inspect(&mut RamStorage::new(image, g), &mut buf, &mut |finding| match finding {
            Finding::Record(r) => {
                let len = 12 + 20 + r.item.req_id.len() + r.item.body.len() + 1;
                found.insert(r.at, (r.item.req_id.to_owned(), len));
            }
            Finding::Damage { .. } => damage += 1,
            _ => {}
        })
        .unwrap();
        (found, damage)
    };
    let (all, none) = found(&mut image.clone());
    assert_eq!(none, 0);
    let (mut rng, mut cases, mut hit) = (Rng(seed()), 0, 0);
    for at in (0..image.len() - 64).step_by(if long() { 1 } else { 16 }) {
        let mut spoilt = image.clone();
        rng.fill(&mut spoilt[at..at + 64]);
        let (left, _) = found(&mut spoilt);
        for (place, record) in &all {
            let touched = (*place as usize) < at + 64 && at < *place as usize + record.1;
            assert!(touched || left.get(place) == Some(record), "{at}: {record:?} at {place}");
            hit += u32::from(touched);
        }
        cases += 1;
    }
    println!("{cases} places overwritten, {} records each, {hit} hit, all others found", all.len());
    assert!(hit > 100);
}
