//! Where almost all time of a signature goes: two rows of a product over its columns in one pass.
//!
//! In: two limbs, a row of limbs, and the columns they are added to. Out: the columns, and a carry.
//! `limbs` makes products, squares and reductions of it. How one core multiplies is decided here
//! (build.rs sets `pointcard_umaal` and `pointcard_mul16`); every way gives the same limbs, which
//! tests/firmware/kernel compares on each core. No branch and no address depends on a value.

#[cfg(pointcard_mul16)]
use super::limbs::join;
use super::limbs::{Limb, STEP, Wide, split};

/// a·b.
#[cfg(not(pointcard_mul16))]
#[inline(always)]
pub(super) const fn product(a: Limb, b: Limb) -> Wide {
    a as Wide * b as Wide
}

/// a·b of four products of halves: Cortex-M0 multiplies 32 bits to 32, and the compiler's own
/// routine for 64 takes half as long again.
#[cfg(pointcard_mul16)]
#[inline(always)]
pub(super) const fn product(a: Limb, b: Limb) -> Wide {
    let ([a0, a1], [b0, b1]) = ([a & 0xFFFF, a >> 16], [b & 0xFFFF, b >> 16]);
    let low = a0 * b0;
    // Neither sum can overflow: (2^16 − 1)² + 2^16 − 1 < 2^32.
    let cross = a0 * b1 + (low >> 16);
    let middle = a1 * b0 + (cross & 0xFFFF);
    join([middle << 16 | low & 0xFFFF, a1 * b1 + (cross >> 16) + (middle >> 16)])
}

/// a·b + t + c, which always fits; the high limb goes to `c`.
#[inline(always)]
pub(super) fn mac(t: Limb, a: Limb, b: Limb, c: &mut Limb) -> Limb {
    let [low, high] = split(product(a, b) + t as Wide + *c as Wide);
    *c = high;
    low
}

/// Two columns, `y`'s limb before them in R9, their own last one left in R5.
#[cfg(pointcard_umaal)]
macro_rules! two {
    ($at:literal) => {
        concat!(
            "ldrd r4, r5, [{y}, #",
            $at,
            "]\n",
            "ldrd r2, r3, [{t}, #",
            $at,
            "]\n",
            "umaal r2, {c0}, r4, {x0}\n",
            "umaal r2, {c1}, r9, {x1}\n",
            "umaal r3, {c0}, r5, {x0}\n",
            "umaal r3, {c1}, r4, {x1}\n",
            "strd r2, r3, [{t}, #",
            $at,
            "]\n",
        )
    };
}

/// The same from R5 to R9.
#[cfg(pointcard_umaal)]
macro_rules! two_more {
    ($at:literal) => {
        concat!(
            "ldrd r8, r9, [{y}, #",
            $at,
            "]\n",
            "ldrd r2, r3, [{t}, #",
            $at,
            "]\n",
            "umaal r2, {c0}, r8, {x0}\n",
            "umaal r2, {c1}, r5, {x1}\n",
            "umaal r3, {c0}, r9, {x0}\n",
            "umaal r3, {c1}, r8, {x1}\n",
            "strd r2, r3, [{t}, #",
            $at,
            "]\n",
        )
    };
}

#[cfg(pointcard_umaal)]
macro_rules! umaal {
    ($t:ident, $y:ident, $x0:ident, $x1:ident, $c0:ident, $c1:ident, $before:ident, $($part:expr),+) => {
        // Safety: reads the limbs of `y`, reads and writes those of `t`, and nothing else: the
        // parts' offsets end where the arrays do. LDRD and STRD need pairs of registers, and 4-byte
        // alignment only. No branch, no flag.
        unsafe {
            core::arch::asm!(
                $($part),+,
                y = in(reg) $y.as_ptr(),
                t = in(reg) $t.as_mut_ptr(),
                x0 = in(reg) *$x0,
                x1 = in(reg) *$x1,
                c0 = inout(reg) *$c0,
                c1 = inout(reg) *$c1,
                inout("r9") *$before,
                out("r2") _, out("r3") _, out("r4") _, out("r5") _, out("r8") _,
                options(nostack, preserves_flags),
            );
        }
    };
}

