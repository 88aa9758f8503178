//! Power cut at every byte and every eighth of an erase, and once more while recovering.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use pointcard::port::Geometry;
use pointcard::port::ram::Cut;
use pointcard::queue::Queue;

/// A medium's shape, and whether the store on it is sealed.
#[derive(Clone, Copy, Debug)]
struct Bench {
    shape: Geometry,
    sealed: bool,
}

fn keyed<'a>(bytes: &'a mut [u8], g: Bench, left: u64, cut: Cut) -> Keyed<'a> {
    Keyed::new(powered(bytes, g.shape, left, cut), g.sealed)
}

struct Counts {
    cuts: u64,
    second: u64,
    refused: u64,
}

/// Runs the scenario; before every operation, cuts it everywhere and looks.
fn cut_everywhere(g: Bench, cut: Cut, seed: u64, every: u64, second_every: u64) -> Counts {
    let body = (g.shape.sector_size as usize / 5).min(400);
    let ops = script(seed, 200, body);
    let mut bytes = blank(&g.shape);
    let mut queue = Queue::new();
    let mut model = Model::default();
    let mut rng = Rng(seed ^ 0x55AA);
    let mut counts = Counts { cuts: 0, second: 0, refused: 0 };
    queue.open(&mut keyed(&mut bytes, g, u64::MAX, cut), [1; 8]).unwrap();
    for (number, op) in ops.iter().enumerate() {
        let mut after = bytes.clone();
        let (mut q, mut m, mut r) = (twin(&queue), model.clone(), rng.clone());
        let mut s = keyed(&mut after, g, u64::MAX, cut);
        m.step(&mut q, &mut s, op, &mut r).unwrap();
        let steps = s.below.steps;
        for left in (0..=steps).filter(|left| (left + number as u64).is_multiple_of(every)) {
            let at = format!("{g:?} {cut:?} seed {seed} op {number} {op:?} cut {left}");
            let mut image = bytes.clone();
            let (mut q, mut m, mut r) = (twin(&queue), model.clone(), rng.clone());
            let mut s = keyed(&mut image, g, left, cut);
            if m.step(&mut q, &mut s, op, &mut r).is_ok() {
                continue; // nothing was written in this operation
            }
            counts.cuts += 1;
            let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                if counts.cuts.is_multiple_of(second_every) {
                    second_cuts(&image, g, cut, &m, &mut counts);
                }
                recover(&mut image, g, &m, &mut r, &mut counts);
            }));
            if let Err(e) = told {
                eprintln!("at {at}");
                std::panic::resume_unwind(e);
            }
        }
        (bytes, queue, model, rng) = (after, q, m, r);
    }
    counts
}

/// A fresh mount shows what was acknowledged, and takes three more entries.
fn recover(image: &mut [u8], g: Bench, model: &Model, rng: &mut Rng, counts: &mut Counts) {
    let mut s = keyed(image, g, u64::MAX, Cut::Clean);
    let mut queue = Queue::new();
    queue.open(&mut s, [2; 8]).unwrap();
    model.compare(&mut queue, &mut s);
    assert_eq!(queue.forgery(), None, "a cut write is no forgery");
    let mut model = model.after_recovery(&mut queue, &mut s);
    for _ in 0..3 {
        let before = model.known.len();
        model.step(&mut queue, &mut s, &Op::Append { body: 40, points: 5 }, rng).unwrap();
        counts.refused += u64::from(model.known.len() == before);
    }
    queue.open(&mut s, [3; 8]).unwrap();
    model.compare(&mut queue, &mut s);
}

/// Cuts the recovery and the append behind it everywhere.
fn second_cuts(image: &[u8], g: Bench, cut: Cut, model: &Model, counts: &mut Counts) {
    for left in 0.. {
        let mut image = image.to_vec();
        let mut s = keyed(&mut image, g, left, cut);
        let mut queue = Queue::new();
        let mut next = model.clone();
        let mut rng = Rng(left + 77);
        let mut whole = false;
        if queue.open(&mut s, [4; 8]).is_ok() {
            next = model.after_recovery(&mut queue, &mut s);
            let op = Op::Append { body: 30, points: 1 };
            whole = next.step(&mut queue, &mut s, &op, &mut rng).is_ok();
        }
        counts.second += 1;
        let mut s = keyed(&mut image, g, u64::MAX, cut);
        queue.open(&mut s, [5; 8]).unwrap();
        next.compare(&mut queue, &mut s);
        assert_eq!(queue.forgery(), None, "a cut write is no forgery");
        if whole {
            return;
        }
    }
}

