//! Endurance: many laps, and every sector of a ring is erased as often as the others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{Buried, ENTRY_MAX, Item, Queue};

/// NOR flash that counts the erases of each sector.
struct Worn {
    bytes: Vec<u8>,
    erases: Vec<u64>,
    g: Geometry,
}

impl Storage for Worn {
    fn geometry(&self) -> Geometry {
        self.g
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        buf.copy_from_slice(&self.bytes[at as usize..][..buf.len()]);
        Ok(())
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.bytes[at as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.erases[sector as usize] += 1;
        let size = self.g.sector_size as usize;
        self.bytes[sector as usize * size..][..size].fill(0xFF);
        Ok(())
    }
    fn sync(&mut self) -> Result<(), PortError> {
        Ok(())
    }
}

/// Most and fewest erases of a run of sectors.
fn spread(erases: &[u64]) -> (u64, u64) {
    (*erases.iter().max().unwrap(), *erases.iter().min().unwrap())
}

fn item(req_id: &str) -> Item<'_> {
    Item { req_id, profile: 1, kind: 1, points: 3, created: 5, body: b"x" }
}

/// A till's life: sales, sent and settled in batches; a refusal now and then.
fn live(s: &mut Worn, q: &mut Queue, laps: u64, maintain: bool) -> u64 {
    let (mut buf, mut sold) = ([0; ENTRY_MAX], 0u64);

    let per_lap = 10 * u64::from(s.g.sector_count);
    while s.erases.iter().copied().max().unwrap() < laps {
        for _ in 0..per_lap {
            let req = format!("{sold:x}");
            q.append(s, &item(&req)).unwrap();
            sold += 1;
            let seq = q.next(s, 0, &mut buf).unwrap().unwrap().seq;
            q.mark_sent(s, seq).unwrap();
            if sold.is_multiple_of(64) {
                assert_eq!(q.bury(s, seq, &REASON, &mut buf).unwrap(), Buried::Moved);
                q.discard(s, seq).unwrap();
            } else {
                q.stage(seq).unwrap();
            }
            if maintain && sold.is_multiple_of(7) {
                q.maintain(s).unwrap();
            }
        }
    }
    sold
}

#[test]
fn erases_are_spread_evenly_in_every_ring() {
    let laps = cases(2_000, 200_000);
    for maintain in [false, true] {
        let g = geometry(512, 16, 4, 4);
        let mut s = Worn { bytes: blank(&g), erases: vec![0; 16], g };
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        let sold = live(&mut s, &mut q, laps, maintain);
        // Settlements, sales, backlog, letters (docs/format.md); nothing is held here, so that
        // nothing comes to the backlog.
        let rings = [&s.erases[..2], &s.erases[2..5], &s.erases[5..14], &s.erases[14..]];
        for ring in rings {
            let (most, fewest) = spread(ring);
            assert!(most - fewest <= 1, "{ring:?}, maintain {maintain}");
        }
        let most = rings.map(|ring| spread(ring).0);
        println!(
            "queue wear: {sold} sales, erases of a sector: settlements {}, sales {}, backlog {}, letters {}; \
             spread 1 at most{}",
            most[0],
            most[1],
            most[2],
            most[3],
            if maintain { ", erased ahead" } else { "" }
        );
        q.open(&mut s, [1; 8]).unwrap();
        assert_eq!((q.status().lost, q.status().sealed), (0, 0));
    }
}
