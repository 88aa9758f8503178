//! The store in a file: locks, creation cut short, real processes killed, failing syncs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::file::FileStorage;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{Cursor, ENTRY_MAX, EntryState, Item, Queue};
use pointcard::status::Status;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A directory of its own, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("pointcard-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> (FileStorage, Queue) {
    let mut s = FileStorage::open(path, 256 << 10, 512).unwrap();
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    (s, q)
}

fn item<'a>(req: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id: req, profile: 1, kind: 1, points: 10, created: 5, body }
}

/// Starts this test program again as one of the children below.
fn child(role: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", role, "--nocapture", "--test-threads=1"])
        .env("POINTCARD_CHILD", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn child_path() -> Option<PathBuf> {
    std::env::var_os("POINTCARD_CHILD").map(PathBuf::from)
}

#[test]
fn an_entry_survives_closing_the_file() {
    let dir = Dir::new("reopen");
    let path = dir.file("q");
    let (mut s, mut q) = open(&path);
    let seq = q.append(&mut s, &item("a", b"hello")).unwrap().seq;
    assert_eq!(q.mark_sent(&mut s, seq).unwrap(), 1);
    drop(s);
    let (mut s, mut q) = open(&path);
    let mut buf = [0; ENTRY_MAX];
    let entry = q.next(&mut s, 0, &mut buf).unwrap().unwrap();
    assert_eq!((entry.seq, entry.attempts, entry.item.body), (seq, 1, &b"hello"[..]));
}

/// A block may be damaged while it is written, so opening must not write what is there already.
#[cfg(target_os = "linux")]
#[test]
fn opening_a_sound_store_writes_nothing() {
    let dir = Dir::new("untouched");
    let path = dir.file("q");
    let (mut s, mut q) = open(&path);
    let seq = q.append(&mut s, &item("a", b"hello")).unwrap().seq;
    q.mark_sent(&mut s, seq).unwrap();
    drop(s);
    // O_DIRECT: where the file system has no such reads, the port cannot tell and writes again.
    let mut dd = Command::new("dd");
    dd.arg(format!("if={}", path.display())).args(["of=/dev/null", "bs=4096", "iflag=direct"]);
    if !dd.output().is_ok_and(|output| output.status.success()) {
        println!(
            "SKIPPED TOOL O_DIRECT: would have tested that opening writes nothing; set TMPDIR to a \
             directory on a disk"
        );
        return;
    }
    let written = || {
        let text = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
        line.parse::<u64>().unwrap()
    };
    let before = written();
    let (mut s, mut q) = open(&path);
    assert_eq!(written(), before, "opening wrote");
    q.append(&mut s, &item("b", b"hello")).unwrap();
    assert!(written() > before, "writes are counted");
}

#[test]
fn a_second_handle_is_locked_out_by_any_name() {
    let dir = Dir::new("lock");
    let path = dir.file("q");
    let (s, _) = open(&path);
    let locked = |p: &Path| FileStorage::open(p, 256 << 10, 512).unwrap_err().status;
    assert_eq!(locked(&path), Status::Locked);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, dir.file("soft")).unwrap();
        std::fs::hard_link(&path, dir.file("hard")).unwrap();
        assert_eq!(locked(&dir.file("soft")), Status::Locked);
        assert_eq!(locked(&dir.file("hard")), Status::Locked);
    }
    drop(s);
    FileStorage::open(&path, 256 << 10, 512).unwrap();
}

/// Not a test of its own: holds the store until it is killed.
#[test]
fn role_holder() {
    let Some(path) = child_path() else { return };
    let held = open(&path);
    writeln!(std::io::stdout(), "\nheld").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
    drop(held);
}

#[test]
fn a_second_process_is_locked_out_until_the_first_is_killed() {
    let dir = Dir::new("process");
    let path = dir.file("q");
    let mut holder = child("role_holder", &path);
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "held"));
    let error = FileStorage::open(&path, 256 << 10, 512).unwrap_err();
    assert_eq!(error.status, Status::Locked);
    holder.kill().unwrap();
    holder.wait().unwrap();
    FileStorage::open(&path, 256 << 10, 512).unwrap();
}

