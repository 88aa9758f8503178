//! A QR code as pixels: rows of one bit per pixel, with a quiet zone, at any scale.
//!
//! In: a [`Code`] and a [`Frame`]. Out: bytes, row by row, into a frame buffer or a file.
//!
//! ```text
//! pixels   11111110 0......      a row: first pixel in the highest bit, 1 = dark,
//!          <- row_bytes ->       what the last byte has beyond the code is light
//! ```

use super::qr::Code;
use crate::status::{Error, Result, Status};

/// Most pixels per module.
pub const SCALE_MAX: u8 = 16;
/// Widest quiet zone, in modules.
pub const QUIET_MAX: u8 = 16;
/// The quiet zone readers want, in modules (ISO/IEC 18004, 6.3.8).
pub const QUIET: u8 = 4;
/// Pixels per module unless told otherwise: half a millimetre on a printer of 8 dots per mm.
pub const SCALE: u8 = 4;

/// How a code lies among its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels per module, 1 to [`SCALE_MAX`].
    pub scale: u8,
    /// Light modules on each side, 0 to [`QUIET_MAX`]. Less than [`QUIET`] only where the
    /// surroundings are light anyway.
    pub quiet: u8,
}

impl Default for Frame {
    fn default() -> Self {
        Frame { scale: SCALE, quiet: QUIET }
    }
}

impl Frame {
    /// `Range` about `scale` or `quiet`, with the limit.
    pub fn check(&self) -> Result<()> {
        if self.scale == 0 || self.scale > SCALE_MAX {
            return Err(Error::new(Status::Range, "scale").at(SCALE_MAX.into()));
        }
        if self.quiet > QUIET_MAX {
            return Err(Error::new(Status::Range, "quiet").at(QUIET_MAX.into()));
        }
        Ok(())
    }

    /// This frame at the largest scale at which a code of `modules` is at most `pixels` wide.
    /// `Range` about `max_side` when it never is (`at`: the pixels of scale 1).
    pub fn fit(self, modules: usize, pixels: usize) -> Result<Frame> {
        let scaled = |scale| Frame { scale, ..self };
        let fits = |frame: &Frame| frame.side(modules) <= pixels;
        let least = scaled(1).side(modules);
        let largest = (1..=SCALE_MAX).rev().map(scaled).find(fits);
        largest.ok_or(Error::new(Status::Range, "max_side").at(least))
    }

    /// Modules a side with the quiet zone.
    pub fn cells(&self, modules: usize) -> usize {
        modules + 2 * usize::from(self.quiet)
    }

    /// Pixels a side.
    pub fn side(&self, modules: usize) -> usize {
        self.cells(modules) * usize::from(self.scale)
    }

    /// Bytes of a row.
    pub fn row_bytes(&self, modules: usize) -> usize {
        self.side(modules).div_ceil(8)
    }

    /// Room [`draw`] needs, in bytes, with `stride` bytes from row to row.
    pub fn room(&self, modules: usize, stride: usize) -> usize {
        let rows = self.side(modules).saturating_sub(1);
        stride.saturating_mul(rows).saturating_add(self.row_bytes(modules))
    }
}

/// How a screen wants its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    /// 1 is light: a display whose set pixels shine.
    pub light_is_one: bool,
    /// The first pixel is in the lowest bit.
    pub lsb_first: bool,
}

impl Bits {
    fn turn(self, byte: u8) -> u8 {
        let byte = if self.light_is_one { !byte } else { byte };
        if self.lsb_first { byte.reverse_bits() } else { byte }
    }
}

/// The rows of pixels, top to bottom.
pub fn rows<'c>(code: &'c Code<'c>, frame: Frame) -> impl Iterator<Item = Row<'c>> {
    let row = move |cell| core::iter::repeat_n(Row::new(code, frame, cell), frame.scale.into());
    (0..frame.cells(code.size().modules)).flat_map(row)
}

/// The bytes of a row.
#[derive(Clone, Debug)]
pub struct Row<'c> {
    code: &'c Code<'c>,
    frame: Frame,
    /// The row's cell, counted with the quiet zone.
    y: usize,
    /// The next pixel's cell, and how many of its pixels are to come.
    x: usize,
    left: u8,
}

impl<'c> Row<'c> {
    fn new(code: &'c Code<'c>, frame: Frame, y: usize) -> Self {
        Row { code, frame, y, x: 0, left: frame.scale }
    }

    /// Whether the next pixel is dark.
    fn pixel(&mut self) -> bool {
        if self.left == 0 {
            self.x += 1;
            self.left = self.frame.scale;
        }
        self.left -= 1;
        // Above and left of the code the numbers wrap to far outside of it.
        let place = |cell: usize| cell.wrapping_sub(self.frame.quiet.into());
        self.code.is_dark(place(self.x), place(self.y))
    }

    fn is_over(&self) -> bool {
        let last = self.frame.cells(self.code.size().modules).saturating_sub(1);
        self.x > last || self.x == last && self.left == 0
    }
}

