//! Sectors that can no longer be erased or programmed: the lanes go around them, and lose nothing.
#![cfg(feature = "seal")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/aged.rs"]
mod aged;
#[path = "common/book.rs"]
mod book;
#[path = "common/chunks.rs"]
mod chunks;
mod common;
#[path = "common/nor.rs"]
mod nor;

use aged::{Aged, LANES, bits};
use book::Book;
use chunks::{Plan, Sums};
use common::{REASON, Rng, geometry};
use nor::{Nor, Tear};
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{
    Appended, Buried, ENTRY_MAX, Health, Item, NO_SECTOR, Queue, Tampering, Terms,
};
use pointcard::status::{Error, Status};

const SHAPE: (u32, u32, u32, u32) = (512, 64, 4, 4);

/// A store on flash whose sectors are good so far.
fn new_store(sealed: bool) -> (Aged, Queue) {
    let (size, count, prog, align) = SHAPE;
    let size = if sealed { 2 * size } else { size };
    let (mut s, mut q) = (Aged::new(geometry(size, count, prog, align), sealed), Queue::new());
    q.open(&mut s, [7; 8]).unwrap();
    (s, q)
}

fn reopen(q: &mut Queue, s: &mut Aged) {
    if let Err(e) = q.open(s, [1; 8]) {
        // A move whose end cannot be recorded: nothing may be sent before it is.
        refused(e);
        s.heal();
        q.open(s, [1; 8]).unwrap();
    }
    let status = q.status();
    assert_eq!((status.lost, status.forged), (0, 0), "{:?}", status.forgery);
}

/// Whether that is the error of a lane without a good sector; there is no other.
fn refuses(e: Error) -> bool {
    refused(e);
    true
}

/// A day with cuts and sectors going bad.
fn day(s: &mut Aged, rng: &mut Rng, sums: &mut Sums) {
    let (mut q, mut book) = (Queue::new(), Book::new(200));
    q.open(s, [7; 8]).unwrap();
    for _ in 0..150 {
        if rng.below(8) == 0 {
            s.age(rng);
        }
        s.nor.left = if rng.below(6) == 0 { rng.below(400) as u64 } else { u64::MAX };
        s.nor.tear = [Tear::Clean, Tear::Byte, Tear::Unit][rng.below(3)];
        let done = match rng.below(12) {
            0 => q.relieve(s, &mut [0; ENTRY_MAX]).map(drop),
            _ => book.step(&mut q, s, rng),
        };
        // Where what waits leaves few sectors free, and those are bad, a call is refused by name.
        let refused = done.as_ref().is_err_and(|e| s.nor.left > 0 && refuses(*e));
        let cut = done.is_err();
        sums[0] += u64::from(cut && !refused);
        sums[2] += u64::from(refused);
        s.nor.left = u64::MAX;
        if cut || rng.below(16) == 0 {
            s.reads = 0;
            reopen(&mut q, s);
            sums[3] = sums[3].max(s.reads);
            book.compare(&mut q, s);
            sums[1] += 1;
        }
        let small = s.nor.g.sector_count < 64;
        if book.has_letters() && (small || rng.below(8) == 0) {
            if small {
                // Its two sectors of dead letters would be full, and discarding be refused.
                s.heal();
                reopen(&mut q, s);
            }
            book.discard_all(&mut q, s);
        }
    }
    reopen(&mut q, s);
    book.compare(&mut q, s);
}

