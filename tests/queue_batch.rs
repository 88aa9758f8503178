//! Group commit: one sync for many, all or the first few after a power cut; limits before it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::Geometry;
use pointcard::port::ram::{Cut, RamStorage};
use pointcard::queue::{
    Appended, BATCH_MAX, ENTRY_MAX, Health, Item, Level, Limits, Marks, Queue, Terms,
};
use pointcard::status::Status;

fn item<'a>(req: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id: req, profile: 1, kind: 1, points: 10, created: 500, body }
}

fn names(from: usize, n: usize) -> Vec<String> {
    (from..from + n).map(|i| format!("{i:032}")).collect()
}

fn items<'a>(names: &'a [String], body: &'a [u8]) -> Vec<Item<'a>> {
    names.iter().map(|name| item(name, body)).collect()
}

fn pending(q: &mut Queue, image: &mut [u8], g: Geometry) -> Vec<String> {
    let (mut s, mut buf, mut from) = (RamStorage::new(image, g), [0; ENTRY_MAX], 0);
    let mut found = vec![];
    while let Some(entry) = q.next(&mut s, from, &mut buf).unwrap() {
        found.push(entry.item.req_id.to_owned());
        from = entry.turn + 1;
    }
    found
}

#[test]
fn a_batch_is_one_sync_and_packed() {
    for (align, bytes_at_most) in [(4, 9_300), (4096, 12_288)] {
        let g = geometry(65536, 8, 4, align);
        let mut image = blank(&g);
        let mut s = powered(&mut image, g, u64::MAX, Cut::Clean);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        let (names, mut told) = (names(0, 32), [Appended::default(); 32]);
        q.append(&mut s, &item("first", b"")).unwrap();
        let (syncs, programmed) = (s.syncs, s.programmed);
        q.append_batch(&mut s, &items(&names, &[7; 218]), &Terms::default(), &mut told).unwrap();
        assert_eq!(s.syncs - syncs, 1);
        println!("batch of 32, align {align}: {} bytes, 1 sync", s.programmed - programmed);
        assert!(s.programmed - programmed <= bytes_at_most);
        assert_eq!(told.map(|one| one.seq), core::array::from_fn(|i| i as u64 + 2));
        q.open(&mut s, [1; 8]).unwrap();
        assert_eq!((q.status().waiting, q.status().points), (33, 330));
        assert_eq!(pending(&mut q, &mut image, g)[1..], names);
    }
}

/// Power cut at every byte of a batch: the first n entries are there, nothing else, and repeating
/// the batch completes it without doubling any.
#[test]
fn a_cut_batch_keeps_its_first_entries_and_is_completed_by_repeating_it() {
    let mut cuts = 0;
    for (g, n) in [
        (geometry(1024, 32, 1, 1), 12),
        (geometry(2048, 24, 4, 4), 32),
        (geometry(2048, 32, 4, 512), 20),
        (geometry(4096, 16, 16, 16), 32),
    ] {
        let mut start = blank(&g);
        let mut q = Queue::new();
        q.open(&mut RamStorage::new(&mut start, g), [1; 8]).unwrap();
        for i in 0..7 {
            let mut s = RamStorage::new(&mut start, g);
            q.append(&mut s, &item(&format!("before{i}"), &[3; 40])).unwrap();
        }
        let (names, body) = (names(0, n), [0x5A; 21]);
        let items = items(&names, &body);
        let mut told = [Appended::default(); BATCH_MAX];
        for (cut, left) in (0..).flat_map(|left| [(Cut::Clean, left), (Cut::Torn, left)]) {
            let mut image = start.clone();
            let mut s = powered(&mut image, g, left, cut);
            let mut twin = twin(&q);
            if twin.append_batch(&mut s, &items, &Terms::default(), &mut told).is_ok() {
                break;
            }
            cuts += 1;
            let mut q = Queue::new();
            q.open(&mut RamStorage::new(&mut image, g), [2; 8]).unwrap();
            assert_eq!(q.status().lost, 0, "{g:?} {cut:?} {left}");
            let found = pending(&mut q, &mut image, g);
            assert_eq!(found[7..], names[..found.len() - 7], "{g:?} {cut:?} {left}");
            let mut s = RamStorage::new(&mut image, g);
            q.append_batch(&mut s, &items, &Terms::default(), &mut told).unwrap();
            let again = told[..n].iter().filter(|one| one.duplicate).count();
            assert_eq!(again, found.len() - 7, "{g:?} {cut:?} {left}");
            q.open(&mut s, [3; 8]).unwrap();
            assert_eq!(pending(&mut q, &mut image, g)[7..], names, "{g:?} {cut:?} {left}");
        }
    }
    println!("batches cut: {cuts}, lost 0, doubled 0");
    assert!(cuts > 5_000);
}

