//! A QR code for receipt printers: the bytes of ESC/POS, as many at a time as there is room for.
//!
//! In: a [`Code`] (raster) or a text (the printer's own encoder). Out: an iterator of bytes; [`pour`]
//! carries it through a buffer of any size to a printer.
//!
//! ```text
//! raster  1D 76 30 00 xL xH yL yH rows...            GS v 0, once or in bands
//! native  1D 28 6B ... model, size, level, store, print    GS ( k, functions 165 to 181
//! ```
//!
//! Nothing else is sent: no reset, which would wipe the shop's settings, no alignment (`ESC a`), no
//! paper feed. Source: Epson's ESC/POS command reference, GS v 0 and GS ( k <cn = 49>.

use core::num::NonZeroU16;

use super::bitmap::{self, Frame, SCALE_MAX};
use super::qr::{Code, Level, Options, measure};
use crate::status::{Error, Result, Status};

/// Bytes in front of each band's rows.
const HEAD: usize = 8;

/// The code as a picture, which every printer with graphics prints.
///
/// `band` is how many rows of dots one command carries; 0 = all. A printer with little memory may
/// want 24 or so. `Range` about the frame.
pub fn raster<'c>(
    code: &'c Code<'c>,
    frame: Frame,
    band: u16,
) -> Result<impl Iterator<Item = u8> + use<'c>> {
    frame.check()?;
    let (side, width) = (frame.side(code.size().modules), frame.row_bytes(code.size().modules));
    let band = whole(side, band);
    let rows = bitmap::rows(code, frame).enumerate();
    Ok(rows.flat_map(move |(at, row)| {
        let left = side.saturating_sub(at).min(usize::from(band.get()));
        let begins = at as u32 % core::num::NonZeroU32::from(band) == 0;
        begins.then(|| head(width, left)).into_iter().flatten().chain(row)
    }))
}

/// Bytes [`raster`] gives.
pub fn raster_len(frame: Frame, modules: usize, band: u16) -> usize {
    let (side, width) = (frame.side(modules), frame.row_bytes(modules));
    let band = whole(side, band);
    let last = usize::from(band.get()) - 1;
    let bands = (side + last) as u32 / core::num::NonZeroU32::from(band);
    side * width + HEAD * bands as usize
}

/// Rows per command. (A code's side is at most 3344.)
fn whole(side: usize, band: u16) -> NonZeroU16 {
    NonZeroU16::new(band).or(NonZeroU16::new(side as u16)).unwrap_or(NonZeroU16::MIN)
}

fn head(width: usize, rows: usize) -> [u8; HEAD] {
    let ([xl, xh], [yl, yh]) = ((width as u16).to_le_bytes(), (rows as u16).to_le_bytes());
    [0x1D, b'v', b'0', 0, xl, xh, yl, yh]
}

/// The text for the printer's own encoder: few bytes, if the printer has one. It draws no quiet
/// zone: print a blank line before and after.
///
/// `scale` is dots per module, 1 to 16. As [`measure`] about the text, and `Range` about `scale`.
/// (The printer chooses the version itself: `options.min_version` is not said to it.)
pub fn native<'t>(
    text: &'t str,
    options: &Options,
    scale: u8,
) -> Result<impl Iterator<Item = u8> + use<'t>> {
    measure(text, options)?;
    Frame { scale, quiet: 0 }.check()?;
    let level = match options.level {
        Level::Low => 48,
        Level::Medium => 49,
        Level::Quartile => 50,
        Level::High => 51,
    };
    let [low, high] = (text.len() as u16 + 3).to_le_bytes();
    let model = [0x1D, b'(', b'k', 4, 0, 49, 65, 50, 0];
    let size = [0x1D, b'(', b'k', 3, 0, 49, 67, scale];
    let level = [0x1D, b'(', b'k', 3, 0, 49, 69, level];
    let store = [0x1D, b'(', b'k', low, high, 49, 80, 48];
    let print = [0x1D, b'(', b'k', 3, 0, 49, 81, 48];
    let front = model.into_iter().chain(size).chain(level).chain(store);
    Ok(front.chain(text.bytes()).chain(print))
}

/// Bytes [`native`] gives for a text of `len` bytes.
pub const fn native_len(len: usize) -> usize {
    len + 9 + 4 * 8
}

const _: () = assert!(SCALE_MAX == 16, "what GS ( k function 167 takes");

/// Carries `bytes` to `write`, as many at a time as `chunk` holds; the last time fewer.
///
/// `BufferTooSmall` about `out` when `chunk` is empty; what `write` fails with ends it.
pub fn pour(
    bytes: impl IntoIterator<Item = u8>,
    chunk: &mut [u8],
    mut write: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    if chunk.is_empty() {
        return Err(Error::new(Status::BufferTooSmall, "out").at(1));
    }
    let mut bytes = bytes.into_iter();
    loop {
        let mut len = 0;
        for (to, from) in chunk.iter_mut().zip(&mut bytes) {
            *to = from;
            len += 1;
        }
        match chunk.get(..len) {
            Some([]) | None => return Ok(()),
            Some(full) => write(full)?,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::claim::qr::{SCRATCH_MAX, modules};

    #[test]
    fn native_is_the_manual_s_byte_by_byte() {
        let options = Options { level: Level::Quartile, ..Options::default() };
        let bytes: Vec<u8> = native("AB", &options, 5).unwrap().collect();
        let wanted = b"\x1D(k\x04\x001A2\0\x1D(k\x03\x001C\x05\x1D(k\x03\x001E2\x1D(k\x05\x001P0AB\x1D(k\x03\x001Q0";
        assert_eq!(bytes, wanted);
        assert_eq!(bytes.len(), native_len(2));
        let longest = "x".repeat(2331);
        let bytes: Vec<u8> = native(&longest, &Options::default(), 16).unwrap().collect();
        assert_eq!(bytes[25..33], *b"\x1D(k\x1E\x091P0");
        assert_eq!(native("x", &options, 0).map(drop).unwrap_err().what, "scale");
        assert_eq!(native("", &options, 3).map(drop).unwrap_err().what, "text");
    }

    #[test]
    fn lengths_are_told_before() {
        let mut scratch = [0; SCRATCH_MAX];
        for version in [1, 7, 40] {
            let options =
                Options { min_version: version, max_version: version, ..Options::default() };
            let code = Code::encode("x", &options, &mut scratch).unwrap();
            for (scale, band) in [(1, 0), (3, 24), (16, 1), (16, u16::MAX), (2, 7)] {
                let frame = Frame { scale, ..Frame::default() };
                let count = raster(&code, frame, band).unwrap().count();
                assert_eq!(count, raster_len(frame, modules(version), band), "{version} {band}");
            }
        }
    }

    #[test]
    fn pouring_keeps_order_at_every_chunk_size() {
        let bytes: Vec<u8> = (0..=255).collect();
        for size in 1..300 {
            let (mut chunk, mut got) = (vec![0; size], vec![]);
            pour(bytes.iter().copied(), &mut chunk, |part| {
                assert!(part.len() == size || got.len() + part.len() == 256);
                got.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
            assert_eq!(got, bytes);
        }
        let error = pour([1], &mut [], |_| Ok(())).unwrap_err();
        assert_eq!((error.status, error.at), (Status::BufferTooSmall, 1));
        let stop = Error::new(Status::Output, "write");
        let mut calls = 0;
        let stopped = pour([1, 2, 3], &mut [0], |_| {
            calls += 1;
            if calls == 2 { Err(stop) } else { Ok(()) }
        });
        assert_eq!((stopped, calls), (Err(stop), 2));
    }
}