/// A child that was started while the store was open does not hold it.
#[cfg(unix)]
#[test]
fn a_child_does_not_inherit_the_lock() {
    let dir = Dir::new("child");
    let path = dir.file("q");
    let held = open(&path);
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    drop(held);
    let again = FileStorage::open(&path, 256 << 10, 512).map(drop);
    child.kill().unwrap();
    child.wait().unwrap();
    again.unwrap();
}

#[cfg(unix)]
unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}

/// Not a test of its own: forks while it holds the store. Alone in its process, so that no other
/// thread holds a lock in that moment.
#[cfg(unix)]
#[test]
fn role_forking() {
    let Some(path) = child_path() else { return };
    let held = open(&path);
    // Safety: the child only tries to open the store and ends without unwinding.
    let child = unsafe { fork() };
    if child == 0 {
        let told = FileStorage::open(&path, 256 << 10, 512).map(drop).map_err(|e| e.status);
        // Safety: ends this process; nothing of it is needed any more.
        unsafe { _exit(if told == Err(Status::Locked) { 7 } else { 1 }) };
    }
    let mut status = 0;
    // Safety: `status` is ours to write to.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 7 << 8, "the child got the store");
    // The child's end did not take the lock along.
    let other = Command::new("flock").arg("-n").arg(&path).arg("true").status();
    if let Ok(other) = other {
        assert!(!other.success(), "the lock is gone");
    }
    drop(held);
    writeln!(std::io::stdout(), "\nforked").unwrap();
}

#[cfg(unix)]
#[test]
fn a_fork_of_the_process_is_locked_out() {
    let dir = Dir::new("fork");
    let forking = child("role_forking", &dir.file("q")).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&forking.stdout);
    assert!(forking.status.success() && said.contains("forked"), "{said}");
}

/// Not a test of its own: works on the store and tells what was acknowledged, until killed.
#[test]
fn role_till() {
    let Some(path) = child_path() else { return };
    let mut out = std::io::stdout();
    let mut say = |line: String| out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    let (mut s, mut q) = open(&path);
    let mut rng = Rng(std::process::id() as u64 * 7919 + 1);
    let mut buf = [0; ENTRY_MAX];
    loop {
        let waiting = q.status().waiting + q.status().sent_unknown;
        if rng.below(3) > 0 && waiting < 100 {
            let req = format!("{:08x}{:016x}", std::process::id(), rng.next());
            let body = vec![rng.next() as u8; rng.below(600)];
            say(format!("append {req} {} {}", body.len(), body.first().unwrap_or(&0)));
            let seq = q.append(&mut s, &item(&req, &body)).unwrap().seq;
            say(format!("appended {req} {seq}"));
        } else if let Some(entry) = q.next(&mut s, 0, &mut buf).unwrap() {
            let seq = entry.seq;
            say(format!("send {seq}"));
            let attempts = q.mark_sent(&mut s, seq).unwrap();
            say(format!("sent {seq} {attempts}"));
            if rng.below(4) > 0 {
                say(format!("settle {seq}"));
                q.settle(&mut s, seq).unwrap();
                say(format!("settled {seq}"));
            }
        }
    }
}

#[derive(Default, Debug)]
struct Told {
    /// req_id to (length, byte), from "append".
    begun: HashMap<String, (usize, u8)>,
    /// seq to (req_id, attempts, settle begun, settled).
    acked: HashMap<u64, (String, u8, bool, bool)>,
}

