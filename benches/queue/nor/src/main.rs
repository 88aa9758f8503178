//! On simulated NOR flash: this queue and sequential-storage's, the same day.
//!
//! In: 256 KiB of 4 KiB sectors, programmed in words of 4 bytes. Out, as JSON: bytes, erases and
//! reads per entry, reads to open; wear; RAM. A program of its own, because firmware's build of the
//! library (without std) reads in smaller pieces than the one beside it.

use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use pointcard::port::sealed::{KeyList, Keys, SealKey};
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{ENTRY_MAX, Item, Queue};
use sequential_storage::cache::Cache;
use sequential_storage::queue::{QueueConfig, QueueStorage};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// With it a record is 262 bytes: 250 of them the caller's.
const BODY: usize = 197;
const SECTOR: usize = 4096;
const WAITING: u64 = 100;
const CYCLES: u64 = 20_000;

fn name(number: u64) -> String {
    format!("{number:032}")
}

/// What one store did.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    append_bytes: f64,
    append_reads: f64,
    next_reads: f64,
    done_bytes: f64,
    /// Of those, the record's alone: without the opening of a sector now and then.
    done_record: u64,
    done_reads: f64,
    batch_done_bytes: f64,
    erases: f64,
    wear_spread: u64,
    mount_reads: u64,
    mount_bytes: u64,
}

/// NOR flash in memory that counts.
struct Flash {
    bytes: Vec<u8>,
    erased: Vec<u64>,
    keys: Option<KeyList<'static>>,
    reads: u64,
    read_bytes: u64,
    written: u64,
    erases: u64,
}

impl Flash {
    fn new(sectors: usize) -> Flash {
        let bytes = vec![0xFF; sectors * SECTOR];
        let erased = vec![0; sectors];
        Flash { bytes, erased, keys: None, reads: 0, read_bytes: 0, written: 0, erases: 0 }
    }

    fn get(&mut self, at: u32, out: &mut [u8]) {
        self.reads += 1;
        self.read_bytes += out.len() as u64;
        out.copy_from_slice(&self.bytes[at as usize..at as usize + out.len()]);
    }

    fn put(&mut self, at: u32, data: &[u8]) {
        self.written += data.len() as u64;
        let room = &mut self.bytes[at as usize..at as usize + data.len()];
        room.iter_mut().zip(data).for_each(|(to, from)| *to &= from);
    }

    fn clear(&mut self, sector: usize) {
        (self.erases, self.erased[sector]) = (self.erases + 1, self.erased[sector] + 1);
        self.bytes[sector * SECTOR..(sector + 1) * SECTOR].fill(0xFF);
    }

    /// Most less least erased, of the sectors of one lane.
    fn spread(&self, range: std::ops::Range<usize>) -> u64 {
        let of = &self.erased[range];
        of.iter().max().unwrap_or(&0) - of.iter().min().unwrap_or(&0)
    }
}

impl Storage for Flash {
    fn geometry(&self) -> Geometry {
        let sector_count = self.erased.len() as u32;
        Geometry { sector_size: SECTOR as u32, sector_count, prog_size: 4, align: 4 }
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.get(at, buf);
        Ok(())
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.put(at, data);
        Ok(())
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.clear(sector as usize);
        Ok(())
    }
    fn sync(&mut self) -> Result<(), PortError> {
        Ok(())
    }
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.keys.as_mut().map(|keys| keys as &mut dyn Keys)
    }
}

#[derive(Debug)]
struct Never;

impl NorFlashError for Never {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for Flash {
    type Error = Never;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;
    async fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Never> {
        self.get(at, out);
        Ok(())
    }
    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;
    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Never> {
        (from as usize / SECTOR..to as usize / SECTOR).for_each(|sector| self.clear(sector));
        Ok(())
    }
    async fn write(&mut self, at: u32, data: &[u8]) -> Result<(), Never> {
        self.put(at, data);
        Ok(())
    }
}

impl MultiwriteNorFlash for Flash {}

/// Nothing here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("memory never waits"),
    }
}

fn per(total: u64, count: u64) -> f64 {
    total as f64 / count as f64
}

