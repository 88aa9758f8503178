//! A medium of arbitrary bytes is mounted and used: no panic, no hang, no endless walk.
//!
//! The first byte picks the shape and how the image is made: raw bytes, or a sound store with
//! the bytes laid over it, so that the fuzzer gets past the checksums.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::port::Geometry;
use pointcard::port::ram::RamStorage;
use pointcard::queue::{Cursor, ENTRY_MAX, Item, Queue, Reason};

const SHAPES: [(u32, u32, u32, u32); 4] =
    [(512, 8, 1, 1), (1024, 8, 4, 4), (2048, 6, 16, 64), (1024, 12, 4, 256)];
const REASON: Reason<'static> =
    Reason { uncertain: false, at: 1, code: "40004", sub_code: "ISV.FUZZ" };

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    let (sector_size, sector_count, prog_size, align) = SHAPES[usize::from(how & 3)];
    let g = Geometry { sector_size, sector_count, prog_size, align };
    let mut image = vec![0xFF; (sector_size * sector_count) as usize];
    if how & 4 != 0 {
        populate(&mut image, g);
    }
    lay_over(&mut image, data, how & 8 != 0);
    use_it(&mut image, g);
});

fn item<'a>(req_id: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id, profile: 1, kind: 1, points: 3, created: 9, body }
}

fn populate(image: &mut [u8], g: Geometry) {
    let mut s = RamStorage::new(image, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    let _ = q.open(&mut s, [7; 8]);
    for i in 0..12u64 {
        let _ = q.append(&mut s, &item(&format!("r{i}"), &[i as u8; 60]));
        let _ = q.mark_sent(&mut s, i + 1);
        let _ = if i % 3 == 0 {
            q.bury(&mut s, i + 1, &REASON, &mut buf).map(|_| ())
        } else if i % 3 == 1 {
            q.settle(&mut s, i + 1)
        } else {
            Ok(())
        };
    }
}

/// Either the bytes themselves, or (address, value) triples.
fn lay_over(image: &mut [u8], data: &[u8], patches: bool) {
    if patches {
        for patch in data.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % image.len();
            image[at] = patch[2];
        }
    } else {
        let n = data.len().min(image.len());
        image[..n].copy_from_slice(&data[..n]);
    }
}

fn use_it(image: &mut [u8], g: Geometry) {
    let limit = image.len() / 12;
    let mut s = RamStorage::new(image, g);
    let (mut q, mut buf) = (Queue::new(), [0; ENTRY_MAX]);
    if q.open(&mut s, [1; 8]).is_err() {
        return;
    }
    let (mut cursor, mut shown) = (Cursor::default(), 0);
    while let Ok(Some(_)) = q.walk(&mut s, &mut cursor, &mut buf) {
        shown += 1;
        assert!(shown <= limit, "an endless walk");
    }
    let mut from = 0;
    while let Ok(Some(entry)) = q.next(&mut s, from, &mut buf) {
        let seq = entry.seq;
        assert!(seq >= from, "next went back");
        let Some(next) = seq.checked_add(1) else { break };
        from = next;
        let _ = q.mark_sent(&mut s, seq);
        let _ = match seq % 3 {
            0 => q.settle(&mut s, seq),
            1 => q.stage(seq),
            _ => q.bury(&mut s, seq, &REASON, &mut buf).map(|_| ()),
        };
    }
    let _ = q.find(&mut s, "r5", &mut buf);
    let _ = q.append(&mut s, &item("new", b"x"));
    let _ = q.maintain(&mut s);
    let _ = q.status();
    let _ = q.open(&mut s, [1; 8]);
}
