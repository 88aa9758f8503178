//! Two wrong bits anywhere in a small store: nothing is altered or invented, at most one entry is
//! gone (all of the newest sector when both hit its header), and the status says so; or the store is
//! refused by name and left as it is. The long form takes every pair.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/chunks.rs"]
mod chunks;
mod common;
#[path = "common/nor.rs"]
mod nor;

use chunks::{Plan, Sums};
use common::{Rng, geometry, long};
use nor::Nor;
use pointcard::queue::{Cursor, ENTRY_MAX, EntryState, Item, Queue};
use pointcard::status::Status;

/// Where the newest sector of sales begins: its header is 52 bytes long.
const LIVE: usize = 2 * 512;
const NAMES: [&str; 4] = ["first", "second", "third", "fourth"];
const BODY: [u8; 22] = *b"what the till recorded";

fn item(name: &str) -> Item<'_> {
    Item { req_id: name, profile: 1, kind: 1, points: 10, created: 5, body: &BODY }
}

/// Four entries, one of them settled, one sent.
fn store() -> Nor {
    let mut s = Nor::new(geometry(512, 8, 1, 1));
    let mut q = Queue::new();
    q.open(&mut s, [7; 8]).unwrap();
    for name in NAMES {
        q.append(&mut s, &item(name)).unwrap();
    }
    q.settle(&mut s, 1).unwrap();
    q.mark_sent(&mut s, 2).unwrap();
    s
}

/// Mounts and compares; adds to "one gone", "refused to open", "settled entry shown again".
fn judge(s: &mut Nor, header: bool, sums: &mut Sums) {
    let (mut q, mut buf, mut cursor) = (Queue::new(), [0; ENTRY_MAX], Cursor::default());
    if let Err(e) = q.open(s, [1; 8]) {
        // It says so and touches nothing; examples/queue_dump saves the entries.
        let named =
            matches!(e.status, Status::MediaCorrupt | Status::Geometry | Status::MediaVersion);
        assert!(named, "{e:?}");
        sums[1] += 1;
        return;
    }
    let mut seen = [false; 4];
    while let Some(entry) = q.walk(s, &mut cursor, &mut buf).unwrap() {
        let index = entry.seq as usize - 1;
        assert!(index < 4 && !seen[index], "invented or doubled: {entry:?}");
        assert_eq!(entry.item, item(NAMES[index]), "altered");
        let owed = entry.state != EntryState::Settled;
        assert!(owed || index == 0, "settled by rot: {entry:?}");
        sums[2] += u64::from(owed && index == 0);
        seen[index] = true;
    }
    let gone = seen[1..].iter().filter(|seen| !**seen).count();
    let status = q.status();
    assert!(gone <= 1 || header, "{gone} entries gone: {status:?}");
    let said = status.lost > 0 || status.sealed > 0;
    assert!(gone == 0 || said, "gone in silence: {status:?}");
    sums[0] += u64::from(gone == 1);
    sums[3] += u64::from(gone > 1);
}

#[test]
fn any_two_bits_of_rot_alter_nothing_and_take_one_entry_at_most() {
    let fresh = store();
    let bits: Vec<usize> =
        (0..fresh.bytes.len() * 8).filter(|bit| fresh.bytes[bit / 8] != 0xFF).collect();
    let n = bits.len() as u64;
    let pairs = n * (n - 1) / 2;
    let plan = Plan {
        name: "queue rot",
        cases: [40_000, pairs],
        chunk: 50_000,
        promise: "0 altered, 0 invented, 0 gone in silence",
        counts: [
            "took one entry",
            "refused the store",
            "showed a settled entry again",
            "hit the newest header twice",
        ],
    };
    let (image, bits) = (&fresh.bytes, &bits);
    chunks::run(&plan, || {
        let mut s = Nor::new(fresh.g);
        s.bytes.copy_from_slice(image);
        move |case, rng: &mut Rng, sums: &mut Sums| {
            let (a, b) = match long() {
                true => pair(case, n),
                false => (rng.below(bits.len()), rng.below(bits.len())),
            };
            for bit in [bits[a], bits[b]] {
                s.bytes[bit / 8] ^= 1 << (bit % 8);
                s.dirty |= 1 << (bit / 8 / 512);
            }
            if a != b {
                let both = [bits[a], bits[b]].map(|bit| (bit / 8).checked_sub(LIVE));
                let header = both.iter().all(|at| at.is_some_and(|at| at < 52));
                judge(&mut s, header, sums);
            }
            s.restore(image);
        }
    });
}

/// The pair of two numbers below `n` that `case` stands for.
fn pair(case: u64, n: u64) -> (usize, usize) {
    let (row, column) = (case / n, case % n);
    // Rows r and n - 1 - r share a line of n pairs.
    if column > row {
        (row as usize, column as usize)
    } else {
        ((n - 2 - row) as usize, (n - 1 - column) as usize)
    }
}