#[test]
fn a_batch_is_refused_whole() {
    let g = geometry(2048, 8, 4, 4);
    let mut image = blank(&g);
    let mut s = RamStorage::new(&mut image, g);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    q.append(&mut s, &item("a", b"1")).unwrap();
    let before = s.bytes().to_vec();
    let mut told = [Appended::default(); 40];
    let mut fails = |q: &mut Queue, s: &mut RamStorage<'_>, items: &[Item<'_>]| {
        let error = q.append_batch(s, items, &Terms::default(), &mut told).unwrap_err();
        assert!(s.bytes() == before, "something of a refused batch was written");
        (error.status, error.what)
    };
    let (one, long) = (item("new", b"x"), [0; 2000]);
    let conflict = (Status::Conflict, "item.req_id");
    assert_eq!(fails(&mut q, &mut s, &[one, item("a", b"2")]), conflict);
    assert_eq!(fails(&mut q, &mut s, &[one, item("new", b"y")]), conflict);
    let bodied = fails(&mut q, &mut s, &[one, item("b", &long)]);
    assert_eq!(bodied, (Status::TooLong, "item.body"));
    let names = names(0, 40);
    assert_eq!(fails(&mut q, &mut s, &items(&names, b"")), (Status::TooLong, "items"));
    let full = fails(&mut q, &mut s, &items(&names[..32], &[1; 500]));
    assert_eq!(full, (Status::QueueFull, "queue.live"));
    let short = q.append_batch(&mut s, &[one, one], &Terms::default(), &mut told[..1]).unwrap_err();
    assert_eq!((short.status, short.at), (Status::BufferTooSmall, 2));
    // Known ones are answered, not refused.
    let known = [item("a", b"1"), one, one];
    q.append_batch(&mut s, &known, &Terms::default(), &mut told).unwrap();
    let told: Vec<_> = told[..3].iter().map(|one| (one.seq, one.duplicate)).collect();
    assert_eq!(told, [(1, true), (2, false), (2, true)]);
    assert_eq!(q.status().waiting, 2);
}

/// Rot inside a batch that is on record costs nothing (one bit) or what it hits (two bits).
#[test]
fn rot_in_a_batch_hides_no_other_entry() {
    for (align, one_bit) in [(4, 0), (512, 12)] {
        let g = geometry(8192, 8, 4, align);
        let mut image = blank(&g);
        let mut s = RamStorage::new(&mut image, g);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        let (names, mut told) = (names(0, 12), [Appended::default(); 12]);
        q.append_batch(&mut s, &items(&names, &[9; 30]), &Terms::default(), &mut told).unwrap();
        let start = 2 * 8192 + 52;
        for at in start..start + 12 * 96 {
            for (flip, most) in [(1, one_bit), (3, 1.max(one_bit))] {
                let mut spoilt = image.clone();
                spoilt[at] ^= flip;
                let mut q = Queue::new();
                q.open(&mut RamStorage::new(&mut spoilt, g), [1; 8]).unwrap();
                let found = pending(&mut q, &mut spoilt, g);
                assert!(found.len() + most >= 12, "align {align}, {at}: {} left", found.len());
                // With another sync behind it the whole batch is known to be on record.
                let mut later = image.clone();
                let mut q = Queue::new();
                let mut s = RamStorage::new(&mut later, g);
                q.open(&mut s, [1; 8]).unwrap();
                q.append(&mut s, &item("later", b"")).unwrap();
                later[at] ^= flip;
                q.open(&mut RamStorage::new(&mut later, g), [1; 8]).unwrap();
                let found = pending(&mut q, &mut later, g);
                let hit = usize::from(flip == 3);
                assert!(found.len() + hit >= 13, "align {align}, {at}: {} left", found.len());
            }
        }
    }
}

