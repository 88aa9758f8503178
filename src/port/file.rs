//! Storage in a file.
//!
//! In: a path. Out: a [`Storage`] over a file of fixed size, filled with 0xFF when it is made, so
//! that no later write changes anything but data and a full disk stops nobody.
//!
//! | file size | sector | entries of 250 bytes it holds, align 4 | align 4096 |
//! |---:|---:|---:|---:|
//! | 1 MiB (and in proportion) | 64 KiB | 1,880 | 1,584 |
//! | 512 KiB | 32 KiB | 968 | 792 |
//! | 256 KiB | 16 KiB | 512 | 396 |
//! | 128 KiB | 16 KiB | 120 | 40 |
//! | 64 KiB | 4 KiB | 150 | not possible |
//! | 32 KiB | 4 KiB | 30 | not possible |
//!
//! These are counts with [`relieve`](crate::queue::Queue::relieve), as the client calls it: what
//! moves to the backlog is packed without the gaps that `align` leaves.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use super::{Geometry, PortError, Storage};
use crate::status::{Error, Result, Status};

/// Bytes gathered before the system is called, at most: what one sync of a batch covers.
const GATHER: usize = 16 << 10;

/// Stores this process has open.
static OPEN: Mutex<Vec<Identity>> = Mutex::new(Vec::new());

/// An open store file. Dropping it lets go of the lock.
#[derive(Debug)]
pub struct FileStorage {
    file: Locked,
    geometry: Geometry,
    /// 0xFF, one sector long.
    erased: Vec<u8>,
    /// Programmed in one piece from `gathered_at` on and not yet handed to the system: the records
    /// of a batch are one write.
    gathered: Vec<u8>,
    gathered_at: u32,
    /// The same file, read past the cache, where the system can.
    direct: Option<File>,
    _registered: Registered,
}

impl FileStorage {
    /// Opens the store file at `path`, or makes one of `size` bytes (rounded down to whole
    /// sectors) and makes it durable, directory included.
    ///
    /// `align`: see [`Geometry::align`]; 4096 unless the disk is known to be power-safe, then 4.
    /// An existing store keeps its own size, whatever `size` says. A file of nothing but 0xFF or
    /// zero bytes is what an interrupted creation leaves: it is filled and used. Everything else
    /// is left alone; the queue says what it is.
    ///
    /// `Locked`: another process, or another handle here, has it open, by this or another name;
    /// or the name went to another file meanwhile. `Argument`: not a regular file.
    /// `Geometry`: too small or too large. `Storage`: the system's error is in [`Error::port`].
    pub fn open(path: impl AsRef<Path>, size: u32, align: u32) -> Result<FileStorage> {
        let path = path.as_ref();
        geometry(size, align)?;
        // A device says it is empty, and some do things when they are opened.
        if std::fs::metadata(path).is_ok_and(|data| !data.is_file()) {
            return Err(Error::new(Status::Argument, "storage.path"));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| failed("storage.open", &e))?;
        let registered = Registered::new(&file, path)?;
        let file = Locked::new(file)?;
        // Renamed or removed while the lock was waited for: a store nobody would find again.
        if !same_file(&file.0, path) {
            return Err(Error::new(Status::Locked, "storage"));
        }
        let len = prepare(&file.0, path, size, align)?;
        let geometry = geometry(len, align)?;
        Ok(FileStorage {
            file,
            geometry,
            erased: vec![0xFF; geometry.sector_size as usize],
            gathered: Vec::with_capacity(GATHER),
            gathered_at: 0,
            direct: open_direct(path),
            _registered: registered,
        })
    }

    fn write(&mut self, at: u32, data: &[u8]) -> core::result::Result<(), PortError> {
        write_at(&self.file.0, data, at.into()).map_err(port)
    }

    /// Hands over what was gathered. What fails is forgotten, as what a failed write left out.
    fn hand_over(&mut self) -> core::result::Result<(), PortError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let done = write_at(&self.file.0, &self.gathered, self.gathered_at.into()).map_err(port);
        self.gathered.clear();
        done
    }

    /// Whether `len` bytes at `at` go behind what was gathered.
    fn follows(&self, at: u32, len: usize) -> bool {
        let end = u64::from(self.gathered_at) + self.gathered.len() as u64;
        end == u64::from(at) && self.gathered.len() + len <= GATHER
    }
}

