//! What the QR calls do: C's numbers become options, C's memory slices, the rest is `claim`'s.
//!
//! In: a text and a `pointcard_qr`. Out: the members that are told, and bytes in `out` or `write`.

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
    let out = TextOut { out: given.out.cast(), cap: given.out_cap, len: &raw mut given.out_len };
    // Safety: promised.
    unsafe { out.fill(|out| terminal::write(&code, plan.frame.quiet, plan.paint, out)) }
}

/// Memory the caller lends.
// Safety: `at` is null or has `cap` writable bytes that nobody else uses through `'a`.
unsafe fn lent<'a>(at: *mut u8, cap: usize, what: &'static str) -> Result<&'a mut [u8]> {
    match (at.is_null(), cap) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(Error::new(Status::Null, what)),
        // Safety: not null, the length is the caller's word.
        _ => Ok(unsafe { core::slice::from_raw_parts_mut(at, cap) }),
    }
}
