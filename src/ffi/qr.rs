//! Section: QR code. A claim link on a screen, on a receipt, in a terminal.

use core::ffi::{c_char, c_void};

use super::fault::{bytes, pointcard_fault, stateless};
use super::structs::{self, Versioned};
use super::utf8;
use crate::status::{Error, Result, Status};

/// Bytes of qr.scratch for any code; POINTCARD_QR_SCRATCH(version) for those up to a version. A
/// claim link of 250 characters is version 11 with level M: 934 bytes.
pub const POINTCARD_QR_SCRATCH_MAX: usize = 7836;
/// Longest text in bytes: version 40, level L.
pub const POINTCARD_QR_TEXT_MAX: usize = 2953;

/// level: about 7 % of the code may be dirty or torn.
pub const POINTCARD_QR_LOW: u32 = 1;
/// level: about 15 %; the default.
pub const POINTCARD_QR_MEDIUM: u32 = 2;
/// level: about 25 %.
pub const POINTCARD_QR_QUARTILE: u32 = 3;
/// level: about 30 %.
pub const POINTCARD_QR_HIGH: u32 = 4;

/// Flag: no quiet zone. Only where the surroundings are light and wide enough.
pub const POINTCARD_QR_NO_QUIET: u32 = 1;
/// Flag of pointcard_qr_draw: 1 is light (a display whose set pixels shine); else 1 is dark.
pub const POINTCARD_QR_LIGHT_IS_ONE: u32 = 2;
/// Flag of pointcard_qr_draw: the first pixel is in the lowest bit; else in the highest.
pub const POINTCARD_QR_LSB_FIRST: u32 = 4;
/// Flag of pointcard_qr_escpos: the printer's own encoder (GS ( k) instead of a picture (GS v 0).
/// Few bytes; it needs a printer that has one, and draws no quiet zone.
pub const POINTCARD_QR_NATIVE: u32 = 8;
/// Flag of pointcard_qr_text: dark modules are printed, without colours (dark on light ground).
pub const POINTCARD_QR_DARK_TEXT: u32 = 16;
/// Flag of pointcard_qr_text: light modules are printed, without colours (light on dark ground).
pub const POINTCARD_QR_LIGHT_TEXT: u32 = 32;

/// Takes output; 0 = taken, anything else ends the call with ERR_OUTPUT.
pub type pointcard_write_fn =
    Option<unsafe extern "C" fn(ctx: *mut c_void, bytes: *const u8, len: usize) -> i32>;

/// How a QR code is made, where it goes, and what it came to. The library keeps nothing of it: lend
/// the memory, call, use `out`. scratch and out must not overlap.
///
/// Source: ISO/IEC 18004 for versions, levels and the quiet zone; Epson's ESC/POS command reference
/// for GS v 0 and GS ( k.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_qr {
    /// Set by POINTCARD_QR_INIT.
    pub struct_size: u32,
    /// POINTCARD_QR_ flags, or 0.
    pub flags: u32,
    /// The least error correction, POINTCARD_QR_LOW to _HIGH; default: _MEDIUM. A code that has
    /// room for more of it gets more.
    pub level: u32,
    /// Pixels (printer: dots) per module, 1 to 16; default: the most at which max_side holds, or 4.
    pub scale: u32,
    /// Most pixels a side, quiet zone included; 0 = no limit. (384 dots are a 58 mm receipt.)
    pub max_side: u32,
    /// Quiet zone in modules, up to 16; default: 4, as readers want it.
    pub quiet: u32,
    /// Lowest version, 1 to 40, for codes of one size; default: 1.
    pub min_version: u32,
    /// Highest version, 1 to 40; default: 40.
    pub max_version: u32,
    /// pointcard_qr_escpos: rows of dots per command, up to 65535; 0 = all. A printer with little
    /// memory may want 24.
    pub band: u32,
    /// Zero.
    pub reserved: u32,
    /// Memory for the encoder; not for pointcard_qr_measure and POINTCARD_QR_NATIVE.
    pub scratch: *mut u8,
    /// Bytes there.
    pub scratch_cap: usize,
    /// Receives the rows, the printer's bytes or the text; with `write` it is the buffer they go
    /// through.
    pub out: *mut u8,
    /// Bytes there.
    pub out_cap: usize,
    /// pointcard_qr_draw: bytes from row to row; 0 = row_bytes. What lies between rows stays.
    pub stride: usize,
    /// pointcard_qr_escpos: takes the bytes, out_cap at a time; NULL = all of them go to `out`.
    pub write: pointcard_write_fn,
    /// First argument of `write`.
    pub ctx: *mut c_void,
    /// Told: the version, 1 to 40.
    pub version: u32,
    /// Told: modules a side, without quiet zone.
    pub modules: u32,
    /// Told: the error correction it got.
    pub level_used: u32,
    /// Told: the pixels per module it got.
    pub scale_used: u32,
    /// Told: pixels a side, with quiet zone.
    pub side: u32,
    /// Told: bytes of a row of pixels.
    pub row_bytes: u32,
    /// Told: bytes scratch needs.
    pub scratch_needed: usize,
    /// Told: bytes `out` needs for pointcard_qr_draw.
    pub bits_needed: usize,
    /// Told: bytes `out` needs for pointcard_qr_escpos without `write`: all that go to the printer.
    pub escpos_needed: usize,
    /// Told: bytes that are enough for pointcard_qr_text, NUL included.
    pub text_needed: usize,
    /// Told: bytes written to `out` (or `write`); a text's without its NUL.
    pub out_len: usize,
}