/// Days on media of these shapes.
fn days(name: &'static str, cases: [u64; 2], sealed: bool, shapes: [Geometry; 3]) {
    let plan = Plan {
        name,
        cases,
        chunk: 100,
        promise: "0 lost, 0 doubled, sums right",
        counts: ["cuts", "mounts compared", "sectors called bad", "calls refused"],
    };
    let sums = chunks::run(&plan, || {
        let mut media = shapes.map(|g| (Aged::new(g, sealed), Nor::new(g).bytes));
        move |case, rng: &mut Rng, sums: &mut Sums| {
            let (s, blank) = &mut media[case as usize % 3];
            s.renew(blank, rng);
            let mut own = [0; 4];
            day(s, rng, &mut own);
            // Where hardly a sector is good, more places are looked at.
            let most = if shapes[case as usize % 3].sector_count == 64 { 260 } else { 520 };
            assert!(own[3] <= most, "an opening took {} reads", own[3]);
            let own = [own[0], own[1], s.said, own[2]];
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
    });
    let [cuts, _, bad, refused] = sums;
    assert!(cuts > 0 && bad > 0);
    let large = shapes.iter().all(|g| g.sector_count == 64);
    assert!(!large || refused * 50 < bad, "calls are refused too often");
}

#[test]
fn sectors_going_bad_at_any_moment_lose_and_double_nothing() {
    let shapes = [geometry(512, 64, 1, 1), geometry(512, 64, 4, 4), geometry(1024, 64, 8, 8)];
    days("queue bad sectors", [1_000, 500_000], false, shapes);
}

#[test]
fn nor_do_they_in_a_sealed_store_or_look_like_forgery() {
    let shapes = [geometry(1024, 64, 1, 1), geometry(1024, 64, 4, 4), geometry(2048, 64, 8, 8)];
    days("queue bad sectors, sealed", [200, 100_000], true, shapes);
}

/// Two sectors each for what is settled and for dead letters, and all but one of a lane may be bad.
#[test]
fn nor_on_a_small_chip_with_hardly_a_good_sector() {
    let shapes = [geometry(512, 16, 4, 4), geometry(1024, 32, 1, 1), geometry(512, 47, 8, 8)];
    days("queue bad sectors, small chips", [1_000, 500_000], false, shapes);
}

fn sale(n: u64) -> String {
    format!("S{n:031}")
}

fn sell(q: &mut Queue, s: &mut Aged, n: u64) -> Result<u64, Error> {
    let (req_id, body) = (sale(n), [7; 150]);
    let item =
        Item { req_id: &req_id, profile: 1, kind: 1, points: n as u32, created: 5, body: &body };
    q.append(s, &item).map(|told| told.seq)
}

fn owed(q: &mut Queue, s: &mut Aged) -> Vec<u64> {
    let (mut all, mut from, mut buf) = (vec![], 0, [0; ENTRY_MAX]);
    while let Some(entry) = q.next(s, from, &mut buf).unwrap() {
        (from, _) = (entry.turn + 1, all.push(entry.seq));
    }
    all
}

fn refused(e: Error) {
    assert_eq!((e.status, e.what, e.port), (Status::Storage, NO_SECTOR, PortError::BAD_SECTOR.0));
}

#[test]
fn a_live_lane_without_a_good_sector_refuses_sales_and_everything_else_goes_on() {
    for erase in [true, false] {
        let (mut s, mut q) = new_store(false);
        let mut sold = vec![sell(&mut q, &mut s, 1).unwrap()];
        let others = bits(LANES[1]) & !(1 << LANES[1].0);
        *if erase { &mut s.no_erase } else { &mut s.no_prog } = others;
        let error = loop {
            match sell(&mut q, &mut s, sold.len() as u64 + 1) {
                Ok(seq) => sold.push(seq),
                Err(e) => break e,
            }
        };
        refused(error);
        if erase {
            // Nothing was begun: what is there is sent and settled.
            assert_eq!((q.is_poisoned(), q.status().health), (false, Health::BadSectors));
            refused(sell(&mut q, &mut s, 900).unwrap_err());
            q.mark_sent(&mut s, sold[0]).unwrap();
            q.settle(&mut s, sold.remove(0)).unwrap();
        }
        assert!(q.status().bad >= 8);
        reopen(&mut q, &mut s);
        assert_eq!(owed(&mut q, &mut s), sold);
        s.heal();
        sold.push(sell(&mut q, &mut s, 901).unwrap());
        reopen(&mut q, &mut s);
        assert_eq!((owed(&mut q, &mut s), q.status().lost), (sold, 0));
    }
}

#[test]
fn a_state_lane_with_one_good_sector_refuses_by_name_and_loses_nothing() {
    let (mut s, mut q) = new_store(false);
    s.no_erase = bits(LANES[0]);
    let mut next = 1;
    let (seq, error) = loop {
        let seq = sell(&mut q, &mut s, next).unwrap();
        next += 1;
        match q.mark_sent(&mut s, seq).and_then(|_| q.settle(&mut s, seq)) {
            Ok(()) => {}
            Err(e) => break (seq, e),
        }
    };
    refused(error);
    assert!(q.is_poisoned());
    // Openings find everything, and go on where nothing new has to be recorded.
    reopen(&mut q, &mut s);
    assert_eq!(owed(&mut q, &mut s), [seq]);
    s.no_erase &= !(1 << 2);
    q.settle(&mut s, seq).unwrap();
    reopen(&mut q, &mut s);
    assert_eq!(owed(&mut q, &mut s), []);
    assert_eq!((q.status().points, q.status().lost), (0, 0));
}

/// The next sector takes a header and no SNAP: the one before holds the only record of what is
/// settled, and must not be erased for another try.
#[test]
fn a_state_sector_that_takes_no_snap_costs_no_other() {
    for how in 0..4 {
        let mut s = Aged::new(geometry(512, 16, 4, 4), false);
        let (mut q, mut sold) = (Queue::new(), 0);
        q.open(&mut s, [7; 8]).unwrap();
        // The header's program is let through, the SNAP's is not.
        (s.no_prog, s.spare, s.how) = (1 << 1, 1, Some(how));
        let (seq, error) = loop {
            sold += 1;
            let seq = sell(&mut q, &mut s, sold).unwrap();
            match q.mark_sent(&mut s, seq).and_then(|_| q.settle(&mut s, seq)) {
                Ok(()) => assert_eq!(s.said, 0, "the only sound SNAP was given up"),
                Err(e) => break (seq, e),
            }
        };
        refused(error);
        for _ in 0..3 {
            reopen(&mut q, &mut s);
            // A chip that took all of it and says it did not has recorded it.
            let there = owed(&mut q, &mut s);
            assert!(there == [seq] || how == 1 && there.is_empty(), "failure {how}: {there:?}");
            s.spare = 1;
            let _ = q.settle(&mut s, seq).map_err(refused);
            if q.is_poisoned() {
                continue;
            }
            break;
        }
        s.heal();
        reopen(&mut q, &mut s);
        let _ = q.settle(&mut s, seq);
        assert_eq!(owed(&mut q, &mut s), []);
        assert_eq!((q.status().points, q.status().lost), (0, 0));
    }
}

#[test]
fn a_format_goes_no_further_than_sector_0() {
    let mut s = Aged::new(geometry(512, 16, 4, 4), false);
    (s.no_prog, s.spare) = (1, 1);
    refused(Queue::new().open(&mut s, [7; 8]).unwrap_err());
    assert!(s.nor.bytes[512..].iter().all(|byte| *byte == 0xFF), "sector 1 was touched");
    s.heal();
    Queue::new().open(&mut s, [7; 8]).unwrap();
}

#[test]
fn a_batch_that_finds_no_good_sector_is_refused_as_full_while_others_can_make_way() {
    let (mut s, mut q) = new_store(false);
    s.no_erase = bits(LANES[1]) & !(0b11 << LANES[1].0);
    let mut sold = vec![];
    let body = [7; 150];
    let name = |n: usize| sale(n as u64 + 1);
    let error = loop {
        let names = [0, 1].map(|i| name(sold.len() + i));
        let items = names.each_ref().map(|req_id| Item {
            req_id,
            profile: 1,
            kind: 1,
            points: 1,
            created: 5,
            body: &body,
        });
        let mut told = [Appended::default(); 2];
        match q.append_batch(&mut s, &items, &Terms::default(), &mut told) {
            Ok(()) => sold.extend(told.map(|one| one.seq)),
            Err(e) if e.status == Status::QueueFull => {
                if !q.relieve(&mut s, &mut [0; ENTRY_MAX]).unwrap() {
                    break e;
                }
                // What made way frees a sector that is good.
                s.heal();
                s.no_erase = 0;
                q.append_batch(&mut s, &items, &Terms::default(), &mut told).unwrap();
                sold.extend(told.map(|one| one.seq));
                break e;
            }
            Err(e) => panic!("{e:?}"),
        }
    };
    assert_eq!((error.status, q.is_poisoned()), (Status::QueueFull, false));
    reopen(&mut q, &mut s);
    let mut there = owed(&mut q, &mut s);
    there.sort_unstable();
    assert_eq!(there, sold);
}

#[test]
fn dead_letters_without_a_good_sector_are_parked() {
    let (mut s, mut q) = new_store(false);
    s.no_erase = bits(LANES[3]);
    let seq = sell(&mut q, &mut s, 1).unwrap();
    let told = q.bury(&mut s, seq, &REASON, &mut [0; ENTRY_MAX]).unwrap();
    assert_eq!(told, Buried::Parked);
    s.heal();
    reopen(&mut q, &mut s);
    assert_eq!((q.status().parked, q.status().dead), (1, 0));
    let told = q.bury(&mut s, seq, &REASON, &mut [0; ENTRY_MAX]).unwrap();
    assert_eq!(told, Buried::Moved);
}

#[test]
fn any_other_code_still_closes_the_queue() {
    struct Broken(Aged);
    impl Storage for Broken {
        fn geometry(&self) -> Geometry {
            self.0.geometry()
        }
        fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
            self.0.read(at, buf)
        }
        fn prog(&mut self, _: u32, _: &[u8]) -> Result<(), PortError> {
            Err(PortError(5))
        }
        fn erase(&mut self, sector: u32) -> Result<(), PortError> {
            self.0.erase(sector)
        }
        fn sync(&mut self) -> Result<(), PortError> {
            self.0.sync()
        }
    }
    let (s, mut q) = new_store(false);
    let mut broken = Broken(s);
    let item = Item { req_id: "a", profile: 1, kind: 1, points: 2, created: 5, body: b"x" };
    let error = q.append(&mut broken, &item).unwrap_err();
    assert_eq!((error.status, error.what, error.port), (Status::Storage, "storage", 5));
    assert!(q.is_poisoned() && q.status().bad == 0);
}

