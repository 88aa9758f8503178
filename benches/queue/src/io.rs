//! What a store asks of the machine: syncs and writes of this process, writes of the disk.
//!
//! In: nothing. Out: counts. Every sync of every store goes through the two functions here,
//! because a symbol of the program comes before the C library's.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

static SYNCS: AtomicU64 = AtomicU64::new(0);

/// Counts, then does what the C library's does.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: libc::c_int) -> libc::c_int {
    SYNCS.fetch_add(1, Ordering::Relaxed);
    // Safety: the system call of this name takes a descriptor, valid or not.
    unsafe { libc::syscall(libc::SYS_fdatasync, fd) as libc::c_int }
}

/// Counts, then does what the C library's does.
#[unsafe(no_mangle)]
extern "C" fn fsync(fd: libc::c_int) -> libc::c_int {
    SYNCS.fetch_add(1, Ordering::Relaxed);
    // Safety: the system call of this name takes a descriptor, valid or not.
    unsafe { libc::syscall(libc::SYS_fsync, fd) as libc::c_int }
}

/// Counts at one moment, or between two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub syncs: u64,
    /// Write calls of this process, and their bytes.
    pub writes: u64,
    pub bytes: u64,
    /// Writes the disk completed, whoever asked for them.
    pub device_writes: u64,
}

impl Counts {
    pub fn now(disk: &Disk) -> Counts {
        let own = std::fs::read_to_string("/proc/self/io").expect("/proc/self/io");
        let number = |name: &str| {
            let line = own.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).expect("a number")
        };
        Counts {
            syncs: SYNCS.load(Ordering::Relaxed),
            writes: number("syscw:"),
            bytes: number("wchar:"),
            device_writes: disk.writes(),
        }
    }

    pub fn and(&self, more: &Counts) -> Counts {
        Counts {
            syncs: self.syncs + more.syncs,
            writes: self.writes + more.writes,
            bytes: self.bytes + more.bytes,
            device_writes: self.device_writes + more.device_writes,
        }
    }

    pub fn since(&self, before: &Counts) -> Counts {
        Counts {
            syncs: self.syncs - before.syncs,
            writes: self.writes - before.writes,
            bytes: self.bytes - before.bytes,
            device_writes: self.device_writes - before.device_writes,
        }
    }
}

/// The disk a folder is on; one that counts nothing where the system has no file for it.
pub struct Disk(Option<String>);

impl Disk {
    pub fn of(folder: &Path) -> Disk {
        let dev = std::fs::metadata(folder).expect("the bench folder").dev();
        let (major, minor) = (libc::major(dev), libc::minor(dev));
        let path = format!("/sys/dev/block/{major}:{minor}/stat");
        Disk(Path::new(&path).exists().then_some(path))
    }

    pub fn counts(&self) -> bool {
        self.0.is_some()
    }

    fn writes(&self) -> u64 {
        let Some(path) = &self.0 else { return 0 };
        let stat = std::fs::read_to_string(path).expect("the disk's counts");
        stat.split_whitespace().nth(4).and_then(|n| n.parse().ok()).expect("a number")
    }
}
