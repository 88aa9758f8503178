//! A page cache between the queue and the disk: kills, power cuts, and syncs that fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{ENTRY_MAX, Item, Queue};
use pointcard::status::Status;

const PAGE: usize = 512;

/// Reads see `cache`; a sync takes the dirty pages to `disk`. As on Linux, a failed one leaves them
/// readable and counts them as written.
struct Cached {
    cache: Vec<u8>,
    disk: Vec<u8>,
    dirty: Vec<bool>,
    g: Geometry,
    /// The n-th sync from now fails; 0: none.
    fails: u32,
}

impl Cached {
    fn new(g: Geometry) -> Cached {
        let pages = blank(&g).len() / PAGE;
        Cached { cache: blank(&g), disk: blank(&g), dirty: vec![false; pages], g, fails: 0 }
    }

    fn touch(&mut self, at: usize, len: usize) {
        self.dirty[at / PAGE..(at + len).div_ceil(PAGE)].fill(true);
    }

    fn power_cut(&mut self) {
        self.cache.clone_from(&self.disk);
        self.dirty.fill(false);
    }
}

impl Storage for Cached {
    fn geometry(&self) -> Geometry {
        self.g
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        buf.copy_from_slice(&self.cache[at as usize..][..buf.len()]);
        Ok(())
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.cache[at as usize..][..data.len()].copy_from_slice(data);
        self.touch(at as usize, data.len());
        Ok(())
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        let size = self.g.sector_size as usize;
        self.cache[sector as usize * size..][..size].fill(0xFF);
        self.touch(sector as usize * size, size);
        Ok(())
    }
    fn sync(&mut self) -> Result<(), PortError> {
        let failed = self.fails == 1;
        self.fails = self.fails.saturating_sub(1);
        for (page, dirty) in self.dirty.iter_mut().enumerate().filter(|(_, dirty)| **dirty) {
            let bytes = page * PAGE..(page + 1) * PAGE;
            if !failed {
                self.disk[bytes.clone()].copy_from_slice(&self.cache[bytes]);
            }
            *dirty = false;
        }
        if failed { Err(PortError(5)) } else { Ok(()) }
    }
    fn reassert(&mut self, at: u32, len: u32) -> Result<(), PortError> {
        self.touch(at as usize, len as usize);
        Ok(())
    }
}

fn item(req: &str) -> Item<'_> {
    Item { req_id: req, profile: 1, kind: 1, points: 10, created: 5, body: &[7; 150] }
}

fn opened(s: &mut Cached) -> Queue {
    let mut q = Queue::new();
    q.open(s, [1; 8]).unwrap();
    q
}

#[test]
fn what_a_killed_process_left_in_the_cache_is_durable_before_it_is_believed() {
    let mut s = Cached::new(geometry(4096, 16, 4, 512));
    let mut q = opened(&mut s);
    s.fails = 1;
    assert_eq!(q.append(&mut s, &item("a")).unwrap_err().status, Status::Storage);
    // As if killed before the sync: everything is still to be written.
    s.dirty.fill(true);
    let mut q = opened(&mut s);
    assert!(q.append(&mut s, &item("a")).unwrap().duplicate);
    s.power_cut();
    assert_eq!(opened(&mut s).status().waiting, 1);
}

/// Each sync of a day fails once; the caller opens again and goes on; then the power is cut.
#[test]
fn nothing_acknowledged_after_a_failed_sync_is_lost() {
    let g = geometry(2048, 10, 4, 512);
    for fails in 1..400 {
        for after in 0..4 {
            let mut s = Cached::new(g);
            let (mut rng, mut left) = (Rng(seed() + fails), None);
            let (mut q, mut model) = (opened(&mut s), Model::default());
            s.fails = fails as u32;
            for op in script(seed() + fails, 220, 300) {
                if left == Some(0) {
                    break;
                }
                left = left.map(|n: u32| n - 1);
                if model.step(&mut q, &mut s, &op, &mut rng).is_err() {
                    q = opened(&mut s);
                    model.compare(&mut q, &mut s);
                    model = model.after_recovery(&mut q, &mut s);
                    left = Some(after * 3);
                }
            }
            s.fails = 0;
            s.power_cut();
            let mut q = opened(&mut s);
            model.compare(&mut q, &mut s);
        }
    }
}

#[test]
fn a_torn_records_number_names_its_successor() {
    for align in [4, 16] {
        let g = geometry(4096, 16, 4, align);
        let mut s = Cached::new(g);
        let mut q = opened(&mut s);
        q.append(&mut s, &item("first")).unwrap();
        q.append(&mut s, &item("torn-torn-torn")).unwrap();
        let at = s.cache.windows(14).position(|w| w == b"torn-torn-torn").unwrap();
        let end = at + 14 + 150;
        assert_eq!(s.cache[end], 0);
        s.cache[end] = 0xFF;
        s.cache[end - 1] |= 0x80;
        let mut q = opened(&mut s);
        assert!(!q.append(&mut s, &item("b")).unwrap().duplicate);
        let mut q = opened(&mut s);
        assert!(q.append(&mut s, &item("b")).unwrap().duplicate);
    }
}

#[test]
fn an_unreadable_copy_is_not_counted_for_ever() {
    let mut s = Cached::new(geometry(4096, 40, 4, 4));
    let (mut q, mut buf) = (opened(&mut s), [0; ENTRY_MAX]);
    for i in 0..70 {
        q.append(&mut s, &item(&format!("n{i:02}"))).unwrap();
    }
    // The first makes way for the last ones, as a copy.
    for seq in 2..=70 {
        assert_eq!(q.next(&mut s, seq, &mut buf).unwrap().unwrap().seq, seq);
        assert!(q.reach(&mut s, seq, &mut buf).unwrap());
        q.mark_sent(&mut s, seq).unwrap();
        q.settle(&mut s, seq).unwrap();
    }
    let copies: Vec<usize> =
        (0..s.cache.len() - 3).filter(|&at| &s.cache[at..at + 3] == b"n00").collect();
    for at in &copies {
        s.cache[*at..at + 60].fill(0);
    }
    assert!(copies.len() > 1, "it was copied");
    let mut q = opened(&mut s);
    while q.next(&mut s, 0, &mut buf).unwrap().is_some() {}
    q.commit(&mut s).unwrap();
    let status = q.status();
    assert_eq!((status.waiting, status.sent_unknown, status.points), (0, 0, 0));
    // Without copies the next entry is found in two reads, so nothing is searched for one.
    q.append(&mut s, &item("later")).unwrap();
    assert_eq!(q.next(&mut s, 0, &mut buf).unwrap().unwrap().item.req_id, "later");
}
