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

/// Memory the caller lends.
// Safety: `at` is null or has `cap` writable bytes that nobody else uses through `'a`.
#[cfg(feature = "qr")]
unsafe fn lent<'a>(at: *mut u8, cap: usize, what: &'static str) -> Result<&'a mut [u8]> {
    match (at.is_null(), cap) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(Error::new(Status::Null, what)),
        // Safety: not null, the length is the caller's word.
        _ => Ok(unsafe { core::slice::from_raw_parts_mut(at, cap) }),
    }
}

#[cfg(feature = "qr")]
mod work {
    use core::ffi::c_void;

    use super::*;
    use crate::claim::bitmap::{self, Bits, Frame, QUIET};
    use crate::claim::escpos;
    use crate::claim::qr::{self, Code, Level, Options, SCRATCH_MAX, Size, TEXT_MAX, VERSION_MAX};
    use crate::claim::terminal::{self, Paint};
    use crate::ffi::fault::TextOut;
    use crate::text::Writer;

    const _: () = assert!(POINTCARD_QR_SCRATCH_MAX == SCRATCH_MAX);
    const _: () = assert!(POINTCARD_QR_TEXT_MAX == TEXT_MAX);

    /// What is to be made.
    pub(super) struct Plan<'a> {
        text: &'a str,
        options: Options,
        size: Size,
        frame: Frame,
        bits: Bits,
        paint: Paint,
        band: u16,
        native: bool,
    }

    /// Checks everything that needs no memory, and tells the sizes.
    pub(super) fn plan<'a>(text: &'a str, given: &mut pointcard_qr) -> Result<Plan<'a>> {
        if given.flags >= 2 * POINTCARD_QR_LIGHT_TEXT {
            return Err(Error::new(Status::Argument, "flags"));
        }
        if given.reserved != 0 {
            return Err(Error::new(Status::Argument, "reserved"));
        }
        let range = |what, most: u16| Error::new(Status::Range, what).at(most.into());
        let options = options(given)?;
        let size = qr::measure(text, &options)?;
        let band = u16::try_from(given.band).map_err(|_| range("band", u16::MAX))?;
        let flag = |flag| given.flags & flag != 0;
        let plan = Plan {
            text,
            options,
            size,
            frame: frame(given, size.modules)?,
            bits: Bits {
                light_is_one: flag(POINTCARD_QR_LIGHT_IS_ONE),
                lsb_first: flag(POINTCARD_QR_LSB_FIRST),
            },
            paint: match (flag(POINTCARD_QR_DARK_TEXT), flag(POINTCARD_QR_LIGHT_TEXT)) {
                (false, false) => Paint::Colour,
                (true, false) => Paint::DarkText,
                (false, true) => Paint::LightText,
                (true, true) => return Err(Error::new(Status::Argument, "flags")),
            },
            band,
            native: flag(POINTCARD_QR_NATIVE),
        };
        plan.tell(given);
        Ok(plan)
    }

    fn options(given: &pointcard_qr) -> Result<Options> {
        let level = match given.level {
            POINTCARD_QR_LOW => Level::Low,
            0 | POINTCARD_QR_MEDIUM => Level::Medium,
            POINTCARD_QR_QUARTILE => Level::Quartile,
            POINTCARD_QR_HIGH => Level::High,
            _ => return Err(Error::new(Status::Range, "level").at(POINTCARD_QR_HIGH as usize)),
        };
        let version = |given: u32, default| match given {
            0 => default,
            given => u8::try_from(given).unwrap_or(u8::MAX),
        };
        let max_version = version(given.max_version, VERSION_MAX);
        Ok(Options { level, min_version: version(given.min_version, 1), max_version })
    }

    fn frame(given: &pointcard_qr, modules: usize) -> Result<Frame> {
        let number = |given: u32| u8::try_from(given).unwrap_or(u8::MAX);
        let quiet = match (given.flags & POINTCARD_QR_NO_QUIET != 0, given.quiet) {
            (true, 0) => 0,
            (true, _) => return Err(Error::new(Status::Argument, "quiet")),
            (false, 0) => QUIET,
            (false, quiet) => number(quiet),
        };
        let asked = Frame { scale: bitmap::SCALE, quiet };
        let asked = match given.scale {
            0 => asked,
            scale => Frame { scale: number(scale), quiet },
        };
        asked.check()?;
        if given.max_side == 0 {
            return Ok(asked);
        }
        let fitting = asked.fit(modules, given.max_side as usize)?;
        if given.scale == 0 {
            return Ok(fitting);
        }
        let wide = Error::new(Status::Range, "max_side").at(asked.side(modules));
        if asked.scale <= fitting.scale { Ok(asked) } else { Err(wide) }
    }

    impl Plan<'_> {
        fn stride(&self, given: &pointcard_qr) -> usize {
            match given.stride {
                0 => self.frame.row_bytes(self.size.modules),
                stride => stride,
            }
        }

        fn tell(&self, given: &mut pointcard_qr) {
            let (modules, frame) = (self.size.modules, self.frame);
            given.version = self.size.version.into();
            given.modules = modules as u32;
            given.level_used = match self.size.level {
                Level::Low => POINTCARD_QR_LOW,
                Level::Medium => POINTCARD_QR_MEDIUM,
                Level::Quartile => POINTCARD_QR_QUARTILE,
                Level::High => POINTCARD_QR_HIGH,
            };
            given.scale_used = frame.scale.into();
            given.side = frame.side(modules) as u32;
            given.row_bytes = frame.row_bytes(modules) as u32;
            given.scratch_needed = self.size.scratch;
            given.bits_needed = frame.room(modules, self.stride(given));
            given.escpos_needed = match self.native {
                true => escpos::native_len(self.text.len()),
                false => escpos::raster_len(frame, modules, self.band),
            };
            given.text_needed = terminal::room(modules, frame.quiet, self.paint) + 1;
            given.out_len = 0;
        }

        // Safety: the scratch is null or as large as it says, and nobody else's.
        unsafe fn encode<'s>(&self, given: &pointcard_qr) -> Result<Code<'s>> {
            // Safety: promised.
            let scratch = unsafe { lent(given.scratch, given.scratch_cap, "scratch")? };
            Code::encode(self.text, &self.options, scratch)
        }
    }

    // Safety of these three: the members of `given` are what the header describes.
    pub(super) unsafe fn draw(plan: &Plan<'_>, given: &mut pointcard_qr) -> Result<()> {
        // Safety: promised; the header says that they must not overlap.
        let (code, out) = unsafe { (plan.encode(given)?, lent(given.out, given.out_cap, "out")?) };
        bitmap::draw(&code, plan.frame, plan.bits, plan.stride(given), out)?;
        given.out_len = given.bits_needed;
        Ok(())
    }

    pub(super) unsafe fn escpos(plan: &Plan<'_>, given: &mut pointcard_qr) -> Result<()> {
        // Safety: promised.
        let out = unsafe { lent(given.out, given.out_cap, "out")? };
        if plan.native {
            let bytes = escpos::native(plan.text, &plan.options, plan.frame.scale)?;
            return hand_out(bytes, given, out);
        }
        // Safety: promised.
        let code = unsafe { plan.encode(given)? };
        let bytes = escpos::raster(&code, plan.frame, plan.band)?;
        hand_out(bytes, given, out)
    }

    /// To `write`, or all into `out`.
    fn hand_out(
        bytes: impl Iterator<Item = u8>,
        given: &mut pointcard_qr,
        out: &mut [u8],
    ) -> Result<()> {
        let Some(write) = given.write else {
            let mut writer = Writer::new(out);
            bytes.for_each(|byte| writer.byte(byte));
            let done = writer.finish().map_err(|error| Error { what: "out", ..error })?;
            given.out_len = done.len();
            return Ok(());
        };
        let (ctx, taken): (*mut c_void, &mut usize) = (given.ctx, &mut given.out_len);
        escpos::pour(bytes, out, |part| {
            // Safety: the caller's function, with the caller's ctx.
            match unsafe { write(ctx, part.as_ptr(), part.len()) } {
                0 => *taken += part.len(),
                _ => return Err(Error::new(Status::Output, "write").at(*taken)),
            }
            Ok(())
        })
    }

    pub(super) unsafe fn text(plan: &Plan<'_>, given: &mut pointcard_qr) -> Result<()> {
        // Safety: promised.
        let code = unsafe { plan.encode(given)? };
        let out =
            TextOut { out: given.out.cast(), cap: given.out_cap, len: &raw mut given.out_len };
        // Safety: promised.
        unsafe { out.fill(|out| terminal::write(&code, plan.frame.quiet, plan.paint, out)) }
    }
}

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
