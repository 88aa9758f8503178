//! An entry whose body changes: it is there once, as it was or as it is, wherever power is cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{blank, geometry, powered};
use pointcard::port::ram::Cut;
use pointcard::port::{Geometry, Storage};
use pointcard::queue::{BACKLOG_FULL, Cursor, ENTRY_MAX, EntryState, Item, Queue, Replace};
use pointcard::status::{Result, Status};

fn item<'a>(req_id: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id, profile: 7, kind: 3, points: 10, created: 1_700_000_000, body }
}

fn append(queue: &mut Queue, storage: &mut dyn Storage, req_id: &str, body: &[u8]) -> u64 {
    queue.append(storage, &item(req_id, body)).unwrap().seq
}

fn replace(
    queue: &mut Queue,
    storage: &mut dyn Storage,
    seq: u64,
    body: &[u8],
    fresh: bool,
) -> Result<()> {
    queue.replace(storage, seq, &Replace { body, fresh }, &mut [0; ENTRY_MAX])
}

/// Plain stores, and sealed ones where there are any.
const SEALS: &[bool] = if cfg!(feature = "seal") { &[false, true] } else { &[false] };

/// Power for `left` steps over a medium whose store is sealed or not.
fn medium<'a>(
    bytes: &'a mut [u8],
    g: Geometry,
    left: u64,
    cut: Cut,
    sealed: bool,
) -> impl Storage + 'a {
    let storage = powered(bytes, g, left, cut);
    #[cfg(feature = "seal")]
    let storage = common::Keyed::new(storage, sealed);
    #[cfg(not(feature = "seal"))]
    assert!(!sealed);
    storage
}

/// Number, attempts and body of everything that is owed.
fn owed(queue: &mut Queue, storage: &mut dyn Storage) -> Vec<(u64, u8, Vec<u8>)> {
    let (mut cursor, mut buf, mut all) = (Cursor::default(), [0; ENTRY_MAX], vec![]);
    while let Some(entry) = queue.walk(storage, &mut cursor, &mut buf).unwrap() {
        if entry.state != EntryState::Settled {
            assert_eq!((entry.item.profile, entry.item.kind, entry.item.points), (7, 3, 10));
            all.push((entry.seq, entry.attempts, entry.item.body.to_vec()));
        }
    }
    all
}

#[test]
fn it_keeps_its_number_and_its_attempts_or_starts_anew() {
    SEALS.iter().for_each(|sealed| keeps_or_starts_anew(*sealed));
}

fn keeps_or_starts_anew(sealed: bool) {
    let g = geometry(4096, 8, 4, 4);
    let mut bytes = blank(&g);
    let mut storage = medium(&mut bytes, g, u64::MAX, Cut::Clean, sealed);
    let mut queue = Queue::new();
    queue.open(&mut storage, [1; 8]).unwrap();
    let seq = append(&mut queue, &mut storage, "a", b"old");
    assert_eq!(queue.mark_sent(&mut storage, seq), Ok(1));
    replace(&mut queue, &mut storage, seq, b"noted", false).unwrap();
    assert_eq!(owed(&mut queue, &mut storage), [(seq, 1, b"noted".to_vec())]);
    assert_eq!(queue.mark_sent(&mut storage, seq), Ok(2));
    replace(&mut queue, &mut storage, seq, b"another request", true).unwrap();
    assert_eq!(owed(&mut queue, &mut storage), [(seq, 0, b"another request".to_vec())]);
    let status = queue.status();
    assert_eq!((status.waiting, status.sent_unknown, status.points), (1, 0, 10));
    queue.settle(&mut storage, seq).unwrap();
    assert_eq!(queue.status().points, 0);
    let gone = replace(&mut queue, &mut storage, seq, b"late", true).unwrap_err();
    assert_eq!(gone.status, Status::NotFound);
    let never = replace(&mut queue, &mut storage, 99, b"x", true).unwrap_err();
    assert_eq!(never.status, Status::NotFound);
}

