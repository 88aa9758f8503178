//! A text as a QR code: how large it becomes, then its modules.
//!
//! In: a text, as a rule a claim link, and memory for the encoder. Out: [`Size`] before anything is
//! drawn, and a [`Code`] that tells of each module whether it is dark. `bitmap`, `escpos` and
//! `terminal` make pictures of it.
//!
//! The text is encoded as bytes (UTF-8), whatever it holds: a link has lower-case letters, so that
//! the denser modes for digits and capitals never apply. Versions, capacities and levels are those
//! of ISO/IEC 18004, QR Code Model 2.

use qrcodegen_no_heap::{QrCode, QrCodeEcc, QrSegment, Version};

use crate::status::{Error, Result, Status};
use crate::text;

/// Highest version: 177 modules a side.
pub const VERSION_MAX: u8 = 40;
/// Longest text in bytes: version 40, level [`Level::Low`].
pub const TEXT_MAX: usize = 2953;
/// Memory the encoder needs for any code, in bytes.
pub const SCRATCH_MAX: usize = scratch_len(VERSION_MAX);

/// How much of a code may be dirty or torn and still be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// About 7 %.
    Low,
    /// About 15 %.
    #[default]
    Medium,
    /// About 25 %.
    Quartile,
    /// About 30 %.
    High,
}

impl Level {
    /// Bytes of data a code holds, by version from 1 on (ISO/IEC 18004, table 7).
    fn codewords(self) -> &'static [u16; 40] {
        match self {
            Level::Low => &LOW,
            Level::Medium => &MEDIUM,
            Level::Quartile => &QUARTILE,
            Level::High => &HIGH,
        }
    }

    fn encoder(self) -> QrCodeEcc {
        match self {
            Level::Low => QrCodeEcc::Low,
            Level::Medium => QrCodeEcc::Medium,
            Level::Quartile => QrCodeEcc::Quartile,
            Level::High => QrCodeEcc::High,
        }
    }
}

#[rustfmt::skip]
const LOW: [u16; 40] = [
    19, 34, 55, 80, 108, 136, 156, 194, 232, 274, 324, 370, 428, 461, 523, 589, 647, 721, 795, 861,
    932, 1006, 1094, 1174, 1276, 1370, 1468, 1531, 1631, 1735, 1843, 1955, 2071, 2191, 2306, 2434,
    2566, 2702, 2812, 2956,
];
#[rustfmt::skip]
const MEDIUM: [u16; 40] = [
    16, 28, 44, 64, 86, 108, 124, 154, 182, 216, 254, 290, 334, 365, 415, 453, 507, 563, 627, 669,
    714, 782, 860, 914, 1000, 1062, 1128, 1193, 1267, 1373, 1455, 1541, 1631, 1725, 1812, 1914,
    1992, 2102, 2216, 2334,
];
#[rustfmt::skip]
const QUARTILE: [u16; 40] = [
    13, 22, 34, 48, 62, 76, 88, 110, 132, 154, 180, 206, 244, 261, 295, 325, 367, 397, 445, 485,
    512, 568, 614, 664, 718, 754, 808, 871, 911, 985, 1033, 1115, 1171, 1231, 1286, 1354, 1426,
    1502, 1582, 1666,
];
#[rustfmt::skip]
const HIGH: [u16; 40] = [
    9, 16, 26, 36, 46, 60, 66, 86, 100, 122, 140, 158, 180, 197, 223, 253, 283, 313, 341, 385, 406,
    442, 464, 514, 538, 596, 628, 661, 701, 745, 793, 845, 901, 961, 986, 1054, 1096, 1142, 1222,
    1276,
];

/// Which codes are good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The least error correction; a code that has room for more of it gets more.
    pub level: Level,
    /// Lowest version, from 1: a screen may want all codes of one size.
    pub min_version: u8,
    /// Highest version, up to [`VERSION_MAX`].
    pub max_version: u8,
}

impl Default for Options {
    fn default() -> Self {
        Options { level: Level::Medium, min_version: 1, max_version: VERSION_MAX }
    }
}

