//! What people do with entries: letters listed, exported, put back, edited, purged; sales voided;
//! the queue held back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::Storage;
use pointcard::port::ram::{Cut, RamStorage};
use pointcard::queue::{
    Buried, Cursor, ENTRY_MAX, EXPORT_MAX, EntryState, Item, Queue, Reason, Requeue,
};
use pointcard::status::Status;

const CERTAIN: Reason<'static> = Reason { uncertain: false, ..REASON };

fn item<'a>(req: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id: req, profile: 1, kind: 1, points: 10, created: 5, body }
}

/// A queue with one refused sale, number 1, sent `attempts` times.
fn refused(s: &mut dyn Storage, reason: &Reason<'_>, attempts: u8) -> Queue {
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(s, [1; 8]).unwrap();
    q.append(s, &item("refused", b"too many")).unwrap();
    for _ in 0..attempts {
        q.mark_sent(s, 1).unwrap();
    }
    assert_eq!(q.bury(s, 1, reason, &mut buf).unwrap(), Buried::Moved);
    q
}

#[test]
fn a_letter_goes_back_under_its_name_and_is_settled_once() {
    let g = geometry(1024, 8, 4, 4);
    for (reason, attempts) in [(CERTAIN, 0), (REASON, 2)] {
        let mut bytes = blank(&g);
        let mut s = RamStorage::new(&mut bytes, g);
        let mut buf = [0; ENTRY_MAX];
        let mut q = refused(&mut s, &reason, 2);
        assert_eq!((q.status().dead, q.status().points), (1, 0));
        assert_eq!(q.requeue(&mut s, 1, &Requeue::default(), &mut buf).unwrap(), 1);
        for _ in 0..2 {
            let status = q.status();
            assert_eq!((status.dead, status.points), (0, 10));
            let entry = q.next(&mut s, 0, &mut buf).unwrap().unwrap();
            assert_eq!((entry.seq, entry.item.req_id), (1, "refused"));
            // What is certain starts anew; what is doubtful stays so.
            assert_eq!(entry.attempts, attempts);
            assert_eq!(entry.reason, None);
            q.open(&mut s, [1; 8]).unwrap();
        }
        assert_eq!(q.mark_sent(&mut s, 1).unwrap(), attempts + 1);
        q.settle(&mut s, 1).unwrap();
        q.open(&mut s, [1; 8]).unwrap();
        let status = q.status();
        assert_eq!((status.waiting, status.sent_unknown, status.dead, status.points), (0, 0, 0, 0));
        let gone = q.requeue(&mut s, 1, &Requeue::default(), &mut buf).unwrap_err();
        assert_eq!(gone.status, Status::NotFound);
    }
}

#[test]
fn an_edited_letter_is_another_sale_and_doubt_needs_a_word() {
    let g = geometry(1024, 8, 4, 4);
    let new = Item { points: 4, ..item("corrected", b"fewer") };
    for (reason, word) in [(CERTAIN, false), (REASON, true)] {
        let mut bytes = blank(&g);
        let mut s = RamStorage::new(&mut bytes, g);
        let mut buf = [0; ENTRY_MAX];
        let mut q = refused(&mut s, &reason, 1);
        let how = |accept_double| Requeue { item: Some(new), accept_double };
        if word {
            let before = s.bytes().to_vec();
            let error = q.requeue(&mut s, 1, &how(false), &mut buf).unwrap_err();
            assert_eq!((error.status, error.what), (Status::Uncertain, "seq"));
            assert!(s.bytes() == before, "a refused edit was written");
        }
        assert_eq!(q.requeue(&mut s, 1, &how(word), &mut buf).unwrap(), 2);
        q.open(&mut s, [1; 8]).unwrap();
        let entry = q.next(&mut s, 0, &mut buf).unwrap().unwrap();
        assert_eq!((entry.seq, entry.attempts, entry.item), (2, 0, new));
        assert_eq!((q.status().dead, q.status().points), (0, 4));
        // Under the old name with another body: the caller's decision, too.
        q.mark_sent(&mut s, 2).unwrap();
        q.bury(&mut s, 2, &CERTAIN, &mut buf).unwrap();
        let same = Item { body: b"fewest", ..new };
        let how = Requeue { item: Some(same), accept_double: false };
        assert_eq!(q.requeue(&mut s, 2, &how, &mut buf).unwrap(), 3);
        let found = q.get(&mut s, 3, &mut buf).unwrap().unwrap();
        assert_eq!((found.item, found.state), (same, EntryState::Waiting));
    }
}