impl Told {
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].parse::<u64>().unwrap();
        match words[0] {
            "append" if words.len() == 4 => {
                self.begun.insert(words[1].into(), (number(2) as usize, number(3) as u8));
            }
            "appended" => {
                let new = (words[1].to_string(), 0, false, false);
                assert!(self.acked.insert(number(2), new).is_none(), "seq used again: {line}");
            }
            "sent" => self.acked.get_mut(&number(1)).unwrap().1 = number(2) as u8,
            "settle" => self.acked.get_mut(&number(1)).unwrap().2 = true,
            "settled" => self.acked.get_mut(&number(1)).unwrap().3 = true,
            _ => {}
        }
    }

    fn compare(&mut self, path: &Path) {
        let (mut s, mut q) = open(path);
        let mut buf = [0; ENTRY_MAX];
        let mut cursor = Cursor::default();
        let mut shown = HashMap::new();
        while let Some(e) = q.walk(&mut s, &mut cursor, &mut buf).unwrap() {
            let (len, byte) = self.begun[e.item.req_id];
            assert!(e.item.body.len() == len && e.item.body.iter().all(|&b| b == byte), "altered");
            let pending = e.state != EntryState::Settled;
            assert!(shown.insert(e.seq, (pending, e.attempts)).is_none(), "doubled {}", e.seq);
            let new = (e.item.req_id.to_string(), e.attempts, !pending, false);
            let known = self.acked.entry(e.seq).or_insert(new);
            assert_eq!(known.0, e.item.req_id, "seq {} used again", e.seq);
        }
        for (seq, (req, attempts, begun, settled)) in &mut self.acked {
            match shown.get(seq) {
                Some(&(true, now)) => {
                    assert!(!*settled, "{seq} {req} came back");
                    assert!(now >= *attempts, "{seq} attempts fell");
                    *attempts = now;
                }
                _ => {
                    assert!(*begun || *settled, "{seq} {req} lost");
                    *settled = true;
                }
            }
        }
    }
}

#[test]
fn killed_processes_lose_nothing() {
    let dir = Dir::new("kill");
    let path = dir.file("q");
    let mut rng = Rng(seed());
    let mut told = Told::default();
    let kills = cases(40, 1_000);
    for _ in 0..kills {
        let mut till = child("role_till", &path);
        let out = till.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).collect::<Vec<_>>()
        });
        std::thread::sleep(std::time::Duration::from_micros(3000 + rng.below(60_000) as u64));
        till.kill().unwrap();
        till.wait().unwrap();
        reader.join().unwrap().iter().for_each(|line| told.line(line));
        told.compare(&path);
    }
    let (acked, settled) = (told.acked.len(), told.acked.values().filter(|a| a.3).count());
    println!("kills: {kills}, acknowledged {acked}, settled {settled}, lost 0, doubled 0");
    assert!(acked > 40);
}

#[test]
fn a_creation_cut_short_is_finished() {
    let dir = Dir::new("create");
    let full = 256 << 10;
    for (i, len) in [0usize, 1, 511, 4096, 100_000, full - 1, full].iter().enumerate() {
        for filler in [0xFF, 0] {
            let path = dir.file(&format!("q{i}{filler}"));
            let mut bytes = vec![0xFF; *len];
            bytes[len / 2..].fill(filler);
            std::fs::write(&path, &bytes).unwrap();
            let (mut s, mut q) = open(&path);
            q.append(&mut s, &item("a", b"x")).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().len(), full as u64);
        }
    }
}

#[test]
fn a_foreign_file_is_left_alone() {
    let dir = Dir::new("foreign");
    let path = dir.file("accounts.txt");
    let text = "precious\n".repeat(20_000);
    std::fs::write(&path, &text).unwrap();
    let mut s = FileStorage::open(&path, 256 << 10, 4).unwrap();
    let error = Queue::new().open(&mut s, [1; 8]).unwrap_err();
    assert_eq!(error.status, Status::MediaCorrupt);
    drop(s);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    std::fs::write(&path, "short").unwrap();
    let error = FileStorage::open(&path, 256 << 10, 4).unwrap_err();
    assert_eq!(error.status, Status::Geometry);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
}

