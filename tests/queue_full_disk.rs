//! A disk without room: every answer, refusal and retry is still recorded, sales go on as soon as
//! the store has room of its own, and a store that cannot be made says so and can be made later.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::REASON;
use pointcard::port::file::FileStorage;
use pointcard::queue::{Buried, ENTRY_MAX, EntryState, Item, Queue};
use pointcard::status::Status;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: u32 = 256 << 10;
const ENOSPC: i32 = 28;

fn open(path: &Path) -> (FileStorage, Queue) {
    let mut s = FileStorage::open(path, SIZE, 512).unwrap();
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    (s, q)
}

fn append(q: &mut Queue, s: &mut FileStorage, number: u32) -> Result<(), Status> {
    let req = format!("sale{number}");
    let item = Item { req_id: &req, profile: 1, kind: 1, points: 10, created: 5, body: &[7; 200] };
    q.append(s, &item).map(drop).map_err(|error| error.status)
}

/// Sells until the store itself is full, then answers everything, looking after each step.
fn a_day_without_room(path: &Path) {
    let (mut s, mut q) = open(path);
    let mut buf = [0; ENTRY_MAX];
    let mut sold = 0;
    while append(&mut q, &mut s, sold) == Ok(()) {
        sold += 1;
    }
    assert_eq!(append(&mut q, &mut s, sold), Err(Status::QueueFull));
    let (mut retried, mut refused, mut settled) = (0, 0, 0);
    while append(&mut q, &mut s, sold) == Err(Status::QueueFull) {
        let seq = q.next(&mut s, 0, &mut buf).unwrap().unwrap().seq;
        for attempt in 1..=20 {
            assert_eq!(q.mark_sent(&mut s, seq).unwrap(), attempt);
            retried += 1;
        }
        if settled % 4 == 3 {
            assert_eq!(q.bury(&mut s, seq, &REASON, &mut buf).unwrap(), Buried::Moved);
            refused += 1;
        } else {
            q.settle(&mut s, seq).unwrap();
        }
        settled += 1;
        drop((s, q));
        (s, q) = open(path);
        let left = q.get(&mut s, seq, &mut buf).unwrap().map(|entry| entry.state);
        let dead = settled % 4 == 0;
        assert_eq!(left, dead.then_some(EntryState::Dead), "an answer was not recorded");
        assert!(settled <= sold, "nothing became free");
    }
    let status = q.status();
    assert_eq!((status.waiting, status.dead), (sold - settled + 1, refused));
    println!(
        "no room: {sold} sold, {retried} retries, {refused} refusals and {} credits recorded, \
         then sold again",
        settled - refused
    );
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A file system of 1 MiB of its own; `None` where this user may not mount one.
fn small_disk(name: &str) -> Option<Mounted> {
    let path = std::env::temp_dir().join(format!("pointcard-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=1m", "pointcard-test"]).arg(&path);
    if mount.output().is_ok_and(|output| output.status.success()) {
        return Some(Mounted(path));
    }
    let _ = std::fs::remove_dir(&path);
    println!(
        "SKIPPED TOOL mount: would have tested a full disk; run as root where tmpfs may be mounted"
    );
    None
}

/// Takes all the room there is; says what the system said in the end.
fn fill(disk: &Path) -> i32 {
    let mut file = std::fs::File::create(disk.join("filler")).unwrap();
    loop {
        if let Err(error) = file.write_all(&[0; 512]) {
            return error.raw_os_error().unwrap();
        }
    }
}

#[test]
fn every_answer_is_recorded_on_a_full_disk() {
    let Some(disk) = small_disk("full") else { return };
    let path = disk.0.join("store");
    drop(open(&path));
    assert_eq!(fill(&disk.0), ENOSPC);
    a_day_without_room(&path);
    assert!(std::fs::write(disk.0.join("more"), [1]).is_err(), "there was room after all");
}

#[test]
fn a_store_that_finds_no_room_is_made_later() {
    let Some(disk) = small_disk("late") else { return };
    let path = disk.0.join("store");
    assert_eq!(fill(&disk.0), ENOSPC);
    let error = FileStorage::open(&path, SIZE, 512).unwrap_err();
    assert_eq!((error.status, error.what, error.port), (Status::Storage, "storage.create", ENOSPC));
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    let (mut s, mut q) = open(&path);
    assert_eq!(append(&mut q, &mut s, 1), Ok(()));
}

/// Run by the test below, in a process that may make no file larger than the store.
#[test]
fn role_limited() {
    let Some(path) = std::env::var_os("POINTCARD_CHILD").map(PathBuf::from) else { return };
    let longer = path.with_extension("longer");
    let error = std::fs::write(&longer, vec![0; SIZE as usize + 1]).unwrap_err();
    assert!(error.raw_os_error().is_some(), "the limit does not hold: {error}");
    std::fs::remove_file(&longer).unwrap();
    a_day_without_room(&path);
}

#[test]
fn every_answer_is_recorded_under_a_file_size_limit() {
    let path = std::env::temp_dir().join(format!("pointcard-limit-{}", std::process::id()));
    drop(open(&path));
    // The shell counts in blocks of 512 bytes; a signal ignored here stays ignored.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", SIZE / 512);
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "role_limited", "--nocapture"])
        .env("POINTCARD_CHILD", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find(|line| line.starts_with("no room:"));
    println!("{}", line.expect("the child did its day"));
    std::fs::remove_file(&path).unwrap();
}
