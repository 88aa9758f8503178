//! Sealed stores: what is altered, moved, put back or cut off without the key is named and never
//! sent; everything else still is. Keys are changed and withdrawn; wrong ones write nothing.
#![cfg(feature = "seal")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::ram::RamStorage;
use pointcard::port::sealed::{KeyList, Keys, SealKey, Sealed};
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::inspect::{Finding, Lane, inspect};
use pointcard::queue::{Cursor, ENTRY_MAX, Forgery, Health, Item, Opened, Queue, Tampering, Terms};
use pointcard::status::{Error, Status};

const SHAPE: Geometry = Geometry { sector_size: 1024, sector_count: 16, prog_size: 4, align: 4 };
const HEADER: usize = 76;
const OLD: SealKey<'static> = KEYS[0];
const NEW: SealKey<'static> = SealKey { id: 9, bytes: b"sixteen bytes it" };
/// The backlog's first sector.
const BACK: usize = 5;
/// Entries that fill sectors 2 and 3 of the live lane and half of 4.
const N: usize = 28;
const USER: &str = "2088123412341234";

fn sealed<'a>(image: &'a mut [u8], keys: &'a [SealKey<'a>]) -> Sealed<RamStorage<'a>, KeyList<'a>> {
    Sealed::new(RamStorage::new(image, SHAPE), KeyList::new(keys).unwrap())
}

fn item<'a>(req_id: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id, profile: 7, kind: 1, points: 5, created: 1_700_000_000, body }
}

/// `n` entries, each with a body that names a shopper; the first `sent` of them were sent.
fn store(n: usize, sent: u64) -> Vec<u8> {
    let mut image = blank(&SHAPE);
    let mut s = sealed(&mut image, KEYS);
    let mut queue = Queue::new();
    queue.open(&mut s, [7; 8]).unwrap();
    more(&mut queue, &mut s, 0..n);
    for seq in 1..=sent {
        queue.mark_sent(&mut s, seq).unwrap();
    }
    image
}

fn more(queue: &mut Queue, s: &mut dyn Storage, which: std::ops::Range<usize>) {
    for i in which {
        let body = format!("{USER} buys number {i:03}");
        queue.append(s, &item(&format!("sale{i:03}"), body.as_bytes())).unwrap();
    }
}

/// The same with what fills a sector of the backlog made way, `times` times.
fn store_with_backlog(n: usize, times: usize) -> Vec<u8> {
    let mut image = store(n, 2);
    let mut s = sealed(&mut image, KEYS);
    let mut queue = Queue::new();
    queue.open(&mut s, [1; 8]).unwrap();
    for _ in 0..times {
        assert!(queue.relieve(&mut s, &mut [0; ENTRY_MAX]).unwrap());
    }
    image
}

struct Seen {
    opened: Result<Opened, Error>,
    /// req_id and body of everything `next` offers.
    offered: Vec<(String, String)>,
    forged: u32,
    forgery: Option<Forgery>,
    health: Health,
}

/// Opens an image and takes everything that may be sent.
fn drain(image: &[u8], keys: &[SealKey<'_>]) -> Seen {
    let mut image = image.to_vec();
    let mut s = Sealed::new(RamStorage::new(&mut image, SHAPE), KeyList::new(keys).unwrap());
    let (mut queue, mut buf, mut offered, mut from) = (Queue::new(), [0; ENTRY_MAX], vec![], 0);
    let opened = queue.open(&mut s, [1; 8]);
    while opened.is_ok() {
        let Some(entry) = queue.next(&mut s, from, &mut buf).unwrap() else { break };
        let body = std::str::from_utf8(entry.item.body).unwrap();
        offered.push((entry.item.req_id.to_owned(), body.to_owned()));
        from = entry.turn + 1;
    }
    let status = queue.status();
    let (forged, health) = (status.forged, status.health);
    Seen { opened, offered, forged, forgery: queue.forgery(), health }
}

fn crc(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 * (crc & 1)))
    })
}

fn len_at(image: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([image[at + 4], image[at + 5]]))
}