/// Every run of up to 8, at every place, in every lap: the newest sale is found.
fn runs_mislead_no_opening(sealed: bool, starts: impl Iterator<Item = u32> + Clone, sales: u64) {
    for run in 1..=8 {
        for start in starts.clone() {
            let (mut s, mut q) = new_store(sealed);
            s.nor.rng = Rng(u64::from(start) << 8 | run | 1);
            for n in 1..sales {
                if n == 20 * (u64::from(start) % 3) + 1 {
                    let place = |i: u64| LANES[1].0 + (start + i as u32) % LANES[1].1;
                    (0..run).for_each(|i| s.no_erase |= 1 << place(i));
                }
                let seq = sell(&mut q, &mut s, n).unwrap();
                reopen(&mut q, &mut s);
                assert_eq!(owed(&mut q, &mut s), [seq], "run of {run} from {start}, sale {n}");
                q.settle(&mut s, seq).unwrap();
            }
            assert!(s.said >= run);
        }
    }
}

#[test]
fn runs_of_bad_sectors_mislead_no_opening() {
    runs_mislead_no_opening(false, 0..17, 150);
}

#[test]
fn runs_of_bad_sectors_in_a_sealed_store_are_no_forgery() {
    runs_mislead_no_opening(true, (0..17).step_by(4), 250);
}

