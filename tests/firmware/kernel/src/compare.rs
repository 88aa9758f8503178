//! In: a seed and a number of rounds. Out: 0 when the kernel of this core agrees, limb by limb, with
//! school arithmetic on random and on extreme numbers; else the number of the first odd round.

use crate::limbs::{self, Modulus};

/// A 1024-bit number, as in an RSA-2048 key's primes.
const N: usize = 32;

struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Limbs that make carries travel: none, all ones, or any.
    fn fill(&mut self, x: &mut [u32]) {
        let kind = self.next() % 4;
        for limb in x {
            let any = self.next();
            *limb = match (kind, any % 8) {
                (0, _) => u32::MAX,
                (1, 0..4) => u32::MAX,
                (1, 4..7) => 0,
                (2, 0..6) => 0,
                _ => any,
            };
        }
    }
}

/// t = t + x·y, the way it is taught.
fn school_product(t: &mut [u32], x: &[u32], y: &[u32]) {
    for (i, &x) in x.iter().enumerate() {
        let mut carry = 0u64;
        let mut rest = t[i..].iter_mut();
        for &y in y {
            let Some(t) = rest.next() else { return };
            let sum = u64::from(x) * u64::from(y) + u64::from(*t) + carry;
            (*t, carry) = (sum as u32, sum >> 32);
        }
        for t in rest {
            let sum = u64::from(*t) + carry;
            (*t, carry) = (sum as u32, sum >> 32);
        }
    }
}

/// t/R mod m by adding multiples of m, one limb at a time.
fn school_reduce(t: &[u32; 2 * N], m: &[u32; N], k: u32) -> [u32; N] {
    let mut wide = [0; 2 * N + 1];
    wide[..2 * N].copy_from_slice(t);
    for i in 0..N {
        let multiple = [wide[i].wrapping_mul(k)];
        school_product(&mut wide[i..], &multiple, m);
    }
    let mut high = [0; N + 1];
    high.copy_from_slice(&wide[N..]);
    let (mut less, mut out) = ([0; N], [0; N]);
    out.copy_from_slice(&high[..N]);
    let borrow = limbs::subtract(&mut less, &out, m);
    if high[N] == 1 || borrow == 0 { less } else { out }
}

fn school_mul(x: &[u32; N], y: &[u32; N], m: &[u32; N], k: u32) -> [u32; N] {
    let mut t = [0; 2 * N];
    school_product(&mut t, x, y);
    school_reduce(&t, m, k)
}

fn round(random: &mut Random) -> bool {
    let ([mut m, mut x, mut y], mut t) = ([[0; N]; 3], [0; 2 * N]);
    random.fill(&mut m);
    random.fill(&mut x);
    random.fill(&mut y);
    (m[0], m[N - 1]) = (m[0] | 1, m[N - 1] | 1 << 31);
    let k = limbs::negated_inverse(&m);
    let modulus = Modulus { m: &m, rr: &[], k };

    let mut plain = [0; 2 * N];
    school_product(&mut plain, &x, &y);
    limbs::add_product(&mut t, &x, &y);
    let products = t == plain;

    // Values below m from here on.
    let one = {
        let mut one = [0; N];
        one[0] = 1;
        one
    };
    let x = school_mul(&x, &one, &m, k);
    let y = school_mul(&y, &one, &m, k);
    let mut product = x;
    limbs::mul(&mut product, &y, &modulus, &mut t);
    let muls = product == school_mul(&x, &y, &m, k);

    // A square may be m too large; a product puts that right.
    let mut square = x;
    limbs::sqr(&mut square, &modulus, &mut t);
    limbs::sqr(&mut square, &modulus, &mut t);
    limbs::mul(&mut square, &y, &modulus, &mut t);
    let twice = school_mul(&x, &x, &m, k);
    let twice = school_mul(&twice, &twice, &m, k);
    products && muls && square == school_mul(&twice, &y, &m, k)
}

/// See the first lines.
#[unsafe(no_mangle)]
pub extern "C" fn kernel_compare(seed: u32, rounds: u32) -> i32 {
    let mut random = Random(seed);
    (1..=rounds as i32).find(|_| !round(&mut random)).unwrap_or(0)
}