#[test]
fn a_name_that_waits_already_is_not_put_back() {
    let g = geometry(1024, 16, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let mut buf = [0; ENTRY_MAX];
    let mut q = refused(&mut s, &CERTAIN, 1);
    q.append(&mut s, &item("other", b"x")).unwrap();
    let how = Requeue { item: Some(item("other", b"y")), accept_double: false };
    let error = q.requeue(&mut s, 1, &how, &mut buf).unwrap_err();
    assert_eq!((error.status, q.status().dead), (Status::Conflict, 1));
    let bad = Requeue { item: Some(item("", b"y")), accept_double: false };
    assert_eq!(q.requeue(&mut s, 1, &bad, &mut buf).unwrap_err().status, Status::Missing);
    // A full store refuses, and the letter stays.
    for i in 0.. {
        if q.append(&mut s, &item(&format!("{i}"), &[7; 100])).is_err() {
            break;
        }
    }
    let long = Requeue { item: Some(item("long", &[7; 400])), accept_double: false };
    assert_eq!(q.requeue(&mut s, 1, &long, &mut buf).unwrap_err().status, Status::QueueFull);
    assert_eq!(q.status().dead, 1);
}

#[test]
fn letters_are_listed_exported_and_purged() {
    let g = geometry(1024, 16, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    let mut names = std::collections::HashMap::new();
    // More refusals than the dead letters hold, and some sales between them.
    for i in 0..30 {
        let seq = q.append(&mut s, &item(&format!("r{i}"), &[i; 60])).unwrap().seq;
        names.insert(seq, format!("r{i}"));
        if i % 3 != 0 {
            q.mark_sent(&mut s, seq).unwrap();
            q.bury(&mut s, seq, &REASON, &mut buf).unwrap();
        }
    }
    let status = q.status();
    assert!(status.dead > 5 && status.parked > 2, "{status:?}");
    let (mut cursor, mut listed, mut text) = (Cursor::default(), vec![], [0; EXPORT_MAX]);
    while let Some(letter) = q.letters(&mut s, &mut cursor, &mut buf).unwrap() {
        let line = letter.export(&mut text).unwrap();
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["req_id"], names[&letter.seq]);
        let body: String = letter.item.body.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(value["body"], body);
        assert_eq!((&value["code"], &value["uncertain"]), (&"40004".into(), &true.into()));
        assert!(letter.export(&mut [0; 50]).is_err());
        listed.push((letter.seq, letter.state));
    }
    assert_eq!(listed.len() as u32, status.dead + status.parked);
    // One that was parked goes back; then all that are dead go for good.
    let parked = listed.iter().find(|(_, state)| *state == EntryState::Parked).unwrap().0;
    assert_eq!(q.requeue(&mut s, parked, &Requeue::default(), &mut buf).unwrap(), parked);
    let entry = q.get(&mut s, parked, &mut buf).unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts), (EntryState::Sent, 1));
    assert_eq!(q.discard_all(&mut s).unwrap(), status.dead);
    q.open(&mut s, [1; 8]).unwrap();
    let after = q.status();
    assert_eq!((after.dead, after.parked), (0, status.parked - 1));
    assert_eq!((after.waiting, after.sent_unknown), (status.waiting, 1));
    assert_eq!(q.discard_all(&mut s).unwrap(), 0);
    assert_eq!(after.points, u64::from(after.waiting + after.parked + 1) * 10);
}

