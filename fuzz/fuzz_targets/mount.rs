//! Any bytes as a medium, and a real store with some bytes changed: no panic, no hang, no more
//! reads than promised, and what is opened can be worked with.
//!
//! Input: shape, mode, then either the medium's bytes (mode even), or how many steps of history
//! a store has and changes to it, three bytes each: where (two bytes) and what is XORed there.
//! Mode bit 1: checksums are made right again after the changes, so that what they hide is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::port::ram::RamStorage;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{
    Appended, Cursor, ENTRY_MAX, EntryState, Item, Queue, Reason, Requeue, Terms, inspect,
};

/// Sector size, sectors, prog_size, align.
const SHAPES: [(u32, u32, u32, u32); 6] = [
    (512, 8, 1, 1),
    (512, 9, 8, 8),
    (512, 24, 4, 4),
    (1024, 9, 32, 32),
    (1024, 8, 1, 256),
    (4096, 8, 4, 4),
];
/// What "at most about 200" is held to, for a sound store.
const MOUNT_READS: u64 = 256;

/// Counts reads; one call that reads without end is a failure, not a timeout. (Not on a forged
/// medium, where a head may claim four thousand million entries: there the medium gives up.)
struct Counted<'a> {
    ram: RamStorage<'a>,
    forged: bool,
    reads: u64,
    limit: u64,
}

impl Storage for Counted<'_> {
    fn geometry(&self) -> Geometry {
        self.ram.geometry()
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.reads += 1;
        if self.forged && self.reads > self.limit {
            return Err(PortError(5));
        }
        assert!(self.reads <= self.limit, "{} reads in one call", self.reads);
        self.ram.read(at, buf)
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.ram.prog(at, data)
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.ram.erase(sector)
    }
    fn sync(&mut self) -> Result<(), PortError> {
        self.ram.sync()
    }
}

fn item<'a>(req_id: &'a str, step: u32, body: &'a [u8]) -> Item<'a> {
    let created = 1_471_851_822 + u64::from(step);
    Item { req_id, profile: 7, kind: 1, points: step % 50, created, body }
}

const REASON: Reason<'static> =
    Reason { uncertain: false, at: 1_471_851_999, code: "40004", sub_code: "ACCOUNT_NOT_EXIST" };

/// A store that has been through `steps` sales, sends and answers.
fn history(medium: &mut dyn Storage, steps: u32) {
    let mut buf = [0; ENTRY_MAX];
    let mut queue = Queue::new();
    queue.open(medium, *b"fuzzsalt").expect("a blank medium becomes a store");
    for step in 0..steps {
        let body = vec![b'a' + (step % 26) as u8; 20 + step as usize * 37 % 120];
        let _ = queue.append(medium, &item(&format!("sale{step}"), step, &body));
        if step % 9 == 8 {
            let names = ["a", "b", "c"].map(|part| format!("sale{step}{part}"));
            let items = [0, 1, 2].map(|i: usize| item(&names[i], step, &body[..i * 10]));
            let mut told = [Appended::default(); 3];
            let _ = queue.append_batch(medium, &items, &Terms::default(), &mut told);
        }
        if step % 13 == 12 {
            let mut letter = Cursor::default();
            let found = queue.letters(medium, &mut letter, &mut buf);
            if let Some(seq) = found.ok().flatten().map(|letter| letter.seq) {
                let _ = queue.requeue(medium, seq, &Requeue::default(), &mut buf);
            }
            let _ = queue.void(medium, queue.status().next_seq - 1);
        }
        let Ok(Some(entry)) = queue.next(medium, 0, &mut buf) else { continue };
        let seq = entry.seq;
        let _ = queue.mark_sent(medium, seq);
        let _ = match step % 7 {
            0 | 3 => queue.settle(medium, seq),
            1 => queue.bury(medium, seq, &REASON, &mut buf).map(drop),
            4 => queue.stage(seq),
            5 => queue.retract(medium, seq),
            _ => Ok(()),
        };
    }
}

/// CRC-32C, continued from `crc` (not inverted).
fn crc(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 * (crc & 1)))
    })
}

fn up(value: usize, unit: u32) -> usize {
    value.next_multiple_of(unit as usize)
}

/// Makes every checksum of one sector right, as far as its records follow each other.
fn reseal(sector: &mut [u8], prog: u32, align: u32) {
    let sum = !crc(!0, &sector[..48]);
    sector[48..52].copy_from_slice(&sum.to_le_bytes());
    let (lane, generation) = (sector[5], sector[12..16].to_vec());
    let seed = crc(crc(crc(!0, &sector[24..32]), &[lane]), &generation);
    let mut off = up(52, prog);
    while let Some(record) = sector.get_mut(off..).filter(|rest| rest.len() > 12) {
        let len = usize::from(u16::from_le_bytes([record[4], record[5]]));
        if record[6] != !record[7] || record.len() < 12 + len {
            off += align as usize;
            continue;
        }
        let seed = crc(seed, &(off as u32).to_le_bytes());
        let sum = !crc(seed, &record[4..12 + len]);
        record[..4].copy_from_slice(&sum.to_le_bytes());
        off = up(off + 12 + len + 1, align);
    }
}