/// A file nobody else has open as a store.
#[derive(Debug)]
struct Locked(File);

impl Locked {
    fn new(file: File) -> Result<Locked> {
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => Error::new(Status::Locked, "storage"),
            TryLockError::Error(e) => failed("storage.lock", &e),
        })?;
        Ok(Locked(file))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing alone lets go only when a child that is being started just now has let go too.
        // Nothing can be done about a failure, and the system lets go at the latest with us.
        let _ = self.0.unlock();
    }
}

impl Storage for FileStorage {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> core::result::Result<(), PortError> {
        self.hand_over()?;
        read_at(&self.file.0, buf, at.into()).map_err(port)
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> core::result::Result<(), PortError> {
        if !self.follows(at, data.len()) {
            self.hand_over()?;
            self.gathered_at = at;
        }
        self.gathered.extend_from_slice(data);
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> core::result::Result<(), PortError> {
        let at = sector.checked_mul(self.geometry.sector_size).ok_or(PortError(-1))?;
        self.hand_over()?;
        let erased = core::mem::take(&mut self.erased);
        let done = self.write(at, &erased);
        self.erased = erased;
        done
    }

    fn sync(&mut self) -> core::result::Result<(), PortError> {
        self.hand_over()?;
        self.file.0.sync_data().map_err(port)
    }

    /// After a failed sync the pages count as written, in every later process too. What the disk
    /// itself shows to be there is left alone: written again it would be in danger for a moment.
    fn reassert(&mut self, at: u32, len: u32) -> core::result::Result<(), PortError> {
        let mut bytes = vec![0; len as usize];
        self.read(at, &mut bytes)?;
        let on_disk = self.direct.as_ref().is_some_and(|disk| is_there(disk, at, &bytes));
        if on_disk { Ok(()) } else { self.write(at, &bytes) }
    }
}

/// The shape of a file of `size` bytes. Depends on the size alone, so that it is found again.
fn geometry(size: u32, align: u32) -> Result<Geometry> {
    let sector_size: u32 = match size >> 10 {
        0..32 => return Err(Error::new(Status::Geometry, "storage.size")),
        32..128 => 4 << 10,
        128..512 => 16 << 10,
        512..1024 => 32 << 10,
        _ => 64 << 10,
    };
    if !align.is_power_of_two() || align > sector_size / 4 {
        return Err(Error::new(Status::Geometry, "storage.align"));
    }
    Ok(Geometry { sector_size, sector_count: size / sector_size, prog_size: align.min(4), align })
}

/// Whether `path` still names `file`, a regular one.
#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(named)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    open.is_file() && (open.dev(), open.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn same_file(_: &File, _: &Path) -> bool {
    true // an open file keeps its name here
}

/// Linux: the flag for reads that pass by the cache. Other systems' caches cannot be looked behind.
#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    any(target_arch = "x86", target_arch = "x86_64", target_arch = "arm", target_arch = "aarch64")
))]
fn open_direct(path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // asm/fcntl.h; ARM has its own.
    let arm = cfg!(any(target_arch = "arm", target_arch = "aarch64"));
    let o_direct = if arm { 0o200_000 } else { 0o40_000 };
    OpenOptions::new().read(true).custom_flags(o_direct).open(path).ok()
}

#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    any(target_arch = "x86", target_arch = "x86_64", target_arch = "arm", target_arch = "aarch64")
)))]
fn open_direct(_: &Path) -> Option<File> {
    None
}

/// Whether the disk holds `bytes` at `at`. False when it cannot be told.
fn is_there(disk: &File, at: u32, bytes: &[u8]) -> bool {
    // Place, length and memory of such a read are multiples of the disk's block.
    const BLOCK: u64 = 4096;
    let skip = (u64::from(at) & (BLOCK - 1)) as usize;
    let whole = (skip + bytes.len()).next_multiple_of(BLOCK as usize);
    let mut room = vec![0; whole + BLOCK as usize];
    let from = room.as_ptr().align_offset(BLOCK as usize);
    let Some(buf) = room.get_mut(from..).and_then(|room| room.get_mut(..whole)) else {
        return false;
    };
    let read = read_at(disk, buf, u64::from(at) - skip as u64);
    read.is_ok() && buf.get(skip..).and_then(|read| read.get(..bytes.len())) == Some(bytes)
}