/// Makes a record's checksum right again, as anybody can.
fn fix(image: &mut [u8], at: usize) {
    let (start, off) = (at & !1023, at & 1023);
    let mut sum = crc(!0, &image[start + 24..start + 32]);
    for part in [&image[start + 5..start + 6], &image[start + 12..start + 16]] {
        sum = crc(sum, part);
    }
    sum = crc(sum, &(off as u32).to_le_bytes());
    let sum = !crc(sum, &image[at + 4..at + 12 + len_at(image, at)]);
    image[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

fn fix_header(image: &mut [u8], start: usize) {
    let sum = !crc(!0, &image[start..start + 48]);
    image[start + 48..start + 52].copy_from_slice(&sum.to_le_bytes());
    let sum = !crc(!0, &image[start..start + 72]);
    image[start + 72..start + HEADER].copy_from_slice(&sum.to_le_bytes());
}

/// The addresses of a sector's records.
fn records(image: &[u8], sector: usize) -> Vec<usize> {
    let (start, mut off, mut found) = (sector * 1024, HEADER, vec![]);
    while off + 12 < 1024 && image[start + off..start + off + 12] != [0xFF; 12] {
        found.push(start + off);
        off = (off + 12 + len_at(image, start + off) + 1).next_multiple_of(4);
    }
    found
}

/// Made from docs/format.md by the independent implementation in tests/format/seal.py.
const FRESH: &str = concat!(
    "4b50435101000a01010002020100000000000000100000000707070707070707010000000000000000000000",
    "00000000e280874c0100000069ab3059f63b9036a6e28a442cfc4f23a344f591e7126f467e0022dd01000000",
    "5260f1a9476ff1fc7470d82bb5e8678475afaae4dff1bb7bc1f80d59ba74d6ee44da4ca0de0e4abae678ed81",
    "7e83a7d15320c7d800adce96492be696fc47aef8680f8a97e9fb0cf3e22db4e902b09d48b03b12a82d45401a",
    "2c2574c5adad9555e3d8e78cc7ff62e732567067a8face9562314146f2657d9085e7288fd00700",
);

#[test]
fn a_fresh_store_is_byte_for_byte_what_the_format_says() {
    let image = store(0, 0);
    let told: String = image[..FRESH.len() / 2].iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(told, FRESH);
}

#[test]
fn nothing_of_an_entry_is_readable_on_the_medium() {
    let image = store(12, 3);
    for word in [USER, "sale00", "buys"] {
        let found = image.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        assert!(!found, "{word} stands in the image");
    }
    let seen = drain(&image, KEYS);
    assert_eq!((seen.offered.len(), seen.forged, seen.health), (12, 0, Health::Sound));
    assert_eq!(seen.offered[4], ("sale004".into(), format!("{USER} buys number 004")));
}

/// Every byte of every record and header, changed and its checksum put right: named with its
/// place; nothing altered is offered, and everything else is.
#[test]
fn a_changed_byte_is_named_and_never_believed() {
    let image = store(N, 2);
    let all = drain(&image, KEYS).offered;
    let (mut cases, mut rng) = (0, Rng(seed()));
    for sector in [0, 2, 3, 4] {
        for at in records(&image, sector) {
            let len = len_at(&image, at);
            // The kind's two bytes and the length are tried apart: they change what is a record.
            let places = (8..12 + len).step_by(if long() { 1 } else { 5 });
            for byte in places {
                let mut forged = image.clone();
                forged[at + byte] ^= 1 + rng.below(255) as u8;
                fix(&mut forged, at);
                let seen = drain(&forged, KEYS);
                cases += 1;
                let first_state = at == HEADER;
                if first_state {
                    // Without its first record the only state sector is no opening of the store.
                    assert!(seen.opened.is_err(), "{at} {byte}");
                    continue;
                }
                let place = seen.forgery.unwrap_or_else(|| panic!("{at} {byte}: not named"));
                assert_eq!((place.sector, place.offset), (sector as u32, at as u32 & 1023));
                assert_eq!((place.what, seen.health), (Tampering::Record, Health::Forged));
                assert!(seen.offered.iter().all(|entry| all.contains(entry)), "altered: {byte}");
                let missing = usize::from(sector >= 2);
                assert_eq!(seen.offered.len(), all.len() - missing, "{at} {byte}");
            }
        }
    }
    println!("{cases} forged records, all named (seed {})", seed());
}

#[test]
fn a_changed_header_is_named() {
    let image = store(N, 2);
    let all = drain(&image, KEYS).offered;
    for byte in (10..72).filter(|byte| !(48..52).contains(byte)) {
        let mut forged = image.clone();
        forged[3 * 1024 + byte] ^= 4;
        fix_header(&mut forged, 3 * 1024);
        let seen = drain(&forged, KEYS);
        let place = seen.forgery.unwrap_or_else(|| panic!("byte {byte}: not named"));
        assert_eq!((place.what, place.lane, place.sector), (Tampering::Header, Lane::Live, 3));
        assert!(seen.offered.iter().all(|entry| all.contains(entry)));
    }
    // The feature taken away: a plain sector has no place in a sealed store.
    let mut forged = image.clone();
    forged[3 * 1024 + 7..3 * 1024 + 10].fill(0);
    fix_header(&mut forged, 3 * 1024);
    assert_eq!(drain(&forged, KEYS).forgery.unwrap().what, Tampering::Header);
}

#[test]
fn rot_and_forgery_are_told_apart() {
    let image = store(N, 2);
    let at = records(&image, 3)[1];
    let mut rotten = image.clone();
    rotten[at + 20] ^= 1;
    let seen = drain(&rotten, KEYS);
    assert_eq!((seen.offered.len(), seen.forged, seen.health), (N, 0, Health::Repaired));
    rotten[at + 30..at + 34].fill(0x55);
    let seen = drain(&rotten, KEYS);
    assert_eq!((seen.offered.len(), seen.forged, seen.health), (N - 1, 0, Health::Lost));
}

#[test]
fn records_and_sectors_that_were_moved_are_named() {
    let image = store(N, 2);
    let all = drain(&image, KEYS).offered;
    let (a, b) = (records(&image, 3)[1], records(&image, 3)[2]);
    let len = 13 + len_at(&image, a);
    let mut swapped = image.clone();
    swapped[a..a + len].copy_from_slice(&image[b..b + len]);
    swapped[b..b + len].copy_from_slice(&image[a..a + len]);
    fix(&mut swapped, a);
    fix(&mut swapped, b);
    let seen = drain(&swapped, KEYS);
    assert_eq!((seen.forged, seen.offered.len()), (2, N - 2));
    assert!(seen.offered.iter().all(|entry| all.contains(entry)));

    // Into another sector, and from another store with the same key.
    let mut moved = image.clone();
    let to = records(&image, 2)[0];
    moved[to..to + len].copy_from_slice(&image[a..a + len]);
    fix(&mut moved, to);
    assert_eq!(drain(&moved, KEYS).forgery.unwrap().what, Tampering::Record);
    let mut other = blank(&SHAPE);
    let mut s = sealed(&mut other, KEYS);
    let mut queue = Queue::new();
    queue.open(&mut s, [8; 8]).unwrap();
    more(&mut queue, &mut s, 50..50 + N);
    let mut moved = image.clone();
    moved[a..a + len].copy_from_slice(&other[a..a + len]);
    fix(&mut moved, a);
    let seen = drain(&moved, KEYS);
    assert_eq!(seen.forgery.unwrap().what, Tampering::Record);
    assert!(seen.offered.iter().all(|entry| all.contains(entry)));

    // Whole sectors: of another store, and of another place of this one.
    for from in [&other[3 * 1024..4 * 1024], &image[4 * 1024..5 * 1024]] {
        let mut moved = image.clone();
        moved[3 * 1024..4 * 1024].copy_from_slice(from);
        let seen = drain(&moved, KEYS);
        let place = seen.forgery.expect("a sector from elsewhere is named");
        assert_eq!((place.what, place.sector), (Tampering::Moved, 3));
        assert!(seen.offered.iter().all(|entry| all.contains(entry)));
    }
}

#[test]
fn what_a_state_record_has_seen_cannot_be_cut_off_unnoticed() {
    let image = store(N, 2);
    let head = 4;
    let last = misses_what_is_cut_off(&image, Lane::Live, head, &[head..head + 1, 3..4]);

    // The lane as if it had never been; while a head whose header is rotten is no forgery.
    let mut cut = image.clone();
    cut[2 * 1024..BACK * 1024].fill(0xFF);
    let place = drain(&cut, KEYS).forgery.expect("all entries were erased");
    assert_eq!((place.what, place.lane, place.sector), (Tampering::Removed, Lane::Live, 2));
    let mut rotten = image.clone();
    rotten[head * 1024 + 16..head * 1024 + 32].fill(0x55);
    let seen = drain(&rotten, KEYS);
    assert_eq!((seen.forgery, seen.health), (None, Health::Lost));

    // Said in the documents: what no state record has seen yet, nobody misses.
    let unseen = store(N, 0);
    let mut cut = unseen.clone();
    cut[last..(head + 1) * 1024].fill(0xFF);
    let seen = drain(&cut, KEYS);
    assert_eq!((seen.offered.len(), seen.forged), (N - 1, 0));
}

/// The newest record of a lane's head is erased, then whole sectors of it: each is named and nothing
/// else is missing. Says where the newest record stood.
fn misses_what_is_cut_off(
    image: &[u8],
    lane: Lane,
    head: usize,
    parts: &[std::ops::Range<usize>],
) -> usize {
    let last = *records(image, head).last().unwrap();
    let mut cut = image.to_vec();
    cut[last..(head + 1) * 1024].fill(0xFF);
    let seen = drain(&cut, KEYS);
    let place = seen.forgery.expect("the newest record was erased");
    let removed = (Tampering::Removed, lane, head as u32, last as u32 & 1023);
    assert_eq!((place.what, place.lane, place.sector, place.offset), removed);
    assert_eq!((seen.offered.len(), seen.health), (N - 1, Health::Forged));
    for sectors in parts {
        let left = N - sectors.clone().map(|at| records(image, at).len()).sum::<usize>();
        let mut cut = image.to_vec();
        cut[sectors.start * 1024..sectors.end * 1024].fill(0xFF);
        let seen = drain(&cut, KEYS);
        let place = seen.forgery.unwrap_or_else(|| panic!("{sectors:?}: not named"));
        assert_eq!((place.what, place.lane), (Tampering::Removed, lane), "{sectors:?}");
        assert_eq!(seen.offered.len(), left, "{sectors:?}");
    }
    last
}

/// What made way is sealed anew: its originals are settled, and it is as safe where it is.
#[test]
fn the_backlog_is_sealed_as_the_live_lane_is() {
    let image = store_with_backlog(N, 3);
    let all = drain(&image, KEYS);
    assert_eq!((all.offered.len(), all.forged, all.health), (N, 0, Health::Sound));
    let mut names: Vec<_> = all.offered.iter().map(|(req, _)| req.clone()).collect();
    names.sort();
    assert_eq!(names, (0..N).map(|i| format!("sale{i:03}")).collect::<Vec<_>>());
    assert!(!image.windows(USER.len()).any(|bytes| bytes == USER.as_bytes()));
    // Copies, joined by their sync, in three sectors; a copy shares no ciphertext with its original.
    let (first, original) = (records(&image, BACK)[0], records(&image, 2)[0]);
    assert_eq!((image[first + 6], image[original + 6]), (0x52, 0x11));
    assert!(!image[first + 12 + 26..].starts_with(&image[original + 12..original + 28]));
    let mut rng = Rng(seed());
    for sector in BACK..BACK + 3 {
        for at in records(&image, sector) {
            for _ in 0..cases(3, 40) {
                let mut forged = image.clone();
                forged[at + 8 + rng.below(4 + len_at(&image, at))] ^= 1 + rng.below(255) as u8;
                fix(&mut forged, at);
                let seen = drain(&forged, KEYS);
                let place = seen.forgery.unwrap_or_else(|| panic!("{at}: not named"));
                let there = (Lane::Backlog, sector as u32, at as u32 & 1023);
                assert_eq!((place.lane, place.sector, place.offset), there);
                assert_eq!((place.what, seen.health), (Tampering::Record, Health::Forged));
                assert!(seen.offered.iter().all(|entry| all.offered.contains(entry)), "{at}");
                assert_eq!(seen.offered.len(), N - 1, "{at} (seed {})", crate::seed());
            }
        }
    }
    // A sector of the backlog at another place of it.
    let mut moved = image.clone();
    moved.copy_within((BACK + 1) * 1024..(BACK + 2) * 1024, BACK * 1024);
    let place = drain(&moved, KEYS).forgery.expect("a sector from elsewhere is named");
    assert_eq!((place.what, place.lane), (Tampering::Moved, Lane::Backlog));
}

#[test]
fn a_backlog_that_was_cut_off_is_named() {
    let (image, head) = (store_with_backlog(N, 3), BACK + 2);
    // The whole head, a sector before it, and the backlog as if it had never been.
    let parts = [head..head + 1, BACK + 1..BACK + 2, BACK..head + 1];
    misses_what_is_cut_off(&image, Lane::Backlog, head, &parts);
}

/// Every state record vouches for the backlog, not only the one that was written when it grew.
#[test]
fn a_cut_off_backlog_is_named_though_the_state_of_its_move_has_rotted() {
    let mut image = store_with_backlog(N, 1);
    let snap = *records(&image, 0).last().unwrap();
    assert_eq!(image[snap + 6], 0x22);
    let mut s = sealed(&mut image, KEYS);
    let mut queue = Queue::new();
    queue.open(&mut s, [1; 8]).unwrap();
    queue.mark_sent(&mut s, N as u64).unwrap();
    assert_eq!(image[*records(&image, 0).last().unwrap() + 6], 0x21);
    image[snap + 40..snap + 48].fill(0x55);
    let last = *records(&image, BACK).last().unwrap();
    assert_eq!(drain(&image, KEYS).forged, 0);
    image[last..(BACK + 1) * 1024].fill(0xFF);
    let place = drain(&image, KEYS).forgery.expect("the newest copy was erased");
    assert_eq!((place.what, place.lane), (Tampering::Removed, Lane::Backlog));
}

/// Far more than a window stands in the backlog: what is deep in it is reached by sealing what
/// stands before it once more, at its end, and its key is changed on the way.
#[test]
fn what_stands_deep_in_a_sealed_backlog_is_reached() {
    let g = geometry(1024, 32, 4, 4);
    let mut image = blank(&g);
    let (mut queue, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    let both = [NEW, OLD];
    let mut s = Sealed::new(RamStorage::new(&mut image, g), KeyList::new(KEYS).unwrap());
    queue.open(&mut s, [7; 8]).unwrap();
    for i in 0..110 {
        more(&mut queue, &mut s, i..i + 1);
        if i % 8 == 7 {
            assert!(queue.relieve(&mut s, &mut buf).unwrap());
        }
    }
    while queue.relieve(&mut s, &mut buf).unwrap() {}
    assert_eq!(queue.status().backlog, 110);
    let mut s = Sealed::new(RamStorage::new(&mut image, g), KeyList::new(&both).unwrap());
    queue.open(&mut s, [1; 8]).unwrap();
    for seq in [100, 3, 110] {
        assert!(queue.reach(&mut s, seq, &mut buf).unwrap(), "{seq}");
        assert_eq!(queue.mark_sent(&mut s, seq).unwrap(), 1);
        queue.settle(&mut s, seq).unwrap();
    }
    queue.open(&mut s, [1; 8]).unwrap();
    let (mut from, mut offered) = (0, vec![]);
    while let Some(entry) = queue.next(&mut s, from, &mut buf).unwrap() {
        let body = format!("{USER} buys number {:03}", entry.seq - 1);
        assert_eq!(entry.item.body, body.as_bytes());
        offered.push(entry.seq);
        from = entry.turn + 1;
    }
    offered.sort();
    assert_eq!(offered, (1..=110).filter(|seq| ![100, 3, 110].contains(seq)).collect::<Vec<_>>());
    assert_eq!((queue.status().forged, queue.status().health), (0, Health::Sound));
}

#[test]
fn a_store_of_sectors_too_small_to_seal_is_refused_and_nothing_is_written() {
    let g = geometry(512, 16, 4, 4);
    let mut image = blank(&g);
    let mut s = Sealed::new(RamStorage::new(&mut image, g), KeyList::new(KEYS).unwrap());
    let error = Queue::new().open(&mut s, [7; 8]).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Geometry, "storage.sector_size"));
    assert!(image == blank(&g));
}

#[test]
fn a_sector_put_back_as_it_was_is_named() {
    let mut image = blank(&SHAPE);
    let mut s = sealed(&mut image, KEYS);
    let mut queue = Queue::new();
    queue.open(&mut s, [7; 8]).unwrap();
    more(&mut queue, &mut s, 0..2);
    let early = s.into_inner().bytes().to_vec();
    let mut s = sealed(&mut image, KEYS);
    more(&mut queue, &mut s, 2..4);
    queue.mark_sent(&mut s, 1).unwrap();
    let late = s.into_inner().bytes().to_vec();
    // The live head as it was two entries ago.
    let mut back = late.clone();
    back[2 * 1024..3 * 1024].copy_from_slice(&early[2 * 1024..3 * 1024]);
    let place = drain(&back, KEYS).forgery.expect("an older copy of the head");
    assert_eq!((place.what, place.lane), (Tampering::Removed, Lane::Live));

    // The state lane as it was before it went on to its next sector.
    let mut s = sealed(&mut image, KEYS);
    let mut next = 4;
    let turned = |bytes: &[u8]| bytes[1024] != 0xFF;
    loop {
        more(&mut queue, &mut s, next..next + 1);
        next += 1;
        for _ in 0..3 {
            queue.mark_sent(&mut s, next as u64).unwrap();
        }
        let mut probe = [0; 1];
        s.read(1024, &mut probe).unwrap();
        if turned(&[[0; 1024].as_slice(), &probe].concat()) {
            break;
        }
    }
    let turned = s.into_inner().bytes().to_vec();
    // A sector of the backlog is opened after that, and says so.
    let mut other = turned.clone();
    let mut s = sealed(&mut other, KEYS);
    let mut q = Queue::new();
    q.open(&mut s, [1; 8]).unwrap();
    assert!(q.relieve(&mut s, &mut [0; ENTRY_MAX]).unwrap());
    assert_eq!(drain(&other, KEYS).forged, 0);
    other[..2048].copy_from_slice(&early[..2048]);
    let place = drain(&other, KEYS).forgery.expect("older state");
    assert_eq!((place.what, place.lane), (Tampering::Removed, Lane::State));

    // Or a live sector.
    let mut s = sealed(&mut image, KEYS);
    more(&mut queue, &mut s, next..next + 8);
    let late = s.into_inner().bytes().to_vec();
    let mut back = late.clone();
    back[..2048].copy_from_slice(&early[..2048]);
    let seen = drain(&back, KEYS);
    let place = seen.forgery.expect("older state");
    assert_eq!((place.what, place.lane), (Tampering::Removed, Lane::State));
    assert_eq!(drain(&late, KEYS).forged, 0);
}

fn refused(image: &[u8], keys: Option<&[SealKey<'_>]>) -> Error {
    let mut copy = image.to_vec();
    let below = RamStorage::new(&mut copy, SHAPE);
    let mut queue = Queue::new();
    let error = match keys {
        Some(keys) => queue.open(&mut Sealed::new(below, KeyList::new(keys).unwrap()), [1; 8]),
        None => queue.open(&mut { below }, [1; 8]),
    }
    .unwrap_err();
    assert!(copy == image, "a refused store was written to");
    error
}

#[test]
fn wrong_and_missing_keys_are_refused_by_name_and_nothing_is_written() {
    let image = store(5, 1);
    let told = |error: Error| (error.status, error.what, error.at);
    assert_eq!(told(refused(&image, None)), (Status::Missing, "store.key", 1));
    assert_eq!(told(refused(&image, Some(&[NEW]))), (Status::Missing, "store.key", 1));
    let wrong = [SealKey { id: 1, bytes: b"another key of just thirty two b" }];
    assert_eq!(told(refused(&image, Some(&wrong))), (Status::KeyMismatch, "store.key", 1));

    let mut plain = blank(&SHAPE);
    let mut s = RamStorage::new(&mut plain, SHAPE);
    let mut queue = Queue::new();
    queue.open(&mut s, [7; 8]).unwrap();
    more(&mut queue, &mut s, 0..2);
    assert_eq!(told(refused(&plain, Some(KEYS))), (Status::KeyMismatch, "store.seal", 0));
}

#[test]
fn bad_key_lists_are_refused_by_name() {
    let told = |keys: &[SealKey<'_>]| {
        let error = KeyList::new(keys).unwrap_err();
        (error.status, error.what, error.at)
    };
    assert_eq!(told(&[]), (Status::Missing, "seal.keys", 0));
    assert_eq!(told(&[SealKey { id: 0, bytes: &[1; 16] }]), (Status::Range, "seal.id", 0));
    assert_eq!(
        told(&[SealKey { id: 1, bytes: &[1; 24] }]),
        (Status::KeyUnsupported, "seal.key", 24)
    );
    assert_eq!(told(&[OLD, NEW, OLD]), (Status::Duplicate, "seal.id", 1));
    assert!(!format!("{:?}", KeyList::new(KEYS).unwrap()).contains("till"));
}

/// Keys from a secure element that may fail.
struct Element {
    broken: bool,
    asked: u32,
}

impl Keys for Element {
    fn newest(&mut self) -> u8 {
        1
    }
    fn key(&mut self, id: u8, out: &mut [u8; 32]) -> Result<Option<usize>, PortError> {
        self.asked += 1;
        if self.broken {
            return Err(PortError(77));
        }
        out.copy_from_slice(OLD.bytes);
        Ok((id == 1).then_some(32))
    }
}

#[test]
fn keys_come_from_a_callback_and_its_failure_is_told() {
    let mut image = store(3, 0);
    let mut queue = Queue::new();
    let element = Element { broken: true, asked: 0 };
    let mut s = Sealed::new(RamStorage::new(&mut image, SHAPE), element);
    let error = queue.open(&mut s, [1; 8]).unwrap_err();
    assert_eq!((error.status, error.what, error.port), (Status::Missing, "store.key", 77));
    let element = Element { broken: false, asked: 0 };
    let mut s = Sealed::new(RamStorage::new(&mut image, SHAPE), element);
    queue.open(&mut s, [1; 8]).unwrap();
    more(&mut queue, &mut s, 3..5);
    assert_eq!(queue.status().waiting, 5);
}

#[test]
fn keys_are_changed_and_the_old_one_is_withdrawn_in_time() {
    let mut image = store(8, 1);
    let both = [NEW, OLD];
    let mut queue = Queue::new();
    let mut s = sealed(&mut image, &both);
    queue.open(&mut s, [1; 8]).unwrap();
    assert_eq!(queue.status().health, Health::Sound);
    more(&mut queue, &mut s, 8..12);
    queue.settle(&mut s, 1).unwrap();
    let seen = drain(&image, &both);
    assert_eq!((seen.offered.len(), seen.forged), (11, 0));
    let error = refused(&image, Some(&[NEW]));
    assert_eq!((error.status, error.what, error.at), (Status::Missing, "store.key", 1));

    let mut s = sealed(&mut image, &both);
    for seq in 2..=8 {
        queue.settle(&mut s, seq).unwrap();
    }
    let seen = drain(&image, &[NEW]);
    assert_eq!((seen.opened.map(|opened| opened.forged), seen.offered.len()), (Ok(0), 4));
    // Each sector is sealed with one key: the old one opens nothing that came after.
    let error = refused(&image, Some(&[OLD]));
    assert_eq!((error.what, error.at), ("store.key", 9));
}

/// Counts what is programmed.
struct Meter<'a>(Sealed<RamStorage<'a>, KeyList<'a>>, usize);

impl Storage for Meter<'_> {
    fn geometry(&self) -> Geometry {
        self.0.geometry()
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.0.read(at, buf)
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.1 += data.len();
        self.0.prog(at, data)
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.0.erase(sector)
    }
    fn sync(&mut self) -> Result<(), PortError> {
        self.0.sync()
    }
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.0.keys()
    }
}