/// Wherever the entry stood before: in the live lane, or in the backlog already.
#[test]
fn power_may_fail_at_any_byte() {
    for &sealed in SEALS {
        let mut cuts = 0;
        for cut in [Cut::Clean, Cut::Torn] {
            for moved in [false, true] {
                cuts += (0..).take_while(|left| !survives(sealed, cut, moved, *left)).count();
            }
        }
        println!("{cuts} cuts{}", if sealed { ", sealed" } else { "" });
        assert!(cuts > 200, "only {cuts}");
    }
}

/// Replaces under a power that lasts for `left` bytes; whether it lasted.
fn survives(sealed: bool, cut: Cut, moved: bool, left: u64) -> bool {
    let g = geometry(1024, 8, 4, 4);
    let (mut bytes, mut buf) = (blank(&g), [0; ENTRY_MAX]);
    let mut queue = Queue::new();
    let mut storage = medium(&mut bytes, g, u64::MAX, cut, sealed);
    queue.open(&mut storage, [1; 8]).unwrap();
    append(&mut queue, &mut storage, "before", b"one");
    let seq = append(&mut queue, &mut storage, "it", b"old");
    append(&mut queue, &mut storage, "behind", b"two");
    queue.mark_sent(&mut storage, seq).unwrap();
    assert!(!moved || queue.relieve(&mut storage, &mut buf).unwrap());
    drop(storage);
    let mut storage = medium(&mut bytes, g, left, cut, sealed);
    let told = replace(&mut queue, &mut storage, seq, b"new", true);
    drop(storage);
    for opened in 0..2 {
        let mut storage = medium(&mut bytes, g, u64::MAX, cut, sealed);
        let mut queue = Queue::new();
        queue.open(&mut storage, [1; 8]).unwrap();
        let all = owed(&mut queue, &mut storage);
        let its: Vec<_> = all.iter().filter(|entry| entry.0 == seq).collect();
        let (old, new) = ((seq, 1, b"old".to_vec()), (seq, 0, b"new".to_vec()));
        assert!(its == [&new] || told.is_err() && its == [&old], "cut {left}/{opened}: {all:?}");
        assert_eq!(all.len(), 3, "cut {left}: {all:?}");
        let (status, was_sent) = (queue.status(), u32::from(its == [&old]));
        assert_eq!((status.waiting, status.sent_unknown), (3 - was_sent, was_sent), "cut {left}");
        assert_eq!((status.points, status.lost, status.forged), (30, 0, 0), "cut {left}");
        let backlog = if moved { 3 } else { u32::from(its == [&new]) };
        assert_eq!(status.backlog, backlog, "cut {left}");
    }
    told.is_ok()
}

/// A store of which the first `count` entries stand in the backlog.
fn with_backlog(queue: &mut Queue, storage: &mut dyn Storage, count: u32) -> Vec<u64> {
    queue.open(storage, [1; 8]).unwrap();
    let seqs = (0..count).map(|n| append(queue, storage, &format!("r{n}"), b"rests")).collect();
    while queue.status().backlog < count {
        assert!(queue.relieve(storage, &mut [0; ENTRY_MAX]).unwrap());
    }
    seqs
}

/// Ninety others wait in the backlog before the copy: it is brought among the oldest again.
#[test]
fn what_changed_is_reached_behind_the_window() {
    let g = geometry(4096, 16, 4, 4);
    let mut bytes = blank(&g);
    let mut storage = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let mut queue = Queue::new();
    let seqs = with_backlog(&mut queue, &mut storage, 90);
    let (seq, mut buf) = (seqs[10], [0; ENTRY_MAX]);
    for body in [b"second".as_slice(), b"third", b"fourth"] {
        assert!(queue.reach(&mut storage, seq, &mut buf).unwrap());
        replace(&mut queue, &mut storage, seq, body, true).unwrap();
        let read = queue.get(&mut storage, seq, &mut buf).unwrap().unwrap();
        assert_eq!(read.item.body, body);
        let behind = replace(&mut queue, &mut storage, seq, b"x", true).unwrap_err();
        assert_eq!(behind.status, Status::Range);
        queue.get(&mut storage, seq, &mut buf).unwrap();
        assert_eq!(queue.settle(&mut storage, seq).unwrap_err().status, Status::Range);
        assert!(queue.reach(&mut storage, seq, &mut buf).unwrap());
        let turn = queue.waiting(&mut storage, seq, &mut buf).unwrap().unwrap().turn;
        let offered = queue.next(&mut storage, turn, &mut buf).unwrap().unwrap();
        assert_eq!((offered.seq, offered.item.body), (seq, body));
    }
    assert_eq!(owed(&mut queue, &mut storage).len(), 90);
    queue.settle(&mut storage, seq).unwrap();
    let gone = queue.reach(&mut storage, seq, &mut buf).unwrap_err();
    assert_eq!(gone.status, Status::NotFound);
    assert_eq!(queue.status().waiting, 89);
}