/// Two rows of a product on their way over its columns: y·x, where x has two limbs.
pub(super) struct Rows {
    pub x: [Limb; 2],
    pub carry: [Limb; 2],
    /// y in the column before: the second row lags by one.
    pub before: Limb,
}

impl Rows {
    /// Adds the columns of `y`, an even number, to `t`, and what is then left, and `top`, to the
    /// two limbs after; returns the carry out of those (0 or 1).
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub fn add(self, t: &mut [Limb], y: &[Limb], top: Limb) -> Limb {
        let Some((t, [end0, end1, ..])) = t.split_at_mut_checked(y.len()) else { return 0 };
        let mut rows = self;
        #[cfg(pointcard_umaal)]
        let (t, y) = rows.by_eight(t, y);
        let ((t4, t_rest), (y4, y_rest)) = (t.as_chunks_mut::<STEP>(), y.as_chunks::<STEP>());
        for (t, y) in t4.iter_mut().zip(y4) {
            rows.four_columns(t, y);
        }
        if let ([t0, t1], &[y0, y1]) = (t_rest, y_rest) {
            rows.column(t0, y0);
            rows.column(t1, y1);
        }
        let Rows { x: [_, x1], carry: [c0, mut c1], before } = rows;
        let low = mac(*end0, before, x1, &mut c1);
        let [low, carry] = split(low as Wide + c0 as Wide + top as Wide);
        let [high, out] = split(*end1 as Wide + c1 as Wide + carry as Wide);
        (*end0, *end1) = (low, high);
        out
    }

    #[inline(always)]
    fn column(&mut self, t: &mut Limb, y: Limb) {
        let Rows { x: [x0, x1], carry: [c0, c1], before } = self;
        *t = mac(mac(*t, y, *x0, c0), *before, *x1, c1);
        *before = y;
    }

    #[cfg(not(pointcard_umaal))]
    #[inline(always)]
    fn four_columns(
        &mut self,
        [t0, t1, t2, t3]: &mut [Limb; STEP],
        &[y0, y1, y2, y3]: &[Limb; STEP],
    ) {
        self.column(t0, y0);
        self.column(t1, y1);
        self.column(t2, y2);
        self.column(t3, y3);
    }

    /// The same by hand: the compiler knows UMAAL (a·b + c + d), but not to load and store limbs
    /// in pairs nor to leave the carries where they are, and takes twice as many instructions.
    #[cfg(pointcard_umaal)]
    #[inline(always)]
    fn four_columns(&mut self, t: &mut [Limb; STEP], y: &[Limb; STEP]) {
        let Rows { x: [x0, x1], carry: [c0, c1], before } = self;
        umaal!(t, y, x0, x1, c0, c1, before, two!(0), two_more!(8));
    }

    /// Twice as many at once, as long as there are so many: half of the loop around them. Returns
    /// the columns left.
    #[cfg(pointcard_umaal)]
    #[inline(always)]
    fn by_eight<'t, 'y>(
        &mut self,
        t: &'t mut [Limb],
        y: &'y [Limb],
    ) -> (&'t mut [Limb], &'y [Limb]) {
        let (t8, t) = t.as_chunks_mut::<{ 2 * STEP }>();
        let (y8, y) = y.as_chunks::<{ 2 * STEP }>();
        for (t, y) in t8.iter_mut().zip(y8) {
            let Rows { x: [x0, x1], carry: [c0, c1], before } = self;
            umaal!(t, y, x0, x1, c0, c1, before, two!(0), two_more!(8), two!(16), two_more!(24));
        }
        (t, y)
    }
}