impl Iterator for Row<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.is_over() {
            return None;
        }
        Some((0..8).fold(0, |byte, _| byte << 1 | u8::from(self.pixel())))
    }
}

/// Draws the code, its quiet zone with it, into `out`, with `stride` bytes from row to row. Of each
/// row [`Frame::row_bytes`] are written, what lies between them stays.
///
/// `Range` about the frame, or about `stride` when it is shorter than a row (`at`: a row's bytes);
/// `BufferTooSmall` about `out` (`at`: [`Frame::room`]); then nothing was written.
pub fn draw(
    code: &Code<'_>,
    frame: Frame,
    bits: Bits,
    stride: usize,
    out: &mut [u8],
) -> Result<()> {
    frame.check()?;
    let modules = code.size().modules;
    let row_bytes = frame.row_bytes(modules);
    if stride < row_bytes {
        return Err(Error::new(Status::Range, "stride").at(row_bytes));
    }
    let room = frame.room(modules, stride);
    let mut rest = out.get_mut(..room).ok_or(Error::new(Status::BufferTooSmall, "out").at(room))?;
    for row in rows(code, frame) {
        for (to, from) in rest.iter_mut().zip(row) {
            *to = bits.turn(from);
        }
        rest = rest.get_mut(stride..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::claim::qr::{Options, SCRATCH_MAX};

    /// Module by module, without any of the code above.
    fn expected(code: &Code<'_>, frame: Frame, x: usize, y: usize) -> bool {
        let place = |pixel: usize| pixel as i32 / i32::from(frame.scale) - i32::from(frame.quiet);
        let inside = |at: i32| at >= 0 && (at as usize) < code.size().modules;
        let (x, y) = (place(x), place(y));
        inside(x) && inside(y) && code.is_dark(x as usize, y as usize)
    }

    #[test]
    fn every_pixel_is_its_module_and_the_gaps_stay() {
        let mut scratch = [0; SCRATCH_MAX];
        let code = Code::encode("https://a/?itemId=1", &Options::default(), &mut scratch).unwrap();
        let frames =
            (1..=SCALE_MAX).flat_map(|scale| [0, 1, 4, 16].map(|quiet| Frame { scale, quiet }));
        for (frame, kind) in frames.zip((0..4).cycle()) {
            let bits = Bits { light_is_one: kind & 1 == 1, lsb_first: kind & 2 == 2 };
            let (side, row) =
                (frame.side(code.size().modules), frame.row_bytes(code.size().modules));
            let stride = row + 3;
            let mut out = vec![0x5A; frame.room(code.size().modules, stride)];
            draw(&code, frame, bits, stride, &mut out).unwrap();
            for y in 0..side {
                for x in 0..row * 8 {
                    let shift = if bits.lsb_first { x % 8 } else { 7 - x % 8 };
                    let set = out[y * stride + x / 8] >> shift & 1 == 1;
                    let dark = x < side && expected(&code, frame, x, y);
                    assert_eq!(set != bits.light_is_one, dark, "{frame:?} {x},{y}");
                }
                let gap = out.get(y * stride + row..(y + 1) * stride).unwrap_or(&[0x5A]);
                assert!(gap.iter().all(|byte| *byte == 0x5A));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named_and_nothing_is_written() {
        let mut scratch = [0; SCRATCH_MAX];
        let code = Code::encode("x", &Options::default(), &mut scratch).unwrap();
        let mut out = vec![7; 29 * 29];
        let mut fails = |frame, stride, room: usize| {
            let error = draw(&code, frame, Bits::default(), stride, &mut out[..room]).unwrap_err();
            assert!(out.iter().all(|byte| *byte == 7));
            (error.status, error.what, error.at)
        };
        let frame = Frame { scale: 1, quiet: 4 };
        assert_eq!(fails(frame, 3, 841), (Status::Range, "stride", 4));
        assert_eq!(fails(frame, 4, 115), (Status::BufferTooSmall, "out", 116));
        assert_eq!(fails(frame, 5, 143), (Status::BufferTooSmall, "out", 144));
        assert_eq!(fails(frame, usize::MAX, 841), (Status::BufferTooSmall, "out", u32::MAX));
        assert_eq!(fails(Frame { scale: 0, ..frame }, 9, 841), (Status::Range, "scale", 16));
        assert_eq!(fails(Frame { scale: 17, ..frame }, 9, 841), (Status::Range, "scale", 16));
        assert_eq!(fails(Frame { quiet: 17, ..frame }, 9, 841), (Status::Range, "quiet", 16));
    }

    #[test]
    fn the_scale_follows_the_width() {
        let frame = Frame::default();
        // Version 10 is 57 modules, 65 with the quiet zone; a printer has 384 dots.
        assert_eq!(frame.fit(57, 384).unwrap().scale, 5);
        assert_eq!(frame.fit(57, 65).unwrap().scale, 1);
        assert_eq!(frame.fit(57, 100_000).unwrap().scale, SCALE_MAX);
        let error = frame.fit(57, 64).unwrap_err();
        assert_eq!((error.status, error.what, error.at), (Status::Range, "max_side", 65));
    }
}
