//! RSA on numbers: prepared moduli and lent memory in, x^d and x^e modulo n out.
//!
//! The private operation uses the Chinese remainder theorem, with a fixed window and masked reads
//! of the whole table. Nothing here knows of blocks, hashes or key text.

use zeroize::Zeroize;

use super::limbs::{self, BITS, CopyFrom as _, Limb, Modulus, STEP, head, take};

/// The largest modulus of this build, in bits.
pub const MAX_BITS: usize = if cfg!(feature = "rsa4096") { 4096 } else { 2048 };
/// The same in bytes: the longest signature.
pub const MAX_BYTES: usize = MAX_BITS / 8;
/// The smallest modulus, in bits.
pub(super) const MIN_BITS: usize = 1024;

/// Limbs of the largest modulus, and of its primes.
pub(super) const FULL: usize = MAX_BITS / BITS;
pub(super) const HALF: usize = FULL / 2;

/// Exponent bits per multiplication. The table is the largest part of the lent memory, so small
/// machines use one bit less and pay 3 % more time.
const WINDOW: usize = if BITS == 64 { 5 } else { 4 };
const ENTRIES: usize = 1 << WINDOW;

/// What the public and private operations need beside keys, in halves: see [`Parts`].
const LENT: usize = (8 + ENTRIES) * HALF;

/// Limbs of each prime of an `n_bits` modulus; the modulus takes twice as many.
pub(super) const fn half_limbs(n_bits: usize) -> usize {
    (n_bits / 2).div_ceil(BITS).next_multiple_of(STEP)
}

/// Working memory, lent for a call. Holds nothing between calls: it is wiped at the end of each.
pub struct Scratch {
    limbs: [Limb; LENT],
}

impl Scratch {
    /// Memory for any key of this build.
    pub const fn new() -> Self {
        Scratch { limbs: [0; LENT] }
    }

    /// Overwrites everything.
    pub(super) fn wipe(&mut self) {
        self.limbs.zeroize();
    }

    /// Overwrites what operations on a modulus of `2 * half` limbs use.
    pub(super) fn wipe_used(&mut self, half: usize) {
        self.limbs.get_mut(..(8 + ENTRIES) * half).unwrap_or_default().zeroize();
    }

    pub(super) fn parts(&mut self, half: usize) -> Parts<'_> {
        let mut rest = &mut self.limbs[..];
        Parts {
            input: take(&mut rest, 2 * half),
            output: take(&mut rest, 2 * half),
            work: Work {
                sum: take(&mut rest, half),
                entry: take(&mut rest, half),
                product: take(&mut rest, 2 * half),
                table: take(&mut rest, ENTRIES * half),
            },
        }
    }

    #[cfg(test)]
    pub(super) fn is_wiped(&self) -> bool {
        limbs::is_zero(&self.limbs)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// The lent memory cut up for one operation. `input` and `output` have the modulus' length.
pub(super) struct Parts<'a> {
    pub input: &'a mut [Limb],
    pub output: &'a mut [Limb],
    pub work: Work<'a>,
}

/// For work modulo one prime: a table of powers, and `product` twice a prime's length.
pub(super) struct Work<'a> {
    sum: &'a mut [Limb],
    entry: &'a mut [Limb],
    pub product: &'a mut [Limb],
    table: &'a mut [Limb],
}

impl Work<'_> {
    /// The place of the table, for work modulo n.
    pub fn full(&mut self) -> FullWork<'_> {
        let (n, mut rest) = (self.product.len(), &mut *self.table);
        FullWork {
            value: take(&mut rest, n),
            base: take(&mut rest, n),
            product: take(&mut rest, 2 * n),
        }
    }
}

/// For work modulo n; `product` is twice as long as n.
pub(super) struct FullWork<'a> {
    pub value: &'a mut [Limb],
    base: &'a mut [Limb],
    pub product: &'a mut [Limb],
}

/// An odd modulus of up to `N` limbs and what is computed from it once.
pub(super) struct Ring<const N: usize> {
    pub m: [Limb; N],
    pub rr: [Limb; N],
    k: Limb,
}

impl<const N: usize> Ring<N> {
    pub const fn new() -> Self {
        Ring { m: [0; N], rr: [0; N], k: 0 }
    }

    /// The modulus as `n` limbs.
    pub fn modulus(&self, n: usize) -> Modulus<'_> {
        Modulus { m: head(&self.m, n), rr: head(&self.rr, n), k: self.k }
    }

    /// Computes the rest once `m` is set: odd, of `bits` bits. Lent: `2 * n` limbs.
    pub fn prepare(&mut self, n: usize, bits: usize, product: &mut [Limb]) {
        self.k = limbs::negated_inverse(&self.m);
        let rr = self.rr.get_mut(..n).unwrap_or_default();
        limbs::r_squared(rr, head(&self.m, n), self.k, bits, product);
    }

    pub fn wipe(&mut self) {
        self.m.zeroize();
        self.rr.zeroize();
        self.k.zeroize();
    }
}

