//! Full stores, stuck windows, and the numbers the queue is held to, as counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::Storage;
use pointcard::port::ram::{Cut, RamStorage};
use pointcard::queue::{Buried, Cursor, ENTRY_MAX, EntryState, Item, Queue};
use pointcard::status::Status;

fn item<'a>(req: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id: req, profile: 1, kind: 1, points: 10, created: 5, body }
}

fn name(i: u64) -> String {
    format!("{i:032}")
}

/// Appends until the queue says it is full; says how many went in.
fn fill(q: &mut Queue, s: &mut dyn Storage, from: u64, body: usize) -> u64 {
    let body = vec![0x61; body];
    for i in from.. {
        match q.append(s, &item(&name(i), &body)) {
            Ok(appended) => assert!(!appended.duplicate),
            Err(e) => {
                assert_eq!(e.status, Status::QueueFull);
                return i - from;
            }
        }
    }
    0
}

#[test]
fn a_full_store_takes_every_answer_and_appends_resume() {
    for (sector, count, align) in [(1024, 8, 4), (4096, 16, 4), (4096, 8, 512), (4096, 8, 16)] {
        let g = geometry(sector, count, 4, align);
        let mut bytes = blank(&g);
        let mut s = RamStorage::new(&mut bytes, g);
        let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
        q.open(&mut s, [1; 8]).unwrap();
        let (status, mut taken, mut buf2) = (q.status(), 0, [0; ENTRY_MAX]);
        assert!(status.room + status.backlog_room >= status.capacity, "{status:?}");
        loop {
            let room = q.status().room;
            let more = fill(&mut q, &mut s, taken, 200);
            assert!(more >= u64::from(room), "{more} of {room} promised");
            assert_eq!(q.status().room, 0);
            taken += more;
            if !q.relieve(&mut s, &mut buf2).unwrap() {
                break;
            }
        }
        assert!(taken >= u64::from(status.capacity), "{taken} of {} promised", status.capacity);
        for round in 0..3000 {
            let first = q.next(&mut s, 0, &mut buf).unwrap().unwrap().seq;
            let live = q.status().next_seq - first;
            q.mark_sent(&mut s, first + round % 10.min(live)).unwrap();
        }
        let first = q.next(&mut s, 0, &mut buf).unwrap().unwrap().seq;
        assert_eq!(q.bury(&mut s, first + 1, &REASON, &mut buf).unwrap(), Buried::Moved);
        let mut settled = 1;
        while q.append(&mut s, &item("again", b"x")).is_err() {
            let entry = q.next(&mut s, 0, &mut buf).unwrap().unwrap();
            q.settle(&mut s, entry.seq).unwrap();
            settled += 1;
            assert!(settled <= taken, "no sector became free");
        }
        println!("{sector}x{count} align {align}: {taken} fit, resumed after {settled}");
        q.open(&mut s, [1; 8]).unwrap();
        assert_eq!(u64::from(q.status().waiting + q.status().sent_unknown), taken - settled + 1);
    }
}