/// What a till does after a restart.
fn work(medium: &mut Counted<'_>, mount_reads: u64) {
    let mut buf = [0; ENTRY_MAX];
    let mut queue = Queue::new();
    (medium.reads, medium.limit) = (0, mount_reads);
    let opened = queue.open(medium, *b"fuzzsalt");
    let Geometry { sector_size, sector_count, prog_size, .. } = medium.geometry();
    // Behind damage each place may be tried, for each of the window's 64 entries, a few times.
    let places = u64::from(sector_size * sector_count / prog_size);
    medium.limit = 64 * 16 * places;
    medium.reads = 0;
    if opened.is_err() {
        assert_eq!(queue.status(), Default::default());
        return;
    }
    let mut cursor = Cursor::default();
    let mut seen = 0;
    let mut letter = None;
    while let Ok(Some(entry)) = queue.walk(medium, &mut cursor, &mut buf) {
        assert!(medium.forged || entry.item.req_id.len() <= 32);
        assert!(entry.attempts == 0 || entry.state != EntryState::Waiting);
        if entry.state == EntryState::Dead {
            letter = letter.or(Some(entry.seq));
        }
        seen += 1;
        medium.reads = 0;
        assert!(seen <= places, "a walk without end");
    }
    medium.reads = 0;
    let _ = queue.find(medium, "sale3", &mut buf);
    let mut from = 0;
    for step in 0..12u32 {
        medium.reads = 0;
        let before = queue.status().next_seq;
        if let Ok(done) = queue.append(medium, &item(&format!("new{step}"), step, b"{}")) {
            assert!(done.duplicate || done.seq >= before);
        }
        let Ok(Some(entry)) = queue.next(medium, from, &mut buf) else { break };
        let (seq, turn) = (entry.seq, entry.turn);
        assert!(turn >= from, "turn {turn:#x} of {seq:#x}, from {from:#x}");
        let _ = match step % 5 {
            0 => queue.reach(medium, seq, &mut buf),
            1 => queue.relieve(medium, &mut buf),
            _ => Ok(true),
        };
        let marked = queue.mark_sent(medium, seq);
        assert!(marked != Ok(0));
        let _ = match step % 4 {
            0 => queue.settle(medium, seq),
            1 => queue.bury(medium, seq, &REASON, &mut buf).map(drop),
            2 => queue.stage(seq).and_then(|()| queue.commit(medium)),
            _ => queue.retract(medium, seq),
        };
        from = if step % 3 == 0 { turn.saturating_add(1) } else { 0 };
    }
    if let Some(seq) = letter {
        medium.reads = 0;
        let _ = queue.requeue(medium, seq, &Requeue::default(), &mut buf);
        let _ = queue.discard(medium, seq);
    }
    medium.reads = 0;
    let _ = queue.void(medium, queue.status().next_seq.saturating_sub(1));
    let _ = queue.maintain(medium);
    let _ = queue.status();
}

fuzz_target!(|data: &[u8]| {
    let &[shape, mode, ref rest @ ..] = data else { return };
    let (sector_size, sector_count, prog_size, align) = SHAPES[usize::from(shape) % SHAPES.len()];
    let geometry = Geometry { sector_size, sector_count, prog_size, align };
    let mut bytes = vec![0xFF; (sector_size * sector_count) as usize];
    if mode & 1 == 0 {
        for (to, from) in bytes.iter_mut().zip(rest) {
            *to = *from;
        }
    } else if let &[steps, ref changes @ ..] = rest {
        history(&mut RamStorage::new(&mut bytes, geometry), u32::from(steps & 127));
        for change in changes.chunks_exact(3) {
            let at = usize::from(change[0]) << 8 | usize::from(change[1]);
            let at = at % bytes.len();
            bytes[at] ^= change[2];
        }
        if mode & 2 == 2 {
            bytes.chunks_exact_mut(sector_size as usize).for_each(|s| reseal(s, prog_size, align));
        }
    }
    // Behind damage a mount looks at each place of a sector where a record could start, and at
    // each reads a frame and as far as that claims to go: a few windows. It does so for heads,
    // the newest entries, and, while it searches for the oldest, behind every rotten header.
    let places = u64::from(sector_size * sector_count / prog_size);
    let sound = mode & 1 == 1 && rest.len() <= 1;
    let mount_reads = if sound { MOUNT_READS } else { MOUNT_READS + 64 * places };
    let ram = RamStorage::new(&mut bytes, geometry);
    let mut medium = Counted { ram, forged: mode & 3 == 3, reads: 0, limit: mount_reads };
    work(&mut medium, mount_reads);
    // Looking without opening never fails but by name.
    let mut buf = [0; ENTRY_MAX];
    (medium.reads, medium.limit) = (0, u64::MAX);
    let _ = inspect::inspect(&mut medium, &mut buf, &mut |_| {});
    // And once more: what the work left behind is a medium too.
    work(&mut medium, mount_reads);
});