/// What is sent, changed and reached again among many others is one entry all the time.
#[test]
fn nobody_is_counted_twice_on_the_way() {
    let g = geometry(4096, 32, 4, 4);
    let mut bytes = blank(&g);
    let mut storage = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let (mut queue, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    with_backlog(&mut queue, &mut storage, 70);
    let seq = append(&mut queue, &mut storage, "it", b"first");
    queue.mark_sent(&mut storage, seq).unwrap();
    for n in 70..80 {
        append(&mut queue, &mut storage, &format!("r{n}"), b"rests");
    }
    for n in 0..8u8 {
        assert!(queue.reach(&mut storage, seq, &mut buf).unwrap());
        replace(&mut queue, &mut storage, seq, &[n; 40], true).unwrap();
        assert_eq!(queue.status().waiting, 81, "after {n}");
        let asked = |item: &Item<'_>| item.req_id == "it";
        let found = queue.find_where(&mut storage, &asked, &mut buf).unwrap().unwrap();
        assert_eq!((found.seq, found.item.body), (seq, [n; 40].as_slice()));
    }
    assert_eq!(owed(&mut queue, &mut storage).len(), 81);
}

/// An entry that rests at the backlog's beginning does not use the backlog up, whatever comes and
/// goes behind it: not for another that changes, and not for sales that have to make way.
#[test]
fn an_entry_that_rests_does_not_fill_the_backlog() {
    let g = geometry(1024, 12, 4, 4);
    let mut bytes = blank(&g);
    let mut storage = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let (mut queue, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    let rests = with_backlog(&mut queue, &mut storage, 1)[0];
    for n in 0..60u8 {
        let seq = append(&mut queue, &mut storage, &format!("it{n}"), b"first");
        for step in 0..4 {
            replace(&mut queue, &mut storage, seq, &[n + step; 200], true).unwrap();
        }
        assert_eq!(owed(&mut queue, &mut storage).len(), 2, "after {n}");
        queue.settle(&mut storage, seq).unwrap();
    }
    for n in 0..100 {
        let seq = append(&mut queue, &mut storage, &format!("sale{n}"), &[1; 200]);
        assert!(queue.relieve(&mut storage, &mut buf).unwrap(), "sale {n}");
        queue.settle(&mut storage, seq).unwrap();
    }
    assert_eq!(owed(&mut queue, &mut storage), [(rests, 0, b"rests".to_vec())]);
    assert_eq!((queue.status().points, queue.status().lost), (10, 0));
}

/// A backlog that is full of what waits takes no other body; nothing is lost, and the entry is as
/// it was.
#[test]
fn a_full_backlog_says_so() {
    let g = geometry(1024, 12, 4, 4);
    let mut bytes = blank(&g);
    let mut storage = powered(&mut bytes, g, u64::MAX, Cut::Clean);
    let (mut queue, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    queue.open(&mut storage, [1; 8]).unwrap();
    let mut count = 0;
    while queue.append(&mut storage, &item(&format!("r{count}"), &[7; 200])).is_ok() {
        count += 1;
        queue.relieve(&mut storage, &mut buf).unwrap();
    }
    let before = owed(&mut queue, &mut storage);
    let full = replace(&mut queue, &mut storage, 1, &[8; 200], true).unwrap_err();
    assert_eq!((full.status, full.what), (Status::QueueFull, BACKLOG_FULL));
    assert_eq!(owed(&mut queue, &mut storage), before);
    assert_eq!(before.len(), count);
}