/// What a code will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// 1 to 40.
    pub version: u8,
    /// The error correction it gets: at least what was asked for.
    pub level: Level,
    /// Modules a side, without the quiet zone around it.
    pub modules: usize,
    /// Memory [`Code::encode`] needs, in bytes.
    pub scratch: usize,
}

/// Modules a side of a version.
pub const fn modules(version: u8) -> usize {
    17 + 4 * version as usize
}

/// Memory the encoder needs for codes up to `version`, in bytes: two grids of a bit per module.
pub const fn scratch_len(version: u8) -> usize {
    let side = modules(version);
    2 * (1 + (side * side).div_ceil(8))
}

/// Finds the smallest code for `text`, without making it.
///
/// `Missing`, `Encoding` or `TooLong` about `text`: it is empty, holds a control character, or is
/// longer than the highest version allowed takes (`at`: how many bytes that is). `Range` about
/// `min_version` or `max_version`.
pub fn measure(text: &str, options: &Options) -> Result<Size> {
    text::required(text.as_bytes(), "text", TEXT_MAX)?;
    let Options { level, min_version: min, max_version: max } = *options;
    if max == 0 || max > VERSION_MAX {
        return Err(Error::new(Status::Range, "max_version").at(VERSION_MAX.into()));
    }
    if min == 0 || min > max {
        return Err(Error::new(Status::Range, "min_version").at(max.into()));
    }
    let fits = |version: &u8| text.len() <= capacity(*version, level);
    let version = (min..=max).find(fits);
    let version = version.ok_or(Error::new(Status::TooLong, "text").at(capacity(max, level)))?;
    let better = [Level::High, Level::Quartile, Level::Medium, level];
    let level = better.into_iter().find(|&level| text.len() <= capacity(version, level));
    let level = level.unwrap_or(options.level);
    Ok(Size { version, level, modules: modules(version), scratch: scratch_len(version) })
}

/// Bytes of text a code holds: its data less four bits for the mode and 8 or 16 for the length.
pub fn capacity(version: u8, level: Level) -> usize {
    let data = level.codewords().get(usize::from(version).wrapping_sub(1)).copied().unwrap_or(0);
    let head = if version < 10 { 2 } else { 3 };
    usize::from(data).saturating_sub(head)
}

/// A finished code.
pub struct Code<'s> {
    grid: QrCode<'s>,
    size: Size,
}

impl<'s> Code<'s> {
    /// Encodes `text` in `scratch`, which the code lives in from then on.
    ///
    /// As [`measure`]; `BufferTooSmall` about `scratch` (`at`: the bytes needed).
    pub fn encode(text: &str, options: &Options, scratch: &'s mut [u8]) -> Result<Code<'s>> {
        let size = measure(text, options)?;
        let small = Error::new(Status::BufferTooSmall, "scratch").at(size.scratch);
        let half = size.scratch / 2;
        let (grid, rest) = scratch.split_at_mut_checked(half).ok_or(small)?;
        let rest = rest.get_mut(..half).ok_or(small)?;
        let (version, level) = (Version::new(size.version), size.level.encoder());
        let segments = [QrSegment::make_bytes(text.as_bytes())];
        // The version is the one just found: the encoder has nothing left to choose.
        let (len, level, version) =
            QrCode::encode_segments_to_codewords(&segments, grid, level, version, version, false)
                .map_err(|_| Error::new(Status::Internal, "qr"))?;
        let grid = QrCode::encode_codewords(grid, len, rest, level, version, None);
        Ok(Code { grid, size })
    }

    /// Version, level and modules a side.
    pub fn size(&self) -> &Size {
        &self.size
    }

    /// Whether the module in column `x`, row `y` is dark; outside of the code none is.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let at = |place: usize| i32::try_from(place).unwrap_or(-1);
        self.grid.get_module(at(x), at(y))
    }
}

impl core::fmt::Debug for Code<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Code").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "qr_tests.rs"]
mod tests;