#[test]
fn sealing_costs_16_bytes_a_record_and_24_a_sector() {
    let g = geometry(4096, 256, 4, 4);
    let mut image = blank(&g);
    let below = RamStorage::new(&mut image, g);
    let mut s = Meter(Sealed::new(below, KeyList::new(KEYS).unwrap()), 0);
    let mut queue = Queue::new();
    queue.open(&mut s, [7; 8]).unwrap();
    let (before, n) = (s.1, 700);
    for i in 0..n {
        let req = format!("{i:032}");
        queue.append(&mut s, &item(&req, &[b'x'; 198])).unwrap(); // 20 + 32 + 198 = 250 bytes
    }
    let each = (s.1 - before) as f64 / f64::from(n);
    println!("sealed: {each:.1} bytes of flash for each append of 250 bytes");
    assert!(each <= 286.0, "{each}");
}

#[test]
fn an_image_is_told_without_its_key_as_far_as_it_can_be() {
    let mut image = store(9, 2);
    let look = |image: &mut [u8], keys: bool| {
        let (mut entries, mut hidden, mut states, mut forged) = (0, vec![], 0, vec![]);
        let mut buf = [0; ENTRY_MAX];
        let mut each = |finding: &Finding<'_>| match *finding {
            Finding::Record(_) => entries += 1,
            Finding::Sealed { number, .. } => hidden.push(number),
            Finding::State { .. } => states += 1,
            Finding::Forged { at } => forged.push(at as usize),
            Finding::Damage { .. } | Finding::Sector { .. } => {}
            ref other => panic!("{other:?}"),
        };
        let below = RamStorage::new(image, SHAPE);
        let mut keyed = Keyless(below, keys.then(|| KeyList::new(KEYS).unwrap()));
        inspect(&mut keyed, &mut buf, &mut each).unwrap();
        (entries, hidden, states, forged)
    };
    assert_eq!(look(&mut image, false), (0, (1..=9).collect(), 3, vec![]));
    assert_eq!(look(&mut image, true), (9, vec![], 3, vec![]));
    let at = records(&image, 2)[2];
    image[at + 15] ^= 8;
    fix(&mut image, at);
    assert_eq!(look(&mut image, true), (8, vec![], 3, vec![at]));
    // Copies of the backlog are told beside their originals.
    let mut image = store_with_backlog(9, 1);
    let copies = records(&image, BACK).len();
    let numbers = (1..=9).chain(1..=copies as u32).collect();
    assert_eq!(look(&mut image, false), (0, numbers, 4, vec![]));
    assert_eq!(look(&mut image, true), (9 + copies, vec![], 4, vec![]));
}