#[test]
fn a_store_keeps_its_size_and_its_entries() {
    let dir = Dir::new("size");
    let path = dir.file("q");
    let (mut s, mut q) = open(&path);
    q.append(&mut s, &item("a", b"x")).unwrap();
    drop(s);
    for (size, align) in [(64 << 10, 4), (4 << 20, 4096), (256 << 10, 512)] {
        let mut s = FileStorage::open(&path, size, align).unwrap();
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        assert_eq!(q.status().waiting, 1);
        let req = format!("{size}");
        // Every other `align` begins a sector of its own; what waits makes way.
        q.relieve(&mut s, &mut [0; ENTRY_MAX]).unwrap();
        q.append(&mut s, &item(&req, b"y")).unwrap();
        let seq = q.append(&mut s, &item(&format!("{size}b"), b"z")).unwrap().seq;
        q.settle(&mut s, seq - 1).unwrap();
        q.settle(&mut s, seq).unwrap();
    }
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 256 << 10);
}

#[test]
fn errors_carry_the_systems_number() {
    let dir = Dir::new("errors");
    let error = FileStorage::open(dir.file("no/such/dir"), 256 << 10, 4).unwrap_err();
    assert_eq!((error.status, error.port), (Status::Storage, 2));
    let error = FileStorage::open(dir.file("q"), 10_000, 4).unwrap_err();
    assert_eq!(error.status, Status::Geometry);
    assert!(!dir.file("q").exists());
}

/// Fails the n-th sync; `NEVER` does not sync at all.
struct Flaky<'a>(&'a mut FileStorage, u32);

const NEVER: u32 = u32::MAX;

impl Storage for Flaky<'_> {
    fn geometry(&self) -> Geometry {
        self.0.geometry()
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.0.read(at, buf)
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.0.prog(at, data)
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.0.erase(sector)
    }
    fn sync(&mut self) -> Result<(), PortError> {
        if self.1 == NEVER {
            return Ok(());
        }
        self.1 = self.1.wrapping_sub(1);
        if self.1 == 0 { Err(PortError(5)) } else { self.0.sync() }
    }
}

#[test]
fn a_failed_sync_stops_the_queue_until_it_is_opened_again() {
    let dir = Dir::new("sync");
    let (mut s, mut q) = open(&dir.file("q"));
    let error = q.append(&mut Flaky(&mut s, 1), &item("a", b"x")).unwrap_err();
    assert_eq!((error.status, error.port), (Status::Storage, 5));
    assert_eq!(q.append(&mut s, &item("b", b"x")).unwrap_err().status, Status::Storage);
    assert_eq!(q.settle(&mut s, 1).unwrap_err().status, Status::Storage);
    assert_eq!(q.stage(1).unwrap_err().status, Status::Storage);
    q.open(&mut s, [1; 8]).unwrap();
    // Whether it is recorded was unknown; calling again settles it.
    q.append(&mut s, &item("a", b"x")).unwrap();
    assert_eq!(q.status().waiting, 1);
}

#[test]
fn the_capacities_in_the_manual_are_true() {
    let (dir, mut wrong) = (Dir::new("capacity"), false);
    for (kib, align, holds) in [
        (1024, 4, 1880),
        (1024, 4096, 1584),
        (512, 4, 968),
        (512, 4096, 792),
        (256, 4, 512),
        (256, 4096, 396),
        (128, 4, 120),
        (128, 4096, 40),
        (64, 4, 150),
        (32, 4, 30),
    ] {
        let path = dir.file(&format!("{kib}-{align}"));
        let mut file = FileStorage::open(&path, kib << 10, align).unwrap();
        let mut s = Flaky(&mut file, NEVER);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        let mut n = 0;
        let mut buf = [0; ENTRY_MAX];
        loop {
            match q.append(&mut s, &item(&format!("{n:032}"), &[7; 197])) {
                Ok(_) => n += 1,
                Err(_) if q.relieve(&mut s, &mut buf).unwrap() => {}
                Err(_) => break,
            }
        }
        println!("{kib} KiB, align {align}: {n} ({holds} told)");
        wrong |= n != holds;
    }
    assert!(!wrong, "see above");
}

#[cfg(unix)]
#[test]
fn only_a_regular_file_becomes_a_store() {
    let dir = Dir::new("regular");
    for path in [dir.0.as_path(), Path::new("/dev/null")] {
        let error = FileStorage::open(path, 256 << 10, 4).unwrap_err();
        assert_eq!((error.status, error.what), (Status::Argument, "storage.path"), "{path:?}");
    }
}
