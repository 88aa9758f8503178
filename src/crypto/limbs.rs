//! The arithmetic kernel: Montgomery multiplication, squaring and set-up on slices of limbs.
//!
//! In: odd moduli and values as little-endian limbs, a multiple of four of them, and a lent
//! product area twice as long. Out: values reduced in place. `rsa` is the only caller.
//!
//! No branch and no address depends on a value, only on lengths. Almost all time goes into
//! [`Rows::add`]: it adds two rows of a product in one pass, so that every limb of the sum is loaded
//! and stored once for two multiplications. Products, squares and reductions are all made of it.

use core::hint::black_box;

use super::rows::{Rows, mac, product};

#[cfg(target_pointer_width = "64")]
mod width {
    pub type Limb = u64;
    pub type Wide = u128;
}
#[cfg(not(target_pointer_width = "64"))]
mod width {
    pub type Limb = u32;
    pub type Wide = u64;
}
pub(super) use width::{Limb, Wide};

/// Bits of a limb.
pub(super) const BITS: usize = Limb::BITS as usize;
/// Limb counts are multiples of this: rows are taken in pairs, columns in fours.
pub(super) const STEP: usize = 4;

/// Runs `$body` with the length known to the compiler for usual keys (1024, 2048, 4096 bits): the
/// rows are then unrolled, which is worth a seventh of the time. Small machines keep the loop.
macro_rules! unrolled {
    ($n:ident in [$($known:literal)*], $body:expr) => {
        match $n {
            #[cfg(target_pointer_width = "64")]
            $($known => { let $n = $known; $body })*
            $n => $body,
        }
    };
}

/// A modulus ready for use: all three slices have the modulus' length.
#[derive(Clone, Copy)]
pub(super) struct Modulus<'a> {
    pub m: &'a [Limb],
    /// R² mod m, where R = 2^(limbs · BITS).
    pub rr: &'a [Limb],
    /// −1/m mod 2^BITS.
    pub k: Limb,
}

/// The two limbs of a wide number, low first.
pub(super) const fn split(wide: Wide) -> [Limb; 2] {
    [wide as Limb, (wide >> BITS) as Limb]
}

/// The wide number of two limbs, low first.
pub(super) const fn join([low, high]: [Limb; 2]) -> Wide {
    ((high as Wide) << BITS) | low as Wide
}

/// The first `n` limbs; all of them if there are fewer.
pub(super) fn head(x: &[Limb], n: usize) -> &[Limb] {
    x.get(..n).unwrap_or(x)
}

/// The same, to write to.
pub(super) fn head_mut(x: &mut [Limb], n: usize) -> &mut [Limb] {
    x.get_mut(..n).unwrap_or_default()
}

/// Splits `n` limbs off the front of `rest`; none if there are fewer.
pub(super) fn take<'a>(rest: &mut &'a mut [Limb], n: usize) -> &'a mut [Limb] {
    let (front, back) = core::mem::take(rest).split_at_mut_checked(n).unwrap_or_default();
    *rest = back;
    front
}

/// t += x·y, where `t` is as long as both together and the sum must fit.
pub(super) fn add_product(t: &mut [Limb], x: &[Limb], y: &[Limb]) {
    let n = y.len();
    unrolled!(n in [8 16 32], add_product_n(t, x, head(y, n)))
}

#[inline(always)]
fn add_product_n(t: &mut [Limb], x: &[Limb], y: &[Limb]) {
    let mut t = t;
    for &x in x.as_chunks::<2>().0 {
        Rows { x, carry: [0; 2], before: 0 }.add(t, y, 0);
        take(&mut t, 2);
    }
}

/// t = x².
fn square(t: &mut [Limb], x: &[Limb]) {
    t.fill(0);
    let (mut rest, mut t_rest) = (x, &mut *t);
    // Everything right of the diagonal, once ...
    while let (&[x0, x1, ref after @ ..], [_, t1, ..]) = (rest, &mut *t_rest) {
        let mut carry = 0;
        *t1 = mac(*t1, x0, x1, &mut carry);
        take(&mut t_rest, 2);
        let (n, rows) = (after.len(), Rows { x: [x0, x1], carry: [carry, 0], before: 0 });
        unrolled!(n in [0 2 4 6 8 10 12 14], rows.add(t_rest, head(after, n), 0));
        take(&mut t_rest, 2);
        rest = after;
    }
    // ... then twice that, and the diagonal.
    let (mut shifted_out, mut carry) = (0, 0);
    for (pair, &x) in t.as_chunks_mut::<2>().0.iter_mut().zip(x) {
        *pair = double_and_add(*pair, product(x, x), &mut shifted_out, &mut carry);
    }
}