#[test]
fn refusals_beyond_the_dead_letters_never_block_the_others() {
    let g = geometry(4096, 16, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    let (mut moved, mut parked) = (0, 0);
    let mut names = std::collections::HashMap::new();
    // Everything is refused; half of what fits keeps waiting, refused, among the live ones.
    for i in 0..130 {
        let seq = q.append(&mut s, &item(&name(i), &[7; 100])).unwrap().seq;
        names.insert(seq, name(i));
        let entry = q.next(&mut s, 0, &mut buf).unwrap().expect("nothing blocks");
        assert_eq!(entry.seq, seq);
        q.mark_sent(&mut s, seq).unwrap();
        match q.bury(&mut s, seq, &REASON, &mut buf).unwrap() {
            Buried::Moved => moved += 1,
            Buried::Parked => parked += 1,
        }
        if i % 9 == 0 {
            q.open(&mut s, [1; 8]).unwrap();
        }
        let status = q.status();
        assert_eq!((status.dead, status.parked), (moved, parked));
        assert_eq!((status.waiting, status.sent_unknown), (0, 0));
    }
    assert!(parked > 64, "{moved} moved, {parked} parked");
    let seq = q.append(&mut s, &item("good", b"x")).unwrap().seq;
    assert_eq!(q.next(&mut s, 0, &mut buf).unwrap().unwrap().seq, seq);
    q.mark_sent(&mut s, seq).unwrap();
    q.settle(&mut s, seq).unwrap();
    // Each parked one is shown once, with its first number and its reason.
    let mut cursor = Cursor::default();
    let mut shown = 0;
    while let Some(entry) = q.walk(&mut s, &mut cursor, &mut buf).unwrap() {
        if entry.state == EntryState::Parked {
            assert_eq!((entry.attempts, entry.reason), (1, Some(REASON)));
            assert_eq!(entry.item.req_id, names[&entry.seq]);
            shown += 1;
        }
    }
    assert_eq!(shown, parked);
    println!("refused: {moved} moved, {parked} parked, the next one still goes out");
}

#[test]
fn entries_backing_off_at_the_front_do_not_block_the_rest() {
    let g = geometry(4096, 32, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    for i in 0..200 {
        q.append(&mut s, &item(&name(i), &[7; 50])).unwrap();
    }
    // The first eight are sent and never answered; everybody else is settled around them.
    for seq in 1..=8 {
        q.mark_sent(&mut s, seq).unwrap();
    }
    let (mut from, mut settled) = (9, 0);
    while let Some(entry) = q.next(&mut s, from, &mut buf).unwrap().filter(|e| e.seq > 8) {
        let seq = entry.seq;
        (from, settled) = (entry.turn + 1, settled + 1);
        assert!(q.reach(&mut s, seq, &mut buf).unwrap());
        q.mark_sent(&mut s, seq).unwrap();
        q.stage(seq).unwrap();
    }
    q.commit(&mut s).unwrap();
    assert_eq!(settled, 192);
    for _ in 0..2 {
        let status = q.status();
        assert_eq!((status.waiting, status.sent_unknown, status.points), (0, 8, 80));
        let mut from = 0;
        for seq in 1..=8 {
            let entry = q.next(&mut s, from, &mut buf).unwrap().unwrap();
            assert_eq!((entry.seq, entry.attempts, entry.state), (seq, 1, EntryState::Sent));
            assert_eq!(entry.item.req_id, name(seq - 1));
            from = entry.turn + 1;
        }
        q.open(&mut s, [1; 8]).unwrap();
    }
    assert_eq!(q.mark_sent(&mut s, 3).unwrap(), 2);
    for seq in 1..=8 {
        q.settle(&mut s, seq).unwrap();
    }
    let status = q.status();
    assert_eq!((status.waiting, status.sent_unknown, status.points), (0, 0, 0));
}

#[test]
fn bytes_and_syncs_stay_within_the_goals() {
    let g = geometry(4096, 800, 4, 4);
    let mut bytes = blank(&g);
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    // req_id 32, profile 8, created 8, points 4, kind 1, body 197: 250 bytes.
    let (programmed, syncs, erases) = (s.programmed, s.syncs, s.erases);
    let n = 3000u64;
    for i in 0..n {
        q.append(&mut s, &item(&name(i), &[7; 197])).unwrap();
    }
    let per_append = (s.programmed - programmed) as f64 / n as f64;
    assert_eq!(s.syncs - syncs, n, "one sync each");
    let per_erase = n as f64 / (s.erases - erases) as f64;
    let (programmed, syncs) = (s.programmed, s.syncs);
    q.settle(&mut s, 1).unwrap();
    let done = s.programmed - programmed;
    assert_eq!(s.syncs - syncs, 1);
    for seq in 2..34 {
        q.stage(seq).unwrap();
    }
    let programmed = s.programmed;
    q.commit(&mut s).unwrap();
    let batch = s.programmed - programmed;
    q.stage(34).unwrap();
    let (programmed, syncs) = (s.programmed, s.syncs);
    q.mark_sent(&mut s, 35).unwrap();
    let sent = s.programmed - programmed;
    assert_eq!(s.syncs - syncs, 1, "staged and sent together");
    println!(
        "append of 250 bytes: {per_append:.1} programmed, {per_erase:.1} per erase; done alone \
         {done}, 32 at once {batch}, done and next sent {sent}; queue {} bytes of RAM",
        size_of::<Queue>()
    );
    assert!(per_append <= 270.0 && done <= 24 && batch <= 32 && sent <= 28);
    assert!(size_of::<Queue>() <= if cfg!(feature = "seal") { 944 } else { 896 });
}

#[test]
fn reads_do_not_grow_with_the_store() {
    for (count, entries) in [(200, 700), (3000, 12_000), (26_000, 105_000)] {
        let g = geometry(4096, count, 4, 4);
        let mut bytes = blank(&g);
        let mut q = Queue::new();
        let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
        q.open(&mut s, [1; 8]).unwrap();
        for i in 0..entries {
            q.append(&mut s, &item(&name(i), &[7; 197])).unwrap();
        }
        let mut worst = 0;
        let mut buf = [0; ENTRY_MAX];
        for round in 0..200u64 {
            let mut s = powered(s.bytes_mut(), g, u64::MAX, Cut::Clean);
            q.open(&mut s, [1; 8]).unwrap();
            worst = worst.max(s.reads);
            let seq = q.next(&mut s, 0, &mut buf).unwrap().unwrap().seq;
            q.mark_sent(&mut s, seq).unwrap();
            q.settle(&mut s, seq).unwrap();
            q.append(&mut s, &item(&name(entries + round), &[7; 197])).unwrap();
        }
        let (mut from, mut next_worst, mut settle_worst) = (0, 0, 0);
        q.next(&mut s, 0, &mut buf).unwrap();
        for _ in 0..60 {
            let before = s.reads;
            let seq = q.next(&mut s, from, &mut buf).unwrap().unwrap().seq;
            next_worst = next_worst.max(s.reads - before);
            let before = s.reads;
            q.settle(&mut s, seq).unwrap();
            settle_worst = settle_worst.max(s.reads - before);
            from = seq + 1;
        }
        println!(
            "{entries} entries in {count} sectors: mount {worst} reads, next {next_worst}, settle {settle_worst}"
        );
        assert!(worst <= 200 && next_worst <= 2);
    }
}

#[test]
fn duplicates_conflicts_and_bad_items_are_told_apart() {
    let g = geometry(4096, 8, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let mut q = Queue::new();
    assert_eq!(q.append(&mut s, &item("a", b"")).unwrap_err().status, Status::BadState);
    q.open(&mut s, [1; 8]).unwrap();
    let first = q.append(&mut s, &item("a", b"body")).unwrap();
    for reopened in [false, true] {
        if reopened {
            q.settle(&mut s, first.seq).unwrap();
            q.open(&mut s, [1; 8]).unwrap();
        }
        let again = q.append(&mut s, &item("a", b"body")).unwrap();
        assert_eq!((again.seq, again.duplicate), (first.seq, true));
        let later = Item { created: 99, ..item("a", b"body") };
        assert!(q.append(&mut s, &later).unwrap().duplicate);
        let item = item("a", b"body");
        for other in [
            Item { points: 11, ..item },
            Item { kind: 2, ..item },
            Item { profile: 2, ..item },
            Item { body: b"bode", ..item },
            Item { body: b"bod", ..item },
            Item { body: b"body2", ..item },
        ] {
            assert_eq!(q.append(&mut s, &other).unwrap_err().status, Status::Conflict);
        }
    }
    let status = |item: &Item<'_>| {
        let mut bytes = blank(&g);
        let mut s = RamStorage::new(&mut bytes, g);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        q.append(&mut s, item).map_err(|e| e.status).err()
    };
    assert_eq!(status(&item("", b"")), Some(Status::Missing));
    assert_eq!(status(&item("积分", b"")), Some(Status::Encoding));
    assert_eq!(status(&item(&"x".repeat(33), b"")), Some(Status::TooLong));
    assert_eq!(status(&item("a", &[0; 2901])), Some(Status::TooLong));
    assert_eq!(status(&item("a", &[0; 2900])), None);
    assert_eq!(status(&Item { created: 1 << 48, ..item("a", b"") }), Some(Status::Range));
}

#[test]
fn numbers_nobody_has_are_refused() {
    let g = geometry(4096, 16, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    for i in 0..70 {
        q.append(&mut s, &item(&name(i), b"")).unwrap();
    }
    for (seq, status) in [(0, Status::NotFound), (71, Status::NotFound), (65, Status::Range)] {
        assert_eq!(q.settle(&mut s, seq).unwrap_err().status, status);
        assert_eq!(q.mark_sent(&mut s, seq).unwrap_err().status, status);
        assert_eq!(q.bury(&mut s, seq, &REASON, &mut buf).unwrap_err().status, status);
        assert_eq!(q.stage(seq).unwrap_err().status, status);
    }
    q.settle(&mut s, 5).unwrap();
    q.settle(&mut s, 5).unwrap();
    assert_eq!(q.mark_sent(&mut s, 5).unwrap_err().status, Status::NotFound);
    assert_eq!(q.status().waiting, 69);
    let found = q.find(&mut s, &name(69), &mut buf).unwrap().unwrap();
    assert_eq!(found.seq, 70);
    assert!(q.find(&mut s, &name(4), &mut buf).unwrap().is_none());
    q.bury(&mut s, 6, &REASON, &mut buf).unwrap();
    let found = q.find(&mut s, &name(5), &mut buf).unwrap().unwrap();
    assert_eq!((found.seq, found.state), (6, EntryState::Dead));
    q.discard(&mut s, 6).unwrap();
    assert_eq!(q.discard(&mut s, 6).unwrap_err().status, Status::NotFound);
    assert_eq!(q.status().dead, 0);
    let mut small = [0; 40];
    let error = q.next(&mut s, 0, &mut small).unwrap_err();
    assert_eq!(error.status, Status::BufferTooSmall);
    assert!(q.next(&mut s, 0, &mut buf[..error.at as usize]).unwrap().is_some());
}