struct Keyless<'a>(RamStorage<'a>, Option<KeyList<'static>>);

impl Storage for Keyless<'_> {
    fn geometry(&self) -> Geometry {
        self.0.geometry()
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.0.read(at, buf)
    }
    fn prog(&mut self, _: u32, _: &[u8]) -> Result<(), PortError> {
        panic!("an inspection writes")
    }
    fn erase(&mut self, _: u32) -> Result<(), PortError> {
        panic!("an inspection erases")
    }
    fn sync(&mut self) -> Result<(), PortError> {
        Ok(())
    }
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.1.as_mut().map(|keys| keys as &mut dyn Keys)
    }
}

/// Everything a queue does, against the model, in a sealed store; every letter and copy opens.
#[test]
fn a_sealed_store_does_all_a_plain_one_does() {
    for (g, run) in [(SHAPE, 0), (geometry(2048, 12, 1, 512), 1), (geometry(1024, 12, 1, 1), 2)] {
        let seed = seed() + run;
        let mut bytes = blank(&g);
        let mut s = Sealed::new(RamStorage::new(&mut bytes, g), KeyList::new(KEYS).unwrap());
        let (mut queue, mut model, mut rng) = (Queue::new(), Model::default(), Rng(seed | 1));
        queue.open(&mut s, [7; 8]).unwrap();
        let ops = script(seed, cases(250, 5000) as usize, g.sector_size as usize / 6);
        for (index, op) in ops.iter().enumerate() {
            model.step(&mut queue, &mut s, op, &mut rng).unwrap();
            if index % 50 == 49 {
                queue.open(&mut s, [8; 8]).unwrap();
                model.compare(&mut queue, &mut s);
                model = model.after_recovery(&mut queue, &mut s);
            }
        }
        assert_eq!(queue.forgery(), None, "seed {seed}");
    }
}

#[test]
fn duplicates_are_recognised_and_batches_fit() {
    let mut image = store(4, 0);
    let mut s = sealed(&mut image, KEYS);
    let mut queue = Queue::new();
    queue.open(&mut s, [1; 8]).unwrap();
    let body = format!("{USER} buys number 002");
    let again = queue.append(&mut s, &item("sale002", body.as_bytes())).unwrap();
    assert!(again.duplicate && again.seq == 3);
    let error = queue.append(&mut s, &item("sale002", b"something else")).unwrap_err();
    assert_eq!(error.status, Status::Conflict);
    let names: Vec<String> = (0..12).map(|i| format!("batch{i}")).collect();
    let items: Vec<Item<'_>> = names.iter().map(|name| item(name, &[b'y'; 120])).collect();
    let mut told = vec![Default::default(); items.len()];
    queue.append_batch(&mut s, &items, &Terms::default(), &mut told).unwrap();
    let (mut cursor, mut buf, mut shown) = (Cursor::default(), [0; ENTRY_MAX], 0);
    while queue.walk(&mut s, &mut cursor, &mut buf).unwrap().is_some() {
        shown += 1;
    }
    assert_eq!((shown, drain(&image, KEYS).offered.len()), (16, 16));
}