/// The chip took all of a record and said that it did not; then the power went, before the sale was
/// recorded anywhere else. Another sale gets its number: the first one must never be met again.
#[test]
fn what_a_bad_sector_took_unacknowledged_never_comes_in_place_of_a_later_sale() {
    for sealed in [false, true] {
        let (mut s, mut q) = new_store(sealed);
        let first = sell(&mut q, &mut s, 1).unwrap();
        (s.no_prog, s.how) = (1 << LANES[1].0, Some(1));
        // As far as into the record behind the next sector's header.
        s.nor.left = 8 + 8 + 76 + 40;
        sell(&mut q, &mut s, 2).unwrap_err();
        s.nor.left = u64::MAX;
        reopen(&mut q, &mut s);
        assert_eq!(owed(&mut q, &mut s), [first], "the second sale was never acknowledged");
        let third = sell(&mut q, &mut s, 3).unwrap();
        for _ in 0..2 {
            let (mut buf, mut names, mut from) = ([0; ENTRY_MAX], vec![], 0);
            while let Some(entry) = q.next(&mut s, from, &mut buf).unwrap() {
                (from, _) = (entry.turn + 1, names.push(entry.item.req_id.to_owned()));
            }
            assert_eq!(names, [sale(1), sale(3)]);
            reopen(&mut q, &mut s);
        }
        q.settle(&mut s, first).unwrap();
        q.settle(&mut s, third).unwrap();
        assert_eq!(q.status().points, 0);
    }
}

/// A sealed store of 14 sales, of which the newest was sent: live sectors 0 to 5 but for the bad
/// ones at 2 and 4, whose generations were left out.
fn sealed_around_bad_ones() -> (Aged, Queue) {
    let (mut s, mut q) = new_store(true);
    s.no_erase = (1 << 2 | 1 << 4) << LANES[1].0;
    let mut last = 0;
    for n in 1..=14 {
        last = sell(&mut q, &mut s, n).unwrap();
    }
    q.mark_sent(&mut s, last).unwrap();
    assert_eq!(q.status().bad, 2);
    (s, q)
}

/// What is told of that store when a live sector was erased by somebody.
fn erased(place: u32) -> (u32, Option<Tampering>, Option<u32>) {
    let (mut s, mut q) = sealed_around_bad_ones();
    let at = (LANES[1].0 + place) as usize * 1024;
    s.nor.bytes[at..at + 1024].fill(0xFF);
    q.open(&mut s, [1; 8]).unwrap();
    owed(&mut q, &mut s);
    let told = q.forgery();
    (q.status().forged, told.map(|told| told.what), told.map(|told| told.sector - LANES[1].0))
}

#[test]
fn a_sector_taken_from_a_sealed_store_is_noticed_beside_bad_ones() {
    let (mut s, mut q) = sealed_around_bad_ones();
    reopen(&mut q, &mut s);
    assert_eq!(owed(&mut q, &mut s).len(), 14);
    assert_eq!((q.status().forged, q.status().health), (0, Health::Sound));
    // The bad ones hold nothing that anybody could take.
    assert_eq!(erased(2), (0, None, None));
    assert_eq!(erased(1), (1, Some(Tampering::Removed), Some(1)));
    // Behind a left out one, and before: what says that the bad one was is gone, too.
    let (forged, what, place) = erased(3);
    assert!(forged >= 1 && what == Some(Tampering::Removed) && matches!(place, Some(2 | 3)));
    // The head, behind a left out one: a state record has seen more.
    let (forged, what, _) = erased(5);
    assert!(forged >= 1 && what == Some(Tampering::Removed));
}