/// 2·pair + square, and what the pair before left over: the bit shifted out and the carry.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn double_and_add(pair: [Limb; 2], square: Wide, bit: &mut Limb, carry: &mut Limb) -> [Limb; 2] {
    let twice = join(pair);
    let (sum, over1) = (twice << 1 | *bit as Wide).overflowing_add(square);
    let (sum, over2) = sum.overflowing_add(*carry as Wide);
    (*bit, *carry) = ((twice >> (2 * BITS - 1)) as Limb, (over1 | over2) as Limb);
    split(sum)
}

/// The same limb by limb: on Cortex-M0 the compiler makes branches of a wide sum's overflow.
#[cfg(not(target_pointer_width = "64"))]
#[inline(always)]
fn double_and_add(
    [low, high]: [Limb; 2],
    square: Wide,
    bit: &mut Limb,
    carry: &mut Limb,
) -> [Limb; 2] {
    let [square_low, square_high] = split(square);
    let [sum, over] = split((low << 1 | *bit) as Wide + square_low as Wide + *carry as Wide);
    let twice = high << 1 | low >> (BITS - 1);
    let [sum_high, over] = split(twice as Wide + square_high as Wide + over as Wide);
    (*bit, *carry) = (high >> (BITS - 1), over);
    [sum, sum_high]
}

/// a − b − borrow; the borrow out is 0 or 1.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn subtract_limb(a: Limb, b: Limb, borrow: &mut Limb) -> Limb {
    let (low, under1) = a.overflowing_sub(b);
    let (low, under2) = low.overflowing_sub(*borrow);
    *borrow = (under1 | under2) as Limb;
    low
}

/// The same without a comparison, of which the compiler makes a branch on Cortex-M0.
#[cfg(not(target_pointer_width = "64"))]
#[inline(always)]
fn subtract_limb(a: Limb, b: Limb, borrow: &mut Limb) -> Limb {
    let [low, high] = split((a as Wide).wrapping_sub(b as Wide).wrapping_sub(*borrow as Wide));
    *borrow = high & 1;
    low
}

/// out = t/R mod m, for t < m·R. Destroys `t`.
pub(super) fn reduce(out: &mut [Limb], t: &mut [Limb], m: &Modulus<'_>) {
    let (t, top) = fold(t, m);
    subtract_once(out, t, m.m, top);
}

/// Adds multiples of m to t until its lower half is zero; returns the upper half and its carry.
fn fold<'a>(t: &'a mut [Limb], m: &Modulus<'_>) -> (&'a mut [Limb], Limb) {
    let n = m.m.len();
    unrolled!(n in [8 16 32], fold_n(t, head(m.m, n), m.k))
}

#[inline(always)]
fn fold_n<'a>(t: &'a mut [Limb], m: &[Limb], k: Limb) -> (&'a mut [Limb], Limb) {
    let (mut t, mut top) = (t, 0);
    let &[m0, m1, ref m_rest @ ..] = m else { return (t, 0) };
    for _ in 0..m.len() / 2 {
        let [t0, t1, rest @ ..] = t else { return (t, 0) };
        // The multiples of m that clear the two lowest limbs, one after the other.
        let (mut c0, mut c1) = (0, 0);
        let x0 = t0.wrapping_mul(k);
        mac(*t0, m0, x0, &mut c0);
        let low = mac(*t1, m1, x0, &mut c0);
        let x1 = low.wrapping_mul(k);
        mac(low, m0, x1, &mut c1);
        top = Rows { x: [x0, x1], carry: [c0, c1], before: m1 }.add(rest, m_rest, top);
        t = rest;
    }
    (t, top)
}

/// out = (top:t) − m if that is not negative, else t. For (top:t) < 2m.
fn subtract_once(out: &mut [Limb], t: &[Limb], m: &[Limb], top: Limb) {
    let borrow = subtract(out, t, m);
    let keep = black_box((borrow & (top ^ 1)).wrapping_neg());
    for (out, &t) in out.iter_mut().zip(t) {
        *out ^= (*out ^ t) & keep;
    }
}

/// out = a − b; returns the borrow (0 or 1).
pub(super) fn subtract(out: &mut [Limb], a: &[Limb], b: &[Limb]) -> Limb {
    let mut borrow = 0;
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = subtract_limb(a, b, &mut borrow);
    }
    borrow
}

/// a = a − b mod m, for a, b < m.
pub(super) fn subtract_mod(a: &mut [Limb], b: &[Limb], m: &[Limb]) {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        *a = subtract_limb(*a, b, &mut borrow);
    }
    let mask = black_box(borrow.wrapping_neg());
    let mut carry = 0;
    for (a, &m) in a.iter_mut().zip(m) {
        let [low, high] = split(*a as Wide + (m & mask) as Wide + carry as Wide);
        (*a, carry) = (low, high);
    }
}