#[test]
fn limits_warn_then_refuse_and_a_manager_waives_them() {
    let g = geometry(4096, 16, 4, 4);
    let limit = |warn, refuse| Level { warn, refuse };
    let none = Limits::NONE;
    let mark = Marks::default();
    let cases = [
        (Limits { count: limit(2, 2), ..none }, "limit.count", Marks { count: true, ..mark }, 2),
        (
            Limits { points_total: limit(20, 25), ..none },
            "limit.points_total",
            Marks { points_total: true, ..mark },
            25,
        ),
        (
            Limits { bytes: limit(200, 230), ..none },
            "limit.bytes",
            Marks { bytes: true, ..mark },
            230,
        ),
    ];
    for (limits, what, mark, at) in cases {
        let mut image = blank(&g);
        let mut s = RamStorage::new(&mut image, g);
        let mut q = Queue::new();
        q.set_limits(limits);
        q.open(&mut s, [1; 8]).unwrap();
        let first = q.append(&mut s, &item("a", &[1; 40])).unwrap();
        assert!(!first.pressure.near.any() && !first.pressure.over.any(), "{what}");
        let second = q.append(&mut s, &item("b", &[1; 40])).unwrap();
        assert_eq!((second.pressure.near, second.pressure.over.any()), (mark, false), "{what}");
        let third = item("c", &[1; 40]);
        assert_eq!(q.pressure(&third, 0).over, mark);
        let error = q.append(&mut s, &third).unwrap_err();
        assert_eq!((error.status, error.what, error.at), (Status::QueueFull, what, at));
        // What is recorded already is no append.
        assert!(q.append(&mut s, &item("b", &[1; 40])).unwrap().duplicate);
        let mut told = [Appended::default(); 2];
        let batch = [item("b", &[1; 40]), third];
        let error = q.append_batch(&mut s, &batch, &Terms::default(), &mut told).unwrap_err();
        assert_eq!(error.what, what);
        let terms = Terms { now: 0, manager: true, held: false };
        let waived = q.append_on(&mut s, &third, &terms).unwrap();
        assert_eq!(waived.pressure.over, mark, "{what}");
        // Answers make room again.
        for seq in 1..=3 {
            q.settle(&mut s, seq).unwrap();
        }
        assert!(!q.append(&mut s, &item("d", &[1; 40])).unwrap().pressure.over.any());
        q.open(&mut s, [1; 8]).unwrap();
        assert!(q.pressure(&item("e", &[1; 400]), 0) != Default::default(), "limits outlive open");
    }
}

#[test]
fn points_of_one_sale_and_the_age_of_the_oldest_are_limited() {
    let g = geometry(4096, 8, 4, 4);
    let mut image = blank(&g);
    let mut s = RamStorage::new(&mut image, g);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    let level = |warn, refuse| Level { warn, refuse };
    q.set_limits(Limits { points_each: level(0, 9), age_s: level(60, 3600), ..Limits::NONE });
    let error = q.append(&mut s, &item("a", b"")).unwrap_err();
    assert_eq!((error.status, error.what, error.at), (Status::Range, "limit.points_each", 9));
    let small = Item { points: 9, ..item("a", b"") };
    q.append(&mut s, &small).unwrap();
    assert_eq!((q.status().age(500), q.status().age(560), q.status().age(9)), (0, 60, 0));
    let at = |req, now| (Item { req_id: req, ..small }, Terms { now, manager: false, held: false });
    let (b, terms) = at("b", 560);
    assert!(q.append_on(&mut s, &b, &terms).unwrap().pressure.near.age_s);
    let (c, terms) = at("c", 4101);
    let error = q.append_on(&mut s, &c, &terms).unwrap_err();
    assert_eq!((error.status, error.what), (Status::QueueFull, "limit.age_s"));
    // An unknown time, or one that went back, refuses no sale.
    for (req, now) in [("d", 0), ("e", 3)] {
        let (d, terms) = at(req, now);
        assert!(!q.append_on(&mut s, &d, &terms).unwrap().pressure.over.any());
    }
    assert_eq!(q.status().health, Health::Sound);
}

/// A batch whose answer was lost is repeated; that no more may be appended by then changes nothing.
#[test]
fn repeating_a_recorded_batch_is_no_append() {
    let g = geometry(4096, 8, 4, 4);
    let level = |refuse| Level { warn: 0, refuse };
    let none = Limits::NONE;
    for limits in [
        Limits { age_s: level(3600), ..none },
        Limits { count: level(1), ..none },
        Limits { points_total: level(10), ..none },
        Limits { bytes: level(100), ..none },
    ] {
        let mut image = blank(&g);
        let mut s = RamStorage::new(&mut image, g);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        let (batch, mut told) = ([item("a", b"1"), item("b", b"2")], [Appended::default(); 2]);
        q.append_batch(&mut s, &batch, &Terms { now: 500, manager: false, held: false }, &mut told)
            .unwrap();
        q.set_limits(limits);
        let later = Terms { now: 9_000, manager: false, held: false };
        assert!(q.append_on(&mut s, &batch[1], &later).unwrap().duplicate, "{limits:?}");
        q.append_batch(&mut s, &batch, &later, &mut told).unwrap();
        assert_eq!(told.map(|one| (one.seq, one.duplicate)), [(1, true), (2, true)], "{limits:?}");
        assert!(q.append_on(&mut s, &item("c", b"3"), &later).is_err(), "{limits:?}");
    }
}