/// Fills a new or half-made file; says how long the store is.
fn prepare(file: &File, path: &Path, size: u32, align: u32) -> Result<u32> {
    let len = file.metadata().map_err(|e| failed("storage.open", &e))?.len();
    if !is_blank(file, len).map_err(|e| failed("storage.read", &e))? {
        return u32::try_from(len).map_err(|_| Error::new(Status::Geometry, "storage.size"));
    }
    let shape = geometry(size, align)?;
    let whole = shape.sector_size * shape.sector_count;
    let size = u64::from(whole).max(len);
    let size = u32::try_from(size).map_err(|_| Error::new(Status::Geometry, "storage.size"))?;
    fill(file, size).map_err(|e| failed("storage.create", &e))?;
    sync_parent(path).map_err(|e| failed("storage.create", &e))?;
    Ok(size)
}

fn fill(file: &File, size: u32) -> io::Result<()> {
    let chunk = [0xFF; 64 << 10];
    let mut at = 0;
    while at < size {
        let n = (size - at).min(chunk.len() as u32);
        write_at(file, chunk.get(..n as usize).unwrap_or(&[]), at.into())?;
        at += n;
    }
    file.sync_all()
}

/// Nothing but 0xFF and zero bytes. A store shows something else in its first two sectors.
fn is_blank(file: &File, len: u64) -> io::Result<bool> {
    let mut chunk = [0; 16 << 10];
    let mut at = 0;
    while at < len {
        let n = (len - at).min(chunk.len() as u64) as usize;
        let now = chunk.get_mut(..n).unwrap_or(&mut []);
        read_at(file, now, at)?;
        if now.iter().any(|&b| b != 0xFF && b != 0) {
            return Ok(false);
        }
        at += n as u64;
    }
    Ok(true)
}

#[cfg(unix)]
fn sync_parent(path: &Path) -> io::Result<()> {
    // The name that was made durable is the real one's, not a link's.
    let real = path.canonicalize()?;
    match real.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(()) // directories cannot be synced here; the file system journals its names
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, at)
}

#[cfg(unix)]
fn write_at(file: &File, data: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, at)
}

#[cfg(windows)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let (mut buf, mut at) = (buf, at);
    while !buf.is_empty() {
        let n = file.seek_read(buf, at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (buf, at) = (buf.get_mut(n..).unwrap_or(&mut []), at + n as u64);
    }
    Ok(())
}

#[cfg(windows)]
fn write_at(file: &File, data: &[u8], at: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let (mut data, mut at) = (data, at);
    while !data.is_empty() {
        let n = file.seek_write(data, at)?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (data, at) = (data.get(n..).unwrap_or(&[]), at + n as u64);
    }
    Ok(())
}

fn port(e: io::Error) -> PortError {
    PortError(code(&e))
}

fn failed(what: &'static str, e: &io::Error) -> Error {
    Error::new(Status::Storage, what).port(code(e))
}

/// The system's number; -1 where it has none.
fn code(e: &io::Error) -> i32 {
    e.raw_os_error().filter(|&code| code != 0).unwrap_or(-1)
}

/// What makes two names the same file.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = std::path::PathBuf;

#[cfg(unix)]
fn identity(file: &File, _: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let data = file.metadata()?;
    Ok((data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn identity(_: &File, path: &Path) -> io::Result<Identity> {
    path.canonicalize()
}

/// A place in the list of open stores, given back when dropped.
#[derive(Debug)]
struct Registered(Identity);

impl Registered {
    #[allow(clippy::clone_on_copy)] // a pair of numbers here, a path elsewhere
    fn new(file: &File, path: &Path) -> Result<Registered> {
        let identity = identity(file, path).map_err(|e| failed("storage.open", &e))?;
        let mut open = OPEN.lock().unwrap_or_else(|broken| broken.into_inner());
        if open.contains(&identity) {
            return Err(Error::new(Status::Locked, "storage"));
        }
        let registered = Registered(identity);
        open.push(registered.0.clone());
        Ok(registered)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(|broken| broken.into_inner());
        open.retain(|other| *other != self.0);
    }
}