/// Every shape, clean and torn, side by side; says each when it is done.
fn run(name: &str, shapes: &[Geometry], sealed: bool, every: u64, second_every: u64) {
    let one = |g: Bench, cut: Cut, seed: u64| {
        let counts = cut_everywhere(g, cut, seed, every, second_every);
        let (cuts, second) = (counts.cuts, counts.second);
        println!("{name} {g:?} {cut:?} (seed {seed}): cuts {cuts}, second cuts {second}: 0 lost");
        counts
    };
    let mut total = Counts { cuts: 0, second: 0, refused: 0 };
    std::thread::scope(|scope| {
        let runs: Vec<_> = (shapes.iter().zip(seed()..))
            .flat_map(|(g, seed)| [Cut::Clean, Cut::Torn].map(|cut| (*g, cut, seed)))
            .map(|(shape, cut, seed)| (Bench { shape, sealed }, cut, seed))
            .map(|(g, cut, seed)| scope.spawn(move || one(g, cut, seed)))
            .collect();
        for run in runs {
            let counts = run.join().unwrap_or_else(|told| std::panic::resume_unwind(told));
            total.cuts += counts.cuts;
            total.second += counts.second;
            total.refused += counts.refused;
        }
    });
    println!(
        "{name}: cuts: {}, second cuts: {}, lost 0, doubled 0; appends refused as full {}",
        total.cuts, total.second, total.refused
    );
    assert!(total.cuts > 1000 && total.second > 1000);
}

#[test]
fn every_cut_keeps_what_was_acknowledged() {
    let shapes = [geometry(1024, 8, 1, 1), geometry(2048, 8, 4, 4), geometry(4096, 8, 16, 16)];
    run("nor", &shapes, false, 1, cases(400, 1));
}

#[test]
fn every_cut_with_aligned_records() {
    let shapes = [geometry(4096, 8, 4, 512), geometry(2048, 12, 1, 512)];
    // The short form takes every third byte here; `nor` above takes all.
    run("aligned", &shapes, false, cases(3, 1), cases(400, 1));
}

/// The same with every record sealed: nothing is lost, and no tear is taken for tampering.
#[test]
fn every_cut_of_a_sealed_store() {
    // The short form takes every seventh byte, on two of the shapes.
    let nor = [geometry(1024, 8, 1, 1), geometry(4096, 8, 16, 16), geometry(2048, 8, 4, 4)];
    let shapes = if long() { &nor[..] } else { &nor[..2] };
    run("sealed nor", shapes, true, cases(7, 1), cases(400, 1));
    if long() {
        run("sealed aligned", &[geometry(4096, 8, 4, 512)], true, 1, 1);
    }
}

#[test]
fn every_cut_of_a_format_can_be_formatted_again() {
    let shape = geometry(1024, 8, 4, 4);
    let ways = [Cut::Clean, Cut::Torn].map(|cut| [(cut, false), (cut, true)]);
    for (cut, sealed) in ways.concat() {
        let g = Bench { shape, sealed };
        for left in 0.. {
            let mut bytes = blank(&shape);
            let mut queue = Queue::new();
            let whole = queue.open(&mut keyed(&mut bytes, g, left, cut), [6; 8]).is_ok();
            let mut s = keyed(&mut bytes, g, u64::MAX, cut);
            queue.open(&mut s, [7; 8]).unwrap_or_else(|e| panic!("cut {left}: {e:?}"));
            let mut model = Model::default();
            let op = Op::Append { body: 50, points: 2 };
            model.step(&mut queue, &mut s, &op, &mut Rng(3)).unwrap();
            queue.open(&mut s, [8; 8]).unwrap();
            model.compare(&mut queue, &mut s);
            if whole {
                break;
            }
        }
    }
}