// Safety: repr(C), u32 first, integers, pointers and absent functions.
unsafe impl Versioned for pointcard_qr {
    const NAME: &'static str = "qr";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_qr, out_len) + size_of::<usize>();
}

/// Tells how large the code of a text becomes, before there is memory for it: fills the members of
/// `qr` that are told. (The other calls fill them, too, as soon as they are known, even when the
/// call then fails.)
///
/// @param text   the link, UTF-8 without control characters; need not end with a NUL
/// @param len    bytes there, at most POINTCARD_QR_TEXT_MAX
/// @param qr     begin with POINTCARD_QR_INIT
/// @param fault  receives what is wrong and, in `at`, the limit; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_ENCODING, ERR_TOO_LONG (text; `at`: bytes that
/// max_version takes), ERR_RANGE (level, scale, quiet, band, min_version, max_version; max_side: the
/// code is wider, `at`: what it needs), ERR_ARGUMENT (flags, reserved), ERR_UNSUPPORTED (built
/// without the feature qr).
// Safety: `text` has `len` readable bytes; structures as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_qr_measure(
    text: *const c_char,
    len: usize,
    qr: *mut pointcard_qr,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe { run(text, len, qr, fault, |_, _| Ok(())) }
}

/// Draws the code into `out`: a bit per pixel, 1 = dark, first pixel in the highest bit, quiet zone
/// included. A row takes row_bytes; what its last byte has beyond the code is light.
///
/// As pointcard_qr_measure; ERR_BUFFER_TOO_SMALL (scratch, out; `at`: the bytes needed), ERR_RANGE
/// (stride, shorter than a row; `at`: row_bytes). Then nothing was written to `out`.
// Safety: as pointcard_qr_measure; `scratch` and `out` have as many writable bytes as they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_qr_draw(
    text: *const c_char,
    len: usize,
    qr: *mut pointcard_qr,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe { run(text, len, qr, fault, |plan, qr| work::draw(plan, qr)) }
}

/// Makes the bytes that print the code on a receipt printer (ESC/POS): a picture, which any printer
/// with graphics prints, or with POINTCARD_QR_NATIVE the printer's own command. Nothing else: no
/// reset, no alignment, no paper feed.
///
/// As pointcard_qr_draw; with `write` any out_cap from 1 on will do, and ERR_OUTPUT (write; `at`: the
/// bytes it had taken) is its word. Without, ERR_BUFFER_TOO_SMALL leaves `out` with a part of them.
// Safety: as pointcard_qr_draw; `write` may be called with `ctx`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_qr_escpos(
    text: *const c_char,
    len: usize,
    qr: *mut pointcard_qr,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe { run(text, len, qr, fault, |plan, qr| work::escpos(plan, qr)) }
}

/// Makes the code as lines of UTF-8 in `out`, NUL-terminated: half blocks, two rows of modules in a
/// line, black on white by escape sequences, so that it is right on dark and on light terminals.
/// POINTCARD_QR_DARK_TEXT and _LIGHT_TEXT do without the sequences. `scale` does not matter.
///
/// As pointcard_qr_draw; ERR_BUFFER_TOO_SMALL leaves `out` empty.
// Safety: as pointcard_qr_draw.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_qr_text(
    text: *const c_char,
    len: usize,
    qr: *mut pointcard_qr,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe { run(text, len, qr, fault, |plan, qr| work::text(plan, qr)) }
}

/// Measures, tells, works.
// Safety: as pointcard_qr_draw.
unsafe fn run(
    text: *const c_char,
    len: usize,
    qr: *mut pointcard_qr,
    fault: *mut pointcard_fault,
    work: impl FnOnce(&work::Plan<'_>, &mut pointcard_qr) -> Result<()>,
) -> Status {
    // Safety: promised.
    unsafe {
        stateless(fault, || {
            structs::check_out(qr)?;
            let mut given = structs::read(qr)?;
            let text = utf8(bytes(text.cast(), len, "text")?, "text")?;
            let plan = work::plan(text, &mut given)?;
            let done = work(&plan, &mut given);
            structs::write(qr, &given);
            Ok(done?)
        })
    }
}

#[cfg(feature = "qr")]
mod work;

/// Without the feature there is nothing to make.
#[cfg(not(feature = "qr"))]
mod work {
    use super::*;

    pub(super) struct Plan<'a>(core::marker::PhantomData<&'a str>);

    pub(super) fn plan<'a>(_: &'a str, _: &mut pointcard_qr) -> Result<Plan<'a>> {
        Err(Error::new(Status::Unsupported, "qr"))
    }

    pub(super) unsafe fn draw(_: &Plan<'_>, _: &mut pointcard_qr) -> Result<()> {
        Err(Error::new(Status::Unsupported, "qr"))
    }

    pub(super) use draw as escpos;
    pub(super) use draw as text;
}