#[test]
fn the_longest_entry_fits_its_export() {
    let g = geometry(4096, 8, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    let worst = "\u{1}".repeat(32);
    let big = Item {
        req_id: &worst,
        profile: u64::MAX,
        kind: 255,
        points: u32::MAX,
        created: (1 << 48) - 1,
        body: &[255; 2900],
    };
    q.append(&mut s, &big).unwrap();
    let sub = "\u{1}".repeat(64);
    let reason = Reason { uncertain: false, at: (1 << 48) - 1, code: &worst[..8], sub_code: &sub };
    q.bury(&mut s, 1, &reason, &mut buf).unwrap();
    let letter = q.get(&mut s, 1, &mut buf).unwrap().unwrap();
    let mut text = [0; EXPORT_MAX];
    let line = letter.export(&mut text).unwrap();
    println!("longest export: {} of {EXPORT_MAX} bytes", line.len());
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&value["req_id"], &value["sub_code"]), (&worst.into(), &sub.into()));
}

#[test]
fn a_sale_is_voided_only_while_it_never_left() {
    let g = geometry(4096, 16, 4, 4);
    let mut bytes = blank(&g);
    let mut s = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    for i in 0..120 {
        q.append(&mut s, &item(&format!("s{i}"), b"x")).unwrap();
    }
    q.mark_sent(&mut s, 3).unwrap();
    let error = q.void(&mut s, 3).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Unknown, "seq"));
    // Taken back: it certainly never left.
    q.retract(&mut s, 3).unwrap();
    q.void(&mut s, 3).unwrap();
    q.void(&mut s, 2).unwrap();
    // The newest sale, far behind the window.
    for seq in [120, 119, 100, 80, 70, 66] {
        q.void(&mut s, seq).unwrap();
    }
    assert_eq!(q.void(&mut s, 120).unwrap_err().status, Status::NotFound);
    for _ in 0..2 {
        assert_eq!((q.status().waiting, q.status().points), (112, 1120));
        assert!(q.get(&mut s, 100, &mut buf).unwrap().is_none());
        q.open(&mut s, [1; 8]).unwrap();
    }
    let (mut from, mut sent) = (0, vec![]);
    while let Some(entry) = q.next(&mut s, from, &mut buf).unwrap() {
        let seq = entry.seq;
        (from, sent) = (entry.turn + 1, [sent, vec![seq]].concat());
        q.mark_sent(&mut s, seq).unwrap();
        q.stage(seq).unwrap();
        if seq % 10 == 0 {
            q.open(&mut s, [1; 8]).unwrap();
            q.settle(&mut s, seq).unwrap();
            for again in [seq - 1, seq - 2, seq - 3, seq - 4] {
                let _ = q.settle(&mut s, again);
            }
        }
    }
    q.commit(&mut s).unwrap();
    let wanted: Vec<u64> =
        (1..=120).filter(|seq| ![2, 3, 66, 70, 80, 100, 119, 120].contains(seq)).collect();
    assert_eq!(sent, wanted, "a void sale was offered, or another was not");
    // Only so many are remembered behind the window.
    for i in 0..80 {
        q.append(&mut s, &item(&format!("t{i}"), b"x")).unwrap();
    }
    let far: Vec<_> = (190..200).map(|seq| q.void(&mut s, seq).map_err(|e| e.status)).collect();
    assert_eq!(far.iter().filter(|done| done.is_ok()).count(), 8);
    assert_eq!(far[9], Err(Status::Range));
}

#[test]
fn a_paused_queue_takes_and_settles_but_offers_nothing() {
    let g = geometry(1024, 8, 4, 4);
    let mut bytes = blank(&g);
    let mut s = RamStorage::new(&mut bytes, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    q.open(&mut s, [1; 8]).unwrap();
    q.append(&mut s, &item("a", b"x")).unwrap();
    q.mark_sent(&mut s, 1).unwrap();
    q.pause();
    q.append(&mut s, &item("b", b"x")).unwrap();
    q.settle(&mut s, 1).unwrap();
    assert!(q.next(&mut s, 0, &mut buf).unwrap().is_none());
    q.open(&mut s, [1; 8]).unwrap();
    assert!(q.status().paused && q.next(&mut s, 0, &mut buf).unwrap().is_none());
    assert!(q.renewed().status().paused);
    q.resume();
    assert_eq!(q.next(&mut s, 0, &mut buf).unwrap().unwrap().seq, 2);
}