/// work.value = x^e mod m, for x < m and odd e.
pub(super) fn public_op(x: &[Limb], e: u64, m: &Modulus<'_>, work: &mut FullWork<'_>) {
    let FullWork { value, base, product } = work;
    base.copy_from(x);
    limbs::mul(base, m.rr, m, product);
    value.copy_from(base);
    // Bits of e below the highest one; the last, a one, also leaves Montgomery form.
    for bit in (1..63u32.saturating_sub(e.leading_zeros())).rev() {
        limbs::sqr(value, m, product);
        if e >> bit & 1 == 1 {
            limbs::mul(value, base, m, product);
        }
    }
    limbs::sqr(value, m, product);
    limbs::mul(value, x, m, product);
}

/// The primes of a private key, borrowed.
#[derive(Clone, Copy)]
pub(super) struct Primes<'a> {
    pub p: Modulus<'a>,
    pub q: Modulus<'a>,
    /// d mod p − 1 and q − 1.
    pub dp: &'a [Limb],
    pub dq: &'a [Limb],
    /// 1/q mod p.
    pub q_inverse: &'a [Limb],
    /// Bits of each work.
    pub bits: usize,
}

/// parts.output = parts.input^d mod n, where d is `dp` modulo p − 1 and `dq` modulo q − 1.
pub(super) fn private_op(primes: &Primes<'_>, dp: &[Limb], dq: &[Limb], parts: &mut Parts<'_>) {
    let Primes { p, q, q_inverse, bits, .. } = primes;
    let Parts { input, output, work } = parts;
    let (low, high) = output.split_at_mut_checked(q.m.len()).unwrap_or_default();
    high.fill(0);

    power(work, input, dq, *bits, q);
    limbs::leave(work.sum, q, work.product);
    low.copy_from(work.sum);

    power(work, input, dp, *bits, p);
    // (xp − xq)/q mod p. As 1/q is not in Montgomery form, the product is not either.
    work.entry.copy_from(low);
    limbs::mul(work.entry, p.rr, p, work.product);
    limbs::subtract_mod(work.sum, work.entry, p.m);
    limbs::mul(work.sum, q_inverse, p, work.product);
    // xq + q·that
    limbs::add_product(output, work.sum, q.m);
}

/// work.sum = x^d mod m in Montgomery form, for x < n and d of up to `bits` bits.
fn power(work: &mut Work<'_>, x: &[Limb], d: &[Limb], bits: usize, m: &Modulus<'_>) {
    fill_table(work, x, m);
    let Work { sum, entry, product, table } = work;
    let windows = bits.div_ceil(WINDOW);
    select(sum, table, window(d, windows - 1));
    for place in (0..windows - 1).rev() {
        for _ in 0..WINDOW {
            limbs::sqr(sum, m, product);
        }
        select(entry, table, window(d, place));
        limbs::mul(sum, entry, m, product);
    }
}

/// Sets the table to 1, x, x², ... modulo m, in Montgomery form.
fn fill_table(work: &mut Work<'_>, x: &[Limb], m: &Modulus<'_>) {
    let Work { sum, entry, product, table } = work;
    let n = m.m.len();
    // x < n < m·R: one reduction brings it below m, and two products back the two factors R.
    product.copy_from(x);
    limbs::reduce(entry, product, m);
    limbs::mul(entry, m.rr, m, product);
    limbs::mul(entry, m.rr, m, product);

    sum.copy_from(m.rr);
    limbs::leave(sum, m, product);
    for power in table.chunks_exact_mut(n.max(1)) {
        power.copy_from(sum);
        limbs::mul(sum, entry, m, product);
    }
}

/// Window `place` of the exponent `d`, counted from the lowest.
fn window(d: &[Limb], place: usize) -> Limb {
    let (limb, shift) = (place * WINDOW / BITS, place * WINDOW % BITS);
    let low = d.get(limb).copied().unwrap_or(0);
    let high = d.get(limb + 1).copied().unwrap_or(0);
    let [bits, _] = limbs::split(limbs::join([low, high]) >> shift);
    bits & (ENTRIES as Limb - 1)
}

/// out = the table's entry `index`, reading all of them.
fn select(out: &mut [Limb], table: &[Limb], index: Limb) {
    let mut masks = [0; ENTRIES];
    for (place, mask) in masks.iter_mut().enumerate() {
        *mask = limbs::equal_mask(place as Limb, index);
    }
    let columns = out.len() / STEP;
    out.fill(0);
    let mut table = table.as_chunks::<STEP>().0;
    for pair in masks.as_chunks::<4>().0 {
        let (four, rest) = table.split_at_checked(4 * columns).unwrap_or_default();
        let (front, back) = four.split_at_checked(2 * columns).unwrap_or_default();
        let (a, b) = front.split_at_checked(columns).unwrap_or_default();
        let (c, d) = back.split_at_checked(columns).unwrap_or_default();
        let [ma, mb, mc, md] = *pair;
        for ((((out, a), b), c), d) in
            out.as_chunks_mut::<STEP>().0.iter_mut().zip(a).zip(b).zip(c).zip(d)
        {
            for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *out |= (a & ma) | (b & mb) | (c & mc) | (d & md);
            }
        }
        table = rest;
    }
}