/// Appends, offers and settles one after the other, a hundred always waiting.
fn ours(sectors: usize, sealed: bool) -> Day {
    let (mut flash, mut queue) = (Flash::new(sectors), Queue::new());
    let keys = &[SealKey { id: 1, bytes: &[9; 32] }];
    flash.keys = sealed.then(|| KeyList::new(keys).expect("a key"));
    let mut buf = [0; ENTRY_MAX];
    queue.open(&mut flash, *b"benching").expect("open");
    let append = |queue: &mut Queue, flash: &mut Flash, number: u64| {
        let req = name(number);
        let item =
            Item { req_id: &req, profile: 1, kind: 1, points: 10, created: 5, body: &[7; BODY] };
        queue.append(flash, &item).expect("append");
    };
    (0..WAITING).for_each(|number| append(&mut queue, &mut flash, number));
    let (mut day, erases) = (Day::default(), flash.erases);
    let (mut sums, mut records) = ([0; 6], vec![]);
    for number in WAITING..WAITING + CYCLES {
        let at = [flash.written, flash.reads];
        append(&mut queue, &mut flash, number);
        let then = [flash.written, flash.reads];
        let seq = queue.next(&mut flash, 0, &mut buf).expect("next").expect("entry").seq;
        let read = flash.reads;
        queue.settle(&mut flash, seq).expect("settle");
        sums[0] += then[0] - at[0];
        sums[1] += then[1] - at[1];
        sums[2] += read - then[1];
        sums[3] += flash.written - then[0];
        sums[4] += flash.reads - read;
        records.push(flash.written - then[0]);
    }
    records.sort_unstable();
    day.done_record = records[records.len() / 2];
    day.erases = per(flash.erases - erases, CYCLES);
    [day.append_bytes, day.append_reads, day.next_reads, day.done_bytes, day.done_reads] =
        [0, 1, 2, 3, 4].map(|i| per(sums[i], CYCLES));
    let before = flash.written;
    for _ in 0..32 {
        let from = queue.status().next_seq - WAITING;
        let seq = queue.next(&mut flash, from, &mut buf).expect("next").expect("entry").seq;
        queue.stage(seq).expect("stage");
    }
    queue.commit(&mut flash).expect("commit");
    day.batch_done_bytes = per(flash.written - before, 32);
    let (reads, read) = (flash.reads, flash.read_bytes);
    queue.open(&mut flash, *b"benching").expect("open");
    (day.mount_reads, day.mount_bytes) = (flash.reads - reads, flash.read_bytes - read);
    let state = (sectors / 16).clamp(2, 8);
    let dead = (sectors / 8).max(2);
    let live = ((sectors - state - dead - 1) / 3).max(2);
    day.wear_spread = flash.spread(0..state).max(flash.spread(state..state + live));
    day
}

/// The same with sequential-storage, without a cache: no memory per sector.
fn theirs(sectors: usize) -> Day {
    let all = 0..(sectors * SECTOR) as u32;
    let config = || QueueConfig::<Flash>::new(all.clone());
    let mut queue = QueueStorage::new(Flash::new(sectors), config(), Cache::new_uncached());
    let (mut buf, mut sums) = ([0; 512], [0; 6]);
    for _ in 0..WAITING {
        now(queue.push(&[7; 250], false)).expect("push");
    }
    let erases = queue.flash().erases;
    for _ in 0..CYCLES {
        let at = [queue.flash().written, queue.flash().reads];
        now(queue.push(&[7; 250], false)).expect("push");
        let then = [queue.flash().written, queue.flash().reads];
        now(queue.peek(&mut buf)).expect("peek").expect("entry");
        let read = queue.flash().reads;
        now(queue.pop(&mut buf)).expect("pop").expect("entry");
        sums[0] += then[0] - at[0];
        sums[1] += then[1] - at[1];
        sums[2] += read - then[1];
        sums[3] += queue.flash().written - then[0];
        sums[4] += queue.flash().reads - read;
    }
    let mut day = Day { erases: per(queue.flash().erases - erases, CYCLES), ..Day::default() };
    [day.append_bytes, day.append_reads, day.next_reads, day.done_bytes, day.done_reads] =
        [0, 1, 2, 3, 4].map(|i| per(sums[i], CYCLES));
    (day.batch_done_bytes, day.done_record) = (day.done_bytes, day.done_bytes.round() as u64);
    let (flash, _) = queue.destroy();
    day.wear_spread = flash.spread(0..sectors);
    let (reads, read) = (flash.reads, flash.read_bytes);
    let mut queue = QueueStorage::new(flash, config(), Cache::new_uncached());
    now(queue.peek(&mut buf)).expect("peek").expect("entry");
    day.mount_reads = queue.flash().reads - reads;
    day.mount_bytes = queue.flash().read_bytes - read;
    day
}

/// Reads and bytes to open a store of many entries.
fn mount(entries: u64) -> (u64, u64) {
    let sectors = entries as usize * 264 / 3900 * 10 / 8 * 3 + 16;
    let (mut flash, mut queue) = (Flash::new(sectors), Queue::new());
    queue.open(&mut flash, *b"benching").expect("open");
    for number in 0..entries {
        let req = name(number);
        let item =
            Item { req_id: &req, profile: 1, kind: 1, points: 10, created: 5, body: &[7; BODY] };
        queue.append(&mut flash, &item).expect("append");
    }
    let (reads, bytes) = (flash.reads, flash.read_bytes);
    queue.open(&mut flash, *b"benching").expect("open");
    (flash.reads - reads, flash.read_bytes - bytes)
}

impl Day {
    fn row(&self) -> Value {
        json!({
            "append_bytes": self.append_bytes, "append_reads": self.append_reads,
            "next_reads": self.next_reads, "done_bytes": self.done_bytes,
            "done_record_bytes": self.done_record, "done_reads": self.done_reads,
            "batch_done_bytes": self.batch_done_bytes, "erases": self.erases,
            "mount_reads": self.mount_reads, "mount_bytes": self.mount_bytes,
            "wear_spread": self.wear_spread,
        })
    }
}

fn main() {
    let (reads, bytes) = mount(100_000);
    let results = json!({
        "days": {
            "pointcard": ours(64, false).row(),
            "sealed": ours(64, true).row(),
            "sequential-storage": theirs(64).row(),
        },
        "mount_100k": { "reads": reads, "bytes": bytes },
        "ram": size_of::<Queue>(),
    });
    println!("{results:#}");
}
