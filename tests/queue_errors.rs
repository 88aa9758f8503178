//! A storage that fails at its n-th call, for every n, and goes on afterwards: reads, writes that
//! stop half way, erases, syncs that lose what they were given. And the same from below: real
//! system calls that fail at random under the real file port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/book.rs"]
mod book;
mod common;

use book::Book;
use common::*;
use pointcard::port::file::FileStorage;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::Queue;
use pointcard::status::Status;
use std::path::PathBuf;
use std::process::Command;

const PAGE: usize = 512;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Nothing was done.
    Nothing,
    /// A write or an erase stopped half way.
    Half,
    /// A sync gave up, and counts as clean what it did not write, as Linux does.
    Forgets,
}

/// A cache over a disk, one of whose calls fails.
struct Failing {
    cache: Vec<u8>,
    disk: Vec<u8>,
    dirty: Vec<bool>,
    g: Geometry,
    /// Calls until one fails; 0: none will any more.
    until: u64,
    how: How,
    failed: bool,
}

impl Failing {
    fn new(g: Geometry, until: u64, how: How) -> Failing {
        let dirty = vec![false; blank(&g).len() / PAGE];
        Failing { cache: blank(&g), disk: blank(&g), dirty, g, until, how, failed: false }
    }

    /// Whether this is the call that fails.
    fn fails(&mut self) -> bool {
        let now = self.until == 1;
        self.until = self.until.saturating_sub(1);
        self.failed |= now;
        now
    }

    fn write(&mut self, at: usize, data: &[u8]) -> Result<(), PortError> {
        let fails = self.fails();
        let done = match self.how {
            _ if !fails => data.len(),
            How::Half => data.len() / 2,
            _ => return Err(PortError(5)),
        };
        self.cache[at..at + done].copy_from_slice(&data[..done]);
        self.dirty[at / PAGE..(at + data.len()).div_ceil(PAGE)].fill(true);
        if fails { Err(PortError(5)) } else { Ok(()) }
    }

    fn power_cut(&mut self) {
        self.cache.clone_from(&self.disk);
        self.dirty.fill(false);
    }
}

impl Storage for Failing {
    fn geometry(&self) -> Geometry {
        self.g
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        if self.fails() {
            return Err(PortError(5));
        }
        buf.copy_from_slice(&self.cache[at as usize..][..buf.len()]);
        Ok(())
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.write(at as usize, data)
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        let size = self.g.sector_size as usize;
        self.write(sector as usize * size, &vec![0xFF; size])
    }
    fn sync(&mut self) -> Result<(), PortError> {
        let fails = self.fails();
        if fails && self.how != How::Forgets {
            return Err(PortError(5));
        }
        for (page, dirty) in self.dirty.iter_mut().enumerate().filter(|(_, dirty)| **dirty) {
            let bytes = page * PAGE..(page + 1) * PAGE;
            if !fails {
                self.disk[bytes.clone()].copy_from_slice(&self.cache[bytes]);
            }
            *dirty = false;
        }
        if fails { Err(PortError(5)) } else { Ok(()) }
    }
    fn reassert(&mut self, at: u32, len: u32) -> Result<(), PortError> {
        let (from, to) = (at as usize / PAGE, ((at + len) as usize).div_ceil(PAGE));
        for page in from..to {
            let bytes = page * PAGE..(page + 1) * PAGE;
            self.dirty[page] |= self.disk[bytes.clone()] != self.cache[bytes];
        }
        if self.fails() { Err(PortError(5)) } else { Ok(()) }
    }
}

/// A day with one failing call; false when the day was over before.
fn day(g: Geometry, until: u64, how: How) -> bool {
    let (mut s, mut rng) = (Failing::new(g, until, how), Rng(5));
    let (mut q, mut book) = (Queue::new(), Book::new(100));
    if q.open(&mut s, [1; 8]).is_err() {
        q.open(&mut s, [1; 8]).unwrap();
    }
    for _ in 0..120 {
        if let Err(e) = book.step(&mut q, &mut s, &mut rng) {
            assert_eq!((e.status, e.port), (Status::Storage, 5), "call {until} {how:?}");
            assert!(q.is_poisoned() && q.commit(&mut s).is_err(), "it goes on after a failure");
            q.open(&mut s, [1; 8]).unwrap();
            book.compare(&mut q, &mut s);
        }
    }
    let failed = s.failed;
    s.until = 0;
    // What was told is durable, whatever the cache says.
    s.power_cut();
    q.open(&mut s, [1; 8]).unwrap();
    book.compare(&mut q, &mut s);
    failed
}

#[test]
fn a_call_that_fails_once_is_survived_whichever_it_is() {
    let mut days = 0;
    for how in [How::Nothing, How::Half, How::Forgets] {
        for align in [4, 512] {
            let g = geometry(2048, 16, 4, align);
            let last = (1..).find(|until| !day(g, *until, how)).unwrap();
            assert!(last > 300);
            days += last;
        }
    }
    println!("queue errors: {days} days, another call failed in each, 0 lost, 0 doubled");
}

/// Run by the test below, under `fiu-run`: sells and settles while system calls fail.
#[test]
fn role_troubled() {
    let Some(path) = std::env::var_os("POINTCARD_CHILD").map(PathBuf::from) else { return };
    let (mut book, mut rng, mut failures, mut done) = (Book::new(100), Rng(seed()), 0, 0);
    let mut open: Option<(FileStorage, Queue)> = None;
    for _ in 0..200_000 {
        if done == 300 {
            break;
        }
        if open.is_none() {
            let Ok(mut s) = FileStorage::open(&path, 256 << 10, 512) else {
                failures += 1;
                continue;
            };
            let mut q = Queue::new();
            if q.open(&mut s, [1; 8]).is_err() {
                failures += 1;
                continue;
            }
            open = Some((s, q));
        }
        let (s, q) = open.as_mut().unwrap();
        if !book.is_certain() && book.try_compare(q, s).is_err() {
            failures += 1;
            open = None;
            continue;
        }
        match book.step(q, s, &mut rng) {
            Ok(()) => done += 1,
            Err(e) => {
                assert_eq!(e.status, Status::Storage, "{e:?}");
                failures += 1;
                open = None;
            }
        }
    }
    println!("\nqueue fiu: {done} operations, {failures} failures, 0 lost, 0 doubled");
}

#[test]
fn system_calls_that_fail_lose_nothing() {
    if Command::new("fiu-run").arg("-h").output().is_err() {
        println!(
            "SKIPPED TOOL fiu-run: would have tested the file port under failing system calls; \
             Debian: fiu-utils"
        );
        return;
    }
    let path = std::env::temp_dir().join(format!("pointcard-fiu-{}", std::process::id()));
    let fault = |point, share| format!("enable_random name=posix/io/{point},probability={share}");
    let output = Command::new("fiu-run")
        .arg("-x")
        .args(["-c", &fault("rw/pwrite", "0.02")])
        .args(["-c", &fault("rw/pwrite/reduce", "0.02")])
        .args(["-c", &fault("rw/pread", "0.001")])
        .args(["-c", &fault("sync/fdatasync", "0.02")])
        .args(["-c", &fault("sync/fsync", "0.02")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "role_troubled", "--nocapture", "--test-threads=1"])
        .env("POINTCARD_CHILD", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find(|line| line.starts_with("queue fiu:")).expect("a day was done");
    println!("{line}");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[2], "300", "{line}");
    assert!(words[4].parse::<u32>().unwrap() > 5, "too few calls failed: {line}");
    std::fs::remove_file(&path).unwrap();
}