/// x = x·y/R mod m, for x·y < m·R.
pub(super) fn mul(x: &mut [Limb], y: &[Limb], m: &Modulus<'_>, t: &mut [Limb]) {
    t.fill(0);
    add_product(t, x, y);
    reduce(x, t, m);
}

/// x = x²/R mod m. The result may be m too large, like `x` itself: it is only below R. A product
/// with anything below m puts that right.
pub(super) fn sqr(x: &mut [Limb], m: &Modulus<'_>, t: &mut [Limb]) {
    square(t, x);
    let (t, top) = fold(t, m);
    let mask = black_box(top.wrapping_neg());
    let mut borrow = 0;
    for ((x, &t), &m) in x.iter_mut().zip(&*t).zip(m.m) {
        *x = subtract_limb(t, m & mask, &mut borrow);
    }
}

/// x = x/R mod m: out of Montgomery form.
pub(super) fn leave(x: &mut [Limb], m: &Modulus<'_>, t: &mut [Limb]) {
    let (low, high) = t.split_at_mut_checked(x.len()).unwrap_or_default();
    for (t, &x) in low.iter_mut().zip(&*x) {
        *t = x;
    }
    high.fill(0);
    reduce(x, t, m);
}

/// −1/m mod 2^BITS, for odd m.
pub(super) fn negated_inverse(m: &[Limb]) -> Limb {
    let m = m.first().copied().unwrap_or(1);
    let mut x = m; // Right in the lowest 3 bits; each step doubles them.
    for _ in 0..5 {
        x = x.wrapping_mul((2 as Limb).wrapping_sub(m.wrapping_mul(x)));
    }
    x.wrapping_neg()
}

/// rr = R² mod m, for m of exactly `bits` bits.
///
/// 2^bits − m is 2^bits mod m without a division; doubling leads to R·2^limbs, and squaring that
/// log2(BITS) times to R·2^(limbs · BITS), which is R².
pub(super) fn r_squared(rr: &mut [Limb], m: &[Limb], k: Limb, bits: usize, t: &mut [Limb]) {
    rr.fill(0);
    if let Some(high) = rr.get_mut(bits / BITS) {
        *high = 1 << (bits % BITS);
    }
    let n = m.len();
    let double = t.get_mut(..n).unwrap_or_default();
    double.copy_from(rr);
    subtract(rr, double, m);
    for _ in 0..n * BITS - bits + n {
        let mut carry = 0;
        for (t, &x) in double.iter_mut().zip(&*rr) {
            (*t, carry) = (x << 1 | carry, x >> (BITS - 1));
        }
        subtract_once(rr, double, m, carry);
    }
    for _ in 0..BITS.trailing_zeros() {
        square(t, rr);
        reduce(rr, t, &Modulus { m, rr: &[], k });
    }
}

/// All ones if a = b, else 0. The compiler may not see what the highest bit means: on Cortex-M0 it
/// would branch.
pub(super) fn equal_mask(a: Limb, b: Limb) -> Limb {
    let z = a ^ b;
    black_box((black_box(z | z.wrapping_neg()) >> (BITS - 1)).wrapping_sub(1))
}

/// Whether a = b, without stopping at the first difference.
pub(super) fn equal(a: &[Limb], b: &[Limb]) -> bool {
    let differ = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && black_box(differ) == 0
}

/// Whether a < b, for equally long numbers.
pub(super) fn less(a: &[Limb], b: &[Limb]) -> bool {
    let mut borrow = 0;
    for (&a, &b) in a.iter().zip(b) {
        subtract_limb(a, b, &mut borrow);
    }
    black_box(borrow) == 1
}

/// Whether x = 0.
pub(super) fn is_zero(x: &[Limb]) -> bool {
    black_box(x.iter().fold(0, |sum, x| sum | x)) == 0
}

/// Sets `x` from bytes, lowest first; bytes beyond its length are dropped.
pub(super) fn set_bytes(x: &mut [Limb], mut lowest_first: impl Iterator<Item = u8>) {
    for limb in x {
        let mut bytes = [0; BITS / 8];
        for (byte, value) in bytes.iter_mut().zip(&mut lowest_first) {
            *byte = value;
        }
        *limb = Limb::from_le_bytes(bytes);
    }
}

/// The bytes of `x`, lowest first.
pub(super) fn bytes(x: &[Limb]) -> impl Iterator<Item = u8> + '_ {
    x.iter().flat_map(|limb| limb.to_le_bytes())
}

/// `copy_from_slice` panics on unequal lengths; this copies what fits.
pub(super) trait CopyFrom {
    fn copy_from(&mut self, from: &[Limb]);
}

impl CopyFrom for [Limb] {
    fn copy_from(&mut self, from: &[Limb]) {
        for (to, &from) in self.iter_mut().zip(from) {
            *to = from;
        }
    }
}
